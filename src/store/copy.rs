//! COPY: any number of rows into one table, sent while they are written. In the binary form, which neither side has to
//! format and parse; what is sent must be of the column's own type.

use sqlx::encode::{Encode, IsNull};
use sqlx::postgres::{PgArgumentBuffer, PgCopyIn};
use sqlx::{Connection, PgConnection, Postgres, Transaction};

use super::Error;
use super::text::{clean, clean_json};

/// From so many rows on COPY costs less than an insert, which is one statement and not six.
pub(super) const MANY: usize = 500;

/// What is sent in one go. Less than a socket holds, so that Postgres works on it while the next is written.
const PIECE_BYTES: usize = 64 * 1024;

/// What the binary form begins with: its mark, no flags, no extension.
const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// The length of a field that is null.
const NULL: i32 = -1;

/// An attempt to copy rows that are new as a rule: if one of them is there already, none is written.
#[derive(Debug)]
pub(super) struct Attempt<'c> {
    savepoint: Transaction<'c, Postgres>,
    what: &'static str,
}

impl<'c> Attempt<'c> {
    /// Begins within the transaction that is open on the connection. `what` says what it does, should it fail.
    pub(super) async fn begin(connection: &'c mut PgConnection, what: &'static str) -> Result<Self, Error> {
        let savepoint = connection.begin().await.map_err(Error::query(what))?;
        Ok(Self { savepoint, what })
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.savepoint
    }

    /// Ends with what copying came to. False if a row was there already.
    pub(super) async fn end(self, copied: Result<(), Error>) -> Result<bool, Error> {
        match copied {
            Ok(()) => self.savepoint.commit().await.map(|()| true).map_err(Error::query(self.what)),
            Err(error) if error.is_there_already() => {
                self.savepoint.rollback().await.map(|()| false).map_err(Error::query(self.what))
            }
            Err(error) => Err(error),
        }
    }
}

/// Rows on their way into one table. Postgres takes all or none: one that is there already refuses all.
pub(super) struct Copy<'c> {
    into: PgCopyIn<&'c mut PgConnection>,
    what: &'static str,
    piece: PgArgumentBuffer,
    /// Where the row begins that is being written, and its fields so far.
    row: (usize, i16),
}

impl<'c> Copy<'c> {
    /// Begins with `statement`, such as `copy t (a, b) from stdin (format binary)`. `what` says what it does, should it
    /// fail.
    pub(super) async fn begin(
        connection: &'c mut PgConnection,
        what: &'static str,
        statement: &'static str,
    ) -> Result<Self, Error> {
        let into = connection.copy_in_raw(statement).await.map_err(Error::query(what))?;
        let mut piece = PgArgumentBuffer::default();
        piece.reserve(PIECE_BYTES + 16 * 1024);
        piece.extend_from_slice(HEADER);
        let mut copy = Self { into, what, piece, row: (0, 0) };
        copy.begin_row();
        Ok(copy)
    }

    /// Adds a text of a partner. NUL, which Postgres refuses, becomes the replacement character.
    pub(super) fn text(&mut self, value: Option<&str>) -> &mut Self {
        self.field(|piece| {
            let Some(value) = value else { return IsNull::Yes };
            piece.extend_from_slice(clean(value).as_bytes());
            IsNull::No
        })
    }

    /// Adds what is kept as `jsonb`.
    pub(super) fn json(&mut self, value: &serde_json::Value) -> &mut Self {
        self.field(|piece| {
            // The version of the form.
            piece.push(1);
            piece.extend_from_slice(clean_json(value.to_string()).as_bytes());
            IsNull::No
        })
    }

    /// Adds a number, a day, an instant, an id, a yes or no.
    pub(super) fn value<'q>(&mut self, value: Option<impl Encode<'q, Postgres>>) -> &mut Self {
        self.field(|piece| match value {
            Some(value) => value.encode(piece).expect("numbers, days and ids have a form"),
            None => IsNull::Yes,
        })
    }

    /// Ends a row.
    pub(super) async fn end_row(&mut self) -> Result<(), Error> {
        let (at, fields) = self.row;
        self.set(at, fields.to_be_bytes());
        if self.piece.len() >= PIECE_BYTES {
            self.into.send(&self.piece[..]).await.map_err(Error::query(self.what))?;
            self.piece.clear();
        }
        self.begin_row();
        Ok(())
    }

    /// Ends the statement.
    pub(super) async fn finish(mut self) -> Result<(), Error> {
        // In place of a row.
        self.set(self.row.0, (-1_i16).to_be_bytes());
        self.into.send(&self.piece[..]).await.map_err(Error::query(self.what))?;
        self.into.finish().await.map(drop).map_err(Error::query(self.what))
    }

    fn begin_row(&mut self) {
        self.row = (self.piece.len(), 0);
        self.piece.extend_from_slice(&0_i16.to_be_bytes());
    }

    /// Adds a field, its length before it.
    fn field(&mut self, write: impl FnOnce(&mut PgArgumentBuffer) -> IsNull) -> &mut Self {
        let at = self.piece.len();
        self.piece.extend_from_slice(&NULL.to_be_bytes());
        let begin = self.piece.len();
        if let IsNull::No = write(&mut self.piece) {
            let length = i32::try_from(self.piece.len() - begin).expect("a field is shorter than 2 GiB");
            self.set(at, length.to_be_bytes());
        }
        self.row.1 += 1;
        self
    }

    fn set<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        self.piece.get_mut(at..at + N).expect("it was written before").copy_from_slice(&bytes);
    }
}
