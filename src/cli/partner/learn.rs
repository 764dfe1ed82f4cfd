//! `crossdock partner learn`: a profile drafted from sample files, and what they do not tell.

use super::super::exit;
use super::super::inputs;
use super::super::translate;
use super::TODO;
use super::new::check_id;
use crate::config::Config;
use crate::finding::{Finding, Severity};
use crate::formats::x12::cursor::Segments;
use crate::formats::x12::segment::Delimiters;
use crate::formats::x12::verdict::{File, InterchangeHeader};
use crate::formats::x12::{names, reader};
use crate::formats::{Looks, look};
use crate::pipeline::rehearse::{self, Translation};
use crate::profiles::Library;
use crate::translators::{Format, Lookup, Translator};
use anyhow::ensure;
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Draft a profile from sample files, with a list of what they do not tell
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Sample files, or folders of them
    #[arg(value_name = "SAMPLE", required = true)]
    samples: Vec<PathBuf>,
    /// Id of the new partner; without it, made of the sender's X12 id
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let library = match translate::library(config) {
        Ok(library) => library,
        Err(shown) => return super::usage(&shown),
    };
    let inputs = inputs::list(&arguments.samples).map_err(anyhow::Error::msg)?;
    let mut learned = Learned { us: our_identity(config), ..Learned::default() };
    for input in &inputs {
        learned.add(&input.name(), &input.read()?, &library);
    }
    let id = match &arguments.id {
        Some(id) => id.clone(),
        None => learned.them.first().map(|them| as_id(&them.1)).unwrap_or_default(),
    };
    ensure!(!id.is_empty(), "the samples do not tell whose they are; hint: name the partner by --id");
    check_id(&id)?;
    let draft = learned.draft(&id);
    super::print(&draft)?;
    Ok(ExitCode::from(exit::DONE))
}

type Identity = (String, String);

/// All that samples told so far.
#[derive(Default)]
struct Learned {
    us: Option<Identity>,
    them: Vec<Identity>,
    /// Our id as the samples have it, where the defaults do not say it.
    receiver: Option<Identity>,
    groups: BTreeSet<Identity>,
    delimiters: Option<Delimiters>,
    versions: BTreeSet<String>,
    interchange_versions: BTreeSet<String>,
    usages: BTreeSet<String>,
    ta1: bool,
    receives: BTreeMap<String, BTreeSet<String>>,
    sends: BTreeSet<String>,
    notes: Vec<String>,
    unknown: Vec<String>,
}

impl Learned {
    fn add(&mut self, name: &str, bytes: &[u8], library: &Library) {
        let short = name.rsplit('/').next().unwrap_or(name).to_owned();
        match look(bytes) {
            Looks::Empty => self.notes.push(format!("{short}: the file is empty")),
            Looks::Foreign(what) => self.notes.push(format!("{short}: the file is {what}, not a document")),
            Looks::X12 => self.add_x12(&short, bytes, library),
            Looks::Xml | Looks::Flat => self.add_flat(&short, bytes, library),
        }
    }

