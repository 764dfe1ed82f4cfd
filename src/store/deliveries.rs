//! Deliveries: frozen bytes on their way, with every try of them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::jobs::{check_lease, complete_job, retry_job, stop_job};
use super::text::clean;
use super::{DeliveryKind, DeliveryState, Error, JobKind, JobState, Lease, LoadedFile, NewJob, Store, Work};

/// What is to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Derived from the file and the channel.
    pub id: Uuid,
    /// The frozen bytes.
    pub file_id: Uuid,
    /// To whom.
    pub partner_id: String,
    /// Over which channel.
    pub channel: String,
    /// A file or a call.
    pub kind: DeliveryKind,
    /// The remote name of a file, the place of a call.
    pub target: String,
    /// The same for every try, so that the other side can tell a repeat.
    pub idempotency_key: String,
    /// The documents in it.
    pub document_ids: Vec<Uuid>,
    /// Higher goes first; zero is usual.
    pub priority: i16,
}

/// A delivery as people see it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DeliveryRow {
    /// Its id.
    pub id: Uuid,
    /// The frozen bytes.
    pub file_id: Uuid,
    /// To whom.
    pub partner_id: String,
    /// Over which channel.
    pub channel: String,
    /// A file or a call.
    pub kind: DeliveryKind,
    /// The remote name of a file, the place of a call.
    pub target: String,
    /// The same for every try.
    pub idempotency_key: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Tries so far.
    pub attempts: i32,
    /// When it was composed.
    pub created_at: DateTime<Utc>,
    /// When the other side had it.
    pub delivered_at: Option<DateTime<Utc>>,
    /// What the other side calls it.
    pub response_id: Option<String>,
    /// Why the last try did not do it.
    pub last_error: Option<String>,
}

/// A delivery with its bytes.
#[derive(Clone, Debug)]
pub struct LoadedDelivery {
    /// All about it.
    pub row: DeliveryRow,
    /// What is to be sent.
    pub file: LoadedFile,
    /// The documents in it.
    pub document_ids: Vec<Uuid>,
}

/// A try that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The first is 1.
    pub number: i32,
    /// Whether an earlier try may have reached the other side, so that it must be asked first.
    pub must_look_first: bool,
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The other side has it.
    Delivered {
        /// What the other side calls it, if it says so.
        response_id: Option<String>,
        /// What was found out, such as `was there already`; may be empty.
        detail: String,
    },
    /// It has not arrived; to be tried again after a while.
    Retry {
        /// How long to wait.
        after: Duration,
        /// Why it failed.
        error: String,
    },
    /// Nobody knows whether it has arrived; to be looked at again after a while.
    Unknown {
        /// How long to wait before the other side is asked.
        after: Duration,
        /// What happened.
        error: String,
    },
    /// It has not arrived and will not by itself: a person must do something.
    Held {
        /// Why.
        reason: String,
    },
}

/// A try as people see it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct AttemptRow {
    /// The first is 1.
    pub number: i32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended; none while it runs, or when the hub was killed.
    pub ended_at: Option<DateTime<Utc>>,
    /// `delivered`, `retry`, `unknown` or `held`.
    pub outcome: Option<String>,
    /// Why.
    pub detail: String,
}

/// Which deliveries to list; what is none does not matter.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// To whom.
    pub partner_id: Option<String>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of this file.
    pub file_id: Option<Uuid>,
    /// With this document.
    pub document_id: Option<Uuid>,
    /// Composed at or after this.
    pub since: Option<DateTime<Utc>>,
    /// Composed before this: for the next page.
    pub before: Option<DateTime<Utc>>,
}

impl Work {
    /// Keeps deliveries with the jobs that send them. Known ones stay as they are.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_deliveries(&mut self, deliveries: &[NewDelivery]) -> Result<(), Error> {
        macro_rules! column {
            (|$delivery:ident| $value:expr) => {
                deliveries.iter().map(|$delivery| $value).collect::<Vec<_>>()
            };
        }
        sqlx::query!(
            "insert into delivery (id, file_id, partner_id, channel, kind, target, idempotency_key)
             select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
             on conflict do nothing",
            &column!(|delivery| delivery.id),
            &column!(|delivery| delivery.file_id),
            &column!(|delivery| delivery.partner_id.as_str()) as &[&str],
            &column!(|delivery| delivery.channel.as_str()) as &[&str],
            &column!(|delivery| delivery.kind.as_str()) as &[&str],
            &column!(|delivery| delivery.target.as_str()) as &[&str],
            &column!(|delivery| delivery.idempotency_key.as_str()) as &[&str],
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("keep deliveries"))?;

