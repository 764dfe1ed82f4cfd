//! A translator file as written: TOML turned into blocks, with the place of everything.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::crosswalk::WhenUnknown;
use super::layout_keys::read_layout;
use super::spot::Spot;
use super::{Format, Layout};
use crate::canonical::RecordKind;
use crate::declaration::Source;
use crate::declaration::suggestion;
use crate::finding::Finding;

/// A text of the file and where it begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) spot: Spot,
}

/// Fields, loops, constants and computed figures of one node of the document.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    pub(super) fields: Vec<FieldDefinition>,
    pub(super) eaches: Vec<EachDefinition>,
    pub(super) constants: Vec<ConstantDefinition>,
    pub(super) computed: Vec<(Text, Text)>,
    pub(super) uses: Vec<Text>,
}

/// One field and its place.
#[derive(Clone, Debug)]
pub(super) struct FieldDefinition {
    pub(super) field: Text,
    pub(super) at: Text,
    pub(super) qualifier: Option<Text>,
    pub(super) read: bool,
    pub(super) write: WriteWhen,
    pub(super) required: bool,
}

/// When a field is written to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteWhen {
    /// Always.
    Always,
    /// When no field before it has filled the place.
    IfEmpty,
    /// Never.
    Never,
}

/// One loop of the document and the list or group it goes to.
#[derive(Clone, Debug)]
pub(super) struct EachDefinition {
    /// Tells definitions apart, also after an overlay has copied one.
    pub(super) id: u32,
    pub(super) of: Text,
    pub(super) into: Option<Text>,
    /// Whether the record is written there; a second place of one list is only read.
    pub(super) write: bool,
    pub(super) block: Block,
}

/// A text that always stands at a place.
#[derive(Clone, Debug)]
pub(super) struct ConstantDefinition {
    pub(super) at: Text,
    pub(super) value: String,
    /// Written even where nothing else of its node is.
    pub(super) always: bool,
}

/// A translator file.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    pub(super) record: RecordKind,
    pub(super) format: Format,
    pub(super) set: String,
    pub(super) versions: Vec<String>,
    pub(super) block: Block,
    pub(super) parts: BTreeMap<String, Block>,
    pub(super) tables: BTreeMap<String, Vec<(Text, Text)>>,
    /// Crosswalks by name, each with where it is named.
    pub(super) crosswalks: BTreeMap<String, (WhenUnknown, Spot)>,
    pub(super) drops: Vec<Text>,
    pub(super) layout: Layout,
    pub(super) next_id: u32,
}

/// Walks a TOML document and gathers what is wrong with it.
pub(super) struct Walk<'t> {
    source: &'t str,
    file: Arc<str>,
    pub(super) found: Vec<Finding>,
    next_id: u32,
}

/// A key, where it stands, and its value.
pub(super) type Entry<'t> = (&'t str, Spot, &'t Spanned<DeValue<'t>>);

const BLOCK_KEYS: [&str; 5] = ["fields", "each", "constants", "computed", "use"];
const ROOT_KEYS: [&str; 9] =
    ["record", "format", "set", "versions", "parts", "tables", "crosswalks", "drops", "layout"];

impl Definition {
    /// Reads a translator file.
    pub(super) fn parse(text: &str, file: &str) -> Result<Self, Vec<Finding>> {
        let mut walk = Walk { source: text, file: Arc::from(file), found: Vec::new(), next_id: 0 };
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let byte = error.span().map_or(0, |span| span.start);
            let message = error.message().lines().next().unwrap_or("the file is not TOML").to_lowercase();
            walk.found.push(walk.spot(byte).fault("not_toml", message, ""));
        }
        if !walk.found.is_empty() {
            return Err(walk.found);
        }
        let definition = walk.definition(table.get_ref());
        match definition {
            Some(definition) if walk.found.is_empty() => Ok(definition),
            _ => Err(walk.found),
        }
    }
}

impl<'t> Walk<'t> {
    /// The whole file, for sections that are read in another way.
    pub(super) fn source(&self) -> Source {
        Source { name: self.file.to_string(), text: self.source.to_owned() }
    }

    pub(super) fn spot(&self, byte: usize) -> Spot {
        Spot::new(&self.file, self.source, byte)
    }

    /// The entries of a table in the order of the file.
    pub(super) fn entries(&self, table: &'t DeTable<'t>) -> Vec<Entry<'t>> {
        let mut entries: Vec<(usize, &str, &Spanned<DeValue<'_>>)> =
            table.iter().map(|(key, value)| (key.span().start, key.get_ref().as_ref(), value)).collect();
        entries.sort_by_key(|entry| entry.0);
        entries.into_iter().map(|(byte, key, value)| (key, self.spot(byte), value)).collect()
    }

    pub(super) fn unknown(&mut self, key: &str, spot: &Spot, known: &[&str]) {
        let hint = suggestion(key, known.iter().copied());
        self.found.push(spot.fault("unknown_key", format!("there is no key `{key}` here"), hint));
    }