    fn add_x12(&mut self, name: &str, bytes: &[u8], library: &Library) {
        let options = translate::options();
        let verdict = reader::validate(bytes, &options);
        let translators: Vec<Arc<Translator>> = library.list().cloned().collect();
        let translation = rehearse::translate(bytes, &translators, &options, Lookup::none());
        let from_us = verdict
            .interchanges
            .iter()
            .any(|interchange| Some(&interchange.header.sender) == self.us.as_ref());
        for interchange in &verdict.interchanges {
            self.add_envelope(&interchange.header, from_us);
            for group in &interchange.groups {
                self.versions.insert(group.version.clone());
                let theirs =
                    if from_us { (&group.receiver, &group.sender) } else { (&group.sender, &group.receiver) };
                self.groups.insert((theirs.0.clone(), theirs.1.clone()));
            }
        }
        self.notes.push(format!("{name}: X12{}", if from_us { ", sent by us" } else { "" }));
        let used = segments_used(bytes, &verdict);
        let mut seen = BTreeSet::new();
        for document in &translation.documents {
            if !seen.insert(document.kind.clone()) {
                continue;
            }
            let same = || translation.documents.iter().filter(|other| other.kind == document.kind);
            let by = document.translator.as_ref();
            self.notes.push(format!(
                "  {} {} of release {}, {}",
                same().count(),
                document.kind,
                document.version,
                by.map_or_else(
                    || "which no translator reads".to_owned(),
                    |by| format!("read by {}", by.name())
                )
            ));
            if let Some(used) = used.get(&document.kind) {
                self.notes.push(format!("    segments: {used}"));
            }
            tell(
                &mut self.notes,
                same().flat_map(|document| document.findings.iter().chain(&document.unread)),
            );
            match by {
                Some(by) if from_us => drop(self.sends.insert(by.name().to_owned())),
                Some(by) => drop(self.receives.entry(by.name().to_owned()).or_default()),
                // Acknowledgments are read without being agreed on.
                None if matches!(document.kind.as_str(), "997" | "999") => {}
                None => self
                    .unknown
                    .push(format!("how to read a {}: add a translator to translators/", document.kind)),
            }
        }
        tell(&mut self.notes, translation.findings.iter());
    }

    fn add_envelope(&mut self, header: &InterchangeHeader, from_us: bool) {
        let (them, us) =
            if from_us { (&header.receiver, &header.sender) } else { (&header.sender, &header.receiver) };
        if !self.them.contains(them) {
            self.them.push(them.clone());
        }
        if self.us.as_ref() != Some(us) {
            self.receiver = Some(us.clone());
        }
        self.delimiters = Some(header.delimiters);
        self.interchange_versions.insert(header.version.clone());
        self.usages.insert(header.usage.clone());
        self.ta1 |= header.acknowledgment_requested;
    }

    fn add_flat(&mut self, name: &str, bytes: &[u8], library: &Library) {
        let translators: Vec<Arc<Translator>> = library.list().cloned().collect();
        let fitting = translate::fitting(bytes, &translators);
        let files = file_pattern(name);
        let names: Vec<&str> = fitting.iter().map(|translator| translator.name()).collect();
        match fitting.first() {
            Some(first) => {
                let documents = rehearse::translate(
                    bytes,
                    std::slice::from_ref(first),
                    &translate::options(),
                    Lookup::none(),
                );
                self.notes.push(format!(
                    "{name}: {}, documents: {}, read by {}",
                    first.format(),
                    documents.documents.len(),
                    names.join(" or ")
                ));
                tell(&mut self.notes, documents.documents.iter().flat_map(|document| &document.unread));
                self.receives.entry(first.name().to_owned()).or_default().insert(files);
                if fitting.len() > 1 {
                    self.unknown.push(format!("which of {} is meant for `{name}`", names.join(", ")));
                }
            }
            None => {
                self.notes.push(format!("{name}: {}", describe(bytes)));
                let nearest = nearest(bytes, &translators);
                let hint = nearest.map_or_else(String::new, |(translator, faults)| {
                    self.notes
                        .push(format!("  nearest is {}, which finds {faults} faults", translator.name()));
                    format!(", beginning with a copy of translators/{}.toml", translator.name())
                });
                self.unknown.push(format!("how to read `{name}`: no translator reads it; write one{hint}"));
            }
        }
    }

