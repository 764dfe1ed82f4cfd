//! Declarations: TOML files that people write, read so that every fault is located and none hides another.

mod words;

pub use words::{parse_duration, suggestion};

use crate::finding::{Finding, Location, Severity};
use chrono::NaiveDate;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One file of declarations.
#[derive(Clone, Debug)]
pub struct Source {
    /// The name people know it by, such as `partner-profiles/acme-3pl.toml`.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// Where a value was said: which source, and which bytes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the source.
    pub source: String,
    /// Bytes of the source, to underline.
    pub span: Range<usize>,
    /// Line, the first is 1.
    pub line: u32,
    /// Column in characters, the first is 1.
    pub column: u16,
}

/// A value and where it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said<T> {
    /// The value.
    pub value: T,
    /// Where.
    pub place: Place,
}

/// Collects findings of several sources.
#[derive(Debug, Default)]
pub struct Faults {
    found: RefCell<Vec<Finding>>,
    known: RefCell<BTreeSet<String>>,
}

impl Faults {
    /// Adds a fault at a place.
    pub fn add(
        &self,
        code: &'static str,
        place: &Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.found.borrow_mut().push(Finding {
            code,
            severity: Severity::Reject,
            location: Location {
                byte: place.span.start as u64,
                line: place.line,
                element: place.column,
                path: place.source.clone(),
                ..Location::default()
            },
            message: message.into(),
            hint: hint.into(),
            value: String::new(),
            ack_code: String::new(),
        });
    }

    /// Adds a finding that is worded already.
    pub fn push(&self, finding: Finding) {
        self.found.borrow_mut().push(finding);
    }

    /// The dotted names of all settings that were asked for in sections that are finished.
    #[must_use]
    pub fn list_known(&self) -> Vec<String> {
        self.known.borrow().iter().cloned().collect()
    }

    /// All findings so far, in order of source and place.
    #[must_use]
    pub fn into_findings(self) -> Vec<Finding> {
        let mut findings = self.found.into_inner();
        findings.sort_by(|a, b| {
            (&a.location.path, a.location.byte, a.code).cmp(&(&b.location.path, b.location.byte, b.code))
        });
        findings.dedup();
        // What else is wrong with a file that is no TOML often only follows from that.
        let broken: BTreeSet<String> = findings
            .iter()
            .filter(|finding| finding.code == "not_toml")
            .map(|finding| finding.location.path.clone())
            .collect();
        findings.retain(|finding| finding.code == "not_toml" || !broken.contains(&finding.location.path));
        findings
    }
}

/// One layer of a section: a table of one source.
#[derive(Clone, Debug)]
struct Layer<'a> {
    source: &'a Source,
    table: &'a DeTable<'a>,
    span: Range<usize>,
}

/// A table of settings, seen through its layers: what a higher layer says stands over the lower ones.
#[derive(Debug)]
pub struct Section<'a> {
    name: String,
    layers: Vec<Layer<'a>>,
    asked: RefCell<BTreeSet<&'static str>>,
    faults: &'a Faults,
}

/// What an entry of a table holds.
#[derive(Debug)]
pub enum Entry<'a> {
    /// A text, or a list of texts.
    Texts(Vec<Said<String>>),
    /// A table of its own.
    Table(Section<'a>),
}

/// A list of texts, one text alone for a list of one; none for anything else.
fn list<'a>(layer: &Layer<'a>, value: &Spanned<DeValue<'a>>) -> Option<Vec<Said<String>>> {
    let said = |value: &Spanned<DeValue<'a>>| {
        let text = value.get_ref().as_str()?;
        Some(Said { value: text.to_owned(), place: place(layer.source, value.span()) })
    };
    match value.get_ref() {
        DeValue::Array(array) => array.iter().map(said).collect(),
        _ => said(value).map(|one| vec![one]),
    }
}

