//! Channels of calls: where they go, how they show who we are, and what their answers mean.

use super::address::{Address, Text, WORDS};
use super::fields::{self, Field};
use crate::declaration::{Place, Said, Section};
use crate::translators::Translator;
use crate::transports::http::Limits;
use crate::transports::{SecretRef, read_secret_ref};
use std::collections::BTreeSet;
use std::time::Duration;

/// A system that is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Where to.
    pub url: Address,
    /// `POST`, `PUT` or `PATCH`.
    pub method: String,
    /// Header that carries the idempotency key.
    pub idempotency_header: String,
    /// Headers whose values are no secrets.
    pub headers: Vec<(String, Text)>,
    /// How calls show who we are.
    pub login: HttpLogin,
    /// A signature of the body: header, what stands before it, and the key.
    pub signature: Option<(String, String, SecretRef)>,
    /// What a 2xx must say besides: a member of the JSON answer and its value.
    pub success: Option<(String, String)>,
    /// Answers that say it took effect before: a status, and a text that the answer holds.
    pub already_there: Vec<(u16, String)>,
    /// Where to ask whether a call took effect; `{key}` is the key of the call.
    pub read_back: Option<Address>,
    /// What the answer must say of what was sent: members of it, and texts.
    pub read_back_same: Vec<(String, Text)>,
    /// What is done when nobody knows whether a call took effect.
    pub when_unknown: WhenUnknown,
    /// Limits of the host.
    pub limits: Limits,
    /// Member of the JSON answer that holds the other side's id.
    pub response_id: Option<String>,
    /// Deadline of one call.
    pub timeout: Duration,
}

impl Http {
    /// Names of all that its addresses and headers take of what is sent, each once.
    #[must_use]
    pub fn placeholders(&self) -> BTreeSet<&str> {
        let texts = self.headers.iter().chain(&self.read_back_same);
        let of_headers = texts.flat_map(|(_, text)| text.placeholders());
        let of_addresses = [Some(&self.url), self.read_back.as_ref()].into_iter().flatten();
        of_addresses.flat_map(Address::placeholders).chain(of_headers).collect()
    }
}

/// What is done when nobody knows whether a call took effect, and it cannot be read back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenUnknown {
    /// It is made again under the same key.
    #[default]
    Repeat,
    /// A person decides.
    Ask,
}

/// How calls show who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HttpLogin {
    /// Not at all.
    #[default]
    Nobody,
    /// A bearer token that does not change.
    Token(SecretRef),
    /// User and password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretRef,
    },
    /// OAuth 2.0 client credentials.
    Client {
        /// Where tokens are given.
        token_url: String,
        /// The client's id.
        id: String,
        /// The client's secret.
        secret: SecretRef,
        /// What is asked for.
        scope: String,
    },
}

const HTTP_METHODS: &[(&str, &str)] = &[("POST", "POST"), ("PUT", "PUT"), ("PATCH", "PATCH")];

/// Reads the settings of a channel of calls.
pub(super) fn read(section: &Section<'_>) -> Http {
    let said = section.required_text("url", "write url = \"https://erp.example/api/shipments\"");
    let url = address(section, &said);
    let read_back = section.text("read_back").and_then(|said| address(section, &said));
    let headers =
        section.pairs("headers").into_iter().filter_map(|(name, value)| header(section, &name, &value));
    let headers: Vec<(String, Text)> = headers.collect();
    let same = section.pairs("read_back_same").into_iter();
    let read_back_same: Vec<(String, Text)> =
        same.filter_map(|(member, value)| text_of(section, &member, &value)).collect();
    let kinds = [("repeat", WhenUnknown::Repeat), ("ask", WhenUnknown::Ask)];
    let when_unknown = section.choice("when_unknown", &kinds).map(|said| said.value).unwrap_or_default();
    if let (None, Some(said)) = (&read_back, section.raw("read_back_same")) {
        let hint = "write read_back, the address that is asked, or take it out";
        section.fault("same_without_read_back", &said.place, "nothing is asked that could be the same", hint);
    }
    let method = section.choice("method", HTTP_METHODS).map_or("POST", |said| said.value);
    let text = |key| section.text(key).map(|said| said.value);
    let signature = section.section("signature").map(|below| {
        let header =
            below.required_text("header", "write header = \"X-Signature\", as the other side names it");
        let prefix = below.text("prefix").map_or_else(String::new, |said| said.value);
        let key = needed_secret(&below, "secret");
        below.finish();
        (header.value, prefix, key)
    });
    let already_there = section.texts("already_there").into_iter().filter_map(|said| {
        let (status, text) = said.value.split_once(' ').unwrap_or((&said.value, ""));
        let status = status.parse().ok().filter(|status| (200..600).contains(status));
        if status.is_none() {
            let hint =
                "write already_there = [\"409\", \"422 duplicate\"]: a status, and a text of the answer";
            section.fault(
                "status_form",
                &said.place,
                format!("`{}` begins with no status", said.value),
                hint,
            );
        }
        Some((status?, text.trim().to_owned()))
    });
    let success = section.text("success").and_then(|said| {
        let pair = said
            .value
            .split_once('=')
            .map(|(member, value)| (member.trim().to_owned(), value.trim().to_owned()));
        if pair.is_none() {
            let hint = "write success = \"result.status = ok\": a member of the JSON answer and its value";
            section.fault("success_form", &said.place, format!("`{}` names no value", said.value), hint);
        }
        pair
    });
    let at_once = section.number("at_once").map_or(4, |said| said.value).clamp(1, 64);
    let per_second =
        section.number("per_second").map(|said| u32::try_from(said.value.max(1)).unwrap_or(u32::MAX));
    Http {
        method: method.to_owned(),
        idempotency_header: text("idempotency_header").unwrap_or_else(|| "Idempotency-Key".to_owned()),
        headers,
        login: http_login(section),
        signature,
        success,
        already_there: already_there.collect(),
        read_back,
        read_back_same,
        when_unknown,
        limits: Limits { at_once: usize::try_from(at_once).unwrap_or(4), per_second },
        response_id: text("response_id"),
        timeout: section.duration("timeout").map_or(Duration::from_secs(30), |said| said.value),
        // What is faulty is told, and never called.
        url: url.unwrap_or_else(Address::nowhere),
    }
}

