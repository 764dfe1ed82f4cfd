//! Jobs as people see them: with the name and the partner of what they are about.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Error, JobKind, JobState, Store};

/// A job with what it is about.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct JobOverview {
    /// Its id.
    pub id: Uuid,
    /// What kind of work.
    pub kind: JobKind,
    /// The file, delivery, due time or mail.
    pub subject_id: Uuid,
    /// The name of the file, of the file that is delivered, or of the report.
    pub subject: Option<String>,
    /// Whose it is, if known.
    pub partner_id: Option<String>,
    /// Where it stands.
    pub state: JobState,
    /// Claims so far.
    pub attempts: i32,
    /// Not before this.
    pub run_after: DateTime<Utc>,
    /// Who has or had it.
    pub worker: Option<String>,
    /// Why the last try did not do it.
    pub last_error: Option<String>,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// The job that is to be done or given up before it, where a channel keeps the order.
    pub behind: Option<Uuid>,
}

/// Which jobs to list; what is none does not matter.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// This one.
    pub id: Option<Uuid>,
    /// About this file or delivery.
    pub subject_id: Option<Uuid>,
    /// What kind of work.
    pub kind: Option<JobKind>,
    /// In this state; without one and without an id or a subject, all that are not done.
    pub state: Option<JobState>,
    /// Whose.
    pub partner_id: Option<String>,
    /// About a document of this number: its own, the purchase order's or the order's.
    pub number: Option<String>,
    /// Enqueued at or after this.
    pub since: Option<DateTime<Utc>>,
    /// Enqueued before this.
    pub before: Option<DateTime<Utc>>,
}

impl Store {
    /// Jobs with what they are about, the latest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_job_overviews(
        &self,
        filter: &JobFilter,
        limit: i64,
    ) -> Result<Vec<JobOverview>, Error> {
        sqlx::query_as!(
            JobOverview,
            r#"select j.id, j.kind as "kind: JobKind", j.subject_id,
                   coalesce(f.name, u.report, r.report || ' to ' || m.recipient) as "subject?",
                   coalesce(d.partner_id, f.partner_id, u.asked -> 'asked' ->> 'partner', r.partner_id) as "partner_id?", j.state as "state: JobState", j.attempts,
                   j.run_after, j.worker, j.last_error, j.created_at, j.finished_at,
                   (select e.id from job e where j.state = 'ready' and e.kind = j.kind and e.lane = j.lane
                       and e.place < j.place and e.state not in ('done', 'failed') order by e.place limit 1) as "behind?"
               from job j
                   left join delivery d on j.kind = 'deliver' and d.id = j.subject_id
                   left join file f on f.id = coalesce(d.file_id, j.subject_id)
                   left join report_due u on j.kind = 'report' and u.id = j.subject_id
                   left join report_mail m on j.kind = 'mail' and m.id = j.subject_id
                   left join report_run r on r.id = m.run_id
               where ($1::uuid is null or j.id = $1) and ($2::uuid is null or j.subject_id = $2)
                 and ($3::text is null or j.kind = $3)
                 and (case when $4::text is not null then j.state = $4
                      else $1 is not null or $2 is not null or j.state <> 'done' end)
                 and ($5::text is null or coalesce(d.partner_id, f.partner_id) = $5)
                 and ($6::timestamptz is null or j.created_at >= $6)
                 and ($7::timestamptz is null or j.created_at < $7)
                 and ($9::text is null
                     or exists (select from document n where n.file_id = j.subject_id
                         and $9 in (n.business_number, n.purchase_order_number, n.order_number))
                     or exists (select from delivery_document l join document n on n.id = l.document_id
                         where l.delivery_id = j.subject_id
                           and $9 in (n.business_number, n.purchase_order_number, n.order_number)))
               order by j.created_at desc, j.id limit $8"#,
            filter.id,
            filter.subject_id,
            filter.kind.map(JobKind::as_str),
            filter.state.map(JobState::as_str),
            filter.partner_id.as_deref(),
            filter.since,
            filter.before,
            limit,
            filter.number.as_deref(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list jobs with what they are about"))
    }
}