    fn draft(&self, id: &str) -> String {
        let mut text = format!(
            "# {id}: drafted from samples. Lines with TO SETTLE need an answer from the partner.\n#\n"
        );
        for note in &self.notes {
            line(&mut text, &format!("# {note}"));
        }
        line(&mut text, "#\n# What the samples do not tell:");
        for question in self.questions() {
            line(&mut text, &format!("# - {question}"));
        }
        line(&mut text, &format!("\n[partner]\nid   = \"{id}\"\nname = \"{id}\"  {TODO} the partner's name"));
        self.draft_x12(&mut text);
        line(
            &mut text,
            &format!(
                "\n# Folders of this machine, to try with; {} take the place of them.",
                "transport = \"sftp\", host, user, key and host_keys"
            ),
        );
        line(
            &mut text,
            &format!(
                "[channels.edi]\ntransport = \"local\"  {TODO} how files are exchanged\ninbound   = {{ path = \"inbox/{id}\" }}\noutbound  = {{ path = \"outbox/{id}\" }}"
            ),
        );
        for (translator, files) in &self.receives {
            line(&mut text, &format!("\n[[receives]]\ntranslator = \"{translator}\"\nchannel    = \"edi\""));
            if translator.starts_with("x12-") {
                line(&mut text, &format!("ack        = \"997\"  {TODO} 997, 999 or none"));
            }
            if !files.is_empty() {
                let files: Vec<String> = files.iter().map(|files| quoted(files)).collect();
                let files = files.join(", ");
                line(
                    &mut text,
                    &format!("files      = [{files}]  {TODO} which names its files have; * stands for any"),
                );
            }
            if translator.ends_with("-810") || translator.ends_with("-invoice") {
                line(&mut text, &format!("invoices   = \"purchase\"  {TODO} purchase, sale or service"));
            }
        }
        for translator in &self.sends {
            line(
                &mut text,
                &format!(
                    "\n[[sends]]\ntranslator = \"{translator}\"\nchannel    = \"edi\"\nexpect_ack = {{ kind = \"997\", within = \"24h\" }}  {TODO} when it is due"
                ),
            );
        }
        text
    }

    fn draft_x12(&self, text: &mut String) {
        let Some(them) = self.them.first() else { return };
        line(text, "\n[x12]");
        if let Some(us) = &self.receiver {
            line(text, &format!("us    = {}  {TODO} whether this is how they know us", identity(us)));
        }
        line(text, &format!("them  = {}", identity(them)));
        let others: Vec<String> = self.them.iter().skip(1).map(identity).collect();
        if !others.is_empty() {
            line(text, &format!("aliases = [{}]", others.join(", ")));
        }
        // Files marked as production are refused where a test was agreed.
        let usage = if self.usages.contains("P") { "production" } else { "test" };
        let why = "as the samples are marked (ISA15); \"production\" makes what comes take effect";
        line(text, &format!("usage = \"{usage}\"  {TODO} {why}"));
        if let (1, Some((theirs, ours))) = (self.groups.len(), self.groups.first()) {
            if *theirs != them.1 && !theirs.is_empty() {
                line(text, &format!("them_group = {}", quoted(theirs)));
            }
            let us = self.receiver.as_ref().or(self.us.as_ref());
            if us.is_some_and(|us| us.1 != *ours) && !ours.is_empty() {
                line(text, &format!("us_group = {}", quoted(ours)));
            }
        }
        if let Some(version) = self.versions.last() {
            // GS08 may carry the industry's suffix, which what we send need not.
            let release: String = version.chars().take(6).collect();
            line(text, &format!("version = {}", quoted(&release)));
        }
        if let Some(version) = self.interchange_versions.last() {
            line(text, &format!("interchange_version = {}", quoted(version)));
        }
        if let Some(delimiters) = self.delimiters {
            let text_of = |byte: u8| quoted(&char::from(byte).to_string());
            let mut separators = format!(
                "element = {}, component = {}",
                text_of(delimiters.element),
                text_of(delimiters.component)
            );
            if !delimiters.segment.is_ascii_control() {
                separators.push_str(&format!(", segment = {}", text_of(delimiters.segment)));
            }
            if let Some(repetition) = delimiters.repetition {
                separators.push_str(&format!(", repetition = {}", text_of(repetition)));
            }
            line(text, &format!("separators = {{ {separators} }}"));
        }
    }

