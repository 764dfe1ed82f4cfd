//! Places each segment of a set in the set's tree of loops.
//!
//! A place that segments cannot reach is a fault, and the walker then stays where it is, so that one mistake of
//! a sender is one fault and not a row of them:
//!
//! - a segment that is only found earlier in the set is out of sequence; if it opens a loop, what follows is
//!   taken into that loop as long as it fits;
//! - a mandatory segment that comes late is out of sequence, and no longer missing; what follows is looked for
//!   behind it, because what stood before it came too early;
//! - a segment whose loop lacks its opener (W01 without LX) reports the opener as missing and enters the loop, and
//!   leaves it again where the next segment stands before that loop.

use super::fault::Code;
use super::schema::{LoopId, NONE, Place, Set, Tables};
use super::segment::SegmentId;
use std::sync::Arc;

/// Walks sets one after the other; its memory is used again.
#[derive(Debug, Default)]
pub struct Walker {
    tables: Option<Arc<Tables>>,
    /// The leaf of the last segment that found its place.
    at: u16,
    detour: Option<Detour>,
    turns: u32,
    /// The turn of each loop that is open; turns are counted over all sets.
    turn_of: Vec<u32>,
    /// Uses of each leaf, and behind them turns of each loop, in the turn they name of the loop around.
    counters: Vec<(u32, u32)>,
    /// Mandatory segments passed over; they may still come, out of sequence, while their loop is open.
    due: Vec<Due>,
    settled: Vec<Missing>,
    left_open: bool,
}

/// A loop that was entered in a way the set does not have.
#[derive(Clone, Copy, Debug)]
enum Detour {
    /// Where to go on when the loop `inside` ends, which was entered out of sequence.
    OutOfSequence { back: u16, inside: u16 },
    /// Where to go on if nothing but one segment belongs to a loop that was entered without its opener.
    WithoutOpener { back: u16 },
}

/// What became of a segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// The loop the segment belongs to, or opens; none when it has no place.
    pub inside: Option<LoopId>,
    /// Whether it opens that loop.
    pub opens: bool,
    /// A loop that was entered without its opener just before.
    pub without_opener: Option<LoopId>,
    /// What is wrong with its place.
    pub fault: Option<Code>,
    /// Whether it left a stretch that an LS began and no LE ended; the fault says so.
    pub left_open: bool,
    pub(super) leaf: Option<u16>,
    pub(super) definition: Option<u16>,
}

/// A mandatory segment that never came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its id; for a loop, that of the segment that opens it.
    pub segment: SegmentId,
    /// Position of the segment that stands where it was due.
    pub position: u32,
    /// Offset of that segment.
    pub byte: u64,
    pub(super) leaf: u16,
}

#[derive(Clone, Debug)]
struct Due {
    missing: Missing,
    inside: u16,
    turn: u32,
}

/// Most missing segments remembered at a time; a set with more is far beyond the limit of faults.
const MOST_DUE: usize = 1_000;

impl Walker {
    /// Starts a set.
    pub fn begin(&mut self, set: &Set) {
        let tables = set.tables();
        self.at = NONE;
        self.detour = None;
        let known = self.tables.as_ref().is_some_and(|last| Arc::ptr_eq(last, tables));
        if !known || self.turns > u32::MAX / 2 {
            // Turn 0 is no turn: what has not been used carries it.
            self.turns = 0;
            self.turn_of.clear();
            self.turn_of.resize(tables.loops.len(), 0);
            self.counters.clear();
            self.counters.resize(tables.leaves.len() + tables.loops.len(), (0, 0));
            self.tables = Some(Arc::clone(tables));
        }
        // What other sets left behind carries turns that have passed.
        self.turns += 1;
        if let Some(root) = self.turn_of.first_mut() {
            *root = self.turns;
        }
        self.due.clear();
        self.settled.clear();
        self.left_open = false;
    }

    /// Places the next segment. `position` and `byte` say where it stands, for what is missing before it.
    ///
    /// # Panics
    /// If no set was begun.
    pub fn step(&mut self, id: &[u8], position: u32, byte: u64) -> Step {
        let tables = self.tables.take().expect("a set is begun before its segments are walked");
        let step = match self.advance(&tables, SegmentId::key(id)) {
            Some((leaf, _)) => arrived(&tables, leaf, None),
            None => self.place(&tables, id, position, byte),
        };
        if !self.due.is_empty() {
            self.settle();
        }
        self.tables = Some(tables);
        step
    }

