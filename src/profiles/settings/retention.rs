//! Settings of `[retention]`: how long bytes are kept.

use super::Form::{Pairs, Text, Time};
use super::Otherwise::{Is, Nothing};
use super::{Setting, setting};

pub(super) const RETENTION: &[Setting] = &[
    setting(
        "retention.invoices",
        Time,
        Is("\"3660d\""),
        "Files with invoices: ten years and the days of leap years.",
    ),
    setting(
        "retention.proof",
        Time,
        Is("\"3660d\""),
        "Files with what proves invoices: orders and their answers, shipments, receipts, and acknowledgments (997, 999).",
    ),
    setting("retention.others", Time, Is("\"400d\""), "All other files, refused ones among them."),
    setting(
        "retention.documents",
        Pairs,
        Nothing,
        "Times of single kinds of document, such as `\"846\" = \"90d\"`; they go before the others.",
    ),
    setting(
        "retention.basis",
        Text,
        Is("\"commercial and tax law: invoices and what proves them\""),
        "Why invoices and what proves them are kept so long, as `files show` tells it.",
    ),
    setting(
        "retention.hold",
        Text,
        Nothing,
        "Why nothing may leave now, such as a lawsuit; while it is written every file stays.",
    ),
];
