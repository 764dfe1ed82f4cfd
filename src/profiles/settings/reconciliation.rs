//! Settings of `[reconciliation]`: how invoices are compared, and what of a difference is let pass.

use super::Form::{Day, Flag, Text, Time, Words};
use super::Otherwise::{Is, Like, Nothing, Required};
use super::{Setting, setting};
use crate::canonical::Reason;

pub(super) const RECONCILIATION: &[Setting] = &[
    setting(
        "reconciliation.dispute_within",
        Time,
        Nothing,
        "How long an invoice may be disputed, in whole days from its own, such as `\"60d\"`; reports name the last day.",
    ),
    setting(
        "reconciliation.rounding",
        Words(&["lines", "total"]),
        Is("\"lines\""),
        "Where amounts are rounded half up to the cent: each line before it is added, or only the sum.",
    ),
    setting(
        "reconciliation.tolerances[].reason",
        Words(Reason::WORDS),
        Like("any reason"),
        "The reason whose differences it lets pass. Nothing is let pass unless a tolerance says so.",
    ),
    setting(
        "reconciliation.tolerances[].amount",
        Text,
        Like("no limit by amount"),
        "The most a difference may come to, in the invoice's currency, such as `\"0.05\"`. With `percent`, it fails as soon as one is exceeded.",
    ),
    setting(
        "reconciliation.tolerances[].percent",
        Text,
        Like("no limit by percentage"),
        "The most, in percent of what was expected, such as `\"0.5\"`.",
    ),
    setting("reconciliation.tolerances[].item", Text, Like("any item"), "The item, by any of its numbers."),
    setting(
        "reconciliation.tolerances[].charge",
        Text,
        Like("any charge"),
        "The charge or allowance, by its code or word.",
    ),
    setting("reconciliation.tolerances[].agreement", Text, Like("all"), "The agreement that it is for."),
    setting("reconciliation.tolerances[].valid_from", Day, Nothing, "First day, by the day of the invoice."),
    setting("reconciliation.tolerances[].valid_to", Day, Nothing, "Last day."),
    setting(
        "reconciliation.charges[].charge",
        Text,
        Required,
        "A charge or allowance that was agreed, by its code or word as invoices have it. One that neither the order nor the profile names is a difference.",
    ),
    setting("reconciliation.charges[].amount", Text, Nothing, "How much it is for an invoice; or:"),
    setting("reconciliation.charges[].percent", Text, Nothing, "in percent of its lines; or:"),
    setting("reconciliation.charges[].each", Text, Nothing, "for each unit billed."),
    setting("reconciliation.charges[].allowance", Flag, Is("false"), "Whether it is taken off."),
    setting("reconciliation.charges[].agreement", Text, Like("all"), "The agreement that it is for."),
    setting("reconciliation.charges[].valid_from", Day, Nothing, "First day, by the day of the invoice."),
    setting("reconciliation.charges[].valid_to", Day, Nothing, "Last day."),
    setting(
        "reconciliation.rates[].bills",
        Text,
        Required,
        "A service on the rate card, by the item number or charge that bills have (`invoices = \"service\"`).",
    ),
    setting(
        "reconciliation.rates[].counts",
        Words(&[
            "orders_shipped",
            "lines_shipped",
            "units_shipped",
            "packs_shipped",
            "receipts",
            "units_received",
        ]),
        Required,
        "What is counted, in the partner's 945s and 944s between the days that the bill names.",
    ),
    setting("reconciliation.rates[].price", Text, Required, "What one costs, such as `\"0.35\"`."),
    setting("reconciliation.rates[].minimum", Text, Nothing, "What a bill comes to at least."),
    setting("reconciliation.rates[].agreement", Text, Like("all"), "The agreement that it is for."),
    setting("reconciliation.rates[].valid_from", Day, Nothing, "First day, by the day of the invoice."),
    setting("reconciliation.rates[].valid_to", Day, Nothing, "Last day."),
];
