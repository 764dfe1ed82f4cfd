//! Records: come back as they went, are found by their numbers, and their lines add up.

use crossdock::canonical::{
    AcknowledgmentLine, AdviceLine, AdvicePack, Charge, InventoryAdjustment, InventoryAdjustmentLine,
    InventoryStatus, InventoryStatusLine, Invoice, InvoiceDecision, InvoiceLine, InvoiceSense, LineResponse,
    LineResponseStatus, NoticeItem, NoticeOrder, NoticePack, OrderAcknowledgment, PurchaseOrder,
    PurchaseOrderLine, Purpose, Record, RecordKind, ShipNotice, ShippingAdvice, ShippingOrder,
    ShippingOrderLine, Source, StockQuantity, StockReceipt, StockReceiptLine, StockTransfer,
    StockTransferLine,
};
use crossdock::finding::{Finding, Location, Severity};
use crossdock::store::{
    Business, Direction, FoundInterchanges, FoundRecord, InterchangeKey, NewDocument, NewException,
    NewFinding, NewInterchange, NewRecord, NumbersAsked, Work,
};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::deliveries::document;
use super::{accepted, at, begin};
use crate::harness::postgres::Database;

fn source(byte: u64) -> Option<Source> {
    Some(Source { segment_ordinal: 4, byte })
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn order(number: &str, purpose: Purpose) -> PurchaseOrder {
    PurchaseOrder {
        purpose: Some(purpose),
        purchase_order_number: text(number),
        lines: vec![PurchaseOrderLine {
            quantity: "10".parse().ok(),
            unit_price: "1.250".parse().ok(),
            upc: text("012345678905"),
            source: source(200),
            ..PurchaseOrderLine::default()
        }],
        ..PurchaseOrder::default()
    }
}

fn all() -> Vec<Record> {
    let order = order("PO1", Purpose::Original);
    let shipping_order = ShippingOrder {
        order_number: text("SO1"),
        purchase_order_number: text("PO1"),
        lines: vec![ShippingOrderLine { sku: text("A"), ..ShippingOrderLine::default() }],
        ..ShippingOrder::default()
    };
    let line = AdviceLine {
        quantity_shipped: "9".parse().ok(),
        sku: text("A"),
        source: source(300),
        ..AdviceLine::default()
    };
    let advice = ShippingAdvice {
        order_number: text("SO1"),
        purchase_order_number: text("PO1"),
        packs: vec![AdvicePack { sscc: text("00123"), lines: vec![line], ..AdvicePack::default() }],
        ..ShippingAdvice::default()
    };
    let item = NoticeItem { sku: text("A"), quantity_shipped: "9".parse().ok(), ..NoticeItem::default() };
    let carton = NoticePack { sscc: text("00456"), items: vec![item], ..NoticePack::default() };
    let pallet = NoticePack { sscc: text("00123"), packs: vec![carton], ..NoticePack::default() };
    let notice = ShipNotice {
        shipment_id: text("S1"),
        orders: vec![NoticeOrder {
            purchase_order_number: text("PO1"),
            packs: vec![pallet],
            ..NoticeOrder::default()
        }],
        ..ShipNotice::default()
    };
    let billed = InvoiceLine {
        quantity: "9".parse().ok(),
        unit_price: "1.25".parse().ok(),
        sku: text("A"),
        source: source(400),
        charges: vec![Charge { amount: "0.5".parse().ok(), ..Charge::default() }],
        ..InvoiceLine::default()
    };
    let invoice = Invoice {
        invoice_number: text("I1"),
        purchase_order_number: text("PO1"),
        lines: vec![billed],
        total_amount: "11.75".parse().ok(),
        ..Invoice::default()
    };
    vec![order.into(), shipping_order.into(), advice.into(), notice.into(), invoice.into()]
}

/// What sellers say to orders and warehouses of their stock.
fn answers_and_stock() -> Vec<Record> {
    let said = |status, quantity: &str| LineResponse {
        status: Some(status),
        quantity: quantity.parse().ok(),
        ..LineResponse::default()
    };
    let answered = AcknowledgmentLine {
        sku: text("A"),
        unit: text("each"),
        responses: vec![said(LineResponseStatus::Accepted, "6"), said(LineResponseStatus::Backordered, "4")],
        ..AcknowledgmentLine::default()
    };
    let silent = AcknowledgmentLine { sku: text("B"), ..AcknowledgmentLine::default() };
    let acknowledgment = OrderAcknowledgment {
        purchase_order_number: text("PO1"),
        lines: vec![answered, silent],
        ..OrderAcknowledgment::default()
    };
    let transfer = StockTransfer {
        order_number: text("T1"),
        lines: vec![StockTransferLine {
            quantity_shipped: "40".parse().ok(),
            ..StockTransferLine::default()
        }],
        ..StockTransfer::default()
    };
    let receipt = StockReceipt {
        receipt_number: text("R1"),
        lines: vec![StockReceiptLine {
            quantity_received: "39".parse().ok(),
            source: source(500),
            ..StockReceiptLine::default()
        }],
        ..StockReceipt::default()
    };
    let counted = |kind: &str, quantity: &str| StockQuantity {
        kind: text(kind),
        quantity: quantity.parse().ok(),
        ..StockQuantity::default()
    };
    let status = InventoryStatus {
        report_number: text("N1"),
        lines: vec![InventoryStatusLine {
            upc: text("012345678905"),
            quantities: vec![counted("on_hand", "39"), counted("available", "30")],
            ..InventoryStatusLine::default()
        }],
        ..InventoryStatus::default()
    };
    let adjustment = InventoryAdjustment {
        adjustment_number: text("J1"),
        lines: vec![InventoryAdjustmentLine {
            quantity: "-2.5".parse().ok(),
            ..InventoryAdjustmentLine::default()
        }],
        ..InventoryAdjustment::default()
    };
    let decision = InvoiceDecision {
        decision_id: text("D1"),
        invoice_number: text("I1"),
        amount: "12.55".parse().ok(),
        ..InvoiceDecision::default()
    };
    vec![
        acknowledgment.into(),
        transfer.into(),
        receipt.into(),
        status.into(),
        adjustment.into(),
        decision.into(),
    ]
}

fn id(n: usize) -> Uuid {
    Uuid::from_u128(n as u128 + 1)
}

fn new(n: usize, record: &Record) -> NewRecord<'_> {
    NewRecord {
        document_id: id(n),
        partner_id: "north",
        received_at: at(i64::try_from(n).expect("it fits")),
        record,
    }
}

