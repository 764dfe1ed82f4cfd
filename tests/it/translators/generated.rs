//! What is written of a generated record is read back as the same record, or is refused; for every translator.
//!
//! The records are those of the examples with values of their own: other texts, figures, dates and times, items of lists and values left out.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use rust_decimal::Decimal;
use serde_json::Value;

use super::*;

/// What a value may be replaced by.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Holds {
    Text,
    /// A number that is no figure: as many digits as it had.
    Digits(usize),
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

/// What becomes of a record's shape.
#[derive(Clone, Copy, Debug)]
enum Reshape {
    /// An item of a list is left out.
    Shorten(Index, Index),
    /// A value is left out.
    Omit(Index),
}

fn reshapes() -> impl Strategy<Value = Option<Reshape>> {
    prop_oneof![
        Just(None),
        any::<(Index, Index)>().prop_map(|(list, item)| Some(Reshape::Shorten(list, item))),
        any::<Index>().prop_map(|value| Some(Reshape::Omit(value))),
    ]
}

/// One value for each kind, and where it goes.
#[derive(Clone, Debug)]
struct Change {
    at: Index,
    text: String,
    digits: String,
    decimal: Decimal,
    date: String,
    time: String,
}

/// A text may hold all that the format can: X12 forbids its delimiters. No code of a table is as long.
fn changes(layout: &Layout) -> impl Strategy<Value = Vec<Change>> + use<> {
    let text = match layout {
        Layout::X12 => "[A-Z0-9]([A-Z0-9 .,'&/;-]{2,6}[A-Z0-9])",
        _ => r#"[A-Za-z0-9é"&<>]([A-Za-z0-9 .,'"&<>/;|*~é-]{2,8}[A-Za-z0-9é"&<>])"#,
    };
    let day = (2001..2090_i32, 1..13_u32, 1..29_u32);
    let one = (
        any::<Index>(),
        text,
        "[1-9][0-9]{24}",
        (-99_999..999_999_i64, 0..4_u32),
        day,
        (0..24_u32, 0..60_u32),
    );
    let one =
        one.prop_map(|(at, text, digits, (figure, scale), (year, month, day), (hour, minute))| Change {
            at,
            text,
            digits,
            decimal: Decimal::new(figure, scale).normalize(),
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
            items
                .iter()
                .enumerate()
                .for_each(|(number, item)| texts(item, &format!("{at}/{number}"), places));
        }
        Value::String(_) => places.push(at.to_owned()),
        _ => {}
    }
}

/// What a record holds at a place: the first kind that it takes there. Words, of closed lists and of tables, stay;
/// so do qualifiers, and a sender's own code beside its word, which would contradict it.
fn holds(records: &[Value], at: &str) -> Option<Holds> {
    if at.ends_with("_qualifier") || at.ends_with("_code") && !at.ends_with("postal_code") {
        return None;
    }
    let all = Value::Array(records.to_vec());
    let text = all.pointer(at)?.as_str()?;
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
        return None;
    }
    let tries = [
        ("x!y", Holds::Text),
        ("2026-01-02", Holds::Date),
        ("10:20:00", Holds::Time),
        ("1.5", Holds::Decimal),
    ];
    let holds =
        tries.into_iter().find(|(text, _)| changed(records, at, text).is_some()).map(|(_, holds)| holds)?;
    let digits = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    Some(if holds == Holds::Text && digits { Holds::Digits(text.len()) } else { holds })
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
            let records: Vec<Value> = read
                .iter()
                .map(|(tree, _)| without_source(&translator.read(tree, Lookup::none()).0))
                .collect();
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
            Holds::Digits(count) => change.digits.chars().take(*count).collect(),
            Holds::Decimal => change.decimal.to_string(),
            Holds::Date => change.date.clone(),
            Holds::Time => change.time.clone(),
        };
        changed(&records, at, &text).expect("the place takes such a value")
    })
}

/// The places of lists in a value, as JSON pointers.
fn lists(value: &Value, at: &str, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| lists(value, &format!("{at}/{name}"), places));
        }
        Value::Array(items) => {
            if !at.is_empty() {
                places.push(at.to_owned());
            }
            items
                .iter()
                .enumerate()
                .for_each(|(number, item)| lists(item, &format!("{at}/{number}"), places));
        }
        _ => {}
    }
}

