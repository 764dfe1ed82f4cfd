//! The time line of an order for people: three short lines for each document, then its items, then what is odd.

use super::super::exceptions::{Shown, age};
use super::super::lineage::{Acknowledgments, DocumentLineage};
use super::super::naming::short;
use super::super::output::{self, Page, plain, words};
use super::{Candidate, Story, laid};
use crate::canonical::{CURRENCY, Completeness, Purpose, Record, same_number};
use crate::cli::counted;
use crate::cli::status::table;
use crate::clock::Clock;
use crate::ledger::Line;
use crate::store::{
    AcknowledgmentState, Business, DeliveryState, Direction, ExceptionState, ExpectedDocumentRow,
    ExpectedDocumentState, Validation,
};
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use std::collections::BTreeSet;

/// Prints the orders that a number may mean.
pub(super) fn choices(number: &str, found: &[Candidate]) -> anyhow::Result<()> {
    let header = ["order", "purchase order", "of partner", "depositor", "since", "documents"];
    output::list(found, false, "order", &header, |candidate| {
        vec![
            candidate.order.clone().unwrap_or_default(),
            candidate.purchase_orders.join(", "),
            candidate.partner.clone().unwrap_or_default(),
            candidate.depositor.clone(),
            candidate.since.map(output::time).unwrap_or_default(),
            candidate.named_by.len().to_string(),
        ]
    })?;
    let mut page = Page::default();
    page.line(
        0,
        format!(
            "`{number}` is of {} orders; name one by its number, or with --partner or --depositor",
            found.len()
        ),
    );
    page.print()
}

/// Prints one order.
pub(super) fn story(story: &Story) -> anyhow::Result<()> {
    let mut page = Page::default();
    head(&mut page, story);
    let mut day = None;
    for (place, (lineage, record)) in story.documents.iter().zip(&story.records).enumerate() {
        let at = lineage.document.received_at;
        if day.replace(at.date_naive()) != Some(at.date_naive()) {
            page.line(0, "");
            page.line(0, at.format("%A, %Y-%m-%d (UTC)").to_string());
        }
        document(&mut page, story, lineage, record.as_ref());
        let laid = laid::over(story, place);
        if !laid.is_empty() {
            page.line(5, format!("the order: {}", laid.join("; ")));
        }
    }
    if story.documents.len() >= usize::try_from(super::MOST).unwrap_or(usize::MAX) {
        page.line(1, format!("only the first {} documents are shown", super::MOST));
    }
    if !story.lines.is_empty() {
        page.line(0, "");
        page.block(&items(&story.lines));
    }
    expected(&mut page, &story.expected);
    exceptions(&mut page, &story.exceptions);
    page.print()
}

/// What must follow, and what came of that.
fn expected(page: &mut Page, expected: &[ExpectedDocumentRow]) {
    if expected.is_empty() {
        return;
    }
    page.line(0, "");
    page.line(0, "must follow");
    for row in expected {
        let way = if row.ours { "to" } else { "from" };
        let due = output::time(row.due_at);
        let at = row.settled_at.map(output::time).unwrap_or_default();
        let stands = match row.state {
            ExpectedDocumentState::Awaited => format!("due {due}"),
            ExpectedDocumentState::Overdue => format!("overdue, was due {due}"),
            ExpectedDocumentState::Came => format!("came {at}"),
            ExpectedDocumentState::CameLate => {
                let late = row.settled_at.unwrap_or(row.due_at) - row.due_at;
                format!("came {at}, late by {}", crate::acks::told(late))
            }
            ExpectedDocumentState::NotNeeded => format!("not needed: {}", row.reason),
        };
        let after = words(&row.after);
        page.line(
            1,
            format!("{} {way} {} after the {after}: {stands}", words(&row.document), row.partner_id),
        );
    }
}

fn head(page: &mut Page, story: &Story) {
    let order = &story.order;
    let name = match &order.order {
        Some(number) => format!("order {number}"),
        None if order.purchase_orders.is_empty() => "documents of no order".to_owned(),
        None => format!("purchase order {}", order.purchase_orders.join(", ")),
    };
    let of = order.partner.as_ref().map(|partner| format!(" of {partner}")).unwrap_or_default();
    let depositor = match order.depositor.as_str() {
        "" => String::new(),
        depositor => format!(", depositor {depositor}"),
    };
    page.line(0, format!("{name}{of}{depositor}: {}", standing(story)));
    if order.order.is_some() {
        let orders = order.purchase_orders.iter().map(|number| {
            let whose =
                story.documents.iter().zip(&story.records).find_map(|(lineage, record)| match record {
                    Some(Record::PurchaseOrder(order))
                        if same_number(order.purchase_order_number.as_deref(), Some(number)) =>
                    {
                        lineage.document.partner_id.as_ref()
                    }
                    _ => None,
                });
            whose.map_or_else(|| number.clone(), |partner| format!("{number} of {partner}"))
        });
        page.field(1, "purchase order", orders.collect::<Vec<_>>().join(", "));
    }
    let records = || story.records.iter().flatten();
    let shipping = records().find_map(|record| match record {
        Record::ShippingOrder(order) => Some((&order.ship_to, order.ship_on, order.cancel_after)),
        _ => None,
    });
    let purchase = records().find_map(|record| match record {
        Record::PurchaseOrder(order) => Some((&order.ship_to, order.ship_on, order.cancel_after)),
        _ => None,
    });
    let Some((to, on, void)) = shipping.or(purchase) else { return };
    let place = [&to.name, &to.id, &to.city, &to.state].into_iter().flatten().cloned();
    page.field(1, "ship to", place.collect::<Vec<_>>().join(", "));
    page.field(1, "ship on", day(on));
    page.field(1, "void after", day(void));
}

