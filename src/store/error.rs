//! What can go wrong between the hub and its store.

use uuid::Uuid;

/// A store operation that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection to the database can be had.
    #[error("cannot reach the database at {place}{}", hint(source))]
    Connect {
        /// Host or socket.
        place: String,
        /// Why not.
        source: sqlx::Error,
    },
    /// The schema cannot be brought up to date.
    #[error("cannot migrate the database")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// A statement failed.
    #[error("cannot {what}")]
    Query {
        /// What was attempted, such as `claim jobs`.
        what: &'static str,
        /// Why not.
        source: sqlx::Error,
    },
    /// The job was claimed again by somebody else; whatever was done under this lease is rolled back.
    #[error("the lease on job {job} is lost")]
    LeaseLost {
        /// The job.
        job: Uuid,
    },
    /// There is no such row.
    #[error("there is no {what} {id}")]
    Missing {
        /// The table, in words.
        what: &'static str,
        /// The id asked for.
        id: Uuid,
    },
    /// A stored value is not what this version of the hub understands.
    #[error("cannot understand the stored {what} {id}")]
    Stored {
        /// The table, in words.
        what: &'static str,
        /// The row.
        id: Uuid,
        /// Why not.
        source: serde_json::Error,
    },
    /// Bytes cannot be written to or read from the archive.
    #[error("cannot {what} in the archive {place}: {why}; hint: {hint}")]
    Archive {
        /// What was attempted, with the hash.
        what: String,
        /// Where the archive is.
        place: String,
        /// Why not.
        why: String,
        /// What to do about it.
        hint: String,
        /// Whether it may go away by itself.
        is_temporary: bool,
    },
    /// What lies in the archive is not what was put there.
    #[error(
        "the bytes {expected} in the archive {place} were changed: they were {expected_bytes}, and are {found_bytes} with \
         SHA-256 {found}; hint: put them back from a backup of the archive or an older version in the bucket, then \
         release what is held"
    )]
    Corrupt {
        /// Where the archive is.
        place: String,
        /// The hash that they have in the database.
        expected: String,
        /// How many they were.
        expected_bytes: u64,
        /// The hash that they have by now.
        found: String,
        /// How many they are.
        found_bytes: u64,
    },
    /// The archive's folder cannot be made.
    #[error("cannot {what}")]
    File {
        /// What was attempted, with the path.
        what: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A file's bytes lie in an archive, and this store was opened without one.
    #[error(
        "file {file} lies in the archive, and none is set; hint: open the hub with the `var` folder that the archive is in"
    )]
    NoArchive {
        /// The file.
        file: Uuid,
    },
    /// A file's bytes left with their retention.
    #[error(
        "the bytes of file {file} left on {at} with their retention; hint: its hash, documents and records are still here: `crossdock files show {file}`; what proves more must come from the partner or a backup"
    )]
    BodyLeft {
        /// The file, as people name it.
        file: String,
        /// The day.
        at: chrono::NaiveDate,
    },
    /// Bytes left the archive while a file with the same was accepted; taking it again keeps them.
    #[error("the archive lost the bytes {sha256} a moment ago; the file is taken again")]
    Gone {
        /// Their hash.
        sha256: String,
    },
    /// The archive is new, and the database's bytes lie in another.
    #[error(
        "the archive {place} is empty, and bytes of this database lie in another; hint: if it is the right one, copy all \
         that is in the other there under the same keys, its `crossdock-archive` as well; else see that the folder is \
         mounted, or write the right bucket in [archive] of crossdock.toml"
    )]
    EmptyArchive {
        /// Where it is.
        place: String,
    },
    /// The archive's server cannot keep two hubs apart that come at the same time.
    #[error(
        "cannot write the marker in the archive {place}: its server knows no conditional writes (If-None-Match); hint: see \
         that no other hub uses this place, write the text {hub} into an object `{object}` there yourself, and start again"
    )]
    Unconditional {
        /// Where it is.
        place: String,
        /// The marker's whole key.
        object: String,
        /// Id in the database.
        hub: Uuid,
    },
    /// The archive was made for another database, or the other way round.
    #[error(
        "the archive {place} belongs to hub {found}, not to this database's {expected}; hint: set the archive this database was used with, or a `prefix` of its own"
    )]
    ForeignArchive {
        /// Where it is.
        place: String,
        /// Id in the archive's marker.
        found: String,
        /// Id in the database.
        expected: Uuid,
    },
}

impl Error {
    /// Whether the same call may succeed later without anybody doing anything.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Connect { source, .. } | Self::Query { source, .. } => is_temporary(source),
            Self::Migrate(sqlx::migrate::MigrateError::Execute(source)) => is_temporary(source),
            Self::Archive { is_temporary, .. } => *is_temporary,
            Self::File { source, .. } => {
                !matches!(source.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::PermissionDenied)
            }
            Self::Migrate(_)
            | Self::LeaseLost { .. }
            | Self::Missing { .. }
            | Self::Stored { .. }
            | Self::NoArchive { .. }
            | Self::BodyLeft { .. }
            | Self::Corrupt { .. }
            | Self::EmptyArchive { .. }
            | Self::Unconditional { .. }
            | Self::ForeignArchive { .. } => false,
            Self::Gone { .. } => true,
        }
    }

    /// Whether the database cannot be had at all just now.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Connect { .. } => true,
            Self::Query { source, .. } => matches!(source, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut),
            _ => false,
        }
    }

    /// Whether it is the archive that stands in the way, so that what needs no archive can go on.
    #[must_use]
    pub fn is_of_archive(&self) -> bool {
        matches!(
            self,
            Self::Archive { .. }
                | Self::EmptyArchive { .. }
                | Self::Unconditional { .. }
                | Self::ForeignArchive { .. }
        )
    }

    /// For `map_err`: the statement that does `what` failed.
    pub(super) fn query(what: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Query { what, source }
    }

    /// Whether a row could not be written because it is there already.
    pub(super) fn is_there_already(&self) -> bool {
        let Self::Query { source: sqlx::Error::Database(error), .. } = self else { return false };
        error.is_unique_violation()
    }
}

/// What to do about a connection that is not to be had.
fn hint(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::Tls(_) => {
            "; hint: the server must prove its name by a certificate: name its authority by `sslrootcert=FILE` in the address, or, where nobody else is on the way to it, write `sslmode=disable`"
        }
        _ => "",
    }
}

/// Whether the cause lies with the server or the way to it, not with the statement.
fn is_temporary(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            // 08 connection, 53 resources, 57P0x shutdown and start, 57014, 55P03, 25P03 and 25P04 took too long,
            // 40 conflicts, 25006 a standby.
            ["08", "53", "57P0", "40"].iter().any(|class| code.starts_with(class))
                || matches!(code.as_ref(), "25006" | "25P03" | "25P04" | "55P03" | "57014" | "XX000")
        }),
        _ => false,
    }
}
