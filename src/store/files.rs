//! Files: bytes received and composed, kept exactly, with what became of them.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use chrono::{DateTime, SubsecRound, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::text::clean;
use super::{Direction, Error, FileState, Store, Usage, Work};
use crate::kill_points;

/// Bytes above this go to the archive: a row is read and logged whole.
pub const LARGEST_BODY_BYTES: u64 = 1 << 20;

/// A file's bytes, or the place of those that are too many for a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// How many there are.
    pub size_bytes: u64,
    /// The bytes; none when the archive has them.
    pub bytes: Option<Bytes>,
}

impl Body {
    /// A body to be kept in the file's row.
    #[must_use]
    pub fn inline(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { sha256: Sha256::digest(&bytes).into(), size_bytes: bytes.len() as u64, bytes: Some(bytes) }
    }
}

/// A file of ours, its bytes and name frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundFile {
    /// Derived from what it was composed of.
    pub id: Uuid,
    /// To whom.
    pub partner_id: String,
    /// Where it will be put.
    pub channel: String,
    /// Its name there.
    pub name: String,
    /// Its bytes.
    pub body: Body,
    /// ISA15, for X12.
    pub usage: Option<Usage>,
    /// When it was composed.
    pub composed_at: DateTime<Utc>,
    /// The profile it was composed by.
    pub profile_version: Option<Uuid>,
    /// The file that it is packed from.
    pub origin_id: Option<Uuid>,
}

/// How a file ended, or why it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileOutcome {
    /// Its new state.
    pub state: FileState,
    /// Why, in plain words; may be empty.
    pub reason: String,
    /// What to do about it; may be empty.
    pub hint: String,
    /// The partner found in the file; none leaves what is known.
    pub partner_id: Option<String>,
    /// ISA15; none leaves what is known.
    pub usage: Option<Usage>,
    /// The profile it was read by; none leaves what is known.
    pub profile_version: Option<Uuid>,
}

/// A file without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FileRow {
    /// Its id.
    pub id: Uuid,
    /// Seen from us.
    pub direction: Direction,
    /// Whose, if known.
    pub partner_id: Option<String>,
    /// Where it was or goes.
    pub channel: String,
    /// Its name there.
    pub name: String,
    /// Its size.
    pub size_bytes: i64,
    /// When it was last changed at the partner's.
    pub modified_at: Option<DateTime<Utc>>,
    /// SHA-256 of its bytes.
    #[serde(skip)]
    pub sha256: Vec<u8>,
    /// When we took or composed it.
    pub received_at: DateTime<Utc>,
    /// Where it stands.
    pub state: FileState,
    /// Why; may be empty.
    pub reason: String,
    /// What to do about it; may be empty.
    pub hint: String,
    /// The file with the same content.
    pub duplicate_of: Option<Uuid>,
    /// When its source was disposed of.
    pub disposed_at: Option<DateTime<Utc>>,
    /// Why its source could not be disposed of.
    pub dispose_error: Option<String>,
    /// ISA15.
    pub usage: Option<Usage>,
    /// The profile that read or composed it.
    pub profile_version: Option<Uuid>,
    /// The channel that a person said it belongs to, as `partner/channel`.
    pub assigned_to: Option<String>,
    /// The file that this one is a corrected version of.
    pub corrects: Option<Uuid>,
    /// Who corrected it, when it was made here.
    pub corrected_by: Option<String>,
    /// When its bytes left with their retention.
    pub body_left_at: Option<DateTime<Utc>>,
    /// The file that it was unpacked from, or packed from.
    pub origin_id: Option<Uuid>,
    /// What an archive calls it; empty where there is none.
    pub entry: String,
}

/// A file with its bytes.
#[derive(Clone, Debug)]
pub struct LoadedFile {
    /// All about it.
    pub row: FileRow,
    /// What was received or will be sent, to the byte.
    pub bytes: Bytes,
}

/// An accepted file whose source is still at the partner's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undisposed {
    /// Its id.
    pub id: Uuid,
    /// Its name in the channel.
    pub name: String,
    /// Its size when it was taken.
    pub size_bytes: i64,
    /// When it was last changed, when it was taken.
    pub modified_at: Option<DateTime<Utc>>,
    /// Where it stands here.
    pub state: FileState,
}

