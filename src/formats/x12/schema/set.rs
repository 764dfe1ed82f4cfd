//! One transaction set of one release: its tree of loops, and the tables by which segments find their place.

use super::dictionary::{Dictionary, Lookup, SegmentDefinition};
use super::facts::{Problem, RawLine, RawSet};
use super::guide::{Narrowing, SegmentRule};
use super::situation::{self, Situation};
use super::transitions;
use crate::formats::x12::segment::SegmentId;
use std::sync::Arc;

/// "No leaf", "no loop", "no symbol" in the tables.
pub(in crate::formats::x12) const NONE: u16 = u16::MAX;

/// Set in a transition that passes over something mandatory or leaves a stretch that an LS began.
pub(super) const WATCHED: u16 = 0x8000;

/// A loop of a set; [`LoopId::ROOT`] is the set itself. Only meaningful for the set that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoopId(pub(in crate::formats::x12) u16);

impl LoopId {
    /// The set itself, from ST to SE.
    pub const ROOT: Self = Self(0);
}

/// A transaction set; cloning is cheap.
#[derive(Clone, Debug)]
pub struct Set {
    tables: Arc<Tables>,
}

/// One place in a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    /// A segment; the first one of a loop is what opens it.
    Segment(Use),
    /// A loop.
    Loop(LoopId),
}

/// A segment at one place of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Its id.
    pub segment: SegmentId,
    /// Whether it must be there.
    pub mandatory: bool,
    /// Most uses; `u32::MAX` means no limit.
    pub max: u32,
}

#[derive(Debug)]
pub(in crate::formats::x12) struct Tables {
    pub(super) id: String,
    pub(super) group: String,
    pub(in crate::formats::x12) dictionary: Arc<Dictionary>,
    pub(in crate::formats::x12) leaves: Vec<Leaf>,
    pub(in crate::formats::x12) loops: Vec<Loop>,
    /// A segment's id to its symbol.
    pub(super) lookup: Lookup,
    /// Index of a segment's definition to its symbol in this set.
    pub(in crate::formats::x12) symbols: Vec<u16>,
    /// Leaves of each symbol, in order.
    pub(in crate::formats::x12) leaves_of: Vec<Vec<u16>>,
    /// `leaf * symbols + symbol` to the next leaf, [`WATCHED`] or not.
    pub(super) transitions: Vec<u16>,
    /// What a step to each leaf counts.
    pub(in crate::formats::x12) spots: Vec<Spot>,
    pub(in crate::formats::x12) rules: Vec<SegmentRule>,
    /// The guide's rules that depend on what else a document says.
    pub(in crate::formats::x12) situations: Vec<Situation>,
    /// Whether a guide had a say.
    pub(in crate::formats::x12) guided: bool,
}

/// What a step to a leaf counts and opens.
#[derive(Clone, Copy, Debug)]
pub(in crate::formats::x12) struct Spot {
    /// Index of the counter: the leaf's own, or that of the loop it opens.
    pub(in crate::formats::x12) counter: u32,
    /// The loop in whose turns is counted, and up to where.
    pub(in crate::formats::x12) outer: u16,
    pub(in crate::formats::x12) max: u32,
    /// The loop it opens.
    pub(in crate::formats::x12) opens: u16,
    pub(in crate::formats::x12) definition: u16,
}

/// A segment at one place.
#[derive(Clone, Debug)]
pub(in crate::formats::x12) struct Leaf {
    pub(in crate::formats::x12) definition: u16,
    pub(in crate::formats::x12) symbol: u16,
    pub(in crate::formats::x12) parent: u16,
    /// Place among the children of its loop.
    pub(in crate::formats::x12) at: u16,
    pub(in crate::formats::x12) mandatory: bool,
    pub(in crate::formats::x12) max: u32,
    /// The loop it opens.
    pub(in crate::formats::x12) opens: u16,
    /// The bounded (LS to LE) loop it lies in.
    pub(in crate::formats::x12) bounded: u16,
    /// Where the same segment goes when this place is full.
    pub(in crate::formats::x12) overflow: u16,
    /// Index into the guide's rules.
    pub(in crate::formats::x12) rule: u16,
}

