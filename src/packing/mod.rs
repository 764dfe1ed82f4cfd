//! Packing: what is compressed, archived or encrypted becomes plain files, and back. Bytes and keys only.

mod archive;
mod gzip;
mod openpgp;

pub use openpgp::{Keys, look_at_keys};

use bytes::Bytes;
use std::io::Read;

/// One way to pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One file, compressed (RFC 1952).
    Gzip,
    /// Any number of files, compressed; only unpacked.
    Zip,
    /// One file, encrypted and signed (RFC 9580, and what GnuPG writes).
    Pgp,
}

impl Step {
    /// Ways to unpack, by their words.
    pub const UNPACK: &[(&str, Self)] = &[("gzip", Self::Gzip), ("zip", Self::Zip), ("pgp", Self::Pgp)];
    /// Ways to pack, by their words.
    pub const PACK: &[(&str, Self)] = &[("gzip", Self::Gzip), ("pgp", Self::Pgp)];

    fn word(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zip => "zip",
            Self::Pgp => "PGP",
        }
    }

    /// Endings of names that this step takes away; it puts the first of them.
    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Gzip => &[".gz", ".gzip"],
            Self::Zip => &[".zip"],
            Self::Pgp => &[".pgp", ".gpg", ".asc"],
        }
    }
}

/// How much may come out of one packed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Bytes that come out for each that goes in.
    pub ratio: u64,
    /// Files.
    pub files: usize,
}

/// What a bomb is told from: little that became much. Below this nobody is hurt whatever the ratio.
const HARMLESS_BYTES: u64 = 1 << 20;

/// A file that was in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpacked {
    /// Its name, without folders: what is odd in it is escaped.
    pub name: String,
    /// What the archive calls it, escaped; empty where there is no archive.
    pub entry: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// Why a file cannot be unpacked or packed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The file itself: a person must look at it.
    #[error("{reason}; hint: {hint}")]
    File {
        /// What is wrong, and where.
        reason: String,
        /// What to do about it.
        hint: String,
    },
    /// One of our keys: nothing is wrong with the file, and it waits until the key is to be had.
    #[error("{what}")]
    Key {
        /// Which, what is wrong with it, and what to do.
        what: String,
    },
}

impl Fault {
    fn file(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::File { reason: reason.into(), hint: hint.into() }
    }

    fn key(what: impl Into<String>) -> Self {
        Self::Key { what: what.into() }
    }
}

/// Takes a file out of its packing, step by step from the outside in. There is one file at least.
///
/// # Errors
/// [`Fault::File`] for what is not packed so, is cut, encrypted to others, badly signed or too much.
pub fn unpack(
    name: &str,
    bytes: Bytes,
    steps: &[Step],
    keys: &Keys,
    limits: Limits,
) -> Result<Vec<Unpacked>, Fault> {
    let mut budget = Budget::new(bytes.len() as u64, limits);
    let mut files = vec![Unpacked { name: base_name(name), entry: String::new(), bytes }];
    for step in steps {
        // What comes out of each step counts by itself: it replaces what went in.
        budget.begin();
        let mut next = Vec::new();
        for file in files {
            let place = if file.entry.is_empty() { String::new() } else { format!("`{}`: ", file.entry) };
            let within = |fault| match fault {
                Fault::File { reason, hint } => Fault::File { reason: format!("{place}{reason}"), hint },
                Fault::Key { .. } => fault,
            };
            if *step == Step::Zip {
                next.extend(archive::unpack(&file, &mut budget).map_err(within)?);
                continue;
            }
            let bytes = match step {
                Step::Gzip => gzip::unpack(&file.bytes, &mut budget),
                _ => openpgp::unpack(&file.bytes, keys, &mut budget),
            };
            let name = without_ending(&file.name, step.endings());
            next.push(Unpacked { name, bytes: bytes.map_err(within)?.into(), ..file });
        }
        files = next;
    }
    Ok(files)
}

/// Packs a file, in the order of the steps. Gives the endings that its name gets, and its bytes.
///
/// # Errors
/// [`Fault::Key`] when a key is not to be had or not fit.
pub fn pack(bytes: Vec<u8>, steps: &[Step], keys: &Keys) -> Result<(String, Vec<u8>), Fault> {
    let mut packed = bytes;
    let mut endings = String::new();
    for step in steps {
        packed = match step {
            Step::Gzip | Step::Zip => gzip::pack(&packed),
            Step::Pgp => openpgp::pack(packed, keys)?,
        };
        endings.push_str(step.endings().first().copied().unwrap_or_default());
    }
    Ok((endings, packed))
}

