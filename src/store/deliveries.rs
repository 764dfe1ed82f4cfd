//! Deliveries: frozen bytes on their way.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::text::clean_json;
use super::{DeliveryKind, DeliveryState, Error, JobKind, LoadedFile, NewJob, Store, Work};

/// What is to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Derived from the file and the channel.
    pub id: Uuid,
    /// The frozen bytes.
    pub file_id: Uuid,
    /// To whom.
    pub partner_id: String,
    /// Over which channel.
    pub channel: String,
    /// A file or a call.
    pub kind: DeliveryKind,
    /// The remote name of a file, the place of a call.
    pub target: String,
    /// The same for every try, so that the other side can tell a repeat.
    pub idempotency_key: String,
    /// The documents in it.
    pub document_ids: Vec<Uuid>,
    /// Higher goes first; zero is usual.
    pub priority: i16,
    /// Whether it waits for those that were to go over the channel before it.
    pub in_order: bool,
    /// What the address and the headers of a call take, by name.
    pub fields: BTreeMap<String, String>,
}

/// A delivery as people see it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DeliveryRow {
    /// Its id.
    pub id: Uuid,
    /// The frozen bytes.
    pub file_id: Uuid,
    /// To whom.
    pub partner_id: String,
    /// Over which channel.
    pub channel: String,
    /// A file or a call.
    pub kind: DeliveryKind,
    /// The remote name of a file, the place of a call.
    pub target: String,
    /// The same for every try.
    pub idempotency_key: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// Tries so far.
    pub attempts: i32,
    /// When it was composed.
    pub created_at: DateTime<Utc>,
    /// When the other side had it.
    pub delivered_at: Option<DateTime<Utc>>,
    /// What the other side calls it.
    pub response_id: Option<String>,
    /// Why the last try did not do it.
    pub last_error: Option<String>,
}

/// A delivery with its bytes.
#[derive(Clone, Debug)]
pub struct LoadedDelivery {
    /// All about it.
    pub row: DeliveryRow,
    /// What is to be sent.
    pub file: LoadedFile,
    /// The documents in it.
    pub document_ids: Vec<Uuid>,
    /// What the address and the headers of a call take, by name.
    pub fields: BTreeMap<String, String>,
}

/// Which deliveries to list; what is none does not matter.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// To whom.
    pub partner_id: Option<String>,
    /// In this state.
    pub state: Option<DeliveryState>,
    /// Of this file.
    pub file_id: Option<Uuid>,
    /// With this document.
    pub document_id: Option<Uuid>,
    /// With a document of this number: its own, the purchase order's or the order's.
    pub number: Option<String>,
    /// Composed at or after this.
    pub since: Option<DateTime<Utc>>,
    /// Composed before this: for the next page.
    pub before: Option<DateTime<Utc>>,
}

/// Fields as JSON; files take none.
fn fields_text(fields: &BTreeMap<String, String>) -> Option<String> {
    (!fields.is_empty()).then(|| clean_json(serde_json::json!(fields).to_string()))
}

impl Work {
    /// Keeps deliveries with the jobs that send them. Known ones stay as they are.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_deliveries(&mut self, deliveries: &[NewDelivery]) -> Result<(), Error> {
        macro_rules! column {
            (|$delivery:ident| $value:expr) => {
                deliveries.iter().map(|$delivery| $value).collect::<Vec<_>>()
            };
        }
        sqlx::query!(
            "insert into delivery (id, file_id, partner_id, channel, kind, target, idempotency_key, fields)
             select n.id, n.file_id, n.partner_id, n.channel, n.kind, n.target, n.idempotency_key, n.fields::jsonb
             from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
                 as n (id, file_id, partner_id, channel, kind, target, idempotency_key, fields)
             on conflict do nothing",
            &column!(|delivery| delivery.id),
            &column!(|delivery| delivery.file_id),
            &column!(|delivery| delivery.partner_id.as_str()) as &[&str],
            &column!(|delivery| delivery.channel.as_str()) as &[&str],
            &column!(|delivery| delivery.kind.as_str()) as &[&str],
            &column!(|delivery| delivery.target.as_str()) as &[&str],
            &column!(|delivery| delivery.idempotency_key.as_str()) as &[&str],
            &column!(|delivery| fields_text(&delivery.fields)) as &[Option<String>],
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("keep deliveries"))?;

