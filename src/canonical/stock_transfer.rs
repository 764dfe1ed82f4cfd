//! A stock transfer: goods that a depositor says are on their way to a warehouse.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use super::declare::record;
use super::field::Source;
use super::parts::{Carrier, Contact, DatedEvent, ItemId, Note, Party, Reference};
use super::shipping_advice::Completeness;

record! {
    /// What is on its way to a warehouse, to be put into stock there.
    pub struct StockTransfer {
        /// How much it tells.
        completeness: Option<Completeness>,
        /// The depositor's order number.
        order_number: Option<String>,
        /// The purchase order under which the goods were bought.
        purchase_order_number: Option<String>,
        /// The shipper's number of the shipment.
        shipment_id: Option<String>,
        /// The shipping place's other number for it.
        agent_shipment_id: Option<String>,
        /// Number that links several transfers into one load.
        master_reference: Option<String>,
        /// Place of this transfer in its load.
        link_sequence: Option<i64>,
        /// Kind of shipment: a word or the sender's code.
        kind: Option<String>,
        /// Day it was shipped.
        shipped_on: Option<NaiveDate>,
        /// Expected day of arrival.
        deliver_on: Option<NaiveDate>,
        /// Expected time of arrival.
        deliver_at: Option<NaiveTime>,
        /// Bill of lading.
        bill_of_lading: Option<String>,
        /// The carrier's number of the shipment (PRO).
        pro_number: Option<String>,
        /// The load, by the shipper's numbering.
        load_number: Option<String>,
        /// Appointment for unloading.
        appointment_number: Option<String>,
        /// Who pays the freight.
        freight_terms: Option<String>,
        /// Who carries the goods.
        carrier: Carrier,
        /// The owner of the goods.
        depositor: Party,
        /// Where the goods come from.
        ship_from: Party,
        /// Where the goods go, where that is not the warehouse's own address.
        ship_to: Party,
        /// The warehouse that will receive the goods.
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
        lines: Vec<StockTransferLine>,
        /// Number of pallets.
        pallets: Option<i64>,
        /// Units shipped, as the sender counts them.
        total_shipped: Option<Decimal>,
        /// Weight of the whole shipment.
        total_weight: Option<Decimal>,
        /// Unit of that weight.
        weight_unit: Option<String>,
        /// Volume of the whole shipment.
        total_volume: Option<Decimal>,
        /// Unit of that volume.
        volume_unit: Option<String>,
        /// Number of pieces the carrier took.
        pieces: Option<i64>,
        /// What the pieces are, such as cartons.
        pieces_unit: Option<String>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the transfer begins in its file.
        source: Option<Source>,
    }
}

record! {
    /// One line of a transfer.
    pub struct StockTransferLine {
        /// The depositor's line number.
        line_number: Option<String>,
        /// Quantity shipped.
        quantity_shipped: Option<Decimal>,
        /// Unit of the quantity.
        unit: Option<String>,
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
        /// Why the goods must not be used yet: a word or the sender's code.
        hold: Option<String>,
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
        /// Other numbers, SSCCs of pallets and serial numbers among them.
        references: Vec<Reference>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the line begins in its file.
        source: Option<Source>,
    }
}
