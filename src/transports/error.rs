//! What goes wrong between us and a place: one error with a class that decides retry or stop.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The class of a failure: what a caller does next depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The other side has too much to do (`MaxStartups`, 429, 503): later, and slower.
    Busy,
    /// The other side does not answer, or the connection broke: later.
    Down,
    /// The other side answers but will not have us or the request: a person must look.
    Refused,
    /// The server showed a host key that is not pinned; nothing was sent to it.
    HostKeyMismatch,
    /// The login was refused; tried three times, then not again for half an hour.
    AuthRefused,
    /// No such file or folder.
    NotFound,
    /// The name is taken, and nothing is overwritten.
    Exists,
    /// The file changed while it was read, or did not arrive as it was sent: later.
    Changed,
    /// The file is above the size allowed.
    TooLarge,
    /// Not ours to read or write.
    Permission,
    /// No room, or the disk failed: later.
    Disk,
    /// The server said only "failure", as SFTP version 3 does for most things: later.
    Failed,
    /// A name, path, link, device, key or address that we do not accept.
    Invalid,
}

/// A failed operation on a transport: what was attempted and where, its class, and what to do.
#[derive(Clone, Debug)]
pub struct Error {
    kind: Kind,
    attempted: String,
    hint: &'static str,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this class; `attempted` reads like ``cannot list `/out` on sftp.acme.example:22``.
    #[must_use]
    pub fn new(kind: Kind, attempted: impl Into<String>) -> Self {
        Self { kind, attempted: attempted.into(), hint: default_hint(kind), retry_after: None, source: None }
    }

    /// The same with its cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// The same with another hint.
    #[must_use]
    pub fn hinted(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// The same with the shortest wait before another try.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The class.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What a person can do about it; lower case, no full stop.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        self.hint
    }

    /// What happened and what can be done about it, in one line.
    #[must_use]
    pub fn with_hint(&self) -> String {
        match self.hint {
            "" => self.to_string(),
            hint => format!("{self}; hint: {hint}"),
        }
    }

    /// The shortest wait before another try, where the other side or our back-off set one.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the same call may work later without anybody doing anything.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self.kind, Kind::Busy | Kind::Down | Kind::Changed | Kind::Disk | Kind::Failed)
    }

    /// Whether the connection itself is no longer of use.
    pub(super) fn broke_the_connection(&self) -> bool {
        matches!(self.kind, Kind::Busy | Kind::Down)
    }

    pub(super) fn from_io(attempted: impl Into<String>, error: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::NotFound => Kind::NotFound,
            Io::AlreadyExists => Kind::Exists,
            Io::PermissionDenied | Io::ReadOnlyFilesystem => Kind::Permission,
            Io::StorageFull | Io::QuotaExceeded => Kind::Disk,
            Io::InvalidInput | Io::NotADirectory | Io::IsADirectory | Io::InvalidFilename => Kind::Invalid,
            // O_NOFOLLOW answers ELOOP for a link.
            _ if error.raw_os_error() == Some(libc::ELOOP) => Kind::Invalid,
            _ => Kind::Disk,
        };
        let error_hint = match error.raw_os_error() {
            Some(libc::ELOOP) => "links are never followed; put the file itself there",
            _ => default_hint(kind),
        };
        Self::new(kind, attempted).hinted(error_hint).because(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attempted)?;
        match &self.source {
            Some(source) => write!(f, ": {source}"),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // Display already shows the direct cause, so the chain goes on behind it.
        self.source.as_deref().and_then(StdError::source)
    }
}

fn default_hint(kind: Kind) -> &'static str {
    match kind {
        Kind::Busy => "tried again later; lower `sessions` if it happens often",
        Kind::Down => "tried again later; check host, port and the partner's maintenance hours",
        Kind::Refused => "ask the other side why, or read its answer",
        Kind::HostKeyMismatch => {
            "confirm the new fingerprint with the partner by another way, then add it to `host_keys`"
        }
        Kind::AuthRefused => "check user and key with the partner; not tried again for half an hour",
        Kind::NotFound => "check the path; the file may have been taken already",
        Kind::Exists => "nothing is overwritten: look at what is there",
        Kind::Changed => "tried again later; its writer was not done",
        Kind::TooLarge => "raise the limit of the channel if such files are expected",
        Kind::Permission => "give this user access to the folder",
        Kind::Disk => "make room on the disk; tried again later",
        Kind::Failed => "tried again later; the server gave no reason",
        Kind::Invalid => "only plain names and regular files are accepted",
    }
}
