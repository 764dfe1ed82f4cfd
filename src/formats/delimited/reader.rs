//! Reads a delimited file into one tree for each document.

use std::collections::HashMap;

use super::layout::{Layout, RecordType, Role};
use super::rows::{Field, Row, Rows, fault};
use crate::finding::{Finding, Severity};
use crate::tree::{Key, NodeId, Origin, Tree};

/// Reads a file. Documents come in the order of their first rows; what is wrong with a row or the file
/// is in the findings, and such a row is in no tree.
#[must_use]
pub fn read(bytes: &[u8], layout: &Layout) -> (Vec<Tree>, Vec<Finding>) {
    let mut rows = match Rows::new(bytes, layout) {
        Ok(rows) => rows,
        Err(finding) => return (Vec::new(), vec![*finding]),
    };
    let mut found = Vec::new();
    let trees = if layout.records.is_empty() {
        alike(&mut rows, layout, &mut found)
    } else {
        typed(&mut rows, layout, &mut found)
    };
    let mut found = [rows.found, found].concat();
    found.sort_by_key(|finding| finding.location.line);
    (trees, found)
}

/// More faults than anyone reads; the file is another than the layout says.
const FAULT_LIMIT: usize = 1000;

fn empty_file() -> Finding {
    fault("empty_file", 1, 0, "the file has no rows", "")
}

/// Whether to stop, since a file is faulty throughout.
fn is_hopeless(row: &Row, found: &mut Vec<Finding>) -> bool {
    if found.len() < FAULT_LIMIT {
        return false;
    }
    let message =
        format!("the file has more than {FAULT_LIMIT} faults; reading stopped at line {}", row.line);
    found.push(fault(
        "too_many_faults",
        row.line,
        row.byte,
        message,
        "see whether it is the right kind of file",
    ));
    true
}

/// Rows that are all of one kind, grouped by key.
fn alike(rows: &mut Rows<'_>, layout: &Layout, found: &mut Vec<Finding>) -> Vec<Tree> {
    let columns = if layout.header {
        let Some(header) = rows.next() else {
            found.push(empty_file());
            return Vec::new();
        };
        match read_header(&header, layout, found) {
            Some(columns) => columns,
            None => return Vec::new(),
        }
    } else {
        layout.columns.iter().chain(&layout.optional).cloned().collect()
    };
    let mut documents = Documents {
        layout,
        trees: Vec::new(),
        by_key: HashMap::new(),
        inner: HashMap::new(),
        lines: HashMap::new(),
    };
    for (ordinal, row) in (1_u32..).zip(rows) {
        if is_hopeless(&row, found) {
            break;
        }
        let short = !layout.header && row.fields.len() >= layout.columns.len();
        if row.fields.len() != columns.len() && !(short && row.fields.len() < columns.len()) {
            let message =
                format!("line {} has {} fields, {} are expected", row.line, row.fields.len(), columns.len());
            found.push(fault(
                "field_count",
                row.line,
                row.byte,
                message,
                "a delimiter inside a field needs quotes around the field",
            ));
            continue;
        }
        check_numbers(&row, &columns, layout, found);
        documents.add(&row, ordinal, &columns, found);
    }
    documents.trees
}

struct Documents<'a> {
    layout: &'a Layout,
    trees: Vec<Tree>,
    by_key: HashMap<Vec<String>, usize>,
    /// Document and inner key to the node that holds such rows.
    inner: HashMap<(usize, Vec<String>), NodeId>,
    /// Document and unique columns to the line that has them.
    lines: HashMap<(usize, Vec<String>), u32>,
}

