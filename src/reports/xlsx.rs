//! XLSX: a sheet a section, frozen and filtered, with real dates and totals that are formulas.

use super::figure::{self, Target};
use super::model::{Cell, Column, Kind, LedTo, Report, Sheet};
use super::totals::Totals;
use super::writer::{self, Elsewhere, Error, Writer, passing};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use rust_xlsxwriter::{
    Color, DocProperties, Format, FormatAlign, FormatBorder, Formula, Url, Workbook, Worksheet, XlsxError,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// A sheet has 1,048,576 rows; some are kept for the header, the totals and the pointer to the rest.
const MOST_ROWS: u64 = 1_048_000;
/// A sheet has 65,530 links at most; each is held in memory until the end.
const MOST_LINKS: u32 = 60_000;
/// So many cells of a sheet lead to rows of others: each is worked out anew when the workbook is opened.
const MOST_LEADS: u32 = 5_000;
/// A text within a formula has 255 letters at most.
const MOST_QUOTED: usize = 200;
/// Longer text is cut: a cell holds no more.
const MOST_LETTERS: usize = 32_000;
/// Spreadsheets keep numbers as doubles, which hold so many digits exactly.
const EXACT_DIGITS: usize = 15;
/// Letters across; figures and dates must fit whole, long text may be cut in view.
const WIDTHS: (usize, usize) = (8, 48);

/// Makes the workbook; rows go to a temporary file as they come.
pub(super) struct Xlsx {
    path: PathBuf,
    book: Workbook,
    report: Report,
    elsewhere: Elsewhere,
    most_rows: u64,
    names: BTreeSet<String>,
    led_to: Arc<Tabs>,
    sheets: Vec<Listed>,
    open: Option<Open>,
}

/// Tabs of the sheets that are led to, and their columns, by the sheets' ids.
type Tabs = BTreeMap<String, (String, LedTo)>;

/// A sheet that is done.
struct Listed {
    id: String,
    name: String,
    title: String,
    about: String,
    rows: u64,
}

/// The sheet at hand.
struct Open {
    /// Its columns as they stand here: those that a page shows, then the others.
    sheet: Sheet,
    /// Where each of them stands in a row that comes.
    order: Vec<usize>,
    /// So many of them are printed.
    printed: usize,
    /// Whether text of the row at hand takes several lines.
    is_tall: bool,
    name: String,
    page: Worksheet,
    totals: Totals,
    links: u32,
    /// Cells that lead to rows of the workbook.
    leads: u32,
    led_to: Arc<Tabs>,
    widths: Vec<usize>,
    /// Whether a figure of the column had to be written as text.
    has_text: Vec<bool>,
    formats: BTreeMap<(Shape, u32, bool), Format>,
    zone: Tz,
}

/// Looks of a cell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Plain,
    Text,
    Wrapped,
    Share,
    Day,
    Instant,
    Link,
    Right,
    Total,
    TotalShare,
}

impl Xlsx {
    pub(super) fn new(path: PathBuf, report: &Report, elsewhere: Elsewhere) -> Self {
        let mut book = Workbook::new();
        let properties = DocProperties::new().set_title(&report.title).set_creation_datetime(&report.as_of);
        book.set_properties(&properties);
        book.add_worksheet();
        let names = BTreeSet::from([String::from("about"), String::from("history")]);
        let (report, sheets, led_to) = (report.clone(), Vec::new(), Arc::default());
        let mut own =
            Self { path, book, report, elsewhere, most_rows: MOST_ROWS, names, led_to, sheets, open: None };
        let led_to = own.report.led_to.clone().into_iter().map(|led_to| {
            let tab = own.tab(&led_to.title);
            (led_to.sheet.clone(), (tab, led_to))
        });
        own.led_to = Arc::new(led_to.collect());
        own
    }

    fn failed(&self) -> impl FnOnce(XlsxError) -> Error + use<> {
        let path = self.path.display().to_string();
        move |source| Error::Workbook { path, source }
    }

