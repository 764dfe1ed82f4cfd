//! Corrections: a file as a person mended it, beside the one that came.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::text::clean;
use super::{Body, Error, Store, Work};

/// A mended file.
#[derive(Clone, Debug)]
pub struct NewCorrection {
    /// Its id, derived from the file it corrects and its bytes.
    pub id: Uuid,
    /// The file it corrects.
    pub corrects: Uuid,
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub body: Body,
    /// Who mended it.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// A document of a file that was corrected, which became a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrectedDocument {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub partner_id: Option<String>,
    /// What it became.
    pub record_kind: String,
    /// The number its sender knows it by.
    pub business_number: Option<String>,
}

/// What was made of a document, and is not taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentOf {
    /// The document it was made of.
    pub source: Uuid,
    /// Its kind.
    pub kind: String,
    /// To whom.
    pub partner_id: String,
    /// Its name, or where it was called.
    pub target: String,
    /// When it was made.
    pub at: DateTime<Utc>,
}

impl Store {
    /// A file and those that it corrects, down to the one that came.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_corrected(&self, id: Uuid) -> Result<Vec<Uuid>, Error> {
        sqlx::query_scalar!(
            r#"with recursive chain as (
                   select id, corrects, 1 as step from file where id = $1
                   union all
                   select f.id, f.corrects, c.step + 1 from file f join chain c on f.id = c.corrects
               )
               select id as "id!" from chain order by step"#,
            id,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list what a file corrects"))
    }
}

impl Work {
    /// Documents of these files that became records.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_corrected_documents(
        &mut self,
        files: &[Uuid],
    ) -> Result<Vec<CorrectedDocument>, Error> {
        sqlx::query_as!(
            CorrectedDocument,
            r#"select id, partner_id, record_kind as "record_kind!", business_number from document
               where file_id = any($1) and record_kind is not null order by received_at, ordinal, id for update"#,
            files,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list documents of a corrected file"))
    }

    /// What was made of these documents and is sent or on its way.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_sent_of(&mut self, sources: &[Uuid]) -> Result<Vec<SentOf>, Error> {
        sqlx::query_as!(
            SentOf,
            r#"select d.source_document_id as "source!", d.kind, v.partner_id, v.target, v.created_at as at
               from document d join delivery_document l on l.document_id = d.id
               join delivery v on v.id = l.delivery_id
               where d.source_document_id = any($1) and v.state <> 'cancelled'
               order by v.created_at, d.id"#,
            sources,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list what was sent of documents"))
    }

    /// Keeps a mended file beside the one it corrects, of the same partner and channel. The one that came means nothing
    /// any more where it had no effect yet.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_correction(&mut self, new: &NewCorrection) -> Result<(), Error> {
        if new.body.bytes.is_none() {
            self.check_archived(&[(&new.body.sha256, new.body.size_bytes)]).await?;
        }
        let name: Cow<'_, str> = clean(&new.name);
        sqlx::query!(
            "insert into file (id, direction, partner_id, channel, name, size_bytes, sha256, body, archived, received_at,
                 state, assigned_to, corrects, corrected_by, disposed_at)
             select $1, 'inbound', o.partner_id, o.channel, $3, $4, $5, $6, $6::bytea is null, $7, 'received',
                 o.assigned_to, o.id, $8, now()
             from file o where o.id = $2
             on conflict do nothing",
            new.id,
            new.corrects,
            name.as_ref(),
            new.body.size_bytes.cast_signed(),
            &new.body.sha256[..],
            new.body.bytes.as_deref(),
            new.at,
            &new.by,
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("keep a corrected file"))?;
        let reason = format!("corrected by file {}", crate::ids::short(new.id));
        sqlx::query!(
            "with ended as (
                 update job set state = 'failed', finished_at = now(), last_error = $2
                 where kind = 'process' and subject_id = $1 and state in ('held', 'ready')
             )
             update file set state = 'rejected', reason = $2, hint = ''
             where id = $1 and state in ('quarantined', 'received')",
            new.corrects,
            reason,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("set a corrected file aside"))
    }
}
