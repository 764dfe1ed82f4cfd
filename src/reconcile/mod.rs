//! Reconciliation: business differences between documents, each with its amount and its source.
//!
//! An invoice is compared with the order's prices and with what was shipped and not yet billed. There is no
//! tolerance here: every cent shows. A difference is what a person must settle, not a fault of the document.

use crate::canonical::{Invoice, InvoiceLine, ItemKeys, PurchaseOrder, Source};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;
use uuid::Uuid;

/// Why an invoice differs; one reason for each difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// More billed than shipped and not yet billed.
    QuantityBilledNotShipped,
    /// Less billed than shipped: what remains is unbilled.
    QuantityNotBilled,
    /// The unit price is above the order's.
    PriceOver,
    /// The unit price is below the order's.
    PriceUnder,
    /// No order names a price for the item.
    PriceNotChecked,
    /// The item was never ordered.
    ItemUnknown,
    /// The purchase order is not known.
    OrderUnknown,
    /// Nothing was shipped for the order yet.
    InvoiceBeforeShip,
    /// Billed in one unit, shipped in another.
    UnitMismatch,
    /// Lines, charges and taxes do not add up to the total.
    TotalsWrong,
    /// The same number from the same seller was billed before.
    DuplicateInvoice,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::QuantityBilledNotShipped,
        Self::QuantityNotBilled,
        Self::PriceOver,
        Self::PriceUnder,
        Self::PriceNotChecked,
        Self::ItemUnknown,
        Self::OrderUnknown,
        Self::InvoiceBeforeShip,
        Self::UnitMismatch,
        Self::TotalsWrong,
        Self::DuplicateInvoice,
    ];

    /// Its word in the database and in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::QuantityBilledNotShipped => "quantity_billed_not_shipped",
            Self::QuantityNotBilled => "quantity_not_billed",
            Self::PriceOver => "price_over",
            Self::PriceUnder => "price_under",
            Self::PriceNotChecked => "price_not_checked",
            Self::ItemUnknown => "item_unknown",
            Self::OrderUnknown => "order_unknown",
            Self::InvoiceBeforeShip => "invoice_before_ship",
            Self::UnitMismatch => "unit_mismatch",
            Self::TotalsWrong => "totals_wrong",
            Self::DuplicateInvoice => "duplicate_invoice",
        }
    }
}

/// One figure of a comparison and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// What it is, such as `quantity shipped`.
    pub name: String,
    /// Its exact value.
    pub value: Decimal,
    /// The document that says it.
    pub document: Uuid,
    /// The segment or row that says it; none for a sum over several.
    pub source: Option<Source>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Why.
    pub reason: Reason,
    /// The invoice's line number, if it concerns a line.
    pub line: Option<String>,
    /// The item, for people.
    pub item: Option<String>,
    /// What it comes to, positive when too much was billed; none when no amount can be given.
    pub amount: Option<Decimal>,
    /// The sentence for a controller.
    pub message: String,
    /// The figures that were compared.
    pub figures: Vec<Figure>,
}

/// What was shipped of one item, or billed before: one line of an advice, ship notice or earlier invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The item.
    pub item: ItemKeys,
    /// How much.
    pub quantity: Decimal,
    /// In which unit.
    pub unit: Option<String>,
    /// The document that says it.
    pub document: Uuid,
    /// The segment that says it.
    pub source: Option<Source>,
}

/// What an invoice is compared with.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// The order in force, and its document.
    pub order: Option<(&'a PurchaseOrder, Uuid)>,
    /// What was shipped for the order so far.
    pub shipped: &'a [Moved],
    /// What was billed for the order before.
    pub billed: &'a [Moved],
    /// The document of an earlier invoice with this number from this seller.
    pub earlier: Option<Uuid>,
}

/// Compares an invoice with its order and shipments.
///
/// Each line is extended as the invoice extends it and rounded half up to the cent.
#[must_use]
pub fn check_invoice(invoice: &Invoice, document: Uuid, known: &Known<'_>) -> Vec<Difference> {
    let mut differences = Vec::new();
    if let Some(earlier) = known.earlier {
        let number = invoice.invoice_number.as_deref().unwrap_or_default();
        let figure = |document, name: &str| Figure {
            name: name.to_owned(),
            value: invoice.total_amount.unwrap_or_default(),
            document,
            source: invoice.source,
        };
        differences.push(Difference {
            amount: invoice.total_amount,
            figures: vec![figure(document, "billed now"), figure(earlier, "billed before")],
            ..whole(
                Reason::DuplicateInvoice,
                format!("invoice {number} was billed before by the same seller"),
            )
        });
        // Comparing a second copy with what is left to bill would repeat the same amount line by line.
        return differences;
    }
    totals(invoice, document, &mut differences);
    let number = invoice.purchase_order_number.as_deref().unwrap_or("(none given)");
    if known.order.is_none() {
        let message = format!("purchase order {number} is not known, so prices and items are not checked");
        differences.push(whole(Reason::OrderUnknown, message));
    }
    if known.shipped.is_empty() {
        differences.push(Difference {
            amount: invoice.total_amount,
            ..whole(
                Reason::InvoiceBeforeShip,
                format!("nothing is known to have been shipped for order {number}"),
            )
        });
    }
    let mut groups: Vec<(ItemKeys, Vec<&InvoiceLine>)> = Vec::new();
    for line in &invoice.lines {
        let keys = line.keys();
        match groups.iter_mut().find(|(known, _)| known.same(&keys)) {
            Some((_, lines)) => lines.push(line),
            None => groups.push((keys, vec![line])),
        }
    }
    for (keys, lines) in &groups {
        if !known.shipped.is_empty() {
            quantity(keys, lines, document, known, &mut differences);
        }
        for line in lines {
            price(keys, line, document, known, &mut differences);
        }
    }
    differences
}

