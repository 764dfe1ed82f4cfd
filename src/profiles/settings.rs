//! Every setting of a partner profile: its form, its built-in value, and what it is for.
//!
//! The reference page, the JSON Schema for editors and `crossdock partner explain` are made of this one list; a test
//! holds it against what reading a profile asks for.

use serde_json::{Map, Value, json};

/// What may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text in double quotes.
    Text,
    /// One of a closed list of words.
    Words(&'static [&'static str]),
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// A length of time, such as `"30s"` or `"4h"`.
    Time,
    /// A text, or a list of texts.
    Texts,
    /// Where a secret lies: `{ file = "…" }` or `{ env = "…" }`.
    Secret,
    /// Pairs of a name and a text.
    Pairs,
    /// Tables by name, each of pairs.
    Tables,
}

/// What holds where nothing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// It must be written.
    Required,
    /// Nothing; the setting is off or empty.
    Nothing,
    /// This value, as it would be written.
    Is(&'static str),
    /// What these words say.
    Like(&'static str),
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its dotted name. `NAME` stands for a name that is freely chosen, `[]` for each entry of a list.
    pub key: &'static str,
    /// The transport it belongs to; empty for all.
    pub transport: &'static str,
    /// What may be written.
    pub form: Form,
    /// What holds otherwise.
    pub otherwise: Otherwise,
    /// What it is for, in a sentence.
    pub about: &'static str,
}

const fn setting(key: &'static str, form: Form, otherwise: Otherwise, about: &'static str) -> Setting {
    Setting { key, transport: "", form, otherwise, about }
}

const fn of(
    transport: &'static str,
    key: &'static str,
    form: Form,
    otherwise: Otherwise,
    about: &'static str,
) -> Setting {
    Setting { key, transport, form, otherwise, about }
}

use Form::{Flag, Number, Pairs, Secret, Tables, Text, Texts, Time, Words};
use Otherwise::{Is, Like, Nothing, Required};

/// All settings, as a profile is best written.
pub const SETTINGS: &[Setting] = &[
    setting("partner.id", Text, Required, "The partner's id: the name of the file without `.toml`."),
    setting("partner.name", Text, Like("the id"), "The partner's name, for people."),
    setting(
        "partner.time_zone",
        Text,
        Is("\"UTC\""),
        "Zone of dates and times in documents, such as `America/Chicago`.",
    ),
    setting("partner.owner", Text, Nothing, "Who of us looks after what goes wrong with this partner."),
    setting(
        "partner.escalate_to",
        Text,
        Nothing,
        "The next in charge, for what stays open too long (`expect_ack.escalate_after`).",
    ),
    setting(
        "x12.us.qualifier",
        Text,
        Required,
        "Qualifier of our interchange id, two characters (ISA05 when we send).",
    ),
    setting("x12.us.id", Text, Required, "Our interchange id, at most 15 characters (ISA06 when we send)."),
    setting(
        "x12.them.qualifier",
        Text,
        Required,
        "Qualifier of the partner's interchange id (ISA05 of its files).",
    ),
    setting("x12.them.id", Text, Required, "The partner's interchange id (ISA06 of its files)."),
    setting("x12.aliases[].qualifier", Text, Required, "Qualifier of another id the partner sends under."),
    setting("x12.aliases[].id", Text, Required, "Another id the partner sends under."),
    setting("x12.us_group", Text, Like("our interchange id"), "Our application code (GS02 when we send)."),
    setting(
        "x12.them_group",
        Text,
        Like("the partner's interchange id"),
        "The partner's application code (GS03 when we send).",
    ),
    setting(
        "x12.usage",
        Words(&["production", "test"]),
        Is("\"production\""),
        "`test`: what comes is checked and acknowledged but changes nothing, and what goes is marked as a test (ISA15).",
    ),
    setting("x12.interchange_version", Text, Is("\"00401\""), "Version of the envelope we send (ISA12)."),
    setting("x12.version", Text, Is("\"004010\""), "X12 release we send (GS08)."),
    setting(
        "x12.separators.element",
        Text,
        Is("\"*\""),
        "Between the elements we send. What comes says itself which it uses.",
    ),
    setting("x12.separators.component", Text, Is("\">\""), "Between the components we send (ISA16)."),
    setting(
        "x12.separators.repetition",
        Text,
        Is("\"^\""),
        "Between the repetitions we send (ISA11), from envelope version 00402 on.",
    ),
    setting("x12.separators.segment", Text, Is("\"~\""), "After each segment we send."),
    setting(
        "x12.newline_after_segment",
        Flag,
        Is("false"),
        "Whether a line feed follows each segment we send.",
    ),
    setting("x12.ask_for_ta1", Flag, Is("false"), "Whether we ask for a TA1 (ISA14)."),
    setting("channels.NAME.transport", Words(&["local", "sftp", "http"]), Required, "How bytes are moved."),
    of(
        "local",
        "channels.NAME.root",
        Text,
        Is("\".\""),
        "The folder that the channel's folders lie in, from the settings file on.",
    ),
    of("sftp", "channels.NAME.host", Text, Required, "Name or address of the partner's server."),
    of("sftp", "channels.NAME.port", Number, Is("22"), "Port of the server."),
    of("sftp", "channels.NAME.user", Text, Required, "Our account on the server."),
    of("sftp", "channels.NAME.key", Secret, Nothing, "Our private key; or else `password`."),
    of("sftp", "channels.NAME.passphrase", Secret, Nothing, "What the private key is locked with."),
    of("sftp", "channels.NAME.password", Secret, Nothing, "Our password, where the server takes no key."),
    of(
        "sftp",
        "channels.NAME.host_keys",
        Texts,
        Required,
        "SHA256 fingerprints of the server's host key; two while it changes.",
    ),
    of("sftp", "channels.NAME.sessions", Number, Is("2"), "Sessions at once, 1 to 16."),
    of(
        "sftp",
        "channels.NAME.legacy",
        Flag,
        Is("false"),
        "Whether algorithms of old servers are taken, which are not safe any more.",
    ),
    of("http", "channels.NAME.url", Text, Required, "Where calls go."),
    of(
        "http",
        "channels.NAME.method",
        Words(&["POST", "PUT", "PATCH"]),
        Is("\"POST\""),
        "Method of the calls.",
    ),
    of(
        "http",
        "channels.NAME.idempotency_header",
        Text,
        Is("\"Idempotency-Key\""),
        "Header that carries the key by which the other side knows a repeated call.",
    ),
    of("http", "channels.NAME.headers", Pairs, Nothing, "Further headers; no secrets."),
    of("http", "channels.NAME.token", Secret, Nothing, "Bearer token of the calls."),
    of(
        "http",
        "channels.NAME.response_id",
        Text,
        Nothing,
        "Member of the JSON answer that holds the other side's id.",
    ),
    of("http", "channels.NAME.timeout", Time, Is("\"30s\""), "Deadline of one call."),
    setting("channels.NAME.inbound.path", Text, Required, "Folder where the partner's files appear."),
    of(
        "local",
        "channels.NAME.inbound.complete",
        Words(&["renamed", "stable", "marker"]),
        Is("\"renamed\""),
        COMPLETE,
    ),
    of(
        "sftp",
        "channels.NAME.inbound.complete",
        Words(&["renamed", "stable", "marker"]),
        Is("\"stable\""),
        COMPLETE,
    ),
    setting(
        "channels.NAME.inbound.stable",
        Time,
        Is("\"10s\""),
        "With `complete = \"stable\"`: how long a file must stay unchanged.",
    ),
    setting(
        "channels.NAME.inbound.marker",
        Text,
        Is("\".done\""),
        "With `complete = \"marker\"`: what the marker file's name has beyond the file's.",
    ),
    setting(
        "channels.NAME.inbound.after",
        Words(&["leave", "delete", "move"]),
        Like("`move` where `move_to` is written, else `leave`"),
        "What becomes of the partner's file once it is ours.",
    ),
    setting(
        "channels.NAME.inbound.move_to",
        Text,
        Nothing,
        "Folder that files are moved to; nothing there is overwritten.",
    ),
    setting("channels.NAME.inbound.poll_every", Time, Is("\"30s\""), "How often we look."),
    setting(
        "channels.NAME.inbound.files",
        Texts,
        Like("every name"),
        "Names that are picked up; `*` stands for any characters, `?` for one.",
    ),
    setting(
        "channels.NAME.inbound.ignore",
        Texts,
        Nothing,
        "Names that are passed over, besides the usual temporary ones.",
    ),
    setting("channels.NAME.outbound.path", Text, Required, "Folder where our files are put."),
    setting(
        "channels.NAME.outbound.name",
        Text,
        Is("\"{document}_{control_number}.edi\""),
        "Name of our files, of `{document}`, `{control_number}`, `{partner}`, `{number}`, `{date}` and `{time}`.",
    ),
    setting(
        "receives[].translator",
        Text,
        Required,
        "The translator that reads the document, a file of `translators/`.",
    ),
    setting("receives[].channel", Text, Required, "The channel it comes on."),
    setting(
        "receives[].files",
        Texts,
        Like("every name"),
        "Names of its files, where a channel carries several formats other than X12.",
    ),
    setting("receives[].ack", Words(&["997", "999", "none"]), Is("\"none\""), "How it is acknowledged."),
    setting(
        "receives[].invoices",
        Words(&["sale", "purchase", "service"]),
        Is("\"purchase\""),
        "What its invoices bill: the seller's sale to its customer, what we buy, or services.",
    ),
    setting(
        "receives[].fields",
        Pairs,
        Nothing,
        "The partner's own habits: a field of the record, and where it stands.",
    ),
    setting(
        "receives[].tables",
        Tables,
        Nothing,
        "The partner's own codes, by the name of the translator's table.",
    ),
    setting(
        "sends[].translator",
        Text,
        Required,
        "The translator that writes the document, a file of `translators/`.",
    ),
    setting("sends[].channel", Text, Required, "The channel it goes by."),
    setting(
        "sends[].expect_ack.kind",
        Words(&["997", "999", "none"]),
        Is("\"997\""),
        "The acknowledgment we expect.",
    ),
    setting("sends[].expect_ack.within", Time, Is("\"24h\""), "When it is due, counted from sending."),
    setting(
        "sends[].expect_ack.remind_every",
        Time,
        Nothing,
        "How often it is told again while it is overdue; once only unless written.",
    ),
    setting(
        "sends[].expect_ack.escalate_after",
        Time,
        Nothing,
        "Overdue for so long, it goes to `escalate_to` of the partner.",
    ),
    setting(
        "sends[].expect_ack.when_overdue",
        Words(&["alert", "hold"]),
        Is("\"alert\""),
        "`hold`: nothing more is delivered to the partner until it came or a person has settled it. Nothing is ever sent twice by itself.",
    ),
    setting(
        "sends[].fields",
        Pairs,
        Nothing,
        "The partner's own habits: a field of the record, and where it stands.",
    ),
    setting(
        "sends[].tables",
        Tables,
        Nothing,
        "The partner's own codes, by the name of the translator's table.",
    ),
    setting(
        "routes[].when.record",
        Text,
        Required,
        "The record from this partner that starts the route, such as `shipping_order`.",
    ),
    setting("routes[].derive", Words(&["ship_notice"]), Nothing, "What is made of the record first."),
    setting("routes[].send.to", Text, Required, "The partner it goes to."),
    setting(
        "routes[].send.document",
        Text,
        Required,
        "The document it goes as: `940`, or the record's name in other formats than X12.",
    ),
];

const COMPLETE: &str = "When a file counts as whole: the sender renames it at its end, it stays unchanged, or a marker file says so.";

impl Form {
    /// How it is written, for people.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Text => "text".to_owned(),
            Words(words) => words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", "),
            Number => "whole number".to_owned(),
            Flag => "`true` or `false`".to_owned(),
            Time => "time, such as `\"30s\"`, `\"15m\"`, `\"4h\"`, `\"2d\"`".to_owned(),
            Texts => "text or list of texts".to_owned(),
            Secret => "`{ file = \"…\" }` or `{ env = \"…\" }`".to_owned(),
            Pairs => "section of `name = \"text\"` lines".to_owned(),
            Tables => "sections of `\"code\" = \"word\"` lines".to_owned(),
        }
    }

    fn schema(self) -> Value {
        let text = json!({ "type": "string" });
        match self {
            Text => text,
            Words(words) => json!({ "enum": words }),
            Number => json!({ "type": "integer", "minimum": 0 }),
            Flag => json!({ "type": "boolean" }),
            Time => json!({ "type": "string", "pattern": "^[0-9]+ *[smhd]$" }),
            Texts => json!({ "anyOf": [text, { "type": "array", "items": text }] }),
            Secret => json!({
                "type": "object",
                "properties": { "file": text, "env": text },
                "additionalProperties": false,
                "minProperties": 1,
            }),
            Pairs => json!({ "type": "object", "additionalProperties": text }),
            Tables => json!({
                "type": "object",
                "additionalProperties": { "type": "object", "additionalProperties": text },
            }),
        }
    }
}