/// Documents and their records.
async fn keep(work: &mut Work, file: Uuid, first: usize, records: &[Record]) {
    let numbered = || records.iter().enumerate().map(|(n, record)| (first + n, record));
    let documents: Vec<NewDocument> = numbered()
        .map(|(n, record)| NewDocument {
            ordinal: i32::try_from(n + 1).expect("it fits"),
            direction: Direction::Inbound,
            received_at: at(i64::try_from(n).expect("it fits")),
            ..document(id(n), file, "any").with_record(record)
        })
        .collect();
    work.insert_documents(&documents).await.expect("writes");
    let rows: Vec<NewRecord<'_>> = numbered().map(|(n, record)| new(n, record)).collect();
    work.insert_records(&rows).await.expect("writes");
}

/// The documents found by order numbers, purchase order numbers and shipments, orders as they are in force.
async fn about(
    work: &mut Work,
    orders: &[&str],
    purchase_orders: &[&str],
    shipments: &[&str],
) -> Vec<FoundRecord> {
    let owned = |numbers: &[&str]| numbers.iter().map(|number| (*number).to_owned()).collect::<Vec<String>>();
    let asked = NumbersAsked {
        orders: owned(orders),
        purchase_orders: owned(purchase_orders),
        shipments: owned(shipments),
        ..NumbersAsked::default()
    };
    let about = work.list_documents_about(&asked).await;
    work.load_records(&about.expect("asks")).await.expect("loads")
}