/// Which files to list; what is none does not matter.
#[derive(Clone, Debug, Default)]
pub struct FileFilter {
    /// Seen from us.
    pub direction: Option<Direction>,
    /// Whose.
    pub partner_id: Option<String>,
    /// Where.
    pub channel: Option<String>,
    /// In this state.
    pub state: Option<FileState>,
    /// With this in their names.
    pub name: Option<String>,
    /// With a document of this number: its own, the purchase order's or the order's.
    pub number: Option<String>,
    /// Received at or after this.
    pub since: Option<DateTime<Utc>>,
    /// Received before this: for the next page.
    pub before: Option<DateTime<Utc>>,
    /// Made of this file, by unpacking or packing.
    pub origin_id: Option<Uuid>,
    /// Corrected versions of this file.
    pub corrects: Option<Uuid>,
}

/// An instant as exact as the database keeps it.
#[must_use]
pub fn microseconds(at: DateTime<Utc>) -> DateTime<Utc> {
    at.trunc_subsecs(6)
}

impl Store {
    /// Keeps bytes of any number, so that a file can be accepted with them.
    ///
    /// # Errors
    /// When they belong in the archive and it cannot be written.
    pub async fn keep_bytes(&self, bytes: impl Into<Bytes>) -> Result<Body, Error> {
        let mut body = Body::inline(bytes);
        if body.size_bytes > LARGEST_BODY_BYTES
            && let Some(archive) = self.archive().await?
            && let Some(bytes) = body.bytes.take()
        {
            kill_points::pass("in.archive.before");
            archive.put(&body.sha256, bytes).await?;
            kill_points::pass("in.archive.after");
        }
        Ok(body)
    }

