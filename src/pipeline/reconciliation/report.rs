//! The report of a run: its snapshot, sheet by sheet, read and written page by page.

use super::super::hub::Error;
use super::details;
use crate::canonical::Reason;
use crate::ids::short;
use crate::reports::{self, Cell, Chart, Column, Headline, Kind, LedTo, Report, Sheet, Writer};
use crate::store::{ByPartnerRow, ByReasonRow, DifferenceRow, RunRow, Store};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tokio::sync::mpsc::{self, Sender};

/// Rows read at once.
pub(super) const PAGE: i64 = 2_000;

/// How the figures were found, a sentence each.
const NOTES: [&str; 6] = [
    "Each invoice is compared with the revision of its order that was in force: sales with order and 945 (856 where no 945 came), purchases with order, 856 and receipt, services with the rate card and what was counted.",
    "Amounts are positive where too much is billed. The differences of an invoice add up to what it bills less what was expected, to the cent; each line is rounded half up to the cent unless the profile says otherwise.",
    "Nothing is let pass unless a tolerance of the profile says so; what is let pass stands in a section of its own.",
    "Short, substituted and back-ordered goods are no differences of money; what was shipped and is not billed stands as an accrual at the agreed price.",
    "A line is matched when its item was ordered; prices come from the order, else from the price list, else they are not checked.",
    "A run never changes: what comes later is told by the adjustments of a later run.",
];

/// Writes the report of a run to what `open` opens for it; gives its head and its files.
///
/// # Errors
/// When the database cannot be asked, or the report cannot be written.
pub async fn write(
    store: &Store,
    run: &RunRow,
    time_zone: Tz,
    open: impl FnOnce(&Report) -> Result<Box<dyn Writer + Send>, reports::Error> + Send + 'static,
) -> Result<(Report, Vec<PathBuf>), Error> {
    let partners = store.sum_run_by_partner(run.id).await?;
    let reasons = store.sum_run_by_reason(run.id).await?;
    let unbilled = store.sum_unbilled(run.id).await?;
    let report = head(run, time_zone, &partners, unbilled);
    let (sender, mut pieces) = mpsc::channel::<Piece>(2);
    let opened = report.clone();
    let writing = tokio::task::spawn_blocking(move || {
        let mut writer = open(&opened)?;
        while let Some(piece) = pieces.blocking_recv() {
            match piece {
                Piece::Begin(sheet) => writer.begin_sheet(&sheet)?,
                Piece::Rows(rows) => rows.iter().try_for_each(|row| writer.row(row))?,
                Piece::End => writer.end_sheet()?,
            }
        }
        writer.finish()
    });
    // When nobody takes the pieces any more, the writer says why.
    match sheets(store, run, &partners, &reasons, &sender).await {
        Err(Stopped::Store(error)) => return Err(error.into()),
        Err(Stopped::Panicked(error)) => return Err(Error::Panicked(error)),
        Err(Stopped::Writer) | Ok(()) => {}
    }
    drop(sender);
    let files = writing.await.map_err(Error::Panicked)??;
    Ok((report, files))
}

pub(super) enum Piece {
    Begin(Box<Sheet>),
    Rows(Vec<Vec<Cell>>),
    End,
}

pub(super) enum Stopped {
    Store(crate::store::Error),
    Panicked(tokio::task::JoinError),
    Writer,
}

impl From<crate::store::Error> for Stopped {
    fn from(error: crate::store::Error) -> Self {
        Self::Store(error)
    }
}

pub(super) async fn send(sender: &Sender<Piece>, piece: Piece) -> Result<(), Stopped> {
    sender.send(piece).await.map_err(|_| Stopped::Writer)
}

async fn whole(sender: &Sender<Piece>, sheet: Sheet, rows: Vec<Vec<Cell>>) -> Result<(), Stopped> {
    send(sender, Piece::Begin(Box::new(sheet))).await?;
    send(sender, Piece::Rows(rows)).await?;
    send(sender, Piece::End).await
}

/// Sends a sheet whose rows are read page by page: `read` gives what stands behind a place, `place` tells where a row
/// stands, and `cells` makes rows of the sheet of it.
pub(super) async fn paged<R, P: Copy, C: IntoIterator<Item = Vec<Cell>>, F>(
    sender: &Sender<Piece>,
    sheet: Sheet,
    first: P,
    read: impl Fn(P) -> F,
    place: impl Fn(&R) -> P,
    cells: impl Fn(R) -> C,
) -> Result<(), Stopped>
where
    F: Future<Output = Result<Vec<R>, crate::store::Error>>,
{
    send(sender, Piece::Begin(Box::new(sheet))).await?;
    let mut after = first;
    loop {
        let page = read(after).await?;
        let Some(last) = page.last() else { break };
        after = place(last);
        send(sender, Piece::Rows(page.into_iter().flat_map(&cells).collect())).await?;
    }
    send(sender, Piece::End).await
}

