//! Carry out: everything a file means and everything that follows from it is written, in one transaction.

use super::acknowledge::acknowledge;
use super::agreed;
use super::follow::{self, Next};
use super::gate::{self, Judged, NotCompared};
use super::hub::{Error, Hub};
use super::known::{self, Known};
use super::missing::{self, Exchanged};
use super::outbound::{Outgoing, Shipment, Unsound};
use super::outgoing::{Unrouted, identity};
use super::portions::{self, ReadFile};
use super::read::Document;
use super::rows::{self, Fresh};
use super::{advised, answers, compare, labels, outbound, repeats, revisions, shipments, unrouted};
use crate::canonical::{NumberKind, Record};
use crate::formats::x12::verdict;
use crate::ids;
use crate::kill_points;
use crate::pipeline::Agreements;
use crate::store::{
    self, Business, FileOutcome, LoadedAdvice, NewException, NewFinding, NewRecord, NumbersAsked, Work,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use tracing::error;
use uuid::Uuid;

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
    /// Why what a person wished to be made anew was not.
    pub(super) not_made: Vec<String>,
}

/// Writes all that readings mean and all that follows from them. Of a file that was read before, what had effects
/// stands as it is: only what had none is written anew, and nothing is sent or answered a second time. A large file is
/// written portion by portion; what it sends goes at the end, all together.
pub(super) async fn carry_out(
    hub: &Hub,
    work: &mut Work,
    mut files: Vec<ReadFile>,
    agreements: &Arc<Agreements>,
    again: &Again,
) -> Result<Vec<Carried>, Error> {
    let now = hub.clock.now();
    let mut so_far = SoFar::default();
    for (file, place) in files.iter().zip(0..) {
        // Of two documents about the same the later one counts, so no two files are of one instant.
        // What was answered was answered for the file that came.
        let came = again.corrects.last().copied().unwrap_or(file.row.id);
        let mut out = Outgoing::new(came, now + TimeDelta::microseconds(place));
        let read_before = file.row.profile_version.is_some();
        out.again = read_before || !again.corrects.is_empty();
        let mut stands = if read_before {
            forget_what_had_no_effect(work, file.row.id, again).await?
        } else {
            BTreeSet::new()
        };
        stands.extend(&again.known);
        out.earlier.extend(&stands);
        out.received_at = if read_before { file.row.received_at } else { out.now };
        so_far.outgoing.push(out);
        so_far.files.push(Progress { standing: stands, ..Progress::default() });
    }
    let repeated = repeats::judge(work, &mut files, &again.corrects, agreements, now).await?;
    let mut interchanges = Vec::new();
    for (file, repeated) in files.iter().zip(&repeated) {
        interchanges.extend(rows::interchanges(&file.reading, repeated, file.row.id, file.row.received_at));
    }
    work.insert_interchanges(&interchanges).await?;

    let mut portions: Vec<_> = files.iter_mut().map(ReadFile::begin_portion).collect();
    if portions.iter().any(Option::is_some) {
        // Which orders it speaks of is not known before its end.
        work.lock_all_orders().await?;
    }
    loop {
        for (file, portion) in files.iter_mut().zip(&mut portions) {
            if let Some(portion) = portion.take() {
                file.reading.take(portion.await.map_err(Error::Panicked)?);
            }
        }
        portions = files.iter_mut().map(ReadFile::begin_portion).collect();
        write_portion(hub, work, &mut files, &mut so_far, agreements, again, now).await?;
        if portions.iter().all(Option::is_none) {
            break;
        }
    }

    let SoFar { mut outgoing, files: progress, .. } = so_far;
    for ((file, out), repeated) in files.iter().zip(&mut outgoing).zip(&repeated) {
        acknowledge(&file.reading, repeated, agreements, out);
    }
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
    let unrouted: Vec<Unrouted> =
        outgoing.iter_mut().flat_map(|out| std::mem::take(&mut out.unrouted)).collect();
    unrouted::tell(work, &unrouted, now).await?;
    let tried = outgoing.iter().filter(|out| out.again).flat_map(|out| &out.shipments);
    let mut tried: Vec<Uuid> = tried.map(|shipment| shipment.source).collect();
    let not_compared: Vec<NotCompared> =
        outgoing.iter_mut().flat_map(|out| std::mem::take(&mut out.not_compared)).collect();
    gate::tell_not_compared(work, &not_compared, &tried, now).await?;
    let compositions = outbound::compose(hub, work, outgoing, agreements).await?;
    let unsound: Vec<&Unsound> = compositions.iter().flat_map(|composed| &composed.unsound).collect();
    tried.retain(|source| unsound.iter().all(|unsound| unsound.source != *source));
    if !tried.is_empty() {
        work.settle_exceptions_of(&tried, CANNOT_COMPOSE, "it can be written now", now).await?;
    }
    tell_unsound(work, &unsound, now).await?;
    let refused = |document: &&Document| document.status == verdict::Status::Rejected;
    let carried = files.iter().zip(outcomes).zip(&compositions).zip(progress);
    let carried = carried.map(|(((file, (_, outcome)), composition), progress)| Carried {
        outcome,
        accepted: file.reading.documents.iter().filter(|document| !refused(document)).count(),
        documents: file.reading.documents.len(),
        sent: composition.sent,
        batched: composition.batched,
        revised: progress.revised,
        not_made: progress
            .not_made
            .into_iter()
            .chain(composition.unsound.iter().map(|unsound| unsound.why.clone()))
            .collect(),
    });
    Ok(carried.collect())
}

