//! Sets: the transaction sets of one group become documents, on all cores where they are many.

use super::agreed;
use super::read::{Document, document_id, find_receives, locate, settle};
use crate::finding::{Finding, Location, Severity};
use crate::formats::x12::describe::{self, Context};
use crate::formats::x12::lexer::Window;
use crate::formats::x12::schema::Schemas;
use crate::formats::x12::tree_builder::TreeBuilder;
use crate::formats::x12::verdict;
use crate::profiles::{Profile, Receives};
use crate::translators::Lookup;
use crate::tree::Tree;
use std::thread;
use uuid::Uuid;

/// Sets that one thread takes at least: starting it costs as much as reading a few.
const AT_LEAST: usize = 64;

/// One group of an interchange that is trusted, and what its sets are read by.
pub(super) struct Sets<'r> {
    pub(super) file: Uuid,
    pub(super) channel: &'r str,
    pub(super) profile: &'r Profile,
    pub(super) schemas: &'r Schemas,
    pub(super) lookup: Lookup<'r>,
    pub(super) window: Window<'r>,
    pub(super) header: &'r verdict::InterchangeHeader,
    pub(super) group: &'r verdict::Group,
    /// Whether the group as a whole is, and each set with it.
    pub(super) refused: bool,
    /// Whether what they say has effects: tests have none, and are not translated.
    pub(super) has_effects: bool,
}

/// A document, and why it is held and what to do.
pub(super) type Read = (Document, Option<(String, String)>);

impl Sets<'_> {
    /// The documents in their order.
    pub(super) fn read(&self) -> Vec<Read> {
        let sets = self.group.sets.as_slice();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let share = sets.len().div_ceil(cores).max(AT_LEAST);
        let mut shares = sets.chunks(share);
        let own = shares.next().unwrap_or_default();
        thread::scope(|scope| {
            let others: Vec<_> = shares.map(|share| scope.spawn(|| self.read_some(share))).collect();
            let mut read = self.read_some(own);
            for other in others {
                // A panic goes on where the file is given up for it.
                read.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            read
        })
    }

    fn read_some(&self, sets: &[verdict::Set]) -> Vec<Read> {
        let (mut builder, mut tree) = (TreeBuilder::default(), Tree::default());
        sets.iter().map(|set| self.read_one(set, &mut builder, &mut tree)).collect()
    }

    fn read_one(&self, set: &verdict::Set, builder: &mut TreeBuilder, tree: &mut Tree) -> Read {
        let Self { profile, schemas, group, header, window, .. } = *self;
        let context = Context::of_set(window, schemas, &group.version, None, &set.id);
        let receives = find_receives(profile, self.channel, &set.id).cloned();
        let by = receives.as_ref().map(|receives| receives.translator_of(&group.version).cloned());
        let mut document = Document {
            // Its first byte rather than its number: a neighbour that nobody claimed may be claimed later.
            id: document_id(self.file, set.bytes.start),
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
