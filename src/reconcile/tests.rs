//! Figures worked out by hand.

use super::*;
use crate::canonical::{
    AcknowledgmentLine, ActivityCounts, Charge, ChargeKind, DatedEvent, PurchaseOrderLine, Purpose, Tax,
    Terms,
};
use crate::profiles::{Activity, AgreedCharge, ChargePrice, Rate, Scope, Tolerance};
use proptest::prelude::*;

fn number(text: &str) -> Decimal {
    text.parse().expect("a number")
}

fn line(item: &str, quantity: &str, price: &str) -> InvoiceLine {
    InvoiceLine {
        line_number: Some("1".to_owned()),
        sku: Some(item.to_owned()),
        quantity: Some(number(quantity)),
        unit: Some("each".to_owned()),
        unit_price: Some(number(price)),
        ..InvoiceLine::default()
    }
}

fn moved<'a>(item: &'a str, quantity: &str) -> Moved<'a> {
    Moved {
        order: None,
        item: ItemKeys { sku: Some(item.into()), ..ItemKeys::default() },
        quantity: number(quantity),
        unit: Some("each"),
        line: None,
        document: Uuid::nil(),
        in_place_of: Vec::new(),
        source: None,
    }
}

fn order(item: &str, price: &str) -> PurchaseOrder {
    let line = PurchaseOrderLine {
        sku: Some(item.to_owned()),
        unit: Some("each".to_owned()),
        unit_price: Some(number(price)),
        quantity: Some(number("100")),
        ..PurchaseOrderLine::default()
    };
    let purchase_order_number = Some("PO-1".to_owned());
    PurchaseOrder { purchase_order_number, lines: vec![line], ..PurchaseOrder::default() }
}

fn invoice(lines: Vec<InvoiceLine>, total: &str) -> Invoice {
    Invoice {
        invoice_number: Some("INV-1".to_owned()),
        purchase_order_number: Some("PO-1".to_owned()),
        total_amount: Some(number(total)),
        lines,
        ..Invoice::default()
    }
}

/// What an invoice is compared with, in one place.
#[derive(Default)]
struct World {
    order: Option<PurchaseOrder>,
    answer: Option<OrderAcknowledgment>,
    shipped: Vec<Moved<'static>>,
    received: Vec<Moved<'static>>,
    billed: Vec<Moved<'static>>,
    later: Vec<Moved<'static>>,
    original: Option<Invoice>,
    counted: Option<ActivityCounts>,
    rules: Reconciliation,
    prices: PriceList,
    packs: Packs,
    items: Items,
}

