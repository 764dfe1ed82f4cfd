//! Holds the list of settings against what reading a profile asks for.

use super::super::{Library, Profile, Profiles};
use super::Otherwise::Is;
use super::*;
use crate::declaration::{Faults, Source};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;

const ALL: &str = r#"
[partner]
id = "all"
calendar = "local"
[calendars.local]
[x12]
us = { qualifier = "ZZ", id = "US" }
them = { qualifier = "ZZ", id = "THEM" }
aliases = [{ qualifier = "ZZ", id = "OTHER" }]
separators = { element = "*" }
reading = { unpadded_isa = false }
acks = { warnings = false }
control_numbers = { interchange = { first = 1 }, group = { first = 1 } }
[channels.local]
transport = "local"
inbound = { path = "in" }
outbound = { path = "out", name = "{agreement}_{document}_{control_number}.edi" }
[channels.packed]
transport = "local"
inbound = { path = "packed", unpack = "gzip", limits = { mb = 512 } }
pgp = { sign = true }
[channels.sftp]
transport = "sftp"
host = "sftp.example"
user = "us"
key = { file = "key" }
host_keys = ["SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"]
inbound = { path = "in" }
[channels.http]
transport = "http"
url = "https://erp.example"
basic = { user = "us", password = { env = "PASSWORD" } }
signature = { header = "X-Signature", secret = { env = "KEY" } }
[channels.oauth]
transport = "http"
url = "https://erp.example"
oauth = { token_url = "https://erp.example/token", client_id = "us", client_secret = { env = "SECRET" } }
[channels.mail]
transport = "mail"
to = "edi@partner.example"
[[contacts]]
name = "desk"
[[schedules]]
report = "activity"
cron = "0 6 * * 1-5"
[duplicates]
business_key = "hold"
[retention]
documents = { "846" = "90d" }
[[agreements]]
id = "north"
when = { "depositor.id" = "1" }
us = { qualifier = "ZZ", id = "US2" }
[[receives]]
translator = "x12-945"
channel = "local"
[[sends]]
translator = "x12-940"
channel = "local"
expect_ack = { kind = "997" }
batch = { age = "1h" }
[[routes]]
when = { record = "shipping_advice" }
derive = "ship_notice"
together = { by = "load_number" }
send = { to = "all", document = "940" }
[[routes]]
otherwise = true
when = { record = "shipping_advice", "ship_to.id" = "7" }
nothing = "it is not ours"
[[expects]]
after = "940"
document = "945"
within = "24h"
[reconciliation]
rounding = "total"
[[reconciliation.tolerances]]
amount = "0.05"
[[reconciliation.charges]]
charge = "freight"
amount = "5"
[[reconciliation.rates]]
bills = "pick"
counts = "units_shipped"
price = "0.35"
"#;

fn read(text: &str) -> (Profiles, Faults) {
    let faults = Faults::default();
    let none = Source { name: String::new(), text: String::new() };
    let source = Source { name: "partner-profiles/all.toml".to_owned(), text: text.to_owned() };
    let profiles = Profiles::read(&none, &[source], &none, Path::new("."), &Library::shipped(), &faults);
    (profiles, faults)
}

#[test]
fn the_list_has_every_setting_that_is_asked_for_and_no_other() {
    let (_, faults) = read(ALL);
    let asked: BTreeSet<String> = faults
        .list_known()
        .into_iter()
        .map(|key| {
            let steps: Vec<&str> = key.split('.').collect();
            match steps.as_slice() {
                [first @ ("channels" | "calendars"), _, rest @ ..] => {
                    format!("{first}.NAME.{}", rest.join("."))
                }
                _ => key,
            }
        })
        .collect();
    let listed: BTreeSet<String> = list_settings().map(|setting| setting.key.replace("[]", "")).collect();
    // Secrets have `file` and `env` below them.
    let is_section = |key: &str| {
        let is_below = |known: &String| known.starts_with(&format!("{key}."));
        listed.iter().any(is_below) || DIRECTIONS.iter().any(|(direction, _)| *direction == key)
    };
    let below_secret = |key: &str| key.rsplit_once('.').is_some_and(|(above, _)| listed.contains(above));
    let unlisted: Vec<&String> =
        asked.iter().filter(|key| !listed.contains(*key) && !is_section(key) && !below_secret(key)).collect();
    assert_eq!(unlisted, Vec::<&String>::new(), "asked for, but not in the list");
    let unasked: Vec<&String> = listed.iter().filter(|key| !asked.contains(*key)).collect();
    assert_eq!(unasked, Vec::<&String>::new(), "in the list, but never asked for");
    assert_eq!(faults.into_findings(), Vec::new());
}

