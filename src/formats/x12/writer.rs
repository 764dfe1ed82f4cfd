//! Writes trees as interchanges.

use super::describe;
use super::fault::Code;
use super::lexer::Window;
use super::reader::{self, Options};
use super::schema::{Child, Kind, LoopId, Part, Schemas, Set};
use super::segment::Delimiters;
use super::verdict::Ta1;
use crate::finding::{Finding, Location, Severity};
use crate::tree::{Key, NodeId, Tree};
use chrono::NaiveDateTime;

/// What follows each terminator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnding {
    /// Nothing: one long line.
    #[default]
    None,
    /// A line feed.
    Lf,
    /// Carriage return and line feed.
    CrLf,
}

/// What to do with a separator inside of a value; X12 has no escape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DelimiterInData {
    /// A finding: nothing is written.
    #[default]
    Refuse,
    /// Write this character instead.
    Replace(char),
}

/// One interchange to write, ISA to IEA.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Separators to use. The repetition separator is sent in ISA11 from version 00402 on.
    pub delimiters: Delimiters,
    /// ISA05 and ISA06, not padded.
    pub sender: (String, String),
    /// ISA07 and ISA08, not padded.
    pub receiver: (String, String),
    /// ISA09, ISA10, GS04 and GS05, in the partner's time zone already.
    pub at: NaiveDateTime,
    /// ISA12, such as `00401`.
    pub version: String,
    /// ISA13, 1 to 999,999,999.
    pub control_number: u32,
    /// ISA15: `P` or `T`.
    pub usage: char,
    /// ISA14.
    pub acknowledgment_requested: bool,
    /// What follows each terminator.
    pub line_ending: LineEnding,
    /// Separators inside of values.
    pub delimiter_in_data: DelimiterInData,
    /// TA1 segments, written before the first group.
    pub acknowledgments: Vec<Ta1>,
}

/// One group to write, GS to GE.
#[derive(Clone, Debug)]
pub struct OutboundGroup<'a> {
    /// GS01, such as `IN`.
    pub functional_id: &'a str,
    /// GS08, such as `004010` or `004010VICS`.
    pub version: &'a str,
    /// GS06, 1 to 999,999,999.
    pub control_number: u32,
    /// GS02.
    pub sender: &'a str,
    /// GS03.
    pub receiver: &'a str,
    /// Its sets in order.
    pub sets: &'a [OutboundSet<'a>],
}

/// One set to write, ST to SE.
#[derive(Clone, Debug)]
pub struct OutboundSet<'a> {
    /// ST01.
    pub id: &'a str,
    /// ST02, four to nine characters.
    pub control_number: &'a str,
    /// ST03, empty for none.
    pub implementation: &'a str,
    /// The segments; ST and SE in it are left out, and its nodes need not be in the standard's order.
    pub tree: &'a Tree,
}

