//! The elements, composites, segments and codes of one release, ready for use.

use super::element::{CodeList, CodeLists, Element, ElementNumber, Kind};
use super::facts::{Body, ConditionKind, Facts, Problem, RawElement, RawPart};
use crate::formats::x12::segment::SegmentId;
use std::collections::BTreeMap;

/// A segment as its release defines it.
#[derive(Clone, Debug)]
pub struct SegmentDefinition {
    /// Its id.
    pub id: SegmentId,
    /// Its elements in order.
    pub elements: Box<[Part]>,
    /// Its relational conditions.
    pub conditions: Box<[Condition]>,
    /// A bit for each mandatory element, element 1 is bit 0.
    pub(in crate::formats::x12) mandatory: u64,
    /// Its elements as the first look at them sees them.
    pub(in crate::formats::x12) looks: Box<[Look]>,
}

/// What the first look at an element goes by: so much of its [`Part`] as that takes, so that those of a segment lie
/// close together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::formats::x12) struct Look {
    pub(in crate::formats::x12) kind: LookKind,
    pub(in crate::formats::x12) check_digit: Option<CheckDigit>,
    /// The codes of [`LookKind::Listed`].
    pub(in crate::formats::x12) codes: CodeList,
    /// Shortest length, and how much longer the longest is.
    pub(in crate::formats::x12) min: u32,
    pub(in crate::formats::x12) span: u32,
}

/// How to look at an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::formats::x12) enum LookKind {
    /// By its length and characters.
    Text,
    /// By its list of codes.
    Listed,
    Decimal,
    Integer,
    /// CCYYMMDD.
    Date,
    /// YYMMDD.
    ShortDate,
    /// HHMM, or HHMMSS if that is not too long.
    Time,
    /// Not at all.
    Binary,
    /// Closely: it has components or repetitions.
    Closely,
}

/// A composite as its release defines it.
#[derive(Clone, Debug)]
pub struct CompositeDefinition {
    /// Its id, such as `C040`.
    pub id: Box<str>,
    /// Its components in order.
    pub components: Box<[Part]>,
    /// Its relational conditions.
    pub conditions: Box<[Condition]>,
    pub(in crate::formats::x12) mandatory: u64,
}

/// An element of a segment, or a component of a composite.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Whether it must be there.
    pub mandatory: bool,
    /// Most repetitions, usually 1.
    pub repeat: u16,
    /// The element; of a composite it is the first component's.
    pub element: Element,
    /// Index of the composite, see [`Dictionary::composite`]; none for a simple element.
    pub composite: Option<u16>,
    pub(in crate::formats::x12) check_digit: Option<CheckDigit>,
}

/// Values whose last digit is a check digit when the qualifier in front says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::formats::x12) enum CheckDigit {
    /// Element 234 behind 235: UP, EN, UK, EO.
    Product,
    /// Element 87 behind 88: GM.
    Mark,
}

/// A relational condition of X12.6.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Its rule.
    pub kind: ConditionKind,
    /// The elements it is about, in its own order.
    pub places: Box<[u8]>,
    /// A bit for each of the elements, element 1 is bit 0.
    pub(in crate::formats::x12) mask: u64,
}

/// All definitions of one release.
#[derive(Debug, Default)]
pub struct Dictionary {
    release: String,
    elements: Vec<Element>,
    composites: Vec<CompositeDefinition>,
    segments: Vec<SegmentDefinition>,
    codes: CodeLists,
    lookup: Lookup,
}

