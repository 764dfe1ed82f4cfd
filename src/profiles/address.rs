//! Addresses and headers of calls, into which values of what is sent are put. Values are data: none can name another
//! resource than the profile does, or another host.

use super::pattern::{self, Part};
use reqwest::Url;
use std::fmt;

/// Longer addresses are refused by servers along the way.
const LONGEST_BYTES: usize = 4_000;

/// What a placeholder may name besides the fields of the record.
pub(super) const WORDS: &[&str] =
    &["key", "document", "usage", "partner", "agreement", "number", "date", "time"];

/// An address whose path and query may hold placeholders, such as `https://erp.example/orders/{order_number}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    text: String,
    parts: Vec<Part>,
}

/// A text that may hold placeholders, such as the value of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    text: String,
    parts: Vec<Part>,
}

/// Why an address or a header cannot be filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfilled {
    /// There is no value.
    #[error("takes `{{{0}}}`, and there is nothing to put there")]
    Missing(String),
    /// The value would lead to another place.
    #[error("takes `{{{0}}}`, and what is to be put there would name another resource")]
    Elsewhere(String),
    /// A header cannot hold it.
    #[error("takes `{{{0}}}`, and what is to be put there has characters that a header cannot hold")]
    Unfit(String),
    /// It is too long.
    #[error("is longer than 4000 bytes with what is to be put into it")]
    TooLong,
}

impl Address {
    /// An address as a profile has it.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        let form = "it begins with `https://`, then the host, then the path: https://erp.example/orders/{order_number}";
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let Some(rest) = rest else { return Err((format!("`{text}` is no web address"), form)) };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.contains(['{', '}']) {
            let hint = "write the host as it is; placeholders may stand in the path and the query";
            return Err(("the host of an address is fixed".to_owned(), hint));
        }
        if text.contains('#') {
            return Err(("an address of a call has no part behind `#`".to_owned(), "take it out"));
        }
        if text.contains('\\') || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            let hint = "write blanks as %20, and take `\\` out";
            return Err(("an address has no blanks and no `\\`".to_owned(), hint));
        }
        let parts = pattern::parts(text).map_err(|why| (why, form))?;
        let address = Self { text: text.to_owned(), parts };
        // Whatever stands there, it is one name.
        let tried = address.tried();
        if Url::parse(&tried).is_err() {
            return Err((format!("`{text}` is no web address"), form));
        }
        if segments(&tried).any(is_dots) {
            let hint = "write the path that is meant";
            return Err(("an address does not climb by `.` or `..`".to_owned(), hint));
        }
        Ok(address)
    }

    /// An address that nothing is at.
    pub(super) fn nowhere() -> Self {
        Self { text: String::new(), parts: Vec::new() }
    }

    /// Names of its placeholders.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        names(&self.parts)
    }

    /// The address with values in their places: all but letters, digits, `-`, `.`, `_` and `~` are written as `%XX`, so
    /// that a value stays one name of the path, or one value of the query.
    ///
    /// # Errors
    /// When a value is missing or empty, or would lead elsewhere all the same, as `..` would.
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Result<String, Unfilled> {
        let filled = self.put(|name| given(name, &value))?;
        if filled.len() > LONGEST_BYTES {
            return Err(Unfilled::TooLong);
        }
        if self.is_kept_by(&filled) {
            return Ok(filled);
        }
        // Whose value it is: the one without which it would not.
        let without = |other: &str| {
            let filled =
                self.put(|name| if name == other { Ok("x".to_owned()) } else { given(name, &value) });
            filled.is_ok_and(|filled| self.is_kept_by(&filled))
        };
        let name = self.placeholders().find(|name| without(name)).or_else(|| self.placeholders().next());
        Err(Unfilled::Elsewhere(name.unwrap_or_default().to_owned()))
    }

    /// Whether what it is filled to names what the profile does. What a parser makes of it counts: the same host, and as
    /// many names.
    fn is_kept_by(&self, filled: &str) -> bool {
        let same = Url::parse(&self.tried()).ok().zip(Url::parse(filled).ok());
        let is_same = same.is_some_and(|(tried, filled)| {
            let count = |url: &Url| url.path_segments().map_or(0, Iterator::count);
            tried.origin() == filled.origin()
                && count(&tried) == count(&filled)
                && filled.fragment().is_none()
        });
        is_same && !segments(filled).any(is_dots)
    }

    fn put(&self, value: impl Fn(&str) -> Result<String, Unfilled>) -> Result<String, Unfilled> {
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Fixed(text) => filled.push_str(text),
                Part::Value(name) => encode(&value(name)?, &mut filled),
            }
        }
        Ok(filled)
    }

    /// With one name in every place.
    fn tried(&self) -> String {
        self.put(|_| Ok("x".to_owned())).unwrap_or_default()
    }
}

