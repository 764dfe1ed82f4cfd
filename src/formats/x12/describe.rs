//! Words a fault: where, what, and what to do.
//!
//! The readers of these sentences bring partners on line; they know their documents, not X12.

use super::fault::{Code, Fault, Level};
use super::lexer::{Lines, Window};
use super::names;
use super::schema::{Dictionary, Kind, Schemas, Set};
use super::verdict::File;
use crate::finding::{Finding, Location};

/// What the sentences about a fault can draw on.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The part of the file that holds the fault.
    pub window: Window<'a>,
    /// Definitions of the release, if we have it.
    pub dictionary: Option<&'a Dictionary>,
    /// The set the fault is in, if it is in one we have.
    pub set: Option<&'a Set>,
}

impl<'a> Context<'a> {
    /// For faults of ISA, IEA and what lies outside of them.
    #[must_use]
    pub fn of_envelope(window: Window<'a>, schemas: &'a Schemas) -> Self {
        let dictionary = schemas.find_release("004010").map(|release| &**release.dictionary());
        Self { window, dictionary, set: None }
    }

    /// For faults of a set, and of its group when `set_id` is empty.
    #[must_use]
    pub fn of_set(
        window: Window<'a>,
        schemas: &'a Schemas,
        version: &str,
        guide: Option<&str>,
        set_id: &str,
    ) -> Self {
        let set = schemas.find_set(version, guide, set_id);
        let release = schemas.find_release(version).or_else(|| schemas.find_release("004010"));
        let dictionary = set.map(Set::dictionary).or_else(|| release.map(|release| &**release.dictionary()));
        Self { window, dictionary, set }
    }
}

