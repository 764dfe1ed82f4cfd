//! The queue: no job for two workers, no late word from a lost lease, no gap in control numbers.

use std::collections::HashSet;
use std::time::Duration;

use crossdock::store::{AtOnce, Error, Job, JobFilter, JobKind, JobState, Lane, Lease, NewJob, Store};
use sqlx::{Connection, Executor};
use uuid::Uuid;

use super::file;
use crate::harness::postgres::Database;

#[tokio::test]
async fn two_workers_never_share_a_job() {
    let database = Database::new().await;
    let store = database.store();
    let jobs: Vec<NewJob> = (0..200).map(|n| NewJob::now(JobKind::Process, Uuid::from_u128(n))).collect();
    store.enqueue_jobs(&jobs).await.expect("jobs can be enqueued");
    store.enqueue_jobs(&jobs).await.expect("twice is no fault");
    let workers = (0..8).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let claimed =
                    store.claim_jobs(JobKind::Process, &format!("worker {n}"), 7).await.expect("claims");
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed.into_iter().map(|job| job.subject_id));
            }
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.expect("no worker panics"));
    }
    assert_eq!(all.len(), 200);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 200);
}

#[tokio::test]
async fn a_lost_lease_settles_nothing() {
    let database = Database::new().await;
    let store = database.store();
    store.enqueue_jobs(&[NewJob::now(JobKind::Deliver, Uuid::from_u128(1))]).await.expect("enqueued");
    let first = store.claim_jobs(JobKind::Deliver, "slow", 1).await.expect("claims").remove(0);
    assert!(store.extend_leases(&[first.lease]).await.expect("extends").is_empty());
    store.release_leases(&[String::from("slow")]).await.expect("releases");
    let second = store.claim_jobs(JobKind::Deliver, "quick", 1).await.expect("claims").remove(0);
    assert_eq!((second.attempts, second.lease.fence), (2, first.lease.fence + 1));

    assert_eq!(store.extend_leases(&[first.lease]).await.expect("extends"), [first.lease]);
    let mut work = store.begin().await.expect("begins");
    let error = work.complete_jobs(&[first.lease]).await.expect_err("the lease is lost");
    assert!(matches!(error, Error::LeaseLost { .. }) && !error.is_temporary());
    store.retry_job(second.lease, Duration::ZERO, "busy").await.expect("the living lease settles");
    let third = store.claim_jobs(JobKind::Deliver, "quick", 1).await.expect("claims").remove(0);
    store.complete_job(third.lease).await.expect("settles");
    assert!(store.claim_jobs(JobKind::Deliver, "quick", 1).await.expect("claims").is_empty());
    assert_eq!(store.count_open_jobs().await.expect("counts"), []);
}

#[tokio::test]
async fn a_job_that_takes_three_workers_down_is_held() {
    let database = Database::new().await;
    let store = database.store();
    let subject = Uuid::from_u128(1);
    store.enqueue_jobs(&[NewJob::now(JobKind::Process, subject)]).await.expect("enqueued");
    for _ in 0..3 {
        assert_eq!(store.claim_jobs(JobKind::Process, "mortal", 1).await.expect("claims").len(), 1);
        store.release_leases(&[String::from("mortal")]).await.expect("releases");
    }
    assert!(store.claim_jobs(JobKind::Process, "mortal", 1).await.expect("claims").is_empty());
    let held = store.list_jobs(JobState::Held, 10).await.expect("lists");
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].last_error.as_deref(), Some("its worker ended 3 times without an outcome"));
    let mut work = store.begin().await.expect("begins");
    work.release_file(subject, None).await.expect("releases");
    work.commit().await.expect("commits");
    assert_eq!(store.claim_jobs(JobKind::Process, "mortal", 1).await.expect("claims").len(), 1);
}

#[tokio::test]
async fn what_was_claimed_together_is_tried_one_by_one_once_its_worker_died() {
    let database = Database::new().await;
    let store = database.store();
    let jobs: Vec<NewJob> = (0..4).map(|n| NewJob::now(JobKind::Process, Uuid::from_u128(n))).collect();
    store.enqueue_jobs(&jobs).await.expect("enqueued");
    assert_eq!(store.claim_jobs(JobKind::Process, "mortal", 3).await.expect("claims").len(), 3);
    store.release_leases(&[String::from("mortal")]).await.expect("releases");
    let not_lost = AtOnce { lost: false, ..AtOnce::from(9) };
    let fresh = store.claim_jobs(JobKind::Process, "careful", not_lost).await.expect("claims");
    assert_eq!(fresh.iter().map(|job| (job.attempts, job.lost)).collect::<Vec<_>>(), [(1, false)]);
    for _ in 0..3 {
        let one = store.claim_jobs(JobKind::Process, "brave", 9).await.expect("claims");
        assert_eq!(one.iter().map(|job| (job.attempts, job.lost)).collect::<Vec<_>>(), [(2, true)]);
    }
    assert!(store.claim_jobs(JobKind::Process, "brave", 9).await.expect("claims").is_empty());
}

