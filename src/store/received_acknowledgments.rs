//! Acknowledgments that came: kept as they were said and never changed.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::text::{clean, clean_json};
use super::{AcknowledgmentNote, AcknowledgmentState, Error, Store, Work};

/// An acknowledgment that came.
#[derive(Clone, Debug, PartialEq)]
pub struct NewReceivedAcknowledgment {
    /// Derived from the document and the group it answers.
    pub id: Uuid,
    /// The file it came in.
    pub file_id: Uuid,
    /// Its document; none for a TA1, which is part of the envelope.
    pub document_id: Option<Uuid>,
    /// Who sent it, if known.
    pub partner_id: Option<String>,
    /// `997`, `999`, `TA1` …
    pub kind: String,
    /// AK101; empty for a TA1.
    pub functional_id: String,
    /// AK102, or TA101, as written.
    pub group_control: String,
    /// AK901 or TA104 as written.
    pub code: String,
    /// Marked as a test (ISA15 T).
    pub test: bool,
    /// What that says of the whole.
    pub status: AcknowledgmentState,
    /// What it says of each set: `set`, `control_number`, `status` and where the faults are.
    pub sets: serde_json::Value,
    /// What it answers.
    pub expected_id: Option<Uuid>,
    /// What was odd about it.
    pub note: AcknowledgmentNote,
    /// The same in a sentence; may be empty.
    pub detail: String,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

/// A received acknowledgment as people see it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ReceivedAcknowledgmentRow {
    /// Its id.
    pub id: Uuid,
    /// The file it came in.
    pub file_id: Uuid,
    /// Its document.
    pub document_id: Option<Uuid>,
    /// Who sent it.
    pub partner_id: Option<String>,
    /// `997`, `999`, `TA1` …
    pub kind: String,
    /// AK101.
    pub functional_id: String,
    /// AK102 or TA101.
    pub group_control: String,
    /// AK901 or TA104.
    pub code: String,
    /// Marked as a test.
    pub test: bool,
    /// What it says of the whole.
    pub status: AcknowledgmentState,
    /// What it says of each set.
    pub sets: serde_json::Value,
    /// What it answers, from the beginning or since it was matched.
    pub expected_id: Option<Uuid>,
    /// What was odd about it when it came.
    pub note: AcknowledgmentNote,
    /// The same in a sentence.
    pub detail: String,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// When it was matched, if it was parked until then.
    pub matched_at: Option<DateTime<Utc>>,
}

/// What a parked acknowledgment turned out to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMatch {
    /// The acknowledgment.
    pub received_id: Uuid,
    /// What it answers.
    pub expected_id: Uuid,
    /// When that was found out.
    pub matched_at: DateTime<Utc>,
    /// What it made of it.
    pub detail: String,
}

