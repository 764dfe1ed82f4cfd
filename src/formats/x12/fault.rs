//! X12 faults: one enum whose members are the acknowledgments' own words.

use super::segment::{Segment, SegmentId};
use crate::finding::Severity;

/// Which part of an acknowledgment reports a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// TA105 of the TA1.
    Interchange,
    /// AK905 of the 997 and 999.
    Group,
    /// AK502 of the 997, IK502 of the 999.
    Set,
    /// AK304 of the 997, IK304 of the 999.
    Segment,
    /// AK403 of the 997, IK403 of the 999.
    Element,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $level:ident $ack:literal $severity:ident $text:literal)*) => {
        /// What can be wrong in an X12 file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Which part of an acknowledgment reports it.
            #[must_use]
            pub const fn level(self) -> Level {
                match self { $(Self::$name => Level::$level,)* }
            }

            /// The value the acknowledgment carries (005010 and later; `ack` maps down for 004010), empty when
            /// no code of the standard says it.
            #[must_use]
            pub const fn ack_code(self) -> &'static str {
                match self { $(Self::$name => $ack,)* }
            }

            /// What it does to the document unless the partner's profile says otherwise.
            #[must_use]
            pub const fn default_severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// Stable name in snake case, for JSON, profiles and the database.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    // TA105, code list I18.
    /// ISA13 and IEA02 differ.
    InterchangeControlNumberMismatch Interchange "001" Reject "interchange_control_number_mismatch"
    /// ISA11 names an unknown standard.
    StandardNotSupported Interchange "002" Reject "standard_not_supported"
    /// ISA12 is a version we do not read.
    VersionNotSupported Interchange "003" Reject "version_not_supported"
    /// The segment terminator is invalid.
    InvalidSegmentTerminator Interchange "004" Reject "invalid_segment_terminator"
    /// ISA05 is not a known qualifier.
    InvalidSenderQualifier Interchange "005" Reject "invalid_sender_qualifier"
    /// ISA06 is not a valid or known sender.
    InvalidSenderId Interchange "006" Reject "invalid_sender_id"
    /// ISA07 is not a known qualifier.
    InvalidReceiverQualifier Interchange "007" Reject "invalid_receiver_qualifier"
    /// ISA08 is not a valid id.
    InvalidReceiverId Interchange "008" Reject "invalid_receiver_id"
    /// ISA08 is not one of our ids.
    UnknownReceiver Interchange "009" Reject "unknown_receiver"
    /// ISA01 is not as agreed.
    InvalidAuthorizationQualifier Interchange "010" Reject "invalid_authorization_qualifier"
    /// ISA02 is not as agreed.
    InvalidAuthorization Interchange "011" Reject "invalid_authorization"
    /// ISA03 is not as agreed.
    InvalidSecurityQualifier Interchange "012" Reject "invalid_security_qualifier"
    /// ISA04 is not as agreed; its value is never shown.
    InvalidSecurity Interchange "013" Reject "invalid_security"
    /// ISA09 is not a date.
    InvalidInterchangeDate Interchange "014" Reject "invalid_interchange_date"
    /// ISA09 lies further from the day the file came than was agreed.
    InterchangeDateFar Interchange "014" Warning "interchange_date_far"
    /// ISA10 is not a time.
    InvalidInterchangeTime Interchange "015" Reject "invalid_interchange_time"
    /// ISA11 is neither `U` nor a usable repetition separator.
    InvalidRepetitionSeparator Interchange "016" Reject "invalid_repetition_separator"
    /// ISA12 is not a version.
    InvalidInterchangeVersion Interchange "017" Reject "invalid_interchange_version"
    /// ISA13 is not nine digits.
    InvalidInterchangeControlNumber Interchange "018" Reject "invalid_interchange_control_number"
    /// ISA14 is neither 0 nor 1.
    InvalidAcknowledgmentRequested Interchange "019" AcceptWithErrors "invalid_acknowledgment_requested"
    /// ISA15 is not P, T or I, or not as agreed.
    InvalidUsageIndicator Interchange "020" AcceptWithErrors "invalid_usage_indicator"
    /// IEA01 is not the number of groups.
    GroupCountWrong Interchange "021" AcceptWithErrors "group_count_wrong"
    /// Segments of the envelope in the wrong order, or an interchange inside another.
    InvalidControlStructure Interchange "022" Reject "invalid_control_structure"
    /// The file ends before the IEA.
    UnexpectedEndOfFile Interchange "023" Reject "unexpected_end_of_file"
    /// A segment where the envelope allows none, such as ST straight after ISA.
    InvalidInterchangeContent Interchange "024" Reject "invalid_interchange_content"
    /// A TA1 that does not say what it answers, or how.
    InvalidInterchangeAcknowledgment Interchange "024" AcceptWithErrors "invalid_interchange_acknowledgment"
    /// The same ISA13 from the same sender with other bytes.
    DuplicateInterchange Interchange "025" Reject "duplicate_interchange"
    /// The element separator is alphanumeric or repeats another.
    InvalidElementSeparator Interchange "026" Reject "invalid_element_separator"
    /// The component separator is alphanumeric or repeats another.
    InvalidComponentSeparator Interchange "027" Reject "invalid_component_separator"

    // AK905, element 716.
    /// GS01 is not a group we take.
    GroupNotSupported Group "1" Reject "group_not_supported"
    /// GS08 is a release we do not have.
    GroupVersionNotSupported Group "2" Reject "group_version_not_supported"
    /// The group has no GE.
    GroupTrailerMissing Group "3" Reject "group_trailer_missing"
    /// GS06 and GE02 differ.
    GroupControlNumberMismatch Group "4" Reject "group_control_number_mismatch"
    /// GE01 is not the number of sets.
    SetCountWrong Group "5" AcceptWithErrors "set_count_wrong"
    /// GS06 is not a number of one to nine digits.
    InvalidGroupControlNumber Group "6" Reject "invalid_group_control_number"
    /// GS06 was used before.
    GroupControlNumberReused Group "19" Reject "group_control_number_reused"
    /// GS04 is not a date or GS05 not a time.
    InvalidGroupDate Group "" Warning "invalid_group_date"

    // AK502, elements 718 and 618.
    /// The set is not one we have.
    SetNotSupported Set "1" Reject "set_not_supported"
    /// The set has no SE.
    SetTrailerMissing Set "2" Reject "set_trailer_missing"
    /// ST02 and SE02 differ.
    SetControlNumberMismatch Set "3" Reject "set_control_number_mismatch"
    /// SE01 is not the number of segments.
    SegmentCountWrong Set "4" Reject "segment_count_wrong"
    /// The set does not belong to its group's GS01.
    WrongFunctionalGroup Set "1" Reject "wrong_functional_group"
    /// ST01 is missing or no set id.
    InvalidSetId Set "6" Reject "invalid_set_id"
    /// ST02 is missing or not four to nine characters.
    InvalidSetControlNumber Set "7" Reject "invalid_set_control_number"
    /// ST02 was used before in this group.
    SetControlNumberReused Set "23" Reject "set_control_number_reused"
    /// ST03 names a guide we do not have.
    InvalidImplementationReference Set "19" AcceptWithErrors "invalid_implementation_reference"
    /// An HL names a parent that does not exist or comes later, or a cycle.
    HierarchyBroken Set "5" Reject "hierarchy_broken"
    /// HL levels are nested deeper than the limit.
    HierarchyTooDeep Set "5" Reject "hierarchy_too_deep"
    /// A total (CTT, SE, hash) does not agree with what it counts.
    TotalWrong Set "5" AcceptWithErrors "total_wrong"
    /// The set is larger than the limit.
    SetTooLarge Set "5" Reject "set_too_large"
    /// More faults than the limit; the rest are not reported.
    TooManyFaults Set "5" Reject "too_many_faults"

    // AK304, element 720.
    /// A segment id that no release has.
    UnrecognizedSegment Segment "1" Reject "unrecognized_segment"
    /// A segment of this set where it is never expected.
    UnexpectedSegment Segment "2" Reject "unexpected_segment"
    /// A mandatory segment is not there.
    MandatorySegmentMissing Segment "3" Reject "mandatory_segment_missing"
    /// A loop occurs more often than allowed.
    LoopOverMaximum Segment "4" Reject "loop_over_maximum"
    /// A segment occurs more often than allowed.
    SegmentOverMaximum Segment "5" Reject "segment_over_maximum"
    /// A known segment that this set does not have.
    SegmentNotInSet Segment "6" Reject "segment_not_in_set"
    /// A segment of this set out of order.
    SegmentOutOfSequence Segment "7" Reject "segment_out_of_sequence"
    /// A segment that the guide declares unused.
    GuideSegmentNotUsed Segment "I4" Reject "guide_segment_not_used"
    /// A segment that the guide asks for because of what another one says.
    GuideSegmentMissing Segment "I6" Reject "guide_segment_missing"
    /// A segment that the guide does not use because of what another one says.
    GuideSegmentExcluded Segment "I9" Reject "guide_segment_excluded"
    /// A segment longer than the limit.
    SegmentTooLong Segment "8" Reject "segment_too_long"

    // AK403, element 723.
    /// A mandatory element is empty.
    MandatoryElementMissing Element "1" Reject "mandatory_element_missing"
    /// A relational condition asks for an element that is empty.
    ConditionalElementMissing Element "2" Reject "conditional_element_missing"
    /// More elements than the segment has.
    TooManyElements Element "3" Reject "too_many_elements"
    /// Shorter than the minimum length.
    ElementTooShort Element "4" Reject "element_too_short"
    /// Longer than the maximum length.
    ElementTooLong Element "5" Reject "element_too_long"
    /// A character the type or character set does not have.
    InvalidCharacter Element "6" Reject "invalid_character"
    /// A code that the list does not have.
    InvalidCode Element "7" Reject "invalid_code"
    /// LS01 is not the loop that follows, or LE01 not what LS01 was.
    LoopIdWrong Element "7" AcceptWithErrors "loop_id_wrong"
    /// Not a date.
    InvalidDate Element "8" Reject "invalid_date"
    /// Not a time.
    InvalidTime Element "9" Reject "invalid_time"
    /// Two elements that exclude each other.
    ExclusionViolated Element "10" Reject "exclusion_violated"
    /// More repetitions than allowed.
    TooManyRepetitions Element "12" Reject "too_many_repetitions"
    /// More components than the composite has.
    TooManyComponents Element "13" Reject "too_many_components"
    /// An element that the guide declares unused.
    GuideElementNotUsed Element "I10" Reject "guide_element_not_used"
    /// An element that the guide asks for because of what another one says.
    GuideElementMissing Element "I9" Reject "guide_element_missing"
    /// An element that the guide does not use because of what another one says.
    GuideElementExcluded Element "I13" Reject "guide_element_excluded"
    /// A code that the guide does not allow.
    GuideCodeNotUsed Element "I6" Reject "guide_code_not_used"

    // Told to people; no acknowledgment says them.
    /// A byte order mark before the ISA.
    ByteOrderMark Interchange "" Warning "byte_order_mark"
    /// Padding or other bytes after the last IEA.
    TrailingBytes Interchange "" Warning "trailing_bytes"
    /// Bytes before the ISA.
    LeadingBytes Interchange "" Reject "leading_bytes"
    /// An ISA of fewer than 106 characters, or elements not padded.
    IsaNotFixedWidth Interchange "" Reject "isa_not_fixed_width"
    /// No ISA in the file.
    NoInterchange Interchange "" Reject "no_interchange"
    /// Separators at the end of a segment that hold nothing.
    TrailingSeparators Segment "" Warning "trailing_separators"
    /// HL04 says that an HL has children and it has none, or the reverse.
    HierarchyChildCodeWrong Set "" Warning "hierarchy_child_code_wrong"
    /// A sum whose meaning partners differ about (CTT01 of an 856, CTT02, TDS01, W03, W14, W76) does not agree
    /// with the lines.
    SumDiffers Set "" Warning "sum_differs"
    /// Bytes outside ASCII that are taken as Latin-1.
    NationalCharacters Element "" Warning "national_characters"
    /// A GTIN or SSCC whose check digit is wrong.
    CheckDigitWrong Element "" Warning "check_digit_wrong"
}

