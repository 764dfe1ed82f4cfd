//! Shipments against their orders: what is short, over, substituted or not ordered becomes an exception, and is settled by
//! the hub when it comes right.

use super::agreements::Agreements;
use super::hub::Error;
use super::known::{Known, Stored};
use super::read::Document;
use crate::canonical::{Figure, Record, ShippingAdvice};
use crate::ids;
use crate::ledger::{self, Fact, InForce, LineState, Order, Reason, Said};
use crate::store::{NewException, Work};
use chrono::{DateTime, Utc};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// Judges every order that a file's orders and advices are of. Gives the orders, by number and depositor, of which the
/// warehouse has not spoken to the last line.
pub(super) async fn judge<'d>(
    work: &mut Work,
    documents: impl Iterator<Item = &'d Document>,
    known: &Known,
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> Result<Vec<(String, String)>, Error> {
    let touched = touched(documents, known);
    if touched.is_empty() {
        return Ok(Vec::new());
    }
    let mut of_order: HashMap<Uuid, Vec<(&Stored<ShippingAdvice>, bool)>> = HashMap::new();
    for (advice, stands) in known.advices.iter().zip(known.advices_in_force()) {
        let counts = *stands == InForce::Counts;
        if let Some(order) = known.order_of(&advice.record).filter(|order| touched.contains(&order.document))
        {
            of_order.entry(order.document).or_default().push((advice, counts));
        }
    }
    let (mut exceptions, mut compared, mut unfinished) = (Vec::new(), Vec::new(), Vec::new());
    for order in known.shipping_orders.iter().filter(|order| touched.contains(&order.document)) {
        let advices = of_order.remove(&order.document).unwrap_or_default();
        compared.extend(advices.iter().map(|(advice, _)| advice.document));
        let counting = advices.iter().filter(|(_, counts)| *counts).map(|(advice, _)| *advice);
        let warehouse = advices.last().and_then(|(advice, _)| agreements.profiles.find(&advice.partner));
        let rule = warehouse.map(|profile| profile.exchange.final_shipment()).unwrap_or_default();
        let told = Order {
            shipping_order: Some(Said::new(order.document, &order.record)),
            advices: counting.map(|advice| Said::new(advice.document, &advice.record)).collect(),
            final_shipment: rule,
            ..Order::default()
        };
        if ledger::lines(&told).iter().any(|line| line.state == LineState::Open) {
            let (number, depositor) = order.record.key();
            unfinished.push((number.unwrap_or_default(), depositor.unwrap_or_default()));
        }
        for fact in ledger::judge(&told) {
            let advice = advices.iter().find(|(advice, _)| advice.document == fact.advice);
            let Some((advice, _)) = advice else { continue };
            exceptions.push(exception(&fact, advice, order.record.purchase_order_number.as_ref(), now));
        }
    }
    if compared.is_empty() {
        return Ok(unfinished);
    }
    work.insert_exceptions(&exceptions).await?;
    let standing: Vec<Uuid> = exceptions.iter().map(|exception| exception.id).collect();
    let kinds: Vec<&str> = Reason::ALL.iter().map(|reason| reason.word()).collect();
    work.keep_standing_exceptions(&compared, &kinds, &standing, now).await?;
    Ok(unfinished)
}

/// Documents of the orders in force that these documents are of.
fn touched<'d>(documents: impl Iterator<Item = &'d Document>, known: &Known) -> BTreeSet<Uuid> {
    let mut touched = BTreeSet::new();
    for document in documents {
        match &document.record {
            Some(Record::ShippingAdvice(advice)) => {
                touched.extend(known.order_of(advice).map(|order| order.document));
            }
            Some(Record::ShippingOrder(order)) => {
                let same = known.shipping_orders.of(order.order_number.as_deref());
                touched.extend(
                    same.filter(|known| known.partner == document.partner).map(|known| known.document),
                );
            }
            _ => {}
        }
    }
    touched
}

fn exception(
    fact: &Fact,
    advice: &Stored<ShippingAdvice>,
    purchase_order_number: Option<&String>,
    now: DateTime<Utc>,
) -> NewException {
    let line = fact.line.clone().unwrap_or_default();
    let about = [&advice.document.to_string(), fact.reason.word(), &line, &fact.item, &fact.message];
    NewException {
        id: ids::derived("exception", &about),
        kind: fact.reason.word().to_owned(),
        document_id: Some(advice.document),
        partner_id: Some(advice.partner.clone()),
        order_number: advice.record.order_number.clone(),
        purchase_order_number: advice
            .record
            .purchase_order_number
            .as_ref()
            .or(purchase_order_number)
            .cloned(),
        line: fact.line.clone(),
        amount: None,
        message: fact.message.clone(),
        evidence: fact.figures.iter().map(Figure::to_json).collect(),
        first_seen_at: now,
    }
}
