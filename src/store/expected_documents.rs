//! Documents that must follow others, and where they stand.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::text::clean;
use super::{Error, ExpectedDocumentState, ReportScope, Store, Work};

/// Rows marked late in one statement, at most: after an outage many are late at once.
const LATE_AT_ONCE: i64 = 500;

/// Rows that people are reminded of at one look, at most.
const REMINDED_AT_ONCE: i64 = 1000;

/// A document that must follow another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewExpectedDocument {
    /// Derived from the partner, the document that asks for it, and what is asked for.
    pub id: Uuid,
    /// With whom.
    pub partner_id: String,
    /// The agreement that the document falls under.
    pub agreement: Option<String>,
    /// The document that asks for it.
    pub document_id: Uuid,
    /// Its record.
    pub after_kind: String,
    /// The record that must follow.
    pub record_kind: String,
    /// How the profile names the first.
    pub after: String,
    /// How the profile names the second.
    pub document: String,
    /// Whether it is we who owe it.
    pub ours: bool,
    /// What the number is by which it is known when it comes.
    pub number_kind: String,
    /// That number, evened.
    pub number: String,
    /// What it is unique within, evened.
    pub scope: String,
    /// As the sender writes it.
    pub raw: String,
    /// The depositor's order number.
    pub order_number: Option<String>,
    /// The buyer's order number.
    pub purchase_order_number: Option<String>,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// By when it must be there.
    pub due_at: DateTime<Utc>,
}

/// A document that must follow another one, as it stands.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ExpectedDocumentRow {
    /// Its id.
    pub id: Uuid,
    /// With whom.
    pub partner_id: String,
    /// The agreement that the document falls under.
    pub agreement: Option<String>,
    /// The document that asks for it.
    pub document_id: Uuid,
    /// Its record.
    pub after_kind: String,
    /// The record that must follow.
    pub record_kind: String,
    /// How the profile names the first.
    pub after: String,
    /// How the profile names the second.
    pub document: String,
    /// Whether it is we who owe it.
    pub ours: bool,
    /// What the number is by which it is known when it comes.
    pub number_kind: String,
    /// That number, evened.
    pub number: String,
    /// As the sender writes it.
    pub raw: String,
    /// The depositor's order number.
    pub order_number: Option<String>,
    /// The buyer's order number.
    pub purchase_order_number: Option<String>,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// By when it must be there.
    pub due_at: DateTime<Utc>,
    /// Where it stands.
    pub state: ExpectedDocumentState,
    /// The document that came.
    pub answered_by: Option<Uuid>,
    /// When it came, or was found not to be needed.
    pub settled_at: Option<DateTime<Utc>>,
    /// Why it is not needed.
    pub reason: String,
    /// How often people were reminded of it.
    pub reminders: i32,
}

/// Which to list; what is none does not matter.
#[derive(Clone, Debug, Default)]
pub struct ExpectedDocumentFilter {
    /// Only what has neither come nor is found not to be needed.
    pub open: bool,
    /// With whom.
    pub partner_id: Option<String>,
    /// Asked for by one of these documents.
    pub documents: Option<Vec<Uuid>>,
}

