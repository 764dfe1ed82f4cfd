//! The open side: what was shipped or received of an order and no invoice bills yet.

use super::units::{Joined, Packs, PriceList};
use super::{Moved, cents};
use crate::canonical::{InvoiceLine, ItemKeys, PurchaseOrder};
use chrono::NaiveDate;
use rust_decimal::Decimal;

/// An item of an order that is not billed in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbilled {
    /// The item's number, to show.
    pub item: String,
    /// The unit of the quantities: that of what was shipped first.
    pub unit: Option<String>,
    /// How much was shipped or received.
    pub shipped: Decimal,
    /// How much is billed.
    pub billed: Decimal,
    /// The agreed price, and what is not billed at that price.
    pub price: Option<(Decimal, Decimal)>,
    /// The place of the last that was shipped, in the list given.
    pub last: usize,
}

/// The items of an order of which more was shipped than billed.
#[must_use]
pub fn not_billed(
    shipped: &[Moved<'_>],
    billed: &[Moved<'_>],
    order: Option<&PurchaseOrder>,
    (partner, prices, packs): (&str, &PriceList, &Packs),
    day: NaiveDate,
) -> Vec<Unbilled> {
    let mut items: Vec<&ItemKeys<'_>> = Vec::new();
    for moved in shipped {
        if !items.iter().any(|known| known.same(&moved.item)) {
            items.push(&moved.item);
        }
    }
    let one = |item: &&ItemKeys<'_>| -> Option<Unbilled> {
        let own: Vec<(usize, &Moved<'_>)> =
            shipped.iter().enumerate().filter(|(_, moved)| moved.item.same(item)).collect();
        let (_, first) = own.first()?;
        let ordered = order.and_then(|order| order.lines.iter().find(|line| line.keys().same(item)));
        let as_line = InvoiceLine { sku: item.sku.as_deref().map(str::to_owned), ..InvoiceLine::default() };
        let joined = Joined::of(packs, &as_line, ordered, day);
        let unit = first.unit;
        // What nothing joins counts as it stands: better one row too many than one too few.
        let sum =
            |quantity: Decimal, of: Option<&str>| quantity * joined.factor(of, unit).unwrap_or(Decimal::ONE);
        let sent: Decimal = own.iter().map(|(_, moved)| sum(moved.quantity, moved.unit)).sum();
        // A credit does not ask to be billed again.
        let is_it = |moved: &&Moved<'_>| moved.item.same(item) && moved.quantity.is_sign_positive();
        let paid: Decimal = billed.iter().filter(is_it).map(|moved| sum(moved.quantity, moved.unit)).sum();
        let (sent, paid) = (sent.round_dp(12).normalize(), paid.round_dp(12).normalize());
        if sent <= paid {
            return None;
        }
        let of_order = ordered.and_then(|line| Some((line.unit_price?, line.unit.as_deref())));
        let currency = order.and_then(|order| order.currency.as_deref());
        let listed = || {
            let row = prices.find(joined.sku?, partner, currency, day, unit)?;
            Some((row.price, Some(row.unit.as_str())))
        };
        let price = of_order.or_else(listed).and_then(|(price, of)| Some(price * joined.factor(unit, of)?));
        let price = price.map(|price| price.round_dp(8).normalize());
        Some(Unbilled {
            item: item.shown().to_owned(),
            unit: first.unit.map(str::to_owned),
            shipped: sent,
            billed: paid,
            price: price.map(|price| (price, cents((sent - paid) * price))),
            last: own.last().map(|(at, _)| *at)?,
        })
    };
    items.iter().filter_map(one).collect()
}
