//! Keeps the work going: one pass over everything, or until told to stop.

use super::crew::Crew;
use super::hub::{Error, Hub, Place, back_off, explain};
use super::{batches, chores, receive, reload};
use crate::config::PROCESS;
use crate::profiles::{self, Channel};
use crate::store::{FileFilter, FileState, JobFilter, JobKind, JobState};
use crate::transports::watch::Watcher;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tracing::{debug, error, info, warn};

/// How long running steps may take to end once the hub is told to stop; it is gone 5 s later at most.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// A folder is looked at no more often than this: what came meanwhile is taken together.
const PACE: Duration = Duration::from_millis(50);
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
    /// Files in quarantine, those of earlier passes among them.
    pub quarantined: usize,
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
                        let left = polled.left.iter().map(|left| format!("{}: {}", place.key(), left.why));
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
    let filter = FileFilter {
        state: Some(FileState::Quarantined),
        partner_id: partner.map(str::to_owned),
        ..FileFilter::default()
    };
    pass.quarantined = hub.store.list_files(&filter, 10_000).await?.len();
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
    let keeping = tokio::spawn(crew.clone().keep_leases(hub.clone()));
    let done = drain_with(hub, &crew, kind).await;
    keeping.abort();
    done
}

async fn drain_with(hub: &Arc<Hub>, crew: &Crew, kind: JobKind) -> Result<usize, Error> {
    if kind == JobKind::Deliver {
        return crew.deliver_all(hub).await;
    }
    let mut tasks = JoinSet::new();
    for place in 0..workers(hub, kind) {
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
    let counts: Result<Vec<usize>, Error> = tasks.join_all().await.into_iter().collect();
    counts.map(|counts| counts.iter().sum())
}

/// How many workers of a kind there are.
fn workers(hub: &Hub, kind: JobKind) -> usize {
    if kind == JobKind::Process { hub.config.workers } else { 1 }
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
    let keeping = tokio::spawn(crew.clone().keep_leases(hub.clone()));
    let changed = Arc::new(Notify::new());
    tasks.spawn(watch_places(hub.clone(), changed.clone(), stop.clone()));
    tasks.spawn(reload::watch(hub.clone(), changed, stop.clone()));
    for kind in [JobKind::Process, JobKind::Report, JobKind::Mail, JobKind::Dispose] {
        for place in 0..workers(&hub, kind) {
            tasks.spawn(crew.clone().work_until(hub.clone(), (kind, place), stop.clone()));
        }
    }
    tasks.spawn(crew.deliver_until(hub.clone(), stop.clone()));
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
    keeping.abort();
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
                tasks.spawn(keep_watching(hub.clone(), place, ended));
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

/// Looks at one channel until told to stop; should a look end in a panic, the next one is made all the same.
async fn keep_watching(hub: Arc<Hub>, place: Place, stop: watch::Receiver<bool>) {
    let mut failures = 0;
    while let Err(error) = tokio::spawn(watch_place(hub.clone(), place.clone(), stop.clone())).await {
        failures += 1;
        let wait = back_off(failures);
        error!(channel = %place.key(), "a look into the channel ended badly, the next is in {} s: {error}", wait.as_secs());
        tokio::time::sleep(wait).await;
    }
}

/// Looks at one channel over and over: when its folder changes, and at its interval.
async fn watch_place(hub: Arc<Hub>, place: Place, mut stop: watch::Receiver<bool>) {
    let Some(inbound) = place.channel.inbound.clone() else { return };
    let mut watcher = watcher(&place, inbound.poll_every);
    let mut failures = 0;
    loop {
        let began = Instant::now();
        if let Some(watcher) = &mut watcher {
            watcher.forget();
        }
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
            tokio::time::sleep(PACE.saturating_sub(began.elapsed())).await;
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
