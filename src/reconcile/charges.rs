//! Charges, allowances and taxes of an invoice against what order and profile agreed on.

use super::{Bill, Difference, cents, money};
use crate::canonical::{Charge, ChargeKind, Invoice, PurchaseOrder, Reason, Tax, evened};
use crate::profiles::ChargePrice;
use rust_decimal::Decimal;

/// The charge that is freight, as translators name it (SAC02 D240).
const FREIGHT: &str = "freight";

pub(super) fn compare(bill: &Bill<'_>, differences: &mut Vec<Difference>) {
    let invoice = bill.invoice;
    let mut seen: Vec<(&str, bool)> = Vec::new();
    for charge in counted(invoice) {
        let key = (name_of(charge), is_allowance(charge));
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        differences.extend(one(bill, key));
    }
    // An allowance that was agreed and is not given is money as well.
    for agreed in bill.agreed.rules.charges.iter().filter(|agreed| agreed.is_allowance) {
        let Some(named) = agreed.scope.charge.as_deref() else { continue };
        if !seen.iter().any(|(name, allowance)| *allowance && evened(name) == evened(named)) {
            differences.extend(one(bill, (named, true)));
        }
    }
    let lines = invoice
        .lines
        .iter()
        .flat_map(|line| line.taxes.iter().chain(line.charges.iter().flat_map(|charge| &charge.taxes)));
    let whole = invoice.taxes.iter().chain(invoice.charges.iter().flat_map(|charge| &charge.taxes));
    for tax in whole.chain(lines) {
        differences.extend(tax_of(bill, tax));
    }
}

/// Charges that the total counts.
fn counted(invoice: &Invoice) -> impl Iterator<Item = &Charge> {
    let lines = invoice.lines.iter().flat_map(|line| &line.charges);
    invoice
        .charges
        .iter()
        .chain(lines)
        .filter(|charge| charge.in_total.unwrap_or(true) && charge.kind != Some(ChargeKind::Information))
}

fn name_of(charge: &Charge) -> &str {
    charge.code.as_deref().or(charge.description.as_deref()).unwrap_or("charge without a code")
}

/// Whether a charge is the one of this name, taken off or not.
fn is_it(charge: &Charge, (name, allowance): (&str, bool)) -> bool {
    evened(name_of(charge)) == evened(name) && is_allowance(charge) == allowance
}

fn is_allowance(charge: &Charge) -> bool {
    charge.kind == Some(ChargeKind::Allowance)
}

/// All charges of one name against what was agreed for it.
fn one(bill: &Bill<'_>, (name, allowance): (&str, bool)) -> Option<Difference> {
    let invoice = bill.invoice;
    let actual: Decimal = counted(invoice)
        .filter(|charge| is_it(charge, (name, allowance)))
        .filter_map(|charge| charge.amount)
        .sum();
    let (expected, from) = expected(bill, name, allowance);
    let (actual, expected) = (money(actual), money(expected));
    if actual == expected {
        return None;
    }
    let sign = if allowance { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
    let what = if allowance { "allowance" } else { "charge" };
    let collect =
        bill.known.orders.iter().any(|(order, _)| order.freight_terms.as_deref() == Some("collect"));
    let freight = !allowance && name.eq_ignore_ascii_case(FREIGHT);
    let (reason, message) = if freight && collect {
        (
            Reason::FreightOnCollect,
            format!(
                "freight of {actual} is billed, but the order says collect: the receiver pays the carrier"
            ),
        )
    } else if expected.is_zero() {
        (
            Reason::ChargeNotAgreed,
            format!("the {what} `{name}` of {actual} stands neither in the order nor in the profile"),
        )
    } else {
        (Reason::ChargeNotAgreed, format!("the {what} `{name}` is {actual}; {from} says {expected}"))
    };
    let figures = vec![
        bill.figure(format!("{what} billed"), actual, invoice.source),
        bill.computed(format!("expected {what}"), expected),
    ];
    let amount = Some(sign * (actual - expected));
    Some(Difference { item: Some(name.to_owned()), amount, figures, ..bill.whole(reason, message) })
}

/// What was agreed for a charge, and who says so.
fn expected(bill: &Bill<'_>, name: &str, allowance: bool) -> (Decimal, &'static str) {
    let invoice = bill.invoice;
    let lines: Decimal = invoice.lines.iter().filter_map(|line| line.extended_amount()).sum();
    let units: Decimal = invoice.lines.iter().filter_map(|line| line.quantity).sum();
    let in_profile = bill.agreed.rules.charges.iter().find(|agreed| {
        agreed.is_allowance == allowance
            && agreed.scope.charge.as_deref().is_some_and(|own| evened(own) == evened(name))
    });
    if let Some(agreed) = in_profile {
        let amount = match agreed.price {
            ChargePrice::Amount(amount) => amount,
            ChargePrice::Percent(percent) => cents(lines * percent / Decimal::ONE_HUNDRED),
            ChargePrice::Unit(each) => cents(units * each),
        };
        return (amount, "the profile");
    }
    let in_order = |order: &PurchaseOrder| -> Decimal {
        let lines = order.lines.iter().flat_map(|line| &line.charges);
        let all = order.charges.iter().chain(lines);
        all.filter(|charge| is_it(charge, (name, allowance))).filter_map(|charge| charge.amount).sum()
    };
    // A percentage of the order holds for whatever part of it is billed.
    let percent = bill
        .known
        .orders
        .iter()
        .flat_map(|(order, _)| &order.charges)
        .find_map(|charge| charge.percent.filter(|_| is_it(charge, (name, allowance))));
    match percent {
        Some(percent) => (cents(lines * percent / Decimal::ONE_HUNDRED), "the order"),
        None => (bill.known.orders.iter().map(|(order, _)| in_order(order)).sum(), "the order"),
    }
}

/// A tax against its own percentage.
fn tax_of(bill: &Bill<'_>, tax: &Tax) -> Option<Difference> {
    let (amount, percent, basis) = (tax.amount?, tax.percent?, tax.basis?);
    let computed = cents(basis * percent / Decimal::ONE_HUNDRED);
    if computed == amount {
        return None;
    }
    let source = bill.invoice.source;
    let message = format!("the tax is {}, but {percent} % of {} are {computed}", money(amount), money(basis));
    Some(Difference {
        item: tax.kind.clone(),
        amount: Some(amount - computed),
        figures: vec![bill.figure("tax billed", amount, source), bill.computed("expected tax", computed)],
        ..bill.whole(Reason::TaxWrong, message)
    })
}