    /// The text of a value, or a fault.
    pub(super) fn text(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Text> {
        let spot = self.spot(value.span().start);
        if let Some(text) = value.get_ref().as_str() {
            // The text begins after its quote.
            return Some(Text { text: text.to_owned(), spot: spot.forward(1) });
        }
        self.wrong_type(key, value, "a text in quotes");
        None
    }

    pub(super) fn wrong_type(&mut self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) {
        let message = format!("`{key}` should be {expected}, not {}", kind_of(value.get_ref()));
        self.found.push(self.spot(value.span().start).fault("wrong_type", message, ""));
    }

    pub(super) fn texts(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Vec<Text> {
        match value.get_ref().as_array() {
            Some(array) => array.iter().filter_map(|item| self.text(key, item)).collect(),
            None => self.text(key, value).into_iter().collect(),
        }
    }

    pub(super) fn flag(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<bool> {
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(key, value, "true or false");
        }
        flag
    }

    pub(super) fn table(&mut self, key: &str, value: &'t Spanned<DeValue<'t>>) -> Vec<Entry<'t>> {
        match value.get_ref().as_table() {
            Some(table) => self.entries(table),
            None => {
                self.wrong_type(key, value, "a table");
                Vec::new()
            }
        }
    }

    fn definition(&mut self, table: &'t DeTable<'t>) -> Option<Definition> {
        let (mut record, mut format, mut set, mut versions) = (None, None, None, Vec::new());
        let (mut block, mut parts, mut tables, mut drops) =
            (Block::default(), BTreeMap::new(), BTreeMap::new(), Vec::new());
        let mut crosswalks = BTreeMap::new();
        let mut layout = None;
        for (key, spot, value) in self.entries(table) {
            match key {
                "record" => record = self.record(value),
                "format" => format = self.format(value),
                "set" => set = self.text(key, value),
                "versions" => versions = self.texts(key, value),
                "drops" => drops = self.texts(key, value),
                "layout" => layout = Some(value),
                "parts" => {
                    for (name, _, value) in self.table(key, value) {
                        let mut part = Block::default();
                        for (key, spot, value) in self.table(name, value) {
                            self.block_entry(&mut part, key, &spot, value, &[]);
                        }
                        parts.insert(name.to_owned(), part);
                    }
                }
                "tables" => {
                    for (name, _, value) in self.table(key, value) {
                        let rows = self.rows(name, value);
                        tables.insert(name.to_owned(), rows);
                    }
                }
                "crosswalks" => {
                    for (name, spot, value) in self.table(key, value) {
                        if let Some(unknown) = self.when_unknown(name, value) {
                            crosswalks.insert(name.to_owned(), (unknown, spot));
                        }
                    }
                }
                _ => self.block_entry(&mut block, key, &spot, value, &ROOT_KEYS),
            }
        }
        let top = self.spot(0);
        for (key, missing) in [("record", record.is_none()), ("format", format.is_none())] {
            if missing && !table.iter().any(|(name, _)| name.get_ref() == key) {
                self.found.push(top.fault(
                    "key_missing",
                    format!("the translator does not say its `{key}`"),
                    format!("add `{key} = \"…\"` at the top"),
                ));
            }
        }
        let format = format?;
        if format == Format::X12 && set.is_none() {
            self.found.push(top.fault(
                "key_missing",
                "the translator does not say its `set`",
                "add `set = \"940\"` or another transaction set",
            ));
        }
        let layout = read_layout(self, format, layout);
        Some(Definition {
            record: record?,
            format,
            set: set.map(|set| set.text).unwrap_or_default(),
            versions: versions.into_iter().map(|version| version.text).collect(),
            block,
            parts,
            tables,
            crosswalks,
            drops,
            layout,
            next_id: self.next_id,
        })
    }

    fn record(&mut self, value: &Spanned<DeValue<'_>>) -> Option<RecordKind> {
        let text = self.text("record", value)?;
        let kind = text.text.parse().ok();
        if kind.is_none() {
            let hint = suggestion(&text.text, RecordKind::ALL.map(RecordKind::word));
            self.found.push(text.spot.fault(
                "unknown_record",
                format!("there is no record `{}`", text.text),
                hint,
            ));
        }
        kind
    }

    fn format(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Format> {
        let text = self.text("format", value)?;
        let format = Format::ALL.into_iter().find(|format| format.word() == text.text);
        if format.is_none() {
            let hint = suggestion(&text.text, Format::ALL.map(Format::word));
            self.found.push(text.spot.fault(
                "unknown_format",
                format!("there is no format `{}`", text.text),
                hint,
            ));
        }
        format
    }

    fn when_unknown(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> Option<WhenUnknown> {
        let text = self.text(name, value)?;
        let unknown = WhenUnknown::ALL.into_iter().find(|(word, _)| *word == text.text);
        if unknown.is_none() {
            self.found.push(text.spot.fault(
                "unknown_word",
                format!("`{}` does not say what to do with a value that `{name}` does not hold", text.text),
                "write \"refuse\", \"hold\" or \"pass\"",
            ));
        }
        unknown.map(|(_, unknown)| unknown)
    }

    fn rows(&mut self, name: &str, value: &'t Spanned<DeValue<'t>>) -> Vec<(Text, Text)> {
        let mut rows = Vec::new();
        for (code, spot, value) in self.table(name, value) {
            if let Some(word) = self.text(code, value) {
                rows.push((Text { text: code.to_owned(), spot }, word));
            }
        }
        rows
    }

    fn block_entry(
        &mut self,
        block: &mut Block,
        key: &str,
        spot: &Spot,
        value: &'t Spanned<DeValue<'t>>,
        more: &[&str],
    ) {
        match key {
            "fields" => {
                for (field, spot, value) in self.table(key, value) {
                    let field = Text { text: field.to_owned(), spot };
                    block.fields.extend(self.field(field, value));
                }
            }
            "constants" => {
                for (at, spot, value) in self.table(key, value) {
                    let at = Text { text: at.to_owned(), spot };
                    block.constants.extend(self.constant(at, value));
                }
            }
            "computed" => {
                for (at, spot, value) in self.table(key, value) {
                    if let Some(how) = self.text(at, value) {
                        block.computed.push((Text { text: at.to_owned(), spot }, how));
                    }
                }
            }
            "use" => block.uses = self.texts(key, value),
            "each" => match value.get_ref().as_array() {
                Some(array) => {
                    for item in array.iter() {
                        block.eaches.extend(self.each(item));
                    }
                }
                None => self.wrong_type(key, value, "written as `[[each]]`"),
            },
            _ => {
                let known: Vec<&str> = BLOCK_KEYS.iter().chain(more).copied().collect();
                self.unknown(key, spot, &known);
            }
        }
    }

    fn each(&mut self, value: &'t Spanned<DeValue<'t>>) -> Option<EachDefinition> {
        let (mut of, mut into, mut write, mut block) = (None, None, true, Block::default());
        for (key, spot, value) in self.table("each", value) {
            match key {
                "of" => of = self.text(key, value),
                "into" => into = self.text(key, value),
                "write" => write = self.flag(key, value).unwrap_or(true),
                _ => self.block_entry(&mut block, key, &spot, value, &["of", "into", "write"]),
            }
        }
        if of.is_none() {
            let spot = self.spot(value.span().start);
            self.found.push(spot.fault(
                "key_missing",
                "this `[[each]]` does not say `of` what",
                "add `of = \"LX/W01\"` or another loop",
            ));
        }
        self.next_id += 1;
        Some(EachDefinition { id: self.next_id, of: of?, into, write, block })
    }

    fn field(&mut self, field: Text, value: &'t Spanned<DeValue<'t>>) -> Option<FieldDefinition> {
        let mut definition = FieldDefinition {
            field,
            at: Text::default(),
            qualifier: None,
            read: true,
            write: WriteWhen::Always,
            required: false,
        };
        if value.get_ref().as_table().is_none() {
            definition.at = self.text(&definition.field.text.clone(), value)?;
            return Some(definition);
        }
        let mut at = None;
        for (key, spot, value) in self.table("field", value) {
            match key {
                "at" => at = self.text(key, value),
                "qualifier" => definition.qualifier = self.text(key, value),
                "read" => definition.read = self.flag(key, value).unwrap_or(true),
                "required" => definition.required = self.flag(key, value).unwrap_or(false),
                "write" => definition.write = self.write_when(key, value),
                _ => self.unknown(key, &spot, &["at", "qualifier", "read", "write", "required"]),
            }
        }
        if at.is_none() {
            let message = format!("`{}` does not say where it is", definition.field.text);
            self.found.push(definition.field.spot.fault(
                "key_missing",
                message,
                "add `at = \"W0502\"` or another place",
            ));
        }
        definition.at = at?;
        Some(definition)
    }

    fn write_when(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> WriteWhen {
        match (value.get_ref().as_bool(), value.get_ref().as_str()) {
            (Some(false), _) => WriteWhen::Never,
            (Some(true), _) => WriteWhen::Always,
            (_, Some("if_empty")) => WriteWhen::IfEmpty,
            _ => {
                self.wrong_type(key, value, "true, false or \"if_empty\"");
                WriteWhen::Always
            }
        }
    }

    fn constant(&mut self, at: Text, value: &'t Spanned<DeValue<'t>>) -> Option<ConstantDefinition> {
        if value.get_ref().as_table().is_none() {
            let text = self.text(&at.text.clone(), value)?;
            return Some(ConstantDefinition { at, value: text.text, always: false });
        }
        let (mut text, mut always) = (None, false);
        for (key, spot, value) in self.table("constant", value) {
            match key {
                "value" => text = self.text(key, value),
                "always" => always = self.flag(key, value).unwrap_or(false),
                _ => self.unknown(key, &spot, &["value", "always"]),
            }
        }
        if text.is_none() {
            self.found.push(at.spot.fault(
                "key_missing",
                format!("`{}` does not say its value", at.text),
                "add `value = \"…\"`",
            ));
        }
        Some(ConstantDefinition { at, value: text?.text, always })
    }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
