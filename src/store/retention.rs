//! Retention: which bytes are to leave, and their leaving, in sets.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Error, JobKind, NewJob, Store, Work};

/// How long files of a partner are kept that hold such documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionRule {
    /// Whose; empty for those of partners who have no rules.
    pub partner_id: String,
    /// Of rules that fit a document the one with the lowest counts.
    pub ordinal: i32,
    /// Kind of document; empty for any.
    pub document: String,
    /// Kind of record; empty for any.
    pub record: String,
    /// So long.
    pub time: Duration,
    /// What it is called.
    pub name: String,
}

/// Bytes that left together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Whose, how many files, bytes, and when the first and the last came.
    pub by_partner: Vec<LeftOfPartner>,
}

impl Left {
    /// How many files.
    #[must_use]
    pub fn files(&self) -> i64 {
        self.by_partner.iter().map(|of| of.files).sum()
    }
}

/// Bytes of one partner that left together.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LeftOfPartner {
    /// Whose; empty when it is not known.
    pub partner_id: String,
    /// How many files.
    pub files: i64,
    /// Their bytes.
    pub bytes: i64,
    /// When the first of them came or was composed.
    pub first: DateTime<Utc>,
    /// When the last did.
    pub last: DateTime<Utc>,
}

/// Until when a file's bytes are kept, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptUntil {
    /// Until then.
    pub until: DateTime<Utc>,
    /// The rule's name.
    pub rule: String,
}

/// Rules as columns.
struct Columns {
    partners: Vec<String>,
    ordinals: Vec<i32>,
    documents: Vec<String>,
    records: Vec<String>,
    seconds: Vec<f64>,
    names: Vec<String>,
}

impl Columns {
    fn of(rules: &[RetentionRule]) -> Self {
        Self {
            partners: rules.iter().map(|rule| rule.partner_id.clone()).collect(),
            ordinals: rules.iter().map(|rule| rule.ordinal).collect(),
            documents: rules.iter().map(|rule| rule.document.clone()).collect(),
            records: rules.iter().map(|rule| rule.record.clone()).collect(),
            seconds: rules.iter().map(|rule| rule.time.as_secs_f64()).collect(),
            names: rules.iter().map(|rule| rule.name.clone()).collect(),
        }
    }
}

