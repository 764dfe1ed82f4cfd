//! Stock transfers, receipts, statuses and adjustments on their way into their tables.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{Line, Row, column};
use crate::canonical::{
    InventoryAdjustment, InventoryAdjustmentLine, InventoryStatus, InventoryStatusLine, Purpose, ReceiptKind,
    StockQuantity, StockReceipt, StockReceiptLine, StockTransfer, StockTransferLine,
};
use crate::store::Error;

pub(super) async fn insert_stock_transfers(
    connection: &mut PgConnection,
    rows: &[Row<'_, StockTransfer>],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into stock_transfer (document_id, partner_id, received_at, order_number,
             purchase_order_number, shipment_id, shipped_on, deliver_on, scac, bill_of_lading, pro_number,
             depositor_id, ship_from_id, warehouse_id, record)
         select n.document_id, n.partner_id, n.received_at, n.order_number, n.purchase_order_number,
             n.shipment_id, n.shipped_on, n.deliver_on, n.scac, n.bill_of_lading, n.pro_number, n.depositor_id,
             n.ship_from_id, n.warehouse_id, n.record
         from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
                 $7::date[], $8::date[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
                 $14::text[], $15::text[])
             as n (document_id, partner_id, received_at, order_number, purchase_order_number, shipment_id,
                 shipped_on, deliver_on, scac, bill_of_lading, pro_number, depositor_id, ship_from_id,
                 warehouse_id, record)
         on conflict do nothing",
        &column!(rows, |row| row.document_id),
        &column!(rows, |row| row.partner_id) as &[&str],
        &column!(rows, |row| row.received_at),
        &column!(rows, |row| row.record.order_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.purchase_order_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.shipment_id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.shipped_on) as &[Option<NaiveDate>],
        &column!(rows, |row| row.record.deliver_on) as &[Option<NaiveDate>],
        &column!(rows, |row| row.record.carrier.scac.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.bill_of_lading.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.pro_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.depositor.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.ship_from.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.warehouse.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.json) as &[&str],
    )
    .execute(&mut *connection)
    .await
    .map_err(Error::query("keep stock transfers"))?;

    let lines: Vec<Line<'_, StockTransferLine>> = rows
        .iter()
        .flat_map(|row| {
            let lines = row.record.lines.iter().enumerate();
            lines.map(|(place, line)| Line::new(row.document_id, place, line.keys(), line.source, line))
        })
        .collect();
    sqlx::query!(
        "insert into stock_transfer_line (document_id, ordinal, line_number, sku, buyer_item, gtin, lot,
             quantity_shipped, unit, segment_ordinal, byte)
         select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[],
             $7::text[], $8::numeric[], $9::text[], $10::bigint[], $11::bigint[])
         on conflict do nothing",
        &column!(lines, |row| row.document_id),
        &column!(lines, |row| row.ordinal),
        &column!(lines, |row| row.line.line_number.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.keys.sku.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.keys.buyer_item.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.keys.gtin.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.line.lot.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.line.quantity_shipped) as &[Option<Decimal>],
        &column!(lines, |row| row.line.unit.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.segment_ordinal()) as &[Option<i64>],
        &column!(lines, |row| row.byte()) as &[Option<i64>],
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("keep lines of stock transfers"))
}