#[derive(Clone, Debug)]
pub(in crate::formats::x12) struct Loop {
    pub(in crate::formats::x12) id: Box<str>,
    pub(in crate::formats::x12) parent: u16,
    pub(in crate::formats::x12) depth: u16,
    /// Place among the children of the loop around it.
    pub(in crate::formats::x12) at: u16,
    pub(in crate::formats::x12) mandatory: bool,
    pub(in crate::formats::x12) max: u32,
    /// Leaves from the opener to before `end` lie inside.
    pub(in crate::formats::x12) opener: u16,
    pub(in crate::formats::x12) end: u16,
    pub(in crate::formats::x12) children: Vec<Place>,
    /// For each child the next mandatory one behind it, or the number of children.
    pub(in crate::formats::x12) next_mandatory: Vec<u16>,
    /// For each child from an LS to before its LE the place of that LE, else `NONE`.
    pub(in crate::formats::x12) closed_by: Vec<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::formats::x12) enum Place {
    Leaf(u16),
    Loop(u16),
}

impl Set {
    pub(super) fn build(
        raw: &RawSet,
        dictionary: &Arc<Dictionary>,
        narrowings: &[Narrowing],
    ) -> (Self, Vec<Problem>) {
        let mut builder = Builder::new(raw, dictionary);
        builder.tree(&raw.lines);
        builder.narrow(narrowings);
        let mut tables = builder.tables;
        transitions::compile(&mut tables);
        (Self { tables: Arc::new(tables) }, builder.problems)
    }

