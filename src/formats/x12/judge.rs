//! Follows the envelopes of a file and judges each part where it ends.

use super::context;
use super::envelope::{self, GE, GS, IEA, SE, ST, parse_number};
use super::fault::{Code, Fault};
use super::lexer::{Event, Window};
use super::reader::{LeadingBytes, Options, Summary, Terms, Visitor};
use super::schema;
use super::seen::Seen;
use super::segment::{Delimiters, Ends, Segment, SegmentId};
use super::validate::SetValidator;
use super::verdict::{Group, Interchange, InterchangeHeader, Set, Status};
use crate::finding::Severity;
use std::collections::HashSet;

mod unread;

struct OpenSet {
    set: Set,
    /// Its segments are only counted: it cannot be judged.
    only_counted: bool,
    /// It is over the limit and need not stay in memory any longer.
    too_large: bool,
}

/// The state between segments.
pub(super) struct Judge<'o> {
    terms: &'o dyn Terms,
    /// How the interchange at hand is read.
    options: &'o Options,
    interchange: Option<Interchange>,
    group: Option<Group>,
    set: Option<OpenSet>,
    /// A stretch of segments that the envelope does not allow is one fault.
    in_stray_segments: bool,
    /// Bytes before the first ISA, if there is one.
    leading: Option<Fault>,
    set_numbers: Seen,
    group_numbers: HashSet<(String, u32)>,
    pub(super) summary: Summary,
    validator: SetValidator,
    /// The schema of the last set: a group mostly holds sets of one kind.
    schema: Option<(String, schema::Set)>,
}

impl<'o> Judge<'o> {
    pub(super) fn new(terms: &'o dyn Terms) -> Self {
        let options = terms.general();
        Self {
            terms,
            options,
            interchange: None,
            group: None,
            set: None,
            in_stray_segments: false,
            leading: None,
            set_numbers: Seen::default(),
            group_numbers: HashSet::new(),
            summary: Summary::default(),
            validator: SetValidator::new(options.set.clone()),
            schema: None,
        }
    }

    /// From where on bytes must stay in memory.
    pub(super) fn keep(&self) -> Option<u64> {
        self.set.as_ref().filter(|open| !open.too_large).map(|open| open.set.bytes.start)
    }

    /// Takes one event; false after the last.
    pub(super) fn take(&mut self, event: Event<'_>, window: Window<'_>, visitor: &mut impl Visitor) -> bool {
        match event {
            Event::Segment(mut segment) => self.take_segment(&mut segment, &window, visitor),
            Event::TooLong(mut segment) => {
                let fault = Fault::of_segment(Code::SegmentTooLong, &segment);
                let limit = self.options.limits.segment_bytes;
                let fault = fault.expecting(format!("at most {limit} characters"));
                self.take_segment(&mut segment, &window, visitor);
                match self.set {
                    Some(_) => self.set_fault(fault),
                    None => self.interchange_fault(fault),
                }
            }
            Event::Interchange(segment, isa) => {
                self.break_off(Code::InvalidControlStructure, &segment, window, visitor);
                let (header, mut faults) = envelope::read_isa(&segment, &isa);
                self.agree(&header);
                if let Some(mut fault) = self.leading.take() {
                    if self.options.leading == LeadingBytes::Skip {
                        fault = envelope::as_warning(fault);
                    }
                    self.file_fault(fault, window, visitor);
                }
                let days = i64::from(self.options.date_within_days);
                if let Some(far) =
                    self.terms.today().and_then(|day| envelope::find_far_date(&segment, day, days))
                {
                    faults.push(far);
                }
                if !isa.fixed_width {
                    let fault = Fault::of_segment(Code::IsaNotFixedWidth, &segment);
                    let fault = fault.expecting("106 characters with every element padded");
                    faults.insert(
                        0,
                        if self.options.lenient_isa { envelope::as_warning(fault) } else { fault },
                    );
                }
                let faults: Vec<Fault> = faults.into_iter().filter_map(|fault| self.weigh(fault)).collect();
                visitor.interchange_begins(&header, &faults, &segment, window);
                self.begin_interchange(header, faults, segment.byte);
            }
            Event::Unreadable { byte, header, why } => {
                self.take_unreadable(byte, header, why, window, visitor)
            }
            Event::Unfinished(segment) => self.take_unfinished(segment, window, visitor),
            Event::Stray { bytes, padding, head } => {
                let fault = self.weigh_stray(&bytes.into(), padding, head.bytes());
                if self.summary.interchanges == 0 {
                    // Without an ISA behind them they are no leading bytes but no X12 at all.
                    self.leading = Some(fault);
                } else {
                    self.file_fault(fault, window, visitor);
                }
            }
            Event::ByteOrderMark => self.file_fault(Fault::new(Code::ByteOrderMark, 0), window, visitor),
            Event::More | Event::End => {
                let delimiters =
                    Delimiters { element: b'*', component: b'>', repetition: None, segment: b'~' };
                let byte = window.byte + window.bytes.len() as u64;
                let end = Segment::new(&[], 0..0, Ends::default(), byte, delimiters);
                self.break_off(Code::UnexpectedEndOfFile, &end, window, visitor);
                if self.summary.interchanges == 0 {
                    let mut fault = Fault::new(Code::NoInterchange, 0);
                    fault.value = self.leading.take().map(|leading| leading.value).unwrap_or_default();
                    self.file_fault(fault, window, visitor);
                }
                return false;
            }
        }
        true
    }

