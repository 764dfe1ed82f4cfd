//! Checks the levels of an HL structure: parents, depth, and what HL04 says of children.

use super::sink::Sink;
use crate::formats::x12::fault::{Code, Fault};
use crate::formats::x12::segment::Segment;
use std::collections::HashMap;

/// The levels of one set so far.
#[derive(Debug, Default)]
pub(super) struct Hierarchy {
    levels: HashMap<u128, Level>,
    too_deep: bool,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    depth: u32,
    children: bool,
    /// HL04 as far as it is 0 or 1.
    announced: Option<bool>,
    position: u32,
    byte: u64,
}

impl Hierarchy {
    pub(super) fn begin(&mut self) {
        self.levels.clear();
        self.too_deep = false;
    }

    /// Takes the next HL.
    pub(super) fn take(&mut self, segment: &Segment<'_>, sink: &mut Sink<'_>) {
        let parent = segment.element(2).trim_ascii();
        let depth = if parent.is_empty() {
            1
        } else if let Some(level) = self.levels.get_mut(&pack(parent)) {
            level.children = true;
            level.depth.saturating_add(1)
        } else {
            // A parent that comes later would allow cycles.
            tell(Code::HierarchyBroken, segment, 2, "the HL01 of a level above this one", sink);
            1
        };
        let limit = sink.options.limits.hierarchy_depth;
        if depth > limit && !self.too_deep {
            self.too_deep = true;
            tell(Code::HierarchyTooDeep, segment, 2, &format!("at most {limit} levels"), sink);
        }
        let id = segment.element(1).trim_ascii();
        if id.is_empty() {
            return;
        }
        let announced = match segment.element(4) {
            b"0" => Some(false),
            b"1" => Some(true),
            _ => None,
        };
        let level = Level {
            depth,
            children: false,
            announced,
            position: segment.position,
            byte: segment.element_byte(4),
        };
        if self.levels.insert(pack(id), level).is_some() {
            tell(Code::HierarchyBroken, segment, 1, "an HL01 of its own", sink);
        }
    }

    /// Ends the set: compares HL04 with the children that came.
    pub(super) fn end(&mut self, sink: &mut Sink<'_>) {
        let mut wrong: Vec<Level> =
            self.levels.drain().map(|(_, level)| level).filter(Level::announces_wrongly).collect();
        wrong.sort_unstable_by_key(|level| level.position);
        for level in wrong {
            sink.add(Code::HierarchyChildCodeWrong, |severity| {
                let mut fault = Fault::new(Code::HierarchyChildCodeWrong, level.byte);
                fault.severity = severity;
                fault.segment = crate::formats::x12::segment::SegmentId::new(b"HL");
                fault.segment_position = level.position;
                fault.element = 4;
                fault.element_number = 736;
                fault.value = if level.children { (*b"0").into() } else { (*b"1").into() };
                let expected =
                    if level.children { "1: levels below it follow" } else { "0: no level below it follows" };
                fault.expecting(expected)
            });
        }
    }
}

impl Level {
    fn announces_wrongly(&self) -> bool {
        self.announced.is_some_and(|announced| announced != self.children)
    }
}

fn tell(code: Code, segment: &Segment<'_>, element: u16, expected: &str, sink: &mut Sink<'_>) {
    sink.add(code, |severity| {
        let mut fault = Fault::of_element(code, segment, element).expecting(expected);
        fault.severity = severity;
        fault.element_number = if element == 1 { 628 } else { 734 };
        fault
    });
}

/// HL01 and HL02 have at most 12 characters; what is longer is cut, and told as too long elsewhere. The length
/// keeps ids apart that differ by a leading zero byte.
fn pack(id: &[u8]) -> u128 {
    let id = id.get(..15).unwrap_or(id);
    id.iter().fold(id.len() as u128, |packed, byte| packed << 8 | u128::from(*byte))
}
