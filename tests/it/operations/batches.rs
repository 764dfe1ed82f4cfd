//! What is sent together: collected, shown as waiting, and sent once with one set of control numbers.

use std::os::unix::process::ExitStatusExt as _;

use super::Site;
use crossdock::formats::x12::reader;
use serde_json::Value;

impl Site {
    /// Says what the warehouse is sent together.
    fn sends_together(&self, batch: &str) {
        let path = self.path("partner-profiles/warehouse.toml");
        let profile = std::fs::read_to_string(&path).expect("it is there");
        let line = r#"expect_ack = { kind = "997", within = "4h" }"#;
        let before = profile.split("\nbatch = ").next().expect("a head").to_owned();
        let after = profile.split_once("[sends.fields]").expect("a tail").1;
        let head = before.split("[sends.fields]").next().expect("a head");
        assert!(head.contains(line), "{head}");
        let head = head.trim_end();
        std::fs::write(&path, format!("{head}\nbatch = {{ {batch} }}\n\n[sends.fields]{after}"))
            .expect("written");
    }

    /// Orders of these numbers, each with its ship-to, in one file.
    pub(super) fn orders(&self, file: &str, orders: &[(&str, &str)]) {
        let whole = std::fs::read_to_string(super::fixtures().join("files/orders.csv")).expect("text");
        let (head, row) = whole.trim_end().split_once('\n').expect("two lines");
        let rows: Vec<String> = orders
            .iter()
            .map(|(number, ship_to)| {
                row.replacen("SO-1", number, 1).replace(",31,Shop Depot", &format!(",{ship_to},Depot"))
            })
            .collect();
        std::fs::write(self.path(&format!("owner/out/{file}")), format!("{head}\n{}\n", rows.join("\n")))
            .expect("written");
    }

    /// How many orders each file has that the warehouse got, by control number.
    pub(super) fn interchanges(&self) -> Vec<(String, usize)> {
        let entries = std::fs::read_dir(self.path("warehouse/in")).into_iter().flatten().flatten();
        let mut sent: Vec<(String, usize)> = entries
            .map(|entry| {
                let bytes = std::fs::read(entry.path()).expect("it is there");
                let verdict = reader::validate(&bytes, &reader::Options::default());
                let sets = verdict.interchanges.iter().flat_map(|interchange| &interchange.groups);
                let count = sets.map(|group| group.sets.len()).sum();
                (entry.file_name().to_string_lossy().into_owned(), count)
            })
            .collect();
        sent.sort();
        sent
    }
}

#[tokio::test]
async fn a_full_set_goes_at_once_and_the_rest_waits_and_is_shown() {
    let site = Site::new().await;
    site.sends_together(r#"count = 3, age = "2h""#);
    for number in 1..=7 {
        site.orders(&format!("{number}.csv"), &[(&format!("SO-{number}"), "31")]);
        site.done(&["run", "--once"]);
    }
    assert_eq!(
        site.interchanges(),
        [("940_000000001.edi".to_owned(), 3), ("940_000000002.edi".to_owned(), 3)],
        "two full sets, numbered as they were closed"
    );
    let status = site.done(&["status"]);
    assert!(status.contains("Sent together") && status.contains("warehouse/edi"), "{status}");
    assert!(site.done(&["deliveries"]).contains("waits to be sent to"));
    let last = site.only(&["documents", "--number", "SO-7", "--direction", "inbound"]);
    let shown = site.done(&["documents", "show", &last]);
    assert!(shown.contains("waits to be sent as 940 to warehouse with 1 in all, goes at"), "{shown}");

    // Read again, it still waits once.
    let file = site.only(&["files", "--name", "7.csv"]);
    site.done(&["replay", &file, "--apply", "--reason", "see"]);
    assert!(site.done(&["documents", "show", &last]).contains("with 1 in all"));

    // Two hours later; then nothing is left, and nothing goes twice.
    site.runs_out().await;
    site.done(&["run", "--once"]);
    site.done(&["run", "--once"]);
    assert_eq!(site.interchanges().len(), 3);
    assert_eq!(site.interchanges()[2], ("940_000000003.edi".to_owned(), 1));
    assert!(!site.done(&["status"]).contains("Sent together"));
    let awaited = site.json(&["documents", "--partner", "warehouse"]);
    let awaited: Vec<&Value> = awaited.as_array().expect("a list").iter().collect();
    assert_eq!(awaited.len(), 7);
    assert!(awaited.iter().all(|document| document["acknowledgment"] == "awaited"), "{awaited:?}");
    for number in 1..=7 {
        let source = site.only(&["documents", "--number", &format!("SO-{number}"), "--direction", "inbound"]);
        let shown = site.json(&["documents", "show", &source]);
        assert_eq!(shown["led_to"].as_array().map(Vec::len), Some(1), "{number}");
    }
}

#[tokio::test]
async fn a_document_that_waits_for_its_batch_can_be_given_up() {
    let site = Site::new().await;
    site.sends_together(r#"count = 3, age = "2h""#);
    site.orders("1.csv", &[("SO-1", "31"), ("SO-2", "31")]);
    site.done(&["run", "--once"]);
    let order = site.only(&["documents", "--number", "SO-1", "--direction", "inbound"]);
    let said = site.done(&["cancel", &order, "--reason", "they called it off"]);
    assert!(said.contains("it is given up"), "{said}");
    let audit = site.json(&["audit", "--action", "cancel"]);
    assert_eq!(audit[0]["detail"]["before"]["batched"][0], "940 to warehouse");
    let again = site.run(&["cancel", &order, "--reason", "once more"]);
    assert!(again.code == 1 && again.err.contains("waits for another or for its batch"), "{}", again.err);
    site.runs_out().await;
    site.done(&["run", "--once"]);
    assert_eq!(site.interchanges(), [("940_000000001.edi".to_owned(), 1)], "the other goes");
    let order = site.only(&["documents", "--number", "SO-2", "--direction", "inbound"]);
    let late = site.run(&["cancel", &order, "--reason", "called off as well"]);
    assert!(late.code == 1 && late.err.contains("for what it led to, name the delivery"), "{}", late.err);
}

#[tokio::test]
async fn sets_are_told_apart_by_a_field_and_nodes_send_each_once() {
    let site = Site::new().await;
    site.sends_together(r#"cron = "0 18 * * *", by = "ship_to.id""#);
    for file in 0..10 {
        let orders: Vec<(String, &str)> =
            (0..6).map(|n| (format!("SO-{}", file * 10 + n), if n % 3 == 0 { "31" } else { "47" })).collect();
        let orders: Vec<(&str, &str)> = orders.iter().map(|(number, to)| (number.as_str(), *to)).collect();
        site.orders(&format!("{file}.csv"), &orders);
    }
    site.done(&["run", "--once"]);
    assert!(site.interchanges().is_empty(), "six in the evening is not yet");
    site.runs_out().await;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            // One may see what another has queued and not sent yet: it says so, and is right.
            scope.spawn(|| {
                let said = site.run(&["run", "--once"]);
                assert!(matches!(said.code, 0 | 3), "{}{}", said.out, said.err);
            });
        }
    });
    site.done(&["run", "--once"]);
    let mut counts: Vec<usize> = site.interchanges().iter().map(|(_, count)| *count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [20, 40]);
}

