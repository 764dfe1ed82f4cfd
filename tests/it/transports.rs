//! Transports against the real thing: folders of this machine and OpenSSH on loopback.

mod counterparts;
mod http;
mod local;
mod sftp;

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
