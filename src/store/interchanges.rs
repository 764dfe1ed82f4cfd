//! Interchanges: the envelopes of X12 files, each known by its parties and number.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use uuid::Uuid;

use super::text::clean;
use super::{Direction, Error, Usage, Work};

/// An interchange of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInterchange {
    /// Derived from the file and the ordinal.
    pub id: Uuid,
    /// The file it is in.
    pub file_id: Uuid,
    /// Place in the file, the first is 1.
    pub ordinal: i32,
    /// Seen from us.
    pub direction: Direction,
    /// The other side, if known.
    pub partner_id: Option<String>,
    /// Who sent it to whom under which number.
    pub key: InterchangeKey,
    /// ISA15.
    pub usage: Option<Usage>,
    /// ISA09.
    pub date: Option<NaiveDate>,
    /// ISA10, in the sender's unnamed zone.
    pub time: Option<NaiveTime>,
    /// ISA12.
    pub version: String,
    /// When its file came or was composed.
    pub received_at: DateTime<Utc>,
}

/// What names an interchange: ISA05 to ISA08 and ISA13.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InterchangeKey {
    /// ISA05.
    pub sender_qualifier: String,
    /// ISA06, without the blanks behind it.
    pub sender_id: String,
    /// ISA07.
    pub receiver_qualifier: String,
    /// ISA08, without the blanks behind it.
    pub receiver_id: String,
    /// ISA13 as written.
    pub control_number: String,
}

impl InterchangeKey {
    /// As one text, which no other key has.
    fn joined(&self) -> String {
        [
            &self.sender_qualifier,
            &self.sender_id,
            &self.receiver_qualifier,
            &self.receiver_id,
            &self.control_number,
        ]
        .map(|part| clean(part))
        .join("\u{1f}")
    }
}

/// An interchange that was stored before.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct InterchangeRow {
    /// Its id.
    pub id: Uuid,
    /// The file it is in.
    pub file_id: Uuid,
    /// ISA09.
    pub interchange_date: Option<NaiveDate>,
    /// ISA10.
    pub interchange_time: Option<NaiveTime>,
    /// When it was received or composed.
    pub received_at: DateTime<Utc>,
}

/// What came before of the two parties of a key.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct FoundInterchanges {
    /// The first with the same key.
    pub same: Option<InterchangeRow>,
    /// Where the key is the first of its parties: the number of the last one that came before, and its file.
    pub last: Option<(String, Uuid)>,
}

