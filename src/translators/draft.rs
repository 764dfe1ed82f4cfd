//! A document while it is written: nodes may still be empty, shared or dropped.

use std::collections::HashMap;

use super::pairs::pairs;
use super::path::{At, Step};
use crate::tree::{Key, NodeId, Origin, Tag, Tree};

/// A value's number or name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OwnKey {
    Element(u16, u16, u16),
    Name(String),
}

#[derive(Clone, Debug)]
struct DraftValue {
    key: OwnKey,
    text: String,
    /// Qualifiers and constants do not by themselves make a segment worth writing.
    weak: bool,
}

#[derive(Clone, Debug, Default)]
struct DraftNode {
    tag: String,
    parent: usize,
    values: Vec<DraftValue>,
    children: Vec<usize>,
    /// Written even when nothing is in it: an item of a list.
    keep: bool,
    /// Tells its parent from others, as in `E1EDK02[QUALF=009]`: written whenever the parent is.
    tells: bool,
}

/// A document while it is written. Node 0 is its root.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    nodes: Vec<DraftNode>,
}

impl Draft {
    pub(super) fn new(tag: &str) -> Self {
        Self { nodes: vec![DraftNode { tag: tag.to_owned(), keep: true, ..DraftNode::default() }] }
    }

    fn node(&self, id: usize) -> &DraftNode {
        self.nodes.get(id).expect("draft nodes are not removed")
    }

    fn node_mut(&mut self, id: usize) -> &mut DraftNode {
        self.nodes.get_mut(id).expect("draft nodes are not removed")
    }

    pub(super) fn tag(&self, id: usize) -> &str {
        &self.node(id).tag
    }

    pub(super) fn parent(&self, id: usize) -> usize {
        self.node(id).parent
    }

    pub(super) fn children(&self, id: usize) -> &[usize] {
        &self.node(id).children
    }

    /// Adds a node with what the step's conditions ask of it.
    pub(super) fn add(&mut self, parent: usize, step: &Step) -> usize {
        let id = self.nodes.len();
        self.nodes.push(DraftNode { tag: step.tag.to_string(), parent, ..DraftNode::default() });
        self.node_mut(parent).children.push(id);
        for condition in &step.conditions {
            let Some(first) = condition.allowed.first() else { continue };
            match &condition.at {
                At::Name(name) if !name.starts_with('@') => {
                    let child = self.add(
                        id,
                        &Step { tag: Tag::new(name), conditions: Vec::new(), rest: false, optional: false },
                    );
                    self.set(child, OwnKey::Name(String::new()), first, true);
                    self.node_mut(child).tells = true;
                }
                at => {
                    if let Some(key) = key_of(at) {
                        self.set(id, key, first, true);
                    }
                }
            }
        }
        id
    }

    pub(super) fn keep(&mut self, id: usize) {
        self.node_mut(id).keep = true;
    }

    /// The first child that a step names.
    pub(super) fn find(&self, parent: usize, step: &Step) -> Option<usize> {
        self.children(parent).iter().copied().find(|child| self.matches(*child, step))
    }

    /// Whether a node is what a step names.
    pub(super) fn matches(&self, id: usize, step: &Step) -> bool {
        self.tag(id) == &*step.tag
            && step.conditions.iter().all(|condition| {
                let text = match &condition.at {
                    At::Name(name) if !name.starts_with('@') => {
                        let child = self.children(id).iter().find(|child| self.tag(**child) == name);
                        child.and_then(|child| self.value(*child, &OwnKey::Name(String::new())))
                    }
                    at => key_of(at).and_then(|key| self.value(id, &key)),
                };
                text.is_some_and(|text| condition.allowed.iter().any(|allowed| allowed == text))
            })
    }

    /// Whether the way to a node ends in these steps.
    pub(super) fn ends_with(&self, id: usize, steps: &[Step]) -> bool {
        let mut at = Some(id);
        steps.iter().rev().all(|step| {
            let here = at.filter(|here| self.matches(*here, step));
            at = here.map(|here| self.parent(here)).filter(|above| Some(*above) != here);
            here.is_some()
        })
    }

