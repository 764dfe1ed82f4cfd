//! Reconciliation: what of an invoice agrees with orders, shipments and receipts, and what does not, to the cent.
//!
//! Three comparisons that are never mixed: a sale against order and shipment, a purchase against order, ship notice and
//! receipt, a service against the rate card and what was counted. Every difference has one reason, its amount, and the
//! figures it comes from. Amounts of one invoice's differences add up to what is billed less what was expected: each
//! check counts only what the one before left.

mod billed_before;
mod charges;
mod credit;
mod goods;
mod items;
mod matching;
mod services;
mod taxes;
mod unbilled;
mod units;
mod whole;

pub use items::Items;
pub use services::Served;
pub use unbilled::{Terms, Unbilled, not_billed};
pub use units::{Joined, Packs, PriceList, PriceRow};

use crate::canonical::{
    ActivityCounts, Charge, Figure, Invoice, InvoiceKind, InvoiceLine, InvoiceSense, ItemKeys,
    OrderAcknowledgment, PurchaseOrder, Reason, Source, evened, same_number,
};
use crate::profiles::{Reconciliation, Rounding};
use chrono::NaiveDate;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;
use std::borrow::Cow;
use uuid::Uuid;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Why.
    pub reason: Reason,
    /// Place of the line in the invoice, the first is 1; none if it concerns the whole.
    pub ordinal: Option<usize>,
    /// The invoice's line number, if it concerns a line.
    pub line: Option<String>,
    /// The item or charge, for people.
    pub item: Option<String>,
    /// What it comes to, positive when too much was billed; none when no amount can be given.
    pub amount: Option<Decimal>,
    /// The sentence for a controller.
    pub message: String,
    /// The figures that were compared.
    pub figures: Vec<Figure>,
    /// The tolerance that lets it pass.
    pub tolerated: Option<String>,
}

/// What was shipped, received or billed of one item: one line of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved<'a> {
    /// The purchase order that it is for, its number evened.
    pub order: Option<&'a str>,
    /// The item.
    pub item: ItemKeys<'a>,
    /// How much; less than zero for what was credited.
    pub quantity: Decimal,
    /// In which unit.
    pub unit: Option<&'a str>,
    /// The number of the line, where it is one of an invoice: the order's, with most senders.
    pub line: Option<&'a str>,
    /// Of a substitute: the numbers that it names besides its own, among them that of the item whose place it took.
    pub in_place_of: Vec<&'a str>,
    /// The document that says it.
    pub document: Uuid,
    /// The segment that says it.
    pub source: Option<Source>,
}

/// A charge or allowance of another invoice.
#[derive(Clone, Copy, Debug)]
pub struct Charged<'a> {
    /// The charge.
    pub charge: &'a Charge,
    /// Whether a credit gives it back.
    pub is_credit: bool,
}

/// What became of an invoice by the others of its number.
#[derive(Clone, Copy, Debug, Default)]
pub enum Standing<'a> {
    /// It bills what it says.
    #[default]
    Counts,
    /// It repeats the one of this document.
    Copy(Uuid),
    /// This one stands in for it.
    Replaced(&'a Invoice, Uuid),
    /// This one took it back.
    Cancelled(&'a Invoice, Uuid),
    /// It bills nothing: it takes the one of this document back, or one that nobody knows.
    Cancels(Option<Uuid>),
}

/// What an invoice is compared with.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// The orders in force that the invoice speaks of, and their documents.
    pub orders: Vec<(&'a PurchaseOrder, Uuid)>,
    /// What the seller said to them (855), and its documents.
    pub answers: Vec<(&'a OrderAcknowledgment, Uuid)>,
    /// What was shipped for them so far: by advices (945), else by ship notices (856).
    pub shipped: Vec<Moved<'a>>,
    /// What was announced of them (856).
    pub noticed: Vec<Moved<'a>>,
    /// What was received for them (944), where receipts come.
    pub received: Vec<Moved<'a>>,
    /// What was billed for them before, without what was credited.
    pub billed: Vec<Moved<'a>>,
    /// What was billed for them later.
    pub billed_later: Vec<Moved<'a>>,
    /// Charges and allowances that were billed for them before.
    pub charged: Vec<Charged<'a>>,
    /// Other orders that the invoices of those charges bill.
    pub elsewhere: Vec<&'a PurchaseOrder>,
    /// Whether other orders have such a number, and the invoice does not say which of them it bills: of what was billed
    /// before nobody knows for which either.
    pub is_one_of_several: bool,
    /// Whose orders they are.
    pub buyers: Vec<&'a str>,
    /// What became of the invoice by the others of its number.
    pub standing: Standing<'a>,
    /// The invoice that a credit is for.
    pub original: Option<(&'a Invoice, Uuid)>,
    /// Whether the invoice that a credit is for was taken back.
    pub is_original_cancelled: bool,
    /// What was credited of it before.
    pub credited: Vec<Moved<'a>>,
    /// What was counted in the time that a service bill names.
    pub counted: Option<ActivityCounts>,
    /// What else the sender of a service bill has billed.
    pub served: Vec<Served<'a>>,
}

/// What was agreed about an invoice.
#[derive(Clone, Copy, Debug)]
pub struct Agreed<'a> {
    /// The partner's rules that are in force.
    pub rules: &'a Reconciliation,
    /// The partner's id, for its prices.
    pub partner: &'a str,
    /// Prices where the order names none.
    pub prices: &'a PriceList,
    /// Pack sizes.
    pub packs: &'a Packs,
    /// What else items are called.
    pub items: &'a Items,
    /// The day of the invoice.
    pub day: NaiveDate,
}

/// How well a line found its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Match {
    /// By item and line number.
    Line,
    /// By item.
    Item,
    /// By line number alone: nothing says what the order calls the item, nor that it is another.
    Number,
    /// Not at all.
    None,
}

impl Match {
    /// Its word in tables and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Item => "item",
            Self::Number => "number",
            Self::None => "none",
        }
    }
}

