//! Lines of a snapshot: what an invoice says of each, what its order and shipments say besides, and how it compares.

use super::shipments::{Marks, Shipments, name_of};
use crate::canonical::{Invoice, InvoiceLine, PurchaseOrder, PurchaseOrderLine, evened, same_number};
use crate::reconcile::{Comparison, Joined, Line, Match, Packs};
use crate::store::NewComparedLine;
use chrono::NaiveDate;
use rust_decimal::Decimal;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What the lines of an invoice are completed by.
pub(super) struct Besides<'k> {
    /// The orders that it bills, by evened number.
    pub(super) orders: BTreeMap<String, &'k PurchaseOrder>,
    pub(super) shipments: Shipments<'k>,
    pub(super) packs: &'k Packs,
    pub(super) day: NaiveDate,
}

pub(super) fn lines<'a>(
    invoice: i32,
    record: &'a Invoice,
    comparison: &'a Comparison,
    besides: &'a Besides<'a>,
) -> impl Iterator<Item = NewComparedLine> + 'a {
    let has_own = |line: &InvoiceLine| line.purchase_order_number.is_some() || line.bill_of_lading.is_some();
    let bills_several = record.orders_billed().len() > 1 || record.lines.iter().any(has_own);
    let mut shipped: BTreeMap<(Option<&str>, Option<&str>), [String; 5]> = BTreeMap::new();
    comparison.lines.iter().filter_map(move |compared| {
        let line = record.lines.get(compared.ordinal - 1)?;
        let order = line.purchase_order_number.as_deref().or(record.purchase_order_number.as_deref());
        let bill_of_lading = line.bill_of_lading.as_deref();
        let shipment = bills_several.then(|| {
            let shipment = shipped.entry((order, bill_of_lading));
            shipment.or_insert_with(|| shipment_of(record, order, bill_of_lading, &besides.shipments)).clone()
        });
        let ordered = match compared.found {
            Match::Line | Match::Item => besides.ordered(order, compared, line),
            // The order calls the item otherwise, or nobody knows what it calls it.
            Match::Number | Match::None => None,
        };
        let (own, theirs) = (line.keys(), ordered.map(PurchaseOrderLine::keys).unwrap_or_default());
        let skus = [own.sku.as_deref(), theirs.sku.as_deref()].into_iter().flatten().collect();
        let said = ordered.and_then(|ordered| ordered.pack).or(line.pack);
        let joined = Joined::of(besides.packs, skus, said, besides.day);
        let (base_quantity, base_unit) = base_of(line, &joined);
        let described = || ordered.and_then(|ordered| ordered.description.clone());
        Some(NewComparedLine {
            invoice,
            ordinal: i32::try_from(compared.ordinal).unwrap_or(i32::MAX),
            line_number: line.line_number.clone(),
            purchase_order_number: order.map(str::to_owned),
            sku: own.sku.or(theirs.sku).map(Cow::into_owned),
            buyer_item: own.buyer_item.or(theirs.buyer_item).map(Cow::into_owned),
            gtin: own.gtin.or(theirs.gtin).map(Cow::into_owned),
            description: line.description.clone().or_else(described),
            unit: line.unit.clone(),
            base_quantity,
            base_unit,
            shipment,
            quantities: [
                compared.ordered,
                compared.shipped,
                compared.advised,
                compared.received,
                compared.billed_before,
                line.quantity,
            ],
            prices: (compared.price, compared.price_from, line.unit_price),
            amounts: (compared.amount, compared.expected),
            found: compared.found.word(),
            segment_ordinal: line.source.map(|source| i64::from(source.segment_ordinal)),
        })
    })
}

impl Besides<'_> {
    /// The line of the order that a line bills: mostly it stands at the same place.
    fn ordered(
        &self,
        order: Option<&str>,
        compared: &Line,
        line: &InvoiceLine,
    ) -> Option<&PurchaseOrderLine> {
        let order = match (self.orders.len(), order) {
            (1, _) => self.orders.values().next(),
            (_, number) => self.orders.get(&evened(number?)),
        }?;
        let keys = line.keys();
        let is_it = |ordered: &&PurchaseOrderLine| ordered.keys().same(&keys);
        let at_place = order.lines.get(compared.ordinal - 1).filter(is_it);
        // What both call otherwise, and other documents know by both names, has the same number here and there.
        let of_number = || {
            let number = line.line_number.as_deref().filter(|_| compared.found == Match::Line);
            order.lines.iter().find(|one| same_number(one.line_number.as_deref(), number))
        };
        at_place.or_else(|| order.lines.iter().find(is_it)).or_else(of_number)
    }
}

/// What a line bills in the smallest unit of its item: nothing where that is the unit that is billed, a unit without a name
/// where nothing says how many it holds.
fn base_of(line: &InvoiceLine, joined: &Joined<'_>) -> (Option<Decimal>, Option<String>) {
    let (Some(unit), Some(quantity)) = (line.unit.as_deref(), line.quantity) else { return (None, None) };
    match joined.base(unit) {
        Some((each, of)) if each == Decimal::ONE && of == unit => (None, None),
        Some((each, of)) => (quantity.checked_mul(each).map(|all| all.normalize()), Some(of)),
        None => (None, Some(String::new())),
    }
}

/// The shipment of a line of an invoice that bills several.
fn shipment_of(
    record: &Invoice,
    order: Option<&str>,
    bill_of_lading: Option<&str>,
    shipments: &Shipments<'_>,
) -> [String; 5] {
    let own = Marks { bill_of_lading, ..Marks::default() };
    let own = if order == record.purchase_order_number.as_deref() && bill_of_lading.is_none() {
        marks_of(record)
    } else {
        own
    };
    let Marks { order_number, shipment_id, bill_of_lading, pro_number, warehouse } =
        shipments.complete(&own, order);
    [order_number, shipment_id, bill_of_lading, pro_number, warehouse].map(Option::unwrap_or_default)
}

/// What an invoice says of its shipment itself.
pub(super) fn marks_of(record: &Invoice) -> Marks<&str> {
    Marks {
        order_number: record.order_number.as_deref(),
        shipment_id: record.shipment_id.as_deref(),
        bill_of_lading: record.bill_of_lading.as_deref(),
        pro_number: record.pro_number.as_deref(),
        warehouse: name_of(&record.ship_from),
    }
}
