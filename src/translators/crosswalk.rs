//! Crosswalks: master data that says which of our words a partner's code is, by partner and date.

use std::collections::HashMap;

use chrono::NaiveDate;

use super::function::Misfit;
use super::spot::Spot;
use crate::finding::Finding;
use crate::store::{CrosswalkEntry, MADE_OF, MadeOf};

/// What becomes of a value that a crosswalk does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenUnknown {
    /// The document is refused.
    Refuse,
    /// The file is kept aside until a person has loaded the value and lets it go on.
    Hold,
    /// The value stays as it is, with a warning.
    Pass,
}

impl WhenUnknown {
    /// Each with its word in profiles and translators.
    pub const ALL: [(&'static str, Self); 3] =
        [("refuse", Self::Refuse), ("hold", Self::Hold), ("pass", Self::Pass)];
}

/// The code of a finding about a value that is to be held.
pub const HELD: &str = "value_held";

/// A named crosswalk, ready to be asked both ways.
#[derive(Clone, Debug, Default)]
struct Crosswalk {
    rows: Vec<CrosswalkEntry>,
    by_code: HashMap<String, Vec<usize>>,
    by_word: HashMap<String, Vec<usize>>,
}

/// All crosswalks that translators in force may ask.
#[derive(Clone, Debug, Default)]
pub struct Crosswalks {
    by_name: HashMap<String, Crosswalk>,
}

impl FromIterator<CrosswalkEntry> for Crosswalks {
    fn from_iter<E: IntoIterator<Item = CrosswalkEntry>>(entries: E) -> Self {
        let mut all = Self::default();
        for entry in entries {
            let crosswalk = all.by_name.entry(entry.name.clone()).or_default();
            let at = crosswalk.rows.len();
            crosswalk.by_code.entry(entry.code.clone()).or_default().push(at);
            crosswalk.by_word.entry(entry.word.clone()).or_default().push(at);
            crosswalk.rows.push(entry);
        }
        all
    }
}

/// Who asks the crosswalks, and for which day.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    crosswalks: Option<&'a Crosswalks>,
    partner: &'a str,
    on: NaiveDate,
}

impl<'a> Lookup<'a> {
    /// Asks for a partner's document of a day.
    #[must_use]
    pub fn new(crosswalks: &'a Crosswalks, partner: &'a str, on: NaiveDate) -> Self {
        Self { crosswalks: Some(crosswalks), partner, on }
    }

    /// For translators that ask no crosswalk: every one is empty.
    #[must_use]
    pub fn none() -> Self {
        Self { crosswalks: None, partner: "", on: NaiveDate::MIN }
    }

    /// The rows that count: the partner's own, or else those of every partner.
    fn rows(
        &self,
        name: &str,
        of: impl Fn(&'a Crosswalk) -> Option<&'a Vec<usize>>,
    ) -> Vec<&'a CrosswalkEntry> {
        let Some(crosswalk) = self.crosswalks.and_then(|all| all.by_name.get(name)) else {
            return Vec::new();
        };
        let counts =
            |row: &&CrosswalkEntry| row.valid_from <= self.on && row.valid_to.is_none_or(|to| self.on <= to);
        let valid: Vec<&CrosswalkEntry> = of(crosswalk)
            .into_iter()
            .flatten()
            .filter_map(|at| crosswalk.rows.get(*at))
            .filter(counts)
            .collect();
        let own: Vec<&CrosswalkEntry> = valid
            .iter()
            .copied()
            .filter(|row| row.partner == self.partner && !row.partner.is_empty())
            .collect();
        if own.is_empty() { valid.into_iter().filter(|row| row.partner.is_empty()).collect() } else { own }
    }

    /// Whether there is any row that counts.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        let rows = self.crosswalks.and_then(|all| all.by_name.get(name)).map(|crosswalk| &crosswalk.rows);
        rows.into_iter().flatten().any(|row| {
            let whose = row.partner.is_empty() || row.partner == self.partner;
            whose && row.valid_from <= self.on && row.valid_to.is_none_or(|to| self.on <= to)
        })
    }

