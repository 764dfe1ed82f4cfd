//! Pack sizes and price lists: how many of one unit another holds, and what an item costs where no order says it.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use std::collections::HashMap;

/// X12 codes (element 355) that master data may use in place of the words that records have.
const CODES: [(&str, &str); 12] = [
    ("EA", "each"),
    ("CA", "case"),
    ("CT", "carton"),
    ("BX", "box"),
    ("BG", "bag"),
    ("DZ", "dozen"),
    ("PC", "piece"),
    ("PK", "pack"),
    ("PL", "pallet"),
    ("UN", "unit"),
    ("LB", "pound"),
    ("KG", "kilogram"),
];

fn word(unit: &str) -> String {
    let known = CODES.iter().find(|(code, _)| code.eq_ignore_ascii_case(unit.trim()));
    known.map_or_else(|| unit.trim().to_ascii_lowercase(), |(_, word)| (*word).to_owned())
}

/// Whether two units are one; a unit that is not named is that of the other side.
pub(super) fn is_same_unit(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one == other || word(one) == word(other),
        _ => true,
    }
}

/// Pack sizes of items.
#[derive(Clone, Debug, Default)]
pub struct Packs {
    by_sku: HashMap<String, Vec<Pack>>,
}

#[derive(Clone, Debug)]
struct Pack {
    unit: String,
    quantity: Decimal,
    of_unit: String,
    from: NaiveDate,
    to: Option<NaiveDate>,
}

fn is_in_force((from, to): (NaiveDate, Option<NaiveDate>), day: NaiveDate) -> bool {
    from <= day && to.is_none_or(|to| day <= to)
}

impl Packs {
    /// Adds a pack size: one `unit` holds `quantity` of `of_unit`.
    pub fn add(
        &mut self,
        sku: &str,
        unit: &str,
        quantity: Decimal,
        of_unit: &str,
        (from, to): (NaiveDate, Option<NaiveDate>),
    ) {
        let pack = Pack { unit: word(unit), quantity, of_unit: word(of_unit), from, to };
        self.by_sku.entry(sku.to_owned()).or_default().push(pack);
    }

    /// How many `to` one `from` is: by the items' pack sizes, over one unit between where need be.
    fn factor(&self, sku: &str, from: &str, to: &str, day: NaiveDate) -> Option<Decimal> {
        let (from, to) = (word(from), word(to));
        let packs: Vec<&Pack> =
            self.by_sku.get(sku)?.iter().filter(|pack| is_in_force((pack.from, pack.to), day)).collect();
        // Of rows that overlap, the one that began last counts.
        let direct = |from: &str, to: &str| -> Option<Decimal> {
            let holds = |unit: &str, of: &str| {
                let rows = packs.iter().filter(|pack| pack.unit == unit && pack.of_unit == of);
                rows.max_by_key(|pack| pack.from).map(|pack| pack.quantity)
            };
            holds(from, to).or_else(|| Decimal::ONE.checked_div(holds(to, from)?))
        };
        direct(&from, &to).or_else(|| {
            let between = packs.iter().flat_map(|pack| [&pack.unit, &pack.of_unit]);
            between.filter_map(|middle| Some(direct(&from, middle)? * direct(middle, &to)?)).next()
        })
    }
}

impl Packs {
    /// Of what one `unit` of an item is made in the end, and of how many: packs within packs are opened.
    fn base(&self, sku: &str, unit: &str, day: NaiveDate) -> Option<(Decimal, &str)> {
        let packs = self.by_sku.get(sku)?;
        let open = |unit: &str| {
            let rows =
                packs.iter().filter(|pack| pack.unit == unit && is_in_force((pack.from, pack.to), day));
            rows.max_by_key(|pack| pack.from)
        };
        let first = open(unit)?;
        let (mut quantity, mut of) = (first.quantity, first.of_unit.as_str());
        // Packs that hold each other have no end.
        for _ in packs {
            let Some(next) = open(of) else { return Some((quantity, of)) };
            quantity = quantity.checked_mul(next.quantity)?;
            of = &next.of_unit;
        }
        None
    }
}

