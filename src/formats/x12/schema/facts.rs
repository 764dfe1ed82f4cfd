//! Reads the text form of a schema: releases of our own and guides of users alike.
//!
//! One statement a line, `#` starts a comment:
//!
//! ```text
//! release 004010                      the release described, or the one a guide builds on
//! guide acme-940                      only in guides: its name
//! for 004010ACME                      only in guides: the GS08 it answers to
//! element 355 ID 2/2                  number, type, shortest and longest
//! composite C040 M128 M127 O128 P0304 elements in order, then conditions
//! segment N9 M128 O127 R0203          M mandatory, O optional, `x5` behind it five repetitions
//! codes 355 EA CA                     all codes of an element
//! codes 368 + G P                     codes beside those the release has
//! set 940 OW                          transaction set and its group code, then its tree:
//!   W05 M 1                           segment, usage, most uses (`>1`: no limit)
//!   N1 O 10 loop 0100                 opens a loop; what belongs to it is indented below
//!     N2 O 2
//! use 940 N103 M 1/2 codes 9 92       only in guides: a narrower use, see `guide`
//! ```

use super::element::{ElementNumber, Kind};
use super::guide::{self, Narrowing};
use crate::formats::x12::segment::SegmentId;

/// A statement that cannot be read, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) line: u32,
    pub(super) message: String,
    pub(super) hint: String,
}

impl Problem {
    pub(super) fn new(line: u32, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { line, message: message.into(), hint: hint.into() }
    }
}

/// Everything one text says, in its order.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) release: String,
    pub(super) guide: String,
    pub(super) versions: Vec<String>,
    pub(super) elements: Vec<RawElement>,
    pub(super) composites: Vec<(String, Body)>,
    pub(super) segments: Vec<(SegmentId, Body)>,
    pub(super) codes: Vec<(ElementNumber, Vec<String>)>,
    pub(super) sets: Vec<RawSet>,
    pub(super) narrowings: Vec<Narrowing>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct RawElement {
    pub(super) number: ElementNumber,
    pub(super) kind: Kind,
    pub(super) min: u32,
    pub(super) max: u32,
}

/// What a segment or composite consists of.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    pub(super) line: u32,
    pub(super) parts: Vec<RawPart>,
    pub(super) conditions: Vec<(ConditionKind, Vec<u8>)>,
}

#[derive(Clone, Debug)]
pub(super) struct RawPart {
    pub(super) mandatory: bool,
    /// An element number, or a composite's id such as `C001`.
    pub(super) content: String,
    pub(super) repeat: u16,
}

/// The relational conditions of X12.6: Paired, Required, Exclusion, Conditional, List conditional.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionKind {
    /// If one is present, all are.
    Paired,
    /// At least one is present.
    Required,
    /// At most one is present.
    Exclusion,
    /// If the first is present, all the others are.
    Conditional,
    /// If the first is present, at least one of the others is.
    ListConditional,
}

#[derive(Clone, Debug)]
pub(super) struct RawSet {
    pub(super) id: String,
    pub(super) group: String,
    pub(super) lines: Vec<RawLine>,
}

/// One line of a set's tree.
#[derive(Clone, Debug)]
pub(super) struct RawLine {
    pub(super) line: u32,
    pub(super) depth: usize,
    pub(super) segment: SegmentId,
    pub(super) mandatory: bool,
    pub(super) max: u32,
    pub(super) loop_id: Option<String>,
}

/// Most lines of one set's tree: ten times the longest set of the standard, and within the tables' indexes.
const MOST_LINES: usize = 5_000;

/// Reads a whole text; what cannot be read is left out and told.
pub(super) fn parse(text: &str) -> (Facts, Vec<Problem>) {
    let mut facts = Facts::default();
    let mut problems = Vec::new();
    for (number, raw) in (1_u32..).zip(text.lines()) {
        let content = raw.split('#').next().unwrap_or("").trim_end();
        if content.is_empty() {
            continue;
        }
        if let Err(problem) = statement(&mut facts, content, number) {
            problems.push(problem);
        }
    }
    (facts, problems)
}

