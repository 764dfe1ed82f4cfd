//! Process: one file, one transaction. Everything a file means and everything that follows from it.

use super::acknowledge::acknowledge;
use super::agreed;
use super::follow::{self, Known, Next};
use super::hub::{Error, Hub, Place};
use super::outbound::{Outgoing, Shipment, Unsound};
use super::read::{self, Document, Interchange, Outcome, Reading};
use super::{answers, compare, outbound, repeats};
use crate::canonical::Record;
use crate::finding::{Finding, Severity};
use crate::formats::x12::verdict;
use crate::ids;
use crate::pipeline::Agreements;
use crate::store::{
    self, Business, Direction, FileOutcome, FileRow, FileState, InterchangeKey, Job, LoadedFile, NewDocument,
    NewException, NewInterchange, NewRecord, Usage, Validation, Work,
};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use std::collections::BTreeSet;
use std::sync::Arc;
use tracing::{error, info};
use uuid::Uuid;

/// Reads the job's file and commits all that it means.
///
/// # Errors
/// When the database fails or a document of ours would be unsound; nothing is kept then.
pub(super) async fn process(hub: &Arc<Hub>, job: &Job) -> Result<(), Error> {
    let file = hub.store.load_file(job.subject_id).await?;
    let agreements = hub.prepared().await?;
    let place = hub.place_of(&file.row)?;
    let partner = place.partner.clone();
    let reading = read_file(&file, place, &agreements).await?;
    let mut work = hub.store.begin().await?;
    let carried = carry_out(hub, &mut work, &file.row, reading, &agreements, &Again::default()).await?;
    work.complete_job(job.lease).await?;
    work.commit().await?;

    let Carried { outcome, accepted, documents, sent, revised: _ } = carried;
    info!(
        file.id = %file.row.id, partner.id = %partner,
        "processed `{}`: {}, {accepted} of {documents} documents accepted, {sent} files and calls to send",
        file.row.name, outcome.state
    );
    if outcome.state == FileState::Quarantined {
        info!(file.id = %file.row.id, "quarantined `{}`: {}", file.row.name, outcome.reason);
    }
    Ok(())
}

/// Reads a file away from the threads that wait for others.
pub(super) async fn read_file(
    file: &LoadedFile,
    place: Place,
    agreements: &Arc<Agreements>,
) -> Result<Reading, Error> {
    let (agreements, bytes) = (agreements.clone(), file.bytes.clone());
    let (id, name, received) = (file.row.id, file.row.name.clone(), file.row.received_at);
    let reading =
        tokio::task::spawn_blocking(move || read::read(id, &name, &bytes, &place, &agreements, received));
    reading.await.map_err(Error::Panicked)
}

/// What a person wishes of a file that was read before. By itself the hub wishes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Again {
    /// Records that are read otherwise now replace what was read then, which is kept as a revision.
    pub(super) revise: bool,
    /// Only this document; its neighbours stay as they are.
    pub(super) only: Option<Uuid>,
    /// The request to make anew what follows.
    pub(super) issue: Option<Uuid>,
}

impl Again {
    fn is_about(&self, document: Uuid) -> bool {
        self.only.is_none_or(|only| only == document)
    }
}

/// What carrying out a reading came to.
pub(super) struct Carried {
    pub(super) outcome: FileOutcome,
    pub(super) accepted: usize,
    pub(super) documents: usize,
    pub(super) sent: usize,
    /// Records that were replaced.
    pub(super) revised: usize,
}