impl Work {
    /// Expects documents. What is still awaited goes by the latest document that asks for it, and gets its deadline;
    /// what came stays as it is. Gives those that were known and are awaited anew.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn expect_documents(&mut self, new: &[NewExpectedDocument]) -> Result<Vec<Uuid>, Error> {
        fn column<T>(new: &[NewExpectedDocument], pick: impl Fn(&NewExpectedDocument) -> T) -> Vec<T> {
            new.iter().map(pick).collect()
        }
        let text =
            |pick: fn(&NewExpectedDocument) -> &String| column(new, |new| clean(pick(new)).into_owned());
        let optional = |pick: fn(&NewExpectedDocument) -> &Option<String>| {
            column(new, |new| pick(new).as_deref().map(|text| clean(text).into_owned()))
        };
        sqlx::query!(
            r#"with given as (
                   select distinct on (id) * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[],
                       $6::text[], $7::text[], $8::text[], $9::bool[], $10::text[], $11::text[], $12::text[],
                       $13::text[], $14::text[], $15::text[], $16::timestamptz[], $17::timestamptz[])
                       with ordinality as n (id, partner_id, agreement, document_id, after_kind, record_kind, after,
                           document, ours, number_kind, number, scope, raw, order_number, purchase_order_number,
                           asked_at, due_at, place)
                   order by id, place desc
               )
               insert into expected_document as e (id, partner_id, agreement, document_id, after_kind, record_kind,
                   after, document, ours, number_kind, number, scope, raw, order_number, purchase_order_number,
                   asked_at, due_at)
               select id, partner_id, agreement, document_id, after_kind, record_kind, after, document, ours,
                   number_kind, number, scope, raw, order_number, purchase_order_number, asked_at, due_at
               from given
               on conflict (id) do update
               set document_id = excluded.document_id, due_at = excluded.due_at, state = 'awaited',
                   settled_at = null, reason = '', reminders = 0
               where e.state in ('awaited', 'overdue', 'not_needed') and e.document_id <> excluded.document_id
               returning id, (xmax::text <> '0') as "known!""#,
            &column(new, |new| new.id),
            &text(|new| &new.partner_id),
            &optional(|new| &new.agreement) as &[Option<String>],
            &column(new, |new| new.document_id),
            &text(|new| &new.after_kind),
            &text(|new| &new.record_kind),
            &text(|new| &new.after),
            &text(|new| &new.document),
            &column(new, |new| new.ours),
            &text(|new| &new.number_kind),
            &text(|new| &new.number),
            &text(|new| &new.scope),
            &text(|new| &new.raw),
            &optional(|new| &new.order_number) as &[Option<String>],
            &optional(|new| &new.purchase_order_number) as &[Option<String>],
            &column(new, |new| new.asked_at),
            &column(new, |new| new.due_at),
        )
        .fetch_all(self.connection())
        .await
        .map(|rows| rows.into_iter().filter(|row| row.known).map(|row| row.id).collect())
        .map_err(Error::query("expect documents"))
    }

    /// What is not needed any more, and why. Gives those that were open.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn drop_expected_documents(
        &mut self,
        ids: &[Uuid],
        reason: &str,
        at: DateTime<Utc>,
    ) -> Result<Vec<Uuid>, Error> {
        sqlx::query_scalar!(
            "update expected_document set state = 'not_needed', reason = $2, settled_at = $3
             where id = any($1) and state in ('awaited', 'overdue') returning id",
            ids,
            &clean(reason),
            at,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("drop expected documents"))
    }

    /// Finds what came of what is awaited: by these documents, or of these expectations. Orders of the numbers
    /// `unfinished`, with their depositors, still wait for a shipping advice. A document that answered one expectation
    /// before another one was asked for does not answer that, too. Gives those that are settled by it.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn settle_expected_documents(
        &mut self,
        documents: &[Uuid],
        expected: &[Uuid],
        unfinished: &[(String, String)],
    ) -> Result<Vec<ExpectedDocumentRow>, Error> {
        let (numbers, scopes): (Vec<String>, Vec<String>) = unfinished.iter().cloned().unzip();
        sqlx::query_as!(
            ExpectedDocumentRow,
            r#"with asked as (
                   select e.id from expected_document e where e.id = any($2) and e.state in ('awaited', 'overdue')
                   union
                   select e.id from document_number n
                   join expected_document e on e.number = n.number and e.number_kind = n.kind
                   where n.document_id = any($1) and e.state in ('awaited', 'overdue')
               ), answer as (
                   select distinct on (e.id) e.id, d.id as document_id, d.received_at
                   from asked join expected_document e using (id)
                   join document_number n on n.number = e.number and n.kind = e.number_kind
                       and (n.scope = e.scope or n.scope = '' or e.scope = '')
                   join document d on d.id = n.document_id
                   where d.partner_id = e.partner_id and d.record_kind = e.record_kind and d.validation <> 'rejected'
                       and d.direction = case when e.ours then 'outbound' else 'inbound' end
                       and not exists (select from expected_document o where o.answered_by = d.id
                           and o.after_kind = e.after_kind and o.id <> e.id and d.received_at < e.asked_at)
                       and not (e.after_kind = 'shipping_order' and e.record_kind = 'shipping_advice'
                           and exists (select from unnest($3::text[], $4::text[]) as u (number, scope)
                               where u.number = e.number and (u.scope = e.scope or u.scope = '' or e.scope = '')))
                   -- Of an order that was shipped in parts the last is the answer.
                   order by e.id, case when e.record_kind = 'shipping_advice' then d.received_at end desc nulls last,
                       d.received_at, d.id
               )
               update expected_document e
               set state = case when a.received_at <= e.due_at then 'came' else 'came_late' end,
                   answered_by = a.document_id, settled_at = a.received_at
               from answer a where e.id = a.id
               returning e.id, e.partner_id, e.agreement, e.document_id, e.after_kind, e.record_kind, e.after,
                   e.document, e.ours, e.number_kind, e.number, e.raw, e.order_number, e.purchase_order_number,
                   e.asked_at, e.due_at, e.state as "state: ExpectedDocumentState", e.answered_by, e.settled_at,
                   e.reason, e.reminders"#,
            documents,
            expected,
            &numbers,
            &scopes,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("settle expected documents"))
    }

    /// Marks what has not come in time.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn mark_missing_documents(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<Vec<ExpectedDocumentRow>, Error> {
        sqlx::query_as!(
            ExpectedDocumentRow,
            r#"update expected_document e set state = 'overdue'
               from (select id from expected_document where state = 'awaited' and due_at < $1
                   order by due_at limit $2 for update skip locked) as late
               where e.id = late.id
               returning e.id, e.partner_id, e.agreement, e.document_id, e.after_kind, e.record_kind, e.after,
                   e.document, e.ours, e.number_kind, e.number, e.raw, e.order_number, e.purchase_order_number,
                   e.asked_at, e.due_at, e.state as "state: ExpectedDocumentState", e.answered_by, e.settled_at,
                   e.reason, e.reminders"#,
            now,
            LATE_AT_ONCE,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("mark missing documents"))
    }

    /// What must follow one kind of document of a partner and is missing, the longest late first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_missing_documents(
        &mut self,
        partner_id: &str,
        after: &str,
        document: &str,
    ) -> Result<Vec<ExpectedDocumentRow>, Error> {
        sqlx::query_as!(
            ExpectedDocumentRow,
            r#"select id, partner_id, agreement, document_id, after_kind, record_kind, after, document, ours,
                   number_kind, number, raw, order_number, purchase_order_number, asked_at, due_at,
                   state as "state: ExpectedDocumentState", answered_by, settled_at, reason, reminders
               from expected_document
               where state = 'overdue' and partner_id = $1 and after = $2 and document = $3
               order by due_at, id limit $4"#,
            partner_id,
            after,
            document,
            REMINDED_AT_ONCE,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list missing documents"))
    }

    /// Counts a reminder of each of these.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn note_reminders_of_documents(
        &mut self,
        ids: &[Uuid],
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "update expected_document set reminders = reminders + 1, reminded_at = $2 where id = any($1)",
            ids,
            at,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("count reminders of documents"))
    }
}

