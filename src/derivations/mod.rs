//! Derivations: pure functions that make one record of another and its order.

use crate::canonical::{
    AdviceLine, AdvicePack, NoticeItem, NoticeOrder, NoticePack, NoticeStructure, PackKind, Party,
    PurchaseOrder, PurchaseOrderLine, Purpose, Reference, ShipNotice, ShippingAdvice, ShippingOrder, evened,
};
use chrono::NaiveDateTime;
use rust_decimal::Decimal;
use std::collections::HashMap;

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

/// One order of a shipment: what the warehouse says, and what it was told.
#[derive(Clone, Copy, Debug)]
pub struct Part<'r> {
    /// What was shipped.
    pub advice: &'r ShippingAdvice,
    /// What the warehouse was told to ship.
    pub shipping_order: Option<&'r ShippingOrder>,
    /// What the customer ordered.
    pub purchase_order: Option<&'r PurchaseOrder>,
}

/// Which telling of a shipment a notice is.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'r> {
    /// The number of the shipment: of one order the warehouse's, of several what they went together under. None is the
    /// first advice's own.
    pub number: Option<&'r str>,
    /// It is the so-manieth shipment of that number; the first is 1.
    pub nth: usize,
    /// An original, or a replacement of what was told before: where nothing is on its way any more, that is taken back.
    pub purpose: Purpose,
    /// The present in the customer's zone.
    pub at: NaiveDateTime,
}

