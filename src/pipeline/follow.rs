//! What follows from a document: records for others, and differences for a person. Pure.

use super::agreements::Agreements;
use crate::canonical::{
    Invoice, PurchaseOrder, Record, ShipNotice, ShippingAdvice, ShippingOrder, StockReceipt,
};
use crate::derivations::{self, Derived};
use crate::profiles::{Derivation, Profile, Sends};
use crate::reconcile::{Counted, Packs, PriceList};
use crate::store::FoundRecord;
use chrono::{DateTime, Utc};
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// A stored record, whose it is, and its document.
#[derive(Clone, Debug)]
pub(super) struct Stored<R> {
    pub(super) partner: String,
    pub(super) document: Uuid,
    pub(super) record: R,
}

/// What the database knows about the orders that a file's documents speak of.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) purchase_orders: Vec<Stored<PurchaseOrder>>,
    pub(super) shipping_orders: Vec<Stored<ShippingOrder>>,
    pub(super) advices: Vec<Stored<ShippingAdvice>>,
    pub(super) notices: Vec<Stored<ShipNotice>>,
    pub(super) receipts: Vec<Stored<StockReceipt>>,
    pub(super) invoices: Vec<Stored<Invoice>>,
    /// Invoices among them that are only there because credits name them.
    pub(super) originals: HashSet<Uuid>,
    pub(super) prices: PriceList,
    pub(super) packs: Packs,
    /// What was counted in the time that a service bill names, by its document.
    pub(super) counted: HashMap<Uuid, Counted>,
    /// Documents of all of them.
    documents: HashSet<Uuid>,
}

/// Numbers that documents speak of.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    /// Depositors' order numbers.
    pub(super) orders: Vec<String>,
    /// Purchase order numbers.
    pub(super) purchase_orders: Vec<String>,
}

impl Numbers {
    pub(super) fn is_empty(&self) -> bool {
        self.orders.is_empty() && self.purchase_orders.is_empty()
    }

    pub(super) fn all(mut self) -> Vec<String> {
        self.orders.append(&mut self.purchase_orders);
        self.orders
    }
}

/// The order numbers that records speak of.
pub(super) fn numbers<'r>(records: impl Iterator<Item = &'r Record>) -> Numbers {
    let (mut orders, mut purchase_orders) = (BTreeSet::new(), BTreeSet::new());
    for record in records {
        match record {
            Record::PurchaseOrder(order) => purchase_orders.extend(order.purchase_order_number.clone()),
            Record::OrderAcknowledgment(answer) => {
                purchase_orders.extend(answer.purchase_order_number.clone());
            }
            // What is said of stock names no order that shipments or invoices are held against.
            Record::StockTransfer(_) | Record::InventoryStatus(_) | Record::InventoryAdjustment(_) => {}
            Record::StockReceipt(receipt) => purchase_orders.extend(receipt.purchase_order_number.clone()),
            Record::ShippingOrder(order) => {
                orders.extend(order.order_number.clone());
                purchase_orders.extend(order.purchase_order_number.clone());
            }
            Record::ShippingAdvice(advice) => {
                orders.extend(advice.order_number.clone());
                purchase_orders.extend(advice.purchase_order_number.clone());
            }
            Record::ShipNotice(notice) => {
                purchase_orders
                    .extend(notice.orders.iter().filter_map(|order| order.purchase_order_number.clone()));
            }
            Record::Invoice(invoice) => {
                purchase_orders.extend(invoice.purchase_order_number.clone());
                purchase_orders
                    .extend(invoice.lines.iter().filter_map(|line| line.purchase_order_number.clone()));
            }
        }
    }
    Numbers { orders: orders.into_iter().collect(), purchase_orders: purchase_orders.into_iter().collect() }
}

impl Known {
    /// Adds what was found; what is there already is not added again.
    pub(super) fn add(&mut self, found: Vec<FoundRecord>) {
        for found in found {
            self.add_own(&found.partner_id, found.document_id, &found.record);
        }
    }

    /// Documents of all that is known.
    pub(super) fn document_ids(&self) -> Vec<Uuid> {
        self.documents.iter().copied().collect()
    }

    /// Adds one record with its document.
    pub(super) fn add_own(&mut self, partner: &str, document: Uuid, record: &Record) {
        fn put<R: Clone>(known: &mut Vec<Stored<R>>, partner: &str, document: Uuid, record: &R) {
            known.push(Stored { partner: partner.to_owned(), document, record: record.clone() });
        }
        if !self.documents.insert(document) {
            return;
        }
        match record {
            Record::PurchaseOrder(record) => put(&mut self.purchase_orders, partner, document, record),
            Record::ShippingOrder(record) => put(&mut self.shipping_orders, partner, document, record),
            Record::ShippingAdvice(record) => put(&mut self.advices, partner, document, record),
            Record::ShipNotice(record) => put(&mut self.notices, partner, document, record),
            Record::Invoice(record) => put(&mut self.invoices, partner, document, record),
            Record::StockReceipt(record) => put(&mut self.receipts, partner, document, record),
            Record::OrderAcknowledgment(_)
            | Record::StockTransfer(_)
            | Record::InventoryStatus(_)
            | Record::InventoryAdjustment(_) => {}
        }
    }
}

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
    },
    /// Rightly nothing, and why.
    Nothing(String),
    /// Something is missing, and what.
    Waiting(String),
}

/// What the routes of the sender's profile make of a document.
pub(super) fn routes(
    record: Option<&Record>,
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
        let send =
            |record: Record| Next::Send { to: to.id.clone(), sends: sends.clone(), record: Box::new(record) };
        match (route.derive, record) {
            (None, record) => next.push(send(record.clone())),
            (Some(Derivation::ShipNotice), Record::ShippingAdvice(advice)) => {
                next.extend(ship_notice(advice, to, known, now).map(|derived| match derived {
                    Derived::Record(notice) => send(Record::ShipNotice(notice)),
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
    advice: &ShippingAdvice,
    to: &Profile,
    known: &Known,
    now: DateTime<Utc>,
) -> Option<Derived<ShipNotice>> {
    let order = advice.order_number.as_deref().and_then(|number| {
        known.shipping_orders.iter().find(|order| order.record.order_number.as_deref() == Some(number))
    });
    let order = order.map(|order| &order.record);
    let number = advice.purchase_order_number.as_ref().or_else(|| order?.purchase_order_number.as_ref());
    let mut orders =
        known.purchase_orders.iter().filter(|order| order.record.purchase_order_number.as_ref() == number);
    let theirs = orders.clone().find(|order| order.partner == to.id);
    if theirs.is_none() && orders.next().is_some() {
        return None;
    }
    let purchase_order = theirs.map(|order| &order.record);
    Some(derivations::ship_notice(advice, order, purchase_order, super::compose::local_time(to, now)))
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
