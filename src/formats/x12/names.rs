//! Short names for people: of segments, elements and the codes met most.

use super::schema::{Dictionary, ElementNumber, Part};
use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

const SEGMENTS: &str = include_str!("names/segments.txt");
const ELEMENTS: &str = include_str!("names/elements.txt");
const CODES: &str = include_str!("names/codes.txt");

/// What a segment is for, such as `invoice start`; none for the rarer ones.
#[must_use]
pub fn find_segment(id: &str) -> Option<&'static str> {
    static NAMES: OnceLock<HashMap<&str, &str>> = OnceLock::new();
    NAMES.get_or_init(|| pairs(SEGMENTS)).get(id).copied()
}

/// Ids of the segments that have a name.
pub fn list_segments() -> impl Iterator<Item = &'static str> {
    SEGMENTS.lines().filter_map(|line| line.split_once(' ')).map(|(id, _)| id)
}

/// What an element holds, such as `invoice number`; none for the rarer ones.
#[must_use]
pub fn find_element(number: ElementNumber) -> Option<&'static str> {
    static NAMES: OnceLock<HashMap<&str, &str>> = OnceLock::new();
    NAMES.get_or_init(|| pairs(ELEMENTS)).get(number.to_string().as_str()).copied()
}

/// What a code of an element means, such as `each`; none for the rarer ones.
#[must_use]
pub fn find_code(number: ElementNumber, code: &str) -> Option<&'static str> {
    codes_of(number)?.get(code).copied()
}

/// The codes of an element that have a name, in order: those worth guessing at.
pub fn list_codes(number: ElementNumber) -> impl Iterator<Item = (&'static str, &'static str)> {
    codes_of(number).into_iter().flatten().map(|(code, name)| (*code, *name))
}

/// Names by code.
type Codes = BTreeMap<&'static str, &'static str>;

fn codes_of(number: ElementNumber) -> Option<&'static Codes> {
    static NAMES: OnceLock<HashMap<ElementNumber, Codes>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let mut names: HashMap<ElementNumber, Codes> = HashMap::new();
        let mut element = ElementNumber::default();
        for (code, name) in CODES.lines().filter_map(|line| line.split_once(' ')) {
            if code == "element" {
                element = ElementNumber::from_word(name).unwrap_or_default();
            } else {
                names.entry(element).or_default().insert(code, name);
            }
        }
        names
    });
    names.get(&number)
}

/// The part of a segment at an element and component (0 for none) in a release.
#[must_use]
pub fn find_part(dictionary: &Dictionary, segment: &str, element: u16, component: u16) -> Option<Part> {
    let definition = dictionary.find_segment(segment.as_bytes())?;
    let part = definition.elements.get(usize::from(element.checked_sub(1)?))?;
    match part.composite {
        Some(index) if component > 0 => {
            let composite = dictionary.composite(index);
            composite.components.get(usize::from(component) - 1).copied()
        }
        _ => Some(*part),
    }
}

fn pairs(text: &'static str) -> HashMap<&'static str, &'static str> {
    text.lines().filter_map(|line| line.split_once(' ')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_number_and_code() {
        assert_eq!(find_segment("BIG"), Some("invoice start"));
        assert_eq!(find_element(ElementNumber::new(76)), Some("invoice number"));
        assert_eq!(find_code(ElementNumber::new(355), "EA"), Some("each"));
        assert_eq!(find_code(ElementNumber::new(355), "XX"), None);
    }

    #[test]
    fn few_codes_are_worth_guessing_at() {
        // A wrong code is held against each of them, and a document may have many wrong codes.
        let schemas = crate::formats::x12::schema::Schemas::builtin();
        let dictionary = schemas.find_release("005010").expect("it is built in").dictionary();
        let numbers: Vec<ElementNumber> = (1..2_000).map(ElementNumber::new).collect();
        let most = numbers.iter().map(|number| list_codes(*number).count()).max();
        assert!((20..100).contains(&most.unwrap_or_default()), "{most:?}");
        let all = numbers.iter().filter_map(|number| dictionary.find_element(*number));
        let longest = all.map(|element| dictionary.count_codes(element)).max();
        assert!(longest > Some(1_000), "{longest:?}");
    }

    #[test]
    fn no_name_is_given_twice() {
        for text in [SEGMENTS, ELEMENTS] {
            let lines = text.lines().filter(|line| !line.is_empty()).count();
            assert_eq!(pairs(text).len(), lines);
        }
    }
}
