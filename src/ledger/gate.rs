//! The gate: what customers are told or billed must not contradict what the warehouse says it shipped.

use crate::canonical::{
    Invoice, InvoiceSense, ItemKeys, Party, ShipNotice, ShippingAdvice, Source, evened, same_number,
};
use rust_decimal::Decimal;
use uuid::Uuid;

/// Where a value stands: the document, the list and field of its record, and the segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stands {
    /// The document.
    pub document: Uuid,
    /// The list, such as `lines`; empty for the record's own fields.
    pub list: &'static str,
    /// The field.
    pub field: &'static str,
    /// The segment, where it is one of a list.
    pub source: Option<Source>,
}

/// How much of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted<'a> {
    /// The item.
    pub item: ItemKeys<'a>,
    /// How much.
    pub quantity: Decimal,
    /// In which unit.
    pub unit: Option<&'a str>,
    /// Of which lot, by the depositor's numbering.
    pub lot: Option<&'a str>,
    /// Where that stands.
    pub at: Stands,
}

/// What two documents say of one thing, and it cannot both be true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// What the document that is to leave says.
    pub told: String,
    /// Where.
    pub told_at: Vec<Stands>,
    /// What the warehouse says.
    pub said: String,
    /// Where.
    pub said_at: Vec<Stands>,
}

/// An item that is told in one unit and was shipped in another, and nothing says how many of the one the other is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unjoined {
    /// The item, for people.
    pub item: String,
    /// The unit in which it is told.
    pub told: String,
    /// Where.
    pub told_at: Vec<Stands>,
    /// The other unit.
    pub other: String,
    /// Where.
    pub other_at: Vec<Stands>,
}

/// What comparing quantities comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quantities {
    /// Items of which more is told than was shipped.
    pub more: Vec<Contradiction>,
    /// Items that cannot be compared.
    pub unjoined: Vec<Unjoined>,
}

/// How many of one unit of an item one of another is, where something says so.
pub type Joins<'j> = dyn Fn(&ItemKeys<'_>, Option<&str>, Option<&str>) -> Option<Decimal> + 'j;

/// What a warehouse says it shipped.
#[must_use]
pub fn of_advice(document: Uuid, advice: &ShippingAdvice) -> Vec<Counted<'_>> {
    let lines = advice.lines().filter_map(|line| {
        Some(Counted {
            item: line.keys(),
            quantity: line.quantity_shipped?,
            unit: line.unit.as_deref(),
            lot: named(line.lot.as_deref()),
            at: Stands { document, list: "lines", field: "quantity_shipped", source: line.source },
        })
    });
    lines.collect()
}

/// What a notice tells of this purchase order.
#[must_use]
pub fn of_notice<'a>(
    document: Uuid,
    notice: &'a ShipNotice,
    purchase_order_number: &str,
) -> Vec<Counted<'a>> {
    let items = notice.items_of(purchase_order_number).into_iter().filter_map(|item| {
        Some(Counted {
            item: item.keys(),
            quantity: item.quantity_shipped?,
            unit: item.unit.as_deref(),
            lot: named(item.lot.as_deref()),
            at: Stands { document, list: "items", field: "quantity_shipped", source: item.source },
        })
    });
    items.collect()
}

/// What an invoice bills of this purchase order; a credit takes it off.
#[must_use]
pub fn of_invoice<'a>(
    document: Uuid,
    invoice: &'a Invoice,
    purchase_order_number: &'a str,
) -> Vec<Counted<'a>> {
    let credit = invoice.sense == Some(InvoiceSense::Credit);
    let lines = invoice.lines_of(purchase_order_number).filter_map(|line| {
        let quantity = line.quantity?;
        Some(Counted {
            item: line.keys(),
            quantity: if credit { -quantity.abs() } else { quantity },
            unit: line.unit.as_deref(),
            lot: None,
            at: Stands { document, list: "lines", field: "quantity", source: line.source },
        })
    });
    lines.collect()
}

