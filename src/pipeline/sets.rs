//! Sets: the transaction sets of a file become documents, portion by portion, on all cores where they are many.

use super::agreed;
use super::read::{Document, Input, document_id, find_receives, locate, settle};
use crate::finding::{Finding, Location, Severity};
use crate::formats::x12::describe::{self, Context};
use crate::formats::x12::lexer::{Lines, Window};
use crate::formats::x12::schema::Schemas;
use crate::formats::x12::tree_builder::TreeBuilder;
use crate::formats::x12::verdict;
use crate::profiles::{Profile, Receives};
use crate::translators::Lookup;
use crate::tree::Tree;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

/// Sets that one thread takes at least: starting it costs as much as reading a few.
const AT_LEAST: usize = 64;

/// The sets of those interchanges of a file that are trusted.
#[derive(Clone, Debug, Default)]
pub(super) struct Sets {
    pub(super) interchanges: Vec<Trusted>,
    pub(super) lines: Lines,
}

/// An interchange whose sets are read.
#[derive(Clone, Debug)]
pub(super) struct Trusted {
    pub(super) partner: String,
    pub(super) verdict: Arc<verdict::Interchange>,
    /// Whether what they say has effects: tests have none, and are not translated.
    pub(super) has_effects: bool,
}

/// Sets of one group that are read one after the other.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    interchange: usize,
    group: usize,
    sets: Range<usize>,
}

/// A document, and why it is held and what to do.
pub(super) type Read = (Document, Option<(String, String)>);

impl Sets {
    /// All sets in portions of about so many bytes each.
    pub(super) fn portions(&self, bytes: u64) -> VecDeque<Vec<Piece>> {
        let mut portions = VecDeque::new();
        let (mut portion, mut filled): (Vec<Piece>, u64) = (Vec::new(), 0);
        for (interchange, trusted) in self.interchanges.iter().enumerate() {
            for (group, of_group) in trusted.verdict.groups.iter().enumerate() {
                for (place, set) in of_group.sets.iter().enumerate() {
                    let size = set.bytes.end - set.bytes.start;
                    if !portion.is_empty() && filled.saturating_add(size) > bytes {
                        portions.push_back(std::mem::take(&mut portion));
                        filled = 0;
                    }
                    filled = filled.saturating_add(size);
                    match portion.last_mut() {
                        Some(piece) if (piece.interchange, piece.group) == (interchange, group) => {
                            piece.sets.end = place + 1;
                        }
                        _ => portion.push(Piece { interchange, group, sets: place..place + 1 }),
                    }
                }
            }
        }
        if !portion.is_empty() {
            portions.push_back(portion);
        }
        portions
    }

    /// Whether a piece is of the interchange at these bytes.
    pub(super) fn is_of(&self, piece: &Piece, bytes: &Range<u64>) -> bool {
        let group = self.interchanges.get(piece.interchange).map(|trusted| &trusted.verdict.groups);
        let first = group.and_then(|groups| groups.get(piece.group)?.sets.first());
        first.is_some_and(|set| bytes.contains(&set.bytes.start))
    }

