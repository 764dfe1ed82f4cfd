//! Host keys as people compare them: `SHA256:` and 43 characters.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::super::Error;
use super::{Algorithms, link};

/// The fingerprint of a host key, as `ssh-keygen -l` writes it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(String);

/// The text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a host key is pinned as `SHA256:` and 43 characters, as `ssh-keygen -l` shows it")]
pub struct BadFingerprint;

impl Fingerprint {
    /// The fingerprint of a public key in the form of RFC 4253, section 6.6.
    #[must_use]
    pub fn of(public_key: &[u8]) -> Self {
        Self(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(public_key))))
    }
}

impl FromStr for Fingerprint {
    type Err = BadFingerprint;

    fn from_str(text: &str) -> Result<Self, BadFingerprint> {
        let code = text.strip_prefix("SHA256:").ok_or(BadFingerprint)?;
        let code = code.strip_suffix('=').unwrap_or(code);
        if STANDARD_NO_PAD.decode(code).map_err(|_| BadFingerprint)?.len() != Sha256::output_size() {
            return Err(BadFingerprint);
        }
        Ok(Self(format!("SHA256:{code}")))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A host key a server showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey {
    /// What kind it is, such as `ssh-ed25519`.
    pub kind: String,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
}

/// Asks a server for its host key and sends it nothing of ours, neither user nor key.
///
/// What it answers proves nothing: a person compares it with what the partner says by another way.
/// Blocks for up to 25 seconds.
///
/// # Errors
/// When the server cannot be reached or shares no algorithm with us.
pub fn show_host_key(host: &str, port: u16, algorithms: Algorithms) -> Result<HostKey, Error> {
    let (_, session) = link::shake_hands(host, port, algorithms, Duration::MAX)?;
    link::shown_key(&session, host, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_written_as_ssh_keygen_does() {
        // printf '' | openssl dgst -sha256 -binary | base64
        let empty = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
        assert_eq!(Fingerprint::of(b"").to_string(), empty);
        assert_eq!(empty.parse(), Ok(Fingerprint::of(b"")));
        assert_eq!(format!("{empty}=").parse(), Ok(Fingerprint::of(b"")));
        assert_eq!("MD5:00:11".parse::<Fingerprint>(), Err(BadFingerprint));
        assert_eq!("SHA256:short".parse::<Fingerprint>(), Err(BadFingerprint));
    }
}
