//! What is known of the orders that a file's documents speak of, and which of it belongs together.

use super::hub::Error;
use super::packs;
use super::read::Document;
use super::services::Places;
use crate::canonical::{
    ActivityCounts, Completeness, Invoice, ItemKeys, NumberKind, OrderAcknowledgment, OrderKey,
    PurchaseOrder, Record, RecordKind, ShipNotice, ShippingAdvice, ShippingOrder, StockReceipt, evened,
    numbers_of, same_number,
};
use crate::ledger::{self, BilledBy, InForce};
use crate::reconcile::{Items, Packs, PriceList};
use crate::store::{DocumentAbout, FoundRecord, NumbersAsked, Work};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::OnceLock;
use uuid::Uuid;

/// A stored record, whose it is, and its document.
#[derive(Clone, Debug)]
pub(super) struct Stored<R> {
    pub(super) partner: String,
    pub(super) document: Uuid,
    pub(super) record: R,
}

/// What the database knows about the orders that a file's documents speak of, each kind the oldest first. Orders are as
/// they are in force.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) purchase_orders: Orders<PurchaseOrder>,
    pub(super) shipping_orders: Orders<ShippingOrder>,
    pub(super) advices: Vec<Stored<ShippingAdvice>>,
    pub(super) notices: Vec<Stored<ShipNotice>>,
    pub(super) receipts: Vec<Stored<StockReceipt>>,
    /// What sellers said to orders.
    pub(super) answers: Vec<Stored<OrderAcknowledgment>>,
    pub(super) invoices: Vec<Stored<Invoice>>,
    /// Documents among them that are only there for the sake of others: what is known of their own orders is not all.
    pub(super) aside: HashSet<Uuid>,
    /// Agreements that documents are under.
    pub(super) agreements: HashMap<Uuid, String>,
    pub(super) prices: PriceList,
    pub(super) packs: Packs,
    /// SKUs whose pack sizes were looked for.
    pub(super) packed: HashSet<String>,
    pub(super) items: Items,
    /// What was counted in the time that a service bill names, by its document.
    pub(super) counted: HashMap<Uuid, ActivityCounts>,
    /// What was counted in the days that two service bills share, by the documents of both.
    pub(super) counted_in_both: HashMap<Uuid, HashMap<Uuid, ActivityCounts>>,
    pub(super) places_of_bills: OnceLock<Places>,
    /// Documents of orders in force that several documents had a say in.
    pub(super) changed: HashSet<Uuid>,
    /// Documents of all of them.
    documents: HashSet<Uuid>,
    /// Places of advices by document, and by sender and number of the shipment.
    of_document: HashMap<Uuid, usize>,
    of_shipment: HashMap<(String, String), Vec<usize>>,
    counting: OnceLock<Counting>,
    advices_in_force: OnceLock<Vec<InForce>>,
    invoices_in_force: OnceLock<Vec<InForce>>,
}

/// Orders, found by their numbers.
#[derive(Clone, Debug)]
pub(super) struct Orders<R> {
    list: Vec<Stored<R>>,
    places: HashMap<String, Vec<usize>>,
}

impl<R> Default for Orders<R> {
    fn default() -> Self {
        Self { list: Vec::new(), places: HashMap::new() }
    }
}

/// What both kinds of orders have.
pub(super) trait Order: Clone + Into<Record> {
    fn key(&self) -> OrderKey;
    fn revised(&self, later: &Self) -> Self;
    fn has(&self, item: &ItemKeys<'_>) -> bool;
}

impl Order for PurchaseOrder {
    fn key(&self) -> OrderKey {
        self.key()
    }
    fn revised(&self, later: &Self) -> Self {
        self.revised(later)
    }
    fn has(&self, item: &ItemKeys<'_>) -> bool {
        self.lines.iter().any(|line| line.keys().same(item))
    }
}

impl Order for ShippingOrder {
    fn key(&self) -> OrderKey {
        self.key()
    }
    fn revised(&self, later: &Self) -> Self {
        self.revised(later)
    }
    fn has(&self, item: &ItemKeys<'_>) -> bool {
        self.lines.iter().any(|line| line.keys().same(item))
    }
}

impl<R: Order> Orders<R> {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Stored<R>> {
        self.list.iter()
    }

