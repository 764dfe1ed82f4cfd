//! Validates one transaction set against its schema.

mod bounds;
mod element;
mod hierarchy;
mod options;
mod quick;
mod segment;
mod sink;
mod situations;
mod totals;

pub use options::{CharacterSet, Limits, National, Options, Severities};

use super::fault::{Code, Fault};
use super::schema::{NONE, SegmentRule, Set, Tables};
use super::segment::{Segment, SegmentId};
use super::walker::{Missing, Step, Walker};
use bounds::Bounds;
use element::Characters;
use hierarchy::Hierarchy;
use segment::Check;
use sink::{Counts, Sink};
use situations::Situations;
use std::sync::Arc;
use totals::Totals;

/// Validates sets one after the other; its memory is used again.
///
/// The count of segments and the control numbers of ST and SE are the reader's: elements 1 and 2 of both are
/// not looked at here.
#[derive(Debug, Default)]
pub struct SetValidator {
    options: Options,
    walker: Walker,
    hierarchy: Hierarchy,
    bounds: Bounds,
    totals: Totals,
    situations: Situations,
    counts: Counts,
    characters: Characters,
    tables: Option<Arc<Tables>>,
    /// What is known of each segment of the release, by the index of its definition.
    known: Vec<Known>,
    /// Up to which byte of the set at hand the characters are known to be plain.
    plain_until: u64,
}

/// What is known of a segment while sets of one kind follow each other.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// See [`Check::run`].
    habit: Option<u64>,
    /// Whether it is more than its elements to somebody.
    heeded: bool,
}

impl SetValidator {
    /// A validator with these options; their guide is for who finds the set.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let characters = Characters::new(&options, 0);
        Self { options, characters, ..Self::default() }
    }

    /// Starts a transaction set.
    pub fn begin(&mut self, set: &Set) {
        self.walker.begin(set);
        self.hierarchy.begin();
        self.bounds.begin();
        self.totals.begin(set.id());
        self.situations.begin(set.tables());
        self.counts = Counts::default();
        self.plain_until = 0;
        if !self.tables.as_ref().is_some_and(|last| Arc::ptr_eq(last, set.tables())) {
            self.tables = Some(Arc::clone(set.tables()));
            self.known.clear();
            self.known.resize(set.dictionary().segment_count(), Known::default());
            for id in [HL, bounds::LS, bounds::LE].into_iter().chain(self.totals.heeded()) {
                let index = set.dictionary().find_index(id.text().as_bytes()).map(usize::from);
                if let Some(known) = index.and_then(|index| self.known.get_mut(index)) {
                    known.heeded = true;
                }
            }
        }
    }

    /// Checks the next segment, ST and SE among them, whose position is counted from ST.
    ///
    /// # Panics
    /// If no set was begun.
    pub fn segment(&mut self, segment: &Segment<'_>, faults: &mut Vec<Fault>) {
        self.take(segment, segment.key(), faults);
    }

    /// As [`SetValidator::segment`], for who knows the segment's key.
    pub(super) fn take(&mut self, segment: &Segment<'_>, key: u32, faults: &mut Vec<Fault>) {
        let tables = self.tables.as_deref().expect("a set is begun before its segments are checked");
        let mut sink = Sink { faults, options: &self.options, counts: &mut self.counts };
        if self.characters.component != segment.delimiters.component {
            self.characters = Characters::new(&self.options, segment.delimiters.component);
        }
        let way = if tables.guided { None } else { self.walker.advance(tables, key) };
        let placed = match way {
            Some((leaf, definition)) => Placed { leaf: Some(leaf), definition, rules: None },
            None => match place(segment, tables, &mut self.walker, &mut self.situations, &mut sink) {
                Some(placed) => placed,
                None => return,
            },
        };
        let Placed { leaf, definition, rules } = placed;
        let Some(Known { habit, heeded }) = self.known.get_mut(usize::from(definition)) else { return };
        let definition = tables.dictionary.segment(definition);
        let (characters, end) = (&self.characters, segment.byte + segment.bytes.len() as u64);
        if end > self.plain_until {
            self.plain_until = characters.plain_until(segment, self.plain_until);
        }
        let plain = end <= self.plain_until;
        Check { segment, tables, leaf, rules, characters, sink: &mut sink }.run(definition, plain, habit);
        if *heeded {
            if definition.id == HL {
                self.hierarchy.take(segment, &mut sink);
            }
            self.bounds.take(definition.id, segment, leaf, tables, &mut sink);
            self.totals.take(definition.id, segment, &mut sink);
        }
    }

    /// Ends the set. Its faults, which are all there are in `faults`, are put in order of segment and element.
    pub fn end(&mut self, faults: &mut Vec<Fault>) {
        let Some(tables) = self.tables.as_deref() else {
            return;
        };
        let mut sink = Sink { faults, options: &self.options, counts: &mut self.counts };
        self.walker.end();
        for missing in self.walker.take_missing() {
            tell_missing(&missing, tables, &mut sink);
        }
        self.situations.end(tables, &mut sink);
        self.hierarchy.end(&mut sink);
        self.totals.end(&mut sink);
        faults
            .sort_by_key(|fault| (fault.segment_position, fault.element, fault.repetition, fault.component));
    }
}

