//! Fields of a record as profiles name them, and conditions on what they say.

use super::pattern;
use crate::canonical::{FieldType, Group, Shape};
use crate::declaration::{Entry, Said, Section, suggestion};
use std::fmt;

/// A field of a record as profiles name it: `depositor.id`, `references[IA]`, `parties[DE].id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field(Vec<Step>);

/// One step: a field, and of a list the entry of this qualifier or role.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    name: String,
    entry: Option<String>,
}

/// Members by which an entry of a list is told from the others.
const TELLING: [&str; 2] = ["qualifier", "role"];

/// How fields are written, for people.
const FORM: &str = "write it as \"depositor.id\", \"references[IA]\" (the reference of that qualifier) or \"parties[DE].id\" (the party of that role); `crossdock translate` shows a document's fields";

impl Field {
    /// Reads a field; none when it is not written as one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let step = |text: &str| {
            let (name, entry) = match text.split_once('[') {
                Some((name, rest)) => (name, Some(rest.strip_suffix(']')?.to_owned())),
                None => (text, None),
            };
            Some(Step { name: name.to_owned(), entry })
        };
        text.split('.').map(step).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Whether records of this shape have it.
    #[must_use]
    pub fn is_of(&self, shape: &'static Shape) -> bool {
        exists(shape, &self.0)
    }

    /// What a record says there.
    #[must_use]
    pub fn value(&self, record: &dyn Group) -> Option<String> {
        find(record, &self.0)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.0.iter().enumerate() {
            let dot = if place > 0 { "." } else { "" };
            write!(out, "{dot}{}", step.name)?;
            if let Some(entry) = &step.entry {
                write!(out, "[{entry}]")?;
            }
        }
        Ok(())
    }
}

/// What to write instead of a field that none of these shapes has.
pub(super) fn hint(written: &str, shapes: &[&'static Shape]) -> String {
    let first = written.split(['.', '[']).next().unwrap_or_default();
    let mut names: Vec<&str> =
        shapes.iter().flat_map(|shape| shape.fields.iter().map(|field| field.name)).collect();
    names.sort_unstable();
    names.dedup();
    if !names.contains(&first) {
        return suggestion(first, &names);
    }
    // Below a group of one record only its own fields can be meant.
    let below = shapes.iter().find_map(|shape| match shape.find(first)?.1.holds {
        FieldType::Group(below) => Some(below()),
        _ => None,
    });
    match (below, written.split_once('.')) {
        (Some(below), Some((_, rest))) if !rest.contains(['.', '[']) && below.find(rest).is_none() => {
            let names: Vec<String> =
                below.fields.iter().map(|field| format!("{first}.{}", field.name)).collect();
            suggestion(written, &names)
        }
        _ => FORM.to_owned(),
    }
}

fn exists(shape: &'static Shape, steps: &[Step]) -> bool {
    let Some((step, rest)) = steps.split_first() else { return false };
    let Some((_, field)) = shape.find(&step.name) else { return false };
    match field.holds {
        FieldType::Group(below) => step.entry.is_none() && exists(below(), rest),
        FieldType::List(below) => {
            let told = TELLING.iter().any(|name| below().find(name).is_some());
            let rest_is =
                if rest.is_empty() { below().find("value").is_some() } else { exists(below(), rest) };
            step.entry.is_some() && told && rest_is
        }
        FieldType::Texts => step.entry.is_none() && rest.len() == 1,
        FieldType::Source => false,
        _ => step.entry.is_none() && rest.is_empty(),
    }
}

/// What a field holds, as text.
fn find(group: &dyn Group, steps: &[Step]) -> Option<String> {
    let (step, rest) = steps.split_first()?;
    let (id, _) = group.shape().find(&step.name)?;
    let field = group.field(id);
    if let Some(entry) = &step.entry {
        return (0..field.len()).filter_map(|index| field.item(index)).find_map(|item| {
            let is_it = TELLING.iter().any(|name| text(item, name).as_ref() == Some(entry));
            if !is_it {
                None
            } else if rest.is_empty() {
                text(item, "value")
            } else {
                find(item, rest)
            }
        });
    }
    match rest.first() {
        None => field.get().map(|value| value.to_string()),
        Some(below) => match field.texts() {
            Some(texts) => texts.get(&below.name).cloned(),
            None => find(field.group()?, rest),
        },
    }
}

fn text(group: &dyn Group, name: &str) -> Option<String> {
    let (id, _) = group.shape().find(name)?;
    group.field(id).get().map(|value| value.to_string())
}

/// What a record must say in one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The field.
    pub field: Field,
    wanted: Wanted,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    /// One of these patterns.
    Is(Vec<String>),
    /// None of them, or nothing at all.
    Not(Vec<String>),
    /// Nothing, or something.
    Missing(bool),
}

impl Condition {
    /// Whether a record fulfils it.
    #[must_use]
    pub fn holds(&self, record: &dyn Group) -> bool {
        let said = self.said(record);
        let is_one = |patterns: &[String]| {
            said.as_ref().is_some_and(|said| patterns.iter().any(|pattern| pattern::fits(pattern, said)))
        };
        match &self.wanted {
            Wanted::Is(patterns) => is_one(patterns),
            Wanted::Not(patterns) => !is_one(patterns),
            Wanted::Missing(missing) => said.is_none() == *missing,
        }
    }

