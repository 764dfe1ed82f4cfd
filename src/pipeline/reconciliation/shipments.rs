//! What the shipments and receipts of an order say that its invoice leaves out: their numbers, and the warehouse.

use super::super::compare::Index;
use super::super::known::{Known, Stored};
use crate::canonical::{
    Invoice, InvoiceKind, Party, ShipNotice, ShippingAdvice, StockReceipt, evened, same_number,
};
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// Numbers of a shipment, and where the goods came from or went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks<T> {
    pub(super) order_number: Option<T>,
    pub(super) shipment_id: Option<T>,
    pub(super) bill_of_lading: Option<T>,
    pub(super) pro_number: Option<T>,
    pub(super) warehouse: Option<T>,
}

/// A shipment or a receipt.
#[derive(Default)]
struct Shipment<'k> {
    marks: Marks<&'k str>,
    shipped_on: Option<NaiveDate>,
    received_on: Option<NaiveDate>,
}

/// The shipments of the orders that an invoice bills.
pub(super) struct Shipments<'k> {
    /// By evened order number; of a bill of services none.
    of_order: BTreeMap<String, Vec<Shipment<'k>>>,
}

impl<'k> Shipments<'k> {
    pub(super) fn of(
        (partner, invoice): (&str, &Invoice),
        kind: InvoiceKind,
        known: &'k Known,
        index: &Index<'k>,
    ) -> Self {
        let numbers = invoice.orders_billed().into_iter();
        let of_order = numbers.map(|number| {
            let shipments = match kind {
                InvoiceKind::Sale => of_sale(known, &number, partner),
                InvoiceKind::Purchase => {
                    let notices = known.noticed_for(&number).filter(|notice| notice.partner == partner);
                    notices.map(notice).chain(index.receiving(&number).map(receipt)).collect()
                }
                InvoiceKind::Service => Vec::new(),
            };
            (number, shipments)
        });
        Self { of_order: of_order.collect() }
    }

    /// What an invoice, or a line that says something of its own, says; what it leaves out, as the shipments of its orders
    /// say it that are not plainly others.
    pub(super) fn complete(&self, own: &Marks<&str>, order: Option<&str>) -> Marks<String> {
        let found: Vec<&Marks<&str>> = self.fitting(own, order).map(|one| &one.marks).collect();
        let all = |of: for<'a> fn(&'a Marks<&'a str>) -> Option<&'a str>| {
            if let Some(own) = of(own) {
                return Some(own.to_owned());
            }
            let mut told: Vec<&str> = Vec::new();
            for said in found.iter().filter_map(|marks| of(marks)) {
                if !told.contains(&said) {
                    told.push(said);
                }
            }
            (!told.is_empty()).then(|| told.join(", "))
        };
        Marks {
            order_number: all(|marks| marks.order_number),
            shipment_id: all(|marks| marks.shipment_id),
            bill_of_lading: all(|marks| marks.bill_of_lading),
            pro_number: all(|marks| marks.pro_number),
            warehouse: all(|marks| marks.warehouse),
        }
    }

    /// The days on which the last of them went and came.
    pub(super) fn days(&self, own: &Marks<&str>) -> (Option<NaiveDate>, Option<NaiveDate>) {
        let shipped = self.fitting(own, None).filter_map(|one| one.shipped_on).max();
        (shipped, self.fitting(own, None).filter_map(|one| one.received_on).max())
    }

    /// Those of an order, or of all, but for those that name another bill of lading or another number of the carrier.
    fn fitting<'s>(
        &'s self,
        own: &'s Marks<&str>,
        order: Option<&str>,
    ) -> impl Iterator<Item = &'s Shipment<'k>> {
        let order = order.map(evened);
        let of_order =
            self.of_order.iter().filter(move |(number, _)| order.as_ref().is_none_or(|one| one == *number));
        let agree = |own: Option<&str>, theirs: Option<&str>| {
            own.zip(theirs).is_none_or(|(own, theirs)| same_number(Some(own), Some(theirs)))
        };
        of_order.flat_map(|(_, shipments)| shipments).filter(move |shipment| {
            agree(own.bill_of_lading, shipment.marks.bill_of_lading)
                && agree(own.pro_number, shipment.marks.pro_number)
        })
    }
}

fn of_sale<'k>(known: &'k Known, number: &str, partner: &str) -> Vec<Shipment<'k>> {
    let advices: Vec<Shipment<'k>> = known.shipped_for(number).map(advice).collect();
    if !advices.is_empty() {
        return advices;
    }
    // A notice that was passed on is one shipment: those of the invoice's own partner, else of one other.
    let own = known.noticed_for(number).find(|notice| notice.partner == partner);
    let whose = own.or_else(|| known.noticed_for(number).next()).map(|notice| notice.partner.as_str());
    let notices = known.noticed_for(number).filter(|notice| Some(notice.partner.as_str()) == whose);
    let sent = notices.map(|sent| {
        let mut shipment = notice(sent);
        shipment.marks.warehouse = name_of(&sent.record.ship_from);
        shipment
    });
    sent.collect()
}

fn advice(stored: &Stored<ShippingAdvice>) -> Shipment<'_> {
    let advice = &stored.record;
    Shipment {
        marks: Marks {
            order_number: advice.order_number.as_deref(),
            shipment_id: advice.shipment_id.as_deref().or(advice.agent_shipment_id.as_deref()),
            bill_of_lading: advice.bill_of_lading.as_deref(),
            pro_number: advice.pro_number.as_deref(),
            // One that names no place is its sender's.
            warehouse: name_of(&advice.ship_from).or(Some(&stored.partner)),
        },
        shipped_on: advice.shipped_on,
        received_on: None,
    }
}

fn notice(stored: &Stored<ShipNotice>) -> Shipment<'_> {
    let notice = &stored.record;
    Shipment {
        marks: Marks {
            order_number: None,
            shipment_id: notice.shipment_id.as_deref(),
            bill_of_lading: notice.bill_of_lading.as_deref(),
            pro_number: notice.pro_number.as_deref(),
            // Of a purchase it is the supplier's, and what counts is where the goods came to.
            warehouse: None,
        },
        shipped_on: notice.shipped_on,
        received_on: None,
    }
}

fn receipt(stored: &Stored<StockReceipt>) -> Shipment<'_> {
    let receipt = &stored.record;
    Shipment {
        marks: Marks {
            bill_of_lading: receipt.bill_of_lading.as_deref(),
            pro_number: receipt.pro_number.as_deref(),
            warehouse: name_of(&receipt.warehouse).or(Some(&stored.partner)),
            ..Marks::default()
        },
        shipped_on: None,
        received_on: receipt.received_on,
    }
}

pub(super) fn name_of(party: &Party) -> Option<&str> {
    party.name.as_deref().or(party.id.as_deref())
}