/// Parses a source; what is not TOML becomes a fault, and what could be read is returned all the same.
#[must_use]
pub fn parse<'a>(source: &'a Source, faults: &Faults) -> Spanned<DeTable<'a>> {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        faults.add(
            "not_toml",
            &place(source, span),
            error.message().to_lowercase().trim_end_matches('.').to_owned(),
            "write `key = \"value\"` lines below `[section]` lines; text stands in double quotes",
        );
    }
    table
}

/// The section of the whole sources, lowest layer first.
#[must_use]
pub fn whole<'a>(layers: &[(&'a Source, &'a Spanned<DeTable<'a>>)], faults: &'a Faults) -> Section<'a> {
    let layers = layers
        .iter()
        .rev()
        .map(|(source, table)| Layer { source, table: table.get_ref(), span: table.span() })
        .collect();
    Section { name: String::new(), layers, asked: RefCell::default(), faults }
}

impl<'a> Section<'a> {
    /// Its dotted name, empty for the whole.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it begins in its highest layer.
    #[must_use]
    pub fn place(&self) -> Place {
        self.layers.first().map_or_else(
            || place(&Source { name: String::new(), text: String::new() }, 0..0),
            |layer| {
                let end = layer.source.text.get(layer.span.start..).and_then(|rest| rest.find('\n'));
                let end =
                    end.map_or(layer.span.end, |length| (layer.span.start + length).min(layer.span.end));
                place(layer.source, layer.span.start..end.max(layer.span.start))
            },
        )
    }

    /// A text.
    pub fn text(&self, key: &'static str) -> Option<Said<String>> {
        self.scalar(key, "a text in double quotes", |value| value.as_str().map(str::to_owned))
    }

    /// A text that must be there; when it is not, a fault is noted and an empty text returned.
    pub fn required_text(&self, key: &'static str, hint: &str) -> Said<String> {
        self.text(key).unwrap_or_else(|| {
            if !self.has(key) {
                let place = self.place();
                self.faults.add("setting_missing", &place, format!("{} needs `{key}`", self.title()), hint);
            }
            Said { value: String::new(), place: self.place() }
        })
    }

    /// A text of a certain form; `wanted` says in words which.
    pub fn parsed<T>(
        &self,
        key: &'static str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Said<T>> {
        self.scalar(key, wanted, |value| parse(value.as_str()?))
    }

    /// A day, with or without quotes: `2026-12-31`.
    pub fn day(&self, key: &'static str) -> Option<Said<NaiveDate>> {
        self.scalar(key, "a day as year-month-day, such as 2026-12-31", |value| match value.as_datetime() {
            Some(day) => day.to_string().parse().ok(),
            None => value.as_str()?.parse().ok(),
        })
    }

    /// A whole number that is not negative.
    pub fn number(&self, key: &'static str) -> Option<Said<u64>> {
        self.scalar(key, "a whole number, such as 30", |value| value.as_integer()?.as_str().parse().ok())
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &'static str) -> Option<Said<bool>> {
        self.scalar(key, "true or false", |value| value.as_bool())
    }

    /// A length of time: `90s`, `15m`, `24h`, `1d`.
    pub fn duration(&self, key: &'static str) -> Option<Said<Duration>> {
        self.scalar(key, "a time such as \"30s\", \"15m\", \"24h\" or \"2d\"", |value| {
            parse_duration(value.as_str()?)
        })
    }

    /// The time zone that `time_zone` names.
    pub fn zone(&self) -> Option<chrono_tz::Tz> {
        let said = self.text("time_zone")?;
        let zone = said.value.parse();
        if zone.is_err() {
            let zones: Vec<&str> = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
            let near =
                zones.iter().min_by_key(|zone| strsim::damerau_levenshtein(zone, &said.value)).copied();
            let hint =
                format!("did you mean `{}`? zones are named like America/Chicago", near.unwrap_or("UTC"));
            let message = format!("there is no time zone `{}`", said.value);
            self.fault("time_zone_unknown", &said.place, message, hint);
        }
        zone.ok()
    }

