//! What places hold and give: entries, listings, contents, and the outcome of a put.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::{Error, FileName, Kind};

/// What an entry of a folder is. Only files are read; the rest is never opened or followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, whatever it leads to.
    Link,
    /// A device, pipe or socket, or what the server does not say.
    Other,
}

/// Size and time of a file at one moment; none where a server does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Size in bytes.
    pub size_bytes: Option<u64>,
    /// When its content was last written, by the clock of the machine that holds it.
    pub modified_at: Option<DateTime<Utc>>,
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, bytes kept.
    pub name: FileName,
    /// What it is.
    pub kind: EntryKind,
    /// Its size and time when listed.
    pub stat: Stat,
}

/// An entry set aside because its name is not accepted. Nobody opens it; a person should hear of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The name, escaped and cut, for people only.
    pub shown: String,
    /// Why it is not accepted.
    pub why: super::BadName,
}

/// What a folder held, in no particular order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Entries with acceptable names.
    pub entries: Vec<Entry>,
    /// Entries with other names, at most 100 of them.
    pub refused: Vec<Refused>,
    /// Whether the folder holds more than [`super::LIST_LIMIT`] entries and was cut there.
    pub truncated: bool,
}

impl Listing {
    /// Takes in one entry as the other side names it; false when the listing is full.
    pub(super) fn push(&mut self, raw_name: &[u8], kind: EntryKind, stat: Stat) -> bool {
        if matches!(raw_name, b"." | b"..") {
            return true;
        }
        if self.entries.len() + self.refused.len() >= super::LIST_LIMIT {
            self.truncated = true;
            return false;
        }
        match FileName::parse(raw_name) {
            Ok(name) => self.entries.push(Entry { name, kind, stat }),
            Err(why) if self.refused.len() < 100 => {
                let head = raw_name.get(..raw_name.len().min(300)).unwrap_or(raw_name);
                let shown = super::name::shown(head);
                self.refused.push(Refused { shown, why });
            }
            Err(_) => {}
        }
        true
    }
}

/// A whole file, read while it did not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Its bytes.
    pub bytes: Bytes,
    /// Size and time before reading.
    pub before: Stat,
    /// Size and time after reading; equal to `before`.
    pub after: Stat,
}

/// One file to put.
#[derive(Clone, Debug)]
pub struct Put {
    /// The name it has until it is whole; must not match what the other side picks up.
    pub temp_name: FileName,
    /// The name it is to have.
    pub final_name: FileName,
    /// Its bytes.
    pub bytes: Bytes,
    /// Temporary names of earlier tries, which may have left something.
    pub stale: Vec<FileName>,
    /// Whether it is still ours to show, asked just before it gets its final name.
    pub claim: Claim,
    /// Whether it is written under its final name at once, for a server that renames nothing.
    pub direct: bool,
}

/// What a folder that files are put into was seen to do.
#[derive(Clone, Debug)]
pub struct Tried {
    /// Why a whole file could not be given its final name.
    pub rename_refused: Option<Error>,
    /// Whether a file that had the name already was replaced.
    pub overwrites: bool,
    /// What was written and could not be removed again.
    pub left: Vec<Error>,
}

/// The right to show a file: another may have it by now, if we were stopped for a while.
#[derive(Clone)]
pub struct Claim(Arc<dyn Fn() -> bool + Send + Sync>);

impl Claim {
    /// A right that holds while this says so.
    pub fn new(holds: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(holds))
    }

    /// A right that nobody can take.
    #[must_use]
    pub fn undisputed() -> Self {
        Self::new(|| true)
    }

    /// An error where it does not hold any more.
    pub(super) fn check(&self, attempted: impl FnOnce() -> String) -> Result<(), Error> {
        if (self.0)() {
            return Ok(());
        }
        Err(Error::new(Kind::Changed, attempted())
            .because("we were held up for so long that another node may be at it")
            .hinted("nothing was shown; it is looked for and tried again"))
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claim")
    }
}

/// How a put ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The file is there, whole, under its final name.
    Delivered,
    /// A file of that name was there already, and was left as it is.
    AlreadyThere {
        /// Whether it has the same bytes: then an earlier try delivered it. Else a person must look.
        same: bool,
    },
}

