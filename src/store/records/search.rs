//! Finds records by their numbers, to match and to derive others of them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::canonical::{OrderKey, Record, RecordKind, evened};
use crate::store::{Error, Store, Work};

/// A stored record.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundRecord {
    /// Its document.
    pub document_id: Uuid,
    /// The other side.
    pub partner_id: String,
    /// When it was received or composed.
    pub received_at: DateTime<Utc>,
    /// What it says.
    pub record: Record,
    /// The documents that had a say in it, this one among them: an order with its changes.
    pub versions: Vec<Uuid>,
}

pub(in crate::store) struct Stored {
    pub(in crate::store) document_id: Uuid,
    pub(in crate::store) partner_id: String,
    pub(in crate::store) received_at: DateTime<Utc>,
    pub(in crate::store) record: String,
}

impl Work {
    /// The purchase order of each of these numbers as it is in force, of one partner or of any: the latest, with
    /// the changes sent since. Of a blanket order that of each release. What was cancelled is found too; its
    /// purpose says so. The document is the last that had a say.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_purchase_orders(
        &mut self,
        partner_id: Option<&str>,
        numbers: &[String],
    ) -> Result<Vec<FoundRecord>, Error> {
        let rows = sqlx::query_as!(
            Stored,
            r#"select r.document_id, r.partner_id, r.received_at, r.record::text as "record!" from purchase_order r
               where r.document_id in (
                   select document_id from document_number where kind = 'purchase_order' and number = any($1))
                 and ($2::text is null or r.partner_id = $2)
                 and not exists (select from document d join document s on s.id = d.source_document_id
                     where d.id = r.document_id and s.record_kind = d.record_kind)
               order by r.received_at, (select (d.file_id, d.ordinal) from document d where d.id = r.document_id),
                   r.document_id"#,
            &evened_all(numbers),
            partner_id,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find purchase orders"))?;
        in_force(rows)
    }

    /// The shipping order of each of these order numbers as it is in force, that of each partner and depositor: the
    /// latest, with the changes sent since. What was cancelled is found too. What we passed on is the order it was
    /// passed on from, and not found.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_shipping_orders(&mut self, numbers: &[String]) -> Result<Vec<FoundRecord>, Error> {
        let rows = sqlx::query_as!(
            Stored,
            r#"select r.document_id, r.partner_id, r.received_at, r.record::text as "record!" from shipping_order r
               where r.document_id in (
                   select document_id from document_number where kind = 'order' and number = any($1))
                 and not exists (select from document d join document s on s.id = d.source_document_id
                     where d.id = r.document_id and s.record_kind = d.record_kind)
               order by r.received_at, (select (d.file_id, d.ordinal) from document d where d.id = r.document_id),
                   r.document_id"#,
            &evened_all(numbers),
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find shipping orders"))?;
        in_force(rows)
    }

    /// All shipping advices of these order numbers, purchase order numbers, or shipments and bills of lading, the
    /// oldest first: an order may be shipped in parts. What we passed on is not counted twice.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_shipping_advices(
        &mut self,
        order_numbers: &[String],
        purchase_order_numbers: &[String],
        shipments: &[String],
    ) -> Result<Vec<FoundRecord>, Error> {
        let rows = sqlx::query_as!(
            Stored,
            r#"select r.document_id, r.partner_id, r.received_at, r.record::text as "record!" from shipping_advice r
               where r.document_id in (
                   select document_id from document_number where kind = 'order' and number = any($1)
                   union select document_id from document_number
                   where kind = 'purchase_order' and number = any($2)
                   union select document_id from document_number
                   where kind in ('shipment', 'bill_of_lading') and number = any($3))
                 and not exists (select from document d join document s on s.id = d.source_document_id
                     where d.id = r.document_id and s.record_kind = d.record_kind)
               order by r.received_at, (select (d.file_id, d.ordinal) from document d where d.id = r.document_id),
                   r.document_id"#,
            &evened_all(order_numbers),
            &evened_all(purchase_order_numbers),
            &evened_all(shipments),
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find shipping advices"))?;
        rows.into_iter().map(understand).collect()
    }

    /// The shipping advices of these documents, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_shipping_advices(&mut self, documents: &[Uuid]) -> Result<Vec<FoundRecord>, Error> {
        let rows = sqlx::query_as!(
            Stored,
            r#"select document_id, partner_id, received_at, record::text as "record!" from shipping_advice
               where document_id = any($1) order by received_at, document_id"#,
            documents,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list shipping advices"))?;
        rows.into_iter().map(understand).collect()
    }

    /// All ship notices of these purchase orders, the oldest first; none that we passed on.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_ship_notices(
        &mut self,
        purchase_order_numbers: &[String],
    ) -> Result<Vec<FoundRecord>, Error> {
        let rows = sqlx::query_as!(
            Stored,
            r#"select r.document_id, r.partner_id, r.received_at, r.record::text as "record!" from ship_notice r
               where r.document_id in (
                   select document_id from document_number where kind = 'purchase_order' and number = any($1))
                 and not exists (select from document d join document s on s.id = d.source_document_id
                     where d.id = r.document_id and s.record_kind = d.record_kind)
               order by r.received_at, (select (d.file_id, d.ordinal) from document d where d.id = r.document_id),
                   r.document_id"#,
            &evened_all(purchase_order_numbers),
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find ship notices"))?;
        rows.into_iter().map(understand).collect()
    }

    /// All invoices that bill these purchase orders, as a whole or on a line, the oldest first; none that we passed on.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_invoices(
        &mut self,
        purchase_order_numbers: &[String],
    ) -> Result<Vec<FoundRecord>, Error> {
        let rows = sqlx::query_as!(
            Stored,
            r#"select r.document_id, r.partner_id, r.received_at, r.record::text as "record!" from invoice r
               where r.document_id in (
                   select document_id from document_number where kind = 'purchase_order' and number = any($1))
                 and not exists (select from document d join document s on s.id = d.source_document_id
                     where d.id = r.document_id and s.record_kind = d.record_kind)
               order by r.received_at, (select (d.file_id, d.ordinal) from document d where d.id = r.document_id),
                   r.document_id"#,
            &evened_all(purchase_order_numbers),
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find invoices"))?;
        rows.into_iter().map(understand).collect()
    }

    /// Shipping advices that wait for a document about one of these orders or purchase orders, or about an order of one
    /// of these purchase orders, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_waiting_advices(
        &mut self,
        order_numbers: &[String],
        purchase_order_numbers: &[String],
    ) -> Result<Vec<FoundRecord>, Error> {
        let rows = sqlx::query_as!(
            Stored,
            r#"with about (kind, number) as (
                   select 'order', unnest($1::text[])
                   union select 'purchase_order', unnest($2::text[])
                   union select 'order', o.number from document_number p
                       join document_number o on o.document_id = p.document_id and o.kind = 'order'
                       where p.kind = 'purchase_order' and p.number = any($2)
               )
               select r.document_id, r.partner_id, r.received_at, r.record::text as "record!"
               from shipping_advice r join document d on d.id = r.document_id
               where d.business = 'waiting' and r.document_id in (
                   select n.document_id from about join document_number n using (kind, number))
               order by r.received_at, d.file_id, d.ordinal, r.document_id for update of d"#,
            &evened_all(order_numbers),
            &evened_all(purchase_order_numbers),
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find waiting advices"))?;
        rows.into_iter().map(understand).collect()
    }
}

