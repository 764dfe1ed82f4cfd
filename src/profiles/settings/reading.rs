//! Settings of `[x12.reading]` and `[x12.acks]`: how what comes is judged and answered.

use super::Form::{Flag, Pairs, Text, Texts, Time, Words};
use super::Otherwise::{Is, Like, Nothing};
use super::{Setting, setting};

pub(super) const READING: &[Setting] = &[
    setting(
        "x12.reading.unpadded_isa",
        Flag,
        Is("false"),
        "Whether an ISA is taken whose elements are not padded to their fixed width.",
    ),
    setting(
        "x12.reading.bytes_before_isa",
        Words(&["refuse", "skip"]),
        Is("\"refuse\""),
        "What becomes of a file that has something else before its first ISA, such as the head of a mail.",
    ),
    setting(
        "x12.reading.characters",
        Words(&["extended", "basic"]),
        Is("\"extended\""),
        "The character set of X12 that text is held to; `basic` has no small letters.",
    ),
    setting(
        "x12.reading.national_characters",
        Words(&["accept", "refuse"]),
        Is("\"accept\""),
        "Letters outside of plain English: taken with a warning, or not at all.",
    ),
    setting(
        "x12.reading.isa_date_within",
        Time,
        Is("\"1826d\""),
        "How far the date of an interchange (ISA09) may lie from the day it comes; beyond is `interchange_date_far`.",
    ),
    setting(
        "x12.reading.guides",
        Texts,
        Nothing,
        "Guides that narrow or widen a release for this partner: files `<name>.guide` beside the profiles.",
    ),
    setting(
        "x12.reading.severities",
        Pairs,
        Nothing,
        "What findings do, by code: `\"reject\"`, `\"accept_with_errors\"`, `\"warning\"` or `\"ignore\"`.",
    ),
];

pub(super) const ACKS: &[Setting] = &[
    setting(
        "x12.acks.sets",
        Words(&["all", "rejected"]),
        Is("\"all\""),
        "Documents that a 997 or 999 lists one by one: all, or only those not simply accepted.",
    ),
    setting(
        "x12.acks.accept_with_errors",
        Flag,
        Is("true"),
        "Whether `E` may be said; else a document with errors is rejected.",
    ),
    setting(
        "x12.acks.partial_groups",
        Flag,
        Is("true"),
        "Whether `P` may be said; else one rejected document rejects its whole group.",
    ),
    setting("x12.acks.warnings", Flag, Is("false"), "Whether warnings are told too, where a code says them."),
    setting(
        "x12.acks.version",
        Text,
        Like("the release of the group that is answered"),
        "Release of our acknowledgments (GS08), such as `004010`.",
    ),
    setting(
        "x12.acks.ta1",
        Words(&["requested", "requested_or_faulty", "never"]),
        Is("\"requested\""),
        "When a TA1 answers an interchange: when ISA14 asks for it, on faults of the envelope too, or never.",
    ),
];
