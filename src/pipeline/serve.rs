//! Keeps the work going: one pass over everything, or until told to stop.

use super::hub::{Error, Hub, Place};
use super::process::Failed;
use super::{batches, chores, deliver, process, receive, reload, reports, schedules};
use crate::config::PROCESS;
use crate::kill_points;
use crate::profiles::{self, Channel};
use crate::store::{AtOnce, Job, JobFilter, JobKind, JobState, Lease};
use crate::transports::watch::Watcher;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, RwLock, watch};
use tokio::task::JoinSet;
use tracing::{debug, error, info, warn};

/// A lease lasts 20 seconds; it is extended every 5.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Jobs are looked for at least this often, should a wake be lost.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Deliveries under way at once.
const DELIVERIES: usize = 4;
/// How long running steps may take to end once the hub is told to stop; it is gone 5 s later at most.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// How often the chores run.
const CHORES_EVERY: Duration = Duration::from_secs(15);

/// What one pass came to.
#[derive(Clone, Debug, Default)]
pub struct Pass {
    /// Files taken.
    pub received: usize,
    /// Files processed.
    pub processed: usize,
    /// Deliveries tried.
    pub delivered: usize,
    /// Scheduled reports made, and mails tried.
    pub reported: usize,
    /// Files that are not at their end, as `channel: name`.
    pub waiting: Vec<String>,
    /// What could not be reached or taken, as `channel: why`.
    pub unreachable: Vec<String>,
    /// Jobs that are to be tried again later.
    pub later: i64,
    /// Jobs that are held until a person acts, those of earlier passes among them.
    pub held: usize,
}

/// Picks up, processes and delivers everything there is to do now; of one partner's channels only, if one is named.
///
/// # Errors
/// When the database cannot be reached. A partner that cannot be reached is told in the pass.
pub async fn run_once(hub: &Arc<Hub>, partner: Option<&str>) -> Result<Pass, Error> {
    hub.keep_profile_versions().await?;
    release_dead_workers(hub).await?;
    let mut pass = Pass::default();
    let mut took = [Duration::ZERO; 3];
    loop {
        let mut began = Instant::now();
        let mut lap = || std::mem::replace(&mut began, Instant::now()).elapsed();
        let before = (pass.received, pass.processed, pass.delivered);
        pass.waiting.clear();
        pass.unreachable.clear();
        let places = hub.inbound_places();
        for place in places.into_iter().filter(|place| partner.is_none_or(|id| id == place.partner)) {
            loop {
                match receive::poll(hub, &place).await {
                    Ok(polled) => {
                        pass.received += polled.accepted;
                        let names = polled.waiting.iter().map(|name| format!("{}: {name}", place.key()));
                        pass.waiting.extend(names);
                        let left = polled.left.iter().map(|why| format!("{}: {why}", place.key()));
                        pass.unreachable.extend(left);
                        if !polled.more || polled.accepted == 0 {
                            break;
                        }
                    }
                    Err(Error::Store(error)) => return Err(error.into()),
                    Err(error) => {
                        pass.unreachable.push(format!("{}: {}", place.key(), explain(&error)));
                        break;
                    }
                }
            }
        }
        took[0] += lap();
        pass.processed += drain(hub, JobKind::Process).await?;
        batches::close(hub).await?;
        took[1] += lap();
        // Before deliveries: what chores make is sent in the same pass.
        chores::run(hub).await?;
        pass.delivered += drain(hub, JobKind::Deliver).await?;
        took[2] += lap();
        pass.reported += drain(hub, JobKind::Report).await? + drain(hub, JobKind::Mail).await?;
        drain(hub, JobKind::Dispose).await?;
        if before == (pass.received, pass.processed, pass.delivered) {
            break;
        }
    }
    let [received, processed, delivered] = took.map(|took| took.as_secs_f64());
    info!("took {received:.2} s to receive, {processed:.2} s to process, {delivered:.2} s to deliver");
    let filter = JobFilter {
        state: Some(JobState::Held),
        partner_id: partner.map(str::to_owned),
        ..JobFilter::default()
    };
    pass.held = hub.store.list_job_overviews(&filter, 10_000).await?.len();
    let open = hub.store.count_open_jobs().await?;
    pass.later =
        open.iter().filter(|(_, state, _)| *state == JobState::Ready).map(|(_, _, count)| count).sum();
    Ok(pass)
}