    /// One of a closed list of words.
    pub fn choice<T: Copy>(&self, key: &'static str, choices: &[(&str, T)]) -> Option<Said<T>> {
        let said = self.text(key)?;
        let value = self
            .word(&said, choices, "value_unknown", || format!("`{}` is no value of `{key}`", said.value))?;
        Some(Said { value, place: said.place })
    }

    /// What a word of a closed list stands for; another is a fault that `message` tells.
    pub fn word<T: Copy>(
        &self,
        said: &Said<String>,
        choices: &[(&str, T)],
        code: &'static str,
        message: impl FnOnce() -> String,
    ) -> Option<T> {
        let found = choices.iter().find(|(word, _)| *word == said.value);
        if found.is_none() {
            let words = choices.iter().map(|(word, _)| *word);
            self.faults.add(code, &said.place, message(), suggestion(&said.value, words));
        }
        found.map(|(_, value)| *value)
    }

    /// A list of texts; one text alone stands for a list of one.
    pub fn texts(&self, key: &'static str) -> Vec<Said<String>> {
        let Some((layer, value)) = self.find(key) else { return Vec::new() };
        list(layer, value).unwrap_or_else(|| {
            self.wrong_type(key, layer, value, "a list of texts, such as [\"one\", \"two\"]");
            Vec::new()
        })
    }