/// One line of an invoice beside what it was compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Place in the invoice, the first is 1.
    pub ordinal: usize,
    /// How it found its order.
    pub found: Match,
    /// Quantity ordered.
    pub ordered: Option<Decimal>,
    /// Quantity shipped so far, of the item and order.
    pub shipped: Option<Decimal>,
    /// Quantity announced so far.
    pub advised: Option<Decimal>,
    /// Quantity received so far.
    pub received: Option<Decimal>,
    /// Quantity billed before.
    pub billed_before: Option<Decimal>,
    /// The agreed price of one unit billed.
    pub price: Option<Decimal>,
    /// Who says the price: `order`, `acknowledgment`, `price_list`, `rate_card`, or of a credit the `invoice`.
    pub price_from: Option<&'static str>,
    /// What the line bills, before charges and taxes.
    pub amount: Decimal,
    /// What it should bill.
    pub expected: Decimal,
}

impl Line {
    /// A line of which nothing is known yet: it bills what it should.
    fn new(ordinal: usize, amount: Decimal) -> Self {
        Self {
            ordinal,
            found: Match::None,
            ordered: None,
            shipped: None,
            advised: None,
            received: None,
            billed_before: None,
            price: None,
            price_from: None,
            amount,
            expected: amount,
        }
    }
}

/// An invoice compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// What it bills: less than zero for a credit, nothing where it takes another back.
    pub billed: Decimal,
    /// The currency of its amounts: its own word, else the order's.
    pub currency: Option<String>,
    /// Its lines; none of an invoice that is a copy.
    pub lines: Vec<Line>,
    /// What differs.
    pub differences: Vec<Difference>,
}

impl Comparison {
    /// What all differences of money come to that meet a condition.
    pub fn sum(&self, of: impl Fn(&Difference) -> bool) -> Decimal {
        sum(self.differences.iter().filter(|one| of(one)))
    }

    /// What differs and is not let pass.
    pub fn standing(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.tolerated.is_none())
    }
}

/// Compares an invoice with what is known of its orders.
#[must_use]
pub fn compare(
    invoice: &Invoice,
    document: Uuid,
    kind: InvoiceKind,
    known: &Known<'_>,
    agreed: &Agreed<'_>,
) -> Comparison {
    let bill = Bill { invoice, document, kind, known, agreed };
    let currency = bill.currency().map(str::to_owned);
    let mut comparison = Comparison { billed: bill.billed(), currency, ..Comparison::default() };
    if !matches!(known.standing, Standing::Counts) {
        // Comparing what does not count with what is left to bill would tell the same amount line by line.
        comparison.differences.extend(bill.of_standing());
        return comparison;
    }
    bill.totals(&mut comparison.differences);
    if bill.is_credit() {
        credit::compare(&bill, &mut comparison);
    } else if kind == InvoiceKind::Service {
        services::compare(&bill, &mut comparison);
    } else {
        let open = whole::compare(&bill, &mut comparison.differences);
        goods::compare(&bill, &mut comparison);
        charges::compare(&bill, &mut comparison.differences);
        whole::take_the_rest(&bill, &open, &mut comparison);
    }
    for difference in &mut comparison.differences {
        difference.tolerated = bill.tolerance(difference);
    }
    comparison
}