impl Text {
    /// A text as a profile has it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self { text: text.to_owned(), parts: pattern::parts(text)? })
    }

    /// Names of its placeholders.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        names(&self.parts)
    }

    /// The text with values in their places, as they are.
    ///
    /// # Errors
    /// When a value is missing or empty.
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Result<String, Unfilled> {
        let put = |part: &Part| match part {
            Part::Fixed(text) => Ok(text.clone()),
            Part::Value(name) => given(name, &value),
        };
        self.parts.iter().map(put).collect()
    }

    /// The same for a header.
    ///
    /// # Errors
    /// Also when a value has characters that a header cannot hold.
    pub fn fill_header(&self, value: impl Fn(&str) -> Option<String>) -> Result<String, Unfilled> {
        for name in self.placeholders() {
            // A line end would begin another header.
            if !given(name, &value)?.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                return Err(Unfilled::Unfit(name.to_owned()));
            }
        }
        self.fill(value)
            .and_then(|filled| if filled.len() > LONGEST_BYTES { Err(Unfilled::TooLong) } else { Ok(filled) })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

fn names(parts: &[Part]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| match part {
        Part::Value(name) => Some(name.as_str()),
        Part::Fixed(_) => None,
    })
}

fn given(name: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, Unfilled> {
    let value = value(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    value.ok_or_else(|| Unfilled::Missing(name.to_owned()))
}

/// RFC 3986, section 2.3: what is not reserved stays.
fn encode(value: &str, into: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// The names of the path of an address, as they are written.
fn segments(address: &str) -> impl Iterator<Item = &str> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('?').next().unwrap_or_default().split('/').skip(1)
}

/// Parsers take `%2e` for a dot.
fn is_dots(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(address: &str, value: &str) -> Result<String, Unfilled> {
        Address::parse(address).expect("it is sound").fill(|_| Some(value.to_owned()))
    }

    #[test]
    fn a_value_stays_one_name_whatever_it_holds() {
        let cases = include_str!("address-cases.txt");
        let mut seen = 0;
        for case in cases.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let mut columns = case.split(" | ");
            let (address, value, expected) =
                (columns.next().expect("one"), columns.next().expect("two"), columns.next().expect("three"));
            let value =
                value.replace("\\r", "\r").replace("\\n", "\n").replace("\\0", "\0").replace("\\t", "\t");
            let told = match filled(address, &value) {
                Ok(address) => address,
                Err(Unfilled::Missing(_)) => "missing".to_owned(),
                Err(Unfilled::Elsewhere(_)) => "elsewhere".to_owned(),
                Err(other) => other.to_string(),
            };
            assert_eq!(told, expected, "{case}");
            if let Ok(url) = Url::parse(&told) {
                assert_eq!(url.host_str(), Some("erp.example"), "{case}");
                assert_eq!(url.as_str(), told, "a parser leaves it as it is: {case}");
            }
            seen += 1;
        }
        assert!(seen > 20);
    }

    #[test]
    fn any_value_leaves_host_and_path_as_they_are() {
        let pieces = [
            "..", ".", "/", "\\", "%2e", "%2f", "?", "#", "@", ":", "//", "a", "é", "\u{202e}", " ", "&", "=",
        ];
        for one in pieces {
            for two in pieces {
                for three in pieces {
                    let value = format!("{one}{two}{three}");
                    let address = "https://erp.example:8443/v1/orders/{n}/lines?of={n}&all=1";
                    let Ok(filled) = filled(address, &value) else { continue };
                    let url = Url::parse(&filled).expect("it is one");
                    assert_eq!(url.authority(), "erp.example:8443", "{value}");
                    let names: Vec<&str> = url.path_segments().expect("a path").collect();
                    assert_eq!((names.len(), names[1], names[3]), (4, "orders", "lines"), "{value}");
                    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
                    assert_eq!(pairs.len(), 2, "{value}");
                    assert_eq!(pairs[0].1, value.trim(), "{value}");
                }
            }
        }
    }

    #[test]
    fn an_address_is_refused_where_it_is_written() {
        for (address, told) in [
            ("erp.example/{n}", "is no web address"),
            ("https://{n}.example/orders", "the host of an address is fixed"),
            ("https://erp.example:{n}/orders", "the host of an address is fixed"),
            ("https://erp.example{n}", "the host of an address is fixed"),
            ("https://erp.example/a/../b", "does not climb"),
            ("https://erp.example/%2e%2E/b", "does not climb"),
            ("https://erp.example/a#{n}", "behind `#`"),
            ("https://erp.example/a b", "no blanks"),
            ("https://erp.example/{n", "never closed"),
        ] {
            let (message, _) = Address::parse(address).expect_err(address);
            assert!(message.contains(told), "{address}: {message}");
        }
    }

    #[test]
    fn a_header_holds_what_a_header_may() {
        let header = Text::parse("order {n}; v=1").expect("it is sound");
        let fill = |value: &str| header.fill_header(|_| Some(value.to_owned()));
        assert_eq!(fill(" SO-1 ").as_deref(), Ok("order SO-1; v=1"));
        for value in ["a\r\nX-Other: 1", "a\nb", "é", "a\0b", "a\tb"] {
            assert_eq!(fill(value), Err(Unfilled::Unfit("n".to_owned())), "{value:?}");
        }
        assert_eq!(fill("  "), Err(Unfilled::Missing("n".to_owned())));
    }
}