/// Does every job of a kind that is due, several at once; tells how many.
///
/// # Errors
/// When the database cannot be reached.
pub async fn drain(hub: &Arc<Hub>, kind: JobKind) -> Result<usize, Error> {
    let crew = Crew::default();
    let beating = tokio::spawn(heartbeat(hub.clone(), crew.held.clone()));
    let mut tasks = JoinSet::new();
    for place in 0..at_once(hub, kind) {
        let (hub, crew) = (hub.clone(), crew.clone());
        tasks.spawn(async move {
            let mut done = 0;
            loop {
                match crew.claim_and_work(&hub, kind, place).await? {
                    0 => return Ok::<usize, Error>(done),
                    count => done += count,
                }
            }
        });
    }
    let ended = tasks.join_all().await;
    beating.abort();
    let counts: Result<Vec<usize>, Error> = ended.into_iter().collect();
    counts.map(|counts| counts.iter().sum())
}

/// How many workers of a kind there are.
fn at_once(hub: &Hub, kind: JobKind) -> usize {
    match kind {
        JobKind::Process => hub.config.workers,
        JobKind::Deliver => DELIVERIES,
        JobKind::Dispose | JobKind::Report | JobKind::Mail => 1,
    }
}

/// Serves until `stop` becomes true: watches, polls, processes, delivers.
///
/// # Errors
/// When the database cannot be reached at the start; later it is waited for.
pub async fn serve(hub: Arc<Hub>, mut stop: watch::Receiver<bool>) -> Result<(), Error> {
    hub.keep_profile_versions().await?;
    if let Err(error) = release_dead_workers(&hub).await {
        warn!("cannot look for jobs of an earlier run: {error}");
    }
    let crew = Crew::default();
    let mut tasks = JoinSet::new();
    let beating = tokio::spawn(heartbeat(hub.clone(), crew.held.clone()));
    let changed = Arc::new(Notify::new());
    tasks.spawn(watch_places(hub.clone(), changed.clone(), stop.clone()));
    tasks.spawn(reload::watch(hub.clone(), changed, stop.clone()));
    for kind in [JobKind::Process, JobKind::Deliver, JobKind::Report, JobKind::Mail, JobKind::Dispose] {
        for place in 0..at_once(&hub, kind) {
            tasks.spawn(workers(hub.clone(), (kind, place), crew.clone(), stop.clone()));
        }
    }
    tasks.spawn(do_chores(hub.clone(), stop.clone()));
    info!("serving {} inbound channels as node {}", hub.inbound_places().len(), hub.config.node);
    // An error means that the sender is gone, which is a stop as well.
    drop(stop.wait_for(|stop| *stop).await);
    info!("stopping: steps under way are brought to their end");
    let ended = tokio::time::timeout(STOP_WITHIN, async {
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                error!("a task ended badly: {error}");
            }
        }
    });
    if ended.await.is_err() {
        warn!("some steps did not end in time; their leases run out and they are done again");
    }
    beating.abort();
    Ok(())
}

