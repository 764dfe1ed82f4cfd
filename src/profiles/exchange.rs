//! What comes, what goes, and what follows from it.

use super::batch::{self, Batch};
use super::calendar::Due;
use super::channel::{Channel, Transport};
use super::expects::Expects;
use super::http;
use super::ladder::Ladder;
use super::library::{Library, document_of};
use super::routes::{self, Route};
use super::rules::{Validity, validity};
use super::settings::DIRECTIONS;
use crate::canonical::{FinalShipment, InvoiceKind, RecordKind};
use crate::declaration::{Place, Said, Section, suggestion};
use crate::formats::x12::ack;
use crate::translators::{Format, Overlay, Spot, Translator, WhenUnknown};
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The documents exchanged with one partner.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// What the partner sends.
    pub receives: Vec<Receives>,
    /// What we send.
    pub sends: Vec<Sends>,
    /// What follows from what the partner sends.
    pub routes: Vec<Route>,
    /// What must follow what is exchanged, and by when.
    pub expects: Vec<Expects>,
}

/// One kind of document the partner sends.
#[derive(Clone, Debug)]
pub struct Receives {
    /// The translator that reads it, with the partner's habits laid over it; the first, where there are several.
    pub translator: Arc<Translator>,
    /// Translators by X12 release, where each has its own.
    pub releases: Vec<(String, Arc<Translator>)>,
    /// `940`, or the record's name in formats other than X12.
    pub document: String,
    /// The channel it comes on.
    pub channel: String,
    /// Names of its files, where one channel carries several flat formats; all if empty.
    pub files: Vec<String>,
    /// How we acknowledge it.
    pub acknowledge: Acknowledge,
    /// What an invoice from this partner bills.
    pub invoices: InvoiceKind,
    /// When an order counts as shipped to its end, by this partner's advices.
    pub final_shipment: FinalShipment,
    /// From when to when.
    pub validity: Validity,
}

impl Exchange {
    /// Every translator of it, those that read first.
    pub fn translators(&self) -> impl Iterator<Item = &Arc<Translator>> {
        let received = self.receives.iter().flat_map(Receives::translators);
        received.chain(self.sends.iter().map(|sends| &sends.translator))
    }

    /// How a document is sent: by this channel, where one is named, else by the first that the profile names.
    #[must_use]
    pub fn find_sends(&self, document: &str, channel: Option<&str>) -> Option<&Sends> {
        let by_channel = |sends: &&Sends| channel.is_none_or(|channel| sends.channel == channel);
        self.sends.iter().filter(|sends| sends.document == document).find(by_channel)
    }

    /// When an order counts as shipped to its end, by this partner's advices.
    #[must_use]
    pub fn final_shipment(&self) -> FinalShipment {
        let advices =
            self.receives.iter().find(|receives| receives.translator.record() == RecordKind::ShippingAdvice);
        advices.map(|receives| receives.final_shipment).unwrap_or_default()
    }
}

impl Receives {
    /// All translators of it.
    pub fn translators(&self) -> impl Iterator<Item = &Arc<Translator>> {
        let one = self.releases.is_empty().then_some(&self.translator);
        one.into_iter().chain(self.releases.iter().map(|(_, translator)| translator))
    }

    /// The translator for a release as GS08 names it, such as `004010VICS`: the one of just this release, else the one
    /// of its first six digits. None when the profile names translators by release, and none for this.
    #[must_use]
    pub fn translator_of(&self, release: &str) -> Option<&Arc<Translator>> {
        if self.releases.is_empty() {
            return Some(&self.translator);
        }
        let exact = self.releases.iter().find(|(known, _)| known == release);
        let found =
            exact.or_else(|| self.releases.iter().find(|(known, _)| release.starts_with(known.as_str())));
        found.map(|(_, translator)| translator)
    }
}

/// How a received group is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// Not at all.
    None,
    /// By a 997.
    F997,
    /// By a 999.
    F999,
}

impl Acknowledge {
    /// The acknowledgment that is composed.
    #[must_use]
    pub fn kind(self) -> ack::Kind {
        match self {
            Self::None => ack::Kind::None,
            Self::F997 => ack::Kind::F997,
            Self::F999 => ack::Kind::F999,
        }
    }
}

