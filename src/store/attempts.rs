//! Attempts: every try of a delivery, written down before it is made and after it.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::jobs::{check_leases, complete_jobs, retry_job, stop_job};
use super::text::clean;
use super::{DeliveryState, Error, JobState, Lease, Store};

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

/// A try that has ended.
#[derive(Clone, Debug)]
pub struct EndedAttempt {
    /// The right to settle it.
    pub lease: Lease,
    /// Of which delivery.
    pub delivery_id: Uuid,
    /// The first is 1.
    pub number: i32,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// Deadlines of what is counted by a calendar ([`Store::list_due_rules`]), should it be delivered.
    pub deadlines: Vec<(Uuid, DateTime<Utc>)>,
}

impl Store {
    /// Begins tries of deliveries, in a commit of their own, before anything is sent, and gives their numbers, the first
    /// is 1. None for one of which there is nothing to send any more; then its job is settled.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or when the database cannot be written.
    pub async fn begin_attempts(&self, claims: &[(Lease, Uuid)]) -> Result<Vec<Option<i32>>, Error> {
        let (leases, deliveries): (Vec<Lease>, Vec<Uuid>) = claims.iter().copied().unzip();
        let mut work = self.begin().await?;
        let connection = work.connection();
        check_leases(connection, &leases).await?;
        let begun = sqlx::query!(
            r#"with before as (
                   select id from delivery
                   where id = any($1) and state in ('ready', 'sending', 'unknown') order by id for update
               ), number as (
                   update delivery d set state = 'sending', attempts = d.attempts + 1
                   from before where d.id = before.id returning d.id, d.attempts
               ), attempt as (
                   insert into attempt (delivery_id, number) select id, attempts from number
               ), documents as (
                   update document d set delivery = 'sending' from delivery_document l
                   where l.delivery_id in (select id from number) and d.id = l.document_id
               )
               select id, attempts from number"#,
            &deliveries,
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(Error::query("begin attempts"))?;
        let numbers: HashMap<Uuid, i32> = begun.into_iter().map(|row| (row.id, row.attempts)).collect();
        let attempts: Vec<Option<i32>> =
            deliveries.iter().map(|delivery| numbers.get(delivery).copied()).collect();
        let idle: Vec<Lease> = leases
            .into_iter()
            .zip(&attempts)
            .filter(|(_, attempt)| attempt.is_none())
            .map(|(lease, _)| lease)
            .collect();
        complete_jobs(&mut *connection, &idle).await?;
        work.commit().await?;
        Ok(attempts)
    }

    /// Writes how tries ended, with all that follows from it: the deliveries, their documents, the deadlines of their
    /// acknowledgments, and their jobs. All of them or, on an error, none.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or when the database cannot be written. Then the tries stay open.
    pub async fn finish_attempts(&self, ended: &[EndedAttempt]) -> Result<(), Error> {
        let leases: Vec<Lease> = ended.iter().map(|ended| ended.lease).collect();
        let mut work = self.begin().await?;
        let connection = work.connection();
        check_leases(connection, &leases).await?;
        write_outcomes(connection, ended).await?;
        let delivered = |ended: &&EndedAttempt| matches!(ended.outcome, AttemptOutcome::Delivered { .. });
        let deadlines: Vec<(Uuid, DateTime<Utc>)> =
            ended.iter().filter(delivered).flat_map(|ended| ended.deadlines.iter().copied()).collect();
        write_deadlines(connection, &deadlines).await?;
        let done: Vec<Lease> = ended.iter().filter(delivered).map(|ended| ended.lease).collect();
        complete_jobs(&mut *connection, &done).await?;
        for EndedAttempt { lease, outcome, .. } in ended {
            match outcome {
                AttemptOutcome::Delivered { .. } => {}
                AttemptOutcome::Retry { after, error } | AttemptOutcome::Unknown { after, error } => {
                    retry_job(&mut *connection, *lease, *after, &clean(error)).await?;
                }
                AttemptOutcome::Held { reason } => {
                    stop_job(&mut *connection, *lease, JobState::Held, &clean(reason)).await?;
                }
            }
        }
        work.commit().await
    }

    /// What is awaited for deliveries and counted by a calendar: the delivery, the expectation, and by which rule.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_due_rules(&self, deliveries: &[Uuid]) -> Result<Vec<(Uuid, Uuid, String)>, Error> {
        let rows = sqlx::query!(
            r#"select delivery_id as "delivery_id!", id, due_rule as "due_rule!" from expected_acknowledgment
               where delivery_id = any($1) and state = 'awaited' and due_rule is not null and level <> 'response'"#,
            deliveries,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list how deadlines are counted"))?;
        Ok(rows.into_iter().map(|row| (row.delivery_id, row.id, row.due_rule)).collect())
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
}

async fn write_deadlines(
    connection: &mut PgConnection,
    deadlines: &[(Uuid, DateTime<Utc>)],
) -> Result<(), Error> {
    if deadlines.is_empty() {
        return Ok(());
    }
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

async fn write_outcomes(connection: &mut PgConnection, ended: &[EndedAttempt]) -> Result<(), Error> {
    let ids: Vec<Uuid> = ended.iter().map(|ended| ended.delivery_id).collect();
    let numbers: Vec<i32> = ended.iter().map(|ended| ended.number).collect();
    let (mut words, mut states, mut details, mut responses) = (vec![], vec![], vec![], vec![]);
    for EndedAttempt { outcome, .. } in ended {
        let (word, state, detail, response) = match outcome {
            AttemptOutcome::Delivered { response_id, detail } => {
                ("delivered", DeliveryState::Delivered, detail, response_id.as_deref())
            }
            AttemptOutcome::Retry { error, .. } => ("retry", DeliveryState::Ready, error, None),
            AttemptOutcome::Unknown { error, .. } => ("unknown", DeliveryState::Unknown, error, None),
            AttemptOutcome::Held { reason } => ("held", DeliveryState::Held, reason, None),
        };
        words.push(word);
        states.push(state.as_str());
        details.push(clean(detail));
        responses.push(response);
    }
    // The partner's time to answer runs from the delivery.
    sqlx::query!(
        "with n as (
             select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[])
                 as n (id, number, outcome, state, detail, response_id)
         ), ended as (
             update attempt a set ended_at = now(), outcome = n.outcome, detail = n.detail
             from n where a.delivery_id = n.id and a.number = n.number
         ), documents as (
             update document d set delivery = n.state from n join delivery_document l on l.delivery_id = n.id
             where d.id = l.document_id
         ), deadlines as (
             update expected_acknowledgment e set due_at = now() + make_interval(secs => e.within_secs)
             from n where e.delivery_id = n.id and e.state = 'awaited' and n.state = 'delivered' and e.due_rule is null
               and e.level <> 'response'
         ), answered as (
             update expected_acknowledgment e set settled_at = now(),
                 state = case n.state when 'delivered' then 'accepted' else 'rejected' end
             from n where e.delivery_id = n.id and e.level = 'response' and n.state in ('delivered', 'held')
         )
         update delivery d set state = n.state, delivered_at = case n.state when 'delivered' then now() end,
             response_id = coalesce(n.response_id, d.response_id),
             last_error = case n.state when 'delivered' then null else n.detail end
         from n where d.id = n.id",
        &ids,
        &numbers,
        &words as &[&str],
        &states as &[&str],
        &details as &[std::borrow::Cow<'_, str>],
        &responses as &[Option<&str>],
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("write how attempts ended"))
}
