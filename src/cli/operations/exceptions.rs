//! `exceptions`: what a person must settle, whose it is, and since when.

use super::super::exit;
use super::{act, naming, output};
use crate::clock::Clock;
use crate::config::Config;
use crate::pipeline::{Agreements, settling};
use crate::store::{
    AuditEvent, AuditFilter, Decision, ExceptionFilter, ExceptionRow, ExceptionState, Noun, Store,
};
use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;
use std::process::ExitCode;

/// What to list, or what to do with one.
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
    /// The latest first; without `--status` those that are open
    List(List),
    /// One exception with its figures and all that was done about it
    Show(Show),
    /// Settle one, with the reason; both stay in the audit
    Settle(Settle),
    /// Give one to somebody
    Assign(Assign),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only this partner's
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// Of this reason, such as `quantity_short_shipped`
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// About this order or purchase order
    #[arg(long, value_name = "NUMBER")]
    number: Option<String>,
    /// Only what this person looks after
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// open or settled
    #[arg(long, value_name = "STATE", default_value_t = ExceptionState::Open)]
    status: ExceptionState,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: i64,
    /// JSON for machines
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// Its id, or the first eight digits
    #[arg(value_name = "ID")]
    id: String,
    /// JSON for machines
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Settle {
    /// Their ids, or the first eight digits of each
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    /// What becomes of the money of a difference: approve, short_pay, hold, ask_credit; reports tell the ERP
    #[arg(long, value_name = "WORD")]
    decision: Option<Decision>,
    #[command(flatten)]
    who: act::Who,
}

#[derive(Debug, clap::Args)]
struct Assign {
    /// Its id, or the first eight digits
    #[arg(value_name = "ID")]
    id: String,
    /// Who looks after it from now on
    #[arg(value_name = "NAME")]
    owner: String,
    #[command(flatten)]
    who: act::Who,
}

/// An exception with whom it belongs to and how old it is.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    #[serde(flatten)]
    pub(super) row: ExceptionRow,
    pub(super) in_charge: String,
    age_hours: i64,
}

#[derive(Debug, Serialize)]
struct Detail {
    #[serde(flatten)]
    shown: Shown,
    audit: Vec<AuditEvent>,
}

pub(super) async fn run(config: &Config, store: &Store, arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.action.unwrap_or(Action::List(arguments.list)) {
        Action::List(list) => self::list(config, store, list).await?,
        Action::Show(show) => self::show(config, store, &show).await?,
        Action::Settle(settle) => return self::settle(store, &settle).await,
        Action::Assign(assign) => return self::assign(config, store, &assign).await,
    }
    Ok(ExitCode::from(exit::DONE))
}

async fn list(config: &Config, store: &Store, list: List) -> anyhow::Result<()> {
    let filter = ExceptionFilter {
        state: Some(list.status),
        partner_id: list.partner,
        kind: list.reason,
        number: list.number,
        ..ExceptionFilter::default()
    };
    let owners = owners(config);
    let now = Clock::System.now();
    // Who is in charge stands in the profiles, so the list is cut when that is known.
    let most = if list.owner.is_some() { i64::MAX } else { list.limit };
    let found = store.list_exceptions(&filter, most).await?;
    let found: Vec<Shown> = found
        .into_iter()
        .map(|row| shown(row, &owners, now))
        .filter(|shown| list.owner.as_ref().is_none_or(|owner| shown.in_charge == *owner))
        .take(usize::try_from(list.limit).unwrap_or(0))
        .collect();
    let header = ["id", "age", "reason", "partner", "order", "line", "amount", "owner", "what"];
    let what = if list.status == ExceptionState::Open { "open exception" } else { "settled exception" };
    output::list(&found, list.json, what, &header, |shown| {
        let row = &shown.row;
        vec![
            naming::short(row.id),
            age(row.first_seen_at, row.settled_at.unwrap_or(now)),
            output::words(&row.kind),
            row.partner_id.clone().unwrap_or_default(),
            row.order_number.clone().or_else(|| row.purchase_order_number.clone()).unwrap_or_default(),
            row.line.clone().unwrap_or_default(),
            amount(row),
            shown.in_charge.clone(),
            row.message.clone(),
        ]
    })
}

