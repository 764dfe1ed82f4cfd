//! Taxes of an invoice against their percentage and basis, by its own word, its other taxes' or the order's.

use super::{Bill, Difference, cents, charges, money};
use crate::canonical::{Charge, ChargeKind, InvoiceLine, Reason, Tax, evened};
use rust_decimal::{Decimal, RoundingStrategy};

/// What a tax is on.
#[derive(Clone, Copy)]
enum On<'b> {
    Whole,
    Line(&'b InvoiceLine),
    Charge(&'b Charge),
}

/// Each tax that the total counts.
pub(super) fn compare(bill: &Bill<'_>, differences: &mut Vec<Difference>) {
    for (on, tax) in all(bill) {
        differences.extend(one(bill, on, tax));
    }
}

fn all<'b>(bill: &Bill<'b>) -> impl Iterator<Item = (On<'b>, &'b Tax)> {
    let invoice = bill.invoice;
    let whole = invoice.taxes.iter().map(|tax| (On::Whole, tax));
    let lines = invoice.lines.iter().flat_map(|line| line.taxes.iter().map(move |tax| (On::Line(line), tax)));
    let charges = charges::counted(invoice);
    let charges = charges.flat_map(|charge| charge.taxes.iter().map(move |tax| (On::Charge(charge), tax)));
    whole.chain(lines).chain(charges).filter(|(_, tax)| tax.in_total.unwrap_or(true))
}

fn one(bill: &Bill<'_>, on: On<'_>, tax: &Tax) -> Option<Difference> {
    let amount = tax.amount.filter(|amount| !amount.is_zero())?;
    let Some((percent, whose)) = percent_of(bill, tax) else {
        return Some(not_checked(bill, on, tax, amount));
    };
    let computed = |basis: Decimal| cents(basis * percent / Decimal::ONE_HUNDRED);
    let figures = |basis: Decimal, of_basis: &'static str| {
        vec![
            bill.figure("tax billed", amount, tax.source),
            match tax.percent {
                Some(_) => bill.figure("percentage of the tax", percent, tax.source),
                None => bill.computed("percentage of the tax", percent),
            },
            match tax.basis {
                Some(_) => bill.figure(of_basis, basis, tax.source),
                None => bill.computed(of_basis, money(basis)),
            },
            bill.computed("expected tax", computed(basis)),
        ]
    };
    if let Some(basis) = tax.basis {
        let right = computed(basis);
        let message =
            format!("the tax is {}, but {percent} %{whose} of {} are {right}", money(amount), money(basis));
        return (amount != right).then(|| Difference {
            item: tax.kind.clone(),
            amount: Some(amount - right),
            figures: figures(basis, "basis of the tax"),
            ..bill.whole(Reason::TaxWrong, message)
        });
    }
    let bases = bases(bill, on);
    if bases.iter().any(|(_, basis)| computed(*basis) == amount) {
        return None;
    }
    // Of more than all there is nothing can be taken; of less something may be exempt.
    let (what, most) = bases.into_iter().rev().max_by_key(|(_, basis)| *basis)?;
    let top = computed(most);
    if amount > top {
        let message = format!(
            "the tax is {}, but {percent} %{whose} of {what}, which come to {}, are {top}, and it names no basis",
            money(amount),
            money(most)
        );
        return Some(Difference {
            item: tax.kind.clone(),
            amount: Some(amount - top),
            figures: figures(most, "basis at most"),
            ..bill.whole(Reason::TaxWrong, message)
        });
    }
    let message = format!(
        "the tax of {} is not checked: it names no basis (TXI08), and {percent} %{whose} of {what}, which come to {}, would be {top}",
        money(amount),
        money(most)
    );
    Some(Difference {
        item: tax.kind.clone(),
        figures: figures(most, "basis at most"),
        ..bill.whole(Reason::TaxNotChecked, message)
    })
}

/// The percentage of a tax and, where it does not say so itself, who does.
fn percent_of(bill: &Bill<'_>, tax: &Tax) -> Option<(Decimal, &'static str)> {
    if let Some(percent) = tax.percent {
        return Some((percent, ""));
    }
    let is_same = |other: &&Tax| {
        let same = |one: &Option<String>, other: &Option<String>| {
            one.as_deref().map(evened) == other.as_deref().map(evened)
        };
        same(&other.kind, &tax.kind) && same(&other.jurisdiction, &tax.jurisdiction)
    };
    let own = all(bill).map(|(_, other)| other).filter(is_same).find_map(|other| other.percent);
    let of_order = || {
        charges::orders(bill).flat_map(|order| &order.taxes).filter(is_same).find_map(|other| other.percent)
    };
    let own = own.map(|percent| (percent, ", as on its other taxes,"));
    own.or_else(|| of_order().map(|percent| (percent, ", as the order says,")))
}

/// What a tax may be of.
fn bases(bill: &Bill<'_>, on: On<'_>) -> Vec<(&'static str, Decimal)> {
    let signed = |charge: &Charge| match charge.kind {
        Some(ChargeKind::Allowance) => -charge.amount.unwrap_or_default(),
        _ => charge.amount.unwrap_or_default(),
    };
    let of_line = |line: &InvoiceLine| line.extended_amount().unwrap_or_default();
    match on {
        On::Charge(charge) => vec![("the charge", charge.amount.unwrap_or_default())],
        On::Line(line) => {
            let charges: Decimal = line.charges.iter().map(signed).sum();
            vec![("the line", of_line(line)), ("the line with its charges", of_line(line) + charges)]
        }
        On::Whole => {
            let invoice = bill.invoice;
            let lines: Decimal = invoice.lines.iter().map(of_line).sum();
            let charges: Decimal = charges::counted(invoice).map(signed).sum();
            vec![("the lines", lines), ("lines and charges", lines + charges)]
        }
    }
}

/// Nothing says what the tax should be.
fn not_checked(bill: &Bill<'_>, on: On<'_>, tax: &Tax, amount: Decimal) -> Difference {
    let basis = tax.basis.map(|basis| ("its basis", basis)).or_else(|| bases(bill, on).first().copied());
    let basis = basis.filter(|(_, basis)| !basis.is_zero());
    let would = basis.map(|(what, basis)| {
        let percent = amount * Decimal::ONE_HUNDRED / basis;
        let percent = percent.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        format!("; of {what}, {}, it is {} %", money(basis), percent.normalize())
    });
    let lacks = if tax.basis.is_some() {
        "no percentage (TXI03)"
    } else {
        "neither percentage (TXI03) nor basis (TXI08)"
    };
    let message = format!(
        "the tax of {} is not checked: it names {lacks}, and neither another tax of the invoice nor the order does{}",
        money(amount),
        would.unwrap_or_default()
    );
    Difference {
        item: tax.kind.clone(),
        figures: vec![bill.figure("tax billed", amount, tax.source)],
        ..bill.whole(Reason::TaxNotChecked, message)
    }
}
