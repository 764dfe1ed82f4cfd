//! Reads one file: whose it is, what it holds, what is wrong with it. Pure: nothing outside is asked or changed.

use super::agreed;
use super::agreements::Agreements;
use super::hub::Place;
use super::sets::{Read, Sets, Trusted};
use crate::canonical::Record;
use crate::finding::{Finding, Severity};
use crate::formats::x12::describe::{self, Context};
use crate::formats::x12::fault::{Code, Fault};
use crate::formats::x12::lexer::{Lines, Window};
use crate::formats::x12::segment::SegmentId;
use crate::formats::x12::{ack_reader, advice_reader, reader, verdict};
use crate::formats::{Looks, look};
use crate::ids;
use crate::profiles::{Profile, Receives, Usage, pattern};
use crate::store::Business;
use crate::translators::{Format, HELD};
use chrono::{DateTime, NaiveDate, Utc};
use std::sync::Arc;
use uuid::Uuid;

/// What became of the file as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its documents have their own statuses.
    Processed,
    /// Kept aside for a person.
    Quarantined {
        /// Why.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// Not taken, and the partner is told.
    Refused {
        /// Why.
        reason: String,
        /// What to do.
        hint: String,
    },
    /// Kept, and nothing follows from it.
    Ignored {
        /// Why.
        reason: String,
    },
}

/// One document of a file.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) id: Uuid,
    pub(super) partner: String,
    pub(super) format: String,
    /// `850`, or the record's name.
    pub(super) kind: String,
    pub(super) version: String,
    pub(super) functional_id: Option<String>,
    pub(super) interchange_control_number: Option<String>,
    pub(super) group_control_number: Option<String>,
    pub(super) set_control_number: Option<String>,
    pub(super) bytes: std::ops::Range<u64>,
    pub(super) status: verdict::Status,
    /// What it means; none when it was rejected, has no effects, or is an acknowledgment.
    pub(super) record: Option<Record>,
    pub(super) translator: Option<String>,
    pub(super) findings: Vec<Finding>,
    /// The entry of the partner's profile that reads it.
    pub(super) receives: Option<Receives>,
    /// The agreement of the profile that it falls under.
    pub(super) agreement: Option<String>,
    /// The number its sender knows it by, of a document that is set aside.
    pub(super) number: Option<String>,
    /// Where it stands in business and why, when it is set aside.
    pub(super) aside: Option<(Business, String)>,
}

impl Document {
    /// A document that was processed before, as far as its record goes.
    pub(super) fn stored(id: Uuid, partner: &str, record: Record) -> Self {
        Self {
            id,
            partner: partner.to_owned(),
            format: String::new(),
            kind: String::new(),
            version: String::new(),
            functional_id: None,
            interchange_control_number: None,
            group_control_number: None,
            set_control_number: None,
            bytes: 0..0,
            status: verdict::Status::Accepted,
            record: Some(record),
            translator: None,
            findings: Vec::new(),
            receives: None,
            agreement: None,
            number: None,
            aside: None,
        }
    }

    /// Takes its effects away: what is known of it is its number.
    pub(super) fn forget_record(&mut self) {
        if let Some(record) = self.record.take() {
            self.number = record.business_number().map(str::to_owned);
        }
    }

    /// Keeps it aside for a person. It has no effects until its file is released and it is read again.
    pub(super) fn hold(&mut self, why: String) {
        self.forget_record();
        self.aside = Some((Business::Exception, why));
    }
}

/// One interchange of a file, of a partner we know.
#[derive(Clone, Debug)]
pub(super) struct Interchange {
    pub(super) partner: String,
    pub(super) verdict: Arc<verdict::Interchange>,
    /// What its acknowledgments say of ours.
    pub(super) answers: Vec<ack_reader::Received>,
    /// What its application advices and messages say of our documents.
    pub(super) advices: Vec<advice_reader::Advice>,
    /// Whether it may change anything: marked as production where production was agreed.
    pub(super) has_effects: bool,
}

