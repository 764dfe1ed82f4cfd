//! Formats: how bytes are arranged. Each reads into a [`crate::tree::Tree`] and writes from one.

pub mod delimited;
pub mod fixed_width;
pub mod json;
pub mod x12;
pub mod xml;

/// What the first bytes of a file say about its format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// Nothing but blanks.
    Empty,
    /// It begins with an ISA.
    X12,
    /// It begins with `<`.
    Xml,
    /// Something that is no document of trading partners: an archive, a picture, a program.
    Foreign(&'static str),
    /// Anything else; flat files have no mark of their own.
    Flat,
}

const FOREIGN: &[(&[u8], &str)] = &[
    (b"PK\x03\x04", "a zip archive or spreadsheet"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"-----BEGIN PGP", "a PGP message"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
];

/// Looks at the start of a file.
#[must_use]
pub fn look(bytes: &[u8]) -> Looks {
    let start = start(bytes);
    if let Some((_, what)) = FOREIGN.iter().find(|(mark, _)| bytes.starts_with(mark)) {
        return Looks::Foreign(what);
    }
    match start.first() {
        None => Looks::Empty,
        Some(b'<') => Looks::Xml,
        Some(_)
            if start.starts_with(b"ISA")
                && start.get(3).is_some_and(|byte| !byte.is_ascii_alphanumeric()) =>
        {
            Looks::X12
        }
        Some(_) => Looks::Flat,
    }
}

/// Whether the format's own end is there, as far as the last bytes can tell. A flat file has no end of its own.
#[must_use]
pub fn is_whole(bytes: &[u8]) -> bool {
    let end = bytes.iter().rposition(|byte| !matches!(byte, b' ' | b'\r' | b'\n' | b'\t' | 0 | 0x1a));
    let body = end.and_then(|end| bytes.get(..=end)).unwrap_or_default();
    match look(bytes) {
        Looks::Empty => false,
        Looks::Xml => body.ends_with(b">"),
        Looks::X12 => {
            // An IEA has at most 3 + 1 + 5 + 1 + 9 characters and its terminator.
            let tail = body.get(body.len().saturating_sub(24)..).unwrap_or(body);
            let newline_ends = bytes.get(body.len()).is_some_and(|byte| matches!(byte, b'\n' | b'\r'));
            let closed = newline_ends || body.last().is_some_and(|byte| !byte.is_ascii_alphanumeric());
            closed && tail.windows(3).any(|window| window == b"IEA")
        }
        Looks::Foreign(_) | Looks::Flat => true,
    }
}

fn start(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = bytes.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(bytes.len());
    bytes.get(first..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_seen_where_the_format_has_one() {
        let isa = "ISA*00*          *00*          *ZZ*A              *ZZ*B              *261125*0930*U*00401*000000001*0*P*>";
        for (file, whole) in [
            (format!("{isa}~IEA*0*000000001~\r\n\u{1a}"), true),
            (format!("{isa}\nIEA*0*000000001\n"), true),
            (format!("{isa}~GS*IN*A*B*20261125*0930*1*X*004010~"), false),
            (format!("{isa}~IEA*0*0000"), false),
            ("<a><b/></a>\n".to_owned(), true),
            ("<a><b".to_owned(), false),
            ("order;1\n".to_owned(), true),
            ("  \n".to_owned(), false),
        ] {
            assert_eq!(is_whole(file.as_bytes()), whole, "{file}");
        }
        assert_eq!(look(b"PK\x03\x04xx"), Looks::Foreign("a zip archive or spreadsheet"));
    }
}
