//! Finds the packs of other shipments that bear the same SSCC.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::canonical::evened;
use crate::store::{Error, Work};

/// Others that are looked at of one SSCC: one that a sender writes on every pack is known by a few of them.
const OTHERS: i64 = 3;

/// A label that a document bears, to be looked for on others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelAsked<'a> {
    /// The document.
    pub document_id: Uuid,
    /// The SSCC.
    pub sscc: &'a str,
    /// Whether only documents that came before it count.
    pub before: bool,
}

/// Another document that bears it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFound {
    /// The document that was asked for.
    pub document_id: Uuid,
    /// The other one.
    pub other_id: Uuid,
    /// Its set or kind.
    pub other_kind: String,
    /// When it came.
    pub other_received_at: DateTime<Utc>,
    /// The SSCC, evened.
    pub number: String,
}

impl Work {
    /// Shipping advices and ship notices that came in since a time, from the same partner, and bear one of these SSCCs, but
    /// not of the same shipment: what names the same shipment, bill of lading or PRO number is; an advice and a notice of
    /// one order are, too. Some of them, where there are many.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_labels(
        &mut self,
        asked: &[LabelAsked<'_>],
        since: DateTime<Utc>,
    ) -> Result<Vec<LabelFound>, Error> {
        let ids: Vec<Uuid> = asked.iter().map(|asked| asked.document_id).collect();
        let numbers: Vec<String> = asked.iter().map(|asked| evened(asked.sscc)).collect();
        let before: Vec<bool> = asked.iter().map(|asked| asked.before).collect();
        sqlx::query_as!(
            LabelFound,
            r#"select a.document_id as "document_id!", o.id as "other_id!", o.kind as "other_kind!",
                   o.received_at as "other_received_at!", a.number as "number!"
               from unnest($1::uuid[], $2::text[], $3::boolean[]) as a (document_id, number, before)
               join document own on own.id = a.document_id
               cross join lateral (
                   select d.id, d.kind, d.received_at
                   from document_number n join document d on d.id = n.document_id
                   where n.number = a.number and n.kind = 'sscc' and n.document_id <> a.document_id
                     and d.direction = 'inbound' and d.partner_id = own.partner_id
                     and d.record_kind in ('shipping_advice', 'ship_notice') and d.received_at > $4
                     and (not a.before
                         or (d.received_at, d.file_id, d.ordinal) < (own.received_at, own.file_id, own.ordinal))
                     and not exists (
                         select from document_number mine join document_number theirs
                             on theirs.document_id = d.id and theirs.kind = mine.kind and theirs.number = mine.number
                         where mine.document_id = a.document_id
                           and (mine.kind in ('shipment', 'bill_of_lading', 'pro')
                               or (mine.kind in ('order', 'purchase_order') and d.record_kind <> own.record_kind)))
                   limit $5) o
               order by a.document_id, o.received_at desc, o.id, a.number"#,
            &ids,
            &numbers,
            &before,
            since,
            OTHERS,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find packs of the same label"))
    }
}
