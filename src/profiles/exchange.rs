//! What comes, what goes, and what follows from it.

use super::Known;
use super::channel::Channel;
use crate::declaration::{Place, Section, suggestion};
use std::collections::BTreeMap;
use std::time::Duration;

/// The documents exchanged with one partner.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// What the partner sends.
    pub receives: Vec<Receives>,
    /// What we send.
    pub sends: Vec<Sends>,
    /// What follows from what the partner sends.
    pub routes: Vec<Route>,
}

/// A partner's own habits, laid over a translator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay {
    /// Field of the record to place in the document, both as the translator writes them.
    pub fields: Vec<(String, String)>,
    /// Tables by name: code of the document to word of the record.
    pub tables: BTreeMap<String, Vec<(String, String)>>,
}

/// One kind of document the partner sends.
#[derive(Clone, Debug)]
pub struct Receives {
    /// The translator that reads it.
    pub translator: String,
    /// `940`, or the record's name in formats other than X12.
    pub document: String,
    /// The translator's format.
    pub format: String,
    /// The channel it comes on.
    pub channel: String,
    /// Names of its files, where one channel carries several flat formats; all if empty.
    pub files: Vec<String>,
    /// How we acknowledge it.
    pub acknowledge: Acknowledge,
    /// What an invoice from this partner bills.
    pub invoices: Invoices,
    /// The partner's habits.
    pub overlay: Overlay,
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

/// What an invoice is compared with; the three are never mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invoices {
    /// The seller's bill to its customer: against order and shipment.
    Sale,
    /// A supplier's bill to us: against order and receipt.
    Purchase,
    /// A bill for services: against counted activities.
    Service,
}

/// One kind of document we send.
#[derive(Clone, Debug)]
pub struct Sends {
    /// The translator that writes it.
    pub translator: String,
    /// `940`, or the record's name in formats other than X12.
    pub document: String,
    /// The translator's format.
    pub format: String,
    /// The channel it goes by.
    pub channel: String,
    /// The acknowledgment we expect.
    pub expect_ack: Option<ExpectAck>,
    /// The partner's habits.
    pub overlay: Overlay,
}

/// An acknowledgment that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectAck {
    /// 997 or 999.
    pub kind: Acknowledge,
    /// Due this long after sending.
    pub within: Duration,
}

/// A pure function that makes another record of a record and its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Derivation {
    /// The ship notice of a shipping advice, its shipping order and its purchase order.
    ShipNotice,
}

/// What follows from a received record.
#[derive(Clone, Debug)]
pub struct Route {
    /// The record that starts it, such as `shipping_advice`.
    pub record: String,
    /// What is made of it first.
    pub derive: Option<Derivation>,
    /// The partner it goes to.
    pub to: String,
    /// The document it goes as.
    pub document: String,
}

const ACKS: &[(&str, Acknowledge)] =
    &[("997", Acknowledge::F997), ("999", Acknowledge::F999), ("none", Acknowledge::None)];

pub(super) fn read(
    section: &Section<'_>,
    channels: &BTreeMap<String, Channel>,
    has_x12: bool,
    known: &dyn Known,
) -> Exchange {
    let mut exchange = Exchange::default();
    for section in section.sections("receives") {
        exchange.receives.push(receives(&section, channels, has_x12, known));
    }
    for section in section.sections("sends") {
        exchange.sends.push(sends(&section, channels, has_x12, known));
    }
    for section in section.sections("routes") {
        exchange.routes.extend(route(&section, known));
    }
    exchange
}

fn receives(
    section: &Section<'_>,
    channels: &BTreeMap<String, Channel>,
    has_x12: bool,
    known: &dyn Known,
) -> Receives {
    let translator = translator(section, has_x12, known);
    let channel = channel(section, channels, |channel| channel.inbound.is_some(), "inbound");
    let acknowledge = section.choice("ack", ACKS);
    let format = known.format(&translator.0).unwrap_or_default().to_owned();
    if let Some(said) = acknowledge.as_ref().filter(|said| said.value != Acknowledge::None && format != "x12")
    {
        section.fault(
            "ack_without_x12",
            &said.place,
            "only X12 documents are acknowledged by a 997 or 999",
            "take `ack` out",
        );
    }
    let kinds = [("sale", Invoices::Sale), ("purchase", Invoices::Purchase), ("service", Invoices::Service)];
    let receives = Receives {
        document: known.document(&translator.0).unwrap_or_default().to_owned(),
        format,
        channel,
        files: section.texts("files").into_iter().map(|said| said.value).collect(),
        acknowledge: acknowledge.map_or(Acknowledge::None, |said| said.value),
        invoices: section.choice("invoices", &kinds).map_or(Invoices::Purchase, |said| said.value),
        overlay: overlay(section, &translator, known),
        translator: translator.0,
    };
    section.finish();
    receives
}

