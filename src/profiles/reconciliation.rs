//! `[reconciliation]`: how a partner's invoices are compared, and what of a difference is let pass.

use super::rules::{Validity, validity};
use super::{Agreement, Profile};
use crate::canonical::Reason;
use crate::declaration::{Said, Section, suggestion};
use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;

/// How a partner's invoices are compared. Without it nothing is let pass, and charges are those of the order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciliation {
    /// How long invoices may be disputed, where no agreement says otherwise.
    pub dispute_within: Option<Days>,
    /// When amounts are rounded to the cent.
    pub rounding: Rounding,
    /// What is let pass.
    pub tolerances: Vec<Tolerance>,
    /// Charges and allowances that were agreed.
    pub charges: Vec<AgreedCharge>,
    /// The rate card of a warehouse or carrier.
    pub rates: Vec<Rate>,
}

/// When amounts are rounded half up to the cent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// Each line, before it is added.
    #[default]
    Lines,
    /// The sum only.
    Total,
}

/// To what a rule applies; everything that is not named fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The agreement (depositor).
    pub agreement: Option<String>,
    /// The item, by any of its numbers.
    pub item: Option<String>,
    /// The charge, by its code or word.
    pub charge: Option<String>,
    /// From when to when, by the day of the invoice.
    pub validity: Validity,
}

/// What of a difference is let pass: it fails as soon as one of both is exceeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// The reason; any if none.
    pub reason: Option<Reason>,
    /// To what it applies.
    pub scope: Scope,
    /// The most, in the currency of the invoice.
    pub amount: Option<Decimal>,
    /// The most, in percent of what was expected.
    pub percent: Option<Decimal>,
}

/// A charge or allowance that was agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedCharge {
    /// To what it applies; `charge` is the charge itself.
    pub scope: Scope,
    /// How much it is.
    pub price: ChargePrice,
    /// Whether it is taken off.
    pub is_allowance: bool,
}

/// How much an agreed charge is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargePrice {
    /// This for the invoice.
    Amount(Decimal),
    /// This percentage of the lines.
    Percent(Decimal),
    /// This for each unit billed.
    Unit(Decimal),
}

/// What a service costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How the bill names the service: item number or charge.
    pub bills: String,
    /// What is counted.
    pub counts: Activity,
    /// For one.
    pub price: Decimal,
    /// At least this for a bill.
    pub minimum: Option<Decimal>,
    /// To what it applies.
    pub scope: Scope,
}

/// What a warehouse is paid for, as its documents count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Shipping advices (945) with something shipped.
    OrdersShipped,
    /// Lines of them.
    LinesShipped,
    /// Units of them.
    UnitsShipped,
    /// Packs of them.
    PacksShipped,
    /// Receipts (944).
    Receipts,
    /// Units of them.
    UnitsReceived,
}

/// The words of activities, as profiles have them.
pub const ACTIVITIES: &[(&str, Activity)] = &[
    ("orders_shipped", Activity::OrdersShipped),
    ("lines_shipped", Activity::LinesShipped),
    ("units_shipped", Activity::UnitsShipped),
    ("packs_shipped", Activity::PacksShipped),
    ("receipts", Activity::Receipts),
    ("units_received", Activity::UnitsReceived),
];

impl Activity {
    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        ACTIVITIES.iter().find(|(_, activity)| *activity == self).map_or("", |(word, _)| word)
    }
}

impl Scope {
    /// Whether it is in force on a day under an agreement.
    #[must_use]
    pub fn is_in_force(&self, agreement: Option<&str>, day: NaiveDate) -> bool {
        self.agreement.as_deref().is_none_or(|own| Some(own) == agreement)
            && self.validity.why_not(day).is_none()
    }
}