#[tokio::test]
async fn records_come_back_as_they_went() {
    let database = Database::new().await;
    let store = database.store();
    let records = [all(), answers_and_stock()].concat();
    let rows: Vec<NewRecord<'_>> = records.iter().enumerate().map(|(n, record)| new(n, record)).collect();
    let mut work = begin(&store).await;
    work.insert_records(&rows).await.expect("writes");
    work.insert_records(&rows).await.expect("twice changes nothing");
    work.commit().await.expect("commits");
    for (n, record) in records.iter().enumerate() {
        let found = store.find_record(record.kind(), id(n)).await.expect("asks").expect("is there");
        assert_eq!(&found.record, record);
    }
    assert!(store.find_record(RecordKind::Invoice, id(0)).await.expect("asks").is_none());

    let mut connection = database.connection().await;
    let notice: (String, String) = sqlx::query_as("select purchase_order_number, sscc from ship_notice_line")
        .fetch_one(&mut connection)
        .await
        .expect("one item");
    assert_eq!(notice, (String::from("PO1"), String::from("00456")));
    let total: rust_decimal::Decimal = sqlx::query_scalar("select computed_total from invoice")
        .fetch_one(&mut connection)
        .await
        .expect("one invoice");
    assert_eq!(total, "11.75".parse().expect("a number"));
    let said: Vec<(i32, String, Option<String>)> =
        sqlx::query_as("select ordinal, sku, status from order_acknowledgment_line order by ordinal")
            .fetch_all(&mut connection)
            .await
            .expect("a row for each thing said");
    let words: Vec<(i32, &str, Option<&str>)> =
        said.iter().map(|(place, sku, status)| (*place, sku.as_str(), status.as_deref())).collect();
    assert_eq!(words, [(1, "A", Some("accepted")), (2, "A", Some("backordered")), (3, "B", None)]);
    let stock: Vec<(String, String)> =
        sqlx::query_as("select gtin, kind from inventory_status_line order by ordinal")
            .fetch_all(&mut connection)
            .await
            .expect("a row for each quantity");
    assert_eq!(stock[1], (String::from("12345678905"), String::from("available")));
}

/// Tables with a `document_id` that do not hold the record itself: what is known of the document whatever it says.
const ABOUT_DOCUMENTS: [&str; 7] = [
    "delivery_document",
    "exception",
    "expected_acknowledgment_set",
    "finding",
    "interchange",
    "received_acknowledgment",
    "record_revision",
];

#[tokio::test]
async fn a_revision_takes_every_row_of_a_record_away() {
    let database = Database::new().await;
    let store = database.store();
    let file = accepted(&store).await;
    let records = [all(), answers_and_stock()].concat();
    let rows: Vec<NewRecord<'_>> = records.iter().enumerate().map(|(n, record)| new(n, record)).collect();
    let mut work = begin(&store).await;
    let documents: Vec<NewDocument> = records
        .iter()
        .enumerate()
        .map(|(n, record)| document(id(n), file, "940").with_record(record))
        .collect();
    work.insert_documents(&documents).await.expect("writes");
    work.insert_records(&rows).await.expect("writes");
    work.commit().await.expect("commits");
    let mut connection = database.connection().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.columns
         where column_name = 'document_id' and table_schema = 'public' order by 1",
    )
    .fetch_all(&mut connection)
    .await
    .expect("lists");
    let of_records: Vec<&String> =
        tables.iter().filter(|table| !ABOUT_DOCUMENTS.contains(&table.as_str())).collect();
    let mut held = 0;
    for revised in [false, true] {
        for table in &of_records {
            let counted: i64 =
                sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
                    .fetch_one(&mut connection)
                    .await
                    .expect("counts");
            assert!(!revised || counted == 0, "{table} still holds {counted} rows of what was revised");
            held += counted;
        }
        if !revised {
            let mut work = begin(&store).await;
            for (n, record) in records.iter().enumerate() {
                work.revise(id(n), &serde_json::to_value(record).expect("it is JSON"))
                    .await
                    .expect("revises");
            }
            work.commit().await.expect("commits");
        }
    }
    assert!(held > i64::try_from(2 * records.len()).expect("few"), "every record has a row, most have lines");
    assert_eq!(store.list_revisions(id(0)).await.expect("lists").len(), 1);
}

