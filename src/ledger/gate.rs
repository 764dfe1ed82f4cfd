//! The gate: what customers are told or billed must not be more than the warehouse says it shipped.

use crate::canonical::{Invoice, InvoiceSense, ItemKeys, ShipNotice, ShippingAdvice};
use rust_decimal::Decimal;

/// How much of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted<'a> {
    /// The item.
    pub item: ItemKeys<'a>,
    /// How much.
    pub quantity: Decimal,
    /// In which unit.
    pub unit: Option<&'a str>,
}

/// What a warehouse says it shipped.
#[must_use]
pub fn of_advice(advice: &ShippingAdvice) -> Vec<Counted<'_>> {
    let lines = advice.lines().filter_map(|line| {
        Some(Counted { item: line.keys(), quantity: line.quantity_shipped?, unit: line.unit.as_deref() })
    });
    lines.collect()
}

/// What a notice tells of this purchase order.
#[must_use]
pub fn of_notice<'a>(notice: &'a ShipNotice, purchase_order_number: &str) -> Vec<Counted<'a>> {
    let items = notice.items_of(purchase_order_number).into_iter().filter_map(|item| {
        Some(Counted { item: item.keys(), quantity: item.quantity_shipped?, unit: item.unit.as_deref() })
    });
    items.collect()
}

/// What an invoice bills of this purchase order; a credit takes it off.
#[must_use]
pub fn of_invoice<'a>(invoice: &'a Invoice, purchase_order_number: &'a str) -> Vec<Counted<'a>> {
    let credit = invoice.sense == Some(InvoiceSense::Credit);
    let lines = invoice.lines_of(purchase_order_number).filter_map(|line| {
        let quantity = line.quantity?;
        let quantity = if credit { -quantity.abs() } else { quantity };
        Some(Counted { item: line.keys(), quantity, unit: line.unit.as_deref() })
    });
    lines.collect()
}

/// Each item of which more is told than was shipped, in a sentence. `told` is what the document says, `before` what others
/// of its kind said, `shipped` all that the warehouse did. Items that have no number in common with what was shipped, and
/// other units, cannot be compared and pass.
#[must_use]
pub fn more_than_shipped(
    told: &[Counted<'_>],
    before: &[Counted<'_>],
    shipped: &[Counted<'_>],
) -> Vec<String> {
    let mut judged: Vec<&ItemKeys<'_>> = Vec::new();
    let mut found = Vec::new();
    for one in told {
        if judged.iter().any(|item| item.same(&one.item)) {
            continue;
        }
        judged.push(&one.item);
        let [now, earlier, sent] = [told, before, shipped].map(|counted| {
            let of_item = counted.iter().filter(|other| other.item.same(&one.item));
            of_item.map(|counted| (counted.quantity, counted.unit)).collect::<Vec<_>>()
        });
        if !shipped.iter().any(|other| has_one_numbering(&other.item, &one.item)) {
            continue;
        }
        let units = || now.iter().chain(&earlier).chain(&sent).filter_map(|(_, unit)| *unit);
        if units().any(|unit| units().next() != Some(unit)) {
            continue;
        }
        let sum = |of_item: &[(Decimal, Option<&str>)]| {
            of_item.iter().map(|(quantity, _)| quantity).sum::<Decimal>()
        };
        let (told, before, sent) = (sum(&now), sum(&earlier), sum(&sent));
        if told.is_zero() || told + before <= sent {
            continue;
        }
        let unit = one.unit.unwrap_or("unit");
        let more = if before.is_zero() { String::new() } else { format!(" with {before} told before") };
        found.push(if sent.is_zero() {
            format!("{}: {told} {unit}, and the warehouse shipped none", one.item.shown())
        } else {
            format!("{}: {told} {unit}{more}, and the warehouse shipped {sent}", one.item.shown())
        });
    }
    found
}

/// Whether both have a number of one numbering, so that being different means something.
fn has_one_numbering(one: &ItemKeys<'_>, other: &ItemKeys<'_>) -> bool {
    let pairs = [(&one.gtin, &other.gtin), (&one.sku, &other.sku), (&one.buyer_item, &other.buyer_item)];
    pairs.iter().any(|(one, other)| one.is_some() && other.is_some())
}
