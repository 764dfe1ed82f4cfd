//! Service bills of warehouses and carriers: each line against the rate card and what their own documents count.

use super::{Bill, Comparison, Difference, Line, Match, cents, extended, money};
use crate::canonical::{DatedEvent, Invoice, InvoiceLine, Reason, evened};
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
        let amount = money(line.extended_amount().unwrap_or_default());
        let mut result = Line {
            ordinal: at + 1,
            found: Match::None,
            ordered: None,
            shipped: None,
            received: None,
            billed_before: None,
            price: None,
            price_from: None,
            amount,
            expected: amount,
        };
        let differences = one(bill, at + 1, line, &mut result);
        let wrong: Decimal = differences.iter().filter_map(|difference| difference.amount).sum();
        result.expected = amount - wrong;
        comparison.differences.extend(differences);
        comparison.lines.push(result);
    }
}

fn one(bill: &Bill<'_>, ordinal: usize, line: &InvoiceLine, result: &mut Line) -> Vec<Difference> {
    let named = |rate: &&Rate| {
        line.keys().has(&rate.bills)
            || line
                .description
                .as_deref()
                .is_some_and(|description| evened(description) == evened(&rate.bills))
    };
    let shown = line.keys().shown().to_owned();
    let Some(rate) = bill.agreed.rules.rates.iter().find(named) else {
        let message = format!("{shown}: the rate card of the profile has no such service");
        let amount = line.extended_amount();
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
    let quantity = line.quantity.unwrap_or_default();
    let billed = line.unit_price.unwrap_or(rate.price);
    let mut differences = Vec::new();
    let mut rightful = quantity;
    match &bill.known.counted {
        None => {
            let message = format!(
                "{shown}: the bill does not name the days it is for (DTM 150 and 151), so that nothing was counted"
            );
            differences.push(bill.of_line(Reason::ServiceNotChecked, ordinal, line, message));
        }
        Some(counted) => {
            let count = counted.of(rate.counts);
            result.shipped = Some(count);
            let minimum = rate.minimum.unwrap_or_default();
            let is_minimum = line.extended_amount() == Some(minimum) && cents(count * rate.price) <= minimum;
            if quantity != count && !is_minimum {
                let over = quantity > count;
                rightful = if over { count } else { quantity };
                let reason = if over { Reason::ActivityOverBilled } else { Reason::ActivityUnderBilled };
                let message = format!(
                    "{shown}: {quantity} billed, {count} counted ({})",
                    rate.counts.word().replace('_', " ")
                );
                let worth = |quantity| extended(line, quantity, billed);
                let amount = worth(quantity) - worth(count);
                let counted = bill.computed("counted", count);
                differences.push(Difference {
                    amount: Some(amount),
                    figures: vec![
                        bill.figure("quantity billed", quantity, line.source),
                        counted,
                        bill.figure("unit price billed", billed, line.source),
                        bill.computed("expected amount", worth(count)),
                    ],
                    ..bill.of_line(reason, ordinal, line, message)
                });
            }
            if is_minimum {
                return differences;
            }
        }
    }
    if billed != rate.price {
        let worth = extended(line, rightful, rate.price);
        let reason = if billed > rate.price { Reason::PriceOver } else { Reason::PriceUnder };
        let message =
            format!("{shown}: billed at {}, the rate card says {}", money(billed), money(rate.price));
        differences.push(Difference {
            amount: Some(extended(line, rightful, billed) - worth),
            figures: vec![
                bill.figure("unit price billed", billed, line.source),
                bill.computed("rate", rate.price),
                bill.figure("quantity rightly billed", rightful, line.source),
                bill.computed("expected amount", worth),
            ],
            ..bill.of_line(reason, ordinal, line, message)
        });
    }
    differences
}
