//! Deliveries: every try is written down before and after, and control numbers have no gaps.

use std::time::Duration;

use crossdock::store::{
    AttemptOutcome, Body, Business, DeliveryFilter, DeliveryKind, DeliveryState, Direction, DocumentFilter,
    EndedAttempt, Job, JobKind, NewDelivery, NewDocument, NumberRequest, OutboundFile, Store, Validation,
};
use uuid::Uuid;

use super::{at, begin};
use crate::harness::postgres::Database;

const DOCUMENT: Uuid = Uuid::from_u128(11);
const FILE: Uuid = Uuid::from_u128(12);
const DELIVERY: Uuid = Uuid::from_u128(13);

pub(super) fn document(id: Uuid, file_id: Uuid, kind: &str) -> NewDocument {
    NewDocument {
        id,
        file_id,
        ordinal: 1,
        direction: Direction::Outbound,
        partner_id: Some(String::from("north")),
        format: String::from("x12"),
        kind: kind.to_owned(),
        version: String::from("004010"),
        functional_id: Some(String::from("SH")),
        interchange_control_number: Some(String::from("000000001")),
        group_control_number: Some(String::from("1")),
        set_control_number: Some(String::from("0001")),
        segment_ordinal: 3,
        byte_start: 106,
        byte_end: 300,
        record_kind: None,
        business_number: None,
        purchase_order_number: None,
        order_number: None,
        validation: Validation::Accepted,
        delivery: DeliveryState::None,
        business: Business::Settled,
        business_reason: String::new(),
        received_at: at(0),
        source_document_id: None,
        translator: Some(String::from("x12-856")),
        agreement: None,
        business_key: None,
        profile_version: None,
    }
}

/// Begins a try of the job's delivery.
pub(super) async fn begun(store: &Store, job: &Job) -> i32 {
    let begun = store.begin_attempts(&[(job.lease, job.subject_id)]).await.expect("begins");
    begun[0].expect("something to do")
}

/// Ends a try of the job's delivery.
pub(super) async fn ended(store: &Store, job: &Job, number: i32, outcome: AttemptOutcome) {
    let ended = EndedAttempt {
        lease: job.lease,
        delivery_id: job.subject_id,
        number,
        outcome,
        deadlines: Vec::new(),
    };
    store.finish_attempts(&[ended]).await.expect("writes");
}

/// Composes one document and its delivery; doing so twice changes nothing.
pub(super) async fn compose(store: &Store) {
    let mut work = begin(store).await;
    let file = OutboundFile {
        id: FILE,
        partner_id: String::from("north"),
        channel: String::from("edi"),
        name: String::from("856_000000001.edi"),
        body: Body::inline("ISA*…"),
        usage: None,
        composed_at: at(0),
        profile_version: None,
        origin_id: None,
    };
    work.insert_outbound_files(&[file]).await.expect("writes");
    work.insert_documents(&[document(DOCUMENT, FILE, "856")]).await.expect("writes");
    let delivery = NewDelivery {
        id: DELIVERY,
        file_id: FILE,
        partner_id: String::from("north"),
        channel: String::from("edi"),
        kind: DeliveryKind::File,
        target: String::from("856_000000001.edi"),
        idempotency_key: DELIVERY.to_string(),
        document_ids: vec![DOCUMENT],
        priority: 0,
        in_order: false,
        fields: std::collections::BTreeMap::new(),
    };
    work.insert_deliveries(&[delivery]).await.expect("writes");
    work.commit().await.expect("commits");
}

async fn state(store: &Store) -> (DeliveryState, DeliveryState) {
    let document = store.find_document(DOCUMENT).await.expect("asks").expect("is there");
    (store.load_delivery(DELIVERY).await.expect("loads").row.state, document.delivery)
}

