//! Documents that answer others: by which numbers they are known, and what asks for them. Pure.

use crate::canonical::{BusinessNumber, NumberKind, Purpose, Record, RecordKind};

/// What a document asks for: one entry for each number by which the answer is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What tells it from others of its kind and partner: of all its revisions the same.
    pub identity: String,
    /// The number that the answer names, too.
    pub number: BusinessNumber,
}

/// By which numbers an answer names what it answers; the first that the asking document has is taken.
const fn links(record: RecordKind) -> &'static [NumberKind] {
    use NumberKind::{BillOfLading, Order, PurchaseOrder, Shipment};
    match record {
        // Customers and suppliers know their own order numbers only.
        RecordKind::Invoice | RecordKind::ShipNotice | RecordKind::OrderAcknowledgment => {
            &[PurchaseOrder, Shipment, BillOfLading, Order]
        }
        _ => &[Order, PurchaseOrder, Shipment, BillOfLading],
    }
}

/// What a document asks for, where an answer of this kind must follow it. Nothing when it has no number to be named by.
#[must_use]
pub fn asked(record: &Record, answer: RecordKind) -> Vec<Asked> {
    let numbers = record.numbers();
    let kind = links(answer).iter().find(|kind| numbers.iter().any(|number| number.kind == **kind));
    let identity = match record.order_key() {
        (None, None) => record.business_number().map(crate::canonical::evened).unwrap_or_default(),
        (number, scope) => [number, scope].map(Option::unwrap_or_default).join("/"),
    };
    numbers
        .into_iter()
        .filter(|number| Some(&number.kind) == kind)
        .map(|number| Asked { identity: identity.clone(), number })
        .collect()
}

/// Whether a document takes back what it asked for before.
#[must_use]
pub fn is_withdrawn(record: &Record) -> bool {
    let purpose = match record {
        Record::PurchaseOrder(order) => order.purpose,
        Record::ShippingOrder(order) => order.purpose,
        Record::ShipNotice(notice) => notice.purpose,
        _ => None,
    };
    purpose == Some(Purpose::Cancellation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::{NoticeOrder, ShipNotice, ShippingOrder};

    fn told(record: &Record, answer: RecordKind) -> Vec<String> {
        let told = |asked: Asked| {
            let number = asked.number;
            format!("{}: {} {} in `{}`", asked.identity, number.kind, number.number, number.scope)
        };
        asked(record, answer).into_iter().map(told).collect()
    }

    #[test]
    fn an_advice_names_the_order_and_a_notice_the_purchase_order() {
        let mut order = ShippingOrder {
            order_number: Some("0047-a".to_owned()),
            purchase_order_number: Some("P1".to_owned()),
            ..ShippingOrder::default()
        };
        order.depositor.id = Some("d1".to_owned());
        let order = Record::from(order);
        assert_eq!(told(&order, RecordKind::ShippingAdvice), ["47-A/D1: order 47-A in `D1`"]);
        assert_eq!(told(&order, RecordKind::ShipNotice), ["47-A/D1: purchase_order P1 in ``"]);
    }

    #[test]
    fn a_notice_of_two_orders_asks_for_the_invoice_of_each() {
        let order = |number: &str| NoticeOrder {
            purchase_order_number: Some(number.to_owned()),
            ..NoticeOrder::default()
        };
        let notice = ShipNotice {
            shipment_id: Some("S1".to_owned()),
            orders: vec![order("P1"), order("P2")],
            ..ShipNotice::default()
        };
        assert_eq!(
            told(&notice.into(), RecordKind::Invoice),
            ["S1: purchase_order P1 in ``", "S1: purchase_order P2 in ``"]
        );
        let bare = ShipNotice::default();
        assert_eq!(told(&bare.into(), RecordKind::Invoice), Vec::<String>::new());
    }
}
