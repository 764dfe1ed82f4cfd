//! What follows from a document: records for others, and differences for a person. Pure.

use super::agreements::Agreements;
use super::gate::{self, Judged};
use super::known::{Known, purchase_order_of};
use crate::canonical::{Purpose, Record, ShipNotice, ShippingAdvice, evened};
use crate::derivations::{self, Derived, Part, Telling};
use crate::profiles::{Derivation, Leads, Profile, Route, Sends, Together};
use crate::store::LoadedAdvice;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One step that follows.
#[derive(Debug)]
pub(super) enum Next {
    /// A record to be sent.
    Send {
        /// To whom.
        to: String,
        /// As what.
        sends: Sends,
        /// What.
        record: Box<Record>,
        /// What the gate says of it.
        judged: Judged,
    },
    /// It goes with others of the same number, and is told when nothing more of them comes.
    Load(LoadedAdvice),
    /// Rightly nothing, and why.
    Nothing(String),
    /// Something is missing, and what.
    Waiting(String),
    /// No route takes it, and what it says where they look.
    Unrouted(String),
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
    let of_record = || profile.exchange.routes.iter().filter(|route| route.record == record.kind().word());
    let mut is_taken = false;
    for route in of_record() {
        let holds = route.conditions.iter().all(|condition| condition.holds(record.group()));
        if !holds || (route.otherwise && is_taken) {
            continue;
        }
        is_taken = true;
        let (to, wanted, channel) = match &route.leads {
            Leads::To { to, document, channel } => (to, document, channel.as_deref()),
            Leads::Nowhere(why) => {
                next.push(Next::Nothing(why.clone()));
                continue;
            }
        };
        let Some(to) = agreements.profiles.find(to) else { continue };
        let Some(sends) = to.exchange.find_sends(wanted, channel) else { continue };
        let send = |record: Record, judged: Judged| Next::Send {
            to: to.id.clone(),
            sends: sends.clone(),
            record: Box::new(record),
            judged,
        };
        match (route.derive, record) {
            (None, record) => {
                let (own, day) = ((profile.id.as_str(), document), now.date_naive());
                next.push(send(record.clone(), gate::judge(own, record, known, agreements, day)));
            }
            (Some(Derivation::ShipNotice), Record::ShippingAdvice(_)) if known.is_outrun(document) => {
                next.push(Next::Nothing("what replaces it came before it".to_owned()));
            }
            (Some(Derivation::ShipNotice), Record::ShippingAdvice(advice)) => {
                let load = route.together.and_then(|together| {
                    let theirs = is_theirs(advice, to, known);
                    let number = together.by.of(advice).filter(|_| theirs)?;
                    Some(load((document, profile), (to, sends), (together, number), now))
                });
                if let Some(load) = load {
                    next.push(Next::Load(load));
                    continue;
                }
                next.extend(ship_notice((document, advice), to, known, now).map(|derived| match derived {
                    Derived::Record(notice) => {
                        let own = (profile.id.as_str(), document);
                        let hold = gate::why_notice_held(own, advice, &notice, known, agreements);
                        send(Record::ShipNotice(notice), Judged { hold, ..Judged::default() })
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
    if !is_taken && of_record().next().is_some() {
        next.push(Next::Unrouted(why_unrouted(record, profile, of_record())));
    }
    next
}

/// What a record says where the routes look, none of which takes it.
fn why_unrouted<'r>(record: &Record, profile: &Profile, routes: impl Iterator<Item = &'r Route>) -> String {
    let mut said: Vec<String> = Vec::new();
    for condition in routes.flat_map(|route| &route.conditions) {
        let words = condition.said(record.group()).map_or_else(
            || format!("`{}` says nothing", condition.field),
            |value| format!("`{}` is `{value}`", condition.field),
        );
        if !said.contains(&words) {
            said.push(words);
        }
    }
    format!(
        "no route of {} for {} takes it: {}",
        profile.id,
        record.kind().word().replace('_', " "),
        said.join(", ")
    )
}

fn load(
    (document, profile): (Uuid, &Profile),
    (to, sends): (&Profile, &Sends),
    (together, number): (Together, &str),
    now: DateTime<Utc>,
) -> LoadedAdvice {
    LoadedAdvice {
        document_id: document,
        partner_id: profile.id.clone(),
        to_partner: to.id.clone(),
        document: sends.document.clone(),
        number_kind: together.by.word().to_owned(),
        number: evened(number),
        raw: number.to_owned(),
        at: now,
        closes_at: now + together.closes_after,
        at_most: now + together.at_most,
    }
}

/// Whether an advice is of one of a customer's orders, as far as is known.
fn is_theirs(advice: &ShippingAdvice, to: &Profile, known: &Known) -> bool {
    let mut orders = known.purchase_orders.of(known.purchase_order_number_of(advice)).peekable();
    orders.peek().is_none() || orders.any(|order| order.partner == to.id)
}

/// What one advice is told of, for one customer.
pub(super) fn part<'k>(advice: &'k ShippingAdvice, to: &Profile, known: &'k Known) -> Part<'k> {
    let orders = known.purchase_orders.of(known.purchase_order_number_of(advice));
    let items: Vec<_> = advice.lines().map(|line| line.keys()).collect();
    let theirs = purchase_order_of(orders.filter(|order| order.partner == to.id), None, &items);
    Part {
        advice,
        shipping_order: known.order_of(advice).map(|order| &order.record),
        purchase_order: theirs.map(|order| &order.record),
    }
}

/// The notice for one customer; none when the order is another customer's.
fn ship_notice(
    (document, advice): (Uuid, &ShippingAdvice),
    to: &Profile,
    known: &Known,
    now: DateTime<Utc>,
) -> Option<Derived<ShipNotice>> {
    let part = part(advice, to, known);
    if part.purchase_order.is_none() && !is_theirs(advice, to, known) {
        return None;
    }
    let (nth, again) = known.telling_of(document);
    let purpose = if again { Purpose::Replacement } else { Purpose::Original };
    let at = super::compose::local_time(to, now);
    Some(derivations::ship_notice(&[part], Telling { number: None, nth, purpose, at }))
}

const BEFORE_ITS_ORDER: &str =
    "the order it changes is not known; it is laid over that when it comes, else ask the partner for it";

/// What an operator should see of a document at a glance: lines that were not shipped in full, and a change of an order that
/// nobody knows.
pub(super) fn remark(record: Option<&Record>, partner: &str, known: &Known) -> String {
    let advice = match record {
        Some(Record::ShippingAdvice(advice)) => advice,
        Some(Record::PurchaseOrder(order)) if order.purpose == Some(Purpose::Change) => {
            // As it is in force, the change itself among it: it still is one where there is nothing to lay it over.
            let mut orders = known.purchase_orders.of(order.purchase_order_number.as_deref());
            let is_alone =
                orders.any(|own| own.partner == partner && own.record.purpose == Some(Purpose::Change));
            return if is_alone { BEFORE_ITS_ORDER.to_owned() } else { String::new() };
        }
        _ => return String::new(),
    };
    let short = advice.lines().filter_map(|line| {
        let (ordered, shipped) = (line.quantity_ordered?, line.quantity_shipped?);
        (shipped < ordered).then(|| format!("{} {shipped} of {ordered}", line.keys().shown()))
    });
    let short: Vec<String> = short.collect();
    if short.is_empty() { String::new() } else { format!("short: {}", short.join(", ")) }
}
