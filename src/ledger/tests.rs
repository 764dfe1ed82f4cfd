//! Lines, facts and the gate, with figures worked out by hand.

use super::*;
use crate::canonical::{AdvicePack, ItemId, PurchaseOrderLine, ShippingOrderLine};

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn number(number: i64) -> Option<Decimal> {
    Some(number.into())
}

fn order(lines: &[(&str, i64)]) -> ShippingOrder {
    let line = |(at, (sku, quantity)): (usize, &(&str, i64))| ShippingOrderLine {
        line_number: Some((at + 1).to_string()),
        sku: text(sku),
        quantity: number(*quantity),
        unit: text("case"),
        ..ShippingOrderLine::default()
    };
    ShippingOrder {
        order_number: text("S1"),
        lines: lines.iter().enumerate().map(line).collect(),
        ..ShippingOrder::default()
    }
}

fn line(sku: &str, ordered: i64, shipped: i64, status: LineStatus) -> AdviceLine {
    AdviceLine {
        sku: text(sku),
        quantity_ordered: number(ordered),
        quantity_shipped: number(shipped),
        unit: text("case"),
        status: Some(status),
        ..AdviceLine::default()
    }
}

fn advice(lines: Vec<AdviceLine>) -> ShippingAdvice {
    ShippingAdvice {
        order_number: text("S1"),
        completeness: Some(Completeness::FullDetail),
        packs: vec![AdvicePack { lines, ..AdvicePack::default() }],
        ..ShippingAdvice::default()
    }
}

/// The order's lines as `item state shipped/ordered open`, and the facts about them.
fn told(order: &ShippingOrder, advices: &[ShippingAdvice]) -> (Vec<String>, Vec<String>) {
    told_by(FinalShipment::Stated, order, advices)
}

fn told_by(
    final_shipment: FinalShipment,
    order: &ShippingOrder,
    advices: &[ShippingAdvice],
) -> (Vec<String>, Vec<String>) {
    let advices = advices
        .iter()
        .enumerate()
        .map(|(at, advice)| Said::new(Uuid::from_u128(at as u128 + 1), advice))
        .collect();
    let shipping_order = Some(Said::new(Uuid::nil(), order));
    let order = Order { shipping_order, advices, final_shipment, ..Order::default() };
    let lines = lines(&order).into_iter().map(|line| {
        let ordered = line.ordered.map(|ordered| ordered.to_string()).unwrap_or_default();
        format!("{} {} {}/{ordered} {}", line.item, line.state.word(), line.shipped, line.open)
    });
    let facts = judge(&order).into_iter().map(|fact| format!("{} {}", fact.reason.word(), fact.message));
    (lines.collect(), facts.collect())
}

#[test]
fn a_perfect_shipment_yields_nothing() {
    let one = advice(vec![line("A", 40, 40, LineStatus::Complete)]);
    assert_eq!(told(&order(&[("A", 40)]), &[one]), (vec!["A shipped 40/40 0".to_owned()], Vec::new()));
}

#[test]
fn where_and_when_it_was_shipped_is_held_against_the_order() {
    let day = |text: &str| text.parse().ok();
    let to = |id: &str, qualifier: &str| crate::canonical::Party {
        id: text(id),
        id_qualifier: text(qualifier),
        ..crate::canonical::Party::default()
    };
    let order = ShippingOrder {
        ship_to: to("0607", "92"),
        ship_not_before: day("2026-11-20"),
        cancel_after: day("2026-11-30"),
        ..order(&[("A", 40)])
    };
    let facts = |ship_to, on: &str, shipped| {
        let lines = vec![line("A", 40, shipped, LineStatus::Complete)];
        told(&order, &[ShippingAdvice { ship_to, shipped_on: day(on), ..advice(lines) }]).1
    };
    let none = Vec::<String>::new();
    assert_eq!(facts(to("607", "92"), "2026-11-30", 40), none, "zeros in front do not count");
    assert_eq!(facts(to("4711", "9"), "2026-11-20", 40), none, "another kind of number says nothing");
    assert_eq!(
        facts(to("0608", "92"), "2026-12-01", 40),
        [
            "ship_to_mismatch order S1 was shipped to 0608, and it is for 0607",
            "date_out_of_window order S1 was shipped on 2026-12-01, and it was void after 2026-11-30"
        ]
    );
    assert_eq!(
        facts(to("0607", "92"), "2026-11-19", 40),
        ["date_out_of_window order S1 was shipped on 2026-11-19, and not to be before 2026-11-20"]
    );
    let nothing = facts(to("0608", "92"), "2026-12-01", 0);
    assert_eq!(nothing.len(), 1, "what was not shipped went nowhere: {nothing:?}");
    assert!(
        nothing[0].starts_with("line_zero_shipped") || nothing[0].starts_with("quantity_short"),
        "{nothing:?}"
    );
}

