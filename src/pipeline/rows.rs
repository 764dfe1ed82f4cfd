//! Rows: what a reading is in the database. Pure.

use super::read::{Document, Interchange, Outcome, Reading};
use crate::canonical::Record;
use crate::finding::{Finding, Severity};
use crate::formats::x12::verdict;
use crate::ids;
use crate::pipeline::Agreements;
use crate::store::{
    Business, DeliveryState, Direction, FileOutcome, FileState, InterchangeKey, NewDocument, NewFinding,
    NewInterchange, Usage, Validation,
};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use uuid::Uuid;

/// A document that is not in the database yet.
pub(super) struct Fresh<'d> {
    pub(super) file: Uuid,
    pub(super) received_at: DateTime<Utc>,
    /// Its place in the file, the first is 0.
    pub(super) index: usize,
    pub(super) document: &'d Document,
    pub(super) business: (Business, String),
}

impl Fresh<'_> {
    pub(super) fn is_invoice(&self) -> bool {
        matches!(self.document.record, Some(Record::Invoice(_)))
    }
}

pub(super) fn documents(fresh: &[Fresh<'_>], agreements: &Agreements) -> Vec<NewDocument> {
    fresh
        .iter()
        .map(|Fresh { file, received_at, index, document, business: (business, reason) }| {
            let row = NewDocument {
                id: document.id,
                file_id: *file,
                ordinal: i32::try_from(index + 1).unwrap_or(i32::MAX),
                direction: Direction::Inbound,
                partner_id: Some(document.partner.clone()),
                format: document.format.clone(),
                kind: document.kind.clone(),
                version: document.version.clone(),
                functional_id: document.functional_id.clone(),
                interchange_control_number: document.interchange_control_number.clone(),
                group_control_number: document.group_control_number.clone(),
                set_control_number: document.set_control_number.clone(),
                segment_ordinal: 0,
                byte_start: document.bytes.start,
                byte_end: document.bytes.end,
                record_kind: None,
                business_number: document.number.clone(),
                purchase_order_number: None,
                order_number: None,
                validation: validation(document.status),
                delivery: DeliveryState::None,
                business: *business,
                business_reason: reason.clone(),
                received_at: *received_at,
                source_document_id: None,
                translator: document.translator.clone(),
                agreement: document.agreement.clone(),
                business_key: None,
                profile_version: agreements.profiles.find(&document.partner).map(|profile| profile.version),
            };
            match &document.record {
                Some(record) => row.with_record(record),
                None => row,
            }
        })
        .collect()
}

pub(super) fn validation(status: verdict::Status) -> Validation {
    match status {
        verdict::Status::Accepted => Validation::Accepted,
        verdict::Status::AcceptedWithErrors | verdict::Status::PartiallyAccepted => {
            Validation::AcceptedWithErrors
        }
        verdict::Status::Rejected => Validation::Rejected,
    }
}

/// Interchanges whose control number is used up: a refused one may come again, mended, under the same number.
pub(super) fn interchanges(
    reading: &Reading,
    repeated: &[usize],
    file: Uuid,
    received_at: DateTime<Utc>,
) -> Vec<NewInterchange> {
    let interchanges = reading.interchanges.iter().enumerate().filter(|(index, interchange)| {
        interchange.verdict.status != verdict::Status::Rejected && !repeated.contains(index)
    });
    interchanges
        .map(|(index, interchange)| {
            let header = &interchange.verdict.header;
            NewInterchange {
                id: ids::derived("interchange", &[&file.to_string(), &index.to_string()]),
                file_id: file,
                ordinal: i32::try_from(index + 1).unwrap_or(i32::MAX),
                direction: Direction::Inbound,
                partner_id: Some(interchange.partner.clone()),
                key: key(interchange),
                usage: header.usage.parse::<Usage>().ok(),
                date: NaiveDate::parse_from_str(&header.date, "%y%m%d").ok(),
                time: NaiveTime::parse_from_str(&header.time, "%H%M").ok(),
                version: header.version.clone(),
                received_at,
            }
        })
        .collect()
}

pub(super) fn key(interchange: &Interchange) -> InterchangeKey {
    let header = &interchange.verdict.header;
    InterchangeKey {
        sender_qualifier: header.sender.0.clone(),
        sender_id: header.sender.1.clone(),
        receiver_qualifier: header.receiver.0.clone(),
        receiver_id: header.receiver.1.clone(),
        control_number: header.control_number.clone(),
    }
}

/// Findings of the file first, then those of its documents, behind so many that were written before.
pub(super) fn findings<'f>(
    of_file: &'f [Finding],
    documents: &'f [Document],
    file_id: Uuid,
    before: i32,
) -> impl Iterator<Item = NewFinding<'f>> {
    let of_file = of_file.iter().map(|finding| (None, finding));
    let of_documents = documents
        .iter()
        .flat_map(|document| document.findings.iter().map(|finding| (Some(document.id), finding)));
    of_file.chain(of_documents).zip(before + 1..).map(move |((document_id, finding), ordinal)| NewFinding {
        file_id,
        ordinal,
        document_id,
        finding,
    })
}

/// How the file ended, or why it waits.
pub(super) fn outcome(reading: &Reading, agreements: &Agreements) -> FileOutcome {
    let usage =
        reading.interchanges.first().and_then(|interchange| interchange.verdict.header.usage.parse().ok());
    let partner = reading.documents.first().map(|document| document.partner.clone());
    let partner =
        partner.or_else(|| reading.interchanges.first().map(|interchange| interchange.partner.clone()));
    let (state, reason, hint) = match &reading.outcome {
        Outcome::Quarantined { reason, hint } => (FileState::Quarantined, reason.clone(), hint.clone()),
        Outcome::Refused { reason, hint } => (FileState::Rejected, reason.clone(), hint.clone()),
        Outcome::Ignored { reason } => (FileState::Processed, reason.clone(), String::new()),
        Outcome::Processed => {
            let refused =
                reading.documents.iter().filter(|document| document.status == verdict::Status::Rejected);
            let refused: Vec<&Document> = refused.collect();
            let first = refused.first().and_then(|document| {
                document.findings.iter().find(|finding| finding.severity == Severity::Reject)
            });
            let (message, hint) =
                first.map_or((String::new(), String::new()), |f| (f.message.clone(), f.hint.clone()));
            if !reading.documents.is_empty() && refused.len() == reading.documents.len() {
                (FileState::Rejected, message, hint)
            } else if refused.is_empty() {
                (FileState::Processed, String::new(), String::new())
            } else {
                let reason =
                    format!("{} of {} documents rejected: {message}", refused.len(), reading.documents.len());
                (FileState::Processed, reason, hint)
            }
        }
    };
    let profile = partner.as_ref().and_then(|partner| agreements.profiles.find(partner));
    FileOutcome {
        state,
        reason,
        hint,
        usage,
        profile_version: profile.map(|profile| profile.version),
        partner_id: partner,
    }
}
