//! Services: what is counted in the days that bills name, and which other bills are for the same work.

use super::agreements::Agreements;
use super::compare::{Index, kind_of};
use super::hub::Error;
use super::known::{self, Known, Stored};
use crate::canonical::{
    ActivityCounts, BusinessNumber, Invoice, InvoiceKind, InvoiceSense, NumberKind, Record, ShippingAdvice,
    StockReceipt, numbers_of,
};
use crate::ledger::{self, InForce};
use crate::reconcile::Served;
use crate::store::{FoundRecord, ServiceBill, Work};
use chrono::NaiveDate;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// From the first to the last day.
type Days = (NaiveDate, NaiveDate);

/// What names work of a service that may be billed twice.
const NUMBERS: [NumberKind; 5] = [
    NumberKind::Order,
    NumberKind::PurchaseOrder,
    NumberKind::Shipment,
    NumberKind::BillOfLading,
    NumberKind::Pro,
];

/// Adds what the service bills that are compared are held against. With `anew` others for the same work are compared, too.
pub(super) async fn look_up(
    work: &mut Work,
    known: &mut Known,
    agreements: &Agreements,
    anew: bool,
) -> Result<(), Error> {
    let mut before = 0;
    for _ in 0..=usize::from(anew) {
        let asked = bills(known, agreements).map(|bill| ServiceBill {
            partner_id: &bill.partner,
            period: bill.record.service_period(),
            numbers: work_of(&bill.record),
        });
        let asked: Vec<ServiceBill<'_>> = asked.collect();
        if asked.len() == before {
            break;
        }
        before = asked.len();
        let others = work.list_bills_of_services(&asked).await?;
        known::add_aside(work, known, &others).await?;
        if anew {
            compare_too(known, &others);
        }
    }
    let bills = bills(known, agreements).map(|bill| {
        let profile = agreements.profiles.find(&bill.partner);
        let agreement = profile.and_then(|profile| profile.agreement_of(Some(&bill.record), None));
        let agreement = agreement.map(|agreement| agreement.id.clone());
        (bill.document, bill.partner.clone(), agreement, bill.record.service_period())
    });
    let bills: Vec<(Uuid, String, Option<String>, Option<Days>)> = bills.collect();
    let mut counts: HashMap<(String, Option<String>, Days), ActivityCounts> = HashMap::new();
    for (document, partner, agreement, period) in bills {
        let Some(own) = period else { continue };
        let counted = count(work, &mut counts, (&partner, &agreement), own).await?;
        known.counted.insert(document, counted);
        let others =
            known.invoices.iter().filter(|other| other.document != document && other.partner == partner);
        let shared =
            others.filter_map(|other| Some((other.document, in_both(own, other.record.service_period()?)?)));
        for (other, days) in shared.collect::<Vec<_>>() {
            let counted = count(work, &mut counts, (&partner, &agreement), days).await?;
            known.counted_in_both.entry(document).or_default().insert(other, counted);
        }
    }
    Ok(())
}

/// Adds bills for days in which work was done that documents tell of now: it may have been billed already.
pub(super) async fn look_up_billed(
    work: &mut Work,
    known: &mut Known,
    agreements: &Agreements,
) -> Result<(), Error> {
    let advised = known.advices.iter().map(|advice| (advice.partner.as_str(), advice.record.shipped_on));
    let received =
        known.receipts.iter().map(|receipt| (receipt.partner.as_str(), receipt.record.received_on));
    let done = advised.chain(received).filter_map(|(partner, day)| Some((partner, day?)));
    let bills = |partner: &str| agreements.profiles.find(partner).map(kind_of) == Some(InvoiceKind::Service);
    let done: BTreeSet<(&str, NaiveDate)> = done.filter(|(partner, _)| bills(partner)).collect();
    if done.is_empty() {
        return Ok(());
    }
    let asked = done.into_iter().map(|(partner_id, day)| ServiceBill {
        partner_id,
        period: Some((day, day)),
        numbers: Vec::new(),
    });
    let found = work.list_bills_of_services(&asked.collect::<Vec<_>>()).await?;
    known::add_aside(work, known, &found).await?;
    compare_too(known, &found);
    Ok(())
}

/// Has bills compared that were added for others; not those that bill orders, of which not all is known here.
fn compare_too(known: &mut Known, bills: &[Uuid]) {
    let whole = known
        .invoices
        .iter()
        .filter(|bill| bills.contains(&bill.document) && bill.record.orders_billed().is_empty());
    let whole: Vec<Uuid> = whole.map(|bill| bill.document).collect();
    whole.iter().for_each(|document| {
        known.aside.remove(document);
    });
}

/// Service bills that are compared.
fn bills<'k>(known: &'k Known, agreements: &'k Agreements) -> impl Iterator<Item = &'k Stored<Invoice>> {
    known.invoices.iter().filter(|bill| {
        !known.aside.contains(&bill.document)
            && agreements.profiles.find(&bill.partner).map(kind_of) == Some(InvoiceKind::Service)
    })
}

