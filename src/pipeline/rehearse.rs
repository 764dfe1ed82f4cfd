//! Rehearsals: what files would mean and what would be sent, without a database and without effects.

use super::acknowledge::acknowledge;
use super::agreed;
use super::agreements::Agreements;
use super::carry_out::follow_routes;
use super::compose::{self, Numbers, Stamp, X12Group};
use super::hub::{Error, Place};
use super::known::Known;
use super::outbound::{self, Outgoing};
use super::read::{self, Effects, Input, Outcome};
use crate::canonical::Record;
use crate::finding::Finding;
use crate::formats::x12::describe::{self, Context};
use crate::formats::x12::lexer::{Lines, Window};
use crate::formats::x12::tree_builder::TreeBuilder;
use crate::formats::x12::{reader, verdict};
use crate::formats::{Looks, look};
use crate::ids;
use crate::profiles::Profile;
use crate::translators::{Format, Layout, Lookup, Traced, Translator};
use crate::tree::Tree;
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// One document as a translator reads it.
#[derive(Clone, Debug)]
pub struct Translated {
    /// `850`, or the format's word where documents have no number.
    pub kind: String,
    /// GS08; empty for other formats than X12.
    pub version: String,
    /// ST02; empty for other formats than X12.
    pub control_number: String,
    /// Where it begins in the file.
    pub byte: u64,
    /// The translator that read it; none when none reads this kind.
    pub translator: Option<Arc<Translator>>,
    /// What it means, as far as it could be read; none without a translator.
    pub record: Option<Record>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// Where each field came from.
    pub trace: Vec<Traced>,
    /// What it holds that the translator does not keep.
    pub unread: Vec<Finding>,
}

/// A file as translators read it.
#[derive(Clone, Debug, Default)]
pub struct Translation {
    /// Its documents, in order.
    pub documents: Vec<Translated>,
    /// What is wrong outside of any document.
    pub findings: Vec<Finding>,
}

/// Reads a file by the first of `translators` that fits each document. Nothing is judged by a profile but what the
/// translators carry of it.
#[must_use]
pub fn translate(
    bytes: &[u8],
    translators: &[Arc<Translator>],
    x12: &reader::Options,
    lookup: Lookup<'_>,
) -> Translation {
    if look(bytes) == Looks::X12 {
        return translate_x12(bytes, translators, x12, lookup);
    }
    let Some(translator) = translators.iter().find(|translator| translator.format() != Format::X12) else {
        return Translation::default();
    };
    let (trees, findings) = translator.layout().read(bytes);
    let lines = Lines::of(bytes);
    let window = Window::indexed(bytes, &lines);
    let documents = trees.iter().map(|tree| {
        let byte = tree.origin(tree.root()).byte;
        let blank = Translated {
            kind: translator.format().word().to_owned(),
            version: String::new(),
            control_number: String::new(),
            byte,
            translator: None,
            record: None,
            findings: Vec::new(),
            trace: Vec::new(),
            unread: Vec::new(),
        };
        translated(blank, tree, translator, window, lookup)
    });
    Translation { documents: documents.collect(), findings }
}

/// The translator of a set: one made for its release, and of those the one made for the fewest.
fn fitting<'t>(translators: &'t [Arc<Translator>], set: &str, release: &str) -> Option<&'t Arc<Translator>> {
    let of_set = || translators.iter().filter(|translator| translator.set() == set);
    let knows = |translator: &&Arc<Translator>| {
        translator.versions().iter().any(|version| release.starts_with(version.as_str()))
    };
    of_set().filter(knows).min_by_key(|translator| translator.versions().len()).or_else(|| of_set().next())
}

