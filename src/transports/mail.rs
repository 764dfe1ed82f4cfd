//! Mail over SMTP: one message, whose identity is derived and not made up.

use super::{Error, Kind, SecretRef, SecretResolver};
use crate::tls;
use chrono::{DateTime, Utc};
use lettre::message::header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret as _;
use std::net::IpAddr;
use std::time::Duration;
use uuid::Uuid;

/// How an address is written, for people.
pub const FORM: &str = "write one address, such as \"edi@partner.example\"; several stand in a list";

/// Longest wait for each answer of the server. RFC 5321 4.5.3.2 asks for ten minutes after the final dot; a server
/// that is slower than this is asked again with the same message.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The server that takes our mail.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// The account, and where its password is found; none where the server wants no login.
    pub login: Option<(String, SecretRef)>,
    /// Whom mail comes from.
    pub from: Address,
    /// Larger files are not attached; the mail says where they lie.
    pub most_attached_bytes: u64,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Plain at first, then TLS or nothing (port 587).
    StartTls,
    /// TLS from the first byte (port 465).
    Implicit,
    /// None: only within this machine, or to a host that the hub's settings name.
    None,
}

impl Tls {
    /// Every way, by its word.
    pub const ALL: &[(&str, Self)] =
        &[("starttls", Self::StartTls), ("implicit", Self::Implicit), ("none", Self::None)];

    /// The usual port.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

/// A mail.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Its identity: a repeat has the same, and readers' programs show it once.
    pub id: Uuid,
    /// To whom; one server takes it for all of them or for none.
    pub to: Vec<String>,
    /// What it is about, in a line.
    pub subject: String,
    /// When it was written.
    pub at: DateTime<Utc>,
    /// What it says, for programs that show only text.
    pub text: String,
    /// What it says, as a page; none where there is only text.
    pub html: Option<String>,
    /// Its files: name and bytes.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Whether a text is one plain mail address.
#[must_use]
pub fn is_address(text: &str) -> bool {
    text.parse::<Address>().is_ok_and(|address| address.domain().contains('.'))
        && !text.contains(char::is_whitespace)
}

/// Whether a host is this machine, whatever a name server says.
#[must_use]
pub fn is_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The Message-ID of a mail from `settings`.
#[must_use]
pub fn message_id(settings: &Settings, id: Uuid) -> String {
    format!("<{}@{}>", id.simple(), settings.from.domain())
}

/// Sends one mail, and gives what the server answered.
///
/// An error after the last byte may mean that the server has the mail all the same: the next try has the same
/// Message-ID.
///
/// # Errors
/// Temporary when the server cannot be reached, breaks off or says "later"; else a person must look.
pub async fn send(settings: &Settings, secrets: &SecretResolver, mail: Mail) -> Result<String, Error> {
    let attempted =
        format!("cannot send mail to {} by {}:{}", mail.to.join(", "), settings.host, settings.port);
    let message = message(settings, mail)
        .map_err(|error| Error::new(Kind::Invalid, &attempted).hinted("check the address").because(error))?;
    let server = server(settings, secrets, &attempted)?;
    let response = server.send(message).await.map_err(|error| failed(&attempted, error))?;
    Ok(response.message().collect::<Vec<_>>().join(" "))
}

/// Connects and logs in, and sends nothing.
///
/// # Errors
/// As [`send`].
pub async fn try_out(settings: &Settings, secrets: &SecretResolver) -> Result<(), Error> {
    let attempted = format!("cannot reach the server of mail {}:{}", settings.host, settings.port);
    let server = server(settings, secrets, &attempted)?;
    let answered = server.test_connection().await.map_err(|error| failed(&attempted, error))?;
    if !answered {
        return Err(
            Error::new(Kind::Refused, attempted).because("it did not answer as a server of mail does")
        );
    }
    Ok(())
}

fn failed(attempted: &str, error: lettre::transport::smtp::Error) -> Error {
    let hint = tls::hint(&error);
    let failed = Error::new(kind(&error), attempted).because(error);
    match hint {
        Some(hint) => failed.hinted(hint),
        None => failed,
    }
}

/// The server; nothing is asked of it yet.
fn server(
    settings: &Settings,
    secrets: &SecretResolver,
    attempted: &str,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, Error> {
    let failed = |error| failed(attempted, error);
    let builder = match settings.tls {
        Tls::StartTls => {
            AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&settings.host).map_err(failed)?
        }
        Tls::Implicit => AsyncSmtpTransport::<Tokio1Executor>::relay(&settings.host).map_err(failed)?,
        Tls::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host),
    };
    let mut builder = builder
        .port(settings.port)
        .timeout(Some(TIMEOUT))
        .hello_name(ClientId::Domain(settings.from.domain().to_owned()));
    if let Some((user, password)) = &settings.login {
        let password = secrets.resolve(password).map_err(|error| {
            Error::new(Kind::AuthRefused, attempted).hinted("check [mail] password").because(error)
        })?;
        builder = builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
    }
    Ok(builder.build())
}

