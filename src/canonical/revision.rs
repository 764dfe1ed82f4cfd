//! Orders as their changes leave them: what a change names replaces what the order said.

use serde_json::{Map, Value};

use super::Record;
use super::numbers::same_number;
use super::parts::Purpose;
use super::purchase_order::{PurchaseOrder, PurchaseOrderLine};
use super::shipping_order::ShippingOrder;

/// What a change does not hand on: it tells of the change, or counts only what the change lists.
const OWN: [&str; 8] =
    ["purpose", "lines", "line_count", "total_quantity", "total_amount", "source", "change", "quantity_left"];

impl Record {
    /// The order after a later document about it; none when that changes nothing, or neither is an order.
    #[must_use]
    pub fn revised(&self, later: &Self) -> Option<Self> {
        let revised = match (self, later) {
            (Self::PurchaseOrder(one), Self::PurchaseOrder(other)) => one.revised(other).into(),
            (Self::ShippingOrder(one), Self::ShippingOrder(other)) => one.revised(other).into(),
            _ => return None,
        };
        (revised != *self).then_some(revised)
    }
}

impl PurchaseOrder {
    /// The order after a later document about it: an order sent anew or in its place stands alone, a
    /// cancellation leaves all but the purpose, a change replaces what it names. Lines are told by their
    /// number, else by their item; `delete` takes one off, and one that was not there is added.
    ///
    /// A change that came before its order is kept as it is, with what came since, and laid over the order when that
    /// comes: order of arrival does not matter.
    ///
    /// Counts and totals of the old order hold no more after a change and are left out.
    #[must_use]
    pub fn revised(&self, later: &Self) -> Self {
        match later.purpose {
            Some(Purpose::Cancellation) => Self { purpose: Some(Purpose::Cancellation), ..self.clone() },
            Some(Purpose::Change) => self.changed(later),
            // A confirmation or a copy changes nothing.
            Some(Purpose::Confirmation | Purpose::Duplicate | Purpose::Information) => self.clone(),
            Some(Purpose::Original) | None if self.purpose == Some(Purpose::Change) => {
                later.found_changed(self)
            }
            // A cancellation that came before its order: of one that was known it would have the lines.
            Some(Purpose::Original) | None
                if self.purpose == Some(Purpose::Cancellation) && self.lines.is_empty() =>
            {
                Self { purpose: Some(Purpose::Cancellation), ..later.clone() }
            }
            _ => later.clone(),
        }
    }

    /// The order as a change that came before it leaves it; known by this document, the places of the change are none.
    fn found_changed(&self, change: &Self) -> Self {
        let mut order = self.changed(change);
        for line in &mut order.lines {
            let own = self.lines.iter().find(|own| is_same(own, line));
            line.source = if line.source.is_none() { own.and_then(|own| own.source) } else { None };
        }
        Self { source: self.source, ..order }
    }

    /// The order after a change. Of an order that nobody knows yet, itself only known by a change, it is kept what both say
    /// of each line.
    fn changed(&self, change: &Self) -> Self {
        let is_known = self.purpose != Some(Purpose::Change);
        let mut order: Self = laid_over(self, change);
        let mut lines = self.lines.clone();
        for line in &mut lines {
            // Its place is in the earlier document, not in the one that the order is now known by.
            line.source = None;
        }
        for line in &change.lines {
            let at = lines.iter().position(|own| is_same(own, line));
            match (line.change.as_deref(), at) {
                (Some("delete"), Some(at)) if is_known => {
                    lines.remove(at);
                }
                (Some("delete" | "unchanged" | "reject_change"), _) if is_known => {}
                (Some("delete"), Some(at)) => {
                    if let Some(own) = lines.get_mut(at) {
                        *own = line.clone();
                    }
                }
                (_, Some(at)) => {
                    if let Some(own) = lines.get_mut(at) {
                        *own = PurchaseOrderLine { source: line.source, ..laid_over(own, line) };
                    }
                }
                (_, None) if !is_known => lines.push(line.clone()),
                (_, None) => {
                    lines.push(PurchaseOrderLine { change: None, quantity_left: None, ..line.clone() });
                }
            }
        }
        order.lines = lines;
        order.source = change.source;
        (order.line_count, order.total_quantity, order.total_amount) = (None, None, change.total_amount);
        order
    }
}

