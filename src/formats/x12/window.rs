//! Part of a file in memory, and places in it.

use std::ops::Range;

/// The first bytes of something, enough to tell one kind of file from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    bytes: [u8; Head::MOST],
    length: usize,
}

impl Head {
    pub(super) const MOST: usize = 16;

    pub(super) fn new(text: &[u8]) -> Self {
        let mut head = Self { length: text.len().min(Self::MOST), ..Self::default() };
        head.bytes.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        head
    }

    /// The bytes, at most 16.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&[])
    }
}

/// A range of offsets from the start of the file that can be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range64 {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

impl From<Range64> for Range<u64> {
    fn from(range: Range64) -> Self {
        range.start..range.end
    }
}

/// Part of a file that is in memory.
#[derive(Clone, Copy, Debug)]
pub struct Window<'w> {
    /// The bytes.
    pub bytes: &'w [u8],
    /// Offset of the first of them from the start of the file.
    pub byte: u64,
    /// Line of the first of them, 1 at the start of a file.
    pub line: u32,
    /// Where lines are, for windows that many lines are asked of.
    pub lines: Option<&'w Lines>,
}

/// How many lines lie before each part of a whole file, so that none is counted twice.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    before: Vec<u32>,
}

impl Lines {
    const PART: usize = 64 << 10;

    /// Counts the lines of a whole file.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut line = 0;
        let before = bytes.chunks(Self::PART).map(|part| {
            let before = line;
            line += count_lines(part);
            before
        });
        Self { before: before.collect() }
    }
}

impl<'w> Window<'w> {
    /// A whole file.
    #[must_use]
    pub const fn whole(bytes: &'w [u8]) -> Self {
        Self { bytes, byte: 0, line: 1, lines: None }
    }

    /// A whole file that many lines will be asked of.
    #[must_use]
    pub const fn indexed(bytes: &'w [u8], lines: &'w Lines) -> Self {
        Self { bytes, byte: 0, line: 1, lines: Some(lines) }
    }

    /// The bytes of a range of the file, if all of them are here.
    #[must_use]
    pub fn get(&self, range: Range<u64>) -> Option<&'w [u8]> {
        let start = usize::try_from(range.start.checked_sub(self.byte)?).ok()?;
        let end = usize::try_from(range.end.checked_sub(self.byte)?).ok()?;
        self.bytes.get(start..end)
    }

    /// The bytes from an offset of the file to the end of the window.
    #[must_use]
    pub fn from(&self, byte: u64) -> &'w [u8] {
        let start = byte.checked_sub(self.byte).and_then(|start| usize::try_from(start).ok());
        start.and_then(|start| self.bytes.get(start..)).unwrap_or(&[])
    }

    /// The part from an offset of the file on; the same window when the offset lies before it.
    #[must_use]
    pub fn after(&self, byte: u64) -> Self {
        let end = self.byte + self.bytes.len() as u64;
        let byte = byte.clamp(self.byte, end);
        Self { bytes: self.from(byte), byte, line: self.line_of(byte), lines: None }
    }

    /// The line an offset of the file is on, first line is 1.
    #[must_use]
    pub fn line_of(&self, byte: u64) -> u32 {
        let end = usize::try_from(byte.saturating_sub(self.byte)).unwrap_or(usize::MAX);
        let end = end.min(self.bytes.len());
        let part = end / Lines::PART;
        let (start, before) = match self.lines.and_then(|lines| lines.before.get(part)) {
            Some(before) => (part * Lines::PART, *before),
            None => (0, 0),
        };
        self.line + before + count_lines(self.bytes.get(start..end).unwrap_or(&[]))
    }
}

/// Line feeds in `bytes`.
pub(super) fn count_lines(bytes: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_of_lines_changes_nothing_but_the_time() {
        let text = "a line\n".repeat(30_000);
        let lines = Lines::of(text.as_bytes());
        let (plain, indexed) = (Window::whole(text.as_bytes()), Window::indexed(text.as_bytes(), &lines));
        for byte in [0, 6, 7, 65_535, 65_536, 65_537, 131_072, 209_999, 210_000, 999_999] {
            assert_eq!(indexed.line_of(byte), plain.line_of(byte), "{byte}");
            assert_eq!(plain.after(byte).line_of(byte), plain.line_of(byte), "{byte}");
        }
        assert_eq!(plain.line_of(7), 2);
    }
}
