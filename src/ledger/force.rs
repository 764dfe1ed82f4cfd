//! Which documents count: a replacement takes the place of those before it, a cancellation takes them away.

use super::{Order, Said};
use crate::canonical::{
    Completeness, FinalShipment, Invoice, InvoiceSense, PurchaseOrder, Purpose, ReceiptKind, Record,
    ShipNotice, ShippingAdvice, ShippingOrder, StockReceipt, evened, same_number,
};
use chrono::NaiveDate;
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
        let advices =
            advices_in_force(&advices).into_iter().map(|stands| stands == InForce::Counts).collect();
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

/// What becomes of each of these advices, given with their senders and the oldest first: a replacement takes the place of
/// those before it of the same shipment, or of the whole order where it names no shipment. One that names its shipment may
/// come before what it replaces.
#[must_use]
pub fn advices_in_force(advices: &[(&str, &ShippingAdvice)]) -> Vec<InForce> {
    let rules = Rules {
        number: |advice: &ShippingAdvice| advice.order_number.as_deref().map(evened).unwrap_or_default(),
        does: |advice| match advice.completeness {
            Some(Completeness::Replacement) => Does::Replaces,
            _ => Does::Tells,
        },
        speaks_of: |later, other| {
            let named = later.shipment_number();
            is_of_one(later.depositor.id.as_deref(), other.depositor.id.as_deref())
                && (named.is_none() || same_number(named, other.shipment_number()))
        },
        may_wait: |early, other| {
            early.shipment_number().is_some() && !is_after(other.shipped_on, early.shipped_on)
        },
    };
    rules.stand(advices)
}

/// What becomes of each of these receipts, given with their senders and the oldest first: of one number a replacement takes
/// the place of those before it, and a cancellation takes them back. Either may come before what it speaks of.
#[must_use]
pub fn receipts_in_force(receipts: &[(&str, &StockReceipt)]) -> Vec<InForce> {
    let rules = Rules {
        number: |receipt: &StockReceipt| receipt.receipt_number.as_deref().map(evened).unwrap_or_default(),
        does: |receipt| match receipt.kind {
            Some(ReceiptKind::Replacement) => Does::Replaces,
            Some(ReceiptKind::Cancellation) => Does::TakesBack,
            _ => Does::Tells,
        },
        speaks_of: |later, other| is_of_one(later.depositor.id.as_deref(), other.depositor.id.as_deref()),
        may_wait: |early, other| !is_after(other.received_on, early.received_on),
    };
    rules.stand(receipts)
}

/// Whether two may be of one: one that is not named is any.
fn is_of_one(one: Option<&str>, other: Option<&str>) -> bool {
    one.zip(other).is_none_or(|(one, other)| same_number(Some(one), Some(other)))
}

fn is_after(one: Option<NaiveDate>, other: Option<NaiveDate>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one > other)
}

/// What a document does to others of its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Tells,
    Replaces,
    TakesBack,
}

/// How documents of a kind stand in for each other.
struct Rules<R> {
    /// Those of one number may speak of each other.
    number: fn(&R) -> String,
    does: fn(&R) -> Does,
    /// Whether a document that stands in for others does so for this one.
    speaks_of: fn(&R, &R) -> bool,
    /// Whether one that stood in for nothing when it came may have waited for this one.
    may_wait: fn(&R, &R) -> bool,
}

