//! Writes trees as a JSON body. Numbers are written digit by digit, never through a float.

use rust_decimal::Decimal;

use super::layout::Layout;
use crate::finding::{Finding, Location, Severity};
use crate::tree::{Key, NodeId, Tree};

/// Writes documents: one is the body itself, several are an array; with `documents` in the layout they
/// are the entries of that array.
///
/// # Errors
/// Members that the layout calls numbers or booleans and that are not.
pub fn write(trees: &[Tree], layout: &Layout) -> Result<Vec<u8>, Vec<Finding>> {
    let mut found = Vec::new();
    let mut documents: Vec<Value> =
        trees.iter().map(|tree| object(tree, tree.root(), "", layout, &mut found)).collect();
    let mut body = match documents.len() {
        1 if layout.documents.is_empty() => documents.remove(0),
        _ => Value::Array(documents),
    };
    for name in layout.documents.iter().rev() {
        body = Value::Object(vec![(name.clone(), body)]);
    }
    if !found.is_empty() {
        return Err(found);
    }
    let mut text = String::new();
    print(&body, 0, &mut text);
    text.push('\n');
    Ok(text.into_bytes())
}

enum Value {
    /// What is written as it stands: a number, true, false, null, a text in its quotes.
    Plain(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

fn object(tree: &Tree, node: NodeId, above: &str, layout: &Layout, found: &mut Vec<Finding>) -> Value {
    let mut members: Vec<(String, Value)> = Vec::new();
    for child in tree.children(node) {
        let name = tree.tag(child);
        let path = if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") };
        let leaf = tree.children(child).next().is_none();
        let value = if leaf {
            scalar(tree, child, &path, layout, found)
        } else {
            object(tree, child, &path, layout, found)
        };
        match members.iter_mut().find(|(own, _)| own == name).map(|(_, value)| value) {
            None if layout.arrays.contains(&path) => {
                members.push((name.to_owned(), Value::Array(vec![value])))
            }
            None => members.push((name.to_owned(), value)),
            Some(Value::Array(entries)) => entries.push(value),
            Some(first) => {
                let earlier = std::mem::replace(first, Value::Array(Vec::new()));
                *first = Value::Array(vec![earlier, value]);
            }
        }
    }
    Value::Object(members)
}

fn scalar(tree: &Tree, node: NodeId, path: &str, layout: &Layout, found: &mut Vec<Finding>) -> Value {
    let Some(value) = tree.value(node, Key::Name("")) else { return Value::Plain("null".to_owned()) };
    let expected = if layout.booleans.contains(path) {
        if matches!(value.text, "true" | "false") {
            return Value::Plain(value.text.to_owned());
        }
        "true or false"
    } else if layout.numbers.contains(path) {
        if let Ok(number) = Decimal::from_str_exact(value.text) {
            return Value::Plain(number.to_string());
        }
        "a number"
    } else {
        return Value::Plain(quoted(value.text));
    };
    found.push(Finding {
        code: "wrong_type",
        severity: Severity::Reject,
        location: Location { path: path.to_owned(), ..Location::default() },
        message: format!("`{}` at `{path}` is not {expected}", value.text),
        hint: String::new(),
        value: value.text.chars().take(99).collect(),
        ack_code: String::new(),
    });
    Value::Plain("null".to_owned())
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text can be written as JSON")
}

fn print(value: &Value, depth: usize, out: &mut String) {
    let (open, close, length) = match value {
        Value::Plain(text) => return out.push_str(text),
        Value::Array(entries) => ('[', ']', entries.len()),
        Value::Object(members) => ('{', '}', members.len()),
    };
    out.push(open);
    for at in 0..length {
        out.push_str(if at > 0 { ",\n" } else { "\n" });
        out.push_str(&"  ".repeat(depth + 1));
        match value {
            Value::Array(entries) => {
                entries.get(at).into_iter().for_each(|entry| print(entry, depth + 1, out))
            }
            Value::Object(members) => {
                if let Some((name, member)) = members.get(at) {
                    out.push_str(&quoted(name));
                    out.push_str(": ");
                    print(member, depth + 1, out);
                }
            }
            Value::Plain(_) => {}
        }
    }
    if length > 0 {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    }
    out.push(close);
}
