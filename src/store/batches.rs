//! Batches: records that wait until their set is sent as one.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Error, Store, Work};
use crate::canonical::Record;

/// What tells sets apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct BatchKey {
    /// To whom.
    pub partner_id: String,
    /// `856`, or the record's name.
    pub document: String,
    /// By which channel, as the profile names it.
    pub channel: String,
    /// Under which agreement; empty for none.
    pub agreement: String,
    /// What the record says at the place that sets are told apart by; empty where they are not.
    pub by_value: String,
}

/// A record that waits.
#[derive(Clone, Debug)]
pub struct Batched {
    /// The id of the document it becomes.
    pub id: Uuid,
    /// The document it follows from.
    pub source_document_id: Uuid,
    /// A person's request to make it anew.
    pub issue: Option<Uuid>,
    /// What is sent.
    pub record: Record,
    /// Since when it waits.
    pub created_at: DateTime<Utc>,
    /// When its set is closed at the latest.
    pub due_at: Option<DateTime<Utc>>,
}

/// A set that waits.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BatchRow {
    /// Which.
    #[serde(flatten)]
    pub key: BatchKey,
    /// How many documents it has.
    pub count: i64,
    /// Since when the first waits.
    pub since: DateTime<Utc>,
    /// When it is closed at the latest.
    pub due_at: Option<DateTime<Utc>>,
}

impl Work {
    /// Keeps records that wait. One that waits already is kept as it is read now.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_batched(&mut self, rows: &[(BatchKey, Batched)]) -> Result<(), Error> {
        macro_rules! column {
            (|$key:ident, $row:ident| $value:expr) => {
                rows.iter().map(|($key, $row)| $value).collect::<Vec<_>>()
            };
        }
        let mut records = Vec::with_capacity(rows.len());
        for (_, row) in rows {
            let failed = |source| Error::Stored { what: "record to be sent", id: row.id, source };
            records.push(serde_json::to_string(&row.record).map_err(failed)?);
        }
        sqlx::query!(
            "insert into batched (id, partner_id, document, channel, agreement, by_value, source_document_id, issue,
                 record, created_at, due_at)
             select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[],
                 $8::uuid[], $9::text[], $10::timestamptz[], $11::timestamptz[])
             on conflict (id) do update set record = excluded.record, by_value = excluded.by_value,
                 agreement = excluded.agreement",
            &column!(|_key, row| row.id),
            &column!(|key, _row| key.partner_id.as_str()) as &[&str],
            &column!(|key, _row| key.document.as_str()) as &[&str],
            &column!(|key, _row| key.channel.as_str()) as &[&str],
            &column!(|key, _row| key.agreement.as_str()) as &[&str],
            &column!(|key, _row| key.by_value.as_str()) as &[&str],
            &column!(|_key, row| row.source_document_id),
            &column!(|_key, row| row.issue) as &[Option<Uuid>],
            &records,
            &column!(|_key, row| row.created_at),
            &column!(|_key, row| row.due_at) as &[Option<DateTime<Utc>>],
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("keep what waits for its batch"))
    }

    /// Takes a set for this work alone, the first first; nothing when another work has it.
    ///
    /// # Errors
    /// When the database cannot be asked, or a record cannot be understood.
    pub async fn take_batch(&mut self, key: &BatchKey, most: i64) -> Result<Vec<Batched>, Error> {
        let name = [&key.partner_id, &key.document, &key.channel, &key.agreement, &key.by_value]
            .map(String::as_str)
            .join("\u{1f}");
        let ours = sqlx::query_scalar!(
            r#"select pg_try_advisory_xact_lock(hashtextextended($1, 6)) as "ours!""#,
            name
        )
        .fetch_one(self.connection())
        .await
        .map_err(Error::query("lock a batch"))?;
        if !ours {
            return Ok(Vec::new());
        }
        let rows = sqlx::query!(
            "select id, source_document_id, issue, record, created_at, due_at from batched
             where partner_id = $1 and document = $2 and channel = $3 and agreement = $4 and by_value = $5
             order by created_at, id limit $6 for update",
            key.partner_id,
            key.document,
            key.channel,
            key.agreement,
            key.by_value,
            most,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("take a batch"))?;
        let read = rows.into_iter().map(|row| {
            let failed = |source| Error::Stored { what: "record to be sent", id: row.id, source };
            Ok(Batched {
                id: row.id,
                source_document_id: row.source_document_id,
                issue: row.issue,
                record: Record::from_json(&row.record).map_err(failed)?,
                created_at: row.created_at,
                due_at: row.due_at,
            })
        });
        read.collect()
    }

    /// Removes what waits no more.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn delete_batched(&mut self, ids: &[Uuid]) -> Result<(), Error> {
        sqlx::query!("delete from batched where id = any($1)", ids)
            .execute(self.connection())
            .await
            .map(drop)
            .map_err(Error::query("remove what waits no more"))
    }

    /// Removes what follows from a document and waits for its batch. Gives to whom it was to go, as what.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn cancel_batched(&mut self, source_document_id: Uuid) -> Result<Vec<(String, String)>, Error> {
        let rows = sqlx::query!(
            "delete from batched where source_document_id = $1 returning partner_id, document",
            source_document_id
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("give up what waits for its batch"))?;
        Ok(rows.into_iter().map(|row| (row.partner_id, row.document)).collect())
    }
}

impl Store {
    /// Sets that wait: of this partner, or with what follows from this document, where they are named.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_batches(
        &self,
        partner_id: Option<&str>,
        source_document_id: Option<Uuid>,
    ) -> Result<Vec<BatchRow>, Error> {
        let rows = sqlx::query!(
            r#"select partner_id, document, channel, agreement, by_value, count(*) as "count!",
                   min(created_at) as "since!", min(due_at) as due_at
               from batched
               where $1::text is null or partner_id = $1
               group by partner_id, document, channel, agreement, by_value
               having $2::uuid is null or bool_or(source_document_id = $2)
               order by min(due_at) nulls last, partner_id, document, channel, agreement, by_value"#,
            partner_id,
            source_document_id,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list batches"))?;
        let batches = rows.into_iter().map(|row| BatchRow {
            key: BatchKey {
                partner_id: row.partner_id,
                document: row.document,
                channel: row.channel,
                agreement: row.agreement,
                by_value: row.by_value,
            },
            count: row.count,
            since: row.since,
            due_at: row.due_at,
        });
        Ok(batches.collect())
    }
}
