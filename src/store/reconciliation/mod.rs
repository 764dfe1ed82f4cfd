//! Reconciliation runs: what is to be compared, and snapshots that nobody can change.

mod read;
mod write;

pub use read::{
    ByPartnerRow, ByReasonRow, ComparedInvoiceRow, ComparedLineRow, DifferenceRow, HeadOfLinesRow,
    LineStandingRow, RunRow, UnbilledRow,
};
pub use write::{NewComparedInvoice, NewComparedLine, NewDifference, NewRun, NewUnbilled};

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{Error, Store, Work};

/// An invoice that is to be compared, and where it stands.
#[derive(Clone, Debug)]
pub struct InvoiceToCompare {
    /// Its document.
    pub document_id: Uuid,
    /// Who sent it.
    pub partner_id: String,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// The agreement its document falls under.
    pub agreement: Option<String>,
    /// Its number.
    pub invoice_number: Option<String>,
    /// Its file.
    pub file_id: Uuid,
    /// Its file's name.
    pub file_name: String,
    /// ISA13.
    pub interchange_control_number: Option<String>,
    /// GS06.
    pub group_control_number: Option<String>,
    /// ST02.
    pub set_control_number: Option<String>,
    /// The purchase orders that it bills, as a whole or on a line; evened.
    pub purchase_orders: Vec<String>,
}

/// What the last run before said of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviousFigures {
    /// The invoice's document.
    pub document_id: Uuid,
    /// That run.
    pub run_id: Uuid,
    /// What it expected to be billed.
    pub expected: Decimal,
}

/// How people stand to a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingOfException {
    /// The exception.
    pub id: Uuid,
    /// Its document.
    pub document_id: Option<Uuid>,
    /// What it is.
    pub kind: String,
    /// What it comes to.
    pub amount: Option<Decimal>,
    /// When it was found.
    pub first_seen_at: DateTime<Utc>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// What was decided: `approve`, `short_pay`, `hold`, `ask_credit`.
    pub decision: Option<String>,
    /// Who settled it.
    pub settled_by: Option<String>,
    /// When.
    pub settled_at: Option<DateTime<Utc>>,
    /// Why.
    pub settled_reason: String,
}

/// Where a document stands, for the figures that come from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentPlace {
    /// The document.
    pub id: Uuid,
    /// Its set or kind.
    pub kind: String,
    /// Its file's name.
    pub file_name: String,
    /// The partner whose it is.
    pub partner_id: Option<String>,
    /// The translator that read it.
    pub translator: Option<String>,
    /// The day it came.
    pub received_at: DateTime<Utc>,
}

impl Store {
    /// Begins a unit of work that only reads, and sees everything as it is at its first statement.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn begin_snapshot(&self) -> Result<Work, Error> {
        let mut work = self.begin().await?;
        sqlx::query!("set transaction isolation level repeatable read, read only")
            .execute(work.connection())
            .await
            .map_err(Error::query("begin a snapshot"))?;
        Ok(work)
    }

    /// Begins another unit of work that sees what this one sees, which must not have ended.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn begin_same_snapshot(&self, of: &mut Work) -> Result<Work, Error> {
        let name = sqlx::query_scalar!(r#"select pg_export_snapshot() as "name!""#)
            .fetch_one(of.connection())
            .await
            .map_err(Error::query("export a snapshot"))?;
        let mut work = self.begin_snapshot().await?;
        // Here Postgres takes no parameter; the name is its own.
        sqlx::query(AssertSqlSafe(format!("set transaction snapshot '{name}'")))
            .execute(work.connection())
            .await
            .map_err(Error::query("share a snapshot"))?;
        Ok(work)
    }
}

