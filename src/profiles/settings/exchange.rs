//! Settings of `[[receives]]`, `[[sends]]` and `[[routes]]`: what comes, what goes, what follows.

use super::Form::{Conditions, Day, Due, Flag, Number, Pairs, Tables, Text, Texts, Time, Translators, Words};
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
        "receives[].final_shipment",
        Words(&["stated", "first", "whole"]),
        Is("\"stated\""),
        "When an order counts as shipped to its end, by this warehouse's advices: `stated` as the status of each line says (W1201), `first` with the first advice, `whole` when everything was shipped or is said to be cancelled or out of stock, for warehouses that say `complete` of every part.",
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
        Words(&["alert", "hold", "resend"]),
        Is("\"alert\""),
        "`hold`: nothing more is delivered to the partner until it came or a person has settled it. `resend`: the same bytes go once more under the same name, where the partner is known to take that as one; without it nothing is ever sent twice by itself.",
    ),
    setting(
        "sends[].batch.count",
        Number,
        Nothing,
        "Documents are collected and sent as one interchange or file, with one set of control numbers, once there are so many.",
    ),
    setting("sends[].batch.age", Time, Nothing, "Or once the first has waited so long."),
    setting(
        "sends[].batch.cron",
        Text,
        Nothing,
        "Or at these times, in the partner's time zone: minute, hour, day, month, weekday. `age` or `cron` must be written.",
    ),
    setting(
        "sends[].batch.by",
        Text,
        Nothing,
        "A field of the record, such as `ship_to.id`: what differs there is not sent together.",
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
        "routes[].when",
        Conditions,
        Required,
        "What starts the route: a record, and what it must say, all of it: `\"ship_to.id\" = \"0042\"`, `\"order_number\" = \"W*\"` (`*` stands for any characters, `?` for one), `\"ship_to.state\" = [\"TX\", \"OK\"]` (one of them), `\"ship_to.id\" = { not = [\"0042\", \"9*\"] }` (none of them, or nothing), `\"references[IA]\" = { missing = true }`.",
    ),
    setting(
        "routes[].when.record",
        Text,
        Required,
        "The record from this partner that starts the route, such as `shipping_order`; or `invoice_decision`, what was decided about an invoice of this partner.",
    ),
    setting(
        "routes[].otherwise",
        Flag,
        Is("false"),
        "Whether it applies only where no route before it for the same record does.",
    ),
    setting("routes[].derive", Words(&["ship_notice"]), Nothing, "What is made of the record first."),
    setting(
        "routes[].together.by",
        Words(&["bill_of_lading", "master_bill_of_lading", "load_number"]),
        Is("\"bill_of_lading\""),
        "Advices with the same such number are told in one notice, whatever their orders. An advice without one is told alone.",
    ),
    setting(
        "routes[].together.closes_after",
        Time,
        Is("\"30m\""),
        "The notice goes when nothing more of the number came for so long.",
    ),
    setting(
        "routes[].together.at_most",
        Time,
        Is("\"12h\""),
        "It goes so long after the first advice at the latest, and then without what is not known yet.",
    ),
    setting("routes[].send.to", Text, Required, "The partner it goes to; or `nothing`:"),
    setting(
        "routes[].send.document",
        Text,
        Required,
        "The document it goes as: `940`, or the record's name in other formats than X12.",
    ),
    setting(
        "routes[].send.channel",
        Text,
        Like("the first that the partner's profile names"),
        "The channel it goes by, where the partner is sent the document by several (one [[sends]] for each). To one partner a document goes once as one kind, whatever routes lead there: the first that applies counts.",
    ),
    setting(
        "routes[].nothing",
        Text,
        Nothing,
        "Instead of `send`: why nothing follows, such as `\"samples are not shipped\"`. The document shows it.",
    ),
];

pub(super) const EXPECTS: &[Setting] = &[
    setting(
        "expects[].after",
        Text,
        Required,
        "The document that asks for another one, such as `940`, or the record's name in other formats than X12; one of `[[receives]]` or `[[sends]]`.",
    ),
    setting(
        "expects[].document",
        Text,
        Required,
        "The document that must follow, such as `945`. Where we send it to the partner, it is we who are late.",
    ),
    setting("expects[].within", Due, Required, "By when it must be there."),
    setting(
        "expects[].counted_from",
        Words(&["document", "ship_date", "delivery_date"]),
        Is("\"document\""),
        "From when on that is counted: when the document came or went, or the beginning of the day of shipment or delivery that it names.",
    ),
    setting(
        "expects[].remind_every",
        Time,
        Nothing,
        "How often it is told again while it is overdue; once only unless written.",
    ),
    setting(
        "expects[].escalate_after",
        Time,
        Nothing,
        "Overdue for so long, it goes to `escalate_to` of the partner.",
    ),
];