#[tokio::test]
async fn a_hub_that_ends_while_it_closes_a_set_loses_nothing_and_sends_nothing_twice() {
    for point in ["out.batch.before", "out.batch.after"] {
        let site = Site::new().await;
        site.sends_together(r#"count = 2, age = "2h""#);
        site.orders("1.csv", &[("SO-1", "31"), ("SO-2", "31")]);
        let ended = std::process::Command::new(env!("CARGO_BIN_EXE_crossdock"))
            .args(["run", "--once"])
            .current_dir(site.path(""))
            .env("DATABASE_URL", site.database.url())
            .env("CROSSDOCK_KILL_AT", point)
            .status()
            .expect("it runs");
        assert_eq!(ended.signal(), Some(9), "{point}");
        for _ in 0..2 {
            site.done(&["run", "--once"]);
        }
        assert_eq!(site.interchanges(), [("940_000000001.edi".to_owned(), 2)], "{point}: no gap, no twin");
    }
}

#[tokio::test]
async fn flat_files_take_several_records_and_what_never_ends_is_a_fault() {
    let site = Site::new().await;
    let path = site.path("partner-profiles/warehouse.toml");
    let profile = std::fs::read_to_string(&path).expect("it is there");
    let head = profile.split("[[sends]]").next().expect("a head");
    let flat = format!(
        "{head}[[sends]]\ntranslator = \"csv-shipping-order\"\nchannel = \"edi\"\nbatch = {{ count = 2, age = \"1h\" }}\n"
    )
    .replace("{document}_{control_number}.edi", "orders_{control_number}.csv");
    std::fs::write(&path, &flat).expect("written");
    let owner = site.path("partner-profiles/owner.toml");
    let text = std::fs::read_to_string(&owner).expect("read").replace("\"940\"", "\"shipping_order\"");
    std::fs::write(&owner, text).expect("written");
    site.orders("1.csv", &[("SO-1", "31"), ("SO-2", "31"), ("SO-3", "31")]);
    site.done(&["run", "--once"]);
    let sent: Vec<String> = std::fs::read_dir(site.path("warehouse/in"))
        .expect("listed")
        .map(|entry| std::fs::read_to_string(entry.expect("listed").path()).expect("text"))
        .collect();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(sent[0].contains("SO-1") && sent[0].contains("SO-2") && !sent[0].contains("SO-3"), "{}", sent[0]);

    for (batch, told) in [
        ("count = 2", "nothing says when a set that does not fill is sent"),
        ("count = 0, age = \"1h\"", "a batch of none is never sent"),
        ("cron = \"0 18 * *\"", "has 4 fields, not five"),
        ("age = \"1h\", by = \"ship_too.id\"", "the record has no field `ship_too.id`"),
    ] {
        std::fs::write(&path, flat.replace("count = 2, age = \"1h\"", batch)).expect("written");
        let said = site.run(&["check"]);
        let all = format!("{}{}", said.out, said.err);
        assert!(said.code != 0 && all.contains(told), "{batch}: {all}");
    }
}

impl Site {
    /// Has the time of all that waits be over.
    async fn runs_out(&self) {
        use sqlx::Executor as _;
        let mut connection = self.database.connection().await;
        connection
            .execute("update batched set due_at = now() - interval '1 second'")
            .await
            .expect("it is ours");
    }
}
