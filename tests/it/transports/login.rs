//! Calls that show who we are, against a server that gives tokens and counts them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use crossdock::transports::http::{Call, Client, Limits, Login, Outcome, Signature, Who};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Gives tokens `T1`, `T2` …, and takes only the one that is in force.
#[derive(Debug, Default)]
struct Guarded {
    given: AtomicUsize,
    in_force: AtomicUsize,
    taken: AtomicUsize,
}

async fn guarded() -> (Arc<Guarded>, String, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let state = Arc::<Guarded>::default();
    let serving = state.clone();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let state = serving.clone();
            let service = hyper::service::service_fn(move |request| answer(request, state.clone()));
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tcp), service),
            );
        }
    });
    let client = Client::new(vec![address.to_string().parse().expect("host and port")]);
    (state, format!("http://{address}"), client)
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<Guarded>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let said = |name: &str| {
        request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let (login, signature, path) =
        (said("authorization"), said("x-signature"), request.uri().path().to_owned());
    let body = request.into_body().collect().await.expect("it comes whole").to_bytes();
    let (status, body) = match path.as_str() {
        // `us` and `secret`, as RFC 6749 (section 2.3.1) wants them.
        "/token" if login != "Basic dXM6c2VjcmV0" => (StatusCode::UNAUTHORIZED, String::new()),
        "/token" => {
            assert_eq!(body, "grant_type=client_credentials&scope=ship+it");
            // Long enough for calls that come meanwhile to find the lock taken.
            tokio::time::sleep(Duration::from_millis(50)).await;
            let number = state.given.fetch_add(1, Ordering::SeqCst) + 1;
            state.in_force.store(number, Ordering::SeqCst);
            (StatusCode::OK, format!(r#"{{"access_token":"T{number}","expires_in":3600}}"#))
        }
        _ if login == format!("Bearer T{}", state.in_force.load(Ordering::SeqCst)) => {
            state.taken.fetch_add(1, Ordering::SeqCst);
            (StatusCode::OK, format!(r#"{{"id":"{signature}"}}"#))
        }
        _ => (StatusCode::UNAUTHORIZED, String::new()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    Ok(response)
}

fn login(place: &str, secret: &str) -> Login {
    Login {
        who: Who::Client {
            token_url: format!("{place}/token"),
            id: "us".into(),
            secret: secret.into(),
            scope: "ship it".into(),
        },
        signature: Some(Signature {
            header: "X-Signature".into(),
            prefix: "sha256=".into(),
            secret: "Jefe".into(),
        }),
    }
}

fn call(place: &str) -> Call {
    Call {
        method: "POST".into(),
        url: format!("{place}/shipments"),
        body: Bytes::from_static(b"what do ya want for nothing?"),
        timeout: Duration::from_secs(10),
        response_id: Some("id".into()),
        limits: Limits { at_once: 16, per_second: None },
        ..Call::default()
    }
}

#[tokio::test]
async fn of_many_calls_one_fetches_the_token_and_one_that_is_refused_is_fetched_anew() {
    let (state, place, client) = guarded().await;
    let login = login(&place, "secret");
    let call = call(&place);
    let made = (0..8).map(|_| client.call_as(&call, &login));
    for outcome in futures_util::future::join_all(made).await {
        let Outcome::Delivered(answer) = outcome.expect("made") else { panic!("it is delivered") };
        // RFC 4231, test case 2.
        let signature = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(answer.id.as_deref(), Some(signature));
    }
    assert_eq!((state.given.load(Ordering::SeqCst), state.taken.load(Ordering::SeqCst)), (1, 8));
    // The other side has forgotten it.
    state.in_force.store(99, Ordering::SeqCst);
    let outcome = client.call_as(&call, &login).await.expect("made");
    assert!(matches!(outcome, Outcome::Delivered(_)), "{outcome:?}");
    assert_eq!(state.given.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_client_that_is_not_known_is_told_to_a_person() {
    let (state, place, client) = guarded().await;
    let outcome = client.call_as(&call(&place), &login(&place, "wrong")).await.expect("made");
    let Outcome::Refused { why, .. } = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("no token from") && why.contains("check client id"), "{why}");
    assert_eq!(state.taken.load(Ordering::SeqCst), 0);
}
