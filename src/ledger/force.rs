//! Which documents count: a replacement takes the place of those before it, a cancellation takes them away.

use super::{Order, Said};
use crate::canonical::{
    Completeness, FinalShipment, Invoice, InvoiceSense, PurchaseOrder, Purpose, Record, ShipNotice,
    ShippingAdvice, ShippingOrder, evened, same_number,
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
    invoices: Vec<(&'r str, Said<'r, Invoice>)>,
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
            Record::Invoice(invoice) => self.invoices.push((partner, Said::new(document, invoice))),
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
        let invoices = self.invoices.iter().map(|(seller, said)| BilledBy {
            seller,
            agreement: None,
            invoice: said.record.as_ref(),
        });
        let invoices = invoices_in_force(&invoices.collect::<Vec<_>>());
        let invoices = invoices.into_iter().map(|stands| stands == InForce::Counts).collect();
        Order {
            shipping_order: self.shipping_order,
            purchase_order,
            advices: counting(self.advices, advices),
            notices: counting(self.notices, notices),
            invoices: counting(self.invoices, invoices),
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

/// An invoice, and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct BilledBy<'i> {
    /// Who sent it.
    pub seller: &'i str,
    /// The agreement (depositor) that it is under, where one is known.
    pub agreement: Option<&'i str>,
    /// What it says.
    pub invoice: &'i Invoice,
}

/// What becomes of an invoice by the others of its number; they are named by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InForce {
    /// It bills what it says.
    Counts,
    /// It repeats one that counts.
    Copy(usize),
    /// Another stands in for it.
    Replaced(usize),
    /// Another took it back.
    Cancelled(usize),
    /// It bills nothing: it takes another back, or tries to.
    Cancels(Option<usize>),
}

impl BilledBy<'_> {
    /// Whether both are of one numbering. One connection may serve several depositors, who number alike; a credit may have
    /// the number of what it credits.
    fn numbers_with(&self, other: &Self) -> bool {
        let agree = |one: Option<&str>, other: Option<&str>| {
            one.zip(other).is_none_or(|(one, other)| same_number(Some(one), Some(other)))
        };
        let is_credit = |one: &Self| one.invoice.sense == Some(InvoiceSense::Credit);
        agree(self.agreement, other.agreement)
            && agree(self.invoice.seller.id.as_deref(), other.invoice.seller.id.as_deref())
            && is_credit(self) == is_credit(other)
    }

    /// Whether it is dated after another, where both have a date.
    fn is_after(&self, other: &Self) -> bool {
        self.invoice.invoiced_on.zip(other.invoice.invoiced_on).is_some_and(|(own, other)| own > other)
    }
}

