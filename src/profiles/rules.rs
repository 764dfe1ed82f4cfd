//! What a profile says about documents that are not as agreed, and from when to when something is agreed.

use crate::declaration::{Said, Section};
use chrono::NaiveDate;

/// What becomes of a document that is not as agreed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// It is kept aside until a person has looked and releases its file.
    #[default]
    Hold,
    /// It is rejected, and the acknowledgment says so.
    Refuse,
    /// It is processed, with a warning.
    Accept,
}

/// Words of actions, as profiles have them.
pub(super) const ACTIONS: &[(&str, Action)] =
    &[("hold", Action::Hold), ("refuse", Action::Refuse), ("accept", Action::Accept)];

/// Days from and to which something is agreed, both included; open where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// The first day.
    pub from: Option<NaiveDate>,
    /// The last day.
    pub to: Option<NaiveDate>,
}

impl Validity {
    /// Why a day lies outside, in words that follow "it is"; none when it does not.
    #[must_use]
    pub fn why_not(&self, day: NaiveDate) -> Option<String> {
        match (self.from, self.to) {
            (Some(from), _) if day < from => Some(format!("agreed only from {from} on")),
            (_, Some(to)) if day > to => Some(format!("agreed only until {to}")),
            _ => None,
        }
    }
}

/// Reads `valid_from` and `valid_to`.
pub(super) fn validity(section: &Section<'_>) -> Validity {
    let (from, to) = (section.day("valid_from"), section.day("valid_to"));
    if let (Some(from), Some(to)) = (&from, &to)
        && to.value < from.value
    {
        section.fault(
            "dates_crossed",
            &to.place,
            format!(
                "`valid_to` is before `valid_from`, so that it is never agreed ({} to {})",
                from.value, to.value
            ),
            "write a later `valid_to`, or leave it out where no end is agreed",
        );
    }
    let day = |said: Option<Said<NaiveDate>>| said.map(|said| said.value);
    Validity { from: day(from), to: day(to) }
}
