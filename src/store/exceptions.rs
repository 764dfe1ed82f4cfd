//! Exceptions: business differences that a person must settle.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

use super::copy::{Attempt, Copy, MANY};
use super::text::{clean, clean_json, clean_some};
use super::{Decision, Error, ExceptionState, Store, Work};

/// Exceptions whose columns go into one statement.
const EXCEPTIONS_AT_ONCE: usize = 2000;

/// A difference, with the figures it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct NewException {
    /// Derived from what it is about.
    pub id: Uuid,
    /// Why, in snake case, such as `price_over`.
    pub kind: String,
    /// The document that showed it.
    pub document_id: Option<Uuid>,
    /// With whom.
    pub partner_id: Option<String>,
    /// The depositor's order number.
    pub order_number: Option<String>,
    /// The buyer's order number.
    pub purchase_order_number: Option<String>,
    /// Line number, if it is about a line.
    pub line: Option<String>,
    /// What it comes to, with its currency.
    pub amount: Option<(Decimal, String)>,
    /// The sentence for people.
    pub message: String,
    /// For each figure: file, document, segment, element, byte and raw value.
    pub evidence: serde_json::Value,
    /// When it was found.
    pub first_seen_at: DateTime<Utc>,
}

/// An exception as people see it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct ExceptionRow {
    /// Its id.
    pub id: Uuid,
    /// Why.
    pub kind: String,
    /// The document that showed it.
    pub document_id: Option<Uuid>,
    /// With whom.
    pub partner_id: Option<String>,
    /// The depositor's order number.
    pub order_number: Option<String>,
    /// The buyer's order number.
    pub purchase_order_number: Option<String>,
    /// Line number.
    pub line: Option<String>,
    /// What it comes to.
    pub amount: Option<Decimal>,
    /// In which currency.
    pub currency: Option<String>,
    /// The sentence for people.
    pub message: String,
    /// For each figure: file, document, segment, element, byte and raw value.
    pub evidence: serde_json::Value,
    /// Whether a person still has to do something.
    pub state: ExceptionState,
    /// When it was found.
    pub first_seen_at: DateTime<Utc>,
    /// When it was settled.
    pub settled_at: Option<DateTime<Utc>>,
    /// By whom.
    pub settled_by: Option<String>,
    /// Why.
    pub settled_reason: String,
    /// What was decided about the money.
    pub decision: Option<Decision>,
    /// Who looks after it; none is whom the partner's profile names.
    pub owner: Option<String>,
    /// When it went to the next in charge.
    pub escalated_at: Option<DateTime<Utc>>,
    /// The agreement that its document falls under.
    pub agreement: Option<String>,
}

/// Which exceptions to list; what is none does not matter.
#[derive(Clone, Debug, Default)]
pub struct ExceptionFilter {
    /// In this state.
    pub state: Option<ExceptionState>,
    /// With whom.
    pub partner_id: Option<String>,
    /// Why.
    pub kind: Option<String>,
    /// About this order or purchase order.
    pub number: Option<String>,
    /// Shown by this document.
    pub document_id: Option<Uuid>,
    /// With this id.
    pub id: Option<Uuid>,
    /// Found before this: for the next page.
    pub before: Option<DateTime<Utc>>,
}

