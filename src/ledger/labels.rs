//! Labels: an SSCC names one pack. Two packs of one document that have the same are told apart by what is in them.

use crate::canonical::{
    AdvicePack, ItemKeys, NoticeItem, NoticeOrder, NoticePack, Record, Source, evened, same_number,
};
use std::collections::HashMap;

/// A pack that bears an SSCC.
#[derive(Clone, Debug)]
struct Pack<'r> {
    sscc: &'r str,
    tracking: Option<&'r str>,
    source: Option<Source>,
    inside: Vec<Inside<'r>>,
}

/// What is in a pack, as far as one line tells.
#[derive(Clone, Debug)]
struct Inside<'r> {
    item: ItemKeys<'r>,
    order: Option<&'r str>,
    line: Option<&'r str>,
    lot: Option<&'r str>,
    /// Pieces with numbers of their own are never the same ones.
    has_serials: bool,
}

/// One SSCC on two packs of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledTwice {
    /// The SSCC, as the sender writes it.
    pub sscc: String,
    /// What tells that they are two.
    pub why: String,
    /// Where each stands.
    pub at: [Option<Source>; 2],
}

/// Each SSCC that stands on two packs of a document. Many write a carton of several items once for each: what holds other
/// items, lots or lines is one pack, what holds the same twice or bears two tracking numbers is two.
#[must_use]
pub fn labelled_twice(record: &Record) -> Vec<LabelledTwice> {
    let mut of_label: HashMap<String, Vec<Pack<'_>>> = HashMap::new();
    let mut found: Vec<LabelledTwice> = Vec::new();
    for pack in packs(record) {
        let number = evened(pack.sscc);
        // Of zeros alone it is none.
        if number == "0" || number.is_empty() {
            continue;
        }
        let earlier = of_label.entry(number).or_default();
        let other = earlier.iter().find_map(|other| Some((other, why_two(other, &pack)?)));
        if let Some((other, why)) = other
            && !found.iter().any(|found| same_number(Some(&found.sscc), Some(pack.sscc)))
        {
            let at = [other.source, pack.source];
            found.push(LabelledTwice { sscc: pack.sscc.trim().to_owned(), why, at });
        }
        earlier.push(pack);
    }
    found
}

/// Where the first pack with this SSCC begins, evened as it is compared.
#[must_use]
pub fn place_of_label(record: &Record, sscc: &str) -> Option<Source> {
    packs(record).into_iter().find(|pack| evened(pack.sscc) == sscc)?.source
}

fn why_two(one: &Pack<'_>, other: &Pack<'_>) -> Option<String> {
    if let (Some(one), Some(other)) = (one.tracking, other.tracking)
        && !same_number(Some(one), Some(other))
    {
        return Some(format!("they have the tracking numbers {one} and {other}"));
    }
    let differ = |one: Option<&str>, other: Option<&str>| {
        one.zip(other).is_some_and(|(one, other)| !same_number(Some(one), Some(other)))
    };
    let is_again = |one: &Inside<'_>, other: &Inside<'_>| {
        one.item.same(&other.item)
            && !differ(one.order, other.order)
            && !differ(one.line, other.line)
            && one.lot.is_some() == other.lot.is_some()
            && !differ(one.lot, other.lot)
            && !one.has_serials
            && !other.has_serials
    };
    let again = one.inside.iter().find(|own| other.inside.iter().any(|other| is_again(own, other)))?;
    Some(format!("both hold {}", again.item.shown()))
}

fn packs(record: &Record) -> Vec<Pack<'_>> {
    let mut found = Vec::new();
    match record {
        Record::ShippingAdvice(advice) => found.extend(advice.packs.iter().filter_map(of_advice)),
        Record::ShipNotice(notice) => {
            let mut walk = Walk { found: &mut found };
            walk.orders(&notice.orders);
            walk.packs(&notice.packs, None);
            walk.items(&notice.items, None);
        }
        _ => {}
    }
    found
}

fn of_advice(pack: &AdvicePack) -> Option<Pack<'_>> {
    let inside = pack.lines.iter().filter(|line| line.ships()).map(|line| Inside {
        item: line.keys(),
        order: None,
        line: line.line_number.as_deref(),
        lot: line.lot.as_deref().or(line.warehouse_lot.as_deref()),
        has_serials: !line.serials.is_empty(),
    });
    Some(Pack {
        sscc: pack.sscc.as_deref()?,
        tracking: named(pack.tracking_number.as_deref()),
        source: pack.source,
        inside: inside.collect(),
    })
}

fn named(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.trim().is_empty())
}

/// Walks the tree of a notice, whatever stands under what.
struct Walk<'r, 'f> {
    found: &'f mut Vec<Pack<'r>>,
}

