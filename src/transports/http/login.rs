//! How a call shows who we are: a token, user and password, OAuth 2.0 client credentials, a signature of the body.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::{Call, Client, Outcome};
use crate::transports::Error;

/// How a call shows who we are.
#[derive(Clone, Debug, Default)]
pub struct Login {
    /// Who we are.
    pub who: Who,
    /// A signature of the body.
    pub signature: Option<Signature>,
}

/// Who we are to the other side.
#[derive(Clone, Debug, Default)]
pub enum Who {
    /// Nobody.
    #[default]
    Nobody,
    /// A token that does not change (RFC 6750).
    Token(SecretString),
    /// User and password (RFC 7617).
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A client that is given a token for a time (RFC 6749, section 4.4).
    Client {
        /// Where tokens are given.
        token_url: String,
        /// The client's id.
        id: String,
        /// The client's secret.
        secret: SecretString,
        /// What is asked for; empty for all that the client may.
        scope: String,
    },
}

/// HMAC-SHA256 of the body, in hexadecimal (RFC 2104).
#[derive(Clone, Debug)]
pub struct Signature {
    /// The header that carries it.
    pub header: String,
    /// What stands before it, such as `sha256=`.
    pub prefix: String,
    /// The key that both sides have.
    pub secret: SecretString,
}

/// Tokens that are in force, by client. The lock of one client is held while its token is fetched, so that of many
/// calls one fetches and the others wait for it.
#[derive(Clone, Default)]
pub(super) struct Tokens {
    by_client: Arc<Mutex<HashMap<[u8; 32], Slot>>>,
}

/// The token of one client.
type Slot = Arc<Mutex<Option<Token>>>;

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(..)")
    }
}

#[derive(Clone)]
struct Token {
    value: SecretString,
    until: Instant,
}

/// A token is fetched anew this long before it ends, and counts for this long where nothing says how long.
const EARLY: Duration = Duration::from_secs(30);
const UNSAID: Duration = Duration::from_secs(300);

impl Client {
    /// Makes one call as somebody. A token that is refused is fetched anew, once.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn call_as(&self, call: &Call, login: &Login) -> Result<Outcome, Error> {
        let mut call = call.clone();
        if let Some(signature) = &login.signature {
            let value = SecretString::from(format!("{}{}", signature.prefix, sign(signature, &call.body)));
            call.secret_headers.insert(signature.header.clone(), value);
        }
        let bearer = |token: &SecretString| SecretString::from(format!("Bearer {}", token.expose_secret()));
        let value = match &login.who {
            Who::Nobody => return self.call(&call).await,
            Who::Token(token) => bearer(token),
            Who::Basic { user, password } => basic(user, password),
            Who::Client { token_url, id, secret, scope } => {
                let slot = self.slot(token_url, id, secret, scope).await;
                let mut refused: Option<SecretString> = None;
                for last in [false, true] {
                    let client = (token_url.as_str(), id.as_str(), secret, scope.as_str());
                    let token = match self.token(&slot, refused.as_ref(), client, call.timeout).await? {
                        Ok(token) => token,
                        Err(outcome) => return Ok(outcome),
                    };
                    call.secret_headers.insert("Authorization".to_owned(), bearer(&token));
                    let outcome = self.call(&call).await?;
                    let is_refused = matches!(&outcome, Outcome::Refused { answer: Some(answer), .. } if answer.status == 401);
                    if !is_refused || last {
                        return Ok(outcome);
                    }
                    refused = Some(token);
                }
                unreachable!("the second round returns")
            }
        };
        call.secret_headers.insert("Authorization".to_owned(), value);
        self.call(&call).await
    }

    async fn slot(&self, token_url: &str, id: &str, secret: &SecretString, scope: &str) -> Slot {
        let mut key = Sha256::new();
        // A secret that is changed is another client: its token is fetched anew.
        for part in [token_url, id, secret.expose_secret(), scope] {
            key.update(part.as_bytes());
            key.update([0]);
        }
        self.tokens.by_client.lock().await.entry(key.finalize().into()).or_default().clone()
    }

    /// The token in force, fetched when there is none but the one that was refused; or the outcome of a call that cannot
    /// be made without one.
    async fn token(
        &self,
        slot: &Slot,
        refused: Option<&SecretString>,
        (token_url, id, secret, scope): (&str, &str, &SecretString, &str),
        timeout: Duration,
    ) -> Result<Result<SecretString, Outcome>, Error> {
        let mut slot = slot.lock().await;
        // While we waited for the lock another call may have fetched one that is newer than the one refused.
        let is_refused = |token: &Token| {
            refused.is_some_and(|refused| refused.expose_secret() == token.value.expose_secret())
        };
        let now = Instant::now();
        if let Some(token) = slot.as_ref().filter(|token| token.until > now && !is_refused(token)) {
            return Ok(Ok(token.value.clone()));
        }
        let mut form = Url::parse("https://form.invalid/").expect("it is a url");
        form.query_pairs_mut().append_pair("grant_type", "client_credentials");
        if !scope.is_empty() {
            form.query_pairs_mut().append_pair("scope", scope);
        }
        let call = Call {
            method: "POST".to_owned(),
            url: token_url.to_owned(),
            headers: BTreeMap::from([
                ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
                ("Accept".to_owned(), "application/json".to_owned()),
            ]),
            secret_headers: BTreeMap::from([("Authorization".to_owned(), basic(id, secret))]),
            body: Bytes::from(form.query().unwrap_or_default().to_owned()),
            timeout,
            ..Call::default()
        };
        let told = |why: String| format!("no token from `{}`: {why}", super::shown_url(token_url));
        let answer = match self.call(&call).await? {
            Outcome::Delivered(answer) => answer,
            Outcome::RetryLater { answer, after, why } => {
                return Ok(Err(Outcome::RetryLater { answer, after, why: told(why) }));
            }
            // Asking for a token twice does no harm.
            Outcome::Unknown { why } => {
                return Ok(Err(Outcome::RetryLater { answer: None, after: None, why: told(why) }));
            }
            Outcome::Refused { why, .. } => {
                let why = format!("{}; check client id, secret and scope", told(why));
                return Ok(Err(Outcome::Refused { answer: None, why }));
            }
        };
        let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let Some(value) = said.get("access_token").and_then(serde_json::Value::as_str) else {
            let why = told("its answer holds no `access_token`".to_owned());
            return Ok(Err(Outcome::Refused { answer: None, why }));
        };
        let lasts =
            said.get("expires_in").and_then(|lasts| lasts.as_u64().or_else(|| lasts.as_str()?.parse().ok()));
        let lasts = lasts.map_or(UNSAID, Duration::from_secs);
        let value = SecretString::from(value);
        *slot = Some(Token { value: value.clone(), until: Instant::now() + lasts.saturating_sub(EARLY) });
        Ok(Ok(value))
    }
}

fn basic(user: &str, password: &SecretString) -> SecretString {
    SecretString::from(format!("Basic {}", BASE64.encode(format!("{user}:{}", password.expose_secret()))))
}

fn sign(signature: &Signature, body: &[u8]) -> String {
    let key = signature.secret.expose_secret().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_standard() {
        // RFC 4231, test case 2.
        let signature =
            Signature { header: String::new(), prefix: String::new(), secret: SecretString::from("Jefe") };
        assert_eq!(
            sign(&signature, b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        // RFC 7617, section 2.
        let basic = basic("Aladdin", &SecretString::from("open sesame"));
        assert_eq!(basic.expose_secret(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
