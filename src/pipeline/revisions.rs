//! Revisions: what changes an order after it was sent to a warehouse, and is not sent on, is told.

use super::agreements::Agreements;
use super::hub::Error;
use super::known::{Known, Stored};
use super::outgoing::{Outgoing, Shipment, identity, outbound_document_id};
use super::rows::Fresh;
use crate::canonical::{PurchaseOrder, Purpose, Record, RecordKind, ShippingOrder, same_number};
use crate::ids;
use crate::ledger;
use crate::profiles::Topic;
use crate::store::{DocumentAbout, FoundRecord, NewException, NumbersAsked, Work};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// The kind of exception that tells of it.
const KIND: &str = "change_not_sent";

/// Holds changed orders that documents speak of which are written now against what warehouses were sent of them, with what
/// these documents send.
pub(super) async fn tell(
    work: &mut Work,
    fresh: &[Fresh<'_>],
    known: &Known,
    outgoing: &[Outgoing],
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let touched = Touched::of(fresh, known, outgoing);
    if touched.bought.is_empty() && touched.ordered.is_empty() {
        return Ok(());
    }
    let numbers = touched.numbers();
    let about = work.list_orders_sent(&numbers.orders, &numbers.purchase_orders).await?;
    let kinds: HashMap<Uuid, &str> = about.iter().map(|about| (about.id, about.kind.as_str())).collect();
    let found = work.load_records(&about).await?;
    let mut sent: Vec<Sent> = found.into_iter().filter_map(|found| Sent::of(found, &kinds)).collect();
    outgoing.iter().flat_map(|out| &out.shipments).for_each(|shipment| send(&mut sent, shipment));
    let versions = versions(work, &numbers).await?;
    let (mut exceptions, mut judged) = (Vec::new(), Vec::new());
    for order in touched.ordered.values() {
        let now_is = Record::from(order.record.clone());
        let own: Vec<&Version> =
            versions.iter().filter(|version| version.is_of(&order.partner, &now_is)).collect();
        judged.extend(own.iter().map(|version| version.found.document_id));
        let kind = own.iter().find(|version| version.found.document_id == order.document);
        let kind = kind.map_or(RecordKind::ShippingOrder.word(), |version| version.kind.as_str());
        for sent in sent.iter().filter(|sent| sent.order.key() == order.record.key()) {
            let changes = ledger::changes(&Record::from(sent.order.clone()), &now_is);
            if !changes.is_empty() {
                let own =
                    (kind, order.record.order_number.as_deref(), order.partner.as_str(), order.document);
                exceptions.push(exception(own, &[sent], &changes, agreements, now));
            }
        }
    }
    for order in touched.bought.values() {
        let now_is = Record::from(order.record.clone());
        let own: Vec<&Version> =
            versions.iter().filter(|version| version.is_of(&order.partner, &now_is)).collect();
        judged.extend(own.iter().map(|version| version.found.document_id));
        let number = order.record.purchase_order_number.as_deref();
        let of_order: Vec<&Sent> = sent
            .iter()
            .filter(|sent| same_number(sent.order.purchase_order_number.as_deref(), number))
            .collect();
        let Some((before, (kind, last))) = before_and_last(&own) else { continue };
        let orders: Vec<&ShippingOrder> = of_order.iter().map(|sent| &sent.order).collect();
        let missing = ledger::not_sent(before, &order.record, &orders);
        if !missing.is_empty() {
            let own = (kind, number, order.partner.as_str(), last);
            exceptions.push(exception(own, &of_order, &missing, agreements, now));
        }
    }
    work.insert_exceptions(&exceptions).await?;
    let standing: Vec<Uuid> = exceptions.iter().map(|exception| exception.id).collect();
    work.keep_standing_exceptions(&judged, &[KIND], &standing, now).await?;
    Ok(())
}

/// Orders that several documents had a say in, and that documents which are written now speak of.
#[derive(Default)]
struct Touched<'k> {
    bought: BTreeMap<Uuid, &'k Stored<PurchaseOrder>>,
    ordered: BTreeMap<Uuid, &'k Stored<ShippingOrder>>,
}