impl Store {
    /// Documents that must follow others, the first due first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_expected_documents(
        &self,
        filter: &ExpectedDocumentFilter,
        limit: i64,
    ) -> Result<Vec<ExpectedDocumentRow>, Error> {
        sqlx::query_as!(
            ExpectedDocumentRow,
            r#"select id, partner_id, agreement, document_id, after_kind, record_kind, after, document, ours,
                   number_kind, number, raw, order_number, purchase_order_number, asked_at, due_at,
                   state as "state: ExpectedDocumentState", answered_by, settled_at, reason, reminders
               from expected_document
               where (not $1 or state in ('awaited', 'overdue')) and ($2::text is null or partner_id = $2)
                   and ($3::uuid[] is null or document_id = any($3))
               order by due_at, id limit $4"#,
            filter.open,
            filter.partner_id,
            filter.documents.as_deref(),
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list expected documents"))
    }

    /// What was asked for before the end of the span and was late then, or came late within it; the longest late first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_late_documents(&self, scope: &ReportScope) -> Result<Vec<ExpectedDocumentRow>, Error> {
        sqlx::query_as!(
            ExpectedDocumentRow,
            r#"select id, partner_id, agreement, document_id, after_kind, record_kind, after, document, ours,
                   number_kind, number, raw, order_number, purchase_order_number, asked_at, due_at,
                   state as "state: ExpectedDocumentState", answered_by, settled_at, reason, reminders
               from expected_document
               where asked_at < $2 and due_at < $3
                   and ($4::text is null or partner_id = $4) and ($5::text is null or agreement = $5)
                   and (state in ('awaited', 'overdue')
                       or (state = 'came_late' and settled_at >= $1 and settled_at < $2))
               order by due_at, partner_id, raw, id"#,
            scope.from,
            scope.until,
            scope.now,
            scope.partner_id.as_deref(),
            scope.agreement.as_deref(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list documents that are late"))
    }
}
