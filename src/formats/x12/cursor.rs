//! Finds where the elements of one segment end; the plain splitter of segments.

use super::delimiters::COLUMNS;
use super::lexer::{Limits, Tokens};
use super::segment::{Delimiters, Segment};
use super::wide;

/// Segments of bytes whose delimiters are known, such as one transaction set.
#[derive(Debug)]
pub struct Segments<'a> {
    bytes: &'a [u8],
    byte: u64,
    delimiters: Delimiters,
    at: usize,
    position: u32,
    cursor: Cursor,
}

impl<'a> Segments<'a> {
    /// Splits `bytes`, whose first byte is `byte` of the file. Positions count from 1.
    #[must_use]
    pub fn new(bytes: &'a [u8], byte: u64, delimiters: Delimiters) -> Self {
        let cursor = Cursor::new(Limits::default().elements);
        Self { bytes, byte, delimiters, at: 0, position: 0, cursor }
    }

    /// The next segment; a last one without its terminator counts too.
    pub fn next_segment(&mut self) -> Option<Segment<'_>> {
        loop {
            self.at = skip_blanks(self.bytes, self.at, &self.delimiters);
            let start = self.at;
            if start >= self.bytes.len() {
                return None;
            }
            let end = self.cursor.take(self.bytes, start, &self.delimiters);
            let end = end.unwrap_or_else(|| self.cursor.close(start, self.bytes.len()));
            self.at = end + 1;
            if end > start || !is_line_end(self.delimiters.segment) {
                self.position += 1;
                return Some(Segment {
                    bytes: self.bytes.get(start..end).unwrap_or(&[]),
                    byte: self.byte + start as u64,
                    position: self.position,
                    ends: self.cursor.ends(),
                    delimiters: self.delimiters,
                });
            }
        }
    }
}

/// Walks the separators of a window, a mask at a time, and keeps where the elements of one segment end.
#[derive(Debug)]
pub(super) struct Cursor {
    masks: Box<wide::Masks>,
    /// Place in the window of the first mask.
    origin: usize,
    made: usize,
    next: usize,
    /// What is left of the mask at hand: all separators, and those that end a segment.
    any: u64,
    ends: u64,
    /// Place in the window of the mask at hand.
    block: usize,
    slots: Box<[u32]>,
    used: usize,
    /// Most slots told; behind them is room for one more mask, so that only whole masks are checked for room.
    limit: usize,
}

impl Cursor {
    pub(super) fn new(elements: usize) -> Self {
        // One more for the segment id.
        let limit = elements.max(1) + 1;
        let slots = vec![0; limit + wide::BLOCK].into_boxed_slice();
        let masks = Box::new(wide::Masks::new());
        Self { masks, origin: 0, made: 0, next: 0, any: 0, ends: 0, block: 0, slots, used: 0, limit }
    }

    pub(super) fn ends(&self) -> &[u32] {
        self.slots.get(..self.used).unwrap_or(&[])
    }

    /// Forgets the masks; scanning goes on at `at`.
    pub(super) fn reset(&mut self, at: usize) {
        self.origin = at;
        self.made = 0;
        self.next = 0;
        self.any = 0;
        self.ends = 0;
    }

    /// Finds the end of the segment that starts at `start`; none if the window ends before. The segment before
    /// must have been taken, or the cursor reset to `start`.
    #[inline]
    pub(super) fn take(&mut self, window: &[u8], start: usize, delimiters: &Delimiters) -> Option<usize> {
        self.used = 0;
        loop {
            if self.ends != 0 {
                let lowest = self.ends.trailing_zeros();
                let until = self.ends ^ (self.ends - 1);
                self.push(self.any & until, start);
                self.any &= !until;
                self.ends &= self.ends - 1;
                let end = self.block + lowest as usize;
                if self.used > self.limit {
                    // The last element told holds the rest.
                    self.used = self.limit;
                    self.set_last(offset(end - start));
                }
                return Some(end);
            }
            self.push(self.any, start);
            if self.next == self.made && !self.fill(window, delimiters) {
                self.any = 0;
                self.used = self.used.min(self.limit);
                return None;
            }
            self.advance();
        }
    }

