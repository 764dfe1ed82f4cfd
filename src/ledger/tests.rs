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
    let none = Vec::<String>::new();
    let a = |quantity| counted(Some("A"), None, quantity);
    let shipped = [a(30), a(4)];
    let more = |told: &[Counted<'_>], before: &[Counted<'_>]| {
        sentences(more_than_shipped(told, before, &shipped, &twelve).more)
    };
    assert_eq!(more(&[a(34)], &[]), none);
    assert_eq!(more(&[a(35)], &[]), ["A: 35 case, and the warehouse shipped 34"]);
    assert_eq!(more(&[a(5)], &[a(30)]), ["A: 5 case with 30 told before, and the warehouse shipped 34"]);
    assert_eq!(more(&[counted(Some("B"), None, 1)], &[]), ["B: 1 case, and the warehouse shipped none"]);
    assert_eq!(more(&[counted(None, Some("774"), 99)], &[]), none);
    // 34 cases are 408 of the pack of twelve; of a pallet nobody knows what it holds.
    let of_unit = |quantity, unit| Counted { unit: Some(unit), ..a(quantity) };
    assert_eq!(more(&[of_unit(408, "each")], &[]), none);
    assert_eq!(
        more(&[of_unit(409, "each")], &[]),
        ["A: 409 each, and the warehouse shipped 34 case, which are 408 each"]
    );
    assert_eq!(
        more(&[of_unit(5, "each")], &[a(34)]),
        ["A: 5 each with 408 told before, and the warehouse shipped 34 case, which are 408 each"]
    );
    assert_eq!(more(&[of_unit(99, "pallet")], &[]), none);
    let unjoined = |told: &[Counted<'_>], before: &[Counted<'_>]| {
        let found = more_than_shipped(told, before, &shipped, &twelve).unjoined.into_iter();
        found.map(|one| format!("{} {} {}", one.item, one.told, one.other)).collect::<Vec<_>>()
    };
    assert_eq!(unjoined(&[of_unit(99, "pallet")], &[]), ["A pallet case"]);
    assert_eq!(unjoined(&[a(1)], &[of_unit(1, "pallet")]), ["A case pallet"]);
    assert_eq!(unjoined(&[of_unit(408, "each")], &[]), none);
}

/// How many of one unit another is: a case holds twelve.
fn twelve(_: &ItemKeys<'_>, from: Option<&str>, to: Option<&str>) -> Option<Decimal> {
    match (from?, to?) {
        (from, to) if from == to => Some(Decimal::ONE),
        ("case", "each") => number(12),
        ("each", "case") => Decimal::ONE.checked_div(12.into()),
        _ => None,
    }
}

fn counted(sku: Option<&'static str>, buyer: Option<&'static str>, quantity: i64) -> Counted<'static> {
    Counted {
        item: ItemKeys { sku: sku.map(Into::into), buyer_item: buyer.map(Into::into), gtin: None },
        quantity: quantity.into(),
        unit: Some("case"),
        lot: None,
        at: Stands { document: Uuid::nil(), list: "lines", field: "quantity", source: None },
    }
}

fn sentences(found: Vec<Contradiction>) -> Vec<String> {
    found.into_iter().map(|found| format!("{}, and {}", found.told, found.said)).collect()
}

#[test]
fn a_lot_that_was_not_shipped_is_told_where_all_lots_are_named() {
    let a = |lot, quantity| Counted { lot, ..counted(Some("A"), None, quantity) };
    let other = |told, shipped: &[Counted<'_>]| sentences(other_lots(&[a(told, 5)], shipped));
    let none = Vec::<String>::new();
    assert_eq!(other(Some("L1"), &[a(Some("L1"), 5)]), none);
    assert_eq!(other(Some("L2"), &[a(Some("L1"), 4), a(Some("l2"), 1)]), none);
    assert_eq!(
        other(Some("L3"), &[a(Some("L1"), 4), a(Some("L2"), 1)]),
        ["A: lot L3, and the warehouse shipped lot L1, lot L2"]
    );
    assert_eq!(other(Some("L3"), &[a(Some("L1"), 4), a(None, 1)]), none, "it may be of the unnamed");
    assert_eq!(other(Some("L3"), &[a(Some("L1"), 4), a(None, 0)]).len(), 1, "of nothing there is no lot");
    assert_eq!(other(None, &[a(Some("L1"), 5)]), none);
}

#[test]
fn what_a_notice_says_of_the_whole_shipment_is_held_against_what_the_warehouse_does() {
    let advice = |shipment: &str, bill: Option<&str>, pro: &str, scac: &str| ShippingAdvice {
        shipment_id: text(shipment),
        bill_of_lading: bill.map(str::to_owned),
        pro_number: text(pro),
        carrier: crate::canonical::Carrier { scac: text(scac), ..Default::default() },
        ship_to: crate::canonical::Party {
            id: text("0607"),
            id_qualifier: text("92"),
            postal_code: text("55121"),
            ..Default::default()
        },
        ..advice(vec![line("A", 5, 5, LineStatus::Complete)])
    };
    let notice = |shipment: &str, bill: &str, pro: &str, scac: &str| ShipNotice {
        shipment_id: text(shipment),
        bill_of_lading: text(bill),
        pro_number: text(pro),
        carrier: crate::canonical::Carrier { scac: text(scac), ..Default::default() },
        ..ShipNotice::default()
    };
    let against = |notice: &ShipNotice, advices: &[ShippingAdvice]| {
        let said: Vec<Facts<'_>> =
            advices.iter().map(|advice| Facts::of_advice(Uuid::nil(), advice)).collect();
        sentences(otherwise(&Facts::of_notice(Uuid::nil(), notice, "P1"), &said))
    };
    let none = Vec::<String>::new();
    let one = advice("W1", Some("B-1"), "123-45678", "ABCD");
    assert_eq!(against(&notice("N1", "0B1", "12345678", "abcd"), std::slice::from_ref(&one)), none);
    assert_eq!(
        against(&notice("N1", "B2", "99", "WXYZ"), std::slice::from_ref(&one)),
        [
            "bill of lading B2, and the warehouse says bill of lading B-1",
            "carrier WXYZ, and the warehouse says carrier ABCD",
            "PRO number 99, and the warehouse says PRO number 123-45678",
        ]
    );
    // A second shipment is named by its number; without one, any of them may be meant.
    let other = advice("W2", Some("B2"), "99", "WXYZ");
    assert_eq!(against(&notice("N1", "B2", "99", "WXYZ"), &[one.clone(), other.clone()]), none);
    assert_eq!(against(&notice("W1", "B2", "99", "WXYZ"), &[one.clone(), other]).len(), 3);
    let silent = advice("W2", None, "", "");
    assert_eq!(against(&notice("N1", "B2", "99", "WXYZ"), &[one.clone(), silent]), none);
    let to = |id: &str, qualifier: &str, postal: &str| ShipNotice {
        ship_to: crate::canonical::Party {
            id: text(id),
            id_qualifier: text(qualifier),
            postal_code: text(postal),
            ..Default::default()
        },
        ..ShipNotice::default()
    };
    let went = |notice: ShipNotice| against(&notice, std::slice::from_ref(&one));
    assert_eq!(went(to("607", "92", "90210")), none, "the number decides");
    assert_eq!(went(to("0608", "92", "55121")), ["ship-to 0608, and the warehouse shipped to 0607"]);
    assert_eq!(went(to("4711", "9", "55121-1234")), none);
    assert_eq!(went(to("4711", "9", "90210")), ["ship-to in 90210, and the warehouse shipped to 55121"]);
}
