//! Accepting files: each once, whatever it is called and however often it is seen.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Body, Error, JobKind, NewJob, Store, Work, microseconds};

/// A file picked up whole from a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Where it was.
    pub channel: String,
    /// Whose channel it is, if one partner's.
    pub partner_id: Option<String>,
    /// Its name there.
    pub name: String,
    /// When it was last changed there.
    pub modified_at: Option<DateTime<Utc>>,
    /// Its bytes.
    pub body: Body,
    /// When we took it.
    pub received_at: DateTime<Utc>,
    /// A file with the same content received since then makes this one a duplicate; none: nothing does.
    pub duplicates_since: Option<DateTime<Utc>>,
    /// The file that it was unpacked from; none for one that was picked up.
    pub origin: Option<Origin>,
    /// Whether files of its channel are processed one after the other.
    pub in_order: bool,
    /// Whether nothing is to be done about it where it was.
    pub stays: bool,
}

/// Where in which file another was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file it was unpacked from.
    pub id: Uuid,
    /// Its place in it, the first is 1.
    pub ordinal: usize,
    /// What the archive calls it; empty where there is none.
    pub entry: String,
    /// The channel that a person said the file it was in belongs to.
    pub assigned_to: Option<String>,
}

impl NewFile {
    /// Its id; the same file seen again has the same.
    #[must_use]
    pub fn id(&self) -> Uuid {
        if let Some(origin) = &self.origin {
            let place = (origin.id.to_string(), origin.ordinal.to_string(), super::hex(&self.body.sha256));
            return crate::ids::derived("unpacked_file", &[&place.0, &place.1, &place.2]);
        }
        inbound_file_id(&self.channel, &self.name, self.body.size_bytes, self.modified_at, &self.body.sha256)
    }

    fn owner(&self) -> &str {
        self.partner_id.as_deref().unwrap_or(&self.channel)
    }
}

/// What became of a file that was to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcceptOutcome {
    /// It is new, and its job is enqueued.
    New,
    /// The very same was accepted before: the source was not disposed of, or the hub was killed in between.
    AlreadyAccepted,
    /// Its content came before as this file; it is kept as a duplicate and has no job.
    DuplicateOf(Uuid),
}

/// An accepted file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedFile {
    /// Its id.
    pub id: Uuid,
    /// What became of it.
    pub outcome: AcceptOutcome,
}

/// The id of an inbound file. The time counts to the microsecond, as the database keeps it.
#[must_use]
pub fn inbound_file_id(
    channel: &str,
    name: &str,
    size_bytes: u64,
    modified_at: Option<DateTime<Utc>>,
    sha256: &[u8; 32],
) -> Uuid {
    let modified = modified_at.map(|at| at.timestamp_micros().to_string()).unwrap_or_default();
    let hash = super::hex(sha256);
    crate::ids::derived("inbound_file", &[channel, name, &size_bytes.to_string(), &modified, &hash])
}

impl Store {
    /// Accepts files, with the jobs to process the new ones, in one commit. The answers are in the order given.
    /// Calling it again with the same files changes nothing.
    ///
    /// # Errors
    /// When the database cannot be written; then nothing is accepted, or nobody knows, and it can be called again.
    pub async fn accept_files(&self, files: &[NewFile]) -> Result<Vec<AcceptedFile>, Error> {
        let mut work = self.begin().await?;
        let accepted = work.accept_files(files).await?;
        work.commit().await?;
        Ok(accepted)
    }
}

impl Work {
    /// Accepts files, with the jobs to process the new ones. The answers are in the order given.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn accept_files(&mut self, files: &[NewFile]) -> Result<Vec<AcceptedFile>, Error> {
        let connection = self.connection();
        lock_owners(connection, files).await?;
        let ids: Vec<Uuid> = files.iter().map(NewFile::id).collect();
        let known: HashSet<Uuid> = list_existing(connection, &ids).await?.into_iter().collect();
        let originals = find_originals(connection, files).await?;

        let mut accepted = Vec::with_capacity(files.len());
        let mut fresh: HashMap<Uuid, ()> = HashMap::new();
        let mut contents: HashMap<(&str, [u8; 32]), Uuid> = HashMap::new();
        for ((file, id), original) in files.iter().zip(&ids).zip(originals) {
            let content = (file.owner(), file.body.sha256);
            let outcome = if known.contains(id) || fresh.contains_key(id) {
                AcceptOutcome::AlreadyAccepted
            } else if file.duplicates_since.is_none() {
                AcceptOutcome::New
            } else if let Some(original) = original.or_else(|| contents.get(&content).copied()) {
                AcceptOutcome::DuplicateOf(original)
            } else {
                AcceptOutcome::New
            };
            fresh.insert(*id, ());
            if outcome == AcceptOutcome::New {
                contents.entry(content).or_insert(*id);
            }
            accepted.push(AcceptedFile { id: *id, outcome });
        }

