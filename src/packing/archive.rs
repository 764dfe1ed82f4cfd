//! zip: several files in one. Names in it are data; nothing is ever written under them.

use super::{Budget, Fault, Step, Unpacked, base_name, damaged, not_packed, shown};
use std::io::Cursor;
use zip::ZipArchive;
use zip::result::ZipError;

/// The end of the central directory, and how far before the end of the file it can begin: 22 bytes and a comment.
const END: &[u8] = b"PK\x05\x06";
const FARTHEST: usize = 22 + 65_535;

pub(super) fn unpack(file: &Unpacked, budget: &mut Budget) -> Result<Vec<Unpacked>, Fault> {
    if !file.bytes.starts_with(b"PK\x03\x04") && !file.bytes.starts_with(END) {
        return Err(not_packed(Step::Zip));
    }
    if !is_whole(&file.bytes) {
        return Err(damaged(Step::Zip, &std::io::ErrorKind::UnexpectedEof.into()));
    }
    let mut archive = ZipArchive::new(Cursor::new(&file.bytes)).map_err(unreadable)?;
    let mut unpacked = Vec::new();
    for index in 0..archive.len() {
        let (entry, name) = {
            let raw = archive.by_index_raw(index).map_err(unreadable)?;
            let written = raw.name().map_or_else(
                |_| String::from_utf8_lossy(raw.name_raw()).into_owned(),
                std::borrow::Cow::into_owned,
            );
            let entry = shown(&written, 1000);
            let fault = |what: &str, hint: &str| Err(Fault::file(format!("`{entry}` in it {what}"), hint));
            if raw.encrypted() {
                return fault(
                    "is encrypted with a password",
                    "ask the partner to encrypt with PGP, or to send it plain",
                );
            }
            if raw.is_symlink() {
                return fault(
                    "is a link, not a file",
                    "links are never followed; ask the partner to put the file itself in",
                );
            }
            if raw.is_dir() {
                continue;
            }
            (entry, base_name(&written))
        };
        budget.file()?;
        let opened = archive.by_index(index).map_err(unreadable)?;
        let bytes = budget.read(opened, Step::Zip)?;
        let entry = if file.entry.is_empty() { entry } else { format!("{}: {entry}", file.entry) };
        unpacked.push(Unpacked { name, entry, bytes: bytes.into() });
    }
    if unpacked.is_empty() {
        return Err(Fault::file("the zip file holds no file", "ask the partner to send it again"));
    }
    Ok(unpacked)
}

fn unreadable(error: ZipError) -> Fault {
    match error {
        ZipError::Io(error) => damaged(Step::Zip, &error),
        other => Fault::file(format!("the zip file is damaged: {other}"), "ask the partner to send it again"),
    }
}

pub(super) fn is_whole(bytes: &[u8]) -> bool {
    if !bytes.starts_with(b"PK") {
        // It is no zip file, and waiting makes none of it.
        return true;
    }
    let tail = bytes.get(bytes.len().saturating_sub(FARTHEST)..).unwrap_or_default();
    memchr::memmem::rfind(tail, END).is_some_and(|at| tail.len() - at >= 22)
}
