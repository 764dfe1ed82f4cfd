//! Release, assign, cancel and resend, each once, with who and why.

use super::{Said, Site, short, text};
use sqlx::{AssertSqlSafe, Executor};

const ANN: [&str; 4] = ["--by", "ann", "--reason", "agreed by mail of 25 November"];

impl Site {
    fn acts(&self, verb: &[&str]) -> Said {
        self.run(&[verb, &ANN].concat())
    }

    fn sent_to_warehouse(&self) -> Vec<(String, String)> {
        let folder = self.path("warehouse/in");
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut sent: Vec<(String, String)> = entries
            .map(|entry| {
                let text = std::fs::read_to_string(entry.path()).expect("it is text");
                (entry.file_name().to_string_lossy().into_owned(), text)
            })
            .collect();
        sent.sort();
        sent
    }
}

#[tokio::test]
async fn a_file_of_a_stranger_is_released_and_assigned_once_its_profile_is_there() {
    let site = Site::new().await;
    let orders = std::fs::read_to_string(super::fixtures().join("files/orders.edi")).expect("it is text");
    std::fs::write(site.path("shop/out/LATE.edi"), orders.replace("SHOPONE  ", "LATECOMER"))
        .expect("written");
    site.done(&["run", "--once"]);
    let file = site.only(&["quarantine"]);
    let hint = text(&site.json(&["quarantine"])[0]["hint"]);
    assert!(hint.contains("add a profile") && hint.contains("`crossdock release`"), "{hint}");

    let unreasoned = site.run(&["release", &file]);
    assert_eq!(unreasoned.code, 2);
    assert!(unreasoned.err.contains("--reason"), "{}", unreasoned.err);
    let stranger = site.acts(&["assign", short(&file), "--partner", "lat"]);
    assert_eq!(stranger.code, 1);
    assert!(stranger.err.contains("there is no partner `lat`"), "{}", stranger.err);

    site.put("late.toml", "partner-profiles/late.toml");
    assert!(site.acts(&["release", short(&file)]).out.contains("release"), "it is let go");
    let again = site.acts(&["release", short(&file)]);
    assert!(again.out.contains("done before by ann") && again.code == 0, "{}{}", again.out, again.err);
    site.done(&["run", "--once"]);
    let reason = text(&site.json(&["files", "show", &file])["reason"]);
    assert!(reason.contains("is late, who may not send on channel shop/edi"), "{reason}");

    let assigned = site.acts(&["assign", short(&file), "--partner", "late"]);
    assert_eq!(assigned.code, 0, "{}", assigned.err);
    site.done(&["run", "--once"]);
    let shown = site.json(&["files", "show", &file]);
    assert_eq!((shown["state"].as_str(), shown["partner_id"].as_str()), (Some("processed"), Some("late")));
    let answered = std::fs::read_dir(site.path("late/in")).expect("it is answered").count();
    assert_eq!(answered, 1);
    let refused = site.acts(&["release", short(&file)]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains("is not in quarantine: it is processed; hint: `crossdock replay"),
        "{}",
        refused.err
    );
    let lineage = site.done(&["files", "show", &file]);
    for told in ["assign by ann: agreed by mail", "release by ann", "assigned to: late/edi"] {
        assert!(lineage.contains(told), "{told}\n{lineage}");
    }
}

