//! Calls over HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use crossdock::cli::demo::counterparts::erp::{Erp, Trouble};
use crossdock::transports::Kind;
use crossdock::transports::http::{Call, Client, Outcome};

async fn place() -> (Erp, Client) {
    let erp = Erp::start().await.expect("a free port");
    let allowed = erp.address().to_string().parse().expect("a host and port");
    (erp, Client::new(vec![allowed]))
}

fn call(url: String, key: &str) -> Call {
    Call {
        method: "POST".into(),
        url,
        headers: BTreeMap::from([("Content-Type".into(), "application/json".into())]),
        secret_headers: BTreeMap::from([("Authorization".into(), "Bearer token".into())]),
        idempotency: Some(("Idempotency-Key".into(), key.into())),
        body: Bytes::from_static(br#"{"order_number":"SO-1","lines":[]}"#),
        timeout: Duration::from_secs(10),
        response_id: Some("id".into()),
        ..Call::default()
    }
}

#[tokio::test]
async fn a_call_that_failed_is_repeated_under_the_same_key_and_creates_one_object() {
    let (erp, client) = place().await;
    let call = call(erp.url("shipments"), "delivery-1");
    erp.trouble([Trouble::Answer(500), Trouble::Busy(0), Trouble::CreateThenUnavailable]);
    let mut waits = Vec::new();
    for _ in 0..3 {
        match client.call(&call).await.expect("made") {
            Outcome::RetryLater { after, .. } => waits.push(after),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(waits, [None, Some(Duration::ZERO), None]);
    for status in [200, 200] {
        match client.call(&call).await.expect("made") {
            Outcome::Delivered(answer) => {
                assert_eq!((answer.status, answer.id.as_deref()), (status, Some("ERP-000001")));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(erp.objects().len(), 1);
    assert_eq!(erp.objects()[0].body["order_number"], "SO-1");
    assert!(erp.calls().iter().all(|seen| seen.key.as_deref() == Some("delivery-1")));
}

#[tokio::test]
async fn an_unknown_outcome_is_settled_by_reading() {
    let (erp, client) = place().await;
    let create = call(erp.url("shipments"), "delivery-2");
    erp.trouble([Trouble::CreateThenDrop]);
    let dropped = client.call(&create).await.expect("made");
    assert!(matches!(dropped, Outcome::Unknown { .. }), "{dropped:?}");
    let read = Call {
        method: "GET".into(),
        url: format!("{}?key=delivery-2", erp.url("shipments")),
        idempotency: None,
        body: Bytes::new(),
        ..create
    };
    match client.call(&read).await.expect("made") {
        Outcome::Delivered(answer) => assert_eq!(answer.id.as_deref(), Some("ERP-000001")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn redirects_are_not_followed_and_refusals_are_final() {
    let (erp, client) = place().await;
    erp.trouble([Trouble::Redirect, Trouble::Answer(400), Trouble::Answer(401)]);
    for status in [307, 400, 401] {
        match client.call(&call(erp.url("shipments"), "delivery-3")).await.expect("made") {
            Outcome::Refused { answer: Some(answer), .. } => assert_eq!(answer.status, status),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(erp.calls().len(), 3, "nobody went elsewhere");
}

#[tokio::test]
async fn private_addresses_are_called_only_where_they_are_allowed() {
    let (erp, allowed) = place().await;
    let stranger = Client::new(Vec::new());
    let port = erp.address().port();
    for url in [
        erp.url("shipments"),
        format!("https://127.0.0.1:{port}/shipments"),
        format!("https://localhost:{port}/shipments"),
        format!("https://[::ffff:127.0.0.1]:{port}/shipments"),
        "https://169.254.169.254/latest/meta-data".into(),
        "http://erp.example/shipments".into(),
        "https://user:secret@erp.example/".into(),
        "file:///etc/passwd".into(),
    ] {
        let refused = stranger.call(&call(url.clone(), "delivery-4")).await.expect_err("not allowed");
        assert_eq!(refused.kind(), Kind::Invalid, "{url}: {refused}");
        assert!(!refused.is_temporary());
    }
    // What is allowed is one host and port, not the machine.
    let other = Erp::start().await.expect("a free port");
    let refused = allowed.call(&call(other.url("shipments"), "delivery-4")).await;
    assert_eq!(refused.expect_err("another port").kind(), Kind::Invalid);
    assert!(erp.calls().is_empty() && other.calls().is_empty());
}

#[tokio::test]
async fn a_system_that_is_down_is_tried_again_later() {
    let (erp, client) = place().await;
    let url = erp.url("shipments");
    drop(erp);
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    // The port closes when the dropped task has ended.
    loop {
        match client.call(&call(url.clone(), "delivery-5")).await.expect("made") {
            Outcome::RetryLater { answer: None, why, .. } => {
                assert!(why.starts_with("no connection"), "{why}");
                break;
            }
            _ => assert!(std::time::Instant::now() < deadline, "it never closed"),
        }
    }
}

#[tokio::test]
async fn a_system_that_does_not_answer_leaves_the_outcome_open() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let allowed = address.to_string().parse().expect("a host and port");
    let client = Client::new(vec![allowed]);
    let mut call = call(format!("http://{address}/shipments"), "delivery-6");
    call.timeout = Duration::from_millis(300);
    match client.call(&call).await.expect("made") {
        Outcome::Unknown { why } => assert!(why.starts_with("no answer in time"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_host_that_asked_to_be_left_alone_is_not_called_until_then() {
    let (erp, client) = place().await;
    erp.trouble([Trouble::Busy(60)]);
    for key in ["delivery-1", "delivery-2", "delivery-3"] {
        let outcome = client.call(&call(erp.url("shipments"), key)).await.expect("made");
        let Outcome::RetryLater { after: Some(after), .. } = outcome else { panic!("{outcome:?}") };
        assert!(after > Duration::from_secs(50) && after <= Duration::from_secs(60), "{after:?}");
    }
    assert_eq!(erp.calls().len(), 1, "the other two were not made");
}
