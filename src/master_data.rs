//! Master data files: the columns of each kind, a CSV file read into rows with every fault told, and written back.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::finding::{Finding, Location, Severity};
use crate::formats::delimited::{self, Layout};
use crate::formats::x12::lexer::{Lines, Window};
use crate::store::{CrosswalkEntry, MADE_OF, MadeOf, MasterTable};
use crate::tree::{Key, NodeId, Tree};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Any text.
    Text,
    /// The id of a partner profile.
    Partner,
    /// A number above zero, exact.
    Quantity,
    /// An amount of money, zero or more, exact.
    Amount,
    /// Three capitals, as in ISO 4217.
    Currency,
    /// A carrier's code of two to four capitals.
    Scac,
    /// 8, 12, 13 or 14 digits, the last one of them the check digit (GS1).
    Gtin,
    /// Y or N; empty is N.
    YesNo,
    /// `YYYY-MM-DD`.
    Date,
}

/// One column of a kind.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name in the header row and in the table.
    pub name: &'static str,
    /// What it holds.
    pub holds: Holds,
    /// Whether every row must fill it.
    pub required: bool,
    /// Whether it tells rows apart, together with the others that do and the first day.
    pub key: bool,
}

/// A kind of master data.
#[derive(Clone, Debug)]
pub struct Kind {
    /// Its word in commands.
    pub word: String,
    /// Where it is kept.
    pub table: MasterTable,
    /// Its columns.
    pub columns: &'static [Column],
}

const fn key(name: &'static str, holds: Holds) -> Column {
    Column { name, holds, required: true, key: true }
}

const fn maybe_key(name: &'static str, holds: Holds) -> Column {
    Column { name, holds, required: false, key: true }
}

const fn must(name: &'static str, holds: Holds) -> Column {
    Column { name, holds, required: true, key: false }
}

const fn may(name: &'static str, holds: Holds) -> Column {
    Column { name, holds, required: false, key: false }
}

const FROM: Column = may("valid_from", Holds::Date);
const TO: Column = may("valid_to", Holds::Date);

const ITEMS: &[Column] = &[
    key("sku", Holds::Text),
    may("name", Holds::Text),
    may("upc", Holds::Gtin),
    may("gtin", Holds::Gtin),
    may("unit", Holds::Text),
    may("catch_weight", Holds::YesNo),
    FROM,
    TO,
];
const ITEM_NUMBERS: &[Column] = &[
    key("partner", Holds::Partner),
    key("number", Holds::Text),
    must("sku", Holds::Text),
    may("preferred", Holds::YesNo),
    FROM,
    TO,
];
const PACKS: &[Column] = &[
    key("sku", Holds::Text),
    key("unit", Holds::Text),
    must("quantity", Holds::Quantity),
    key("of_unit", Holds::Text),
    FROM,
    TO,
];
const PRICES: &[Column] = &[
    key("sku", Holds::Text),
    maybe_key("partner", Holds::Partner),
    key("unit", Holds::Text),
    key("currency", Holds::Currency),
    must("price", Holds::Amount),
    FROM,
    TO,
];
const LOCATIONS: &[Column] = &[
    maybe_key("partner", Holds::Partner),
    key("code", Holds::Text),
    must("location", Holds::Text),
    may("name", Holds::Text),
    may("street", Holds::Text),
    may("city", Holds::Text),
    may("state", Holds::Text),
    may("postal_code", Holds::Text),
    may("country", Holds::Text),
    may("preferred", Holds::YesNo),
    FROM,
    TO,
];
const CARRIERS: &[Column] = &[
    maybe_key("partner", Holds::Partner),
    key("code", Holds::Text),
    must("scac", Holds::Scac),
    may("name", Holds::Text),
    may("mode", Holds::Text),
    may("preferred", Holds::YesNo),
    FROM,
    TO,
];
const CROSSWALK: &[Column] = &[
    maybe_key("partner", Holds::Partner),
    key("code", Holds::Text),
    must("word", Holds::Text),
    may("preferred", Holds::YesNo),
    FROM,
    TO,
];

