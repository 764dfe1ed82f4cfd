//! The gate: what customers are told or billed must not be more than the warehouse says it shipped.

use crate::canonical::{Invoice, InvoiceSense, ItemKeys, ShipNotice, ShippingAdvice};
use rust_decimal::Decimal;

/// How much of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The item.
    pub item: ItemKeys,
    /// How much.
    pub quantity: Decimal,
    /// In which unit.
    pub unit: Option<String>,
}

/// What a warehouse says it shipped.
#[must_use]
pub fn of_advice(advice: &ShippingAdvice) -> Vec<Counted> {
    let lines = advice.lines().filter_map(|line| {
        Some(Counted { item: line.keys(), quantity: line.quantity_shipped?, unit: line.unit.clone() })
    });
    lines.collect()
}

/// What a notice tells of this purchase order.
#[must_use]
pub fn of_notice(notice: &ShipNotice, purchase_order_number: &str) -> Vec<Counted> {
    let items = notice.items_of(purchase_order_number).into_iter().filter_map(|item| {
        Some(Counted { item: item.keys(), quantity: item.quantity_shipped?, unit: item.unit.clone() })
    });
    items.collect()
}

/// What an invoice bills of this purchase order; a credit takes it off.
#[must_use]
pub fn of_invoice(invoice: &Invoice, purchase_order_number: &str) -> Vec<Counted> {
    let credit = invoice.sense == Some(InvoiceSense::Credit);
    let lines = invoice.lines_of(purchase_order_number).filter_map(|line| {
        let quantity = line.quantity?;
        let quantity = if credit { -quantity.abs() } else { quantity };
        Some(Counted { item: line.keys(), quantity, unit: line.unit.clone() })
    });
    lines.collect()
}

/// Each item of which more is told than was shipped, in a sentence. `told` is what the document says, `before` what others
/// of its kind said, `shipped` all that the warehouse did. Items that have no number in common with what was shipped, and
/// other units, cannot be compared and pass.
#[must_use]
pub fn more_than_shipped(told: &[Counted], before: &[Counted], shipped: &[Counted]) -> Vec<String> {
    let mut judged: Vec<&ItemKeys> = Vec::new();
    let mut found = Vec::new();
    for one in told {
        if judged.iter().any(|item| item.same(&one.item)) {
            continue;
        }
        judged.push(&one.item);
        let of_item = |counted: &[Counted]| -> Vec<Counted> {
            counted.iter().filter(|other| other.item.same(&one.item)).cloned().collect()
        };
        let (now, earlier, sent) = (of_item(told), of_item(before), of_item(shipped));
        if !shipped.iter().any(|other| has_one_numbering(&other.item, &one.item)) {
            continue;
        }
        let units = || now.iter().chain(&earlier).chain(&sent).filter_map(|counted| counted.unit.as_ref());
        if units().any(|unit| units().next() != Some(unit)) {
            continue;
        }
        let sum = |counted: &[Counted]| counted.iter().map(|counted| counted.quantity).sum::<Decimal>();
        let (told, before, sent) = (sum(&now), sum(&earlier), sum(&sent));
        if told.is_zero() || told + before <= sent {
            continue;
        }
        let unit = one.unit.as_deref().unwrap_or("unit");
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
fn has_one_numbering(one: &ItemKeys, other: &ItemKeys) -> bool {
    let pairs = [(&one.gtin, &other.gtin), (&one.sku, &other.sku), (&one.buyer_item, &other.buyer_item)];
    pairs.iter().any(|(one, other)| one.is_some() && other.is_some())
}
