//! Local folders: nothing is followed, nothing overwritten, nothing visible before it is whole.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use chrono::DateTime;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, RenameFlags};
use nix::sys::stat::{FileStat, Mode};
use nix::unistd::UnlinkatFlags;

use crate::kill_points;

use super::place::{Held, compare, read_whole, unchanged};
use super::{Entry, EntryKind, Error, FileName, Hold, Kind, Listing, Outcome, Put, Stat};

/// From this many files on, one `syncfs` is cheaper than an `fsync` for each.
const SYNC_TOGETHER_FROM: usize = 8;

/// A tree of folders below one root, such as `inbox/` with a folder for each partner.
///
/// The root may be reached over links, since the person who runs the hub chose it; below it no link is
/// followed, neither for folders nor for files.
#[derive(Clone, Debug)]
pub struct Local {
    root: PathBuf,
}

impl Local {
    /// The tree below `root`, which need not exist yet.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Makes `folder` and its parents below the root, closed to other users, where they are missing.
    ///
    /// # Errors
    /// When something else has that name, or the disk refuses.
    pub async fn create_folder(&self, folder: &str) -> Result<(), Error> {
        let (local, folder) = (self.clone(), folder.to_owned());
        blocking(move || {
            let attempted = || format!("cannot make the folder {}", local.shown(&folder));
            std::fs::create_dir_all(&local.root).map_err(|error| Error::from_io(attempted(), error))?;
            let mut at = local.open_root().map_err(|e| failed(attempted(), e))?;
            for part in local.parts(&folder)? {
                match nix::sys::stat::mkdirat(&at, part, Mode::from_bits_truncate(0o700)) {
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(error) => return Err(failed(attempted(), error)),
                }
                at = open_folder(&at, part).map_err(|error| failed(attempted(), error))?;
            }
            Ok(())
        })
        .await
    }

    pub(super) async fn list(&self, folder: &str) -> Result<Listing, Error> {
        let (local, folder) = (self.clone(), folder.to_owned());
        blocking(move || {
            let attempted = || format!("cannot list {}", local.shown(&folder));
            let at = local.open(&folder, attempted)?;
            let entries = at.try_clone().map_err(|e| Error::from_io(attempted(), e))?;
            let mut entries = nix::dir::Dir::from_fd(entries).map_err(|error| failed(attempted(), error))?;
            let mut listing = Listing::default();
            for entry in entries.iter() {
                let entry = entry.map_err(|error| failed(attempted(), error))?;
                let raw_name = entry.file_name();
                let Ok(stat) = fstatat(&at, raw_name) else {
                    // Taken by its owner between the listing and the look.
                    continue;
                };
                if !listing.push(raw_name.to_bytes(), kind(&stat), facts(&stat)) {
                    break;
                }
            }
            Ok(listing)
        })
        .await
    }

    pub(super) async fn stat(&self, folder: &str, name: &FileName) -> Result<Option<Entry>, Error> {
        let (local, folder, name) = (self.clone(), folder.to_owned(), name.clone());
        blocking(move || {
            let attempted = || format!("cannot look at {}", local.shown_file(&folder, &name));
            let at = local.open(&folder, attempted)?;
            look(&at, &name).map_err(|error| failed(attempted(), error))
        })
        .await
    }

    pub(super) async fn read(&self, folder: &str, entry: &Entry, limit_bytes: u64) -> Result<Bytes, Error> {
        let (local, folder, entry) = (self.clone(), folder.to_owned(), entry.clone());
        blocking(move || {
            let attempted = || format!("cannot read {}", local.shown_file(&folder, &entry.name));
            let mut file = local.open_regular(&folder, &entry.name, limit_bytes)?;
            let read = read_whole(&mut file, entry.stat.size_bytes, limit_bytes, |_| Ok(()));
            let bytes = read.map_err(|error| match error.kind() {
                io::ErrorKind::FileTooLarge => Error::new(Kind::TooLarge, attempted()),
                _ => Error::from_io(attempted(), error),
            })?;
            let after = nix::sys::stat::fstat(file.as_fd()).map_err(|error| failed(attempted(), error))?;
            unchanged(bytes, entry.stat, facts(&after), attempted())
        })
        .await
    }