/// Where the order stands, in a few words.
fn standing(story: &Story) -> String {
    let ordered = story.lines.iter().filter(|line| line.ordered.is_some());
    let open: Vec<&Line> = ordered.clone().filter(|line| !line.open.is_zero()).collect();
    let shipped = story.lines.iter().any(|line| !line.shipped.is_zero());
    let said = story.records.iter().flatten().any(|record| matches!(record, Record::ShippingAdvice(_)));
    let stands = if ordered.clone().next().is_none() {
        "no order of it is known".to_owned()
    } else if story.cancelled {
        if shipped { "cancelled, and shipped all the same".to_owned() } else { "cancelled".to_owned() }
    } else if !open.is_empty() && !shipped {
        "nothing shipped yet".to_owned()
    } else if !open.is_empty() {
        format!(
            "{} open: {}",
            counted(open.len(), "line"),
            amounts(open.iter().map(|line| (line.open, &line.unit)))
        )
    } else if shipped {
        "closed".to_owned()
    } else if said {
        "closed with nothing shipped".to_owned()
    } else {
        "nothing is known of it yet".to_owned()
    };
    let waiting = story.exceptions.iter().filter(|shown| shown.row.state == ExceptionState::Open).count();
    match waiting {
        0 => stands,
        count => format!("{stands}; {} open", counted(count, "exception")),
    }
}

fn document(page: &mut Page, story: &Story, lineage: &DocumentLineage, record: Option<&Record>) {
    let document = &lineage.document;
    let who = document.partner_id.as_deref().unwrap_or("nobody known");
    let arrow = if document.direction == Direction::Inbound { "from" } else { "to" };
    let number = document.business_number.as_deref().unwrap_or_default();
    let says = record.map(says).filter(|says| !says.is_empty());
    let says = says.map(|says| format!(": {says}")).unwrap_or_default();
    let time = document.received_at.format("%H:%M:%S");
    page.line(1, format!("{time}  {arrow} {who}  {} {number}{says}", words(&document.kind)));
    let controls = [
        ("ISA13", &document.interchange_control_number),
        ("GS06", &document.group_control_number),
        ("ST02", &document.set_control_number),
    ];
    let controls =
        controls.into_iter().filter_map(|(name, number)| Some(format!("{name} {}", number.as_ref()?)));
    let file = (!lineage.file_name.is_empty()).then(|| lineage.file_name.clone());
    let source =
        document.source_document_id.filter(|id| story.documents.iter().any(|other| other.document.id == *id));
    let source = source.map(|id| format!("made of {}", short(id)));
    let place: Vec<String> =
        controls.chain(file).chain([format!("document {}", short(document.id))]).chain(source).collect();
    page.line(5, place.join(", "));
    let state = state(lineage);
    if !state.is_empty() {
        page.line(5, state.join("; "));
    }
}

/// What became of a document, each part in a few words.
fn state(lineage: &DocumentLineage) -> Vec<String> {
    let document = &lineage.document;
    let mut told = Vec::new();
    if document.validation != Validation::Accepted {
        told.push(words(document.validation));
    }
    for answer in &lineage.answered_by {
        let number = answer.interchange_control_number.as_deref().unwrap_or_default();
        told.push(format!("answered by {} in ISA13 {number}, {}", answer.kind, words(answer.delivery)));
    }
    for tries in &lineage.deliveries {
        let delivery = &tries.delivery;
        let at = delivery
            .delivered_at
            .map(|at| format!(" at {}", clock(at, document.received_at)))
            .unwrap_or_default();
        let name = delivery.response_id.as_ref().map(|id| format!(" as {id}")).unwrap_or_default();
        let times = match delivery.attempts {
            0 | 1 => String::new(),
            attempts => format!(" after {attempts} tries"),
        };
        let why = delivery.last_error.as_ref().filter(|_| delivery.state != DeliveryState::Delivered);
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        let id = match delivery.state {
            DeliveryState::Delivered => String::new(),
            _ => format!(", delivery {}", short(delivery.id)),
        };
        told.push(format!("{}{at}{name}{times}{why}{id}", words(delivery.state)));
    }
    told.extend(lineage.acknowledgments.iter().map(|ack| acknowledged(ack, document.received_at)));
    let why = &document.business_reason;
    let is_told = lineage.deliveries.iter().any(|tries| tries.delivery.last_error.as_ref() == Some(why));
    if document.business == Business::Open && !why.is_empty() {
        told.push(why.clone());
    } else if !why.is_empty() && !is_told {
        told.push(format!("{}: {why}", words(document.business)));
    }
    told
}

