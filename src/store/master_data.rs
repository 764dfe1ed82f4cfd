//! Master data: loaded whole by kind, exported as it was loaded, asked by translators as crosswalks.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::{Error, Store, Work};

/// The kinds with columns of their own; every other kind is a crosswalk of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MasterTable {
    /// What is known of an item whatever the partner.
    Items,
    /// Partners' numbers of items.
    ItemNumbers,
    /// How many of one unit another holds.
    Packs,
    /// Prices by item, partner, unit and currency.
    Prices,
    /// Partners' numbers of places.
    Locations,
    /// Partners' codes of carriers.
    Carriers,
    /// A named crosswalk.
    Crosswalk,
}

/// A crosswalk that is made of the rows of another kind, as [`Store::list_crosswalk_entries`] makes it.
#[derive(Clone, Copy, Debug)]
pub struct MadeOf {
    /// Name of the crosswalk.
    pub name: &'static str,
    /// The kind's word in commands.
    pub kind: &'static str,
    /// Where the kind is kept.
    pub table: MasterTable,
    /// The column that is its code.
    pub code: &'static str,
    /// The column that is its word.
    pub word: &'static str,
}

/// Every crosswalk that is made of another kind.
pub const MADE_OF: [MadeOf; 5] = [
    made_of("item_number", "item-numbers", MasterTable::ItemNumbers, "number", "sku"),
    made_of("upc", "items", MasterTable::Items, "upc", "sku"),
    made_of("gtin", "items", MasterTable::Items, "gtin", "sku"),
    made_of("location", "locations", MasterTable::Locations, "code", "location"),
    made_of("carrier", "carriers", MasterTable::Carriers, "code", "scac"),
];

const fn made_of(
    name: &'static str,
    kind: &'static str,
    table: MasterTable,
    code: &'static str,
    word: &'static str,
) -> MadeOf {
    MadeOf { name, kind, table, code, word }
}

/// A load to be recorded.
#[derive(Clone, Debug)]
pub struct NewMasterLoad<'a> {
    /// Its id.
    pub id: Uuid,
    /// The kind's word, or the crosswalk's name.
    pub kind: &'a str,
    /// Who looks after these rows.
    pub owner: &'a str,
    /// Name of the file.
    pub file_name: &'a str,
    /// SHA-256 of the file.
    pub sha256: &'a [u8],
    /// Who loads it.
    pub loaded_by: &'a str,
}

/// What is there of one kind.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MasterKindRow {
    /// The kind's word, or the crosswalk's name.
    pub kind: String,
    /// Rows of it now.
    pub row_count: i64,
    /// The file loaded last; empty if none is known.
    pub file_name: String,
    /// Who loaded it.
    pub loaded_by: String,
    /// When.
    pub loaded_at: Option<DateTime<Utc>>,
}

/// One row of a crosswalk, built in or named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrosswalkEntry {
    /// Name of the crosswalk.
    pub name: String,
    /// Whose code it is; empty: everybody's.
    pub partner: String,
    /// What documents write.
    pub code: String,
    /// What records say.
    pub word: String,
    /// The code to write where several have the word.
    pub preferred: bool,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day; none: for ever.
    pub valid_to: Option<NaiveDate>,
}