#[test]
fn the_rule_of_the_final_shipment_decides_what_is_still_to_come() {
    let order = order(&[("A", 40), ("B", 10)]);
    let part = || advice(vec![line("A", 40, 34, LineStatus::Complete)]);
    let of = |rule| told_by(rule, &order, &[part()]);
    let short = "quantity_short_shipped A: 34 of 40 case shipped: 6 fewer, and nothing follows";
    assert_eq!(
        of(FinalShipment::Stated),
        (vec!["A short, closed 34/40 0".into(), "B open 0/10 10".into()], vec![short.into()])
    );
    assert_eq!(
        of(FinalShipment::First),
        (
            vec!["A short, closed 34/40 0".into(), "B short, closed 0/10 0".into()],
            vec![short.into(), "line_zero_shipped B: nothing of 10 case shipped; the line is closed".into()]
        )
    );
    assert_eq!(
        of(FinalShipment::Whole),
        (
            vec!["A partial 34/40 6".into(), "B open 0/10 10".into()],
            vec!["quantity_backordered A: 34 of 40 case shipped: 6 on back order".into()]
        )
    );
    let rest = advice(vec![line("A", 40, 6, LineStatus::Complete), line("B", 10, 0, LineStatus::OutOfStock)]);
    assert_eq!(
        told_by(FinalShipment::Whole, &order, &[part(), rest]),
        (
            vec!["A shipped 40/40 0".into(), "B short, closed 0/10 0".into()],
            vec!["line_zero_shipped B: nothing of 10 case shipped (out of stock); the line is closed".into()]
        )
    );
}

#[test]
fn each_planted_change_yields_its_reason_alone() {
    let of = |line: AdviceLine| told(&order(&[("A", 40)]), &[advice(vec![line])]).1;
    for (line, expected) in [
        (
            line("A", 40, 34, LineStatus::PartialNoBackorder),
            "quantity_short_shipped A: 34 of 40 case shipped: 6 fewer, and nothing follows",
        ),
        (
            line("A", 40, 34, LineStatus::PartialBackordered),
            "quantity_backordered A: 34 of 40 case shipped: 6 on back order",
        ),
        (
            line("A", 40, 0, LineStatus::Backordered),
            "quantity_backordered A: 0 of 40 case shipped: 40 on back order",
        ),
        (
            line("A", 40, 0, LineStatus::OutOfStock),
            "line_zero_shipped A: nothing of 40 case shipped (out of stock); the line is closed",
        ),
        (
            line("A", 40, 0, LineStatus::Other),
            "line_zero_shipped A: nothing of 40 case shipped; the line is closed",
        ),
        (
            line("A", 40, 34, LineStatus::Other),
            "quantity_short_shipped A: 34 of 40 case shipped: 6 fewer, and the warehouse does not say whether they follow",
        ),
        (
            line("A", 40, 41, LineStatus::Overshipped),
            "quantity_over_shipped A: 41 of 40 case shipped: 1 more than ordered",
        ),
        (
            line("A", 44, 40, LineStatus::Complete),
            "quantity_echo_wrong A: the warehouse says that 44 case were ordered, and the order says 40",
        ),
        (
            AdviceLine { unit: text("each"), ..line("A", 40, 40, LineStatus::Complete) },
            "unit_mismatch A: ordered by the `case` and shipped by the `each`, and no pack size is known; the quantity is not checked",
        ),
    ] {
        assert_eq!(of(line), [expected]);
    }
}

#[test]
fn items_that_were_not_ordered_are_told_with_those_whose_place_they_took() {
    let zero = line("A", 40, 0, LineStatus::OutOfStock);
    let other = AdviceLine {
        quantity_ordered: None,
        item_ids: vec![ItemId { id: text("A"), ..ItemId::default() }],
        ..line("B", 0, 40, LineStatus::Substituted)
    };
    let gift = AdviceLine { quantity_ordered: None, ..line("C", 0, 1, LineStatus::Added) };
    let (lines, facts) = told(&order(&[("A", 40)]), &[advice(vec![zero, other, gift])]);
    assert_eq!(lines, ["A short, closed 0/40 0", "B not ordered 40/ 0", "C not ordered 1/ 0"]);
    assert_eq!(
        facts,
        [
            "line_zero_shipped A: nothing of 40 case shipped (out of stock); the line is closed",
            "item_substituted B: 40 case shipped in place of A",
            "item_unknown C: 1 case shipped, and it was not ordered"
        ]
    );
}

