//! Validates whole documents: each `.edi` beside the faults it must get, one line each, in a `.txt`.
//!
//! `UPDATE_EXPECT=1` writes the expectations anew.

use crossdock::finding::Severity;
use crossdock::formats::x12::fault::{Code, Fault, Level};
use crossdock::formats::x12::lexer::{self, Event, Lexer};
use crossdock::formats::x12::schema::{Schemas, Set};
use crossdock::formats::x12::tree_builder::read_tree;
use crossdock::formats::x12::validate::{Options, SetValidator};
use crossdock::tree::Tree;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[test]
fn valid_documents_have_no_faults() {
    for path in fixtures("valid") {
        let told = tell(&validate(&read(&path), &Schemas::builtin(), Options::default()));
        assert_eq!(told, "", "{}", path.display());
    }
}

#[test]
fn each_fault_is_told_once_and_where_it_is() {
    for path in fixtures("faults") {
        let faults = validate(&read(&path), &Schemas::builtin(), Options::default());
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
        let of_its_name = faults.iter().any(|fault| stem.starts_with(fault.code.name()));
        let has_name = Code::ALL.iter().any(|code| stem.starts_with(code.name()));
        assert!(of_its_name || !has_name, "{} has {}", path.display(), tell(&faults));
        expect(&path, &tell(&faults));
    }
}

