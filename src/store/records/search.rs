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

/// Numbers that documents are looked for by.
#[derive(Clone, Debug, Default)]
pub struct NumbersAsked {
    /// Depositors' order numbers.
    pub orders: Vec<String>,
    /// Purchase order numbers.
    pub purchase_orders: Vec<String>,
    /// Shipments and bills of lading of advices.
    pub shipments: Vec<String>,
    /// Invoices by seller and number.
    pub invoices: Vec<(String, String)>,
    /// Documents themselves.
    pub documents: Vec<Uuid>,
}

impl NumbersAsked {
    /// Whether nothing is asked for.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.orders.is_empty()
            && self.purchase_orders.is_empty()
            && self.shipments.is_empty()
            && self.invoices.is_empty()
            && self.documents.is_empty()
    }
}

/// A document that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentAbout {
    /// When it was received or composed.
    pub received_at: DateTime<Utc>,
    /// In which file.
    pub file_id: Uuid,
    /// Its place in it.
    pub ordinal: i32,
    /// The document.
    pub id: Uuid,
    /// Its set or kind.
    pub kind: String,
    /// The kind of its record.
    pub record_kind: String,
    /// Whether an order, a shipment or the document itself was asked for; if not, only the number of the invoice was.
    pub is_of_order: bool,
    /// The agreement that it falls under.
    pub agreement: Option<String>,
}

impl DocumentAbout {
    /// What came before what.
    #[must_use]
    pub fn place(&self) -> impl Ord + use<> {
        (self.received_at, self.file_id, self.ordinal, self.id)
    }
}

pub(in crate::store) struct Stored {
    pub(in crate::store) document_id: Uuid,
    pub(in crate::store) partner_id: String,
    pub(in crate::store) received_at: DateTime<Utc>,
    pub(in crate::store) record: String,
}

impl Work {
    /// Documents whose records have one of these numbers, in the order they came. Shipping orders are found by their own
    /// number only, and by a shipment advices only. What we passed on is what it was passed on from, and not found.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_documents_about(&mut self, asked: &NumbersAsked) -> Result<Vec<DocumentAbout>, Error> {
        let (sellers, invoices): (Vec<&str>, Vec<String>) =
            asked.invoices.iter().map(|(seller, number)| (seller.as_str(), evened(number))).unzip();
        sqlx::query_as!(
            DocumentAbout,
            r#"select d.id, d.received_at, d.file_id, d.ordinal, d.kind, d.record_kind as "record_kind!", d.agreement,
                   bool_or(n.by <> 'invoice') as "is_of_order!"
               from (
                   select document_id, 'order' as by, null as seller from document_number
                   where kind = 'order' and number = any($1)
                   union all
                   select document_id, 'purchase_order', null from document_number
                   where kind = 'purchase_order' and number = any($2)
                   union all
                   select document_id, 'shipment', null from document_number
                   where kind in ('shipment', 'bill_of_lading') and number = any($3)
                   union all
                   select i.document_id, 'invoice', a.seller from unnest($4::text[], $5::text[]) as a (seller, number)
                   join document_number i on i.number = a.number and i.kind = 'invoice'
                   union all
                   select unnest($6::uuid[]), 'document', null) n
               join document d on d.id = n.document_id
               where (case n.by when 'document' then true
                       when 'invoice' then d.record_kind = 'invoice' and d.partner_id = n.seller
                       when 'order' then d.record_kind in ('shipping_order', 'shipping_advice')
                       when 'shipment' then d.record_kind = 'shipping_advice'
                       else d.record_kind <> 'shipping_order' end)
                 and not exists (select from document s where s.id = d.source_document_id
                     and s.record_kind = d.record_kind)
               group by d.id order by d.received_at, d.file_id, d.ordinal, d.id"#,
            &evened_all(&asked.orders),
            &evened_all(&asked.purchase_orders),
            &evened_all(&asked.shipments),
            &sellers as &[&str],
            &invoices,
            &asked.documents,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list documents about orders"))
    }

