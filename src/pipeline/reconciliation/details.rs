//! The sections of a report that list what a run compared: what is not billed, invoices, lines, and where figures stand.

use super::report::{PAGE, Piece, Stopped, bucket, currency, money, paged, send, text};
use crate::canonical::Reason;
use crate::ids::short;
use crate::reports::{Cell, Column, Kind, Sheet};
use crate::store::{ComparedInvoiceRow, ComparedLineRow, HeadOfLinesRow, LineStandingRow, RunRow, Store};
use futures_util::{StreamExt, stream};
use rust_decimal::Decimal;
use tokio::sync::mpsc::Sender;

pub(super) async fn unbilled(store: &Store, run: &RunRow, sender: &Sender<Piece>) -> Result<(), Stopped> {
    let columns = vec![
        text("kind", "Kind"),
        text("partner", "Partner"),
        text("purchase_order_number", "Order"),
        text("order_number", "Depositor's order"),
        text("item", "Item"),
        text("unit", "Unit"),
        Column::new("shipped", "Shipped", Kind::Quantity),
        Column::new("billed", "Billed", Kind::Quantity),
        Column::new("open", "Not billed", Kind::Quantity),
        Column::new("price", "Price", Kind::Price),
        Column::new("amount", "Amount", Kind::Money),
        text("currency", "Currency"),
        Column::new("shipped_on", "Shipped on", Kind::Date),
        Column::new("age_days", "Age in days", Kind::Count),
        text("age", "Age").detail(),
        text("file", "File").detail(),
        Column::new("segment", "Segment", Kind::Count).detail(),
    ];
    let about =
        "Accruals: what went out or came in and no invoice bills, at the agreed price where one is known.";
    paged(
        sender,
        Sheet::new("unbilled", "Shipped and not billed", about, columns),
        0,
        |after| store.list_unbilled(run.id, after, PAGE),
        |row| row.ordinal,
        |row| {
            let age = (run.as_of.date_naive() - row.shipped_on).num_days().max(0);
            [vec![
                row.kind.into(),
                row.partner_id.into(),
                row.purchase_order_number.into(),
                row.order_number.into(),
                row.item.into(),
                row.unit.into(),
                row.shipped.into(),
                row.billed.into(),
                (row.shipped - row.billed).into(),
                row.price.into(),
                row.amount.into(),
                row.currency.into(),
                row.shipped_on.into(),
                age.into(),
                bucket(age).into(),
                row.file_name.into(),
                row.segment_ordinal.into(),
            ]]
        },
    )
    .await
}

/// Invoices of other days whose figures an earlier run told and which stand differently now.
pub(super) async fn adjustments(
    store: &Store,
    run: &RunRow,
    one_currency: bool,
    sender: &Sender<Piece>,
) -> Result<(), Stopped> {
    let columns = vec![
        text("partner", "Partner"),
        text("invoice_number", "Invoice"),
        Column::new("invoiced_on", "Invoiced", Kind::Date),
        text("purchase_order_number", "Order"),
        text("currency", "Currency"),
        money("billed", "Billed", one_currency),
        money("expected_before", "Expected before", one_currency),
        money("expected", "Expected now", one_currency),
        money("change", "Change", one_currency),
        text("status", "Status now"),
        text("why", "What differs now"),
        text("previous_run", "Told by run"),
    ];
    let about = "Invoices of other days whose figures a run told, and which stand differently by what has come since.";
    paged(
        sender,
        Sheet::new("adjustments", "Adjustments", about, columns),
        0,
        |after| store.list_compared_invoices(run.id, true, after, PAGE),
        |row| row.invoice,
        |row| {
            [vec![
                row.partner_id.into(),
                Cell::leading(row.invoice_number, "invoices", &row.invoice.to_string()),
                row.invoiced_on.into(),
                row.purchase_order_number.into(),
                row.currency.into(),
                row.billed.into(),
                row.previous_expected.into(),
                row.expected.into(),
                row.previous_expected.map(|before| row.expected - before).into(),
                row.status.replace('_', " ").into(),
                row.why.into(),
                row.previous_run_id.map(short).into(),
            ]]
        },
    )
    .await
}

