//! What is written of a generated record is read back as the same record, or is refused; for every translator.
//!
//! The records are those of the examples with values of their own: other texts, figures, dates and times.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rust_decimal::Decimal;
use serde_json::Value;

use super::*;

/// What a value may be replaced by.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holds {
    Text,
    Decimal,
    Date,
    Time,
}

/// Records of an example, the release they are in, and the places of values that may be others.
struct Sample {
    records: Vec<Value>,
    version: String,
    places: Vec<(String, Holds)>,
}

/// One value for each kind, and where it goes.
#[derive(Clone, Debug)]
struct Change {
    at: Index,
    text: String,
    decimal: Decimal,
    date: String,
    time: String,
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let text = r#"[A-Za-z0-9é"&<>]([A-Za-z0-9 .,'"&<>/;|*~é-]{0,8}[A-Za-z0-9é"&<>])?"#;
    let day = (2001..2090_i32, 1..13_u32, 1..29_u32);
    let one = (any::<Index>(), text, (-99_999..999_999_i64, 0..4_u32), day, (0..24_u32, 0..60_u32));
    let one = one.prop_map(|(at, text, (digits, scale), (year, month, day), (hour, minute))| Change {
        at,
        text,
        decimal: Decimal::new(digits, scale).normalize(),
        date: format!("{year}-{month:02}-{day:02}"),
        time: format!("{hour:02}:{minute:02}:00"),
    });
    proptest::collection::vec(one, 1..4)
}

fn record(value: &Value) -> Option<Record> {
    serde_json::from_value(value.clone()).ok()
}

/// The places of texts in a value, as JSON pointers.
fn texts(value: &Value, at: &str, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| texts(value, &format!("{at}/{name}"), places));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(number, item)| texts(item, &format!("{at}/{number}"), places));
        }
        Value::String(_) => places.push(at.to_owned()),
        _ => {}
    }
}

/// What a record holds at a place: the first kind that it takes there. Closed lists of words take none.
fn holds(records: &[Value], at: &str) -> Option<Holds> {
    let tries = [
        ("x!y", Holds::Text),
        ("2026-01-02", Holds::Date),
        ("10:20:00", Holds::Time),
        ("1.5", Holds::Decimal),
    ];
    tries.into_iter().find(|(text, _)| changed(records, at, text).is_some()).map(|(_, holds)| holds)
}

fn changed(records: &[Value], at: &str, text: &str) -> Option<Vec<Value>> {
    let mut all = Value::Array(records.to_vec());
    *all.pointer_mut(at)? = Value::String(text.to_owned());
    let Value::Array(records) = all else { return None };
    records.iter().all(|value| record(value).is_some()).then_some(records)
}

fn samples(translator: &Translator) -> Vec<Sample> {
    examples(translator.name())
        .iter()
        .map(|path| {
            let bytes = std::fs::read(path).expect("the example is there");
            let read = documents(translator, &bytes);
            let version = read.first().map(|(_, version)| version.clone()).unwrap_or_default();
            let records: Vec<Value> =
                read.iter().map(|(tree, _)| without_source(&translator.read(tree).0)).collect();
            let mut pointers = Vec::new();
            texts(&Value::Array(records.clone()), "", &mut pointers);
            let places: Vec<(String, Holds)> =
                pointers.into_iter().filter_map(|at| holds(&records, &at).map(|holds| (at, holds))).collect();
            assert!(!places.is_empty(), "{}: nothing can be changed", path.display());
            Sample { records, version, places }
        })
        .collect()
}

fn apply(sample: &Sample, changes: &[Change]) -> Vec<Value> {
    changes.iter().fold(sample.records.clone(), |records, change| {
        let (at, holds) = change.at.get(&sample.places);
        let text = match holds {
            Holds::Text => change.text.clone(),
            Holds::Decimal => change.decimal.to_string(),
            Holds::Date => change.date.clone(),
            Holds::Time => change.time.clone(),
        };
        changed(&records, at, &text).expect("the place takes such a value")
    })
}

/// Whether the standard allows what was written; what it forbids no partner is sent.
fn is_sound(translator: &Translator, bytes: &[u8]) -> bool {
    if !matches!(translator.layout(), Layout::X12) {
        return true;
    }
    let file = reader::validate(bytes, &Options::default());
    file.interchanges.iter().flat_map(|interchange| &interchange.groups).flat_map(|group| &group.sets).all(|set| {
        set.faults.iter().all(|fault| fault.code == Code::MandatorySegmentMissing)
    })
}

/// Whether all of a record came back. Figures may have other zeros behind the point, and none in front.
fn came_back(again: &Value, before: &Value) -> bool {
    match (again, before) {
        (Value::Object(again), Value::Object(before)) => {
            before.iter().all(|(name, value)| again.get(name).is_some_and(|own| came_back(own, value)))
        }
        (Value::Array(again), Value::Array(before)) => {
            again.len() == before.len() && again.iter().zip(before).all(|(own, value)| came_back(own, value))
        }
        (Value::String(again), Value::String(before)) => again == before || figure(again, before),
        _ => again == before,
    }
}

fn figure(again: &str, before: &str) -> bool {
    let plain = |text: &str| !text.trim_start_matches('-').starts_with('0') || text.trim_start_matches('-').starts_with("0.");
    let number = |text: &str| text.parse::<Decimal>().ok();
    plain(again) && plain(before) && number(again).is_some() && number(again) == number(before)
}

#[test]
fn a_generated_record_written_and_read_back_is_the_same_record() {
    let mut told_all = String::new();
    for (name, _) in shipped() {
        let translator = load(name);
        let samples = samples(&translator);
        let (written, tried) = (Cell::new(0_u32), Cell::new(0_u32));
        let config = Config { cases: 48, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let outcome = runner.run(&(any::<Index>(), changes()), |(which, changes)| {
            let sample = which.get(&samples);
            let before = apply(sample, &changes);
            let records: Vec<Record> = before.iter().filter_map(record).collect();
            tried.set(tried.get() + 1);
            let Ok(bytes) = write(&translator, &records, &sample.version) else { return Ok(()) };
            if !is_sound(&translator, &bytes) {
                return Ok(());
            }
            written.set(written.get() + 1);
            let again: Vec<Value> = documents(&translator, &bytes)
                .iter()
                .map(|(tree, _)| without_source(&translator.read(tree).0))
                .collect();
            let (again, before) = (Value::Array(again), Value::Array(before));
            prop_assert!(
                came_back(&again, &before),
                "written:\n{}\nread again: {again:#}\nbefore: {before:#}",
                String::from_utf8_lossy(&bytes)
            );
            Ok(())
        });
        if let Err(failure) = outcome {
            told_all += &format!("{name}: {failure}\n");
        }
        let (written, tried) = (written.get(), tried.get());
        if written * 4 < tried {
            told_all += &format!("{name}: only {written} of {tried} records could be written\n");
        }
    }
    assert_eq!(told_all, "");
}