impl<'r> Walk<'r, '_> {
    fn orders(&mut self, orders: &'r [NoticeOrder]) {
        for order in orders {
            let number = order.purchase_order_number.as_deref();
            self.packs(&order.packs, number);
            self.items(&order.items, number);
        }
    }

    fn packs(&mut self, packs: &'r [NoticePack], order: Option<&'r str>) {
        for pack in packs {
            if let Some(sscc) = pack.sscc.as_deref() {
                let mut inside: Vec<Inside<'_>> = pack.items.iter().map(|item| inside(item, order)).collect();
                for order in &pack.orders {
                    let number = order.purchase_order_number.as_deref();
                    inside.extend(order.items.iter().map(|item| self::inside(item, number)));
                }
                let tracking = named(pack.tracking_number.as_deref());
                self.found.push(Pack { sscc, tracking, source: pack.source, inside });
            }
            self.orders(&pack.orders);
            self.packs(&pack.packs, order);
            self.items(&pack.items, order);
        }
    }

    /// Where packs stand under their item, each holds some of it.
    fn items(&mut self, items: &'r [NoticeItem], order: Option<&'r str>) {
        for item in items {
            for pack in &item.packs {
                let Some(sscc) = pack.sscc.as_deref() else { continue };
                let tracking = named(pack.tracking_number.as_deref());
                let inside = vec![inside(item, order)];
                self.found.push(Pack { sscc, tracking, source: pack.source, inside });
            }
        }
    }
}

fn inside<'r>(item: &'r NoticeItem, order: Option<&'r str>) -> Inside<'r> {
    Inside {
        item: item.keys(),
        order,
        line: item.line_number.as_deref(),
        lot: item.lot.as_deref(),
        has_serials: item.references.iter().any(|one| one.qualifier.as_deref() == Some("serial")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::{AdviceLine, SerialNumber, ShipNotice, ShippingAdvice};

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn line(sku: &str) -> AdviceLine {
        AdviceLine { sku: text(sku), quantity_shipped: Some(5.into()), ..AdviceLine::default() }
    }

    fn pack(sscc: &str, line: AdviceLine) -> AdvicePack {
        AdvicePack { sscc: text(sscc), lines: vec![line], ..AdvicePack::default() }
    }

    fn told(packs: Vec<AdvicePack>) -> Vec<String> {
        let advice = ShippingAdvice { packs, ..ShippingAdvice::default() };
        labelled_twice(&advice.into())
            .into_iter()
            .map(|found| format!("{}: {}", found.sscc, found.why))
            .collect()
    }

    #[test]
    fn a_carton_that_is_written_once_for_each_item_is_one_and_the_same_item_twice_makes_two() {
        let none = Vec::<String>::new();
        assert_eq!(told(vec![pack("001", line("A")), pack("1", line("B"))]), none);
        assert_eq!(told(vec![pack("001", line("A")), pack("1", line("A"))]), ["1: both hold A"]);
        assert_eq!(told(vec![pack("000", line("A")), pack("000", line("A"))]), none, "that is no number");
        let lot = |lot: &str| AdviceLine { lot: text(lot), ..line("A") };
        assert_eq!(told(vec![pack("1", lot("L1")), pack("1", lot("L2"))]), none);
        assert_eq!(told(vec![pack("1", lot("L1")), pack("1", lot("L1"))]).len(), 1);
        let of_line = |number: &str| AdviceLine { line_number: text(number), ..line("A") };
        assert_eq!(told(vec![pack("1", of_line("1")), pack("1", of_line("2"))]), none);
        let serial = || AdviceLine { serials: vec![SerialNumber { number: text("S") }], ..line("A") };
        assert_eq!(told(vec![pack("1", serial()), pack("1", serial())]), none);
        let nothing = AdviceLine { quantity_shipped: Some(0.into()), ..line("A") };
        assert_eq!(told(vec![pack("1", line("A")), pack("1", nothing)]), none);
    }

    #[test]
    fn two_tracking_numbers_are_two_parcels() {
        let parcel =
            |number: &str, sku: &str| AdvicePack { tracking_number: text(number), ..pack("1", line(sku)) };
        assert_eq!(
            told(vec![parcel("1Z1", "A"), parcel("1Z2", "B"), parcel("1Z3", "C")]),
            ["1: they have the tracking numbers 1Z1 and 1Z2"]
        );
        assert!(told(vec![parcel("1Z1", "A"), parcel("1z1", "B")]).is_empty());
    }

    #[test]
    fn a_pallet_of_several_orders_is_one() {
        let notice = |orders: [&str; 2]| {
            let order = |number: &str| NoticeOrder {
                purchase_order_number: text(number),
                packs: vec![NoticePack {
                    sscc: text("1"),
                    items: vec![NoticeItem { sku: text("A"), ..NoticeItem::default() }],
                    ..NoticePack::default()
                }],
                ..NoticeOrder::default()
            };
            Record::from(ShipNotice { orders: orders.map(order).to_vec(), ..ShipNotice::default() })
        };
        assert!(labelled_twice(&notice(["P1", "P2"])).is_empty());
        assert_eq!(labelled_twice(&notice(["P1", "P1"])).len(), 1);
    }
}
