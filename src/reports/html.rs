//! HTML: one page to read, print and send, with nothing in it that must be fetched or run.

use super::chart;
use super::figure::{self, Target};
use super::model::{Cell, Column, LedTo, Report, Sheet};
use super::totals::Totals;
use super::writer::{Elsewhere, Error, Part, Writer};
use chrono_tz::Tz;
use std::borrow::Cow;
use std::path::PathBuf;

/// Rows of a sheet that the page shows. More are not read, and make a page that cannot be printed.
const MOST_ROWS: u64 = 500;

/// Columns from which a table is printed in smaller type.
const WIDE: usize = 13;

/// Text up to so many bytes stands on one line.
const SHORT: usize = 28;

/// Writes the page as rows come.
pub(super) struct Html<'w> {
    out: Part<'w>,
    zone: Tz,
    notes: Vec<String>,
    elsewhere: Elsewhere,
    sheet: String,
    columns: Vec<Column>,
    totals: Totals,
    led_to: Vec<LedTo>,
    /// The key of the row before, where rows of the sheet are led to.
    key: Option<(usize, String)>,
}

impl<'w> Html<'w> {
    pub(super) fn create(mut out: Part<'w>, report: &Report, elsewhere: Elsewhere) -> Result<Self, Error> {
        out.text(&head(report))?;
        let (zone, notes, led_to) = (report.time_zone, report.notes.clone(), report.led_to.clone());
        let (sheet, columns, totals) = (String::new(), Vec::new(), Totals::default());
        Ok(Self { out, zone, notes, elsewhere, sheet, columns, totals, led_to, key: None })
    }

    fn shown(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.is_detail)
    }

    /// The columns that are shown, with what `cells` has for each.
    fn shown_of<'c, C>(&'c self, cells: &'c [C]) -> impl Iterator<Item = (&'c Column, &'c C)> {
        self.columns.iter().zip(cells).filter(|(column, _)| !column.is_detail)
    }

    fn table_head(&self) -> String {
        let class = if self.shown().count() >= WIDE { " class=\"wide\"" } else { "" };
        let mut text = format!("<div class=\"scroll\"><table{class}>\n<thead><tr>");
        for column in self.shown() {
            let class = if column.kind.is_figure() { " class=\"n\"" } else { "" };
            text.push_str(&format!("<th scope=\"col\"{class}>{}</th>", escape(&column.title)));
        }
        text.push_str("</tr></thead>\n<tbody>\n");
        text
    }

    fn table_foot(&self) -> String {
        let mut text = String::from("</tbody>\n");
        if let Some(sums) = self.totals.sums() {
            text.push_str("<tfoot><tr>");
            for (at, (column, sum)) in self.shown_of(sums).enumerate() {
                text.push_str(&match sum {
                    Some(sum) => td(column, &Cell::Number(*sum), self.zone),
                    None if at == 0 => String::from("<td>Total</td>"),
                    None => String::from("<td></td>"),
                });
            }
            text.push_str("</tr></tfoot>\n");
        }
        text.push_str("</table></div>\n");
        text
    }
}

impl Writer for Html<'_> {
    fn begin_sheet(&mut self, sheet: &Sheet) -> Result<(), Error> {
        self.sheet.clone_from(&sheet.id);
        self.columns.clone_from(&sheet.columns);
        self.totals = Totals::of(sheet);
        let led_to = self.led_to.iter().find(|led_to| led_to.sheet == sheet.id);
        self.key = led_to.map(|led_to| (led_to.column, String::new()));
        let (id, title, about) = (escape(&sheet.id), escape(&sheet.title), escape(&sheet.about));
        self.out
            .text(&format!("<section id=\"{id}\">\n<h2>{title}</h2>\n<p class=\"about\">{about}</p>\n"))?;
        sheet.charts.iter().try_for_each(|drawn| self.out.text(&chart::svg(drawn)))
    }

    fn row(&mut self, cells: &[Cell]) -> Result<(), Error> {
        if self.totals.rows() == 0 {
            self.out.text(&self.table_head())?;
        }
        self.totals.add(cells);
        if self.totals.rows() > MOST_ROWS {
            return Ok(());
        }
        let row: String = self.shown_of(cells).map(|(column, cell)| td(column, cell, self.zone)).collect();
        let mut anchor = String::new();
        if let Some((place, before)) = &mut self.key
            && let Some((cell, column)) = cells.get(*place).zip(self.columns.get(*place))
        {
            // The first of several rows of one key.
            let key = figure::key(column.kind, cell);
            if !key.is_empty() && key != *before {
                anchor = format!(" id=\"{}-{}\"", escape(&self.sheet), escape(&key));
                *before = key;
            }
        }
        self.out.text(&format!("<tr{anchor}>{row}</tr>\n"))
    }

    fn end_sheet(&mut self) -> Result<(), Error> {
        let rows = self.totals.rows();
        if rows == 0 {
            return self.out.text("<p>Nothing to show.</p>\n</section>\n");
        }
        self.out.text(&self.table_foot())?;
        let mut left_out = Vec::new();
        if rows > MOST_ROWS {
            let more = figure::number(super::Kind::Count, (rows - MOST_ROWS).into());
            left_out.push(format!("{more} more rows"));
        }
        match self.columns.len() - self.shown().count() {
            0 => {}
            1 => left_out.push(String::from("1 more column")),
            more => left_out.push(format!("{more} more columns")),
        }
        if !left_out.is_empty() {
            let place = escape(&self.elsewhere.of_sheet(&self.sheet)).into_owned();
            self.out.text(&format!("<p class=\"more\">And {} {place}.</p>\n", left_out.join(" and ")))?;
        }
        self.out.text("</section>\n")
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<PathBuf>, Error> {
        if !self.notes.is_empty() {
            let notes: String =
                self.notes.iter().map(|note| format!("<li>{}</li>\n", escape(note))).collect();
            self.out.text(&format!("<section class=\"notes\">\n<ul>\n{notes}</ul>\n</section>\n"))?;
        }
        self.out.text("</body>\n</html>\n")?;
        self.out.finish()
    }
}