fn translate_x12(
    bytes: &[u8],
    translators: &[Arc<Translator>],
    x12: &reader::Options,
    lookup: Lookup<'_>,
) -> Translation {
    let verdict = reader::validate(bytes, x12);
    let lines = Lines::of(bytes);
    let window = Window::indexed(bytes, &lines);
    let envelope = Context::of_envelope(window, &x12.schemas);
    let tell = |faults: &[crate::formats::x12::fault::Fault]| -> Vec<Finding> {
        faults.iter().map(|fault| describe::finding(fault, &envelope)).collect()
    };
    let mut translation = Translation { documents: Vec::new(), findings: tell(&verdict.faults) };
    let mut builder = TreeBuilder::default();
    let mut tree = Tree::default();
    for interchange in &verdict.interchanges {
        translation.findings.extend(tell(&interchange.faults));
        for group in &interchange.groups {
            translation.findings.extend(tell(&group.faults));
            for set in &group.sets {
                let context = Context::of_set(window, &x12.schemas, &group.version, None, &set.id);
                let findings = set.faults.iter().map(|fault| describe::finding(fault, &context)).collect();
                let blank = blank_set(group, set, findings);
                let schema = x12.schemas.find_set(&group.version, None, &set.id);
                let translator = fitting(translators, &set.id, &group.version);
                let (Some(schema), Some(translator)) = (schema, translator) else {
                    translation.documents.push(blank);
                    continue;
                };
                let body = window.get(set.bytes.clone()).unwrap_or_default();
                builder.read(body, set.bytes.start, interchange.header.delimiters, schema, &mut tree);
                translation.documents.push(translated(blank, &tree, translator, window, lookup));
            }
        }
    }
    translation
}

fn blank_set(group: &verdict::Group, set: &verdict::Set, findings: Vec<Finding>) -> Translated {
    Translated {
        kind: set.id.clone(),
        version: group.version.clone(),
        control_number: set.control_number.clone(),
        byte: set.bytes.start,
        translator: None,
        record: None,
        findings,
        trace: Vec::new(),
        unread: Vec::new(),
    }
}

fn translated(
    mut blank: Translated,
    tree: &Tree,
    translator: &Arc<Translator>,
    window: Window<'_>,
    lookup: Lookup<'_>,
) -> Translated {
    let (record, mut findings) = translator.read(tree, lookup);
    read::locate(&mut findings, window);
    blank.findings.extend(findings);
    blank.unread = translator.unread(tree, lookup);
    read::locate(&mut blank.unread, window);
    blank.trace = translator.trace(tree, lookup);
    for traced in &mut blank.trace {
        if traced.location.line == 0 {
            traced.location.line = window.line_of(traced.location.byte);
        }
    }
    blank.record = Some(record);
    blank.translator = Some(translator.clone());
    blank
}

/// What composing needs to know of the other side of X12 documents.
#[derive(Clone, Copy, Debug)]
pub struct Addressed<'a> {
    /// To whom, by which delimiters and identities.
    pub profile: &'a Profile,
    /// ISA13 and GS06.
    pub control_number: u32,
    /// The time in ISA and GS.
    pub now: DateTime<Utc>,
}