#[tokio::test]
async fn the_latest_order_counts_and_every_shipment_and_invoice_does() {
    let database = Database::new().await;
    let store = database.store();
    let mut records = all();
    records.push(order("PO1", Purpose::Cancellation).into());
    records.push(order("PO2", Purpose::Original).into());
    let credit = InvoiceLine { quantity: "2".parse().ok(), sku: text("A"), ..InvoiceLine::default() };
    records.push(
        Invoice {
            sense: Some(InvoiceSense::Credit),
            invoice_number: text("I1"),
            lines: vec![InvoiceLine { purchase_order_number: text("PO1"), ..credit }],
            ..Invoice::default()
        }
        .into(),
    );
    let file = accepted(&store).await;
    let mut work = begin(&store).await;
    keep(&mut work, file, 0, &records).await;

    let kinds = |found: Vec<FoundRecord>| {
        found.iter().map(|found| (found.record.kind().word(), found.document_id)).collect::<Vec<_>>()
    };
    let (advice, notice) = (("shipping_advice", id(2)), ("ship_notice", id(3)));
    let (invoice, credit) = (("invoice", id(4)), ("invoice", id(7)));
    let (cancelled, other) = (("purchase_order", id(5)), ("purchase_order", id(6)));
    assert_eq!(
        kinds(about(&mut work, &[], &["PO1", "PO2", "PO3"], &[]).await),
        [cancelled, advice, notice, invoice, other, credit],
        "what is known of purchase orders, as it came; of the shipping order not by its customer's number"
    );
    assert_eq!(kinds(about(&mut work, &["SO1"], &[], &[]).await), [("shipping_order", id(1)), advice]);
    assert_eq!(kinds(about(&mut work, &[], &[], &["SO1", "PO1"]).await), [], "it is no shipment's number");
    assert_eq!(work.list_purchase_orders_of(&[String::from("so1")]).await.expect("asks"), ["PO1"]);
    assert!(work.load_records(&[]).await.expect("asks").is_empty());
}

#[tokio::test]
async fn what_an_older_hub_kept_is_found_by_the_same_numbers() {
    let database = Database::new().await;
    let store = database.store();
    let mut records = [all(), answers_and_stock()].concat();
    // It knew no decisions.
    records.retain(|record| record.kind() != RecordKind::InvoiceDecision);
    let rows: Vec<NewRecord<'_>> = records.iter().enumerate().map(|(n, record)| new(n, record)).collect();
    let mut work = begin(&store).await;
    work.insert_records(&rows).await.expect("writes");
    work.commit().await.expect("commits");
    let mut connection = database.connection().await;
    let mut kept = Vec::new();
    for migrated in [false, true] {
        if migrated {
            sqlx::query("delete from document_number").execute(&mut connection).await.expect("deletes");
            let migration = include_str!("../../../migrations/0031_document_numbers.sql");
            let (_, fill) = migration.split_once("\nwith ").expect("it fills the table");
            sqlx::query(sqlx::AssertSqlSafe(format!("with {fill}")))
                .execute(&mut connection)
                .await
                .expect("it is sound");
        }
        let found: Vec<(Uuid, String, String, String, Option<String>)> = sqlx::query_as(
            "select document_id, kind, number, scope, raw from document_number order by 1, 2, 3, 4",
        )
        .fetch_all(&mut connection)
        .await
        .expect("lists");
        kept.push(found);
    }
    assert!(kept[0].len() > 12, "{kept:#?}");
    assert_eq!(kept[0], kept[1]);
}

