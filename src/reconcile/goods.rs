//! Sales and purchases: each line against what was ordered, shipped, received and billed before.

use super::units::Joined;
use super::{Bill, Comparison, Difference, Figure, Line, Match, Moved, cents, extended, money};
use crate::canonical::{
    InvoiceKind, InvoiceLine, ItemKeys, PurchaseOrder, PurchaseOrderLine, Purpose, Reason, evened,
    same_number,
};
use rust_decimal::Decimal;
use uuid::Uuid;

pub(super) fn compare(bill: &Bill<'_>, kind: InvoiceKind, comparison: &mut Comparison) {
    whole(bill, &mut comparison.differences);
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (at, line) in bill.invoice.lines.iter().enumerate() {
        let keys = line.keys();
        let order = bill.order_number(line).map(evened);
        let is_of = |group: &&mut Group<'_>| group.keys.same(&keys) && group.order == order;
        match groups.iter_mut().find(is_of) {
            Some(group) => group.lines.push((at + 1, line)),
            None => groups.push(Group { keys, order, lines: vec![(at + 1, line)] }),
        }
    }
    for group in &groups {
        group.compare(bill, kind, comparison);
    }
    comparison.lines.sort_by_key(|line| line.ordinal);
}

/// What concerns the orders as a whole.
fn whole(bill: &Bill<'_>, differences: &mut Vec<Difference>) {
    let invoice = bill.invoice;
    let mut unknown: Vec<&str> = Vec::new();
    let mut numbers: Vec<Option<&str>> = invoice.lines.iter().map(|line| bill.order_number(line)).collect();
    if numbers.is_empty() {
        numbers.push(invoice.purchase_order_number.as_deref());
    }
    for (at, number) in numbers.iter().enumerate() {
        let shown = number.unwrap_or("(none given)");
        let known = invoice
            .lines
            .get(at)
            .map_or_else(|| bill.known.orders.first().copied(), |line| bill.order_of(line));
        if known.is_none() && !unknown.contains(&shown) {
            unknown.push(shown);
        }
    }
    for number in &unknown {
        let message = format!("purchase order {number} is not known, so prices and items are not checked");
        differences.push(bill.whole(Reason::OrderUnknown, message));
    }
    for (order, document) in &bill.known.orders {
        let number = order.purchase_order_number.as_deref().unwrap_or_default();
        if order.purpose == Some(Purpose::Cancellation) {
            let message = format!("purchase order {number} was cancelled, and is billed");
            differences.push(bill.whole(Reason::OrderCancelled, message));
        }
        if let (Some(own), Some(theirs)) = (&invoice.currency, &order.currency)
            && own != theirs
        {
            let message = format!("billed in {own}, ordered in {theirs}; prices are not checked");
            differences.push(bill.whole(Reason::CurrencyDiffers, message));
        }
        terms(bill, order, *document, differences);
    }
    if bill.known.shipped.is_empty() && bill.known.received.is_empty() {
        let number = numbers.iter().flatten().next().unwrap_or(&"(none given)");
        let message = format!("nothing is known to have been shipped for order {number}");
        let total = invoice.total_amount.map(|total| bill.figure("total billed", total, invoice.source));
        differences.push(Difference {
            amount: invoice.total_amount,
            figures: total.into_iter().collect(),
            ..bill.whole(Reason::InvoiceBeforeShip, message)
        });
    }
}

/// Terms of payment against those of the order.
fn terms(bill: &Bill<'_>, order: &PurchaseOrder, document: Uuid, differences: &mut Vec<Difference>) {
    let (Some(own), Some(theirs)) = (bill.invoice.terms.first(), order.terms.first()) else { return };
    let mut said = Vec::new();
    let mut figures = Vec::new();
    let days = |days: Option<i64>| days.map(Decimal::from);
    for (name, own, theirs) in [
        ("discount in percent", own.discount_percent, theirs.discount_percent),
        ("days of discount", days(own.discount_days), days(theirs.discount_days)),
        ("days net", days(own.net_days), days(theirs.net_days)),
    ] {
        if let (Some(own), Some(theirs)) = (own, theirs)
            && own != theirs
        {
            said.push(format!("{name}: {} billed, {} ordered", own.normalize(), theirs.normalize()));
            figures.push(bill.figure(format!("{name} billed"), own, bill.invoice.source));
            let of_order = Figure { document: Some(document), ..bill.figure("", theirs, order.source) };
            figures.push(Figure { name: format!("{name} ordered").into(), ..of_order });
        }
    }
    if said.is_empty() {
        return;
    }
    // A discount that the order grants and the invoice does not is money.
    let percent = |terms: Option<Decimal>| terms.unwrap_or_default();
    let lost = percent(theirs.discount_percent) - percent(own.discount_percent);
    let base = bill.invoice.discountable_amount.or(bill.invoice.total_amount).unwrap_or_default();
    let amount = (!lost.is_zero()).then(|| cents(base * lost / Decimal::ONE_HUNDRED));
    let message = format!("terms of payment differ from the order's: {}", said.join("; "));
    differences.push(Difference { amount, figures, ..bill.whole(Reason::TermsDiffer, message) });
}

