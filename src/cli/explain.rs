//! `crossdock explain`: X12 files with every segment, element and code named.

use super::excerpt::{self, Style};
use super::exit;
use super::inputs::{self, Input};
use super::terms::{Agreed, By};
use crate::clock::Clock;
use crate::finding::Severity;
use crate::formats::x12::cursor::Segments;
use crate::formats::x12::describe::{self, Context};
use crate::formats::x12::fault::Fault;
use crate::formats::x12::lexer::Window;
use crate::formats::x12::names;
use crate::formats::x12::reader::{self, Options, Terms, Visitor};
use crate::formats::x12::schema::{self, Dictionary, LoopId, Part};
use crate::formats::x12::segment::{Delimiters, Segment};
use crate::formats::x12::verdict::{Group, Interchange, InterchangeHeader, Set};
use crate::formats::x12::walker::Walker;
use anyhow::Context as _;
use clap::Args;
use std::cell::Cell;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Show X12 files with every segment, element and code named
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Files or folders; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    by: By,
}

/// Runs the command. `config` is where the settings are if a partner is named, `colour` tells whether the output may
/// use colours.
///
/// # Errors
/// When a file cannot be read or output cannot be written.
pub fn run(arguments: &Arguments, config: &Path, colour: bool, clock: Clock) -> anyhow::Result<ExitCode> {
    let listed = inputs::list(&arguments.files).map_err(|message| format!("{message}\n"));
    let settled = arguments.by.settle(config, clock.now().date_naive());
    let (inputs, agreed) = match listed.and_then(|inputs| Ok((inputs, settled?))) {
        Ok(settled) => settled,
        Err(shown) => {
            write!(io::stderr(), "{shown}")?;
            return Ok(ExitCode::from(exit::USAGE));
        }
    };
    let style = Style { colour };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut rejected = false;
    for (number, input) in inputs.iter().enumerate() {
        let heading = match (inputs.len(), number) {
            (1, _) => String::new(),
            (_, 0) => format!("{}:\n", style.strong(&input.name())),
            _ => format!("\n{}:\n", style.strong(&input.name())),
        };
        let explained = write!(out, "{heading}")
            .map_err(Failed::Write)
            .and_then(|()| explain_input(input, &agreed, style, &mut out));
        match explained {
            Ok(found) => rejected |= found,
            // Whoever reads our output has had enough.
            Err(Failed::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Ok(ExitCode::from(exit::DONE));
            }
            Err(Failed::Write(error)) => return Err(error.into()),
            Err(Failed::Read(error)) => {
                return Err(error).with_context(|| format!("cannot read `{}`", input.name()));
            }
        }
    }
    Ok(ExitCode::from(if rejected { exit::FINDINGS } else { exit::DONE }))
}

/// What explaining failed at.
enum Failed {
    Read(anyhow::Error),
    Write(io::Error),
}

fn explain_input(input: &Input, agreed: &Agreed, style: Style, out: &mut impl Write) -> Result<bool, Failed> {
    // On a terminal the explanation itself shows how far it is.
    let source = input.open(io::stdout().is_terminal()).map_err(|error| Failed::Read(error.into()))?;
    explain(source, agreed, &agreed.options, style, out)
}

/// Explains one file; whether anything in it was rejected.
fn explain(
    source: impl Read,
    terms: &impl Terms,
    options: &Options,
    style: Style,
    out: &mut impl Write,
) -> Result<bool, Failed> {
    let stop = Cell::new(false);
    let mut explanation = Explanation {
        out,
        style,
        options,
        place: (0, 1),
        strays: Vec::new(),
        version: String::new(),
        told: (0, 0),
        walker: Walker::default(),
        levels: 0,
        rejected: false,
        failed: None,
        stop: &stop,
    };
    let read = reader::validate_stream(Until { source, stop: &stop }, terms, &mut explanation);
    let written = explanation.failed.take().map_or_else(|| explanation.out.flush(), Err);
    written.map_err(Failed::Write)?;
    read.map_err(|error| Failed::Read(error.into()))?;
    Ok(explanation.rejected)
}

/// A source that ends when nobody reads what is written of it.
struct Until<'a, R> {
    source: R,
    stop: &'a Cell<bool>,
}

impl<R: Read> Read for Until<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.get() { Ok(0) } else { self.source.read(buffer) }
    }
}

