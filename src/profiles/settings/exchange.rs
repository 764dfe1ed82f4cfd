//! Settings of `[[receives]]`, `[[sends]]` and `[[routes]]`: what comes, what goes, what follows.

use super::Form::{Day, Due, Pairs, Tables, Text, Texts, Time, Translators, Words};
use super::Otherwise::{Is, Like, Nothing, Required};
use super::{Setting, setting};

pub(super) const RECEIVES: &[Setting] = &[
    setting(
        "receives[].translator",
        Translators,
        Required,
        "The translator that reads the document, a file of `translators/`. Where releases (GS08) differ, one for each.",
    ),
    setting("receives[].channel", Text, Required, "The channel it comes on."),
    setting("receives[].valid_from", Day, Nothing, "The first day on which it is exchanged."),
    setting("receives[].valid_to", Day, Nothing, "The last day."),
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
        "receives[].crosswalks",
        Pairs,
        Nothing,
        "Master data that `table(…)` of the fields may ask, and what becomes of a value it does not hold: `refuse` the document, `hold` it until the value is loaded, or `pass` it as it is, with a warning.",
    ),
    setting(
        "receives[].tables",
        Tables,
        Nothing,
        "The partner's own codes, by the name of the translator's table.",
    ),
];

pub(super) const SENDS: &[Setting] = &[
    setting(
        "sends[].translator",
        Text,
        Required,
        "The translator that writes the document, a file of `translators/`.",
    ),
    setting("sends[].channel", Text, Required, "The channel it goes by."),
    setting("sends[].valid_from", Day, Nothing, "The first day on which it is exchanged."),
    setting("sends[].valid_to", Day, Nothing, "The last day."),
    setting(
        "sends[].expect_ack.kind",
        Words(&["997", "999", "none"]),
        Is("\"997\""),
        "The acknowledgment we expect.",
    ),
    setting("sends[].expect_ack.within", Due, Is("\"24h\""), "When it is due, counted from sending."),
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
        "sends[].crosswalks",
        Pairs,
        Nothing,
        "Master data that `table(…)` of the fields may ask, and what becomes of a value it does not hold: `refuse` the document, `hold` it until the value is loaded, or `pass` it as it is, with a warning.",
    ),
    setting(
        "sends[].tables",
        Tables,
        Nothing,
        "The partner's own codes, by the name of the translator's table.",
    ),
];

pub(super) const ROUTES: &[Setting] = &[
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
