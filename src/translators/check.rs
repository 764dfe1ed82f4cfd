//! A translator held against the standard's schema: places, types, codes, mandatory elements.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::definition::WriteWhen;
use super::function::Function;
use super::pairs::pairs;
use super::path::{At, Path, Step};
use super::program::{Binding, Block};
use super::spot::Spot;
use super::table::REST;
use super::{Format, Translator};
use crate::canonical::FieldType;
use crate::declaration::suggestion;
use crate::finding::Finding;
use crate::formats::x12::schema::{Child, Kind, LoopId, Part, Schemas, Set};

impl Translator {
    /// Holds the translator against the schema of each X12 release it is meant for. Findings that
    /// reject are wrong places and types; warnings are codes the standard does not list and mandatory
    /// elements that nothing is written to. The translator's own doubts come with them; other formats
    /// have only those.
    #[must_use]
    pub fn check(&self, schemas: &Schemas) -> Vec<Finding> {
        if self.format() != Format::X12 {
            return self.doubts().to_vec();
        }
        let mut found: Vec<Finding> = self.doubts().to_vec();
        let top = self.definition.block.fields.first().map(|field| Spot {
            byte: 0,
            line: 1,
            column: 1,
            ..field.field.spot.clone()
        });
        let mut missing: Vec<Vec<Finding>> = Vec::new();
        for version in self.versions() {
            let Some(set) = schemas.find_set(version, None, self.set()) else {
                let message = format!("there is no schema for set {} in release {version}", self.set());
                let known =
                    schemas.list().map(|release| release.id().to_owned()).collect::<Vec<_>>().join(", ");
                let spot = top.clone().unwrap_or_default();
                found.push(spot.fault("unknown_set", message, format!("releases at hand are {known}")));
                continue;
            };
            let mut check = Check { translator: self, set, version, found: Vec::new(), done: HashSet::new() };
            check.block(self.program.root, Place { inside: LoopId::ROOT, segment: None });
            let (absent, wrong): (Vec<Finding>, Vec<Finding>) =
                check.found.into_iter().partition(|finding| ABSENT.contains(&finding.code));
            found.extend(wrong);
            missing.push(absent);
        }
        // What one release lacks another may have: it is wrong when all lack it.
        if let Some((first, others)) = missing.split_first() {
            let lacks = |all: &Vec<Finding>, one: &Finding| all.iter().any(|other| alike(one, other));
            found.extend(first.iter().filter(|one| others.iter().all(|all| lacks(all, one))).cloned());
        }
        let mut told: Vec<Finding> = Vec::new();
        for finding in found {
            if finding.code == "unknown_set" || !told.iter().any(|other| alike(&finding, other)) {
                told.push(finding);
            }
        }
        told.sort_by_key(|finding| finding.location.byte);
        told
    }
}

/// Faults that say that a release lacks something.
const ABSENT: [&str; 3] = ["no_such_place", "no_such_element", "unknown_code"];

fn alike(one: &Finding, other: &Finding) -> bool {
    one.code == other.code && one.location == other.location
}

/// Where in a set a block is: a loop, or one segment of it.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    inside: LoopId,
    segment: Option<String>,
}

struct Check<'a> {
    translator: &'a Translator,
    set: &'a Set,
    version: &'a str,
    found: Vec<Finding>,
    done: HashSet<(usize, Place)>,
}

/// Elements that are written to one segment.
#[derive(Default)]
struct Written {
    segment: String,
    elements: BTreeSet<u16>,
    spot: Spot,
}

