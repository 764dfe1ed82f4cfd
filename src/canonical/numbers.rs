//! The numbers by which people and partners know a record, and when two of them are the same.

use super::declare::words;
use super::field::{FieldType, Group, Shape, Value};
use super::{Party, PurchaseOrder, Record, ShippingOrder};
use std::rc::Rc;

words! {
    /// What a number names.
    pub enum NumberKind {
        /// A depositor's order.
        Order = "order",
        /// A buyer's order.
        PurchaseOrder = "purchase_order",
        /// A shipment.
        Shipment = "shipment",
        /// A bill of lading.
        BillOfLading = "bill_of_lading",
        /// A carrier's shipment.
        Pro = "pro",
        /// A parcel.
        Tracking = "tracking",
        /// A carton or a pallet.
        Sscc = "sscc",
        /// An invoice.
        Invoice = "invoice",
        /// A lot.
        Lot = "lot",
    }
}

/// A number that a record is found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BusinessNumber {
    /// What it names.
    pub kind: NumberKind,
    /// As it is compared; see [`evened`].
    pub number: String,
    /// What it is unique within, evened: the depositor of an order, the release of a purchase order. May be empty.
    pub scope: String,
    /// As the sender writes it.
    pub raw: String,
}

/// A number as it is compared: senders differ in blanks around it, zeros before it, and case.
#[must_use]
pub fn evened(number: &str) -> String {
    bare(number).to_uppercase()
}

/// Without blanks and zeros in front. A number of zeros alone is one, too.
fn bare(number: &str) -> &str {
    let trimmed = number.trim();
    let zeros = trimmed.bytes().take_while(|byte| *byte == b'0').count();
    let bare = trimmed.get(zeros..).unwrap_or_default();
    if bare.is_empty() && !trimmed.is_empty() { "0" } else { bare }
}

/// Whether both are given and are the same number.
#[must_use]
pub fn same_number(one: Option<&str>, other: Option<&str>) -> bool {
    if let (Some(one), Some(other)) = (one, other)
        && one == other
    {
        return !one.trim().is_empty();
    }
    match (one.map(bare), other.map(bare)) {
        (Some(""), _) | (_, Some("")) => false,
        (Some(one), Some(other)) if one.is_ascii() && other.is_ascii() => one.eq_ignore_ascii_case(other),
        (Some(one), Some(other)) => one.to_uppercase() == other.to_uppercase(),
        _ => false,
    }
}

/// What tells orders of one partner apart: the number, and what it is unique within, evened.
pub type OrderKey = (Option<String>, Option<String>);

impl NumberKind {
    /// What a field of this name holds, wherever it stands.
    fn of(field: &str) -> Option<Self> {
        Some(match field {
            "order_number" => Self::Order,
            "purchase_order_number" => Self::PurchaseOrder,
            "shipment_id" | "agent_shipment_id" => Self::Shipment,
            "bill_of_lading" | "master_bill_of_lading" => Self::BillOfLading,
            "pro_number" => Self::Pro,
            "tracking_number" | "tracking" => Self::Tracking,
            "sscc" => Self::Sscc,
            "invoice_number" | "original_invoice_number" => Self::Invoice,
            "lot" | "warehouse_lot" => Self::Lot,
            _ => return None,
        })
    }
}

impl Record {
    /// Every number it is found by, each once: its own, those of its packs and lines, and those among its references.
    #[must_use]
    pub fn numbers(&self) -> Vec<BusinessNumber> {
        let depositor = self.depositor().and_then(|party| party.id.as_deref());
        numbers_of(self.group(), depositor)
    }

    /// What tells it from other orders of its partner: documents of one key are about one order. Of a purchase order the
    /// number and the release, of a shipping order the number and the depositor; nothing of other records.
    #[must_use]
    pub fn order_key(&self) -> OrderKey {
        match self {
            Self::PurchaseOrder(order) => order.key(),
            Self::ShippingOrder(order) => order.key(),
            _ => (None, None),
        }
    }

    /// The owner of the goods, where the record names one.
    #[must_use]
    pub fn depositor(&self) -> Option<&Party> {
        let party = match self {
            Self::ShippingOrder(order) => &order.depositor,
            Self::ShippingAdvice(advice) => &advice.depositor,
            Self::StockTransfer(transfer) => &transfer.depositor,
            Self::StockReceipt(receipt) => &receipt.depositor,
            Self::InventoryStatus(status) => &status.depositor,
            Self::InventoryAdjustment(adjustment) => &adjustment.depositor,
            Self::PurchaseOrder(_)
            | Self::ShipNotice(_)
            | Self::Invoice(_)
            | Self::InvoiceDecision(_)
            | Self::OrderAcknowledgment(_) => {
                return None;
            }
        };
        Some(party).filter(|party| party.id.is_some() || party.name.is_some())
    }
}

impl PurchaseOrder {
    /// Number and release; see [`Record::order_key`].
    #[must_use]
    pub fn key(&self) -> OrderKey {
        (self.purchase_order_number.as_deref().map(evened), self.release_number.as_deref().map(evened))
    }
}

impl ShippingOrder {
    /// Number and depositor; see [`Record::order_key`].
    #[must_use]
    pub fn key(&self) -> OrderKey {
        (self.order_number.as_deref().map(evened), self.depositor.id.as_deref().map(evened))
    }
}

/// Every number of a group of fields and of what is below it, each once.
#[must_use]
pub fn numbers_of(group: &dyn Group, depositor: Option<&str>) -> Vec<BusinessNumber> {
    let mut gathering = Gathering { shapes: Vec::new(), found: Vec::new() };
    gathering.add(group, &depositor.map(evened).unwrap_or_default(), "");
    let mut found = gathering.found;
    found.sort();
    found.dedup_by(|one, other| {
        (one.kind, &one.number, &one.scope) == (other.kind, &other.number, &other.scope)
    });
    found
}

