//! Runs of reports, their mails, and the due times of schedules.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::types::Json;
use uuid::Uuid;

use crate::store::{Error, JobKind, JobState, Lease, NewJob, Store, Work};

/// A file of a run.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReportFile {
    /// Its name in the folder of the run.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// A run to keep.
#[derive(Clone, Debug)]
pub struct NewReportRun {
    /// Its id.
    pub id: Uuid,
    /// Which report.
    pub report: String,
    /// First day.
    pub from_day: NaiveDate,
    /// Last day.
    pub to_day: NaiveDate,
    /// Zone of days.
    pub time_zone: String,
    /// Narrowed to this partner.
    pub partner_id: Option<String>,
    /// Narrowed to this agreement.
    pub agreement: Option<String>,
    /// The instant whose state it shows.
    pub as_of: DateTime<Utc>,
    /// Who asked for it.
    pub made_by: String,
    /// The due time that it was made for.
    pub due_id: Option<Uuid>,
    /// Where its files are.
    pub folder: String,
    /// Its files.
    pub files: Vec<ReportFile>,
    /// Its headlines as text.
    pub summary: String,
}

/// A scheduled run whose files lie in a folder.
#[derive(Clone, Debug)]
pub struct FiledReport {
    /// Its id.
    pub id: Uuid,
    /// Which report.
    pub report: String,
    /// Narrowed to this partner.
    pub partner_id: Option<String>,
    /// The instant whose state it shows.
    pub as_of: DateTime<Utc>,
    /// Where its files are.
    pub folder: String,
    /// Its files.
    pub files: Json<Vec<ReportFile>>,
    /// When they left.
    pub left_at: Option<DateTime<Utc>>,
}

/// A mail of a run to send.
#[derive(Clone, Debug)]
pub struct NewReportMail {
    /// Derived from the run and the recipient.
    pub id: Uuid,
    /// The run.
    pub run_id: Uuid,
    /// To whom.
    pub recipient: String,
    /// Derived from report, period and recipient.
    pub message: Uuid,
}

/// A run as it was kept.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ReportRun {
    /// Its id.
    pub id: Uuid,
    /// Which report.
    pub report: String,
    /// First day.
    pub from_day: NaiveDate,
    /// Last day.
    pub to_day: NaiveDate,
    /// Zone of days.
    pub time_zone: String,
    /// Narrowed to this partner.
    pub partner_id: Option<String>,
    /// Narrowed to this agreement.
    pub agreement: Option<String>,
    /// The instant whose state it shows.
    pub as_of: DateTime<Utc>,
    /// Who asked for it.
    pub made_by: String,
    /// When it was due, if a schedule asked for it.
    pub due_at: Option<DateTime<Utc>>,
    /// Where its files are.
    pub folder: String,
    /// Its files.
    pub files: Json<Vec<ReportFile>>,
    /// Its headlines as text.
    pub summary: String,
    /// When its files left with their retention.
    pub left_at: Option<DateTime<Utc>>,
}

/// A mail of a run, and where it stands.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ReportMail {
    /// Its id.
    pub id: Uuid,
    /// The run.
    pub run_id: Uuid,
    /// To whom.
    pub recipient: String,
    /// What its Message-ID is made of.
    pub message: Uuid,
    /// When the server took it.
    pub sent_at: Option<DateTime<Utc>>,
    /// What the server said then.
    pub answer: String,
    /// Where its job stands.
    pub state: JobState,
    /// How often it was tried.
    pub attempts: i32,
    /// Why it did not go.
    pub last_error: Option<String>,
}

/// A report that a schedule asked for.
#[derive(Clone, Debug)]
pub struct DueReport {
    /// Its id.
    pub id: Uuid,
    /// The schedule.
    pub schedule_id: Uuid,
    /// When it was due.
    pub due_at: DateTime<Utc>,
    /// Which report.
    pub report: String,
    /// What is to be made.
    pub asked: serde_json::Value,
}

