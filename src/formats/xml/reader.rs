//! Reads an XML file into one tree for each document.

use std::borrow::Cow;
use std::collections::HashSet;

use quick_xml::errors::{Error as XmlError, SyntaxError};
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::layout::Layout;
use crate::finding::{Finding, Location, Severity};
use crate::tree::{Key, NodeId, Origin, Tree};

/// Deeper than any business document.
const MAX_DEPTH: usize = 64;
/// Duplicate attributes are looked for among all of an element's, so their number is bounded.
const MAX_ATTRIBUTES: usize = 256;
/// Longest name, attribute or comment.
const MAX_TOKEN_BYTES: usize = 1024 * 1024;
/// Longest text of one element.
const MAX_TEXT_BYTES: usize = 16 * 1024 * 1024;
const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Reads a file. A file that is not well-formed, has a DTD or is not what the layout says gives no tree.
#[must_use]
pub fn read(bytes: &[u8], layout: &Layout) -> (Vec<Tree>, Vec<Finding>) {
    let text = match decode(bytes) {
        Ok(text) => text,
        Err(stop) => return (Vec::new(), vec![stop.finding(bytes)]),
    };
    let mut walk = Walk {
        layout,
        text: &text,
        open: Vec::new(),
        names: Vec::new(),
        trees: Vec::new(),
        current: None,
        ordinal: 0,
        closed: false,
    };
    match walk.run() {
        Ok(()) => (walk.trees, Vec::new()),
        Err(stop) => (Vec::new(), vec![stop.finding(text.as_bytes())]),
    }
}

/// A fault that ends the reading.
struct Stop {
    code: &'static str,
    byte: usize,
    message: String,
    hint: &'static str,
    element: String,
}

impl Stop {
    fn new(code: &'static str, byte: usize, message: impl Into<String>, hint: &'static str) -> Self {
        Self { code, byte, message: message.into(), hint, element: String::new() }
    }

    fn finding(self, bytes: &[u8]) -> Finding {
        let before = bytes.get(..self.byte).unwrap_or(bytes);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Finding {
            code: self.code,
            severity: Severity::Reject,
            location: Location {
                byte: self.byte as u64,
                line: u32::try_from(line).unwrap_or(u32::MAX),
                segment: self.element,
                ..Location::default()
            },
            message: self.message,
            hint: self.hint.to_owned(),
            value: String::new(),
            ack_code: String::new(),
        }
    }
}

/// The file as text: UTF-8, or a single-byte encoding that its declaration names.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Stop> {
    if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
        return Err(Stop::new("wrong_encoding", 0, "the file is UTF-16", "send it as UTF-8"));
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(Stop::new(
            "zip_content",
            0,
            "the file is a zip archive",
            "send the XML file that is in it",
        ));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let declared = declared_encoding(bytes);
    if let Some(encoding) =
        declared.filter(|encoding| *encoding != encoding_rs::UTF_8 && encoding.is_single_byte())
    {
        return Ok(encoding.decode_without_bom_handling(bytes).0);
    }
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        let at = error.valid_up_to();
        let hint = "the declaration says UTF-8, the bytes do not: perhaps it is windows-1252";
        Stop::new("wrong_encoding", at, format!("the byte at offset {at} is not UTF-8"), hint)
    })
}

fn declared_encoding(bytes: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    // A declaration is short and stands at the very start.
    let head = String::from_utf8_lossy(bytes.get(..200.min(bytes.len()))?).into_owned();
    let (declaration, _) = head.strip_prefix("<?xml")?.split_once("?>")?;
    let (_, tail) = declaration.split_once("encoding")?;
    let tail = tail.trim_start().strip_prefix('=')?.trim_start();
    let label = tail.get(1..)?.split(['"', '\'']).next()?;
    encoding_rs::Encoding::for_label(label.as_bytes())
}

/// One open element.
struct Open {
    node: Option<NodeId>,
    text: String,
    text_byte: usize,
    /// Namespace prefixes declared here, with their URIs.
    prefixes: Vec<(String, String)>,
}

struct Walk<'a> {
    layout: &'a Layout,
    text: &'a str,
    open: Vec<Open>,
    names: Vec<String>,
    trees: Vec<Tree>,
    /// The tree being filled is the last one.
    current: Option<usize>,
    ordinal: u32,
    /// Whether the document element has ended.
    closed: bool,
}

