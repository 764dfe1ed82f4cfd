//! What places hold and give: entries, listings, contents, and the outcome of a put.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, SubsecRound as _, Utc};

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

impl Entry {
    /// Whether both are of one kind, size and time, as far as a microsecond.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let at = |entry: &Self| entry.stat.modified_at.map(|at| at.trunc_subsecs(6));
        self.kind == other.kind && self.stat.size_bytes == other.stat.size_bytes && at(self) == at(other)
    }
}

/// What came of giving a file a name that nobody else uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// This has the name now, which need not be what was to get it.
    Held(Entry),
    /// Neither is there.
    Gone,
    /// It is there, and may not be renamed.
    Refused,
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

/// Bytes read, sent or compared at a time.
pub(super) const PIECE_BYTES: usize = 256 * 1024;

/// Reads as many bytes as a file is known to have, or else all to its end, and tells after each piece how many there are.
///
/// Whether it grew meanwhile is seen by looking at it afterwards, so that its end is not asked for.
pub(super) fn read_whole(
    file: &mut impl Read,
    size_bytes: Option<u64>,
    limit_bytes: u64,
    mut so_far: impl FnMut(u64) -> io::Result<()>,
) -> io::Result<Bytes> {
    let size = size_bytes.map_or(usize::MAX, |size| usize::try_from(size).unwrap_or(usize::MAX));
    // A server may lie about the size: it buys at most 64 MiB of room in advance.
    let mut whole = Vec::with_capacity(if size == usize::MAX { 0 } else { size.min(64 << 20) });
    while whole.len() < size {
        let filled = whole.len();
        // A longer piece would make libssh2 ask far past the end.
        whole.resize(filled + PIECE_BYTES.min(size - filled), 0);
        let read = file.read(whole.get_mut(filled..).unwrap_or_default());
        whole.truncate(filled + read.as_ref().map_or(0, |count| *count));
        match read {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        let total = whole.len() as u64;
        if total > limit_bytes {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        so_far(total)?;
    }
    Ok(whole.into())
}

/// The bytes that were read of a file, unless it is not any more what it was before.
pub(super) fn unchanged(bytes: Bytes, before: Stat, after: Stat, attempted: String) -> Result<Bytes, Error> {
    let whole = after.size_bytes.is_none_or(|size| size == bytes.len() as u64);
    if after != before || !whole {
        return Err(Error::new(Kind::Changed, attempted).because("it changed since it was listed"));
    }
    Ok(bytes)
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
