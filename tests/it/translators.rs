//! Translators over their examples, both ways, and a wall of faulty translators.

use std::path::{Path, PathBuf};

use crossdock::canonical::Record;
use crossdock::finding::Finding;
use crossdock::formats::x12::fault::Code;
use crossdock::formats::x12::reader::{self, Options};
use crossdock::formats::x12::schema::Schemas;
use crossdock::formats::x12::segment::Delimiters;
use crossdock::formats::x12::tree_builder::read_tree;
use crossdock::formats::x12::writer::{
    DelimiterInData, Envelope, LineEnding, OutboundGroup, OutboundSet, write_interchange,
};
use crossdock::formats::{delimited, fixed_width, json, xml};
use crossdock::translators::{Layout, Translator, find_shipped, shipped};
use crossdock::tree::Tree;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares with a file, or writes it when `UPDATE_EXPECT=1`.
fn expect(path: &Path, actual: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1") {
        std::fs::write(path, actual).expect("the expectation can be written");
        return;
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert!(expected == actual, "{} differs; UPDATE_EXPECT=1 rewrites it\n{actual}", path.display());
}

fn load(name: &str) -> Translator {
    let text = find_shipped(name).expect("it is shipped");
    Translator::load(text, &format!("translators/{name}.toml"))
        .unwrap_or_else(|found| panic!("{}", told(&found)))
}

fn told(found: &[Finding]) -> String {
    found
        .iter()
        .map(|finding| {
            let at = &finding.location;
            let hint =
                if finding.hint.is_empty() { String::new() } else { format!("\n    hint: {}", finding.hint) };
            format!("{}:{}: {}: {}{hint}\n", at.line, at.element, finding.code, finding.message)
        })
        .collect()
}

/// The examples of a translator: inputs with their expected records beside them.
fn examples(name: &str) -> Vec<PathBuf> {
    let folder = root().join("translators/examples").join(name);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{name} has no examples: {error}"))
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            !name.contains(".records.") && !name.contains(".written.")
        })
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{name} has no examples");
    paths
}

/// The documents of a file, each with the X12 release it is written in.
fn documents(translator: &Translator, bytes: &[u8]) -> Vec<(Tree, String)> {
    let (trees, found) = match translator.layout() {
        Layout::X12 => return sets(bytes),
        Layout::Delimited(layout) => delimited::read(bytes, layout),
        Layout::FixedWidth(layout) => fixed_width::read(bytes, layout),
        Layout::Xml(layout) => xml::read(bytes, layout),
        Layout::Json(layout) => json::read(bytes, layout),
    };
    assert_eq!(told(&found), "");
    trees.into_iter().map(|tree| (tree, String::new())).collect()
}

fn sets(bytes: &[u8]) -> Vec<(Tree, String)> {
    let schemas = Schemas::builtin();
    let file = reader::validate(bytes, &Options::default());
    let mut trees = Vec::new();
    for interchange in &file.interchanges {
        for group in &interchange.groups {
            for set in &group.sets {
                // An LX left out is the one fault that some examples have.
                let faults: Vec<String> = set
                    .faults
                    .iter()
                    .filter(|fault| fault.code != Code::MandatorySegmentMissing)
                    .map(|fault| {
                        format!("{:?} at {} element {}", fault.code, fault.segment_position, fault.element)
                    })
                    .collect();
                assert_eq!(faults, Vec::<String>::new(), "{}", String::from_utf8_lossy(bytes));
                let schema =
                    schemas.find_set(&group.version, None, &set.id).expect("examples use known sets");
                let range = set.bytes.start as usize..set.bytes.end as usize;
                let mut tree = Tree::default();
                let part = bytes.get(range).expect("a set lies in its file");
                read_tree(part, set.bytes.start, interchange.header.delimiters, schema, &mut tree);
                trees.push((tree, group.version.clone()));
            }
        }
    }
    trees
}

