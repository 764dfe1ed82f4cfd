//! Reads whole files: each `.edi` beside what becomes of it, its findings and its acknowledgment, in a `.txt`.
//!
//! `UPDATE_EXPECT=1` writes the expectations anew.

use crate::fuzzed::checks;
use chrono::NaiveDate;
use crossdock::finding::Severity;
use crossdock::formats::x12::ack::{self, Settings, Ta1When};
use crossdock::formats::x12::ack_reader::{Received, read_acknowledgments};
use crossdock::formats::x12::describe;
use crossdock::formats::x12::fault::Code;
use crossdock::formats::x12::lexer::{Event, Lexer, Limits, Window};
use crossdock::formats::x12::reader::{self, Collector, Options, Terms};
use crossdock::formats::x12::segment::Delimiters;
use crossdock::formats::x12::verdict::{File, Interchange, Status};
use crossdock::formats::x12::writer::{
    DelimiterInData, Envelope, LineEnding, OutboundGroup, OutboundSet, write_interchange,
};
use crossdock::tree::{Key, Origin, Tree};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

#[test]
fn each_file_gets_its_verdict_and_its_acknowledgment() {
    for path in fixtures("x12_reader/envelopes").into_iter().chain(fixtures("x12_reader/sets")) {
        let bytes = read(&path);
        let options = Options::default();
        let file = reader::validate(&bytes, &options);
        let mut told = verdicts(&file);
        for finding in describe::list_findings(&file, Window::whole(&bytes), &options.schemas) {
            let place = &finding.location;
            write!(told, "\n{:?} {} line {}", finding.severity, finding.code, place.line).expect("text");
            write!(told, " byte {} {}", place.byte, place.segment).expect("text");
            if place.element > 0 {
                write!(told, "{:02}", place.element).expect("text");
            }
            writeln!(told, " {}\n  {}", finding.ack_code, finding.message).expect("text");
            if !finding.hint.is_empty() {
                writeln!(told, "  hint: {}", finding.hint).expect("text");
            }
        }
        for interchange in &file.interchanges {
            let answer = answer(interchange);
            if answer.is_empty() {
                continue;
            }
            let again = reader::validate(&answer, &options);
            let mut findings = describe::list_findings(&again, Window::whole(&answer), &options.schemas);
            // It repeats the codes that it refuses.
            findings.retain(|finding| {
                finding.code != "invalid_code" || !finding.location.segment.starts_with("AK")
            });
            assert_eq!(findings, [], "the acknowledgment of {}", path.display());
            write!(told, "\n{}", String::from_utf8_lossy(&answer)).expect("text");
        }
        expect(&path, &told);
    }
}

#[test]
fn every_set_has_a_clean_fixture_and_one_that_is_rejected() {
    let schemas = Options::default().schemas;
    let is_of = |path: &PathBuf, id: &str| {
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        name.split('-').next() == Some(id)
    };
    let known = schemas.list().flat_map(|release| release.list_sets());
    let ids: BTreeSet<&str> = known.map(|(id, _)| id).chain(["TA1"]).collect();
    assert!(ids.len() >= 24, "{ids:?}");
    for id in ids {
        for path in fixtures("x12_validate/valid").iter().filter(|path| is_of(path, id)) {
            let file = reader::validate(&read(path), &Options::default());
            assert!(accepted(&file), "{}", verdicts(&file));
        }
        for folder in ["x12_validate/valid", "x12_reader/sets"] {
            assert!(fixtures(folder).iter().any(|path| is_of(path, id)), "{folder} has none for {id}");
        }
    }
    for path in fixtures("x12_reader/sets") {
        let file = reader::validate(&read(&path), &Options::default());
        assert!(!accepted(&file), "{}", path.display());
    }
}

#[test]
fn each_release_has_clean_fixtures_and_rejected_ones() {
    let schemas = Options::default().schemas;
    for release in ["003040", "003060", "004010", "005010", "006020"] {
        for id in ["810", "850", "856", "940", "945", "997", "999"] {
            if schemas.find_set(release, None, id).is_none() {
                continue;
            }
            for folder in ["x12_validate/valid", "x12_reader/sets"] {
                let path = self::folder(folder).join(format!("{id}-{release}.edi"));
                let file = reader::validate(&read(&path), &Options::default());
                let mut groups = file.interchanges.iter().flat_map(|interchange| &interchange.groups);
                assert!(groups.all(|group| group.version.starts_with(release)), "{}", path.display());
                assert_eq!(accepted(&file), folder.ends_with("valid"), "{}", path.display());
            }
        }
    }
}