#[tokio::test]
async fn a_delivery_is_tried_until_it_arrives() {
    let database = Database::new().await;
    let store = database.store();
    compose(&store).await;
    compose(&store).await;
    assert_eq!(state(&store).await, (DeliveryState::Ready, DeliveryState::Ready));

    let job = store.claim_jobs(JobKind::Deliver, "worker", 9).await.expect("claims").remove(0);
    let attempt = begun(&store, &job).await;
    assert_eq!(attempt, 1);
    assert_eq!(state(&store).await, (DeliveryState::Sending, DeliveryState::Sending));
    let retry = AttemptOutcome::Retry { after: Duration::ZERO, error: String::from("refused") };
    ended(&store, &job, 1, retry).await;
    assert_eq!(state(&store).await, (DeliveryState::Ready, DeliveryState::Ready));

    let job = store.claim_jobs(JobKind::Deliver, "worker", 9).await.expect("claims").remove(0);
    let attempt = begun(&store, &job).await;
    assert_eq!(attempt, 2);
    // The worker dies here, and nobody knows how far it came.
    store.release_leases(&[String::from("worker")]).await.expect("releases");
    let job = store.claim_jobs(JobKind::Deliver, "another", 9).await.expect("claims").remove(0);
    let attempt = begun(&store, &job).await;
    assert_eq!(attempt, 3);
    let done = AttemptOutcome::Delivered {
        response_id: Some(String::from("r1")),
        detail: String::from("was there already"),
    };
    ended(&store, &job, 3, done).await;
    assert_eq!(state(&store).await, (DeliveryState::Delivered, DeliveryState::Delivered));
    let attempts = store.list_attempts(DELIVERY).await.expect("lists");
    let outcomes: Vec<Option<&str>> = attempts.iter().map(|attempt| attempt.outcome.as_deref()).collect();
    assert_eq!(outcomes, [Some("retry"), None, Some("delivered")]);
    assert!(store.claim_jobs(JobKind::Deliver, "worker", 9).await.expect("claims").is_empty());
}

#[tokio::test]
async fn a_held_delivery_is_released_by_hand_and_a_cancelled_one_is_not() {
    let database = Database::new().await;
    let store = database.store();
    compose(&store).await;
    let job = store.claim_jobs(JobKind::Deliver, "worker", 9).await.expect("claims").remove(0);
    let number = begun(&store, &job).await;
    let held = AttemptOutcome::Held { reason: String::from("host key changed") };
    ended(&store, &job, number, held).await;
    assert_eq!(state(&store).await, (DeliveryState::Held, DeliveryState::Held));

    let mut work = begin(&store).await;
    assert!(work.release_delivery(DELIVERY).await.expect("writes"));
    work.commit().await.expect("commits");
    let job = store.claim_jobs(JobKind::Deliver, "worker", 9).await.expect("claims").remove(0);
    let mut work = begin(&store).await;
    assert!(!work.cancel_delivery(DELIVERY, "no").await.expect("writes"), "a worker has it");
    drop(work);
    store.retry_job(job.lease, Duration::ZERO, "stopped").await.expect("writes");
    let mut work = begin(&store).await;
    assert!(work.cancel_delivery(DELIVERY, "sent by mail").await.expect("writes"));
    work.commit().await.expect("commits");
    assert_eq!(state(&store).await, (DeliveryState::Cancelled, DeliveryState::Cancelled));
    let mut work = begin(&store).await;
    assert!(work.release_delivery(DELIVERY).await.expect("writes"), "it may be sent all the same");
    drop(work);
    let of_document = DeliveryFilter { document_id: Some(DOCUMENT), ..DeliveryFilter::default() };
    assert_eq!(store.list_deliveries(&of_document, 9).await.expect("lists").len(), 1);
    let sent = DocumentFilter { direction: Some(Direction::Outbound), ..DocumentFilter::default() };
    assert_eq!(store.list_documents(&sent, 9).await.expect("lists").len(), 1);
}

