//! Crew: claims jobs and does them. What goes over one channel keeps within its limits, and a slow one holds up no other.

use super::hub::{Error, Hub, back_off, explain};
use super::process::Failed;
use super::{deliver, process, reports, schedules};
use crate::kill_points;
use crate::store::{self, AtOnce, Job, JobKind, Lane, Lease};
use crate::transports::Claim;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, RwLock, watch};
use tokio::task::{JoinError, JoinSet};
use tracing::{debug, error, warn};
use uuid::Uuid;

/// A lease lasts 20 seconds; for half of that nobody doubts it.
const SURE: Duration = Duration::from_secs(10);
/// It is extended every 5.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Jobs are looked for at least this often, should a wake be lost.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Claims of deliveries that are worked on at once: more than channels that hang at the same time.
const DELIVERING: usize = 32;
/// Deliveries are claimed no more often than this: what came meanwhile goes together.
const PACE: Duration = Duration::from_millis(10);

/// What those who do the jobs of one process share.
#[derive(Clone, Debug, Default)]
pub(super) struct Crew {
    held: Held,
    lanes: Lanes,
    /// Held by all who read files, and alone by the one whose file may have been the end of a worker.
    danger: Arc<RwLock<()>>,
}

impl Crew {
    /// Claims files, reports or mails and does what is to be done with them; how many there were.
    pub(super) async fn claim_and_work(
        &self,
        hub: &Arc<Hub>,
        kind: JobKind,
        place: usize,
    ) -> Result<usize, Error> {
        let is_process = kind == JobKind::Process;
        let danger = if is_process { Some(self.danger.read().await) } else { None };
        let (jobs, bytes) = if is_process { process::TOGETHER } else { (1, i64::MAX) };
        // One worker takes the files of dead ones, one at a time: should it die of the next as well, no other file
        // counts as tried.
        let lost = !is_process || place == 0;
        let at_once = AtOnce { jobs, bytes, lanes: &[], lost };
        let asked = Instant::now();
        let jobs = hub.store.claim_jobs(kind, &hub.config.node, at_once).await?;
        if jobs.is_empty() {
            return Ok(0);
        }
        if is_process {
            kill_points::pass("process.claim.after");
        }
        let (count, under_way) = (jobs.len(), UnderWay::new(self, &jobs, asked));
        let mut alone = None;
        if danger.is_some() && jobs.iter().any(|job| job.lost) {
            drop(danger);
            alone = Some(self.danger.write().await);
        }
        let failed = if is_process { process::process(hub, jobs).await } else { one_by_one(hub, jobs).await };
        drop(alone);
        for failed in failed {
            put_back(hub, &failed).await;
        }
        drop(under_way);
        Ok(count)
    }

    /// Claims deliveries over one channel that has room for them; none when there are none.
    async fn claim_deliveries(&self, hub: &Hub) -> Result<Option<(Vec<Job>, UnderWay)>, Error> {
        let lanes = self.lanes.with_room(deliver::lanes(hub));
        let (jobs, bytes) = deliver::TOGETHER;
        let at_once = AtOnce { jobs, bytes, lanes: &lanes, lost: true };
        let asked = Instant::now();
        let jobs = hub.store.claim_jobs(JobKind::Deliver, &hub.config.node, at_once).await?;
        if jobs.is_empty() {
            return Ok(None);
        }
        kill_points::pass("out.claim.after");
        let under_way = UnderWay::new(self, &jobs, asked);
        Ok(Some((jobs, under_way)))
    }

