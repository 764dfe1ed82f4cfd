//! The sessions of one server: a queue of requests, a thread for each session, a pause after failures.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::super::{Error, Kind, SecretResolver};
use super::Settings;
use super::link::{KEEPALIVE, Link};

/// A session with nothing to do is closed after this long.
const IDLE: Duration = Duration::from_secs(120);
/// After this many refused logins we stop, before the server locks the account.
const LOGINS_REFUSED_AT_MOST: u32 = 3;
const LOCKED_OUT: Duration = Duration::from_secs(30 * 60);

/// Whether a request runs for the first time, or again because its session had broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    First,
    Again,
}

/// Owns the pool: dropping it closes the sessions once the queue is empty.
#[derive(Debug)]
pub(super) struct Handle(Arc<Pool>);

impl Handle {
    pub(super) fn new(settings: Settings, secrets: SecretResolver) -> Self {
        Self(Arc::new(Pool { settings, secrets, state: Mutex::default(), wake: Condvar::new() }))
    }

    pub(super) fn get(&self) -> &Arc<Pool> {
        &self.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.wake.notify_all();
    }
}

pub(super) struct Pool {
    pub(super) settings: Settings,
    secrets: SecretResolver,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Request>,
    threads: usize,
    idle: usize,
    closed: bool,
    pause: Option<Pause>,
    logins_refused: u32,
}

type Request = Box<dyn FnOnce(&mut Worker) + Send>;

/// Until when nobody connects, and why.
struct Pause {
    until: Instant,
    failures: u32,
    error: Error,
}

impl Pool {
    /// Runs `work` on one of the sessions, connecting first where needed.
    ///
    /// On a session that had been open before and turns out to be broken, `work` runs a second time on
    /// a new one, so it must cope with having half run.
    pub(super) async fn run<T: Send + 'static>(
        pool: &Arc<Self>,
        work: impl FnMut(&mut Link, Attempt) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, answer) = oneshot::channel();
        let request: Request = Box::new(move |worker| {
            // Whoever asked may have given up while the request waited.
            if !sender.is_closed() {
                sender.send(worker.serve(work)).ok();
            }
        });
        pool.enqueue(request)?;
        let ended = |_| Error::new(Kind::Down, format!("a session with {} ended", pool.place()));
        answer.await.map_err(ended)?
    }

    /// Host and port, for messages.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.settings.host, self.settings.port)
    }

    fn enqueue(self: &Arc<Self>, request: Request) -> Result<(), Error> {
        let mut state = self.lock();
        state.queue.push_back(request);
        let waiting = state.queue.len();
        if waiting > state.idle && state.threads < self.settings.sessions.max(1) {
            let mut worker = Worker { pool: self.clone(), link: None };
            let name = format!("sftp {}", self.settings.host);
            let started = std::thread::Builder::new()
                .name(name.chars().take(15).collect())
                .spawn(move || worker.work());
            match started {
                Ok(_) => state.threads += 1,
                Err(_) if state.threads > 0 => {}
                Err(error) => {
                    state.queue.pop_back();
                    let attempted = format!("cannot start a session with {}", self.place());
                    return Err(Error::new(Kind::Busy, attempted).because(error));
                }
            }
        }
        self.wake.notify_one();
        Ok(())
    }

    fn connect(&self) -> Result<Link, Error> {
        if let Some(pause) = &self.lock().pause {
            let left = pause.until.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                return Err(pause.error.clone().after(left));
            }
        }
        let opened = Link::open(&self.settings, &self.secrets);
        let mut state = self.lock();
        match opened {
            Ok(link) => {
                state.pause = None;
                state.logins_refused = 0;
                Ok(link)
            }
            Err(error) => {
                let failures = state.pause.as_ref().map_or(0, |pause| pause.failures) + 1;
                if error.kind() == Kind::AuthRefused {
                    state.logins_refused += 1;
                }
                let Some(wait) = pause_after(error.kind(), failures, state.logins_refused) else {
                    return Err(error);
                };
                state.pause = Some(Pause { until: Instant::now() + wait, failures, error: error.clone() });
                Err(error.after(wait))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({})", self.place())
    }
}

