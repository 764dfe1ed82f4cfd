//! How fast X12 is read: beside other crates, in one run, on the same bytes.
//!
//! `cargo bench --bench x12` measures; `cargo bench --bench x12 -- generate 810 100 FILE` writes 100 MB of invoices.
#![expect(clippy::print_stdout, reason = "a bench speaks to people")]

#[path = "generate.rs"]
mod generate;

use crossdock::formats::x12::ack::{self, Settings};
use crossdock::formats::x12::lexer::{self, Event, Lexer, Limits, Tokens, Window};
use crossdock::formats::x12::reader::{self, Options, Visitor};
use crossdock::formats::x12::stream::Stream;
use crossdock::formats::x12::verdict::{Group, InterchangeHeader, Set};
use generate::Document;
use std::fs::File;
use std::hint::black_box;
use std::io::BufWriter;
use std::path::Path;
use std::time::Instant;

const MB: u64 = 1_000_000;
const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|text| !text.starts_with("--")).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["generate", id, size, path] => {
            let document = Document::find(id).expect("810, 940, 945 or 856");
            let size: u64 = size.parse().expect("a number of megabytes");
            let sets = make(document, size * MB, Path::new(path));
            println!("{path}: {sets} documents");
        }
        [] => {
            measure_tokens();
            measure_validation();
        }
        ["tokens"] => measure_tokens(),
        ["validation"] => measure_validation(),
        other => panic!("there is no measure {other:?}"),
    }
}

fn make(document: Document, bytes: u64, path: &Path) -> u64 {
    let file = File::create(path).expect("the file can be made");
    generate::write(document, bytes, 1, &mut BufWriter::new(file)).expect("the file can be written")
}

fn measure_tokens() {
    let folder = tempfile::tempdir().expect("there is room for test files");
    let (large, small) = (folder.path().join("100.edi"), folder.path().join("10.edi"));
    make(Document::Invoice, 100 * MB, &large);
    make(Document::Invoice, 10 * MB, &small);

    println!("tokenise, every element touched (MB/s, median of {ROUNDS} [least-most])");
    let bytes = std::fs::read(&large).expect("it was just written");
    let expected = segments(&bytes);
    rate("crossdock elements, in memory, 810 100 MB", bytes.len(), || {
        assert_eq!(elements(&bytes), expected);
    });
    rate("crossdock segments, in memory, 810 100 MB", bytes.len(), || assert_eq!(segments(&bytes), expected));
    rate("crossdock segments, from the file, 810 100 MB", bytes.len(), || {
        assert_eq!(stream(&large), expected)
    });
    rate("x12-stream-parser, in memory, 810 100 MB", bytes.len(), || {
        assert_eq!(stream_parser(&bytes), expected);
    });
    rate("x12-stream-parser, from the file, 810 100 MB", bytes.len(), || {
        assert_eq!(stream_parser(&std::fs::read(&large).expect("it is there")), expected);
    });
    let bytes = std::fs::read(&small).expect("it was just written");
    let expected = segments(&bytes);
    rate("crossdock elements, in memory, 810 10 MB", bytes.len(), || {
        assert_eq!(elements(&bytes), expected);
    });
    rate("crossdock segments, in memory, 810 10 MB", bytes.len(), || assert_eq!(segments(&bytes), expected));
    rate("edi, in memory, 810 10 MB", bytes.len(), || assert_eq!(edi(&bytes), expected.elements));
}

fn measure_validation() {
    let folder = tempfile::tempdir().expect("there is room for test files");
    println!("read, validate against the schema and compose 997s, from the file");
    for (id, document) in [
        ("810", Document::Invoice),
        ("940", Document::ShippingOrder),
        ("945", Document::ShippingAdvice),
        ("856", Document::ShipNotice),
    ] {
        let path = folder.path().join(format!("{id}.edi"));
        make(document, 50 * MB, &path);
        let size = std::fs::metadata(&path).expect("it was just written").len();
        let name = format!("crossdock, {id} 50 MB");
        rate(&name, usize::try_from(size).expect("it fits"), || {
            let answered = validate(&path);
            assert!(answered.sets > 0 && answered.sets == answered.accepted, "{answered:?}");
        });
    }
}

