//! Reads interchanges, groups and sets, and gives each its verdict.
//!
//! Reading never fails because of what a file holds: whatever is wrong is a fault in the verdict of the part it
//! belongs to, and its neighbours are judged on their own.

use super::delimiters::Unreadable;
use super::envelope::{self, parse_number};
use super::fault::{Code, Fault};
use super::lexer::{Event, Lexer, Limits, Window};
use super::segment::{Segment, SegmentId};
use super::stream::Stream;
use super::verdict::{File, Group, Interchange, InterchangeHeader, Set, Status, Ta1};
use crate::finding::Severity;
use std::collections::HashSet;
use std::io::Read;

/// What to do with bytes before the first ISA, such as the headers of a mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeadingBytes {
    /// The file is not taken.
    #[default]
    Refuse,
    /// They are skipped, with a warning.
    Skip,
}

/// How to read.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Take an ISA whose elements are not padded to their fixed width, with a warning.
    pub lenient_isa: bool,
    /// Bytes before the first ISA.
    pub leading: LeadingBytes,
    /// What one file may cost.
    pub limits: Limits,
}

/// What reading can fail at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source of bytes failed.
    #[error("cannot read the file")]
    Read(#[source] std::io::Error),
}

impl Error {
    /// Whether the same call may work later.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        match self {
            Self::Read(_) => true,
        }
    }
}

/// What a stream came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Whether the last interchange is closed by its IEA.
    pub complete: bool,
    /// Interchanges read.
    pub interchanges: u64,
    /// Sets read.
    pub sets: u64,
    /// Sets accepted, with errors or without, whatever became of their group.
    pub accepted_sets: u64,
}

