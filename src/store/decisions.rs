//! Decisions about differences of invoices that are to be told.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{Decision, Error, Work};

/// A decision that nobody was told of yet, with its exception and invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDecision {
    /// The exception.
    pub exception_id: Uuid,
    /// Its reason.
    pub kind: String,
    /// The invoice's document; none where the exception is of something else.
    pub document_id: Option<Uuid>,
    /// Who sent it.
    pub partner_id: Option<String>,
    /// Under which agreement.
    pub agreement: Option<String>,
    /// The depositor's order.
    pub order_number: Option<String>,
    /// The buyer's order.
    pub purchase_order_number: Option<String>,
    /// Line number.
    pub line: Option<String>,
    /// What the difference comes to.
    pub amount: Option<Decimal>,
    /// In which currency.
    pub currency: Option<String>,
    /// The sentence.
    pub message: String,
    /// What was decided.
    pub decision: Option<Decision>,
    /// By whom.
    pub settled_by: Option<String>,
    /// When.
    pub settled_at: Option<DateTime<Utc>>,
    /// Why.
    pub settled_reason: String,
    /// The invoice's number.
    pub invoice_number: Option<String>,
    /// Its day.
    pub invoiced_on: Option<NaiveDate>,
    /// What it bills.
    pub total_amount: Option<Decimal>,
    /// In which currency.
    pub invoice_currency: Option<String>,
}

impl Work {
    /// Notes that a decision is to be told.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_due_decision(&mut self, exception: Uuid, at: DateTime<Utc>) -> Result<(), Error> {
        sqlx::query!(
            "insert into decision_due (exception_id, decided_at) values ($1, $2) on conflict do nothing",
            exception,
            at,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("note a decision to be told"))
    }

    /// Takes the oldest decision that nobody was told of, unless another does; it is told with this work.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn take_due_decision(&mut self) -> Result<Option<DueDecision>, Error> {
        sqlx::query_as!(
            DueDecision,
            r#"with taken as (
                   delete from decision_due where exception_id = (
                       select exception_id from decision_due order by decided_at, exception_id
                       limit 1 for update skip locked)
                   returning exception_id
               )
               select e.id as exception_id, e.kind, i.document_id as "document_id?", e.partner_id,
                   d.agreement as "agreement?", e.order_number, e.purchase_order_number, e.line, e.amount, e.currency,
                   e.message, e.decision as "decision: Decision", e.settled_by, e.settled_at, e.settled_reason,
                   i.invoice_number as "invoice_number?", i.invoiced_on as "invoiced_on?",
                   i.total_amount as "total_amount?", i.currency as "invoice_currency?"
               from taken join exception e on e.id = taken.exception_id
               left join document d on d.id = e.document_id left join invoice i on i.document_id = e.document_id"#,
        )
        .fetch_optional(self.connection())
        .await
        .map_err(Error::query("take a decision to be told"))
    }
}