/// All that one file holds.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) outcome: Outcome,
    pub(super) documents: Vec<Document>,
    pub(super) interchanges: Vec<Interchange>,
    /// Findings outside of any document.
    pub(super) findings: Vec<Finding>,
}

impl Reading {
    fn quarantined(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        let outcome = Outcome::Quarantined { reason: reason.into(), hint: hint.into() };
        Self { outcome, documents: Vec::new(), interchanges: Vec::new(), findings: Vec::new() }
    }

    /// Takes documents that were read.
    pub(super) fn take(&mut self, read: Vec<Read>) {
        for (document, held) in read {
            if let Some((reason, hint)) = held {
                self.keep_aside(reason, hint);
            }
            self.documents.push(document);
        }
    }

    /// Lets go of what documents mean, from this place on, once it is written: how many there are and how they were
    /// judged is asked until the end, and why the first was refused. Gives it, to be freed.
    pub(super) fn let_go(&mut self, first: usize) -> Vec<Record> {
        let mut records = Vec::new();
        for document in self.documents.iter_mut().skip(first) {
            records.extend(document.record.take());
            document.findings.retain(|finding| finding.severity == Severity::Reject);
            document.findings.truncate(1);
            document.receives = None;
        }
        records
    }

    /// Keeps the file aside for a person, unless something else became of it.
    pub(super) fn keep_aside(&mut self, reason: String, hint: String) {
        if self.outcome == Outcome::Processed {
            self.outcome = Outcome::Quarantined { reason, hint };
        }
    }
}

/// Whether documents marked as a test are translated as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effects {
    /// As ISA15 says: a test has none.
    AsMarked,
    /// Always, where nothing outside can be changed anyway.
    Always,
}

/// A file that came on a channel, and what it is read by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    pub(super) file: Uuid,
    pub(super) name: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) place: &'a Place,
    pub(super) agreements: &'a Agreements,
    pub(super) effects: Effects,
    /// When it came.
    pub(super) received: DateTime<Utc>,
}

/// Reads a whole file.
pub(super) fn read(input: Input<'_>) -> Reading {
    let (mut reading, sets) = begin(input);
    for portion in sets.portions(u64::MAX) {
        reading.take(sets.read(&portion, input));
    }
    reading
}

/// Judges a file as a whole. Gives the sets that are still to become documents; only an X12 file has some.
pub(super) fn begin(input: Input<'_>) -> (Reading, Sets) {
    let reading = match look(input.bytes) {
        Looks::Empty => Reading::quarantined("the file is empty", "ask the partner to send it again"),
        Looks::Foreign(what) => Reading::quarantined(
            format!("the file is {what}, not a document"),
            "ask the partner for the plain file, or take it out of the folder",
        ),
        Looks::X12 => return begin_x12(input),
        Looks::Xml | Looks::Flat => read_other(input),
    };
    (reading, Sets::default())
}

/// The interchanges of a file are read as agreed with the sender of each.
impl reader::Terms for Input<'_> {
    fn general(&self) -> &reader::Options {
        &self.agreements.x12
    }

    fn of(&self, header: &verdict::InterchangeHeader) -> &reader::Options {
        let profiles = &self.agreements.profiles;
        let profile = match self.place.assigned {
            true => profiles.find(&self.place.partner),
            false => profiles.find_by_sender(&header.sender.0, &header.sender.1),
        };
        let x12 = profile.and_then(|profile| profile.x12.as_ref());
        x12.map_or_else(|| self.general(), |x12| &x12.reading)
    }

    fn today(&self) -> Option<NaiveDate> {
        Some(self.received.date_naive())
    }
}

