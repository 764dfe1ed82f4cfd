//! Master data: loaded whole or not at all, asked both ways, and what becomes of a value it does not hold.

use super::Site;

const NUMBERS: &str = "partner,number,sku,preferred,valid_from,valid_to\n\
    owner,A-1,SKU-100,,2026-01-01,\nowner,A-1,SKU-9,,2025-01-01,2025-12-31\n";
const CARRIERS: &str = "partner,code,scac,name,mode,preferred,valid_from,valid_to\n\
    warehouse,MIDW,MWFS,Midwest Freight,,,,\n,MW,MWFS,Midwest Freight,,,,\n";

impl Site {
    fn append(&self, profile: &str, text: &str) {
        let path = self.path(&format!("partner-profiles/{profile}.toml"));
        let own = std::fs::read_to_string(&path).expect("it is there");
        std::fs::write(path, own.replace("[[routes]]", &format!("{text}\n[[routes]]"))).expect("written");
    }

    fn load(&self, kind: &str, text: &str, more: &[&str]) -> super::Said {
        std::fs::write(self.path("data.csv"), text).expect("written");
        self.run(&[&["data", "load", kind, "data.csv"], more].concat())
    }

    /// A site whose owner writes item numbers of its own, and whose warehouse knows carriers by codes of its own.
    async fn with_crosswalks(unknown: &str) -> Self {
        let site = Self::new().await;
        site.append(
            "owner",
            &format!(
                "crosswalks = {{ item_number = \"{unknown}\" }}\nfields = {{ \"lines.sku\" = \"row/sku | table(item_number)\" }}\n"
            ),
        );
        let path = site.path("partner-profiles/warehouse.toml");
        let own = std::fs::read_to_string(&path).expect("it is there");
        let own = own.replace("expect_ack = {", "crosswalks = { carrier = \"refuse\" }\nexpect_ack = {");
        std::fs::write(path, own + "\"carrier.scac\" = \"W6610 | table(carrier)\"\n").expect("written");
        site
    }

    fn sent_940(&self) -> String {
        let folder = std::fs::read_dir(self.path("warehouse/in")).into_iter().flatten();
        let files: Vec<String> = folder
            .map(|entry| std::fs::read_to_string(entry.expect("listed").path()).expect("it is text"))
            .collect();
        files.concat()
    }
}

#[tokio::test]
async fn a_held_file_goes_on_once_its_values_are_loaded_and_codes_are_written_back() {
    let site = Site::with_crosswalks("hold").await;
    assert_eq!(site.load("carriers", CARRIERS, &[]).code, 0);
    site.put("orders.csv", "owner/out/orders.csv");
    site.done(&["run", "--once"]);
    assert_eq!(site.sent_940(), "");
    let aside = site.json(&["quarantine", "list"]);
    let reason = super::text(&aside[0]["reason"]);
    let begin = "`A-1` is not in the master data `item_number` for partner owner on ";
    assert!(reason.starts_with(begin), "{reason}");
    let hint = aside[0].to_string();
    assert!(hint.contains("crossdock data load item-numbers FILE.csv"), "{hint}");

    let refused = site.load("item-numbers", &NUMBERS.replace("owner,A-1,SKU-9", "ower,A-1,"), &[]);
    assert_eq!(
        (refused.code, refused.err.as_str()),
        (
            1,
            "data.csv:3: `partner` says `ower`, but there is no such partner profile; hint: did you mean `owner`? known are `owner`, `shop`, `warehouse`\n\
             data.csv:3: `sku` is empty; hint: fill it in, or take the row out\n\
             2 faults to mend; nothing was loaded (columns of item-numbers: partner*, number*, sku*, preferred, valid_from, valid_to)\n"
        )
    );
    let dry = site.load("item-numbers", NUMBERS, &["--dry-run"]);
    assert_eq!(dry.out, "data.csv is sound: 2 rows of item-numbers; nothing was loaded\n");
    let loaded = site.load("item-numbers", NUMBERS, &["--owner", "items desk", "--by", "ann"]);
    assert!(loaded.out.starts_with("loaded 2 rows of item-numbers for items desk"), "{}", loaded.out);

    let id = site.only(&["quarantine", "list"]);
    site.done(&["release", &id, "--reason", "its items are known now"]);
    site.done(&["run", "--once"]);
    let sent = site.sent_940();
    assert!(sent.contains("*VN*SKU-100"), "the number of today, not of last year: {sent}");
    assert!(sent.contains("*MIDW~"), "the warehouse's own code goes before everybody's: {sent}");
}

#[tokio::test]
async fn what_is_unknown_is_refused_or_passed_as_was_agreed() {
    let site = Site::with_crosswalks("refuse").await;
    assert_eq!(site.load("carriers", CARRIERS, &[]).code, 0);
    site.put("orders.csv", "owner/out/orders.csv");
    site.done(&["run", "--once"]);
    let documents = site.json(&["documents", "list"]);
    assert_eq!(documents[0]["validation"], "rejected", "{documents}");
    assert_eq!(site.sent_940(), "");

    let site = Site::with_crosswalks("pass").await;
    site.put("orders.csv", "owner/out/orders.csv");
    site.done(&["run", "--once"]);
    assert_eq!(site.sent_940(), "", "the warehouse's carrier is not known, so the order must not leave");
    let exceptions = site.json(&["exceptions", "list"]).to_string();
    assert!(
        exceptions.contains("`MWFS` is not in the master data `carrier` for partner warehouse"),
        "{exceptions}"
    );
    assert!(exceptions.contains("crossdock data load carriers FILE.csv"), "{exceptions}");
}