impl Work {
    /// GS01 of what was sent to this partner under this group number, to tell an answer of the wrong kind.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_functional_ids(
        &mut self,
        partner_id: &str,
        test: bool,
        group_control: i64,
    ) -> Result<Vec<String>, Error> {
        sqlx::query_scalar!(
            "select distinct functional_id from expected_acknowledgment
             where partner_id = $1 and group_control = $2 and test = $3 and functional_id <> '' order by 1",
            partner_id,
            group_control,
            test,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find groups by number"))
    }

    /// Another partner who owes an answer to a group of this number.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_whose_group(
        &mut self,
        functional_id: &str,
        group_control: i64,
        not_partner_id: &str,
    ) -> Result<Option<String>, Error> {
        sqlx::query_scalar!(
            "select partner_id from expected_acknowledgment
             where group_control = $2 and functional_id = $1 and state in ('awaited', 'overdue') and partner_id <> $3
             order by created_at desc, id limit 1",
            &clean(functional_id),
            group_control,
            not_partner_id,
        )
        .fetch_optional(self.connection())
        .await
        .map_err(Error::query("find whose group it is"))
    }

    /// Keeps acknowledgments that came. They are never changed.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_received_acknowledgments(
        &mut self,
        received: &[NewReceivedAcknowledgment],
    ) -> Result<(), Error> {
        macro_rules! column {
            (|$new:ident| $value:expr) => {
                received.iter().map(|$new| $value).collect::<Vec<_>>()
            };
        }
        sqlx::query!(
            "insert into received_acknowledgment (id, file_id, document_id, partner_id, kind, functional_id,
                 group_control, code, test, status, sets, expected_id, note, detail, received_at)
             select n.id, n.file_id, n.document_id, n.partner_id, n.kind, n.functional_id, n.group_control, n.code,
                 n.test, n.status, n.sets::jsonb, n.expected_id, n.note, n.detail, n.received_at
             from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::boolean[], $10::text[], $11::text[], $12::uuid[], $13::text[], $14::text[],
                     $15::timestamptz[])
                 as n (id, file_id, document_id, partner_id, kind, functional_id, group_control, code, test, status,
                     sets, expected_id, note, detail, received_at)
             on conflict do nothing",
            &column!(|new| new.id),
            &column!(|new| new.file_id),
            &column!(|new| new.document_id) as &[Option<Uuid>],
            &column!(|new| new.partner_id.as_deref()) as &[Option<&str>],
            &column!(|new| new.kind.as_str()) as &[&str],
            &column!(|new| clean(&new.functional_id)) as &[std::borrow::Cow<'_, str>],
            &column!(|new| clean(&new.group_control)) as &[std::borrow::Cow<'_, str>],
            &column!(|new| clean(&new.code)) as &[std::borrow::Cow<'_, str>],
            &column!(|new| new.test),
            &column!(|new| new.status.as_str()) as &[&str],
            &column!(|new| clean_json(new.sets.to_string())) as &[String],
            &column!(|new| new.expected_id) as &[Option<Uuid>],
            &column!(|new| new.note.as_str()) as &[&str],
            &column!(|new| clean(&new.detail)) as &[std::borrow::Cow<'_, str>],
            &column!(|new| new.received_at),
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("keep received acknowledgments"))
    }

    /// All that was said of these expectations so far, the first that came first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_answers(
        &mut self,
        expected_ids: &[Uuid],
    ) -> Result<Vec<ReceivedAcknowledgmentRow>, Error> {
        sqlx::query_as!(
            ReceivedAcknowledgmentRow,
            r#"select r.id, r.file_id, r.document_id, r.partner_id, r.kind, r.functional_id, r.group_control, r.code,
                   r.test, r.status as "status: AcknowledgmentState", r.sets, a.expected_id as "expected_id?",
                   r.note as "note: AcknowledgmentNote", r.detail, r.received_at, a.matched_at as "matched_at?"
               from (
                   select id, expected_id, null::timestamptz as matched_at from received_acknowledgment
                   where expected_id = any($1)
                   union all
                   select received_id, expected_id, matched_at from matched_acknowledgment where expected_id = any($1)
               ) a join received_acknowledgment r on r.id = a.id
               order by r.received_at, r.id"#,
            expected_ids,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list what was answered"))
    }

    /// Acknowledgments received since `since` that answer nothing known yet, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_parked_acknowledgments(
        &mut self,
        since: DateTime<Utc>,
    ) -> Result<Vec<ReceivedAcknowledgmentRow>, Error> {
        sqlx::query_as!(
            ReceivedAcknowledgmentRow,
            r#"select id, file_id, document_id, partner_id, kind, functional_id, group_control, code, test,
                   status as "status: AcknowledgmentState", sets, expected_id, note as "note: AcknowledgmentNote",
                   detail, received_at, null::timestamptz as matched_at
               from received_acknowledgment r
               where note = 'unmatched' and received_at >= $1
                 and not exists (select from matched_acknowledgment m where m.received_id = r.id)
               order by received_at, id limit 1000"#,
            since,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list parked acknowledgments"))
    }

    /// Records what parked acknowledgments answer.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_matches(&mut self, matches: &[NewMatch]) -> Result<(), Error> {
        for new in matches {
            sqlx::query!(
                "insert into matched_acknowledgment (received_id, expected_id, matched_at, detail)
                 values ($1, $2, $3, $4) on conflict do nothing",
                new.received_id,
                new.expected_id,
                new.matched_at,
                &clean(&new.detail),
            )
            .execute(self.connection())
            .await
            .map_err(Error::query("record a match"))?;
        }
        Ok(())
    }
}

impl Store {
    /// Acknowledgments that came, the latest first; all, or those that answer one expectation.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_received_acknowledgments(
        &self,
        expected_id: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<ReceivedAcknowledgmentRow>, Error> {
        sqlx::query_as!(
            ReceivedAcknowledgmentRow,
            r#"select r.id, r.file_id, r.document_id, r.partner_id, r.kind, r.functional_id, r.group_control, r.code,
                   r.test, r.status as "status: AcknowledgmentState", r.sets,
                   coalesce(r.expected_id, m.expected_id) as "expected_id?", r.note as "note: AcknowledgmentNote",
                   r.detail, r.received_at, m.matched_at as "matched_at?"
               from received_acknowledgment r left join matched_acknowledgment m on m.received_id = r.id
               where $1::uuid is null or r.id in (
                   select id from received_acknowledgment where expected_id = $1
                   union all select received_id from matched_acknowledgment where expected_id = $1)
               order by r.received_at desc, r.id limit $2"#,
            expected_id,
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list received acknowledgments"))
    }
}
