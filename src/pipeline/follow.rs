//! What follows from a document: records for others, and differences for a person. Pure.

use super::agreements::Agreements;
use super::gate;
use super::known::{Known, purchase_order_of};
use crate::canonical::{Purpose, Record, ShipNotice, ShippingAdvice};
use crate::derivations::{self, Derived};
use crate::profiles::{Derivation, Profile, Sends};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One step that follows.
#[derive(Clone, Debug)]
pub(super) enum Next {
    /// A record to be sent.
    Send {
        /// To whom.
        to: String,
        /// As what.
        sends: Sends,
        /// What.
        record: Box<Record>,
        /// Why a person must let it go first.
        hold: Option<String>,
    },
    /// Rightly nothing, and why.
    Nothing(String),
    /// Something is missing, and what.
    Waiting(String),
}

/// What the routes of the sender's profile make of a document.
pub(super) fn routes(
    (document, record): (Uuid, Option<&Record>),
    profile: &Profile,
    agreements: &Agreements,
    known: &Known,
    now: DateTime<Utc>,
) -> Vec<Next> {
    let Some(record) = record else { return Vec::new() };
    let mut next = Vec::new();
    for route in profile.exchange.routes.iter().filter(|route| route.record == record.kind().word()) {
        let Some(to) = agreements.profiles.find(&route.to) else { continue };
        let Some(sends) = to.exchange.sends.iter().find(|sends| sends.document == route.document) else {
            continue;
        };
        let send = |record: Record, hold: Option<String>| Next::Send {
            to: to.id.clone(),
            sends: sends.clone(),
            record: Box::new(record),
            hold,
        };
        match (route.derive, record) {
            (None, record) => {
                next.push(send(record.clone(), gate::why_held((&profile.id, document), record, known)));
            }
            (Some(Derivation::ShipNotice), Record::ShippingAdvice(advice)) => {
                next.extend(ship_notice((document, advice), to, known, now).map(|derived| match derived {
                    Derived::Record(notice) => {
                        send(Record::ShipNotice(notice), gate::why_notice_held(advice, known))
                    }
                    Derived::Nothing(why) => Next::Nothing(why),
                    Derived::Waiting(why) => Next::Waiting(why),
                }));
            }
            (Some(Derivation::ShipNotice), other) => {
                next.push(Next::Waiting(format!(
                    "a ship notice cannot be made of a {}",
                    other.kind().word()
                )));
            }
        }
    }
    next
}

/// The notice for one customer; none when the order is another customer's.
fn ship_notice(
    (document, advice): (Uuid, &ShippingAdvice),
    to: &Profile,
    known: &Known,
    now: DateTime<Utc>,
) -> Option<Derived<ShipNotice>> {
    let order = known.order_of(advice).map(|order| &order.record);
    let number = known.purchase_order_number_of(advice);
    let mut orders = known.purchase_orders.of(number);
    let items: Vec<_> = advice.lines().map(|line| line.keys()).collect();
    let theirs = orders.clone().filter(|order| order.partner == to.id);
    let theirs = purchase_order_of(theirs, None, &items);
    if theirs.is_none() && orders.next().is_some() {
        return None;
    }
    let told = match known.telling_of(document) {
        (nth, true) => (nth, Purpose::Replacement),
        (nth, false) => (nth, Purpose::Original),
    };
    let at = super::compose::local_time(to, now);
    Some(derivations::ship_notice(advice, order, theirs.map(|order| &order.record), told, at))
}

/// What an operator should see of a document at a glance: lines that were not shipped in full.
pub(super) fn remark(record: Option<&Record>) -> String {
    let Some(Record::ShippingAdvice(advice)) = record else { return String::new() };
    let short = advice.lines().filter_map(|line| {
        let (ordered, shipped) = (line.quantity_ordered?, line.quantity_shipped?);
        (shipped < ordered).then(|| format!("{} {shipped} of {ordered}", line.keys().shown()))
    });
    let short: Vec<String> = short.collect();
    if short.is_empty() { String::new() } else { format!("short: {}", short.join(", ")) }
}
