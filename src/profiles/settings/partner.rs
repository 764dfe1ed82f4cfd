//! Settings of `[partner]`: whose profile it is.

use super::Form::Text;
use super::Form::{Day, Words};
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
    setting("partner.valid_from", Day, Nothing, "The first day on which we trade."),
    setting("partner.valid_to", Day, Nothing, "The last day on which we trade."),
    setting(
        "partner.outside_of_dates",
        Words(&["hold", "refuse", "accept"]),
        Is("\"hold\""),
        "A document that comes before `valid_from` or after `valid_to` of the partner, its agreement or its kind: `hold` keeps it aside for a person, `refuse` rejects it, `accept` processes it with a warning.",
    ),
    setting(
        "partner.without_agreement",
        Words(&["hold", "refuse", "accept"]),
        Is("\"hold\""),
        "The same of a document that none of the `[[agreements]]` is for, and, where there are none, of one whose application codes (GS02, GS03) are not those that `[x12]` names.",
    ),
    setting("partner.owner", Text, Nothing, "Who of us looks after what goes wrong with this partner."),
    setting(
        "partner.escalate_to",
        Text,
        Nothing,
        "The next in charge, for what stays open too long (`escalate_after` of `expect_ack`, of `[[expects]]` and of channels).",
    ),
];
