//! The gate: what must not leave by itself is held for a person, such as a ship notice or an invoice that says more than the
//! warehouse did.

use super::agreements::Agreements;
use super::hub::Error;
use super::known::Known;
use super::places::{self, ReadBy};
use crate::canonical::{
    InvoiceSense, ItemKeys, NumberKind, Purpose, Record, RecordKind, ShipNotice, ShippingAdvice,
};
use crate::ids;
use crate::ledger::{self, Contradiction, Counted, Facts, InForce, Quantities, Stands, Unjoined};
use crate::reconcile::Joined;
use crate::store::{NewDocument, NewException, Work};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The kinds of exception that tell of it.
pub(super) const KINDS: [&str; 2] = [CONTRADICTS, NUMBER_AGAIN];

/// It says more than was shipped, or otherwise than the warehouse, or is of what was cancelled.
pub(super) const CONTRADICTS: &str = "contradicts_shipment";

/// Its control number was used a short while ago, or is awaited an answer for.
pub(super) const NUMBER_AGAIN: &str = "control_number_again";

const MORE: &str = "it says more than was shipped";
const OTHERWISE: &str = "it says otherwise than the warehouse";

/// Its quantities cannot be held against what the warehouse shipped.
const NOT_COMPARED: &str = "gate_not_checked";

/// What the gate says of what is to leave.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// Why it is held.
    pub(super) hold: Option<String>,
    /// What of it cannot be compared, for people. It goes all the same.
    pub(super) unjoined: Vec<String>,
}

/// What leaves though it cannot be compared.
#[derive(Clone, Debug)]
pub(super) struct NotCompared {
    /// The document that it follows from.
    pub(super) document: Uuid,
    pub(super) partner: String,
    pub(super) to: String,
    /// What people know it by.
    pub(super) what: String,
    pub(super) numbers: [Option<String>; 2],
    pub(super) why: Vec<String>,
}

/// A delivery that does not leave by itself.
pub(super) struct Hold {
    pub(super) delivery: Uuid,
    /// The first document in it; a TA1 has none.
    pub(super) document: Option<Uuid>,
    pub(super) kind: &'static str,
    pub(super) why: String,
}

/// Whether what follows from a document contradicts what the warehouse said: not while the warehouse has said nothing of the
/// purchase order.
pub(super) fn judge(
    (partner, document): (&str, Uuid),
    record: &Record,
    known: &Known,
    agreements: &Agreements,
    day: NaiveDate,
) -> Judged {
    let takes_back = match record {
        Record::Invoice(invoice) => {
            invoice.sense == Some(InvoiceSense::Credit) || invoice.purpose == Some(Purpose::Cancellation)
        }
        Record::ShipNotice(notice) => notice.purpose == Some(Purpose::Cancellation),
        _ => true,
    };
    if takes_back {
        return Judged::default();
    }
    let mut judged = Judged::default();
    let numbers = record.numbers().into_iter().filter(|number| number.kind == NumberKind::PurchaseOrder);
    let mut why: Vec<String> = Vec::new();
    for number in numbers {
        let order = number.number.as_str();
        let shipped: Vec<Counted> = known
            .shipped_for(order)
            .flat_map(|advice| ledger::of_advice(advice.document, &advice.record))
            .collect();
        let facts: Vec<Facts> = known
            .shipped_for(order)
            .map(|advice| Facts::of_advice(advice.document, &advice.record))
            .collect();
        if facts.is_empty() {
            continue;
        }
        let before: Vec<Counted> = match record {
            Record::ShipNotice(_) => {
                let others = known.noticed_for(order).filter(|other| other.partner == partner);
                let others = others.filter(|other| other.document != document);
                others.flat_map(|other| ledger::of_notice(other.document, &other.record, order)).collect()
            }
            _ => {
                let others = known.invoices.iter().zip(known.invoices_in_force());
                let others = others.take_while(|(other, _)| other.document != document);
                let others = others.filter(|(other, stands)| {
                    **stands == InForce::Counts
                        && other.partner == partner
                        && other.record.orders_billed().contains(order)
                });
                others
                    .flat_map(|(other, _)| ledger::of_invoice(other.document, &other.record, order))
                    .collect()
            }
        };
        let (told, own) = match record {
            Record::ShipNotice(notice) => {
                (ledger::of_notice(document, notice, order), Facts::of_notice(document, notice, order))
            }
            Record::Invoice(invoice) => {
                (ledger::of_invoice(document, invoice, order), Facts::of_invoice(document, invoice, order))
            }
            _ => continue,
        };
        let joins = |item: &ItemKeys<'_>, from: Option<&str>, to: Option<&str>| {
            joined(record, known, order, item, day).factor(from, to)
        };
        let Quantities { more, unjoined } = ledger::more_than_shipped(&told, &before, &shipped, &joins);
        let others = ledger::other_lots(&told, &shipped);
        let told = Written { known, agreements, own: (partner, document, record.kind()) };
        let of = format!("for purchase order {}", number.raw);
        // Of an invoice reconciliation tells the same.
        let unjoined = unjoined.iter().filter(|_| !matches!(record, Record::Invoice(_)));
        judged.unjoined.extend(unjoined.map(|unjoined| written(unjoined, &told)));
        let others = others.into_iter().chain(ledger::otherwise(&own, &facts)).collect();
        for (what, found) in [(MORE, more), (OTHERWISE, others)] {
            let found: Vec<Contradiction> = found;
            let found: Vec<String> = found.iter().map(|found| told.sentence(found)).collect();
            if !found.is_empty() {
                why.push(format!("{what}: {} {of}", found.join("; ")));
            }
        }
    }
    judged.hold = (!why.is_empty()).then(|| why.join("; "));
    judged
}

