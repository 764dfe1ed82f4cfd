//! Calls to other systems over HTTP: one call, one outcome, nowhere else than agreed.

mod addresses;
mod gate;
mod login;

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Error, Kind};
use crate::clock::Clock;
use crate::tls;

pub use addresses::{Allowed, BadAllowed};
pub use gate::Limits;
pub use login::{Login, Signature, Who};

/// A longer answer than this is cut off, and its outcome is unknown.
pub const RESPONSE_LIMIT_BYTES: usize = 10 << 20;

const CONNECT: Duration = Duration::from_secs(10);

/// One call to make.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// `GET`, `POST`, `PUT` …
    pub method: String,
    /// Where to, `https` or, to hosts that are allowed by name, `http`.
    pub url: String,
    /// Plain headers, such as `Content-Type`.
    pub headers: BTreeMap<String, String>,
    /// Headers whose values are secrets, such as `Authorization`; never logged.
    pub secret_headers: BTreeMap<String, SecretString>,
    /// Header that carries the key and the key itself, the same for every try of one delivery.
    pub idempotency: Option<(String, String)>,
    /// What is sent; empty for none.
    pub body: Bytes,
    /// Longest time for the whole call.
    pub timeout: Duration,
    /// Member of a JSON answer that holds the other side's id, such as `id` or `data.id`; a pointer
    /// such as `/data/0/id` (RFC 6901) reaches into lists.
    pub response_id: Option<String>,
    /// What a 2xx must say besides: a member of the JSON answer and its value.
    pub success: Option<(String, String)>,
    /// Answers that say it took effect before: a status, and a text that the answer holds; any text if empty.
    pub already_there: Vec<(u16, String)>,
    /// Limits of its host.
    pub limits: Limits,
}

/// How a call ended. Only [`Outcome::Unknown`] leaves open whether it took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 2xx: it took effect.
    Delivered(Answer),
    /// It took no effect, or may be repeated under the same key: later.
    RetryLater {
        /// The answer, where there was one.
        answer: Option<Answer>,
        /// The wait the other side asked for.
        after: Option<Duration>,
        /// What happened, for people.
        why: String,
    },
    /// The other side will not have it however often it is sent: a person must look.
    Refused {
        /// The answer, where there was one.
        answer: Option<Answer>,
        /// What happened, for people.
        why: String,
    },
    /// It was sent and no full answer came: read back before anything is sent again.
    Unknown {
        /// What happened, for people.
        why: String,
    },
}

/// What the other side answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Its id for what was sent, where the answer holds one at the place agreed.
    pub id: Option<String>,
    /// Its body, whole.
    pub body: Bytes,
}

impl Answer {
    /// What a member of its JSON says: text, a number, or true or false.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<String> {
        json_id(&self.body, name)
    }
}

/// Makes calls. Redirects and proxies are not followed, names are resolved once and checked, and
/// addresses of this machine and of private networks are called only where they are allowed.
#[derive(Clone, Debug)]
pub struct Client {
    clients: Arc<Clients>,
    private_hosts: Vec<Allowed>,
    gates: gate::Gates,
    tokens: login::Tokens,
}

/// Made when first needed: a machine without certificates of authorities can still call its own ERP.
#[derive(Debug, Default)]
struct Clients {
    public: OnceLock<Result<reqwest::Client, Error>>,
    allowed: OnceLock<Result<reqwest::Client, Error>>,
    allowed_plain: OnceLock<Result<reqwest::Client, Error>>,
}

impl Client {
    /// A client that may call the public internet, and of private hosts only those named.
    #[must_use]
    pub fn new(private_hosts: Vec<Allowed>) -> Self {
        Self {
            clients: Arc::default(),
            private_hosts,
            gates: gate::Gates::default(),
            tokens: login::Tokens::default(),
        }
    }

    /// Makes one call, once.
    ///
    /// # Errors
    /// `Invalid` when the call itself is wrong or may not be made; nothing was sent then. Everything
    /// that happens on the way is an [`Outcome`].
    pub async fn call(&self, call: &Call) -> Result<Outcome, Error> {
        let attempted = || format!("cannot call `{}`", shown_url(&call.url));
        let invalid = |why: String| {
            Error::new(Kind::Invalid, attempted())
                .because(why)
                .hinted("mend the channel in the profile; nothing was sent")
        };
        let url = Url::parse(&call.url).map_err(|error| invalid(error.to_string()))?;
        let client = self.client_for(&url, invalid)?;
        let method = Method::from_bytes(call.method.as_bytes())
            .map_err(|_| invalid(format!("`{}` is no method", call.method)))?;
        let headers = headers(call).map_err(invalid)?;
        let gate = self.gates.of(url.authority(), call.limits);
        let _turn = match gate.enter().await {
            Ok(turn) => turn,
            Err(left) => {
                let why = "it asked to be left alone for a while".to_owned();
                return Ok(Outcome::RetryLater { answer: None, after: Some(left), why });
            }
        };
        let request =
            client.request(method, url).headers(headers).timeout(call.timeout).body(call.body.clone());
        match request.send().await {
            Ok(response) => {
                let outcome = outcome(response, call).await;
                if let Outcome::RetryLater { after: Some(after), .. } = &outcome {
                    gate.close_for(*after);
                }
                Ok(outcome)
            }
            Err(error) => failed_call(error, attempted()),
        }
    }

