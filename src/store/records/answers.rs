//! Order acknowledgments on their way into their tables.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use sqlx::PgConnection;

use super::{Line, Row, column};
use crate::canonical::{
    AcknowledgmentLine, LineResponse, LineResponseStatus, OrderAcknowledgment, OrderResponse, Purpose,
};
use crate::store::Error;

pub(super) async fn insert_order_acknowledgments(
    connection: &mut PgConnection,
    rows: &[Row<'_, OrderAcknowledgment>],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into order_acknowledgment (document_id, partner_id, received_at, purchase_order_number,
             release_number, order_number, purpose, response, acknowledged_on, record)
         select n.document_id, n.partner_id, n.received_at, n.purchase_order_number, n.release_number,
             n.order_number, n.purpose, n.response, n.acknowledged_on, n.record
         from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[],
                 $7::text[], $8::text[], $9::date[], $10::text[])
             as n (document_id, partner_id, received_at, purchase_order_number, release_number,
                 order_number, purpose, response, acknowledged_on, record)
         on conflict do nothing",
        &column!(rows, |row| row.document_id),
        &column!(rows, |row| row.partner_id) as &[&str],
        &column!(rows, |row| row.received_at),
        &column!(rows, |row| row.record.purchase_order_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.release_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.order_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.purpose.map(Purpose::word)) as &[Option<&str>],
        &column!(rows, |row| row.record.response.map(OrderResponse::word)) as &[Option<&str>],
        &column!(rows, |row| row.record.acknowledged_on) as &[Option<NaiveDate>],
        &column!(rows, |row| row.json) as &[&str],
    )
    .execute(&mut *connection)
    .await
    .map_err(Error::query("keep order acknowledgments"))?;

    let mut said: Vec<(Option<&LineResponse>, Line<'_, AcknowledgmentLine>)> = Vec::new();
    for row in rows {
        let mut place = 0;
        for line in &row.record.lines {
            let said_of_it = line.responses.iter().map(Some).chain(line.responses.is_empty().then_some(None));
            for response in said_of_it {
                said.push((response, Line::new(row.document_id, place, line.keys(), line.source, line)));
                place += 1;
            }
        }
    }
    sqlx::query!(
        "insert into order_acknowledgment_line (document_id, ordinal, line_number, sku, buyer_item, gtin,
             status, quantity, unit, due_on, quantity_ordered, unit_price, segment_ordinal, byte)
         select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[],
             $7::text[], $8::numeric[], $9::text[], $10::date[], $11::numeric[], $12::numeric[], $13::bigint[],
             $14::bigint[])
         on conflict do nothing",
        &column!(said, |row| row.1.document_id),
        &column!(said, |row| row.1.ordinal),
        &column!(said, |row| row.1.line.line_number.as_deref()) as &[Option<&str>],
        &column!(said, |row| row.1.keys.sku.as_deref()) as &[Option<&str>],
        &column!(said, |row| row.1.keys.buyer_item.as_deref()) as &[Option<&str>],
        &column!(said, |row| row.1.keys.gtin.as_deref()) as &[Option<&str>],
        &column!(said, |row| row.0.and_then(|said| said.status).map(LineResponseStatus::word)) as &[Option<&str>],
        &column!(said, |row| row.0.and_then(|said| said.quantity)) as &[Option<Decimal>],
        &column!(said, |row| row.0.and_then(|said| said.unit.as_deref()).or(row.1.line.unit.as_deref())) as &[Option<&str>],
        &column!(said, |row| row.0.and_then(|said| said.on)) as &[Option<NaiveDate>],
        &column!(said, |row| row.1.line.quantity) as &[Option<Decimal>],
        &column!(said, |row| row.1.line.unit_price) as &[Option<Decimal>],
        &column!(said, |row| row.1.segment_ordinal()) as &[Option<i64>],
        &column!(said, |row| row.1.byte()) as &[Option<i64>],
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("keep lines of order acknowledgments"))
}
