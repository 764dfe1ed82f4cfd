//! Which documents count: a replacement takes the place of those before it, a cancellation takes them away.

use super::{Order, Said};
use crate::canonical::{
    Completeness, FinalShipment, Invoice, PurchaseOrder, Purpose, Record, ShipNotice, ShippingAdvice,
    ShippingOrder, evened, same_number,
};
use std::borrow::Cow;
use std::collections::HashMap;
use uuid::Uuid;

/// What documents of one order say, added the oldest first.
#[derive(Debug, Default)]
pub struct Told<'r> {
    shipping_order: Option<Said<'r, ShippingOrder>>,
    purchase_orders: Vec<(&'r str, Said<'r, PurchaseOrder>)>,
    advices: Vec<(&'r str, Said<'r, ShippingAdvice>)>,
    notices: Vec<(&'r str, Said<'r, ShipNotice>)>,
    invoices: Vec<Said<'r, Invoice>>,
}

impl<'r> Told<'r> {
    /// Adds what a document from or to a partner says; no copy of another.
    pub fn add(&mut self, partner: &'r str, document: Uuid, record: &'r Record) {
        match record {
            Record::ShippingOrder(later) => match &mut self.shipping_order {
                Some(order) => {
                    *order = Said { document, record: Cow::Owned(order.record.revised(later)) };
                }
                None => self.shipping_order = Some(Said::new(document, later)),
            },
            Record::PurchaseOrder(later) => {
                let same = |(of, order): &&mut (&str, Said<'_, PurchaseOrder>)| {
                    *of == partner
                        && same_number(
                            order.record.purchase_order_number.as_deref(),
                            later.purchase_order_number.as_deref(),
                        )
                };
                match self.purchase_orders.iter_mut().find(same) {
                    Some((_, order)) => {
                        *order = Said { document, record: Cow::Owned(order.record.revised(later)) };
                    }
                    None => self.purchase_orders.push((partner, Said::new(document, later))),
                }
            }
            Record::ShippingAdvice(advice) => self.advices.push((partner, Said::new(document, advice))),
            Record::ShipNotice(notice) => self.notices.push((partner, Said::new(document, notice))),
            Record::Invoice(invoice) => self.invoices.push(Said::new(document, invoice)),
            _ => {}
        }
    }

    /// What counts of it, for this purchase order.
    #[must_use]
    pub fn in_force(self, purchase_order_number: Option<String>) -> Order<'r> {
        let number = purchase_order_number.as_deref();
        let is_it = |(_, order): &(&str, Said<'_, PurchaseOrder>)| {
            same_number(order.record.purchase_order_number.as_deref(), number)
        };
        let purchase_order = self.purchase_orders.into_iter().find(is_it).map(|(_, order)| order);
        let advices: Vec<_> = self.advices.iter().map(|(of, said)| (*of, said.record.as_ref())).collect();
        let advices = advices_in_force(&advices);
        let notices: Vec<_> = self.notices.iter().map(|(of, said)| (*of, said.record.as_ref())).collect();
        let notices = notices_in_force(&notices);
        Order {
            shipping_order: self.shipping_order,
            purchase_order,
            advices: counting(self.advices, advices),
            notices: counting(self.notices, notices),
            invoices: self.invoices,
            purchase_order_number,
            final_shipment: FinalShipment::Stated,
        }
    }
}

fn counting<'r, R: Clone>(said: Vec<(&'r str, Said<'r, R>)>, counts: Vec<bool>) -> Vec<Said<'r, R>> {
    said.into_iter().zip(counts).filter(|(_, counts)| *counts).map(|((_, said), _)| said).collect()
}

/// Whether each of these advices counts, given with their senders and the oldest first: a replacement takes the place of
/// those before it of the same shipment, or of the whole order where it names no shipment.
#[must_use]
pub fn advices_in_force(advices: &[(&str, &ShippingAdvice)]) -> Vec<bool> {
    let mut counts = vec![true; advices.len()];
    let mut of_order: HashMap<(&str, String), Vec<usize>> = HashMap::new();
    for (at, (sender, advice)) in advices.iter().enumerate() {
        let number = advice.order_number.as_deref().map(evened).unwrap_or_default();
        let before = of_order.entry((sender, number)).or_default();
        if advice.completeness == Some(Completeness::Replacement) {
            for earlier in before.iter() {
                counts[*earlier] &= !replaces(advice, advices[*earlier].1);
            }
        }
        before.push(at);
    }
    counts
}

fn replaces(later: &ShippingAdvice, earlier: &ShippingAdvice) -> bool {
    let depositors = (later.depositor.id.as_deref(), earlier.depositor.id.as_deref());
    let others = matches!(depositors, (Some(_), Some(_))) && !same_number(depositors.0, depositors.1);
    let named = later.shipment_number();
    !others && (named.is_none() || same_number(named, earlier.shipment_number()))
}

/// Whether each of these notices counts, given with their senders or receivers and the oldest first: of one shipment the
/// last, and none that was cancelled.
#[must_use]
pub fn notices_in_force(notices: &[(&str, &ShipNotice)]) -> Vec<bool> {
    let mut counts = vec![true; notices.len()];
    let mut last: HashMap<(&str, String), usize> = HashMap::new();
    for (at, (partner, notice)) in notices.iter().enumerate() {
        let number = notice.shipment_id.as_deref().map(evened).unwrap_or_default();
        match notice.purpose {
            Some(Purpose::Cancellation | Purpose::Replacement | Purpose::Change | Purpose::Reissue) => {
                counts[at] = notice.purpose != Some(Purpose::Cancellation);
                if let Some(earlier) = last.insert((partner, number), at) {
                    counts[earlier] = false;
                }
            }
            // A copy, or a word about it.
            Some(Purpose::Duplicate | Purpose::Confirmation | Purpose::Information) => counts[at] = false,
            // A second original is a second shipment, whatever its number.
            Some(Purpose::Original | Purpose::Advance) | None => {
                last.insert((partner, number), at);
            }
        }
    }
    counts
}