    fn client_for(&self, url: &Url, invalid: impl Fn(String) -> Error) -> Result<&reqwest::Client, Error> {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(invalid("it names no host".into()));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("it holds a login; use a secret header".into()));
        }
        if self.private_hosts.iter().any(|allowed| allowed.is(host, port)) {
            return match url.scheme() {
                "http" => made(&self.clients.allowed_plain, |to| to.tls_certs_only([])),
                "https" => made(&self.clients.allowed, |to| to),
                other => Err(invalid(format!("`{other}` is not http or https"))),
            };
        }
        if url.scheme() != "https" {
            return Err(invalid(format!("`{}` is not https", url.scheme())));
        }
        match addresses::literal(host) {
            Some(address) if !addresses::is_public(address) => {
                Err(not_public(invalid(addresses::NotPublic { host: host.into() }.to_string())))
            }
            _ => made(&self.clients.public, |to| to.dns_resolver(addresses::PublicOnly)),
        }
    }
}

fn not_public(error: Error) -> Error {
    error.hinted("allow the host and port in `crossdock.toml` if it is your own system")
}

fn made(
    client: &OnceLock<Result<reqwest::Client, Error>>,
    special: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<&reqwest::Client, Error> {
    let make = || {
        let builder = tls::client()
            .connect_timeout(CONNECT)
            // A kept connection that the other side has just closed would make outcomes unknown.
            .pool_idle_timeout(Duration::from_secs(5));
        special(builder).build().map_err(|error| {
            Error::new(Kind::Invalid, "cannot set up calls over https")
                .because(error.source().map_or_else(|| error.to_string(), ToString::to_string))
                .hinted("install the certificates of authorities (`ca-certificates`) and start again")
        })
    };
    client.get_or_init(make).as_ref().map_err(Clone::clone)
}

fn headers(call: &Call) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    let mut insert = |name: &str, value: &str, secret: bool| {
        let parsed: HeaderName = name.parse().map_err(|_| format!("`{name}` is no name of a header"))?;
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| format!("the value of header `{name}` has characters it may not have"))?;
        value.set_sensitive(secret);
        headers.insert(parsed, value);
        Ok::<(), String>(())
    };
    for (name, value) in &call.headers {
        insert(name, value, false)?;
    }
    for (name, value) in &call.secret_headers {
        insert(name, value.expose_secret(), true)?;
    }
    if let Some((name, key)) = &call.idempotency {
        insert(name, key, false)?;
    }
    Ok(headers)
}

async fn outcome(response: reqwest::Response, call: &Call) -> Outcome {
    let status = response.status();
    let after =
        response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(retry_after);
    let answer = match read_body(response).await {
        Ok(body) => Answer {
            status: status.as_u16(),
            id: call.response_id.as_deref().and_then(|member| json_id(&body, member)),
            body,
        },
        // The headers tell enough when the call took no effect.
        Err(_) if !status.is_success() => Answer { status: status.as_u16(), id: None, body: Bytes::new() },
        Err(why) => return Outcome::Unknown { why },
    };
    classify(status, answer, after, call)
}

fn classify(status: StatusCode, answer: Answer, after: Option<Duration>, call: &Call) -> Outcome {
    let why = format!("it answered {status}");
    let says = |text: &str| text.is_empty() || String::from_utf8_lossy(&answer.body).contains(text);
    if call.already_there.iter().any(|(known, text)| *known == answer.status && says(text)) {
        return Outcome::Delivered(answer);
    }
    let answer = match status.as_u16() {
        200..=299 => {
            let Some((member, wanted)) = &call.success else { return Outcome::Delivered(answer) };
            let said = json_id(&answer.body, member);
            if said.as_ref() == Some(wanted) {
                return Outcome::Delivered(answer);
            }
            let said = said.map_or_else(|| "nothing".to_owned(), |said| format!("`{said}`"));
            let why = format!("{why}, but `{member}` says {said} and not `{wanted}`");
            return Outcome::Refused { answer: Some(answer), why };
        }
        _ => Some(answer),
    };
    match status.as_u16() {
        300..=399 => Outcome::Refused { answer, why: format!("{why}; redirects are not followed") },
        // 409 is what a server answers while an earlier call under the same key is still at work.
        408 | 409 | 423 | 425 | 429 | 500..=599 => Outcome::RetryLater { answer, after, why },
        _ => Outcome::Refused { answer, why },
    }
}