fn kind(error: &lettre::transport::smtp::Error) -> Kind {
    match error.status().map(|code| code.to_string()) {
        // 535 and its kin: the login, not the mail.
        Some(code) if matches!(code.as_str(), "530" | "534" | "535" | "538") => Kind::AuthRefused,
        _ if error.is_permanent() => Kind::Refused,
        _ if error.is_transient() => Kind::Busy,
        // What we would send is wrong, or the server cannot do what we ask of it.
        _ if error.is_client() => Kind::Refused,
        _ => Kind::Down,
    }
}

fn message(settings: &Settings, mail: Mail) -> Result<Message, Box<dyn std::error::Error + Send + Sync>> {
    let message_id = message_id(settings, mail.id);
    // The same mail has the same bytes, down to what separates its parts.
    let boundary = |part: &str| format!("{part}-{}", mail.id.simple());
    let text = SinglePart::plain(mail.text);
    let said = match mail.html {
        Some(html) => MultiPart::alternative()
            .boundary(boundary("said"))
            .singlepart(text)
            .singlepart(SinglePart::html(html)),
        None => MultiPart::alternative().boundary(boundary("said")).singlepart(text),
    };
    let mut parts = MultiPart::mixed().boundary(boundary("parts")).multipart(said);
    for (name, bytes) in mail.files {
        let content = ContentType::parse(content_type(&name))?;
        // Text would else go as text, and servers on the way may change ends of lines and of the file.
        let body = Body::new_with_encoding(bytes, ContentTransferEncoding::Base64);
        let body = body.map_err(|_| "base64 takes any bytes")?;
        parts = parts.singlepart(Attachment::new(name).body(body, content));
    }
    let mut builder =
        Message::builder().from(Mailbox::new(Some("crossdock".to_owned()), settings.from.clone()));
    for to in &mail.to {
        builder = builder.to(Mailbox::new(None, to.parse()?));
    }
    Ok(builder
        .subject(mail.subject)
        .date(mail.at.into())
        .message_id(Some(message_id))
        .header(AutoSubmitted)
        .multipart(parts)?)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("csv") => "text/csv; charset=utf-8",
        Some("json") => "application/json",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => "application/octet-stream",
    }
}

/// RFC 3834: no absence notice answers what a program sent.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), String::from("auto-generated"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_plain_address() {
        for sound in ["ap@buyer.example", "first.last+edi@sub.buyer.example"] {
            assert!(is_address(sound), "{sound}");
        }
        for other in [
            "",
            "ap",
            "ap@",
            "@buyer.example",
            "a b@buyer.example",
            "AP <ap@buyer.example>",
            "a@b.example, c@d.example",
            "a@host",
            "a@b.example\r\nBcc: c@d.example",
        ] {
            assert!(!is_address(other), "{other}");
        }
    }

    #[test]
    fn this_machine_is_known_by_its_addresses() {
        assert!(is_here("127.0.0.1") && is_here("::1") && is_here("LocalHost"));
        assert!(!is_here("mail.example") && !is_here("10.0.0.1") && !is_here("localhost.example"));
    }
}
