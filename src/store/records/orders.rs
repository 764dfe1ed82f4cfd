//! Purchase orders and shipping orders on their way into their tables.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{Line, Row, column};
use crate::canonical::{PurchaseOrder, PurchaseOrderLine, Purpose, ShippingOrder, ShippingOrderLine};
use crate::store::Error;

pub(super) async fn insert_purchase_orders(
    connection: &mut PgConnection,
    rows: &[Row<'_, PurchaseOrder>],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into purchase_order (document_id, partner_id, received_at, purchase_order_number, release_number,
             purpose, ordered_on, ship_not_after, cancel_after, department, buyer_id, ship_to_id, mark_for_id,
             currency, total_amount, record)
         select n.document_id, n.partner_id, n.received_at, n.purchase_order_number, n.release_number, n.purpose,
             n.ordered_on, n.ship_not_after, n.cancel_after, n.department, n.buyer_id, n.ship_to_id, n.mark_for_id,
             n.currency, n.total_amount, n.record
         from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::date[],
                 $8::date[], $9::date[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[],
                 $15::numeric[], $16::text[])
             as n (document_id, partner_id, received_at, purchase_order_number, release_number, purpose, ordered_on,
                 ship_not_after, cancel_after, department, buyer_id, ship_to_id, mark_for_id, currency,
                 total_amount, record)
         on conflict do nothing",
        &column!(rows, |row| row.document_id),
        &column!(rows, |row| row.partner_id) as &[&str],
        &column!(rows, |row| row.received_at),
        &column!(rows, |row| row.record.purchase_order_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.release_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.purpose.map(Purpose::word)) as &[Option<&str>],
        &column!(rows, |row| row.record.ordered_on) as &[Option<NaiveDate>],
        &column!(rows, |row| row.record.ship_not_after) as &[Option<NaiveDate>],
        &column!(rows, |row| row.record.cancel_after) as &[Option<NaiveDate>],
        &column!(rows, |row| row.record.department.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.buyer.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.ship_to.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.mark_for.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.currency.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.total_amount) as &[Option<Decimal>],
        &column!(rows, |row| row.json) as &[&str],
    )
    .execute(&mut *connection)
    .await
    .map_err(Error::query("keep purchase orders"))?;

    let lines: Vec<Line<'_, PurchaseOrderLine>> = rows
        .iter()
        .flat_map(|row| {
            let lines = row.record.lines.iter().enumerate();
            lines.map(|(place, line)| Line::new(row.document_id, place, line.keys(), line.source, line))
        })
        .collect();
    sqlx::query!(
        "insert into purchase_order_line (document_id, ordinal, line_number, sku, buyer_item, gtin, quantity, unit,
             unit_price, amount, segment_ordinal, byte)
         select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[],
             $7::numeric[], $8::text[], $9::numeric[], $10::numeric[], $11::bigint[], $12::bigint[])
         on conflict do nothing",
        &column!(lines, |line| line.document_id),
        &column!(lines, |line| line.ordinal),
        &column!(lines, |line| line.line.line_number.as_deref()) as &[Option<&str>],
        &column!(lines, |line| line.keys.sku.as_deref()) as &[Option<&str>],
        &column!(lines, |line| line.keys.buyer_item.as_deref()) as &[Option<&str>],
        &column!(lines, |line| line.keys.gtin.as_deref()) as &[Option<&str>],
        &column!(lines, |line| line.line.quantity) as &[Option<Decimal>],
        &column!(lines, |line| line.line.unit.as_deref()) as &[Option<&str>],
        &column!(lines, |line| line.line.unit_price) as &[Option<Decimal>],
        &column!(lines, |line| line.line.amount) as &[Option<Decimal>],
        &column!(lines, |line| line.segment_ordinal()) as &[Option<i64>],
        &column!(lines, |line| line.byte()) as &[Option<i64>],
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("keep lines of purchase orders"))
}

pub(super) async fn insert_shipping_orders(
    connection: &mut PgConnection,
    rows: &[Row<'_, ShippingOrder>],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into shipping_order (document_id, partner_id, received_at, order_number, purchase_order_number,
             purpose, ship_on, ship_not_after, cancel_after, depositor_id, ship_from_id, ship_to_id, ship_to_name,
             record)
         select n.document_id, n.partner_id, n.received_at, n.order_number, n.purchase_order_number, n.purpose,
             n.ship_on, n.ship_not_after, n.cancel_after, n.depositor_id, n.ship_from_id, n.ship_to_id,
             n.ship_to_name, n.record
         from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::date[],
                 $8::date[], $9::date[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])
             as n (document_id, partner_id, received_at, order_number, purchase_order_number, purpose, ship_on,
                 ship_not_after, cancel_after, depositor_id, ship_from_id, ship_to_id, ship_to_name, record)
         on conflict do nothing",
        &column!(rows, |row| row.document_id),
        &column!(rows, |row| row.partner_id) as &[&str],
        &column!(rows, |row| row.received_at),
        &column!(rows, |row| row.record.order_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.purchase_order_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.purpose.map(Purpose::word)) as &[Option<&str>],
        &column!(rows, |row| row.record.ship_on) as &[Option<NaiveDate>],
        &column!(rows, |row| row.record.ship_not_after) as &[Option<NaiveDate>],
        &column!(rows, |row| row.record.cancel_after) as &[Option<NaiveDate>],
        &column!(rows, |row| row.record.depositor.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.ship_from.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.ship_to.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.ship_to.name.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.json) as &[&str],
    )
    .execute(&mut *connection)
    .await
    .map_err(Error::query("keep shipping orders"))?;

    let lines: Vec<Line<'_, ShippingOrderLine>> = rows
        .iter()
        .flat_map(|row| {
            let lines = row.record.lines.iter().enumerate();
            lines.map(|(place, line)| Line::new(row.document_id, place, line.keys(), line.source, line))
        })
        .collect();
    sqlx::query!(
        "insert into shipping_order_line (document_id, ordinal, line_number, sku, buyer_item, gtin, quantity, unit,
             segment_ordinal, byte)
         select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[],
             $7::numeric[], $8::text[], $9::bigint[], $10::bigint[])
         on conflict do nothing",
        &column!(lines, |line| line.document_id),
        &column!(lines, |line| line.ordinal),
        &column!(lines, |line| line.line.line_number.as_deref()) as &[Option<&str>],
        &column!(lines, |line| line.keys.sku.as_deref()) as &[Option<&str>],
        &column!(lines, |line| line.keys.buyer_item.as_deref()) as &[Option<&str>],
        &column!(lines, |line| line.keys.gtin.as_deref()) as &[Option<&str>],
        &column!(lines, |line| line.line.quantity) as &[Option<Decimal>],
        &column!(lines, |line| line.line.unit.as_deref()) as &[Option<&str>],
        &column!(lines, |line| line.segment_ordinal()) as &[Option<i64>],
        &column!(lines, |line| line.byte()) as &[Option<i64>],
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("keep lines of shipping orders"))
}
