//! Judges the rules of a guide that depend on what else a document says, each turn of a loop for itself.

use super::sink::Sink;
use crate::formats::x12::fault::{Code, Fault, Trigger};
use crate::formats::x12::schema::{Part, Situation, Tables};
use crate::formats::x12::segment::Segment;
use crate::formats::x12::walker::Step;

/// Follows the turns of loops; its memory is used again.
#[derive(Debug, Default)]
pub(super) struct Situations {
    /// The loops that are open, the set itself first.
    open: Vec<u16>,
    /// What is known of each rule.
    known: Vec<Known>,
    /// Place of the last segment.
    at: (u32, u64),
}

#[derive(Clone, Debug, Default)]
struct Known {
    /// The loop in which what it depends on was said, while that is open.
    met: Option<u16>,
    /// Whether the segment came in this turn.
    came: bool,
    /// What is wrong if the rule holds.
    doubt: Option<(Code, Fault)>,
}

impl Situations {
    pub(super) fn begin(&mut self, tables: &Tables) {
        self.open.clear();
        self.open.push(0);
        self.known.clear();
        self.known.resize(tables.situations.len(), Known::default());
    }

    /// Takes a segment that found its place.
    pub(super) fn take(
        &mut self,
        segment: &Segment<'_>,
        step: Step,
        loop_id: &str,
        tables: &Tables,
        sink: &mut Sink<'_>,
    ) {
        let Some(number) = step.leaf.filter(|_| !tables.situations.is_empty()) else { return };
        self.at = (segment.position, segment.byte);
        let leaf = tables.leaf(number);
        let within = if step.opens { tables.loop_at(leaf.parent).parent } else { leaf.parent };
        while let Some(innermost) = self.open.last().copied()
            && !tables.is_inside(within, innermost)
        {
            self.close(innermost, tables, sink);
            self.open.pop();
        }
        self.enter(within, tables);
        if step.opens {
            self.open.push(leaf.parent);
        }
        for (situation, known) in tables.situations.iter().zip(&mut self.known) {
            if situation.leaf == number {
                known.came = true;
                let fault = wrong(situation, segment, loop_id, tables);
                if !situation.is_own {
                    known.doubt = known.doubt.take().or(fault);
                } else if let Some((code, fault)) = fault
                    && situation.is_met_by(value(segment, situation.trigger_place))
                {
                    let fault = Fault { trigger: trigger(situation, tables), ..fault };
                    sink.add(code, |severity| Fault { severity, ..fault });
                }
            }
            if Some(situation.trigger) == step.definition
                && !situation.is_own
                && known.met.is_none()
                && tables.is_inside(situation.scope, leaf.parent)
                && situation.is_met_by(value(segment, situation.trigger_place))
            {
                known.met = Some(leaf.parent);
            }
        }
    }

    /// Ends the set.
    pub(super) fn end(&mut self, tables: &Tables, sink: &mut Sink<'_>) {
        while let Some(innermost) = self.open.pop() {
            self.close(innermost, tables, sink);
        }
    }

    /// Opens the loops from the innermost one down to `within`, which a segment entered without their openers.
    fn enter(&mut self, within: u16, tables: &Tables) {
        let innermost = self.open.last().copied().unwrap_or(0);
        let from = self.open.len();
        let mut at = within;
        while at != innermost {
            self.open.insert(from, at);
            at = tables.loop_at(at).parent;
        }
    }

    /// Ends a turn of a loop: what was asked for in it has come by now, or not.
    fn close(&mut self, ended: u16, tables: &Tables, sink: &mut Sink<'_>) {
        for (situation, known) in tables.situations.iter().zip(&mut self.known) {
            if situation.scope == ended {
                let came = std::mem::take(&mut known.came);
                let doubt = known.doubt.take();
                let is_missing = situation.element == 0 && !situation.unused && !came;
                if known.met.is_none() {
                    continue;
                }
                if let Some((code, fault)) = doubt {
                    sink.add(code, |severity| Fault { severity, ..fault });
                } else if is_missing {
                    let code = Code::GuideSegmentMissing;
                    let leaf = tables.leaf(situation.leaf);
                    let (position, byte) = self.at;
                    sink.add(code, |severity| Fault {
                        severity,
                        segment_position: position,
                        segment: tables.dictionary.segment(leaf.definition).id,
                        loop_id: (*tables.loop_at(leaf.parent).id).into(),
                        expected: situation.words.as_str().into(),
                        ..Fault::new(code, byte)
                    });
                }
            }
        }
        for known in &mut self.known {
            known.met = known.met.filter(|home| *home != ended);
        }
    }
}

/// What is wrong with a segment if the rule holds.
fn wrong(
    situation: &Situation,
    segment: &Segment<'_>,
    loop_id: &str,
    tables: &Tables,
) -> Option<(Code, Fault)> {
    let found = value(segment, (situation.element, situation.component)).trim_ascii();
    let code = match (situation.element, situation.unused, found.is_empty()) {
        (0, true, _) => Code::GuideSegmentExcluded,
        (0, false, _) | (_, true, true) | (_, false, false) => return None,
        (_, true, false) => Code::GuideElementExcluded,
        (_, false, true) => Code::GuideElementMissing,
    };
    let mut fault = Fault::of_segment(code, segment).expecting(situation.words.clone());
    fault.loop_id = loop_id.into();
    if situation.element > 0 {
        fault.element = situation.element;
        fault.component = situation.component;
        fault.byte = segment.element_byte(usize::from(situation.element));
        fault.value = found.get(..99).unwrap_or(found).into();
        let part = part(situation.leaf, situation.element, tables);
        fault.element_number = part.map_or(0, |part| part.element.number.plain());
    }
    Some((code, fault))
}

fn part(leaf: u16, element: u16, tables: &Tables) -> Option<&Part> {
    let definition = tables.dictionary.segment(tables.leaf(leaf).definition);
    // A composite has no number.
    definition.elements.get(usize::from(element) - 1).filter(|part| part.composite.is_none())
}

/// The element that an element of the same segment depends on, for the 999.
fn trigger(situation: &Situation, tables: &Tables) -> Trigger {
    let (element, component) = situation.trigger_place;
    let part = part(situation.leaf, element, tables);
    Trigger { element, component, element_number: part.map_or(0, |part| part.element.number.plain()) }
}

fn value<'s>(segment: &Segment<'s>, (element, component): (u16, u16)) -> &'s [u8] {
    let whole = segment.element(usize::from(element));
    match component {
        0 => whole,
        component => {
            let separator = segment.delimiters.component;
            whole.split(|byte| *byte == separator).nth(usize::from(component) - 1).unwrap_or_default()
        }
    }
}
