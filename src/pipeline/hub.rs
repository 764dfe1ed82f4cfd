//! The hub: what every step of the work needs, and what can go wrong in it.

use super::agreements::Agreements;
use crate::clock::Clock;
use crate::config::Config;
use crate::profiles::{self, Channel};
use crate::reports;
use crate::store::{self, Store, Untaken};
use crate::transports::{self, http, local, sftp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

/// One channel of one partner.
#[derive(Clone, Debug)]
pub struct Place {
    /// The partner's id.
    pub partner: String,
    /// The channel as agreed.
    pub channel: Channel,
    /// A person said that the file is this partner's, whatever it says itself.
    pub assigned: bool,
}

impl Place {
    /// Its name in the database and in logs: `partner/channel`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.partner, self.channel.name)
    }

    /// Whether its folders are on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        matches!(self.channel.transport, profiles::Transport::Local { .. })
    }
}

/// Why a step of the work could not be done. The file or delivery stays where it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A partner's server, a folder, a call.
    #[error(transparent)]
    Transport(#[from] transports::Error),
    /// The files of a report.
    #[error(transparent)]
    Report(#[from] reports::Error),
    /// The profile no longer has what a stored row names.
    #[error("{what} is not among the profiles in force")]
    NotAgreed {
        /// The partner, channel or document.
        what: String,
    },
    /// A key that files are encrypted or signed with is not to be had, or not fit.
    #[error("{what}")]
    Key {
        /// Which, why, and what to do.
        what: String,
    },
    /// A task ended in a fault of the program.
    #[error("a task ended in a fault of the program; the log says where")]
    Panicked(#[source] tokio::task::JoinError),
    /// Our own document is not sound; it must not leave.
    #[error("cannot write the {document} for {partner}: {first}; hint: {hint}")]
    Compose {
        /// The document.
        document: String,
        /// The partner it was for.
        partner: String,
        /// The first fault of it.
        first: String,
        /// What to do.
        hint: String,
    },
}

impl Error {
    /// Whether the same step may work later without a person's help.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Store(error) => error.is_temporary(),
            Self::Transport(error) => error.is_temporary(),
            // A disk that is full has room later; a workbook that cannot be made will not be made later.
            Self::Report(error) => matches!(error, reports::Error::Write { .. }),
            // Another node may have the profile, or it comes back; a key is put where it belongs.
            Self::NotAgreed { .. } | Self::Key { .. } => true,
            Self::Panicked(_) | Self::Compose { .. } => false,
        }
    }

    /// Whether the database cannot be reached, so that whatever else is tried now fails as well.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_unreachable())
    }
}

/// What every step of the work needs.
#[derive(Debug)]
pub struct Hub {
    /// Settings.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    agreements: RwLock<Arc<Agreements>>,
    /// Sessions stay open and are used again, whatever profile version is in force.
    transports: Mutex<BTreeMap<String, (profiles::Transport, Arc<transports::Transport>)>>,
    calls: http::Client,
    /// The rules of retention that this hub counted by last.
    retention: Mutex<Vec<store::RetentionRule>>,
    /// What was warned of, so that it is not said at every look.
    told: Mutex<BTreeSet<String>>,
    /// What is written down of what lies in the folders of channels.
    left: Mutex<BTreeMap<String, Vec<Untaken>>>,
    /// When what is done now and then was done last.
    done: Mutex<BTreeMap<String, Instant>>,
}

/// Most of a disk that is kept free where the settings say nothing.
const KEEP_FREE_BYTES: u64 = 5 << 30;

/// Warnings that are remembered; beyond them some are said again.
const MOST_TOLD: usize = 10_000;

impl Hub {
    /// A hub on a migrated database.
    #[must_use]
    pub fn new(config: Config, store: Store, clock: Clock, agreements: Agreements) -> Self {
        let calls = http::Client::new(config.allowed_private_hosts.clone());
        let agreements = RwLock::new(Arc::new(agreements));
        Self {
            config,
            store,
            clock,
            agreements,
            transports: Mutex::default(),
            calls,
            retention: Mutex::default(),
            told: Mutex::default(),
            left: Mutex::default(),
            done: Mutex::default(),
        }
    }

