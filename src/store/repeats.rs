//! What came before: the same content, and documents that name the same business.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Error, Work};
use crate::canonical::RecordKind;

/// A document that came before with the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SameBusiness {
    /// Its id.
    pub id: Uuid,
    /// The file it is in.
    pub file_id: Uuid,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// Which record.
    pub kind: String,
    /// Its key.
    pub key: String,
}

impl Work {
    /// Another work that asks what came before of the same partner waits for this one's end.
    pub(super) async fn lock_partner(&mut self, partner_id: &str) -> Result<(), Error> {
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, 3))", partner_id)
            .fetch_one(self.connection())
            .await
            .map(drop)
            .map_err(Error::query("lock a partner's documents"))
    }

    /// Documents of this partner in other files than these that name the same business and had effects, since a time. Another work
    /// that asks for the same partner waits for this one's end, so that two files do not miss each other.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_same_business(
        &mut self,
        partner_id: &str,
        keys: &[(RecordKind, String)],
        except_files: &[Uuid],
        since: DateTime<Utc>,
    ) -> Result<Vec<SameBusiness>, Error> {
        self.lock_partner(partner_id).await?;
        let kinds: Vec<&str> = keys.iter().map(|(kind, _)| kind.word()).collect();
        let keys: Vec<&str> = keys.iter().map(|(_, key)| key.as_str()).collect();
        sqlx::query_as!(
            SameBusiness,
            r#"select d.id, d.file_id, d.received_at, n.kind as "kind!", n.key as "key!"
               from unnest($2::text[], $3::text[]) as n (kind, key)
               cross join lateral (
                   select id, file_id, received_at from document
                   where direction = 'inbound' and partner_id = $1 and record_kind = n.kind and business_key = n.key
                     and file_id <> all($4) and received_at >= $5 and validation <> 'rejected'
                   order by received_at, id limit 1) d"#,
            partner_id,
            &kinds as &[&str],
            &keys as &[&str],
            except_files,
            since,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find documents of the same business"))
    }

    /// The first other file of this partner with the same content, since a time.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_same_content(
        &mut self,
        partner_id: &str,
        sha256: &[u8],
        except_file: Uuid,
        since: DateTime<Utc>,
    ) -> Result<Option<Uuid>, Error> {
        self.lock_partner(partner_id).await?;
        sqlx::query_scalar!(
            "select id from file
             where direction = 'inbound' and coalesce(partner_id, channel) = $1 and sha256 = $2 and id <> $3 and received_at >= $4
               and state in ('processed', 'rejected')
             order by received_at, id limit 1",
            partner_id,
            sha256,
            except_file,
            since,
        )
        .fetch_optional(self.connection())
        .await
        .map_err(Error::query("find files of the same content"))
    }

    /// Whether a person has released this file, and so wants it processed.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn was_released(&mut self, file_id: Uuid) -> Result<bool, Error> {
        sqlx::query_scalar!(
            r#"select exists (select from audit_event where subject_id = $1 and action = 'release') as "is!""#,
            file_id,
        )
        .fetch_one(self.connection())
        .await
        .map_err(Error::query("see whether a file was released"))
    }
}