/// One kind of document we send.
#[derive(Clone, Debug)]
pub struct Sends {
    /// The translator that writes it, with the partner's habits laid over it.
    pub translator: Arc<Translator>,
    /// `940`, or the record's name in formats other than X12.
    pub document: String,
    /// The channel it goes by.
    pub channel: String,
    /// The acknowledgment we expect.
    pub expect_ack: Option<ExpectAck>,
    /// What is sent together; each by itself at once if none.
    pub batch: Option<Box<Batch>>,
    /// From when to when.
    pub validity: Validity,
}

/// An acknowledgment that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectAck {
    /// 997 or 999.
    pub kind: Acknowledge,
    /// When it is due, counted from sending.
    pub within: Due,
    /// What happens while it is overdue.
    pub ladder: Ladder,
    /// What else follows when it is overdue.
    pub when_overdue: WhenOverdue,
}

/// What follows when an acknowledgment is overdue, besides an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenOverdue {
    /// Nothing.
    Alert,
    /// Nothing more is delivered to the partner until it came or a person has settled it.
    Hold,
    /// What was sent is sent once more, the same bytes under the same name.
    Resend,
}

const ACKS: &[(&str, Acknowledge)] =
    &[("997", Acknowledge::F997), ("999", Acknowledge::F999), ("none", Acknowledge::None)];

pub(super) fn read(
    section: &Section<'_>,
    channels: &BTreeMap<String, Channel>,
    has_x12: bool,
    (has_calendar, zone): (bool, chrono_tz::Tz),
    library: &Library,
) -> Exchange {
    let mut exchange = Exchange::default();
    let [inbound, outbound] = DIRECTIONS.map(|(direction, _)| common(section, direction));
    for section in section.sections("receives") {
        let section = section.over(inbound.as_ref());
        exchange.receives.extend(receives(&section, channels, has_x12, library));
    }
    for section in section.sections("sends") {
        let section = section.over(outbound.as_ref());
        exchange.sends.extend(sends(&section, channels, has_x12, (has_calendar, zone), library));
    }
    exchange.routes = routes::read(section);
    exchange
}

/// What is said once for all documents of a direction. It lies below what each of them says.
fn common<'a>(section: &Section<'a>, direction: &'static str) -> Option<Section<'a>> {
    let common = section.section(direction)?;
    if let Some(said) = common.raw("translator") {
        common.fault(
            "translator_of_all",
            &said.place,
            format!("`{direction}` holds for every document, and each has its own translator"),
            "write `translator` to the document's own entry",
        );
    }
    Some(common)
}

fn receives(
    section: &Section<'_>,
    channels: &BTreeMap<String, Channel>,
    has_x12: bool,
    library: &Library,
) -> Option<Receives> {
    let releases =
        if section.is_table("translator") { by_release(section, has_x12, library) } else { Vec::new() };
    let translator = match releases.first() {
        Some((_, first)) => Some(first.clone()),
        None if section.is_table("translator") => None,
        None => translator(section, has_x12, library),
    };
    let channel = channel(section, channels, |channel| channel.inbound.is_some(), "inbound");
    let acknowledge = section.choice("ack", ACKS);
    let kinds =
        [InvoiceKind::Sale, InvoiceKind::Purchase, InvoiceKind::Service].map(|kind| (kind.word(), kind));
    let invoices = section.choice("invoices", &kinds).map_or(InvoiceKind::Purchase, |said| said.value);
    let rules =
        [FinalShipment::Stated, FinalShipment::First, FinalShipment::Whole].map(|rule| (rule.word(), rule));
    let final_shipment = section.choice("final_shipment", &rules).map(|said| said.value).unwrap_or_default();
    let files = section.texts("files").into_iter().map(|said| said.value).collect();
    let validity = validity(section);
    section.finish();
    let translator = translator?;
    if let Some(said) = acknowledge.as_ref().filter(|said| said.value != Acknowledge::None) {
        let goes = |channel: &Channel| channel.outbound.is_some();
        if translator.format() != Format::X12 {
            let message = "only X12 documents are acknowledged by a 997 or 999";
            let hint = "take `ack` out; or write ack = \"none\" to its [[receives]], where [inbound] says it";
            section.fault("ack_without_x12", &said.place, message, hint);
        } else if !channels.values().any(goes) {
            let hint = "add outbound = { path = \"/in\" } to the channel, or take `ack` out";
            section.fault(
                "ack_without_channel",
                &said.place,
                "there is no folder to put the acknowledgment in",
                hint,
            );
        }
    }
    Some(Receives {
        document: document_of(&translator).to_owned(),
        channel,
        files,
        acknowledge: acknowledge.map_or(Acknowledge::None, |said| said.value),
        invoices,
        final_shipment,
        validity,
        releases,
        translator,
    })
}