impl ShippingOrder {
    /// The order after a later document about it, as [`PurchaseOrder::revised`]. A change of it lists every line: there
    /// is no word in it that takes one off (W0501 R, and no code on the lines).
    #[must_use]
    pub fn revised(&self, later: &Self) -> Self {
        match later.purpose {
            Some(Purpose::Cancellation) => Self { purpose: Some(Purpose::Cancellation), ..self.clone() },
            Some(Purpose::Change) => self.changed(later),
            Some(Purpose::Confirmation | Purpose::Duplicate | Purpose::Information) => self.clone(),
            // A change that came before its order.
            Some(Purpose::Original) | None if self.purpose == Some(Purpose::Change) => {
                Self { source: later.source, ..later.changed(self) }
            }
            // A cancellation that came before its order.
            Some(Purpose::Original) | None
                if self.purpose == Some(Purpose::Cancellation) && self.lines.is_empty() =>
            {
                Self { purpose: Some(Purpose::Cancellation), ..later.clone() }
            }
            _ => later.clone(),
        }
    }

    fn changed(&self, change: &Self) -> Self {
        let order: Self = laid_over(self, change);
        let lines = if change.lines.is_empty() { self.lines.clone() } else { change.lines.clone() };
        Self { lines, total_quantity: change.total_quantity, source: change.source, ..order }
    }
}

fn is_same(own: &PurchaseOrderLine, other: &PurchaseOrderLine) -> bool {
    match (&own.line_number, &other.line_number) {
        // 000010 in one document is 10 in another.
        (Some(own), Some(other)) => same_number(Some(own), Some(other)),
        _ => own.keys().same(&other.keys()),
    }
}

/// The fields of one, each replaced by that of the other where it has one.
fn laid_over<R: serde::Serialize + serde::de::DeserializeOwned>(one: &R, other: &R) -> R {
    let mut fields = fields_of(one);
    for (name, value) in fields_of(other) {
        if OWN.contains(&name.as_str()) {
            continue;
        }
        match (fields.get_mut(&name), value) {
            (Some(Value::Object(own)), Value::Object(more)) if name == "extra" => own.extend(more),
            (_, value) => {
                fields.insert(name, value);
            }
        }
    }
    serde_json::from_value(Value::Object(fields)).expect("fields of a record are fields of its kind")
}

