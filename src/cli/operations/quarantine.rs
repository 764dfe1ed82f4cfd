//! `quarantine`: files that are kept aside until a person has decided.

use super::files::{self, Page, Show};
use crate::config::Config;
use crate::store::{FileFilter, FileState, Store};

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
    /// One file with why it is kept aside and what to do
    Show(Show),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only this partner's
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// With this in their names
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    #[command(flatten)]
    page: Page,
}

pub(super) async fn run(config: &Config, store: &Store, arguments: Arguments) -> anyhow::Result<()> {
    match arguments.action.unwrap_or(Action::List(arguments.list)) {
        Action::Show(show) => files::show(config, store, &show).await,
        Action::List(list) => {
            let filter = FileFilter {
                partner_id: list.partner,
                state: Some(FileState::Quarantined),
                name: list.name,
                since: list.page.since,
                before: list.page.until,
                ..FileFilter::default()
            };
            let found = store.list_files(&filter, list.page.limit).await?;
            files::list(&found, list.page.json, "file in quarantine")
        }
    }
}
