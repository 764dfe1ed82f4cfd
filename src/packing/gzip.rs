//! gzip: one compressed file, or several one after the other that are one.

use super::{Budget, Fault, Limits, Step, not_packed};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::io::{Read as _, Write as _};

pub(super) fn unpack(bytes: &[u8], budget: &mut Budget) -> Result<Vec<u8>, Fault> {
    if !bytes.starts_with(b"\x1f\x8b") {
        return Err(not_packed(Step::Gzip));
    }
    budget.file()?;
    budget.read(MultiGzDecoder::new(bytes), Step::Gzip)
}

pub(super) fn pack(bytes: &[u8]) -> Vec<u8> {
    // No name and no time in it: the same bytes are packed the same.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("memory takes what is written");
    encoder.finish().expect("memory takes what is written")
}

/// Only its checksum at the end tells; reading stops at the limit, beyond which the file is judged anyway.
pub(super) fn is_whole(bytes: &[u8], limits: Limits) -> bool {
    if !bytes.starts_with(b"\x1f\x8b") {
        return true;
    }
    let mut decoder = MultiGzDecoder::new(bytes).take(limits.bytes);
    let read = std::io::copy(&mut decoder, &mut std::io::sink());
    !read.is_err_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof)
}
