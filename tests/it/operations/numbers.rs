//! Counters of control numbers: where a person sets them, from where to where they count, and what comes round.

use super::{Said, Site};
use serde_json::Value;

const WHY: [&str; 4] = ["--by", "ann", "--reason", "the old system stopped at 4710"];

impl Site {
    /// Writes a line below `[x12]` of the warehouse.
    fn numbers_by(&self, line: &str) {
        let path = self.path("partner-profiles/warehouse.toml");
        let profile = std::fs::read_to_string(&path).expect("it is there");
        let lines = profile.lines().filter(|line| !line.starts_with("control_numbers"));
        let profile: String = lines.map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, profile.replacen("[x12]\n", &format!("[x12]\n{line}\n"), 1)).expect("written");
    }

    fn set_number(&self, which: &[&str]) -> Said {
        self.run(&[&["numbers", "set"], which, &WHY].concat())
    }

    /// Has an order go to the warehouse; the names of all that lies there.
    fn order_goes(&self, number: &str) -> Vec<String> {
        self.orders(&format!("{number}.csv"), &[(number, "31")]);
        self.run(&["run", "--once"]);
        self.interchanges().into_iter().map(|(name, _)| name).collect()
    }

    fn counter(&self, level: &str) -> Value {
        let all = self.json(&["numbers", "--partner", "warehouse"]);
        let all = all.as_array().expect("a list").clone();
        all.into_iter().find(|counter| counter["level"] == level).expect("it is listed")
    }
}