#[tokio::test]
async fn a_resent_delivery_is_the_same_to_the_byte() {
    let site = Site::after_a_day().await;
    let first = site.sent_to_warehouse();
    let delivery = site.only(&["deliveries", "--partner", "warehouse"]);
    let before = site.json(&["deliveries", "show", &delivery]);
    std::fs::remove_file(site.path("warehouse/in").join(&first[0].0)).expect("the partner took it");
    assert_eq!(site.acts(&["resend", short(&delivery)]).code, 0);
    let twice = site.acts(&["resend", short(&delivery)]);
    assert!(twice.out.contains("done before"), "{}{}", twice.out, twice.err);
    site.done(&["run", "--once"]);
    assert_eq!(site.sent_to_warehouse(), first);
    let after = site.json(&["deliveries", "show", &delivery]);
    for same in ["idempotency_key", "target", "file_id"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!(after["attempts"], 2);

    // A request that was given a name is done once, however often and late it comes.
    let named = [&["resend", &delivery, "--request", "ticket-17"][..], &ANN].concat();
    site.done(&named);
    site.done(&["run", "--once"]);
    assert!(site.done(&named).contains("done before"));
    site.done(&["run", "--once"]);
    assert_eq!(site.json(&["deliveries", "show", &delivery])["attempts"], 3);
    let other = site.run(&[&["cancel", &delivery, "--request", "ticket-17"][..], &ANN].concat());
    assert!(other.code == 1 && other.err.contains("`ticket-17` was another one: resend"), "{}", other.err);
}

#[tokio::test]
async fn what_is_held_is_released_or_given_up_and_what_is_done_is_refused() {
    let site = Site::new().await;
    std::fs::create_dir_all(site.path("warehouse/in")).expect("made");
    let taken = site.path("warehouse/in/940_000000001.edi");
    std::fs::write(&taken, "something else").expect("written");
    site.put("orders.csv", "owner/out/orders.csv");
    let ran = site.run(&["run", "--once"]);
    assert_eq!(ran.code, 1, "a held delivery needs a person: {}", ran.out);
    assert!(ran.out.contains("held for a person: 1"), "{}", ran.out);
    let delivery = site.only(&["deliveries", "--status", "held"]);
    let resent = site.acts(&["resend", short(&delivery)]);
    assert!(resent.code == 1 && resent.err.contains("crossdock release"), "{}", resent.err);

    std::fs::remove_file(&taken).expect("moved away");
    let job = site.only(&["jobs", "--status", "held"]);
    assert_eq!(site.acts(&["release", short(&job)]).code, 0, "a job is named as well as its delivery");
    site.done(&["run", "--once"]);
    assert_eq!(site.sent_to_warehouse().len(), 1);
    let twice = site.acts(&["release", &delivery]);
    assert!(twice.out.contains("done before"), "the job's release was the delivery's: {}", twice.err);
    for (verb, told) in [("release", "it was delivered"), ("cancel", "cannot be called back")] {
        let refused = site.run(&[verb, &delivery, "--reason", "another one"]);
        assert!(refused.code == 1 && refused.err.contains(told), "{verb}: {}", refused.err);
    }
}

#[tokio::test]
async fn a_cancelled_delivery_is_not_sent_and_nothing_is_awaited_for_it() {
    let site = Site::new().await;
    std::fs::create_dir_all(site.path("warehouse/in")).expect("made");
    std::fs::write(site.path("warehouse/in/940_000000001.edi"), "something else").expect("written");
    site.put("orders.csv", "owner/out/orders.csv");
    site.run(&["run", "--once"]);
    let delivery = site.only(&["deliveries", "--status", "held"]);
    assert_eq!(site.acts(&["cancel", &delivery]).code, 0);
    site.done(&["run", "--once"]);
    let shown = site.json(&["deliveries", "show", &delivery]);
    assert_eq!(shown["state"], "cancelled");
    assert_eq!(shown["acknowledgments"][0]["state"], "cancelled");
    assert!(site.done(&["status"]).contains("No acknowledgment is open"));
    std::fs::remove_file(site.path("warehouse/in/940_000000001.edi")).expect("moved away");
    assert_eq!(site.acts(&["resend", &delivery]).code, 0, "it may be sent all the same");
    site.done(&["run", "--once"]);
    let shown = site.json(&["deliveries", "show", &delivery]);
    assert_eq!(
        (shown["state"].as_str(), shown["acknowledgments"][0]["state"].as_str()),
        (Some("delivered"), Some("awaited"))
    );
}

#[tokio::test]
async fn two_clicks_at_the_same_time_are_one() {
    let site = Site::after_a_day().await;
    let delivery = site.only(&["deliveries", "--partner", "warehouse"]);
    let said: Vec<Said> = std::thread::scope(|scope| {
        let clicks: Vec<_> = (0..4).map(|_| scope.spawn(|| site.acts(&["resend", &delivery]))).collect();
        clicks.into_iter().map(|click| click.join().expect("it runs")).collect()
    });
    assert!(said.iter().all(|said| said.code == 0));
    assert_eq!(said.iter().filter(|said| said.out.contains("done before")).count(), 3);
    assert_eq!(site.json(&["audit"]).as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_changed_audit_shows() {
    let site = Site::after_a_day().await;
    assert!(site.done(&["audit", "verify"]).contains("the audit is empty"));
    let delivery = site.only(&["deliveries", "--partner", "warehouse"]);
    for verb in ["resend", "cancel", "resend"] {
        assert_eq!(site.acts(&[verb, &delivery]).code, 0, "{verb}");
    }
    let sound = site.done(&["audit", "verify"]);
    assert!(sound.contains("sound: 3 rows"), "{sound}");
    let head = sound.trim().rsplit(' ').next().expect("it ends with the head");
    site.done(&["audit", "verify", "--head", head]);

    let mut connection = site.database.connection().await;
    for statement in [
        "update audit_event set reason = 'x'",
        "update audit_event set at = at",
        "update audit_event set actor = 'bob' where false",
        "delete from audit_event where seq = 1",
        "delete from audit_event",
        "truncate audit_event",
    ] {
        let refused = connection.execute(statement).await;
        // A statement that hits no row changes nothing.
        let idle = statement.ends_with("where false") && refused.is_ok();
        assert!(idle || refused.is_err_and(|error| error.to_string().contains("append-only")), "{statement}");
    }
    // Whoever owns the table can go round the triggers; the chain tells.
    connection.execute("alter table audit_event disable trigger all").await.expect("the owner may");
    let columns = [
        ("actor = 'eve'", "actor = 'ann'", "row 2 was changed"),
        ("detail = replace(detail::text, 'cancelled', 'cancelleD')::json", "", "row 2 was changed"),
        (
            "before_sha256 = set_byte(before_sha256, 0, get_byte(before_sha256, 0) # 1)",
            "",
            "row 2 was changed",
        ),
        ("at = at + interval '1 microsecond'", "", "row 2 was changed"),
        (
            "previous_hash = set_byte(previous_hash, 31, get_byte(previous_hash, 31) # 1)",
            "",
            "row 2 does not follow",
        ),
        ("hash = set_byte(hash, 7, get_byte(hash, 7) # 1)", "", "row 2 was changed"),
        ("subject_id = null", "", "row 2 was changed"),
    ];
    for (change, _, told) in columns {
        connection.execute("create table copy as table audit_event").await.expect("a copy");
        let change = format!("update audit_event set {change} where seq = 2");
        let changed = connection.execute(AssertSqlSafe(change.clone())).await.expect("the owner may");
        assert_eq!(changed.rows_affected(), 1, "{change}");
        let said = site.run(&["audit", "verify"]);
        assert!(said.code == 1 && said.err.contains(told), "{change}: {}{}", said.out, said.err);
        connection
            .execute("delete from audit_event; insert into audit_event select * from copy; drop table copy")
            .await
            .expect("put back");
    }
    site.done(&["audit", "verify", "--head", head]);
    connection.execute("delete from audit_event where seq = 2").await.expect("the owner may");
    assert!(site.run(&["audit", "verify"]).err.contains("row 2 is missing"));
    connection.execute("delete from audit_event where seq > 1").await.expect("the owner may");
    site.done(&["audit", "verify"]);
    assert!(
        site.run(&["audit", "verify", "--head", head]).err.contains("row 2 is missing"),
        "the noted head tells"
    );
}

#[tokio::test]
async fn a_chain_that_is_cut_or_forged_anew_shows_against_the_heads_in_the_archive() {
    let site = Site::after_a_day().await;
    let delivery = site.only(&["deliveries", "--partner", "warehouse"]);
    for verbs in [["resend", "cancel"].as_slice(), &["resend"]] {
        for verb in verbs {
            assert_eq!(site.acts(&[verb, &delivery]).code, 0, "{verb}");
        }
        // Twice: each head is kept once.
        site.done(&["run", "--once"]);
        site.done(&["run", "--once"]);
    }
    let sound = site.done(&["audit", "verify"]);
    assert!(sound.contains("sound: 3 rows, and the 2 heads that the archive keeps"), "{sound}");
    let mut connection = site.database.connection().await;
    connection.execute("alter table audit_event disable trigger all").await.expect("the owner may");
    connection.execute("delete from audit_event where seq = 3").await.expect("the owner may");
    let cut = site.run(&["audit", "verify"]);
    assert!(cut.code == 1 && cut.err.contains("row 3 is missing"), "{}{}", cut.out, cut.err);
    // What is written anew is chained as it should be, and is not what was kept.
    connection.execute("delete from audit_event").await.expect("the owner may");
    for verb in ["resend", "resend", "resend"] {
        site.acts(&[verb, &delivery]);
    }
    let forged = site.run(&["audit", "verify"]);
    assert!(forged.code == 1 && forged.err.contains("row 2 "), "{}{}", forged.out, forged.err);
}
