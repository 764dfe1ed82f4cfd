//! Code tables: what a document writes beside what the record says.

use std::collections::HashMap;

use super::spot::Spot;

/// The code for every other, on reading: `"*" = "*"` keeps it, `"*" = "other"` gives a word.
pub(super) const REST: &str = "*";

/// A code table. Reading looks a code up; writing takes the first code that has the word.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// Code, word and where it is written, in the order of the file.
    pub(super) rows: Vec<(String, String, Spot)>,
    by_code: HashMap<String, usize>,
    by_word: HashMap<String, usize>,
}

impl Table {
    /// Adds a row; one for a code already present takes its place, and then is the first for its word.
    pub(super) fn insert(&mut self, code: String, word: String, spot: Spot, first: bool) {
        self.rows.retain(|row| row.0 != code);
        let row = (code, word, spot);
        if first {
            self.rows.insert(0, row);
        } else {
            self.rows.push(row);
        }
        self.by_code = self.rows.iter().enumerate().map(|(at, row)| (row.0.clone(), at)).collect();
        self.by_word = self
            .rows
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, row)| row.0 != REST)
            .map(|(at, row)| (row.1.clone(), at))
            .collect();
    }

    /// The word for a code; the inner None when the code stands for itself.
    pub(super) fn word(&self, code: &str) -> Option<Option<&str>> {
        let row = |code: &str| self.by_code.get(code).and_then(|at| self.rows.get(*at));
        if let Some((_, word, _)) = row(code) {
            return Some(Some(word));
        }
        let (_, word, _) = row(REST)?;
        Some((word != REST).then_some(word))
    }

    /// The code for a word; the inner None when the word stands for codes that are not listed.
    pub(super) fn code<'a>(&'a self, word: &'a str) -> Option<Option<&'a str>> {
        if let Some((code, _, _)) = self.by_word.get(word).and_then(|at| self.rows.get(*at)) {
            return Some(Some(code));
        }
        let (_, rest, _) = self.by_code.get(REST).and_then(|at| self.rows.get(*at))?;
        match rest.as_str() {
            REST => Some(Some(word)),
            rest if rest == word => Some(None),
            _ => None,
        }
    }

    /// Codes that are not written again, because another code has the same word.
    pub(super) fn lost(&self) -> impl Iterator<Item = &(String, String, Spot)> {
        self.rows
            .iter()
            .enumerate()
            .filter(|(at, row)| row.0 != REST && self.by_word.get(&row.1) != Some(at))
            .map(|(_, row)| row)
    }
}