fn acknowledged(ack: &Acknowledgments, from: DateTime<Utc>) -> String {
    let expected = &ack.expected;
    let level = &expected.level;
    match (expected.state, ack.received.first()) {
        (AcknowledgmentState::Awaited, None) => {
            format!("{level} due by {}", clock(expected.due_at, from))
        }
        (AcknowledgmentState::Overdue, None) => {
            format!("{level} overdue since {}", clock(expected.due_at, from))
        }
        (state, answer) => {
            let at = answer.map(|answer| answer.received_at).or(expected.settled_at);
            let at = at.map(|at| format!(" at {}", clock(at, from))).unwrap_or_default();
            let detail = answer.map(|answer| answer.detail.as_str()).filter(|detail| !detail.is_empty());
            let detail = detail.map(|detail| format!(" ({detail})")).unwrap_or_default();
            format!("{level} {}{at}{detail}", words(state))
        }
    }
}

/// A time of the same day, else with its day.
fn clock(at: DateTime<Utc>, from: DateTime<Utc>) -> String {
    let form = if at.date_naive() == from.date_naive() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M" };
    at.format(form).to_string()
}

/// What a record says, in one line.
fn says(record: &Record) -> String {
    match record {
        Record::PurchaseOrder(order) => {
            let lines = order.lines.iter().map(|line| (line.quantity.unwrap_or_default(), &line.unit));
            ordered(order.purpose, order.lines.len(), &amounts(lines))
        }
        Record::ShippingOrder(order) => {
            let lines = order.lines.iter().map(|line| (line.quantity.unwrap_or_default(), &line.unit));
            ordered(order.purpose, order.lines.len(), &amounts(lines))
        }
        Record::OrderAcknowledgment(answer) => {
            answer.response.map(|response| words(response.word())).unwrap_or_default()
        }
        Record::ShippingAdvice(advice) => {
            let lines = || advice.lines();
            let shipped =
                amounts(lines().map(|line| (line.quantity_shipped.unwrap_or_default(), &line.unit)));
            let asked = amounts(lines().map(|line| (line.quantity_ordered.unwrap_or_default(), &line.unit)));
            let shipped = match (shipped.split_once(' '), asked.split_once(' ')) {
                (None, _) => "nothing".to_owned(),
                (Some((quantity, unit)), Some((of, other))) if unit == other && quantity != of => {
                    format!("{quantity} of {of} {unit}")
                }
                _ => shipped,
            };
            let again = match advice.completeness {
                Some(Completeness::Replacement) => "replaces what was said before: ",
                _ => "",
            };
            let on = advice.shipped_on.map(|on| format!(" on {on}")).unwrap_or_default();
            let numbers = [
                (
                    "shipment",
                    if advice.shipment_id.is_some() {
                        &advice.shipment_id
                    } else {
                        &advice.agent_shipment_id
                    },
                ),
                ("BOL", &advice.bill_of_lading),
                ("PRO", &advice.pro_number),
                ("carrier", &advice.carrier.scac),
            ];
            format!("{again}{shipped} shipped{on}{}", named(&numbers))
        }
        Record::ShipNotice(notice) => {
            let numbers: BTreeSet<String> =
                notice.orders.iter().filter_map(|order| order.purchase_order_number.clone()).collect();
            let items = notice.items();
            let told =
                amounts(items.iter().map(|item| (item.quantity_shipped.unwrap_or_default(), &item.unit)));
            let orders: Vec<String> = numbers.into_iter().collect();
            let again = purpose(notice.purpose);
            let what = if told.is_empty() { String::new() } else { format!("{told} on the way") };
            let of = if orders.is_empty() { String::new() } else { format!(" for {}", orders.join(", ")) };
            let numbers = [("BOL", &notice.bill_of_lading), ("PRO", &notice.pro_number)];
            format!("{again}{what}{of}{}", named(&numbers))
        }
        Record::Invoice(invoice) => {
            let lines = invoice.lines.iter().map(|line| (line.quantity.unwrap_or_default(), &line.unit));
            let currency = invoice.currency.as_deref().unwrap_or(CURRENCY);
            let total =
                invoice.total_amount.map(|total| format!("{total:.2} {currency}")).unwrap_or_default();
            let sense =
                invoice.sense.map(|sense| format!("{} ", sense.word())).filter(|word| word == "credit ");
            format!("{}{}{total} for {}", purpose(invoice.purpose), sense.unwrap_or_default(), amounts(lines))
        }
        Record::InvoiceDecision(decision) => {
            let word = decision.decision.as_deref().unwrap_or_default().replace('_', " ");
            let currency = decision.currency.as_deref().unwrap_or(CURRENCY);
            let amount = decision.amount.map(|amount| format!(" {amount:.2} {currency}")).unwrap_or_default();
            format!("{word}{amount}")
        }
        Record::StockTransfer(_)
        | Record::StockReceipt(_)
        | Record::InventoryStatus(_)
        | Record::InventoryAdjustment(_) => String::new(),
    }
}

