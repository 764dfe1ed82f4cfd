//! Who did what: rows that can be added and never changed.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Error, Store, Work};

/// What a person, or the hub itself, did.
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
    /// Reason, and what was before and after.
    pub detail: serde_json::Value,
}

/// A recorded event.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct AuditEvent {
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
    /// Reason, and what was before and after.
    pub detail: serde_json::Value,
}

impl Work {
    /// Records an event with the work it is about.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_audit_event(&mut self, event: &NewAuditEvent) -> Result<(), Error> {
        sqlx::query!(
            "insert into audit_event (id, actor, action, subject, subject_id, detail) values ($1, $2, $3, $4, $5, $6)",
            Uuid::now_v7(),
            event.actor,
            event.action,
            event.subject,
            event.subject_id,
            event.detail,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("record an audit event"))
    }
}

impl Store {
    /// The latest events, about one row or all.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_audit_events(
        &self,
        subject_id: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<AuditEvent>, Error> {
        sqlx::query_as!(
            AuditEvent,
            "select id, at, actor, action, subject, subject_id, detail from audit_event
             where $1::uuid is null or subject_id = $1 order by at desc, id desc limit $2",
            subject_id,
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list audit events"))
    }
}
