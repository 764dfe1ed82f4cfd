//! `jobs`: what the hub is going to do, and what it has stopped doing until a person looks.

use super::files::Page;
use super::{lineage, naming, output};
use crate::store::{JobFilter, JobKind, JobState, Noun, Store};

/// What to list, or which one to show.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// The latest first; without `--status` those that are not done
    List(List),
    /// One job with the file or delivery it is about
    Show(Show),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only this partner's
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// With documents of this number: their own, the purchase order's or the order's
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// process, deliver, dispose, report or mail
    #[arg(long, value_name = "KIND")]
    kind: Option<JobKind>,
    /// ready, leased, done, failed or held
    #[arg(long, value_name = "STATE")]
    status: Option<JobState>,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// Its id, or the first eight digits
    #[arg(value_name = "ID")]
    id: String,
    /// JSON for machines
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(store: &Store, arguments: Arguments) -> anyhow::Result<()> {
    match arguments.action.unwrap_or(Action::List(arguments.list)) {
        Action::Show(show) => self::show(store, &show).await,
        Action::List(list) => self::list(store, list).await,
    }
}

async fn list(store: &Store, list: List) -> anyhow::Result<()> {
    let filter = JobFilter {
        kind: list.kind,
        state: list.status,
        partner_id: list.partner,
        number: list.number,
        since: list.page.since,
        before: list.page.until,
        ..JobFilter::default()
    };
    let found = store.list_job_overviews(&filter, list.page.limit).await?;
    let header = ["id", "enqueued", "job", "about", "of", "partner", "state", "tries", "next", "why"];
    let what = if list.status.is_some() { "such job" } else { "job that is not done" };
    output::list(&found, list.page.json, what, &header, |job| {
        let waits = matches!(job.state, JobState::Ready | JobState::Leased);
        vec![
            naming::short(job.id),
            output::time(job.created_at),
            output::words(job.kind),
            job.subject.clone().unwrap_or_default(),
            naming::short(job.subject_id),
            job.partner_id.clone().unwrap_or_default(),
            output::words(job.state),
            job.attempts.to_string(),
            if waits { output::time(job.run_after) } else { String::new() },
            lineage::why(job),
        ]
    })
}

async fn show(store: &Store, show: &Show) -> anyhow::Result<()> {
    let id = naming::find(store, Noun::Job, &show.id).await?;
    let found = store.list_job_overviews(&JobFilter { id: Some(id), ..JobFilter::default() }, 1).await?;
    if show.json {
        return output::json(&found.first());
    }
    let mut page = output::Page::default();
    for job in &found {
        lineage::job_lines(&mut page, 0, job);
        let show = match job.kind {
            JobKind::Deliver => "deliveries",
            JobKind::Process | JobKind::Dispose => "files",
            // A report and its mails are shown by its name, with what was made of it.
            JobKind::Report | JobKind::Mail => continue,
        };
        page.line(0, format!("more: crossdock {show} show {}", naming::short(job.subject_id)));
    }
    page.print()
}