/// What joins the units of one item: master data, else what the documents say of packs.
#[derive(Clone, Debug)]
pub struct Joined<'j> {
    pub(super) packs: &'j Packs,
    /// What the item is called.
    pub(super) skus: Vec<&'j str>,
    pub(super) day: NaiveDate,
    /// Units in a case, as the order or the invoice says (PO401).
    pub(super) said: Option<Decimal>,
}

impl<'j> Joined<'j> {
    /// `said` is how many are in a case, as a document says.
    #[must_use]
    pub const fn of(packs: &'j Packs, skus: Vec<&'j str>, said: Option<Decimal>, day: NaiveDate) -> Self {
        Self { packs, skus, day, said }
    }

    /// Of what one `unit` is made in the end, and of how many; none of a pack whose size nothing says.
    #[must_use]
    pub fn base(&self, unit: &str) -> Option<(Decimal, String)> {
        const PACKS: [&str; 7] = ["case", "carton", "pack", "box", "pallet", "pallet_lift", "dozen"];
        let unit = word(unit);
        let listed = self.skus.iter().find_map(|sku| self.packs.base(sku, &unit, self.day));
        if let Some((quantity, of)) = listed {
            return Some((quantity, of.to_owned()));
        }
        if PACKS.contains(&unit.as_str()) {
            let each = "each".to_owned();
            return self.factor(Some(&unit), Some(&each)).map(|quantity| (quantity, each));
        }
        Some((Decimal::ONE, unit))
    }

    /// How many `to` one `from` is; none when nothing says so.
    #[must_use]
    pub fn factor(&self, from: Option<&str>, to: Option<&str>) -> Option<Decimal> {
        let (Some(from), Some(to)) = (from, to) else { return Some(Decimal::ONE) };
        if is_same_unit(Some(from), Some(to)) {
            return Some(Decimal::ONE);
        }
        let known = self.skus.iter().find_map(|sku| self.packs.factor(sku, from, to, self.day));
        known.or_else(|| {
            // A pack that is said is one of cases or cartons, and of single units.
            let said = self.said.filter(|said| *said > Decimal::ONE)?;
            let is_pack = |unit: &str| matches!(word(unit).as_str(), "case" | "carton" | "pack" | "box");
            let is_single = |unit: &str| matches!(word(unit).as_str(), "each" | "unit" | "piece");
            if is_pack(from) && is_single(to) {
                Some(said)
            } else if is_single(from) && is_pack(to) {
                Decimal::ONE.checked_div(said)
            } else {
                None
            }
        })
    }
}

/// Prices of items.
#[derive(Clone, Debug, Default)]
pub struct PriceList {
    by_sku: HashMap<String, Vec<PriceRow>>,
}

/// A price of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRow {
    /// The item.
    pub sku: String,
    /// For whom; empty is for everybody.
    pub partner: String,
    /// Of one of which unit.
    pub unit: String,
    /// In which currency, ISO 4217.
    pub currency: String,
    /// How much.
    pub price: Decimal,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: Option<NaiveDate>,
}

impl PriceList {
    /// Adds a price.
    pub fn add(&mut self, row: PriceRow) {
        self.by_sku.entry(row.sku.clone()).or_default().push(row);
    }

    /// The price of an item for a partner on a day, the partner's own first, and its unit.
    pub(super) fn find(
        &self,
        sku: &str,
        partner: &str,
        currency: Option<&str>,
        day: NaiveDate,
        unit: Option<&str>,
    ) -> Option<&PriceRow> {
        let rows = self.by_sku.get(sku)?.iter();
        rows.filter(|row| row.partner.is_empty() || row.partner == partner)
            .filter(|row| currency.is_none_or(|currency| row.currency == currency))
            .filter(|row| is_in_force((row.from, row.to), day))
            .max_by_key(|row| (is_same_unit(Some(&row.unit), unit), row.partner == partner, row.from))
    }
}