/// Takes verdicts as they fall. The window holds at least the part that the call is about, so that its text and
/// lines can be shown; of a set over the limit it holds the end.
pub trait Visitor {
    /// An ISA was read; its own faults come with [`Visitor::interchange_ends`].
    fn interchange_begins(
        &mut self,
        _header: &InterchangeHeader,
        _segment: &Segment<'_>,
        _window: Window<'_>,
    ) {
    }
    /// A TA1 was read.
    fn acknowledgment(&mut self, _acknowledgment: &Ta1, _header: &InterchangeHeader, _window: Window<'_>) {}
    /// A GS was read; its own faults come with [`Visitor::group_ends`].
    fn group_begins(&mut self, _group: &Group, _segment: &Segment<'_>, _window: Window<'_>) {}
    /// A transaction set was read to its end.
    fn set(&mut self, _set: Set, _group: &Group, _header: &InterchangeHeader, _window: Window<'_>) {}
    /// A group was read to its end.
    fn group_ends(&mut self, _group: Group, _header: &InterchangeHeader, _window: Window<'_>) {}
    /// An interchange was read to its end.
    fn interchange_ends(&mut self, _interchange: Interchange, _window: Window<'_>) {}
    /// Something is wrong outside of any interchange.
    fn file_fault(&mut self, _fault: Fault, _window: Window<'_>) {}
}

/// Reads a file that is in memory and keeps every verdict.
#[must_use]
pub fn validate(bytes: &[u8], options: &Options) -> File {
    let mut collector = Collector::default();
    let mut reader = Reader::new(options);
    let mut lexer = Lexer::new(bytes, options.limits);
    let window = Window::whole(bytes);
    while reader.take(lexer.next_event(), window, &mut collector) {}
    collector.file.complete = reader.summary.complete;
    collector.file
}

/// Reads a file of any size. Nothing is kept beyond the transaction set at hand but what the visitor keeps.
///
/// # Errors
/// [`Error::Read`] when the source fails; what was read until then has reached the visitor.
pub fn validate_stream(
    read: impl Read,
    options: &Options,
    visitor: &mut impl Visitor,
) -> Result<Summary, Error> {
    let mut reader = Reader::new(options);
    let mut stream = Stream::new(read, options.limits);
    loop {
        let (event, window) = stream.next_event(reader.keep()).map_err(Error::Read)?;
        if !reader.take(event, window, visitor) {
            return Ok(reader.summary);
        }
    }
}

#[derive(Default)]
struct Collector {
    file: File,
    acknowledgments: Vec<Ta1>,
    groups: Vec<Group>,
    sets: Vec<Set>,
}

impl Visitor for Collector {
    fn acknowledgment(&mut self, acknowledgment: &Ta1, _: &InterchangeHeader, _: Window<'_>) {
        self.acknowledgments.push(acknowledgment.clone());
    }

    fn set(&mut self, set: Set, _: &Group, _: &InterchangeHeader, _: Window<'_>) {
        self.sets.push(set);
    }

    fn group_ends(&mut self, mut group: Group, _: &InterchangeHeader, _: Window<'_>) {
        group.sets = std::mem::take(&mut self.sets);
        self.groups.push(group);
    }

    fn interchange_ends(&mut self, mut interchange: Interchange, _: Window<'_>) {
        interchange.groups = std::mem::take(&mut self.groups);
        interchange.acknowledgments = std::mem::take(&mut self.acknowledgments);
        self.file.interchanges.push(interchange);
    }

    fn file_fault(&mut self, fault: Fault, _: Window<'_>) {
        self.file.faults.push(fault);
    }
}

/// Control numbers seen in one group or interchange. Numbers, which is what they are but for a few senders, are
/// kept small: a group may hold a million sets.
#[derive(Debug, Default)]
struct Seen {
    numbers: HashSet<u64>,
    texts: HashSet<Box<[u8]>>,
}

impl Seen {
    fn clear(&mut self) {
        self.numbers.clear();
        self.texts.clear();
    }

    /// Whether `text` is new. `0001` and `1` are two control numbers.
    fn insert(&mut self, text: &[u8]) -> bool {
        match parse_number(text) {
            Some(number) if text.len() <= 9 => {
                self.numbers.insert(u64::from(number) << 8 | text.len() as u64)
            }
            _ => self.texts.insert(text.into()),
        }
    }
}

struct OpenSet {
    set: Set,
    /// Its segments are only counted: it cannot be judged.
    only_counted: bool,
}

/// The reader's state between segments.
struct Reader<'o> {
    options: &'o Options,
    interchange: Option<Interchange>,
    group: Option<Group>,
    set: Option<OpenSet>,
    /// A stretch of segments that the envelope does not allow is one fault.
    in_stray_segments: bool,
    set_numbers: Seen,
    group_numbers: HashSet<(String, u32)>,
    summary: Summary,
}

impl<'o> Reader<'o> {
    fn new(options: &'o Options) -> Self {
        Self {
            options,
            interchange: None,
            group: None,
            set: None,
            in_stray_segments: false,
            set_numbers: Seen::default(),
            group_numbers: HashSet::new(),
            summary: Summary::default(),
        }
    }

    /// From where on bytes must stay in memory.
    fn keep(&self) -> Option<u64> {
        self.set.as_ref().map(|open| open.set.bytes.start)
    }

    /// Takes one event; false after the last.
    fn take(&mut self, event: Event<'_>, window: Window<'_>, visitor: &mut impl Visitor) -> bool {
        match event {
            Event::Segment(segment) => self.take_segment(segment, window, visitor),
            Event::TooLong(segment) => {
                let fault = Fault::of_segment(Code::SegmentTooLong, &segment);
                let limit = self.options.limits.segment_bytes;
                let fault = fault.expecting(format!("at most {limit} characters"));
                self.take_segment(segment, window, visitor);
                match &mut self.set {
                    Some(open) => open.set.faults.push(fault),
                    None => self.interchange_fault(fault),
                }
            }
            Event::Interchange(segment, isa) => {
                self.break_off(Code::InvalidControlStructure, &segment, window, visitor);
                let (header, mut faults) = envelope::read_isa(&segment, &isa);
                if !isa.fixed_width {
                    let fault = Fault::of_segment(Code::IsaNotFixedWidth, &segment);
                    let fault = fault.expecting("106 characters with every element padded");
                    faults.insert(
                        0,
                        if self.options.lenient_isa { envelope::as_warning(fault) } else { fault },
                    );
                }
                visitor.interchange_begins(&header, &segment, window);
                self.begin_interchange(header, faults, segment.byte);
            }
            Event::Unreadable { byte, header, why } => {
                self.take_unreadable(byte, header, why, window, visitor)
            }
            Event::Unfinished(segment) => self.take_unfinished(segment, window, visitor),
            Event::Stray { bytes, padding } => {
                self.take_stray(bytes.into(), padding, window, visitor);
            }
            Event::ByteOrderMark => visitor.file_fault(Fault::new(Code::ByteOrderMark, 0), window),
            Event::More | Event::End => {
                let end = Segment {
                    bytes: &[],
                    byte: window.byte + window.bytes.len() as u64,
                    position: 0,
                    ends: &[],
                    delimiters: super::segment::Delimiters {
                        element: b'*',
                        component: b'>',
                        repetition: None,
                        segment: b'~',
                    },
                };
                self.break_off(Code::UnexpectedEndOfFile, &end, window, visitor);
                if self.summary.interchanges == 0 {
                    visitor.file_fault(Fault::new(Code::NoInterchange, 0), window);
                }
                return false;
            }
        }
        true
    }

    fn begin_interchange(&mut self, header: InterchangeHeader, faults: Vec<Fault>, byte: u64) {
        self.summary.interchanges += 1;
        self.summary.complete = false;
        self.in_stray_segments = false;
        self.group_numbers.clear();
        self.interchange = Some(Interchange {
            header,
            bytes: byte..byte,
            received_groups: 0,
            groups: Vec::new(),
            acknowledgments: Vec::new(),
            faults,
            status: Status::Accepted,
        });
    }

    fn take_unreadable(
        &mut self,
        byte: u64,
        header: &[u8],
        why: Option<Unreadable>,
        window: Window<'_>,
        visitor: &mut impl Visitor,
    ) {
        let ends = [3];
        let delimiters = envelope::read_header_by_position(header).delimiters;
        let segment = Segment { bytes: header, byte, position: 0, ends: &ends, delimiters };
        self.break_off(Code::InvalidControlStructure, &segment, window, visitor);
        if let Some(why) = why {
            let expected = match why {
                Unreadable::CutShort => "106 characters; the file ends before",
                Unreadable::ElementCount => "16 elements",
            };
            let fault = Fault::of_segment(Code::IsaNotFixedWidth, &segment).expecting(expected);
            // Nothing else is said of a file whose only ISA is this one.
            self.summary.interchanges += 1;
            self.summary.complete = false;
            visitor.file_fault(fault, window);
            return;
        }
        let read = envelope::read_header_by_position(header);
        let fault = Fault::of_segment(Code::InvalidSegmentTerminator, &segment)
            .expecting("a sign such as `~` as the 106th character");
        visitor.interchange_begins(&read, &segment, window);
        self.begin_interchange(read, vec![fault], byte);
        self.close_interchange(byte + header.len() as u64, window, visitor);
    }

    fn take_unfinished(&mut self, segment: Segment<'_>, window: Window<'_>, visitor: &mut impl Visitor) {
        let closes = segment.id() == b"IEA"
            && self
                .interchange
                .as_ref()
                .is_some_and(|open| segment.element(2) == open.header.control_number.as_bytes());
        if closes {
            // Whole but for its terminator, as editors leave it.
            let fault = Fault::of_segment(Code::InvalidSegmentTerminator, &segment);
            self.interchange_fault(envelope::as_warning(fault).expecting("a terminator after the IEA"));
            self.take_segment(segment, window, visitor);
            return;
        }
        let trailer = [b"IEA".as_slice(), &[segment.delimiters.element]].concat();
        let code = if memchr::memmem::find(segment.bytes, &trailer).is_some() {
            // The trailer is there, behind another terminator.
            Code::InvalidControlStructure
        } else {
            Code::UnexpectedEndOfFile
        };
        self.break_off(code, &segment, window, visitor);
    }

    fn take_stray(
        &mut self,
        bytes: std::ops::Range<u64>,
        padding: bool,
        window: Window<'_>,
        visitor: &mut impl Visitor,
    ) {
        let leading = self.summary.interchanges == 0;
        let code = if leading { Code::LeadingBytes } else { Code::TrailingBytes };
        let length = bytes.end - bytes.start;
        let mut fault = Fault::new(code, bytes.start).expecting(format!("{length} bytes"));
        fault.value = window.get(bytes.start..bytes.start + length.min(99)).unwrap_or(&[]).into();
        // A note from a mail program may follow; more than a kilobyte is another document that was not read.
        if leading && self.options.leading == LeadingBytes::Skip || padding {
            fault.severity = Severity::Warning;
        } else if length > 1_024 {
            fault.severity = Severity::Reject;
        }
        visitor.file_fault(fault, window);
    }

    fn take_segment(&mut self, segment: Segment<'_>, window: Window<'_>, visitor: &mut impl Visitor) {
        let id = segment.id();
        if self.set.is_some() {
            match id {
                b"SE" => return self.end_set(segment, window, visitor),
                b"ST" | b"GE" | b"GS" | b"IEA" => self.break_set(&segment, window, visitor),
                _ => return self.take_set_segment(segment),
            }
        }
        match id {
            b"ST" if self.group.is_some() => self.begin_set(segment),
            b"GE" if self.group.is_some() => self.end_group(segment, window, visitor),
            b"GS" => {
                self.break_group(&segment, window, visitor);
                self.begin_group(segment, window, visitor);
            }
            b"IEA" => {
                self.break_group(&segment, window, visitor);
                self.end_interchange(segment, window, visitor);
            }
            b"TA1" if self.group.is_none() => {
                let read = envelope::read_ta1(&segment);
                if let Some(interchange) = &mut self.interchange {
                    visitor.acknowledgment(&read, &interchange.header, window);
                }
            }
            _ if self.in_stray_segments => {}
            _ => {
                self.in_stray_segments = true;
                let code = Code::InvalidInterchangeContent;
                let due = if self.group.is_some() { "ST or GE" } else { "GS or IEA" };
                self.interchange_fault(Fault::of_segment(code, &segment).expecting(due));
            }
        }
    }

    fn begin_set(&mut self, mut segment: Segment<'_>) {
        segment.position = 1;
        self.in_stray_segments = false;
        let element = |number: usize| envelope::trimmed(segment.element(number));
        let mut set = Set {
            id: element(1),
            control_number: element(2),
            implementation: element(3),
            bytes: segment.byte..segment.byte,
            segments: 1,
            faults: Vec::new(),
            status: Status::Accepted,
        };
        let number = segment.element(2).trim_ascii();
        if !(4..=9).contains(&number.len()) {
            let fault = Fault::of_element(Code::InvalidSetControlNumber, &segment, 2);
            set.faults.push(fault.expecting("4 to 9 characters"));
        } else if !self.set_numbers.insert(number) {
            set.faults.push(Fault::of_element(Code::SetControlNumberReused, &segment, 2));
        }
        let only_counted = self.check_set_id(&segment, &mut set);
        self.set = Some(OpenSet { set, only_counted });
    }

    /// Whether the set can only be counted.
    fn check_set_id(&self, segment: &Segment<'_>, set: &mut Set) -> bool {
        let group = self.group.as_ref();
        if group.is_some_and(|group| Status::of_faults(&group.faults) == Status::Rejected) {
            return true;
        }
        if set.id.len() != 3 || !set.id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let fault = Fault::of_element(Code::InvalidSetId, segment, 1);
            set.faults.push(fault.expecting("three digits such as `850`"));
            return true;
        }
        let functional_id = group.map_or("", |group| group.functional_id.as_str());
        if let Some(expected) = envelope::find_functional_id(&set.id)
            && expected != functional_id
        {
            let mut fault = Fault::of_element(Code::WrongFunctionalGroup, segment, 1);
            fault.value = functional_id.as_bytes().into();
            set.faults.push(fault.expecting(format!("`{expected}`")));
            return true;
        }
        false
    }

    fn take_set_segment(&mut self, mut segment: Segment<'_>) {
        let Some(open) = &mut self.set else { return };
        open.set.segments += 1;
        segment.position = open.set.segments;
        let limit = self.options.limits.set_bytes;
        if segment.byte - open.set.bytes.start > limit && !open.only_counted {
            let fault = Fault::of_segment(Code::SetTooLarge, &segment);
            open.set.faults.push(fault.expecting(format!("at most {limit} bytes")));
            open.only_counted = true;
        }
    }

    fn end_set(&mut self, mut segment: Segment<'_>, window: Window<'_>, visitor: &mut impl Visitor) {
        let Some(open) = &mut self.set else { return };
        segment.position = open.set.segments + 1;
        let set = &mut open.set;
        set.segments += 1;
        if parse_number(segment.element(1)) != Some(set.segments) {
            let fault = Fault::of_element(Code::SegmentCountWrong, &segment, 1);
            set.faults.push(fault.expecting(format!("{}", set.segments)));
        }
        if segment.element(2).trim_ascii() != set.control_number.as_bytes() {
            let fault = Fault::of_element(Code::SetControlNumberMismatch, &segment, 2);
            set.faults.push(fault.expecting(format!("`{}`", set.control_number)));
        }
        self.close_set(after(&segment, window), window, visitor);
    }

    /// Ends a set whose SE is missing before `segment`.
    fn break_set(&mut self, segment: &Segment<'_>, window: Window<'_>, visitor: &mut impl Visitor) {
        let Some(open) = &mut self.set else { return };
        let mut fault = Fault::new(Code::SetTrailerMissing, segment.byte);
        fault.segment = SegmentId::new(b"SE");
        fault.segment_position = open.set.segments + 1;
        open.set.faults.push(fault);
        self.close_set(segment.byte, window, visitor);
    }

    fn close_set(&mut self, end: u64, window: Window<'_>, visitor: &mut impl Visitor) {
        let Some(OpenSet { mut set, .. }) = self.set.take() else { return };
        let (Some(group), Some(interchange)) = (&mut self.group, &self.interchange) else { return };
        set.bytes.end = end;
        set.status = Status::of_faults(&set.faults);
        group.received_sets += 1;
        self.summary.sets += 1;
        if set.status != Status::Rejected {
            group.accepted_sets += 1;
            self.summary.accepted_sets += 1;
        }
        if set.status != Status::Accepted && group.status == Status::Accepted {
            group.status = Status::AcceptedWithErrors;
        }
        visitor.set(set, group, &interchange.header, window);
    }

    fn begin_group(&mut self, segment: Segment<'_>, window: Window<'_>, visitor: &mut impl Visitor) {
        self.in_stray_segments = false;
        self.set_numbers.clear();
        let mut group = envelope::read_gs(&segment);
        if let Some(number) = parse_number(group.control_number.as_bytes())
            && !self.group_numbers.insert((group.functional_id.clone(), number))
        {
            group.faults.push(Fault::of_element(Code::GroupControlNumberReused, &segment, 6));
        }
        visitor.group_begins(&group, &segment, window);
        self.group = Some(group);
    }

    fn end_group(&mut self, segment: Segment<'_>, window: Window<'_>, visitor: &mut impl Visitor) {
        let Some(group) = &mut self.group else { return };
        let declared = parse_number(segment.element(1));
        group.declared_sets = declared.unwrap_or(0);
        if declared != Some(group.received_sets) {
            let fault = Fault::of_element(Code::SetCountWrong, &segment, 1);
            group.faults.push(fault.expecting(format!("{}", group.received_sets)));
        }
        let (begun, ended) = (group.control_number.as_bytes(), segment.element(2).trim_ascii());
        if begun != ended && (parse_number(begun) != parse_number(ended) || parse_number(begun).is_none()) {
            let expected = format!("`{}`", group.control_number);
            let fault = Fault::of_element(Code::GroupControlNumberMismatch, &segment, 2);
            group.faults.push(fault.expecting(expected));
        }
        self.close_group(window, visitor);
    }

    /// Ends a group whose GE is missing before `segment`.
    fn break_group(&mut self, segment: &Segment<'_>, window: Window<'_>, visitor: &mut impl Visitor) {
        let Some(group) = &mut self.group else { return };
        let mut fault = Fault::new(Code::GroupTrailerMissing, segment.byte);
        fault.segment = SegmentId::new(b"GE");
        group.faults.push(fault);
        self.close_group(window, visitor);
    }

    fn close_group(&mut self, window: Window<'_>, visitor: &mut impl Visitor) {
        let (Some(mut group), Some(interchange)) = (self.group.take(), &mut self.interchange) else { return };
        interchange.received_groups += 1;
        group.faults.truncate(self.options.limits.envelope_faults);
        group.status = match Status::of_faults(&group.faults) {
            Status::Rejected => Status::Rejected,
            _ if group.received_sets > 0 && group.accepted_sets == 0 => Status::Rejected,
            _ if group.accepted_sets < group.received_sets => Status::PartiallyAccepted,
            Status::Accepted => group.status,
            other => other,
        };
        self.in_stray_segments = false;
        visitor.group_ends(group, &interchange.header, window);
    }

    fn end_interchange(&mut self, segment: Segment<'_>, window: Window<'_>, visitor: &mut impl Visitor) {
        let Some(interchange) = &mut self.interchange else { return };
        let received = interchange.received_groups;
        if parse_number(segment.element(1)) != Some(received) {
            let fault = Fault::of_element(Code::GroupCountWrong, &segment, 1);
            interchange.faults.push(fault.expecting(format!("{received}")));
        }
        if segment.element(2).trim_ascii() != interchange.header.control_number.as_bytes() {
            let expected = format!("`{}`", interchange.header.control_number);
            let fault = Fault::of_element(Code::InterchangeControlNumberMismatch, &segment, 2);
            interchange.faults.push(fault.expecting(expected));
        }
        self.summary.complete = true;
        self.close_interchange(after(&segment, window), window, visitor);
    }

    /// Ends whatever is open, because of `code` at `segment`.
    fn break_off(
        &mut self,
        code: Code,
        segment: &Segment<'_>,
        window: Window<'_>,
        visitor: &mut impl Visitor,
    ) {
        if self.interchange.is_none() {
            return;
        }
        self.break_set(segment, window, visitor);
        self.break_group(segment, window, visitor);
        let mut fault = Fault::new(code, segment.byte);
        fault.segment = SegmentId::new(b"IEA");
        self.interchange_fault(fault);
        self.close_interchange(segment.byte, window, visitor);
    }

    fn close_interchange(&mut self, end: u64, window: Window<'_>, visitor: &mut impl Visitor) {
        let Some(mut interchange) = self.interchange.take() else { return };
        interchange.bytes.end = end;
        interchange.status = Status::of_faults(&interchange.faults);
        visitor.interchange_ends(interchange, window);
    }

    fn interchange_fault(&mut self, fault: Fault) {
        let limit = self.options.limits.envelope_faults;
        if let Some(interchange) = &mut self.interchange
            && interchange.faults.len() < limit
        {
            interchange.faults.push(fault);
        }
    }
}

/// Offset after the terminator of `segment`, or the end of the file where it has none.
fn after(segment: &Segment<'_>, window: Window<'_>) -> u64 {
    let end = segment.byte + segment.bytes.len() as u64;
    (end + 1).min(window.byte + window.bytes.len() as u64)
}