impl Documents<'_> {
    fn add(&mut self, row: &Row, ordinal: u32, columns: &[String], found: &mut Vec<Finding>) {
        let values = |names: &[String]| -> Vec<String> {
            names.iter().map(|name| value(row, columns, name).unwrap_or_default().to_owned()).collect()
        };
        let key = values(&self.layout.group_by);
        if let Some(missing) = self.layout.group_by.iter().zip(&key).find(|(_, value)| value.is_empty()) {
            let message = format!("line {} has no `{}`", row.line, missing.0);
            found.push(fault(
                "key_missing",
                row.line,
                row.byte,
                message,
                "rows of one document are told by it",
            ));
            return;
        }
        let origin = Origin { byte: row.byte, ordinal };
        let document = match self.by_key.get(&key) {
            Some(document) => *document,
            None => {
                let mut tree = Tree::default();
                tree.reset(&self.layout.name, origin);
                self.trees.push(tree);
                self.by_key.insert(key, self.trees.len() - 1);
                self.trees.len() - 1
            }
        };
        if !self.layout.unique.is_empty() {
            let unique = values(&self.layout.unique);
            let shown = unique.join(", ");
            if let Some(first) = self.lines.insert((document, unique), row.line) {
                let names = self.layout.unique.join(", ");
                let message = format!("lines {first} and {} both have `{names}` {shown}", row.line);
                found.push(fault(
                    "row_twice",
                    row.line,
                    row.byte,
                    message,
                    "each row of a document must differ there",
                ));
            }
        }
        let Some(tree) = self.trees.get_mut(document) else { return };
        let root = tree.root();
        let layout = self.layout;
        let Some(inner) = &layout.inner else {
            let node = tree.add(root, "row", origin);
            push_fields(tree, node, &row.fields, columns, |_| true);
            return;
        };
        let outer = *self.inner.entry((document, values(&inner.by))).or_insert_with(|| {
            let node = tree.add(root, &inner.name, origin);
            push_fields(tree, node, &row.fields, columns, |name| inner.by.contains(name));
            node
        });
        let node = tree.add(outer, "row", origin);
        push_fields(tree, node, &row.fields, columns, |name| !inner.by.contains(name));
    }
}

fn push_fields(
    tree: &mut Tree,
    node: NodeId,
    fields: &[Field],
    columns: &[String],
    wanted: impl Fn(&String) -> bool,
) {
    for (name, field) in columns.iter().zip(fields) {
        if wanted(name) && !field.text.trim().is_empty() {
            tree.push(node, Key::Name(name), &field.text, field.byte);
        }
    }
}

fn value<'r>(row: &'r Row, columns: &[String], name: &str) -> Option<&'r str> {
    let place = columns.iter().position(|column| column == name)?;
    row.fields.get(place).map(|field| field.text.trim())
}

/// The columns' names, or none when the header is not what the layout says.
fn read_header(row: &Row, layout: &Layout, found: &mut Vec<Finding>) -> Option<Vec<String>> {
    let columns: Vec<String> = row.fields.iter().map(|field| field.text.trim().to_owned()).collect();
    let before = found.len();
    if let [only] = columns.as_slice()
        && layout.columns.len() > 1
    {
        let delimiter = char::from(layout.delimiter);
        let likely =
            [';', '\t', '|', ','].into_iter().find(|other| *other != delimiter && only.contains(*other));
        let hint = likely.map_or_else(String::new, |other| {
            format!("the fields seem to be separated by `{}`", other.escape_default())
        });
        let message = format!("the header has one column, since there is no `{delimiter}` in it");
        found.push(fault("wrong_delimiter", row.line, row.byte, message, hint));
        return None;
    }
    for column in &layout.columns {
        if !columns.contains(column) {
            let near = columns
                .iter()
                .filter(|other| !layout.columns.contains(other))
                .max_by(|a, b| strsim::jaro_winkler(column, a).total_cmp(&strsim::jaro_winkler(column, b)));
            let near = near.filter(|near| strsim::jaro_winkler(column, near) > 0.7);
            let hint = near.map_or_else(
                || "the first row must name the columns".to_owned(),
                |near| format!("the header has `{near}`; was it renamed?"),
            );
            found.push(fault(
                "column_missing",
                row.line,
                row.byte,
                format!("the header has no column `{column}`"),
                hint,
            ));
        }
    }
    for (at, column) in columns.iter().enumerate() {
        let field = row.fields.get(at).map_or(row.byte, |field| field.byte);
        if columns.iter().take(at).any(|earlier| earlier == column) {
            found.push(fault(
                "column_twice",
                row.line,
                field,
                format!("the header names `{column}` twice"),
                "",
            ));
        } else if !layout.columns.contains(column)
            && !layout.optional.contains(column)
            && !layout.columns.is_empty()
        {
            let message = format!("the layout does not know the column `{column}`");
            let hint = "it is not read; add it to `optional` of the layout to bind it";
            let finding = fault("column_unknown", row.line, field, message, hint);
            found.push(Finding { severity: Severity::Warning, ..finding });
        }
    }
    let refused = found.iter().skip(before).any(|finding| finding.severity == Severity::Reject);
    (!refused).then_some(columns)
}

