//! One segment as it lies in the file's bytes; nothing is copied.

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

/// One segment: borrowed bytes and the ends of its elements.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// From the first character of the id up to, not including, the terminator.
    pub bytes: &'a [u8],
    /// The window from the first character on: values are looked at a word at a time, over their end.
    pub(super) ahead: &'a [u8],
    /// Offset of the first character from the start of the file.
    pub byte: u64,
    /// Place in the transaction set, ST is 1; 0 outside of a set.
    pub position: u32,
    /// Where each element ends, the segment id first, counted from `origin`.
    pub(super) ends: &'a [u32],
    /// What a place of `bytes[0]` would be in `ends`.
    pub(super) origin: u32,
    /// The interchange's separators.
    pub delimiters: Delimiters,
}

impl<'a> Segment<'a> {
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
        self.ends.get(number).map(|end| end.wrapping_sub(self.origin) as usize)
    }

    /// Where each element ends in `bytes`, the id first.
    pub(super) fn places(&self) -> impl Iterator<Item = u32> + use<'a> {
        let origin = self.origin;
        self.ends.iter().map(move |end| end.wrapping_sub(origin))
    }

    /// Number of elements, the id not counted; trailing empty ones are.
    #[inline]
    #[must_use]
    pub fn element_count(&self) -> usize {
        self.ends.len().saturating_sub(1)
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
        let (bytes, origin, mut start) = (self.bytes, self.origin, 0);
        self.ends.iter().map(move |end| {
            let end = end.wrapping_sub(origin) as usize;
            let upto = bytes.get(..end).unwrap_or_else(nothing);
            let element = upto.get(start..).unwrap_or_else(nothing);
            start = end + 1;
            element
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