    /// Reads on by what was agreed with the sender of this interchange.
    fn agree(&mut self, header: &InterchangeHeader) {
        let agreed = self.terms.of(header);
        if !std::ptr::eq(agreed, self.options) {
            self.options = agreed;
            self.validator = SetValidator::new(agreed.set.clone());
            self.schema = None;
        }
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

    /// Takes a segment, which gets its position; what nearly all events are, so that it is not copied on the way.
    #[inline]
    pub(super) fn take_segment(
        &mut self,
        segment: &mut Segment<'_>,
        window: &Window<'_>,
        visitor: &mut impl Visitor,
    ) {
        let key = segment.key();
        if self.set.is_some() && !matches!(key, SE | ST | GE | GS | IEA) {
            return self.take_set_segment(segment, key);
        }
        self.take_envelope(segment, key, *window, visitor);
    }

    #[inline(never)]
    fn take_envelope(
        &mut self,
        segment: &mut Segment<'_>,
        key: u32,
        window: Window<'_>,
        visitor: &mut impl Visitor,
    ) {
        match key {
            SE if self.set.is_some() => return self.end_set(segment, window, visitor),
            _ if self.set.is_some() => self.break_set(segment, window, visitor),
            _ => {}
        }
        let id = segment.id();
        if matches!(id, b"GS" | b"IEA") {
            self.break_group(segment, window, visitor);
        }
        if id != b"GS" && (id != b"ST" || self.group.is_none()) {
            visitor.outside(segment, window);
        }
        match id {
            b"ST" if self.group.is_some() => self.begin_set(segment),
            b"GE" if self.group.is_some() => self.end_group(segment, window, visitor),
            b"GS" => self.begin_group(segment, window, visitor),
            b"IEA" => self.end_interchange(segment, window, visitor),
            b"TA1" if self.group.is_none() => {
                let (read, faults) = envelope::read_ta1(segment);
                faults.into_iter().for_each(|fault| self.interchange_fault(fault));
                if let Some(interchange) = &mut self.interchange {
                    visitor.acknowledgment(&read, &interchange.header, window);
                }
            }
            _ if self.in_stray_segments => {}
            _ => {
                self.in_stray_segments = true;
                let code = Code::InvalidInterchangeContent;
                let due = if self.group.is_some() { "ST or GE" } else { "GS or IEA" };
                self.interchange_fault(Fault::of_segment(code, segment).expecting(due));
            }
        }
    }

    fn begin_set(&mut self, segment: &mut Segment<'_>) {
        segment.position = 1;
        self.in_stray_segments = false;
        let element = |number: usize| envelope::trimmed(segment.element(number));
        let set = Set {
            id: element(1),
            control_number: element(2),
            implementation: element(3),
            reference: None,
            bytes: segment.byte..segment.byte,
            segments: 1,
            faults: Vec::new(),
            status: Status::Accepted,
        };
        self.set = Some(OpenSet { set, only_counted: true, too_large: false });
        let number = segment.element(2).trim_ascii();
        if !(4..=9).contains(&number.len()) {
            let fault = Fault::of_element(Code::InvalidSetControlNumber, segment, 2);
            self.set_fault(fault.expecting("4 to 9 characters"));
        } else if !self.set_numbers.insert(number) {
            self.set_fault(Fault::of_element(Code::SetControlNumberReused, segment, 2));
        }
        if self.find_schema(segment)
            && let (Some(open), Some((_, schema))) = (&mut self.set, &self.schema)
        {
            open.only_counted = false;
            self.validator.begin(schema);
            self.validator.segment(segment, &mut open.set.faults);
        }
    }

    /// Finds the schema to judge the set by; false when it can only be counted.
    fn find_schema(&mut self, segment: &Segment<'_>) -> bool {
        let (Some(group), Some(open)) = (&self.group, &self.set) else { return false };
        if Status::of_faults(&group.faults) == Status::Rejected {
            return false;
        }
        let id = &open.set.id;
        if id.len() != 3 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            let fault = Fault::of_element(Code::InvalidSetId, segment, 1);
            self.set_fault(fault.expecting("three digits such as `850`"));
            return false;
        }
        if let Some(expected) = envelope::find_functional_id(id)
            && expected != group.functional_id
        {
            let mut fault = Fault::of_element(Code::WrongFunctionalGroup, segment, 1);
            fault.value = group.functional_id.as_bytes().into();
            let fault = fault.expecting(format!("`{expected}`"));
            let rejects = self.weigh(fault.clone()).is_some_and(|fault| fault.severity == Severity::Reject);
            self.set_fault(fault);
            if rejects {
                return false;
            }
        }
        let (Some(group), Some(open)) = (&self.group, &self.set) else { return false };
        let id = &open.set.id;
        if self.schema.as_ref().is_none_or(|(known, _)| known != id) {
            let guide = self.options.set.guide.as_deref();
            let found = self.options.schemas.find_set(&group.version, guide, id);
            self.schema = found.map(|schema| (id.clone(), schema.clone()));
        }
        if self.schema.is_none() {
            self.set_fault(Fault::of_element(Code::SetNotSupported, segment, 1));
        }
        self.schema.is_some()
    }