    /// The documents of a portion in their order.
    pub(super) fn read(&self, portion: &[Piece], input: Input<'_>) -> Vec<Read> {
        let groups: Vec<(OfGroup<'_>, &[verdict::Set])> =
            portion.iter().filter_map(|piece| self.group(piece, input)).collect();
        let sets: Vec<(&OfGroup<'_>, &verdict::Set)> =
            groups.iter().flat_map(|(group, sets)| sets.iter().map(move |set| (group, set))).collect();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let share = sets.len().div_ceil(cores).max(AT_LEAST);
        let mut shares = sets.chunks(share);
        let own = shares.next().unwrap_or_default();
        thread::scope(|scope| {
            let others: Vec<_> = shares.map(|share| scope.spawn(|| read_some(share))).collect();
            let mut read = read_some(own);
            for other in others {
                // A panic goes on where the file is given up for it.
                read.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            read
        })
    }

    fn group<'r>(&'r self, piece: &Piece, input: Input<'r>) -> Option<(OfGroup<'r>, &'r [verdict::Set])> {
        let trusted = self.interchanges.get(piece.interchange)?;
        let group = trusted.verdict.groups.get(piece.group)?;
        let profile = input.agreements.profiles.find(&trusted.partner)?;
        let of_group = OfGroup {
            input,
            profile,
            schemas: &profile.x12.as_ref()?.reading.schemas,
            lookup: input.agreements.lookup(&profile.id, input.received),
            window: Window::indexed(input.bytes, &self.lines),
            header: &trusted.verdict.header,
            group,
            refused: verdict::Status::of_faults(&group.faults) == verdict::Status::Rejected,
            has_effects: trusted.has_effects,
        };
        Some((of_group, group.sets.get(piece.sets.clone())?))
    }
}

fn read_some(sets: &[(&OfGroup<'_>, &verdict::Set)]) -> Vec<Read> {
    let (mut builder, mut tree) = (TreeBuilder::default(), Tree::default());
    sets.iter().map(|(group, set)| group.read_one(set, &mut builder, &mut tree)).collect()
}

/// One group of an interchange that is trusted, and what its sets are read by.
struct OfGroup<'r> {
    input: Input<'r>,
    profile: &'r Profile,
    schemas: &'r Schemas,
    lookup: Lookup<'r>,
    window: Window<'r>,
    header: &'r verdict::InterchangeHeader,
    group: &'r verdict::Group,
    /// Whether the group as a whole is, and each set with it.
    refused: bool,
    has_effects: bool,
}

impl OfGroup<'_> {
    fn read_one(&self, set: &verdict::Set, builder: &mut TreeBuilder, tree: &mut Tree) -> Read {
        let Self { profile, schemas, group, header, window, .. } = *self;
        let context = Context::of_set(window, schemas, &group.version, None, &set.id);
        let receives = find_receives(profile, &self.input.place.channel.name, &set.id).cloned();
        let by = receives.as_ref().map(|receives| receives.translator_of(&group.version).cloned());
        let mut document = Document {
            // Its first byte rather than its number: a neighbour that nobody claimed may be claimed later.
            id: document_id(self.input.file, set.bytes.start),
            partner: profile.id.clone(),
            format: "x12".to_owned(),
            kind: set.id.clone(),
            version: group.version.clone(),
            functional_id: Some(group.functional_id.clone()),
            interchange_control_number: Some(header.control_number.clone()),
            group_control_number: Some(group.control_number.clone()),
            set_control_number: Some(set.control_number.clone()),
            bytes: set.bytes.clone(),
            status: if self.refused { verdict::Status::Rejected } else { set.status },
            record: None,
            translator: by.iter().flatten().next().map(|by| by.name().to_owned()),
            findings: set.faults.iter().map(|fault| describe::finding(fault, &context)).collect(),
            receives,
            agreement: None,
            number: None,
            aside: None,
        };
        if let (Some(None), Some(receives)) = (&by, &document.receives) {
            document.findings.push(release_unknown(set, group, receives, profile));
            document.status = verdict::Status::Rejected;
        }
        if document.status != verdict::Status::Rejected
            && self.has_effects
            && let Some(Some(translator)) = &by
            && let Some(schema) = schemas.find_set(&group.version, None, &set.id)
        {
            let body = window.get(set.bytes.clone()).unwrap_or_default();
            builder.read(body, set.bytes.start, header.delimiters, schema, tree);
            let (record, mut findings) = translator.read(tree, self.lookup);
            locate(&mut findings, window);
            document.record = settle(&mut document, record, findings);
        }
        let envelope = (header, Some(group));
        document.agreement = agreed::agreement_of(profile, document.record.as_ref(), Some(envelope));
        let is_test = header.usage == "T";
        let held = if is_test { None } else { agreed::hold_while_testing(&mut document, profile) };
        let held = held.or_else(|| agreed::hold_other_codes(&mut document, profile, group));
        (document, held)
    }
}

/// The profile names translators by release, and none for this one.
fn release_unknown(
    set: &verdict::Set,
    group: &verdict::Group,
    receives: &Receives,
    profile: &Profile,
) -> Finding {
    let known: Vec<&str> = receives.releases.iter().map(|(release, _)| release.as_str()).collect();
    Finding {
        code: "release_unknown",
        severity: Severity::Reject,
        location: Location { byte: group.byte, segment: "GS".to_owned(), element: 8, ..Location::default() },
        message: format!(
            "the {} is of release {}, and for {} there are translators for {} only",
            set.id,
            group.version,
            profile.name,
            known.join(" and ")
        ),
        hint: format!(
            "add \"{}\" = \"…\" to `translator` of its [[receives]] in partner-profiles/{}.toml, or ask the partner to send one of these; then `crossdock replay --apply` reads it again",
            group.version.get(..6).unwrap_or(&group.version),
            profile.id
        ),
        value: group.version.clone(),
        ack_code: String::new(),
    }
}
