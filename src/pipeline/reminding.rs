//! What stays late is told again, and goes to the next in charge when it is late for too long: the same of
//! acknowledgments, receipts and documents.

use super::hub::Error;
use crate::acks;
use crate::profiles::{Ladder, Profile};
use crate::store::Work;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use tracing::error;
use uuid::Uuid;

/// After an outage, or a clock that jumps, many are late at once: more than these are told in one line.
pub(super) const TOLD_ONE_BY_ONE: usize = 5;

/// One thing that is late still.
pub(super) struct Late<'a> {
    pub(super) id: Uuid,
    pub(super) due_at: DateTime<Utc>,
    /// How often people were reminded of it.
    pub(super) reminders: i32,
    pub(super) agreement: Option<&'a str>,
    /// The exception that tells of it.
    pub(super) exception: Uuid,
    /// What is late, in a sentence.
    pub(super) said: String,
}

/// What such things are called, of several, and the kind of their exceptions.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) what: &'static str,
    pub(super) exception: &'static str,
}

/// Tells what of it is due to be told again, and hands on what is late for too long. Gives what was told.
pub(super) async fn remind(
    work: &mut Work,
    profile: &Profile,
    ladder: Ladder,
    Kind { what, exception }: Kind,
    late: &[Late<'_>],
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, Error> {
    let again: Vec<&Late<'_>> =
        late.iter().filter(|late| ladder.reminds(late.due_at, late.reminders, now)).collect();
    if again.len() > TOLD_ONE_BY_ONE {
        error!(partner.id = %profile.id, "{}: {} {what} are still late: `crossdock exceptions --reason {exception}`", profile.id, again.len());
    } else {
        for late in &again {
            let by = acks::told(now - late.due_at);
            error!(partner.id = %profile.id, "{}, late by {by}: reminder {}", late.said, late.reminders + 1);
        }
    }
    let mut by_person: BTreeMap<&str, Vec<Uuid>> = BTreeMap::new();
    for late in late.iter().filter(|late| ladder.escalates(late.due_at, now)) {
        let agreement = profile.find_agreement(late.agreement);
        let to = agreement.and_then(|agreement| agreement.escalate_to.as_ref());
        let Some(to) = to.or(profile.escalate_to.as_ref()) else { continue };
        by_person.entry(to).or_default().push(late.exception);
    }
    for (to, ids) in by_person {
        let handed = work.escalate_exceptions(&ids, to, now).await?;
        if !handed.is_empty() {
            error!(partner.id = %profile.id, "{}: {} overdue {what} now go to {to}", profile.id, handed.len());
        }
    }
    Ok(again.iter().map(|late| late.id).collect())
}
