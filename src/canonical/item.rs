//! Whether two lines speak of the same item, though each party has its own number for it.

use super::{
    AcknowledgmentLine, AdviceLine, InventoryAdjustmentLine, InventoryStatusLine, InvoiceLine, NoticeItem,
    PurchaseOrderLine, ShippingOrderLine, StockReceiptLine, StockTransferLine,
};
use std::borrow::Cow;

/// The numbers a line gives its item, without blanks around them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemKeys<'a> {
    /// The seller's or depositor's number.
    pub sku: Option<Cow<'a, str>>,
    /// The buyer's number.
    pub buyer_item: Option<Cow<'a, str>>,
    /// UPC or GTIN, without leading zeros: a UPC-12 is a GTIN-14 with two zeros before it.
    pub gtin: Option<Cow<'a, str>>,
}

impl<'a> ItemKeys<'a> {
    /// Whether both name the same item: any number that both have agrees, the most specific first.
    #[must_use]
    pub fn same(&self, other: &ItemKeys<'_>) -> bool {
        let pairs =
            [(&self.gtin, &other.gtin), (&self.sku, &other.sku), (&self.buyer_item, &other.buyer_item)];
        let mut both = pairs.into_iter().filter_map(|(a, b)| a.as_ref().zip(b.as_ref()));
        both.any(|(a, b)| a.eq_ignore_ascii_case(b))
    }

    /// Whether one of the numbers is this one.
    #[must_use]
    pub fn has(&self, number: &str) -> bool {
        let named =
            |own: &Option<Cow<'_, str>>| own.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(number));
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

    /// The same, to be kept longer than the line.
    #[must_use]
    pub fn into_owned(self) -> ItemKeys<'static> {
        let own = |number: Option<Cow<'a, str>>| number.map(|number| Cow::Owned(number.into_owned()));
        ItemKeys { sku: own(self.sku), buyer_item: own(self.buyer_item), gtin: own(self.gtin) }
    }

    /// Takes over the numbers that it lacks.
    pub fn learn(&mut self, other: ItemKeys<'_>) {
        let pairs = [
            (&mut self.sku, other.sku),
            (&mut self.buyer_item, other.buyer_item),
            (&mut self.gtin, other.gtin),
        ];
        for (own, other) in pairs.into_iter().filter(|(own, _)| own.is_none()) {
            *own = other.map(|number| Cow::Owned(number.into_owned()));
        }
    }

    fn new(sku: Option<&'a String>, buyer_item: Option<&'a String>, upc: Option<&'a String>) -> Self {
        let key = |text: &'a String| Some(text.trim()).filter(|text| !text.is_empty());
        let gtin = |text: &'a String| key(text).map(|text| text.trim_start_matches('0'));
        Self {
            sku: sku.and_then(key).map(Cow::Borrowed),
            buyer_item: buyer_item.and_then(key).map(Cow::Borrowed),
            gtin: upc.and_then(gtin).map(Cow::Borrowed),
        }
    }
}

macro_rules! keys {
    ($($line:ident)*) => {
        $(impl $line {
            /// The numbers this line gives its item.
            #[must_use]
            pub fn keys(&self) -> ItemKeys<'_> {
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