impl Work {
    /// For each key and the time when its file came, the first interchange with it that was stored before, and for the
    /// first key of two parties the last of theirs that came before; other than those of `except_files`.
    ///
    /// Others who look for the same keys wait for this work to end, so that of two copies one is the first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_interchanges(
        &mut self,
        keys: &[(InterchangeKey, DateTime<Utc>)],
        except_files: &[Uuid],
    ) -> Result<Vec<FoundInterchanges>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut locks: Vec<String> = keys.iter().map(|(key, _)| key.joined()).collect();
        // The same order everywhere, or two works lock each other out.
        locks.sort();
        locks.dedup();
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended(k.key, 2))
             from unnest($1::text[]) with ordinality as k (key, position) order by k.position",
            &locks,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("lock interchanges' keys"))?;
        macro_rules! column {
            ($field:ident) => {
                keys.iter().map(|(key, _)| clean(&key.$field)).collect::<Vec<_>>()
            };
        }
        let rows = sqlx::query!(
            r#"with n as (
                   select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $7::timestamptz[])
                       with ordinality as n (sender_qualifier, sender_id, receiver_qualifier, receiver_id, number, came,
                           position)),
               first as (
                   select distinct on (sender_qualifier, sender_id, receiver_qualifier, receiver_id) *
                   from n order by sender_qualifier, sender_id, receiver_qualifier, receiver_id, position)
               select n.position as "position!", i.id as "id?", i.file_id as "file_id?", i.interchange_date,
                   i.interchange_time, i.received_at as "received_at?", l.control_number as "last?", l.file_id as "last_file?"
               from n
               left join lateral (
                   select id, file_id, interchange_date, interchange_time, received_at from interchange
                   where sender_qualifier = n.sender_qualifier and sender_id = n.sender_id
                     and receiver_qualifier = n.receiver_qualifier and receiver_id = n.receiver_id
                     and control_number = n.number and file_id <> all($6)
                   order by received_at, id limit 1) i on true
               left join first on first.position = n.position
               left join lateral (
                   select control_number, file_id from interchange
                   where sender_qualifier || chr(31) || sender_id || chr(31) || receiver_qualifier || chr(31)
                           || receiver_id
                       = first.sender_qualifier || chr(31) || first.sender_id || chr(31) || first.receiver_qualifier
                           || chr(31) || first.receiver_id
                     and received_at < first.came and file_id <> all($6)
                   order by received_at desc limit 1) l on true"#,
            &column!(sender_qualifier) as &[std::borrow::Cow<'_, str>],
            &column!(sender_id) as &[std::borrow::Cow<'_, str>],
            &column!(receiver_qualifier) as &[std::borrow::Cow<'_, str>],
            &column!(receiver_id) as &[std::borrow::Cow<'_, str>],
            &column!(control_number) as &[std::borrow::Cow<'_, str>],
            except_files,
            &keys.iter().map(|(_, came)| *came).collect::<Vec<_>>(),
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find interchanges"))?;
        let mut found = vec![FoundInterchanges::default(); keys.len()];
        for row in rows {
            let place = usize::try_from(row.position - 1).ok().and_then(|place| found.get_mut(place));
            if let Some(place) = place {
                if let (Some(id), Some(file_id), Some(received_at)) = (row.id, row.file_id, row.received_at) {
                    let (interchange_date, interchange_time) = (row.interchange_date, row.interchange_time);
                    let same =
                        InterchangeRow { id, file_id, interchange_date, interchange_time, received_at };
                    place.same = Some(same);
                }
                place.last = row.last.zip(row.last_file);
            }
        }
        Ok(found)
    }

    /// Keeps interchanges, any number in one statement. Known ones stay as they are.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_interchanges(&mut self, interchanges: &[NewInterchange]) -> Result<(), Error> {
        if interchanges.is_empty() {
            return Ok(());
        }
        macro_rules! column {
            (|$new:ident| $value:expr) => {
                interchanges.iter().map(|$new| $value).collect::<Vec<_>>()
            };
        }
        sqlx::query!(
            "insert into interchange (id, file_id, ordinal, direction, partner_id, sender_qualifier, sender_id,
                 receiver_qualifier, receiver_id, control_number, usage, interchange_date, interchange_time,
                 version, received_at)
             select * from unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[],
                 $8::text[], $9::text[], $10::text[], $11::text[], $12::date[], $13::time[], $14::text[],
                 $15::timestamptz[])
             on conflict do nothing",
            &column!(|new| new.id),
            &column!(|new| new.file_id),
            &column!(|new| new.ordinal),
            &column!(|new| new.direction.as_str()) as &[&str],
            &column!(|new| new.partner_id.as_deref()) as &[Option<&str>],
            &column!(|new| clean(&new.key.sender_qualifier)) as &[std::borrow::Cow<'_, str>],
            &column!(|new| clean(&new.key.sender_id)) as &[std::borrow::Cow<'_, str>],
            &column!(|new| clean(&new.key.receiver_qualifier)) as &[std::borrow::Cow<'_, str>],
            &column!(|new| clean(&new.key.receiver_id)) as &[std::borrow::Cow<'_, str>],
            &column!(|new| clean(&new.key.control_number)) as &[std::borrow::Cow<'_, str>],
            &column!(|new| new.usage.map(Usage::as_str)) as &[Option<&str>],
            &column!(|new| new.date) as &[Option<NaiveDate>],
            &column!(|new| new.time) as &[Option<NaiveTime>],
            &column!(|new| clean(&new.version)) as &[std::borrow::Cow<'_, str>],
            &column!(|new| new.received_at),
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("keep interchanges"))
    }
}
