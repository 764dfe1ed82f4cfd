//! CTX of a 999: the element that asked for another one, and the business document a fault is in.

use super::fault::Fault;
use super::segment::{Delimiters, Segment};
use super::verdict::Reference;
use crate::tree::{Key, NodeId, Origin, Tree};

/// Where the number is that people know a document by: the segment after the ST, and its element.
const REFERENCES: &[(&[u8], u16, &str)] = &[
    (b"B10", 1, "B1001"),
    (b"B2", 4, "B204"),
    (b"B3", 2, "B302"),
    (b"BAK", 3, "BAK03"),
    (b"BCH", 3, "BCH03"),
    (b"BEG", 3, "BEG03"),
    (b"BGN", 2, "BGN02"),
    (b"BIA", 3, "BIA03"),
    (b"BIG", 2, "BIG02"),
    (b"BRA", 1, "BRA01"),
    (b"BSN", 2, "BSN02"),
    (b"W05", 2, "W0502"),
    (b"W06", 2, "W0602"),
    (b"W15", 2, "W1502"),
    (b"W17", 3, "W1703"),
];

/// Most characters of C998-01 and C998-02.
const MOST: usize = 35;

/// The number of the document that begins with this segment, if it holds one.
pub(super) fn find_reference(segment: &Segment<'_>) -> Option<Reference> {
    let (_, element, place) = REFERENCES.iter().find(|(id, ..)| *id == segment.id())?;
    let value = segment.element(usize::from(*element)).trim_ascii();
    let fits = !value.is_empty() && value.len() <= MOST;
    fits.then(|| Reference { place, value: String::from_utf8_lossy(value).into_owned() })
}

/// Names the business document, unless its number would upset the separators.
pub(super) fn add_reference(
    tree: &mut Tree,
    ik3: NodeId,
    reference: Option<&Reference>,
    separators: &Delimiters,
) {
    let Some(reference) = reference.filter(|known| super::ack::is_safe(known.value.as_bytes(), separators))
    else {
        return;
    };
    let node = tree.add(ik3, "CTX", Origin::default());
    tree.push(node, Key::Element(1, 1, 1), reference.place, 0);
    tree.push(node, Key::Element(1, 2, 1), &reference.value, 0);
}

/// Names the element whose presence asks for the one at fault, or excludes it.
pub(super) fn add_trigger(tree: &mut Tree, ik4: NodeId, fault: &Fault, loop_id: &str) {
    let trigger = fault.trigger;
    if trigger.element == 0 {
        return;
    }
    let node = tree.add(ik4, "CTX", Origin::default());
    let number = |number: u16| if number == 0 { String::new() } else { number.to_string() };
    for (element, component, text) in [
        (1, 1, "SITUATIONAL TRIGGER".to_owned()),
        (2, 1, fault.segment.text()),
        (3, 1, fault.segment_position.max(1).to_string()),
        (4, 1, loop_id.to_owned()),
        (5, 1, number(trigger.element)),
        (5, 2, number(trigger.component)),
        (6, 1, number(trigger.element_number)),
    ] {
        if !text.is_empty() {
            tree.push(node, Key::Element(element, component, 1), &text, 0);
        }
    }
}
