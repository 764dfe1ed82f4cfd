//! Splits bytes into rows and fields, with the place of each.

use super::layout::Layout;
use crate::finding::{Finding, Location, Severity};

/// Longest field: 64 KiB is more than any business value, and a quote that is never closed shows early.
const MAX_FIELD_BYTES: usize = 64 * 1024;

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// Its text, quotes taken off.
    pub(super) text: String,
    /// Offset of its first byte from the start of the file.
    pub(super) byte: u64,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) fields: Vec<Field>,
    /// Line it begins on, the first is 1.
    pub(super) line: u32,
    /// Offset of its first byte.
    pub(super) byte: u64,
}

/// A fault at a place of the file.
pub(super) fn fault(
    code: &'static str,
    line: u32,
    byte: u64,
    message: impl Into<String>,
    hint: impl Into<String>,
) -> Finding {
    Finding {
        code,
        severity: Severity::Reject,
        location: Location { byte, line, segment: "row".to_owned(), ..Location::default() },
        message: message.into(),
        hint: hint.into(),
        value: String::new(),
        ack_code: String::new(),
    }
}

/// The rows of a file, one at a time. Blank lines are left out; a line ends in LF, CR LF or CR alone.
pub(super) struct Rows<'a> {
    bytes: &'a [u8],
    layout: &'a Layout,
    at: usize,
    line: u32,
    /// What is wrong with the rows so far.
    pub(super) found: Vec<Finding>,
}

impl<'a> Rows<'a> {
    /// Begins at the start of a file; the error is that it is no text.
    pub(super) fn new(bytes: &'a [u8], layout: &'a Layout) -> Result<Self, Box<Finding>> {
        if let Some(finding) = foreign(bytes) {
            return Err(Box::new(finding));
        }
        let at = if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        Ok(Self { bytes, layout, at, line: 1, found: Vec::new() })
    }
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            let row = self.row()?;
            if row.fields.len() > 1 || row.fields.iter().any(|field| !field.text.is_empty()) {
                return Some(row);
            }
        }
    }
}

/// What is no text at all.
fn foreign(bytes: &[u8]) -> Option<Finding> {
    if bytes.starts_with(b"PK\x03\x04") {
        return Some(fault(
            "zip_content",
            1,
            0,
            "the file is a zip archive or a spreadsheet",
            "save the sheet as CSV and send that",
        ));
    }
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return Some(fault("wrong_encoding", 1, 0, "the file is UTF-16", "save it as UTF-8"));
    }
    let nul = bytes.iter().position(|byte| *byte == 0)?;
    let line = line_of(bytes, nul);
    Some(fault(
        "nul_byte",
        line,
        nul as u64,
        format!("line {line} holds a NUL byte"),
        "the file is not text, or was damaged on its way",
    ))
}

fn line_of(bytes: &[u8], at: usize) -> u32 {
    let before = bytes.get(..at).unwrap_or(bytes);
    u32::try_from(before.iter().filter(|byte| **byte == b'\n').count() + 1).unwrap_or(u32::MAX)
}

impl Rows<'_> {
    fn row(&mut self) -> Option<Row> {
        self.peek()?;
        let mut row = Row { fields: Vec::new(), line: self.line, byte: self.at as u64 };
        loop {
            let field = self.field();
            row.fields.push(field);
            match self.peek() {
                Some(byte) if byte == self.layout.delimiter => self.at += 1,
                _ => break,
            }
        }
        self.line_end();
        Some(row)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn line_end(&mut self) {
        if self.peek() == Some(b'\r') {
            self.at += 1;
            if self.peek() != Some(b'\n') {
                self.line += 1;
                return;
            }
        }
        if self.peek() == Some(b'\n') {
            self.at += 1;
            self.line += 1;
        }
    }

    fn field(&mut self) -> Field {
        let byte = self.at as u64;
        let raw = match self.layout.quote {
            Some(quote) if self.peek() == Some(quote) => self.quoted(quote),
            _ => self.plain(),
        };
        if raw.len() > MAX_FIELD_BYTES {
            let message = format!("a field on line {} is longer than 64 KiB", self.line);
            self.found.push(fault("field_too_long", self.line, byte, message, "a quote may be missing"));
        }
        Field { text: self.decode(&raw, byte), byte }
    }

    fn plain(&mut self) -> Vec<u8> {
        let start = self.at;
        while let Some(byte) = self.peek() {
            if byte == self.layout.delimiter || byte == b'\r' || byte == b'\n' {
                break;
            }
            self.at += 1;
        }
        self.bytes.get(start..self.at).unwrap_or_default().to_vec()
    }

    fn quoted(&mut self, quote: u8) -> Vec<u8> {
        let (line, start) = (self.line, self.at);
        let mut text = Vec::new();
        self.at += 1;
        loop {
            match self.peek() {
                None => {
                    let message = format!("the quote opened on line {line} is never closed");
                    self.found.push(fault(
                        "open_quote",
                        line,
                        start as u64,
                        message,
                        "the file was cut short, or a quote inside the field is not doubled",
                    ));
                    return text;
                }
                Some(byte) if byte == quote => {
                    self.at += 1;
                    if self.peek() == Some(quote) {
                        text.push(quote);
                        self.at += 1;
                        continue;
                    }
                    break;
                }
                Some(byte) => {
                    if byte == b'\n' {
                        self.line += 1;
                    }
                    text.push(byte);
                    self.at += 1;
                }
            }
        }
        let after = self.plain();
        if !after.is_empty() {
            let message = format!("there is text after a closing quote on line {}", self.line);
            self.found.push(fault(
                "text_after_quote",
                self.line,
                self.at as u64,
                message,
                "a quote inside a field is written twice: `\"\"`",
            ));
            text.extend(after);
        }
        text
    }

    fn decode(&mut self, raw: &[u8], byte: u64) -> String {
        let (text, broken) = self.layout.encoding.decode_without_bom_handling(raw);
        if broken {
            let message = format!("line {} is not {}", self.line, self.layout.encoding.name());
            self.found.push(fault(
                "wrong_encoding",
                self.line,
                byte,
                message,
                "say the sender's encoding in the layout, such as `windows-1252`",
            ));
        }
        text.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// The `csv` crate was written by other people from the same RFC: what it writes we must read as it meant.
        #[test]
        fn the_csv_crate_agrees_on_rows(
            rows in prop::collection::vec(prop::collection::vec("[ -~\\n\"]{0,12}", 3..4), 1..8)
        ) {
            let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).expect("memory takes all");
            }
            let bytes = writer.into_inner().expect("memory takes all");
            let layout = Layout::default();
            let mut read = Rows::new(&bytes, &layout).expect("it is text");
            let texts: Vec<Vec<String>> =
                read.by_ref().map(|row| row.fields.into_iter().map(|field| field.text).collect()).collect();
            prop_assert_eq!(&read.found, &Vec::new());
            prop_assert_eq!(texts, rows);
        }
    }
}
