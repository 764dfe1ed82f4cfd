//! What listings of channels showed: which files are known, and which lie still.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Error, Store};

/// One entry of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Name in the channel's folder.
    pub name: String,
    /// Size by the listing.
    pub size_bytes: u64,
    /// Time of the last change by the listing. Compared to the microsecond.
    pub modified_at: DateTime<Utc>,
}

impl Store {
    /// For each entry, whether it was accepted already, as it is now.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_known_sightings(&self, channel: &str, seen: &[Seen]) -> Result<Vec<bool>, Error> {
        let (names, sizes, times) = columns(seen);
        sqlx::query_scalar!(
            r#"select exists (
                   select from sighting s
                   where s.channel = $1 and s.name = n.name and s.size_bytes = n.size_bytes
                     and s.modified_at = n.modified_at and s.file_id is not null
               ) as "known!"
               from unnest($2::text[], $3::bigint[], $4::timestamptz[])
                   with ordinality as n (name, size_bytes, modified_at, position)
               order by n.position"#,
            channel,
            &names as &[&str],
            &sizes,
            &times,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list known sightings"))
    }

    /// Records a listing, and tells for each entry how long it has been as it is now, by the database's clock.
    /// Zero when it is new or has changed. Names must be distinct.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn record_sightings(&self, channel: &str, seen: &[Seen]) -> Result<Vec<Duration>, Error> {
        let (names, sizes, times) = columns(seen);
        let rows = sqlx::query!(
            r#"with recorded as (
                   insert into sighting as s (channel, name, size_bytes, modified_at)
                   select $1, n.name, n.size_bytes, n.modified_at
                   from unnest($2::text[], $3::bigint[], $4::timestamptz[]) as n (name, size_bytes, modified_at)
                   order by n.name
                   on conflict (channel, name) do update set
                       first_seen_at = case
                           when (s.size_bytes, s.modified_at) = (excluded.size_bytes, excluded.modified_at)
                           then s.first_seen_at else now() end,
                       file_id = case
                           when (s.size_bytes, s.modified_at) = (excluded.size_bytes, excluded.modified_at)
                           then s.file_id end,
                       sha256 = case
                           when (s.size_bytes, s.modified_at) = (excluded.size_bytes, excluded.modified_at)
                           then s.sha256 end,
                       size_bytes = excluded.size_bytes,
                       modified_at = excluded.modified_at,
                       last_seen_at = now()
                   returning name, first_seen_at
               )
               select r.name, (extract(epoch from now() - r.first_seen_at) * 1000000)::bigint as "micros!"
               from recorded r"#,
            channel,
            &names as &[&str],
            &sizes,
            &times,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("record sightings"))?;
        let still: std::collections::HashMap<&str, i64> =
            rows.iter().map(|row| (row.name.as_str(), row.micros)).collect();
        Ok(names
            .iter()
            .map(|name| Duration::from_micros(still.get(name).copied().unwrap_or(0).max(0).cast_unsigned()))
            .collect())
    }

    /// Forgets what has not been seen for as long as given. A file put back later under the same name, size and
    /// time is then found by its content alone.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn forget_sightings(&self, unseen_for: Duration) -> Result<u64, Error> {
        let secs = i64::try_from(unseen_for.as_secs()).unwrap_or(i64::MAX);
        sqlx::query!(
            "delete from sighting where last_seen_at < now() - make_interval(secs => $1::bigint)",
            secs
        )
        .execute(&self.pool)
        .await
        .map(|done| done.rows_affected())
        .map_err(Error::query("forget old sightings"))
    }
}

fn columns(seen: &[Seen]) -> (Vec<&str>, Vec<i64>, Vec<DateTime<Utc>>) {
    (
        seen.iter().map(|entry| entry.name.as_str()).collect(),
        seen.iter().map(|entry| entry.size_bytes.cast_signed()).collect(),
        seen.iter().map(|entry| super::microseconds(entry.modified_at)).collect(),
    )
}