fn head(run: &RunRow, time_zone: Tz, partners: &[ByPartnerRow], unbilled: Vec<(String, Decimal)>) -> Report {
    let sum = |of: fn(&ByPartnerRow) -> i64| partners.iter().map(of).sum::<i64>();
    let all = sum(|row| row.invoices);
    let agree = sum(|row| row.matched + row.within_tolerance);
    let mut headlines = vec![Headline { title: "Invoices".to_owned(), kind: Kind::Count, value: all.into() }];
    let rate = Decimal::from(agree).checked_div(Decimal::from(all)).map(|rate| rate.round_dp(4));
    headlines.push(Headline { title: "Agree".to_owned(), kind: Kind::Percent, value: rate.into() });
    let mut sums: BTreeMap<&str, [Decimal; 3]> = BTreeMap::new();
    for row in partners {
        let own = sums.entry(&row.currency).or_default();
        own[0] += row.billed;
        own[1] += row.difference;
        own[2] += row.tolerated;
    }
    let money = |title: String, value: Decimal| Headline { title, kind: Kind::Money, value: value.into() };
    for (currency, [billed, difference, tolerated]) in sums {
        headlines.push(money(format!("Billed, {currency}"), billed));
        headlines.push(money(format!("Differences that stand, {currency}"), difference));
        headlines.push(money(format!("Let pass, {currency}"), tolerated));
    }
    for (currency, amount) in unbilled {
        headlines.push(money(format!("Shipped and not billed, {currency}"), amount));
    }
    let narrowed = [("Partner", &run.partner_id), ("Agreement", &run.agreement)];
    Report {
        name: "reconciliation".to_owned(),
        title: "Reconciliation of invoices".to_owned(),
        period: (run.from_day, run.to_day),
        as_of: run.as_of,
        time_zone,
        run: Some(short(run.id)),
        narrowed: narrowed
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
            .collect(),
        headlines,
        notes: NOTES.iter().map(|note| (*note).to_owned()).collect(),
        led_to: [
            ("exceptions", "Differences that stand", 0, Kind::Count),
            ("tolerated", "Differences let pass", 0, Kind::Count),
            ("invoices", "Invoices", 0, Kind::Count),
            ("lines", "Lines", 0, Kind::Count),
            ("figures", "Figures", 0, Kind::Text),
        ]
        .map(|(sheet, title, column, kind)| LedTo {
            sheet: sheet.to_owned(),
            title: title.to_owned(),
            column,
            kind,
        })
        .to_vec(),
    }
}

async fn sheets(
    store: &Store,
    run: &RunRow,
    partners: &[ByPartnerRow],
    reasons: &[ByReasonRow],
    sender: &Sender<Piece>,
) -> Result<(), Stopped> {
    // A sum over currencies means nothing.
    let currencies: Vec<&str> = partners.iter().map(|row| row.currency.as_str()).collect();
    let one_currency = currencies.windows(2).all(|pair| pair.first() == pair.last());
    let days = store.count_matches_by_day(run.id).await?;
    let (sheet, rows) = by_partner(partners, one_currency, &days);
    whole(sender, sheet, rows).await?;
    let (sheet, rows) = by_reason(reasons, one_currency);
    whole(sender, sheet, rows).await?;
    differences(store, run, one_currency, sender).await?;
    details::adjustments(store, run, one_currency, sender).await?;
    details::unbilled(store, run, sender).await?;
    details::invoices(store, run, one_currency, sender).await?;
    details::lines(store, run, one_currency, sender).await?;
    details::figures(store, run, sender).await
}

pub(super) fn money(id: &str, title: &str, one_currency: bool) -> Column {
    let column = Column::new(id, title, Kind::Money);
    if one_currency { column.totalled() } else { column }
}

/// Beside amounts of several currencies it stands on the page too; of one, the headlines name it.
pub(super) fn currency(one_currency: bool) -> Column {
    let column = text("currency", "Currency");
    if one_currency { column.detail() } else { column }
}

pub(super) fn text(id: &str, title: &str) -> Column {
    Column::new(id, title, Kind::Text)
}

