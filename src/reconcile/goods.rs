//! Sales and purchases: each line against what was ordered, shipped, received and billed before.

use super::items::{is_named, skus};
use super::matching::{Group, groups, is_same_line};
use super::units::Joined;
use super::whole::is_cancelled;
use super::{Bill, Comparison, Difference, Figure, Line, Moved, extended, money, sum};
use crate::canonical::{InvoiceKind, InvoiceLine, PurchaseOrder, PurchaseOrderLine, Reason, same_number};
use rust_decimal::Decimal;
use uuid::Uuid;

pub(super) fn compare(bill: &Bill<'_>, comparison: &mut Comparison) {
    for group in &groups(bill) {
        group.compare(bill, comparison);
    }
    comparison.lines.sort_by_key(|line| line.ordinal);
}

/// What is known to have been ordered or moved of an item, in the unit in which it is billed.
#[derive(Default)]
struct Sum {
    total: Decimal,
    /// Without what was taken back by credits.
    gross: Decimal,
    figures: Vec<Figure>,
    /// A unit that nothing joins.
    odd: Option<String>,
}

impl Sum {
    fn add(&mut self, quantity: Decimal, of: Option<&str>, unit: Option<&str>, joined: &Joined<'_>) {
        match joined.factor(of, unit) {
            Some(factor) => {
                self.total += quantity * factor;
                self.gross += quantity.max(Decimal::ZERO) * factor;
            }
            None => self.odd = of.map(str::to_owned),
        }
    }

    /// The whole, where all of it is known in the unit that is billed.
    fn known(&self) -> Option<Decimal> {
        (!self.figures.is_empty() && self.odd.is_none()).then_some(self.total)
    }

    /// Three of a pack is a third of it over and over: what is whole but for the last digit is whole.
    fn rounded(mut self) -> Self {
        self.total = self.total.round_dp(12).normalize();
        self
    }
}

/// What the lines of an item are held against.
struct Against {
    ordered: Sum,
    shipped: Sum,
    advised: Sum,
    received: Sum,
    before: Sum,
}

