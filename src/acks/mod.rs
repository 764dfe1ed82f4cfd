//! Acknowledgments: what is awaited, what came, and what that makes of a document.
//!
//! The state of an expectation is a fold over what arrived, so that order of arrival, repeats and
//! contradictions never change anything silently.

use chrono::{DateTime, Utc};
use std::fmt;

/// What became of something we sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing came yet.
    Awaited,
    /// AK5/AK9 `A`.
    Accepted,
    /// AK5/AK9 `E`: accepted, so it must not be sent again.
    AcceptedWithErrors,
    /// AK9 `P`: some sets of the group are refused.
    PartiallyAccepted,
    /// AK5/AK9 `R`, `M`, `W` or `X`.
    Rejected,
    /// Nothing came by the deadline.
    Overdue,
}

impl State {
    /// Its word in the database and in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Awaited => "awaited",
            Self::Accepted => "accepted",
            Self::AcceptedWithErrors => "accepted_with_errors",
            Self::PartiallyAccepted => "partially_accepted",
            Self::Rejected => "rejected",
            Self::Overdue => "overdue",
        }
    }

    /// The state of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Awaited,
            Self::Accepted,
            Self::AcceptedWithErrors,
            Self::PartiallyAccepted,
            Self::Rejected,
            Self::Overdue,
        ]
        .into_iter()
        .find(|state| state.word() == word)
    }

    /// What an AK501 or AK901 code means.
    #[must_use]
    pub const fn of_code(code: u8) -> Option<Self> {
        match code {
            b'A' => Some(Self::Accepted),
            b'E' => Some(Self::AcceptedWithErrors),
            b'P' => Some(Self::PartiallyAccepted),
            // M, W and X: authentication, assurance or decryption failed.
            b'R' | b'M' | b'W' | b'X' => Some(Self::Rejected),
            _ => None,
        }
    }

    const fn is_open(self) -> bool {
        matches!(self, Self::Awaited | Self::Overdue)
    }

    const fn takes(self) -> bool {
        matches!(self, Self::Accepted | Self::AcceptedWithErrors)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word().replace('_', " "))
    }
}

/// A group we sent, as far as its acknowledgment goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The group's state so far.
    pub state: State,
    /// When the acknowledgment was due.
    pub due_at: DateTime<Utc>,
    /// Its sets: ST02 and state so far.
    pub sets: Vec<(String, State)>,
}

/// One AK1 to AK9 as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// AK901.
    pub group: u8,
    /// AK202 and AK501 of each AK2 loop.
    pub sets: Vec<(String, u8)>,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

/// What an answer makes of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The expectation is settled.
    Settled {
        /// New state of the group.
        state: State,
        /// New state of each set, in the expectation's order.
        sets: Vec<State>,
        /// What a person should know all the same: late, repaired, counts odd; empty if nothing.
        note: String,
    },
    /// It says what is known already.
    Duplicate,
    /// It contradicts itself or an earlier answer; a person decides.
    Conflicting(String),
}

/// Folds one answer into an expectation.
///
/// `A` after `A` is a duplicate; `R` after `A` is a conflict; `A` after `R` is a repair, which is ordinary.
#[must_use]
pub fn settle(expected: &Expected, answer: &Answer) -> Verdict {
    let Some(group) = State::of_code(answer.group) else {
        let code = char::from(answer.group);
        return Verdict::Conflicting(format!("AK901 is `{code}`, which is no code of the standard"));
    };
    let mut sets = Vec::with_capacity(expected.sets.len());
    for (control, _) in &expected.sets {
        let said = answer.sets.iter().find(|(said, _)| same_number(said, control));
        match said {
            Some((_, code)) => match State::of_code(*code) {
                Some(state) => sets.push(state),
                None => {
                    let code = char::from(*code);
                    return Verdict::Conflicting(format!(
                        "AK501 of set {control} is `{code}`, no code of the standard"
                    ));
                }
            },
            // Only rejected sets need an AK2 loop; the rest follows the group.
            None if group.takes() => sets.push(group),
            None if group == State::Rejected => sets.push(State::Rejected),
            None if answer.sets.iter().any(|(_, code)| State::of_code(*code) == Some(State::Rejected)) => {
                sets.push(State::Accepted);
            }
            None => {
                let message = "AK901 says that some sets are refused, but no AK2 says which";
                return Verdict::Conflicting(message.to_owned());
            }
        }
    }
    let refused = sets.iter().filter(|state| **state == State::Rejected).count();
    if group.takes() && refused > 0 {
        let message = "AK901 accepts the group, but an AK5 inside refuses a set";
        return Verdict::Conflicting(message.to_owned());
    }
    let mut notes = Vec::new();
    let state = match group {
        State::PartiallyAccepted if refused == 0 => {
            notes.push("AK901 says partly, though no set is refused".to_owned());
            State::Accepted
        }
        State::Rejected if refused < sets.len() && !answer.sets.is_empty() => {
            notes.push("AK901 refuses the group, though some sets are accepted".to_owned());
            State::PartiallyAccepted
        }
        other => other,
    };
    if !expected.state.is_open() {
        let before: Vec<State> = expected.sets.iter().map(|(_, state)| *state).collect();
        if expected.state == state && before == sets {
            return Verdict::Duplicate;
        }
        if expected.state.takes() || expected.state == State::PartiallyAccepted {
            return Verdict::Conflicting(format!("it was {} before and is {state} now", expected.state));
        }
        notes.push(format!("it was {} before", expected.state));
    }
    if answer.received_at > expected.due_at {
        let late = answer.received_at - expected.due_at;
        notes.push(format!("late by {} h {} min", late.num_hours(), late.num_minutes() % 60));
    }
    Verdict::Settled { state, sets, note: notes.join("; ") }
}