/// The lines of one item of one order.
struct Group<'g> {
    keys: ItemKeys<'g>,
    /// Its number, evened.
    order: Option<String>,
    lines: Vec<(usize, &'g InvoiceLine)>,
}

/// What is known to have moved of an item, in the unit in which it is billed.
#[derive(Default)]
struct Sum {
    total: Decimal,
    /// Without what was taken back by credits.
    gross: Decimal,
    figures: Vec<Figure>,
    count: usize,
    /// A unit that nothing joins.
    odd: Option<String>,
}

impl Group<'_> {
    fn is_of(&self, moved: &Moved<'_>) -> bool {
        // What names no order was found by its shipping order.
        let order = moved.order.zip(self.order.as_deref());
        order.is_none_or(|(one, other)| one == other) && moved.item.same(&self.keys)
    }

    fn sum(&self, all: &[Moved<'_>], name: &'static str, unit: Option<&str>, joined: &Joined<'_>) -> Sum {
        let mut sum = Sum::default();
        for moved in all.iter().filter(|moved| self.is_of(moved)) {
            sum.count += 1;
            match joined.factor(moved.unit, unit) {
                Some(factor) => {
                    sum.total += moved.quantity * factor;
                    sum.gross += moved.quantity.max(Decimal::ZERO) * factor;
                }
                None => sum.odd = moved.unit.map(str::to_owned),
            }
            sum.figures.push(Figure {
                name: name.into(),
                value: moved.quantity,
                document: Some(moved.document),
                source: moved.source,
            });
        }
        // Three of a pack is a third of it over and over: what is whole but for the last digit is whole.
        sum.total = sum.total.round_dp(12).normalize();
        sum
    }

    fn compare(&self, bill: &Bill<'_>, kind: InvoiceKind, comparison: &mut Comparison) {
        let Some((_, first)) = self.lines.first() else { return };
        let order = bill.order_of(first);
        let lines = order.map(|(order, _)| order.lines.as_slice()).unwrap_or_default();
        let mut ordered_lines: Vec<&PurchaseOrderLine> =
            lines.iter().filter(|line| line.keys().same(&self.keys)).collect();
        // A substitute is held against the item whose place it took.
        let taken = if ordered_lines.is_empty() { self.place_taken(bill, lines) } else { None };
        ordered_lines.extend(taken);
        let unit = first.unit.as_deref();
        let joined = Joined::of(bill.agreed.packs, first, ordered_lines.first().copied(), bill.agreed.day);
        let shipped_name =
            if kind == InvoiceKind::Purchase { "quantity advised" } else { "quantity shipped" };
        let shipped = self.sum(&bill.known.shipped, shipped_name, unit, &joined);
        let received = self.sum(&bill.known.received, "quantity received", unit, &joined);
        let before = self.sum(&bill.known.billed, "quantity billed before", unit, &joined);
        let later = self.sum(&bill.known.billed_later, "quantity billed later", unit, &joined);
        let odd = [&shipped, &received, &before].into_iter().find_map(|sum| sum.odd.clone());
        if let (Some(other), Some((ordinal, line))) = (&odd, self.lines.first()) {
            let message = format!(
                "{} is billed by the `{}` and was shipped by the `{other}`, and no pack size is known; the quantity is not checked",
                self.keys.shown(),
                unit.unwrap_or("unit"),
            );
            comparison.differences.push(bill.of_line(Reason::UnitMismatch, *ordinal, line, message));
        }
        let ships = !bill.known.shipped.is_empty();
        let receives = !bill.known.received.is_empty();
        let is_ordered = order.is_none() || !ordered_lines.is_empty();
        // What may still be billed; without limit where nothing says how much.
        let limit = |checked: bool, sum: &Sum| (checked && odd.is_none()).then(|| sum.total - before.total);
        let (mut to_ship, mut to_receive) = (limit(ships, &shipped), limit(receives, &received));
        for (ordinal, line) in &self.lines {
            let unit_word = line.unit.as_deref().unwrap_or("unit");
            let quantity = line.quantity.unwrap_or_default();
            let amount = money(line.extended_amount().unwrap_or_default());
            let price = line.unit_price;
            let agreed = agreed_price(bill, line, order, &ordered_lines, &joined);
            let mut result = Line {
                ordinal: *ordinal,
                found: found(line, &ordered_lines),
                ordered: (!ordered_lines.is_empty()).then(|| ordered(&ordered_lines, unit, &joined)),
                shipped: ships.then_some(shipped.total),
                received: receives.then_some(received.total),
                billed_before: (before.count > 0).then_some(before.total),
                price: agreed.as_ref().map(|agreed| money(agreed.price)),
                price_from: agreed.as_ref().map(|agreed| agreed.from),
                amount,
                expected: amount,
            };
            let mut differences = Vec::new();
            if let (Some(said), Some(price), Some(_)) = (line.amount, price, line.quantity) {
                let computed = extended(line, quantity, price);
                if said != computed {
                    let message = format!(
                        "{}: the line bills {}, but {quantity} at {} come to {computed}",
                        self.keys.shown(),
                        money(said),
                        money(price)
                    );
                    differences.push(Difference {
                        amount: Some(said - computed),
                        figures: vec![
                            bill.figure("amount billed", said, line.source),
                            bill.computed("expected amount", computed),
                        ],
                        ..bill.of_line(Reason::LineAmountWrong, *ordinal, line, message)
                    });
                }
            }
            if !is_ordered && ships {
                // Nothing of the line was asked for, so that neither quantity nor price are compared.
                let message = format!("{} is billed but was not ordered", self.keys.shown());
                let priced = price.map_or(amount, |price| extended(line, quantity, price));
                differences.push(Difference {
                    amount: Some(priced),
                    figures: vec![bill.figure("amount billed", priced, line.source)],
                    ..bill.of_line(Reason::ItemUnknown, *ordinal, line, message)
                });
            } else {
                let mut rightful = quantity;
                for (left, sum, reason, verb) in [
                    (&mut to_ship, &shipped, Reason::QuantityBilledNotShipped, "shipped"),
                    (&mut to_receive, &received, Reason::QuantityBilledNotReceived, "received"),
                ] {
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
                        "{}: {quantity} {unit_word} billed, {} {verb}{already}: {over} more than was {verb}",
                        self.keys.shown(),
                        sum.total,
                    );
                    // Priced as the invoice prices the line: what would be paid too much.
                    let worth = |quantity| price.map(|price| extended(line, quantity, price));
                    let mut figures = vec![bill.figure("quantity billed", quantity, line.source)];
                    figures.extend(sum.figures.iter().cloned());
                    figures.extend(before.figures.iter().cloned());
                    figures.extend(price.map(|price| bill.figure("unit price billed", price, line.source)));
                    figures.extend(worth(may).map(|worth| bill.computed("expected amount", worth)));
                    let amount = worth(rightful).zip(worth(may)).map(|(all, right)| all - right);
                    differences.push(Difference {
                        amount,
                        figures,
                        ..bill.of_line(reason, *ordinal, line, message)
                    });
                    rightful = may;
                }
                // That the order is not known says as well that its prices are not.
                if order.is_some() || agreed.is_some() {
                    let agreed = (agreed.as_ref(), taken);
                    differences.extend(self.price(bill, *ordinal, line, rightful, agreed, is_ordered));
                }
            }
            let wrong: Decimal = differences.iter().filter_map(|difference| difference.amount).sum();
            result.expected = amount - wrong;
            comparison.lines.push(result);
            comparison.differences.append(&mut differences);
        }
        let now: Decimal = self.lines.iter().filter_map(|(_, line)| line.quantity).sum();
        // A credit lets as much be billed once more, but it does not ask for it: goods come back, or cost less.
        let left = shipped.total - before.gross - now - later.gross;
        if ships && odd.is_none() && later.odd.is_none() && is_ordered && left > Decimal::ZERO {
            self.not_billed(bill, left, now, &shipped, &before, comparison);
        }
    }

    /// What was shipped and neither this invoice nor another bills.
    fn not_billed(
        &self,
        bill: &Bill<'_>,
        left: Decimal,
        now: Decimal,
        shipped: &Sum,
        before: &Sum,
        comparison: &mut Comparison,
    ) {
        let Some((ordinal, line)) = self.lines.last() else { return };
        let unit = line.unit.as_deref().unwrap_or("unit");
        let message = format!(
            "{}: {now} {unit} billed, {} shipped: {left} fewer than were shipped",
            self.keys.shown(),
            shipped.total
        );
        let mut figures: Vec<Figure> = self
            .lines
            .iter()
            .filter_map(|(_, line)| Some(bill.figure("quantity billed", line.quantity?, line.source)))
            .collect();
        figures.extend(shipped.figures.iter().chain(&before.figures).cloned());
        comparison.differences.push(Difference {
            amount: line.unit_price.map(|price| -extended(line, left, price)),
            figures,
            ..bill.of_line(Reason::QuantityNotBilled, *ordinal, line, message)
        });
    }

    /// The order's line of the item whose place this one took, as the warehouse says.
    fn place_taken<'o>(
        &self,
        bill: &Bill<'_>,
        lines: &'o [PurchaseOrderLine],
    ) -> Option<&'o PurchaseOrderLine> {
        let moved = bill.known.shipped.iter().filter(|moved| !moved.in_place_of.is_empty());
        let named: Vec<&str> = moved
            .filter(|moved| self.is_of(moved))
            .flat_map(|moved| moved.in_place_of.iter().copied())
            .collect();
        lines.iter().find(|line| {
            let keys = line.keys();
            let own = [&keys.sku, &keys.buyer_item, &keys.gtin];
            own.into_iter().flatten().any(|own| named.iter().any(|other| same_number(Some(own), Some(other))))
        })
    }

    /// The unit price against the agreed one, for the quantity that is rightly billed. A substitute is paid at the price of
    /// the item whose place it took at most.
    fn price(
        &self,
        bill: &Bill<'_>,
        ordinal: usize,
        line: &InvoiceLine,
        quantity: Decimal,
        (agreed, taken): (Option<&AgreedPrice>, Option<&PurchaseOrderLine>),
        is_ordered: bool,
    ) -> Option<Difference> {
        let item = self.keys.shown();
        if !is_ordered {
            let message = format!("{item} is billed but was not ordered");
            let amount = line.extended_amount().map(money);
            return Some(Difference { amount, ..bill.of_line(Reason::ItemUnknown, ordinal, line, message) });
        }
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
    let currency = bill.invoice.currency.as_deref();
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
    let sku = joined.sku?;
    let row = bill.agreed.prices.find(sku, bill.agreed.partner, currency, bill.agreed.day, unit)?;
    let price = row.price * joined.factor(unit, Some(&row.unit))?;
    let figure = Figure { name: "".into(), value: row.price, document: None, source: None };
    Some(AgreedPrice { price: price.round_dp(8).normalize(), from: "price_list", figure })
}

fn is_same_line(line: &InvoiceLine, ordered: &PurchaseOrderLine) -> bool {
    same_number(line.line_number.as_deref(), ordered.line_number.as_deref())
}

fn found(line: &InvoiceLine, ordered: &[&PurchaseOrderLine]) -> Match {
    if ordered.iter().any(|ordered| is_same_line(line, ordered)) {
        Match::Line
    } else if ordered.is_empty() {
        Match::None
    } else {
        Match::Item
    }
}

/// How much was ordered, in the unit that is billed.
fn ordered(lines: &[&PurchaseOrderLine], unit: Option<&str>, joined: &Joined<'_>) -> Decimal {
    let each = lines.iter().filter_map(|line| {
        let factor = joined.factor(line.unit.as_deref(), unit).unwrap_or(Decimal::ONE);
        Some(line.quantity? * factor)
    });
    each.sum()
}
