//! How a partner's X12 is read, and how it is acknowledged.

use super::{Beside, beside_name};
use crate::declaration::{Section, Source, suggestion};
use crate::finding::Severity;
use crate::formats::x12::ack::{self, SetResponses, Ta1When};
use crate::formats::x12::fault::Code;
use crate::formats::x12::reader::{LeadingBytes, Options};
use crate::formats::x12::schema::Schemas;
use crate::formats::x12::validate::{CharacterSet, National};

/// How what the partner sends is acknowledged, but for the kind, which each document says itself.
#[derive(Clone, Debug)]
pub struct Acks {
    /// What the acknowledgments say.
    pub settings: ack::Settings,
    /// When an interchange is answered by a TA1.
    pub ta1: Ta1When,
}

const SEVERITIES: &[(&str, Option<Severity>)] = &[
    ("reject", Some(Severity::Reject)),
    ("accept_with_errors", Some(Severity::AcceptWithErrors)),
    ("warning", Some(Severity::Warning)),
    ("ignore", None),
];

/// Reads `x12.reading`, with the guides that were read for it. `schemas` are those that the guides are added to.
pub(super) fn read(section: &Section<'_>, schemas: Schemas, beside: Beside<'_>) -> (Options, Vec<Source>) {
    let mut options = Options { schemas, ..Options::default() };
    let mut used = Vec::new();
    let Some(section) = section.section("reading") else { return (options, used) };
    options.lenient_isa = section.flag("unpadded_isa").is_some_and(|said| said.value);
    let leading = [("refuse", LeadingBytes::Refuse), ("skip", LeadingBytes::Skip)];
    options.leading = section.choice("bytes_before_isa", &leading).map_or(options.leading, |said| said.value);
    let sets = [("extended", CharacterSet::Extended), ("basic", CharacterSet::Basic)];
    options.set.character_set =
        section.choice("characters", &sets).map_or(options.set.character_set, |said| said.value);
    let national = [("accept", National::Accepted), ("refuse", National::Refused)];
    options.set.national =
        section.choice("national_characters", &national).map_or(options.set.national, |said| said.value);
    if let Some(said) = section.duration("isa_date_within") {
        options.date_within_days = u32::try_from(said.value.as_secs() / 86_400).unwrap_or(u32::MAX);
    }
    for said in section.texts("guides") {
        let source = match beside_name(&said.value, ".guide").and_then(|name| beside(&name)) {
            Ok(source) => source,
            Err(why) => {
                let hint = "put the guide beside the profiles, with the ending .guide";
                section.fault("guide_unreadable", &said.place, why, hint);
                continue;
            }
        };
        match options.schemas.adopt_guide(&source.text, &source.name) {
            Ok(()) => used.push(source),
            Err(findings) => findings.into_iter().for_each(|finding| section.push(finding)),
        }
    }
    severities(&section, &mut options);
    section.finish();
    (options, used)
}

fn severities(section: &Section<'_>, options: &mut Options) {
    for (name, said) in section.pairs("severities") {
        let Some(code) = Code::ALL.iter().find(|code| code.name() == name.value) else {
            let known: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
            section.fault(
                "finding_unknown",
                &name.place,
                format!("there is no finding `{}`", name.value),
                format!("{}; `crossdock validate --json` names them", suggestion(&name.value, &known)),
            );
            continue;
        };
        let message = || format!("`{}` is no severity", said.value);
        if let Some(severity) = section.word(&said, SEVERITIES, "value_unknown", message) {
            options.set.severities.set(*code, severity);
        }
    }
}

/// Reads `x12.acks`.
pub(super) fn read_acks(section: &Section<'_>, schemas: &Schemas) -> Acks {
    let mut acks = Acks { settings: ack::Settings::default(), ta1: Ta1When::default() };
    let Some(section) = section.section("acks") else { return acks };
    let settings = &mut acks.settings;
    let sets = [("all", SetResponses::All), ("rejected", SetResponses::RejectedOnly)];
    settings.ak2 = section.choice("sets", &sets).map_or(settings.ak2, |said| said.value);
    let flag = |key, otherwise: bool| section.flag(key).map_or(otherwise, |said| said.value);
    settings.accept_with_errors = flag("accept_with_errors", settings.accept_with_errors);
    settings.partial = flag("partial_groups", settings.partial);
    settings.report_warnings = flag("warnings", settings.report_warnings);
    if let Some(said) = section.text("version") {
        if schemas.find_release(&said.value).is_none() {
            section.fault(
                "release_unknown",
                &said.place,
                format!("there is no release `{}`", said.value),
                "write one such as \"004010\" or \"005010\", or leave it out to answer in the release that came",
            );
        }
        settings.release = ack::Release::Fixed(said.value);
    }
    let when = [
        ("requested", Ta1When::Requested),
        ("requested_or_faulty", Ta1When::RequestedOrFaulty),
        ("never", Ta1When::Never),
    ];
    acks.ta1 = section.choice("ta1", &when).map_or(acks.ta1, |said| said.value);
    section.finish();
    acks
}
