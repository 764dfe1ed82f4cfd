//! Acknowledgments: those awaited for what we sent, and those that came.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::text::{clean, clean_json};
use super::{AcknowledgmentNote, AcknowledgmentState, Error, Store, Work};

/// An acknowledgment to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewExpectedAcknowledgment {
    /// Derived from the file and the group.
    pub id: Uuid,
    /// Who must answer.
    pub partner_id: String,
    /// `997`, `999`, `TA1`, or what the profile says.
    pub level: String,
    /// GS01 of what we sent; empty for an interchange.
    pub functional_id: String,
    /// GS06 of what we sent; ISA13 for an interchange.
    pub group_control: i64,
    /// What we sent.
    pub file_id: Uuid,
    /// The delivery it goes with; the deadline runs from its arrival.
    pub delivery_id: Option<Uuid>,
    /// Time to answer.
    pub within_secs: i64,
    /// Deadline until it is delivered.
    pub due_at: DateTime<Utc>,
    /// The sets of the group.
    pub sets: Vec<ExpectedSet>,
}

/// A set of a group we sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedSet {
    /// ST01.
    pub set_id: String,
    /// ST02 as written.
    pub set_control: String,
    /// Its document.
    pub document_id: Uuid,
}

/// An awaited acknowledgment as it stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ExpectedAcknowledgmentRow {
    /// Its id.
    pub id: Uuid,
    /// Who must answer.
    pub partner_id: String,
    /// `997`, `999`, `TA1` …
    pub level: String,
    /// GS01 of what we sent.
    pub functional_id: String,
    /// GS06 of what we sent.
    pub group_control: i64,
    /// How many sets the group has.
    pub set_count: i32,
    /// What we sent.
    pub file_id: Uuid,
    /// The delivery it went with.
    pub delivery_id: Option<Uuid>,
    /// When it was sent.
    pub created_at: DateTime<Utc>,
    /// Deadline.
    pub due_at: DateTime<Utc>,
    /// Where it stands.
    pub state: AcknowledgmentState,
    /// When it came.
    pub settled_at: Option<DateTime<Utc>>,
}

/// A set of a group we sent, as it stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ExpectedSetRow {
    /// The group's expectation.
    pub expected_id: Uuid,
    /// ST01.
    pub set_id: String,
    /// ST02 as written.
    pub set_control: String,
    /// Its document.
    pub document_id: Uuid,
    /// Where it stands.
    pub state: AcknowledgmentState,
}

/// An awaited acknowledgment with its sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundExpectation {
    /// The group.
    pub row: ExpectedAcknowledgmentRow,
    /// Its sets, by control number.
    pub sets: Vec<ExpectedSetRow>,
}

/// What an answer makes of an expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The expectation.
    pub expected_id: Uuid,
    /// New state of the group.
    pub state: AcknowledgmentState,
    /// When the answer came.
    pub settled_at: DateTime<Utc>,
    /// New state of the sets: ST01, ST02, state. What is not named stays.
    pub sets: Vec<(String, String, AcknowledgmentState)>,
}

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
    /// What it says of the whole.
    pub status: AcknowledgmentState,
    /// What it says of each set, for people and reports.
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
    /// What it says of the whole.
    pub status: AcknowledgmentState,
    /// What it says of each set.
    pub sets: serde_json::Value,
    /// What it answers.
    pub expected_id: Option<Uuid>,
    /// What was odd about it.
    pub note: AcknowledgmentNote,
    /// The same in a sentence.
    pub detail: String,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

/// Which awaited acknowledgments to list; what is none does not matter.
#[derive(Clone, Debug, Default)]
pub struct AcknowledgmentFilter {
    /// Who must answer.
    pub partner_id: Option<String>,
    /// In this state.
    pub state: Option<AcknowledgmentState>,
    /// For this file.
    pub file_id: Option<Uuid>,
}

