//! Bytes too large for a row, kept under their own hash: in a folder, or in a bucket of S3.

mod s3;
mod trouble;

use std::fs::DirBuilder;
use std::io::{self, Read as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{
    GetResult, GetResultPayload, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
};
use sha2::{Digest, Sha256};
use tracing::warn;
use uuid::Uuid;

use super::{AuditHead, Error, hex};
use trouble::Trouble;

pub use s3::{Access, Bucket, GetKeys};

/// Ties the archive to one database.
const MARKER: &str = "crossdock-archive";
/// Below it lie heads of the audit; none is ever removed.
const HEADS: &str = "audit";
/// Pieces that large bytes are written in. S3 wants at least 5 MiB.
const PIECE_BYTES: usize = 8 << 20;
/// Pieces under way at once: more would need a faster line for each to come through in time.
const PIECES_AT_ONCE: usize = 2;
/// Bodies that are looked for at once.
const LOOKS_AT_ONCE: usize = 16;
/// Longest wait within a transaction, which Postgres ends after 20 idle seconds.
const IN_TRANSACTION: Duration = Duration::from_secs(10);

/// A place for large bodies. Content never changes: the key is the SHA-256.
#[derive(Clone, Debug)]
pub struct Archive {
    objects: Arc<dyn ObjectStore>,
    /// Where it is, as people know it.
    place: Arc<str>,
    /// What a key begins with, besides.
    prefix: Arc<str>,
}

impl Archive {
    /// An archive in a local folder, made for us alone when missing. What is put there is on the disk before the call
    /// ends.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn local(folder: &Path) -> Result<Self, Error> {
        let what = || format!("make the archive {}", folder.display());
        // What partners sent is nobody else's business on this machine.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|source| Error::File { what: what(), source })?;
        let folder = std::fs::canonicalize(folder).map_err(|source| Error::File { what: what(), source })?;
        let place: Arc<str> = folder.display().to_string().into();
        let objects = LocalFileSystem::new_with_prefix(&folder)
            .map_err(|source| Trouble::of(&source).during("open it", &place))?
            .with_fsync(true);
        Ok(Self { objects: Arc::new(objects), place, prefix: "".into() })
    }

    /// Where it is, as people know it.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Keeps bytes; does nothing when they are there. Either all of them are kept or nothing is.
    pub(super) async fn put(&self, sha256: &[u8; 32], bytes: Bytes) -> Result<(), Error> {
        if self.has(sha256, bytes.len() as u64).await? {
            return Ok(());
        }
        let put = if bytes.len() <= PIECE_BYTES {
            self.objects.put(&key(sha256), bytes.into()).await.map(drop)
        } else {
            Box::pin(self.put_in_pieces(&key(sha256), bytes)).await
        };
        put.map_err(|source| self.failed("write", sha256, &source))
    }

    async fn put_in_pieces(&self, key: &Key, bytes: Bytes) -> object_store::Result<()> {
        let mut upload = Upload(Some(self.objects.put_multipart(key).await?));
        let written = upload.write(bytes).await;
        // Whether the last answer was lost on its way, the next try finds out.
        upload.end(written.is_err()).await;
        written
    }

    /// The bytes with this hash, held against it while they come.
    pub(super) async fn get(&self, sha256: &[u8; 32], size_bytes: u64) -> Result<Bytes, Error> {
        let read = async { take(self.objects.get(&key(sha256)).await?, size_bytes).await };
        let taken = read.await.map_err(|source| self.failed("read", sha256, &source))?;
        if taken.sha256 == *sha256 {
            return Ok(taken.bytes.into());
        }
        Err(Error::Corrupt {
            place: self.place.to_string(),
            expected: hex(sha256),
            expected_bytes: size_bytes,
            found: hex(&taken.sha256),
            found_bytes: taken.size_bytes,
        })
    }

    /// Removes the bytes with this hash; does nothing when they are gone. Soon enough for a transaction to wait.
    pub(super) async fn remove(&self, sha256: &[u8; 32]) -> Result<(), Error> {
        let key = key(sha256);
        let removed = tokio::time::timeout(IN_TRANSACTION, self.objects.delete(&key));
        match removed.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) if trouble::is_absent(&source) => Ok(()),
            Ok(Err(source)) => Err(self.failed("remove", sha256, &source)),
            Err(_) => Err(Trouble::late(IN_TRANSACTION).during(&about("remove", sha256), &self.place)),
        }
    }

    /// The first of these that is not there, if any. Soon enough for a transaction to wait.
    pub(super) async fn find_missing(&self, bodies: &[(&[u8; 32], u64)]) -> Result<Option<[u8; 32]>, Error> {
        let looks: Vec<_> = bodies
            .iter()
            .map(|(sha256, size_bytes)| {
                let (archive, sha256, size_bytes) = (self.clone(), **sha256, *size_bytes);
                async move { archive.has(&sha256, size_bytes).await.map(|has| (!has).then_some(sha256)) }
            })
            .collect();
        let looks = stream::iter(looks)
            .buffered(LOOKS_AT_ONCE)
            .try_filter_map(|missing| std::future::ready(Ok(missing)));
        let mut looks = std::pin::pin!(looks);
        match tokio::time::timeout(IN_TRANSACTION, looks.try_next()).await {
            Ok(found) => found,
            Err(_) => Err(Trouble::late(IN_TRANSACTION).during("look for bytes", &self.place)),
        }
    }

    /// The hub that the archive belongs to; none while it has no marker.
    pub(super) async fn find_owner(&self) -> Result<Option<String>, Error> {
        let read = async { self.objects.get(&Key::from(MARKER)).await?.bytes().await };
        match read.await {
            Ok(text) => Ok(Some(String::from_utf8_lossy(&text).trim().to_owned())),
            Err(source) if trouble::is_absent(&source) => Ok(None),
            Err(source) => Err(Trouble::of(&source).during("read the marker", &self.place)),
        }
    }

    /// Writes the marker where there is none. Fails as well where there is one and nothing could be written.
    pub(super) async fn mark(&self, hub: Uuid) -> Result<(), Error> {
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let text = hub.to_string().into_bytes();
        match self.objects.put_opts(&Key::from(MARKER), text.into(), create).await {
            Ok(_) | Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            Err(source) if trouble::is_unknown_there(&source) => Err(Error::Unconditional {
                place: self.place.to_string(),
                object: format!("{}{MARKER}", self.prefix),
                hub,
            }),
            Err(source) => Err(Trouble::of(&source).during("write the marker", &self.place)),
        }
    }

    /// Keeps a head of the audit. Its key says all of it, so that writing over it changes nothing.
    pub(super) async fn keep_head(&self, head: &AuditHead) -> Result<(), Error> {
        let key = Key::from_iter([HEADS, &format!("{:012}-{}", head.seq, hex(&head.hash))]);
        let kept = async {
            match self.objects.head(&key).await {
                Err(object_store::Error::NotFound { .. }) => {
                    self.objects.put(&key, head.to_string().into_bytes().into()).await.map(drop)
                }
                found => found.map(drop),
            }
        };
        kept.await.map_err(|source| Trouble::of(&source).during("keep the head of the audit", &self.place))
    }

    /// Every head of the audit that was kept, in no particular order.
    pub(super) async fn list_heads(&self) -> Result<Vec<AuditHead>, Error> {
        let listed = self.objects.list(Some(&Key::from(HEADS)));
        let parse = |name: &str| {
            let (seq, hash) = name.split_once('-')?;
            AuditHead::parse(seq, hash)
        };
        listed
            .try_filter_map(|object| std::future::ready(Ok(object.location.filename().and_then(parse))))
            .try_collect()
            .await
            .map_err(|source| Trouble::of(&source).during("list the heads of the audit", &self.place))
    }

    async fn has(&self, sha256: &[u8; 32], size_bytes: u64) -> Result<bool, Error> {
        match self.objects.head(&key(sha256)).await {
            Ok(found) => Ok(found.size == size_bytes),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(self.failed("look for", sha256, &source)),
        }
    }

    fn failed(&self, verb: &str, sha256: &[u8; 32], source: &object_store::Error) -> Error {
        Trouble::of(source).during(&about(verb, sha256), &self.place)
    }
}

