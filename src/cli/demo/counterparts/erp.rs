//! A stand-in for an ERP: takes documents as JSON, knows a repeated key, and fails when told to.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Header that carries the key under which a call may be repeated.
pub const KEY_HEADER: &str = "idempotency-key";

const BODY_LIMIT_BYTES: usize = 10 << 20;

/// The running stand-in. It ends when it is dropped, and what it knew with it.
///
/// `POST /<collection>` creates an object and answers its `id`; `GET /<collection>/<id>` and
/// `GET /<collection>?key=<key>` read back; `GET /<collection>` lists.
#[derive(Debug)]
pub struct Erp {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

/// How the next call to create something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Answers this status and creates nothing.
    Answer(u16),
    /// Answers 503 with `Retry-After` in seconds and creates nothing.
    Busy(u32),
    /// Creates the object, then answers 503.
    CreateThenUnavailable,
    /// Creates the object, then drops the connection without an answer.
    CreateThenDrop,
    /// Sends the caller elsewhere.
    Redirect,
}

/// One call, as the stand-in saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Key, where one was sent.
    pub key: Option<String>,
    /// Status answered; none where the connection was dropped.
    pub status: Option<u16>,
    /// The object's id, where one was created or found.
    pub id: Option<String>,
}

/// One object it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Its id, such as `ERP-000001`.
    pub id: String,
    /// Where it was posted to, such as `shipments`.
    pub collection: String,
    /// The key it was created under.
    pub key: Option<String>,
    /// What was posted.
    pub body: Value,
}

#[derive(Debug, Default)]
struct State {
    objects: Vec<Object>,
    by_key: BTreeMap<(String, String), usize>,
    troubles: VecDeque<Trouble>,
    calls: Vec<Seen>,
}

/// An answer, or none where the connection is dropped.
type Answer = Option<(StatusCode, Value)>;

impl Erp {
    /// Starts it on a free loopback port.
    ///
    /// # Errors
    /// When no port is to be had.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::<Mutex<State>>::default();
        let serving = tokio::spawn(serve(listener, state.clone()));
        Ok(Self { address, state, serving })
    }

    /// Host and port, such as `127.0.0.1:40123`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of a collection, such as `shipments`.
    #[must_use]
    pub fn url(&self, collection: &str) -> String {
        format!("http://{}/{collection}", self.address)
    }

    /// Makes the next calls that would create something go wrong, one after the other.
    pub fn trouble(&self, troubles: impl IntoIterator<Item = Trouble>) {
        self.lock().troubles.extend(troubles);
    }

    /// The calls so far, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<Seen> {
        self.lock().calls.clone()
    }

    /// What it holds, oldest first.
    #[must_use]
    pub fn objects(&self) -> Vec<Object> {
        self.lock().objects.clone()
    }

    /// The same without the first so many.
    #[must_use]
    pub fn objects_after(&self, count: usize) -> Vec<Object> {
        self.lock().objects.get(count..).unwrap_or_default().to_vec()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }
}

impl Drop for Erp {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    while let Ok((tcp, _)) = listener.accept().await {
        tokio::spawn(serve_one(tcp, state.clone()));
    }
}

async fn serve_one(tcp: TcpStream, state: Arc<Mutex<State>>) {
    let service = service_fn(|request| answer(request, state.clone()));
    // An error here is a caller that went away, or a drop that was asked for.
    let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tcp), service);
    served.await.ok();
}

/// An error makes hyper close the connection without an answer.
async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let method = request.method().clone();
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let key = request.headers().get(KEY_HEADER).and_then(|key| key.to_str().ok()).map(str::to_owned);
    let body = Limited::new(request.into_body(), BODY_LIMIT_BYTES).collect().await;
    let body = body.map_err(std::io::Error::other)?.to_bytes();
    let mut state = state.lock().expect("nobody panics while holding it");
    let answer = state.decide(&method, &path, key.as_deref(), &body);
    state.calls.push(Seen {
        method: method.to_string(),
        path,
        key,
        status: answer.as_ref().map(|(status, _)| status.as_u16()),
        id: answer.as_ref().and_then(|(_, body)| body.get("id")?.as_str().map(str::to_owned)),
    });
    drop(state);
    match answer {
        Some((status, body)) => Ok(respond(status, &body)),
        None => Err(std::io::ErrorKind::ConnectionAborted.into()),
    }
}