    /// The word for a code. Of several valid rows the one that began last counts.
    pub(super) fn word(&self, name: &str, code: &str) -> Result<&'a str, Box<Misfit>> {
        let rows = self.rows(name, |crosswalk| crosswalk.by_code.get(code));
        let row = rows.into_iter().max_by_key(|row| row.valid_from);
        row.map(|row| row.word.as_str()).ok_or_else(|| self.unknown(name, code, |made| made.code, "code"))
    }

    /// The code for a word: the only one, or the preferred one.
    pub(super) fn code(&self, name: &str, word: &str) -> Result<&'a str, Box<Misfit>> {
        let rows = self.rows(name, |crosswalk| crosswalk.by_word.get(word));
        let preferred: Vec<_> = rows.iter().copied().filter(|row| row.preferred).collect();
        let mut codes: Vec<&str> = if preferred.is_empty() { &rows } else { &preferred }
            .iter()
            .map(|row| row.code.as_str())
            .collect();
        codes.sort_unstable();
        codes.dedup();
        match codes.as_slice() {
            [] => Err(self.unknown(name, word, |made| made.word, "word")),
            [code] => Ok(code),
            several => Err(Misfit::new(
                "several_codes",
                format!("crosswalk `{name}` has several codes for `{word}`: {}", several.join(", ")),
                "mark the one to write with Y in the column `preferred`, and load the file again",
            )),
        }
    }

    /// What to tell of a crosswalk that holds no row.
    pub(super) fn unloaded(&self, name: &str, unknown: WhenUnknown, spot: &Spot) -> Finding {
        let kind = MADE_OF.iter().find(|made| made.name == name).map_or(name, |made| made.kind);
        let follows = match unknown {
            WhenUnknown::Refuse => "every document with such a value is refused",
            WhenUnknown::Hold => "every document with such a value waits for a person",
            WhenUnknown::Pass => "every such value stays as it is, with a warning",
        };
        spot.doubt(
            "master_data_missing",
            format!("the master data `{name}` holds no row for {} on {}: {follows}", self.partner, self.on),
            format!("load it: `crossdock data load {kind} FILE.csv`"),
        )
    }

    fn unknown(&self, name: &str, value: &str, of: fn(&MadeOf) -> &'static str, own: &str) -> Box<Misfit> {
        let whose =
            if self.partner.is_empty() { String::new() } else { format!(" for partner {}", self.partner) };
        let made = MADE_OF.iter().find(|made| made.name == name);
        let (kind, column) = made.map_or((name, own), |made| (made.kind, of(made)));
        Misfit::new(
            "value_unknown",
            format!("`{value}` is not in the master data `{name}`{whose} on {}", self.on),
            format!(
                "add a row with {column} `{value}` to the CSV file and load it: `crossdock data load {kind} FILE.csv`"
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn row(partner: &str, code: &str, word: &str, from: &str, to: &str, preferred: bool) -> CrosswalkEntry {
        let day = |text: &str| (!text.is_empty()).then(|| day(text));
        CrosswalkEntry {
            name: "item".to_owned(),
            partner: partner.to_owned(),
            code: code.to_owned(),
            word: word.to_owned(),
            preferred,
            valid_from: day(from).unwrap_or(NaiveDate::MIN),
            valid_to: day(to),
        }
    }

    #[test]
    fn the_partners_own_rows_of_the_day_go_first_and_an_unclear_way_back_is_told() {
        let all = Crosswalks::from_iter([
            row("", "A-1", "SKU-1", "", "", false),
            row("north", "A-1", "SKU-9", "2026-03-01", "2026-06-30", false),
            row("north", "B-1", "SKU-2", "", "", false),
            row("north", "B-2", "SKU-2", "", "", false),
            row("north", "C-1", "SKU-3", "", "", false),
            row("north", "C-2", "SKU-3", "", "", true),
            row("north", "D-1", "SKU-4", "2026-01-01", "", false),
            row("north", "D-1", "SKU-5", "2026-05-01", "", false),
        ]);
        let ask = |partner, on: &str| Lookup::new(&all, partner, day(on));
        let word = |partner, on, code| ask(partner, on).word("item", code).map_err(|misfit| misfit.code);
        assert_eq!(word("north", "2026-03-01", "A-1"), Ok("SKU-9"));
        assert_eq!(word("north", "2026-06-30", "A-1"), Ok("SKU-9"));
        assert_eq!(word("north", "2026-07-01", "A-1"), Ok("SKU-1"));
        assert_eq!(word("south", "2026-03-01", "A-1"), Ok("SKU-1"));
        assert_eq!(word("south", "2026-03-01", "B-1"), Err("value_unknown"));
        assert_eq!(word("north", "2026-06-01", "D-1"), Ok("SKU-5"));
        let code =
            |partner, word| ask(partner, "2026-04-01").code("item", word).map_err(|misfit| misfit.code);
        assert_eq!(code("north", "SKU-2"), Err("several_codes"));
        assert_eq!(code("north", "SKU-3"), Ok("C-2"));
        assert_eq!(code("north", "SKU-1"), Ok("A-1"));
        assert_eq!(code("north", "SKU-7"), Err("value_unknown"));
    }
}
