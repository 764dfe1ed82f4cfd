//! Reconciliation: documents in, the report's figures out, worked out by hand in the comment of each scenario.

use super::{World, expect, scenarios, steps};
use chrono_tz::UTC;
use crossdock::canonical::Reason;
use crossdock::pipeline::reconciliation::{self, Asked, report};
use crossdock::reports::{Files, Format};
use crossdock::store::RunRow;
use futures_util::StreamExt as _;
use futures_util::stream;
use std::fmt::Write as _;

/// Columns that say the same in every run, by sheet.
const TOLD: [(&str, &[&str]); 7] = [
    (
        "by_partner",
        &[
            "partner",
            "kind",
            "invoices",
            "matched",
            "within_tolerance",
            "not_checked",
            "exceptions",
            "billed",
            "expected",
            "difference",
            "tolerated",
        ],
    ),
    ("by_reason", &["reason", "kind", "differences", "amount", "tolerated", "tolerated_amount", "decided"]),
    ("exceptions", &["invoice_number", "line", "item", "reason", "amount", "owner", "message", "evidence"]),
    ("tolerated", &["invoice_number", "line", "item", "reason", "amount", "tolerance"]),
    ("adjustments", &["invoice_number", "billed", "expected_before", "expected", "change", "status", "why"]),
    (
        "unbilled",
        &["kind", "partner", "purchase_order_number", "item", "shipped", "billed", "open", "price", "amount"],
    ),
    (
        "lines",
        &[
            "invoice_number",
            "line",
            "sku",
            "ordered",
            "shipped",
            "advised",
            "billed_before",
            "billed",
            "agreed_price",
            "price",
            "amount",
            "expected",
            "match",
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_cent_of_a_report_is_explained() {
    // Each has a database of its own, and mostly waits.
    let plays = scenarios("finance").into_iter().map(|(name, text)| async move {
        let told = played(&text).await;
        expect("finance", &name, &told)
    });
    let plays = stream::iter(plays).buffered(4);
    let wrong: Vec<String> = plays.filter_map(std::future::ready).collect().await;
    assert!(wrong.is_empty(), "{}\n(UPDATE_EXPECT=1 writes them anew)", wrong.join("\n"));
}

/// Plays a scenario; the reports that it asks for, or the month's.
async fn played(text: &str) -> String {
    let mut world = World::new().await;
    let (mut told, mut shown) = (String::new(), Vec::new());
    for step in steps(text) {
        match step.words.as_slice() {
            [word, from, to] if word == "report" => told.push_str(&reported(&world, from, to).await),
            [word, sheet] if word == "show" => shown.push((sheet.clone(), step.lines.join(" "))),
            [word, kind, decision] if word == "settle" => settle(&world, kind, decision).await,
            [word, kind] if word == "data" => load(&world, kind, &step.lines),
            _ => world.play(&step).await,
        }
    }
    if !shown.is_empty() {
        let columns: Vec<(&str, Vec<&str>)> = shown
            .iter()
            .map(|(sheet, columns)| (sheet.as_str(), columns.split_whitespace().collect()))
            .collect();
        return reported_in(&world, "2026-11-01", "2026-11-30", &columns).await;
    }
    if told.is_empty() {
        told = reported(&world, "2026-11-01", "2026-11-30").await;
    }
    told
}

/// A person decides about the exception of a kind.
async fn settle(world: &World, kind: &str, decision: &str) {
    let exceptions = world.database.store().list_exceptions(&Default::default(), 100).await.expect("lists");
    let found = exceptions.into_iter().find(|row| row.kind == kind).expect("there is one");
    let id = found.id.to_string();
    let arguments =
        ["exceptions", "settle", id.as_str(), "--decision", decision, "--reason", "agreed", "--by", "ann"];
    let told = world.ask(&arguments.map(str::to_owned));
    assert!(told.contains("it is closed"), "{told}");
}

/// Master data.
fn load(world: &World, kind: &str, lines: &[String]) {
    let path = world.folder.path().join(format!("{kind}.csv"));
    std::fs::write(&path, lines.join("\n") + "\n").expect("written");
    let path = path.display().to_string();
    let told = world.ask(&["data", "load", kind, &path, "--owner", "desk"].map(str::to_owned));
    assert!(told.contains("row"), "{told}");
}

async fn run(world: &World, from: &str, to: &str) -> RunRow {
    let asked = Asked {
        days: (from.parse().expect("a day"), to.parse().expect("a day")),
        partner: None,
        agreement: None,
        by: "ann".to_owned(),
    };
    let (store, agreements) = (world.database.store(), world.agreements());
    let id = reconciliation::run(&store, &agreements, &asked, world.now, |_, _| ()).await.expect("it runs");
    let found = store.find_reconciliation_run(Some(&id.to_string())).await.expect("asks");
    found.expect("it is kept")
}

/// The report of a run, its sheets as lines of the columns above.
pub(super) async fn reported(world: &World, from: &str, to: &str) -> String {
    reported_in(world, from, to, &TOLD.map(|(sheet, columns)| (sheet, columns.to_vec()))).await
}

async fn reported_in(world: &World, from: &str, to: &str, sheets: &[(&str, Vec<&str>)]) -> String {
    let row = run(world, from, to).await;
    let folder = tempfile::tempdir().expect("a folder");
    let into = folder.path().to_owned();
    let open = move |head: &_| {
        Files::create(&into, head, &[Format::Csv, Format::Xlsx, Format::Html])
            .map(|files| Box::new(files) as Box<dyn crossdock::reports::Writer + Send>)
    };
    let (_, files) = report::write(&world.database.store(), &row, UTC, open).await.expect("it is written");
    assert!(files.len() > 8, "{files:?}");
    let mut told = format!("{from} to {to}: {} invoices, {} lines\n", row.invoice_count, row.line_count);
    for (sheet, columns) in sheets {
        let path = folder.path().join(format!("reconciliation-{sheet}.csv"));
        let mut reader = csv::Reader::from_path(&path).expect("it is there");
        let header = reader.headers().expect("it has one").clone();
        let at: Vec<usize> = columns
            .iter()
            .map(|column| {
                header
                    .iter()
                    .position(|name| name == *column)
                    .unwrap_or_else(|| panic!("{sheet} has no {column}"))
            })
            .collect();
        let rows: Vec<_> = reader.records().map(|row| row.expect("it is one")).collect();
        if !rows.is_empty() {
            writeln!(told, "{sheet}").expect("memory takes it");
        }
        for row in rows {
            let cells: Vec<&str> = at.iter().map(|at| row.get(*at).unwrap_or_default()).collect();
            writeln!(told, "  {}", cells.join(" | ").trim_end()).expect("memory takes it");
        }
    }
    told
}

#[test]
fn every_reason_is_shown_by_a_scenario_and_told_in_the_guide() {
    let folder = super::fixtures().join("finance");
    let told: String = scenarios("finance")
        .into_iter()
        .map(|(name, _)| std::fs::read_to_string(folder.join(format!("{name}.out"))).expect("it is there"))
        .collect();
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guides/finance.md");
    let guide = std::fs::read_to_string(guide).expect("it is there");
    for reason in Reason::WORDS {
        assert!(told.contains(&format!("{reason} | ")), "no scenario shows {reason}");
        assert!(guide.contains(&format!("\n| `{reason}` |")), "the guide does not explain {reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told_the_same_for_ever_and_the_same_again() {
    let mut world = World::new().await;
    let text = scenarios("finance").into_iter().find(|(name, _)| name == "over").expect("it is there").1;
    for step in steps(&text) {
        world.play(&step).await;
    }
    let first = run(&world, "2026-11-01", "2026-11-30").await;
    world.now += chrono::TimeDelta::hours(1);
    let second = run(&world, "2026-11-01", "2026-11-30").await;
    assert_ne!(first.id, second.id);
    assert_eq!(first.digest, second.digest, "the same documents give the same figures");
    let mut connection = world.database.connection().await;
    for statement in [
        "update reconciliation_run set actor = 'eve'",
        "delete from reconciliation_difference",
        "update reconciliation_line set amount = 0",
        "truncate reconciliation_invoice",
    ] {
        let refused = sqlx::raw_sql(statement).execute(&mut connection).await;
        assert!(refused.is_err(), "{statement} must be refused");
    }
}
