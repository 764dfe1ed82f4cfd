//! The store: everything that must outlive a process, in Postgres, and the only SQL of the hub.

mod accept;
mod acknowledgments;
mod again;
mod archive;
mod attempts;
mod audit;
mod batches;
mod control_numbers;
mod copy;
mod corrections;
mod deliveries;
mod documents;
mod error;
mod exceptions;
mod expected_documents;
mod files;
mod findings;
mod interchanges;
mod job_overview;
mod jobs;
mod loads;
mod master_data;
mod naming;
mod operations;
mod overdue_acknowledgments;
pub mod private;
mod profile_versions;
mod received_acknowledgments;
mod reconciliation;
mod records;
mod repeats;
mod reports;
mod retention;
mod revisions;
mod sent_documents;
mod sightings;
mod story;
mod text;
mod wakes;
mod words;
mod work;

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};

pub use accept::{AcceptOutcome, AcceptedFile, NewFile, Origin, inbound_file_id};
pub use acknowledgments::{
    AcknowledgmentFilter, ExpectedAcknowledgmentRow, ExpectedSet, ExpectedSetRow, FoundExpectation, Hold,
    NewExpectedAcknowledgment, Settlement,
};
pub use again::EarlierDocument;
pub use archive::Archive;
pub use attempts::{AttemptOutcome, AttemptRow, EndedAttempt};
pub use audit::{AuditEvent, AuditFault, AuditFilter, AuditHead, NewAuditEvent, hex};
pub use batches::{BatchKey, BatchRow, Batched};
pub use control_numbers::{ControlNumbers, NumberRequest};
pub use corrections::{CorrectedDocument, NewCorrection, SentOf};
pub use deliveries::{DeliveryFilter, DeliveryRow, LoadedDelivery, NewDelivery};
pub use documents::{DocumentFilter, DocumentRow, NewDocument};
pub use error::Error;
pub use exceptions::{BY_HUB, ExceptionFilter, ExceptionRow, NewException};
pub use expected_documents::{ExpectedDocumentFilter, ExpectedDocumentRow, NewExpectedDocument};
pub use files::{
    Body, Contents, FileFilter, FileOutcome, FileRow, LARGEST_BODY_BYTES, LoadedFile, OutboundFile,
    Undisposed, microseconds,
};
pub use findings::{FindingRow, NewFinding};
pub use interchanges::{InterchangeKey, InterchangeRow, NewInterchange};
pub use job_overview::{JobFilter, JobOverview};
pub use jobs::{AtOnce, Job, JobRow, Lane, Lease, NewJob, job_id};
pub use loads::{LoadRow, LoadedAdvice};
pub use master_data::{CrosswalkEntry, MADE_OF, MadeOf, MasterKindRow, MasterTable, NewMasterLoad};
pub use naming::Noun;
pub use received_acknowledgments::{NewMatch, NewReceivedAcknowledgment, ReceivedAcknowledgmentRow};
pub use reconciliation::{
    ByPartnerRow, ByReasonRow, ComparedInvoiceRow, ComparedLineRow, DifferenceRow, DocumentPlace,
    HeadOfLinesRow, InvoiceToCompare, NewComparedInvoice, NewComparedLine, NewDifference, NewRun,
    NewUnbilled, PreviousFigures, RunRow, StandingOfException, UnbilledRow,
};
pub use records::{
    ActivityCounts, DocumentAbout, FoundNumber, FoundRecord, ItemPack, ItemPrice, NewRecord, NumbersAsked,
};
pub use repeats::SameBusiness;
pub use reports::{
    AcknowledgedByPartner, AcknowledgmentTrouble, CycleTime, DayOfPartner, DueReport, FillRate,
    KindOfPartner, NewReportMail, NewReportRun, ReportFile, ReportMail, ReportRun, ReportScope, Score,
    TroubledAcknowledgment, UnshippedOrder,
};
pub use retention::{KeptUntil, Left, LeftOfPartner, RetentionRule};
pub use revisions::RecordRevision;
pub use sent_documents::{SentDocument, SentNumber};
pub use sightings::Seen;
pub use wakes::Wakes;
pub use words::{
    AcknowledgmentNote, AcknowledgmentState, Business, Decision, DeliveryKind, DeliveryState, Direction,
    ExceptionState, ExpectedDocumentState, FileState, JobKind, JobState, UnknownWord, Usage, Validation,
};
pub use work::Work;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Connections one hub holds at most: a handful of workers, their heartbeats and the doors.
const MOST_CONNECTIONS: u32 = 24;

/// A handle on the database and the archive; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    options: Arc<PgConnectOptions>,
    archive: Option<Archive>,
    waker: wakes::Waker,
}

impl Store {
    /// A store on the database that `options` name. Connects when first used.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[must_use]
    pub fn connect(options: PgConnectOptions) -> Self {
        // As long as a lease: a node that hangs in the middle of its work must not keep its locks, which others wait
        // for. Postgres ends its transaction, and its jobs go to another.
        let options = options.options([("idle_in_transaction_session_timeout", "20s")]);
        // A bulk load is meant to take long; anything else that does deserves a word. Parameters are never logged.
        let options =
            options.log_slow_statements("warn".parse().expect("it is a level"), Duration::from_secs(10));
        let pool = PgPoolOptions::new()
            .max_connections(MOST_CONNECTIONS)
            .acquire_timeout(Duration::from_secs(10))
            .connect_lazy_with(options.clone());
        Self { waker: wakes::Waker::new(pool.clone()), pool, options: Arc::new(options), archive: None }
    }

    /// A store on the database of a URL such as `postgres://user@host/database`.
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn connect_url(url: &str) -> Result<Self, Error> {
        let options =
            url.parse().map_err(|source| Error::Connect { place: String::from("the URL given"), source })?;
        Ok(Self::connect(options))
    }

    /// Brings the schema up to date. Does nothing when it is.
    ///
    /// # Errors
    /// When the database is newer than this program, a migration was changed, or the connection fails.
    pub async fn migrate(&self) -> Result<(), Error> {
        MIGRATIONS.run(&self.pool).await.map_err(Error::Migrate)
    }

    /// Waits until the database answers, at most as long as given.
    ///
    /// # Errors
    /// The last reason for which it did not.
    pub async fn wait_until_up(&self, at_most: Duration) -> Result<(), Error> {
        let started = std::time::Instant::now();
        loop {
            let error = match PgConnection::connect_with(&self.options).await {
                Ok(mut connection) => match connection.ping().await {
                    Ok(()) => return Ok(()),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            let error = Error::Connect { place: self.place(), source: error };
            if started.elapsed() > at_most || !error.is_temporary() {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Closes all connections, waiting for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Sets the archive that holds large bodies, once it is known to belong to this database.
    ///
    /// # Errors
    /// When the archive's marker names another database, or neither can be read or written.
    pub async fn with_archive(mut self, archive: Archive) -> Result<Self, Error> {
        let hub = sqlx::query_scalar!("select id from hub")
            .fetch_one(&self.pool)
            .await
            .map_err(Error::query("read the hub's id"))?;
        archive.mark(hub).await?;
        self.archive = Some(archive);
        Ok(self)
    }

    fn place(&self) -> String {
        match self.options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", self.options.get_host(), self.options.get_port()),
        }
    }
}