fn statement(facts: &mut Facts, content: &str, line: u32) -> Result<(), Problem> {
    let body = content.trim_start();
    let indent = content.len() - body.len();
    let mut words = body.split_ascii_whitespace();
    let first = words.next().unwrap_or("");
    if indent > 0 {
        return tree_line(facts, indent, first, words, line);
    }
    match first {
        "release" => facts.release = one(words.next(), line, "the release, such as `release 004010`")?.into(),
        "guide" => facts.guide = one(words.next(), line, "a name, such as `guide acme-940`")?.into(),
        "for" => facts.versions.extend(words.map(str::to_owned)),
        "element" => facts.elements.push(element(words, line)?),
        "composite" => {
            let id = one(words.next(), line, "the composite's id, such as `C040`")?.to_owned();
            facts.composites.push((id, parts(words, line)?));
        }
        "segment" => {
            let id = segment_id(words.next(), line)?;
            facts.segments.push((id, parts(words, line)?));
        }
        "codes" => {
            let number = number(words.next(), line)?;
            facts.codes.push((number, codes(words, line)?));
        }
        "set" => {
            let id = one(words.next(), line, "the set's id, such as `set 940 OW`")?.to_owned();
            let group =
                one(words.next(), line, "the group code behind the set's id, such as `OW`")?.to_owned();
            facts.sets.push(RawSet { id, group, lines: Vec::new() });
        }
        "use" => facts.narrowings.push(guide::narrowing(words, line)?),
        other => {
            return Err(Problem::new(
                line,
                format!("a line cannot start with `{other}`"),
                "start it with release, guide, for, element, composite, segment, codes, set or use, or indent \
                 it below its set",
            ));
        }
    }
    Ok(())
}

fn tree_line<'a>(
    facts: &mut Facts,
    indent: usize,
    first: &str,
    mut words: impl Iterator<Item = &'a str>,
    line: u32,
) -> Result<(), Problem> {
    let Some(set) = facts.sets.last_mut() else {
        return Err(Problem::new(
            line,
            "an indented line belongs to a set, and there is none above it",
            "start the line at its first column, or write `set 940 OW` above it",
        ));
    };
    let segment = segment_id(Some(first), line)?;
    let mandatory = usage(words.next(), line)?;
    let max = match words.next() {
        Some(">1") => u32::MAX,
        Some(word) => word.parse().ok().filter(|max| *max > 0).ok_or_else(|| {
            Problem::new(
                line,
                format!("`{word}` is not a number of uses"),
                "write a number, or `>1` for no limit",
            )
        })?,
        None => {
            return Err(Problem::new(
                line,
                "the number of uses is missing",
                "write it as in `N9 O 10`, or `>1`",
            ));
        }
    };
    let loop_id = match (words.next(), words.next()) {
        (None, _) => None,
        (Some("loop"), Some(id)) => Some(id.to_owned()),
        (Some(word), _) => {
            return Err(Problem::new(
                line,
                format!("`{word}` has no meaning here"),
                "only `loop` and its id may follow the number of uses",
            ));
        }
    };
    if set.lines.len() >= MOST_LINES {
        return Err(Problem::new(
            line,
            format!("a set has at most {MOST_LINES} lines"),
            "leave out what is not used",
        ));
    }
    let depth = indent.div_ceil(2);
    let below = set.lines.last().map_or(0, |above| above.depth + usize::from(above.loop_id.is_some()));
    if depth == 0 || depth > below.max(1) {
        return Err(Problem::new(
            line,
            "the line is indented too far",
            "indent by two blanks what belongs to a loop, below the line that opens the loop",
        ));
    }
    set.lines.push(RawLine { line, depth, segment, mandatory, max, loop_id });
    Ok(())
}

fn element<'a>(mut words: impl Iterator<Item = &'a str>, line: u32) -> Result<RawElement, Problem> {
    let number = number(words.next(), line)?;
    let word = one(words.next(), line, "the element's type: AN, ID, R, N0 to N9, DT, TM or B")?;
    let kind = Kind::from_word(word).ok_or_else(|| {
        Problem::new(
            line,
            format!("`{word}` is not a type"),
            "the types are AN, ID, R, N0 to N9 (the digit is the number of decimals), DT, TM and B",
        )
    })?;
    let (min, max) = lengths(one(words.next(), line, "the lengths, such as `2/80`")?, line)?;
    Ok(RawElement { number, kind, min, max })
}

/// The codes of a line, the first of which may be a `+`.
pub(super) fn codes<'a>(words: impl Iterator<Item = &'a str>, line: u32) -> Result<Vec<String>, Problem> {
    let codes: Vec<String> = words.map(str::to_owned).collect();
    if codes.iter().all(|code| code == "+") {
        return Err(Problem::new(
            line,
            "there are no codes",
            "list them with blanks between, such as `codes 355 EA CA`",
        ));
    }
    match codes.iter().find(|code| code.len() > 8) {
        Some(code) => Err(Problem::new(
            line,
            format!("`{code}` is too long for a code"),
            "codes have at most 8 characters; check the lengths of the element instead",
        )),
        None => Ok(codes),
    }
}