fn begin_x12(input: Input<'_>) -> (Reading, Sets) {
    let Input { bytes, place, agreements, .. } = input;
    let verdict = reader::validate(bytes, &input);
    let said = ack_reader::read_acknowledgments(bytes, &verdict);
    let advised = advice_reader::read_advices(bytes, &verdict);
    let schemas = &agreements.x12.schemas;
    let lines = Lines::of(bytes);
    let window = Window::indexed(bytes, &lines);
    let envelope = Context::of_envelope(window, schemas);
    let mut reading = Reading {
        outcome: Outcome::Processed,
        documents: Vec::new(),
        interchanges: Vec::new(),
        findings: verdict.faults.iter().map(|fault| describe::finding(fault, &envelope)).collect(),
    };
    let mut trusted = Vec::new();
    let refused = verdict.faults.iter().find(|fault| fault.severity == Severity::Reject);
    if let Some(fault) = refused {
        let told = describe::finding(fault, &envelope);
        reading.outcome = Outcome::Quarantined { reason: told.message, hint: told.hint };
    }
    for (index, mut interchange) in verdict.interchanges.into_iter().enumerate() {
        let header = &interchange.header;
        let profile = match claim(header, place, agreements) {
            Ok(profile) => profile,
            Err((reason, hint)) => {
                reading.outcome = Outcome::Quarantined { reason, hint };
                continue;
            }
        };
        let Some(x12) = &profile.x12 else { continue };
        let test = header.usage == "T";
        let live = profile.agreements.iter().any(|agreement| agreement.usage == Some(Usage::Production));
        if x12.usage == Usage::Test && !test && !live {
            reading.outcome = Outcome::Quarantined {
                reason: format!("production data from {}, with whom we are still testing", profile.name),
                hint: format!(
                    "set usage = \"production\" in partner-profiles/{}.toml when tests are done, then release the file: `crossdock release`",
                    profile.id
                ),
            };
            continue;
        }
        let has_effects = !test || input.effects == Effects::Always;
        // What an assigned file says of its receiver does not matter either.
        if !place.assigned
            && let Some((reason, hint)) = not_for_us(&mut interchange, profile)
        {
            reading.outcome = Outcome::Quarantined { reason, hint };
        }
        refuse_what_was_not_agreed(&mut interchange, profile, place);
        reading.findings.extend(interchange.faults.iter().map(|fault| describe::finding(fault, &envelope)));
        if !interchange_is_trusted(&interchange) {
            if let Outcome::Processed = reading.outcome {
                let fault = interchange.faults.iter().find(|fault| fault.severity == Severity::Reject);
                let told = fault.map(|fault| describe::finding(fault, &envelope));
                let (reason, hint) = told.map_or_else(
                    || ("the interchange was refused".to_owned(), String::new()),
                    |told| (told.message, told.hint),
                );
                reading.outcome = Outcome::Quarantined { reason, hint };
            }
            reading.interchanges.push(Interchange {
                partner: profile.id.clone(),
                verdict: Arc::new(interchange),
                answers: Vec::new(),
                advices: Vec::new(),
                has_effects: false,
            });
            continue;
        }
        let schemas = &x12.reading.schemas;
        for group in &interchange.groups {
            let context = Context::of_set(window, schemas, &group.version, None, "");
            reading.findings.extend(group.faults.iter().map(|fault| describe::finding(fault, &context)));
        }
        let (partner, verdict) = (profile.id.clone(), Arc::new(interchange));
        trusted.push(Trusted { partner: partner.clone(), verdict: verdict.clone(), has_effects });
        let answers = said.iter().filter(|answer| answer.interchange == index).cloned().collect();
        let advices = advised.iter().filter(|advice| advice.interchange == index).cloned().collect();
        reading.interchanges.push(Interchange { partner, verdict, answers, advices, has_effects });
    }
    (reading, Sets { interchanges: trusted, lines })
}

/// Whether the envelope holds: groups of an interchange that was refused are not processed.
fn interchange_is_trusted(interchange: &verdict::Interchange) -> bool {
    interchange.status != verdict::Status::Rejected
}

