//! Documents that must follow others: what is awaited, what came, what did not come in time, worked out by hand.

use super::agreements::hide_ids;
use super::{World, expect, scenarios, steps};
use crossdock::store::{ExceptionFilter, ExpectedDocumentFilter};
use std::fmt::Write as _;

#[tokio::test]
async fn what_does_not_come_in_time_is_told_and_what_comes_settles_it() {
    let mut wrong = Vec::new();
    for (name, text) in scenarios("missing") {
        let mut world = World::new().await;
        let began = world.now;
        let mut told = String::new();
        for step in steps(&text) {
            if step.words.first().is_some_and(|word| word == "look") {
                writeln!(told, "{}\n{}", step.words.join(" "), standing(&world, began).await)
                    .expect("memory takes it");
            } else {
                world.play(&step).await;
            }
        }
        wrong.extend(expect("missing", &name, &told));
    }
    assert!(wrong.is_empty(), "{}\n(UPDATE_EXPECT=1 writes them anew)", wrong.join("\n"));
}

/// What is expected, by hours since the beginning, and the exceptions.
async fn standing(world: &World, began: chrono::DateTime<chrono::Utc>) -> String {
    let store = world.database.store();
    let mut told = String::new();
    let mut add = |line: String| writeln!(told, "{}", line.trim_end()).expect("memory takes it");
    let hours = |at: chrono::DateTime<chrono::Utc>| (at - began).num_hours();
    let filter = ExpectedDocumentFilter::default();
    for row in store.list_expected_documents(&filter, 100).await.expect("lists") {
        let way = if row.ours { "to" } else { "from" };
        let settled = row.settled_at.map(|at| format!(" at {} h", hours(at))).unwrap_or_default();
        let reminded =
            if row.reminders > 0 { format!(", {} reminders", row.reminders) } else { String::new() };
        add(format!(
            "{} {way} {} for {} {} after the {}, due at {} h: {}{settled}{reminded} {}",
            row.document,
            row.partner_id,
            row.number_kind,
            row.raw,
            row.after,
            hours(row.due_at),
            row.state,
            row.reason
        ));
    }
    let mut exceptions = store.list_exceptions(&ExceptionFilter::default(), 100).await.expect("lists");
    exceptions.sort_by(|a, b| (&a.kind, &a.message).cmp(&(&b.kind, &b.message)));
    for row in exceptions.into_iter().filter(|row| row.kind == "document_missing") {
        let owner = row.escalated_at.and(row.owner).map(|to| format!("now with {to}")).unwrap_or_default();
        add(format!("{} {}: {} {}{owner}", row.state, row.kind, row.message, row.settled_reason));
    }
    let due = without_times(&hide_ids(&told));
    world.without_today(&due)
}

/// Dates and times of day differ from run to run.
fn without_times(told: &str) -> String {
    let is_time = |word: &str| {
        let digits = word.trim_end_matches([',', ';', ')']);
        let shaped = |split: char, parts: usize| {
            digits.split(split).count() == parts && digits.chars().all(|c| c.is_ascii_digit() || c == split)
        };
        shaped('-', 3) || shaped(':', 2)
    };
    let word = |word: &str| if is_time(word) { "WHEN".to_owned() } else { word.to_owned() };
    let lines: Vec<String> =
        told.lines().map(|line| line.split(' ').map(word).collect::<Vec<_>>().join(" ")).collect();
    lines.join("\n") + "\n"
}
