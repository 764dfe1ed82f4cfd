//! Documents that must follow others: what is expected of a document, what came of it, and what did not come in time.

use super::agreements::Agreements;
use super::hub::{Error, Hub};
use super::known;
use super::reminding::{self, Kind, Late, TOLD_ONE_BY_ONE};
use crate::acks::{self, documents};
use crate::canonical::{Record, RecordKind};
use crate::ids;
use crate::ledger;
use crate::profiles::{Expects, Profile, Topic};
use crate::store::{
    ExpectedDocumentRow, ExpectedDocumentState, NewException, NewExpectedDocument, NumbersAsked, Work,
};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use tracing::{error, info};
use uuid::Uuid;

/// The kind of exception that tells of it.
pub(super) const KIND: &str = "document_missing";

/// A document that came or goes.
pub(super) struct Exchanged<'d> {
    pub(super) document: Uuid,
    pub(super) partner: &'d str,
    pub(super) agreement: Option<&'d str>,
    pub(super) record: &'d Record,
    pub(super) at: DateTime<Utc>,
}

/// Expects what must follow documents, and settles what they answer. `unfinished` are the orders, by number and
/// depositor, of which the warehouse has not spoken to the last line.
pub(super) async fn follow(
    work: &mut Work,
    exchanged: &[Exchanged<'_>],
    agreements: &Agreements,
    unfinished: &[(String, String)],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (mut new, mut withdrawn, mut answers) = (Vec::new(), Vec::new(), Vec::new());
    for one in exchanged {
        let Some(profile) = agreements.profiles.find(one.partner) else { continue };
        let kind = one.record.kind();
        for expects in profile.exchange.expects.iter().filter(|expects| expects.after_record == kind) {
            let asked = expected(one, profile, expects);
            if documents::is_withdrawn(one.record) {
                withdrawn.extend(asked.into_iter().map(|new| new.id));
            } else {
                new.extend(asked);
            }
        }
        if profile.exchange.expects.iter().any(|expects| expects.record == kind) {
            answers.push(one.document);
        }
    }
    if new.is_empty() && withdrawn.is_empty() && answers.is_empty() {
        return Ok(());
    }
    let known = work.expect_documents(&new).await?;
    let known: Vec<Uuid> = known.into_iter().map(about).collect();
    work.settle_exceptions_by_hub(&known, "what asks for it was changed, and it is due anew", now).await?;
    let dropped = work.drop_expected_documents(&withdrawn, "what asked for it was cancelled", now).await?;
    let dropped: Vec<Uuid> = dropped.into_iter().map(about).collect();
    work.settle_exceptions_by_hub(&dropped, "what asked for it was cancelled", now).await?;
    let asked: Vec<Uuid> = new.iter().map(|new| new.id).collect();
    let settled = work.settle_expected_documents(&answers, &asked, unfinished).await?;
    let mut by_reason: BTreeMap<String, Vec<Uuid>> = BTreeMap::new();
    for row in settled.iter().filter(|row| row.state == ExpectedDocumentState::CameLate) {
        let late = row.settled_at.map(|at| acks::told(at - row.due_at)).unwrap_or_default();
        info!(partner.id = %row.partner_id, "the {} for {} {} is there, late by {late}", row.document, row.after, row.raw);
        by_reason.entry(format!("it came, late by {late}")).or_default().push(about(row.id));
    }
    for (reason, ids) in by_reason {
        work.settle_exceptions_by_hub(&ids, &reason, now).await?;
    }
    Ok(())
}

fn expected(one: &Exchanged<'_>, profile: &Profile, expects: &Expects) -> Vec<NewExpectedDocument> {
    let due_at = expects.due(one.record, one.at, &profile.calendar);
    let (after, record) = (expects.after_record.word(), expects.record.word());
    let purchase_order = purchase_order_of(one.record);
    documents::asked(one.record, expects.record)
        .into_iter()
        .map(|asked| {
            let number = asked.number;
            let kind = number.kind.word();
            let identity =
                [&*profile.id, after, &asked.identity, record, kind, &number.number, &number.scope];
            let of_order = number.kind == crate::canonical::NumberKind::Order;
            let of_purchase_order = number.kind == crate::canonical::NumberKind::PurchaseOrder;
            NewExpectedDocument {
                id: ids::derived("expected_document", &identity),
                partner_id: profile.id.clone(),
                agreement: one.agreement.map(str::to_owned),
                document_id: one.document,
                after_kind: after.to_owned(),
                record_kind: record.to_owned(),
                after: expects.after.clone(),
                document: expects.document.clone(),
                ours: expects.ours,
                number_kind: kind.to_owned(),
                number: number.number,
                scope: number.scope,
                order_number: of_order.then(|| number.raw.clone()),
                purchase_order_number: if of_purchase_order {
                    Some(number.raw.clone())
                } else {
                    purchase_order.clone()
                },
                raw: number.raw,
                asked_at: one.at,
                due_at,
            }
        })
        .collect()
}

fn purchase_order_of(record: &Record) -> Option<String> {
    match record {
        Record::ShippingOrder(order) => order.purchase_order_number.clone(),
        Record::ShippingAdvice(advice) => advice.purchase_order_number.clone(),
        _ => None,
    }
}

/// The exception that tells of an expectation.
fn about(expected: Uuid) -> Uuid {
    ids::derived("exception", &[KIND, &expected.to_string()])
}

/// Marks what has not come in time, and tells a person.
pub(super) async fn watch(hub: &Hub, work: &mut Work) -> Result<(), Error> {
    let (now, agreements) = (hub.clock.now(), hub.agreements());
    let late = work.mark_missing_documents(now).await?;
    if !late.is_empty() {
        tell_late(work, late, &agreements, now).await?;
    }
    remind(work, &agreements, now).await
}

async fn tell_late(
    work: &mut Work,
    late: Vec<ExpectedDocumentRow>,
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (late, needless) = sort_out(work, late).await?;
    let ids: Vec<Uuid> = needless.iter().map(|row| row.id).collect();
    work.drop_expected_documents(&ids, "nothing was shipped, and nothing follows", now).await?;
    let mut by_partner: BTreeMap<&str, Vec<&ExpectedDocumentRow>> = BTreeMap::new();
    for row in &late {
        by_partner.entry(&row.partner_id).or_default().push(row);
    }
    for (partner, rows) in by_partner {
        if rows.len() > TOLD_ONE_BY_ONE {
            error!(partner.id = %partner, "{partner}: {} documents have not come or gone in time: `crossdock exceptions --reason {KIND}`", rows.len());
            continue;
        }
        for row in rows {
            error!(partner.id = %partner, "{}", told(row, agreements));
        }
    }
    let exceptions: Vec<NewException> = late
        .iter()
        .map(|row| NewException {
            id: about(row.id),
            kind: KIND.to_owned(),
            document_id: Some(row.document_id),
            partner_id: Some(row.partner_id.clone()),
            order_number: row.order_number.clone(),
            purchase_order_number: row.purchase_order_number.clone(),
            line: None,
            amount: None,
            message: told(row, agreements),
            evidence: serde_json::Value::Array(Vec::new()),
            first_seen_at: now,
        })
        .collect();
    work.insert_exceptions(&exceptions).await?;
    Ok(())
}

/// Tells what is still missing again, and hands on what is for too long.
async fn remind(work: &mut Work, agreements: &Agreements, now: DateTime<Utc>) -> Result<(), Error> {
    for profile in agreements.profiles.list() {
        for expects in profile.exchange.expects.iter().filter(|expects| !expects.ladder.is_empty()) {
            let rows = work.list_missing_documents(&profile.id, &expects.after, &expects.document).await?;
            let late: Vec<Late<'_>> = rows
                .iter()
                .map(|row| Late {
                    id: row.id,
                    due_at: row.due_at,
                    reminders: row.reminders,
                    agreement: row.agreement.as_deref(),
                    exception: about(row.id),
                    said: told(row, agreements),
                })
                .collect();
            let kind = Kind { what: "documents", exception: KIND };
            let told = reminding::remind(work, profile, expects.ladder, kind, &late, now).await?;
            work.note_reminders_of_documents(&told, now).await?;
        }
    }
    Ok(())
}

/// What is missing, and what is not needed: of an order that the warehouse closed with nothing shipped there is nothing
/// to advise or to bill.
async fn sort_out(
    work: &mut Work,
    late: Vec<ExpectedDocumentRow>,
) -> Result<(Vec<ExpectedDocumentRow>, Vec<ExpectedDocumentRow>), Error> {
    let of_goods = |row: &ExpectedDocumentRow| {
        let kinds = [RecordKind::ShipNotice, RecordKind::Invoice];
        row.number_kind == crate::canonical::NumberKind::PurchaseOrder.word()
            && kinds.iter().any(|kind| kind.word() == row.record_kind)
    };
    let mut purchase_orders: Vec<String> =
        late.iter().filter(|row| of_goods(row)).map(|row| row.raw.clone()).collect();
    purchase_orders.sort();
    purchase_orders.dedup();
    let known =
        known::look_up_numbers(work, &NumbersAsked { purchase_orders, ..NumbersAsked::default() }).await?;
    let is_needed = |row: &ExpectedDocumentRow| {
        let advices = || known.shipped_for(&row.number).map(|advice| &advice.record);
        !of_goods(row) || !ledger::closed_with_nothing(advices())
    };
    Ok(late.into_iter().partition(is_needed))
}

fn told(row: &ExpectedDocumentRow, agreements: &Agreements) -> String {
    let due = row.due_at.format("%Y-%m-%d %H:%M UTC");
    let asked = row.asked_at.format("%Y-%m-%d");
    let what = row.number_kind.replace('_', " ");
    let (partner, document) = (&row.partner_id, row.document.replace('_', " "));
    let after = row.after.replace('_', " ");
    if row.ours {
        return format!(
            "no {document} has gone to {partner} for {what} {} ({after} of {asked}), due {due}; `crossdock order {}` tells what it waits for",
            row.raw, row.raw
        );
    }
    let whom = agreements.profiles.find(partner).map(|profile| profile.whom(Topic::Business));
    format!(
        "{partner} has not sent the {document} for {what} {} ({after} of {asked}), due {due}; ask {}",
        row.raw,
        whom.unwrap_or_else(|| partner.clone())
    )
}
