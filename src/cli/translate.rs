//! `crossdock translate`: the canonical records that files hold, and where each field came from.

use super::inputs;
use super::{exit, faults, open};
use crate::clock::Clock;
use crate::config::Config;
use crate::finding::{Finding, Severity};
use crate::formats::x12::{reader, schema::Schemas};
use crate::formats::{Looks, look};
use crate::pipeline::Agreements;
use crate::pipeline::rehearse::{self, Translated, Translation};
use crate::profiles::{Library, Receives};
use crate::translators::{Format, Lookup, Traced, Translator};
use anyhow::bail;
use clap::Args;
use serde_json::json;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Show the canonical records that files hold, one JSON line each
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Files, folders, or `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Read by this translator; without it, by the one that fits
    #[arg(long, value_name = "NAME")]
    translator: Option<String>,
    /// Read as what this partner sends, with its habits
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// One JSON line for each document, with findings beside the record
    #[arg(long)]
    json: bool,
    /// Show for every field the line, byte, segment and element it came from
    #[arg(long)]
    trace: bool,
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read, or nothing says how to read it.
pub fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (translators, agreements) = match translators(config, arguments)? {
        Ok(found) => found,
        Err(shown) => {
            write!(io::stderr(), "{shown}")?;
            return Ok(ExitCode::from(exit::USAGE));
        }
    };
    let inputs = match inputs::list(&arguments.files) {
        Ok(inputs) => inputs,
        Err(message) => {
            writeln!(io::stderr(), "{message}")?;
            return Ok(ExitCode::from(exit::USAGE));
        }
    };
    let lookup = match (&agreements, &arguments.partner) {
        (Some(agreements), Some(partner)) => agreements.lookup(partner, Clock::System.now()),
        _ => Lookup::none(),
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut code = exit::DONE;
    for input in &inputs {
        let name = input.name();
        let bytes = input.read()?;
        let chosen = match choose(&name, &bytes, &translators, arguments.translator.is_some()) {
            Ok(chosen) => chosen,
            Err(message) => {
                writeln!(io::stderr(), "{message}")?;
                code = exit::USAGE;
                continue;
            }
        };
        let translation = rehearse::translate(&bytes, &chosen, &options(), lookup);
        let written = write(&translation, &name, arguments, &mut out);
        match written {
            Ok(refused) if refused => code = code.max(exit::FINDINGS),
            Ok(_) => {}
            // Whoever reads our output has had enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::from(code)),
            Err(error) => return Err(error.into()),
        }
    }
    match out.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::from(code)),
    }
}

/// How X12 is read where no profile says.
pub(super) fn options() -> reader::Options {
    reader::Options { schemas: Schemas::builtin(), ..reader::Options::default() }
}

/// Every translator: those of the settings, or the shipped ones where there is no such folder.
///
/// # Errors
/// The faults of the translators, shown.
pub(super) fn library(config: &Config) -> Result<Library, String> {
    if !config.translators.is_dir() {
        return Ok(Library::shipped());
    }
    Library::load(&config.translators, &config.root, &options().schemas)
        .map_err(|findings| faults::render(&findings, &faults::texts(&findings, &config.root), false))
}

/// Translators, and what a partner's master data is asked through.
type Chosen = (Vec<Arc<Translator>>, Option<Agreements>);

/// What the arguments let files be read by, or faults of settings, shown.
fn translators(config: &Config, arguments: &Arguments) -> anyhow::Result<Result<Chosen, String>> {
    if let Some(id) = &arguments.partner {
        let agreements = match open::agreements(config) {
            Ok(agreements) => open::with_master_data(config, agreements)?,
            Err(shown) => return Ok(Err(shown)),
        };
        let profile = open::find_partner(&agreements, id)?;
        let mut own: Vec<Arc<Translator>> =
            profile.exchange.receives.iter().flat_map(Receives::translators).cloned().collect();
        if let Some(name) = &arguments.translator {
            own.retain(|translator| translator.name() == name);
            if own.is_empty() {
                bail!("partner `{id}` sends nothing that `{name}` reads; hint: take `--partner` out");
            }
        }
        return Ok(Ok((own, Some(agreements))));
    }
    let library = match library(config) {
        Ok(library) => library,
        Err(shown) => return Ok(Err(shown)),
    };
    let Some(name) = &arguments.translator else { return Ok(Ok((library.list().cloned().collect(), None))) };
    match library.find(name) {
        Some(translator) => Ok(Ok((vec![translator.clone()], None))),
        None => bail!("there is no translator `{name}`; hint: {}", library.suggestion(name)),
    }
}

/// Those of the translators that are for this file. X12 says itself what it is; of the others, the one that reads the
/// file without a fault.
fn choose(
    name: &str,
    bytes: &[u8],
    translators: &[Arc<Translator>],
    named: bool,
) -> Result<Vec<Arc<Translator>>, String> {
    match look(bytes) {
        Looks::Empty => {
            return Err(format!("{name}: the file is empty; hint: ask the partner to send it again"));
        }
        Looks::Foreign(what) => {
            return Err(format!("{name}: the file is {what}; hint: ask the partner for the plain file"));
        }
        Looks::X12 => return Ok(translators.to_vec()),
        Looks::Xml | Looks::Flat if named => return Ok(translators.to_vec()),
        Looks::Xml | Looks::Flat => {}
    }
    let fitting = fitting(bytes, translators);
    match fitting.as_slice() {
        [one] => Ok(vec![one.clone()]),
        [] => {
            let others: Vec<String> = translators
                .iter()
                .filter(|translator| translator.format() != Format::X12)
                .map(|translator| format!("`{}`", translator.name()))
                .collect();
            Err(format!(
                "{name}: no translator reads the file without a fault; hint: name the nearest by --translator to see what is wrong; there are {}",
                others.join(", ")
            ))
        }
        several => {
            let names: Vec<String> =
                several.iter().map(|translator| format!("`{}`", translator.name())).collect();
            Err(format!(
                "{name}: several translators read the file; hint: name one by --translator: {}",
                names.join(", ")
            ))
        }
    }
}

/// The translators that read a file that is not X12 without refusing anything.
pub(super) fn fitting(bytes: &[u8], translators: &[Arc<Translator>]) -> Vec<Arc<Translator>> {
    let wanted = translators.iter().filter(|translator| match look(bytes) {
        Looks::Xml => translator.format() == Format::Xml,
        Looks::Flat => !matches!(translator.format(), Format::X12 | Format::Xml),
        _ => false,
    });
    let reads = |translator: &&Arc<Translator>| {
        let one = [Arc::clone(translator)];
        let translation = rehearse::translate(bytes, &one, &reader::Options::default(), Lookup::none());
        !translation.documents.is_empty()
            && all_findings(&translation).all(|finding| finding.severity != Severity::Reject)
    };
    wanted.filter(reads).cloned().collect()
}

fn all_findings(translation: &Translation) -> impl Iterator<Item = &Finding> {
    translation.findings.iter().chain(translation.documents.iter().flat_map(|document| &document.findings))
}

/// Writes all documents of a file; tells whether any of it was refused.
fn write(
    translation: &Translation,
    name: &str,
    arguments: &Arguments,
    out: &mut impl Write,
) -> io::Result<bool> {
    for finding in &translation.findings {
        tell(name, "", finding)?;
    }
    for (index, document) in translation.documents.iter().enumerate() {
        if arguments.json {
            let mut line = json!({
                "file": name,
                "document": index + 1,
                "kind": document.kind,
                "translator": document.translator.as_ref().map(|translator| translator.name()),
                "record": document.record,
                "findings": document.findings,
                "not_kept": document.unread,
            });
            if arguments.trace {
                line["trace"] = document.trace.iter().map(traced_json).collect();
            }
            writeln!(out, "{line}")?;
            continue;
        }
        let title = format!("{} {} {}", index + 1, document.kind, document.control_number);
        for finding in document.findings.iter().chain(&document.unread) {
            tell(name, title.trim_end(), finding)?;
        }
        let Some(record) = &document.record else {
            writeln!(
                io::stderr(),
                "{name}: document {}: no translator reads a {}; hint: name one by --translator, or add one to translators/",
                index + 1,
                document.kind
            )?;
            continue;
        };
        if arguments.trace {
            write_trace(document, name, title.trim_end(), out)?;
        } else {
            serde_json::to_writer(&mut *out, record)?;
            writeln!(out)?;
        }
    }
    let refused = all_findings(translation).any(|finding| finding.severity == Severity::Reject);
    Ok(refused || translation.documents.iter().any(|document| document.record.is_none()))
}

fn traced_json(traced: &Traced) -> serde_json::Value {
    let at = &traced.location;
    json!({
        "field": traced.field,
        "value": traced.value,
        "byte": at.byte,
        "line": at.line,
        "segment": at.segment,
        "segment_position": at.segment_position,
        "element": at.element,
        "component": at.component,
        "path": at.path,
    })
}

/// A table of fields: what the document says, and where.
fn write_trace(document: &Translated, name: &str, title: &str, out: &mut impl Write) -> io::Result<()> {
    let by = document.translator.as_ref().map_or("", |translator| translator.name());
    writeln!(out, "{name}: document {title}, read by {by}")?;
    let places: Vec<String> = document.trace.iter().map(place).collect();
    let width =
        |texts: &mut dyn Iterator<Item = &str>| texts.map(|text| text.chars().count()).max().unwrap_or(0);
    let fields = width(&mut document.trace.iter().map(|traced| traced.field.as_str()));
    let wide = width(&mut places.iter().map(String::as_str));
    for (traced, place) in document.trace.iter().zip(&places) {
        let (line, byte) = (traced.location.line, traced.location.byte);
        writeln!(
            out,
            "  {:fields$}  line {line:>5}  byte {byte:>8}  {place:wide$}  {}",
            traced.field, traced.value
        )?;
    }
    Ok(())
}

/// `W0502 (segment 2)`, `row.sku`, `Order/ShipTo/Name`: where people find the value.
fn place(traced: &Traced) -> String {
    let at = &traced.location;
    if at.element > 0 && at.segment_position > 0 {
        let component = if at.component > 1 { format!("-{:02}", at.component) } else { String::new() };
        return format!("{}{:02}{component} (segment {})", at.segment, at.element, at.segment_position);
    }
    if at.path.is_empty() { at.segment.clone() } else { at.path.clone() }
}

fn tell(name: &str, document: &str, finding: &Finding) -> io::Result<()> {
    let word = super::excerpt::severity_word(finding.severity);
    let document = if document.is_empty() { String::new() } else { format!("document {document}: ") };
    let hint = if finding.hint.is_empty() { String::new() } else { format!("; hint: {}", finding.hint) };
    let line = if finding.location.line > 0 { format!(":{}", finding.location.line) } else { String::new() };
    writeln!(io::stderr(), "{name}{line}: {document}{word}: {}{hint}", finding.message)
}
