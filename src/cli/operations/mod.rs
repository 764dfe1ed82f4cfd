//! The commands of the people who run the hub: look at what there is, and act on it.
#![expect(clippy::print_stderr, reason = "commands speak to people")]

mod act;
mod audit;
mod correct;
mod data;
mod deliveries;
mod documents;
mod exceptions;
mod files;
mod jobs;
mod lineage;
mod naming;
mod numbers;
mod order;
mod output;
mod quarantine;
mod replay;
mod report;

use super::exit;
use crate::clock::Clock;
use crate::config::Config;
use crate::declaration::suggestion;
use crate::pipeline::{Agreements, Hub};
use crate::profiles::Profile;
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
    /// Let go on what is kept aside or held: quarantined files are read again, held deliveries tried again
    Release(act::Acted),
    /// Say whose a quarantined file is, and have it read as that partner's
    Assign(act::Assign),
    /// Give up a delivery, a quarantined file, or a document that waits for another
    Cancel(act::Acted),
    /// Send a delivery once more: the same bytes, name, control numbers and idempotency key
    Resend(act::Acted),
    /// Read a stored file or document again and show what would differ; carry it out only with --apply or --issue-new
    Replay(replay::Arguments),
    /// Put a mended file in the place of one that came: it is read as that one, which is kept beside it
    Correct(correct::Arguments),
    /// List the counters of control numbers and how far each is from its end, or set where one goes on
    Numbers(numbers::Arguments),
    /// List what people did, or verify that nobody has changed the record of it
    Audit(audit::Arguments),
    /// Load, export and list master data: items, numbers, packs, prices, locations, carriers, crosswalks
    #[command(subcommand)]
    Data(data::Command),
    /// Make reports, list them, and show what was made and sent
    #[command(subcommand)]
    Report(report::Command),
    /// List what a person must settle, show it, settle it, or give it to somebody
    Exceptions(exceptions::Arguments),
    /// Show all that became of an order, as a time line with its items and what is odd about it
    Order(order::Arguments),
    /// List documents by any of their numbers: order, purchase order, shipment, bill of lading, PRO, SSCC, lot and more
    Search(order::Search),
}

/// Runs one of them.
pub(super) async fn run(config: &Config, command: Command) -> anyhow::Result<ExitCode> {
    let database = super::open::database(config).await?;
    let done = dispatch(config, &database.store, command).await;
    database.store.close().await;
    match done {
        Ok(code) => Ok(code),
        Err(error) => match error.downcast_ref::<Refusal>() {
            Some(refusal) => {
                eprintln!("{refusal}");
                Ok(ExitCode::from(refusal.code))
            }
            None => Err(error),
        },
    }
}

async fn dispatch(config: &Config, store: &Store, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Files(arguments) => files::run(config, store, arguments).await?,
        Command::Documents(arguments) => documents::run(store, arguments).await?,
        Command::Deliveries(arguments) => deliveries::run(store, arguments).await?,
        Command::Quarantine(arguments) => quarantine::run(config, store, arguments).await?,
        Command::Jobs(arguments) => jobs::run(store, arguments).await?,
        Command::Search(search) => order::search(store, &search).await?,
        Command::Order(arguments) => return order::run(config, store, &arguments).await,
        Command::Exceptions(arguments) => return exceptions::run(config, store, arguments).await,
        Command::Report(command) => return report::run(config, store, command).await,
        Command::Release(acted) => return act::release(store, &acted).await,
        Command::Cancel(acted) => return act::cancel(store, &acted).await,
        Command::Resend(acted) => return act::resend(store, &acted).await,
        Command::Assign(asked) => return act::assign(&hub(config, store)?, &asked).await,
        Command::Replay(arguments) => return replay::run(&hub(config, store)?, &arguments).await,
        Command::Correct(arguments) => return correct::run(&hub(config, store)?, &arguments).await,
        Command::Numbers(arguments) => return numbers::run(config, store, arguments).await,
        Command::Audit(arguments) => return audit::run(store, arguments).await,
        Command::Data(command) => return data::run(config, store, command).await,
    }
    Ok(ExitCode::from(exit::DONE))
}

/// The hub with the profiles in force, for what asks them.
fn hub(config: &Config, store: &Store) -> anyhow::Result<Hub> {
    Ok(Hub::new(config.clone(), store.clone(), Clock::System, agreements(config)?))
}

/// The profiles in force.
fn agreements(config: &Config) -> anyhow::Result<Agreements> {
    super::open::agreements(config)
        .map_err(|shown| Refusal::usage(shown, "mend what is told above; nothing was done"))
}

/// The profile of a partner that was named, or who else could be meant.
fn find_partner<'a>(agreements: &'a Agreements, id: &str) -> anyhow::Result<&'a Profile> {
    agreements.profiles.find(id).ok_or_else(|| {
        let known: Vec<&str> = agreements.profiles.list().map(|profile| profile.id.as_str()).collect();
        Refusal::usage(format!("there is no partner `{id}`"), suggestion(id, &known))
    })
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
