//! Loads a file of master data: its rows, the load itself and the audit of it in one commit.

use super::hub::Error;
use super::operate::Wish;
use crate::master_data::Kind;
use crate::store::{AuditEvent, NewAuditEvent, NewMasterLoad, Store};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// What is to be loaded.
#[derive(Clone, Debug)]
pub struct Load<'a> {
    /// Its kind.
    pub kind: &'a Kind,
    /// Who looks after the rows.
    pub owner: &'a str,
    /// Name of the file.
    pub file_name: &'a str,
    /// The file.
    pub bytes: &'a [u8],
    /// What it holds.
    pub rows: Vec<Value>,
    /// Whether the owner's other rows of the kind go.
    pub replace: bool,
}

/// What a load came to.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its row in the audit.
    pub event: AuditEvent,
    /// Rows that went because of `replace`, those that came back among them.
    pub replaced: u64,
}

/// Loads it. The same file twice leaves the same rows.
///
/// # Errors
/// When the database cannot be written; nothing is loaded then.
pub async fn load(store: &Store, load: Load<'_>, wish: &Wish) -> Result<Loaded, Error> {
    let sha256 = Sha256::digest(load.bytes);
    let id = Uuid::now_v7();
    let count = load.rows.len();
    let mut work = store.begin().await?;
    // First of all locks, as every act of a person takes it; loads follow one another.
    work.lock_audit().await?;
    let new = NewMasterLoad {
        id,
        kind: &load.kind.word,
        owner: load.owner,
        file_name: load.file_name,
        sha256: &sha256,
        loaded_by: &wish.by,
    };
    let replaced = work.load_master_rows(load.kind.table, &new, load.rows, load.replace).await?;
    let event = NewAuditEvent {
        actor: wish.by.clone(),
        action: "load".to_owned(),
        subject: format!("{count} rows of {} from `{}`", load.kind.word, load.file_name),
        subject_id: Some(id),
        reason: wish.reason.trim().to_owned(),
        request: id.to_string(),
        detail: json!({
            "account": wish.account,
            "kind": load.kind.word,
            "owner": load.owner,
            "sha256": crate::store::hex(&sha256),
            "rows": count,
            "replaced": replaced,
        }),
        before: None,
        after: None,
    };
    let event = work.insert_audit_event(&event).await?;
    work.commit().await?;
    Ok(Loaded { event, replaced })
}
