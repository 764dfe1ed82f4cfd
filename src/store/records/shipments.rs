//! Shipping advices and ship notices on their way into their tables.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Line, Row, column};
use crate::canonical::{
    AdviceLine, AdvicePack, Completeness, LineStatus, NoticeItem, NoticeOrder, NoticePack, Purpose,
    ShipNotice, ShippingAdvice,
};
use crate::store::Error;

pub(super) async fn insert_shipping_advices(
    connection: &mut PgConnection,
    rows: &[Row<'_, ShippingAdvice>],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into shipping_advice (document_id, partner_id, received_at, order_number, purchase_order_number,
             shipment_id, completeness, shipped_on, scac, bill_of_lading, pro_number, tracking_number, ship_to_id,
             record)
         select n.document_id, n.partner_id, n.received_at, n.order_number, n.purchase_order_number, n.shipment_id,
             n.completeness, n.shipped_on, n.scac, n.bill_of_lading, n.pro_number, n.tracking_number, n.ship_to_id,
             n.record
         from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[],
                 $8::date[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])
             as n (document_id, partner_id, received_at, order_number, purchase_order_number, shipment_id,
                 completeness, shipped_on, scac, bill_of_lading, pro_number, tracking_number, ship_to_id, record)
         on conflict do nothing",
        &column!(rows, |row| row.document_id),
        &column!(rows, |row| row.partner_id) as &[&str],
        &column!(rows, |row| row.received_at),
        &column!(rows, |row| row.record.order_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.purchase_order_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.shipment_id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.completeness.map(Completeness::word)) as &[Option<&str>],
        &column!(rows, |row| row.record.shipped_on) as &[Option<NaiveDate>],
        &column!(rows, |row| row.record.carrier.scac.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.bill_of_lading.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.pro_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.tracking_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.ship_to.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.json) as &[&str],
    )
    .execute(&mut *connection)
    .await
    .map_err(Error::query("keep shipping advices"))?;

    let mut lines: Vec<(i32, &AdvicePack, Line<'_, AdviceLine>)> = Vec::new();
    for row in rows {
        let mut place = 0;
        for (pack, number) in row.record.packs.iter().zip(1..) {
            for line in &pack.lines {
                lines.push((number, pack, Line::new(row.document_id, place, line.keys(), line.source, line)));
                place += 1;
            }
        }
    }
    sqlx::query!(
        "insert into shipping_advice_line (document_id, ordinal, pack, sscc, tracking_number, line_number, status,
             sku, buyer_item, gtin, lot, quantity_ordered, quantity_shipped, unit, segment_ordinal, byte)
         select * from unnest($1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::text[], $6::text[],
             $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::numeric[], $13::numeric[],
             $14::text[], $15::bigint[], $16::bigint[])
         on conflict do nothing",
        &column!(lines, |row| row.2.document_id),
        &column!(lines, |row| row.2.ordinal),
        &column!(lines, |row| row.0),
        &column!(lines, |row| row.1.sscc.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.1.tracking_number.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.2.line.line_number.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.2.line.status.map(LineStatus::word)) as &[Option<&str>],
        &column!(lines, |row| row.2.keys.sku.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.2.keys.buyer_item.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.2.keys.gtin.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.2.line.lot.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.2.line.quantity_ordered) as &[Option<Decimal>],
        &column!(lines, |row| row.2.line.quantity_shipped) as &[Option<Decimal>],
        &column!(lines, |row| row.2.line.unit.as_deref()) as &[Option<&str>],
        &column!(lines, |row| row.2.segment_ordinal()) as &[Option<i64>],
        &column!(lines, |row| row.2.byte()) as &[Option<i64>],
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("keep lines of shipping advices"))
}

