//! `crossdock partner`: all that onboarding a trading partner needs.

mod connect;
mod explain;
mod learn;
mod list;
mod new;
mod test;

use super::exit;
use crate::config::Config;
use clap::Subcommand;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Onboard trading partners
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// List partners, what each sends and is sent, and over which channels
    List,
    /// Show every value in force for a partner, and which layer says it
    Explain {
        /// The partner
        #[arg(value_name = "ID")]
        id: String,
        /// As it is for this one of its agreements
        #[arg(long, value_name = "ID")]
        agreement: Option<String>,
    },
    /// Begin a profile as a copy of another
    New(new::Arguments),
    /// Draft a profile from sample files, with a list of what they do not tell
    Learn(learn::Arguments),
    /// Try to reach a partner: host key, login, folders, and with --write whether files can be put
    Connect(connect::Arguments),
    /// Show the host key of an SFTP server, to be compared with what the partner says of it
    HostKey(connect::HostKeyArguments),
    /// Try the samples below partner-profiles/ID/ against what is expected of them
    Test(test::Arguments),
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read or written, or there is no such partner.
pub fn run(config: &Config, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List => list::run(config),
        Command::Explain { id, agreement } => explain::run(config, id, agreement.as_deref()),
        Command::New(arguments) => new::run(config, arguments),
        Command::Learn(arguments) => learn::run(config, arguments),
        Command::Connect(arguments) => connect::run(config, arguments),
        Command::HostKey(arguments) => connect::show_key(arguments),
        Command::Test(arguments) => test::run(config, arguments),
    }
}

/// Marks what a person must settle before a profile is used.
const TODO: &str = "# TO SETTLE:";

/// What is wrong with the settings was shown already.
fn usage(shown: &str) -> anyhow::Result<ExitCode> {
    write!(io::stderr(), "{shown}")?;
    Ok(ExitCode::from(exit::USAGE))
}

/// Writes to standard output; whoever has read enough may go.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
