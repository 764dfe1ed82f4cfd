//! Acknowledgments awaited for what we sent, and where they stand.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::text::clean;
use super::{AcknowledgmentState, Error, Store, Work};

/// An acknowledgment to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewExpectedAcknowledgment {
    /// Derived from the file and the group.
    pub id: Uuid,
    /// Who must answer.
    pub partner_id: String,
    /// The agreement that it was sent under.
    pub agreement: Option<String>,
    /// `997`, `999`, `TA1`, or a [`super::ReceiptLevel`].
    pub level: String,
    /// GS01 of what we sent; empty for an interchange.
    pub functional_id: String,
    /// GS06 of what we sent; ISA13 for an interchange.
    pub group_control: i64,
    /// ISA13 of the interchange it is in.
    pub interchange_control: i64,
    /// Sent as a test.
    pub test: bool,
    /// Whether nothing more goes to this partner while it is overdue.
    pub hold: bool,
    /// What we sent.
    pub file_id: Uuid,
    /// The delivery it goes with; the deadline runs from its arrival.
    pub delivery_id: Option<Uuid>,
    /// Time to answer, where it can be added up.
    pub within_secs: i64,
    /// Else how it is counted by the partner's calendar.
    pub due_rule: Option<String>,
    /// Deadline until it is delivered.
    pub due_at: DateTime<Utc>,
    /// The sets of the group.
    pub sets: Vec<ExpectedSet>,
}

/// An overdue acknowledgment that holds a delivery back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// What is held.
    pub delivery_id: Uuid,
    /// Who must answer.
    pub partner_id: String,
    /// GS01 of what we sent.
    pub functional_id: String,
    /// GS06 of what we sent.
    pub group_control: i64,
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
    /// The agreement that it was sent under.
    pub agreement: Option<String>,
    /// `997`, `999`, `TA1` …
    pub level: String,
    /// GS01 of what we sent.
    pub functional_id: String,
    /// GS06 of what we sent.
    pub group_control: i64,
    /// ISA13 of the interchange it is in.
    pub interchange_control: i64,
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
    /// Reminders told since it is overdue.
    pub reminders: i32,
    /// When the next in charge was told.
    pub escalated_at: Option<DateTime<Utc>>,
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
    /// The number people know the document by.
    pub business_number: Option<String>,
    /// The buyer's order number.
    pub purchase_order_number: Option<String>,
    /// The depositor's order number.
    pub order_number: Option<String>,
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
            "insert into expected_acknowledgment (id, partner_id, level, functional_id, group_control,
                 interchange_control, test, hold, set_count, file_id, delivery_id, within_secs, due_at, due_rule, agreement)
             select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
                 $7::boolean[], $8::boolean[], $9::integer[], $10::uuid[], $11::uuid[], $12::bigint[],
                 $13::timestamptz[], $14::text[], $15::text[])
             on conflict do nothing",
            &column!(|new| new.id),
            &column!(|new| new.partner_id.as_str()) as &[&str],
            &column!(|new| new.level.as_str()) as &[&str],
            &column!(|new| new.functional_id.as_str()) as &[&str],
            &column!(|new| new.group_control),
            &column!(|new| new.interchange_control),
            &column!(|new| new.test),
            &column!(|new| new.hold),
            &counts,
            &column!(|new| new.file_id),
            &column!(|new| new.delivery_id) as &[Option<Uuid>],
            &column!(|new| new.within_secs),
            &column!(|new| new.due_at),
            &column!(|new| new.due_rule.as_deref()) as &[Option<&str>],
            &column!(|new| new.agreement.as_deref()) as &[Option<&str>],
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

    /// What is awaited of one partner for the interchanges that these groups (GS01 and GS06) and interchanges
    /// (ISA13) are in, all levels, locked until the end of this work so that two answers do not miss each other.
    /// Of a number that is used under several agreements, that of this one is meant; of one that came round again, the
    /// latest that was not held back.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_expected_acknowledgments(
        &mut self,
        (partner_id, agreement): (&str, Option<&str>),
        test: bool,
        groups: &[(String, i64)],
        interchanges: &[i64],
    ) -> Result<Vec<FoundExpectation>, Error> {
        let ids: Vec<_> = groups.iter().map(|(id, _)| clean(id)).collect();
        let ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
        let numbers: Vec<i64> = groups.iter().map(|(_, number)| *number).collect();
        let rows = sqlx::query_as!(
            ExpectedAcknowledgmentRow,
            r#"with meant as (
                   select l.file_id from unnest($3::text[], $4::bigint[]) as a (functional_id, number)
                   cross join lateral (
                       select e.file_id from expected_acknowledgment e
                       where e.partner_id = $1 and e.group_control = a.number and e.functional_id = a.functional_id
                         and e.test = $2 and e.functional_id <> ''
                       order by (e.agreement is not distinct from $6) desc,
                           exists (select from delivery d where d.id = e.delivery_id and d.state in ('held', 'cancelled')),
                           e.created_at desc, e.id limit 1) l
                   union
                   select l.file_id from unnest($5::bigint[]) as a (number)
                   cross join lateral (
                       select e.file_id from expected_acknowledgment e
                       where e.partner_id = $1 and e.interchange_control = a.number and e.test = $2
                       order by (e.agreement is not distinct from $6) desc,
                           exists (select from delivery d where d.id = e.delivery_id and d.state in ('held', 'cancelled')),
                           e.created_at desc, e.id limit 1) l
               )
               select id, partner_id, level, functional_id, group_control, interchange_control, set_count, file_id,
                   delivery_id, created_at, due_at, state as "state: AcknowledgmentState", settled_at, reminders,
                   escalated_at, agreement
               from expected_acknowledgment
               where file_id in (select file_id from meant) and level not in ('receipt', 'response')
               order by created_at, id for update"#,
            partner_id,
            test,
            &ids as &[&str],
            &numbers,
            interchanges,
            agreement,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find awaited acknowledgments"))?;
        with_sets(self.connection(), rows).await
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
                     and (e.delivery_id is null or e.level = 'response'
                         or exists (select from delivery d where d.id = e.delivery_id and d.state = 'delivered'))
                   returning *
               ), sets as (
                   update expected_acknowledgment_set s set state = 'overdue' from late
                   where s.expected_id = late.id and s.state = 'awaited' returning s.document_id
               ), documents as (
                   update document d set acknowledgment = 'overdue' from sets where d.id = sets.document_id
               )
               select id as "id!", partner_id as "partner_id!", level as "level!", functional_id as "functional_id!",
                   group_control as "group_control!", interchange_control as "interchange_control!",
                   set_count as "set_count!", file_id as "file_id!", delivery_id, created_at as "created_at!",
                   due_at as "due_at!", state as "state!: AcknowledgmentState", settled_at, reminders as "reminders!",
                   escalated_at, agreement
               from late order by due_at, id"#,
            now,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("mark overdue acknowledgments"))
    }

    /// Expectations with their sets.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn with_expected_sets(
        &mut self,
        rows: Vec<ExpectedAcknowledgmentRow>,
    ) -> Result<Vec<FoundExpectation>, Error> {
        with_sets(self.connection(), rows).await
    }

    /// Overdue acknowledgments of a partner that hold back what else would go to it.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_holding(&mut self, partner_id: &str) -> Result<Vec<Uuid>, Error> {
        sqlx::query_scalar!(
            "select id from expected_acknowledgment where partner_id = $1 and hold and state = 'overdue' order by id",
            partner_id,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list what holds back"))
    }

    /// Lets what these overdue acknowledgments hold back go.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn release_holds(&mut self, ids: &[Uuid]) -> Result<(), Error> {
        sqlx::query!("update expected_acknowledgment set hold = false where id = any($1)", ids)
            .execute(self.connection())
            .await
            .map(drop)
            .map_err(Error::query("release what is held"))
    }
}

