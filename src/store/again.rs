//! Reading again: what was made of a file and its documents when they were read before.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Business, Error, Work};

/// A document of a file that was read before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierDocument {
    /// Its id.
    pub id: Uuid,
    /// Its place among those of its file.
    pub ordinal: i32,
    /// What it became; none when it was refused, had no effects, or acknowledges.
    pub record_kind: Option<String>,
    /// What it led to.
    pub business: Business,
    /// When it was received.
    pub received_at: DateTime<Utc>,
}

impl Work {
    /// What a file was found to hold when it was read before; nothing for a file that was not. Locked until the end
    /// of this work, so that two who read it again do not miss each other.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_earlier_documents(&mut self, file_id: Uuid) -> Result<Vec<EarlierDocument>, Error> {
        sqlx::query_as!(
            EarlierDocument,
            r#"select id, ordinal, record_kind, business as "business: Business", received_at
               from document where file_id = $1 order by ordinal, id for update"#,
            file_id,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list what a file was found to hold"))
    }

    /// Removes documents that had no effects, before their file is read again, with all findings of the file.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn forget_reading(&mut self, file_id: Uuid, document_ids: &[Uuid]) -> Result<(), Error> {
        self.delete_findings(file_id).await?;
        sqlx::query!("delete from document where file_id = $1 and id = any($2)", file_id, document_ids)
            .execute(self.connection())
            .await
            .map(drop)
            .map_err(Error::query("remove documents that are read again"))
    }

    /// What was made of these documents for partners: source, partner and kind.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_made(&mut self, source_ids: &[Uuid]) -> Result<Vec<(Uuid, String, String)>, Error> {
        let rows = sqlx::query!(
            r#"select source_document_id as "source!", partner_id as "partner!", kind from document
               where source_document_id = any($1) and partner_id is not null"#,
            source_ids,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list what was made of documents"))?;
        Ok(rows.into_iter().map(|row| (row.source, row.partner, row.kind)).collect())
    }

    /// Those of these files that there are.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_known_files(&mut self, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
        sqlx::query_scalar!("select id from file where id = any($1)", ids)
            .fetch_all(self.connection())
            .await
            .map_err(Error::query("look for files"))
    }
}
