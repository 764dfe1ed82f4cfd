//! Reads fixed-width files into one tree a document.

use super::layout::{Encoding, Field, Kind, Layout, RecordType};
use super::number;
use crate::finding::{Finding, Location, Severity};
use crate::tree::{Key, NodeId, Origin, Tree};
use std::collections::BTreeMap;

/// Lines at most; more is no flat file of a trading partner.
const LINE_LIMIT_BYTES: usize = 64 * 1024;

/// Reads a file: one tree for each document, and all that is wrong with it.
///
/// Blank values are left out. Numbers come out as plain decimals, whatever their column's form.
#[must_use]
pub fn read(bytes: &[u8], layout: &Layout) -> (Vec<Tree>, Vec<Finding>) {
    let mut reader =
        Reader { layout, trees: Vec::new(), findings: Vec::new(), path: Vec::new(), counts: BTreeMap::new() };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut at = 0;
    for (index, raw) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = raw.strip_suffix(b"\r").unwrap_or(raw);
        let place = Place { byte: at as u64, line: u32::try_from(index + 1).unwrap_or(u32::MAX) };
        at += raw.len() + 1;
        // 0x1A ends files that come from a mainframe.
        if line.iter().all(|byte| matches!(byte, b' ' | 0x1a)) {
            continue;
        }
        reader.line(line, place);
    }
    if reader.trees.is_empty() && reader.findings.is_empty() {
        let place = Place { byte: 0, line: 1 };
        reader.find(
            "no_document",
            place,
            "",
            "the file holds no document",
            "see whether the whole file came",
        );
    }
    (reader.trees, reader.findings)
}

#[derive(Clone, Copy)]
struct Place {
    byte: u64,
    line: u32,
}

struct Reader<'l> {
    layout: &'l Layout,
    trees: Vec<Tree>,
    findings: Vec<Finding>,
    /// The open record types of the current document, outermost first, with their nodes.
    path: Vec<(String, NodeId)>,
    /// Lines of each type since the start of the file, and of the document.
    counts: BTreeMap<String, (u64, u64)>,
}