#[tokio::test]
async fn files_are_claimed_together_up_to_so_many_bytes() {
    let database = Database::new().await;
    let store = database.store();
    let bodies = [("a.edi", 700), ("b.edi", 300), ("c.edi", 50)];
    let files = bodies.map(|(name, size)| file(name, &"x".repeat(size)));
    store.accept_files(&files).await.expect("accepts");
    let at_once = AtOnce { bytes: 400, ..AtOnce::from(9) };
    let mut claims = Vec::new();
    loop {
        let claimed = store.claim_jobs(JobKind::Process, "worker", at_once).await.expect("claims");
        if claimed.is_empty() {
            break;
        }
        claims.push(claimed.len());
    }
    // The first is more than was asked for, and is claimed all the same; the other two may go together.
    assert_eq!(claims.iter().sum::<usize>(), 3);
    assert!(claims.len() >= 2 && claims.iter().all(|count| *count <= 2), "{claims:?}");
}

#[tokio::test]
async fn a_commit_wakes_those_who_listen() {
    let database = Database::new().await;
    let (here, elsewhere) = (database.store(), database.store());
    let (mut near, mut far) = (here.listen(), elsewhere.listen());
    // The first word of the far one is that it listens now.
    assert_eq!(far.next_of(JobKind::Process, Duration::from_secs(30)).await, None);
    // A busy server may drop a listening connection, and what was told meanwhile is lost; workers also poll. So one
    // commit of several must be heard.
    for id in 1..=5 {
        let mut work = here.begin().await.expect("begins");
        work.enqueue_jobs(&[NewJob::now(JobKind::Process, Uuid::from_u128(id))]).await.expect("enqueued");
        work.commit().await.expect("commits");
        assert_eq!(near.next_of(JobKind::Process, Duration::from_secs(30)).await, Some(JobKind::Process));
        if far.next_of(JobKind::Process, Duration::from_secs(10)).await == Some(JobKind::Process) {
            return;
        }
    }
    panic!("no commit was heard elsewhere");
}

#[tokio::test]
async fn who_extends_leases_and_who_completes_jobs_wait_for_each_other_in_one_order() {
    let database = Database::new().await;
    let store = database.store();
    let jobs: Vec<NewJob> = (0..5000).map(|n| NewJob::now(JobKind::Process, Uuid::from_u128(n))).collect();
    store.enqueue_jobs(&jobs).await.expect("enqueued");
    let claimed = store.claim_jobs(JobKind::Process, "worker", 5000).await.expect("claims");
    // Of so many, those that are wanted are looked up one by one, in the order they are named.
    database.connection().await.execute("analyze job").await.expect("an owner may");
    let mut rising: Vec<Lease> = claimed.iter().take(3).map(|job| job.lease).collect();
    rising.sort_by_key(|lease| lease.job);
    let falling: Vec<Lease> = rising.iter().rev().copied().collect();

    // Both begin while a third has the one in the middle, and each gets as far as it may.
    let mut third = database.connection().await;
    let mut third = third.begin().await.expect("begins");
    let lock = "select from job where id = $1 for update";
    sqlx::query(lock).bind(rising[1].job).execute(&mut *third).await.expect("locks");
    let mut work = store.begin().await.expect("begins");
    let completing = tokio::spawn(async move {
        work.complete_jobs(&falling).await?;
        work.commit().await
    });
    await_waiting(&database, 1).await;
    let extending = tokio::spawn(async move { store.extend_leases(&rising).await });
    await_waiting(&database, 2).await;
    third.commit().await.expect("commits");

    completing.await.expect("no panic").expect("no deadlock");
    assert_eq!(extending.await.expect("no panic").expect("no deadlock").len(), 3, "they were done meanwhile");
}