/// The kinds that are there without being named.
pub const TABLES: [(&str, MasterTable, &[Column]); 6] = [
    ("items", MasterTable::Items, ITEMS),
    ("item-numbers", MasterTable::ItemNumbers, ITEM_NUMBERS),
    ("packs", MasterTable::Packs, PACKS),
    ("prices", MasterTable::Prices, PRICES),
    ("locations", MasterTable::Locations, LOCATIONS),
    ("carriers", MasterTable::Carriers, CARRIERS),
];

/// The first day of a row that always counted.
const ALWAYS: &str = "0001-01-01";

impl Kind {
    /// The kind of this word: one of [`TABLES`], or a crosswalk of the name.
    ///
    /// # Errors
    /// A message and a hint, when no crosswalk can have the name.
    pub fn find(word: &str) -> Result<Self, (String, String)> {
        if let Some((word, table, columns)) = TABLES.into_iter().find(|(known, ..)| *known == word) {
            return Ok(Self { word: word.to_owned(), table, columns });
        }
        if let Some(MadeOf { kind, .. }) = MADE_OF.iter().find(|made| made.name == word) {
            let hint = format!("load them instead: `crossdock data load {kind} FILE.csv`");
            return Err((format!("the crosswalk `{word}` is made of the {kind}"), hint));
        }
        let sound = word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && word.len() <= 40;
        if !sound {
            let kinds: Vec<&str> = TABLES.iter().map(|(word, ..)| *word).collect();
            let hint = format!(
                "kinds are {}; any other name is a crosswalk of your own, in small letters, digits and `_`, as in `route_code`",
                kinds.join(", ")
            );
            return Err((format!("`{word}` is no kind of master data and no name of a crosswalk"), hint));
        }
        Ok(Self { word: word.to_owned(), table: MasterTable::Crosswalk, columns: CROSSWALK })
    }
}

/// Reads a CSV file of a kind: JSON objects of its columns, or every fault of the file. `partners` are the ids
/// of all profiles.
///
/// # Errors
/// All faults at once, each with its line, and its column in `path`.
pub fn read(kind: &Kind, bytes: &[u8], partners: &[&str]) -> Result<Vec<Value>, Vec<Finding>> {
    let names = move |required: bool| {
        kind.columns
            .iter()
            .filter(move |column| column.required == required)
            .map(|column| column.name.to_owned())
    };
    let layout = Layout {
        name: kind.word.clone(),
        columns: names(true).collect(),
        optional: names(false).collect(),
        ..Layout::default()
    };
    let (trees, mut found) = delimited::read(bytes, &layout);
    let lines = Lines::of(bytes);
    let window = Window::indexed(bytes, &lines);
    let mut rows = Vec::new();
    let mut earlier: BTreeMap<Vec<String>, Vec<(NaiveDate, NaiveDate, u32)>> = BTreeMap::new();
    for tree in &trees {
        for node in tree.children(tree.root()) {
            let mut reader = RowReader { tree, node, window, partners, found: &mut found, days: Vec::new() };
            let before = reader.found.len();
            let row = reader.row(kind);
            let sound = reader.found.len() == before;
            let (from, to) = reader.period();
            let line = window.line_of(tree.origin(node).byte);
            let names = kind.columns.iter().filter(|column| column.key);
            let key: Vec<String> =
                names.map(|column| row.get(column.name).map(plain).unwrap_or_default()).collect();
            let same = earlier.entry(key).or_default();
            if sound
                && let Some((.., other)) = same.iter().find(|(start, end, _)| *start <= to && from <= *end)
            {
                let message = format!("lines {other} and {line} are about the same on the same days");
                let hint =
                    "take one out, or end the earlier one by `valid_to` the day before the later one begins";
                found.push(fault(tree, node, window, "", "row_twice", message, hint));
            }
            same.push((from, to, line));
            rows.push(Value::Object(row));
        }
    }
    if !found.is_empty() {
        found.sort_by_key(|finding| finding.location.line);
        return Err(found);
    }
    Ok(rows)
}

