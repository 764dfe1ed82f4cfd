//! `audit`: what people did, and whether anybody has changed the record of it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "commands speak to people")]

use super::super::exit;
use super::files::Page;
use super::{Refusal, naming, output};
use crate::ids::short;
use crate::store::{AuditFilter, AuditHead, Noun, Store};
use std::process::ExitCode;

/// What to list, or to verify.
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
    /// Read the whole chain and see that no row was changed or taken out
    Verify(Verify),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only about this file, document or delivery
    #[arg(long, value_name = "ID")]
    about: Option<String>,
    /// Only by this person
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Only this verb, such as release or resend
    #[arg(long, value_name = "VERB")]
    action: Option<String>,
    #[command(flatten)]
    page: Page,
}

#[derive(Debug, clap::Args)]
struct Verify {
    /// A head that was noted earlier, as `ROW:HASH`: without it a chain cut at its end looks sound
    #[arg(long, value_name = "ROW:HASH")]
    head: Option<String>,
}

pub(super) async fn run(store: &Store, arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.action.unwrap_or(Action::List(arguments.list)) {
        Action::List(list) => self::list(store, list).await.map(|()| ExitCode::from(exit::DONE)),
        Action::Verify(verify) => self::verify(store, verify.head.as_deref()).await,
    }
}

async fn list(store: &Store, list: List) -> anyhow::Result<()> {
    let subject_id = match &list.about {
        Some(typed) => {
            let nouns = [Noun::File, Noun::Document, Noun::Delivery];
            Some(naming::find_any(store, &nouns, typed).await?.1)
        }
        None => None,
    };
    let filter = AuditFilter {
        subject_id,
        actor: list.by,
        action: list.action,
        since: list.page.since,
        before: list.page.until,
    };
    let found = store.list_audit_events(&filter, list.page.limit).await?;
    let header = ["row", "at", "who", "did", "to", "id", "why"];
    output::list(&found, list.page.json, "such deed", &header, |event| {
        let account = event.detail.get("account").and_then(|account| account.as_str());
        let who = match account {
            Some(account) if account != event.actor => format!("{} (as {account})", event.actor),
            _ => event.actor.clone(),
        };
        vec![
            event.seq.to_string(),
            output::time(event.at),
            who,
            output::words(&event.action),
            event.subject.clone(),
            event.subject_id.map(short).unwrap_or_default(),
            event.reason.clone(),
        ]
    })
}

async fn verify(store: &Store, head: Option<&str>) -> anyhow::Result<ExitCode> {
    let mut heads = store.list_audit_heads().await?;
    let kept = heads.len();
    heads.extend(head.map(parse_head).transpose()?);
    match store.verify_audit(&heads).await? {
        Ok(head) if head.seq == 0 => {
            println!("the audit is empty");
            Ok(ExitCode::from(exit::DONE))
        }
        Ok(head) => {
            let heads = if kept == 1 { "the 1 head".to_owned() } else { format!("the {kept} heads") };
            println!("the audit is sound: {} rows, and {heads} that the archive keeps", head.seq);
            println!("note this head elsewhere, for `--head` next time: {head}");
            Ok(ExitCode::from(exit::DONE))
        }
        Err(fault) => {
            eprintln!(
                "the audit is NOT sound: {fault}; hint: compare with the last backup in which it was, and ask who may write to the database"
            );
            Ok(ExitCode::from(exit::FINDINGS))
        }
    }
}

fn parse_head(typed: &str) -> anyhow::Result<AuditHead> {
    let wrong =
        || Refusal::usage(format!("`{typed}` is no head"), "write it as `crossdock audit verify` told it");
    let (seq, hash) = typed.split_once(':').ok_or_else(wrong)?;
    AuditHead::parse(seq, hash).ok_or_else(wrong)
}