/// How long nobody connects after a failure: a server that is down is asked less and less often, a
/// busy one is left alone for longer from the start.
fn pause_after(kind: Kind, failures: u32, logins_refused: u32) -> Option<Duration> {
    let doubled = |first_millis: u64, most_secs| {
        let wait = first_millis.saturating_mul(1 << failures.saturating_sub(1).min(16));
        Duration::from_millis(wait).min(Duration::from_secs(most_secs))
    };
    match kind {
        Kind::Busy => Some(doubled(2_000, 300)),
        Kind::Down => Some(doubled(250, 60)),
        Kind::AuthRefused if logins_refused >= LOGINS_REFUSED_AT_MOST => Some(LOCKED_OUT),
        _ => None,
    }
}

pub(super) struct Worker {
    pool: Arc<Pool>,
    link: Option<Link>,
}

impl Worker {
    fn work(&mut self) {
        // Counts this thread out however it ends, so that the next request starts another.
        struct Leave(Arc<Pool>);
        impl Drop for Leave {
            fn drop(&mut self) {
                self.0.lock().threads -= 1;
            }
        }
        let leave = Leave(self.pool.clone());
        while let Some(request) = self.next() {
            request(self);
        }
        self.link = None;
        drop(leave);
    }

    fn next(&mut self) -> Option<Request> {
        let idle_since = Instant::now();
        let pool = self.pool.clone();
        let mut state = pool.lock();
        loop {
            if let Some(request) = state.queue.pop_front() {
                return Some(request);
            }
            if state.closed || idle_since.elapsed() >= IDLE {
                return None;
            }
            state.idle += 1;
            let (waited, timeout) =
                pool.wake.wait_timeout(state, KEEPALIVE).expect("nobody panics while holding it");
            state = waited;
            state.idle -= 1;
            if timeout.timed_out() && state.queue.is_empty() {
                drop(state);
                if self.link.as_ref().is_some_and(|link| !link.keep_alive()) {
                    self.link = None;
                }
                state = pool.lock();
            }
        }
    }

    fn serve<T>(&mut self, mut work: impl FnMut(&mut Link, Attempt) -> Result<T, Error>) -> Result<T, Error> {
        let was_open = self.link.is_some();
        let first = self.once(&mut work, Attempt::First);
        match first {
            Err(error) if was_open && error.broke_the_connection() => self.once(&mut work, Attempt::Again),
            answer => answer,
        }
    }

    fn once<T>(
        &mut self,
        work: &mut impl FnMut(&mut Link, Attempt) -> Result<T, Error>,
        attempt: Attempt,
    ) -> Result<T, Error> {
        let link = match &mut self.link {
            Some(link) => link,
            none => none.insert(self.pool.connect()?),
        };
        let answer = work(link, attempt);
        if answer.as_ref().is_err_and(Error::broke_the_connection) {
            self.link = None;
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_left_alone_for_longer_and_longer() {
        let secs =
            |kind, failures, refused| pause_after(kind, failures, refused).map(|wait| wait.as_secs_f32());
        assert_eq!(secs(Kind::Down, 1, 0), Some(0.25));
        assert_eq!(secs(Kind::Down, 4, 0), Some(2.0));
        assert_eq!(secs(Kind::Down, 40, 0), Some(60.0));
        assert_eq!(secs(Kind::Busy, 1, 0), Some(2.0));
        assert_eq!(secs(Kind::AuthRefused, 2, 2), None);
        assert_eq!(secs(Kind::AuthRefused, 3, 3), Some(1800.0));
        assert_eq!(secs(Kind::HostKeyMismatch, 9, 0), None);
    }
}
