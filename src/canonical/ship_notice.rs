//! A ship notice: what a seller tells a buyer is on its way, as one tree of orders, packs and items.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use super::declare::{record, words};
use super::field::Source;
use super::numbers::same_number;
use super::parts::{Carrier, DatedEvent, ItemId, Note, Party, Purpose, Reference};

words! {
    /// How a notice nests what it lists.
    pub enum NoticeStructure {
        /// Shipment, orders, packs, items: pick and pack.
        OrderPackItem = "order_pack_item",
        /// Shipment, orders, items, packs: standard pack.
        OrderItemPack = "order_item_pack",
        /// Shipment, orders, items.
        OrderItem = "order_item",
        /// Shipment, packs, orders, items.
        PackOrderItem = "pack_order_item",
        /// Shipment, items.
        Item = "item",
    }
}

words! {
    /// What a pack is.
    pub enum PackKind {
        /// A pallet, with cartons or items on it.
        Pallet = "pallet",
        /// A carton.
        Carton = "carton",
        /// A pack in a carton.
        InnerPack = "inner_pack",
    }
}

record! {
    /// What a seller tells a buyer is on its way.
    pub struct ShipNotice {
        /// What it does to an earlier notice.
        purpose: Option<Purpose>,
        /// The seller's shipment number.
        shipment_id: Option<String>,
        /// Day the notice was made.
        created_on: Option<NaiveDate>,
        /// Time of day the notice was made.
        created_at: Option<NaiveTime>,
        /// How it nests what it lists.
        structure: Option<NoticeStructure>,
        /// Kind of notice: a word or the sender's code.
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
        /// The load, by the shipper's numbering.
        load_number: Option<String>,
        /// Appointment for delivery.
        appointment_number: Option<String>,
        /// Who pays the freight.
        freight_terms: Option<String>,
        /// Place where the risk passes.
        freight_place: Option<String>,
        /// Who carries the goods.
        carrier: Carrier,
        /// Kind of package, such as CTN25.
        package_kind: Option<String>,
        /// Number of packages.
        packages: Option<i64>,
        /// What the weight counts, such as gross.
        weight_kind: Option<String>,
        /// Weight of the whole shipment.
        total_weight: Option<Decimal>,
        /// Unit of that weight.
        weight_unit: Option<String>,
        /// Volume of the whole shipment.
        total_volume: Option<Decimal>,
        /// Unit of that volume.
        volume_unit: Option<String>,
        /// Where the goods come from.
        ship_from: Party,
        /// Where the goods go.
        ship_to: Party,
        /// The buyer.
        buyer: Party,
        /// The seller.
        seller: Party,
        /// Other parties.
        parties: Vec<Party>,
        /// Other numbers.
        references: Vec<Reference>,
        /// Other dates.
        dates: Vec<DatedEvent>,
        /// Dates of the notice itself, not of the shipment.
        notice_dates: Vec<DatedEvent>,
        /// Texts.
        notes: Vec<Note>,
        /// The orders, where they stand directly under the shipment.
        orders: Vec<NoticeOrder>,
        /// The packs, where they stand directly under the shipment.
        packs: Vec<NoticePack>,
        /// The items, where they stand directly under the shipment.
        items: Vec<NoticeItem>,
        /// Number of levels or lines, as the sender counts them.
        line_count: Option<i64>,
        /// Sum of the quantities, as the sender counts them.
        total_quantity: Option<Decimal>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the notice begins in its file.
        source: Option<Source>,
    }
}

record! {
    /// One order in a shipment.
    pub struct NoticeOrder {
        /// The buyer's order number.
        purchase_order_number: Option<String>,
        /// Release of a blanket order.
        release_number: Option<String>,
        /// Change of the order that this follows.
        change_number: Option<String>,
        /// Day of the order.
        ordered_on: Option<NaiveDate>,
        /// Contract it is under.
        contract_number: Option<String>,
        /// The seller's order number.
        order_number: Option<String>,
        /// The buyer's department.
        department: Option<String>,
        /// The seller's number at the buyer.
        vendor_number: Option<String>,
        /// The invoice that bills it.
        invoice_number: Option<String>,
        /// The buyer's store or place the order is for.
        buyer: Party,
        /// Where the order goes.
        ship_to: Party,
        /// Final store, where the goods go through another place.
        mark_for: Party,
        /// Other parties.
        parties: Vec<Party>,
        /// Kind of package, such as CTN25.
        package_kind: Option<String>,
        /// Number of packages.
        packages: Option<i64>,
        /// What the weight counts, such as gross.
        weight_kind: Option<String>,
        /// Weight of the order.
        weight: Option<Decimal>,
        /// Unit of that weight.
        weight_unit: Option<String>,
        /// Other numbers.
        references: Vec<Reference>,
        /// Other dates.
        dates: Vec<DatedEvent>,
        /// The packs of the order.
        packs: Vec<NoticePack>,
        /// The items that stand directly under the order.
        items: Vec<NoticeItem>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the order begins in its file.
        source: Option<Source>,
    }
}

