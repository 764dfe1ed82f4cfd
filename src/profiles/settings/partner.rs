//! Settings of `[partner]`: whose profile it is.

use super::Form::Text;
use super::Otherwise::{Is, Like, Nothing, Required};
use super::{Setting, setting};

pub(super) const PARTNER: &[Setting] = &[
    setting("partner.id", Text, Required, "The partner's id: the name of the file without `.toml`."),
    setting("partner.name", Text, Like("the id"), "The partner's name, for people."),
    setting(
        "partner.time_zone",
        Text,
        Is("\"UTC\""),
        "Zone of dates and times in documents, such as `America/Chicago`.",
    ),
    setting(
        "partner.calendar",
        Text,
        Like("every day round the clock"),
        "The calendar by which business hours and days of this partner are counted, one of `[calendars.…]`.",
    ),
    setting("partner.owner", Text, Nothing, "Who of us looks after what goes wrong with this partner."),
    setting(
        "partner.escalate_to",
        Text,
        Nothing,
        "The next in charge, for what stays open too long (`expect_ack.escalate_after`).",
    ),
];
