//! What was shipped for sales, or received of purchases, and no invoice bills.

use super::super::agreements::Agreements;
use super::super::compare::{self, Index};
use super::super::known::{Known, purchase_order_of};
use super::super::moved;
use super::Asked;
use super::evidence::Places;
use crate::canonical::{InvoiceKind, RecordKind, evened};
use crate::ledger::InForce;
use crate::reconcile::{Moved, Terms, not_billed};
use crate::store::NewUnbilled;
use chrono::NaiveDate;

/// Adds what is not billed of these orders; `count` numbers the rows of the run.
pub(super) fn find(
    numbers: &[String],
    known: &Known,
    places: &Places,
    agreements: &Agreements,
    asked: &Asked,
    count: &mut i32,
    rows: &mut Vec<NewUnbilled>,
) {
    let index = Index::of(known);
    let supplies = |partner: &str| {
        let receives =
            agreements.profiles.find(partner).into_iter().flat_map(|profile| &profile.exchange.receives);
        receives.into_iter().any(|receives| receives.translator.record() == RecordKind::ShipNotice)
    };
    for number in numbers.iter().map(String::as_str) {
        let order = purchase_order_of(known.purchase_orders.of(Some(number)), None, &[]);
        let key = evened(number);
        let advices: Vec<_> = known.shipped_for(&key).collect();
        let notices: Vec<_> = known.noticed_for(&key).filter(|notice| supplies(&notice.partner)).collect();
        let sales: Vec<Moved<'_>> = advices.iter().flat_map(|advice| moved::advised(advice, &key)).collect();
        let purchases: Vec<Moved<'_>> =
            notices.iter().flat_map(|notice| moved::noticed(notice, &key)).collect();
        for (kind, word, shipped) in
            [(InvoiceKind::Sale, "sale", sales), (InvoiceKind::Purchase, "purchase", purchases)]
        {
            let partner = match kind {
                InvoiceKind::Purchase => notices.first().map(|notice| &notice.partner),
                _ => order.map(|order| &order.partner).or(advices.first().map(|advice| &advice.partner)),
            };
            let Some(partner) = partner else { continue };
            if asked.partner.as_ref().is_some_and(|only| only != partner) {
                continue;
            }
            let invoices = index.billing(&key).filter(|(at, invoice)| {
                let own = agreements.profiles.find(&invoice.partner).map(compare::kind_of) == Some(kind);
                own && (kind == InvoiceKind::Sale || invoice.partner == *partner)
                    && index.stands(*at) == InForce::Counts
            });
            let billed: Vec<Moved<'_>> =
                invoices.flat_map(|(_, invoice)| moved::billed(invoice, &key)).collect();
            let record = order.map(|order| &order.record);
            let buyers: Vec<&str> = order.map(|order| order.partner.as_str()).into_iter().collect();
            let terms = Terms {
                partner: partner.as_str(),
                buyers: &buyers,
                prices: &known.prices,
                packs: &known.packs,
                items: &known.items,
                day: asked.days.1,
            };
            for open in not_billed(&shipped, &billed, record, &terms) {
                let Some(last) = shipped.get(open.last) else { continue };
                let Some(place) = places.find(last.document) else { continue };
                let advice = advices.iter().find(|advice| advice.document == last.document);
                let notice = notices.iter().find(|notice| notice.document == last.document);
                let on: Option<NaiveDate> = advice
                    .and_then(|advice| advice.record.shipped_on)
                    .or_else(|| notice.and_then(|notice| notice.record.shipped_on));
                *count += 1;
                rows.push(NewUnbilled {
                    ordinal: *count,
                    kind: word,
                    partner_id: partner.clone(),
                    purchase_order_number: number.to_owned(),
                    order_number: advice.and_then(|advice| advice.record.order_number.clone()),
                    item: open.item,
                    unit: open.unit,
                    quantities: (open.shipped, open.billed),
                    price: open.price,
                    currency: record
                        .and_then(|record| record.currency.clone())
                        .or_else(|| open.price.map(|_| "USD".to_owned())),
                    shipped_on: on.unwrap_or_else(|| place.received_at.date_naive()),
                    document_id: last.document,
                    file_name: place.file_name.clone(),
                    segment_ordinal: last.source.map(|source| i64::from(source.segment_ordinal)),
                });
            }
        }
    }
}
