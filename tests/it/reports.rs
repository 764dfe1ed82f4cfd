//! Reports in all their forms, held against files of `reports/`; `UPDATE_EXPECT=1` writes them anew.

use chrono::{DateTime, NaiveDate, Utc};
use crossdock::reports::{
    Cell, Chart, Column, Files, Format, Headline, Kind, LedTo, Report, Sheet, Writer, json_to,
};
use rust_decimal::Decimal;
use std::fmt::Write as _;
use std::io::Read;
use std::path::{Path, PathBuf};

#[path = "reports/mail.rs"]
mod mail;
#[path = "reports/operational.rs"]
mod operational;

const ALL: [Format; 4] = [Format::Csv, Format::Xlsx, Format::Html, Format::Json];

#[test]
fn a_report_is_written_as_expected_in_every_form() {
    let folder = tempfile::tempdir().expect("a folder");
    let written = write(folder.path(), &ALL, &rows());
    let mut names: Vec<String> = written.iter().map(|path| name(path)).collect();
    assert_eq!(
        names,
        [
            "invoices-lines.csv",
            "invoices-by_reason.csv",
            "invoices-late.csv",
            "invoices.xlsx",
            "invoices.html",
            "invoices.json"
        ]
    );
    names.retain(|name| !name.ends_with("xlsx"));
    for name in names {
        let text = std::fs::read_to_string(folder.path().join(&name)).expect("it was written");
        expect(&name, &text);
    }
    expect("invoices.xlsx.txt", &workbook(&folder.path().join("invoices.xlsx")));
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 6, "nothing passing is left");
}

#[test]
fn the_same_report_twice_is_the_same_bytes() {
    let (first, second) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let written = write(first.path(), &ALL, &rows());
    write(second.path(), &ALL, &rows());
    for path in written {
        let again = second.path().join(name(&path));
        let same = std::fs::read(&path).expect("written") == std::fs::read(again).expect("written");
        assert!(same, "{} differs", name(&path));
    }
}

#[test]
fn nothing_has_its_name_before_all_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = Files::create(folder.path(), &report(), &ALL).expect("files");
    for sheet in sheets() {
        files.begin_sheet(&sheet).expect("written");
        files.end_sheet().expect("written");
    }
    assert_eq!(named(folder.path()), Vec::<String>::new());
    Box::new(files).finish().expect("written");
    assert_eq!(named(folder.path()).len(), 6);
}

#[test]
fn a_page_shows_the_first_rows_and_says_where_the_others_are() {
    let many: Vec<Vec<Cell>> = (0..1_700).map(|_| line("plain", "X", "1.00")).collect();
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), &[Format::Html, Format::Xlsx], &many);
    let page = std::fs::read_to_string(folder.path().join("invoices.html")).expect("written");
    assert_eq!(page.matches("plain").count(), 500);
    assert!(page.contains("And 1,200 more rows and 2 more columns in invoices.xlsx."), "{page}");
    assert!(page.contains("<td class=\"n\">1,700.00</td>"), "the total is that of all rows");
}

#[test]
fn a_document_for_programs_goes_to_any_writer() {
    let mut out = Vec::new();
    let mut writer = json_to(&mut out, &report()).expect("written");
    writer.begin_sheet(&sheets()[0]).expect("written");
    writer.row(&line("a", "b", "12.340")).expect("written");
    writer.end_sheet().expect("written");
    writer.finish().expect("written");
    let read: serde_json::Value = serde_json::from_slice(&out).expect("it is JSON");
    assert_eq!(read["sheets"][0]["rows"][0]["amount"], "12.340");
    assert_eq!(read["report"]["from"], "2026-10-01");
}

/// The files of a folder that have their names.
fn named(folder: &Path) -> Vec<String> {
    let all = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| name(&entry.path()));
    all.filter(|name| !name.starts_with('.')).collect()
}

fn name(path: &Path) -> String {
    path.file_name().expect("it has a name").to_string_lossy().into_owned()
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant")
}

fn number(text: &str) -> Decimal {
    text.parse().expect("a number")
}

fn report() -> Report {
    let headline = |title: &str, kind, value: Cell| Headline { title: title.to_owned(), kind, value };
    Report {
        name: String::from("invoices"),
        title: String::from("Invoices & <differences>"),
        period: (day("2026-10-01"), day("2026-10-31")),
        as_of: at("2026-11-01T04:30:00Z"),
        time_zone: chrono_tz::America::New_York,
        run: Some(String::from("7f3c2a10")),
        narrowed: vec![(String::from("Partner"), String::from("north"))],
        headlines: vec![
            headline("Lines", Kind::Count, Cell::from(1_234)),
            headline("Value", Kind::Money, number("-98765.4").into()),
            headline("Matched", Kind::Percent, number("0.9875").into()),
        ],
        notes: vec![String::from("Each line is rounded half up to the cent, then added.")],
        led_to: vec![LedTo {
            sheet: String::from("by_reason"),
            title: String::from("By reason"),
            column: 0,
            kind: Kind::Text,
        }],
    }
}