impl Dictionary {
    /// Builds the tables; what names something unknown is left out and told.
    pub(super) fn build(facts: &Facts) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut codes: BTreeMap<ElementNumber, &[String]> = BTreeMap::new();
        for (number, list) in &facts.codes {
            codes.insert(*number, list);
        }
        // The last statement about a thing counts, so that a guide can override its release.
        let raw: BTreeMap<ElementNumber, &RawElement> =
            facts.elements.iter().map(|element| (element.number, element)).collect();
        let mut dictionary = Self { release: facts.release.clone(), ..Self::default() };
        for (number, element) in raw {
            let list = codes.get(&number).map(|codes| dictionary.codes.add(codes.iter().map(String::as_str)));
            let RawElement { number, kind, min, max } = *element;
            dictionary.elements.push(Element { number, kind, min, max, codes: list });
        }
        let composites: BTreeMap<&str, &Body> =
            facts.composites.iter().map(|(id, body)| (id.as_str(), body)).collect();
        for (id, body) in composites {
            let components = dictionary.parts(body, &mut problems);
            let mandatory = mandatory_mask(&components);
            let conditions = conditions(body);
            dictionary.composites.push(CompositeDefinition {
                id: id.into(),
                components,
                conditions,
                mandatory,
            });
        }
        let segments: BTreeMap<SegmentId, &Body> =
            facts.segments.iter().map(|(id, body)| (*id, body)).collect();
        for (id, body) in segments {
            let elements = dictionary.parts(body, &mut problems);
            let mandatory = mandatory_mask(&elements);
            let conditions = conditions(body);
            let looks = elements.iter().map(|part| Look::new(part, &dictionary.codes)).collect();
            dictionary.segments.push(SegmentDefinition { id, elements, conditions, mandatory, looks });
        }
        let ids: Vec<_> = dictionary.segments.iter().map(|segment| segment.id).zip(0..).collect();
        dictionary.lookup = Lookup::new(&ids);
        (dictionary, problems)
    }

    /// The release, such as `004010`.
    #[must_use]
    pub fn release(&self) -> &str {
        &self.release
    }

    /// A segment's definition.
    #[must_use]
    pub fn find_segment(&self, id: &[u8]) -> Option<&SegmentDefinition> {
        self.segments.get(usize::from(self.find_index(id)?))
    }

    /// An element's definition.
    #[must_use]
    pub fn find_element(&self, number: ElementNumber) -> Option<&Element> {
        let at = self.elements.binary_search_by_key(&number, |element| element.number).ok()?;
        self.elements.get(at)
    }

    /// A composite's definition by [`Part::composite`].
    ///
    /// # Panics
    /// If the index comes from another release.
    #[must_use]
    pub fn composite(&self, index: u16) -> &CompositeDefinition {
        self.composites.get(usize::from(index)).expect("indexes of composites come from this dictionary")
    }

    /// Whether the element has a list of codes.
    #[must_use]
    pub fn has_codes(&self, element: &Element) -> bool {
        element.codes.is_some()
    }

    /// Whether the element has the code; true when it has no list.
    #[must_use]
    pub fn has_code(&self, element: &Element, code: &[u8]) -> bool {
        element.codes.is_none_or(|list| self.codes.contains(list, code))
    }

    /// How many codes the element has; 0 when it has no list.
    #[must_use]
    pub fn count_codes(&self, element: &Element) -> usize {
        element.codes.map_or(0, |list| self.codes.count(list))
    }

    /// The element's codes in order; empty when it has no list.
    #[must_use]
    pub fn list_codes(&self, element: &Element) -> Vec<String> {
        element.codes.map(|list| self.codes.list(list)).unwrap_or_default()
    }

    pub(in crate::formats::x12) fn find_index(&self, id: &[u8]) -> Option<u16> {
        self.lookup.find(SegmentId::key(id))
    }

    #[inline]
    pub(in crate::formats::x12) fn codes(&self) -> &CodeLists {
        &self.codes
    }

    pub(in crate::formats::x12) fn segment(&self, index: u16) -> &SegmentDefinition {
        self.segments.get(usize::from(index)).expect("indexes of segments come from this dictionary")
    }

    pub(in crate::formats::x12) fn segment_count(&self) -> usize {
        self.segments.len()
    }

    fn parts(&self, body: &Body, problems: &mut Vec<Problem>) -> Box<[Part]> {
        let mut parts: Vec<Part> = Vec::with_capacity(body.parts.len());
        for raw in &body.parts {
            match self.part(raw, parts.last()) {
                Some(part) => parts.push(part),
                None => problems.push(Problem::new(
                    body.line,
                    format!("the release has no element `{}`", raw.content),
                    "mend the number, or define it above with `element` or `composite`",
                )),
            }
        }
        parts.into()
    }

    fn part(&self, raw: &RawPart, before: Option<&Part>) -> Option<Part> {
        let RawPart { mandatory, repeat, .. } = *raw;
        if raw.content.starts_with('C') {
            let at = self.composites.iter().position(|composite| *composite.id == *raw.content)?;
            let element = self.composites.get(at)?.components.first()?.element;
            return Some(Part {
                mandatory,
                repeat,
                element,
                composite: u16::try_from(at).ok(),
                check_digit: None,
            });
        }
        let element = *self.find_element(ElementNumber::from_word(&raw.content)?)?;
        let qualifier = before.map_or(0, |part| part.element.number.plain());
        let check_digit = match (qualifier, element.number.plain()) {
            (235, 234) => Some(CheckDigit::Product),
            (88, 87) => Some(CheckDigit::Mark),
            _ => None,
        };
        Some(Part { mandatory, repeat, element, composite: None, check_digit })
    }
}