impl Work {
    /// Keeps what is to be waited for; the documents show it. Known ones stay as they are.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_expected_acknowledgments(
        &mut self,
        expected: &[NewExpectedAcknowledgment],
    ) -> Result<(), Error> {
        macro_rules! column {
            (|$new:ident| $value:expr) => {
                expected.iter().map(|$new| $value).collect::<Vec<_>>()
            };
        }
        let counts = column!(|new| i32::try_from(new.sets.len()).expect("a group in memory has fewer sets"));
        sqlx::query!(
            "insert into expected_acknowledgment (id, partner_id, level, functional_id, group_control, set_count,
                 file_id, delivery_id, within_secs, due_at)
             select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::integer[],
                 $7::uuid[], $8::uuid[], $9::bigint[], $10::timestamptz[])
             on conflict do nothing",
            &column!(|new| new.id),
            &column!(|new| new.partner_id.as_str()) as &[&str],
            &column!(|new| new.level.as_str()) as &[&str],
            &column!(|new| new.functional_id.as_str()) as &[&str],
            &column!(|new| new.group_control),
            &counts,
            &column!(|new| new.file_id),
            &column!(|new| new.delivery_id) as &[Option<Uuid>],
            &column!(|new| new.within_secs),
            &column!(|new| new.due_at),
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("keep awaited acknowledgments"))?;

        let sets: Vec<(Uuid, &ExpectedSet)> =
            expected.iter().flat_map(|new| new.sets.iter().map(|set| (new.id, set))).collect();
        let ids: Vec<Uuid> = sets.iter().map(|(id, _)| *id).collect();
        let set_ids: Vec<&str> = sets.iter().map(|(_, set)| set.set_id.as_str()).collect();
        let controls: Vec<&str> = sets.iter().map(|(_, set)| set.set_control.as_str()).collect();
        let documents: Vec<Uuid> = sets.iter().map(|(_, set)| set.document_id).collect();
        sqlx::query!(
            "with kept as (
                 insert into expected_acknowledgment_set (expected_id, set_id, set_control, document_id)
                 select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[])
                 on conflict do nothing returning document_id
             )
             update document d set acknowledgment = 'awaited' from kept where d.id = kept.document_id",
            &ids,
            &set_ids as &[&str],
            &controls as &[&str],
            &documents,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("keep the sets of awaited acknowledgments"))
    }

    /// The latest expectation of each of these group numbers, of one partner or of any, locked until the end of
    /// this work so that two answers do not miss each other. An empty functional id means interchanges.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_expected_acknowledgments(
        &mut self,
        partner_id: Option<&str>,
        functional_id: &str,
        group_controls: &[i64],
    ) -> Result<Vec<FoundExpectation>, Error> {
        let rows = sqlx::query_as!(
            ExpectedAcknowledgmentRow,
            r#"select id, partner_id, level, functional_id, group_control, set_count, file_id, delivery_id, created_at,
                   due_at, state as "state: AcknowledgmentState", settled_at
               from expected_acknowledgment
               where id in (
                   select distinct on (partner_id, level, group_control) id from expected_acknowledgment
                   where ($1::text is null or partner_id = $1) and functional_id = $2 and group_control = any($3)
                   order by partner_id, level, group_control, created_at desc, id)
               order by group_control, id for update"#,
            partner_id,
            functional_id,
            group_controls,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find awaited acknowledgments"))?;
        with_sets(self.connection(), rows).await
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
                 group_control, status, sets, expected_id, note, detail, received_at)
             select n.id, n.file_id, n.document_id, n.partner_id, n.kind, n.functional_id, n.group_control, n.status,
                 n.sets::jsonb, n.expected_id, n.note, n.detail, n.received_at
             from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::text[], $10::uuid[], $11::text[], $12::text[], $13::timestamptz[])
                 as n (id, file_id, document_id, partner_id, kind, functional_id, group_control, status, sets,
                     expected_id, note, detail, received_at)
             on conflict do nothing",
            &column!(|new| new.id),
            &column!(|new| new.file_id),
            &column!(|new| new.document_id) as &[Option<Uuid>],
            &column!(|new| new.partner_id.as_deref()) as &[Option<&str>],
            &column!(|new| new.kind.as_str()) as &[&str],
            &column!(|new| clean(&new.functional_id)) as &[std::borrow::Cow<'_, str>],
            &column!(|new| clean(&new.group_control)) as &[std::borrow::Cow<'_, str>],
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

    /// Writes what answers make of expectations, their sets and the documents in them.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn settle_expected_acknowledgments(&mut self, settlements: &[Settlement]) -> Result<(), Error> {
        let ids: Vec<Uuid> = settlements.iter().map(|settlement| settlement.expected_id).collect();
        let states: Vec<&str> = settlements.iter().map(|settlement| settlement.state.as_str()).collect();
        let times: Vec<DateTime<Utc>> = settlements.iter().map(|settlement| settlement.settled_at).collect();
        sqlx::query!(
            "update expected_acknowledgment e set state = n.state, settled_at = n.settled_at
             from unnest($1::uuid[], $2::text[], $3::timestamptz[]) as n (id, state, settled_at) where e.id = n.id",
            &ids,
            &states as &[&str],
            &times,
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("settle awaited acknowledgments"))?;

        let sets: Vec<(Uuid, &str, &str, AcknowledgmentState)> = settlements
            .iter()
            .flat_map(|settlement| {
                let sets = settlement.sets.iter();
                sets.map(|(id, control, state)| {
                    (settlement.expected_id, id.as_str(), control.as_str(), *state)
                })
            })
            .collect();
        let ids: Vec<Uuid> = sets.iter().map(|(id, ..)| *id).collect();
        let set_ids: Vec<&str> = sets.iter().map(|(_, id, ..)| *id).collect();
        let controls: Vec<&str> = sets.iter().map(|(_, _, control, _)| *control).collect();
        let states: Vec<&str> = sets.iter().map(|(.., state)| state.as_str()).collect();
        sqlx::query!(
            "with settled as (
                 update expected_acknowledgment_set s set state = n.state
                 from unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
                     as n (expected_id, set_id, set_control, state)
                 where s.expected_id = n.expected_id and s.set_id = n.set_id and s.set_control = n.set_control
                 returning s.document_id, s.state
             )
             update document d set acknowledgment = settled.state from settled where d.id = settled.document_id",
            &ids,
            &set_ids as &[&str],
            &controls as &[&str],
            &states as &[&str],
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("settle the sets of awaited acknowledgments"))
    }

    /// Marks what is awaited and late, and gives what became late now. What was never delivered is not late.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn mark_overdue(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<Vec<ExpectedAcknowledgmentRow>, Error> {
        sqlx::query_as!(
            ExpectedAcknowledgmentRow,
            r#"with late as (
                   update expected_acknowledgment e set state = 'overdue'
                   where e.state = 'awaited' and e.due_at < $1
                     and (e.delivery_id is null
                         or exists (select from delivery d where d.id = e.delivery_id and d.state = 'delivered'))
                   returning *
               ), sets as (
                   update expected_acknowledgment_set s set state = 'overdue' from late
                   where s.expected_id = late.id and s.state = 'awaited' returning s.document_id
               ), documents as (
                   update document d set acknowledgment = 'overdue' from sets where d.id = sets.document_id
               )
               select id as "id!", partner_id as "partner_id!", level as "level!", functional_id as "functional_id!",
                   group_control as "group_control!", set_count as "set_count!", file_id as "file_id!", delivery_id,
                   created_at as "created_at!", due_at as "due_at!", state as "state!: AcknowledgmentState", settled_at
               from late order by due_at, id"#,
            now,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("mark overdue acknowledgments"))
    }
}

