//! A purchase order: what a buyer orders of a seller.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use super::declare::record;
use super::field::Source;
use super::parts::{
    Carrier, Charge, Contact, DatedEvent, ItemId, LineComponent, Note, Party, Price, Purpose, Reference,
    StoreSplit, Tax, Terms,
};

record! {
    /// What a buyer orders of a seller.
    pub struct PurchaseOrder {
        /// What it does to an earlier order.
        purpose: Option<Purpose>,
        /// Kind of order: a word or the sender's code.
        kind: Option<String>,
        /// The buyer's order number.
        purchase_order_number: Option<String>,
        /// Release of a blanket order.
        release_number: Option<String>,
        /// Number of the change, where it changes an earlier order.
        change_number: Option<String>,
        /// Day of the change.
        changed_on: Option<NaiveDate>,
        /// The seller's order number, where the buyer repeats it.
        order_number: Option<String>,
        /// Day of the order.
        ordered_on: Option<NaiveDate>,
        /// Contract it is under.
        contract_number: Option<String>,
        /// The buyer's department.
        department: Option<String>,
        /// The seller's number at the buyer.
        vendor_number: Option<String>,
        /// The buyer's customer's order.
        customer_order_number: Option<String>,
        /// Promotion or event.
        promotion: Option<String>,
        /// Currency of all amounts, ISO 4217.
        currency: Option<String>,
        /// Requested day of shipping.
        ship_on: Option<NaiveDate>,
        /// Earliest day of shipping.
        ship_not_before: Option<NaiveDate>,
        /// Latest day of shipping.
        ship_not_after: Option<NaiveDate>,
        /// Requested day of delivery.
        deliver_on: Option<NaiveDate>,
        /// Requested time of delivery.
        deliver_at: Option<NaiveTime>,
        /// Latest day of delivery.
        deliver_not_after: Option<NaiveDate>,
        /// Day after which the order is void.
        cancel_after: Option<NaiveDate>,
        /// Who pays the freight.
        freight_terms: Option<String>,
        /// Place where the risk passes.
        freight_place: Option<String>,
        /// Requested carrier.
        carrier: Carrier,
        /// The buyer, or the store that orders.
        buyer: Party,
        /// The seller.
        seller: Party,
        /// Where the goods go.
        ship_to: Party,
        /// Where the goods come from.
        ship_from: Party,
        /// Who pays.
        bill_to: Party,
        /// Final store, where the goods go through another place.
        mark_for: Party,
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
        /// Allowances and charges on the whole order.
        charges: Vec<Charge>,
        /// Taxes on the whole order.
        taxes: Vec<Tax>,
        /// Terms of payment.
        terms: Vec<Terms>,
        /// The lines.
        lines: Vec<PurchaseOrderLine>,
        /// Number of lines, as the sender counts them.
        line_count: Option<i64>,
        /// Sum of the quantities, as the sender counts them.
        total_quantity: Option<Decimal>,
        /// Amount of the whole order.
        total_amount: Option<Decimal>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the order begins in its file.
        source: Option<Source>,
    }
}

record! {
    /// One line of a purchase order.
    pub struct PurchaseOrderLine {
        /// The buyer's line number.
        line_number: Option<String>,
        /// What a change does to the line: a word or the sender's code.
        change: Option<String>,
        /// Quantity still to come, as the buyer of a change counts it.
        quantity_left: Option<Decimal>,
        /// Quantity ordered.
        quantity: Option<Decimal>,
        /// Unit of the quantity.
        unit: Option<String>,
        /// Price of one unit, or of what `price_basis` says.
        unit_price: Option<Decimal>,
        /// What the price is per, when not per unit.
        price_basis: Option<String>,
        /// Retail price.
        retail_price: Option<Decimal>,
        /// Amount of the line, where the sender gives one.
        amount: Option<Decimal>,
        /// The seller's item number.
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
        /// Units in a pack.
        pack: Option<Decimal>,
        /// Size of one unit.
        size: Option<Decimal>,
        /// Unit of that size.
        size_unit: Option<String>,
        /// Units in an inner pack.
        inner_pack: Option<Decimal>,
        /// Requested day of shipping, where the line has its own.
        ship_on: Option<NaiveDate>,
        /// Requested day of delivery, where the line has its own.
        deliver_on: Option<NaiveDate>,
        /// Where the line goes, where it has its own place.
        ship_to: Party,
        /// Other numbers.
        references: Vec<Reference>,
        /// Other dates.
        dates: Vec<DatedEvent>,
        /// Texts.
        notes: Vec<Note>,
        /// Allowances and charges.
        charges: Vec<Charge>,
        /// Other prices.
        prices: Vec<Price>,
        /// How the line is split over stores.
        splits: Vec<StoreSplit>,
        /// What it consists of, where it is a kit or an assortment.
        components: Vec<LineComponent>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the line begins in its file.
        source: Option<Source>,
    }
}
