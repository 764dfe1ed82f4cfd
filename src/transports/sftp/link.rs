//! One session with a server: connect, compare the host key, log in, open SFTP.

use std::cell::Cell;
use std::io::Read as _;
use std::net::{Shutdown, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use secrecy::ExposeSecret as _;
use ssh2::{ErrorCode, MethodType, Session, Sftp};

use super::super::{Error, Kind, SecretResolver};
use super::algorithms::is_legacy;
use super::{Agreed, Algorithms, Fingerprint, HostKey, Login, Settings};

const CONNECT: Duration = Duration::from_secs(10);
/// Longest silence before anybody is logged in.
const LOGIN: Duration = Duration::from_secs(15);
pub(super) const KEEPALIVE: Duration = Duration::from_secs(15);

/// An open session. Every call on it blocks its thread.
pub(super) struct Link {
    pub(super) sftp: Sftp,
    session: Session,
    tcp: TcpStream,
    pub(super) agreed: Agreed,
    /// Host and port, for messages.
    pub(super) place: String,
    /// Longest silence within one request.
    pub(super) timeout: Duration,
    /// Whether the server knows `fsync@openssh.com`; believed until it says otherwise.
    pub(super) forces_to_disk: Cell<bool>,
}

impl Link {
    pub(super) fn open(settings: &Settings, secrets: &SecretResolver) -> Result<Self, Error> {
        let (host, port) = (settings.host.as_str(), settings.port);
        let place = format!("{host}:{port}");
        let allowed = settings.algorithms();
        let (tcp, session) = shake_hands(host, port, allowed, settings.timeout).map_err(|error| {
            let is_over = settings.legacy_until.is_some() && allowed == Algorithms::Modern;
            if is_over && error.kind() == Kind::Refused { error.hinted(IS_OVER) } else { error }
        })?;
        let host_key = shown_key(&session, host, port)?;
        if !settings.host_keys.contains(&host_key.fingerprint) {
            tcp.shutdown(Shutdown::Both).ok();
            let cause = format!(
                "it showed {} {}, which is not pinned; nothing was sent",
                host_key.kind, host_key.fingerprint
            );
            return Err(Error::new(Kind::HostKeyMismatch, format!("cannot trust {place}")).because(cause));
        }
        let agreed = agreed(&session, host_key);
        if agreed.legacy {
            tracing::warn!(
                server = %place, key_exchange = %agreed.key_exchange, cipher = %agreed.cipher, mac = %agreed.mac,
                "{place} speaks only old algorithms, which are taken until {}; ask the partner when it will be renewed",
                settings.legacy_until.unwrap_or_default()
            );
        }
        log_in(&session, settings, secrets, &place)?;
        session.set_timeout(millis(settings.timeout));
        let attempted = || format!("cannot open sftp on {place}");
        let sftp = session.sftp().map_err(|error| failed(attempted(), error, settings.timeout))?;
        Ok(Self {
            sftp,
            session,
            tcp,
            agreed,
            place,
            timeout: settings.timeout,
            forces_to_disk: Cell::new(true),
        })
    }

    /// Gives what libssh2 says its class, and hangs up where the session is of no more use.
    pub(super) fn failed(&self, attempted: String, error: ssh2::Error) -> Error {
        let error = failed(attempted, error, self.timeout);
        if error.broke_the_connection() {
            // Else closing the open file would wait for the same silent server once more.
            self.tcp.shutdown(Shutdown::Both).ok();
        }
        error
    }

    /// The connection broke, or fell silent, in the middle of a transfer.
    pub(super) fn lost(&self, attempted: String, error: std::io::Error) -> Error {
        self.tcp.shutdown(Shutdown::Both).ok();
        let lost = Error::new(Kind::Down, attempted);
        match error.kind() {
            std::io::ErrorKind::TimedOut => lost.because(silent(self.timeout)),
            _ => lost.because(error),
        }
    }

    /// Tells the server that we are still here; false when it is not.
    pub(super) fn keep_alive(&self) -> bool {
        // Switched on for this message only: libssh2 takes the interval for the deadline of requests too.
        self.session.set_keepalive(true, 1);
        let sent = self.session.keepalive_send().is_ok();
        self.session.set_keepalive(false, 0);
        sent
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // libssh2 says goodbye when it is freed, and would wait half a minute for a server that is gone.
        self.tcp.shutdown(Shutdown::Both).ok();
    }
}

/// Connects and agrees on keys. Nothing of ours has been sent when it returns.
pub(super) fn shake_hands(
    host: &str,
    port: u16,
    algorithms: Algorithms,
    timeout: Duration,
) -> Result<(TcpStream, Session), Error> {
    let agree = || agree(host, port, algorithms, timeout);
    match agree() {
        // libssh2 1.11 says "no algorithm in common" also where the line was cut before the server named its own.
        Err(error) if error.kind() == Kind::Refused => agree(),
        agreed => agreed,
    }
}

fn agree(
    host: &str,
    port: u16,
    algorithms: Algorithms,
    timeout: Duration,
) -> Result<(TcpStream, Session), Error> {
    let attempted = || format!("cannot reach {host}:{port}");
    let tcp = connect(host, port)?;
    let down = |error: std::io::Error| Error::new(Kind::Down, attempted()).because(error);
    tcp.set_nodelay(true).map_err(down)?;
    let mut session = Session::new().map_err(|error| Error::new(Kind::Down, attempted()).because(error))?;
    algorithms.prefer(&session).map_err(|error| Error::new(Kind::Invalid, attempted()).because(error))?;
    let timeout = timeout.min(LOGIN);
    session.set_timeout(millis(timeout));
    session.set_tcp_stream(tcp.try_clone().map_err(down)?);
    let begun = Instant::now();
    match session.handshake() {
        Ok(()) => Ok((tcp, session)),
        Err(error) => Err(handshake_failed(attempted(), error, &tcp, begun, timeout)),
    }
}

pub(super) fn shown_key(session: &Session, host: &str, port: u16) -> Result<HostKey, Error> {
    let (key, _) = session
        .host_key()
        .ok_or_else(|| Error::new(Kind::Refused, format!("{host}:{port} showed no host key")))?;
    // RFC 4253, section 6.6: the key opens with the length and the text of its kind.
    let kind = key
        .split_first_chunk::<4>()
        .and_then(|(length, rest)| rest.get(..u32::from_be_bytes(*length) as usize))
        .map(super::super::name::shown)
        .unwrap_or_default();
    Ok(HostKey { kind, fingerprint: Fingerprint::of(key) })
}

/// What is told where old algorithms were allowed for a time, which is over.
const IS_OVER: &str = "the day of `legacy_until` is over, and no algorithm of today is in common: ask the partner when the server is renewed; a later day lets it be reached until then";

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX).max(1)
}

