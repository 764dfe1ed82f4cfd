//! Untaken: what lies in partners' folders and is left there, by the last look at each channel.

use chrono::{DateTime, Utc};

use super::text::clean;
use super::{Error, Store};

/// Something that lies in a partner's folder and is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untaken {
    /// Its name; empty where the folder itself cannot be looked into.
    pub name: String,
    /// Why, and what to do, in a sentence.
    pub why: String,
}

/// The same as people see it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct UntakenRow {
    /// The channel's key.
    pub channel: String,
    /// Its name; empty where the folder itself cannot be looked into.
    pub name: String,
    /// Why, and what to do, in a sentence.
    pub why: String,
    /// Since when.
    pub first_seen_at: DateTime<Utc>,
}

impl Store {
    /// Keeps what a look at a channel came to, in place of what the look before it did. With `others_stay` that stays as
    /// well, since it was not looked for.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn replace_untaken(
        &self,
        channel: &str,
        untaken: &[Untaken],
        others_stay: bool,
    ) -> Result<(), Error> {
        let names: Vec<_> = untaken.iter().map(|one| clean(&one.name)).collect();
        let whys: Vec<_> = untaken.iter().map(|one| clean(&one.why)).collect();
        sqlx::query!(
            "with now_there as (
                 select distinct on (name) name, why from unnest($2::text[], $3::text[]) as n (name, why) order by name, why
             ), gone as (
                 delete from untaken u where u.channel = $1 and not $4
                   and not exists (select from now_there n where n.name = u.name)
             )
             insert into untaken as u (channel, name, why) select $1, name, why from now_there
             on conflict (channel, name) do update set why = excluded.why where u.why <> excluded.why",
            channel,
            &names as &[std::borrow::Cow<'_, str>],
            &whys as &[std::borrow::Cow<'_, str>],
            others_stay,
        )
        .execute(&self.pool)
        .await
        .map(drop)
        .map_err(Error::query("keep what was not taken"))
    }

    /// Forgets what was seen in folders that are not looked into any more.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn forget_untaken(&self, channels: &[String]) -> Result<(), Error> {
        sqlx::query!("delete from untaken where channel <> all($1)", channels)
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(Error::query("forget what was not taken"))
    }

    /// What lies in the folders of a partner, or of all, and is not taken; what is there longest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_untaken(&self, partner: Option<&str>, limit: i64) -> Result<Vec<UntakenRow>, Error> {
        sqlx::query_as!(
            UntakenRow,
            "select channel, name, why, first_seen_at from untaken 
             where $1::text is null or split_part(channel, '/', 1) = $1
             order by first_seen_at, channel, name limit $2",
            partner,
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list what was not taken"))
    }
}
