//! The story of an order as people see it, and what is raised, held and settled on the way.

use super::agreements::hide_ids;
use super::{World, expect, scenarios, steps};
use crossdock::pipeline::operate::{self, Wish};
use crossdock::store::{DeliveryFilter, DeliveryState, ExceptionFilter, Noun};

#[tokio::test]
async fn an_order_is_told_with_all_that_became_of_it() {
    let mut wrong = Vec::new();
    for (name, text) in scenarios("ledger") {
        let mut world = World::new().await;
        let mut told = String::new();
        for step in steps(&text) {
            // A line such as `> crossdock order SO-1` is what a person types.
            match step.words.split_first() {
                Some((first, rest)) if first == "crossdock" => {
                    told.push_str(&format!("$ {}\n{}\n", step.words.join(" "), world.ask(rest)));
                }
                _ => world.play(&step).await,
            }
        }
        wrong.extend(expect("ledger", &name, &hide_times(&hide_ids(&world.without_today(&told)))));
    }
    assert!(wrong.is_empty(), "{}\n(UPDATE_EXPECT=1 writes them anew)", wrong.join("\n"));
}

#[tokio::test]
async fn what_is_held_goes_when_a_person_releases_it() {
    let mut world = World::new().await;
    let text =
        scenarios("ledger").into_iter().find(|(name, _)| name == "gate-invoice").expect("it is there").1;
    for step in steps(&text).iter().filter(|step| step.words[0] != "crossdock") {
        world.play(step).await;
    }
    let billed = |world: &World| {
        let sent = world.sent_to("shop").concat();
        ["I-1", "I-2"].map(|number| sent.contains(&format!("*{number}*")))
    };
    assert_eq!(billed(&world), [true, false]);
    let store = world.database.store();
    let filter = DeliveryFilter { state: Some(DeliveryState::Held), ..DeliveryFilter::default() };
    let held = store.list_deliveries(&filter, 9).await.expect("lists").remove(0);
    let wish = Wish {
        by: String::from("ann"),
        account: String::from("ann"),
        reason: String::from("the rest went by parcel"),
        request: None,
    };
    operate::release(&store, (Noun::Delivery, held.id), &wish).await.expect("it is held");
    world.play(&steps("> after 1h").remove(0)).await;
    assert_eq!(billed(&world), [true, true]);
    let filter =
        ExceptionFilter { kind: Some(String::from("contradicts_shipment")), ..ExceptionFilter::default() };
    let row = store.list_exceptions(&filter, 9).await.expect("lists").remove(0);
    assert_eq!(
        (row.settled_by.as_deref(), row.settled_reason.as_str()),
        (Some("ann"), "the rest went by parcel")
    );
}

/// Times of the day differ in each run.
fn hide_times(told: &str) -> String {
    let is_time = |word: &str| {
        let parts: Vec<&str> = word.trim_matches([',', ';', ')', '(']).split(':').collect();
        (2..=3).contains(&parts.len())
            && parts.iter().all(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
    };
    let hide = |word: &str| {
        let core = word.trim_matches([',', ';', ')', '(']);
        if is_time(word) { word.replace(core, "TIME") } else { word.to_owned() }
    };
    // How long it has been open is how long the machine took.
    let told = ["1 min", "2 min", "3 min", "4 min", "5 min"].iter().fold(told.to_owned(), |told, age| {
        told.replace(&format!("open for {age},"), "open for 0 min,")
            .replace(&format!("┆ {age} ┆"), "┆ 0 min ┆")
    });
    let lines: Vec<String> = told
        .lines()
        .map(|line| line.split(' ').map(hide).collect::<Vec<_>>().join(" ").trim_end().to_owned())
        .collect();
    // What is due today in the morning is due tomorrow in the evening.
    lines.join("\n").replace("due by ID TIME", "due by TIME") + "\n"
}