impl Store {
    /// What is overdue at this instant, whether it is marked already or not, the longest overdue first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_overdue(&self, now: DateTime<Utc>) -> Result<Vec<ExpectedAcknowledgmentRow>, Error> {
        sqlx::query_as!(
            ExpectedAcknowledgmentRow,
            r#"select id, partner_id, level, functional_id, group_control, set_count, file_id, delivery_id, created_at,
                   due_at, state as "state: AcknowledgmentState", settled_at
               from expected_acknowledgment e
               where state in ('awaited', 'overdue') and due_at < $1
                 and (delivery_id is null
                     or exists (select from delivery d where d.id = e.delivery_id and d.state = 'delivered'))
               order by due_at, id"#,
            now,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("find overdue acknowledgments"))
    }

    /// Awaited and settled acknowledgments, the latest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_expected_acknowledgments(
        &self,
        filter: &AcknowledgmentFilter,
        limit: i64,
    ) -> Result<Vec<ExpectedAcknowledgmentRow>, Error> {
        sqlx::query_as!(
            ExpectedAcknowledgmentRow,
            r#"select id, partner_id, level, functional_id, group_control, set_count, file_id, delivery_id, created_at,
                   due_at, state as "state: AcknowledgmentState", settled_at
               from expected_acknowledgment
               where ($1::text is null or partner_id = $1) and ($2::text is null or state = $2)
                 and ($3::uuid is null or file_id = $3)
               order by created_at desc, id limit $4"#,
            filter.partner_id.as_deref(),
            filter.state.map(AcknowledgmentState::as_str),
            filter.file_id,
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list awaited acknowledgments"))
    }

    /// The sets of an awaited acknowledgment, by control number.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_expected_sets(&self, expected_id: Uuid) -> Result<Vec<ExpectedSetRow>, Error> {
        let mut connection = self.pool.acquire().await.map_err(Error::query("list sets"))?;
        list_sets(&mut connection, &[expected_id]).await
    }

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
            r#"select id, file_id, document_id, partner_id, kind, functional_id, group_control,
                   status as "status: AcknowledgmentState", sets, expected_id, note as "note: AcknowledgmentNote",
                   detail, received_at
               from received_acknowledgment where $1::uuid is null or expected_id = $1
               order by received_at desc, id limit $2"#,
            expected_id,
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list received acknowledgments"))
    }
}

async fn list_sets(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<ExpectedSetRow>, Error> {
    sqlx::query_as!(
        ExpectedSetRow,
        r#"select expected_id, set_id, set_control, document_id, state as "state: AcknowledgmentState"
           from expected_acknowledgment_set where expected_id = any($1)
           order by expected_id, set_control, set_id"#,
        ids,
    )
    .fetch_all(connection)
    .await
    .map_err(Error::query("list sets"))
}

async fn with_sets(
    connection: &mut PgConnection,
    rows: Vec<ExpectedAcknowledgmentRow>,
) -> Result<Vec<FoundExpectation>, Error> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut found: Vec<FoundExpectation> =
        rows.into_iter().map(|row| FoundExpectation { row, sets: Vec::new() }).collect();
    for set in list_sets(connection, &ids).await? {
        if let Some(group) = found.iter_mut().find(|group| group.row.id == set.expected_id) {
            group.sets.push(set);
        }
    }
    Ok(found)
}
