//! An inventory adjustment: what a warehouse has corrected in its stock.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::declare::record;
use super::field::Source;
use super::parts::{Contact, DatedEvent, ItemId, Note, Party, Purpose, Reference};

record! {
    /// What a warehouse has corrected in its stock, and why.
    pub struct InventoryAdjustment {
        /// What it does to an earlier adjustment.
        purpose: Option<Purpose>,
        /// Number of the adjustment.
        adjustment_number: Option<String>,
        /// The other side's number for it.
        other_number: Option<String>,
        /// Day of the adjustment.
        adjusted_on: Option<NaiveDate>,
        /// The order it follows from.
        order_number: Option<String>,
        /// The owner of the goods.
        depositor: Party,
        /// The warehouse.
        warehouse: Party,
        /// Other parties.
        parties: Vec<Party>,
        /// Other numbers.
        references: Vec<Reference>,
        /// Other dates.
        dates: Vec<DatedEvent>,
        /// Whom to ask.
        contacts: Vec<Contact>,
        /// Texts.
        notes: Vec<Note>,
        /// The lines.
        lines: Vec<InventoryAdjustmentLine>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the adjustment begins in its file.
        source: Option<Source>,
    }
}

record! {
    /// One line of an adjustment.
    pub struct InventoryAdjustmentLine {
        /// The depositor's line number.
        line_number: Option<String>,
        /// Why the stock was changed: a word or the sender's code.
        reason: Option<String>,
        /// By how much, as the sender signs it: more is positive, less is negative.
        quantity: Option<Decimal>,
        /// Unit of the quantity.
        unit: Option<String>,
        /// Which stock it is, such as salable or damaged: a word or the sender's code.
        stock_kind: Option<String>,
        /// The depositor's item number.
        sku: Option<String>,
        /// The buyer's item number.
        buyer_item: Option<String>,
        /// Universal Product Code, 12 digits.
        upc: Option<String>,
        /// UPC of the case, 12 digits.
        case_upc: Option<String>,
        /// Global Trade Item Number, 13 or 14 digits.
        gtin: Option<String>,
        /// Other item numbers.
        item_ids: Vec<ItemId>,
        /// What it is, in words.
        description: Option<String>,
        /// Lot.
        lot: Option<String>,
        /// Day on which the lot expires.
        expires_on: Option<NaiveDate>,
        /// Lot by the warehouse's numbering.
        warehouse_lot: Option<String>,
        /// Weight of the line.
        weight: Option<Decimal>,
        /// What the weight counts, such as gross.
        weight_kind: Option<String>,
        /// Unit of that weight.
        weight_unit: Option<String>,
        /// What the goods are worth.
        amount: Option<Decimal>,
        /// Places that the goods were moved between.
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
