//! `crossdock explain`: X12 files with every segment, element and code named.

use super::excerpt::{self, Style};
use super::exit;
use super::inputs::{self, Meter};
use crate::finding::{Finding, Severity};
use crate::formats::x12::describe;
use crate::formats::x12::lexer::{Event, Lexer, Window};
use crate::formats::x12::names;
use crate::formats::x12::reader::{self, Options};
use crate::formats::x12::schema::{Dictionary, LoopId, Part, Schemas, Set};
use crate::formats::x12::segment::Segment;
use crate::formats::x12::walker::Walker;
use clap::Args;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Show X12 files with every segment, element and code named
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Files or folders; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Take an ISA that is not padded to its fixed width
    #[arg(long)]
    lenient_isa: bool,
}

/// Runs the command. `colour` tells whether its output may use colours.
///
/// # Errors
/// When a file cannot be read or output cannot be written.
pub fn run(arguments: &Arguments, colour: bool) -> anyhow::Result<ExitCode> {
    let inputs = match inputs::list(&arguments.files) {
        Ok(inputs) => inputs,
        Err(message) => {
            writeln!(io::stderr(), "{message}")?;
            return Ok(ExitCode::from(exit::USAGE));
        }
    };
    let options = Options { lenient_isa: arguments.lenient_isa, ..Options::default() };
    let style = Style { colour };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut rejected = false;
    for (number, input) in inputs.iter().enumerate() {
        let bytes = input.read()?;
        let heading = match (inputs.len(), number) {
            (1, _) => String::new(),
            (_, 0) => format!("{}:\n", style.strong(&input.name())),
            _ => format!("\n{}:\n", style.strong(&input.name())),
        };
        let written =
            write!(out, "{heading}").and_then(|()| explain(&bytes, &input.name(), &options, style, &mut out));
        match written {
            // Whoever reads our output has had enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Ok(ExitCode::from(exit::DONE));
            }
            written => rejected |= written?,
        }
    }
    Ok(ExitCode::from(if rejected { exit::FINDINGS } else { exit::DONE }))
}

/// Explains one file; whether anything in it was rejected.
fn explain(
    bytes: &[u8],
    name: &str,
    options: &Options,
    style: Style,
    out: &mut impl Write,
) -> io::Result<bool> {
    let window = Window::whole(bytes);
    let file = reader::validate(bytes, options);
    let findings = describe::list_findings(&file, window, &options.schemas);
    let rejected = findings.iter().any(|finding| finding.severity == Severity::Reject);
    // On a terminal the explanation itself shows how far it is.
    let meter = (!io::stdout().is_terminal()).then(|| Meter::new(name.to_owned(), Some(bytes.len() as u64)));
    let mut explanation = Explanation {
        out,
        style,
        schemas: &options.schemas,
        window,
        line: (0, 1),
        findings: findings.into_iter().peekable(),
        version: String::new(),
        set: None,
        walker: Walker::default(),
        levels: 0,
        position: 0,
        meter,
    };
    explanation.write(bytes, options)?;
    Ok(rejected)
}

struct Explanation<'a, W, F: Iterator<Item = Finding>> {
    out: W,
    style: Style,
    schemas: &'a Schemas,
    window: Window<'a>,
    /// A place of the file and its line: lines are counted from there.
    line: (u64, u32),
    findings: std::iter::Peekable<F>,
    version: String,
    set: Option<Set>,
    walker: Walker,
    /// HL levels above the segment at hand.
    levels: usize,
    position: u32,
    meter: Option<Meter>,
}