        let (ids, documents): (Vec<Uuid>, Vec<Uuid>) = deliveries
            .iter()
            .flat_map(|delivery| delivery.document_ids.iter().map(|document| (delivery.id, *document)))
            .unzip();
        sqlx::query!(
            "with kept as (
                 insert into delivery_document (delivery_id, document_id)
                 select * from unnest($1::uuid[], $2::uuid[]) on conflict do nothing returning document_id
             )
             update document d set delivery = 'ready' from kept where d.id = kept.document_id",
            &ids,
            &documents,
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("tie documents to deliveries"))?;

        let jobs: Vec<NewJob> = deliveries
            .iter()
            .map(|delivery| NewJob {
                priority: delivery.priority,
                ..NewJob::now(JobKind::Deliver, delivery.id)
            })
            .collect();
        self.enqueue_jobs(&jobs).await
    }

    /// Lets a delivery be sent now, or again: the same bytes under the same name and key. What is awaited for it is
    /// awaited anew. False when a try of it runs, or it is unknown to us.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn release_delivery(&mut self, id: Uuid) -> Result<bool, Error> {
        let released = sqlx::query!(
            "with freed as (
                 update job set state = 'ready', run_after = now(), lost_leases = 0, attempts = 0, finished_at = null
                 where kind = 'deliver' and subject_id = $1 and state <> 'leased'
                 returning subject_id
             ), awaited as (
                 update expected_acknowledgment e set state = 'awaited' from freed
                 where e.delivery_id = freed.subject_id and e.state in ('overdue', 'cancelled') returning e.id
             ), sets as (
                 update expected_acknowledgment_set s set state = 'awaited' from awaited
                 where s.expected_id = awaited.id and s.state in ('overdue', 'cancelled') returning s.document_id
             ), documents as (
                 update document d set delivery = 'ready', acknowledgment = case
                     when d.id in (select document_id from sets) then 'awaited' else d.acknowledgment end
                 from delivery_document l
                 where l.delivery_id in (select subject_id from freed) and d.id = l.document_id
             )
             update delivery set state = 'ready', delivered_at = null, last_error = null
             where id in (select subject_id from freed)",
            id,
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("release a delivery"))?;
        self.wakes(JobKind::Deliver);
        Ok(released.rows_affected() > 0)
    }

    /// Gives a delivery up. False when it has arrived, or a try of it runs.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn cancel_delivery(&mut self, id: Uuid, reason: &str) -> Result<bool, Error> {
        let cancelled = sqlx::query!(
            "with ended as (
                 update job set state = 'failed', finished_at = now(), last_error = $2
                 where kind = 'deliver' and subject_id = $1 and state <> 'leased'
                   and exists (select from delivery where id = $1 and state not in ('delivered', 'cancelled'))
                 returning subject_id
             ), awaited as (
                 update expected_acknowledgment e set state = 'cancelled' from ended
                 where e.delivery_id = ended.subject_id and e.state in ('awaited', 'overdue') returning e.id
             ), sets as (
                 update expected_acknowledgment_set s set state = 'cancelled' from awaited
                 where s.expected_id = awaited.id and s.state in ('awaited', 'overdue') returning s.document_id
             ), documents as (
                 update document d set delivery = 'cancelled', acknowledgment = case
                     when d.id in (select document_id from sets) then 'none' else d.acknowledgment end
                 from delivery_document l
                 where l.delivery_id in (select subject_id from ended) and d.id = l.document_id
             )
             update delivery set state = 'cancelled', last_error = $2 where id in (select subject_id from ended)",
            id,
            reason,
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("cancel a delivery"))?;
        Ok(cancelled.rows_affected() > 0)
    }
}

