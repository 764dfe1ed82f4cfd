//! What is done with files on an open session.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::DateTime;
use ssh2::{ErrorCode, FileStat, FileType, OpenFlags, OpenType, RenameFlags};

use crate::kill_points;

use super::super::place::{Held, PIECE_BYTES, compare, read_whole, unchanged};
use super::super::{Entry, EntryKind, Error, FileName, Hold, Kind, Listing, Outcome, Put, Stat, Tried};
use super::link::Link;
use super::pool::Attempt;

/// A transfer that is slower than this for a while is given up.
const SLOWEST_BYTES_PER_SEC: u64 = 1024;
/// libssh2 reports the end of a folder as this code.
const NO_MORE_FILES: ErrorCode = ErrorCode::Session(-16);
const UNSUPPORTED: ErrorCode = ErrorCode::SFTP(8);

/// The folder, or the file in it, as the server is to find it.
pub(super) fn path(folder: &str, name: Option<&FileName>) -> PathBuf {
    let mut bytes = folder.as_bytes().to_vec();
    if bytes.is_empty() {
        bytes.push(b'.');
    }
    if let Some(name) = name {
        if !bytes.ends_with(b"/") {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name.as_bytes());
    }
    OsString::from_vec(bytes).into()
}

pub(super) fn list(link: &Link, folder: &str) -> Result<Listing, Error> {
    let attempted = || format!("cannot list `{folder}` on {}", link.place);
    let mut open = link.sftp.opendir(path(folder, None)).map_err(|error| link.failed(attempted(), error))?;
    let mut listing = Listing::default();
    let begun = Instant::now();
    loop {
        match open.readdir() {
            Ok((name, stat)) => {
                let bytes = name.as_os_str().as_bytes();
                if !listing.push(bytes, kind(&stat), facts(&stat)) {
                    return Ok(listing);
                }
            }
            Err(error) if error.code() == NO_MORE_FILES => return Ok(listing),
            Err(error) => return Err(link.failed(attempted(), error)),
        }
        // A server that dribbles names is cut off as one that hangs.
        if begun.elapsed() > 4 * link.timeout {
            return Err(Error::new(Kind::Down, attempted()).because("it took too long"));
        }
    }
}

pub(super) fn stat(link: &Link, folder: &str, name: &FileName) -> Result<Option<Entry>, Error> {
    let path = path(folder, Some(name));
    let found = look(link, &path)?;
    Ok(found.map(|stat| Entry { name: name.clone(), kind: kind(&stat), stat: facts(&stat) }))
}

/// Reads a whole file in four requests, since with a server far away the round trips decide: open, read, look, close.
///
/// What it was before the listing tells. The look goes by name, so that a link in its place is seen.
pub(super) fn read(link: &Link, folder: &str, entry: &Entry, limit_bytes: u64) -> Result<Bytes, Error> {
    let path = path(folder, Some(&entry.name));
    let attempted = || format!("cannot read {}", shown(link, &path));
    let failed = |error: ssh2::Error| link.failed(attempted(), error);
    let regular = |kind: EntryKind| {
        let because = "it is a link or no regular file";
        if kind == EntryKind::File {
            Ok(())
        } else {
            Err(Error::new(Kind::Invalid, attempted()).because(because))
        }
    };
    let too_large =
        || Error::new(Kind::TooLarge, attempted()).because(format!("it has more than {limit_bytes} bytes"));
    regular(entry.kind)?;
    // Some servers' listings tell no sizes.
    let before = match entry.stat.size_bytes {
        Some(_) => entry.stat,
        None => facts(&link.sftp.lstat(&path).map_err(failed)?),
    };
    if before.size_bytes.is_some_and(|size| size > limit_bytes) {
        return Err(too_large());
    }
    let mut file = link.sftp.open(&path).map_err(failed)?;
    let mut pace = Pace::new(link.timeout);
    let bytes = read_whole(&mut file, before.size_bytes, limit_bytes, |total| {
        pace.check(total).map_err(io::Error::other)
    });
    let bytes = bytes.map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => too_large(),
        _ => link.lost(attempted(), error),
    })?;
    let after = match look(link, &path)? {
        Some(after) => {
            regular(kind(&after))?;
            after
        }
        // Taken away by its owner; what was opened is whole all the same, or not.
        None => file.stat().map_err(failed)?,
    };
    unchanged(bytes, before, facts(&after), attempted())
}