    /// The set id, such as `940`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.tables.id
    }

    /// The group code that carries it, GS01, such as `OW`.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.tables.group
    }

    /// The definitions of its release.
    #[must_use]
    pub fn dictionary(&self) -> &Dictionary {
        &self.tables.dictionary
    }

    /// The definition of a segment of this set.
    #[must_use]
    pub fn find_segment(&self, id: &[u8]) -> Option<&SegmentDefinition> {
        let index = self.tables.dictionary.find_index(id)?;
        (self.tables.symbol(index) != NONE).then(|| self.tables.dictionary.segment(index))
    }

    /// The loop's id, such as `0310`; empty for the root.
    ///
    /// # Panics
    /// If the loop comes from another set.
    #[must_use]
    pub fn loop_id(&self, of: LoopId) -> &str {
        &self.tables.loop_at(of.0).id
    }

    /// The loop around a loop; none around the root.
    ///
    /// # Panics
    /// If the loop comes from another set.
    #[must_use]
    pub fn parent(&self, of: LoopId) -> Option<LoopId> {
        (of != LoopId::ROOT).then(|| LoopId(self.tables.loop_at(of.0).parent))
    }

    /// Usage and most turns of a loop; the root is mandatory and comes once.
    ///
    /// # Panics
    /// If the loop comes from another set.
    #[must_use]
    pub fn repeat(&self, of: LoopId) -> (bool, u32) {
        let place = self.tables.loop_at(of.0);
        (place.mandatory, place.max)
    }

    /// What a loop holds, in the order of the standard; its first child is the segment that opens it (ST for
    /// the root).
    ///
    /// # Panics
    /// If the loop comes from another set.
    pub fn children(&self, of: LoopId) -> impl Iterator<Item = Child> + '_ {
        self.tables.loop_at(of.0).children.iter().map(|place| match place {
            Place::Loop(id) => Child::Loop(LoopId(*id)),
            Place::Leaf(leaf) => {
                let leaf = self.tables.leaf(*leaf);
                let segment = self.tables.dictionary.segment(leaf.definition).id;
                Child::Segment(Use { segment, mandatory: leaf.mandatory, max: leaf.max })
            }
        })
    }

    /// The loop inside `of` that a segment opens. The loop of HL answers for itself: its nodes nest by HL02.
    #[must_use]
    pub fn find_loop(&self, of: LoopId, opener: &[u8]) -> Option<LoopId> {
        if opener == b"HL" && of != LoopId::ROOT && self.opener(of) == Some(SegmentId::new(b"HL")) {
            return Some(of);
        }
        let found = self.loops_in(of).find(|id| self.opener(*id) == Some(SegmentId::new(opener)));
        found.filter(|_| opener.len() <= 3)
    }

    /// The loop inside `of` with this loop id.
    #[must_use]
    pub fn find_loop_by_id(&self, of: LoopId, id: &str) -> Option<LoopId> {
        self.loops_in(of).find(|inner| self.loop_id(*inner) == id)
    }

    /// The segment that opens a loop; none for the root.
    #[must_use]
    pub fn opener(&self, of: LoopId) -> Option<SegmentId> {
        if of == LoopId::ROOT {
            return None;
        }
        let leaf = self.tables.leaf(self.tables.loop_at(of.0).opener);
        Some(self.tables.dictionary.segment(leaf.definition).id)
    }

    /// The place of a segment, or of the inner loop it opens, among the children of a loop: writers sort a
    /// node's children by it, keeping the order of equals. The first place counts where a segment has several.
    /// An HL inside an HL comes after all the other segments of its level.
    #[must_use]
    pub fn order(&self, of: LoopId, segment: &[u8]) -> Option<u32> {
        let inside = self.tables.loops.get(usize::from(of.0))?;
        let symbol = self.tables.symbol(self.tables.dictionary.find_index(segment)?);
        if segment == b"HL" && of != LoopId::ROOT && self.opener(of) == Some(SegmentId::new(b"HL")) {
            return u32::try_from(inside.children.len()).ok();
        }
        let at = inside.children.iter().position(|place| {
            let leaf = match place {
                Place::Leaf(leaf) => *leaf,
                Place::Loop(id) => self.tables.loop_at(*id).opener,
            };
            symbol != NONE && self.tables.leaf(leaf).symbol == symbol
        })?;
        u32::try_from(at).ok()
    }

    pub(in crate::formats::x12) fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }

    fn loops_in(&self, of: LoopId) -> impl Iterator<Item = LoopId> + '_ {
        self.tables.loops.get(usize::from(of.0)).into_iter().flat_map(|inside| &inside.children).filter_map(
            |place| match place {
                Place::Loop(id) => Some(LoopId(*id)),
                Place::Leaf(_) => None,
            },
        )
    }
}

impl Tables {
    #[inline]
    pub(in crate::formats::x12) fn leaf(&self, leaf: u16) -> &Leaf {
        &self.leaves[usize::from(leaf)]
    }

    #[inline]
    pub(in crate::formats::x12) fn loop_at(&self, id: u16) -> &Loop {
        &self.loops[usize::from(id)]
    }

    /// The symbol of a segment, by the index of its definition; `NONE` when the set does not have it.
    #[inline]
    pub(in crate::formats::x12) fn symbol(&self, definition: u16) -> u16 {
        self.symbols.get(usize::from(definition)).copied().unwrap_or(NONE)
    }

    /// The symbol of a segment by [`SegmentId::key`]; none when the set does not have it.
    #[inline]
    pub(in crate::formats::x12) fn find_symbol(&self, key: u32) -> Option<u16> {
        self.lookup.find(key)
    }

    /// The leaf a symbol leads to from another, `NONE` when it leads nowhere.
    #[inline]
    pub(in crate::formats::x12) fn next(&self, from: u16, symbol: u16) -> u16 {
        let next = self.transitions[usize::from(from) * self.leaves_of.len() + usize::from(symbol)];
        if next == NONE { NONE } else { next & !WATCHED }
    }