pub(super) async fn insert_stock_receipts(
    connection: &mut PgConnection,
    rows: &[Row<'_, StockReceipt>],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into stock_receipt (document_id, partner_id, received_at, receipt_number, kind, received_on,
             order_number, purchase_order_number, shipment_id, bill_of_lading, depositor_id, warehouse_id,
             record)
         select n.document_id, n.partner_id, n.received_at, n.receipt_number, n.kind, n.received_on,
             n.order_number, n.purchase_order_number, n.shipment_id, n.bill_of_lading, n.depositor_id,
             n.warehouse_id, n.record
         from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::date[],
                 $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
             as n (document_id, partner_id, received_at, receipt_number, kind, received_on, order_number,
                 purchase_order_number, shipment_id, bill_of_lading, depositor_id, warehouse_id, record)
         on conflict do nothing",
        &column!(rows, |row| row.document_id),
        &column!(rows, |row| row.partner_id) as &[&str],
        &column!(rows, |row| row.received_at),
        &column!(rows, |row| row.record.receipt_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.kind.map(ReceiptKind::word)) as &[Option<&str>],
        &column!(rows, |row| row.record.received_on) as &[Option<NaiveDate>],
        &column!(rows, |row| row.record.order_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.purchase_order_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.shipment_id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.bill_of_lading.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.depositor.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.warehouse.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.json) as &[&str],
    )
    .execute(&mut *connection)
    .await
    .map_err(Error::query("keep stock receipts"))?;

    let (orders, lines): (Vec<Option<&str>>, Vec<Line<'_, StockReceiptLine>>) = rows
        .iter()
        .flat_map(|row| {
            let lines = row.record.lines.iter().enumerate();
            lines.map(|(place, line)| {
                let order = row.record.order_of(line);
                (order, Line::new(row.document_id, place, line.keys(), line.source, line))
            })
        })
        .unzip();
    sqlx::query!(
        "insert into stock_receipt_line (document_id, ordinal, sscc, line_number, sku, buyer_item, gtin,
             lot, quantity_received, unit, segment_ordinal, byte, purchase_order_number)
         select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[],
             $7::text[], $8::text[], $9::numeric[], $10::text[], $11::bigint[], $12::bigint[], $13::text[])
         on conflict do nothing",
        &column!(lines, |row| row.document_id),
        &column!(lines, |row| row.ordinal),
        &column!(lines, |row| row.line.sscc.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.line.line_number.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.keys.sku.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.keys.buyer_item.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.keys.gtin.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.line.lot.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.line.quantity_received) as &[Option<Decimal>],
        &column!(lines, |row| row.line.unit.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.segment_ordinal()) as &[Option<i64>],
        &column!(lines, |row| row.byte()) as &[Option<i64>],
        &orders as &[Option<&str>],
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("keep lines of stock receipts"))
}

pub(super) async fn insert_inventory_statuses(
    connection: &mut PgConnection,
    rows: &[Row<'_, InventoryStatus>],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into inventory_status (document_id, partner_id, received_at, report_number, purpose,
             reported_on, depositor_id, warehouse_id, seller_id, record)
         select n.document_id, n.partner_id, n.received_at, n.report_number, n.purpose, n.reported_on,
             n.depositor_id, n.warehouse_id, n.seller_id, n.record
         from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::date[],
                 $7::text[], $8::text[], $9::text[], $10::text[])
             as n (document_id, partner_id, received_at, report_number, purpose, reported_on, depositor_id,
                 warehouse_id, seller_id, record)
         on conflict do nothing",
        &column!(rows, |row| row.document_id),
        &column!(rows, |row| row.partner_id) as &[&str],
        &column!(rows, |row| row.received_at),
        &column!(rows, |row| row.record.report_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.purpose.map(Purpose::word)) as &[Option<&str>],
        &column!(rows, |row| row.record.reported_on) as &[Option<NaiveDate>],
        &column!(rows, |row| row.record.depositor.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.warehouse.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.seller.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.json) as &[&str],
    )
    .execute(&mut *connection)
    .await
    .map_err(Error::query("keep inventory statuses"))?;

    let mut quantities: Vec<(&StockQuantity, Line<'_, InventoryStatusLine>)> = Vec::new();
    for row in rows {
        let mut place = 0;
        for line in &row.record.lines {
            for quantity in &line.quantities {
                quantities
                    .push((quantity, Line::new(row.document_id, place, line.keys(), line.source, line)));
                place += 1;
            }
        }
    }
    sqlx::query!(
        "insert into inventory_status_line (document_id, ordinal, line_number, sku, buyer_item, gtin, lot,
             location, kind, quantity, unit, segment_ordinal, byte)
         select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[],
             $7::text[], $8::text[], $9::text[], $10::numeric[], $11::text[], $12::bigint[], $13::bigint[])
         on conflict do nothing",
        &column!(quantities, |row| row.1.document_id),
        &column!(quantities, |row| row.1.ordinal),
        &column!(quantities, |row| row.1.line.line_number.as_deref()) as &[Option<&str>],
        &column!(quantities, |row| row.1.keys.sku.as_deref()) as &[Option<&str>],
        &column!(quantities, |row| row.1.keys.buyer_item.as_deref()) as &[Option<&str>],
        &column!(quantities, |row| row.1.keys.gtin.as_deref()) as &[Option<&str>],
        &column!(quantities, |row| row.1.line.lot.as_deref()) as &[Option<&str>],
        &column!(quantities, |row| row.1.line.location.as_deref()) as &[Option<&str>],
        &column!(quantities, |row| row.0.kind.as_deref()) as &[Option<&str>],
        &column!(quantities, |row| row.0.quantity) as &[Option<Decimal>],
        &column!(quantities, |row| row.0.unit.as_deref()) as &[Option<&str>],
        &column!(quantities, |row| row.1.segment_ordinal()) as &[Option<i64>],
        &column!(quantities, |row| row.1.byte()) as &[Option<i64>],
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("keep lines of inventory statuses"))
}

