//! What people do to files: released, assigned, given up.

use uuid::Uuid;

use super::{Error, JobKind, Noun, Work, job_id};

impl Work {
    /// Locks a thing until the end of this work, so that nobody changes it between the look and the deed. Jobs are
    /// locked before deliveries and after files, as their workers do it.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn lock_subject(&mut self, noun: Noun, id: Uuid) -> Result<(), Error> {
        let connection = self.connection();
        match noun {
            Noun::File => sqlx::query!("select from file where id = $1 for update", id)
                .fetch_optional(&mut *connection)
                .await
                .map(drop),
            Noun::Document => sqlx::query!("select from document where id = $1 for update", id)
                .fetch_optional(&mut *connection)
                .await
                .map(drop),
            Noun::Exception => sqlx::query!("select from exception where id = $1 for update", id)
                .fetch_optional(&mut *connection)
                .await
                .map(drop),
            Noun::Delivery | Noun::Job | Noun::Report => Ok(()),
        }
        .map_err(Error::query("lock what is acted on"))?;
        let job = match noun {
            Noun::File => job_id(JobKind::Process, id),
            Noun::Delivery => job_id(JobKind::Deliver, id),
            Noun::Document | Noun::Job | Noun::Exception | Noun::Report => return Ok(()),
        };
        sqlx::query!("select from job where id = $1 for update", job)
            .fetch_optional(&mut *connection)
            .await
            .map(drop)
            .map_err(Error::query("lock the job of what is acted on"))
    }

    /// Lets a file be read again, as the property of a partner's channel if one is named. One whose job runs or waits
    /// stays as it is.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn release_file(&mut self, id: Uuid, assigned_to: Option<&str>) -> Result<(), Error> {
        sqlx::query!(
            "with freed as (
                 insert into job (id, kind, subject_id) values ($2, 'process', $1)
                 on conflict (kind, subject_id) do update set state = 'ready', run_after = now(), lost_leases = 0,
                     attempts = 0, last_error = null, finished_at = null
                 where job.state not in ('leased', 'ready')
                 returning subject_id
             )
             update file set state = 'received', reason = '', hint = '', assigned_to = coalesce($3, assigned_to)
             where id in (select subject_id from freed)",
            id,
            job_id(JobKind::Process, id),
            assigned_to,
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("release a file"))?;
        self.wakes(JobKind::Process);
        Ok(())
    }

    /// Lets a job go on that is held or was given up, one that is about nothing but itself; false for any other.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn release_job(&mut self, kind: JobKind, id: Uuid) -> Result<bool, Error> {
        let freed = sqlx::query!(
            "update job set state = 'ready', run_after = now(), lost_leases = 0, attempts = 0, last_error = null,
                 finished_at = null
             where id = $1 and kind = $2 and state in ('held', 'failed')",
            id,
            kind.as_str(),
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("release a job"))?;
        self.wakes(kind);
        Ok(freed.rows_affected() > 0)
    }

    /// Gives up a job that is not done and not under way; false for any other.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn cancel_job(&mut self, id: Uuid, why: &str) -> Result<bool, Error> {
        let ended = sqlx::query!(
            "update job set state = 'failed', finished_at = now(), last_error = $2
             where id = $1 and state in ('held', 'ready')",
            id,
            why,
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("give a job up"))?;
        Ok(ended.rows_affected() > 0)
    }

    /// Gives a file up that is in quarantine or held.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn cancel_file(&mut self, id: Uuid, why: &str) -> Result<(), Error> {
        sqlx::query!(
            "with ended as (
                 update job set state = 'failed', finished_at = now(), last_error = $2
                 where kind = 'process' and subject_id = $1 and state = 'held'
             )
             update file set state = 'rejected', reason = $2, hint = '' where id = $1",
            id,
            why,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("give a file up"))
    }
}
