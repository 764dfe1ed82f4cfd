//! What concerns the orders of an invoice as a whole: whether they are known, in force, and shipped; currency and terms.

use super::{Bill, Comparison, Difference, Figure, cents};
use crate::canonical::{PurchaseOrder, Purpose, Reason, evened};
use rust_decimal::Decimal;
use uuid::Uuid;

/// Differences that take what no other explains, by their places.
#[derive(Default)]
pub(super) struct Open {
    /// Orders that were cancelled, by their evened numbers.
    cancelled: Vec<(usize, String)>,
    /// Nothing at all is owed: all orders were cancelled, or nothing was shipped yet.
    rest: Option<usize>,
}

pub(super) fn compare(bill: &Bill<'_>, differences: &mut Vec<Difference>) -> Open {
    let invoice = bill.invoice;
    let mut open = Open::default();
    let mut unknown: Vec<&str> = Vec::new();
    let mut numbers: Vec<Option<&str>> = invoice.lines.iter().map(|line| bill.order_number(line)).collect();
    if numbers.is_empty() {
        numbers.push(invoice.purchase_order_number.as_deref());
    }
    for (at, number) in numbers.iter().enumerate() {
        let shown = number.unwrap_or("(none given)");
        let known = invoice
            .lines
            .get(at)
            .map_or_else(|| bill.known.orders.first().copied(), |line| bill.order_of(line));
        if known.is_none() && !unknown.contains(&shown) {
            unknown.push(shown);
        }
    }
    for number in &unknown {
        let message = format!("purchase order {number} is not known, so prices and items are not checked");
        differences.push(bill.whole(Reason::OrderUnknown, message));
    }
    for (order, document) in &bill.known.orders {
        let number = order.purchase_order_number.as_deref().unwrap_or_default();
        if is_cancelled(order) {
            open.cancelled.push((differences.len(), evened(number)));
            let message = format!("purchase order {number} was cancelled, and is billed");
            differences.push(bill.whole(Reason::OrderCancelled, message));
        }
        if let (Some(own), Some(theirs)) = (&invoice.currency, &order.currency)
            && own != theirs
        {
            let message = format!("billed in {own}, ordered in {theirs}; prices and charges are not checked");
            differences.push(bill.whole(Reason::CurrencyDiffers, message));
        }
        terms(bill, order, *document, differences);
    }
    if unknown.is_empty() && open.cancelled.len() == bill.known.orders.len() {
        open.rest = open.cancelled.last().map(|(at, _)| *at);
    } else if bill.known.shipped.is_empty() && bill.known.received.is_empty() {
        let number = numbers.iter().flatten().next().unwrap_or(&"(none given)");
        let message = format!("nothing is known to have been shipped for order {number}");
        let total = invoice.total_amount.map(|total| bill.figure("total billed", total, invoice.source));
        open.rest = Some(differences.len());
        differences.push(Difference {
            figures: total.into_iter().collect(),
            ..bill.whole(Reason::InvoiceBeforeShip, message)
        });
    }
    open
}

/// What was cancelled, and what is billed before it was shipped, is not owed: what no other difference explains of it.
pub(super) fn take_the_rest(bill: &Bill<'_>, open: &Open, comparison: &mut Comparison) {
    let is_of = |ordinal: usize, order: &str| {
        let line = bill.invoice.lines.get(ordinal - 1);
        line.and_then(|line| bill.order_number(line)).is_some_and(|number| evened(number) == order)
    };
    for (at, order) in &open.cancelled {
        let mut amount = Decimal::ZERO;
        for line in comparison.lines.iter_mut().filter(|line| is_of(line.ordinal, order)) {
            amount += std::mem::take(&mut line.expected);
        }
        if let Some(cancelled) = comparison.differences.get_mut(*at) {
            let billed = bill.computed("otherwise expected", amount);
            (cancelled.amount, cancelled.figures) = (Some(amount), vec![billed]);
        }
    }
    if bill.invoice.total_amount.or_else(|| bill.invoice.computed_total()).is_none() {
        return;
    }
    let rest = bill.billed() - super::sum(&comparison.differences);
    if let Some(last) = open.rest.and_then(|at| comparison.differences.get_mut(at)) {
        last.amount = Some(last.amount.unwrap_or_default() + rest);
    }
}

/// Whether nothing is ordered any more.
pub(super) fn is_cancelled(order: &PurchaseOrder) -> bool {
    order.purpose == Some(Purpose::Cancellation)
}

/// Terms of payment against those of the order. An invoice without terms is paid by the order's.
fn terms(bill: &Bill<'_>, order: &PurchaseOrder, document: Uuid, differences: &mut Vec<Difference>) {
    let (Some(own), Some(theirs)) = (bill.invoice.terms.first(), order.terms.first()) else { return };
    let (source, of_order) = (own.source, theirs.source);
    let mut said = Vec::new();
    let mut figures = Vec::new();
    let days = |days: Option<i64>| days.map(Decimal::from);
    // Terms that name no discount grant none.
    let granted = theirs.discount_percent.filter(|percent| !percent.is_zero());
    let discount = own.discount_percent.or(granted.map(|_| Decimal::ZERO));
    for (name, own, theirs) in [
        ("discount in percent", discount, theirs.discount_percent),
        ("days of discount", days(own.discount_days), days(theirs.discount_days)),
        ("days net", days(own.net_days), days(theirs.net_days)),
    ] {
        if let (Some(own), Some(theirs)) = (own, theirs)
            && own != theirs
        {
            said.push(format!("{name}: {} billed, {} ordered", own.normalize(), theirs.normalize()));
            figures.push(bill.figure(format!("{name} billed"), own, source));
            let of_order = Figure { document: Some(document), ..bill.figure("", theirs, of_order) };
            figures.push(Figure { name: format!("{name} ordered").into(), ..of_order });
        }
    }
    if said.is_empty() {
        return;
    }
    // A discount that the order grants and the invoice does not is money.
    let percent = |terms: Option<Decimal>| terms.unwrap_or_default();
    let lost = percent(theirs.discount_percent) - percent(own.discount_percent);
    let base = bill.invoice.discountable_amount.or(bill.invoice.total_amount).unwrap_or_default();
    let amount = (!lost.is_zero()).then(|| cents(base * lost / Decimal::ONE_HUNDRED));
    if !lost.is_zero() {
        figures.push(bill.figure("total billed", base, bill.invoice.source));
        figures.push(bill.computed("expected amount", base - cents(base * lost / Decimal::ONE_HUNDRED)));
    }
    let message = format!("terms of payment differ from the order's: {}", said.join("; "));
    differences.push(Difference { amount, figures, ..bill.whole(Reason::TermsDiffer, message) });
}
