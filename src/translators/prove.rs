//! The proof of a translator: what is written must equal what was read.

use std::collections::{BTreeMap, BTreeSet};

use super::function::Function;
use super::pairs::pairs;
use super::path::{At, Path};
use super::places::drops;
use super::program::{Each, Into, Program};
use super::spot::Spot;
use super::{Format, Layout};
use crate::canonical::FieldType;
use crate::finding::Finding;
use crate::tree::{Key, NodeId, Tree};

/// Where two documents differ: one finding for each value that only one of them has.
pub(super) fn differences(program: &Program, format: Format, read: &Tree, written: &Tree) -> Vec<Finding> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for line in lines(program, format, read, true) {
        *counts.entry(line).or_default() += 1;
    }
    for line in lines(program, format, written, false) {
        *counts.entry(line).or_default() -= 1;
    }
    let computed = computed_places(program);
    let mut found = Vec::new();
    for (line, count) in counts {
        let place = line.split('=').next().unwrap_or_default();
        let tail = place.rsplit('/').next().unwrap_or_default();
        let optional = computed.contains(tail);
        match count {
            0 => {}
            // The sender left the figure out, or counts in another way, which reading has reported.
            _ if optional => {}
            1.. => found.push(Spot::default().fault(
                "not_written_again",
                format!("`{line}` was read but is not written"),
                "bind it to a field, or name it in `drops`",
            )),
            _ => found.push(Spot::default().fault(
                "written_anew",
                format!("`{line}` is written but was not read"),
                "",
            )),
        }
    }
    found
}

fn computed_places(program: &Program) -> BTreeSet<String> {
    let last = |path: &Path| {
        let tail =
            Path { ups: 0, steps: path.steps.last().cloned().into_iter().collect(), at: path.at.clone() };
        tail.to_string()
    };
    program
        .blocks
        .iter()
        .flat_map(|block| block.computed.iter())
        .map(|computed| last(&computed.path))
        .collect()
}

/// One line for each value: the tags above it, its place and its value.
fn lines(program: &Program, format: Format, tree: &Tree, without_drops: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = vec![(tree.root(), String::new())];
    while let Some((node, above)) = open.pop() {
        let tag = tree.tag(node);
        if format == Format::X12 && matches!(tag, "ST" | "SE") {
            continue;
        }
        for (place, key, text) in values(format, tree, node) {
            let dropped = without_drops && program.drops.iter().any(|(path, _)| drops(tree, path, node, key));
            if !dropped {
                lines.push(format!("{above}{place}={}", number(text)));
            }
        }
        let skipped = node == tree.root() || program.optional_tags.iter().any(|optional| optional == tag);
        let below = if skipped { above.clone() } else { format!("{above}{tag}/") };
        open.extend(tree.children(node).map(|child| (child, below.clone())));
    }
    if format == Format::Delimited {
        spread(tree, &mut lines);
    }
    lines
}

/// A document's own columns stand on each of its rows.
fn spread(tree: &Tree, lines: &mut Vec<String>) {
    let rows = rows(tree);
    for value in tree.values(tree.root()) {
        let Key::Name(name) = value.key else { continue };
        lines.retain(|line| *line != format!("{name}={}", number(value.text)));
        for row in &rows {
            if tree.value(*row, value.key).is_none() {
                lines.push(format!("{}/{name}={}", tree.tag(*row), number(value.text)));
            }
        }
    }
    // Without the tags, since the root and a row say the same.
    for line in lines.iter_mut() {
        if let Some((place, text)) = line.split_once('=')
            && let Some((_, name)) = place.rsplit_once('/')
        {
            *line = format!("{name}={text}");
        }
    }
}

/// The rows of a delimited file's document, whether they stand in it directly or in an inner node.
pub(super) fn rows(tree: &Tree) -> Vec<NodeId> {
    tree.children(tree.root())
        .flat_map(|node| {
            let below: Vec<NodeId> = tree.children(node).collect();
            if below.is_empty() { vec![node] } else { below }
        })
        .collect()
}

