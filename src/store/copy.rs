//! COPY: any number of rows into one table, sent while they are written.

use std::fmt::{Display, Write};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::postgres::PgCopyIn;

use super::Error;

/// What is sent in one go. Less than a socket holds, so that Postgres works on it while the next is written.
const PIECE_BYTES: usize = 64 * 1024;

/// Rows on their way into one table. Postgres takes all or none: one that is there already refuses all.
pub(super) struct Copy<'c> {
    into: PgCopyIn<&'c mut PgConnection>,
    what: &'static str,
    piece: String,
    /// Whether a field stands before the next in its row.
    within: bool,
}

impl<'c> Copy<'c> {
    /// Begins with `statement`, such as `copy t (a, b) from stdin`. `what` says what it does, should it fail.
    pub(super) async fn begin(
        connection: &'c mut PgConnection,
        what: &'static str,
        statement: &'static str,
    ) -> Result<Self, Error> {
        let into = connection.copy_in_raw(statement).await.map_err(Error::query(what))?;
        Ok(Self { into, what, piece: String::with_capacity(PIECE_BYTES + 16 * 1024), within: false })
    }

    /// Adds a text of a partner. NUL, which Postgres refuses, becomes the replacement character.
    pub(super) fn text(&mut self, value: Option<&str>) -> &mut Self {
        self.separate();
        let Some(value) = value else { return self.null() };
        if !value.bytes().any(|byte| matches!(byte, b'\\' | b'\t' | b'\n' | b'\r' | 0)) {
            self.piece.push_str(value);
            return self;
        }
        for character in value.chars() {
            match character {
                '\\' => self.piece.push_str("\\\\"),
                '\t' => self.piece.push_str("\\t"),
                '\n' => self.piece.push_str("\\n"),
                '\r' => self.piece.push_str("\\r"),
                '\0' => self.piece.push('\u{fffd}'),
                other => self.piece.push(other),
            }
        }
        self
    }

    /// Adds a number, a date, an id: anything whose text needs no escape.
    pub(super) fn plain(&mut self, value: Option<impl Display>) -> &mut Self {
        self.separate();
        match value {
            Some(value) => write!(self.piece, "{value}").expect("a string takes everything"),
            None => return self.null(),
        }
        self
    }

    /// Adds an instant.
    pub(super) fn instant(&mut self, value: DateTime<Utc>) -> &mut Self {
        self.plain(Some(value.format("%Y-%m-%dT%H:%M:%S%.6fZ")))
    }

    /// Ends a row.
    pub(super) async fn end_row(&mut self) -> Result<(), Error> {
        self.piece.push('\n');
        self.within = false;
        if self.piece.len() >= PIECE_BYTES {
            self.into.send(self.piece.as_bytes()).await.map_err(Error::query(self.what))?;
            self.piece.clear();
        }
        Ok(())
    }

    /// Ends the statement.
    pub(super) async fn finish(mut self) -> Result<(), Error> {
        if !self.piece.is_empty() {
            self.into.send(self.piece.as_bytes()).await.map_err(Error::query(self.what))?;
        }
        self.into.finish().await.map(drop).map_err(Error::query(self.what))
    }

    fn separate(&mut self) {
        if self.within {
            self.piece.push('\t');
        }
        self.within = true;
    }

    fn null(&mut self) -> &mut Self {
        self.piece.push_str("\\N");
        self
    }
}
