//! Makes a [`Program`] of a [`Definition`], with every fault of the definition found on the way.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::definition::{
    Block as BlockDefinition, Definition, EachDefinition, FieldDefinition, Text, WriteWhen,
};
use super::expression::{Expression, parse_call, pipe};
use super::function::Function;
use super::lossy::lossy_conditions;
use super::path::{At, Path, Step};
use super::program::{
    Binding, Block, Computed, Constant, Each, FieldPath, Formula, Into, Program, Way, pair_fields,
};
use crate::canonical::{FieldType, Shape};
use crate::declaration::suggestion;
use crate::finding::Finding;

mod tables;

/// Compiles a definition. A program comes out even when there are findings, as far as it goes.
pub(super) fn compile(definition: &Definition) -> (Program, Vec<Finding>) {
    let mut compiler =
        Compiler { definition, program: Program::default(), found: Vec::new(), blocks: HashMap::new() };
    compiler.tables();
    let root = compiler.block(&definition.block, definition.record.shape(), None);
    compiler.program.root = root;
    own_steps(&mut compiler.program);
    compiler.found.extend(lossy_conditions(&compiler.program));
    for text in &definition.drops {
        let path = Path::parse_node(&text.text, definition.format)
            .or_else(|_| Path::parse(&text.text, definition.format));
        match path {
            Ok(path) => compiler.program.drops.push((path, text.spot.clone())),
            Err(fault) => compiler.found.push(text.spot.forward(fault.offset).fault(
                "bad_path",
                fault.message,
                fault.hint,
            )),
        }
    }
    (compiler.program, compiler.found)
}

struct Compiler<'d> {
    definition: &'d Definition,
    program: Program,
    found: Vec<Finding>,
    /// Blocks by definition and record group, so that a part may contain itself.
    blocks: HashMap<(u32, &'static str), usize>,
}

/// A block's own entries and those of the parts it uses.
#[derive(Default)]
struct Entries<'d> {
    fields: Vec<&'d FieldDefinition>,
    eaches: Vec<&'d EachDefinition>,
    constants: Vec<&'d super::definition::ConstantDefinition>,
    computed: Vec<&'d (Text, Text)>,
}

impl<'d> Compiler<'d> {
    fn gather(&mut self, block: &'d BlockDefinition, entries: &mut Entries<'d>, depth: usize) {
        entries.fields.extend(block.fields.iter());
        entries.eaches.extend(block.eaches.iter());
        entries.constants.extend(block.constants.iter());
        entries.computed.extend(block.computed.iter());
        for used in &block.uses {
            match self.definition.parts.get(&used.text) {
                // Parts may use parts, but not in a circle; 16 is deeper than anyone writes.
                Some(_) if depth > 16 => {
                    self.found.push(used.spot.fault(
                        "part_uses_itself",
                        format!("part `{}` uses itself", used.text),
                        "use it in an `[[each]]` below instead",
                    ));
                }
                Some(part) => self.gather(part, entries, depth + 1),
                None => {
                    let hint = suggestion(&used.text, self.definition.parts.keys().map(String::as_str));
                    self.found.push(used.spot.fault(
                        "unknown_part",
                        format!("there is no part `{}`", used.text),
                        hint,
                    ));
                }
            }
        }
    }

