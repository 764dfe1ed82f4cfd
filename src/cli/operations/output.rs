//! How commands print: a table or one JSON value, and nothing that a partner wrote may steer a terminal.
#![expect(clippy::print_stdout, reason = "commands speak to people")]

use super::super::status::table;
use crate::formats::x12::passwords::without_passwords;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write as _;

/// Bytes of a body that `--body` shows.
const SHOWN_BODY_BYTES: usize = 2_000;

/// Prints rows as a table, or as a JSON array.
pub(super) fn list<T: Serialize>(
    rows: &[T],
    json: bool,
    what: &str,
    header: &[&str],
    cells: impl Fn(&T) -> Vec<String>,
) -> anyhow::Result<()> {
    if json {
        return self::json(&rows);
    }
    if rows.is_empty() {
        println!("no {what}");
        return Ok(());
    }
    let mut table = table(header);
    for row in rows {
        table.add_row(cells(row).iter().map(|cell| plain(cell)).collect::<Vec<_>>());
    }
    println!("{table}");
    Ok(())
}

/// Prints one value as JSON.
pub(super) fn json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    write(&text)
}

/// Prints text; a closed pipe leaves nobody to tell.
pub(super) fn write(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

/// Text with control characters made visible: what partners write must not move the cursor or forge a line.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{0}'..='\u{1f}' => char::from_u32(u32::from(c) + 0x2400).unwrap_or('\u{fffd}'),
            '\u{7f}' => '\u{2421}',
            // C1 controls, and marks that turn the direction of what follows.
            '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// An instant as people read it.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A word of the database with blanks.
pub(super) fn words(word: impl ToString) -> String {
    word.to_string().replace('_', " ")
}

/// The first bytes of a body for people: line ends stay, other control characters are made visible, passwords are not.
pub(super) fn body(bytes: &[u8]) -> String {
    let first = bytes.get(..SHOWN_BODY_BYTES).unwrap_or(bytes);
    let hidden = without_passwords(first);
    let text = String::from_utf8_lossy(&hidden);
    let mut shown: String = text.lines().map(plain).collect::<Vec<_>>().join("\n");
    if first.len() < bytes.len() {
        shown.push_str(&format!("\n… and {} bytes more", bytes.len() - first.len()));
    }
    shown
}

/// Text that is gathered line by line, indented by what it belongs to.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// Adds a line, `depth` steps in.
    pub(super) fn line(&mut self, depth: usize, text: impl AsRef<str>) {
        let indent = "  ".repeat(depth);
        writeln!(self.text, "{indent}{}", plain(text.as_ref())).expect("memory takes all text");
    }

    /// Adds a line with a name before it, unless there is nothing to say.
    pub(super) fn field(&mut self, depth: usize, name: &str, value: impl AsRef<str>) {
        let value = value.as_ref();
        if !value.is_empty() {
            self.line(depth, format!("{name}: {value}"));
        }
    }

    /// Adds text of several lines as it is.
    pub(super) fn block(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Prints it.
    pub(super) fn print(&self) -> anyhow::Result<()> {
        write(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_partners_write_does_not_steer_a_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc\u{9b}d\u{202e}e"), "a␛[2Jb␊c\u{fffd}d\u{fffd}e");
        assert_eq!(body(b"ISA*\x1b\nGS*"), "ISA*␛\nGS*");
        let isa = b"ISA*00*          *01*SECRET1234*ZZ*A*ZZ*B~";
        assert_eq!(body(isa), "ISA*00*          *01*##########*ZZ*A*ZZ*B~");
        assert!(body(&[b'x'; 2_100]).ends_with("x\n… and 100 bytes more"));
    }
}
