//! Settings of `[calendars.NAME]`: which days and hours count.

use super::Form::{Pairs, Text, Texts};
use super::Otherwise::{Is, Like, Nothing};
use super::{Setting, setting};

pub(super) const CALENDARS: &[Setting] = &[
    setting(
        "calendars.NAME.days",
        Texts,
        Is("[\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]"),
        "Days of the week that count.",
    ),
    setting("calendars.NAME.opens", Text, Is("\"00:00\""), "When a business day begins."),
    setting("calendars.NAME.closes", Text, Is("\"24:00\""), "When it ends."),
    setting(
        "calendars.NAME.cut_off",
        Text,
        Nothing,
        "What comes after this time counts as of the next business day.",
    ),
    setting("calendars.NAME.time_zone", Text, Like("the partner's"), "Zone of these times."),
    setting(
        "calendars.NAME.holidays",
        Pairs,
        Nothing,
        "Days that do not count, and their names: `\"2026-12-25\" = \"Christmas Day\"`.",
    ),
    setting(
        "calendars.NAME.holidays_file",
        Text,
        Nothing,
        "The same from a CSV file beside the profiles, lines such as `2026-12-25,Christmas Day`; what `holidays` says of a day stands over it.",
    ),
];
