//! Builds the tree of one transaction set.

use super::cursor::{Cursor, Segments};
use super::schema::{LoopId, SegmentDefinition, Set};
use super::segment::{Delimiters, Segment};
use super::walker::Walker;
use crate::tree::{Key, NodeId, Origin, Tree};
use std::borrow::Cow;
use std::collections::HashMap;

/// Reads one transaction set, ST to SE, into `tree`, which is emptied first.
///
/// `bytes` are the set's, `base_byte` is the offset of the first of them from the start of the file. Nothing is
/// refused: a segment without a place in the schema becomes a child of the segment whose loop is open.
pub fn read_tree(bytes: &[u8], base_byte: u64, delimiters: Delimiters, set: &Set, tree: &mut Tree) {
    TreeBuilder::default().read(bytes, base_byte, delimiters, set, tree);
}

/// Reads sets one after the other; its memory is used again.
#[derive(Debug, Default)]
pub struct TreeBuilder {
    walker: Walker,
    cursor: Option<Cursor>,
    /// The node of the segment that opened each loop's last turn; none where the opener was missing.
    openers: Vec<Option<NodeId>>,
    /// HL01 to its node.
    levels: HashMap<Box<[u8]>, NodeId>,
}

impl TreeBuilder {
    /// As [`read_tree`].
    pub fn read(&mut self, bytes: &[u8], base_byte: u64, delimiters: Delimiters, set: &Set, tree: &mut Tree) {
        let origin = Origin { byte: base_byte, ordinal: 0 };
        tree.reset(set.id(), origin);
        self.walker.begin(set);
        self.levels.clear();
        self.openers.clear();
        self.openers.resize(set.tables().loops.len(), None);
        let cursor = self.cursor.take().unwrap_or_default();
        let mut segments = Segments::with(cursor, bytes, base_byte, delimiters);
        while let Some(segment) = segments.next_segment() {
            self.add(&segment, set, tree);
        }
        self.cursor = Some(segments.into_cursor());
    }

    fn add(&mut self, segment: &Segment<'_>, set: &Set, tree: &mut Tree) {
        let step = self.walker.step(segment.id(), segment.position, segment.byte);
        if let Some(LoopId(id)) = step.without_opener
            && let Some(opener) = self.openers.get_mut(usize::from(id))
        {
            *opener = None;
        }
        let inside = step.inside.unwrap_or_else(|| self.walker.innermost());
        let is_level = step.opens && segment.id() == b"HL";
        let parent = if is_level {
            self.levels.get(segment.element(2).trim_ascii()).copied().unwrap_or_else(|| tree.root())
        } else {
            let around = if step.opens { set.parent(inside) } else { Some(inside) };
            self.node_of(around, set).unwrap_or_else(|| tree.root())
        };
        let definition = step.definition.map(|index| set.tables().dictionary.segment(index));
        let node = add_segment(segment, definition, tree, parent);
        if step.opens
            && let Some(opener) = self.openers.get_mut(usize::from(inside.0))
        {
            *opener = Some(node);
        }
        if is_level {
            self.levels.insert(segment.element(1).trim_ascii().into(), node);
        }
    }

    /// The node that opened a loop, or the loop around it where it has none.
    fn node_of(&self, mut of: Option<LoopId>, set: &Set) -> Option<NodeId> {
        while let Some(id) = of {
            if let Some(Some(node)) = self.openers.get(usize::from(id.0)) {
                return Some(*node);
            }
            of = set.parent(id);
        }
        None
    }
}

fn add_segment(
    segment: &Segment<'_>,
    definition: Option<&SegmentDefinition>,
    tree: &mut Tree,
    parent: NodeId,
) -> NodeId {
    let origin = Origin { byte: segment.byte, ordinal: segment.position };
    if let Some(text) = plain_text(segment) {
        return tree.add_segment(parent, text, segment.places(), origin);
    }
    let node = tree.add(parent, &text(segment.id()), origin);
    for number in 1..=segment.element_count() {
        let raw = segment.element(number);
        let Some(element) = u16::try_from(number).ok().filter(|_| !raw.is_empty()) else {
            continue;
        };
        let part = definition.and_then(|definition| definition.elements.get(number - 1));
        let byte = segment.element_byte(number);
        // Separators that the element cannot have are data: senders put them into free text.
        let repetition = segment.delimiters.repetition.filter(|_| part.is_some_and(|part| part.repeat > 1));
        let component =
            Some(segment.delimiters.component).filter(|_| part.is_none_or(|part| part.composite.is_some()));
        for (repetition, (start, repeated)) in (1_u16..).zip(split(raw, repetition)) {
            for (component, (inner, value)) in (1_u16..).zip(split(repeated, component)) {
                let value = text(value.trim_ascii_end());
                if !value.is_empty() {
                    let key = Key::Element(element, component, repetition);
                    tree.push(node, key, &value, byte + start as u64 + inner as u64);
                }
            }
        }
    }
    node
}

/// The text of a segment that is what it looks like, as nearly all are: without components and repetitions, and
/// without anything that must be decoded.
fn plain_text<'s>(segment: &Segment<'s>) -> Option<&'s str> {
    let Delimiters { component, repetition, .. } = segment.delimiters;
    let repetition = repetition.unwrap_or(component);
    let plain =
        segment.bytes.is_ascii() && memchr::memchr3(component, repetition, 0, segment.bytes).is_none();
    plain.then(|| std::str::from_utf8(segment.bytes).ok()).flatten()
}