fn written(unjoined: &Unjoined, told: &Written<'_>) -> String {
    let Unjoined { item, told: unit, told_at, other, other_at } = unjoined;
    format!("{item} by the `{unit}`{} and by the `{other}`{}", told.places(told_at), told.places(other_at))
}

/// Tells a person what left though it cannot be compared. What was told of documents that are carried out `again`, and is
/// not so any more, came right.
pub(super) async fn tell_not_compared(
    work: &mut Work,
    found: &[NotCompared],
    again: &[Uuid],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let exceptions = found.iter().map(|found| {
        let [order_number, purchase_order_number] = found.numbers.clone();
        NewException {
            id: ids::derived("exception", &[NOT_COMPARED, &found.document.to_string(), &found.to]),
            kind: NOT_COMPARED.to_owned(),
            document_id: Some(found.document),
            partner_id: Some(found.partner.clone()),
            order_number,
            purchase_order_number,
            line: None,
            amount: None,
            message: format!(
                "{} goes to {} without being held against what the warehouse shipped: no pack joins {}; load it (`crossdock data load packs`), and have {} send it right if it says more than was shipped",
                found.what,
                found.to,
                found.why.join("; "),
                found.partner
            ),
            evidence: serde_json::Value::Array(Vec::new()),
            first_seen_at: now,
        }
    });
    let exceptions: Vec<NewException> = exceptions.collect();
    if !exceptions.is_empty() {
        work.insert_exceptions(&exceptions).await?;
    }
    if !again.is_empty() {
        let standing: Vec<Uuid> = exceptions.iter().map(|exception| exception.id).collect();
        work.keep_standing_exceptions(again, &[NOT_COMPARED], &standing, now).await?;
    }
    Ok(())
}

/// What joins the units of an item: master data, else what the order or the document itself says of packs.
fn joined<'k>(
    record: &'k Record,
    known: &'k Known,
    order: &str,
    item: &ItemKeys<'_>,
    day: NaiveDate,
) -> Joined<'k> {
    let lines = known.purchase_orders.of(Some(order)).flat_map(|order| &order.record.lines);
    let ordered: Vec<_> = lines.filter(|line| line.keys().same(item)).collect();
    let advices = known.shipped_for(order).flat_map(|advice| advice.record.lines());
    let skus = advices.filter(|line| line.keys().same(item)).filter_map(|line| line.sku.as_deref());
    let skus = ordered.iter().filter_map(|line| line.sku.as_deref()).chain(skus);
    let own = match record {
        Record::ShipNotice(notice) => {
            notice.items().into_iter().find(|own| own.keys().same(item)).and_then(|own| own.pack)
        }
        Record::Invoice(invoice) => {
            invoice.lines.iter().find(|own| own.keys().same(item)).and_then(|own| own.pack)
        }
        _ => None,
    };
    let said = ordered.iter().find_map(|line| line.pack).or(own);
    Joined::of(&known.packs, skus.collect(), said, day)
}

/// Where values stand, for people.
struct Written<'k> {
    known: &'k Known,
    agreements: &'k Agreements,
    /// The document that is to leave, or what it is made of.
    own: (&'k str, Uuid, RecordKind),
}

