//! Charges and allowances of an invoice against what order and profile agreed on.

use super::goods::is_billed_in_full;
use super::whole::is_cancelled;
use super::{Bill, Difference, Figure, cents, money, taxes};
use crate::canonical::{Charge, ChargeKind, Invoice, PurchaseOrder, Reason, evened};
use crate::profiles::ChargePrice;
use rust_decimal::Decimal;

/// The charge that is freight, as translators name it (SAC02 D240).
const FREIGHT: &str = "freight";

/// A charge or an allowance, by its name.
type Key<'k> = (&'k str, bool);

pub(super) fn compare(bill: &Bill<'_>, differences: &mut Vec<Difference>) {
    compare_but(bill, &[], differences);
}

/// The same without charges of these names, which are compared with something else.
pub(super) fn compare_but(bill: &Bill<'_>, but: &[&str], differences: &mut Vec<Difference>) {
    let mut seen: Vec<Key<'_>> = Vec::new();
    for charge in counted(bill.invoice).filter(|charge| !but.contains(&name_of(charge))) {
        let key = key_of(charge);
        if !seen.iter().any(|known| is_same(*known, key)) {
            seen.push(key);
            differences.extend(one(bill, key));
        }
    }
    // An allowance that was agreed and is not given is money as well.
    let agreed = bill.agreed.rules.charges.iter().filter(|agreed| agreed.is_allowance);
    let agreed = agreed.filter_map(|agreed| agreed.scope.charge.as_deref());
    let ordered = orders(bill).flat_map(of_order).filter(|charge| is_allowance(charge)).map(name_of);
    for name in agreed.chain(ordered) {
        let key = (name, true);
        if !seen.iter().any(|known| is_same(*known, key)) {
            seen.push(key);
            differences.extend(one(bill, key));
        }
    }
    taxes::compare(bill, differences);
}

/// Charges that the total counts.
pub(super) fn counted(invoice: &Invoice) -> impl Iterator<Item = &Charge> {
    let lines = invoice.lines.iter().flat_map(|line| &line.charges);
    invoice.charges.iter().chain(lines).filter(is_counted)
}

fn is_counted(charge: &&Charge) -> bool {
    charge.in_total.unwrap_or(true) && charge.kind != Some(ChargeKind::Information)
}

/// What an order says of charges.
fn of_order(order: &PurchaseOrder) -> impl Iterator<Item = &Charge> {
    let lines = order.lines.iter().flat_map(|line| &line.charges);
    order.charges.iter().chain(lines).filter(is_counted)
}

/// The orders whose charges are agreed.
pub(super) fn orders<'b>(bill: &Bill<'b>) -> impl Iterator<Item = &'b PurchaseOrder> + use<'b> {
    bill.known.orders.iter().map(|(order, _)| *order).filter(|order| !is_cancelled(order))
}

/// Whether an order's amounts are in another currency than the invoice's.
fn is_foreign(bill: &Bill<'_>, order: &PurchaseOrder) -> bool {
    bill.invoice.currency.as_ref().zip(order.currency.as_ref()).is_some_and(|(own, theirs)| own != theirs)
}

pub(super) fn name_of(charge: &Charge) -> &str {
    charge.code.as_deref().or(charge.description.as_deref()).unwrap_or("charge without a code")
}

fn key_of(charge: &Charge) -> Key<'_> {
    (name_of(charge), is_allowance(charge))
}

fn is_same((one, one_off): Key<'_>, (other, other_off): Key<'_>) -> bool {
    one_off == other_off && evened(one) == evened(other)
}

fn is_allowance(charge: &Charge) -> bool {
    charge.kind == Some(ChargeKind::Allowance)
}

fn amounts<'c>(charges: impl Iterator<Item = &'c Charge>, key: Key<'_>) -> Decimal {
    charges.filter(|charge| is_same(key_of(charge), key)).filter_map(|charge| charge.amount).sum()
}

