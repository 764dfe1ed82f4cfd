//! CSV: a file a sheet, ids as header, exact numbers; what looks like a formula is defused.

use super::model::{Cell, Report, Sheet};
use super::writer::{self, Error, Writer, passing};
use chrono::SecondsFormat;
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Writes `<report>-<sheet>.csv` for each sheet.
pub(super) struct Csv {
    folder: PathBuf,
    report: String,
    sheet: Option<(PathBuf, csv::Writer<File>)>,
    /// What is written of a cell that is no text, again and again.
    scratch: String,
    /// Named when the report ends, so that no old sheet stands beside a new one.
    whole: Vec<PathBuf>,
}

/// The name of a sheet's file.
pub(super) fn file_name(report: &str, sheet: &str) -> String {
    format!("{report}-{sheet}.csv")
}

/// Bytes that are written to a file at once.
const BUFFER_BYTES: usize = 256 << 10;

/// First characters by which spreadsheets take a cell for a formula; the last four are their wide twins.
const FORMULA: &[char] = &['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Whether a spreadsheet might take a text for a formula: some pass over blanks and what is not seen before it.
fn is_formula(text: &str) -> bool {
    // Nearly all begin so.
    if text.as_bytes().first().is_none_or(u8::is_ascii_alphanumeric) {
        return false;
    }
    let seen = text.trim_start_matches(|c: char| {
        c == '\0' || c == '\u{feff}' || c == '\u{200b}' || (c.is_whitespace() && !FORMULA.contains(&c))
    });
    seen.starts_with(FORMULA)
}

impl Csv {
    pub(super) fn new(folder: &Path, report: &Report) -> Self {
        Self {
            folder: folder.to_owned(),
            report: report.name.clone(),
            sheet: None,
            scratch: String::new(),
            whole: Vec::new(),
        }
    }
}

impl Writer for Csv {
    fn begin_sheet(&mut self, sheet: &Sheet) -> Result<(), Error> {
        let path = self.folder.join(file_name(&self.report, &sheet.id));
        let file = File::create(passing(&path)).map_err(Error::write(&path))?;
        let mut rows = csv::WriterBuilder::new().buffer_capacity(BUFFER_BYTES).from_writer(file);
        rows.write_record(sheet.columns.iter().map(|column| &column.id)).map_err(failed(&path))?;
        self.sheet = Some((path, rows));
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> Result<(), Error> {
        let (path, rows) = self.sheet.as_mut().expect("a sheet was begun");
        let mut write = || {
            for cell in cells {
                rows.write_field(plain(cell, &mut self.scratch))?;
            }
            // That ends the row.
            rows.write_record(None::<&[u8]>)
        };
        write().map_err(failed(path))
    }

    fn end_sheet(&mut self) -> Result<(), Error> {
        let (path, mut rows) = self.sheet.take().expect("a sheet was begun");
        rows.flush().map_err(Error::write(&path))?;
        self.whole.push(path);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, Error> {
        for path in &self.whole {
            writer::name(path)?;
        }
        Ok(self.whole)
    }
}

fn failed(path: &Path) -> impl FnOnce(csv::Error) -> Error {
    let path = path.to_owned();
    move |error| Error::write(&path)(error.into())
}

/// A cell as programs read it. Text that a spreadsheet would take for a formula gets an apostrophe before it.
fn plain<'c>(cell: &'c Cell, scratch: &'c mut String) -> &'c str {
    scratch.clear();
    let written = match cell {
        Cell::Empty => return "",
        Cell::Text(text) | Cell::Link { text, .. } if is_formula(text) => write!(scratch, "'{text}"),
        Cell::Text(text) | Cell::Link { text, .. } => return text,
        Cell::Number(number) => write!(scratch, "{number}"),
        Cell::Date(date) => write!(scratch, "{date}"),
        Cell::Instant(at) => write!(scratch, "{}", at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
    };
    written.expect("text takes all");
    scratch
}