/// The parts of `raw` between separators, with their offsets; the whole when there is no separator.
fn split(raw: &[u8], separator: Option<u8>) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    raw.split(move |byte| Some(*byte) == separator).map(move |part| {
        let at = start;
        start += part.len() + 1;
        (at, part)
    })
}

/// UTF-8, or Latin-1 where it is not valid UTF-8; without NUL, which the store cannot hold.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
    };
    if text.contains('\0') { Cow::Owned(text.replace('\0', "")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::x12::schema::Schemas;
    use std::fmt::Write as _;

    #[test]
    fn segments_hang_below_what_opens_their_loop() {
        let shape = shape(
            "004010",
            "940",
            "ST*940*0001~W05*N*1~N1*ST*SHOP~N3*STREET~N9*ZZ*1~LX*1~W01*5*EA**VN*A~N9*LI*1~W01*6*EA**VN*B~LX*2~\
             W01*1*EA**VN*C~W76*12~SE*13*0001~",
        );
        assert_eq!(
            shape,
            "940
  ST 1=940 2=0001
  W05 1=N 2=1
  N1 1=ST 2=SHOP
    N3 1=STREET
  N9 1=ZZ 2=1
  LX 1=1
    W01 1=5 2=EA 4=VN 5=A
      N9 1=LI 2=1
    W01 1=6 2=EA 4=VN 5=B
  LX 1=2
    W01 1=1 2=EA 4=VN 5=C
  W76 1=12
  SE 1=13 2=0001
"
        );
    }

    #[test]
    fn a_line_without_its_lx_hangs_below_the_root() {
        let shape = shape("004010", "940", "ST*940*0001~W05*N*1~W01*5*EA~N9*LI*1~W01*6*EA~SE*5*0001~");
        assert!(shape.contains("\n  W01 1=5 2=EA\n    N9 1=LI 2=1\n  W01 1=6 2=EA\n"), "{shape}");
    }

    #[test]
    fn levels_nest_by_their_parent() {
        let shape = shape(
            "004010",
            "856",
            "ST*856*0001~BSN*00*1*20260102*1200~HL*1**S~TD1*CTN*1~HL*2*1*O~PRF*P1~HL*3*2*I~LIN**UP*1~HL*4*2*I~\
             HL*5*1*O~CTT*5~SE*12*0001~",
        );
        assert!(
            shape.contains(
                "  HL 1=1 3=S
    TD1 1=CTN 2=1
    HL 1=2 2=1 3=O
      PRF 1=P1
      HL 1=3 2=2 3=I
        LIN 2=UP 3=1
      HL 1=4 2=2 3=I
    HL 1=5 2=1 3=O
  CTT 1=5
"
            ),
            "{shape}"
        );
    }

    #[test]
    fn values_are_trimmed_decoded_and_located() {
        let schemas = Schemas::builtin();
        let set = schemas.find_set("005010", None, "850").expect("it is built in");
        let mut tree = Tree::default();
        read_tree(b"ST*850*1~REF*DP**A>B  *BM>7>IA>8~N1*ST*CAF\xC9  ~", 1_000, DELIMITERS, set, &mut tree);
        let values: Vec<_> = tree
            .children(tree.root())
            .flat_map(|node| tree.values(node))
            .map(|value| (value.key, value.text.to_owned(), value.byte))
            .collect();
        assert_eq!(
            values.get(2..),
            Some(
                &[
                    (Key::Element(1, 1, 1), "DP".to_owned(), 1_013),
                    (Key::Element(3, 1, 1), "A>B".to_owned(), 1_017),
                    (Key::Element(4, 1, 1), "BM".to_owned(), 1_023),
                    (Key::Element(4, 2, 1), "7".to_owned(), 1_026),
                    (Key::Element(4, 3, 1), "IA".to_owned(), 1_028),
                    (Key::Element(4, 4, 1), "8".to_owned(), 1_031),
                    (Key::Element(1, 1, 1), "ST".to_owned(), 1_036),
                    (Key::Element(2, 1, 1), "CAFÉ".to_owned(), 1_039),
                ][..]
            )
        );
    }

    const DELIMITERS: Delimiters =
        Delimiters { element: b'*', component: b'>', repetition: Some(b'^'), segment: b'~' };

    fn shape(version: &str, id: &str, text: &str) -> String {
        let schemas = Schemas::builtin();
        let set = schemas.find_set(version, None, id).expect("it is built in");
        let mut tree = Tree::default();
        read_tree(text.as_bytes(), 0, DELIMITERS, set, &mut tree);
        let mut shape = String::new();
        describe(&tree, tree.root(), 0, &mut shape);
        shape
    }

    fn describe(tree: &Tree, node: NodeId, depth: usize, shape: &mut String) {
        write!(shape, "{:depth$}{}", "", tree.tag(node)).expect("writing to a string succeeds");
        for value in tree.values(node) {
            if let Key::Element(element, ..) = value.key {
                write!(shape, " {element}={}", value.text).expect("writing to a string succeeds");
            }
        }
        shape.push('\n');
        for child in tree.children(node) {
            describe(tree, child, depth + 2, shape);
        }
    }
}