#[tokio::test]
async fn an_order_is_found_as_its_changes_leave_it() {
    let database = Database::new().await;
    let store = database.store();
    let changed = |purpose, quantity: &str| {
        let mut order = order("PO1", purpose);
        order.lines[0].line_number = text("1");
        order.lines[0].quantity = quantity.parse().ok();
        Record::from(order)
    };
    let records = [
        changed(Purpose::Original, "10"),
        changed(Purpose::Change, "24"),
        changed(Purpose::Duplicate, "10"),
        changed(Purpose::Change, "36"),
    ];
    let file = accepted(&store).await;
    let mut work = begin(&store).await;
    let find = async |work: &mut Work| {
        let found = about(work, &[], &["PO1"], &[]).await;
        assert_eq!(found.len(), 1);
        let Record::PurchaseOrder(order) = &found[0].record else { panic!("it is an order") };
        assert_eq!((order.purpose, order.lines.len()), (Some(Purpose::Original), 1));
        (found[0].document_id, order.lines[0].quantity.map(|quantity| quantity.to_string()))
    };
    for (n, expected) in [(0, (id(0), "10")), (1, (id(1), "24")), (2, (id(1), "24")), (3, (id(3), "36"))] {
        keep(&mut work, file, n, &records[n..=n]).await;
        assert_eq!(find(&mut work).await, (expected.0, text(expected.1)));
    }
}

