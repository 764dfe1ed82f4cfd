//! The ledger: what was ordered, shipped, advised and billed of each item of an order, and what is odd about it. Pure.
//!
//! A line is closed when the warehouse says so: shipped in full, or less and nothing follows. What it says last counts.

mod changes;
mod force;
mod gate;
mod judge;
mod labels;

use crate::canonical::{
    AdviceLine, Completeness, FinalShipment, Invoice, ItemKeys, LineStatus, PurchaseOrder, Purpose,
    ShipNotice, ShippingAdvice, ShippingOrder, Source,
};
use rust_decimal::Decimal;
use serde::Serialize;
use std::borrow::Cow;
use uuid::Uuid;

pub use changes::{changes, not_sent};
pub use force::{
    BilledBy, InForce, Told, advices_in_force, invoices_in_force, notices_in_force, receipts_in_force,
};
pub use gate::{
    Contradiction, Counted, Facts, Joins, Quantities, Stands, Unjoined, elsewhere, more_than_shipped,
    of_advice, of_invoice, of_notice, other_lots, otherwise,
};
use judge::follows;
pub use judge::{Fact, Reason, judge};
pub use labels::{LabelledTwice, labelled_twice, place_of_label};

/// A record with its document.
#[derive(Clone, Debug)]
pub struct Said<'r, R: Clone> {
    /// The document.
    pub document: Uuid,
    /// What it says.
    pub record: Cow<'r, R>,
}

impl<'r, R: Clone> Said<'r, R> {
    /// What a document says.
    #[must_use]
    pub const fn new(document: Uuid, record: &'r R) -> Self {
        Self { document, record: Cow::Borrowed(record) }
    }
}

/// What is known of one order, each kind the oldest first. Only what counts: no copies, nothing that was replaced.
#[derive(Clone, Debug, Default)]
pub struct Order<'r> {
    /// The purchase order that notices and invoices are read for.
    pub purchase_order_number: Option<String>,
    /// The warehouse's order as it is in force.
    pub shipping_order: Option<Said<'r, ShippingOrder>>,
    /// The customer's order as it is in force.
    pub purchase_order: Option<Said<'r, PurchaseOrder>>,
    /// What the warehouse said.
    pub advices: Vec<Said<'r, ShippingAdvice>>,
    /// What the customer was told.
    pub notices: Vec<Said<'r, ShipNotice>>,
    /// What was billed.
    pub invoices: Vec<Said<'r, Invoice>>,
    /// When it counts as shipped to its end.
    pub final_shipment: FinalShipment,
}

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineState {
    /// Nothing is known of it yet.
    Open,
    /// A part is shipped, and the rest follows or nobody says.
    Partial,
    /// The warehouse has none; it follows.
    Backordered,
    /// Shipped in full.
    Shipped,
    /// Less was shipped, and nothing follows.
    Short,
    /// More was shipped than ordered.
    Over,
    /// Shipped and not ordered.
    Extra,
    /// Its order was cancelled.
    Cancelled,
}

impl LineState {
    /// In words.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Partial => "partial",
            Self::Backordered => "backordered",
            Self::Shipped => "shipped",
            Self::Short => "short, closed",
            Self::Over => "over",
            Self::Extra => "not ordered",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One item of an order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Its numbers.
    #[serde(skip)]
    pub keys: ItemKeys<'static>,
    /// The number to show.
    pub item: String,
    /// Line numbers of the order.
    pub line_number: Option<String>,
    /// What it is, in words.
    pub description: Option<String>,
    /// Unit of the quantities.
    pub unit: Option<String>,
    /// What was ordered; none when it is not on the order.
    pub ordered: Option<Decimal>,
    /// What the warehouse says it shipped.
    pub shipped: Decimal,
    /// What the customer was told is on its way.
    pub advised: Decimal,
    /// What was billed; credits are taken off.
    pub billed: Decimal,
    /// What is still to come.
    pub open: Decimal,
    /// Where it stands.
    pub state: LineState,
    /// Quantities that are given in another unit are not added up.
    pub mixed_units: bool,
    /// What the warehouse says of it, the oldest first.
    #[serde(skip)]
    said: Vec<Shipped>,
    #[serde(skip)]
    lots: Vec<String>,
    /// Each of the order's own quantities, where several lines have the item.
    #[serde(skip)]
    parts: Vec<Decimal>,
    #[serde(skip)]
    source: Option<Source>,
}

/// One line of an advice.
#[derive(Clone, Debug, PartialEq)]
struct Shipped {
    document: Uuid,
    line: AdviceLine,
}

