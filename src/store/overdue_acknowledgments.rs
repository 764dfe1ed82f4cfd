//! Acknowledgments that are late: what is reminded of, and what is sent once more.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{AcknowledgmentState, Error, ExpectedAcknowledgmentRow, Work};

impl Work {
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
