//! The declaration of a fixed-width file: record types, columns, pads, signs, counts.

use crate::declaration::{Said, Section, suggestion};

/// How a fixed-width file is arranged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Bytes to characters.
    pub encoding: Encoding,
    /// Characters of every line; none when lines may differ.
    pub line_length: Option<usize>,
    /// First and last character of the tag that tells record types apart, the first is 1.
    pub tag: (usize, usize),
    /// Record types in the order in which documents hold them.
    pub records: Vec<RecordType>,
    /// The record type that begins a document.
    pub document: String,
    /// Whether lines end in CR LF when we write.
    pub crlf: bool,
}

/// Bytes to characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8; columns count characters.
    Utf8,
    /// ISO 8859-1: one byte is one character.
    Latin1,
}

/// One kind of line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordType {
    /// Its name: the tag of its nodes.
    pub name: String,
    /// The tag as it stands in the file.
    pub tag: String,
    /// The record type it stands below; none for those directly in the document.
    pub under: Option<String>,
    /// Whether it belongs to the file, before the first or after the last document, and not to one document.
    pub of_file: bool,
    /// Its columns.
    pub fields: Vec<Field>,
    /// A field that must hold the number of lines of some type.
    pub count: Option<Count>,
}

/// A count in a trailer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The field that says it.
    pub field: String,
    /// The record type that is counted; all lines when none.
    pub of: Option<String>,
}

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// First and last character, the first is 1.
    pub columns: (usize, usize),
    /// What it holds.
    pub kind: Kind,
}

impl Field {
    /// Its width in characters.
    #[must_use]
    pub fn width(&self) -> usize {
        self.columns.1 + 1 - self.columns.0
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, blanks after it.
    Text,
    /// Text, blanks before it.
    RightText,
    /// A number, zeros before it.
    Number {
        /// Decimals that are implied: `12345` with 2 is 123.45. With none a point may stand in it.
        decimals: Option<u32>,
        /// The sign is punched over the last digit: `{` is +0, `}` is -0, `A`–`I` +1–9, `J`–`R` -1–9.
        overpunch: bool,
    },
}

impl Layout {
    /// Reads the `[layout]` section of a translator; faults are noted in it.
    #[must_use]
    pub fn read(section: &Section<'_>) -> Self {
        let encodings = [("utf-8", Encoding::Utf8), ("latin-1", Encoding::Latin1)];
        let encoding = section.choice("encoding", &encodings).map_or(Encoding::Utf8, |said| said.value);
        let line_length = section.number("line_length").and_then(|said| usize::try_from(said.value).ok());
        let said =
            section.required_text("tag", "write tag = \"1-3\", the columns that tell record types apart");
        let tag = columns(section, &said).unwrap_or((1, 1));
        let mut records = Vec::new();
        for below in section.sections("records") {
            records.push(record(&below, line_length));
            below.finish();
        }
        if records.is_empty() {
            let hint = "write [[layout.records]] with name, tag and [layout.records.fields]";
            section.fault("records_missing", &section.place(), "the layout has no record types", hint);
        }
        let names: Vec<String> = records.iter().map(|record: &RecordType| record.name.clone()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let document = section.text("document");
        if let Some(said) = document.as_ref().filter(|said| !names.contains(&said.value.as_str())) {
            let message = format!("there is no record type `{}`", said.value);
            section.fault("record_type_unknown", &said.place, message, suggestion(&said.value, &names));
        }
        let first = records.iter().find(|record| !record.of_file).map(|record| record.name.clone());
        Self {
            encoding,
            line_length,
            tag,
            document: document.map(|said| said.value).or(first).unwrap_or_default(),
            records,
            crlf: section.flag("crlf").is_some_and(|said| said.value),
        }
    }

    /// The record type of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&RecordType> {
        self.records.iter().find(|record| record.name == name)
    }
}

fn record(section: &Section<'_>, line_length: Option<usize>) -> RecordType {
    let name = section.required_text("name", "write name = \"detail\"");
    let tag = section.required_text("tag", "write tag = \"D\", as it stands in the file");
    let mut fields: Vec<Field> = Vec::new();
    for (name, below) in section.named_sections("fields") {
        let said = below.required_text("at", "write at = \"4-13\", the first and the last column");
        let Some(columns) = columns(&below, &said) else {
            below.finish();
            continue;
        };
        let kinds = [("text", 0), ("right_text", 1), ("number", 2)];
        let decimals = below.number("decimals").and_then(|said| u32::try_from(said.value).ok());
        let overpunch = below.flag("overpunch").is_some_and(|said| said.value);
        let kind = match below.choice("kind", &kinds).map_or(0, |said| said.value) {
            0 => Kind::Text,
            1 => Kind::RightText,
            _ => Kind::Number { decimals, overpunch },
        };
        if let Some(other) =
            fields.iter().find(|other| columns.0 <= other.columns.1 && other.columns.0 <= columns.1)
        {
            let message = format!("`{name}` and `{}` share columns", other.name);
            below.fault("columns_overlap", &said.place, message, "each column belongs to one field");
        }
        if line_length.is_some_and(|length| columns.1 > length) {
            let message = format!("`{name}` ends after the end of the line");
            below.fault("columns_after_line", &said.place, message, "see `line_length` of the layout");
        }
        below.finish();
        fields.push(Field { name, columns, kind });
    }
    let count = section.section("count").map(|below| {
        let count = Count {
            field: below.required_text("field", "write count = { field = \"lines\", of = \"detail\" }").value,
            of: below.text("of").map(|said| said.value),
        };
        below.finish();
        count
    });
    RecordType {
        name: name.value,
        tag: tag.value,
        under: section.text("under").map(|said| said.value),
        of_file: section.flag("of_file").is_some_and(|said| said.value),
        fields,
        count,
    }
}

fn columns(section: &Section<'_>, said: &Said<String>) -> Option<(usize, usize)> {
    let parse = |text: &str| text.trim().parse::<usize>().ok().filter(|column| *column > 0);
    let pair = match said.value.split_once('-') {
        Some((first, last)) => parse(first).zip(parse(last)),
        None => parse(&said.value).map(|column| (column, column)),
    };
    let pair = pair.filter(|(first, last)| first <= last);
    if pair.is_none() && !said.value.is_empty() {
        let message = format!("`{}` names no columns", said.value);
        section.fault(
            "columns_form",
            &said.place,
            message,
            "write the first and the last column, such as \"4-13\"; the first of the line is 1",
        );
    }
    pair
}
