//! What documents say was shipped, announced, received or billed of an order, line by line.

use super::known::{Known, Stored};
use crate::canonical::{Invoice, InvoiceSense, LineStatus, ShipNotice, ShippingAdvice, StockReceipt};
use crate::reconcile::Moved;

/// The lines of an advice, for the purchase order under which it was found.
pub(super) fn advised<'a>(
    advice: &'a Stored<ShippingAdvice>,
    order: &'a str,
) -> impl Iterator<Item = Moved<'a>> + 'a {
    advice.record.lines().filter_map(move |line| {
        let quantity = line.quantity_shipped?;
        Some(Moved {
            order: Some(order),
            item: line.keys(),
            quantity,
            unit: line.unit.as_deref(),
            line: None,
            in_place_of: if line.status == Some(LineStatus::Substituted) {
                line.item_ids.iter().filter_map(|other| other.id.as_deref()).collect()
            } else {
                Vec::new()
            },
            document: advice.document,
            source: line.source,
        })
    })
}

/// What ship notices say of a sale that no advice tells of: those to or from its own partner, else those of one other, so
/// that a notice that was passed on counts once.
pub(super) fn noticed_of_sale<'a>(known: &'a Known, order: &'a str, partner: &str) -> Vec<Moved<'a>> {
    let own = known.noticed_for(order).find(|notice| notice.partner == partner);
    let Some(whose) = own.or_else(|| known.noticed_for(order).next()).map(|notice| &notice.partner) else {
        return Vec::new();
    };
    let notices = known.noticed_for(order).filter(|notice| notice.partner == *whose);
    notices.flat_map(|notice| noticed(notice, order)).collect()
}

pub(super) fn noticed<'a>(notice: &'a Stored<ShipNotice>, order: &'a str) -> Vec<Moved<'a>> {
    let items = notice.record.items_of(order);
    let moved = items.into_iter().filter_map(|item| {
        let quantity = item.quantity_shipped?;
        Some(Moved {
            order: Some(order),
            item: item.keys(),
            quantity,
            unit: item.unit.as_deref(),
            line: None,
            in_place_of: Vec::new(),
            document: notice.document,
            source: item.source,
        })
    });
    moved.collect()
}

/// The lines of a receipt that are of this order.
pub(super) fn received<'a>(
    receipt: &'a Stored<StockReceipt>,
    order: &'a str,
) -> impl Iterator<Item = Moved<'a>> + 'a {
    receipt.record.lines_of(order).filter_map(move |line| {
        let quantity = line.quantity_received?;
        Some(Moved {
            order: Some(order),
            item: line.keys(),
            quantity,
            unit: line.unit.as_deref(),
            line: None,
            in_place_of: Vec::new(),
            document: receipt.document,
            source: line.source,
        })
    })
}

/// The lines of an invoice that bill this order; what it credits counts less than zero, whatever sign it has.
pub(super) fn billed<'a>(
    invoice: &'a Stored<Invoice>,
    order: &'a str,
) -> impl Iterator<Item = Moved<'a>> + 'a {
    let credit = invoice.record.sense == Some(InvoiceSense::Credit);
    let of_order = invoice.record.lines_of(order);
    of_order.filter_map(move |line| {
        let quantity = line.quantity?;
        Some(Moved {
            order: Some(order),
            item: line.keys(),
            quantity: if credit { -quantity.abs() } else { quantity },
            unit: line.unit.as_deref(),
            line: line.line_number.as_deref(),
            in_place_of: Vec::new(),
            document: invoice.document,
            source: line.source,
        })
    })
}