fn fields_of<R: serde::Serialize>(record: &R) -> Map<String, Value> {
    match serde_json::to_value(record) {
        Ok(Value::Object(fields)) => fields,
        _ => panic!("a record is an object of plain data"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ShippingOrderLine;
    use super::*;

    fn line(number: &str, sku: &str, quantity: i64) -> PurchaseOrderLine {
        PurchaseOrderLine {
            line_number: Some(number.to_owned()),
            sku: Some(sku.to_owned()),
            quantity: Some(quantity.into()),
            unit_price: "8.5".parse().ok(),
            ..PurchaseOrderLine::default()
        }
    }

    fn order() -> PurchaseOrder {
        let mut order = PurchaseOrder {
            purpose: Some(Purpose::Original),
            purchase_order_number: Some("PO1".into()),
            department: Some("045".into()),
            ship_on: "2026-12-01".parse().ok(),
            line_count: Some(3),
            lines: vec![line("1", "A", 12), line("2", "B", 6), line("3", "C", 5)],
            ..PurchaseOrder::default()
        };
        order.ship_to.id = Some("9001".into());
        order.ship_to.street = Some("880 Granite Parkway".into());
        order
    }

    fn change(change: &str, line: PurchaseOrderLine) -> PurchaseOrderLine {
        PurchaseOrderLine { change: Some(change.to_owned()), ..line }
    }

    #[test]
    fn a_change_replaces_what_it_names_and_nothing_else() {
        let mut later = PurchaseOrder {
            purpose: Some(Purpose::Change),
            change_number: Some("1".into()),
            ship_on: "2026-12-03".parse().ok(),
            line_count: Some(4),
            lines: vec![
                change("quantity_increased", PurchaseOrderLine { unit_price: None, ..line("001", "A", 24) }),
                change("delete", line("2", "B", 0)),
                change("add", line("4", "D", 36)),
                change("unchanged", line("3", "C", 1)),
            ],
            ..PurchaseOrder::default()
        };
        later.ship_to.id = Some("9002".into());
        let revised = order().revised(&later);
        assert_eq!(revised.purpose, Some(Purpose::Original));
        assert_eq!(revised.department.as_deref(), Some("045"));
        assert_eq!(revised.ship_on, "2026-12-03".parse().ok());
        assert_eq!((revised.ship_to.id.as_deref(), revised.ship_to.street), (Some("9002"), None));
        assert_eq!((revised.change_number.as_deref(), revised.line_count), (Some("1"), None));
        let lines: Vec<(&str, String, bool)> = revised
            .lines
            .iter()
            .map(|line| {
                let quantity = line.quantity.map(|quantity| quantity.to_string()).unwrap_or_default();
                (line.sku.as_deref().unwrap_or_default(), quantity, line.unit_price.is_some())
            })
            .collect();
        let expected = [("A", "24"), ("C", "5"), ("D", "36")].map(|(sku, n)| (sku, n.to_owned(), true));
        assert_eq!(lines, expected);
        assert!(revised.lines.iter().all(|line| line.change.is_none()));
    }

    #[test]
    fn changes_that_came_before_their_order_are_laid_over_it() {
        let of = |number: &str, lines: Vec<PurchaseOrderLine>| PurchaseOrder {
            purpose: Some(Purpose::Change),
            change_number: Some(number.to_owned()),
            lines,
            ..PurchaseOrder::default()
        };
        let changes = [
            of(
                "1",
                vec![
                    change(
                        "quantity_increased",
                        PurchaseOrderLine { unit_price: None, ..line("1", "A", 24) },
                    ),
                    change("add", line("4", "D", 36)),
                ],
            ),
            of(
                "2",
                vec![
                    change("delete", line("2", "B", 0)),
                    change(
                        "quantity_decreased",
                        PurchaseOrderLine { unit_price: None, ..line("4", "D", 30) },
                    ),
                ],
            ),
        ];
        let in_order = order().revised(&changes[0]).revised(&changes[1]);
        let last = changes[0].revised(&changes[1]).revised(&order());
        let between = changes[0].revised(&order()).revised(&changes[1]);
        assert_eq!(last, in_order);
        assert_eq!(between, in_order);
        let quantities: Vec<_> = in_order.lines.iter().map(|line| line.quantity).collect();
        assert_eq!(quantities, [Some(24.into()), Some(5.into()), Some(30.into())]);
    }

    #[test]
    fn a_changed_shipping_order_lists_every_line() {
        let line =
            |sku: &str| ShippingOrderLine { sku: Some(sku.to_owned()), ..ShippingOrderLine::default() };
        let first = ShippingOrder {
            purpose: Some(Purpose::Original),
            order_number: Some("S1".into()),
            department: Some("045".into()),
            lines: vec![line("A"), line("B")],
            ..ShippingOrder::default()
        };
        let change = ShippingOrder {
            purpose: Some(Purpose::Change),
            lines: vec![line("B")],
            ..ShippingOrder::default()
        };
        let revised = first.revised(&change);
        assert_eq!((revised.purpose, revised.department.as_deref()), (Some(Purpose::Original), Some("045")));
        assert_eq!(revised.lines, [line("B")]);
        assert_eq!(change.revised(&first), revised, "the change came first");
        let cancel = ShippingOrder { purpose: Some(Purpose::Cancellation), ..ShippingOrder::default() };
        assert_eq!((first.revised(&cancel).purpose, first.revised(&cancel).lines.len()), (cancel.purpose, 2));
    }

    #[test]
    fn a_cancellation_keeps_the_lines_and_a_replacement_stands_alone() {
        let cancelled = order()
            .revised(&PurchaseOrder { purpose: Some(Purpose::Cancellation), ..PurchaseOrder::default() });
        assert_eq!((cancelled.purpose, cancelled.lines.len()), (Some(Purpose::Cancellation), 3));
        let anew = PurchaseOrder { purpose: Some(Purpose::Replacement), ..PurchaseOrder::default() };
        assert_eq!(order().revised(&anew), anew);
        let copy = PurchaseOrder { purpose: Some(Purpose::Duplicate), ..PurchaseOrder::default() };
        assert_eq!(order().revised(&copy), order());
    }
}