impl Check<'_> {
    fn block(&mut self, number: usize, place: Place) {
        if !self.done.insert((number, place.clone())) {
            return;
        }
        let translator = self.translator;
        let block = translator.program.blocks.get(number).expect("a program's blocks refer to each other");
        let mut written: BTreeMap<String, Written> = BTreeMap::new();
        for binding in &block.bindings {
            if let Some(at) = self.follow(&place, binding.path.ups, &binding.path.steps, &binding.spot) {
                self.binding(binding, &at);
                if binding.write != WriteWhen::Never {
                    self.note(&mut written, &place, &at, &binding.path, &binding.spot);
                }
            }
        }
        for constant in &block.constants {
            if let Some(at) = self.follow(&place, constant.path.ups, &constant.path.steps, &constant.spot) {
                if let Some(part) = self.part(&at, &constant.path.at, &constant.spot) {
                    self.code(&part, &constant.value, &constant.spot);
                }
                self.note(&mut written, &place, &at, &constant.path, &constant.spot);
            }
        }
        for computed in &block.computed {
            if let Some(at) = self.follow(&place, computed.path.ups, &computed.path.steps, &computed.spot) {
                let part = self.part(&at, &computed.path.at, &computed.spot);
                if let Some(part) = part {
                    self.decimals(&part, &computed.functions, &computed.path, &computed.spot);
                }
                self.note(&mut written, &place, &at, &computed.path, &computed.spot);
            }
        }
        self.mandatory(block, &place, written);
        for each in &block.eaches {
            if let Some(at) = self.follow(&place, each.ups, &each.steps, &each.spot) {
                self.block(each.block, at);
            }
        }
    }

    /// Goes from a place down the steps of a path.
    fn follow(&mut self, from: &Place, ups: usize, steps: &[Step], spot: &Spot) -> Option<Place> {
        let mut at = from.clone();
        for _ in 0..ups {
            at = if at.segment.take().is_some() {
                at
            } else if let Some(inside) = self.set.parent(at.inside) {
                Place { inside, segment: None }
            } else {
                self.found.push(spot.fault("no_such_place", "`..` goes above the document", ""));
                return None;
            };
        }
        for (index, step) in steps.iter().enumerate() {
            self.conditions(step, spot);
            if index == 0 && step.is_plain() && *self.tag(&at) == *step.tag {
                continue;
            }
            let below = if at.segment.is_some() { None } else { self.below(&at, step) };
            match below {
                Some(place) => at = place,
                None => {
                    let tag = self.tag(&at);
                    let place = if tag.is_empty() {
                        format!("at the head of {}", self.set.id())
                    } else {
                        format!("under {tag}")
                    };
                    let message = format!("there is no {} {place} in {}", &*step.tag, self.version);
                    let known = self.children(&at);
                    let hint = suggestion(&step.tag, known.iter().map(String::as_str));
                    self.found.push(spot.fault("no_such_place", message, hint));
                    return None;
                }
            }
        }
        Some(at)
    }

    fn below(&self, at: &Place, step: &Step) -> Option<Place> {
        if let Some(inside) = self.set.find_loop(at.inside, step.tag.as_bytes()) {
            return Some(Place { inside, segment: None });
        }
        self.set.order(at.inside, step.tag.as_bytes())?;
        Some(Place { inside: at.inside, segment: Some(step.tag.to_string()) })
    }

    fn children(&self, at: &Place) -> Vec<String> {
        self.set
            .children(at.inside)
            .filter_map(|child| match child {
                Child::Segment(used) => Some(used.segment.text()),
                Child::Loop(inner) => Some(self.set.opener(inner)?.text()),
            })
            .collect()
    }

    fn tag(&self, at: &Place) -> String {
        at.segment.clone().or_else(|| Some(self.set.opener(at.inside)?.text())).unwrap_or_default()
    }

    fn conditions(&mut self, step: &Step, spot: &Spot) {
        let set = self.set;
        let Some(segment) = set.find_segment(step.tag.as_bytes()) else { return };
        for condition in &step.conditions {
            let At::Element(element, ..) = condition.at else { continue };
            match segment.elements.get(usize::from(element) - 1) {
                Some(part) => condition.allowed.iter().for_each(|code| self.code(part, code, spot)),
                None => {
                    let message =
                        format!("{} has {} elements, not {element}", &*step.tag, segment.elements.len());
                    self.found.push(spot.fault("no_such_element", message, ""));
                }
            }
        }
    }

    fn part(&mut self, place: &Place, at: &At, spot: &Spot) -> Option<Part> {
        let set = self.set;
        let tag = self.tag(place);
        let segment = set.find_segment(tag.as_bytes())?;
        let (element, component) = match at {
            At::Element(element, component, _) => (*element, *component),
            At::Pair(_) | At::Pairs if pairs(&tag).is_empty() => {
                self.found.push(spot.fault(
                    "no_such_element",
                    format!("{tag} has no pairs of qualifier and value"),
                    format!("write an element, as in `{tag}02`"),
                ));
                return None;
            }
            _ => return None,
        };
        let Some(part) = segment.elements.get(usize::from(element) - 1) else {
            let message = format!(
                "{tag}{element:02} does not exist: {tag} has {} elements in {}",
                segment.elements.len(),
                self.version
            );
            self.found.push(spot.fault("no_such_element", message, ""));
            return None;
        };
        match part.composite {
            None if component == 1 => Some(*part),
            None => {
                self.found.push(spot.fault(
                    "no_such_element",
                    format!("{tag}{element:02} has no components"),
                    format!("write `{tag}{element:02}`"),
                ));
                None
            }
            Some(index) => {
                let inner =
                    set.dictionary().composite(index).components.get(usize::from(component) - 1).copied();
                if inner.is_none() {
                    self.found.push(spot.fault(
                        "no_such_element",
                        format!("{tag}{element:02} has no component {component}"),
                        "",
                    ));
                }
                inner
            }
        }
    }

    fn binding(&mut self, binding: &Binding, place: &Place) {
        let Some(part) = self.part(place, &binding.path.at, &binding.spot) else { return };
        let kind = part.element.kind;
        let date_form = binding
            .functions
            .iter()
            .any(|function| matches!(function, Function::Date(_) | Function::Time(_) | Function::Part(..)));
        let clash = match (kind, &binding.holds) {
            (Kind::Date, holds) => !matches!(holds, FieldType::Date | FieldType::Text),
            (Kind::Time, holds) => !matches!(holds, FieldType::Time | FieldType::Text),
            (_, FieldType::Date | FieldType::Time) => !date_form,
            _ => false,
        };
        if clash {
            let message = format!(
                "{} is {}, `{}` is {}",
                binding.path,
                spoken(kind),
                binding.label,
                binding.holds.words()
            );
            self.found.push(binding.spot.fault("type_clash", message, ""));
        }
        if matches!(binding.holds, FieldType::Decimal | FieldType::Integer) {
            self.decimals(&part, &binding.functions, &binding.path, &binding.spot);
        }
        for function in &binding.functions {
            let Function::Table(name, _) = function else { continue };
            let translator = self.translator;
            let Some(table) = translator.program.table(name) else { continue };
            for (code, _, spot) in table.rows.iter().filter(|(code, ..)| code != REST) {
                self.code(&part, code, spot);
            }
        }
    }

    fn decimals(&mut self, part: &Part, functions: &[Function], path: &Path, spot: &Spot) {
        let implied = functions.iter().find_map(|function| match function {
            Function::Implied(digits) => Some(*digits),
            _ => None,
        });
        let (message, hint) = match (part.element.kind, implied) {
            (Kind::Integer(digits @ 1..), None) => (
                format!("{path} has {digits} implied decimals"),
                format!("write `{path} | implied({digits})`"),
            ),
            (Kind::Integer(digits), Some(given)) if given != u32::from(digits) => {
                (format!("{path} has {digits} implied decimals, not {given}"), String::new())
            }
            (Kind::Decimal | Kind::Text | Kind::Code, Some(_)) => {
                (format!("{path} has an explicit point, no implied decimals"), format!("write `{path}`"))
            }
            _ => return,
        };
        self.found.push(spot.fault("type_clash", message, hint));
    }

    fn code(&mut self, part: &Part, code: &str, spot: &Spot) {
        let dictionary = self.set.dictionary();
        if dictionary.has_codes(&part.element) && !dictionary.has_code(&part.element, code.as_bytes()) {
            let message =
                format!("`{code}` is no code of element {} in {}", part.element.number, self.version);
            self.found.push(spot.doubt(
                "unknown_code",
                message,
                "partners may use codes of their own; a typing error is more likely",
            ));
        } else if code.chars().count() < part.element.min as usize
            || code.chars().count() > part.element.max as usize
        {
            let message =
                format!("`{code}` is not {} to {} characters long", part.element.min, part.element.max);
            self.found.push(spot.fault("wrong_length", message, ""));
        }
    }

    /// Keeps in mind which elements of a segment are written.
    fn note(
        &self,
        written: &mut BTreeMap<String, Written>,
        from: &Place,
        place: &Place,
        path: &Path,
        spot: &Spot,
    ) {
        let segment = self.tag(place);
        // Steps that lead nowhere else are the block's own segment.
        let key =
            if place == from { String::new() } else { Path { at: At::Node, ..path.clone() }.to_string() };
        let entry = written.entry(key).or_insert_with(|| Written {
            segment: segment.clone(),
            spot: spot.clone(),
            ..Written::default()
        });
        match path.at {
            At::Element(element, ..) => {
                entry.elements.insert(element);
            }
            At::Pair(_) | At::Pairs => {
                entry
                    .elements
                    .extend(pairs(&segment).iter().flat_map(|(qualifier, value)| [*qualifier, *value]));
            }
            _ => {}
        }
        if let Some(step) = path.steps.last() {
            entry.elements.extend(condition_elements(step));
        }
    }

    fn mandatory(&mut self, block: &Block, place: &Place, mut written: BTreeMap<String, Written>) {
        // What a loop's own conditions write counts for the block's own segment.
        if let Some(own) = written.get_mut("") {
            let translator = self.translator;
            let number = translator.program.blocks.iter().position(|other| std::ptr::eq(other, block));
            let leading = translator
                .program
                .blocks
                .iter()
                .flat_map(|block| &block.eaches)
                .filter(|each| Some(each.block) == number);
            own.elements.extend(leading.filter_map(|each| each.steps.last()).flat_map(condition_elements));
        }
        let tag = self.tag(place);
        for (key, written) in written {
            // The numbers of an HL are filled in by themselves.
            if written.segment == "HL" || (key.is_empty() && tag.is_empty()) {
                continue;
            }
            let set = self.set;
            let Some(segment) = set.find_segment(written.segment.as_bytes()) else { continue };
            for (number, part) in (1_u16..).zip(segment.elements.iter()) {
                if part.mandatory && !written.elements.contains(&number) {
                    let message = format!(
                        "{}{number:02} is mandatory in {}, but nothing is written to it",
                        written.segment, self.version
                    );
                    let hint = format!(
                        "bind it to a field, or add it under `constants`, as in `{}{number:02} = \"…\"`",
                        written.segment
                    );
                    self.found.push(written.spot.doubt("mandatory_not_written", message, hint));
                }
            }
        }
    }
}

