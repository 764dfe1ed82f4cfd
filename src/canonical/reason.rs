//! Why an invoice differs from what it is compared with: one fixed list, the same in profiles, exceptions and reports.

use super::declare::words;

words! {
    /// Why an invoice differs; one reason for each difference.
    pub enum Reason {
        /// The same number from the same seller was billed before.
        DuplicateInvoice = "duplicate_invoice",
        /// A later invoice of its number stands in for it.
        InvoiceReplaced = "invoice_replaced",
        /// Its sender took it back.
        InvoiceCancelled = "invoice_cancelled",
        /// Lines, charges and taxes do not add up to the total.
        TotalsWrong = "totals_wrong",
        /// The amount of a line is not its quantity times its price.
        LineAmountWrong = "line_amount_wrong",
        /// The purchase order is not known.
        OrderUnknown = "order_unknown",
        /// The purchase order was cancelled.
        OrderCancelled = "order_cancelled",
        /// The item was never ordered.
        ItemUnknown = "item_unknown",
        /// Nothing was shipped for the order yet.
        InvoiceBeforeShip = "invoice_before_ship",
        /// More billed than shipped and not yet billed.
        QuantityBilledNotShipped = "quantity_billed_not_shipped",
        /// More billed than received and not yet billed.
        QuantityBilledNotReceived = "quantity_billed_not_received",
        /// More billed than ordered, though as much was shipped.
        QuantityBilledNotOrdered = "quantity_billed_not_ordered",
        /// Less billed than shipped: what remains is unbilled.
        QuantityNotBilled = "quantity_not_billed",
        /// Billed in one unit, shipped or priced in another, and no pack size joins them.
        UnitMismatch = "unit_mismatch",
        /// The unit price is above the agreed one.
        PriceOver = "price_over",
        /// The unit price is below the agreed one.
        PriceUnder = "price_under",
        /// Neither order nor price list names a price for the item.
        PriceNotChecked = "price_not_checked",
        /// A charge or allowance differs from what was agreed.
        ChargeNotAgreed = "charge_not_agreed",
        /// A freight charge though the order says that the receiver pays the carrier.
        FreightOnCollect = "freight_on_collect",
        /// A tax is not its percentage of its basis.
        TaxWrong = "tax_wrong",
        /// A tax names no percentage or no basis, and nothing else says what it should be.
        TaxNotChecked = "tax_not_checked",
        /// The terms of payment are not those of the order.
        TermsDiffer = "terms_differ",
        /// The currency is not that of the order.
        CurrencyDiffers = "currency_differs",
        /// A credit or a cancellation names no invoice that is known.
        CreditWithoutInvoice = "credit_without_invoice",
        /// More credited than was billed.
        CreditOverBilled = "credit_over_billed",
        /// A service is billed that no rate names, or for a time that the bill does not name.
        ServiceNotChecked = "service_not_checked",
        /// Another bill of the same sender billed the same work before.
        ServiceBilledTwice = "service_billed_twice",
        /// More of a service is billed than was counted.
        ActivityOverBilled = "activity_over_billed",
        /// Less of a service is billed than was counted.
        ActivityUnderBilled = "activity_under_billed",
    }
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 29] = [
        Self::DuplicateInvoice,
        Self::InvoiceReplaced,
        Self::InvoiceCancelled,
        Self::TotalsWrong,
        Self::LineAmountWrong,
        Self::OrderUnknown,
        Self::OrderCancelled,
        Self::ItemUnknown,
        Self::InvoiceBeforeShip,
        Self::QuantityBilledNotShipped,
        Self::QuantityBilledNotReceived,
        Self::QuantityBilledNotOrdered,
        Self::QuantityNotBilled,
        Self::UnitMismatch,
        Self::PriceOver,
        Self::PriceUnder,
        Self::PriceNotChecked,
        Self::ChargeNotAgreed,
        Self::FreightOnCollect,
        Self::TaxWrong,
        Self::TaxNotChecked,
        Self::TermsDiffer,
        Self::CurrencyDiffers,
        Self::CreditWithoutInvoice,
        Self::CreditOverBilled,
        Self::ServiceNotChecked,
        Self::ServiceBilledTwice,
        Self::ActivityOverBilled,
        Self::ActivityUnderBilled,
    ];

    /// What it is, for the legend of a report.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::DuplicateInvoice => "billed twice under one number",
            Self::InvoiceReplaced => "replaced by a later invoice",
            Self::InvoiceCancelled => "cancelled by its sender",
            Self::TotalsWrong => "the total is not the sum of its parts",
            Self::LineAmountWrong => "a line's amount is not quantity times price",
            Self::OrderUnknown => "purchase order not known",
            Self::OrderCancelled => "purchase order cancelled",
            Self::ItemUnknown => "item not ordered",
            Self::InvoiceBeforeShip => "billed before anything was shipped",
            Self::QuantityBilledNotShipped => "more billed than shipped",
            Self::QuantityBilledNotReceived => "more billed than received",
            Self::QuantityBilledNotOrdered => "more billed than ordered",
            Self::QuantityNotBilled => "shipped, not billed yet",
            Self::UnitMismatch => "units that no pack size joins",
            Self::PriceOver => "price above the agreed one",
            Self::PriceUnder => "price below the agreed one",
            Self::PriceNotChecked => "no agreed price to check against",
            Self::ChargeNotAgreed => "charge or allowance not as agreed",
            Self::FreightOnCollect => "freight billed on a collect order",
            Self::TaxWrong => "tax is not its percentage",
            Self::TaxNotChecked => "tax that nothing checks",
            Self::TermsDiffer => "terms of payment differ",
            Self::CurrencyDiffers => "currency differs",
            Self::CreditWithoutInvoice => "credit or cancellation of an unknown invoice",
            Self::CreditOverBilled => "more credited than billed",
            Self::ServiceNotChecked => "service that nothing checks",
            Self::ServiceBilledTwice => "service billed before",
            Self::ActivityOverBilled => "more service billed than counted",
            Self::ActivityUnderBilled => "less service billed than counted",
        }
    }

    /// What a person does about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::DuplicateInvoice => "do not pay it again; ask the seller whether it corrects the first",
            Self::InvoiceReplaced => {
                "pay the one that replaces it; if this one was paid, settle what they differ by"
            }
            Self::InvoiceCancelled => "do not pay it; if it was paid, ask for the money back",
            Self::TotalsWrong | Self::LineAmountWrong => {
                "ask the seller for a corrected invoice, or pay the sum"
            }
            Self::OrderUnknown => {
                "ask the seller for the right order number, or find out why the 850 is missing"
            }
            Self::OrderCancelled => "ask the seller for a credit, unless the goods were taken in",
            Self::ItemUnknown => {
                "ask the buyer whether the item was ordered by other means; else ask for a credit"
            }
            Self::InvoiceBeforeShip => "hold it until the 945 or 856 is here",
            Self::QuantityBilledNotShipped | Self::QuantityBilledNotReceived => {
                "pay what was shipped, and ask for a credit for the rest"
            }
            Self::QuantityBilledNotOrdered => {
                "ask the buyer whether more is welcome; else pay what was ordered, and ask for a credit"
            }
            Self::QuantityNotBilled => "expect a second invoice; count it as an accrual until then",
            Self::UnitMismatch => "load the pack size (`crossdock data load packs`), then run again",
            Self::PriceOver => "pay at the agreed price, or have the new price confirmed",
            Self::PriceUnder => "nothing to claim; see whether the agreed price is still right",
            Self::PriceNotChecked => "load a price list (`crossdock data load prices`), then run again",
            Self::ChargeNotAgreed => {
                "agree on it in the profile ([[reconciliation.charges]]), or short-pay it"
            }
            Self::FreightOnCollect => "short-pay it: the receiver pays the carrier",
            Self::TaxWrong => "ask the seller for a corrected invoice",
            Self::TaxNotChecked => {
                "check it by hand, and ask the seller for percentage and basis (TXI03 and TXI08)"
            }
            Self::TermsDiffer | Self::CurrencyDiffers => "have the seller confirm what the order says",
            Self::CreditWithoutInvoice => "ask which invoice it is for",
            Self::CreditOverBilled => "ask what the rest is for",
            Self::ServiceNotChecked => {
                "add the rate to the profile ([[reconciliation.rates]]), or ask for the period billed"
            }
            Self::ServiceBilledTwice => "do not pay it again; ask what this bill adds to the one before",
            Self::ActivityOverBilled => "ask for the list of what was counted; short-pay the rest",
            Self::ActivityUnderBilled => "nothing to claim; a later bill may follow",
        }
    }

    /// Whether it says, without an amount, that nothing tells what is right.
    #[must_use]
    pub const fn is_unchecked(self) -> bool {
        matches!(
            self,
            Self::PriceNotChecked
                | Self::UnitMismatch
                | Self::ServiceNotChecked
                | Self::TaxNotChecked
                | Self::OrderUnknown
        )
    }

    /// Whether it says that something is still open and not that money is wrong.
    #[must_use]
    pub const fn is_open_side(self) -> bool {
        matches!(self, Self::QuantityNotBilled | Self::ActivityUnderBilled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_all_reasons_has_each_of_them() {
        let words: Vec<&str> = Reason::ALL.iter().map(|reason| reason.word()).collect();
        assert_eq!(words, Reason::WORDS);
    }
}