/// Writes an interchange: children in the order of the schema, trailing empty elements left out, counts and control
/// numbers filled in. What was written is read and validated before it is given out.
///
/// # Errors
/// Findings, at least one of them [`Severity::Reject`]. Those of values that cannot be written carry the place of
/// their node; those of the validation lie in the bytes that would have been written.
pub fn write_interchange(
    envelope: &Envelope,
    groups: &[OutboundGroup<'_>],
    schemas: &Schemas,
) -> Result<Vec<u8>, Vec<Finding>> {
    let mut output = Output { envelope, bytes: Vec::new(), findings: Vec::new(), segments: 0 };
    output.write_isa();
    for ta1 in &envelope.acknowledgments {
        output.segment("TA1", &[&ta1.control_number, &ta1.date, &ta1.time, &ta1.status, &ta1.note]);
    }
    for group in groups {
        output.write_group(group, schemas);
    }
    output.segment("IEA", &[&groups.len().to_string(), &format!("{:09}", envelope.control_number)]);
    if !output.findings.is_empty() {
        return Err(output.findings);
    }
    let findings = check(&output.bytes, groups, schemas);
    if findings.iter().any(|finding| finding.severity == Severity::Reject) {
        return Err(findings);
    }
    Ok(output.bytes)
}

/// The findings of what was written, envelopes and sets alike.
fn check(bytes: &[u8], groups: &[OutboundGroup<'_>], schemas: &Schemas) -> Vec<Finding> {
    let mut options = Options { schemas: schemas.clone(), ..Options::default() };
    if groups.iter().all(|group| group.functional_id == "FA") {
        // An acknowledgment repeats codes that it refuses.
        options.set.severities.set(Code::InvalidCode, Some(Severity::Warning));
    }
    let file = reader::validate(bytes, &options);
    describe::list_findings(&file, Window::whole(bytes), schemas)
}

struct Output<'e> {
    envelope: &'e Envelope,
    bytes: Vec<u8>,
    findings: Vec<Finding>,
    /// Segments of the set at hand, ST counted.
    segments: u32,
}

impl Output<'_> {
    fn write_isa(&mut self) {
        let envelope = self.envelope;
        let separators = envelope.delimiters;
        let repetition = match separators.repetition {
            Some(byte) if envelope.version.as_str() >= "00402" => char::from(byte),
            _ => 'U',
        };
        let requested = u8::from(envelope.acknowledgment_requested).to_string();
        let fields = [
            "ISA".to_owned(),
            "00".to_owned(),
            " ".repeat(10),
            "00".to_owned(),
            " ".repeat(10),
            format!("{:2}", envelope.sender.0),
            format!("{:15}", envelope.sender.1),
            format!("{:2}", envelope.receiver.0),
            format!("{:15}", envelope.receiver.1),
            envelope.at.format("%y%m%d").to_string(),
            envelope.at.format("%H%M").to_string(),
            String::from(repetition),
            format!("{:5}", envelope.version),
            format!("{:09}", envelope.control_number),
            requested,
            String::from(envelope.usage),
        ];
        for field in fields {
            self.bytes.extend_from_slice(field.as_bytes());
            self.bytes.push(separators.element);
        }
        self.bytes.push(separators.component);
        self.terminate();
    }

    fn write_group(&mut self, group: &OutboundGroup<'_>, schemas: &Schemas) {
        // GS04 has had a century since 004010.
        let date = if group.version < "004010" { "%y%m%d" } else { "%Y%m%d" };
        let number = group.control_number.to_string();
        let values = [
            group.functional_id,
            group.sender,
            group.receiver,
            &self.envelope.at.format(date).to_string(),
            &self.envelope.at.format("%H%M").to_string(),
            &number,
            "X",
            group.version,
        ];
        self.segment("GS", &values);
        for set in group.sets {
            match schemas.find_set(group.version, None, set.id) {
                Some(schema) => self.write_set(set, schema),
                None => self.findings.push(finding(
                    Code::SetNotSupported,
                    format!("there is no set {} in release {}", set.id, group.version),
                    "load a guide for it, or send another version".into(),
                )),
            }
        }
        self.segment("GE", &[&group.sets.len().to_string(), &number]);
    }

    fn write_set(&mut self, set: &OutboundSet<'_>, schema: &Set) {
        self.segments = 0;
        self.segment("ST", &[set.id, set.control_number, set.implementation]);
        self.write_children(set.tree, set.tree.root(), LoopId::ROOT, schema);
        let count = (self.segments + 1).to_string();
        self.segment("SE", &[&count, set.control_number]);
    }

    fn write_children(&mut self, tree: &Tree, node: NodeId, place: LoopId, schema: &Set) {
        let mut children: Vec<NodeId> = tree.children(node).collect();
        if node == tree.root() {
            children.retain(|child| !matches!(tree.tag(*child), "ST" | "SE"));
        }
        for child in in_order(tree, children, place, schema) {
            self.write_node(tree, child, schema);
            let tag = tree.tag(child).as_bytes();
            let inner = schema.find_loop(place, tag).unwrap_or(place);
            self.write_children(tree, child, inner, schema);
        }
    }

    fn write_node(&mut self, tree: &Tree, node: NodeId, schema: &Set) {
        let tag = tree.tag(node);
        let definition = schema.find_segment(tag.as_bytes());
        let mut values: Vec<_> = tree
            .values(node)
            .filter_map(|value| match value.key {
                Key::Element(element, component, repetition) => {
                    Some(((element, repetition.max(1), component.max(1)), value))
                }
                Key::Name(_) => None,
            })
            .filter(|(_, value)| !value.text.is_empty())
            .collect();
        values.sort_by_key(|(key, _)| *key);
        self.bytes.extend_from_slice(tag.as_bytes());
        let separators = self.envelope.delimiters;
        let mut at = (0, 1, 1);
        for (key, value) in values {
            let (element, repetition, component) = key;
            let part = definition.and_then(|segment| segment.elements.get(usize::from(element) - 1));
            let part = part.and_then(|part| match part.composite {
                Some(index) => {
                    let composite = schema.dictionary().composite(index);
                    composite.components.get(usize::from(component) - 1)
                }
                None => Some(part),
            });
            let place = Place { tree, node, element, component, repetition };
            while at.0 < element {
                self.bytes.push(separators.element);
                at = (at.0 + 1, 1, 1);
            }
            while at.1 < repetition {
                match separators.repetition {
                    Some(separator) => self.bytes.push(separator),
                    None => self.refuse(
                        &place,
                        Code::TooManyRepetitions,
                        "holds several values, and this interchange has no repetition separator".into(),
                    ),
                }
                at = (at.0, at.1 + 1, 1);
            }
            while at.2 < component {
                self.bytes.push(separators.component);
                at.2 += 1;
            }
            let text = self.clean(value.text, &place);
            self.bytes.extend_from_slice(fit(&text, part).as_bytes());
        }
        self.terminate();
    }

    /// The text without separators and control characters.
    fn clean(&mut self, text: &str, place: &Place<'_>) -> String {
        let separators = self.envelope.delimiters;
        let all = [Some(separators.element), Some(separators.component), separators.repetition];
        let is_separator = |found: char| {
            u8::try_from(found).is_ok_and(|byte| all.contains(&Some(byte)) || byte == separators.segment)
        };
        let Some(bad) = text.chars().find(|found| is_separator(*found) || found.is_control()) else {
            return text.to_owned();
        };
        match self.envelope.delimiter_in_data {
            DelimiterInData::Replace(with) if !is_separator(with) => text
                .chars()
                .map(|found| if is_separator(found) || found.is_control() { with } else { found })
                .collect(),
            _ => {
                let what = if is_separator(bad) {
                    format!("holds `{}`, which is a separator here", bad.escape_default())
                } else {
                    format!("holds the control character {:?}", bad)
                };
                self.refuse(place, Code::InvalidCharacter, what);
                text.to_owned()
            }
        }
    }

    fn refuse(&mut self, place: &Place<'_>, code: Code, what: String) {
        let tag = place.tree.tag(place.node);
        let origin = place.tree.origin(place.node);
        let mut finding = finding(
            code,
            format!("{tag}{:02} {what}", place.element),
            "send other separators to this partner, or let the profile replace the character".into(),
        );
        finding.location = Location {
            byte: origin.byte,
            segment: tag.to_owned(),
            segment_position: origin.ordinal,
            element: place.element,
            component: place.component,
            repetition: place.repetition,
            ..Location::default()
        };
        let key = Key::Element(place.element, place.component, place.repetition);
        finding.value =
            place.tree.value(place.node, key).map(|value| value.text.to_owned()).unwrap_or_default();
        self.findings.push(finding);
    }

    /// A segment of the envelope.
    fn segment(&mut self, id: &str, values: &[&str]) {
        let last = values.iter().rposition(|value| !value.is_empty()).map_or(0, |last| last + 1);
        self.bytes.extend_from_slice(id.as_bytes());
        for value in values.iter().take(last) {
            self.bytes.push(self.envelope.delimiters.element);
            self.bytes.extend_from_slice(value.as_bytes());
        }
        self.terminate();
    }

    fn terminate(&mut self) {
        self.bytes.push(self.envelope.delimiters.segment);
        match self.envelope.line_ending {
            LineEnding::None => {}
            LineEnding::Lf => self.bytes.push(b'\n'),
            LineEnding::CrLf => self.bytes.extend_from_slice(b"\r\n"),
        }
        self.segments += 1;
    }
}