/// Whether two control numbers are the same; leading zeros do not count.
#[must_use]
pub fn same_number(a: &str, b: &str) -> bool {
    a.trim().trim_start_matches('0') == b.trim().trim_start_matches('0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::<Utc>::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    fn expected(state: State, sets: &[(&str, State)]) -> Expected {
        let sets = sets.iter().map(|(control, state)| ((*control).to_owned(), *state)).collect();
        Expected { state, due_at: at(24), sets }
    }

    fn answer(group: u8, sets: &[(&str, u8)]) -> Answer {
        let sets = sets.iter().map(|(control, code)| ((*control).to_owned(), *code)).collect();
        Answer { group, sets, received_at: at(1) }
    }

    fn settled(state: State, sets: &[State]) -> Verdict {
        Verdict::Settled { state, sets: sets.to_vec(), note: String::new() }
    }

    #[test]
    fn answers_of_the_field_settle_as_they_mean() {
        use State::{Accepted, AcceptedWithErrors, Awaited, PartiallyAccepted, Rejected};
        let two = expected(Awaited, &[("0001", Awaited), ("0002", Awaited)]);
        type Sets = &'static [(&'static str, u8)];
        let cases: [(Sets, u8, Verdict); 6] = [
            (&[], b'A', settled(Accepted, &[Accepted, Accepted])),
            (&[], b'R', settled(Rejected, &[Rejected, Rejected])),
            (&[("1", b'A'), ("2", b'R')], b'P', settled(PartiallyAccepted, &[Accepted, Rejected])),
            (&[("0002", b'R')], b'P', settled(PartiallyAccepted, &[Accepted, Rejected])),
            (&[("0001", b'E')], b'E', settled(AcceptedWithErrors, &[AcceptedWithErrors, AcceptedWithErrors])),
            (&[("0001", b'X'), ("0002", b'M')], b'R', settled(Rejected, &[Rejected, Rejected])),
        ];
        for (sets, group, verdict) in cases {
            assert_eq!(settle(&two, &answer(group, sets)), verdict, "{group} {sets:?}");
        }
    }

    #[test]
    fn contradictions_wait_for_a_person() {
        use State::{Accepted, Awaited};
        let one = expected(Awaited, &[("0001", Awaited)]);
        for (group, sets) in [(b'P', vec![]), (b'A', vec![("0001", b'R')]), (b'?', vec![])] {
            assert!(
                matches!(settle(&one, &answer(group, &sets)), Verdict::Conflicting(_)),
                "{group} {sets:?}"
            );
        }
        let done = expected(Accepted, &[("0001", Accepted)]);
        assert!(matches!(settle(&done, &answer(b'R', &[])), Verdict::Conflicting(_)));
    }

    #[test]
    fn a_repeat_changes_nothing_and_a_repair_settles() {
        use State::{Accepted, Rejected};
        let done = expected(Accepted, &[("0001", Accepted)]);
        assert_eq!(settle(&done, &answer(b'A', &[("1", b'A')])), Verdict::Duplicate);
        let refused = expected(Rejected, &[("0001", Rejected)]);
        let repaired = settle(&refused, &answer(b'A', &[]));
        assert!(
            matches!(repaired, Verdict::Settled { state: Accepted, ref note, .. } if note.contains("rejected before"))
        );
    }

    #[test]
    fn a_late_answer_settles_and_says_how_late() {
        let open = expected(State::Overdue, &[("0001", State::Awaited)]);
        let mut late = answer(b'A', &[]);
        late.received_at = at(26);
        assert!(
            matches!(settle(&open, &late), Verdict::Settled { ref note, .. } if note == "late by 2 h 0 min")
        );
    }
}
