//! Names of items: each party has its own number for one, and documents and the item master say which are the same.

use super::{Bill, Known};
use crate::canonical::ItemKeys;
use chrono::NaiveDate;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// The item master: which numbers name one item.
#[derive(Clone, Debug, Default)]
pub struct Items {
    rows: Vec<Row>,
    places: HashMap<(Kind, String), Vec<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Sku,
    Buyer,
    Gtin,
}

#[derive(Clone, Debug)]
struct Row {
    /// Whose number it gives; none: it is of our own items.
    partner: Option<String>,
    names: Vec<ItemKeys<'static>>,
    from: NaiveDate,
    to: Option<NaiveDate>,
}

impl Items {
    /// Adds an item: its SKU, and its UPC or GTIN.
    pub fn add(&mut self, sku: &str, gtin: &str, days: (NaiveDate, Option<NaiveDate>)) {
        let gtin = gtin.trim().trim_start_matches('0');
        let keys = ItemKeys { sku: own(sku), gtin: own(gtin), ..ItemKeys::default() };
        self.put(None, vec![keys], days);
    }

    /// Adds a partner's number of an item.
    pub fn add_number(
        &mut self,
        partner: &str,
        number: &str,
        sku: &str,
        days: (NaiveDate, Option<NaiveDate>),
    ) {
        let ours = ItemKeys { sku: own(sku), ..ItemKeys::default() };
        let theirs = ItemKeys { sku: own(number), ..ItemKeys::default() };
        let buyers = ItemKeys { buyer_item: own(number), ..ItemKeys::default() };
        self.put(Some(partner.to_owned()), vec![ours, theirs, buyers], days);
    }

    fn put(
        &mut self,
        partner: Option<String>,
        names: Vec<ItemKeys<'static>>,
        (from, to): (NaiveDate, Option<NaiveDate>),
    ) {
        for key in names.iter().flat_map(keys) {
            self.places.entry(key).or_default().push(self.rows.len());
        }
        self.rows.push(Row { partner, names, from, to });
    }

    /// What an item is called besides, on a day. A seller calls it by its own number, a buyer by the buyer's.
    fn besides<'i>(
        &'i self,
        name: &ItemKeys<'_>,
        (seller, buyers): (&'i str, &'i [&'i str]),
        day: NaiveDate,
    ) -> impl Iterator<Item = &'i ItemKeys<'static>> {
        let found: Vec<usize> = if self.rows.is_empty() {
            Vec::new()
        } else {
            keys(name).filter_map(|key| self.places.get(&key)).flatten().copied().collect()
        };
        let rows = found.into_iter().filter_map(|at| self.rows.get(at));
        let rows = rows.filter(move |row| row.from <= day && row.to.is_none_or(|to| day <= to));
        rows.flat_map(move |row| {
            let whose = row.partner.as_deref();
            row.names.iter().enumerate().filter(move |(place, _)| match (whose, place) {
                (None, _) | (_, 0) => whose.is_none_or(|of| of == seller || buyers.contains(&of)),
                (Some(of), 1) => of == seller,
                (Some(of), _) => of == seller || buyers.contains(&of),
            })
        })
        .map(|(_, name)| name)
    }
}

fn own(number: &str) -> Option<Cow<'static, str>> {
    let number = number.trim();
    (!number.is_empty()).then(|| Cow::Owned(number.to_owned()))
}

fn keys<'k>(name: &'k ItemKeys<'_>) -> impl Iterator<Item = (Kind, String)> + 'k {
    let numbers = [(Kind::Sku, &name.sku), (Kind::Buyer, &name.buyer_item), (Kind::Gtin, &name.gtin)];
    numbers.into_iter().filter_map(|(kind, number)| Some((kind, number.as_deref()?.to_ascii_uppercase())))
}

/// What tells that two numbers are of one item: documents that name it by both, and the item master.
pub(super) struct Names<'n> {
    /// Items as documents name them, those with several numbers, and their places by each.
    said: Vec<ItemKeys<'n>>,
    places: HashMap<(Kind, String), Vec<usize>>,
    items: &'n Items,
    seller: &'n str,
    buyers: &'n [&'n str],
    day: NaiveDate,
}

