//! Who did what: rows that can be added and never changed, each chained to the one before by its hash.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::text::{clean, clean_json};
use super::{Error, Noun, Store, Work};

/// Rows that are verified at a time.
const PAGE_ROWS: i64 = 5_000;

/// What a person did.
#[derive(Clone, Debug, PartialEq)]
pub struct NewAuditEvent {
    /// Who.
    pub actor: String,
    /// A verb, such as `replay`, `resend`, `settle`.
    pub action: String,
    /// To what, in words.
    pub subject: String,
    /// To which row.
    pub subject_id: Option<Uuid>,
    /// Why. May not be empty.
    pub reason: String,
    /// What names the wish: the same one about the same subject is done once.
    pub request: String,
    /// What was before and after, as far as people want to know.
    pub detail: serde_json::Value,
    /// SHA-256 of the subject's row before; see [`Work::snapshot`].
    pub before: Option<[u8; 32]>,
    /// SHA-256 of the subject's row after.
    pub after: Option<[u8; 32]>,
}

/// A recorded event.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct AuditEvent {
    /// Its place in the chain, the first is 1.
    pub seq: i64,
    /// Its id.
    pub id: Uuid,
    /// When, by the database's clock.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// A verb.
    pub action: String,
    /// To what, in words.
    pub subject: String,
    /// To which row.
    pub subject_id: Option<Uuid>,
    /// Why.
    pub reason: String,
    /// What names the wish.
    pub request: String,
    /// What was before and after.
    pub detail: serde_json::Value,
    /// SHA-256 over it and the hash before.
    #[serde(serialize_with = "as_hex")]
    pub hash: Vec<u8>,
}

/// Which events to list; what is none does not matter.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// About this row.
    pub subject_id: Option<Uuid>,
    /// By this person.
    pub actor: Option<String>,
    /// This verb.
    pub action: Option<String>,
    /// At or after this.
    pub since: Option<DateTime<Utc>>,
    /// Before this.
    pub before: Option<DateTime<Utc>>,
}

/// The last row of a chain: enough to know later that nothing before it was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// Rows up to here.
    pub seq: i64,
    /// The last one's hash.
    pub hash: [u8; 32],
}

impl AuditHead {
    /// The head with this number of rows and this hash in hexadecimal digits, if they are such.
    #[must_use]
    pub fn parse(seq: &str, hash: &str) -> Option<Self> {
        let digits: Vec<char> = hash.chars().collect();
        let bytes: Option<Vec<u8>> = digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).ok())
            .collect();
        Some(Self { seq: seq.parse().ok()?, hash: bytes?.try_into().ok()? })
    }
}

impl std::fmt::Display for AuditHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seq, hex(&self.hash))
    }
}

/// What is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditFault {
    /// A row's contents do not give its hash.
    #[error("row {seq} was changed: its hash is not that of its contents")]
    Changed {
        /// Its place.
        seq: i64,
    },
    /// A row does not follow from the one before.
    #[error("row {seq} does not follow from the row before it")]
    Unchained {
        /// Its place.
        seq: i64,
    },
    /// Rows are missing.
    #[error("row {seq} is missing")]
    Missing {
        /// The first that is.
        seq: i64,
    },
}

/// A row with all that its hash covers.
struct Link {
    seq: i64,
    id: Uuid,
    at: DateTime<Utc>,
    actor: String,
    action: String,
    subject: String,
    subject_id: Option<Uuid>,
    reason: String,
    request: String,
    detail: String,
    before: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
    previous_hash: Vec<u8>,
}

impl Link {
    /// SHA-256 over every column, each with its length before it, so that nothing can move from one to the next.
    fn hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        let texts = [
            "crossdock audit 1",
            &self.seq.to_string(),
            &self.id.to_string(),
            &self.at.timestamp_micros().to_string(),
            &self.actor,
            &self.action,
            &self.subject,
            &id(self.subject_id),
            &self.reason,
            &self.request,
            &self.detail,
        ];
        let hashes = [self.before.as_deref(), self.after.as_deref(), Some(&self.previous_hash[..])];
        let parts = texts.iter().map(|text| text.as_bytes());
        for part in parts.chain(hashes.iter().map(|hash| hash.unwrap_or_default())) {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.finalize().into()
    }
}