impl Store {
    /// A delivery.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_delivery(&self, id: Uuid) -> Result<Option<DeliveryRow>, Error> {
        sqlx::query_as!(
            DeliveryRow,
            r#"select id, file_id, partner_id, channel, kind as "kind: DeliveryKind", target, idempotency_key,
                   state as "state: DeliveryState", attempts, created_at, delivered_at, response_id, last_error
               from delivery where id = $1"#,
            id,
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(Error::query("find a delivery"))
    }

    /// A delivery with its bytes and documents.
    ///
    /// # Errors
    /// When there is no such delivery, or its bytes cannot be read.
    pub async fn load_delivery(&self, id: Uuid) -> Result<LoadedDelivery, Error> {
        let row = self.find_delivery(id).await?.ok_or(Error::Missing { what: "delivery", id })?;
        let document_ids = sqlx::query_scalar!(
            "select l.document_id from delivery_document l join document d on d.id = l.document_id
             where l.delivery_id = $1 order by d.ordinal, d.id",
            id,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list the documents of a delivery"))?;
        let file = self.load_file(row.file_id).await?;
        Ok(LoadedDelivery { row, file, document_ids })
    }

    /// Begins a try, in a commit of its own, before anything is sent. None when there is nothing to send any more;
    /// then the job is settled.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or when the database cannot be written.
    pub async fn begin_attempt(&self, lease: Lease, delivery_id: Uuid) -> Result<Option<Attempt>, Error> {
        let mut work = self.begin().await?;
        let connection = work.connection();
        check_lease(connection, lease).await?;
        let begun = sqlx::query!(
            r#"with before as (
                   select id, attempts from delivery
                   where id = $1 and state in ('ready', 'sending', 'unknown') for update
               ), doubt as (
                   select exists (select from before b join attempt a on a.delivery_id = b.id and a.number = b.attempts
                       where a.outcome is null or a.outcome = 'unknown') as in_doubt
               ), number as (
                   update delivery d set state = 'sending', attempts = d.attempts + 1
                   from before where d.id = before.id returning d.id, d.attempts
               ), attempt as (
                   insert into attempt (delivery_id, number) select id, attempts from number
               ), documents as (
                   update document d set delivery = 'sending' from delivery_document l
                   where l.delivery_id in (select id from number) and d.id = l.document_id
               )
               select number.attempts, doubt.in_doubt as "in_doubt!" from number, doubt"#,
            delivery_id,
        )
        .fetch_optional(&mut *connection)
        .await
        .map_err(Error::query("begin an attempt"))?;
        if begun.is_none() {
            complete_job(connection, lease).await?;
        }
        work.commit().await?;
        Ok(begun.map(|row| Attempt { number: row.attempts, must_look_first: row.in_doubt }))
    }

    /// Writes how a try ended, with all that follows from it: the delivery, its documents, the deadline of its
    /// acknowledgment, and its job. `deadlines` are of what is counted by a calendar
    /// ([`Store::list_due_rules`]), should it be delivered.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or when the database cannot be written. Then the try stays open and the next one
    /// must look first.
    pub async fn finish_attempt(
        &self,
        lease: Lease,
        delivery_id: Uuid,
        number: i32,
        outcome: &AttemptOutcome,
        deadlines: &[(Uuid, DateTime<Utc>)],
    ) -> Result<(), Error> {
        let mut work = self.begin().await?;
        let connection = work.connection();
        check_lease(connection, lease).await?;
        let (word, state, detail, response) = match outcome {
            AttemptOutcome::Delivered { response_id, detail } => {
                ("delivered", DeliveryState::Delivered, detail, response_id.as_deref())
            }
            AttemptOutcome::Retry { error, .. } => ("retry", DeliveryState::Ready, error, None),
            AttemptOutcome::Unknown { error, .. } => ("unknown", DeliveryState::Unknown, error, None),
            AttemptOutcome::Held { reason } => ("held", DeliveryState::Held, reason, None),
        };
        write_outcome(connection, delivery_id, number, word, state, &clean(detail), response).await?;
        if state == DeliveryState::Delivered {
            write_deadlines(connection, deadlines).await?;
        }
        match outcome {
            AttemptOutcome::Delivered { .. } => complete_job(connection, lease).await?,
            AttemptOutcome::Retry { after, error } | AttemptOutcome::Unknown { after, error } => {
                retry_job(connection, lease, *after, &clean(error)).await?;
            }
            AttemptOutcome::Held { reason } => {
                stop_job(connection, lease, JobState::Held, &clean(reason)).await?;
            }
        }
        work.commit().await
    }

