//! Translators: data that turns a document's tree into a record, and the record into a tree.
//!
//! A translator file binds places in a document (`W0502`, `N1[ST]/N401`) to fields of a canonical
//! record. Reading finds the value, writing puts it there; every function in between has its inverse.
//! `docs/reference/translator-language.md` describes the language.

use std::fmt;

use crate::canonical::{Record, RecordKind};
use crate::finding::{Finding, Severity};
use crate::formats::{delimited, fixed_width, json, xml};
use crate::tree::Tree;

mod check;
mod compile;
mod crosswalk;
mod definition;
mod draft;
mod expression;
mod function;
mod layout_keys;
mod lossy;
mod overlay;
mod pairs;
mod path;
mod places;
mod program;
mod prove;
mod read;
mod scalar;
mod shipped;
mod spot;
mod table;
mod unread;
mod write;

pub use crosswalk::{Crosswalks, HELD, Lookup, WhenUnknown};
pub use overlay::{Overlay, OverlayConstant, OverlayField, OverlayRow};
pub use program::FieldPlace;
pub use read::Traced;
pub use shipped::{find_shipped, shipped};
pub use spot::Spot;

/// How the bytes of a translator's documents are arranged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Segments and elements; the standard's schema is the layout.
    X12,
    /// Rows and columns.
    Delimited,
    /// Lines with columns of fixed places.
    FixedWidth,
    /// Elements and attributes.
    Xml,
    /// Objects, arrays and scalars.
    Json,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::X12, Self::Delimited, Self::FixedWidth, Self::Xml, Self::Json];

    /// Its word in translator files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::X12 => "x12",
            Self::Delimited => "delimited",
            Self::FixedWidth => "fixed_width",
            Self::Xml => "xml",
            Self::Json => "json",
        }
    }

    /// The usual ending of a file name, without its dot.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::X12 => "edi",
            Self::Delimited => "csv",
            Self::FixedWidth => "txt",
            Self::Xml => "xml",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.word())
    }
}

/// The layout of a translator's documents.
#[derive(Clone, Debug)]
pub enum Layout {
    /// The standard's schema.
    X12,
    /// Rows and columns.
    Delimited(Box<delimited::Layout>),
    /// Lines with columns of fixed places.
    FixedWidth(Box<fixed_width::Layout>),
    /// Elements and attributes.
    Xml(xml::Layout),
    /// Objects, arrays and scalars.
    Json(json::Layout),
}

impl Layout {
    /// Reads a file into one tree a document, with what is wrong outside of any. X12 has envelopes around its
    /// documents and is read by its own reader: of it there is no tree here.
    #[must_use]
    pub fn read(&self, bytes: &[u8]) -> (Vec<Tree>, Vec<Finding>) {
        match self {
            Self::X12 => (Vec::new(), Vec::new()),
            Self::Delimited(layout) => delimited::read(bytes, layout),
            Self::FixedWidth(layout) => fixed_width::read(bytes, layout),
            Self::Xml(layout) => xml::read(bytes, layout),
            Self::Json(layout) => json::read(bytes, layout),
        }
    }

    /// Writes documents as one file.
    ///
    /// # Errors
    /// Everything that cannot be written, at once.
    ///
    /// # Panics
    /// For X12, whose writer needs to know the parties of the envelope.
    pub fn write(&self, trees: &[Tree]) -> Result<Vec<u8>, Vec<Finding>> {
        match self {
            Self::X12 => panic!("X12 documents are written in an envelope"),
            Self::Delimited(layout) => delimited::write(trees, layout),
            Self::FixedWidth(layout) => fixed_width::write(trees, layout),
            Self::Xml(layout) => xml::write(trees, layout),
            Self::Json(layout) => json::write(trees, layout),
        }
    }
}

/// A document that was written.
#[derive(Clone, Debug)]
pub struct Written {
    /// What it says.
    pub tree: Tree,
    /// What is doubtful of it, though it may go, as warnings: a value without a code that the profile lets pass.
    pub doubts: Vec<Finding>,
}

/// A translator, checked in itself and ready to run.
#[derive(Clone, Debug)]
pub struct Translator {
    name: String,
    definition: definition::Definition,
    program: program::Program,
    doubts: Vec<Finding>,
    layout: Layout,
}

impl Translator {
    /// Reads a translator file.
    ///
    /// # Errors
    /// Every fault of the file, located: the file in `path`, the line in `line`, the column in `element`.
    pub fn load(text: &str, file_name: &str) -> Result<Self, Vec<Finding>> {
        let definition = definition::Definition::parse(text, file_name).map_err(in_order)?;
        let file = file_name.rsplit(['/', '\\']).next().unwrap_or(file_name);
        let name = file.strip_suffix(".toml").unwrap_or(file);
        Self::build(name.to_owned(), definition)
    }

    fn build(name: String, definition: definition::Definition) -> Result<Self, Vec<Finding>> {
        let (program, found) = compile::compile(&definition);
        if found.iter().any(|finding| finding.severity == Severity::Reject) {
            return Err(in_order(found));
        }
        let layout = prove::complete_layout(&definition.layout, &name, &program);
        Ok(Self { name, definition, program, doubts: found, layout })
    }

    /// The file's name without its ending, such as `x12-940`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The record it reads and writes.
    #[must_use]
    pub fn record(&self) -> RecordKind {
        self.definition.record
    }

