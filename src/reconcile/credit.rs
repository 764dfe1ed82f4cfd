//! Credits: each line against the invoice that it takes back. The type decides; amounts may have either sign.

use super::units::Joined;
use super::{Bill, Comparison, Difference, Figure, Line, Match, extended, money, sum};
use crate::canonical::{Invoice, Reason, same_number};
use rust_decimal::Decimal;
use uuid::Uuid;

pub(super) fn compare(bill: &Bill<'_>, comparison: &mut Comparison) {
    let invoice = bill.invoice;
    let Some((original, document)) = bill.known.original else {
        let message = match invoice.original_invoice_number.as_deref() {
            Some(number) if bill.known.is_original_cancelled => {
                format!("the credit is for invoice {number}, which was cancelled")
            }
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
        let mut result = Line::new(at + 1, credited);
        let differences = one(bill, at + 1, (original, document), &mut result);
        result.expected = credited - sum(&differences);
        comparison.differences.extend(differences);
        comparison.lines.push(result);
    }
}

/// A line against what is left to credit of its item, and its price against the one that was billed. Less than that is a
/// rebate, and right.
fn one(
    bill: &Bill<'_>,
    ordinal: usize,
    (original, document): (&Invoice, Uuid),
    result: &mut Line,
) -> Vec<Difference> {
    let Some(line) = bill.invoice.lines.get(ordinal - 1) else { return Vec::new() };
    let keys = line.keys();
    let joined =
        Joined::of(bill.agreed.packs, keys.sku.as_deref().into_iter().collect(), line.pack, bill.agreed.day);
    let in_unit =
        |quantity: Decimal, of: Option<&str>| Some(quantity * joined.factor(of, line.unit.as_deref())?);
    let billed: Vec<_> = original.lines.iter().filter(|billed| billed.keys().same(&keys)).collect();
    let quantity = line.quantity.unwrap_or_default().abs();
    let number = original.invoice_number.as_deref().unwrap_or_default();
    let mut before = Decimal::ZERO;
    for billed in &billed {
        let Some(own) = in_unit(billed.quantity.unwrap_or_default(), billed.unit.as_deref()) else {
            let message = format!(
                "{} is credited by the `{}` and was billed by the `{}`, and no pack size is known; it is not checked",
                keys.shown(),
                line.unit.as_deref().unwrap_or("unit"),
                billed.unit.as_deref().unwrap_or("unit"),
            );
            return vec![bill.of_line(Reason::UnitMismatch, ordinal, line, message)];
        };
        before += own;
    }
    let earlier = bill.known.credited.iter().filter(|moved| moved.item.same(&keys));
    // Lines of this credit above this one have taken their part as well.
    let above = bill.invoice.lines.iter().take(ordinal - 1).filter(|above| above.keys().same(&keys));
    let credited: Decimal =
        earlier.clone().filter_map(|moved| in_unit(moved.quantity.abs(), moved.unit)).sum::<Decimal>()
            + above
                .filter_map(|above| in_unit(above.quantity.unwrap_or_default().abs(), above.unit.as_deref()))
                .sum::<Decimal>();
    let price = line.unit_price.map(|price| price.abs());
    let agreed = billed.iter().find_map(|billed| {
        let factor = joined.factor(line.unit.as_deref(), billed.unit.as_deref())?;
        Some((*billed, billed.unit_price?.abs() * factor))
    });
    if let Some(first) = billed.first() {
        result.found = if same_number(line.line_number.as_deref(), first.line_number.as_deref()) {
            Match::Line
        } else {
            Match::Item
        };
        result.billed_before = Some(before - credited);
        result.price = agreed.map(|(_, price)| money(price));
        result.price_from = Some("invoice");
    }
    let figure = |name: &'static str, value, source| Figure {
        name: name.into(),
        value,
        document: Some(document),
        source,
    };
    let mut found = Vec::new();
    let left = (before - credited).max(Decimal::ZERO);
    let over = (quantity - left).max(Decimal::ZERO);
    let rightful = quantity - over;
    if over > Decimal::ZERO {
        let right = price.map(|price| bill.computed("expected amount", extended(line, rightful, price)));
        let figures = std::iter::once(bill.figure("quantity credited", quantity, line.source))
            .chain(
                billed
                    .iter()
                    .filter_map(|billed| Some(figure("quantity billed", billed.quantity?, billed.source))),
            )
            .chain(earlier.map(|moved| Figure {
                name: "quantity credited before".into(),
                value: moved.quantity,
                document: Some(moved.document),
                source: moved.source,
            }))
            .chain(right);
        let already = if credited.is_zero() {
            String::new()
        } else {
            format!(", of which {credited} were credited before")
        };
        let message = format!(
            "{}: {quantity} credited, {before} billed by invoice {number}{already}: {over} more than was billed",
            keys.shown()
        );
        found.push(Difference {
            // What is credited too much is asked too little.
            amount: price.map(|price| extended(line, rightful, price) - extended(line, quantity, price)),
            figures: figures.collect(),
            ..bill.of_line(Reason::CreditOverBilled, ordinal, line, message)
        });
    }
    if let (Some(price), Some((of, agreed))) = (price, agreed)
        && price > agreed
        && rightful > Decimal::ZERO
    {
        let worth = extended(line, rightful, agreed);
        let message = format!(
            "{}: credited at {}, billed at {} by invoice {number}",
            keys.shown(),
            money(price),
            money(agreed)
        );
        found.push(Difference {
            amount: Some(worth - extended(line, rightful, price)),
            figures: vec![
                bill.figure("unit price credited", price, line.source),
                figure("unit price billed", agreed, of.source),
                bill.figure("quantity rightly credited", rightful, line.source),
                bill.computed("expected amount", worth),
            ],
            ..bill.of_line(Reason::CreditOverBilled, ordinal, line, message)
        });
    }
    found
}
