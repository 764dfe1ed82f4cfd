//! From a document's tree to a record.

use std::collections::HashSet;
use std::ops::Range;

use rust_decimal::Decimal;

use super::Format;
use super::crosswalk::Lookup;
use super::function::{Known, Misfit, read_into, read_value};
use super::pairs::pairs;
use super::path::{At, Path, Step};
use super::places::{descendants, locate, meets_conditions, paired_values, steps_end_at, text_at, value_at};
use super::program::{Binding, Computed, Each, FieldPath, Formula, Into, Program, pair_fields};
use super::prove::rows;
use crate::canonical::{Field, FieldType, Group, Record, Source, Value};
use crate::finding::{Finding, Location, Severity};
use crate::tree::{Key, NodeId, Tree, ValueRef};

/// Reads one document.
pub(super) struct Reader<'a> {
    pub(super) program: &'a Program,
    pub(super) tree: &'a Tree,
    known: Known<'a>,
    pub(super) format: Format,
    pub(super) decimal_mark: char,
    pub(super) found: Vec<Finding>,
    /// For each node whether a binding or loop has named it; the rest is without those.
    named: Vec<bool>,
    /// Nodes at the ways of the blocks at hand, and where in `nodes` those of each way are.
    nodes: Vec<NodeId>,
    ways: Vec<Range<usize>>,
    /// The node of the text that was found last.
    at: NodeId,
    /// Values that were looked at, where someone wants to know which were not.
    pub(super) seen: Option<HashSet<(NodeId, String)>>,
    /// Where each figure came from, where someone wants to know.
    pub(super) traced: Option<Vec<Traced>>,
    /// Name of the group being filled, as in `packs[0].lines[2].`.
    above: String,
}

