//! `crossdock schema`: JSON Schemas of partner profiles and of records.

use super::exit;
use crate::canonical::{RecordKind, json_schema};
use crate::declaration::suggestion;
use crate::profiles::settings;
use anyhow::bail;
use clap::Args;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Print a JSON Schema: of partner profiles, for editors, or of a record
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// `profile`, or a record such as `invoice` or `shipping_order`
    #[arg(value_name = "NAME")]
    name: String,
}

/// Runs the command.
///
/// # Errors
/// When there is no such schema, or it cannot be printed.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let schema = if arguments.name == "profile" {
        settings::json_schema()
    } else {
        let Ok(kind) = arguments.name.parse::<RecordKind>() else {
            let mut known: Vec<&str> = RecordKind::ALL.iter().map(|kind| kind.word()).collect();
            known.insert(0, "profile");
            bail!("there is no schema `{}`; hint: {}", arguments.name, suggestion(&arguments.name, &known));
        };
        json_schema(kind)
    };
    let mut out = io::stdout().lock();
    match writeln!(out, "{schema:#}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::from(exit::DONE)),
    }
}
