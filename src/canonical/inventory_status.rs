//! An inventory status: what a warehouse or a seller says is in stock.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use super::declare::record;
use super::field::Source;
use super::parts::{Contact, DatedEvent, ItemId, Note, Party, Price, Purpose, Reference};

record! {
    /// What is in stock, item by item, at one moment.
    pub struct InventoryStatus {
        /// What it does to an earlier status.
        purpose: Option<Purpose>,
        /// Kind of report: a word or the sender's code.
        kind: Option<String>,
        /// The sender's number of the report.
        report_number: Option<String>,
        /// Day the figures are of.
        reported_on: Option<NaiveDate>,
        /// Time of day the figures are of.
        reported_at: Option<NaiveTime>,
        /// Currency of all amounts, ISO 4217.
        currency: Option<String>,
        /// The owner of the goods.
        depositor: Party,
        /// The warehouse.
        warehouse: Party,
        /// The seller.
        seller: Party,
        /// The buyer, or the store.
        buyer: Party,
        /// Other parties.
        parties: Vec<Party>,
        /// Other numbers.
        references: Vec<Reference>,
        /// Other dates.
        dates: Vec<DatedEvent>,
        /// Whom to ask.
        contacts: Vec<Contact>,
        /// The lines.
        lines: Vec<InventoryStatusLine>,
        /// Number of lines, as the sender counts them.
        line_count: Option<i64>,
        /// Sum of the quantities, as the sender counts them.
        total_quantity: Option<Decimal>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the status begins in its file.
        source: Option<Source>,
    }
}

record! {
    /// One item, or one lot of it, and its quantities.
    pub struct InventoryStatusLine {
        /// The sender's line number.
        line_number: Option<String>,
        /// The depositor's or seller's item number.
        sku: Option<String>,
        /// The buyer's item number.
        buyer_item: Option<String>,
        /// Universal Product Code, 12 digits.
        upc: Option<String>,
        /// Global Trade Item Number, 13 or 14 digits.
        gtin: Option<String>,
        /// Other item numbers.
        item_ids: Vec<ItemId>,
        /// What it is, in words.
        description: Option<String>,
        /// What it is, further: colour, size and the like, by the sender's code.
        descriptions: Vec<Note>,
        /// Lot.
        lot: Option<String>,
        /// Day on which the lot expires.
        expires_on: Option<NaiveDate>,
        /// Where in the warehouse it is.
        location: Option<String>,
        /// What there is of it.
        quantities: Vec<StockQuantity>,
        /// Prices.
        prices: Vec<Price>,
        /// Places that hold it.
        parties: Vec<Party>,
        /// Other numbers.
        references: Vec<Reference>,
        /// Other dates.
        dates: Vec<DatedEvent>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the line begins in its file.
        source: Option<Source>,
    }
}

record! {
    /// A quantity and what it counts.
    pub struct StockQuantity {
        /// What it counts, such as on_hand or available: a word or the sender's code.
        kind: Option<String>,
        /// How much.
        quantity: Option<Decimal>,
        /// Unit of the quantity.
        unit: Option<String>,
        /// Dates that belong to it, such as when more comes.
        dates: Vec<DatedEvent>,
    }
}

impl InventoryStatusLine {
    /// The quantity of one kind, such as `on_hand`, with its unit.
    #[must_use]
    pub fn quantity(&self, kind: &str) -> Option<(Decimal, Option<&str>)> {
        let found = self.quantities.iter().find(|quantity| quantity.kind.as_deref() == Some(kind))?;
        Some((found.quantity?, found.unit.as_deref()))
    }
}
