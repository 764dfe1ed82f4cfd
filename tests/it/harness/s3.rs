//! A server that speaks S3 on this machine: it checks signatures as AWS does, and fails when it is told to.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use crossdock::store::hex;
use futures_util::stream::{self, StreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use ring::{digest, hmac};
use tokio::net::TcpListener;

pub(crate) const ACCESS_KEY: &str = "AKIDEXAMPLE";
pub(crate) const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
pub(crate) const BUCKET: &str = "edi-archive";
pub(crate) const REGION: &str = "eu-central-1";
/// What a machine of the role says to be told its keys, and the token that comes with them.
pub(crate) const ROLE_TOKEN: &str = "a-pod-of-the-hub";
const SESSION_TOKEN: &str = "session/token+of=the-role";

/// What is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    Get,
    /// The marker of an archive.
    Marker,
    Head,
    Put,
    Delete,
    Begin,
    Part,
    Complete,
    Abort,
    /// Who may not do it is not told either that something is not there.
    List,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    /// It is answered so, and nothing is done.
    Answer(u16, &'static str),
    /// It is never answered.
    Stall,
    /// It is done, and the connection breaks before the answer.
    Untold,
    /// So much of the answer's body comes, and then the connection breaks.
    Cut(usize),
    /// So much of the answer's body comes, and then nothing more.
    StallAfter(usize),
}

/// What it knows of `If-None-Match`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Conditions {
    #[default]
    Known,
    /// It answers that it does not know it.
    Refused,
    /// It does as if it were not there.
    Ignored,
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// The server; it ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct S3 {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Bytes>,
    /// The type of each object.
    types: BTreeMap<String, String>,
    uploads: BTreeMap<String, Upload>,
    begun: u32,
    troubles: BTreeMap<Verb, VecDeque<Trouble>>,
    denied: BTreeSet<Verb>,
    conditions: Conditions,
    seen: Vec<(Verb, String)>,
}

/// The parts of an upload, by number.
type Upload = BTreeMap<u32, Bytes>;

