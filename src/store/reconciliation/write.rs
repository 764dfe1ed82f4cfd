//! Writes the snapshot of a run by COPY; a run that does not end leaves no trace.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::store::copy::Copy;
use crate::store::{Error, Work};

/// The head of a run.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    /// Derived from what it was asked for and when.
    pub id: Uuid,
    /// Days of the invoices, both included.
    pub days: (NaiveDate, NaiveDate),
    /// The partner it was narrowed to.
    pub partner_id: Option<&'a str>,
    /// The agreement it was narrowed to.
    pub agreement: Option<&'a str>,
    /// What was known at this instant was compared.
    pub as_of: DateTime<Utc>,
    /// Who asked for it.
    pub actor: &'a str,
    /// Invoices in it.
    pub invoice_count: i64,
    /// Lines in it.
    pub line_count: i64,
    /// SHA-256 of all figures in their order.
    pub digest: [u8; 32],
    /// Billed of all invoices, by currency.
    pub totals: serde_json::Value,
}

/// An invoice of a run.
#[derive(Clone, Debug)]
pub struct NewComparedInvoice {
    /// Place in the run, the first is 1.
    pub invoice: i32,
    /// Its document.
    pub document_id: Uuid,
    /// Who sent it.
    pub partner_id: String,
    /// Under which agreement.
    pub agreement: Option<String>,
    /// `sale`, `purchase` or `service`.
    pub kind: &'static str,
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
    /// What it bills, less than zero for a credit.
    pub billed: Decimal,
    /// What it should bill.
    pub expected: Decimal,
    /// Differences that stand.
    pub difference: Decimal,
    /// Differences let pass.
    pub tolerated: Decimal,
    /// `matched`, `within_tolerance`, `not_checked` or `exception`.
    pub status: &'static str,
    /// Its lines.
    pub line_count: i32,
    /// Those that found their order.
    pub matched_line_count: i32,
    /// Its file.
    pub file_id: Uuid,
    /// Its file's name.
    pub file_name: String,
    /// ISA13, GS06 and ST02.
    pub control_numbers: [Option<String>; 3],
    /// Where it begins.
    pub segment_ordinal: Option<i64>,
    /// The run that told of it before, and what it expected.
    pub previous: Option<(Uuid, Decimal)>,
    /// Whether it is not of the days of the run.
    pub is_adjustment: bool,
}

