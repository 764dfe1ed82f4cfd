//! Service bills of warehouses and carriers: each line against the rate card and what their own documents count.

use super::billed_before::Before;
use super::{Bill, Comparison, Difference, Line, Match, cents, charges, extended, money, sum};
use crate::canonical::{ActivityCounts, Charge, Invoice, InvoiceLine, Reason, evened};
use crate::profiles::{Activity, Rate};
use rust_decimal::Decimal;
use uuid::Uuid;

/// How many of an activity there were.
pub(super) fn count_of(counted: &ActivityCounts, activity: Activity) -> Decimal {
    match activity {
        Activity::OrdersShipped => counted.orders_shipped,
        Activity::LinesShipped => counted.lines_shipped,
        Activity::UnitsShipped => counted.units_shipped,
        Activity::PacksShipped => counted.packs_shipped,
        Activity::Receipts => counted.receipts,
        Activity::UnitsReceived => counted.units_received,
    }
}

/// Another bill of the same sender that counts.
#[derive(Clone, Debug)]
pub struct Served<'a> {
    /// What it bills.
    pub invoice: &'a Invoice,
    /// Its document.
    pub document: Uuid,
    /// Whether it comes before by day and number.
    pub is_before: bool,
    /// What was counted in the days that both name.
    pub counted: Option<ActivityCounts>,
    /// What was credited of it.
    pub credits: Vec<&'a Invoice>,
}

pub(super) fn compare(bill: &Bill<'_>, comparison: &mut Comparison) {
    for (at, line) in bill.invoice.lines.iter().enumerate() {
        let mut result = Line::new(at + 1, money(line.extended_amount().unwrap_or_default()));
        let mut differences: Vec<Difference> = bill.line_amount(at + 1, line).into_iter().collect();
        differences.extend(one(bill, at + 1, line, &mut result));
        result.expected -= sum(&differences);
        comparison.differences.extend(differences);
        comparison.lines.push(result);
    }
    // A service may be billed as a charge; those that no rate names are agreed on in the profile or not at all.
    let mut rated = Vec::new();
    for charge in charges::counted(bill.invoice) {
        let name = charges::name_of(charge);
        let named = |rate: &&Rate| evened(name) == evened(&rate.bills);
        if let Some(rate) = bill.agreed.rules.rates.iter().find(named) {
            rated.push(name);
            comparison.differences.extend(charged(bill, charge, rate));
        }
    }
    charges::compare_but(bill, &rated, &mut comparison.differences);
}

/// What a rate comes to for a count.
pub(super) fn worth(rate: &Rate, count: Decimal) -> Decimal {
    cents(count * rate.price).max(rate.minimum.unwrap_or_default())
}

/// A service that is billed as a charge.
fn charged(bill: &Bill<'_>, charge: &Charge, rate: &Rate) -> Vec<Difference> {
    let name = charges::name_of(charge);
    let Some(amount) = charge.amount else { return Vec::new() };
    let of_charge =
        |reason, message| Difference { item: Some(name.to_owned()), ..bill.whole(reason, message) };
    let Some(counted) = &bill.known.counted else {
        return vec![of_charge(Reason::ServiceNotChecked, format!("{name}: {WITHOUT_DAYS}"))];
    };
    let count = count_of(counted, rate.counts);
    let expected = worth(rate, count);
    let before = Before::of_charge(bill, name, rate);
    let left = (expected - before.sum).max(Decimal::ZERO);
    let billed = || bill.figure("charge billed", amount, charge.source);
    let mut differences = Vec::new();
    let again = amount.min(expected) - amount.min(left);
    if again > Decimal::ZERO {
        let message = before.told_amount(name, amount, again);
        let figures = [vec![billed()], before.figures.clone(), vec![bill.computed("expected charge", left)]];
        differences.push(Difference {
            amount: Some(again),
            figures: figures.concat(),
            ..of_charge(Reason::ServiceBilledTwice, message)
        });
    }
    let open = expected - before.sum - before.later - amount;
    let (reason, differs) = if amount > expected {
        (Reason::ActivityOverBilled, amount - expected)
    } else if open > Decimal::ZERO {
        (Reason::ActivityUnderBilled, -open)
    } else {
        return differences;
    };
    let message = format!(
        "{name}: {} billed, {count} counted ({}) come to {}",
        money(amount),
        rate.counts.word().replace('_', " "),
        money(expected)
    );
    differences.push(Difference {
        amount: Some(differs),
        figures: vec![
            billed(),
            bill.computed("counted", count),
            bill.computed("rate", rate.price),
            bill.computed("expected charge", expected),
        ],
        ..of_charge(reason, message)
    });
    differences
}