    pub(super) async fn write_batch(&self, folder: &str, files: Vec<Put>) -> Vec<Result<Outcome, Error>> {
        let (local, folder) = (self.clone(), folder.to_owned());
        let count = files.len();
        let written = tokio::task::spawn_blocking(move || local.write_batch_now(&folder, &files)).await;
        written.unwrap_or_else(|_| (0..count).map(|_| Err(stopped())).collect())
    }

    pub(super) async fn move_to(
        &self,
        folder: &str,
        name: &FileName,
        to_folder: &str,
        to_name: &FileName,
    ) -> Result<(), Error> {
        let (local, folder, name) = (self.clone(), folder.to_owned(), name.clone());
        let (to_folder, to_name) = (to_folder.to_owned(), to_name.clone());
        blocking(move || {
            let attempted = || {
                let from = local.shown_file(&folder, &name);
                format!("cannot move {from} to {}", local.shown_file(&to_folder, &to_name))
            };
            let from = local.open(&folder, attempted)?;
            let to = local.open(&to_folder, attempted)?;
            rename_new(&from, name.as_os_str(), &to, to_name.as_os_str())
                .map_err(|error| failed(attempted(), error))?;
            nix::unistd::fsync(&to).map_err(|error| failed(attempted(), error))?;
            if folder != to_folder {
                nix::unistd::fsync(&from).map_err(|error| failed(attempted(), error))?;
            }
            Ok(())
        })
        .await
    }

    pub(super) async fn hold(&self, folder: &str, entry: &Entry, held: &FileName) -> Result<Hold, Error> {
        let (local, folder) = (self.clone(), folder.to_owned());
        let (entry, held) = (entry.clone(), held.clone());
        blocking(move || {
            let attempted = || format!("cannot look at {}", local.shown_file(&folder, &entry.name));
            let at = local.open(&folder, attempted)?;
            let look = |name: &FileName| look(&at, name).map_err(|error| failed(attempted(), error));
            let mut renamed = Err(Errno::ENOENT);
            if look(&entry.name)?.is_some_and(|found| found.is_like(&entry)) {
                kill_points::pass("in.dispose.before");
                renamed = rename_new(&at, entry.name.as_os_str(), &at, held.as_os_str());
                kill_points::pass("in.hold.after");
            }
            Ok(match (look(&held)?, renamed) {
                (Some(found), _) => Hold::Held(found),
                (None, Ok(()) | Err(Errno::ENOENT)) => Hold::Gone,
                (None, Err(_)) => Hold::Refused,
            })
        })
        .await
    }

    pub(super) async fn remove(&self, folder: &str, name: &FileName) -> Result<(), Error> {
        let (local, folder, name) = (self.clone(), folder.to_owned(), name.clone());
        blocking(move || {
            let attempted = || format!("cannot remove {}", local.shown_file(&folder, &name));
            let at = local.open(&folder, attempted)?;
            match nix::unistd::unlinkat(&at, name.as_os_str(), UnlinkatFlags::NoRemoveDir) {
                Ok(()) | Err(Errno::ENOENT) => Ok(()),
                Err(error) => Err(failed(attempted(), error)),
            }
        })
        .await
    }

    fn write_batch_now(&self, folder: &str, files: &[Put]) -> Vec<Result<Outcome, Error>> {
        let attempted = || format!("cannot write to {}", self.shown(folder));
        let at = match self.open(folder, attempted) {
            Ok(at) => at,
            Err(error) => return files.iter().map(|_| Err(error.clone())).collect(),
        };
        let together = files.len() >= SYNC_TOGETHER_FROM;
        let mut written: Vec<_> =
            files.iter().map(|put| self.write_temp(&at, folder, put, together)).collect();
        let synced = if together { nix::unistd::syncfs(&at) } else { Ok(()) };
        for (put, result) in files.iter().zip(&mut written) {
            if !matches!(result, Ok(None)) {
                continue;
            }
            *result = match synced {
                Ok(()) => self.show(&at, folder, put).map(Some),
                Err(error) => Err(failed(self.attempted_put(folder, put), error)),
            };
        }
        let shown = nix::unistd::fsync(&at);
        files
            .iter()
            .zip(written)
            .map(|(put, result)| match (result, shown) {
                (Err(error), _) => Err(error),
                (Ok(_), Err(error)) => Err(failed(self.attempted_put(folder, put), error)),
                (Ok(outcome), Ok(())) => Ok(outcome.unwrap_or(Outcome::Delivered)),
            })
            .collect()
    }