impl<R> Rules<R> {
    fn stand(&self, all: &[(&str, &R)]) -> Vec<InForce> {
        let mut found = vec![InForce::Counts; all.len()];
        // Those that speak of nothing that came yet.
        let mut vacant = vec![false; all.len()];
        let mut of_number: HashMap<(&str, String), Vec<usize>> = HashMap::new();
        for (at, (sender, one)) in all.iter().enumerate() {
            let before = of_number.entry((sender, (self.number)(one))).or_default();
            match (self.does)(one) {
                Does::Tells => {
                    let waits = |early: &usize| {
                        let early = all[*early].1;
                        (self.speaks_of)(early, one) && (self.may_wait)(early, one)
                    };
                    if let Some(early) = before.iter().copied().find(|early| vacant[*early] && waits(early)) {
                        vacant[early] = false;
                        found[at] = match found[early] {
                            InForce::Cancels(_) => {
                                found[early] = InForce::Cancels(Some(at));
                                InForce::Cancelled(early)
                            }
                            _ => InForce::Replaced(early),
                        };
                    }
                }
                does => {
                    vacant[at] = true;
                    for earlier in before.iter().copied() {
                        if found[earlier] != InForce::Counts || !(self.speaks_of)(one, all[earlier].1) {
                            continue;
                        }
                        // Of one that waits itself, it waits in the place.
                        vacant[at] &= std::mem::take(&mut vacant[earlier]);
                        found[earlier] = match does {
                            Does::TakesBack => InForce::Cancelled(at),
                            _ => InForce::Replaced(at),
                        };
                        if does == Does::TakesBack {
                            found[at] = InForce::Cancels(Some(earlier));
                        }
                    }
                    if does == Does::TakesBack && found[at] == InForce::Counts {
                        found[at] = InForce::Cancels(None);
                    }
                }
            }
            before.push(at);
        }
        found
    }
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

/// What becomes of a document by the others of its number; they are named by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InForce {
    /// It says what it says.
    Counts,
    /// It repeats one that counts.
    Copy(usize),
    /// Another stands in for it.
    Replaced(usize),
    /// Another took it back.
    Cancelled(usize),
    /// It says nothing of its own: it takes another back, or tries to.
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
    fn a_receipt_is_replaced_or_taken_back_whichever_comes_first() {
        use InForce::{Cancelled, Cancels, Counts, Replaced};
        let receipt = |kind, day: &str| StockReceipt {
            receipt_number: Some("R-7".to_owned()),
            received_on: day.parse().ok(),
            kind,
            ..StockReceipt::default()
        };
        let first = receipt(Some(ReceiptKind::FullDetail), "2026-11-05");
        let again = receipt(Some(ReceiptKind::Replacement), "2026-11-05");
        let away = receipt(Some(ReceiptKind::Cancellation), "2026-11-06");
        let anew = receipt(None, "2026-11-09");
        let told = |receipts: &[&StockReceipt]| {
            receipts_in_force(&receipts.iter().map(|receipt| ("w", *receipt)).collect::<Vec<_>>())
        };
        assert_eq!(told(&[&first, &again]), [Replaced(1), Counts]);
        assert_eq!(told(&[&again, &first]), [Counts, Replaced(0)]);
        assert_eq!(told(&[&again, &again, &first]), [Replaced(1), Counts, Replaced(1)]);
        assert_eq!(told(&[&first, &away]), [Cancelled(1), Cancels(Some(0))]);
        assert_eq!(told(&[&away, &first]), [Cancels(Some(1)), Cancelled(0)]);
        assert_eq!(told(&[&away, &anew]), [Cancels(None), Counts], "a number that is used anew");
        let theirs = [("w", &first), ("v", &again)];
        assert_eq!(receipts_in_force(&theirs), [Counts, Counts], "another warehouse's");
    }

    #[test]
    fn an_advice_that_replaces_may_come_first_where_it_names_its_shipment() {
        let advice = |shipment: Option<&str>, completeness, day: &str| ShippingAdvice {
            order_number: Some("SO-1".to_owned()),
            shipment_id: shipment.map(str::to_owned),
            shipped_on: day.parse().ok(),
            completeness,
            ..ShippingAdvice::default()
        };
        let told = |advices: &[&ShippingAdvice]| {
            advices_in_force(&advices.iter().map(|advice| ("w", *advice)).collect::<Vec<_>>())
        };
        let replaces = Some(Completeness::Replacement);
        let first = advice(Some("W1"), None, "2026-11-05");
        let again = advice(Some("W1"), replaces, "2026-11-05");
        let other = advice(Some("W2"), None, "2026-11-05");
        let whole = advice(None, replaces, "2026-11-05");
        use InForce::{Counts, Replaced};
        assert_eq!(told(&[&first, &again]), [Replaced(1), Counts]);
        assert_eq!(told(&[&again, &first]), [Counts, Replaced(0)]);
        assert_eq!(told(&[&again, &other]), [Counts, Counts], "another shipment");
        assert_eq!(told(&[&again, &first, &first]), [Counts, Replaced(0), Counts], "its number again");
        assert_eq!(told(&[&first, &other, &whole]), [Replaced(2), Replaced(2), Counts]);
        assert_eq!(told(&[&whole, &first]), [Counts, Counts], "what names no shipment waits for none");
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