    /// As [`Self::next`], for a step that has nothing to tell: the leaf comes later or again in its loop or in a
    /// loop around it, and nothing mandatory is passed over. None when there is something to look at.
    #[inline]
    pub(in crate::formats::x12) fn next_plain(&self, from: u16, symbol: u16) -> Option<(u16, &Spot)> {
        let next = *self.transitions.get(usize::from(from) * self.leaves_of.len() + usize::from(symbol))?;
        // What is watched, and `NONE`, is beyond all of them.
        self.spots.get(usize::from(next)).map(|spot| (next, spot))
    }

    /// The leaf of a child, a loop's opener.
    pub(in crate::formats::x12) fn first_leaf(&self, place: Place) -> u16 {
        match place {
            Place::Leaf(leaf) => leaf,
            Place::Loop(id) => self.loop_at(id).opener,
        }
    }

    /// Element and component that a `use` line means at a leaf, both 0 for the segment; none when it means another.
    pub(super) fn place_at(&self, leaf: &Leaf, narrowing: &Narrowing) -> Option<(u16, u16)> {
        let definition = self.dictionary.segment(leaf.definition);
        let in_loop = narrowing.loop_id.as_ref().is_none_or(|id| **id == *self.loop_at(leaf.parent).id);
        let place = narrowing.place_in(&definition.id.text()).filter(|_| in_loop)?;
        self.has(definition, place).then_some(place)
    }

    /// Whether a segment has the element and component; 0 is the segment or the whole element.
    pub(super) fn has(&self, definition: &SegmentDefinition, (element, component): (u16, u16)) -> bool {
        let Some(at) = usize::from(element).checked_sub(1) else { return true };
        let Some(part) = definition.elements.get(at) else { return false };
        let components = part.composite.map_or(1, |id| self.dictionary.composite(id).components.len());
        usize::from(component) <= components
    }

    /// Whether a loop is `outer` or lies in it.
    pub(in crate::formats::x12) fn is_inside(&self, mut inner: u16, outer: u16) -> bool {
        let depth = self.loop_at(outer).depth;
        while self.loop_at(inner).depth > depth {
            inner = self.loop_at(inner).parent;
        }
        inner == outer
    }
}

struct Builder {
    tables: Tables,
    problems: Vec<Problem>,
}

impl Builder {
    fn new(raw: &RawSet, dictionary: &Arc<Dictionary>) -> Self {
        let tables = Tables {
            id: raw.id.clone(),
            group: raw.group.clone(),
            dictionary: Arc::clone(dictionary),
            leaves: Vec::new(),
            loops: Vec::new(),
            lookup: Lookup::default(),
            symbols: vec![NONE; dictionary.segment_count()],
            leaves_of: Vec::new(),
            transitions: Vec::new(),
            spots: Vec::new(),
            rules: Vec::new(),
            situations: Vec::new(),
            guided: false,
        };
        Self { tables, problems: Vec::new() }
    }

    fn tree(&mut self, lines: &[RawLine]) {
        self.tables.loops.push(Loop::new("", NONE, 0, 0, true, 1, 0));
        // The loops open at each depth, the root first.
        let mut open = vec![0_u16];
        for line in lines {
            while open.len() > line.depth {
                self.close(open.pop());
            }
            let parent = *open.last().expect("the root is never closed by a line");
            let Some(definition) = self.tables.dictionary.find_index(line.segment.text().as_bytes()) else {
                let message = format!("the release has no segment `{}`", line.segment.text());
                self.problems.push(Problem::new(
                    line.line,
                    message,
                    "mend the id, or define it with `segment`",
                ));
                continue;
            };
            match &line.loop_id {
                None => self.add_leaf(definition, parent, line.mandatory, line.max, NONE),
                Some(id) => {
                    let at = self.tables.loop_at(parent).children.len();
                    let depth = self.tables.loop_at(parent).depth + 1;
                    let opener = index(self.tables.leaves.len());
                    let number = index(self.tables.loops.len());
                    let place = Loop::new(id, parent, depth, index(at), line.mandatory, line.max, opener);
                    self.tables.loops.push(place);
                    self.tables.loops[usize::from(parent)].children.push(Place::Loop(number));
                    open.push(number);
                    self.add_leaf(definition, number, true, 1, number);
                }
            }
        }
        while !open.is_empty() {
            self.close(open.pop());
        }
        if self.tables.leaves.is_empty() {
            self.problems.push(Problem::new(
                0,
                format!("set `{}` is empty", self.tables.id),
                "list its segments",
            ));
        }
    }

