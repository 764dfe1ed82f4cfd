//! Process: everything a file means and everything that follows from it, in one transaction. Small files share one.

use super::acknowledge::acknowledge;
use super::agreed;
use super::follow::{self, Next};
use super::hub::{Error, Hub, Place};
use super::known::{self, Known};
use super::missing::{self, Exchanged};
use super::outbound::{Outgoing, Shipment, Unsound};
use super::read::{self, Document, Reading};
use super::rows::{self, Fresh};
use super::serve::explain;
use super::{advised, answers, batches, compare, outbound, packing, repeats, shipments};
use crate::canonical::Record;
use crate::formats::x12::verdict;
use crate::ids;
use crate::kill_points;
use crate::pipeline::Agreements;
use crate::store::{
    self, Business, FileOutcome, FileRow, FileState, Job, Lease, LoadedAdvice, LoadedFile, NewException,
    NewFinding, NewRecord, Work,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use tracing::{debug, error, info};
use uuid::Uuid;

/// Files that are read and committed together, at most, and their bytes.
pub(super) const TOGETHER: (i64, i64) = (64, 1 << 20);

/// A file with what reading found in it.
#[derive(Debug)]
pub(super) struct ReadFile {
    pub(super) row: FileRow,
    pub(super) reading: Reading,
}

/// A job that did not come to its end, and why.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) job: Job,
    pub(super) error: Arc<Error>,
}

/// Reads the jobs' files and commits all that they mean, those that do not concern each other in one transaction. If
/// that fails, each is done alone, so that a bad one hurts only itself. Gives the jobs that did not come to their end.
pub(super) async fn process(hub: &Arc<Hub>, jobs: Vec<Job>) -> Vec<Failed> {
    let mut failed = Vec::new();
    let alone = if jobs.len() > 1 { process_together(hub, jobs, &mut failed).await } else { jobs };
    let mut unreachable: Option<Arc<Error>> = None;
    for job in alone {
        let done = match &unreachable {
            Some(error) => Err(error.clone()),
            None => process_alone(hub, &job).await.map_err(Arc::new),
        };
        let Err(error) = done else { continue };
        // The others would only wait for the database one after the other.
        if matches!(&*error, Error::Store(error) if error.is_unreachable()) {
            unreachable = Some(error.clone());
        }
        failed.push(Failed { job, error });
    }
    failed
}

async fn process_alone(hub: &Arc<Hub>, job: &Job) -> Result<(), Error> {
    let file = hub.store.load_file(job.subject_id).await?;
    let agreements = hub.prepared().await?;
    let place = hub.place_of(&file.row)?;
    if packing::is_packed(&file.row, &place) {
        return packing::unpack(hub, file, &place, job.lease).await;
    }
    let reading = read_file(&file, place, &agreements).await?;
    commit(hub, vec![ReadFile { row: file.row, reading }], &[job.lease], &agreements).await
}

/// Gives the jobs that are to be done alone.
async fn process_together(hub: &Arc<Hub>, jobs: Vec<Job>, failed: &mut Vec<Failed>) -> Vec<Job> {
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.subject_id).collect();
    let loaded = hub.store.load_files(&ids).await.map_err(Error::from);
    let (Ok(files), Ok(agreements)) = (loaded, hub.prepared().await) else { return jobs };
    let mut loaded: Vec<(Job, LoadedFile)> = jobs.into_iter().zip(files).collect();
    // As they came.
    loaded.sort_by(|(_, a), (_, b)| {
        (a.row.received_at, &a.row.name, a.row.id).cmp(&(b.row.received_at, &b.row.name, b.row.id))
    });
    let (mut alone, mut together, mut files) = (Vec::new(), Vec::new(), Vec::new());
    let mut taken = HashSet::new();
    for (job, file) in loaded {
        // What was read before is read again against what became of it then.
        if file.row.profile_version.is_some() {
            alone.push(job);
            continue;
        }
        let read = match hub.place_of(&file.row) {
            Ok(place) if packing::is_packed(&file.row, &place) => {
                alone.push(job);
                continue;
            }
            Ok(place) => read_file(&file, place, &agreements).await,
            Err(error) => Err(error),
        };
        let reading = match read {
            Ok(reading) => reading,
            Err(error) => {
                failed.push(Failed { job, error: Arc::new(error) });
                continue;
            }
        };
        let file = ReadFile { row: file.row, reading };
        let keys = repeats::keys(&file, &agreements);
        if keys.iter().any(|key| taken.contains(key)) {
            alone.push(job);
            continue;
        }
        taken.extend(keys);
        together.push(job);
        files.push(file);
    }
    if together.is_empty() {
        return alone;
    }
    let leases: Vec<Lease> = together.iter().map(|job| job.lease).collect();
    if let Err(error) = commit(hub, files, &leases, &agreements).await {
        debug!("{} files are processed one by one: {}", leases.len(), explain(&error));
        together.append(&mut alone);
        return together;
    }
    alone
}