    fn questions(&self) -> Vec<String> {
        let mut asked = self.unknown.clone();
        asked.push("the partner's full name and time zone".to_owned());
        asked.push("server, account, key and host key fingerprint, and the folders on it".to_owned());
        asked.push(
            "whether the partner renames files when they are whole, or how else one can tell".to_owned(),
        );
        if !self.them.is_empty() {
            asked.push("which acknowledgments the partner expects, and when ours are due".to_owned());
            asked.push("whether the partner sends under other ids, in tests or later".to_owned());
        }
        if self.ta1 {
            asked.push("whether the TA1 that the samples ask for is really wanted".to_owned());
        }
        if self.sends.is_empty() {
            asked.push("what the partner is sent: [[sends]]".to_owned());
        }
        asked.push("where its documents go from here: [[routes]]".to_owned());
        asked
    }
}

/// Who we are, as the defaults of all profiles say.
fn our_identity(config: &Config) -> Option<Identity> {
    let text = std::fs::read_to_string(config.profiles.join("defaults.toml")).ok()?;
    let table: toml::Table = text.parse().ok()?;
    let us = table.get("x12")?.get("us")?;
    Some((us.get("qualifier")?.as_str()?.to_owned(), us.get("id")?.as_str()?.to_owned()))
}

/// Findings of one kind in one line, the first of each with how often it came.
fn tell<'f>(notes: &mut Vec<String>, findings: impl Iterator<Item = &'f Finding>) {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for finding in findings {
        let word = if finding.severity == Severity::Warning { "" } else { "fault: " };
        let message = format!("{word}{}", finding.message);
        match counts.iter_mut().find(|(known, _)| *known == message) {
            Some((_, count)) => *count += 1,
            None => counts.push((message, 1)),
        }
    }
    // More than a screenful helps nobody; `crossdock translate` tells all.
    let left = counts.len().saturating_sub(20);
    for (message, count) in counts.into_iter().take(20) {
        let times = if count > 1 { format!(" ({count} times)") } else { String::new() };
        notes.push(format!("    {message}{times}"));
    }
    if left > 0 {
        notes.push(format!("    and {left} more; `crossdock translate` tells all"));
    }
}

/// By transaction set: segments with how often they came, and the qualifiers in their first element.
fn segments_used(bytes: &[u8], verdict: &File) -> BTreeMap<String, String> {
    let mut used: BTreeMap<String, BTreeMap<String, (usize, BTreeSet<String>)>> = BTreeMap::new();
    for interchange in &verdict.interchanges {
        for set in interchange.groups.iter().flat_map(|group| &group.sets) {
            let range =
                usize::try_from(set.bytes.start).unwrap_or(0)..usize::try_from(set.bytes.end).unwrap_or(0);
            let body = bytes.get(range).unwrap_or_default();
            let mut segments = Segments::new(body, set.bytes.start, interchange.header.delimiters);
            let of_set = used.entry(set.id.clone()).or_default();
            while let Some(segment) = segments.next_segment() {
                let id = String::from_utf8_lossy(segment.id()).into_owned();
                let entry = of_set.entry(id.clone()).or_default();
                entry.0 += 1;
                if QUALIFIED.contains(&id.as_str()) {
                    entry.1.insert(String::from_utf8_lossy(segment.element(1)).into_owned());
                }
            }
        }
    }
    let shown = |(id, (count, qualifiers)): (&String, &(usize, BTreeSet<String>))| {
        let known = names::find_segment(id).map_or(" (unknown)", |_| "");
        let qualifiers: Vec<&str> = qualifiers.iter().map(String::as_str).collect();
        let of = if qualifiers.is_empty() { String::new() } else { format!("[{}]", qualifiers.join(" ")) };
        format!("{id}{of} {count}{known}")
    };
    used.iter()
        .map(|(set, of_set)| (set.clone(), of_set.iter().map(shown).collect::<Vec<_>>().join(", ")))
        .collect()
}

/// Segments whose first element says what the rest is about.
const QUALIFIED: &[&str] =
    &["N1", "N9", "REF", "DTM", "G62", "PER", "NTE", "HL", "AMT", "SAC", "ITD", "W66", "LM"];

