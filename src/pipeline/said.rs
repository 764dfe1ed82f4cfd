//! What an acknowledgment says: as it is kept in its row, and as people are told.

use crate::acks::{self, Said, State, codes};
use crate::formats::x12::ack_reader::{Received, ReceivedKind, ReceivedSet};
use crate::store::{AcknowledgmentState, NewReceivedAcknowledgment};

/// The kind of row that answers an interchange.
pub(super) const TA1: &str = "TA1";

/// What an answer says, as it is kept.
pub(super) fn said_of(kind: &str, code: &str, status: AcknowledgmentState, sets: &serde_json::Value) -> Said {
    // Rows of the first version have no code.
    let code = match (first(code), status) {
        (0, AcknowledgmentState::Accepted) => b'A',
        (0, AcknowledgmentState::AcceptedWithErrors) => b'E',
        (0, AcknowledgmentState::PartiallyAccepted) => b'P',
        (code, _) => code,
    };
    let text = |value: &serde_json::Value, name: &str| {
        value.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
    };
    let sets = sets.as_array().map(Vec::as_slice).unwrap_or_default();
    if kind == TA1 {
        let note = sets.first().map(|note| text(note, "note")).unwrap_or_default();
        return Said::Interchange { code, note };
    }
    let count = |name: &str| {
        let count = sets.iter().find_map(|set| set.get(name)).and_then(serde_json::Value::as_u64);
        count.and_then(|count| u32::try_from(count).ok())
    };
    let counts = (count("included"), count("accepted"));
    let of_sets = sets.iter().filter(|set| set.get("control_number").is_some());
    Said::Group {
        code,
        counts,
        sets: of_sets.map(|set| (text(set, "control_number"), first(&text(set, "status")))).collect(),
    }
}

/// What an answer says of each set, for people; AK9's counts and TA105 stand in an entry of their own.
pub(super) fn sets(answer: &Received) -> serde_json::Value {
    if answer.kind == ReceivedKind::Ta1 {
        return serde_json::json!([{ "note": answer.codes.first() }]);
    }
    let of_set = |set: &ReceivedSet| {
        let segments = set.segments.iter().map(|segment| {
            let elements = segment.elements.iter().map(|element| {
                serde_json::json!({
                    "element": element.place.0, "component": element.place.1, "code": element.code,
                    "value": element.value,
                })
            });
            serde_json::json!({
                "id": segment.id, "position": segment.position, "code": segment.code,
                "elements": elements.collect::<Vec<_>>(),
            })
        });
        serde_json::json!({
            "set": set.set_id,
            "control_number": set.control_number,
            "status": set.status,
            "codes": set.codes,
            "segments": segments.collect::<Vec<_>>(),
        })
    };
    let counts = answer.counts;
    let group = serde_json::json!({ "included": counts.0, "accepted": counts.2, "codes": answer.codes });
    std::iter::once(group).chain(answer.sets.iter().map(of_set)).collect()
}

/// What an answer says is wrong with one set, in words: `: segments are in error; W01, the 12th segment: …`.
pub(super) fn fault_of(said: &NewReceivedAcknowledgment, set_control: &str) -> String {
    let of = |value: &serde_json::Value, name: &str| value.get(name).cloned().unwrap_or_default();
    let text =
        |value: &serde_json::Value, name: &str| of(value, name).as_str().unwrap_or_default().to_owned();
    let list =
        |value: &serde_json::Value, name: &str| of(value, name).as_array().cloned().unwrap_or_default();
    let sets = said.sets.as_array().map(Vec::as_slice).unwrap_or_default();
    if said.kind == TA1 {
        let note = sets.first().map(|sets| text(sets, "note")).unwrap_or_default();
        return format!(": with its whole interchange, {}", codes::of_interchange(&note));
    }
    let Some(set) = sets.iter().find(|set| acks::same_number(&text(set, "control_number"), set_control))
    else {
        let group = sets.first().map(|group| list(group, "codes")).unwrap_or_default();
        let codes: Vec<String> = group
            .iter()
            .filter_map(|code| code.as_str())
            .map(|code| codes::of_group(code).to_owned())
            .collect();
        return if codes.is_empty() { String::new() } else { format!(": {}", codes.join("; ")) };
    };
    let mut told: Vec<String> = list(set, "codes")
        .iter()
        .filter_map(|code| code.as_str())
        .map(|code| codes::of_set(code).to_owned())
        .collect();
    for segment in list(set, "segments").iter().take(3) {
        let at = format!("{}, segment {}", text(segment, "id"), of(segment, "position"));
        let elements = list(segment, "elements");
        told.extend(elements.iter().take(3).map(|element| {
            let value = text(element, "value");
            let value = if value.is_empty() { value } else { format!(" `{value}`") };
            let code = codes::of_element(&text(element, "code"));
            format!("{at}: element {}{value} {code}", of(element, "element"))
        }));
        if elements.is_empty() {
            told.push(format!("{at}: {}", codes::of_segment(&text(segment, "code"))));
        }
    }
    if told.is_empty() { String::new() } else { format!(": {}", told.join("; ")) }
}

pub(super) fn first(status: &str) -> u8 {
    status.trim().bytes().next().unwrap_or(0)
}

pub(super) fn stored(state: State) -> AcknowledgmentState {
    state.word().parse().unwrap_or(AcknowledgmentState::Awaited)
}

pub(super) fn word(kind: ReceivedKind) -> &'static str {
    match kind {
        ReceivedKind::Ta1 => TA1,
        ReceivedKind::F997 => "997",
        ReceivedKind::F999 => "999",
    }
}