impl State {
    fn decide(&mut self, method: &Method, path: &str, key: Option<&str>, body: &[u8]) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut parts = path.trim_matches('/').split('/');
        let (collection, id) = (parts.next().unwrap_or_default(), parts.next());
        if !is_collection(collection) || parts.next().is_some() {
            return refuse(StatusCode::NOT_FOUND, "no such place");
        }
        match (method, id) {
            (&Method::POST | &Method::PUT, None) => self.create(collection, key, body),
            (&Method::GET, Some(id)) => {
                self.find(|object| object.collection == collection && object.id == id)
            }
            (&Method::GET, None) => match query.strip_prefix("key=") {
                Some(wanted) => self
                    .find(|object| object.collection == collection && object.key.as_deref() == Some(wanted)),
                None => Some((StatusCode::OK, self.list(collection))),
            },
            _ => refuse(StatusCode::METHOD_NOT_ALLOWED, "not done here"),
        }
    }

    fn create(&mut self, collection: &str, key: Option<&str>, body: &[u8]) -> Answer {
        let trouble = self.troubles.pop_front();
        match trouble {
            Some(Trouble::Answer(status)) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return refuse(status, "told to fail");
            }
            Some(Trouble::Busy(secs)) => {
                return Some((
                    StatusCode::SERVICE_UNAVAILABLE,
                    json!({ "error": "busy", "retry_after": secs }),
                ));
            }
            Some(Trouble::Redirect) => {
                return Some((StatusCode::TEMPORARY_REDIRECT, json!({ "location": "/elsewhere" })));
            }
            Some(Trouble::CreateThenUnavailable | Trouble::CreateThenDrop) | None => {}
        }
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return refuse(StatusCode::BAD_REQUEST, "the body is not JSON");
        };
        let answer = self.keep(collection, key, body);
        match trouble {
            Some(Trouble::CreateThenUnavailable) => refuse(StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            Some(Trouble::CreateThenDrop) => None,
            _ => answer,
        }
    }

    /// Creates an object once for each key; the same key with another body is a mistake of the caller.
    fn keep(&mut self, collection: &str, key: Option<&str>, body: Value) -> Answer {
        let by_key = key.map(|key| (collection.to_owned(), key.to_owned()));
        let known = by_key.as_ref().and_then(|key| self.objects.get(*self.by_key.get(key)?));
        if let Some(known) = known {
            return if known.body == body {
                Some((StatusCode::OK, json!({ "id": known.id, "repeated": true })))
            } else {
                refuse(StatusCode::UNPROCESSABLE_ENTITY, "the key was used with another body")
            };
        }
        let id = format!("ERP-{:06}", self.objects.len() + 1);
        if let Some(by_key) = by_key {
            self.by_key.insert(by_key, self.objects.len());
        }
        self.objects.push(Object {
            id: id.clone(),
            collection: collection.to_owned(),
            key: key.map(str::to_owned),
            body,
        });
        Some((StatusCode::CREATED, json!({ "id": id })))
    }

    fn find(&self, wanted: impl Fn(&Object) -> bool) -> Answer {
        match self.objects.iter().find(|object| wanted(object)) {
            Some(object) => Some((StatusCode::OK, json!({ "id": object.id, "body": object.body }))),
            None => refuse(StatusCode::NOT_FOUND, "no such object"),
        }
    }

    fn list(&self, collection: &str) -> Value {
        let objects = self.objects.iter().filter(|object| object.collection == collection);
        objects.map(|object| json!({ "id": object.id, "key": object.key })).collect()
    }
}

fn is_collection(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

fn refuse(status: StatusCode, why: &str) -> Answer {
    Some((status, json!({ "error": why })))
}

fn respond(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(secs) = body.get("retry_after").and_then(Value::as_u64) {
        headers.insert(RETRY_AFTER, secs.into());
    }
    if body.get("location").is_some() {
        headers.insert(LOCATION, HeaderValue::from_static("/elsewhere"));
    }
    response
}