fn silent(timeout: Duration) -> String {
    format!("the server said nothing for {} s", timeout.as_secs_f32())
}

fn is_silence(error: &ssh2::Error) -> bool {
    const TIMEOUT: i32 = -9;
    const SOCKET_TIMEOUT: i32 = -30;
    matches!(error.code(), ErrorCode::Session(TIMEOUT | SOCKET_TIMEOUT))
}

/// Gives what libssh2 says its class.
fn failed(attempted: String, error: ssh2::Error, timeout: Duration) -> Error {
    if is_silence(&error) {
        return Error::new(Kind::Down, attempted).because(silent(timeout));
    }
    let kind = match error.code() {
        // SSH_FX_ codes of draft-ietf-secsh-filexfer-02 and, from 8 on, of its later versions.
        ErrorCode::SFTP(2 | 10) => Kind::NotFound,
        ErrorCode::SFTP(3 | 12) => Kind::Permission,
        ErrorCode::SFTP(6 | 7) => Kind::Down,
        ErrorCode::SFTP(8) => Kind::Refused,
        ErrorCode::SFTP(11) => Kind::Exists,
        ErrorCode::SFTP(14 | 15) => Kind::Disk,
        ErrorCode::SFTP(19..=21) => Kind::Invalid,
        ErrorCode::SFTP(_) => Kind::Failed,
        // Whatever else goes wrong in a session, its state is unknown afterwards.
        ErrorCode::Session(_) => Kind::Down,
    };
    Error::new(kind, attempted).because(error)
}

fn connect(host: &str, port: u16) -> Result<TcpStream, Error> {
    let down =
        |error: std::io::Error| Error::new(Kind::Down, format!("cannot reach {host}:{port}")).because(error);
    let deadline = Instant::now() + CONNECT;
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    for address in (host, port).to_socket_addrs().map_err(down)? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            last = std::io::ErrorKind::TimedOut.into();
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(tcp) => return Ok(tcp),
            Err(error) => last = error,
        }
    }
    Err(down(last))
}

