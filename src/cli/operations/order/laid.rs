//! What a change of an order does to the order: its lines as they were and as they are.

use super::Story;
use crate::canonical::{Purpose, Record};
use crate::ledger;
use crate::store::Direction;

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
            Some(after) => match ledger::changes(&before, &after) {
                told if told.is_empty() => vec!["no quantity differs".to_owned()],
                told => told,
            },
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
