//! The numbers that records are found by: kept beside them, and searched as people type them.

use std::borrow::Cow;
use std::collections::HashSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::NewRecord;
use crate::canonical::{BusinessNumber, NumberKind, evened};
use crate::store::copy::{Copy, MANY};
use crate::store::text::{clean, clean_some};
use crate::store::{Error, Store};

/// A document with a number that was searched for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FoundNumber {
    /// The document.
    pub document_id: Uuid,
    /// What the number names.
    pub kind: String,
    /// The number as the document writes it.
    pub number: String,
    /// What it is unique within: the depositor of an order, the release of a purchase order; may be empty.
    pub scope: String,
}

/// Keeps the numbers of records. Those of known documents stay as they are.
pub(super) async fn insert(connection: &mut PgConnection, records: &[NewRecord<'_>]) -> Result<(), Error> {
    let numbers: Vec<(Uuid, BusinessNumber)> = records
        .iter()
        .flat_map(|new| new.record.numbers().into_iter().map(|number| (new.document_id, number)))
        .collect();
    if numbers.len() >= MANY {
        return copy(connection, records, &numbers).await;
    }
    macro_rules! column {
        (|$id:ident, $number:ident| $value:expr) => {
            numbers.iter().map(|($id, $number)| $value).collect::<Vec<_>>()
        };
    }
    sqlx::query!(
        "insert into document_number (document_id, kind, number, scope, raw)
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
             as n (document_id, kind, number, scope, raw)
         where not exists (select from document_number known where known.document_id = n.document_id)",
        &column!(|id, _number| *id),
        &column!(|_id, number| number.kind.word()) as &[&str],
        &column!(|_id, number| clean(&number.number)) as &[Cow<'_, str>],
        &column!(|_id, number| clean(&number.scope)) as &[Cow<'_, str>],
        &column!(|_id, number| clean_some(written(number))) as &[Option<Cow<'_, str>>],
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("keep the numbers of records"))
}

/// As [`insert`], where they are many.
async fn copy(
    connection: &mut PgConnection,
    records: &[NewRecord<'_>],
    numbers: &[(Uuid, BusinessNumber)],
) -> Result<(), Error> {
    let ids: Vec<Uuid> = records.iter().map(|new| new.document_id).collect();
    let known = sqlx::query_scalar!(
        "select d.id as \"id!\" from unnest($1::uuid[]) as d (id)
         where exists (select from document_number known where known.document_id = d.id)",
        &ids,
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(Error::query("look for the numbers of records"))?;
    let known: HashSet<Uuid> = known.into_iter().collect();
    let mut copy = Copy::begin(
        connection,
        "keep the numbers of records",
        "copy document_number (document_id, kind, number, scope, raw) from stdin (format binary)",
    )
    .await?;
    for (id, number) in numbers.iter().filter(|(id, _)| !known.contains(id)) {
        copy.value(Some(*id))
            .text(Some(number.kind.word()))
            .text(Some(&number.number))
            .text(Some(&number.scope))
            .text(written(number))
            .end_row()
            .await?;
    }
    copy.finish().await
}

/// A number as the document writes it, if otherwise.
fn written(number: &BusinessNumber) -> Option<&str> {
    Some(number.raw.as_str()).filter(|raw| *raw != number.number)
}

impl Store {
    /// Documents with this number, of this kind or of any, the latest first. Blanks, zeros in front and case do not count.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_numbers(
        &self,
        number: &str,
        kind: Option<NumberKind>,
        limit: i64,
    ) -> Result<Vec<FoundNumber>, Error> {
        sqlx::query_as!(
            FoundNumber,
            r#"select n.document_id, n.kind, coalesce(n.raw, n.number) as "number!", n.scope
               from document_number n join document d on d.id = n.document_id
               where n.number = $1 and ($2::text is null or n.kind = $2)
               order by d.received_at desc, d.id limit $3"#,
            evened(number),
            kind.map(NumberKind::word),
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("find documents by number"))
    }
}