impl<'k> Touched<'k> {
    fn of(fresh: &[Fresh<'_>], known: &'k Known, outgoing: &[Outgoing]) -> Self {
        let mut touched = Self::default();
        // That nothing takes it is told already.
        let is_unrouted = |document: Uuid| {
            outgoing.iter().flat_map(|out| &out.unrouted).any(|unrouted| unrouted.document == document)
        };
        for document in fresh.iter().map(|fresh| fresh.document) {
            let number = match &document.record {
                Some(Record::PurchaseOrder(order)) => order.purchase_order_number.as_deref(),
                Some(Record::ShippingOrder(order)) => {
                    let own = known.shipping_orders.of(order.order_number.as_deref()).filter(|known| {
                        known.partner == document.partner && known.record.key() == order.key()
                    });
                    let own = own.filter(|_| !is_unrouted(document.id));
                    let own = own.filter(|order| known.changed.contains(&order.document));
                    touched.ordered.extend(own.map(|order| (order.document, order)));
                    order.purchase_order_number.as_deref()
                }
                _ => continue,
            };
            let bought = known.purchase_orders.of(number);
            let bought = bought.filter(|order| known.changed.contains(&order.document));
            touched.bought.extend(bought.map(|order| (order.document, order)));
        }
        touched
    }

    fn numbers(&self) -> NumbersAsked {
        let bought = self.bought.values().filter_map(|order| order.record.purchase_order_number.clone());
        let ordered = self.ordered.values().filter_map(|order| order.record.order_number.clone());
        NumbersAsked {
            orders: ordered.collect(),
            purchase_orders: bought.collect(),
            ..NumbersAsked::default()
        }
    }
}

/// An order as a warehouse was sent it, with its changes.
struct Sent {
    to: String,
    /// The set and document that went last.
    last: (String, Uuid),
    order: ShippingOrder,
}

impl Sent {
    fn of(found: FoundRecord, kinds: &HashMap<Uuid, &str>) -> Option<Self> {
        let kind = kinds.get(&found.document_id).copied().unwrap_or_default();
        match found.record {
            Record::ShippingOrder(order) => {
                Some(Self { to: found.partner_id, last: (kind.to_owned(), found.document_id), order: *order })
            }
            _ => None,
        }
    }
}

/// Adds what is sent now.
fn send(sent: &mut Vec<Sent>, shipment: &Shipment) {
    let Record::ShippingOrder(order) = &*shipment.record else { return };
    let last = (shipment.sends.document.clone(), outbound_document_id(&identity(shipment, shipment.issue)));
    match sent.iter_mut().find(|sent| sent.to == shipment.to && sent.order.key() == order.key()) {
        Some(sent) => (sent.order, sent.last) = (sent.order.revised(order), last),
        None => sent.push(Sent { to: shipment.to.clone(), last, order: order.as_ref().clone() }),
    }
}

/// A version of an order, and its set or kind.
struct Version {
    kind: String,
    found: FoundRecord,
}

impl Version {
    fn is_of(&self, partner: &str, order: &Record) -> bool {
        self.found.partner_id == partner
            && self.found.record.kind() == order.kind()
            && self.found.record.order_key() == order.order_key()
    }
}

/// The versions of orders and purchase orders of these numbers, the oldest first.
async fn versions(work: &mut Work, asked: &NumbersAsked) -> Result<Vec<Version>, Error> {
    let mut about: Vec<DocumentAbout> = work.list_documents_about(asked).await?;
    let kinds = [RecordKind::PurchaseOrder.word(), RecordKind::ShippingOrder.word()];
    about.retain(|about| kinds.contains(&about.record_kind.as_str()));
    let kinds: HashMap<Uuid, String> = about.iter().map(|about| (about.id, about.kind.clone())).collect();
    let found = work.load_versions(&about).await?.into_iter();
    let versions = found
        .map(|found| Version { kind: kinds.get(&found.document_id).cloned().unwrap_or_default(), found });
    Ok(versions.collect())
}

/// The order as it came first, and the set and document of the last that changed something.
fn before_and_last<'v>(versions: &[&'v Version]) -> Option<(&'v PurchaseOrder, (&'v str, Uuid))> {
    let mut orders = versions.iter().filter_map(|version| match &version.found.record {
        Record::PurchaseOrder(order) => {
            Some((version.kind.as_str(), version.found.document_id, order.as_ref()))
        }
        _ => None,
    });
    let is_first = |order: &PurchaseOrder| matches!(order.purpose, None | Some(Purpose::Original));
    let first = orders.clone().find(|(.., order)| is_first(order)).or_else(|| orders.clone().next());
    let (_, first, before) = first?;
    let (kind, last, _) = orders.rfind(|(_, document, _)| *document != first)?;
    Some((before, (kind, last)))
}

fn exception(
    (kind, number, partner, document): (&str, Option<&str>, &str, Uuid),
    sent: &[&Sent],
    missing: &[String],
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> NewException {
    let there: Vec<String> = sent
        .iter()
        .filter_map(|sent| {
            let (kind, document) = &sent.last;
            let order = sent.order.order_number.as_deref()?;
            Some(format!(
                "{} {order} (document {}) to {}",
                kind.replace('_', " "),
                ids::short(*document),
                sent.to
            ))
        })
        .collect();
    let whom = sent.first().and_then(|sent| agreements.profiles.find(&sent.to));
    let whom = whom.map_or_else(|| "the warehouse".to_owned(), |profile| profile.whom(Topic::Business));
    let message = format!(
        "{} {} (document {}) changes an order that was sent as {}, and what was sent does not say so: {}; have a change of the order sent to the warehouse, or ask {whom} whether it can still do so, and settle this",
        kind.replace('_', " "),
        number.unwrap_or_default(),
        ids::short(document),
        there.join(" and "),
        missing.join("; "),
    );
    let place = |name, number: Option<&str>, document: Uuid| serde_json::json!({ "name": name, "value": number, "document": document });
    let evidence = std::iter::once(place("changed by", number, document))
        .chain(sent.iter().map(|sent| place("sent as", sent.order.order_number.as_deref(), sent.last.1)));
    let first = sent.first().map(|sent| &sent.order);
    NewException {
        id: ids::derived("exception", &[KIND, &document.to_string(), &message]),
        kind: KIND.to_owned(),
        document_id: Some(document),
        partner_id: Some(partner.to_owned()),
        order_number: first.and_then(|order| order.order_number.clone()),
        purchase_order_number: first.and_then(|order| order.purchase_order_number.clone()),
        line: None,
        amount: None,
        message,
        evidence: evidence.collect(),
        first_seen_at: now,
    }
}
