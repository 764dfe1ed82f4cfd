//! The gate: what must not leave by itself is held for a person, such as a ship notice or an invoice that says more than the
//! warehouse did.

use super::hub::Error;
use super::known::Known;
use crate::canonical::{InvoiceSense, NumberKind, Purpose, Record, ShippingAdvice};
use crate::ids;
use crate::ledger::{self, Counted, InForce};
use crate::store::{NewDocument, NewException, Work};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The kinds of exception that tell of it.
pub(super) const KINDS: [&str; 2] = [CONTRADICTS, NUMBER_AGAIN];

/// It says more than was shipped, or of what was cancelled.
pub(super) const CONTRADICTS: &str = "contradicts_shipment";

/// Its control number was used a short while ago, or is awaited an answer for.
pub(super) const NUMBER_AGAIN: &str = "control_number_again";

/// A delivery that does not leave by itself.
pub(super) struct Hold {
    pub(super) delivery: Uuid,
    /// The first document in it; a TA1 has none.
    pub(super) document: Option<Uuid>,
    pub(super) kind: &'static str,
    pub(super) why: String,
}

/// Why what follows from a document is held: it contradicts what the warehouse said. None while the warehouse has said
/// nothing of the purchase order.
pub(super) fn why_held((partner, document): (&str, Uuid), record: &Record, known: &Known) -> Option<String> {
    let takes_back = matches!(record, Record::Invoice(invoice)
        if invoice.sense == Some(InvoiceSense::Credit) || invoice.purpose == Some(Purpose::Cancellation));
    if !matches!(record, Record::ShipNotice(_) | Record::Invoice(_)) || takes_back {
        return None;
    }
    let numbers = record.numbers().into_iter().filter(|number| number.kind == NumberKind::PurchaseOrder);
    let mut why = Vec::new();
    for number in numbers {
        let shipped: Vec<Counted> =
            known.shipped_for(&number.number).flat_map(|advice| ledger::of_advice(&advice.record)).collect();
        if known.shipped_for(&number.number).next().is_none() {
            continue;
        }
        let before: Vec<Counted> = match record {
            Record::ShipNotice(_) => {
                let others = known.noticed_for(&number.number).filter(|other| other.partner == partner);
                let others = others.filter(|other| other.document != document);
                others.flat_map(|other| ledger::of_notice(&other.record, &number.number)).collect()
            }
            _ => {
                let others = known.invoices.iter().zip(known.invoices_in_force());
                let others = others.take_while(|(other, _)| other.document != document);
                let others = others.filter(|(other, stands)| {
                    **stands == InForce::Counts
                        && other.partner == partner
                        && other.record.orders_billed().contains(&number.number)
                });
                others.flat_map(|(other, _)| ledger::of_invoice(&other.record, &number.number)).collect()
            }
        };
        let told = match record {
            Record::ShipNotice(notice) => ledger::of_notice(notice, &number.number),
            Record::Invoice(invoice) => ledger::of_invoice(invoice, &number.number),
            _ => Vec::new(),
        };
        for contradiction in ledger::more_than_shipped(&told, &before, &shipped) {
            why.push(format!("{contradiction} for purchase order {}", number.raw));
        }
    }
    (!why.is_empty()).then(|| format!("it says more than was shipped: {}", why.join("; ")))
}

/// Why the notice of an advice is held: its order was cancelled.
pub(super) fn why_notice_held(advice: &ShippingAdvice, known: &Known) -> Option<String> {
    let order = known.order_of(advice)?;
    (order.record.purpose == Some(Purpose::Cancellation)).then(|| {
        let number = order.record.order_number.as_deref().unwrap_or_default();
        format!("order {number} was cancelled, and the warehouse shipped it")
    })
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
                    "{} {number} is held: {}; release its delivery if it is right all the same: `crossdock release {}`",
                    document.kind,
                    hold.why,
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