    fn block(
        &mut self,
        definition: &'d BlockDefinition,
        shape: &'static Shape,
        key: Option<(u32, &'static str)>,
    ) -> usize {
        let number = self.program.blocks.len();
        self.program.blocks.push(Block::default());
        if let Some(key) = key {
            self.blocks.insert(key, number);
        }
        let mut entries = Entries::default();
        self.gather(definition, &mut entries, 0);
        let mut block = Block { source: shape.find("source").map(|(id, _)| id), ..Block::default() };
        let mut bound = HashSet::new();
        for field in entries.fields {
            // What a block says itself goes before what its parts say.
            if bound.insert(&field.field.text) && !field.at.text.is_empty() {
                self.binding(field, shape, &mut block);
            }
        }
        for each in entries.eaches {
            block.eaches.extend(self.each(each, shape));
        }
        for constant in entries.constants {
            if let Some(path) = self.path(&constant.at) {
                block.constants.push(Constant {
                    path,
                    value: constant.value.clone(),
                    always: constant.always,
                    spot: constant.at.spot.clone(),
                });
            }
        }
        for (at, formula) in entries.computed {
            block.computed.extend(self.computed(at, formula));
        }
        self.collisions(&block);
        name_pairs(&mut block);
        number_ways(&mut block);
        if let Some(place) = self.program.blocks.get_mut(number) {
            *place = block;
        }
        number
    }

    fn path(&mut self, text: &Text) -> Option<Path> {
        match Path::parse(&text.text, self.definition.format) {
            Ok(path) => Some(path),
            Err(fault) => {
                self.found.push(text.spot.forward(fault.offset).fault("bad_path", fault.message, fault.hint));
                None
            }
        }
    }

    fn binding(&mut self, definition: &FieldDefinition, shape: &'static Shape, block: &mut Block) {
        let field = self.field(&definition.field, shape);
        let expression = Expression::parse(&definition.at.text, self.definition.format);
        let expression = match expression {
            Ok(expression) => expression,
            Err((offset, message, hint)) => {
                self.found.push(definition.at.spot.forward(offset).fault("bad_expression", message, hint));
                return;
            }
        };
        let Some((field, holds)) = field else { return };
        let label = definition.field.text.clone();
        if !self.fits(&label, &holds, &expression, definition) {
            return;
        }
        if let Some(qualifier) = &definition.qualifier {
            self.qualifier(definition, qualifier, shape, block);
        }
        let mut functions = expression.functions;
        for function in &mut functions {
            if let Function::Table(name, number) = function {
                *number = self.program.table_numbers.get(name).copied().unwrap_or(usize::MAX);
                if let Some(unknown) = self.program.crosswalks.get(name) {
                    *function = Function::Crosswalk(name.clone(), *unknown);
                }
            }
        }
        let has_default = functions.iter().any(|function| matches!(function, Function::Default(_)));
        block.bindings.push(Binding {
            field,
            label,
            holds,
            path: expression.path,
            way: 0,
            functions,
            read: definition.read,
            write: definition.write,
            required: definition.required,
            optional: !definition.required && !has_default,
            spot: definition.at.spot.clone(),
            named: Vec::new(),
            qualifies: None,
        });
    }

    /// `{ at = "N1[ST]04", qualifier = "N1[ST]03" }` keeps the qualifier in the field's neighbour.
    fn qualifier(
        &mut self,
        definition: &FieldDefinition,
        qualifier: &Text,
        shape: &'static Shape,
        block: &mut Block,
    ) {
        let name = format!("{}_qualifier", definition.field.text);
        let own = FieldDefinition {
            field: Text { text: name, spot: definition.field.spot.clone() },
            at: qualifier.clone(),
            qualifier: None,
            required: false,
            ..definition.clone()
        };
        let qualified = self.field(&definition.field, shape).map(|(path, _)| path);
        let before = block.bindings.len();
        self.binding(&own, shape, block);
        if let Some(binding) = block.bindings.get_mut(before) {
            binding.qualifies = qualified;
        }
    }

    /// Follows `ship_to.city` or `extra.route` from a group.
    fn field(&mut self, text: &Text, shape: &'static Shape) -> Option<(FieldPath, FieldType)> {
        let (mut shape, mut groups, mut offset) = (shape, Vec::new(), 0);
        let mut names = text.text.split('.').peekable();
        while let Some(name) = names.next() {
            let spot = text.spot.forward(offset);
            offset += name.len() + 1;
            let Some((id, field)) = shape.find(name) else {
                let hint = suggestion(name, shape.fields.iter().map(|field| field.name));
                self.found.push(spot.fault(
                    "unknown_field",
                    format!("{} has no field `{name}`", spoken(shape)),
                    hint,
                ));
                return None;
            };
            match (field.holds, names.peek()) {
                (FieldType::Texts, Some(_)) => {
                    let name = names.collect::<Vec<_>>().join(".");
                    return Some((FieldPath { groups, id, name: Some(name) }, FieldType::Text));
                }
                (FieldType::Texts, None) => {
                    let hint = format!("give the field a name of its own, as in `{name}.route`");
                    self.found.push(spot.fault(
                        "field_is_group",
                        format!("`{name}` holds texts by name"),
                        hint,
                    ));
                    return None;
                }
                (FieldType::Group(inner), Some(_)) => {
                    groups.push(id);
                    shape = inner();
                }
                (FieldType::List(_), Some(next)) => {
                    let hint = format!("bind `{next}` in an `[[each]]` with `into = \"{name}\"`");
                    self.found.push(spot.fault("field_is_list", format!("`{name}` is a list"), hint));
                    return None;
                }
                (_, Some(next)) => {
                    self.found.push(spot.fault(
                        "unknown_field",
                        format!("`{name}` is {} and has no field `{next}`", field.holds.words()),
                        "",
                    ));
                    return None;
                }
                (holds, None) => return Some((FieldPath { groups, id, name: None }, holds)),
            }
        }
        None
    }

    /// Whether the field can hold what the expression gives.
    fn fits(
        &mut self,
        label: &str,
        holds: &FieldType,
        expression: &Expression,
        definition: &FieldDefinition,
    ) -> bool {
        let spot = &definition.at.spot;
        let pairs = expression.path.at == At::Pairs;
        match holds {
            // Functions after `<*>` are for the qualifiers.
            FieldType::List(shape) if pairs && pair_fields(shape()).is_some() => {
                return expression.functions.iter().all(|function| match function {
                    Function::Table(name, _) => self.table_fits(name, label, &FieldType::Text, definition),
                    _ => true,
                });
            }
            FieldType::Group(_) | FieldType::List(_) | FieldType::Source | FieldType::Texts => {
                let hint = if matches!(holds, FieldType::Source) {
                    "it is filled by itself".to_owned()
                } else {
                    format!("bind its fields, as in `{label}.name`, or use `[[each]]`")
                };
                self.found.push(definition.field.spot.fault(
                    "field_is_group",
                    format!("`{label}` is {}", holds.words()),
                    hint,
                ));
                return false;
            }
            _ if pairs => {
                let hint = "bind it to a list such as `item_ids`";
                self.found.push(spot.fault(
                    "type_clash",
                    format!("`<*>` gives several pairs, `{label}` is {}", holds.words()),
                    hint,
                ));
                return false;
            }
            _ => {}
        }
        let mut fine = true;
        for function in &expression.functions {
            let clash = match function {
                Function::Date(_) => !matches!(holds, FieldType::Date | FieldType::Text),
                Function::Time(_) => !matches!(holds, FieldType::Time | FieldType::Text),
                Function::Implied(_) | Function::Decimal(_) | Function::Negate => {
                    !matches!(holds, FieldType::Decimal | FieldType::Integer)
                }
                Function::Table(name, _) => {
                    fine &= self.table_fits(name, label, holds, definition);
                    false
                }
                _ => false,
            };
            if clash {
                let message = format!("`{function}` does not go with `{label}`, which is {}", holds.words());
                self.found.push(spot.fault("type_clash", message, ""));
                fine = false;
            }
        }
        fine
    }

    fn each(&mut self, definition: &'d EachDefinition, shape: &'static Shape) -> Option<Each> {
        let path = match Path::parse_node(&definition.of.text, self.definition.format) {
            Ok(path) => path,
            Err(fault) => {
                self.found.push(definition.of.spot.forward(fault.offset).fault(
                    "bad_path",
                    fault.message,
                    fault.hint,
                ));
                return None;
            }
        };
        let label = definition.into.as_ref().map(|into| into.text.clone()).unwrap_or_default();
        let (into, inner) = match &definition.into {
            None => (Into::Same, shape),
            Some(text) => {
                let (field, holds) = self.field(text, shape)?;
                match holds {
                    FieldType::List(inner) => (Into::List(field), inner()),
                    FieldType::Group(inner) => (Into::Group(field), inner()),
                    other => {
                        let message = format!("`{}` is {}, not a list or group", text.text, other.words());
                        self.found.push(text.spot.fault("type_clash", message, ""));
                        return None;
                    }
                }
            }
        };
        for step in &path.steps {
            if step.optional && !self.program.optional_tags.iter().any(|tag| **tag == *step.tag) {
                self.program.optional_tags.push(step.tag.to_string());
            }
        }
        let key = (definition.id, inner.name);
        let block = match self.blocks.get(&key) {
            Some(block) => *block,
            None => self.block(&definition.block, inner, Some(key)),
        };
        Some(Each {
            ups: path.ups,
            steps: path.steps,
            way: 0,
            into,
            write: definition.write,
            own_steps: 1,
            label,
            block,
            spot: definition.of.spot.clone(),
        })
    }

    fn computed(&mut self, at: &Text, formula: &Text) -> Option<Computed> {
        let path = self.path(at)?;
        let mut pieces = pipe(&formula.text).into_iter();
        let (_, call) = pieces.next().unwrap_or_default();
        let mut fail = |message: String, hint: &str| {
            self.found.push(formula.spot.fault("bad_formula", message, hint));
            None
        };
        let (name, arguments) = match parse_call(call) {
            Ok(call) => call,
            Err(message) => return fail(message, ""),
        };
        let format = self.definition.format;
        let formula_of = match (name, arguments.as_slice()) {
            ("position", []) => Formula::Position,
            ("total", []) => Formula::Total,
            ("count", [what]) => match Path::parse_node(what, format) {
                Ok(Path { ups: 0, steps, .. }) => Formula::Count(steps),
                _ => return fail(format!("`{what}` is no node to count"), "as in `count(IT1)`"),
            },
            ("sum", [what]) => match Path::parse(what, format) {
                Ok(path) if path.ups == 0 => Formula::Sum(path),
                _ => return fail(format!("`{what}` is no value to add up"), "as in `sum(W1203)`"),
            },
            _ => {
                return fail(
                    format!("`{call}` is no formula"),
                    "known are count(IT1), sum(W1203), position() and total()",
                );
            }
        };
        let mut functions = Vec::new();
        for (offset, call) in pieces {
            let function = parse_call(call).map_err(|message| (message, String::new()));
            match function.and_then(|(name, arguments)| Function::new(name, &arguments)) {
                Ok(function @ (Function::Implied(_) | Function::Negate | Function::Pad(..))) => {
                    functions.push(function)
                }
                Ok(function) => {
                    return fail(
                        format!("`{function}` does not go with a computed figure"),
                        "implied, negate and pad do",
                    );
                }
                Err((message, hint)) => {
                    self.found.push(formula.spot.forward(offset).fault("bad_formula", message, hint));
                    return None;
                }
            }
        }
        Some(Computed { path, formula: formula_of, functions, spot: at.spot.clone() })
    }

    /// Two fields that are always written to one place would fight over it.
    fn collisions(&mut self, block: &Block) {
        let mut places: BTreeMap<String, &Binding> = BTreeMap::new();
        let mut found = Vec::new();
        for binding in block.bindings.iter().filter(|binding| binding.write == WriteWhen::Always) {
            let part = binding.functions.iter().find(|function| matches!(function, Function::Part(..)));
            let place = format!("{} {}", binding.path, part.map(ToString::to_string).unwrap_or_default());
            match places.get(&place) {
                Some(first) => {
                    // Where a profile has its say, it is the profile that must change.
                    let spot = if first.spot.file == binding.spot.file { &binding.spot } else { &first.spot };
                    let message = format!(
                        "`{}` and `{}` are both written to {}",
                        first.label, binding.label, binding.path
                    );
                    let hint = "say `write = \"if_empty\"` or `write = false` for the second";
                    found.push(spot.fault("place_used_twice", message, hint));
                }
                None => {
                    places.insert(place, binding);
                }
            }
        }
        let mut lists: BTreeMap<Vec<usize>, &Each> = BTreeMap::new();
        for each in block.eaches.iter().filter(|each| each.write) {
            let Into::List(field) = &each.into else { continue };
            let key = field.groups.iter().chain(std::iter::once(&field.id)).copied().collect();
            if lists.insert(key, each).is_some() {
                let message = "two loops write the same list, so each item would be written twice";
                let hint = "say `write = false` for the loop that is only read";
                found.push(each.spot.fault("list_written_twice", message, hint));
            }
        }
        self.found.extend(found);
    }
}

/// Works out which steps of a loop belong to each item.
fn own_steps(program: &mut Program) {
    let ups: Vec<usize> = program
        .blocks
        .iter()
        .map(|block| {
            let bindings = block.bindings.iter().map(|binding| binding.path.ups);
            let computed = block.computed.iter().map(|computed| computed.path.ups);
            let constants = block.constants.iter().map(|constant| constant.path.ups);
            bindings.chain(computed).chain(constants).max().unwrap_or(0)
        })
        .collect();
    for each in program.blocks.iter_mut().flat_map(|block| &mut block.eaches) {
        let above = ups.get(each.block).copied().unwrap_or(0);
        each.own_steps = (1 + above).min(each.steps.len().max(1));
    }
}

/// Tells `<*>` which qualifiers have a field of their own.
fn name_pairs(block: &mut Block) {
    let named: Vec<(Path, String)> = block
        .bindings
        .iter()
        .filter_map(|binding| match &binding.path.at {
            At::Pair(code) => Some((Path { at: At::Pairs, ..binding.path.clone() }, code.clone())),
            _ => None,
        })
        .collect();
    for binding in block.bindings.iter_mut().filter(|binding| binding.path.at == At::Pairs) {
        binding.named =
            named.iter().filter(|(path, _)| *path == binding.path).map(|(_, code)| code.clone()).collect();
    }
}

/// Gives each way that something of the block looks a number.
fn number_ways(block: &mut Block) {
    let ways = &mut block.ways;
    let mut number = |ups: usize, steps: &[Step]| {
        let known = ways.iter().position(|way: &Way| way.ups == ups && way.steps == steps);
        known.unwrap_or_else(|| {
            ways.push(Way { ups, steps: steps.to_vec() });
            ways.len() - 1
        })
    };
    for binding in block.bindings.iter_mut().filter(|binding| binding.read) {
        binding.way = number(binding.path.ups, &binding.path.steps);
    }
    for each in &mut block.eaches {
        each.way = number(each.ups, &each.steps);
    }
}

fn spoken(shape: &Shape) -> String {
    let mut words = String::new();
    for character in shape.name.chars() {
        if character.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(character.to_ascii_lowercase());
    }
    let article = if words.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {words}")
}
