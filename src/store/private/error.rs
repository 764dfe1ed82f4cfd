//! What can go wrong with a private server.

use std::io;
use std::path::PathBuf;

use super::binaries::FLOOR;

/// What can go wrong with a private server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No `initdb` and `postgres` were found.
    #[error(
        "PostgreSQL is not installed{}; hint: run `{install}`, or set `DATABASE_URL` to a server of your own",
        looked_in.as_ref().map(|folder| format!(" in {}", folder.display())).unwrap_or_default()
    )]
    NotInstalled {
        /// The folder of the settings, when there is one.
        looked_in: Option<PathBuf>,
        /// The command that installs it.
        install: &'static str,
    },
    /// Only an old PostgreSQL was found.
    #[error("PostgreSQL {major} in {} is too old; hint: install version {} or later", folder.display(), FLOOR)]
    TooOld {
        /// Where it was found.
        folder: PathBuf,
        /// Its major version.
        major: u32,
    },
    /// The data folder was made by another major version.
    #[error(
        "{} was made by PostgreSQL {made_by}, and only {found:?} is installed; hint: install version {made_by}",
        data_dir.display()
    )]
    OtherVersion {
        /// The data folder.
        data_dir: PathBuf,
        /// Major version in its `PG_VERSION`.
        made_by: u32,
        /// Major versions installed here.
        found: Vec<u32>,
    },
    /// The path of the socket does not fit.
    #[error("the socket path {} is too long, or has a comma or a quote; hint: choose a short socket folder", path.display())]
    SocketPath {
        /// The whole path.
        path: PathBuf,
    },
    /// The socket's folder belongs to somebody else.
    #[error("{} belongs to another user or is open to others; hint: remove it", path.display())]
    SocketFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A file or folder of the server cannot be made or changed.
    #[error("cannot prepare {}", path.display())]
    Folder {
        /// What was to be made.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// PostgreSQL refuses to run as root, and there is nobody else to run it as.
    #[error(
        "PostgreSQL does not run as root, and there is neither a user namespace nor a user `postgres`; hint: run crossdock as an ordinary user"
    )]
    Root,
    /// A program cannot be started.
    #[error("cannot start {}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("initdb failed: {log}")]
    Initialise {
        /// What it said.
        log: String,
    },
    /// The server ends as soon as it is started, or does not answer.
    #[error("the private PostgreSQL in {} does not come up: {log}", data_dir.display())]
    NotUp {
        /// Its data folder.
        data_dir: PathBuf,
        /// The end of its log.
        log: String,
    },
    /// A server of an earlier hub cannot be stopped.
    #[error("cannot stop process {pid}, an orphaned PostgreSQL on {}; hint: stop it by hand", data_dir.display())]
    Orphan {
        /// The postmaster.
        pid: i32,
        /// Its data folder.
        data_dir: PathBuf,
    },
    /// The server runs, but the hub's database cannot be made in it.
    #[error("cannot make the database `crossdock`")]
    Database(#[source] sqlx::Error),
}

impl Error {
    /// Whether the same call may work later without anybody doing anything.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::NotUp { .. } | Self::Database(_))
    }
}
