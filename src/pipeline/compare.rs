//! Compares invoices with what is known of their orders: when documents come, and when finance asks for a report.

use super::agreements::Agreements;
use super::hub::Error;
use super::known::{Known, Stored, purchase_order_of};
use super::rows::Fresh;
use crate::canonical::{
    Figure, Invoice, InvoiceKind, InvoiceSense, LineStatus, OrderAcknowledgment, Reason, RecordKind,
    ShipNotice, ShippingAdvice, StockReceipt, evened, same_number,
};
use crate::ids;
use crate::profiles::Profile;
use crate::reconcile::{self, Agreed, Comparison, Counted, Difference, Moved, PriceRow, service_period};
use crate::store::{Business, NewException, Work};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// What kind of invoice a partner sends.
pub(super) fn kind_of(profile: &Profile) -> InvoiceKind {
    let mut receives = profile.exchange.receives.iter();
    let invoices = receives.find(|receives| receives.translator.record() == RecordKind::Invoice);
    invoices.map_or(InvoiceKind::Purchase, |receives| receives.invoices)
}

/// Adds what invoices are compared with besides their orders and shipments.
pub(super) async fn look_up(
    work: &mut Work,
    known: &mut Known,
    agreements: &Agreements,
) -> Result<(), Error> {
    if known.invoices.is_empty() {
        return Ok(());
    }
    let lines = known.invoices.iter().flat_map(|invoice| &invoice.record.lines);
    let ordered = known.purchase_orders.iter().flat_map(|order| &order.record.lines);
    let skus = lines.filter_map(|line| line.sku.as_deref());
    let skus: HashSet<&str> = skus.chain(ordered.filter_map(|line| line.sku.as_deref())).collect();
    let skus: Vec<&str> = skus.into_iter().collect();
    for price in work.find_prices(&skus).await? {
        known.prices.add(PriceRow {
            sku: price.sku,
            partner: price.partner,
            unit: price.unit,
            currency: price.currency,
            price: price.price,
            from: price.valid_from,
            to: price.valid_to,
        });
    }
    for pack in work.find_packs(&skus).await? {
        let days = (pack.valid_from, pack.valid_to);
        known.packs.add(&pack.sku, &pack.unit, pack.quantity, &pack.of_unit, days);
    }
    for invoice in known.invoices.iter().filter(|invoice| !known.aside.contains(&invoice.document)) {
        let Some(profile) = agreements.profiles.find(&invoice.partner) else { continue };
        if kind_of(profile) != InvoiceKind::Service {
            continue;
        }
        let Some((from, to)) = service_period(&invoice.record) else { continue };
        let agreement = profile.agreement_of(Some(&invoice.record), None);
        let agreement = agreement.map(|agreement| agreement.id.as_str());
        let counted = work.count_activities(&profile.id, agreement, from, to).await?;
        let counted = Counted {
            orders_shipped: counted.orders_shipped,
            lines_shipped: counted.lines_shipped,
            units_shipped: counted.units_shipped,
            packs_shipped: counted.packs_shipped,
            receipts: counted.receipts,
            units_received: counted.units_received,
        };
        known.counted.insert(invoice.document, counted);
    }
    Ok(())
}

/// What comparing an invoice makes of it; nothing when its partner is not known any more.
#[derive(Debug)]
pub(super) struct Compared {
    document: Uuid,
    business: Option<(Business, String)>,
    exceptions: Vec<NewException>,
}

/// Begins to compare every invoice of the orders that files speak of, those that came before as well: what was billed
/// too early may have been shipped by now. It goes on while the files' records are written.
pub(super) fn begin(
    known: &Arc<Known>,
    agreements: &Arc<Agreements>,
    now: DateTime<Utc>,
) -> JoinHandle<Vec<Compared>> {
    let (known, agreements) = (known.clone(), agreements.clone());
    tokio::task::spawn_blocking(move || {
        let index = Index::of(&known);
        let invoices = known.invoices.iter().enumerate();
        let invoices = invoices.filter(|(_, invoice)| !known.aside.contains(&invoice.document));
        let compared = invoices.map(|(place, invoice)| {
            let document = invoice.document;
            let Some(profile) = agreements.profiles.find(&invoice.partner) else {
                return Compared { document, business: None, exceptions: Vec::new() };
            };
            let comparison = one((place, invoice), profile, None, &known, &index, now.date_naive());
            let standing: Vec<&Difference> = comparison.standing().collect();
            let exceptions = standing.iter().map(|difference| exception(invoice, difference, now));
            Compared { document, exceptions: exceptions.collect(), business: Some(business(&standing)) }
        });
        compared.collect()
    })
}