impl Group<'_> {
    fn sum(&self, all: &[Moved<'_>], name: &'static str, unit: Option<&str>, joined: &Joined<'_>) -> Sum {
        let mut sum = Sum::default();
        for moved in all.iter().filter(|moved| self.is_of(moved)) {
            sum.add(moved.quantity, moved.unit, unit, joined);
            sum.figures.push(Figure {
                name: name.into(),
                value: moved.quantity,
                document: Some(moved.document),
                source: moved.source,
            });
        }
        sum.rounded()
    }

    /// How much was ordered; of nothing where a line of the order does not say how much.
    fn sum_ordered(&self, unit: Option<&str>, joined: &Joined<'_>) -> Sum {
        let mut sum = Sum::default();
        let Some((_, document)) = self.order else { return sum };
        for line in &self.ordered {
            let Some(quantity) = line.quantity else { return Sum::default() };
            sum.add(quantity, line.unit.as_deref(), unit, joined);
            sum.figures.push(Figure {
                name: "quantity ordered".into(),
                value: quantity,
                document: Some(document),
                source: line.source,
            });
        }
        sum.rounded()
    }

    fn compare(&self, bill: &Bill<'_>, comparison: &mut Comparison) {
        let Some((_, first)) = self.lines.first() else { return };
        let unit = first.unit.as_deref();
        let said = self.ordered.first().and_then(|ordered| ordered.pack).or(first.pack);
        let skus = self.ordered.iter().filter_map(|line| line.sku.as_deref()).chain(skus(&self.names));
        let joined = Joined::of(bill.agreed.packs, skus.collect(), said, bill.agreed.day);
        let shipped_name =
            if bill.kind == InvoiceKind::Purchase { "quantity advised" } else { "quantity shipped" };
        let known = bill.known;
        let against = Against {
            ordered: self.sum_ordered(unit, &joined),
            shipped: self.sum(&known.shipped, shipped_name, unit, &joined),
            advised: self.sum(&known.noticed, "quantity advised", unit, &joined),
            received: self.sum(&known.received, "quantity received", unit, &joined),
            before: self.sum(&known.billed, "quantity billed before", unit, &joined),
        };
        let later = self.sum(&known.billed_later, "quantity billed later", unit, &joined);
        let Against { ordered, shipped, received, before, .. } = &against;
        let moved =
            [shipped, received, before].into_iter().find_map(|sum| Some((sum.odd.as_ref()?, "shipped")));
        let odd = moved.or_else(|| Some((ordered.odd.as_ref()?, "ordered")));
        if let (Some((other, verb)), Some((ordinal, line))) = (odd, self.lines.first()) {
            let unchecked = if moved.is_some() { "is not checked" } else { "is not held against the order" };
            let message = format!(
                "{} is billed by the `{}` and was {verb} by the `{other}`, and no pack size is known; the quantity {unchecked}",
                self.shown(),
                unit.unwrap_or("unit"),
            );
            comparison.differences.push(bill.of_line(Reason::UnitMismatch, *ordinal, line, message));
        }
        let ships = !known.shipped.is_empty();
        let receives = !known.received.is_empty();
        let is_ordered = self.order.is_none() || !self.ordered.is_empty();
        // What may still be billed; without limit where nothing says how much. What was cancelled is told as a whole.
        let limit = |checked: bool, sum: &Sum| (checked && moved.is_none()).then(|| sum.total - before.total);
        let in_force = self.order.is_some_and(|(order, _)| !is_cancelled(order)) && !known.is_one_of_several;
        let left = [
            limit(ships, shipped),
            limit(receives, received),
            limit(in_force && ordered.known().is_some(), ordered),
        ];
        let mut left = left;
        for (ordinal, line) in &self.lines {
            let quantity = line.quantity.unwrap_or_default();
            let amount = money(line.extended_amount().unwrap_or_default());
            let agreed = agreed_price(bill, line, self.order, &self.ordered, &joined);
            let mut differences: Vec<Difference> = bill.line_amount(*ordinal, line).into_iter().collect();
            if is_ordered {
                let rightful = self.quantity(bill, (*ordinal, line), &against, &mut left, &mut differences);
                // That the order is not known says as well that its prices are not.
                if self.order.is_some() || agreed.is_some() {
                    differences.extend(self.price(bill, *ordinal, line, rightful, agreed.as_ref()));
                }
            } else {
                // Nothing of the line was asked for, so that neither quantity nor price are compared.
                let message = format!("{} is billed but was not ordered", self.shown());
                let priced = line.unit_price.map_or(amount, |price| extended(line, quantity, price));
                differences.push(Difference {
                    amount: Some(priced),
                    figures: vec![bill.figure("amount billed", priced, line.source)],
                    ..bill.of_line(Reason::ItemUnknown, *ordinal, line, message)
                });
            }
            comparison.lines.push(Line {
                found: self.found(line),
                ordered: ordered.known(),
                shipped: (ships && shipped.odd.is_none()).then_some(shipped.total),
                advised: against.advised.known(),
                received: (receives && received.odd.is_none()).then_some(received.total),
                billed_before: before.known(),
                price: agreed.as_ref().map(|agreed| money(agreed.price)),
                price_from: agreed.as_ref().map(|agreed| agreed.from),
                expected: amount - sum(&differences),
                ..Line::new(*ordinal, amount)
            });
            comparison.differences.append(&mut differences);
        }
        let now: Decimal = self.lines.iter().filter_map(|(_, line)| line.quantity).sum();
        // What was received is owed; what is only announced counts where no receipts come.
        let (owed, verb) = if receives { (received, "received") } else { (shipped, "shipped") };
        // A credit lets as much be billed once more, but it does not ask for it: goods come back, or cost less.
        let left = owed.total - before.gross - now - later.gross;
        let is_known = (ships || receives) && moved.is_none() && later.odd.is_none();
        if is_known && is_ordered && left > Decimal::ZERO {
            self.not_billed(bill, (left, now), (owed, verb), before, comparison);
        }
    }

    /// The quantity of a line against what is left to bill. Gives what of it is rightly billed.
    fn quantity(
        &self,
        bill: &Bill<'_>,
        (ordinal, line): (usize, &InvoiceLine),
        against: &Against,
        left: &mut [Option<Decimal>; 3],
        differences: &mut Vec<Difference>,
    ) -> Decimal {
        let quantity = line.quantity.unwrap_or_default();
        let unit = line.unit.as_deref().unwrap_or("unit");
        let before = &against.before;
        let mut rightful = quantity;
        let checks = [
            (&against.shipped, Reason::QuantityBilledNotShipped, "shipped"),
            (&against.received, Reason::QuantityBilledNotReceived, "received"),
            (&against.ordered, Reason::QuantityBilledNotOrdered, "ordered"),
        ];
        for (left, (sum, reason, verb)) in left.iter_mut().zip(checks) {
            let Some(left) = left else { continue };
            let may = rightful.min((*left).max(Decimal::ZERO));
            *left -= quantity;
            if may >= rightful {
                continue;
            }
            let over = rightful - may;
            let already = if before.total.is_zero() {
                String::new()
            } else {
                format!(", of which {} were billed before", before.total)
            };
            let message = format!(
                "{}: {quantity} {unit} billed, {} {verb}{already}: {over} more than was {verb}",
                self.shown(),
                sum.total,
            );
            // Priced as the invoice prices the line: what would be paid too much.
            let price = line.unit_price;
            let worth = |quantity| price.map(|price| extended(line, quantity, price));
            let mut figures = vec![bill.figure("quantity billed", quantity, line.source)];
            figures.extend(sum.figures.iter().cloned());
            figures.extend(before.figures.iter().cloned());
            figures.extend(price.map(|price| bill.figure("unit price billed", price, line.source)));
            figures.extend(worth(may).map(|worth| bill.computed("expected amount", worth)));
            let amount = worth(rightful).zip(worth(may)).map(|(all, right)| all - right);
            differences.push(Difference { amount, figures, ..bill.of_line(reason, ordinal, line, message) });
            rightful = may;
        }
        rightful
    }

    /// What was shipped or received and neither this invoice nor another bills.
    fn not_billed(
        &self,
        bill: &Bill<'_>,
        (left, now): (Decimal, Decimal),
        (owed, verb): (&Sum, &str),
        before: &Sum,
        comparison: &mut Comparison,
    ) {
        let Some((ordinal, line)) = self.lines.last() else { return };
        let unit = line.unit.as_deref().unwrap_or("unit");
        let message = format!(
            "{}: {now} {unit} billed, {} {verb}: {left} fewer than were {verb}",
            self.shown(),
            owed.total
        );
        let mut figures: Vec<Figure> = self
            .lines
            .iter()
            .filter_map(|(_, line)| Some(bill.figure("quantity billed", line.quantity?, line.source)))
            .collect();
        figures.extend(owed.figures.iter().chain(&before.figures).cloned());
        comparison.differences.push(Difference {
            amount: line.unit_price.map(|price| -extended(line, left, price)),
            figures,
            ..bill.of_line(Reason::QuantityNotBilled, *ordinal, line, message)
        });
    }

    /// The unit price against the agreed one, for the quantity that is rightly billed. A substitute is paid at the price of
    /// the item whose place it took at most.
    fn price(
        &self,
        bill: &Bill<'_>,
        ordinal: usize,
        line: &InvoiceLine,
        quantity: Decimal,
        agreed: Option<&AgreedPrice>,
    ) -> Option<Difference> {
        let (item, taken) = (self.shown(), self.taken);
        let (Some(agreed), Some(billed)) = (agreed, line.unit_price) else {
            let message = format!(
                "{item}: neither order nor price list names a price in its currency and price basis, so it is not checked"
            );
            return Some(bill.of_line(Reason::PriceNotChecked, ordinal, line, message));
        };
        if agreed.price == billed || (taken.is_some() && billed < agreed.price) {
            return None;
        }
        let worth = extended(line, quantity, agreed.price);
        let amount = extended(line, quantity, billed) - worth;
        let said = money(agreed.price);
        let (word, name) = match agreed.from {
            "order" => ("ordered", "unit price ordered"),
            "acknowledgment" => ("acknowledged", "unit price acknowledged"),
            _ => ("listed", "unit price listed"),
        };
        let whose = taken.map_or_else(String::new, |taken| {
            format!(" for {}, in whose place it was shipped", taken.keys().shown())
        });
        Some(Difference {
            amount: Some(amount),
            figures: vec![
                bill.figure("unit price billed", billed, line.source),
                Figure { name: name.into(), ..agreed.figure.clone() },
                bill.figure("quantity rightly billed", quantity, line.source),
                bill.computed("expected amount", worth),
            ],
            ..bill.of_line(
                if billed > agreed.price { Reason::PriceOver } else { Reason::PriceUnder },
                ordinal,
                line,
                format!("{item}: billed at {}, {word} at {said}{whose}", money(billed)),
            )
        })
    }
}