const WITHOUT_DAYS: &str =
    "the bill does not name the days it is for (DTM 150 and 151), so that nothing was counted";

fn one(bill: &Bill<'_>, ordinal: usize, line: &InvoiceLine, result: &mut Line) -> Vec<Difference> {
    let shown = line.keys().shown().to_owned();
    let quantity = line.quantity.unwrap_or_default();
    let found = bill.agreed.rules.rates.iter().find(|rate| is_named(line, rate));
    let before = Before::of_line(bill, ordinal, line, found);
    result.billed_before = Some(before.sum).filter(|sum| !sum.is_zero());
    let Some(rate) = found else {
        let price = line.unit_price.filter(|_| line.quantity.is_some());
        let at = |quantity| price.map(|price| extended(line, quantity, price));
        let amount = at(quantity).or(line.amount);
        let again = quantity.min(before.sum);
        let twice = amount.zip(at(quantity - again)).map(|(all, rest)| all - rest);
        let mut differences = Vec::new();
        if let Some(twice) = twice.filter(|_| again > Decimal::ZERO) {
            differences.push(before.told(bill, (ordinal, line), again, twice));
        }
        let rest = amount.map(|amount| amount - sum(&differences));
        if rest.is_none_or(|rest| !rest.is_zero()) || differences.is_empty() {
            let message = format!("{shown}: the rate card of the profile has no such service");
            let figures = amount.map(|amount| bill.figure("amount billed", amount, line.source));
            differences.push(Difference {
                amount: rest,
                figures: figures.into_iter().collect(),
                ..bill.of_line(Reason::ServiceNotChecked, ordinal, line, message)
            });
        }
        return differences;
    };
    result.found = Match::Item;
    result.price = Some(rate.price);
    result.price_from = Some("rate_card");
    let billed = line.unit_price.unwrap_or(rate.price);
    let at = |quantity, price| extended(line, quantity, price);
    let amount = at(quantity, billed);
    let mut differences = Vec::new();
    let rightful;
    match &bill.known.counted {
        None => {
            let again = quantity.min(before.sum);
            rightful = quantity - again;
            if again > Decimal::ZERO {
                let twice = amount - at(rightful, billed);
                differences.push(before.told(bill, (ordinal, line), again, twice));
            }
            let message = format!("{shown}: {WITHOUT_DAYS}");
            differences.push(bill.of_line(Reason::ServiceNotChecked, ordinal, line, message));
        }
        Some(counted) => {
            let count = count_of(counted, rate.counts);
            result.shipped = Some(count);
            if let Some(minimum) = rate.minimum.filter(|minimum| cents(count * rate.price) < *minimum) {
                // Below the minimum neither count nor price say what is owed.
                differences.extend(at_least(bill, (ordinal, line), rate, count, minimum));
                return differences;
            }
            // What other lines of the same bill left of it, and what other bills left of that.
            let own = (count - before.own).max(Decimal::ZERO);
            let left = (own - before.sum).max(Decimal::ZERO);
            let counts = rate.counts.word().replace('_', " ");
            let (within, may) = (quantity.min(own), quantity.min(left));
            if within > may {
                let twice = at(within, billed) - at(may, billed);
                differences.push(before.told(bill, (ordinal, line), within - may, twice));
            }
            let open = own - before.sum - before.later - quantity;
            let message = format!("{shown}: {quantity} billed, {count} counted ({counts})");
            let more = if before.own.is_zero() {
                String::new()
            } else {
                format!("; {} stand on the lines before", before.own.normalize())
            };
            let mut tell = |reason, amount, expected| {
                differences.push(Difference {
                    amount: Some(amount),
                    figures: vec![
                        bill.figure("quantity billed", quantity, line.source),
                        bill.computed("counted", count),
                        bill.figure("unit price billed", billed, line.source),
                        bill.computed("expected amount", expected),
                    ],
                    ..bill.of_line(reason, ordinal, line, format!("{message}{more}"))
                });
            };
            if quantity > own {
                let right = at(own, billed);
                tell(Reason::ActivityOverBilled, amount - right, right);
            } else if open > Decimal::ZERO && before.is_last {
                let right = at(quantity + open, billed);
                tell(Reason::ActivityUnderBilled, amount - right, right);
            }
            rightful = may;
        }
    }
    if billed != rate.price {
        let right = at(rightful, rate.price);
        let reason = if billed > rate.price { Reason::PriceOver } else { Reason::PriceUnder };
        let message =
            format!("{shown}: billed at {}, the rate card says {}", money(billed), money(rate.price));
        let differs = at(rightful, billed) - right;
        if differs.is_zero() {
            return differences;
        }
        differences.push(Difference {
            amount: Some(differs),
            figures: vec![
                bill.figure("unit price billed", billed, line.source),
                bill.computed("rate", rate.price),
                bill.figure("quantity rightly billed", rightful, line.source),
                bill.computed("expected amount", right),
            ],
            ..bill.of_line(reason, ordinal, line, message)
        });
    }
    differences
}