/// Adds what translating found; a document that cannot be translated is not processed further.
pub(super) fn settle(document: &mut Document, record: Record, mut findings: Vec<Finding>) -> Option<Record> {
    // What only waits for master data is not the partner's fault: it is accepted, and kept aside when it is judged.
    for finding in findings.iter_mut().filter(|finding| finding.code == HELD) {
        finding.severity = Severity::Warning;
    }
    let refused = findings.iter().any(|finding| finding.severity == Severity::Reject);
    document.findings.extend(findings);
    if refused {
        document.status = verdict::Status::Rejected;
        return None;
    }
    Some(record)
}

/// Translators know bytes, not lines. `window` is the whole file.
pub(super) fn locate(findings: &mut [Finding], window: Window<'_>) {
    for finding in findings.iter_mut().filter(|finding| finding.location.line == 0) {
        finding.location.line = window.line_of(finding.location.byte);
    }
}

/// The partner whose interchange this is, or why nobody's.
fn claim<'a>(
    header: &verdict::InterchangeHeader,
    place: &Place,
    agreements: &'a Agreements,
) -> Result<&'a Profile, (String, String)> {
    if place.assigned
        && let Some(profile) = agreements.profiles.find(&place.partner)
    {
        return Ok(profile);
    }
    let (qualifier, id) = (&header.sender.0, &header.sender.1);
    let Some(profile) = agreements.profiles.find_by_sender(qualifier, id) else {
        if is_ours(header, agreements) {
            let hint = "one of our own files came back: see which program copies it into an inbound folder"
                .to_owned();
            return Err((format!("the sender {qualifier}:{id} is ourselves"), hint));
        }
        let hint = format!(
            "nobody is answered. If this is a new partner, add a profile with them = {{ qualifier = \"{qualifier}\", id = \"{id}\" }}, then release the file: `crossdock release`"
        );
        return Err((format!("unknown sender {qualifier}:{id}: no profile claims it"), hint));
    };
    if profile.id != place.partner {
        let hint = format!(
            "nobody is answered. Ask {} how its file came to the channel of {}; someone may be pretending",
            profile.name, place.partner
        );
        return Err((
            format!("sender {qualifier}:{id} is {}, who may not send on channel {}", profile.id, place.key()),
            hint,
        ));
    }
    Ok(profile)
}

/// Why an interchange is not for us, and what to do. Its sender is known, so a TA1 that is asked for says it.
fn not_for_us(interchange: &mut verdict::Interchange, profile: &Profile) -> Option<(String, String)> {
    let header = &interchange.header;
    let (qualifier, id) = &header.receiver;
    if profile.is_us(qualifier, id) {
        return None;
    }
    let us = profile.x12.as_ref().map(|x12| &x12.us);
    let agreed = us.map(|us| format!("{}:{}", us.qualifier, us.id)).unwrap_or_default();
    let hint = format!(
        "we agreed on {agreed} with {}; ask the partner to correct ISA07 and ISA08, or set `us` in the profile",
        profile.name
    );
    let reason = format!("the file is addressed to {qualifier}:{id}, not to us");
    interchange.faults.push(Fault {
        segment: SegmentId::new(b"ISA"),
        element: 8,
        value: id.as_bytes().into(),
        ..Fault::new(Code::UnknownReceiver, interchange.bytes.start)
    });
    interchange.status = verdict::Status::Rejected;
    Some((reason, hint))
}

fn is_ours(header: &verdict::InterchangeHeader, agreements: &Agreements) -> bool {
    agreements.profiles.list().any(|profile| profile.is_us(&header.sender.0, &header.sender.1))
}

pub(super) fn find_receives<'a>(profile: &'a Profile, channel: &str, document: &str) -> Option<&'a Receives> {
    let fits =
        |receives: &&Receives| receives.translator.format() == Format::X12 && receives.document == document;
    let here = profile.exchange.receives.iter().filter(fits).find(|receives| receives.channel == channel);
    here.or_else(|| profile.exchange.receives.iter().find(fits))
}

