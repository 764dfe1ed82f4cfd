//! Which orders a number may mean.

use super::MOST;
use crate::canonical::{NumberKind, evened};
use crate::store::{Direction, DocumentRow, FoundNumber, Store};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// An order, or a purchase order without one.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Candidate {
    /// The depositor's order number; none where only the purchase order is known.
    pub(super) order: Option<String>,
    /// Who ordered.
    pub(super) partner: Option<String>,
    /// The depositor's number at the warehouse; may be empty.
    pub(super) depositor: String,
    /// Purchase orders it is for.
    pub(super) purchase_orders: Vec<String>,
    /// Its first document.
    pub(super) since: Option<DateTime<Utc>>,
    /// Documents that name it.
    pub(super) named_by: Vec<Uuid>,
}

/// A document with its numbers.
struct Named {
    row: DocumentRow,
    /// The depositor, where it names one.
    scope: String,
    /// Purchase orders, evened and as written.
    purchase_orders: BTreeMap<String, String>,
}

/// Every order that a number may mean, the latest first.
pub(super) async fn candidates(
    store: &Store,
    number: &str,
    kind: Option<NumberKind>,
) -> anyhow::Result<Vec<Candidate>> {
    let found = store.find_numbers(number, kind, MOST).await?;
    let ids: Vec<Uuid> =
        found.iter().map(|found| found.document_id).collect::<BTreeSet<_>>().into_iter().collect();
    let documents = named(store, &ids).await?;
    let numbers = store.list_numbers(&ids).await?;
    let of_kind = |numbers: &[FoundNumber], id: Uuid, kind: NumberKind| -> BTreeSet<String> {
        let of = numbers.iter().filter(|number| number.document_id == id && number.kind == kind.word());
        of.map(|number| evened(&number.number)).collect()
    };
    let mut orders = BTreeSet::new();
    for id in &ids {
        let own = of_kind(&numbers, *id, NumberKind::Order);
        if own.is_empty() {
            let of: Vec<String> = of_kind(&numbers, *id, NumberKind::PurchaseOrder).into_iter().collect();
            orders.extend(store.list_orders_of(&of).await?);
        } else if own.contains(&evened(number)) {
            orders.insert(evened(number));
        } else {
            orders.extend(own);
        }
    }
    let mut candidates = Vec::new();
    for order in &orders {
        for candidate in of_order(store, order).await? {
            let theirs: BTreeSet<String> =
                candidate.purchase_orders.iter().map(|number| evened(number)).collect();
            // One of those that the number was found in, or one for its purchase order.
            let belongs = documents.iter().any(|document| {
                candidate.named_by.contains(&document.row.id)
                    || (of_kind(&numbers, document.row.id, NumberKind::Order).is_empty()
                        && document.purchase_orders.keys().any(|number| theirs.contains(number)))
            });
            if belongs {
                candidates.push(candidate);
            }
        }
    }
    if orders.is_empty() {
        candidates = of_purchase_orders(documents);
    }
    candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.since));
    Ok(candidates)
}

async fn named(store: &Store, ids: &[Uuid]) -> anyhow::Result<Vec<Named>> {
    let numbers = store.list_numbers(ids).await?;
    let mut found = Vec::new();
    let mut rows = store.find_documents(ids).await?;
    rows.sort_by_key(|row| ids.iter().position(|id| *id == row.id));
    for row in rows {
        let own = || numbers.iter().filter(|number| number.document_id == row.id);
        let order = own().find(|number| number.kind == NumberKind::Order.word());
        let purchase_orders = own()
            .filter(|number| number.kind == NumberKind::PurchaseOrder.word())
            .map(|number| (evened(&number.number), number.number.clone()))
            .collect();
        let scope = order.map(|order| order.scope.clone()).unwrap_or_default();
        found.push(Named { row, scope, purchase_orders });
    }
    found.sort_by_key(|named| (named.row.received_at, named.row.ordinal));
    Ok(found)
}