/// An upload in pieces; what was begun and not completed is taken back, also when nobody waits for it any more.
struct Upload(Option<Box<dyn MultipartUpload>>);

impl Upload {
    async fn write(&mut self, bytes: Bytes) -> object_store::Result<()> {
        let upload = self.0.as_mut().expect("it is open until it ends");
        let starts = (0..bytes.len()).step_by(PIECE_BYTES);
        let pieces = starts.map(|start| bytes.slice(start..bytes.len().min(start + PIECE_BYTES)));
        let parts: Vec<_> = pieces.map(|piece| Ok(upload.put_part(piece.into()))).collect();
        stream::iter(parts).try_buffer_unordered(PIECES_AT_ONCE).try_collect::<()>().await?;
        upload.complete().await.map(drop)
    }

    async fn end(mut self, abort: bool) {
        let upload = self.0.take().expect("it ends once");
        if abort {
            // In a task of its own: it is taken back also when nobody waits for that any more.
            drop(tokio::spawn(take_back(upload)).await);
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let (Some(upload), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(take_back(upload));
        }
    }
}

async fn take_back(mut upload: Box<dyn MultipartUpload>) {
    match upload.abort().await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
        Err(error) => warn!("pieces of an upload stay in the archive: {}", Trouble::of(&error).why),
    }
}

