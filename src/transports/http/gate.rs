//! How many calls a host is made at once and in a second, and how long it asked to be left alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Limits of the calls to one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Calls under way at once.
    pub at_once: usize,
    /// Calls begun in a second; no limit if none.
    pub per_second: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { at_once: 4, per_second: None }
    }
}

/// The gates of all hosts.
#[derive(Clone, Debug, Default)]
pub(super) struct Gates {
    hosts: Arc<Mutex<HashMap<String, Host>>>,
}

/// One host, whatever limits its calls have.
#[derive(Debug)]
struct Host {
    gates: HashMap<Limits, Arc<Gate>>,
    closed_until: ClosedUntil,
}

/// Until when a host wants no calls, from nobody.
type ClosedUntil = Arc<Mutex<Instant>>;

#[derive(Debug)]
pub(super) struct Gate {
    permits: Arc<Semaphore>,
    /// When the next call may begin.
    next: Mutex<Instant>,
    closed_until: ClosedUntil,
    apart: Duration,
}

impl Gates {
    /// The gate of a host under these limits.
    pub(super) fn of(&self, host: &str, limits: Limits) -> Arc<Gate> {
        let now = Instant::now();
        let mut hosts = lock(&self.hosts);
        let host = hosts
            .entry(host.to_owned())
            .or_insert_with(|| Host { gates: HashMap::new(), closed_until: Arc::new(Mutex::new(now)) });
        let closed_until = host.closed_until.clone();
        let gate = host.gates.entry(limits).or_insert_with(|| {
            Arc::new(Gate {
                permits: Arc::new(Semaphore::new(limits.at_once.max(1))),
                next: Mutex::new(now),
                closed_until,
                apart: limits.per_second.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate.max(1)),
            })
        });
        gate.clone()
    }
}

impl Gate {
    /// Waits for a turn; what is held is given back when the call ends. Where the host wants to be left alone: how long.
    pub(super) async fn enter(&self) -> Result<OwnedSemaphorePermit, Duration> {
        let permit = self.permits.clone().acquire_owned().await.expect("it is never closed");
        let turn = {
            let now = Instant::now();
            let closed_until = *lock(&self.closed_until);
            if closed_until > now {
                return Err(closed_until - now);
            }
            let mut next = lock(&self.next);
            let turn = now.max(*next);
            *next = turn + self.apart;
            turn
        };
        tokio::time::sleep_until(turn.into()).await;
        Ok(permit)
    }

    /// The host asked to be left alone for a while.
    pub(super) fn close_for(&self, while_: Duration) {
        let mut closed_until = lock(&self.closed_until);
        *closed_until = closed_until.max(Instant::now() + while_);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn calls_wait_for_their_turn_and_a_host_that_wants_none_is_left_alone() {
        let gates = Gates::default();
        let gate = gates.of("erp", Limits { at_once: 1, per_second: Some(20) });
        let begun = Instant::now();
        for _ in 0..3 {
            drop(gate.enter().await.expect("its turn"));
        }
        assert!(begun.elapsed() >= Duration::from_millis(100), "two waits of 50 ms");
        gate.close_for(Duration::from_secs(60));
        let left = gate.enter().await.expect_err("it wants none");
        assert!(left > Duration::from_secs(50));
        let other = gates.of("erp", Limits { at_once: 2, per_second: None });
        assert!(other.enter().await.is_err(), "it wants none from any channel");
        assert!(gates.of("another", Limits::default()).enter().await.is_ok());
    }
}