impl Store {
    /// The record of a document; none when it was not translated.
    ///
    /// # Errors
    /// When the database cannot be asked, or what is stored is not understood any more.
    pub async fn find_record(
        &self,
        kind: RecordKind,
        document_id: Uuid,
    ) -> Result<Option<FoundRecord>, Error> {
        // One statement for each table, since a table's name cannot be bound.
        macro_rules! of_document {
            ($table:literal) => {
                sqlx::query_as!(
                    Stored,
                    r#"select document_id, partner_id, received_at, record::text as "record!" from "#
                        + $table
                        + " where document_id = $1",
                    document_id,
                )
                .fetch_optional(&self.pool)
                .await
            };
        }
        let found = match kind {
            RecordKind::PurchaseOrder => of_document!("purchase_order"),
            RecordKind::ShippingOrder => of_document!("shipping_order"),
            RecordKind::ShippingAdvice => of_document!("shipping_advice"),
            RecordKind::ShipNotice => of_document!("ship_notice"),
            RecordKind::Invoice => of_document!("invoice"),
            RecordKind::OrderAcknowledgment => of_document!("order_acknowledgment"),
            RecordKind::StockTransfer => of_document!("stock_transfer"),
            RecordKind::StockReceipt => of_document!("stock_receipt"),
            RecordKind::InventoryStatus => of_document!("inventory_status"),
            RecordKind::InventoryAdjustment => of_document!("inventory_adjustment"),
        };
        found.map_err(Error::query("find a record"))?.map(understand).transpose()
    }
}

/// Orders as their versions, in order of time, leave them.
fn in_force(versions: Vec<Stored>) -> Result<Vec<FoundRecord>, Error> {
    let mut orders: Vec<FoundRecord> = Vec::new();
    let mut places: HashMap<(String, OrderKey), usize> = HashMap::new();
    for row in versions {
        let later = understand(row)?;
        let key = (later.partner_id.clone(), later.record.order_key());
        match places.get(&key).and_then(|at| orders.get_mut(*at)) {
            Some(order) => order.revise(later),
            None => {
                places.insert(key, orders.len());
                orders.push(later);
            }
        }
    }
    Ok(orders)
}

impl FoundRecord {
    /// Takes a later document about the same order into account.
    fn revise(&mut self, later: Self) {
        self.versions.push(later.document_id);
        // What changes nothing leaves the document, too.
        if let Some(record) = self.record.revised(&later.record) {
            let versions = std::mem::take(&mut self.versions);
            *self = Self { record, versions, ..later };
        }
    }
}

pub(super) fn evened_all(numbers: &[String]) -> Vec<String> {
    numbers.iter().map(|number| evened(number)).collect()
}

/// A record as it is stored.
pub(in crate::store) fn understand(row: Stored) -> Result<FoundRecord, Error> {
    let failed = |source| Error::Stored { what: "record of document", id: row.document_id, source };
    let record = Record::from_json(&row.record).map_err(failed)?;
    Ok(FoundRecord {
        document_id: row.document_id,
        partner_id: row.partner_id,
        received_at: row.received_at,
        record,
        versions: vec![row.document_id],
    })
}
