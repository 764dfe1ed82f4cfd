//! Finds what invoices are compared with besides their orders and shipments: prices, pack sizes, and what else items are
//! called.

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
}
