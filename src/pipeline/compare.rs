//! Compares invoices with what is known of their orders: when documents come, and when finance asks for a report.

use super::agreements::Agreements;
use super::hub::Error;
use super::known::{Known, Stored, purchase_order_of};
use super::moved::{advised, billed, noticed, noticed_of_sale, received};
use super::packs;
use super::rows::Fresh;
use super::services;
use crate::canonical::{
    CURRENCY, Figure, Invoice, InvoiceKind, InvoiceSense, ItemKeys, OrderAcknowledgment, Reason, RecordKind,
    StockReceipt, evened, same_number,
};
use crate::ids;
use crate::ledger::InForce;
use crate::profiles::Profile;
use crate::reconcile::{self, Agreed, Charged, Comparison, Difference, PriceRow, Standing};
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

/// Adds what invoices are compared with besides their orders and shipments. With `anew` bills that
/// are for the same work are compared, too: what came later may be dated before.
pub(super) async fn look_up(
    work: &mut Work,
    known: &mut Known,
    agreements: &Agreements,
    anew: bool,
) -> Result<(), Error> {
    if anew {
        services::look_up_billed(work, known, agreements).await?;
    }
    if known.invoices.is_empty() {
        return Ok(());
    }
    let lines = known.invoices.iter().flat_map(|invoice| &invoice.record.lines);
    let ordered = known.purchase_orders.iter().flat_map(|order| &order.record.lines);
    let skus = lines.filter_map(|line| line.sku.as_deref());
    let mut skus: HashSet<String> =
        skus.chain(ordered.filter_map(|line| line.sku.as_deref())).map(str::to_owned).collect();
    look_up_items(work, known, &mut skus).await?;
    let asked: Vec<&str> = skus.iter().map(String::as_str).collect();
    for price in work.find_prices(&asked).await? {
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
    packs::add(work, known, skus).await?;
    services::look_up(work, known, agreements, anew).await
}

/// Adds what else the items are called of lines that call them otherwise than their order or what was shipped for it, and
/// their SKUs.
async fn look_up_items(work: &mut Work, known: &mut Known, skus: &mut HashSet<String>) -> Result<(), Error> {
    if !work.has_item_names().await? {
        return Ok(());
    }
    let mut orders: HashMap<String, [Numbers; 2]> = HashMap::new();
    let (mut own, mut gtins, mut numbers) = (HashSet::new(), HashSet::new(), HashSet::new());
    for invoice in &known.invoices {
        for line in &invoice.record.lines {
            let number =
                line.purchase_order_number.as_ref().or(invoice.record.purchase_order_number.as_ref());
            let number = number.map(|number| evened(number)).unwrap_or_default();
            let sides = orders.entry(number).or_insert_with_key(|number| numbers_of_items(known, number));
            let keys = line.keys();
            if sides.iter().all(|side| side.is_empty() || numbers_in(&keys).any(|key| side.contains(&key))) {
                continue;
            }
            own.extend(keys.sku.as_deref().map(str::to_owned));
            gtins.extend(keys.gtin.as_deref().map(str::to_owned));
            let partners = known.purchase_orders.iter().map(|order| &order.partner);
            let partners: HashSet<&String> = partners.chain([&invoice.partner]).collect();
            for named in keys.sku.iter().chain(&keys.buyer_item) {
                numbers.extend(partners.iter().map(|partner| ((*partner).clone(), named.to_string())));
            }
        }
    }
    if own.is_empty() && gtins.is_empty() && numbers.is_empty() {
        return Ok(());
    }
    let partners = known.purchase_orders.iter().map(|order| order.partner.as_str());
    let partners: HashSet<&str> =
        partners.chain(known.invoices.iter().map(|one| one.partner.as_str())).collect();
    let partners: Vec<&str> = partners.into_iter().collect();
    let gtins: Vec<&str> = gtins.iter().map(String::as_str).collect();
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    let numbered: (Vec<&str>, Vec<&str>) =
        numbers.iter().map(|(partner, number)| (partner.as_str(), number.as_str())).unzip();
    let found = work.find_item_names(&own, &gtins, (&numbered.0, &numbered.1), &partners).await?;
    for name in found {
        let days = (name.valid_from, name.valid_to);
        match &name.partner {
            Some(partner) => known.items.add_number(partner, &name.number, &name.sku, days),
            None => known.items.add(&name.sku, &name.number, days),
        }
        skus.insert(name.sku);
    }
    Ok(())
}

/// Numbers of items, with what they are.
type Numbers = HashSet<(u8, String)>;

/// The numbers of the items that were ordered under a number, and that were shipped for it.
fn numbers_of_items(known: &Known, order: &str) -> [Numbers; 2] {
    let orders = known.purchase_orders.of(Some(order)).flat_map(|order| &order.record.lines);
    let ordered = orders.flat_map(|line| numbers_in(&line.keys()).collect::<Vec<_>>()).collect();
    let advices = known.shipped_for(order).flat_map(|advice| advised(advice, order).collect::<Vec<_>>());
    let notices = known.noticed_for(order).flat_map(|notice| noticed(notice, order));
    let moved = advices.chain(notices);
    let shipped = moved.flat_map(|moved| numbers_in(&moved.item).collect::<Vec<_>>()).collect();
    [ordered, shipped]
}

fn numbers_in<'k>(keys: &'k ItemKeys<'_>) -> impl Iterator<Item = (u8, String)> + use<'k> {
    let all = [(0, &keys.sku), (1, &keys.buyer_item), (2, &keys.gtin)];
    all.into_iter().filter_map(|(kind, number)| Some((kind, number.as_deref()?.to_ascii_uppercase())))
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
        // What does not count any more needs no orders to be told so.
        let invoices = invoices.filter(|(place, invoice)| {
            !known.aside.contains(&invoice.document) || index.stands(*place) != InForce::Counts
        });
        let compared = invoices.map(|(place, invoice)| {
            let document = invoice.document;
            let Some(profile) = agreements.profiles.find(&invoice.partner) else {
                return Compared { document, business: None, exceptions: Vec::new() };
            };
            let comparison = one((place, invoice), profile, None, &known, &index, now.date_naive());
            let standing: Vec<&Difference> = comparison.standing().collect();
            let currency = comparison.currency.as_deref();
            let exceptions = standing.iter().map(|difference| exception(invoice, difference, currency, now));
            Compared { document, exceptions: exceptions.collect(), business: Some(business(&standing)) }
        });
        compared.collect()
    })
}