/// Every fault of a file in file order, worded. `window` is the whole file.
#[must_use]
pub fn list_findings(file: &File, window: Window<'_>, schemas: &Schemas) -> Vec<Finding> {
    let lines = Lines::of(window.bytes);
    let window = Window { lines: window.lines.or(Some(&lines)), ..window };
    let envelope = Context::of_envelope(window, schemas);
    let mut faults: Vec<(&Fault, Context<'_>)> = file.faults.iter().map(|fault| (fault, envelope)).collect();
    for interchange in &file.interchanges {
        faults.extend(interchange.faults.iter().map(|fault| (fault, envelope)));
        for group in &interchange.groups {
            let context = Context::of_set(window, schemas, &group.version, None, "");
            faults.extend(group.faults.iter().map(|fault| (fault, context)));
            for set in group.sets.iter().filter(|set| !set.faults.is_empty()) {
                let context = Context::of_set(window, schemas, &group.version, None, &set.id);
                faults.extend(set.faults.iter().map(|fault| (fault, context)));
            }
        }
    }
    faults.sort_by_key(|(fault, _)| fault.byte);
    faults.iter().map(|(fault, context)| finding(fault, context)).collect()
}

/// One fault, worded.
#[must_use]
pub fn finding(fault: &Fault, context: &Context<'_>) -> Finding {
    let value = String::from_utf8_lossy(&fault.value).into_owned();
    Finding {
        code: fault.code.name(),
        severity: fault.severity,
        location: Location {
            byte: fault.byte,
            line: context.window.line_of(fault.byte),
            segment: fault.segment.text(),
            segment_position: fault.segment_position,
            element: fault.element,
            component: fault.component,
            repetition: fault.repetition,
            path: String::new(),
        },
        message: message(fault, &value, context),
        hint: hint(fault, &value, context),
        // A password is no less one for being wrong.
        value: if fault.code == Code::InvalidSecurity { String::new() } else { value },
        ack_code: ack_code(fault.code),
    }
}

/// How the acknowledgment says it: `AK403=7`, or empty.
#[must_use]
pub fn ack_code(code: Code) -> String {
    let said = code.ack_code();
    let place = match (code.level(), said.starts_with('I')) {
        _ if said.is_empty() => return String::new(),
        (Level::Interchange, _) => "TA105",
        (Level::Group, _) => "AK905",
        (Level::Set, _) => "AK502",
        (Level::Segment, false) => "AK304",
        (Level::Segment, true) => "IK304",
        (Level::Element, false) => "AK403",
        (Level::Element, true) => "IK403",
    };
    format!("{place}={said}")
}

/// `BIG02 (invoice number)`, `SLN04-01 (unit)`, or the segment alone.
#[must_use]
pub fn element_label(fault: &Fault, dictionary: Option<&Dictionary>) -> String {
    let id = fault.segment.text();
    if fault.element == 0 {
        return segment_label(&id);
    }
    let mut label = format!("{id}{:02}", fault.element);
    if fault.component > 0 {
        label.push_str(&format!("-{:02}", fault.component));
    }
    if fault.repetition > 1 {
        label.push_str(&format!(", repetition {}", fault.repetition));
    }
    let part = dictionary.and_then(|known| names::find_part(known, &id, fault.element, fault.component));
    match part.and_then(|part| names::find_element(part.element.number)) {
        Some(name) => format!("{label} ({name})"),
        None => label,
    }
}

/// `BIG (invoice start)`.
#[must_use]
pub fn segment_label(id: &str) -> String {
    match names::find_segment(id) {
        Some(name) => format!("{id} ({name})"),
        None if id.is_empty() => "a segment without a name".to_owned(),
        None => id.to_owned(),
    }
}

fn message(fault: &Fault, value: &str, context: &Context<'_>) -> String {
    let value = &shown(value);
    let segment = segment_label(&fault.segment.text());
    let element = element_label(fault, context.dictionary);
    let expected = &*fault.expected;
    let with_expected = |text: String| {
        if expected.is_empty() { text } else { format!("{text}; expected {expected}") }
    };
    match fault.code {
        Code::InterchangeControlNumberMismatch => {
            format!("the interchange begins with number {expected} and ends with `{value}`")
        }
        Code::GroupControlNumberMismatch => {
            format!("the group begins with number {expected} and ends with `{value}`")
        }
        Code::SetControlNumberMismatch => {
            format!("the document begins with number {expected} and ends with `{value}`")
        }
        Code::GroupCountWrong => {
            format!("IEA01 says the interchange has `{value}` groups, it has {expected}")
        }
        Code::SetCountWrong => format!("GE01 says the group has `{value}` documents, it has {expected}"),
        Code::SegmentCountWrong => {
            format!("SE01 says the document has `{value}` segments, it has {expected}")
        }
        Code::InvalidControlStructure if fault.segment.text() == "IEA" => {
            "the interchange is not closed by an IEA where the next one begins or the separators change"
                .into()
        }
        Code::InvalidControlStructure if fault.segment.text() == "ISA" => {
            "the ISA holds NUL characters".into()
        }
        Code::UnexpectedEndOfFile => "the file ends before the interchange is closed by its IEA".into(),
        Code::InvalidInterchangeContent => {
            with_expected(format!("{segment} stands where the envelope allows no such segment"))
        }
        Code::InterchangeDateFar => {
            with_expected(format!("{element} is `{value}`, far from the day the file came"))
        }
        Code::DuplicateInterchange => {
            format!("an interchange with number `{value}` came before, with other contents")
        }
        Code::InvalidSecurity => format!("{element} is not as agreed"),
        Code::UnknownReceiver => format!("{element} is `{value}`, which is not one of our ids"),
        Code::InvalidElementSeparator => with_expected("the sign between elements cannot be one".into()),
        Code::InvalidComponentSeparator => {
            with_expected(format!("`{value}`, the sign between components, cannot be one"))
        }
        Code::InvalidSegmentTerminator if fault.segment.text() == "IEA" => {
            "the last segment of the file has no terminator".into()
        }
        Code::InvalidSegmentTerminator => with_expected("the sign that ends a segment cannot be one".into()),
        Code::GroupVersionNotSupported if value.is_empty() => "GS08 names no version".into(),
        Code::GroupVersionNotSupported => {
            format!("GS08 asks for version `{value}`, which we do not have")
        }
        Code::GroupTrailerMissing => "the group is not closed by a GE".into(),
        Code::GroupControlNumberReused => format!("group number `{value}` was used before"),
        Code::SetNotSupported => format!("there is no document {value} in this version"),
        Code::WrongFunctionalGroup => {
            format!("this document belongs to groups of {expected}, and its group says `{value}`")
        }
        Code::SetTrailerMissing => "the document is not closed by an SE".into(),
        Code::SetControlNumberReused => format!("document number `{value}` was used before in this group"),
        Code::SetTooLarge => format!("the document is too large; expected {expected}"),
        Code::TooManyFaults => "there are more faults in this document than are listed".into(),
        Code::HierarchyBroken => {
            with_expected(format!("the levels of the document do not join up at {element}"))
        }
        Code::HierarchyTooDeep => with_expected("the levels of the document are nested too deep".into()),
        Code::TotalWrong => with_expected(format!("{element} is `{value}`, which is not the total")),
        Code::UnrecognizedSegment if fault.segment.text().is_empty() => "an empty segment stands here".into(),
        Code::UnrecognizedSegment => format!("there is no segment {segment}"),
        Code::UnexpectedSegment => format!("{segment} is not expected here"),
        Code::MandatorySegmentMissing => format!("{segment} is missing"),
        Code::LoopOverMaximum => {
            with_expected(format!("the group of segments that {segment} begins comes too often"))
        }
        Code::SegmentOverMaximum => with_expected(format!("{segment} comes too often")),
        Code::SegmentNotInSet => format!("{segment} is no segment of this document"),
        Code::SegmentOutOfSequence => format!("{segment} stands in the wrong place"),
        Code::GuideSegmentNotUsed => format!("{segment} is not used with this partner"),
        Code::GuideSegmentMissing => {
            format!("{segment} is missing; this partner's guide asks for it where {expected}")
        }
        Code::GuideSegmentExcluded => format!("{segment} is not used with this partner where {expected}"),
        Code::SegmentTooLong => with_expected(format!("{segment} is too long")),
        Code::MandatoryElementMissing => format!("{element} is empty and must be filled"),
        Code::ConditionalElementMissing => with_expected(format!("{element} is empty beside what is filled")),
        Code::ExclusionViolated => with_expected(format!("{element} is filled beside what excludes it")),
        Code::TooManyElements => with_expected(format!("{segment} has too many elements")),
        Code::TooManyComponents => with_expected(format!("{element} has too many components")),
        Code::TooManyRepetitions => with_expected(format!("{element} has too many repetitions")),
        Code::ElementTooShort => with_expected(format!("{element} is `{value}`, which is too short")),
        Code::ElementTooLong => with_expected(format!("{element} is `{value}`, which is too long")),
        Code::InvalidCharacter => with_expected(format!(
            "{element} is `{}`, which holds a character it must not",
            value.escape_debug()
        )),
        Code::LoopIdWrong => with_expected(format!("{element} is `{value}`, which is another loop")),
        Code::InvalidDate => with_expected(format!("{element} is `{value}`, which is no date")),
        Code::InvalidTime => with_expected(format!("{element} is `{value}`, which is no time")),
        Code::InvalidCode => with_expected(format!("{element} is `{value}`, which is none of its codes")),
        Code::GuideCodeNotUsed => {
            with_expected(format!("{element} is `{value}`, which this partner's guide does not allow"))
        }
        Code::GuideElementNotUsed => format!("{element} is filled, and this partner's guide does not use it"),
        Code::GuideElementMissing => {
            format!("{element} is empty; this partner's guide asks for it where {expected}")
        }
        Code::GuideElementExcluded => {
            format!("{element} is filled, and this partner's guide does not use it where {expected}")
        }
        Code::ByteOrderMark => "the file begins with a byte order mark, which was skipped".into(),
        Code::TrailingBytes if fault.value.is_empty() => {
            format!("{expected} of padding follow the last interchange")
        }
        Code::TrailingBytes => format!("{expected} after the end of the interchange belong to nothing"),
        Code::LeadingBytes => format!("{expected} before the ISA belong to nothing"),
        Code::IsaNotFixedWidth => format!("the ISA does not have its fixed width; expected {expected}"),
        Code::NoInterchange => no_interchange(fault, context).0.into(),
        Code::TrailingSeparators => format!("{segment} ends with separators that hold nothing"),
        Code::NationalCharacters => format!("{element} is `{value}`, with letters outside of plain English"),
        Code::CheckDigitWrong => with_expected(format!("{element} is `{value}`, whose check digit is wrong")),
        Code::SumDiffers => {
            with_expected(format!("{element} is `{value}`, which is not what the lines add up to"))
        }
        _ if value.trim().is_empty() => with_expected(format!("{element} is empty")),
        _ => with_expected(format!("{element} is `{value}`, which is not allowed")),
    }
}

fn hint(fault: &Fault, value: &str, context: &Context<'_>) -> String {
    match fault.code {
        Code::InterchangeControlNumberMismatch
        | Code::GroupControlNumberMismatch
        | Code::SetControlNumberMismatch => {
            "two documents were joined or one was edited by hand; ask the sender to send it again".into()
        }
        Code::GroupCountWrong | Code::SetCountWrong | Code::SegmentCountWrong => {
            "something was lost or added on the way; ask the sender to send it again".into()
        }
        Code::UnexpectedEndOfFile => "the file was cut short; ask the sender to send it again".into(),
        Code::SetTrailerMissing | Code::GroupTrailerMissing => {
            "its end was lost or left out; ask the sender to send it again".into()
        }
        Code::InvalidControlStructure if fault.segment.text() == "ISA" => {
            "ask the sender to fill the ISA with blanks".into()
        }
        Code::InvalidControlStructure => "ask the sender to close each interchange before the next".into(),
        Code::InvalidCode | Code::GuideCodeNotUsed => code_hint(fault, value, context),
        Code::UnrecognizedSegment | Code::SegmentNotInSet => segment_hint(fault, context),
        Code::InvalidDate => date_hint(value),
        Code::InvalidCharacter => number_hint(fault, value, context),
        Code::ElementTooLong => {
            let count = value.chars().count();
            format!("it has {count} characters; ask the sender to shorten it")
        }
        Code::GroupVersionNotSupported if value.is_empty() => "GS08 names no version".into(),
        Code::GroupVersionNotSupported => {
            let releases = "003040, 003060, 004010, 005010 and 006020";
            format!("ask the sender for one of {releases}, or load a guide")
        }
        Code::IsaNotFixedWidth => {
            "ask the sender to pad the ISA, or set the partner's profile to take it as it is".into()
        }
        Code::LeadingBytes => "ask the sender to send the file as such, not in the text of a mail".into(),
        Code::TrailingBytes if fault.value.is_empty() => String::new(),
        Code::TrailingBytes => "look at the end of the file; nothing there was read".into(),
        Code::NoInterchange => no_interchange(fault, context).1.into(),
        Code::MandatorySegmentMissing
        | Code::MandatoryElementMissing
        | Code::GuideSegmentMissing
        | Code::GuideElementMissing => {
            "ask the sender to fill it, or relax it in the partner's profile".into()
        }
        Code::SetControlNumberReused | Code::GroupControlNumberReused | Code::DuplicateInterchange => {
            "ask the sender whether this was sent twice by mistake".into()
        }
        Code::SegmentOutOfSequence | Code::UnexpectedSegment => {
            "compare the order of segments with the guide of this document".into()
        }
        Code::WrongFunctionalGroup => {
            "ask the sender to put each kind of document in a group of its own".into()
        }
        Code::InterchangeDateFar => "ask the sender whether the file was meant to be sent".into(),
        Code::TooManyFaults => "mend the first ones and look again".into(),
        _ => String::new(),
    }
}

/// The value with what cannot be seen made visible.
fn shown(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for found in value.chars() {
        if found.is_control() || matches!(found, '\u{a0}' | '\u{fffd}') {
            text.extend(found.escape_default());
        } else {
            text.push(found);
        }
    }
    text
}

/// What the file is and what to do with it, when it is no X12.
fn no_interchange(fault: &Fault, context: &Context<'_>) -> (&'static str, &'static str) {
    let is_empty = context.window.byte == 0 && context.window.bytes.is_empty();
    let asks = "ask the sender for X12, or give the channel the format of these files";
    match &*fault.value {
        [] if is_empty => ("the file is empty", "ask the sender to send it again"),
        [] => ("the file holds nothing but blanks", "ask the sender to send it again"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, 0, ..] | [_, 0, _, 0, ..] => {
            ("the file is UTF-16, and X12 is not", "ask the sender to save it as plain ASCII")
        }
        [b'U', b'N', b'A' | b'B', ..] => ("the file is EDIFACT, not X12", asks),
        [b'<', ..] => ("the file is XML or HTML, not X12", asks),
        [b'{' | b'[', ..] => ("the file is JSON, not X12", asks),
        [b'P', b'K', 3, 4, ..] => ("the file is a ZIP archive or a spreadsheet, not X12", asks),
        [b'%', b'P', b'D', b'F', ..] => ("the file is a PDF, not X12", asks),
        [0x1f, 0x8b, ..] => ("the file is compressed", "ask the sender to send it unpacked"),
        [b'G', b'S', ..] | [b'S', b'T', ..] => {
            ("the file begins without an ISA", "ask the sender for the whole interchange, ISA to IEA")
        }
        _ => ("there is no ISA in the file, so it is no X12", asks),
    }
}

fn code_hint(fault: &Fault, value: &str, context: &Context<'_>) -> String {
    let Some(dictionary) = context.dictionary else { return String::new() };
    let id = fault.segment.text();
    let Some(part) = names::find_part(dictionary, &id, fault.element, fault.component) else {
        return String::new();
    };
    if fault.code == Code::GuideCodeNotUsed {
        return "ask the sender to keep to the guide, or add the code to it".into();
    }
    let has = |code: &str| dictionary.has_code(&part.element, code.as_bytes());
    let said = value.trim();
    if let Some(code) = same_code(said, part.element.max, has) {
        return match names::find_code(part.element.number, &code) {
            Some(name) => format!("did you mean `{code}` ({name})?"),
            None => format!("did you mean `{code}`?"),
        };
    }
    // A guess among many two-letter codes helps nobody: only those with a name are worth telling. They are also few,
    // and a document may have many wrong codes.
    let near: Vec<String> = names::list_codes(part.element.number)
        .filter(|(code, _)| code.len().abs_diff(said.len()) <= 1 && has(code))
        .filter(|(code, _)| strsim::damerau_levenshtein(code, said) == 1)
        .take(3)
        .map(|(code, name)| format!("`{code}` ({name})"))
        .collect();
    if near.is_empty() {
        return "ask the sender what it means, or translate it by a table in the partner's profile".into();
    }
    format!("did you mean {}?", near.join(" or "))
}

/// The code that differs from what was said only in capitals or in zeros in front.
fn same_code(said: &str, longest: u32, has: impl Fn(&str) -> bool) -> Option<String> {
    let said = said.to_ascii_uppercase();
    let bare = said.trim_start_matches('0');
    let zeros = usize::try_from(longest).unwrap_or(0).min(8).checked_sub(bare.len())?;
    (0..=zeros).rev().map(|zeros| format!("{}{bare}", "0".repeat(zeros))).find(|code| has(code))
}

fn segment_hint(fault: &Fault, context: &Context<'_>) -> String {
    let id = fault.segment.text();
    if id.is_empty() {
        return "ask the sender to end each segment once".into();
    }
    let upper = id.trim().to_ascii_uppercase();
    let (Some(dictionary), Some(set)) = (context.dictionary, context.set) else { return String::new() };
    if upper != id && dictionary.find_segment(upper.as_bytes()).is_some() {
        return format!("did you mean `{upper}`? segment names are capital letters");
    }
    let mut near = names::list_segments()
        .filter(|known| known.len() == id.len() || known.len() == id.len() + 1)
        .filter(|known| strsim::damerau_levenshtein(known, &id) == 1)
        .filter(|known| set.find_segment(known.as_bytes()).is_some());
    match near.next() {
        Some(known) if fault.code == Code::UnrecognizedSegment => {
            format!("did you mean `{known}` ({})?", names::find_segment(known).unwrap_or_default())
        }
        _ => "ask the sender to leave it out".into(),
    }
}

fn date_hint(value: &str) -> String {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    if digits.len() == 8 && digits.len() != value.len() {
        return format!("write it without signs, as `{digits}`");
    }
    if value.len() == 6 && digits.len() == 6 {
        return format!("write the year with its century, as `20{digits}`");
    }
    String::new()
}

fn number_hint(fault: &Fault, value: &str, context: &Context<'_>) -> String {
    let looks_numeric = value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().all(|byte| byte.is_ascii_digit() || b".,+-eE$ ".contains(&byte));
    if !looks_numeric {
        return String::new();
    }
    let id = fault.segment.text();
    let part =
        context.dictionary.and_then(|known| names::find_part(known, &id, fault.element, fault.component));
    let digits = value.trim().strip_prefix('-').unwrap_or(value.trim());
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = [whole, fraction].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if let Some(Kind::Integer(decimals)) = part.map(|part| part.element.kind)
        && is_plain
        && fraction.trim_end_matches('0').len() <= usize::from(decimals)
    {
        let sign = if value.trim().starts_with('-') { "-" } else { "" };
        let width = usize::from(decimals);
        let fraction = format!("{:0<width$}", fraction.trim_end_matches('0'));
        let joined = format!("{whole}{fraction}");
        let number = joined.trim_start_matches('0');
        return format!(
            "write it without the point, as `{sign}{}`",
            if number.is_empty() { "0" } else { number }
        );
    }
    "numbers have digits and a leading minus only; a point where the element allows one".into()
}