impl Reader<'_> {
    fn line(&mut self, line: &[u8], place: Place) {
        if line.len() > LINE_LIMIT_BYTES {
            self.find(
                "line_too_long",
                place,
                "",
                "the line is longer than 64 KiB",
                "this is no fixed-width file",
            );
            return;
        }
        let Some(text) = self.decode(line, place) else { return };
        let characters: Vec<char> = text.chars().collect();
        if characters.contains(&'\t') {
            let hint = "ask the sender for blanks: a tab shifts every column after it";
            self.find("tab", place, "", "there is a tab in the line", hint);
            return;
        }
        let tag = slice(&characters, self.layout.tag);
        let Some(record) = self.layout.records.iter().find(|record| record.tag == tag.trim_end()) else {
            let known = self
                .layout
                .records
                .iter()
                .map(|record| format!("`{}`", record.tag))
                .collect::<Vec<_>>()
                .join(", ");
            let message = format!("`{}` is no record type", tag.trim_end());
            self.find("record_type_unknown", place, tag.trim_end(), message, format!("known are {known}"));
            return;
        };
        let record = record.clone();
        if let Some(length) = self.layout.line_length.filter(|length| *length != characters.len()) {
            let message = format!("the line has {} characters, not {length}", characters.len());
            let hint =
                "the columns after the first wrong one cannot be trusted; ask the sender for a whole line";
            self.find("line_length", place, "", message, hint);
            return;
        }
        self.count(&record);
        if record.of_file {
            self.check_count(&record, &characters, place);
            return;
        }
        let Some((tree_at, parent)) = self.open(&record, place) else { return };
        let ordinal = place.line;
        let Some(tree) = self.trees.get_mut(tree_at) else { return };
        let node = tree.add(parent, &record.name, Origin { byte: place.byte, ordinal });
        self.path.push((record.name.clone(), node));
        for field in &record.fields {
            self.value(tree_at, node, field, &characters, place);
        }
        self.check_count(&record, &characters, place);
    }

    fn decode(&mut self, line: &[u8], place: Place) -> Option<String> {
        match self.layout.encoding {
            Encoding::Latin1 => Some(line.iter().map(|byte| char::from(*byte)).collect()),
            Encoding::Utf8 => match std::str::from_utf8(line) {
                Ok(text) => Some(text.to_owned()),
                Err(error) => {
                    let place = Place { byte: place.byte + error.valid_up_to() as u64, ..place };
                    let hint = "set encoding = \"latin-1\" if the sender uses it; packed decimals and EBCDIC are not read";
                    self.find("encoding", place, "", "the line is not UTF-8", hint);
                    None
                }
            },
        }
    }

    /// The tree and node that a record belongs under; none when it stands where it cannot.
    fn open(&mut self, record: &RecordType, place: Place) -> Option<(usize, NodeId)> {
        if record.name == self.layout.document {
            let mut tree = Tree::default();
            let root = tree.reset(&record.name, Origin { byte: place.byte, ordinal: place.line });
            self.trees.push(tree);
            self.path.clear();
            for counts in self.counts.values_mut() {
                counts.1 = 0;
            }
            // It was counted before it was known to begin a document.
            self.counts.entry(record.name.clone()).or_default().1 = 1;
            return Some((self.trees.len() - 1, root));
        }
        let Some(last) = self.trees.len().checked_sub(1) else {
            let message =
                format!("a `{}` record stands before the first `{}`", record.name, self.layout.document);
            self.find(
                "record_out_of_order",
                place,
                &record.tag,
                message,
                "see whether the start of the file is missing",
            );
            return None;
        };
        match &record.under {
            None => {
                self.path.clear();
                Some((last, self.trees.get(last)?.root()))
            }
            Some(under) => {
                let Some(at) = self.path.iter().rposition(|(name, _)| name == under) else {
                    let message = format!("a `{}` record stands without its `{under}`", record.name);
                    self.find(
                        "record_out_of_order",
                        place,
                        &record.tag,
                        message,
                        "see whether a line is missing before it",
                    );
                    return None;
                };
                self.path.truncate(at + 1);
                self.path.last().map(|(_, node)| (last, *node))
            }
        }
    }

    fn value(&mut self, tree_at: usize, node: NodeId, field: &Field, characters: &[char], place: Place) {
        let raw = slice(characters, field.columns);
        if raw.trim().is_empty() {
            return;
        }
        let byte = place.byte
            + characters.iter().take(field.columns.0 - 1).map(|c| c.len_utf8() as u64).sum::<u64>();
        let text = match field.kind {
            Kind::Text => raw.trim_end().to_owned(),
            Kind::RightText => raw.trim_start().to_owned(),
            Kind::Number { decimals, overpunch } => match number::parse(&raw, decimals, overpunch) {
                Some(number) => number,
                None => {
                    let message = format!("`{}` in `{}` is no number", raw.trim(), field.name);
                    let hint = format!("columns {} to {} must hold digits", field.columns.0, field.columns.1);
                    self.find_at("not_a_number", Place { byte, ..place }, field, raw.trim(), message, hint);
                    return;
                }
            },
        };
        if let Some(tree) = self.trees.get_mut(tree_at) {
            tree.push(node, Key::Name(&field.name), &text, byte);
        }
    }

    fn count(&mut self, record: &RecordType) {
        let counts = self.counts.entry(record.name.clone()).or_default();
        counts.0 += 1;
        counts.1 += 1;
    }

    fn check_count(&mut self, record: &RecordType, characters: &[char], place: Place) {
        let Some(count) = &record.count else { return };
        let Some(field) = record.fields.iter().find(|field| field.name == count.field) else { return };
        let pick = |counts: &(u64, u64)| if record.of_file { counts.0 } else { counts.1 };
        let seen: u64 = match &count.of {
            Some(of) => self.counts.get(of).map_or(0, pick),
            None => self.counts.values().map(pick).sum(),
        };
        let said = slice(characters, field.columns);
        if said.trim().parse::<u64>().ok() != Some(seen) {
            let of = count.of.as_deref().unwrap_or("all");
            let message = format!("the trailer counts {} lines ({of}), the file has {seen}", said.trim());
            self.find_at(
                "count_wrong",
                place,
                field,
                said.trim(),
                message,
                "ask the sender for the whole file".to_owned(),
            );
        }
    }

    fn find(
        &mut self,
        code: &'static str,
        place: Place,
        value: &str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.findings.push(Finding {
            code,
            severity: Severity::Reject,
            location: Location { byte: place.byte, line: place.line, ..Location::default() },
            message: message.into(),
            hint: hint.into(),
            value: value.chars().take(99).collect(),
            ack_code: String::new(),
        });
    }

    fn find_at(
        &mut self,
        code: &'static str,
        place: Place,
        field: &Field,
        value: &str,
        message: String,
        hint: String,
    ) {
        self.find(code, place, value, message, hint);
        if let Some(finding) = self.findings.last_mut() {
            finding.location.path.clone_from(&field.name);
            finding.location.element = u16::try_from(field.columns.0).unwrap_or(u16::MAX);
        }
    }
}

fn slice(characters: &[char], columns: (usize, usize)) -> String {
    characters.iter().skip(columns.0 - 1).take(columns.1 + 1 - columns.0).collect()
}