    /// Records that files' sources were renamed, moved or deleted.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn mark_disposed(&self, ids: &[Uuid]) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "update file set disposed_at = coalesce(disposed_at, now()), dispose_error = null where id = any($1)",
            ids
        )
        .execute(&self.pool)
        .await
        .map(drop)
        .map_err(Error::query("mark files disposed of"))
    }

    /// Records that a file's source could not be disposed of. It stays among the undisposed.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn mark_dispose_failed(&self, id: Uuid, error: &str) -> Result<(), Error> {
        sqlx::query!("update file set dispose_error = $2 where id = $1 and disposed_at is null", id, error)
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(Error::query("record why a file is not disposed of"))
    }

    /// Accepted files of a channel whose sources are still there, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_undisposed(&self, channel: &str, limit: i64) -> Result<Vec<Undisposed>, Error> {
        sqlx::query_as!(
            Undisposed,
            r#"select id, name, size_bytes, modified_at, state as "state: FileState" from file
               where direction = 'inbound' and channel = $1 and disposed_at is null
               order by received_at, id limit $2"#,
            channel,
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list files to be disposed of"))
    }

    /// A file, without its bytes.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_file(&self, id: Uuid) -> Result<Option<FileRow>, Error> {
        sqlx::query_as!(
            FileRow,
            r#"select id, direction as "direction: Direction", partner_id, channel, name, size_bytes, modified_at,
                   sha256, received_at, state as "state: FileState", reason, hint, duplicate_of, disposed_at,
                   dispose_error, usage as "usage: Usage", profile_version, assigned_to, corrects,
                   corrected_by, body_left_at, origin_id, entry
               from file where id = $1"#,
            id,
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(Error::query("find a file"))
    }

    /// A file with all its bytes in memory.
    ///
    /// # Errors
    /// When there is no such file, or its bytes cannot be read.
    pub async fn load_file(&self, id: Uuid) -> Result<LoadedFile, Error> {
        let row = self.find_file(id).await?.ok_or(Error::Missing { what: "file", id })?;
        let body = sqlx::query_scalar!(
            "select coalesce(f.body, o.body) from file f left join file o on o.id = f.duplicate_of where f.id = $1",
            id,
        )
        .fetch_one(&self.pool)
        .await
        .map_err(Error::query("read a file's bytes"))?;
        if let Some(bytes) = body {
            return Ok(LoadedFile { row, bytes: bytes.into() });
        }
        let left = match (row.body_left_at, row.duplicate_of) {
            (None, Some(original)) => self.find_file(original).await?.and_then(|file| file.body_left_at),
            (left, _) => left,
        };
        if let Some(at) = left {
            return Err(Error::BodyLeft { file: crate::ids::short(id), at: at.date_naive() });
        }
        let archive = self.archive().await?.ok_or(Error::NoArchive { file: id })?;
        let sha256: [u8; 32] = row.sha256.as_slice().try_into().expect("a check constraint says 32 bytes");
        let bytes = archive.get(&sha256, row.size_bytes.cast_unsigned()).await?;
        Ok(LoadedFile { row, bytes })
    }

    /// Files with all their bytes in memory, in the order given.
    ///
    /// # Errors
    /// When one of them is not there, or its bytes cannot be read.
    pub async fn load_files(&self, ids: &[Uuid]) -> Result<Vec<LoadedFile>, Error> {
        if let [id] = ids {
            return Ok(vec![self.load_file(*id).await?]);
        }
        let rows = sqlx::query_as!(
            FileRow,
            r#"select id, direction as "direction: Direction", partner_id, channel, name, size_bytes, modified_at,
                   sha256, received_at, state as "state: FileState", reason, hint, duplicate_of, disposed_at,
                   dispose_error, usage as "usage: Usage", profile_version, assigned_to, corrects,
                   corrected_by, body_left_at, origin_id, entry
               from file where id = any($1)"#,
            ids,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("find files"))?;
        let bodies = sqlx::query!("select id, body from file where id = any($1) and body is not null", ids)
            .fetch_all(&self.pool)
            .await
            .map_err(Error::query("read files' bytes"))?;
        let mut bodies: HashMap<Uuid, Bytes> =
            bodies.into_iter().filter_map(|row| Some((row.id, row.body?.into()))).collect();
        let mut rows: HashMap<Uuid, FileRow> = rows.into_iter().map(|row| (row.id, row)).collect();
        let mut files = Vec::with_capacity(ids.len());
        for id in ids {
            files.push(match (rows.remove(id), bodies.remove(id)) {
                (Some(row), Some(bytes)) => LoadedFile { row, bytes },
                // Its bytes lie elsewhere, or it is not there at all.
                _ => self.load_file(*id).await?,
            });
        }
        Ok(files)
    }

    /// Files, the latest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_files(&self, filter: &FileFilter, limit: i64) -> Result<Vec<FileRow>, Error> {
        sqlx::query_as!(
            FileRow,
            r#"select id, direction as "direction: Direction", partner_id, channel, name, size_bytes, modified_at,
                   sha256, received_at, state as "state: FileState", reason, hint, duplicate_of, disposed_at,
                   dispose_error, usage as "usage: Usage", profile_version, assigned_to, corrects,
                   corrected_by, body_left_at, origin_id, entry
               from file
               where ($1::text is null or direction = $1) and ($2::text is null or partner_id = $2)
                 and ($3::text is null or channel = $3) and ($4::text is null or state = $4)
                 and ($5::text is null or position($5 in name) > 0)
                 and ($6::timestamptz is null or received_at < $6)
                 and ($7::timestamptz is null or received_at >= $7)
                 and ($8::uuid is null or origin_id = $8)
                 and ($9::uuid is null or corrects = $9)
                 and ($11::text is null or exists (select from document d where d.file_id = file.id
                     and $11 in (d.business_number, d.purchase_order_number, d.order_number)))
               order by received_at desc, id limit $10"#,
            filter.direction.map(Direction::as_str),
            filter.partner_id.as_deref(),
            filter.channel.as_deref(),
            filter.state.map(FileState::as_str),
            filter.name.as_deref(),
            filter.before,
            filter.since,
            filter.origin_id,
            filter.corrects,
            limit,
            filter.number.as_deref(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list files"))
    }

    /// How many files there are, by direction and state.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn count_files(&self) -> Result<Vec<(Direction, FileState, i64)>, Error> {
        let rows = sqlx::query!(
            r#"select direction as "direction: Direction", state as "state: FileState", count(*) as "count!"
               from file group by 1, 2 order by 1, 2"#,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("count files"))?;
        Ok(rows.into_iter().map(|row| (row.direction, row.state, row.count)).collect())
    }
}