/// Whether a rate is for what a line bills.
pub(super) fn is_named(line: &InvoiceLine, rate: &Rate) -> bool {
    let description = line.description.as_deref();
    line.keys().has(&rate.bills)
        || description.is_some_and(|description| evened(description) == evened(&rate.bills))
}

/// A service of which so little was done that the rate card's minimum is owed: once for the days, however many bill them.
fn at_least(
    bill: &Bill<'_>,
    (ordinal, line): (usize, &InvoiceLine),
    rate: &Rate,
    count: Decimal,
    minimum: Decimal,
) -> Vec<Difference> {
    let quantity = line.quantity.unwrap_or_default();
    let billed = line.unit_price.unwrap_or(rate.price);
    let amount = extended(line, quantity, billed);
    let before = Before::of_amounts(bill, ordinal, line, rate);
    let own = (minimum - before.own).max(Decimal::ZERO);
    let left = (own - before.sum).max(Decimal::ZERO);
    let shown = line.keys().shown().to_owned();
    let mut differences = Vec::new();
    let (within, may) = (amount.min(own), amount.min(left));
    if within > may {
        let message = before.told_amount(&shown, amount, within - may);
        let figures = [
            vec![bill.figure("quantity billed", quantity, line.source)],
            before.figures.clone(),
            vec![bill.computed("expected amount", may)],
        ];
        differences.push(Difference {
            amount: Some(within - may),
            figures: figures.concat(),
            ..bill.of_line(Reason::ServiceBilledTwice, ordinal, line, message)
        });
    }
    let open = own - before.sum - before.later - amount;
    let (reason, differs) = if amount > own {
        (Reason::ActivityOverBilled, amount - own)
    } else if open > Decimal::ZERO && before.is_last {
        (Reason::ActivityUnderBilled, -open)
    } else {
        return differences;
    };
    let message = format!(
        "{shown}: {} billed; {count} counted ({}) come to {}, and {} are the least by the rate card",
        money(amount),
        rate.counts.word().replace('_', " "),
        cents(count * rate.price),
        money(minimum)
    );
    differences.push(Difference {
        amount: Some(differs),
        figures: vec![
            bill.figure("quantity billed", quantity, line.source),
            bill.computed("counted", count),
            bill.figure("unit price billed", billed, line.source),
            bill.computed("expected amount", minimum),
        ],
        ..bill.of_line(reason, ordinal, line, message)
    });
    differences
}
