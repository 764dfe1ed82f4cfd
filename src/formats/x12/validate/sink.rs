//! Where faults go: weighed by the options, cut to their limits.

use super::options::Options;
use crate::finding::Severity;
use crate::formats::x12::fault::{Code, Fault, Trigger};
use crate::formats::x12::schema::ElementNumber;
use crate::formats::x12::segment::Segment;

/// Faults of the set at hand.
pub(super) struct Sink<'a> {
    pub(super) faults: &'a mut Vec<Fault>,
    pub(super) options: &'a Options,
    pub(super) counts: &'a mut Counts,
}

/// Faults told so far of one set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    faults: usize,
    warnings: usize,
    /// Some habits are told once a set.
    pub(super) trailing_separators: bool,
}

/// The place of an element.
#[derive(Clone, Copy)]
pub(super) struct Place<'s, 'a> {
    pub(super) segment: &'s Segment<'a>,
    pub(super) element: u16,
    pub(super) component: u16,
    pub(super) repetition: u16,
    pub(super) number: ElementNumber,
    /// Loop id to tell, see [`Fault::loop_id`].
    pub(super) loop_id: &'s str,
    /// Offset of the value.
    pub(super) byte: u64,
    /// The element that it depends on.
    pub(super) trigger: Trigger,
}

impl Sink<'_> {
    /// Adds a fault of a value. Its `expected` is only worded when the fault is kept.
    pub(super) fn element(
        &mut self,
        code: Code,
        place: &Place<'_, '_>,
        value: &[u8],
        expected: impl FnOnce() -> String,
    ) {
        self.add(code, |severity| {
            let mut fault = Fault::of_segment(code, place.segment);
            fault.severity = severity;
            fault.byte = place.byte;
            fault.loop_id = place.loop_id.into();
            fault.element = place.element;
            fault.component = place.component;
            fault.repetition = place.repetition;
            fault.element_number = place.number.plain();
            fault.value = copy(code, value);
            fault.trigger = place.trigger;
            fault.expected = expected().into();
            fault
        });
    }

    /// Adds a fault unless it is ignored or over the limit.
    pub(super) fn add(&mut self, code: Code, fault: impl FnOnce(Severity) -> Fault) {
        let Some(severity) = self.options.severities.get(code) else {
            return;
        };
        let limit = self.options.limits.faults_per_set;
        let count =
            if severity == Severity::Warning { &mut self.counts.warnings } else { &mut self.counts.faults };
        *count += 1;
        if *count <= limit {
            self.faults.push(fault(severity));
        } else if *count == limit + 1 && severity != Severity::Warning {
            let mut last = fault(severity);
            last.code = Code::TooManyFaults;
            last.element = 0;
            last.component = 0;
            last.repetition = 0;
            last.element_number = 0;
            last.value = Box::default();
            last.trigger = Trigger::default();
            last.expected = format!("at most {limit} faults").into();
            if let Some(severity) = self.options.severities.get(Code::TooManyFaults) {
                last.severity = severity;
                self.faults.push(last);
            }
        }
    }
}

/// A copy for AK404, of at most 99 bytes; left out where the standard says so.
fn copy(code: Code, value: &[u8]) -> Box<[u8]> {
    let left_out = match code {
        Code::MandatoryElementMissing | Code::ConditionalElementMissing => true,
        // What is no character must not get into an acknowledgment.
        Code::InvalidCharacter => value.iter().any(|byte| !(0x20..0x7f).contains(byte)),
        _ => false,
    };
    if left_out { Box::default() } else { value.get(..99).unwrap_or(value).into() }
}