    /// What a record says in its field; none when that is nothing but blanks.
    #[must_use]
    pub fn said(&self, record: &dyn Group) -> Option<String> {
        self.field.value(record).map(|said| said.trim().to_owned()).filter(|said| !said.is_empty())
    }
}

/// Reads the conditions of a section, all entries but those of `others`, each held against the shapes that it may be
/// about; `whose` says in words what has none of them.
pub(super) fn conditions(
    section: &Section<'_>,
    others: &[&str],
    shapes: &[&'static Shape],
    whose: &str,
) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for (name, entry) in section.entries() {
        if others.contains(&name.value.as_str()) {
            continue;
        }
        let field = Field::parse(&name.value);
        let is_known = |shape: &&'static Shape| field.as_ref().is_some_and(|field| field.is_of(shape));
        if !shapes.is_empty() && !shapes.iter().any(is_known) {
            let message = format!("{whose} has a field `{}`", name.value);
            section.fault("field_unknown", &name.place, message, hint(&name.value, shapes));
        }
        let wanted = wanted(section, &name, entry);
        conditions.extend(field.zip(wanted).map(|(field, wanted)| Condition { field, wanted }));
    }
    conditions
}

fn wanted(section: &Section<'_>, name: &Said<String>, entry: Entry<'_>) -> Option<Wanted> {
    let texts = |said: Vec<Said<String>>| {
        said.into_iter().map(|said| said.value.trim().to_owned()).collect::<Vec<String>>()
    };
    let below = match entry {
        Entry::Texts(said) if said.is_empty() => {
            nothing_wanted(section, name);
            return None;
        }
        Entry::Texts(said) => return Some(Wanted::Is(texts(said))),
        Entry::Table(below) => below,
    };
    let missing = below.flag("missing").map(|said| Wanted::Missing(said.value));
    let not = texts(below.texts("not"));
    let not = (!not.is_empty()).then_some(Wanted::Not(not));
    let is_said = below.has("missing") || below.has("not");
    below.finish();
    match (missing, not) {
        (Some(_), Some(_)) => {
            let hint = "keep one of `missing` and `not`";
            section.fault("condition_crossed", &name.place, format!("`{}` is said twice", name.value), hint);
            None
        }
        (missing, not) => {
            if missing.is_none() && not.is_none() && !is_said {
                nothing_wanted(section, name);
            }
            missing.or(not)
        }
    }
}

fn nothing_wanted(section: &Section<'_>, name: &Said<String>) {
    section.fault(
        "condition_empty",
        &name.place,
        format!("nothing is said of what `{}` must hold", name.value),
        "write a text such as \"0042\" or \"W*\", a list of them, { not = \"0042\" } or { missing = true }",
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::{Record, Reference, ShippingOrder};

    fn order() -> Record {
        let mut order = ShippingOrder::default();
        order.depositor.id = Some("1234 ".to_owned());
        let reference = |qualifier: &str, value: &str| Reference {
            qualifier: Some(qualifier.to_owned()),
            value: Some(value.to_owned()),
            ..Reference::default()
        };
        order.references = vec![reference("IA", "77"), reference("ZZ", "NB")];
        order.extra.insert("division".to_owned(), "D1".to_owned());
        Record::from(order)
    }

    #[test]
    fn a_field_is_found_where_the_record_has_it() {
        let record = order();
        let field = |text: &str| Field::parse(text).expect("it is one");
        for (text, expected) in [
            ("depositor.id", Some("1234 ")),
            ("references[ZZ]", Some("NB")),
            ("references[XX]", None),
            ("references[IA].value", Some("77")),
            ("extra.division", Some("D1")),
            ("depositor.city", None),
        ] {
            assert_eq!(field(text).value(record.group()).as_deref(), expected, "{text}");
            assert!(field(text).is_of(record.kind().shape()), "{text}");
            assert_eq!(field(text).to_string(), text);
        }
        for text in ["depositor", "depositor.idd", "references", "lines[1]", "order_number.x", "source"] {
            assert!(!field(text).is_of(record.kind().shape()), "{text}");
        }
    }

    #[test]
    fn a_condition_holds_by_pattern_by_exclusion_or_by_absence() {
        let record = order();
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        for (field, wanted, expected) in [
            ("depositor.id", Wanted::Is(texts(&["1234"])), true),
            ("depositor.id", Wanted::Is(texts(&["9", "12*"])), true),
            ("depositor.id", Wanted::Is(texts(&["12"])), false),
            ("depositor.id", Wanted::Not(texts(&["1234"])), false),
            ("depositor.city", Wanted::Is(texts(&["*"])), false),
            ("depositor.city", Wanted::Not(texts(&["Eagan"])), true),
            ("depositor.city", Wanted::Missing(true), true),
            ("depositor.id", Wanted::Missing(true), false),
            ("depositor.id", Wanted::Missing(false), true),
        ] {
            let condition = Condition { field: Field::parse(field).expect("one"), wanted };
            assert_eq!(condition.holds(record.group()), expected, "{condition:?}");
        }
    }
}