/// Writes all that a reading means and all that follows from it. Of a file that was read before, what had effects
/// stands as it is: only what had none is written anew, and nothing is sent or answered a second time.
pub(super) async fn carry_out(
    hub: &Hub,
    work: &mut Work,
    file: &FileRow,
    mut reading: Reading,
    agreements: &Agreements,
    again: &Again,
) -> Result<Carried, Error> {
    let now = hub.clock.now();
    let mut outgoing = Outgoing::new(file.id, now);
    outgoing.again = file.profile_version.is_some();
    let mut standing =
        if outgoing.again { forget_what_had_no_effect(work, file.id, again).await? } else { BTreeSet::new() };
    outgoing.earlier.extend(&standing);
    let received_at = if outgoing.again { file.received_at } else { now };

    agreed::judge(&mut reading, agreements, received_at);
    let repeated = repeats::judge(work, &mut reading, file, agreements, now).await?;
    // After it is judged: what is held or refused now stays what it was.
    let revised = if again.revise { revise(hub, work, &reading, &mut standing, again).await? } else { 0 };
    let known = look_up(work, reading.documents.iter()).await?;
    acknowledge(&reading, &repeated, agreements, &mut outgoing);
    let mut fresh = Vec::new();
    for (index, document) in reading.documents.iter().enumerate() {
        let stands = standing.contains(&document.id);
        let issue = again.issue.filter(|_| again.is_about(document.id) && document.record.is_some());
        if stands && issue.is_none() {
            continue;
        }
        let Some(profile) = agreements.profiles.find(&document.partner) else { continue };
        let before = outgoing.shipments.len();
        let business = follow_routes(document, profile, agreements, &known, now, &mut outgoing);
        outgoing.shipments.iter_mut().skip(before).for_each(|shipment| shipment.issue = issue);
        if !stands {
            fresh.push((index, document, business));
        }
    }
    let waiting = wake_waiting(hub, work, &reading, agreements, now, &mut outgoing).await?;

    let interchanges = interchange_rows(&reading, &repeated, file.id, received_at);
    work.insert_interchanges(&interchanges).await?;
    work.insert_documents(&rows(&fresh, agreements, file.id, received_at)).await?;
    let findings: Vec<(Option<Uuid>, &Finding)> = findings(&reading).collect();
    work.insert_findings(file.id, 1, &findings).await?;
    let records: Vec<NewRecord<'_>> = fresh
        .iter()
        .filter_map(|(_, document, _)| {
            let record = document.record.as_ref()?;
            Some(NewRecord { document_id: document.id, partner_id: &document.partner, received_at, record })
        })
        .collect();
    work.insert_records(&records).await?;
    compare::all(work, &reading.documents, known, agreements, now).await?;
    work.set_business(&waiting).await?;
    answers::settle(work, &reading, agreements, file.id, now).await?;
    let outcome = outcome(&reading, agreements);
    if again.only.is_none() {
        work.set_file_outcome(file.id, &outcome).await?;
    }
    let composition = outbound::compose(work, outgoing, agreements).await?;
    tell_unsound(work, &composition.unsound, now).await?;
    let refused = |document: &&Document| document.status == verdict::Status::Rejected;
    Ok(Carried {
        outcome,
        accepted: reading.documents.iter().filter(|document| !refused(document)).count(),
        documents: reading.documents.len(),
        sent: composition.sent,
        revised,
    })
}

/// Makes room for records that are read otherwise now. Gives how many, and takes them from those that stand.
async fn revise(
    hub: &Hub,
    work: &mut Work,
    reading: &Reading,
    standing: &mut BTreeSet<Uuid>,
    again: &Again,
) -> Result<usize, Error> {
    let mut revised = 0;
    for document in &reading.documents {
        // One that is refused now stays what it was: what followed from it has happened.
        let Some(record) = document.record.as_ref().filter(|_| again.is_about(document.id)) else { continue };
        if !standing.contains(&document.id) {
            continue;
        }
        let then = hub.store.find_document(document.id).await?.and_then(|row| row.record_kind);
        let Some(kind) = then.and_then(|kind| kind.parse().ok()) else { continue };
        let Some(then) = hub.store.find_record(kind, document.id).await? else { continue };
        if then.record == *record {
            continue;
        }
        let failed = |source| store::Error::Stored { what: "record of document", id: document.id, source };
        let before = serde_json::to_value(&then.record).map_err(failed)?;
        work.revise(document.id, &before).await?;
        standing.remove(&document.id);
        revised += 1;
    }
    Ok(revised)
}

/// Makes room for a second reading. Gives the documents that stand, because they became records.
async fn forget_what_had_no_effect(
    work: &mut Work,
    file: Uuid,
    again: &Again,
) -> Result<BTreeSet<Uuid>, Error> {
    let earlier = work.list_earlier_documents(file).await?;
    let (standing, idle): (Vec<_>, Vec<_>) = earlier
        .into_iter()
        .partition(|document| document.record_kind.is_some() || !again.is_about(document.id));
    let idle: Vec<Uuid> = idle.into_iter().map(|document| document.id).collect();
    work.forget_reading(file, &idle).await?;
    Ok(standing.into_iter().map(|document| document.id).collect())
}

/// What the database knows of the orders that these documents speak of; the documents themselves among it.
pub(super) async fn look_up<'d>(
    work: &mut Work,
    documents: impl Iterator<Item = &'d Document> + Clone,
) -> Result<Known, Error> {
    let mut known = Known::default();
    let numbers = follow::numbers(documents.clone().filter_map(|document| document.record.as_ref()));
    if numbers.is_empty() {
        return Ok(known);
    }
    known.add(work.find_shipping_orders(&numbers.orders).await?);
    let mut purchase_orders = numbers.purchase_orders;
    purchase_orders
        .extend(known.shipping_orders.iter().filter_map(|order| order.record.purchase_order_number.clone()));
    purchase_orders.sort();
    purchase_orders.dedup();
    known.add(work.find_purchase_orders(None, &purchase_orders).await?);
    known.add(work.find_shipping_advices(&numbers.orders, &purchase_orders).await?);
    // An advice often names only the depositor's order, which names the purchase order.
    let of_advices: Vec<String> =
        known.advices.iter().filter_map(|advice| advice.record.order_number.clone()).collect();
    known.add(work.find_shipping_orders(&of_advices).await?);
    known.add(work.find_ship_notices(&purchase_orders).await?);
    known.add(work.find_stock_receipts(&purchase_orders).await?);
    known.add(work.find_invoices(&purchase_orders).await?);
    add_own_records(&mut known, documents);
    Ok(known)
}

