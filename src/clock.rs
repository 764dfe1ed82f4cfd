//! The only source of "now".

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// How far this machine's clock is behind the one that counts, in microseconds; below zero if ahead.
static BEHIND: AtomicI64 = AtomicI64::new(0);

/// Tells the time; tests and `partner test` fix it.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The machine's clock, corrected by what [`set`] was told: nodes of one database have one time.
    System,
    /// Always the same instant.
    Fixed(DateTime<Utc>),
}

impl Clock {
    /// The present instant.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now() + TimeDelta::microseconds(BEHIND.load(Ordering::Relaxed)),
            Self::Fixed(at) => *at,
        }
    }
}

/// Corrects the system's clock by what another says that counts, give or take `off`; what that cannot tell apart is
/// left as it is. Gives the change, if there is one.
pub fn set(counts: DateTime<Utc>, off: TimeDelta) -> Option<TimeDelta> {
    let change = counts - Clock::System.now();
    if change.abs() <= off {
        return None;
    }
    BEHIND.fetch_add(change.num_microseconds()?, Ordering::Relaxed);
    Some(change)
}

/// How far this machine's clock is behind the one that counts; below zero if ahead.
#[must_use]
pub fn behind() -> TimeDelta {
    TimeDelta::microseconds(BEHIND.load(Ordering::Relaxed))
}