/// Which of these invoices count, given the oldest first (BIG08): of one number the first, unless another stands in for it
/// or takes it back. What does so may come before what it speaks of.
#[must_use]
pub fn invoices_in_force(invoices: &[BilledBy<'_>]) -> Vec<InForce> {
    let mut found = vec![InForce::Counts; invoices.len()];
    // Those that stand in for nothing yet.
    let mut vacant = vec![false; invoices.len()];
    let mut of_number: HashMap<(&str, String), Vec<usize>> = HashMap::new();
    for (at, one) in invoices.iter().enumerate() {
        let Some(own) = one.invoice.invoice_number.as_deref() else { continue };
        // What it speaks of may have another number (BIG10); a credit names there what it credits.
        let speaks_of_one = matches!(
            one.invoice.purpose,
            Some(Purpose::Cancellation | Purpose::Replacement | Purpose::Change | Purpose::Reissue)
        );
        let named = one.invoice.original_invoice_number.as_deref();
        let named = named.filter(|_| speaks_of_one && one.invoice.sense != Some(InvoiceSense::Credit));
        let number = named.unwrap_or(own);
        let before = of_number.entry((one.seller, evened(number))).or_default();
        let same = || before.iter().copied().filter(|earlier| one.numbers_with(&invoices[*earlier]));
        let standing = same().find(|earlier| found[*earlier] == InForce::Counts);
        match one.invoice.purpose {
            Some(Purpose::Cancellation) => {
                if let Some(standing) = standing {
                    found[standing] = InForce::Cancelled(at);
                }
                found[at] = InForce::Cancels(standing);
            }
            Some(Purpose::Replacement | Purpose::Change | Purpose::Reissue) => match standing {
                Some(standing) => found[standing] = InForce::Replaced(at),
                None => vacant[at] = true,
            },
            _ => {
                let early = same().find(|earlier| {
                    (vacant[*earlier] || found[*earlier] == InForce::Cancels(None))
                        && !one.is_after(&invoices[*earlier])
                });
                match early {
                    Some(early) if vacant[early] => {
                        vacant[early] = false;
                        found[at] = InForce::Replaced(early);
                    }
                    Some(early) => {
                        found[early] = InForce::Cancels(Some(at));
                        found[at] = InForce::Cancelled(early);
                    }
                    None => found[at] = standing.map_or(InForce::Counts, InForce::Copy),
                }
            }
        }
        before.push(at);
        if !same_number(Some(own), Some(number)) {
            of_number.entry((one.seller, evened(own))).or_default().push(at);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bill(purpose: Option<Purpose>, day: &str) -> Invoice {
        let invoice_number = Some("0047".to_owned());
        Invoice { invoice_number, purpose, invoiced_on: day.parse().ok(), ..Invoice::default() }
    }

    fn told(invoices: &[&Invoice]) -> Vec<InForce> {
        let all = invoices.iter().map(|invoice| BilledBy { seller: "s", agreement: None, invoice });
        invoices_in_force(&all.collect::<Vec<_>>())
    }

    #[test]
    fn a_replacement_stands_in_and_a_cancellation_takes_away_whichever_comes_first() {
        use InForce::{Cancelled, Cancels, Copy, Counts, Replaced};
        let first = bill(None, "2026-11-04");
        let again = bill(Some(Purpose::Replacement), "2026-11-05");
        let away = bill(Some(Purpose::Cancellation), "2026-11-06");
        let anew = bill(None, "2026-11-07");
        assert_eq!(told(&[&first, &first]), [Counts, Copy(0)]);
        assert_eq!(told(&[&first, &again]), [Replaced(1), Counts]);
        assert_eq!(told(&[&again, &first]), [Counts, Replaced(0)]);
        assert_eq!(told(&[&again, &first, &first]), [Counts, Replaced(0), Copy(0)]);
        assert_eq!(told(&[&first, &again, &again]), [Replaced(1), Replaced(2), Counts]);
        assert_eq!(told(&[&first, &away]), [Cancelled(1), Cancels(Some(0))]);
        assert_eq!(told(&[&away, &first]), [Cancels(Some(1)), Cancelled(0)]);
        assert_eq!(told(&[&away, &anew]), [Cancels(None), Counts], "a number that is used anew");
        assert_eq!(told(&[&first, &away, &anew]), [Cancelled(1), Cancels(Some(0)), Counts]);
        assert_eq!(told(&[&first, &again, &away]), [Replaced(1), Cancelled(2), Cancels(Some(1))]);
    }

    #[test]
    fn a_replacement_may_have_a_number_of_its_own() {
        let first = bill(None, "2026-11-04");
        let anew = Invoice {
            invoice_number: Some("48".to_owned()),
            original_invoice_number: Some("47".to_owned()),
            ..bill(Some(Purpose::Replacement), "2026-11-05")
        };
        assert_eq!(
            told(&[&first, &anew, &anew]),
            [InForce::Replaced(1), InForce::Replaced(2), InForce::Counts]
        );
        let copy = Invoice { purpose: None, original_invoice_number: None, ..anew.clone() };
        assert_eq!(told(&[&first, &anew, &copy]), [InForce::Replaced(1), InForce::Counts, InForce::Copy(1)]);
    }

    #[test]
    fn depositors_of_one_connection_have_numbers_of_their_own() {
        let one = bill(None, "2026-11-04");
        let under = |agreement| BilledBy { seller: "s", agreement, invoice: &one };
        let all = [under(Some("north")), under(Some("south")), under(Some("north"))];
        assert_eq!(invoices_in_force(&all), [InForce::Counts, InForce::Counts, InForce::Copy(0)]);
        let mut other = one.clone();
        other.seller.id = Some("S".to_owned());
        let mut named = one.clone();
        named.seller.id = Some("N".to_owned());
        assert_eq!(told(&[&named, &other]), [InForce::Counts, InForce::Counts]);
        let credit = Invoice { sense: Some(InvoiceSense::Credit), ..one.clone() };
        assert_eq!(told(&[&one, &credit]), [InForce::Counts, InForce::Counts]);
    }
}