impl World {
    fn of(order: PurchaseOrder, shipped: &[Moved<'static>]) -> Self {
        Self { order: Some(order), shipped: shipped.to_vec(), ..Self::default() }
    }

    fn compare(&self, invoice: &Invoice, kind: InvoiceKind) -> Comparison {
        let known = Known {
            orders: self.order.iter().map(|order| (order, Uuid::nil())).collect(),
            answers: self.answer.iter().map(|answer| (answer, Uuid::nil())).collect(),
            shipped: self.shipped.clone(),
            received: self.received.clone(),
            billed: self.billed.clone(),
            billed_later: self.later.clone(),
            original: self.original.as_ref().map(|original| (original, Uuid::nil())),
            counted: self.counted,
            ..Known::default()
        };
        let agreed = Agreed {
            rules: &self.rules,
            partner: "seller",
            prices: &self.prices,
            packs: &self.packs,
            items: &self.items,
            day: "2026-11-25".parse().expect("a day"),
        };
        compare(invoice, Uuid::nil(), kind, &known, &agreed)
    }

    fn told(&self, invoice: &Invoice) -> Vec<(Reason, Option<Decimal>)> {
        let found = self.compare(invoice, InvoiceKind::Sale).differences;
        found.into_iter().map(|one| (one.reason, one.amount)).collect()
    }
}

#[test]
fn a_perfect_chain_yields_no_difference() {
    let world = World::of(order("A", "12.50"), &[moved("A", "4"), moved("A", "5")]);
    assert_eq!(world.told(&invoice(vec![line("A", "9", "12.50")], "112.50")), []);
}

#[test]
fn one_planted_change_yields_exactly_its_reason_and_amount() {
    let world = World::of(order("A", "12.50"), &[moved("A", "9")]);
    for (lines, total, reason, amount) in [
        (vec![line("A", "10", "12.50")], "125.00", Reason::QuantityBilledNotShipped, "12.50"),
        (vec![line("A", "9", "12.55")], "112.95", Reason::PriceOver, "0.45"),
        (vec![line("A", "9", "12.45")], "112.05", Reason::PriceUnder, "-0.45"),
        (vec![line("A", "9", "12.50")], "112.51", Reason::TotalsWrong, "0.01"),
        (vec![line("A", "8", "12.50")], "100.00", Reason::QuantityNotBilled, "-12.50"),
        (vec![line("A", "9", "12.50"), line("B", "1", "3.00")], "115.50", Reason::ItemUnknown, "3.00"),
    ] {
        assert_eq!(world.told(&invoice(lines, total)), [(reason, Some(number(amount)))]);
    }
}

#[test]
fn where_the_order_names_no_price_the_acknowledgment_does() {
    let mut bare = order("A", "1.00");
    bare.lines[0].unit_price = None;
    let mut world = World::of(bare, &[moved("A", "9")]);
    let bill = invoice(vec![line("A", "9", "12.55")], "112.95");
    assert_eq!(world.told(&bill), [(Reason::PriceNotChecked, None)]);
    let said = AcknowledgmentLine {
        sku: Some("A".to_owned()),
        unit: Some("each".to_owned()),
        unit_price: Some(number("12.50")),
        ..AcknowledgmentLine::default()
    };
    world.answer = Some(OrderAcknowledgment { lines: vec![said], ..OrderAcknowledgment::default() });
    assert_eq!(world.told(&bill), [(Reason::PriceOver, Some(number("0.45")))]);
    // The order's own price stands over it.
    world.order = Some(order("A", "12.55"));
    assert_eq!(world.told(&bill), []);
}

#[test]
fn a_substitute_is_paid_at_the_price_of_what_it_replaces_at_most() {
    let substitute = Moved { in_place_of: vec!["A"], ..moved("B", "9") };
    let world = World::of(order("A", "12.50"), &[substitute]);
    let bill = |price: &str, total: &str| invoice(vec![line("B", "9", price)], total);
    assert_eq!(world.told(&bill("12.50", "112.50")), []);
    assert_eq!(world.told(&bill("12.00", "108.00")), [], "a cheaper one is welcome");
    assert_eq!(world.told(&bill("13.00", "117.00")), [(Reason::PriceOver, Some(number("4.50")))]);
    let found = world.compare(&bill("13.00", "117.00"), InvoiceKind::Sale).differences;
    assert_eq!(found[0].message, "B: billed at 13.00, ordered at 12.50 for A, in whose place it was shipped");
    assert_eq!(
        world.told(&invoice(vec![line("C", "9", "1.00")], "9.00"))[0].0,
        Reason::ItemUnknown,
        "nobody shipped C in the place of anything"
    );
}

#[test]
fn amounts_add_up_to_what_is_billed_too_much() {
    // 10 at 12.55 = 125.50 billed; 9 shipped at 12.50 = 112.50 expected.
    let world = World::of(order("A", "12.50"), &[moved("A", "9")]);
    let bill = invoice(vec![line("A", "10", "12.55")], "125.50");
    let found = world.told(&bill);
    let amounts = [
        (Reason::QuantityBilledNotShipped, Some(number("12.55"))),
        (Reason::PriceOver, Some(number("0.45"))),
    ];
    assert_eq!(found, amounts);
    let line = world.compare(&bill, InvoiceKind::Sale).lines.remove(0);
    assert_eq!((line.amount, line.expected), (number("125.50"), number("112.50")));
}

#[test]
fn what_was_billed_before_is_not_billed_again_and_what_comes_later_is_not_missed() {
    let mut world = World::of(order("A", "2.00"), &[moved("A", "9")]);
    world.billed = vec![moved("A", "5")];
    let bill = invoice(vec![line("A", "5", "2.00")], "10.00");
    assert_eq!(world.told(&bill), [(Reason::QuantityBilledNotShipped, Some(number("2.00")))]);
    world.billed = Vec::new();
    world.later = vec![moved("A", "4")];
    assert_eq!(world.told(&bill), [], "the rest is billed by a later invoice");
    // A credit of 5 lets 5 be billed once more.
    world.billed = vec![moved("A", "9"), moved("A", "-5")];
    world.later = Vec::new();
    assert_eq!(world.told(&bill), []);
}

#[test]
fn two_lines_of_one_item_are_held_against_it_together() {
    let world = World::of(order("A", "2.00"), &[moved("A", "9")]);
    let second = InvoiceLine { line_number: Some("2".to_owned()), ..line("A", "5", "2.00") };
    let bill = invoice(vec![line("A", "5", "2.00"), second], "20.00");
    let found = world.compare(&bill, InvoiceKind::Sale).differences;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].ordinal, found[0].amount), (Some(2), Some(number("2.00"))));
}

