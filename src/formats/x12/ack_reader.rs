//! Acknowledgments that partners send, read as they come.
//!
//! Real senders are careless with them, so nothing here depends on whether the set was found valid.

use super::cursor::Segments;
use super::envelope::{parse_number, trimmed};
use super::segment::Segment;
use super::verdict::{File, Ta1};

/// Which acknowledgment it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceivedKind {
    /// Of an interchange.
    Ta1,
    /// Of a group, by the standard.
    F997,
    /// Of a group, by the standard and a guide.
    F999,
}

/// What one TA1, 997 or 999 says of one of our interchanges or groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Which acknowledgment.
    pub kind: ReceivedKind,
    /// Place among the file's interchanges of the one that brought it.
    pub interchange: usize,
    /// AK101: the GS01 of our group; empty in a TA1.
    pub functional_id: String,
    /// AK102: the GS06 of our group, or TA101: our ISA13. As sent; zeros in front may differ from ours.
    pub control_number: String,
    /// AK103: the GS08 of our group, from 005010 on.
    pub version: String,
    /// AK901 or TA104 as sent, such as `A`; empty when it is not there.
    pub status: String,
    /// AK905 to AK909, or TA105.
    pub codes: Vec<String>,
    /// AK902, AK903 and AK904: sets included, received and accepted.
    pub counts: (Option<u32>, Option<u32>, Option<u32>),
    /// What it says of single sets.
    pub sets: Vec<ReceivedSet>,
    /// Offset of the TA1, or of the AK1 (of the ST if there is none).
    pub byte: u64,
}

/// One AK2 to AK5.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceivedSet {
    /// AK201: our ST01.
    pub set_id: String,
    /// AK202: our ST02.
    pub control_number: String,
    /// AK501 as sent; empty when AK5 is not there.
    pub status: String,
    /// AK502 to AK506.
    pub codes: Vec<String>,
    /// Segments with faults.
    pub segments: Vec<ReceivedSegment>,
}

/// One AK3 with its AK4s.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceivedSegment {
    /// AK301.
    pub id: String,
    /// AK302, ST is 1; 0 when it is no number.
    pub position: u32,
    /// AK303.
    pub loop_id: String,
    /// AK304.
    pub code: String,
    /// What CTX says of the segment.
    pub contexts: Vec<ReceivedContext>,
    /// Elements with faults.
    pub elements: Vec<ReceivedElement>,
}

/// One AK4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceivedElement {
    /// AK401-01 to -03: element, component and repetition; 0 when not there.
    pub place: (u32, u32, u32),
    /// AK402: data element number, 0 when not there.
    pub element_number: u32,
    /// AK403.
    pub code: String,
    /// AK404: copy of the data.
    pub value: String,
    /// What CTX says of the element.
    pub contexts: Vec<ReceivedContext>,
}

/// One CTX of a 999: the business document a fault is in, or what in it caused the fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceivedContext {
    /// CTX01-01: `SITUATIONAL TRIGGER`, or the place of a business number such as `BEG03`.
    pub name: String,
    /// CTX01-02: the business number.
    pub value: String,
    /// CTX02: the segment that caused the fault.
    pub segment: String,
    /// CTX03, ST is 1; 0 when it is not there.
    pub position: u32,
    /// CTX04.
    pub loop_id: String,
    /// CTX05: element, component and repetition; 0 when not there.
    pub place: (u32, u32, u32),
}

/// Reads every TA1, 997 and 999 of a file, in file order. `bytes` is the whole file that `file` was read from.
#[must_use]
pub fn read_acknowledgments(bytes: &[u8], file: &File) -> Vec<Received> {
    let mut received = Vec::new();
    for (index, interchange) in file.interchanges.iter().enumerate() {
        received.extend(interchange.acknowledgments.iter().map(|ta1| of_ta1(ta1, index)));
        for set in interchange.groups.iter().flat_map(|group| &group.sets) {
            let range = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
            let text = bytes.get(range(set.bytes.start)..range(set.bytes.end)).unwrap_or(&[]);
            let kind = match set.id.as_str() {
                "997" => ReceivedKind::F997,
                "999" => ReceivedKind::F999,
                _ => continue,
            };
            let segments = Segments::new(text, set.bytes.start, interchange.header.delimiters);
            received.push(read_set(segments, kind, index, set.bytes.start));
        }
    }
    received.sort_by_key(|received| received.byte);
    received
}

