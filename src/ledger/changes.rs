//! What a change does to an order: its lines, place and days as they were and as they are, and what of it the warehouse was
//! not told. Pure.

use crate::canonical::{ItemKeys, Party, PurchaseOrder, Purpose, Record, ShippingOrder, same_number};
use chrono::NaiveDate;
use rust_decimal::Decimal;

/// One line of an order, as far as people count it.
struct Line<'o> {
    keys: ItemKeys<'o>,
    number: Option<&'o str>,
    quantity: Decimal,
    unit: Option<&'o str>,
}

/// An order of either kind, as far as a warehouse goes by it.
struct Order<'o> {
    lines: Vec<Line<'o>>,
    ship_to: &'o Party,
    days: [(&'static str, Option<NaiveDate>); 5],
    is_cancelled: bool,
}

macro_rules! order {
    ($order:expr) => {{
        let order = $order;
        let lines = order.lines.iter().map(|line| Line {
            keys: line.keys(),
            number: line.line_number.as_deref(),
            quantity: line.quantity.unwrap_or_default(),
            unit: line.unit.as_deref(),
        });
        Order {
            lines: lines.collect(),
            ship_to: &order.ship_to,
            days: [
                ("ship on", order.ship_on),
                ("ship not before", order.ship_not_before),
                ("ship not after", order.ship_not_after),
                ("deliver on", order.deliver_on),
                ("void after", order.cancel_after),
            ],
            is_cancelled: order.purpose == Some(Purpose::Cancellation),
        }
    }};
}

fn order(record: &Record) -> Option<Order<'_>> {
    match record {
        Record::PurchaseOrder(order) => Some(order!(order.as_ref())),
        Record::ShippingOrder(order) => Some(order!(order.as_ref())),
        _ => None,
    }
}

impl Line<'_> {
    fn is(&self, other: &Line<'_>) -> bool {
        self.keys.same(&other.keys) || same_number(self.number, other.number)
    }

    fn amount(&self) -> String {
        amount(self.quantity, self.unit)
    }
}

fn amount(quantity: Decimal, unit: Option<&str>) -> String {
    format!("{} {}", quantity.normalize(), unit.unwrap_or("unit"))
}

/// What is not as it was, in the order of the later lines; nothing where neither is an order.
#[must_use]
pub fn changes(before: &Record, after: &Record) -> Vec<String> {
    let Some((was, is)) = order(before).zip(order(after)) else { return Vec::new() };
    if is.is_cancelled {
        // Of what is cancelled nothing else matters.
        return if was.is_cancelled { Vec::new() } else { vec!["cancelled".to_owned()] };
    }
    let mut told = Vec::new();
    for line in &is.lines {
        match was.lines.iter().find(|other| other.is(line)) {
            None => told.push(format!("{} added, {}", line.keys.shown(), line.amount())),
            Some(other) if (other.quantity, other.unit) != (line.quantity, line.unit) => {
                told.push(format!("{} was {}, is {}", line.keys.shown(), other.amount(), line.amount()));
            }
            Some(_) => {}
        }
    }
    let gone = was.lines.iter().filter(|line| !is.lines.iter().any(|other| line.is(other)));
    told.extend(gone.map(|line| format!("{} taken off, was {}", line.keys.shown(), line.amount())));
    told.extend(moved(was.ship_to, is.ship_to));
    let days = was.days.iter().zip(&is.days);
    told.extend(days.filter_map(|((what, was), (_, is))| {
        let (was, is) = was.zip(*is).filter(|(was, is)| was != is)?;
        Some(format!("{what} was {was}, is {is}"))
    }));
    told
}

fn moved(was: &Party, is: &Party) -> Option<String> {
    let (was, is) = place(was).zip(place(is))?;
    (!same_number(Some(was), Some(is))).then(|| format!("ship to was {was}, is {is}"))
}

/// What tells a place from others: its number, else its postal code.
fn place(party: &Party) -> Option<&str> {
    let named = |value: &'_ Option<String>| value.as_deref().is_some_and(|value| !value.trim().is_empty());
    let number = party.id.as_deref().filter(|_| named(&party.id));
    number.or_else(|| party.postal_code.as_deref().filter(|_| named(&party.postal_code)))
}