/// All charges of one name against what was agreed for it.
fn one(bill: &Bill<'_>, key: Key<'_>) -> Option<Difference> {
    let (name, allowance) = key;
    let names = |order: &PurchaseOrder| of_order(order).any(|charge| is_same(key_of(charge), key));
    // Over a currency nothing is compared; that it differs is told.
    if orders(bill).any(|order| is_foreign(bill, order) && names(order)) {
        return None;
    }
    let actual = amounts(counted(bill.invoice), key);
    let Expected { amount: expected, from, before } = expected(bill, key, actual);
    let (actual, expected) = (money(actual), money(expected));
    if actual == expected {
        return None;
    }
    let sign = if allowance { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
    let what = if allowance { "allowance" } else { "charge" };
    let (reason, message) = if is_freight(key) && actual > expected && bill_is_collect(bill) {
        (
            Reason::FreightOnCollect,
            format!(
                "freight of {actual} is billed, but the order says collect: the receiver pays the carrier"
            ),
        )
    } else if let Some((agreed, before)) = before {
        (
            Reason::ChargeNotAgreed,
            format!(
                "the {what} `{name}` is {actual}; {from} says {}, of which {} were billed before",
                money(agreed),
                money(before)
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
    let is_it = |charge: &&Charge| is_same(key_of(charge), key);
    let billed =
        counted(bill.invoice).filter(is_it).filter_map(|charge| Some((charge.amount?, charge.source)));
    let mut figures: Vec<Figure> =
        billed.map(|(amount, source)| bill.figure(format!("{what} billed"), amount, source)).collect();
    for (order, document) in &bill.known.orders {
        let ordered = of_order(order).filter(is_it);
        figures.extend(ordered.filter_map(|charge| {
            let of_order = bill.figure(format!("{what} ordered"), charge.amount?, charge.source);
            Some(Figure { document: Some(*document), ..of_order })
        }));
    }
    figures.push(bill.computed(format!("expected {what}"), expected));
    let amount = Some(sign * (actual - expected));
    Some(Difference { item: Some(name.to_owned()), amount, figures, ..bill.whole(reason, message) })
}

fn is_freight((name, allowance): Key<'_>) -> bool {
    !allowance && name.eq_ignore_ascii_case(FREIGHT)
}

fn is_collect(order: &PurchaseOrder) -> bool {
    order.freight_terms.as_deref() == Some("collect")
}

fn bill_is_collect(bill: &Bill<'_>) -> bool {
    bill.known.orders.iter().any(|(order, _)| is_collect(order))
}

/// What was agreed for a charge.
struct Expected {
    amount: Decimal,
    /// Who says so.
    from: &'static str,
    /// What the order says in all, and what of it other invoices billed.
    before: Option<(Decimal, Decimal)>,
}

fn expected(bill: &Bill<'_>, key: Key<'_>, actual: Decimal) -> Expected {
    let invoice = bill.invoice;
    let lines: Decimal = invoice.lines.iter().filter_map(|line| line.extended_amount()).sum();
    let units: Decimal = invoice.lines.iter().filter_map(|line| line.quantity).sum();
    let (name, allowance) = key;
    let told = |amount, from| Expected { amount, from, before: None };
    // Where the receiver pays the carrier, nothing else that was agreed counts.
    let takes_freight = |order: &PurchaseOrder| !(is_freight(key) && is_collect(order));
    if orders(bill).next().is_some() && !orders(bill).any(takes_freight) {
        return told(Decimal::ZERO, "the order");
    }
    let agreeing = || orders(bill).filter(|order| takes_freight(order));
    let in_profile = bill.agreed.rules.charges.iter().find(|agreed| {
        let named = agreed.scope.charge.as_deref();
        agreed.is_allowance == allowance && named.is_some_and(|own| evened(own) == evened(name))
    });
    // What the order says of it stands over what holds for all.
    let is_in_order = agreeing().flat_map(of_order).any(|charge| is_same(key_of(charge), key));
    if let Some(agreed) = in_profile.filter(|_| !is_in_order) {
        let amount = match agreed.price {
            ChargePrice::Amount(amount) => amount,
            ChargePrice::Percent(percent) => cents(lines * percent / Decimal::ONE_HUNDRED),
            ChargePrice::Unit(each) => cents(units * each),
        };
        return told(amount, "the profile");
    }
    // A percentage or a rate of the order holds for whatever part of it is billed.
    let mut whole = agreeing().flat_map(|order| &order.charges).filter(is_counted);
    let part = whole.find_map(|charge| {
        let of_lines = charge.percent.map(|percent| cents(lines * percent / Decimal::ONE_HUNDRED));
        let of_units = || charge.rate.filter(|_| charge.amount.is_none()).map(|rate| cents(units * rate));
        of_lines.or_else(of_units).filter(|_| is_same(key_of(charge), key))
    });
    if let Some(part) = part {
        return told(part, "the order");
    }
    // An amount holds for all of the order, however many invoices bill it.
    let agreed = amounts(agreeing().flat_map(of_order), key);
    let elsewhere = amounts(bill.known.elsewhere.iter().flat_map(|order| of_order(order)), key);
    let charged = |is_credit| {
        let all = bill.known.charged.iter().filter(move |one| one.is_credit == is_credit);
        amounts(all.map(|one| one.charge), key)
    };
    let before = charged(false) - charged(true);
    let before = if bill.known.is_one_of_several { Decimal::ZERO } else { before };
    let left = (agreed + elsewhere - before).clamp(Decimal::ZERO, agreed.max(Decimal::ZERO));
    // What is not billed yet may come with the rest of the order.
    let amount = if actual < left && !is_billed_in_full(bill) { actual } else { left };
    Expected { before: (left < agreed).then_some((agreed, agreed - left)), ..told(amount, "the order") }
}