impl Walk<'_> {
    fn run(&mut self) -> Result<(), Stop> {
        let mut reader = Reader::from_str(self.text);
        loop {
            let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
            let event = reader.read_event().map_err(|error| {
                let position = usize::try_from(reader.error_position()).unwrap_or(at);
                let unclosed =
                    matches!(&error, XmlError::Syntax(fault) if *fault != SyntaxError::InvalidBangMarkup);
                if unclosed {
                    return Stop::new(
                        "incomplete",
                        position,
                        "the file ends inside an element",
                        "it may have been cut short",
                    );
                }
                let message = error.to_string();
                Stop::new(
                    "not_well_formed",
                    position,
                    format!(
                        "the file is not well-formed: {}",
                        message.trim_start_matches("ill-formed document: ")
                    ),
                    "",
                )
            })?;
            match event {
                Event::Start(start) => self.start(&start, at)?,
                Event::Empty(start) => {
                    self.start(&start, at)?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(text) => {
                    let content = text.xml10_content();
                    self.add_text(&content, at)?;
                }
                Event::CData(text) => {
                    let content = text.xml10_content();
                    self.add_text(&content, at)?;
                }
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref() {
                        Ok(Some(character)) => Some(character),
                        Ok(None) => named_entity(&reference),
                        Err(_) => None,
                    };
                    let name = reference.into_inner();
                    let Some(character) = character else {
                        return Err(Stop::new(
                            "unknown_entity",
                            at,
                            format!("`&{name};` is not defined"),
                            "only XML's own entities are allowed",
                        ));
                    };
                    self.add_text(character.encode_utf8(&mut [0; 4]), at)?;
                }
                Event::DocType(_) => {
                    return Err(Stop::new(
                        "dtd_not_allowed",
                        at,
                        "the file has a DTD (`<!DOCTYPE`)",
                        "DTDs are refused: send the file without it",
                    ));
                }
                Event::Comment(comment) if comment.len() > MAX_TOKEN_BYTES => {
                    return Err(Stop::new("token_too_long", at, "a comment is longer than 1 MiB", ""));
                }
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => break,
            }
        }
        if !self.open.is_empty() {
            return Err(Stop::new(
                "incomplete",
                self.text.len(),
                "the file ends inside an element",
                "it may have been cut short",
            ));
        }
        if !self.closed {
            return Err(Stop::new("not_xml", 0, "the file has no elements", ""));
        }
        Ok(())
    }

    fn start(&mut self, start: &BytesStart<'_>, at: usize) -> Result<(), Stop> {
        let name = start.local_name().as_ref().to_owned();
        let stop = |code, message: String, hint| {
            Err(Stop { element: name.clone(), ..Stop::new(code, at, message, hint) })
        };
        if self.closed && self.open.is_empty() {
            return stop("two_roots", format!("`{name}` stands after the document element"), "");
        }
        if self.open.len() >= MAX_DEPTH {
            return stop("too_deep", format!("the file is nested deeper than {MAX_DEPTH}"), "");
        }
        if start.len() > MAX_TOKEN_BYTES {
            return stop("token_too_long", "a tag is longer than 1 MiB".to_owned(), "");
        }
        let attributes = attributes(start, at)?;
        let prefixes = attributes
            .iter()
            .filter_map(|(key, value)| match key.split_once(':') {
                Some(("xmlns", prefix)) => Some((prefix.to_owned(), value.clone())),
                None if key == "xmlns" => Some((String::new(), value.clone())),
                _ => None,
            })
            .collect();
        self.open.push(Open { node: None, text: String::new(), text_byte: at, prefixes });
        self.names.push(name.clone());
        let prefix = start.name().prefix().map(|prefix| prefix.as_ref().to_owned()).unwrap_or_default();
        self.check_place(&name, &prefix, at)?;
        self.ordinal += 1;
        let origin = Origin { byte: at as u64, ordinal: self.ordinal };
        let parent = self.open.iter().rev().nth(1).and_then(|open| open.node);
        let node = match (self.current, parent) {
            (Some(current), Some(parent)) => {
                self.trees.get_mut(current).map(|tree| tree.add(parent, &name, origin))
            }
            _ if self.names == self.layout.document => {
                let mut tree = Tree::default();
                let root = tree.reset(&name, origin);
                self.trees.push(tree);
                self.current = Some(self.trees.len() - 1);
                Some(root)
            }
            _ => None,
        };
        if let Some(open) = self.open.last_mut() {
            open.node = node;
        }
        if let (Some(node), Some(tree)) = (node, self.trees.last_mut()) {
            for (key, value) in &attributes {
                let (prefix, local) = key.split_once(':').unwrap_or(("", key));
                let namespace = namespace_of(&self.open, prefix);
                // What belongs to XML Schema's instances (nil, schemaLocation) is not the document's.
                if key != "xmlns" && prefix != "xmlns" && namespace != INSTANCE {
                    tree.push(node, Key::Name(&format!("@{local}")), value, at as u64);
                }
            }
        }
        Ok(())
    }

    /// Elements down to the document are those of the layout; all have the layout's namespace.
    fn check_place(&self, name: &str, prefix: &str, at: usize) -> Result<(), Stop> {
        let depth = self.names.len();
        let expected = self.layout.document.get(depth - 1);
        let stop = |code, message: String, hint| {
            Err(Stop { element: name.to_owned(), ..Stop::new(code, at, message, hint) })
        };
        if let Some(expected) = expected.filter(|expected| depth == 1 && *expected != name) {
            let hint = if name.eq_ignore_ascii_case("html") {
                "this is a web page, perhaps an error message of the sender's server"
            } else {
                ""
            };
            return stop(
                "wrong_root",
                format!("the document element is `{name}`, `{expected}` is expected"),
                hint,
            );
        }
        if prefix.is_empty()
            || prefix == "xml"
            || self.open.iter().any(|open| open.prefixes.iter().any(|(own, _)| own == prefix))
        {
            let namespace = namespace_of(&self.open, prefix);
            if !self.layout.namespace.is_empty() && namespace != self.layout.namespace && expected.is_some() {
                let shown = if namespace.is_empty() {
                    "no namespace".to_owned()
                } else {
                    format!("namespace {namespace}")
                };
                return stop(
                    "wrong_namespace",
                    format!("`{name}` has {shown}, {} is expected", self.layout.namespace),
                    "",
                );
            }
            return Ok(());
        }
        stop("not_well_formed", format!("the prefix `{prefix}` is not declared"), "")
    }

    fn add_text(&mut self, text: &str, at: usize) -> Result<(), Stop> {
        let illegal = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
        if text.contains(illegal) {
            return Err(Stop::new(
                "illegal_character",
                at,
                "a text holds a character that XML does not allow",
                "",
            ));
        }
        let Some(open) = self.open.last_mut() else {
            if text.trim().is_empty() {
                return Ok(());
            }
            return Err(Stop::new("not_xml", at, "there is text outside the document element", ""));
        };
        if open.node.is_none() {
            return Ok(());
        }
        if open.text.len() + text.len() > MAX_TEXT_BYTES {
            return Err(Stop::new("text_too_long", at, "the text of one element is longer than 16 MiB", ""));
        }
        if open.text.trim().is_empty() {
            open.text_byte = at;
        }
        open.text.push_str(text);
        Ok(())
    }

    fn end(&mut self) {
        self.names.pop();
        let Some(open) = self.open.pop() else { return };
        if let (Some(node), Some(tree)) = (open.node, self.trees.last_mut()) {
            let text = open.text.trim();
            if !text.is_empty() {
                tree.push(node, Key::Name(""), text, open.text_byte as u64);
            }
            if node == tree.root() {
                self.current = None;
            }
        }
        self.closed |= self.open.is_empty();
    }
}

