//! Why the archive could not be read or written: in words, what to do, and whether it goes away by itself.

use std::error::Error as StdError;
use std::time::Duration;

use object_store::client::{HttpError, HttpErrorKind};

use super::super::Error;
use crate::tls;

/// What somebody can do who has the rights of a key in hand.
const RIGHTS: &str = "give the key of [archive] s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on \
     the objects, and s3:ListBucket on the bucket";
const REGION: &str = "write the region of the bucket as `region` in [archive] of crossdock.toml";
const PLACE: &str =
    "mend `bucket`, `endpoint` or `region` in [archive] of crossdock.toml, or make the bucket";
const ABSENT: &str =
    "put it back from a backup of the archive or an older version in the bucket, then release what is held";
const CLOCK: &str = "set the clock of this machine; it must not be a quarter of an hour off";
const ROOM: &str = "make room there";
const LATER: &str = "it is tried again by itself";

/// The keys of the bucket are not to be had.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoKeys(pub(super) String);

/// A failure, understood.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) why: String,
    hint: String,
    is_temporary: bool,
}

impl Trouble {
    fn new(is_temporary: bool, why: impl Into<String>, hint: &str) -> Self {
        Self { why: why.into(), hint: hint.to_owned(), is_temporary }
    }

    /// Nothing was answered for so long.
    pub(super) fn late(wait: Duration) -> Self {
        Self::new(true, format!("no answer within {} s", wait.as_secs()), LATER)
    }

    /// What a failed call means.
    pub(super) fn of(error: &object_store::Error) -> Self {
        if let Some(NoKeys(why)) = tls::cause(error) {
            return Self::new(true, why, "[archive] of crossdock.toml says where it is looked for");
        }
        let text = error.to_string();
        if let Some(broken) = tls::cause::<HttpError>(error) {
            return Self::of_call(broken, &text);
        }
        if let Some(answer) = Answer::of(&text) {
            return answer.trouble();
        }
        if let Some(error) = tls::cause::<std::io::Error>(error) {
            use std::io::ErrorKind as Io;
            return match error.kind() {
                Io::NotFound => Self::new(false, "it is not there", ABSENT),
                Io::PermissionDenied | Io::ReadOnlyFilesystem => Self::new(
                    false,
                    error.to_string(),
                    "give the account of the hub the rights to the folder",
                ),
                Io::StorageFull | Io::QuotaExceeded => Self::new(true, error.to_string(), ROOM),
                _ => Self::new(true, error.to_string(), LATER),
            };
        }
        match error {
            object_store::Error::NotFound { .. } => Self::new(false, "it is not there", ABSENT),
            // S3 tells of a bucket elsewhere without saying where.
            _ if text.contains("redirect without LOCATION") => {
                Self::new(false, "the bucket is in another region", REGION)
            }
            object_store::Error::Generic { .. } => Self::new(true, text, LATER),
            _ => Self::new(false, text, "this is a fault of the program or of the server; tell us"),
        }
    }

    fn of_call(broken: &HttpError, text: &str) -> Self {
        if text.contains("169.254.") {
            let hint =
                "write access_key and secret_key in [archive] of crossdock.toml, or give the machine a role";
            return Self::new(true, "this machine has no role that could be asked for keys", hint);
        }
        if let Some(hint) = tls::hint(broken) {
            return Self::new(false, deepest(broken), hint);
        }
        let what = match broken.kind() {
            HttpErrorKind::Timeout => "no answer in time",
            HttpErrorKind::Connect => "no connection",
            _ => "the call broke off",
        };
        let deepest = deepest(broken);
        let why = if deepest.contains("timed out") { what.to_owned() } else { format!("{what}: {deepest}") };
        Self::new(true, why, LATER)
    }

    /// The error of what was attempted at a place.
    pub(super) fn during(self, what: &str, place: &str) -> Error {
        let Self { why, hint, is_temporary } = self;
        Error::Archive { what: what.to_owned(), place: place.to_owned(), why, hint, is_temporary }
    }
}

/// Whether an object is not there, though its bucket is.
pub(super) fn is_absent(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. })
        && Answer::of(&error.to_string()).is_none_or(|answer| answer.code != "NoSuchBucket")
}

/// Whether the server does not know what was asked of it.
pub(super) fn is_unknown_there(error: &object_store::Error) -> bool {
    Answer::of(&error.to_string())
        .is_some_and(|answer| answer.status == 501 || answer.code == "NotImplemented")
}

/// What a server answered that is no success. The library gives it as text only.
struct Answer {
    status: u16,
    code: String,
    message: String,
}

impl Answer {
    fn of(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("status code: ").or_else(|| text.split_once("error response: "))?;
        let status = rest.chars().take_while(char::is_ascii_digit).collect::<String>();
        let member = |name: &str| {
            let (_, rest) = rest.split_once(&format!("<{name}>"))?;
            let (inside, _) = rest.split_once(&format!("</{name}>"))?;
            let plain = quick_xml::escape::unescape(inside).ok()?;
            // Nothing that a server says gets out of its place in a line.
            Some(plain.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect())
        };
        Some(Self {
            // An answer that was begun as a success and became none.
            status: status.parse().unwrap_or(500),
            code: member("Code").unwrap_or_default(),
            message: member("Message").unwrap_or_default(),
        })
    }

    fn trouble(self) -> Trouble {
        let Self { status, code, message } = &self;
        let said = [code.as_str(), message.as_str()].into_iter().filter(|text| !text.is_empty());
        let said: Vec<&str> = said.collect();
        let why = match said.join(": ") {
            said if said.is_empty() => format!("it answered {status}"),
            said => format!("it answered {status} {said}"),
        };
        let (is_temporary, hint) = match (code.as_str(), status) {
            ("NoSuchBucket" | "InvalidBucketName", _) => (false, PLACE),
            ("InvalidAccessKeyId", _) => {
                (false, "what `access_key` of [archive] refers to is not known there")
            }
            ("SignatureDoesNotMatch", _) => {
                (false, "what `secret_key` of [archive] refers to does not belong to its access_key")
            }
            ("RequestTimeTooSkewed", _) => (false, CLOCK),
            (
                "AuthorizationHeaderMalformed"
                | "PermanentRedirect"
                | "TemporaryRedirect"
                | "IllegalLocationConstraintException",
                _,
            )
            | (_, 300..=399) => (false, REGION),
            ("InvalidObjectState", _) => {
                (false, "have it restored from its storage class, and take away the rule that moved it there")
            }
            // Both go with keys of a role, which are asked for anew.
            ("ExpiredToken" | "InvalidToken" | "RequestTimeout" | "NoSuchUpload", _) => (true, LATER),
            (_, 507) | ("QuotaExceeded", _) => (true, ROOM),
            (_, 401 | 403) => (false, RIGHTS),
            ("NoSuchKey", _) | (_, 404) => (false, ABSENT),
            (_, 408 | 409 | 429) => (true, LATER),
            ("NotImplemented", _) | (_, 501) => {
                (false, "this server lacks what an archive needs; take another")
            }
            (_, 400..=499) => (false, "do what it says, or ask those who run it"),
            _ => (true, LATER),
        };
        Trouble::new(is_temporary, why, hint)
    }
}

/// What all the others follow from.
fn deepest(error: &(dyn StdError + 'static)) -> String {
    let mut deepest = error;
    while let Some(cause) = deepest.source() {
        deepest = cause;
    }
    deepest.to_string()
}