async fn commit(
    hub: &Hub,
    files: Vec<ReadFile>,
    leases: &[Lease],
    agreements: &Arc<Agreements>,
) -> Result<(), Error> {
    let named: Vec<(Uuid, String, String)> =
        files.iter().map(|file| (file.row.id, file.row.name.clone(), file.row.channel.clone())).collect();
    kill_points::pass("in.parse.after");
    let mut work = hub.store.begin().await?;
    let carried = carry_out(hub, &mut work, files, agreements, &Again::default()).await?;
    work.complete_jobs(leases).await?;
    kill_points::pass("in.canon.before");
    work.commit().await?;
    kill_points::pass("in.canon.after");

    let any_batched = carried.iter().any(|carried| carried.batched > 0);
    for ((id, name, channel), carried) in named.iter().zip(carried) {
        let Carried { outcome, accepted, documents, sent, .. } = carried;
        let partner = channel.split('/').next().unwrap_or_default();
        info!(
            file.id = %id, partner.id = %partner,
            "processed `{name}`: {}, {accepted} of {documents} documents accepted, {sent} files and calls to send",
            outcome.state
        );
        if outcome.state == FileState::Quarantined {
            info!(file.id = %id, "quarantined `{name}`: {}", outcome.reason);
        }
    }
    if any_batched {
        batches::close_soon(hub).await;
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
#[derive(Clone, Debug, Default)]
pub(super) struct Again {
    /// Records that are read otherwise now replace what was read then, which is kept as a revision.
    pub(super) revise: bool,
    /// Only this document; its neighbours stay as they are.
    pub(super) only: Option<Uuid>,
    /// The request to make anew what follows.
    pub(super) issue: Option<Uuid>,
    /// Of what follows only this is made anew: for whom, as what.
    pub(super) made: Option<(String, String)>,
    /// The file is a corrected version, and these are those before it, the one that came last.
    pub(super) corrects: Vec<Uuid>,
    /// Documents of those before it that became records and are in it as well.
    pub(super) known: BTreeSet<Uuid>,
}

impl Again {
    fn is_about(&self, document: Uuid) -> bool {
        self.only.is_none_or(|only| only == document)
    }

    fn makes(&self, to: &str, document: &str) -> bool {
        self.made.as_ref().is_none_or(|(partner, kind)| partner == to && kind == document)
    }
}

/// What carrying out a reading came to.
pub(super) struct Carried {
    pub(super) outcome: FileOutcome,
    pub(super) accepted: usize,
    pub(super) documents: usize,
    pub(super) sent: usize,
    /// Documents that wait for their batch.
    pub(super) batched: usize,
    /// Records that were replaced.
    pub(super) revised: usize,
}

/// Writes all that readings mean and all that follows from them. Of a file that was read before, what had effects
/// stands as it is: only what had none is written anew, and nothing is sent or answered a second time.
pub(super) async fn carry_out(
    hub: &Hub,
    work: &mut Work,
    mut files: Vec<ReadFile>,
    agreements: &Arc<Agreements>,
    again: &Again,
) -> Result<Vec<Carried>, Error> {
    let now = hub.clock.now();
    let mut outgoing = Vec::with_capacity(files.len());
    let mut standing = Vec::with_capacity(files.len());
    for (ReadFile { row, reading }, place) in files.iter_mut().zip(0..) {
        // Of two documents about the same the later one counts, so no two files are of one instant.
        // What was answered was answered for the file that came.
        let came = again.corrects.last().copied().unwrap_or(row.id);
        let mut out = Outgoing::new(came, now + TimeDelta::microseconds(place));
        let read_before = row.profile_version.is_some();
        out.again = read_before || !again.corrects.is_empty();
        let mut stands =
            if read_before { forget_what_had_no_effect(work, row.id, again).await? } else { BTreeSet::new() };
        stands.extend(&again.known);
        out.earlier.extend(&stands);
        out.received_at = if read_before { row.received_at } else { out.now };
        agreed::judge(reading, agreements, out.received_at);
        outgoing.push(out);
        standing.push(stands);
    }
    let repeated = repeats::judge(work, &mut files, &again.corrects, agreements, now).await?;
    let mut revised = vec![0; files.len()];
    if again.revise {
        // After it is judged: what is held or refused now stays what it was.
        for ((file, standing), revised) in files.iter().zip(&mut standing).zip(&mut revised) {
            *revised = revise(hub, work, &file.reading, standing, again).await?;
        }
    }
    let mut known = look_up(work, files.iter().flat_map(|file| &file.reading.documents)).await?;
    let mut fresh = Vec::new();
    for (place, (file, out)) in files.iter().zip(&mut outgoing).enumerate() {
        let none = (BTreeSet::new(), Vec::new());
        let standing = standing.get(place).unwrap_or(&none.0);
        acknowledge(&file.reading, repeated.get(place).unwrap_or(&none.1), agreements, out);
        for (index, document) in file.reading.documents.iter().enumerate() {
            let stands = standing.contains(&document.id);
            let issue = again.issue.filter(|_| again.is_about(document.id) && document.record.is_some());
            // Of a corrected file only what was mended is made anew.
            let issue = issue.filter(|_| again.corrects.is_empty() || !stands);
            if stands && issue.is_none() {
                continue;
            }
            let Some(profile) = agreements.profiles.find(&document.partner) else { continue };
            let before = out.shipments.len();
            let business = follow_routes(document, profile, agreements, &known, now, out);
            for shipment in out.shipments.iter_mut().skip(before) {
                shipment.issue = issue.filter(|_| again.makes(&shipment.to, &shipment.sends.document));
            }
            if !stands {
                let (file, received_at) = (file.row.id, out.received_at);
                fresh.push(Fresh { file, received_at, index, document, business });
            }
        }
    }
    let waiting = wake_waiting(work, &files, agreements, now, &mut outgoing).await?;

    let mut interchanges = Vec::new();
    for ((file, out), repeated) in files.iter().zip(&outgoing).zip(&repeated) {
        interchanges.extend(rows::interchanges(&file.reading, repeated, file.row.id, out.received_at));
    }
    work.insert_interchanges(&interchanges).await?;
    // What invoices are compared with counts documents of the same files; what that makes of the invoices is written
    // with them.
    fresh.sort_by_key(|fresh| fresh.is_invoice());
    let others = fresh.partition_point(|fresh| !fresh.is_invoice());
    work.insert_documents(&rows::documents(fresh.get(..others).unwrap_or_default(), agreements)).await?;
    work.insert_records(&records(fresh.get(..others).unwrap_or_default())).await?;
    compare::look_up(work, &mut known, agreements).await?;
    let known = Arc::new(known);
    let any_record = fresh.iter().any(|fresh| fresh.document.record.is_some());
    let comparing = any_record.then(|| compare::begin(&known, agreements, now));
    work.insert_records(&records(fresh.get(others..).unwrap_or_default())).await?;
    let documents = files.iter().flat_map(|file| &file.reading.documents);
    let unfinished = shipments::judge(work, documents, &known, agreements, now).await?;
    let any_again = outgoing.iter().any(|out| out.again);
    let mut later = match comparing {
        Some(comparing) => {
            let compared = comparing.await.map_err(Error::Panicked)?;
            compare::settle(work, &mut fresh, compared, now, any_again).await?
        }
        None => Vec::new(),
    };
    work.insert_documents(&rows::documents(fresh.get(others..).unwrap_or_default(), agreements)).await?;
    let findings: Vec<NewFinding<'_>> =
        files.iter().flat_map(|file| rows::findings(&file.reading, file.row.id)).collect();
    work.insert_findings(&findings).await?;
    later.extend(waiting);
    work.set_business(&later).await?;
    for (file, out) in files.iter().zip(&outgoing) {
        answers::settle(work, &file.reading, agreements, file.row.id, out.now).await?;
        advised::settle(work, &file.reading, agreements, out.now).await?;
    }
    let outcomes: Vec<(Uuid, FileOutcome)> =
        files.iter().map(|file| (file.row.id, rows::outcome(&file.reading, agreements))).collect();
    if again.only.is_none() {
        work.set_file_outcomes(&outcomes).await?;
    }
    let loads: Vec<LoadedAdvice> =
        outgoing.iter_mut().flat_map(|out| std::mem::take(&mut out.loads)).collect();
    work.load_advices(&loads).await?;
    kill_points::pass("ack.match.after");
    let compositions = outbound::compose(hub, work, outgoing, agreements).await?;
    let arrived = fresh.iter().filter_map(|fresh| {
        Some(Exchanged {
            document: fresh.document.id,
            partner: &fresh.document.partner,
            agreement: fresh.document.agreement.as_deref(),
            record: fresh.document.record.as_ref()?,
            at: fresh.received_at,
        })
    });
    missing::follow(work, &arrived.collect::<Vec<_>>(), agreements, &unfinished, now).await?;
    let unsound: Vec<&Unsound> = compositions.iter().flat_map(|composed| &composed.unsound).collect();
    tell_unsound(work, &unsound, now).await?;
    let refused = |document: &&Document| document.status == verdict::Status::Rejected;
    let carried = files.iter().zip(outcomes).zip(&compositions).zip(revised);
    let carried = carried.map(|(((file, (_, outcome)), composition), revised)| Carried {
        outcome,
        accepted: file.reading.documents.iter().filter(|document| !refused(document)).count(),
        documents: file.reading.documents.len(),
        sent: composition.sent,
        batched: composition.batched,
        revised,
    });
    Ok(carried.collect())
}

/// The records of documents that became some.
fn records<'f>(fresh: &'f [Fresh<'_>]) -> Vec<NewRecord<'f>> {
    let records = fresh.iter().filter_map(|fresh| {
        Some(NewRecord {
            document_id: fresh.document.id,
            partner_id: &fresh.document.partner,
            received_at: fresh.received_at,
            record: fresh.document.record.as_ref()?,
        })
    });
    records.collect()
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
    let numbers = known::numbers(documents.clone().filter_map(|document| document.record.as_ref()));
    // Who speaks of the same orders at the same time waits, or neither would find what the other brings.
    work.lock_orders([&numbers.orders[..], &numbers.purchase_orders, &numbers.shipments].concat()).await?;
    if !numbers.orders.is_empty() {
        let named = work.find_shipping_orders(&numbers.orders).await?;
        let mut also = Known::default();
        also.add(named);
        let also = also.shipping_orders.iter().filter_map(|order| order.record.purchase_order_number.clone());
        work.lock_orders(also.collect()).await?;
    }
    let mut known = look_up_numbers(work, numbers).await?;
    add_own_records(&mut known, documents);
    Ok(known)
}

/// What the database knows of the orders of these numbers.
pub(super) async fn look_up_numbers(work: &mut Work, numbers: known::Numbers) -> Result<Known, Error> {
    let mut known = Known::default();
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
    let shipments = &numbers.shipments;
    known.add(work.find_shipping_advices(&numbers.orders, &purchase_orders, shipments).await?);
    // An advice often names only the depositor's order, which names the purchase order.
    let of_advices: Vec<String> =
        known.advices.iter().filter_map(|advice| advice.record.order_number.clone()).collect();
    known.add(work.find_shipping_orders(&of_advices).await?);
    known.add(work.find_ship_notices(&purchase_orders).await?);
    known.add(work.find_stock_receipts(&purchase_orders).await?);
    known.add(work.find_order_acknowledgments(&purchase_orders).await?);
    known.add(work.find_invoices(&purchase_orders).await?);
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
    for next in follow::routes((document.id, document.record.as_ref()), profile, agreements, known, now) {
        match next {
            Next::Send { to, sends, record, hold } => {
                let source = document.id;
                outgoing.shipments.push(Shipment { to, sends, record, source, issue: None, hold });
            }
            Next::Load(advice) => {
                let what = advice.number_kind.replace('_', " ");
                status = (Business::Waiting, format!("is told with the others of {what} {}", advice.raw));
                outgoing.loads.push(advice);
            }
            Next::Nothing(why) => status = (Business::Settled, why),
            Next::Waiting(why) => status = (Business::Waiting, why),
        }
    }
    status
}

/// Documents that waited for one of these files': what was missing may be there now. What follows goes with the file
/// that wakes them.
async fn wake_waiting(
    work: &mut Work,
    files: &[ReadFile],
    agreements: &Agreements,
    now: DateTime<Utc>,
    outgoing: &mut [Outgoing],
) -> Result<Vec<(Uuid, Business, String)>, Error> {
    let numbers: Vec<known::Numbers> = files
        .iter()
        .map(|file| {
            let arrived = file.reading.documents.iter().filter_map(|document| match &document.record {
                Some(record @ (Record::PurchaseOrder(_) | Record::ShippingOrder(_))) => Some(record),
                _ => None,
            });
            known::numbers(arrived)
        })
        .collect();
    let mut waiting: Vec<(usize, Document)> = Vec::new();
    for (place, numbers) in numbers.iter().enumerate().filter(|(_, numbers)| !numbers.is_empty()) {
        for found in work.find_waiting_advices(&numbers.orders, &numbers.purchase_orders).await? {
            if waiting.iter().all(|(_, document)| document.id != found.document_id) {
                waiting.push((place, Document::stored(found.document_id, &found.partner_id, found.record)));
            }
        }
    }
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let of_files = files.iter().flat_map(|file| &file.reading.documents);
    let known = look_up(work, of_files.chain(waiting.iter().map(|(_, document)| document))).await?;
    let mut settled = Vec::new();
    for (place, document) in &waiting {
        let Some(profile) = agreements.profiles.find(&document.partner) else { continue };
        let Some(outgoing) = outgoing.get_mut(*place) else { continue };
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
pub(super) async fn tell_unsound(
    work: &mut Work,
    unsound: &[&Unsound],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if unsound.is_empty() {
        return Ok(());
    }
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
