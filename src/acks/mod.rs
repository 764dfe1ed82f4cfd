//! Acknowledgments: what is awaited, what came, and what that makes of a document.
//!
//! The state of what we sent is a fold over all that was said of it, so that repeats, late comers and
//! contradictions never change anything silently.

pub mod codes;
pub mod documents;

use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashMap, HashSet};
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

    /// What an AK501, AK901 or TA104 code means.
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

    /// Whether nothing was said yet.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Awaited | Self::Overdue)
    }

    /// Whether the other side has taken it.
    #[must_use]
    pub const fn takes(self) -> bool {
        matches!(self, Self::Accepted | Self::AcceptedWithErrors)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.word().replace('_', " "))
    }
}

/// What we sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// An interchange that is to be answered by a TA1.
    Interchange,
    /// A functional group, with ST02 of each of its sets.
    Group(Vec<String>),
}

/// What one TA1, or one AK1 to AK9, says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A TA1: TA104 and TA105.
    Interchange {
        /// TA104.
        code: u8,
        /// TA105.
        note: String,
    },
    /// A 997 or 999.
    Group {
        /// AK901.
        code: u8,
        /// AK902 and AK904: sets included and accepted, where they are given.
        counts: (Option<u32>, Option<u32>),
        /// AK202 and AK501 of each AK2 loop.
        sets: Vec<(String, u8)>,
    },
}

/// What was said, and when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it says.
    pub said: Said,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

/// What an answer is beside the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// It settles, or changes nothing because it is about something else.
    Plain,
    /// It says what is known already.
    Duplicate,
    /// It settles after the deadline.
    Late,
    /// It cannot be understood.
    Broken,
    /// It contradicts itself or an earlier answer; a person decides.
    Conflicting,
}

/// What is to be told of one answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// What it is beside the others.
    pub note: Note,
    /// What a person should know: late, repaired, counts odd; empty if nothing.
    pub detail: String,
}

/// Where something we sent stands after all that was said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Of the whole. [`State::Awaited`] as long as nothing counts.
    pub state: State,
    /// Of each set, in the order of [`Sent::Group`].
    pub sets: Vec<State>,
    /// When the answer came that made it so.
    pub settled_at: Option<DateTime<Utc>>,
    /// Whether it was refused with its whole interchange (TA104 `R`).
    with_interchange: bool,
}

/// Folds all answers, the first that came first. One remark for each answer.
///
/// `A` after `A` is a duplicate; `R` after `A` is a conflict and changes nothing; `A` after `R` is a repair, which is
/// ordinary, unless the whole interchange was refused: then the two contradict each other.
#[must_use]
pub fn fold(sent: &Sent, due_at: DateTime<Utc>, answers: &[Answer]) -> (Standing, Vec<Remark>) {
    let count = if let Sent::Group(sets) = sent { sets.len() } else { 0 };
    let mut standing = Standing {
        state: State::Awaited,
        sets: vec![State::Awaited; count],
        settled_at: None,
        with_interchange: false,
    };
    let remarks = answers.iter().map(|answer| step(&mut standing, sent, due_at, answer)).collect();
    (standing, remarks)
}

/// Whether two control numbers are the same; leading zeros do not count.
#[must_use]
pub fn same_number(a: &str, b: &str) -> bool {
    bare(a) == bare(b)
}

fn bare(number: &str) -> &str {
    number.trim().trim_start_matches('0')
}

/// What an answer would make of a standing, if nothing stood against it.
struct Verdict {
    state: State,
    sets: Vec<State>,
    notes: Vec<String>,
    with_interchange: bool,
}

fn step(standing: &mut Standing, sent: &Sent, due_at: DateTime<Utc>, answer: &Answer) -> Remark {
    let remark = |note, detail: String| Remark { note, detail };
    let verdict = match (sent, &answer.said) {
        (Sent::Interchange, Said::Interchange { code, note }) => interchange(*code, note),
        (Sent::Group(sets), Said::Interchange { code, note }) => {
            match State::of_code(*code) {
                // An interchange that was taken says nothing of its groups yet.
                Some(state) if state.takes() => return remark(Note::Plain, String::new()),
                _ => interchange(*code, note).map(|verdict| Verdict {
                    sets: vec![State::Rejected; sets.len()],
                    with_interchange: true,
                    ..verdict
                }),
            }
        }
        // A group that was answered shows that its interchange was read, yet the TA1 was asked for as well.
        (Sent::Interchange, Said::Group { .. }) => return remark(Note::Plain, String::new()),
        (Sent::Group(sets), Said::Group { code, counts, sets: said }) => group(sets, *code, *counts, said),
    };
    let mut verdict = match verdict {
        Ok(verdict) => verdict,
        Err(refused) => return refused,
    };
    if !standing.state.is_open() {
        if standing.state == verdict.state && standing.sets == verdict.sets {
            return remark(Note::Duplicate, format!("it was {} before", standing.state));
        }
        let against = format!("it was {} before and is {} now", standing.state, verdict.state);
        if standing.state != State::Rejected {
            return remark(Note::Conflicting, against);
        }
        if standing.with_interchange && !verdict.with_interchange {
            return remark(
                Note::Conflicting,
                format!("{against}, though its whole interchange was refused by a TA1"),
            );
        }
        verdict.notes.push(format!("it was {} before", standing.state));
    }
    let mut note = Note::Plain;
    if answer.received_at > due_at {
        note = Note::Late;
        verdict.notes.push(format!("late by {}", told(answer.received_at - due_at)));
    }
    *standing = Standing {
        state: verdict.state,
        sets: verdict.sets,
        settled_at: Some(answer.received_at),
        with_interchange: verdict.with_interchange,
    };
    remark(note, verdict.notes.join("; "))
}

