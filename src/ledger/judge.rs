//! What is odd about how an order was shipped: one fact for each line and reason, with the figures that say so.

use super::{Line, LineState, Order, Said, Shipped, lines};
use crate::canonical::{
    AdviceLine, Figure, FinalShipment, LineStatus, ShippingAdvice, ShippingOrder, same_number,
};
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

/// Why a shipment is not as ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Less was shipped than ordered; nothing follows, or nobody says that it does.
    ShortShipped,
    /// Less was shipped, and the warehouse says that the rest follows.
    Backordered,
    /// Nothing was shipped and nothing follows: the line is closed.
    ZeroShipped,
    /// More was shipped than ordered.
    OverShipped,
    /// Another item was shipped in the place of one that was ordered.
    Substituted,
    /// An item was shipped that was not ordered.
    NotOrdered,
    /// Another lot was shipped than was asked for.
    WrongLot,
    /// The warehouse says another quantity was ordered than the order does.
    WrongEcho,
    /// Ordered in one unit, shipped in another.
    UnitMismatch,
    /// Shipped though the order was cancelled.
    OrderCancelled,
    /// Shipped to another place than the order names.
    ShipTo,
    /// Shipped before the first day that the order allows, or after the last.
    OutOfWindow,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 12] = [
        Self::ShortShipped,
        Self::Backordered,
        Self::ZeroShipped,
        Self::OverShipped,
        Self::Substituted,
        Self::NotOrdered,
        Self::WrongLot,
        Self::WrongEcho,
        Self::UnitMismatch,
        Self::OrderCancelled,
        Self::ShipTo,
        Self::OutOfWindow,
    ];

    /// Its word in the database and in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ShortShipped => "quantity_short_shipped",
            Self::Backordered => "quantity_backordered",
            Self::ZeroShipped => "line_zero_shipped",
            Self::OverShipped => "quantity_over_shipped",
            Self::Substituted => "item_substituted",
            Self::NotOrdered => "item_unknown",
            Self::WrongLot => "lot_or_status_mismatch",
            Self::WrongEcho => "quantity_echo_wrong",
            Self::UnitMismatch => "unit_mismatch",
            Self::OrderCancelled => "order_cancelled",
            Self::ShipTo => "ship_to_mismatch",
            Self::OutOfWindow => "date_out_of_window",
        }
    }
}

/// One thing that is not as ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Why.
    pub reason: Reason,
    /// The advice that says it last.
    pub advice: Uuid,
    /// The order's line.
    pub line: Option<String>,
    /// The item, for people.
    pub item: String,
    /// The sentence for people.
    pub message: String,
    /// The figures it comes from.
    pub figures: Vec<Figure>,
}

/// Everything that is not as ordered about what was shipped of one order so far. Nothing without an order to hold it
/// against, or before anything was shipped.
#[must_use]
pub fn judge(order: &Order<'_>) -> Vec<Fact> {
    let Some(said) = &order.shipping_order else { return Vec::new() };
    let document = said.document;
    let mut facts = Vec::new();
    let all = lines(order);
    if order.is_cancelled() {
        for advice in &order.advices {
            let shipped: Decimal = advice.record.lines().filter_map(|line| line.quantity_shipped).sum();
            if !shipped.is_zero() {
                let number = advice.record.order_number.as_deref().unwrap_or_default();
                facts.push(Fact {
                    reason: Reason::OrderCancelled,
                    advice: advice.document,
                    line: None,
                    item: String::new(),
                    message: format!("order {number} was cancelled, and {shipped} were shipped"),
                    figures: vec![Figure {
                        name: "quantity shipped".into(),
                        value: shipped,
                        document: Some(advice.document),
                        source: advice.record.source,
                    }],
                });
            }
        }
        return facts;
    }
    for advice in &order.advices {
        whole(&said.record, advice, &mut facts);
    }
    for line in &all {
        let Some(last) = line.last() else { continue };
        let waits = order.final_shipment == FinalShipment::Whole;
        let told = Told { line, last, order: document, waits };
        told.quantity(&all, &mut facts);
        told.lots(&mut facts);
        told.echo(&mut facts);
    }
    facts
}

