//! A partner's habits laid over a translator: other places, more fields, more codes.

use std::collections::BTreeMap;

use super::crosswalk::WhenUnknown;
use super::definition::{
    Block, ConstantDefinition, Definition, EachDefinition, FieldDefinition, Text, WriteWhen,
};
use super::path::{Path, Step};
use super::spot::Spot;
use super::{Format, Translator};
use crate::declaration::suggestion;
use crate::finding::Finding;

/// What a profile changes in a translator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay {
    /// Fields with another place, or none.
    pub fields: Vec<OverlayField>,
    /// Rows of code tables, which go before the translator's own.
    pub tables: Vec<OverlayRow>,
    /// Crosswalks that the fields may name, and what becomes of what they do not hold.
    pub crosswalks: Vec<(String, WhenUnknown, Spot)>,
    /// Texts that always stand at a place of the document's own level.
    pub constants: Vec<OverlayConstant>,
    /// Parts of the document that are not kept.
    pub drops: Vec<(String, Spot)>,
}

/// A field and its place. The field is named from the record (`packs.lines.lot`) with the place from
/// the document (`LX/W12/N9[LT]02`), or from a part of the translator (`item.lot`, `REF[LT]02`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverlayField {
    /// The field.
    pub field: String,
    /// Its place and functions. Empty: the field has no place any more.
    pub at: String,
    /// Place of its qualifier.
    pub qualifier: Option<String>,
    /// Whether a document without it is refused.
    pub required: bool,
    /// Where the profile says so.
    pub spot: Spot,
}

/// One row of a code table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverlayRow {
    /// Name of the table.
    pub table: String,
    /// What documents write.
    pub code: String,
    /// What the record says.
    pub word: String,
    /// Where the profile says so.
    pub spot: Spot,
}

/// A text that always stands at a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverlayConstant {
    /// The place.
    pub at: String,
    /// The text.
    pub value: String,
    /// Where the profile says so.
    pub spot: Spot,
}

impl Overlay {
    /// Adds a field without a qualifier.
    #[must_use]
    pub fn with_field(mut self, field: &str, at: &str, spot: Spot) -> Self {
        self.fields.push(OverlayField {
            field: field.to_owned(),
            at: at.to_owned(),
            spot,
            ..OverlayField::default()
        });
        self
    }

    /// Adds a row of a code table.
    #[must_use]
    pub fn with_row(mut self, table: &str, code: &str, word: &str, spot: Spot) -> Self {
        self.tables.push(OverlayRow {
            table: table.to_owned(),
            code: code.to_owned(),
            word: word.to_owned(),
            spot,
        });
        self
    }
}

impl Translator {
    /// The translator with a partner's habits laid over it.
    ///
    /// # Errors
    /// What does not fit, located where the profile says it.
    pub fn overlay(&self, overlay: &Overlay) -> Result<Self, Vec<Finding>> {
        let mut definition = self.definition.clone();
        let mut found = Vec::new();
        for field in &overlay.fields {
            found.extend(set_field(&mut definition, field));
        }
        for row in &overlay.tables {
            let Some(rows) = definition.tables.get_mut(&row.table) else {
                let hint = suggestion(&row.table, definition.tables.keys().map(String::as_str));
                found.push(row.spot.fault(
                    "unknown_table",
                    format!("{} has no table `{}`", self.name(), row.table),
                    hint,
                ));
                continue;
            };
            rows.retain(|(code, _)| code.text != row.code);
            let text = |text: &str| Text { text: text.to_owned(), spot: row.spot.clone() };
            rows.insert(0, (text(&row.code), text(&row.word)));
        }
        for (name, unknown, spot) in &overlay.crosswalks {
            definition.crosswalks.insert(name.clone(), (*unknown, spot.clone()));
        }
        for constant in &overlay.constants {
            definition.block.constants.retain(|own| own.at.text != constant.at);
            definition.block.constants.push(ConstantDefinition {
                at: Text { text: constant.at.clone(), spot: constant.spot.clone() },
                value: constant.value.clone(),
                always: false,
            });
        }
        definition
            .drops
            .extend(overlay.drops.iter().map(|(text, spot)| Text { text: text.clone(), spot: spot.clone() }));
        match Self::build(self.name().to_owned(), definition) {
            Ok(translator) if found.is_empty() => Ok(translator),
            Ok(_) => Err(found),
            Err(more) => Err(found.into_iter().chain(more).collect()),
        }
    }
}

/// Binds an overlay's field; answers with what keeps it from being bound.
fn set_field(definition: &mut Definition, overlay: &OverlayField) -> Option<Finding> {
    let shape = definition.record.shape();
    let at = At { at: overlay.at.clone(), qualifier: overlay.qualifier.clone() };
    let first = overlay.field.split('.').next().unwrap_or_default();
    if shape.find(first).is_none()
        && let Some((part, rest)) = overlay.field.split_once('.')
        && let Some(block) = definition.parts.get_mut(part)
    {
        put(block, rest, &at, overlay);
        return None;
    }
    // A place with a fault has no steps here; the compiler reports the fault.
    let path = Path::parse(overlay.at.split('|').next().unwrap_or_default().trim(), definition.format);
    let steps = path.map(|path| path.steps).unwrap_or_default();
    let mut descent =
        Descent { parts: &definition.parts, overlay, format: definition.format, next_id: definition.next_id };
    let refused = descent.descend(&mut definition.block, &overlay.field, &steps, &at);
    definition.next_id = descent.next_id;
    refused
}