    /// Hands over the elements of segments from `at` on, where one begins, as long as they are nothing special;
    /// returns where the next segment begins.
    #[inline]
    pub(super) fn run(
        &mut self,
        window: &[u8],
        mut at: usize,
        delimiters: &Delimiters,
        tokens: &mut impl Tokens,
    ) -> usize {
        loop {
            let start = skip_blanks(window, at, delimiters);
            let plain = window.get(start).is_some_and(u8::is_ascii_alphanumeric);
            if !plain || is_envelope(window, start) {
                return at;
            }
            let mut text = start;
            loop {
                let end = self.block + self.ends.trailing_zeros() as usize;
                let until = self.ends ^ self.ends.wrapping_sub(1);
                let mut bits = self.any & until;
                while bits != 0 {
                    let end = self.block + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    tokens.element(window.get(text..end).unwrap_or(&[]));
                    text = end + 1;
                }
                self.any &= !until;
                if self.ends != 0 {
                    self.ends &= self.ends - 1;
                    tokens.segment_ends();
                    at = end + 1;
                    break;
                }
                if self.next == self.made && !self.fill(window, delimiters) {
                    tokens.element(window.get(text..).unwrap_or(&[]));
                    tokens.segment_ends();
                    return window.len();
                }
                self.advance();
            }
        }
    }

    #[inline]
    fn advance(&mut self) {
        self.block = self.origin + self.next * wide::BLOCK;
        self.any = self.masks.any.get(self.next).copied().unwrap_or(0);
        self.ends = self.masks.ends.get(self.next).copied().unwrap_or(0);
        self.next += 1;
    }

    /// Adds the places of all bits.
    #[inline]
    fn push(&mut self, mut bits: u64, start: usize) {
        self.used = self.used.min(self.limit);
        let block = offset(self.block.wrapping_sub(start));
        let Some(room) = self.slots.get_mut(self.used..self.used + wide::BLOCK) else { return };
        self.used += bits.count_ones() as usize;
        // Four at a time whether there are four or not: the branch costs more than the slots.
        for slots in room.as_chunks_mut::<4>().0 {
            if bits == 0 {
                break;
            }
            for slot in slots {
                *slot = block.wrapping_add(bits.trailing_zeros());
                bits &= bits.wrapping_sub(1);
            }
        }
    }

    #[cold]
    fn fill(&mut self, window: &[u8], delimiters: &Delimiters) -> bool {
        let at = self.origin + self.made * wide::BLOCK;
        let rest = window.get(at..).unwrap_or(&[]);
        if rest.is_empty() {
            return false;
        }
        self.origin = at;
        self.next = 0;
        self.made = wide::fill(rest, delimiters.element, delimiters.segment, &mut self.masks);
        true
    }

    fn set_last(&mut self, end: u32) {
        if let Some(last) = self.used.checked_sub(1).and_then(|last| self.slots.get_mut(last)) {
            *last = end;
        }
    }

    /// Ends the segment at `end`, where the window ends without a terminator. Returns `end`.
    pub(super) fn close(&mut self, start: usize, end: usize) -> usize {
        self.used = (self.used + 1).min(self.limit);
        self.set_last(offset(end - start));
        end
    }

    /// Ends the segment at `length` bytes.
    pub(super) fn cut(&mut self, length: usize) {
        let length = offset(length);
        let whole = self.ends().iter().take_while(|end| **end < length).count();
        self.used = (whole + 1).min(self.limit);
        self.set_last(length);
    }

    /// Tells the elements of an ISA: by position where it has them, since a separator may stand in ISA11 or ISA16.
    pub(super) fn split_header(&mut self, header: &[u8], element: u8, fixed_width: bool) {
        self.used = 0;
        let mut tell = |end: usize| {
            if let Some(slot) = self.slots.get_mut(self.used) {
                *slot = offset(end);
                self.used += 1;
            }
        };
        if fixed_width {
            tell(3);
            COLUMNS.iter().for_each(|(start, length)| tell(start + length));
            return;
        }
        let ends = header.iter().enumerate().filter(|(_, byte)| **byte == element).map(|(at, _)| at);
        ends.take(16).for_each(&mut tell);
        tell(header.len());
    }
}

fn offset(bytes: usize) -> u32 {
    // Segments over the limit are cut, so that what is kept fits.
    bytes as u32
}

/// Whether an ISA or IEA may begin at `at`.
#[inline]
pub(super) fn is_envelope(window: &[u8], at: usize) -> bool {
    matches!(window.get(at..at + 2), Some(b"IS" | b"IE"))
}

/// Line ends after a terminator and blanks before a tag are not data, unless they are separators here.
#[inline]
pub(super) fn skip_blanks(window: &[u8], mut at: usize, delimiters: &Delimiters) -> usize {
    while let Some(byte @ (b' ' | b'\t' | b'\r' | b'\n')) = window.get(at)
        && *byte != delimiters.segment
        && *byte != delimiters.element
    {
        at += 1;
    }
    at
}

/// Empty lines are no empty segments.
pub(super) fn is_line_end(segment: u8) -> bool {
    segment == b'\n' || segment == b'\r'
}
