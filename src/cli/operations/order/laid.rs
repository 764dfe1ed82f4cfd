//! What a change of an order does to the order: its lines as they were and as they are.

use super::Story;
use super::print::amounts;
use crate::canonical::{ItemKeys, Purpose, Record, same_number};
use crate::store::Direction;
use rust_decimal::Decimal;

/// What the document at this place leaves of the order that came before it; nothing for what is no change.
pub(super) fn over(story: &Story, place: usize) -> Vec<String> {
    let Some(Some(later)) = story.records.get(place) else { return Vec::new() };
    if !matches!(purpose(later), Some(Purpose::Change | Purpose::Replacement)) {
        return Vec::new();
    }
    let Some(document) = story.documents.get(place).map(|lineage| &lineage.document) else {
        return Vec::new();
    };
    if document.direction != Direction::Inbound {
        return Vec::new();
    }
    let earlier = story.documents.iter().zip(&story.records).take(place).filter(|(lineage, record)| {
        let of = &lineage.document;
        of.direction == Direction::Inbound
            && of.partner_id == document.partner_id
            && of.record_kind == document.record_kind
            && record.is_some()
    });
    let mut before: Option<Record> = None;
    for record in earlier.filter_map(|(_, record)| record.as_ref()) {
        before = Some(match before {
            Some(before) => before.revised(record).unwrap_or(before),
            None => record.clone(),
        });
    }
    match before {
        None => vec!["came before its order, and is laid over it when that comes".to_owned()],
        Some(before) if purpose(&before) == Some(Purpose::Change) => {
            vec!["the order it changes has not come yet".to_owned()]
        }
        Some(before) => match before.revised(later) {
            Some(after) => differences(&before, &after),
            None => vec!["changes nothing of the order".to_owned()],
        },
    }
}

fn purpose(record: &Record) -> Option<Purpose> {
    match record {
        Record::PurchaseOrder(order) => order.purpose,
        Record::ShippingOrder(order) => order.purpose,
        _ => None,
    }
}

/// One line of an order, as far as people count it.
struct Line<'o> {
    keys: ItemKeys<'o>,
    number: Option<&'o str>,
    quantity: Decimal,
    unit: &'o Option<String>,
}

fn lines(record: &Record) -> Vec<Line<'_>> {
    macro_rules! lines {
        ($order:ident) => {{
            let lines = $order.lines.iter().map(|line| Line {
                keys: line.keys(),
                number: line.line_number.as_deref(),
                quantity: line.quantity.unwrap_or_default(),
                unit: &line.unit,
            });
            lines.collect()
        }};
    }
    match record {
        Record::PurchaseOrder(order) => lines!(order),
        Record::ShippingOrder(order) => lines!(order),
        _ => Vec::new(),
    }
}

/// Lines that are not what they were, in the order of the later ones.
fn differences(before: &Record, after: &Record) -> Vec<String> {
    let (was, is) = (lines(before), lines(after));
    let same = |one: &Line<'_>, other: &Line<'_>| {
        one.keys.same(&other.keys) || same_number(one.number, other.number)
    };
    let amount = |line: &Line<'_>| amounts(std::iter::once((line.quantity, line.unit)));
    let mut told = Vec::new();
    for line in &is {
        match was.iter().find(|other| same(other, line)) {
            None => told.push(format!("{} added, {}", line.keys.shown(), amount(line))),
            Some(other) if (other.quantity, other.unit) != (line.quantity, line.unit) => {
                told.push(format!("{} was {}, is {}", line.keys.shown(), amount(other), amount(line)))
            }
            Some(_) => {}
        }
    }
    let gone = was.iter().filter(|line| !is.iter().any(|other| same(line, other)));
    told.extend(gone.map(|line| format!("{} taken off, was {}", line.keys.shown(), amount(line))));
    if told.is_empty() {
        told.push("no quantity differs".to_owned());
    }
    told
}