/// The element on which another one depends: what CTX05 and CTX06 of a 999 say. All 0 if there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trigger {
    /// Element of the same segment.
    pub element: u16,
    /// Component, 0 if none.
    pub component: u16,
    /// Data element number, 0 if it has none.
    pub element_number: u16,
}

/// One fault, small and without its sentence: `describe` words it when a person asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub code: Code,
    /// What it does to its set, group or interchange.
    pub severity: Severity,
    /// Offset from the start of the file.
    pub byte: u64,
    /// Place of the segment in its set, ST is 1; 0 outside of a set. For a missing segment, where it was due.
    pub segment_position: u32,
    /// Id of the segment, or of the missing one.
    pub segment: SegmentId,
    /// Loop id for AK303, empty outside of LS/LE in a 997; a guide's loop id in a 999.
    pub loop_id: Box<str>,
    /// Element of the segment (AK401-01), 0 for the segment itself.
    pub element: u16,
    /// Component (AK401-02), 0 if none.
    pub component: u16,
    /// Repetition (AK401-03), 0 if none.
    pub repetition: u16,
    /// Data element number (AK402), such as 355; 0 if it has none.
    pub element_number: u16,
    /// Copy of the offending data (AK404), cut to 99 bytes; empty where the standard leaves it out.
    pub value: Box<[u8]>,
    /// The element whose presence asks for this one, or excludes it.
    pub trigger: Trigger,
    /// What was expected, in our words, for the sentence: `4 to 9 characters`, `20261301`, `W06`; may be empty.
    pub expected: Box<str>,
}

