//! `crossdock partner test`: the samples kept beside a profile, against what is expected of them.

use super::super::compose::parse_records;
use super::super::{counted, exit, open};
use crate::clock::Clock;
use crate::config::Config;
use crate::formats::{Looks, look};
use crate::master_data;
use crate::pipeline::rehearse::{self, Addressed, Rehearsal};
use crate::pipeline::{Agreements, Place};
use crate::profiles::{Profile, pattern};
use crate::store::CrosswalkEntry;
use crate::translators::Format;
use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use clap::Args;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Try the samples below partner-profiles/ID/ against what is expected of them
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// The partner; without one, all that have samples
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// Take what comes out as what is expected from now on
    #[arg(long)]
    accept: bool,
}

/// Where a sample's expectations lie: a folder beside it with this ending.
const EXPECTED: &str = ".expected";

pub(super) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let agreements = match open::agreements(config) {
        Ok(agreements) => agreements,
        Err(shown) => return super::usage(&shown),
    };
    if let Some(id) = &arguments.id {
        open::find_partner(&agreements, id)?;
    }
    let wanted = |profile: &&Profile| arguments.id.as_ref().is_none_or(|id| *id == profile.id);
    let (mut samples, mut differing, mut told) = (0, 0, String::new());
    for profile in agreements.profiles.list().filter(wanted) {
        let folder = config.profiles.join(&profile.id);
        let entries = master_data(&folder, &agreements)?;
        // A copy of all profiles is only made for what needs one.
        let own = (!entries.is_empty()).then(|| agreements.clone().with_crosswalks(entries));
        let agreements = own.as_ref().unwrap_or(&agreements);
        for (kind, path) in list_samples(&folder)? {
            samples += 1;
            let name = shown(&path, &config.root);
            let result = match kind {
                Kind::Received => try_received(&path, profile, agreements)?,
                Kind::Sent => try_sent(&path, profile, agreements)?,
            };
            let expected = beside(&path);
            if arguments.accept {
                write(&expected, &result)?;
                writeln!(told, "accepted  {name}: {}", summary(&result))?;
                continue;
            }
            let differences = differences(&expected, &result, &config.root)?;
            let word = if differences.is_empty() { "as expected" } else { "DIFFERS" };
            differing += usize::from(!differences.is_empty());
            writeln!(told, "{word}  {name}: {}\n{}", summary(&result), differences.concat().trim_end())?;
        }
    }
    let told: String = told.lines().filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect();
    super::print(&told)?;
    if let (0, Some(id)) = (samples, &arguments.id) {
        let folder = shown(&config.profiles.join(id), &config.root);
        anyhow::bail!(
            "{id} has no samples; hint: put files it sends into {folder}/received/, records it is sent into {folder}/sent/*.jsonl"
        );
    }
    let ends = match (differing, arguments.accept) {
        (0, false) => format!("{}, all as expected\n", counted(samples, "sample")),
        (_, true) => {
            format!(
                "{}, and what came of it is expected from now on; read it through\n",
                counted(samples, "sample")
            )
        }
        _ => {
            format!("{differing} of {samples} samples differ; `--accept` takes what comes out as expected\n")
        }
    };
    super::print(&ends)?;
    Ok(ExitCode::from(if differing == 0 { exit::DONE } else { exit::FINDINGS }))
}

enum Kind {
    Received,
    Sent,
}

/// The master data that samples are tried with: CSV files named for their kind in `master-data/`.
fn master_data(folder: &Path, agreements: &Agreements) -> anyhow::Result<Vec<CrosswalkEntry>> {
    let folder = folder.join("master-data");
    let mut entries = Vec::new();
    let partners: Vec<&str> = agreements.profiles.list().map(|profile| profile.id.as_str()).collect();
    for entry in fs::read_dir(&folder).into_iter().flatten() {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        let Some(word) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".csv")) else {
            continue;
        };
        let kind = master_data::Kind::find(word)
            .map_err(|(message, hint)| anyhow::anyhow!("{}: {message}; hint: {hint}", path.display()))?;
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let rows = master_data::read(&kind, &bytes, &partners).map_err(|found| {
            let first = found
                .first()
                .map(|one| format!("line {}: {}; hint: {}", one.location.line, one.message, one.hint));
            anyhow::anyhow!("{}: {}", path.display(), first.unwrap_or_default())
        })?;
        entries.extend(master_data::crosswalk_entries(&kind, &rows));
    }
    Ok(entries)
}

