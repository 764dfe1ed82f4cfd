//! Commands: the only part that prints.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "commands speak to people")]

mod answers;
pub mod compose;
pub mod demo;
pub mod excerpt;
pub mod explain;
pub mod faults;
pub mod inputs;
mod open;
mod operations;
pub mod partner;
mod run;
pub mod schema;
mod status;
mod terms;
pub mod translate;
pub mod validate;

use crate::clock::Clock;
use crate::config::{self, Config};
use crate::kill_points;
use crate::pipeline;
use crate::store;
use crate::telemetry;
use clap::{Parser, Subcommand};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit codes, as `docs/guides/operations.md` lists them.
pub mod exit {
    /// Done.
    pub const DONE: u8 = 0;
    /// Findings: something was rejected or a check failed.
    pub const FINDINGS: u8 = 1;
    /// Usage or settings.
    pub const USAGE: u8 = 2;
    /// Failed, but may work later.
    pub const LATER: u8 = 3;
    /// A fault of the program.
    pub const BUG: u8 = 70;
}

/// EDI and file-transfer hub: files in, canonical records in Postgres, every acknowledgment tracked.
#[derive(Debug, Parser)]
#[command(name = "crossdock", version, about, max_term_width = 100)]
struct Arguments {
    /// Settings of the hub
    #[arg(long, global = true, default_value = "crossdock.toml", value_name = "FILE")]
    config: PathBuf,
    /// Log lines as JSON
    #[arg(long, global = true)]
    log_json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check settings, translators and partner profiles, and say all that is wrong at once
    Check {
        /// Ask the database and the archive as well: whether the master data that profiles name is loaded, and whether
        /// large files can be kept
        #[arg(long)]
        database: bool,
    },
    /// Pick up, process and deliver
    Run {
        /// Everything there is to do now, then end; exit code 3 says that something is left for later
        #[arg(long, required = true)]
        once: bool,
        /// Only look into this partner's channels
        #[arg(long, value_name = "ID")]
        partner: Option<String>,
    },
    /// Do so until told to stop by SIGTERM
    Serve,
    /// Show files, documents, deliveries, acknowledgments awaited, and what needs a person
    Status(status::Arguments),
    #[command(flatten)]
    Operations(operations::Command),
    /// Bring the database up to date
    Migrate,
    /// Play a day with real servers on this machine, and check everything that comes of it
    Demo(demo::Arguments),
    /// Read X12 files and say what is wrong with them
    Validate(validate::Arguments),
    /// Show X12 files with every segment, element and code named
    Explain(explain::Arguments),
    /// Show the canonical records that files hold, one JSON line each
    Translate(translate::Arguments),
    /// Write canonical records, one JSON line each, as the document a partner wants
    Compose(compose::Arguments),
    /// Onboard trading partners
    #[command(subcommand)]
    Partner(partner::Command),
    /// Print a JSON Schema: of partner profiles, for editors, or of a record
    Schema(schema::Arguments),
}

/// Runs the command that the arguments name; a fault of the program ends in [`exit::BUG`].
#[must_use]
pub fn main() -> ExitCode {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // `crossdock status | head`: the reader has seen enough, which is no fault.
        let printing = panic.payload_as_str().is_some_and(|text| text.starts_with("failed printing to std"));
        if printing {
            std::process::exit(i32::from(exit::DONE));
        }
        usual(panic);
    }));
    std::panic::catch_unwind(run).unwrap_or_else(|_| ExitCode::from(exit::BUG))
}

fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { exit::USAGE } else { exit::DONE };
            // A closed pipe leaves nobody to tell.
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    // Secrets in memory are for no file of a crash, and for no other program of the account.
    let private = nix::sys::prctl::set_dumpable(false);
    let form = if arguments.log_json { telemetry::Form::Json } else { telemetry::Form::Plain };
    telemetry::start(form, config::environment("CROSSDOCK_LOG").as_deref(), is_colour(&std::io::stderr()));
    if let Err(error) = private {
        tracing::warn!("what this process holds may come into a core dump: {error}");
    }
    if let Some(asked) = config::environment("CROSSDOCK_KILL_AT")
        && let Err(error) = kill_points::arm(&asked)
    {
        return told(Err(anyhow::anyhow!("CROSSDOCK_KILL_AT: {error}")));
    }
    // What needs no settings works without them.
    if let Command::Validate(validated) = &arguments.command {
        let colour = is_colour(&std::io::stdout());
        return finish(validate::run(validated, &arguments.config, colour, Clock::System));
    }
    if let Command::Explain(explained) = &arguments.command {
        let colour = is_colour(&std::io::stdout());
        return finish(explain::run(explained, &arguments.config, colour, Clock::System));
    }
    if let Command::Schema(arguments) = &arguments.command {
        return told(schema::run(arguments));
    }
    let config = match open::config(&arguments.config) {
        Ok(config) => config,
        Err(shown) => return usage(&shown),
    };
    // Nor do these need a database.
    match &arguments.command {
        Command::Translate(arguments) => return told(translate::run(&config, arguments)),
        Command::Compose(arguments) => return told(compose::run(&config, arguments, Clock::System)),
        Command::Partner(command) => return told(partner::run(&config, command)),
        _ => {}
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return finish(Err(error.into())),
    };
    let command = arguments.command;
    let result = match command {
        Command::Status(arguments) => runtime.block_on(status::run(&config, &arguments)),
        Command::Operations(command) => runtime.block_on(operations::run(&config, command)),
        Command::Demo(arguments) => runtime.block_on(demo::run(&config, &arguments)),
        Command::Migrate => runtime.block_on(migrate(&config)),
        Command::Check { .. } | Command::Run { .. } | Command::Serve => {
            let agreements = match open::agreements(&config) {
                Ok(agreements) => agreements,
                Err(shown) => return usage(&shown),
            };
            match command {
                Command::Run { partner, .. } => {
                    runtime.block_on(run::once(config, agreements, partner.as_deref()))
                }
                Command::Serve => runtime.block_on(run::serve(config, agreements)),
                other => {
                    print!("{}", open::doubts(&config, &agreements));
                    let translators = agreements.library.list().count();
                    let profiles = agreements.profiles.list().count();
                    println!("{translators} translators and {profiles} partner profiles are sound");
                    match other {
                        Command::Check { database: true } => check_database(&config, agreements),
                        _ => Ok(ExitCode::from(exit::DONE)),
                    }
                }
            }
        }
        Command::Validate(_)
        | Command::Explain(_)
        | Command::Translate(_)
        | Command::Compose(_)
        | Command::Partner(_)
        | Command::Schema(_) => {
            unreachable!("it ran before the database was opened")
        }
    };
    finish(result)
}

/// Says which master data is missing, and whether the archive is to be had. Nothing is wrong with the settings where
/// only master data is missing, so the exit code stays.
fn check_database(config: &Config, agreements: pipeline::Agreements) -> anyhow::Result<ExitCode> {
    let named = agreements.crosswalk_names().len();
    let missing = open::with_master_data(config, agreements)?.list_unloaded(Clock::System.now());
    let colour = is_colour(&std::io::stdout());
    print!("{}", faults::render(&missing, &faults::texts(&missing, &config.root), colour));
    if missing.is_empty() {
        println!(
            "{}",
            match named {
                0 => "no profile asks any master data",
                _ => "the master data that profiles ask is loaded",
            }
        );
    }
    println!("the archive {} is to be had", open::check_archive(config)?);
    Ok(ExitCode::from(exit::DONE))
}

async fn migrate(config: &Config) -> anyhow::Result<ExitCode> {
    let database = open::database(config).await?;
    database.store.close().await;
    println!("the database is up to date");
    Ok(ExitCode::from(exit::DONE))
}

/// Faults of settings, shown.
fn usage(shown: &str) -> ExitCode {
    eprint!("{shown}");
    ExitCode::from(exit::USAGE)
}

/// The exit code of a command that asks nobody: what it could not do, it will not be able to do later.
fn told(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::from(exit::USAGE)
    })
}

/// The exit code of a command that needs no settings; its error is told.
fn finish(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        // A server that is missing or too old, or a bucket that is not ours, stays so until somebody acts.
        let private = error.downcast_ref::<store::private::Error>();
        let archive = error.downcast_ref::<store::Error>().filter(|error| error.is_of_archive());
        let settings = private.is_some_and(|error| !error.is_temporary())
            || archive.is_some_and(|error| !error.is_temporary())
            || error.is::<open::Unfit>();
        ExitCode::from(if settings { exit::USAGE } else { exit::LATER })
    })
}

/// `1 fault`, `2 faults`.
fn counted<N: std::fmt::Display + PartialEq + From<u8>>(number: N, what: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Whether to write colours: only to a terminal, and never where `NO_COLOR` is set.
fn is_colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && config::environment("NO_COLOR").is_none()
}
