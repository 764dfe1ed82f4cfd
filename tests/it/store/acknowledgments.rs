//! Acknowledgments: found by what was sent, settled with their sets, overdue only after delivery.

use chrono::TimeDelta;
use crossdock::store::{
    AcknowledgmentFilter, AcknowledgmentNote, AcknowledgmentState, AttemptOutcome, ExceptionFilter,
    ExceptionState, ExpectedSet, JobKind, NewException, NewExpectedAcknowledgment, NewReceivedAcknowledgment,
    Settlement, Store,
};
use sqlx::Executor;
use std::time::Duration;
use uuid::Uuid;

use super::deliveries::{begun, compose, ended};
use super::{accepted, at, begin};
use crate::harness::postgres::Database;

const DOCUMENT: Uuid = Uuid::from_u128(11);
const FILE: Uuid = Uuid::from_u128(12);
const DELIVERY: Uuid = Uuid::from_u128(13);
const EXPECTED: Uuid = Uuid::from_u128(14);

async fn expect(store: &Store) {
    compose(store).await;
    let mut work = begin(store).await;
    let expected = NewExpectedAcknowledgment {
        id: EXPECTED,
        partner_id: String::from("north"),
        level: String::from("997"),
        functional_id: String::from("SH"),
        group_control: 7,
        interchange_control: 70,
        test: false,
        hold: false,
        file_id: FILE,
        delivery_id: Some(DELIVERY),
        within_secs: 3600,
        due_rule: None,
        agreement: None,
        due_at: at(0),
        sets: vec![ExpectedSet {
            set_id: String::from("856"),
            set_control: String::from("0001"),
            document_id: DOCUMENT,
        }],
    };
    work.insert_expected_acknowledgments(&[expected]).await.expect("writes");
    work.commit().await.expect("commits");
}

async fn of_document(store: &Store) -> AcknowledgmentState {
    store.find_document(DOCUMENT).await.expect("asks").expect("is there").acknowledgment
}