#[test]
fn units_are_joined_by_pack_sizes_and_never_by_prices() {
    let case = |mut line: InvoiceLine| {
        line.unit = Some("case".to_owned());
        line
    };
    let bill = invoice(vec![case(line("A", "2", "24.00"))], "48.00");
    let mut world = World::of(order("A", "2.00"), &[moved("A", "24")]);
    let reasons: Vec<Reason> = world.told(&bill).into_iter().map(|(reason, _)| reason).collect();
    assert_eq!(reasons, [Reason::UnitMismatch, Reason::PriceNotChecked]);
    let always = ("0001-01-01".parse().expect("a day"), None);
    world.packs.add("A", "CA", number("12"), "EA", always);
    assert_eq!(world.told(&bill), [], "a case of 12 at 2.00 each is 24.00");
    world.shipped = vec![moved("A", "12")];
    assert_eq!(world.told(&bill), [(Reason::QuantityBilledNotShipped, Some(number("24.00")))]);
    // The order's own pack joins them as well.
    let mut said = World::of(order("A", "2.00"), &[moved("A", "24")]);
    if let Some(order) = &mut said.order {
        order.lines[0].pack = Some(number("12"));
    }
    assert_eq!(said.told(&bill), []);
}

#[test]
fn a_price_list_stands_in_for_an_order_without_prices() {
    let mut world = World::of(order("A", "1"), &[moved("A", "9")]);
    if let Some(order) = &mut world.order {
        order.lines[0].unit_price = None;
    }
    let bill = invoice(vec![line("A", "9", "12.50")], "112.50");
    assert_eq!(world.told(&bill), [(Reason::PriceNotChecked, None)]);
    let day = |text: &str| text.parse().expect("a day");
    let row = |partner: &str, price: &str, from: &str| PriceRow {
        sku: "A".to_owned(),
        partner: partner.to_owned(),
        unit: "EA".to_owned(),
        currency: "USD".to_owned(),
        price: number(price),
        from: day(from),
        to: None,
    };
    world.prices.add(row("", "12.40", "2020-01-01"));
    assert_eq!(world.told(&bill), [(Reason::PriceOver, Some(number("0.90")))]);
    world.prices.add(row("seller", "12.50", "2026-01-01"));
    world.prices.add(row("seller", "99.00", "2027-01-01"));
    assert_eq!(world.told(&bill), [], "the partner's own price of the day");
}

