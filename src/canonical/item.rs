//! Whether two lines speak of the same item, though each party has its own number for it.

use super::{
    AcknowledgmentLine, AdviceLine, InventoryAdjustmentLine, InventoryStatusLine, InvoiceLine, NoticeItem,
    PurchaseOrderLine, ShippingOrderLine, StockReceiptLine, StockTransferLine,
};

/// The numbers a line gives its item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemKeys {
    /// The seller's or depositor's number.
    pub sku: Option<String>,
    /// The buyer's number.
    pub buyer_item: Option<String>,
    /// UPC or GTIN, without leading zeros: a UPC-12 is a GTIN-14 with two zeros before it.
    pub gtin: Option<String>,
}

impl ItemKeys {
    /// Whether both name the same item: any number that both have agrees, the most specific first.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        let pairs =
            [(&self.gtin, &other.gtin), (&self.sku, &other.sku), (&self.buyer_item, &other.buyer_item)];
        let mut both = pairs.into_iter().filter_map(|(a, b)| a.as_ref().zip(b.as_ref()));
        both.any(|(a, b)| a.eq_ignore_ascii_case(b))
    }

    /// Whether one of the numbers is this one.
    #[must_use]
    pub fn has(&self, number: &str) -> bool {
        let named = |own: &Option<String>| own.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(number));
        named(&self.sku)
            || named(&self.buyer_item)
            || self.gtin.as_deref().is_some_and(|own| own == number.trim_start_matches('0'))
    }

    /// The number to show to people.
    #[must_use]
    pub fn shown(&self) -> &str {
        let first = self.sku.as_deref().or(self.gtin.as_deref()).or(self.buyer_item.as_deref());
        first.unwrap_or("item without a number")
    }

    fn new(sku: Option<&String>, buyer_item: Option<&String>, upc: Option<&String>) -> Self {
        let key = |text: &String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let gtin = |text: &String| key(text).map(|text| text.trim_start_matches('0').to_owned());
        Self { sku: sku.and_then(key), buyer_item: buyer_item.and_then(key), gtin: upc.and_then(gtin) }
    }
}

macro_rules! keys {
    ($($line:ident)*) => {
        $(impl $line {
            /// The numbers this line gives its item.
            #[must_use]
            pub fn keys(&self) -> ItemKeys {
                let gtin = self.upc.as_ref().or(self.gtin.as_ref());
                ItemKeys::new(self.sku.as_ref(), self.buyer_item.as_ref(), gtin)
            }
        })*
    };
}

keys! {
    AcknowledgmentLine AdviceLine InventoryAdjustmentLine InventoryStatusLine InvoiceLine NoticeItem
    PurchaseOrderLine ShippingOrderLine StockReceiptLine StockTransferLine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_upc_and_its_gtin_are_one_item_and_different_skus_are_two() {
        let upc = AdviceLine { upc: Some("012345678905".into()), ..AdviceLine::default() };
        let gtin = InvoiceLine { gtin: Some("00012345678905".into()), ..InvoiceLine::default() };
        assert!(upc.keys().same(&gtin.keys()));
        let a = AdviceLine { sku: Some("A1".into()), ..AdviceLine::default() };
        let b = AdviceLine { sku: Some("A2".into()), ..AdviceLine::default() };
        assert!(!a.keys().same(&b.keys()) && !a.keys().same(&gtin.keys()));
    }
}
