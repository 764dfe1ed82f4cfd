//! Transports: ways to move bytes. Local folders, SFTP, HTTP, mail.

mod error;
pub mod http;
pub mod local;
pub mod mail;
mod name;
mod place;
mod secret;
pub mod sftp;
pub mod watch;

pub use error::{Error, Kind};
pub use name::{BadName, FileName};
pub use place::{Claim, Entry, EntryKind, Hold, Listing, Outcome, Put, Refused, Stat, Tried};
pub use secret::{SecretError, SecretRef, SecretResolver, read_secret_file, read_secret_ref, resolve_with};

use bytes::Bytes;

/// Most entries a listing returns; a folder with more is cut there and says so.
pub const LIST_LIMIT: usize = 200_000;

/// One place files are picked up from and put to: a tree of local folders, or an SFTP server.
///
/// Folders are given as text by the profile; names are bytes given by whoever made the file. All calls
/// may be under way at the same time, and a clone shares sessions with its original.
#[derive(Clone, Debug)]
pub enum Transport {
    /// Folders below one local root; folder `""` or `"."` is the root itself.
    Local(local::Local),
    /// Folders of one SFTP server under one login.
    Sftp(sftp::Server),
}

impl Transport {
    /// Lists `folder` without following links; entries whose names could lead elsewhere are set aside.
    ///
    /// # Errors
    /// When the folder is absent or closed to us, or the server cannot be reached.
    pub async fn list(&self, folder: &str) -> Result<Listing, Error> {
        match self {
            Self::Local(local) => local.list(folder).await,
            Self::Sftp(server) => server.list(folder).await,
        }
    }

    /// What `name` in `folder` is now; none when nothing has that name.
    ///
    /// # Errors
    /// When the folder is closed to us, or the server cannot be reached.
    pub async fn stat(&self, folder: &str, name: &FileName) -> Result<Option<Entry>, Error> {
        match self {
            Self::Local(local) => local.stat(folder, name).await,
            Self::Sftp(server) => server.stat(folder, name).await,
        }
    }

    /// Reads a whole regular file, which must be what it was when it was listed, and still be so afterwards.
    ///
    /// # Errors
    /// `Changed` when it is another by size or time (its writer is not done), `TooLarge` above `limit_bytes`, `Invalid`
    /// for what is no regular file, else as [`Self::list`].
    pub async fn read(&self, folder: &str, entry: &Entry, limit_bytes: u64) -> Result<Bytes, Error> {
        match self {
            Self::Local(local) => local.read(folder, entry, limit_bytes).await,
            Self::Sftp(server) => server.read(folder, entry, limit_bytes).await,
        }
    }

    /// Puts one file: written under `temp_name`, size checked, then renamed without ever overwriting.
    ///
    /// May be called again with the same arguments after any failure: what is already there is compared
    /// byte by byte and adopted when it is the same.
    ///
    /// # Errors
    /// When the file could not be put; nothing is then visible under `final_name`, unless the connection
    /// broke during the rename, which the next call settles.
    pub async fn write_new(
        &self,
        folder: &str,
        temp_name: &FileName,
        final_name: &FileName,
        bytes: Bytes,
    ) -> Result<Outcome, Error> {
        let (temp_name, final_name) = (temp_name.clone(), final_name.clone());
        let put = Put {
            temp_name,
            final_name,
            bytes,
            stale: Vec::new(),
            claim: Claim::undisputed(),
            direct: false,
        };
        match self {
            Self::Local(local) => {
                local.write_batch(folder, vec![put]).await.pop().expect("a batch answers once for each file")
            }
            Self::Sftp(server) => server.write_new(folder, put).await,
        }
    }

    /// Puts many files, each as [`Self::write_new`]; answers in the order given.
    ///
    /// Local files are forced to disk together, once for the batch; SFTP uses all its sessions.
    pub async fn write_batch(&self, folder: &str, files: Vec<Put>) -> Vec<Result<Outcome, Error>> {
        match self {
            Self::Local(local) => local.write_batch(folder, files).await,
            Self::Sftp(server) => {
                futures_util::future::join_all(files.into_iter().map(|put| server.write_new(folder, put)))
                    .await
            }
        }
    }

    /// Tries out a folder that files are put into: writes, renames and removes a small hidden file.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub async fn try_out(&self, folder: &str) -> Result<Tried, Error> {
        const TEXT: &[u8] = b"Written by crossdock to try out this folder. It may be deleted.\n";
        let id = uuid::Uuid::new_v4().simple();
        let names = [format!(".{id}.part"), format!(".{id}.tried")];
        let names = names.map(|name| name.parse::<FileName>().expect("it is a plain name"));
        match self {
            Self::Local(local) => {
                let [temp_name, final_name] = &names;
                self.write_new(folder, temp_name, final_name, Bytes::from_static(TEXT)).await?;
                let left = local.remove(folder, final_name).await.err().into_iter().collect();
                Ok(Tried { rename_refused: None, overwrites: false, left })
            }
            Self::Sftp(server) => server.try_out(folder, names, TEXT).await,
        }
    }

    /// Moves a file to another folder and name of the same transport, never overwriting. On this machine it is on the disk then.
    ///
    /// # Errors
    /// `Exists` when the target is taken, `NotFound` when the source is gone.
    pub async fn move_to(
        &self,
        folder: &str,
        name: &FileName,
        to_folder: &str,
        to_name: &FileName,
    ) -> Result<(), Error> {
        match self {
            Self::Local(local) => local.move_to(folder, name, to_folder, to_name).await,
            Self::Sftp(server) => server.move_to(folder, name, to_folder, to_name).await,
        }
    }

    /// Gives a file another name within its folder if it is still what it was when it was listed, and tells what has
    /// that name then: its partner may have put another in its place in between. May be called again after any failure;
    /// after a power cut the file may have its first name.
    ///
    /// # Errors
    /// When the folder cannot be reached.
    pub async fn hold(&self, folder: &str, entry: &Entry, held_name: &FileName) -> Result<Hold, Error> {
        match self {
            Self::Local(local) => local.hold(folder, entry, held_name).await,
            Self::Sftp(server) => server.hold(folder, entry, held_name).await,
        }
    }

    /// Renames a file within its folder, never overwriting.
    ///
    /// # Errors
    /// As [`Self::move_to`].
    pub async fn rename(&self, folder: &str, name: &FileName, to_name: &FileName) -> Result<(), Error> {
        self.move_to(folder, name, folder, to_name).await
    }

    /// Removes a file; a file that is already gone is no error, so the step may run twice.
    ///
    /// # Errors
    /// When the file is still there and may not be removed, or the server cannot be reached.
    pub async fn remove(&self, folder: &str, name: &FileName) -> Result<(), Error> {
        match self {
            Self::Local(local) => local.remove(folder, name).await,
            Self::Sftp(server) => server.remove(folder, name).await,
        }
    }
}
