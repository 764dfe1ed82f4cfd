//! From a record to a document's tree.

use rust_decimal::Decimal;

use super::Format;
use super::crosswalk::Lookup;
use super::definition::WriteWhen;
use super::draft::{Draft, key_of};
use super::function::{Function, Known, write_value};
use super::path::{At, Path, Step};
use super::program::{Binding, Each, FieldPath, Formula, Into, Program, pair_fields};
use crate::canonical::{Field, FieldType, Group, Record, Value};
use crate::finding::{Finding, Location, Severity};

/// Writes one document.
pub(super) struct Writer<'a> {
    program: &'a Program,
    known: Known<'a>,
    format: Format,
    decimal_mark: char,
    pub(super) draft: Draft,
    pub(super) found: Vec<Finding>,
    /// Computed figures, filled in when everything else is there: block, its node, their number.
    open: Vec<(usize, usize)>,
    /// Place of each node among its like under one parent, the first is 1.
    places: Vec<u32>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        program: &'a Program,
        format: Format,
        decimal_mark: char,
        tag: &str,
        lookup: Lookup<'a>,
    ) -> Self {
        Self {
            known: Known::new(&program.tables, lookup),
            program,
            format,
            decimal_mark,
            draft: Draft::new(tag),
            found: Vec::new(),
            open: Vec::new(),
            places: Vec::new(),
        }
    }

    /// Writes the record into the draft.
    pub(super) fn write(&mut self, record: &Record) {
        self.block(self.program.root, 0, record.group());
        self.places = self.draft.places();
        for (block, node) in std::mem::take(&mut self.open) {
            self.computed(block, node, record);
        }
        self.constants(self.program.root, 0);
    }

    fn block(&mut self, number: usize, node: usize, group: &dyn Group) {
        let program = self.program;
        let block = program.blocks.get(number).expect("a program's blocks refer to each other");
        // Pairs come last, since they take what places are free.
        for binding in block.bindings.iter().filter(|binding| !is_pair(&binding.path.at)) {
            self.binding(binding, node, group);
        }
        for binding in block.bindings.iter().filter(|binding| matches!(binding.path.at, At::Pair(_))) {
            self.binding(binding, node, group);
        }
        for binding in block.bindings.iter().filter(|binding| binding.path.at == At::Pairs) {
            self.pairs(binding, node, group);
        }
        for each in block.eaches.iter().filter(|each| each.write) {
            self.each(each, node, group);
        }
        if !block.computed.is_empty() {
            self.open.push((number, node));
        }
    }

    fn binding(&mut self, binding: &Binding, node: usize, group: &dyn Group) {
        if binding.write == WriteWhen::Never {
            return;
        }
        if binding.qualifies.as_ref().is_some_and(|of| value_of(group, of).is_none()) {
            return;
        }
        let value = value_of(group, &binding.field);
        if value.is_none() && !has_default(binding) {
            if binding.required {
                self.fault(
                    "field_missing",
                    format!("`{}` is missing, {} needs it", binding.label, binding.path),
                    "",
                );
            }
            return;
        }
        if binding.write == WriteWhen::IfEmpty && self.filled(&binding.path, node) {
            return;
        }
        let present = self.present(&binding.path, node);
        let text = write_value(
            &binding.functions,
            value,
            present.as_deref(),
            &self.known,
            self.format,
            self.decimal_mark,
        );
        self.doubt(binding);
        match text {
            Ok(Some(text)) if !text.is_empty() || self.format == Format::Json => {
                self.put(&binding.path, node, &text, &binding.label)
            }
            Ok(_) => {}
            Err(misfit) => {
                self.fault(
                    misfit.code,
                    format!("{} ({} to {})", misfit.message, binding.label, binding.path),
                    &misfit.hint,
                );
            }
        }
    }

    fn pairs(&mut self, binding: &Binding, node: usize, group: &dyn Group) {
        let FieldType::List(shape) = binding.holds else { return };
        let fields = pair_fields(shape()).expect("compiled pair lists have a qualifier and a value");
        let list = field(group, &binding.field);
        for item in (0..list.len()).filter_map(|index| list.item(index)) {
            let text = |id: usize, functions: &[Function]| {
                let value = item.field(id).get();
                write_value(functions, value, None, &self.known, self.format, self.decimal_mark)
            };
            let texts = (text(fields.qualifier, &binding.functions), text(fields.value, &[]));
            self.doubt(binding);
            match texts {
                (Ok(Some(qualifier)), Ok(Some(value))) => {
                    let at = self.find_or_add(&binding.path, node);
                    if !self.draft.set_pair(at, &qualifier, &value) {
                        self.no_free_pair(&binding.label, &qualifier);
                    }
                }
                (Err(misfit), _) | (_, Err(misfit)) => {
                    let message = format!("{} ({} to {})", misfit.message, binding.label, binding.path);
                    self.fault(misfit.code, message, &misfit.hint);
                }
                // A quantity without its store would be gone without a word.
                (Ok(None), Ok(Some(value))) => self.fault(
                    "qualifier_missing",
                    format!("nothing says what `{value}` is ({} to {})", binding.label, binding.path),
                    "give it the code or store it belongs to, or leave it out",
                ),
                (Ok(_), Ok(None)) => {}
            }
        }
    }

    fn no_free_pair(&mut self, label: &str, qualifier: &str) {
        self.fault(
            "no_free_pair",
            format!("there is no room for `{label}` with qualifier {qualifier}"),
            "the segment holds only so many pairs",
        );
    }

    fn each(&mut self, each: &Each, node: usize, group: &dyn Group) {
        match &each.into {
            Into::Same => {
                let at = self.scope(&each.steps, each.ups, node);
                self.block(each.block, at, group);
                self.constants(each.block, at);
            }
            Into::Group(path) => {
                let inner = field(group, path).group().expect("a compiled `into` is a group");
                if !inner.is_blank() {
                    let at = self.chain(each, node);
                    let last = at.last().copied().unwrap_or(node);
                    self.draft.keep(last);
                    self.block(each.block, last, inner);
                    self.constants(each.block, last);
                }
            }
            Into::List(path) => {
                let list = field(group, path);
                let mut before: Option<Vec<usize>> = None;
                for item in (0..list.len()).filter_map(|index| list.item(index)) {
                    let chain = self.chain(each, node);
                    let last = chain.last().copied().unwrap_or(node);
                    self.draft.keep(last);
                    self.block(each.block, last, item);
                    self.constants(each.block, last);
                    let kept = self.share(before.as_deref(), chain);
                    before = Some(kept);
                }
            }
        }
    }

    /// New nodes for the steps that each item has for itself, below those that items share.
    fn chain(&mut self, each: &Each, node: usize) -> Vec<usize> {
        let shared = each.steps.len().saturating_sub(each.own_steps);
        let (shared, own) = each.steps.split_at_checked(shared).unwrap_or((&[], &each.steps));
        let mut at = self.scope(shared, each.ups, node);
        own.iter()
            .map(|step| {
                at = self.draft.add(at, step);
                at
            })
            .collect()
    }

    /// Lines of one LX: where the outer nodes of two items say the same, the second joins the first.
    fn share(&mut self, before: Option<&[usize]>, chain: Vec<usize>) -> Vec<usize> {
        let Some(before) = before else { return chain };
        let mut kept = chain.clone();
        let outer = chain.len().saturating_sub(1);
        for (index, (old, new)) in before.iter().zip(&chain).enumerate().take(outer) {
            if !self.draft.alike(*old, *new) || self.draft.clash(*old, *new) {
                return kept;
            }
            self.draft.merge(*new, *old);
            if let Some(place) = kept.get_mut(index) {
                *place = *old;
            }
        }
        kept
    }

    /// Nodes for all steps, those that are there already where they are.
    fn scope(&mut self, steps: &[Step], ups: usize, node: usize) -> usize {
        let start = (0..ups).fold(node, |node, _| self.draft.parent(node));
        steps
            .iter()
            .fold(start, |at, step| self.draft.find(at, step).unwrap_or_else(|| self.draft.add(at, step)))
    }

    fn find_or_add(&mut self, path: &Path, node: usize) -> usize {
        let start = (0..path.ups).fold(node, |node, _| self.draft.parent(node));
        let steps = self.without_self(start, &path.steps);
        self.scope(steps, 0, start)
    }

    /// A path that begins with the node's own segment is about that segment.
    fn without_self<'s>(&self, node: usize, steps: &'s [Step]) -> &'s [Step] {
        match steps.split_first() {
            Some((first, rest))
                if self.format == Format::X12 && first.is_plain() && *first.tag == *self.draft.tag(node) =>
            {
                rest
            }
            _ => steps,
        }
    }

    fn look(&self, path: &Path, node: usize) -> Option<usize> {
        let start = (0..path.ups).fold(node, |node, _| self.draft.parent(node));
        self.without_self(start, &path.steps).iter().try_fold(start, |at, step| self.draft.find(at, step))
    }

    fn present(&self, path: &Path, node: usize) -> Option<String> {
        let at = self.look(path, node)?;
        match &path.at {
            At::Pair(code) => self.draft.pair(at, code).map(str::to_owned),
            other => self.draft.value(at, &key_of(other)?).map(str::to_owned),
        }
    }

    fn filled(&self, path: &Path, node: usize) -> bool {
        let Some(at) = self.look(path, node) else { return false };
        match &path.at {
            At::Pair(code) => self.draft.pair(at, code).is_some(),
            other => key_of(other).is_some_and(|key| self.draft.is_filled(at, &key)),
        }
    }

    fn put(&mut self, path: &Path, node: usize, text: &str, label: &str) {
        let at = self.find_or_add(path, node);
        match &path.at {
            At::Pair(code) => {
                if !self.draft.set_pair(at, code, text) {
                    self.no_free_pair(label, code);
                }
            }
            other => {
                if let Some(key) = key_of(other) {
                    self.draft.set(at, key, text, false);
                }
            }
        }
    }

    fn constants(&mut self, number: usize, node: usize) {
        let program = self.program;
        let block = program.blocks.get(number).expect("a program's blocks refer to each other");
        for constant in &block.constants {
            let at = if constant.always {
                let at = self.find_or_add(&constant.path, node);
                self.draft.keep(at);
                Some(at)
            } else {
                self.look(&constant.path, node).filter(|at| self.draft.is_written(*at))
            };
            if let (Some(at), Some(key)) = (at, key_of(&constant.path.at))
                && self.draft.value(at, &key).is_none()
            {
                self.draft.set(at, key, &constant.value, true);
            }
        }
    }

    fn computed(&mut self, number: usize, node: usize, record: &Record) {
        let program = self.program;
        let block = program.blocks.get(number).expect("a program's blocks refer to each other");
        for computed in &block.computed {
            if self.filled(&computed.path, node) {
                continue;
            }
            let Some(value) = self.evaluate(&computed.formula, &computed.path, node, record) else {
                continue;
            };
            let text = write_value(
                &computed.functions,
                Some(Value::Decimal(value)),
                None,
                &self.known,
                self.format,
                self.decimal_mark,
            );
            match text {
                Ok(Some(text)) => self.put(&computed.path, node, &text, "computed"),
                Ok(None) => {}
                Err(misfit) => self.fault(
                    misfit.code,
                    format!("{} (computed for {})", misfit.message, computed.path),
                    &misfit.hint,
                ),
            }
        }
    }

    fn evaluate(&self, formula: &Formula, path: &Path, node: usize, record: &Record) -> Option<Decimal> {
        match formula {
            Formula::Total => record.computed_total(),
            Formula::Position => {
                let at = self.look(path, node)?;
                self.places.get(at).copied().map(Decimal::from)
            }
            Formula::Count(steps) => {
                let mut count = 0_u32;
                self.descendants(node, &mut |id| count += u32::from(self.draft.ends_with(id, steps)));
                Some(Decimal::from(count))
            }
            Formula::Sum(sum_path) => {
                let (mut sum, mut any) = (Decimal::ZERO, false);
                let key = key_of(&sum_path.at)?;
                self.descendants(node, &mut |id| {
                    let here = self.draft.ends_with(id, &sum_path.steps);
                    let value = if here { self.draft.value(id, &key) } else { None };
                    if let Some(number) = value.and_then(|text| text.parse::<Decimal>().ok()) {
                        sum += number;
                        any = true;
                    }
                });
                any.then_some(sum)
            }
        }
    }

    fn descendants(&self, node: usize, visit: &mut dyn FnMut(usize)) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            for child in self.draft.children(node) {
                if self.draft.is_written(*child) {
                    visit(*child);
                    open.push(*child);
                }
            }
        }
    }

    /// Tells what was doubtful of the value written last.
    fn doubt(&mut self, binding: &Binding) {
        if let Some(doubt) = self.known.doubt() {
            let message = format!("{} ({} to {})", doubt.message, binding.label, binding.path);
            self.tell(doubt.code, Severity::Warning, message, &doubt.hint);
        }
    }

    fn fault(&mut self, code: &'static str, message: String, hint: &str) {
        self.tell(code, Severity::Reject, message, hint);
    }

    fn tell(&mut self, code: &'static str, severity: Severity, message: String, hint: &str) {
        self.found.push(Finding {
            code,
            severity,
            location: Location::default(),
            message,
            hint: hint.to_owned(),
            value: String::new(),
            ack_code: String::new(),
        });
    }
}

fn is_pair(at: &At) -> bool {
    matches!(at, At::Pair(_) | At::Pairs)
}

fn has_default(binding: &Binding) -> bool {
    binding.functions.iter().any(|function| matches!(function, Function::Default(_)))
}

/// The field at a path of ids.
fn field<'g>(group: &'g dyn Group, path: &FieldPath) -> &'g dyn Field {
    let mut group = group;
    for id in &path.groups {
        group = group.field(*id).group().expect("compiled field paths go through groups");
    }
    group.field(path.id)
}

fn value_of(group: &dyn Group, path: &FieldPath) -> Option<Value> {
    let field = field(group, path);
    match &path.name {
        Some(name) => field.texts()?.get(name).cloned().map(Value::Text),
        None => field.get(),
    }
}
