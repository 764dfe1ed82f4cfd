//! Transports against the real thing: folders of this machine and OpenSSH on loopback.

mod counterparts;
mod http;
mod local;
mod login;
mod sftp;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use crossdock::transports::{Contents, Error, FileName, Transport};

/// More than any file here has.
const LIMIT_BYTES: u64 = 64 << 20;

fn name(text: &str) -> FileName {
    text.parse().expect("a plain name")
}

async fn put(
    to: &Transport,
    folder: &str,
    file: &str,
    bytes: &[u8],
) -> Result<crossdock::transports::Outcome, Error> {
    let temp = name(&format!(".{file}.part"));
    to.write_new(folder, &temp, &name(file), Bytes::copy_from_slice(bytes)).await
}

async fn get(from: &Transport, folder: &str, file: &str) -> Result<Contents, Error> {
    from.read(folder, &name(file), LIMIT_BYTES).await
}

/// Names of a folder in order, as people see them.
async fn names(of: &Transport, folder: &str) -> Vec<String> {
    let listing = of.list(folder).await.expect("the folder can be listed");
    let mut names: Vec<_> = listing.entries.iter().map(|entry| entry.name.to_string()).collect();
    names.sort();
    names
}

/// Puts files while somebody takes and removes whatever is visible, as fast as he can.
fn grabs_only_whole_files(to: &Transport, folder: &str, path: &Path, count: usize) {
    const SIZE: usize = 300_000;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let grabbing = scope.spawn(|| {
            let mut grabbed = 0;
            loop {
                let last = done.load(Ordering::Relaxed);
                for entry in fs::read_dir(path).expect("listed").flatten() {
                    if entry.path().extension().is_some_and(|extension| extension == "edi") {
                        let bytes = fs::read(entry.path()).expect("read");
                        assert_eq!(bytes.len(), SIZE, "half a file was visible");
                        fs::remove_file(entry.path()).expect("grabbed");
                        grabbed += 1;
                    }
                }
                if last {
                    return grabbed;
                }
            }
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for number in 0..count {
                    put(to, folder, &format!("{number}.edi"), &vec![b'x'; SIZE]).await.expect("put");
                }
            });
        });
        done.store(true, Ordering::Relaxed);
        assert_eq!(grabbing.join().expect("every grab was whole"), count);
    });
}
