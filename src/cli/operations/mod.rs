//! The commands of the people who run the hub: look at what there is, and act on it.
#![expect(clippy::print_stderr, reason = "commands speak to people")]

mod deliveries;
mod documents;
mod files;
mod jobs;
mod lineage;
mod naming;
mod output;
mod quarantine;

use super::exit;
use crate::config::Config;
use crate::store::Store;
use std::process::ExitCode;

/// One command for each noun.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List files, or show one with all that came of it
    Files(files::Arguments),
    /// List documents, or show one with all that came of it
    Documents(documents::Arguments),
    /// List deliveries, or show one with every try
    Deliveries(deliveries::Arguments),
    /// List files that are kept aside for a person, or show one
    Quarantine(quarantine::Arguments),
    /// List jobs that are not done, or show one
    Jobs(jobs::Arguments),
}

/// Runs one of them.
pub(super) async fn run(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    let database = super::open::database(config).await?;
    let done = dispatch(&database.store, command).await;
    database.store.close().await;
    match done {
        Ok(()) => Ok(ExitCode::from(exit::DONE)),
        Err(error) => match error.downcast_ref::<Refusal>() {
            Some(refusal) => {
                eprintln!("{refusal}");
                Ok(ExitCode::from(refusal.code))
            }
            None => Err(error),
        },
    }
}

async fn dispatch(store: &Store, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Files(arguments) => files::run(store, arguments).await,
        Command::Documents(arguments) => documents::run(store, arguments).await,
        Command::Deliveries(arguments) => deliveries::run(store, arguments).await,
        Command::Quarantine(arguments) => quarantine::run(store, arguments).await,
        Command::Jobs(arguments) => jobs::run(store, arguments).await,
    }
}

/// What cannot be done as it was asked for, and what can be done instead.
#[derive(Debug, thiserror::Error)]
#[error("{message}; hint: {hint}")]
struct Refusal {
    message: String,
    hint: String,
    code: u8,
}

impl Refusal {
    /// What was typed names nothing, or not one thing.
    fn usage(message: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
        Self { message: message.into(), hint: hint.into(), code: exit::USAGE }.into()
    }
}
