//! Reads the snapshot of a run, page by page.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::store::{Error, Store};

/// The head of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Its id.
    pub id: Uuid,
    /// Runs are numbered as they end.
    pub seq: i64,
    /// First day of the invoices.
    pub from_day: NaiveDate,
    /// Last day.
    pub to_day: NaiveDate,
    /// The partner it was narrowed to.
    pub partner_id: Option<String>,
    /// The agreement it was narrowed to.
    pub agreement: Option<String>,
    /// What was known at this instant was compared.
    pub as_of: DateTime<Utc>,
    /// Who asked for it.
    pub actor: String,
    /// Invoices in it.
    pub invoice_count: i64,
    /// Lines in it.
    pub line_count: i64,
    /// SHA-256 of all its figures.
    pub digest: Vec<u8>,
    /// Billed of all invoices, by currency.
    pub totals: serde_json::Value,
}

/// An invoice of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedInvoiceRow {
    /// Place in the run.
    pub invoice: i32,
    /// Its document.
    pub document_id: Uuid,
    /// Who sent it.
    pub partner_id: String,
    /// Under which agreement.
    pub agreement: Option<String>,
    /// `sale`, `purchase` or `service`.
    pub kind: String,
    /// Whether its sender owes.
    pub is_credit: bool,
    /// Its number.
    pub invoice_number: Option<String>,
    /// Its day.
    pub invoiced_on: NaiveDate,
    /// When it is due.
    pub due_on: Option<NaiveDate>,
    /// Its terms of payment, in words.
    pub terms: Option<String>,
    /// Until when it may be disputed.
    pub dispute_by: Option<NaiveDate>,
    /// The buyer's order.
    pub purchase_order_number: Option<String>,
    /// The depositor's order.
    pub order_number: Option<String>,
    /// The shipment.
    pub shipment_id: Option<String>,
    /// The bill of lading.
    pub bill_of_lading: Option<String>,
    /// The carrier's number.
    pub pro_number: Option<String>,
    /// Where the goods came from, or of a purchase where they came to.
    pub warehouse: Option<String>,
    /// Currency of its amounts.
    pub currency: String,
    /// The rate of exchange that it names.
    pub exchange_rate: Option<Decimal>,
    /// What it bills.
    pub billed: Decimal,
    /// What it should bill.
    pub expected: Decimal,
    /// Differences that stand.
    pub difference: Decimal,
    /// Differences let pass.
    pub tolerated: Decimal,
    /// `matched`, `within_tolerance`, `not_checked` or `exception`.
    pub status: String,
    /// Its lines.
    pub line_count: i32,
    /// Those that found their order.
    pub matched_line_count: i32,
    /// Its file's name.
    pub file_name: String,
    /// ISA13.
    pub interchange_control_number: Option<String>,
    /// GS06.
    pub group_control_number: Option<String>,
    /// ST02.
    pub set_control_number: Option<String>,
    /// Where it begins.
    pub segment_ordinal: Option<i64>,
    /// The run that told of it before.
    pub previous_run_id: Option<Uuid>,
    /// What that run expected.
    pub previous_expected: Option<Decimal>,
    /// Whether it is not of the days of the run.
    pub is_adjustment: bool,
    /// What differs now, of an adjustment.
    pub why: Option<String>,
}

/// A line of an invoice of a run, with the invoice's number and partner.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the columns of the table, which explains them")]
pub struct ComparedLineRow {
    pub invoice: i32,
    pub ordinal: i32,
    pub line_number: Option<String>,
    pub purchase_order_number: Option<String>,
    pub sku: Option<String>,
    pub buyer_item: Option<String>,
    pub gtin: Option<String>,
    pub description: Option<String>,
    pub unit: Option<String>,
    pub ordered: Option<Decimal>,
    pub shipped: Option<Decimal>,
    pub advised: Option<Decimal>,
    pub received: Option<Decimal>,
    pub billed_before: Option<Decimal>,
    pub billed: Option<Decimal>,
    pub agreed_price: Option<Decimal>,
    pub price_from: Option<String>,
    pub price: Option<Decimal>,
    pub amount: Decimal,
    pub expected: Decimal,
    pub found: String,
    pub segment_ordinal: Option<i64>,
    pub base_quantity: Option<Decimal>,
    pub base_unit: Option<String>,
    pub order_number: Option<String>,
    pub shipment_id: Option<String>,
    pub bill_of_lading: Option<String>,
    pub pro_number: Option<String>,
    pub warehouse: Option<String>,
}