struct Place<'t> {
    tree: &'t Tree,
    node: NodeId,
    element: u16,
    component: u16,
    repetition: u16,
}

fn finding(code: Code, message: String, hint: String) -> Finding {
    Finding {
        code: code.name(),
        severity: Severity::Reject,
        location: Location::default(),
        message,
        hint,
        value: String::new(),
        ack_code: String::new(),
    }
}

/// Children in the order of the standard, equals as they came. A segment that has several places keeps the order
/// the tree has if that is an order the standard allows, and takes the first place otherwise.
fn in_order(tree: &Tree, children: Vec<NodeId>, place: LoopId, schema: &Set) -> Vec<NodeId> {
    let places: Vec<Vec<usize>> =
        children.iter().map(|child| list_places(tree, *child, place, schema)).collect();
    let mut least = 0;
    let kept = places.iter().all(|places| match places.iter().find(|at| **at >= least) {
        Some(at) => {
            least = *at;
            true
        }
        None => places.is_empty(),
    });
    if kept {
        return children;
    }
    let mut last = 0;
    let mut ordered: Vec<(usize, NodeId)> = Vec::with_capacity(children.len());
    for (child, places) in children.into_iter().zip(&places) {
        // What the standard does not have stays behind its neighbour; the validation tells of it.
        last = places.first().copied().unwrap_or(last);
        ordered.push((last, child));
    }
    ordered.sort_by_key(|(at, _)| *at);
    ordered.into_iter().map(|(_, child)| child).collect()
}