impl Store {
    /// Since when a schedule has missed nothing: its last due time, or when it was first seen, which is now for a
    /// new one.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn find_last_due(&self, schedule: Uuid, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
        sqlx::query_scalar!(
            r#"with seen as (
                   insert into report_schedule (id, first_seen_at) values ($1, $2) on conflict do nothing
               )
               select coalesce(
                   (select max(due_at) from report_due where schedule_id = $1),
                   (select first_seen_at from report_schedule where id = $1), $2
               ) as "since!""#,
            schedule,
            now,
        )
        .fetch_one(&self.pool)
        .await
        .map_err(Error::query("find when a report was last due"))
    }

    /// Claims a due time: true for the one node that has it made, whatever others do at the same time.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn claim_due(&self, due: &DueReport) -> Result<bool, Error> {
        let mut work = self.begin().await?;
        let claimed = sqlx::query!(
            "insert into report_due (id, schedule_id, due_at, report, asked) values ($1, $2, $3, $4, $5)
             on conflict do nothing",
            due.id,
            due.schedule_id,
            due.due_at,
            due.report,
            due.asked,
        )
        .execute(work.connection())
        .await
        .map_err(Error::query("claim the due time of a report"))?;
        if claimed.rows_affected() == 0 {
            return Ok(false);
        }
        work.enqueue_jobs(&[NewJob::now(JobKind::Report, due.id)]).await?;
        work.commit().await?;
        Ok(true)
    }

    /// A due report.
    ///
    /// # Errors
    /// When there is none, or the database cannot be asked.
    pub async fn find_due(&self, id: Uuid) -> Result<DueReport, Error> {
        sqlx::query_as!(
            DueReport,
            "select id, schedule_id, due_at, report, asked from report_due where id = $1",
            id
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(Error::query("find a due report"))?
        .ok_or(Error::Missing { what: "due report", id })
    }

    /// A run.
    ///
    /// # Errors
    /// When there is none, or the database cannot be asked.
    pub async fn find_report_run(&self, id: Uuid) -> Result<ReportRun, Error> {
        let found = self.query_report_runs(Some(id), None, 1).await?.pop();
        found.ok_or(Error::Missing { what: "report run", id })
    }

    /// The latest runs, of one report if it is named.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_report_runs(&self, report: Option<&str>, limit: i64) -> Result<Vec<ReportRun>, Error> {
        self.query_report_runs(None, report, limit).await
    }

    async fn query_report_runs(
        &self,
        id: Option<Uuid>,
        report: Option<&str>,
        limit: i64,
    ) -> Result<Vec<ReportRun>, Error> {
        sqlx::query_as!(
            ReportRun,
            r#"select r.id, r.report, r.from_day, r.to_day, r.time_zone, r.partner_id, r.agreement, r.as_of, r.made_by,
                   d.due_at as "due_at?", r.folder, r.files as "files: Json<Vec<ReportFile>>", r.summary,
                   l.left_at as "left_at?"
               from report_run r left join report_due d on d.id = r.due_id left join report_left l on l.run_id = r.id
               where ($1::uuid is null or r.id = $1) and ($2::text is null or r.report = $2)
               order by r.as_of desc, r.id limit $3"#,
            id,
            report,
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list runs of reports"))
    }

    /// Scheduled runs whose files lie in these folders, and of which no mail is still to go.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_filed_reports(&self, folders: &[String]) -> Result<Vec<FiledReport>, Error> {
        sqlx::query_as!(
            FiledReport,
            r#"select r.id, r.report, r.partner_id, r.as_of, r.folder, r.files as "files: Json<Vec<ReportFile>>",
                   l.left_at as "left_at?"
               from report_run r left join report_left l on l.run_id = r.id
               where r.folder = any($1) and r.due_id is not null and not exists (
                   select from report_mail m join job j on j.kind = 'mail' and j.subject_id = m.id
                   where m.run_id = r.id and j.state not in ('done', 'failed'))"#,
            folders,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list reports by their folders"))
    }

    /// The mails of a run.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_report_mails(&self, run: Uuid) -> Result<Vec<ReportMail>, Error> {
        self.query_report_mails(None, Some(run)).await
    }

    /// A mail.
    ///
    /// # Errors
    /// When there is none, or the database cannot be asked.
    pub async fn find_report_mail(&self, id: Uuid) -> Result<ReportMail, Error> {
        let found = self.query_report_mails(Some(id), None).await?.pop();
        found.ok_or(Error::Missing { what: "mail", id })
    }

    async fn query_report_mails(
        &self,
        id: Option<Uuid>,
        run: Option<Uuid>,
    ) -> Result<Vec<ReportMail>, Error> {
        sqlx::query_as!(
            ReportMail,
            r#"select m.id, m.run_id, m.recipient, m.message, m.sent_at, m.answer, j.state as "state: JobState",
                   j.attempts, j.last_error
               from report_mail m join job j on j.kind = 'mail' and j.subject_id = m.id
               where ($1::uuid is null or m.id = $1) and ($2::uuid is null or m.run_id = $2)
               order by m.recipient"#,
            id,
            run,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list mails of a report"))
    }
}

impl Work {
    /// Keeps a run and enqueues its mails. A run that is known stays as it is.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_report_run(
        &mut self,
        run: &NewReportRun,
        mails: &[NewReportMail],
    ) -> Result<(), Error> {
        sqlx::query!(
            "insert into report_run (id, report, from_day, to_day, time_zone, partner_id, agreement, as_of, made_by,
                 due_id, folder, files, summary)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
             on conflict do nothing",
            run.id,
            run.report,
            run.from_day,
            run.to_day,
            run.time_zone,
            run.partner_id,
            run.agreement,
            run.as_of,
            run.made_by,
            run.due_id,
            run.folder,
            Json(&run.files) as _,
            run.summary,
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("keep the run of a report"))?;
        for mail in mails {
            sqlx::query!(
                "insert into report_mail (id, run_id, recipient, message) values ($1, $2, $3, $4)
                 on conflict do nothing",
                mail.id,
                mail.run_id,
                mail.recipient,
                mail.message,
            )
            .execute(self.connection())
            .await
            .map_err(Error::query("keep a mail of a report"))?;
        }
        let jobs: Vec<NewJob> = mails.iter().map(|mail| NewJob::now(JobKind::Mail, mail.id)).collect();
        self.enqueue_jobs(&jobs).await
    }

    /// Notes that the files of these runs left.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_reports_left(&mut self, runs: &[Uuid], at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "insert into report_left (run_id, left_at) select unnest($1::uuid[]), $2 on conflict do nothing",
            runs,
            at,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("note that files of reports left"))
    }

    /// Notes that a server took a mail, and ends its job.
    ///
    /// # Errors
    /// [`Error::LeaseLost`], or when the database cannot be written.
    pub async fn note_mail_sent(
        &mut self,
        mail: Uuid,
        at: DateTime<Utc>,
        answer: &str,
        lease: Lease,
    ) -> Result<(), Error> {
        sqlx::query!("update report_mail set sent_at = $2, answer = $3 where id = $1", mail, at, answer)
            .execute(self.connection())
            .await
            .map_err(Error::query("note that a mail was sent"))?;
        self.complete_jobs(&[lease]).await
    }
}
