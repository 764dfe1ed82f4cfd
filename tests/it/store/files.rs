//! Files: accepted once, duplicates kept as such, bytes kept exactly.

use std::time::Duration;

use crossdock::store::{
    AcceptOutcome, Archive, FileFilter, FileOutcome, FileState, JobKind, LARGEST_BODY_BYTES, NewFile, Seen,
    Usage,
};
use sqlx::Executor;

use super::{at, begin, file};
use crate::harness::postgres::Database;

#[tokio::test]
async fn a_file_seen_again_is_accepted_once() {
    let database = Database::new().await;
    let store = database.store();
    let files = [file("a.edi", "one"), file("b.edi", "two")];
    let first = store.accept_files(&files).await.expect("accepts");
    assert_eq!(first.iter().map(|file| file.outcome).collect::<Vec<_>>(), [AcceptOutcome::New; 2]);
    let again = store.accept_files(&files).await.expect("accepts");
    assert_eq!(
        again.iter().map(|file| file.outcome).collect::<Vec<_>>(),
        [AcceptOutcome::AlreadyAccepted; 2]
    );
    assert_eq!(
        first.iter().map(|file| file.id).collect::<Vec<_>>(),
        again.iter().map(|file| file.id).collect::<Vec<_>>()
    );
    assert_eq!(store.claim_jobs(JobKind::Process, "worker", 10).await.expect("claims").len(), 2);
    let loaded = store.load_file(first[1].id).await.expect("loads");
    assert_eq!((loaded.row.name.as_str(), loaded.bytes.as_ref()), ("b.edi", b"two".as_slice()));
}

#[tokio::test]
async fn the_same_content_under_another_name_is_a_duplicate() {
    let database = Database::new().await;
    let store = database.store();
    let batch = [file("a.edi", "one"), file("copy.edi", "one"), file("b.edi", "two")];
    let accepted = store.accept_files(&batch).await.expect("accepts");
    let original = accepted[0].id;
    assert_eq!(accepted[1].outcome, AcceptOutcome::DuplicateOf(original));
    let later = NewFile { received_at: at(5), modified_at: Some(at(4)), ..file("a.edi", "one") };
    let later = store.accept_files(&[later]).await.expect("accepts");
    assert_eq!(later[0].outcome, AcceptOutcome::DuplicateOf(original));
    // Another partner may send the same bytes, and this one may when its window is over or it has none.
    let other = NewFile {
        partner_id: Some(String::from("south")),
        channel: String::from("south/edi"),
        ..file("a.edi", "one")
    };
    let fresh = NewFile {
        received_at: at(900),
        modified_at: Some(at(9)),
        duplicates_since: Some(at(800)),
        ..file("a.edi", "one")
    };
    let window = NewFile { modified_at: Some(at(10)), duplicates_since: None, ..file("a.edi", "one") };
    let outcomes = store.accept_files(&[other, fresh, window]).await.expect("accepts");
    assert!(outcomes.iter().all(|file| file.outcome == AcceptOutcome::New), "{outcomes:?}");

    let copy = store.load_file(accepted[1].id).await.expect("a duplicate has its original's bytes");
    assert_eq!((copy.row.state, copy.row.duplicate_of), (FileState::Duplicate, Some(original)));
    assert_eq!(copy.bytes.as_ref(), b"one");
    assert_eq!(store.claim_jobs(JobKind::Process, "worker", 10).await.expect("claims").len(), 5);
}

#[tokio::test]
async fn two_hubs_that_take_the_same_content_agree_on_the_original() {
    let database = Database::new().await;
    let hubs = (0..8).map(|n| {
        let store = database.store();
        tokio::spawn(async move {
            store.accept_files(&[file(&format!("{n}.edi"), "same")]).await.expect("accepts")[0]
        })
    });
    let mut new = 0;
    for hub in hubs.collect::<Vec<_>>() {
        new += usize::from(hub.await.expect("no hub panics").outcome == AcceptOutcome::New);
    }
    assert_eq!(new, 1);
}

