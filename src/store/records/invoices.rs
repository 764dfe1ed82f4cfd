//! Invoices on their way into their tables.

use std::collections::HashSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Line, NewRecord, Row, column, json};
use crate::canonical::{Charge, ChargeKind, Invoice, InvoiceDecision, InvoiceKind, InvoiceSense, Purpose};
use crate::store::Error;
use crate::store::copy::Copy;

/// Writes invoices by COPY, the fastest way there is. They come by the ten thousand, twenty lines each.
pub(super) async fn insert_invoices(
    connection: &mut PgConnection,
    rows: &[(&NewRecord<'_>, &Invoice)],
) -> Result<(), Error> {
    let known = list_known(connection, rows).await?;
    let fresh = || rows.iter().filter(|(new, _)| !known.contains(&new.document_id));

    let mut copy = Copy::begin(
        connection,
        "keep invoices",
        "copy invoice (document_id, partner_id, received_at, invoice_number, kind, sense, purpose, invoiced_on,
             purchase_order_number, order_number, currency, total_amount, computed_total, period_from, period_to, record)
             from stdin (format binary)",
    )
    .await?;
    for (new, invoice) in fresh() {
        let period = invoice.service_period();
        copy.value(Some(new.document_id))
            .text(Some(new.partner_id))
            .value(Some(new.received_at))
            .text(invoice.invoice_number.as_deref())
            .text(invoice.kind.map(InvoiceKind::word))
            .text(invoice.sense.map(InvoiceSense::word))
            .text(invoice.purpose.map(Purpose::word))
            .value(invoice.invoiced_on)
            .text(invoice.purchase_order_number.as_deref())
            .text(invoice.order_number.as_deref())
            .text(invoice.currency.as_deref())
            .value(invoice.total_amount)
            .value(invoice.computed_total())
            .value(period.map(|(from, _)| from))
            .value(period.map(|(_, to)| to))
            .text(Some(&json(new)?))
            .end_row()
            .await?;
    }
    copy.finish().await?;

    let mut copy = Copy::begin(
        connection,
        "keep lines of invoices",
        "copy invoice_line (document_id, ordinal, purchase_order_number, line_number, sku, buyer_item, gtin,
             quantity, unit, unit_price, amount, segment_ordinal, byte) from stdin (format binary)",
    )
    .await?;
    for (new, invoice) in fresh() {
        let number = invoice.purchase_order_number.as_deref();
        for (place, line) in invoice.lines.iter().enumerate() {
            let stored = Line::new(new.document_id, place, line.keys(), line.source, line);
            copy.value(Some(stored.document_id))
                .value(Some(stored.ordinal))
                .text(line.purchase_order_number.as_deref().or(number))
                .text(line.line_number.as_deref())
                .text(stored.keys.sku.as_deref())
                .text(stored.keys.buyer_item.as_deref())
                .text(stored.keys.gtin.as_deref())
                .value(line.quantity)
                .text(line.unit.as_deref())
                .value(line.unit_price)
                .value(line.extended_amount())
                .value(stored.segment_ordinal())
                .value(stored.byte())
                .end_row()
                .await?;
        }
    }
    copy.finish().await?;

    if fresh().all(|(_, invoice)| charges(invoice).next().is_none()) {
        return Ok(());
    }
    let mut copy = Copy::begin(
        connection,
        "keep charges of invoices",
        "copy invoice_charge (document_id, ordinal, line_ordinal, kind, code, description, amount, in_total)
             from stdin (format binary)",
    )
    .await?;
    for (new, invoice) in fresh() {
        for ((line, charge), ordinal) in charges(invoice).zip(1..) {
            copy.value(Some(new.document_id))
                .value(Some(ordinal))
                .value(line)
                .text(charge.kind.map(ChargeKind::word))
                .text(charge.code.as_deref())
                .text(charge.description.as_deref())
                .value(charge.amount)
                .value(charge.in_total)
                .end_row()
                .await?;
        }
    }
    copy.finish().await
}

/// Charges on the whole invoice, then those on its lines, each with the line's ordinal.
fn charges(invoice: &Invoice) -> impl Iterator<Item = (Option<i32>, &Charge)> {
    let of_lines = invoice
        .lines
        .iter()
        .zip(1..)
        .flat_map(|(line, ordinal)| line.charges.iter().map(move |charge| (Some(ordinal), charge)));
    invoice.charges.iter().map(|charge| (None, charge)).chain(of_lines)
}

/// Invoices that are kept already: they stay as they are, and COPY would stumble over them.
async fn list_known(
    connection: &mut PgConnection,
    rows: &[(&NewRecord<'_>, &Invoice)],
) -> Result<HashSet<Uuid>, Error> {
    let ids: Vec<Uuid> = rows.iter().map(|(new, _)| new.document_id).collect();
    let known = sqlx::query_scalar!("select document_id from invoice where document_id = any($1)", &ids)
        .fetch_all(connection)
        .await
        .map_err(Error::query("look for invoices"))?;
    Ok(known.into_iter().collect())
}

pub(super) async fn insert_invoice_decisions(
    connection: &mut PgConnection,
    rows: &[Row<'_, InvoiceDecision>],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into invoice_decision (document_id, partner_id, received_at, decision_id, invoice_number, record)
         select * from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[])
         on conflict do nothing",
        &column!(rows, |row| row.document_id),
        &column!(rows, |row| row.partner_id) as &[&str],
        &column!(rows, |row| row.received_at),
        &column!(rows, |row| row.record.decision_id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.invoice_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.json) as &[&str],
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("keep decisions about invoices"))
}