/// Sets that the profile does not name are refused by AK501 R, AK502 1: the partner learns it at once.
fn refuse_what_was_not_agreed(interchange: &mut verdict::Interchange, profile: &Profile, place: &Place) {
    for group in &mut interchange.groups {
        if group.is_acknowledgment() {
            continue;
        }
        for set in &mut group.sets {
            let refused = set.faults.iter().any(|fault| fault.code == Code::SetNotSupported);
            if refused || find_receives(profile, &place.channel.name, &set.id).is_some() {
                continue;
            }
            set.faults.insert(
                0,
                Fault {
                    segment_position: 1,
                    segment: SegmentId::new(b"ST"),
                    element: 1,
                    element_number: 143,
                    value: set.id.as_bytes().into(),
                    expected: "a document agreed in the partner's profile".into(),
                    ..Fault::new(Code::SetNotSupported, set.bytes.start)
                },
            );
            if set.status != verdict::Status::Rejected {
                group.accepted_sets = group.accepted_sets.saturating_sub(1);
            }
            set.status = verdict::Status::Rejected;
        }
    }
}

fn read_other(input: Input<'_>) -> Reading {
    let Input { file, name, bytes, place, agreements, received, .. } = input;
    let Some(profile) = agreements.profiles.find(&place.partner) else {
        return Reading::quarantined(
            format!("there is no profile {}", place.partner),
            "add it, then release the file: `crossdock release`",
        );
    };
    let mut fitting = profile.exchange.receives.iter().filter(|receives| {
        receives.translator.format() != Format::X12
            && receives.channel == place.channel.name
            && (receives.files.is_empty()
                || receives.files.iter().any(|pattern| pattern::fits(pattern, name)))
    });
    let Some(receives) = fitting.next() else {
        return Reading::quarantined(
            format!("nobody claims the file: channel {} takes no such file", place.key()),
            format!(
                "it is no X12, and no [[receives]] of partner-profiles/{}.toml names a format for `{name}`",
                profile.id
            ),
        );
    };
    let (trees, findings) = receives.translator.layout().read(bytes);
    let lines = Lines::of(bytes);
    let window = Window::indexed(bytes, &lines);
    let mut reading =
        Reading { outcome: Outcome::Processed, documents: Vec::new(), interchanges: Vec::new(), findings };
    let lookup = agreements.lookup(&profile.id, received);
    for tree in &trees {
        let (record, mut findings) = receives.translator.read(tree, lookup);
        locate(&mut findings, window);
        let start = tree.origin(tree.root()).byte;
        let ordinal = reading.documents.len() as u64 + 1;
        let mut document = Document {
            id: document_id(file, ordinal),
            partner: profile.id.clone(),
            format: receives.translator.format().word().to_owned(),
            kind: receives.document.clone(),
            version: String::new(),
            functional_id: None,
            interchange_control_number: None,
            group_control_number: None,
            set_control_number: None,
            bytes: start..start,
            status: verdict::Status::Accepted,
            record: None,
            translator: Some(receives.translator.name().to_owned()),
            findings: Vec::new(),
            receives: Some(receives.clone()),
            agreement: None,
            number: None,
            aside: None,
        };
        document.record = settle(&mut document, record, findings);
        document.agreement = agreed::agreement_of(profile, document.record.as_ref(), None);
        reading.documents.push(document);
    }
    // A flat file stands or falls as a whole: a broken row may have belonged to any of its documents.
    let refused = reading.findings.iter().find(|finding| finding.severity == Severity::Reject);
    if let Some(finding) = refused {
        reading.outcome = Outcome::Quarantined {
            reason: format!("line {}: {}", finding.location.line, finding.message),
            hint: finding.hint.clone(),
        };
        for document in &mut reading.documents {
            document.status = verdict::Status::Rejected;
            document.record = None;
        }
    }
    reading
}

/// The document's id: its place in its file, so that reading again finds the same.
pub(super) fn document_id(file: Uuid, place: u64) -> Uuid {
    ids::derived("document", &[&file.to_string(), &place.to_string()])
}