/// Lines, charges and taxes against TDS01.
fn totals(invoice: &Invoice, document: Uuid, differences: &mut Vec<Difference>) {
    let (Some(said), Some(computed)) = (invoice.total_amount, invoice.computed_total()) else { return };
    if said == computed {
        return;
    }
    let figure =
        |name: &str, value| Figure { name: name.to_owned(), value, document, source: invoice.source };
    let message = format!("the total says {said}, but lines, charges and taxes add up to {computed}");
    differences.push(Difference {
        amount: Some(said - computed),
        figures: vec![figure("total billed", said), figure("sum of lines, charges and taxes", computed)],
        ..whole(Reason::TotalsWrong, message)
    });
}

/// All lines of one item against what was shipped and not yet billed.
fn quantity(
    keys: &ItemKeys,
    lines: &[&InvoiceLine],
    document: Uuid,
    known: &Known<'_>,
    differences: &mut Vec<Difference>,
) {
    let Some(first) = lines.first() else { return };
    let shipped: Vec<&Moved> = known.shipped.iter().filter(|moved| moved.item.same(keys)).collect();
    let billed: Vec<&Moved> = known.billed.iter().filter(|moved| moved.item.same(keys)).collect();
    let units = || shipped.iter().filter_map(|moved| moved.unit.as_ref());
    if let (Some(unit), Some(other)) = (&first.unit, units().find(|unit| Some(*unit) != first.unit.as_ref()))
    {
        let message = format!(
            "{} is billed by the `{unit}` and was shipped by the `{other}`, and no pack size is known; the quantity is not checked",
            keys.shown()
        );
        differences.push(of_line(Reason::UnitMismatch, keys, first, message));
        return;
    }
    let sum = |moved: &[&Moved]| moved.iter().map(|moved| moved.quantity).sum::<Decimal>();
    let (sent, before) = (sum(&shipped), sum(&billed));
    let now: Decimal = lines.iter().filter_map(|line| line.quantity).sum();
    let over = now - (sent - before);
    if over.is_zero() {
        return;
    }
    let mut figures: Vec<Figure> = lines
        .iter()
        .filter_map(|line| Some(("quantity billed", line.quantity?, document, line.source)))
        .chain(shipped.iter().map(|moved| ("quantity shipped", moved.quantity, moved.document, moved.source)))
        .chain(
            billed
                .iter()
                .map(|moved| ("quantity billed before", moved.quantity, moved.document, moved.source)),
        )
        .map(|(name, value, document, source)| Figure { name: name.to_owned(), value, document, source })
        .collect();
    let price = first.unit_price;
    if let Some(price) = price {
        figures.push(Figure {
            name: "unit price billed".to_owned(),
            value: price,
            document,
            source: first.source,
        });
    }
    let unit = first.unit.as_deref().unwrap_or("unit");
    let already =
        if before.is_zero() { String::new() } else { format!(", of which {before} were billed before") };
    let (reason, words) = if over.is_sign_positive() {
        (Reason::QuantityBilledNotShipped, "more than was shipped")
    } else {
        (Reason::QuantityNotBilled, "fewer than were shipped")
    };
    let message =
        format!("{}: {now} {unit} billed, {sent} shipped{already}: {} {words}", keys.shown(), over.abs());
    // The difference is priced as the invoice prices the line, so that the amount is what would be paid too much.
    let amount = price.map(|price| extended(first, over, price));
    differences.push(Difference { amount, figures, ..of_line(reason, keys, first, message) });
}

