//! Wakes sleeping workers when there is work: at once in this process, by `notify` in others.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPool};
use tokio::sync::broadcast;
use uuid::Uuid;

use super::{JobKind, Store};

const CHANNEL: &str = "crossdock_job";

/// A commit that notifies takes a lock all of them share, so a burst becomes one.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// Tells everybody that jobs were committed.
#[derive(Clone, Debug)]
pub(super) struct Waker {
    here: broadcast::Sender<JobKind>,
    /// Bits of the kinds whose notification is on its way.
    pending: Arc<AtomicU8>,
    /// This process, which has no need of its own notifications.
    origin: Uuid,
    pool: PgPool,
}

impl Waker {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { here: broadcast::channel(64).0, pending: Arc::default(), origin: Uuid::new_v4(), pool }
    }

    /// Call after the commit. Losing one is no harm: workers also poll.
    pub(super) fn wake(&self, kind: JobKind) {
        // There may be nobody to wake here.
        self.here.send(kind).ok();
        let bit = 1 << kind as u8;
        if self.pending.fetch_or(bit, Ordering::AcqRel) & bit != 0 {
            return;
        }
        let waker = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(DEBOUNCE).await;
            waker.pending.fetch_and(!bit, Ordering::AcqRel);
            let payload = format!("{kind} {}", waker.origin);
            let sent = sqlx::query!("select pg_notify($1, $2)", CHANNEL, payload).execute(&waker.pool).await;
            if let Err(error) = sent {
                tracing::debug!("cannot notify other hubs of `{kind}` jobs: {error}");
            }
        });
    }
}

/// A stream of reasons to look for jobs. See [`Store::listen`].
#[derive(Debug)]
pub struct Wakes {
    here: broadcast::Receiver<JobKind>,
    listener: Option<PgListener>,
    origin: String,
    pool: PgPool,
}

impl Store {
    /// Starts to listen for new jobs, of this process and of others.
    #[must_use]
    pub fn listen(&self) -> Wakes {
        Wakes {
            here: self.waker.here.subscribe(),
            listener: None,
            origin: self.waker.origin.to_string(),
            pool: self.pool.clone(),
        }
    }
}

impl Wakes {
    /// Waits for new jobs of a kind, at most as long as given. The kind, or none where time has passed or wakes were
    /// missed: there may be some all the same. Never fails; without a database it only waits.
    pub async fn next_of(&mut self, kind: JobKind, at_most: Duration) -> Option<JobKind> {
        let woken = async {
            loop {
                match self.wait().await {
                    Some(other) if other != kind => {}
                    woken => return woken,
                }
            }
        };
        tokio::time::timeout(at_most, woken).await.unwrap_or(None)
    }

    async fn wait(&mut self) -> Option<JobKind> {
        loop {
            let payload = tokio::select! {
                kind = self.here.recv() => return kind.ok(),
                payload = hear(&mut self.listener, &self.pool) => payload,
            };
            let payload = payload?;
            match payload.split_once(' ') {
                Some((_, origin)) if origin == self.origin => {}
                Some((kind, _)) => return kind.parse().ok(),
                None => return None,
            }
        }
    }
}

/// The next notification; none once after every (re)connect, since some may have been missed.
async fn hear(listener: &mut Option<PgListener>, pool: &PgPool) -> Option<String> {
    loop {
        let Some(open) = listener else {
            match PgListener::connect_with(pool).await {
                Ok(mut fresh) => match fresh.listen(CHANNEL).await {
                    Ok(()) => {
                        *listener = Some(fresh);
                        return None;
                    }
                    Err(error) => tracing::debug!("cannot listen for jobs: {error}"),
                },
                Err(error) => tracing::debug!("cannot listen for jobs: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            continue;
        };
        match open.try_recv().await {
            Ok(Some(notification)) => return Some(notification.payload().to_owned()),
            Ok(None) => return None,
            Err(error) => {
                tracing::debug!("cannot listen for jobs: {error}");
                *listener = None;
            }
        }
    }
}