/// The orders of this number: one for each partner and depositor who uses it.
async fn of_order(store: &Store, order: &str) -> anyhow::Result<Vec<Candidate>> {
    let found = store.find_numbers(order, Some(NumberKind::Order), MOST).await?;
    let ids: Vec<Uuid> = found.iter().map(|found| found.document_id).collect();
    let raw = found.last().map_or_else(|| order.to_owned(), |found| found.number.clone());
    let documents = named(store, &ids).await?;
    let is_order = |document: &&Named| {
        document.row.direction == Direction::Inbound
            && document.row.record_kind.as_deref() == Some("shipping_order")
    };
    let mut groups: Vec<(Option<String>, String)> = Vec::new();
    for origin in documents.iter().filter(is_order) {
        let group = (origin.row.partner_id.clone(), origin.scope.clone());
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    // A depositor whose order has not come by us.
    for document in documents.iter().filter(|document| !document.scope.is_empty()) {
        if groups.iter().all(|(_, scope)| !scope.is_empty() && *scope != document.scope) {
            groups.push((None, document.scope.clone()));
        }
    }
    if groups.is_empty() {
        groups.push((None, String::new()));
    }
    let mut candidates = Vec::new();
    for (partner, depositor) in groups {
        let own = |document: &&Named| {
            is_order(document) && document.row.partner_id == partner && document.scope == depositor
        };
        let theirs: BTreeSet<&String> =
            documents.iter().filter(own).flat_map(|document| document.purchase_orders.keys()).collect();
        let belongs = |document: &&Named| -> bool {
            if let Some(origin) = origin_of(document, &documents).filter(|origin| is_order(origin)) {
                return origin.row.partner_id == partner && origin.scope == depositor;
            }
            let other_depositor =
                !document.scope.is_empty() && !depositor.is_empty() && document.scope != depositor;
            let other_purchase_order = !theirs.is_empty()
                && !document.purchase_orders.is_empty()
                && !document.purchase_orders.keys().any(|number| theirs.contains(number));
            !other_depositor && !other_purchase_order
        };
        let members: Vec<&Named> = documents.iter().filter(belongs).collect();
        let purchase_orders: BTreeMap<String, String> =
            members.iter().rev().flat_map(|document| document.purchase_orders.clone()).collect();
        let first = members.first().map(|document| document.row.clone());
        candidates.push(Candidate {
            order: Some(raw.clone()),
            partner: partner.clone().or_else(|| first.as_ref()?.partner_id.clone()),
            depositor: depositor.clone(),
            purchase_orders: purchase_orders.into_values().collect(),
            since: first.map(|row| row.received_at),
            named_by: members.iter().map(|document| document.row.id).collect(),
        });
    }
    Ok(candidates)
}

/// The document that one was made of, of which, and so on.
fn origin_of<'d>(document: &'d Named, documents: &'d [Named]) -> Option<&'d Named> {
    let mut at = document;
    // A document is made of one that came before it, so this ends; a loop would be a fault of the database.
    for _ in 0..documents.len() {
        let Some(source) = at.row.source_document_id else { break };
        let Some(next) = documents.iter().find(|document| document.row.id == source) else { break };
        at = next;
    }
    Some(at)
}

/// Purchase orders that no order is known for; a document without one stands for itself.
fn of_purchase_orders(documents: Vec<Named>) -> Vec<Candidate> {
    let mut candidates: BTreeMap<String, Candidate> = BTreeMap::new();
    for document in documents {
        let none = (String::new(), String::new());
        let numbers = document.purchase_orders.clone().into_iter();
        let numbers: Vec<_> =
            if document.purchase_orders.is_empty() { vec![none] } else { numbers.collect() };
        for (evened, raw) in numbers {
            let candidate = candidates.entry(evened).or_insert_with(|| Candidate {
                order: None,
                partner: document.row.partner_id.clone(),
                depositor: document.scope.clone(),
                purchase_orders: (!raw.is_empty()).then_some(raw).into_iter().collect(),
                since: Some(document.row.received_at),
                named_by: Vec::new(),
            });
            candidate.named_by.push(document.row.id);
        }
    }
    candidates.into_values().collect()
}
