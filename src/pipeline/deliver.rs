//! Deliver: hands frozen bytes to one channel. A try is written down before it is made and after it.

use super::calls;
use super::crew::UnderWay;
use super::hub::{Error, Hub, back_off, explain};
use super::mailed;
use super::process::Failed;
use super::receipts;
use crate::kill_points;
use crate::profiles;
use crate::store::{AttemptOutcome, DeliveryKind, EndedAttempt, Hold, Job, Lane, Lease, LoadedDelivery};
use crate::transports::{self, FileName, Kind, Outcome, Put};
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tracing::{debug, error, info, warn};
use uuid::Uuid;

/// Tries before a person is asked: with the waits between them about a day and a half.
pub(super) const MOST_TRIES: i32 = 400;
/// How often a delivery that is held back looks whether it may go.
const LOOK_AT_HOLD_EVERY: Duration = Duration::from_secs(60);
/// After a host key that is not the pinned one nothing is sent until a person has looked.
const HELD_KINDS: &[Kind] = &[Kind::HostKeyMismatch, Kind::Invalid, Kind::Permission];
/// After a refused login all deliveries over the channel wait for so long: held one by one, each would have to be
/// released. A changed profile, or `release`, has them tried at once.
const AFTER_REFUSED_LOGIN: Duration = Duration::from_secs(30 * 60);

/// Earlier tries whose temporary files are cleared: each try clears those before it.
const STALE_TRIES: usize = 3;

/// Deliveries over one channel that are made together, at most, and their bytes.
pub(super) const TOGETHER: (i64, i64) = (64, 4 << 20);

/// The lanes of deliveries, one for each channel.
pub(super) fn lanes(hub: &Hub) -> Vec<Lane> {
    let agreements = hub.agreements();
    let channels = agreements.profiles.list().flat_map(|profile| {
        profile.channels.values().map(|channel| Lane {
            name: format!("{}/{}", profile.id, channel.name),
            room: at_once(&channel.transport),
        })
    });
    channels.collect()
}

/// Deliveries over a channel that may be under way at once: as many as its other side takes in one go.
fn at_once(transport: &profiles::Transport) -> i64 {
    match transport {
        profiles::Transport::Local { .. } => TOGETHER.0,
        // One more for each session, which goes on at once when the one before it is done.
        profiles::Transport::Sftp(settings) => i64::try_from(settings.sessions).unwrap_or(1) * 2,
        profiles::Transport::Http(settings) => i64::try_from(settings.limits.at_once).unwrap_or(1),
        // They go one after another all the same.
        profiles::Transport::Mail(_) => 8,
    }
}

/// Makes one try of each job's delivery, all of them over one channel. What the partner's side answers is an outcome; jobs
/// that failed are given.
pub(super) async fn deliver(hub: &Arc<Hub>, jobs: Vec<Job>, under_way: &UnderWay) -> Vec<Failed> {
    let begun = match begin(hub, &jobs).await {
        Ok(begun) => begun,
        Err(error) if jobs.len() == 1 || error.is_unreachable() => {
            let error = Arc::new(error);
            return jobs.into_iter().map(|job| Failed { job, error: error.clone() }).collect();
        }
        Err(error) => {
            debug!("{} deliveries are made one by one: {}", jobs.len(), explain(&error));
            let mut failed = Vec::new();
            for job in jobs {
                failed.extend(Box::pin(deliver(hub, vec![job], under_way)).await);
            }
            return failed;
        }
    };
    let (files, calls): (Vec<Try>, Vec<Try>) =
        begun.into_iter().partition(|one| one.delivery.row.kind == DeliveryKind::File);
    let mut failed = Vec::new();
    if let Some(first) = files.first() {
        let channel = first.delivery.row.channel.clone();
        let outcomes = put(hub, &channel, &files, under_way).await;
        failed.extend(finish(hub, files.into_iter().zip(outcomes).collect(), under_way).await);
    }
    let calls: FuturesUnordered<_> = calls
        .into_iter()
        .map(async |one| {
            let outcome = calls::call(hub, &one.delivery, one.number, one.tries()).await;
            (one, outcome)
        })
        .collect();
    // A slow one holds up nothing but itself.
    let mut ended = calls.ready_chunks(TOGETHER.0.unsigned_abs() as usize);
    while let Some(ended) = ended.next().await {
        failed.extend(finish(hub, ended, under_way).await);
    }
    failed
}

