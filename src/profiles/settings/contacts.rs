//! Settings of `[[contacts]]`: whom to ask.

use super::Form::{Text, Texts};
use super::Otherwise::{Like, Nothing, Required};
use super::{Setting, setting};

pub(super) const CONTACTS: &[Setting] = &[
    setting("contacts[].name", Text, Required, "A person or desk at the partner's."),
    setting("contacts[].mail", Text, Nothing, "Its mail address."),
    setting("contacts[].phone", Text, Nothing, "Its telephone number."),
    setting(
        "contacts[].about",
        Texts,
        Like("everything"),
        "What it is asked about: `technical` (servers, files, acknowledgments), `business` (what documents mean), `finance` (invoices), `escalation`.",
    ),
];