fn namespace_of<'o>(open: &'o [Open], prefix: &str) -> &'o str {
    let declared = open.iter().rev().flat_map(|open| open.prefixes.iter().rev());
    declared.filter(|(own, _)| own == prefix).map(|(_, uri)| uri.as_str()).next().unwrap_or("")
}

fn named_entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// Names and values of an element's attributes.
fn attributes(start: &BytesStart<'_>, at: usize) -> Result<Vec<(String, String)>, Stop> {
    let name = start.local_name().as_ref().to_owned();
    let stop = |code, message: String| Stop { element: name.clone(), ..Stop::new(code, at, message, "") };
    let mut all = Vec::new();
    let mut keys = HashSet::new();
    let mut attributes = start.attributes();
    // Its own check compares each attribute with all before it; ours does not.
    attributes.with_checks(false);
    for attribute in attributes {
        let attribute = attribute
            .map_err(|error| stop("not_well_formed", format!("the file is not well-formed: {error}")))?;
        if all.len() >= MAX_ATTRIBUTES {
            return Err(stop(
                "too_many_attributes",
                format!("`{name}` has more than {MAX_ATTRIBUTES} attributes"),
            ));
        }
        let key = attribute.key.as_ref().to_owned();
        if !keys.insert(key.clone()) {
            return Err(stop("not_well_formed", format!("`{name}` has the attribute `{key}` twice")));
        }
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).map_err(|error| {
            stop("unknown_entity", format!("an attribute of `{name}` cannot be read: {error}"))
        })?;
        all.push((key, value.into_owned()));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(document: &str, namespace: &str) -> Layout {
        Layout {
            document: document.split('/').map(str::to_owned).collect(),
            namespace: namespace.into(),
            ..Layout::default()
        }
    }

    fn code(text: &[u8]) -> String {
        let (trees, found) = read(text, &layout("a", ""));
        assert!(found.is_empty() || trees.is_empty());
        found.iter().map(|finding| format!("{}:{}", finding.location.line, finding.code)).collect()
    }

    #[test]
    fn faults_refuse_the_file() {
        let cases: [(&[u8], &str); 23] = [
            (b"<!DOCTYPE a><a/>", "1:dtd_not_allowed"),
            (b"<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>", "1:dtd_not_allowed"),
            (b"<!DOCTYPE a [<!ENTITY % x SYSTEM \"http://h/\"> %x;]><a/>", "1:dtd_not_allowed"),
            (b"<a>&x;</a>", "1:unknown_entity"),
            (b"<a b=\"&x;\"/>", "1:unknown_entity"),
            (b"<a b='1' b='2'/>", "1:not_well_formed"),
            (b"<a>\n<b></c></a>", "2:not_well_formed"),
            (b"<a><b>", "1:incomplete"),
            (b"<a><b></b", "1:incomplete"),
            (b"<a/><b/>", "1:two_roots"),
            (b"<a/>text", "1:not_xml"),
            (b"", "1:not_xml"),
            (b"<a>\xE9</a>", "1:wrong_encoding"),
            (b"\xFF\xFE<\0a\0/\0>\0", "1:wrong_encoding"),
            (b"PK\x03\x04", "1:zip_content"),
            (b"<a>&#0;</a>", "1:unknown_entity"),
            (b"<a>&#x1F;</a>", "1:illegal_character"),
            (b"<a><n:b/></a>", "1:not_well_formed"),
            (b"<html><body>502 Bad Gateway</body></html>", "1:wrong_root"),
            (b"<a>&#99999999;</a>", "1:unknown_entity"),
            (b"<a b=1/>", "1:not_well_formed"),
            (b"<a>a & b</a>", "1:not_well_formed"),
            (b"<?xml version=\"1.0\"?>\n<a/>", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(code(text), expected, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let deep = "<a>".repeat(100_000);
        assert_eq!(code(deep.as_bytes()), "1:too_deep");
        let many: String = (0..300).map(|n| format!(" b{n}='1'")).collect();
        assert_eq!(code(format!("<a{many}/>").as_bytes()), "1:too_many_attributes");
        let spaces: String = (0..1_000_000).map(|n| format!(" xmlns:b{n}='u'")).collect();
        assert_eq!(code(format!("<a{spaces}/>").as_bytes()), "1:token_too_long");
        let long = "x".repeat(2 * 1024 * 1024);
        assert_eq!(code(format!("<a b='{long}'/>").as_bytes()), "1:token_too_long");
        assert_eq!(code(format!("<a><!--{long}--></a>").as_bytes()), "1:token_too_long");
        let longer = "x".repeat(17 * 1024 * 1024);
        assert_eq!(code(format!("<a><![CDATA[{longer}]]></a>").as_bytes()), "1:text_too_long");
    }

    #[test]
    fn prefixes_do_not_matter_and_namespaces_do() {
        let read_in = |text: &str| read(text.as_bytes(), &layout("a", "urn:x"));
        for text in ["<a xmlns='urn:x'><b>1</b></a>", "<p:a xmlns:p='urn:x'><p:b>1</p:b></p:a>"] {
            let (trees, found) = read_in(text);
            assert_eq!(found, []);
            let b = trees[0].children(trees[0].root()).next().expect("there is a b");
            assert_eq!((trees[0].tag(b), trees[0].value(b, Key::Name("")).map(|v| v.text)), ("b", Some("1")));
        }
        assert_eq!(read_in("<a xmlns='urn:y'/>").1[0].code, "wrong_namespace");
        assert_eq!(read_in("<a/>").1[0].code, "wrong_namespace");
    }

    #[test]
    fn texts_come_whole_and_instance_attributes_stay_out() {
        let text = "<o xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:schemaLocation='urn:x http://h/x.xsd'>\
            <?xml-stylesheet href='x'?><a id='1&amp;2'> A &lt; B<!-- no --> <![CDATA[]]]]><![CDATA[>]]></a><a xsi:nil='true'/></o>";
        let (trees, found) = read(text.as_bytes(), &layout("o/a", ""));
        assert_eq!(found, []);
        assert_eq!(trees.len(), 2);
        let values: Vec<_> = trees[0].values(trees[0].root()).map(|v| (v.key, v.text)).collect();
        assert_eq!(values, [(Key::Name("@id"), "1&2"), (Key::Name(""), "A < B ]]>")]);
        assert_eq!(trees[1].values(trees[1].root()).count(), 0);
    }

    #[test]
    fn a_declared_encoding_is_decoded() {
        let text = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>CAF\xC9</a>";
        let (trees, found) = read(text, &layout("a", ""));
        assert_eq!(found, []);
        assert_eq!(trees[0].value(trees[0].root(), Key::Name("")).map(|v| v.text), Some("CAFÉ"));
    }
}
