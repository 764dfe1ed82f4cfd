//! A stock receipt: what a warehouse says has arrived there.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use super::declare::{record, words};
use super::field::Source;
use super::numbers::{evened, same_number};
use super::parts::{Carrier, Contact, DatedEvent, ItemId, Note, Party, Reference};

words! {
    /// What kind of receipt it is, and how much it tells.
    pub enum ReceiptKind {
        /// Every line in full.
        FullDetail = "full_detail",
        /// Everything arrived as announced; the lines may be missing.
        NoExceptions = "no_exceptions",
        /// Only the lines that differ from what was announced.
        ExceptionsOnly = "exceptions_only",
        /// A customer sent goods back.
        CustomerReturn = "customer_return",
        /// Goods come from production.
        Production = "production",
        /// Takes the place of one sent before.
        Replacement = "replacement",
        /// Takes back one sent before.
        Cancellation = "cancellation",
        /// Any other; the sender's code is in `kind_code`.
        Other = "other",
    }
}

record! {
    /// What a warehouse says has arrived and is in its stock now.
    pub struct StockReceipt {
        /// What kind of receipt it is.
        kind: Option<ReceiptKind>,
        /// The sender's own code for that.
        kind_code: Option<String>,
        /// The warehouse's number of the receipt.
        receipt_number: Option<String>,
        /// Day the goods arrived.
        received_on: Option<NaiveDate>,
        /// Time of day the goods arrived.
        received_at: Option<NaiveTime>,
        /// The depositor's order number, as he announced it.
        order_number: Option<String>,
        /// The purchase order under which the goods were bought.
        purchase_order_number: Option<String>,
        /// The shipper's number of the shipment.
        shipment_id: Option<String>,
        /// Number that links several receipts of one load.
        master_reference: Option<String>,
        /// Place of this receipt in its load.
        link_sequence: Option<i64>,
        /// Bill of lading.
        bill_of_lading: Option<String>,
        /// The carrier's number of the shipment (PRO).
        pro_number: Option<String>,
        /// Who carried the goods.
        carrier: Carrier,
        /// The owner of the goods.
        depositor: Party,
        /// The warehouse.
        warehouse: Party,
        /// Where the goods came from.
        ship_from: Party,
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
        /// Temperatures measured on arrival.
        temperatures: Vec<Temperature>,
        /// The lines.
        lines: Vec<StockReceiptLine>,
        /// Pallets received.
        pallets: Option<i64>,
        /// Pallets given back to the carrier.
        pallets_returned: Option<i64>,
        /// Units received, as the sender counts them.
        total_received: Option<Decimal>,
        /// Units that were announced, as the sender counts them.
        total_shipped: Option<Decimal>,
        /// Units damaged or on hold, as the sender counts them.
        total_held: Option<Decimal>,
        /// Pieces received, such as cartons.
        pieces_received: Option<i64>,
        /// Pieces the carrier took.
        pieces: Option<i64>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the receipt begins in its file.
        source: Option<Source>,
    }
}

record! {
    /// One line of a receipt.
    pub struct StockReceiptLine {
        /// The depositor's line number.
        line_number: Option<String>,
        /// The purchase order, where the receipt is of several.
        purchase_order_number: Option<String>,
        /// The sender's number of the pack it came in.
        pack_number: Option<String>,
        /// Serial Shipping Container Code of that pack.
        sscc: Option<String>,
        /// Quantity received, good and bad.
        quantity_received: Option<Decimal>,
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
        /// Lot by the warehouse's numbering.
        warehouse_lot: Option<String>,
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
        /// What is short, over, damaged or on hold.
        exceptions: Vec<ReceiptException>,
        /// Other numbers, SSCCs of pallets and serial numbers among them.
        references: Vec<Reference>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the line begins in its file.
        source: Option<Source>,
    }
}

impl StockReceipt {
    /// Whether goods that were bought may have come with it: what a customer sends back and what comes from production
    /// was not.
    #[must_use]
    pub fn is_of_purchase(&self) -> bool {
        !matches!(self.kind, Some(ReceiptKind::CustomerReturn | ReceiptKind::Production))
    }

    /// The purchase order that it names for all its lines, in its own place or among its references.
    fn purchase_order(&self) -> Option<&str> {
        self.purchase_order_number.as_deref().or_else(|| {
            let is_it = |reference: &&Reference| reference.qualifier.as_deref() == Some("purchase_order");
            self.references.iter().find(is_it)?.value.as_deref()
        })
    }

    /// The numbers of the purchase orders that it is of, as they are written.
    pub fn purchase_orders(&self) -> impl Iterator<Item = &str> {
        let lines = self.lines.iter().filter_map(|line| line.purchase_order_number.as_deref());
        self.purchase_order().into_iter().chain(lines)
    }

    /// The same, evened, each once.
    #[must_use]
    pub fn orders_received(&self) -> BTreeSet<String> {
        self.purchase_orders().map(evened).collect()
    }

    /// The purchase order that a line of it is of, by the line's own word or the receipt's.
    #[must_use]
    pub fn order_of<'r>(&'r self, line: &'r StockReceiptLine) -> Option<&'r str> {
        line.purchase_order_number.as_deref().or_else(|| self.purchase_order())
    }

    /// Its lines that are of this purchase order.
    pub fn lines_of<'r>(
        &'r self,
        purchase_order_number: &'r str,
    ) -> impl Iterator<Item = &'r StockReceiptLine> {
        self.lines.iter().filter(move |line| same_number(self.order_of(line), Some(purchase_order_number)))
    }
}

record! {
    /// A part of a line that is not as it should be.
    pub struct ReceiptException {
        /// What is wrong: a word or the sender's code.
        condition: Option<String>,
        /// Quantity it is wrong with.
        quantity: Option<Decimal>,
        /// Unit of the quantity.
        unit: Option<String>,
        /// Lot by the warehouse's numbering.
        warehouse_lot: Option<String>,
        /// How it was damaged: a word or the sender's code.
        damage: Option<String>,
        /// Other numbers.
        references: Vec<Reference>,
    }
}

record! {
    /// A temperature measured on arrival.
    pub struct Temperature {
        /// Where it was measured: a word or the sender's code.
        place: Option<String>,
        /// Degrees.
        degrees: Option<Decimal>,
        /// Unit of the degrees.
        unit: Option<String>,
    }
}