const HL: SegmentId = SegmentId::new(b"HL");

/// A segment whose elements are to be checked.
struct Placed<'t> {
    /// Its place, if it has found one.
    leaf: Option<u16>,
    definition: u16,
    rules: Option<&'t SegmentRule>,
}

/// Finds the place of a segment that is something special, and tells what is wrong with it.
#[inline(never)]
fn place<'t>(
    segment: &Segment<'_>,
    tables: &'t Tables,
    walker: &mut Walker,
    situations: &mut Situations,
    sink: &mut Sink<'_>,
) -> Option<Placed<'t>> {
    let step = walker.step(segment.id(), segment.position, segment.byte);
    for missing in walker.take_missing() {
        tell_missing(&missing, tables, sink);
    }
    if let Some(code) = step.fault {
        tell_place(code, step, segment, tables, sink);
    }
    let definition = step.definition?;
    let rules = step.leaf.and_then(|leaf| tables.rules.get(usize::from(tables.leaf(leaf).rule)));
    let loop_id = step.leaf.map_or("", |leaf| loop_id(tables, leaf));
    situations.take(segment, step, loop_id, tables, sink);
    if let Some(rules) = rules.filter(|rules| rules.unused) {
        let code = Code::GuideSegmentNotUsed;
        sink.add(code, |severity| Fault {
            severity,
            loop_id: loop_id.into(),
            ..Fault::of_segment(code, segment)
        });
        if rules.elements.is_empty() {
            return None;
        }
    }
    Some(Placed { leaf: step.leaf, definition, rules })
}

fn tell_missing(missing: &Missing, tables: &Tables, sink: &mut Sink<'_>) {
    let code = Code::MandatorySegmentMissing;
    sink.add(code, |severity| Fault {
        severity,
        segment_position: missing.position,
        segment: missing.segment,
        loop_id: loop_id(tables, missing.leaf).into(),
        expected: missing.segment.text().into(),
        ..Fault::new(code, missing.byte)
    });
}

fn tell_place(code: Code, step: Step, segment: &Segment<'_>, tables: &Tables, sink: &mut Sink<'_>) {
    sink.add(code, |severity| {
        let expected = match (code, step.leaf.map(|leaf| tables.leaf(leaf))) {
            _ if step.left_open => "an LE first".to_owned(),
            (Code::SegmentOverMaximum, Some(leaf)) => format!("at most {}", leaf.max),
            (Code::LoopOverMaximum, Some(leaf)) => format!("at most {}", tables.loop_at(leaf.opens).max),
            _ => String::new(),
        };
        Fault {
            severity,
            loop_id: step.leaf.map_or("", |leaf| loop_id(tables, leaf)).into(),
            ..Fault::of_segment(code, segment).expecting(expected)
        }
    });
}

/// AK303 is only told between LS and LE; a guide's loops are always told, for the 999.
fn loop_id(tables: &Tables, leaf: u16) -> &str {
    let leaf = tables.leaf(leaf);
    let id = if tables.guided { leaf.parent } else { leaf.bounded };
    if id == NONE { "" } else { &tables.loop_at(id).id }
}