impl Work {
    /// Keeps exceptions. One that is known stays as it is, settled or not.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_exceptions(&mut self, exceptions: &[NewException]) -> Result<(), Error> {
        if exceptions.len() >= MANY {
            let mut attempt = Attempt::begin(self.connection(), "keep exceptions").await?;
            let copied = copy_exceptions(attempt.connection(), exceptions).await;
            if attempt.end(copied).await? {
                return Ok(());
            }
        }
        for some in exceptions.chunks(EXCEPTIONS_AT_ONCE) {
            self.insert_some_exceptions(some).await?;
        }
        Ok(())
    }

    async fn insert_some_exceptions(&mut self, exceptions: &[NewException]) -> Result<(), Error> {
        macro_rules! column {
            (|$new:ident| $value:expr) => {
                exceptions.iter().map(|$new| $value).collect::<Vec<_>>()
            };
        }
        sqlx::query!(
            "insert into exception (id, kind, document_id, partner_id, order_number, purchase_order_number, line,
                 amount, currency, message, evidence, first_seen_at)
             select n.id, n.kind, n.document_id, n.partner_id, n.order_number, n.purchase_order_number, n.line,
                 n.amount, n.currency, n.message, n.evidence::jsonb, n.first_seen_at
             from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::numeric[], $9::text[], $10::text[], $11::text[], $12::timestamptz[])
                 as n (id, kind, document_id, partner_id, order_number, purchase_order_number, line, amount, currency,
                     message, evidence, first_seen_at)
             on conflict do nothing",
            &column!(|new| new.id),
            &column!(|new| new.kind.as_str()) as &[&str],
            &column!(|new| new.document_id) as &[Option<Uuid>],
            &column!(|new| new.partner_id.as_deref()) as &[Option<&str>],
            &column!(|new| clean_some(new.order_number.as_deref())) as &[Option<std::borrow::Cow<'_, str>>],
            &column!(|new| clean_some(new.purchase_order_number.as_deref())) as &[Option<std::borrow::Cow<'_, str>>],
            &column!(|new| clean_some(new.line.as_deref())) as &[Option<std::borrow::Cow<'_, str>>],
            &column!(|new| new.amount.as_ref().map(|(amount, _)| *amount)) as &[Option<Decimal>],
            &column!(|new| new.amount.as_ref().map(|(_, currency)| currency.as_str())) as &[Option<&str>],
            &column!(|new| clean(&new.message)) as &[std::borrow::Cow<'_, str>],
            &column!(|new| clean_json(new.evidence.to_string())) as &[String],
            &column!(|new| new.first_seen_at),
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("keep exceptions"))
    }

    /// Settles an open exception. False when it is settled, or there is none.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn settle_exception(
        &mut self,
        id: Uuid,
        by: &str,
        reason: &str,
        decision: Option<Decision>,
        at: DateTime<Utc>,
    ) -> Result<bool, Error> {
        sqlx::query!(
            "update exception set state = 'settled', settled_at = $4, settled_by = $2, settled_reason = $3,
                 decision = $5
             where id = $1 and state = 'open'",
            id,
            by,
            &clean(reason),
            at,
            decision.map(Decision::as_str),
        )
        .execute(self.connection())
        .await
        .map(|done| done.rows_affected() > 0)
        .map_err(Error::query("settle an exception"))
    }

    /// Settles those of these that are open and have come right by themselves.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn settle_exceptions_by_hub(
        &mut self,
        ids: &[Uuid],
        reason: &str,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        sqlx::query!(
            "update exception set state = 'settled', settled_at = $4, settled_by = $2, settled_reason = $3
             where id = any($1) and state = 'open'",
            ids,
            BY_HUB,
            &clean(reason),
            at,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("settle exceptions that came right"))
    }

    /// Settles what is open of this kind about documents, which need nobody for it any more.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn settle_exceptions_of(
        &mut self,
        documents: &[Uuid],
        kind: &str,
        reason: &str,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        sqlx::query!(
            "with settled as (
                 update exception set state = 'settled', settled_at = $5, settled_by = $3, settled_reason = $4
                 where document_id = any($1) and kind = $2 and state = 'open' returning document_id
             )
             update document d set business = 'open', business_reason = '' from settled s where d.id = s.document_id",
            documents,
            kind,
            BY_HUB,
            &clean(reason),
            at,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("settle exceptions of documents"))
    }

    /// Gives an open exception to somebody. False when it is settled, or there is none.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn assign_exception(&mut self, id: Uuid, owner: &str) -> Result<bool, Error> {
        sqlx::query!("update exception set owner = $2 where id = $1 and state = 'open'", id, owner)
            .execute(self.connection())
            .await
            .map(|done| done.rows_affected() > 0)
            .map_err(Error::query("assign an exception"))
    }

    /// Gives open exceptions to the next in charge, once. Returns those that were given now.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn escalate_exceptions(
        &mut self,
        ids: &[Uuid],
        to: &str,
        at: DateTime<Utc>,
    ) -> Result<Vec<Uuid>, Error> {
        sqlx::query_scalar!(
            "update exception set owner = $2, escalated_at = $3
             where id = any($1) and state = 'open' and escalated_at is null returning id",
            ids,
            to,
            at,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("escalate exceptions"))
    }

    /// Brings the exceptions of these kinds about documents that were compared again up to date: `standing` are
    /// those found now. What is not found any more is settled by the hub, and what the hub had settled and is
    /// found again is open again. What a person has settled stays so.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn keep_standing_exceptions(
        &mut self,
        document_ids: &[Uuid],
        kinds: &[&str],
        standing: &[Uuid],
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        sqlx::query!(
            // Of many it is a join: a comparison with each of a list takes its square.
            "update exception e set state = 'settled', settled_at = $3, settled_by = $4,
                 settled_reason = 'not so any more'
             from unnest($1::uuid[]) as d (id)
             where e.document_id = d.id and e.state = 'open' and e.kind = any($5)
                 and not exists (select from unnest($2::uuid[]) as s (id) where s.id = e.id)",
            document_ids,
            standing,
            at,
            BY_HUB,
            kinds as &[&str],
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("settle exceptions that are no more"))?;
        sqlx::query!(
            "update exception set state = 'open', settled_at = null, settled_by = null, settled_reason = ''
             where id = any($1) and state = 'settled' and settled_by = $2",
            standing,
            BY_HUB,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("open exceptions again"))
    }
}

