//! Settings of `[[agreements]]`: what holds for one depositor.

use super::Form::{Conditions, Day, Text, Time, Words};
use super::Otherwise::{Like, Nothing, Required};
use super::{Setting, setting};

pub(super) const AGREEMENTS: &[Setting] = &[
    setting(
        "agreements[].id",
        Text,
        Required,
        "Its id, a short name of the depositor; documents are listed under it.",
    ),
    setting("agreements[].name", Text, Like("the id"), "The depositor's name, for people."),
    setting(
        "agreements[].when",
        Conditions,
        Like("the X12 ids below select it"),
        "What its documents say, by field of the record: `\"depositor.id\" = \"1234\"`, `\"references[IA]\" = \"77\"`, `\"parties[DE].id\" = \"9\"`; all of it. What a field may hold is written as for `[[routes]]`.",
    ),
    setting("agreements[].us.qualifier", Text, Required, "Qualifier of our interchange id for it."),
    setting(
        "agreements[].us.id",
        Text,
        Required,
        "Our interchange id for it. Its control numbers are its own then.",
    ),
    setting(
        "agreements[].us_group",
        Text,
        Like("that of the partner"),
        "Our application code for it (GS02 when we send). Its group numbers are its own then.",
    ),
    setting(
        "agreements[].them_group",
        Text,
        Like("that of the partner"),
        "The partner's application code for it (GS03 when we send).",
    ),
    setting(
        "agreements[].usage",
        Words(&["production", "test"]),
        Like("that of the partner"),
        "`test`: what comes for it and is not marked as a test is kept aside, and what goes for it is marked as a test (ISA15). So one depositor goes live before or after the others.",
    ),
    setting(
        "agreements[].owner",
        Text,
        Like("that of the partner"),
        "Who of us looks after what goes wrong with it.",
    ),
    setting("agreements[].escalate_to", Text, Like("that of the partner"), "The next in charge."),
    setting(
        "agreements[].dispute_within",
        Time,
        Like("that of `[reconciliation]`"),
        "How long its invoices may be disputed, in whole days.",
    ),
    setting("agreements[].valid_from", Day, Nothing, "The first day of it."),
    setting("agreements[].valid_to", Day, Nothing, "The last day of it."),
];
