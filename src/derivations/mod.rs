//! Derivations: pure functions that make one record of another and its order.

use crate::canonical::{
    AdviceLine, NoticeItem, NoticeOrder, NoticePack, NoticeStructure, PackKind, Party, PurchaseOrder,
    PurchaseOrderLine, Purpose, Reference, ShipNotice, ShippingAdvice, ShippingOrder,
};
use chrono::NaiveDateTime;
use rust_decimal::Decimal;

/// What a derivation came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Derived<R> {
    /// The record.
    Record(Box<R>),
    /// Rightly none, and why: everything was cut, so nothing is on its way.
    Nothing(String),
    /// None yet, and what is missing.
    Waiting(String),
}

/// The ship notice of a shipping advice, echoing what the customer said in its purchase order: store,
/// department, its own item numbers and the order's date. It tells of the `nth` shipment of the number that the warehouse
/// gives, the first is 1, and is an original or a replacement. `at` is the present in the customer's zone.
#[must_use]
pub fn ship_notice(
    advice: &ShippingAdvice,
    shipping_order: Option<&ShippingOrder>,
    purchase_order: Option<&PurchaseOrder>,
    (nth, purpose): (usize, Purpose),
    at: NaiveDateTime,
) -> Derived<ShipNotice> {
    let number = advice
        .purchase_order_number
        .as_ref()
        .or_else(|| shipping_order.and_then(|order| order.purchase_order_number.as_ref()));
    let Some(order) = purchase_order else {
        let number = number.map_or("(none given)", String::as_str);
        return Derived::Waiting(format!(
            "purchase order {number} is not known, so its store and items cannot be echoed"
        ));
    };
    let shipped: Decimal = advice.lines().filter_map(|line| line.quantity_shipped).sum();
    if shipped.is_zero() {
        return Derived::Nothing(
            "every line was shipped as zero: the order is closed and nothing is on its way".to_owned(),
        );
    }
    let marked = advice.packs.iter().any(|pack| pack.sscc.is_some() || pack.tracking_number.is_some());
    let mut items = Vec::new();
    let mut packs = Vec::new();
    for pack in &advice.packs {
        let inside: Vec<NoticeItem> =
            pack.lines.iter().filter(|line| is_shipped(line)).map(|line| item(line, order)).collect();
        if inside.is_empty() {
            continue;
        }
        if marked {
            packs.push(NoticePack {
                kind: Some(PackKind::Carton),
                sscc: pack.sscc.clone(),
                tracking_number: pack.tracking_number.clone(),
                weight: pack.weight,
                weight_unit: pack.weight_unit.clone(),
                items: inside,
                ..NoticePack::default()
            });
        } else {
            items.extend(inside);
        }
    }
    let (item_count, packages) = (count_items(&packs) + items.len(), packs.len());
    let first = |candidates: [&Party; 3]| {
        candidates
            .into_iter()
            .find(|party| party.id.is_some() || party.name.is_some())
            .cloned()
            .unwrap_or_default()
    };
    let nobody = Party::default();
    let asked = shipping_order.map_or(&nobody, |order| &order.ship_to);
    let notice = ShipNotice {
        purpose: Some(purpose),
        shipment_id: shipment_id(advice, nth),
        created_on: Some(at.date()),
        created_at: Some(at.time()),
        structure: Some(if marked { NoticeStructure::OrderPackItem } else { NoticeStructure::OrderItem }),
        shipped_on: advice.shipped_on,
        shipped_at: advice.shipped_at,
        deliver_on: advice.deliver_on.or(order.deliver_on),
        bill_of_lading: advice.bill_of_lading.clone(),
        master_bill_of_lading: advice.master_bill_of_lading.clone(),
        pro_number: advice.pro_number.clone(),
        load_number: advice.load_number.clone(),
        appointment_number: advice.appointment_number.clone(),
        freight_terms: advice.freight_terms.clone(),
        carrier: advice.carrier.clone(),
        // TD101 for cartons of unknown material.
        package_kind: (packages > 0).then(|| "CTN25".to_owned()),
        packages: if packages > 0 { i64::try_from(packages).ok() } else { advice.pallets },
        // TD106 and TD107 stand together: `G` is gross weight.
        weight_kind: advice.total_weight.map(|_| "G".to_owned()),
        total_weight: advice.total_weight,
        weight_unit: advice.total_weight.and(advice.weight_unit.clone().or_else(|| Some("LB".to_owned()))),
        ship_from: first([
            &advice.ship_from,
            shipping_order.map_or(&nobody, |order| &order.ship_from),
            &order.ship_from,
        ]),
        ship_to: first([&order.ship_to, &advice.ship_to, asked]),
        orders: vec![NoticeOrder {
            purchase_order_number: order.purchase_order_number.clone(),
            release_number: order.release_number.clone(),
            ordered_on: order.ordered_on,
            order_number: advice.order_number.clone(),
            department: order.department.clone(),
            vendor_number: order.vendor_number.clone(),
            buyer: order.buyer.clone(),
            mark_for: order.mark_for.clone(),
            packs,
            items,
            ..NoticeOrder::default()
        }],
        line_count: i64::try_from(item_count).ok(),
        ..ShipNotice::default()
    };
    Derived::Record(Box::new(notice))
}

