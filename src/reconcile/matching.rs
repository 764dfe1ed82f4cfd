//! Which line of an order a line of an invoice bills: by item and line number, by item, by line number alone. Never by price.

use super::items::{Names, comparable, is_named};
use super::{Bill, Match, Moved};
use crate::canonical::{InvoiceLine, ItemKeys, PurchaseOrder, PurchaseOrderLine, evened, same_number};
use uuid::Uuid;

/// The lines of an invoice that bill one item of one order.
pub(super) struct Group<'g> {
    /// All that the item is called, first as the invoice does.
    pub(super) names: Vec<ItemKeys<'g>>,
    /// The order's number, evened.
    number: Option<String>,
    /// The order, where it is known.
    pub(super) order: Option<(&'g PurchaseOrder, Uuid)>,
    /// The lines of the invoice, with their places.
    pub(super) lines: Vec<(usize, &'g InvoiceLine)>,
    /// The lines of the order.
    pub(super) ordered: Vec<&'g PurchaseOrderLine>,
    /// Whether they were found by their number alone.
    by_number: bool,
    /// The line of the order whose place the item took, as the warehouse says.
    pub(super) taken: Option<&'g PurchaseOrderLine>,
}

/// The lines of an invoice, by item and order.
pub(super) fn groups<'b>(bill: &Bill<'b>) -> Vec<Group<'b>> {
    let names = Names::of_bill(bill);
    let mut groups: Vec<Group<'b>> = Vec::new();
    for (at, line) in bill.invoice.lines.iter().enumerate() {
        let number = bill.order_number(line).map(evened);
        let own = names.of(line.keys());
        // What has no number at all is told by its line only.
        let is_it = |group: &&mut Group<'_>| {
            group.number == number && own.iter().any(|name| is_named(&group.names, name))
        };
        if let Some(group) = groups.iter_mut().find(is_it) {
            group.lines.push((at + 1, line));
            continue;
        }
        let order = bill.order_of(line);
        let lines = order.map(|(order, _)| order.lines.as_slice()).unwrap_or_default();
        let ordered = lines.iter().filter(|ordered| is_named(&own, &ordered.keys())).collect();
        groups.push(Group {
            names: own,
            number,
            order,
            lines: vec![(at + 1, line)],
            ordered,
            by_number: false,
            taken: None,
        });
    }
    for at in 0..groups.len() {
        let Some(group) = groups.get(at).filter(|group| group.ordered.is_empty()) else { continue };
        let lines = group.order.map(|(order, _)| order.lines.as_slice()).unwrap_or_default();
        let taken = place_taken(&group.names, &bill.known.shipped, lines);
        let is_free = |ordered: &PurchaseOrderLine| {
            let same = groups.iter().filter(|other| other.number == group.number);
            !same.flat_map(|other| &other.ordered).any(|other| std::ptr::eq(*other, ordered))
        };
        let first = group.lines.first().and_then(|(_, line)| line.line_number.as_deref());
        let numbered = match taken {
            None => of_number(lines, first, &group.names, is_free),
            Some(_) => None,
        };
        let also = numbered.map(|line| names.of(line.keys())).unwrap_or_default();
        if let Some(group) = groups.get_mut(at) {
            group.by_number = numbered.is_some();
            group.taken = taken;
            // A substitute is held against the item whose place it took.
            group.ordered = numbered.or(taken).into_iter().collect();
            group.names.extend(also);
        }
    }
    groups
}

/// The line of an order that has this number and that nothing else bills, where no number says that its item is another.
pub(super) fn of_number<'o>(
    lines: &'o [PurchaseOrderLine],
    number: Option<&str>,
    names: &[ItemKeys<'_>],
    is_free: impl Fn(&PurchaseOrderLine) -> bool,
) -> Option<&'o PurchaseOrderLine> {
    let is_it = |line: &&PurchaseOrderLine| {
        same_number(line.line_number.as_deref(), number)
            && is_free(line)
            && !names.iter().any(|name| comparable(name, &line.keys()))
    };
    let mut found = lines.iter().filter(is_it);
    found.next().filter(|_| found.next().is_none())
}

/// The order's line of the item whose place this one took, as the warehouse says.
fn place_taken<'o>(
    names: &[ItemKeys<'_>],
    shipped: &[Moved<'_>],
    lines: &'o [PurchaseOrderLine],
) -> Option<&'o PurchaseOrderLine> {
    let moved = shipped.iter().filter(|moved| !moved.in_place_of.is_empty());
    let named: Vec<&str> = moved
        .filter(|moved| is_named(names, &moved.item))
        .flat_map(|moved| moved.in_place_of.iter().copied())
        .collect();
    lines.iter().find(|line| {
        let keys = line.keys();
        let own = [&keys.sku, &keys.buyer_item, &keys.gtin];
        own.into_iter().flatten().any(|own| named.iter().any(|other| same_number(Some(own), Some(other))))
    })
}

impl Group<'_> {
    /// The item's number, to show.
    pub(super) fn shown(&self) -> &str {
        self.names.first().map_or("", |own| own.shown())
    }

    pub(super) fn is_of(&self, moved: &Moved<'_>) -> bool {
        // What names no order was found by its shipping order.
        let order = moved.order.zip(self.number.as_deref());
        order.is_none_or(|(one, other)| one == other) && is_named(&self.names, &moved.item)
    }

    /// How well a line of it found its order.
    pub(super) fn found(&self, line: &InvoiceLine) -> Match {
        if self.by_number {
            Match::Number
        } else if self.ordered.iter().any(|ordered| is_same_line(line, ordered)) {
            Match::Line
        } else if self.ordered.is_empty() {
            Match::None
        } else {
            Match::Item
        }
    }
}

pub(super) fn is_same_line(line: &InvoiceLine, ordered: &PurchaseOrderLine) -> bool {
    same_number(line.line_number.as_deref(), ordered.line_number.as_deref())
}
