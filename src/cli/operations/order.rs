//! `order`: all that became of one order, as a time line. `search`: documents by any of their numbers.

mod choose;
mod laid;
mod print;

use super::exceptions::{Shown, owners, shown};
use super::lineage::{self, DocumentLineage, side};
use super::{Refusal, naming, output};
use crate::canonical::{FinalShipment, NumberKind, Record, RecordKind, evened};
use crate::cli::exit;
use crate::clock::Clock;
use crate::config::Config;
use crate::ledger::{self, Line, Order};
use crate::pipeline::Agreements;
use crate::store::{
    DeliveryState, Direction, DocumentRow, ExceptionFilter, ExpectedDocumentFilter, ExpectedDocumentRow,
    Store,
};
use choose::Candidate;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::process::ExitCode;
use uuid::Uuid;

/// Documents of one order that are shown, and documents that one number is looked for in.
const MOST: i64 = 500;

/// Which order.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// Its number, or one that it is found by: purchase order, shipment, bill of lading, PRO, tracking number, SSCC,
    /// invoice or lot
    #[arg(value_name = "NUMBER")]
    number: String,
    /// What the number is: order, purchase_order, shipment, bill_of_lading, pro, tracking, sscc, invoice or lot
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<NumberKind>,
    /// The partner who ordered, where several number alike
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// The depositor's number at the warehouse, where several number alike
    #[arg(long, value_name = "ID")]
    depositor: Option<String>,
    /// JSON for machines
    #[arg(long)]
    json: bool,
}

/// What to search for.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Search {
    /// Order, purchase order, shipment, bill of lading, PRO, tracking number, SSCC, invoice, lot or ISA13
    #[arg(value_name = "NUMBER")]
    number: String,
    /// What the number is: order, purchase_order, shipment, bill_of_lading, pro, tracking, sscc, invoice or lot
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<NumberKind>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: i64,
    /// JSON for machines
    #[arg(long)]
    json: bool,
}

/// One order with all that belongs to it.
#[derive(Debug, Serialize)]
struct Story {
    #[serde(flatten)]
    order: Candidate,
    /// Whether it was cancelled.
    cancelled: bool,
    /// What became of each item.
    lines: Vec<Line>,
    exceptions: Vec<Shown>,
    /// Documents that must follow those of the time line.
    expected: Vec<ExpectedDocumentRow>,
    /// The time line.
    documents: Vec<DocumentLineage>,
    /// What each document says, by its place.
    #[serde(skip)]
    records: Vec<Option<Record>>,
}

/// A document with the number that it was found by.
#[derive(Debug, Serialize)]
struct Found {
    /// What the number names in it.
    named: String,
    number: String,
    scope: String,
    document: DocumentRow,
}

/// Shows one order, or the orders that the number may mean.
pub(super) async fn run(config: &Config, store: &Store, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut found = choose::candidates(store, &arguments.number, arguments.kind).await?;
    if found.is_empty() {
        return Err(Refusal::usage(
            format!("no document has the number `{}`", arguments.number),
            "zeros in front, case and blanks around it do not count; `crossdock documents` lists the latest",
        ));
    }
    let known = found.len();
    if let Some(partner) = &arguments.partner {
        found.retain(|candidate| candidate.partner.as_ref() == Some(partner));
    }
    if let Some(depositor) = &arguments.depositor {
        found.retain(|candidate| evened(&candidate.depositor) == evened(depositor));
    }
    if found.is_empty() {
        return Err(Refusal::usage(
            format!(
                "none of the {known} orders that `{}` may mean is of that partner and depositor",
                arguments.number
            ),
            "leave `--partner` and `--depositor` out to see them",
        ));
    }
    if found.len() > 1 {
        if arguments.json {
            output::json(&serde_json::json!({ "choose": found }))?;
        } else {
            print::choices(&arguments.number, &found)?;
        }
        return Ok(ExitCode::from(exit::USAGE));
    }
    let candidate = found.remove(0);
    let story = tell(config, store, candidate).await?;
    if arguments.json {
        output::json(&story)?
    } else {
        print::story(&story)?
    }
    Ok(ExitCode::from(exit::DONE))
}

/// Lists documents by a number, whatever it is.
pub(super) async fn search(store: &Store, search: &Search) -> anyhow::Result<()> {
    let numbers = store.find_numbers(&search.number, search.kind, search.limit).await?;
    let interchange = match search.kind {
        None => store.list_documents_of_interchange(search.number.trim(), search.limit).await?,
        Some(_) => Vec::new(),
    };
    let ids: Vec<Uuid> = numbers.iter().map(|number| number.document_id).chain(interchange.clone()).collect();
    let documents = store.find_documents(&ids).await?;
    let documents: HashMap<Uuid, DocumentRow> = documents.into_iter().map(|row| (row.id, row)).collect();
    let of = |id: Uuid| documents.get(&id).cloned();
    let by_number = numbers.into_iter().filter_map(|number| {
        let document = of(number.document_id)?;
        Some(Found { named: number.kind, number: number.number, scope: number.scope, document })
    });
    let by_interchange = interchange.into_iter().filter_map(|id| {
        let document = of(id)?;
        let number = document.interchange_control_number.clone().unwrap_or_default();
        Some(Found { named: "ISA13".to_owned(), number, scope: String::new(), document })
    });
    let mut found: Vec<Found> = by_number.chain(by_interchange).collect();
    found.sort_by_key(|found| (Reverse(found.document.received_at), found.document.kind.clone()));
    let header =
        ["id", "at", "partner", "document", "its number", "found by", "order", "purchase order", "business"];
    output::list(&found, search.json, "document", &header, |found| {
        let document = &found.document;
        let partner = document.partner_id.as_deref().unwrap_or("nobody known");
        vec![
            naming::short(document.id),
            output::time(document.received_at),
            side(document.direction, partner),
            output::words(&document.kind),
            document.business_number.clone().unwrap_or_default(),
            format!("{} {}", output::words(&found.named), found.number),
            document.order_number.clone().unwrap_or_default(),
            document.purchase_order_number.clone().unwrap_or_default(),
            output::words(document.business),
        ]
    })
}

