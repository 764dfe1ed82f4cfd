//! Portions: a large file is translated portion by portion, each while the one before it is written.

use super::agreements::Agreements;
use super::hub::{Error, Place};
use super::read::{self, Effects, Input, Reading};
use super::sets::{Piece, Read, Sets};
use crate::store::{FileRow, LoadedFile};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use tokio::task::{JoinHandle, spawn_blocking};
use uuid::Uuid;

/// A file with what reading found in it, so far.
#[derive(Debug)]
pub(super) struct ReadFile {
    pub(super) row: FileRow,
    pub(super) reading: Reading,
    /// What is not translated yet; none when all is.
    pub(super) rest: Option<Rest>,
}

/// What of a file is not translated yet.
#[derive(Debug)]
pub(super) struct Rest {
    input: Arc<Owned>,
    sets: Arc<Sets>,
    portions: VecDeque<Vec<Piece>>,
}

/// What a file is read by, for as long as it takes.
#[derive(Debug)]
struct Owned {
    file: Uuid,
    name: String,
    bytes: Bytes,
    place: Place,
    agreements: Arc<Agreements>,
    received: DateTime<Utc>,
}

impl Owned {
    fn lend(&self) -> Input<'_> {
        Input {
            file: self.file,
            name: &self.name,
            bytes: &self.bytes,
            place: &self.place,
            agreements: &self.agreements,
            effects: Effects::AsMarked,
            received: self.received,
        }
    }
}

impl ReadFile {
    /// Reads a file away from the threads that wait for others; of one larger than a portion of so many bytes only what
    /// the file as a whole says.
    pub(super) async fn read(
        file: LoadedFile,
        place: Place,
        agreements: &Arc<Agreements>,
        portion_bytes: u64,
    ) -> Result<Self, Error> {
        let agreements = agreements.clone();
        let read = spawn_blocking(move || Self::read_now(file, place, &agreements, portion_bytes));
        read.await.map_err(Error::Panicked)
    }

    /// Reads files as [`ReadFile::read`] does, one after the other: to hand a small one over costs more than to read it.
    pub(super) async fn read_all(
        files: Vec<(LoadedFile, Place)>,
        agreements: &Arc<Agreements>,
        portion_bytes: u64,
    ) -> Result<Vec<Self>, Error> {
        let agreements = agreements.clone();
        let read = spawn_blocking(move || {
            let files = files.into_iter();
            files.map(|(file, place)| Self::read_now(file, place, &agreements, portion_bytes)).collect()
        });
        read.await.map_err(Error::Panicked)
    }

    fn read_now(file: LoadedFile, place: Place, agreements: &Arc<Agreements>, portion_bytes: u64) -> Self {
        let LoadedFile { row, bytes } = file;
        let input = Arc::new(Owned {
            file: row.id,
            name: row.name.clone(),
            bytes,
            place,
            agreements: agreements.clone(),
            received: row.received_at,
        });
        let (mut reading, sets) = read::begin(input.lend());
        let mut portions = sets.portions(portion_bytes);
        if portions.len() == 1
            && let Some(portion) = portions.pop_front()
        {
            reading.take(sets.read(&portion, input.lend()));
        }
        let rest = (!portions.is_empty()).then(|| Rest { input, sets: Arc::new(sets), portions });
        Self { row, reading, rest }
    }

    /// Begins to translate the next portion; none when all are.
    pub(super) fn begin_portion(&mut self) -> Option<JoinHandle<Vec<Read>>> {
        let rest = self.rest.as_mut()?;
        let Some(portion) = rest.portions.pop_front() else {
            // Its bytes are needed no more.
            self.rest = None;
            return None;
        };
        let (input, sets) = (rest.input.clone(), rest.sets.clone());
        Some(spawn_blocking(move || sets.read(&portion, input.lend())))
    }

    /// Leaves out the documents of the interchange or group at these bytes.
    pub(super) fn leave_out(&mut self, bytes: &Range<u64>) {
        self.reading.documents.retain(|document| !bytes.contains(&document.bytes.start));
        if let Some(rest) = &mut self.rest {
            for portion in &mut rest.portions {
                portion.retain(|piece| !rest.sets.is_of(piece, bytes));
            }
        }
    }
}

/// Frees elsewhere what many small pieces of memory are in, so that nobody waits for it.
pub(super) fn free(value: impl Send + 'static) {
    drop(spawn_blocking(move || drop(value)));
}