/// Writes each part of a file as it was read, so that a file of any size needs little memory.
struct Explanation<'a, W> {
    out: &'a mut W,
    style: Style,
    options: &'a Options,
    /// A place of the file and its line: lines are counted from there.
    place: (u64, u32),
    /// Place and line of segments that belong nowhere: what is wrong with them is told where their interchange ends.
    strays: Vec<(u64, u32)>,
    version: String,
    /// Faults of the interchange and the group at hand that were told where they begin.
    told: (usize, usize),
    walker: Walker,
    /// HL levels above the segment at hand.
    levels: usize,
    rejected: bool,
    failed: Option<io::Error>,
    stop: &'a Cell<bool>,
}

impl<'a, W: Write> Explanation<'a, W> {
    /// Goes on as long as what is written is taken.
    fn attempt(&mut self, write: impl FnOnce(&mut Self) -> io::Result<()>) {
        if self.failed.is_none()
            && let Err(error) = write(self)
        {
            self.failed = Some(error);
            self.stop.set(true);
        }
    }

    /// A segment of an envelope, or one that belongs nowhere.
    fn write_envelope(&mut self, segment: &Segment<'_>, window: Window<'_>) -> io::Result<()> {
        let depth = match segment.id() {
            b"ISA" | b"IEA" => 0,
            b"GS" | b"GE" | b"TA1" => 1,
            b"ST" | b"SE" => 2,
            _ => 3,
        };
        let dictionary = self.dictionary();
        self.write_segment(segment, depth, dictionary, window)
    }

    /// The names of elements where no set says them.
    fn dictionary(&self) -> Option<&'a Dictionary> {
        let schemas = &self.options.schemas;
        let release = schemas.find_release(&self.version).or_else(|| schemas.find_release("004010"));
        release.map(|release| &**release.dictionary())
    }

    fn write_set(&mut self, set: &Set, delimiters: Delimiters, window: Window<'_>) -> io::Result<()> {
        let options = self.options;
        let guide = options.set.guide.as_deref();
        let schema = options.schemas.find_set(&self.version, guide, &set.id);
        if let Some(schema) = schema {
            self.walker.begin(schema);
        }
        self.levels = 0;
        let mut faults: Vec<&Fault> = set.faults.iter().collect();
        faults.sort_by_key(|fault| fault.byte);
        let mut faults = faults.into_iter().peekable();
        let part = window.get(set.bytes.clone());
        if part.is_none() {
            let length = set.bytes.end - set.bytes.start;
            let indent = "  ".repeat(2);
            writeln!(self.out, "      {indent}a document of {length} bytes, too large to be shown")?;
        }
        let part = Window {
            bytes: part.unwrap_or_default(),
            byte: set.bytes.start,
            line: self.line_of(set.bytes.start, window),
            lines: None,
        };
        let context = Context::of_set(part, &options.schemas, &self.version, guide, &set.id);
        let dictionary = schema.map_or_else(|| self.dictionary(), |schema| Some(schema.dictionary()));
        let mut hierarchy = Vec::new();
        let mut segments = Segments::new(part.bytes, part.byte, delimiters);
        while let Some(segment) = segments.next_segment() {
            while let Some(fault) = faults.next_if(|fault| fault.byte < segment.byte) {
                self.write_finding(fault, &context, None)?;
            }
            let depth = match (segment.id(), schema) {
                (b"ST" | b"SE", _) => 2,
                (_, None) => 3,
                (_, Some(schema)) => self.depth_of(&segment, schema, &mut hierarchy),
            };
            self.write_segment(&segment, depth, dictionary, part)?;
            let end = segment.byte + segment.bytes.len() as u64 + 1;
            while let Some(fault) = faults.next_if(|fault| fault.byte < end) {
                self.write_finding(fault, &context, None)?;
            }
        }
        faults.try_for_each(|fault| self.write_finding(fault, &context, None))
    }

    fn write_segment(
        &mut self,
        segment: &Segment<'_>,
        depth: usize,
        dictionary: Option<&Dictionary>,
        window: Window<'_>,
    ) -> io::Result<()> {
        let id = String::from_utf8_lossy(segment.id()).into_owned();
        let indent = "  ".repeat(depth);
        let name = names::find_segment(&id).unwrap_or_default();
        let line = self.line_of(segment.byte, window).to_string();
        let heading = format!("{indent}{}  {name}", self.style.strong(&id));
        writeln!(self.out, "{} {heading}", self.style.faint(&format!("{line:>5}")))?;
        let mut lines = Vec::new();
        list_elements(segment, &id, dictionary, self.style, &mut lines);
        lines.into_iter().try_for_each(|line| writeln!(self.out, "      {indent}  {line}"))
    }

    /// How deep the segment stands: its loops, and its level where the document has levels.
    fn depth_of(&mut self, segment: &Segment<'_>, set: &schema::Set, hierarchy: &mut Vec<String>) -> usize {
        // The walker counts from the first segment behind the ST.
        let step = self.walker.step(segment.id(), segment.position - 1, segment.byte);
        self.walker.take_missing().for_each(drop);
        if segment.id() == b"HL" {
            let text = |number: usize| String::from_utf8_lossy(segment.element(number)).into_owned();
            // An HL stands below the one that HL02 names.
            let parent = text(2);
            let above = hierarchy.iter().rposition(|open| *open == parent).map_or(0, |at| at + 1);
            hierarchy.truncate(above);
            self.levels = above;
            hierarchy.push(text(1));
        }
        let mut loops = 0;
        let mut at = step.inside.unwrap_or(self.walker.innermost());
        while at != LoopId::ROOT {
            loops += 1;
            at = set.parent(at).unwrap_or(LoopId::ROOT);
        }
        let levels = if loops > 0 { self.levels } else { 0 };
        // The segment that opens a loop stands one level above what follows in it.
        3 + levels + if step.opens { loops - loops.min(1) } else { loops }
    }

    fn line_of(&mut self, byte: u64, window: Window<'_>) -> u32 {
        let (from, line) = if self.place.0 < window.byte { (window.byte, window.line) } else { self.place };
        let passed = window.get(from..byte.max(from)).unwrap_or(&[]);
        let line = line + u32::try_from(memchr::memchr_iter(b'\n', passed).count()).unwrap_or(0);
        self.place = (byte.max(from), line);
        line
    }

    /// Tells what is wrong outside of sets; of what lies further up the line is told.
    fn write_faults(&mut self, faults: &[Fault], context: &Context<'_>) -> io::Result<()> {
        faults.iter().try_for_each(|fault| {
            let stray = self.strays.iter().find(|(byte, _)| *byte == fault.byte).map(|(_, line)| *line);
            self.write_finding(fault, context, stray)
        })
    }

    fn write_finding(&mut self, fault: &Fault, context: &Context<'_>, line: Option<u32>) -> io::Result<()> {
        let finding = describe::finding(fault, context);
        self.rejected |= finding.severity == Severity::Reject;
        let word = excerpt::severity_word(finding.severity);
        let mark = self.style.severity(finding.severity, &format!("      >> {word}:"));
        let at = line.map(|line| format!("line {line}: ")).unwrap_or_default();
        writeln!(self.out, "{mark} {at}{}", self.style.strong(&finding.message))?;
        if !finding.hint.is_empty() {
            writeln!(self.out, "         hint: {}", finding.hint)?;
        }
        Ok(())
    }
}