impl Work {
    /// Lets one person act at a time, until the end of this work: the chain has one end, and of two clicks one is
    /// the first. The hub's own work never waits for it.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn lock_audit(&mut self) -> Result<(), Error> {
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended('audit', 3))")
            .fetch_one(self.connection())
            .await
            .map(drop)
            .map_err(Error::query("lock the audit chain"))
    }

    /// What was done on this wish about this subject.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_audit_request(
        &mut self,
        request: &str,
        subject_id: Uuid,
    ) -> Result<Option<AuditEvent>, Error> {
        sqlx::query_as!(
            AuditEvent,
            "select seq, id, at, actor, action, subject, subject_id, reason, request, detail, hash from audit_event
             where request = $1 and subject_id = $2",
            &clean(request),
            subject_id,
        )
        .fetch_optional(self.connection())
        .await
        .map_err(Error::query("find what was done on a request"))
    }

    /// The last thing done to a subject, if it was this, by this person, for this reason, and a moment ago.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_audit_repeat(
        &mut self,
        event: &NewAuditEvent,
        within: Duration,
    ) -> Result<Option<AuditEvent>, Error> {
        sqlx::query_as!(
            AuditEvent,
            "select seq, id, at, actor, action, subject, subject_id, reason, request, detail, hash
             from (select * from audit_event where subject_id = $1 order by seq desc limit 1) as last
             where actor = $2 and action = $3 and reason = $4
               and at > clock_timestamp() - make_interval(secs => $5)",
            event.subject_id,
            &clean(&event.actor),
            event.action,
            &clean(&event.reason),
            within.as_secs_f64(),
        )
        .fetch_optional(self.connection())
        .await
        .map_err(Error::query("look for the same done a moment ago"))
    }

    /// SHA-256 of a thing's row as JSON, its body left out; that has its own hash in it.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn snapshot(&mut self, noun: Noun, id: Uuid) -> Result<Option<[u8; 32]>, Error> {
        let hash = sqlx::query_scalar!(
            r#"select sha256(convert_to(case $1
                   when 'file' then (select (to_jsonb(f) - 'body')::text from file f where f.id = $2)
                   when 'document' then (select to_jsonb(d)::text from document d where d.id = $2)
                   when 'delivery' then (select to_jsonb(d)::text from delivery d where d.id = $2)
                   when 'job' then (select to_jsonb(j)::text from job j where j.id = $2)
                   when 'exception' then (select to_jsonb(e)::text from exception e where e.id = $2)
               end, 'UTF8'))"#,
            noun.word(),
            id,
        )
        .fetch_one(self.connection())
        .await
        .map_err(Error::query("hash a row"))?;
        Ok(hash.and_then(|hash| hash.try_into().ok()))
    }

    /// Records an event with the work it is about, at the end of the chain.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_audit_event(&mut self, event: &NewAuditEvent) -> Result<AuditEvent, Error> {
        self.lock_audit().await?;
        let last = sqlx::query!(
            r#"select clock_timestamp() as "at!", (select max(seq) from audit_event) as seq,
                   (select hash from audit_event order by seq desc limit 1) as hash"#,
        )
        .fetch_one(self.connection())
        .await
        .map_err(Error::query("find the end of the audit chain"))?;
        let link = Link {
            seq: last.seq.unwrap_or(0) + 1,
            id: Uuid::now_v7(),
            at: last.at,
            actor: clean(&event.actor).into_owned(),
            action: event.action.clone(),
            subject: clean(&event.subject).into_owned(),
            subject_id: event.subject_id,
            reason: clean(&event.reason).into_owned(),
            request: clean(&event.request).into_owned(),
            detail: clean_json(event.detail.to_string()),
            before: event.before.map(Vec::from),
            after: event.after.map(Vec::from),
            previous_hash: last.hash.unwrap_or_else(|| vec![0; 32]),
        };
        let hash = link.hash();
        sqlx::query!(
            "insert into audit_event (seq, id, at, actor, action, subject, subject_id, reason, request, detail,
                 before_sha256, after_sha256, previous_hash, hash)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::json, $11, $12, $13, $14)",
            link.seq,
            link.id,
            link.at,
            link.actor,
            link.action,
            link.subject,
            link.subject_id,
            link.reason,
            link.request,
            link.detail,
            link.before.as_deref(),
            link.after.as_deref(),
            link.previous_hash,
            &hash[..],
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("record an audit event"))?;
        // A log that goes elsewhere is a witness: a chain forged afterwards does not hold this hash.
        tracing::info!(audit.seq = link.seq, audit.hash = %hex(&hash), "{} {} {}", link.actor, link.action, link.subject);
        Ok(AuditEvent {
            seq: link.seq,
            id: link.id,
            at: link.at,
            actor: link.actor,
            action: link.action,
            subject: link.subject,
            subject_id: link.subject_id,
            reason: link.reason,
            request: link.request,
            detail: event.detail.clone(),
            hash: hash.to_vec(),
        })
    }
}

