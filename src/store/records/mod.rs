//! Canonical records: stored whole, with the columns people search, join and add up beside them.

mod activities;
mod answers;
mod evidence;
mod invoices;
mod labels;
mod numbers;
mod orders;
mod search;
mod shipments;
mod stock;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::text::clean_json;
use super::{Error, Work};
use crate::canonical::{
    InventoryAdjustment, InventoryStatus, Invoice, InvoiceDecision, ItemKeys, OrderAcknowledgment,
    PurchaseOrder, Record, ShipNotice, ShippingAdvice, ShippingOrder, Source, StockReceipt, StockTransfer,
};

pub use activities::ServiceBill;
pub use evidence::{ItemName, ItemPack, ItemPrice};
pub use labels::{LabelAsked, LabelFound};
pub use numbers::FoundNumber;
pub use search::{DocumentAbout, FoundRecord, NumbersAsked};

/// A record of a document.
#[derive(Clone, Copy, Debug)]
pub struct NewRecord<'a> {
    /// The document.
    pub document_id: Uuid,
    /// The other side.
    pub partner_id: &'a str,
    /// When the document was received or composed; of two with one number the later counts.
    pub received_at: DateTime<Utc>,
    /// What it says.
    pub record: &'a Record,
}

/// One record on its way into its table.
struct Row<'a, R> {
    document_id: Uuid,
    partner_id: &'a str,
    received_at: DateTime<Utc>,
    record: &'a R,
    json: &'a str,
}

/// One line on its way into its table.
struct Line<'a, L> {
    document_id: Uuid,
    /// Place in the document, the first is 1.
    ordinal: i32,
    keys: ItemKeys<'a>,
    source: Option<Source>,
    line: &'a L,
}

impl<'a, L> Line<'a, L> {
    fn new(document_id: Uuid, place: usize, keys: ItemKeys<'a>, source: Option<Source>, line: &'a L) -> Self {
        let ordinal = i32::try_from(place + 1).expect("a document in memory has fewer lines");
        Self { document_id, ordinal, keys, source, line }
    }

    fn segment_ordinal(&self) -> Option<i64> {
        self.source.map(|source| i64::from(source.segment_ordinal))
    }

    fn byte(&self) -> Option<i64> {
        self.source.map(|source| source.byte.cast_signed())
    }
}

/// Records whose columns go into one statement.
const RECORDS_AT_ONCE: usize = 2000;

/// The record as it is kept. Whoever reads its text as `jsonb` finds no NUL in it, which that refuses.
fn json(new: &NewRecord<'_>) -> Result<String, Error> {
    let failed = |source| Error::Stored { what: "record of document", id: new.document_id, source };
    Ok(clean_json(serde_json::to_string(new.record).map_err(failed)?))
}

/// One column of many rows, as an array for `unnest`.
macro_rules! column {
    ($rows:expr, |$row:ident| $value:expr) => {
        $rows.iter().map(|$row| $value).collect::<Vec<_>>()
    };
}
use column;

impl Work {
    /// Keeps records, any number in a few statements. Those of known documents stay as they are.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_records(&mut self, records: &[NewRecord<'_>]) -> Result<(), Error> {
        let mut invoices: Vec<(&NewRecord<'_>, &Invoice)> = Vec::new();
        let mut others: Vec<&NewRecord<'_>> = Vec::new();
        for new in records {
            match new.record {
                Record::Invoice(invoice) => invoices.push((new, invoice)),
                _ => others.push(new),
            }
        }
        if !invoices.is_empty() {
            invoices::insert_invoices(self.connection(), &invoices).await?;
        }
        // Their columns go into the statement as arrays, all of them at once.
        for some in others.chunks(RECORDS_AT_ONCE) {
            self.insert_other_records(some).await?;
        }
        for some in records.chunks(RECORDS_AT_ONCE) {
            numbers::insert(self.connection(), some).await?;
        }
        Ok(())
    }

