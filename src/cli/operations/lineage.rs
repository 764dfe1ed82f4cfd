//! Where a thing came from and all that came of it: gathered from the store.

mod print;

pub(super) use print::{job_lines, print_delivery, print_document, print_file, side, why};

use crate::pipeline::retention::Kept;
use crate::store::{
    AcknowledgmentFilter, AttemptRow, AuditEvent, AuditFilter, BatchRow, DeliveryFilter, DeliveryRow,
    Direction, DocumentFilter, DocumentRow, ExceptionFilter, ExceptionRow, ExpectedAcknowledgmentRow,
    FileFilter, FileRow, FindingRow, JobFilter, JobOverview, ReceivedAcknowledgmentRow, RecordRevision,
    Store, hex,
};
use anyhow::Context as _;
use serde::Serialize;
use uuid::Uuid;

/// Documents and findings of one file that are shown; a gigabyte has millions.
const MOST: i64 = 200;

/// A file and all that came of it.
#[derive(Debug, Serialize)]
pub(super) struct FileLineage {
    #[serde(flatten)]
    pub(super) file: FileRow,
    /// Until when its bytes are kept, and why; none where the profiles in force cannot be read.
    pub(super) kept: Option<Kept>,
    sha256: String,
    /// The file that this one is a corrected version of.
    corrected: Option<FileRow>,
    /// Corrected versions of it.
    versions: Vec<FileRow>,
    /// What it was unpacked from, or packed from.
    made_from: Option<FileRow>,
    /// What it was unpacked into, or packed into.
    made_into: Vec<FileRow>,
    documents: Vec<DocumentLineage>,
    /// Findings of the file and its envelopes.
    findings: Vec<FindingRow>,
    /// Of a file of ours.
    deliveries: Vec<DeliveryTries>,
    jobs: Vec<JobOverview>,
    audit: Vec<AuditEvent>,
}

/// A document, where it came from, and all that came of it.
#[derive(Debug, Serialize)]
pub(super) struct DocumentLineage {
    #[serde(flatten)]
    pub(super) document: DocumentRow,
    pub(super) file_name: String,
    /// The document it was derived from.
    source: Option<DocumentRow>,
    /// What it says, as a canonical record.
    pub(super) record: Option<serde_json::Value>,
    /// What the record said before it was read again.
    revisions: Vec<RecordRevision>,
    /// Documents derived from it.
    led_to: Vec<Derived>,
    /// Sets in which what follows from it waits to be sent.
    waits_in: Vec<BatchRow>,
    /// Our acknowledgments of the interchange it came in.
    pub(super) answered_by: Vec<DocumentRow>,
    pub(super) deliveries: Vec<DeliveryTries>,
    pub(super) acknowledgments: Vec<Acknowledgments>,
    pub(super) exceptions: Vec<ExceptionRow>,
    findings: Vec<FindingRow>,
    audit: Vec<AuditEvent>,
}

/// A document that followed from another, and how it left.
#[derive(Debug, Serialize)]
pub(super) struct Derived {
    #[serde(flatten)]
    document: DocumentRow,
    deliveries: Vec<DeliveryRow>,
}

/// A delivery with its tries.
#[derive(Debug, Serialize)]
pub(super) struct DeliveryTries {
    #[serde(flatten)]
    pub(super) delivery: DeliveryRow,
    tries: Vec<AttemptRow>,
}

/// A delivery, what it carries and what was answered.
#[derive(Debug, Serialize)]
pub(super) struct DeliveryLineage {
    #[serde(flatten)]
    tries: DeliveryTries,
    file: Option<FileRow>,
    documents: Vec<DocumentRow>,
    acknowledgments: Vec<Acknowledgments>,
    jobs: Vec<JobOverview>,
    audit: Vec<AuditEvent>,
}

/// What is awaited for a group we sent, and what came.
#[derive(Debug, Serialize)]
pub(super) struct Acknowledgments {
    #[serde(flatten)]
    pub(super) expected: ExpectedAcknowledgmentRow,
    pub(super) received: Vec<ReceivedAcknowledgmentRow>,
}

/// All about a file.
pub(super) async fn of_file(store: &Store, id: Uuid) -> anyhow::Result<FileLineage> {
    let file = store.find_file(id).await?.context("the file was there a moment ago")?;
    let filter = DocumentFilter { file_id: Some(id), ..DocumentFilter::default() };
    let mut documents = Vec::new();
    for document in store.list_documents(&filter, MOST).await? {
        documents.push(of_document(store, document).await?);
    }
    let findings = store.list_findings(id, None, MOST).await?;
    let filter = FileFilter { origin_id: Some(id), ..FileFilter::default() };
    let made_into = store.list_files(&filter, MOST).await?;
    let filter = FileFilter { corrects: Some(id), ..FileFilter::default() };
    let versions = store.list_files(&filter, MOST).await?;
    let corrected = match file.corrects {
        Some(corrected) => store.find_file(corrected).await?,
        None => None,
    };
    let made_from = match file.origin_id {
        Some(origin) => store.find_file(origin).await?,
        None => None,
    };
    let filter = DeliveryFilter { file_id: Some(id), ..DeliveryFilter::default() };
    Ok(FileLineage {
        sha256: hex(&file.sha256),
        kept: None,
        corrected,
        versions,
        made_from,
        made_into,
        findings: findings.into_iter().filter(|finding| finding.document_id.is_none()).collect(),
        deliveries: tries(store, store.list_deliveries(&filter, MOST).await?).await?,
        jobs: jobs(store, id).await?,
        audit: audit(store, id).await?,
        file,
        documents,
    })
}

