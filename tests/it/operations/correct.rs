//! Files that a person mends: read beside the one that came, and what happened before does not happen again.

use super::{Said, Site, short, text};
use serde_json::Value;

impl Site {
    fn corrects(&self, file: &str, with: &str, more: &[&str]) -> Said {
        let path = self.path(with).display().to_string();
        let asked = ["correct", file, "--with", &path, "--by", "ann", "--reason", "agreed by phone"];
        self.run(&[&asked[..], more].concat())
    }

    /// Changes a received fixture and keeps it beside the site.
    fn mends(&self, fixture: &str, as_name: &str, changes: &[(&str, &str)]) {
        let mut whole = std::fs::read_to_string(super::fixtures().join("files").join(fixture)).expect("text");
        for (from, to) in changes {
            assert!(whole.contains(from), "{from} in {whole}");
            whole = whole.replace(from, to);
        }
        std::fs::write(self.path(as_name), whole).expect("written");
    }

    fn kinds(&self, arguments: &[&str]) -> Vec<String> {
        let rows = self.json(arguments);
        let mut kinds: Vec<String> =
            rows.as_array().expect("a list").iter().map(|row| text(&row["kind"])).collect();
        kinds.sort();
        kinds
    }
}

#[tokio::test]
async fn a_quarantined_file_is_mended_and_processed_as_if_it_had_come() {
    let site = Site::new().await;
    site.mends("orders.edi", "shop/out/PO_17.edi", &[("SHOPONE  ", "LATECOMER")]);
    site.run(&["run", "--once"]);
    let came = site.only(&["quarantine"]);
    site.put("orders.edi", "mended.edi");
    let wrong = site.corrects(short(&came), "shop/out/none.edi", &[]);
    assert!(wrong.code == 2 && wrong.err.contains("cannot read"), "{}", wrong.err);

    let said = site.corrects(short(&came), "mended.edi", &[]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("is read in its place"), "{}", said.out);
    site.done(&["run", "--once"]);
    let shown = site.json(&["files", "show", &came]);
    assert_eq!(shown["state"], "rejected");
    let version = text(&shown["versions"][0]["id"]);
    assert!(text(&shown["reason"]).contains(short(&version)), "{shown}");
    let version = site.json(&["files", "show", &version]);
    assert_eq!(
        (version["state"].as_str(), version["corrected_by"].as_str()),
        (Some("processed"), Some("ann"))
    );
    assert_eq!(version["corrected"]["id"].as_str(), Some(came.as_str()));
    assert_eq!(version["channel"], shown["channel"]);
    let lineage = site.done(&["files", "show", short(&came)]);
    for told in ["corrected by file", "correct by ann: agreed by phone"] {
        assert!(lineage.contains(told), "{told}\n{lineage}");
    }
    assert_eq!(
        site.kinds(&["documents", "--partner", "shop"]).iter().filter(|kind| *kind == "997").count(),
        1
    );

    let twice = site.corrects(short(&came), "mended.edi", &[]);
    assert!(
        twice.out.contains("done before") || twice.err.contains("was corrected"),
        "{}{}",
        twice.out,
        twice.err
    );
    let released = site.run(&["release", &came, "--reason", "x"]);
    assert!(released.code == 1 && released.err.contains("act on the corrected version"), "{}", released.err);
}

