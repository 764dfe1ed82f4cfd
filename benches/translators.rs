//! How fast documents become records, and how soon a translator is ready.
//!
//! `cargo bench --bench translators` measures; `-- once ID` reads 10 MB of one document, for a profiler.
#![expect(clippy::print_stdout, reason = "a bench speaks to people")]

#[path = "generate.rs"]
mod generate;
#[path = "measure.rs"]
mod measure;

use crossdock::canonical::Record;
use crossdock::formats::x12::lexer::Window;
use crossdock::formats::x12::reader::{self, Options, Visitor};
use crossdock::formats::x12::schema::Schemas;
use crossdock::formats::x12::segment::Delimiters;
use crossdock::formats::x12::tree_builder::TreeBuilder;
use crossdock::formats::x12::verdict::{Group, InterchangeHeader, Set};
use crossdock::translators::{Lookup, Translator, find_shipped};
use crossdock::tree::Tree;
use generate::Document;
use measure::{ROUNDS, compare, contestant, time};
use std::cell::RefCell;
use std::hint::black_box;
use std::ops::Range;

const DOCUMENTS: [(&str, &str, Document); 4] = [
    ("810", "x12-810", Document::Invoice),
    ("940", "x12-940", Document::ShippingOrder),
    ("945", "x12-945", Document::ShippingAdvice),
    ("856", "x12-856", Document::ShipNotice),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|text| !text.starts_with("--")).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => {
            for (id, translator, document) in DOCUMENTS {
                measure_reading(id, translator, document);
            }
            measure_loading();
        }
        ["once", id] => {
            let (_, translator, document) =
                DOCUMENTS.into_iter().find(|row| row.0 == *id).expect("a known id");
            let bytes = make(document, 10_000_000);
            Bench::new(&bytes, translator).records();
        }
        other => panic!("there is no measure {other:?}"),
    }
}

fn measure_reading(id: &str, translator: &str, document: Document) {
    let bytes = make(document, 20_000_000);
    let bench = RefCell::new(Bench::new(&bytes, translator));
    compare(
        &format!("read {id}"),
        bytes.len(),
        vec![
            contestant("sets into records", || bench.borrow_mut().records()),
            contestant("sets into trees only", || bench.borrow_mut().trees()),
            contestant("validate, then sets into records", || {
                let mut bench = bench.borrow_mut();
                bench.sets = find_sets(&bytes);
                bench.records();
            }),
        ],
    );
}

fn measure_loading() {
    println!("\nload and check a translator: ms of processor time");
    for (name, text) in crossdock::translators::shipped() {
        let schemas = Schemas::builtin();
        let once = || {
            let translator = Translator::load(text, name).expect("shipped translators are sound");
            black_box(translator.check(&schemas));
        };
        let best = (0..ROUNDS).map(|_| time(once)).min().unwrap_or_default();
        println!("  {name:<44} {:>7.2}", best.as_secs_f64() * 1e3);
    }
}

fn make(document: Document, bytes: u64) -> Vec<u8> {
    let mut made = Vec::new();
    generate::write(document, bytes, 1, &mut made).expect("memory takes everything");
    made
}

fn find_sets(bytes: &[u8]) -> Vec<(Range<usize>, Delimiters)> {
    let mut found = Found::default();
    reader::validate_stream(bytes, &Options::default(), &mut found).expect("memory can be read");
    assert!(found.accepted > 0 && found.accepted == found.sets.len());
    found.sets
}

/// A file whose sets were found and judged, as the hub has it when it begins to translate.
struct Bench<'b> {
    bytes: &'b [u8],
    schema: crossdock::formats::x12::schema::Set,
    translator: Translator,
    sets: Vec<(Range<usize>, Delimiters)>,
    builder: TreeBuilder,
    tree: Tree,
}

impl<'b> Bench<'b> {
    fn new(bytes: &'b [u8], translator: &str) -> Self {
        let text = find_shipped(translator).expect("it is shipped");
        let translator = Translator::load(text, translator).expect("shipped translators are sound");
        let schema =
            Schemas::builtin().find_set("004010", None, translator.set()).expect("it is built in").clone();
        Self {
            bytes,
            schema,
            translator,
            sets: find_sets(bytes),
            builder: TreeBuilder::default(),
            tree: Tree::default(),
        }
    }

    fn trees(&mut self) {
        for (range, delimiters) in &self.sets {
            let body = &self.bytes[range.clone()];
            self.builder.read(body, range.start as u64, *delimiters, &self.schema, &mut self.tree);
            black_box(self.tree.len());
        }
    }

    fn records(&mut self) {
        for (range, delimiters) in &self.sets {
            let body = &self.bytes[range.clone()];
            self.builder.read(body, range.start as u64, *delimiters, &self.schema, &mut self.tree);
            let (record, findings) = self.translator.read(&self.tree, Lookup::none());
            assert!(findings.is_empty(), "{findings:?}");
            black_box::<Record>(record);
        }
    }
}

#[derive(Default)]
struct Found {
    sets: Vec<(Range<usize>, Delimiters)>,
    accepted: usize,
}

impl Visitor for Found {
    fn set(&mut self, set: Set, _: &Group, header: &InterchangeHeader, _: Window<'_>) {
        self.accepted += usize::from(set.faults.is_empty());
        let range = set.bytes.start as usize..set.bytes.end as usize;
        self.sets.push((range, header.delimiters));
    }
}