#[test]
fn every_code_the_validator_decides_has_a_document() {
    // The reader decides these: control numbers, counts and limits of whole sets and segments.
    let by_reader = [
        Code::SetNotSupported,
        Code::SetTrailerMissing,
        Code::SetControlNumberMismatch,
        Code::SegmentCountWrong,
        Code::WrongFunctionalGroup,
        Code::InvalidSetId,
        Code::InvalidSetControlNumber,
        Code::SetControlNumberReused,
        Code::InvalidImplementationReference,
        Code::SetTooLarge,
        Code::SegmentTooLong,
    ];
    let names: Vec<String> = fixtures("faults")
        .into_iter()
        .chain(fixtures("guides"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    for code in Code::ALL.iter().filter(|code| code.level() >= Level::Set && !by_reader.contains(code)) {
        assert!(names.iter().any(|name| name.starts_with(code.name())), "{}", code.name());
    }
}

#[test]
fn one_mistake_of_a_sender_is_not_a_row_of_faults() {
    for path in fixtures("tolerance") {
        let faults = validate(&read(&path), &Schemas::builtin(), Options::default());
        assert!(faults.len() <= 2, "{}: {}", path.display(), tell(&faults));
        expect(&path, &tell(&faults));
    }
}

#[test]
fn a_guide_narrows_its_release() {
    for path in fixtures("guides") {
        let guide = std::fs::read_to_string(path.with_extension("guide")).expect("each has its guide");
        let mut schemas = Schemas::builtin();
        assert_eq!(schemas.load_guide(&guide, "north.guide"), Ok(()), "{}", path.display());
        expect(&path, &tell(&validate(&read(&path), &schemas, Options::default())));
    }
}

#[test]
fn a_severity_can_be_raised_lowered_or_ignored() {
    let path = folder("faults").join("trailing_separators.edi");
    let severity_of = |severity| {
        let mut options = Options::default();
        options.severities.set(Code::TrailingSeparators, severity);
        let faults = validate(&read(&path), &Schemas::builtin(), options);
        faults.first().map(|fault| fault.severity)
    };
    assert_eq!(severity_of(Some(Severity::Reject)), Some(Severity::Reject));
    assert_eq!(severity_of(None), None);
}

#[test]
fn nothing_panics_however_a_document_is_cut_or_changed() {
    let schemas = Schemas::builtin();
    for path in fixtures("valid") {
        let bytes = read(&path);
        for at in (107..bytes.len()).step_by(11) {
            let (before, after) = bytes.split_at(at);
            validate(before, &schemas, Options::default());
            for change in [&b"~"[..], b"*", b">", b"^", b"\xC3", b"\0", b"LS*1~", b"HL*1*1*S~"] {
                let changed = [before, change, after].concat();
                validate(&changed, &schemas, Options::default());
            }
        }
    }
}

/// The faults of every set of a file.
fn validate(bytes: &[u8], schemas: &Schemas, options: Options) -> Vec<Fault> {
    let mut all = Vec::new();
    let mut validator = SetValidator::new(options);
    let mut lexer = Lexer::new(bytes, lexer::Limits::default());
    let mut version = String::new();
    // The set at hand, where it began, and the segments so far.
    let mut open: Option<(Set, u64, u32)> = None;
    let mut faults = Vec::new();
    let mut tree = Tree::default();
    loop {
        let mut segment = match lexer.next_event() {
            Event::End => return all,
            Event::Segment(segment) | Event::Unfinished(segment) => segment,
            _ => continue,
        };
        match segment.id() {
            b"GS" => version = String::from_utf8_lossy(segment.element(8)).into_owned(),
            b"ST" => {
                let id = String::from_utf8_lossy(segment.element(1)).into_owned();
                open = schemas.find_set(&version, None, &id).map(|set| (set.clone(), segment.byte, 0));
                if let Some((set, ..)) = &open {
                    validator.begin(set);
                }
            }
            _ => {}
        }
        let Some((set, start, count)) = &mut open else {
            continue;
        };
        *count += 1;
        segment.position = *count;
        validator.segment(&segment, &mut faults);
        if segment.id() == b"SE" {
            validator.end(&mut faults);
            all.append(&mut faults);
            let end = usize::try_from(segment.byte).expect("fixtures are small") + segment.bytes.len();
            let start = usize::try_from(*start).expect("fixtures are small");
            let set_bytes = bytes.get(start..end).expect("the lexer stays within the bytes");
            read_tree(set_bytes, start as u64, segment.delimiters, set, &mut tree);
            assert_eq!(tree.len(), *count as usize + 1, "each segment is one node");
            open = None;
        }
    }
}

fn tell(faults: &[Fault]) -> String {
    let mut told = String::new();
    for fault in faults {
        let severity = match fault.severity {
            Severity::Warning => "warning",
            Severity::AcceptWithErrors => "accept",
            Severity::Reject => "reject",
        };
        let mut place = format!("{} {}", fault.segment_position, fault.segment.text());
        if fault.element > 0 {
            write!(place, "{:02}", fault.element).expect("writing to a string succeeds");
        }
        if fault.component > 0 {
            write!(place, "-{:02}", fault.component).expect("writing to a string succeeds");
        }
        if fault.repetition > 0 {
            write!(place, "({})", fault.repetition).expect("writing to a string succeeds");
        }
        write!(told, "{place} at {}: {severity} {}", fault.byte, fault.code.name())
            .expect("writing to a string succeeds");
        if fault.element_number > 0 {
            write!(told, ", element {}", fault.element_number).expect("writing to a string succeeds");
        }
        if !fault.loop_id.is_empty() {
            write!(told, ", loop {}", fault.loop_id).expect("writing to a string succeeds");
        }
        if !fault.value.is_empty() {
            write!(told, ", has `{}`", String::from_utf8_lossy(&fault.value))
                .expect("writing to a string succeeds");
        }
        if !fault.expected.is_empty() {
            write!(told, ", expected {}", fault.expected).expect("writing to a string succeeds");
        }
        told.push('\n');
    }
    told
}

fn expect(path: &Path, told: &str) {
    let expected = path.with_extension("txt");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&expected, told).expect("the fixtures are writable");
    }
    let expected = std::fs::read_to_string(&expected).unwrap_or_default();
    assert_eq!(told, expected, "{}", path.display());
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/x12_validate").join(name)
}

/// The documents of a folder, in order.
fn fixtures(name: &str) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(folder(name)).expect("the fixtures are there");
    let paths: BTreeSet<PathBuf> = entries
        .map(|entry| entry.expect("the fixtures are readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "edi"))
        .collect();
    assert!(!paths.is_empty(), "{name} has no documents");
    paths
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("the fixtures are readable")
}
