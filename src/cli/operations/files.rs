//! `files`: what came and what left, with all that came of it.

use super::{lineage, naming, output};
use crate::config::Config;
use crate::pipeline::retention;
use crate::store::{Direction, FileFilter, FileRow, FileState, Noun, Store};
use chrono::{DateTime, Utc};

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
    /// The latest first
    List(List),
    /// One file with its documents, what they led to, findings and tries
    Show(Show),
}

/// Which files.
#[derive(Debug, clap::Args)]
struct List {
    /// Only this partner's
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// With documents of this number: their own, the purchase order's or the order's
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// With this in their names
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// received, processed, duplicate, quarantined, waiting, rejected or composed
    #[arg(long, value_name = "STATE")]
    status: Option<FileState>,
    /// inbound or outbound
    #[arg(long, value_name = "WORD")]
    direction: Option<Direction>,
    #[command(flatten)]
    page: Page,
}

/// Which part of a list, and how it is written.
#[derive(Debug, clap::Args)]
pub(super) struct Page {
    /// Not before this: `2026-11-25`, `2026-11-25T06:30` (UTC), `6h` or `2d` ago
    #[arg(long, value_name = "TIME", value_parser = naming::instant)]
    pub(super) since: Option<DateTime<Utc>>,
    /// Before this, in the same forms
    #[arg(long, value_name = "TIME", value_parser = naming::instant)]
    pub(super) until: Option<DateTime<Utc>>,
    /// So many at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(super) limit: i64,
    /// JSON for machines
    #[arg(long)]
    pub(super) json: bool,
}

/// Which one, and how it is written.
#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// Its id, or the first eight digits
    #[arg(value_name = "ID")]
    pub(super) id: String,
    /// With the first 2,000 bytes of its body
    #[arg(long)]
    pub(super) body: bool,
    /// JSON for machines
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn run(config: &Config, store: &Store, arguments: Arguments) -> anyhow::Result<()> {
    match arguments.action.unwrap_or(Action::List(arguments.list)) {
        Action::Show(show) => self::show(config, store, &show).await,
        Action::List(list) => {
            let filter = FileFilter {
                direction: list.direction,
                partner_id: list.partner,
                state: list.status,
                name: list.name,
                number: list.number,
                since: list.page.since,
                before: list.page.until,
                ..FileFilter::default()
            };
            self::list(&store.list_files(&filter, list.page.limit).await?, list.page.json, "file")
        }
    }
}

/// Prints files.
pub(super) fn list(files: &[FileRow], json: bool, what: &str) -> anyhow::Result<()> {
    let header = ["id", "at", "file", "partner", "bytes", "state", "why", "what to do"];
    output::list(files, json, what, &header, |file| {
        vec![
            naming::short(file.id),
            output::time(file.received_at),
            file.name.clone(),
            lineage::side(file.direction, file.partner_id.as_deref().unwrap_or(&file.channel)),
            file.size_bytes.to_string(),
            output::words(file.state),
            file.reason.clone(),
            file.hint.clone(),
        ]
    })
}

/// Shows one file.
pub(super) async fn show(config: &Config, store: &Store, show: &Show) -> anyhow::Result<()> {
    let id = naming::find(store, Noun::File, &show.id).await?;
    let mut lineage = lineage::of_file(store, id).await?;
    // Profiles with faults hide nothing else of a file.
    if let Ok(agreements) = super::agreements(config) {
        lineage.kept = retention::kept(store, &agreements, &lineage.file).await?;
    }
    let bytes = if show.body { Some(store.load_file(id).await?.bytes) } else { None };
    lineage::print_file(&lineage, bytes.as_deref(), show.json)
}
