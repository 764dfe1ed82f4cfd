//! Judges what cannot be read: an ISA without use, a segment that the file ends in, and bytes outside of interchanges.

use super::Judge;
use crate::finding::Severity;
use crate::formats::x12::delimiters::Unreadable;
use crate::formats::x12::envelope;
use crate::formats::x12::fault::{Code, Fault};
use crate::formats::x12::lexer::Window;
use crate::formats::x12::reader::Visitor;
use crate::formats::x12::segment::{Ends, Segment};
use std::ops::Range;

impl Judge<'_> {
    pub(super) fn take_unreadable(
        &mut self,
        byte: u64,
        header: &[u8],
        why: Option<Unreadable>,
        window: Window<'_>,
        visitor: &mut impl Visitor,
    ) {
        let ends = Ends { places: &[3], origin: 0 };
        let delimiters = envelope::read_header_by_position(header).delimiters;
        let segment = Segment::new(header, 0..header.len(), ends, byte, delimiters);
        self.break_off(Code::InvalidControlStructure, &segment, window, visitor);
        visitor.outside(&segment, window);
        if let Some(why) = why {
            let expected = match why {
                Unreadable::CutShort => "106 characters; the file ends before",
                Unreadable::ElementCount => "16 elements",
            };
            let fault = Fault::of_segment(Code::IsaNotFixedWidth, &segment).expecting(expected);
            // Nothing else is said of a file whose only ISA is this one.
            self.summary.interchanges += 1;
            self.summary.complete = false;
            self.file_fault(fault, window, visitor);
            return;
        }
        let read = envelope::read_header_by_position(header);
        let fault = Fault::of_segment(Code::InvalidSegmentTerminator, &segment)
            .expecting("a sign such as `~` as the 106th character");
        self.agree(&read);
        let faults = vec![fault];
        visitor.interchange_begins(&read, &faults, &segment, window);
        self.begin_interchange(read, faults, byte);
        self.close_interchange(byte + header.len() as u64, window, visitor);
    }

    pub(super) fn take_unfinished(
        &mut self,
        mut segment: Segment<'_>,
        window: Window<'_>,
        visitor: &mut impl Visitor,
    ) {
        let closes = segment.id() == b"IEA"
            && self
                .interchange
                .as_ref()
                .is_some_and(|open| segment.element(2) == open.header.control_number.as_bytes());
        if closes {
            // Whole but for its terminator, as editors leave it.
            let fault = Fault::of_segment(Code::InvalidSegmentTerminator, &segment);
            self.interchange_fault(envelope::as_warning(fault).expecting("a terminator after the IEA"));
            self.take_segment(&mut segment, &window, visitor);
            return;
        }
        let trailer = [b"IEA".as_slice(), &[segment.delimiters.element]].concat();
        let code = if memchr::memmem::find(segment.bytes, &trailer).is_some() {
            // The trailer is there, behind another terminator.
            Code::InvalidControlStructure
        } else {
            Code::UnexpectedEndOfFile
        };
        if self.interchange.is_some() {
            self.break_set(&segment, window, visitor);
            visitor.outside(&segment, window);
        }
        self.break_off(code, &segment, window, visitor);
    }

    pub(super) fn weigh_stray(&self, bytes: &Range<u64>, padding: bool, head: &[u8]) -> Fault {
        let leading = self.summary.interchanges == 0;
        let code = if leading { Code::LeadingBytes } else { Code::TrailingBytes };
        let length = bytes.end - bytes.start;
        let mut fault = Fault::new(code, bytes.start).expecting(format!("{length} bytes"));
        fault.value = head.into();
        // A note from a mail program may follow; more than a kilobyte is another document that was not read.
        if padding {
            fault.severity = Severity::Warning;
        } else if length > 1_024 {
            fault.severity = Severity::Reject;
        }
        fault
    }
}
