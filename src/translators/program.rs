//! A translator made ready to run: fields by id, places parsed, blocks by number.

use std::collections::{BTreeMap, BTreeSet};

use super::crosswalk::WhenUnknown;
use super::definition::WriteWhen;
use super::function::Function;
use super::path::{Path, Step};
use super::spot::Spot;
use super::table::Table;
use crate::canonical::{FieldType, Shape};

/// A compiled translator.
#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    pub(super) blocks: Vec<Block>,
    pub(super) root: usize,
    /// Code tables by number, and their numbers by name.
    pub(super) tables: Vec<Table>,
    pub(super) table_numbers: BTreeMap<String, usize>,
    /// Crosswalks by name, and what becomes of what they do not hold.
    pub(super) crosswalks: BTreeMap<String, WhenUnknown>,
    /// Parts of the document that are not kept.
    pub(super) drops: Vec<(Path, Spot)>,
    /// Tags that a sender may leave out.
    pub(super) optional_tags: Vec<String>,
}

impl Program {
    /// The code table with this name.
    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(*self.table_numbers.get(name)?)
    }

    /// The place of a field of a list, given as both their names.
    pub(super) fn place_of(&self, wanted: (&str, &str)) -> Option<FieldPlace> {
        self.place_from(self.root, "", wanted, &mut BTreeSet::new())
    }

    /// The same from a block that is within `list` on. Parts may hold themselves, so none is looked through twice.
    fn place_from<'p>(
        &'p self,
        block: usize,
        list: &'p str,
        wanted: (&str, &str),
        seen: &mut BTreeSet<(usize, &'p str)>,
    ) -> Option<FieldPlace> {
        if !seen.insert((block, list)) {
            return None;
        }
        let block = self.blocks.get(block)?;
        let here = block.bindings.iter().find(|binding| (list, binding.label.as_str()) == wanted);
        let place = |binding: &Binding| FieldPlace {
            path: binding.path.to_string(),
            implied: binding.functions.iter().find_map(|function| match function {
                Function::Implied(digits) => Some(*digits),
                _ => None,
            }),
        };
        here.map(place).or_else(|| {
            block.eaches.iter().find_map(|each| {
                let below = match each.into {
                    Into::Same => list,
                    Into::Group(_) | Into::List(_) => each.label.as_str(),
                };
                self.place_from(each.block, below, wanted, seen)
            })
        })
    }
}

/// Where a document has a field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPlace {
    /// Such as `IT102`.
    pub path: String,
    /// How many decimals of the number are not written but implied.
    pub implied: Option<u32>,
}

/// What is bound at one node of the document.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    pub(super) bindings: Vec<Binding>,
    pub(super) eaches: Vec<Each>,
    pub(super) constants: Vec<Constant>,
    pub(super) computed: Vec<Computed>,
    /// Where its bindings and loops look, each way once: many look at the same nodes.
    pub(super) ways: Vec<Way>,
    /// Id of the field for the place in the file.
    pub(super) source: Option<usize>,
}

/// The way from a block's node to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// How many parents to go up first.
    pub(super) ups: usize,
    /// Nodes to go down to.
    pub(super) steps: Vec<Step>,
}

/// Where a field is in its group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldPath {
    /// Groups on the way.
    pub(super) groups: Vec<usize>,
    /// The field.
    pub(super) id: usize,
    /// Name of a partner's own field within it.
    pub(super) name: Option<String>,
}

/// One field at one place.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) field: FieldPath,
    pub(super) label: String,
    pub(super) holds: FieldType,
    pub(super) path: Path,
    /// Number of the path's way in the block.
    pub(super) way: usize,
    pub(super) functions: Vec<Function>,
    pub(super) read: bool,
    pub(super) write: WriteWhen,
    pub(super) required: bool,
    /// Whether there is nothing to do where the document has nothing.
    pub(super) optional: bool,
    pub(super) spot: Spot,
    /// For `<*>`: the qualifiers that other bindings of the block name.
    pub(super) named: Vec<String>,
    /// For a qualifier: the field it qualifies. Its default is written only beside that field, and never read.
    pub(super) qualifies: Option<FieldPath>,
}

/// What becomes of the nodes of a loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Into {
    /// They are about the same group.
    Same,
    /// The first fills a group.
    Group(FieldPath),
    /// Each is an item of a list.
    List(FieldPath),
}

/// One loop.
#[derive(Clone, Debug)]
pub(super) struct Each {
    pub(super) ups: usize,
    pub(super) steps: Vec<Step>,
    /// Number of its way in the block around it.
    pub(super) way: usize,
    pub(super) into: Into,
    pub(super) write: bool,
    /// How many of the last steps each item has for itself when written; those before are shared. One,
    /// and those above that the block binds something to, as in `../LX01`.
    pub(super) own_steps: usize,
    /// Name of the list or group.
    pub(super) label: String,
    pub(super) block: usize,
    pub(super) spot: Spot,
}

/// A text that always stands at a place.
#[derive(Clone, Debug)]
pub(super) struct Constant {
    pub(super) path: Path,
    pub(super) value: String,
    pub(super) always: bool,
    pub(super) spot: Spot,
}

/// A figure that follows from others.
#[derive(Clone, Debug)]
pub(super) struct Computed {
    pub(super) path: Path,
    pub(super) formula: Formula,
    pub(super) functions: Vec<Function>,
    pub(super) spot: Spot,
}

/// How a figure follows from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Formula {
    /// Number of such nodes anywhere below.
    Count(Vec<Step>),
    /// Sum of such values anywhere below.
    Sum(Path),
    /// Place among its like under one parent, the first is 1.
    Position,
    /// What the record's figures come to.
    Total,
}

/// The field ids of a pair in a list of pairs.
#[derive(Clone, Copy, Debug)]
pub(super) struct PairFields {
    pub(super) qualifier: usize,
    pub(super) value: usize,
}

/// The fields that hold a qualifier and its value, if the group has such.
pub(super) fn pair_fields(shape: &Shape) -> Option<PairFields> {
    let first = |names: &[&str]| names.iter().find_map(|name| shape.find(name)).map(|(id, _)| id);
    Some(PairFields {
        qualifier: first(&["qualifier", "store"])?,
        value: first(&["id", "value", "quantity"])?,
    })
}
