//! What was shipped for sales, or received of purchases, and no invoice bills.

use super::super::agreements::Agreements;
use super::super::compare::{self, Index};
use super::super::known::{Known, purchase_order_of};
use super::super::moved;
use super::Asked;
use super::evidence::Places;
use crate::canonical::{CURRENCY, InvoiceKind, RecordKind, evened};
use crate::ledger::InForce;
use crate::reconcile::{Moved, Terms, not_billed};
use crate::store::NewUnbilled;
use chrono::NaiveDate;
use uuid::Uuid;

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
        let receipts: Vec<_> = index.receiving(&key).collect();
        let of_kind =
            |partner: &str, kind| agreements.profiles.find(partner).map(compare::kind_of) == Some(kind);
        let mut sales: Vec<Moved<'_>> =
            advices.iter().flat_map(|advice| moved::advised(advice, &key)).collect();
        // What was received is owed; what is only announced counts where no receipts come.
        let mut purchases: Vec<Moved<'_>> =
            receipts.iter().flat_map(|receipt| moved::received(receipt, &key)).collect();
        let mut sellers = index.billing(&key).map(|(_, bill)| &bill.partner);
        let seller = sellers.find(|partner| of_kind(partner, InvoiceKind::Sale));
        match seller.filter(|_| advices.is_empty()) {
            // Then the notices are of what was sold.
            Some(seller) => sales = moved::noticed_of_sale(known, &key, seller),
            None if receipts.is_empty() => {
                purchases = notices.iter().flat_map(|notice| moved::noticed(notice, &key)).collect();
            }
            None => {}
        }
        let documents = order.iter().map(|order| (&order.partner, order.document));
        let documents = documents
            .chain(advices.iter().map(|advice| (&advice.partner, advice.document)))
            .chain(notices.iter().map(|notice| (&notice.partner, notice.document)))
            .chain(receipts.iter().map(|receipt| (&receipt.partner, receipt.document)))
            .chain(index.billing(&key).map(|(_, bill)| (&bill.partner, bill.document)));
        let (partners, documents): (Vec<&String>, Vec<Uuid>) = documents.unzip();
        let is_asked = asked.partner.as_ref().is_none_or(|only| partners.contains(&only))
            && asked.agreement.as_ref().is_none_or(|only| {
                documents.iter().any(|document| known.agreements.get(document) == Some(only))
            });
        if !is_asked {
            continue;
        }
        for (kind, word, shipped) in
            [(InvoiceKind::Sale, "sale", sales), (InvoiceKind::Purchase, "purchase", purchases)]
        {
            let partner = match kind {
                // A receipt does not say who supplied it, and what nobody we know supplies is nothing that we owe.
                InvoiceKind::Purchase => {
                    let mut bills = index.billing(&key).map(|(_, bill)| &bill.partner);
                    let supplier = notices.first().map(|notice| &notice.partner);
                    let supplier = supplier.or_else(|| bills.find(|partner| of_kind(partner, kind)));
                    supplier.or_else(|| index.answering(&key).map(|answer| &answer.partner).next())
                }
                _ => order.map(|order| &order.partner).or(advices.first().map(|advice| &advice.partner)),
            };
            let Some(partner) = partner else { continue };
            let invoices = index.billing(&key).filter(|(at, invoice)| {
                of_kind(&invoice.partner, kind)
                    && (kind == InvoiceKind::Sale || invoice.partner == *partner)
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
                let notice = known.noticed_for(&key).find(|notice| notice.document == last.document);
                let receipt = receipts.iter().find(|receipt| receipt.document == last.document);
                let on: Option<NaiveDate> = advice
                    .and_then(|advice| advice.record.shipped_on)
                    .or_else(|| notice.and_then(|notice| notice.record.shipped_on))
                    .or_else(|| receipt.and_then(|receipt| receipt.record.received_on));
                *count += 1;
                rows.push(NewUnbilled {
                    ordinal: *count,
                    kind: word,
                    partner_id: partner.clone(),
                    purchase_order_number: number.to_owned(),
                    order_number: advice
                        .and_then(|advice| advice.record.order_number.clone())
                        .or_else(|| receipt.and_then(|receipt| receipt.record.order_number.clone())),
                    item: open.item,
                    unit: open.unit,
                    quantities: (open.shipped, open.billed),
                    price: open.price,
                    currency: record
                        .and_then(|record| record.currency.clone())
                        .or_else(|| open.price.map(|_| CURRENCY.to_owned())),
                    shipped_on: on.unwrap_or_else(|| place.received_at.date_naive()),
                    document_id: last.document,
                    file_name: place.file_name.clone(),
                    segment_ordinal: last.source.map(|source| i64::from(source.segment_ordinal)),
                });
            }
        }
    }
}
