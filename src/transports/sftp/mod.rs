//! SFTP servers of partners: pinned host keys, sessions kept open, many requests under way.

mod algorithms;
mod files;
mod host_key;
mod link;
mod pool;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::NaiveDate;

pub use algorithms::Algorithms;
pub use host_key::{BadFingerprint, Fingerprint, HostKey, show_host_key};

use self::pool::Pool;
use super::{Entry, Error, FileName, Hold, Listing, Outcome, Put, SecretRef, SecretResolver, Tried};
use crate::clock::Clock;

/// How we prove who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// A private key in OpenSSH or PEM form, and the secret that opens it where it is locked.
    Key {
        /// The private key.
        key: SecretRef,
        /// Its passphrase.
        passphrase: Option<SecretRef>,
    },
    /// A password.
    Password(SecretRef),
}

/// What reaches one server under one login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name or address.
    pub host: String,
    /// TCP port, usually 22.
    pub port: u16,
    /// User there.
    pub user: String,
    /// Key or password.
    pub login: Login,
    /// The only host keys accepted: the present one, and the next one while it changes.
    pub host_keys: Vec<Fingerprint>,
    /// Sessions kept open at most; 2 is polite, servers often refuse more than 10.
    pub sessions: usize,
    /// The last day on which old algorithms may be used too, where they may.
    pub legacy_until: Option<NaiveDate>,
    /// Longest silence of the server within one request.
    pub timeout: Duration,
}

impl Settings {
    /// Which algorithms may be agreed on today.
    fn algorithms(&self) -> Algorithms {
        let today = Clock::System.now().date_naive();
        if self.legacy_until.is_some_and(|last| today <= last) {
            Algorithms::Legacy
        } else {
            Algorithms::Modern
        }
    }
}

/// One server under one login. Clones share its sessions; the last one closes them.
#[derive(Clone, Debug)]
pub struct Server {
    pool: Arc<pool::Handle>,
}

impl Server {
    /// The server these settings lead to. Connects when there is something to do.
    #[must_use]
    pub fn new(settings: Settings, secrets: SecretResolver) -> Self {
        Self { pool: Arc::new(pool::Handle::new(settings, secrets)) }
    }

    /// The settings it was made with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.pool.get().settings
    }

    /// Logs in and says what was agreed on, for the person who brings the partner on line.
    ///
    /// # Errors
    /// When the server cannot be reached, shows another host key, or refuses the login.
    pub async fn probe(&self) -> Result<Agreed, Error> {
        Pool::run(self.pool.get(), |link, _| Ok(link.agreed.clone())).await
    }

    pub(super) async fn list(&self, folder: &str) -> Result<Listing, Error> {
        let folder = folder.to_owned();
        Pool::run(self.pool.get(), move |link, _| files::list(link, &folder)).await
    }

    pub(super) async fn stat(&self, folder: &str, name: &FileName) -> Result<Option<Entry>, Error> {
        let (folder, name) = (folder.to_owned(), name.clone());
        Pool::run(self.pool.get(), move |link, _| files::stat(link, &folder, &name)).await
    }

    pub(super) async fn read(&self, folder: &str, entry: &Entry, limit_bytes: u64) -> Result<Bytes, Error> {
        let (folder, entry) = (folder.to_owned(), entry.clone());
        Pool::run(self.pool.get(), move |link, _| files::read(link, &folder, &entry, limit_bytes)).await
    }

    pub(super) async fn write_new(&self, folder: &str, put: Put) -> Result<Outcome, Error> {
        let folder = folder.to_owned();
        Pool::run(self.pool.get(), move |link, _| files::write_new(link, &folder, &put)).await
    }

    pub(super) async fn try_out(
        &self,
        folder: &str,
        names: [FileName; 2],
        bytes: &'static [u8],
    ) -> Result<Tried, Error> {
        let folder = folder.to_owned();
        Pool::run(self.pool.get(), move |link, _| files::try_out(link, &folder, &names, bytes)).await
    }

    pub(super) async fn hold(&self, folder: &str, entry: &Entry, held: &FileName) -> Result<Hold, Error> {
        let (folder, entry, held) = (folder.to_owned(), entry.clone(), held.clone());
        Pool::run(self.pool.get(), move |link, _| files::hold(link, &folder, &entry, &held)).await
    }

    pub(super) async fn move_to(
        &self,
        folder: &str,
        name: &FileName,
        to_folder: &str,
        to_name: &FileName,
    ) -> Result<(), Error> {
        let from = files::path(folder, Some(name));
        let to = files::path(to_folder, Some(to_name));
        Pool::run(self.pool.get(), move |link, attempt| files::move_new(link, &from, &to, attempt)).await
    }

    pub(super) async fn remove(&self, folder: &str, name: &FileName) -> Result<(), Error> {
        let path = files::path(folder, Some(name));
        Pool::run(self.pool.get(), move |link, _| files::remove(link, &path)).await
    }
}

/// What we and a server agreed on for one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// How the server names itself, such as `SSH-2.0-OpenSSH_9.2p1`.
    pub banner: String,
    /// The host key it showed.
    pub host_key: HostKey,
    /// Key exchange, such as `curve25519-sha256`.
    pub key_exchange: String,
    /// Cipher towards the server.
    pub cipher: String,
    /// Message authentication towards the server; empty where the cipher includes it.
    pub mac: String,
    /// Whether any of these is one of the old ones that must be asked for.
    pub legacy: bool,
}
