//! Revisions: a document's record as it was, kept when reading again makes another of it.

use uuid::Uuid;

use super::{Error, Store, Work};

/// What a document's record said before it was read again.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct RecordRevision {
    /// The first that was replaced is 1.
    pub number: i32,
    /// Its kind.
    pub record_kind: String,
    /// What it said.
    pub record: serde_json::Value,
    /// The profile that had read it.
    pub profile_version: Option<Uuid>,
    /// When it was replaced.
    pub replaced_at: chrono::DateTime<chrono::Utc>,
}

impl Work {
    /// Keeps what a document's record says as a revision, and makes room for what it says now: its row, its record
    /// and the lines of it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn revise(&mut self, document_id: Uuid, record: &serde_json::Value) -> Result<(), Error> {
        sqlx::query!(
            "insert into record_revision (document_id, number, record_kind, record, translator, profile_version)
             select d.id, 1 + (select count(*) from record_revision r where r.document_id = d.id), d.record_kind,
                 $2, d.translator, d.profile_version
             from document d where d.id = $1 and d.record_kind is not null",
            document_id,
            record,
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("keep a record's revision"))?;
        // A test holds the list against the tables there are.
        sqlx::query!(
            "with
                 a as (delete from purchase_order where document_id = $1),
                 b as (delete from purchase_order_line where document_id = $1),
                 c as (delete from shipping_order where document_id = $1),
                 d as (delete from shipping_order_line where document_id = $1),
                 e as (delete from shipping_advice where document_id = $1),
                 f as (delete from shipping_advice_line where document_id = $1),
                 g as (delete from ship_notice where document_id = $1),
                 h as (delete from ship_notice_line where document_id = $1),
                 i as (delete from invoice where document_id = $1),
                 j as (delete from invoice_line where document_id = $1),
                 k as (delete from invoice_charge where document_id = $1),
                 l as (delete from order_acknowledgment where document_id = $1),
                 m as (delete from order_acknowledgment_line where document_id = $1),
                 n as (delete from stock_transfer where document_id = $1),
                 o as (delete from stock_transfer_line where document_id = $1),
                 p as (delete from stock_receipt where document_id = $1),
                 q as (delete from stock_receipt_line where document_id = $1),
                 r as (delete from inventory_status where document_id = $1),
                 s as (delete from inventory_status_line where document_id = $1),
                 t as (delete from inventory_adjustment where document_id = $1),
                 u as (delete from inventory_adjustment_line where document_id = $1),
                 v as (delete from invoice_decision where document_id = $1),
                 w as (delete from document_number where document_id = $1)
             delete from document where id = $1",
            document_id,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("make room for a record's revision"))
    }
}

impl Store {
    /// What a document's record said before, the first first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_revisions(&self, document_id: Uuid) -> Result<Vec<RecordRevision>, Error> {
        sqlx::query_as!(
            RecordRevision,
            "select number, record_kind, record, profile_version, replaced_at from record_revision
             where document_id = $1 order by number",
            document_id,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list a record's revisions"))
    }
}
