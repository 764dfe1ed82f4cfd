//! The `[layout]` of a translator file.

use toml::Spanned;
use toml::de::DeValue;

use super::definition::{Text, Walk};
use super::{Format, Layout};
use crate::declaration::suggestion;
use crate::declaration::{Faults, parse, whole};
use crate::formats::{delimited, fixed_width, json, xml};

/// Reads the layout that the format calls for.
pub(super) fn read_layout<'t>(
    walk: &mut Walk<'t>,
    format: Format,
    value: Option<&'t Spanned<DeValue<'t>>>,
) -> Layout {
    match format {
        Format::X12 => {
            if let Some(value) = value {
                let spot = walk.spot(value.span().start);
                walk.found.push(spot.fault(
                    "unknown_key",
                    "X12 has no layout",
                    "its layout is the standard's schema",
                ));
            }
            Layout::X12
        }
        Format::Delimited => Layout::Delimited(Box::new(delimited(walk, value))),
        Format::FixedWidth => Layout::FixedWidth(Box::new(fixed_width(walk))),
        Format::Xml => Layout::Xml(xml(walk, value)),
        Format::Json => Layout::Json(json(walk, value)),
    }
}

fn strings(texts: Vec<Text>) -> Vec<String> {
    texts.into_iter().map(|text| text.text).collect()
}

fn names(text: &str) -> Vec<String> {
    text.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

const DELIMITED_KEYS: [&str; 13] = [
    "name",
    "delimiter",
    "quote",
    "header",
    "columns",
    "optional",
    "group_by",
    "inner",
    "unique",
    "encoding",
    "decimal_mark",
    "line_end",
    "records",
];

fn delimited<'t>(walk: &mut Walk<'t>, value: Option<&'t Spanned<DeValue<'t>>>) -> delimited::Layout {
    let mut layout = delimited::Layout::default();
    let Some(value) = value else { return layout };
    for (key, spot, value) in walk.table("layout", value) {
        match key {
            "header" => layout.header = walk.flag(key, value).unwrap_or(true),
            "columns" => layout.columns = strings(walk.texts(key, value)),
            "optional" => layout.optional = strings(walk.texts(key, value)),
            "group_by" => layout.group_by = strings(walk.texts(key, value)),
            "inner" => layout.inner = inner(walk, key, value),
            "unique" => layout.unique = strings(walk.texts(key, value)),
            "records" => layout.records = records(walk, value),
            "name" => layout.name = walk.text(key, value).map(|text| text.text).unwrap_or_default(),
            "delimiter" => layout.delimiter = byte(walk, key, value, Some(b',')).unwrap_or(b','),
            "quote" => layout.quote = byte(walk, key, value, None),
            "decimal_mark" => {
                layout.decimal_mark = byte(walk, key, value, Some(b'.')).map_or('.', char::from)
            }
            "encoding" => {
                if let Some(text) = walk.text(key, value) {
                    match encoding_rs::Encoding::for_label(text.text.as_bytes()) {
                        Some(encoding) if encoding.is_ascii_compatible() => layout.encoding = encoding,
                        _ => walk.found.push(text.spot.fault(
                            "unknown_encoding",
                            format!("there is no encoding `{}`", text.text),
                            suggestion(
                                &text.text,
                                ["utf-8", "windows-1252", "iso-8859-1", "iso-8859-15", "macintosh"],
                            ),
                        )),
                    }
                }
            }
            "line_end" => {
                if let Some(text) = walk.text(key, value) {
                    match text.text.as_str() {
                        "lf" => layout.line_end = delimited::LineEnd::Lf,
                        "crlf" => layout.line_end = delimited::LineEnd::CrLf,
                        _ => walk.found.push(text.spot.fault(
                            "unknown_word",
                            format!("there is no line end `{}`", text.text),
                            "known are lf, crlf",
                        )),
                    }
                }
            }
            _ => walk.unknown(key, &spot, &DELIMITED_KEYS),
        }
    }
    layout
}

/// `{ name = "pack", by = ["sscc"] }`.
fn inner<'t>(walk: &mut Walk<'t>, key: &str, value: &'t Spanned<DeValue<'t>>) -> Option<delimited::Inner> {
    let (mut name, mut by) = (None, Vec::new());
    for (key, spot, value) in walk.table(key, value) {
        match key {
            "name" => name = walk.text(key, value),
            "by" => by = strings(walk.texts(key, value)),
            _ => walk.unknown(key, &spot, &["name", "by"]),
        }
    }
    if name.is_none() || by.is_empty() {
        walk.found.push(walk.spot(value.span().start).fault(
            "key_missing",
            "`inner` does not say its `name` and `by` which columns",
            "write `inner = { name = \"pack\", by = [\"sscc\"] }`",
        ));
    }
    Some(delimited::Inner { name: name?.text, by })
}

