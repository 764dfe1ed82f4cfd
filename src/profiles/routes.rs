//! `[[routes]]`: what follows from what a partner sends, and when.

use super::fields::{Condition, conditions};
use crate::canonical::{RecordKind, ShippingAdvice};
use crate::declaration::{Section, suggestion};
use std::time::Duration;

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
    /// What the record must say; all of it.
    pub conditions: Vec<Condition>,
    /// Only where no route before it for the same record applies.
    pub otherwise: bool,
    /// What is made of it first.
    pub derive: Option<Derivation>,
    /// Records that are told in one.
    pub together: Option<Together>,
    /// Where it leads.
    pub leads: Leads,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leads {
    /// To a partner.
    To {
        /// The partner.
        to: String,
        /// The document it goes as.
        document: String,
        /// By this channel, where the partner is sent the document by several.
        channel: Option<String>,
    },
    /// Nowhere, and why.
    Nowhere(String),
}

/// Records that are told together: all that come with one number, once nothing more comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Together {
    /// The number that they share.
    pub by: LoadNumber,
    /// So long after the last one.
    pub closes_after: Duration,
    /// So long after the first one, whatever else comes.
    pub at_most: Duration,
}

/// The number of an advice that says what went together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadNumber {
    /// Its bill of lading.
    BillOfLading,
    /// Its master bill of lading.
    MasterBillOfLading,
    /// Its load, by the shipper's numbering.
    Load,
}

impl LoadNumber {
    /// Its name in profiles and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::BillOfLading => "bill_of_lading",
            Self::MasterBillOfLading => "master_bill_of_lading",
            Self::Load => "load_number",
        }
    }

    /// That number of an advice, where it has one.
    #[must_use]
    pub fn of(self, advice: &ShippingAdvice) -> Option<&str> {
        let number = match self {
            Self::BillOfLading => &advice.bill_of_lading,
            Self::MasterBillOfLading => &advice.master_bill_of_lading,
            Self::Load => &advice.load_number,
        };
        number.as_deref().map(str::trim).filter(|number| !number.is_empty())
    }
}

pub(super) fn read(section: &Section<'_>) -> Vec<Route> {
    let mut routes: Vec<Route> = Vec::new();
    for entry in section.sections("routes") {
        let Some(route) = route(&entry) else { continue };
        if route.otherwise && !routes.iter().any(|before| before.record == route.record) {
            let message =
                format!("no route for {} stands before the one that is for all others", route.record);
            let hint = "put it behind the others, or take `otherwise` out";
            entry.fault("otherwise_first", &entry.place(), message, hint);
        }
        routes.push(route);
    }
    routes
}

fn route(section: &Section<'_>) -> Option<Route> {
    let missing =
        |message: &str, hint: &str| section.fault("setting_missing", &section.place(), message, hint);
    let Some(when) = section.section("when") else {
        missing("the route does not say what starts it", "write when = { record = \"shipping_advice\" }");
        return None;
    };
    let record = when.required_text("record", "write when = { record = \"shipping_advice\" }");
    when.finish_open();
    let kind = record.value.parse::<RecordKind>().ok();
    if !record.value.is_empty() && kind.is_none() {
        let known: Vec<&str> = RecordKind::ALL.iter().map(|kind| kind.word()).collect();
        let message = format!("there is no record `{}`", record.value);
        section.fault("record_unknown", &record.place, message, suggestion(&record.value, &known));
    }
    let shapes: Vec<_> = kind.iter().map(|kind| kind.shape()).collect();
    let conditions = conditions(&when, &["record"], &shapes, &format!("no {}", record.value));
    let otherwise = section.flag("otherwise").is_some_and(|said| said.value);
    let derive = section.choice("derive", &[("ship_notice", Derivation::ShipNotice)]).map(|said| said.value);
    let together = section.section("together").map(|below| together(section, &below, derive));
    let nothing = section.text("nothing");
    let send = section.section("send");
    let leads = match (send, nothing) {
        (Some(send), None) => {
            let to = send.required_text("to", "write to = \"partner-id\"").value;
            let document = send.required_text("document", "write document = \"856\"").value;
            let channel = send.text("channel").map(|said| said.value);
            send.finish();
            Leads::To { to, document, channel }
        }
        (None, Some(why)) => {
            if why.value.trim().is_empty() {
                let hint =
                    "write nothing = \"samples are not shipped\": whoever looks for the document reads it";
                section.fault(
                    "nothing_without_reason",
                    &why.place,
                    "it is not said why nothing follows",
                    hint,
                );
            }
            Leads::Nowhere(why.value)
        }
        (Some(_), Some(why)) => {
            let hint = "keep one of `send` and `nothing`";
            section.fault("route_crossed", &why.place, "the route leads somewhere and nowhere", hint);
            return None;
        }
        (None, None) => {
            missing(
                "the route does not say where it leads",
                "write send = { to = \"partner-id\", document = \"856\" }, or nothing = \"…\" with the reason why nothing follows",
            );
            return None;
        }
    };
    section.finish();
    Some(Route { record: record.value, conditions, otherwise, derive, together, leads })
}

fn together(section: &Section<'_>, below: &Section<'_>, derive: Option<Derivation>) -> Together {
    let numbers = [LoadNumber::BillOfLading, LoadNumber::MasterBillOfLading, LoadNumber::Load];
    let by = below.choice("by", &numbers.map(|number| (number.word(), number)));
    let time = |key, otherwise: u64| {
        below.duration(key).map_or(Duration::from_secs(otherwise * 60), |said| said.value)
    };
    let (closes_after, at_most) = (time("closes_after", 30), time("at_most", 12 * 60));
    below.finish();
    let by = by.map_or(LoadNumber::BillOfLading, |said| said.value);
    if derive.is_none() {
        section.fault(
            "together_without_derive",
            &below.place(),
            "only what is derived can be told together",
            "add derive = \"ship_notice\", or take `together` out",
        );
    }
    Together { by, closes_after, at_most }
}
