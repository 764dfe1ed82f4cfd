//! A shipping advice: what a warehouse says it has shipped.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use super::declare::{record, words};
use super::field::Source;
use super::parts::{Carrier, DatedEvent, ItemId, Note, Party, Reference};

words! {
    /// How much an advice tells.
    pub enum Completeness {
        /// Every line in full.
        FullDetail = "full_detail",
        /// Everything was shipped as ordered; the lines may be missing.
        NoExceptions = "no_exceptions",
        /// Only the lines that differ from the order.
        ExceptionsOnly = "exceptions_only",
        /// A part of the order.
        Partial = "partial",
        /// Takes the place of one sent before.
        Replacement = "replacement",
    }
}

words! {
    /// What became of an ordered line.
    pub enum LineStatus {
        /// Shipped in full.
        Complete = "complete",
        /// Shipped in part; nothing follows.
        PartialNoBackorder = "partial_no_backorder",
        /// Shipped in part; the rest follows.
        PartialBackordered = "partial_backordered",
        /// Nothing shipped; it follows.
        Backordered = "backordered",
        /// Another item was shipped in its place.
        Substituted = "substituted",
        /// Nothing shipped, and nothing follows.
        Cancelled = "cancelled",
        /// Out of stock.
        OutOfStock = "out_of_stock",
        /// More was shipped than ordered.
        Overshipped = "overshipped",
        /// Not on the order.
        Added = "added",
        /// Any other; the sender's code is in `status_code`.
        Other = "other",
    }
}

words! {
    /// When an order counts as shipped to its end.
    pub enum FinalShipment {
        /// When the warehouse says so of each line: complete, or less and nothing follows.
        Stated = "stated",
        /// With the first advice, whatever it says: what it does not ship is not shipped any more.
        First = "first",
        /// When everything was shipped, or the warehouse says of a line that it is cancelled or out of stock. For
        /// warehouses that say `complete` of each part.
        Whole = "whole",
    }
}

#[expect(clippy::derivable_impls, reason = "what declares words derives no default")]
impl Default for FinalShipment {
    fn default() -> Self {
        Self::Stated
    }
}

record! {
    /// What a warehouse says it has shipped against a shipping order.
    pub struct ShippingAdvice {
        /// How much it tells.
        completeness: Option<Completeness>,
        /// The depositor's order number.
        order_number: Option<String>,
        /// The order number of whom the goods go to.
        purchase_order_number: Option<String>,
        /// The warehouse's shipment number.
        shipment_id: Option<String>,
        /// The warehouse's other number for it.
        agent_shipment_id: Option<String>,
        /// Number that links several orders into one load.
        master_reference: Option<String>,
        /// Place of this order in its load.
        link_sequence: Option<i64>,
        /// Kind of shipment: a word or the sender's code.
        kind: Option<String>,
        /// Day it was shipped.
        shipped_on: Option<NaiveDate>,
        /// Time of day it was shipped.
        shipped_at: Option<NaiveTime>,
        /// Expected day of delivery.
        deliver_on: Option<NaiveDate>,
        /// Expected time of delivery.
        deliver_at: Option<NaiveTime>,
        /// Bill of lading.
        bill_of_lading: Option<String>,
        /// Master bill of lading.
        master_bill_of_lading: Option<String>,
        /// The carrier's number of the shipment (PRO).
        pro_number: Option<String>,
        /// The parcel carrier's tracking number.
        tracking_number: Option<String>,
        /// The load, by the shipper's numbering.
        load_number: Option<String>,
        /// Appointment for delivery.
        appointment_number: Option<String>,
        /// The receiver's department.
        department: Option<String>,
        /// The depositor's number at the receiver.
        vendor_number: Option<String>,
        /// Who pays the freight.
        freight_terms: Option<String>,
        /// Who carries the goods.
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
        /// The packs. A sender that names no packs gives one without a name.
        packs: Vec<AdvicePack>,
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
        /// Where the advice begins in its file.
        source: Option<Source>,
    }
}

record! {
    /// One carton or pallet of an advice, or its lines when the sender names no packs.
    pub struct AdvicePack {
        /// The sender's number of the pack.
        number: Option<String>,
        /// Serial Shipping Container Code, as the sender writes it: 18 digits, or 20 with 00 in front.
        sscc: Option<String>,
        /// The parcel carrier's tracking number.
        tracking_number: Option<String>,
        /// Weight of the pack.
        weight: Option<Decimal>,
        /// Unit of that weight.
        weight_unit: Option<String>,
        /// Other marks and numbers on it.
        marks: Vec<Reference>,
        /// Other numbers.
        references: Vec<Reference>,
        /// What is in it.
        lines: Vec<AdviceLine>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the pack begins in its file.
        source: Option<Source>,
    }
}

record! {
    /// One line of an advice.
    pub struct AdviceLine {
        /// The depositor's line number.
        line_number: Option<String>,
        /// What became of the line.
        status: Option<LineStatus>,
        /// The sender's own code for that, where no word fits.
        status_code: Option<String>,
        /// Quantity ordered.
        quantity_ordered: Option<Decimal>,
        /// Quantity shipped.
        quantity_shipped: Option<Decimal>,
        /// Difference of the two, as the sender gives it; senders differ about its sign.
        quantity_difference: Option<Decimal>,
        /// Unit of the quantities.
        unit: Option<String>,
        /// Why the line was changed.
        reason: Option<String>,
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
        /// Lot.
        lot: Option<String>,
        /// Lot by the warehouse's numbering.
        warehouse_lot: Option<String>,
        /// Day on which it expires.
        expires_on: Option<NaiveDate>,
        /// Serial numbers.
        serials: Vec<SerialNumber>,
        /// Weight of the line.
        weight: Option<Decimal>,
        /// What the weight counts, such as gross.
        weight_kind: Option<String>,
        /// Unit of that weight.
        weight_unit: Option<String>,
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
    /// One serial number.
    pub struct SerialNumber {
        /// The number.
        number: Option<String>,
    }
}

impl AdviceLine {
    /// Whether anything of it was shipped.
    #[must_use]
    pub fn ships(&self) -> bool {
        self.quantity_shipped.is_some_and(|quantity| !quantity.is_zero())
    }
}

impl ShippingAdvice {
    /// The number that tells its shipment from others: the warehouse's own, else the bill of lading's.
    #[must_use]
    pub fn shipment_number(&self) -> Option<&str> {
        let numbers = [&self.shipment_id, &self.agent_shipment_id, &self.bill_of_lading];
        numbers.into_iter().find_map(|number| number.as_deref().filter(|number| !number.trim().is_empty()))
    }

    /// Whether anything was shipped.
    #[must_use]
    pub fn ships(&self) -> bool {
        self.lines().any(AdviceLine::ships)
    }

    /// Every line, whatever pack it is in.
    pub fn lines(&self) -> impl Iterator<Item = &AdviceLine> {
        self.packs.iter().flat_map(|pack| &pack.lines)
    }
}