/// A place and the place of its qualifier.
struct At {
    at: String,
    qualifier: Option<String>,
}

/// The text of a path without its first steps.
fn without_steps(text: &str, steps: usize) -> &str {
    text.splitn(steps + 1, '/').nth(steps).unwrap_or_default()
}

/// `N1[ST]04` is `N104` to the block that is about the N1.
fn without_condition(text: &str) -> String {
    match text.split_once('[') {
        Some((tag, rest)) if !tag.contains(['/', '|', '<']) => {
            let tail = rest.split_once(']').map_or("", |(_, tail)| tail);
            format!("{tag}{tail}")
        }
        _ => text.to_owned(),
    }
}

/// A walk down the loops that fill the lists in a field's name.
struct Descent<'a> {
    parts: &'a BTreeMap<String, Block>,
    overlay: &'a OverlayField,
    format: Format,
    next_id: u32,
}

impl Descent<'_> {
    /// Binds the rest of the field's name to the rest of the place.
    fn descend(&mut self, block: &mut Block, field: &str, steps: &[Step], at: &At) -> Option<Finding> {
        let Some((into, rest_of_field)) = loop_of(block, self.parts, field) else {
            put(block, field, at, self.overlay);
            return None;
        };
        inline(block, self.parts, &into, &mut self.next_id);
        let mut expected = Vec::new();
        for each in block.eaches.iter_mut().filter(|each| fills(each, &into)) {
            let Ok(of) = Path::parse_node(&each.of.text, self.format) else { continue };
            if self.overlay.at.is_empty() || begins_with(steps, &of.steps) {
                // A path that ends at the loop's own segment keeps that step: `LX/W12<VN>`. A column of a row, or an
                // element below another, is in it: `row/sku` is `sku` to the row.
                let own = of.steps.len();
                let keeps = self.format == Format::X12 && steps.len() == own;
                let dropped = if keeps { own.saturating_sub(1) } else { own };
                let shorten = |text: &str| {
                    let rest = without_steps(text, dropped);
                    if dropped < own { without_condition(rest) } else { rest.to_owned() }
                };
                let inner = At { at: shorten(&at.at), qualifier: at.qualifier.as_deref().map(shorten) };
                let rest = steps.get(dropped..).unwrap_or_default();
                return self.descend(&mut each.block, &rest_of_field, rest, &inner);
            }
            expected.push(each.of.text.clone());
        }
        let from = expected.join(" and ");
        let message =
            format!("`{into}` is filled from {from}, which `{}` does not begin with", self.overlay.at);
        let first = expected.first().map_or("", String::as_str);
        let hint = format!("write `{}/…`", first.trim_end_matches('?'));
        Some(self.overlay.spot.fault("path_outside_loop", message, hint))
    }
}

/// Whether a path goes through a loop: the same tags, and no other conditions.
fn begins_with(steps: &[Step], of: &[Step]) -> bool {
    steps.len() >= of.len()
        && of.iter().zip(steps).all(|(own, given)| {
            own.tag == given.tag && (given.is_plain() || own.conditions == given.conditions)
        })
}

fn fills(each: &EachDefinition, into: &str) -> bool {
    each.into.as_ref().is_some_and(|own| own.text == into)
}

/// The loop of a block whose list or group the field's name begins with, and the rest of the name.
fn loop_of(block: &Block, parts: &BTreeMap<String, Block>, field: &str) -> Option<(String, String)> {
    let used = block.uses.iter().filter_map(|used| parts.get(&used.text));
    let eaches = block.eaches.iter().chain(used.flat_map(|part| part.eaches.iter()));
    eaches.filter_map(|each| each.into.as_ref()).find_map(|into| {
        let rest = field.strip_prefix(into.text.as_str())?.strip_prefix('.')?;
        Some((into.text.clone(), rest.to_owned()))
    })
}

/// Copies a part into the block where the loop to change stands in the part, so that other users of the
/// part keep it as it is.
fn inline(block: &mut Block, parts: &BTreeMap<String, Block>, into: &str, next_id: &mut u32) {
    while !block.eaches.iter().any(|each| fills(each, into)) {
        let place = block.uses.iter().position(|used| {
            parts.get(&used.text).is_some_and(|part| part.eaches.iter().any(|each| fills(each, into)))
        });
        let Some(used) = place.map(|place| block.uses.remove(place)) else { return };
        let Some(part) = parts.get(&used.text) else { return };
        for field in &part.fields {
            if !block.fields.iter().any(|own| own.field.text == field.field.text) {
                block.fields.push(field.clone());
            }
        }
        for each in &part.eaches {
            *next_id += 1;
            block.eaches.push(EachDefinition { id: *next_id, ..each.clone() });
        }
        block.constants.extend(part.constants.iter().cloned());
        block.computed.extend(part.computed.iter().cloned());
        block.uses.extend(part.uses.iter().cloned());
    }
}

fn put(block: &mut Block, field: &str, at: &At, overlay: &OverlayField) {
    let text = |text: &str| Text { text: text.to_owned(), spot: overlay.spot.clone() };
    let definition = FieldDefinition {
        field: text(field),
        at: text(&at.at),
        qualifier: at.qualifier.as_deref().map(text),
        read: true,
        write: WriteWhen::Always,
        required: overlay.required,
    };
    match block.fields.iter_mut().find(|own| own.field.text == field) {
        Some(own) => *own = definition,
        None => block.fields.insert(0, definition),
    }
}