/// An answer that is no success: status, code, message.
type Refused = (u16, &'static str, String);

impl S3 {
    /// One with the bucket [`BUCKET`] in [`REGION`], which is empty.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let server = Self { port, state: Arc::default() };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = serving.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| server.clone().serve(request));
                    // A caller that breaks off is no fault of the server.
                    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        server
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next requests of a kind meet these troubles, one each.
    pub(crate) fn trouble(&self, verb: Verb, troubles: impl IntoIterator<Item = Trouble>) {
        self.state().troubles.entry(verb).or_default().extend(troubles);
    }

    /// What was asked for meets no trouble any more.
    pub(crate) fn calm(&self) {
        self.state().troubles.clear();
    }

    /// The key has no right to these.
    pub(crate) fn deny(&self, verbs: &[Verb]) {
        self.state().denied = verbs.iter().copied().collect();
    }

    pub(crate) fn conditions(&self, conditions: Conditions) {
        self.state().conditions = conditions;
    }

    /// What is in the bucket, by key.
    pub(crate) fn objects(&self) -> BTreeMap<String, Bytes> {
        self.state().objects.clone()
    }

    /// The type that an object was put with.
    pub(crate) fn type_of(&self, key: &str) -> String {
        self.state().types.get(key).cloned().unwrap_or_default()
    }

    /// Puts an object there by another way.
    pub(crate) fn set(&self, key: &str, bytes: impl Into<Bytes>) {
        self.state().objects.insert(key.to_owned(), bytes.into());
    }

    /// Uploads that were begun and neither completed nor taken back.
    pub(crate) fn open_uploads(&self) -> usize {
        self.state().uploads.len()
    }

    /// How often this was asked so far.
    pub(crate) fn count(&self, verb: Verb) -> usize {
        self.state().seen.iter().filter(|(seen, _)| *seen == verb).count()
    }

    /// The ranges of objects that were asked for.
    pub(crate) fn ranges(&self) -> Vec<String> {
        let state = self.state();
        state
            .seen
            .iter()
            .filter(|(verb, range)| *verb == Verb::Get && !range.is_empty())
            .map(|(_, range)| range.clone())
            .collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it is held")
    }

    async fn serve(self, request: Request<Incoming>) -> Result<Response<Body>, io::Error> {
        let (parts, body) = request.into_parts();
        // One who breaks off is not answered.
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        if parts.uri.path() == "/role" {
            return Ok(role(&parts));
        }
        let verb = verb(&parts);
        let trouble = {
            let mut state = self.state();
            state.seen.push((verb, header(&parts, "range").to_owned()));
            state.troubles.get_mut(&verb).and_then(VecDeque::pop_front)
        };
        match trouble {
            Some(Trouble::Answer(status, code)) => {
                return Ok(refused(&parts, (status, code, "so it was told".to_owned())));
            }
            Some(Trouble::Stall) => std::future::pending().await,
            _ => {}
        }
        let answer = check(&parts, &body).and_then(|()| self.answer(verb, &parts, body));
        let answer = answer.unwrap_or_else(|error| refused(&parts, error));
        Ok(match trouble {
            Some(Trouble::Untold) => return Err(io::Error::other("the answer is not told")),
            Some(Trouble::Cut(after)) => cut(answer, after, false).await,
            Some(Trouble::StallAfter(after)) => cut(answer, after, true).await,
            _ => answer,
        })
    }

    fn answer(&self, verb: Verb, parts: &Parts, body: Bytes) -> Result<Response<Body>, Refused> {
        let mut state = self.state();
        if verb == Verb::List && !state.denied.contains(&verb) {
            let prefix = query(parts).get("prefix").cloned().unwrap_or_default().replace("%2F", "/");
            let found = state.objects.iter().filter(|(key, _)| key.starts_with(&prefix));
            let found = found.map(|(key, object)| {
                format!(
                    "<Contents><Key>{key}</Key><LastModified>2026-01-31T00:00:00.000Z</LastModified><Size>{}</Size></Contents>",
                    object.len()
                )
            });
            let told = format!(
                "<ListBucketResult><Name>{BUCKET}</Name><IsTruncated>false</IsTruncated>{}</ListBucketResult>",
                found.collect::<String>()
            );
            return Ok(xml(200, told));
        }
        let Some(key) = parts.uri.path().strip_prefix(&format!("/{BUCKET}/")).map(str::to_owned) else {
            return Err((404, "NoSuchBucket", "The specified bucket does not exist".to_owned()));
        };
        if state.denied.contains(&verb) {
            return Err((403, "AccessDenied", "Access Denied".to_owned()));
        }
        let query = query(parts);
        let upload_id = query.get("uploadId").cloned().unwrap_or_default();
        let no_upload = || (404, "NoSuchUpload", "The specified upload does not exist.".to_owned());
        match verb {
            Verb::Get | Verb::Marker | Verb::Head => {
                let Some(object) = state.objects.get(&key) else {
                    return Err(if state.denied.contains(&Verb::List) {
                        (403, "AccessDenied", "Access Denied".to_owned())
                    } else {
                        (404, "NoSuchKey", "The specified key does not exist.".to_owned())
                    });
                };
                Ok(object_answer(parts, object))
            }
            Verb::Put => {
                let is_conditional = header(parts, "if-none-match") == "*";
                match state.conditions {
                    Conditions::Refused if is_conditional => {
                        let message = "A header you provided implies functionality that is not implemented";
                        return Err((501, "NotImplemented", message.to_owned()));
                    }
                    Conditions::Known if is_conditional && state.objects.contains_key(&key) => {
                        let message = "At least one of the pre-conditions you specified did not hold";
                        return Err((412, "PreconditionFailed", message.to_owned()));
                    }
                    _ => {}
                }
                let tag = tag(&body);
                state.types.insert(key.clone(), header(parts, "content-type").to_owned());
                state.objects.insert(key, body);
                Ok(plain(200).header("etag", tag).body(full(Bytes::new())).expect("sound"))
            }
            Verb::Delete => {
                state.objects.remove(&key);
                Ok(plain(204).body(full(Bytes::new())).expect("sound"))
            }
            Verb::Begin => {
                state.begun += 1;
                let id = format!("upload-{}", state.begun);
                state.types.insert(key.clone(), header(parts, "content-type").to_owned());
                let told = format!(
                    "<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{key}</Key><UploadId>{id}</UploadId>\
                     </InitiateMultipartUploadResult>"
                );
                state.uploads.insert(id, Upload::new());
                Ok(xml(200, told))
            }
            Verb::Part => {
                let upload = state.uploads.get_mut(&upload_id).ok_or_else(no_upload)?;
                let number = query.get("partNumber").and_then(|number| number.parse().ok());
                let tag = tag(&body);
                upload.insert(number.expect("a part has a number"), body);
                Ok(plain(200).header("etag", tag).body(full(Bytes::new())).expect("sound"))
            }
            Verb::Complete => {
                let upload = state.uploads.get(&upload_id).ok_or_else(no_upload)?;
                let whole = whole(upload, &body)?;
                let told = format!(
                    "<CompleteMultipartUploadResult><ETag>{}</ETag></CompleteMultipartUploadResult>",
                    tag(&whole)
                );
                state.uploads.remove(&upload_id);
                state.objects.insert(key, whole);
                Ok(xml(200, told))
            }
            Verb::Abort => {
                state.uploads.remove(&upload_id).ok_or_else(no_upload)?;
                Ok(plain(204).body(full(Bytes::new())).expect("sound"))
            }
            Verb::List => unreachable!("it is answered above"),
        }
    }
}

fn verb(parts: &Parts) -> Verb {
    let query = query(parts);
    let (is_part, is_begun) = (query.contains_key("uploadId"), query.contains_key("uploads"));
    match parts.method {
        Method::GET if query.contains_key("list-type") => Verb::List,
        Method::GET if parts.uri.path().ends_with("/crossdock-archive") => Verb::Marker,
        Method::GET => Verb::Get,
        Method::HEAD => Verb::Head,
        Method::PUT if is_part => Verb::Part,
        Method::PUT => Verb::Put,
        Method::DELETE if is_part => Verb::Abort,
        Method::DELETE => Verb::Delete,
        Method::POST if is_begun => Verb::Begin,
        Method::POST if is_part => Verb::Complete,
        _ => panic!("an archive needs no {} {}", parts.method, parts.uri),
    }
}

/// The parts that the list names, in its order.
fn whole(upload: &Upload, list: &Bytes) -> Result<Bytes, Refused> {
    let list = std::str::from_utf8(list).expect("it is XML");
    let inside = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.replace("&quot;", "\""))
    };
    let mut bytes = Vec::new();
    let named: Vec<&str> = list.split("<Part>").skip(1).collect();
    for (at, part) in named.iter().enumerate() {
        let number: u32 =
            inside(part, "PartNumber").and_then(|number| number.parse().ok()).expect("a number");
        let found = upload.get(&number).filter(|found| inside(part, "ETag").as_deref() == Some(&*tag(found)));
        let Some(found) = found else {
            return Err((
                400,
                "InvalidPart",
                "One or more of the specified parts could not be found.".to_owned(),
            ));
        };
        if at + 1 < named.len() && found.len() < 5 << 20 {
            let message = "Your proposed upload is smaller than the minimum allowed size";
            return Err((400, "EntityTooSmall", message.to_owned()));
        }
        bytes.extend_from_slice(found);
    }
    Ok(bytes.into())
}

