//! Secrets by reference: a profile names a file or a variable, and the value is read late.

use std::fmt;
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::declaration::Section;

/// Where a secret is found; profiles write `{ file = "…" }` or `{ env = "…" }`, never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretRef {
    /// A file closed to other users; one line end after the secret is not part of it.
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file `{}`", path.display()),
            Self::Env(name) => write!(f, "variable `{name}`"),
        }
    }
}

/// Why a secret could not be had. Never holds any part of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be opened or read.
    #[error("cannot read the secret in `{path}`: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file may be read by every user of the machine.
    #[error("the secret in `{path}` is open to every user; run `chmod 600` on it")]
    OpenToAll {
        /// The file.
        path: PathBuf,
    },
    /// The file is larger than 64 KiB or not text.
    #[error("`{path}` is no secret: it is larger than 64 KiB or not text")]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// The variable is not set, or not text.
    #[error("the variable `{name}` is not set")]
    NotSet {
        /// The variable.
        name: String,
    },
}

/// Turns a reference into its secret. The settings of the hub provide it, since only they read the
/// environment; it is called for each login, so that a rotated secret is taken up without a restart.
#[derive(Clone)]
pub struct SecretResolver(Arc<Resolve>);

type Resolve = dyn Fn(&SecretRef) -> Result<SecretString, SecretError> + Send + Sync;

impl SecretResolver {
    /// The secret a reference leads to.
    ///
    /// # Errors
    /// When the file or variable is absent or not fit to hold a secret.
    pub fn resolve(&self, reference: &SecretRef) -> Result<SecretString, SecretError> {
        (self.0)(reference)
    }
}

impl fmt::Debug for SecretResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretResolver")
    }
}

/// A resolver that reads files itself, relative ones below `base`, and asks `variable` for the rest.
#[must_use]
pub fn resolve_with(
    base: PathBuf,
    variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> SecretResolver {
    SecretResolver(Arc::new(move |reference| match reference {
        SecretRef::File(path) => read_secret_file(&base.join(path)),
        SecretRef::Env(name) => {
            variable(name).map(SecretString::from).ok_or_else(|| SecretError::NotSet { name: name.clone() })
        }
    }))
}

/// Reads a secret from a file that other users cannot read; drops one line end at its end.
///
/// # Errors
/// When the file cannot be read, is open to every user, or is not text.
pub fn read_secret_file(path: &Path) -> Result<SecretString, SecretError> {
    let read = |source| SecretError::Read { path: path.to_owned(), source };
    let file =
        std::fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(read)?;
    let metadata = file.metadata().map_err(read)?;
    if metadata.mode() & 0o007 != 0 {
        return Err(SecretError::OpenToAll { path: path.to_owned() });
    }
    let mut text = String::new();
    let length = file.take(65_537).read_to_string(&mut text);
    if !metadata.is_file() || length.is_err() || text.len() > 65_536 {
        return Err(SecretError::NotText { path: path.to_owned() });
    }
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text.into())
}

/// Where the secret `key` of a section lies; a fault is noted if it stands there itself.
pub fn read_secret_ref(section: &Section<'_>, key: &'static str) -> Option<SecretRef> {
    const HINT: &str =
        "a secret never stands in a profile: write { file = \"keys/name\" } or { env = \"NAME\" }";
    if section.raw(key).is_some_and(|said| !said.value.starts_with('{')) {
        let place = section.raw(key).map_or_else(|| section.place(), |said| said.place);
        section.fault("secret_in_profile", &place, format!("`{key}` holds the secret itself"), HINT);
        return None;
    }
    let below = section.section(key)?;
    let file = below.text("file").map(|said| SecretRef::File(PathBuf::from(said.value)));
    let secret = file.or_else(|| below.text("env").map(|said| SecretRef::Env(said.value)));
    below.finish();
    if secret.is_none() {
        below.fault("secret_form", &below.place(), format!("`{key}` names no secret"), HINT);
    }
    secret
}
