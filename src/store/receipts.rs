//! Receipts: files that are to be taken in time, and calls that are to be answered in time.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Error, Store, Work};

/// Most files of one channel that are looked for in its folder at once.
const MOST_OPEN: i64 = 10_000;

/// A file that lies in a partner's folder, as far as is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenReceipt {
    /// The expectation.
    pub id: Uuid,
    /// The file's name there.
    pub target: String,
}

/// A delivery, to be told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryAbout {
    /// Its id.
    pub id: Uuid,
    /// The channel's key.
    pub channel: String,
    /// The name of what is sent.
    pub name: String,
    /// Why it was not delivered when it was tried last.
    pub last_error: Option<String>,
}

impl Store {
    /// Files that were put over one channel and not seen to be taken, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_open_receipts(&self, channel: &str) -> Result<Vec<OpenReceipt>, Error> {
        let (partner, _) = channel.split_once('/').unwrap_or((channel, ""));
        sqlx::query_as!(
            OpenReceipt,
            "select e.id, d.target from expected_acknowledgment e join delivery d on d.id = e.delivery_id
             where e.level = 'receipt' and e.state in ('awaited', 'overdue') and e.partner_id = $1
               and d.channel = $2 and d.state = 'delivered'
             order by e.created_at, e.id limit $3",
            partner,
            channel,
            MOST_OPEN,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list what partners are to take"))
    }
}

impl Work {
    /// These were taken.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn settle_receipts(&mut self, ids: &[Uuid], at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "update expected_acknowledgment set state = 'accepted', settled_at = $2
             where id = any($1) and state in ('awaited', 'overdue')",
            ids,
            at,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("settle what was taken"))
    }

    /// Deliveries, as far as there are any, to be told of.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn describe_deliveries(&mut self, ids: &[Uuid]) -> Result<Vec<DeliveryAbout>, Error> {
        sqlx::query_as!(
            DeliveryAbout,
            "select d.id, d.channel, f.name, d.last_error from delivery d join file f on f.id = d.file_id
             where d.id = any($1)",
            ids,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("describe deliveries"))
    }
}
