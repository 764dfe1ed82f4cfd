//! Which control numbers came before.

use super::envelope::parse_number;
use std::collections::HashSet;

/// Control numbers seen in one group or interchange. Numbers, which is what they are but for a few senders, are
/// kept small: a group may hold a million sets.
#[derive(Debug, Default)]
pub(super) struct Seen {
    numbers: HashSet<u64>,
    texts: HashSet<Box<[u8]>>,
}

impl Seen {
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.texts.clear();
    }

    /// Whether `text` is new. `0001` and `1` are two control numbers.
    pub(super) fn insert(&mut self, text: &[u8]) -> bool {
        match parse_number(text) {
            Some(number) if text.len() <= 9 => {
                self.numbers.insert(u64::from(number) << 8 | text.len() as u64)
            }
            _ => self.texts.insert(text.into()),
        }
    }
}