fn object_answer(parts: &Parts, object: &Bytes) -> Response<Body> {
    let answer = |status| {
        plain(status).header("etag", tag(object)).header("last-modified", "Wed, 25 Nov 2026 06:12:00 GMT")
    };
    if parts.method == Method::HEAD {
        return answer(200).header(CONTENT_LENGTH, object.len()).body(full(Bytes::new())).expect("sound");
    }
    match header(parts, "range").strip_prefix("bytes=").and_then(|range| range.split_once('-')) {
        Some((from, to)) => {
            let (from, to): (usize, usize) = (from.parse().expect("a place"), to.parse().expect("a place"));
            let to = to.min(object.len() - 1);
            let range = format!("bytes {from}-{to}/{}", object.len());
            answer(206).header("content-range", range).body(full(object.slice(from..=to))).expect("sound")
        }
        None => answer(200).body(full(object.clone())).expect("sound"),
    }
}

/// The same answer, of which only the beginning comes.
async fn cut(answer: Response<Body>, after: usize, stall: bool) -> Response<Body> {
    let (mut parts, body) = answer.into_parts();
    let body = body.collect().await.expect("it is in memory").to_bytes();
    parts.headers.insert(CONTENT_LENGTH, body.len().into());
    let begun = stream::iter([Ok(Frame::data(body.slice(..after.min(body.len()))))]);
    let rest = stream::once(async move {
        if stall {
            std::future::pending::<()>().await;
        }
        // What was begun is on its way before the connection breaks.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(io::Error::other("the connection breaks"))
    });
    Response::from_parts(parts, StreamBody::new(begun.chain(rest)).boxed_unsync())
}

/// The keys of a role, as a cloud gives them to a container that shows its token.
fn role(parts: &Parts) -> Response<Body> {
    if header(parts, "authorization") != ROLE_TOKEN {
        return refused(parts, (401, "Unauthorized", "Who are you?".to_owned()));
    }
    let told = format!(
        r#"{{"AccessKeyId":"{ACCESS_KEY}","SecretAccessKey":"{SECRET_KEY}","Token":"{SESSION_TOKEN}","Expiration":"2099-01-01T00:00:00Z"}}"#
    );
    plain(200).header(CONTENT_TYPE, "application/json").body(full(told.into())).expect("sound")
}

