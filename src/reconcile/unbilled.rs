//! The open side: what was shipped or received of an order and no invoice bills yet.

use super::items::{Items, Names, is_named, skus};
use super::matching::of_number;
use super::units::{Joined, Packs, PriceList};
use super::{Moved, cents};
use crate::canonical::{ItemKeys, PurchaseOrder, PurchaseOrderLine};
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
    /// The agreed price, and what is not billed at that price; none where no pack size joins the units.
    pub price: Option<(Decimal, Decimal)>,
    /// The place of the last that was shipped, in the list given.
    pub last: usize,
}

/// What is agreed about the items of an order.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Whose prices they are.
    pub partner: &'a str,
    /// Whose the order is.
    pub buyers: &'a [&'a str],
    /// Prices where the order names none.
    pub prices: &'a PriceList,
    /// Pack sizes.
    pub packs: &'a Packs,
    /// What else items are called.
    pub items: &'a Items,
    /// The last day that counts.
    pub day: NaiveDate,
}

/// The items of an order of which more was shipped than billed.
#[must_use]
pub fn not_billed(
    shipped: &[Moved<'_>],
    billed: &[Moved<'_>],
    order: Option<&PurchaseOrder>,
    terms: &Terms<'_>,
) -> Vec<Unbilled> {
    let lines = order.map(|order| order.lines.as_slice()).unwrap_or_default();
    let said = lines.iter().map(|line| line.keys());
    let said = said.chain(shipped.iter().chain(billed).map(|moved| moved.item.clone()));
    let names = Names::new(said, terms.items, (terms.partner, terms.buyers), terms.day);
    let mut items: Vec<Vec<ItemKeys<'_>>> = Vec::new();
    for moved in shipped {
        if !items.iter().any(|known| is_named(known, &moved.item)) {
            items.push(names.of(moved.item.clone()));
        }
    }
    let billed: Vec<(&Moved<'_>, Vec<ItemKeys<'_>>)> =
        billed.iter().map(|moved| (moved, names_of_billed(moved, &names, lines, billed))).collect();
    let one = |item: &Vec<ItemKeys<'_>>| -> Option<Unbilled> {
        let own: Vec<(usize, &Moved<'_>)> =
            shipped.iter().enumerate().filter(|(_, moved)| is_named(item, &moved.item)).collect();
        let (_, first) = own.first()?;
        let ordered = lines.iter().find(|line| is_named(item, &line.keys()));
        let pack = ordered.and_then(|ordered| ordered.pack);
        let joined = Joined::of(terms.packs, skus(item), pack, terms.day);
        let unit = first.unit;
        // What nothing joins counts as it stands: better one row too many than one too few.
        let sum =
            |quantity: Decimal, of: Option<&str>| quantity * joined.factor(of, unit).unwrap_or(Decimal::ONE);
        let sent: Decimal = own.iter().map(|(_, moved)| sum(moved.quantity, moved.unit)).sum();
        // A credit does not ask to be billed again.
        let is_it = |(moved, names): &&(&Moved<'_>, Vec<ItemKeys<'_>>)| {
            moved.quantity.is_sign_positive() && names.iter().any(|name| is_named(item, name))
        };
        let paid: Decimal =
            billed.iter().filter(is_it).map(|(moved, _)| sum(moved.quantity, moved.unit)).sum();
        let (sent, paid) = (sent.round_dp(12).normalize(), paid.round_dp(12).normalize());
        if sent <= paid {
            return None;
        }
        let moved =
            own.iter().map(|(_, moved)| *moved).chain(billed.iter().filter(is_it).map(|(moved, _)| *moved));
        let is_joined = moved.into_iter().all(|moved| joined.factor(moved.unit, unit).is_some());
        let of_order = ordered.and_then(|line| Some((line.unit_price?, line.unit.as_deref())));
        let currency = order.and_then(|order| order.currency.as_deref());
        let listed = || {
            let find = |sku: &&str| terms.prices.find(sku, terms.partner, currency, terms.day, unit);
            let row = joined.skus.iter().find_map(find)?;
            Some((row.price, Some(row.unit.as_str())))
        };
        let price = of_order.or_else(listed).and_then(|(price, of)| Some(price * joined.factor(unit, of)?));
        let price = price.filter(|_| is_joined).map(|price| price.round_dp(8).normalize());
        Some(Unbilled {
            item: item.first()?.shown().to_owned(),
            unit: first.unit.map(str::to_owned),
            shipped: sent,
            billed: paid,
            price: price.map(|price| (price, cents((sent - paid) * price))),
            last: own.last().map(|(at, _)| *at)?,
        })
    };
    items.iter().filter_map(one).collect()
}

/// All that the item of a line that was billed is called, as the order calls it too.
fn names_of_billed<'n>(
    moved: &Moved<'n>,
    names: &Names<'n>,
    lines: &'n [PurchaseOrderLine],
    all: &[Moved<'n>],
) -> Vec<ItemKeys<'n>> {
    let mut own = names.of(moved.item.clone());
    if lines.iter().any(|line| is_named(&own, &line.keys())) {
        return own;
    }
    let is_free = |line: &PurchaseOrderLine| !all.iter().any(|other| other.item.same(&line.keys()));
    if let Some(line) = of_number(lines, moved.line, &own, is_free) {
        own.extend(names.of(line.keys()));
    }
    own
}