#[tokio::test]
async fn what_was_not_mended_stands_and_what_was_sent_is_not_doubled() {
    let site = Site::after_a_day().await;
    let files = site.json(&["files", "--direction", "inbound"]);
    let id = |name: &str| {
        let found =
            files.as_array().expect("a list").iter().find(|file| text(&file["name"]).starts_with(name));
        text(&found.expect("it came")["id"])
    };
    let (half_good, orders) = (id("PO_17"), id("orders.csv"));
    let before = site.json(&["deliveries"]);
    let good: Vec<Value> = documents(&site, &half_good, "accepted");
    assert!(!good.is_empty(), "one order of the file was good");
    // The refused order of the file is mended: the good one stands, nobody is answered a second time.
    let stored = site.store_body(&half_good).await;
    let mended = stored.replace("20261199", "20261124");
    std::fs::write(site.path("mended.edi"), &mended).expect("written");
    let said = site.corrects(&half_good, "mended.edi", &[]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    site.done(&["run", "--once"]);
    let after: Vec<Value> = documents(&site, &half_good, "accepted");
    assert_eq!(after, good, "what was good is as it was");
    let version = text(&site.json(&["files", "show", &half_good])["versions"][0]["id"]);
    assert_eq!(documents(&site, &version, "accepted").len(), 1, "the mended order is of the version");
    let sent = |deliveries: &Value| deliveries.as_array().map_or(0, Vec::len);
    let answers = site.kinds(&["documents", "--partner", "shop"]);
    assert_eq!(answers.iter().filter(|kind| *kind == "997").count(), 1, "{answers:?}");

    // Something was sent of this one.
    site.mends("orders.csv", "mended.csv", &[(",40,CS", ",36,CS")]);
    let refused = site.corrects(&orders, "mended.csv", &[]);
    assert_eq!(refused.code, 1, "{}{}", refused.out, refused.err);
    assert!(
        refused.err.contains("something was sent of what is mended: 940 to warehouse"),
        "{}",
        refused.err
    );
    assert_eq!(
        site.json(&["files", "show", &orders])["versions"],
        Value::Array(Vec::new()),
        "nothing was changed"
    );
    let issued = site.corrects(&orders, "mended.csv", &["--issue-new"]);
    assert_eq!(issued.code, 0, "{}{}", issued.out, issued.err);
    site.done(&["run", "--once"]);
    let deliveries = site.json(&["deliveries"]);
    assert_eq!(sent(&deliveries), sent(&before) + 1, "{deliveries}");
    let document =
        &documents(&site, &text(&site.json(&["files", "show", &orders])["versions"][0]["id"]), "accepted")[0];
    let revised = site.json(&["documents", "show", &text(&document["id"])]);
    assert_eq!(revised["revisions"].as_array().map(Vec::len), Some(1), "what it said is kept");
    site.done(&["audit", "verify"]);
}

#[tokio::test]
async fn a_mended_file_that_would_not_be_taken_changes_nothing() {
    let site = Site::after_a_day().await;
    let file = site.only(&["files", "--name", "PO_17"]);
    let before = site.json(&["files", "show", &file]);
    for (name, whole, told) in [
        ("empty.edi", String::new(), "the file is empty"),
        ("strange.edi", "a line\n".to_owned(), "would not be taken"),
        ("same.edi", site.store_body(&file).await, "the bytes are those of"),
    ] {
        std::fs::write(site.path(name), whole).expect("written");
        let said = site.corrects(&file, name, &[]);
        assert!(
            said.code == 1 && said.err.contains(told) && said.err.contains("hint: "),
            "{name}: {}{}",
            said.out,
            said.err
        );
    }
    assert_eq!(site.json(&["files", "show", &file]), before);
    let ours = site.json(&["files", "--direction", "outbound"]);
    let ours = text(&ours[0]["id"]);
    std::fs::write(site.path("x.edi"), "x").expect("written");
    assert!(site.corrects(&ours, "x.edi", &[]).err.contains("is a file of ours"));
}

/// Documents of a file that are judged so.
fn documents(site: &Site, file: &str, validation: &str) -> Vec<Value> {
    let shown = site.json(&["files", "show", file]);
    let documents = shown["documents"].as_array().expect("a list");
    documents
        .iter()
        .filter(|document| document["validation"] == validation && document["record_kind"] != Value::Null)
        .map(|document| serde_json::json!({ "id": document["id"], "record": document["record"], "file": document["file_id"] }))
        .collect()
}

impl Site {
    async fn store_body(&self, file: &str) -> String {
        let loaded = self.database.store().load_file(file.parse().expect("an id")).await.expect("it is kept");
        String::from_utf8(loaded.bytes.to_vec()).expect("text")
    }
}