/// Bytes that were read, and what they are.
struct Taken {
    bytes: Vec<u8>,
    sha256: [u8; 32],
    size_bytes: u64,
}

/// Reads all of an object; keeps no more than was asked for.
async fn take(found: GetResult, size_bytes: u64) -> object_store::Result<Taken> {
    let most = usize::try_from(size_bytes.min(found.meta.size)).unwrap_or(usize::MAX);
    let mut taken = Taken { bytes: Vec::new(), sha256: [0; 32], size_bytes: 0 };
    let mut hasher = Sha256::new();
    match found.payload {
        GetResultPayload::File(mut file, _) => {
            let read = move || {
                taken.bytes.reserve_exact(most);
                taken.size_bytes = file.read_to_end(&mut taken.bytes)? as u64;
                taken.sha256 = Sha256::digest(&taken.bytes).into();
                Ok(taken)
            };
            let read = tokio::task::spawn_blocking(read).await.map_err(io::Error::other).flatten();
            read.map_err(|source: io::Error| object_store::Error::Generic {
                store: "archive",
                source: source.into(),
            })
        }
        GetResultPayload::Stream(mut pieces) => {
            taken.bytes.reserve_exact(most);
            while let Some(piece) = pieces.try_next().await? {
                hasher.update(&piece);
                taken.size_bytes += piece.len() as u64;
                let room = most.saturating_sub(taken.bytes.len());
                taken.bytes.extend_from_slice(&piece[..piece.len().min(room)]);
            }
            taken.sha256 = hasher.finalize().into();
            Ok(taken)
        }
    }
}

/// `ab/cd/abcd…`: no folder grows beyond what a file system likes.
fn key(sha256: &[u8; 32]) -> Key {
    Key::from_iter([hex(&sha256[..1]), hex(&sha256[1..2]), hex(sha256)])
}

fn about(verb: &str, sha256: &[u8; 32]) -> String {
    format!("{verb} {}", hex(sha256))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn large_bytes_come_back_as_they_went_and_nothing_is_left_beside_them() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let archive = Archive::local(folder.path()).expect("the archive can be made");
        let bytes = Bytes::from_iter((0..20 << 20).map(|n: u32| n.to_le_bytes()[1]));
        let (sha256, size_bytes) = (<[u8; 32]>::from(Sha256::digest(&bytes)), bytes.len() as u64);
        for _ in 0..2 {
            archive.put(&sha256, bytes.clone()).await.expect("twice is no fault");
        }
        assert_eq!(archive.get(&sha256, size_bytes).await.expect("it can be read"), bytes);
        let path = folder.path().join(key(&sha256).as_ref());
        let beside = std::fs::read_dir(path.parent().expect("a folder")).expect("listed").count();
        assert_eq!((std::fs::read(&path).expect("the file is there"), beside), (bytes.to_vec(), 1));

        // One bit, and the end.
        let mut changed = bytes.to_vec();
        changed[7 << 20] ^= 1;
        for changed in [&changed[..], &bytes[..bytes.len() - 1]] {
            std::fs::write(&path, changed).expect("it is ours");
            let error = archive.get(&sha256, size_bytes).await.expect_err("it is not what was put there");
            let told = error.to_string();
            let found = hex(&<[u8; 32]>::from(Sha256::digest(changed)));
            assert!(told.contains(&found) && told.contains(&hex(&sha256)), "{told}");
            assert!(!error.is_temporary());
        }
    }

    #[tokio::test]
    async fn an_upload_that_nobody_waits_for_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let archive = Archive::local(folder.path()).expect("the archive can be made");
        let upload = archive.objects.put_multipart(&key(&[7; 32])).await.expect("begun");
        let mut upload = Upload(Some(upload));
        let pieces = upload.0.as_mut().expect("open").put_part(Bytes::from_static(b"a piece").into());
        pieces.await.expect("written");
        let files = || walk(folder.path());
        assert_eq!(files(), 1);
        drop(upload);
        for _ in 0..500 {
            if files() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(files(), 0);
    }

    fn walk(folder: &Path) -> usize {
        let entries = std::fs::read_dir(folder).expect("listed").map(|entry| entry.expect("listed").path());
        entries.map(|path| if path.is_dir() { walk(&path) } else { 1 }).sum()
    }
}