    /// Those of this number, whosever they are.
    pub(super) fn of(&self, number: Option<&str>) -> impl Iterator<Item = &Stored<R>> + Clone {
        let places = number.and_then(|number| self.places.get(&evened(number)));
        places.into_iter().flatten().filter_map(|at| self.list.get(*at))
    }

    fn add(&mut self, order: Stored<R>) {
        let number = order.record.key().0.unwrap_or_default();
        self.places.entry(number).or_default().push(self.list.len());
        self.list.push(order);
    }

    /// Adds the latest document about an order. Gives whether there were others.
    fn add_latest(&mut self, later: Stored<R>) -> bool {
        let key = later.record.key();
        let places = self.places.get(key.0.as_deref().unwrap_or_default());
        let is_same = |order: &Stored<R>| order.partner == later.partner && order.record.key() == key;
        let at = places.into_iter().flatten().find(|at| self.list.get(**at).is_some_and(is_same));
        match at.and_then(|at| self.list.get_mut(*at)) {
            Some(order) => {
                order.record = order.record.revised(&later.record);
                order.document = later.document;
                true
            }
            None => {
                self.add(later);
                false
            }
        }
    }
}

/// The numbers that records of partners speak of.
pub(super) fn numbers<'r>(records: impl Iterator<Item = (&'r str, &'r Record)>) -> NumbersAsked {
    let (mut orders, mut purchase_orders, mut shipments, mut invoices) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (partner, record) in records {
        match record {
            Record::PurchaseOrder(order) => purchase_orders.extend(order.purchase_order_number.clone()),
            Record::OrderAcknowledgment(answer) => {
                purchase_orders.extend(answer.purchase_order_number.clone());
            }
            // What is said of stock and decided about money names no order that shipments or invoices are held against.
            Record::StockTransfer(_)
            | Record::InventoryStatus(_)
            | Record::InventoryAdjustment(_)
            | Record::InvoiceDecision(_) => {}
            Record::StockReceipt(receipt) => {
                purchase_orders.extend(receipt.purchase_orders().map(str::to_owned));
            }
            Record::ShippingOrder(order) => {
                orders.extend(order.order_number.clone());
                purchase_orders.extend(order.purchase_order_number.clone());
            }
            Record::ShippingAdvice(advice) => {
                orders.extend(advice.order_number.clone());
                purchase_orders.extend(advice.purchase_order_number.clone());
                shipments.extend(advice.shipment_number().map(str::to_owned));
            }
            Record::ShipNotice(notice) => {
                purchase_orders
                    .extend(notice.orders.iter().filter_map(|order| order.purchase_order_number.clone()));
            }
            Record::Invoice(invoice) => {
                purchase_orders.extend(invoice.purchase_order_number.clone());
                purchase_orders
                    .extend(invoice.lines.iter().filter_map(|line| line.purchase_order_number.clone()));
                // Another one may have its number as well; what it credits has the other.
                let numbers = invoice.invoice_number.iter().chain(&invoice.original_invoice_number);
                invoices.extend(numbers.map(|number| (partner.to_owned(), number.clone())));
            }
        }
    }
    NumbersAsked {
        orders: orders.into_iter().collect(),
        purchase_orders: purchase_orders.into_iter().collect(),
        shipments: shipments.into_iter().collect(),
        invoices: invoices.into_iter().collect(),
        documents: Vec::new(),
    }
}