/// What one unit should cost, and who says so.
struct AgreedPrice {
    price: Decimal,
    from: &'static str,
    figure: Figure,
}

/// The price of the order, else what the seller acknowledged, else that of the price list, of one unit as it is billed.
fn agreed_price(
    bill: &Bill<'_>,
    line: &InvoiceLine,
    order: Option<(&PurchaseOrder, Uuid)>,
    ordered: &[&PurchaseOrderLine],
    joined: &Joined<'_>,
) -> Option<AgreedPrice> {
    let currency = bill.currency();
    let same_currency = order.is_none_or(|(order, _)| {
        order.currency.as_deref().zip(currency).is_none_or(|(one, other)| one == other)
    });
    let unit = line.unit.as_deref();
    if let (Some((_, document)), true) = (order, same_currency) {
        // Lines of one item with prices of their own are told by their number.
        let by_number = ordered.iter().find(|ordered| is_same_line(line, ordered));
        let of_order = by_number.or_else(|| ordered.first());
        // A price per hundred on both sides is one price.
        let basis = |basis: &Option<String>| basis.clone().unwrap_or_else(|| "each".to_owned());
        let priced = |own: Option<Decimal>, of: &Option<String>, per: Option<&str>| {
            let own = own.filter(|_| basis(of) == basis(&line.price_basis))?;
            Some((own, (own * joined.factor(unit, per)?).round_dp(8).normalize()))
        };
        let found = of_order.and_then(|ordered| {
            let (value, price) = priced(ordered.unit_price, &ordered.price_basis, ordered.unit.as_deref())?;
            let figure = Figure { name: "".into(), value, document: Some(document), source: ordered.source };
            Some(AgreedPrice { price, from: "order", figure })
        });
        // The last word of the seller on the item.
        let acknowledged = || {
            bill.known.answers.iter().rev().find_map(|(answer, document)| {
                let keys = of_order.map_or_else(|| line.keys(), |ordered| ordered.keys());
                let said = answer.lines.iter().find(|said| said.keys().same(&keys))?;
                let (value, price) = priced(said.unit_price, &said.price_basis, said.unit.as_deref())?;
                let figure =
                    Figure { name: "".into(), value, document: Some(*document), source: said.source };
                Some(AgreedPrice { price, from: "acknowledgment", figure })
            })
        };
        if let Some(found) = found.or_else(acknowledged) {
            return Some(found);
        }
    }
    let find =
        |sku: &&str| bill.agreed.prices.find(sku, bill.agreed.partner, currency, bill.agreed.day, unit);
    let row = joined.skus.iter().find_map(find)?;
    let price = row.price * joined.factor(unit, Some(&row.unit))?;
    let figure = Figure { name: "".into(), value: row.price, document: None, source: None };
    Some(AgreedPrice { price: price.round_dp(8).normalize(), from: "price_list", figure })
}