fn condition_elements(step: &Step) -> impl Iterator<Item = u16> + '_ {
    step.conditions.iter().filter_map(|condition| match condition.at {
        At::Element(element, ..) => Some(element),
        _ => None,
    })
}

fn spoken(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a text",
        Kind::Code => "a code",
        Kind::Decimal | Kind::Integer(_) => "a number",
        Kind::Date => "a date",
        Kind::Time => "a time",
        Kind::Binary => "bytes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::x12::schema::ElementNumber;

    #[test]
    fn pairs_are_where_the_standard_has_them() {
        let schemas = Schemas::builtin();
        for version in ["004010", "005010"] {
            let release = schemas.find_release(version).expect("a release of the product");
            for tag in ["LIN", "PO1", "IT1", "SLN", "ACK", "W01", "W04", "W07", "W12", "W19", "PER", "MAN"] {
                let segment = release.find_segment(tag.as_bytes()).expect("a segment of the release");
                let number = |word: &str| ElementNumber::from_word(word).expect("an element number");
                let kinds = [("235", "234"), ("365", "364"), ("88", "87")];
                let expected: Vec<(u16, u16)> = (1_u16..)
                    .zip(segment.elements.windows(2))
                    .filter(|(_, two)| {
                        kinds.iter().any(|(q, v)| {
                            two[0].element.number == number(q) && two[1].element.number == number(v)
                        })
                    })
                    .map(|(at, _)| (at, at + 1))
                    .collect();
                assert_eq!(pairs(tag), expected, "{tag} in {version}");
            }
        }
    }

    #[test]
    fn shipped_translators_fit_the_standard() {
        let schemas = Schemas::builtin();
        let mut told = String::new();
        for (name, text) in crate::translators::shipped() {
            match Translator::load(text, name) {
                Ok(translator) => {
                    for finding in &translator.check(&schemas) {
                        told += &format!(
                            "{name}:{}: {} {}; {}\n",
                            finding.location.line, finding.code, finding.message, finding.hint
                        );
                    }
                }
                Err(found) => {
                    for finding in found {
                        told += &format!(
                            "{name}:{}: {} {}; {}\n",
                            finding.location.line, finding.code, finding.message, finding.hint
                        );
                    }
                }
            }
        }
        assert_eq!(told, "");
    }
}