/// The days that two spans share.
fn in_both(one: Days, other: Days) -> Option<Days> {
    let both = (one.0.max(other.0), one.1.min(other.1));
    (both.0 <= both.1).then_some(both)
}

/// What counts in these days, by the documents as they are in force.
async fn count(
    work: &mut Work,
    counts: &mut HashMap<(String, Option<String>, Days), ActivityCounts>,
    (partner, agreement): (&str, &Option<String>),
    days: Days,
) -> Result<ActivityCounts, Error> {
    let key = (partner.to_owned(), agreement.clone(), days);
    if let Some(counted) = counts.get(&key) {
        return Ok(*counted);
    }
    let about = work.list_stood_in(partner, days).await?;
    let gone = out_of_force(&work.load_records(&about).await?);
    let counted = work.count_activities(partner, agreement.as_deref(), days, &gone).await?;
    counts.insert(key, counted);
    Ok(counted)
}

/// Those of these documents, the oldest first, that others stand in for.
fn out_of_force(found: &[FoundRecord]) -> Vec<Uuid> {
    let mut advices: Vec<(Uuid, (&str, &ShippingAdvice))> = Vec::new();
    let mut receipts: Vec<(Uuid, (&str, &StockReceipt))> = Vec::new();
    for found in found {
        match &found.record {
            Record::ShippingAdvice(advice) => advices.push((found.document_id, (&found.partner_id, advice))),
            Record::StockReceipt(receipt) => receipts.push((found.document_id, (&found.partner_id, receipt))),
            _ => {}
        }
    }
    let (advised, advices): (Vec<Uuid>, Vec<_>) = advices.into_iter().unzip();
    let (received, receipts): (Vec<Uuid>, Vec<_>) = receipts.into_iter().unzip();
    let advised = advised.into_iter().zip(ledger::advices_in_force(&advices));
    let received = received.into_iter().zip(ledger::receipts_in_force(&receipts));
    let gone = advised.chain(received).filter(|(_, stands)| *stands != InForce::Counts);
    gone.map(|(document, _)| document).collect()
}

/// What names the work that a bill is for.
fn work_of(bill: &Invoice) -> Vec<BusinessNumber> {
    let numbers = numbers_of(bill, None).into_iter().filter(|number| NUMBERS.contains(&number.kind));
    // Whoever writes it otherwise names the same work.
    numbers.map(|number| BusinessNumber { raw: String::new(), ..number }).collect()
}

/// Where invoices are among those that are known, by their documents and by the work that they name.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    of_document: HashMap<Uuid, usize>,
    of_work: HashMap<BusinessNumber, Vec<usize>>,
}

impl Places {
    fn of(known: &Known) -> Self {
        let mut places = Self::default();
        for (at, bill) in known.invoices.iter().enumerate() {
            places.of_document.insert(bill.document, at);
            for number in work_of(&bill.record) {
                places.of_work.entry(number).or_default().push(at);
            }
        }
        places
    }
}

/// What else the sender of the bill at this place has billed that counts, with what was credited of it.
pub(super) fn served<'k>(place: usize, known: &'k Known, index: &Index<'k>) -> Vec<Served<'k>> {
    let Some(own) = known.invoices.get(place) else { return Vec::new() };
    let in_days = known.counted_in_both.get(&own.document);
    let places = known.places_of_bills.get_or_init(|| Places::of(known));
    let by_days = in_days.into_iter().flatten().filter_map(|(other, _)| places.of_document.get(other));
    let by_number =
        work_of(&own.record).into_iter().filter_map(|number| places.of_work.get(&number)).flatten();
    let places: BTreeSet<usize> = by_days.chain(by_number).copied().collect();
    let is_other = |at: usize, other: &Stored<Invoice>| {
        at != place
            && index.is_of_one(place, at)
            && index.stands(at) == InForce::Counts
            && other.record.sense != Some(InvoiceSense::Credit)
    };
    let others = places.into_iter().filter_map(|at| Some((at, known.invoices.get(at)?)));
    let others = others.filter(|(at, other)| is_other(*at, other));
    let served = others.map(|(at, other)| {
        let number = other.record.invoice_number.as_deref();
        let credits = number.map(|number| index.crediting(&other.partner, number)).unwrap_or_default();
        let credits = credits.into_iter().filter(|at| index.stands(*at) == InForce::Counts);
        Served {
            invoice: &other.record,
            document: other.document,
            is_before: index.rank(at) < index.rank(place),
            counted: in_days.and_then(|in_days| in_days.get(&other.document)).copied(),
            credits: credits.filter_map(|at| known.invoices.get(at)).map(|credit| &credit.record).collect(),
        }
    });
    served.collect()
}