/// One field of a record with the value it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// The field, as in `packs[0].lines[2].quantity_shipped`; the first item is 0, as in the record's JSON.
    pub field: String,
    /// What the document says there, before any function.
    pub value: String,
    /// Where it says so.
    pub location: Location,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        program: &'a Program,
        tree: &'a Tree,
        format: Format,
        decimal_mark: char,
        lookup: Lookup<'a>,
    ) -> Self {
        Self {
            known: Known::new(&program.tables, lookup),
            program,
            tree,
            format,
            decimal_mark,
            found: Vec::new(),
            named: vec![false; tree.len()],
            nodes: Vec::with_capacity(tree.len()),
            ways: Vec::with_capacity(64),
            at: tree.root(),
            seen: None,
            traced: None,
            above: String::new(),
        }
    }

    /// Fills the record from the tree.
    pub(super) fn read(&mut self, record: &mut Record) {
        let root = self.tree.root();
        self.block(self.program.root, root, record.group_mut());
        self.check_computed(self.program.root, root, Some(record));
    }

    fn block(&mut self, number: usize, node: NodeId, group: &mut dyn Group) {
        let program = self.program;
        let block = program.blocks.get(number).expect("a program's blocks refer to each other");
        if let Some(field) = block.source {
            let origin = self.tree.origin(node);
            let source = Value::Source(Source { segment_ordinal: origin.ordinal, byte: origin.byte });
            group.field_mut(field).set(source).expect("the field `source` holds a place");
        }
        let (nodes_before, ways_before) = (self.nodes.len(), self.ways.len());
        for way in &block.ways {
            let nodes = self.find_nodes(way.ups, &way.steps, node);
            self.ways.push(nodes);
        }
        let way = |reader: &Self, number: usize| {
            reader.ways.get(ways_before + number).cloned().expect("compiled blocks number their ways")
        };
        for binding in block.bindings.iter().filter(|binding| binding.read) {
            let nodes = way(self, binding.way);
            if nodes.is_empty() && binding.optional {
                continue;
            }
            self.binding(binding, nodes, node, group);
        }
        for rest in [false, true] {
            for each in block.eaches.iter().filter(|each| is_rest(each) == rest) {
                let nodes = way(self, each.way);
                self.each(each, nodes, node, group);
            }
        }
        self.nodes.truncate(nodes_before);
        self.ways.truncate(ways_before);
        if self.seen.is_some() {
            for constant in &block.constants {
                if let Some((at, value)) = self.find_value(&constant.path, node)
                    && value.text == constant.value
                {
                    self.see_by(&constant.path.at, at, value.key);
                }
            }
        }
    }

    fn binding(&mut self, binding: &Binding, nodes: Range<usize>, node: NodeId, group: &mut dyn Group) {
        if binding.path.at == At::Pairs {
            if let Some(at) = self.nodes.get(nodes.start).filter(|_| !nodes.is_empty()) {
                self.pairs(binding, *at, group);
            }
            return;
        }
        let text = self.first_text(&binding.path, nodes, node);
        let delimited = self.format == Format::Delimited;
        if text.is_none() && (binding.qualifies.is_some() || binding.optional && !delimited) {
            return;
        }
        let (functions, holds) = (&binding.functions, &binding.holds);
        let (known, format, mark) = (&self.known, self.format, self.decimal_mark);
        let field = field_mut(group, &binding.field);
        let read = if let Some(name) = &binding.field.name {
            read_value(functions, text, holds, known, format, mark).map(|value| {
                let texts = field.texts_mut().expect("a named field is among texts");
                value.map(|value| texts.insert(name.clone(), value.to_string())).is_some()
            })
        } else {
            read_into(field, functions, text, holds, known, format, mark)
        };
        if let Some(doubt) = self.known.doubt() {
            self.doubt(binding, text.map(|_| self.at), *doubt);
        }
        let told = self.seen.is_some() || self.traced.is_some() || delimited;
        if told || read.as_ref().map_or(true, |any| !any && binding.required) {
            self.tell(binding, text.map(|_| self.at), read, node);
        }
    }

    /// What there is to say of a binding that was read: who looked, what is missing, what is wrong.
    #[cold]
    fn tell(&mut self, binding: &Binding, at: Option<NodeId>, read: Result<bool, Box<Misfit>>, node: NodeId) {
        let tree = self.tree;
        let found = at.and_then(|at| value_at(tree, at, &binding.path.at).map(|value| (at, value)));
        if let Some((at, value)) = found {
            self.see_by(&binding.path.at, at, value.key);
        }
        match read {
            Ok(true) => self.trace(binding, found),
            Ok(false) if binding.required => {
                let message = format!("`{}` is missing: there is nothing at {}", binding.label, binding.path);
                self.found.push(self.finding("field_missing", Severity::Reject, node, None, message, ""));
            }
            Ok(false) => {}
            Err(misfit) => self.misfit(binding, found, *misfit, Severity::Reject),
        }
        if self.rows_disagree(binding, node) {
            let name = binding.path.to_string();
            let message = format!("the rows of one document differ in `{name}`");
            let hint =
                format!("rows with the same key must have the same `{name}`, or bind `{name}` to the lines");
            self.found.push(self.finding("rows_disagree", Severity::Reject, node, None, message, &hint));
        }
    }

    /// A column bound at the document must say the same on all its rows.
    fn rows_disagree(&self, binding: &Binding, node: NodeId) -> bool {
        let At::Name(name) = &binding.path.at else { return false };
        if self.format != Format::Delimited || node != self.tree.root() || !binding.path.steps.is_empty() {
            return false;
        }
        let mut rows = rows(self.tree)
            .into_iter()
            .map(|row| self.tree.value(row, Key::Name(name)).map(|value| value.text));
        let first = rows.next();
        first.is_some_and(|first| rows.any(|other| other != first))
    }

    /// What is worth a warning of a value that was read all the same.
    #[cold]
    fn doubt(&mut self, binding: &Binding, at: Option<NodeId>, doubt: Misfit) {
        let tree = self.tree;
        let found = at.and_then(|at| value_at(tree, at, &binding.path.at).map(|value| (at, value)));
        self.misfit(binding, found, doubt, Severity::Warning);
    }

    fn misfit(
        &mut self,
        binding: &Binding,
        found: Option<(NodeId, ValueRef<'a>)>,
        misfit: Misfit,
        severity: Severity,
    ) {
        let message = format!("{} ({} at {})", misfit.message, binding.label, binding.path);
        let node = found.map_or(self.tree.root(), |(node, _)| node);
        let finding =
            self.finding(misfit.code, severity, node, found.map(|(_, value)| value), message, &misfit.hint);
        self.found.push(finding);
    }

    /// Pairs that have no field of their own go to a list.
    fn pairs(&mut self, binding: &Binding, at: NodeId, group: &mut dyn Group) {
        let FieldType::List(shape) = binding.holds else { return };
        let fields = pair_fields(shape()).expect("compiled pair lists have a qualifier and a value");
        let tree = self.tree;
        let list = field_mut(group, &binding.field);
        // Only the first pair of a qualifier goes to the qualifier's own field.
        let mut taken = vec![false; binding.named.len()];
        let mut misfits = Vec::new();
        for (code, text) in paired_values(tree, at) {
            let own =
                binding.named.iter().zip(&mut taken).find(|(name, taken)| !**taken && *name == code.text);
            if let Some((_, taken)) = own {
                *taken = true;
                continue;
            }
            self.see(at, code.key);
            self.see(at, text.key);
            let item = list.push().expect("compiled pair lists are lists");
            let functions = binding.functions.as_slice();
            for (id, text, functions) in [(fields.qualifier, code, functions), (fields.value, text, &[])] {
                let holds = shape().fields.get(id).map_or(FieldType::Text, |field| field.holds);
                let value = read_value(
                    functions,
                    Some(text.text),
                    &holds,
                    &self.known,
                    self.format,
                    self.decimal_mark,
                );
                match value {
                    Ok(Some(value)) => {
                        item.field_mut(id).set(value).expect("a value that was read for a field fits it");
                    }
                    Ok(None) => {}
                    Err(misfit) => misfits.push((text, *misfit, Severity::Reject)),
                }
                misfits.extend(self.known.doubt().map(|doubt| (text, *doubt, Severity::Warning)));
            }
        }
        for (value, misfit, severity) in misfits {
            self.misfit(binding, Some((at, value)), misfit, severity);
        }
    }

    fn each(&mut self, each: &Each, nodes: Range<usize>, node: NodeId, group: &mut dyn Group) {
        let nodes = if is_rest(each) { self.unnamed(nodes) } else { nodes };
        let nodes = match &each.into {
            Into::List(field) if !nodes.is_empty() => {
                field_mut(group, field).reserve(nodes.len());
                nodes
            }
            Into::List(_) => return,
            Into::Same | Into::Group(_) => nodes.start..nodes.end.min(nodes.start + 1),
        };
        for index in nodes {
            let Some(at) = self.nodes.get(index).copied() else { return };
            let stand_in = at == node;
            if !stand_in {
                self.name(at);
            }
            match &each.into {
                Into::Same => self.block(each.block, at, group),
                Into::Group(field) => {
                    let inner = field_mut(group, field).group_mut().expect("a compiled `into` is a group");
                    let outer = self.enter(&each.label, None);
                    self.block(each.block, at, inner);
                    self.above = outer;
                }
                Into::List(field) => {
                    let list = field_mut(group, field);
                    let outer = self.enter(&each.label, Some(list.len()));
                    let inner = list.push().expect("a compiled `into` is a list");
                    self.block(each.block, at, inner);
                    self.above = outer;
                    if stand_in && inner.is_blank() {
                        list.pop();
                    }
                }
            }
            if !stand_in {
                self.check_computed(each.block, at, None);
            }
        }
    }

    /// Those of some nodes that nothing has named yet.
    fn unnamed(&mut self, nodes: Range<usize>) -> Range<usize> {
        let start = self.nodes.len();
        for index in nodes {
            let node = self.nodes.get(index).copied();
            self.nodes.extend(node.filter(|node| self.named.get(node.index()) != Some(&true)));
        }
        start..self.nodes.len()
    }

    /// Goes into a group or item for tracing; answers with the name to come back to.
    fn enter(&mut self, label: &str, index: Option<usize>) -> String {
        if self.traced.is_none() {
            return String::new();
        }
        let index = index.map_or_else(String::new, |index| format!("[{index}]"));
        let inner = format!("{}{label}{index}.", self.above);
        std::mem::replace(&mut self.above, inner)
    }

    fn trace(&mut self, binding: &Binding, found: Option<(NodeId, ValueRef<'_>)>) {
        if let (Some(traced), Some((node, value))) = (&mut self.traced, found) {
            traced.push(Traced {
                field: format!("{}{}", self.above, binding.label),
                value: value.text.to_owned(),
                location: locate(self.tree, node, Some(value)),
            });
        }
    }

    fn check_computed(&mut self, number: usize, node: NodeId, record: Option<&Record>) {
        let program = self.program;
        let block = program.blocks.get(number).expect("a program's blocks refer to each other");
        for computed in &block.computed {
            let Some((at, value)) = self.find_value(&computed.path, node) else { continue };
            self.see_by(&computed.path.at, at, value.key);
            let Some(expected) = evaluate(self, &computed.formula, node, record) else { continue };
            let read = read_value(
                &computed.functions,
                Some(value.text),
                &FieldType::Decimal,
                &self.known,
                self.format,
                self.decimal_mark,
            );
            let Ok(Some(Value::Decimal(given))) = read else { continue };
            if given != expected {
                let message = format!("{} says {given}, {} is {expected}", computed.path, what(computed));
                self.found.push(self.finding(
                    "figure_differs",
                    Severity::Warning,
                    at,
                    Some(value),
                    message,
                    "",
                ));
            }
        }
    }

    /// The first value at a path, with its node.
    fn find_value(&mut self, path: &Path, node: NodeId) -> Option<(NodeId, ValueRef<'a>)> {
        let nodes = self.find_nodes(path.ups, &path.steps, node);
        let start = nodes.start;
        let at = self.first_text(path, nodes, node).map(|_| self.at);
        self.nodes.truncate(start);
        at.and_then(|at| value_at(self.tree, at, &path.at).map(|value| (at, value)))
    }

    /// The text at a path that leads from `node` to some nodes, of the first that has one; `at` is that node.
    #[inline]
    fn first_text(&mut self, path: &Path, nodes: Range<usize>, node: NodeId) -> Option<&'a str> {
        let tree = self.tree;
        let document = self.format == Format::Delimited && path.steps.is_empty();
        for at in self.nodes.get(nodes)?.iter().copied() {
            if document && at == tree.root() {
                return self.first_row(&path.at);
            }
            if let Some(text) = text_at(tree, at, &path.at) {
                self.at = at;
                self.name_way(path.ups, node, at);
                return Some(text);
            }
        }
        None
    }

    /// Names the nodes on the way from one node to another.
    fn name_way(&mut self, ups: usize, from: NodeId, to: NodeId) {
        let start = self.start(ups, from);
        let mut at = Some(to);
        while let Some(here) = at.filter(|_| at != start) {
            self.name(here);
            at = self.tree.parent(here);
        }
    }

    /// A column of the document is that of its first row; that all rows say the same is checked apart.
    fn first_row(&mut self, at: &At) -> Option<&'a str> {
        let tree = self.tree;
        if let (At::Name(name), true) = (at, self.seen.is_some()) {
            rows(tree).into_iter().for_each(|row| self.see(row, Key::Name(name)));
        }
        self.at = rows(tree).into_iter().next()?;
        text_at(tree, self.at, at)
    }

    /// A path that begins with the node's own segment is about that segment.
    #[inline]
    fn without_self<'s>(&self, node: NodeId, steps: &'s [Step]) -> &'s [Step] {
        match steps.split_first() {
            Some((first, rest))
                if self.format == Format::X12
                    && first.is_plain()
                    && self.tree.is_tagged(node, &first.tag) =>
            {
                rest
            }
            _ => steps,
        }
    }

    #[inline]
    fn start(&self, ups: usize, node: NodeId) -> Option<NodeId> {
        (0..ups).try_fold(node, |node, _| self.tree.parent(node))
    }

    /// All nodes at a way in document order, which come behind those in `nodes`. An optional last step that is
    /// absent gives the node itself.
    fn find_nodes(&mut self, ups: usize, steps: &[Step], node: NodeId) -> Range<usize> {
        let before = self.nodes.len();
        let Some(start) = self.start(ups, node) else { return before..before };
        let steps = self.without_self(start, steps);
        match steps.first() {
            None => self.nodes.push(start),
            Some(step) if !step.optional && !self.tree.may_have_child(start, &step.tag) => {}
            Some(_) => self.collect(start, steps),
        }
        before..self.nodes.len()
    }

    fn collect(&mut self, node: NodeId, steps: &[Step]) {
        let Some((step, rest)) = steps.split_first() else {
            self.nodes.push(node);
            return;
        };
        let tree = self.tree;
        let mut any = false;
        for child in tree.children_tagged(node, &step.tag) {
            if self.meets_conditions(child, step) {
                any = true;
                self.collect(child, rest);
            }
        }
        if step.optional && !any {
            self.collect(node, rest);
        }
    }

    fn meets_conditions(&mut self, node: NodeId, step: &Step) -> bool {
        if !meets_conditions(self.tree, node, step) {
            return false;
        }
        if self.seen.is_none() {
            return true;
        }
        for condition in &step.conditions {
            if let At::Element(element, component, repetition) = condition.at {
                self.see(node, Key::Element(element, component, repetition));
            }
            if let At::Name(name) = &condition.at {
                self.see(node, Key::Name(name));
                let tree = self.tree;
                if let Some(child) = tree.children(node).find(|child| tree.tag(*child) == name) {
                    self.see(child, Key::Name(""));
                }
            }
        }
        true
    }

    fn name(&mut self, node: NodeId) {
        if let Some(named) = self.named.get_mut(node.index()) {
            *named = true;
        }
    }

    #[inline]
    fn see(&mut self, node: NodeId, key: Key<'_>) {
        if self.seen.is_some() {
            self.note_seen(node, key);
        }
    }

    fn note_seen(&mut self, node: NodeId, key: Key<'_>) {
        if let Some(seen) = &mut self.seen {
            seen.insert((node, format!("{key:?}")));
        }
    }

    /// Notes a value, and its qualifier where that led to it: what it says is kept then. Who takes a value by its place
    /// alone does not know what it is.
    fn see_by(&mut self, at: &At, node: NodeId, key: Key<'_>) {
        self.see(node, key);
        if let (At::Pair(_), Key::Element(element, 1, 1)) = (at, key) {
            let pair = pairs(self.tree.tag(node)).iter().find(|(_, value)| *value == element);
            if let Some((qualifier, _)) = pair {
                self.see(node, Key::Element(*qualifier, 1, 1));
            }
        }
    }

    fn finding(
        &self,
        code: &'static str,
        severity: Severity,
        node: NodeId,
        value: Option<ValueRef<'_>>,
        message: String,
        hint: &str,
    ) -> Finding {
        Finding {
            code,
            severity,
            location: locate(self.tree, node, value),
            message,
            hint: hint.to_owned(),
            value: value.map(|value| value.text.chars().take(99).collect()).unwrap_or_default(),
            ack_code: String::new(),
        }
    }
}