/// What the database knows of the orders that these documents speak of; the documents themselves among it.
pub(super) async fn look_up<'d>(
    work: &mut Work,
    documents: impl Iterator<Item = &'d Document> + Clone,
) -> Result<Known, Error> {
    let records = documents.clone();
    let records = records.filter_map(|document| Some((document.partner.as_str(), document.record.as_ref()?)));
    let mut asked = numbers(records);
    // Who speaks of the same orders at the same time waits, or neither would find what the other brings.
    let billed = asked.invoices.iter().map(|(seller, number)| format!("{seller} {}", evened(number)));
    let mut all: Vec<String> = billed.collect();
    all.extend([&asked.orders[..], &asked.purchase_orders, &asked.shipments].concat());
    work.lock_orders(all).await?;
    if !asked.orders.is_empty() {
        let also = work.list_purchase_orders_of(&asked.orders).await?;
        work.lock_orders(also.clone()).await?;
        asked.purchase_orders.extend(also);
    }
    let mut known = gather(work, &asked, true).await?;
    known.add_own_of(documents);
    packs::look_up(work, &mut known).await?;
    Ok(known)
}

/// What the database knows under these numbers.
pub(super) async fn look_up_numbers(work: &mut Work, asked: &NumbersAsked) -> Result<Known, Error> {
    gather(work, asked, false).await
}

async fn gather(work: &mut Work, asked: &NumbersAsked, lock: bool) -> Result<Known, Error> {
    let mut known = Known::default();
    if asked.is_empty() {
        return Ok(known);
    }
    let mut about = work.list_documents_about(asked).await?;
    let mut found = work.load_records(&about).await?;
    let more = what_else(&found, &about, asked);
    if !more.is_empty() {
        if lock {
            work.lock_orders(more.purchase_orders.clone()).await?;
        }
        let had: HashSet<Uuid> = about.iter().map(|about| about.id).collect();
        let mut also = work.list_documents_about(&more).await?;
        also.retain(|also| !had.contains(&also.id));
        found.extend(work.load_records(&also).await?);
        // They are not looked at for their own sake, and what else they bill is not known.
        about.extend(also.into_iter().map(|also| DocumentAbout { is_of_order: false, ..also }));
        about.sort_by_key(DocumentAbout::place);
        let places: HashMap<Uuid, usize> =
            about.iter().enumerate().map(|(place, about)| (about.id, place)).collect();
        found.sort_by_key(|found| found.versions.first().and_then(|first| places.get(first)).copied());
    }
    known.add(found);
    known.aside.extend(about.iter().filter(|about| !about.is_of_order).map(|about| about.id));
    known.agreements.extend(about.into_iter().filter_map(|about| Some((about.id, about.agreement?))));
    // An advice often names only the depositor's order, which names the purchase order.
    let had: HashSet<String> = asked.orders.iter().map(|number| evened(number)).collect();
    let also = known.advices.iter().filter_map(|advice| advice.record.order_number.clone());
    let also: Vec<String> = also.filter(|number| !had.contains(&evened(number))).collect();
    if !also.is_empty() {
        let mut about =
            work.list_documents_about(&NumbersAsked { orders: also, ..NumbersAsked::default() }).await?;
        about.retain(|about| about.record_kind == RecordKind::ShippingOrder.word());
        known.add(work.load_records(&about).await?);
    }
    Ok(known)
}

/// Adds invoices that others are compared with, and what else has their numbers.
pub(super) async fn add_aside(work: &mut Work, known: &mut Known, documents: &[Uuid]) -> Result<(), Error> {
    let documents = documents.iter().copied().filter(|document| !known.documents.contains(document));
    let documents: Vec<Uuid> = documents.collect();
    if documents.is_empty() {
        return Ok(());
    }
    let asked = NumbersAsked { documents, ..NumbersAsked::default() };
    let about = work.list_documents_about(&asked).await?;
    let found = work.load_records(&about).await?;
    let more = NumbersAsked {
        invoices: what_else(&found, &about, &asked).invoices,
        documents: asked.documents,
        ..NumbersAsked::default()
    };
    let mut about = work.list_documents_about(&more).await?;
    about.retain(|about| !known.documents.contains(&about.id));
    known.add(work.load_records(&about).await?);
    known.aside.extend(about.iter().map(|about| about.id));
    known.agreements.extend(about.into_iter().filter_map(|about| Some((about.id, about.agreement?))));
    // It was worked out of fewer.
    known.invoices_in_force = OnceLock::new();
    known.places_of_bills = OnceLock::new();
    Ok(())
}

