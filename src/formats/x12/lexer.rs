//! The lexer: segments and elements of an interchange, without copying.
//!
//! [`Scanner`] works over a window of a file that its caller may slide and fill; whatever the windows, the events
//! are the same. [`Lexer`] is the scanner over a whole file; [`Segments`](super::cursor::Segments) splits bytes
//! whose delimiters are known already.

use super::cursor::{Cursor, is_line_end, skip_blanks};
use super::delimiters::{self, Isa, Unreadable};
use super::segment::{Delimiters, Segment};
pub use super::window::{Head, Lines, Range64, Window};

/// What one file may cost before the lexer looks no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest segment handed on whole; longer ones are cut there. 64 KiB.
    pub segment_bytes: usize,
    /// Most elements told apart in one segment; the last one holds the rest. 1,000.
    pub elements: usize,
    /// Most bytes skipped, before the first ISA or within one segment, before reading stops. 64 MiB.
    pub skipped_bytes: u64,
    /// Most bytes of one transaction set kept in memory. 512 MiB.
    pub set_bytes: u64,
    /// Most faults kept for one interchange or group envelope. 100.
    pub envelope_faults: usize,
    /// Bytes asked of a stream at a time. 256 KiB: a read costs little then, and the window stays in the cache.
    pub window_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 10,
            elements: 1_000,
            skipped_bytes: 64 << 20,
            set_bytes: 512 << 20,
            envelope_faults: 100,
            window_bytes: 256 << 10,
        }
    }
}