/// Writes rows of a kind as the CSV file that would load them.
///
/// # Panics
/// Never: memory takes it.
#[must_use]
pub fn write(kind: &Kind, rows: &[Value]) -> Vec<u8> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let told = "memory takes it";
    out.write_record(kind.columns.iter().map(|column| column.name)).expect(told);
    for row in rows {
        let cells = kind.columns.iter().map(|column| match row.get(column.name) {
            Some(Value::Bool(true)) => "Y".to_owned(),
            Some(Value::Bool(false)) | None => String::new(),
            Some(Value::String(text)) if column.holds == Holds::Date && text == ALWAYS => String::new(),
            Some(value) => plain(value),
        });
        out.write_record(cells).expect(told);
    }
    out.into_inner().expect(told)
}

/// The rows of crosswalks that rows of a kind make, as the database would.
#[must_use]
pub fn crosswalk_entries(kind: &Kind, rows: &[Value]) -> Vec<CrosswalkEntry> {
    let mut named: Vec<(&str, &str, &str)> = MADE_OF
        .iter()
        .filter(|made| made.table == kind.table)
        .map(|made| (made.name, made.code, made.word))
        .collect();
    if kind.table == MasterTable::Crosswalk {
        named.push((&kind.word, "code", "word"));
    }
    let text = |row: &Value, column: &str| row.get(column).and_then(Value::as_str).map(str::to_owned);
    let day = |row: &Value, column: &str| text(row, column).and_then(|day| day.parse().ok());
    let entries = rows.iter().flat_map(|row| {
        named.iter().filter_map(|(name, code, word)| {
            Some(CrosswalkEntry {
                name: (*name).to_owned(),
                partner: text(row, "partner").unwrap_or_default(),
                code: text(row, code)?,
                word: text(row, word)?,
                preferred: row.get("preferred").and_then(Value::as_bool).unwrap_or(false),
                valid_from: day(row, "valid_from").unwrap_or(NaiveDate::MIN),
                valid_to: day(row, "valid_to"),
            })
        })
    });
    entries.collect()
}

/// The rows that count on the same days as a loaded one about the same, each told in a sentence. A row that begins on
/// the same day takes the loaded one's place, and is not told.
#[must_use]
pub fn overlaps(kind: &Kind, rows: &[Value], loaded: &[Value]) -> Vec<String> {
    let of = |row: &Value, name: &str| row.get(name).map(plain).unwrap_or_default();
    let key = |row: &Value| -> Vec<String> {
        kind.columns.iter().filter(|column| column.key).map(|column| of(row, column.name)).collect()
    };
    let days = |row: &Value| {
        let first = of(row, "valid_from").parse().unwrap_or(NaiveDate::MIN);
        (first, of(row, "valid_to").parse().unwrap_or(NaiveDate::MAX))
    };
    let mut by_key: HashMap<Vec<String>, Vec<(NaiveDate, NaiveDate)>> = HashMap::new();
    for row in rows {
        by_key.entry(key(row)).or_default().push(days(row));
    }
    let mut told = Vec::new();
    for row in loaded {
        let key = key(row);
        let Some(new) = by_key.get(&key) else { continue };
        let (from, to) = days(row);
        // What takes its place does away with it.
        if new.iter().any(|(start, _)| *start == from) {
            continue;
        }
        let since = |day: NaiveDate| {
            if day <= ALWAYS.parse().unwrap_or(NaiveDate::MIN) {
                String::from("which always counted")
            } else {
                format!("from {day} on")
            }
        };
        let what: Vec<&str> = key.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        told.extend(new.iter().filter(|(start, end)| *start <= to && from <= *end).map(|(start, _)| {
            format!(
                "{}: the row {} and the one that is loaded, {}, are about the same days",
                what.join(" "),
                since(*start),
                since(from)
            )
        }));
    }
    told
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn fault(
    tree: &Tree,
    node: NodeId,
    window: Window<'_>,
    column: &str,
    code: &'static str,
    message: impl Into<String>,
    hint: impl Into<String>,
) -> Finding {
    let byte = tree.origin(node).byte;
    Finding {
        code,
        severity: Severity::Reject,
        location: Location {
            byte,
            line: window.line_of(byte),
            segment: "row".to_owned(),
            path: column.to_owned(),
            ..Location::default()
        },
        message: message.into(),
        hint: hint.into(),
        value: tree.text(node, Key::Name(column)).unwrap_or_default().chars().take(99).collect(),
        ack_code: String::new(),
    }
}

struct RowReader<'a> {
    tree: &'a Tree,
    node: NodeId,
    window: Window<'a>,
    partners: &'a [&'a str],
    found: &'a mut Vec<Finding>,
    days: Vec<(&'static str, NaiveDate)>,
}

