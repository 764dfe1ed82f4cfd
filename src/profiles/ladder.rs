//! The ladder: how often what stays overdue is told again, and when it goes to the next in charge.

use crate::declaration::Section;
use chrono::{DateTime, TimeDelta, Utc};

/// What happens while something is overdue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ladder {
    /// It is told again this often; never if none.
    pub remind_every: Option<TimeDelta>,
    /// Overdue for so long, it goes to the next in charge; never if none.
    pub escalate_after: Option<TimeDelta>,
}

impl Ladder {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let time = |key| section.duration(key).and_then(|said| TimeDelta::from_std(said.value).ok());
        Self { remind_every: time("remind_every"), escalate_after: time("escalate_after") }
    }

    /// Whether nothing happens.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.remind_every.is_none() && self.escalate_after.is_none()
    }

    /// Whether what was due at `due_at` is to be told again, of which people were reminded so many times.
    #[must_use]
    pub fn reminds(&self, due_at: DateTime<Utc>, reminders: i32, now: DateTime<Utc>) -> bool {
        self.remind_every.is_some_and(|every| now >= due_at + every * (reminders + 1))
    }

    /// Whether what was due at `due_at` goes to the next in charge.
    #[must_use]
    pub fn escalates(&self, due_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        self.escalate_after.is_some_and(|after| now >= due_at + after)
    }
}