    /// Keeps records that are not invoices.
    async fn insert_other_records(&mut self, records: &[&NewRecord<'_>]) -> Result<(), Error> {
        let kept: Vec<(Cow<'_, Record>, String)> = records
            .iter()
            .map(|new| {
                let failed =
                    |source| Error::Stored { what: "record of document", id: new.document_id, source };
                let json = serde_json::to_string(new.record).map_err(failed)?;
                // Postgres takes no NUL, in columns no more than in JSON.
                if json.contains("\\u0000") {
                    let json = clean_json(json);
                    let record = serde_json::from_str(&json).map_err(failed)?;
                    return Ok((Cow::Owned(record), json));
                }
                Ok((Cow::Borrowed(new.record), json))
            })
            .collect::<Result<_, Error>>()?;

        let mut purchase_orders: Vec<Row<'_, PurchaseOrder>> = Vec::new();
        let mut shipping_orders: Vec<Row<'_, ShippingOrder>> = Vec::new();
        let mut shipping_advices: Vec<Row<'_, ShippingAdvice>> = Vec::new();
        let mut ship_notices: Vec<Row<'_, ShipNotice>> = Vec::new();
        let mut order_acknowledgments: Vec<Row<'_, OrderAcknowledgment>> = Vec::new();
        let mut stock_transfers: Vec<Row<'_, StockTransfer>> = Vec::new();
        let mut stock_receipts: Vec<Row<'_, StockReceipt>> = Vec::new();
        let mut inventory_statuses: Vec<Row<'_, InventoryStatus>> = Vec::new();
        let mut inventory_adjustments: Vec<Row<'_, InventoryAdjustment>> = Vec::new();
        let mut invoice_decisions: Vec<Row<'_, InvoiceDecision>> = Vec::new();
        for (new, (record, json)) in records.iter().zip(&kept) {
            macro_rules! row {
                ($record:expr) => {
                    Row {
                        document_id: new.document_id,
                        partner_id: new.partner_id,
                        received_at: new.received_at,
                        record: $record,
                        json,
                    }
                };
            }
            match record.as_ref() {
                Record::PurchaseOrder(record) => purchase_orders.push(row!(record)),
                Record::ShippingOrder(record) => shipping_orders.push(row!(record)),
                Record::ShippingAdvice(record) => shipping_advices.push(row!(record)),
                Record::ShipNotice(record) => ship_notices.push(row!(record)),
                // Kept by itself.
                Record::Invoice(_) => {}
                Record::OrderAcknowledgment(record) => order_acknowledgments.push(row!(record)),
                Record::StockTransfer(record) => stock_transfers.push(row!(record)),
                Record::StockReceipt(record) => stock_receipts.push(row!(record)),
                Record::InventoryStatus(record) => inventory_statuses.push(row!(record)),
                Record::InventoryAdjustment(record) => inventory_adjustments.push(row!(record)),
                Record::InvoiceDecision(record) => invoice_decisions.push(row!(record)),
            }
        }
        let connection = self.connection();
        if !purchase_orders.is_empty() {
            orders::insert_purchase_orders(connection, &purchase_orders).await?;
        }
        if !shipping_orders.is_empty() {
            orders::insert_shipping_orders(connection, &shipping_orders).await?;
        }
        if !shipping_advices.is_empty() {
            shipments::insert_shipping_advices(connection, &shipping_advices).await?;
        }
        if !ship_notices.is_empty() {
            shipments::insert_ship_notices(connection, &ship_notices).await?;
        }
        if !order_acknowledgments.is_empty() {
            answers::insert_order_acknowledgments(connection, &order_acknowledgments).await?;
        }
        if !stock_transfers.is_empty() {
            stock::insert_stock_transfers(connection, &stock_transfers).await?;
        }
        if !stock_receipts.is_empty() {
            stock::insert_stock_receipts(connection, &stock_receipts).await?;
        }
        if !inventory_statuses.is_empty() {
            stock::insert_inventory_statuses(connection, &inventory_statuses).await?;
        }
        if !inventory_adjustments.is_empty() {
            stock::insert_inventory_adjustments(connection, &inventory_adjustments).await?;
        }
        if !invoice_decisions.is_empty() {
            invoices::insert_invoice_decisions(connection, &invoice_decisions).await?;
        }
        Ok(())
    }
}