fn list_samples(folder: &Path) -> anyhow::Result<Vec<(Kind, PathBuf)>> {
    let mut samples = Vec::new();
    for (below, kind) in [("received", (|| Kind::Received) as fn() -> Kind), ("sent", || Kind::Sent)] {
        let folder = folder.join(below);
        if !folder.is_dir() {
            continue;
        }
        let mut paths = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if path.is_file() && !hidden {
                paths.push(path);
            }
        }
        paths.sort();
        samples.extend(paths.into_iter().map(|path| (kind(), path)));
    }
    Ok(samples)
}

/// What a sample comes to: texts by the name they are kept under.
type Outcome = BTreeMap<String, Vec<u8>>;

fn try_received(path: &Path, profile: &Profile, agreements: &Agreements) -> anyhow::Result<Outcome> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let place = place(&name, &bytes, profile)?;
    let rehearsal = rehearse::rehearse(&name, &bytes, &place, agreements, fixed_now())
        .with_context(|| format!("cannot try {}", path.display()))?;
    let mut outcome = Outcome::new();
    outcome.insert("outcome.txt".to_owned(), tell(&rehearsal).into_bytes());
    let mut records = Vec::new();
    for record in rehearsal.documents.iter().filter_map(|document| document.record.as_ref()) {
        serde_json::to_writer(&mut records, record)?;
        records.push(b'\n');
    }
    if !records.is_empty() {
        outcome.insert("records.jsonl".to_owned(), records);
    }
    for sent in rehearsal.sent {
        let mut name = format!("to-{}-{}", sent.partner, sent.name);
        // Two files of one name differ by their place.
        while outcome.contains_key(&name) {
            name.push('+');
        }
        outcome.insert(name, sent.bytes);
    }
    Ok(outcome)
}

/// The channel that the sample would come on.
fn place(name: &str, bytes: &[u8], profile: &Profile) -> anyhow::Result<Place> {
    let is_x12 = look(bytes) == Looks::X12;
    let fits = |receives: &&crate::profiles::Receives| {
        let named =
            receives.files.is_empty() || receives.files.iter().any(|files| pattern::fits(files, name));
        if is_x12 {
            receives.translator.format() == Format::X12
        } else {
            receives.translator.format() != Format::X12 && named
        }
    };
    let found = profile.exchange.receives.iter().find(fits).map(|receives| receives.channel.as_str());
    // What only acknowledges comes wherever the partner's files come.
    let any = || {
        profile
            .channels
            .values()
            .find(|channel| channel.inbound.is_some())
            .map(|channel| channel.name.as_str())
    };
    let channel = found.or_else(any).and_then(|name| profile.channels.get(name)).cloned();
    let channel = channel.with_context(|| {
        format!("{} has no channel with an inbound folder, so `{name}` cannot come from it", profile.id)
    })?;
    Ok(Place { partner: profile.id.clone(), channel, assigned: false })
}

fn try_sent(path: &Path, profile: &Profile, agreements: &Agreements) -> anyhow::Result<Outcome> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let records = parse_records(&text, &path.display().to_string())?;
    let kind = records.first().map(crate::canonical::Record::kind);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let of_kind: Vec<_> =
        profile.exchange.sends.iter().filter(|sends| Some(sends.translator.record()) == kind).collect();
    ensure!(
        !of_kind.is_empty(),
        "{} is sent nothing that `{name}` could become; hint: add a [[sends]] to partner-profiles/{}.toml",
        profile.id,
        profile.id
    );
    let mut outcome = Outcome::new();
    for sends in of_kind {
        let to = Addressed { profile, control_number: 1, now: fixed_now() };
        match rehearse::compose(
            &records,
            &sends.translator,
            Some(to),
            agreements.lookup(&profile.id, fixed_now()),
        ) {
            Ok((bytes, doubts)) => {
                outcome.insert(format!("{}-by-{}", sends.document, sends.translator.name()), bytes);
                if !doubts.is_empty() {
                    let lines = doubts.iter().map(|doubt| format!("warning: {}\n", doubt.message));
                    outcome.insert("outcome.txt".to_owned(), lines.collect::<String>().into_bytes());
                }
            }
            Err(findings) => {
                let lines =
                    findings.iter().map(|finding| format!("cannot be written: {}\n", finding.message));
                outcome.insert("outcome.txt".to_owned(), lines.collect::<String>().into_bytes());
            }
        }
    }
    Ok(outcome)
}

