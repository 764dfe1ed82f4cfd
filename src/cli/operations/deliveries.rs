//! `deliveries`: frozen bytes on their way, with every try of them.

use super::super::status::print_waiting;
use super::files::{Page, Show};
use super::{lineage, naming, output};
use crate::store::{DeliveryFilter, DeliveryState, Noun, Store};
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
    /// One delivery with every try, what it carries and what was answered
    Show(Show),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only to this partner
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// With documents of this number: their own, the purchase order's or the order's
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// ready, sending, delivered, unknown, held or cancelled
    #[arg(long, value_name = "STATE")]
    status: Option<DeliveryState>,
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
    let (partner, json) = (list.partner.clone(), list.page.json);
    let filter = DeliveryFilter {
        partner_id: list.partner,
        state: list.status,
        number: list.number,
        since: list.page.since,
        before: list.page.until,
        ..DeliveryFilter::default()
    };
    let found = store.list_deliveries(&filter, list.page.limit).await?;
    let header = ["id", "composed", "to", "what", "as", "state", "tries", "why"];
    output::list(&found, list.page.json, "delivery", &header, |delivery| {
        vec![
            naming::short(delivery.id),
            output::time(delivery.created_at),
            delivery.channel.clone(),
            output::words(delivery.kind),
            delivery.target.clone(),
            output::words(delivery.state),
            delivery.attempts.to_string(),
            delivery.last_error.clone().unwrap_or_default(),
        ]
    })?;
    // What waits for others is no delivery yet.
    if json { Ok(()) } else { print_waiting(store, partner.as_deref()).await }
}

async fn show(store: &Store, show: &Show) -> anyhow::Result<()> {
    let id = naming::find(store, Noun::Delivery, &show.id).await?;
    let row = store.find_delivery(id).await?.context("the delivery was there a moment ago")?;
    let bytes = if show.body { Some(store.load_file(row.file_id).await?.bytes) } else { None };
    let documents = store.list_delivered(&[id]).await?.remove(&id).unwrap_or_default();
    let lineage = lineage::of_delivery(store, row, &documents).await?;
    lineage::print_delivery(&lineage, bytes.as_deref(), show.json)
}