impl RowReader<'_> {
    fn row(&mut self, kind: &Kind) -> Map<String, Value> {
        let mut row = Map::new();
        for column in kind.columns {
            let text = self.tree.text(self.node, Key::Name(column.name)).unwrap_or_default().trim();
            if text.is_empty() {
                if column.required {
                    let message = format!("`{}` is empty", column.name);
                    let hint = "fill it in, or take the row out";
                    self.found.push(fault(
                        self.tree,
                        self.node,
                        self.window,
                        column.name,
                        "value_missing",
                        message,
                        hint,
                    ));
                }
                continue;
            }
            match self.value(column, text) {
                Ok(value) => {
                    row.insert(column.name.to_owned(), value);
                }
                Err((message, hint)) => {
                    let message = format!("`{}` says `{text}`, {message}", column.name);
                    self.found.push(fault(
                        self.tree,
                        self.node,
                        self.window,
                        column.name,
                        "value_wrong",
                        message,
                        hint,
                    ));
                }
            }
        }
        if let (Some(from), Some(to)) = (self.day("valid_from"), self.day("valid_to"))
            && to < from
        {
            let message = format!("the row ends on {to}, before it begins on {from}");
            let hint = "valid_from is its first day and valid_to its last";
            self.found.push(fault(
                self.tree,
                self.node,
                self.window,
                "valid_to",
                "ends_before_it_begins",
                message,
                hint,
            ));
        }
        row.entry("valid_from").or_insert_with(|| Value::from(ALWAYS));
        row
    }

    fn value(&mut self, column: &Column, text: &str) -> Result<Value, (String, String)> {
        let wrong = |message: &str, hint: &str| Err((message.to_owned(), hint.to_owned()));
        match column.holds {
            Holds::Text => Ok(Value::from(text)),
            Holds::Partner if self.partners.contains(&text) => Ok(Value::from(text)),
            Holds::Partner => {
                let hint = crate::declaration::suggestion(text, self.partners.iter().copied());
                wrong("but there is no such partner profile", &hint)
            }
            Holds::Quantity | Holds::Amount => match text.parse::<Decimal>() {
                Ok(number) if column.holds == Holds::Quantity && number <= Decimal::ZERO => wrong(
                    "which is not above zero",
                    "write how many of `of_unit` one `unit` holds, such as 12",
                ),
                Ok(number) if number.is_sign_negative() && !number.is_zero() => {
                    wrong("which is below zero", "write the price as a plain number, such as 12.50")
                }
                Ok(number) => Ok(Value::from(number.to_string())),
                Err(_) => wrong(
                    "which is no number",
                    "write digits and a point, such as 12.50, without thousands separators",
                ),
            },
            Holds::Currency if text.len() == 3 && text.chars().all(|c| c.is_ascii_uppercase()) => {
                Ok(Value::from(text))
            }
            Holds::Currency => wrong("which is no currency", "write its three capitals, such as USD"),
            Holds::Scac if (2..=4).contains(&text.len()) && text.chars().all(|c| c.is_ascii_uppercase()) => {
                Ok(Value::from(text))
            }
            Holds::Scac => {
                wrong("which is no carrier's code", "write its SCAC: two to four capitals, such as ODFL")
            }
            Holds::Gtin if is_gtin(text) => Ok(Value::from(text)),
            Holds::Gtin => wrong(
                "which is no UPC or GTIN",
                "write 8, 12, 13 or 14 digits with the right check digit; a spreadsheet may have dropped leading zeros",
            ),
            Holds::YesNo => match text {
                "Y" | "y" => Ok(Value::Bool(true)),
                "N" | "n" => Ok(Value::Bool(false)),
                _ => wrong("which is neither Y nor N", "write Y, or leave it empty"),
            },
            Holds::Date => match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
                Ok(day) => {
                    self.days.push((column.name, day));
                    Ok(Value::from(day.to_string()))
                }
                Err(_) => wrong("which is no date", "write it as 2026-11-25"),
            },
        }
    }

    fn day(&self, name: &str) -> Option<NaiveDate> {
        self.days.iter().find(|(column, _)| *column == name).map(|(_, day)| *day)
    }

    /// First and last day.
    fn period(&self) -> (NaiveDate, NaiveDate) {
        (self.day("valid_from").unwrap_or(NaiveDate::MIN), self.day("valid_to").unwrap_or(NaiveDate::MAX))
    }
}