#[test]
fn a_purchase_is_held_against_what_was_received() {
    let mut world = World::of(order("A", "2.00"), &[moved("A", "10")]);
    world.received = vec![moved("A", "7")];
    let bill = invoice(vec![line("A", "11", "2.00")], "22.00");
    let found = world.compare(&bill, InvoiceKind::Purchase);
    let told: Vec<_> = found.differences.iter().map(|one| (one.reason, one.amount)).collect();
    let expected = [
        (Reason::QuantityBilledNotShipped, Some(number("2.00"))),
        (Reason::QuantityBilledNotReceived, Some(number("6.00"))),
    ];
    assert_eq!(told, expected);
    assert_eq!(found.lines[0].expected, number("14.00"));
}

#[test]
fn charges_are_those_of_the_order_or_the_profile() {
    let charge = |kind, code: &str, amount: &str| Charge {
        kind: Some(kind),
        code: Some(code.to_owned()),
        amount: Some(number(amount)),
        ..Charge::default()
    };
    let mut world = World::of(order("A", "2.00"), &[moved("A", "50")]);
    let mut bill = invoice(vec![line("A", "50", "2.00")], "130.00");
    bill.charges = vec![charge(ChargeKind::Charge, "freight", "30.00")];
    assert_eq!(world.told(&bill), [(Reason::ChargeNotAgreed, Some(number("30.00")))]);
    let agreed = |code: &str, price, is_allowance| AgreedCharge {
        scope: Scope { charge: Some(code.to_owned()), ..Scope::default() },
        price,
        is_allowance,
    };
    world.rules.charges = vec![agreed("FREIGHT", ChargePrice::Percent(number("25")), false)];
    assert_eq!(world.told(&bill), [(Reason::ChargeNotAgreed, Some(number("5.00")))]);
    world.rules.charges.push(agreed("discount", ChargePrice::Unit(number("0.10")), true));
    let missing = (Reason::ChargeNotAgreed, Some(number("5.00")));
    assert_eq!(world.told(&bill), [missing, missing], "an allowance of 50 times 0.10 is not given");
    // What the order says stands over what the profile says for all.
    world.rules.charges.pop();
    if let Some(order) = &mut world.order {
        order.charges = vec![charge(ChargeKind::Charge, "freight", "30.00")];
    }
    assert_eq!(world.told(&bill), []);
    world.rules = Reconciliation::default();
    if let Some(order) = &mut world.order {
        order.charges = Vec::new();
        order.freight_terms = Some("collect".to_owned());
    }
    assert_eq!(world.told(&bill), [(Reason::FreightOnCollect, Some(number("30.00")))]);
}

#[test]
fn taxes_terms_currency_and_cancelled_orders_are_told() {
    let mut world = World::of(order("A", "2.00"), &[moved("A", "50")]);
    let mut bill = invoice(vec![line("A", "50", "2.00")], "108.30");
    bill.taxes = vec![Tax {
        amount: Some(number("8.30")),
        percent: Some(number("8.25")),
        basis: Some(number("100.00")),
        ..Tax::default()
    }];
    assert_eq!(world.told(&bill), [(Reason::TaxWrong, Some(number("0.05")))]);
    let terms = |percent: &str, days| Terms {
        discount_percent: Some(number(percent)),
        net_days: Some(days),
        ..Terms::default()
    };
    let mut bill = invoice(vec![line("A", "50", "2.00")], "100.00");
    bill.terms = vec![terms("1", 30)];
    if let Some(order) = &mut world.order {
        order.terms = vec![terms("2", 45)];
    }
    assert_eq!(world.told(&bill), [(Reason::TermsDiffer, Some(number("1.00")))]);
    bill.terms = Vec::new();
    bill.currency = Some("CAD".to_owned());
    if let Some(order) = &mut world.order {
        order.currency = Some("USD".to_owned());
    }
    assert_eq!(world.told(&bill), [(Reason::CurrencyDiffers, None), (Reason::PriceNotChecked, None)]);
    if let Some(order) = &mut world.order {
        order.currency = None;
        order.purpose = Some(Purpose::Cancellation);
    }
    assert_eq!(world.told(&bill), [(Reason::OrderCancelled, Some(number("100.00")))]);
}

