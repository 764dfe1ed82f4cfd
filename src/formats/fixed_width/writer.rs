//! Writes trees as fixed-width lines.

use super::layout::{Encoding, Field, Kind, Layout, RecordType};
use super::number;
use crate::finding::{Finding, Location, Severity};
use crate::tree::{Key, NodeId, Tree};

/// Writes documents one after the other. Counts in trailers of a document are worked out here.
///
/// # Errors
/// Every value that does not fit its column, all at once; nothing is written then.
pub fn write(trees: &[Tree], layout: &Layout) -> Result<Vec<u8>, Vec<Finding>> {
    let mut writer = Writer { layout, lines: Vec::new(), findings: Vec::new() };
    for record in layout.records.iter().filter(|record| record.of_file && record.count.is_none()) {
        writer.of_file(record);
    }
    for tree in trees {
        let start = writer.lines.len();
        writer.children(tree, tree.root(), start);
    }
    for record in layout.records.iter().filter(|record| record.of_file && record.count.is_some()) {
        writer.of_file(record);
    }
    if !writer.findings.is_empty() {
        return Err(writer.findings);
    }
    let end = if layout.crlf { "\r\n" } else { "\n" };
    let text: String = writer.lines.iter().flat_map(|(_, line)| [line.as_str(), end]).collect();
    Ok(match layout.encoding {
        Encoding::Utf8 => text.into_bytes(),
        Encoding::Latin1 => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
    })
}

struct Writer<'l> {
    layout: &'l Layout,
    /// Record type and line.
    lines: Vec<(String, String)>,
    findings: Vec<Finding>,
}

impl Writer<'_> {
    /// The children of a node in the layout's order, each followed by its own children.
    fn children(&mut self, tree: &Tree, parent: NodeId, document_start: usize) {
        let layout = self.layout;
        for record in layout.records.iter().filter(|record| !record.of_file) {
            for node in tree.children(parent).filter(|node| tree.tag(*node) == record.name) {
                self.line(record, document_start, |field| {
                    tree.value(node, Key::Name(&field.name)).map(|value| value.text.to_owned())
                });
                self.children(tree, node, document_start);
            }
        }
    }

    fn of_file(&mut self, record: &RecordType) {
        self.line(record, 0, |_| None);
    }

    fn line(&mut self, record: &RecordType, counted_from: usize, value: impl Fn(&Field) -> Option<String>) {
        let end =
            record.fields.iter().map(|field| field.columns.1).chain([self.layout.tag.1]).max().unwrap_or(0);
        let mut characters = vec![' '; self.layout.line_length.unwrap_or(end).max(end)];
        put(&mut characters, self.layout.tag, &record.tag);
        for field in &record.fields {
            let counted = record.count.as_ref().filter(|count| count.field == field.name).map(|count| {
                let lines = self.lines.iter().skip(counted_from);
                let others = lines.filter(|(name, _)| count.of.as_ref().is_none_or(|of| of == name)).count();
                // The trailer counts itself where it counts all lines.
                (others + usize::from(count.of.is_none())).to_string()
            });
            let Some(text) = counted.or_else(|| value(field)) else { continue };
            let shown = match field.kind {
                Kind::Text => {
                    fit(&text, field.width()).map(|text| format!("{text:<width$}", width = field.width()))
                }
                Kind::RightText => {
                    fit(&text, field.width()).map(|text| format!("{text:>width$}", width = field.width()))
                }
                Kind::Number { decimals, overpunch } => {
                    number::format(&text, decimals, overpunch, field.width())
                }
            };
            match shown {
                Ok(shown) => put(&mut characters, field.columns, &shown),
                Err(message) => self.findings.push(Finding {
                    code: "does_not_fit",
                    severity: Severity::Reject,
                    location: Location {
                        segment: record.name.clone(),
                        path: field.name.clone(),
                        ..Location::default()
                    },
                    message: format!("`{}` of `{}`: {message}", field.name, record.name),
                    hint: "widen the column in the layout, or shorten the value where it comes from"
                        .to_owned(),
                    value: text.chars().take(99).collect(),
                    ack_code: String::new(),
                }),
            }
        }
        self.lines.push((record.name.clone(), characters.into_iter().collect()));
    }
}

fn fit(text: &str, width: usize) -> Result<&str, String> {
    if text.contains(['\n', '\r', '\t']) {
        return Err("a line end or tab cannot stand in a column".to_owned());
    }
    if text.chars().count() > width {
        Err(format!("`{text}` does not fit into {width} columns"))
    } else {
        Ok(text)
    }
}

