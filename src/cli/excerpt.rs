//! Shows a finding of a document with the segment it is in, the element underlined.

use crate::finding::{Finding, Severity};
use crate::formats::x12::lexer::Window;
use crate::formats::x12::segment::Delimiters;

/// Longest part of a segment shown, so that a finding stays readable.
const SHOWN_CHARACTERS: usize = 100;

/// How to write on this terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether to use colours.
    pub colour: bool,
}

impl Style {
    /// The text in the colour of a severity.
    #[must_use]
    pub fn severity(self, severity: Severity, text: &str) -> String {
        match severity {
            Severity::Warning => self.paint("33;1", text),
            Severity::AcceptWithErrors | Severity::Reject => self.paint("31;1", text),
        }
    }

    /// The text standing out.
    #[must_use]
    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// The text standing back.
    #[must_use]
    pub fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// What a severity is called before a message.
#[must_use]
pub const fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::AcceptWithErrors => "error",
        Severity::Reject => "rejected",
    }
}

/// A finding as several lines: message, place, segment with the element underlined, code and hint.
///
/// `document` says which document it is in and may be empty.
#[must_use]
pub fn render(
    finding: &Finding,
    file: &str,
    document: &str,
    window: Window<'_>,
    delimiters: Option<Delimiters>,
    style: Style,
) -> String {
    let place = &finding.location;
    let mut shown = format!(
        "{}: {}\n",
        style.severity(finding.severity, severity_word(finding.severity)),
        style.strong(&finding.message)
    );
    let number = place.line.to_string();
    let margin = " ".repeat(number.len());
    let mut line = format!("{margin}{} {file}:{}", style.faint("-->"), place.line);
    if place.segment_position > 0 {
        line.push_str(&format!(", segment {}", place.segment_position));
    }
    if !document.is_empty() {
        line.push_str(&format!(" of {document}"));
    }
    shown.push_str(&line);
    shown.push('\n');
    if let Some((text, start, length)) =
        delimiters.and_then(|delimiters| find_text(finding, window, delimiters))
    {
        let bar = style.faint("|");
        let mark = style.severity(finding.severity, &"^".repeat(length.max(1)));
        shown.push_str(&format!("{} {bar} {text}\n", style.faint(&number)));
        shown.push_str(&format!("{margin} {bar} {}{mark}\n", " ".repeat(start)));
    }
    let mut code = finding.code.to_owned();
    if !finding.ack_code.is_empty() {
        code = format!("{code}, {}", finding.ack_code);
    }
    shown.push_str(&format!("{margin} {} {}\n", style.faint("="), style.faint(&code)));
    if !finding.hint.is_empty() {
        shown.push_str(&format!("{margin} {} hint: {}\n", style.faint("="), finding.hint));
    }
    shown
}

/// The segment at the finding's place, cut to what can be read, and where in it to underline how much; in
/// characters.
fn find_text(
    finding: &Finding,
    window: Window<'_>,
    delimiters: Delimiters,
) -> Option<(String, usize, usize)> {
    let at = usize::try_from(finding.location.byte.checked_sub(window.byte)?).ok()?;
    let before = window.bytes.get(..at)?;
    let after = window.bytes.get(at..)?;
    // The ISA's own separators are data of the ISA.
    let is_isa = finding.location.segment == "ISA";
    let ends = |byte: &u8| *byte == delimiters.segment;
    let start = if is_isa {
        memchr::memmem::rfind(window.bytes.get(..at + 3).unwrap_or(window.bytes), b"ISA").unwrap_or(at)
    } else {
        before.iter().rposition(ends).map_or(0, |end| end + 1)
    };
    let end = if is_isa {
        // Its own end when it is not padded to its fixed width.
        let elements = memchr::memchr_iter(delimiters.element, window.bytes.get(start..).unwrap_or(&[]));
        let last = elements.take(16).nth(15).map_or(start + 103, |at| start + at);
        (last + 2).min(start + 105).min(window.bytes.len())
    } else {
        at + after.iter().position(ends).unwrap_or(after.len())
    };
    let mut text = window.bytes.get(start..end.max(at))?.to_vec();
    if is_isa {
        hide_password(&mut text, delimiters.element);
    }
    let blanks = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let (start, text) = (start + blanks.min(at - start), text.get(blanks.min(at - start)..)?);
    let lead = printable(text.get(..at - start)?);
    let rest = text.get(at - start..)?;
    let element = if finding.location.element == 0 {
        rest.iter().position(|byte| *byte == delimiters.element).unwrap_or(rest.len())
    } else {
        let stops =
            [Some(delimiters.element), (finding.location.component > 0).then_some(delimiters.component)];
        rest.iter().position(|byte| stops.contains(&Some(*byte))).unwrap_or(rest.len())
    };
    let marked = printable(rest.get(..element)?);
    let tail = printable(rest.get(element..)?);
    let (lead_count, length) = (lead.chars().count(), marked.chars().count());
    let all: Vec<char> = lead.chars().chain(marked.chars()).chain(tail.chars()).collect();
    if all.len() <= SHOWN_CHARACTERS {
        return Some((all.into_iter().collect(), lead_count, length));
    }
    let from = lead_count.saturating_sub(SHOWN_CHARACTERS / 3);
    let until = (from + SHOWN_CHARACTERS).min(all.len());
    let (open, close) = (if from > 0 { "…" } else { "" }, if until < all.len() { "…" } else { "" });
    let cut: String = all.get(from..until)?.iter().collect();
    let start = lead_count - from + usize::from(from > 0);
    let length = length.min(until - lead_count.min(until));
    Some((format!("{open}{cut}{close}"), start, length))
}

/// ISA04 is a password.
fn hide_password(isa: &mut [u8], separator: u8) {
    let ends: Vec<usize> = memchr::memchr_iter(separator, isa).take(5).collect();
    // Where the separators cannot be trusted, it is where it should be.
    let range = match ends.as_slice() {
        [_, _, _, before, after] => before + 1..*after,
        _ => 21..31.min(isa.len().max(21)),
    };
    let password = isa.get_mut(range).unwrap_or_default();
    password.iter_mut().filter(|byte| **byte != b' ').for_each(|byte| *byte = b'#');
}

/// One character for each, so that the underline fits: controls become `.`.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().map(|found| if found.is_control() { '.' } else { found }).collect()
}