fn values<'t>(format: Format, tree: &'t Tree, node: NodeId) -> Vec<(String, Key<'t>, &'t str)> {
    let tag = tree.tag(node);
    let mut all = Vec::new();
    for value in tree.values(node) {
        if value.text.trim().is_empty() {
            continue;
        }
        let place = match value.key {
            Key::Element(element, component, repetition) => {
                // The numbers of an HL follow from its place.
                if tag == "HL" && element != 3 {
                    continue;
                }
                if pairs(tag).iter().any(|(qualifier, _)| *qualifier == element)
                    && has_pair(tree, node, element)
                {
                    continue;
                }
                let qualifier = pairs(tag).iter().find(|(_, value)| *value == element);
                match qualifier.and_then(|(qualifier, _)| tree.value(node, Key::Element(*qualifier, 1, 1))) {
                    Some(code) => format!("{tag}<{}>", code.text),
                    None if component == 1 && repetition == 1 => format!("{tag}{element:02}"),
                    None => format!("{tag}{element:02}-{component:02}^{repetition}"),
                }
            }
            Key::Name(name) if matches!(format, Format::Delimited | Format::FixedWidth) => name.to_owned(),
            Key::Name(name) => format!("{tag}{name}"),
        };
        all.push((place, value.key, value.text));
    }
    all
}

fn has_pair(tree: &Tree, node: NodeId, qualifier: u16) -> bool {
    tree.value(node, Key::Element(qualifier + 1, 1, 1)).is_some()
}

/// Numbers by value: 12.50 is 12.5 and .5 is 0.5; but 007 is not 7, since it may be a name.
fn number(text: &str) -> String {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let Some((whole, fraction)) = digits.split_once('.') else { return text.to_owned() };
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || whole.len() + fraction.len() == 0 {
        return text.to_owned();
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let whole = if whole.is_empty() { "0" } else { whole };
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Fills in what a layout leaves to the bindings: the columns of a delimited file, the arrays and
/// numbers of a JSON body.
pub(super) fn complete_layout(layout: &Layout, name: &str, program: &Program) -> Layout {
    let mut layout = layout.clone();
    match &mut layout {
        Layout::X12 | Layout::Xml(_) | Layout::FixedWidth(_) => {}
        Layout::Delimited(layout) => {
            if layout.name == "delimited" {
                name.clone_into(&mut layout.name);
            }
            if layout.columns.is_empty() && layout.records.is_empty() {
                columns(program, program.root, &mut layout.columns);
                layout.columns.retain(|column| !layout.optional.contains(column));
            }
        }
        Layout::Json(layout) => {
            if layout.name == "json" {
                name.clone_into(&mut layout.name);
            }
            let (mut arrays, mut numbers, mut booleans) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
            members(program, program.root, "", &mut arrays, &mut numbers, &mut booleans, 0);
            layout.arrays.extend(arrays);
            if layout.numbers.is_empty() {
                layout.numbers = numbers;
            }
            if layout.booleans.is_empty() {
                layout.booleans = booleans;
            }
        }
    }
    layout
}

fn columns(program: &Program, number: usize, columns: &mut Vec<String>) {
    let Some(block) = program.blocks.get(number) else { return };
    for binding in &block.bindings {
        if let At::Name(name) = &binding.path.at
            && !columns.contains(name)
        {
            columns.push(name.clone());
        }
    }
    for each in &block.eaches {
        if each.block > number {
            self::columns(program, each.block, columns);
        }
    }
}

fn members(
    program: &Program,
    number: usize,
    above: &str,
    arrays: &mut BTreeSet<String>,
    numbers: &mut BTreeSet<String>,
    booleans: &mut BTreeSet<String>,
    depth: usize,
) {
    // Parts that contain themselves end here; no ERP body is deeper.
    let (Some(block), true) = (program.blocks.get(number), depth < 8) else { return };
    for binding in &block.bindings {
        let names: Vec<&str> = binding.path.steps.iter().map(|step| &*step.tag).collect();
        let path = format!("{above}{}", names.join("/"));
        let plain = !binding.functions.iter().any(|function| {
            matches!(function, Function::Table(..) | Function::Decimal(_) | Function::Pad(..))
        });
        match binding.holds {
            FieldType::Decimal | FieldType::Integer if plain => {
                numbers.insert(path);
            }
            FieldType::Bool if plain => {
                booleans.insert(path);
            }
            _ => {}
        }
    }
    for each in &block.eaches {
        let path = format!("{above}{}", tags(each).join("/"));
        if matches!(each.into, Into::List(_)) {
            arrays.insert(path.clone());
        }
        members(program, each.block, &format!("{path}/"), arrays, numbers, booleans, depth + 1);
    }
}

fn tags(each: &Each) -> Vec<&str> {
    each.steps.iter().map(|step| &*step.tag).collect()
}