pub(super) async fn invoices(
    store: &Store,
    run: &RunRow,
    one_currency: bool,
    sender: &Sender<Piece>,
) -> Result<(), Stopped> {
    let columns = vec![
        Column::new("no", "No.", Kind::Count).detail(),
        text("partner", "Partner"),
        text("agreement", "Agreement").detail(),
        text("kind", "Kind"),
        text("invoice_number", "Invoice"),
        Column::new("invoiced_on", "Invoiced", Kind::Date),
        Column::new("due_on", "Due", Kind::Date).detail(),
        text("purchase_order_number", "Order"),
        text("order_number", "Depositor's order").detail(),
        text("shipment_id", "Shipment").detail(),
        text("bill_of_lading", "Bill of lading").detail(),
        text("currency", "Currency"),
        money("billed", "Billed", one_currency),
        money("expected", "Expected", one_currency),
        money("difference", "Difference", one_currency),
        money("tolerated", "Let pass", one_currency),
        text("status", "Status"),
        text("match", "Match"),
        text("is_adjustment", "Adjustment").detail(),
        Column::new("previous_expected", "Expected before", Kind::Money).detail(),
        text("previous_run", "Told by run").detail(),
        text("file", "File").detail(),
        text("control_numbers", "ISA13/GS06/ST02").detail(),
        Column::new("segment", "Segment", Kind::Count).detail(),
        text("run", "Run").detail(),
        text("terms", "Terms of payment").detail(),
        Column::new("dispute_by", "Dispute by", Kind::Date).detail(),
        text("pro_number", "PRO number").detail(),
        text("warehouse", "Warehouse").detail(),
        Column::new("exchange_rate", "Exchange rate", Kind::Price).detail(),
    ];
    let about =
        "Each invoice of the run; those of earlier days only where what is known of them has changed.";
    paged(
        sender,
        Sheet::new("invoices", "Invoices", about, columns),
        0,
        |after| store.list_compared_invoices(run.id, false, after, PAGE),
        |row| row.invoice,
        |row| [invoice(row, &short(run.id))],
    )
    .await
}

fn invoice(row: ComparedInvoiceRow, run: &str) -> Vec<Cell> {
    let no = row.invoice.to_string();
    let status = row.status.replace('_', " ");
    let numbers = [row.interchange_control_number, row.group_control_number, row.set_control_number];
    let numbers: Vec<String> = numbers.into_iter().map(Option::unwrap_or_default).collect();
    let matched = match row.matched_line_count {
        0 if row.line_count > 0 => "none",
        some if some < row.line_count => "some lines",
        _ => "all lines",
    };
    vec![
        i64::from(row.invoice).into(),
        row.partner_id.into(),
        row.agreement.into(),
        if row.is_credit { format!("{} credit", row.kind) } else { row.kind }.into(),
        Cell::leading(row.invoice_number, "lines", &no),
        row.invoiced_on.into(),
        row.due_on.into(),
        row.purchase_order_number.into(),
        row.order_number.into(),
        row.shipment_id.into(),
        row.bill_of_lading.into(),
        row.currency.into(),
        row.billed.into(),
        row.expected.into(),
        row.difference.into(),
        row.tolerated.into(),
        match row.status.as_str() {
            "exception" | "not_checked" => Cell::leading(Some(status), "exceptions", &no),
            "within_tolerance" => Cell::leading(Some(status), "tolerated", &no),
            _ => status.into(),
        },
        matched.into(),
        row.is_adjustment.then_some("yes").into(),
        row.previous_expected.into(),
        row.previous_run_id.map(short).into(),
        row.file_name.into(),
        numbers.join("/").into(),
        row.segment_ordinal.into(),
        run.into(),
        row.terms.into(),
        row.dispute_by.into(),
        row.pro_number.into(),
        row.warehouse.into(),
        row.exchange_rate.into(),
    ]
}