fn exception(
    invoice: &Stored<Invoice>,
    difference: &Difference,
    currency: Option<&str>,
    now: DateTime<Utc>,
) -> NewException {
    let currency = || currency.unwrap_or(CURRENCY).to_owned();
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
    let orders = numbers
        .iter()
        .filter_map(|number| purchase_order_of(known.purchase_orders.of(Some(number)), release, &items));
    let orders: Vec<_> = orders.collect();
    let answers = numbers.iter().flat_map(|number| index.answering(number)).filter(|answer| {
        let theirs = answer.record.release_number.as_deref();
        theirs.is_none() || release.is_none() || same_number(theirs, release)
    });
    let mut facts = reconcile::Known {
        orders: orders.iter().map(|order| (&order.record, order.document)).collect(),
        buyers: orders.iter().map(|order| order.partner.as_str()).collect(),
        answers: answers.map(|answer| (&answer.record, answer.document)).collect(),
        is_one_of_several: release.is_none()
            && numbers.iter().any(|number| known.purchase_orders.of(Some(number)).nth(1).is_some()),
        standing: index.standing(place),
        ..reconcile::Known::default()
    };
    let mut seen: HashSet<usize> = HashSet::new();
    for number in &numbers {
        if kind == InvoiceKind::Sale {
            let before = facts.shipped.len();
            for advice in known.shipped_for(number) {
                facts.shipped.extend(advised(advice, number));
            }
            let notices = noticed_of_sale(known, number, &invoice.partner);
            if facts.shipped.len() == before {
                facts.shipped.extend(notices.iter().cloned());
            }
            facts.noticed.extend(notices);
        } else {
            for notice in known.noticed_for(number).filter(|notice| notice.partner == invoice.partner) {
                facts.shipped.extend(noticed(notice, number));
            }
            for receipt in index.receiving(number) {
                facts.received.extend(received(receipt, number));
            }
        }
        for (at, other) in index.billing(number) {
            if at == place || !index.is_of_one(place, at) || index.stands(at) != InForce::Counts {
                continue;
            }
            let theirs = other.record.release_number.as_deref();
            if theirs.is_some() && release.is_some() && !same_number(theirs, release) {
                continue;
            }
            // Those that came later are compared with this one, not the other way round.
            let is_before = index.rank(at) < index.rank(place);
            let side = if is_before { &mut facts.billed } else { &mut facts.billed_later };
            side.extend(billed(other, number));
            if is_before && seen.insert(at) {
                let charges = other.record.charges.iter();
                let charges = charges.chain(other.record.lines.iter().flat_map(|line| &line.charges));
                let is_credit = other.record.sense == Some(InvoiceSense::Credit);
                let counted = charges.filter(|charge| charge.in_total.unwrap_or(true));
                facts.charged.extend(counted.map(|charge| Charged { charge, is_credit }));
                for elsewhere in other.record.orders_billed().difference(&numbers) {
                    let order = known.purchase_orders.of(Some(elsewhere)).next().map(|order| &order.record);
                    let is_new = |order: &&_| !facts.elsewhere.iter().any(|had| std::ptr::eq(*had, *order));
                    facts.elsewhere.extend(order.filter(is_new));
                }
            }
        }
    }
    if kind == InvoiceKind::Purchase {
        facts.noticed = facts.shipped.clone();
    }
    if let Some(number) = record.original_invoice_number.as_deref() {
        let of_number = index.of_number(&invoice.partner, number);
        let of_number = || of_number.iter().copied().filter(|at| index.is_of_one(place, *at));
        let debit = |at: &usize| known.invoices.get(*at).filter(|other| other.document != invoice.document);
        let original = of_number().find(|at| index.stands(*at) == InForce::Counts).and_then(|at| debit(&at));
        facts.original = original.map(|original| (&original.record, original.document));
        facts.is_original_cancelled = of_number().any(|at| matches!(index.stands(at), InForce::Cancelled(_)));
        let credits = index.crediting(&invoice.partner, number).into_iter().filter(|at| {
            index.rank(*at) < index.rank(place)
                && index.is_of_one(place, *at)
                && index.stands(*at) == InForce::Counts
        });
        let credits = credits.filter_map(|at| known.invoices.get(at));
        facts.credited = credits.flat_map(|credit| billed(credit, "")).collect();
    }
    facts.counted = known.counted.get(&invoice.document).copied();
    if kind == InvoiceKind::Service {
        facts.served = services::served(place, known, index);
    }
    let day = record.invoiced_on.unwrap_or(day);
    let under = agreement.or_else(|| known.agreements.get(&invoice.document).map(String::as_str));
    let found = match under {
        Some(id) => profile.find_agreement(Some(id)),
        None => profile.agreement_of(Some(record), None),
    };
    let rules = profile.reconciliation_under(found, day);
    let agreed = Agreed {
        rules: &rules,
        partner: &profile.id,
        prices: &known.prices,
        packs: &known.packs,
        items: &known.items,
        day,
    };
    reconcile::compare(record, invoice.document, kind, &facts, &agreed)
}

