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
mod counters;
mod decisions;
mod deliveries;
mod documents;
mod error;
mod exceptions;
mod expected_documents;
mod files;
mod findings;
mod inbound_groups;
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
mod receipts;
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
mod untaken;
mod wakes;
mod words;
mod work;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::sync::OnceCell;

use crate::clock;

pub use accept::{AcceptOutcome, AcceptedFile, NewFile, Origin, inbound_file_id};
pub use acknowledgments::{
    AcknowledgmentFilter, ExpectedAcknowledgmentRow, ExpectedSet, ExpectedSetRow, FoundExpectation, Hold,
    NewExpectedAcknowledgment, Settlement,
};
pub use again::EarlierDocument;
pub use archive::{Access, Archive, Bucket, GetKeys};
pub use attempts::{AttemptOutcome, AttemptRow, EndedAttempt};
pub use audit::{AuditEvent, AuditFault, AuditFilter, AuditHead, NewAuditEvent, hex};
pub use batches::{BatchKey, BatchRow, Batched};
pub use control_numbers::{ControlNumbers, LockedCounter, NumberRequest};
pub use corrections::{CorrectedDocument, NewCorrection, SentOf};
pub use counters::CounterRow;
pub use decisions::DueDecision;
pub use deliveries::{DeliveryFilter, DeliveryRow, LoadedDelivery, NewDelivery};
pub use documents::{DocumentFilter, DocumentRow, NewDocument};
pub use error::Error;
pub use exceptions::{BY_HUB, ExceptionFilter, ExceptionRow, NewException};
pub use expected_documents::{ExpectedDocumentFilter, ExpectedDocumentRow, NewExpectedDocument};
pub use files::{
    Body, FileFilter, FileOutcome, FileRow, LARGEST_BODY_BYTES, LoadedFile, OutboundFile, Undisposed,
    microseconds,
};
pub use findings::{FindingRow, NewFinding};
pub use inbound_groups::{GroupKey, SeenGroup};
pub use interchanges::{FoundInterchanges, InterchangeKey, InterchangeRow, NewInterchange};
pub use job_overview::{JobFilter, JobOverview};
pub use jobs::{AtOnce, Job, JobRow, Lane, Lease, NewJob, job_id};
pub use loads::{LoadRow, LoadedAdvice};
pub use master_data::{CrosswalkEntry, MADE_OF, MadeOf, MasterKindRow, MasterTable, NewMasterLoad};
pub use naming::Noun;
pub use overdue_acknowledgments::{AwaitedUnder, UnderNumber};
pub use receipts::{DeliveryAbout, OpenReceipt};
pub use received_acknowledgments::{NewMatch, NewReceivedAcknowledgment, ReceivedAcknowledgmentRow};
pub use reconciliation::{
    ByPartnerRow, ByReasonRow, ComparedInvoiceRow, ComparedLineRow, DifferenceRow, DocumentPlace,
    HeadOfLinesRow, InvoiceToCompare, LineStandingRow, NewComparedInvoice, NewComparedLine, NewDifference,
    NewRun, NewUnbilled, PreviousFigures, RunRow, StandingOfException, UnbilledRow,
};
pub use records::{
    DocumentAbout, FoundNumber, FoundRecord, ItemName, ItemPack, ItemPrice, LabelAsked, LabelFound,
    NewRecord, NumbersAsked, ServiceBill,
};
pub use repeats::SameBusiness;
pub use reports::{
    AcknowledgedByPartner, AcknowledgmentTrouble, CycleTime, DayOfPartner, DueReport, FiledReport, FillRate,
    KindOfPartner, NewReportMail, NewReportRun, ReportFile, ReportMail, ReportRun, ReportScope, Score,
    TroubledAcknowledgment, UnshippedOrder,
};
pub use retention::{KeptUntil, Left, LeftOfPartner, RetentionRule};
pub use revisions::RecordRevision;
pub use sent_documents::{SentDocument, SentNumber};
pub use sightings::Seen;
pub use untaken::{Untaken, UntakenRow};
pub use wakes::Wakes;
pub use words::{
    AcknowledgmentNote, AcknowledgmentState, Business, Decision, DeliveryKind, DeliveryState, Direction,
    ExceptionState, ExpectedDocumentState, FileState, JobKind, JobState, ReceiptLevel, UnknownWord, Usage,
    Validation,
};
pub use work::Work;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!();

/// Connections one hub holds at most: a handful of workers, their heartbeats and the doors.
const MOST_CONNECTIONS: u32 = 24;

/// A clock that jumps by more than this is told of.
const WORTH_A_WORD: TimeDelta = TimeDelta::seconds(5);