    /// Makes deliveries as they become due, until told to stop.
    pub(super) async fn deliver_until(self, hub: Arc<Hub>, mut stop: watch::Receiver<bool>) {
        let mut wakes = hub.store.listen();
        let mut under_way = JoinSet::new();
        let mut failures = 0;
        while !*stop.borrow() {
            let began = Instant::now();
            let wait = match self.claim_deliveries(&hub).await {
                Ok(Some((jobs, jobs_under_way))) => {
                    failures = 0;
                    under_way.spawn(deliver(hub.clone(), jobs, jobs_under_way));
                    tokio::time::sleep(PACE.saturating_sub(began.elapsed())).await;
                    if under_way.len() < DELIVERING {
                        continue;
                    }
                    LOOK_AGAIN
                }
                Ok(None) => {
                    failures = 0;
                    LOOK_AGAIN
                }
                Err(error) => {
                    failures += 1;
                    warn!("cannot look for deliveries: {}", explain(&error));
                    back_off(failures)
                }
            };
            let is_full = under_way.len() >= DELIVERING;
            tokio::select! {
                _ = wakes.next_of(JobKind::Deliver, wait), if !is_full => {}
                () = self.lanes.room.notified(), if !is_full => {}
                Some(ended) = under_way.join_next() => drop(ended.inspect_err(ended_badly)),
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
        while let Some(ended) = under_way.join_next().await {
            drop(ended.inspect_err(ended_badly));
        }
    }

    /// Makes every delivery that is due; how many were tried.
    pub(super) async fn deliver_all(&self, hub: &Arc<Hub>) -> Result<usize, Error> {
        let mut under_way = JoinSet::new();
        let mut count = 0;
        loop {
            let room = under_way.len() < DELIVERING;
            let claimed = if room { self.claim_deliveries(hub).await? } else { None };
            let Some((jobs, jobs_under_way)) = claimed else {
                // One that ends makes room in its lane, and may make another due.
                match under_way.join_next().await {
                    Some(ended) => ended.unwrap_or_else(|error| resume_unwind(error.into_panic())),
                    None => return Ok(count),
                }
                continue;
            };
            count += jobs.len();
            under_way.spawn(deliver(hub.clone(), jobs, jobs_under_way));
        }
    }

    /// Claims jobs of a kind and does them, until told to stop.
    pub(super) async fn work_until(
        self,
        hub: Arc<Hub>,
        (kind, place): (JobKind, usize),
        mut stop: watch::Receiver<bool>,
    ) {
        let mut wakes = hub.store.listen();
        let mut failures = 0;
        while !*stop.borrow() {
            // In a task of its own, so that a panic ends what it was about, and not all that comes after.
            let (crew, of_hub) = (self.clone(), hub.clone());
            let done = tokio::spawn(async move { crew.claim_and_work(&of_hub, kind, place).await });
            match done.await {
                Ok(Ok(0)) => failures = 0,
                Ok(Ok(_)) => {
                    failures = 0;
                    continue;
                }
                Ok(Err(error)) => {
                    failures += 1;
                    warn!("cannot look for work: {}", explain(&error));
                }
                Err(error) => {
                    failures += 1;
                    ended_badly(&error);
                }
            }
            let wait = if failures == 0 { LOOK_AGAIN } else { back_off(failures) };
            tokio::select! {
                _ = wakes.next_of(kind, wait) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Extends the leases of all that is under way and keeps the clock set, for as long as it is polled.
    pub(super) async fn keep_leases(self, hub: Arc<Hub>) {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            if let Err(error) = hub.store.set_clock().await {
                debug!("the clock is not set: {error}");
            }
            let leases = self.held.list();
            if leases.is_empty() {
                continue;
            }
            let asked = Instant::now();
            match hub.store.extend_leases(&leases).await {
                Ok(lost) => {
                    let kept: Vec<Lease> = leases.into_iter().filter(|lease| !lost.contains(lease)).collect();
                    self.held.confirm(&kept, asked);
                    // What came to its end meanwhile was not lost.
                    let held = self.held.list();
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
}

/// Makes one try of each of these deliveries.
async fn deliver(hub: Arc<Hub>, jobs: Vec<Job>, under_way: UnderWay) {
    for failed in deliver::deliver(&hub, jobs, &under_way).await {
        put_back(&hub, &failed).await;
    }
}

fn ended_badly(error: &JoinError) {
    error!("jobs ended badly, and are done again when their leases have run out: {error}");
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
    let wait = back_off(job.attempts.unsigned_abs());
    let put = if error.is_temporary() {
        hub.store.retry_job(job.lease, wait, &why).await
    } else {
        hub.store.hold_job(job.lease, &why).await
    };
    // It is told as what became of it: another may have it by now.
    match put {
        Ok(()) if error.is_temporary() => {
            warn!(job.id = %job.lease.job, "a `{}` job is put back for {} s: {why}", job.kind, wait.as_secs());
        }
        Ok(()) => error!(job.id = %job.lease.job, "a `{}` job is held: {why}", job.kind),
        Err(store::Error::LeaseLost { .. }) => {
            warn!(job.id = %job.lease.job, "a `{}` job is another's by now: {why}", job.kind);
        }
        Err(error) => {
            warn!(job.id = %job.lease.job, "a `{}` job waits for its lease to run out: {why}: {error}", job.kind)
        }
    }
}

/// Jobs under way: their leases are extended, and they take room in their lanes, until they are settled or dropped.
pub(super) struct UnderWay {
    crew: Crew,
    jobs: Mutex<HashMap<Uuid, Job>>,
}

impl UnderWay {
    /// Of jobs that were claimed at an instant or after it.
    fn new(crew: &Crew, jobs: &[Job], claimed: Instant) -> Self {
        for job in jobs {
            crew.held.add(job.lease, claimed);
            if job.kind == JobKind::Deliver {
                crew.lanes.enter(&job.lane);
            }
        }
        let jobs = jobs.iter().map(|job| (job.lease.job, job.clone())).collect();
        Self { crew: crew.clone(), jobs: Mutex::new(jobs) }
    }

    /// One came to its end.
    pub(super) fn settle(&self, job: &Job) {
        if lock(&self.jobs).remove(&job.lease.job).is_some() {
            self.leave(job);
        }
    }

    /// The right to show what a job puts, while its lease was confirmed a short while ago.
    pub(super) fn claim(&self, job: &Job) -> Claim {
        let (held, lease) = (self.crew.held.clone(), job.lease);
        Claim::new(move || held.is_sure(lease))
    }

    fn leave(&self, job: &Job) {
        self.crew.held.remove(job.lease);
        if job.kind == JobKind::Deliver {
            self.crew.lanes.leave(&job.lane);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let left = std::mem::take(&mut *lock(&self.jobs));
        left.values().for_each(|job| self.leave(job));
    }
}

/// Leases of jobs under way.
#[derive(Clone, Debug, Default)]
struct Held(Arc<Mutex<BTreeMap<Uuid, (Lease, Instant)>>>);

impl Held {
    fn add(&self, lease: Lease, confirmed: Instant) {
        lock(&self.0).insert(lease.job, (lease, confirmed));
    }

    /// These were ours at an instant.
    fn confirm(&self, leases: &[Lease], at: Instant) {
        let mut held = lock(&self.0);
        for lease in leases {
            if let Some((known, confirmed)) = held.get_mut(&lease.job)
                && known == lease
            {
                *confirmed = at;
            }
        }
    }

    /// Whether nobody else can have it: half a lease must be left.
    fn is_sure(&self, lease: Lease) -> bool {
        let held = lock(&self.0);
        held.get(&lease.job).is_some_and(|(known, confirmed)| *known == lease && confirmed.elapsed() < SURE)
    }

    fn remove(&self, lease: Lease) {
        lock(&self.0).remove(&lease.job);
    }

    fn list(&self) -> Vec<Lease> {
        lock(&self.0).values().map(|(lease, _)| *lease).collect()
    }
}

/// How many deliveries are under way in each lane.
#[derive(Clone, Debug, Default)]
struct Lanes {
    taken: Arc<Mutex<Taken>>,
    /// Told when a lane that was full has room.
    room: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Taken {
    counts: HashMap<String, i64>,
    full: HashSet<String>,
}

impl Lanes {
    /// Lanes with the room that is left in them. A channel that is in no profile any more takes one at a time.
    fn with_room(&self, mut lanes: Vec<Lane>) -> Vec<Lane> {
        let mut taken = lock(&self.taken);
        let Taken { counts, full } = &mut *taken;
        let mut unknown: HashMap<&String, i64> = counts.iter().map(|(name, count)| (name, *count)).collect();
        for lane in &mut lanes {
            lane.room -= unknown.remove(&lane.name).unwrap_or(0);
        }
        let unknown = unknown.into_keys().map(|name| Lane { name: name.clone(), room: 0 });
        lanes.extend(unknown);
        full.clear();
        full.extend(lanes.iter().filter(|lane| lane.room <= 0).map(|lane| lane.name.clone()));
        lanes
    }

    fn enter(&self, lane: &str) {
        *lock(&self.taken).counts.entry(lane.to_owned()).or_default() += 1;
    }

    fn leave(&self, lane: &str) {
        let mut taken = lock(&self.taken);
        let left = taken.counts.get_mut(lane).map_or(0, |count| {
            *count -= 1;
            *count
        });
        if left == 0 {
            taken.counts.remove(lane);
        }
        if taken.full.remove(lane) {
            self.room.notify_one();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it is held")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(name: &str, room: i64) -> Lane {
        Lane { name: name.to_owned(), room }
    }

    #[test]
    fn a_lane_has_room_for_what_is_not_under_way_in_it() {
        let lanes = Lanes::default();
        for name in ["one/edi", "one/edi", "gone/edi"] {
            lanes.enter(name);
        }
        let told = || lanes.with_room(vec![lane("one/edi", 2), lane("two/edi", 4)]);
        assert_eq!(told(), [lane("one/edi", 0), lane("two/edi", 4), lane("gone/edi", 0)]);
        lanes.leave("gone/edi");
        lanes.leave("one/edi");
        assert_eq!(told(), [lane("one/edi", 1), lane("two/edi", 4)]);
    }
}
