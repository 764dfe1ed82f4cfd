//! What was agreed about X12 envelopes.

use super::Beside;
use super::control_numbers::{self, ControlNumbers};
use super::reading::{self, Acks};
use crate::declaration::{Section, Source};
use crate::formats::x12::reader::Options;
use crate::formats::x12::schema::Schemas;
use crate::formats::x12::segment::Delimiters;

/// A qualifier and an id of an ISA, trimmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// ISA05 or ISA07.
    pub qualifier: String,
    /// ISA06 or ISA08.
    pub id: String,
}

/// ISA15 as agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Only `P` has effects.
    Production,
    /// Both sides test.
    Test,
}

/// Words of usages, as profiles have them.
pub(super) const USAGES: &[(&str, Usage)] = &[("production", Usage::Production), ("test", Usage::Test)];

/// Envelope settings of one partner.
#[derive(Clone, Debug)]
pub struct X12 {
    /// Our own identity towards this partner.
    pub us: Identity,
    /// The partner's identities; the first is used when we send.
    pub them: Vec<Identity>,
    /// GS02 when we send, our ISA id unless said.
    pub us_group: String,
    /// GS03 when we send, the partner's ISA id unless said.
    pub them_group: String,
    /// Which of these were said, ours first: what comes must have them then.
    pub groups_said: [bool; 2],
    /// Test or production.
    pub usage: Usage,
    /// ISA12 when we send.
    pub interchange_version: String,
    /// GS08 when we send.
    pub version: String,
    /// Separators when we send.
    pub delimiters: Delimiters,
    /// Whether a line feed follows each segment we send.
    pub newline_after_segment: bool,
    /// Whether we ask for a TA1 (ISA14).
    pub ask_for_ta1: bool,
    /// What we send is numbered by.
    pub control_numbers: ControlNumbers,
    /// How what comes is read and judged, with the partner's guides.
    pub reading: Options,
    /// How what comes is acknowledged.
    pub acks: Acks,
}

/// Reads `x12`, with the guides that were read for it.
pub(super) fn read(section: &Section<'_>, schemas: Schemas, beside: Beside<'_>) -> (X12, Vec<Source>) {
    let us = identity(section, "us", "write us = { qualifier = \"ZZ\", id = \"OURID\" }");
    let mut them = vec![identity(section, "them", "write them = { qualifier = \"01\", id = \"123456789\" }")];
    for alias in section.sections("aliases") {
        them.push(read_identity(&alias));
    }
    let text = |key, default: &str| section.text(key).map_or_else(|| default.to_owned(), |said| said.value);
    let usage = section.choice("usage", USAGES);
    let interchange_version = text("interchange_version", "00401");
    let separators = section.section("separators");
    let byte = |key, default: u8| {
        let Some(said) = separators.as_ref().and_then(|section| section.text(key)) else { return default };
        let value = said.value.as_bytes();
        match value {
            [byte] if !byte.is_ascii_alphanumeric() && *byte != b' ' => *byte,
            _ => {
                let hint = "write one character that never occurs in your data, such as \"*\", \"~\", \">\" or \"^\"";
                section.fault(
                    "separator_form",
                    &said.place,
                    format!("`{}` is no separator", said.value),
                    hint,
                );
                default
            }
        }
    };
    let repetition = byte("repetition", b'^');
    let delimiters = Delimiters {
        element: byte("element", b'*'),
        component: byte("component", b'>'),
        repetition: (interchange_version.as_str() >= "00402").then_some(repetition),
        segment: byte("segment", b'~'),
    };
    let all = [delimiters.element, delimiters.component, delimiters.segment];
    if all[0] == all[1]
        || all[1] == all[2]
        || all[0] == all[2]
        || delimiters.repetition.is_some_and(|r| all.contains(&r))
    {
        let place = separators.as_ref().map_or_else(|| section.place(), Section::place);
        section.fault(
            "separators_equal",
            &place,
            "two separators are the same",
            "give each its own character",
        );
    }
    if let Some(separators) = &separators {
        separators.finish();
    }
    let (reading, guides) = reading::read(section, schemas, beside);
    let acks = reading::read_acks(section, &reading.schemas);
    let x12 = X12 {
        us_group: text("us_group", &us.id),
        them_group: text("them_group", &them.first().map_or_else(String::new, |them| them.id.clone())),
        groups_said: ["us_group", "them_group"].map(|key| section.text(key).is_some()),
        us,
        them,
        usage: usage.map_or(Usage::Production, |said| said.value),
        interchange_version,
        version: text("version", "004010"),
        delimiters,
        newline_after_segment: section.flag("newline_after_segment").is_some_and(|said| said.value),
        ask_for_ta1: section.flag("ask_for_ta1").is_some_and(|said| said.value),
        control_numbers: control_numbers::read(section),
        reading,
        acks,
    };
    section.finish();
    (x12, guides)
}

fn identity(section: &Section<'_>, key: &'static str, hint: &str) -> Identity {
    match section.section(key) {
        Some(below) => read_identity(&below),
        None => {
            section.fault("setting_missing", &section.place(), format!("`x12` needs `{key}`"), hint);
            Identity { qualifier: String::new(), id: String::new() }
        }
    }
}

pub(super) fn read_identity(section: &Section<'_>) -> Identity {
    let qualifier =
        section.required_text("qualifier", "write qualifier = \"ZZ\", \"01\" or \"12\": two characters");
    let id = section.required_text("id", "write id = \"…\", at most 15 characters");
    if !qualifier.value.is_empty() && qualifier.value.chars().count() != 2 {
        let message = format!("`{}` is no qualifier", qualifier.value);
        section.fault(
            "qualifier_form",
            &qualifier.place,
            message,
            "it has two characters, such as \"ZZ\" or \"01\"",
        );
    }
    if id.value.chars().count() > 15 {
        // ISA06 and ISA08 have 15 characters.
        section.fault(
            "id_too_long",
            &id.place,
            format!("`{}` is too long", id.value),
            "an interchange id has at most 15 characters",
        );
    }
    section.finish();
    Identity { qualifier: qualifier.value, id: id.value.trim().to_owned() }
}