#[test]
fn what_the_warehouse_says_last_closes_a_line_and_w1202_may_be_the_rest() {
    let first = advice(vec![line("A", 40, 10, LineStatus::PartialBackordered)]);
    for echo in [40, 30] {
        let rest = advice(vec![line("A", echo, 30, LineStatus::Complete)]);
        assert_eq!(told(&order(&[("A", 40)]), &[first.clone(), rest]).1, Vec::<String>::new());
    }
    let less = advice(vec![line("A", 30, 20, LineStatus::Complete)]);
    let (lines, facts) = told(&order(&[("A", 40)]), &[first, less]);
    assert_eq!(lines, ["A short, closed 30/40 0"]);
    assert_eq!(facts, ["quantity_short_shipped A: 30 of 40 case shipped: 10 fewer, and nothing follows"]);
}

#[test]
fn an_advice_of_what_differs_ships_the_rest_as_ordered() {
    let only = ShippingAdvice {
        completeness: Some(Completeness::ExceptionsOnly),
        ..advice(vec![line("A", 40, 34, LineStatus::PartialNoBackorder)])
    };
    let (lines, facts) = told(&order(&[("A", 40), ("B", 5)]), &[only]);
    assert_eq!(lines, ["A short, closed 34/40 0", "B shipped 5/5 0"]);
    assert_eq!(facts.len(), 1);
    let none = ShippingAdvice {
        completeness: Some(Completeness::NoExceptions),
        packs: Vec::new(),
        ..advice(Vec::new())
    };
    assert_eq!(told(&order(&[("A", 40)]), &[none]).0, ["A shipped 40/40 0"]);
}

#[test]
fn a_lot_is_held_against_the_order_only_where_the_order_names_one() {
    let mut asked = order(&[("A", 40)]);
    let shipped = AdviceLine { lot: text("L2"), ..line("A", 40, 40, LineStatus::Complete) };
    assert_eq!(told(&asked, &[advice(vec![shipped.clone()])]).1, Vec::<String>::new());
    asked.lines[0].lot = text("L1");
    assert_eq!(
        told(&asked, &[advice(vec![shipped])]).1,
        ["lot_or_status_mismatch A: lot L2 shipped, lot L1 ordered"]
    );
}

#[test]
fn a_cancelled_order_has_nothing_open_and_what_is_shipped_of_it_is_told() {
    let cancelled = ShippingOrder { purpose: Some(Purpose::Cancellation), ..order(&[("A", 40)]) };
    assert_eq!(told(&cancelled, &[]).0, ["A cancelled 0/40 0"]);
    let shipped = advice(vec![line("A", 40, 40, LineStatus::Complete)]);
    assert_eq!(
        told(&cancelled, &[shipped]).1,
        ["order_cancelled order S1 was cancelled, and 40 were shipped"]
    );
}

#[test]
fn notices_and_bills_stand_beside_what_was_shipped_under_any_number_of_the_item() {
    let order = order(&[("A", 40)]);
    let purchase = PurchaseOrder {
        purchase_order_number: text("P1"),
        lines: vec![PurchaseOrderLine {
            sku: text("A"),
            buyer_item: text("774"),
            ..PurchaseOrderLine::default()
        }],
        ..PurchaseOrder::default()
    };
    let notice = ShipNotice {
        items: vec![crate::canonical::NoticeItem {
            buyer_item: text("774"),
            quantity_shipped: number(34),
            ..Default::default()
        }],
        ..ShipNotice::default()
    };
    let told = Order {
        shipping_order: Some(Said::new(Uuid::nil(), &order)),
        purchase_order: Some(Said::new(Uuid::nil(), &purchase)),
        purchase_order_number: text("P1"),
        notices: vec![Said::new(Uuid::nil(), &notice)],
        ..Order::default()
    };
    let lines = lines(&told);
    assert_eq!((lines.len(), lines[0].advised), (1, Decimal::from(34)));
}

#[test]
fn more_than_was_shipped_does_not_pass_and_what_cannot_be_compared_does() {
    let counted = |sku: Option<&'static str>, buyer: Option<&'static str>, quantity: i64| Counted {
        item: ItemKeys { sku: sku.map(Into::into), buyer_item: buyer.map(Into::into), gtin: None },
        quantity: quantity.into(),
        unit: Some("case"),
    };
    let a = |quantity| counted(Some("A"), None, quantity);
    let shipped = [a(30), a(4)];
    assert_eq!(more_than_shipped(&[a(34)], &[], &shipped), Vec::<String>::new());
    assert_eq!(more_than_shipped(&[a(35)], &[], &shipped), ["A: 35 case, and the warehouse shipped 34"]);
    assert_eq!(
        more_than_shipped(&[a(5)], &[a(30)], &shipped),
        ["A: 5 case with 30 told before, and the warehouse shipped 34"]
    );
    let never = more_than_shipped(&[counted(Some("B"), None, 1)], &[], &shipped);
    assert_eq!(never, ["B: 1 case, and the warehouse shipped none"]);
    assert_eq!(more_than_shipped(&[counted(None, Some("774"), 99)], &[], &shipped), Vec::<String>::new());
}
