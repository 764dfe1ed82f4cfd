//! Figures of the operational reports: each one statement over sets, with days of a time zone.

mod fulfilment;
mod runs;

pub use fulfilment::{CycleTime, FillRate, UnshippedOrder};
pub use runs::{DueReport, FiledReport, NewReportMail, NewReportRun, ReportFile, ReportMail, ReportRun};

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Direction, Error, Store};

/// What a report is about: a span of time, and whom it is narrowed to.
#[derive(Clone, Debug)]
pub struct ReportScope {
    /// From this instant on.
    pub from: DateTime<Utc>,
    /// Up to this instant, which is not within.
    pub until: DateTime<Utc>,
    /// The present instant.
    pub now: DateTime<Utc>,
    /// IANA name of the zone of days.
    pub time_zone: String,
    /// Only this partner.
    pub partner_id: Option<String>,
    /// Only this agreement.
    pub agreement: Option<String>,
}

/// What is wrong with an acknowledgment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum AcknowledgmentTrouble {
    /// It has not come, and its time is over.
    Overdue,
    /// It says no.
    Rejected,
    /// It came after its time.
    Late,
}

/// A document that was not acknowledged as it should be.
#[derive(Clone, Debug)]
pub struct TroubledAcknowledgment {
    /// What is wrong.
    pub trouble: AcknowledgmentTrouble,
    /// Whose acknowledgment it is.
    pub partner_id: String,
    /// The agreement of what was sent.
    pub agreement: Option<String>,
    /// TA1, 997, 999.
    pub level: String,
    /// GS01 of what was sent.
    pub functional_id: String,
    /// GS06 of what was sent.
    pub group_control: i64,
    /// ISA13 of what was sent.
    pub interchange_control: i64,
    /// ST01 of what was sent.
    pub set_id: Option<String>,
    /// ST02 of what was sent.
    pub set_control: Option<String>,
    /// Its number in business.
    pub number: Option<String>,
    /// The file that was sent.
    pub file_id: Uuid,
    /// Its name.
    pub file_name: String,
    /// When it was delivered, or composed if it was not.
    pub sent_at: DateTime<Utc>,
    /// When the answer was due.
    pub due_at: DateTime<Utc>,
    /// When it came.
    pub settled_at: Option<DateTime<Utc>>,
    /// What it said.
    pub state: String,
    /// Who looks after the open exception.
    pub owner: Option<String>,
}

/// How a partner acknowledged what was sent to it.
#[derive(Clone, Debug)]
pub struct AcknowledgedByPartner {
    /// The partner.
    pub partner_id: String,
    /// Acknowledgments expected of what was sent in the span.
    pub expected: i64,
    /// Of these, those that said yes, with or without remarks.
    pub accepted: i64,
    /// Those that said no, to a part or to all.
    pub rejected: i64,
    /// Those that came after their time.
    pub late: i64,
    /// Those that have not come, and whose time is over.
    pub overdue: i64,
    /// Those that still have time.
    pub awaited: i64,
}

/// What came and went on a day.
#[derive(Clone, Debug)]
pub struct DayOfPartner {
    /// The day.
    pub day: NaiveDate,
    /// The partner, or the channel of what is nobody's.
    pub partner: String,
    /// Files received.
    pub files_in: i64,
    /// Files delivered.
    pub files_out: i64,
    /// Documents received.
    pub documents_in: i64,
    /// Documents composed.
    pub documents_out: i64,
    /// Documents received that were refused.
    pub rejected: i64,
    /// Files received that are kept aside now.
    pub quarantined: i64,
    /// Files received that had been received before.
    pub duplicates: i64,
    /// Exceptions found.
    pub exceptions_opened: i64,
    /// Exceptions settled.
    pub exceptions_settled: i64,
}

/// Documents of a kind.
#[derive(Clone, Debug)]
pub struct KindOfPartner {
    /// The partner, or none.
    pub partner_id: Option<String>,
    /// Whether they came or went.
    pub direction: Direction,
    /// The kind.
    pub kind: String,
    /// How many.
    pub documents: i64,
    /// Of these, those accepted with errors.
    pub with_errors: i64,
    /// Of these, those refused.
    pub rejected: i64,
}