#[test]
fn a_credit_is_held_against_its_invoice_whatever_its_sign() {
    let mut world = World::of(order("A", "2.00"), &[]);
    let mut credit = invoice(vec![line("A", "-3", "2.00")], "-6.00");
    credit.sense = Some(InvoiceSense::Credit);
    credit.original_invoice_number = Some("INV-0".to_owned());
    assert_eq!(world.told(&credit), [(Reason::CreditWithoutInvoice, None)]);
    world.original = Some(invoice(vec![line("A", "2", "2.00")], "4.00"));
    assert_eq!(world.told(&credit), [(Reason::CreditOverBilled, Some(number("-2.00")))]);
    credit.lines = vec![line("A", "2", "2.00")];
    credit.total_amount = Some(number("4.00"));
    assert_eq!(world.told(&credit), []);
}

#[test]
fn a_service_is_held_against_rate_card_and_count() {
    let mut world = World::default();
    world.rules.rates = vec![Rate {
        bills: "PICK".to_owned(),
        counts: Activity::UnitsShipped,
        price: number("0.35"),
        minimum: Some(number("50.00")),
        scope: Scope::default(),
    }];
    let mut bill = invoice(vec![line("PICK", "1010", "0.36")], "363.60");
    let dated = |kind: &str, day: &str| DatedEvent {
        kind: Some(kind.to_owned()),
        on: day.parse().ok(),
        ..DatedEvent::default()
    };
    bill.dates = vec![dated("150", "2026-10-01"), dated("151", "2026-10-31")];
    assert_eq!(bill.service_period().map(|(from, _)| from.to_string()), Some("2026-10-01".to_owned()));
    world.counted = Some(ActivityCounts { units_shipped: number("1000"), ..ActivityCounts::default() });
    let told = |world: &World, bill: &Invoice| {
        let found = world.compare(bill, InvoiceKind::Service);
        (
            found.differences.iter().map(|one| (one.reason, one.amount)).collect::<Vec<_>>(),
            found.lines.first().map(|line| line.expected),
        )
    };
    // 10 too many at 0.36, and a cent too much for each of the thousand.
    let expected =
        vec![(Reason::ActivityOverBilled, Some(number("3.60"))), (Reason::PriceOver, Some(number("10.00")))];
    assert_eq!(told(&world, &bill), (expected, Some(number("350.00"))));
    world.counted = Some(ActivityCounts { units_shipped: number("10"), ..ActivityCounts::default() });
    let minimum = invoice(vec![line("PICK", "1", "50.00")], "50.00");
    assert_eq!(told(&world, &minimum).0, [], "10 picks come to 3.50, below the minimum of 50.00");
    let unknown = invoice(vec![line("WRAP", "1", "5.00")], "5.00");
    assert_eq!(told(&world, &unknown).0, [(Reason::ServiceNotChecked, Some(number("5.00")))]);
}

#[test]
fn a_tolerance_lets_pass_what_it_names_and_nothing_else() {
    let mut world = World::of(order("A", "12.50"), &[moved("A", "9")]);
    let bill = invoice(vec![line("A", "9", "12.55")], "112.95");
    let passes = |world: &World| world.compare(&bill, InvoiceKind::Sale).standing().count() == 0;
    let tolerance = |reason, amount: &str, percent: &str, item: Option<&str>| Tolerance {
        reason: Some(reason),
        scope: Scope { item: item.map(str::to_owned), ..Scope::default() },
        amount: Some(number(amount)),
        percent: percent.parse().ok(),
    };
    for (tolerance, expected) in [
        (tolerance(Reason::PriceOver, "0.45", "", None), true),
        (tolerance(Reason::PriceOver, "0.44", "", None), false),
        (tolerance(Reason::PriceOver, "0.45", "0.4", None), true),
        (tolerance(Reason::PriceOver, "0.45", "0.39", None), false),
        (tolerance(Reason::PriceUnder, "9", "", None), false),
        (tolerance(Reason::PriceOver, "0.45", "", Some("A")), true),
        (tolerance(Reason::PriceOver, "0.45", "", Some("B")), false),
    ] {
        world.rules.tolerances = vec![tolerance.clone()];
        assert_eq!(passes(&world), expected, "{tolerance:?}");
    }
}

