//! The sections of a report that list what a run compared: what is not billed, invoices, lines, and where figures stand.

use super::report::{PAGE, Piece, Stopped, bucket, money, paged, send, text};
use crate::canonical::Reason;
use crate::ids::short;
use crate::reports::{Cell, Column, Kind, Sheet};
use crate::store::{ComparedInvoiceRow, ComparedLineRow, HeadOfLinesRow, RunRow, Store};
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
    ]
}

pub(super) async fn lines(store: &Store, run: &RunRow, sender: &Sender<Piece>) -> Result<(), Stopped> {
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
        text("currency", "Currency").detail(),
        text("match", "Match").detail(),
        text("file", "File").detail(),
        Column::new("segment", "Segment", Kind::Count).detail(),
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
            let page = store.list_compared_lines(run, range).await?;
            // Both come in the order of the invoices, of which some have no line.
            let rows = page.into_iter().filter_map(|row| {
                while heads.next_if(|head| head.invoice < row.invoice).is_some() {}
                heads.peek().map(|head| line(head, row))
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

fn line(head: &HeadOfLinesRow, row: ComparedLineRow) -> Vec<Cell> {
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
    ]
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