        let archived: Vec<(&[u8; 32], u64)> = files
            .iter()
            .zip(&accepted)
            .filter(|(file, accepted)| {
                file.body.bytes.is_none() && accepted.outcome != AcceptOutcome::AlreadyAccepted
            })
            .map(|(file, _)| (&file.body.sha256, file.body.size_bytes))
            .collect();
        self.check_archived(&archived).await?;
        let connection = self.connection();
        insert_inbound(connection, files, &accepted).await?;
        link_sightings(connection, files, &ids).await?;
        let new: Vec<NewJob> = accepted
            .iter()
            .zip(files)
            .filter(|(accepted, _)| accepted.outcome == AcceptOutcome::New)
            .map(|(accepted, file)| NewJob {
                lane: if file.in_order { file.channel.clone() } else { String::new() },
                in_order: file.in_order,
                ..NewJob::now(JobKind::Process, accepted.id)
            })
            .collect();
        self.enqueue_jobs(&new).await?;
        Ok(accepted)
    }
}

/// Two hubs that accept the same content at the same time must agree which was first.
async fn lock_owners(connection: &mut PgConnection, files: &[NewFile]) -> Result<(), Error> {
    let owners: BTreeSet<&str> = files.iter().map(NewFile::owner).collect();
    let owners: Vec<&str> = owners.into_iter().collect();
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended(o.owner, 1))
         from unnest($1::text[]) with ordinality as o (owner, position) order by o.position",
        &owners as &[&str],
    )
    .fetch_all(connection)
    .await
    .map(drop)
    .map_err(Error::query("lock for acceptance"))
}

async fn list_existing(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    sqlx::query_scalar!("select id from file where id = any($1)", ids)
        .fetch_all(connection)
        .await
        .map_err(Error::query("look for accepted files"))
}

/// For each file the first with the same content, within its window.
async fn find_originals(
    connection: &mut PgConnection,
    files: &[NewFile],
) -> Result<Vec<Option<Uuid>>, Error> {
    let owners: Vec<&str> = files.iter().map(NewFile::owner).collect();
    let hashes: Vec<&[u8]> = files.iter().map(|file| file.body.sha256.as_slice()).collect();
    let since: Vec<Option<DateTime<Utc>>> = files.iter().map(|file| file.duplicates_since).collect();
    sqlx::query_scalar!(
        "select (
             select f.id from file f
             where f.direction = 'inbound' and coalesce(f.partner_id, f.channel) = n.owner
               and f.sha256 = n.sha256 and f.received_at >= n.since and f.state <> 'duplicate'
             order by f.received_at, f.id limit 1
         )
         from unnest($1::text[], $2::bytea[], $3::timestamptz[])
             with ordinality as n (owner, sha256, since, position)
         order by n.position",
        &owners as &[&str],
        &hashes as &[&[u8]],
        &since as &[Option<DateTime<Utc>>],
    )
    .fetch_all(connection)
    .await
    .map_err(Error::query("look for files with the same content"))
}

