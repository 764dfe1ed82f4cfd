//! Lists and what `show` tells.

use super::{Site, short, text};

#[tokio::test]
async fn two_interchanges_of_one_number_in_one_file_are_both_answered() {
    let site = Site::new().await;
    let text = std::fs::read_to_string(super::fixtures().join("files/orders.edi")).expect("it is text");
    let other = text.replace("PO-9*", "PO-19*").replace("PO-10*", "PO-20*");
    std::fs::write(site.path("shop/out/twice.edi"), text + &other).expect("written");
    site.done(&["run", "--once"]);
    let accepted = site.json(&["documents", "--kind", "850", "--validation", "accepted"]);
    assert_eq!(accepted.as_array().map(Vec::len), Some(2), "{accepted}");
    let answers = std::fs::read_dir(site.path("shop/in")).expect("answered").count();
    assert_eq!(answers, 2, "a group that was received is acknowledged, whatever its neighbour's number");
}

#[tokio::test]
async fn a_file_shows_all_that_came_of_it() {
    let site = Site::after_a_day().await;
    let order = site.only(&["files", "--name", "orders.csv"]);
    let shown = site.done(&["files", "show", short(&order)]);
    for told in [
        "orders.csv",
        "from owner, channel owner/drop",
        "state: processed",
        "purchase order: PO-9",
        "led to document",
        "940 SO-1 to warehouse",
        "file 940_000000001.edi to warehouse/edi, delivered",
        "process orders.csv, done",
    ] {
        assert!(shown.contains(told), "{told}\n{shown}");
    }
    let with_body = site.done(&["files", "show", &order, "--body"]);
    assert!(with_body.contains("SO-1,PO-9,2026-11-24"), "{with_body}");
    let json = site.json(&["files", "show", &order]);
    let led_to = &json["documents"][0]["led_to"][0];
    assert_eq!(led_to["kind"], "940");
    assert_eq!(led_to["deliveries"][0]["state"], "delivered");
}

#[tokio::test]
async fn a_document_shows_its_findings_its_source_and_what_is_awaited() {
    let site = Site::after_a_day().await;
    let refused = site.only(&["documents", "--kind", "850", "--validation", "rejected"]);
    let shown = site.done(&["documents", "show", short(&refused), "--body"]);
    for told in
        ["ISA13 000000017, GS06 17, ST02 0002", "validation: rejected", "line 13, BEG05", "answered by"]
    {
        assert!(shown.contains(told), "{told}\n{shown}");
    }
    assert!(shown.contains("BEG*00*SA*PO-10") && !shown.contains("PO-9"), "only its own part\n{shown}");

    let sent = site.only(&["documents", "--number", "SO-1", "--direction", "outbound"]);
    let shown = site.done(&["documents", "show", &sent]);
    for told in [
        "comes of document",
        "997 from warehouse for group OW 1: awaited",
        "try 1 from",
        "\"order_number\": \"SO-1\"",
    ] {
        assert!(shown.contains(told), "{told}\n{shown}");
    }
    let good = site.only(&["documents", "--kind", "850", "--validation", "accepted"]);
    let answers = site.json(&["documents", "show", &good])["answered_by"].clone();
    assert_eq!(answers[0]["kind"], "997");
}

#[tokio::test]
async fn lists_are_narrowed_by_partner_number_state_and_time() {
    let site = Site::after_a_day().await;
    let count = |arguments: &[&str]| site.json(arguments).as_array().expect("a list").len();
    assert_eq!(count(&["documents", "--number", "PO-9"]), 3, "the order, what it led to, the purchase order");
    assert_eq!(count(&["documents", "--number", "PO-9", "--partner", "shop"]), 1);
    assert_eq!(count(&["files", "--since", "1h"]), 4);
    assert_eq!(count(&["files", "--until", "1h"]), 0);
    assert_eq!(count(&["files", "--direction", "outbound", "--since", "2020-01-01"]), 2);
    assert_eq!(count(&["files", "--limit", "1"]), 1);
    assert_eq!(count(&["deliveries", "--status", "delivered"]), 2);
    assert_eq!(count(&["deliveries", "--partner", "warehouse"]), 1);
    assert_eq!(count(&["deliveries", "--number", "SO-1"]), 1);
    assert_eq!(count(&["files", "--number", "SO-1"]), 2, "what came and what went");
    assert_eq!(count(&["jobs", "--status", "done", "--number", "SO-1"]), 2);
    assert_eq!(count(&["jobs", "--status", "done", "--number", "SO-0"]), 0);
    assert_eq!(count(&["jobs"]), 0);
    assert_eq!(count(&["jobs", "list", "--status", "done", "--partner", "owner"]), 1);
    assert_eq!(site.done(&["quarantine"]), "no file in quarantine\n");
    let job = site.only(&["jobs", "--status", "done", "--partner", "owner"]);
    let shown = site.done(&["jobs", "show", short(&job)]);
    assert!(shown.contains("process orders.csv, done"), "{shown}");
    let delivery = site.json(&["deliveries", "--partner", "warehouse"])[0].clone();
    let shown = site.done(&["deliveries", "show", &text(&delivery["id"]), "--body"]);
    for told in ["try 1 from", "carries document", "ISA*00*", "idempotency key"] {
        assert!(shown.contains(told), "{told}\n{shown}");
    }
}

#[tokio::test]
async fn what_names_nothing_is_told_with_what_to_type() {
    let site = Site::new().await;
    for (arguments, told) in [
        (["files", "show", "00000000"], "there is no file `00000000`; hint: `crossdock files` lists"),
        (["deliveries", "show", "xyz"], "`xyz` is no id; hint: an id is written in the digits"),
        (["documents", "--since", "soon"], "write a day such as `2026-11-25`"),
        (["jobs", "--status", "stuck"], "`stuck` is none of ready, leased, done, failed, held"),
    ] {
        let said = site.run(&arguments);
        assert_eq!(said.code, 2, "{arguments:?}");
        assert!(said.err.contains(told), "{arguments:?}: {}", said.err);
    }
}