    /// The place of each node among the nodes of its tag under one parent, the first is 1.
    pub(super) fn places(&self) -> Vec<u32> {
        let mut places = vec![1; self.nodes.len()];
        for node in &self.nodes {
            let mut counts: HashMap<&str, u32> = HashMap::new();
            for child in &node.children {
                let count = counts.entry(self.tag(*child)).or_default();
                *count += 1;
                if let Some(place) = places.get_mut(*child) {
                    *place = *count;
                }
            }
        }
        places
    }

    pub(super) fn value(&self, id: usize, key: &OwnKey) -> Option<&str> {
        self.node(id).values.iter().find(|value| value.key == *key).map(|value| value.text.as_str())
    }

    /// Whether a value is there that is more than a qualifier or constant.
    pub(super) fn is_filled(&self, id: usize, key: &OwnKey) -> bool {
        self.node(id).values.iter().any(|value| value.key == *key && !value.weak)
    }

    pub(super) fn set(&mut self, id: usize, key: OwnKey, text: &str, weak: bool) {
        let values = &mut self.node_mut(id).values;
        let value = DraftValue { key, text: text.to_owned(), weak };
        match values.iter_mut().find(|own| own.key == value.key) {
            Some(own) => *own = value,
            None => values.push(value),
        }
    }

    /// Writes a qualifier and its value into the first pair that is free; false when none is.
    pub(super) fn set_pair(&mut self, id: usize, code: &str, text: &str) -> bool {
        let element = |number: u16| OwnKey::Element(number, 1, 1);
        let free = pairs(self.tag(id)).iter().find(|(qualifier, value)| {
            self.value(id, &element(*qualifier)).is_none() && self.value(id, &element(*value)).is_none()
        });
        let Some((qualifier, value)) = free.copied() else { return false };
        self.set(id, element(qualifier), code, true);
        self.set(id, element(value), text, false);
        true
    }

    /// The value paired with a qualifier.
    pub(super) fn pair(&self, id: usize, code: &str) -> Option<&str> {
        let element = |number: u16| OwnKey::Element(number, 1, 1);
        let (_, value) = pairs(self.tag(id))
            .iter()
            .find(|(qualifier, _)| self.value(id, &element(*qualifier)) == Some(code))?;
        self.value(id, &element(*value))
    }

    /// Moves a node's children to another node and forgets the node. What stands there already, such as a MAN
    /// that each line under one LX names, is not moved.
    pub(super) fn merge(&mut self, from: usize, into: usize) {
        let children = std::mem::take(&mut self.node_mut(from).children);
        for child in children.into_iter().filter(|child| !self.has_same(into, *child)).collect::<Vec<_>>() {
            self.node_mut(child).parent = into;
            self.node_mut(into).children.push(child);
        }
        let parent = self.parent(from);
        self.node_mut(parent).children.retain(|child| *child != from);
    }

    /// Whether a node has a child that says no less than another, which is no item of a list.
    fn has_same(&self, parent: usize, other: usize) -> bool {
        let plain = |id: usize| !self.node(id).keep && self.children(id).is_empty();
        let same =
            |child: &usize| plain(*child) && self.tag(*child) == self.tag(other) && self.alike(*child, other);
        plain(other) && self.children(parent).iter().any(same)
    }

    /// Whether segments below two nodes contradict each other: same tag and qualifiers, other values, as a PAL of
    /// 8 blocks and one of 9. They cannot stand under one node, where only the first would be read.
    pub(super) fn clash(&self, one: usize, other: usize) -> bool {
        let plain =
            |id: &usize| !self.node(*id).keep && self.children(*id).is_empty() && self.is_written(*id);
        let weak = |id: usize| {
            let values = self.node(id).values.iter().filter(|value| value.weak);
            let mut values: Vec<(&OwnKey, &str)> =
                values.map(|value| (&value.key, value.text.as_str())).collect();
            values.sort();
            values
        };
        let rivals = |mine: usize, theirs: usize| {
            self.tag(mine) == self.tag(theirs) && weak(mine) == weak(theirs) && !self.alike(mine, theirs)
        };
        let theirs: Vec<usize> = self.children(other).iter().copied().filter(plain).collect();
        self.children(one).iter().copied().filter(plain).any(|mine| theirs.iter().any(|id| rivals(mine, *id)))
    }