fn tell(rehearsal: &Rehearsal) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    if let Some((reason, hint)) = &rehearsal.quarantined {
        line(format!("quarantined: {reason}"));
        line(format!("  hint: {hint}"));
    }
    for finding in &rehearsal.findings {
        line(finding_line(finding));
    }
    for (index, document) in rehearsal.documents.iter().enumerate() {
        let number = document.record.as_ref().and_then(crate::canonical::Record::business_number);
        line(format!(
            "document {}: {} {} {}",
            index + 1,
            document.kind,
            number.unwrap_or_default(),
            status(document.status)
        ));
        if !document.remark.is_empty() {
            line(format!("  {}", document.remark));
        }
        for finding in &document.findings {
            line(format!("  {}", finding_line(finding)));
        }
    }
    for sent in &rehearsal.sent {
        line(format!("sent to {}: {}", sent.partner, sent.name));
        for doubt in &sent.doubts {
            line(format!("  warning: {}; hint: {}", doubt.message, doubt.hint));
        }
    }
    for why in &rehearsal.unsound {
        line(format!("not sent: {why}"));
    }
    text
}

fn status(status: crate::formats::x12::verdict::Status) -> &'static str {
    use crate::formats::x12::verdict::Status;
    match status {
        Status::Accepted => "accepted",
        Status::AcceptedWithErrors => "accepted with errors",
        Status::PartiallyAccepted => "partially accepted",
        Status::Rejected => "rejected",
    }
}

fn finding_line(finding: &crate::finding::Finding) -> String {
    let word = super::super::excerpt::severity_word(finding.severity);
    let hint = if finding.hint.is_empty() { String::new() } else { format!("; hint: {}", finding.hint) };
    format!("line {}: {word}: {}{hint}", finding.location.line, finding.message)
}

fn summary(outcome: &Outcome) -> String {
    let records =
        outcome.get("records.jsonl").map_or(0, |text| text.iter().filter(|byte| **byte == b'\n').count());
    let files = outcome.keys().filter(|name| *name != "outcome.txt" && *name != "records.jsonl").count();
    format!("{}, {} sent", counted(records, "record"), counted(files, "file"))
}

fn beside(sample: &Path) -> PathBuf {
    let mut name = sample.file_name().unwrap_or_default().to_os_string();
    name.push(EXPECTED);
    sample.with_file_name(name)
}

fn write(folder: &Path, outcome: &Outcome) -> anyhow::Result<()> {
    let failed = || format!("cannot write below {}", folder.display());
    if folder.is_dir() {
        // What is not expected any more must not stay; only files that stood here as expectations are removed.
        for entry in fs::read_dir(folder).with_context(failed)? {
            let path = entry.with_context(failed)?.path();
            if path.is_file() {
                fs::remove_file(&path).with_context(failed)?;
            }
        }
    }
    fs::create_dir_all(folder).with_context(failed)?;
    for (name, bytes) in outcome {
        fs::write(folder.join(name), bytes).with_context(failed)?;
    }
    Ok(())
}

fn differences(folder: &Path, outcome: &Outcome, root: &Path) -> anyhow::Result<Vec<String>> {
    let mut expected = Outcome::new();
    if folder.is_dir() {
        for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            expected
                .insert(name, fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
        }
    } else {
        return Ok(vec![format!("  nothing is expected yet: {} is not there\n", shown(folder, root))]);
    }
    let mut told = Vec::new();
    for (name, bytes) in outcome {
        match expected.remove(name) {
            None => told.push(format!("  {name}: not expected\n")),
            Some(before) if before != *bytes => {
                told.push(format!("  {name}: {}\n", first_difference(&before, bytes)));
            }
            Some(_) => {}
        }
    }
    told.extend(expected.keys().map(|name| format!("  {name}: expected, but nothing of it came\n")));
    Ok(told)
}

/// Where two texts part, with some of what each says there.
fn first_difference(expected: &[u8], actual: &[u8]) -> String {
    let at = expected.iter().zip(actual).take_while(|(a, b)| a == b).count();
    let line = expected.get(..at).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() + 1;
    // A few bytes before, so that the place is recognised.
    let from = at.saturating_sub(20);
    let piece = |bytes: &[u8]| {
        let piece = bytes.get(from..bytes.len().min(at + 40)).unwrap_or_default();
        String::from_utf8_lossy(piece).replace('\n', "⏎")
    };
    format!("line {line}, byte {at}: expected `{}`, got `{}`", piece(expected), piece(actual))
}

/// Samples are tried at noon of the first Monday of 2026, so that dates in what is written stay the same.
fn fixed_now() -> DateTime<Utc> {
    let at = DateTime::from_timestamp(1_767_614_400, 0).expect("an instant in 2026");
    Clock::Fixed(at).now()
}

fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