impl Fault {
    /// A fault of the default severity at an offset of the file; everything else is empty.
    #[must_use]
    pub fn new(code: Code, byte: u64) -> Self {
        Self {
            code,
            severity: code.default_severity(),
            byte,
            segment_position: 0,
            segment: SegmentId::default(),
            loop_id: Box::default(),
            element: 0,
            component: 0,
            repetition: 0,
            element_number: 0,
            value: Box::default(),
            trigger: Trigger::default(),
            expected: Box::default(),
        }
    }

    /// A fault of a segment as a whole.
    #[must_use]
    pub fn of_segment(code: Code, segment: &Segment<'_>) -> Self {
        let mut fault = Self::new(code, segment.byte);
        fault.segment = SegmentId::new(segment.id());
        fault.segment_position = segment.position;
        fault
    }

    /// A fault of one element, with a copy of its value.
    #[must_use]
    pub fn of_element(code: Code, segment: &Segment<'_>, element: u16) -> Self {
        let mut fault = Self::of_segment(code, segment);
        fault.byte = segment.element_byte(usize::from(element));
        fault.element = element;
        let value = segment.element(usize::from(element));
        // AK404 holds 99 characters.
        fault.value = value.get(..99).unwrap_or(value).into();
        fault
    }

    /// The same fault, saying what was expected.
    #[must_use]
    pub fn expecting(mut self, expected: impl Into<Box<str>>) -> Self {
        self.expected = expected.into();
        self
    }
}