pub(super) fn write_new(link: &Link, folder: &str, put: &Put) -> Result<Outcome, Error> {
    let temp = path(folder, Some(&put.temp_name));
    let target = path(folder, Some(&put.final_name));
    for stale in &put.stale {
        // What an earlier try left; mostly there is nothing.
        link.sftp.unlink(&path(folder, Some(stale))).ok();
    }
    match adopt(link, &target, put)? {
        // Half of ours, under a name that only ours have: an earlier try broke off.
        Some((_, Held::Head)) if put.direct && !put.stale.is_empty() => remove(link, &target)?,
        Some((outcome, _)) => return Ok(outcome),
        None => {}
    }
    if put.direct {
        return write_direct(link, &target, put);
    }
    kill_points::pass("out.put.before");
    let written = create_anew(link, &temp).and_then(|file| fill(link, file, &temp, &put.bytes));
    kill_points::pass("out.put.after");
    if let Err(error) = &written
        && !error.broke_the_connection()
    {
        link.sftp.unlink(&temp).ok();
    }
    written?;
    kill_points::pass("out.rename.before");
    let attempted = || format!("cannot rename {} to {}", shown(link, &temp), shown(link, &target));
    if let Err(error) = put.claim.check(attempted) {
        link.sftp.unlink(&temp).ok();
        return Err(error);
    }
    let renamed = link.sftp.rename(&temp, &target, Some(RenameFlags::empty()));
    kill_points::pass("out.rename.after");
    match renamed {
        Ok(()) => Ok(Outcome::Delivered),
        Err(error) => {
            let error = link.failed(attempted(), error);
            if error.broke_the_connection() {
                return Err(error);
            }
            // SFTP version 3 says "failure" for a taken name as for anything else.
            let outcome = adopt(link, &target, put)?;
            link.sftp.unlink(&temp).ok();
            match outcome {
                Some((outcome, _)) => Ok(outcome),
                // The file was written whole, so it is the renaming that is refused.
                None => Err(error.hinted(
                    "a whole file was written but not renamed: `crossdock partner connect --write` finds out whether the server renames at all",
                )),
            }
        }
    }
}

/// Writes under the final name at once: the other side sees the file grow.
fn write_direct(link: &Link, target: &Path, put: &Put) -> Result<Outcome, Error> {
    put.claim.check(|| format!("cannot write {}", shown(link, target)))?;
    kill_points::pass("out.put.before");
    let file = create(link, target).map_err(|error| write_refused(link, target, error))?;
    let written = fill(link, file, target, &put.bytes);
    kill_points::pass("out.put.after");
    if let Err(error) = &written
        && !error.broke_the_connection()
    {
        link.sftp.unlink(target).ok();
    }
    written.map(|()| Outcome::Delivered)
}

/// Writes a file under the first name, renames it to the second, does so again over the first, and removes what it made.
pub(super) fn try_out(
    link: &Link,
    folder: &str,
    names: &[FileName; 2],
    bytes: &[u8],
) -> Result<Tried, Error> {
    let [temp, target] = names.each_ref().map(|name| path(folder, Some(name)));
    let write = || {
        create(link, &temp)
            .map_err(|error| write_refused(link, &temp, error))
            .and_then(|file| fill(link, file, &temp, bytes))
    };
    let rename = || {
        let attempted = || format!("cannot rename {} to {}", shown(link, &temp), shown(link, &target));
        let renamed = link.sftp.rename(&temp, &target, Some(RenameFlags::empty()));
        renamed.map_err(|error| link.failed(attempted(), error))
    };
    let tried = write().and_then(|()| match rename() {
        Err(error) if error.broke_the_connection() => Err(error),
        Err(error) => Ok((Some(error), false)),
        Ok(()) => write().map(|()| (None, rename().is_ok())),
    });
    let left = [&temp, &target].into_iter().filter_map(|path| remove(link, path).err()).collect();
    let (rename_refused, overwrites) = tried?;
    Ok(Tried { rename_refused, overwrites, left })
}