/// Whether the end of the outermost packing is there, as far as it can be told without keys.
#[must_use]
pub fn is_whole(bytes: &[u8], steps: &[Step], limits: Limits) -> bool {
    match steps.first() {
        Some(Step::Gzip) => gzip::is_whole(bytes, limits),
        Some(Step::Zip) => archive::is_whole(bytes),
        Some(Step::Pgp) => openpgp::is_whole(bytes),
        None => true,
    }
}

/// What may still come out.
struct Budget {
    limits: Limits,
    packed_bytes: u64,
    out_bytes: u64,
    out_files: usize,
}

impl Budget {
    fn new(packed_bytes: u64, limits: Limits) -> Self {
        Self { limits, packed_bytes, out_bytes: 0, out_files: 0 }
    }

    fn begin(&mut self) {
        (self.out_bytes, self.out_files) = (0, 0);
    }

    /// Counts one more file.
    fn file(&mut self) -> Result<(), Fault> {
        self.out_files += 1;
        if self.out_files <= self.limits.files {
            return Ok(());
        }
        Err(Fault::file(
            format!("it holds more than {} files", self.limits.files),
            "ask the partner for fewer files in one; `limits.files` of the channel raises the limit",
        ))
    }

    /// The most that may come out now.
    fn most(&self) -> u64 {
        let by_ratio = self.packed_bytes.saturating_mul(self.limits.ratio).max(HARMLESS_BYTES);
        self.limits.bytes.min(by_ratio)
    }

    /// Reads to the end, counting: what the packing says of sizes is not believed.
    fn read(&mut self, reader: impl Read, step: Step) -> Result<Vec<u8>, Fault> {
        let left = self.most().saturating_sub(self.out_bytes);
        let mut bytes = Vec::new();
        let read = reader.take(left.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| damaged(step, &error))?;
        if bytes.len() as u64 > left {
            return Err(self.too_much());
        }
        self.out_bytes += bytes.len() as u64;
        Ok(bytes)
    }

    fn too_much(&self) -> Fault {
        let mb = self.limits.bytes / 1024 / 1024;
        let (reason, key) = if self.most() == self.limits.bytes {
            (format!("more than {mb} MB come out of it"), "limits.mb")
        } else {
            let ratio = self.limits.ratio;
            (format!("more than {ratio} times its size come out of it, as of a bomb"), "limits.ratio")
        };
        let hint = format!(
            "ask the partner what the file is; if it is meant so, raise `{key}` of the channel, then release it"
        );
        Fault::file(reason, hint)
    }
}

/// What the bytes cannot be read as.
fn damaged(step: Step, error: &std::io::Error) -> Fault {
    let word = step.word();
    let hint = "ask the partner to send it again";
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        return Fault::file(format!("the {word} file is cut short: its end is missing"), hint);
    }
    Fault::file(format!("the {word} file is damaged: {error}"), hint)
}

/// A file that is not packed as the profile says.
fn not_packed(step: Step) -> Fault {
    let word = step.word();
    Fault::file(
        format!("it is no {word} file, as `unpack` of the channel says it must be"),
        "ask the partner to send it packed as agreed; plain files come on a channel of their own, told apart by `files`",
    )
}

fn without_ending(name: &str, endings: &[&str]) -> String {
    let lower = name.to_ascii_lowercase();
    let ending = endings.iter().find(|ending| lower.ends_with(*ending) && lower.len() > ending.len());
    let kept = ending.and_then(|ending| name.get(..name.len() - ending.len()));
    kept.unwrap_or(name).to_owned()
}

/// The last part of a name that somebody else chose, fit to be shown and stored. It never names a place of ours.
fn base_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).find(|part| !part.trim_matches(['.', ' ']).is_empty());
    shown(last.unwrap_or("unnamed"), 200)
}

/// A text of strangers in one line of so many bytes at most.
fn shown(text: &str, most_bytes: usize) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        let escaped = if character.is_control() || is_unseen(character) {
            character.escape_default().to_string()
        } else {
            character.to_string()
        };
        if shown.len() + escaped.len() > most_bytes {
            break;
        }
        shown.push_str(&escaped);
    }
    shown
}

/// Characters that turn the reading order or are not seen at all.
fn is_unseen(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests;
