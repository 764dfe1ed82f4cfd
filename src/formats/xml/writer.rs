//! Writes trees as an XML file in UTF-8.

use super::layout::Layout;
use crate::finding::{Finding, Location, Severity};
use crate::tree::{Key, NodeId, Tree};

/// Writes documents, inside the elements that the layout names around them.
///
/// # Errors
/// Several documents where the layout has room for one; characters that XML does not allow.
pub fn write(trees: &[Tree], layout: &Layout) -> Result<Vec<u8>, Vec<Finding>> {
    let mut writer = Writer {
        text: String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"),
        found: Vec::new(),
        namespace: &layout.namespace,
        order: &layout.order,
    };
    let around = layout.document.len().saturating_sub(1);
    if around == 0 && trees.len() != 1 {
        let name = layout.document.join("/");
        writer.fault("wrong_count", &name, format!("{} documents do not go into one `{name}`", trees.len()));
    }
    for (depth, name) in layout.document.iter().take(around).enumerate() {
        writer.open(name, depth);
        writer.text.push_str(">\n");
    }
    for tree in trees {
        writer.element(tree, tree.root(), around);
    }
    for (depth, name) in layout.document.iter().take(around).enumerate().rev() {
        writer.indent(depth);
        writer.text.push_str(&format!("</{name}>\n"));
    }
    if writer.found.is_empty() { Ok(writer.text.into_bytes()) } else { Err(writer.found) }
}

struct Writer<'a> {
    text: String,
    found: Vec<Finding>,
    namespace: &'a str,
    order: &'a [String],
}

impl Writer<'_> {
    fn indent(&mut self, depth: usize) {
        self.text.push_str(&"  ".repeat(depth));
    }

    fn open(&mut self, name: &str, depth: usize) {
        self.indent(depth);
        self.text.push('<');
        self.text.push_str(name);
        if depth == 0 && !self.namespace.is_empty() {
            self.text.push_str(&format!(" xmlns=\"{}\"", quick_xml::escape::escape(self.namespace)));
        }
    }

    fn element(&mut self, tree: &Tree, node: NodeId, depth: usize) {
        let name = tree.tag(node);
        self.open(name, depth);
        let mut content = None;
        for value in tree.values(node) {
            let Key::Name(key) = value.key else { continue };
            self.check(name, value.text);
            match key.strip_prefix('@') {
                Some(attribute) => {
                    self.text.push_str(&format!(" {attribute}=\"{}\"", escape_attribute(value.text)));
                }
                None => content = Some(value.text),
            }
        }
        let mut children: Vec<NodeId> = tree.children(node).collect();
        children.sort_by_key(|child| {
            let place = self.order.iter().position(|name| name == tree.tag(*child));
            place.unwrap_or(self.order.len())
        });
        match (content, !children.is_empty()) {
            (None, false) => self.text.push_str("/>\n"),
            (Some(text), false) => {
                self.text.push_str(&format!(">{}</{name}>\n", quick_xml::escape::escape(text)));
            }
            (content, true) => {
                self.text.push_str(">\n");
                if let Some(text) = content {
                    self.indent(depth + 1);
                    self.text.push_str(&format!("{}\n", quick_xml::escape::escape(text)));
                }
                for child in children {
                    self.element(tree, child, depth + 1);
                }
                self.indent(depth);
                self.text.push_str(&format!("</{name}>\n"));
            }
        }
    }

    fn check(&mut self, name: &str, text: &str) {
        if text.contains(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
            self.fault(
                "illegal_character",
                name,
                format!("a value of `{name}` holds a character that XML does not allow"),
            );
        }
    }

    fn fault(&mut self, code: &'static str, element: &str, message: String) {
        self.found.push(Finding {
            code,
            severity: Severity::Reject,
            location: Location { segment: element.to_owned(), ..Location::default() },
            message,
            hint: String::new(),
            value: String::new(),
            ack_code: String::new(),
        });
    }
}

/// Line ends and tabs in attributes are read as blanks unless they are written as references.
fn escape_attribute(text: &str) -> String {
    quick_xml::escape::escape(text).replace('\n', "&#10;").replace('\r', "&#13;").replace('\t', "&#9;")
}