impl Store {
    /// Has what was counted by other rules counted anew. Each rule set is text that changes with its rules.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn renew_retention(&self, rules: &[(String, String)]) -> Result<(), Error> {
        let (partners, texts): (Vec<String>, Vec<String>) = rules.iter().cloned().unzip();
        let mut work = self.begin().await?;
        let changed = sqlx::query_scalar!(
            r#"insert into retention_rules (partner_id, rules)
               select n.partner_id, n.rules from unnest($1::text[], $2::text[]) as n (partner_id, rules)
               order by n.partner_id
               on conflict (partner_id) do update set rules = excluded.rules, counted_at = now()
               where retention_rules.rules <> excluded.rules
               returning partner_id"#,
            &partners,
            &texts,
        )
        .fetch_all(work.connection())
        .await
        .map_err(Error::query("compare rules of retention"))?;
        if !changed.is_empty() {
            sqlx::query!(
                "update file set keep_until = null
                 where keep_until is not null and body_left_at is null and (body is not null or archived)
                   and (partner_id = any($1) or ('' = any($1) and (partner_id is null or partner_id <> all($2))))",
                &changed,
                &partners,
            )
            .execute(work.connection())
            .await
            .map_err(Error::query("forget until when files are kept"))?;
        }
        work.commit().await
    }

    /// Counts until when files are kept that are older than the shortest time of all rules, so many at most. Gives how
    /// many were counted.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn count_retention(
        &self,
        rules: &[RetentionRule],
        shortest: Duration,
        limit: i64,
    ) -> Result<u64, Error> {
        let Columns { partners, ordinals, documents, records, seconds, names: _ } = Columns::of(rules);
        let counted = sqlx::query!(
            "with rule as (
                 select * from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::float8[])
                     as r (partner_id, ordinal, document, record, seconds)
             ), old as (
                 select id, origin_id, received_at,
                     case when partner_id in (select partner_id from rule) then partner_id else '' end as ruled_by
                 from file
                 where keep_until is null and body_left_at is null and (body is not null or archived)
                   and received_at < now() - make_interval(secs => $6)
                 order by received_at limit $7 for update skip locked
             ), inside as (
                 -- What a file was unpacked from or packed into is kept as long as what is in it.
                 select old.id, old.ruled_by, d.kind, coalesce(d.record_kind, '') as record
                 from old join document d on d.file_id = old.id or d.file_id = old.origin_id
                 union all
                 select old.id, old.ruled_by, d.kind, coalesce(d.record_kind, '')
                 from old join file made on made.origin_id = old.id join document d on d.file_id = made.id
                 union all
                 select old.id, old.ruled_by, '', '' from old
             ), kept as (
                 select inside.id, max((
                     select r.seconds from rule r
                     where r.partner_id = inside.ruled_by and r.document in ('', inside.kind)
                       and r.record in ('', inside.record)
                     order by r.ordinal limit 1
                 )) as seconds
                 from inside group by inside.id
             )
             update file f set keep_until = f.received_at + make_interval(secs => kept.seconds)
             from kept where f.id = kept.id",
            &partners,
            &ordinals,
            &documents,
            &records,
            &seconds,
            shortest.as_secs_f64(),
            limit,
        )
        .execute(&self.pool)
        .await
        .map_err(Error::query("count until when files are kept"))?;
        Ok(counted.rows_affected())
    }

    /// Until when a file's bytes are kept by these rules; none for a file that is not there.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_kept_until(
        &self,
        id: Uuid,
        rules: &[RetentionRule],
    ) -> Result<Option<KeptUntil>, Error> {
        let Columns { partners, ordinals, documents, records, seconds, names } = Columns::of(rules);
        sqlx::query_as!(
            KeptUntil,
            r#"with rule as (
                   select * from unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::float8[], $6::text[])
                       as r (partner_id, ordinal, document, record, seconds, name)
               ), it as (
                   select id, origin_id, received_at,
                       case when partner_id in (select partner_id from rule) then partner_id else '' end as ruled_by
                   from file where id = $7
               ), inside as (
                   select d.kind, coalesce(d.record_kind, '') as record
                   from it join document d on d.file_id = it.id or d.file_id = it.origin_id
                   union all
                   select d.kind, coalesce(d.record_kind, '')
                   from it join file made on made.origin_id = it.id join document d on d.file_id = made.id
                   union all
                   select '', ''
               )
               select it.received_at + make_interval(secs => fits.seconds) as "until!", fits.name as "rule!"
               from it, inside, lateral (
                   select r.seconds, r.name from rule r
                   where r.partner_id = it.ruled_by and r.document in ('', inside.kind)
                     and r.record in ('', inside.record)
                   order by r.ordinal limit 1
               ) as fits
               order by fits.seconds desc, fits.name limit 1"#,
            &partners,
            &ordinals,
            &documents,
            &records,
            &seconds,
            &names,
            id,
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(Error::query("find until when a file is kept"))
    }

    /// The hub that the database is, and whether bytes of its files lie in an archive.
    pub(super) async fn archive_owner(&self) -> Result<(Uuid, bool), Error> {
        let row = sqlx::query!(
            r#"select id, exists (select from file where archived and body_left_at is null) as "has_bodies!" from hub"#,
        )
        .fetch_one(&self.pool)
        .await
        .map_err(Error::query("read the hub's id"))?;
        Ok((row.id, row.has_bodies))
    }

    /// Removes a body that left from the archive, unless another file still has the same bytes there. May be called
    /// again.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub async fn remove_archived(&self, id: Uuid) -> Result<(), Error> {
        let Some(archive) = self.archive().await? else { return Err(Error::NoArchive { file: id }) };
        let mut work = self.begin().await?;
        let row = sqlx::query!("select sha256 from file where id = $1", id)
            .fetch_one(work.connection())
            .await
            .map_err(Error::query("find a body that left"))?;
        let sha256: [u8; 32] = row.sha256.as_slice().try_into().expect("a check constraint says 32 bytes");
        // Who accepts a file of the same bytes looks for them under the same lock.
        work.lock_content(&[sha256], true).await?;
        let needed = sqlx::query_scalar!(
            r#"select exists (select from file where sha256 = $1 and archived and body_left_at is null) as "needed!""#,
            &row.sha256,
        )
        .fetch_one(work.connection())
        .await
        .map_err(Error::query("look who else needs a body"))?;
        if !needed {
            archive.remove(&sha256).await?;
        }
        work.commit().await
    }
}