impl Written<'_> {
    fn sentence(&self, found: &Contradiction) -> String {
        let (told, said) = (self.places(&found.told_at), self.places(&found.said_at));
        format!("{}{told}, and {}{said}", found.told, found.said)
    }

    /// Such as ` (945 document 6262987e segment 8 W1203)`; of many the first.
    fn places(&self, all: &[Stands]) -> String {
        let mut places: Vec<String> = Vec::new();
        for place in all.iter().filter_map(|stands| self.place(*stands)) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let more = places.len().saturating_sub(3);
        places.truncate(3);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        if places.is_empty() { String::new() } else { format!(" ({}{more})", places.join(", ")) }
    }

    fn place(&self, stands: Stands) -> Option<String> {
        let (own_partner, own_document, own_kind) = self.own;
        let (partner, kind) = if stands.document == own_document {
            (own_partner, own_kind)
        } else {
            let advice = self.known.advices.iter().find(|advice| advice.document == stands.document)?;
            (advice.partner.as_str(), RecordKind::ShippingAdvice)
        };
        let translator = places::translator(self.agreements, Some(partner), ReadBy::Kind(kind))?;
        let element = places::place_of(translator, stands.list, stands.field).map(|place| place.path);
        let segment = stands.source.map(|source| format!(" segment {}", source.segment_ordinal));
        Some(format!(
            "{} document {}{}{}",
            if translator.set().is_empty() { kind.word() } else { translator.set() },
            ids::short(stands.document),
            segment.unwrap_or_default(),
            element.map(|element| format!(" {element}")).unwrap_or_default()
        ))
    }
}

/// Why the notice that is made of an advice is held: its order was cancelled, or it goes to another place than it says.
pub(super) fn why_notice_held(
    (partner, document): (&str, Uuid),
    advice: &ShippingAdvice,
    notice: &ShipNotice,
    known: &Known,
    agreements: &Agreements,
) -> Option<String> {
    if notice.purpose == Some(Purpose::Cancellation) {
        return None;
    }
    let cancelled =
        known.order_of(advice).filter(|order| order.record.purpose == Some(Purpose::Cancellation));
    if let Some(order) = cancelled {
        let number = order.record.order_number.as_deref().unwrap_or_default();
        return Some(format!("order {number} was cancelled, and the warehouse shipped it"));
    }
    // What else it says is the warehouse's word; the place is the customer's, as he ordered.
    let number = known.purchase_order_number_of(advice).unwrap_or_default();
    let own = Facts::of_notice(Uuid::nil(), notice, number);
    let found = ledger::elsewhere(&own, &[Facts::of_advice(document, advice)])?;
    let told = Written { known, agreements, own: (partner, document, RecordKind::ShippingAdvice) };
    Some(format!("{OTHERWISE}: {}", told.sentence(&found)))
}

/// Holds deliveries back, and tells a person why.
pub(super) async fn hold(work: &mut Work, holds: &[Hold], documents: &[NewDocument]) -> Result<(), Error> {
    if holds.is_empty() {
        return Ok(());
    }
    let exceptions: Vec<NewException> = holds
        .iter()
        .filter_map(|hold| {
            let document = documents.iter().find(|document| Some(document.id) == hold.document)?;
            let number = document.business_number.as_deref().unwrap_or_default();
            Some(NewException {
                id: ids::derived("exception", &[hold.kind, &document.id.to_string()]),
                kind: hold.kind.to_owned(),
                document_id: Some(document.id),
                partner_id: document.partner_id.clone(),
                order_number: document.order_number.clone(),
                purchase_order_number: document.purchase_order_number.clone(),
                line: None,
                amount: None,
                message: format!(
                    "{} {number} is held: {}; {} its delivery if it is right all the same: `crossdock release {}`",
                    document.kind,
                    hold.why,
                    if hold.kind == CONTRADICTS { "have who is wrong send it right, or release" } else { "release" },
                    ids::short(hold.delivery)
                ),
                evidence: serde_json::Value::Array(Vec::new()),
                first_seen_at: document.received_at,
            })
        })
        .collect();
    let mut deliveries: BTreeMap<Uuid, String> = BTreeMap::new();
    for hold in holds {
        let why = deliveries.entry(hold.delivery).or_default();
        why.push_str(if why.is_empty() { "" } else { "; " });
        why.push_str(&hold.why);
    }
    let deliveries: Vec<(Uuid, &str)> = deliveries.iter().map(|(id, why)| (*id, why.as_str())).collect();
    work.hold_deliveries(&deliveries).await?;
    work.insert_exceptions(&exceptions).await?;
    Ok(())
}
