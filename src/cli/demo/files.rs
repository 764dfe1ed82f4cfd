//! The files of the demo's day, dated for the day it is played on.

use chrono::{Days, NaiveDate};

/// One of the day's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DayFile {
    /// North Stores' two purchase orders: 4500087216 over five lines, 4500087219 over two.
    PurchaseOrders,
    /// The depositor's order for the first of them, as CSV with header and line on one row.
    CsvOrder,
    /// The depositor's order for the second, as XML for the folder of this machine.
    XmlOrder,
    /// The depositor's invoice for the first: one case more than the warehouse will have shipped.
    SaleInvoice,
    /// Two invoices of the depositor: one without its BIG, and a good one for the second order.
    BrokenInvoices,
    /// Bay Supply's ship notice: shipment, order, cartons, items.
    SupplierShipNotice,
    /// Bay Supply's invoice for that shipment, with a discount.
    SupplierInvoice,
    /// An order from somebody no profile knows.
    Unclaimed,
}

impl DayFile {
    /// All of them, in the order of the day.
    pub const ALL: [Self; 8] = [
        Self::PurchaseOrders,
        Self::CsvOrder,
        Self::XmlOrder,
        Self::SupplierShipNotice,
        Self::SupplierInvoice,
        Self::SaleInvoice,
        Self::BrokenInvoices,
        Self::Unclaimed,
    ];

    /// The partner whose folder it appears in.
    #[must_use]
    pub fn partner(self) -> &'static str {
        match self {
            Self::PurchaseOrders | Self::Unclaimed => "north-stores",
            Self::CsvOrder | Self::XmlOrder | Self::SaleInvoice | Self::BrokenInvoices => "depositor-one",
            Self::SupplierShipNotice | Self::SupplierInvoice => "bay-supply",
        }
    }

    /// The name it appears under.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PurchaseOrders => "PO_004417.edi",
            Self::CsvOrder => "orders_SO-10077.csv",
            Self::XmlOrder => "order_SO-10078.xml",
            Self::SaleInvoice => "INV_020881.edi",
            Self::BrokenInvoices => "INV_020882.edi",
            Self::SupplierShipNotice => "ASN_009031.edi",
            Self::SupplierInvoice => "INV_009032.edi",
            Self::Unclaimed => "PO_000071.edi",
        }
    }

    /// Its bytes on the day `today`; orders were placed the day before and ship today.
    #[must_use]
    pub fn bytes(self, today: NaiveDate) -> String {
        let day = |days: u64| today.checked_add_days(Days::new(days)).unwrap_or(today);
        let before = |days: u64| today.checked_sub_days(Days::new(days)).unwrap_or(today);
        let days = [
            ("a_week_ago", before(7)),
            ("yesterday", before(1)),
            ("today", today),
            ("tomorrow", day(1)),
            ("in_2_days", day(2)),
            ("in_5_days", day(5)),
        ];
        let mut text = self.template().replace("{yymmdd}", &today.format("%y%m%d").to_string());
        for (word, day) in days {
            text = text.replace(&format!("{{{word}}}"), &day.format("%Y%m%d").to_string());
            text = text.replace(&format!("{{iso_{word}}}"), &day.format("%Y-%m-%d").to_string());
        }
        text
    }

    fn template(self) -> &'static str {
        match self {
            Self::PurchaseOrders => include_str!("files/purchase-orders.edi"),
            Self::CsvOrder => include_str!("files/order.csv"),
            Self::XmlOrder => include_str!("files/order.xml"),
            Self::SaleInvoice => include_str!("files/sale-invoice.edi"),
            Self::BrokenInvoices => include_str!("files/broken-invoices.edi"),
            Self::SupplierShipNotice => include_str!("files/supplier-ship-notice.edi"),
            Self::SupplierInvoice => include_str!("files/supplier-invoice.edi"),
            Self::Unclaimed => include_str!("files/unclaimed.edi"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::Decimal;

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 25).expect("a day")
    }

    fn segments(text: &str) -> Vec<Vec<&str>> {
        text.split('~').map(|segment| segment.trim().split('*').collect()).collect()
    }

    #[test]
    fn every_place_for_a_date_is_filled() {
        for file in DayFile::ALL {
            let text = file.bytes(today());
            assert!(!text.contains(['{', '}']), "{file:?}: {text}");
        }
        assert!(DayFile::CsvOrder.bytes(today()).contains(",2026-11-24,2026-11-25,2026-11-27,"));
        assert!(DayFile::PurchaseOrders.bytes(today()).contains("*261125*0612*U*"));
    }

    #[test]
    fn counts_and_totals_are_right() {
        let decimal = |text: &str| text.parse::<Decimal>().expect("a number");
        for file in DayFile::ALL.into_iter().filter(|file| file.name().ends_with(".edi")) {
            let text = file.bytes(today());
            assert_eq!(text.as_bytes()[105], b'~', "{file:?}: the ISA is fixed-width");
            let (mut count, mut sum, mut total) = (0, Decimal::ZERO, None);
            for segment in segments(&text) {
                count += 1;
                match segment.as_slice() {
                    ["ST", ..] => (count, sum, total) = (1, Decimal::ZERO, None),
                    ["PO1" | "IT1", _, quantity, _, price, ..] => sum += decimal(quantity) * decimal(price),
                    ["SAC", "C", _, _, _, cents, ..] => sum += decimal(cents) / Decimal::ONE_HUNDRED,
                    ["SAC", "A", _, _, _, cents, ..] => sum -= decimal(cents) / Decimal::ONE_HUNDRED,
                    ["TDS", cents] => total = Some(decimal(cents) / Decimal::ONE_HUNDRED),
                    ["AMT", "TT", amount] => total = Some(decimal(amount)),
                    ["SE", said, _] => {
                        assert_eq!(said.parse(), Ok(count), "{file:?}: SE01");
                        assert!(total.is_none_or(|total| total == sum), "{file:?}: {total:?} {sum}");
                    }
                    _ => {}
                }
            }
        }
    }
}