struct Gathering {
    /// Shapes that were met, and what is known of them: a record has few shapes and many lines.
    shapes: Vec<(&'static Shape, Rc<Telling>)>,
    found: Vec<BusinessNumber>,
}

/// Which fields of a shape tell numbers.
struct Telling {
    /// Of a reference: what says which number it is, and the number.
    reference: Option<(usize, usize)>,
    release: Option<usize>,
    numbers: Vec<(usize, NumberKind)>,
    /// Lists of what tells more.
    lists: Vec<usize>,
}

impl Telling {
    fn of(shape: &Shape) -> Self {
        let place = |name: &str| shape.find(name).map(|(place, _)| place);
        let fields = || shape.fields.iter().enumerate();
        let numbers = fields().filter(|(_, field)| matches!(field.holds, FieldType::Text));
        let is_list = |name: &str| matches!(name, "orders" | "packs" | "items" | "lines" | "references");
        Self {
            reference: place("qualifier").zip(place("value")).filter(|_| shape.name == "Reference"),
            release: place("release_number"),
            numbers: numbers.filter_map(|(id, field)| Some((id, NumberKind::of(field.name)?))).collect(),
            lists: fields().filter(|(_, field)| is_list(field.name)).map(|(id, _)| id).collect(),
        }
    }
}

impl Gathering {
    fn telling(&mut self, shape: &'static Shape) -> Rc<Telling> {
        if let Some((_, telling)) = self.shapes.iter().find(|(known, _)| std::ptr::eq(*known, shape)) {
            return telling.clone();
        }
        let telling = Rc::new(Telling::of(shape));
        self.shapes.push((shape, telling.clone()));
        telling
    }

    /// A release stands beside its purchase order, and holds for what is below.
    fn add(&mut self, group: &dyn Group, depositor: &str, release: &str) {
        let telling = self.telling(group.shape());
        let text = |id: usize| match group.field(id).get() {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        };
        let own = telling.release.and_then(text).map(|release| evened(&release));
        let release = own.as_deref().unwrap_or(release);
        let mut add = |kind, raw: &str| {
            let number = evened(raw);
            let scope = match kind {
                NumberKind::Order => depositor.to_owned(),
                NumberKind::PurchaseOrder => release.to_owned(),
                _ => String::new(),
            };
            if !number.is_empty() {
                self.found.push(BusinessNumber { kind, number, scope, raw: raw.trim().to_owned() });
            }
        };
        if let Some((qualifier, value)) = telling.reference {
            let kind = text(qualifier).and_then(|qualifier| NumberKind::of(&qualifier));
            if let (Some(kind), Some(raw)) = (kind, text(value)) {
                add(kind, &raw);
            }
            return;
        }
        for (id, kind) in &telling.numbers {
            if let Some(raw) = text(*id) {
                add(*kind, &raw);
            }
        }
        for id in &telling.lists {
            let list = group.field(*id);
            for item in (0..list.len()).filter_map(|index| list.item(index)) {
                self.add(item, depositor, release);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        AdviceLine, AdvicePack, NoticeItem, NoticeOrder, NoticePack, Reference, ShipNotice, ShippingAdvice,
    };
    use super::*;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn told(record: &Record) -> Vec<String> {
        let told = |number: BusinessNumber| {
            let scope = if number.scope.is_empty() { String::new() } else { format!(" in {}", number.scope) };
            format!("{} {}{scope}", number.kind, number.number)
        };
        record.numbers().into_iter().map(told).collect()
    }

    #[test]
    fn zeros_case_and_blanks_do_not_make_another_number() {
        assert!(same_number(Some("000471-a "), Some("471-A")));
        assert!(same_number(Some("000"), Some("0")));
        assert!(!same_number(Some(" "), Some("")) && !same_number(None, None));
        assert!(!same_number(Some("4710"), Some("471")));
    }

    #[test]
    fn an_advice_is_found_by_order_shipment_pack_and_lot() {
        let line = AdviceLine { lot: text("L1"), ..AdviceLine::default() };
        let pack =
            AdvicePack { sscc: text("00106141410000000019"), lines: vec![line], ..AdvicePack::default() };
        let mut advice = ShippingAdvice {
            order_number: text("so-1"),
            purchase_order_number: text("0047"),
            shipment_id: text("S1"),
            packs: vec![pack.clone(), pack],
            references: vec![Reference {
                qualifier: text("bill_of_lading"),
                value: text("B2"),
                ..Reference::default()
            }],
            ..ShippingAdvice::default()
        };
        advice.depositor.id = text("d1");
        assert_eq!(
            told(&advice.into()),
            [
                "order SO-1 in D1",
                "purchase_order 47",
                "shipment S1",
                "bill_of_lading B2",
                "sscc 106141410000000019",
                "lot L1"
            ]
        );
    }

    #[test]
    fn a_notice_names_each_order_with_its_release() {
        let item = NoticeItem { lot: text("L9"), ..NoticeItem::default() };
        let pack = NoticePack { tracking_number: text("1Z9"), items: vec![item], ..NoticePack::default() };
        let order = |number: &str, release: Option<String>| NoticeOrder {
            purchase_order_number: text(number),
            release_number: release,
            packs: vec![pack.clone()],
            ..NoticeOrder::default()
        };
        let notice = ShipNotice {
            shipment_id: text("S1"),
            orders: vec![order("P1", text("03")), order("P2", None)],
            ..ShipNotice::default()
        };
        assert_eq!(
            told(&notice.into()),
            ["purchase_order P1 in 3", "purchase_order P2", "shipment S1", "tracking 1Z9", "lot L9"]
        );
    }
}
