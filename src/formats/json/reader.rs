//! Reads a JSON body into one tree for each document. Numbers keep their digits.

use super::layout::Layout;
use crate::finding::{Finding, Location, Severity};
use crate::tree::{Key, NodeId, Origin, Tree};

/// Deeper than any business document, and far from the end of our stack.
const MAX_DEPTH: usize = 64;

/// Reads a body. A body with a fault gives no tree.
#[must_use]
pub fn read(bytes: &[u8], layout: &Layout) -> (Vec<Tree>, Vec<Finding>) {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            return (
                Vec::new(),
                vec![fault("wrong_encoding", bytes, error.valid_up_to(), "the body is not UTF-8", "")],
            );
        }
    };
    let mut parser = Parser { text, at: 0, ordinal: 0 };
    match parser.document() {
        Ok(value) => documents(&value, bytes, layout),
        Err((at, code, message)) => (Vec::new(), vec![fault(code, bytes, at, message, "")]),
    }
}

fn fault(
    code: &'static str,
    bytes: &[u8],
    at: usize,
    message: impl Into<String>,
    hint: impl Into<String>,
) -> Finding {
    let before = bytes.get(..at).unwrap_or(bytes);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    Finding {
        code,
        severity: Severity::Reject,
        location: Location {
            byte: at as u64,
            line: u32::try_from(line).unwrap_or(u32::MAX),
            ..Location::default()
        },
        message: message.into(),
        hint: hint.into(),
        value: String::new(),
        ack_code: String::new(),
    }
}

enum Value {
    Null,
    Scalar(String),
    Array(Vec<Placed>),
    Object(Vec<(String, Placed)>),
}

struct Placed {
    value: Value,
    byte: usize,
    ordinal: u32,
}

fn documents(body: &Placed, bytes: &[u8], layout: &Layout) -> (Vec<Tree>, Vec<Finding>) {
    let mut at = body;
    for name in &layout.documents {
        let Value::Object(members) = &at.value else { return absent(body, bytes, name) };
        let Some((_, member)) = members.iter().find(|(own, _)| own == name) else {
            return absent(body, bytes, name);
        };
        at = member;
    }
    let trees = match &at.value {
        Value::Array(entries) => entries.iter().map(|entry| tree(entry, layout)).collect(),
        _ => vec![tree(at, layout)],
    };
    (trees, Vec::new())
}

fn absent(body: &Placed, bytes: &[u8], name: &str) -> (Vec<Tree>, Vec<Finding>) {
    (
        Vec::new(),
        vec![fault(
            "member_missing",
            bytes,
            body.byte,
            format!("the body has no `{name}`"),
            "documents are looked for there",
        )],
    )
}

fn tree(document: &Placed, layout: &Layout) -> Tree {
    let mut tree = Tree::default();
    let root = tree.reset(&layout.name, origin(document));
    fill(&mut tree, root, document);
    tree
}

fn origin(placed: &Placed) -> Origin {
    Origin { byte: placed.byte as u64, ordinal: placed.ordinal }
}

fn fill(tree: &mut Tree, node: NodeId, placed: &Placed) {
    match &placed.value {
        Value::Null => {}
        Value::Scalar(text) => tree.push(node, Key::Name(""), text, placed.byte as u64),
        // An array in an array has no name of its own; its entries join.
        Value::Array(entries) => entries.iter().for_each(|entry| fill(tree, node, entry)),
        Value::Object(members) => members.iter().for_each(|(name, member)| add(tree, node, name, member)),
    }
}

fn add(tree: &mut Tree, parent: NodeId, name: &str, placed: &Placed) {
    if let Value::Array(entries) = &placed.value {
        for entry in entries {
            add(tree, parent, name, entry);
        }
        return;
    }
    let node = tree.add(parent, name, origin(placed));
    fill(tree, node, placed);
}