/// Writes records as the documents of one file; with it what is doubtful of them.
///
/// # Errors
/// What keeps one of the records from being written, or the partner from being addressed.
pub fn compose(
    records: &[Record],
    translator: &Translator,
    to: Option<Addressed<'_>>,
    lookup: Lookup<'_>,
) -> Result<(Vec<u8>, Vec<Finding>), Vec<Finding>> {
    let (mut trees, mut doubts) = (Vec::new(), Vec::new());
    let mut faults = Vec::new();
    for record in records {
        match translator.write(record, lookup) {
            Ok(written) => {
                trees.push(written.tree);
                doubts.extend(written.doubts);
            }
            Err(findings) => faults.extend(findings),
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let bytes = match translator.layout() {
        Layout::X12 => {
            let addressed = to.and_then(|to| Some((to, to.profile.x12.as_ref()?)));
            let Some((to, envelope)) = addressed else {
                return Err(vec![fault(
                    "x12_missing",
                    "an X12 document needs a partner with X12 identities to be addressed to".to_owned(),
                    "name one by --partner; its profile needs [x12] with `us` and `them`",
                )]);
            };
            let Some(schema) = envelope.reading.schemas.find_set(&envelope.version, None, translator.set())
            else {
                let message = format!("there is no {} in release {}", translator.set(), envelope.version);
                return Err(vec![fault("release_unknown", message, "set `version` in the profile's [x12]")]);
            };
            let group = X12Group {
                functional_id: schema.group(),
                version: &envelope.version,
                sets: trees.iter().map(|tree| (translator.set(), "", tree)).collect(),
            };
            let numbers =
                Numbers { interchange: to.control_number, groups: vec![to.control_number], doubt: None };
            let test = envelope.usage == crate::profiles::Usage::Test;
            let stamp = Stamp { numbers: &numbers, test, now: to.now };
            compose::write_x12(to.profile, envelope, &[group], Vec::new(), stamp)
        }
        layout => layout.write(&trees),
    };
    Ok((bytes?, doubts))
}

fn fault(code: &'static str, message: String, hint: &str) -> Finding {
    Finding {
        code,
        severity: crate::finding::Severity::Reject,
        location: crate::finding::Location::default(),
        message,
        hint: hint.to_owned(),
        value: String::new(),
        ack_code: String::new(),
    }
}

/// A file or call that would leave.
#[derive(Clone, Debug)]
pub struct Sent {
    /// To whom.
    pub partner: String,
    /// Its name there.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What is doubtful of it.
    pub doubts: Vec<Finding>,
}

/// One document of a rehearsed file.
#[derive(Clone, Debug)]
pub struct Judged {
    /// `850`, or the record's name.
    pub kind: String,
    /// Accepted or not, as its acknowledgment says.
    pub status: verdict::Status,
    /// What it means; none when it was refused or is an acknowledgment.
    pub record: Option<Record>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// What its routes wait for, or why nothing follows; empty when all that follows is sent.
    pub remark: String,
}

/// What a file that came on a channel would come to, had nothing come before it.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// Why it would be kept aside, and what to do; none when it would be processed.
    pub quarantined: Option<(String, String)>,
    /// Its documents.
    pub documents: Vec<Judged>,
    /// What is wrong outside of any document.
    pub findings: Vec<Finding>,
    /// Acknowledgments and what its routes lead to; every control number is 1.
    pub sent: Vec<Sent>,
    /// What could not be written, in a sentence each.
    pub unsound: Vec<String>,
}

/// Processes a file as if it had just come on `place`, with effects even if it is marked as a test.
///
/// # Errors
/// When an acknowledgment of ours would be unsound.
pub fn rehearse(
    name: &str,
    bytes: &[u8],
    place: &Place,
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> Result<Rehearsal, Error> {
    let file = ids::derived("rehearsal", &[&place.key(), name]);
    let effects = Effects::Always;
    let mut reading = read::read(Input { file, name, bytes, place, agreements, effects, received: now });
    agreed::judge(&mut reading, 0, agreements, now);
    let mut outgoing = Outgoing::new(file, now);
    acknowledge(&reading, &[], agreements, &mut outgoing);
    let known = Known::of(&reading.documents);
    let mut documents = Vec::new();
    for document in &reading.documents {
        let mut remark = String::new();
        if let Some(profile) = agreements.profiles.find(&document.partner) {
            remark = follow_routes(document, profile, agreements, &known, now, &mut outgoing).1;
        }
        documents.push(Judged {
            kind: document.kind.clone(),
            status: document.status,
            record: document.record.clone(),
            findings: document.findings.clone(),
            remark,
        });
    }
    let outbound::Rehearsed { files, doubts, unsound, .. } = outbound::rehearse(outgoing, agreements)?;
    let doubts_of = |file| doubts.iter().filter(move |(of, ..)| *of == file).flat_map(|(.., found)| found);
    let sent = files.into_iter().map(|file| Sent {
        doubts: doubts_of(file.id).cloned().collect(),
        partner: file.partner_id,
        name: file.name,
        bytes: file.body.bytes.map(|bytes| bytes.to_vec()).unwrap_or_default(),
    });
    Ok(Rehearsal {
        quarantined: match reading.outcome {
            Outcome::Processed | Outcome::Ignored { .. } => None,
            Outcome::Quarantined { reason, hint } | Outcome::Refused { reason, hint } => Some((reason, hint)),
        },
        documents,
        findings: reading.findings,
        sent: sent.collect(),
        unsound: unsound.into_iter().map(|unsound| unsound.why).collect(),
    })
}