/// How a line of an invoice of a run stands: one of its differences.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the columns of the table, which explains them")]
pub struct LineStandingRow {
    pub invoice: i32,
    pub line_ordinal: i32,
    pub reason: String,
    pub has_amount: bool,
    pub is_tolerated: bool,
    pub decision: Option<String>,
}

/// What all lines of an invoice of a run have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the columns of the table, which explains them")]
pub struct HeadOfLinesRow {
    pub invoice: i32,
    pub partner_id: String,
    pub agreement: Option<String>,
    pub kind: String,
    pub invoice_number: Option<String>,
    pub invoiced_on: NaiveDate,
    pub due_on: Option<NaiveDate>,
    pub terms: Option<String>,
    pub dispute_by: Option<NaiveDate>,
    pub order_number: Option<String>,
    pub shipment_id: Option<String>,
    pub bill_of_lading: Option<String>,
    pub pro_number: Option<String>,
    pub warehouse: Option<String>,
    pub currency: String,
    pub exchange_rate: Option<Decimal>,
    pub file_name: String,
}

/// A difference of a run, with its invoice.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "named as the columns of the table, which explains them")]
pub struct DifferenceRow {
    pub invoice: i32,
    pub ordinal: i32,
    pub exception_id: Uuid,
    pub partner_id: String,
    pub agreement: Option<String>,
    pub kind: String,
    pub invoice_number: Option<String>,
    pub invoiced_on: NaiveDate,
    pub purchase_order_number: Option<String>,
    pub currency: String,
    pub dispute_by: Option<NaiveDate>,
    pub reason: String,
    pub line_ordinal: Option<i32>,
    pub line_number: Option<String>,
    pub item: Option<String>,
    pub amount: Option<Decimal>,
    pub message: String,
    pub figures: serde_json::Value,
    pub tolerated: Option<String>,
    pub first_seen_at: DateTime<Utc>,
    pub owner: Option<String>,
    pub decision: Option<String>,
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    pub decided_why: Option<String>,
    pub is_adjustment: bool,
}

/// What is not billed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the columns of the table, which explains them")]
pub struct UnbilledRow {
    pub ordinal: i32,
    pub kind: String,
    pub partner_id: String,
    pub purchase_order_number: String,
    pub order_number: Option<String>,
    pub item: String,
    pub unit: Option<String>,
    pub shipped: Decimal,
    pub billed: Decimal,
    pub price: Option<Decimal>,
    pub amount: Option<Decimal>,
    pub currency: Option<String>,
    pub shipped_on: NaiveDate,
    pub document_id: Uuid,
    pub file_name: String,
    pub segment_ordinal: Option<i64>,
}

/// The invoices of one partner, kind and currency.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "sums of the columns of these names")]
pub struct ByPartnerRow {
    pub partner_id: String,
    pub kind: String,
    pub currency: String,
    pub invoices: i64,
    pub matched: i64,
    pub within_tolerance: i64,
    pub not_checked: i64,
    pub exceptions: i64,
    pub billed: Decimal,
    pub expected: Decimal,
    pub difference: Decimal,
    pub tolerated: Decimal,
}

/// The differences of one reason, kind and currency.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "sums of the columns of these names")]
pub struct ByReasonRow {
    pub reason: String,
    pub kind: String,
    pub currency: String,
    pub differences: i64,
    pub amount: Decimal,
    pub tolerated: i64,
    pub tolerated_amount: Decimal,
    pub decided: i64,
}

impl Store {
    /// The run of an id or of its first digits; the last run if none is named.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_reconciliation_run(&self, id: Option<&str>) -> Result<Option<RunRow>, Error> {
        sqlx::query_as!(
            RunRow,
            "select id, seq, from_day, to_day, partner_id, agreement, as_of, actor, invoice_count, line_count, digest,
                 totals
             from reconciliation_run where $1::text is null or starts_with(id::text, $1) order by seq desc limit 1",
            id,
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(Error::query("find a reconciliation run"))
    }