    /// The name on a sheet's tab: at most 31 letters, none of those forbidden, and no other's.
    fn tab(&mut self, title: &str) -> String {
        let plain: String = title.chars().filter(|c| !"[]:*?/\\'".contains(*c) && !c.is_control()).collect();
        let mut name: String = plain.trim().chars().take(28).collect();
        let mut number = 2;
        while name.is_empty() || !self.names.insert(name.to_lowercase()) {
            name =
                format!("{} {number}", plain.chars().take(25).collect::<String>().trim()).trim().to_owned();
            number += 1;
        }
        name
    }

    /// The first sheet: what the report is, its headlines, and what the other sheets show.
    fn write_about(&mut self) -> Result<(), XlsxError> {
        let report = &self.report;
        let bold = Format::new().set_bold();
        let text = |text: &str| cut(text);
        let page = self.book.worksheet_from_index(0)?;
        page.set_name("About")?.set_column_width(0, 30)?.set_column_width(1, 90)?;
        page.write_string_with_format(
            0,
            0,
            text(&report.title),
            &Format::new().set_bold().set_font_size(16),
        )?;
        let (from, to) = report.period;
        let mut lines = vec![
            (String::from("Period"), if from == to { from.to_string() } else { format!("{from} to {to}") }),
            (String::from("As of"), figure::instant(report.as_of, report.time_zone)),
            (String::from("Time zone"), report.time_zone.name().to_owned()),
        ];
        lines.extend(report.run.iter().map(|run| (String::from("Run"), run.clone())));
        lines.extend(report.narrowed.iter().cloned());
        let mut row = 1;
        for (name, value) in lines {
            page.write_string(row, 0, text(&name))?.write_string(row, 1, text(&value))?;
            row += 1;
        }
        row += 1;
        for line in &report.headlines {
            page.write_string(row, 0, text(&line.title))?;
            let left = Format::new().set_bold().set_align(FormatAlign::Left);
            match &line.value {
                Cell::Number(number) if is_exact(*number) => {
                    let format =
                        left.set_num_format(number_format(line.kind, figure::decimals(line.kind, *number)));
                    page.write_with_format(row, 1, *number, &format)?;
                }
                _ => {
                    let shown = figure::headline(line, report.time_zone);
                    page.write_string_with_format(row, 1, text(&shown), &left)?;
                }
            }
            row += 1;
        }
        row += 1;
        for sheet in &self.sheets {
            let link = Url::new(format!("internal:'{}'!A1", sheet.name));
            page.write_url_with_text(row, 0, link, text(&sheet.title))?;
            page.write_string(row, 1, text(&sheet.about))?;
            row += 1;
        }
        if !report.notes.is_empty() {
            row += 1;
            page.write_string_with_format(row, 0, "Notes", &bold)?;
            let wrapped = Format::new().set_text_wrap().set_align(FormatAlign::Top);
            for note in &report.notes {
                page.set_row_height(row, height(letters(note), 90))?;
                page.write_string_with_format(row, 1, text(note), &wrapped)?;
                row += 1;
            }
        }
        page.set_landscape().set_print_fit_to_pages(1, 0);
        Ok(())
    }
}

