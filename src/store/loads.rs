//! Loads: advices that are told together once nothing more comes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Error, Work};

/// An advice that goes with a load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedAdvice {
    /// The advice.
    pub document_id: Uuid,
    /// The warehouse.
    pub partner_id: String,
    /// Whom the load is told.
    pub to_partner: String,
    /// As what.
    pub document: String,
    /// What the number of the load is.
    pub number_kind: String,
    /// The number, evened.
    pub number: String,
    /// As the warehouse writes it.
    pub raw: String,
    /// When it came.
    pub at: DateTime<Utc>,
    /// When the load closes if nothing more comes.
    pub closes_at: DateTime<Utc>,
    /// When a load that begins with it closes at last.
    pub at_most: DateTime<Utc>,
}

/// A load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadRow {
    /// Its id.
    pub id: Uuid,
    /// The warehouse.
    pub partner_id: String,
    /// Whom it is told.
    pub to_partner: String,
    /// As what.
    pub document: String,
    /// What its number is.
    pub number_kind: String,
    /// The number, evened.
    pub number: String,
    /// As the warehouse writes it.
    pub raw: String,
    /// When it closes if nothing more comes.
    pub closes_at: DateTime<Utc>,
    /// When it closes at last.
    pub at_most: DateTime<Utc>,
    /// Its advices, the oldest first.
    pub documents: Vec<Uuid>,
}

impl Work {
    /// Puts advices on their loads, which then close later; one that is on a load already stays on it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn load_advices(&mut self, advices: &[LoadedAdvice]) -> Result<(), Error> {
        let mut loads: BTreeMap<[&str; 5], Vec<&LoadedAdvice>> = BTreeMap::new();
        for advice in advices {
            let load = [
                &advice.partner_id,
                &advice.to_partner,
                &advice.document,
                &advice.number_kind,
                &advice.number,
            ];
            loads.entry(load.map(String::as_str)).or_default().push(advice);
        }
        // In their order, so that two who fill the same loads wait for each other and never in a ring.
        for (load, advices) in loads {
            let Some(last) = advices.last() else { continue };
            let ids: Vec<Uuid> = advices.iter().map(|advice| advice.document_id).collect();
            let [partner, to, document, number_kind, number] = load;
            sqlx::query!(
                "with fresh (id) as (
                     select unnest($1::uuid[])
                     except select m.document_id from load_document m join load l on l.id = m.load_id
                         where m.document_id = any($1) and l.to_partner = $3 and l.document = $4
                 ), last as (
                     select coalesce(max(generation) filter (where closed_at is null),
                         coalesce(max(generation), 0) + 1) as generation
                     from load where partner_id = $2 and to_partner = $3 and document = $4 and number_kind = $5
                         and number = $6
                 ), put as (
                     insert into load as l (id, partner_id, to_partner, document, number_kind, number, raw, generation,
                         opened_at, closes_at, at_most)
                     select md5(concat_ws('/', 'load', $2::text, $3::text, $4::text, $5::text, $6::text, generation))::uuid,
                         $2, $3, $4, $5, $6, $7, generation, $8::timestamptz,
                         least($9::timestamptz, $10::timestamptz), $10::timestamptz
                     from last where exists (select from fresh)
                     on conflict (id) do update
                     set closes_at = greatest(l.closes_at, least($9::timestamptz, l.at_most))
                     returning l.id
                 )
                 insert into load_document (load_id, document_id) select put.id, fresh.id from put, fresh
                 on conflict do nothing",
                &ids,
                partner,
                to,
                document,
                number_kind,
                number,
                last.raw,
                last.at,
                last.closes_at,
                last.at_most,
            )
            .execute(self.connection())
            .await
            .map_err(Error::query("put advices on their load"))?;
        }
        Ok(())
    }

    /// A load to which nothing more came in time. Others who close loads pass over it until this work ends.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_due_load(&mut self, now: DateTime<Utc>) -> Result<Option<LoadRow>, Error> {
        sqlx::query_as!(
            LoadRow,
            r#"with due as (
                   select * from load where closed_at is null and closes_at <= $1
                   order by closes_at, id limit 1 for update skip locked
               )
               select l.id, l.partner_id, l.to_partner, l.document, l.number_kind, l.number, l.raw,
                   l.closes_at, l.at_most,
                   array(select m.document_id from load_document m join document d on d.id = m.document_id
                       where m.load_id = l.id order by d.received_at, d.id) as "documents!"
               from due l"#,
            now,
        )
        .fetch_optional(self.connection())
        .await
        .map_err(Error::query("find a load that closes"))
    }

    /// All advices of earlier loads of the same number with the telling that each became part of, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_earlier_advices(&mut self, load: &LoadRow) -> Result<Vec<(i32, Uuid)>, Error> {
        sqlx::query!(
            r#"select l.telling as "telling!", d.id
               from load l join load_document m on m.load_id = l.id join document d on d.id = m.document_id
               where l.partner_id = $1 and l.to_partner = $2 and l.document = $3 and l.number_kind = $4
                   and l.number = $5 and l.closed_at is not null
               order by d.received_at, d.id"#,
            load.partner_id,
            load.to_partner,
            load.document,
            load.number_kind,
            load.number,
        )
        .fetch_all(self.connection())
        .await
        .map(|rows| rows.into_iter().map(|row| (row.telling, row.id)).collect())
        .map_err(Error::query("list advices of earlier loads"))
    }

    /// Closes a load as part of a telling of its number.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn close_load(&mut self, id: Uuid, telling: i32, at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!("update load set closed_at = $2, telling = $3 where id = $1", id, at, telling)
            .execute(self.connection())
            .await
            .map(drop)
            .map_err(Error::query("close a load"))
    }

    /// Takes advices off a load.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn unload(&mut self, id: Uuid, documents: &[Uuid]) -> Result<(), Error> {
        sqlx::query!("delete from load_document where load_id = $1 and document_id = any($2)", id, documents)
            .execute(self.connection())
            .await
            .map(drop)
            .map_err(Error::query("take advices off a load"))
    }

    /// Leaves a load open until a later time.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn postpone_load(&mut self, id: Uuid, closes_at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!("update load set closes_at = $2 where id = $1", id, closes_at)
            .execute(self.connection())
            .await
            .map(drop)
            .map_err(Error::query("leave a load open"))
    }
}