pub(super) async fn lines(
    store: &Store,
    run: &RunRow,
    one_currency: bool,
    sender: &Sender<Piece>,
) -> Result<(), Stopped> {
    let quantity = |id: &str, title: &str| Column::new(id, title, Kind::Quantity);
    let columns = vec![
        Column::new("no", "No.", Kind::Count).detail(),
        text("partner", "Partner"),
        text("invoice_number", "Invoice"),
        text("line", "Line"),
        text("purchase_order_number", "Order"),
        text("sku", "Item"),
        text("buyer_item", "Buyer's item").detail(),
        text("gtin", "GTIN").detail(),
        text("description", "Description").detail(),
        text("unit", "Unit"),
        quantity("ordered", "Ordered"),
        quantity("shipped", "Shipped"),
        quantity("advised", "Advised"),
        quantity("received", "Received").detail(),
        quantity("billed_before", "Billed before"),
        quantity("billed", "Billed"),
        quantity("billed_to_date", "Billed to date").detail(),
        quantity("quantity_difference", "Billed to date less shipped or received").detail(),
        Column::new("agreed_price", "Agreed price", Kind::Price),
        text("price_from", "Price from").detail(),
        Column::new("price", "Price billed", Kind::Price),
        Column::new("price_difference", "Price difference", Kind::Price).detail(),
        Column::new("price_difference_percent", "Price difference in percent", Kind::Percent).detail(),
        Column::new("amount", "Amount", Kind::Money),
        Column::new("expected", "Expected", Kind::Money),
        Column::new("difference", "Difference", Kind::Money),
        currency(one_currency),
        text("match", "Match").detail(),
        text("file", "File").detail(),
        Column::new("segment", "Segment", Kind::Count).detail(),
        text("status", "Status"),
        text("reasons", "Reasons").detail(),
        text("agreement", "Agreement").detail(),
        text("kind", "Kind").detail(),
        Column::new("invoiced_on", "Invoiced", Kind::Date).detail(),
        Column::new("due_on", "Due", Kind::Date).detail(),
        text("terms", "Terms of payment").detail(),
        Column::new("dispute_by", "Dispute by", Kind::Date).detail(),
        text("order_number", "Depositor's order").detail(),
        text("shipment_id", "Shipment").detail(),
        text("bill_of_lading", "Bill of lading").detail(),
        text("pro_number", "PRO number").detail(),
        text("warehouse", "Warehouse").detail(),
        text("own_sku", "Our item").detail(),
        text("partner_sku", "Partner's item").detail(),
        quantity("base_quantity", "Billed in base units").detail(),
        text("base_unit", "Base unit").detail(),
        Column::new("exchange_rate", "Exchange rate", Kind::Price).detail(),
        text("run", "Run").detail(),
    ];
    let about =
        "Each line of each invoice beside what it was compared with; quantities in the unit that is billed.";
    send(sender, Piece::Begin(Box::new(Sheet::new("lines", "Lines", about, columns)))).await?;
    let ranges = store.list_ranges_of_lines(run.id, PAGE).await?;
    // Nearly all of a report is lines: one page is read and made while the one before is.
    let read = ranges.into_iter().map(|range| {
        let (store, run) = (store.clone(), run.id);
        tokio::spawn(async move {
            let mut heads = store.list_heads_of_lines(run, range).await?.into_iter().peekable();
            let standings = store.list_standings_of_lines(run, range).await?;
            let mut standings = standings.iter().peekable();
            let page = store.list_compared_lines(run, range).await?;
            let run = short(run);
            // All come in the order of the invoices and their lines; some have none.
            let rows = page.into_iter().filter_map(|row| {
                while heads.next_if(|head| head.invoice < row.invoice).is_some() {}
                let place = (row.invoice, row.ordinal);
                let place_of = |one: &LineStandingRow| (one.invoice, one.line_ordinal);
                while standings.next_if(|one| place_of(one) < place).is_some() {}
                let mut own = Vec::new();
                while let Some(one) = standings.next_if(|one| place_of(one) == place) {
                    own.push(one);
                }
                heads.peek().map(|head| line(head, row, &own, &run))
            });
            Ok::<_, crate::store::Error>(rows.collect::<Vec<_>>())
        })
    });
    let mut pages = stream::iter(read).buffered(2);
    while let Some(page) = pages.next().await {
        send(sender, Piece::Rows(page.map_err(Stopped::Panicked)??)).await?;
    }
    send(sender, Piece::End).await
}

/// Invoices whose lines lead to them; those of a million more would only make the report slow.
const LEADING: i32 = 500;

fn line(head: &HeadOfLinesRow, row: ComparedLineRow, standings: &[&LineStandingRow], run: &str) -> Vec<Cell> {
    let status = status_of(standings, &row.found);
    let reasons: Vec<&str> = standings.iter().map(|one| one.reason.as_str()).collect();
    // Who sells calls it by his own number.
    let (own_sku, partner_sku) = match head.kind.as_str() {
        "sale" => (row.sku.clone(), row.buyer_item.clone()),
        "purchase" => (row.buyer_item.clone(), row.sku.clone()),
        _ => (None, None),
    };
    let (base_quantity, base_unit) = match &row.base_unit {
        None => (row.billed.filter(|_| row.unit.is_some()), row.unit.clone()),
        Some(unit) => (row.base_quantity, Some(unit.clone()).filter(|unit| !unit.is_empty())),
    };
    let shipment = |own: Option<String>, of_all: &Option<String>| match own {
        Some(own) => (!own.is_empty()).then_some(own),
        None => of_all.clone(),
    };
    let number = head.invoice_number.clone();
    let to_date = row.billed.map(|billed| billed + row.billed_before.unwrap_or_default());
    let price = row.price.zip(row.agreed_price).map(|(price, agreed)| (price - agreed, agreed));
    let percent = price.and_then(|(difference, agreed)| difference.checked_div(agreed));
    vec![
        i64::from(row.invoice).into(),
        head.partner_id.clone().into(),
        if row.invoice <= LEADING {
            Cell::leading(number, "invoices", &row.invoice.to_string())
        } else {
            number.into()
        },
        row.line_number.into(),
        row.purchase_order_number.into(),
        row.sku.into(),
        row.buyer_item.into(),
        row.gtin.into(),
        row.description.into(),
        row.unit.into(),
        row.ordered.into(),
        row.shipped.into(),
        row.advised.into(),
        row.received.into(),
        row.billed_before.into(),
        row.billed.into(),
        to_date.into(),
        to_date.zip(row.received.or(row.shipped)).map(|(billed, moved)| billed - moved).into(),
        row.agreed_price.into(),
        row.price_from.into(),
        row.price.into(),
        price.map(|(difference, _)| difference).into(),
        percent.map(|percent| percent.round_dp(6)).into(),
        row.amount.into(),
        row.expected.into(),
        (row.amount - row.expected).into(),
        head.currency.clone().into(),
        row.found.into(),
        head.file_name.clone().into(),
        row.segment_ordinal.into(),
        status.into(),
        (!reasons.is_empty()).then(|| reasons.join(", ")).into(),
        head.agreement.clone().into(),
        head.kind.as_str().into(),
        head.invoiced_on.into(),
        head.due_on.into(),
        head.terms.clone().into(),
        head.dispute_by.into(),
        shipment(row.order_number, &head.order_number).into(),
        shipment(row.shipment_id, &head.shipment_id).into(),
        shipment(row.bill_of_lading, &head.bill_of_lading).into(),
        shipment(row.pro_number, &head.pro_number).into(),
        shipment(row.warehouse, &head.warehouse).into(),
        own_sku.into(),
        partner_sku.into(),
        base_quantity.into(),
        base_unit.into(),
        head.exchange_rate.into(),
        run.into(),
    ]
}