    fn take_set_segment(&mut self, segment: &mut Segment<'_>, key: u32) {
        let Some(open) = &mut self.set else { return };
        open.set.segments += 1;
        segment.position = open.set.segments;
        let limit = self.options.limits.set_bytes;
        if segment.position != 2 && segment.byte - open.set.bytes.start <= limit && !open.only_counted {
            return self.validator.take(segment, key, &mut open.set.faults);
        }
        self.take_odd_segment(segment, limit);
    }

    #[cold]
    fn take_odd_segment(&mut self, segment: &Segment<'_>, limit: u64) {
        let Some(open) = &mut self.set else { return };
        if segment.position == 2 {
            open.set.reference = context::find_reference(segment);
        }
        if segment.byte - open.set.bytes.start > limit && !open.too_large {
            open.too_large = true;
            if !open.only_counted {
                open.only_counted = true;
                self.validator.end(&mut open.set.faults);
            }
            let fault = Fault::of_segment(Code::SetTooLarge, segment);
            self.set_fault(fault.expecting(format!("at most {limit} bytes")));
            return;
        }
        if !open.only_counted {
            self.validator.segment(segment, &mut open.set.faults);
        }
    }

    fn end_set(&mut self, segment: &mut Segment<'_>, window: Window<'_>, visitor: &mut impl Visitor) {
        let Some(open) = &mut self.set else { return };
        open.set.segments += 1;
        segment.position = open.set.segments;
        if !open.only_counted {
            self.validator.segment(segment, &mut open.set.faults);
            self.validator.end(&mut open.set.faults);
        }
        let count = open.set.segments;
        let number = open.set.control_number.clone();
        if parse_number(segment.element(1)) != Some(count) {
            let fault = Fault::of_element(Code::SegmentCountWrong, segment, 1);
            self.set_fault(fault.expecting(format!("{count}")));
        }
        if segment.element(2).trim_ascii() != number.as_bytes() {
            let fault = Fault::of_element(Code::SetControlNumberMismatch, segment, 2);
            self.set_fault(fault.expecting(format!("`{number}`")));
        }
        self.close_set(after(segment, window), window, visitor);
    }

