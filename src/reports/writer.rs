//! The one interface of all forms of a report, and files of several forms at once.

use super::model::{Cell, Report, Sheet};
use super::{csv, html, json, xlsx};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Takes a report up: sheets one after another, and their rows one after another.
///
/// A row has a cell for each column of its sheet.
pub trait Writer {
    /// Begins a sheet.
    ///
    /// # Errors
    /// When it cannot be written.
    fn begin_sheet(&mut self, sheet: &Sheet) -> Result<(), Error>;

    /// Adds a row to the sheet.
    ///
    /// # Errors
    /// When it cannot be written.
    fn row(&mut self, cells: &[Cell]) -> Result<(), Error>;

    /// Ends the sheet.
    ///
    /// # Errors
    /// When it cannot be written.
    fn end_sheet(&mut self) -> Result<(), Error>;

    /// Ends the report, and gives the files that now hold it.
    ///
    /// # Errors
    /// When it cannot be written.
    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, Error>;
}

/// A form that a report is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// A file a sheet, for programs.
    Csv,
    /// A workbook.
    Xlsx,
    /// A page to read, print and send by mail.
    Html,
    /// One document for programs.
    Json,
}

impl Format {
    /// Every form, by its name.
    pub const ALL: &[(&str, Self)] =
        &[("csv", Self::Csv), ("xlsx", Self::Xlsx), ("html", Self::Html), ("json", Self::Json)];

    /// Its name, which ends the names of its files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Html => "html",
            Self::Json => "json",
        }
    }
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk or the folder.
    #[error("cannot write `{path}`")]
    Write {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The workbook.
    #[error("cannot make the workbook `{path}`")]
    Workbook {
        /// The file.
        path: String,
        /// Why.
        source: rust_xlsxwriter::XlsxError,
    },
}

impl Error {
    pub(super) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Write { path, source }
    }
}

/// Writes several forms at once into one folder.
pub struct Files {
    writers: Vec<Box<dyn Writer + Send>>,
}

impl Files {
    /// Begins the files of a report in a folder, which is made if need be. They have their names only once all is
    /// written.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn create(folder: &Path, report: &Report, formats: &[Format]) -> Result<Self, Error> {
        std::fs::create_dir_all(folder).map_err(Error::write(folder))?;
        let mut writers: Vec<Box<dyn Writer + Send>> = Vec::new();
        for format in formats {
            let path = || folder.join(format!("{}.{}", report.name, format.as_str()));
            let elsewhere = || Elsewhere::new(report, formats);
            writers.push(match format {
                Format::Csv => Box::new(csv::Csv::new(folder, report)),
                Format::Xlsx => Box::new(xlsx::Xlsx::new(path(), report, elsewhere())),
                Format::Html => Box::new(html::Html::create(Part::create(path())?, report, elsewhere())?),
                Format::Json => Box::new(json::Json::create(Part::create(path())?, report)?),
            });
        }
        Ok(Self { writers })
    }
}

impl Writer for Files {
    fn begin_sheet(&mut self, sheet: &Sheet) -> Result<(), Error> {
        self.writers.iter_mut().try_for_each(|writer| writer.begin_sheet(sheet))
    }

    fn row(&mut self, cells: &[Cell]) -> Result<(), Error> {
        self.writers.iter_mut().try_for_each(|writer| writer.row(cells))
    }

    fn end_sheet(&mut self) -> Result<(), Error> {
        self.writers.iter_mut().try_for_each(|writer| writer.end_sheet())
    }

    fn finish(self: Box<Self>) -> Result<Vec<PathBuf>, Error> {
        let mut paths = Vec::new();
        for writer in self.writers {
            paths.extend(writer.finish()?);
        }
        Ok(paths)
    }
}

/// Writes a report as one JSON document to `out`.
///
/// # Errors
/// When it cannot be written.
pub fn json_to<'w>(
    out: impl Write + Send + 'w,
    report: &Report,
) -> Result<Box<dyn Writer + Send + 'w>, Error> {
    Ok(Box::new(json::Json::create(Part::plain(out), report)?))
}

/// Where to find what a page or workbook has no room for.
pub(super) struct Elsewhere {
    report: String,
    has_csv: bool,
    has_xlsx: bool,
}

impl Elsewhere {
    pub(super) fn new(report: &Report, formats: &[Format]) -> Self {
        let has = |format| formats.contains(&format);
        Self { report: report.name.clone(), has_csv: has(Format::Csv), has_xlsx: has(Format::Xlsx) }
    }

    /// Where the whole of a sheet is, such as "in `activity-daily.csv`".
    pub(super) fn of_sheet(&self, sheet: &str) -> String {
        match (self.has_csv, self.has_xlsx) {
            (true, _) => format!("in {}", csv::file_name(&self.report, sheet)),
            (false, true) => format!("in {}.xlsx", self.report),
            (false, false) => String::from("that have no room here: have the report written as CSV as well"),
        }
    }

    /// Where all rows of a sheet are that a workbook cannot hold.
    pub(super) fn of_rows(&self, sheet: &str) -> String {
        Self { has_xlsx: false, report: self.report.clone(), ..*self }.of_sheet(sheet)
    }
}

/// Bytes on their way; those of a file stand under a passing name until they are whole.
pub(super) struct Part<'w> {
    out: BufWriter<Box<dyn Write + Send + 'w>>,
    path: PathBuf,
    is_file: bool,
}

impl<'w> Part<'w> {
    pub(super) fn create(path: PathBuf) -> Result<Self, Error> {
        let file = File::create(passing(&path)).map_err(Error::write(&path))?;
        Ok(Self { out: BufWriter::new(Box::new(file)), path, is_file: true })
    }

    fn plain(out: impl Write + Send + 'w) -> Self {
        Self { out: BufWriter::new(Box::new(out)), path: PathBuf::from("<stdout>"), is_file: false }
    }

    pub(super) fn text(&mut self, text: &str) -> Result<(), Error> {
        self.out.write_all(text.as_bytes()).map_err(Error::write(&self.path))
    }

    /// Gives the file its name.
    pub(super) fn finish(mut self) -> Result<Vec<PathBuf>, Error> {
        self.out.flush().map_err(Error::write(&self.path))?;
        if !self.is_file {
            return Ok(Vec::new());
        }
        name(&self.path)?;
        Ok(vec![self.path])
    }
}

/// The name of a file that is not whole yet.
pub(super) fn passing(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

/// Gives a whole file its name.
pub(super) fn name(path: &Path) -> Result<(), Error> {
    std::fs::rename(passing(path), path).map_err(Error::write(path))
}
