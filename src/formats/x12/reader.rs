//! Reads interchanges, groups and sets, and gives each its verdict.
//!
//! Reading never fails because of what a file holds: whatever is wrong is a fault in the verdict of the part it
//! belongs to, and its neighbours are judged on their own.

use super::fault::Fault;
use super::judge::Judge;
use super::lexer::{Limits, Scanner, Window};
use super::schema::Schemas;
use super::segment::Segment;
use super::stream::Stream;
use super::validate;
use super::verdict::{File, Group, Interchange, InterchangeHeader, Set, Ta1};
use chrono::NaiveDate;
use std::io::Read;

/// What to do with bytes before the first ISA, such as the headers of a mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeadingBytes {
    /// The file is not taken.
    #[default]
    Refuse,
    /// They are skipped, with a warning.
    Skip,
}

/// How to read.
#[derive(Clone, Debug)]
pub struct Options {
    /// Releases and guides to read by.
    pub schemas: Schemas,
    /// How strictly sets are judged; its severities hold for envelopes too.
    pub set: validate::Options,
    /// Take an ISA whose elements are not padded to their fixed width, with a warning.
    pub lenient_isa: bool,
    /// Bytes before the first ISA.
    pub leading: LeadingBytes,
    /// Most days that ISA09 may lie from the day the file came, before or after.
    pub date_within_days: u32,
    /// What one file may cost.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schemas: Schemas::builtin(),
            set: validate::Options::default(),
            lenient_isa: false,
            leading: LeadingBytes::default(),
            // Five years: files are sent anew, and samples are kept.
            date_within_days: 1_826,
            limits: Limits::default(),
        }
    }
}

/// What was agreed with whoever sends an interchange. One file may hold those of several senders.
pub trait Terms {
    /// How to read what lies outside of interchanges, and whatever nothing else was agreed about.
    fn general(&self) -> &Options;

    /// How to read the interchange that this header begins.
    fn of(&self, _header: &InterchangeHeader) -> &Options {
        self.general()
    }

    /// The day on which the file came, which ISA09 is held against; none leaves it as it is.
    fn today(&self) -> Option<NaiveDate> {
        None
    }
}

impl Terms for Options {
    fn general(&self) -> &Options {
        self
    }
}

/// What reading can fail at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source of bytes failed.
    #[error("cannot read the file")]
    Read(#[source] std::io::Error),
}

impl Error {
    /// Whether the same call may work later.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        match self {
            Self::Read(_) => true,
        }
    }
}

/// What a stream came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Whether the last interchange is closed by its IEA.
    pub complete: bool,
    /// Interchanges read.
    pub interchanges: u64,
    /// Sets read.
    pub sets: u64,
    /// Sets accepted, with errors or without, whatever became of their group.
    pub accepted_sets: u64,
}

/// Takes verdicts as they fall. The window holds at least the part that the call is about, so that its text and
/// lines can be shown; of a set over the limit it holds the end.
pub trait Visitor {
    /// An ISA was read. Its own faults come again with [`Visitor::interchange_ends`], before all others.
    fn interchange_begins(
        &mut self,
        _header: &InterchangeHeader,
        _faults: &[Fault],
        _segment: &Segment<'_>,
        _window: Window<'_>,
    ) {
    }
    /// A segment outside of sets was read that is no ISA and no GS, or an ISA that nothing can be read by. What is
    /// wrong with it is told later.
    fn outside(&mut self, _segment: &Segment<'_>, _window: Window<'_>) {}
    /// A TA1 was read.
    fn acknowledgment(&mut self, _acknowledgment: &Ta1, _header: &InterchangeHeader, _window: Window<'_>) {}
    /// A GS was read; its own faults come again with [`Visitor::group_ends`], before all others.
    fn group_begins(&mut self, _group: &Group, _segment: &Segment<'_>, _window: Window<'_>) {}
    /// A transaction set was read to its end.
    fn set(&mut self, _set: Set, _group: &Group, _header: &InterchangeHeader, _window: Window<'_>) {}
    /// A group was read to its end.
    fn group_ends(&mut self, _group: Group, _header: &InterchangeHeader, _window: Window<'_>) {}
    /// An interchange was read to its end.
    fn interchange_ends(&mut self, _interchange: Interchange, _window: Window<'_>) {}
    /// Something is wrong outside of any interchange.
    fn file_fault(&mut self, _fault: Fault, _window: Window<'_>) {}
}

/// Reads a file that is in memory and keeps every verdict.
#[must_use]
pub fn validate(bytes: &[u8], terms: &impl Terms) -> File {
    let mut collector = Collector::default();
    let mut judge = Judge::new(terms);
    let mut scanner = Scanner::new(terms.general().limits);
    let window = Window::whole(bytes);
    loop {
        while let Some((start, end)) = scanner.step_plain(bytes) {
            judge.take_segment(&mut scanner.segment(bytes, start, end), &window, &mut collector);
        }
        let step = scanner.step_any(bytes, true);
        if !judge.take(scanner.event(step, bytes), window, &mut collector) {
            return collector.finish(&judge.summary);
        }
    }
}

/// Reads a file of any size. Nothing is kept beyond the transaction set at hand but what the visitor keeps.
///
/// # Errors
/// [`Error::Read`] when the source fails; what was read until then has reached the visitor.
pub fn validate_stream(
    read: impl Read,
    terms: &impl Terms,
    visitor: &mut impl Visitor,
) -> Result<Summary, Error> {
    let mut judge = Judge::new(terms);
    let mut stream = Stream::new(read, terms.general().limits);
    loop {
        while let Some((start, end)) = stream.step_plain() {
            let window = stream.window();
            judge.take_segment(&mut stream.scanner().segment(window.bytes, start, end), &window, visitor);
        }
        let step = stream.step(judge.keep()).map_err(Error::Read)?;
        let window = stream.window();
        if !judge.take(stream.scanner().event(step, window.bytes), window, visitor) {
            return Ok(judge.summary);
        }
    }
}

/// Keeps every verdict, as [`validate()`] does.
#[derive(Debug, Default)]
pub struct Collector {
    file: File,
    acknowledgments: Vec<Ta1>,
    groups: Vec<Group>,
    sets: Vec<Set>,
}

impl Collector {
    /// All that was read.
    #[must_use]
    pub fn finish(mut self, summary: &Summary) -> File {
        self.file.complete = summary.complete;
        self.file
    }
}

impl Visitor for Collector {
    fn acknowledgment(&mut self, acknowledgment: &Ta1, _: &InterchangeHeader, _: Window<'_>) {
        self.acknowledgments.push(acknowledgment.clone());
    }

    fn set(&mut self, set: Set, _: &Group, _: &InterchangeHeader, _: Window<'_>) {
        self.sets.push(set);
    }

    fn group_ends(&mut self, mut group: Group, _: &InterchangeHeader, _: Window<'_>) {
        group.sets = std::mem::take(&mut self.sets);
        self.groups.push(group);
    }

    fn interchange_ends(&mut self, mut interchange: Interchange, _: Window<'_>) {
        interchange.groups = std::mem::take(&mut self.groups);
        interchange.acknowledgments = std::mem::take(&mut self.acknowledgments);
        self.file.interchanges.push(interchange);
    }

    fn file_fault(&mut self, fault: Fault, _: Window<'_>) {
        self.file.faults.push(fault);
    }
}