fn exception(invoice: &Stored<Invoice>, difference: &Difference, now: DateTime<Utc>) -> NewException {
    let currency = || invoice.record.currency.clone().unwrap_or_else(|| "USD".to_owned());
    NewException {
        id: exception_id(invoice.document, difference),
        kind: difference.reason.word().to_owned(),
        document_id: Some(invoice.document),
        partner_id: Some(invoice.partner.clone()),
        order_number: invoice.record.order_number.clone(),
        purchase_order_number: invoice.record.purchase_order_number.clone(),
        line: difference.line.clone(),
        amount: difference.amount.map(|amount| (amount, currency())),
        message: difference.message.clone(),
        evidence: difference.figures.iter().map(Figure::to_json).collect(),
        first_seen_at: now,
    }
}

/// Keeps what comparing came to. What that makes of documents that are not written yet is set in them; of the others it
/// is given back. With `again` some of the files were compared before.
pub(super) async fn settle(
    work: &mut Work,
    fresh: &mut [Fresh<'_>],
    compared: Vec<Compared>,
    now: DateTime<Utc>,
    again: bool,
) -> Result<Vec<(Uuid, Business, String)>, Error> {
    let places: HashMap<Uuid, usize> =
        fresh.iter().enumerate().map(|(place, fresh)| (fresh.document.id, place)).collect();
    // Of what was never compared before nothing can have come right.
    let is_earlier = |document: &Uuid| again || !places.contains_key(document);
    let (mut exceptions, mut earlier, mut business) = (Vec::new(), Vec::new(), Vec::new());
    for compared in compared {
        if is_earlier(&compared.document) {
            earlier.push(compared.document);
        }
        match (compared.business, places.get(&compared.document).and_then(|place| fresh.get_mut(*place))) {
            (Some(own), Some(fresh)) => fresh.business = own,
            (Some((own, why)), None) => business.push((compared.document, own, why)),
            (None, _) => {}
        }
        exceptions.extend(compared.exceptions);
    }
    work.insert_exceptions(&exceptions).await?;
    let standing: Vec<Uuid> = exceptions
        .iter()
        .filter(|exception| exception.document_id.as_ref().is_some_and(is_earlier))
        .map(|exception| exception.id)
        .collect();
    let kinds: Vec<&str> = Reason::ALL.iter().map(|reason| reason.word()).collect();
    if !earlier.is_empty() {
        work.keep_standing_exceptions(&earlier, &kinds, &standing, now).await?;
    }
    Ok(business)
}

/// The exception that a difference is; the same difference found again is the same exception.
pub(super) fn exception_id(document: Uuid, difference: &Difference) -> Uuid {
    let line = difference.line.clone().unwrap_or_default();
    let item = difference.item.clone().unwrap_or_default();
    let amount = difference.amount.map(|amount| amount.normalize().to_string()).unwrap_or_default();
    ids::derived("exception", &[&document.to_string(), difference.reason.word(), &line, &item, &amount])
}

/// One invoice, by its place among those that are known, against the rest. `day` stands for the day of an invoice that
/// names none.
pub(super) fn one(
    (place, invoice): (usize, &Stored<Invoice>),
    profile: &Profile,
    agreement: Option<&str>,
    known: &Known,
    index: &Index<'_>,
    day: NaiveDate,
) -> Comparison {
    let kind = kind_of(profile);
    let record = &invoice.record;
    let numbers = record.orders_billed();
    let release = record.release_number.as_deref();
    let items: Vec<_> = record.lines.iter().map(|line| line.keys()).collect();
    let orders = numbers.iter().filter_map(|number| {
        let order = purchase_order_of(known.purchase_orders.of(Some(number)), release, &items)?;
        Some((&order.record, order.document))
    });
    let answers = numbers.iter().flat_map(|number| index.answering(number)).filter(|answer| {
        let theirs = answer.record.release_number.as_deref();
        theirs.is_none() || release.is_none() || same_number(theirs, release)
    });
    let mut facts = reconcile::Known {
        orders: orders.collect(),
        answers: answers.map(|answer| (&answer.record, answer.document)).collect(),
        ..reconcile::Known::default()
    };
    for number in &numbers {
        if kind == InvoiceKind::Sale {
            let before = facts.shipped.len();
            for advice in known.shipped_for(number) {
                facts.shipped.extend(advised(advice, number));
            }
            if facts.shipped.len() == before {
                facts.shipped.extend(noticed_of_sale(known, number, &invoice.partner));
            }
        } else {
            for notice in known.noticed_for(number).filter(|notice| notice.partner == invoice.partner) {
                facts.shipped.extend(noticed(notice, number));
            }
            for receipt in index.receiving(number) {
                facts.received.extend(received(receipt, number));
            }
        }
        for (at, other) in index.billing(number) {
            if at == place || other.partner != invoice.partner {
                continue;
            }
            // A copy bills nothing: its first stands for both.
            let theirs = other.record.release_number.as_deref();
            let other_release = theirs.is_some() && release.is_some() && !same_number(theirs, release);
            if other_release || index.is_copy(at, other) {
                continue;
            }
            // Those that came later are compared with this one, not the other way round.
            let side = if at < place { &mut facts.billed } else { &mut facts.billed_later };
            side.extend(billed(other, number));
        }
    }
    let first = index.first_of(invoice).filter(|first| *first < place);
    facts.earlier = first.and_then(|first| known.invoices.get(first)).map(|first| first.document);
    facts.original = record.original_invoice_number.as_ref().and_then(|number| {
        let at = *index.by_number.get(&(invoice.partner.as_str(), evened(number)))?.first()?;
        let original = known.invoices.get(at).filter(|original| original.document != invoice.document)?;
        Some((&original.record, original.document))
    });
    facts.counted = known.counted.get(&invoice.document).copied();
    let day = record.invoiced_on.unwrap_or(day);
    let found = match agreement {
        Some(id) => profile.find_agreement(Some(id)),
        None => profile.agreement_of(Some(record), None),
    };
    let rules = profile.reconciliation_under(found, day);
    let agreed =
        Agreed { rules: &rules, partner: &profile.id, prices: &known.prices, packs: &known.packs, day };
    reconcile::compare(record, invoice.document, kind, &facts, &agreed)
}

/// Where documents are among those that are known, so that many invoices are compared in one go. Numbers are evened.
pub(super) struct Index<'k> {
    known: &'k Known,
    receipts: HashMap<String, Vec<usize>>,
    answers: HashMap<String, Vec<usize>>,
    by_order: HashMap<String, Vec<usize>>,
    by_number: HashMap<(&'k str, String), Vec<usize>>,
}

impl<'k> Index<'k> {
    pub(super) fn of(known: &'k Known) -> Self {
        let mut index = Self {
            known,
            receipts: HashMap::new(),
            answers: HashMap::new(),
            by_order: HashMap::new(),
            by_number: HashMap::new(),
        };
        for (at, answer) in known.answers.iter().enumerate() {
            if let Some(number) = answer.record.purchase_order_number.as_deref() {
                index.answers.entry(evened(number)).or_default().push(at);
            }
        }
        for (at, receipt) in known.receipts.iter().enumerate() {
            if let Some(number) = receipt.record.purchase_order_number.as_deref() {
                index.receipts.entry(evened(number)).or_default().push(at);
            }
        }
        for (at, invoice) in known.invoices.iter().enumerate() {
            let (partner, record) = (invoice.partner.as_str(), &invoice.record);
            for number in record.orders_billed() {
                index.by_order.entry(number).or_default().push(at);
            }
            if let Some(number) = record.invoice_number.as_deref() {
                index.by_number.entry((partner, evened(number))).or_default().push(at);
            }
        }
        index
    }

    /// Invoices that bill an order of this evened number, with their places among those that are known.
    pub(super) fn billing(&self, number: &str) -> impl Iterator<Item = (usize, &'k Stored<Invoice>)> {
        let places = self.by_order.get(number).into_iter().flatten();
        places.filter_map(|at| Some((*at, self.known.invoices.get(*at)?)))
    }

    /// What sellers said to an order of this evened number, the oldest first.
    fn answering(&self, number: &str) -> impl Iterator<Item = &'k Stored<OrderAcknowledgment>> {
        let places = self.answers.get(number).into_iter().flatten();
        places.filter_map(|at| self.known.answers.get(*at))
    }

    /// Receipts for an order of this evened number.
    fn receiving(&self, number: &str) -> impl Iterator<Item = &'k Stored<StockReceipt>> {
        let places = self.receipts.get(number).into_iter().flatten();
        places.filter_map(|at| self.known.receipts.get(*at))
    }

    /// The first invoice of this number from this partner.
    fn first_of(&self, invoice: &Stored<Invoice>) -> Option<usize> {
        let number = invoice.record.invoice_number.as_deref()?;
        self.by_number.get(&(invoice.partner.as_str(), evened(number)))?.first().copied()
    }

    pub(super) fn is_copy(&self, place: usize, invoice: &Stored<Invoice>) -> bool {
        self.first_of(invoice).is_some_and(|first| first < place)
    }
}