    fn close(&mut self, id: Option<u16>) {
        if let Some(id) = id {
            self.tables.loops[usize::from(id)].end = index(self.tables.leaves.len());
        }
    }

    fn add_leaf(&mut self, definition: u16, parent: u16, mandatory: bool, max: u32, opens: u16) {
        let number = index(self.tables.leaves.len());
        let mut symbol = self.tables.symbol(definition);
        if symbol == NONE {
            symbol = index(self.tables.leaves_of.len());
            self.tables.symbols[usize::from(definition)] = symbol;
            self.tables.leaves_of.push(Vec::new());
        }
        self.tables.leaves_of[usize::from(symbol)].push(number);
        let children = &mut self.tables.loops[usize::from(parent)].children;
        let at = index(children.len());
        children.push(Place::Leaf(number));
        self.tables.leaves.push(Leaf {
            definition,
            symbol,
            parent,
            at,
            mandatory,
            max,
            opens,
            bounded: NONE,
            overflow: NONE,
            rule: NONE,
        });
    }

    fn narrow(&mut self, narrowings: &[Narrowing]) {
        for narrowing in narrowings {
            if narrowing.set != self.tables.id {
                continue;
            }
            self.tables.guided = true;
            if let Some(when) = &narrowing.rule.when {
                match situation::find(&self.tables, narrowing, when) {
                    Ok(found) => self.tables.situations.extend(found),
                    Err(problem) => self.problems.push(problem),
                }
                continue;
            }
            let mut found = false;
            for leaf in 0..self.tables.leaves.len() {
                found |= self.narrow_leaf(narrowing, leaf);
            }
            if !found {
                self.problems.push(narrowing.nowhere());
            }
        }
    }

    fn narrow_leaf(&mut self, narrowing: &Narrowing, number: usize) -> bool {
        let leaf = self.tables.leaves[number].clone();
        let Some((element, component)) = self.tables.place_at(&leaf, narrowing) else {
            return false;
        };
        let rule = &narrowing.rule;
        if element > 0 {
            // The rules of the segment hold it.
        } else if let Some(opened) = self.tables.loops.get_mut(usize::from(leaf.opens)) {
            opened.mandatory = rule.mandatory.unwrap_or(opened.mandatory);
            opened.max = rule.max.unwrap_or(opened.max);
        } else {
            let leaf = &mut self.tables.leaves[number];
            leaf.mandatory = rule.mandatory.unwrap_or(leaf.mandatory);
            leaf.max = rule.max.unwrap_or(leaf.max);
        }
        if element > 0 || rule.unused {
            let at = if leaf.rule == NONE {
                self.tables.rules.push(SegmentRule::default());
                let at = index(self.tables.rules.len() - 1);
                self.tables.leaves[number].rule = at;
                at
            } else {
                leaf.rule
            };
            let rules = &mut self.tables.rules[usize::from(at)];
            if element > 0 {
                rules.narrow(element, component, rule);
            } else {
                rules.unused = true;
            }
        }
        true
    }
}

impl Loop {
    fn new(id: &str, parent: u16, depth: u16, at: u16, mandatory: bool, max: u32, opener: u16) -> Self {
        Self {
            id: id.into(),
            parent,
            depth,
            at,
            mandatory,
            max,
            opener,
            end: opener,
            children: Vec::new(),
            next_mandatory: Vec::new(),
            closed_by: Vec::new(),
        }
    }
}

/// An index of the tables.
pub(super) fn index(number: usize) -> u16 {
    let index = u16::try_from(number).unwrap_or(NONE);
    assert!(index < WATCHED, "a set has fewer places than lines may be read");
    index
}