#[tokio::test]
async fn control_numbers_have_no_gaps_and_no_twins() {
    let database = Database::new().await;
    let store = database.store();
    let writers = (0..16_i64).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut mine = Vec::new();
            for round in 0..10_i64 {
                let mut work = begin(&store).await;
                let wishes =
                    [NumberRequest::nine_digits("gs", 1), NumberRequest::nine_digits("isa", 1 + writer % 3)];
                let taken = work.take_control_numbers(&wishes).await.expect("takes");
                if (writer + round) % 4 == 0 {
                    work.roll_back().await.expect("rolls back");
                } else {
                    work.commit().await.expect("commits");
                    mine.extend(taken[1].iter());
                }
            }
            mine
        })
    });
    let mut all = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        all.extend(writer.await.expect("no writer panics"));
    }
    all.sort_unstable();
    let expected: Vec<i64> = (1..=i64::try_from(all.len()).expect("it fits")).collect();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn after_the_highest_number_comes_the_lowest_and_what_was_used_lately_is_told() {
    let database = Database::new().await;
    let store = database.store();
    let wish = |count, days: i64| NumberRequest {
        reuse_after_secs: days * 86_400,
        ..NumberRequest::nine_digits("isa", count)
    };
    let mut work = begin(&store).await;
    let counter = work.lock_counter(&wish(0, 0)).await.expect("locks");
    work.set_control_number(&wish(0, 0), &counter, 999_999_998, false).await.expect("sets");
    work.commit().await.expect("commits");
    let take = async |request: NumberRequest| {
        let mut work = begin(&store).await;
        let taken = work.take_control_numbers(&[request]).await.expect("takes").remove(0);
        work.commit().await.expect("commits");
        (taken.iter().collect::<Vec<_>>(), taken.used_lately.iter().map(|(number, _)| *number).collect())
    };
    let none: Vec<i64> = Vec::new();
    assert_eq!(take(wish(4, 30)).await, (vec![999_999_998, 999_999_999, 1, 2], none.clone()));
    assert_eq!(take(wish(1, 30)).await, (vec![3], none.clone()));

    // Set back by somebody: what was used is told, as long as it is not too long ago.
    let mut work = begin(&store).await;
    let counter = work.lock_counter(&wish(0, 0)).await.expect("locks");
    let highest = work.find_highest_used("isa", &counter, 2, None).await.expect("asks");
    assert_eq!(highest.map(|(number, _)| number), Some(999_999_999));
    work.set_control_number(&wish(0, 0), &counter, 2, true).await.expect("sets");
    work.commit().await.expect("commits");
    assert_eq!(take(wish(3, 30)).await, (vec![2, 3, 4], vec![2, 3]));
    age(&database, 31).await;
    assert_eq!(take(wish(1, 30)).await, (vec![5], none.clone()));
    let small = NumberRequest { maximum: 6, ..wish(3, 30) };
    assert_eq!(take(small).await, (vec![6, 1, 2], none), "another range; all of them were used a month ago");
    let small = NumberRequest { maximum: 6, ..wish(5, 30) };
    assert_eq!(take(small).await, (vec![3, 4, 5, 6, 1], vec![1, 5, 6]), "5 to 1 were used today");
}

#[tokio::test]
async fn a_day_of_numbers_is_one_run_and_a_range_that_is_too_small_says_so() {
    let database = Database::new().await;
    let store = database.store();
    for day in 0..3 {
        for _ in 0..5 {
            let mut work = begin(&store).await;
            work.take_control_numbers(&[NumberRequest::nine_digits("isa", 2)]).await.expect("takes");
            work.commit().await.expect("commits");
        }
        let counter = store.list_counters(0.0).await.expect("lists").remove(0);
        assert_eq!((counter.next, counter.laps), (10 * (day + 1) + 1, 0));
        age(&database, 2).await;
    }
    let mut connection = database.connection().await;
    let runs: Vec<(i64, i64)> = sqlx::query_as("select first, last from control_number_run order by first")
        .fetch_all(&mut connection)
        .await
        .expect("asks");
    assert_eq!(runs, [(1, 10), (11, 20)], "the run of a day is written when the next begins");

    let four = |count| NumberRequest {
        maximum: 4,
        reuse_after_secs: 86_400,
        ..NumberRequest::nine_digits("gs", count)
    };
    let mut work = begin(&store).await;
    let taken = work.take_control_numbers(&[four(6)]).await.expect("takes").remove(0);
    work.commit().await.expect("commits");
    assert_eq!(taken.iter().collect::<Vec<_>>(), [1, 2, 3, 4, 1, 2]);
    assert_eq!(taken.used_lately.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2]);
    let nearly = store.list_counters(0.95).await.expect("lists");
    assert!(nearly.is_empty(), "it has begun again: {nearly:?}");
}

/// Makes all that is known of counters so many days older.
async fn age(database: &Database, days: i32) {
    let mut connection = database.connection().await;
    for (table, columns) in [
        ("control_number", ["used_at", "run_since", "created_at"].as_slice()),
        ("control_number_run", &["used_at"]),
    ] {
        for column in columns {
            let older = format!("update {table} set {column} = {column} - interval '{days} days'");
            sqlx::query(sqlx::AssertSqlSafe(older)).execute(&mut connection).await.expect("it is ours");
        }
    }
}