    /// A table below this one, through all its layers.
    pub fn section(&self, key: &'static str) -> Option<Section<'a>> {
        self.asked.borrow_mut().insert(key);
        self.below(key)
    }

    /// The tables below the table `key`, each with the name a person gave it.
    pub fn named_sections(&self, key: &'static str) -> Vec<(String, Section<'a>)> {
        let Some(group) = self.section(key) else { return Vec::new() };
        let mut names: Vec<String> = Vec::new();
        for layer in group.layers.iter().rev() {
            for name in layer.table.keys() {
                if !names.iter().any(|known| known == name.get_ref().as_ref()) {
                    names.push(name.get_ref().to_string());
                }
            }
        }
        names.into_iter().filter_map(|name| group.below(&name).map(|section| (name, section))).collect()
    }

    /// The entries of the list of tables `[[key]]`; the highest layer that has any stands.
    pub fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some((layer, value)) = self.find(key) else { return Vec::new() };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, layer, value, &format!("entries that each begin with [[{key}]]"));
            return Vec::new();
        };
        let mut entries = Vec::new();
        for entry in array {
            if let Some(table) = entry.get_ref().as_table() {
                let layer = Layer { source: layer.source, table, span: entry.span() };
                let name = self.dotted(key);
                entries.push(Section {
                    name,
                    layers: vec![layer],
                    asked: RefCell::default(),
                    faults: self.faults,
                });
            } else {
                self.wrong_type(key, layer, entry, &format!("entries that each begin with [[{key}]]"));
            }
        }
        entries
    }

    /// All pairs of the table `key` whose values are texts; a higher layer's pair stands over a lower one's.
    pub fn pairs(&self, key: &'static str) -> Vec<(Said<String>, Said<String>)> {
        let Some(group) = self.section(key) else { return Vec::new() };
        group.own_pairs()
    }

    /// All pairs of this table whose values are texts.
    pub fn own_pairs(&self) -> Vec<(Said<String>, Said<String>)> {
        let mut pairs: Vec<(Said<String>, Said<String>)> = Vec::new();
        for layer in self.layers.iter().rev() {
            for (name, value) in layer.table {
                let Some(text) = value.get_ref().as_str() else {
                    self.wrong_type(name.get_ref(), layer, value, "a text in double quotes");
                    continue;
                };
                let name =
                    Said { value: name.get_ref().to_string(), place: place(layer.source, name.span()) };
                let value = Said { value: text.to_owned(), place: place(layer.source, value.span()) };
                match pairs.iter_mut().find(|(known, _)| known.value == name.value) {
                    Some(pair) => *pair = (name, value),
                    None => pairs.push((name, value)),
                }
            }
        }
        pairs
    }

    /// All entries of this table that are texts, lists of texts or tables; a higher layer's stands over a lower one's.
    pub fn entries(&self) -> Vec<(Said<String>, Entry<'a>)> {
        let mut entries: Vec<(Said<String>, Entry<'a>)> = Vec::new();
        for layer in self.layers.iter().rev() {
            for (name, value) in layer.table {
                let said =
                    Said { value: name.get_ref().to_string(), place: place(layer.source, name.span()) };
                let entry = match (value.get_ref().as_table(), list(layer, value)) {
                    (Some(table), _) => {
                        let layers = vec![Layer { source: layer.source, table, span: value.span() }];
                        let name = self.dotted(&said.value);
                        Entry::Table(Section { name, layers, asked: RefCell::default(), faults: self.faults })
                    }
                    (None, Some(texts)) => Entry::Texts(texts),
                    (None, None) => {
                        let wanted = "a text in double quotes, or a list of texts such as [\"one\", \"two\"]";
                        self.wrong_type(name.get_ref(), layer, value, wanted);
                        continue;
                    }
                };
                entries.retain(|(known, _)| known.value != said.value);
                entries.push((said, entry));
            }
        }
        entries
    }

    /// This section with those of `over` as its highest layers.
    #[must_use]
    pub fn under(mut self, over: Vec<Section<'a>>) -> Section<'a> {
        for section in over {
            self.layers.splice(0..0, section.layers);
        }
        self
    }

    /// This section with all layers of `below` as its lowest.
    #[must_use]
    pub fn over(mut self, below: Option<&Section<'a>>) -> Section<'a> {
        self.layers.extend(below.iter().flat_map(|below| below.layers.iter().cloned()));
        self
    }

    /// Whether any layer says this key.
    #[must_use]
    pub fn has(&self, key: &'static str) -> bool {
        self.find(key).is_some()
    }

    /// Whether `key` is a table, where it may be a text as well.
    #[must_use]
    pub fn is_table(&self, key: &'static str) -> bool {
        self.find(key).is_some_and(|(_, value)| value.get_ref().is_table())
    }

    /// The text of the source that says `key`, as written, for tables that another module reads.
    pub fn raw(&self, key: &'static str) -> Option<Said<String>> {
        let (layer, value) = self.find(key)?;
        let text = layer.source.text.get(value.span()).unwrap_or_default().to_owned();
        Some(Said { value: text, place: place(layer.source, value.span()) })
    }

    /// Notes a fault at a place.
    pub fn fault(
        &self,
        code: &'static str,
        place: &Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.faults.add(code, place, message, hint);
    }

    /// Notes a finding that is worded already.
    pub fn push(&self, finding: Finding) {
        self.faults.push(finding);
    }

    /// The same for a table in which people name further keys.
    pub fn finish_open(&self) {
        let asked = self.asked.borrow();
        self.faults.known.borrow_mut().extend(asked.iter().map(|key| self.dotted(key)));
    }

    /// Notes every key that nobody asked for; call it when all that is known was asked.
    pub fn finish(&self) {
        self.finish_open();
        let asked = self.asked.borrow();
        let known: Vec<&str> = asked.iter().copied().collect();
        for layer in &self.layers {
            for (key, _) in layer.table {
                let name: &str = key.get_ref();
                if !asked.contains(name) {
                    self.faults.add(
                        "setting_unknown",
                        &place(layer.source, key.span()),
                        format!("{} has no setting `{name}`", self.title()),
                        suggestion(name, &known),
                    );
                }
            }
        }
    }

    fn title(&self) -> String {
        if self.name.is_empty() { "this file".to_owned() } else { format!("`{}`", self.name) }
    }

    fn dotted(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    fn below(&self, key: &str) -> Option<Section<'a>> {
        let mut layers = Vec::new();
        for layer in &self.layers {
            let Some(value) = layer.table.get(key) else { continue };
            match value.get_ref().as_table() {
                Some(table) => layers.push(Layer { source: layer.source, table, span: value.span() }),
                None => self.wrong_type(
                    key,
                    layer,
                    value,
                    &format!("{key} = {{ … }}, or a section that begins with [{}]", self.dotted(key)),
                ),
            }
        }
        let name = self.dotted(key);
        (!layers.is_empty()).then(|| Section { name, layers, asked: RefCell::default(), faults: self.faults })
    }

    fn find(&self, key: &'static str) -> Option<(&Layer<'a>, &'a Spanned<DeValue<'a>>)> {
        self.asked.borrow_mut().insert(key);
        self.layers.iter().find_map(|layer| layer.table.get(key).map(|value| (layer, value)))
    }

    fn scalar<T>(
        &self,
        key: &'static str,
        wanted: &str,
        take: impl Fn(&DeValue<'a>) -> Option<T>,
    ) -> Option<Said<T>> {
        let (layer, value) = self.find(key)?;
        match take(value.get_ref()) {
            Some(taken) => Some(Said { value: taken, place: place(layer.source, value.span()) }),
            None => {
                self.wrong_type(key, layer, value, wanted);
                None
            }
        }
    }

    fn wrong_type(&self, key: &str, layer: &Layer<'a>, value: &Spanned<DeValue<'a>>, wanted: &str) {
        let place = place(layer.source, value.span());
        self.faults.add(
            "value_of_wrong_type",
            &place,
            format!("`{key}` cannot be read"),
            format!("write {wanted}"),
        );
    }
}

/// The line of a byte of a source, the first is 1.
#[must_use]
pub fn line(source: &Source, byte: usize) -> u32 {
    let before = source.text.get(..byte).unwrap_or(&source.text);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    u32::try_from(line).unwrap_or(u32::MAX)
}

/// The place of some bytes of a source.
#[must_use]
pub fn place(source: &Source, span: Range<usize>) -> Place {
    let before = source.text.get(..span.start).unwrap_or(&source.text);
    let line = line(source, span.start);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place { source: source.name.clone(), span, line, column: u16::try_from(column).unwrap_or(u16::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str) -> Source {
        Source { name: name.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_higher_layer_stands_over_a_lower_one() {
        let (low, high) = (source("low", "[a]\nx = 'low'\ny = 'low'"), source("high", "[a]\nx = 'high'"));
        let faults = Faults::default();
        let (low_table, high_table) = (parse(&low, &faults), parse(&high, &faults));
        let section = whole(&[(&low, &low_table), (&high, &high_table)], &faults);
        let a = section.section("a").expect("both layers have it");
        assert_eq!(a.text("x").map(|said| said.value).as_deref(), Some("high"));
        assert_eq!(a.text("y").map(|said| said.place.source).as_deref(), Some("low"));
    }

    #[test]
    fn all_faults_are_told_at_once_with_their_places() {
        let text = source("file", "[partner]\nidd = 'x'\nport = 'abc'\nlate = '3 weeks'");
        let faults = Faults::default();
        let table = parse(&text, &faults);
        let section = whole(&[(&text, &table)], &faults);
        let partner = section.section("partner").expect("it is there");
        let id = partner.required_text("id", "write the partner's id");
        assert!(
            id.value.is_empty() && partner.number("port").is_none() && partner.duration("late").is_none()
        );
        partner.finish();
        let findings = {
            drop(section);
            faults.into_findings()
        };
        let told: Vec<(u32, &str)> = findings.iter().map(|f| (f.location.line, f.code)).collect();
        let expected = [
            (1, "setting_missing"),
            (2, "setting_unknown"),
            (3, "value_of_wrong_type"),
            (4, "value_of_wrong_type"),
        ];
        assert_eq!(told, expected);
        assert!(findings.iter().any(|finding| finding.hint.contains("did you mean `id`")));
    }
}