/// An address with placeholders; none when it is faulty, which is told.
fn address(section: &Section<'_>, said: &Said<String>) -> Option<Address> {
    if said.value.is_empty() {
        return None;
    }
    let place_of_login =
        said.value.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    if place_of_login.is_some_and(|host| host.contains('@')) {
        let hint = "take user and password out of the address: write token = { env = \"NAME\" }";
        section.fault("secret_in_profile", &said.place, "`url` holds a login", hint);
        return None;
    }
    match Address::parse(&said.value) {
        Ok(address) => Some(address),
        Err((message, hint)) => {
            section.fault("url_form", &said.place, message, hint);
            None
        }
    }
}

fn header(section: &Section<'_>, name: &Said<String>, value: &Said<String>) -> Option<(String, Text)> {
    if name.value.eq_ignore_ascii_case("authorization") {
        let hint = "a secret never stands in a profile: write token = { env = \"NAME\" }";
        section.fault("secret_in_profile", &name.place, "the header holds the secret itself", hint);
    }
    text_of(section, name, value)
}

fn text_of(section: &Section<'_>, name: &Said<String>, value: &Said<String>) -> Option<(String, Text)> {
    match Text::parse(&value.value) {
        Ok(text) => Some((name.value.clone(), text)),
        Err(why) => {
            let hint = "write a field of the record, such as {order_number}, or a text without braces";
            section.fault("text_form", &value.place, why, hint);
            None
        }
    }
}

/// Placeholders that name neither a word nor a field of the record that is sent.
pub(super) fn check_placeholders(section: &Section<'_>, place: &Place, http: &Http, translator: &Translator) {
    let shape = translator.record().shape();
    for name in http.placeholders() {
        let is_known = WORDS.contains(&name) || Field::parse(name).is_some_and(|field| field.is_of(shape));
        if !is_known {
            let words: Vec<String> = WORDS.iter().map(|word| format!("{{{word}}}")).collect();
            section.fault(
                "field_unknown",
                place,
                format!(
                    "the address or a header of the channel takes `{{{name}}}`, and no {} has a field `{name}`",
                    translator.record().word()
                ),
                format!("{}; besides fields it may take {}", fields::hint(name, &[shape]), words.join(" ")),
            );
        }
    }
}

/// The one way in which calls show who we are.
fn http_login(section: &Section<'_>) -> HttpLogin {
    let token = read_secret_ref(section, "token").map(HttpLogin::Token);
    let basic = section.section("basic").map(|below| {
        let user = below.required_text("user", "write user = \"…\", the account of the other side");
        let password = needed_secret(&below, "password");
        below.finish();
        HttpLogin::Basic { user: user.value, password }
    });
    let client = section.section("oauth").map(|below| {
        let url = below.required_text("token_url", "write token_url = \"https://…/token\"");
        let id = below.required_text("client_id", "write client_id = \"…\"");
        let secret = needed_secret(&below, "client_secret");
        let scope = below.text("scope").map_or_else(String::new, |said| said.value);
        below.finish();
        HttpLogin::Client { token_url: url.value, id: id.value, secret, scope }
    });
    let mut all: Vec<HttpLogin> = [token, basic, client].into_iter().flatten().collect();
    if all.len() > 1 {
        section.fault(
            "logins_crossed",
            &section.place(),
            "the channel says in several ways who we are",
            "keep one of `token`, `basic` and `oauth`",
        );
    }
    all.pop().unwrap_or_default()
}

/// A secret that must be there.
fn needed_secret(section: &Section<'_>, key: &'static str) -> SecretRef {
    let found = read_secret_ref(section, key);
    if found.is_none() && !section.has(key) {
        let hint = format!("write {key} = {{ env = \"NAME\" }} or {{ file = \"keys/name\" }}");
        section.fault("setting_missing", &section.place(), format!("`{key}` is missing"), hint);
    }
    found.unwrap_or(SecretRef::Env(String::new()))
}
