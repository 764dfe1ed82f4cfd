//! Outgoing: what one processed file sends, before it is written.

use super::gate::NotCompared;
use super::hub::Error;
use crate::canonical::Record;
use crate::finding::Finding;
use crate::formats::x12::ack::Composed;
use crate::formats::x12::verdict::Ta1;
use crate::ids;
use crate::profiles::Sends;
use crate::store::{LoadedAdvice, NewFinding, Work};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Acknowledgments of one received interchange.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) partner: String,
    pub(super) test: bool,
    /// The agreement it was addressed to.
    pub(super) agreement: Option<String>,
    /// ISA13 of what is answered.
    pub(super) control_number: String,
    /// Where it begins in its file: two of a file may have the same number.
    pub(super) byte: u64,
    pub(super) ta1: Option<Ta1>,
    /// Each with the channel its documents came on.
    pub(super) acknowledgments: Vec<(String, Composed)>,
}

impl Answer {
    /// Identity of the answer to an interchange of this file.
    pub(super) fn identity(&self, file: Uuid) -> String {
        format!("{file} answer {} at {}", self.control_number, self.byte)
    }

    pub(super) fn file_id(&self, file: Uuid) -> Uuid {
        ids::derived("outbound_file", &[&self.identity(file)])
    }
}

/// One record on its way to one partner.
#[derive(Clone, Debug)]
pub(super) struct Shipment {
    pub(super) to: String,
    pub(super) sends: Sends,
    pub(super) record: Box<Record>,
    /// The document it follows from.
    pub(super) source: Uuid,
    /// A person's request to make it anew, beside what was made before. Part of its identity.
    pub(super) issue: Option<Uuid>,
    /// Why a person must let it go first.
    pub(super) hold: Option<String>,
}

/// A document that no route takes, though there are some for its record.
#[derive(Clone, Debug)]
pub(super) struct Unrouted {
    pub(super) document: Uuid,
    pub(super) partner: String,
    /// What people know it by.
    pub(super) what: String,
    /// What it says where the routes look.
    pub(super) why: String,
}

/// All that one file sends.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) file: Uuid,
    pub(super) now: DateTime<Utc>,
    /// When what it follows from came: now, unless it was read before.
    pub(super) received_at: DateTime<Utc>,
    pub(super) answers: Vec<Answer>,
    pub(super) shipments: Vec<Shipment>,
    /// What goes nowhere, and should not.
    pub(super) unrouted: Vec<Unrouted>,
    /// What goes though the gate cannot compare it.
    pub(super) not_compared: Vec<NotCompared>,
    /// What is told later, with others.
    pub(super) loads: Vec<LoadedAdvice>,
    /// Whether it is a set that waited, and all of one kind goes in one file.
    pub(super) is_batch: bool,
    /// Whether the file was read before, and may have been answered then.
    pub(super) again: bool,
    /// Sources that were processed before: what was made of them then is not made again.
    pub(super) earlier: Vec<Uuid>,
}

impl Outgoing {
    pub(super) fn new(file: Uuid, now: DateTime<Utc>) -> Self {
        Self {
            file,
            now,
            received_at: now,
            answers: Vec::new(),
            shipments: Vec::new(),
            unrouted: Vec::new(),
            not_compared: Vec::new(),
            loads: Vec::new(),
            is_batch: false,
            again: false,
            earlier: Vec::new(),
        }
    }
}

/// Identity of what is made of one document for one partner. It is the document's own, whatever else goes in the same
/// file, so that it is made once however often its source is read; a person's request makes another.
pub(super) fn identity(shipment: &Shipment, issue: Option<Uuid>) -> String {
    let identity = format!("{} {} {}", shipment.source, shipment.to, shipment.sends.document);
    issue.map_or_else(|| identity.clone(), |issue| format!("{identity} issued by {issue}"))
}

pub(super) fn outbound_document_id(identity: &str) -> Uuid {
    ids::derived("outbound_document", &[identity])
}

/// Keeps what is doubtful of what is sent, as findings of each file.
pub(super) async fn insert_doubts(
    work: &mut Work,
    doubts: &[(Uuid, Uuid, Vec<Finding>)],
) -> Result<(), Error> {
    let mut counts: BTreeMap<Uuid, i32> = BTreeMap::new();
    let mut findings = Vec::new();
    for (file_id, document_id, found) in doubts {
        let ordinal = counts.entry(*file_id).or_default();
        for finding in found {
            *ordinal += 1;
            let (file_id, document_id) = (*file_id, Some(*document_id));
            findings.push(NewFinding { file_id, ordinal: *ordinal, document_id, finding });
        }
    }
    Ok(work.insert_findings(&findings).await?)
}
