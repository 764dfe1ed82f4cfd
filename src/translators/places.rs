//! Places in a tree: whether a node is what a path names, what stands there, and what people call it.

use super::pairs::pairs;
use super::path::{At, Condition, Path, Step};
use crate::finding::Location;
use crate::tree::{Key, NodeId, Tree, ValueRef};

/// Whether a path of `drops` covers a value: it names the value, its node, or a node above it.
pub(super) fn drops(tree: &Tree, path: &Path, node: NodeId, key: Key<'_>) -> bool {
    let whole = matches!(&path.at, At::Node) || matches!(&path.at, At::Name(name) if name.is_empty());
    let key_matches = match (&path.at, key) {
        (At::Element(element, component, repetition), Key::Element(e, c, r)) => {
            (e, c, r) == (*element, *component, *repetition)
        }
        (At::Name(name), Key::Name(own)) => name == own,
        _ => false,
    };
    if !whole && !key_matches {
        return false;
    }
    let mut at = Some(node);
    while let Some(here) = at {
        if steps_end_at(tree, &path.steps, here) {
            return true;
        }
        at = if whole { tree.parent(here) } else { None };
    }
    false
}

/// Whether the way to a node ends in these steps.
pub(super) fn steps_end_at(tree: &Tree, steps: &[Step], node: NodeId) -> bool {
    let mut at = Some(node);
    for step in steps.iter().rev() {
        let Some(here) = at else { return false };
        if !step_matches(tree, here, step) {
            return false;
        }
        at = tree.parent(here);
    }
    true
}

/// Whether a node is what a step names.
pub(super) fn step_matches(tree: &Tree, node: NodeId, step: &Step) -> bool {
    tree.is_tagged(node, &step.tag) && meets_conditions(tree, node, step)
}

/// Whether a node with the right tag has what a step asks for.
#[inline]
pub(super) fn meets_conditions(tree: &Tree, node: NodeId, step: &Step) -> bool {
    step.conditions.iter().all(|condition| holds(tree, node, condition))
}

fn holds(tree: &Tree, node: NodeId, condition: &Condition) -> bool {
    let text = match &condition.at {
        At::Name(name) if !name.starts_with('@') => {
            // A column of a row, else the text of a member or child element.
            tree.text(node, Key::Name(name)).or_else(|| {
                let child = tree.children(node).find(|child| tree.tag(*child) == name)?;
                tree.text(child, Key::Name(""))
            })
        }
        at => text_at(tree, node, at),
    };
    text.is_some_and(|text| condition.allowed.iter().any(|allowed| allowed == text))
}

/// The value of a node; blanks are nothing.
pub(super) fn value_at<'t>(tree: &'t Tree, node: NodeId, at: &At) -> Option<ValueRef<'t>> {
    let value = resolve(tree, node, at, |key| tree.value(node, key));
    value.filter(|value| !is_blank(value.text))
}

/// The text of [`value_at`], which is all that reading needs where nothing is wrong.
#[inline]
pub(super) fn text_at<'t>(tree: &'t Tree, node: NodeId, at: &At) -> Option<&'t str> {
    resolve(tree, node, at, |key| tree.text(node, key)).filter(|text| !is_blank(text))
}

#[inline]
fn resolve<T>(tree: &Tree, node: NodeId, at: &At, get: impl FnOnce(Key<'_>) -> Option<T>) -> Option<T> {
    match at {
        At::Node | At::Pairs => None,
        At::Element(element, component, repetition) => get(Key::Element(*element, *component, *repetition)),
        At::Name(name) => get(Key::Name(name)),
        At::Pair(code) => get(Key::Element(paired(tree, node, code)?, 1, 1)),
    }
}

/// The element whose qualifier says `code`.
fn paired(tree: &Tree, node: NodeId, code: &str) -> Option<u16> {
    let has = |element: u16| tree.text(node, Key::Element(element, 1, 1));
    let last = tree.last_element(node);
    let mut pairs = pairs(tree.tag(node)).iter().take_while(|(_, value)| *value <= last);
    let found = pairs.find(|(qualifier, value)| has(*qualifier) == Some(code) && has(*value).is_some());
    found.map(|(_, value)| *value)
}

#[inline]
fn is_blank(text: &str) -> bool {
    !text.as_bytes().first().is_some_and(u8::is_ascii_graphic) && text.trim().is_empty()
}

/// Qualifiers and their values, where a segment has both.
pub(super) fn paired_values<'t>(
    tree: &'t Tree,
    node: NodeId,
) -> impl Iterator<Item = (ValueRef<'t>, ValueRef<'t>)> {
    let last = tree.last_element(node);
    let pairs = pairs(tree.tag(node)).iter().take_while(move |(_, value)| *value <= last);
    pairs.filter_map(move |(qualifier, value)| {
        let own = tree.value(node, Key::Element(*qualifier, 1, 1))?;
        Some((own, tree.value(node, Key::Element(*value, 1, 1))?))
    })
}

/// Calls `visit` with every node below a node.
pub(super) fn descendants(tree: &Tree, node: NodeId, visit: &mut dyn FnMut(NodeId)) {
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        for child in tree.children(node) {
            visit(child);
            open.push(child);
        }
    }
}

/// A name for a partner's own field at a place.
pub(super) fn own_name(place: &str) -> String {
    let last = place.rsplit('/').next().unwrap_or(place);
    last.trim_start_matches('@').to_lowercase().replace('-', "_")
}

/// How a person names a value: `N902` or `Header/Order/@id`.
pub(super) fn place_of(tree: &Tree, node: NodeId, key: Key<'_>) -> String {
    match key {
        Key::Element(element, 1, 1) => format!("{}{element:02}", tree.tag(node)),
        Key::Element(element, component, 1) => format!("{}{element:02}-{component:02}", tree.tag(node)),
        Key::Element(element, component, repetition) => {
            format!("{}{element:02}-{component:02}^{repetition}", tree.tag(node))
        }
        Key::Name(name) => {
            let mut names: Vec<&str> = if name.is_empty() { Vec::new() } else { vec![name] };
            let mut at = Some(node);
            while let Some(here) = at.filter(|here| tree.parent(*here).is_some()) {
                names.push(tree.tag(here));
                at = tree.parent(here);
            }
            names.reverse();
            names.join("/")
        }
    }
}

/// Where a node or one of its values is.
pub(super) fn locate(tree: &Tree, node: NodeId, value: Option<ValueRef<'_>>) -> Location {
    let origin = tree.origin(node);
    let mut location = Location {
        byte: value.map_or(origin.byte, |value| value.byte),
        segment: tree.tag(node).to_owned(),
        segment_position: origin.ordinal,
        ..Location::default()
    };
    match value.map(|value| value.key) {
        Some(Key::Element(element, component, repetition)) => {
            (location.element, location.component, location.repetition) = (element, component, repetition);
        }
        Some(key @ Key::Name(_)) => location.path = place_of(tree, node, key),
        None => {}
    }
    location
}