impl Work {
    /// Has bytes leave whose time is over, of so many files at most: those of files that are done with. They cannot be
    /// brought back. Bytes in the archive are removed by jobs of their own, after the commit.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn let_bodies_leave(&mut self, limit: i64) -> Result<Left, Error> {
        let left = sqlx::query!(
            r#"with over as (
                   select f.id, f.archived from file f
                   where f.keep_until <= now() and f.body_left_at is null and (f.body is not null or f.archived)
                     and f.state in ('processed', 'rejected', 'duplicate', 'composed')
                     and not exists (select from job j where j.kind = 'process' and j.subject_id = f.id
                         and j.state <> 'done' and j.state <> 'failed')
                     and not exists (select from delivery v where v.file_id = f.id
                         and v.state not in ('delivered', 'cancelled'))
                     and not exists (select from document d where d.file_id = f.id and d.business = 'waiting')
                   order by f.keep_until limit $1 for update of f skip locked
               ), gone as (
                   update file f set body = null, body_left_at = now() from over where f.id = over.id
                   returning f.id, f.partner_id, f.size_bytes, f.received_at, f.archived
               ), findings as (
                   delete from finding where file_id in (select id from gone)
               )
               select id as "id!", coalesce(partner_id, '') as "partner_id!", size_bytes as "size_bytes!",
                   received_at as "received_at!", archived as "archived!"
               from gone"#,
            limit,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("have bytes leave"))?;
        let jobs: Vec<NewJob> =
            left.iter().filter(|row| row.archived).map(|row| NewJob::now(JobKind::Dispose, row.id)).collect();
        self.enqueue_jobs(&jobs).await?;
        let mut by_partner: Vec<LeftOfPartner> = Vec::new();
        for row in left {
            let of = LeftOfPartner {
                partner_id: row.partner_id,
                files: 1,
                bytes: row.size_bytes,
                first: row.received_at,
                last: row.received_at,
            };
            match by_partner.iter_mut().find(|known| known.partner_id == of.partner_id) {
                Some(known) => {
                    known.files += 1;
                    known.bytes += of.bytes;
                    known.first = known.first.min(of.first);
                    known.last = known.last.max(of.last);
                }
                None => by_partner.push(of),
            }
        }
        by_partner.sort_by(|a, b| a.partner_id.cmp(&b.partner_id));
        Ok(Left { by_partner })
    }

    /// Locks contents of the archive until the end of this work: alone to remove them, else beside others who need
    /// them.
    pub(super) async fn lock_content(&mut self, hashes: &[[u8; 32]], alone: bool) -> Result<(), Error> {
        let mut keys: Vec<i64> = hashes
            .iter()
            .map(|hash| {
                let head: [u8; 8] = hash[..8].try_into().expect("a hash has 32 bytes");
                i64::from_be_bytes(head)
            })
            .collect();
        // The same order everywhere, or two works lock each other out.
        keys.sort_unstable();
        keys.dedup();
        sqlx::query!(
            "select case when $2 then pg_advisory_xact_lock(k.key) else pg_advisory_xact_lock_shared(k.key) end
             from unnest($1::bigint[]) with ordinality as k (key, position) order by k.position",
            &keys,
            alone,
        )
        .fetch_all(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("lock contents of the archive"))
    }

    /// Sees that the archive holds bytes of files that are accepted now: they may have left in between.
    pub(super) async fn check_archived(&mut self, bodies: &[(&[u8; 32], u64)]) -> Result<(), Error> {
        if bodies.is_empty() {
            return Ok(());
        }
        let hashes: Vec<[u8; 32]> = bodies.iter().map(|(hash, _)| **hash).collect();
        self.lock_content(&hashes, false).await?;
        self.archived_all(bodies).await
    }
}