/// The JSON Schema of a profile, for editors that complete and check TOML.
///
/// Nothing is required, since any layer may say it; `crossdock check` knows all layers.
#[must_use]
pub fn json_schema() -> Value {
    let mut root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Crossdock partner profile",
        "type": "object",
        "additionalProperties": false,
    });
    for setting in SETTINGS {
        let mut at = &mut root;
        for step in setting.key.split('.') {
            let (name, list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
            let members = object(at);
            at = if name == "NAME" {
                members.insert_if_new("additionalProperties", table())
            } else {
                let properties = object(members.insert_if_new("properties", json!({})));
                let fresh = if list { json!({ "type": "array", "items": table() }) } else { table() };
                let entry = properties.insert_if_new(name, fresh);
                if list { object(entry).insert_if_new("items", table()) } else { entry }
            };
        }
        let mut leaf = setting.form.schema();
        let members = object(&mut leaf);
        members.insert("description".to_owned(), setting.about.into());
        if let Is(value) = setting.otherwise
            && setting.transport.is_empty()
        {
            members
                .insert("default".to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into()));
        }
        *at = leaf;
    }
    root
}

fn table() -> Value {
    json!({ "type": "object", "additionalProperties": false })
}

fn object(value: &mut Value) -> &mut Map<String, Value> {
    value.as_object_mut().expect("schemas are objects all the way down")
}

