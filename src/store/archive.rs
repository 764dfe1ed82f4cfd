//! Bytes too large for a row, kept under their own hash.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Error, hex};

/// Ties the archive to one database.
const MARKER: &str = "crossdock-archive";

/// Pieces a large file is copied in. S3 wants at least 5 MiB.
const PIECE_BYTES: usize = 8 << 20;

/// A place for large bodies. Content never changes: the key is the SHA-256.
#[derive(Clone, Debug)]
pub struct Archive {
    objects: Arc<dyn ObjectStore>,
    folder: Option<PathBuf>,
}

impl Archive {
    /// An archive in a local folder, made when missing. What is put there is on the disk before the call ends.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn local(folder: &Path) -> Result<Self, Error> {
        let what = || format!("make the archive {}", folder.display());
        std::fs::create_dir_all(folder).map_err(|source| Error::File { what: what(), source })?;
        let folder = std::fs::canonicalize(folder).map_err(|source| Error::File { what: what(), source })?;
        let objects = LocalFileSystem::new_with_prefix(&folder)
            .map_err(|source| Error::Archive { what: what(), source })?
            .with_fsync(true);
        Ok(Self { objects: Arc::new(objects), folder: Some(folder) })
    }

    /// Keeps bytes; does nothing when they are there.
    ///
    /// # Errors
    /// When the archive cannot be written.
    pub async fn put(&self, sha256: &[u8; 32], bytes: Bytes) -> Result<(), Error> {
        if self.has(sha256, bytes.len() as u64).await? {
            return Ok(());
        }
        self.objects
            .put(&key(sha256), bytes.into())
            .await
            .map(drop)
            .map_err(|source| failed("write", sha256, source))
    }

    /// Keeps a file of any size and tells its hash and size. Memory: one piece of 8 MiB.
    ///
    /// # Errors
    /// When the file cannot be read, changes while it is read, or the archive cannot be written.
    pub async fn put_file(&self, path: &Path) -> Result<([u8; 32], u64), Error> {
        let unreadable = |source| Error::File { what: format!("read {}", path.display()), source };
        let (sha256, size_bytes) = hash_file(path.to_owned()).await.map_err(unreadable)?;
        if self.has(&sha256, size_bytes).await? {
            return Ok((sha256, size_bytes));
        }
        let failed = |source| failed("write", &sha256, source);
        let mut upload = self.objects.put_multipart(&key(&sha256)).await.map_err(failed)?;
        let mut file = File::open(path).map_err(unreadable)?;
        let mut hasher = Sha256::new();
        loop {
            let (piece, rest) = read_piece(file).await.map_err(unreadable)?;
            file = rest;
            if piece.is_empty() {
                break;
            }
            hasher.update(&piece);
            upload.put_part(piece.into()).await.map_err(failed)?;
        }
        if <[u8; 32]>::from(hasher.finalize()) != sha256 {
            upload.abort().await.map_err(failed)?;
            return Err(unreadable(std::io::Error::other("it changed while it was read")));
        }
        upload.complete().await.map_err(failed)?;
        Ok((sha256, size_bytes))
    }

    /// The bytes with this hash.
    ///
    /// # Errors
    /// When they are not there or cannot be read.
    pub async fn get(&self, sha256: &[u8; 32]) -> Result<Bytes, Error> {
        let read = async { self.objects.get(&key(sha256)).await?.bytes().await };
        read.await.map_err(|source| failed("read", sha256, source))
    }

    /// Removes the bytes with this hash; does nothing when they are gone.
    pub(super) async fn remove(&self, sha256: &[u8; 32]) -> Result<(), Error> {
        match self.objects.delete(&key(sha256)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(failed("remove", sha256, source)),
        }
    }

    /// Where the bytes lie as an ordinary file, so that a gigabyte need not be in memory; none if elsewhere.
    #[must_use]
    pub fn local_path(&self, sha256: &[u8; 32]) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(key(sha256).as_ref()))
    }

    /// Writes the marker, or checks the one that is there.
    pub(super) async fn mark(&self, hub: Uuid) -> Result<(), Error> {
        let marker = Key::from(MARKER);
        let failed = |what: &str| {
            let what = format!("{what} the marker");
            move |source| Error::Archive { what, source }
        };
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.objects.put_opts(&marker, hub.to_string().into_bytes().into(), create).await {
            Ok(_) => return Ok(()),
            Err(object_store::Error::AlreadyExists { .. }) => {}
            Err(source) => return Err(failed("write")(source)),
        }
        let read = async { self.objects.get(&marker).await?.bytes().await };
        let found = read.await.map_err(failed("read"))?;
        let found = String::from_utf8_lossy(&found).trim().to_owned();
        if found == hub.to_string() { Ok(()) } else { Err(Error::ForeignArchive { found, expected: hub }) }
    }

    pub(super) async fn has(&self, sha256: &[u8; 32], size_bytes: u64) -> Result<bool, Error> {
        match self.objects.head(&key(sha256)).await {
            Ok(found) => Ok(found.size == size_bytes),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(failed("look", sha256, source)),
        }
    }
}

/// `ab/cd/abcd…`: no folder grows beyond what a file system likes.
fn key(sha256: &[u8; 32]) -> Key {
    let text = hex(sha256);
    let mut parts = vec![hex(&sha256[..1]), hex(&sha256[1..2])];
    parts.push(text);
    Key::from_iter(parts)
}

fn failed(verb: &str, sha256: &[u8; 32], source: object_store::Error) -> Error {
    Error::Archive { what: format!("{verb} {}", hex(sha256)), source }
}

async fn hash_file(path: PathBuf) -> std::io::Result<([u8; 32], u64)> {
    blocking(move || {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut piece = vec![0; 1 << 20];
        let mut size_bytes = 0;
        loop {
            match file.read(&mut piece)? {
                0 => return Ok((hasher.finalize().into(), size_bytes)),
                read => {
                    hasher.update(&piece[..read]);
                    size_bytes += read as u64;
                }
            }
        }
    })
    .await
}

async fn read_piece(mut file: File) -> std::io::Result<(Vec<u8>, File)> {
    blocking(move || {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        (&mut file).take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
        Ok((piece, file))
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_large_file_comes_back_as_it_went() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let archive = Archive::local(&folder.path().join("archive")).expect("the archive can be made");
        let path = folder.path().join("large.edi");
        let bytes: Vec<u8> = (0..20 << 20).map(|n: u32| n.to_le_bytes()[1]).collect();
        std::fs::write(&path, &bytes).expect("the file can be written");

        let (sha256, size_bytes) = archive.put_file(&path).await.expect("it can be archived");
        assert_eq!(size_bytes, bytes.len() as u64);
        assert_eq!(<[u8; 32]>::from(Sha256::digest(&bytes)), sha256);
        assert_eq!(archive.put_file(&path).await.expect("twice is no fault").0, sha256);
        assert_eq!(archive.get(&sha256).await.expect("it can be read"), bytes);
        let local = archive.local_path(&sha256).expect("the archive is a folder");
        assert_eq!(std::fs::read(local).expect("the file is there"), bytes);
    }

    #[tokio::test]
    async fn an_archive_of_another_hub_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let archive = Archive::local(folder.path()).expect("the archive can be made");
        archive.mark(Uuid::from_u128(1)).await.expect("a fresh archive takes its marker");
        archive.mark(Uuid::from_u128(1)).await.expect("its own marker is known again");
        let error = archive.mark(Uuid::from_u128(2)).await.expect_err("another's marker is refused");
        assert!(matches!(error, Error::ForeignArchive { .. }), "{error}");
    }
}