record! {
    /// One pallet or carton; packs may hold packs.
    pub struct NoticePack {
        /// What it is.
        kind: Option<PackKind>,
        /// Serial Shipping Container Code, as the sender writes it: 18 digits, or 20 with 00 in front.
        sscc: Option<String>,
        /// The parcel carrier's tracking number.
        tracking_number: Option<String>,
        /// Other marks and numbers on it.
        marks: Vec<Reference>,
        /// Kind of package, such as CTN25.
        package_kind: Option<String>,
        /// Number of packages it holds.
        packages: Option<i64>,
        /// What the weight counts, such as gross.
        weight_kind: Option<String>,
        /// Weight of the pack.
        weight: Option<Decimal>,
        /// Unit of that weight.
        weight_unit: Option<String>,
        /// Units in it, where the pack stands under its item.
        quantity: Option<Decimal>,
        /// Unit of that quantity.
        unit: Option<String>,
        /// Other numbers.
        references: Vec<Reference>,
        /// Other dates.
        dates: Vec<DatedEvent>,
        /// The orders in it, where a pallet holds several.
        orders: Vec<NoticeOrder>,
        /// The packs in it.
        packs: Vec<NoticePack>,
        /// The items in it.
        items: Vec<NoticeItem>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the pack begins in its file.
        source: Option<Source>,
    }
}

record! {
    /// One item of a shipment.
    pub struct NoticeItem {
        /// The buyer's line number.
        line_number: Option<String>,
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
        /// Quantity shipped.
        quantity_shipped: Option<Decimal>,
        /// Unit of the quantity shipped.
        unit: Option<String>,
        /// Quantity shipped to date.
        quantity_to_date: Option<Decimal>,
        /// Quantity ordered.
        quantity_ordered: Option<Decimal>,
        /// Unit of the quantity ordered.
        unit_ordered: Option<String>,
        /// What became of the line: a word or the sender's code.
        status: Option<String>,
        /// Units in a pack.
        pack: Option<Decimal>,
        /// Size of one unit.
        size: Option<Decimal>,
        /// Unit of that size.
        size_unit: Option<String>,
        /// Lot.
        lot: Option<String>,
        /// Day on which it expires.
        expires_on: Option<NaiveDate>,
        /// Other numbers, serial numbers among them.
        references: Vec<Reference>,
        /// Other dates.
        dates: Vec<DatedEvent>,
        /// The packs it is in, where packs stand under their item.
        packs: Vec<NoticePack>,
        /// A partner's own fields.
        extra: BTreeMap<String, String>,
        /// Where the item begins in its file.
        source: Option<Source>,
    }
}

impl ShipNotice {
    /// Every item of one purchase order, whatever it is packed in. A notice that names no order on the way to
    /// an item speaks of every order.
    #[must_use]
    pub fn items_of(&self, purchase_order_number: &str) -> Vec<&NoticeItem> {
        let mut found = Vec::new();
        let mut wanted = Wanted { number: Some(purchase_order_number), found: &mut found };
        wanted.take(true, &self.orders, &self.packs, &self.items);
        found
    }

    /// Every item, whatever order it is of.
    #[must_use]
    pub fn items(&self) -> Vec<&NoticeItem> {
        let mut found = Vec::new();
        Wanted { number: None, found: &mut found }.take(true, &self.orders, &self.packs, &self.items);
        found
    }
}

struct Wanted<'n, 'f> {
    /// Of this order; of any, if none.
    number: Option<&'f str>,
    found: &'f mut Vec<&'n NoticeItem>,
}

impl<'n> Wanted<'n, '_> {
    fn take(
        &mut self,
        ours: bool,
        orders: &'n [NoticeOrder],
        packs: &'n [NoticePack],
        items: &'n [NoticeItem],
    ) {
        if ours {
            self.found.extend(items);
        }
        for order in orders {
            let own = order.purchase_order_number.as_deref();
            let ours = self.number.is_none() || own.is_none() || same_number(own, self.number);
            self.take(ours, &[], &order.packs, &order.items);
        }
        for pack in packs {
            self.take(ours, &pack.orders, &pack.packs, &pack.items);
        }
    }
}