impl<W: Write, F: Iterator<Item = Finding>> Explanation<'_, W, F> {
    fn write(&mut self, bytes: &[u8], options: &Options) -> io::Result<()> {
        let mut lexer = Lexer::new(bytes, options.limits);
        let mut hierarchy: Vec<String> = Vec::new();
        loop {
            match lexer.next_event() {
                Event::Interchange(segment, _)
                | Event::Segment(segment)
                | Event::TooLong(segment)
                | Event::Unfinished(segment) => {
                    self.write_findings(segment.byte)?;
                    self.write_segment(&segment, &mut hierarchy)?;
                    self.write_findings(segment.byte + segment.bytes.len() as u64 + 1)?;
                    if let Some(meter) = &mut self.meter {
                        meter.show(segment.byte)?;
                    }
                }
                Event::Unreadable { byte, header, .. } => {
                    writeln!(self.out, "{}", String::from_utf8_lossy(header))?;
                    self.write_findings(byte + 1)?;
                }
                Event::Stray { .. } | Event::ByteOrderMark | Event::More => {}
                Event::End => break,
            }
        }
        self.write_findings(u64::MAX)?;
        self.out.flush()?;
        self.meter.as_mut().map_or(Ok(()), Meter::end)
    }

    fn write_segment(&mut self, segment: &Segment<'_>, hierarchy: &mut Vec<String>) -> io::Result<()> {
        let id = String::from_utf8_lossy(segment.id()).into_owned();
        match segment.id() {
            b"GS" => self.version = String::from_utf8_lossy(segment.element(8).trim_ascii()).into_owned(),
            b"ST" => {
                let id = String::from_utf8_lossy(segment.element(1).trim_ascii()).into_owned();
                self.set = self.schemas.find_set(&self.version, None, &id).cloned();
                self.position = 0;
                self.levels = 0;
                hierarchy.clear();
                if let Some(set) = &self.set {
                    self.walker.begin(set);
                }
            }
            _ => {}
        }
        let depth = match segment.id() {
            b"ISA" | b"IEA" => 0,
            b"GS" | b"GE" | b"TA1" => 1,
            b"ST" | b"SE" => 2,
            _ => self.place(segment, hierarchy),
        };
        let indent = "  ".repeat(depth);
        let name = names::find_segment(&id).unwrap_or_default();
        let line = self.line_of(segment.byte).to_string();
        let heading = format!("{indent}{}  {name}", self.style.strong(&id));
        writeln!(self.out, "{} {heading}", self.style.faint(&format!("{line:>5}")))?;
        let dictionary = match (&self.set, segment.id()) {
            (Some(set), id) if !matches!(id, b"ISA" | b"IEA" | b"GS" | b"GE") => Some(set.dictionary()),
            _ => self
                .schemas
                .find_release(&self.version)
                .or_else(|| self.schemas.find_release("004010"))
                .map(|release| &**release.dictionary()),
        };
        let mut lines = Vec::new();
        list_elements(segment, &id, dictionary, self.style, &mut lines);
        for line in lines {
            writeln!(self.out, "      {indent}  {line}")?;
        }
        if segment.id() == b"SE" {
            self.set = None;
        }
        Ok(())
    }

    /// How deep the segment stands: its loops, and its level where the document has levels.
    fn place(&mut self, segment: &Segment<'_>, hierarchy: &mut Vec<String>) -> usize {
        let Some(set) = &self.set else { return 3 };
        self.position += 1;
        let step = self.walker.step(segment.id(), self.position, segment.byte);
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

    fn line_of(&mut self, byte: u64) -> u32 {
        let (from, line) = self.line;
        let passed = self.window.get(from..byte.max(from)).unwrap_or(&[]);
        let line = line + u32::try_from(memchr::memchr_iter(b'\n', passed).count()).unwrap_or(0);
        self.line = (byte.max(from), line);
        line
    }

    fn write_findings(&mut self, before: u64) -> io::Result<()> {
        while let Some(finding) = self.findings.next_if(|finding| finding.location.byte < before) {
            let word = excerpt::severity_word(finding.severity);
            let mark = self.style.severity(finding.severity, &format!("      >> {word}:"));
            writeln!(self.out, "{mark} {}", self.style.strong(&finding.message))?;
            if !finding.hint.is_empty() {
                writeln!(self.out, "         hint: {}", finding.hint)?;
            }
        }
        Ok(())
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