fn sends(
    section: &Section<'_>,
    channels: &BTreeMap<String, Channel>,
    has_x12: bool,
    (has_calendar, zone): (bool, chrono_tz::Tz),
    library: &Library,
) -> Option<Sends> {
    let translator = translator(section, has_x12, library);
    let goes =
        |channel: &Channel| channel.outbound.is_some() || matches!(channel.transport, Transport::Http(_));
    let channel = channel(section, channels, goes, "outbound");
    let expect_ack = section.section("expect_ack").and_then(|below| {
        let kind = below.choice("kind", ACKS).map_or(Acknowledge::F997, |said| said.value);
        // A day is what guides name most often.
        let within = super::calendars::due(&below, "within", has_calendar);
        let within = within.unwrap_or(Due::After(TimeDelta::days(1)));
        let ladder = Ladder::read(&below);
        let kinds =
            [("alert", WhenOverdue::Alert), ("hold", WhenOverdue::Hold), ("resend", WhenOverdue::Resend)];
        let when_overdue = below.choice("when_overdue", &kinds).map_or(WhenOverdue::Alert, |said| said.value);
        below.finish();
        let expected = ExpectAck { kind, within, ladder, when_overdue };
        (kind != Acknowledge::None).then_some(expected)
    });
    let validity = validity(section);
    let called = match channels.get(&channel).map(|channel| &channel.transport) {
        Some(Transport::Http(called)) => Some(called),
        _ => None,
    };
    let by_call = called.is_some();
    if let Some((called, translator)) = called.zip(translator.as_deref()) {
        let place = section.raw("channel").map_or_else(|| section.place(), |said| said.place);
        http::check_placeholders(section, &place, called, translator);
    }
    let batch = batch::read(section, translator.as_deref(), by_call, zone).map(Box::new);
    section.finish();
    let translator = translator?;
    Some(Sends {
        document: document_of(&translator).to_owned(),
        channel,
        expect_ack,
        batch,
        validity,
        translator,
    })
}

fn translator(section: &Section<'_>, has_x12: bool, library: &Library) -> Option<Arc<Translator>> {
    let said = section
        .required_text("translator", "write translator = \"x12-945\", a file of the folder translators/");
    named(section, &said, &overlay(section), has_x12, library)
}

/// `translator = { "004010" = "x12-944", "005010" = "x12-944-5010" }`
fn by_release(section: &Section<'_>, has_x12: bool, library: &Library) -> Vec<(String, Arc<Translator>)> {
    let habits = overlay(section);
    let mut releases: Vec<(String, Arc<Translator>)> = Vec::new();
    for (release, name) in section.pairs("translator") {
        let Some(translator) = named(section, &name, &habits, has_x12, library) else { continue };
        if translator.format() != Format::X12 {
            let message =
                format!("`{}` is for {}, which has no releases", name.value, translator.format().word());
            section.fault("release_without_x12", &name.place, message, "write translator = \"NAME\" alone");
            continue;
        }
        let versions = translator.versions();
        if !versions.iter().any(|version| release.value.starts_with(version.as_str())) {
            let versions = versions.join(" and ");
            section.fault(
                "release_of_translator",
                &release.place,
                format!("`{}` is for release {versions}, not for `{}`", name.value, release.value),
                "name the translator of that release, or add the release to `versions` of the translator and see what `crossdock check` says",
            );
        }
        if let Some((_, first)) = releases.first()
            && (first.record() != translator.record() || document_of(first) != document_of(&translator))
        {
            section.fault(
                "releases_differ",
                &name.place,
                format!(
                    "`{}` reads the {}, `{}` the {}",
                    name.value,
                    document_of(&translator),
                    first.name(),
                    document_of(first)
                ),
                "the translators of one entry read the same document; write a [[receives]] for each document",
            );
            continue;
        }
        releases.push((release.value, translator));
    }
    if section.pairs("translator").is_empty() {
        let place = section.raw("translator").map_or_else(|| section.place(), |said| said.place);
        section.fault(
            "translator_missing",
            &place,
            "no translator is named for any release",
            "write translator = { \"004010\" = \"NAME\" }, or translator = \"NAME\" for all releases",
        );
    }
    releases
}

