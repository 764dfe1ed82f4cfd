//! `status`: the state of the day at a glance.
#![expect(clippy::print_stdout, reason = "commands speak to people")]

use super::exit;
use crate::config::Config;
use crate::store::{
    AcknowledgmentFilter, AcknowledgmentState, Business, DeliveryFilter, DeliveryRow, DeliveryState,
    Direction, DocumentFilter, DocumentRow, ExceptionFilter, ExceptionState, ExpectedDocumentFilter,
    FileFilter, FileRow, FileState, JobFilter, JobState, Store, Validation,
};
use chrono::{DateTime, Utc};
use comfy_table::{ContentArrangement, Table, presets};
use std::collections::BTreeMap;
use std::process::ExitCode;
use uuid::Uuid;

/// What to show.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Files at most
    #[arg(long, default_value_t = 30, value_name = "N")]
    limit: i64,
    /// Only this partner
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
}

/// Shows files with their documents, what is awaited, and what needs a person.
pub(super) async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let database = super::open::database(config).await?;
    if let Some(server) = &database.server {
        println!("database: {}", server.url());
    }
    print(&database.store, arguments.partner.as_deref(), arguments.limit).await?;
    database.store.close().await;
    Ok(ExitCode::from(exit::DONE))
}

/// Prints the tables.
pub(super) async fn print(store: &Store, partner: Option<&str>, limit: i64) -> anyhow::Result<()> {
    let partner = partner.map(str::to_owned);
    let mut files = Vec::new();
    for direction in [Direction::Inbound, Direction::Outbound] {
        let filter =
            FileFilter { direction: Some(direction), partner_id: partner.clone(), ..FileFilter::default() };
        files.extend(store.list_files(&filter, limit).await?);
    }
    files.sort_by_key(|file| (file.received_at, file.direction, file.name.clone()));
    let filter = DocumentFilter { partner_id: partner.clone(), ..DocumentFilter::default() };
    let documents = store.list_documents(&filter, 5_000).await?;
    let filter = DeliveryFilter { partner_id: partner.clone(), ..DeliveryFilter::default() };
    let deliveries = store.list_deliveries(&filter, 5_000).await?;
    // What is packed is shown by what it was packed from.
    let packed = files.iter().filter(|file| file.direction == Direction::Outbound);
    let packed = packed.filter_map(|file| Some((file.origin_id?, file.id))).collect();
    files.retain(|file| file.direction == Direction::Inbound || file.origin_id.is_none());
    let day = Day { documents, deliveries, packed };
    println!("\n{}", day.table(&files));
    print_open(store, partner.as_deref()).await
}

/// Everything that files led to.
struct Day {
    documents: Vec<DocumentRow>,
    deliveries: Vec<DeliveryRow>,
    /// What files of ours were packed into.
    packed: BTreeMap<Uuid, Uuid>,
}

impl Day {
    /// One line a document, in the order in which files came and went.
    fn table(&self, files: &[FileRow]) -> Table {
        let mut table = table(&[
            "file",
            "partner",
            "document",
            "number",
            "validation",
            "delivery",
            "acknowledgment",
            "outcome",
        ]);
        for file in files {
            let mut inside: Vec<Option<&DocumentRow>> =
                self.documents.iter().filter(|document| document.file_id == file.id).map(Some).collect();
            inside.sort_by_key(|document| document.map(|document| document.ordinal));
            if inside.is_empty() {
                inside.push(None);
            }
            for (index, document) in inside.into_iter().enumerate() {
                let first = index == 0;
                let once = |text: String| if first { text } else { String::new() };
                let partner = file.partner_id.as_deref().unwrap_or(&file.channel);
                let arrow = if file.direction == Direction::Inbound { "from" } else { "to" };
                table.add_row(vec![
                    once(file.name.clone()),
                    once(format!("{arrow} {partner}")),
                    document.map_or_else(String::new, |document| document.kind.replace('_', " ")),
                    document.and_then(|document| document.business_number.clone()).unwrap_or_default(),
                    document.map_or_else(String::new, |document| {
                        document.validation.to_string().replace('_', " ")
                    }),
                    once(self.delivery(file)),
                    document.map_or_else(String::new, |document| self.acknowledgment(document)),
                    outcome(file, document),
                ]);
            }
        }
        table
    }