fn put(characters: &mut [char], columns: (usize, usize), text: &str) {
    for (place, character) in
        characters.iter_mut().skip(columns.0 - 1).zip(text.chars().take(columns.1 + 1 - columns.0))
    {
        *place = character;
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use crate::declaration::{self, Faults, Source};

    const LAYOUT: &str = r#"
        line_length = 40
        tag = "1-3"
        document = "header"
        [[records]]
        name = "start"
        tag = "FHR"
        of_file = true
        [[records]]
        name = "header"
        tag = "HDR"
        fields = { order = { at = "4-13" }, ship_on = { at = "14-21" } }
        [[records]]
        name = "detail"
        tag = "DTL"
        under = "header"
        fields = { sku = { at = "4-13" }, quantity = { at = "14-20", kind = "number", decimals = 0 }, price = { at = "21-29", kind = "number", decimals = 2, overpunch = true } }
        [[records]]
        name = "end"
        tag = "EOF"
        of_file = true
        fields = { lines = { at = "4-9", kind = "number", decimals = 0 } }
        count = { field = "lines", of = "detail" }
    "#;

    fn layout(text: &str) -> (Layout, Vec<Finding>) {
        let source = Source { name: "layout".to_owned(), text: text.to_owned() };
        let faults = Faults::default();
        let table = declaration::parse(&source, &faults);
        let section = declaration::whole(&[(&source, &table)], &faults);
        let layout = Layout::read(&section);
        section.finish();
        drop(section);
        drop(table);
        (layout, faults.into_findings())
    }

    const FILE: &str = "FHR                                     
HDRORD-1     20261125                   
DTLSKU-1     000001200000125}           
DTLSKU-2     000000300000099I           
HDRORD-2     20261126                   
DTLSKU-9     000000100000500{           
EOF000003                               
";

    #[test]
    fn a_file_is_read_and_written_back_byte_for_byte() {
        let (layout, findings) = layout(LAYOUT);
        assert!(findings.is_empty(), "{findings:?}");
        let (trees, findings) = read(FILE.as_bytes(), &layout);
        assert!(findings.is_empty(), "{findings:?}");
        assert_eq!(trees.len(), 2);
        let detail = trees[0]
            .children(trees[0].children(trees[0].root()).next().expect("a header"))
            .next()
            .expect("a detail");
        let value = |name| trees[0].value(detail, Key::Name(name)).map(|value| value.text);
        assert_eq!((value("quantity"), value("price")), (Some("12"), Some("-12.50")));
        let written = write(&trees, &layout).expect("it fits");
        assert_eq!(String::from_utf8(written).expect("text"), FILE);
    }

    #[test]
    fn what_is_wrong_is_told_by_line_and_column() {
        let (layout, _) = layout(LAYOUT);
        for (from, to, code, line) in [
            ("EOF000003", "EOF000004", "count_wrong", 7),
            ("DTLSKU-2     0000003", "DTLSKU-2     00A0003", "not_a_number", 4),
            ("DTLSKU-9 ", "XXXSKU-9 ", "record_type_unknown", 6),
            (
                "HDRORD-2     20261126                   ",
                "HDRORD-2     20261126                  ",
                "line_length",
                5,
            ),
            ("HDRORD-1     20261125                   \n", "", "record_out_of_order", 2),
            ("DTLSKU-1     ", "DTLSKU-1\t    ", "tab", 3),
        ] {
            let broken = FILE.replacen(from, to, 1);
            assert_ne!(broken, FILE);
            let (_, findings) = read(broken.as_bytes(), &layout);
            let told: Vec<_> = findings.iter().map(|finding| (finding.code, finding.location.line)).collect();
            assert!(told.contains(&(code, line)), "{code}: {told:?}");
        }
    }

    #[test]
    fn faults_of_a_layout_are_told_together() {
        let broken = LAYOUT
            .replace("\"14-21\"", "\"10-21\"")
            .replace("\"4-9\"", "\"9-4\"")
            .replace("line_length", "line_lenght");
        let codes: Vec<_> = layout(&broken).1.into_iter().map(|finding| finding.code).collect();
        for code in ["columns_overlap", "columns_form", "setting_unknown"] {
            assert!(codes.contains(&code), "{code}: {codes:?}");
        }
    }
}
