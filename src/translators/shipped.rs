//! The translators that come with the program.

const SHIPPED: [(&str, &str); 33] = [
    ("csv-invoice", include_str!("../../translators/csv-invoice.toml")),
    ("csv-shipping-advice", include_str!("../../translators/csv-shipping-advice.toml")),
    ("csv-shipping-order", include_str!("../../translators/csv-shipping-order.toml")),
    ("csv-stock-receipt", include_str!("../../translators/csv-stock-receipt.toml")),
    ("fixed-invoice", include_str!("../../translators/fixed-invoice.toml")),
    ("fixed-shipping-advice", include_str!("../../translators/fixed-shipping-advice.toml")),
    ("fixed-shipping-order", include_str!("../../translators/fixed-shipping-order.toml")),
    ("fixed-stock-receipt", include_str!("../../translators/fixed-stock-receipt.toml")),
    ("idoc-invoice", include_str!("../../translators/idoc-invoice.toml")),
    ("idoc-shipping-advice", include_str!("../../translators/idoc-shipping-advice.toml")),
    ("idoc-shipping-order", include_str!("../../translators/idoc-shipping-order.toml")),
    ("json-invoice", include_str!("../../translators/json-invoice.toml")),
    ("json-invoice-decision", include_str!("../../translators/json-invoice-decision.toml")),
    ("json-shipping-advice", include_str!("../../translators/json-shipping-advice.toml")),
    ("json-shipping-order", include_str!("../../translators/json-shipping-order.toml")),
    ("json-stock-receipt", include_str!("../../translators/json-stock-receipt.toml")),
    ("x12-810", include_str!("../../translators/x12-810.toml")),
    ("x12-846", include_str!("../../translators/x12-846.toml")),
    ("x12-850", include_str!("../../translators/x12-850.toml")),
    ("x12-855", include_str!("../../translators/x12-855.toml")),
    ("x12-856", include_str!("../../translators/x12-856.toml")),
    ("x12-860", include_str!("../../translators/x12-860.toml")),
    ("x12-861", include_str!("../../translators/x12-861.toml")),
    ("x12-940", include_str!("../../translators/x12-940.toml")),
    ("x12-943", include_str!("../../translators/x12-943.toml")),
    ("x12-944", include_str!("../../translators/x12-944.toml")),
    ("x12-944-5010", include_str!("../../translators/x12-944-5010.toml")),
    ("x12-945", include_str!("../../translators/x12-945.toml")),
    ("x12-947", include_str!("../../translators/x12-947.toml")),
    ("xml-invoice", include_str!("../../translators/xml-invoice.toml")),
    ("xml-shipping-advice", include_str!("../../translators/xml-shipping-advice.toml")),
    ("xml-shipping-order", include_str!("../../translators/xml-shipping-order.toml")),
    ("xml-stock-receipt", include_str!("../../translators/xml-stock-receipt.toml")),
];

/// Name and text of each translator that comes with the program.
pub fn shipped() -> impl Iterator<Item = (&'static str, &'static str)> {
    SHIPPED.into_iter()
}

/// The text of a translator that comes with the program.
#[must_use]
pub fn find_shipped(name: &str) -> Option<&'static str> {
    shipped().find(|(own, _)| *own == name).map(|(_, text)| text)
}
