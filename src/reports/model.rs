//! What a report is made of: its head, sheets, columns, cells and charts.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

/// The head of a report; its sheets follow it.
#[derive(Clone, Debug)]
pub struct Report {
    /// One word, which begins the names of its files.
    pub name: String,
    /// Its title.
    pub title: String,
    /// First and last day of the period, both within it.
    pub period: (NaiveDate, NaiveDate),
    /// The instant whose state it shows.
    pub as_of: DateTime<Utc>,
    /// Where days begin, and the zone of times that people read.
    pub time_zone: chrono_tz::Tz,
    /// The run it shows, if it shows one.
    pub run: Option<String>,
    /// What it was narrowed to, as name and value.
    pub narrowed: Vec<(String, String)>,
    /// The few figures that matter most.
    pub headlines: Vec<Headline>,
    /// How the figures were found, a sentence each.
    pub notes: Vec<String>,
    /// Sheets whose rows other cells lead to.
    pub led_to: Vec<LedTo>,
}

/// A sheet whose rows other cells lead to, each by what one of its columns says.
#[derive(Clone, Debug)]
pub struct LedTo {
    /// The id of the sheet.
    pub sheet: String,
    /// Its title.
    pub title: String,
    /// The place of the column, the first is 0.
    pub column: usize,
    /// What that holds.
    pub kind: Kind,
}

/// A figure that stands at the top.
#[derive(Clone, Debug)]
pub struct Headline {
    /// What it is.
    pub title: String,
    /// How it is shown.
    pub kind: Kind,
    /// The figure.
    pub value: Cell,
}

/// A section of a report: one table.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Never changes, since programs find it by this; a word such as `by_reason`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it shows, in a sentence.
    pub about: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Pictures of it, above the table.
    pub charts: Vec<Chart>,
}

/// A column of a sheet.
#[derive(Clone, Debug)]
pub struct Column {
    /// Never changes, since programs find it by this; a word such as `invoice_number`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What its cells hold.
    pub kind: Kind,
    /// Whether its sum is shown at the end.
    pub is_totalled: bool,
    /// Whether it is left out of the page, where there is no room for all.
    pub is_detail: bool,
}

/// What the cells of a column hold, which decides how they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words and identifiers.
    Text,
    /// Whole numbers.
    Count,
    /// Quantities: as many decimals as there are.
    Quantity,
    /// Times and other measures: one decimal.
    Measure,
    /// Prices: two decimals or more.
    Price,
    /// Money: two decimals.
    Money,
    /// Shares: 1 is shown as 100%.
    Percent,
    /// Days.
    Date,
    /// Instants, shown to people in the report's time zone.
    Instant,
    /// Text that leads somewhere.
    Link,
}

/// A cell. A column's kind says how it is shown; any cell may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing is known, or nothing applies.
    Empty,
    /// Text.
    Text(String),
    /// A number, exact.
    Number(Decimal),
    /// A day.
    Date(NaiveDate),
    /// An instant.
    Instant(DateTime<Utc>),
    /// Text that leads somewhere.
    Link {
        /// What is read.
        text: String,
        /// A web or mail address, a path beside the report, `#` and the id of a sheet, or of a row of a sheet that
        /// is led to: `#figures/3f2a91c4`. Anything else is not made a link.
        target: String,
    },
}

/// A picture of a sheet's figures.
#[derive(Clone, Debug)]
pub enum Chart {
    /// A bar each, in the order given.
    Bars {
        /// What it shows.
        title: String,
        /// How values are shown.
        kind: Kind,
        /// Names and values.
        bars: Vec<(String, Decimal)>,
    },
    /// A line over days.
    Line {
        /// What it shows.
        title: String,
        /// How values are shown.
        kind: Kind,
        /// Days, ascending, and values.
        points: Vec<(NaiveDate, Decimal)>,
    },
}

impl Sheet {
    /// A sheet without charts.
    #[must_use]
    pub fn new(id: &str, title: &str, about: &str, columns: Vec<Column>) -> Self {
        let (id, title, about) = (id.to_owned(), title.to_owned(), about.to_owned());
        Self { id, title, about, columns, charts: Vec::new() }
    }
}

impl Column {
    /// A column that is shown everywhere and not totalled.
    #[must_use]
    pub fn new(id: &str, title: &str, kind: Kind) -> Self {
        Self { id: id.to_owned(), title: title.to_owned(), kind, is_totalled: false, is_detail: false }
    }

    /// With its sum at the end.
    #[must_use]
    pub fn totalled(self) -> Self {
        Self { is_totalled: true, ..self }
    }

    /// Left out of the page.
    #[must_use]
    pub fn detail(self) -> Self {
        Self { is_detail: true, ..self }
    }
}

impl Kind {
    /// Whether cells of this kind are figures, which stand to the right.
    #[must_use]
    pub fn is_figure(self) -> bool {
        matches!(
            self,
            Self::Count | Self::Quantity | Self::Measure | Self::Price | Self::Money | Self::Percent
        )
    }

    /// The word for it in documents for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Count => "count",
            Self::Quantity => "quantity",
            Self::Measure => "measure",
            Self::Price => "price",
            Self::Money => "money",
            Self::Percent => "percent",
            Self::Date => "date",
            Self::Instant => "instant",
            Self::Link => "link",
        }
    }
}

impl Cell {
    /// Text that leads to a row of a sheet of the report.
    #[must_use]
    pub fn leading(text: Option<String>, sheet: &str, key: &str) -> Self {
        text.map_or(Self::Empty, |text| Self::Link { text, target: format!("#{sheet}/{key}") })
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Decimal> for Cell {
    fn from(number: Decimal) -> Self {
        Self::Number(number)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

impl From<NaiveDate> for Cell {
    fn from(date: NaiveDate) -> Self {
        Self::Date(date)
    }
}

impl From<DateTime<Utc>> for Cell {
    fn from(at: DateTime<Utc>) -> Self {
        Self::Instant(at)
    }
}