/// What must be known besides, so that invoices which were found by their orders can be compared: the other orders they
/// bill, and other invoices of their numbers.
fn what_else(found: &[FoundRecord], about: &[DocumentAbout], asked: &NumbersAsked) -> NumbersAsked {
    let of_order: HashSet<Uuid> =
        about.iter().filter(|about| about.is_of_order).map(|about| about.id).collect();
    let compared = found.iter().filter(|found| of_order.contains(&found.document_id));
    let compared = compared.filter_map(|found| match &found.record {
        Record::Invoice(_) => Some((found.partner_id.as_str(), &found.record)),
        _ => None,
    });
    let mut more = numbers(compared);
    let had: HashSet<String> = asked.purchase_orders.iter().map(|number| evened(number)).collect();
    more.purchase_orders.retain(|number| !had.contains(&evened(number)));
    let had: HashSet<&(String, String)> = asked.invoices.iter().collect();
    more.invoices.retain(|invoice| !had.contains(invoice));
    more
}

impl Known {
    /// Adds what was found; what is there already is not added again.
    pub(super) fn add(&mut self, found: Vec<FoundRecord>) {
        for found in found {
            if self.documents.contains(&found.document_id) {
                continue;
            }
            self.documents.extend(&found.versions);
            self.changed.extend((found.versions.len() > 1).then_some(found.document_id));
            let (partner, document) = (found.partner_id, found.document_id);
            match found.record {
                Record::PurchaseOrder(record) => {
                    self.purchase_orders.add(Stored { partner, document, record: *record });
                }
                Record::ShippingOrder(record) => {
                    self.shipping_orders.add(Stored { partner, document, record: *record });
                }
                record => self.put(partner, document, record),
            }
        }
    }

    /// What documents know of each other without the database.
    pub(super) fn of(documents: &[Document]) -> Self {
        let mut known = Self::default();
        known.add_own_of(documents.iter());
        known
    }