/// Runs once to warm up, then times each round.
fn rate(name: &str, bytes: usize, mut run: impl FnMut()) {
    run();
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            run();
            bytes as f64 / 1e6 / start.elapsed().as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    println!("{name:<48} {:>8.0} [{:.0}-{:.0}]", rates[ROUNDS / 2], rates[0], rates[ROUNDS - 1]);
}

/// What a parser saw, so that all of them must have touched every element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    segments: u64,
    elements: u64,
    bytes: u64,
    mixed: u8,
}

impl Seen {
    fn element(&mut self, text: &[u8]) {
        self.elements += 1;
        self.bytes += text.len() as u64;
        self.mixed ^= text.first().copied().unwrap_or(0);
    }
}

fn event(event: &Event<'_>, seen: &mut Seen) -> bool {
    match event {
        Event::Segment(segment) | Event::Interchange(segment, _) => {
            seen.segments += 1;
            for element in segment.elements() {
                seen.element(element);
            }
            true
        }
        Event::End => false,
        other => panic!("the file is clean, and there is {other:?}"),
    }
}

fn segments(bytes: &[u8]) -> Seen {
    let mut lexer = Lexer::new(bytes, Limits::default());
    let mut seen = Seen::default();
    while event(&lexer.next_event(), &mut seen) {}
    black_box(seen)
}

impl Tokens for Seen {
    fn element(&mut self, text: &[u8]) {
        Self::element(self, text);
    }

    fn segment_ends(&mut self) {
        self.segments += 1;
    }
}

fn elements(bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    lexer::tokenize(bytes, Limits::default(), &mut seen);
    black_box(seen)
}

fn stream(path: &Path) -> Seen {
    let mut stream = Stream::new(File::open(path).expect("it is there"), Limits::default());
    let mut seen = Seen::default();
    while event(&stream.next_event(None).expect("files can be read").0, &mut seen) {}
    black_box(seen)
}

fn stream_parser(bytes: &[u8]) -> Seen {
    let delimiters = x12_stream_parser::Delimiters::new(b'~', b'*', b'>');
    let mut seen = Seen::default();
    for segment in x12_stream_parser::Parser::new(bytes, delimiters) {
        let segment = segment.expect("the file is clean");
        seen.segments += 1;
        seen.element(segment.id());
        for element in segment.elements() {
            seen.element(element);
        }
    }
    black_box(seen)
}

/// Elements that `edi` found; it keeps the segment id apart and takes ISA, GS and ST to pieces of its own.
fn edi(bytes: &[u8]) -> u64 {
    let text = std::str::from_utf8(bytes).expect("the file is ASCII");
    let document = edi::parse(text).unwrap_or_else(|_| panic!("the file is clean"));
    // ISA and IEA, 17 and 3 with their ids; GS and GE 9 and 3; ST and SE 3 each.
    let mut elements = 0;
    for interchange in &document.interchanges {
        elements += 20;
        for group in &interchange.functional_groups {
            elements += 12;
            for set in &group.transactions {
                elements += 6;
                for segment in &set.segments {
                    elements += 1 + segment.elements.len() as u64;
                    black_box(segment.elements.iter().map(|text| text.len()).sum::<usize>());
                }
            }
        }
    }
    black_box(elements)
}

#[derive(Debug, Default)]
struct Answered {
    sets: u64,
    accepted: u64,
    open: Vec<Set>,
    nodes: usize,
}

impl Visitor for Answered {
    fn set(&mut self, set: Set, _: &Group, _: &InterchangeHeader, _: Window<'_>) {
        self.open.push(set);
    }

    fn group_ends(&mut self, mut group: Group, header: &InterchangeHeader, _: Window<'_>) {
        self.sets += u64::from(group.received_sets);
        self.accepted += u64::from(group.accepted_sets);
        group.sets = std::mem::take(&mut self.open);
        let composed = ack::compose(&group, &Settings::default(), &header.delimiters);
        self.nodes += composed.map_or(0, |composed| composed.tree.len());
        self.open = group.sets;
        self.open.clear();
    }
}

fn validate(path: &Path) -> Answered {
    let mut answered = Answered::default();
    let file = File::open(path).expect("it is there");
    reader::validate_stream(file, &Options::default(), &mut answered).expect("files can be read");
    black_box(answered)
}
