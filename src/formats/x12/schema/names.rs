//! Short names for people: what a set, a segment, an element or a code is called.
//!
//! They are of our own wording and the same in all releases. Codes have one where people meet them often.

use super::element::ElementNumber;
use std::collections::HashMap;
use std::sync::OnceLock;

const NAMES: &str = include_str!("facts/names.txt");

#[derive(Debug, Default)]
struct Names {
    sets: HashMap<&'static str, &'static str>,
    segments: HashMap<&'static str, &'static str>,
    elements: HashMap<ElementNumber, &'static str>,
    codes: HashMap<ElementNumber, HashMap<&'static str, &'static str>>,
}

/// What a set such as `940` is called.
#[must_use]
pub fn set(id: &str) -> Option<&'static str> {
    names().sets.get(id).copied()
}

/// What a segment such as `W05` is called.
#[must_use]
pub fn segment(id: &str) -> Option<&'static str> {
    names().segments.get(id).copied()
}

/// What an element is called.
#[must_use]
pub fn element(number: ElementNumber) -> Option<&'static str> {
    names().elements.get(&number).copied()
}

/// What a code of an element is called; none for the codes that are seldom met.
#[must_use]
pub fn code(number: ElementNumber, code: &str) -> Option<&'static str> {
    names().codes.get(&number)?.get(code).copied()
}

fn names() -> &'static Names {
    static READ: OnceLock<Names> = OnceLock::new();
    READ.get_or_init(|| {
        let mut names = Names::default();
        let mut list = ElementNumber::default();
        for line in NAMES.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.trim_start().splitn(3, ' ');
            match (line.starts_with(' '), words.next(), words.next()) {
                (true, Some(code), _) => {
                    let name = line.trim_start().split_once(' ').map_or("", |(_, name)| name);
                    names.codes.entry(list).or_default().insert(code, name);
                }
                (false, Some("codes"), Some(number)) => {
                    list = ElementNumber::from_word(number).unwrap_or_default();
                }
                (false, Some(what), Some(id)) => {
                    let name = words.next().unwrap_or("");
                    match what {
                        "set" => names.sets.insert(id, name),
                        "segment" => names.segments.insert(id, name),
                        _ => names.elements.insert(ElementNumber::from_word(id).unwrap_or_default(), name),
                    };
                }
                _ => {}
            }
        }
        names
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::x12::schema::Schemas;

    #[test]
    fn everything_has_a_name() {
        for release in Schemas::builtin().list() {
            for (id, _) in release.list_sets() {
                assert!(set(id).is_some(), "{id}");
            }
            for definition in release.dictionary().list_segments() {
                assert!(segment(&definition.id.text()).is_some(), "{}", definition.id.text());
                for part in &definition.elements {
                    assert!(element(part.element.number).is_some(), "{}", part.element.number);
                }
            }
        }
    }

    #[test]
    fn codes_have_names_of_several_words() {
        assert_eq!(code(ElementNumber::new(98), "ST"), Some("ship to"));
        assert_eq!(code(ElementNumber::new(98), "QQQ"), None);
        assert_eq!(ElementNumber::from_word("I14").and_then(|usage| code(usage, "T")), Some("test"));
    }
}
