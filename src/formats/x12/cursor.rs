//! Finds where the elements of one segment end; the plain splitter of segments.

use super::lexer::Limits;
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
    masks: Box<[u64; wide::BLOCKS]>,
    /// Place in the window of the first mask.
    origin: usize,
    made: usize,
    next: usize,
    mask: u64,
    /// Place in the window of `mask`.
    block: usize,
    slots: Box<[u32]>,
    used: usize,
}

impl Cursor {
    pub(super) fn new(elements: usize) -> Self {
        // One more for the segment id.
        let slots = vec![0; elements.max(1) + 1].into_boxed_slice();
        let masks = Box::new([0; wide::BLOCKS]);
        Self { masks, origin: 0, made: 0, next: 0, mask: 0, block: 0, slots, used: 0 }
    }

    pub(super) fn ends(&self) -> &[u32] {
        self.slots.get(..self.used).unwrap_or(&[])
    }

    /// Forgets the masks; scanning goes on at `at`.
    pub(super) fn reset(&mut self, at: usize) {
        self.origin = at;
        self.made = 0;
        self.next = 0;
        self.mask = 0;
    }

    /// Finds the end of the segment that starts at `start`; none if the window ends before. The segment before
    /// must have been taken, or the cursor reset to `start`.
    pub(super) fn take(&mut self, window: &[u8], start: usize, delimiters: &Delimiters) -> Option<usize> {
        let mut used = 0;
        loop {
            while self.mask != 0 {
                let at = self.block + self.mask.trailing_zeros() as usize;
                self.mask &= self.mask - 1;
                let is_end = window.get(at) == Some(&delimiters.segment);
                if let Some(slot) = self.slots.get_mut(used) {
                    *slot = offset(at - start);
                    used += 1;
                } else if is_end && let Some(last) = self.slots.last_mut() {
                    *last = offset(at - start);
                }
                if is_end {
                    self.used = used;
                    return Some(at);
                }
            }
            if self.next == self.made {
                let at = self.origin + self.made * wide::BLOCK;
                let rest = window.get(at..).unwrap_or(&[]);
                if rest.is_empty() {
                    self.used = used;
                    return None;
                }
                self.origin = at;
                self.next = 0;
                self.made = wide::fill(rest, delimiters.element, delimiters.segment, &mut self.masks);
            }
            self.block = self.origin + self.next * wide::BLOCK;
            self.mask = self.masks.get(self.next).copied().unwrap_or(0);
            self.next += 1;
        }
    }

    /// Ends the segment at `end`, where the window ends without a terminator. Returns `end`.
    pub(super) fn close(&mut self, start: usize, end: usize) -> usize {
        self.used = (self.used + 1).min(self.slots.len());
        if let Some(last) = self.used.checked_sub(1).and_then(|last| self.slots.get_mut(last)) {
            *last = offset(end - start);
        }
        end
    }

    /// Ends the segment at `length` bytes.
    pub(super) fn cut(&mut self, length: usize) {
        let length = offset(length);
        let whole = self.ends().iter().take_while(|end| **end < length).count();
        self.used = (whole + 1).min(self.slots.len());
        if let Some(last) = self.used.checked_sub(1).and_then(|last| self.slots.get_mut(last)) {
            *last = length;
        }
    }

    pub(super) fn split_header(&mut self, header: &[u8], element: u8) {
        let ends = header.iter().enumerate().filter(|(_, byte)| **byte == element).map(|(at, _)| at);
        self.used = 0;
        for end in ends.take(16).chain([header.len()]) {
            if let Some(slot) = self.slots.get_mut(self.used) {
                *slot = offset(end);
                self.used += 1;
            }
        }
    }
}

fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Line ends after a terminator and blanks before a tag are not data, unless they are separators here.
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
