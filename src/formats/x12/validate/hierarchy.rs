//! Checks the levels of an HL structure: parents, depth, and what HL04 says of children.

use super::sink::Sink;
use crate::formats::x12::fault::{Code, Fault};
use crate::formats::x12::segment::{Segment, SegmentId};
use std::collections::HashMap;

/// The levels of one set so far.
#[derive(Debug, Default)]
pub(super) struct Hierarchy {
    /// Levels numbered 1, 2, 3 as they come, which is how nearly everyone numbers them.
    counted: Vec<Level>,
    others: HashMap<Box<[u8]>, Level>,
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
        self.counted.clear();
        self.others.clear();
        self.too_deep = false;
    }

    /// Takes the next HL.
    pub(super) fn take(&mut self, segment: &Segment<'_>, sink: &mut Sink<'_>) {
        let parent = segment.element(2).trim_ascii();
        let depth = if parent.is_empty() {
            1
        } else if let Some(level) = self.find(parent) {
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
        if self.find(id).is_some() {
            tell(Code::HierarchyBroken, segment, 1, "an HL01 of its own", sink);
        } else if parse_count(id) == Some(self.counted.len() + 1) {
            self.counted.push(level);
        } else {
            self.others.insert(id.into(), level);
        }
    }

    /// Ends the set: compares HL04 with the children that came.
    pub(super) fn end(&mut self, sink: &mut Sink<'_>) {
        let others = self.others.drain().map(|(_, level)| level);
        let mut wrong: Vec<Level> =
            self.counted.drain(..).chain(others).filter(Level::announces_wrongly).collect();
        wrong.sort_unstable_by_key(|level| level.position);
        for level in wrong {
            sink.add(Code::HierarchyChildCodeWrong, |severity| {
                let mut fault = Fault::new(Code::HierarchyChildCodeWrong, level.byte);
                fault.severity = severity;
                fault.segment = SegmentId::new(b"HL");
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

impl Hierarchy {
    fn find(&mut self, id: &[u8]) -> Option<&mut Level> {
        match parse_count(id).filter(|count| *count <= self.counted.len()) {
            Some(count) => self.counted.get_mut(count - 1),
            None => self.others.get_mut(id),
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

/// A whole number from 1 on, without leading zeros.
fn parse_count(id: &[u8]) -> Option<usize> {
    if id.first().is_none_or(|first| *first == b'0') || id.len() > 9 {
        return None;
    }
    id.iter()
        .try_fold(0, |count, digit| digit.is_ascii_digit().then(|| count * 10 + usize::from(digit - b'0')))
}
