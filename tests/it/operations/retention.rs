//! Bytes leave when their time is over; all that is known of them stays.

use super::{Site, short, text};
use sqlx::Executor as _;

impl Site {
    /// Says how long partners' files are kept.
    fn keeps(&self, retention: &str) {
        let path = self.path("partner-profiles/defaults.toml");
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        let before = before.split("[retention]").next().unwrap_or_default().to_owned();
        std::fs::write(&path, format!("{before}\n[retention]\n{retention}")).expect("written");
    }

    async fn ages(&self, days: u32) {
        let mut connection = self.database.connection().await;
        let aged = format!("update file set received_at = received_at - interval '{days} days'");
        connection.execute(sqlx::AssertSqlSafe(aged)).await.expect("it is ours");
    }
}

#[tokio::test]
async fn bytes_leave_when_their_time_is_over_and_what_is_known_of_them_stays() {
    let site = Site::after_a_day().await;
    let files = site.json(&["files"]);
    let files = files.as_array().expect("a list").clone();
    let id_of = |name: &str| {
        let found = files.iter().find(|file| text(&file["name"]).starts_with(name));
        text(&found.unwrap_or_else(|| panic!("{name} in {files:?}"))["id"])
    };
    let (order, half_good) = (id_of("orders.csv"), id_of("PO_17"));
    let shown = site.done(&["files", "show", &order]);
    assert!(shown.contains("(retention of proof, commercial and tax law"), "{shown}");

    // The hub's own rules: ten years, and nothing is old enough.
    site.ages(500).await;
    site.done(&["run", "--once"]);
    assert!(site.done(&["audit", "list"]).contains("no "), "nothing left");

    // A lawsuit: nothing leaves, however short the times.
    site.keeps("proof = \"400d\"\nothers = \"30d\"\nhold = \"Meyer against us, 7 C 12/26\"\n");
    site.done(&["run", "--once"]);
    let shown = site.done(&["files", "show", &order]);
    assert!(shown.contains("kept, whatever their age: Meyer against us"), "{shown}");
    assert_eq!(site.json(&["files", "show", &order])["body_left_at"], serde_json::Value::Null);

    site.keeps("proof = \"400d\"\nothers = \"30d\"\n");
    site.done(&["run", "--once"]);
    let shown = site.json(&["files", "show", &order]);
    assert!(shown["body_left_at"].is_string(), "{shown}");
    assert_eq!(shown["documents"][0]["record_kind"], "shipping_order", "what it said stays");
    assert_eq!(text(&shown["sha256"]).len(), 64);
    let told = site.done(&["files", "show", &order]);
    assert!(told.contains("with their retention; hash, documents and records stay"), "{told}");
    let audit = site.json(&["audit", "list", "--action", "dispose"]);
    let rows = audit.as_array().expect("a list");
    let told: i64 = rows
        .iter()
        .flat_map(|row| row["detail"]["left"].as_array().expect("a list").clone())
        .map(|of| of["files"].as_i64().expect("a number"))
        .sum();
    assert_eq!(told, i64::try_from(files.len()).expect("a few"), "{audit}");
    site.done(&["audit", "verify"]);

    // What needs the bytes says that they left.
    let body = site.run(&["files", "show", &order, "--body"]);
    assert!(body.code != 0 && body.err.contains("with their retention"), "{}{}", body.out, body.err);
    let replay = site.run(&["replay", short(&half_good)]);
    assert!(
        replay.code == 1 && replay.err.contains("left on") && replay.err.contains("hint: "),
        "{}",
        replay.err
    );
    let delivery = text(&site.json(&["deliveries", "--partner", "warehouse"])[0]["id"]);
    let resend = site.run(&["resend", &delivery, "--reason", "lost"]);
    assert!(resend.code == 1 && resend.err.contains("have left with their retention"), "{}", resend.err);

    let shown = site.done(&["deliveries", "show", &delivery]);
    assert!(shown.contains("carries document"), "all but its bytes is shown: {shown}");

    // A copy is known all the same, and nothing leaves twice.
    site.put("orders.csv", "owner/out/again.csv");
    site.done(&["run", "--once"]);
    let copy = site.json(&["files", "--name", "again"]);
    assert_eq!(
        copy[0]["state"], "processed",
        "beyond the year in which copies are looked for it is a new file"
    );
    site.put("orders.csv", "owner/out/third.csv");
    site.done(&["run", "--once"]);
    assert_eq!(site.json(&["files", "--name", "third"])[0]["state"], "duplicate");
    assert_eq!(
        site.json(&["audit", "list", "--action", "dispose"]).as_array().map(Vec::len),
        Some(rows.len())
    );
}

#[tokio::test]
async fn a_large_body_leaves_the_archive_unless_another_file_needs_it() {
    let site = Site::new().await;
    let large = "a line of text that is no document\n".repeat(40_000);
    std::fs::write(site.path("owner/out/large.txt"), &large).expect("written");
    site.run(&["run", "--once"]);
    let file = site.only(&["quarantine"]);
    site.done(&["cancel", &file, "--reason", "not ours"]);
    let sha256 = text(&site.json(&["files", "show", &file])["sha256"]);
    let (first, rest) = sha256.split_at(2);
    let path = site.path(&format!("var/archive/{first}/{}/{sha256}", rest.split_at(2).0));
    assert!(path.exists(), "{path:?}");
    site.ages(500).await;
    // The same came a moment ago; it is another file with the same bytes.
    std::fs::write(site.path("shop/out/large.txt"), &large).expect("written");
    site.run(&["run", "--once"]);
    assert!(site.json(&["files", "show", &file])["body_left_at"].is_string());
    assert!(path.exists(), "another needs it");
    let other = site.only(&["quarantine"]);
    assert!(site.done(&["files", "show", &other, "--body"]).contains("a line of text"));
    site.done(&["cancel", &other, "--reason", "not ours"]);
    site.ages(500).await;
    site.done(&["run", "--once"]);
    assert!(!path.exists(), "nobody needs it any more");
}

#[tokio::test]
async fn two_nodes_have_each_body_leave_once() {
    let site = Site::after_a_day().await;
    site.ages(4000).await;
    let files = site.json(&["files"]).as_array().map(Vec::len).expect("a list");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| site.done(&["run", "--once"]));
        }
    });
    let audit = site.json(&["audit", "list", "--action", "dispose"]);
    let left: i64 = audit
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|row| row["detail"]["left"].as_array().expect("a list").clone())
        .map(|of| of["files"].as_i64().expect("a number"))
        .sum();
    assert_eq!(left, i64::try_from(files).expect("a few"), "{audit}");
}
