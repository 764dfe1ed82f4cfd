//! Commands: the only part that prints.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "commands speak to people")]

pub mod demo;
pub mod excerpt;
pub mod explain;
pub mod faults;
pub mod inputs;
pub mod validate;

use crate::clock::Clock;
use crate::config::{self, Config};
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
    Check,
    /// Read X12 files and say what is wrong with them
    Validate(validate::Arguments),
    /// Show an X12 file with every segment, element and code named
    Explain(explain::Arguments),
}

/// Runs the command that the arguments name.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { exit::USAGE } else { exit::DONE };
            // A closed pipe leaves nobody to tell.
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    let form = if arguments.log_json { telemetry::Form::Json } else { telemetry::Form::Plain };
    telemetry::start(form, config::environment("CROSSDOCK_LOG").as_deref(), is_colour(&std::io::stderr()));
    // What needs no settings works without them.
    if let Command::Validate(arguments) = &arguments.command {
        return finish(validate::run(arguments, is_colour(&std::io::stdout()), Clock::System));
    }
    if let Command::Explain(arguments) = &arguments.command {
        return finish(explain::run(arguments, is_colour(&std::io::stdout())));
    }
    let config = match Config::load(&arguments.config) {
        Ok(config) => config,
        Err(findings) => {
            let texts = faults::texts(&findings, std::path::Path::new(""));
            eprint!("{}", faults::render(&findings, &texts, is_colour(&std::io::stderr())));
            return ExitCode::from(exit::USAGE);
        }
    };
    match arguments.command {
        Command::Check => {
            println!("{}", config.profiles.display());
            ExitCode::from(exit::DONE)
        }
        Command::Validate(_) | Command::Explain(_) => unreachable!("it ran before the settings were loaded"),
    }
}

/// The exit code of a command that needs no settings; its error is told.
fn finish(result: anyhow::Result<ExitCode>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::from(exit::LATER)
    })
}

/// Whether to write colours: only to a terminal, and never where `NO_COLOR` is set.
fn is_colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && config::environment("NO_COLOR").is_none()
}