/// A try that has begun.
struct Try {
    job: Job,
    /// The number of this try, the first is 1.
    number: i32,
    delivery: LoadedDelivery,
}

impl Try {
    /// Tries since a person released it last.
    fn tries(&self) -> i32 {
        self.job.attempts
    }
}

/// Begins a try of each delivery that may go.
async fn begin(hub: &Arc<Hub>, jobs: &[Job]) -> Result<Vec<Try>, Error> {
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.subject_id).collect();
    let mut holds: HashMap<Uuid, Hold> =
        hub.store.find_holds(&ids).await?.into_iter().map(|hold| (hold.delivery_id, hold)).collect();
    let mut going = Vec::new();
    for job in jobs {
        let Some(late) = holds.remove(&job.subject_id) else {
            going.push(job);
            continue;
        };
        let why = format!(
            "held back until {} acknowledges group {} {}, or a person settles that it is overdue",
            late.partner_id, late.functional_id, late.group_control
        );
        hub.store.retry_job(job.lease, LOOK_AT_HOLD_EVERY, &why).await?;
    }
    let claims: Vec<(Lease, Uuid)> = going.iter().map(|job| (job.lease, job.subject_id)).collect();
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let attempts = hub.store.begin_attempts(&claims).await?;
    kill_points::pass("out.begin.after");
    let begun: Vec<(&Job, i32)> =
        going.into_iter().zip(attempts).filter_map(|(job, number)| Some((job, number?))).collect();
    let ids: Vec<Uuid> = begun.iter().map(|(job, _)| job.subject_id).collect();
    let loaded = hub.store.load_deliveries(&ids).await?;
    let tries = begun.into_iter().zip(loaded).map(|((job, number), delivery)| Try {
        job: job.clone(),
        number,
        delivery,
    });
    Ok(tries.collect())
}

/// Commits how tries ended: together, or else each that can be.
async fn finish(hub: &Arc<Hub>, tried: Vec<(Try, AttemptOutcome)>, under_way: &UnderWay) -> Vec<Failed> {
    let fail = |error: Error, tried: Vec<(Try, AttemptOutcome)>| {
        let error = Arc::new(error);
        tried.into_iter().map(|(one, _)| Failed { job: one.job, error: error.clone() }).collect()
    };
    let mut deadlines = match deadlines(hub, &tried).await {
        Ok(deadlines) => deadlines,
        Err(error) => return fail(error, tried),
    };
    let mut ended = Vec::with_capacity(tried.len());
    for (one, outcome) in &tried {
        tell(&one.delivery, outcome);
        ended.push(EndedAttempt {
            lease: one.job.lease,
            delivery_id: one.delivery.row.id,
            number: one.number,
            outcome: outcome.clone(),
            deadlines: deadlines.remove(&one.delivery.row.id).unwrap_or_default(),
        });
    }
    kill_points::pass("out.done.before");
    let done = hub.store.finish_attempts(&ended).await;
    kill_points::pass("out.done.after");
    let mut failed = Vec::new();
    match done {
        Ok(()) => {
            tried.iter().for_each(|(one, _)| under_way.settle(&one.job));
            settle_late_responses(hub, &tried).await;
        }
        Err(error) if tried.len() == 1 || error.is_unreachable() => return fail(error.into(), tried),
        Err(_) => {
            for ((one, _), ended) in tried.into_iter().zip(&ended) {
                match hub.store.finish_attempts(std::slice::from_ref(ended)).await {
                    Ok(()) => under_way.settle(&one.job),
                    Err(error) => failed.push(Failed { job: one.job, error: Arc::new(error.into()) }),
                }
            }
        }
    }
    failed
}

