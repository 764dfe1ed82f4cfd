//! The reference page of profiles, made of the list of settings.

use super::settings::Otherwise::{Is, Like, Nothing, Required};
use super::settings::{Setting, list_settings};
use std::fmt::Write as _;

/// The reference page, as `docs/reference/profile.md` holds it.
#[must_use]
pub fn reference_page() -> String {
    let mut page = String::from(INTRODUCTION);
    let mut section = "";
    let mut told: Vec<&str> = Vec::new();
    for setting in list_settings() {
        let (own, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
        let head = SECTIONS
            .iter()
            .rfind(|(prefix, ..)| own.starts_with(prefix))
            .expect("every setting has a section");
        if head.0 != section {
            section = head.0;
            push(
                &mut page,
                &format!(
                    "\n## {}\n\n{}\n\n| setting | form | unless written | what it is for |\n|---|---|---|---|\n",
                    head.1, head.2
                ),
            );
        }
        if told.contains(&setting.key) {
            continue;
        }
        told.push(setting.key);
        let name = own.strip_prefix(head.0).map_or_else(
            || name.to_owned(),
            |rest| {
                format!("{}.{name}", rest.trim_start_matches(['.', '[', ']']))
                    .trim_start_matches('.')
                    .to_owned()
            },
        );
        let about = if setting.transport.is_empty() || setting.key.ends_with(".complete") {
            setting.about.to_owned()
        } else {
            format!("*{}*: {}", setting.transport, setting.about)
        };
        push(
            &mut page,
            &format!("| `{name}` | {} | {} | {about} |\n", setting.form.words(), otherwise(setting)),
        );
    }
    page
}

fn otherwise(setting: &Setting) -> String {
    let same: Vec<&Setting> = list_settings().filter(|other| other.key == setting.key).collect();
    let one = |setting: &Setting| match setting.otherwise {
        Required => "must be written".to_owned(),
        Nothing => String::new(),
        Is(value) => format!("`{value}`"),
        Like(words) => words.to_owned(),
    };
    if same.len() == 1 {
        return one(setting);
    }
    same.iter()
        .map(|setting| format!("{}: {}", setting.transport, one(setting)))
        .collect::<Vec<_>>()
        .join("; ")
}

fn push(page: &mut String, text: &str) {
    write!(page, "{text}").expect("writing to a string cannot fail");
}

const INTRODUCTION: &str = "# Settings of a partner profile

One file for each partner, `partner-profiles/<id>.toml`. What it does not say is said by
`partner-profiles/defaults.toml`, and else by what is built in. `[site.<id>]` in `crossdock.toml` stands over both:
it moves a partner to another server or folder without touching what was agreed. Above the partner stand an agreement
(`[[agreements]]`), a direction (`[inbound]`, `[outbound]`) and a document (`[[receives]]`, `[[sends]]`), each for what it
is about. `crossdock check` finds what is wrong, `crossdock partner explain <id>` shows every value and the layer it
comes from, and `crossdock schema profile` gives a JSON Schema with which editors complete and check these files.
";

/// Prefix of keys, heading, and what to know beforehand.
const SECTIONS: &[(&str, &str, &str)] = &[
    ("partner", "`[partner]`", "Whose profile it is."),
    (
        "calendars.NAME",
        "`[calendars.<name>]`",
        "Business time, by which deadlines such as `4 business hours` are counted. Best written once in `defaults.toml`; a partner takes one with `calendar = \"<name>\"`.",
    ),
    (
        "contacts",
        "`[[contacts]]`",
        "Whom to ask at the partner's, and about what. Messages that say `ask …` name them.",
    ),
    (
        "schedules",
        "`[[schedules]]`",
        "Reports about this partner that are made over and over. Local times that a clock skips are due at the next valid minute, those that come twice the first time; of several that were missed only the last is made.",
    ),
    ("x12", "`[x12]`", "Who we are to each other in X12. Leave the section out for a partner without X12."),
    (
        "x12.control_numbers",
        "`[x12.control_numbers]`",
        "How what we send is numbered. `crossdock numbers` shows each counter, where it stands and when its range ends; `crossdock numbers set` says where it goes on, such as when a partner moves here from another system.",
    ),
    (
        "x12.reading",
        "`[x12.reading]`",
        "How the partner's X12 is read and judged. Findings and their usual severities are listed in `x12-findings.md`, how guides are written in `docs/guides/x12-guides.md`.",
    ),
    (
        "x12.acks",
        "`[x12.acks]`",
        "How what the partner sends is acknowledged; the kind stands with each document.",
    ),
    (
        "channels.NAME",
        "`[channels.<name>]`",
        "A place where files appear or are put; as many as there are. `inbound` is for files that come to us, `outbound` for files that leave us.",
    ),
    (
        "duplicates",
        "`[duplicates]`",
        "What becomes of what comes twice. A file that a person releases is processed all the same.",
    ),
    (
        "retention",
        "`[retention]`",
        "How long the bytes of files are kept. The longest time counts of all documents in a file, and of what it was unpacked from or packed into. When it is over the bytes and the findings about them leave; hashes, numbers, records and what was done stay, so that a copy is still known.",
    ),
    (
        "agreements",
        "`[[agreements]]`",
        "One entry for each depositor, where one connection serves several. The first that fits a document counts; what it does not say is as with the partner.",
    ),
    (
        "reconciliation",
        "`[reconciliation]`",
        "How the partner's invoices are compared with orders, shipments and receipts.",
    ),
    (
        "reconciliation.tolerances",
        "`[[reconciliation.tolerances]]`",
        "What of a difference is let pass, one entry for each rule; the first that fits counts. Without any, every cent is told.",
    ),
    (
        "reconciliation.charges",
        "`[[reconciliation.charges]]`",
        "Charges and allowances that were agreed, where the order does not name them.",
    ),
    (
        "reconciliation.rates",
        "`[[reconciliation.rates]]`",
        "The rate card of a warehouse or carrier, for bills with `invoices = \"service\"`.",
    ),
    (
        "receives",
        "`[[receives]]`",
        "One entry for each kind of document the partner sends. What all of them have in common may be written once: `[inbound]` takes every setting of an entry but `translator`, and an entry's own stand over it.",
    ),
    (
        "sends",
        "`[[sends]]`",
        "One entry for each kind of document the partner is sent. What all of them have in common may be written once: `[outbound]` takes every setting of an entry but `translator`, and an entry's own stand over it.",
    ),
    (
        "routes",
        "`[[routes]]`",
        "What follows from a record that this partner sends. Every route whose `when` holds applies. A document of a record that has routes, and that none of them takes, becomes an exception, `no_route`.",
    ),
    (
        "expects",
        "`[[expects]]`",
        "Documents that must follow others, one entry for each: the 945 of a 940, the 855 of an 850, the invoice of a ship notice. What has not come or gone in time is an exception; when it comes, the exception is settled and says how late. Orders that are cancelled, or of which nothing was shipped, wait for nothing.",
    ),
];