/// A line of an invoice of a run; quantities in the unit that is billed.
#[derive(Clone, Debug)]
pub struct NewComparedLine {
    /// Place of the invoice in the run.
    pub invoice: i32,
    /// Place in the invoice, the first is 1.
    pub ordinal: i32,
    /// Its number.
    pub line_number: Option<String>,
    /// The order it bills.
    pub purchase_order_number: Option<String>,
    /// The seller's item number.
    pub sku: Option<String>,
    /// The buyer's item number.
    pub buyer_item: Option<String>,
    /// UPC or GTIN.
    pub gtin: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// The unit that is billed.
    pub unit: Option<String>,
    /// What is billed in the smallest unit of the item, where that is another.
    pub base_quantity: Option<Decimal>,
    /// That unit; empty where nothing says it.
    pub base_unit: Option<String>,
    /// Order of the depositor, shipment, bill of lading, number of the carrier, and warehouse, where the invoice bills
    /// several; what is not known is empty.
    pub shipment: Option<[String; 5]>,
    /// Ordered, shipped, advised, received, billed before, billed.
    pub quantities: [Option<Decimal>; 6],
    /// The agreed price, who says it, and the price billed.
    pub prices: (Option<Decimal>, Option<&'static str>, Option<Decimal>),
    /// What it bills and what it should.
    pub amounts: (Decimal, Decimal),
    /// How it found its order: `line`, `item`, `number`, `none`.
    pub found: &'static str,
    /// Where it begins.
    pub segment_ordinal: Option<i64>,
}

/// A difference of an invoice of a run.
#[derive(Clone, Debug)]
pub struct NewDifference {
    /// Place of the invoice in the run.
    pub invoice: i32,
    /// Place among the invoice's differences, the first is 1.
    pub ordinal: i32,
    /// The exception that people settle.
    pub exception_id: Uuid,
    /// Why.
    pub reason: &'static str,
    /// Place of the line.
    pub line_ordinal: Option<i32>,
    /// Number of the line.
    pub line_number: Option<String>,
    /// Item or charge.
    pub item: Option<String>,
    /// What it comes to.
    pub amount: Option<Decimal>,
    /// The sentence.
    pub message: String,
    /// What it comes from.
    pub figures: serde_json::Value,
    /// The tolerance that lets it pass.
    pub tolerated: Option<String>,
    /// When it was found.
    pub first_seen_at: DateTime<Utc>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// What was decided, by whom, when and why.
    pub decision: Option<(String, String, DateTime<Utc>, String)>,
}

/// What was shipped or received and is not billed.
#[derive(Clone, Debug)]
pub struct NewUnbilled {
    /// Place in the run, the first is 1.
    pub ordinal: i32,
    /// `sale` or `purchase`.
    pub kind: &'static str,
    /// Whom it is to be billed to, or by whom.
    pub partner_id: String,
    /// The buyer's order.
    pub purchase_order_number: String,
    /// The depositor's order.
    pub order_number: Option<String>,
    /// The item.
    pub item: String,
    /// The unit of the quantities.
    pub unit: Option<String>,
    /// How much was shipped, and billed.
    pub quantities: (Decimal, Decimal),
    /// The agreed price, and what is not billed at that price.
    pub price: Option<(Decimal, Decimal)>,
    /// In which currency.
    pub currency: Option<String>,
    /// When it was shipped last.
    pub shipped_on: NaiveDate,
    /// The document that says so.
    pub document_id: Uuid,
    /// Its file's name.
    pub file_name: String,
    /// Where it says so.
    pub segment_ordinal: Option<i64>,
}

impl Work {
    /// Adds invoices to a run.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn copy_compared_invoices(
        &mut self,
        run: Uuid,
        invoices: &[NewComparedInvoice],
    ) -> Result<(), Error> {
        let mut copy = Copy::begin(
            self.connection(),
            "keep compared invoices",
            "copy reconciliation_invoice (run_id, invoice, document_id, partner_id, agreement, kind, is_credit,
                 invoice_number, invoiced_on, due_on, purchase_order_number, order_number, shipment_id, bill_of_lading,
                 currency, billed, expected, difference, tolerated, status, line_count, matched_line_count, file_id,
                 file_name, interchange_control_number, group_control_number, set_control_number, segment_ordinal,
                 previous_run_id, previous_expected, is_adjustment, terms, dispute_by, pro_number, warehouse, exchange_rate)
                 from stdin (format binary)",
        )
        .await?;
        for new in invoices {
            copy.value(Some(run)).value(Some(new.invoice)).value(Some(new.document_id));
            copy.text(Some(&new.partner_id)).text(new.agreement.as_deref());
            copy.text(Some(new.kind)).value(Some(new.is_credit)).text(new.invoice_number.as_deref());
            copy.value(Some(new.invoiced_on)).value(new.due_on);
            copy.text(new.purchase_order_number.as_deref()).text(new.order_number.as_deref());
            copy.text(new.shipment_id.as_deref()).text(new.bill_of_lading.as_deref());
            copy.text(Some(&new.currency)).value(Some(new.billed)).value(Some(new.expected));
            copy.value(Some(new.difference)).value(Some(new.tolerated)).text(Some(new.status));
            copy.value(Some(new.line_count)).value(Some(new.matched_line_count));
            copy.value(Some(new.file_id)).text(Some(&new.file_name));
            for number in &new.control_numbers {
                copy.text(number.as_deref());
            }
            copy.value(new.segment_ordinal);
            copy.value(new.previous.map(|(run, _)| run)).value(new.previous.map(|(_, expected)| expected));
            copy.value(Some(new.is_adjustment)).text(new.terms.as_deref()).value(new.dispute_by);
            copy.text(new.pro_number.as_deref()).text(new.warehouse.as_deref()).value(new.exchange_rate);
            copy.end_row().await?;
        }
        copy.finish().await
    }

    /// Adds lines to a run.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn copy_compared_lines(&mut self, run: Uuid, lines: &[NewComparedLine]) -> Result<(), Error> {
        let mut copy = Copy::begin(
            self.connection(),
            "keep compared lines",
            "copy reconciliation_line (run_id, invoice, ordinal, line_number, purchase_order_number, sku, buyer_item,
                 gtin, description, unit, ordered, shipped, advised, received, billed_before, billed, agreed_price,
                 price_from, price, amount, expected, found, segment_ordinal, base_quantity, base_unit, order_number,
                 shipment_id, bill_of_lading, pro_number, warehouse) from stdin (format binary)",
        )
        .await?;
        for new in lines {
            copy.value(Some(run)).value(Some(new.invoice)).value(Some(new.ordinal));
            copy.text(new.line_number.as_deref()).text(new.purchase_order_number.as_deref());
            copy.text(new.sku.as_deref()).text(new.buyer_item.as_deref()).text(new.gtin.as_deref());
            copy.text(new.description.as_deref()).text(new.unit.as_deref());
            for quantity in new.quantities {
                copy.value(quantity);
            }
            copy.value(new.prices.0).text(new.prices.1).value(new.prices.2);
            copy.value(Some(new.amounts.0)).value(Some(new.amounts.1)).text(Some(new.found));
            copy.value(new.segment_ordinal);
            copy.value(new.base_quantity).text(new.base_unit.as_deref());
            for at in 0..5 {
                copy.text(new.shipment.as_ref().and_then(|marks| marks.get(at)).map(String::as_str));
            }
            copy.end_row().await?;
        }
        copy.finish().await
    }

    /// Adds differences to a run.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn copy_differences(&mut self, run: Uuid, differences: &[NewDifference]) -> Result<(), Error> {
        let mut copy = Copy::begin(
            self.connection(),
            "keep differences",
            "copy reconciliation_difference (run_id, invoice, ordinal, exception_id, reason, line_ordinal, line_number,
                 item, amount, message, figures, tolerated, first_seen_at, owner, decision, decided_by, decided_at,
                 decided_why) from stdin (format binary)",
        )
        .await?;
        for new in differences {
            copy.value(Some(run)).value(Some(new.invoice)).value(Some(new.ordinal));
            copy.value(Some(new.exception_id)).text(Some(new.reason)).value(new.line_ordinal);
            copy.text(new.line_number.as_deref()).text(new.item.as_deref()).value(new.amount);
            copy.text(Some(&new.message)).json(&new.figures);
            copy.text(new.tolerated.as_deref()).value(Some(new.first_seen_at)).text(new.owner.as_deref());
            match &new.decision {
                Some((decision, by, at, why)) => {
                    copy.text(Some(decision)).text(Some(by)).value(Some(*at)).text(Some(why));
                }
                None => {
                    copy.text(None).text(None).text(None).text(None);
                }
            }
            copy.end_row().await?;
        }
        copy.finish().await
    }

    /// Adds what is not billed to a run.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn copy_unbilled(&mut self, run: Uuid, unbilled: &[NewUnbilled]) -> Result<(), Error> {
        let mut copy = Copy::begin(
            self.connection(),
            "keep what is not billed",
            "copy reconciliation_unbilled (run_id, ordinal, kind, partner_id, purchase_order_number, order_number, item,
                 unit, shipped, billed, price, amount, currency, shipped_on, document_id, file_name, segment_ordinal)
                 from stdin (format binary)",
        )
        .await?;
        for new in unbilled {
            copy.value(Some(run)).value(Some(new.ordinal)).text(Some(new.kind));
            copy.text(Some(&new.partner_id)).text(Some(&new.purchase_order_number));
            copy.text(new.order_number.as_deref()).text(Some(&new.item)).text(new.unit.as_deref());
            copy.value(Some(new.quantities.0)).value(Some(new.quantities.1));
            copy.value(new.price.map(|(price, _)| price)).value(new.price.map(|(_, amount)| amount));
            copy.text(new.currency.as_deref()).value(Some(new.shipped_on)).value(Some(new.document_id));
            copy.text(Some(&new.file_name)).value(new.segment_ordinal);
            copy.end_row().await?;
        }
        copy.finish().await
    }

    /// Adds the head of a run; the last thing of it.
    ///
    /// # Errors
    /// When the database cannot be written, or the run is there already.
    pub async fn insert_reconciliation_run(&mut self, run: &NewRun<'_>) -> Result<(), Error> {
        // Until somebody counts them the rows of a new run are as good as none, and joins of them are planned so.
        sqlx::query!("analyze reconciliation_invoice, reconciliation_difference")
            .execute(self.connection())
            .await
            .map_err(Error::query("count the rows of a run"))?;
        sqlx::query!(
            "insert into reconciliation_run (id, from_day, to_day, partner_id, agreement, as_of, actor, invoice_count,
                 line_count, digest, totals) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            run.id,
            run.days.0,
            run.days.1,
            run.partner_id,
            run.agreement,
            run.as_of,
            run.actor,
            run.invoice_count,
            run.line_count,
            &run.digest[..],
            run.totals,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("keep a reconciliation run"))
    }
}