/// An invoice on the table.
struct Bill<'b> {
    invoice: &'b Invoice,
    document: Uuid,
    kind: InvoiceKind,
    known: &'b Known<'b>,
    agreed: &'b Agreed<'b>,
}

impl<'b> Bill<'b> {
    fn is_credit(&self) -> bool {
        self.invoice.sense == Some(InvoiceSense::Credit)
    }

    /// The currency of the invoice: what it does not say is as the order says.
    fn currency(&self) -> Option<&'b str> {
        let orders = || self.known.orders.iter().find_map(|(order, _)| order.currency.as_deref());
        self.invoice.currency.as_deref().or_else(orders)
    }

    /// What the invoice bills.
    fn billed(&self) -> Decimal {
        if matches!(self.known.standing, Standing::Cancels(_)) {
            return Decimal::ZERO;
        }
        let total = self.invoice.total_amount.or_else(|| self.invoice.computed_total()).unwrap_or_default();
        if self.is_credit() { -total.abs() } else { total }
    }

    fn figure(&self, name: impl Into<Cow<'static, str>>, value: Decimal, source: Option<Source>) -> Figure {
        Figure { name: name.into(), value, document: Some(self.document), source }
    }

    /// A figure that no document says.
    fn computed(&self, name: impl Into<Cow<'static, str>>, value: Decimal) -> Figure {
        Figure { document: None, ..self.figure(name, value, None) }
    }

    fn whole(&self, reason: Reason, message: String) -> Difference {
        Difference {
            reason,
            ordinal: None,
            line: None,
            item: None,
            amount: None,
            message,
            figures: Vec::new(),
            tolerated: None,
        }
    }

    fn of_line(&self, reason: Reason, ordinal: usize, line: &InvoiceLine, message: String) -> Difference {
        Difference {
            ordinal: Some(ordinal),
            line: line.line_number.clone(),
            item: Some(line.keys().shown().to_owned()),
            ..self.whole(reason, message)
        }
    }

    /// What is to be told of an invoice that does not count: nothing of it is owed.
    fn of_standing(&self) -> Option<Difference> {
        let number = self.invoice.invoice_number.as_deref().unwrap_or_default();
        let billed = self.billed();
        let day = |by: &Invoice| by.invoiced_on.map(|day| format!(" of {day}")).unwrap_or_default();
        let total = |by: &Invoice| by.total_amount.or_else(|| by.computed_total()).unwrap_or_default();
        let now = self.figure("billed now", billed, self.invoice.source);
        let (reason, message, other) = match self.known.standing {
            Standing::Counts | Standing::Cancels(Some(_)) => return None,
            Standing::Cancels(None) => {
                let message = format!("the cancellation is for invoice {number}, which is not known");
                return Some(self.whole(Reason::CreditWithoutInvoice, message));
            }
            Standing::Copy(earlier) => (
                Reason::DuplicateInvoice,
                format!("invoice {number} was billed before by the same seller"),
                Figure { document: Some(earlier), ..self.figure("billed before", billed, None) },
            ),
            Standing::Replaced(by, document) => (
                Reason::InvoiceReplaced,
                format!(
                    "invoice {number} is replaced by the one{} over {}, and nothing of it is owed",
                    day(by),
                    money(total(by))
                ),
                Figure { document: Some(document), ..self.figure("billed instead", total(by), by.source) },
            ),
            Standing::Cancelled(by, document) => (
                Reason::InvoiceCancelled,
                format!("invoice {number} is cancelled by the one{}, and nothing of it is owed", day(by)),
                Figure { document: Some(document), ..self.figure("total cancelled", total(by), by.source) },
            ),
        };
        Some(Difference { amount: Some(billed), figures: vec![now, other], ..self.whole(reason, message) })
    }

    /// The amount of a line against its quantity and price.
    fn line_amount(&self, ordinal: usize, line: &InvoiceLine) -> Option<Difference> {
        let (said, price, quantity) = (line.amount?, line.unit_price?, line.quantity?);
        let computed = extended(line, quantity, price);
        if said == computed {
            return None;
        }
        let item = line.keys();
        let message = format!(
            "{}: the line bills {}, but {quantity} at {} come to {computed}",
            item.shown(),
            money(said),
            money(price)
        );
        Some(Difference {
            amount: Some(said - computed),
            figures: vec![
                self.figure("amount of the line", said, line.source),
                self.figure("quantity billed", quantity, line.source),
                self.figure("unit price billed", price, line.source),
                self.computed("expected amount", computed),
            ],
            ..self.of_line(Reason::LineAmountWrong, ordinal, line, message)
        })
    }

    /// Lines, charges and taxes against TDS01.
    fn totals(&self, differences: &mut Vec<Difference>) {
        let invoice = self.invoice;
        let computed = match self.agreed.rules.rounding {
            Rounding::Lines => invoice.computed_total(),
            Rounding::Total => invoice.unrounded_total().map(cents),
        };
        let (Some(said), Some(computed)) = (invoice.total_amount, computed) else { return };
        // A credit may say its amounts with either sign; its type decides.
        let amount = if self.is_credit() { computed.abs() - said.abs() } else { said - computed };
        if amount.is_zero() {
            return;
        }
        differences.push(Difference {
            amount: Some(amount),
            figures: vec![
                self.figure("total billed", said, invoice.source),
                self.computed("sum of lines, charges and taxes", money(computed)),
            ],
            ..self.whole(
                Reason::TotalsWrong,
                format!(
                    "the total says {}, but lines, charges and taxes add up to {}{}",
                    money(said),
                    money(computed),
                    if said * Decimal::ONE_HUNDRED == computed {
                        ": its two decimals seem not to be written"
                    } else {
                        ""
                    }
                ),
            )
        });
    }

    /// The tolerance that lets a difference pass, in words. Of those that fit, the narrowest count: what is said of an item,
    /// a charge or a reason stands over what is said of all.
    fn tolerance(&self, difference: &Difference) -> Option<String> {
        let amount = difference.amount?;
        let keys = difference.ordinal.and_then(|at| Some(self.invoice.lines.get(at - 1)?.keys()));
        let fits = |named: &Option<String>, what: &dyn Fn(&str) -> bool| named.as_deref().is_none_or(what);
        let of_item = |named: &str| keys.as_ref().is_some_and(|keys| keys.has(named));
        let of_charge = |named: &str| {
            difference.ordinal.is_none()
                && difference.item.as_deref().is_some_and(|item| evened(item) == evened(named))
        };
        let expected = difference.figures.iter().find(|figure| figure.name.starts_with("expected"));
        let fitting: Vec<_> = self
            .agreed
            .rules
            .tolerances
            .iter()
            .filter(|one| one.reason.is_none_or(|reason| reason == difference.reason))
            .filter(|one| fits(&one.scope.item, &of_item) && fits(&one.scope.charge, &of_charge))
            .collect();
        let narrow = |one: &crate::profiles::Tolerance| {
            (one.scope.item.is_some() || one.scope.charge.is_some(), one.reason.is_some())
        };
        let narrowest = fitting.iter().map(|one| narrow(one)).max();
        fitting
            .into_iter()
            .filter(|one| Some(narrow(one)) == narrowest)
            .find(|one| one.lets_pass(amount, expected.map(|figure| figure.value)))
            .map(crate::profiles::Tolerance::shown)
    }

    /// The order that a line bills.
    fn order_of(&self, line: &InvoiceLine) -> Option<(&'b PurchaseOrder, Uuid)> {
        let number = self.order_number(line)?;
        let orders = &self.known.orders;
        orders
            .iter()
            .copied()
            .find(|(order, _)| same_number(order.purchase_order_number.as_deref(), Some(number)))
    }

    fn order_number<'l>(&'l self, line: &'l InvoiceLine) -> Option<&'l str> {
        line.purchase_order_number.as_deref().or(self.invoice.purchase_order_number.as_deref())
    }
}

/// What these come to, of money: what is still open is none.
fn sum<'d>(differences: impl IntoIterator<Item = &'d Difference>) -> Decimal {
    let money = differences.into_iter().filter(|one| !one.reason.is_open_side());
    money.filter_map(|one| one.amount).sum()
}

/// Rounded half up to the cent.
fn cents(amount: Decimal) -> Decimal {
    money(amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
}

/// With two decimals or more, as people write amounts and prices.
fn money(mut amount: Decimal) -> Decimal {
    amount.normalize_assign();
    if amount.scale() < 2 {
        amount.rescale(2);
    }
    amount
}

/// Quantity times price as the line prices it (per unit, per hundred …), rounded half up to the cent.
fn extended(line: &InvoiceLine, quantity: Decimal, price: Decimal) -> Decimal {
    let priced = InvoiceLine {
        quantity: Some(quantity),
        unit_price: Some(price),
        price_basis: line.price_basis.clone(),
        ..InvoiceLine::default()
    };
    cents(priced.extended_amount().unwrap_or_else(|| quantity * price))
}

#[cfg(test)]
mod tests;