async fn insert_inbound(
    connection: &mut PgConnection,
    files: &[NewFile],
    accepted: &[AcceptedFile],
) -> Result<(), Error> {
    let fresh: Vec<(&NewFile, Uuid, Option<Uuid>)> = files
        .iter()
        .zip(accepted)
        .filter_map(|(file, accepted)| match accepted.outcome {
            AcceptOutcome::New => Some((file, accepted.id, None)),
            AcceptOutcome::DuplicateOf(original) => Some((file, accepted.id, Some(original))),
            AcceptOutcome::AlreadyAccepted => None,
        })
        .collect();
    let ids: Vec<Uuid> = fresh.iter().map(|(_, id, _)| *id).collect();
    let partners: Vec<Option<&str>> = fresh.iter().map(|(file, ..)| file.partner_id.as_deref()).collect();
    let channels: Vec<&str> = fresh.iter().map(|(file, ..)| file.channel.as_str()).collect();
    let names: Vec<&str> = fresh.iter().map(|(file, ..)| file.name.as_str()).collect();
    let sizes: Vec<i64> = fresh.iter().map(|(file, ..)| file.body.size_bytes.cast_signed()).collect();
    let modified: Vec<Option<DateTime<Utc>>> =
        fresh.iter().map(|(file, ..)| file.modified_at.map(microseconds)).collect();
    let hashes: Vec<&[u8]> = fresh.iter().map(|(file, ..)| file.body.sha256.as_slice()).collect();
    // A duplicate's bytes are its original's.
    let bodies: Vec<Option<&[u8]>> = fresh
        .iter()
        .map(|(file, _, original)| if original.is_some() { None } else { file.body.bytes.as_deref() })
        .collect();
    let archived: Vec<bool> = fresh.iter().map(|(file, ..)| file.body.bytes.is_none()).collect();
    let received: Vec<DateTime<Utc>> = fresh.iter().map(|(file, ..)| file.received_at).collect();
    let originals: Vec<Option<Uuid>> = fresh.iter().map(|(.., original)| *original).collect();
    let origins: Vec<Option<&Origin>> = fresh.iter().map(|(file, ..)| file.origin.as_ref()).collect();
    let origin_ids: Vec<Option<Uuid>> = origins.iter().map(|origin| Some((*origin)?.id)).collect();
    let entries: Vec<&str> = origins.iter().map(|origin| origin.map_or("", |origin| &origin.entry)).collect();
    let assigned: Vec<Option<&str>> =
        origins.iter().map(|origin| (*origin)?.assigned_to.as_deref()).collect();
    let stays: Vec<bool> = fresh.iter().map(|(file, ..)| file.stays).collect();
    sqlx::query!(
        "insert into file (id, direction, partner_id, channel, name, size_bytes, modified_at, sha256, body, archived,
             received_at, state, duplicate_of, reason, origin_id, entry, assigned_to, disposed_at)
         select n.id, 'inbound', n.partner_id, n.channel, n.name, n.size_bytes, n.modified_at, n.sha256, n.body,
             n.archived, n.received_at, case when n.original is null then 'received' else 'duplicate' end, n.original,
             case when n.original is null then '' else 'the same content was received before' end,
             n.origin_id, n.entry, n.assigned_to, case when n.stays then now() end
         from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::bytea[],
                 $8::bytea[], $9::boolean[], $10::timestamptz[], $11::uuid[], $12::uuid[], $13::text[], $14::text[],
                 $15::boolean[])
             as n (id, partner_id, channel, name, size_bytes, modified_at, sha256, body, archived, received_at, original,
                 origin_id, entry, assigned_to, stays)
         order by n.original nulls first, n.id
         on conflict do nothing",
        &ids,
        &partners as &[Option<&str>],
        &channels as &[&str],
        &names as &[&str],
        &sizes,
        &modified as &[Option<DateTime<Utc>>],
        &hashes as &[&[u8]],
        &bodies as &[Option<&[u8]>],
        &archived,
        &received,
        &originals as &[Option<Uuid>],
        &origin_ids as &[Option<Uuid>],
        &entries as &[&str],
        &assigned as &[Option<&str>],
        &stays,
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("accept files"))
}

/// Ties listings to the accepted files, so that they are known without being read again.
async fn link_sightings(connection: &mut PgConnection, files: &[NewFile], ids: &[Uuid]) -> Result<(), Error> {
    let mut last: HashMap<(&str, &str), (&NewFile, Uuid)> = HashMap::new();
    for (file, id) in files.iter().zip(ids) {
        last.insert((&file.channel, &file.name), (file, *id));
    }
    let mut rows: Vec<(&NewFile, Uuid, DateTime<Utc>)> = last
        .into_values()
        .filter_map(|(file, id)| Some((file, id, microseconds(file.modified_at?))))
        .collect();
    // The same order everywhere, or two hubs lock each other out.
    rows.sort_by(|(a, ..), (b, ..)| (&a.channel, &a.name).cmp(&(&b.channel, &b.name)));
    let channels: Vec<&str> = rows.iter().map(|(file, ..)| file.channel.as_str()).collect();
    let names: Vec<&str> = rows.iter().map(|(file, ..)| file.name.as_str()).collect();
    let sizes: Vec<i64> = rows.iter().map(|(file, ..)| file.body.size_bytes.cast_signed()).collect();
    let modified: Vec<DateTime<Utc>> = rows.iter().map(|(.., modified)| *modified).collect();
    let hashes: Vec<&[u8]> = rows.iter().map(|(file, ..)| file.body.sha256.as_slice()).collect();
    let ids: Vec<Uuid> = rows.iter().map(|(_, id, _)| *id).collect();
    sqlx::query!(
        "insert into sighting (channel, name, size_bytes, modified_at, sha256, file_id)
         select * from unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[], $5::bytea[], $6::uuid[])
         on conflict (channel, name) do update set size_bytes = excluded.size_bytes,
             modified_at = excluded.modified_at, sha256 = excluded.sha256, file_id = excluded.file_id,
             last_seen_at = now()",
        &channels as &[&str],
        &names as &[&str],
        &sizes,
        &modified,
        &hashes as &[&[u8]],
        &ids,
    )
    .execute(connection)
    .await
    .map(drop)
    .map_err(Error::query("tie sightings to files"))
}
