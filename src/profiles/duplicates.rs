//! `[duplicates]`: what becomes of what comes twice.

use super::rules::Action;
use crate::declaration::Section;
use chrono::TimeDelta;

/// What becomes of what came before, on three levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicates {
    /// A file with the same bytes.
    pub same_bytes: Repeat,
    /// An interchange with the same control number and other bytes.
    pub control_number: Repeat,
    /// A functional group with the same number in another file; none is not looked for.
    pub group_number: Option<Repeat>,
    /// A document that names the same business and does not say that it replaces or changes it; none is not looked for.
    pub business_key: Option<Repeat>,
}

/// What becomes of a repeat, and within which time it counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// What becomes of it.
    pub action: Repeated,
    /// Within this time.
    pub within: TimeDelta,
}

/// What becomes of what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeated {
    /// It is kept, and nothing follows from it.
    Ignore,
    /// As documents that are not as agreed.
    Do(Action),
}

const REPEATED: &[(&str, Repeated)] = &[
    ("ignore", Repeated::Ignore),
    ("hold", Repeated::Do(Action::Hold)),
    ("refuse", Repeated::Do(Action::Refuse)),
    ("accept", Repeated::Do(Action::Accept)),
];

impl Default for Duplicates {
    fn default() -> Self {
        Self {
            // A year: captured files have come back after months.
            same_bytes: Repeat { action: Repeated::Ignore, within: TimeDelta::days(366) },
            // Control numbers of small partners come round later than that.
            control_number: Repeat { action: Repeated::Do(Action::Hold), within: TimeDelta::days(30) },
            group_number: None,
            business_key: None,
        }
    }
}

pub(super) fn read(section: Option<&Section<'_>>) -> Duplicates {
    let built_in = Duplicates::default();
    let Some(section) = section else { return built_in };
    let one = |key, within, otherwise: Repeat| {
        let action = section.choice(key, REPEATED).map(|said| said.value);
        let within = section.duration(within).and_then(|said| TimeDelta::from_std(said.value).ok());
        (
            action,
            Repeat { action: action.unwrap_or(otherwise.action), within: within.unwrap_or(otherwise.within) },
        )
    };
    let (_, same_bytes) = one("same_bytes", "same_bytes_within", built_in.same_bytes);
    let (_, control_number) = one("control_number", "control_number_within", built_in.control_number);
    let (of_group, group_number) = one("group_number", "group_number_within", built_in.control_number);
    let (said, business_key) = one("business_key", "business_key_within", built_in.same_bytes);
    section.finish();
    Duplicates {
        same_bytes,
        control_number,
        group_number: of_group.map(|_| group_number),
        business_key: said.map(|_| business_key),
    }
}