#[tokio::test]
async fn a_counter_goes_on_where_another_system_stopped() {
    let site = Site::new().await;
    let fresh = site.counter("interchange");
    assert_eq!((fresh["next"].as_i64(), &fresh["used_at"]), (Some(1), &Value::Null));
    for level in ["interchange", "group"] {
        let said = site.set_number(&["warehouse", level, "--next", "4711"]);
        assert_eq!(said.code, 0, "{}", said.err);
        assert!(said.out.contains("is 4711 (audit "), "{}", said.out);
    }
    assert_eq!(site.order_goes("SO-1"), ["940_000004711.edi"]);
    let sent = std::fs::read_to_string(site.path("warehouse/in/940_000004711.edi")).expect("text");
    assert!(sent.contains("GE*1*4711~") && sent.contains("IEA*1*000004711~"), "{sent}");
    let used = site.counter("group");
    assert!(used["next"] == 4712 && used["used_at"].is_string(), "{used}");
    let shown = site.done(&["numbers", "--partner", "warehouse"]);
    for told in ["interchange (ISA13)", "group (GS06)", "4712", "1 to 999999999", "in more than 10 years"] {
        assert!(shown.contains(told), "{told}\n{shown}");
    }

    let back = ["warehouse", "interchange", "--next", "4711"];
    let refused = site.run(&[&["numbers", "set"], &back[..], &["--reason", "they ask for it"]].concat());
    assert_eq!(refused.code, 1, "{}", refused.out);
    for told in
        ["has used numbers up to 4711", "take 4712 or higher", "--allow-reuse", "may take what comes under"]
    {
        assert!(refused.err.contains(told), "{told}: {}", refused.err);
    }
    let said = site.set_number(&[&back[..], &["--allow-reuse"]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    std::fs::remove_file(site.path("warehouse/in/940_000004711.edi")).expect("the partner took it");
    assert!(site.order_goes("SO-2").is_empty(), "it was used today");
    let held = site.json(&["exceptions", "--reason", "control_number_again"]);
    let told = super::text(&held[0]["message"]);
    for part in [
        "940 SO-2 is held: ISA13 000004711 was used on ",
        "is not used again within 30 days",
        "under ISA13 000004711 the 997 for 940_000004711.edi of ",
        "is still awaited; ask Warehouse whether it takes the number again",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let delivery = site.only(&["deliveries", "--status", "held"]);
    site.done(&[&["release", &delivery], &WHY[..]].concat());
    site.done(&["run", "--once"]);
    assert_eq!(site.interchanges().len(), 1);
    assert!(site.json(&["exceptions"]).as_array().is_some_and(Vec::is_empty), "who released it settled it");
    assert_eq!(site.order_goes("SO-3").last().map(String::as_str), Some("940_000004712.edi"));

    let outside = site.set_number(&["warehouse", "interchange", "--next", "1000000000"]);
    assert!(outside.code == 1 && outside.err.contains("lies outside of the range"), "{}", outside.err);
    let unknown = site.set_number(&["warehous", "interchange", "--next", "9"]);
    assert!(unknown.code == 2 && unknown.err.contains("did you mean `warehouse`?"), "{}", unknown.err);
    let apart = site.set_number(&["warehouse", "group", "--next", "9000", "--functional-id", "OW"]);
    assert!(apart.code == 2 && apart.err.contains("has no such counter of its GS06"), "{}", apart.err);
    let audit = site.json(&["audit"]);
    assert_eq!(audit.as_array().map(Vec::len), Some(4), "three settings and a release: {audit}");
    assert_eq!(site.done(&["audit", "verify"]).matches("sound: 4 rows").count(), 1);
}

#[tokio::test]
async fn a_range_is_kept_and_its_end_is_told_before_it_comes() {
    let site = Site::new().await;
    site.numbers_by(
        r#"control_numbers = { interchange = { first = 100, last = 119 }, group = { first = 7, last = 999 }, reuse_after = "1d" }"#,
    );
    assert_eq!(site.order_goes("SO-1"), ["940_000000100.edi"]);
    assert!(!site.done(&["status"]).contains("soon begin again"));
    assert_eq!(site.set_number(&["warehouse", "interchange", "--next", "119"]).code, 0);
    let status = site.done(&["status"]);
    assert!(status.contains("Control numbers that soon begin again"), "{status}");
    assert_eq!(site.order_goes("SO-2").len(), 2);
    // The range ends; what would be numbered as the first order was waits for a person.
    assert_eq!(site.order_goes("SO-3").len(), 2);
    let delivery = site.only(&["deliveries", "--status", "held"]);
    let why = super::text(&site.json(&["deliveries", "show", &delivery])["last_error"]);
    assert!(why.starts_with("ISA13 000000100 was used on ") && why.contains("within 1 day,"), "{why}");
    // A wider range is in force at once, and goes on from where the counter stands.
    site.numbers_by("control_numbers = { interchange = { first = 100, last = 5000 } }");
    assert_eq!(site.counter("interchange")["last"], 5000);
    assert_eq!(site.order_goes("SO-4").len(), 3);
    assert_eq!(site.counter("interchange")["next"], 102);
}

#[tokio::test]
async fn counters_are_shared_or_apart_as_the_profile_says() {
    let site = Site::new().await;
    site.numbers_by(r#"control_numbers = { interchange = { shared = "mailbox" }, group = { apart = ["functional_id", "usage"] } }"#);
    let path = site.path("partner-profiles/shop.toml");
    let shop = std::fs::read_to_string(&path).expect("text");
    let shop =
        shop.replacen("[x12]\n", "[x12]\ncontrol_numbers = { interchange = { shared = \"mailbox\" } }\n", 1);
    std::fs::write(&path, &shop).expect("written");
    site.done(&[
        "numbers",
        "set",
        "warehouse",
        "group",
        "--next",
        "500",
        "--functional-id",
        "OW",
        "--reason",
        "as agreed",
    ]);
    site.put("orders.csv", "owner/out/orders.csv");
    site.done(&["run", "--once"]);
    site.put("orders.edi", "shop/out/PO_17.edi");
    site.done(&["run", "--once"]);
    let names = |folder: &str| -> Vec<String> {
        let entries =
            std::fs::read_dir(site.path(folder)).expect("listed").map(|entry| entry.expect("listed"));
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(names("warehouse/in"), ["940_000000001.edi"]);
    assert_eq!(names("shop/in"), ["997_000000002.edi"], "one counter for both");
    let sent = std::fs::read_to_string(site.path("warehouse/in/940_000000001.edi")).expect("text");
    assert!(sent.contains("GE*1*500~"), "{sent}");
    let all = site.json(&["numbers"]);
    let shared = all.as_array().expect("a list").iter().find(|one| one["counter"] == "isa13 shared mailbox");
    let shared = shared.expect("it is listed");
    assert_eq!(shared["partners"], serde_json::json!(["shop", "warehouse"]));
    assert_eq!(site.counter("group")["functional_id"], "FA");
    let ambiguous = site.set_number(&["warehouse", "group", "--next", "9000"]);
    for told in ["`--functional-id OW`", "`--test --functional-id FA`"] {
        assert!(ambiguous.code == 2 && ambiguous.err.contains(told), "{told}: {}", ambiguous.err);
    }

    // Two who share a counter agree about its range.
    std::fs::write(&path, shop.replace("shared = \"mailbox\"", "shared = \"mailbox\", last = 9999"))
        .expect("written");
    let check = site.run(&["check"]);
    assert_eq!(check.code, 2);
    for told in ["counter_crossed", "`shop` takes its ISA13 from the same counter (`isa13 shared mailbox`)"] {
        assert!(check.err.contains(told) || check.out.contains(told), "{told}: {}{}", check.out, check.err);
    }
    std::fs::write(&path, shop).expect("written");
    // What counts apart gives one number twice, so that names must tell it apart.
    site.numbers_by(r#"control_numbers = { interchange = { apart = ["usage"] } }"#);
    let check = site.run(&["check"]);
    let all = format!("{}{}", check.out, check.err);
    assert!(check.code == 2 && all.contains("names_collide") && all.contains("{usage}_{document}_"), "{all}");
}