pub(super) async fn insert_inventory_adjustments(
    connection: &mut PgConnection,
    rows: &[Row<'_, InventoryAdjustment>],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into inventory_adjustment (document_id, partner_id, received_at, adjustment_number,
             adjusted_on, order_number, depositor_id, warehouse_id, record)
         select n.document_id, n.partner_id, n.received_at, n.adjustment_number, n.adjusted_on,
             n.order_number, n.depositor_id, n.warehouse_id, n.record
         from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::date[], $6::text[],
                 $7::text[], $8::text[], $9::text[])
             as n (document_id, partner_id, received_at, adjustment_number, adjusted_on, order_number,
                 depositor_id, warehouse_id, record)
         on conflict do nothing",
        &column!(rows, |row| row.document_id),
        &column!(rows, |row| row.partner_id) as &[&str],
        &column!(rows, |row| row.received_at),
        &column!(rows, |row| row.record.adjustment_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.adjusted_on) as &[Option<NaiveDate>],
        &column!(rows, |row| row.record.order_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.depositor.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.warehouse.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.json) as &[&str],
    )
    .execute(&mut *connection)
    .await
    .map_err(Error::query("keep inventory adjustments"))?;

    let lines: Vec<Line<'_, InventoryAdjustmentLine>> = rows
        .iter()
        .flat_map(|row| {
            let lines = row.record.lines.iter().enumerate();
            lines.map(|(place, line)| Line::new(row.document_id, place, line.keys(), line.source, line))
        })
        .collect();
    sqlx::query!(
        "insert into inventory_adjustment_line (document_id, ordinal, line_number, reason, sku, buyer_item,
             gtin, lot, quantity, unit, stock_kind, segment_ordinal, byte)
         select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[],
             $7::text[], $8::text[], $9::numeric[], $10::text[], $11::text[], $12::bigint[], $13::bigint[])
         on conflict do nothing",
        &column!(lines, |row| row.document_id),
        &column!(lines, |row| row.ordinal),
        &column!(lines, |row| row.line.line_number.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.line.reason.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.keys.sku.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.keys.buyer_item.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.keys.gtin.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.line.lot.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.line.quantity) as &[Option<Decimal>],
        &column!(lines, |row| row.line.unit.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.line.stock_kind.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.segment_ordinal()) as &[Option<i64>],
        &column!(lines, |row| row.byte()) as &[Option<i64>],
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("keep lines of inventory adjustments"))
}