fn mandatory_mask(parts: &[Part]) -> u64 {
    parts.iter().enumerate().filter(|(_, part)| part.mandatory).fold(0, |mask, (at, _)| mask | 1 << at)
}

fn conditions(body: &Body) -> Box<[Condition]> {
    body.conditions
        .iter()
        .map(|(kind, places)| Condition {
            kind: *kind,
            places: places.clone().into(),
            mask: places.iter().fold(0, |mask, place| mask | 1 << (place - 1)),
        })
        .collect()
}

impl Look {
    fn new(part: &Part, lists: &CodeLists) -> Self {
        let Element { kind, min, max, codes, .. } = part.element;
        let kind = match (kind, codes) {
            _ if part.composite.is_some() || part.repeat != 1 || max < min => LookKind::Closely,
            (Kind::Code, Some(_)) => LookKind::Listed,
            (Kind::Text | Kind::Code, _) => LookKind::Text,
            (Kind::Decimal, _) => LookKind::Decimal,
            (Kind::Integer(_), _) => LookKind::Integer,
            (Kind::Date, _) if max >= 8 => LookKind::Date,
            (Kind::Date, _) => LookKind::ShortDate,
            (Kind::Time, _) => LookKind::Time,
            (Kind::Binary, _) => LookKind::Binary,
        };
        let codes = codes.map_or(CodeList::default(), |list| lists.get(list));
        Self { kind, check_digit: part.check_digit, codes, min, span: max.saturating_sub(min) }
    }

    /// Whether four are not too many.
    #[inline]
    pub(in crate::formats::x12) fn has_four(&self) -> bool {
        self.min.saturating_add(self.span) >= 4
    }

    /// Whether a length is neither too short nor too long.
    #[inline]
    pub(in crate::formats::x12) fn has_room(&self, length: usize) -> bool {
        length.wrapping_sub(self.min as usize) <= self.span as usize
    }
}

/// Segment ids to indexes: open addressing on [`SegmentId::key`].
#[derive(Debug, Default)]
pub(super) struct Lookup {
    slots: Box<[(u32, u16)]>,
    shift: u32,
}

impl Lookup {
    pub(super) fn new(ids: &[(SegmentId, u16)]) -> Self {
        let size = (ids.len() * 8).next_power_of_two().max(16);
        let mut lookup = Self { slots: vec![(0, 0); size].into(), shift: 32 - size.trailing_zeros() };
        for (id, index) in ids.iter().copied() {
            let key = SegmentId::key(id.text().as_bytes());
            assert!(key != 0, "definitions have ids of two or three characters");
            let mut at = lookup.home(key);
            while lookup.slots[at].0 != 0 {
                at = (at + 1) & (size - 1);
            }
            lookup.slots[at] = (key, index);
        }
        lookup
    }

    #[inline]
    pub(super) fn find(&self, key: u32) -> Option<u16> {
        let mut at = self.home(key);
        loop {
            match self.slots.get(at) {
                Some((0, _)) | None => return None,
                Some((slot, index)) if *slot == key => return Some(*index),
                Some(_) => at = (at + 1) & (self.slots.len() - 1),
            }
        }
    }

    #[inline]
    fn home(&self, key: u32) -> usize {
        (key.wrapping_mul(0x9E37_79B1) >> self.shift) as usize
    }
}
