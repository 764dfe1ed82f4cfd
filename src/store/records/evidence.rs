//! Finds what invoices are compared with besides their orders and shipments: receipts, invoices that credits are for,
//! prices, pack sizes, and what a warehouse's own documents count.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::store::{Error, Work};

/// A price of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemPrice {
    /// The item.
    pub sku: String,
    /// For whom; empty is for everybody.
    pub partner: String,
    /// Of one of which unit.
    pub unit: String,
    /// In which currency.
    pub currency: String,
    /// How much.
    pub price: Decimal,
    /// The first day.
    pub valid_from: NaiveDate,
    /// The last day.
    pub valid_to: Option<NaiveDate>,
}

/// A pack size of an item: one `unit` holds `quantity` of `of_unit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemPack {
    /// The item.
    pub sku: String,
    /// The larger unit.
    pub unit: String,
    /// How many it holds.
    pub quantity: Decimal,
    /// Of which smaller unit.
    pub of_unit: String,
    /// The first day.
    pub valid_from: NaiveDate,
    /// The last day.
    pub valid_to: Option<NaiveDate>,
}

/// An item of the item master: its SKU, and one other number of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemName {
    /// The item.
    pub sku: String,
    /// Whose number the other is; none of a UPC or GTIN.
    pub partner: Option<String>,
    /// The other number.
    pub number: String,
    /// The first day.
    pub valid_from: NaiveDate,
    /// The last day.
    pub valid_to: Option<NaiveDate>,
}

/// What a partner's documents count between two days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityCounts {
    /// Shipping advices with something shipped.
    pub orders_shipped: Decimal,
    /// Their lines with something shipped.
    pub lines_shipped: Decimal,
    /// Their units.
    pub units_shipped: Decimal,
    /// Their packs.
    pub packs_shipped: Decimal,
    /// Receipts.
    pub receipts: Decimal,
    /// Their units.
    pub units_received: Decimal,
}

impl Work {
    /// The prices of these items, each named once.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_prices(&mut self, skus: &[&str]) -> Result<Vec<ItemPrice>, Error> {
        sqlx::query_as!(
            ItemPrice,
            "select p.sku, p.partner, p.unit, p.currency, p.price, p.valid_from, p.valid_to
             from unnest($1::text[]) as asked (sku) join item_price p using (sku)
             order by p.sku, p.partner, p.unit, p.currency, p.valid_from",
            skus as &[&str],
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find prices"))
    }

    /// The pack sizes of these items, each named once.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_packs(&mut self, skus: &[&str]) -> Result<Vec<ItemPack>, Error> {
        sqlx::query_as!(
            ItemPack,
            "select p.sku, p.unit, p.quantity, p.of_unit, p.valid_from, p.valid_to
             from unnest($1::text[]) as asked (sku) join item_pack p using (sku)
             order by p.sku, p.unit, p.of_unit, p.valid_from",
            skus as &[&str],
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find pack sizes"))
    }

