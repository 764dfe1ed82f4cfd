//! Activities of a warehouse or a carrier, as services are billed by them.

use rust_decimal::Decimal;

/// What a partner's documents count between two days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ActivityCounts {
    /// Shipping advices with something shipped.
    pub orders_shipped: Decimal,
    /// Their lines with something shipped.
    pub lines_shipped: Decimal,
    /// Their units.
    pub units_shipped: Decimal,
    /// Their packs.
    pub packs_shipped: Decimal,
    /// Receipts.
    pub receipts: Decimal,
    /// Their units.
    pub units_received: Decimal,
}