/// Writes exceptions of which none is known.
async fn copy_exceptions(connection: &mut PgConnection, exceptions: &[NewException]) -> Result<(), Error> {
    let mut copy = Copy::begin(
        connection,
        "keep exceptions",
        "copy exception (id, kind, document_id, partner_id, order_number, purchase_order_number, line, amount,
             currency, message, evidence, first_seen_at) from stdin (format binary)",
    )
    .await?;
    for new in exceptions {
        let (amount, currency) =
            new.amount.as_ref().map(|(amount, currency)| (*amount, currency.as_str())).unzip();
        copy.value(Some(new.id))
            .text(Some(&new.kind))
            .value(new.document_id)
            .text(new.partner_id.as_deref())
            .text(new.order_number.as_deref())
            .text(new.purchase_order_number.as_deref())
            .text(new.line.as_deref())
            .value(amount)
            .text(currency)
            .text(Some(&new.message))
            .json(&new.evidence)
            .value(Some(new.first_seen_at))
            .end_row()
            .await?;
    }
    copy.finish().await
}

/// Who settles what has settled itself; no person has this name.
pub const BY_HUB: &str = "(the hub)";

impl Store {
    /// Exceptions, the latest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_exceptions(
        &self,
        filter: &ExceptionFilter,
        limit: i64,
    ) -> Result<Vec<ExceptionRow>, Error> {
        sqlx::query_as!(
            ExceptionRow,
            r#"select id, kind, document_id, partner_id, order_number, purchase_order_number, line, amount, currency,
                   message, evidence, state as "state: ExceptionState", first_seen_at, settled_at, settled_by,
                   settled_reason, decision as "decision: Decision", owner, escalated_at,
                   (select d.agreement from document d where d.id = exception.document_id) as agreement
               from exception
               where ($1::text is null or state = $1) and ($2::text is null or partner_id = $2)
                 and ($3::text is null or kind = $3)
                 and ($4::text is null or order_number = $4 or purchase_order_number = $4)
                 and ($5::uuid is null or document_id = $5)
                 and ($6::timestamptz is null or first_seen_at < $6) and ($7::uuid is null or id = $7)
               order by first_seen_at desc, id limit $8"#,
            filter.state.map(ExceptionState::as_str),
            filter.partner_id.as_deref(),
            filter.kind.as_deref(),
            filter.number.as_deref(),
            filter.document_id,
            filter.before,
            filter.id,
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list exceptions"))
    }
}