/// Each item of which more is told than was shipped. `told` is what the document says, `before` what others of its kind
/// said, `shipped` all that the warehouse did. Items that have no number in common with what was shipped cannot be compared
/// and pass; those whose units nothing joins are told.
#[must_use]
pub fn more_than_shipped(
    told: &[Counted<'_>],
    before: &[Counted<'_>],
    shipped: &[Counted<'_>],
    joins: &Joins<'_>,
) -> Quantities {
    let mut found = Quantities::default();
    for (at, one) in told.iter().enumerate() {
        if told.iter().take(at).any(|earlier| earlier.item.same(&one.item)) {
            continue;
        }
        if !shipped.iter().any(|other| has_one_numbering(&other.item, &one.item)) {
            continue;
        }
        let of_item = |counted: &[Counted<'_>]| {
            let own = counted.iter().filter(|other| other.item.same(&one.item));
            own.map(|own| (own.quantity, own.unit.map(str::to_owned), own.at)).collect::<Vec<_>>()
        };
        let (now, earlier, sent) = (of_item(told), of_item(before), of_item(shipped));
        let sum = |of_item: &[(Decimal, Option<String>, Stands)]| -> Option<Decimal> {
            let joined = of_item
                .iter()
                .map(|(quantity, unit, _)| Some(quantity * joins(&one.item, unit.as_deref(), one.unit)?));
            let sum: Option<Decimal> = joined.sum();
            // Three of a pack is a third of it over and over: what is whole but for the last digit is whole.
            sum.map(|sum| sum.round_dp(12).normalize())
        };
        let (Some(told), Some(before), Some(all)) = (sum(&now), sum(&earlier), sum(&sent)) else {
            let all = || now.iter().chain(&earlier).chain(&sent);
            let odd = |unit: &Option<String>| joins(&one.item, unit.as_deref(), one.unit).is_none();
            let other = all().find(|(_, unit, _)| odd(unit)).and_then(|(_, unit, _)| unit.clone());
            let of_other = all().filter(|(_, unit, _)| *unit == other).map(|(.., at)| *at).collect();
            found.unjoined.push(Unjoined {
                item: one.item.shown().to_owned(),
                told: one.unit.unwrap_or("unit").to_owned(),
                told_at: vec![one.at],
                other: other.unwrap_or_else(|| "unit".to_owned()),
                other_at: of_other,
            });
            continue;
        };
        if told.is_zero() || told + before <= all {
            continue;
        }
        let unit = one.unit.unwrap_or("unit");
        let more = if before.is_zero() { String::new() } else { format!(" with {before} told before") };
        let other = sent.iter().find_map(|(_, sent, _)| sent.as_deref().filter(|sent| *sent != unit));
        let raw: Decimal = sent.iter().map(|(quantity, ..)| quantity).sum();
        let said = match other {
            _ if all.is_zero() => "none".to_owned(),
            // As it was said, and what that is.
            Some(other) if sent.iter().all(|(_, unit, _)| unit.as_deref() == Some(other)) => {
                format!("{raw} {other}, which are {all} {unit}")
            }
            _ => all.to_string(),
        };
        let more = if all.is_zero() { String::new() } else { more };
        found.more.push(Contradiction {
            told: format!("{}: {told} {unit}{more}", one.item.shown()),
            told_at: now.iter().map(|(.., at)| *at).collect(),
            said: format!("the warehouse shipped {said}"),
            said_at: sent.iter().map(|(.., at)| *at).collect(),
        });
    }
    found
}

/// Each item that is told with a lot of which the warehouse shipped none, where it names the lots of all it shipped of the
/// item.
#[must_use]
pub fn other_lots(told: &[Counted<'_>], shipped: &[Counted<'_>]) -> Vec<Contradiction> {
    let mut found: Vec<Contradiction> = Vec::new();
    for one in told.iter().filter(|one| !one.quantity.is_zero()) {
        let Some(lot) = one.lot else { continue };
        let sent: Vec<&Counted<'_>> =
            shipped.iter().filter(|other| other.item.same(&one.item) && !other.quantity.is_zero()).collect();
        let lots: Option<Vec<&str>> = sent.iter().map(|sent| sent.lot).collect();
        let Some(lots) = lots.filter(|lots| !lots.is_empty()) else { continue };
        if lots.iter().any(|shipped| same_number(Some(shipped), Some(lot))) {
            continue;
        }
        let at = |stands: Stands| Stands { field: "lot", ..stands };
        let new = Contradiction {
            told: format!("{}: lot {lot}", one.item.shown()),
            told_at: vec![at(one.at)],
            said: format!("the warehouse shipped {}", each_once("lot", &lots)),
            said_at: sent.iter().map(|sent| at(sent.at)).collect(),
        };
        if !found.iter().any(|found| found.told == new.told) {
            found.push(new);
        }
    }
    found
}

/// Whether both have a number of one numbering, so that being different means something.
fn has_one_numbering(one: &ItemKeys<'_>, other: &ItemKeys<'_>) -> bool {
    let pairs = [(&one.gtin, &other.gtin), (&one.sku, &other.sku), (&one.buyer_item, &other.buyer_item)];
    pairs.iter().any(|(one, other)| one.is_some() && other.is_some())
}

fn named(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.trim().is_empty())
}

fn each_once(what: &str, values: &[&str]) -> String {
    let mut all: Vec<String> = Vec::new();
    for value in values.iter().map(|value| format!("{what} {value}")) {
        if !all.contains(&value) {
            all.push(value);
        }
    }
    all.join(", ")
}

/// What a document says of a shipment as a whole.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The document.
    pub document: Uuid,
    /// The shipment's number.
    shipment: Option<&'a str>,
    /// Bills of lading, and where they stand: any of them may be the other's.
    bills: Vec<(&'a str, Stands)>,
    pro: Option<&'a str>,
    scac: Option<&'a str>,
    ship_to: &'a Party,
    /// Whether something moved.
    moves: bool,
}

impl<'a> Facts<'a> {
    /// Those of an advice.
    #[must_use]
    pub fn of_advice(document: Uuid, advice: &'a ShippingAdvice) -> Self {
        let own = [
            ("bill_of_lading", &advice.bill_of_lading),
            ("master_bill_of_lading", &advice.master_bill_of_lading),
        ];
        Self {
            document,
            shipment: advice.shipment_number(),
            bills: bills(document, own),
            pro: named(advice.pro_number.as_deref()),
            scac: named(advice.carrier.scac.as_deref()),
            ship_to: &advice.ship_to,
            moves: advice.ships(),
        }
    }

    /// Those of a notice, for a purchase order in it.
    #[must_use]
    pub fn of_notice(document: Uuid, notice: &'a ShipNotice, purchase_order_number: &str) -> Self {
        let own = [
            ("bill_of_lading", &notice.bill_of_lading),
            ("master_bill_of_lading", &notice.master_bill_of_lading),
        ];
        let is_it = |number: Option<&str>| same_number(number, Some(purchase_order_number));
        let mut orders = notice.orders.iter().filter(|order| is_it(order.purchase_order_number.as_deref()));
        let of_order = orders.next().map(|order| &order.ship_to).filter(|party| party.id.is_some());
        Self {
            document,
            shipment: named(notice.shipment_id.as_deref()),
            bills: bills(document, own),
            pro: named(notice.pro_number.as_deref()),
            scac: named(notice.carrier.scac.as_deref()),
            ship_to: of_order.unwrap_or(&notice.ship_to),
            moves: true,
        }
    }

    /// Those of an invoice. It may name the bills of lading of several shipments, on its lines; how it went is not its
    /// business.
    #[must_use]
    pub fn of_invoice(document: Uuid, invoice: &'a Invoice, purchase_order_number: &'a str) -> Self {
        let mut all = bills(document, [("bill_of_lading", &invoice.bill_of_lading)]);
        for line in invoice.lines_of(purchase_order_number) {
            let at = Stands { document, list: "lines", field: "bill_of_lading", source: line.source };
            all.extend(named(line.bill_of_lading.as_deref()).map(|bill| (bill, at)));
        }
        Self {
            document,
            shipment: named(invoice.shipment_id.as_deref()),
            bills: all,
            pro: None,
            scac: None,
            ship_to: &invoice.ship_to,
            moves: true,
        }
    }

    fn at(&self, list: &'static str, field: &'static str) -> Stands {
        Stands { document: self.document, list, field, source: None }
    }
}

fn bills<'a, const N: usize>(
    document: Uuid,
    own: [(&'static str, &'a Option<String>); N],
) -> Vec<(&'a str, Stands)> {
    let bill = |(field, value): (&'static str, &'a Option<String>)| {
        let at = Stands { document, list: "", field, source: None };
        Some((named(value.as_deref())?, at))
    };
    own.into_iter().filter_map(bill).collect()
}

/// What a document says of a shipment otherwise than the warehouse does: its bill of lading, carrier, PRO number and where
/// it goes. What only one of them names is no contradiction; where several shipments are of the order and the document
/// says which it is of, only that one counts.
#[must_use]
pub fn otherwise(told: &Facts<'_>, shipped: &[Facts<'_>]) -> Vec<Contradiction> {
    let of_shipment = of_shipment(told, shipped);
    let mut found = Vec::new();
    let all_bills: Vec<&(&str, Stands)> = of_shipment.iter().flat_map(|said| &said.bills).collect();
    let every_names = !of_shipment.is_empty() && of_shipment.iter().all(|said| !said.bills.is_empty());
    let is_known = |bill: &str| all_bills.iter().any(|(said, _)| squeezed(said) == squeezed(bill));
    // Of a shipment's own and its master's one is enough; an invoice's lines may each name another shipment's.
    let (lines, own): (Vec<_>, Vec<_>) = told.bills.iter().partition(|(_, at)| at.list == "lines");
    let wrong = lines.into_iter().filter(|(bill, _)| !is_known(bill));
    let wrong = wrong.chain(own.first().copied().filter(|_| !own.iter().any(|(bill, _)| is_known(bill))));
    if every_names {
        found.extend(wrong.map(|(bill, at)| Contradiction {
            told: format!("bill of lading {bill}"),
            told_at: vec![at],
            said: format!(
                "the warehouse says {}",
                each_once("bill of lading", &all_bills.iter().map(|(bill, _)| *bill).collect::<Vec<_>>())
            ),
            said_at: all_bills.iter().map(|(_, at)| *at).collect(),
        }));
    }
    let mut one = |what: &str, list, field, value: for<'f> fn(&Facts<'f>) -> Option<&'f str>| {
        let said: Option<Vec<&str>> = of_shipment.iter().map(|said| value(said)).collect();
        let (Some(own), Some(said)) = (value(told), said.filter(|said| !said.is_empty())) else { return };
        if said.iter().any(|said| squeezed(said) == squeezed(own)) {
            return;
        }
        found.push(Contradiction {
            told: format!("{what} {own}"),
            told_at: vec![told.at(list, field)],
            said: format!("the warehouse says {}", each_once(what, &said)),
            said_at: of_shipment.iter().map(|said| said.at(list, field)).collect(),
        });
    };
    one("carrier", "carrier", "scac", |facts| facts.scac);
    one("PRO number", "", "pro_number", |facts| facts.pro);
    found.extend(elsewhere(told, shipped));
    found
}