/// What of a change of a purchase order the orders that warehouses were sent for it do not say. Only what the change
/// touched counts: what was ordered of a warehouse may always have been a part. Days that warehouses were never told
/// are none of theirs.
#[must_use]
pub fn not_sent(before: &PurchaseOrder, after: &PurchaseOrder, sent: &[&ShippingOrder]) -> Vec<String> {
    let (was, is) = (order!(before), order!(after));
    let sent: Vec<Order<'_>> =
        sent.iter().map(|order| order!(*order)).filter(|order| !order.is_cancelled).collect();
    if sent.is_empty() {
        return Vec::new();
    }
    if is.is_cancelled {
        return vec!["the order is cancelled".to_owned()];
    }
    let mut told = Vec::new();
    let mut touched: Vec<(&Line<'_>, Option<&Line<'_>>)> = Vec::new();
    for line in &is.lines {
        match was.lines.iter().find(|other| other.is(line)) {
            Some(other) if (other.quantity, other.unit) == (line.quantity, line.unit) => {}
            _ => touched.push((line, Some(line))),
        }
    }
    let gone = was.lines.iter().filter(|line| !is.lines.iter().any(|other| line.is(other)));
    touched.extend(gone.map(|line| (line, None)));
    for (line, wanted) in touched {
        // A line number of the customer's is none of the depositor's.
        let lines = sent.iter().flat_map(|order| &order.lines);
        let there: Vec<&Line<'_>> = lines.filter(|other| other.keys.same(&line.keys)).collect();
        let ordered = wanted.map(Line::amount);
        let sum: Decimal = there.iter().map(|line| line.quantity).sum();
        let unit = there.first().and_then(|line| line.unit).or(line.unit);
        let there = (!there.is_empty() && !sum.is_zero()).then(|| amount(sum, unit));
        if there == ordered {
            continue;
        }
        told.push(format!(
            "{}: {} sent, {}",
            line.keys.shown(),
            there.as_deref().unwrap_or("nothing"),
            ordered.map_or_else(|| "taken off now".to_owned(), |ordered| format!("{ordered} ordered now"))
        ));
    }
    let is_there = |order: &Order<'_>| {
        let same = place(order.ship_to).zip(place(is.ship_to));
        same.is_none_or(|(one, other)| same_number(Some(one), Some(other)))
    };
    told.extend(moved(was.ship_to, is.ship_to).filter(|_| !sent.iter().all(is_there)));
    for (at, ((what, was), (_, is))) in was.days.iter().zip(&is.days).enumerate() {
        let Some((was, is)) = was.zip(*is).filter(|(was, is)| was != is) else { continue };
        let own = |order: &Order<'_>| order.days.get(at).and_then(|(_, day)| *day);
        if sent.iter().filter_map(own).any(|day| day != is) {
            told.push(format!("{what} was {was}, is {is}"));
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::{PurchaseOrderLine, ShippingOrderLine};

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn bought(lines: &[(&str, i64)]) -> PurchaseOrder {
        let lines = lines.iter().map(|(sku, quantity)| PurchaseOrderLine {
            sku: text(sku),
            quantity: Some((*quantity).into()),
            unit: text("case"),
            ..PurchaseOrderLine::default()
        });
        PurchaseOrder { lines: lines.collect(), ..PurchaseOrder::default() }
    }

    fn sent(lines: &[(&str, i64)]) -> ShippingOrder {
        let lines = lines.iter().map(|(sku, quantity)| ShippingOrderLine {
            sku: text(sku),
            quantity: Some((*quantity).into()),
            unit: text("case"),
            ..ShippingOrderLine::default()
        });
        ShippingOrder { lines: lines.collect(), ..ShippingOrder::default() }
    }

    #[test]
    fn what_the_warehouse_was_not_told_is_what_the_change_touched_and_its_orders_do_not_say() {
        let before = bought(&[("A", 40), ("B", 12), ("D", 9)]);
        let after = bought(&[("A", 30), ("C", 5), ("D", 9)]);
        let told = |orders: &[&ShippingOrder]| not_sent(&before, &after, orders);
        let none = Vec::<String>::new();
        // D was never ordered of the warehouse, and the change says nothing of it.
        assert_eq!(
            told(&[&sent(&[("A", 40), ("B", 12)])]),
            [
                "A: 40 case sent, 30 case ordered now",
                "C: nothing sent, 5 case ordered now",
                "B: 12 case sent, taken off now"
            ]
        );
        assert_eq!(told(&[&sent(&[("A", 20), ("B", 0)]), &sent(&[("A", 10), ("C", 5)])]), none);
        assert_eq!(told(&[]), none, "nothing was sent yet");
        let cancelled = ShippingOrder { purpose: Some(Purpose::Cancellation), ..sent(&[("A", 40)]) };
        assert_eq!(told(&[&cancelled]), none);
        let all = PurchaseOrder { purpose: Some(Purpose::Cancellation), ..before.clone() };
        assert_eq!(not_sent(&before, &all, &[&sent(&[("A", 40)])]), ["the order is cancelled"]);
        assert_eq!(not_sent(&before, &all, &[&cancelled]), none);
    }

    #[test]
    fn places_and_days_count_where_the_warehouse_was_told_others() {
        let day = |day: &str| day.parse().ok();
        let to = |id: &str| Party { id: text(id), ..Party::default() };
        let before = PurchaseOrder {
            ship_to: to("31"),
            ship_on: day("2026-11-20"),
            cancel_after: day("2026-11-30"),
            ..bought(&[("A", 40)])
        };
        let after = PurchaseOrder {
            ship_to: to("32"),
            ship_on: day("2026-11-24"),
            cancel_after: day("2026-12-04"),
            ..before.clone()
        };
        let old = ShippingOrder { ship_to: to("31"), ship_on: day("2026-11-20"), ..sent(&[("A", 40)]) };
        let told = ["ship to was 31, is 32", "ship on was 2026-11-20, is 2026-11-24"];
        assert_eq!(not_sent(&before, &after, &[&old]), told);
        let new = ShippingOrder { ship_to: to("0032"), ship_on: day("2026-11-24"), ..old.clone() };
        assert!(not_sent(&before, &after, &[&new]).is_empty());
        assert_eq!(changes(&old.into(), &new.into()), ["ship to was 31, is 0032", told[1]]);
    }
}