fn sends(
    section: &Section<'_>,
    channels: &BTreeMap<String, Channel>,
    has_x12: bool,
    known: &dyn Known,
) -> Sends {
    let translator = translator(section, has_x12, known);
    let goes = |channel: &Channel| {
        channel.outbound.is_some() || matches!(channel.transport, super::channel::Transport::Http(_))
    };
    let channel = channel(section, channels, goes, "outbound");
    let expect_ack = section.section("expect_ack").and_then(|below| {
        let kind = below.choice("kind", ACKS).map_or(Acknowledge::F997, |said| said.value);
        // A day is what guides name most often.
        let within = below.duration("within").map_or(Duration::from_secs(24 * 60 * 60), |said| said.value);
        below.finish();
        (kind != Acknowledge::None).then_some(ExpectAck { kind, within })
    });
    let sends = Sends {
        document: known.document(&translator.0).unwrap_or_default().to_owned(),
        format: known.format(&translator.0).unwrap_or_default().to_owned(),
        channel,
        expect_ack,
        overlay: overlay(section, &translator, known),
        translator: translator.0,
    };
    section.finish();
    sends
}

fn route(section: &Section<'_>, known: &dyn Known) -> Option<Route> {
    let missing =
        |message: &str, hint: &str| section.fault("setting_missing", &section.place(), message, hint);
    let Some(when) = section.section("when") else {
        missing("the route does not say what starts it", "write when = { record = \"shipping_advice\" }");
        return None;
    };
    let record = when.required_text("record", "write when = { record = \"shipping_advice\" }");
    when.finish();
    let mut records: Vec<&str> =
        known.translators().into_iter().filter_map(|name| known.record(name)).collect();
    records.sort_unstable();
    records.dedup();
    if !record.value.is_empty() && !records.contains(&record.value.as_str()) {
        let message = format!("no translator makes a record `{}`", record.value);
        section.fault("record_unknown", &record.place, message, suggestion(&record.value, &records));
    }
    let derive = section.choice("derive", &[("ship_notice", Derivation::ShipNotice)]).map(|said| said.value);
    let Some(send) = section.section("send") else {
        missing(
            "the route does not say where it leads",
            "write send = { to = \"partner-id\", document = \"856\" }",
        );
        return None;
    };
    let to = send.required_text("to", "write to = \"partner-id\"").value;
    let document = send.required_text("document", "write document = \"856\"").value;
    send.finish();
    section.finish();
    Some(Route { record: record.value, derive, to, document })
}

fn translator(section: &Section<'_>, has_x12: bool, known: &dyn Known) -> (String, Place) {
    let said = section
        .required_text("translator", "write translator = \"x12-945\", a file of the folder translators/");
    if !said.value.is_empty() && known.format(&said.value).is_none() {
        let message = format!("there is no translator `{}`", said.value);
        section.fault(
            "translator_unknown",
            &said.place,
            message,
            suggestion(&said.value, &known.translators()),
        );
    }
    if known.format(&said.value) == Some("x12") && !has_x12 {
        let hint = "add [x12] with us = { qualifier = …, id = … } and them = { qualifier = …, id = … }";
        section.fault(
            "x12_missing",
            &said.place,
            "the profile has X12 documents but no X12 identities",
            hint,
        );
    }
    (said.value, said.place)
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

fn overlay(section: &Section<'_>, translator: &(String, Place), known: &dyn Known) -> Overlay {
    let said = section.pairs("fields");
    let mut overlay = Overlay {
        fields: said.iter().map(|(field, place)| (field.value.clone(), place.value.clone())).collect(),
        tables: BTreeMap::new(),
    };
    for (name, table) in section.named_sections("tables") {
        let pairs = table.own_pairs().into_iter().map(|(code, word)| (code.value, word.value)).collect();
        overlay.tables.insert(name, pairs);
    }
    if overlay != Overlay::default() && known.format(&translator.0).is_some() {
        for (field, finding) in known.check_overlay(&translator.0, &overlay) {
            let place = said
                .iter()
                .find(|(name, _)| name.value == field)
                .map_or(&translator.1, |(_, place)| &place.place);
            section.fault(finding.code, place, finding.message, finding.hint);
        }
    }
    overlay
}