#[test]
fn built_in_values_are_those_of_the_list() {
    let mut text = ALL.to_owned();
    // What the list calls built in, written out, changes nothing.
    for (after, prefix, transport) in [
        ("calendar = \"local\"", "partner", ""),
        ("[calendars.local]", "calendars.NAME", ""),
        ("[x12]", "x12", ""),
        ("transport = \"local\"", "channels.NAME", "local"),
        ("transport = \"sftp\"", "channels.NAME", "sftp"),
        ("transport = \"http\"", "channels.NAME", "http"),
        ("transport = \"mail\"", "channels.NAME", "mail"),
        ("[[receives]]", "receives[]", ""),
    ] {
        let mut lines = String::new();
        for setting in list_settings().filter(|setting| setting.transport == transport) {
            let Is(value) = setting.otherwise else { continue };
            if setting.key.rsplit_once('.').is_some_and(|(above, _)| above == prefix) {
                let name = setting.key.rsplit('.').next().expect("there is one");
                lines.push_str(&format!("\n{name} = {value}"));
            }
        }
        assert!(text.contains(after));
        text = text.replacen(after, &format!("{after}{lines}"), 1);
    }
    text = text.replace(
        "separators = { element = \"*\" }",
        "separators = { element = \"*\", component = \">\", repetition = \"^\", segment = \"~\" }",
    );
    text = text.replace(
        "{ unpadded_isa = false }",
        "{ unpadded_isa = false, bytes_before_isa = \"refuse\", characters = \"extended\", \
         national_characters = \"accept\", isa_date_within = \"1826d\" }",
    );
    text = text.replace(
        "{ warnings = false }",
        "{ sets = \"all\", accept_with_errors = true, partial_groups = true, warnings = false, ta1 = \"requested\" }",
    );
    text = text.replace(
        "{ interchange = { first = 1 }, group = { first = 1 } }",
        "{ interchange = { first = 1, last = 999999999 }, group = { first = 1, last = 999999999 }, reuse_after = \"30d\" }",
    );
    text = text.replacen(
        "{ path = \"in\" }",
        "{ path = \"in\", complete = \"renamed\", poll_every = \"30s\" }",
        1,
    );
    text =
        text.replacen("{ path = \"in\" }", "{ path = \"in\", complete = \"stable\", stable = \"10s\" }", 1);
    text =
        text.replace("{ path = \"out\" }", "{ path = \"out\", name = \"{document}_{control_number}.edi\" }");
    text =
        text.replace("{ kind = \"997\" }", "{ kind = \"997\", within = \"24h\", when_overdue = \"alert\" }");
    let ((bare, _), (written, faults)) = (read(ALL), read(&text));
    assert_eq!(faults.into_findings(), Vec::new(), "{text}");
    let shown = |profiles: &Profiles| {
        let profile = profiles.find("all").expect("it is there");
        let exchange = &profile.exchange;
        let receives: Vec<_> = exchange.receives.iter().map(|r| (r.acknowledge, r.invoices)).collect();
        let sends: Vec<_> = exchange.sends.iter().map(|s| s.expect_ack).collect();
        let Profile { time_zone, calendar, x12, channels, .. } = profile;
        format!("{time_zone:?} {calendar:?} {x12:?} {channels:?} {receives:?} {sends:?}")
    };
    assert_eq!(shown(&bare), shown(&written));
}

#[test]
fn the_schema_knows_lists_names_and_words() {
    let schema = json_schema();
    let at = |path: &str| schema.pointer(path).cloned().unwrap_or_default();
    assert_eq!(at("/properties/receives/items/properties/ack/enum"), json!(["997", "999", "none"]));
    assert_eq!(at("/properties/inbound/properties/ack/enum"), json!(["997", "999", "none"]));
    assert_eq!(at("/properties/outbound/properties/translator"), json!(null));
    let channel = "/properties/channels/additionalProperties/properties";
    assert_eq!(at(&format!("{channel}/inbound/properties/poll_every/type")), json!("string"));
    assert_eq!(at("/properties/partner/properties/time_zone/default"), json!("UTC"));
}
