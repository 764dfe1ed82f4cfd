//! `documents`: the business papers inside files, with their four statuses.

use super::files::{Page, Show};
use super::{lineage, naming, output};
use crate::store::{
    AcknowledgmentState, Business, Direction, DocumentFilter, DocumentRow, Noun, Store, Validation,
};
use anyhow::Context as _;

/// What to list, or which one to show.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// The latest first
    List(List),
    /// One document with where it came from and all that came of it
    Show(Show),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only this partner's
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// Only those of this agreement of the partner's profile
    #[arg(long, value_name = "ID")]
    agreement: Option<String>,
    /// With this number: its own, the purchase order's or the order's
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// Of this kind: `850`, `997`, `shipping_order`
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// inbound or outbound
    #[arg(long, value_name = "WORD")]
    direction: Option<Direction>,
    /// accepted, accepted_with_errors or rejected
    #[arg(long, value_name = "STATE")]
    validation: Option<Validation>,
    /// none, awaited, accepted, accepted_with_errors, partially_accepted, rejected or overdue
    #[arg(long, value_name = "STATE")]
    acknowledgment: Option<AcknowledgmentState>,
    /// What it led to: open, waiting, settled or exception
    #[arg(long, value_name = "STATE")]
    status: Option<Business>,
    #[command(flatten)]
    page: Page,
}

pub(super) async fn run(store: &Store, arguments: Arguments) -> anyhow::Result<()> {
    match arguments.action.unwrap_or(Action::List(arguments.list)) {
        Action::Show(show) => self::show(store, &show).await,
        Action::List(list) => self::list(store, list).await,
    }
}

async fn list(store: &Store, list: List) -> anyhow::Result<()> {
    let filter = DocumentFilter {
        direction: list.direction,
        partner_id: list.partner,
        agreement: list.agreement,
        kind: list.kind,
        number: list.number,
        validation: list.validation,
        acknowledgment: list.acknowledgment,
        business: list.status,
        since: list.page.since,
        before: list.page.until,
        ..DocumentFilter::default()
    };
    let found = store.list_documents(&filter, list.page.limit).await?;
    let header = [
        "id",
        "at",
        "partner",
        "document",
        "number",
        "purchase order",
        "validation",
        "delivery",
        "acknowledgment",
        "business",
    ];
    output::list(&found, list.page.json, "document", &header, |document| {
        let business = output::words(document.business);
        let why = &document.business_reason;
        vec![
            naming::short(document.id),
            output::time(document.received_at),
            lineage::side(document.direction, &whose(document)),
            output::words(&document.kind),
            document.business_number.clone().unwrap_or_default(),
            document.purchase_order_number.clone().unwrap_or_default(),
            output::words(document.validation),
            output::words(document.delivery),
            output::words(document.acknowledgment),
            if why.is_empty() { business } else { format!("{business}: {why}") },
        ]
    })
}

/// The partner, and the agreement with it where there is one.
fn whose(document: &DocumentRow) -> String {
    let partner = document.partner_id.as_deref().unwrap_or("nobody known");
    match &document.agreement {
        Some(agreement) => format!("{partner}, {agreement}"),
        None => partner.to_owned(),
    }
}

async fn show(store: &Store, show: &Show) -> anyhow::Result<()> {
    let id = naming::find(store, Noun::Document, &show.id).await?;
    let row = store.find_document(id).await?.context("the document was there a moment ago")?;
    let bytes = if show.body { Some(store.load_file(row.file_id).await?.bytes) } else { None };
    // A document's body is its own part of the file.
    let own = bytes.as_deref().map(|bytes| {
        let range = usize::try_from(row.byte_start).ok().zip(usize::try_from(row.byte_end).ok());
        let part = range.filter(|(start, end)| start < end).and_then(|(start, end)| bytes.get(start..end));
        part.unwrap_or(bytes)
    });
    let lineage = lineage::of_document(store, row).await?;
    lineage::print_document(&lineage, own, show.json)
}
