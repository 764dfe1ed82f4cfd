//! Functional groups that came: which of their numbers were used, where somebody looks after that.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::text::clean;
use super::{Error, Work};

/// What names a group of a partner: GS01, GS02, GS03 and GS06.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKey {
    /// Whose it is.
    pub partner_id: String,
    /// GS01.
    pub functional_id: String,
    /// GS02.
    pub sender: String,
    /// GS03.
    pub receiver: String,
    /// GS06 as written.
    pub control_number: String,
}

/// A group that came before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenGroup {
    /// The file it is in.
    pub file_id: Uuid,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

impl Work {
    /// Keeps groups of files, and gives for each the first of its name that came in another file, other than those of
    /// `except_files`, since a time. Another work that asks for the same partners waits for this one's end.
    ///
    /// # Errors
    /// When the database cannot be asked or written.
    pub async fn meet_groups(
        &mut self,
        groups: &[(GroupKey, Uuid, DateTime<Utc>)],
        except_files: &[Uuid],
        now: DateTime<Utc>,
    ) -> Result<Vec<Option<SeenGroup>>, Error> {
        if groups.is_empty() {
            return Ok(Vec::new());
        }
        let mut partners: Vec<&str> = groups.iter().map(|(key, ..)| key.partner_id.as_str()).collect();
        // The same order everywhere, or two works lock each other out.
        partners.sort_unstable();
        partners.dedup();
        for partner in partners {
            self.lock_partner(partner).await?;
        }
        macro_rules! column {
            ($field:ident) => {
                groups.iter().map(|(key, ..)| clean(&key.$field)).collect::<Vec<_>>()
            };
        }
        let (whose, kinds) = (column!(partner_id), column!(functional_id));
        let (senders, receivers, numbers) = (column!(sender), column!(receiver), column!(control_number));
        let since: Vec<DateTime<Utc>> = groups.iter().map(|(_, _, since)| *since).collect();
        let files: Vec<Uuid> = groups.iter().map(|(_, file, _)| *file).collect();
        let rows = sqlx::query!(
            r#"select n.position as "position!", g.file_id, g.received_at
               from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
                   with ordinality as n (partner_id, functional_id, sender, receiver, number, since, position)
               cross join lateral (
                   select file_id, received_at from inbound_group
                   where partner_id = n.partner_id and functional_id = n.functional_id and sender = n.sender
                     and receiver = n.receiver and control_number = n.number and file_id <> all($7)
                     and received_at >= n.since
                   order by received_at, file_id limit 1) g"#,
            &whose as &[Cow<'_, str>],
            &kinds as &[Cow<'_, str>],
            &senders as &[Cow<'_, str>],
            &receivers as &[Cow<'_, str>],
            &numbers as &[Cow<'_, str>],
            &since,
            except_files,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find groups that came before"))?;
        let mut found = vec![None; groups.len()];
        for row in rows {
            let place = usize::try_from(row.position - 1).ok().and_then(|place| found.get_mut(place));
            if let Some(place) = place {
                *place = Some(SeenGroup { file_id: row.file_id, received_at: row.received_at });
            }
        }
        sqlx::query!(
            "insert into inbound_group (partner_id, functional_id, sender, receiver, control_number, file_id, received_at)
             select n.*, $7 from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::uuid[]) as n
             on conflict do nothing",
            &whose as &[Cow<'_, str>],
            &kinds as &[Cow<'_, str>],
            &senders as &[Cow<'_, str>],
            &receivers as &[Cow<'_, str>],
            &numbers as &[Cow<'_, str>],
            &files,
            now,
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("keep groups"))?;
        Ok(found)
    }
}
