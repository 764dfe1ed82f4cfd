//! Order of arrival does not matter: what stands in the end is the same, in whatever order documents come.

use super::agreements::hide_ids;
use super::finance::reported;
use super::{Step, World, scenarios, steps};
use crossdock::store::{ExceptionFilter, ExceptionState};
use futures_util::StreamExt as _;
use futures_util::stream;

/// Besides the order in which they stand and the other way round.
const SHUFFLES: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn documents_come_to_the_same_in_any_order() {
    let mut plays = Vec::new();
    for (name, text) in scenarios("arrival") {
        let (settings, documents): (Vec<Step>, Vec<Step>) =
            steps(&text).into_iter().partition(|step| step.words[0] == "set");
        let orders: Vec<String> = documents
            .iter()
            .filter(|step| step.words[1] == "csv")
            .filter_map(|step| Some(step.lines.first()?.split(',').next()?.to_owned()))
            .collect();
        let mut arrivals = vec![documents.clone(), documents.iter().rev().cloned().collect()];
        arrivals.extend((1..=SHUFFLES).map(|seed| shuffled(&documents, seed)));
        plays.extend(
            arrivals.into_iter().map(|arrival| (name.clone(), settings.clone(), arrival, orders.clone())),
        );
    }
    let plays = plays.into_iter().map(|(name, settings, arrival, orders)| async move {
        let mut world = World::new().await;
        // What answers nothing yet is looked up again by and by.
        let later = steps("> after 1h");
        for step in settings.iter().chain(&arrival).chain(&later) {
            world.play(step).await;
        }
        let came: Vec<String> = arrival.iter().map(|step| step.words.join(" ")).collect();
        (name, came.join(", "), standing(&world, &orders).await)
    });
    let told: Vec<(String, String, String)> = stream::iter(plays).buffered(4).collect().await;
    let mut wrong = String::new();
    for (name, text) in scenarios("arrival") {
        let mut of_name = told.iter().filter(|(other, ..)| *other == name);
        let (_, came, first) = of_name.next().expect("it was played");
        // What is worked out by hand is written in the scenario.
        for line in text.lines().filter_map(|line| line.strip_prefix("#= ")) {
            if !first.contains(line) {
                wrong += &format!("{name}: no `{line}` in\n{first}\n");
            }
        }
        for (_, other_came, other) in of_name.filter(|(.., other)| other != first) {
            wrong += &format!("{name}: {came}\n{first}\nbut {other_came}\n{other}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The documents in an order that follows from a seed.
fn shuffled(documents: &[Step], seed: u64) -> Vec<Step> {
    let mut state = seed;
    let mut rest = documents.to_vec();
    let mut shuffled = Vec::new();
    while !rest.is_empty() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(state >> 33).expect("it fits") % rest.len();
        shuffled.push(rest.remove(at));
    }
    shuffled
}

/// What stands: the items of the orders, what is open, and what a report says, without names of files.
async fn standing(world: &World, orders: &[String]) -> String {
    let mut told = String::new();
    for order in orders {
        let story = world.ask(&["order", order].map(str::to_owned));
        for line in story.lines().filter(|line| line.starts_with('│') || line.starts_with("order ")) {
            told.push_str(line);
            told.push('\n');
        }
    }
    let filter = ExceptionFilter { state: Some(ExceptionState::Open), ..ExceptionFilter::default() };
    let open = world.database.store().list_exceptions(&filter, 100).await.expect("lists");
    let open = open.into_iter().map(|row| hide_ids(&format!("{}: {}\n", row.kind, row.message)));
    let mut open: Vec<String> = open.collect();
    open.sort();
    told.extend(open);
    let report = reported(world, "2026-11-01", "2026-11-30").await;
    let (mut sheet, mut lines) = ("", Vec::new());
    for line in report.lines() {
        if !line.starts_with("  ") {
            sheet = line;
        }
        // The last column of the differences names the files.
        let cut = line.rsplit_once(" | ").map(|(line, _)| line).filter(|_| sheet == "exceptions");
        lines.push(format!("{sheet}: {}\n", cut.unwrap_or(line).trim()));
    }
    lines.sort();
    told.extend(lines);
    told
}
