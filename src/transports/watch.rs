//! Watches local folders: a nudge when a file that is not hidden was closed or moved in, and a sweep behind it.

use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::{Error, FileName, Kind};

/// Nudges kept for a slow reader; what comes on top turns into one sweep.
const BACKLOG: usize = 1024;

/// Why to look at a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nudge {
    /// This file was closed after writing, or moved in: look at it now.
    File {
        /// The watched folder, as given.
        folder: PathBuf,
        /// The file.
        name: FileName,
    },
    /// Look at all folders: the time has come, or the system dropped events.
    Sweep,
}

/// Watches folders of this machine. Events may be lost (network mounts send none at all), so every
/// folder is also swept at an interval.
#[derive(Debug)]
pub struct Watcher {
    _watching: RecommendedWatcher,
    nudges: mpsc::Receiver<Nudge>,
    overflow: Arc<AtomicBool>,
    sweeps: Interval,
}

impl Watcher {
    /// Starts watching; the first nudge is a sweep, for what was there before.
    ///
    /// # Errors
    /// When a folder is missing, or the system has no room for more watches.
    pub fn start(folders: &[PathBuf], sweep_every: Duration) -> Result<Self, Error> {
        let (sender, nudges) = mpsc::channel(BACKLOG);
        let overflow = Arc::new(AtomicBool::new(false));
        let overflowed = overflow.clone();
        let mut watching = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let lost = match event {
                Ok(event) if event.need_rescan() => true,
                Ok(event) => nudges_of(&event).any(|nudge| sender.try_send(nudge).is_err()),
                Err(_) => true,
            };
            if lost {
                overflowed.store(true, Ordering::Relaxed);
            }
        })
        .map_err(|error| Error::new(Kind::Disk, "cannot watch folders").because(error))?;
        for folder in folders {
            watching.watch(folder, RecursiveMode::NonRecursive).map_err(|error| {
                let attempted = format!("cannot watch `{}`", folder.display());
                let kind = match error.kind {
                    notify::ErrorKind::PathNotFound => Kind::NotFound,
                    _ => Kind::Disk,
                };
                Error::new(kind, attempted).because(error)
            })?;
        }
        let mut sweeps = tokio::time::interval_at(Instant::now(), sweep_every);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { _watching: watching, nudges, overflow, sweeps })
    }

    /// Forgets the nudges so far: whoever looks now sees what they were about.
    pub fn forget(&mut self) {
        while self.nudges.try_recv().is_ok() {}
    }

    /// Waits for the next nudge; may be given up and called again without losing one.
    pub async fn next(&mut self) -> Nudge {
        if self.overflow.swap(false, Ordering::Relaxed) {
            return Nudge::Sweep;
        }
        tokio::select! {
            biased;
            _ = self.sweeps.tick() => Nudge::Sweep,
            nudge = self.nudges.recv() => nudge.unwrap_or(Nudge::Sweep),
        }
    }
}

fn nudges_of(event: &Event) -> impl Iterator<Item = Nudge> + '_ {
    let arrived = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => event.paths.as_slice(),
        // Not creation: the writer has only begun. A hard link, which is never closed, waits for the sweep.
        _ => &[],
    };
    arrived.iter().filter_map(|path| {
        let name = FileName::parse(path.file_name()?.as_bytes()).ok()?;
        // Hidden is what a writer has not finished, or what we hold ourselves before it goes.
        if name.as_bytes().starts_with(b".") {
            return None;
        }
        Some(Nudge::File { folder: path.parent()?.to_owned(), name })
    })
}