fn by_partner(
    partners: &[ByPartnerRow],
    one_currency: bool,
    days: &[(chrono::NaiveDate, i64, i64)],
) -> (Sheet, Vec<Vec<Cell>>) {
    let count = |id: &str, title: &str| Column::new(id, title, Kind::Count).totalled();
    let mut sheet = Sheet::new(
        "by_partner",
        "By partner",
        "Every invoice of the period once: what it bills, what was expected, and what of it agrees.",
        vec![
            text("partner", "Partner"),
            text("kind", "Kind"),
            text("currency", "Currency"),
            count("invoices", "Invoices"),
            count("matched", "Agree"),
            count("within_tolerance", "Let pass"),
            count("not_checked", "Not checked"),
            count("exceptions", "Differ"),
            money("billed", "Billed", one_currency),
            money("expected", "Expected", one_currency),
            money("difference", "Difference", one_currency),
            money("tolerated", "Amount let pass", one_currency),
        ],
    );
    let points = days.iter().filter_map(|(day, all, matched)| {
        Some((*day, Decimal::from(*matched).checked_div(Decimal::from(*all))?.round_dp(4)))
    });
    let points: Vec<_> = points.collect();
    if points.len() > 1 {
        let title = "Share of invoices that agree, by day of the invoice".to_owned();
        sheet.charts.push(Chart::Line { title, kind: Kind::Percent, points });
    }
    let rows = partners.iter().map(|row| {
        vec![
            row.partner_id.as_str().into(),
            row.kind.as_str().into(),
            row.currency.as_str().into(),
            row.invoices.into(),
            row.matched.into(),
            row.within_tolerance.into(),
            row.not_checked.into(),
            row.exceptions.into(),
            row.billed.into(),
            row.expected.into(),
            row.difference.into(),
            row.tolerated.into(),
        ]
    });
    (sheet, rows.collect())
}

fn by_reason(reasons: &[ByReasonRow], one_currency: bool) -> (Sheet, Vec<Vec<Cell>>) {
    let count = |id: &str, title: &str| Column::new(id, title, Kind::Count).totalled();
    let mut sheet = Sheet::new(
        "by_reason",
        "By reason",
        "Every difference has one reason. What is still to be billed is no money that is wrong, and stands apart from it.",
        vec![
            text("reason", "Reason"),
            text("meaning", "What it is"),
            text("kind", "Kind"),
            text("currency", "Currency"),
            count("differences", "Differences"),
            money("amount", "Amount", one_currency),
            count("tolerated", "Let pass"),
            money("tolerated_amount", "Amount let pass", one_currency),
            count("decided", "Decided"),
            text("advice", "What to do"),
        ],
    );
    let mut bars: Vec<(String, Decimal)> = Vec::new();
    let rows = reasons.iter().map(|row| {
        let reason = row.reason.parse::<Reason>().ok();
        let title = reason.map_or_else(|| row.reason.clone(), |reason| reason.title().to_owned());
        if one_currency && !row.amount.is_zero() && reason.is_some_and(|reason| !reason.is_open_side()) {
            match bars.iter_mut().find(|(known, _)| *known == title) {
                Some((_, sum)) => *sum += row.amount,
                None => bars.push((title.clone(), row.amount)),
            }
        }
        vec![
            row.reason.as_str().into(),
            title.into(),
            row.kind.as_str().into(),
            row.currency.as_str().into(),
            row.differences.into(),
            row.amount.into(),
            row.tolerated.into(),
            row.tolerated_amount.into(),
            row.decided.into(),
            reason.map_or("", Reason::advice).into(),
        ]
    });
    let rows = rows.collect();
    if !bars.is_empty() {
        let title = "Differences that stand, by reason".to_owned();
        sheet.charts.push(Chart::Bars { title, kind: Kind::Money, bars });
    }
    (sheet, rows)
}

