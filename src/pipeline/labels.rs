//! Labels: an SSCC on two packs of one document, or on packs of two shipments within a year, is told.

use super::agreements::Agreements;
use super::hub::Error;
use super::known::{self, Known};
use super::rows::Fresh;
use crate::canonical::{
    BusinessNumber, Completeness, NoticeOrder, NumberKind, Purpose, Record, Source, numbers_of,
};
use crate::ids;
use crate::ledger::{self, LabelledTwice};
use crate::profiles::Topic;
use crate::store::{LabelAsked, LabelFound, NewException, NumbersAsked, Work};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeSet, HashSet};
use uuid::Uuid;

/// The kind of exception that tells of it.
const KIND: &str = "sscc_duplicate";

/// A number may be used again after a year (GS1).
const YEAR: TimeDelta = TimeDelta::days(365);

/// Numbers that one sentence names.
const SHOWN: usize = 3;

/// Tells of labels that documents which are written now bear twice, or that were used for other shipments before, and
/// settles what such a document puts right.
pub(super) async fn tell(
    work: &mut Work,
    fresh: &[Fresh<'_>],
    known: &Known,
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let mut own: Vec<(&Fresh<'_>, &Record, Vec<BusinessNumber>)> = Vec::new();
    for fresh in fresh {
        let Some(record @ (Record::ShippingAdvice(_) | Record::ShipNotice(_))) = &fresh.document.record
        else {
            continue;
        };
        own.push((fresh, record, labels_of(record)));
    }
    if own.is_empty() {
        return Ok(());
    }
    let gone = known.out_of_force();
    let (mut exceptions, mut right) = (Vec::new(), Vec::new());
    for (fresh, record, _) in own.iter().filter(|(fresh, ..)| !gone.contains(&fresh.document.id)) {
        let twice = ledger::labelled_twice(record);
        if !twice.is_empty() {
            let message = on_two_packs(fresh, &twice, agreements);
            exceptions.push(exception(within(fresh.document.id), (fresh, record), message, Vec::new(), now));
        }
    }
    // What was told of documents that do not count any more came right.
    let replaced: Vec<(Uuid, Vec<BusinessNumber>)> =
        if own.iter().any(|(_, record, _)| stands_in(record)) { replaced(known, &gone) } else { Vec::new() };
    right.extend(replaced.iter().map(|(document, _)| within(*document)));

    let of_own = own.iter().filter(|(fresh, ..)| !gone.contains(&fresh.document.id));
    let of_own = of_own.map(|(fresh, _, labels)| (fresh.document.id, labels, true));
    let of_others = replaced.iter().map(|(document, labels)| (*document, labels, false));
    let asked = of_own.chain(of_others).flat_map(|(document_id, labels, before)| {
        labels.iter().map(move |label| LabelAsked { document_id, sscc: &label.number, before })
    });
    let asked: Vec<LabelAsked<'_>> = asked.collect();
    let found = if asked.is_empty() { Vec::new() } else { work.find_labels(&asked, now - YEAR).await? };
    if !found.is_empty() {
        let others = others(work, &found).await?;
        let others_gone = others.out_of_force();
        for (fresh, record, labels) in &own {
            let document = fresh.document.id;
            let mut of_own = found.iter().filter(|found| found.document_id == document);
            let stands = |found: &&LabelFound| {
                !gone.contains(&found.other_id) && !others_gone.contains(&found.other_id)
            };
            let Some(first) = of_own.clone().find(stands) else { continue };
            let same = of_own.by_ref().filter(|found| found.other_id == first.other_id);
            let same: BTreeSet<&str> = same.map(|found| found.number.as_str()).collect();
            let same: Vec<&BusinessNumber> =
                labels.iter().filter(|label| same.contains(label.number.as_str())).collect();
            let message = used_before(fresh, record, &same, (first, &others), agreements);
            let evidence = [(document, Some(*record)), (first.other_id, None)].map(|(document, record)| {
                let source = record
                    .zip(same.first())
                    .and_then(|(record, label)| ledger::place_of_label(record, &label.number));
                serde_json::json!({
                    "name": "SSCC",
                    "value": same.first().map(|label| &label.raw),
                    "document": document,
                    "segment_position": source.map(|source| source.segment_ordinal),
                    "byte": source.map(|source| source.byte),
                })
            });
            let id = across(document, first.other_id);
            exceptions.push(exception(id, (fresh, record), message, evidence.to_vec(), now));
        }
        let is_right = |found: &&LabelFound| {
            [found.document_id, found.other_id]
                .iter()
                .any(|one| gone.contains(one) || others_gone.contains(one))
        };
        right.extend(found.iter().filter(is_right).map(|found| across(found.document_id, found.other_id)));
    }
    if !right.is_empty() {
        work.settle_exceptions_by_hub(&right, "not so any more", now).await?;
    }
    if !exceptions.is_empty() {
        work.insert_exceptions(&exceptions).await?;
    }
    Ok(())
}

/// The id of what is told of one document alone.
fn within(document: Uuid) -> Uuid {
    ids::derived("exception", &[KIND, &document.to_string()])
}

/// The id of what is told of two documents, whichever came first.
fn across(one: Uuid, other: Uuid) -> Uuid {
    let (one, other) = (one.min(other), one.max(other));
    ids::derived("exception", &[KIND, &one.to_string(), &other.to_string()])
}

fn labels_of(record: &Record) -> Vec<BusinessNumber> {
    let numbers = record.numbers().into_iter();
    // Of zeros alone it is none.
    numbers.filter(|number| number.kind == NumberKind::Sscc && number.number != "0").collect()
}

/// Whether it may take the place of another.
fn stands_in(record: &Record) -> bool {
    match record {
        Record::ShippingAdvice(advice) => advice.completeness == Some(Completeness::Replacement),
        Record::ShipNotice(notice) => !matches!(notice.purpose, None | Some(Purpose::Original)),
        _ => false,
    }
}

/// Documents that do not count any more, with their labels.
fn replaced(known: &Known, gone: &HashSet<Uuid>) -> Vec<(Uuid, Vec<BusinessNumber>)> {
    let advices = known.advices.iter().map(|advice| (advice.document, numbers_of(&advice.record, None)));
    let notices = known.notices.iter().map(|notice| (notice.document, numbers_of(&notice.record, None)));
    let all = advices.chain(notices).filter(|(document, _)| gone.contains(document));
    let labels = all.map(|(document, mut numbers)| {
        numbers.retain(|number| number.kind == NumberKind::Sscc && number.number != "0");
        (document, numbers)
    });
    labels.collect()
}

/// The other documents, and what may stand in for them.
async fn others(work: &mut Work, found: &[LabelFound]) -> Result<Known, Error> {
    let documents: BTreeSet<Uuid> = found.iter().map(|found| found.other_id).collect();
    let documents: Vec<Uuid> = documents.into_iter().collect();
    let asked = NumbersAsked { documents, ..NumbersAsked::default() };
    let own = known::look_up_numbers(work, &asked).await?;
    let advices = || own.advices.iter().map(|advice| &advice.record);
    let notices = own.notices.iter().flat_map(|notice| numbers_of(&notice.record, None));
    let orders = notices.filter(|number| number.kind == NumberKind::PurchaseOrder);
    let asked = NumbersAsked {
        orders: advices().filter_map(|advice| advice.order_number.clone()).collect(),
        shipments: advices().filter_map(|advice| advice.shipment_number().map(str::to_owned)).collect(),
        purchase_orders: orders.map(|number| number.number).collect(),
        ..asked
    };
    known::look_up_numbers(work, &asked).await
}

fn at(source: Option<Source>) -> String {
    source.map_or_else(String::new, |source| format!(" segment {}", source.segment_ordinal))
}

fn whom(fresh: &Fresh<'_>, agreements: &Agreements) -> String {
    let partner = &fresh.document.partner;
    let profile = agreements.profiles.find(partner);
    profile.map_or_else(|| partner.clone(), |profile| profile.whom(Topic::Business))
}

fn on_two_packs(fresh: &Fresh<'_>, twice: &[LabelledTwice], agreements: &Agreements) -> String {
    let (kind, id) = (&fresh.document.kind, ids::short(fresh.document.id));
    let told = twice.iter().take(SHOWN).map(|found| {
        let [one, other] = found.at.map(at);
        format!("{} stands on two packs ({kind} document {id}{one} and{other}): {}", found.sscc, found.why)
    });
    let told: Vec<String> = told.collect();
    let more = match twice.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; so do {more} more"),
    };
    format!(
        "SSCC {}{more}; the customer is told of one pack: ask {} how the other is labelled, and for a {kind} that replaces this one",
        told.join("; SSCC "),
        whom(fresh, agreements)
    )
}

fn used_before(
    fresh: &Fresh<'_>,
    record: &Record,
    same: &[&BusinessNumber],
    (found, others): (&LabelFound, &Known),
    agreements: &Agreements,
) -> String {
    let (kind, id) = (&fresh.document.kind, ids::short(fresh.document.id));
    let number = same.first().map(|label| label.number.as_str()).unwrap_or_default();
    let shown: Vec<&str> = same.iter().take(SHOWN).map(|label| label.raw.as_str()).collect();
    let more = match same.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let advice = others.advices.iter().find(|advice| advice.document == found.other_id);
    let notice = others.notices.iter().find(|notice| notice.document == found.other_id);
    let shipment = advice
        .and_then(|advice| advice.record.shipment_number().or(advice.record.order_number.as_deref()))
        .or_else(|| notice.and_then(|notice| notice.record.shipment_id.as_deref()));
    let on = advice.and_then(|advice| advice.record.shipped_on);
    let on = on.or_else(|| notice.and_then(|notice| notice.record.shipped_on));
    let on = on.unwrap_or_else(|| found.other_received_at.date_naive());
    let other = advice.map(|advice| Record::from(advice.record.clone()));
    let other = other.or_else(|| notice.map(|notice| Record::from(notice.record.clone())));
    let other_at = other.and_then(|other| ledger::place_of_label(&other, number));
    format!(
        "{} {}{more} ({kind} document {id}{}) {} on shipment {} of {on} as well ({} document {}{}); a number names one pack for a year: ask {} which of the two bears it, and for a {kind} that replaces the wrong one",
        if same.len() == 1 { "SSCC" } else { "SSCCs" },
        shown.join(", "),
        at(ledger::place_of_label(record, number)),
        if same.len() == 1 { "is" } else { "are" },
        shipment.unwrap_or("without a number"),
        found.other_kind,
        ids::short(found.other_id),
        at(other_at),
        whom(fresh, agreements),
    )
}

fn exception(
    id: Uuid,
    (fresh, record): (&Fresh<'_>, &Record),
    message: String,
    evidence: Vec<serde_json::Value>,
    now: DateTime<Utc>,
) -> NewException {
    let (order_number, purchase_order_number) = match record {
        Record::ShippingAdvice(advice) => (advice.order_number.clone(), advice.purchase_order_number.clone()),
        Record::ShipNotice(notice) => {
            let of = |field: fn(&NoticeOrder) -> &Option<String>| field(notice.orders.first()?).clone();
            (of(|order| &order.order_number), of(|order| &order.purchase_order_number))
        }
        _ => (None, None),
    };
    NewException {
        id,
        kind: KIND.to_owned(),
        document_id: Some(fresh.document.id),
        partner_id: Some(fresh.document.partner.clone()),
        order_number,
        purchase_order_number,
        line: None,
        amount: None,
        message,
        evidence: serde_json::Value::Array(evidence),
        first_seen_at: now,
    }
}