/// Looks at every channel on which files come, by the profiles in force.
async fn watch_places(hub: Arc<Hub>, changed: Arc<Notify>, mut stop: watch::Receiver<bool>) {
    let mut tasks = JoinSet::new();
    // Each with what was agreed of it: a channel that changed is looked at anew.
    let mut watched: BTreeMap<String, (Channel, watch::Sender<bool>)> = BTreeMap::new();
    loop {
        let places: BTreeMap<String, Place> =
            hub.inbound_places().into_iter().map(|place| (place.key(), place)).collect();
        watched.retain(|key, (agreed, end)| {
            let same = places.get(key).is_some_and(|place| place.channel == *agreed);
            if !same {
                end.send_replace(true);
            }
            same
        });
        for (key, place) in places {
            watched.entry(key).or_insert_with(|| {
                let (end, ended) = watch::channel(false);
                let agreed = place.channel.clone();
                tasks.spawn(watch_place(hub.clone(), place, ended));
                (agreed, end)
            });
        }
        tokio::select! {
            () = changed.notified() => {}
            Some(ended) = tasks.join_next() => {
                if let Err(error) = ended {
                    error!("a channel is looked at no more: {error}");
                }
            }
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    for (_, end) in watched.values() {
        end.send_replace(true);
    }
    while tasks.join_next().await.is_some() {}
}

/// Looks at one channel over and over: when its folder changes, and at its interval.
async fn watch_place(hub: Arc<Hub>, place: Place, mut stop: watch::Receiver<bool>) {
    let Some(inbound) = place.channel.inbound.clone() else { return };
    let mut watcher = watcher(&place, inbound.poll_every);
    let mut failures = 0;
    loop {
        let wait = match receive::poll(&hub, &place).await {
            Ok(polled) if polled.more => Duration::ZERO,
            Ok(polled) => {
                failures = 0;
                // A file that is not at its end is worth a look before the interval is over.
                if polled.waiting.is_empty() {
                    inbound.poll_every
                } else {
                    inbound.poll_every.min(Duration::from_secs(5))
                }
            }
            Err(error) => {
                failures += 1;
                let wait = back_off(failures).max(inbound.poll_every.min(Duration::from_secs(5)));
                if error.is_temporary() {
                    warn!(channel = %place.key(), "cannot look into the channel, trying again in {} s: {}", wait.as_secs(), explain(&error));
                } else {
                    error!(channel = %place.key(), "cannot look into the channel: {}", explain(&error));
                }
                wait
            }
        };
        if watcher.is_none() && place.is_local() {
            watcher = self::watcher(&place, inbound.poll_every);
        }
        let nudged = async {
            match &mut watcher {
                Some(watcher) => drop(watcher.next().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = nudged, if wait > Duration::ZERO => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

fn watcher(place: &Place, every: Duration) -> Option<Watcher> {
    let profiles::Transport::Local { root } = &place.channel.transport else { return None };
    let folder: PathBuf = root.join(place.channel.inbound.as_ref()?.path.trim_start_matches('/'));
    match Watcher::start(std::slice::from_ref(&folder), every) {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            // The interval finds files all the same, and the folder once it exists.
            debug!(channel = %place.key(), "not watching: {error}");
            None
        }
    }
}

async fn workers(
    hub: Arc<Hub>,
    (kind, place): (JobKind, usize),
    crew: Crew,
    mut stop: watch::Receiver<bool>,
) {
    let mut wakes = hub.store.listen();
    let mut failures = 0;
    loop {
        if *stop.borrow() {
            return;
        }
        match crew.claim_and_work(&hub, kind, place).await {
            Ok(0) => failures = 0,
            Ok(_) => {
                failures = 0;
                continue;
            }
            Err(error) => {
                failures += 1;
                warn!("cannot look for work: {error}");
            }
        }
        let wait = if failures == 0 { LOOK_AGAIN } else { back_off(failures) };
        tokio::select! {
            _ = wakes.next(wait) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// What the workers of one process share.
#[derive(Clone, Debug, Default)]
struct Crew {
    held: Leases,
    /// Held by all who read files, and alone by the one whose file may have been the end of a worker.
    danger: Arc<RwLock<()>>,
}

impl Crew {
    /// Claims jobs and does them; how many there were.
    async fn claim_and_work(&self, hub: &Arc<Hub>, kind: JobKind, place: usize) -> Result<usize, Error> {
        let danger = if kind == JobKind::Process { Some(self.danger.read().await) } else { None };
        let channels = if kind == JobKind::Deliver { hub.local_channels() } else { Vec::new() };
        let (jobs, bytes) = match kind {
            JobKind::Deliver => deliver::TOGETHER,
            JobKind::Process => process::TOGETHER,
            JobKind::Dispose | JobKind::Report | JobKind::Mail => (1, i64::MAX),
        };
        // One worker takes the files of dead ones, one at a time: should it die of the next as well, no other file
        // counts as tried.
        let lost = kind != JobKind::Process || place == 0;
        let at_once = AtOnce { jobs, bytes, channels: &channels, lost };
        let jobs = hub.store.claim_jobs(kind, &hub.config.node, at_once).await?;
        if !jobs.is_empty() {
            let claimed = if kind == JobKind::Process { "process.claim.after" } else { "out.claim.after" };
            kill_points::pass(claimed);
        }
        let count = jobs.len();
        let leases: Vec<Lease> = jobs.iter().map(|job| job.lease).collect();
        leases.iter().for_each(|lease| self.held.add(*lease));
        let mut alone = None;
        if danger.is_some() && jobs.iter().any(|job| job.lost) {
            drop(danger);
            alone = Some(self.danger.write().await);
        }
        let failed = match kind {
            _ if jobs.is_empty() => Vec::new(),
            JobKind::Process => process::process(hub, jobs).await,
            JobKind::Deliver => deliver::deliver(hub, jobs).await,
            JobKind::Dispose | JobKind::Report | JobKind::Mail => one_by_one(hub, jobs).await,
        };
        drop(alone);
        leases.iter().for_each(|lease| self.held.remove(*lease));
        for failed in failed {
            put_back(hub, &failed).await;
        }
        Ok(count)
    }
}

/// Makes and sends reports and removes bytes that left, one by one. Gives the jobs that did not come to their end.
async fn one_by_one(hub: &Hub, jobs: Vec<Job>) -> Vec<Failed> {
    let mut failed = Vec::new();
    for job in jobs {
        let done = match job.kind {
            JobKind::Report => schedules::make(hub, &job).await,
            JobKind::Dispose => dispose(hub, &job).await,
            _ => reports::send(hub, &job).await,
        };
        if let Err(error) = done {
            failed.push(Failed { job, error: Arc::new(error) });
        }
    }
    failed
}

/// Removes bytes from the archive that left with their retention.
async fn dispose(hub: &Hub, job: &Job) -> Result<(), Error> {
    hub.store.remove_archived(job.subject_id).await?;
    Ok(hub.store.complete_job(job.lease).await?)
}

/// A job that did not come to its end is put back for later, or is held for a person.
async fn put_back(hub: &Hub, Failed { job, error }: &Failed) {
    let why = explain(error);
    let put = if error.is_temporary() {
        let wait = back_off(job.attempts.unsigned_abs());
        warn!(job.id = %job.lease.job, "a `{}` job is put back for {} s: {why}", job.kind, wait.as_secs());
        hub.store.retry_job(job.lease, wait, &why).await
    } else {
        error!(job.id = %job.lease.job, "a `{}` job is held: {why}", job.kind);
        hub.store.hold_job(job.lease, &why).await
    };
    if let Err(error) = put {
        debug!(job.id = %job.lease.job, "its lease will run out: {error}");
    }
}

async fn do_chores(hub: Arc<Hub>, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = chores::run(&hub).await {
            warn!("the chores wait: {error}");
        }
        tokio::select! {
            () = tokio::time::sleep(CHORES_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// The wait before try `failures + 1`: a second, doubled each time up to five minutes, give or take a fifth.
pub(super) fn back_off(failures: u32) -> Duration {
    let seconds = 1_u64 << failures.saturating_sub(1).min(9);
    let millis = seconds.min(300) * 1000;
    // Spreads nodes that failed together; the low bits of the time are random enough for that.
    let spread =
        std::time::UNIX_EPOCH.elapsed().map_or(0, |now| u64::from(now.subsec_micros())) % (millis * 2 / 5);
    Duration::from_millis(millis * 4 / 5 + spread)
}

/// The error with all its causes.
pub(super) fn explain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// Leases of jobs under way.
#[derive(Clone, Debug, Default)]
struct Leases(Arc<Mutex<BTreeMap<uuid::Uuid, Lease>>>);

impl Leases {
    fn add(&self, lease: Lease) {
        self.0.lock().expect("nothing panics while it is held").insert(lease.job, lease);
    }

    fn remove(&self, lease: Lease) {
        self.0.lock().expect("nothing panics while it is held").remove(&lease.job);
    }

    fn list(&self) -> Vec<Lease> {
        self.0.lock().expect("nothing panics while it is held").values().copied().collect()
    }
}

async fn heartbeat(hub: Arc<Hub>, held: Leases) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let leases = held.list();
        if leases.is_empty() {
            continue;
        }
        match hub.store.extend_leases(&leases).await {
            Ok(lost) => {
                // What came to its end meanwhile was not lost.
                let held = held.list();
                let lost = lost.iter().filter(|lease| held.contains(lease)).count();
                if lost > 0 {
                    // Their updates hit no row: the fence has moved on.
                    warn!("{lost} leases were lost to another node");
                }
            }
            Err(error) => debug!("leases are not extended: {error}"),
        }
    }
}

/// Frees the jobs of processes of this machine that are no more, rather than waiting for their leases to end.
async fn release_dead_workers(hub: &Hub) -> Result<(), Error> {
    // A name that a person gave says nothing of processes.
    let Some((host, _)) = hub.config.node.rsplit_once(PROCESS) else { return Ok(()) };
    let workers = hub.store.list_workers().await?;
    let dead: Vec<String> = workers
        .into_iter()
        .filter(|worker| {
            let process = worker.rsplit_once(PROCESS).filter(|(on, _)| *on == host);
            let process = process.and_then(|(_, process)| process.parse::<u32>().ok());
            process.is_some_and(|process| !std::path::Path::new(&format!("/proc/{process}")).exists())
        })
        .collect();
    if !dead.is_empty() && std::path::Path::new("/proc/self").exists() {
        let released = hub.store.release_leases(&dead).await?;
        info!("{released} jobs of ended processes are free again");
    }
    Ok(())
}
