//! Places in translator files, and faults located there.

use std::sync::Arc;

use crate::finding::{Finding, Location, Severity};

/// A place in a translator or profile file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    /// Name of the file.
    pub file: Arc<str>,
    /// Offset from the start of the file, the first byte is 0.
    pub byte: u64,
    /// Line, the first is 1.
    pub line: u32,
    /// Column in characters, the first is 1.
    pub column: u16,
}

impl Spot {
    /// The place of a byte of a text.
    #[must_use]
    pub fn new(file: &Arc<str>, text: &str, byte: usize) -> Self {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).map_or(0, |line| line.chars().count());
        Self {
            file: Arc::clone(file),
            byte: byte as u64,
            line: u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX),
            column: u16::try_from(column + 1).unwrap_or(u16::MAX),
        }
    }

    /// A place some bytes further on in the same line.
    #[must_use]
    pub fn forward(&self, bytes: usize) -> Self {
        let column = self.column.saturating_add(u16::try_from(bytes).unwrap_or(u16::MAX));
        Self { byte: self.byte + bytes as u64, column, ..self.clone() }
    }

    /// A fault at this place: line in `line`, column in `element`, file in `path`.
    pub(super) fn fault(
        &self,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Finding {
        Finding {
            code,
            severity: Severity::Reject,
            location: Location {
                byte: self.byte,
                line: self.line,
                element: self.column,
                path: self.file.to_string(),
                ..Location::default()
            },
            message: message.into(),
            hint: hint.into(),
            value: String::new(),
            ack_code: String::new(),
        }
    }

    /// A doubt at this place, which does not keep the translator from working.
    pub(super) fn doubt(
        &self,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Finding {
        Finding { severity: Severity::Warning, ..self.fault(code, message, hint) }
    }
}
