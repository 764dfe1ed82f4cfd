//! One segment as it lies in the file's bytes; nothing is copied.

#![expect(
    unsafe_code,
    reason = "looking at each place once more costs a fifth of reading; `Segment::new` has looked"
)]

use std::ops::Range;

/// The separators one interchange uses, read from its ISA by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiters {
    /// Character 4 of the interchange.
    pub element: u8,
    /// ISA16, character 105.
    pub component: u8,
    /// ISA11 from version 00402 on and only if it is not alphanumeric; none before.
    pub repetition: Option<u8>,
    /// Character 106; may be a line feed.
    pub segment: u8,
}

/// A segment id of two or three characters, without allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SegmentId([u8; 3]);

impl SegmentId {
    /// The id in `bytes`, cut to three characters; shorter ones are padded with zero bytes.
    #[must_use]
    pub const fn new(bytes: &[u8]) -> Self {
        let mut id = [0; 3];
        let mut at = 0;
        while at < 3 && at < bytes.len() {
            id[at] = bytes[at];
            at += 1;
        }
        Self(id)
    }

    /// An id of two or three characters as one number; 0 for any other text.
    #[must_use]
    pub(super) const fn key(bytes: &[u8]) -> u32 {
        match *bytes {
            [a, b] => u32::from_le_bytes([a, b, 0, 2]),
            [a, b, c] => u32::from_le_bytes([a, b, c, 3]),
            _ => 0,
        }
    }

    /// The id as text; bytes that are not ASCII become `?`.
    #[must_use]
    pub fn text(self) -> String {
        self.0
            .iter()
            .take_while(|byte| **byte != 0)
            .map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' })
            .collect()
    }
}

/// Where the elements of a segment end, the segment id first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ends<'a> {
    /// Each behind the one before.
    pub(super) places: &'a [u32],
    /// What the place of the segment's first character would be.
    pub(super) origin: u32,
}

impl Ends<'_> {
    /// Whether each stands behind the one before.
    fn are_in_order(self) -> bool {
        let mut start = self.origin;
        self.places.iter().all(|end| {
            let is_behind = end.wrapping_sub(start) < u32::MAX / 2;
            start = end.wrapping_add(1);
            is_behind
        })
    }
}

/// One segment: borrowed bytes and the ends of its elements.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// From the first character of the id up to, not including, the terminator.
    pub bytes: &'a [u8],
    /// The window from the first character on: values are looked at a word at a time, over their end.
    ahead: &'a [u8],
    /// Offset of the first character from the start of the file.
    pub byte: u64,
    /// Place in the transaction set, ST is 1; 0 outside of a set.
    pub position: u32,
    ends: Ends<'a>,
    /// The interchange's separators.
    pub delimiters: Delimiters,
}

impl<'a> Segment<'a> {
    /// What stands in a part of `window`, with elements that end as a [`Cursor`](super::cursor::Cursor) tells. It is
    /// empty if it is not in the window.
    #[inline(always)]
    pub(super) fn new(
        window: &'a [u8],
        part: Range<usize>,
        ends: Ends<'a>,
        byte: u64,
        delimiters: Delimiters,
    ) -> Self {
        debug_assert!(ends.are_in_order(), "{ends:?}");
        let ahead = window.get(part.start..).unwrap_or_else(nothing);
        let length = part.end.wrapping_sub(part.start);
        let last = ends.places.last().map_or(0, |last| last.wrapping_sub(ends.origin) as usize);
        match ahead.get(..length).filter(|_| last <= length) {
            Some(bytes) => Self { bytes, ahead, byte, position: 0, ends, delimiters },
            None => Self { bytes: &[], ahead: &[], byte, position: 0, ends: Ends::default(), delimiters },
        }
    }