impl Work {
    /// Loads rows of one kind, each a JSON object of the table's columns; a row that is there already by its key
    /// is replaced. With `replace`, this owner's other rows of the kind go. Gives how many rows went for good.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn load_master_rows(
        &mut self,
        table: MasterTable,
        load: &NewMasterLoad<'_>,
        rows: Vec<Value>,
        replace: bool,
    ) -> Result<u64, Error> {
        let (name, owner, count) = (load.kind, load.owner, i32::try_from(rows.len()).unwrap_or(i32::MAX));
        let json = Value::Array(rows);
        let replaced = if replace { self.clear_master_rows(table, name, owner).await? } else { 0 };
        let statement = match table {
            MasterTable::Items => sqlx::query!(
                "insert into item (sku, name, upc, gtin, unit, catch_weight, valid_from, valid_to, owner)
                 select sku, name, upc, gtin, unit, coalesce(catch_weight, false), valid_from, valid_to, $2
                 from jsonb_populate_recordset(null::item, $1)
                 on conflict (sku, valid_from) do update set name = excluded.name, upc = excluded.upc,
                     gtin = excluded.gtin, unit = excluded.unit, catch_weight = excluded.catch_weight,
                     valid_to = excluded.valid_to, owner = excluded.owner",
                json,
                owner,
            ),
            MasterTable::ItemNumbers => sqlx::query!(
                "insert into item_number (partner, number, sku, preferred, valid_from, valid_to, owner)
                 select partner, number, sku, coalesce(preferred, false), valid_from, valid_to, $2
                 from jsonb_populate_recordset(null::item_number, $1)
                 on conflict (partner, number, valid_from) do update set sku = excluded.sku,
                     preferred = excluded.preferred, valid_to = excluded.valid_to, owner = excluded.owner",
                json,
                owner,
            ),
            MasterTable::Packs => sqlx::query!(
                "insert into item_pack (sku, unit, quantity, of_unit, valid_from, valid_to, owner)
                 select sku, unit, quantity, of_unit, valid_from, valid_to, $2
                 from jsonb_populate_recordset(null::item_pack, $1)
                 on conflict (sku, unit, of_unit, valid_from) do update set quantity = excluded.quantity,
                     valid_to = excluded.valid_to, owner = excluded.owner",
                json,
                owner,
            ),
            MasterTable::Prices => sqlx::query!(
                "insert into item_price (sku, partner, unit, currency, price, valid_from, valid_to, owner)
                 select sku, coalesce(partner, ''), unit, currency, price, valid_from, valid_to, $2
                 from jsonb_populate_recordset(null::item_price, $1)
                 on conflict (sku, partner, unit, currency, valid_from) do update set price = excluded.price,
                     valid_to = excluded.valid_to, owner = excluded.owner",
                json,
                owner,
            ),
            MasterTable::Locations => sqlx::query!(
                "insert into location (partner, code, location, name, street, city, state, postal_code, country,
                     preferred, valid_from, valid_to, owner)
                 select coalesce(partner, ''), code, location, name, street, city, state, postal_code, country,
                     coalesce(preferred, false), valid_from, valid_to, $2
                 from jsonb_populate_recordset(null::location, $1)
                 on conflict (partner, code, valid_from) do update set location = excluded.location,
                     name = excluded.name, street = excluded.street, city = excluded.city, state = excluded.state,
                     postal_code = excluded.postal_code, country = excluded.country,
                     preferred = excluded.preferred, valid_to = excluded.valid_to, owner = excluded.owner",
                json,
                owner,
            ),
            MasterTable::Carriers => sqlx::query!(
                "insert into carrier (partner, code, scac, name, mode, preferred, valid_from, valid_to, owner)
                 select coalesce(partner, ''), code, scac, name, mode, coalesce(preferred, false), valid_from,
                     valid_to, $2
                 from jsonb_populate_recordset(null::carrier, $1)
                 on conflict (partner, code, valid_from) do update set scac = excluded.scac, name = excluded.name,
                     mode = excluded.mode, preferred = excluded.preferred, valid_to = excluded.valid_to,
                     owner = excluded.owner",
                json,
                owner,
            ),
            MasterTable::Crosswalk => sqlx::query!(
                "insert into crosswalk (name, partner, code, word, preferred, valid_from, valid_to, owner)
                 select $3, coalesce(partner, ''), code, word, coalesce(preferred, false), valid_from, valid_to, $2
                 from jsonb_populate_recordset(null::crosswalk, $1)
                 on conflict (name, partner, code, valid_from) do update set word = excluded.word,
                     preferred = excluded.preferred, valid_to = excluded.valid_to, owner = excluded.owner",
                json,
                owner,
                name,
            ),
        };
        statement.execute(self.connection()).await.map_err(Error::query("load master data"))?;
        sqlx::query!(
            "insert into master_data_load (id, kind, owner, file_name, sha256, row_count, loaded_by)
             values ($1, $2, $3, $4, $5, $6, $7)",
            load.id,
            name,
            owner,
            load.file_name,
            load.sha256,
            count,
            load.loaded_by,
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("record a load of master data"))?;
        Ok(replaced)
    }

    async fn clear_master_rows(&mut self, table: MasterTable, name: &str, owner: &str) -> Result<u64, Error> {
        let statement = match table {
            MasterTable::Items => sqlx::query!("delete from item where owner = $1", owner),
            MasterTable::ItemNumbers => sqlx::query!("delete from item_number where owner = $1", owner),
            MasterTable::Packs => sqlx::query!("delete from item_pack where owner = $1", owner),
            MasterTable::Prices => sqlx::query!("delete from item_price where owner = $1", owner),
            MasterTable::Locations => sqlx::query!("delete from location where owner = $1", owner),
            MasterTable::Carriers => sqlx::query!("delete from carrier where owner = $1", owner),
            MasterTable::Crosswalk => {
                sqlx::query!("delete from crosswalk where owner = $1 and name = $2", owner, name)
            }
        };
        let done = statement.execute(self.connection()).await;
        Ok(done.map_err(Error::query("clear master data"))?.rows_affected())
    }
}

