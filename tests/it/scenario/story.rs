//! How documents find their order: what is shipped, advised, billed and held, worked out by hand.

use super::agreements::hide_ids;
use super::{World, expect, scenarios, steps};
use crossdock::store::{Direction, DocumentFilter, DocumentRow};
use std::fmt::Write as _;

#[tokio::test]
async fn every_document_finds_its_order_and_counts_once() {
    let mut wrong = Vec::new();
    for (name, text) in scenarios("story") {
        let mut world = World::new().await;
        for step in steps(&text) {
            world.play(&step).await;
        }
        wrong.extend(expect("story", &name, &standing(&world).await));
    }
    assert!(wrong.is_empty(), "{}\n(UPDATE_EXPECT=1 writes them anew)", wrong.join("\n"));
}

#[tokio::test]
async fn an_advice_that_was_told_with_its_load_is_not_issued_anew_in_silence() {
    let mut world = World::new().await;
    let text = scenarios("story").into_iter().find(|(name, _)| name == "together").expect("it is there").1;
    for step in steps(&text) {
        world.play(&step).await;
    }
    let filter = DocumentFilter { kind: Some("945".to_owned()), ..DocumentFilter::default() };
    let advice = world.database.store().list_documents(&filter, 9).await.expect("lists").remove(0);
    let asked = ["replay", &advice.id.to_string(), "--issue-new", "--reason", "they lost it"];
    let said = world.ask(&asked.map(str::to_owned));
    assert!(said.contains("nothing can be made anew of it: 945 SO-"), "{said}");
    assert!(said.contains("is told with the others of bill of lading BOL-9"), "{said}");
    assert!(said.contains("`crossdock resend`"), "{said}");
}

/// What each document led to, the notices that were sent, and what a person must settle.
async fn standing(world: &World) -> String {
    let store = world.database.store();
    let mut told = String::new();
    let mut add = |line: String| writeln!(told, "{}", line.trim_end()).expect("memory takes it");
    let mut documents = store.list_documents(&DocumentFilter::default(), 100).await.expect("lists");
    documents.retain(|row| !["997", "TA1"].contains(&row.kind.as_str()));
    documents.sort_by(|a, b| {
        let key = |row: &DocumentRow| {
            (row.received_at, row.kind.clone(), row.business_number.clone(), row.direction.to_string())
        };
        key(a).cmp(&key(b))
    });
    for row in documents {
        let way = if row.direction == Direction::Inbound { "from" } else { "to" };
        add(format!(
            "{} {} {way} {}: {} {}",
            row.kind,
            row.business_number.unwrap_or_default(),
            row.partner_id.unwrap_or_default(),
            row.business,
            row.business_reason
        ));
    }
    for text in world.sent_to("shop") {
        let told = ["BSN", "PRF", "MAN", "LIN", "SN1"];
        let segments = text.split(['~', '\n']).filter(|segment| !segment.is_empty());
        let segments: Vec<&str> = segments
            .filter(|segment| told.contains(&segment.split('*').next().unwrap_or_default()))
            .collect();
        // BSN03 and BSN04 are the day and time at which it was made.
        let words = segments.iter().map(|segment| match segment.split('*').collect::<Vec<_>>().as_slice() {
            ["BSN", purpose, number, ..] => format!("BSN*{purpose}*{number}"),
            _ => (*segment).to_owned(),
        });
        let words: Vec<String> = words.collect();
        if !words.is_empty() {
            add(format!("shop was told {}", words.join(" ")));
        }
    }
    let mut exceptions = store.list_exceptions(&Default::default(), 100).await.expect("lists");
    exceptions.sort_by(|a, b| (&a.kind, &a.line, &a.message).cmp(&(&b.kind, &b.line, &b.message)));
    for row in exceptions {
        let amount = row.amount.map(|amount| format!(" ({amount})")).unwrap_or_default();
        add(format!("{} {}{amount}: {}", row.state, row.kind, row.message));
    }
    hide_ids(&told)
}