    /// Where its elements end.
    #[inline]
    pub(super) fn ends(&self) -> Ends<'a> {
        self.ends
    }

    /// The window from its first character on.
    #[inline]
    pub(super) fn ahead(&self) -> &'a [u8] {
        self.ahead
    }

    /// The segment id as it stands, of any length.
    #[inline]
    #[must_use]
    pub fn id(&self) -> &'a [u8] {
        self.element(0)
    }

    /// The segment id as one number, see [`SegmentId::key`].
    #[inline]
    pub(super) fn key(&self) -> u32 {
        match (self.end(0), self.ahead.first_chunk()) {
            (Some(length @ 2..=3), Some(word)) => {
                let length = length as u32;
                u32::from_le_bytes(*word) & (u32::MAX >> (32 - 8 * length)) | length << 24
            }
            _ => SegmentId::key(self.id()),
        }
    }

    /// Element `number` and its first eight bytes, the first one lowest. What stands above the element is anything.
    #[inline]
    pub(super) fn value(&self, number: usize) -> (&'a [u8], u64) {
        let Some((end, before)) = self.end(number).zip(number.checked_sub(1).and_then(|at| self.end(at)))
        else {
            return (&[], 0);
        };
        let value = self.bytes.get(before + 1..end).unwrap_or_else(nothing);
        (value, self.word_at(before as u32 + 1).unwrap_or_else(|| short_word(value)))
    }

    /// The eight bytes from a place of the segment on, the first one lowest; none at the end of the window.
    #[inline]
    pub(super) fn word_at(&self, start: u32) -> Option<u64> {
        let start = start as usize;
        let word = self.ahead.get(start..start + 8)?.first_chunk()?;
        Some(u64::from_le_bytes(*word))
    }

    /// Where element `number` ends in `bytes`, the id is 0; none when it is not there.
    #[inline]
    pub(super) fn end(&self, number: usize) -> Option<usize> {
        self.ends.places.get(number).map(|end| end.wrapping_sub(self.ends.origin) as usize)
    }

    /// Where each element ends in `bytes`, the id first.
    pub(super) fn places(&self) -> impl Iterator<Item = u32> + use<'a> {
        let Ends { places, origin } = self.ends;
        places.iter().map(move |end| end.wrapping_sub(origin))
    }

    /// Number of elements, the id not counted; trailing empty ones are.
    #[inline]
    #[must_use]
    pub fn element_count(&self) -> usize {
        self.ends.places.len().saturating_sub(1)
    }

    /// Element `number` (1 is the first after the id), raw; empty when it is not there.
    #[inline]
    #[must_use]
    pub fn element(&self, number: usize) -> &'a [u8] {
        let Some(end) = self.end(number) else {
            return &[];
        };
        let start = number.checked_sub(1).and_then(|before| self.end(before)).map_or(0, |before| before + 1);
        self.bytes.get(start..end).unwrap_or_else(nothing)
    }

    /// The segment id and every element, raw.
    #[inline]
    pub fn elements(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (ahead, Ends { places, origin }) = (self.ahead, self.ends);
        let mut start = origin;
        places.iter().map(move |end| {
            let from = start.wrapping_sub(origin) as usize;
            let length = end.wrapping_sub(start) as usize;
            start = end.wrapping_add(1);
            // SAFETY: the ends stand one behind the other and the last of them within `ahead`, as was seen when the
            // segment was made. In segments of over 4 GiB both numbers are cut, which brings them only nearer.
            unsafe { std::slice::from_raw_parts(ahead.as_ptr().add(from), length) }
        })
    }

    /// Offset of element `number` from the start of the file; the end of the segment when it is not there.
    #[inline]
    #[must_use]
    pub fn element_byte(&self, number: usize) -> u64 {
        let Some(before) = number.checked_sub(1) else { return self.byte };
        let end = self.bytes.len();
        // Behind the last element stands the terminator, and behind that another segment.
        self.byte + self.end(before).map_or(end, |before| (before + 1).min(end)) as u64
    }
}

/// The first eight bytes of a value, the first one lowest, or all of them.
#[cold]
#[inline(never)]
fn short_word(value: &[u8]) -> u64 {
    value.iter().take(8).rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// For places that are not there, which the processor need not expect.
#[cold]
pub(super) fn nothing<'a, T>() -> &'a [T] {
    &[]
}

#[cfg(test)]
mod tests {
    use crate::formats::x12::lexer::{Event, Limits, Scanner};
    use proptest::prelude::*;

    const ISA: &[u8] = b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *261125*1200*U*00401*000000001*0*P*>~";

    proptest! {
        #[test]
        fn elements_one_after_the_other_are_those_by_number(
            data in proptest::collection::vec(prop::sample::select(b"*~AIS \n".as_slice()), 0..6_000),
            (segment_bytes, elements) in (1_usize..200, 1_usize..20),
            // The caller may break its word and show less of the file than before.
            shorter in prop::option::of(0_usize..6_000),
        ) {
            let file = [ISA, &data, b"~IEA*0*1~"].concat();
            let limits = Limits { segment_bytes, elements, ..Limits::default() };
            let mut scanner = Scanner::new(limits);
            for step in 0.. {
                let length = shorter.filter(|_| step > 5).map_or(file.len(), |length| length.min(file.len()));
                match scanner.next_event(&file[..length], true) {
                    Event::Interchange(segment, _)
                    | Event::Segment(segment)
                    | Event::TooLong(segment)
                    | Event::Unfinished(segment) => {
                        let told: Vec<&[u8]> = segment.elements().collect();
                        let by_number: Vec<&[u8]> =
                            (0..segment.ends().places.len()).map(|number| segment.element(number)).collect();
                        prop_assert_eq!(&told, &by_number);
                        let text = told.join(&b'*');
                        prop_assert!(told.is_empty() || segment.bytes.starts_with(&text), "{:?}", segment);
                    }
                    Event::End => break,
                    _ => {}
                }
            }
        }
    }
}