    fn add_own_of<'d>(&mut self, documents: impl Iterator<Item = &'d Document>) {
        for document in documents {
            if let Some(record) = &document.record {
                if let Some(agreement) =
                    document.agreement.clone().filter(|_| record.kind() == RecordKind::Invoice)
                {
                    self.agreements.insert(document.id, agreement);
                }
                self.add_own(&document.partner, document.id, record);
            }
        }
    }

    /// Documents of all that is known.
    pub(super) fn document_ids(&self) -> Vec<Uuid> {
        self.documents.iter().copied().collect()
    }

    /// Adds one record with its document, the latest of all.
    fn add_own(&mut self, partner: &str, document: Uuid, record: &Record) {
        if !self.documents.insert(document) {
            return;
        }
        let partner = partner.to_owned();
        let has_others = match record.clone() {
            Record::PurchaseOrder(record) => {
                self.purchase_orders.add_latest(Stored { partner, document, record: *record })
            }
            Record::ShippingOrder(record) => {
                self.shipping_orders.add_latest(Stored { partner, document, record: *record })
            }
            record => {
                self.put(partner, document, record);
                false
            }
        };
        self.changed.extend(has_others.then_some(document));
    }

    fn put(&mut self, partner: String, document: Uuid, record: Record) {
        match record {
            Record::ShippingAdvice(record) => {
                let stored = Stored { partner, document, record: *record };
                self.of_document.insert(document, self.advices.len());
                self.of_shipment.entry(shipment_key(&stored)).or_default().push(self.advices.len());
                self.advices.push(stored);
            }
            Record::ShipNotice(record) => {
                self.notices.push(Stored { partner, document, record: *record });
            }
            Record::Invoice(record) => {
                self.invoices.push(Stored { partner, document, record: *record });
            }
            Record::StockReceipt(record) => {
                self.receipts.push(Stored { partner, document, record: *record });
            }
            Record::OrderAcknowledgment(record) => {
                self.answers.push(Stored { partner, document, record: *record });
            }
            _ => {}
        }
    }

    /// The shipping order that an advice is of: of its number, and of its depositor and purchase order where both say
    /// one. None when several depositors number alike and nothing tells whose it is.
    pub(super) fn order_of(&self, advice: &ShippingAdvice) -> Option<&Stored<ShippingOrder>> {
        let number = advice.purchase_order_number.as_deref();
        let depositor = advice.depositor.id.as_deref();
        let items: Vec<_> = advice.lines().map(|line| line.keys()).collect();
        best(self.shipping_orders.of(advice.order_number.as_deref()), |order| {
            let own = order.depositor.id.as_deref();
            let theirs = agree(own, depositor)? + agree(order.purchase_order_number.as_deref(), number)?;
            Some(2 * theirs + u8::from(items.iter().any(|item| order.has(item))))
        })
    }

    /// The purchase order number that an advice is of, by its own word or by its shipping order's.
    pub(super) fn purchase_order_number_of<'k>(&'k self, advice: &'k ShippingAdvice) -> Option<&'k str> {
        let own = advice.purchase_order_number.as_deref();
        own.or_else(|| self.order_of(advice)?.record.purchase_order_number.as_deref())
    }

    /// Which shipment of its number an advice tells of, the first is 1, and whether it tells of it again: of what was
    /// shipped as nothing nobody was told.
    pub(super) fn telling_of(&self, advice: Uuid) -> (usize, bool) {
        let group = self.of_document.get(&advice).and_then(|at| self.advices.get(*at));
        let group = group.and_then(|own| self.of_shipment.get(&shipment_key(own)));
        let mut before: Vec<(Option<&str>, usize, bool)> = Vec::new();
        let mut shipments = 0;
        for stored in group.into_iter().flatten().filter_map(|at| self.advices.get(*at)) {
            let order = stored.record.order_number.as_deref();
            let replaced = before.iter().rev().find(|(earlier, ..)| same_number(*earlier, order));
            let replaced = replaced.filter(|_| stored.record.completeness == Some(Completeness::Replacement));
            let nth = replaced.map_or(shipments + 1, |(_, nth, _)| *nth);
            let again = replaced.is_some_and(|(.., was_told)| *was_told);
            if stored.document == advice {
                return (nth, again);
            }
            shipments = shipments.max(nth);
            // What takes it back was told as well; what comes after that is told anew.
            before.push((order, nth, stored.record.ships()));
        }
        (1, false)
    }

    /// What becomes of each advice by the others of its shipment.
    pub(super) fn advices_in_force(&self) -> &[InForce] {
        self.advices_in_force.get_or_init(|| {
            let advices: Vec<_> =
                self.advices.iter().map(|advice| (advice.partner.as_str(), &advice.record)).collect();
            ledger::advices_in_force(&advices)
        })
    }

    /// What warehouses and sellers said of shipments and does not count any more.
    pub(super) fn out_of_force(&self) -> HashSet<Uuid> {
        let advices = self.advices.iter().zip(self.advices_in_force());
        let advices = advices.filter(|(_, stands)| **stands != InForce::Counts);
        let notices = self.notices.iter().zip(self.notices_in_force()).filter(|(_, counts)| !counts);
        advices.map(|(advice, _)| advice.document).chain(notices.map(|(notice, _)| notice.document)).collect()
    }

    fn notices_in_force(&self) -> Vec<bool> {
        let notices: Vec<_> =
            self.notices.iter().map(|notice| (notice.partner.as_str(), &notice.record)).collect();
        ledger::notices_in_force(&notices)
    }

    /// Whether one that came before stands in for an advice already: it came out of turn.
    pub(super) fn is_outrun(&self, advice: Uuid) -> bool {
        let Some(at) = self.of_document.get(&advice) else { return false };
        matches!(self.advices_in_force().get(*at), Some(InForce::Replaced(by)) if by < at)
    }

    /// What becomes of each receipt by the others of its number.
    pub(super) fn receipts_in_force(&self) -> Vec<InForce> {
        let receipts: Vec<_> =
            self.receipts.iter().map(|receipt| (receipt.partner.as_str(), &receipt.record)).collect();
        ledger::receipts_in_force(&receipts)
    }

    /// What becomes of each invoice by the others of its number.
    pub(super) fn invoices_in_force(&self) -> &[InForce] {
        self.invoices_in_force.get_or_init(|| {
            let invoices = self.invoices.iter().map(|invoice| BilledBy {
                seller: &invoice.partner,
                agreement: self.agreements.get(&invoice.document).map(String::as_str),
                invoice: &invoice.record,
            });
            ledger::invoices_in_force(&invoices.collect::<Vec<_>>())
        })
    }

    /// Advices that count for a purchase order of this evened number.
    pub(super) fn shipped_for(&self, number: &str) -> impl Iterator<Item = &Stored<ShippingAdvice>> {
        let places = self.counting().advices.get(number).into_iter().flatten();
        places.filter_map(|at| self.advices.get(*at))
    }

    /// Notices that count for a purchase order of this evened number.
    pub(super) fn noticed_for(&self, number: &str) -> impl Iterator<Item = &Stored<ShipNotice>> {
        let places = self.counting().notices.get(number).into_iter().flatten();
        places.filter_map(|at| self.notices.get(*at))
    }

    /// Worked out once, when all is known.
    fn counting(&self) -> &Counting {
        self.counting.get_or_init(|| {
            let mut counting = Counting::default();
            for ((at, advice), stands) in self.advices.iter().enumerate().zip(self.advices_in_force()) {
                let counts = *stands == InForce::Counts;
                if let Some(number) = self.purchase_order_number_of(&advice.record).filter(|_| counts) {
                    counting.advices.entry(evened(number)).or_default().push(at);
                }
            }
            let notices = self.notices.iter().enumerate().zip(self.notices_in_force());
            for ((at, notice), _) in notices.filter(|(_, counts)| *counts) {
                let numbers = numbers_of(&notice.record, None).into_iter();
                let orders: BTreeSet<String> = numbers
                    .filter(|number| number.kind == NumberKind::PurchaseOrder)
                    .map(|number| number.number)
                    .collect();
                for number in orders {
                    counting.notices.entry(number).or_default().push(at);
                }
            }
            counting
        })
    }
}