/// What documents know of each other without the database.
pub(super) fn own_records(documents: &[Document]) -> Known {
    let mut known = Known::default();
    add_own_records(&mut known, documents.iter());
    known
}

fn add_own_records<'d>(known: &mut Known, documents: impl Iterator<Item = &'d Document>) {
    for document in documents {
        if let Some(record) = &document.record {
            known.add_own(&document.partner, document.id, record);
        }
    }
}

/// What follows from one document, and what that makes of its business status.
pub(super) fn follow_routes(
    document: &Document,
    profile: &crate::profiles::Profile,
    agreements: &Agreements,
    known: &Known,
    now: DateTime<Utc>,
    outgoing: &mut Outgoing,
) -> (Business, String) {
    if let Some(aside) = &document.aside {
        return aside.clone();
    }
    let mut status = (Business::Open, follow::remark(document.record.as_ref()));
    for next in follow::routes(document.record.as_ref(), profile, agreements, known, now) {
        match next {
            Next::Send { to, sends, record } => {
                outgoing.shipments.push(Shipment { to, sends, record, source: document.id, issue: None });
            }
            Next::Nothing(why) => status = (Business::Settled, why),
            Next::Waiting(why) => status = (Business::Waiting, why),
        }
    }
    status
}

/// Documents that waited for one of this file's: what was missing may be there now.
async fn wake_waiting(
    hub: &Hub,
    work: &mut Work,
    reading: &Reading,
    agreements: &Agreements,
    now: DateTime<Utc>,
    outgoing: &mut Outgoing,
) -> Result<Vec<(Uuid, Business, String)>, Error> {
    let arrived = reading.documents.iter().filter_map(|document| match &document.record {
        Some(record @ (Record::PurchaseOrder(_) | Record::ShippingOrder(_))) => Some(record),
        _ => None,
    });
    let numbers = follow::numbers(arrived).all();
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let mut waiting = Vec::new();
    for id in work.list_waiting_documents(&numbers).await? {
        let Some(row) = hub.store.find_document(id).await? else { continue };
        let kind = row.record_kind.as_deref().and_then(|kind| kind.parse().ok());
        let (Some(kind), Some(partner)) = (kind, row.partner_id) else { continue };
        let Some(found) = hub.store.find_record(kind, id).await? else { continue };
        waiting.push(Document::stored(id, &partner, found.record));
    }
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let known = look_up(work, reading.documents.iter().chain(&waiting)).await?;
    let mut settled = Vec::new();
    for document in &waiting {
        let Some(profile) = agreements.profiles.find(&document.partner) else { continue };
        // What did not wait was sent when the document came.
        outgoing.earlier.push(document.id);
        let (mut business, why) = follow_routes(document, profile, agreements, &known, now, outgoing);
        if business == Business::Open {
            business = Business::Settled;
        }
        if business != Business::Waiting {
            settled.push((document.id, business, why));
        }
    }
    Ok(settled)
}

/// What cannot be written is an exception of the document it follows from; everything else goes its way.
async fn tell_unsound(work: &mut Work, unsound: &[Unsound], now: DateTime<Utc>) -> Result<(), Error> {
    let exceptions: Vec<NewException> = unsound
        .iter()
        .map(|unsound| NewException {
            id: ids::derived("exception", &["cannot_compose", &unsound.source.to_string(), &unsound.to]),
            kind: "cannot_compose".to_owned(),
            document_id: Some(unsound.source),
            partner_id: Some(unsound.to.clone()),
            order_number: None,
            purchase_order_number: None,
            line: None,
            amount: None,
            message: unsound.why.clone(),
            evidence: serde_json::Value::Array(Vec::new()),
            first_seen_at: now,
        })
        .collect();
    for unsound in unsound {
        error!(partner.id = %unsound.to, document.id = %unsound.source, "{}", unsound.why);
    }
    work.insert_exceptions(&exceptions).await?;
    let business: Vec<(Uuid, Business, String)> =
        unsound.iter().map(|unsound| (unsound.source, Business::Exception, unsound.why.clone())).collect();
    work.set_business(&business).await?;
    Ok(())
}

fn rows(
    documents: &[(usize, &Document, (Business, String))],
    agreements: &Agreements,
    file: Uuid,
    received_at: DateTime<Utc>,
) -> Vec<NewDocument> {
    documents
        .iter()
        .map(|(index, document, (business, reason))| {
            let row = NewDocument {
                id: document.id,
                file_id: file,
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
                business: *business,
                business_reason: reason.clone(),
                received_at,
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
fn interchange_rows(
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

fn findings(reading: &Reading) -> impl Iterator<Item = (Option<Uuid>, &Finding)> {
    let of_file = reading.findings.iter().map(|finding| (None, finding));
    let of_documents = reading
        .documents
        .iter()
        .flat_map(|document| document.findings.iter().map(|finding| (Some(document.id), finding)));
    of_file.chain(of_documents)
}

fn outcome(reading: &Reading, agreements: &Agreements) -> FileOutcome {
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