    /// Writes under the temporary name; answers at once when the final name is taken.
    fn write_temp(
        &self,
        at: &OwnedFd,
        folder: &str,
        put: &Put,
        synced_later: bool,
    ) -> Result<Option<Outcome>, Error> {
        let attempted = || self.attempted_put(folder, put);
        for stale in &put.stale {
            // What an earlier try left; mostly there is nothing.
            nix::unistd::unlinkat(at, stale.as_os_str(), UnlinkatFlags::NoRemoveDir).ok();
        }
        if let Some(outcome) = self.adopt(at, folder, put)? {
            return Ok(Some(outcome));
        }
        let temp = put.temp_name.as_os_str();
        let create = || {
            let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
            nix::fcntl::openat(at, temp, flags | OFlag::O_CLOEXEC, Mode::from_bits_truncate(0o640))
        };
        let file = create().or_else(|error| match error {
            // What an earlier try left. Removed, not truncated: it might be a link by now.
            Errno::EEXIST => {
                nix::unistd::unlinkat(at, temp, UnlinkatFlags::NoRemoveDir).and_then(|()| create())
            }
            error => Err(error),
        });
        let file = file.map_err(|error| failed(attempted(), error))?;
        let mut file = File::from(file);
        let io_failed = |error| Error::from_io(attempted(), error);
        kill_points::pass("out.put.before");
        file.write_all(&put.bytes).map_err(io_failed)?;
        kill_points::pass("out.put.after");
        if !synced_later {
            file.sync_all().map_err(io_failed)?;
        }
        let size = file.metadata().map_err(io_failed)?.len();
        if size != put.bytes.len() as u64 {
            return Err(Error::new(Kind::Changed, attempted()));
        }
        Ok(None)
    }

    /// Gives the whole file its final name, or compares with what took that name meanwhile.
    fn show(&self, at: &OwnedFd, folder: &str, put: &Put) -> Result<Outcome, Error> {
        let temp = put.temp_name.as_os_str();
        kill_points::pass("out.rename.before");
        if let Err(error) = put.claim.check(|| self.attempted_put(folder, put)) {
            nix::unistd::unlinkat(at, temp, UnlinkatFlags::NoRemoveDir).ok();
            return Err(error);
        }
        let renamed = rename_new(at, temp, at, put.final_name.as_os_str());
        kill_points::pass("out.rename.after");
        match renamed {
            Ok(()) => Ok(Outcome::Delivered),
            Err(Errno::EEXIST) => {
                let outcome = self.adopt(at, folder, put)?;
                nix::unistd::unlinkat(at, temp, UnlinkatFlags::NoRemoveDir).ok();
                // Gone again between the two looks: the next try will put it.
                outcome.ok_or_else(|| Error::new(Kind::Changed, self.attempted_put(folder, put)))
            }
            Err(error) => Err(failed(self.attempted_put(folder, put), error)),
        }
    }

    /// Compares with what has the final name; none when nothing has.
    fn adopt(&self, at: &OwnedFd, folder: &str, put: &Put) -> Result<Option<Outcome>, Error> {
        let name = put.final_name.as_os_str();
        let stat = match fstatat(at, name) {
            Ok(stat) => stat,
            Err(Errno::ENOENT) => return Ok(None),
            Err(error) => return Err(failed(self.attempted_put(folder, put), error)),
        };
        let size = facts(&stat).size_bytes;
        if kind(&stat) != EntryKind::File || size != Some(put.bytes.len() as u64) {
            return Ok(Some(Outcome::AlreadyThere { same: false }));
        }
        let file = self.open_regular(folder, &put.final_name, u64::MAX)?;
        let held = compare(file, &put.bytes)
            .map_err(|error| Error::from_io(self.attempted_put(folder, put), error))?;
        Ok(Some(Outcome::AlreadyThere { same: held == Held::All }))
    }

