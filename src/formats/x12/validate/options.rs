//! How strictly transaction sets are judged.

use crate::finding::Severity;
use crate::formats::x12::fault::Code;
use std::collections::BTreeMap;

/// How strictly sets are judged; part of what is agreed with a partner.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Options {
    /// Where a fault weighs more or less than [`Code::default_severity`] says.
    pub severities: Severities,
    /// Limits against documents that are broken on purpose or beyond reason.
    pub limits: Limits,
    /// Which characters text may hold.
    pub character_set: CharacterSet,
    /// What bytes outside of ASCII mean.
    pub national: National,
    /// Name of the guide that narrows the release, see [`crate::formats::x12::schema::Schemas::find_set`].
    pub guide: Option<String>,
}

/// Severities that differ from the default ones.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Severities {
    changed: BTreeMap<Code, Option<Severity>>,
}

/// Limits of one transaction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most faults kept of one set, warnings counted apart; one more is `TooManyFaults`.
    pub faults_per_set: usize,
    /// Deepest nesting of HL.
    pub hierarchy_depth: u32,
}

/// The character sets of X12.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CharacterSet {
    /// Capital letters, digits, blank and ``! " & ' ( ) * + , - . / : ; ? =``.
    Basic,
    /// The basic one, small letters and the other printable characters of ASCII.
    #[default]
    Extended,
}

/// What bytes of 0x80 and above are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum National {
    /// UTF-8 where they are valid UTF-8, else Latin-1; a warning tells of them.
    #[default]
    Accepted,
    /// They are `InvalidCharacter`.
    Refused,
}

impl Severities {
    /// Gives a code another severity; none ignores the fault altogether.
    pub fn set(&mut self, code: Code, severity: Option<Severity>) {
        self.changed.insert(code, severity);
    }

    /// The severity of a code, or none when it is ignored.
    #[must_use]
    pub fn get(&self, code: Code) -> Option<Severity> {
        match self.changed.get(&code) {
            Some(severity) => *severity,
            None => Some(code.default_severity()),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        // 100 faults tell a partner enough; a 997 reports no more than 99 elements of one segment anyway.
        Self { faults_per_set: 100, hierarchy_depth: 12 }
    }
}