/// How a line stands by its own differences; what people decided of all that stands goes before.
fn status_of(standings: &[&LineStandingRow], found: &str) -> &'static str {
    let reason = |one: &LineStandingRow| one.reason.parse::<Reason>().ok();
    let is_money = |one: &&&LineStandingRow| !reason(one).is_some_and(Reason::is_open_side);
    let standing: Vec<&LineStandingRow> =
        standings.iter().filter(is_money).copied().filter(|one| !one.is_tolerated).collect();
    let Some(first) = standing.first() else {
        return match found {
            _ if standings.iter().any(|one| one.is_tolerated) => "within tolerance",
            "none" => "not checked",
            _ => "matched",
        };
    };
    if standing.iter().all(|one| one.decision == first.decision) {
        match first.decision.as_deref() {
            Some("approve") => return "approved",
            Some("short_pay") => return "short paid",
            Some("hold") => return "held",
            Some("ask_credit") => return "credit asked",
            _ => {}
        }
    }
    let is_unchecked =
        |one: &&LineStandingRow| reason(one).is_some_and(Reason::is_unchecked) && !one.has_amount;
    if standing.iter().all(is_unchecked) { "not checked" } else { "exception" }
}

/// Every figure of every difference, with the place that says it.
pub(super) async fn figures(store: &Store, run: &RunRow, sender: &Sender<Piece>) -> Result<(), Stopped> {
    let columns = vec![
        text("exception", "Exception"),
        text("partner", "Partner"),
        text("invoice_number", "Invoice"),
        text("line", "Line"),
        text("reason", "Reason"),
        text("figure", "Figure"),
        Column::new("value", "Value", Kind::Price),
        text("document", "Document"),
        text("file", "File"),
        Column::new("segment", "Segment", Kind::Count),
        text("element", "Element"),
        text("written", "As written"),
        Column::new("byte", "Byte", Kind::Count).detail(),
    ];
    let about =
        "Where each figure of a difference stands: document, file, segment in its set (ST is 1), element.";
    paged(
        sender,
        Sheet::new("figures", "Figures", about, columns),
        (0, 0),
        |after| store.list_differences(run.id, None, after, PAGE),
        |row| (row.invoice, row.ordinal),
        |row| {
            let rows = row.figures.as_array().into_iter().flatten().map(|figure| {
                let said = |key: &str| figure.get(key).and_then(serde_json::Value::as_str);
                let number = |key: &str| figure.get(key).and_then(serde_json::Value::as_i64);
                let sheet = if row.tolerated.is_some() { "tolerated" } else { "exceptions" };
                let exception = short(row.exception_id);
                // What is still to be billed stands among the accruals.
                let is_open = row.reason.parse::<Reason>().is_ok_and(Reason::is_open_side);
                vec![
                    if is_open {
                        exception.into()
                    } else {
                        Cell::leading(Some(exception), sheet, &row.invoice.to_string())
                    },
                    row.partner_id.as_str().into(),
                    row.invoice_number.clone().into(),
                    row.line_number.clone().into(),
                    row.reason.as_str().into(),
                    said("name").into(),
                    said("value").and_then(|value| value.parse::<Decimal>().ok()).into(),
                    said("kind").into(),
                    said("file").into(),
                    number("segment_position").filter(|at| *at > 0).into(),
                    said("element").into(),
                    said("written").into(),
                    number("byte").into(),
                ]
            });
            rows.collect::<Vec<_>>()
        },
    )
    .await
}