/// The ship notice of what went together, echoing what the customer said in its purchase orders: store, department, its
/// own item numbers and the order's date. Waits until all of them are known.
#[must_use]
pub fn ship_notice(parts: &[Part<'_>], telling: Telling<'_>) -> Derived<ShipNotice> {
    let shipped: Decimal =
        parts.iter().flat_map(|part| part.advice.lines()).filter_map(|line| line.quantity_shipped).sum();
    let mut orders: Vec<(Part<'_>, &PurchaseOrder)> = Vec::new();
    for part in parts {
        let advice = part.advice;
        let number = advice
            .purchase_order_number
            .as_ref()
            .or_else(|| part.shipping_order.and_then(|order| order.purchase_order_number.as_ref()));
        let Some(order) = part.purchase_order else {
            let number = number.map_or("(none given)", String::as_str);
            return Derived::Waiting(format!(
                "purchase order {number} is not known, so its store and items cannot be echoed"
            ));
        };
        if advice.ships() {
            orders.push((*part, order));
        }
    }
    let (Some((first, order)), false) = (orders.first().copied(), shipped.is_zero()) else {
        if telling.purpose == Purpose::Replacement
            && let Some(notice) = taken_back(parts, telling)
        {
            return Derived::Record(Box::new(notice));
        }
        return Derived::Nothing(
            "every line was shipped as zero: the order is closed and nothing is on its way".to_owned(),
        );
    };
    let is_marked = |pack: &AdvicePack| pack.sscc.is_some() || pack.tracking_number.is_some();
    let marked = orders.iter().any(|(part, _)| part.advice.packs.iter().any(is_marked));
    let mut told: Vec<NoticeOrder> = Vec::new();
    for (part, order) in &orders {
        let (packs, items) = contents(part.advice, order, marked);
        // What went in several advices of one order is told as one.
        let same = told.iter_mut().find(|told| {
            told.purchase_order_number == order.purchase_order_number
                && told.release_number == order.release_number
                && told.order_number == part.advice.order_number
        });
        match same {
            Some(told) => {
                told.packs.extend(packs);
                told.items.extend(items);
            }
            None => told.push(NoticeOrder {
                purchase_order_number: order.purchase_order_number.clone(),
                release_number: order.release_number.clone(),
                ordered_on: order.ordered_on,
                order_number: part.advice.order_number.clone(),
                department: order.department.clone(),
                vendor_number: order.vendor_number.clone(),
                buyer: order.buyer.clone(),
                mark_for: order.mark_for.clone(),
                packs,
                items,
                ..NoticeOrder::default()
            }),
        }
    }
    let packages: usize = told.iter().map(|order| order.packs.len()).sum();
    let items: usize = told
        .iter()
        .map(|order| order.items.len() + order.packs.iter().map(|pack| pack.items.len()).sum::<usize>())
        .sum();
    let pallets = orders.iter().map(|(part, _)| part.advice.pallets).sum::<Option<i64>>();
    let (weight, weight_unit) = weight(orders.iter().map(|(part, _)| part.advice));
    let said = |candidates: [&Party; 3]| {
        let named = |party: &&Party| party.id.is_some() || party.name.is_some();
        candidates.into_iter().find(named).cloned().unwrap_or_default()
    };
    let (nobody, advice) = (Party::default(), first.advice);
    let asked = |party: fn(&ShippingOrder) -> &Party| first.shipping_order.map_or(&nobody, party);
    let notice = ShipNotice {
        purpose: Some(telling.purpose),
        shipment_id: shipment_id(advice, telling),
        created_on: Some(telling.at.date()),
        created_at: Some(telling.at.time()),
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
        packages: if packages > 0 { i64::try_from(packages).ok() } else { pallets },
        // TD106 and TD107 stand together: `G` is gross weight.
        weight_kind: weight.map(|_| "G".to_owned()),
        total_weight: weight,
        weight_unit: weight.and(weight_unit.or_else(|| Some("LB".to_owned()))),
        ship_from: said([&advice.ship_from, asked(|order| &order.ship_from), &order.ship_from]),
        ship_to: said([&order.ship_to, &advice.ship_to, asked(|order| &order.ship_to)]),
        orders: told,
        line_count: i64::try_from(items).ok(),
        ..ShipNotice::default()
    };
    Derived::Record(Box::new(notice))
}

/// Takes back what was told of a shipment: nothing of it is on its way after all.
fn taken_back(parts: &[Part<'_>], telling: Telling<'_>) -> Option<ShipNotice> {
    let first = parts.first()?;
    let mut told: Vec<NoticeOrder> = Vec::new();
    for (part, order) in parts.iter().filter_map(|part| Some((part, part.purchase_order?))) {
        let new = NoticeOrder {
            purchase_order_number: order.purchase_order_number.clone(),
            release_number: order.release_number.clone(),
            ordered_on: order.ordered_on,
            order_number: part.advice.order_number.clone(),
            buyer: order.buyer.clone(),
            ..NoticeOrder::default()
        };
        if !told.contains(&new) {
            told.push(new);
        }
    }
    Some(ShipNotice {
        purpose: Some(Purpose::Cancellation),
        shipment_id: shipment_id(first.advice, telling),
        created_on: Some(telling.at.date()),
        created_at: Some(telling.at.time()),
        structure: Some(NoticeStructure::OrderItem),
        shipped_on: first.advice.shipped_on,
        bill_of_lading: first.advice.bill_of_lading.clone(),
        pro_number: first.advice.pro_number.clone(),
        carrier: first.advice.carrier.clone(),
        orders: told,
        ..ShipNotice::default()
    })
}

/// What was shipped of one order: its cartons, or its items where no carton of the shipment is marked.
fn contents(
    advice: &ShippingAdvice,
    order: &PurchaseOrder,
    marked: bool,
) -> (Vec<NoticePack>, Vec<NoticeItem>) {
    let (mut packs, mut items): (Vec<NoticePack>, _) = (Vec::new(), Vec::new());
    let mut places: HashMap<String, usize> = HashMap::new();
    for pack in &advice.packs {
        let inside: Vec<NoticeItem> =
            pack.lines.iter().filter(|line| line.ships()).map(|line| item(line, order)).collect();
        if inside.is_empty() {
            continue;
        }
        // Some write a carton of several items once for each.
        let number = pack.sscc.as_deref().map(evened).filter(|number| !number.is_empty());
        let same = number.as_ref().and_then(|number| packs.get_mut(*places.get(number)?));
        if let Some(same) = same {
            same.items.extend(inside);
        } else if marked {
            places.extend(number.map(|number| (number, packs.len())));
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
    (packs, items)
}

/// The weight of several advices, where all give one in the same unit.
fn weight<'r>(mut advices: impl Iterator<Item = &'r ShippingAdvice>) -> (Option<Decimal>, Option<String>) {
    let Some(first) = advices.next() else { return (None, None) };
    let unit = first.weight_unit.clone();
    let add = |sum: Decimal, advice: &ShippingAdvice| {
        advice.total_weight.filter(|_| advice.weight_unit == unit).map(|weight| sum + weight)
    };
    let sum = first.total_weight.and_then(|weight| advices.try_fold(weight, add));
    (sum, unit)
}

/// What identifies the shipment: what it is told under, else the warehouse's own number, else its bill of lading, else
/// the order. A customer takes two notices of one number for one shipment, so that the second of a number has another.
fn shipment_id(advice: &ShippingAdvice, telling: Telling<'_>) -> Option<String> {
    let own = || advice.shipment_number().or(advice.order_number.as_deref());
    let number = telling.number.or_else(own)?.to_owned();
    if telling.nth < 2 {
        return Some(number);
    }
    let more = format!("-{}", telling.nth);
    // BSN02 has room for 30.
    let room: String = number.chars().take(30 - more.len()).collect();
    Some(room + &more)
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
    use chrono::NaiveDate;

    fn derive(
        advices: &[ShippingAdvice],
        order: Option<&PurchaseOrder>,
        number: Option<&str>,
    ) -> Derived<ShipNotice> {
        let part = |advice| Part { advice, shipping_order: None, purchase_order: order };
        let parts: Vec<Part<'_>> = advices.iter().map(part).collect();
        ship_notice(&parts, Telling { number, nth: 1, purpose: Purpose::Original, at: at() })
    }

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
            derive(&[advice(9, text("00100000000000000017"))], Some(&order()), None)
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
        assert!(matches!(derive(&[advice(0, None)], Some(&order()), None), Derived::Nothing(_)));
        assert!(
            matches!(derive(&[advice(9, None)], None, None), Derived::Waiting(ref why) if why.contains("PO1"))
        );
    }

    #[test]
    fn a_carton_that_is_written_once_for_each_of_its_items_is_one() {
        let mut mixed = advice(3, text("00100000000000000017"));
        let again = advice(2, text("100000000000000017")).packs.remove(0);
        mixed.packs.push(again);
        let Derived::Record(notice) = derive(&[mixed], Some(&order()), None) else {
            panic!("it makes a notice");
        };
        let told = &notice.orders[0];
        assert_eq!((told.packs.len(), told.packs[0].items.len(), notice.packages), (1, 2, Some(1)));
    }

    #[test]
    fn what_went_together_is_one_notice_under_its_own_number() {
        let weighed = |weight: i64, sscc: &str| ShippingAdvice {
            total_weight: Some(weight.into()),
            ..advice(3, text(sscc))
        };
        let other = ShippingAdvice { order_number: text("SO-2"), ..weighed(7, "2") };
        let parts = [weighed(5, "1"), other, advice(0, None)];
        let Derived::Record(notice) = derive(&parts, Some(&order()), Some("BOL-9")) else {
            panic!("it makes a notice");
        };
        assert_eq!(notice.shipment_id, text("BOL-9"));
        assert_eq!((notice.orders.len(), notice.packages, notice.line_count), (2, Some(2), Some(2)));
        // What weighs nothing was not shipped, so it does not spoil the sum.
        assert_eq!(notice.total_weight, Some(12.into()));
    }
}