impl<'n> Names<'n> {
    pub(super) fn of_bill(bill: &Bill<'n>) -> Self {
        let Known { orders, answers, shipped, noticed, received, billed, .. } = bill.known;
        let ordered = orders.iter().flat_map(|(order, _)| order.lines.iter().map(|line| line.keys()));
        let answered = answers.iter().flat_map(|(answer, _)| answer.lines.iter().map(|line| line.keys()));
        let moved =
            [shipped, noticed, received, billed].into_iter().flatten().map(|moved| moved.item.clone());
        let own = bill.invoice.lines.iter().map(|line| line.keys());
        let said = ordered.chain(answered).chain(moved).chain(own);
        Self::new(said, bill.agreed.items, (bill.agreed.partner, &bill.known.buyers), bill.agreed.day)
    }

    pub(super) fn new(
        said: impl Iterator<Item = ItemKeys<'n>>,
        items: &'n Items,
        (seller, buyers): (&'n str, &'n [&'n str]),
        day: NaiveDate,
    ) -> Self {
        let mut names = Self { said: Vec::new(), places: HashMap::new(), items, seller, buyers, day };
        for name in said {
            let count = [&name.sku, &name.buyer_item, &name.gtin].into_iter().flatten().count();
            if count < 2 || names.saying(&name).any(|(_, known)| *known == name) {
                continue;
            }
            for key in keys(&name) {
                names.places.entry(key).or_default().push(names.said.len());
            }
            names.said.push(name);
        }
        names
    }

    /// What documents say of an item of this name, with their places; what has several numbers of it more than once.
    fn saying(&self, name: &ItemKeys<'_>) -> impl Iterator<Item = (usize, &ItemKeys<'n>)> {
        let keys = (!self.said.is_empty()).then(|| keys(name)).into_iter().flatten();
        let found = keys.filter_map(|key| self.places.get(&key)).flatten();
        found.filter_map(|at| Some((*at, self.said.get(*at)?)))
    }

    /// All that an item is called: its own name first.
    pub(super) fn of(&self, own: ItemKeys<'n>) -> Vec<ItemKeys<'n>> {
        let mut names = vec![own];
        let mut at = 0;
        while let Some(name) = names.get(at).cloned() {
            at += 1;
            // In the order in which they were said, whatever number found them.
            for (_, said) in self.saying(&name).collect::<BTreeMap<_, _>>() {
                // A document that calls two items by one number joins nothing.
                if !names.contains(said) && !names.iter().any(|known| contradict(known, said)) {
                    names.push(said.clone());
                }
            }
            for besides in self.items.besides(&name, (self.seller, self.buyers), self.day) {
                if !names.contains(besides) {
                    names.push(besides.clone());
                }
            }
        }
        names
    }
}

/// Whether both have a number of one kind, and it is not the same.
fn contradict(one: &ItemKeys<'_>, other: &ItemKeys<'_>) -> bool {
    pairs(one, other).any(|(one, other)| !one.eq_ignore_ascii_case(other))
}

/// Whether both have a number of one kind.
pub(super) fn comparable(one: &ItemKeys<'_>, other: &ItemKeys<'_>) -> bool {
    pairs(one, other).next().is_some()
}

fn pairs<'p>(one: &'p ItemKeys<'_>, other: &'p ItemKeys<'_>) -> impl Iterator<Item = (&'p str, &'p str)> {
    let kinds = [(&one.gtin, &other.gtin), (&one.sku, &other.sku), (&one.buyer_item, &other.buyer_item)];
    kinds.into_iter().filter_map(|(one, other)| one.as_deref().zip(other.as_deref()))
}

/// Whether one of these names is that of the item.
pub(super) fn is_named(names: &[ItemKeys<'_>], item: &ItemKeys<'_>) -> bool {
    names.iter().any(|name| name.same(item))
}

/// Item numbers of the seller among these names.
pub(super) fn skus<'s>(names: &'s [ItemKeys<'_>]) -> Vec<&'s str> {
    names.iter().filter_map(|name| name.sku.as_deref()).collect()
}