/// The place that a document says a shipment goes to, where the warehouse shipped it to another.
#[must_use]
pub fn elsewhere(told: &Facts<'_>, shipped: &[Facts<'_>]) -> Option<Contradiction> {
    let of_shipment = of_shipment(told, shipped);
    let places: Option<Vec<(&str, &str, &'static str)>> =
        of_shipment.iter().map(|said| both_name(told.ship_to, said.ship_to)).collect();
    let places = places?;
    let (own, said, field) = places.first()?;
    if places.iter().any(|(own, said, _)| same_number(Some(own), Some(said))) {
        return None;
    }
    let what = if *field == "id" { "ship-to" } else { "ship-to in" };
    Some(Contradiction {
        told: format!("{what} {own}"),
        told_at: vec![told.at("ship_to", field)],
        said: format!("the warehouse shipped to {said}"),
        said_at: of_shipment.iter().map(|said| said.at("ship_to", field)).collect(),
    })
}

/// What was shipped that a document may be of: the shipment that it names, else all of the order.
fn of_shipment<'s, 'f>(told: &Facts<'_>, shipped: &'s [Facts<'f>]) -> Vec<&'s Facts<'f>> {
    let moved = || shipped.iter().filter(|said| said.moves);
    let named = moved().filter(|said| told.shipment.is_some() && same_number(told.shipment, said.shipment));
    let named: Vec<_> = named.collect();
    if named.is_empty() { moved().collect() } else { named }
}

/// What two parties are named by that can be held against each other: numbers that the same people gave, else postal
/// codes.
fn both_name<'a>(one: &'a Party, other: &'a Party) -> Option<(&'a str, &'a str, &'static str)> {
    if let (Some(own), Some(said)) = (named(one.id.as_deref()), named(other.id.as_deref()))
        && one.id_qualifier.as_ref().zip(other.id_qualifier.as_ref()).is_none_or(|(one, other)| one == other)
    {
        return Some((own, said, "id"));
    }
    // The first five digits: the rest names the street.
    let five = |party: &'a Party| named(party.postal_code.as_deref())?.trim().get(..5);
    Some((five(one)?, five(other)?, "postal_code"))
}

/// A number without what people write between its digits.
fn squeezed(number: &str) -> String {
    evened(&number.chars().filter(|c| c.is_alphanumeric()).collect::<String>())
}