    /// Whether the item master says of any item what else it is called.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn has_item_names(&mut self) -> Result<bool, Error> {
        sqlx::query_scalar!(
            r#"select (exists (select from item_number)
                   or exists (select from item where upc is not null or gtin is not null)) as "has!""#,
        )
        .fetch_one(self.connection())
        .await
        .map_err(Error::query("find out whether items have other names"))
    }

    /// What else items are called that have one of these SKUs, UPCs or GTINs (both without zeros in front), or numbers of
    /// partners, by partner and number. Numbers of others than `whose` are left out.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_item_names(
        &mut self,
        skus: &[&str],
        gtins: &[&str],
        (partners, numbers): (&[&str], &[&str]),
        whose: &[&str],
    ) -> Result<Vec<ItemName>, Error> {
        sqlx::query_as!(
            ItemName,
            r#"with numbered as (
                   select n.sku, n.partner, n.number, n.valid_from, n.valid_to
                   from unnest($3::text[], $4::text[]) as asked (partner, number)
                   join item_number n on n.partner = asked.partner and n.number = asked.number
               ), wanted as (
                   select unnest($1::text[]) as sku union select sku from numbered
                   union select i.sku from unnest($2::text[]) as asked (gtin)
                       join item i on ltrim(btrim(i.upc), '0') = asked.gtin
                   union select i.sku from unnest($2::text[]) as asked (gtin)
                       join item i on ltrim(btrim(i.gtin), '0') = asked.gtin
               )
               select sku as "sku!", partner, number as "number!", valid_from as "valid_from!", valid_to from (
                   select sku, partner, number, valid_from, valid_to from numbered
                   union
                   select n.sku, n.partner, n.number, n.valid_from, n.valid_to from wanted
                       join item_number n on n.sku = wanted.sku
                       where n.partner = any($5)
                   union
                   select i.sku, null, i.upc, i.valid_from, i.valid_to from wanted join item i on i.sku = wanted.sku
                       where i.upc is not null
                   union
                   select i.sku, null, i.gtin, i.valid_from, i.valid_to from wanted join item i on i.sku = wanted.sku
                       where i.gtin is not null) named
               order by sku, partner, number, valid_from"#,
            skus as &[&str],
            gtins as &[&str],
            partners as &[&str],
            numbers as &[&str],
            whose as &[&str],
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find what else items are called"))
    }

    /// What a partner's shipping advices and stock receipts count between two days, both included; what names no day of
    /// its own counts on the day it came (UTC). What was replaced or taken back does not count.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn count_activities(
        &mut self,
        partner_id: &str,
        agreement: Option<&str>,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<ActivityCounts, Error> {
        sqlx::query_as!(
            ActivityCounts,
            r#"with advice as (
                   select a.document_id from shipping_advice a join document d on d.id = a.document_id
                   where a.partner_id = $1 and d.direction = 'inbound' and ($2::text is null or d.agreement = $2)
                     and coalesce(a.shipped_on, (a.received_at at time zone 'utc')::date) between $3 and $4
                     and not exists (
                         select from shipping_advice r join document e on e.id = r.document_id
                         where r.partner_id = $1 and e.direction = 'inbound' and r.completeness = 'replacement'
                           and upper(ltrim(btrim(r.order_number), '0')) = upper(ltrim(btrim(a.order_number), '0'))
                           and (r.shipment_id is null
                               or upper(ltrim(btrim(r.shipment_id), '0')) = upper(ltrim(btrim(a.shipment_id), '0')))
                           and e.agreement is not distinct from d.agreement
                           and (r.received_at, e.file_id, e.ordinal) > (a.received_at, d.file_id, d.ordinal))),
               shipped as (
                   select l.document_id, l.pack, l.quantity_shipped from shipping_advice_line l
                   join advice using (document_id) where l.quantity_shipped > 0),
               receipt as (
                   select r.document_id from stock_receipt r join document d on d.id = r.document_id
                   where r.partner_id = $1 and d.direction = 'inbound' and ($2::text is null or d.agreement = $2)
                     and coalesce(r.received_on, (r.received_at at time zone 'utc')::date) between $3 and $4
                     and r.kind is distinct from 'cancellation'
                     and not exists (
                         select from stock_receipt s join document e on e.id = s.document_id
                         where s.partner_id = $1 and e.direction = 'inbound' and s.kind in ('replacement', 'cancellation')
                           and upper(ltrim(btrim(s.receipt_number), '0')) = upper(ltrim(btrim(r.receipt_number), '0'))
                           and e.agreement is not distinct from d.agreement
                           and (s.received_at, e.file_id, e.ordinal) > (r.received_at, d.file_id, d.ordinal)))
               select (select count(distinct document_id) from shipped)::numeric as "orders_shipped!",
                   (select count(*) from shipped)::numeric as "lines_shipped!",
                   (select coalesce(sum(quantity_shipped), 0) from shipped) as "units_shipped!",
                   (select count(distinct (document_id, pack)) from shipped)::numeric as "packs_shipped!",
                   (select count(*) from receipt)::numeric as "receipts!",
                   (select coalesce(sum(l.quantity_received), 0) from stock_receipt_line l
                    join receipt using (document_id)) as "units_received!""#,
            partner_id,
            agreement,
            from,
            to,
        )
        .fetch_one(self.connection())
        .await
        .map_err(Error::query("count activities"))
    }
}
