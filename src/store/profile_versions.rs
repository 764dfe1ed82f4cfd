//! Versions of partner profiles: what each file and document was read or written by.

use uuid::Uuid;

use super::{Error, Store};

impl Store {
    /// Keeps a resolved profile, and gives the id of this version: the same text has the same.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn keep_profile_version(&self, partner_id: &str, resolved: &str) -> Result<Uuid, Error> {
        let id = crate::ids::derived("profile_version", &[partner_id, resolved]);
        sqlx::query!(
            "insert into profile_version (id, partner_id, resolved) values ($1, $2, $3) on conflict do nothing",
            id,
            partner_id,
            resolved,
        )
        .execute(&self.pool)
        .await
        .map_err(Error::query("keep a profile's version"))?;
        Ok(id)
    }

    /// Whose profile a version is, and its text.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_profile_version(&self, id: Uuid) -> Result<Option<(String, String)>, Error> {
        let row = sqlx::query!("select partner_id, resolved from profile_version where id = $1", id)
            .fetch_optional(&self.pool)
            .await
            .map_err(Error::query("find a profile's version"))?;
        Ok(row.map(|row| (row.partner_id, row.resolved)))
    }
}
