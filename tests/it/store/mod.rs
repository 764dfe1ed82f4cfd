//! The store, on a real PostgreSQL.

mod acknowledgments;
mod deliveries;
mod files;
mod jobs;
mod private;
mod records;
mod s3;
mod schema;

use chrono::{DateTime, TimeDelta, Utc};
use crossdock::store::{Body, NewFile, Store, Work};
use uuid::Uuid;

/// A fixed instant, and minutes after it.
fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).expect("it is in range") + TimeDelta::minutes(minutes)
}

/// A file of a channel, as a listing would show it.
fn file(name: &str, content: &str) -> NewFile {
    NewFile {
        channel: String::from("north/edi"),
        partner_id: Some(String::from("north")),
        name: name.to_owned(),
        modified_at: Some(at(0)),
        body: Body::inline(content.to_owned().into_bytes()),
        received_at: at(1),
        duplicates_since: Some(at(-60)),
        origin: None,
        in_order: false,
        stays: false,
    }
}

/// An accepted file, for rows that need one.
async fn accepted(store: &Store) -> Uuid {
    store.accept_files(&[file("a.edi", "ISA")]).await.expect("accepts")[0].id
}

async fn begin(store: &Store) -> Work {
    store.begin().await.expect("the database answers")
}
