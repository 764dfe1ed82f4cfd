//! `crossdock validate`: reads X12 files of any size and says what is wrong with them.

use super::answers::{AckKind, Answers};
use super::excerpt::{self, Style};
use super::inputs::{self, Input};
use super::terms::{Agreed, By};
use super::{counted, exit};
use crate::clock::Clock;
use crate::finding::{Finding, Severity};
use crate::formats::x12::describe::{self, Context};
use crate::formats::x12::fault::Fault;
use crate::formats::x12::lexer::Window;
use crate::formats::x12::reader::{self, Summary, Visitor};
use crate::formats::x12::segment::{Delimiters, Segment};
use crate::formats::x12::verdict::{Group, Interchange, InterchangeHeader, Set, Status};
use anyhow::Context as _;
use clap::Args;
use serde::Serialize;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Read X12 files and say what is wrong with them
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Files or folders; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write the acknowledgments these files get; findings then go to standard error
    #[arg(long, value_enum, value_name = "KIND")]
    ack: Option<AckKind>,
    /// Write acknowledgments to this file instead of standard output
    #[arg(long, requires = "ack", value_name = "FILE")]
    out: Option<PathBuf>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// One line a file
    #[arg(long)]
    summary: bool,
    #[command(flatten)]
    by: By,
}

/// Runs the command. `config` is where the settings are if a partner is named, `colour` tells whether the output may
/// use colours, `clock` dates the acknowledgments.
///
/// # Errors
/// When output cannot be written or acknowledgments cannot be composed.
pub fn run(arguments: &Arguments, config: &Path, colour: bool, clock: Clock) -> anyhow::Result<ExitCode> {
    match validate(arguments, config, colour, clock) {
        // Whoever reads our output has had enough.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::from(exit::DONE)),
        result => result.map(ExitCode::from),
    }
}

fn validate(arguments: &Arguments, config: &Path, colour: bool, clock: Clock) -> anyhow::Result<u8> {
    let mut stderr = io::stderr();
    let agreed = match arguments.by.settle(config, clock.now().date_naive()) {
        Ok(agreed) => agreed,
        Err(shown) => {
            write!(stderr, "{shown}")?;
            return Ok(exit::USAGE);
        }
    };
    let inputs = match inputs::list(&arguments.files) {
        Ok(inputs) => inputs,
        Err(message) => {
            writeln!(stderr, "{message}")?;
            return Ok(exit::USAGE);
        }
    };
    let partner = agreed.partner();
    let acks_to_stdout = arguments.ack.is_some() && arguments.out.is_none();
    let findings: Box<dyn Write> = if acks_to_stdout { Box::new(stderr) } else { Box::new(io::stdout()) };
    let answers = match (&arguments.ack, &arguments.out) {
        (None, _) => None,
        (Some(kind), None) => Some(Answers::new(*kind, partner, Box::new(io::stdout()), clock)),
        (Some(kind), Some(path)) => {
            let file =
                std::fs::File::create(path).with_context(|| format!("cannot write `{}`", path.display()))?;
            Some(Answers::new(*kind, partner, Box::new(file), clock))
        }
    };
    let mut report = Report {
        agreed: &agreed,
        form: match (arguments.summary, arguments.json) {
            (true, _) => Form::None,
            (false, true) => Form::Json,
            (false, false) => Form::Text,
        },
        style: Style { colour },
        out: BufWriter::new(findings),
        name: String::new(),
        headers: Vec::new(),
        strays: Vec::new(),
        counts: Counts::default(),
        answers,
        failed: None,
    };
    let mut rejected = false;
    for input in &inputs {
        rejected |= report.read(input, arguments.json)?;
    }
    report.out.flush()?;
    if let Some(answers) = &mut report.answers {
        answers.flush()?;
    }
    Ok(if rejected { exit::FINDINGS } else { exit::DONE })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Text,
    Json,
    None,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    rejected_interchanges: u64,
    groups: u64,
    rejected_sets: u64,
    sets_with_errors: u64,
    /// Sets accepted so far of the group and of the interchange at hand: both may still be refused whole.
    accepted_in_group: u64,
    accepted_in_interchange: u64,
    /// Findings that reject something, and all of them.
    grave: u64,
    all: u64,
}

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    byte: u64,
    line: u32,
    segment: &'a str,
    segment_position: u32,
    element: u16,
    component: u16,
    repetition: u16,
    code: &'a str,
    severity: Severity,
    ack_code: &'a str,
    message: &'a str,
    hint: &'a str,
    value: &'a str,
}