async fn read_body(mut response: reqwest::Response) -> Result<Bytes, String> {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(body.freeze()),
            Ok(Some(chunk)) if body.len() + chunk.len() > RESPONSE_LIMIT_BYTES => {
                return Err("its answer is longer than 10 MiB".into());
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Err(error) => return Err(format!("its answer broke off: {}", chain(&error))),
        }
    }
}

fn failed_call(error: reqwest::Error, attempted: String) -> Result<Outcome, Error> {
    if let Some(refused) = tls::cause::<addresses::NotPublic>(&error) {
        return Err(not_public(Error::new(Kind::Invalid, attempted).because(refused.to_string())));
    }
    let why = match tls::hint(&error) {
        Some(hint) => format!("{}; hint: {hint}", chain(&error)),
        None => chain(&error),
    };
    if error.is_connect() {
        return Ok(Outcome::RetryLater { answer: None, after: None, why });
    }
    if error.is_builder() || error.is_redirect() {
        return Err(Error::new(Kind::Invalid, attempted).because(why));
    }
    Ok(Outcome::Unknown { why })
}

/// The error and its causes in one line, without the address, which may hold what is not for logs.
fn chain(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        "no connection".to_owned()
    } else {
        "the call broke off".to_owned()
    };
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3).
fn retry_after(value: &str) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    let wait = match value.trim().parse() {
        Ok(secs) => Duration::from_secs(secs),
        Err(_) => {
            let until = chrono::DateTime::parse_from_rfc2822(value.trim()).ok()?;
            (until.to_utc() - Clock::System.now()).to_std().unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST))
}

fn json_id(body: &[u8], member: &str) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let found = if member.starts_with('/') {
        answer.pointer(member)?
    } else {
        member.split('.').try_fold(&answer, |at, name| at.get(name))?
    };
    match found {
        serde_json::Value::String(id) => Some(id.clone()),
        serde_json::Value::Number(id) => Some(id.to_string()),
        serde_json::Value::Bool(said) => Some(said.to_string()),
        _ => None,
    }
}

/// The address without its query, which may hold keys.
fn shown_url(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_class() {
        let class = |code| {
            let status = StatusCode::from_u16(code).expect("a status");
            let answer = Answer { status: code, id: None, body: Bytes::new() };
            match classify(status, answer, None, &Call::default()) {
                Outcome::Delivered(_) => "delivered",
                Outcome::RetryLater { .. } => "later",
                Outcome::Refused { .. } => "refused",
                Outcome::Unknown { .. } => "unknown",
            }
        };
        assert_eq!([200, 201, 204].map(class), ["delivered"; 3]);
        assert_eq!([409, 429, 500, 503].map(class), ["later"; 4]);
        assert_eq!([301, 307, 400, 401, 404, 422].map(class), ["refused"; 6]);
    }

    #[test]
    fn rules_say_what_is_a_success_and_what_was_there_already() {
        let class = |code, body: &'static str, call: &Call| {
            let status = StatusCode::from_u16(code).expect("a status");
            let answer = Answer { status: code, id: None, body: Bytes::from_static(body.as_bytes()) };
            matches!(classify(status, answer, None, call), Outcome::Delivered(_))
        };
        let call = Call {
            success: Some(("result.ok".to_owned(), "true".to_owned())),
            already_there: vec![(409, String::new()), (422, "duplicate key".to_owned())],
            ..Call::default()
        };
        assert!(class(200, r#"{"result":{"ok":true}}"#, &call));
        assert!(!class(200, r#"{"result":{"ok":false}}"#, &call));
        assert!(!class(200, "", &call));
        assert!(class(409, "", &call));
        assert!(class(422, "duplicate key value", &call));
        assert!(!class(422, "no such item", &call));
    }

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        assert_eq!(retry_after("7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("soon"), None);
    }

    #[test]
    fn an_id_is_text_or_a_number() {
        assert_eq!(json_id(br#"{"id":"S-1"}"#, "/id"), Some("S-1".into()));
        assert_eq!(json_id(br#"{"data":{"id":"S-1"}}"#, "data.id"), Some("S-1".into()));
        assert_eq!(json_id(br#"{"d":{"id":7}}"#, "/d/id"), Some("7".into()));
        assert_eq!(json_id(br#"{"id":null}"#, "/id"), None);
        assert_eq!(json_id(b"<html>", "/id"), None);
    }
}