        let (ids, documents): (Vec<Uuid>, Vec<Uuid>) = deliveries
            .iter()
            .flat_map(|delivery| delivery.document_ids.iter().map(|document| (delivery.id, *document)))
            .unzip();
        sqlx::query!(
            "with kept as (
                 insert into delivery_document (delivery_id, document_id)
                 select * from unnest($1::uuid[], $2::uuid[]) on conflict do nothing returning document_id
             )
             update document d set delivery = 'ready' from kept
             where d.id = kept.document_id and d.delivery <> 'ready'",
            &ids,
            &documents,
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("tie documents to deliveries"))?;

        let jobs: Vec<NewJob> = deliveries
            .iter()
            .map(|delivery| NewJob {
                priority: delivery.priority,
                lane: delivery.channel.clone(),
                in_order: delivery.in_order,
                ..NewJob::now(JobKind::Deliver, delivery.id)
            })
            .collect();
        self.enqueue_jobs(&jobs).await
    }

    /// Lets a delivery be sent now, or again: the same bytes under the same name and key. What is awaited for it is
    /// awaited anew. False when a try of it runs, or it is unknown to us.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn release_delivery(&mut self, id: Uuid) -> Result<bool, Error> {
        let released = sqlx::query!(
            "with freed as (
                 update job set state = 'ready', run_after = now(), lost_leases = 0, attempts = 0, finished_at = null
                 where kind = 'deliver' and subject_id = $1 and state <> 'leased'
                 returning subject_id
             ), awaited as (
                 update expected_acknowledgment e set state = 'awaited' from freed
                 where e.delivery_id = freed.subject_id and e.state in ('overdue', 'cancelled') returning e.id
             ), sets as (
                 update expected_acknowledgment_set s set state = 'awaited' from awaited
                 where s.expected_id = awaited.id and s.state in ('overdue', 'cancelled') returning s.document_id
             ), documents as (
                 update document d set delivery = 'ready', acknowledgment = case
                     when d.id in (select document_id from sets) then 'awaited' else d.acknowledgment end
                 from delivery_document l
                 where l.delivery_id in (select subject_id from freed) and d.id = l.document_id
             )
             update delivery set state = 'ready', delivered_at = null, last_error = null
             where id in (select subject_id from freed)",
            id,
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("release a delivery"))?;
        self.wakes(JobKind::Deliver);
        Ok(released.rows_affected() > 0)
    }

    /// Gives a delivery up. False when it has arrived, or a try of it runs.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn cancel_delivery(&mut self, id: Uuid, reason: &str) -> Result<bool, Error> {
        let cancelled = sqlx::query!(
            "with ended as (
                 update job set state = 'failed', finished_at = now(), last_error = $2
                 where kind = 'deliver' and subject_id = $1 and state <> 'leased'
                   and exists (select from delivery where id = $1 and state not in ('delivered', 'cancelled'))
                 returning subject_id
             ), awaited as (
                 update expected_acknowledgment e set state = 'cancelled' from ended
                 where e.delivery_id = ended.subject_id and e.state in ('awaited', 'overdue') returning e.id
             ), sets as (
                 update expected_acknowledgment_set s set state = 'cancelled' from awaited
                 where s.expected_id = awaited.id and s.state in ('awaited', 'overdue') returning s.document_id
             ), documents as (
                 update document d set delivery = 'cancelled', acknowledgment = case
                     when d.id in (select document_id from sets) then 'none' else d.acknowledgment end
                 from delivery_document l
                 where l.delivery_id in (select subject_id from ended) and d.id = l.document_id
             )
             update delivery set state = 'cancelled', last_error = $2 where id in (select subject_id from ended)",
            id,
            reason,
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("cancel a delivery"))?;
        Ok(cancelled.rows_affected() > 0)
    }
}

impl Store {
    /// A delivery.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_delivery(&self, id: Uuid) -> Result<Option<DeliveryRow>, Error> {
        sqlx::query_as!(
            DeliveryRow,
            r#"select id, file_id, partner_id, channel, kind as "kind: DeliveryKind", target, idempotency_key,
                   state as "state: DeliveryState", attempts, created_at, delivered_at, response_id, last_error
               from delivery where id = $1"#,
            id,
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(Error::query("find a delivery"))
    }

    /// A delivery with its bytes and documents.
    ///
    /// # Errors
    /// When there is no such delivery, or its bytes cannot be read.
    pub async fn load_delivery(&self, id: Uuid) -> Result<LoadedDelivery, Error> {
        let loaded = self.load_deliveries(&[id]).await?.pop();
        loaded.ok_or(Error::Missing { what: "delivery", id })
    }