pub(super) fn move_new(link: &Link, from: &Path, to: &Path, attempt: Attempt) -> Result<(), Error> {
    let attempted = format!("cannot move {} to {}", shown(link, from), shown(link, to));
    let taken = look(link, to)?.is_some();
    let done_before = attempt == Attempt::Again && taken && look(link, from)?.is_none();
    if done_before {
        return Ok(());
    }
    if taken {
        return Err(Error::new(Kind::Exists, attempted).because("the target is taken"));
    }
    link.sftp.rename(from, to, Some(RenameFlags::empty())).map_err(|error| link.failed(attempted, error))
}

pub(super) fn hold(link: &Link, folder: &str, entry: &Entry, held: &FileName) -> Result<Hold, Error> {
    let (from, to) = (path(folder, Some(&entry.name)), path(folder, Some(held)));
    let mut is_kept = false;
    if stat(link, folder, &entry.name)?.is_some_and(|found| found.is_like(entry)) {
        kill_points::pass("in.dispose.before");
        if let Err(error) = link.sftp.rename(&from, &to, Some(RenameFlags::empty())) {
            let error =
                link.failed(format!("cannot rename {} to {}", shown(link, &from), shown(link, &to)), error);
            if error.broke_the_connection() {
                return Err(error);
            }
            is_kept = error.kind() != Kind::NotFound;
        }
        kill_points::pass("in.hold.after");
    }
    Ok(match stat(link, folder, held)? {
        Some(found) => Hold::Held(found),
        None if is_kept => Hold::Refused,
        None => Hold::Gone,
    })
}

pub(super) fn remove(link: &Link, path: &Path) -> Result<(), Error> {
    match link.sftp.unlink(path) {
        Ok(()) => Ok(()),
        Err(error) => {
            let error = link.failed(format!("cannot remove {}", shown(link, path)), error);
            match error.kind() {
                Kind::NotFound => Ok(()),
                _ => Err(error),
            }
        }
    }
}

fn create(link: &Link, path: &Path) -> Result<ssh2::File, ssh2::Error> {
    let create = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::EXCLUSIVE;
    link.sftp.open_mode(path, create, 0o644, OpenType::File)
}

/// Creates a temporary file in the place of what an earlier try left.
fn create_anew(link: &Link, temp: &Path) -> Result<ssh2::File, Error> {
    let refused = |error| write_refused(link, temp, error);
    match create(link, temp) {
        Ok(file) => Ok(file),
        Err(error) if matches!(error.code(), ErrorCode::SFTP(4 | 11)) => {
            // Removed, not truncated: it might be a link by now.
            link.sftp.unlink(temp).map_err(refused)?;
            create(link, temp).map_err(refused)
        }
        Err(error) => Err(refused(error)),
    }
}

fn write_refused(link: &Link, path: &Path, error: ssh2::Error) -> Error {
    link.failed(format!("cannot write {}", shown(link, path)), error)
}