impl Store {
    /// Rows of one kind as JSON objects of the table's columns, by key.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_master_rows(&self, table: MasterTable, name: &str) -> Result<Vec<Value>, Error> {
        let rows = match table {
            MasterTable::Items => {
                sqlx::query_scalar!(r#"select to_jsonb(t) as "row!" from item t order by sku, valid_from"#)
                    .fetch_all(&self.pool)
                    .await
            }
            MasterTable::ItemNumbers => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(t) as "row!" from item_number t order by partner, number, valid_from"#
                )
                .fetch_all(&self.pool)
                .await
            }
            MasterTable::Packs => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(t) || jsonb_build_object('quantity', quantity::text) as "row!" from item_pack t
                       order by sku, unit, of_unit, valid_from"#
                )
                .fetch_all(&self.pool)
                .await
            }
            MasterTable::Prices => sqlx::query_scalar!(
                r#"select to_jsonb(t) || jsonb_build_object('price', price::text) as "row!" from item_price t
                       order by sku, partner, unit, currency, valid_from"#
            )
            .fetch_all(&self.pool)
            .await,
            MasterTable::Locations => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(t) as "row!" from location t order by partner, code, valid_from"#
                )
                .fetch_all(&self.pool)
                .await
            }
            MasterTable::Carriers => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(t) as "row!" from carrier t order by partner, code, valid_from"#
                )
                .fetch_all(&self.pool)
                .await
            }
            MasterTable::Crosswalk => {
                sqlx::query_scalar!(
                    r#"select to_jsonb(t) as "row!" from crosswalk t where name = $1
                       order by partner, code, valid_from"#,
                    name,
                )
                .fetch_all(&self.pool)
                .await
            }
        };
        rows.map_err(Error::query("list master data"))
    }

    /// What there is of each kind, with the load that came last.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_master_kinds(&self) -> Result<Vec<MasterKindRow>, Error> {
        sqlx::query_as!(
            MasterKindRow,
            r#"select k.kind as "kind!", k.row_count as "row_count!", coalesce(l.file_name, '') as "file_name!",
                   coalesce(l.loaded_by, '') as "loaded_by!", l.loaded_at as "loaded_at?"
               from (
                   select 'items' as kind, count(*) as row_count from item
                   union all select 'item-numbers', count(*) from item_number
                   union all select 'packs', count(*) from item_pack
                   union all select 'prices', count(*) from item_price
                   union all select 'locations', count(*) from location
                   union all select 'carriers', count(*) from carrier
                   union all select name, count(*) from crosswalk group by name
               ) as k
               left join lateral (
                   select file_name, loaded_by, loaded_at from master_data_load
                   where kind = k.kind order by seq desc limit 1
               ) as l on true
               order by k.kind"#
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list kinds of master data"))
    }

    /// The number of the load that came last: master data is as it was while this stays the same.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_master_data_version(&self) -> Result<i64, Error> {
        sqlx::query_scalar!(r#"select coalesce(max(seq), 0) as "seq!" from master_data_load"#)
            .fetch_one(&self.pool)
            .await
            .map_err(Error::query("ask how new master data is"))
    }

    /// All rows of these crosswalks: those of [`MADE_OF`] and those loaded under a name of their own.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_crosswalk_entries(&self, names: &[&str]) -> Result<Vec<CrosswalkEntry>, Error> {
        sqlx::query_as!(
            CrosswalkEntry,
            r#"select e.name as "name!", e.partner as "partner!", e.code as "code!", e.word as "word!",
                   e.preferred as "preferred!", e.valid_from as "valid_from!", e.valid_to
               from (
                   select name, partner, code, word, preferred, valid_from, valid_to from crosswalk
                   union all select 'item_number', partner, number, sku, preferred, valid_from, valid_to
                       from item_number
                   union all select 'upc', '', upc, sku, false, valid_from, valid_to from item where upc is not null
                   union all select 'gtin', '', gtin, sku, false, valid_from, valid_to from item
                       where gtin is not null
                   union all select 'location', partner, code, location, preferred, valid_from, valid_to
                       from location
                   union all select 'carrier', partner, code, scac, preferred, valid_from, valid_to from carrier
               ) as e
               where e.name = any($1::text[])"#,
            names as &[&str],
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list crosswalks"))
    }
}
