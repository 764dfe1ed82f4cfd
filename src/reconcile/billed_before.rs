//! What of a service was billed before: for some of the same days, or for the same order or shipment.

use super::services::{Served, count_of, is_named, worth};
use super::{Bill, Difference, Figure, charges, extended, money};
use crate::canonical::{ActivityCounts, Invoice, InvoiceLine, Reason, evened};
use crate::profiles::Rate;
use rust_decimal::Decimal;
use std::collections::BTreeSet;

/// Quantities or amounts of one service.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// What bills before it bill of the same work, without what was credited: of shared days no more than was counted in them.
    pub(super) sum: Decimal,
    /// The same of bills after it.
    pub(super) later: Decimal,
    /// What lines before it on the same bill do.
    pub(super) own: Decimal,
    /// Whether no line after it on the same bill is of the service.
    pub(super) is_last: bool,
    /// What was billed before, and where.
    pub(super) figures: Vec<Figure>,
    /// The bills before, and whether they are for the same days.
    bills: Vec<(String, bool)>,
}

impl Before {
    /// Quantities of what a line bills.
    pub(super) fn of_line(bill: &Bill<'_>, ordinal: usize, line: &InvoiceLine, rate: Option<&Rate>) -> Self {
        let quantity = |other: &InvoiceLine| other.quantity.unwrap_or_default();
        let most = |counted: &ActivityCounts| rate.map(|rate| count_of(counted, rate.counts));
        Self::of(bill, (ordinal, line), rate, ("quantity billed before", &quantity), &most)
    }

    /// Amounts of what a line bills, where no more than a minimum is owed.
    pub(super) fn of_amounts(bill: &Bill<'_>, ordinal: usize, line: &InvoiceLine, rate: &Rate) -> Self {
        let amount = |other: &InvoiceLine| {
            let quantity = other.quantity.unwrap_or_default();
            extended(other, quantity, other.unit_price.unwrap_or(rate.price))
        };
        let most = |counted: &ActivityCounts| Some(worth(rate, count_of(counted, rate.counts)));
        Self::of(bill, (ordinal, line), Some(rate), ("amount billed before", &amount), &most)
    }

