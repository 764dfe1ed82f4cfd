//! Settings of `[[schedules]]`: reports about the partner that are made over and over.

use super::Form::{Text, Texts, Words};
use super::Otherwise::{Is, Like, Nothing, Required};
use super::{Setting, setting};

pub(super) const SCHEDULES: &[Setting] = &[
    setting("schedules[].report", Text, Required, "Which report; `crossdock report list` names them."),
    setting(
        "schedules[].cron",
        Text,
        Required,
        "When: minute, hour, day of the month, month, day of the week, such as `\"0 6 * * 1-5\"`. Of the two kinds of day only one may be restricted.",
    ),
    setting(
        "schedules[].time_zone",
        Text,
        Like("the partner's"),
        "Zone of that time, and of the report's days.",
    ),
    setting(
        "schedules[].period",
        Words(&["yesterday", "last_7_days", "last_week", "month_to_date", "last_month"]),
        Is("\"yesterday\""),
        "About which days.",
    ),
    setting(
        "schedules[].agreement",
        Text,
        Like("all of the partner"),
        "About one of the `[[agreements]]` only, by its id.",
    ),
    setting(
        "schedules[].mail_to",
        Texts,
        Nothing,
        "Mail addresses that it is sent to; needs `[mail]` in crossdock.toml.",
    ),
    setting(
        "schedules[].formats",
        Texts,
        Is("[\"html\", \"xlsx\"]"),
        "Its files: `html`, `xlsx`, `csv`, `json`. The page is the mail's text, the others are attached.",
    ),
];