/// One line's unit price against the order's.
fn price(
    keys: &ItemKeys,
    line: &InvoiceLine,
    document: Uuid,
    known: &Known<'_>,
    differences: &mut Vec<Difference>,
) {
    let Some((order, order_document)) = known.order else { return };
    let mut same = order.lines.iter().filter(|ordered| ordered.keys().same(keys));
    let Some(ordered) = same.next() else {
        let message = format!("{} is billed but was not ordered", keys.shown());
        let amount = line.extended_amount();
        differences.push(Difference { amount, ..of_line(Reason::ItemUnknown, keys, line, message) });
        return;
    };
    let (Some(agreed), Some(billed)) = (ordered.unit_price, line.unit_price) else {
        let message =
            format!("{}: the order or the invoice names no price, so it is not checked", keys.shown());
        differences.push(of_line(Reason::PriceNotChecked, keys, line, message));
        return;
    };
    if agreed == billed {
        return;
    }
    let quantity = line.quantity.unwrap_or_default();
    let reason = if billed > agreed { Reason::PriceOver } else { Reason::PriceUnder };
    let figure =
        |name: &str, value, document, source| Figure { name: name.to_owned(), value, document, source };
    differences.push(Difference {
        amount: Some(extended(line, quantity, billed) - extended(line, quantity, agreed)),
        figures: vec![
            figure("unit price billed", billed, document, line.source),
            figure("unit price ordered", agreed, order_document, ordered.source),
            figure("quantity billed", quantity, document, line.source),
        ],
        ..of_line(reason, keys, line, format!("{}: billed at {billed}, ordered at {agreed}", keys.shown()))
    });
}

/// Quantity times price as the line prices it (per unit, per hundred …), rounded half up to the cent.
fn extended(line: &InvoiceLine, quantity: Decimal, price: Decimal) -> Decimal {
    let priced = InvoiceLine {
        quantity: Some(quantity),
        unit_price: Some(price),
        price_basis: line.price_basis.clone(),
        ..InvoiceLine::default()
    };
    let amount = priced.extended_amount().unwrap_or_else(|| quantity * price);
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

fn whole(reason: Reason, message: String) -> Difference {
    Difference { reason, line: None, item: None, amount: None, message, figures: Vec::new() }
}

fn of_line(reason: Reason, keys: &ItemKeys, line: &InvoiceLine, message: String) -> Difference {
    Difference {
        line: line.line_number.clone(),
        item: Some(keys.shown().to_owned()),
        ..whole(reason, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::PurchaseOrderLine;

    fn number(text: &str) -> Decimal {
        text.parse().expect("a number")
    }

    fn sku(sku: &str) -> ItemKeys {
        InvoiceLine { sku: Some(sku.to_owned()), ..InvoiceLine::default() }.keys()
    }

    fn line(item: &str, quantity: &str, price: &str) -> InvoiceLine {
        InvoiceLine {
            line_number: Some("1".to_owned()),
            sku: Some(item.to_owned()),
            quantity: Some(number(quantity)),
            unit: Some("each".to_owned()),
            unit_price: Some(number(price)),
            ..InvoiceLine::default()
        }
    }

    fn moved(item: &str, quantity: &str) -> Moved {
        let unit = Some("each".to_owned());
        Moved { item: sku(item), quantity: number(quantity), unit, document: Uuid::nil(), source: None }
    }

    fn order(item: &str, price: &str) -> PurchaseOrder {
        let line = PurchaseOrderLine {
            sku: Some(item.to_owned()),
            unit_price: Some(number(price)),
            ..PurchaseOrderLine::default()
        };
        PurchaseOrder { lines: vec![line], ..PurchaseOrder::default() }
    }

    fn told(
        invoice: &Invoice,
        order: &PurchaseOrder,
        shipped: &[Moved],
        billed: &[Moved],
    ) -> Vec<(Reason, Option<Decimal>)> {
        let known = Known { order: Some((order, Uuid::nil())), shipped, billed, earlier: None };
        check_invoice(invoice, Uuid::nil(), &known).into_iter().map(|d| (d.reason, d.amount)).collect()
    }

    fn invoice(lines: Vec<InvoiceLine>, total: &str) -> Invoice {
        Invoice { total_amount: Some(number(total)), lines, ..Invoice::default() }
    }

    #[test]
    fn a_perfect_chain_yields_no_difference() {
        let bill = invoice(vec![line("A", "9", "12.50")], "112.50");
        assert_eq!(told(&bill, &order("A", "12.50"), &[moved("A", "4"), moved("A", "5")], &[]), []);
    }

    #[test]
    fn one_planted_change_yields_exactly_its_reason_and_amount() {
        let shipped = [moved("A", "9")];
        let order = order("A", "12.50");
        let one = |bill: Invoice| told(&bill, &order, &shipped, &[]);
        let over = one(invoice(vec![line("A", "10", "12.50")], "125.00"));
        assert_eq!(over, [(Reason::QuantityBilledNotShipped, Some(number("12.50")))]);
        let dear = one(invoice(vec![line("A", "9", "12.55")], "112.95"));
        assert_eq!(dear, [(Reason::PriceOver, Some(number("0.45")))]);
        let wrong = one(invoice(vec![line("A", "9", "12.50")], "112.51"));
        assert_eq!(wrong, [(Reason::TotalsWrong, Some(number("0.01")))]);
    }

    #[test]
    fn what_was_billed_before_is_not_billed_again() {
        let bill = invoice(vec![line("A", "5", "2.00")], "10.00");
        let found = told(&bill, &order("A", "2.00"), &[moved("A", "9")], &[moved("A", "5")]);
        assert_eq!(found, [(Reason::QuantityBilledNotShipped, Some(number("2.00")))]);
    }
}
