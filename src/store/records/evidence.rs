//! Finds what invoices are compared with besides their orders and shipments: receipts, invoices that credits are for,
//! prices, pack sizes, and what a warehouse's own documents count.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::search::{FoundRecord, Stored, evened_all, understand};
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
    /// All stock receipts for these purchase orders, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_stock_receipts(
        &mut self,
        purchase_order_numbers: &[String],
    ) -> Result<Vec<FoundRecord>, Error> {
        let rows = sqlx::query_as!(
            Stored,
            r#"select document_id, partner_id, received_at, record::text as "record!" from stock_receipt
               where document_id in (
                   select document_id from document_number where kind = 'purchase_order' and number = any($1))
               order by received_at, document_id"#,
            &evened_all(purchase_order_numbers),
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find stock receipts"))?;
        rows.into_iter().map(understand).collect()
    }

    /// What sellers said to these purchase orders, the oldest first; none that we passed on.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_order_acknowledgments(
        &mut self,
        purchase_order_numbers: &[String],
    ) -> Result<Vec<FoundRecord>, Error> {
        let rows = sqlx::query_as!(
            Stored,
            r#"select r.document_id, r.partner_id, r.received_at, r.record::text as "record!"
               from order_acknowledgment r
               where r.document_id in (
                   select document_id from document_number where kind = 'purchase_order' and number = any($1))
                 and not exists (select from document d join document s on s.id = d.source_document_id
                     where d.id = r.document_id and s.record_kind = d.record_kind)
               order by r.received_at, r.document_id"#,
            &evened_all(purchase_order_numbers),
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find order acknowledgments"))?;
        rows.into_iter().map(understand).collect()
    }

    /// The invoices of these partners under these numbers, pair by pair, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_invoices_by_number(
        &mut self,
        partner_ids: &[&str],
        invoice_numbers: &[&str],
    ) -> Result<Vec<FoundRecord>, Error> {
        let rows = sqlx::query_as!(
            Stored,
            r#"select distinct document_id, partner_id, received_at, record::text as "record!"
               from unnest($1::text[], $2::text[]) as n (of_partner, of_number)
               join invoice on partner_id = of_partner and invoice_number = of_number
               order by received_at, document_id"#,
            partner_ids as &[&str],
            invoice_numbers as &[&str],
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find invoices by their numbers"))?;
        rows.into_iter().map(understand).collect()
    }

    /// The prices of these items.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_prices(&mut self, skus: &[&str]) -> Result<Vec<ItemPrice>, Error> {
        sqlx::query_as!(
            ItemPrice,
            "select sku, partner, unit, currency, price, valid_from, valid_to from item_price
             where sku = any($1) order by sku, partner, unit, currency, valid_from",
            skus as &[&str],
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find prices"))
    }

    /// The pack sizes of these items.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_packs(&mut self, skus: &[&str]) -> Result<Vec<ItemPack>, Error> {
        sqlx::query_as!(
            ItemPack,
            "select sku, unit, quantity, of_unit, valid_from, valid_to from item_pack
             where sku = any($1) order by sku, unit, of_unit, valid_from",
            skus as &[&str],
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find pack sizes"))
    }

    /// What a partner's shipping advices and stock receipts count between two days, both included; what names no day of
    /// its own counts on the day it came (UTC).
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
                     and coalesce(a.shipped_on, (a.received_at at time zone 'utc')::date) between $3 and $4),
               shipped as (
                   select l.document_id, l.pack, l.quantity_shipped from shipping_advice_line l
                   join advice using (document_id) where l.quantity_shipped > 0),
               receipt as (
                   select r.document_id from stock_receipt r join document d on d.id = r.document_id
                   where r.partner_id = $1 and d.direction = 'inbound' and ($2::text is null or d.agreement = $2)
                     and coalesce(r.received_on, (r.received_at at time zone 'utc')::date) between $3 and $4)
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
