//! Service bills of warehouses and carriers: each line against the rate card and what their own documents count.

use super::{Bill, Comparison, Difference, Line, Match, cents, charges, extended, money, sum};
use crate::canonical::{Charge, DatedEvent, Invoice, InvoiceLine, Reason, evened};
use crate::profiles::{Activity, Rate};
use chrono::NaiveDate;
use rust_decimal::Decimal;

/// What a partner's documents count between two days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Shipping advices with something shipped.
    pub orders_shipped: Decimal,
    /// Their lines with something shipped.
    pub lines_shipped: Decimal,
    /// Their units.
    pub units_shipped: Decimal,
    /// Their packs.
    pub packs_shipped: Decimal,
    /// Receipts.
    pub receipts: Decimal,
    /// Their units.
    pub units_received: Decimal,
}

impl Counted {
    /// How many there were.
    #[must_use]
    pub fn of(&self, activity: Activity) -> Decimal {
        match activity {
            Activity::OrdersShipped => self.orders_shipped,
            Activity::LinesShipped => self.lines_shipped,
            Activity::UnitsShipped => self.units_shipped,
            Activity::PacksShipped => self.packs_shipped,
            Activity::Receipts => self.receipts,
            Activity::UnitsReceived => self.units_received,
        }
    }
}

/// Kinds of dates that begin and end the time that is billed (X12 element 374: service, invoice and report period).
const BEGINS: [&str; 4] = ["service_period_start", "150", "186", "193"];
const ENDS: [&str; 4] = ["service_period_end", "151", "187", "194"];

/// The first and the last day that a service bill is for, where it names them.
#[must_use]
pub fn service_period(invoice: &Invoice) -> Option<(NaiveDate, NaiveDate)> {
    let of = |kinds: &[&str]| {
        let is_one = |date: &&DatedEvent| date.kind.as_deref().is_some_and(|kind| kinds.contains(&kind));
        invoice.dates.iter().find(is_one)?.on
    };
    of(&BEGINS).zip(of(&ENDS)).filter(|(from, to)| from <= to)
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
fn worth(rate: &Rate, count: Decimal) -> Decimal {
    cents(count * rate.price).max(rate.minimum.unwrap_or_default())
}

/// A service that is billed as a charge.
fn charged(bill: &Bill<'_>, charge: &Charge, rate: &Rate) -> Option<Difference> {
    let (name, amount) = (charges::name_of(charge), charge.amount?);
    let Some(counted) = &bill.known.counted else {
        let message = format!("{name}: {WITHOUT_DAYS}");
        return Some(Difference {
            item: Some(name.to_owned()),
            ..bill.whole(Reason::ServiceNotChecked, message)
        });
    };
    let count = counted.of(rate.counts);
    let expected = worth(rate, count);
    if amount == expected {
        return None;
    }
    let reason = if amount > expected { Reason::ActivityOverBilled } else { Reason::ActivityUnderBilled };
    let message = format!(
        "{name}: {} billed, {count} counted ({}) come to {}",
        money(amount),
        rate.counts.word().replace('_', " "),
        money(expected)
    );
    Some(Difference {
        item: Some(name.to_owned()),
        amount: Some(amount - expected),
        figures: vec![
            bill.figure("charge billed", amount, charge.source),
            bill.computed("counted", count),
            bill.computed("rate", rate.price),
            bill.computed("expected charge", expected),
        ],
        ..bill.whole(reason, message)
    })
}

const WITHOUT_DAYS: &str =
    "the bill does not name the days it is for (DTM 150 and 151), so that nothing was counted";

fn one(bill: &Bill<'_>, ordinal: usize, line: &InvoiceLine, result: &mut Line) -> Vec<Difference> {
    let named = |rate: &&Rate| {
        line.keys().has(&rate.bills)
            || line
                .description
                .as_deref()
                .is_some_and(|description| evened(description) == evened(&rate.bills))
    };
    let shown = line.keys().shown().to_owned();
    let quantity = line.quantity.unwrap_or_default();
    let Some(rate) = bill.agreed.rules.rates.iter().find(named) else {
        let message = format!("{shown}: the rate card of the profile has no such service");
        let price = line.unit_price.filter(|_| line.quantity.is_some());
        let amount = price.map(|price| extended(line, quantity, price)).or(line.amount);
        let figures = amount.map(|amount| bill.figure("amount billed", amount, line.source));
        return vec![Difference {
            amount,
            figures: figures.into_iter().collect(),
            ..bill.of_line(Reason::ServiceNotChecked, ordinal, line, message)
        }];
    };
    result.found = Match::Item;
    result.price = Some(rate.price);
    result.price_from = Some("rate_card");
    let billed = line.unit_price.unwrap_or(rate.price);
    let at = |quantity, price| extended(line, quantity, price);
    let amount = at(quantity, billed);
    let mut differences = Vec::new();
    let mut rightful = quantity;
    match &bill.known.counted {
        None => {
            let message = format!("{shown}: {WITHOUT_DAYS}");
            differences.push(bill.of_line(Reason::ServiceNotChecked, ordinal, line, message));
        }
        Some(counted) => {
            let count = counted.of(rate.counts);
            result.shipped = Some(count);
            let minimum = rate.minimum.filter(|minimum| cents(count * rate.price) < *minimum);
            let counted = rate.counts.word().replace('_', " ");
            // Below the minimum neither count nor price say what is owed.
            let (right, message) = match minimum {
                Some(minimum) => (
                    minimum,
                    format!(
                        "{shown}: {} billed; {count} counted ({counted}) come to {}, and {} are the least by the rate card",
                        money(amount),
                        cents(count * rate.price),
                        money(minimum)
                    ),
                ),
                None => {
                    (at(count, billed), format!("{shown}: {quantity} billed, {count} counted ({counted})"))
                }
            };
            let differs = if minimum.is_some() { amount != right } else { quantity != count };
            if differs {
                let over = if minimum.is_some() { amount > right } else { quantity > count };
                rightful = if over { count } else { quantity };
                let reason = if over { Reason::ActivityOverBilled } else { Reason::ActivityUnderBilled };
                differences.push(Difference {
                    amount: Some(amount - right),
                    figures: vec![
                        bill.figure("quantity billed", quantity, line.source),
                        bill.computed("counted", count),
                        bill.figure("unit price billed", billed, line.source),
                        bill.computed("expected amount", right),
                    ],
                    ..bill.of_line(reason, ordinal, line, message)
                });
            }
            if minimum.is_some() {
                return differences;
            }
        }
    }
    if billed != rate.price {
        let right = at(rightful, rate.price);
        let reason = if billed > rate.price { Reason::PriceOver } else { Reason::PriceUnder };
        let message =
            format!("{shown}: billed at {}, the rate card says {}", money(billed), money(rate.price));
        differences.push(Difference {
            amount: Some(at(rightful, billed) - right),
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