impl Store {
    /// What holds deliveries back: an overdue acknowledgment of the same partner, whose profile says so. Answers
    /// to what the partner sent are never held.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_holds(&self, deliveries: &[Uuid]) -> Result<Vec<Hold>, Error> {
        sqlx::query_as!(
            Hold,
            "select distinct on (d.id) d.id as delivery_id, e.partner_id, e.functional_id, e.group_control
             from delivery d
             join expected_acknowledgment e on e.partner_id = d.partner_id and e.hold and e.state = 'overdue'
             where d.id = any($1) and e.delivery_id is distinct from d.id
               and exists (
                   select from delivery_document l join document x on x.id = l.document_id
                   where l.delivery_id = d.id and x.functional_id is distinct from 'FA')
             order by d.id, e.due_at, e.id",
            deliveries,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("find what holds deliveries"))
    }

    /// What is overdue at this instant, whether it is marked already or not, the longest overdue first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_overdue(&self, now: DateTime<Utc>) -> Result<Vec<ExpectedAcknowledgmentRow>, Error> {
        sqlx::query_as!(
            ExpectedAcknowledgmentRow,
            r#"select id, partner_id, level, functional_id, group_control, interchange_control, set_count, file_id,
                   delivery_id, created_at, due_at, state as "state: AcknowledgmentState", settled_at, reminders,
                   escalated_at, agreement
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
            r#"select id, partner_id, level, functional_id, group_control, interchange_control, set_count, file_id,
                   delivery_id, created_at, due_at, state as "state: AcknowledgmentState", settled_at, reminders,
                   escalated_at, agreement
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
}

async fn list_sets(connection: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<ExpectedSetRow>, Error> {
    sqlx::query_as!(
        ExpectedSetRow,
        r#"select s.expected_id, s.set_id, s.set_control, s.document_id, s.state as "state: AcknowledgmentState",
               d.business_number as "business_number?", d.purchase_order_number as "purchase_order_number?",
               d.order_number as "order_number?"
           from expected_acknowledgment_set s left join document d on d.id = s.document_id
           where s.expected_id = any($1) order by s.expected_id, s.set_control, s.set_id"#,
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
    let place: HashMap<Uuid, usize> = ids.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    for set in list_sets(connection, &ids).await? {
        if let Some(group) = place.get(&set.expected_id).and_then(|place| found.get_mut(*place)) {
            group.sets.push(set);
        }
    }
    Ok(found)
}
