//! Invoices on their way into their tables.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Line, Row, column};
use crate::canonical::{Charge, ChargeKind, Invoice, InvoiceKind, InvoiceLine, InvoiceSense};
use crate::store::Error;

pub(super) async fn insert_invoices(
    connection: &mut PgConnection,
    rows: &[Row<'_, Invoice>],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into invoice (document_id, partner_id, received_at, invoice_number, kind, sense, invoiced_on,
             purchase_order_number, order_number, currency, total_amount, computed_total, record)
         select n.document_id, n.partner_id, n.received_at, n.invoice_number, n.kind, n.sense, n.invoiced_on,
             n.purchase_order_number, n.order_number, n.currency, n.total_amount, n.computed_total, n.record::jsonb
         from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::date[],
                 $8::text[], $9::text[], $10::text[], $11::numeric[], $12::numeric[], $13::text[])
             as n (document_id, partner_id, received_at, invoice_number, kind, sense, invoiced_on,
                 purchase_order_number, order_number, currency, total_amount, computed_total, record)
         on conflict do nothing",
        &column!(rows, |row| row.document_id),
        &column!(rows, |row| row.partner_id) as &[&str],
        &column!(rows, |row| row.received_at),
        &column!(rows, |row| row.record.invoice_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.kind.map(InvoiceKind::word)) as &[Option<&str>],
        &column!(rows, |row| row.record.sense.map(InvoiceSense::word)) as &[Option<&str>],
        &column!(rows, |row| row.record.invoiced_on) as &[Option<NaiveDate>],
        &column!(rows, |row| row.record.purchase_order_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.order_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.currency.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.total_amount) as &[Option<Decimal>],
        &column!(rows, |row| row.record.computed_total()) as &[Option<Decimal>],
        &column!(rows, |row| row.json) as &[&str],
    )
    .execute(&mut *connection)
    .await
    .map_err(Error::query("keep invoices"))?;

    let mut lines: Vec<(Option<&str>, Line<'_, InvoiceLine>)> = Vec::new();
    let mut charges: Vec<(Uuid, i32, Option<i32>, &Charge)> = Vec::new();
    for row in rows {
        let number = row.record.purchase_order_number.as_deref();
        let mut all: Vec<(Option<i32>, &Charge)> =
            row.record.charges.iter().map(|charge| (None, charge)).collect();
        for (place, line) in row.record.lines.iter().enumerate() {
            let number = line.purchase_order_number.as_deref().or(number);
            let stored = Line::new(row.document_id, place, line.keys(), line.source, line);
            all.extend(line.charges.iter().map(|charge| (Some(stored.ordinal), charge)));
            lines.push((number, stored));
        }
        charges
            .extend(all.into_iter().zip(1..).map(|((line, charge), n)| (row.document_id, n, line, charge)));
    }
    sqlx::query!(
        "insert into invoice_line (document_id, ordinal, purchase_order_number, line_number, sku, buyer_item, gtin,
             quantity, unit, unit_price, amount, segment_ordinal, byte)
         select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
             $8::numeric[], $9::text[], $10::numeric[], $11::numeric[], $12::bigint[], $13::bigint[])
         on conflict do nothing",
        &column!(lines, |row| row.1.document_id),
        &column!(lines, |row| row.1.ordinal),
        &column!(lines, |row| row.0) as &[Option<&str>],
        &column!(lines, |row| row.1.line.line_number.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.1.keys.sku.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.1.keys.buyer_item.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.1.keys.gtin.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.1.line.quantity) as &[Option<Decimal>],
        &column!(lines, |row| row.1.line.unit.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.1.line.unit_price) as &[Option<Decimal>],
        &column!(lines, |row| row.1.line.extended_amount()) as &[Option<Decimal>],
        &column!(lines, |row| row.1.segment_ordinal()) as &[Option<i64>],
        &column!(lines, |row| row.1.byte()) as &[Option<i64>],
    )
    .execute(&mut *connection)
    .await
    .map_err(Error::query("keep lines of invoices"))?;

    if charges.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into invoice_charge (document_id, ordinal, line_ordinal, kind, code, description, amount, in_total)
         select * from unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::text[], $6::text[],
             $7::numeric[], $8::boolean[])
         on conflict do nothing",
        &column!(charges, |row| row.0),
        &column!(charges, |row| row.1),
        &column!(charges, |row| row.2) as &[Option<i32>],
        &column!(charges, |row| row.3.kind.map(ChargeKind::word)) as &[Option<&str>],
        &column!(charges, |row| row.3.code.as_deref()) as &[Option<&str>],
        &column!(charges, |row| row.3.description.as_deref()) as &[Option<&str>],
        &column!(charges, |row| row.3.amount) as &[Option<Decimal>],
        &column!(charges, |row| row.3.in_total) as &[Option<bool>],
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("keep charges of invoices"))
}
