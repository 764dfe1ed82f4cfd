//! Settings of `[x12]`: who we are to each other, and how we write.

use super::Form::{Flag, Number, Text, Texts, Time, Words};
use super::Otherwise::{Is, Like, Nothing, Required};
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

const SHARED: &str = "Name of a counter that several partners or agreements take their numbers from in common, such as those behind one mailbox: all who write the same name. Else each pair of ids has its own.";
const APART: &str = "What has counters of its own besides: `usage` (tests), `agreement`, `functional_id` (each GS01, so that acknowledgments, `FA`, count apart from orders).";

pub(super) const CONTROL_NUMBERS: &[Setting] = &[
    setting(
        "x12.control_numbers.interchange.first",
        Number,
        Is("1"),
        "First control number of the interchanges we send (ISA13); after the last it comes again.",
    ),
    setting("x12.control_numbers.interchange.last", Number, Is("999999999"), "Last control number."),
    setting("x12.control_numbers.interchange.shared", Text, Nothing, SHARED),
    setting("x12.control_numbers.interchange.apart", Texts, Nothing, APART),
    setting(
        "x12.control_numbers.group.first",
        Number,
        Is("1"),
        "First control number of the groups we send (GS06).",
    ),
    setting("x12.control_numbers.group.last", Number, Is("999999999"), "Last control number."),
    setting("x12.control_numbers.group.shared", Text, Nothing, SHARED),
    setting("x12.control_numbers.group.apart", Texts, Nothing, APART),
    setting(
        "x12.control_numbers.reuse_after",
        Time,
        Is("\"30d\""),
        "What is numbered as something was within this time is held until a person lets it go, and so is what is numbered as something whose acknowledgment is still awaited.",
    ),
];