/// Places of what counts, by evened purchase order number.
#[derive(Clone, Debug, Default)]
struct Counting {
    advices: HashMap<String, Vec<usize>>,
    notices: HashMap<String, Vec<usize>>,
}

/// The purchase order of this release among some, and that which has one of these items where that tells them apart.
pub(super) fn purchase_order_of<'k>(
    orders: impl Iterator<Item = &'k Stored<PurchaseOrder>> + Clone,
    release: Option<&str>,
    items: &[ItemKeys<'_>],
) -> Option<&'k Stored<PurchaseOrder>> {
    let rank = |order: &PurchaseOrder| {
        let released = agree(order.release_number.as_deref(), release)?;
        Some(2 * released + u8::from(items.iter().any(|item| order.has(item))))
    };
    // Of what is equal in everything the first that came.
    best(orders.clone(), rank).or_else(|| orders.clone().find(|order| rank(&order.record).is_some()))
}

fn shipment_key(advice: &Stored<ShippingAdvice>) -> (String, String) {
    let number = advice.record.shipment_number().or(advice.record.order_number.as_deref());
    (advice.partner.clone(), number.map(evened).unwrap_or_default())
}

/// None when both are given and differ, else whether they are the same: 1 or 0.
fn agree(one: Option<&str>, other: Option<&str>) -> Option<u8> {
    match (one, other) {
        (Some(_), Some(_)) => same_number(one, other).then_some(1),
        _ => Some(0),
    }
}

/// The one of the highest rank; none when several have it.
fn best<'k, R>(
    candidates: impl Iterator<Item = &'k Stored<R>>,
    rank: impl Fn(&R) -> Option<u8>,
) -> Option<&'k Stored<R>> {
    let mut found: Option<(u8, &Stored<R>)> = None;
    let mut alone = true;
    for candidate in candidates {
        let Some(rank) = rank(&candidate.record) else { continue };
        match found {
            Some((highest, _)) if rank < highest => {}
            Some((highest, _)) if rank == highest => alone = false,
            _ => (found, alone) = (Some((rank, candidate)), true),
        }
    }
    found.filter(|_| alone).map(|(_, candidate)| candidate)
}
