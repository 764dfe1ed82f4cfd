//! Routes with conditions: what goes nowhere is told, and goes once somebody has said where to.

use super::{Site, text};

#[tokio::test]
async fn an_order_that_no_route_takes_waits_for_one() {
    let site = Site::new().await;
    let path = site.path("partner-profiles/owner.toml");
    let profile = std::fs::read_to_string(&path).expect("it is there");
    let when = r#"when = { record = "shipping_order" }"#;
    let narrow = r#"when = { record = "shipping_order", "ship_to.id" = "47" }"#;
    std::fs::write(&path, profile.replace(when, narrow)).expect("written");
    site.orders("1.csv", &[("SO-1", "31"), ("SO-2", "47")]);
    site.run(&["run", "--once"]);
    assert_eq!(site.interchanges(), [("940_000000001.edi".to_owned(), 1)], "its neighbour goes");
    let untaken = site.json(&["exceptions", "--reason", "no_route"]);
    assert_eq!(untaken.as_array().map(Vec::len), Some(1));
    let told = text(&untaken[0]["message"]);
    let document = site.only(&["documents", "--number", "SO-1", "--direction", "inbound"]);
    let expected = format!(
        "shipping order SO-1 goes nowhere: no route of owner for shipping order takes it: `ship_to.id` is `31`; add a [[routes]] that takes it to partner-profiles/owner.toml (one with otherwise = true takes what no other does), then `crossdock replay {} --issue-new`",
        super::short(&document)
    );
    assert_eq!(told, expected);
    assert!(site.done(&["status"]).contains("no route"), "it is seen at a glance");
    let shown = site.json(&["documents", "show", &document]);
    assert_eq!(shown["business"], "exception");

    // The samples of a partner show it as well.
    let explained = site.done(&["partner", "explain", "owner"]);
    assert!(explained.contains("routes[0].when.ship_to.id"), "{explained}");

    let other = format!(
        "{}\n[[routes]]\notherwise = true\n{when}\nsend = {{ to = \"warehouse\", document = \"940\" }}\n",
        profile.replace(when, narrow)
    );
    std::fs::write(&path, other).expect("written");
    site.done(&["replay", &document, "--issue-new", "--reason", "it has a route now"]);
    site.done(&["run", "--once"]);
    assert_eq!(site.interchanges().len(), 2);
    assert!(site.json(&["exceptions"]).as_array().is_some_and(Vec::is_empty), "it came right");
    assert_eq!(site.json(&["documents", "show", &document])["business"], "open");
}
