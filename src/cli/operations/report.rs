//! `report`: which reports there are, one made now, and what was made before.

use super::super::exit;
use super::{Refusal, act, find_partner, naming, output};
use crate::config::Config;
use crate::declaration::suggestion;
use crate::pipeline::reports::{self, Asked, Handling};
use crate::pipeline::{self, Hub, schedules};
use crate::reports::{Format, Name, json_to};
use crate::schedules::Schedule;
use crate::store::{JobKind, JobState, Noun, ReportMail, ReportRun, Store};
use crate::transports::mail;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// What to do with reports.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List the reports there are, and which of them are made when
    List(List),
    /// Make a report now
    Run(Run),
    /// Show what was made: of one run all, of a report its latest runs
    Show(Show),
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct List {
    /// JSON for machines
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Run {
    /// Which one; `crossdock report list` names them
    #[arg(value_name = "NAME")]
    report: Name,
    /// First day
    #[arg(long, value_name = "DATE")]
    from: NaiveDate,
    /// Last day, which is within
    #[arg(long, value_name = "DATE")]
    to: NaiveDate,
    /// Zone of these days, such as America/Chicago; without it the partner's, else UTC
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<Tz>,
    /// Only this partner
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// Only this agreement, one depositor of a partner
    #[arg(long, value_name = "ID")]
    agreement: Option<String>,
    /// Folder for its files
    #[arg(long, value_name = "DIR", required_unless_present = "json", conflicts_with = "json")]
    out: Option<PathBuf>,
    /// Forms of its files: html, xlsx, csv, json
    #[arg(long, value_name = "FORM", value_delimiter = ',', value_parser = form, default_value = "html,xlsx,csv")]
    formats: Vec<Format>,
    /// Send it: to these addresses, or without any to those whom the schedules of this report name
    #[arg(long, value_name = "ADDRESS", num_args = 0.., requires = "out")]
    mail: Option<Vec<String>>,
    /// Print the figures as JSON, in the place of files
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Show {
    /// The id of a run, its first eight digits, or the name of a report
    #[arg(value_name = "RUN|NAME")]
    what: String,
    /// Runs at most
    #[arg(long, default_value_t = 20, value_name = "N")]
    limit: i64,
    /// JSON for machines
    #[arg(long)]
    json: bool,
}

fn form(typed: &str) -> Result<Format, String> {
    let found = Format::ALL.iter().find(|(word, _)| *word == typed);
    found.map(|(_, format)| *format).ok_or_else(|| String::from("write html, xlsx, csv or json"))
}

pub(super) async fn run(config: &Config, store: &Store, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(list) => self::list(&super::hub(config, store)?, &list)?,
        Command::Run(run) => return make(Arc::new(super::hub(config, store)?), run).await,
        Command::Show(show) => self::show(store, &show).await?,
    }
    Ok(ExitCode::from(exit::DONE))
}

/// A schedule as people see it.
#[derive(serde::Serialize)]
struct Planned {
    report: Name,
    partner: Option<String>,
    agreement: Option<String>,
    cron: String,
    time_zone: &'static str,
    next: Option<DateTime<Utc>>,
    mail_to: Vec<String>,
}

fn list(hub: &Hub, list: &List) -> anyhow::Result<()> {
    let plan = |schedule: Schedule| Planned {
        report: schedule.report,
        next: schedule.cron.next_after(hub.clock.now()),
        cron: schedule.cron.expression().to_owned(),
        time_zone: schedule.cron.zone().name(),
        partner: schedule.partner,
        agreement: schedule.agreement,
        mail_to: schedule.mail_to,
    };
    let planned: Vec<Planned> = schedules::list(hub).into_iter().map(plan).collect();
    if list.json {
        let names: Vec<_> =
            Name::ALL.iter().map(|(word, name)| json!({"name": word, "about": name.about()})).collect();
        return output::json(&json!({"reports": names, "schedules": planned}));
    }
    let mut page = output::Page::default();
    for (word, name) in Name::ALL {
        page.line(0, format!("{word:<16} {}", name.about()));
    }
    page.print()?;
    let header = ["report", "partner", "agreement", "cron", "zone", "next", "mail to"];
    output::list(&planned, false, "schedule in crossdock.toml or in a profile", &header, |planned| {
        vec![
            planned.report.to_string(),
            planned.partner.clone().unwrap_or_default(),
            planned.agreement.clone().unwrap_or_default(),
            planned.cron.clone(),
            planned.time_zone.to_owned(),
            planned.next.map(output::time).unwrap_or_default(),
            planned.mail_to.join(", "),
        ]
    })
}

async fn make(hub: Arc<Hub>, run: Run) -> anyhow::Result<ExitCode> {
    if run.to < run.from {
        return Err(Refusal::usage(
            format!("{} comes before {}", run.to, run.from),
            "write --from the first day and --to the last",
        ));
    }
    let agreements = hub.agreements();
    let profile = match &run.partner {
        Some(id) => Some(find_partner(&agreements, id)?),
        None => None,
    };
    if let Some(wanted) = &run.agreement {
        let among = agreements.profiles.list().filter(|among| profile.is_none_or(|one| one.id == among.id));
        let known: Vec<&str> = among.flat_map(|by| &by.agreements).map(|by| by.id.as_str()).collect();
        if !known.contains(&wanted.as_str()) {
            let whose = profile.map_or("no partner", |profile| profile.id.as_str());
            let has = if profile.is_some() { "has no agreement" } else { "has an agreement" };
            return Err(Refusal::usage(format!("{whose} {has} `{wanted}`"), suggestion(wanted, known)));
        }
    }
    let zone = run.time_zone.or(profile.map(|profile| profile.time_zone)).unwrap_or(chrono_tz::UTC);
    let asked = Asked {
        report: run.report,
        from: run.from,
        to: run.to,
        time_zone: zone,
        partner: run.partner.clone(),
        agreement: run.agreement.clone(),
    };
    let mail_to = recipients(&hub, &run)?;
    if let Some(folder) = run.out {
        let made_by = act::account();
        let handling = Handling { folder, formats: run.formats, mail_to, made_by, due: None };
        let filed = reports::file(&hub, &asked, &handling).await?;
        let mut work = hub.store.begin().await?;
        filed.keep(&mut work).await?;
        work.commit().await?;
        if !handling.mail_to.is_empty() {
            // Whoever is quicker sends them: this process, or a hub that serves.
            pipeline::drain(&hub, JobKind::Mail).await?;
        }
        return tell(&hub.store, filed.run_id()).await;
    }
    reports::write(&hub, &asked, &act::account(), |report| json_to(std::io::stdout(), report)).await?;
    Ok(ExitCode::from(exit::DONE))
}

/// To whom a report goes that is asked for now.
fn recipients(hub: &Hub, run: &Run) -> anyhow::Result<Vec<String>> {
    let Some(named) = &run.mail else { return Ok(Vec::new()) };
    if hub.config.mail.is_none() {
        let hint = "write [mail] with host, tls and from in crossdock.toml";
        return Err(Refusal::usage("there is no server that takes our mail", hint));
    }
    if let Some(wrong) = named.iter().find(|named| !mail::is_address(named)) {
        return Err(Refusal::usage(format!("`{wrong}` is no mail address"), mail::FORM));
    }
    if !named.is_empty() {
        return Ok(named.clone());
    }
    let fitting = schedules::list(hub).into_iter().filter(|schedule| {
        let about = (&schedule.partner, &schedule.agreement);
        schedule.report == run.report && about == (&run.partner, &run.agreement)
    });
    let mut recipients: Vec<String> = fitting.flat_map(|schedule| schedule.mail_to).collect();
    recipients.sort();
    recipients.dedup();
    if recipients.is_empty() {
        let hint = "name them: --mail ap@buyer.example";
        return Err(Refusal::usage(format!("no schedule says to whom `{}` goes", run.report), hint));
    }
    Ok(recipients)
}

/// Prints what was made; what is not sent yet makes exit code 3.
async fn tell(store: &Store, id: uuid::Uuid) -> anyhow::Result<ExitCode> {
    let run = store.find_report_run(id).await?;
    let mails = store.list_report_mails(id).await?;
    let mut page = output::Page::default();
    lines(&mut page, &run, &mails);
    page.print()?;
    let open = mails.iter().any(|mail| mail.sent_at.is_none());
    Ok(ExitCode::from(if open { exit::LATER } else { exit::DONE }))
}

async fn show(store: &Store, show: &Show) -> anyhow::Result<()> {
    let runs = match show.what.parse::<Name>() {
        Ok(name) => store.list_report_runs(Some(name.as_str()), show.limit).await?,
        Err(_) => {
            let id = naming::find(store, Noun::Report, &show.what).await?;
            vec![store.find_report_run(id).await?]
        }
    };
    let mut page = output::Page::default();
    let mut values = Vec::new();
    for run in &runs {
        let mails = store.list_report_mails(run.id).await?;
        lines(&mut page, run, &mails);
        values.push(json!({"run": run, "mails": mails}));
    }
    if show.json {
        return output::json(&values);
    }
    if runs.is_empty() {
        page.line(0, format!("no run of {}", show.what));
    }
    page.print()
}

fn lines(page: &mut output::Page, run: &ReportRun, mails: &[ReportMail]) {
    page.line(0, format!("{} of {} to {} ({})", run.report, run.from_day, run.to_day, run.time_zone));
    page.field(1, "run", run.id.to_string());
    page.field(1, "as of", output::time(run.as_of));
    page.field(1, "partner", run.partner_id.clone().unwrap_or_default());
    page.field(1, "agreement", run.agreement.clone().unwrap_or_default());
    page.field(1, "made by", &run.made_by);
    page.field(1, "due", run.due_at.map(output::time).unwrap_or_default());
    for line in run.summary.lines() {
        page.line(1, line);
    }
    match run.left_at {
        Some(at) => page.line(1, format!("its files left {} with their retention", output::time(at))),
        None => page.field(1, "in", &run.folder),
    }
    for file in run.files.iter() {
        page.line(2, format!("{}, {} bytes, SHA-256 {}", file.name, file.size_bytes, file.sha256));
    }
    for mail in mails {
        let state = match (mail.sent_at, mail.state) {
            (Some(at), _) => format!("sent {}", output::time(at)),
            (None, JobState::Held) => String::from("held for a person"),
            (None, JobState::Failed) => String::from("given up"),
            (None, _) => String::from("to be tried again"),
        };
        let why = mail.last_error.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
        page.line(1, format!("mail to {}: {state}, tries {}{why}", mail.recipient, mail.attempts));
    }
}
