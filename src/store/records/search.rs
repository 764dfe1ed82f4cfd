//! Finds records by their numbers, to match and to derive others of them.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::canonical::{ItemKeys, PurchaseOrder, Record, RecordKind, Source};
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
}

/// What was shipped or billed of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedLine {
    /// The document that says it.
    pub document_id: Uuid,
    /// The other side of that document.
    pub partner_id: String,
    /// The item.
    pub item: ItemKeys,
    /// How much.
    pub quantity: Decimal,
    /// In which unit.
    pub unit: Option<String>,
    /// Where the document says it.
    pub source: Option<Source>,
}

pub(super) struct Stored {
    pub(super) document_id: Uuid,
    pub(super) partner_id: String,
    pub(super) received_at: DateTime<Utc>,
    pub(super) record: String,
}

struct StoredLine {
    document_id: Uuid,
    partner_id: String,
    sku: Option<String>,
    buyer_item: Option<String>,
    gtin: Option<String>,
    quantity: Decimal,
    unit: Option<String>,
    segment_ordinal: Option<i64>,
    byte: Option<i64>,
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
            r#"select document_id, partner_id, received_at, record::text as "record!" from purchase_order
               where purchase_order_number = any($1) and ($2::text is null or partner_id = $2)
               order by partner_id, purchase_order_number, release_number, received_at, document_id"#,
            numbers,
            partner_id,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find purchase orders"))?;
        let mut orders: Vec<FoundRecord> = Vec::new();
        for row in rows {
            let later = understand(row)?;
            match orders.last_mut() {
                Some(order) if is_about(order, &later) => revise(order, later),
                _ => orders.push(later),
            }
        }
        Ok(orders)
    }

    /// The latest shipping order of each of these order numbers, with whatever partner.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_shipping_orders(&mut self, numbers: &[String]) -> Result<Vec<FoundRecord>, Error> {
        let rows = sqlx::query_as!(
            Stored,
            r#"select distinct on (order_number) document_id, partner_id, received_at, record::text as "record!"
               from shipping_order where order_number = any($1)
               order by order_number, received_at desc, document_id"#,
            numbers,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find shipping orders"))?;
        rows.into_iter().map(understand).collect()
    }

    /// All shipping advices of these order numbers or purchase order numbers, the oldest first: an order may be
    /// shipped in parts.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_shipping_advices(
        &mut self,
        order_numbers: &[String],
        purchase_order_numbers: &[String],
    ) -> Result<Vec<FoundRecord>, Error> {
        let rows = sqlx::query_as!(
            Stored,
            r#"select document_id, partner_id, received_at, record::text as "record!" from shipping_advice
               where order_number = any($1) or purchase_order_number = any($2)
               order by received_at, document_id"#,
            order_numbers,
            purchase_order_numbers,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find shipping advices"))?;
        rows.into_iter().map(understand).collect()
    }

    /// All ship notices of these purchase orders, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_ship_notices(
        &mut self,
        purchase_order_numbers: &[String],
    ) -> Result<Vec<FoundRecord>, Error> {
        let rows = sqlx::query_as!(
            Stored,
            r#"select document_id, partner_id, received_at, record::text as "record!" from ship_notice
               where document_id in (
                   select document_id from ship_notice_line where purchase_order_number = any($1))
               order by received_at, document_id"#,
            purchase_order_numbers,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find ship notices"))?;
        rows.into_iter().map(understand).collect()
    }

    /// All invoices that bill these purchase orders, as a whole or on a line, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_invoices(
        &mut self,
        purchase_order_numbers: &[String],
    ) -> Result<Vec<FoundRecord>, Error> {
        let rows = sqlx::query_as!(
            Stored,
            r#"select document_id, partner_id, received_at, record::text as "record!" from invoice
               where document_id in (
                   select document_id from invoice_line where purchase_order_number = any($1)
                   union select document_id from invoice where purchase_order_number = any($1))
               order by received_at, document_id"#,
            purchase_order_numbers,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find invoices"))?;
        rows.into_iter().map(understand).collect()
    }

    /// The document of the first invoice of this number from this partner, other than `except`.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_earlier_invoice(
        &mut self,
        partner_id: &str,
        invoice_number: &str,
        except: Uuid,
    ) -> Result<Option<Uuid>, Error> {
        sqlx::query_scalar!(
            "select document_id from invoice where partner_id = $1 and invoice_number = $2 and document_id <> $3
             order by received_at, document_id limit 1",
            partner_id,
            invoice_number,
            except,
        )
        .fetch_optional(self.connection())
        .await
        .map_err(Error::query("find an earlier invoice"))
    }

    /// What was billed for a purchase order so far, by all documents but `except`; credits count negative.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_invoiced_lines(
        &mut self,
        purchase_order_number: &str,
        except: Uuid,
    ) -> Result<Vec<MovedLine>, Error> {
        let rows = sqlx::query_as!(
            StoredLine,
            r#"select l.document_id, i.partner_id, l.sku, l.buyer_item, l.gtin,
                   (case i.sense when 'credit' then -l.quantity else l.quantity end) as "quantity!", l.unit,
                   l.segment_ordinal, l.byte
               from invoice_line l join invoice i using (document_id)
               where l.purchase_order_number = $1 and l.document_id <> $2 and l.quantity is not null
               order by i.received_at, l.document_id, l.ordinal"#,
            purchase_order_number,
            except,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list invoiced lines"))?;
        Ok(rows.into_iter().map(moved).collect())
    }

    /// What was shipped for a purchase order so far, by the warehouses' advices.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_shipped_lines(&mut self, purchase_order_number: &str) -> Result<Vec<MovedLine>, Error> {
        let rows = sqlx::query_as!(
            StoredLine,
            r#"select l.document_id, a.partner_id, l.sku, l.buyer_item, l.gtin, l.quantity_shipped as "quantity!",
                   l.unit, l.segment_ordinal, l.byte
               from shipping_advice_line l join shipping_advice a using (document_id)
               where a.purchase_order_number = $1 and l.quantity_shipped is not null
               order by a.received_at, l.document_id, l.ordinal"#,
            purchase_order_number,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list shipped lines"))?;
        Ok(rows.into_iter().map(moved).collect())
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

/// Whether both are documents about one order of one partner.
fn is_about(order: &FoundRecord, later: &FoundRecord) -> bool {
    let (Record::PurchaseOrder(one), Record::PurchaseOrder(other)) = (&order.record, &later.record) else {
        return false;
    };
    let key = |order: &PurchaseOrder| (order.purchase_order_number.clone(), order.release_number.clone());
    order.partner_id == later.partner_id && key(one) == key(other)
}

/// Takes a later document about an order into account.
fn revise(order: &mut FoundRecord, later: FoundRecord) {
    if let (Record::PurchaseOrder(one), Record::PurchaseOrder(other)) = (&order.record, &later.record) {
        let record = one.revised(other);
        // What changes nothing leaves the document, too.
        if record != **one {
            *order = FoundRecord { record: record.into(), ..later };
        }
    }
}

/// A record as it is stored.
pub(in crate::store) fn parse_record(document_id: Uuid, json: &str) -> Result<Record, Error> {
    serde_json::from_str(json).map_err(|source| Error::Stored {
        what: "record of document",
        id: document_id,
        source,
    })
}

pub(super) fn understand(row: Stored) -> Result<FoundRecord, Error> {
    let record = parse_record(row.document_id, &row.record)?;
    Ok(FoundRecord {
        document_id: row.document_id,
        partner_id: row.partner_id,
        received_at: row.received_at,
        record,
    })
}

fn moved(row: StoredLine) -> MovedLine {
    let source = row.segment_ordinal.zip(row.byte).map(|(ordinal, byte)| Source {
        segment_ordinal: u32::try_from(ordinal).unwrap_or_default(),
        byte: byte.cast_unsigned(),
    });
    MovedLine {
        document_id: row.document_id,
        partner_id: row.partner_id,
        item: ItemKeys { sku: row.sku, buyer_item: row.buyer_item, gtin: row.gtin },
        quantity: row.quantity,
        unit: row.unit,
        source,
    }
}