#[tokio::test]
async fn a_nul_in_a_partner_s_text_is_no_reason_to_stop() {
    let database = Database::new().await;
    let store = database.store();
    let file_id = accepted(&store).await;
    let record = order("PO\u{0}1", Purpose::Original).into();
    let document =
        NewDocument { direction: Direction::Inbound, ..document(id(0), file_id, "850") }.with_record(&record);
    let finding = Finding {
        code: "invalid_character",
        severity: Severity::Reject,
        location: Location { byte: 5, line: 1, segment: String::from("BEG"), ..Location::default() },
        message: String::from("a NUL"),
        hint: String::new(),
        value: String::from("PO\u{0}1"),
        ack_code: String::from("AK403=6"),
    };
    let mut work = begin(&store).await;
    work.insert_documents(&[document]).await.expect("writes");
    work.insert_records(&[new(0, &record)]).await.expect("writes");
    let found = |ordinal, document_id| NewFinding { file_id, ordinal, document_id, finding: &finding };
    work.insert_findings(&[found(1, Some(id(0))), found(2, None)]).await.expect("writes");
    work.insert_findings(&[found(3, None)]).await.expect("writes");
    work.set_business(&[(id(0), Business::Waiting, String::from("no\u{0}thing"))]).await.expect("writes");
    assert_eq!(about(&mut work, &[], &["PO\u{fffd}1"], &[]).await.len(), 1);
    work.commit().await.expect("commits");
    let findings = store.list_findings(file_id, None, 9).await.expect("lists");
    assert_eq!(findings.iter().map(|finding| finding.ordinal).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(findings[0].value, "PO\u{fffd}1");
    assert_eq!(store.list_findings(file_id, Some(id(0)), 9).await.expect("lists").len(), 1);
}

#[tokio::test]
async fn a_repeated_interchange_is_found_in_the_other_file() {
    let database = Database::new().await;
    let store = database.store();
    let file_id = accepted(&store).await;
    let key = InterchangeKey {
        sender_qualifier: String::from("01"),
        sender_id: String::from("123456789"),
        receiver_qualifier: String::from("ZZ"),
        receiver_id: String::from("OURHUB"),
        control_number: String::from("000000007"),
    };
    let interchange = NewInterchange {
        id: id(0),
        file_id,
        ordinal: 1,
        direction: Direction::Inbound,
        partner_id: text("north"),
        key: key.clone(),
        usage: None,
        date: None,
        time: None,
        version: String::from("00401"),
        received_at: at(0),
    };
    let mut work = begin(&store).await;
    work.insert_interchanges(&[interchange]).await.expect("writes");
    let other = InterchangeKey { control_number: String::from("000000008"), ..key.clone() };
    let keys = [(other, at(5)), (key, at(5))];
    let own = work.find_interchanges(&keys, &[file_id]).await.expect("asks");
    assert_eq!(own, [FoundInterchanges::default(), FoundInterchanges::default()], "it is this file's own");
    let found = work.find_interchanges(&keys, &[Uuid::nil()]).await.expect("asks");
    let same: Vec<_> = found.iter().map(|found| found.same.as_ref().map(|row| row.file_id)).collect();
    assert_eq!(same, [None, Some(file_id)]);
    let last = Some((String::from("000000007"), file_id));
    let lasts: Vec<_> = found.iter().map(|found| found.last.clone()).collect();
    assert_eq!(lasts, [last, None], "it is told where the parties are named first");
    let sooner = keys.map(|(key, _)| (key, at(0)));
    let found = work.find_interchanges(&sooner, &[Uuid::nil()]).await.expect("asks");
    assert_eq!(found[0].last, None, "a file that came later says nothing of one before it");
}

#[tokio::test]
async fn many_rows_at_once_are_kept_as_few_are() {
    let records: Vec<Record> = (0..700)
        .map(|n| {
            Record::from(Invoice {
                // As the sender writes it is kept where it is compared otherwise.
                invoice_number: Some(format!(" 00i{n}")),
                purchase_order_number: Some(format!("PO\0{n}")),
                ..Invoice::default()
            })
        })
        .collect();
    let exceptions: Vec<NewException> = (0..records.len())
        .map(|n| NewException {
            id: id(n),
            kind: String::from("price_over"),
            document_id: Some(id(n)),
            partner_id: None,
            order_number: Some(format!("O\0{n}")),
            purchase_order_number: None,
            line: (n % 2 == 0).then(|| n.to_string()),
            amount: (n % 3 > 0).then(|| (Decimal::from(n), String::from("USD"))),
            message: format!("a\0 message {n}"),
            evidence: serde_json::json!([{ "raw": format!("\0{n}") }]),
            first_seen_at: at(1),
        })
        .collect();
    let mut told = Vec::new();
    for at_once in [10, 600] {
        let database = Database::new().await;
        let store = database.store();
        let file = accepted(&store).await;
        // One of them is known, and settled.
        let mut work = begin(&store).await;
        keep(&mut work, file, 70, &records[70..71]).await;
        work.insert_exceptions(&exceptions[70..71]).await.expect("writes");
        work.settle_exception(id(70), "ann", "agreed", None, at(2)).await.expect("writes");
        work.commit().await.expect("commits");
        // New ones, then some that are known among them.
        for begins in [100, 0] {
            let mut work = begin(&store).await;
            for first in (begins..begins + 600).step_by(at_once) {
                let some = first..first + at_once;
                keep(&mut work, file, first, &records[some.clone()]).await;
                work.insert_exceptions(&exceptions[some]).await.expect("writes");
            }
            work.commit().await.expect("commits");
        }
        let mut connection = database.connection().await;
        let mut rows: Vec<String> = Vec::new();
        for table in ["document", "document_number", "exception"] {
            let statement = format!("select t::text from {table} t order by 1");
            let some: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
                .fetch_all(&mut connection)
                .await
                .expect("lists");
            assert!(some.len() >= records.len(), "{table}");
            rows.extend(some);
        }
        // The file is another one in each database.
        told.push(rows.iter().map(|row| row.replace(&file.to_string(), "")).collect::<Vec<_>>());
    }
    assert_eq!(told[0], told[1]);
}