/// A partner's figures.
#[derive(Clone, Debug)]
pub struct Score {
    /// The partner.
    pub partner_id: String,
    /// Files received.
    pub files: i64,
    /// Of these, those kept aside, refused or repeated.
    pub files_set_aside: i64,
    /// Documents received.
    pub documents: i64,
    /// Of these, those accepted with errors or refused.
    pub documents_with_errors: i64,
    /// Seconds from receiving a file to its outcome: half took no longer.
    pub processing_median: Option<Decimal>,
    /// Nine of ten took no longer.
    pub processing_p90: Option<Decimal>,
    /// Acknowledgments expected whose time is over or which came.
    pub expected: i64,
    /// Of these, those that came in time.
    pub in_time: i64,
    /// Of these, those that came at all.
    pub came: i64,
    /// Seconds from sending to the acknowledgment: half took no longer.
    pub answer_median: Option<Decimal>,
    /// Nine of ten took no longer.
    pub answer_p90: Option<Decimal>,
    /// Exceptions found.
    pub exceptions: i64,
    /// Of these, those not settled.
    pub exceptions_open: i64,
}

impl Store {
    /// What is overdue now of what was sent before the end of the span, and what came within it late or as a no.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_troubled_acknowledgments(
        &self,
        scope: &ReportScope,
    ) -> Result<Vec<TroubledAcknowledgment>, Error> {
        sqlx::query_as!(
            TroubledAcknowledgment,
            r#"with expected as (
                   select e.id, e.partner_id, e.agreement, e.level, e.functional_id, e.group_control,
                       e.interchange_control, s.set_id, s.set_control, s.document_id, e.file_id, e.delivery_id,
                       e.created_at, e.due_at, e.settled_at, coalesce(s.state, e.state) as state
                   from expected_acknowledgment e
                       left join expected_acknowledgment_set s on s.expected_id = e.id
                   where not e.test and e.created_at < $2
                     and ($4::text is null or e.partner_id = $4) and ($5::text is null or e.agreement = $5)
                     and (e.state in ('awaited', 'overdue') or (e.settled_at >= $1 and e.settled_at < $2))
               ), troubled as (
                   select *, case
                       when state = 'overdue' or (state = 'awaited' and due_at < $3) then 'overdue'
                       when state in ('rejected', 'partially_accepted') then 'rejected'
                       when settled_at > due_at and state <> 'cancelled' then 'late' end as trouble
                   from expected
               )
               select t.trouble as "trouble!: AcknowledgmentTrouble", t.partner_id as "partner_id!", t.agreement,
                   t.level as "level!", t.functional_id as "functional_id!", t.group_control as "group_control!",
                   t.interchange_control as "interchange_control!", t.set_id as "set_id?",
                   t.set_control as "set_control?",
                   coalesce(d.order_number, d.purchase_order_number, d.business_number) as "number?",
                   t.file_id as "file_id!", f.name as file_name,
                   coalesce(v.delivered_at, t.created_at) as "sent_at!", t.due_at as "due_at!", t.settled_at,
                   t.state as "state!", x.owner as "owner?"
               from troubled t
                   join file f on f.id = t.file_id
                   left join delivery v on v.id = t.delivery_id
                   left join document d on d.id = t.document_id
                   left join lateral (
                       select e.owner from exception e
                       where e.document_id = t.document_id and e.state = 'open' and e.owner is not null
                       order by e.first_seen_at desc limit 1
                   ) x on true
               where t.trouble is not null
               order by t.due_at, t.partner_id, t.group_control, t.set_control"#,
            scope.from,
            scope.until,
            scope.now,
            scope.partner_id.as_deref(),
            scope.agreement.as_deref(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list acknowledgments that are not as they should be"))
    }

    /// How partners acknowledged what was sent to them within the span.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn sum_acknowledgments(
        &self,
        scope: &ReportScope,
    ) -> Result<Vec<AcknowledgedByPartner>, Error> {
        sqlx::query_as!(
            AcknowledgedByPartner,
            r#"select partner_id, count(*) as "expected!",
                   count(*) filter (where state in ('accepted', 'accepted_with_errors')) as "accepted!",
                   count(*) filter (where state in ('rejected', 'partially_accepted')) as "rejected!",
                   count(*) filter (where settled_at > due_at) as "late!",
                   count(*) filter (where state = 'overdue' or (state = 'awaited' and due_at < $3)) as "overdue!",
                   count(*) filter (where state = 'awaited' and due_at >= $3) as "awaited!"
               from expected_acknowledgment
               where not test and state <> 'cancelled' and level not in ('receipt', 'response')
                 and created_at >= $1 and created_at < $2
                 and ($4::text is null or partner_id = $4) and ($5::text is null or agreement = $5)
               group by partner_id order by partner_id"#,
            scope.from,
            scope.until,
            scope.now,
            scope.partner_id.as_deref(),
            scope.agreement.as_deref(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("add up acknowledgments by partner"))
    }

    /// What came and went, by day and partner.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_days(&self, scope: &ReportScope) -> Result<Vec<DayOfPartner>, Error> {
        sqlx::query_as!(
            DayOfPartner,
            r#"with happened as (
                   select f.received_at as at, coalesce(f.partner_id, f.channel) as partner, f.partner_id, null as agreement,
                       'file_in' as what, f.state
                   from file f where f.direction = 'inbound' and f.received_at >= $1 and f.received_at < $2
                     and ($5::text is null
                       or exists (select from document d where d.file_id = f.id and d.agreement = $5))
                   union all
                   select v.delivered_at, v.partner_id, v.partner_id, null, 'file_out', v.state
                   from delivery v where v.delivered_at >= $1 and v.delivered_at < $2
                     and ($5::text is null
                       or exists (select from document d where d.file_id = v.file_id and d.agreement = $5))
                   union all
                   select d.received_at, coalesce(d.partner_id, f.channel), d.partner_id, d.agreement,
                       case d.direction when 'inbound' then 'document_in' else 'document_out' end, d.validation
                   from document d join file f on f.id = d.file_id
                   where d.received_at >= $1 and d.received_at < $2
                   union all
                   select x.first_seen_at, coalesce(x.partner_id, ''), x.partner_id, d.agreement, 'opened', x.state
                   from exception x left join document d on d.id = x.document_id
                   where x.first_seen_at >= $1 and x.first_seen_at < $2
                   union all
                   select x.settled_at, coalesce(x.partner_id, ''), x.partner_id, d.agreement, 'settled', x.state
                   from exception x left join document d on d.id = x.document_id
                   where x.settled_at >= $1 and x.settled_at < $2
               )
               select (at at time zone $3)::date as "day!", partner as "partner!",
                   count(*) filter (where what = 'file_in') as "files_in!",
                   count(*) filter (where what = 'file_out') as "files_out!",
                   count(*) filter (where what = 'document_in') as "documents_in!",
                   count(*) filter (where what = 'document_out') as "documents_out!",
                   count(*) filter (where what = 'document_in' and state = 'rejected') as "rejected!",
                   count(*) filter (where what = 'file_in' and state = 'quarantined') as "quarantined!",
                   count(*) filter (where what = 'file_in' and state = 'duplicate') as "duplicates!",
                   count(*) filter (where what = 'opened') as "exceptions_opened!",
                   count(*) filter (where what = 'settled') as "exceptions_settled!"
               from happened
               where ($4::text is null or partner_id = $4)
                 and ($5::text is null or agreement = $5 or what in ('file_in', 'file_out'))
               group by 1, 2 order by 1, 2"#,
            scope.from,
            scope.until,
            scope.time_zone,
            scope.partner_id.as_deref(),
            scope.agreement.as_deref(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("add up what came and went by day"))
    }

    /// Documents by partner, direction and kind.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn count_kinds(&self, scope: &ReportScope) -> Result<Vec<KindOfPartner>, Error> {
        sqlx::query_as!(
            KindOfPartner,
            r#"select partner_id, direction as "direction!: Direction", kind, count(*) as "documents!",
                   count(*) filter (where validation = 'accepted_with_errors') as "with_errors!",
                   count(*) filter (where validation = 'rejected') as "rejected!"
               from document
               where received_at >= $1 and received_at < $2
                 and ($3::text is null or partner_id = $3) and ($4::text is null or agreement = $4)
               group by partner_id, direction, kind order by partner_id nulls last, direction, kind"#,
            scope.from,
            scope.until,
            scope.partner_id.as_deref(),
            scope.agreement.as_deref(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("count documents by kind"))
    }

    /// Each partner's figures of the span. Files that were sent as tests do not count.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_scores(&self, scope: &ReportScope) -> Result<Vec<Score>, Error> {
        sqlx::query_as!(
            Score,
            r#"with files as (
                   select f.partner_id, count(*) as files,
                       count(*) filter (where f.state in ('quarantined', 'rejected', 'duplicate')) as files_set_aside,
                       percentile_cont(array[0.5, 0.9]) within group (
                           order by extract(epoch from j.finished_at - f.received_at)::float8
                       ) filter (where j.state = 'done') as took
                   from file f left join job j on j.kind = 'process' and j.subject_id = f.id
                   where f.direction = 'inbound' and f.received_at >= $1 and f.received_at < $2
                     and f.usage is distinct from 'T'
                     and ($5::text is null
                       or exists (select from document d where d.file_id = f.id and d.agreement = $5))
                   group by f.partner_id
               ), documents as (
                   select d.partner_id, count(*) as documents,
                       count(*) filter (where d.validation <> 'accepted') as documents_with_errors
                   from document d join file f on f.id = d.file_id
                   where d.direction = 'inbound' and d.received_at >= $1 and d.received_at < $2
                     and f.usage is distinct from 'T' and ($5::text is null or d.agreement = $5)
                   group by d.partner_id
               ), answers as (
                   select e.partner_id,
                       count(*) filter (where e.settled_at is not null or e.due_at < $3) as expected,
                       count(*) filter (where e.settled_at <= e.due_at) as in_time,
                       count(*) filter (where e.settled_at is not null) as came,
                       percentile_cont(array[0.5, 0.9]) within group (
                           order by extract(epoch from e.settled_at - coalesce(v.delivered_at, e.created_at))::float8
                       ) filter (where e.settled_at is not null) as took
                   from expected_acknowledgment e left join delivery v on v.id = e.delivery_id
                   where not e.test and e.state <> 'cancelled' and e.created_at >= $1 and e.created_at < $2
                     and ($5::text is null or e.agreement = $5)
                   group by e.partner_id
               ), exceptions as (
                   select x.partner_id, count(*) as exceptions,
                       count(*) filter (where x.state = 'open') as exceptions_open
                   from exception x left join document d on d.id = x.document_id
                   where x.first_seen_at >= $1 and x.first_seen_at < $2
                     and ($5::text is null or d.agreement = $5)
                   group by x.partner_id
               ), partners as (
                   select partner_id from files union select partner_id from documents
                   union select partner_id from answers union select partner_id from exceptions
               )
               select p.partner_id as "partner_id!", coalesce(f.files, 0) as "files!",
                   coalesce(f.files_set_aside, 0) as "files_set_aside!", coalesce(d.documents, 0) as "documents!",
                   coalesce(d.documents_with_errors, 0) as "documents_with_errors!",
                   round(f.took[1]::numeric, 1) as processing_median, round(f.took[2]::numeric, 1) as processing_p90,
                   coalesce(a.expected, 0) as "expected!", coalesce(a.in_time, 0) as "in_time!",
                   coalesce(a.came, 0) as "came!",
                   round(a.took[1]::numeric, 1) as answer_median, round(a.took[2]::numeric, 1) as answer_p90,
                   coalesce(x.exceptions, 0) as "exceptions!", coalesce(x.exceptions_open, 0) as "exceptions_open!"
               from partners p
                   left join files f on f.partner_id = p.partner_id
                   left join documents d on d.partner_id = p.partner_id
                   left join answers a on a.partner_id = p.partner_id
                   left join exceptions x on x.partner_id = p.partner_id
               where p.partner_id is not null and ($4::text is null or p.partner_id = $4)
               order by p.partner_id"#,
            scope.from,
            scope.until,
            scope.now,
            scope.partner_id.as_deref(),
            scope.agreement.as_deref(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("add up the figures of partners"))
    }
}