impl Work {
    /// Writes how files ended, or why they wait.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_file_outcomes(&mut self, outcomes: &[(Uuid, FileOutcome)]) -> Result<(), Error> {
        macro_rules! column {
            (|$outcome:ident| $value:expr) => {
                outcomes.iter().map(|(_, $outcome)| $value).collect::<Vec<_>>()
            };
        }
        let ids: Vec<Uuid> = outcomes.iter().map(|(id, _)| *id).collect();
        sqlx::query!(
            "update file f set state = n.state, reason = n.reason, hint = n.hint,
                 partner_id = coalesce(n.partner_id, f.partner_id), usage = coalesce(n.usage, f.usage),
                 profile_version = coalesce(n.profile_version, f.profile_version), keep_until = null
             from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::uuid[])
                 as n (id, state, reason, hint, partner_id, usage, profile_version)
             where f.id = n.id",
            &ids,
            &column!(|outcome| outcome.state.as_str()) as &[&str],
            &column!(|outcome| clean(&outcome.reason)) as &[Cow<'_, str>],
            &column!(|outcome| clean(&outcome.hint)) as &[Cow<'_, str>],
            &column!(|outcome| outcome.partner_id.as_deref()) as &[Option<&str>],
            &column!(|outcome| outcome.usage.map(Usage::as_str)) as &[Option<&str>],
            &column!(|outcome| outcome.profile_version) as &[Option<Uuid>],
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("set files' outcomes"))
    }

    /// Keeps composed files. One that is known stays as it was frozen.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_outbound_files(&mut self, files: &[OutboundFile]) -> Result<(), Error> {
        let ids: Vec<Uuid> = files.iter().map(|file| file.id).collect();
        let partners: Vec<&str> = files.iter().map(|file| file.partner_id.as_str()).collect();
        let channels: Vec<&str> = files.iter().map(|file| file.channel.as_str()).collect();
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        let sizes: Vec<i64> = files.iter().map(|file| file.body.size_bytes.cast_signed()).collect();
        let hashes: Vec<&[u8]> = files.iter().map(|file| file.body.sha256.as_slice()).collect();
        let bodies: Vec<Option<&[u8]>> = files.iter().map(|file| file.body.bytes.as_deref()).collect();
        let usages: Vec<Option<&str>> = files.iter().map(|file| file.usage.map(Usage::as_str)).collect();
        let times: Vec<DateTime<Utc>> = files.iter().map(|file| file.composed_at).collect();
        let profiles: Vec<Option<Uuid>> = files.iter().map(|file| file.profile_version).collect();
        let origins: Vec<Option<Uuid>> = files.iter().map(|file| file.origin_id).collect();
        sqlx::query!(
            "insert into file (id, direction, partner_id, channel, name, size_bytes, sha256, body, archived,
                 received_at, state, usage, profile_version, origin_id)
             select n.id, 'outbound', n.partner_id, n.channel, n.name, n.size_bytes, n.sha256, n.body, n.body is null,
                 n.composed_at, 'composed', n.usage, n.profile_version, n.origin_id
             from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bytea[], $7::bytea[],
                     $8::text[], $9::timestamptz[], $10::uuid[], $11::uuid[])
                 as n (id, partner_id, channel, name, size_bytes, sha256, body, usage, composed_at, profile_version,
                     origin_id)
             order by n.id
             on conflict do nothing",
            &ids,
            &partners as &[&str],
            &channels as &[&str],
            &names as &[&str],
            &sizes,
            &hashes as &[&[u8]],
            &bodies as &[Option<&[u8]>],
            &usages as &[Option<&str>],
            &times,
            &profiles as &[Option<Uuid>],
            &origins as &[Option<Uuid>],
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("keep composed files"))
    }
}
