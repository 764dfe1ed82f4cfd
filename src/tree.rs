//! The one shape between bytes and meaning: tagged nodes with values, children and locations.
//!
//! A tree is an arena that is cleared and used again for the next document. Every reader fills one
//! and every writer takes one. How each format fills it:
//!
//! | format | node | tag | values |
//! |---|---|---|---|
//! | X12 | segment; the first segment of a loop is the parent of the loop's other segments and inner loops; an HL is a child of the HL its HL02 names | segment id | element, component and repetition numbers |
//! | delimited, fixed-width | record (row) | record type, or `row` | column or field name |
//! | XML | element | local name | `@name` for attributes, an empty name for its text |
//! | JSON | object, array entry or scalar | member name (an array gives one node per entry, all with the array's name) | an empty name for a scalar |
//!
//! Node 0 is the root; its tag is the set id (`810`), the layout's name or the document element.

/// A node of a [`Tree`]; only meaningful for the tree that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

/// Which value of a node: by number in X12, by name elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key<'a> {
    /// Element, component and repetition, the first of each is 1. A simple element is component 1.
    Element(u16, u16, u16),
    /// Column, field, `@attribute`; empty for the text of an XML element or a JSON scalar.
    Name(&'a str),
}

/// Where a node begins in its file. Line numbers are worked out from `byte` when asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Offset from the start of the file.
    pub byte: u64,
    /// Segment position in the set (ST is 1), or ordinal of the row or element in the file.
    pub ordinal: u32,
}

#[derive(Clone, Debug)]
struct Node {
    tag: Span,
    parent: u32,
    first_child: u32,
    last_child: u32,
    next_sibling: u32,
    first_value: u32,
    last_value: u32,
    origin: Origin,
}

#[derive(Clone, Debug)]
struct Value {
    next: u32,
    element: u16,
    component: u16,
    repetition: u16,
    name: Span,
    text: Span,
    byte: u64,
}

/// One value of a node, as [`Tree::values`] gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueRef<'t> {
    /// Its number or name.
    pub key: Key<'t>,
    /// Its text, never empty unless the format can tell an empty value from an absent one.
    pub text: &'t str,
    /// Offset of its first byte from the start of the file.
    pub byte: u64,
}

/// One document between bytes and meaning.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    text: String,
    nodes: Vec<Node>,
    values: Vec<Value>,
}

impl Tree {
    /// An empty tree with a root.
    #[must_use]
    pub fn new(tag: &str) -> Self {
        let mut tree = Self::default();
        tree.reset(tag, Origin::default());
        tree
    }

    /// Empties the tree, keeping its memory, and gives it a root.
    pub fn reset(&mut self, tag: &str, origin: Origin) -> NodeId {
        self.text.clear();
        self.nodes.clear();
        self.values.clear();
        self.push_node(NONE, tag, origin)
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> NodeId {
        NodeId(0)
    }

    /// Number of nodes, the root among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether the tree holds only its root, or not even that.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.len() < 2
    }

    /// Adds a node as the last child of `parent`.
    pub fn add(&mut self, parent: NodeId, tag: &str, origin: Origin) -> NodeId {
        let id = self.push_node(parent.0, tag, origin);
        let parent_node = &mut self.nodes[parent.0 as usize];
        let last = std::mem::replace(&mut parent_node.last_child, id.0);
        if last == NONE {
            parent_node.first_child = id.0;
        } else {
            self.nodes[last as usize].next_sibling = id.0;
        }
        id
    }

    /// Sets a value of a node, replacing one with the same key.
    pub fn set(&mut self, node: NodeId, key: Key<'_>, text: &str, byte: u64) {
        let text = self.push_text(text);
        let mut at = self.nodes[node.0 as usize].first_value;
        while at != NONE {
            if self.key(&self.values[at as usize]) == key {
                let value = &mut self.values[at as usize];
                value.text = text;
                value.byte = byte;
                return;
            }
            at = self.values[at as usize].next;
        }
        self.append_value(node, key, text, byte);
    }

    /// Adds a value whose key the node is known not to have yet; readers use this.
    pub fn push(&mut self, node: NodeId, key: Key<'_>, text: &str, byte: u64) {
        let text = self.push_text(text);
        self.append_value(node, key, text, byte);
    }

    /// The node's tag.
    #[must_use]
    pub fn tag(&self, node: NodeId) -> &str {
        self.slice(self.nodes[node.0 as usize].tag)
    }

    /// Where the node begins.
    #[must_use]
    pub fn origin(&self, node: NodeId) -> Origin {
        self.nodes[node.0 as usize].origin
    }

    /// The node's parent; the root has none.
    #[must_use]
    pub fn parent(&self, node: NodeId) -> Option<NodeId> {
        some(self.nodes[node.0 as usize].parent)
    }

    /// The node's children in document order.
    pub fn children(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let mut at = self.nodes[node.0 as usize].first_child;
        std::iter::from_fn(move || {
            let id = some(at)?;
            at = self.nodes[at as usize].next_sibling;
            Some(id)
        })
    }

    /// The node's values in the order they were added.
    pub fn values(&self, node: NodeId) -> impl Iterator<Item = ValueRef<'_>> + '_ {
        let mut at = self.nodes[node.0 as usize].first_value;
        std::iter::from_fn(move || {
            let value = self.values.get(some(at)?.0 as usize)?;
            at = value.next;
            Some(ValueRef { key: self.key(value), text: self.slice(value.text), byte: value.byte })
        })
    }

    /// The value with this key, if the node has it.
    #[must_use]
    pub fn value(&self, node: NodeId, key: Key<'_>) -> Option<ValueRef<'_>> {
        self.values(node).find(|value| value.key == key)
    }

    fn push_node(&mut self, parent: u32, tag: &str, origin: Origin) -> NodeId {
        let id = u32::try_from(self.nodes.len()).expect("a document has fewer than 4 billion nodes");
        let tag = self.push_text(tag);
        self.nodes.push(Node {
            tag,
            parent,
            first_child: NONE,
            last_child: NONE,
            next_sibling: NONE,
            first_value: NONE,
            last_value: NONE,
            origin,
        });
        NodeId(id)
    }

    fn append_value(&mut self, node: NodeId, key: Key<'_>, text: Span, byte: u64) {
        let id = u32::try_from(self.values.len()).expect("a document has fewer than 4 billion values");
        let (element, component, repetition, name) = match key {
            Key::Element(element, component, repetition) => (element, component, repetition, Span::default()),
            Key::Name(name) => (0, 0, 0, self.push_text(name)),
        };
        self.values.push(Value { next: NONE, element, component, repetition, name, text, byte });
        let node = &mut self.nodes[node.0 as usize];
        let last = std::mem::replace(&mut node.last_value, id);
        if last == NONE {
            node.first_value = id;
        } else {
            self.values[last as usize].next = id;
        }
    }

    fn push_text(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        let to_u32 = |n: usize| u32::try_from(n).expect("the text of one document is under 4 GiB");
        Span { start: to_u32(start), end: to_u32(self.text.len()) }
    }

    fn key(&self, value: &Value) -> Key<'_> {
        if value.element == 0 {
            Key::Name(self.slice(value.name))
        } else {
            Key::Element(value.element, value.component, value.repetition)
        }
    }

    fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).expect("spans come from push_text")
    }
}

fn some(id: u32) -> Option<NodeId> {
    (id != NONE).then_some(NodeId(id))
}