impl Store {
    /// Events, the latest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_audit_events(
        &self,
        filter: &AuditFilter,
        limit: i64,
    ) -> Result<Vec<AuditEvent>, Error> {
        sqlx::query_as!(
            AuditEvent,
            "select seq, id, at, actor, action, subject, subject_id, reason, request, detail, hash from audit_event
             where ($1::uuid is null or subject_id = $1) and ($2::text is null or actor = $2)
               and ($3::text is null or action = $3) and ($4::timestamptz is null or at >= $4)
               and ($5::timestamptz is null or at < $5)
             order by seq desc limit $6",
            filter.subject_id,
            filter.actor.as_deref(),
            filter.action.as_deref(),
            filter.since,
            filter.before,
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list audit events"))
    }

    /// Keeps the head of the chain in the archive, out of reach of whoever owns the database.
    ///
    /// # Errors
    /// When the database or the archive cannot be reached.
    pub async fn keep_audit_head(&self) -> Result<(), Error> {
        let last = sqlx::query!("select seq, hash from audit_event order by seq desc limit 1")
            .fetch_optional(&self.pool)
            .await
            .map_err(Error::query("find the end of the audit chain"))?;
        let head = last.and_then(|last| Some(AuditHead { seq: last.seq, hash: last.hash.try_into().ok()? }));
        match (head, self.archive().await?) {
            (Some(head), Some(archive)) => archive.keep_head(&head).await,
            _ => Ok(()),
        }
    }

    /// The heads that were kept in the archive, in no particular order.
    ///
    /// # Errors
    /// When the archive cannot be read.
    pub async fn list_audit_heads(&self) -> Result<Vec<AuditHead>, Error> {
        match self.archive().await? {
            Some(archive) => archive.list_heads().await,
            None => Ok(Vec::new()),
        }
    }

    /// Reads the whole chain and tells its head, or the first thing that is wrong with it. A chain that was cut at
    /// its end, or forged from some row on, is sound in itself: it shows against heads that were noted earlier.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn verify_audit(&self, noted: &[AuditHead]) -> Result<Result<AuditHead, AuditFault>, Error> {
        let mut noted: Vec<&AuditHead> = noted.iter().collect();
        noted.sort_by_key(|head| head.seq);
        let mut noted = noted.into_iter().peekable();
        let mut head = AuditHead { seq: 0, hash: [0; 32] };
        loop {
            let rows = sqlx::query!(
                r#"select seq, id, at, actor, action, subject, subject_id, reason, request, detail::text as "detail!",
                       before_sha256, after_sha256, previous_hash, hash
                   from audit_event where seq > $1 order by seq limit $2"#,
                head.seq,
                PAGE_ROWS,
            )
            .fetch_all(&self.pool)
            .await
            .map_err(Error::query("read the audit chain"))?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let seq = head.seq + 1;
                if row.seq != seq {
                    return Ok(Err(AuditFault::Missing { seq }));
                }
                let link = Link {
                    seq,
                    id: row.id,
                    at: row.at,
                    actor: row.actor,
                    action: row.action,
                    subject: row.subject,
                    subject_id: row.subject_id,
                    reason: row.reason,
                    request: row.request,
                    detail: row.detail,
                    before: row.before_sha256,
                    after: row.after_sha256,
                    previous_hash: row.previous_hash,
                };
                if link.previous_hash != head.hash {
                    return Ok(Err(AuditFault::Unchained { seq }));
                }
                let hash = link.hash();
                if row.hash != hash {
                    return Ok(Err(AuditFault::Changed { seq }));
                }
                while let Some(noted) = noted.next_if(|noted| noted.seq <= seq) {
                    if noted.hash != hash {
                        return Ok(Err(AuditFault::Changed { seq }));
                    }
                }
                head = AuditHead { seq, hash };
            }
        }
        if noted.next().is_some() {
            return Ok(Err(AuditFault::Missing { seq: head.seq + 1 }));
        }
        Ok(Ok(head))
    }
}

/// Bytes as people copy them.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn as_hex<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(bytes))
}