async fn show(config: &Config, store: &Store, show: &Show) -> anyhow::Result<()> {
    let row = find(store, &show.id).await?;
    let audit = store
        .list_audit_events(&AuditFilter { subject_id: Some(row.id), ..AuditFilter::default() }, 100)
        .await?;
    let now = Clock::System.now();
    let detail = Detail { shown: shown(row, &owners(config), now), audit };
    if show.json {
        return output::json(&detail);
    }
    let row = &detail.shown.row;
    let mut page = output::Page::default();
    page.line(0, format!("exception {}: {}", naming::short(row.id), output::words(&row.kind)));
    page.line(1, &row.message);
    page.field(1, "partner", row.partner_id.as_deref().unwrap_or_default());
    page.field(1, "order", row.order_number.as_deref().unwrap_or_default());
    page.field(1, "purchase order", row.purchase_order_number.as_deref().unwrap_or_default());
    page.field(1, "line", row.line.as_deref().unwrap_or_default());
    page.field(1, "amount", amount(row));
    page.field(1, "owner", &detail.shown.in_charge);
    if let Some(at) = row.escalated_at {
        page.field(1, "escalated", output::time(at));
    }
    page.field(1, "first seen", output::time(row.first_seen_at));
    match row.settled_at {
        None => page.line(1, format!("open for {}", age(row.first_seen_at, now))),
        Some(at) => page.line(
            1,
            format!(
                "settled {} by {}{}: {}",
                output::time(at),
                row.settled_by.as_deref().unwrap_or_default(),
                row.decision
                    .map(|decision| format!(" ({})", decision.as_str().replace('_', " ")))
                    .unwrap_or_default(),
                row.settled_reason
            ),
        ),
    }
    for figure in row.evidence.as_array().map(Vec::as_slice).unwrap_or_default() {
        let text = |name: &str| match figure.get(name) {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(serde_json::Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        let place = match text("segment_position").as_str() {
            "" => String::new(),
            position => format!(", segment {position}"),
        };
        let document = text("document");
        let document = document.split('-').next().unwrap_or_default();
        page.line(1, format!("{}: {} (document {document}{place})", text("name"), text("value")));
    }
    if let Some(document) = row.document_id {
        page.line(1, format!("more: crossdock documents show {}", naming::short(document)));
    }
    for event in &detail.audit {
        page.line(
            1,
            format!("{} {} by {}: {}", output::time(event.at), event.action, event.actor, event.reason),
        );
    }
    page.print()
}

async fn settle(store: &Store, settle: &Settle) -> anyhow::Result<ExitCode> {
    let mut code = exit::DONE;
    for id in &settle.ids {
        let row = find(store, id).await?;
        let done =
            settling::settle(store, &row, settle.decision, &settle.who.wish(), Clock::System.now()).await;
        code = code.max(act::told(done, "it is closed")?);
    }
    Ok(ExitCode::from(code))
}

async fn assign(config: &Config, store: &Store, assign: &Assign) -> anyhow::Result<ExitCode> {
    let before = shown(find(store, &assign.id).await?, &owners(config), Clock::System.now());
    let hands = (before.in_charge.as_str(), assign.owner.as_str());
    let done = settling::assign(store, &before.row, hands, &assign.who.wish()).await;
    Ok(ExitCode::from(act::told(done, &format!("it is {}'s now", output::plain(&assign.owner)))?))
}

async fn find(store: &Store, typed: &str) -> anyhow::Result<ExceptionRow> {
    let id = naming::find(store, Noun::Exception, typed).await?;
    let filter = ExceptionFilter { id: Some(id), ..ExceptionFilter::default() };
    let found = store.list_exceptions(&filter, 1).await?;
    found.into_iter().next().context("the exception was there a moment ago")
}

/// Whom each partner's profile names, and under `partner/agreement` whom the agreement does. Without sound profiles nobody is named.
pub(super) fn owners(config: &Config) -> BTreeMap<String, String> {
    let Ok(agreements) = Agreements::load(config) else { return BTreeMap::new() };
    let mut owners = BTreeMap::new();
    for profile in agreements.profiles.list() {
        owners.extend(profile.owner.clone().map(|owner| (profile.id.clone(), owner)));
        for agreement in &profile.agreements {
            let key = format!("{}/{}", profile.id, agreement.id);
            owners.extend(agreement.owner.clone().map(|owner| (key, owner)));
        }
    }
    owners
}

pub(super) fn shown(row: ExceptionRow, owners: &BTreeMap<String, String>, now: DateTime<Utc>) -> Shown {
    let of_agreement = row.partner_id.as_ref().zip(row.agreement.as_ref());
    let of_agreement = of_agreement.and_then(|(partner, id)| owners.get(&format!("{partner}/{id}")));
    let of_partner = of_agreement.or_else(|| owners.get(row.partner_id.as_ref()?));
    Shown {
        in_charge: row.owner.clone().or_else(|| of_partner.cloned()).unwrap_or_else(|| "nobody".to_owned()),
        age_hours: (row.settled_at.unwrap_or(now) - row.first_seen_at).num_hours(),
        row,
    }
}

pub(super) fn age(since: DateTime<Utc>, until: DateTime<Utc>) -> String {
    crate::acks::told((until - since).max(chrono::TimeDelta::zero()))
}

fn amount(row: &ExceptionRow) -> String {
    let currency = row.currency.as_deref().unwrap_or_default();
    row.amount.map(|amount| format!("{amount:.2} {currency}")).unwrap_or_default()
}