impl Work {
    /// Documents of the invoices that came in and are dated between two days (one without a date counts on the day it
    /// came, UTC), by partner, day and number.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_invoices_between(
        &mut self,
        (from, to): (NaiveDate, NaiveDate),
        partner_id: Option<&str>,
        agreement: Option<&str>,
    ) -> Result<Vec<Uuid>, Error> {
        sqlx::query_scalar!(
            "select i.document_id from invoice i join document d on d.id = i.document_id
             where d.direction = 'inbound'
               and (i.invoiced_on between $1 and $2
                    or (i.invoiced_on is null and (i.received_at at time zone 'utc')::date between $1 and $2))
               and ($3::text is null or i.partner_id = $3) and ($4::text is null or d.agreement = $4)
             order by i.partner_id, i.invoiced_on, i.received_at, i.invoice_number, i.document_id",
            from,
            to,
            partner_id,
            agreement,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list invoices"))
    }

    /// Documents of invoices outside of these days that a run told of, and whose differences stood then, or of whose
    /// orders or numbers something came since the last run.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_invoices_to_adjust(
        &mut self,
        (from, to): (NaiveDate, NaiveDate),
        partner_id: Option<&str>,
        agreement: Option<&str>,
    ) -> Result<Vec<Uuid>, Error> {
        // What was written while that run read is looked at once more: what is as it was told is not told again.
        sqlx::query_scalar!(
            r#"with last as (
                   select distinct on (i.document_id) i.document_id, i.partner_id, i.agreement, i.invoiced_on,
                       i.invoice_number, i.status
                   from reconciliation_invoice i join reconciliation_run r on r.id = i.run_id
                   order by i.document_id, r.seq desc
               ), touched as (
                   select n.document_id from document d
                   join document_number o on o.document_id = d.id and o.kind in ('order', 'purchase_order', 'invoice')
                   join document_number n on n.number = o.number and n.kind = o.kind and n.document_id <> d.id
                   where d.received_at > (
                       select max(r.as_of) - interval '1 hour' from reconciliation_run r
                       where (r.partner_id is null or r.partner_id = $3) and (r.agreement is null or r.agreement = $4))
               )
               select document_id from last
               where invoiced_on not between $1 and $2
                 and (status <> 'matched' or document_id in (select document_id from touched))
                 and ($3::text is null or partner_id = $3) and ($4::text is null or agreement = $4)
               order by partner_id, invoiced_on, invoice_number, document_id"#,
            from,
            to,
            partner_id,
            agreement,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list invoices to adjust"))
    }

    /// These invoices, in the order given.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_invoices_to_compare(&mut self, ids: &[Uuid]) -> Result<Vec<InvoiceToCompare>, Error> {
        sqlx::query_as!(
            InvoiceToCompare,
            r#"select i.document_id, i.partner_id, i.received_at, d.agreement, i.invoice_number, d.file_id, f.name as file_name,
                   d.interchange_control_number, d.group_control_number, d.set_control_number,
                   array(select n.number from document_number n
                       where n.document_id = i.document_id and n.kind = 'purchase_order') as "purchase_orders!"
               from unnest($1::uuid[]) with ordinality as asked (id, place) join invoice i on i.document_id = asked.id
               join document d on d.id = i.document_id join file f on f.id = d.file_id order by asked.place"#,
            ids,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list invoices to compare"))
    }

    /// What runs said of these invoices last.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_previous_figures(&mut self, ids: &[Uuid]) -> Result<Vec<PreviousFigures>, Error> {
        sqlx::query_as!(
            PreviousFigures,
            "select distinct on (i.document_id) i.document_id, i.run_id, i.expected
             from reconciliation_invoice i join reconciliation_run r on r.id = i.run_id
             where i.document_id = any($1) order by i.document_id, r.seq desc",
            ids,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find what was reported before"))
    }

    /// How people stand to the exceptions of these documents.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_standing_of_exceptions(
        &mut self,
        document_ids: &[Uuid],
    ) -> Result<Vec<StandingOfException>, Error> {
        sqlx::query_as!(
            StandingOfException,
            "select id, document_id, kind, amount, first_seen_at, owner, decision, settled_by, settled_at, settled_reason from exception
             where document_id = any($1)",
            document_ids,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find how exceptions stand"))
    }

    /// Where these documents stand.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_document_places(&mut self, ids: &[Uuid]) -> Result<Vec<DocumentPlace>, Error> {
        sqlx::query_as!(
            DocumentPlace,
            "select d.id, d.kind, f.name as file_name, d.partner_id, d.translator, d.received_at
             from document d join file f on f.id = d.file_id where d.id = any($1)",
            ids,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find where documents stand"))
    }

    /// Purchase orders of which up to a day not the same was shipped, told or received, of each item in its unit, as all
    /// invoices that came in bill. Items count as the same here when they have the same number; whether what has another
    /// is the same after all is for others to say, and which counts of several documents of one number, and whether more
    /// or less was billed.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_orders_not_billed(&mut self, to: NaiveDate) -> Result<Vec<String>, Error> {
        // The quantities of an order, each times a number that stands for its item and unit, add up to one mark: sums over
        // orders, where comparing item by item would sort every line that was ever shipped.
        sqlx::query_scalar!(
            r#"with shipped as (
                   select l.document_id, sum(l.quantity_shipped
                       * item_mark(l.gtin, l.sku, l.buyer_item, l.unit)) as mark
                   from shipping_advice_line l group by 1),
               moved as (
                   select 'advice' as by, coalesce(a.purchase_order_number, (
                           select o.purchase_order_number from shipping_order o where o.order_number = a.order_number
                           order by o.received_at desc limit 1)) as number, s.mark
                   from shipping_advice a join document d on d.id = a.document_id and d.direction = 'inbound'
                   join shipped s using (document_id)
                   where coalesce(a.shipped_on, (a.received_at at time zone 'utc')::date) <= $1
                   union all
                   select 'notice', l.purchase_order_number, l.quantity_shipped
                       * item_mark(l.gtin, l.sku, l.buyer_item, l.unit)
                   from ship_notice n join document d on d.id = n.document_id and d.direction = 'inbound'
                   join ship_notice_line l using (document_id)
                   where coalesce(n.shipped_on, (n.received_at at time zone 'utc')::date) <= $1
                   union all
                   select 'receipt', l.purchase_order_number, l.quantity_received
                       * item_mark(l.gtin, l.sku, l.buyer_item, l.unit)
                   from stock_receipt r join document d on d.id = r.document_id and d.direction = 'inbound'
                   join stock_receipt_line l using (document_id)
                   where coalesce(r.received_on, (r.received_at at time zone 'utc')::date) <= $1
                     and (r.kind is null or r.kind not in ('customer_return', 'production', 'cancellation'))),
               billed as (
                   select l.purchase_order_number as number,
                       sum(case i.sense when 'credit' then -abs(l.quantity) else l.quantity end
                           * item_mark(l.gtin, l.sku, l.buyer_item, l.unit)) as mark
                   from (
                       select i.document_id, i.sense, i.purpose,
                           count(*) over (partition by i.partner_id, upper(ltrim(btrim(i.invoice_number), '0'))) as of_number
                       from invoice i join document d on d.id = i.document_id and d.direction = 'inbound') i
                   join invoice_line l using (document_id)
                   where l.purchase_order_number is not null and i.of_number = 1
                     and i.purpose is distinct from 'cancellation'
                   group by 1)
               select distinct m.number as "number!" from (
                   select by, number, sum(mark) as mark from moved where number is not null group by 1, 2) m
               left join billed b using (number)
               where m.mark <> 0 and m.mark is distinct from b.mark order by 1"#,
            to,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list orders that are not billed"))
    }
}
