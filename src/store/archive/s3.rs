//! An archive in a bucket of S3, or of a server that is spoken to like it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt as _;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody,
    HttpService,
};
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, CredentialProvider, ObjectStore, RetryConfig};
use secrecy::{ExposeSecret as _, SecretString};

use super::trouble::{NoKeys, Trouble};
use super::{Archive, Error};
use crate::tls;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Tries of one call after the first. What fails longer is a job's to try again.
const TRIES_MORE: usize = 4;
/// The first wait between two of them, and the longest.
const WAITS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Variables by which the services of a cloud tell a program where the keys of its role are.
const ROLE: [(&str, AmazonS3ConfigKey); 7] = [
    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    ("AWS_ENDPOINT_URL_STS", AmazonS3ConfigKey::StsEndpoint),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AmazonS3ConfigKey::ContainerAuthorizationTokenFile),
];

/// Where a bucket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What each key begins with, without a slash at its end; may be empty.
    pub prefix: String,
    /// Its region.
    pub region: String,
    /// URL of the server, without a slash at its end; none means AWS.
    pub endpoint: Option<String>,
    /// Whether the bucket is named in the path of a URL, and not in its host.
    pub path_style: bool,
    /// How long a call may come no further.
    pub timeout: Duration,
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.name)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        match &self.endpoint {
            Some(endpoint) => write!(f, " at {endpoint}"),
            None => write!(f, " in {}", self.region),
        }
    }
}

/// By what right a bucket is used.
#[derive(Clone)]
pub enum Access {
    /// An access key and its secret, asked for at each call, so that changed ones count at once.
    Keys(Arc<GetKeys>),
    /// The role that the machine has, of which these variables of the environment may tell.
    Role(fn(&str) -> Option<String>),
}

/// Gives an access key and its secret, or says why it cannot.
pub type GetKeys = dyn Fn() -> Result<(SecretString, SecretString), String> + Send + Sync;

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keys(_) => "Keys",
            Self::Role(_) => "Role",
        })
    }
}

impl Archive {
    /// An archive in a bucket that is there. Nothing is asked before it is used.
    ///
    /// # Errors
    /// When the settings do not fit each other, or the certificates of this machine cannot be read.
    pub fn s3(bucket: &Bucket, access: Access) -> Result<Self, Error> {
        let place: Arc<str> = bucket.to_string().into();
        let failed = |source: object_store::Error| Trouble::of(&source).during("open it", &place);
        let retry = RetryConfig {
            backoff: BackoffConfig { init_backoff: WAITS.0, max_backoff: WAITS.1, base: 2.0 },
            max_retries: TRIES_MORE,
            retry_timeout: bucket.timeout,
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&bucket.name)
            .with_region(&bucket.region)
            .with_virtual_hosted_style_request(!bucket.path_style)
            // One at a time is what every server knows, and what a right to delete allows.
            .with_disable_bulk_delete(true)
            .with_client_options(ClientOptions::new().with_default_content_type("application/octet-stream"))
            .with_retry(retry)
            .with_http_connector(Calls::new(bucket, &access).map_err(failed)?);
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_endpoint(match endpoint.split_once("://") {
                Some((scheme, host)) if !bucket.path_style => format!("{scheme}://{}.{host}", bucket.name),
                _ => endpoint.clone(),
            });
        }
        builder = match access {
            Access::Keys(keys) => builder.with_credentials(Arc::new(Given(keys))),
            Access::Role(variable) => {
                let told = ROLE.into_iter().filter_map(|(name, key)| Some((key, variable(name)?)));
                told.fold(builder, |builder, (key, value)| builder.with_config(key, value))
            }
        };
        let s3 = builder.build().map_err(failed)?;
        let (objects, prefix): (Arc<dyn ObjectStore>, String) = match bucket.prefix.as_str() {
            "" => (Arc::new(s3), String::new()),
            prefix => (Arc::new(PrefixStore::new(s3, Key::from(prefix))), format!("{prefix}/")),
        };
        Ok(Self { objects, place, prefix: prefix.into() })
    }
}

/// Keys by reference.
struct Given(Arc<GetKeys>);

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given")
    }
}

#[async_trait]
impl CredentialProvider for Given {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let (key, secret) = (self.0)()
            .map_err(|why| object_store::Error::Generic { store: "keys", source: Box::new(NoKeys(why)) })?;
        Ok(Arc::new(AwsCredential {
            key_id: key.expose_secret().to_owned(),
            secret_key: secret.expose_secret().to_owned(),
            token: None,
        }))
    }
}

/// Calls as the hub makes them elsewhere: by its own TLS, to nowhere else than asked, and never without an end.
#[derive(Clone, Debug)]
struct Calls(reqwest::Client);

impl Calls {
    fn new(bucket: &Bucket, access: &Access) -> object_store::Result<Self> {
        let mut builder =
            tls::client().connect_timeout(CONNECT.min(bucket.timeout)).read_timeout(bucket.timeout);
        let is_plain = bucket.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        if is_plain && matches!(access, Access::Keys(_)) {
            // A machine without certificates of authorities can still use its own server.
            builder = builder.tls_certs_only([]);
        }
        let built = builder.build().map_err(|error| object_store::Error::NotSupported {
            source: format!(
                "https cannot be set up: {}; install the certificates of authorities (`ca-certificates`)",
                error.source().map_or_else(|| error.to_string(), ToString::to_string)
            )
            .into(),
        });
        built.map(Self)
    }
}

impl HttpConnector for Calls {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Calls {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        // It is in memory already, in one piece.
        let body = body.collect().await?.to_bytes();
        let request = reqwest::Request::try_from(hyper::Request::from_parts(parts, body)).map_err(broken)?;
        let response = self.0.execute(request).await.map_err(broken)?;
        let (parts, body) = hyper::Response::<reqwest::Body>::from(response).into_parts();
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body.map_err(broken))))
    }
}

/// How a call broke off decides whether the library makes it again.
fn broken(error: reqwest::Error) -> HttpError {
    let mut kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else {
        HttpErrorKind::Unknown
    };
    let mut next = error.source();
    while let (HttpErrorKind::Unknown, Some(cause)) = (kind, next) {
        if let Some(cause) = cause.downcast_ref::<hyper::Error>()
            && (cause.is_closed() || cause.is_incomplete_message() || cause.is_body_write_aborted())
        {
            kind = HttpErrorKind::Interrupted;
        }
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            kind = match cause.kind() {
                io::ErrorKind::TimedOut => HttpErrorKind::Timeout,
                io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof => HttpErrorKind::Interrupted,
                _ => kind,
            };
        }
        next = cause.source();
    }
    HttpError::new(kind, error.without_url())
}
