//! File names as bytes, checked so that they cannot lead elsewhere, shown so that they cannot deceive.

use std::ffi::OsStr;
use std::fmt;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::str::FromStr;

/// The name of one file within its folder: 1 to 255 bytes, kept exactly, of any encoding.
///
/// It holds no `/` and no NUL, is not `.` or `..`, and climbs nowhere by Windows rules either. It may
/// hold anything else, line ends included: show it through `Display`, which escapes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(Vec<u8>);

/// Why a name is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// No bytes at all.
    #[error("the name is empty")]
    Empty,
    /// More than 255 bytes, the limit of our file systems.
    #[error("the name is longer than 255 bytes")]
    TooLong,
    /// A separator, a NUL or a parent folder in it.
    #[error("the name leads to another folder")]
    LeadsElsewhere,
}

impl FileName {
    /// Accepts the bytes as a name, or says why not.
    ///
    /// # Errors
    /// When the name is empty, too long, or would lead to another folder.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadName> {
        if bytes.is_empty() {
            return Err(BadName::Empty);
        }
        if bytes.len() > 255 {
            return Err(BadName::TooLong);
        }
        let climbs = bytes.split(|&byte| byte == b'\\').any(|part| part == b".." || part == b".");
        if climbs || bytes.starts_with(b"\\") || bytes.iter().any(|&b| b == b'/' || b == 0) {
            return Err(BadName::LeadsElsewhere);
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The bytes as the other side gave them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name for calls of the operating system.
    #[must_use]
    pub fn as_os_str(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }
}

impl FromStr for FileName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileName({})", shown(&self.0))
    }
}

/// Bytes of a stranger as one line of text: what is not printable is escaped.
pub(super) fn shown(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || deceives(character) {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").expect("a string takes any text");
        }
    }
    text
}

/// Characters that turn the reading order or are not seen at all.
fn deceives(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for bad in ["", ".", "..", "a/b", "/etc/passwd", "..\\boot.ini", "a\\..\\b", "\\\\host\\x", "a\0b"] {
            assert!(FileName::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert_eq!(FileName::parse(&[b'a'; 256]), Err(BadName::TooLong));
    }

    #[test]
    fn odd_names_are_kept_and_shown_escaped() {
        let name = FileName::parse(b"po\n\x1b[2J\xff\xe2\x80\xaefdp.edi").expect("odd but harmless");
        assert_eq!(name.as_bytes().len(), 18);
        assert_eq!(name.to_string(), "po\\n\\u{1b}[2J\\xff\\u{202e}fdp.edi");
        for plain in ["CON.edi", "a:b", "PO.edi.", "Bestellung ä.edi"] {
            assert_eq!(plain.parse::<FileName>().expect("plain").to_string(), plain);
        }
        assert!(FileName::parse(&[b'a'; 255]).is_ok());
    }
}