#[test]
fn acknowledgments_of_careless_senders_are_read() {
    for path in fixtures("x12_reader/acknowledgments") {
        let bytes = read(&path);
        let file = reader::validate(&bytes, &Options::default());
        let received = read_acknowledgments(&bytes, &file);
        let told: String = received.iter().map(|received: &Received| format!("{received:#?}\n")).collect();
        expect(&path, &told);
        for group in file.interchanges.iter().flat_map(|interchange| &interchange.groups) {
            let composed = ack::compose(group, &Settings::default(), &STANDARD);
            assert!(composed.is_none(), "an acknowledgment is never acknowledged: {}", path.display());
        }
    }
}

#[test]
fn a_file_costs_no_more_than_its_limits() {
    let text = String::from_utf8(read(&folder("x12_reader/envelopes").join("valid.edi"))).expect("ASCII");
    let codes = |text: &str, options: &Options| -> Vec<&'static str> {
        let file = reader::validate(text.as_bytes(), options);
        let mut streamed = Collector::default();
        let summary = reader::validate_stream(text.as_bytes(), options, &mut streamed).expect("memory");
        assert_eq!(format!("{:?}", streamed.finish(&summary)), format!("{file:?}"));
        let findings = describe::list_findings(&file, Window::whole(text.as_bytes()), &options.schemas);
        findings.iter().map(|finding| finding.code).collect()
    };
    let mut options = Options::default();
    options.limits.window_bytes = 128;
    let long = text.replacen("INV0001", &"A".repeat(200_000), 1);
    assert_eq!(codes(&long, &options), ["segment_too_long", "element_too_long"]);
    options.limits.skipped_bytes = 150_000;
    assert!(codes(&long, &options).contains(&"unexpected_end_of_file"), "reading stops within the segment");
    let options = Options { limits: Limits { set_bytes: 60, window_bytes: 64, ..options.limits }, ..options };
    assert_eq!(codes(&text, &options), ["set_too_large"; 3]);
    let junk = "A".repeat(400_000);
    assert_eq!(codes(&junk, &options), ["no_interchange"]);
}

#[test]
fn the_date_of_an_interchange_is_held_against_the_day_it_came() {
    struct On(NaiveDate, Options);
    impl Terms for On {
        fn general(&self) -> &Options {
            &self.1
        }
        fn today(&self) -> Option<NaiveDate> {
            Some(self.0)
        }
    }
    let bytes = read(&folder("x12_reader/envelopes").join("valid.edi"));
    let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
    let on = |today, options| {
        let file = reader::validate(&bytes, &On(day(today), options));
        let interchange = file.interchanges.into_iter().next().expect("there is one");
        let ta1 = ack::ta1(&interchange, Ta1When::Requested).expect("it is asked for");
        (interchange.status, ta1.status + &ta1.note, interchange.faults.len())
    };
    // It came on 25 November 2026.
    assert_eq!(on("2026-11-25", Options::default()), (Status::Accepted, "A000".into(), 0));
    assert_eq!(on("2031-11-25", Options::default()), (Status::Accepted, "A000".into(), 0));
    assert_eq!(on("2031-11-26", Options::default()), (Status::Accepted, "A000".into(), 1));
    assert_eq!(on("2021-11-24", Options::default()), (Status::Accepted, "A000".into(), 1));
    let mut strict = Options { date_within_days: 7, ..Options::default() };
    strict.set.severities.set(Code::InterchangeDateFar, Some(Severity::AcceptWithErrors));
    assert_eq!(on("2026-12-02", strict.clone()), (Status::Accepted, "A000".into(), 0));
    assert_eq!(on("2026-12-03", strict), (Status::AcceptedWithErrors, "E014".into(), 1));
    // Years have two digits: 26 is 1926 to whoever reads it in 1930.
    assert_eq!(on("1930-01-01", Options::default()).2, 0);
}

