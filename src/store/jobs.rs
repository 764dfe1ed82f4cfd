//! The queue: jobs are committed with their reason, claimed under a lease, and settled under its fence.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{Error, JobKind, JobState, Store, Work};

/// A lease is extended every five seconds; four missed in a row, and the worker counts as dead.
const LEASE_SECS: i32 = 20;

/// A file lost this often is poison: it takes its workers down with it.
const MOST_LOST_LEASES: i32 = 3;

/// The same of a delivery, of which many are under way when something else ends the program.
const MOST_LOST_DELIVERIES: i32 = 10;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// What kind of work.
    pub kind: JobKind,
    /// The file or delivery it is about. One job for each kind and subject, ever.
    pub subject_id: Uuid,
    /// Not before this; none is now.
    pub run_after: Option<DateTime<Utc>>,
    /// Higher goes first; zero is usual.
    pub priority: i16,
    /// The lane it goes in; empty is the open road.
    pub lane: String,
    /// Whether it waits for those of its lane that came about before it, until they are done or given up.
    pub in_order: bool,
}

impl NewJob {
    /// A job that may run at once.
    #[must_use]
    pub fn now(kind: JobKind, subject_id: Uuid) -> Self {
        Self { kind, subject_id, run_after: None, priority: 0, lane: String::new(), in_order: false }
    }
}

/// The right to settle a job. An older one than the latest settles nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job: Uuid,
    /// Rises with every claim.
    pub fence: i64,
}

/// Jobs that share a limit: the deliveries over one channel, say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Its name.
    pub name: String,
    /// So many more of its jobs may run.
    pub room: i64,
}

/// How many jobs are claimed at once: of one lane only.
#[derive(Clone, Copy, Debug)]
pub struct AtOnce<'a> {
    /// So many at most.
    pub jobs: i64,
    /// With so many bytes of files together; the first is claimed whatever it has.
    pub bytes: i64,
    /// The room in lanes. One of any other lane is claimed alone; the open road has room for all.
    pub lanes: &'a [Lane],
    /// Whether a job whose worker died may be claimed. It is claimed alone.
    pub lost: bool,
}

impl From<i64> for AtOnce<'_> {
    fn from(jobs: i64) -> Self {
        Self { jobs, bytes: i64::MAX, lanes: &[], lost: true }
    }
}

/// A claimed job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What kind of work.
    pub kind: JobKind,
    /// The file or delivery.
    pub subject_id: Uuid,
    /// Claims so far, with this one.
    pub attempts: i32,
    /// The lane it goes in.
    pub lane: String,
    /// Whether its last worker died: perhaps of this job.
    pub lost: bool,
    /// The right to settle it.
    pub lease: Lease,
}

/// A job as people see it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct JobRow {
    /// Its id.
    pub id: Uuid,
    /// What kind of work.
    pub kind: JobKind,
    /// The file or delivery.
    pub subject_id: Uuid,
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
}

/// The id of the job of this kind about this subject.
#[must_use]
pub fn job_id(kind: JobKind, subject_id: Uuid) -> Uuid {
    crate::ids::derived("job", &[kind.as_str(), &subject_id.to_string()])
}

