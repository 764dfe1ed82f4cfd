//! Reports: asked for, made, kept with their hashes, and sent.

mod acknowledgments;
mod activity;
mod leave;
mod mail;
mod orders;
mod scorecard;

pub(super) use leave::leave;
pub(super) use mail::send;

use super::hub::{Error, Hub};
use super::reconciliation;
use crate::ids;
use crate::profiles::Profiles;
use crate::reports::{self, Cell, Files, Format, Headline, Kind, Name, Report, Sheet, Writer};
use crate::schedules;
use crate::store::{NewReportMail, NewReportRun, ReportFile, ReportScope, Work, hex};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};
use tracing::debug;
use uuid::Uuid;

/// What is wanted.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Asked {
    /// Which report.
    pub report: Name,
    /// First day.
    pub from: NaiveDate,
    /// Last day, which is within.
    pub to: NaiveDate,
    /// Where days begin.
    pub time_zone: Tz,
    /// Only this partner.
    pub partner: Option<String>,
    /// Only this agreement.
    pub agreement: Option<String>,
}

/// What becomes of a report.
#[derive(Clone, Debug)]
pub struct Handling {
    /// Where its files go.
    pub folder: PathBuf,
    /// In which forms.
    pub formats: Vec<Format>,
    /// To whom it is sent.
    pub mail_to: Vec<String>,
    /// Who wants it.
    pub made_by: String,
    /// The due time it is made for, and the schedule's id for it.
    pub due: Option<Uuid>,
}

/// A report in memory: the head, and each sheet with its rows.
struct Made {
    report: Report,
    sheets: Vec<(Sheet, Vec<Vec<Cell>>)>,
}

/// Makes a report for somebody and writes it to what `open` opens for it; gives its head and its files. A
/// reconciliation is run anew, and its snapshot kept.
///
/// # Errors
/// When the database cannot be asked, or the report cannot be written.
pub async fn write(
    hub: &Hub,
    asked: &Asked,
    by: &str,
    open: impl FnOnce(&Report) -> Result<Box<dyn Writer + Send>, reports::Error> + Send + 'static,
) -> Result<(Report, Vec<PathBuf>), Error> {
    let now = hub.clock.now();
    let made = match asked.report {
        Name::Reconciliation => {
            let wanted = reconciliation::Asked {
                days: (asked.from, asked.to),
                partner: asked.partner.clone(),
                agreement: asked.agreement.clone(),
                by: by.to_owned(),
            };
            let told = |done, all| debug!("{done} of {all} invoices compared");
            let id = reconciliation::run(&hub.store, &hub.agreements(), &wanted, now, told).await?;
            let run = hub.store.find_reconciliation_run(Some(&id.to_string())).await?;
            let run = run.expect("a run that was kept stays");
            return reconciliation::report::write(&hub.store, &run, asked.time_zone, open).await;
        }
        Name::Acknowledgments => acknowledgments::make(hub, asked, now).await?,
        Name::Activity => activity::make(hub, asked, now).await?,
        Name::Unshipped => orders::make_unshipped(hub, asked, now).await?,
        Name::Fulfilment => orders::make_fulfilment(hub, asked, now).await?,
        Name::Scorecard => scorecard::make(hub, asked, now).await?,
    };
    // A workbook takes a while to pack.
    let written = tokio::task::spawn_blocking(move || {
        let mut writer = open(&made.report)?;
        for (sheet, rows) in &made.sheets {
            writer.begin_sheet(sheet)?;
            rows.iter().try_for_each(|row| writer.row(row))?;
            writer.end_sheet()?;
        }
        let files = writer.finish()?;
        Ok::<_, reports::Error>((made.report, files))
    });
    Ok(written.await.map_err(Error::Panicked)??)
}

/// A report whose files are made, and that it was made is not kept yet.
#[derive(Clone, Debug)]
pub struct Filed {
    run: NewReportRun,
    mails: Vec<NewReportMail>,
}

impl Filed {
    /// The id of the run.
    #[must_use]
    pub fn run_id(&self) -> Uuid {
        self.run.id
    }

    /// Keeps that it was made; its mails go once the work is committed.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn keep(&self, work: &mut Work) -> Result<(), Error> {
        Ok(work.insert_report_run(&self.run, &self.mails).await?)
    }
}