/// All about a document.
pub(super) async fn of_document(store: &Store, document: DocumentRow) -> anyhow::Result<DocumentLineage> {
    let id = document.id;
    let file = store.find_file(document.file_id).await?;
    let source = match document.source_document_id {
        Some(source) => store.find_document(source).await?,
        None => None,
    };
    let record = match document.record_kind.as_deref().and_then(|kind| kind.parse().ok()) {
        Some(kind) => store.find_record(kind, id).await?.map(|found| serde_json::to_value(&found.record)),
        None => None,
    };
    let filter = DocumentFilter { source_document_id: Some(id), ..DocumentFilter::default() };
    let mut led_to = Vec::new();
    for derived in store.list_documents(&filter, MOST).await? {
        let filter = DeliveryFilter { document_id: Some(derived.id), ..DeliveryFilter::default() };
        let deliveries = store.list_deliveries(&filter, MOST).await?;
        led_to.push(Derived { document: derived, deliveries });
    }
    let filter = DeliveryFilter { document_id: Some(id), ..DeliveryFilter::default() };
    let deliveries = tries(store, store.list_deliveries(&filter, MOST).await?).await?;
    let acknowledgments = match document.direction {
        Direction::Outbound => acknowledgments(store, document.file_id).await?,
        Direction::Inbound => Vec::new(),
    };
    let filter = ExceptionFilter { document_id: Some(id), ..ExceptionFilter::default() };
    Ok(DocumentLineage {
        file_name: file.map(|file| file.name).unwrap_or_default(),
        source,
        record: record.transpose()?,
        revisions: store.list_revisions(id).await?,
        led_to,
        waits_in: store.list_batches(None, Some(id)).await?,
        answered_by: answers(store, &document).await?,
        deliveries,
        acknowledgments,
        exceptions: store.list_exceptions(&filter, MOST).await?,
        findings: store.list_findings(document.file_id, Some(id), MOST).await?,
        audit: audit(store, id).await?,
        document,
    })
}

/// All about a delivery.
pub(super) async fn of_delivery(
    store: &Store,
    delivery: DeliveryRow,
    document_ids: &[Uuid],
) -> anyhow::Result<DeliveryLineage> {
    let mut documents = Vec::new();
    for id in document_ids {
        documents.extend(store.find_document(*id).await?);
    }
    let file = store.find_file(delivery.file_id).await?;
    // What is awaited is awaited for the documents, whatever they are packed in.
    let composed = file.as_ref().and_then(|file| file.origin_id).unwrap_or(delivery.file_id);
    Ok(DeliveryLineage {
        file,
        documents,
        acknowledgments: acknowledgments(store, composed).await?,
        jobs: jobs(store, delivery.id).await?,
        audit: audit(store, delivery.id).await?,
        tries: DeliveryTries { tries: store.list_attempts(delivery.id).await?, delivery },
    })
}

async fn tries(store: &Store, deliveries: Vec<DeliveryRow>) -> anyhow::Result<Vec<DeliveryTries>> {
    let mut found = Vec::new();
    for delivery in deliveries {
        found.push(DeliveryTries { tries: store.list_attempts(delivery.id).await?, delivery });
    }
    Ok(found)
}

async fn jobs(store: &Store, subject: Uuid) -> anyhow::Result<Vec<JobOverview>> {
    let filter = JobFilter { subject_id: Some(subject), ..JobFilter::default() };
    Ok(store.list_job_overviews(&filter, MOST).await?)
}

async fn acknowledgments(store: &Store, file: Uuid) -> anyhow::Result<Vec<Acknowledgments>> {
    let filter = AcknowledgmentFilter { file_id: Some(file), ..AcknowledgmentFilter::default() };
    let mut found = Vec::new();
    for expected in store.list_expected_acknowledgments(&filter, MOST).await? {
        let received = store.list_received_acknowledgments(Some(expected.id), MOST).await?;
        found.push(Acknowledgments { expected, received });
    }
    Ok(found)
}

async fn audit(store: &Store, subject: Uuid) -> anyhow::Result<Vec<AuditEvent>> {
    let filter = AuditFilter { subject_id: Some(subject), ..AuditFilter::default() };
    Ok(store.list_audit_events(&filter, MOST).await?)
}

/// An acknowledgment of ours carries the number of the interchange that it answers.
async fn answers(store: &Store, document: &DocumentRow) -> anyhow::Result<Vec<DocumentRow>> {
    let (Direction::Inbound, Some(number)) = (document.direction, &document.interchange_control_number)
    else {
        return Ok(Vec::new());
    };
    if document.functional_id.as_deref() == Some("FA") {
        return Ok(Vec::new());
    }
    let filter = DocumentFilter {
        direction: Some(Direction::Outbound),
        partner_id: document.partner_id.clone(),
        number: Some(number.clone()),
        since: Some(document.received_at),
        ..DocumentFilter::default()
    };
    let found = store.list_documents(&filter, MOST).await?;
    Ok(found.into_iter().filter(|answer| answer.functional_id.as_deref() == Some("FA")).collect())
}