    /// Where the bytes of an outbound file are.
    fn delivery(&self, file: &FileRow) -> String {
        let sent = self.packed.get(&file.id).unwrap_or(&file.id);
        let Some(delivery) = self.deliveries.iter().find(|delivery| delivery.file_id == *sent) else {
            return String::new();
        };
        let id = delivery.response_id.as_ref().map(|id| format!(" as {id}")).unwrap_or_default();
        let tries =
            if delivery.attempts > 1 { format!(", try {}", delivery.attempts) } else { String::new() };
        let error = delivery.last_error.as_ref().filter(|_| delivery.state != DeliveryState::Delivered);
        let error = error.map(|error| format!(": {error}")).unwrap_or_default();
        format!("{}{id}{tries}{error}", delivery.state)
    }

    /// Of what we sent: what came back. Of what came: how we answered it.
    fn acknowledgment(&self, document: &DocumentRow) -> String {
        if document.direction == Direction::Outbound {
            return match document.acknowledgment {
                AcknowledgmentState::None => String::new(),
                state => state.to_string().replace('_', " "),
            };
        }
        let answer = self.documents.iter().find(|answer| {
            answer.direction == Direction::Outbound
                && answer.functional_id.as_deref() == Some("FA")
                && answer.partner_id == document.partner_id
                && answer.business_number.is_some()
                && answer.business_number == document.interchange_control_number
        });
        answer.filter(|_| document.functional_id.as_deref() != Some("FA")).map_or_else(
            String::new,
            |answer| {
                let delivered = answer.delivery == DeliveryState::Delivered;
                format!("{} {}", answer.kind, if delivered { "sent" } else { "on its way" })
            },
        )
    }
}

fn outcome(file: &FileRow, document: Option<&DocumentRow>) -> String {
    let reason = match document {
        Some(document) if !document.business_reason.is_empty() => &document.business_reason,
        // The file's reason is that of its refused documents.
        Some(document)
            if document.validation != Validation::Rejected && file.state != FileState::Quarantined =>
        {
            ""
        }
        _ => file.reason.as_str(),
    };
    let state = match (file.direction, document.map(|document| document.business)) {
        (Direction::Outbound, _) => String::new(),
        (Direction::Inbound, Some(Business::Waiting)) => "waits".to_owned(),
        (Direction::Inbound, Some(Business::Exception)) => "exception".to_owned(),
        (Direction::Inbound, _) => file.state.to_string(),
    };
    [state.as_str(), reason].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
}

async fn print_open(store: &Store, partner: Option<&str>) -> anyhow::Result<()> {
    let partner = partner.map(str::to_owned);
    let filter = AcknowledgmentFilter { partner_id: partner.clone(), ..AcknowledgmentFilter::default() };
    let awaited = store.list_expected_acknowledgments(&filter, 1_000).await?;
    let open = awaited.iter().filter(|expected| {
        matches!(
            expected.state,
            AcknowledgmentState::Awaited
                | AcknowledgmentState::Overdue
                | AcknowledgmentState::Rejected
                | AcknowledgmentState::PartiallyAccepted
        )
    });
    let mut acknowledgments = table(&["awaited from", "what", "group", "due", "state"]);
    for expected in open {
        acknowledgments.add_row(vec![
            expected.partner_id.clone(),
            expected.level.clone(),
            if expected.group_control == 0 {
                String::new()
            } else {
                format!("{} {}", expected.functional_id, expected.group_control)
            },
            time(expected.due_at),
            expected.state.to_string().replace('_', " "),
        ]);
    }
    match acknowledgments.row_count() {
        0 => println!("\nNo acknowledgment is open."),
        _ => println!("\nAcknowledgments open\n{acknowledgments}"),
    }
    let filter = ExpectedDocumentFilter {
        open: true,
        partner_id: partner.clone(),
        ..ExpectedDocumentFilter::default()
    };
    let mut documents = table(&["document awaited", "of", "for", "due", "state"]);
    for expected in store.list_expected_documents(&filter, 1_000).await? {
        let whom =
            if expected.ours { format!("us, for {}", expected.partner_id) } else { expected.partner_id };
        documents.add_row(vec![
            expected.document.replace('_', " "),
            whom,
            format!("{} {}", expected.number_kind.replace('_', " "), expected.raw),
            time(expected.due_at),
            expected.state.to_string(),
        ]);
    }
    if documents.row_count() > 0 {
        println!("\nDocuments that must follow\n{documents}");
    }
    print_waiting(store, partner.as_deref()).await?;
    print_untaken(store, partner.as_deref()).await?;
    print_numbers(store).await?;
    let filter = ExceptionFilter {
        state: Some(ExceptionState::Open),
        partner_id: partner,
        ..ExceptionFilter::default()
    };
    let mut differences = table(&["difference", "from", "order", "line", "amount", "what"]);
    for exception in store.list_exceptions(&filter, 1_000).await? {
        let amount =
            exception.amount.map(|amount| format!("{amount:.2} {}", exception.currency.unwrap_or_default()));
        differences.add_row(vec![
            exception.kind.replace('_', " "),
            exception.partner_id.unwrap_or_default(),
            exception.purchase_order_number.or(exception.order_number).unwrap_or_default(),
            exception.line.unwrap_or_default(),
            amount.unwrap_or_default(),
            exception.message,
        ]);
    }
    match differences.row_count() {
        0 => println!("\nNo difference is open."),
        _ => println!("\nDifferences open\n{differences}"),
    }
    let mut held = table(&["held", "what", "tries", "why"]);
    for state in [JobState::Held, JobState::Failed] {
        let filter = JobFilter { state: Some(state), ..JobFilter::default() };
        for job in store.list_job_overviews(&filter, 100).await? {
            held.add_row(vec![
                job.kind.to_string(),
                job.subject.unwrap_or_else(|| job.subject_id.to_string()),
                job.attempts.to_string(),
                job.last_error.unwrap_or_default(),
            ]);
        }
    }
    if held.row_count() > 0 {
        println!("\nHeld for a person\n{held}");
    }
    Ok(())
}

