//! The reports about orders: `unshipped` and `fulfilment`.

use super::{Asked, Error, Hub, Made, headline, owner, share};
use crate::reports::{Cell, Chart, Column, Kind, Sheet};
use crate::store::{FillRate, UnshippedOrder};
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

const UNSHIPPED: &[&str] = &[
    "Orders whose shipping order came or went within the period and which no shipping advice has answered until the time of the report; cancelled orders and tests do not count.",
    "Days past count from the requested ship date, else from the latest; a quantity stands only where all lines have one unit.",
];

const FULFILMENT: &[&str] = &[
    "Orders whose shipping order came or went within the period, in their latest version; cancelled orders and tests do not count.",
    "The fill rates count answered orders only. On each line at most what was ordered counts as filled; a line that was shipped in another unit than ordered is not compared, and not in full.",
    "The cycle time runs from the first shipping order to the first advice that answered it.",
];

pub(super) async fn make_unshipped(hub: &Hub, asked: &Asked, now: DateTime<Utc>) -> Result<Made, Error> {
    let orders = hub.store.list_unshipped(&asked.scope(now)).await?;
    let agreements = hub.agreements();
    let today = now.with_timezone(&asked.time_zone).date_naive();
    let (mut past, mut ahead) = (Vec::new(), Vec::new());
    let mut void = 0;
    for order in &orders {
        let days =
            order.ship_on.or(order.ship_not_after).map(|day| today.signed_duration_since(day).num_days());
        void += i64::from(order.cancel_after.is_some_and(|day| day < today));
        let owner = owner(&agreements.profiles, None, &order.partner_id, order.agreement.as_deref());
        let line = order_line(order, owner, days, today);
        if days.is_some_and(|days| days > 0) { past.push(line) } else { ahead.push(line) }
    }
    let mut report = asked.head(now, UNSHIPPED);
    report.headlines = vec![
        headline("Past their ship date", Kind::Count, past.len() as i64),
        headline("Not due yet", Kind::Count, ahead.len() as i64),
        headline("Past their cancel date", Kind::Count, void),
    ];
    let columns = || {
        vec![
            Column::new("partner", "Partner", Kind::Text),
            Column::new("agreement", "Agreement", Kind::Text).detail(),
            Column::new("depositor", "Depositor", Kind::Text),
            Column::new("owner", "Owner", Kind::Text),
            Column::new("order_number", "Order", Kind::Text),
            Column::new("purchase_order_number", "Purchase order", Kind::Text),
            Column::new("ship_to", "Ship to", Kind::Text),
            Column::new("ordered_at", "First seen", Kind::Instant),
            Column::new("ship_on", "Ship on", Kind::Date),
            Column::new("ship_not_after", "Not after", Kind::Date),
            Column::new("cancel_after", "Cancel after", Kind::Date),
            Column::new("days_past", "Days past", Kind::Count),
            Column::new("void", "Void", Kind::Text),
            Column::new("lines", "Lines", Kind::Count).totalled(),
            Column::new("quantity", "Quantity", Kind::Quantity),
            Column::new("unit", "Unit", Kind::Text),
            Column::new("file", "File", Kind::Text).detail(),
        ]
    };
    let about = "Their ship date is over, and nothing was advised; the longest first.";
    let past_sheet = Sheet::new("past_due", "Past their ship date", about, columns());
    let about = "Nothing was advised, and their ship date is not over or not told.";
    let ahead_sheet = Sheet::new("not_due", "Not due yet", about, columns());
    Ok(Made { report, sheets: vec![(past_sheet, past), (ahead_sheet, ahead)] })
}

fn order_line(
    order: &UnshippedOrder,
    owner: Option<String>,
    days: Option<i64>,
    today: NaiveDate,
) -> Vec<Cell> {
    let void = order.cancel_after.filter(|day| *day < today).map(|_| "cancel date over");
    vec![
        order.partner_id.as_str().into(),
        order.agreement.clone().into(),
        order.depositor_id.clone().into(),
        owner.into(),
        order.order_number.as_str().into(),
        order.purchase_order_number.clone().into(),
        order.ship_to.clone().into(),
        order.first_at.into(),
        order.ship_on.into(),
        order.ship_not_after.into(),
        order.cancel_after.into(),
        days.filter(|days| *days > 0).into(),
        void.into(),
        order.lines.into(),
        order.quantity.into(),
        order.unit.clone().into(),
        order.file_name.as_str().into(),
    ]
}