#[tokio::test]
async fn a_value_without_a_code_may_be_written_as_it_is_and_the_document_says_so() {
    let site = Site::new().await;
    let path = site.path("partner-profiles/warehouse.toml");
    let own = std::fs::read_to_string(&path).expect("it is there");
    let own = own.replace("expect_ack = {", "crosswalks = { carrier = \"pass\" }\nexpect_ack = {");
    std::fs::write(path, own + "\"carrier.scac\" = \"W6610 | table(carrier)\"\n").expect("written");
    site.put("orders.csv", "owner/out/orders.csv");
    site.done(&["run", "--once"]);
    assert!(site.sent_940().contains("*MWFS~"), "{}", site.sent_940());
    let documents = site.json(&["documents", "--direction", "outbound"]);
    let id = super::text(&documents[0]["id"]).to_owned();
    let shown = site.done(&["documents", "show", &id]);
    let told = "`MWFS` is not in the master data `carrier` for partner warehouse on ";
    assert!(shown.contains(told) && shown.contains("(carrier.scac to W6610)"), "{shown}");
}

#[tokio::test]
async fn what_is_not_loaded_is_told_where_it_is_named() {
    let site = Site::with_crosswalks("hold").await;
    let said = site.done(&["check", "--database"]);
    let (carrier, number) = (
        "the master data `carrier` holds no row for warehouse on ",
        "the master data `item_number` holds no row for owner on ",
    );
    assert!(said.contains(carrier) && said.contains(number), "{said}");
    assert!(said.contains("every document with such a value waits for a person"), "{said}");
    assert!(said.contains("--> partner-profiles/owner.toml:"), "{said}");
    assert!(said.contains("load it: `crossdock data load item-numbers FILE.csv`"), "{said}");
    assert_eq!(site.load("carriers", CARRIERS, &[]).code, 0);
    // What another partner calls its items does not help.
    assert_eq!(site.load("item-numbers", &NUMBERS.replace("owner,", "shop,"), &[]).code, 0);
    let said = site.done(&["check", "--database"]);
    assert!(!said.contains(carrier) && said.contains(number), "{said}");
    assert_eq!(site.load("item-numbers", NUMBERS, &[]).code, 0);
    let said = site.done(&["check", "--database"]);
    assert!(said.contains("the master data that profiles ask is loaded\nthe archive "), "{said}");
    assert!(said.ends_with("var/archive is to be had\n"), "{said}");
}

#[tokio::test]
async fn rows_about_the_same_days_as_loaded_ones_are_told_and_a_load_has_a_reason() {
    let site = Site::new().await;
    let refused = site.load("item-numbers", NUMBERS, &["--reason", " "]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("a reason is missing"), "{}", refused.err);
    assert_eq!(site.load("item-numbers", NUMBERS, &["--owner", "desk"]).err, "");
    let again = site.load("item-numbers", NUMBERS, &["--owner", "desk"]);
    assert_eq!(again.err, "", "the same rows take their own place");
    let later = NUMBERS.replace("2026-01-01", "2026-07-01");
    let told = site.load("item-numbers", &later, &["--owner", "desk", "--dry-run"]);
    assert_eq!(
        told.err,
        "data.csv: warning: owner A-1: the row from 2026-07-01 on and the one that is loaded, from 2026-01-01 on, are about the same days\n\
         of two rows for one day the one that began last counts; end the earlier one by `valid_to` to say so\n"
    );
    let whole = site.load("item-numbers", &later, &["--owner", "desk", "--replace"]);
    assert_eq!((whole.code, whole.err.as_str()), (0, ""), "what goes is not in the way");
}

#[tokio::test]
async fn what_was_loaded_comes_out_as_it_was_and_a_load_stands_in_the_audit() {
    let site = Site::new().await;
    let packs = "sku,unit,quantity,of_unit,valid_from,valid_to\nSKU-1,CS,12,EA,,\nSKU-1,PL,0.1050,TN,2026-01-01,2026-12-31\n";
    for _ in 0..2 {
        assert_eq!(site.load("packs", packs, &["--owner", "desk"]).code, 0);
    }
    assert_eq!(site.done(&["data", "export", "packs"]), packs);
    let fewer = "sku,unit,quantity,of_unit,valid_from,valid_to\nSKU-1,CS,24,EA,,\n";
    let told = site.load("packs", fewer, &["--owner", "desk", "--replace"]).out;
    assert!(told.contains("loaded 1 rows of packs for desk, in place of 2"), "{told}");
    assert_eq!(site.done(&["data", "export", "packs"]), fewer);
    let codes = "partner,code,word,preferred,valid_from,valid_to\n,K1,north,Y,,\n";
    assert_eq!(site.load("route_code", codes, &[]).code, 0);
    assert_eq!(site.done(&["data", "export", "route_code"]), codes);
    let kinds = site.json(&["data", "list"]);
    let of = |kind: &str| kinds.as_array().expect("a list").iter().find(|row| row["kind"] == kind).cloned();
    assert_eq!(of("packs").expect("it is a kind")["row_count"], 1);
    assert_eq!(of("route_code").expect("it is a kind")["row_count"], 1);
    let audit = site.done(&["audit", "list"]);
    assert_eq!(audit.matches(" rows of packs from ").count(), 3, "{audit}");
    site.done(&["audit", "verify"]);
    let made = site.run(&["data", "load", "upc", "data.csv"]);
    assert_eq!(made.code, 2);
    assert!(made.err.contains("`crossdock data load items FILE.csv`"), "{}", made.err);
}