/// What is odd about a shipment as a whole; of nothing shipped there is nothing to say.
fn whole(order: &ShippingOrder, advice: &Said<'_, ShippingAdvice>, facts: &mut Vec<Fact>) {
    let record = &*advice.record;
    if record.lines().filter_map(|line| line.quantity_shipped).sum::<Decimal>().is_zero() {
        return;
    }
    let number = record.order_number.as_deref().unwrap_or_default();
    let mut fact = |reason, message| {
        let (line, item) = (None, String::new());
        facts.push(Fact { reason, advice: advice.document, line, item, message, figures: Vec::new() });
    };
    let (asked, told) = (&order.ship_to, &record.ship_to);
    // Numbers that different people gave say nothing of each other.
    let comparable = match (&asked.id_qualifier, &told.id_qualifier) {
        (Some(asked), Some(told)) => asked == told,
        _ => true,
    };
    if let (Some(asked), Some(told), true) = (&asked.id, &told.id, comparable)
        && !same_number(Some(asked), Some(told))
    {
        fact(Reason::ShipTo, format!("order {number} was shipped to {told}, and it is for {asked}"));
    }
    let Some(on) = record.shipped_on else { return };
    if let Some(last) = order.cancel_after.filter(|last| on > *last) {
        fact(
            Reason::OutOfWindow,
            format!("order {number} was shipped on {on}, and it was void after {last}"),
        );
    }
    if let Some(first) = order.ship_not_before.filter(|first| on < *first) {
        fact(
            Reason::OutOfWindow,
            format!("order {number} was shipped on {on}, and not to be before {first}"),
        );
    }
}

/// One line that the warehouse has spoken of.
struct Told<'l> {
    line: &'l Line,
    last: &'l Shipped,
    /// The order's document.
    order: Uuid,
    /// Whether what was not shipped is still to come, whatever the warehouse says.
    waits: bool,
}