impl Store {
    /// Enqueues jobs in a commit of their own. Known ones stay as they are.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn enqueue_jobs(&self, jobs: &[NewJob]) -> Result<(), Error> {
        let mut work = self.begin().await?;
        work.enqueue_jobs(jobs).await?;
        work.commit().await
    }

    /// Claims jobs that are due, or one whose worker died. Two workers never get the same one.
    ///
    /// A file that was lost three times in a row, and a delivery that was ten times, is poison: it is held instead, and
    /// the file is quarantined.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn claim_jobs<'a>(
        &self,
        kind: JobKind,
        worker: &str,
        at_once: impl Into<AtOnce<'a>>,
    ) -> Result<Vec<Job>, Error> {
        let at_once = at_once.into();
        loop {
            let (held, claimed) = self.claim_some(kind, worker, at_once).await?;
            // Poison is no work, and behind it there may be some.
            if held == 0 || !claimed.is_empty() {
                return Ok(claimed);
            }
        }
    }

    /// Claims as [`Store::claim_jobs`] does; how many were held instead, and those that were claimed.
    async fn claim_some(
        &self,
        kind: JobKind,
        worker: &str,
        at_once: AtOnce<'_>,
    ) -> Result<(usize, Vec<Job>), Error> {
        let AtOnce { jobs: limit, bytes, lanes, lost } = at_once;
        let names: Vec<&str> = lanes.iter().map(|lane| lane.name.as_str()).collect();
        let rooms: Vec<i64> = lanes.iter().map(|lane| lane.room).collect();
        let full: Vec<&str> =
            lanes.iter().filter(|lane| lane.room <= 0).map(|lane| lane.name.as_str()).collect();
        let most_lost = if kind == JobKind::Deliver { MOST_LOST_DELIVERIES } else { MOST_LOST_LEASES };
        let rows = sqlx::query!(
            r#"with lost as (
                   select id from job
                   where $11 and kind = $1 and state = 'leased' and lease_until < now()
                   order by lease_until limit 1 for update skip locked
               ), said as (
                   select * from unnest($9::text[], $10::bigint[]) as said (lane, room)
               ), due as (
                   select id, subject_id, priority, run_after, lane from job j
                   where kind = $1 and state = 'ready' and run_after <= now() and not exists (select from lost)
                     and lane <> all($12::text[])
                     and (place is null or not exists (select from job e
                         where e.kind = $1 and e.lane = j.lane and e.place < j.place and e.state not in ('done', 'failed')))
                   order by priority desc, run_after limit $3 for update skip locked
               ), sized as (
                   -- Looked up one by one: they are few among many.
                   select due.*, coalesce(
                       (select f.size_bytes from file f where f.id = coalesce(
                           (select d.file_id from delivery d where $1 = 'deliver' and d.id = due.subject_id),
                           due.subject_id)), 0) as bytes
                   from due
               ), weighed as (
                   select id, lane, first_value(lane) over claims as first_lane,
                       row_number() over claims as place, sum(bytes) over claims as bytes
                   from sized window claims as (order by priority desc, run_after, id)
               ), picked as (
                   select id, 1 as lost from lost
                   union all
                   select id, 0 from weighed
                   where place = 1 or (lane = first_lane and bytes <= $8::bigint
                       and (lane = '' or place <= (select room from said where said.lane = first_lane)))
               ), claimed as (
                   update job set
                       lost_leases = job.lost_leases + picked.lost,
                       state = case when job.lost_leases + picked.lost >= $5 then 'held' else 'leased' end,
                       lease_until = case when job.lost_leases + picked.lost < $5
                           then now() + make_interval(secs => $4) end,
                       last_error = case when job.lost_leases + picked.lost >= $5 then $6 else job.last_error end,
                       attempts = job.attempts + 1,
                       fence = job.fence + 1,
                       worker = $2
                   from picked where job.id = picked.id
                   returning job.*, picked.lost
               ), quarantined as (
                   update file set state = 'quarantined', reason = $6, hint = $7 from claimed c
                   where c.state = 'held' and c.kind = 'process' and file.id = c.subject_id and file.state = 'received'
               ), stopped as (
                   update delivery d set state = 'held', last_error = $6 from claimed c
                   where c.state = 'held' and c.kind = 'deliver' and d.id = c.subject_id
                   returning d.id
               ), documents as (
                   update document d set delivery = 'held' from stopped s join delivery_document l on l.delivery_id = s.id
                   where d.id = l.document_id
               )
               select id as "id!", kind as "kind!: JobKind", subject_id as "subject_id!", state as "state!: JobState",
                   attempts as "attempts!", fence as "fence!", lane as "lane!", lost = 1 as "lost!"
               from claimed order by priority desc, run_after, id"#,
            kind.as_str(),
            worker,
            limit,
            f64::from(LEASE_SECS),
            most_lost,
            format!("its worker ended {most_lost} times without an outcome"),
            "look at what the hub logged when it ended, then release it: `crossdock release`",
            bytes,
            &names as &[&str],
            &rooms,
            lost,
            &full as &[&str],
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("claim jobs"))?;
        let count = rows.len();
        let mut claimed = Vec::with_capacity(count);
        for row in rows {
            if row.state == JobState::Held {
                tracing::error!(job.id = %row.id, subject.id = %row.subject_id,
                    "a `{kind}` job is held: its worker ended {most_lost} times without an outcome");
                continue;
            }
            let lease = Lease { job: row.id, fence: row.fence };
            let (kind, subject_id, attempts, lane) = (row.kind, row.subject_id, row.attempts, row.lane);
            claimed.push(Job { kind, subject_id, attempts, lane, lost: row.lost, lease });
        }
        Ok((count - claimed.len(), claimed))
    }

    /// Extends leases, to be called every five seconds, and gives those that are lost.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn extend_leases(&self, leases: &[Lease]) -> Result<Vec<Lease>, Error> {
        let (jobs, fences) = columns(leases);
        let kept = sqlx::query_scalar!(
            // Locked in one order, as those that are completed are, or the two lock each other out.
            "with held as (
                 select job.id from job join unnest($1::uuid[], $2::bigint[]) as held (id, fence)
                     on job.id = held.id and job.fence = held.fence
                 where job.state = 'leased' order by job.id for update of job
             )
             update job set lease_until = now() + make_interval(secs => $3) from held where job.id = held.id
             returning job.id",
            &jobs,
            &fences,
            f64::from(LEASE_SECS),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("extend leases"))?;
        Ok(leases.iter().filter(|lease| !kept.contains(&lease.job)).copied().collect())
    }

    /// Has what waits in these lanes for another try tried now.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn hasten(&self, lanes: &[String]) -> Result<(), Error> {
        let hastened = sqlx::query!(
            "update job set run_after = now() where state = 'ready' and run_after > now() and lane = any($1)",
            lanes,
        )
        .execute(&self.pool)
        .await
        .map_err(Error::query("hasten jobs"))?;
        if hastened.rows_affected() > 0 {
            self.waker.wake(JobKind::Deliver);
        }
        Ok(())
    }

    /// Settles a job whose work needed no commit of its own.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or when the database cannot be written.
    pub async fn complete_job(&self, lease: Lease) -> Result<(), Error> {
        complete_jobs(&self.pool, &[lease]).await
    }

    /// Puts a job back to be tried again after a while, because of `error`.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or when the database cannot be written.
    pub async fn retry_job(&self, lease: Lease, after: Duration, error: &str) -> Result<(), Error> {
        retry_job(&self.pool, lease, after, error).await
    }

    /// Stops a job until a person releases it.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or when the database cannot be written.
    pub async fn hold_job(&self, lease: Lease, reason: &str) -> Result<(), Error> {
        stop_job(&self.pool, lease, JobState::Held, reason).await
    }

    /// Ends a job that can never be done.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or when the database cannot be written.
    pub async fn fail_job(&self, lease: Lease, reason: &str) -> Result<(), Error> {
        stop_job(&self.pool, lease, JobState::Failed, reason).await
    }

    /// Who has jobs now.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_workers(&self) -> Result<Vec<String>, Error> {
        sqlx::query_scalar!(
            r#"select distinct worker as "worker!" from job where state = 'leased' order by 1"#
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list workers"))
    }

    /// Ends the leases of workers known to be dead, so that nobody has to wait for the leases to run out.
    /// The jobs count as lost.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn release_leases(&self, dead_workers: &[String]) -> Result<u64, Error> {
        sqlx::query!(
            "update job set lease_until = now() - interval '1 second' where state = 'leased' and worker = any($1)",
            dead_workers,
        )
        .execute(&self.pool)
        .await
        .map(|done| done.rows_affected())
        .map_err(Error::query("release leases"))
    }

    /// How many jobs there are of each kind in each state but `done`.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn count_open_jobs(&self) -> Result<Vec<(JobKind, JobState, i64)>, Error> {
        let rows = sqlx::query!(
            r#"select kind as "kind: JobKind", state as "state: JobState", count(*) as "count!"
               from job where state <> 'done' group by kind, state order by kind, state"#,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("count jobs"))?;
        Ok(rows.into_iter().map(|row| (row.kind, row.state, row.count)).collect())
    }

    /// How long until the next job that is not due yet; none when there is none.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_next_wait(&self) -> Result<Option<Duration>, Error> {
        let micros = sqlx::query_scalar!(
            r#"select (extract(epoch from min(least(run_after, lease_until)) - now()) * 1000000)::bigint
               from (select run_after, null::timestamptz as lease_until from job where state = 'ready'
                     union all select lease_until, lease_until from job where state = 'leased') as open"#,
        )
        .fetch_one(&self.pool)
        .await
        .map_err(Error::query("find the next job's time"))?;
        Ok(micros.map(|micros| Duration::from_micros(micros.max(0).cast_unsigned())))
    }

    /// A job.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_job(&self, id: Uuid) -> Result<Option<JobRow>, Error> {
        sqlx::query_as!(
            JobRow,
            r#"select id, kind as "kind: JobKind", subject_id, state as "state: JobState", attempts, run_after,
                   worker, last_error
               from job where id = $1"#,
            id,
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(Error::query("find a job"))
    }

    /// Jobs in one state, the latest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_jobs(&self, state: JobState, limit: i64) -> Result<Vec<JobRow>, Error> {
        sqlx::query_as!(
            JobRow,
            r#"select id, kind as "kind: JobKind", subject_id, state as "state: JobState", attempts, run_after,
                   worker, last_error
               from job where state = $1 order by run_after desc, id limit $2"#,
            state.as_str(),
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list jobs"))
    }
}