/// Waits until so many connections wait for others.
async fn await_waiting(database: &Database, count: i64) {
    let mut connection = database.connection().await;
    let waiting = "select count(*) from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock'";
    let patience = std::time::Instant::now();
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut connection).await.expect("answers") < count {
        assert!(patience.elapsed() < Duration::from_secs(30), "nobody waits");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_lost_connection_is_temporary_and_the_next_try_succeeds() {
    let database = Database::new().await;
    let store = database.store();
    let mut work = store.begin().await.expect("begins");
    work.enqueue_jobs(&[NewJob::now(JobKind::Process, Uuid::from_u128(1))]).await.expect("enqueued");
    database
        .connection()
        .await
        .execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
        .await
        .expect("an owner may");
    let error = work.commit().await.expect_err("the connection is gone");
    assert!(error.is_temporary(), "{error:?}");
    assert!(store.claim_jobs(JobKind::Process, "worker", 1).await.expect("a new connection").is_empty());
}

fn in_lane(id: u128, lane: &str, in_order: bool) -> NewJob {
    NewJob { lane: lane.to_owned(), in_order, ..NewJob::now(JobKind::Deliver, Uuid::from_u128(id)) }
}

/// What is claimed by one who has this room in lanes.
async fn claim(store: &Store, rooms: &[(&str, i64)]) -> Vec<Job> {
    let lanes: Vec<Lane> =
        rooms.iter().map(|(name, room)| Lane { name: (*name).to_owned(), room: *room }).collect();
    let at_once = AtOnce { lanes: &lanes, ..AtOnce::from(9) };
    store.claim_jobs(JobKind::Deliver, "worker", at_once).await.expect("claims")
}

fn subjects(jobs: &[Job]) -> Vec<u128> {
    let mut subjects: Vec<u128> = jobs.iter().map(|job| job.subject_id.as_u128()).collect();
    subjects.sort_unstable();
    subjects
}

#[tokio::test]
async fn a_lane_that_is_full_holds_up_no_other() {
    let database = Database::new().await;
    let store = database.store();
    let slow: Vec<NewJob> = (1..=100).map(|id| in_lane(id, "slow", false)).collect();
    store.enqueue_jobs(&slow).await.expect("enqueued");
    store
        .enqueue_jobs(&[in_lane(200, "quick", false), in_lane(201, "quick", false)])
        .await
        .expect("enqueued");
    assert_eq!(claim(&store, &[("slow", 3), ("quick", 8)]).await.len(), 3);
    let quick = claim(&store, &[("slow", 0), ("quick", 8)]).await;
    assert_eq!(subjects(&quick), [200, 201]);
    assert!(claim(&store, &[("slow", 0), ("quick", 6)]).await.is_empty());
    // One of a lane that nobody told of goes alone.
    assert_eq!(claim(&store, &[("quick", 6)]).await.len(), 1);
}

#[tokio::test]
async fn jobs_in_order_go_one_after_the_other_until_they_are_done_or_given_up() {
    let database = Database::new().await;
    let store = database.store();
    // Neither their ids nor when they are due is their order.
    let jobs: Vec<NewJob> = [4, 3, 2, 1].map(|id| in_lane(id, "strict", true)).into();
    store.enqueue_jobs(&jobs).await.expect("enqueued");
    store.enqueue_jobs(&[in_lane(9, "other", true)]).await.expect("enqueued");
    let room = [("strict", 8), ("other", 0)];
    let first = claim(&store, &room).await;
    assert_eq!(subjects(&first), [4]);
    assert!(claim(&store, &room).await.is_empty(), "the first is under way");
    store.retry_job(first[0].lease, Duration::from_secs(3600), "busy").await.expect("put back");
    assert!(claim(&store, &room).await.is_empty(), "the first is tried again later");
    assert_eq!(subjects(&claim(&store, &[("strict", 8), ("other", 8)]).await), [9], "others go on");
    let mut connection = database.connection().await;
    connection.execute("update job set run_after = now()").await.expect("an owner may");
    let first = claim(&store, &room).await;
    store.complete_job(first[0].lease).await.expect("done");
    let second = claim(&store, &room).await;
    assert_eq!(subjects(&second), [3]);
    store.hold_job(second[0].lease, "a person must look").await.expect("held");
    assert!(claim(&store, &room).await.is_empty(), "the second is held");
    let behind = JobFilter { subject_id: Some(Uuid::from_u128(2)), ..JobFilter::default() };
    let [behind] =
        <[_; 1]>::try_from(store.list_job_overviews(&behind, 9).await.expect("lists")).expect("one");
    assert_eq!(behind.behind, Some(second[0].lease.job));
    connection.execute("update job set state = 'failed' where state = 'held'").await.expect("an owner may");
    assert_eq!(subjects(&claim(&store, &room).await), [2]);
}