/// Where documents are among those that are known, so that many invoices are compared in one go. Numbers are evened.
pub(super) struct Index<'k> {
    known: &'k Known,
    receipts: HashMap<String, Vec<usize>>,
    answers: HashMap<String, Vec<usize>>,
    by_order: HashMap<String, Vec<usize>>,
    by_number: HashMap<(&'k str, String), Vec<usize>>,
    /// Credits by what they credit.
    by_original: HashMap<(&'k str, String), Vec<usize>>,
    in_force: &'k [InForce],
    /// Places in time: what stands in for another takes its place.
    ranks: Vec<usize>,
}

impl<'k> Index<'k> {
    pub(super) fn of(known: &'k Known) -> Self {
        let mut index = Self {
            known,
            receipts: HashMap::new(),
            answers: HashMap::new(),
            by_order: HashMap::new(),
            by_number: HashMap::new(),
            by_original: HashMap::new(),
            in_force: known.invoices_in_force(),
            ranks: ranks(&known.invoices),
        };
        for (at, stands) in index.in_force.iter().enumerate() {
            if let InForce::Replaced(by) = stands
                && let Some(rank) = index.ranks.get(at).copied()
                && let Some(of_other) = index.ranks.get_mut(*by)
            {
                *of_other = rank.min(*of_other);
            }
        }
        for (at, answer) in known.answers.iter().enumerate() {
            if let Some(number) = answer.record.purchase_order_number.as_deref() {
                index.answers.entry(evened(number)).or_default().push(at);
            }
        }
        for ((at, receipt), stands) in known.receipts.iter().enumerate().zip(known.receipts_in_force()) {
            if stands == InForce::Counts && receipt.record.is_of_purchase() {
                for number in receipt.record.orders_received() {
                    index.receipts.entry(number).or_default().push(at);
                }
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
            let original = record.original_invoice_number.as_deref();
            if let Some(number) = original.filter(|_| record.sense == Some(InvoiceSense::Credit)) {
                index.by_original.entry((partner, evened(number))).or_default().push(at);
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
    pub(super) fn answering(&self, number: &str) -> impl Iterator<Item = &'k Stored<OrderAcknowledgment>> {
        let places = self.answers.get(number).into_iter().flatten();
        places.filter_map(|at| self.known.answers.get(*at))
    }

    /// Receipts of goods that were bought under an order of this evened number.
    pub(super) fn receiving(&self, number: &str) -> impl Iterator<Item = &'k Stored<StockReceipt>> {
        let places = self.receipts.get(number).into_iter().flatten();
        places.filter_map(|at| self.known.receipts.get(*at))
    }

    /// Invoices of a number from a partner that bill, the oldest first.
    fn of_number(&self, partner: &str, number: &str) -> Vec<usize> {
        let places = self.by_number.get(&(partner, evened(number))).into_iter().flatten().copied();
        let is_credit = |at: &usize| {
            self.known.invoices.get(*at).is_some_and(|one| one.record.sense == Some(InvoiceSense::Credit))
        };
        places.filter(|at| !is_credit(at)).collect()
    }

    /// Credits of an invoice of this number.
    pub(super) fn crediting(&self, partner: &str, number: &str) -> Vec<usize> {
        self.by_original.get(&(partner, evened(number))).cloned().unwrap_or_default()
    }

    /// What becomes of the invoice at a place by the others of its number.
    pub(super) fn stands(&self, place: usize) -> InForce {
        self.in_force.get(place).copied().unwrap_or(InForce::Counts)
    }

    fn standing(&self, place: usize) -> Standing<'k> {
        let of = |at: usize| self.known.invoices.get(at).map(|one| (&one.record, one.document));
        let found = match self.stands(place) {
            InForce::Counts => Some(Standing::Counts),
            InForce::Copy(first) => of(first).map(|(_, document)| Standing::Copy(document)),
            InForce::Replaced(by) => of(by).map(|(by, document)| Standing::Replaced(by, document)),
            InForce::Cancelled(by) => of(by).map(|(by, document)| Standing::Cancelled(by, document)),
            InForce::Cancels(of_other) => {
                Some(Standing::Cancels(of_other.and_then(of).map(|(_, document)| document)))
            }
        };
        found.unwrap_or_default()
    }

    pub(super) fn rank(&self, place: usize) -> usize {
        self.ranks.get(place).copied().unwrap_or(place)
    }

    /// Whether two invoices are of one seller, and not of different depositors that one connection serves.
    pub(super) fn is_of_one(&self, one: usize, other: usize) -> bool {
        let Some((one, other)) = self.known.invoices.get(one).zip(self.known.invoices.get(other)) else {
            return false;
        };
        let agreement = |of: &Stored<Invoice>| self.known.agreements.get(&of.document);
        one.partner == other.partner && agreement(one).zip(agreement(other)).is_none_or(|(a, b)| a == b)
    }
}

/// Which of some invoices is before which: by day and number, as their seller wrote them, and not as they came. One
/// without a day counts where it came.
fn ranks(invoices: &[Stored<Invoice>]) -> Vec<usize> {
    let mut day = None;
    let keys = invoices.iter().enumerate().map(|(at, invoice)| {
        let own = invoice.record.invoiced_on.or(day);
        day = day.max(own);
        let number = invoice.record.invoice_number.as_deref().map(evened).unwrap_or_default();
        // 9 is before 10.
        (own, number.len(), number, at)
    });
    let mut keys: Vec<_> = keys.collect();
    keys.sort();
    let mut ranks = vec![0; keys.len()];
    for (rank, (.., at)) in keys.into_iter().enumerate() {
        if let Some(own) = ranks.get_mut(at) {
            *own = rank;
        }
    }
    ranks
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