fn named(
    section: &Section<'_>,
    said: &Said<String>,
    habits: &Overlay,
    has_x12: bool,
    library: &Library,
) -> Option<Arc<Translator>> {
    let Some(translator) = library.find(&said.value) else {
        if !said.value.is_empty() {
            let message = format!("there is no translator `{}`", said.value);
            section.fault("translator_unknown", &said.place, message, library.suggestion(&said.value));
        }
        return None;
    };
    if translator.format() == Format::X12 && !has_x12 {
        let hint = "add [x12] with us = { qualifier = …, id = … } and them = { qualifier = …, id = … }";
        section.fault(
            "x12_missing",
            &said.place,
            "the profile has X12 documents but no X12 identities",
            hint,
        );
    }
    if *habits == Overlay::default() {
        return Some(translator.clone());
    }
    match translator.overlay(habits) {
        Ok(own) => {
            for finding in library.check_habits(&own) {
                section.push(finding);
            }
            Some(Arc::new(own))
        }
        Err(findings) => {
            for finding in findings {
                section.push(finding);
            }
            None
        }
    }
}

fn channel(
    section: &Section<'_>,
    channels: &BTreeMap<String, Channel>,
    fits: impl Fn(&Channel) -> bool,
    direction: &str,
) -> String {
    let said =
        section.required_text("channel", "write channel = \"…\", the name of a [channels.…] of this file");
    match channels.get(&said.value) {
        Some(channel) if !fits(channel) => section.fault(
            "channel_direction",
            &said.place,
            format!("the channel `{}` has no `{direction}` folder", said.value),
            format!("add {direction} = {{ path = \"/…\" }} to it"),
        ),
        None if !said.value.is_empty() => {
            let names: Vec<&str> = channels.keys().map(String::as_str).collect();
            let message = format!("there is no channel `{}`", said.value);
            section.fault("channel_unknown", &said.place, message, suggestion(&said.value, &names));
        }
        _ => {}
    }
    said.value
}

/// The partner's own habits: `fields` and `tables` of the entry.
fn overlay(section: &Section<'_>) -> Overlay {
    let mut overlay = Overlay::default();
    for (field, place) in section.pairs("fields") {
        overlay = overlay.with_field(&field.value, &place.value, spot(&place.place));
    }
    for (name, said) in section.pairs("crosswalks") {
        let message = || {
            format!(
                "`{}` does not say what to do with a value that `{}` does not hold",
                said.value, name.value
            )
        };
        let unknown = section.word(&said, &WhenUnknown::ALL, "crosswalk_rule_unknown", message);
        // Fields that ask it are not told to name nothing on top.
        let unknown = unknown.unwrap_or(WhenUnknown::Refuse);
        overlay.crosswalks.push((name.value.clone(), unknown, spot(&said.place)));
    }
    for (name, table) in section.named_sections("tables") {
        for (code, word) in table.own_pairs() {
            overlay = overlay.with_row(&name, &code.value, &word.value, spot(&code.place));
        }
    }
    overlay
}

fn spot(place: &Place) -> Spot {
    Spot {
        file: place.source.as_str().into(),
        byte: place.span.start as u64,
        line: place.line,
        column: place.column,
    }
}