/// One line of `--json --summary`.
#[derive(Serialize)]
struct SummaryLine<'a> {
    file: &'a str,
    interchanges: u64,
    groups: u64,
    sets: u64,
    accepted: u64,
    rejected: u64,
    findings: u64,
    complete: bool,
}

/// So much of a segment that belongs nowhere is kept to be shown.
const MOST_KEPT: usize = 1_000;

/// Writes findings as they fall, so that a file of any size needs little memory.
struct Report<'o> {
    agreed: &'o Agreed,
    form: Form,
    style: Style,
    out: BufWriter<Box<dyn Write>>,
    name: String,
    /// Offset, line and text of the ISA and GS at hand: their faults are told when they have left the window.
    headers: Vec<(u64, u32, Vec<u8>)>,
    /// The same of segments that belong nowhere: their faults are told where the interchange ends.
    strays: Vec<(u64, u32, Vec<u8>)>,
    counts: Counts,
    answers: Option<Answers<'o>>,
    failed: Option<anyhow::Error>,
}

impl<'o> Report<'o> {
    /// Reads one input; whether anything in it was rejected.
    fn read(&mut self, input: &Input, json: bool) -> anyhow::Result<bool> {
        self.name = input.name();
        self.counts = Counts::default();
        self.headers.clear();
        self.strays.clear();
        let source = input.open(false).with_context(|| format!("cannot open `{}`", self.name))?;
        let summary = reader::validate_stream(source, self.agreed, self)
            .with_context(|| format!("cannot read `{}`", self.name))?;
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        match (json, self.form) {
            (true, Form::None) => {
                let line = SummaryLine {
                    file: &self.name,
                    interchanges: summary.interchanges,
                    groups: self.counts.groups,
                    sets: summary.sets,
                    accepted: summary.sets - self.counts.rejected_sets,
                    rejected: self.counts.rejected_sets,
                    findings: self.counts.all,
                    complete: summary.complete,
                };
                serde_json::to_writer(&mut self.out, &line)?;
                writeln!(self.out)?;
            }
            (true, _) => {}
            (false, _) => writeln!(self.out, "{}", self.summarize(&summary))?,
        }
        Ok(self.counts.grave > 0)
    }

    fn summarize(&self, summary: &Summary) -> String {
        let counts = &self.counts;
        let mut text = format!("{}: {}", self.name, counted(summary.sets, "document"));
        text.push_str(&format!(", {} accepted", summary.sets - counts.rejected_sets));
        if counts.sets_with_errors > 0 && summary.sets > counts.rejected_sets {
            text.push_str(&format!(" ({} with errors)", counts.sets_with_errors));
        }
        let rejected = format!(", {} rejected", counts.rejected_sets);
        text.push_str(&if counts.rejected_sets > 0 {
            self.style.severity(Severity::Reject, &rejected)
        } else {
            rejected
        });
        if counts.rejected_interchanges > 0 {
            let refused = format!(", {} refused", counted(counts.rejected_interchanges, "interchange"));
            text.push_str(&self.style.severity(Severity::Reject, &refused));
        }
        if !summary.complete && summary.interchanges > 0 {
            text.push_str(", the file is not complete");
        }
        if counts.all > 0 {
            text.push_str(&format!("; {}", counted(counts.all, "finding")));
        }
        text
    }

    /// Tells faults of one part of the file.
    fn tell(
        &mut self,
        faults: &[Fault],
        document: &str,
        context: &Context<'_>,
        delimiters: Option<Delimiters>,
    ) {
        for fault in faults {
            self.counts.all += 1;
            self.counts.grave += u64::from(fault.severity == Severity::Reject);
            if self.form == Form::None || self.failed.is_some() {
                continue;
            }
            // What has left the window was kept aside.
            let kept = self
                .headers
                .iter()
                .chain(&self.strays)
                .find(|(byte, _, text)| (*byte..byte + text.len() as u64).contains(&fault.byte))
                .filter(|_| fault.byte < context.window.byte);
            let window = match kept {
                Some((byte, line, text)) => Window { bytes: text, byte: *byte, line: *line, lines: None },
                None => context.window,
            };
            let context = Context { window, ..*context };
            let finding = describe::finding(fault, &context);
            if let Err(error) = write_finding(
                &mut self.out,
                self.form,
                &finding,
                &self.name,
                document,
                window,
                delimiters,
                self.style,
            ) {
                self.failed = Some(error.into());
            }
        }
    }

    fn keep_header(&mut self, place: usize, segment: &Segment<'_>, window: Window<'_>) {
        self.headers.truncate(place);
        self.headers.push((segment.byte, window.line_of(segment.byte), segment.bytes.to_vec()));
    }