fn head(report: &Report) -> String {
    let title = escape(&report.title);
    let period = match report.period {
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("{from} to {to}"),
    };
    let zone = report.time_zone;
    let mut meta = vec![(String::from("As of"), figure::instant(report.as_of, zone))];
    meta.push((String::from("Time zone"), zone.name().to_owned()));
    meta.extend(report.run.iter().map(|run| (String::from("Run"), run.clone())));
    meta.extend(report.narrowed.iter().cloned());
    let meta: String = meta
        .iter()
        .map(|(name, value)| format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), escape(value)))
        .collect();
    let headlines: String = report
        .headlines
        .iter()
        .map(|line| {
            let value = figure::headline(line, zone);
            format!("<li><span>{}</span><strong>{}</strong></li>\n", escape(&line.title), escape(&value))
        })
        .collect();
    let headlines = match headlines.as_str() {
        "" => String::new(),
        lines => format!("<ul class=\"headlines\">\n{lines}</ul>\n"),
    };
    let style = include_str!("page.css");
    // The policy is a second lock: even a fault in our escaping would run and fetch nothing.
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}, {period}</title>\n\
         <style>\n{style}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n<p class=\"period\">{period}</p>\n\
         <dl class=\"meta\">\n{meta}</dl>\n{headlines}</header>\n"
    )
}

fn td(column: &Column, cell: &Cell, zone: Tz) -> String {
    let text = figure::cell(column.kind, cell, zone);
    let class = match cell {
        Cell::Number(number) if number.is_sign_negative() && !number.is_zero() => " class=\"n neg\"",
        Cell::Number(_) => " class=\"n\"",
        Cell::Date(_) | Cell::Instant(_) => " class=\"d\"",
        // Numbers of orders and invoices are not broken at their hyphens.
        Cell::Text(text) | Cell::Link { text, .. } if text.len() <= SHORT => " class=\"d\"",
        _ => "",
    };
    let text = escape(&text);
    let link = match cell {
        Cell::Link { target, .. } => figure::target(target),
        _ => None,
    };
    match link {
        Some(Target::Address(to) | Target::Beside(to)) => {
            format!("<td{class}><a href=\"{}\">{text}</a></td>", escape(to))
        }
        Some(Target::Sheet(id, None)) => format!("<td{class}><a href=\"#{}\">{text}</a></td>", escape(id)),
        // A row that the page has no room for is no place to lead to.
        Some(Target::Sheet(_, Some(row))) if row.parse::<u64>().is_ok_and(|row| row > MOST_ROWS) => {
            format!("<td{class}>{text}</td>")
        }
        Some(Target::Sheet(id, Some(row))) => {
            format!("<td{class}><a href=\"#{}-{}\">{text}</a></td>", escape(id), escape(row))
        }
        None => format!("<td{class}>{text}</td>"),
    }
}

/// Text as HTML: nothing in it is markup, and control characters are made visible.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| !matches!(c, '&' | '<' | '>' | '"' | '\'') && (!c.is_control() || c == '\n');
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if is_plain(c) || c == '\t' => escaped.push(c),
            _ => escaped.push('\u{fffd}'),
        }
    }
    Cow::Owned(escaped)
}
