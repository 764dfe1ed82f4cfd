//! A shipping order: what a depositor tells a warehouse to ship.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use super::declare::record;
use super::field::Source;
use super::parts::{Carrier, DatedEvent, ItemId, Note, Party, Purpose, Reference};

record! {
    /// What a depositor, who owns the goods, tells a warehouse to ship.
    pub struct ShippingOrder {
        /// What it does to an earlier order.
        purpose: Option<Purpose>,
        /// The depositor's order number.
        order_number: Option<String>,
        /// The order number of whom the goods go to.
        purchase_order_number: Option<String>,
        /// Number that links several orders into one load.
        master_reference: Option<String>,
        /// Place of this order in its load.
        link_sequence: Option<i64>,
        /// Kind of order: a word or the sender's code.
        kind: Option<String>,
        /// Day on which the goods' receiver ordered.
        ordered_on: Option<NaiveDate>,
        /// The receiver's department.
        department: Option<String>,
        /// The depositor's number at the receiver.
        vendor_number: Option<String>,
        /// The receiver's own customer's order.
        customer_order_number: Option<String>,
        /// Bill of lading.
        bill_of_lading: Option<String>,
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
        /// Day after which the order is void.
        cancel_after: Option<NaiveDate>,
        /// Who pays the freight.
        freight_terms: Option<String>,
        /// Requested carrier.
        carrier: Carrier,
        /// The owner of the goods.
        depositor: Party,
        /// Where the goods come from: the warehouse.
        ship_from: Party,
        /// Where the goods go.
        ship_to: Party,
        /// Who buys, or the store that ordered.
        buyer: Party,
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
        /// Texts.
        notes: Vec<Note>,
        /// The lines.
        lines: Vec<ShippingOrderLine>,
        /// Sum of the quantities, as the sender counts them.
        total_quantity: Option<Decimal>,
        /// Weight of the whole order.
        total_weight: Option<Decimal>,
        /// Unit of that weight.
        weight_unit: Option<String>,
        /// Volume of the whole order.
        total_volume: Option<Decimal>,
        /// Unit of that volume.
        volume_unit: Option<String>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the order begins in its file.
        source: Option<Source>,
    }
}

record! {
    /// One line of a shipping order.
    pub struct ShippingOrderLine {
        /// The depositor's line number.
        line_number: Option<String>,
        /// Quantity to ship.
        quantity: Option<Decimal>,
        /// Unit of the quantity.
        unit: Option<String>,
        /// The depositor's item number.
        sku: Option<String>,
        /// The receiver's item number.
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
        /// Lot the depositor asks for.
        lot: Option<String>,
        /// Lot by the warehouse's numbering.
        warehouse_lot: Option<String>,
        /// Condition of the goods.
        condition: Option<String>,
        /// Units in a pack.
        pack: Option<Decimal>,
        /// Size of one unit.
        size: Option<Decimal>,
        /// Unit of that size.
        size_unit: Option<String>,
        /// Weight of the line.
        weight: Option<Decimal>,
        /// What the weight counts, such as gross.
        weight_kind: Option<String>,
        /// Unit of that weight.
        weight_unit: Option<String>,
        /// Amount of the line, where the sender gives one.
        amount: Option<Decimal>,
        /// Other numbers.
        references: Vec<Reference>,
        /// Other dates.
        dates: Vec<DatedEvent>,
        /// Texts.
        notes: Vec<Note>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the line begins in its file.
        source: Option<Source>,
    }
}