    fn of(
        bill: &Bill<'_>,
        (ordinal, line): (usize, &InvoiceLine),
        rate: Option<&Rate>,
        (name, value): (&'static str, &dyn Fn(&InvoiceLine) -> Decimal),
        most: &dyn Fn(&ActivityCounts) -> Option<Decimal>,
    ) -> Self {
        let is_same = |other: &InvoiceLine| {
            let by_rate = rate.is_some_and(|rate| is_named(other, rate));
            let described = line.description.as_deref().zip(other.description.as_deref());
            by_rate
                || line.keys().same(&other.keys())
                || described.is_some_and(|(one, other)| evened(one) == evened(other))
        };
        let (mut before, own) = (Self { is_last: true, ..Self::default() }, numbers(bill.invoice, line));
        for (other, at) in bill.invoice.lines.iter().zip(1..) {
            if at == ordinal || !is_same(other) {
                continue;
            }
            if at < ordinal { before.own += value(other) } else { before.is_last = false }
        }
        for served in &bill.known.served {
            let lines = served.invoice.lines.iter().filter(|other| is_same(other));
            let same = lines.filter(|other| is_same_work(bill.invoice, &own, served, other));
            let same: Vec<&InvoiceLine> = same.collect();
            if same.is_empty() {
                continue;
            }
            let credits =
                served.credits.iter().flat_map(|credit| &credit.lines).filter(|other| is_same(other));
            let credited: Decimal = credits.map(|other| value(other).abs()).sum();
            let billed = same.iter().map(|other| value(other)).sum::<Decimal>() - credited;
            let figures = same.iter().map(|other| Figure {
                document: Some(served.document),
                ..bill.figure(name, value(other), other.source)
            });
            before.add(served, billed, most, figures.collect());
        }
        before
    }

    /// Amounts of a service that is billed as a charge of this name.
    pub(super) fn of_charge(bill: &Bill<'_>, name: &str, rate: &Rate) -> Self {
        let mut before = Self { is_last: true, ..Self::default() };
        let named = |invoice: &Invoice| -> Decimal {
            let all =
                charges::counted(invoice).filter(|other| evened(charges::name_of(other)) == evened(name));
            all.filter_map(|other| other.amount).sum()
        };
        for served in bill.known.served.iter().filter(|served| served.counted.is_some()) {
            let credited: Decimal = served.credits.iter().map(|credit| named(credit).abs()).sum();
            let amount = named(served.invoice);
            if !amount.is_zero() {
                let figure = bill.figure("charge billed before", amount, served.invoice.source);
                let figure = Figure { document: Some(served.document), ..figure };
                let most = |counted: &ActivityCounts| Some(worth(rate, count_of(counted, rate.counts)));
                before.add(served, amount - credited, &most, vec![figure]);
            }
        }
        before
    }

    fn add(
        &mut self,
        served: &Served<'_>,
        billed: Decimal,
        most: &dyn Fn(&ActivityCounts) -> Option<Decimal>,
        figures: Vec<Figure>,
    ) {
        let most = served.counted.as_ref().and_then(most).unwrap_or(billed);
        let billed = billed.min(most).max(Decimal::ZERO);
        if !served.is_before {
            self.later += billed;
        } else if !billed.is_zero() {
            self.sum += billed;
            self.figures.extend(figures);
            let number = served.invoice.invoice_number.as_deref().unwrap_or("without a number");
            let day = served.invoice.invoiced_on.map(|day| format!(" of {day}")).unwrap_or_default();
            self.bills.push((format!("{number}{day}"), served.counted.is_some()));
        }
    }

    /// On which bills, and for what, as ` for days that both bills name, on W-1 of 2026-11-30`.
    fn told_where(&self) -> String {
        let days = self.bills.iter().any(|(_, days)| *days);
        let what = if days { "for days that both bills name" } else { "for the same order or shipment" };
        let bills: Vec<&str> = self.bills.iter().map(|(bill, _)| bill.as_str()).collect();
        format!(" {what}, on {}", bills.join(" and "))
    }

    /// That of an amount so much was billed before.
    pub(super) fn told_amount(&self, what: &str, amount: Decimal, again: Decimal) -> String {
        let of = format!("of {} billed {}", money(amount), money(again));
        format!("{what}: {of} were billed before{}", self.told_where())
    }

    /// That so much of a line was billed before.
    pub(super) fn told(
        &self,
        bill: &Bill<'_>,
        (ordinal, line): (usize, &InvoiceLine),
        again: Decimal,
        amount: Decimal,
    ) -> Difference {
        let quantity = line.quantity.unwrap_or_default();
        let message = format!(
            "{}: {} of {quantity} were billed before{}",
            line.keys().shown(),
            again.normalize(),
            self.told_where()
        );
        let mut figures = vec![bill.figure("quantity billed", quantity, line.source)];
        figures.extend(self.figures.clone());
        Difference {
            amount: Some(amount),
            figures,
            ..bill.of_line(Reason::ServiceBilledTwice, ordinal, line, message)
        }
    }
}

/// The orders and shipments that a line of a bill names, or its bill for all of its lines. The order of the bill itself may
/// be the one that all work goes under, and is none.
fn numbers(invoice: &Invoice, line: &InvoiceLine) -> BTreeSet<(u8, String)> {
    let own = [(0, &line.purchase_order_number), (1, &line.bill_of_lading)];
    let whole = [
        (1, &invoice.bill_of_lading),
        (2, &invoice.order_number),
        (3, &invoice.pro_number),
        (4, &invoice.shipment_id),
    ];
    let all = own.into_iter().chain(whole);
    let named = all.filter_map(|(kind, number)| Some((kind, evened(number.as_deref()?))));
    named.filter(|(_, number)| !number.is_empty()).collect()
}

/// Whether a line of another bill is for the same work: for orders or shipments that both name, else for days that both do.
fn is_same_work(
    invoice: &Invoice,
    own: &BTreeSet<(u8, String)>,
    served: &Served<'_>,
    line: &InvoiceLine,
) -> bool {
    let days = invoice.service_period().zip(served.invoice.service_period());
    let are_apart = days.is_some_and(|(one, other)| one.0 > other.1 || other.0 > one.1);
    let theirs = numbers(served.invoice, line);
    if are_apart {
        return false;
    }
    if own.is_empty() || theirs.is_empty() {
        return days.is_some();
    }
    !own.is_disjoint(&theirs)
}
