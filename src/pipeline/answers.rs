//! Answers: what partners' acknowledgments make of what we sent.

use super::hub::Error;
use super::read::Reading;
use crate::acks::{self, State, Verdict};
use crate::formats::x12::ack_reader::{Received, ReceivedKind};
use crate::ids;
use crate::store::{
    AcknowledgmentNote, AcknowledgmentState, FoundExpectation, NewReceivedAcknowledgment, Settlement, Work,
};
use chrono::{DateTime, Utc};
use tracing::{error, info, warn};
use uuid::Uuid;

/// Matches every acknowledgment of a file with what it answers, and keeps both.
pub(super) async fn settle(
    work: &mut Work,
    reading: &Reading,
    file: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let mut kept = Vec::new();
    for interchange in reading.interchanges.iter().filter(|interchange| interchange.has_effects) {
        for answer in &interchange.answers {
            let found = find(work, answer, &interchange.partner).await?;
            let (expected, note, detail) = match found {
                Found::Nothing => (
                    None,
                    AcknowledgmentNote::Unmatched,
                    "it answers nothing that was sent to this partner".to_owned(),
                ),
                Found::Other(partner) => {
                    let detail = format!("it answers what was sent to {partner}");
                    error!(partner.id = %interchange.partner, "an acknowledgment of {} {}", interchange.partner, detail);
                    (None, AcknowledgmentNote::WrongPartner, detail)
                }
                Found::Ours(found) => {
                    let (settlement, note, detail) = fold(&found, answer, now);
                    if let Some(settlement) = settlement {
                        told(&interchange.partner, answer, &settlement, &detail);
                        work.settle_expected_acknowledgments(&[settlement]).await?;
                    }
                    (Some(found.row.id), note, detail)
                }
            };
            if matches!(note, AcknowledgmentNote::Unmatched | AcknowledgmentNote::Conflicting) {
                warn!(
                    partner.id = %interchange.partner,
                    "{} of group {} {}: {detail}", word(answer.kind), answer.functional_id, answer.control_number
                );
            }
            let byte = answer.byte.to_string();
            let document = reading.documents.iter().find(|document| document.bytes.contains(&answer.byte));
            kept.push(NewReceivedAcknowledgment {
                id: ids::derived("received_acknowledgment", &[&file.to_string(), &byte]),
                file_id: file,
                document_id: document.map(|document| document.id),
                partner_id: Some(interchange.partner.clone()),
                kind: word(answer.kind).to_owned(),
                functional_id: answer.functional_id.clone(),
                group_control: answer.control_number.clone(),
                status: State::of_code(code(&answer.status)).map_or(AcknowledgmentState::Rejected, stored),
                sets: sets(answer),
                expected_id: expected,
                note,
                detail,
                received_at: now,
            });
        }
    }
    work.insert_received_acknowledgments(&kept).await?;
    Ok(())
}

enum Found {
    Ours(Box<FoundExpectation>),
    Other(String),
    Nothing,
}

async fn find(work: &mut Work, answer: &Received, partner: &str) -> Result<Found, Error> {
    // Control numbers are compared as numbers: partners drop and add leading zeros.
    let Ok(number) = answer.control_number.trim().parse::<i64>() else { return Ok(Found::Nothing) };
    let ours = work.find_expected_acknowledgments(Some(partner), &answer.functional_id, &[number]).await?;
    if let Some(found) = ours.into_iter().next() {
        return Ok(Found::Ours(Box::new(found)));
    }
    let others = work.find_expected_acknowledgments(None, &answer.functional_id, &[number]).await?;
    // Small numbers are in use with everybody; only an open one of another partner is worth an alarm.
    let open = others.into_iter().find(|found| found.row.state == AcknowledgmentState::Awaited);
    Ok(open.map_or(Found::Nothing, |found| Found::Other(found.row.partner_id)))
}

fn fold(
    found: &FoundExpectation,
    answer: &Received,
    now: DateTime<Utc>,
) -> (Option<Settlement>, AcknowledgmentNote, String) {
    let expected = acks::Expected {
        state: State::parse(found.row.state.as_str()).unwrap_or(State::Awaited),
        due_at: found.row.due_at,
        sets: found
            .sets
            .iter()
            .map(|set| (set.set_control.clone(), State::parse(set.state.as_str()).unwrap_or(State::Awaited)))
            .collect(),
    };
    let said = acks::Answer {
        group: code(&answer.status),
        sets: answer.sets.iter().map(|set| (set.control_number.clone(), code(&set.status))).collect(),
        received_at: now,
    };
    match acks::settle(&expected, &said) {
        Verdict::Settled { state, sets, note } => {
            let sets = found.sets.iter().zip(sets);
            let settlement = Settlement {
                expected_id: found.row.id,
                state: stored(state),
                settled_at: now,
                sets: sets
                    .map(|(set, state)| (set.set_id.clone(), set.set_control.clone(), stored(state)))
                    .collect(),
            };
            let late =
                if now > found.row.due_at { AcknowledgmentNote::Late } else { AcknowledgmentNote::Plain };
            (Some(settlement), late, note)
        }
        Verdict::Duplicate => (None, AcknowledgmentNote::Duplicate, "it says what was known".to_owned()),
        Verdict::Conflicting(why) => (None, AcknowledgmentNote::Conflicting, why),
    }
}

/// A rejection needs a person at once: what it answers must be repaired and sent anew.
fn told(partner: &str, answer: &Received, settlement: &Settlement, detail: &str) {
    let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
    let state = settlement.state.as_str().replace('_', " ");
    let refused =
        matches!(settlement.state, AcknowledgmentState::Rejected | AcknowledgmentState::PartiallyAccepted);
    let group = format!("{} {}", answer.functional_id, answer.control_number);
    if refused {
        error!(partner.id = %partner, "{partner}: group {group} is {state}{detail}");
    } else {
        info!(partner.id = %partner, "{partner}: group {group} is {state}{detail}");
    }
}

fn sets(answer: &Received) -> serde_json::Value {
    let sets = answer.sets.iter().map(|set| {
        let segments = set.segments.iter().map(|segment| {
            let elements = segment.elements.iter().map(|element| format!("{element:?}")).collect::<Vec<_>>();
            serde_json::json!({ "id": segment.id, "position": segment.position, "code": segment.code, "elements": elements })
        });
        serde_json::json!({
            "set": set.set_id,
            "control_number": set.control_number,
            "status": set.status,
            "codes": set.codes,
            "segments": segments.collect::<Vec<_>>(),
        })
    });
    sets.collect()
}

fn code(status: &str) -> u8 {
    status.trim().bytes().next().unwrap_or(0)
}

fn stored(state: State) -> AcknowledgmentState {
    state.word().parse().unwrap_or(AcknowledgmentState::Awaited)
}

fn word(kind: ReceivedKind) -> &'static str {
    match kind {
        ReceivedKind::Ta1 => "TA1",
        ReceivedKind::F997 => "997",
        ReceivedKind::F999 => "999",
    }
}
