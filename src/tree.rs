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

use std::ops::Deref;

/// A node of a [`Tree`]; only meaningful for the tree that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    /// Its place among the tree's nodes, the root is 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

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
    /// The tag's first eight bytes, which tell most tags apart.
    head: u64,
    /// A bit for each child's head, see [`bit`]: most tags that are looked for are not there at all.
    child_bits: u64,
    parent: u32,
    first_child: u32,
    last_child: u32,
    next_sibling: u32,
    /// Its values, which stand together: in `ends` if `row` is where their text begins, else in `values`.
    values: Span,
    row: u32,
    origin: Origin,
}

#[derive(Clone, Copy, Debug)]
struct Value {
    element: u16,
    component: u16,
    repetition: u16,
    name: Span,
    text: Span,
    byte: u64,
}

/// A tag made ready to be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    text: Box<str>,
    head: u64,
}

impl Tag {
    /// The tag with this text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self { text: text.into(), head: head(text) }
    }
}

impl Deref for Tag {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
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
    /// Where elements end in the text of their segment, see [`Tree::add_segment`].
    ends: Vec<u32>,
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
        self.ends.clear();
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
        let head = self.nodes[id.0 as usize].head;
        let parent_node = &mut self.nodes[parent.0 as usize];
        parent_node.child_bits |= bit(head);
        let last = std::mem::replace(&mut parent_node.last_child, id.0);
        if last == NONE {
            parent_node.first_child = id.0;
        } else {
            self.nodes[last as usize].next_sibling = id.0;
        }
        id
    }

    /// Adds a value whose key the node is known not to have yet; readers use this.
    pub fn push(&mut self, node: NodeId, key: Key<'_>, text: &str, byte: u64) {
        let text = self.push_text(text);
        self.append_value(node, key, text, byte);
    }

    /// Adds a segment as the last child of `parent`. Its text is taken over as a whole: element `n` lies between the
    /// separators that stand at `ends[n - 1]` and `ends[n]`, and is there unless it is empty but for blanks. A node
    /// gets its values in this way or by [`Tree::push`].
    ///
    /// # Panics
    /// When an element would begin or end within a character.
    pub fn add_segment(
        &mut self,
        parent: NodeId,
        text: &str,
        ends: impl Iterator<Item = u32>,
        origin: Origin,
    ) -> NodeId {
        let first = self.ends.len() as u32;
        self.ends.extend(ends);
        let tag = self.ends.get(first as usize).and_then(|end| text.get(..*end as usize)).unwrap_or(text);
        let node = self.add(parent, tag, origin);
        let row = self.push_text(text).start;
        let added = &mut self.nodes[node.0 as usize];
        (added.row, added.values) = (row, Span { start: first, end: self.ends.len() as u32 });
        node
    }

    /// The node's tag.
    #[inline]
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
    #[inline]
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

    /// The node's children with this tag in document order.
    pub fn children_tagged<'t>(&'t self, node: NodeId, tag: &'t Tag) -> impl Iterator<Item = NodeId> + 't {
        let node = &self.nodes[node.0 as usize];
        let mut at = node.first_child;
        std::iter::from_fn(move || {
            while let Some(id) = some(at) {
                let node = &self.nodes[at as usize];
                at = node.next_sibling;
                if self.alike(node, tag) {
                    return Some(id);
                }
            }
            None
        })
    }

    /// Whether the node may have a child with this tag; false is certain.
    #[inline]
    #[must_use]
    pub fn may_have_child(&self, node: NodeId, tag: &Tag) -> bool {
        self.nodes[node.0 as usize].child_bits & bit(tag.head) != 0
    }

    /// Whether this is the node's tag.
    #[inline]
    #[must_use]
    pub fn is_tagged(&self, node: NodeId, tag: &Tag) -> bool {
        self.alike(&self.nodes[node.0 as usize], tag)
    }

    #[inline]
    fn alike(&self, node: &Node, tag: &Tag) -> bool {
        let length = (node.tag.end - node.tag.start) as usize;
        node.head == tag.head && length == tag.len() && (length <= 8 || self.slice(node.tag) == &**tag)
    }

    /// The node's values in the order they were added.
    pub fn values(&self, node: NodeId) -> impl Iterator<Item = ValueRef<'_>> + '_ {
        let node = &self.nodes[node.0 as usize];
        let Span { start, end } = node.values;
        let (row, values) = if node.row == NONE { (0..0, start..end) } else { (1..end - start, 0..0) };
        let elements = row.filter_map(|element| self.shown_element(node, element));
        elements.chain(values.filter_map(|at| Some(self.shown(self.values.get(at as usize)?))))
    }

    /// The value with this key, if the node has it.
    #[must_use]
    pub fn value(&self, node: NodeId, key: Key<'_>) -> Option<ValueRef<'_>> {
        let node = &self.nodes[node.0 as usize];
        if node.row != NONE {
            return match key {
                Key::Element(element, 1, 1) => self.shown_element(node, u32::from(element)),
                _ => None,
            };
        }
        let mut values = self.values.get(node.values.start as usize..node.values.end as usize)?.iter();
        let value = match key {
            Key::Element(element, component, repetition) => values.find(|value| {
                (value.element, value.component, value.repetition) == (element, component, repetition)
            }),
            Key::Name(name) => values.find(|value| value.element == 0 && self.slice(value.name) == name),
        };
        value.map(|value| self.shown(value))
    }

    /// The text of the value with this key, if the node has it.
    #[inline]
    #[must_use]
    pub fn text(&self, node: NodeId, key: Key<'_>) -> Option<&str> {
        match key {
            Key::Element(element, 1, 1) if self.nodes[node.0 as usize].row != NONE => {
                self.element(&self.nodes[node.0 as usize], u32::from(element)).map(|(_, text)| text)
            }
            key => self.value(node, key).map(|value| value.text),
        }
    }

    /// The highest number of an element that may be there; 0 where values have names.
    #[must_use]
    pub fn last_element(&self, node: NodeId) -> u16 {
        let node = &self.nodes[node.0 as usize];
        let Span { start, end } = node.values;
        if node.row == NONE {
            let values = self.values.get(start as usize..end as usize).unwrap_or(&[]);
            values.iter().map(|value| value.element).max().unwrap_or(0)
        } else {
            u16::try_from((end - start).saturating_sub(1)).unwrap_or(u16::MAX)
        }
    }

    /// An element of a segment that was taken over as a whole: where it begins in the segment, and its text.
    #[inline]
    fn element(&self, node: &Node, element: u32) -> Option<(u32, &str)> {
        let at = node.values.start.checked_add(element).filter(|at| element > 0 && *at < node.values.end)?;
        let ends = self.ends.get(at as usize - 1..)?.first_chunk::<2>()?;
        let (start, end) = (ends[0] + 1, ends[1]);
        if end <= start {
            return None;
        }
        let text = self.slice(Span { start: node.row + start, end: node.row + end });
        if text.as_bytes().last().is_some_and(u8::is_ascii_graphic) {
            return Some((start, text));
        }
        let text = text.trim_ascii_end();
        (!text.is_empty()).then_some((start, text))
    }

    fn shown_element(&self, node: &Node, element: u32) -> Option<ValueRef<'_>> {
        let (start, text) = self.element(node, element)?;
        let key = Key::Element(element as u16, 1, 1);
        Some(ValueRef { key, text, byte: node.origin.byte + u64::from(start) })
    }

    #[inline]
    fn shown(&self, value: &Value) -> ValueRef<'_> {
        ValueRef { key: self.key(value), text: self.slice(value.text), byte: value.byte }
    }

    fn push_node(&mut self, parent: u32, tag: &str, origin: Origin) -> NodeId {
        let id = u32::try_from(self.nodes.len()).expect("a document has fewer than 4 billion nodes");
        let (head, tag) = (head(tag), self.push_text(tag));
        self.nodes.push(Node {
            tag,
            head,
            parent,
            first_child: NONE,
            last_child: NONE,
            next_sibling: NONE,
            child_bits: 0,
            values: Span::default(),
            row: NONE,
            origin,
        });
        NodeId(id)
    }

    fn append_value(&mut self, node: NodeId, key: Key<'_>, text: Span, byte: u64) {
        let (element, component, repetition, name) = match key {
            Key::Element(element, component, repetition) => (element, component, repetition, Span::default()),
            Key::Name(name) => (0, 0, 0, self.push_text(name)),
        };
        let place = &mut self.nodes[node.0 as usize];
        debug_assert!(place.row == NONE, "a segment that was taken over whole gets no further values");
        let span = &mut place.values;
        if span.end as usize != self.values.len() {
            // Another node got values in between: these move to the end. It is rare, and they are few.
            let start = self.values.len() as u32;
            self.values.extend_from_within(span.start as usize..span.end as usize);
            *span = Span { start, end: start + (span.end - span.start) };
        }
        span.end += 1;
        assert!(span.end < NONE, "a document has fewer than 4 billion values");
        self.values.push(Value { element, component, repetition, name, text, byte });
    }

    fn push_text(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        let to_u32 = |n: usize| u32::try_from(n).expect("the text of one document is under 4 GiB");
        Span { start: to_u32(start), end: to_u32(self.text.len()) }
    }

    #[inline]
    fn key(&self, value: &Value) -> Key<'_> {
        if value.element == 0 {
            Key::Name(self.slice(value.name))
        } else {
            Key::Element(value.element, value.component, value.repetition)
        }
    }

    #[inline]
    fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).expect("spans come from push_text")
    }
}

/// The first eight bytes of a tag as one number.
fn head(tag: &str) -> u64 {
    tag.bytes().take(8).fold(0, |head, byte| head << 8 | u64::from(byte))
}

/// One of 64 bits for a head.
fn bit(head: u64) -> u64 {
    // Fibonacci hashing: the high bits of the product are well mixed.
    1 << (head.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58)
}

fn some(id: u32) -> Option<NodeId> {
    (id != NONE).then_some(NodeId(id))
}
