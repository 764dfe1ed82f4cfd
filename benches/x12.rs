//! How fast X12 is read: beside other crates, in one run, on the same bytes.
//!
//! `cargo bench --bench x12` measures; `-- generate 810 100 FILE` writes 100 MB of invoices; `-- once tokens FILE` and
//! `-- once validation FILE` go through a file once, for a profiler.
#![expect(clippy::print_stdout, reason = "a bench speaks to people")]

#[path = "generate.rs"]
mod generate;
#[path = "measure.rs"]
mod measure;

use crossdock::formats::x12::ack::{self, Settings};
use crossdock::formats::x12::lexer::{Event, Lexer, Limits, Window};
use crossdock::formats::x12::reader::{self, Options, Visitor};
use crossdock::formats::x12::stream::Stream;
use crossdock::formats::x12::verdict::{Group, InterchangeHeader, Set};
use generate::Document;
use measure::{compare, contestant};
use std::fs::File;
use std::hint::black_box;
use std::io::BufWriter;
use std::path::Path;

const MB: u64 = 1_000_000;

const DOCUMENTS: [(&str, Document); 4] = [
    ("810", Document::Invoice),
    ("940", Document::ShippingOrder),
    ("945", Document::ShippingAdvice),
    ("856", Document::ShipNotice),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|text| !text.starts_with("--")).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["generate", id, size, path] => {
            let (_, document) =
                DOCUMENTS.into_iter().find(|(own, _)| own == id).expect("810, 940, 945 or 856");
            let size: u64 = size.parse().expect("a number of megabytes");
            let sets = make(document, size * MB, Path::new(path));
            println!("{path}: {sets} documents");
        }
        [] => {
            measure_tokens();
            measure_validation();
        }
        ["once", what, path] => once(what, Path::new(path)),
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
    let file = folder.path().join("810.edi");
    make(Document::Invoice, 100 * MB, &file);
    let bytes = std::fs::read(&file).expect("it was just written");
    let expected = segments(&bytes);
    compare(
        "tokenise 810, every element touched",
        bytes.len(),
        vec![
            contestant("crossdock, in memory", || assert_eq!(segments(&bytes), expected)),
            contestant("x12-stream-parser, in memory", || assert_eq!(stream_parser(&bytes), expected)),
            contestant("limit: a bare scan with 64-byte masks", || {
                let seen = scan(&bytes).unwrap_or(expected);
                assert_eq!((seen.segments, seen.elements), (expected.segments, expected.elements));
            }),
            contestant("crossdock, from the file", || assert_eq!(stream(&file), expected)),
            contestant("x12-stream-parser, from the file", || {
                assert_eq!(stream_parser(&std::fs::read(&file).expect("it is there")), expected);
            }),
        ],
    );
    // The tree that `edi` builds takes seven times the file.
    make(Document::Invoice, 10 * MB, &file);
    let bytes = std::fs::read(&file).expect("it was just written");
    let expected = segments(&bytes);
    compare(
        "tokenise 810, every element touched",
        bytes.len(),
        vec![
            contestant("crossdock, in memory", || assert_eq!(segments(&bytes), expected)),
            contestant("edi, in memory", || assert_eq!(edi(&bytes), expected.elements)),
        ],
    );
}

fn measure_validation() {
    let folder = tempfile::tempdir().expect("there is room for test files");
    for (id, document) in DOCUMENTS {
        let path = folder.path().join(format!("{id}.edi"));
        make(document, 50 * MB, &path);
        let size = std::fs::metadata(&path).expect("it was just written").len();
        let size = usize::try_from(size).expect("it fits");
        compare(
            &format!("read {id} from the file, validate and compose 997s"),
            size,
            vec![contestant("crossdock", || {
                let answered = validate(&path);
                assert!(answered.sets > 0 && answered.sets == answered.accepted, "{answered:?}");
            })],
        );
    }
}

/// What no reader can beat that looks at every separator: masks of 64 bytes, their bits one by one; no envelope, no
/// checks, separators known beforehand. None where the processor has no AVX2.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "AVX2 is only known at run time")]
fn scan(bytes: &[u8]) -> Option<Seen> {
    let fits = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1");
    // SAFETY: the processor has what the function is compiled for, as was just asked.
    fits.then(|| unsafe { scan_avx2(bytes) })
}

#[cfg(not(target_arch = "x86_64"))]
fn scan(_: &[u8]) -> Option<Seen> {
    None
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1")]
fn scan_avx2(bytes: &[u8]) -> Seen {
    use std::arch::x86_64::{
        _mm256_cmpeq_epi8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set_epi64x, _mm256_set1_epi8,
    };
    let (element, end) = (_mm256_set1_epi8(b'*'.cast_signed()), _mm256_set1_epi8(b'~'.cast_signed()));
    let mask = |half: &[u8; 32]| {
        let word = |at: usize| i64::from_le_bytes(std::array::from_fn(|byte| half[8 * at + byte]));
        let half = _mm256_set_epi64x(word(3), word(2), word(1), word(0));
        let found = _mm256_or_si256(_mm256_cmpeq_epi8(half, element), _mm256_cmpeq_epi8(half, end));
        u64::from(_mm256_movemask_epi8(found).cast_unsigned())
    };
    let mut seen = Seen::default();
    let mut start = 0;
    for (at, block) in bytes.chunks(64).enumerate() {
        let mut whole = [0; 64];
        let block = match <&[u8; 64]>::try_from(block) {
            Ok(block) => block,
            Err(_) => {
                whole[..block.len()].copy_from_slice(block);
                &whole
            }
        };
        let [low, high] = block.as_chunks::<32>().0 else { continue };
        let mut bits = mask(high) << 32 | mask(low);
        while bits != 0 {
            let end = at * 64 + bits.trailing_zeros() as usize;
            bits &= bits - 1;
            seen.element(&bytes[start..end]);
            seen.segments += u64::from(bytes[end] == b'~');
            start = end + 1;
        }
    }
    black_box(seen)
}

fn once(what: &str, path: &Path) {
    match what {
        "tokens" => println!("{:?}", segments(&std::fs::read(path).expect("the file can be read"))),
        "validation" => println!("{:?}", validate(path)),
        other => panic!("there is nothing to do once that is called {other}"),
    }
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
        // Without a branch, which would be guessed wrong at many an empty element, whoever hands it over.
        self.mixed ^= *text.first().unwrap_or(&0);
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
