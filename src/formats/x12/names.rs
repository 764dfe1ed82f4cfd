//! Short names for people: of segments, elements and the codes met most.

use super::schema::{Dictionary, ElementNumber, Part};
use std::collections::HashMap;
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
    static NAMES: OnceLock<HashMap<(ElementNumber, &str), &str>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let mut names = HashMap::new();
        let mut element = ElementNumber::default();
        for (code, name) in CODES.lines().filter_map(|line| line.split_once(' ')) {
            if code == "element" {
                element = ElementNumber::from_word(name).unwrap_or_default();
            } else {
                names.insert((element, code), name);
            }
        }
        names
    });
    names.get(&(number, code)).copied()
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
    fn no_name_is_given_twice() {
        for text in [SEGMENTS, ELEMENTS] {
            let lines = text.lines().filter(|line| !line.is_empty()).count();
            assert_eq!(pairs(text).len(), lines);
        }
    }
}