fn is_rest(each: &Each) -> bool {
    each.steps.last().is_some_and(|step| step.rest)
}

/// The field at a path of ids.
pub(super) fn field_mut<'g>(group: &'g mut dyn Group, path: &FieldPath) -> &'g mut dyn Field {
    let mut group = group;
    for id in &path.groups {
        group = group.field_mut(*id).group_mut().expect("compiled field paths go through groups");
    }
    group.field_mut(path.id)
}

fn evaluate(
    reader: &Reader<'_>,
    formula: &Formula,
    node: NodeId,
    record: Option<&Record>,
) -> Option<Decimal> {
    let tree = reader.tree;
    match formula {
        Formula::Position => None,
        Formula::Total => record?.computed_total(),
        Formula::Count(steps) => {
            let mut count = 0_u32;
            descendants(tree, node, &mut |node| count += u32::from(steps_end_at(tree, steps, node)));
            Some(Decimal::from(count))
        }
        Formula::Sum(path) => {
            let (mut sum, mut any) = (Decimal::ZERO, false);
            descendants(tree, node, &mut |node| {
                let here = steps_end_at(tree, &path.steps, node);
                let value = if here { value_at(tree, node, &path.at) } else { None };
                if let Some(number) = value.and_then(|value| value.text.parse::<Decimal>().ok()) {
                    sum += number;
                    any = true;
                }
            });
            any.then_some(sum)
        }
    }
}

fn what(computed: &Computed) -> String {
    match &computed.formula {
        Formula::Count(steps) => {
            format!("the number of {}", Path { ups: 0, steps: steps.clone(), at: At::Node })
        }
        Formula::Sum(path) => format!("the sum of {path}"),
        Formula::Position => "the position".to_owned(),
        Formula::Total => "what the figures come to".to_owned(),
    }
}