/// A file that no translator reads, in words.
fn describe(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..bytes.len().min(4096)).unwrap_or_default()).into_owned();
    if look(bytes) == Looks::Xml {
        let root = text.split('<').find(|tag| tag.starts_with(|c: char| c.is_alphabetic()));
        let root = root.map(|tag| tag.split([' ', '>', '/', '\n', '\r']).next().unwrap_or_default());
        return format!("XML, document element `{}`", root.unwrap_or_default());
    }
    if text.trim_start().starts_with(['{', '[']) {
        return "JSON".to_owned();
    }
    let first = text.lines().next().unwrap_or_default();
    let best = [',', ';', '|', '\t'].into_iter().max_by_key(|separator| first.matches(*separator).count());
    match best {
        Some(separator) if first.contains(separator) => {
            format!(
                "delimited by `{}`, first row: {}",
                separator.escape_default(),
                first.chars().take(200).collect::<String>()
            )
        }
        _ => format!("plain text, lines of {} characters: fixed-width, perhaps", first.chars().count()),
    }
}

/// The translator with the fewest faults on a file.
fn nearest<'t>(bytes: &[u8], translators: &'t [Arc<Translator>]) -> Option<(&'t Arc<Translator>, usize)> {
    let wanted = translators.iter().filter(|translator| match look(bytes) {
        Looks::Xml => translator.format() == Format::Xml,
        _ => !matches!(translator.format(), Format::X12 | Format::Xml),
    });
    let faults = |translator: &Arc<Translator>| {
        let Translation { documents, findings } = rehearse::translate(
            bytes,
            std::slice::from_ref(translator),
            &translate::options(),
            Lookup::none(),
        );
        let all = findings.iter().chain(documents.iter().flat_map(|document| &document.findings));
        let count = all.filter(|finding| finding.severity == Severity::Reject).count();
        (documents.is_empty(), count)
    };
    wanted
        .map(|translator| (faults(translator), translator))
        .filter(|((empty, _), _)| !empty)
        .min_by_key(|(faults, _)| *faults)
        .map(|((_, count), translator)| (translator, count))
}

/// `ORDERS_20261125_001.csv` as `ORDERS_*_*.csv`.
fn file_pattern(name: &str) -> String {
    let mut pattern = String::new();
    for c in name.chars() {
        if !c.is_ascii_digit() {
            pattern.push(c);
        } else if !pattern.ends_with('*') {
            pattern.push('*');
        }
    }
    pattern
}

fn as_id(x12_id: &str) -> String {
    let plain = x12_id.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    plain.collect::<String>().trim_matches('-').to_owned()
}

fn identity((qualifier, id): &Identity) -> String {
    format!("{{ qualifier = {}, id = {} }}", quoted(qualifier), quoted(id))
}

/// A value that a partner controls, as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// One line; line ends of samples cannot leave the comment they are in.
fn line(text: &mut String, line: &str) {
    if line.starts_with("# ") && line.matches('\n').count() > 0 {
        writeln!(text, "{}", line.replace(['\n', '\r'], " ")).expect("writing to a string cannot fail");
        return;
    }
    writeln!(text, "{line}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_become_stars() {
        assert_eq!(file_pattern("ORDERS_20261125_001.csv"), "ORDERS_*_*.csv");
        assert_eq!(as_id("NORTH STORES 1"), "north-stores-1");
    }

    #[test]
    fn a_draft_says_what_the_samples_tell_and_what_they_do_not() {
        let mut learned = Learned::default();
        let bytes = include_bytes!("../../../translators/examples/x12-940/pallet-order.edi");
        learned.add("samples/940_0001.edi", bytes, &Library::shipped());
        let draft = learned.draft("summit");
        assert!(draft.contains("translator = \"x12-940\"") && draft.contains("[x12]"), "{draft}");
        assert!(draft.contains("N1[") && draft.contains("What the samples do not tell"), "{draft}");
        draft.parse::<toml::Table>().expect("a draft is TOML");
    }
}
