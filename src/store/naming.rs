//! Naming: the beginning of an id is enough for people, as long as it means one thing.

use uuid::Uuid;

use super::{Error, Store};

/// What has an id that people type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Noun {
    /// A file, inbound or outbound.
    File,
    /// A document.
    Document,
    /// A delivery.
    Delivery,
    /// A job.
    Job,
    /// An exception.
    Exception,
    /// A run of a report.
    Report,
}

impl Noun {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::File, Self::Document, Self::Delivery, Self::Job, Self::Exception, Self::Report];

    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Document => "document",
            Self::Delivery => "delivery",
            Self::Job => "job",
            Self::Exception => "exception",
            Self::Report => "report",
        }
    }
}

impl Store {
    /// Ids of this noun from `first` to `last`, at most three: more than one is too many already.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_ids(&self, noun: Noun, first: Uuid, last: Uuid) -> Result<Vec<Uuid>, Error> {
        let found = match noun {
            Noun::File => {
                sqlx::query_scalar!(
                    "select id from file where id between $1 and $2 order by id limit 3",
                    first,
                    last
                )
                .fetch_all(&self.pool)
                .await
            }
            Noun::Document => {
                sqlx::query_scalar!(
                    "select id from document where id between $1 and $2 order by id limit 3",
                    first,
                    last
                )
                .fetch_all(&self.pool)
                .await
            }
            Noun::Delivery => {
                sqlx::query_scalar!(
                    "select id from delivery where id between $1 and $2 order by id limit 3",
                    first,
                    last
                )
                .fetch_all(&self.pool)
                .await
            }
            Noun::Job => {
                sqlx::query_scalar!(
                    "select id from job where id between $1 and $2 order by id limit 3",
                    first,
                    last
                )
                .fetch_all(&self.pool)
                .await
            }
            Noun::Exception => {
                sqlx::query_scalar!(
                    "select id from exception where id between $1 and $2 order by id limit 3",
                    first,
                    last
                )
                .fetch_all(&self.pool)
                .await
            }
            Noun::Report => {
                sqlx::query_scalar!(
                    "select id from report_run where id between $1 and $2 order by id limit 3",
                    first,
                    last
                )
                .fetch_all(&self.pool)
                .await
            }
        };
        found.map_err(Error::query("look up an id"))
    }
}