fn ordered(purpose: Option<Purpose>, lines: usize, amounts: &str) -> String {
    match purpose {
        Some(Purpose::Cancellation) => "cancels the order".to_owned(),
        None | Some(Purpose::Original) => format!("{amounts} ordered on {}", counted(lines, "line")),
        Some(other) => format!("{}: {amounts} on {}", words(other.word()), counted(lines, "line")),
    }
}

fn purpose(purpose: Option<Purpose>) -> String {
    match purpose {
        None | Some(Purpose::Original) => String::new(),
        Some(other) => format!("{}: ", words(other.word())),
    }
}

fn named(numbers: &[(&str, &Option<String>)]) -> String {
    let told = numbers.iter().filter_map(|(name, number)| Some(format!(", {name} {}", number.as_ref()?)));
    told.collect()
}

/// Sums by unit, as `312 case, 4 each`.
fn amounts<'u>(quantities: impl Iterator<Item = (Decimal, &'u Option<String>)>) -> String {
    let mut sums: Vec<(String, Decimal)> = Vec::new();
    for (quantity, unit) in quantities {
        let unit = unit.clone().unwrap_or_else(|| "unit".to_owned());
        match sums.iter_mut().find(|(known, _)| *known == unit) {
            Some((_, sum)) => *sum += quantity,
            None => sums.push((unit, quantity)),
        }
    }
    let told: Vec<String> =
        sums.into_iter().map(|(unit, sum)| format!("{} {unit}", sum.normalize())).collect();
    told.join(", ")
}

fn day(day: Option<NaiveDate>) -> String {
    day.map(|day| day.to_string()).unwrap_or_default()
}

fn items(lines: &[Line]) -> String {
    let header = ["line", "item", "what", "unit", "ordered", "shipped", "advised", "billed", "open", "state"];
    let mut table = table(&header);
    let figure = |value: Decimal| value.normalize().to_string();
    let is_known = lines.iter().any(|line| line.ordered.is_some());
    for line in lines {
        let state = match line.mixed_units {
            true => "units differ",
            false if is_known => line.state.word(),
            false => "no order known",
        };
        let cells = [
            line.line_number.clone().unwrap_or_default(),
            line.item.clone(),
            line.description.clone().unwrap_or_default(),
            line.unit.clone().unwrap_or_default(),
            line.ordered.map(figure).unwrap_or_default(),
            figure(line.shipped),
            figure(line.advised),
            figure(line.billed),
            figure(line.open),
            state.to_owned(),
        ];
        table.add_row(cells.iter().map(|cell| plain(cell)).collect::<Vec<_>>());
    }
    for column in 4..9 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(comfy_table::CellAlignment::Right);
        }
    }
    table.to_string()
}

fn exceptions(page: &mut Page, exceptions: &[Shown]) {
    if exceptions.is_empty() {
        return;
    }
    page.line(0, "");
    page.line(0, "what is odd about it");
    for shown in exceptions {
        let row = &shown.row;
        let amount = row
            .amount
            .map(|amount| format!(" ({amount:.2} {})", row.currency.as_deref().unwrap_or_default()));
        page.line(1, format!("{}{}", row.message, amount.unwrap_or_default()));
        let line = row.line.as_ref().map(|line| format!(", line {line}")).unwrap_or_default();
        let state = match row.state {
            ExceptionState::Open => format!("open for {}", age(row.first_seen_at, Clock::System.now())),
            ExceptionState::Settled => format!(
                "settled by {}: {}",
                row.settled_by.as_deref().unwrap_or_default(),
                row.settled_reason
            ),
        };
        page.line(
            5,
            format!(
                "{}{line}, {} looks after it, {state}, exception {}",
                words(&row.kind),
                shown.in_charge,
                short(row.id)
            ),
        );
    }
}
