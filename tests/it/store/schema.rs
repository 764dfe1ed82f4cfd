//! The schema: migrations run once, words agree with their constraints, what is recorded stays.

use std::time::Duration;

use crossdock::store::private::Server;
use crossdock::store::{AuditFilter, NewAuditEvent};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::Executor;
use uuid::Uuid;

use super::{accepted, begin};
use crate::harness::postgres::{Database, settings};

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    let database = Database::new().await;
    let store = database.store();
    store.migrate().await.expect("the template is migrated");
    accepted(&store).await;
    store.migrate().await.expect("twice is no fault");
    assert_eq!(store.count_files().await.expect("counts").len(), 1);
}

#[tokio::test]
async fn what_was_done_is_never_undone() {
    let database = Database::new().await;
    let store = database.store();
    let event = NewAuditEvent {
        actor: String::from("ann"),
        action: String::from("resend"),
        subject: String::from("856_000000001.edi"),
        subject_id: Some(Uuid::from_u128(1)),
        reason: String::from("asked by mail"),
        request: String::from("ticket 17"),
        detail: serde_json::json!({ "account": "ann" }),
        before: None,
        after: None,
    };
    let mut work = begin(&store).await;
    work.insert_audit_event(&event).await.expect("writes");
    work.commit().await.expect("commits");
    let mut connection = database.connection().await;
    for statement in
        ["update audit_event set actor = 'bob'", "delete from audit_event", "truncate audit_event"]
    {
        let error = connection.execute(statement).await.expect_err("it is append-only");
        assert!(error.to_string().contains("append-only"), "{error}");
    }
    let about = async |id| {
        let filter = AuditFilter { subject_id: Some(Uuid::from_u128(id)), ..AuditFilter::default() };
        store.list_audit_events(&filter, 9).await.expect("lists")
    };
    assert_eq!(about(1).await[0].actor, "ann");
    assert!(about(2).await.is_empty());
}

#[tokio::test]
async fn work_in_the_middle_of_a_crash_is_done_again() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let server = Server::start_or_join(&settings(folder.path())).await.expect("it starts");
    let store = crossdock::store::Store::connect(server.connect_options());
    store.migrate().await.expect("it is empty");
    let id = accepted(&store).await;

    let mut work = begin(&store).await;
    work.delete_findings(id).await.expect("writes");
    let pid = server.process_id().expect("it runs");
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it is ours");
    // The next server starts only when every backend of the last is gone.
    while server.process_id().is_none_or(|now| now == pid) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let error = work.commit().await.expect_err("the server is gone");
    assert!(error.is_temporary(), "{error:?}");

    // A caller that tries again whenever the error is temporary gets through.
    let again = loop {
        match store.accept_files(&[super::file("b.edi", "two")]).await {
            Ok(accepted) => break accepted,
            Err(error) => assert!(error.is_temporary(), "{error:?}"),
        }
    };
    assert_ne!(again[0].id, id);
    assert_eq!(store.find_file(id).await.expect("asks").expect("it was committed").id, id);
}