#[test]
fn an_interchange_is_complete_only_when_its_end_is_there() {
    let bytes = read(&folder("x12_reader/envelopes").join("valid.edi"));
    // The last two bytes are the terminator and the line feed behind it.
    let end = bytes.len() - 2;
    for length in 0..=bytes.len() {
        let cut = bytes.get(..length).expect("a prefix");
        let file = reader::validate(cut, &Options::default());
        assert_eq!(file.complete, length >= end, "cut at {length}: {}", verdicts(&file));
        if length < end {
            let interchanges = file.interchanges.iter();
            assert!(interchanges.clone().all(|interchange| interchange.status == Status::Rejected));
        }
    }
}

#[test]
fn the_size_of_reads_and_windows_changes_nothing() {
    for path in fixtures("x12_reader/envelopes").into_iter().chain(fixtures("x12_validate/faults")) {
        let bytes = read(&path);
        let whole = format!("{:#?}", reader::validate(&bytes, &Options::default()));
        for (window_bytes, chunk) in [(1, 1), (64, 7), (200, 200), (4_096, 1)] {
            let streamed = stream(&bytes, window_bytes, &[chunk]);
            assert_eq!(format!("{streamed:#?}"), whole, "{} by {window_bytes}", path.display());
        }
    }
}

#[test]
fn other_delimiters_change_nothing_but_themselves() {
    for path in fixtures("x12_validate/valid") {
        let text = String::from_utf8(read(&path)).expect("fixtures are ASCII");
        for [element, component, terminator] in
            [["|", ":", "\n"], ["\x1d", "\x1f", "\x1c"], ["+", "<", "'\r\n"]]
        {
            let changed = text.replace("~\n", "\u{1}").replace('*', element).replace('>', component);
            let changed = changed.replace('\u{1}', terminator);
            let file = reader::validate(changed.as_bytes(), &Options::default());
            assert!(accepted(&file), "{} with {element:?}: {file:#?}", path.display());
        }
    }
}