trait InsertIfNew {
    fn insert_if_new(&mut self, key: &str, value: Value) -> &mut Value;
}

impl InsertIfNew for Map<String, Value> {
    fn insert_if_new(&mut self, key: &str, value: Value) -> &mut Value {
        let entry = self.entry(key).or_insert_with(|| value.clone());
        // `additionalProperties` begins as `false` and becomes a table where names are free.
        if !entry.is_object() {
            *entry = value;
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Library, Profiles};
    use super::*;
    use crate::declaration::{Faults, Source};
    use std::collections::BTreeSet;
    use std::path::Path;

    const ALL: &str = r#"
[partner]
id = "all"
[x12]
us = { qualifier = "ZZ", id = "US" }
them = { qualifier = "ZZ", id = "THEM" }
aliases = [{ qualifier = "ZZ", id = "OTHER" }]
separators = { element = "*" }
[channels.local]
transport = "local"
inbound = { path = "in" }
outbound = { path = "out" }
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
[[receives]]
translator = "x12-945"
channel = "local"
[[sends]]
translator = "x12-940"
channel = "local"
expect_ack = { kind = "997" }
[[routes]]
when = { record = "shipping_advice" }
derive = "ship_notice"
send = { to = "all", document = "940" }
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
                    ["channels", _, rest @ ..] => format!("channels.NAME.{}", rest.join(".")),
                    _ => key,
                }
            })
            .collect();
        let listed: BTreeSet<String> = SETTINGS.iter().map(|setting| setting.key.replace("[]", "")).collect();
        // Secrets have `file` and `env` below them.
        let is_section = |key: &str| listed.iter().any(|known| known.starts_with(&format!("{key}.")));
        let below_secret = |key: &str| key.rsplit_once('.').is_some_and(|(above, _)| listed.contains(above));
        let unlisted: Vec<&String> = asked
            .iter()
            .filter(|key| !listed.contains(*key) && !is_section(key) && !below_secret(key))
            .collect();
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
            ("id = \"all\"", "partner", ""),
            ("[x12]", "x12", ""),
            ("transport = \"local\"", "channels.NAME", "local"),
            ("transport = \"sftp\"", "channels.NAME", "sftp"),
            ("transport = \"http\"", "channels.NAME", "http"),
            ("[[receives]]", "receives[]", ""),
        ] {
            let mut lines = String::new();
            for setting in SETTINGS.iter().filter(|setting| setting.transport == transport) {
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
        text = text.replacen(
            "{ path = \"in\" }",
            "{ path = \"in\", complete = \"renamed\", poll_every = \"30s\" }",
            1,
        );
        text = text.replacen(
            "{ path = \"in\" }",
            "{ path = \"in\", complete = \"stable\", stable = \"10s\" }",
            1,
        );
        text = text
            .replace("{ path = \"out\" }", "{ path = \"out\", name = \"{document}_{control_number}.edi\" }");
        text = text
            .replace("{ kind = \"997\" }", "{ kind = \"997\", within = \"24h\", when_overdue = \"alert\" }");
        let ((bare, _), (written, faults)) = (read(ALL), read(&text));
        assert_eq!(faults.into_findings(), Vec::new(), "{text}");
        let shown = |profiles: &Profiles| {
            let profile = profiles.find("all").expect("it is there");
            let exchange = &profile.exchange;
            let receives: Vec<_> = exchange.receives.iter().map(|r| (r.acknowledge, r.invoices)).collect();
            let sends: Vec<_> = exchange.sends.iter().map(|s| s.expect_ack).collect();
            format!("{:?} {:?} {:?} {receives:?} {sends:?}", profile.time_zone, profile.x12, profile.channels)
        };
        assert_eq!(shown(&bare), shown(&written));
    }

    #[test]
    fn the_schema_knows_lists_names_and_words() {
        let schema = json_schema();
        let at = |path: &str| schema.pointer(path).cloned().unwrap_or_default();
        assert_eq!(at("/properties/receives/items/properties/ack/enum"), json!(["997", "999", "none"]));
        let channel = "/properties/channels/additionalProperties/properties";
        assert_eq!(at(&format!("{channel}/inbound/properties/poll_every/type")), json!("string"));
        assert_eq!(at("/properties/partner/properties/time_zone/default"), json!("UTC"));
    }
}