    /// Deliveries with their bytes and documents, in the order given.
    ///
    /// # Errors
    /// When one of them is not there, or its bytes cannot be read.
    pub async fn load_deliveries(&self, ids: &[Uuid]) -> Result<Vec<LoadedDelivery>, Error> {
        let rows = sqlx::query_as!(
            DeliveryRow,
            r#"select id, file_id, partner_id, channel, kind as "kind: DeliveryKind", target, idempotency_key,
                   state as "state: DeliveryState", attempts, created_at, delivered_at, response_id, last_error
               from delivery where id = any($1)"#,
            ids,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("find deliveries"))?;
        let mut documents = self.list_delivered(ids).await?;
        let calls: Vec<Uuid> =
            rows.iter().filter(|row| row.kind == DeliveryKind::Call).map(|row| row.id).collect();
        let mut fields = self.load_fields(&calls).await?;
        let mut rows: HashMap<Uuid, DeliveryRow> = rows.into_iter().map(|row| (row.id, row)).collect();
        let missing = |id: &Uuid| Error::Missing { what: "delivery", id: *id };
        let rows: Vec<DeliveryRow> =
            ids.iter().map(|id| rows.remove(id).ok_or_else(|| missing(id))).collect::<Result<_, _>>()?;
        let files: Vec<Uuid> = rows.iter().map(|row| row.file_id).collect();
        let files = self.load_files(&files).await?;
        let loaded = rows.into_iter().zip(files).map(|(row, file)| {
            let document_ids = documents.remove(&row.id).unwrap_or_default();
            let fields = fields.remove(&row.id).unwrap_or_default();
            LoadedDelivery { row, file, document_ids, fields }
        });
        Ok(loaded.collect())
    }

    /// What addresses and headers of calls take, by delivery.
    async fn load_fields(&self, calls: &[Uuid]) -> Result<HashMap<Uuid, BTreeMap<String, String>>, Error> {
        if calls.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = sqlx::query!(
            r#"select id, fields as "fields!" from delivery where id = any($1) and fields is not null"#,
            calls
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("read what calls take"))?;
        rows.into_iter()
            .map(|row| {
                let failed = |source| Error::Stored { what: "fields of delivery", id: row.id, source };
                Ok((row.id, serde_json::from_value(row.fields).map_err(failed)?))
            })
            .collect()
    }

    /// The documents in deliveries, by delivery.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_delivered(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Vec<Uuid>>, Error> {
        let tied = sqlx::query!(
            "select l.delivery_id, l.document_id from delivery_document l
             where l.delivery_id = any($1)
             order by (select d.ordinal from document d where d.id = l.document_id), l.document_id",
            ids,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list the documents of deliveries"))?;
        let mut documents: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for row in tied {
            documents.entry(row.delivery_id).or_default().push(row.document_id);
        }
        Ok(documents)
    }

    /// Deliveries, the latest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_deliveries(
        &self,
        filter: &DeliveryFilter,
        limit: i64,
    ) -> Result<Vec<DeliveryRow>, Error> {
        sqlx::query_as!(
            DeliveryRow,
            r#"select id, file_id, partner_id, channel, kind as "kind: DeliveryKind", target, idempotency_key,
                   state as "state: DeliveryState", attempts, created_at, delivered_at, response_id, last_error
               from delivery d
               where ($1::text is null or partner_id = $1) and ($2::text is null or state = $2)
                 and ($3::uuid is null or file_id = $3)
                 and ($4::uuid is null or exists (select from delivery_document l
                     where l.delivery_id = d.id and l.document_id = $4))
                 and ($5::timestamptz is null or created_at < $5)
                 and ($6::timestamptz is null or created_at >= $6)
                 and ($8::text is null or exists (select from delivery_document l join document n on n.id = l.document_id
                     where l.delivery_id = d.id
                       and $8 in (n.business_number, n.purchase_order_number, n.order_number)))
               order by created_at desc, id limit $7"#,
            filter.partner_id.as_deref(),
            filter.state.map(DeliveryState::as_str),
            filter.file_id,
            filter.document_id,
            filter.before,
            filter.since,
            limit,
            filter.number.as_deref(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list deliveries"))
    }

    /// How many deliveries there are, by state.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn count_deliveries(&self) -> Result<Vec<(DeliveryState, i64)>, Error> {
        let rows = sqlx::query!(
            r#"select state as "state: DeliveryState", count(*) as "count!" from delivery group by 1 order by 1"#,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("count deliveries"))?;
        Ok(rows.into_iter().map(|row| (row.state, row.count)).collect())
    }
}