#[test]
fn what_is_written_is_what_was_read() {
    for path in
        fixtures("x12_validate/valid").into_iter().chain([folder("x12_reader/envelopes").join("valid.edi")])
    {
        let bytes = read(&path);
        assert_eq!(
            String::from_utf8_lossy(&write_again(&bytes)),
            String::from_utf8_lossy(&bytes),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_tree_in_any_order_is_written_in_the_standards_order() {
    let mut tree = Tree::new("810");
    let root = tree.root();
    let mut add = |parent, tag: &str, values: &[&str]| {
        let node = tree.add(parent, tag, Origin::default());
        for (element, value) in (1..).zip(values) {
            if !value.is_empty() {
                tree.push(node, Key::Element(element, 1, 1), value, 0);
            }
        }
        node
    };
    add(root, "TDS", &["12500"]);
    add(root, "CTT", &["1"]);
    let line = add(root, "IT1", &["1", "10.00", "EA", "012.50", "", "UP", "012345678905"]);
    add(line, "PID", &["F", "", "", "", "TRAIL MIX"]);
    let party = add(root, "N1", &["ST", "NORTH STORES"]);
    add(party, "N4", &["RENO", "NV"]);
    add(party, "N3", &["12 MAIN ST"]);
    add(root, "BIG", &["20261125", "INV1", ""]);
    let written = write_set("810", &tree, DelimiterInData::Refuse).expect("the invoice is valid");
    let text = String::from_utf8(written).expect("it is ASCII");
    let segments: Vec<&str> = text.lines().skip(3).take(8).collect();
    assert_eq!(
        segments,
        [
            "BIG*20261125*INV1~",
            "N1*ST*NORTH STORES~",
            "N3*12 MAIN ST~",
            "N4*RENO*NV~",
            "IT1*1*10*EA*12.5**UP*012345678905~",
            "PID*F****TRAIL MIX~",
            "TDS*12500~",
            "CTT*1~",
        ]
    );
}

#[test]
fn a_separator_inside_of_a_value_is_refused_or_replaced() {
    let mut tree = Tree::new("864");
    let root = tree.root();
    for (tag, values) in [("BMG", ["00", "SALE*NOW"]), ("MIT", ["1", "OFFER"]), ("MSG", ["HURRY~UP\n", ""])] {
        let parent = if tag == "MSG" { tree.children(root).last().expect("MIT") } else { root };
        let node = tree.add(parent, tag, Origin::default());
        for (element, value) in (1..).zip(values).filter(|(_, value)| !value.is_empty()) {
            tree.push(node, Key::Element(element, 1, 1), value, 0);
        }
    }
    let refused = write_set("864", &tree, DelimiterInData::Refuse).expect_err("separators are in the data");
    let messages: Vec<&str> = refused.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(
        messages,
        ["BMG02 holds `*`, which is a separator here", "MSG01 holds `~`, which is a separator here"]
    );
    let written = write_set("864", &tree, DelimiterInData::Replace(' ')).expect("they are replaced");
    let text = String::from_utf8(written).expect("it is ASCII");
    assert!(text.contains("BMG*00*SALE NOW~") && text.contains("MSG*HURRY UP ~"), "{text}");
}

#[test]
fn what_the_standard_forbids_is_not_written() {
    let mut tree = Tree::new("810");
    let node = tree.add(tree.root(), "TDS", Origin::default());
    tree.push(node, Key::Element(1, 1, 1), "12.50", 0);
    let findings = write_set("810", &tree, DelimiterInData::Refuse).expect_err("it lacks BIG and IT1");
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    assert!(
        codes.contains(&"mandatory_segment_missing") && codes.contains(&"invalid_character"),
        "{codes:?}"
    );
}

#[test]
fn the_edi_crate_finds_the_same_elements() {
    let mut compared = 0;
    for path in fixtures("x12_validate/valid").into_iter().chain(fixtures("x12_reader/envelopes")) {
        let bytes = read(&path);
        let Ok(text) = std::str::from_utf8(&bytes) else { continue };
        // It panics on text that is not ASCII, and takes any newline for the end of a line.
        if !text.is_ascii() || !text.starts_with("ISA") || text.len() < 106 {
            continue;
        }
        let Ok(document) = edi::loose_parse(text) else { continue };
        let mut theirs = Vec::new();
        for interchange in &document.interchanges {
            for group in &interchange.functional_groups {
                for set in &group.transactions {
                    for segment in &set.segments {
                        let elements = segment.elements.iter().map(ToString::to_string);
                        let id = segment.segment_abbreviation.to_string();
                        theirs.push(std::iter::once(id).chain(elements).collect::<Vec<_>>());
                    }
                }
            }
        }
        let ours = body_segments(&bytes);
        if ours.len() == theirs.len() {
            assert_eq!(ours, theirs, "{}", path.display());
            compared += 1;
        }
    }
    assert!(compared > 20, "only {compared} files were compared");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_chunks_give_the_same(chunks in prop::collection::vec(1_usize..400, 1..20), window_bytes in 1_usize..600) {
        let bytes = read(&folder("x12_validate/valid").join("856-004010.edi"));
        let whole = format!("{:?}", reader::validate(&bytes, &Options::default()));
        prop_assert_eq!(format!("{:?}", stream(&bytes, window_bytes, &chunks)), whole);
    }

    #[test]
    fn nothing_panics_on_a_damaged_file(at in 0_usize..1_500, length in 0_usize..40, with in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut bytes = read(&folder("x12_reader/envelopes").join("isa-before-iea.edi"));
        let at = at.min(bytes.len());
        let until = (at + length).min(bytes.len());
        bytes.splice(at..until, with);
        let options = Options { lenient_isa: true, ..Options::default() };
        let file = reader::validate(&bytes, &options);
        drop(describe::list_findings(&file, Window::whole(&bytes), &options.schemas));
        drop(read_acknowledgments(&bytes, &file));
        prop_assert_eq!(format!("{:?}", stream_with(&bytes, 50, &[13], options)), format!("{file:?}"));
    }

    #[test]
    fn any_number_is_written_as_it_reads(quantity in 1_u32..100_000, cents in 0_u64..10_000_000) {
        let price = format!("{}.{:02}", cents / 100, cents % 100);
        let mut tree = Tree::new("810");
        let root = tree.root();
        for (tag, values) in [
            ("BIG", vec!["20261125".to_owned(), "INV1".to_owned()]),
            ("IT1", vec!["1".to_owned(), quantity.to_string(), "EA".to_owned(), price.clone()]),
            ("TDS", vec!["1".to_owned()]),
        ] {
            let node = tree.add(root, tag, Origin::default());
            for (element, value) in (1..).zip(&values) {
                tree.push(node, Key::Element(element, 1, 1), value, 0);
            }
        }
        let written = write_set("810", &tree, DelimiterInData::Refuse).expect("it is valid");
        let written = body_segments(&written);
        let line = written.iter().find(|segment| segment[0] == "IT1").expect("it was written");
        let read = |text: &str| text.parse::<rust_decimal::Decimal>().expect("a number");
        prop_assert_eq!(read(&line[4]), read(&price));
        let says_nothing = |end: char| line[4].contains('.') && line[4].ends_with(end);
        prop_assert!(!says_nothing('.') && !says_nothing('0'));
    }
}

const STANDARD: Delimiters =
    Delimiters { element: b'*', component: b'>', repetition: Some(b'^'), segment: b'~' };

/// Interchanges, groups and documents with what became of them.
fn verdicts(file: &File) -> String {
    let mut told = format!("complete: {}\n", file.complete);
    for interchange in &file.interchanges {
        let header = &interchange.header;
        let bytes = &interchange.bytes;
        let number = &header.control_number;
        let status = interchange.status.code();
        writeln!(told, "interchange {number} {status} {}..{}", bytes.start, bytes.end).expect("text");
        for group in &interchange.groups {
            let (id, number, status) = (&group.functional_id, &group.control_number, group.status.code());
            let (received, accepted) = (group.received_sets, group.accepted_sets);
            writeln!(told, "  group {id} {number} {status}, {accepted} of {received} accepted")
                .expect("text");
            for set in &group.sets {
                let (id, number, status) = (&set.id, &set.control_number, set.status.code());
                let bytes = &set.bytes;
                let segments = set.segments;
                writeln!(
                    told,
                    "    {id} {number} {status} {segments} segments {}..{}",
                    bytes.start, bytes.end
                )
                .expect("text");
            }
        }
        for ta1 in &interchange.acknowledgments {
            writeln!(told, "  TA1 {} {} {}", ta1.control_number, ta1.status, ta1.note).expect("text");
        }
    }
    told
}

/// The interchange that answers, empty when nothing is due.
fn answer(interchange: &Interchange) -> Vec<u8> {
    let header = &interchange.header;
    let acknowledgments: Vec<_> = ack::ta1(interchange, Ta1When::RequestedOrFaulty).into_iter().collect();
    let groups = interchange.groups.iter().filter(|_| interchange.status != Status::Rejected);
    let composed: Vec<_> =
        groups.filter_map(|group| ack::compose(group, &Settings::default(), &STANDARD)).collect();
    if acknowledgments.is_empty() && composed.is_empty() {
        return Vec::new();
    }
    let numbers: Vec<String> = (1..=composed.len()).map(|number| format!("{number:04}")).collect();
    let sets: Vec<OutboundSet<'_>> = composed
        .iter()
        .zip(&numbers)
        .map(|(composed, control_number)| OutboundSet {
            id: composed.set_id,
            control_number,
            implementation: &composed.implementation,
            tree: &composed.tree,
        })
        .collect();
    let groups: Vec<OutboundGroup<'_>> = composed
        .iter()
        .zip(&sets)
        .zip(1..)
        .map(|((composed, set), control_number)| OutboundGroup {
            functional_id: "FA",
            version: &composed.version,
            control_number,
            sender: "RECEIVER",
            receiver: "SENDER",
            sets: std::slice::from_ref(set),
        })
        .collect();
    let version = if composed.iter().any(|composed| composed.set_id == "999") { "00501" } else { "00401" };
    let mut envelope = envelope(version, DelimiterInData::Refuse);
    envelope.acknowledgments = acknowledgments;
    // Who refuses an interchange for its sender answers to whom it may concern.
    let known = header.sender.1.is_ascii() && !header.sender.1.is_empty() && !header.sender.1.contains('\0');
    if known && header.sender.0 == "ZZ" {
        envelope.receiver = header.sender.clone();
    }
    write_interchange(&envelope, &groups, &Options::default().schemas)
        .expect("our own acknowledgments are valid")
}

fn envelope(version: &str, delimiter_in_data: DelimiterInData) -> Envelope {
    Envelope {
        delimiters: STANDARD,
        sender: ("ZZ".into(), "RECEIVER".into()),
        receiver: ("ZZ".into(), "SENDER".into()),
        at: "2026-11-25T12:00:00".parse().expect("an instant"),
        version: version.into(),
        control_number: 1,
        usage: 'P',
        acknowledgment_requested: false,
        line_ending: LineEnding::Lf,
        delimiter_in_data,
        acknowledgments: Vec::new(),
    }
}

fn write_set(
    id: &str,
    tree: &Tree,
    delimiter_in_data: DelimiterInData,
) -> Result<Vec<u8>, Vec<crossdock::finding::Finding>> {
    let functional_id = if id == "810" { "IN" } else { "TX" };
    let sets = [OutboundSet { id, control_number: "0001", implementation: "", tree }];
    let group = OutboundGroup {
        functional_id,
        version: "004010",
        control_number: 1,
        sender: "RECEIVER",
        receiver: "SENDER",
        sets: &sets,
    };
    write_interchange(&envelope("00401", delimiter_in_data), &[group], &Options::default().schemas)
}

/// Reads every set of a valid file into a tree and writes them again in the same envelopes.
fn write_again(bytes: &[u8]) -> Vec<u8> {
    let options = Options::default();
    let file = reader::validate(bytes, &options);
    let again = |interchange| checks::write_again(interchange, bytes, &options, LineEnding::Lf);
    file.interchanges.iter().flat_map(again).collect()
}

/// Segments of the sets without ST and SE, as the `edi` crate tells them.
fn body_segments(bytes: &[u8]) -> Vec<Vec<String>> {
    let mut lexer = Lexer::new(bytes, Limits::default());
    let mut segments = Vec::new();
    loop {
        match lexer.next_event() {
            Event::End => return segments,
            Event::Segment(segment) | Event::Unfinished(segment)
                if !matches!(segment.id(), b"GS" | b"GE" | b"ST" | b"SE" | b"IEA" | b"TA1") =>
            {
                let elements = segment.elements().map(|text| String::from_utf8_lossy(text).into_owned());
                segments.push(elements.collect());
            }
            _ => {}
        }
    }
}

fn accepted(file: &File) -> bool {
    file.complete
        && file.interchanges.iter().all(|interchange| {
            interchange.status == Status::Accepted
                && interchange.groups.iter().all(|group| group.status == Status::Accepted)
        })
}

/// Gives its bytes in pieces of the sizes named, over and over.
struct Chunks<'a> {
    bytes: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
}

impl Read for Chunks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = *self.sizes.next().expect("there are sizes");
        let count = size.min(buffer.len()).min(self.bytes.len());
        let (now, later) = self.bytes.split_at(count);
        buffer.get_mut(..count).expect("it was measured").copy_from_slice(now);
        self.bytes = later;
        Ok(count)
    }
}

fn stream(bytes: &[u8], window_bytes: usize, sizes: &[usize]) -> File {
    stream_with(bytes, window_bytes, sizes, Options::default())
}

fn stream_with(bytes: &[u8], window_bytes: usize, sizes: &[usize], mut options: Options) -> File {
    options.limits.window_bytes = window_bytes;
    let mut collector = Collector::default();
    let chunks = Chunks { bytes, sizes: sizes.iter().cycle() };
    let summary = reader::validate_stream(chunks, &options, &mut collector).expect("memory can be read");
    collector.finish(&summary)
}

pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(name)
}

pub(crate) fn fixtures(name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(name)).expect("the folder is ours");
    let paths = entries.map(|entry| entry.expect("the folder can be listed").path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "edi")).collect();
    paths.sort();
    assert!(!paths.is_empty(), "no fixtures in {name}");
    paths
}

pub(crate) fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("fixtures can be read")
}

pub(crate) fn expect(path: &Path, told: &str) {
    let expected = path.with_extension("txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&expected, told).expect("the fixtures are writable");
    }
    let expected = std::fs::read_to_string(&expected).unwrap_or_default();
    assert_eq!(told, expected, "{}", path.display());
}
