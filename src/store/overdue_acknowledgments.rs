//! Acknowledgments that are late: what is reminded of, and what is sent once more.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{AcknowledgmentState, Error, ExpectedAcknowledgmentRow, Work};

/// A number that something is about to be sent under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnderNumber<'a> {
    /// To whom.
    pub partner_id: &'a str,
    /// As a test.
    pub test: bool,
    /// GS01 where the number is GS06; empty where it is ISA13.
    pub functional_id: &'a str,
    /// The number.
    pub number: i64,
}

/// What is still awaited under a number that is about to be used again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwaitedUnder {
    /// The place of the number among those asked, from 0.
    pub place: usize,
    /// `997`, `999` or `TA1`.
    pub level: String,
    /// When that was sent.
    pub created_at: DateTime<Utc>,
    /// The name of the file that it was sent in.
    pub file_name: String,
}

impl Work {
    /// What is awaited, in time or late, under these numbers already.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_awaited_under(
        &mut self,
        numbers: &[UnderNumber<'_>],
    ) -> Result<Vec<AwaitedUnder>, Error> {
        let partners: Vec<&str> = numbers.iter().map(|number| number.partner_id).collect();
        let tests: Vec<bool> = numbers.iter().map(|number| number.test).collect();
        let ids: Vec<&str> = numbers.iter().map(|number| number.functional_id).collect();
        let all: Vec<i64> = numbers.iter().map(|number| number.number).collect();
        let rows = sqlx::query!(
            r#"select n.place as "place!", e.level as "level!", e.created_at as "created_at!", f.name as file_name
               from unnest($1::text[], $2::boolean[], $3::text[], $4::bigint[]) with ordinality
                   as n (partner_id, test, functional_id, number, place)
               cross join lateral (
                   select e.level, e.created_at, e.file_id from expected_acknowledgment e
                   where n.functional_id <> '' and e.partner_id = n.partner_id and e.group_control = n.number
                     and e.functional_id = n.functional_id and e.test = n.test and e.state in ('awaited', 'overdue')
                   union all
                   select e.level, e.created_at, e.file_id from expected_acknowledgment e
                   where n.functional_id = '' and e.partner_id = n.partner_id and e.interchange_control = n.number
                     and e.test = n.test and e.state in ('awaited', 'overdue')) e
               join file f on f.id = e.file_id
               order by n.place, e.created_at desc"#,
            &partners as &[&str],
            &tests,
            &ids as &[&str],
            &all,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find what is awaited under numbers"))?;
        let rows = rows.into_iter().map(|row| AwaitedUnder {
            place: usize::try_from(row.place - 1).unwrap_or(usize::MAX),
            level: row.level,
            created_at: row.created_at,
            file_name: row.file_name,
        });
        Ok(rows.collect())
    }

    /// What one partner owes for one kind of document and is late with, the TA1 of its interchange as well; what it was
    /// reminded of least first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_overdue_of(
        &mut self,
        partner_id: &str,
        set_id: &str,
    ) -> Result<Vec<ExpectedAcknowledgmentRow>, Error> {
        sqlx::query_as!(
            ExpectedAcknowledgmentRow,
            r#"select id, partner_id, level, functional_id, group_control, interchange_control, set_count, file_id,
                   delivery_id, created_at, due_at, state as "state: AcknowledgmentState", settled_at, reminders,
                   escalated_at, agreement
               from expected_acknowledgment e
               where state = 'overdue' and partner_id = $1
                 and exists (select from expected_acknowledgment g
                     join expected_acknowledgment_set s on s.expected_id = g.id
                     where s.set_id = $2 and (g.id = e.id or e.level = 'TA1' and g.file_id = e.file_id))
               order by reminders, due_at, id limit 1000"#,
            partner_id,
            set_id,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list what is overdue"))
    }

    /// Files that one partner is late to take from a channel's folder, and calls over it that are not answered in time;
    /// what it was reminded of least first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_overdue_receipts(
        &mut self,
        partner_id: &str,
        channel: &str,
    ) -> Result<Vec<ExpectedAcknowledgmentRow>, Error> {
        sqlx::query_as!(
            ExpectedAcknowledgmentRow,
            r#"select e.id, e.partner_id, level, functional_id, group_control, interchange_control, set_count, e.file_id,
                   delivery_id, e.created_at, due_at, e.state as "state: AcknowledgmentState", settled_at, reminders,
                   escalated_at, e.agreement
               from expected_acknowledgment e join delivery d on d.id = e.delivery_id
               where e.state = 'overdue' and e.partner_id = $1 and e.level in ('receipt', 'response') and d.channel = $2
               order by reminders, due_at, e.id limit 1000"#,
            partner_id,
            channel,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list what was not taken or answered"))
    }

    /// Groups with one kind of document that one partner is late to acknowledge, and that were not sent once more yet.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_overdue_not_resent(
        &mut self,
        partner_id: &str,
        set_id: &str,
    ) -> Result<Vec<ExpectedAcknowledgmentRow>, Error> {
        sqlx::query_as!(
            ExpectedAcknowledgmentRow,
            r#"select id, partner_id, level, functional_id, group_control, interchange_control, set_count, file_id,
                   delivery_id, created_at, due_at, state as "state: AcknowledgmentState", settled_at, reminders,
                   escalated_at, agreement
               from expected_acknowledgment e
               where state = 'overdue' and partner_id = $1 and resent_at is null
                 and exists (select from expected_acknowledgment_set s where s.expected_id = e.id and s.set_id = $2)
               order by due_at, id limit 1000"#,
            partner_id,
            set_id,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list what is to be sent once more"))
    }

    /// Marks these as sent once more.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn note_resent(&mut self, ids: &[Uuid], at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!("update expected_acknowledgment set resent_at = $2 where id = any($1)", ids, at)
            .execute(self.connection())
            .await
            .map(drop)
            .map_err(Error::query("mark what was sent once more"))
    }

    /// Whether the partner took a part of what a delivery carries, and refused the rest.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn was_taken_in_part(&mut self, delivery_id: Uuid) -> Result<bool, Error> {
        sqlx::query_scalar!(
            r#"select exists (select from expected_acknowledgment
               where delivery_id = $1 and state = 'partially_accepted') as "taken!""#,
            delivery_id,
        )
        .fetch_one(self.connection())
        .await
        .map_err(Error::query("find what was taken in part"))
    }

    /// Counts a reminder of each of these.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn note_reminders(&mut self, ids: &[Uuid], at: DateTime<Utc>) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "update expected_acknowledgment set reminders = reminders + 1, reminded_at = $2 where id = any($1)",
            ids,
            at,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("count reminders"))
    }
}