    /// How its documents are arranged.
    #[must_use]
    pub fn format(&self) -> Format {
        self.definition.format
    }

    /// The transaction set, such as `940`; empty for other formats than X12.
    #[must_use]
    pub fn set(&self) -> &str {
        &self.definition.set
    }

    /// The X12 releases it is meant for, such as `004010`.
    #[must_use]
    pub fn versions(&self) -> &[String] {
        &self.definition.versions
    }

    /// Where a document has a field of the record, such as `IT102` for `quantity` of `lines`; `list` is empty for the
    /// fields of the record itself. None where it does not have it.
    #[must_use]
    pub fn place_of(&self, list: &str, field: &str) -> Option<FieldPlace> {
        self.program.place_of((list, field))
    }

    /// The crosswalks it asks, by name.
    pub fn crosswalks(&self) -> impl Iterator<Item = &str> {
        self.program.crosswalks.keys().map(String::as_str)
    }

    /// What to tell people of the crosswalks that hold nothing it could ask for, as warnings where they are named.
    #[must_use]
    pub fn list_unloaded(&self, lookup: Lookup<'_>) -> Vec<Finding> {
        let empty = self.definition.crosswalks.iter().filter(|(name, _)| !lookup.holds(name));
        empty.map(|(name, (unknown, spot))| lookup.unloaded(name, *unknown, spot)).collect()
    }

    /// The layout of its documents.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What is doubtful in it, though it works: codes that are read but never written.
    #[must_use]
    pub fn doubts(&self) -> &[Finding] {
        &self.doubts
    }

    /// Turns a document into a record. The record holds what could be read, whatever the findings.
    #[must_use]
    pub fn read(&self, tree: &Tree, lookup: Lookup<'_>) -> (Record, Vec<Finding>) {
        let mut record = self.definition.record.blank();
        let mut reader =
            read::Reader::new(&self.program, tree, self.definition.format, self.decimal_mark(), lookup);
        reader.read(&mut record);
        (record, reader.found)
    }

    /// Turns a record into a document.
    ///
    /// # Errors
    /// What keeps the record from being written: words without a code, figures that do not fit, a
    /// required field that is empty, another kind of record.
    pub fn write(&self, record: &Record, lookup: Lookup<'_>) -> Result<Written, Vec<Finding>> {
        let tag = match (&self.definition.format, &self.layout) {
            (Format::X12, _) => self.definition.set.as_str(),
            (_, Layout::Xml(layout)) => layout.document.last().map_or("", String::as_str),
            (_, Layout::Delimited(layout)) => &layout.name,
            (_, Layout::Json(layout)) => &layout.name,
            (_, Layout::FixedWidth(_)) => &self.name,
            (_, Layout::X12) => "",
        };
        if record.kind() != self.definition.record {
            let message =
                format!("{} writes a {}, not a {}", self.name, self.definition.record, record.kind());
            return Err(vec![Spot::default().fault("wrong_record", message, "")]);
        }
        let mut writer =
            write::Writer::new(&self.program, self.definition.format, self.decimal_mark(), tag, lookup);
        writer.write(record);
        if writer.found.iter().any(|finding| finding.severity == Severity::Reject) {
            return Err(writer.found);
        }
        let tree = writer.draft.into_tree(self.definition.format == Format::X12);
        Ok(Written { tree, doubts: writer.found })
    }

    /// What a document holds that the translator neither keeps nor drops, as warnings.
    #[must_use]
    pub fn unread(&self, tree: &Tree, lookup: Lookup<'_>) -> Vec<Finding> {
        let mut record = self.definition.record.blank();
        let mut reader =
            read::Reader::new(&self.program, tree, self.definition.format, self.decimal_mark(), lookup);
        reader.seen = Some(std::collections::HashSet::new());
        reader.read(&mut record);
        reader.unread()
    }

    /// Where each field of the record comes from. Lists of pairs (`<*>`) are not told apart.
    #[must_use]
    pub fn trace(&self, tree: &Tree, lookup: Lookup<'_>) -> Vec<Traced> {
        let mut record = self.definition.record.blank();
        let mut reader =
            read::Reader::new(&self.program, tree, self.definition.format, self.decimal_mark(), lookup);
        reader.traced = Some(Vec::new());
        reader.read(&mut record);
        reader.traced.unwrap_or_default()
    }

    /// Reads a document, writes what was read, and tells where the two differ, apart from what the
    /// translator drops and from computed figures that the document left out. Numbers are compared by
    /// value, pairs by qualifier.
    #[must_use]
    pub fn prove(&self, tree: &Tree, lookup: Lookup<'_>) -> Vec<Finding> {
        let (record, found) = self.read(tree, lookup);
        match self.write(&record, lookup) {
            Ok(written) => prove::differences(&self.program, self.definition.format, tree, &written.tree),
            Err(faults) => found.into_iter().chain(faults).collect(),
        }
    }

    fn decimal_mark(&self) -> char {
        if let Layout::Delimited(layout) = &self.layout { layout.decimal_mark } else { '.' }
    }
}

/// Findings as their places follow each other.
fn in_order(mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_by(|a, b| (&a.location.path, a.location.byte).cmp(&(&b.location.path, b.location.byte)));
    found
}