/// Prints what waits to be sent together, if anything does.
pub(super) async fn print_waiting(store: &Store, partner: Option<&str>) -> anyhow::Result<()> {
    let mut waiting = table(&["waits to be sent to", "document", "of", "documents", "since", "goes"]);
    for batch in store.list_batches(partner, None).await? {
        let of = [&batch.key.agreement, &batch.key.by_value];
        let of: Vec<&str> = of.into_iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
        waiting.add_row(vec![
            format!("{}/{}", batch.key.partner_id, batch.key.channel),
            batch.key.document.replace('_', " "),
            of.join(", "),
            batch.count.to_string(),
            time(batch.since),
            batch.due_at.map_or_else(|| "when it is full".to_owned(), time),
        ]);
    }
    if waiting.row_count() > 0 {
        println!("\nSent together\n{waiting}");
    }
    Ok(())
}

/// Prints what lies in partners' folders and is not taken, if anything does.
async fn print_untaken(store: &Store, partner: Option<&str>) -> anyhow::Result<()> {
    let mut untaken = table(&["not taken from", "file", "since", "why"]);
    for row in store.list_untaken(partner, 1_000).await? {
        untaken.add_row(vec![row.channel, row.name, time(row.first_seen_at), row.why]);
    }
    if untaken.row_count() > 0 {
        println!("\nLies in partners' folders\n{untaken}");
    }
    Ok(())
}

/// Counters whose range is nearly used up.
const NEARLY: f64 = 0.95;

/// Prints counters of control numbers that soon begin again, if any do.
async fn print_numbers(store: &Store) -> anyhow::Result<()> {
    let mut ending = table(&["counter", "next", "last of the range", "left", "ends"]);
    for counter in store.list_counters(NEARLY).await? {
        let left = counter.maximum - counter.next + 1;
        ending.add_row(vec![
            counter.scope.clone(),
            counter.next.to_string(),
            counter.maximum.to_string(),
            left.to_string(),
            in_days(counter.days_left()),
        ]);
    }
    if ending.row_count() > 0 {
        println!("\nControl numbers that soon begin again; `crossdock numbers` says whose\n{ending}");
    }
    Ok(())
}

/// When something ends that is so many days away.
pub(super) fn in_days(days: Option<f64>) -> String {
    match days {
        None => String::new(),
        Some(days) if days < 1.0 => "today".to_owned(),
        Some(days) if days < 3_650.0 => format!("in about {days:.0} days"),
        Some(_) => "in more than 10 years".to_owned(),
    }
}

/// A table that fits the terminal; wide cells are wrapped.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
    // Where there is no terminal, lines of this width suit mails and tickets.
    if table.width().is_none() {
        table.set_width(150);
    }
    table.set_header(header.iter().copied());
    table
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}
