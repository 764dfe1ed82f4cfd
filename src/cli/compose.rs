//! `crossdock compose`: records written as the document that a partner wants.

use super::inputs::{self, Input};
use super::translate;
use super::{exit, open};
use crate::canonical::Record;
use crate::clock::Clock;
use crate::config::Config;
use crate::finding::Finding;
use crate::pipeline::rehearse::{self, Addressed};
use crate::profiles::Profile;
use crate::translators::{Lookup, Translator};
use anyhow::{Context as _, bail, ensure};
use clap::Args;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Write canonical records, one JSON line each, as the document a partner wants
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Records as `crossdock translate` prints them; `-` is standard input
    #[arg(value_name = "RECORDS.jsonl")]
    records: PathBuf,
    /// Write by this translator; without it, by the one the partner's profile names for such records
    #[arg(long, value_name = "NAME", required_unless_present = "partner")]
    translator: Option<String>,
    /// Address it to this partner, with its habits; X12 needs one
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// Interchange and group control number; nothing is taken from the hub's own sequences
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=999_999_999))]
    control_number: u32,
}

/// Runs the command.
///
/// # Errors
/// When the records cannot be read or nothing says how to write them.
pub fn run(config: &Config, arguments: &Arguments, clock: Clock) -> anyhow::Result<ExitCode> {
    let agreements = match &arguments.partner {
        None => None,
        Some(_) => match open::agreements(config) {
            Ok(agreements) => Some(open::with_master_data(config, agreements)?),
            Err(shown) => {
                write!(io::stderr(), "{shown}")?;
                return Ok(ExitCode::from(exit::USAGE));
            }
        },
    };
    let records = read_records(&arguments.records)?;
    let profile = match (&arguments.partner, &agreements) {
        (Some(id), Some(agreements)) => Some(open::find_partner(agreements, id)?),
        _ => None,
    };
    let translator = translator(config, arguments.translator.as_deref(), profile, &records)?;
    let to = profile.map(|profile| Addressed {
        profile,
        control_number: arguments.control_number,
        now: clock.now(),
    });
    let lookup = match (&agreements, profile) {
        (Some(agreements), Some(profile)) => agreements.lookup(&profile.id, clock.now()),
        _ => Lookup::none(),
    };
    match rehearse::compose(&records, &translator, to, lookup) {
        Ok((bytes, doubts)) => {
            for doubt in &doubts {
                tell("warning, written", &translator, doubt)?;
            }
            let mut out = io::stdout().lock();
            match out.write_all(&bytes).and_then(|()| out.flush()) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
                _ => Ok(ExitCode::from(exit::DONE)),
            }
        }
        Err(findings) => {
            for finding in &findings {
                tell("cannot write", &translator, finding)?;
            }
            Ok(ExitCode::from(exit::FINDINGS))
        }
    }
}

fn tell(what: &str, translator: &Translator, finding: &Finding) -> io::Result<()> {
    let hint = if finding.hint.is_empty() { String::new() } else { format!("; hint: {}", finding.hint) };
    writeln!(io::stderr(), "{what} by {}: {}{hint}", translator.name(), finding.message)
}

fn read_records(path: &PathBuf) -> anyhow::Result<Vec<Record>> {
    let input = if path.as_os_str() == "-" {
        Input::Stdin
    } else {
        let listed = inputs::list(std::slice::from_ref(path)).map_err(anyhow::Error::msg)?;
        ensure!(listed.len() == 1, "`{}` is a folder; hint: name one file of records", path.display());
        listed.into_iter().next().unwrap_or(Input::Stdin)
    };
    let bytes = input.read()?;
    let name = input.name();
    let text = String::from_utf8(bytes).with_context(|| format!("`{name}` is not UTF-8 text"))?;
    parse_records(&text, &name)
}

/// Records, one JSON object to a line; empty lines are passed over.
///
/// # Errors
/// The first line that is no record.
pub(super) fn parse_records(text: &str, name: &str) -> anyhow::Result<Vec<Record>> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let records = lines.map(|(index, line)| {
        serde_json::from_str(line).with_context(|| {
            format!("{name}:{}: the line is no record; hint: one JSON object to a line, with its kind as \"record\": \"shipping_order\"", index + 1)
        })
    });
    let records: Vec<Record> = records.collect::<anyhow::Result<_>>()?;
    ensure!(!records.is_empty(), "`{name}` holds no record");
    Ok(records)
}

fn translator(
    config: &Config,
    name: Option<&str>,
    profile: Option<&Profile>,
    records: &[Record],
) -> anyhow::Result<Arc<Translator>> {
    if let Some(profile) = profile {
        let sends = &profile.exchange.sends;
        let own = |sends: &&crate::profiles::Sends| match name {
            Some(name) => sends.translator.name() == name,
            None => records.first().is_some_and(|record| record.kind() == sends.translator.record()),
        };
        let mut found = sends.iter().filter(own);
        match (found.next(), found.next(), name) {
            (Some(one), None, _) | (Some(one), Some(_), Some(_)) => return Ok(one.translator.clone()),
            (Some(_), Some(_), None) => {
                bail!("{} is sent such a record in several ways; hint: name one by --translator", profile.id)
            }
            (None, _, None) => {
                let kind = records.first().map_or("", |record| record.kind().word());
                bail!(
                    "{} is sent no {kind}; hint: add a [[sends]] to partner-profiles/{}.toml, or name a translator by --translator",
                    profile.id,
                    profile.id
                );
            }
            (None, _, Some(_)) => {}
        }
    }
    let library = translate::library(config).map_err(|shown| anyhow::anyhow!(shown))?;
    let name = name.unwrap_or_default();
    let found = library.find(name).cloned();
    found.with_context(|| format!("there is no translator `{name}`; hint: {}", library.suggestion(name)))
}