fn sheets() -> Vec<Sheet> {
    let mut by_reason = Sheet::new(
        "by_reason",
        "By reason",
        "What the differences of the period are about.",
        vec![
            Column::new("reason", "Reason", Kind::Text),
            Column::new("amount", "Amount", Kind::Money).totalled(),
        ],
    );
    by_reason.charts = vec![
        Chart::Bars {
            title: String::from("Value by reason"),
            kind: Kind::Money,
            bars: vec![
                (String::from("Price above the order's"), number("5120.5")),
                (String::from("Credit"), number("-800")),
            ],
        },
        Chart::Line {
            title: String::from("Match rate"),
            kind: Kind::Percent,
            points: vec![
                (day("2026-10-01"), number("0.95")),
                (day("2026-10-08"), number("0.985")),
                (day("2026-10-29"), number("1")),
            ],
        },
    ];
    vec![
        Sheet::new(
            "lines",
            "Lines: all/every",
            "Every line of the period.",
            vec![
                Column::new("invoice_number", "Invoice", Kind::Text),
                Column::new("partner", "Partner", Kind::Link),
                Column::new("quantity", "Quantity", Kind::Quantity).totalled(),
                Column::new("price", "Price", Kind::Price),
                Column::new("amount", "Amount", Kind::Money).totalled(),
                Column::new("checked", "Checked amount", Kind::Money).totalled().detail(),
                Column::new("share", "Share", Kind::Percent),
                Column::new("invoice_date", "Date", Kind::Date),
                Column::new("received_at", "Received", Kind::Instant),
                Column::new("comment", "Comment", Kind::Text).detail(),
            ],
        ),
        by_reason,
        Sheet::new("late", "Late", "Nothing is late.", vec![Column::new("number", "Number", Kind::Text)]),
    ]
}

fn line(invoice: &str, partner: &str, amount: &str) -> Vec<Cell> {
    vec![
        invoice.into(),
        Cell::Link { text: partner.to_owned(), target: String::from("https://hub.example/files/1?a=1&b=2") },
        number("12.000").into(),
        number("1.0375").into(),
        number(amount).into(),
        number(amount).into(),
        number("0.025").into(),
        day("2026-10-31").into(),
        at("2026-11-01T05:59:59.120Z").into(),
        "fine".into(),
    ]
}

/// Rows with all that must not happen to whom opens them.
fn rows() -> Vec<Vec<Cell>> {
    let mut rows = vec![line("INV-1", "North & <South>", "1234567.5")];
    for formula in [
        "=HYPERLINK(\"http://a\")",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "＝1",
        "007",
        "a,\"b\"\nc",
        "<script>alert(1)</script>",
    ] {
        rows.push(line(formula, "plain", "-0.01"));
    }
    for target in [
        "javascript:alert(1)",
        "evidence/1.edi",
        "#by_reason",
        "#by_reason/price_over",
        "#by_reason/\"&CMD()&\"",
        "#nowhere/1",
        "../../etc/passwd",
    ] {
        let mut row = line("INV-2", "", "0.00");
        row[1] = Cell::Link { text: target.to_owned(), target: target.to_owned() };
        rows.push(row);
    }
    let mut large = line("INV-3", "North", "1.00");
    // 17 digits: a double would change the last.
    large[5] = number("12345678901234567.89").into();
    rows.push(large);
    rows.push(line(
        "it has more letters than a column is wide, so that they take two lines",
        "North",
        "2.00",
    ));
    rows.push(vec![Cell::Empty; 10]);
    rows
}

fn write(folder: &Path, formats: &[Format], lines: &[Vec<Cell>]) -> Vec<PathBuf> {
    let mut files = Files::create(folder, &report(), formats).expect("files");
    for sheet in sheets() {
        files.begin_sheet(&sheet).expect("written");
        match sheet.id.as_str() {
            "lines" => lines.iter().for_each(|row| files.row(row).expect("written")),
            "by_reason" => {
                files.row(&["Price above the order's".into(), number("5120.50").into()]).expect("written");
                files.row(&["Credit".into(), number("-800.00").into()]).expect("written");
            }
            _ => {}
        }
        files.end_sheet().expect("written");
    }
    Box::new(files).finish().expect("written")
}

/// The parts of a workbook that hold what was written, a cell a line.
fn workbook(path: &Path) -> String {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).expect("written")).expect("a ZIP");
    let mut names: Vec<String> = archive.file_names().map(|name| name.expect("text").into_owned()).collect();
    names.sort();
    let mut text = String::new();
    for name in names.iter().filter(|name| {
        name.contains("worksheets/")
            || name.ends_with("workbook.xml")
            || name.ends_with("styles.xml")
            || name.ends_with("core.xml")
    }) {
        let mut part = String::new();
        archive.by_name(name).expect("listed").read_to_string(&mut part).expect("text");
        let part = part
            .replace("<row", "\n<row")
            .replace("<c ", "\n  <c ")
            .replace("<xf ", "\n<xf ")
            .replace("<hyperlink ", "\n<hyperlink ");
        writeln!(text, "== {name}\n{part}").expect("memory takes all text");
    }
    text
}

/// Compares with the file beside the tests.
fn expect(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/reports").join(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, text).expect("the folder is ours");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name} (UPDATE_EXPECT=1 writes it anew)");
}