    /// Shipping orders that were sent for one of these orders or purchase orders and not called off on the way, in the order
    /// they went.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_orders_sent(
        &mut self,
        orders: &[String],
        purchase_orders: &[String],
    ) -> Result<Vec<DocumentAbout>, Error> {
        sqlx::query_as!(
            DocumentAbout,
            r#"with asked (kind, number) as (
                   select 'order', unnest($1::text[]) union all select 'purchase_order', unnest($2::text[]))
               select distinct d.received_at, d.file_id, d.ordinal, d.id, d.kind, d.record_kind as "record_kind!",
                   true as "is_of_order!", d.agreement
               from asked join document_number n using (kind, number) join document d on d.id = n.document_id
               where d.record_kind = 'shipping_order' and d.direction = 'outbound' and d.delivery <> 'cancelled'
               order by d.received_at, d.file_id, d.ordinal, d.id"#,
            &evened_all(orders),
            &evened_all(purchase_orders),
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list orders that were sent"))
    }

    /// The records of these documents in the order given, orders as their versions leave them; those that retention took are
    /// left out.
    ///
    /// # Errors
    /// When the database cannot be asked, or what is stored is not understood any more.
    pub async fn load_records(&mut self, documents: &[DocumentAbout]) -> Result<Vec<FoundRecord>, Error> {
        Ok(in_force(self.load_versions(documents).await?))
    }

    /// The same, each by itself.
    ///
    /// # Errors
    /// When the database cannot be asked, or what is stored is not understood any more.
    pub async fn load_versions(&mut self, documents: &[DocumentAbout]) -> Result<Vec<FoundRecord>, Error> {
        if documents.is_empty() {
            return Ok(Vec::new());
        }
        let of = |kind: RecordKind| -> Vec<Uuid> {
            let those = documents.iter().filter(|document| document.record_kind == kind.word());
            those.map(|document| document.id).collect()
        };
        let rows = sqlx::query_as!(
            Stored,
            r#"select document_id as "document_id!", partner_id as "partner_id!", received_at as "received_at!",
                   record as "record!" from (
               select document_id, partner_id, received_at, record::text from purchase_order
               where document_id = any($1)
               union all select document_id, partner_id, received_at, record::text from shipping_order
               where document_id = any($2)
               union all select document_id, partner_id, received_at, record::text from shipping_advice
               where document_id = any($3)
               union all select document_id, partner_id, received_at, record::text from ship_notice
               where document_id = any($4)
               union all select document_id, partner_id, received_at, record::text from invoice
               where document_id = any($5)
               union all select document_id, partner_id, received_at, record::text from stock_receipt
               where document_id = any($6)
               union all select document_id, partner_id, received_at, record::text from order_acknowledgment
               where document_id = any($7)) r"#,
            &of(RecordKind::PurchaseOrder),
            &of(RecordKind::ShippingOrder),
            &of(RecordKind::ShippingAdvice),
            &of(RecordKind::ShipNotice),
            &of(RecordKind::Invoice),
            &of(RecordKind::StockReceipt),
            &of(RecordKind::OrderAcknowledgment),
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("load records"))?;
        let places: HashMap<Uuid, usize> =
            documents.iter().enumerate().map(|(place, document)| (document.id, place)).collect();
        let mut found = rows.into_iter().map(understand).collect::<Result<Vec<_>, _>>()?;
        found.sort_by_key(|found| places.get(&found.document_id).copied());
        Ok(found)
    }

    /// The purchase order numbers of the shipping orders of these numbers.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_purchase_orders_of(&mut self, orders: &[String]) -> Result<Vec<String>, Error> {
        sqlx::query_scalar!(
            "select distinct p.number from document_number o
             join document d on d.id = o.document_id and d.record_kind = 'shipping_order'
             join document_number p on p.document_id = o.document_id and p.kind = 'purchase_order'
             where o.kind = 'order' and o.number = any($1)",
            &evened_all(orders),
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list the purchase orders of orders"))
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
            RecordKind::InvoiceDecision => of_document!("invoice_decision"),
        };
        found.map_err(Error::query("find a record"))?.map(understand).transpose()
    }
}

/// Records in order of time, orders as their versions leave them: the latest, with the changes sent since, that of each
/// partner and release or depositor. What was cancelled is there too; its purpose says so.
fn in_force(versions: Vec<FoundRecord>) -> Vec<FoundRecord> {
    let mut records: Vec<FoundRecord> = Vec::with_capacity(versions.len());
    let mut places: HashMap<(RecordKind, String, OrderKey), usize> = HashMap::new();
    for later in versions {
        let kind = later.record.kind();
        if !matches!(kind, RecordKind::PurchaseOrder | RecordKind::ShippingOrder) {
            records.push(later);
            continue;
        }
        let key = (kind, later.partner_id.clone(), later.record.order_key());
        match places.get(&key).and_then(|at| records.get_mut(*at)) {
            Some(order) => order.revise(later),
            None => {
                places.insert(key, records.len());
                records.push(later);
            }
        }
    }
    records
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

fn evened_all(numbers: &[String]) -> Vec<String> {
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