impl Told<'_> {
    fn fact(&self, reason: Reason, advice: &Shipped, message: String) -> Fact {
        let ordered = self.line.ordered.map(|value| Figure {
            name: "quantity ordered".into(),
            value,
            document: Some(self.order),
            source: self.line.source,
        });
        let shipped = self.line.said.iter().filter_map(|shipped| {
            Some(Figure {
                name: "quantity shipped".into(),
                value: shipped.line.quantity_shipped?,
                document: Some(shipped.document),
                source: shipped.line.source,
            })
        });
        Fact {
            reason,
            advice: advice.document,
            line: self.line.line_number.clone().or_else(|| advice.line.line_number.clone()),
            item: self.line.item.clone(),
            message: format!("{}: {message}", self.line.item),
            figures: ordered.into_iter().chain(shipped).collect(),
        }
    }

    fn quantity(&self, all: &[Line], facts: &mut Vec<Fact>) {
        let line = self.line;
        let unit = line.unit.as_deref().unwrap_or("unit");
        if line.mixed_units {
            let other = line.said.iter().filter_map(|shipped| shipped.line.unit.as_deref());
            let other = other.clone().find(|other| *other != unit).unwrap_or("other unit");
            let message = format!(
                "ordered by the `{unit}` and shipped by the `{other}`, and no pack size is known; the quantity is not checked"
            );
            facts.push(self.fact(Reason::UnitMismatch, self.last, message));
            return;
        }
        let (ordered, shipped) = (line.ordered.unwrap_or_default(), line.shipped);
        let why = why(&self.last.line);
        match line.state {
            LineState::Extra if shipped.is_zero() => {}
            LineState::Extra if self.last.line.status == Some(LineStatus::Substituted) => {
                let place = in_place_of(&self.last.line, all);
                let place = place.map_or_else(|| "another item".to_owned(), |line| line.item.clone());
                let message = format!("{shipped} {unit} shipped in place of {place}");
                facts.push(self.fact(Reason::Substituted, self.last, message));
            }
            LineState::Extra => {
                let message = format!("{shipped} {unit} shipped, and it was not ordered");
                facts.push(self.fact(Reason::NotOrdered, self.last, message));
            }
            LineState::Over => {
                let over = shipped - ordered;
                let message = format!("{shipped} of {ordered} {unit} shipped: {over} more than ordered");
                facts.push(self.fact(Reason::OverShipped, self.last, message));
            }
            LineState::Short if shipped.is_zero() => {
                let message = format!("nothing of {ordered} {unit} shipped{why}; the line is closed");
                facts.push(self.fact(Reason::ZeroShipped, self.last, message));
            }
            LineState::Short => {
                let short = ordered - shipped;
                let message =
                    format!("{shipped} of {ordered} {unit} shipped: {short} fewer, and nothing follows{why}");
                facts.push(self.fact(Reason::ShortShipped, self.last, message));
            }
            LineState::Backordered | LineState::Partial if self.waits || follows(&self.last.line) => {
                let message =
                    format!("{shipped} of {ordered} {unit} shipped: {} on back order{why}", line.open);
                facts.push(self.fact(Reason::Backordered, self.last, message));
            }
            LineState::Partial => {
                let message = format!(
                    "{shipped} of {ordered} {unit} shipped: {} fewer, and the warehouse does not say whether they follow{why}",
                    line.open
                );
                facts.push(self.fact(Reason::ShortShipped, self.last, message));
            }
            LineState::Open | LineState::Backordered | LineState::Shipped | LineState::Cancelled => {}
        }
    }

    /// Lots are held against the order only where each of its lines of the item names one.
    fn lots(&self, facts: &mut Vec<Fact>) {
        let line = self.line;
        if line.lots.is_empty() || line.lots.len() < line.parts.len() {
            return;
        }
        let asked = line.lots.join(" or ");
        for shipped in &line.said {
            let lot = shipped.line.lot.as_deref().or(shipped.line.warehouse_lot.as_deref());
            let moved = shipped.line.ships();
            let Some(lot) = lot.filter(|_| moved) else { continue };
            if !line.lots.iter().any(|asked| same_number(Some(asked), Some(lot))) {
                let message = format!("lot {lot} shipped, lot {asked} ordered");
                facts.push(self.fact(Reason::WrongLot, shipped, message));
            }
        }
    }

    /// W1202 may be the whole, one of several lines of the order, or what was left when the advice came.
    fn echo(&self, facts: &mut Vec<Fact>) {
        let line = self.line;
        let Some(ordered) = line.ordered.filter(|_| !line.mixed_units) else { return };
        let mut before = Decimal::ZERO;
        for advice in line.said.chunk_by(|one, other| one.document == other.document) {
            let echoes: Vec<Decimal> =
                advice.iter().filter_map(|shipped| shipped.line.quantity_ordered).collect();
            let sum: Decimal = echoes.iter().sum();
            let may_be =
                |echo: &Decimal| *echo == ordered || *echo == ordered - before || line.parts.contains(echo);
            let right = echoes.is_empty() || may_be(&sum) || echoes.iter().any(may_be);
            if let (false, Some(first)) = (right, advice.first()) {
                let unit = line.unit.as_deref().unwrap_or("unit");
                let message = format!(
                    "the warehouse says that {sum} {unit} were ordered, and the order says {ordered}"
                );
                facts.push(self.fact(Reason::WrongEcho, first, message));
            }
            before += advice.iter().filter_map(|shipped| shipped.line.quantity_shipped).sum::<Decimal>();
        }
    }
}

/// Whether the warehouse says that more of it follows.
pub(super) fn follows(line: &AdviceLine) -> bool {
    matches!(line.status, Some(LineStatus::Backordered | LineStatus::PartialBackordered))
}

/// What the warehouse gives as its reason.
fn why(line: &AdviceLine) -> String {
    let status = match line.status {
        Some(LineStatus::OutOfStock) => Some("out of stock"),
        Some(LineStatus::Cancelled) => Some("cancelled by the warehouse"),
        Some(LineStatus::Substituted) => Some("another item took its place"),
        _ => None,
    };
    let code = line.reason.as_deref().map(|code| format!("reason {code}"));
    let told: Vec<String> = status.map(str::to_owned).into_iter().chain(code).collect();
    if told.is_empty() { String::new() } else { format!(" ({})", told.join(", ")) }
}

/// The ordered item whose place this one took, where the line names it among its other numbers.
fn in_place_of<'l>(line: &AdviceLine, all: &'l [Line]) -> Option<&'l Line> {
    let others: Vec<&str> = line.item_ids.iter().filter_map(|other| other.id.as_deref()).collect();
    all.iter().filter(|ordered| ordered.ordered.is_some()).find(|ordered| {
        let keys = [&ordered.keys.sku, &ordered.keys.buyer_item, &ordered.keys.gtin];
        keys.into_iter().flatten().any(|key| others.iter().any(|other| same_number(Some(key), Some(other))))
    })
}