proptest! {
    /// Whatever is billed, the amounts of all differences add up to what is billed less what should have been.
    #[test]
    fn differences_explain_every_cent(
        lines in prop::collection::vec((0u8..3, 0u32..30, 0u32..2000), 1..8),
        shipped in prop::collection::vec(0u32..40, 3),
        prices in prop::collection::vec(1u32..2000, 3),
        before in prop::collection::vec(0u32..10, 3),
        ordered in prop::collection::vec(prop::option::of(0u32..40), 3),
    ) {
        let name = |at: usize| ["A", "B", "C"][at];
        let cent = |amount: u32| Decimal::new(i64::from(amount), 2);
        let mut order = order("A", "1");
        order.lines = (0..3).map(|at| PurchaseOrderLine {
            sku: Some(name(at).to_owned()),
            unit: Some("each".to_owned()),
            unit_price: Some(cent(prices[at])),
            quantity: ordered[at].map(Decimal::from),
            ..PurchaseOrderLine::default()
        }).collect();
        let sum = |all: &[u32]| -> Vec<Moved<'static>> {
            all.iter().enumerate().map(|(at, quantity)| moved(name(at), &quantity.to_string())).collect()
        };
        let mut world = World::of(order, &sum(&shipped));
        world.billed = sum(&before);
        let billed: Vec<InvoiceLine> = lines.iter().enumerate().map(|(at, (item, quantity, price))| InvoiceLine {
            line_number: Some((at + 1).to_string()),
            ..line(name(usize::from(*item)), &quantity.to_string(), &cent(*price).to_string())
        }).collect();
        let mut bill = invoice(billed, "0");
        bill.total_amount = bill.computed_total();
        let found = world.compare(&bill, InvoiceKind::Sale);

        // The plain way: of each item no more than is left to bill of what was shipped and ordered, at the order's price.
        let most = |at: usize| shipped[at].min(ordered[at].unwrap_or(u32::MAX));
        let mut left: Vec<i64> = (0..3).map(|at| (i64::from(most(at)) - i64::from(before[at])).max(0)).collect();
        let mut right = Decimal::ZERO;
        for (item, quantity, _) in &lines {
            let at = usize::from(*item);
            let may = i64::from(*quantity).min(left[at]);
            left[at] -= may;
            right += Decimal::from(may) * cent(prices[at]);
        }
        let money: Decimal = found.differences.iter()
            .filter(|one| !one.reason.is_open_side())
            .filter_map(|one| one.amount)
            .sum();
        prop_assert_eq!(bill.total_amount.unwrap_or_default() - money, right);
        let expected: Decimal = found.lines.iter().map(|line| line.expected).sum();
        prop_assert_eq!(expected, right);
    }

    /// The order in which shipments are known does not matter.
    #[test]
    fn the_order_of_arrival_does_not_matter(
        mut parts in prop::collection::vec(1u32..9, 1..6), quantity in 0u32..40, turn in 0usize..6,
    ) {
        let all = |parts: &[u32]| parts.iter().map(|part| moved("A", &part.to_string())).collect::<Vec<_>>();
        let bill = invoice(vec![line("A", &quantity.to_string(), "1.25")], "0");
        let one = World::of(order("A", "1.20"), &all(&parts)).told(&bill);
        let turn = turn % parts.len();
        parts.rotate_left(turn);
        prop_assert_eq!(one, World::of(order("A", "1.20"), &all(&parts)).told(&bill));
    }
}