/// One ASCII character; an empty text is none, where that is allowed.
fn byte(walk: &mut Walk<'_>, key: &str, value: &Spanned<DeValue<'_>>, otherwise: Option<u8>) -> Option<u8> {
    let text = walk.text(key, value)?;
    match text.text.as_bytes() {
        [] if otherwise.is_none() => None,
        [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n') => Some(*byte),
        _ => {
            walk.found.push(text.spot.fault(
                "wrong_value",
                format!("`{key}` should be one character"),
                "as in `,` or `;` or `\\t`",
            ));
            otherwise
        }
    }
}

fn records<'t>(walk: &mut Walk<'t>, value: &'t Spanned<DeValue<'t>>) -> Vec<delimited::RecordType> {
    let Some(array) = value.get_ref().as_array() else {
        walk.wrong_type("records", value, "written as `[[layout.records]]`");
        return Vec::new();
    };
    let mut all = Vec::new();
    for item in array.iter() {
        let (mut tag, mut columns, mut role, mut count) = (None, Vec::new(), None, None);
        for (key, spot, value) in walk.table("records", item) {
            match key {
                "tag" => tag = walk.text(key, value),
                "columns" => columns = strings(walk.texts(key, value)),
                "role" => role = walk.text(key, value),
                "count" => count = walk.text(key, value).map(|text| text.text),
                _ => walk.unknown(key, &spot, &["tag", "columns", "role", "count"]),
            }
        }
        let spot = walk.spot(item.span().start);
        let role = match role.as_ref().map(|role| role.text.as_str()) {
            Some("start") => delimited::Role::Start,
            Some("trailer") => delimited::Role::Trailer { count },
            Some("file_header") => delimited::Role::FileHeader,
            Some("detail") | None => delimited::Role::Detail,
            Some(other) => {
                let hint = suggestion(other, ["start", "detail", "trailer", "file_header"]);
                walk.found.push(spot.fault("unknown_word", format!("there is no role `{other}`"), hint));
                delimited::Role::Detail
            }
        };
        match tag {
            Some(tag) => all.push(delimited::RecordType { tag: tag.text, columns, role }),
            None => walk.found.push(spot.fault(
                "key_missing",
                "this kind of row has no `tag`",
                "add `tag = \"H\"`, what its first field holds",
            )),
        }
    }
    all
}

/// Fixed-width layouts are read from a section of the same file.
fn fixed_width(walk: &mut Walk<'_>) -> fixed_width::Layout {
    let source = walk.source();
    let faults = Faults::default();
    let table = parse(&source, &faults);
    let top = whole(&[(&source, &table)], &faults);
    let layout = match top.section("layout") {
        Some(section) => {
            let layout = fixed_width::Layout::read(&section);
            section.finish();
            layout
        }
        None => {
            let hint = "write [layout] with `tag` and [[layout.records]]";
            faults.add("key_missing", &top.place(), "the translator has no `[layout]`", hint);
            fixed_width::Layout::read(&top)
        }
    };
    drop(top);
    walk.found.extend(faults.into_findings());
    layout
}

fn xml<'t>(walk: &mut Walk<'t>, value: Option<&'t Spanned<DeValue<'t>>>) -> xml::Layout {
    let mut layout = xml::Layout::default();
    let Some(value) = value else {
        let spot = walk.spot(0);
        walk.found.push(spot.fault(
            "key_missing",
            "the translator has no `[layout]`",
            "add `[layout]` with `document = \"Order\"`",
        ));
        return layout;
    };
    for (key, spot, value) in walk.table("layout", value) {
        match key {
            "document" => {
                layout.document = walk.text(key, value).map(|text| names(&text.text)).unwrap_or_default()
            }
            "namespace" => layout.namespace = walk.text(key, value).map(|text| text.text).unwrap_or_default(),
            "order" => layout.order = strings(walk.texts(key, value)),
            _ => walk.unknown(key, &spot, &["document", "namespace", "order"]),
        }
    }
    if layout.document.is_empty() {
        let spot = walk.spot(value.span().start);
        walk.found.push(spot.fault(
            "key_missing",
            "the layout does not say its `document`",
            "add `document = \"Order\"`, or `\"Orders/Order\"` where a file holds many",
        ));
    }
    layout
}

fn json<'t>(walk: &mut Walk<'t>, value: Option<&'t Spanned<DeValue<'t>>>) -> json::Layout {
    let mut layout = json::Layout { name: "json".to_owned(), ..json::Layout::default() };
    let Some(value) = value else { return layout };
    for (key, spot, value) in walk.table("layout", value) {
        match key {
            "name" => layout.name = walk.text(key, value).map(|text| text.text).unwrap_or_default(),
            "documents" => {
                layout.documents = walk.text(key, value).map(|text| names(&text.text)).unwrap_or_default()
            }
            "arrays" => layout.arrays = strings(walk.texts(key, value)).into_iter().collect(),
            "numbers" => layout.numbers = strings(walk.texts(key, value)).into_iter().collect(),
            "booleans" => layout.booleans = strings(walk.texts(key, value)).into_iter().collect(),
            _ => walk.unknown(key, &spot, &["name", "documents", "arrays", "numbers", "booleans"]),
        }
    }
    layout
}