impl Tolerance {
    /// Whether a difference of `amount`, where `expected` was expected, is let pass.
    #[must_use]
    pub fn lets_pass(&self, amount: Decimal, expected: Option<Decimal>) -> bool {
        let within_amount = self.amount.is_none_or(|most| amount.abs() <= most);
        let within_percent = self.percent.is_none_or(|most| {
            // Of nothing expected, anything is more than any percentage.
            let expected = expected.unwrap_or_default().abs();
            !expected.is_zero() && amount.abs() * Decimal::ONE_HUNDRED <= most * expected
        });
        within_amount && within_percent
    }

    /// What it says, for a report.
    #[must_use]
    pub fn shown(&self) -> String {
        match (self.amount, self.percent) {
            (Some(amount), Some(percent)) => format!("up to {amount} and {percent} %"),
            (Some(amount), None) => format!("up to {amount}"),
            (None, Some(percent)) => format!("up to {percent} %"),
            (None, None) => "any amount".to_owned(),
        }
    }
}

impl Profile {
    /// The last day on which an invoice of a day may be disputed under an agreement, where one was agreed.
    #[must_use]
    pub fn disputed_until(&self, agreement: Option<&Agreement>, invoiced_on: NaiveDate) -> Option<NaiveDate> {
        let within = agreement.and_then(|own| own.dispute_within).or(self.reconciliation.dispute_within)?;
        invoiced_on.checked_add_days(within)
    }

    /// The rules for comparing an invoice under an agreement on a day.
    #[must_use]
    pub fn reconciliation_under(&self, agreement: Option<&Agreement>, day: NaiveDate) -> Reconciliation {
        let id = agreement.map(|agreement| agreement.id.as_str());
        let all = &self.reconciliation;
        let in_force = |scope: &Scope| scope.is_in_force(id, day);
        Reconciliation {
            dispute_within: all.dispute_within,
            rounding: all.rounding,
            tolerances: all.tolerances.iter().filter(|one| in_force(&one.scope)).cloned().collect(),
            charges: all.charges.iter().filter(|one| in_force(&one.scope)).cloned().collect(),
            rates: all.rates.iter().filter(|one| in_force(&one.scope)).cloned().collect(),
        }
    }
}

pub(super) fn read(section: Option<&Section<'_>>, agreements: &[Agreement]) -> Reconciliation {
    let Some(section) = section else { return Reconciliation::default() };
    let roundings = [("lines", Rounding::Lines), ("total", Rounding::Total)];
    let rounding = section.choice("rounding", &roundings).map(|said| said.value).unwrap_or_default();
    let tolerances = section.sections("tolerances").iter().map(|one| tolerance(one, agreements)).collect();
    let charges = section.sections("charges").iter().filter_map(|one| charge(one, agreements)).collect();
    let rates = section.sections("rates").iter().filter_map(|one| rate(one, agreements)).collect();
    let dispute_within = dispute_within(section);
    section.finish();
    Reconciliation { dispute_within, rounding, tolerances, charges, rates }
}

/// How long invoices may be disputed: deadlines are days, and not hours.
pub(super) fn dispute_within(section: &Section<'_>) -> Option<Days> {
    const DAY: u64 = 24 * 60 * 60;
    let said = section.duration("dispute_within")?;
    let seconds = said.value.as_secs();
    if seconds % DAY != 0 {
        section.fault(
            "time_form",
            &said.place,
            "invoices may be disputed for whole days, and this is a part of one",
            "write \"30d\"",
        );
    }
    Some(Days::new(seconds / DAY))
}

fn tolerance(section: &Section<'_>, agreements: &[Agreement]) -> Tolerance {
    let reasons: Vec<(&str, Reason)> = Reason::ALL.iter().map(|reason| (reason.word(), *reason)).collect();
    let reason = section.choice("reason", &reasons).map(|said| said.value);
    let (amount, percent) = (decimal(section, "amount"), decimal(section, "percent"));
    let scope = Scope {
        item: section.text("item").map(|said| said.value),
        charge: section.text("charge").map(|said| said.value),
        ..scope(section, agreements)
    };
    if amount.is_none() && percent.is_none() && !section.has("amount") && !section.has("percent") {
        section.fault(
            "tolerance_without_limit",
            &section.place(),
            "the tolerance says neither an amount nor a percentage, so that any difference would pass",
            "write amount = \"0.05\", percent = \"0.5\", or both",
        );
    }
    section.finish();
    Tolerance { reason, scope, amount, percent }
}