fn interchange(code: u8, note: &str) -> Result<Verdict, Remark> {
    let Some(state) = State::of_code(code).filter(|state| *state != State::PartiallyAccepted) else {
        return Err(broken(format!("TA104 is `{}`, which is no code of the standard", char::from(code))));
    };
    let notes = if state == State::Accepted {
        Vec::new()
    } else {
        vec![format!("TA105 {note}: {}", codes::of_interchange(note))]
    };
    Ok(Verdict { state, sets: Vec::new(), notes, with_interchange: false })
}

fn group(
    sets: &[String],
    code: u8,
    (included, accepted): (Option<u32>, Option<u32>),
    said: &[(String, u8)],
) -> Result<Verdict, Remark> {
    let Some(whole) = State::of_code(code) else {
        return Err(broken(format!("AK901 is `{}`, which is no code of the standard", shown(code))));
    };
    let by_number: HashMap<&str, u8> = said.iter().map(|(number, code)| (bare(number), *code)).collect();
    let own: HashSet<&str> = sets.iter().map(|number| bare(number)).collect();
    let names_refused = said
        .iter()
        .any(|(number, code)| own.contains(bare(number)) && State::of_code(*code) == Some(State::Rejected));
    let mut states = Vec::with_capacity(sets.len());
    for number in sets {
        let state = match by_number.get(bare(number)) {
            Some(code) => {
                State::of_code(*code).filter(|state| *state != State::PartiallyAccepted).ok_or_else(|| {
                    broken(format!(
                        "AK501 of set {number} is `{}`, which is no code of the standard",
                        shown(*code)
                    ))
                })?
            }
            // Only rejected sets need an AK2 loop; the rest follows the group.
            None if whole.takes() => whole,
            None if whole == State::Rejected => State::Rejected,
            None if names_refused => State::Accepted,
            None => {
                let message = "AK901 says that some sets are refused, but no AK2 says which";
                return Err(Remark { note: Note::Conflicting, detail: message.to_owned() });
            }
        };
        states.push(state);
    }
    let refused = states.iter().filter(|state| **state == State::Rejected).count();
    if whole.takes() && refused > 0 {
        let message = "AK901 accepts the group, but an AK5 inside refuses a set";
        return Err(Remark { note: Note::Conflicting, detail: message.to_owned() });
    }
    let mut notes = Vec::new();
    if matches!(code, b'M' | b'W' | b'X') {
        let why = match code {
            b'M' => "authentication failed",
            b'W' => "the assurance failed its check",
            _ => "it could not be decrypted",
        };
        notes.push(format!("AK901 is `{}`: {why}; see whether somebody meddles with our files", shown(code)));
    }
    let state = match whole {
        State::PartiallyAccepted if refused == 0 => {
            notes.push("AK901 says partly, though no set is refused".to_owned());
            State::Accepted
        }
        State::Rejected if refused < states.len() && !said.is_empty() => {
            notes.push("AK901 refuses the group, though some sets are accepted".to_owned());
            State::PartiallyAccepted
        }
        other => other,
    };
    let strangers: Vec<&str> = said
        .iter()
        .map(|(number, _)| number.as_str())
        .filter(|number| !own.contains(bare(number)))
        .take(3)
        .collect();
    if !strangers.is_empty() {
        notes.push(format!("AK2 names sets that were not sent: {}", strangers.join(", ")));
    }
    let count = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let differs = |said: Option<u32>, own: usize| said.is_some_and(|said| said != count(own));
    if differs(included, states.len()) || differs(accepted, states.len() - refused) {
        notes.push("AK9 counts other numbers of sets than there are".to_owned());
    }
    Ok(Verdict { state, sets: states, notes, with_interchange: false })
}

fn broken(detail: String) -> Remark {
    Remark { note: Note::Broken, detail }
}

fn shown(code: u8) -> String {
    if code == 0 { String::new() } else { char::from(code).to_string() }
}

