//! A fault in a document: what is wrong, where, and how to mend it.

use serde::Serialize;

/// What a finding does to the document it is in. Ordered from mild to grave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Told to people, never to the partner; the document is accepted.
    Warning,
    /// The document is accepted; the acknowledgment says "accepted, but errors were noted".
    AcceptWithErrors,
    /// The document is refused.
    Reject,
}

/// The place of a fault or a value in a file. Zero and empty mean "does not apply".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Location {
    /// Offset from the start of the file, first byte is 0.
    pub byte: u64,
    /// Line of the file, first line is 1.
    pub line: u32,
    /// X12 segment id, record type, or XML element name.
    pub segment: String,
    /// Place of the segment in its transaction set, ST is 1.
    pub segment_position: u32,
    /// Element of the segment, or column of the row; the first is 1.
    pub element: u16,
    /// Component of the element, the first is 1.
    pub component: u16,
    /// Repetition of the element, the first is 1.
    pub repetition: u16,
    /// Where X12's numbers do not apply: column name, element path or JSON path.
    pub path: String,
}

/// One fault in a document. Readers gather all of them and never stop at the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable name in snake case, such as `mandatory_element_missing`.
    pub code: &'static str,
    /// What it does to the document.
    pub severity: Severity,
    /// Where it is.
    pub location: Location,
    /// One sentence in plain words, lower case, no full stop.
    pub message: String,
    /// What the reader of the message can do, lower case, no full stop.
    pub hint: String,
    /// The offending value, cut to 99 characters (the limit of AK404); empty when there is none.
    pub value: String,
    /// How the acknowledgment says it, such as `AK403=7`; empty when it cannot.
    pub ack_code: String,
}