fn charge(section: &Section<'_>, agreements: &[Agreement]) -> Option<AgreedCharge> {
    let named = section.required_text("charge", "write charge = \"D240\" or its word, as the invoice has it");
    let said: Vec<ChargePrice> = [
        decimal(section, "amount").map(ChargePrice::Amount),
        decimal(section, "percent").map(ChargePrice::Percent),
        decimal(section, "each").map(ChargePrice::Unit),
    ]
    .into_iter()
    .flatten()
    .collect();
    let is_allowance = section.flag("allowance").is_some_and(|said| said.value);
    let scope = Scope { charge: Some(named.value), ..scope(section, agreements) };
    if said.len() != 1 {
        section.fault(
            "charge_without_price",
            &section.place(),
            "the charge must say how much it is, in one way",
            "write amount = \"35.00\" for the invoice, percent = \"2\" of its lines, or each = \"0.10\" a unit",
        );
    }
    section.finish();
    said.first().map(|price| AgreedCharge { scope, price: *price, is_allowance })
}

fn rate(section: &Section<'_>, agreements: &[Agreement]) -> Option<Rate> {
    let bills = section.required_text("bills", "write bills = \"…\", the item number or charge on the bill");
    let counts = section.choice("counts", ACTIVITIES);
    if counts.is_none() && !section.has("counts") {
        let words: Vec<&str> = ACTIVITIES.iter().map(|(word, _)| *word).collect();
        section.fault(
            "setting_missing",
            &section.place(),
            "the rate does not say what is counted",
            format!("write counts = \"…\", one of {}", words.join(", ")),
        );
    }
    let (price, minimum) = (decimal(section, "price"), decimal(section, "minimum"));
    if price.is_none() && !section.has("price") {
        let hint = "write price = \"0.35\", for one of what is counted";
        section.fault("setting_missing", &section.place(), "the rate names no price", hint);
    }
    let scope = scope(section, agreements);
    section.finish();
    Some(Rate { bills: bills.value, counts: counts?.value, price: price?, minimum, scope })
}

fn scope(section: &Section<'_>, agreements: &[Agreement]) -> Scope {
    let agreement = section.text("agreement");
    if let Some(said) = &agreement
        && !agreements.iter().any(|known| known.id == said.value)
    {
        let ids: Vec<&str> = agreements.iter().map(|known| known.id.as_str()).collect();
        let message = format!("there is no agreement `{}`", said.value);
        section.fault("agreement_unknown", &said.place, message, suggestion(&said.value, &ids));
    }
    let agreement = agreement.map(|said| said.value);
    Scope { agreement, validity: validity(section), ..Scope::default() }
}

/// An exact number that is not negative, in quotes: what TOML calls a float has no exact cents.
fn decimal(section: &Section<'_>, key: &'static str) -> Option<Decimal> {
    let exact = |text: &str| text.parse().ok().filter(|number: &Decimal| !number.is_sign_negative());
    let said: Option<Said<Decimal>> = section.parsed(key, "a number in quotes, such as \"0.05\"", exact);
    said.map(|said| said.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().expect("a number")
    }

    #[test]
    fn a_tolerance_fails_as_soon_as_one_limit_is_exceeded() {
        let both = Tolerance {
            reason: None,
            scope: Scope::default(),
            amount: Some(number("1.00")),
            percent: Some(number("2")),
        };
        assert!(both.lets_pass(number("-1.00"), Some(number("50"))));
        assert!(!both.lets_pass(number("1.01"), Some(number("500"))));
        assert!(!both.lets_pass(number("0.90"), Some(number("40"))));
        let percent = Tolerance { amount: None, ..both };
        assert!(!percent.lets_pass(number("0.01"), None), "of nothing expected no percentage is enough");
    }
}
