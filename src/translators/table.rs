//! Code tables: what a document writes beside what the record says.

use std::collections::HashMap;

use super::spot::Spot;

/// The code for every other, on reading: `"*" = "*"` keeps it, `"*" = "other"` gives a word.
pub(super) const REST: &str = "*";

/// A code table. Reading looks a code up; writing takes the first code that has the word.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Code, word and where it is written, in the order of the file.
    pub(super) rows: Vec<(String, String, Spot)>,
    /// Rows in the order of their codes, by the first eight bytes of each.
    by_code: Vec<(u64, usize)>,
    by_word: HashMap<String, usize>,
}

impl Table {
    /// A table of these rows; of several for one code the last counts.
    pub(super) fn new(mut rows: Vec<(String, String, Spot)>) -> Self {
        let mut last: HashMap<String, usize> = HashMap::new();
        last.extend(rows.iter().enumerate().map(|(at, row)| (row.0.clone(), at)));
        let mut at = 0..;
        rows.retain(|row| last.get(&row.0) == at.next().as_ref());
        let mut by_code: Vec<_> = rows.iter().enumerate().map(|(at, row)| (head(&row.0), at)).collect();
        by_code.sort_unstable();
        let written = rows.iter().enumerate().rev().filter(|(_, row)| row.0 != REST);
        let by_word = written.map(|(at, row)| (row.1.clone(), at)).collect();
        Self { rows, by_code, by_word }
    }

    /// The word for a code; the inner None when the code stands for itself.
    pub(super) fn word(&self, code: &str) -> Option<Option<&str>> {
        if let Some((_, word, _)) = self.row(code) {
            return Some(Some(word));
        }
        let (_, word, _) = self.row(REST)?;
        Some((word != REST).then_some(word))
    }

    /// The code for a word; the inner None when the word stands for codes that are not listed.
    pub(super) fn code<'a>(&'a self, word: &'a str) -> Option<Option<&'a str>> {
        if let Some((code, _, _)) = self.by_word.get(word).and_then(|at| self.rows.get(*at)) {
            return Some(Some(code));
        }
        let (_, rest, _) = self.row(REST)?;
        match rest.as_str() {
            REST => Some(Some(word)),
            rest if rest == word => Some(None),
            _ => None,
        }
    }

    fn row(&self, code: &str) -> Option<&(String, String, Spot)> {
        let head = head(code);
        let first = self.by_code.partition_point(|(other, _)| *other < head);
        let alike = self.by_code.get(first..)?.iter().take_while(|(other, _)| *other == head);
        alike.filter_map(|(_, at)| self.rows.get(*at)).find(|row| row.0 == code)
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

/// The first eight bytes of a code as one number.
fn head(code: &str) -> u64 {
    code.bytes().take(8).fold(0, |head, byte| head << 8 | u64::from(byte))
}
