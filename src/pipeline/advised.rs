//! Application advices (824) and messages (864): what partners say of the content of what we sent, acknowledged or not.
//!
//! A document that an advice refuses is open again, as an exception; one that takes it later settles that.

use super::answers::number;
use super::hub::Error;
use super::read::Reading;
use crate::canonical::{NumberKind, evened};
use crate::formats::x12::advice_reader::Advice;
use crate::ids;
use crate::pipeline::Agreements;
use crate::profiles::{Profile, Topic};
use crate::store::{Business, NewException, SentDocument, SentNumber, Work};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use tracing::{error, warn};
use uuid::Uuid;

/// The content of a document is refused.
pub(super) const REFUSED: &str = "content_refused";
/// The content of a document is taken, with something to be seen to.
pub(super) const REMARKED: &str = "content_remarked";
/// A message to people.
pub(super) const MESSAGE: &str = "partner_message";

/// Keeps what the advices of a file say of our documents.
pub(super) async fn settle(
    work: &mut Work,
    reading: &Reading,
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    for interchange in reading.interchanges.iter().filter(|interchange| !interchange.advices.is_empty()) {
        // A test says nothing of what was sent in earnest.
        let Some(profile) = agreements.profiles.find(&interchange.partner) else { continue };
        if !interchange.has_effects {
            continue;
        }
        let asked: Vec<SentNumber> =
            (0..).zip(&interchange.advices).flat_map(|(place, advice)| numbers_of(place, advice)).collect();
        let sent = work.find_sent_documents(&profile.id, &asked).await?;
        let mut of_place: BTreeMap<i32, &SentDocument> = BTreeMap::new();
        for found in &sent {
            of_place.entry(found.place).or_insert(found);
        }
        let (mut exceptions, mut business) = (Vec::new(), Vec::new());
        let (mut right, mut taken) = (Vec::new(), Vec::new());
        for (place, advice) in (0..).zip(&interchange.advices) {
            let own = reading.documents.iter().find(|document| document.bytes.start == advice.set_byte);
            let own = own.map(|document| document.id);
            let document = of_place.get(&place).copied();
            if let Some(found) = document.filter(|_| advice.takes()) {
                right.push(about(REFUSED, found.document_id));
                right.push(about(REMARKED, found.document_id));
                taken.push(found.document_id);
                continue;
            }
            if advice.takes() {
                continue;
            }
            let message = told(advice, profile, document);
            let kind = kind_of(advice);
            if let Some(found) = document.filter(|_| kind == REFUSED) {
                error!(partner.id = %profile.id, document.id = %found.document_id, "{message}");
                business.push((found.document_id, Business::Exception, message.clone()));
            } else {
                warn!(partner.id = %profile.id, "{message}");
            }
            exceptions.push(NewException {
                id: match document.filter(|_| kind != MESSAGE) {
                    Some(found) => about(kind, found.document_id),
                    None => ids::derived(
                        "exception",
                        &[kind, &own.unwrap_or_default().to_string(), &advice.byte.to_string()],
                    ),
                },
                kind: kind.to_owned(),
                document_id: document.map(|found| found.document_id).or(own),
                partner_id: Some(profile.id.clone()),
                order_number: document.and_then(|found| found.order_number.clone()),
                purchase_order_number: document.and_then(|found| found.purchase_order_number.clone()),
                line: None,
                amount: None,
                message,
                evidence: serde_json::json!([{ "name": "said in", "document": own, "byte": advice.byte }]),
                first_seen_at: now,
            });
        }
        work.settle_exceptions_by_hub(&right, "an application advice takes it", now).await?;
        work.reopen_documents(&taken).await?;
        work.insert_exceptions(&exceptions).await?;
        work.set_business(&business).await?;
    }
    Ok(())
}

fn kind_of(advice: &Advice) -> &'static str {
    match (advice.set_id.as_str(), advice.refuses()) {
        ("864", _) => MESSAGE,
        (_, true) => REFUSED,
        (_, false) => REMARKED,
    }
}

fn about(kind: &str, document: Uuid) -> Uuid {
    ids::derived("exception", &[kind, &document.to_string()])
}

/// What the advice names, the surest first.
fn numbers_of(place: i32, advice: &Advice) -> Vec<SentNumber> {
    let group = number(&advice.group_control);
    let mut numbers = Vec::new();
    if let Some(group) = group.filter(|_| !advice.set_control.is_empty()) {
        numbers.push(SentNumber {
            place,
            rank: 0,
            group_control: Some(group),
            set_control: Some(evened(&advice.set_control)),
            kind: None,
            number: None,
            set_id: some(&advice.of_set),
        });
    }
    for (rank, (qualifier, named)) in (1..).zip(&advice.numbers) {
        let kind = number_kind(qualifier);
        if named.is_empty() || (kind.is_none() && !qualifier.is_empty()) {
            continue;
        }
        numbers.push(SentNumber {
            place,
            rank,
            group_control: None,
            set_control: None,
            kind: kind.map(|kind| kind.word().to_owned()),
            number: Some(evened(named)),
            set_id: some(&advice.of_set),
        });
    }
    numbers
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// What a qualifier of references (element 128) says that a number is; none of one that says nothing we keep.
fn number_kind(qualifier: &str) -> Option<NumberKind> {
    Some(match qualifier {
        "IV" | "OI" | "CM" => NumberKind::Invoice,
        "PO" | "CO" | "VN" => NumberKind::PurchaseOrder,
        "SI" | "MA" => NumberKind::Shipment,
        "BM" | "MB" => NumberKind::BillOfLading,
        "CN" => NumberKind::Pro,
        "DO" | "OQ" | "WO" => NumberKind::Order,
        _ => return None,
    })
}

fn told(advice: &Advice, profile: &Profile, document: Option<&SentDocument>) -> String {
    let said = if advice.texts.is_empty() { String::new() } else { format!(": {}", advice.texts.join("; ")) };
    let named = advice.numbers.iter().find(|(_, number)| !number.is_empty());
    let whom = profile.whom(Topic::Business);
    let what = match document {
        Some(found) => {
            let number = found.business_number.as_deref().unwrap_or("without a number");
            format!("{} {number}", found.kind.replace('_', " "))
        }
        None => {
            let number = named.map(|(_, number)| number.as_str()).unwrap_or_default();
            let what = format!("{} {number}", advice.of_set);
            if what.trim().is_empty() { "what we sent".to_owned() } else { what.trim().to_owned() }
        }
    };
    let unknown = if document.is_none() { ", which we have not sent it" } else { "" };
    match (advice.set_id.as_str(), advice.refuses()) {
        ("864", _) => {
            let about = document.map(|_| format!(" about {what}")).unwrap_or_default();
            format!("{} writes{about}{said}; answer {whom}, then settle this", profile.id)
        }
        (_, true) => {
            let todo = document.map_or_else(
                || format!("ask {whom}"),
                |found| {
                    let id = ids::short(found.document_id);
                    format!("mend it and send it anew: `crossdock replay {id} --issue-new`, or ask {whom}")
                },
            );
            format!("{} refuses the content of {what}{unknown}{said}; {todo}", profile.id)
        }
        (_, false) => format!("{} takes {what}{unknown} with a remark ({}){said}", profile.id, advice.code),
    }
}