fn handshake_failed(
    attempted: String,
    error: ssh2::Error,
    tcp: &TcpStream,
    begun: Instant,
    timeout: Duration,
) -> Error {
    const BANNER: i32 = -2;
    const KEX: i32 = -5;
    const KEY_EXCHANGE: i32 = -8;
    const DISCONNECT: i32 = -13;
    const RECEIVE: i32 = -43;
    /// A server that is only busy hangs up at once.
    const SOON: Duration = Duration::from_secs(5);
    let ended = is_at_its_end(tcp);
    match error.code() {
        // The first is about the methods alone, the second about all that follows, a line that is cut as well.
        ErrorCode::Session(code) if code == KEX || (code == KEY_EXCHANGE && !ended) => Error::new(
            Kind::Refused,
            attempted,
        )
        .because(error)
        .hinted(
            "no algorithm in common: write `legacy_until` for an old server, or update libssh2 for a new one",
        ),
        _ if is_silence(&error) => failed(attempted, error, timeout),
        // OpenSSH drops connections above MaxStartups before or instead of its banner.
        ErrorCode::Session(BANNER | KEY_EXCHANGE | DISCONNECT | RECEIVE)
            if ended && begun.elapsed() < SOON =>
        {
            Error::new(Kind::Busy, attempted).because(error)
        }
        _ => Error::new(Kind::Down, attempted).because(error),
    }
}

/// Whether the server closed the connection, or it broke.
fn is_at_its_end(mut tcp: &TcpStream) -> bool {
    tcp.set_nonblocking(true).ok();
    let mut rest = [0; 64];
    !matches!(tcp.read(&mut rest), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

fn agreed(session: &Session, host_key: HostKey) -> Agreed {
    let method = |method| session.methods(method).unwrap_or_default().to_owned();
    let names = [
        method(MethodType::Kex),
        method(MethodType::HostKey),
        method(MethodType::CryptCs),
        method(MethodType::CryptSc),
        method(MethodType::MacCs),
        method(MethodType::MacSc),
    ];
    let legacy = names.iter().any(|name| is_legacy(name));
    let [key_exchange, _, cipher, _, mac, _] = names;
    Agreed {
        banner: super::super::name::shown(session.banner_bytes().unwrap_or_default()),
        host_key,
        key_exchange,
        cipher,
        mac,
        legacy,
    }
}

fn log_in(
    session: &Session,
    settings: &Settings,
    secrets: &SecretResolver,
    place: &str,
) -> Result<(), Error> {
    let attempted = || format!("cannot log in to {place} as `{}`", settings.user);
    let secret = |reference| {
        secrets.resolve(reference).map_err(|error| {
            Error::new(Kind::Invalid, attempted()).because(error).hinted("mend the secret the profile names")
        })
    };
    let result = match &settings.login {
        Login::Key { key, passphrase } => {
            let mut text = secret(key)?.expose_secret().to_owned();
            // OpenSSH's own files end with a line end, and libssh2 asks for one.
            text.push('\n');
            let passphrase = passphrase.as_ref().map(secret).transpose()?;
            let passphrase = passphrase.as_ref().map(|phrase| phrase.expose_secret());
            let result = session.userauth_pubkey_memory(&settings.user, None, &text, passphrase);
            drop(secrecy::SecretString::from(text));
            result
        }
        Login::Password(password) => {
            session.userauth_password(&settings.user, secret(password)?.expose_secret())
        }
    };
    result.map_err(|error| login_failed(attempted(), error, session, settings))
}

fn login_failed(
    attempted: String,
    error: ssh2::Error,
    session: &Session,
    Settings { login, timeout, .. }: &Settings,
) -> Error {
    let timeout = (*timeout).min(LOGIN);
    const AUTHENTICATION_FAILED: i32 = -18;
    const PUBLICKEY_UNVERIFIED: i32 = -19;
    const FILE: i32 = -16;
    const KEYFILE_AUTH_FAILED: i32 = -48;
    let signs_rsa_with_sha2 =
        session.supported_algs(MethodType::HostKey).is_ok_and(|names| names.contains(&"rsa-sha2-256"));
    // libssh2 gives the code of a refusal also where no answer came; only its words tell.
    let is_unanswered = error.message().starts_with("Waiting for");
    match error.code() {
        // Left alone for long, as a busy one: where it is a refusal after all, an account is locked by less.
        ErrorCode::Session(AUTHENTICATION_FAILED | PUBLICKEY_UNVERIFIED) if is_unanswered => {
            Error::new(Kind::Busy, attempted).because(error).hinted(
                "the connection ended in the middle of the login, which is tried again less and less often; if it stays so, check user and key with the partner: some servers hang up where others refuse",
            )
        }
        ErrorCode::Session(AUTHENTICATION_FAILED | PUBLICKEY_UNVERIFIED) => {
            let refused = Error::new(Kind::AuthRefused, attempted).because(error);
            match login {
                Login::Key { .. } if !signs_rsa_with_sha2 => refused.hinted(
                    "check user and key with the partner; an RSA key needs libssh2 1.11 here, an ed25519 key does not",
                ),
                _ => refused,
            }
        }
        ErrorCode::Session(FILE | KEYFILE_AUTH_FAILED) => Error::new(Kind::Invalid, attempted)
            .because(error)
            .hinted("the private key is not in OpenSSH or PEM form, or its passphrase is wrong"),
        _ => failed(attempted, error, timeout),
    }
}
