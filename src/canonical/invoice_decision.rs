//! A decision about an invoice: what becomes of the money of one of its differences.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::declare::record;
use super::field::Source;
use super::invoice::InvoiceKind;

record! {
    /// What a person decided about a difference of an invoice, for whoever pays or books it.
    pub struct InvoiceDecision {
        /// Its id, the same however often it is told.
        decision_id: Option<String>,
        /// `approve`, `short_pay`, `hold` or `ask_credit`.
        decision: Option<String>,
        /// By whom.
        decided_by: Option<String>,
        /// The day.
        decided_on: Option<NaiveDate>,
        /// Why, in the words of who decided.
        why: Option<String>,
        /// The partner who sent the invoice.
        partner: Option<String>,
        /// The agreement that it is under.
        agreement: Option<String>,
        /// Who bills whom for what.
        kind: Option<InvoiceKind>,
        /// Number of the invoice.
        invoice_number: Option<String>,
        /// Day of the invoice.
        invoiced_on: Option<NaiveDate>,
        /// The buyer's order.
        purchase_order_number: Option<String>,
        /// The depositor's order.
        order_number: Option<String>,
        /// Line of the invoice; none where the whole is meant.
        line_number: Option<String>,
        /// Why it differs: the reason's word.
        reason: Option<String>,
        /// The difference in a sentence.
        message: Option<String>,
        /// What the difference comes to; more than zero where too much is billed.
        amount: Option<Decimal>,
        /// What the whole invoice bills.
        total_amount: Option<Decimal>,
        /// Currency of the amounts, ISO 4217.
        currency: Option<String>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where it begins in its file.
        source: Option<Source>,
    }
}