/// Makes a report into files.
///
/// # Errors
/// As [`write`].
pub async fn file(hub: &Hub, asked: &Asked, handling: &Handling) -> Result<Filed, Error> {
    let (folder, formats) = (handling.folder.clone(), handling.formats.clone());
    let (report, paths) = write(hub, asked, &handling.made_by, move |report| {
        Ok(Box::new(Files::create(&folder, report, &formats)?))
    })
    .await?;
    let files: Result<Vec<ReportFile>, Error> = paths.iter().map(|path| hashed(path)).collect();
    let id = match handling.due {
        Some(due) => ids::derived("report_run", &[&due.to_string()]),
        None => {
            let folder = handling.folder.display().to_string();
            let made = [asked.report.as_str(), &report.as_of.to_rfc3339(), &folder, &handling.made_by];
            ids::derived("report_run", &made)
        }
    };
    let run = NewReportRun {
        id,
        report: asked.report.as_str().to_owned(),
        from_day: asked.from,
        to_day: asked.to,
        time_zone: asked.time_zone.name().to_owned(),
        partner_id: asked.partner.clone(),
        agreement: asked.agreement.clone(),
        as_of: report.as_of,
        made_by: handling.made_by.clone(),
        due_id: handling.due,
        // The mail may go from another folder of this machine.
        folder: std::path::absolute(&handling.folder)
            .unwrap_or_else(|_| handling.folder.clone())
            .display()
            .to_string(),
        files: files?,
        summary: summary(&report),
    };
    let mails = handling.mail_to.iter().map(|recipient| mail_of(&run, asked, recipient)).collect();
    Ok(Filed { run, mails })
}

/// A mail is told by the run; what its Message-ID is made of, by what it is about and whom it goes to.
fn mail_of(run: &NewReportRun, asked: &Asked, recipient: &str) -> NewReportMail {
    let (from, to) = (asked.from.to_string(), asked.to.to_string());
    let about = [
        asked.report.as_str(),
        &from,
        &to,
        asked.time_zone.name(),
        asked.partner.as_deref().unwrap_or_default(),
        asked.agreement.as_deref().unwrap_or_default(),
        recipient,
    ];
    NewReportMail {
        id: ids::derived("report_mail", &[&run.id.to_string(), recipient]),
        run_id: run.id,
        recipient: recipient.to_owned(),
        message: ids::derived("report_message", &about),
    }
}

/// The headlines as lines of text.
fn summary(report: &Report) -> String {
    let lines = report
        .headlines
        .iter()
        .map(|line| format!("{}: {}", line.title, reports::shown(line, report.time_zone)));
    lines.collect::<Vec<_>>().join("\n")
}

fn hashed(path: &Path) -> Result<ReportFile, Error> {
    let failed = |source| reports::Error::Write { path: path.display().to_string(), source };
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let (mut sha256, mut size_bytes, mut chunk) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        let read = file.read(&mut chunk).map_err(failed)?;
        if read == 0 {
            break;
        }
        sha256.update(chunk.get(..read).unwrap_or_default());
        size_bytes += read as u64;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(ReportFile { name, size_bytes, sha256: hex(&sha256.finalize()) })
}

impl Asked {
    /// The span of instants of the days.
    fn scope(&self, now: DateTime<Utc>) -> ReportScope {
        let begin = |day: NaiveDate| {
            schedules::instant(self.time_zone, day.and_time(NaiveTime::MIN))
                .unwrap_or(DateTime::<Utc>::MAX_UTC)
        };
        ReportScope {
            from: begin(self.from),
            until: begin(self.to.checked_add_days(Days::new(1)).unwrap_or(self.to)),
            now,
            time_zone: self.time_zone.name().to_owned(),
            partner_id: self.partner.clone(),
            agreement: self.agreement.clone(),
        }
    }

    /// A head without headlines.
    fn head(&self, now: DateTime<Utc>, notes: &[&str]) -> Report {
        let narrowed = [("Partner", &self.partner), ("Agreement", &self.agreement)];
        let narrowed =
            narrowed.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
        Report {
            name: self.report.as_str().to_owned(),
            title: self.report.title().to_owned(),
            period: (self.from, self.to),
            as_of: now,
            time_zone: self.time_zone,
            run: None,
            narrowed: narrowed.collect(),
            headlines: Vec::new(),
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
            led_to: Vec::new(),
        }
    }

    /// All days of the period.
    fn days(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let to = self.to;
        self.from.iter_days().take_while(move |day| *day <= to)
    }
}

fn headline(title: &str, kind: Kind, value: impl Into<Cell>) -> Headline {
    Headline { title: title.to_owned(), kind, value: value.into() }
}

/// A part of a whole; nothing where there is no whole.
fn share(part: impl Into<Decimal>, whole: impl Into<Decimal>) -> Option<Decimal> {
    part.into().checked_div(whole.into()).map(|share| share.round_dp(4).normalize())
}

/// A time in hours, to a tenth.
fn hours(time: chrono::TimeDelta) -> Decimal {
    (Decimal::from(time.num_seconds()) / Decimal::from(3_600)).round_dp(1).normalize()
}

/// Who of us looks after a partner's trouble: whom the exception names, else the agreement, else the profile.
fn owner(
    profiles: &Profiles,
    named: Option<&String>,
    partner: &str,
    agreement: Option<&str>,
) -> Option<String> {
    let profile = profiles.find(partner);
    let agreed =
        profile.and_then(|profile| profile.find_agreement(agreement)).and_then(|agreed| agreed.owner.clone());
    named.cloned().or(agreed).or_else(|| profile.and_then(|profile| profile.owner.clone()))
}