pub(super) async fn make_fulfilment(hub: &Hub, asked: &Asked, now: DateTime<Utc>) -> Result<Made, Error> {
    let scope = asked.scope(now);
    let rates = hub.store.list_fill_rates(&scope).await?;
    let times = hub.store.list_cycle_times(&scope).await?;
    let sum = |figure: fn(&FillRate) -> Decimal| rates.iter().map(figure).sum::<Decimal>();
    let mut report = asked.head(now, FULFILMENT);
    report.headlines = vec![
        headline("Orders", Kind::Count, sum(|rate| rate.orders.into())),
        headline("Answered", Kind::Count, sum(|rate| rate.orders_answered.into())),
        headline(
            "Filled, by units",
            Kind::Percent,
            share(sum(|rate| rate.units_filled), sum(|rate| rate.units_ordered)),
        ),
        headline(
            "Filled, by lines",
            Kind::Percent,
            share(sum(|rate| rate.lines_full.into()), sum(|rate| rate.lines.into())),
        ),
    ];
    let mut fill = Sheet::new(
        "fill_rate",
        "Fill rate",
        "How much of what was ordered was shipped.",
        vec![
            Column::new("partner", "Partner", Kind::Text),
            Column::new("depositor", "Depositor", Kind::Text),
            Column::new("orders", "Orders", Kind::Count).totalled(),
            Column::new("orders_answered", "Answered", Kind::Count).totalled(),
            Column::new("orders_full", "In full", Kind::Count).totalled(),
            Column::new("lines", "Lines", Kind::Count).totalled(),
            Column::new("lines_full", "Lines in full", Kind::Count).totalled(),
            Column::new("lines_other_unit", "In another unit", Kind::Count).totalled(),
            Column::new("units_ordered", "Units ordered", Kind::Quantity).totalled(),
            Column::new("units_filled", "Units filled", Kind::Quantity).totalled(),
            Column::new("fill_rate_units", "Filled, by units", Kind::Percent),
            Column::new("fill_rate_lines", "Filled, by lines", Kind::Percent),
        ],
    );
    let bars = rates.iter().filter_map(|rate| {
        let name = [Some(rate.partner_id.as_str()), rate.depositor.as_deref()];
        let name = name.into_iter().flatten().collect::<Vec<_>>().join(" / ");
        Some((name, share(rate.units_filled, rate.units_ordered)?))
    });
    fill.charts = vec![Chart::Bars {
        title: String::from("Filled, by units"),
        kind: Kind::Percent,
        bars: bars.collect(),
    }];
    let fill_rows = rates
        .iter()
        .map(|rate| {
            vec![
                rate.partner_id.as_str().into(),
                rate.depositor.clone().into(),
                rate.orders.into(),
                rate.orders_answered.into(),
                rate.orders_full.into(),
                rate.lines.into(),
                rate.lines_full.into(),
                rate.lines_in_other_unit.into(),
                rate.units_ordered.into(),
                rate.units_filled.into(),
                share(rate.units_filled, rate.units_ordered).into(),
                share(rate.lines_full, rate.lines).into(),
            ]
        })
        .collect();
    let cycle = Sheet::new(
        "cycle_time",
        "Order cycle time",
        "Hours from the order to its first advice.",
        vec![
            Column::new("partner", "Partner", Kind::Text),
            Column::new("depositor", "Depositor", Kind::Text),
            Column::new("orders", "Orders answered", Kind::Count).totalled(),
            Column::new("hours_median", "Half within (hours)", Kind::Measure),
            Column::new("hours_p90", "Nine of ten within (hours)", Kind::Measure),
            Column::new("hours_longest", "Longest (hours)", Kind::Measure),
        ],
    );
    let cycle_rows = times
        .iter()
        .map(|time| {
            vec![
                time.partner_id.as_str().into(),
                time.depositor.clone().into(),
                time.orders.into(),
                time.median.into(),
                time.p90.into(),
                time.longest.into(),
            ]
        })
        .collect();
    Ok(Made { report, sheets: vec![(fill, fill_rows), (cycle, cycle_rows)] })
}