/// A file under way, piece by piece. Dropping it ends the reading.
#[derive(Debug)]
pub struct Chunks {
    /// Size and time before reading.
    pub before: Stat,
    pub(super) what: String,
    pub(super) pieces: mpsc::Receiver<Result<Piece, Error>>,
    pub(super) after: Option<Stat>,
    pub(super) read_bytes: u64,
}

/// Bytes read, sent or compared at a time.
pub(super) const PIECE_BYTES: usize = 256 * 1024;

/// How long a buffer to read into: what is left of the file and a byte more, which shows that it grew.
///
/// A longer one would stay in memory with a small file, and would make libssh2 ask far past its end.
pub(super) fn piece_length(before: Stat, read_bytes: u64) -> usize {
    let left = before.size_bytes.map_or(u64::MAX, |size| size.saturating_sub(read_bytes));
    usize::try_from(left).unwrap_or(PIECE_BYTES).saturating_add(1).min(PIECE_BYTES)
}

/// What a reading thread sends.
#[derive(Debug)]
pub(super) enum Piece {
    Bytes(Bytes),
    End(Stat),
}

impl Chunks {
    pub(super) fn new(before: Stat, what: String, pieces: mpsc::Receiver<Result<Piece, Error>>) -> Self {
        Self { before, what, pieces, after: None, read_bytes: 0 }
    }

    /// The next piece in order, or none at the end of the file.
    ///
    /// # Errors
    /// When reading failed, or at the end when the file changed meanwhile (`Changed`): then what was
    /// read is worth nothing.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if self.after.is_some() {
            return Ok(None);
        }
        match self.pieces.recv().await {
            Some(Ok(Piece::Bytes(bytes))) => {
                self.read_bytes += bytes.len() as u64;
                Ok(Some(bytes))
            }
            Some(Ok(Piece::End(after))) => {
                let whole = after.size_bytes.is_none_or(|size| size == self.read_bytes);
                if after != self.before || !whole {
                    return Err(Error::new(
                        Kind::Changed,
                        format!("{} changed while it was read", self.what),
                    ));
                }
                self.after = Some(after);
                Ok(None)
            }
            Some(Err(error)) => Err(error),
            None => Err(Error::new(Kind::Down, format!("reading {} ended early", self.what))),
        }
    }

    /// Size and time after reading, once [`Self::next`] has answered none.
    #[must_use]
    pub fn after(&self) -> Option<Stat> {
        self.after
    }

    /// Reads what remains into memory.
    ///
    /// # Errors
    /// As [`Self::next`].
    pub async fn collect(mut self) -> Result<Contents, Error> {
        let first = self.next().await?.unwrap_or_default();
        let Some(second) = self.next().await? else {
            return Ok(self.contents(first));
        };
        let size = usize::try_from(self.before.size_bytes.unwrap_or(0)).unwrap_or(0);
        // A server may lie about the size: it buys at most 64 MiB of room in advance.
        let mut whole = BytesMut::with_capacity(size.min(64 << 20));
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&second);
        while let Some(bytes) = self.next().await? {
            whole.extend_from_slice(&bytes);
        }
        Ok(self.contents(whole.freeze()))
    }

    fn contents(&self, bytes: Bytes) -> Contents {
        Contents { bytes, before: self.before, after: self.after.unwrap_or(self.before) }
    }
}

/// What a file holds of what it is to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// Just these bytes.
    All,
    /// The first of them, and nothing else.
    Head,
    /// Others.
    Other,
}

/// Compares a file with bytes, piece by piece, so that its size does not matter to memory.
pub(super) fn compare(mut file: impl Read, bytes: &[u8]) -> io::Result<Held> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut rest = bytes;
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            return Ok(if rest.is_empty() { Held::All } else { Held::Head });
        }
        match (piece.get(..count), rest.split_at_checked(count)) {
            (Some(read), Some((head, tail))) if read == head => rest = tail,
            _ => return Ok(Held::Other),
        }
    }
}
