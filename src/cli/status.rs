//! `status`: the state of the day at a glance.
#![expect(clippy::print_stdout, reason = "commands speak to people")]

use super::exit;
use crate::config::Config;
use crate::store::{
    AcknowledgmentFilter, AcknowledgmentState, DeliveryFilter, DeliveryState, Direction, DocumentFilter,
    DocumentRow, ExceptionFilter, ExceptionState, FileFilter, FileRow, FileState, JobState, Store,
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
    let inbound = FileFilter {
        direction: Some(Direction::Inbound),
        partner_id: partner.clone(),
        ..FileFilter::default()
    };
    let mut files = store.list_files(&inbound, limit).await?;
    files.sort_by_key(|file| (file.received_at, file.name.clone()));
    let documents = store
        .list_documents(&DocumentFilter { partner_id: partner.clone(), ..DocumentFilter::default() }, 5_000)
        .await?;
    println!("\nReceived");
    println!("{}", received(&files, &documents));
    let outbound = FileFilter {
        direction: Some(Direction::Outbound),
        partner_id: partner.clone(),
        ..FileFilter::default()
    };
    let mut sent = store.list_files(&outbound, limit).await?;
    sent.sort_by_key(|file| (file.received_at, file.name.clone()));
    let deliveries = store
        .list_deliveries(&DeliveryFilter { partner_id: partner.clone(), ..DeliveryFilter::default() }, 5_000)
        .await?;
    if !sent.is_empty() {
        let by_file: BTreeMap<Uuid, _> =
            deliveries.iter().map(|delivery| (delivery.file_id, delivery)).collect();
        let mut table = table(&["file", "to", "document", "number", "delivery", "acknowledgment"]);
        for file in &sent {
            let inside: Vec<&DocumentRow> =
                documents.iter().filter(|document| document.file_id == file.id).collect();
            let delivery = by_file.get(&file.id).map_or_else(String::new, |delivery| {
                let id = delivery.response_id.as_ref().map(|id| format!(" as {id}")).unwrap_or_default();
                let error =
                    delivery.last_error.as_ref().filter(|_| delivery.state != DeliveryState::Delivered);
                let error = error.map(|error| format!(": {error}")).unwrap_or_default();
                format!("{}{id}{error}", delivery.state)
            });
            table.add_row(vec![
                file.name.clone(),
                file.partner_id.clone().unwrap_or_default(),
                words(inside.iter().map(|document| document.kind.as_str())),
                words(inside.iter().filter_map(|document| document.business_number.as_deref())),
                delivery,
                words(inside.iter().map(|document| acknowledgment(document))),
            ]);
        }
        println!("\nSent\n{table}");
    }
    print_open(store, partner.as_deref()).await
}

fn received(files: &[FileRow], documents: &[DocumentRow]) -> Table {
    let mut table = table(&["file", "sender", "document", "number", "validation", "outcome"]);
    for file in files {
        let mut inside: Vec<&DocumentRow> =
            documents.iter().filter(|document| document.file_id == file.id).collect();
        inside.sort_by_key(|document| document.ordinal);
        let sender = file.partner_id.clone().unwrap_or_else(|| file.channel.clone());
        if inside.is_empty() {
            table.add_row(vec![
                file.name.clone(),
                sender.clone(),
                String::new(),
                String::new(),
                String::new(),
                outcome(file, None),
            ]);
        }
        for (index, document) in inside.iter().enumerate() {
            let first = index == 0;
            table.add_row(vec![
                if first { file.name.clone() } else { String::new() },
                if first { sender.clone() } else { String::new() },
                document.kind.clone(),
                document.business_number.clone().unwrap_or_default(),
                document.validation.to_string().replace('_', " "),
                outcome(file, Some(document)),
            ]);
        }
    }
    table
}

fn outcome(file: &FileRow, document: Option<&DocumentRow>) -> String {
    let of_file = match file.state {
        FileState::Processed => String::new(),
        state => state.to_string(),
    };
    let rejected = document.is_some_and(|document| document.validation == crate::store::Validation::Rejected);
    let reason = match document {
        Some(document) if !document.business_reason.is_empty() => document.business_reason.clone(),
        Some(_) if !rejected && file.state == FileState::Processed => String::new(),
        _ => file.reason.clone(),
    };
    let text = [of_file, reason].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(": ");
    if text.is_empty() { "processed".to_owned() } else { text }
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
            format!("{} {}", expected.functional_id, expected.group_control),
            time(expected.due_at),
            expected.state.to_string().replace('_', " "),
        ]);
    }
    match acknowledgments.row_count() {
        0 => println!("\nNo acknowledgment is open."),
        _ => println!("\nAcknowledgments open\n{acknowledgments}"),
    }
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
    let mut held = Vec::new();
    for state in [JobState::Held, JobState::Failed] {
        held.extend(store.list_jobs(state, 100).await?);
    }
    if !held.is_empty() {
        let mut table = table(&["held", "of", "tries", "why"]);
        for job in held {
            let why = job.last_error.unwrap_or_default();
            table.add_row(vec![
                job.kind.to_string(),
                job.subject_id.to_string(),
                job.attempts.to_string(),
                why,
            ]);
        }
        println!("\nHeld for a person\n{table}");
    }
    Ok(())
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

fn acknowledgment(document: &DocumentRow) -> &str {
    match document.acknowledgment {
        AcknowledgmentState::None => "",
        state => state.as_str(),
    }
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut seen: Vec<String> = Vec::new();
    for word in words.filter(|word| !word.is_empty()) {
        let word = word.replace('_', " ");
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen.join(", ")
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}