/// Calls that were answered late need nobody any more. Should it fail, a person settles it.
async fn settle_late_responses(hub: &Hub, tried: &[(Try, AttemptOutcome)]) {
    let delivered = tried.iter().filter(|(one, outcome)| {
        one.delivery.row.kind == DeliveryKind::Call && matches!(outcome, AttemptOutcome::Delivered { .. })
    });
    let told: Vec<Uuid> = delivered.map(|(one, _)| receipts::about_response(one.delivery.row.id)).collect();
    // All of them go over one channel.
    let Some((first, _)) = tried.first().filter(|_| !told.is_empty()) else { return };
    let place = hub.find_place(&first.delivery.row.channel);
    if !place.is_ok_and(|place| place.channel.receipt_within.is_some()) {
        return;
    }
    let settle = async {
        let mut work = hub.store.begin().await?;
        work.settle_exceptions_by_hub(&told, "it was answered", hub.clock.now()).await?;
        work.commit().await
    };
    if let Err(error) = settle.await {
        warn!("exceptions about {} late calls stay open though they were answered: {error}", told.len());
    }
}

fn tell(delivery: &LoadedDelivery, outcome: &AttemptOutcome) {
    let row = &delivery.row;
    let name = &delivery.file.row.name;
    match outcome {
        AttemptOutcome::Delivered { detail, .. } => {
            let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
            info!(delivery.id = %row.id, partner.id = %row.partner_id, "delivered `{name}` to {}{detail}", row.channel);
        }
        AttemptOutcome::Retry { after, error } | AttemptOutcome::Unknown { after, error } => {
            warn!(
                delivery.id = %row.id, partner.id = %row.partner_id,
                "`{name}` is not delivered to {} yet, trying again in {} s: {error}", row.channel, after.as_secs()
            );
        }
        AttemptOutcome::Held { reason } => {
            error!(delivery.id = %row.id, partner.id = %row.partner_id, "`{name}` is held: {reason}");
        }
    }
}

/// When what is counted in business time is due, from now on, since it is delivered; by delivery.
async fn deadlines(
    hub: &Arc<Hub>,
    outcomes: &[(Try, AttemptOutcome)],
) -> Result<HashMap<Uuid, Vec<(Uuid, DateTime<Utc>)>>, Error> {
    let delivered: HashMap<Uuid, &str> = outcomes
        .iter()
        .filter(|(_, outcome)| matches!(outcome, AttemptOutcome::Delivered { .. }))
        .map(|(one, _)| (one.delivery.row.id, one.delivery.row.partner_id.as_str()))
        .collect();
    let mut due: HashMap<Uuid, Vec<(Uuid, DateTime<Utc>)>> = HashMap::new();
    if delivered.is_empty() {
        return Ok(due);
    }
    let ids: Vec<Uuid> = delivered.keys().copied().collect();
    let (now, agreements) = (hub.clock.now(), hub.agreements());
    for (delivery, expected, rule) in hub.store.list_due_rules(&ids).await? {
        let profile = delivered.get(&delivery).and_then(|partner| agreements.profiles.find(partner));
        // A rule that is no rule any more leaves the deadline that was counted when it was made.
        if let (Some(profile), Ok(rule)) = (profile, rule.parse()) {
            due.entry(delivery).or_default().push((expected, profile.calendar.due(now, rule)));
        }
    }
    Ok(due)
}

/// The name of a file until it is whole. It begins with a dot: the usual patterns of those who pick up pass over it. Each
/// try has its own, so that one that was stopped in the middle never shows what another is writing.
fn temporary(delivery: Uuid, number: i32) -> FileName {
    let name = format!(".{}.{number}.part", delivery.simple());
    name.parse().expect("it is a plain name")
}