/// Where a node may stand among the children of a loop.
fn list_places(tree: &Tree, node: NodeId, place: LoopId, schema: &Set) -> Vec<usize> {
    let tag = tree.tag(node).as_bytes();
    let has_children = tree.children(node).next().is_some();
    let id = super::segment::SegmentId::new(tag);
    if tag == b"HL" && schema.opener(place) == Some(id) {
        return vec![schema.children(place).count()];
    }
    let places = |wants_loop: bool| -> Vec<usize> {
        schema
            .children(place)
            .enumerate()
            .filter(|(_, child)| match child {
                Child::Segment(used) => !wants_loop && used.segment == id,
                Child::Loop(inner) => schema.opener(*inner) == Some(id),
            })
            .map(|(at, _)| at)
            .collect()
    };
    let mut found = places(has_children);
    if found.is_empty() {
        found = places(false);
    }
    if found.is_empty() {
        // A loop without the segment that opens it, such as W01 without LX, stands where the loop would.
        found = schema
            .children(place)
            .enumerate()
            .filter(|(_, child)| matches!(child, Child::Loop(inner) if is_inside(schema, *inner, tag)))
            .map(|(at, _)| at)
            .collect();
    }
    found
}

fn is_inside(schema: &Set, place: LoopId, tag: &[u8]) -> bool {
    let id = super::segment::SegmentId::new(tag);
    schema.children(place).any(|child| match child {
        Child::Segment(used) => used.segment == id,
        Child::Loop(inner) => is_inside(schema, inner, tag),
    })
}

/// The text in the form the element's type asks for, where that changes no value: no zeros that say nothing, and
/// the fill that a minimum length needs.
fn fit(text: &str, part: Option<&Part>) -> String {
    let Some(part) = part else { return text.to_owned() };
    let least = part.element.min as usize;
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    match part.element.kind {
        Kind::Decimal if is_plain_decimal(text) => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let kept = fraction.trim_end_matches('0');
            let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
            let mut whole = whole.trim_start_matches('0');
            if whole.is_empty() && kept.is_empty() {
                whole = "0";
            }
            if whole.len() + kept.len() < least {
                return text.to_owned();
            }
            let sign = if whole == "0" && kept.is_empty() { "" } else { sign };
            let point = if kept.is_empty() { "" } else { "." };
            format!("{sign}{whole}{point}{kept}")
        }
        Kind::Integer(_) if digits < least && is_plain_integer(text) => {
            let (sign, number) = text.strip_prefix('-').map_or(("", text), |number| ("-", number));
            format!("{sign}{number:0>least$}")
        }
        Kind::Text => format!("{text:<least$}"),
        _ => text.to_owned(),
    }
}

fn is_plain_decimal(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    number.bytes().any(|byte| byte.is_ascii_digit())
        && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && number.bytes().filter(|byte| *byte == b'.').count() <= 1
}

fn is_plain_integer(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}
