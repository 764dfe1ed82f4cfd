//! Replay: what would differ, and what is carried out once and never sent twice.

use super::{Site, short, text};
use serde_json::Value;

const WHY: [&str; 2] = ["--reason", "the carton table was wrong"];

impl Site {
    /// Changes the owner's profile: the department is taken from another column from now on.
    fn mend(&self) {
        let path = self.path("partner-profiles/owner.toml");
        let profile = std::fs::read_to_string(&path).expect("it is there");
        let habit = "files      = [\"*.csv\"]\nfields     = { department = 'vendor_number', vendor_number = 'department' }";
        std::fs::write(&path, profile.replace("files      = [\"*.csv\"]", habit)).expect("written");
    }

    fn warehouse_files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("warehouse/in")).expect("it is there").flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn order(&self) -> String {
        self.only(&["documents", "--number", "SO-1", "--direction", "inbound"])
    }
}

#[tokio::test]
async fn a_file_that_would_be_read_the_same_differs_in_nothing() {
    let site = Site::after_a_day().await;
    for name in ["orders.csv", "PO_17.edi"] {
        let file = site.only(&["files", "--name", name]);
        for profile in ["current", "original"] {
            let said = site.done(&["replay", short(&file), "--profile", profile]);
            assert!(said.contains("nothing differs"), "{name} by {profile}\n{said}");
        }
    }
    let sent = site.only(&["files", "--direction", "outbound", "--partner", "warehouse"]);
    let refused = site.run(&["replay", &sent]);
    assert!(
        refused.code == 1 && refused.err.contains("is a file of ours; hint: replay what it was made of"),
        "{}",
        refused.err
    );
}

#[tokio::test]
async fn what_a_mended_profile_changes_is_shown_field_by_field_and_segment_by_segment() {
    let site = Site::after_a_day().await;
    site.mend();
    let order = site.order();
    let before = site.json(&["documents", "show", &order]);
    let said = site.done(&["replay", short(&order)]);
    for told in ["record: 2 fields differ", "- department: 01", "+ department: 77", "940 to warehouse: "] {
        assert!(said.contains(told), "{told}\n{said}");
    }
    let original = site.done(&["replay", short(&order), "--profile", "original"]);
    assert!(original.contains("nothing differs"), "{original}");
    assert_eq!(site.json(&["documents", "show", &order]), before, "a dry run changed something");
    assert!(site.json(&["audit"]).as_array().is_some_and(Vec::is_empty));
}

#[tokio::test]
async fn an_applied_replay_revises_the_record_and_sends_nothing_again() {
    let site = Site::after_a_day().await;
    site.mend();
    let order = site.order();
    let sent = site.warehouse_files();
    let unreasoned = site.run(&["replay", &order, "--apply"]);
    assert!(unreasoned.code == 2 && unreasoned.err.contains("--reason"), "{}", unreasoned.err);
    for _ in 0..3 {
        site.done(&[&["replay", &order, "--apply"][..], &WHY].concat());
        site.done(&["run", "--once"]);
    }
    let shown = site.json(&["documents", "show", &order]);
    assert_eq!(shown["record"]["department"], "77");
    assert_eq!(shown["revisions"][0]["record"]["department"], "01", "what it said is kept");
    assert_eq!(shown["revisions"].as_array().map(Vec::len), Some(1));
    assert_eq!(site.warehouse_files(), sent);
    assert_eq!(site.json(&["deliveries"]).as_array().map(Vec::len), Some(2));
    assert!(site.done(&["replay", &order]).contains("record: the same"));
}

#[tokio::test]
async fn a_document_that_would_be_held_now_stays_what_it_was() {
    let site = Site::after_a_day().await;
    site.mend();
    let path = site.path("partner-profiles/owner.toml");
    let profile = std::fs::read_to_string(&path).expect("it is there");
    let later = "name = \"Owner\"\nvalid_from = 2099-01-01";
    std::fs::write(&path, profile.replace("name = \"Owner\"", later)).expect("written");
    let order = site.order();
    site.done(&[&["replay", &order, "--apply"][..], &WHY].concat());
    let shown = site.json(&["documents", "show", &order]);
    assert_eq!(shown["record"]["department"], "01", "its record went and nothing came: {shown}");
}

#[tokio::test]
async fn what_is_issued_anew_has_its_own_numbers_and_is_issued_once_for_each_reason() {
    let site = Site::after_a_day().await;
    let order = site.order();
    let issue = |reason: &str| site.done(&["replay", &order, "--issue-new", "--reason", reason]);
    for _ in 0..3 {
        issue("their system lost it");
        site.done(&["run", "--once"]);
    }
    assert_eq!(site.warehouse_files(), ["940_000000001.edi", "940_000000002.edi"]);
    assert!(issue("their system lost it").contains("done before"));
    issue("and lost it again");
    site.done(&["run", "--once"]);
    assert_eq!(site.warehouse_files().len(), 3);
    let led_to = site.json(&["documents", "show", &order])["led_to"].clone();
    let groups: Vec<String> = led_to
        .as_array()
        .expect("a list")
        .iter()
        .map(|made: &Value| text(&made["group_control_number"]))
        .collect();
    assert_eq!(groups.len(), 3);
    assert!(
        groups.iter().all(|group| groups.iter().filter(|other| *other == group).count() == 1),
        "{groups:?}"
    );
    let awaited = site.done(&["status"]);
    assert_eq!(awaited.matches("OW ").count(), 3, "each is awaited for itself\n{awaited}");
    // A document of ours that was refused goes anew by itself, in a group of its own.
    let sent = text(&led_to[0]["id"]);
    site.done(&["replay", &sent, "--issue-new", "--reason", "the warehouse refused it"]);
    site.done(&["run", "--once"]);
    assert_eq!(site.warehouse_files().len(), 4);
    let audit = site.json(&["audit", "--action", "issue_new"]);
    assert_eq!(audit.as_array().map(Vec::len), Some(3));
    site.done(&["audit", "verify"]);
}

#[tokio::test]
async fn a_document_that_is_still_refused_stays_so_and_nobody_is_answered_again() {
    let site = Site::after_a_day().await;
    let good = site.only(&["documents", "--kind", "850", "--validation", "accepted"]);
    let before = site.json(&["documents", "show", &good]);
    let answers = std::fs::read_dir(site.path("shop/in")).expect("answered").count();
    let file = site.only(&["files", "--name", "PO_17.edi"]);
    site.done(&[&["replay", &file, "--apply"][..], &WHY].concat());
    site.done(&["run", "--once"]);
    // The second order is still refused, the first still stands, and nobody is answered again.
    assert_eq!(site.json(&["documents", "show", &good])["record"], before["record"]);
    assert_eq!(site.json(&["documents", "--kind", "850"]).as_array().map(Vec::len), Some(2));
    assert_eq!(std::fs::read_dir(site.path("shop/in")).expect("answered").count(), answers);
    let refused = site.only(&["documents", "--kind", "850", "--validation", "rejected"]);
    assert!(site.done(&["documents", "show", &refused]).contains("BEG05"));
}