/// Writes all bytes into a new file, and sees that the server has as many.
fn fill(link: &Link, mut file: ssh2::File, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let attempted = format!("cannot write {}", shown(link, path));
    let lost = |error: ssh2::Error| link.failed(attempted.clone(), error);
    let mut pace = Pace::new(link.timeout);
    let mut total = 0_u64;
    for piece in bytes.chunks(PIECE_BYTES) {
        if let Err(error) = file.write_all(piece) {
            return Err(write_failed(link, path, attempted, error));
        }
        total += piece.len() as u64;
        pace.check(total).map_err(|slow| Error::new(Kind::Down, &attempted).because(slow))?;
    }
    if link.forces_to_disk.get() {
        match file.fsync() {
            Ok(()) => {}
            Err(error) if error.code() == UNSUPPORTED => link.forces_to_disk.set(false),
            Err(error) => return Err(lost(error)),
        }
    }
    file.close().map_err(lost)?;
    let arrived = link.sftp.lstat(path).map_err(lost)?;
    if arrived.size.is_some_and(|size| size != bytes.len() as u64) {
        return Err(Error::new(Kind::Changed, attempted)
            .because("the server has another number of bytes than we sent")
            .hinted("tried again later; its disk may be full"));
    }
    Ok(())
}

/// Compares with what has the final name; none when nothing has.
fn adopt(link: &Link, target: &Path, put: &Put) -> Result<Option<(Outcome, Held)>, Error> {
    let Some(stat) = look(link, target)? else {
        return Ok(None);
    };
    let differs =
        |size| if put.direct { size > put.bytes.len() as u64 } else { size != put.bytes.len() as u64 };
    if kind(&stat) != EntryKind::File || stat.size.is_some_and(differs) {
        return Ok(Some((Outcome::AlreadyThere { same: false }, Held::Other)));
    }
    let attempted = || format!("cannot compare with {}", shown(link, target));
    let file = link.sftp.open(target).map_err(|error| link.failed(attempted(), error))?;
    let held = compare(file, &put.bytes).map_err(|error| link.lost(attempted(), error))?;
    Ok(Some((Outcome::AlreadyThere { same: held == Held::All }, held)))
}

fn look(link: &Link, path: &Path) -> Result<Option<FileStat>, Error> {
    match link.sftp.lstat(path) {
        Ok(stat) => Ok(Some(stat)),
        Err(error) => {
            let error = link.failed(format!("cannot look at {}", shown(link, path)), error);
            match error.kind() {
                Kind::NotFound => Ok(None),
                _ => Err(error),
            }
        }
    }
}

/// How fast a transfer goes, window by window: one that began well may come to a trickle.
struct Pace {
    window: Duration,
    since: Instant,
    bytes: u64,
}

impl Pace {
    fn new(timeout: Duration) -> Self {
        Self { window: 2 * timeout, since: Instant::now(), bytes: 0 }
    }

    fn check(&mut self, total_bytes: u64) -> Result<(), &'static str> {
        let took = self.since.elapsed();
        if took < self.window {
            return Ok(());
        }
        if total_bytes.saturating_sub(self.bytes) < took.as_secs() * SLOWEST_BYTES_PER_SEC {
            return Err("slower than 1 KB a second");
        }
        (self.since, self.bytes) = (Instant::now(), total_bytes);
        Ok(())
    }
}

/// The `Write` of ssh2 hides its codes: where the server still answers, it is its disk that would not.
fn write_failed(link: &Link, temp: &Path, attempted: String, error: io::Error) -> Error {
    if error.kind() != io::ErrorKind::TimedOut && link.sftp.lstat(temp).is_ok() {
        return Error::new(Kind::Disk, attempted).because(error);
    }
    link.lost(attempted, error)
}

fn shown(link: &Link, path: &Path) -> String {
    let path = super::super::name::shown(path.as_os_str().as_bytes());
    format!("`{path}` on {}", link.place)
}

fn kind(stat: &FileStat) -> EntryKind {
    // Servers that send no permissions say nothing about the kind; most of them serve files only.
    if stat.perm.is_none() {
        return EntryKind::File;
    }
    match stat.file_type() {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Folder,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Other,
    }
}

fn facts(stat: &FileStat) -> Stat {
    let at = |secs: u64| DateTime::from_timestamp(i64::try_from(secs).ok()?, 0);
    Stat { size_bytes: stat.size, modified_at: stat.mtime.and_then(at) }
}