impl Line {
    fn new(keys: ItemKeys<'static>) -> Self {
        Self {
            item: keys.shown().to_owned(),
            keys,
            line_number: None,
            description: None,
            unit: None,
            ordered: None,
            shipped: Decimal::ZERO,
            advised: Decimal::ZERO,
            billed: Decimal::ZERO,
            open: Decimal::ZERO,
            state: LineState::Open,
            mixed_units: false,
            said: Vec::new(),
            lots: Vec::new(),
            parts: Vec::new(),
            source: None,
        }
    }

    /// What the warehouse said last.
    fn last(&self) -> Option<&Shipped> {
        self.said.last()
    }

    fn takes(&mut self, unit: Option<&str>) -> bool {
        let known = self.unit.get_or_insert_with(|| unit.unwrap_or_default().to_owned());
        let same = unit.is_none_or(|unit| unit == known) || known.is_empty();
        self.mixed_units |= !same;
        same
    }
}

/// The line of an item among some; added where there is none. The item's other numbers are learned on the way.
fn line_of<'l>(lines: &'l mut Vec<Line>, keys: ItemKeys<'_>) -> &'l mut Line {
    let at = lines.iter().position(|line| line.keys.same(&keys)).unwrap_or_else(|| {
        lines.push(Line::new(keys.clone().into_owned()));
        lines.len() - 1
    });
    let line = &mut lines[at];
    line.keys.learn(keys);
    line
}

/// Every item of an order, those of the order first.
#[must_use]
pub fn lines(order: &Order<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    ordered(order, &mut lines);
    let of_order = lines.len();
    let advices = order.advices_in_time();
    for advice in &advices {
        for told in advice.record.lines() {
            let line = line_of(&mut lines, told.keys());
            line.description = line.description.take().or_else(|| told.description.clone());
            if line.takes(told.unit.as_deref()) {
                line.shipped += told.quantity_shipped.unwrap_or_default();
            }
            line.said.push(Shipped { document: advice.document, line: told.clone() });
        }
        as_ordered(advice, &mut lines[..of_order]);
    }
    if order.final_shipment == FinalShipment::First
        && let Some(advice) = advices.last()
    {
        close_unspoken(advice, &mut lines[..of_order]);
    }
    let number = order.purchase_order_number.as_deref().unwrap_or_default();
    let mut add = |counted: Vec<Counted<'_>>, column: fn(&mut Line) -> &mut Decimal| {
        for counted in counted {
            let line = line_of(&mut lines, counted.item);
            if line.takes(counted.unit) {
                *column(line) += counted.quantity;
            }
        }
    };
    for notice in &order.notices {
        add(of_notice(notice.document, &notice.record, number), |line| &mut line.advised);
    }
    for invoice in &order.invoices {
        // One that names no purchase order is here for its order.
        let names = invoice.record.purchase_order_number.is_some()
            || invoice.record.lines.iter().any(|line| line.purchase_order_number.is_some());
        let number = if names { number } else { "" };
        add(of_invoice(invoice.document, &invoice.record, number), |line| &mut line.billed);
    }
    let cancelled = order.is_cancelled();
    for line in &mut lines {
        line.unit = line.unit.take().filter(|unit| !unit.is_empty());
        (line.state, line.open) = standing(line, cancelled, order.final_shipment);
    }
    lines
}

impl<'r> Order<'r> {
    /// What the warehouse said, by the day on which it shipped: what came first may tell of what went last. As it came,
    /// where one does not name its day.
    fn advices_in_time(&self) -> Vec<&Said<'r, ShippingAdvice>> {
        let mut advices: Vec<_> = self.advices.iter().collect();
        if advices.iter().all(|advice| advice.record.shipped_on.is_some()) {
            advices.sort_by_key(|advice| advice.record.shipped_on);
        }
        advices
    }

    /// Whether the order in force is cancelled: the warehouse's, where there is one.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let shipping = self.shipping_order.as_ref().map(|said| said.record.purpose);
        let purchase = self.purchase_order.as_ref().map(|said| said.record.purpose);
        shipping.or(purchase).flatten() == Some(Purpose::Cancellation)
    }
}

/// The warehouse's order counts, where there is one: it may be a part of the customer's.
fn ordered(order: &Order<'_>, lines: &mut Vec<Line>) {
    let mut add = |keys: ItemKeys<'_>, number: Option<&String>, said: (Option<Decimal>, Option<&str>)| {
        let line = line_of(lines, keys);
        if let Some(number) = number {
            line.line_number = Some(match line.line_number.take() {
                Some(before) => format!("{before}, {number}"),
                None => number.clone(),
            });
        }
        let quantity = said.0.unwrap_or_default();
        if line.takes(said.1) {
            line.ordered = Some(line.ordered.unwrap_or_default() + quantity);
            line.parts.push(quantity);
        }
    };
    if let Some(said) = &order.shipping_order {
        for line in &said.record.lines {
            add(line.keys(), line.line_number.as_ref(), (line.quantity, line.unit.as_deref()));
        }
        for ordered in &said.record.lines {
            let line = line_of(lines, ordered.keys());
            line.source = line.source.or(ordered.source);
            line.description = line.description.take().or_else(|| ordered.description.clone());
            line.lots.extend(ordered.lot.clone().or_else(|| ordered.warehouse_lot.clone()));
        }
    } else if let Some(said) = &order.purchase_order {
        for line in &said.record.lines {
            add(line.keys(), line.line_number.as_ref(), (line.quantity, line.unit.as_deref()));
        }
    }
    if let Some(said) = &order.purchase_order {
        for ordered in &said.record.lines {
            // The customer's own numbers of what the warehouse was told to ship.
            if lines.iter().any(|line| line.keys.same(&ordered.keys())) {
                let line = line_of(lines, ordered.keys());
                line.description = line.description.take().or_else(|| ordered.description.clone());
            }
        }
    }
}

