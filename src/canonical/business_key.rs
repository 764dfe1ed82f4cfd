//! What names a document in business: two originals of one key say the same thing twice.

use super::{Completeness, Purpose, ReceiptKind, Record};

impl Record {
    /// The numbers that name it among those of its kind and sender. None where it changes or repeats an earlier one and
    /// says so, where its kind may come any number of times, and where its number is missing.
    #[must_use]
    pub fn business_key(&self) -> Option<String> {
        let (purpose, number, others) = match self {
            Self::PurchaseOrder(order) => {
                (order.purpose, &order.purchase_order_number, vec![&order.release_number])
            }
            Self::ShippingOrder(order) => (order.purpose, &order.order_number, vec![&order.depositor.id]),
            // Several advices of one order are the normal case: each shipment has its own.
            Self::ShippingAdvice(advice) => {
                let replaces = advice.completeness == Some(Completeness::Replacement);
                let purpose = replaces.then_some(Purpose::Replacement);
                (purpose, &advice.order_number, vec![&advice.shipment_id, &advice.agent_shipment_id])
            }
            Self::ShipNotice(notice) => (notice.purpose, &notice.shipment_id, Vec::new()),
            // A seller bills the same number against another order.
            Self::Invoice(invoice) => {
                let others =
                    vec![&invoice.purchase_order_number, &invoice.release_number, &invoice.seller.id];
                (invoice.purpose, &invoice.invoice_number, others)
            }
            Self::StockReceipt(receipt) => {
                let purpose = match receipt.kind {
                    Some(ReceiptKind::Replacement) => Some(Purpose::Replacement),
                    Some(ReceiptKind::Cancellation) => Some(Purpose::Cancellation),
                    _ => None,
                };
                (purpose, &receipt.receipt_number, vec![&receipt.shipment_id])
            }
            Self::InventoryAdjustment(adjustment) => (None, &adjustment.adjustment_number, Vec::new()),
            Self::InvoiceDecision(decision) => (None, &decision.decision_id, Vec::new()),
            Self::OrderAcknowledgment(_) | Self::StockTransfer(_) | Self::InventoryStatus(_) => return None,
        };
        if purpose.is_some_and(|purpose| purpose != Purpose::Original) {
            return None;
        }
        let number = number.as_deref().filter(|number| !number.trim().is_empty())?;
        let others = others.into_iter().map(|other| other.as_deref().unwrap_or_default().trim());
        Some(std::iter::once(number.trim()).chain(others).collect::<Vec<_>>().join("\u{1f}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Invoice, PurchaseOrder, Record};
    use super::*;

    #[test]
    fn only_originals_have_a_key_and_the_same_number_for_another_order_is_another() {
        let invoice = |order: &str, purpose| {
            Record::from(Invoice {
                invoice_number: Some("I1".into()),
                purchase_order_number: Some(order.into()),
                purpose,
                ..Invoice::default()
            })
        };
        let key = |record: Record| record.business_key();
        assert_eq!(key(invoice("A", None)), key(invoice("A", Some(Purpose::Original))));
        assert_ne!(key(invoice("A", None)), key(invoice("B", None)));
        assert_eq!(key(invoice("A", Some(Purpose::Cancellation))), None);
        assert_eq!(key(Record::from(PurchaseOrder::default())), None);
    }
}