impl Work {
    /// Enqueues jobs with the work; they wake workers once it is committed.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn enqueue_jobs(&mut self, jobs: &[NewJob]) -> Result<(), Error> {
        enqueue_jobs(self.connection(), jobs).await?;
        for job in jobs {
            self.wakes(job.kind);
        }
        Ok(())
    }

    /// Settles the jobs this work was for. Call it last, just before the commit.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] when one of them is somebody else's by now, or when the database cannot be written.
    pub async fn complete_jobs(&mut self, leases: &[Lease]) -> Result<(), Error> {
        complete_jobs(self.connection(), leases).await
    }

    /// Puts the job back to be tried again after a while, with what the work wrote.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or when the database cannot be written.
    pub async fn retry_job(&mut self, lease: Lease, after: Duration, error: &str) -> Result<(), Error> {
        retry_job(self.connection(), lease, after, error).await
    }

    /// Stops the job until a person releases it, with what the work wrote.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or when the database cannot be written.
    pub async fn hold_job(&mut self, lease: Lease, reason: &str) -> Result<(), Error> {
        stop_job(self.connection(), lease, JobState::Held, reason).await
    }
}

pub(super) async fn enqueue_jobs(db: impl PgExecutor<'_>, jobs: &[NewJob]) -> Result<(), Error> {
    let ids: Vec<Uuid> = jobs.iter().map(|job| job_id(job.kind, job.subject_id)).collect();
    let kinds: Vec<&str> = jobs.iter().map(|job| job.kind.as_str()).collect();
    let subjects: Vec<Uuid> = jobs.iter().map(|job| job.subject_id).collect();
    let times: Vec<Option<DateTime<Utc>>> = jobs.iter().map(|job| job.run_after).collect();
    let priorities: Vec<i16> = jobs.iter().map(|job| job.priority).collect();
    let lanes: Vec<&str> = jobs.iter().map(|job| job.lane.as_str()).collect();
    let in_order: Vec<bool> = jobs.iter().map(|job| job.in_order).collect();
    // Their places are as they are given; they are inserted by their ids, so that two who insert the same wait for each
    // other in one direction.
    sqlx::query!(
        "insert into job (id, kind, subject_id, run_after, priority, lane, place)
         select n.id, n.kind, n.subject_id, coalesce(n.run_after, now()), n.priority, n.lane, n.place
         from (
             select given.*, case when in_order then nextval('job_place') end as place
             from unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::smallint[], $6::text[], $7::boolean[])
                 as given (id, kind, subject_id, run_after, priority, lane, in_order)
         ) n
         order by n.id
         on conflict do nothing",
        &ids,
        &kinds as &[&str],
        &subjects,
        &times as &[Option<DateTime<Utc>>],
        &priorities,
        &lanes as &[&str],
        &in_order,
    )
    .execute(db)
    .await
    .map(drop)
    .map_err(Error::query("enqueue jobs"))
}