    /// The profiles and translators in force now; a step keeps to the ones it began with.
    #[must_use]
    pub fn agreements(&self) -> Arc<Agreements> {
        self.agreements.read().expect("no step panics while it holds the lock").clone()
    }

    /// The same, with the master data that translators ask as it is now.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn prepared(&self) -> Result<Arc<Agreements>, Error> {
        let agreements = self.agreements();
        let Some(renewed) = agreements.with_master_data(&self.store).await? else { return Ok(agreements) };
        let renewed = Arc::new(renewed);
        let mut in_force = self.agreements.write().expect("no step panics while it holds the lock");
        // Profiles that came in force meanwhile ask for themselves.
        if Arc::ptr_eq(&in_force, &agreements) {
            *in_force = renewed.clone();
        }
        Ok(renewed)
    }

    /// Puts other profiles and translators in force, all at once.
    pub fn replace_agreements(&self, agreements: Agreements) {
        *self.agreements.write().expect("no step panics while it holds the lock") = Arc::new(agreements);
    }

    /// Keeps the profiles in force, so that every document can name the version that read or wrote it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn keep_profile_versions(&self) -> Result<(), Error> {
        for profile in self.agreements().profiles.list() {
            self.store.keep_profile_version(&profile.id, &profile.text).await?;
        }
        Ok(())
    }

    /// Every channel on which files come.
    #[must_use]
    pub fn inbound_places(&self) -> Vec<Place> {
        self.places(|channel| channel.inbound.is_some())
    }

    /// Every channel whose files must be taken in time.
    pub(super) fn receipt_places(&self) -> Vec<Place> {
        self.places(|channel| channel.receipt_within.is_some() && channel.outbound.is_some())
    }

    fn places(&self, wanted: impl Fn(&Channel) -> bool) -> Vec<Place> {
        let agreements = self.agreements();
        let mut places = Vec::new();
        for profile in agreements.profiles.list() {
            let channels = profile.channels.values().filter(|channel| wanted(channel));
            places.extend(channels.map(|channel| Place {
                partner: profile.id.clone(),
                channel: channel.clone(),
                assigned: false,
            }));
        }
        places
    }

    /// The channel that a stored key names.
    ///
    /// # Errors
    /// [`Error::NotAgreed`] when the profile has it no longer.
    pub fn find_place(&self, key: &str) -> Result<Place, Error> {
        let agreements = self.agreements();
        let (partner, channel) = key.split_once('/').unwrap_or((key, ""));
        let found = agreements.profiles.find(partner).and_then(|profile| profile.channels.get(channel));
        let channel = found.ok_or_else(|| Error::NotAgreed { what: format!("channel {key}") })?;
        Ok(Place { partner: partner.to_owned(), channel: channel.clone(), assigned: false })
    }

    /// The place that a file is read by: where it came, or where a person said it belongs.
    ///
    /// # Errors
    /// [`Error::NotAgreed`] when the profile has it no longer.
    pub fn place_of(&self, file: &store::FileRow) -> Result<Place, Error> {
        let place = self.find_place(file.assigned_to.as_deref().unwrap_or(&file.channel))?;
        Ok(Place { assigned: file.assigned_to.is_some(), ..place })
    }

    /// The transport of a channel, opened once; a changed address opens another.
    ///
    /// # Errors
    /// [`Error::NotAgreed`] for a channel of calls or mail, which has no folders.
    pub fn transport(&self, place: &Place) -> Result<Arc<transports::Transport>, Error> {
        let mut open = self.transports.lock().expect("no step panics while it holds the lock");
        if let Some((known, transport)) = open.get(&place.key())
            && *known == place.channel.transport
        {
            return Ok(transport.clone());
        }
        // Channels of one server and login share its sessions: servers count them all.
        let shared = open.values().find(|(known, _)| *known == place.channel.transport);
        let transport =
            match shared {
                Some((_, transport)) => transport.clone(),
                None => Arc::new(folders(&place.channel.transport, &self.config).ok_or_else(|| {
                    Error::NotAgreed { what: format!("a folder of channel {}", place.key()) }
                })?),
            };
        open.insert(place.key(), (place.channel.transport.clone(), transport.clone()));
        Ok(transport)
    }

    /// Whether files were not counted by these rules since the hub started.
    #[must_use]
    pub(super) fn is_new_retention(&self, rules: &[store::RetentionRule]) -> bool {
        *self.retention.lock().expect("nothing panics while it is held") != rules
    }

    /// Remembers the rules that files were counted by.
    pub(super) fn keep_retention(&self, rules: Vec<store::RetentionRule>) {
        *self.retention.lock().expect("nothing panics while it is held") = rules;
    }

    /// Whether this was not warned of before, since the hub started.
    #[must_use]
    pub fn is_news(&self, what: String) -> bool {
        let mut told = self.told.lock().expect("no step panics while it holds the lock");
        if told.len() >= MOST_TOLD {
            told.clear();
        }
        told.insert(what)
    }

    /// Why nothing more is picked up now: a full disk stops intake before it stops anything else.
    pub(super) fn lacks_room(&self) -> Option<String> {
        let folders = [self.config.var.clone(), self.config.var.join("archive")];
        folders.iter().find_map(|folder| {
            // A folder that is not there holds nothing of ours.
            let disk = nix::sys::statvfs::statvfs(folder).ok()?;
            let piece = disk.fragment_size();
            let (free, whole) = (disk.blocks_available() * piece, disk.blocks() * piece);
            let floor = self.config.keep_free_bytes.unwrap_or((whole / 10).min(KEEP_FREE_BYTES));
            (free < floor).then(|| {
                format!(
                    "nothing is picked up: less than {} MB of the disk of {} are free, which are kept for what is under way; make room, or lower `keep_free_mb` of [hub]",
                    floor >> 20,
                    folder.display()
                )
            })
        })
    }

    /// Whether what a look at a channel left there is not what is written down already; then it counts as written.
    #[must_use]
    pub(super) fn is_left_anew(&self, channel: &str, untaken: &[Untaken]) -> bool {
        let mut left = self.left.lock().expect("nothing panics while it is held");
        if left.get(channel).is_some_and(|known| known == untaken) {
            return false;
        }
        left.insert(channel.to_owned(), untaken.to_vec());
        true
    }

    /// Nobody knows what is written down of it.
    pub(super) fn forget_left(&self, channel: &str) {
        self.left.lock().expect("nothing panics while it is held").remove(channel);
    }

    /// Whether something was not done for a while; then it counts as done now.
    #[must_use]
    pub(super) fn is_time(&self, what: &str, every: Duration) -> bool {
        let mut done = self.done.lock().expect("nothing panics while it is held");
        if done.get(what).is_some_and(|at| at.elapsed() < every) {
            return false;
        }
        done.insert(what.to_owned(), Instant::now());
        true
    }

    /// The client for calls.
    #[must_use]
    pub fn calls(&self) -> &http::Client {
        &self.calls
    }
}

/// The folders that a transport leads to; none for calls and mail.
#[must_use]
pub fn folders(transport: &profiles::Transport, config: &Config) -> Option<transports::Transport> {
    match transport {
        profiles::Transport::Local { root } => Some(transports::Transport::Local(local::Local::new(root))),
        profiles::Transport::Sftp(settings) => {
            let server = sftp::Server::new(settings.clone(), config.secrets.clone());
            Some(transports::Transport::Sftp(server))
        }
        profiles::Transport::Http(_) | profiles::Transport::Mail(_) => None,
    }
}

/// The wait before try `failures + 1`: a second, doubled each time up to five minutes, give or take a fifth.
pub(super) fn back_off(failures: u32) -> Duration {
    let seconds = 1_u64 << failures.saturating_sub(1).min(9);
    let millis = seconds.min(300) * 1000;
    // Spreads nodes that failed together; the low bits of the time are random enough for that.
    let spread =
        std::time::UNIX_EPOCH.elapsed().map_or(0, |now| u64::from(now.subsec_micros())) % (millis * 2 / 5);
    Duration::from_millis(millis * 4 / 5 + spread)
}

/// The error with all its causes.
pub(super) fn explain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
