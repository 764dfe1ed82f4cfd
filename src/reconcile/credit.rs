//! Credits: each line against the invoice that it takes back. The type decides; amounts may have either sign.

use super::{Bill, Comparison, Difference, Figure, Line, Match, extended, money};
use crate::canonical::{Invoice, Reason};
use rust_decimal::Decimal;
use uuid::Uuid;

pub(super) fn compare(bill: &Bill<'_>, comparison: &mut Comparison) {
    let invoice = bill.invoice;
    let Some((original, document)) = bill.known.original else {
        let message = match invoice.original_invoice_number.as_deref() {
            Some(number) => format!("the credit is for invoice {number}, which is not known"),
            None => "the credit does not say which invoice it is for".to_owned(),
        };
        let total = invoice.total_amount.map(|total| bill.figure("total credited", total, invoice.source));
        comparison.differences.push(Difference {
            figures: total.into_iter().collect(),
            ..bill.whole(Reason::CreditWithoutInvoice, message)
        });
        return;
    };
    for (at, line) in invoice.lines.iter().enumerate() {
        let credited = -money(line.extended_amount().unwrap_or_default()).abs();
        let mut result = Line {
            ordinal: at + 1,
            found: Match::None,
            ordered: None,
            shipped: None,
            received: None,
            billed_before: None,
            price: None,
            price_from: None,
            amount: credited,
            expected: credited,
        };
        if let Some(difference) = one(bill, at + 1, original, document, &mut result) {
            result.expected = credited - difference.amount.unwrap_or_default();
            comparison.differences.push(difference);
        }
        comparison.lines.push(result);
    }
}

fn one(
    bill: &Bill<'_>,
    ordinal: usize,
    original: &Invoice,
    document: Uuid,
    result: &mut Line,
) -> Option<Difference> {
    let line = bill.invoice.lines.get(ordinal - 1)?;
    let keys = line.keys();
    let billed: Vec<_> = original.lines.iter().filter(|billed| billed.keys().same(&keys)).collect();
    let quantity = line.quantity.unwrap_or_default().abs();
    let before: Decimal = billed.iter().filter_map(|billed| billed.quantity).sum();
    if let Some(first) = billed.first() {
        result.found = Match::Item;
        result.billed_before = Some(before);
        result.price = first.unit_price;
        result.price_from = Some("order");
    }
    let number = original.invoice_number.as_deref().unwrap_or_default();
    let over = quantity - before;
    if over <= Decimal::ZERO {
        return None;
    }
    let figures = std::iter::once(bill.figure("quantity credited", quantity, line.source)).chain(
        billed.iter().filter_map(|billed| {
            let value = billed.quantity?;
            let name = "quantity billed".into();
            Some(Figure { name, value, document: Some(document), source: billed.source })
        }),
    );
    let message = format!(
        "{}: {quantity} credited, {before} billed by invoice {number}: {over} more than was billed",
        keys.shown()
    );
    Some(Difference {
        // What is credited too much is asked too little.
        amount: line.unit_price.map(|price| -extended(line, over, price.abs())),
        figures: figures.collect(),
        ..bill.of_line(Reason::CreditOverBilled, ordinal, line, message)
    })
}