#[tokio::test]
async fn an_answer_settles_the_group_its_sets_and_their_documents() {
    let database = Database::new().await;
    let store = database.store();
    expect(&store).await;
    expect(&store).await;
    assert_eq!(of_document(&store).await, AcknowledgmentState::Awaited);
    let answer_file = accepted(&store).await;

    let mut work = begin(&store).await;
    let groups = |id: &str| [(String::from(id), 7), (String::from(id), 8)];
    for (partner, test, id, interchange, found) in [
        ("north", false, "SH", 71, 1),
        ("north", true, "SH", 70, 0),
        ("south", false, "SH", 70, 0),
        ("north", false, "IN", 71, 0),
        ("north", false, "IN", 70, 1),
    ] {
        let hits =
            work.find_expected_acknowledgments((partner, None), test, &groups(id), &[interchange]).await;
        assert_eq!(hits.expect("asks").len(), found, "{partner} {id} {interchange}");
    }
    assert_eq!(work.list_functional_ids("north", false, 7).await.expect("asks"), ["SH"]);
    assert_eq!(work.find_whose_group("SH", 7, "south").await.expect("asks").as_deref(), Some("north"));
    assert_eq!(work.find_whose_group("SH", 7, "north").await.expect("asks"), None);
    let found = work.find_expected_acknowledgments(("north", None), false, &groups("SH"), &[]).await;
    let found = found.expect("asks").remove(0);
    assert_eq!((found.row.id, found.sets.len()), (EXPECTED, 1));
    let settlement = Settlement {
        expected_id: EXPECTED,
        state: AcknowledgmentState::Rejected,
        settled_at: at(9),
        sets: vec![(String::from("856"), String::from("0001"), AcknowledgmentState::Rejected)],
    };
    work.settle_expected_acknowledgments(&[settlement]).await.expect("writes");
    let received = NewReceivedAcknowledgment {
        id: Uuid::from_u128(15),
        file_id: answer_file,
        document_id: None,
        partner_id: Some(String::from("north")),
        kind: String::from("997"),
        functional_id: String::from("SH"),
        group_control: String::from("7"),
        code: String::from("R"),
        test: false,
        status: AcknowledgmentState::Rejected,
        sets: serde_json::json!([{ "set": "856", "control": "0001\u{0}", "code": "R" }]),
        expected_id: Some(EXPECTED),
        note: AcknowledgmentNote::Plain,
        detail: String::new(),
        received_at: at(9),
    };
    work.insert_received_acknowledgments(&[received]).await.expect("writes");
    work.commit().await.expect("commits");
    assert_eq!(of_document(&store).await, AcknowledgmentState::Rejected);
    let rejected = AcknowledgmentFilter {
        state: Some(AcknowledgmentState::Rejected),
        ..AcknowledgmentFilter::default()
    };
    assert_eq!(store.list_expected_acknowledgments(&rejected, 9).await.expect("lists").len(), 1);
    let came = store.list_received_acknowledgments(Some(EXPECTED), 9).await.expect("lists");
    assert_eq!(came[0].sets[0]["control"], "0001\u{fffd}");
    assert_eq!(
        store.list_expected_sets(EXPECTED).await.expect("lists")[0].state,
        AcknowledgmentState::Rejected
    );

    let mut connection = database.connection().await;
    for statement in
        ["update received_acknowledgment set note = 'late'", "delete from received_acknowledgment"]
    {
        let error = connection.execute(statement).await.expect_err("what came is never changed");
        assert!(error.to_string().contains("append-only"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_is_overdue_only_when_its_time_ran_out_after_delivery() {
    let database = Database::new().await;
    let store = database.store();
    expect(&store).await;
    let mut work = begin(&store).await;
    assert_eq!(work.mark_overdue(at(60)).await.expect("marks"), [], "it was never delivered");
    drop(work);
    let job = store.claim_jobs(JobKind::Deliver, "worker", 1).await.expect("claims").remove(0);
    let number = begun(&store, &job).await;
    let done = AttemptOutcome::Delivered { response_id: None, detail: String::new() };
    ended(&store, &job, number, done).await;

    let delivered =
        store.load_delivery(DELIVERY).await.expect("loads").row.delivered_at.expect("it has arrived");
    let awaited =
        store.list_expected_acknowledgments(&AcknowledgmentFilter::default(), 9).await.expect("lists");
    assert_eq!(awaited[0].due_at, delivered + TimeDelta::hours(1));
    assert_eq!(store.find_overdue(delivered).await.expect("asks"), []);
    let late = delivered + TimeDelta::minutes(61);
    assert_eq!(store.find_overdue(late).await.expect("asks").len(), 1);
    let mut work = begin(&store).await;
    assert_eq!(work.mark_overdue(late).await.expect("marks").len(), 1);
    assert_eq!(work.mark_overdue(late).await.expect("marks"), []);
    work.commit().await.expect("commits");
    assert_eq!(of_document(&store).await, AcknowledgmentState::Overdue);
}

#[tokio::test]
async fn an_exception_is_kept_once_and_settled_once() {
    let database = Database::new().await;
    let store = database.store();
    let exception = NewException {
        id: Uuid::from_u128(16),
        kind: String::from("price_over"),
        document_id: Some(DOCUMENT),
        partner_id: Some(String::from("north")),
        order_number: None,
        purchase_order_number: Some(String::from("PO1")),
        line: Some(String::from("1")),
        amount: Some(("12.3400".parse().expect("a number"), String::from("USD"))),
        message: String::from("billed 1.30, ordered at 1.20"),
        evidence: serde_json::json!([{ "raw": "1.3" }]),
        first_seen_at: at(0),
    };
    let mut work = begin(&store).await;
    work.insert_exceptions(std::slice::from_ref(&exception)).await.expect("writes");
    assert!(work.settle_exception(exception.id, "ann", "agreed", None, at(1)).await.expect("writes"));
    work.insert_exceptions(std::slice::from_ref(&exception)).await.expect("writes");
    assert!(!work.settle_exception(exception.id, "bob", "", None, at(1)).await.expect("writes"));
    work.commit().await.expect("commits");
    let found = store
        .list_exceptions(
            &ExceptionFilter { number: Some(String::from("PO1")), ..ExceptionFilter::default() },
            9,
        )
        .await;
    let found = found.expect("lists").remove(0);
    assert_eq!((found.state, found.settled_by.as_deref()), (ExceptionState::Settled, Some("ann")));
    assert_eq!(
        found.amount.map(|amount| amount.to_string()).as_deref(),
        Some("12.3400"),
        "the scale is kept"
    );
}

/// `CROSSDOCK_GROUPS=3000000` seeds as many and tells the figures; the bound is the same.
#[tokio::test]
#[expect(clippy::print_stderr, reason = "the figures are what a person runs it for")]
async fn an_answer_is_matched_in_no_time_though_many_groups_lie_in_the_past() {
    let database = Database::new().await;
    let store = database.store();
    expect(&store).await;
    let groups: i64 = crossdock::config::environment("CROSSDOCK_GROUPS")
        .and_then(|said| said.parse().ok())
        .unwrap_or(50_000);
    let mut connection = database.connection().await;
    for statement in [
        "insert into file (id, direction, partner_id, channel, name, size_bytes, sha256, body, received_at, state)
         select md5('file' || n)::uuid, 'outbound', 'partner-' || n % 50, 'edi', n || '.edi', 0, sha256(''), '', now(),
             'composed' from generate_series(1, $1) n",
        "insert into expected_acknowledgment (id, partner_id, level, functional_id, group_control,
             interchange_control, file_id, within_secs, due_at, created_at, state, settled_at)
         select md5('group' || n)::uuid, 'partner-' || n % 50, '997', 'OW', n / 50, n / 50, md5('file' || n)::uuid, 3600,
             now(), now() - n * interval '1 second', 'accepted', now() from generate_series(1, $1) n",
    ] {
        sqlx::query(statement).bind(groups).execute(&mut connection).await.expect("seeded");
    }
    connection.execute("analyze file, expected_acknowledgment").await.expect("analyzed");
    let plan: Vec<String> = sqlx::query_scalar(
        "explain select e.file_id from unnest(array['OW'], array[7::bigint]) as a (functional_id, number)
         cross join lateral (
             select e.file_id from expected_acknowledgment e
             where e.partner_id = 'partner-7' and e.group_control = a.number and e.functional_id = a.functional_id
               and e.test = false and e.functional_id <> ''
             order by e.created_at desc, e.id limit 1) e",
    )
    .fetch_all(&mut connection)
    .await
    .expect("planned");
    let plan = plan.join("\n");
    assert!(
        plan.contains("expected_acknowledgment_group") && !plan.contains("Seq Scan on expected"),
        "{plan}"
    );
    let (mut times, mut idle) = (Vec::new(), Vec::new());
    for n in 0..500 {
        let number = (n * 7919) % (groups / 50 - 1) + 1;
        let partner = format!("partner-{}", n % 50);
        let mut work = begin(&store).await;
        let started = std::time::Instant::now();
        let wanted = [(String::from("OW"), number)];
        let found =
            work.find_expected_acknowledgments((&partner, None), false, &wanted, &[]).await.expect("asks");
        assert_eq!(found.len(), 1);
        let ids = [found[0].row.id];
        assert_eq!(work.list_answers(&ids).await.expect("asks"), []);
        times.push(started.elapsed());
        // As many statements that ask for nothing: what they take is the machine's own business.
        let started = std::time::Instant::now();
        for _ in 0..2 {
            sqlx::query("select 1").execute(&mut connection).await.expect("asks");
        }
        idle.push(started.elapsed());
    }
    times.sort();
    idle.sort();
    let told =
        |times: &[Duration]| format!("half within {:?}, 99 of 100 within {:?}", times[250], times[495]);
    eprintln!("{groups} groups: {}; statements that ask for nothing: {}", told(&times), told(&idle));
    assert!(times[495] < Duration::from_millis(20).max(idle[495] * 4), "{}", told(&times));
}