/// What identifies the shipment: the warehouse's own number, else its bill of lading, else the order. A customer takes two
/// notices of one number for one shipment, so that the second of a number has another.
fn shipment_id(advice: &ShippingAdvice, nth: usize) -> Option<String> {
    let number = advice.shipment_number().or(advice.order_number.as_deref())?.to_owned();
    if nth < 2 {
        return Some(number);
    }
    let more = format!("-{nth}");
    // BSN02 has room for 30.
    let room: String = number.chars().take(30 - more.len()).collect();
    Some(room + &more)
}

fn is_shipped(line: &AdviceLine) -> bool {
    line.quantity_shipped.is_some_and(|quantity| !quantity.is_zero())
}

fn count_items(packs: &[NoticePack]) -> usize {
    packs.iter().map(|pack| pack.items.len()).sum()
}

fn item(line: &AdviceLine, order: &PurchaseOrder) -> NoticeItem {
    let ordered = find_line(line, order);
    let echo = |pick: fn(&PurchaseOrderLine) -> &Option<String>, own: &Option<String>| {
        ordered.and_then(|ordered| pick(ordered).clone()).or_else(|| own.clone())
    };
    NoticeItem {
        line_number: echo(|ordered| &ordered.line_number, &line.line_number),
        sku: echo(|ordered| &ordered.sku, &line.sku),
        buyer_item: echo(|ordered| &ordered.buyer_item, &line.buyer_item),
        upc: echo(|ordered| &ordered.upc, &line.upc),
        gtin: echo(|ordered| &ordered.gtin, &line.gtin),
        description: echo(|ordered| &ordered.description, &line.description),
        quantity_shipped: line.quantity_shipped,
        unit: line.unit.clone(),
        quantity_ordered: ordered.and_then(|ordered| ordered.quantity),
        unit_ordered: ordered.and_then(|ordered| ordered.unit.clone()),
        lot: line.lot.clone(),
        expires_on: line.expires_on,
        references: Vec::<Reference>::new(),
        ..NoticeItem::default()
    }
}

/// The order's line for a shipped line: the same item, and the same line number where both have one.
fn find_line<'o>(line: &AdviceLine, order: &'o PurchaseOrder) -> Option<&'o PurchaseOrderLine> {
    let keys = line.keys();
    let mut same = order.lines.iter().filter(|ordered| ordered.keys().same(&keys));
    let first = same.clone().next();
    same.find(|ordered| ordered.line_number.is_some() && ordered.line_number == line.line_number).or(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::AdvicePack;
    use chrono::NaiveDate;

    const FIRST: (usize, Purpose) = (1, Purpose::Original);

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn at() -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2026, 11, 25).and_then(|date| date.and_hms_opt(9, 30, 0)).expect("a date")
    }

    fn order() -> PurchaseOrder {
        PurchaseOrder {
            purchase_order_number: text("PO1"),
            ordered_on: NaiveDate::from_ymd_opt(2026, 11, 20),
            department: text("021"),
            buyer: Party { id: text("0042"), ..Party::default() },
            lines: vec![PurchaseOrderLine {
                line_number: text("1"),
                quantity: Some(Decimal::from(10)),
                sku: text("SKU-1"),
                buyer_item: text("998877"),
                ..PurchaseOrderLine::default()
            }],
            ..PurchaseOrder::default()
        }
    }

    fn advice(shipped: i64, sscc: Option<String>) -> ShippingAdvice {
        let line = AdviceLine {
            sku: text("SKU-1"),
            quantity_shipped: Some(Decimal::from(shipped)),
            ..AdviceLine::default()
        };
        ShippingAdvice {
            shipment_id: text("S1"),
            purchase_order_number: text("PO1"),
            packs: vec![AdvicePack { sscc, lines: vec![line], ..AdvicePack::default() }],
            ..ShippingAdvice::default()
        }
    }

    #[test]
    fn a_notice_echoes_store_department_buyer_item_and_order_date() {
        let Derived::Record(notice) =
            ship_notice(&advice(9, text("00100000000000000017")), None, Some(&order()), FIRST, at())
        else {
            panic!("a shipped line makes a notice");
        };
        let told = &notice.orders[0];
        assert_eq!(told.buyer.id, text("0042"));
        assert_eq!(told.department, text("021"));
        assert_eq!(told.ordered_on, NaiveDate::from_ymd_opt(2026, 11, 20));
        let item = &told.packs[0].items[0];
        assert_eq!(
            (item.buyer_item.clone(), item.quantity_shipped),
            (text("998877"), Some(Decimal::from(9)))
        );
    }

    #[test]
    fn all_zero_makes_no_notice_and_an_unknown_order_waits() {
        assert!(matches!(
            ship_notice(&advice(0, None), None, Some(&order()), FIRST, at()),
            Derived::Nothing(_)
        ));
        assert!(
            matches!(ship_notice(&advice(9, None), None, None, FIRST, at()), Derived::Waiting(ref why) if why.contains("PO1"))
        );
    }
}