/// Differences that stand, and those let pass.
async fn differences(
    store: &Store,
    run: &RunRow,
    one_currency: bool,
    sender: &Sender<Piece>,
) -> Result<(), Stopped> {
    let has_disputes = store.has_disputes(run.id).await?;
    let dispute_by = Column::new("dispute_by", "Dispute by", Kind::Date);
    let is_open = |row: &DifferenceRow| row.reason.parse::<Reason>().is_ok_and(Reason::is_open_side);
    let sections = [
        (
            "exceptions",
            "Differences that stand",
            "What a person decides: approve, short-pay, hold, or ask for a credit (`crossdock exceptions settle ID --decision …`).",
            false,
        ),
        (
            "tolerated",
            "Differences let pass",
            "Within a tolerance of the profile, which stands beside each.",
            true,
        ),
    ];
    for (id, title, about, let_pass) in sections {
        let columns = vec![
            Column::new("no", "No.", Kind::Count).detail(),
            text("partner", "Partner"),
            text("agreement", "Agreement").detail(),
            text("kind", "Kind").detail(),
            text("invoice_number", "Invoice"),
            Column::new("invoiced_on", "Invoiced", Kind::Date).detail(),
            text("purchase_order_number", "Order"),
            text("line", "Line"),
            text("item", "Item or charge"),
            text("reason", "Reason"),
            money("amount", "Amount", one_currency),
            currency(one_currency),
            text("message", "What differs"),
            text("advice", "What to do").detail(),
            text("tolerance", "Tolerance").detail(),
            text("owner", "Owner").detail(),
            Column::new("first_seen_at", "First seen", Kind::Instant).detail(),
            Column::new("age_days", "Age in days", Kind::Count),
            text("age", "Age").detail(),
            text("decision", "Decision").detail(),
            text("decided_by", "By").detail(),
            Column::new("decided_at", "At", Kind::Instant).detail(),
            text("decided_why", "Why").detail(),
            text("evidence", "Where it stands").detail(),
            text("exception", "Exception"),
            text("run", "Run").detail(),
            // Only where somebody agreed on it, it has room on the page.
            if has_disputes { dispute_by.clone() } else { dispute_by.clone().detail() },
        ];
        paged(
            sender,
            Sheet::new(id, title, about, columns),
            (0, 0),
            |after| store.list_differences(run.id, Some(let_pass), after, PAGE),
            |row| (row.invoice, row.ordinal),
            |row| (!is_open(&row)).then(|| difference(&row, run)),
        )
        .await?;
    }
    Ok(())
}

fn difference(row: &DifferenceRow, run: &RunRow) -> Vec<Cell> {
    let reason = row.reason.parse::<Reason>().ok();
    let age = (run.as_of - row.first_seen_at).num_days().max(0);
    let (no, exception) = (row.invoice.to_string(), short(row.exception_id));
    let has_figures = row.figures.as_array().is_some_and(|figures| !figures.is_empty());
    vec![
        i64::from(row.invoice).into(),
        row.partner_id.as_str().into(),
        row.agreement.clone().into(),
        row.kind.as_str().into(),
        Cell::leading(row.invoice_number.clone(), "invoices", &no),
        row.invoiced_on.into(),
        row.purchase_order_number.clone().into(),
        row.line_number.clone().or_else(|| row.line_ordinal.map(|at| format!("no. {at}"))).into(),
        row.item.clone().into(),
        row.reason.as_str().into(),
        row.amount.into(),
        row.currency.as_str().into(),
        row.message.as_str().into(),
        reason.map(Reason::advice).into(),
        row.tolerated.clone().into(),
        row.owner.clone().into(),
        row.first_seen_at.into(),
        age.into(),
        bucket(age).into(),
        row.decision.clone().into(),
        row.decided_by.clone().into(),
        row.decided_at.into(),
        row.decided_why.clone().into(),
        evidence(row).into(),
        if has_figures {
            Cell::leading(Some(exception.clone()), "figures", &exception)
        } else {
            exception.into()
        },
        short(run.id).into(),
        row.dispute_by.into(),
    ]
}

/// The ages by which finance sorts what is open.
pub(super) fn bucket(days: i64) -> &'static str {
    match days {
        ..=7 => "0-7",
        8..=30 => "8-30",
        31..=60 => "31-60",
        61..=90 => "61-90",
        _ => "over 90",
    }
}

/// The figures of a difference in a line: `quantity billed 9 (810 b.edi segment 7 IT102)`.
fn evidence(row: &DifferenceRow) -> String {
    let figures = row.figures.as_array().into_iter().flatten();
    let one = |figure: &serde_json::Value| {
        let said = |key: &str| figure.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
        let place = [said("kind"), said("file")].join(" ");
        let segment = figure.get("segment_position").and_then(serde_json::Value::as_u64);
        // A figure of the whole document has an element and no segment of its own.
        let segment = segment.filter(|at| *at > 0).map(|at| format!(" segment {at}")).unwrap_or_default();
        let element = said("element");
        let element = if element.is_empty() { String::new() } else { format!(" {element}") };
        let written = said("written");
        let element = if written.is_empty() { element } else { format!("{element}, written {written}") };
        let place = place.trim();
        let place = if place.is_empty() { String::new() } else { format!(" ({place}{segment}{element})") };
        format!("{} {}{place}", said("name"), said("value"))
    };
    figures.map(one).collect::<Vec<_>>().join("; ")
}