/// Whether this invoice bills the last of its orders: with those before it as much of each line as was ordered.
pub(super) fn is_billed_in_full(bill: &Bill<'_>) -> bool {
    let groups = groups(bill);
    let is_full = |order: &PurchaseOrder, line: &PurchaseOrderLine| {
        let Some(quantity) = line.quantity else { return true };
        let said = line.pack;
        let of_order = |group: &&Group<'_>| group.order.is_some_and(|(own, _)| std::ptr::eq(own, order));
        let group = groups
            .iter()
            .filter(of_order)
            .find(|group| group.ordered.iter().any(|own| std::ptr::eq(*own, line)));
        let unit = line.unit.as_deref();
        let names = group.map_or_else(|| vec![line.keys()], |group| group.names.clone());
        let joined = Joined::of(bill.agreed.packs, skus(&names), said, bill.agreed.day);
        let in_unit =
            |quantity: Decimal, of: Option<&str>| quantity * joined.factor(of, unit).unwrap_or(Decimal::ONE);
        let now = group.into_iter().flat_map(|group| &group.lines);
        let now: Decimal = now.filter_map(|(_, now)| Some(in_unit(now.quantity?, now.unit.as_deref()))).sum();
        let number = order.purchase_order_number.as_deref();
        let is_it = |moved: &&Moved<'_>| {
            moved.order.is_none_or(|own| same_number(Some(own), number)) && is_named(&names, &moved.item)
        };
        let before = bill.known.billed.iter().filter(is_it);
        let before: Decimal = before.map(|moved| in_unit(moved.quantity, moved.unit)).sum();
        now + before >= quantity
    };
    let orders = bill.known.orders.iter().map(|(order, _)| *order).filter(|order| !is_cancelled(order));
    orders.into_iter().all(|order| order.lines.iter().all(|line| is_full(order, line)))
}