    /// Whether two nodes have the same values, and any at all.
    pub(super) fn alike(&self, one: usize, other: usize) -> bool {
        let sorted = |id: usize| {
            let mut values: Vec<(&OwnKey, &str)> =
                self.node(id).values.iter().map(|value| (&value.key, value.text.as_str())).collect();
            values.sort();
            values
        };
        self.node(one).values.iter().any(|value| !value.weak) && sorted(one) == sorted(other)
    }

    /// Whether a node will be in the document.
    pub(super) fn is_written(&self, id: usize) -> bool {
        let node = self.node(id);
        node.keep
            || node.values.iter().any(|value| !value.weak)
            || node.children.iter().any(|child| self.is_written(*child))
    }

    /// The document. HL segments are numbered in document order (HL01), name their parent (HL02) and
    /// say whether others are below them (HL04).
    pub(super) fn into_tree(self, number_levels: bool) -> Tree {
        let mut tree = Tree::new(self.tag(0));
        let root = tree.root();
        let mut levels = 0_u32;
        self.emit(&mut tree, 0, root, number_levels.then_some(&mut levels), None);
        tree
    }

    fn emit(&self, tree: &mut Tree, id: usize, at: NodeId, mut levels: Option<&mut u32>, level: Option<u32>) {
        let node = self.node(id);
        let mut values: Vec<(&OwnKey, &str)> =
            node.values.iter().map(|value| (&value.key, value.text.as_str())).collect();
        if levels.is_some() {
            values.sort();
        }
        for (key, text) in values {
            tree.push(at, as_key(key), text, 0);
        }
        let wanted = |child: &usize| self.node(*child).tells || self.is_written(*child);
        let written: Vec<usize> = node.children.iter().copied().filter(wanted).collect();
        // An HL's own segments stand before the HLs below it.
        let (below, own): (Vec<usize>, Vec<usize>) =
            written.into_iter().partition(|child| levels.is_some() && self.tag(*child) == "HL");
        for child in own.into_iter().chain(below) {
            let place = tree.add(at, self.tag(child), Origin::default());
            let mut own_level = level;
            if let Some(levels) = levels.as_deref_mut()
                && self.tag(child) == "HL"
            {
                *levels += 1;
                own_level = Some(*levels);
                let leads = self
                    .children(child)
                    .iter()
                    .any(|inner| self.tag(*inner) == "HL" && self.is_written(*inner));
                tree.push(place, Key::Element(1, 1, 1), &levels.to_string(), 0);
                if let Some(parent) = level {
                    tree.push(place, Key::Element(2, 1, 1), &parent.to_string(), 0);
                }
                tree.push(place, Key::Element(4, 1, 1), if leads { "1" } else { "0" }, 0);
            }
            self.emit(tree, child, place, levels.as_deref_mut(), own_level);
        }
    }
}

/// The key of a value that is not a pair.
pub(super) fn key_of(at: &At) -> Option<OwnKey> {
    match at {
        At::Element(element, component, repetition) => {
            Some(OwnKey::Element(*element, *component, *repetition))
        }
        At::Name(name) => Some(OwnKey::Name(name.clone())),
        At::Node | At::Pair(_) | At::Pairs => None,
    }
}

fn as_key(key: &OwnKey) -> Key<'_> {
    match key {
        OwnKey::Element(element, component, repetition) => Key::Element(*element, *component, *repetition),
        OwnKey::Name(name) => Key::Name(name),
    }
}