/// The record without where it came from.
fn without_source(record: &Record) -> serde_json::Value {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(members) => {
                members.remove("source");
                members.values_mut().for_each(strip);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(record).expect("a record is plain data");
    strip(&mut value);
    value
}

fn write(translator: &Translator, records: &[Record], version: &str) -> Result<Vec<u8>, Vec<Finding>> {
    let trees: Vec<Tree> = records.iter().map(|record| translator.write(record)).collect::<Result<_, _>>()?;
    match translator.layout() {
        Layout::X12 => interchange(translator, &trees, version),
        Layout::Delimited(layout) => delimited::write(&trees, layout),
        Layout::FixedWidth(layout) => fixed_width::write(&trees, layout),
        Layout::Xml(layout) => xml::write(&trees, layout),
        Layout::Json(layout) => json::write(&trees, layout),
    }
}

fn interchange(translator: &Translator, trees: &[Tree], version: &str) -> Result<Vec<u8>, Vec<Finding>> {
    let schemas = Schemas::builtin();
    let group = schemas.find_set(version, None, translator.set()).expect("a known set").group();
    let envelope = Envelope {
        delimiters: Delimiters { element: b'*', component: b'>', repetition: Some(b'^'), segment: b'~' },
        sender: ("ZZ".into(), "NORTHSTAR".into()),
        receiver: ("01".into(), "123456789".into()),
        at: "2026-11-25T09:15:00".parse().expect("a time"),
        version: if version.starts_with("005") { "00501" } else { "00401" }.into(),
        control_number: 1,
        usage: 'P',
        acknowledgment_requested: false,
        line_ending: LineEnding::Lf,
        delimiter_in_data: DelimiterInData::Refuse,
        acknowledgments: Vec::new(),
    };
    let numbers: Vec<String> = (1..=trees.len()).map(|number| format!("{number:04}")).collect();
    let sets: Vec<OutboundSet<'_>> = trees
        .iter()
        .zip(&numbers)
        .map(|(tree, number)| OutboundSet {
            id: translator.set(),
            control_number: number,
            implementation: "",
            tree,
        })
        .collect();
    let group = OutboundGroup {
        functional_id: group,
        version,
        control_number: 1,
        sender: "NORTHSTAR",
        receiver: "123456789",
        sets: &sets,
    };
    write_interchange(&envelope, &[group], &schemas)
}

#[test]
fn every_shipped_translator_reads_and_writes_its_examples() {
    let mut faults = String::new();
    for (name, _) in shipped() {
        let translator = load(name);
        for path in examples(name) {
            faults += &round_trip(&translator, &path);
        }
    }
    assert_eq!(faults, "");
}

/// Whether one value has all that the other has; computed figures may have been added.
fn keeps(again: &serde_json::Value, before: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (again, before) {
        (Value::Object(again), Value::Object(before)) => {
            before.iter().all(|(name, value)| again.get(name).is_some_and(|own| keeps(own, value)))
        }
        (Value::Array(again), Value::Array(before)) => {
            again.len() == before.len()
                && again.iter().zip(before).all(|(again, before)| keeps(again, before))
        }
        _ => again == before,
    }
}

/// Reads an example, compares the records, writes them, reads that again. Tells what is wrong.
fn round_trip(translator: &Translator, path: &Path) -> String {
    let bytes = std::fs::read(path).expect("the example is there");
    let (mut records, mut found, mut version) = (Vec::new(), Vec::new(), String::new());
    for (tree, release) in documents(translator, &bytes) {
        let (record, faults) = translator.read(&tree);
        found.extend([faults, translator.unread(&tree), translator.prove(&tree)].concat());
        records.push(record);
        version = release;
    }
    expect(
        &path.with_extension("records.json"),
        &(serde_json::to_string_pretty(&records).expect("plain data") + "\n"),
    );
    let again: Vec<serde_json::Value> = match write(translator, &records, &version) {
        Ok(written) => {
            let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            expect(&path.with_extension(format!("written.{extension}")), &String::from_utf8_lossy(&written));
            documents(translator, &written)
                .iter()
                .map(|(tree, _)| without_source(&translator.read(tree).0))
                .collect()
        }
        Err(faults) => {
            found.extend(faults);
            return format!("{}\n{}", path.display(), told(&found));
        }
    };
    let before: Vec<serde_json::Value> = records.iter().map(without_source).collect();
    assert_eq!(again.len(), before.len(), "{}", path.display());
    let kept = again.iter().zip(&before).all(|(again, before)| keeps(again, before));
    assert!(kept, "{}\n{again:#?}\n{before:#?}", path.display());
    if found.is_empty() { String::new() } else { format!("{}\n{}", path.display(), told(&found)) }
}

#[test]
fn every_shipped_translator_fits_the_standard() {
    let schemas = Schemas::builtin();
    for (name, _) in shipped() {
        let translator = load(name);
        assert_eq!(told(&translator.check(&schemas)), "", "{name}");
    }
}