/// What comparing an invoice makes of it.
fn business(differences: &[&Difference]) -> (Business, String) {
    let Some(first) = differences.first() else {
        return (Business::Settled, "agrees with order and shipment".to_owned());
    };
    let amount = first.amount.map(|amount| format!(" ({amount:.2})")).unwrap_or_default();
    let more = match differences.len() {
        1 => String::new(),
        2 => "; 1 more difference".to_owned(),
        count => format!("; {} more differences", count - 1),
    };
    (Business::Exception, format!("{}{amount}{more}", first.message))
}

/// The lines of an advice, for the purchase order under which it was found.
pub(super) fn advised<'a>(
    advice: &'a Stored<ShippingAdvice>,
    order: &'a str,
) -> impl Iterator<Item = Moved<'a>> + 'a {
    advice.record.lines().filter_map(move |line| {
        let quantity = line.quantity_shipped?;
        Some(Moved {
            order: Some(order),
            item: line.keys(),
            quantity,
            unit: line.unit.as_deref(),
            in_place_of: if line.status == Some(LineStatus::Substituted) {
                line.item_ids.iter().filter_map(|other| other.id.as_deref()).collect()
            } else {
                Vec::new()
            },
            document: advice.document,
            source: line.source,
        })
    })
}

/// What ship notices say of a sale that no advice tells of: those to or from its own partner, else those of one other, so
/// that a notice that was passed on counts once.
fn noticed_of_sale<'a>(known: &'a Known, order: &'a str, partner: &str) -> Vec<Moved<'a>> {
    let own = known.noticed_for(order).find(|notice| notice.partner == partner);
    let Some(whose) = own.or_else(|| known.noticed_for(order).next()).map(|notice| &notice.partner) else {
        return Vec::new();
    };
    let notices = known.noticed_for(order).filter(|notice| notice.partner == *whose);
    notices.flat_map(|notice| noticed(notice, order)).collect()
}