fn of_ta1(ta1: &Ta1, interchange: usize) -> Received {
    Received {
        kind: ReceivedKind::Ta1,
        interchange,
        functional_id: String::new(),
        control_number: ta1.control_number.clone(),
        version: String::new(),
        status: ta1.status.clone(),
        codes: vec![ta1.note.clone()],
        counts: (None, None, None),
        sets: Vec::new(),
        byte: ta1.byte,
    }
}

fn read_set(mut segments: Segments<'_>, kind: ReceivedKind, interchange: usize, byte: u64) -> Received {
    let mut received = Received {
        kind,
        interchange,
        functional_id: String::new(),
        control_number: String::new(),
        version: String::new(),
        status: String::new(),
        codes: Vec::new(),
        counts: (None, None, None),
        sets: Vec::new(),
        byte,
    };
    while let Some(segment) = segments.next_segment() {
        let element = |number: usize| trimmed(segment.element(number));
        let number = |at: usize| parse_number(segment.element(at));
        match segment.id() {
            b"AK1" => {
                received.functional_id = element(1);
                received.control_number = element(2);
                received.version = element(3);
                received.byte = segment.byte;
            }
            b"AK2" => received.sets.push(ReceivedSet {
                set_id: element(1),
                control_number: element(2),
                ..ReceivedSet::default()
            }),
            b"AK3" | b"IK3" => {
                if let Some(set) = received.sets.last_mut() {
                    set.segments.push(ReceivedSegment {
                        id: element(1),
                        position: number(2).unwrap_or(0),
                        loop_id: element(3),
                        code: element(4),
                        ..ReceivedSegment::default()
                    });
                }
            }
            b"AK4" | b"IK4" => {
                let of = received.sets.last_mut().and_then(|set| set.segments.last_mut());
                if let Some(of) = of {
                    of.elements.push(read_element(&segment));
                }
            }
            b"CTX" => {
                // What comes after its IK5 is about nothing.
                let open = received.sets.last_mut().filter(|set| set.status.is_empty());
                if let Some(of) = open.and_then(|set| set.segments.last_mut()) {
                    let element = of.elements.last_mut().map(|element| &mut element.contexts);
                    element.unwrap_or(&mut of.contexts).push(read_context(&segment));
                }
            }
            b"AK5" | b"IK5" => {
                if let Some(set) = received.sets.last_mut() {
                    set.status = element(1);
                    set.codes = codes(&segment, 2);
                }
            }
            b"AK9" => {
                received.status = element(1);
                received.counts = (number(2), number(3), number(4));
                received.codes = codes(&segment, 5);
            }
            _ => {}
        }
    }
    received
}

fn read_element(segment: &Segment<'_>) -> ReceivedElement {
    ReceivedElement {
        place: read_place(segment.element(1)),
        element_number: parse_number(segment.element(2)).unwrap_or(0),
        code: trimmed(segment.element(3)),
        value: trimmed(segment.element(4)),
        contexts: Vec::new(),
    }
}

fn read_context(segment: &Segment<'_>) -> ReceivedContext {
    // Of several names the first one counts.
    let separators = segment.delimiters;
    let first = segment.element(1).split(|byte| Some(*byte) == separators.repetition).next().unwrap_or(&[]);
    let mut parts = first.split(|byte| *byte == separators.component);
    let mut next = || parts.next().map(trimmed).unwrap_or_default();
    ReceivedContext {
        name: next(),
        value: next(),
        segment: trimmed(segment.element(2)),
        position: parse_number(segment.element(3)).unwrap_or(0),
        loop_id: trimmed(segment.element(4)),
        place: read_place(segment.element(5)),
    }
}

/// Element, component and repetition, whatever stands between them: some senders write one separator and declare
/// another.
fn read_place(text: &[u8]) -> (u32, u32, u32) {
    let place = text.split(|byte| !byte.is_ascii_digit());
    let mut place = place.map(|part| parse_number(part).unwrap_or(0));
    let mut next = || place.next().unwrap_or(0);
    (next(), next(), next())
}

fn codes(segment: &Segment<'_>, from: usize) -> Vec<String> {
    (from..=segment.element_count())
        .map(|number| trimmed(segment.element(number)))
        .filter(|code| !code.is_empty())
        .collect()
}
