//! Acknowledgments that come in: each case of the field, what it settles and what a person is told.

use super::agreements::hide_ids;
use super::{World, expect, scenarios, steps};
use crossdock::clock::Clock;
use crossdock::pipeline::operate::{self, Unmade, Wish};
use crossdock::pipeline::settling;
use crossdock::store::{AcknowledgmentFilter, DeliveryFilter, DeliveryState, ExceptionFilter, Noun, Store};
use std::fmt::Write as _;

/// One group 940 of three orders and, where the scenario says so, more; then what the warehouse answers.
#[tokio::test]
async fn every_answer_of_the_field_settles_what_it_should_and_tells_a_person_what_is_odd() {
    let mut wrong = Vec::new();
    for (name, text) in scenarios("acks") {
        let mut world = World::new().await;
        for step in steps(&text) {
            world.play(&step).await;
        }
        let mut told = standing(&world.database.store()).await;
        for partner in ["warehouse", "rival"] {
            writeln!(told, "{partner} was sent {}", world.got(partner).join(" ")).expect("memory takes it");
        }
        wrong.extend(expect("acks", &name, &hide_ids(&world.without_today(&told))));
    }
    assert!(wrong.is_empty(), "{}\n(UPDATE_EXPECT=1 writes them anew)", wrong.join("\n"));
}

/// The world after one of these scenarios.
async fn played(wanted: &str) -> World {
    let mut world = World::new().await;
    let text = scenarios("acks").into_iter().find(|(name, _)| name == wanted).expect("it is there").1;
    for step in steps(&text) {
        world.play(&step).await;
    }
    world
}

/// What a person wishes, for a reason.
fn wish(reason: &str) -> Wish {
    Wish { by: String::from("ann"), account: String::from("ann"), reason: reason.to_owned(), request: None }
}

#[tokio::test]
async fn who_settles_what_is_overdue_lets_what_was_held_back_go_and_stands_in_the_audit() {
    let world = played("hold").await;
    let store = world.database.store();
    let deliveries = store.list_deliveries(&DeliveryFilter::default(), 9).await.expect("lists");
    let held = deliveries.iter().find(|row| row.state != DeliveryState::Delivered).expect("the second 940");
    assert!(!store.find_holds(&[held.id]).await.expect("asks").is_empty());
    let exception = store.list_exceptions(&ExceptionFilter::default(), 9).await.expect("lists").remove(0);
    let now = Clock::System.now();
    let unsaid = settling::settle(&store, &exception, None, &wish(" "), now).await;
    assert!(matches!(unsaid, Err(Unmade::Refused(_))), "why must be said: {unsaid:?}");
    let hands = ("ann", "bob");
    settling::assign(&store, &exception, hands, &wish("on leave")).await.expect("it is open");
    let done =
        settling::settle(&store, &exception, None, &wish("told by phone"), now).await.expect("it is open");
    assert_eq!((done.event.action.as_str(), done.event.reason.as_str()), ("settle", "told by phone"));
    assert!(store.find_holds(&[held.id]).await.expect("asks").is_empty());
    let row = store.list_exceptions(&ExceptionFilter::default(), 9).await.expect("lists").remove(0);
    let told = (row.owner.as_deref(), row.settled_by.as_deref(), row.settled_reason.as_str());
    assert_eq!(told, (Some("bob"), Some("ann"), "told by phone"));
    let again = settling::assign(&store, &row, hands, &wish("once more")).await;
    assert!(matches!(again, Err(Unmade::Refused(_))), "{again:?}");
}

#[tokio::test]
async fn what_was_taken_in_part_is_not_sent_again_whole() {
    let world = played("f05-partial").await;
    let store = world.database.store();
    let delivery = store.list_deliveries(&DeliveryFilter::default(), 9).await.expect("lists").remove(0);
    let again = operate::resend(&store, (Noun::Delivery, delivery.id), &wish("asked for")).await;
    let Err(Unmade::Refused(refusal)) = again else { panic!("two of three would come twice: {again:?}") };
    assert!(refusal.to_string().contains("would have that part twice"), "{refusal}");
}

/// What is awaited, what came, and what needs a person, without ids and times.
async fn standing(store: &Store) -> String {
    let mut told = String::new();
    let mut add = |line: String| writeln!(told, "{line}").expect("memory takes it");
    let awaited =
        store.list_expected_acknowledgments(&AcknowledgmentFilter::default(), 100).await.expect("lists");
    let mut awaited: Vec<_> = awaited.into_iter().collect();
    awaited.sort_by_key(|row| (row.group_control, row.functional_id.clone()));
    for row in &awaited {
        let late = if row.reminders > 0 { format!(", {} reminders", row.reminders) } else { String::new() };
        add(format!("{} for {} {}: {}{late}", row.level, row.functional_id, row.group_control, row.state));
        let sets = store.list_expected_sets(row.id).await.expect("lists");
        if sets.len() < 10 {
            for set in sets {
                let number = set.business_number.unwrap_or_default();
                let shown = store.find_document(set.document_id).await.expect("asks").expect("is there");
                assert_eq!(shown.acknowledgment, set.state, "the document says the same");
                add(format!("  {} {number}: {}; {}", set.set_control, set.state, shown.business_reason));
            }
        }
    }
    let mut came = store.list_received_acknowledgments(None, 100).await.expect("lists");
    came.sort_by_key(|row| (row.received_at, row.id));
    came.sort_by_key(|row| row.received_at);
    for row in came {
        let note = if row.note.as_str().is_empty() { "" } else { " " };
        let matched = if row.matched_at.is_some() { " (matched later)" } else { "" };
        add(format!(
            "came {} {} {} {}{note}{}{matched}: {}",
            row.kind, row.functional_id, row.group_control, row.code, row.note, row.detail
        ));
    }
    for delivery in store.list_deliveries(&DeliveryFilter::default(), 100).await.expect("lists") {
        let times = store.list_attempts(delivery.id).await.expect("lists").len();
        if times > 1 {
            add(format!("{} went {times} times", delivery.target));
        }
    }
    let exceptions = store.list_exceptions(&ExceptionFilter::default(), 100).await.expect("lists");
    let mut lines: Vec<String> = exceptions
        .into_iter()
        .map(|row| {
            let why = if row.settled_reason.is_empty() {
                String::new()
            } else {
                format!(" ({})", row.settled_reason)
            };
            let owner = row.owner.map(|owner| format!(" for {owner}")).unwrap_or_default();
            let message: String = row.message.split("due 20").next().unwrap_or_default().to_owned();
            format!("{} {}{why}{owner}: {message}", row.state, row.kind)
        })
        .collect();
    lines.sort();
    lines.into_iter().for_each(add);
    told
}