    fn open_regular(&self, folder: &str, name: &FileName, limit_bytes: u64) -> Result<File, Error> {
        let attempted = || format!("cannot read {}", self.shown_file(folder, name));
        let at = self.open(folder, attempted)?;
        // O_NONBLOCK: opening a pipe would else wait for its writer for ever.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = nix::fcntl::openat(&at, name.as_os_str(), flags, Mode::empty())
            .map_err(|error| failed(attempted(), error))?;
        let stat = nix::sys::stat::fstat(file.as_fd()).map_err(|error| failed(attempted(), error))?;
        if kind(&stat) != EntryKind::File {
            return Err(Error::new(Kind::Invalid, attempted()).because("it is not a regular file"));
        }
        if facts(&stat).size_bytes.is_some_and(|size| size > limit_bytes) {
            return Err(Error::new(Kind::TooLarge, attempted())
                .because(format!("it has more than {limit_bytes} bytes")));
        }
        Ok(File::from(file))
    }

    fn open_root(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        nix::fcntl::open(&self.root, flags, Mode::empty())
    }

    fn open(&self, folder: &str, attempted: impl Fn() -> String) -> Result<OwnedFd, Error> {
        let mut at = self.open_root().map_err(|error| failed(attempted(), error))?;
        for part in self.parts(folder)? {
            at = open_folder(&at, part).map_err(|error| failed(attempted(), error))?;
        }
        Ok(at)
    }

    fn parts<'a>(&self, folder: &'a str) -> Result<Vec<&'a OsStr>, Error> {
        let mut parts = Vec::new();
        for component in Path::new(folder).components() {
            match component {
                Component::Normal(part) => parts.push(part),
                Component::CurDir => {}
                _ => {
                    let attempted = format!("cannot open {}", self.shown(folder));
                    return Err(Error::new(Kind::Invalid, attempted)
                        .because("the path is not below the root")
                        .hinted("write folders relative to the root, without `..`"));
                }
            }
        }
        Ok(parts)
    }

    fn shown(&self, folder: &str) -> String {
        format!("`{}`", self.root.join(folder).display())
    }

    fn shown_file(&self, folder: &str, name: &FileName) -> String {
        format!("`{}/{name}`", self.root.join(folder).display())
    }

    fn attempted_put(&self, folder: &str, put: &Put) -> String {
        format!("cannot write {}", self.shown_file(folder, &put.final_name))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(stopped()))
}

fn stopped() -> Error {
    Error::new(Kind::Down, "the work on a local folder was stopped")
}

fn failed(attempted: String, error: Errno) -> Error {
    Error::from_io(attempted, io::Error::from(error))
}

fn open_folder(at: &OwnedFd, part: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    nix::fcntl::openat(at, part, flags, Mode::empty())
}

fn fstatat<P: ?Sized + nix::NixPath>(at: &OwnedFd, name: &P) -> Result<FileStat, Errno> {
    nix::sys::stat::fstatat(at, name, AtFlags::AT_SYMLINK_NOFOLLOW)
}

fn kind(stat: &FileStat) -> EntryKind {
    match stat.st_mode & libc::S_IFMT {
        libc::S_IFREG => EntryKind::File,
        libc::S_IFDIR => EntryKind::Folder,
        libc::S_IFLNK => EntryKind::Link,
        _ => EntryKind::Other,
    }
}

fn facts(stat: &FileStat) -> Stat {
    let nanos = u32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    Stat {
        size_bytes: u64::try_from(stat.st_size).ok(),
        modified_at: DateTime::from_timestamp(stat.st_mtime, nanos),
    }
}

/// What has a name, links not followed.
fn look(at: &OwnedFd, name: &FileName) -> Result<Option<Entry>, Errno> {
    match fstatat(at, name.as_os_str()) {
        Ok(stat) => Ok(Some(Entry { kind: kind(&stat), stat: facts(&stat), name: name.clone() })),
        Err(Errno::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Renames without overwriting; file systems that cannot do it in one step get a link and an unlink.
fn rename_new(from: &OwnedFd, name: &OsStr, to: &OwnedFd, to_name: &OsStr) -> Result<(), Errno> {
    match nix::fcntl::renameat2(from, name, to, to_name, RenameFlags::RENAME_NOREPLACE) {
        Err(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP) => {
            nix::unistd::linkat(from, name, to, to_name, AtFlags::empty())?;
            nix::unistd::unlinkat(from, name, UnlinkatFlags::NoRemoveDir)
        }
        result => result,
    }
}