    /// Ends a set whose SE is missing before `segment`.
    fn break_set(&mut self, segment: &Segment<'_>, window: Window<'_>, visitor: &mut impl Visitor) {
        let Some(open) = &mut self.set else { return };
        if !open.only_counted {
            self.validator.end(&mut open.set.faults);
        }
        let mut fault = Fault::new(Code::SetTrailerMissing, segment.byte);
        fault.segment = SegmentId::new(b"SE");
        fault.segment_position = open.set.segments + 1;
        // The schema misses the SE too; once is enough.
        open.set
            .faults
            .retain(|other| other.code != Code::MandatorySegmentMissing || other.segment != fault.segment);
        self.set_fault(fault);
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

    fn begin_group(&mut self, segment: &Segment<'_>, window: Window<'_>, visitor: &mut impl Visitor) {
        self.in_stray_segments = false;
        self.set_numbers.clear();
        self.schema = None;
        let mut group = envelope::read_gs(segment);
        if let Some(number) = parse_number(group.control_number.as_bytes())
            && !self.group_numbers.insert((group.functional_id.clone(), number))
        {
            group.faults.push(Fault::of_element(Code::GroupControlNumberReused, segment, 6));
        }
        if self.options.schemas.find_release(&group.version).is_none() {
            group.faults.push(Fault::of_element(Code::GroupVersionNotSupported, segment, 8));
        }
        let faults = std::mem::take(&mut group.faults);
        group.faults.extend(faults.into_iter().filter_map(|fault| self.weigh(fault)));
        visitor.group_begins(&group, segment, window);
        self.group = Some(group);
    }

    fn end_group(&mut self, segment: &Segment<'_>, window: Window<'_>, visitor: &mut impl Visitor) {
        let Some(group) = &mut self.group else { return };
        let declared = parse_number(segment.element(1));
        group.declared_sets = declared.unwrap_or(0);
        let (received, begun) = (group.received_sets, group.control_number.clone());
        if declared != Some(received) {
            let fault = Fault::of_element(Code::SetCountWrong, segment, 1);
            self.group_fault(fault.expecting(format!("{received}")));
        }
        // Zeros in front are no difference: some senders fill one of the two.
        let numbers = (parse_number(begun.as_bytes()), parse_number(segment.element(2)));
        let same = begun.as_bytes() == segment.element(2).trim_ascii();
        if !same && (numbers.0 != numbers.1 || numbers.0.is_none()) {
            let fault = Fault::of_element(Code::GroupControlNumberMismatch, segment, 2);
            self.group_fault(fault.expecting(format!("`{begun}`")));
        }
        self.close_group(window, visitor);
    }

    /// Ends a group whose GE is missing before `segment`.
    fn break_group(&mut self, segment: &Segment<'_>, window: Window<'_>, visitor: &mut impl Visitor) {
        if self.group.is_none() {
            return;
        }
        let mut fault = Fault::new(Code::GroupTrailerMissing, segment.byte);
        fault.segment = SegmentId::new(b"GE");
        self.group_fault(fault);
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

    fn end_interchange(&mut self, segment: &Segment<'_>, window: Window<'_>, visitor: &mut impl Visitor) {
        let Some(interchange) = &self.interchange else { return };
        let received = interchange.received_groups;
        let number = interchange.header.control_number.clone();
        if parse_number(segment.element(1)) != Some(received) {
            let fault = Fault::of_element(Code::GroupCountWrong, segment, 1);
            self.interchange_fault(fault.expecting(format!("{received}")));
        }
        if segment.element(2).trim_ascii() != number.as_bytes() {
            let fault = Fault::of_element(Code::InterchangeControlNumberMismatch, segment, 2);
            self.interchange_fault(fault.expecting(format!("`{number}`")));
        }
        self.summary.complete = true;
        self.close_interchange(after(segment, window), window, visitor);
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

    /// The fault with the weight that was agreed for it; none when it is to be ignored.
    fn weigh(&self, mut fault: Fault) -> Option<Fault> {
        let agreed = self.options.set.severities.get(fault.code)?;
        // Some faults are milder than usual where they are found; an agreement does not make them graver.
        if fault.severity == fault.code.default_severity() {
            fault.severity = agreed;
        }
        Some(fault)
    }

    fn file_fault(&self, fault: Fault, window: Window<'_>, visitor: &mut impl Visitor) {
        if let Some(fault) = self.weigh(fault) {
            visitor.file_fault(fault, window);
        }
    }

    fn set_fault(&mut self, fault: Fault) {
        let fault = self.weigh(fault);
        if let Some(open) = &mut self.set {
            open.set.faults.extend(fault);
        }
    }

    fn group_fault(&mut self, fault: Fault) {
        let fault = self.weigh(fault);
        if let Some(group) = &mut self.group {
            group.faults.extend(fault);
        }
    }

    fn interchange_fault(&mut self, fault: Fault) {
        let Some(fault) = self.weigh(fault) else { return };
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