/// A length of time as people say it.
#[must_use]
pub fn told(time: TimeDelta) -> String {
    match (time.num_days(), time.num_hours() % 24, time.num_minutes() % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::State::{Accepted, AcceptedWithErrors, Awaited, PartiallyAccepted, Rejected};
    use super::*;

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::<Utc>::UNIX_EPOCH + TimeDelta::hours(hour)
    }

    fn group(code: u8, sets: &[(&str, u8)], hour: i64) -> Answer {
        let sets = sets.iter().map(|(number, code)| ((*number).to_owned(), *code)).collect();
        Answer { said: Said::Group { code, counts: (None, None), sets }, received_at: at(hour) }
    }

    fn ta1(code: u8, hour: i64) -> Answer {
        Answer { said: Said::Interchange { code, note: "024".to_owned() }, received_at: at(hour) }
    }

    /// A group of so many sets, due at hour 24.
    fn after(sets: usize, answers: &[Answer]) -> (Standing, Vec<Remark>) {
        let sets = (1..=sets).map(|number| format!("{number:04}")).collect();
        fold(&Sent::Group(sets), at(24), answers)
    }

    #[test]
    fn answers_of_the_field_settle_as_they_mean() {
        type Sets = &'static [(&'static str, u8)];
        let cases: [(Sets, u8, State, [State; 2]); 6] = [
            (&[], b'A', Accepted, [Accepted, Accepted]),
            (&[], b'R', Rejected, [Rejected, Rejected]),
            (&[("1", b'A'), ("2", b'R')], b'P', PartiallyAccepted, [Accepted, Rejected]),
            (&[("0002", b'R')], b'P', PartiallyAccepted, [Accepted, Rejected]),
            (&[("0001", b'E')], b'E', AcceptedWithErrors, [AcceptedWithErrors, AcceptedWithErrors]),
            (&[("0001", b'X'), ("0002", b'R')], b'R', Rejected, [Rejected, Rejected]),
        ];
        for (sets, code, state, each) in cases {
            let (standing, remarks) = after(2, &[group(code, sets, 1)]);
            assert_eq!(
                (standing.state, standing.sets.as_slice()),
                (state, each.as_slice()),
                "{code} {sets:?}"
            );
            assert_eq!(remarks, [Remark { note: Note::Plain, detail: String::new() }]);
        }
    }

    #[test]
    fn contradictions_wait_for_a_person_and_change_nothing() {
        for (code, sets) in [(b'P', vec![]), (b'A', vec![("0001", b'R')])] {
            let (standing, remarks) = after(1, &[group(code, &sets, 1)]);
            assert_eq!((standing.state, remarks[0].note), (Awaited, Note::Conflicting));
        }
        let (standing, remarks) = after(1, &[group(b'?', &[], 1)]);
        assert_eq!((standing.state, remarks[0].note), (Awaited, Note::Broken));
        let (standing, remarks) = after(1, &[group(b'A', &[], 1), group(b'R', &[], 2)]);
        assert_eq!((standing.state, remarks[1].note), (Accepted, Note::Conflicting));
    }

    #[test]
    fn a_repeat_changes_nothing_and_a_repair_settles() {
        let (standing, remarks) = after(1, &[group(b'A', &[], 1), group(b'A', &[("1", b'A')], 2)]);
        assert_eq!((standing.settled_at, remarks[1].note), (Some(at(1)), Note::Duplicate));
        let (standing, remarks) = after(1, &[group(b'R', &[], 1), group(b'A', &[], 2)]);
        assert_eq!((standing.state, remarks[1].detail.as_str()), (Accepted, "it was rejected before"));
    }

    #[test]
    fn a_refused_interchange_refuses_its_groups_and_what_accepts_them_afterwards_is_a_conflict() {
        let (standing, remarks) = after(2, &[ta1(b'A', 1)]);
        assert_eq!((standing.state, remarks[0].note), (Awaited, Note::Plain), "the 997 is still due");
        let (standing, remarks) = after(2, &[ta1(b'R', 1), group(b'A', &[], 2)]);
        assert_eq!((standing.state, standing.sets.as_slice()), (Rejected, [Rejected, Rejected].as_slice()));
        assert_eq!(remarks[0].detail, "TA105 024: the content is invalid");
        assert_eq!(remarks[1].note, Note::Conflicting);
        let (standing, _) = fold(&Sent::Interchange, at(24), &[group(b'A', &[], 1), ta1(b'E', 2)]);
        assert_eq!(standing.state, AcceptedWithErrors);
    }

    #[test]
    fn a_late_answer_settles_and_says_how_late() {
        let (standing, remarks) = after(1, &[group(b'A', &[], 26)]);
        assert_eq!(standing.state, Accepted);
        assert_eq!(remarks, [Remark { note: Note::Late, detail: "late by 2 h 0 min".to_owned() }]);
    }
}
