//! What reading an X12 file came to: a verdict per interchange, group and transaction set.

use super::fault::Fault;
use super::segment::Delimiters;
use crate::finding::Severity;
use std::ops::Range;

/// Element 715 and 717: what became of a group or a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `A`.
    Accepted,
    /// `E`: accepted, errors noted.
    AcceptedWithErrors,
    /// `P`: some sets of the group rejected. Groups only.
    PartiallyAccepted,
    /// `R`.
    Rejected,
}

impl Status {
    /// The letter the acknowledgments use: `A`, `E`, `P` or `R`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Accepted => "A",
            Self::AcceptedWithErrors => "E",
            Self::PartiallyAccepted => "P",
            Self::Rejected => "R",
        }
    }

    /// What faults do to the document they are in.
    #[must_use]
    pub fn of_faults(faults: &[Fault]) -> Self {
        match faults.iter().map(|fault| fault.severity).max() {
            Some(Severity::Reject) => Self::Rejected,
            Some(Severity::AcceptWithErrors) => Self::AcceptedWithErrors,
            Some(Severity::Warning) | None => Self::Accepted,
        }
    }
}

impl Group {
    /// Whether the group holds acknowledgments, which are never acknowledged. Some senders put them into groups
    /// that are not `FA`.
    #[must_use]
    pub fn is_acknowledgment(&self) -> bool {
        self.functional_id == "FA" || self.sets.iter().any(|set| matches!(set.id.as_str(), "997" | "999"))
    }
}

/// One file: its interchanges in order and what lies outside of them.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// Interchanges in file order.
    pub interchanges: Vec<Interchange>,
    /// Faults outside of any interchange: no ISA, bytes before or after.
    pub faults: Vec<Fault>,
    /// Whether the format's own end was seen: the last interchange is closed by its IEA.
    pub complete: bool,
}

/// The ISA, trimmed of its padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterchangeHeader {
    /// ISA05 and ISA06.
    pub sender: (String, String),
    /// ISA07 and ISA08.
    pub receiver: (String, String),
    /// ISA09, `YYMMDD` as sent.
    pub date: String,
    /// ISA10, `HHMM` as sent.
    pub time: String,
    /// ISA12, such as `00401`.
    pub version: String,
    /// ISA13 as sent, nine digits.
    pub control_number: String,
    /// ISA14 is 1.
    pub acknowledgment_requested: bool,
    /// ISA15: `P`, `T` or `I`.
    pub usage: String,
    /// The separators.
    pub delimiters: Delimiters,
}

/// One ISA to IEA.
#[derive(Clone, Debug)]
pub struct Interchange {
    /// The ISA.
    pub header: InterchangeHeader,
    /// Its bytes in the file, ISA to IEA's terminator.
    pub bytes: Range<u64>,
    /// Groups read.
    pub received_groups: u32,
    /// Groups in order; a streaming reader hands them to its visitor and leaves this empty.
    pub groups: Vec<Group>,
    /// TA1 segments it carries.
    pub acknowledgments: Vec<Ta1>,
    /// Faults of the envelope.
    pub faults: Vec<Fault>,
    /// Rejected when the envelope cannot be trusted; its groups are then not processed.
    pub status: Status,
}

/// One GS to GE.
#[derive(Clone, Debug)]
pub struct Group {
    /// GS01, such as `IN`.
    pub functional_id: String,
    /// GS02.
    pub sender: String,
    /// GS03.
    pub receiver: String,
    /// GS06 as sent.
    pub control_number: String,
    /// GS08 as sent, such as `004010VICS`.
    pub version: String,
    /// Offset of the GS.
    pub byte: u64,
    /// GE01 as sent, 0 if there is none or no number.
    pub declared_sets: u32,
    /// Sets read.
    pub received_sets: u32,
    /// Sets accepted, with errors or without.
    pub accepted_sets: u32,
    /// Sets in order; a streaming reader hands them to its visitor and leaves this empty.
    pub sets: Vec<Set>,
    /// Faults of GS and GE.
    pub faults: Vec<Fault>,
    /// AK901.
    pub status: Status,
}

/// One ST to SE.
#[derive(Clone, Debug)]
pub struct Set {
    /// ST01, such as `810`.
    pub id: String,
    /// ST02.
    pub control_number: String,
    /// ST03, empty if none.
    pub implementation: String,
    /// The number that people know the document by, such as that of the purchase order; none for the kinds that have
    /// none at their begin.
    pub reference: Option<Reference>,
    /// Its bytes in the file, ST to SE's terminator.
    pub bytes: Range<u64>,
    /// Segments counted, ST and SE among them.
    pub segments: u32,
    /// Faults of all levels from the set down, in file order.
    pub faults: Vec<Fault>,
    /// AK501.
    pub status: Status,
}

/// The number of a business document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Where it stands, such as `BEG03`.
    pub place: &'static str,
    /// The number as sent.
    pub value: String,
}

/// A TA1: what the other side says of one of our interchanges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ta1 {
    /// Offset of the TA1.
    pub byte: u64,
    /// TA101: our ISA13.
    pub control_number: String,
    /// TA102, `YYMMDD`.
    pub date: String,
    /// TA103, `HHMM`.
    pub time: String,
    /// TA104: `A`, `E` or `R`.
    pub status: String,
    /// TA105.
    pub note: String,
}