/// Puts files into the folder of one channel; outcomes in the order given.
async fn put(hub: &Arc<Hub>, channel: &str, tries: &[Try], under_way: &UnderWay) -> Vec<AttemptOutcome> {
    let all =
        |outcome: &dyn Fn(i32) -> AttemptOutcome| tries.iter().map(|one| outcome(one.tries())).collect();
    let place = match hub.find_place(channel) {
        Ok(place) => place,
        Err(error) => return all(&|_| held(explain(&error))),
    };
    if let profiles::Transport::Mail(to) = &place.channel.transport {
        // One after another: servers of mail count those who send much at once as senders of spam.
        let mut outcomes = Vec::with_capacity(tries.len());
        for one in tries {
            outcomes.push(mailed::mail(hub, to, &one.delivery, one.tries()).await);
        }
        return outcomes;
    }
    let (Some(outbound), Ok(transport)) = (&place.channel.outbound, hub.transport(&place)) else {
        return all(&|_| held(format!("channel {channel} has no outbound folder any more")));
    };
    if let transports::Transport::Local(local) = &*transport
        && let Err(error) = local.create_folder(&outbound.path).await
    {
        return all(&|tries| failed(&error, tries));
    }
    let mut puts = Vec::new();
    let mut outcomes: Vec<Option<AttemptOutcome>> = Vec::new();
    for one in tries {
        let row = &one.delivery.row;
        let Ok(final_name) = row.target.parse::<FileName>() else {
            outcomes.push(Some(held(format!("`{}` is no file name", row.target))));
            continue;
        };
        let earlier = (1..one.number).rev().take(STALE_TRIES);
        puts.push(Put {
            temp_name: temporary(row.id, one.number),
            final_name,
            bytes: one.delivery.file.bytes.clone(),
            stale: earlier.map(|number| temporary(row.id, number)).collect(),
            claim: under_way.claim(&one.job),
            direct: outbound.direct,
        });
        outcomes.push(None);
    }
    let mut written = transport.write_batch(&outbound.path, puts).await.into_iter();
    let outcomes = outcomes.into_iter().zip(tries).map(|(outcome, one)| {
        let row = &one.delivery.row;
        outcome.unwrap_or_else(|| match written.next().expect("a batch answers once for each file") {
            Ok(Outcome::Delivered) => delivered(None, ""),
            Ok(Outcome::AlreadyThere { same: true }) => delivered(None, "it was there already"),
            Ok(Outcome::AlreadyThere { same: false }) => held(format!(
                "`{}` is taken in {} of {} by a file with other contents; move it away, then release the delivery: `crossdock release {}`",
                row.target,
                outbound.path,
                row.channel,
                crate::ids::short(row.id)
            )),
            Err(error) => failed(&error, one.tries()),
        })
    });
    outcomes.collect()
}

pub(super) fn failed(error: &transports::Error, tries: i32) -> AttemptOutcome {
    let why = error.with_hint();
    if error.kind() == Kind::AuthRefused {
        return retry(tries, Some(AFTER_REFUSED_LOGIN), why);
    }
    if HELD_KINDS.contains(&error.kind()) || (!error.is_temporary() && error.kind() != Kind::NotFound) {
        return held(why);
    }
    retry(tries, error.retry_after(), why)
}

pub(super) fn retry(tries: i32, asked: Option<Duration>, error: String) -> AttemptOutcome {
    if tries >= MOST_TRIES {
        return held(format!("{error} (after {tries} tries)"));
    }
    let own = back_off(tries.unsigned_abs());
    AttemptOutcome::Retry { after: asked.map_or(own, |asked| asked.max(own)), error }
}

pub(super) fn delivered(response_id: Option<String>, detail: &str) -> AttemptOutcome {
    AttemptOutcome::Delivered { response_id, detail: detail.to_owned() }
}

pub(super) fn held(reason: impl Into<String>) -> AttemptOutcome {
    AttemptOutcome::Held { reason: reason.into() }
}