type Stop = (usize, &'static str, String);

struct Parser<'t> {
    text: &'t str,
    at: usize,
    ordinal: u32,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<Placed, Stop> {
        let value = self.value(0)?;
        self.blanks();
        if self.at < self.text.len() {
            return Err(self.stop("not_json", "there is more after the end of the body"));
        }
        Ok(value)
    }

    fn stop(&self, code: &'static str, message: impl Into<String>) -> Stop {
        (self.at, code, message.into())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Placed, Stop> {
        if depth > MAX_DEPTH {
            return Err(self.stop("too_deep", format!("the body is nested deeper than {MAX_DEPTH}")));
        }
        self.blanks();
        let byte = self.at;
        self.ordinal += 1;
        let ordinal = self.ordinal;
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::Scalar(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Scalar(self.number()?),
            Some(_) => self.word()?,
            None => return Err(self.stop("incomplete", "the body ends too early")),
        };
        Ok(Placed { value, byte, ordinal })
    }

    fn word(&mut self) -> Result<Value, Stop> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (word, value) in [("null", None), ("true", Some("true")), ("false", Some("false"))] {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value.map_or(Value::Null, |text| Value::Scalar(text.to_owned())));
            }
        }
        let found = rest.chars().next().map(String::from).unwrap_or_default();
        Err(self.stop("not_json", format!("`{found}` begins no value")))
    }

    fn number(&mut self) -> Result<String, Stop> {
        let start = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        let exponent = text.contains(['e', 'E']);
        let parsed = if exponent {
            rust_decimal::Decimal::from_scientific(text).map(|number| number.normalize().to_string())
        } else {
            rust_decimal::Decimal::from_str_exact(text).map(|_| text.to_owned())
        };
        parsed.map_err(|_| {
            (start, "number_not_understood", format!("`{text}` is no number we can keep exactly"))
        })
    }

    fn array(&mut self, depth: usize) -> Result<Value, Stop> {
        self.at += 1;
        let mut entries = Vec::new();
        self.blanks();
        if self.take(b']') {
            return Ok(Value::Array(entries));
        }
        loop {
            entries.push(self.value(depth + 1)?);
            self.blanks();
            if self.take(b']') {
                return Ok(Value::Array(entries));
            }
            self.need(b',', "between two entries of an array")?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Stop> {
        self.at += 1;
        let mut members: Vec<(String, Placed)> = Vec::new();
        self.blanks();
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.stop("not_json", "a member's name in quotes is expected"));
            }
            let at = self.at;
            let name = self.string()?;
            if members.iter().any(|(own, _)| *own == name) {
                return Err((at, "member_twice", format!("`{name}` is there twice")));
            }
            self.blanks();
            self.need(b':', "after a member's name")?;
            let value = self.value(depth + 1)?;
            members.push((name, value));
            self.blanks();
            if self.take(b'}') {
                return Ok(Value::Object(members));
            }
            self.need(b',', "between two members of an object")?;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn need(&mut self, byte: u8, place: &str) -> Result<(), Stop> {
        if self.take(byte) {
            return Ok(());
        }
        let (code, message) = match self.peek() {
            None => ("incomplete", "the body ends too early".to_owned()),
            Some(_) => ("not_json", format!("`{}` is expected {place}", char::from(byte))),
        };
        Err(self.stop(code, message))
    }

    fn string(&mut self) -> Result<String, Stop> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let start = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1F)) {
                self.at += 1;
            }
            text.push_str(self.text.get(start..self.at).unwrap_or_default());
            match self.peek() {
                None => return Err(self.stop("incomplete", "the body ends inside a text")),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                Some(_) => return Err(self.stop("illegal_character", "a text holds a control character")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Stop> {
        let kind = self.peek();
        self.at += 1;
        Ok(match kind {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'u') => {
                let first = self.hex()?;
                let code = if (0xD800..0xDC00).contains(&first)
                    && self.text.get(self.at..self.at + 2) == Some("\\u")
                {
                    self.at += 2;
                    let second = self.hex()?;
                    0x1_0000 + ((first - 0xD800) << 10) + second.wrapping_sub(0xDC00)
                } else {
                    first
                };
                // Postgres keeps no NUL in text.
                char::from_u32(code).filter(|c| *c != '\0').ok_or_else(|| {
                    self.stop("illegal_character", "a text holds an escape that is no character")
                })?
            }
            _ => return Err(self.stop("not_json", "a text holds an unknown escape")),
        })
    }

    fn hex(&mut self) -> Result<u32, Stop> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or_else(|| self.stop("not_json", "`\\u` needs four hexadecimal digits"))?;
        self.at += 4;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        let (_, found) = read(text.as_bytes(), &Layout::default());
        found.iter().map(|finding| format!("{}:{}", finding.location.byte, finding.code)).collect()
    }

    #[test]
    fn faults_refuse_the_body() {
        let cases = [
            ("", "0:incomplete"),
            ("{\"a\":1", "6:incomplete"),
            ("{\"a\":1,}", "7:not_json"),
            ("{\"a\":1 \"b\":2}", "7:not_json"),
            ("{\"a\":1,\"a\":2}", "7:member_twice"),
            ("{\"a\":1e400}", "5:number_not_understood"),
            ("{\"a\":--1}", "5:number_not_understood"),
            ("{\"a\":NaN}", "5:not_json"),
            ("{\"a\":\"\u{1}\"}", "6:illegal_character"),
            ("{\"a\":\"\\u0000\"}", "12:illegal_character"),
            ("{\"a\":\"\\q\"}", "8:not_json"),
            ("{} {}", "3:not_json"),
            ("{\"a\":\"\\ud83d\\ude00 \\u00e9 \\n\", \"b\": null, \"c\": [true, -1.5e2]}", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(code(text), expected, "{text}");
        }
        assert_eq!(code(&"[".repeat(100_000)), "65:too_deep");
        assert_eq!(read(b"\"\xFF\"", &Layout::default()).1[0].code, "wrong_encoding");
    }

    #[test]
    fn an_array_gives_a_node_for_each_entry_and_digits_are_kept() {
        let text = r#"{"orders": [{"total": 12345678901234567.10, "lines": [{"n": 1}, {"n": "2"}], "x": null}, {"empty": ""}]}"#;
        let layout = Layout { documents: vec!["orders".into()], ..Layout::default() };
        let (trees, found) = read(text.as_bytes(), &layout);
        assert_eq!(found, []);
        assert_eq!(trees.len(), 2);
        let tree = &trees[0];
        let tags: Vec<&str> = tree.children(tree.root()).map(|node| tree.tag(node)).collect();
        assert_eq!(tags, ["total", "lines", "lines", "x"]);
        let total = tree.children(tree.root()).next().expect("there is a total");
        assert_eq!(
            tree.value(total, Key::Name("")).map(|v| (v.text, v.byte)),
            Some(("12345678901234567.10", 22))
        );
        let absent = read(b"{}", &layout).1;
        assert_eq!(absent[0].message, "the body has no `orders`");
    }

    #[test]
    fn what_was_read_is_written_again() {
        let text = "{\n  \"a\": \"x\",\n  \"n\": 12345678901234567.10,\n  \"l\": [\n    {\n      \"b\": true\n    }\n  ]\n}\n";
        let layout = Layout {
            arrays: ["l".to_owned()].into(),
            numbers: ["n".to_owned()].into(),
            booleans: ["l/b".to_owned()].into(),
            ..Layout::default()
        };
        let (trees, _) = read(text.as_bytes(), &layout);
        let written = crate::formats::json::write(&trees, &layout).expect("it can be written");
        assert_eq!(String::from_utf8_lossy(&written), text);
    }
}
