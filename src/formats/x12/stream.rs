//! Reads X12 from any source of bytes through a window that slides and is used again.

use super::lexer::{Event, Limits, Scanner, Step, Window};
use super::window::count_lines;
use std::io::{self, Read};

/// A lexer over a [`Read`]. Its memory is one window and whatever its caller asks to keep.
#[derive(Debug)]
pub struct Stream<R> {
    read: R,
    scanner: Scanner,
    buffer: Vec<u8>,
    filled: usize,
    /// Offset and line of the buffer's first byte.
    byte: u64,
    line: u32,
    at_end: bool,
    window_bytes: usize,
}

impl<R: Read> Stream<R> {
    /// Reads from the start of a file.
    pub fn new(read: R, limits: Limits) -> Self {
        let window_bytes = limits.window_bytes.max(1);
        let buffer = vec![0; window_bytes];
        let scanner = Scanner::new(limits);
        Self { read, scanner, buffer, filled: 0, byte: 0, line: 1, at_end: false, window_bytes }
    }

    /// The next event and the window it lies in; never [`Event::More`]. Bytes of the file from `keep` on stay in
    /// the window.
    ///
    /// # Errors
    /// What the source answers, except interruptions.
    #[inline]
    pub fn next_event(&mut self, keep: Option<u64>) -> io::Result<(Event<'_>, Window<'_>)> {
        if let Some((start, end)) = self.step_plain() {
            return Ok((Event::Segment(self.scanner.segment(self.bytes(), start, end)), self.window()));
        }
        let step = self.step(keep)?;
        Ok((self.scanner.event(step, self.bytes()), self.window()))
    }

    /// As [`Scanner::step_plain`].
    #[inline]
    pub(super) fn step_plain(&mut self) -> Option<(usize, usize)> {
        self.scanner.step_plain(self.buffer.get(..self.filled).unwrap_or(&[]))
    }

    /// As [`Stream::next_event`], with the event still to be made.
    pub(super) fn step(&mut self, keep: Option<u64>) -> io::Result<Step> {
        loop {
            match self.scanner.step_any(self.buffer.get(..self.filled).unwrap_or(&[]), self.at_end) {
                Step::More => self.fill(keep)?,
                step => return Ok(step),
            }
        }
    }

    /// What steps have their places in.
    #[inline]
    pub(super) fn window(&self) -> Window<'_> {
        Window { bytes: self.bytes(), byte: self.byte, line: self.line, lines: None }
    }

    #[inline]
    pub(super) fn scanner(&self) -> &Scanner {
        &self.scanner
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or(&[])
    }

    #[cold]
    fn fill(&mut self, keep: Option<u64>) -> io::Result<()> {
        let next = self.scanner.byte();
        let keep = keep.map_or(next, |keep| keep.min(next));
        let gone = usize::try_from(keep.saturating_sub(self.byte)).unwrap_or(0);
        self.line = self.line.saturating_add(count_lines(self.buffer.get(..gone).unwrap_or(&[])));
        self.byte += gone as u64;
        self.scanner.discard(gone);
        self.buffer.copy_within(gone..self.filled, 0);
        self.filled -= gone;
        if self.filled * 2 > self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        } else if self.buffer.len() > self.window_bytes && self.filled < self.window_bytes / 2 {
            self.buffer.truncate(self.window_bytes);
            self.buffer.shrink_to_fit();
        }
        while let Some(free @ [_, ..]) = self.buffer.get_mut(self.filled..) {
            match self.read.read(free) {
                Ok(0) => {
                    self.at_end = true;
                    break;
                }
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
