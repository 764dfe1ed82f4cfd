//! Settings of `[duplicates]`: what becomes of what comes twice.

use super::Form::{Time, Words};
use super::Otherwise::{Is, Like};
use super::{Setting, setting};

const WAYS: super::Form = Words(&["ignore", "hold", "refuse", "accept"]);

pub(super) const DUPLICATES: &[Setting] = &[
    setting(
        "duplicates.same_bytes",
        WAYS,
        Is("\"ignore\""),
        "A file whose bytes came before: `ignore` keeps it and does nothing, `hold` keeps it aside until a person releases it, `refuse` rejects it, `accept` processes it again.",
    ),
    setting("duplicates.same_bytes_within", Time, Is("\"366d\""), "Within this time it counts as one."),
    setting(
        "duplicates.control_number",
        WAYS,
        Is("\"hold\""),
        "An interchange whose control number (ISA13) came before with other bytes; held or refused, a TA1 that is asked for says 025.",
    ),
    setting(
        "duplicates.control_number_within",
        Time,
        Is("\"30d\""),
        "Within this time it counts as one; numbers come round.",
    ),
    setting(
        "duplicates.group_number",
        WAYS,
        Like("not looked for"),
        "A functional group whose number (GS06) came before from the same application code in another file; many partners begin anew in each interchange, others never use one twice. Held or refused, the group is refused with 19 in AK905.",
    ),
    setting("duplicates.group_number_within", Time, Is("\"30d\""), "Within this time it counts as one."),
    setting(
        "duplicates.business_key",
        WAYS,
        Like("not looked for"),
        "A document that names the same order, shipment, receipt or invoice as one before, and does not say that it replaces, changes or cancels it.",
    ),
    setting("duplicates.business_key_within", Time, Is("\"366d\""), "Within this time it counts as one."),
];