pub(super) async fn insert_ship_notices(
    connection: &mut PgConnection,
    rows: &[Row<'_, ShipNotice>],
) -> Result<(), Error> {
    sqlx::query!(
        "insert into ship_notice (document_id, partner_id, received_at, shipment_id, purpose, shipped_on, scac,
             bill_of_lading, pro_number, ship_to_id, record)
         select n.document_id, n.partner_id, n.received_at, n.shipment_id, n.purpose, n.shipped_on, n.scac,
             n.bill_of_lading, n.pro_number, n.ship_to_id, n.record
         from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::date[], $7::text[],
                 $8::text[], $9::text[], $10::text[], $11::text[])
             as n (document_id, partner_id, received_at, shipment_id, purpose, shipped_on, scac, bill_of_lading,
                 pro_number, ship_to_id, record)
         on conflict do nothing",
        &column!(rows, |row| row.document_id),
        &column!(rows, |row| row.partner_id) as &[&str],
        &column!(rows, |row| row.received_at),
        &column!(rows, |row| row.record.shipment_id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.purpose.map(Purpose::word)) as &[Option<&str>],
        &column!(rows, |row| row.record.shipped_on) as &[Option<NaiveDate>],
        &column!(rows, |row| row.record.carrier.scac.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.bill_of_lading.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.pro_number.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.record.ship_to.id.as_deref()) as &[Option<&str>],
        &column!(rows, |row| row.json) as &[&str],
    )
    .execute(&mut *connection)
    .await
    .map_err(Error::query("keep ship notices"))?;

    let mut items: Vec<Item<'_>> = Vec::new();
    for row in rows {
        let mut walk = Walk { document_id: row.document_id, place: 0, found: &mut items };
        let nowhere = Place::default();
        walk.orders(&row.record.orders, nowhere);
        walk.packs(&row.record.packs, nowhere);
        walk.items(&row.record.items, nowhere);
    }
    sqlx::query!(
        "insert into ship_notice_line (document_id, ordinal, purchase_order_number, sscc, line_number, sku,
             buyer_item, gtin, lot, quantity_shipped, unit, segment_ordinal, byte)
         select * from unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
             $8::text[], $9::text[], $10::numeric[], $11::text[], $12::bigint[], $13::bigint[])
         on conflict do nothing",
        &column!(items, |item| item.line.document_id),
        &column!(items, |item| item.line.ordinal),
        &column!(items, |item| item.place.purchase_order_number) as &[Option<&str>],
        &column!(items, |item| item.place.sscc) as &[Option<&str>],
        &column!(items, |item| item.line.line.line_number.as_deref()) as &[Option<&str>],
        &column!(items, |item| item.line.keys.sku.as_deref()) as &[Option<&str>],
        &column!(items, |item| item.line.keys.buyer_item.as_deref()) as &[Option<&str>],
        &column!(items, |item| item.line.keys.gtin.as_deref()) as &[Option<&str>],
        &column!(items, |item| item.line.line.lot.as_deref()) as &[Option<&str>],
        &column!(items, |item| item.line.line.quantity_shipped) as &[Option<Decimal>],
        &column!(items, |item| item.line.line.unit.as_deref()) as &[Option<&str>],
        &column!(items, |item| item.line.segment_ordinal()) as &[Option<i64>],
        &column!(items, |item| item.line.byte()) as &[Option<i64>],
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("keep lines of ship notices"))
}

/// What stands above an item of a notice.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    purchase_order_number: Option<&'a str>,
    sscc: Option<&'a str>,
}

struct Item<'a> {
    place: Place<'a>,
    line: Line<'a, NoticeItem>,
}

/// Walks the tree of a notice, whatever stands under what.
struct Walk<'a, 'b> {
    document_id: Uuid,
    place: usize,
    found: &'b mut Vec<Item<'a>>,
}

impl<'a> Walk<'a, '_> {
    fn orders(&mut self, orders: &'a [NoticeOrder], above: Place<'a>) {
        for order in orders {
            let above = Place {
                purchase_order_number: order.purchase_order_number.as_deref().or(above.purchase_order_number),
                ..above
            };
            self.packs(&order.packs, above);
            self.items(&order.items, above);
        }
    }

    fn packs(&mut self, packs: &'a [NoticePack], above: Place<'a>) {
        for pack in packs {
            // The innermost container that has a code is where the item is.
            let above = Place { sscc: pack.sscc.as_deref().or(above.sscc), ..above };
            self.orders(&pack.orders, above);
            self.packs(&pack.packs, above);
            self.items(&pack.items, above);
        }
    }

    fn items(&mut self, items: &'a [NoticeItem], above: Place<'a>) {
        for item in items {
            // Where packs stand under their item, one of them names it well enough.
            let place = Place { sscc: above.sscc.or_else(|| item.packs.first()?.sscc.as_deref()), ..above };
            let line = Line::new(self.document_id, self.place, item.keys(), item.source, item);
            self.place += 1;
            self.found.push(Item { place, line });
        }
    }
}