/// The records in another shape, or as they were where none of theirs can be changed so.
fn reshape(records: Vec<Value>, how: Option<Reshape>, places: &[(String, Holds)]) -> Vec<Value> {
    let Some(how) = how else { return records };
    let mut all = Value::Array(records.clone());
    let mut pointers = Vec::new();
    match how {
        Reshape::Shorten(list, item) => {
            lists(&all, "", &mut pointers);
            if pointers.is_empty() {
                return records;
            }
            let items = all.pointer_mut(list.get::<String>(&pointers)).and_then(Value::as_array_mut);
            let items = items.expect("it is the place of a list");
            if items.len() > 1 {
                items.remove(item.index(items.len()));
            }
        }
        Reshape::Omit(value) => {
            let (at, _) = value.get(places);
            let (group, name) = at.rsplit_once('/').expect("a pointer has a slash");
            // `in_total` follows from it; and of several descriptions X12 tells the first by its place alone.
            // A store without a quantity says nothing.
            if ["handling", "description"].contains(&name) || at.contains("/stores/") {
                return records;
            }
            if let Some(Value::Object(members)) = all.pointer_mut(group) {
                // Nothing is qualified without it.
                members.remove(&format!("{name}_qualifier"));
                members.remove(name);
            }
        }
    }
    let Value::Array(changed) = all else { return records };
    // Groups that are empty now are no part of a record's JSON.
    let valid: Option<Vec<Value>> =
        changed.iter().map(|value| record(value).map(|record| without_source(&record))).collect();
    valid.unwrap_or(records)
}

/// Whether the standard allows what was written; what it forbids no partner is sent.
fn is_sound(translator: &Translator, bytes: &[u8]) -> bool {
    if !matches!(translator.layout(), Layout::X12) {
        return true;
    }
    let file = reader::validate(bytes, &Options::default());
    file.interchanges
        .iter()
        .flat_map(|interchange| &interchange.groups)
        .flat_map(|group| &group.sets)
        .all(|set| set.faults.iter().all(|fault| fault.code == Code::MandatorySegmentMissing))
}

/// The first thing of a record that did not come back. Figures may have other zeros behind the point.
fn lost(again: &Value, before: &Value, at: &str) -> Option<String> {
    match (again, before) {
        (Value::Object(again), Value::Object(before)) => before.iter().find_map(|(name, value)| {
            lost(again.get(name).unwrap_or(&Value::Null), value, &format!("{at}/{name}"))
        }),
        (Value::Array(again), Value::Array(before)) if again.len() == before.len() => {
            let mut pairs = again.iter().zip(before).enumerate();
            pairs.find_map(|(number, (own, value))| lost(own, value, &format!("{at}/{number}")))
        }
        (Value::String(again), Value::String(before)) if figure(again, before) => None,
        _ => (again != before).then(|| format!("{at} was {before}, is {again}")),
    }
}

fn figure(again: &str, before: &str) -> bool {
    let plain = |text: &str| {
        !text.trim_start_matches('-').starts_with('0') || text.trim_start_matches('-').starts_with("0.")
    };
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
        let config = Config { cases: 96, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let outcome = runner.run(
            &(any::<Index>(), changes(translator.layout()), reshapes()),
            |(which, changes, how)| {
                let sample = which.get(&samples);
                let before = reshape(apply(sample, &changes), how, &sample.places);
                let records: Vec<Record> = before.iter().filter_map(record).collect();
                tried.set(tried.get() + 1);
                let Ok(bytes) = write(&translator, &records, &sample.version) else { return Ok(()) };
                if !is_sound(&translator, &bytes) {
                    return Ok(());
                }
                written.set(written.get() + 1);
                let again: Vec<Value> = documents(&translator, &bytes)
                    .iter()
                    .map(|(tree, _)| without_source(&translator.read(tree, Lookup::none()).0))
                    .collect();
                let (again, before) = (Value::Array(again), Value::Array(before));
                if let Some(lost) = lost(&again, &before, "") {
                    return Err(TestCaseError::fail(format!("{lost}\n{}", String::from_utf8_lossy(&bytes))));
                }
                Ok(())
            },
        );
        if let Err(failure) = outcome {
            let why = match failure {
                TestError::Fail(why, _) | TestError::Abort(why) => why,
            };
            told_all += &format!("{name}: {why}\n");
        }
        let (written, tried) = (written.get(), tried.get());
        if written * 4 < tried {
            told_all += &format!("{name}: only {written} of {tried} records could be written\n");
        }
    }
    assert!(told_all.is_empty(), "{told_all}");
}