/// An advice of what differs only: the rest went as it was ordered.
fn as_ordered(advice: &Said<'_, ShippingAdvice>, lines: &mut [Line]) {
    let rest =
        matches!(advice.record.completeness, Some(Completeness::NoExceptions | Completeness::ExceptionsOnly));
    let named: Vec<_> = advice.record.lines().map(|line| line.keys()).collect();
    // Some write N and list every line all the same; then what is not listed was not shipped.
    let lists = advice.record.completeness == Some(Completeness::NoExceptions) && !named.is_empty();
    if !rest || lists {
        return;
    }
    for line in lines.iter_mut().filter(|line| !named.iter().any(|keys| keys.same(&line.keys))) {
        let left = (line.ordered.unwrap_or_default() - line.shipped).max(Decimal::ZERO);
        line.shipped += left;
        let told = AdviceLine {
            status: Some(LineStatus::Complete),
            quantity_ordered: line.ordered,
            quantity_shipped: Some(left),
            unit: line.unit.clone(),
            source: advice.record.source,
            ..AdviceLine::default()
        };
        line.said.push(Shipped { document: advice.document, line: told });
    }
}

/// Whether a warehouse said that nothing was shipped and nothing follows, and said something at all.
#[must_use]
pub fn closed_with_nothing<'a>(advices: impl Iterator<Item = &'a ShippingAdvice>) -> bool {
    let mut lines = advices.flat_map(ShippingAdvice::lines).peekable();
    lines.peek().is_some()
        && lines
            .all(|line| line.quantity_shipped.is_some_and(|quantity| quantity.is_zero()) && !follows(line))
}

/// Of what the first advice does not speak nothing was shipped, and nothing follows.
fn close_unspoken(advice: &Said<'_, ShippingAdvice>, lines: &mut [Line]) {
    for line in lines.iter_mut().filter(|line| line.said.is_empty()) {
        let told = AdviceLine {
            status: Some(LineStatus::PartialNoBackorder),
            quantity_shipped: Some(Decimal::ZERO),
            unit: line.unit.clone(),
            source: advice.record.source,
            ..AdviceLine::default()
        };
        line.said.push(Shipped { document: advice.document, line: told });
    }
}

/// Where a line stands, and what is still to come of it.
fn standing(line: &Line, cancelled: bool, rule: FinalShipment) -> (LineState, Decimal) {
    let Some(ordered) = line.ordered else { return (LineState::Extra, Decimal::ZERO) };
    if cancelled {
        return (LineState::Cancelled, Decimal::ZERO);
    }
    let left = ordered - line.shipped;
    let Some(last) = line.last() else { return (LineState::Open, ordered) };
    match (left.is_zero(), left.is_sign_negative()) {
        (true, _) => (LineState::Shipped, Decimal::ZERO),
        (_, true) => (LineState::Over, Decimal::ZERO),
        _ if rule == FinalShipment::First => (LineState::Short, Decimal::ZERO),
        _ => match last.line.status {
            Some(LineStatus::Cancelled | LineStatus::OutOfStock | LineStatus::Substituted) => {
                (LineState::Short, Decimal::ZERO)
            }
            _ if rule == FinalShipment::Whole && !line.shipped.is_zero() => (LineState::Partial, left),
            _ if rule == FinalShipment::Whole => (LineState::Backordered, left),
            Some(LineStatus::Backordered | LineStatus::PartialBackordered) if line.shipped.is_zero() => {
                (LineState::Backordered, left)
            }
            Some(LineStatus::Backordered | LineStatus::PartialBackordered) => (LineState::Partial, left),
            Some(LineStatus::Complete | LineStatus::PartialNoBackorder) => (LineState::Short, Decimal::ZERO),
            // Nothing of it, and no word that it follows: the line is closed.
            _ if line.shipped.is_zero() => (LineState::Short, Decimal::ZERO),
            _ => (LineState::Partial, left),
        },
    }
}

#[cfg(test)]
mod tests;