    /// Invoices of a run behind this place; all, or only adjustments.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_compared_invoices(
        &self,
        run: Uuid,
        only_adjustments: bool,
        after: i32,
        limit: i64,
    ) -> Result<Vec<ComparedInvoiceRow>, Error> {
        sqlx::query_as!(
            ComparedInvoiceRow,
            "select i.invoice, document_id, partner_id, agreement, kind, is_credit, invoice_number, invoiced_on, due_on,
                 terms, dispute_by, purchase_order_number, order_number, shipment_id, bill_of_lading, pro_number,
                 warehouse, currency, exchange_rate, billed, expected, difference, tolerated, status, line_count, matched_line_count, file_name,
                 interchange_control_number, group_control_number, set_control_number, segment_ordinal,
                 previous_run_id, previous_expected, is_adjustment,
                 case when is_adjustment then (
                     select string_agg(d.message, '; ' order by d.ordinal) from reconciliation_difference d
                     where d.run_id = $1 and d.invoice = i.invoice) end as why
             from reconciliation_invoice i where run_id = $1 and i.invoice > $2 and (is_adjustment or not $4)
             order by i.invoice limit $3",
            run,
            after,
            limit,
            only_adjustments,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list compared invoices"))
    }

    /// The places of a run's invoices in ranges of about so many lines, both ends included.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_ranges_of_lines(&self, run: Uuid, lines: i64) -> Result<Vec<(i32, i32)>, Error> {
        let rows = sqlx::query!(
            r#"select min(invoice) as "first!", max(invoice) as "last!" from (
                   select invoice, (sum(line_count) over (order by invoice) - line_count) / $2 as page
                   from reconciliation_invoice where run_id = $1) of
               group by page order by 1"#,
            run,
            lines,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list ranges of lines"))?;
        Ok(rows.into_iter().map(|row| (row.first, row.last)).collect())
    }

    /// Lines of these invoices of a run, in their order.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_compared_lines(
        &self,
        run: Uuid,
        (first, last): (i32, i32),
    ) -> Result<Vec<ComparedLineRow>, Error> {
        sqlx::query_as!(
            ComparedLineRow,
            "select invoice, ordinal, line_number, purchase_order_number, sku, buyer_item, gtin, description, unit,
                 ordered, shipped, advised, received, billed_before, billed, agreed_price, price_from, price, amount,
                 expected, found, segment_ordinal, base_quantity, base_unit, order_number, shipment_id,
                 bill_of_lading, pro_number, warehouse
             from reconciliation_line where run_id = $1 and invoice between $2 and $3 order by invoice, ordinal",
            run,
            first,
            last,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list compared lines"))
    }

    /// What the lines of these invoices of a run, from the first to the last, have in common, in their order.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_heads_of_lines(
        &self,
        run: Uuid,
        (first, last): (i32, i32),
    ) -> Result<Vec<HeadOfLinesRow>, Error> {
        sqlx::query_as!(
            HeadOfLinesRow,
            "select invoice, partner_id, agreement, kind, invoice_number, invoiced_on, due_on, terms, dispute_by,
                 order_number, shipment_id, bill_of_lading, pro_number, warehouse, currency, exchange_rate, file_name
             from reconciliation_invoice where run_id = $1 and invoice between $2 and $3 order by invoice",
            run,
            first,
            last,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list heads of lines"))
    }

    /// How the lines of these invoices of a run stand: their differences, by line.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_standings_of_lines(
        &self,
        run: Uuid,
        (first, last): (i32, i32),
    ) -> Result<Vec<LineStandingRow>, Error> {
        sqlx::query_as!(
            LineStandingRow,
            r#"select invoice, line_ordinal as "line_ordinal!", reason, amount is not null as "has_amount!",
                   tolerated is not null as "is_tolerated!", decision
               from reconciliation_difference
               where run_id = $1 and invoice between $2 and $3 and line_ordinal is not null
               order by invoice, line_ordinal, ordinal"#,
            run,
            first,
            last,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list how lines stand"))
    }

    /// Whether an invoice of a run may be disputed until a day.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn has_disputes(&self, run: Uuid) -> Result<bool, Error> {
        sqlx::query_scalar!(
            r#"select exists (select from reconciliation_invoice where run_id = $1 and dispute_by is not null) as "has!""#,
            run,
        )
        .fetch_one(&self.pool)
        .await
        .map_err(Error::query("ask whether invoices may be disputed"))
    }

    /// Differences of a run behind this place: all, or of the invoices of its days those that are let pass, or not.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_differences(
        &self,
        run: Uuid,
        let_pass: Option<bool>,
        (invoice, ordinal): (i32, i32),
        limit: i64,
    ) -> Result<Vec<DifferenceRow>, Error> {
        sqlx::query_as!(
            DifferenceRow,
            r#"select d.invoice, d.ordinal, d.exception_id, i.partner_id as "partner_id!", i.agreement, i.kind as "kind!",
                   i.invoice_number, i.invoiced_on as "invoiced_on!", i.purchase_order_number,
                   i.currency as "currency!", i.dispute_by, d.reason, d.line_ordinal, d.line_number, d.item, d.amount, d.message,
                   d.figures, d.tolerated, d.first_seen_at, d.owner, d.decision, d.decided_by, d.decided_at,
                   d.decided_why, i.is_adjustment as "is_adjustment!"
               from reconciliation_difference d cross join lateral (
                   select * from reconciliation_invoice where run_id = $1 and invoice = d.invoice limit 1) i
               where d.run_id = $1 and (d.invoice, d.ordinal) > ($2, $3)
                 and ($5::boolean is null or ((d.tolerated is not null) = $5 and not i.is_adjustment))
               order by d.invoice, d.ordinal limit $4"#,
            run,
            invoice,
            ordinal,
            limit,
            let_pass,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list differences"))
    }

    /// What a run found not billed, behind this place.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_unbilled(&self, run: Uuid, after: i32, limit: i64) -> Result<Vec<UnbilledRow>, Error> {
        sqlx::query_as!(
            UnbilledRow,
            "select ordinal, kind, partner_id, purchase_order_number, order_number, item, unit, shipped, billed, price,
                 amount, currency, shipped_on, document_id, file_name, segment_ordinal
             from reconciliation_unbilled where run_id = $1 and ordinal > $2 order by ordinal limit $3",
            run,
            after,
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list what is not billed"))
    }

    /// What a run found not billed at agreed prices, by currency.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn sum_unbilled(&self, run: Uuid) -> Result<Vec<(String, Decimal)>, Error> {
        let rows = sqlx::query!(
            r#"select currency as "currency!", sum(amount) as "amount!" from reconciliation_unbilled
               where run_id = $1 and currency is not null and amount is not null group by 1 order by 1"#,
            run,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("add up what is not billed"))?;
        Ok(rows.into_iter().map(|row| (row.currency, row.amount)).collect())
    }

    /// The sums of a run by partner, kind and currency; adjustments are not among them.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn sum_run_by_partner(&self, run: Uuid) -> Result<Vec<ByPartnerRow>, Error> {
        sqlx::query_as!(
            ByPartnerRow,
            r#"select partner_id, kind, currency, count(*) as "invoices!",
                   count(*) filter (where status = 'matched') as "matched!",
                   count(*) filter (where status = 'within_tolerance') as "within_tolerance!",
                   count(*) filter (where status = 'not_checked') as "not_checked!",
                   count(*) filter (where status = 'exception') as "exceptions!",
                   sum(billed) as "billed!", sum(expected) as "expected!", sum(difference) as "difference!",
                   sum(tolerated) as "tolerated!"
               from reconciliation_invoice where run_id = $1 and not is_adjustment
               group by partner_id, kind, currency order by partner_id, kind, currency"#,
            run,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("add up a run by partner"))
    }

    /// The sums of a run by reason, kind and currency; adjustments are not among them.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn sum_run_by_reason(&self, run: Uuid) -> Result<Vec<ByReasonRow>, Error> {
        sqlx::query_as!(
            ByReasonRow,
            r#"select d.reason, i.kind, i.currency,
                   count(*) filter (where d.tolerated is null) as "differences!",
                   coalesce(sum(d.amount) filter (where d.tolerated is null), 0) as "amount!",
                   count(*) filter (where d.tolerated is not null) as "tolerated!",
                   coalesce(sum(d.amount) filter (where d.tolerated is not null), 0) as "tolerated_amount!",
                   count(*) filter (where d.decision is not null) as "decided!"
               from reconciliation_difference d join reconciliation_invoice i using (run_id, invoice)
               where d.run_id = $1 and not i.is_adjustment
               group by d.reason, i.kind, i.currency order by 5 desc, d.reason, i.kind, i.currency"#,
            run,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("add up a run by reason"))
    }

    /// Share of invoices that agree, by the day of the invoice: days, all, and those that agree.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn count_matches_by_day(&self, run: Uuid) -> Result<Vec<(NaiveDate, i64, i64)>, Error> {
        let rows = sqlx::query!(
            r#"select invoiced_on, count(*) as "all!",
                   count(*) filter (where status in ('matched', 'within_tolerance')) as "matched!"
               from reconciliation_invoice where run_id = $1 and not is_adjustment group by 1 order by 1"#,
            run,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("count matches by day"))?;
        Ok(rows.into_iter().map(|row| (row.invoiced_on, row.all, row.matched)).collect())
    }
}