impl Writer for Xlsx {
    fn begin_sheet(&mut self, sheet: &Sheet) -> Result<(), Error> {
        let led_to = self.led_to.get(&sheet.id).map(|(tab, _)| tab.clone());
        let name = led_to.unwrap_or_else(|| self.tab(&sheet.title));
        let page = self.book.new_worksheet_with_constant_memory().map_err(self.failed())?;
        let open = Open::begin(page, &name, sheet, (&self.report, &self.led_to)).map_err(self.failed())?;
        self.open = Some(open);
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> Result<(), Error> {
        let (most, failed) = (self.most_rows, self.failed());
        let open = self.open.as_mut().expect("a sheet was begun");
        open.totals.add(cells);
        if open.totals.rows() > most { Ok(()) } else { open.row(cells).map_err(failed) }
    }

    fn end_sheet(&mut self) -> Result<(), Error> {
        let open = self.open.take().expect("a sheet was begun");
        let listed = Listed {
            id: open.sheet.id.clone(),
            name: open.name.clone(),
            title: open.sheet.title.clone(),
            about: open.sheet.about.clone(),
            rows: open.totals.rows(),
        };
        let rest = self.elsewhere.of_rows(&listed.id);
        let page = open.end(self.most_rows, &rest).map_err(self.failed())?;
        self.book.push_worksheet(page);
        self.sheets.push(listed);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<PathBuf>, Error> {
        self.write_about().map_err(self.failed())?;
        // Beyond 4 GiB of XML in a sheet, plain ZIP gives up.
        let is_large = self.sheets.iter().map(|sheet| sheet.rows).sum::<u64>() > 500_000;
        self.book.use_zip_large_file(is_large);
        let made = self.book.save(passing(&self.path));
        made.map_err(self.failed())?;
        writer::name(&self.path)?;
        Ok(vec![self.path])
    }
}

impl Open {
    fn begin(
        mut page: Worksheet,
        name: &str,
        sheet: &Sheet,
        (report, led_to): (&Report, &Arc<Tabs>),
    ) -> Result<Self, XlsxError> {
        // Titles have two lines, and no program makes the row higher for them by itself.
        page.set_name(name)?.set_freeze_panes(1, 0)?.set_row_height(0, 32)?;
        page.set_landscape().set_print_fit_to_pages(1, 0).set_repeat_rows(0, 0)?;
        page.set_margins(0.4, 0.4, 0.7, 0.6, 0.3, 0.3);
        let (from, to) = report.period;
        let period = if from == to { from.to_string() } else { format!("{from} to {to}") };
        let as_of = figure::instant(report.as_of, report.time_zone);
        // `&` begins a code, and 255 letters are all that fit.
        let title: String = report.title.chars().take(100).collect();
        let title = title.replace('&', "&&");
        page.set_header(format!("&L{title}, {period}&RAs of {as_of}")).set_footer("&L&A&RPage &P of &N");
        // What a row is led to by keeps its place: formulas elsewhere look for it there.
        let key = led_to.get(&sheet.id).map(|(_, led_to)| led_to.column);
        let is_printed = |at: &usize| {
            key.is_some_and(|key| *at <= key)
                || sheet.columns.get(*at).is_some_and(|column| !column.is_detail)
        };
        let (printed, others): (Vec<usize>, Vec<usize>) = (0..sheet.columns.len()).partition(is_printed);
        let order = [printed.as_slice(), &others].concat();
        let columns = order.iter().filter_map(|at| sheet.columns.get(*at)).cloned().collect();
        let totals = Totals::of(sheet);
        let sheet = &Sheet { columns, ..sheet.clone() };
        let head = Format::new()
            .set_bold()
            .set_text_wrap()
            .set_align(FormatAlign::Bottom)
            .set_background_color(Color::RGB(0x00E4_EAF0))
            .set_border_bottom(FormatBorder::Thin);
        let figures = head.clone().set_align(FormatAlign::Right);
        for (at, column) in (0..).zip(&sheet.columns) {
            let head = if column.kind.is_figure() { &figures } else { &head };
            page.write_string_with_format(0, at, cut(&column.title), head)?;
        }
        // Room for the filter's button beside the longest word, and for the title on two lines.
        let of_title = |column: &Column| {
            let longest = column.title.split(' ').map(letters).max().unwrap_or(0);
            longest.max(letters(&column.title).div_ceil(2)) + 3
        };
        Ok(Self {
            widths: sheet.columns.iter().map(of_title).collect(),
            has_text: vec![false; sheet.columns.len()],
            sheet: sheet.clone(),
            order,
            printed: printed.len(),
            is_tall: false,
            name: name.to_owned(),
            page,
            totals,
            links: 0,
            leads: 0,
            led_to: led_to.clone(),
            formats: BTreeMap::new(),
            zone: report.time_zone,
        })
    }

    fn row(&mut self, cells: &[Cell]) -> Result<(), XlsxError> {
        let row = u32::try_from(self.totals.rows()).expect("a sheet has fewer rows");
        let cells: Vec<&Cell> = self.order.iter().filter_map(|at| cells.get(*at)).collect();
        let is_long = |cell: &Cell| matches!(cell, Cell::Text(text) if letters(text) > WIDTHS.1);
        let printed = cells.iter().take(self.printed).filter(|cell| is_long(cell));
        let longest = printed.map(|cell| letters(&figure::cell(Kind::Text, cell, self.zone))).max();
        self.is_tall = longest.is_some();
        if let Some(longest) = longest {
            self.page.set_row_height(row, height(longest, WIDTHS.1))?;
        }
        for (at, cell) in cells.into_iter().enumerate() {
            let column = u16::try_from(at).expect("a sheet has fewer columns");
            let kind = self.sheet.columns.get(at).expect("a cell has a column").kind;
            let width = letters(&figure::cell(kind, cell, self.zone));
            if let Some(widest) = self.widths.get_mut(at) {
                *widest = (*widest).max(width);
            }
            match cell {
                Cell::Empty => {}
                Cell::Text(text) if self.is_tall => {
                    let is_wrapped = at < self.printed && is_long(cell);
                    let shape = if is_wrapped { Shape::Wrapped } else { Shape::Text };
                    let format = self.format(shape, kind, Decimal::ZERO);
                    self.page.write_string_with_format(row, column, cut(text), &format)?;
                }
                Cell::Text(text) => {
                    self.page.write_string(row, column, cut(text))?;
                }
                Cell::Number(number) if is_exact(*number) => {
                    let shape = if kind == Kind::Percent { Shape::Share } else { Shape::Plain };
                    let format = self.format(shape, kind, *number);
                    self.page.write_with_format(row, column, *number, &format)?;
                }
                Cell::Number(number) => {
                    // A double would change its last digits.
                    if let Some(has_text) = self.has_text.get_mut(at) {
                        *has_text = true;
                    }
                    let format = self.format(Shape::Right, kind, *number);
                    self.page.write_string_with_format(row, column, number.to_string(), &format)?;
                }
                Cell::Date(date) => {
                    let format = self.format(Shape::Day, kind, Decimal::ZERO);
                    self.page.write_date_with_format(row, column, date, &format)?;
                }
                Cell::Instant(instant) => {
                    let format = self.format(Shape::Instant, kind, Decimal::ZERO);
                    let local = instant.with_timezone(&self.zone).naive_local();
                    self.page.write_datetime_with_format(row, column, local, &format)?;
                }
                Cell::Link { text, target } => self.link(row, column, text, target)?,
            }
        }
        Ok(())
    }

    fn link(&mut self, row: u32, column: u16, text: &str, target: &str) -> Result<(), XlsxError> {
        let url = match figure::target(target) {
            Some(Target::Address(address)) => Some(Url::new(address)),
            Some(Target::Beside(path)) => Some(Url::new(format!("file:///{path}"))),
            Some(Target::Sheet(sheet, place)) => return self.lead(row, column, text, (sheet, place)),
            None => None,
        };
        // Excel takes no longer addresses.
        match url.filter(|_| self.links < MOST_LINKS && target.len() < 2_000) {
            Some(url) => {
                self.links += 1;
                let format = self.format(Shape::Link, Kind::Link, Decimal::ZERO);
                self.page.write_url_with_options(row, column, url, cut(text), "", Some(&format))?;
            }
            None => {
                self.page.write_string(row, column, cut(text))?;
            }
        }
        Ok(())
    }

    /// Text that leads to a row of a sheet, which is looked for when it is followed: it may be sorted by then.
    fn lead(
        &mut self,
        row: u32,
        column: u16,
        text: &str,
        (sheet, place): (&str, Option<&str>),
    ) -> Result<(), XlsxError> {
        let led_to = self.led_to.get(sheet).filter(|_| self.leads < MOST_LEADS);
        let is_plain = |text: &str| text.len() < MOST_QUOTED && !text.chars().any(char::is_control);
        let Some((tab, led_to)) = led_to.filter(|_| is_plain(text) && place.is_none_or(is_plain)) else {
            self.page.write_string(row, column, cut(text))?;
            return Ok(());
        };
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let at = match place {
            None => String::from("1"),
            Some(key) => {
                let letter = u16::try_from(led_to.column).unwrap_or(u16::MAX);
                let letter = rust_xlsxwriter::column_number_to_name(letter);
                let is_number = led_to.kind.is_figure() && key.bytes().all(|byte| byte.is_ascii_digit());
                let key = if is_number { key.to_owned() } else { quoted(key) };
                format!("MATCH({key},'{tab}'!${letter}:${letter},0)")
            }
        };
        let shown = quoted(text);
        let formula = format!("=IFERROR(HYPERLINK(\"#'{tab}'!A\"&{at},{shown}),{shown})");
        self.leads += 1;
        let format = self.format(Shape::Link, Kind::Link, Decimal::ZERO);
        self.page.write_formula_with_format(row, column, Formula::new(formula).set_result(text), &format)?;
        Ok(())
    }

    /// Ends the sheet: totals, filter, widths.
    fn end(mut self, most_rows: u64, rest: &str) -> Result<Worksheet, XlsxError> {
        let rows = self.totals.rows();
        let last = u32::try_from(rows.min(most_rows)).expect("a sheet has fewer rows");
        let columns = u16::try_from(self.sheet.columns.len()).expect("a sheet has fewer columns");
        if last > 0 && columns > 0 {
            self.page.autofilter(0, 0, last, columns - 1)?;
        }
        self.is_tall = false;
        let mut row = last + 1;
        if rows > most_rows {
            let more = figure::number(Kind::Count, (rows - most_rows).into());
            self.page.write_string(row, 0, format!("And {more} more rows {rest}."))?;
            row += 1;
        }
        if let Some(sums) = self.totals.sums().map(<[_]>::to_vec) {
            let sums: Vec<Option<Decimal>> =
                self.order.iter().map(|at| sums.get(*at).copied().flatten()).collect();
            self.write_totals(row, last, &sums, rows > most_rows)?;
            row += 1;
        }
        let printed = u16::try_from(self.printed).expect("a sheet has fewer columns");
        if (1..columns).contains(&printed) {
            // On paper all columns together would be too small to read.
            self.page.set_print_area(0, 0, row.saturating_sub(1), printed - 1)?;
            self.page.group_columns(printed, columns - 1)?;
        }
        for (at, (width, column)) in (0..).zip(self.widths.iter().zip(&self.sheet.columns)) {
            // Figures that do not fit are shown as hashes: they get all the room they need.
            let most = if column.kind.is_figure() { usize::MAX } else { WIDTHS.1 };
            let width = u16::try_from((width + 2).clamp(WIDTHS.0, most)).unwrap_or(u16::MAX).min(255);
            self.page.set_column_width(at, width)?;
        }
        Ok(self.page)
    }

    /// Sums of what is in view when the sheet is filtered. They are plain figures where rows are missing, or
    /// where a formula would pass over a figure written as text.
    fn write_totals(
        &mut self,
        row: u32,
        last: u32,
        sums: &[Option<Decimal>],
        rows_are_missing: bool,
    ) -> Result<(), XlsxError> {
        for (at, sum) in sums.iter().enumerate() {
            let column = u16::try_from(at).expect("a sheet has fewer columns");
            let kind = self.sheet.columns.get(at).expect("a sum has a column").kind;
            let Some(sum) = *sum else {
                let format = self.format(Shape::Total, Kind::Text, Decimal::ZERO);
                let text = if at == 0 { "Total" } else { "" };
                self.page.write_string_with_format(row, column, text, &format)?;
                continue;
            };
            let width = letters(&figure::number(kind, sum)) + 1;
            if let Some(widest) = self.widths.get_mut(at) {
                *widest = (*widest).max(width);
            }
            let shape = if kind == Kind::Percent { Shape::TotalShare } else { Shape::Total };
            let format = self.format(shape, kind, sum);
            let is_plain = rows_are_missing || self.has_text.get(at).copied().unwrap_or(false);
            if !is_exact(sum) {
                self.page.write_string_with_format(row, column, sum.to_string(), &format)?;
            } else if is_plain {
                self.page.write_with_format(row, column, sum, &format)?;
            } else {
                let name = rust_xlsxwriter::column_number_to_name(column);
                let formula = format!("=SUBTOTAL(109,{name}2:{name}{})", last + 1);
                let formula = Formula::new(formula).set_result(sum.normalize().to_string());
                self.page.write_formula_with_format(row, column, formula, &format)?;
            }
        }
        Ok(())
    }

    fn format(&mut self, shape: Shape, kind: Kind, number: Decimal) -> Format {
        let decimals = figure::decimals(kind, number);
        let is_tall = self.is_tall;
        let make = || {
            let figures = || Format::new().set_num_format(number_format(kind, decimals));
            let format = match shape {
                Shape::Plain | Shape::Share => figures(),
                Shape::Text => Format::new(),
                Shape::Wrapped => Format::new().set_text_wrap(),
                Shape::Day => Format::new().set_num_format("yyyy-mm-dd").set_align(FormatAlign::Left),
                Shape::Instant => {
                    Format::new().set_num_format("yyyy-mm-dd hh:mm").set_align(FormatAlign::Left)
                }
                Shape::Link => Format::new().set_hyperlink(),
                Shape::Right => Format::new().set_align(FormatAlign::Right),
                Shape::Total | Shape::TotalShare => figures().set_bold().set_border_top(FormatBorder::Thin),
            };
            if is_tall { format.set_align(FormatAlign::Top) } else { format }
        };
        self.formats.entry((shape, decimals, is_tall)).or_insert_with(make).clone()
    }
}

/// The number format of a kind; decimals are written out, since `0.###` leaves a bare point after whole numbers. A
/// blank at the end keeps figures off the text in the next column.
fn number_format(kind: Kind, decimals: u32) -> String {
    let zeros = "0".repeat(decimals as usize);
    let point = if decimals == 0 { "" } else { "." };
    match kind {
        Kind::Percent => format!("0{point}{zeros}%_)"),
        _ => format!("#,##0{point}{zeros}_)"),
    }
}

/// Whether a double holds the number exactly.
fn is_exact(number: Decimal) -> bool {
    number.normalize().mantissa().unsigned_abs().to_string().len() <= EXACT_DIGITS
}

/// How high a row is whose text takes several lines: not every program works it out by itself.
fn height(letters: usize, width: usize) -> u32 {
    15 * u32::try_from(letters.div_ceil(width).clamp(1, 20)).unwrap_or(1)
}

fn letters(text: &str) -> usize {
    text.chars().count()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_LETTERS) {
        Some(_) => text.chars().take(MOST_LETTERS - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::writer::Format as Form;
    use super::*;
    use std::io::Read as _;

    #[test]
    fn rows_beyond_the_sheet_are_pointed_to_and_counted_in_its_totals() {
        let folder = tempfile::tempdir().expect("a folder");
        let day = "2026-11-25".parse().expect("a day");
        let report = Report {
            name: String::from("many"),
            title: String::from("Many"),
            period: (day, day),
            as_of: "2026-11-26T00:00:00Z".parse().expect("an instant"),
            time_zone: Tz::UTC,
            run: None,
            narrowed: Vec::new(),
            headlines: Vec::new(),
            notes: Vec::new(),
            led_to: Vec::new(),
        };
        let path = folder.path().join("many.xlsx");
        let elsewhere = Elsewhere::new(&report, &[Form::Csv, Form::Xlsx]);
        let mut book = Box::new(Xlsx { most_rows: 3, ..Xlsx::new(path.clone(), &report, elsewhere) });
        let columns = vec![Column::new("amount", "Amount", Kind::Money).totalled()];
        book.begin_sheet(&Sheet::new("all", "All", "All of them.", columns)).expect("begun");
        (1..=5_i64).for_each(|number| book.row(&[number.into()]).expect("written"));
        book.end_sheet().expect("ended");
        book.finish().expect("finished");
        let mut book = zip::ZipArchive::new(std::fs::File::open(path).expect("written")).expect("a ZIP");
        let mut text = String::new();
        book.by_name("xl/worksheets/sheet2.xml").expect("there").read_to_string(&mut text).expect("text");
        assert!(text.contains("<v>3</v>") && !text.contains("<v>4</v>"), "{text}");
        assert!(text.contains("And 2 more rows in many-all.csv."), "{text}");
        // No formula: it would add up what is shown.
        assert!(text.contains("<v>15</v>") && !text.contains("<f>"), "{text}");
        assert!(text.contains("autoFilter ref=\"A1:A4\""), "{text}");
    }
}
