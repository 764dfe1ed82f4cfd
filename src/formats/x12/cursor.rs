//! Finds where the elements of one segment end; the plain splitter of segments.

use super::delimiters::COLUMNS;
use super::lexer::Limits;
use super::segment::{Delimiters, Ends, Segment};
use super::wide::{CHUNK, Places};

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
        Self::with(Cursor::default(), bytes, byte, delimiters)
    }

    /// As [`Segments::new`], with the memory of an earlier one.
    pub(super) fn with(mut cursor: Cursor, bytes: &'a [u8], byte: u64, delimiters: Delimiters) -> Self {
        cursor.reset(0);
        Self { bytes, byte, delimiters, at: 0, position: 0, cursor }
    }

    pub(super) fn into_cursor(self) -> Cursor {
        self.cursor
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
            let end = end.unwrap_or_else(|| self.cursor.close(self.bytes.len()));
            self.at = end + 1;
            if end > start || !is_line_end(self.delimiters.segment) {
                self.position += 1;
                let byte = self.byte + start as u64;
                let mut segment =
                    Segment::new(self.bytes, start..end, self.cursor.ends(), byte, self.delimiters);
                segment.position = self.position;
                return Some(segment);
            }
        }
    }
}

/// Finds the segments of a window one after the other, and where their elements end.
#[derive(Debug)]
pub(super) struct Cursor {
    places: Places,
    /// Place in the window behind what has been looked at.
    looked: usize,
    /// Index of the first place of the segment to come, and number of its end.
    next: usize,
    stop: usize,
    /// The places of the segment at hand, the window's place they are counted from, and how many there are.
    first: usize,
    origin: u32,
    used: usize,
    /// Most elements told, the segment id among them; the last one holds the rest.
    limit: usize,
}

impl Default for Cursor {
    fn default() -> Self {
        Self::new(Limits::default().elements)
    }
}

impl Cursor {
    pub(super) fn new(elements: usize) -> Self {
        // One more for the segment id.
        let limit = elements.max(1) + 1;
        let places = Places::new(limit);
        Self { places, looked: 0, next: 0, stop: 0, first: 0, origin: 0, used: 0, limit }
    }

    /// Where the elements of the segment at hand end.
    #[inline]
    pub(super) fn ends(&self) -> Ends<'_> {
        Ends { places: self.places.get(self.first, self.used), origin: self.origin }
    }

    /// Forgets what was found; looking goes on at `at`.
    pub(super) fn reset(&mut self, at: usize) {
        self.looked = at;
        self.next = 0;
        self.stop = 0;
        self.places.keep(0, 0);
    }

    /// Finds the end of the segment that starts at `start`; none if the window ends before. The segment before
    /// must have been taken, or the cursor reset to `start`.
    #[inline]
    pub(super) fn take(&mut self, window: &[u8], start: usize, delimiters: &Delimiters) -> Option<usize> {
        self.origin = offset(start);
        loop {
            if let Some((last, end)) = self.places.stop(self.stop) {
                self.first = self.next;
                self.next = last + 1;
                self.stop += 1;
                self.used = self.next - self.first;
                if self.used > self.limit {
                    self.shorten(end);
                }
                return Some(start + end.wrapping_sub(self.origin) as usize);
            }
            if !self.look(window, delimiters) {
                self.first = self.next;
                self.used = (self.places.len() - self.next).min(self.limit);
                return None;
            }
        }
    }

    /// The last element told holds the rest of the segment, which ends at `end`.
    #[cold]
    #[inline(never)]
    fn shorten(&mut self, end: u32) {
        self.used = self.limit;
        self.set_last(end);
    }

    /// Looks at more of the window; false at its end.
    #[cold]
    fn look(&mut self, window: &[u8], delimiters: &Delimiters) -> bool {
        let rest = window.get(self.looked..).unwrap_or(&[]);
        if rest.is_empty() {
            return false;
        }
        let chunk = rest.get(..CHUNK).unwrap_or(rest);
        // Of a segment that has begun its elements stay, as far as they are told.
        self.places.keep(self.next, (self.places.len() - self.next).min(self.limit));
        self.next = 0;
        self.stop = 0;
        self.places.find(chunk, delimiters.element, delimiters.segment, offset(self.looked));
        self.looked += chunk.len();
        true
    }

    fn set_last(&mut self, end: u32) {
        if let Some(last) = self.used.checked_sub(1) {
            self.places.set(self.first + last, end);
        }
    }

    /// Ends the segment at `end`, where the window ends without a terminator. Returns `end`.
    pub(super) fn close(&mut self, end: usize) -> usize {
        self.used = (self.used + 1).min(self.limit);
        self.set_last(offset(end));
        end
    }

    /// Ends the segment at `length` bytes.
    pub(super) fn cut(&mut self, length: usize) {
        let length = offset(length);
        let whole =
            self.ends().places.iter().take_while(|end| end.wrapping_sub(self.origin) < length).count();
        self.used = (whole + 1).min(self.limit);
        self.set_last(self.origin.wrapping_add(length));
    }

    /// Tells the elements of an ISA: by position where it has them, since a separator may stand in ISA11 or ISA16.
    /// What was found before is forgotten.
    pub(super) fn split_header(&mut self, header: &[u8], element: u8, fixed_width: bool) {
        (self.first, self.origin, self.used) = (0, 0, 0);
        let mut tell = |end: usize| {
            self.places.set(self.used, offset(end));
            self.used += 1;
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

fn offset(place: usize) -> u32 {
    // Only distances within one segment matter, and segments over the limit are cut.
    place as u32
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