/// AWS Signature Version 4, as a server sees it.
fn check(parts: &Parts, body: &Bytes) -> Result<(), Refused> {
    let denied = |why: &str| (403, "AccessDenied", why.to_owned());
    let authorization = header(parts, "authorization");
    let fields = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(|| denied("Access Denied"))?;
    let field = |name: &str| {
        let found = fields.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
        found.ok_or_else(|| denied("the authorization lacks a part"))
    };
    let (credential, signed, signature) =
        (field("Credential")?, field("SignedHeaders")?, field("Signature")?);
    let scope: Vec<&str> = credential.splitn(2, '/').collect();
    let [key, scope] = scope[..] else { return Err(denied("the credential has no scope")) };
    if key != ACCESS_KEY {
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        return Err((403, "InvalidAccessKeyId", message.to_owned()));
    }
    let scopes: Vec<&str> = scope.split('/').collect();
    let [day, region, "s3", "aws4_request"] = scopes[..] else { return Err(denied("the scope is another")) };
    if region != REGION {
        let message = format!(
            "The authorization header is malformed; the region '{region}' is wrong; expecting '{REGION}'"
        );
        return Err((400, "AuthorizationHeaderMalformed", message));
    }
    let names: Vec<&str> = signed.split(';').collect();
    let token = header(parts, "x-amz-security-token");
    let mut needed = vec!["host", "x-amz-content-sha256", "x-amz-date"];
    if !token.is_empty() {
        needed.push("x-amz-security-token");
    }
    if needed.iter().any(|name| !names.contains(name)) || !["", SESSION_TOKEN].contains(&token) {
        return Err(denied("what must be signed is not"));
    }
    let at = header(parts, "x-amz-date");
    let now = crossdock::clock::Clock::System.now();
    let said = chrono::NaiveDateTime::parse_from_str(at, "%Y%m%dT%H%M%SZ").map(|said| said.and_utc());
    if said.is_ok_and(|said| (now - said).num_minutes().abs() > 15) || !at.starts_with(day) {
        let message = "The difference between the request time and the current time is too large.";
        return Err((403, "RequestTimeTooSkewed", message.to_owned()));
    }
    let mut pairs: Vec<(&str, &str)> = parts
        .uri
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'))
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    pairs.sort_unstable();
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers: String =
        names.iter().map(|name| format!("{name}:{}\n", header(parts, name).trim())).collect();
    let payload = header(parts, "x-amz-content-sha256");
    let request = format!(
        "{}\n{}\n{}\n{headers}\n{signed}\n{payload}",
        parts.method,
        parts.uri.path(),
        query.join("&")
    );
    let to_sign = format!("AWS4-HMAC-SHA256\n{at}\n{scope}\n{}", sha256(request.as_bytes()));
    let mut secret = format!("AWS4{SECRET_KEY}").into_bytes();
    for part in [day, region, "s3", "aws4_request", &to_sign] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        secret = hmac::sign(&key, part.as_bytes()).as_ref().to_vec();
    }
    if hex(&secret) != signature {
        let message = "The request signature we calculated does not match the signature you provided. Check your key \
                       and signing method.";
        return Err((403, "SignatureDoesNotMatch", message.to_owned()));
    }
    if payload != "UNSIGNED-PAYLOAD" && payload != sha256(body) {
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return Err((400, "XAmzContentSHA256Mismatch", message.to_owned()));
    }
    Ok(())
}

fn query(parts: &Parts) -> BTreeMap<String, String> {
    let pairs = parts.uri.query().into_iter().flat_map(|query| query.split('&'));
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn header<'a>(parts: &'a Parts, name: &str) -> &'a str {
    parts.headers.get(name).map(|value| value.to_str().expect("text")).unwrap_or_default()
}

fn plain(status: u16) -> hyper::http::response::Builder {
    Response::builder().status(status).header("x-amz-request-id", "0123456789ABCDEF")
}

fn xml(status: u16, text: String) -> Response<Body> {
    let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}");
    plain(status).header(CONTENT_TYPE, "application/xml").body(full(text.into())).expect("sound")
}

fn refused(parts: &Parts, (status, code, message): Refused) -> Response<Body> {
    // Who asks for the head is told no more than the status.
    if parts.method == Method::HEAD {
        return plain(status).body(full(Bytes::new())).expect("sound");
    }
    let message = message.replace('\'', "&apos;");
    xml(
        status,
        format!("<Error><Code>{code}</Code><Message>{message}</Message><RequestId>0123</RequestId></Error>"),
    )
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed_unsync()
}

fn tag(bytes: &Bytes) -> String {
    format!("\"{}\"", sha256(bytes))
}

/// By ring: without optimization it is fifty times faster than what is written in Rust.
fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}