pub(super) async fn complete_jobs(db: impl PgExecutor<'_>, leases: &[Lease]) -> Result<(), Error> {
    let (jobs, fences) = columns(leases);
    let done = sqlx::query_scalar!(
        "with held as (
             select job.id from job join unnest($1::uuid[], $2::bigint[]) as held (id, fence)
                 on job.id = held.id and job.fence = held.fence
             where job.state = 'leased' order by job.id for update of job
         )
         update job set state = 'done', lease_until = null, lost_leases = 0, last_error = null, finished_at = now()
         from held where job.id = held.id returning job.id",
        &jobs,
        &fences,
    )
    .fetch_all(db)
    .await
    .map_err(Error::query("complete jobs"))?;
    all_held(leases, &done)
}

pub(super) async fn retry_job(
    db: impl PgExecutor<'_>,
    lease: Lease,
    after: Duration,
    error: &str,
) -> Result<(), Error> {
    let done = sqlx::query!(
        "update job set state = 'ready', lease_until = null, lost_leases = 0, last_error = $4,
             run_after = now() + make_interval(secs => $3)
         where id = $1 and fence = $2 and state = 'leased'",
        lease.job,
        lease.fence,
        after.as_secs_f64(),
        error,
    )
    .execute(db)
    .await
    .map_err(Error::query("put a job back"))?;
    held(lease, done.rows_affected())
}