async fn tell(config: &Config, store: &Store, order: Candidate) -> anyhow::Result<Story> {
    let number = order.order.as_deref().map(evened).unwrap_or_default();
    let purchase_orders: Vec<String> = order.purchase_orders.iter().map(|number| evened(number)).collect();
    let ids = store.list_story(&order.named_by, &number, &purchase_orders, MOST).await?;
    let mut documents = Vec::new();
    for id in ids {
        if let Some(row) = store.find_document(id).await? {
            documents.push(lineage::of_document(store, row).await?);
        }
    }
    in_order(&mut documents);
    let record = |lineage: &DocumentLineage| {
        lineage.record.clone().and_then(|record| serde_json::from_value::<Record>(record).ok())
    };
    let records: Vec<Option<Record>> = documents.iter().map(record).collect();
    let told =
        Order { final_shipment: final_shipment(config, &documents), ..fold(&documents, &records, &order) };
    let (lines, cancelled) = (ledger::lines(&told), told.is_cancelled());
    let exceptions = exceptions(config, store, &order, &documents).await?;
    let known = documents.iter().map(|lineage| lineage.document.id).collect();
    let filter = ExpectedDocumentFilter { documents: Some(known), ..ExpectedDocumentFilter::default() };
    let expected = store.list_expected_documents(&filter, MOST).await?;
    Ok(Story { order, cancelled, lines, exceptions, expected, documents, records })
}

/// When the order counts as shipped to its end, by the profile of the warehouse that spoke of it last.
fn final_shipment(config: &Config, documents: &[DocumentLineage]) -> FinalShipment {
    let advice = |lineage: &&DocumentLineage| {
        let document = &lineage.document;
        document.record_kind.as_deref() == Some(RecordKind::ShippingAdvice.word())
            && document.direction == Direction::Inbound
    };
    let warehouse = documents.iter().rfind(advice).and_then(|lineage| lineage.document.partner_id.as_deref());
    let agreements = warehouse.and_then(|_| Agreements::load(config).ok());
    let profile =
        warehouse.zip(agreements.as_ref()).and_then(|(id, agreements)| agreements.profiles.find(id));
    profile.map(|profile| profile.exchange.final_shipment()).unwrap_or_default()
}

/// By time; of one moment first what others were made of.
fn in_order(documents: &mut [DocumentLineage]) {
    let sources: HashMap<Uuid, Option<Uuid>> =
        documents.iter().map(|lineage| (lineage.document.id, lineage.document.source_document_id)).collect();
    let depth = |id: Uuid| {
        let next = |id: &Uuid| sources.get(id).copied().flatten();
        std::iter::successors(Some(id), next).take(sources.len()).count()
    };
    documents.sort_by_key(|lineage| {
        let row = &lineage.document;
        (row.received_at, depth(row.id), row.kind.clone(), row.ordinal, row.business_number.clone())
    });
}

/// What counts of an order's documents: no copies, and each as what came later leaves it.
fn fold<'s>(documents: &'s [DocumentLineage], records: &'s [Option<Record>], order: &Candidate) -> Order<'s> {
    let is_copy = |document: &DocumentRow| {
        let source = documents.iter().find(|source| Some(source.document.id) == document.source_document_id);
        source.is_some_and(|source| source.document.record_kind == document.record_kind)
    };
    // What is held has told nobody anything yet.
    let is_kept =
        |document: &DocumentRow| matches!(document.delivery, DeliveryState::Held | DeliveryState::Cancelled);
    let originals = documents.iter().zip(records);
    let originals =
        originals.filter(|(lineage, _)| !is_copy(&lineage.document) && !is_kept(&lineage.document));
    let counting: Vec<(&DocumentRow, &Record)> =
        originals.filter_map(|(lineage, record)| Some((&lineage.document, record.as_ref()?))).collect();
    let number = order.purchase_orders.first().cloned();
    let mut told = ledger::Told::default();
    for (document, record) in counting {
        told.add(document.partner_id.as_deref().unwrap_or_default(), document.id, record);
    }
    told.in_force(number)
}

/// Exceptions of an order's documents, and those that name it.
async fn exceptions(
    config: &Config,
    store: &Store,
    order: &Candidate,
    documents: &[DocumentLineage],
) -> anyhow::Result<Vec<Shown>> {
    let known: BTreeSet<Uuid> = documents.iter().map(|lineage| lineage.document.id).collect();
    let mut rows: Vec<_> = documents.iter().flat_map(|lineage| lineage.exceptions.iter().cloned()).collect();
    for number in order.order.iter().chain(&order.purchase_orders) {
        let filter = ExceptionFilter { number: Some(number.clone()), ..ExceptionFilter::default() };
        let named = store.list_exceptions(&filter, MOST).await?;
        rows.extend(named.into_iter().filter(|row| row.document_id.is_none_or(|id| known.contains(&id))));
    }
    rows.sort_by_key(|row| row.id);
    rows.dedup_by_key(|row| row.id);
    rows.sort_by_key(|row| (row.first_seen_at, row.line.clone(), row.kind.clone(), row.message.clone()));
    let (owners, now) = (owners(config), Clock::System.now());
    Ok(rows.into_iter().map(|row| shown(row, &owners, now)).collect())
}