pub(super) fn lengths(word: &str, line: u32) -> Result<(u32, u32), Problem> {
    word.split_once('/')
        .and_then(|(min, max)| Some((min.parse().ok()?, max.parse().ok()?)))
        .filter(|(min, max)| min <= max)
        .ok_or_else(|| {
            Problem::new(
                line,
                format!("`{word}` is not a pair of lengths"),
                "write the shortest and the longest length with a slash between, such as `2/80`",
            )
        })
}

fn parts<'a>(words: impl Iterator<Item = &'a str>, line: u32) -> Result<Body, Problem> {
    let mut body = Body { line, ..Body::default() };
    for word in words {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        match first {
            "M" | "O" => {
                let (content, repeat) = match rest.split_once('x') {
                    Some((content, times)) => (content, times.parse().ok()),
                    None => (rest, Some(1)),
                };
                let Some(repeat) = repeat.filter(|times| *times > 0 && !content.is_empty()) else {
                    return Err(Problem::new(
                        line,
                        format!("`{word}` is not an element"),
                        "write M or O and the element's number, such as `M128`, with `x5` behind it for repetitions",
                    ));
                };
                body.parts.push(RawPart { mandatory: first == "M", content: content.to_owned(), repeat });
            }
            _ => body.conditions.push(condition(word, line)?),
        }
    }
    // Sets of present elements are kept in 64 bits.
    if body.parts.len() > 63 {
        return Err(Problem::new(line, "a segment has at most 63 elements", "shorten it"));
    }
    let count = body.parts.len();
    match body.conditions.iter().flat_map(|(_, places)| places).find(|place| usize::from(**place) > count) {
        Some(place) => Err(Problem::new(
            line,
            format!("a condition names element {place}, but there are only {count}"),
            "mend the condition or add the element",
        )),
        None => Ok(body),
    }
}

fn condition(word: &str, line: u32) -> Result<(ConditionKind, Vec<u8>), Problem> {
    let bad = || {
        Problem::new(
            line,
            format!("`{word}` is neither an element nor a condition"),
            "a condition is P, R, E, C or L and two digits for each element, such as `P0304`",
        )
    };
    let (kind, digits) = word.split_at_checked(1).ok_or_else(bad)?;
    let kind = match kind {
        "P" => ConditionKind::Paired,
        "R" => ConditionKind::Required,
        "E" => ConditionKind::Exclusion,
        "C" => ConditionKind::Conditional,
        "L" => ConditionKind::ListConditional,
        _ => return Err(bad()),
    };
    let mut places = Vec::new();
    for pair in digits.as_bytes().chunks(2) {
        match pair {
            [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] if pair != b"00" => {
                places.push((tens - b'0') * 10 + (ones - b'0'));
            }
            _ => return Err(bad()),
        }
    }
    if places.len() < 2 { Err(bad()) } else { Ok((kind, places)) }
}

pub(super) fn usage(word: Option<&str>, line: u32) -> Result<bool, Problem> {
    match word {
        Some("M") => Ok(true),
        Some("O") => Ok(false),
        other => Err(Problem::new(
            line,
            format!("`{}` is not a usage", other.unwrap_or("")),
            "write M for mandatory or O for optional",
        )),
    }
}

fn segment_id(word: Option<&str>, line: u32) -> Result<SegmentId, Problem> {
    word.filter(|id| {
        (2..=3).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })
    .map(|id| SegmentId::new(id.as_bytes()))
    .ok_or_else(|| {
        Problem::new(
            line,
            format!("`{}` is not a segment id", word.unwrap_or("")),
            "a segment id has two or three capital letters or digits, such as `N1` or `W05`",
        )
    })
}

fn number(word: Option<&str>, line: u32) -> Result<ElementNumber, Problem> {
    word.and_then(ElementNumber::from_word).ok_or_else(|| {
        Problem::new(
            line,
            format!("`{}` is not an element number", word.unwrap_or("")),
            "write the number of the data element, such as `355`",
        )
    })
}

fn one<'a>(word: Option<&'a str>, line: u32, what: &str) -> Result<&'a str, Problem> {
    word.ok_or_else(|| Problem::new(line, "the line ends too early", format!("give {what}")))
}
