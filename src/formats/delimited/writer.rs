//! Writes trees as a delimited file.

use std::collections::HashSet;

use super::layout::{Layout, LineEnd, Role};
use super::rows::fault;
use crate::finding::Finding;
use crate::tree::{Key, NodeId, Tree};

/// Writes documents. The values of a document's root stand on each of its rows.
///
/// # Errors
/// Values without a column, or that the layout cannot hold.
pub fn write(trees: &[Tree], layout: &Layout) -> Result<Vec<u8>, Vec<Finding>> {
    let mut writer = Writer { layout, text: String::new(), found: Vec::new(), rows: 0 };
    if layout.records.is_empty() {
        writer.alike(trees)
    } else {
        writer.typed(trees)
    }
    let (bytes, _, unmappable) = layout.encoding.encode(&writer.text);
    if unmappable {
        let message = format!("a value has characters that {} lacks", layout.encoding.name());
        writer.found.push(fault("not_encodable", 0, 0, message, "use utf-8, or leave such characters out"));
    }
    if writer.found.is_empty() { Ok(bytes.into_owned()) } else { Err(writer.found) }
}

struct Writer<'a> {
    layout: &'a Layout,
    text: String,
    found: Vec<Finding>,
    rows: u64,
}

impl Writer<'_> {
    fn alike(&mut self, trees: &[Tree]) {
        let used = |column: &&String| trees.iter().any(|tree| has_column(tree, column));
        let columns: Vec<&String> =
            self.layout.columns.iter().chain(self.layout.optional.iter().filter(used)).collect();
        if self.layout.header {
            let names: Vec<&str> = columns.iter().map(|column| column.as_str()).collect();
            self.row(&names);
        }
        for tree in trees {
            self.check_columns(tree, &columns);
            let mut rows: Vec<(NodeId, NodeId)> = Vec::new();
            for node in tree.children(tree.root()) {
                let before = rows.len();
                rows.extend(tree.children(node).map(|row| (node, row)));
                if rows.len() == before {
                    rows.push((node, node));
                }
            }
            if rows.is_empty() {
                rows.push((tree.root(), tree.root()));
            }
            let mut told_apart = HashSet::new();
            for (outer, row) in rows {
                let of = |name: &str| {
                    [row, outer, tree.root()].iter().find_map(|node| tree.value(*node, Key::Name(name)))
                };
                let unique: Vec<&str> =
                    self.layout.unique.iter().map(|name| of(name).map_or("", |value| value.text)).collect();
                let shown = unique.join(", ");
                if !unique.is_empty() && !told_apart.insert(unique) {
                    let message =
                        format!("two rows of one document have `{}` {shown}", self.layout.unique.join(", "));
                    let hint = "each row of a document must differ there: number its lines anew";
                    self.found.push(fault("row_twice", 0, 0, message, hint));
                }
                let values: Vec<&str> =
                    columns.iter().map(|name| of(name).map_or("", |value| value.text)).collect();
                self.row(&values);
            }
        }
    }

    fn check_columns(&mut self, tree: &Tree, columns: &[&String]) {
        let below =
            tree.children(tree.root()).flat_map(|node| std::iter::once(node).chain(tree.children(node)));
        for value in std::iter::once(tree.root()).chain(below).flat_map(|node| tree.values(node)) {
            if let Key::Name(name) = value.key
                && !columns.iter().any(|column| *column == name)
            {
                self.found.push(fault(
                    "column_unknown",
                    0,
                    0,
                    format!("the layout has no column `{name}`"),
                    "add it to `columns`",
                ));
            }
        }
    }

    fn typed(&mut self, trees: &[Tree]) {
        let layout = self.layout;
        for kind in layout.records.iter().filter(|kind| kind.role == Role::FileHeader) {
            self.row(&[&kind.tag]);
        }
        self.rows = 0;
        for tree in trees {
            for node in tree.children(tree.root()) {
                let tag = tree.tag(node);
                let Some(kind) = layout.records.iter().find(|kind| kind.tag == tag) else {
                    self.found.push(fault(
                        "unknown_record",
                        0,
                        0,
                        format!("the layout has no kind of row `{tag}`"),
                        "",
                    ));
                    continue;
                };
                let values: Vec<&str> = kind
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(at, name)| match tree.value(node, Key::Name(name)) {
                        Some(value) => value.text,
                        None if at == 0 => kind.tag.as_str(),
                        None => "",
                    })
                    .collect();
                self.row(&values);
            }
        }
        for kind in &layout.records {
            let Role::Trailer { count } = &kind.role else { continue };
            let counted = self.rows.to_string();
            let values: Vec<&str> = kind
                .columns
                .iter()
                .enumerate()
                .map(|(at, name)| match count {
                    _ if at == 0 => kind.tag.as_str(),
                    Some(count) if count == name => counted.as_str(),
                    _ => "",
                })
                .collect();
            self.row(&values);
        }
    }

    fn row(&mut self, values: &[&str]) {
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.text.push(char::from(self.layout.delimiter));
            }
            self.field(value);
        }
        self.text.push_str(match self.layout.line_end {
            LineEnd::Lf => "\n",
            LineEnd::CrLf => "\r\n",
        });
        self.rows += 1;
    }

    fn field(&mut self, value: &str) {
        let delimiter = char::from(self.layout.delimiter);
        let quote = self.layout.quote.map(char::from);
        let special = |c: char| c == delimiter || c == '\r' || c == '\n' || Some(c) == quote;
        let blanks = value.starts_with(' ') || value.ends_with(' ');
        if !value.contains(special) && !blanks {
            self.text.push_str(value);
            return;
        }
        let Some(quote) = quote else {
            if value.contains(special) {
                let message = format!("`{value}` holds a delimiter or a line end, and fields are not quoted");
                self.found.push(fault("delimiter_in_value", 0, 0, message, "give the layout a `quote`"));
            }
            self.text.push_str(value);
            return;
        };
        self.text.push(quote);
        for character in value.chars() {
            if character == quote {
                self.text.push(quote);
            }
            self.text.push(character);
        }
        self.text.push(quote);
    }
}

fn has_column(tree: &Tree, column: &str) -> bool {
    let below = tree.children(tree.root()).flat_map(|node| std::iter::once(node).chain(tree.children(node)));
    std::iter::once(tree.root()).chain(below).any(|node| tree.value(node, Key::Name(column)).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Origin;

    #[test]
    fn rows_that_cannot_be_told_apart_are_not_written() {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let layout =
            Layout { columns: names(&["line", "sku"]), unique: names(&["line"]), ..Layout::default() };
        let rows = |lines: &[&str]| {
            let mut tree = Tree::new("order");
            for line in lines {
                let row = tree.add(tree.root(), "row", Origin::default());
                tree.push(row, Key::Name("line"), line, 0);
                tree.push(row, Key::Name("sku"), "A", 0);
            }
            tree
        };
        // Another document may have the same numbers.
        let written = write(&[rows(&["1", "2"]), rows(&["1"])], &layout);
        assert_eq!(written.as_deref(), Ok(b"line,sku\n1,A\n2,A\n1,A\n".as_slice()));
        let found = write(&[rows(&["1", "2", "1"])], &layout).expect_err("line 1 is there twice");
        let told: Vec<&str> = found.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(told, ["two rows of one document have `line` 1"]);
    }
}