pub(super) fn noticed<'a>(notice: &'a Stored<ShipNotice>, order: &'a str) -> Vec<Moved<'a>> {
    let items = notice.record.items_of(order);
    let moved = items.into_iter().filter_map(|item| {
        let quantity = item.quantity_shipped?;
        Some(Moved {
            order: Some(order),
            item: item.keys(),
            quantity,
            unit: item.unit.as_deref(),
            in_place_of: Vec::new(),
            document: notice.document,
            source: item.source,
        })
    });
    moved.collect()
}

pub(super) fn received<'a>(
    receipt: &'a Stored<StockReceipt>,
    order: &'a str,
) -> impl Iterator<Item = Moved<'a>> + 'a {
    receipt.record.lines.iter().filter_map(move |line| {
        let quantity = line.quantity_received?;
        Some(Moved {
            order: Some(order),
            item: line.keys(),
            quantity,
            unit: line.unit.as_deref(),
            in_place_of: Vec::new(),
            document: receipt.document,
            source: line.source,
        })
    })
}

/// The lines of an invoice that bill this order; what it credits counts less than zero, whatever sign it has.
pub(super) fn billed<'a>(
    invoice: &'a Stored<Invoice>,
    order: &'a str,
) -> impl Iterator<Item = Moved<'a>> + 'a {
    let credit = invoice.record.sense == Some(InvoiceSense::Credit);
    let of_order = invoice.record.lines_of(order);
    of_order.filter_map(move |line| {
        let quantity = line.quantity?;
        Some(Moved {
            order: Some(order),
            item: line.keys(),
            quantity: if credit { -quantity.abs() } else { quantity },
            unit: line.unit.as_deref(),
            in_place_of: Vec::new(),
            document: invoice.document,
            source: line.source,
        })
    })
}