    /// The way of nearly every segment: to a place that has room, with nothing to tell. Gives the leaf and its
    /// definition, or none and does nothing if [`Walker::step`] must look. The tables are those of the set that was
    /// begun.
    #[inline(always)]
    pub(super) fn advance(&mut self, tables: &Tables, key: u32) -> Option<(u16, u16)> {
        if self.detour.is_some() || !self.due.is_empty() {
            return None;
        }
        // Before ST the place is none of the tables'.
        let (next, spot) = tables.next_plain(self.at, tables.find_symbol(key)?)?;
        let turn = *self.turn_of.get(usize::from(spot.outer))?;
        let counter = self.counters.get_mut(spot.counter as usize)?;
        let used = if counter.0 == turn { counter.1 } else { 0 };
        if used >= spot.max {
            return None;
        }
        *counter = (turn, used + 1);
        if let Some(turn) = self.turn_of.get_mut(usize::from(spot.opens)) {
            self.turns = self.turns.saturating_add(1);
            *turn = self.turns;
        }
        self.at = next;
        Some((next, spot.definition))
    }

    /// Ends the set: everything that is still due is missing now.
    pub fn end(&mut self) {
        self.settled.extend(self.due.drain(..).map(|due| due.missing));
    }

    /// Takes the segments found missing since the last call.
    pub fn take_missing(&mut self) -> impl Iterator<Item = Missing> + '_ {
        self.settled.drain(..)
    }

    /// The loop that is open innermost.
    #[must_use]
    pub fn innermost(&self) -> LoopId {
        let leaf = self.tables.as_ref().and_then(|tables| tables.leaves.get(usize::from(self.at)));
        leaf.map_or(LoopId::ROOT, |leaf| LoopId(leaf.parent))
    }

    fn place(&mut self, tables: &Tables, id: &[u8], position: u32, byte: u64) -> Step {
        let Some(definition) = tables.dictionary.find_index(id) else {
            return Step { fault: Some(Code::UnrecognizedSegment), ..Step::default() };
        };
        let symbol = tables.symbol(definition);
        if symbol == NONE {
            let fault = Some(Code::SegmentNotInSet);
            return Step { definition: Some(definition), fault, ..Step::default() };
        }
        if self.at == NONE {
            // ST is the first leaf of every set.
            self.at = 0;
            if symbol == tables.leaf(0).symbol {
                return self.arrive(tables, 0, position, byte);
            }
        }
        let mut next = tables.next(self.at, symbol);
        match self.detour {
            Some(Detour::OutOfSequence { back, inside }) => {
                let stays = next != NONE && tables.is_inside(tables.leaf(next).parent, inside);
                if !stays {
                    self.detour = None;
                    let from_back = tables.next(back, symbol);
                    if next != NONE && from_back == back && self.is_full(tables, back) {
                        // The segment that made this loop late comes again where it belongs: the first was a stray.
                        self.forget(tables, back, inside);
                    } else {
                        self.at = back;
                        next = from_back;
                    }
                }
            }
            Some(Detour::WithoutOpener { back }) => {
                self.detour = None;
                let from_back = tables.next(back, symbol);
                if next == NONE && from_back != NONE {
                    self.at = back;
                    next = from_back;
                }
            }
            None => {}
        }
        if next == NONE {
            self.recover(tables, symbol, position, byte)
        } else {
            self.arrive(tables, next, position, byte)
        }
    }

    /// Goes to a leaf that can be reached from here.
    fn arrive(&mut self, tables: &Tables, next: u16, position: u32, byte: u64) -> Step {
        let mut next = next;
        let overflow = tables.leaf(next).overflow;
        if overflow != NONE && self.is_full(tables, next) {
            next = overflow;
        }
        if !matches!(self.detour, Some(Detour::OutOfSequence { .. })) {
            self.pass_over(tables, next, position, byte);
        }
        let left_open = std::mem::take(&mut self.left_open);
        let step = self.enter(tables, next);
        if left_open && step.fault.is_none() {
            return Step { fault: Some(Code::SegmentOutOfSequence), left_open, ..step };
        }
        step
    }

    fn is_full(&self, tables: &Tables, number: u16) -> bool {
        let spot = tables.spots[usize::from(number)];
        let counter = self.counters[spot.counter as usize];
        counter.0 == self.turn_of[usize::from(spot.outer)] && counter.1 >= spot.max
    }

    /// Counts a use, opens the loop the leaf opens, and makes the leaf the current place.
    fn enter(&mut self, tables: &Tables, number: u16) -> Step {
        let leaf = tables.leaf(number);
        self.at = number;
        let over = self.count(tables, number);
        if leaf.opens != NONE {
            self.open(leaf.opens);
        }
        // Only the first one over the limit is told.
        let code = if leaf.opens == NONE { Code::SegmentOverMaximum } else { Code::LoopOverMaximum };
        arrived(tables, number, over.then_some(code))
    }

    /// Counts one more at a leaf; true when it is the first over the limit.
    fn count(&mut self, tables: &Tables, number: u16) -> bool {
        let spot = tables.spots[usize::from(number)];
        let turn = self.turn_of[usize::from(spot.outer)];
        let counter = &mut self.counters[spot.counter as usize];
        if counter.0 != turn {
            *counter = (turn, 0);
        }
        counter.1 = counter.1.saturating_add(1);
        u64::from(counter.1) == u64::from(spot.max) + 1
    }

    /// Starts a turn of a loop.
    fn open(&mut self, id: u16) {
        self.turns = self.turns.saturating_add(1);
        self.turn_of[usize::from(id)] = self.turns;
    }

    /// Notes the mandatory places between the current one and `next`.
    fn pass_over(&mut self, tables: &Tables, next: u16, position: u32, byte: u64) {
        let from = tables.leaf(self.at);
        let to = tables.leaf(next);
        // The usual case: a later or the same place of the same loop.
        let (mut inside, mut at) = (from.parent, from.at);
        let (mut target, mut target_at) = (to.parent, to.at);
        if to.opens != NONE {
            target_at = tables.loop_at(target).at;
            target = tables.loop_at(target).parent;
        }
        while inside != target {
            if tables.loop_at(inside).depth < tables.loop_at(target).depth {
                // Only openers lead inwards, and `target` has been lifted to the loop around: going on
                // would mean that the tables are wrong.
                return;
            }
            let end = index_of_end(tables, inside);
            self.note(tables, inside, at, end, position, byte);
            if tables.loop_at(inside).closed_by[usize::from(at)] != NONE {
                self.left_open = true;
            }
            at = tables.loop_at(inside).at;
            inside = tables.loop_at(inside).parent;
        }
        let closed_by = tables.loop_at(inside).closed_by[usize::from(at)];
        if closed_by != NONE && target_at > closed_by {
            self.left_open = true;
        }
        self.note(tables, inside, at, target_at, position, byte);
    }

    fn note(&mut self, tables: &Tables, inside: u16, at: u16, before: u16, position: u32, byte: u64) {
        let place = tables.loop_at(inside);
        let mut next = place.next_mandatory[usize::from(at)];
        while next < before && self.due.len() < MOST_DUE {
            let leaf = tables.first_leaf(place.children[usize::from(next)]);
            let segment = tables.dictionary.segment(tables.leaf(leaf).definition).id;
            let missing = Missing { segment, position, byte, leaf };
            self.due.push(Due { missing, inside, turn: self.turn_of[usize::from(inside)] });
            next = place.next_mandatory[usize::from(next)];
        }
    }

    /// What was due in a loop that has since begun another turn, or was left, is missing for good.
    fn settle(&mut self) {
        let Self { due, settled, turn_of, .. } = self;
        due.retain(|due| {
            let open = turn_of[usize::from(due.inside)] == due.turn;
            if !open {
                settled.push(due.missing.clone());
            }
            open
        });
    }

    /// Finds a place for a segment of the set that cannot be reached from here.
    fn recover(&mut self, tables: &Tables, symbol: u16, position: u32, byte: u64) -> Step {
        let leaves = &tables.leaves_of[usize::from(symbol)];
        let late = self.due.iter().position(|due| {
            tables.leaf(due.missing.leaf).symbol == symbol
                && self.turn_of[usize::from(due.inside)] == due.turn
                && self.is_open(tables, due.inside)
        });
        if let Some(late) = late {
            return self.go_back(tables, late);
        }
        let earlier = leaves.iter().rev().find(|leaf| {
            **leaf <= self.at && {
                let place = tables.leaf(**leaf);
                let inside =
                    if place.opens == NONE { place.parent } else { tables.loop_at(place.opens).parent };
                self.is_open(tables, inside)
            }
        });
        if let Some(leaf) = earlier {
            return self.out_of_sequence(tables, *leaf);
        }
        // Its loop may lack no more than the segment that opens it.
        for leaf in leaves {
            let place = tables.leaf(*leaf);
            let inside = if place.opens == NONE { place.parent } else { tables.loop_at(place.opens).parent };
            let opener = tables.loop_at(inside).opener;
            // A level of an 856 cannot be guessed.
            if inside == 0
                || place.bounded != NONE
                || is_loop_end(tables, *leaf)
                || is_hierarchy(tables, opener)
            {
                continue;
            }
            if tables.next(self.at, tables.leaf(opener).symbol) == opener {
                return self.enter_without_opener(tables, inside, *leaf, position, byte);
            }
        }
        let known = leaves.iter().any(|leaf| {
            // LE without LS, or what belongs between them.
            let place = tables.leaf(*leaf);
            *leaf <= self.at || place.bounded != NONE || is_loop_end(tables, *leaf)
        });
        let fault = if known { Code::SegmentOutOfSequence } else { Code::UnexpectedSegment };
        let definition = leaves.first().map(|leaf| tables.leaf(*leaf).definition);
        Step { definition, fault: Some(fault), ..Step::default() }
    }

    /// Goes back to a mandatory place that had been passed over: what stood before its segment came too early.
    fn go_back(&mut self, tables: &Tables, late: usize) -> Step {
        let Due { missing, inside, .. } = self.due.swap_remove(late);
        self.forget_due(inside, missing.leaf);
        Step { fault: Some(Code::SegmentOutOfSequence), ..self.enter(tables, missing.leaf) }
    }

    /// Takes back a use of the stray `leaf`, from which the walk went back into the loop `resumed`.
    fn forget(&mut self, tables: &Tables, leaf: u16, resumed: u16) {
        let counter = &mut self.counters[tables.spots[usize::from(leaf)].counter as usize];
        counter.1 = counter.1.saturating_sub(1);
        self.forget_due(tables.loop_at(resumed).parent, tables.loop_at(resumed).opener);
    }

    /// Forgets what is due in a loop behind a leaf: it will be passed over again.
    fn forget_due(&mut self, inside: u16, behind: u16) {
        let turn = self.turn_of[usize::from(inside)];
        self.due.retain(|due| (due.inside, due.turn) != (inside, turn) || due.missing.leaf < behind);
    }

    fn enter_without_opener(
        &mut self,
        tables: &Tables,
        inside: u16,
        leaf: u16,
        position: u32,
        byte: u64,
    ) -> Step {
        let opener = tables.loop_at(inside).opener;
        self.detour = Some(Detour::WithoutOpener { back: self.at });
        self.pass_over(tables, opener, position, byte);
        self.left_open = false;
        self.at = opener;
        self.count(tables, opener);
        self.open(inside);
        let segment = tables.dictionary.segment(tables.leaf(opener).definition).id;
        self.settled.push(Missing { segment, position, byte, leaf: opener });
        self.pass_over(tables, leaf, position, byte);
        let step = self.enter(tables, leaf);
        Step { without_opener: Some(LoopId(inside)), ..step }
    }

    /// Takes a segment at an earlier place; a loop it opens is walked until something does not fit.
    fn out_of_sequence(&mut self, tables: &Tables, number: u16) -> Step {
        let back = self.at;
        let step = self.enter(tables, number);
        let leaf = tables.leaf(number);
        if leaf.opens == NONE {
            self.at = back;
        } else {
            self.detour = Some(Detour::OutOfSequence { back, inside: leaf.opens });
        }
        Step { fault: Some(Code::SegmentOutOfSequence), ..step }
    }

    /// Whether a loop holds the current place.
    fn is_open(&self, tables: &Tables, id: u16) -> bool {
        tables.is_inside(tables.leaf(self.at).parent, id)
    }
}

fn index_of_end(tables: &Tables, inside: u16) -> u16 {
    u16::try_from(tables.loop_at(inside).children.len()).unwrap_or(NONE)
}

fn is_hierarchy(tables: &Tables, opener: u16) -> bool {
    tables.dictionary.segment(tables.leaf(opener).definition).id == SegmentId::new(b"HL")
}

fn is_loop_end(tables: &Tables, leaf: u16) -> bool {
    let place = tables.leaf(leaf);
    let parent = tables.loop_at(place.parent);
    parent.closed_by.contains(&place.at)
        && parent.children.get(usize::from(place.at)) == Some(&Place::Leaf(leaf))
}

/// A segment that has found its place.
fn arrived(tables: &Tables, number: u16, fault: Option<Code>) -> Step {
    let leaf = tables.leaf(number);
    Step {
        inside: Some(LoopId(leaf.parent)),
        opens: leaf.opens != NONE,
        without_opener: None,
        fault,
        left_open: false,
        leaf: Some(number),
        definition: Some(leaf.definition),
    }
}

#[cfg(test)]
mod tests;