#[tokio::test]
async fn large_bytes_lie_in_the_archive() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let database = Database::new().await;
    let archive = Archive::local(folder.path()).expect("an archive can be made");
    let store = database.store().with_archive(archive.clone());
    let bytes = vec![b'x'; usize::try_from(LARGEST_BODY_BYTES).expect("it fits") + 1];
    let body = store.keep_bytes(bytes.clone()).await.expect("keeps");
    assert!(body.bytes.is_none());
    let id = store.accept_files(&[NewFile { body, ..file("large.edi", "") }]).await.expect("accepts")[0].id;
    assert_eq!(store.load_file(id).await.expect("loads").bytes, bytes);

    let error = database.store().load_file(id).await.expect_err("it lies in the archive");
    assert!(error.to_string().contains("archive"), "{error}");
    let other = Database::new().await;
    other.connection().await.execute("update hub set id = gen_random_uuid()").await.expect("it is ours");
    let other = other.store().with_archive(archive);
    let error = other.check_archive().await.expect_err("it is another hub's archive");
    assert!(error.to_string().contains("belongs to hub"), "{error}");
}

#[tokio::test]
async fn a_file_lies_still_when_it_was_seen_twice_unchanged() {
    let database = Database::new().await;
    let store = database.store();
    let seen =
        |size_bytes, minutes| [Seen { name: String::from("a.edi"), size_bytes, modified_at: at(minutes) }];
    let still = async |seen: &[Seen]| store.record_sightings("north/edi", seen).await.expect("records")[0];
    assert_eq!(still(&seen(3, 0)).await, Duration::ZERO);
    assert!(still(&seen(3, 0)).await > Duration::ZERO);
    assert_eq!(still(&seen(4, 0)).await, Duration::ZERO, "it has grown");
    assert_eq!(still(&seen(4, 1)).await, Duration::ZERO, "it was touched");

    assert_eq!(store.list_known_sightings("north/edi", &seen(3, 0)).await.expect("lists"), [false]);
    store.accept_files(&[file("a.edi", "one")]).await.expect("accepts");
    assert_eq!(store.list_known_sightings("north/edi", &seen(3, 0)).await.expect("lists"), [true]);
    assert_eq!(store.list_known_sightings("north/edi", &seen(4, 0)).await.expect("lists"), [false]);
    assert_eq!(store.list_known_sightings("south/edi", &seen(3, 0)).await.expect("lists"), [false]);
    still(&seen(3, 0)).await;
    assert_eq!(store.list_known_sightings("north/edi", &seen(3, 0)).await.expect("lists"), [true]);
}

#[tokio::test]
async fn what_is_not_disposed_of_stays_listed() {
    let database = Database::new().await;
    let store = database.store();
    let accepted = store.accept_files(&[file("a.edi", "one"), file("b.edi", "two")]).await.expect("accepts");
    store.mark_dispose_failed(accepted[0].id, "permission denied").await.expect("marks");
    store.mark_disposed(&[accepted[1].id]).await.expect("marks");
    let left = store.list_undisposed("north/edi", 10).await.expect("lists");
    assert_eq!(left.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["a.edi"]);
    let row = store.find_file(accepted[0].id).await.expect("asks").expect("is there");
    assert_eq!(row.dispose_error.as_deref(), Some("permission denied"));
}

#[tokio::test]
async fn an_outcome_is_written_with_the_work_or_not_at_all() {
    let database = Database::new().await;
    let store = database.store();
    let id = store.accept_files(&[file("a.edi", "one")]).await.expect("accepts")[0].id;
    let outcome = FileOutcome {
        state: FileState::Quarantined,
        reason: String::from("nobody claims it"),
        hint: String::from("add a profile"),
        partner_id: None,
        usage: Some(Usage::Test),
        profile_version: None,
    };
    let mut work = begin(&store).await;
    work.set_file_outcomes(&[(id, outcome.clone())]).await.expect("writes");
    drop(work);
    let quarantined = FileFilter { state: Some(FileState::Quarantined), ..FileFilter::default() };
    assert_eq!(store.list_files(&quarantined, 10).await.expect("lists"), []);
    let mut work = begin(&store).await;
    work.set_file_outcomes(&[(id, outcome.clone())]).await.expect("writes");
    work.commit().await.expect("commits");
    let listed = store.list_files(&quarantined, 10).await.expect("lists");
    assert_eq!((listed[0].partner_id.as_deref(), listed[0].usage), (Some("north"), Some(Usage::Test)));
    let named = FileFilter {
        name: Some(String::from("a.e")),
        partner_id: Some(String::from("north")),
        ..FileFilter::default()
    };
    assert_eq!(store.list_files(&named, 10).await.expect("lists").len(), 1);
}