impl<W: Write> Visitor for Explanation<'_, W> {
    fn interchange_begins(
        &mut self,
        _: &InterchangeHeader,
        faults: &[Fault],
        segment: &Segment<'_>,
        window: Window<'_>,
    ) {
        self.strays.clear();
        self.version.clear();
        self.told.0 = faults.len();
        let context = Context::of_envelope(window, &self.options.schemas);
        self.attempt(|own| {
            // One that nothing can be read by was shown already.
            if segment.element_count() > 0 {
                own.write_envelope(segment, window)?;
            }
            own.write_faults(faults, &context)
        });
    }

    fn outside(&mut self, segment: &Segment<'_>, window: Window<'_>) {
        let line = self.line_of(segment.byte, window);
        if !matches!(segment.id(), b"GE" | b"IEA" | b"TA1")
            && self.strays.len() < self.options.limits.envelope_faults
        {
            self.strays.push((segment.byte, line));
        }
        self.attempt(|own| own.write_envelope(segment, window));
    }

    fn group_begins(&mut self, group: &Group, segment: &Segment<'_>, window: Window<'_>) {
        self.version.clone_from(&group.version);
        self.told.1 = group.faults.len();
        let context = Context::of_set(window, &self.options.schemas, &group.version, None, "");
        self.attempt(|own| {
            own.write_envelope(segment, window)?;
            own.write_faults(&group.faults, &context)
        });
    }

    fn set(&mut self, set: Set, _: &Group, header: &InterchangeHeader, window: Window<'_>) {
        self.attempt(|own| own.write_set(&set, header.delimiters, window));
    }

    fn group_ends(&mut self, group: Group, _: &InterchangeHeader, window: Window<'_>) {
        let context = Context::of_set(window, &self.options.schemas, &group.version, None, "");
        let rest = group.faults.get(self.told.1..).unwrap_or_default();
        self.attempt(|own| own.write_faults(rest, &context));
    }

    fn interchange_ends(&mut self, interchange: Interchange, window: Window<'_>) {
        let context = Context::of_envelope(window, &self.options.schemas);
        let rest = interchange.faults.get(self.told.0..).unwrap_or_default();
        self.attempt(|own| own.write_faults(rest, &context));
    }

    fn file_fault(&mut self, fault: Fault, window: Window<'_>) {
        let context = Context::of_envelope(window, &self.options.schemas);
        self.attempt(|own| own.write_finding(&fault, &context, None));
    }
}