pub(super) async fn stop_job(
    db: impl PgExecutor<'_>,
    lease: Lease,
    state: JobState,
    reason: &str,
) -> Result<(), Error> {
    let done = sqlx::query!(
        "update job set state = $3, lease_until = null, lost_leases = 0, last_error = $4,
             finished_at = case $3 when 'failed' then now() end
         where id = $1 and fence = $2 and state = 'leased'",
        lease.job,
        lease.fence,
        state.as_str(),
        reason,
    )
    .execute(db)
    .await
    .map_err(Error::query("stop a job"))?;
    held(lease, done.rows_affected())
}

/// Locks the jobs' rows, so that nobody can claim them before the caller's commit.
pub(super) async fn check_leases(db: &mut PgConnection, leases: &[Lease]) -> Result<(), Error> {
    let (jobs, fences) = columns(leases);
    let found = sqlx::query_scalar!(
        "select job.id from job join unnest($1::uuid[], $2::bigint[]) as held (id, fence)
             on job.id = held.id and job.fence = held.fence
         where job.state = 'leased' order by job.id for update of job",
        &jobs,
        &fences,
    )
    .fetch_all(db)
    .await
    .map_err(Error::query("check leases"))?;
    all_held(leases, &found)
}

fn columns(leases: &[Lease]) -> (Vec<Uuid>, Vec<i64>) {
    leases.iter().map(|lease| (lease.job, lease.fence)).unzip()
}

fn all_held(leases: &[Lease], held: &[Uuid]) -> Result<(), Error> {
    let held: HashSet<&Uuid> = held.iter().collect();
    match leases.iter().find(|lease| !held.contains(&lease.job)) {
        Some(lost) => Err(Error::LeaseLost { job: lost.job }),
        None => Ok(()),
    }
}

fn held(lease: Lease, rows: u64) -> Result<(), Error> {
    if rows == 1 { Ok(()) } else { Err(Error::LeaseLost { job: lease.job }) }
}