/// A handle on the database and the archive; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    options: Arc<PgConnectOptions>,
    archive: Option<Archive>,
    /// Set once the archive is known to belong to the database.
    is_ours: Arc<OnceCell<()>>,
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
        // What waits for a lock for half a minute, or runs for a quarter of an hour, is given up and tried again.
        let limits = [
            ("idle_in_transaction_session_timeout", "20s"),
            ("lock_timeout", "30s"),
            ("statement_timeout", "15min"),
        ];
        let unlimited = Arc::new(options.clone());
        let options = options.options(limits);
        // A bulk load is meant to take long; anything else that does deserves a word. Parameters are never logged.
        let options =
            options.log_slow_statements("warn".parse().expect("it is a level"), Duration::from_secs(10));
        let pool = PgPoolOptions::new()
            .max_connections(MOST_CONNECTIONS)
            .acquire_timeout(Duration::from_secs(10))
            .connect_lazy_with(options.clone());
        Self {
            waker: wakes::Waker::new(pool.clone()),
            pool,
            options: unlimited,
            archive: None,
            is_ours: Arc::default(),
        }
    }

    /// A store on the database of a URL such as `postgres://user@host/database`. One on another machine must prove its name
    /// by a certificate, unless the URL says otherwise (`sslmode`).
    ///
    /// # Errors
    /// When the URL cannot be read.
    pub fn connect_url(url: &str) -> Result<Self, Error> {
        let options: PgConnectOptions =
            url.parse().map_err(|source| Error::Connect { place: String::from("the URL given"), source })?;
        let host = options.get_host();
        let is_here = options.get_socket().is_some()
            || host.starts_with('/')
            || host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if is_here {
            return Ok(Self::connect(options));
        }
        let said = url.contains("sslmode=") || url.contains("ssl-mode=");
        match options.get_ssl_mode() {
            PgSslMode::VerifyFull => Ok(Self::connect(options)),
            PgSslMode::Prefer if !said => Ok(Self::connect(options.ssl_mode(PgSslMode::VerifyFull))),
            mode => {
                tracing::warn!(
                    "the database at {host} need not prove who it is ({mode:?}): whoever is on the way to it may read and change everything; hint: write sslmode=verify-full"
                );
                Ok(Self::connect(options))
            }
        }
    }

    /// Brings the schema up to date. Does nothing when it is.
    ///
    /// # Errors
    /// When the database is newer than this program, a migration was changed, or the connection fails.
    pub async fn migrate(&self) -> Result<(), Error> {
        // It may take as long as it takes.
        let mut connection = PgConnection::connect_with(&self.options)
            .await
            .map_err(|source| Error::Connect { place: self.place(), source })?;
        let migrated = MIGRATIONS.run(&mut connection).await.map_err(Error::Migrate);
        // A connection that cannot say goodbye has done its work all the same.
        connection.close().await.ok();
        migrated
    }

    /// Waits until the database answers, at most as long as given.
    ///
    /// # Errors
    /// The last reason for which it did not.
    pub async fn wait_until_up(&self, at_most: Duration) -> Result<(), Error> {
        let started = Instant::now();
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

    /// Sets the clock of this process by the database's, so that all nodes have one time: to be called now and then.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn set_clock(&self) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await.map_err(Error::query("ask for the time"))?;
        let asked = Instant::now();
        let told = sqlx::query_scalar!(r#"select clock_timestamp() as "at!""#)
            .fetch_one(&mut *connection)
            .await
            .map_err(Error::query("ask for the time"))?;
        // It was told at some moment in between.
        let off = TimeDelta::from_std(asked.elapsed() / 2).unwrap_or(TimeDelta::MAX);
        let Some(change) = clock::set(told + off, off) else { return Ok(()) };
        if change.abs() > WORTH_A_WORD {
            let (apart, way) = (
                clock::behind().abs(),
                if clock::behind() < TimeDelta::zero() { "ahead of" } else { "behind" },
            );
            tracing::warn!(
                "this machine's clock is {} s {way} the database's, which counts; hint: set both by NTP",
                apart.num_seconds()
            );
        }
        Ok(())
    }

    /// Closes all connections, waiting for those in use.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Sets the archive that holds large bodies. That it belongs to this database is seen when it is first used.
    #[must_use]
    pub fn with_archive(self, archive: Archive) -> Self {
        Self { archive: Some(archive), is_ours: Arc::default(), ..self }
    }

    /// Sees that the archive is there, can be written, and belongs to this database; the first to come marks it.
    ///
    /// # Errors
    /// When it belongs to another, is empty though bytes of this database lie in one, or cannot be read or written.
    pub async fn check_archive(&self) -> Result<(), Error> {
        self.archive().await.map(drop)
    }

    /// The archive, if one is set and it is ours.
    async fn archive(&self) -> Result<Option<&Archive>, Error> {
        let Some(archive) = &self.archive else { return Ok(None) };
        self.is_ours.get_or_try_init(|| Box::pin(self.claim(archive))).await?;
        Ok(Some(archive))
    }

    async fn claim(&self, archive: &Archive) -> Result<(), Error> {
        let place = || archive.place().to_owned();
        let belongs = |found: String, expected: uuid::Uuid| match found == expected.to_string() {
            true => Ok(()),
            false => Err(Error::ForeignArchive { place: place(), found, expected }),
        };
        let (hub, has_bodies) = self.archive_owner().await?;
        if let Some(found) = archive.find_owner().await? {
            belongs(found, hub)?;
            // What may be read may not be written always. Nothing is changed by it.
            return match archive.mark(hub).await {
                Ok(()) | Err(Error::Unconditional { .. }) => Ok(()),
                Err(error) if error.is_temporary() => Ok(()),
                Err(error) => Err(error),
            };
        }
        if has_bodies {
            return Err(Error::EmptyArchive { place: place() });
        }
        archive.mark(hub).await?;
        // Another may have been first.
        belongs(archive.find_owner().await?.unwrap_or_default(), hub)
    }

    fn place(&self) -> String {
        match self.options.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", self.options.get_host(), self.options.get_port()),
        }
    }
}