/// What the lexer met.
#[derive(Clone, Copy, Debug)]
pub enum Event<'w> {
    /// An ISA; its separators hold until the next one.
    Interchange(Segment<'w>, Isa),
    /// Text that begins with `ISA` and gives no usable separators. Everything up to the next ISA is skipped.
    Unreadable {
        /// Offset from the start of the file.
        byte: u64,
        /// The header, as far as it goes, at most 106 bytes.
        header: &'w [u8],
        /// What is the matter; none when the header is whole but its terminator cannot be one.
        why: Option<Unreadable>,
    },
    /// A segment of an interchange.
    Segment(Segment<'w>),
    /// A segment over the limit, cut there; the rest of it is skipped.
    TooLong(Segment<'w>),
    /// The file ends before the terminator of this segment.
    Unfinished(Segment<'w>),
    /// Bytes that belong to no interchange.
    Stray {
        /// Where they are.
        bytes: Range64,
        /// Nothing but blanks, NUL and Ctrl-Z, as mainframes fill their last block.
        padding: bool,
        /// How they begin, padding left out.
        head: Head,
    },
    /// A byte order mark at the start of the file.
    ByteOrderMark,
    /// The window holds no whole segment any more.
    More,
    /// The end, or the point where a limit says to stop.
    End,
}

/// Interchanges and segments of a whole file in memory.
#[derive(Debug)]
pub struct Lexer<'a> {
    bytes: &'a [u8],
    scanner: Scanner,
}

impl<'a> Lexer<'a> {
    /// Reads `bytes` from their start.
    #[must_use]
    pub fn new(bytes: &'a [u8], limits: Limits) -> Self {
        Self { bytes, scanner: Scanner::new(limits) }
    }

    /// The next event; never [`Event::More`].
    #[inline]
    pub fn next_event(&mut self) -> Event<'_> {
        self.scanner.next_event(self.bytes, true)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first ISA or after an IEA.
    Outside,
    /// After an ISA that cannot be used.
    Lost,
    Inside,
    /// In the rest of a segment that is too long.
    Skipping,
    Ended,
}

/// Bytes outside of interchanges, so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stray {
    begun: u64,
    padding: bool,
    head: Head,
}

/// What [`Scanner::step`] found, as places in the window.
pub(super) enum Step {
    Interchange { start: usize, isa: Isa },
    Unreadable { start: usize, why: Option<Unreadable> },
    Segment { start: usize, end: usize },
    TooLong { start: usize, end: usize },
    Unfinished { start: usize, end: usize },
    Stray(Range64, Stray),
    ByteOrderMark,
    More,
    End,
}

/// The lexer's state between windows.
#[derive(Debug)]
pub struct Scanner {
    limits: Limits,
    state: State,
    delimiters: Delimiters,
    /// Offset of the window's first byte from the start of the file.
    base: u64,
    /// Next byte to look at, in the window.
    at: usize,
    cursor: Cursor,
    stray: Option<Stray>,
    skipped: u64,
}

impl Scanner {
    /// A scanner at the start of a file.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        let delimiters = Delimiters { element: b'*', component: b'>', repetition: None, segment: b'~' };
        let cursor = Cursor::new(limits.elements);
        Self { limits, state: State::Outside, delimiters, base: 0, at: 0, cursor, stray: None, skipped: 0 }
    }

    /// Offset in the file of the next byte to look at; everything before it may be dropped from the window.
    #[must_use]
    pub fn byte(&self) -> u64 {
        self.base + self.at as u64
    }

    /// Tells that `count` bytes at the start of the window are gone.
    pub fn discard(&mut self, count: usize) {
        debug_assert!(count <= self.at, "bytes not looked at yet must stay");
        self.at -= count;
        self.base += count as u64;
        self.cursor.reset(self.at);
    }

    /// The next event in `window`, which begins where the last call's did less what was discarded. With `at_end`
    /// no bytes follow the window.
    #[inline]
    pub fn next_event<'w>(&'w mut self, window: &'w [u8], at_end: bool) -> Event<'w> {
        match self.step_plain(window) {
            Some((start, end)) => Event::Segment(self.segment(window, start, end)),
            None => self.event_any(window, at_end),
        }
    }

    #[inline(never)]
    fn event_any<'w>(&'w mut self, window: &'w [u8], at_end: bool) -> Event<'w> {
        let step = self.step_any(window, at_end);
        self.event(step, window)
    }

    /// A segment that [`Scanner::step`] found just now.
    #[inline]
    pub(super) fn segment<'w>(&'w self, window: &'w [u8], start: usize, end: usize) -> Segment<'w> {
        let byte = self.base + start as u64;
        Segment::new(window, start..end, self.cursor.ends(), byte, self.delimiters)
    }

    /// What a step found, in the window it was found in.
    pub(super) fn event<'w>(&'w self, step: Step, window: &'w [u8]) -> Event<'w> {
        let segment = |start: usize, end: usize| self.segment(window, start, end);
        match step {
            Step::Interchange { start, isa } => Event::Interchange(segment(start, start + isa.length), isa),
            Step::Segment { start, end } => Event::Segment(segment(start, end)),
            Step::TooLong { start, end } => Event::TooLong(segment(start, end)),
            Step::Unfinished { start, end } => Event::Unfinished(segment(start, end)),
            Step::Unreadable { start, why } => {
                let header = window.get(start..).unwrap_or(&[]);
                let header = header.get(..delimiters::ISA_LENGTH).unwrap_or(header);
                Event::Unreadable { byte: self.base + start as u64, header, why }
            }
            Step::Stray(bytes, stray) => Event::Stray { bytes, padding: stray.padding, head: stray.head },
            Step::ByteOrderMark => Event::ByteOrderMark,
            Step::More => Event::More,
            Step::End => Event::End,
        }
    }

    /// The next segment, from where to where, if it is nothing special and lies in the window whole; what nearly all of
    /// them are. If there is none [`Scanner::step_any`] must look.
    #[inline(always)]
    pub(super) fn step_plain(&mut self, window: &[u8]) -> Option<(usize, usize)> {
        if self.state != State::Inside {
            return None;
        }
        let mut start = self.at;
        let mut first = two(window, start)?;
        if is_blank(first) {
            start = skip_blanks(window, start, &self.delimiters);
            first = two(window, start)?;
            // Control characters may be terminators of empty segments.
            if is_blank(first) {
                return None;
            }
        }
        // Both at once: IT1 and the like come too often for a guess by their first letter.
        if (first == u16::from_le_bytes(*b"IS")) | (first == u16::from_le_bytes(*b"IE")) {
            return None;
        }
        match self.cursor.take(window, start, &self.delimiters) {
            Some(end) if end - start <= self.limits.segment_bytes => {
                self.at = end + 1;
                Some((start, end))
            }
            _ => {
                self.cursor.reset(self.at);
                None
            }
        }
    }

    /// Finds the next event, whatever it is, without borrowing the window.
    pub(super) fn step_any(&mut self, window: &[u8], at_end: bool) -> Step {
        loop {
            let step = match self.state {
                State::Outside | State::Lost => self.step_outside(window, at_end),
                State::Inside => self.step_inside(window, at_end),
                State::Skipping => self.skip(window, at_end),
                State::Ended => Some(Step::End),
            };
            if let Some(step) = step {
                if matches!(step, Step::More) {
                    self.cursor.reset(self.at);
                }
                return step;
            }
        }
    }

    fn step_inside(&mut self, window: &[u8], at_end: bool) -> Option<Step> {
        self.at = skip_blanks(window, self.at, &self.delimiters);
        let start = self.at;
        let rest = window.get(start..).unwrap_or(&[]);
        if rest.first() == Some(&b'I') {
            if rest.len() < delimiters::ISA_LENGTH && !at_end && rest.starts_with(b"ISA") {
                return Some(Step::More);
            }
            if rest.starts_with(b"ISA")
                && (rest.get(3) == Some(&self.delimiters.element) || delimiters::is_plausible(rest))
            {
                // Its interchange has no IEA; the reader sees that from the order of events.
                self.state = State::Outside;
                return None;
            }
        }
        let limit = self.limits.segment_bytes;
        match self.cursor.take(window, start, &self.delimiters) {
            Some(end) if end - start > limit => {
                if (end - start) as u64 > self.limits.skipped_bytes {
                    self.state = State::Ended;
                }
                self.cursor.cut(limit);
                self.at = end + 1;
                Some(Step::TooLong { start, end: start + limit })
            }
            Some(end) => {
                self.at = end + 1;
                if end == start && is_line_end(self.delimiters.segment) {
                    return None;
                }
                let text = window.get(start..end).unwrap_or(&[]);
                if text.starts_with(b"IEA") && text.get(3).is_none_or(|byte| *byte == self.delimiters.element)
                {
                    self.state = State::Outside;
                }
                Some(Step::Segment { start, end })
            }
            None if rest.len() > limit => {
                self.cursor.cut(limit);
                self.skipped = limit as u64;
                self.at = start + limit;
                self.state = State::Skipping;
                Some(Step::TooLong { start, end: self.at })
            }
            None if !at_end => Some(Step::More),
            None => {
                self.state = State::Ended;
                self.at = window.len();
                if rest.is_empty() {
                    return Some(Step::End);
                }
                self.cursor.close(window.len());
                Some(Step::Unfinished { start, end: window.len() })
            }
        }
    }

    fn skip(&mut self, window: &[u8], at_end: bool) -> Option<Step> {
        let rest = window.get(self.at..).unwrap_or(&[]);
        let found = memchr::memchr(self.delimiters.segment, rest);
        let count = found.unwrap_or(rest.len());
        self.skipped += count as u64;
        self.at += count;
        if self.skipped > self.limits.skipped_bytes {
            self.state = State::Ended;
            return Some(Step::End);
        }
        match found {
            Some(_) => {
                self.at += 1;
                self.cursor.reset(self.at);
                self.state = State::Inside;
                None
            }
            None if at_end => {
                self.state = State::Ended;
                Some(Step::End)
            }
            None => Some(Step::More),
        }
    }

    fn step_outside(&mut self, window: &[u8], at_end: bool) -> Option<Step> {
        let rest = window.get(self.at..).unwrap_or(&[]);
        if self.byte() == 0 && rest.first() == Some(&0xef) {
            if rest.len() < 3 && !at_end {
                return Some(Step::More);
            }
            if rest.starts_with(b"\xef\xbb\xbf") {
                self.at = 3;
                return Some(Step::ByteOrderMark);
            }
        }
        match rest.first() {
            None => {
                if !at_end {
                    return Some(Step::More);
                }
                let stray = self.end_stray();
                if stray.is_none() {
                    self.state = State::Ended;
                }
                return stray.or(Some(Step::End));
            }
            Some(b' ' | b'\t' | b'\r' | b'\n') => {
                self.at += 1;
                return None;
            }
            Some(0 | 0x1a) => {
                let begun = self.byte();
                self.stray.get_or_insert(Stray { begun, padding: true, head: Head::default() });
                self.at += 1;
                return None;
            }
            Some(_) => {}
        }
        if b"ISA".starts_with(rest.get(..3).unwrap_or(rest)) {
            let isa = match delimiters::read(rest, at_end) {
                None => return Some(Step::More),
                Some(isa) => isa,
            };
            if self.is_interchange(rest, isa) {
                if let Some(stray) = self.end_stray() {
                    return Some(stray);
                }
                return Some(self.begin_interchange(isa, rest));
            }
        }
        if self.stray.is_none_or(|stray| stray.padding) {
            if rest.len() < Head::MOST && !at_end {
                return Some(Step::More);
            }
            let begun = self.stray.map_or(self.byte(), |stray| stray.begun);
            self.stray = Some(Stray { begun, padding: false, head: Head::new(rest) });
        }
        let next = rest.get(1..).and_then(|rest| memchr::memmem::find(rest, b"ISA")).map(|at| at + 1);
        self.at += match next {
            Some(next) => next,
            None if at_end => rest.len(),
            // `IS` at the end of the window may be the start of an ISA.
            None => rest.len().saturating_sub(2).max(1),
        };
        let begun = self.stray.map_or(0, |stray| stray.begun);
        if self.byte() - begun > self.limits.skipped_bytes {
            let stray = self.end_stray();
            self.state = State::Ended;
            return stray;
        }
        None
    }

    /// Amid stray text, and where the separator would be a letter, only a header of fixed width is one.
    fn is_interchange(&self, rest: &[u8], isa: Result<Isa, Unreadable>) -> bool {
        let amid_text = self.state == State::Lost || self.stray.is_some_and(|stray| !stray.padding);
        let letter = rest.get(3).is_some_and(u8::is_ascii_alphanumeric);
        match isa {
            Ok(isa) if amid_text => isa.fixed_width && isa.usable(),
            Ok(isa) => isa.fixed_width || !letter,
            Err(Unreadable::CutShort) => !amid_text && (rest.len() <= 3 || !letter) && rest.len() > 2,
            Err(Unreadable::ElementCount) => !amid_text && !letter,
        }
    }

    fn begin_interchange(&mut self, isa: Result<Isa, Unreadable>, rest: &[u8]) -> Step {
        let start = self.at;
        match isa {
            Ok(isa) if isa.usable() => {
                self.delimiters = isa.delimiters;
                self.at = start + isa.length + 1;
                self.state = State::Inside;
                let header = rest.get(..isa.length).unwrap_or(rest);
                // By hand: ISA16 itself may equal another separator.
                self.cursor.split_header(header, isa.delimiters.element, isa.fixed_width);
                self.cursor.reset(self.at);
                Step::Interchange { start, isa }
            }
            isa => {
                self.state = State::Lost;
                self.at += 3;
                Step::Unreadable { start, why: isa.err() }
            }
        }
    }

    /// The stray bytes up to here, unless they belong to an ISA that could not be read.
    fn end_stray(&mut self) -> Option<Step> {
        let end = self.byte();
        let stray = self.stray.take()?;
        (self.state != State::Lost).then_some(Step::Stray(Range64 { start: stray.begun, end }, stray))
    }
}