/// Whether the digits end in their check digit: weighted by 3 and 1 from the right they come to tens.
fn is_gtin(text: &str) -> bool {
    if !matches!(text.len(), 8 | 12 | 13 | 14) || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let weighted = text.bytes().rev().zip([1, 3].into_iter().cycle());
    weighted.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_tell_what_a_spreadsheet_did_to_a_number() {
        for sound in ["036000291452", "4006381333931", "96385074", "10614141000415"] {
            assert!(is_gtin(sound), "{sound}");
        }
        for broken in ["36000291452", "036000291453", "03600029145X", ""] {
            assert!(!is_gtin(broken), "{broken}");
        }
    }

    #[test]
    fn a_sound_file_comes_back_as_it_was() {
        let text = "sku,partner,unit,currency,price,valid_from,valid_to\n\
                    DF-2050,,CS,USD,27.40,,\n\"B,1\",north-stores,EA,USD,0.1050,2026-01-01,2026-12-31\n";
        let kind = Kind::find("prices").expect("it is known");
        let rows = read(&kind, text.as_bytes(), &["north-stores"]).expect("it is sound");
        assert_eq!(String::from_utf8(write(&kind, &rows)).expect("it is text"), text);
    }

    #[test]
    fn every_fault_of_a_file_is_told_at_once_with_what_to_write() {
        let text = "partner,code,word,preferred,valid_from,valid_to\n\
                    nort-stores,A,B,,,\n,A,,maybe,01/02/2026,\n,C,D,,2026-05-01,2026-04-01\n,E,F,,,\n,E,G,Y,2026-01-01,\n";
        let kind = Kind::find("route_code").expect("a name");
        let found = read(&kind, text.as_bytes(), &["north-stores", "acme-3pl"]).expect_err("it is faulty");
        let told: Vec<String> = found
            .iter()
            .map(|one| format!("{} {}: {}; {}", one.location.line, one.location.path, one.message, one.hint))
            .collect();
        let expected = [
            "2 partner: `partner` says `nort-stores`, but there is no such partner profile; did you mean `north-stores`? known are `north-stores`, `acme-3pl`",
            "3 word: `word` is empty; fill it in, or take the row out",
            "3 preferred: `preferred` says `maybe`, which is neither Y nor N; write Y, or leave it empty",
            "3 valid_from: `valid_from` says `01/02/2026`, which is no date; write it as 2026-11-25",
            "4 valid_to: the row ends on 2026-04-01, before it begins on 2026-05-01; valid_from is its first day and valid_to its last",
            "6 : lines 5 and 6 are about the same on the same days; take one out, or end the earlier one by `valid_to` the day before the later one begins",
        ];
        assert_eq!(told, expected);
    }
}