/// A line for each element that holds something, composites and repetitions taken apart.
fn list_elements(
    segment: &Segment<'_>,
    id: &str,
    dictionary: Option<&Dictionary>,
    style: Style,
    lines: &mut Vec<String>,
) {
    let separators = segment.delimiters;
    for number in 1..=segment.element_count() {
        // ISA04 is a password; whoever looks over a shoulder need not see it.
        let secret = id == "ISA" && number == 4 && !segment.element(4).trim_ascii().is_empty();
        let raw = if secret { b"(not shown)".as_slice() } else { segment.element(number) };
        let element = u16::try_from(number).unwrap_or(u16::MAX);
        let part = dictionary.and_then(|known| names::find_part(known, id, element, 0));
        // The ISA's own separators are its data.
        let repeats = part.is_some_and(|part| part.repeat > 1) && id != "ISA";
        let separator = separators.repetition.filter(|_| repeats);
        let repetitions: Vec<&[u8]> = match separator {
            Some(separator) => raw.split(|byte| *byte == separator).collect(),
            None => vec![raw],
        };
        for raw in repetitions {
            if part.is_some_and(|part| part.composite.is_some()) {
                for (component, raw) in (1..).zip(raw.split(|byte| *byte == separators.component)) {
                    let part = dictionary.and_then(|known| names::find_part(known, id, element, component));
                    push_line(format!("{number:02}-{component:02}"), part, raw, style, lines);
                }
            } else {
                push_line(format!("{number:02}   "), part, raw, style, lines);
            }
        }
    }
}

fn push_line(place: String, part: Option<Part>, raw: &[u8], style: Style, lines: &mut Vec<String>) {
    let value: String = String::from_utf8_lossy(raw)
        .chars()
        .map(|found| if found.is_control() { '.' } else { found })
        .collect();
    let value = value.trim_end();
    if value.is_empty() {
        return;
    }
    let name = part.and_then(|part| names::find_element(part.element.number)).unwrap_or_default();
    let meaning = part.and_then(|part| names::find_code(part.element.number, value));
    let meaning = meaning.map(|meaning| format!("  = {meaning}")).unwrap_or_default();
    lines.push(format!("{} {name:<28} {value}{}", style.faint(&place), style.faint(&meaning)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(bytes: &[u8], window_bytes: usize) -> (String, bool) {
        let mut options = Options::default();
        options.limits.window_bytes = window_bytes;
        let mut out = Vec::new();
        let rejected = explain(bytes, &options, &options, Style::default(), &mut out);
        (String::from_utf8(out).expect("text"), rejected.is_ok_and(|rejected| rejected))
    }

    #[test]
    fn what_is_explained_does_not_depend_on_how_the_file_is_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/x12_reader/envelopes");
        let mut count = 0;
        for entry in std::fs::read_dir(folder).expect("it is ours") {
            let path = entry.expect("listed").path();
            if path.extension().is_none_or(|extension| extension != "edi") {
                continue;
            }
            let bytes = std::fs::read(&path).expect("read");
            let whole = explained(&bytes, 1 << 20);
            for window_bytes in [1, 64, 333] {
                let parts = explained(&bytes, window_bytes);
                assert_eq!(parts, whole, "{} by {window_bytes} bytes", path.display());
            }
            // Every segment is there: nothing that was read is left out.
            let finds_all = ["ISA", "GS", "ST", "SE", "GE", "IEA"].iter().all(|id| whole.0.contains(id));
            count += usize::from(finds_all);
        }
        assert!(count > 10, "{count}");
    }

    #[test]
    fn a_reader_that_has_enough_ends_the_reading() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        struct Endless(Vec<u8>, usize);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let rest = self.0.get(self.1..).unwrap_or_default();
                if rest.is_empty() {
                    self.1 = 0;
                    return self.read(buffer);
                }
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                self.1 += count;
                Ok(count)
            }
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/x12_reader/envelopes/valid.edi");
        let source = Endless(std::fs::read(path).expect("it is ours"), 0);
        let options = Options::default();
        let ended = explain(source, &options, &options, Style::default(), &mut Closed);
        assert!(matches!(ended, Err(Failed::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe));
    }
}