/// What was carried out of files so far.
#[derive(Debug, Default)]
struct SoFar {
    outgoing: Vec<Outgoing>,
    files: Vec<Progress>,
    seen: repeats::Seen,
}

/// How far one file is carried out.
#[derive(Debug, Default)]
struct Progress {
    /// Documents that stand, because they became records before.
    standing: BTreeSet<Uuid>,
    /// Records that were replaced.
    revised: usize,
    /// Its documents that are written.
    documents: usize,
    /// Its findings that are written.
    findings: i32,
    /// Why what was to be made anew is not.
    not_made: Vec<String>,
}

/// Writes what files have read since the last time, and adds what follows from it to what they send.
async fn write_portion(
    hub: &Hub,
    work: &mut Work,
    files: &mut [ReadFile],
    so_far: &mut SoFar,
    agreements: &Arc<Agreements>,
    again: &Again,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let SoFar { outgoing, files: progress, seen } = so_far;
    let first: Vec<usize> = progress.iter().map(|progress| progress.documents).collect();
    for ((file, out), first) in files.iter_mut().zip(&*outgoing).zip(&first) {
        agreed::judge(&mut file.reading, *first, agreements, out.received_at);
    }
    repeats::businesses(work, files, &first, seen, &again.corrects, agreements, now).await?;
    if again.revise {
        // After it is judged: what is held or refused now stays what it was.
        for ((file, progress), first) in files.iter().zip(&mut *progress).zip(&first) {
            let documents = file.reading.documents.get(*first..).unwrap_or_default();
            progress.revised += revise(hub, work, documents, &mut progress.standing, again).await?;
        }
    }
    let portion: Vec<&[Document]> = files
        .iter()
        .zip(&first)
        .map(|(file, first)| file.reading.documents.get(*first..).unwrap_or_default())
        .collect();
    let mut known = known::look_up(work, portion.iter().flat_map(|documents| *documents)).await?;
    let (mut fresh, mut taken) = (Vec::new(), Vec::new());
    for ((file, out), progress) in files.iter().zip(&mut *outgoing).zip(&mut *progress) {
        for (index, document) in file.reading.documents.iter().enumerate().skip(progress.documents) {
            let stands = progress.standing.contains(&document.id);
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
            if issue.is_some() && out.shipments.len() == before {
                let (kind, number) = (document.kind.replace('_', " "), document.record.as_ref());
                let number = number.and_then(|record| record.business_number()).unwrap_or_default();
                let why = if business.1.is_empty() { "no route takes it" } else { &business.1 };
                progress.not_made.push(format!("{kind} {number}: {why}"));
            }
            if stands && business.0 != Business::Exception {
                taken.push(document.id);
            }
            if !stands {
                let (file, received_at) = (file.row.id, out.received_at);
                fresh.push(Fresh { file, received_at, index, document, business });
            }
        }
    }
    unrouted::settle(work, &taken, now).await?;
    let waiting = wake_waiting(work, &portion, agreements, now, outgoing).await?;

    // What invoices are compared with counts documents of the same files; what that makes of the invoices is written
    // with them.
    fresh.sort_by_key(|fresh| fresh.is_invoice());
    let others = fresh.partition_point(|fresh| !fresh.is_invoice());
    work.insert_documents(&rows::documents(fresh.get(..others).unwrap_or_default(), agreements)).await?;
    work.insert_records(&records(fresh.get(..others).unwrap_or_default())).await?;
    compare::look_up(work, &mut known, agreements, true).await?;
    let known = Arc::new(known);
    let any_record = fresh.iter().any(|fresh| fresh.document.record.is_some());
    let comparing = any_record.then(|| compare::begin(&known, agreements, now));
    work.insert_records(&records(fresh.get(others..).unwrap_or_default())).await?;
    let unfinished =
        shipments::judge(work, portion.iter().flat_map(|documents| *documents), &known, agreements, now)
            .await?;
    labels::tell(work, &fresh, &known, agreements, now).await?;
    revisions::tell(work, &fresh, &known, outgoing, agreements, now).await?;
    let any_again = outgoing.iter().any(|out| out.again);
    let mut later = match comparing {
        Some(comparing) => {
            let compared = comparing.await.map_err(Error::Panicked)?;
            compare::settle(work, &mut fresh, compared, now, any_again).await?
        }
        None => Vec::new(),
    };
    work.insert_documents(&rows::documents(fresh.get(others..).unwrap_or_default(), agreements)).await?;
    let mut findings: Vec<NewFinding<'_>> = Vec::new();
    for ((file, progress), documents) in files.iter().zip(&mut *progress).zip(&portion) {
        let of_file = if progress.documents == 0 { &*file.reading.findings } else { &[] };
        let before = findings.len();
        findings.extend(rows::findings(of_file, documents, file.row.id, progress.findings));
        progress.findings += i32::try_from(findings.len() - before).unwrap_or(i32::MAX);
    }
    work.insert_findings(&findings).await?;
    later.extend(waiting);
    work.set_business(&later).await?;
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
    for (file, progress) in files.iter_mut().zip(progress) {
        portions::free(file.reading.let_go(progress.documents));
        progress.documents = file.reading.documents.len();
    }
    portions::free(known);
    Ok(())
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
    documents: &[Document],
    standing: &mut BTreeSet<Uuid>,
    again: &Again,
) -> Result<usize, Error> {
    let mut revised = 0;
    for document in documents {
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
    let mut status = (Business::Open, follow::remark(document.record.as_ref(), &document.partner, known));
    for next in follow::routes((document.id, document.record.as_ref()), profile, agreements, known, now) {
        match next {
            Next::Send { to, sends, record, judged: Judged { hold, unjoined } } => {
                let source = document.id;
                if !unjoined.is_empty() {
                    outgoing.not_compared.push(not_compared(document, &to, unjoined));
                }
                outgoing.shipments.push(Shipment { to, sends, record, source, issue: None, hold });
            }
            Next::Load(advice) => {
                let what = advice.number_kind.replace('_', " ");
                status = (Business::Waiting, format!("is told with the others of {what} {}", advice.raw));
                outgoing.loads.push(advice);
            }
            Next::Nothing(why) => status = (Business::Settled, why),
            Next::Waiting(why) => status = (Business::Waiting, why),
            Next::Unrouted(why) => {
                let number = document.record.as_ref().and_then(|record| record.business_number());
                outgoing.unrouted.push(Unrouted {
                    document: document.id,
                    partner: document.partner.clone(),
                    what: format!("{} {}", document.kind.replace('_', " "), number.unwrap_or_default()),
                    why: why.clone(),
                });
                status = (Business::Exception, why);
            }
        }
    }
    status
}

fn not_compared(document: &Document, to: &str, why: Vec<String>) -> NotCompared {
    let kind = document.kind.replace('_', " ");
    let record = document.record.as_ref();
    let number = record.and_then(|record| record.business_number()).unwrap_or_default();
    let of = |kind| {
        let mut numbers = record.into_iter().flat_map(Record::numbers);
        numbers.find(|number| number.kind == kind).map(|number| number.raw)
    };
    NotCompared {
        document: document.id,
        partner: document.partner.clone(),
        to: to.to_owned(),
        what: format!("{kind} {number}"),
        numbers: [of(NumberKind::Order), of(NumberKind::PurchaseOrder)],
        why,
    }
}

/// Documents that waited for one of these files': what was missing may be there now. What follows goes with the file
/// that wakes them.
async fn wake_waiting(
    work: &mut Work,
    files: &[&[Document]],
    agreements: &Agreements,
    now: DateTime<Utc>,
    outgoing: &mut [Outgoing],
) -> Result<Vec<(Uuid, Business, String)>, Error> {
    let numbers: Vec<NumbersAsked> = files
        .iter()
        .map(|documents| {
            let arrived = documents.iter().filter_map(|document| match &document.record {
                Some(record @ (Record::PurchaseOrder(_) | Record::ShippingOrder(_))) => {
                    Some((document.partner.as_str(), record))
                }
                _ => None,
            });
            known::numbers(arrived)
        })
        .collect();
    let mut waiting: Vec<(usize, Document)> = Vec::new();
    for (place, numbers) in numbers
        .iter()
        .enumerate()
        .filter(|(_, asked)| !asked.orders.is_empty() || !asked.purchase_orders.is_empty())
    {
        for found in work.find_waiting_advices(&numbers.orders, &numbers.purchase_orders).await? {
            if waiting.iter().all(|(_, document)| document.id != found.document_id) {
                waiting.push((place, Document::stored(found.document_id, &found.partner_id, found.record)));
            }
        }
    }
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let known = known::look_up(
        work,
        files.iter().flat_map(|documents| *documents).chain(waiting.iter().map(|(_, document)| document)),
    )
    .await?;
    let mut settled = Vec::new();
    for (place, document) in &waiting {
        let Some(profile) = agreements.profiles.find(&document.partner) else { continue };
        let Some(outgoing) = outgoing.get_mut(*place) else { continue };
        // What did not wait was sent when the document came.
        outgoing.earlier.push(document.id);
        let before = outgoing.shipments.len();
        let (mut business, why) = follow_routes(document, profile, agreements, &known, now, outgoing);
        // Nor is it sent twice when it came with an earlier portion of the same file.
        let known_before: HashSet<String> = outgoing
            .shipments
            .iter()
            .take(before)
            .filter(|one| one.source == document.id)
            .map(|one| identity(one, None))
            .collect();
        let mut place = 0;
        outgoing.shipments.retain(|shipment| {
            place += 1;
            place <= before || !known_before.contains(&identity(shipment, None))
        });
        if business == Business::Open {
            business = Business::Settled;
        }
        if business != Business::Waiting {
            settled.push((document.id, business, why));
        }
    }
    Ok(settled)
}

/// Kind of the exceptions that tell what cannot be written.
const CANNOT_COMPOSE: &str = "cannot_compose";

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
            id: ids::derived("exception", &[CANNOT_COMPOSE, &unsound.source.to_string(), &unsound.to]),
            kind: CANNOT_COMPOSE.to_owned(),
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
