//! Settings of `[x12]`: who we are to each other, and how we write.

use super::Form::{Flag, Text, Words};
use super::Otherwise::{Is, Like, Required};
use super::{Setting, setting};

pub(super) const X12: &[Setting] = &[
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
];