    /// What is awaited for a delivery and counted by a calendar, and by which rule.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_due_rules(&self, delivery_id: Uuid) -> Result<Vec<(Uuid, String)>, Error> {
        let rows = sqlx::query!(
            r#"select id, due_rule as "due_rule!" from expected_acknowledgment
               where delivery_id = $1 and state = 'awaited' and due_rule is not null"#,
            delivery_id,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list how deadlines are counted"))?;
        Ok(rows.into_iter().map(|row| (row.id, row.due_rule)).collect())
    }

    /// Deliveries, the latest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_deliveries(
        &self,
        filter: &DeliveryFilter,
        limit: i64,
    ) -> Result<Vec<DeliveryRow>, Error> {
        sqlx::query_as!(
            DeliveryRow,
            r#"select id, file_id, partner_id, channel, kind as "kind: DeliveryKind", target, idempotency_key,
                   state as "state: DeliveryState", attempts, created_at, delivered_at, response_id, last_error
               from delivery d
               where ($1::text is null or partner_id = $1) and ($2::text is null or state = $2)
                 and ($3::uuid is null or file_id = $3)
                 and ($4::uuid is null or exists (select from delivery_document l
                     where l.delivery_id = d.id and l.document_id = $4))
                 and ($5::timestamptz is null or created_at < $5)
                 and ($6::timestamptz is null or created_at >= $6)
               order by created_at desc, id limit $7"#,
            filter.partner_id.as_deref(),
            filter.state.map(DeliveryState::as_str),
            filter.file_id,
            filter.document_id,
            filter.before,
            filter.since,
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list deliveries"))
    }

    /// The tries of a delivery, the first first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_attempts(&self, delivery_id: Uuid) -> Result<Vec<AttemptRow>, Error> {
        sqlx::query_as!(
            AttemptRow,
            "select number, started_at, ended_at, outcome, detail from attempt where delivery_id = $1 order by number",
            delivery_id,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list attempts"))
    }

    /// How many deliveries there are, by state.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn count_deliveries(&self) -> Result<Vec<(DeliveryState, i64)>, Error> {
        let rows = sqlx::query!(
            r#"select state as "state: DeliveryState", count(*) as "count!" from delivery group by 1 order by 1"#,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("count deliveries"))?;
        Ok(rows.into_iter().map(|row| (row.state, row.count)).collect())
    }
}

async fn write_deadlines(
    connection: &mut PgConnection,
    deadlines: &[(Uuid, DateTime<Utc>)],
) -> Result<(), Error> {
    let (ids, due): (Vec<Uuid>, Vec<DateTime<Utc>>) = deadlines.iter().copied().unzip();
    sqlx::query!(
        "update expected_acknowledgment e set due_at = n.due_at
         from unnest($1::uuid[], $2::timestamptz[]) as n (id, due_at)
         where e.id = n.id and e.state = 'awaited'",
        &ids,
        &due,
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("write deadlines of acknowledgments"))
}

async fn write_outcome(
    connection: &mut PgConnection,
    delivery_id: Uuid,
    number: i32,
    word: &str,
    state: DeliveryState,
    detail: &str,
    response_id: Option<&str>,
) -> Result<(), Error> {
    // The partner's time to answer runs from the delivery.
    sqlx::query!(
        "with ended as (
             update attempt set ended_at = now(), outcome = $3, detail = $5 where delivery_id = $1 and number = $2
         ), documents as (
             update document d set delivery = $4 from delivery_document l
             where l.delivery_id = $1 and d.id = l.document_id
         ), deadlines as (
             update expected_acknowledgment set due_at = now() + make_interval(secs => within_secs)
             where delivery_id = $1 and state = 'awaited' and $4 = 'delivered' and due_rule is null
         )
         update delivery set state = $4, delivered_at = case $4 when 'delivered' then now() end,
             response_id = coalesce($6, response_id), last_error = case $4 when 'delivered' then null else $5 end
         where id = $1",
        delivery_id,
        number,
        word,
        state.as_str(),
        detail,
        response_id,
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("write how an attempt ended"))
}