/// The two bytes at `at`, the first one lowest.
#[inline(always)]
fn two(window: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*window.get(at..)?.first_chunk()?))
}

/// Whether the first of two bytes is a blank or a control character.
#[inline(always)]
fn is_blank(two: u16) -> bool {
    two as u8 <= b' '
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(terminator: &str) -> String {
        "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *261125*1200*U*00401*000000001*0*P*>~\
         GS*PO*A*B*20261125*1200*1*X*004010~ST*850*0001~BEG*00*SA*ISA**20261125~~SE*3*0001~GE*1*1~IEA*1*000000001~"
            .replace('~', terminator)
    }

    fn events(bytes: &[u8]) -> Vec<String> {
        let mut lexer = Lexer::new(bytes, Limits::default());
        let mut seen = Vec::new();
        loop {
            let event = lexer.next_event();
            seen.push(match event {
                Event::End => return seen,
                Event::Interchange(segment, _) | Event::Segment(segment) => segment
                    .elements()
                    .map(|element| String::from_utf8_lossy(element).trim_end().to_owned())
                    .collect::<Vec<_>>()
                    .join("|"),
                Event::Unfinished(segment) => {
                    format!("unfinished {}", String::from_utf8_lossy(segment.bytes))
                }
                Event::Stray { bytes, padding, .. } => {
                    format!("stray {}..{} {padding}", bytes.start, bytes.end)
                }
                Event::Unreadable { why, .. } => format!("unreadable {why:?}"),
                Event::TooLong(segment) => format!("too long {}", segment.bytes.len()),
                Event::ByteOrderMark => "mark".to_owned(),
                Event::More => "more".to_owned(),
            });
        }
    }

    #[test]
    fn segments_are_split_into_elements() {
        let seen = events(file("~").as_bytes());
        assert_eq!(seen[0], "ISA|00||00||ZZ|SENDER|ZZ|RECEIVER|261125|1200|U|00401|000000001|0|P|>");
        assert_eq!(seen[3], "BEG|00|SA|ISA||20261125");
        assert_eq!(seen[4], "");
        assert_eq!(seen[7], "IEA|1|000000001");
        assert_eq!(seen.len(), 8);
    }

    #[test]
    fn line_ends_and_blanks_after_a_terminator_are_no_data() {
        let plain = events(file("~").as_bytes());
        assert_eq!(events(file("~\r\n  ").as_bytes()), plain);
        let without_empty: Vec<_> = plain.iter().filter(|text| !text.is_empty()).cloned().collect();
        assert_eq!(events(file("\n").as_bytes()), without_empty);
        assert_eq!(events(file("\r\n").as_bytes()), without_empty);
    }

    #[test]
    fn bytes_around_interchanges_are_told_apart() {
        let text = format!("\u{feff}{}\nTRAILER\n{}\u{1a}\0\0", file("~"), file("|"));
        let seen = events(text.as_bytes());
        assert_eq!(seen[0], "mark");
        assert!(seen[9].starts_with("stray") && seen[9].ends_with("false"), "{}", seen[9]);
        assert_eq!(seen.len(), 1 + 8 + 1 + 8 + 1);
        assert!(seen[18].ends_with("true"), "{}", seen[18]);
    }

    #[test]
    fn an_isa_without_use_is_skipped_to_the_next() {
        let bad = file("~").replacen('~', "*", 1);
        let seen = events(format!("{bad}{}", file("~")).as_bytes());
        assert_eq!(seen[0], "unreadable None");
        assert_eq!(seen.len(), 1 + 8);
        assert_eq!(events(b"ISA*00*   "), ["unreadable Some(CutShort)"]);
    }

    #[test]
    fn a_segment_over_the_limit_is_cut_and_the_next_one_found() {
        let text = file("~").replace("SA*ISA", &"A*".repeat(60_000));
        let seen = events(text.as_bytes());
        assert_eq!(seen[3], "too long 65536");
        assert_eq!(seen[5], "SE|3|0001");
    }

    #[test]
    fn a_second_isa_begins_a_new_interchange() {
        let cut = file("~").replace("IEA*1*000000001~", "");
        assert_eq!(events(format!("{cut}{}", file("!")).as_bytes()).len(), 7 + 8);
    }
}
