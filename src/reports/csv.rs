//! CSV: a file a sheet, ids as header, exact numbers; what looks like a formula is defused.

use super::model::{Cell, Report, Sheet};
use super::writer::{self, Error, Writer, passing};
use chrono::SecondsFormat;
use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Writes `<report>-<sheet>.csv` for each sheet.
pub(super) struct Csv {
    folder: PathBuf,
    report: String,
    sheet: Option<(PathBuf, csv::Writer<File>)>,
    /// Named when the report ends, so that no old sheet stands beside a new one.
    whole: Vec<PathBuf>,
}

/// The name of a sheet's file.
pub(super) fn file_name(report: &str, sheet: &str) -> String {
    format!("{report}-{sheet}.csv")
}

/// First characters by which spreadsheets take a cell for a formula; the last four are their wide twins.
const FORMULA: &[char] = &['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Whether a spreadsheet might take a text for a formula: some pass over blanks and what is not seen before it.
fn is_formula(text: &str) -> bool {
    let seen = text.trim_start_matches(|c: char| {
        c == '\0' || c == '\u{feff}' || c == '\u{200b}' || (c.is_whitespace() && !FORMULA.contains(&c))
    });
    seen.starts_with(FORMULA)
}

impl Csv {
    pub(super) fn new(folder: &Path, report: &Report) -> Self {
        Self { folder: folder.to_owned(), report: report.name.clone(), sheet: None, whole: Vec::new() }
    }

    fn open(&mut self) -> &mut (PathBuf, csv::Writer<File>) {
        self.sheet.as_mut().expect("a sheet was begun")
    }
}

impl Writer for Csv {
    fn begin_sheet(&mut self, sheet: &Sheet) -> Result<(), Error> {
        let path = self.folder.join(file_name(&self.report, &sheet.id));
        let file = File::create(passing(&path)).map_err(Error::write(&path))?;
        let mut rows = csv::Writer::from_writer(file);
        rows.write_record(sheet.columns.iter().map(|column| &column.id)).map_err(failed(&path))?;
        self.sheet = Some((path, rows));
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> Result<(), Error> {
        let (path, rows) = self.open();
        rows.write_record(cells.iter().map(|cell| plain(cell).into_owned().into_bytes()))
            .map_err(failed(path))
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
fn plain(cell: &Cell) -> Cow<'_, str> {
    match cell {
        Cell::Empty => Cow::Borrowed(""),
        Cell::Text(text) | Cell::Link { text, .. } if is_formula(text) => format!("'{text}").into(),
        Cell::Text(text) | Cell::Link { text, .. } => text.into(),
        Cell::Number(number) => number.to_string().into(),
        Cell::Date(date) => date.to_string().into(),
        Cell::Instant(at) => at.to_rfc3339_opts(SecondsFormat::AutoSi, true).into(),
    }
}
