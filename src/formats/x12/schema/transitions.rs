//! Works out, for every place of a set, where each segment leads from there.

use super::dictionary::Lookup;
use super::set::{Leaf, NONE, Place, Spot, Tables, WATCHED, index};

/// Fills the tables that depend on the whole tree.
pub(super) fn compile(tables: &mut Tables) {
    bounds(tables);
    mandatory(tables);
    let symbols = tables.leaves_of.len();
    let mut transitions = Vec::with_capacity(tables.leaves.len() * symbols);
    let mut overflow = Vec::with_capacity(tables.leaves.len());
    for number in 0..tables.leaves.len() {
        let mut row = vec![NONE; symbols];
        let from = &tables.leaves[number];
        search(tables, from, false, &mut row);
        transitions.extend(row.iter().map(|to| match to {
            &NONE => NONE,
            to if passes_over(tables, from, tables.leaf(*to)) => to | WATCHED,
            to => *to,
        }));
        row.fill(NONE);
        search(tables, from, true, &mut row);
        let next = row[usize::from(from.symbol)];
        // A place that is full hands over only to a later one of the same loop, else it is a fault.
        let same_loop =
            tables.leaves.get(usize::from(next)).map(|leaf| level(tables, leaf)) == Some(level(tables, from));
        overflow.push(if same_loop { next } else { NONE });
    }
    tables.transitions = transitions;
    for (leaf, next) in tables.leaves.iter_mut().zip(overflow) {
        leaf.overflow = next;
    }
    tables.spots = (0..).zip(&tables.leaves).map(|(number, leaf)| spot(tables, number, leaf)).collect();
    let ids = tables.leaves_of.iter().filter_map(|leaves| leaves.first()).zip(0..).map(|(leaf, symbol)| {
        let definition = tables.leaf(*leaf).definition;
        (tables.dictionary.segment(definition).id, symbol)
    });
    tables.lookup = Lookup::new(&ids.collect::<Vec<_>>());
}

/// Turns of a loop are counted behind the uses of all leaves.
fn spot(tables: &Tables, number: u16, leaf: &Leaf) -> Spot {
    let Leaf { opens, definition, .. } = *leaf;
    match tables.loops.get(usize::from(opens)) {
        Some(opened) => {
            let counter = u32::from(index(tables.leaves.len())) + u32::from(opens);
            Spot { counter, outer: opened.parent, max: opened.max, opens, definition }
        }
        None => Spot { counter: u32::from(number), outer: leaf.parent, max: leaf.max, opens, definition },
    }
}

/// From the innermost open loop outwards, at or after the current place; a loop's opener is its next turn.
fn search(tables: &Tables, from: &Leaf, past: bool, row: &mut [u16]) {
    let mut inside = from.parent;
    let mut at = usize::from(from.at);
    if past {
        if from.opens != NONE {
            at = usize::from(tables.loop_at(inside).at);
            inside = tables.loop_at(inside).parent;
        }
        at += 1;
    }
    loop {
        scan(tables, inside, at, row);
        if inside == 0 {
            return;
        }
        at = usize::from(tables.loop_at(inside).at);
        inside = tables.loop_at(inside).parent;
    }
}

/// Whether something mandatory lies between two places, or the way leaves a stretch that an LS began.
fn passes_over(tables: &Tables, from: &Leaf, to: &Leaf) -> bool {
    let target = level(tables, to);
    let target_at = if to.opens == NONE { to.at } else { tables.loop_at(to.opens).at };
    let (mut inside, mut at) = (from.parent, from.at);
    while inside != target {
        let place = tables.loop_at(inside);
        let end = index(place.children.len());
        if place.next_mandatory[usize::from(at)] < end || place.closed_by[usize::from(at)] != NONE {
            return true;
        }
        at = place.at;
        inside = place.parent;
    }
    let place = tables.loop_at(inside);
    let closed_by = place.closed_by[usize::from(at)];
    place.next_mandatory[usize::from(at)] < target_at || (closed_by != NONE && target_at > closed_by)
}

/// The loop in which a leaf, or the loop it opens, has its place.
fn level(tables: &Tables, leaf: &Leaf) -> u16 {
    if leaf.opens == NONE { leaf.parent } else { tables.loop_at(leaf.opens).parent }
}

fn scan(tables: &Tables, inside: u16, start: usize, row: &mut [u16]) {
    let children = &tables.loop_at(inside).children;
    let mut at = start;
    while let Some(place) = children.get(at) {
        let leaf = tables.first_leaf(*place);
        let symbol = usize::from(tables.leaf(leaf).symbol);
        // The opener of the loop itself is not one of its repeatable segments: it is the next turn, which
        // the scan of the loop around finds.
        let own_opener = at == 0 && inside != 0;
        if row[symbol] == NONE && !own_opener {
            row[symbol] = leaf;
        }
        // What stands between LS and LE may only be entered after the LS.
        let closed_by = tables.loop_at(inside).closed_by[at];
        at = if closed_by != NONE && at > start { usize::from(closed_by) + 1 } else { at + 1 };
    }
}

/// Finds the stretches from LS to LE.
fn bounds(tables: &mut Tables) {
    for number in 0..tables.loops.len() {
        let children = tables.loops[number].children.clone();
        let mut closed_by = vec![NONE; children.len()];
        let mut at = 0;
        while at < children.len() {
            let end = (at + 1..children.len()).find(|end| is_segment(tables, children[*end], "LE"));
            match end.filter(|_| is_segment(tables, children[at], "LS")) {
                Some(end) => {
                    for inside in at..end {
                        closed_by[inside] = index(end);
                        if let Place::Loop(id) = children[inside] {
                            mark_bounded(tables, id);
                        }
                    }
                    at = end + 1;
                }
                None => at += 1,
            }
        }
        tables.loops[number].closed_by = closed_by;
    }
}

fn mark_bounded(tables: &mut Tables, id: u16) {
    let (first, end) = (tables.loop_at(id).opener, tables.loop_at(id).end);
    for leaf in first..end {
        tables.leaves[usize::from(leaf)].bounded = id;
    }
}

fn is_segment(tables: &Tables, place: Place, id: &str) -> bool {
    match place {
        Place::Leaf(leaf) => tables.dictionary.segment(tables.leaf(leaf).definition).id.text() == id,
        Place::Loop(_) => false,
    }
}

/// Chains the mandatory children of each loop; those between LS and LE are only due there.
fn mandatory(tables: &mut Tables) {
    for number in 0..tables.loops.len() {
        let children = tables.loops[number].children.clone();
        let mut next = index(children.len());
        let mut chain = vec![next; children.len()];
        for (at, place) in children.iter().enumerate().rev() {
            chain[at] = next;
            let due = match place {
                Place::Leaf(leaf) => tables.leaf(*leaf).mandatory,
                Place::Loop(id) => tables.loop_at(*id).mandatory,
            };
            if due && tables.loops[number].closed_by[at] == NONE {
                next = index(at);
            }
        }
        tables.loops[number].next_mandatory = chain;
    }
}