    fn answer(&mut self, answer: impl FnOnce(&mut Answers<'o>) -> anyhow::Result<()>) {
        if let Some(answers) = &mut self.answers
            && self.failed.is_none()
            && let Err(error) = answer(answers)
        {
            self.failed = Some(error);
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "one call, all of it needed to show one finding")]
fn write_finding(
    out: &mut impl Write,
    form: Form,
    finding: &Finding,
    file: &str,
    document: &str,
    window: Window<'_>,
    delimiters: Option<Delimiters>,
    style: Style,
) -> io::Result<()> {
    if form == Form::Text {
        let text = excerpt::render(finding, file, document, window, delimiters, style);
        return writeln!(out, "{text}");
    }
    let place = &finding.location;
    let line = Line {
        file,
        byte: place.byte,
        line: place.line,
        segment: &place.segment,
        segment_position: place.segment_position,
        element: place.element,
        component: place.component,
        repetition: place.repetition,
        code: finding.code,
        severity: finding.severity,
        ack_code: &finding.ack_code,
        message: &finding.message,
        hint: &finding.hint,
        value: &finding.value,
    };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)
}

impl Visitor for Report<'_> {
    fn interchange_begins(
        &mut self,
        _: &InterchangeHeader,
        _: &[Fault],
        segment: &Segment<'_>,
        window: Window<'_>,
    ) {
        self.strays.clear();
        self.keep_header(0, segment, window);
    }

    fn outside(&mut self, segment: &Segment<'_>, window: Window<'_>) {
        let is_trailer = matches!(segment.id(), b"GE" | b"IEA" | b"TA1");
        if !is_trailer && self.strays.len() < self.agreed.options.limits.envelope_faults {
            let text = segment.bytes.get(..MOST_KEPT).unwrap_or(segment.bytes);
            self.strays.push((segment.byte, window.line_of(segment.byte), text.to_vec()));
        }
    }

    fn group_begins(&mut self, _: &Group, segment: &Segment<'_>, window: Window<'_>) {
        self.keep_header(1, segment, window);
        self.counts.groups += 1;
    }

    fn set(&mut self, set: Set, group: &Group, header: &InterchangeHeader, window: Window<'_>) {
        match set.status {
            Status::Rejected => self.counts.rejected_sets += 1,
            Status::AcceptedWithErrors => self.counts.sets_with_errors += 1,
            Status::Accepted | Status::PartiallyAccepted => {}
        }
        self.counts.accepted_in_group += u64::from(set.status != Status::Rejected);
        if !set.faults.is_empty() {
            let options = &self.agreed.options;
            let guide = options.set.guide.as_deref();
            let context = Context::of_set(window, &options.schemas, &group.version, guide, &set.id);
            let document = format!("document {} {}", set.id, set.control_number);
            self.tell(&set.faults, &document, &context, Some(header.delimiters));
        }
        self.answer(|answers| {
            answers.take_set(set);
            Ok(())
        });
    }

    fn group_ends(&mut self, group: Group, header: &InterchangeHeader, window: Window<'_>) {
        let options = &self.agreed.options;
        let context = Context::of_set(window, &options.schemas, &group.version, None, "");
        let document = format!("group {} {}", group.functional_id, group.control_number);
        self.tell(&group.faults, &document, &context, Some(header.delimiters));
        let accepted = std::mem::take(&mut self.counts.accepted_in_group);
        match group.status {
            Status::Rejected => self.counts.rejected_sets += accepted,
            _ => self.counts.accepted_in_interchange += accepted,
        }
        self.answer(|answers| answers.take_group(group, header, options));
    }

    fn interchange_ends(&mut self, interchange: Interchange, window: Window<'_>) {
        let options = &self.agreed.options;
        let context = Context::of_envelope(window, &options.schemas);
        let document = format!("interchange {}", interchange.header.control_number);
        self.tell(&interchange.faults, &document, &context, Some(interchange.header.delimiters));
        let accepted = std::mem::take(&mut self.counts.accepted_in_interchange);
        if interchange.status == Status::Rejected {
            self.counts.rejected_interchanges += 1;
            self.counts.rejected_sets += accepted;
        }
        self.answer(|answers| answers.take_interchange(&interchange, options));
    }

    fn file_fault(&mut self, fault: Fault, window: Window<'_>) {
        let options = &self.agreed.options;
        let context = Context::of_envelope(window, &options.schemas);
        self.tell(&[fault], "", &context, None);
    }
}
