//! One unit of work: everything a job writes, committed together or not at all.

use sqlx::{PgConnection, Postgres, Transaction};

use super::{Error, JobKind, Store};

/// An open transaction. Dropped without [`Work::commit`], it leaves no trace.
#[derive(Debug)]
pub struct Work {
    transaction: Transaction<'static, Postgres>,
    store: Store,
    wakes: Vec<JobKind>,
    /// Whether nobody else speaks of any order until it ends.
    pub(super) has_all_orders: bool,
}

impl Store {
    /// Begins a unit of work.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn begin(&self) -> Result<Work, Error> {
        let transaction = self.pool.begin().await.map_err(Error::query("begin a transaction"))?;
        Ok(Work { transaction, store: self.clone(), wakes: Vec::new(), has_all_orders: false })
    }
}

impl Work {
    /// Makes everything written permanent, and wakes the workers of the jobs enqueued.
    ///
    /// # Errors
    /// When the commit fails, or nobody knows whether it did. Doing the work again is safe either way.
    pub async fn commit(self) -> Result<(), Error> {
        self.transaction.commit().await.map_err(Error::query("commit"))?;
        for kind in self.wakes {
            self.store.waker.wake(kind);
        }
        Ok(())
    }

    /// Takes back everything written.
    ///
    /// # Errors
    /// When the connection is gone; then everything is taken back as well.
    pub async fn roll_back(self) -> Result<(), Error> {
        self.transaction.rollback().await.map_err(Error::query("roll back"))
    }

    /// Whether the archive holds all of these; an error that goes away by itself when it does not.
    pub(super) async fn archived_all(&self, bodies: &[(&[u8; 32], u64)]) -> Result<(), Error> {
        let Some(archive) = self.store.archive().await? else { return Ok(()) };
        match archive.find_missing(bodies).await? {
            Some(sha256) => Err(Error::Gone { sha256: super::hex(&sha256) }),
            None => Ok(()),
        }
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    pub(super) fn wakes(&mut self, kind: JobKind) {
        if !self.wakes.contains(&kind) {
            self.wakes.push(kind);
        }
    }
}