/// `1.23457E+12` in a key is what a spreadsheet makes of a number it takes for an amount.
fn check_numbers(row: &Row, columns: &[String], layout: &Layout, found: &mut Vec<Finding>) {
    for (name, field) in columns.iter().zip(&row.fields) {
        if !is_scientific(&field.text) {
            continue;
        }
        let key = layout.group_by.contains(name) || layout.unique.contains(name);
        let message = format!("`{}` in `{name}` on line {} is scientific notation", field.text, row.line);
        let mut finding = fault(
            "scientific_notation",
            row.line,
            field.byte,
            message,
            "a spreadsheet has changed it: export the column as text",
        );
        finding.value.clone_from(&field.text);
        finding.location.path.clone_from(name);
        finding.severity = if key { Severity::Reject } else { Severity::Warning };
        found.push(finding);
    }
}

fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.trim().split_once(['E', 'e']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = mantissa
        .split_once(['.', ','])
        .map_or(digits(mantissa), |(whole, fraction)| digits(whole) && digits(fraction));
    mantissa_fits && exponent.strip_prefix(['+', '-']).is_some_and(digits)
}

/// Rows of several kinds, told by their first field.
fn typed(rows: &mut Rows<'_>, layout: &Layout, found: &mut Vec<Finding>) -> Vec<Tree> {
    let mut trees: Vec<Tree> = Vec::new();
    let (mut counted, mut trailer, mut last) = (0_u64, None, None);
    for (ordinal, row) in (1_u32..).zip(rows) {
        if is_hopeless(&row, found) {
            return trees;
        }
        last = Some((row.line, row.byte));
        let tag = row.fields.first().map(|field| field.text.trim()).unwrap_or_default();
        let Some(kind) = layout.records.iter().find(|kind| kind.tag == tag) else {
            let known = layout.records.iter().map(|kind| kind.tag.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("line {} begins with `{tag}`, which is no kind of row", row.line);
            found.push(fault("unknown_record", row.line, row.byte, message, format!("known are {known}")));
            continue;
        };
        if let Some(line) = trailer {
            let message = format!("line {} comes after the trailer on line {line}", row.line);
            found.push(fault("after_trailer", row.line, row.byte, message, ""));
        }
        if row.fields.len() > kind.columns.len() {
            let message = format!(
                "line {} has {} fields, a `{tag}` has {}",
                row.line,
                row.fields.len(),
                kind.columns.len()
            );
            found.push(fault("field_count", row.line, row.byte, message, ""));
        }
        let origin = Origin { byte: row.byte, ordinal };
        match &kind.role {
            Role::FileHeader if ordinal == 1 => {}
            Role::FileHeader => {
                found.push(fault(
                    "wrong_order",
                    row.line,
                    row.byte,
                    format!("`{tag}` on line {} is not the first row", row.line),
                    "",
                ));
            }
            Role::Trailer { count } => {
                trailer = Some(row.line);
                check_count(&row, kind, count.as_deref(), counted, found);
            }
            Role::Start | Role::Detail => {
                counted += 1;
                if kind.role == Role::Start {
                    let mut tree = Tree::default();
                    tree.reset(&layout.name, origin);
                    trees.push(tree);
                }
                let Some(tree) = trees.last_mut() else {
                    let message = format!("`{tag}` on line {} stands before any document", row.line);
                    found.push(fault("wrong_order", row.line, row.byte, message, ""));
                    continue;
                };
                let root = tree.root();
                let node = tree.add(root, tag, origin);
                // The tag tells the kind of row, which the node's own tag says already.
                push_fields(tree, node, &row.fields, &kind.columns, |name| {
                    kind.columns.first() != Some(name)
                });
            }
        }
    }
    if last.is_none() {
        found.push(empty_file());
        return trees;
    }
    let wants_trailer = layout.records.iter().any(|kind| matches!(kind.role, Role::Trailer { .. }));
    if wants_trailer && trailer.is_none() {
        let (line, byte) = last.unwrap_or((1, 0));
        found.push(fault(
            "trailer_missing",
            line,
            byte,
            "the file has no trailer",
            "it may have been cut short",
        ));
    }
    trees
}

fn check_count(row: &Row, kind: &RecordType, count: Option<&str>, counted: u64, found: &mut Vec<Finding>) {
    let Some(column) = count else { return };
    let text = value(row, &kind.columns, column).unwrap_or_default();
    if text.parse::<u64>().ok() != Some(counted) {
        let message = format!(
            "the trailer says {} rows, there are {counted}",
            if text.is_empty() { "no number of" } else { text }
        );
        found.push(fault("trailer_count", row.line, row.byte, message, "rows are missing, or were added"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        let names = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        Layout {
            name: "orders".into(),
            columns: names("order,line,sku,quantity"),
            optional: names("note"),
            group_by: names("order"),
            unique: names("line"),
            ..Layout::default()
        }
    }

    fn codes(bytes: &[u8], layout: &Layout) -> Vec<String> {
        let (_, found) = read(bytes, layout);
        found.iter().map(|finding| format!("{}:{}", finding.location.line, finding.code)).collect()
    }

    #[test]
    fn rows_with_one_key_are_one_document() {
        let text = b"\xEF\xBB\xBFsku,order,line,quantity,note\r\nA,1,1,5,\"two\r\nlines, \"\"quoted\"\"\"\r\n\r\nB,2,1,6,\rC,1,2,7,";
        let (trees, found) = read(text, &layout());
        assert_eq!(found, []);
        assert_eq!(trees.len(), 2);
        let first = &trees[0];
        let rows: Vec<_> = first.children(first.root()).collect();
        assert_eq!(rows.len(), 2);
        let value = |row, name| first.value(row, Key::Name(name)).map(|value| value.text.to_owned());
        assert_eq!(value(rows[0], "note").as_deref(), Some("two\r\nlines, \"quoted\""));
        assert_eq!(value(rows[1], "sku").as_deref(), Some("C"));
        assert_eq!(value(rows[1], "note"), None);
        assert_eq!(first.origin(rows[1]).ordinal, 3);
    }

    #[test]
    fn every_fault_of_a_file_is_told_with_its_line() {
        let cases: [(&[u8], &[&str]); 14] = [
            (b"order,sku,quantity\n", &["1:column_missing"]),
            (b"order,line,sku,qty\n", &["1:column_missing", "1:column_unknown"]),
            (b"order,line,sku,quantity,sku\n", &["1:column_twice"]),
            (b"order;line;sku;quantity\n1;1;A;5\n", &["1:wrong_delimiter"]),
            (b"order,line,sku,quantity\n1,1,\"A,5\n2,1,B,6\n", &["2:open_quote", "2:field_count"]),
            (b"order,line,sku,quantity\n1,1,\"A\\\"B\",5\n", &["2:text_after_quote"]),
            (b"order,line,sku,quantity\n1,1,A\n1,2,B,6,x\n", &["2:field_count", "3:field_count"]),
            (b"order,line,sku,quantity\n1,1,A,\0\n", &["2:nul_byte"]),
            (b"order,line,sku,quantity\n1,1,CAF\xC9,5\n", &["2:wrong_encoding"]),
            (
                b"order,line,sku,quantity\n1.23457E+12,1,1E+3,5\n",
                &["2:scientific_notation", "2:scientific_notation"],
            ),
            (b"order,line,sku,quantity\n1,1,A,5\n1,1,B,6\n", &["3:row_twice"]),
            (b"order,line,sku,quantity\n,1,A,5\n", &["2:key_missing"]),
            (b"PK\x03\x04whatever", &["1:zip_content"]),
            (b"", &["1:empty_file"]),
        ];
        for (text, expected) in cases {
            assert_eq!(codes(text, &layout()), expected, "{}", String::from_utf8_lossy(text));
        }
        let long = [b"order,line,sku,quantity\n1,1,".as_slice(), &vec![b'x'; 70_000], b",5\n"].concat();
        assert_eq!(codes(&long, &layout()), ["2:field_too_long"]);
    }

    #[test]
    fn an_encoding_that_is_declared_is_decoded() {
        let layout = Layout { encoding: encoding_rs::WINDOWS_1252, ..layout() };
        let (trees, found) = read(b"order,line,sku,quantity\n1,1,CAF\xC9 \x80,5\n", &layout);
        assert_eq!(found, []);
        let row = trees[0].children(trees[0].root()).next().expect("there is a row");
        assert_eq!(trees[0].value(row, Key::Name("sku")).map(|value| value.text), Some("CAFÉ €"));
        let written = crate::formats::delimited::write(&trees, &layout).expect("it can be written");
        assert_eq!(written, b"order,line,sku,quantity\n1,1,CAF\xC9 \x80,5\n");
    }

    #[test]
    fn rows_of_one_carton_stand_together() {
        let inner = crate::formats::delimited::Inner { name: "carton".into(), by: vec!["sscc".into()] };
        let layout = Layout {
            columns: ["order", "sscc", "sku", "quantity"].map(str::to_owned).to_vec(),
            group_by: vec!["order".into()],
            inner: Some(inner),
            ..Layout::default()
        };
        let text = b"order,sscc,sku,quantity\n1,C1,A,5\n1,C2,B,6\n1,C1,C,7\n2,,D,8\n";
        let (trees, found) = read(text, &layout);
        assert_eq!(found, []);
        let told = |tree: &Tree| -> Vec<(Option<String>, usize)> {
            let cartons = tree.children(tree.root());
            let sscc = |node| tree.value(node, Key::Name("sscc")).map(|value| value.text.to_owned());
            cartons.map(|carton| (sscc(carton), tree.children(carton).count())).collect()
        };
        assert_eq!(told(&trees[0]), [(Some("C1".to_owned()), 2), (Some("C2".to_owned()), 1)]);
        assert_eq!(told(&trees[1]), [(None, 1)]);
        let written = crate::formats::delimited::write(&trees, &layout).expect("it can be written");
        let expected = "order,sscc,sku,quantity\n1,C1,A,5\n1,C1,C,7\n1,C2,B,6\n2,,D,8\n";
        assert_eq!(String::from_utf8_lossy(&written), expected);
    }

    fn typed_layout() -> Layout {
        let kind = |tag: &str, columns: &str, role| RecordType {
            tag: tag.into(),
            columns: columns.split(',').map(str::to_owned).collect(),
            role,
        };
        let trailer = Role::Trailer { count: Some("rows".into()) };
        Layout {
            delimiter: b'|',
            header: false,
            records: vec![
                kind("F", "tag", Role::FileHeader),
                kind("H", "tag,order", Role::Start),
                kind("D", "tag,sku,quantity", Role::Detail),
                kind("T", "tag,rows", trailer),
            ],
            ..Layout::default()
        }
    }

    #[test]
    fn header_detail_and_trailer_rows_make_documents() {
        let text = b"F\nH|1\nD|A|5\nD|B|6\nH|2\nD|C|7\nT|5\n";
        let (trees, found) = read(text, &typed_layout());
        assert_eq!(found, []);
        let sizes: Vec<usize> = trees.iter().map(|tree| tree.children(tree.root()).count()).collect();
        assert_eq!(sizes, [3, 2]);
        assert_eq!(crate::formats::delimited::write(&trees, &typed_layout()).as_deref(), Ok(text.as_slice()));
    }

    #[test]
    fn rows_of_several_kinds_keep_their_order_and_count() {
        let cases: [(&[u8], &[&str]); 5] = [
            (b"H|1\nD|A|5\nT|3\n", &["3:trailer_count"]),
            (b"H|1\nD|A|5\n", &["2:trailer_missing"]),
            (b"D|A|5\nH|1\nT|2\n", &["1:wrong_order"]),
            (b"H|1\nX|A|5\nT|1\n", &["2:unknown_record"]),
            (b"H|1\nT|1\nD|A|5|9\n", &["3:after_trailer", "3:field_count"]),
        ];
        for (text, expected) in cases {
            assert_eq!(codes(text, &typed_layout()), expected, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn machine_files_are_quoted_and_not_otherwise_changed() {
        let layout = Layout { columns: vec!["a".into(), "b".into()], ..Layout::default() };
        let mut tree = Tree::new("x");
        let root = tree.root();
        let row = tree.add(root, "row", Origin::default());
        tree.push(row, Key::Name("a"), "=A1+\"x\"", 0);
        tree.push(root, Key::Name("b"), " 1,5", 0);
        let written = crate::formats::delimited::write(&[tree], &layout).expect("it can be written");
        assert_eq!(String::from_utf8_lossy(&written), "a,b\n\"=A1+\"\"x\"\"\",\" 1,5\"\n");
    }
}
