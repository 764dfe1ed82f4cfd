//! The numbers that records are found by: kept beside them, and searched as people type them.

use sqlx::PgConnection;
use uuid::Uuid;

use super::NewRecord;
use crate::canonical::{NumberKind, evened};
use crate::store::text::clean;
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

/// Keeps the numbers of records in one statement. Those of known documents stay as they are.
pub(super) async fn insert(connection: &mut PgConnection, records: &[NewRecord<'_>]) -> Result<(), Error> {
    let (mut ids, mut kinds, mut numbers, mut scopes, mut raws) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for new in records {
        for number in new.record.numbers() {
            ids.push(new.document_id);
            kinds.push(number.kind.word());
            raws.push(
                Some(number.raw).filter(|raw| *raw != number.number).map(|raw| clean(&raw).into_owned()),
            );
            numbers.push(clean(&number.number).into_owned());
            scopes.push(clean(&number.scope).into_owned());
        }
    }
    sqlx::query!(
        "insert into document_number (document_id, kind, number, scope, raw)
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
             as n (document_id, kind, number, scope, raw)
         where not exists (select from document_number known where known.document_id = n.document_id)",
        &ids,
        &kinds as &[&str],
        &numbers,
        &scopes,
        &raws as &[Option<String>],
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("keep the numbers of records"))
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
