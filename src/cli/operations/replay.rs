//! `replay`: what reading again would change, and the same carried out.

use super::super::exit;
use super::act::{told, wish};
use super::{Refusal, naming, output};
use crate::ids::short;
use crate::pipeline::Hub;
use crate::pipeline::operate::Unmade;
use crate::pipeline::replay::{self, Apply, Change, Made, Replay, Target, Which};
use crate::store::{Direction, DocumentRow, Noun};
use anyhow::Context as _;
use std::process::ExitCode;

/// Changes of one thing that are shown.
const MOST_SHOWN: usize = 40;

/// What to read again, and what to do with it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// A file or document that came, or a document of ours, which is made anew of what it was made of: its id, or the first
    /// eight digits
    #[arg(value_name = "ID")]
    id: String,
    /// By the profile in force, or by the one that read it then
    #[arg(long, value_name = "VERSION", default_value = "current", value_parser = ["current", "original"])]
    profile: String,
    /// Carry it out: revise records that differ, do what was not done then; what was sent stays sent
    #[arg(long, requires = "reason")]
    apply: bool,
    /// Carry it out, and make and send anew what follows from it, with new control numbers
    #[arg(long, requires = "reason", conflicts_with = "apply")]
    issue_new: bool,
    /// Why, for whoever reads the audit in a year
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Who; without it the account that runs the command
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// A name for this wish: the same one again is not done again, however much later
    #[arg(long, value_name = "NAME")]
    request: Option<String>,
    /// JSON for machines
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(hub: &Hub, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (noun, id) = naming::find_any(&hub.store, &[Noun::File, Noun::Document], &arguments.id).await?;
    let target = match noun {
        Noun::Document => {
            let document =
                hub.store.find_document(id).await?.context("the document was there a moment ago")?;
            target(hub, document).await?
        }
        _ => Target { file: id, document: None, made: None },
    };
    let which = if arguments.profile == "original" { Which::Original } else { Which::Current };
    let does = match (arguments.apply, arguments.issue_new) {
        (false, false) => None,
        (true, _) => Some(Apply::Revise),
        (_, true) => Some(Apply::IssueNew),
    };
    if let (Some(does), Some(reason)) = (does, &arguments.reason) {
        if which == Which::Original {
            return Err(Refusal::usage(
                "only the profile in force is carried out",
                "leave out `--profile original`, or put the earlier profile in force first",
            ));
        }
        let wish = wish(arguments.by.as_deref(), reason, arguments.request.as_deref());
        let after = match does {
            Apply::Revise => "its records are what was read now; what was sent before stays sent",
            Apply::IssueNew => "what follows from it goes out anew as soon as a hub runs",
        };
        return told(replay::apply(hub, target, does, &wish).await, after).map(ExitCode::from);
    }
    match replay::replay(hub, target, which).await {
        Ok(replay) if arguments.json => output::json(&replay)?,
        Ok(replay) => print(&replay, &arguments.id)?,
        Err(Unmade::Refused(refusal)) => {
            return Err(Refusal { message: refusal.message, hint: refusal.hint, code: exit::FINDINGS }.into());
        }
        Err(Unmade::Failed(error)) => return Err(error.into()),
    }
    Ok(ExitCode::from(exit::DONE))
}

/// Of a document of ours what it was made of is read again, and only it goes anew.
async fn target(hub: &Hub, document: DocumentRow) -> anyhow::Result<Target> {
    let source = document.source_document_id.filter(|_| document.direction == Direction::Outbound);
    let source = match source {
        Some(source) => hub.store.find_document(source).await?,
        None => None,
    };
    Ok(match (source, document.partner_id) {
        (Some(source), Some(partner)) => {
            Target { file: source.file_id, document: Some(source.id), made: Some((partner, document.kind)) }
        }
        _ => Target { file: document.file_id, document: Some(document.id), made: None },
    })
}

fn print(replay: &Replay, typed: &str) -> anyhow::Result<()> {
    let mut page = output::Page::default();
    page.line(
        0,
        format!("file {}: {}, read again; nothing was changed", short(replay.file.id), replay.file.name),
    );
    if let Some(reason) = &replay.quarantined {
        page.line(0, format!("it would be kept aside: {reason}"));
    }
    for document in &replay.documents {
        let number = if document.number.is_empty() { String::new() } else { format!(" {}", document.number) };
        page.line(0, format!("document {}: {}{number}", short(document.id), output::words(&document.kind)));
        let judged =
            |state: Option<crate::store::Validation>| state.map_or("not found".to_owned(), output::words);
        if document.before == document.after {
            page.line(1, format!("{}, as it was then", judged(document.after)));
        } else {
            page.line(1, format!("was {}, would be {}", judged(document.before), judged(document.after)));
        }
        for remark in &document.remarks {
            page.line(1, remark);
        }
        if document.fields.is_empty() {
            page.line(1, "record: the same");
        } else {
            page.line(1, format!("record: {} fields differ", document.fields.len()));
            changes(&mut page, &document.fields);
        }
        document.made.iter().for_each(|made| self::made(&mut page, 1, made));
    }
    for answer in &replay.answers {
        made(&mut page, 0, answer);
    }
    if replay.differs() {
        page.line(0, "");
        page.line(
            0,
            format!(
                "to carry it out: crossdock replay {typed} --apply --reason \"…\"; what was sent stays sent"
            ),
        );
        page.line(0, format!("to send anew as well: crossdock replay {typed} --issue-new --reason \"…\""));
    } else {
        page.line(0, "nothing differs");
    }
    page.print()
}

fn made(page: &mut output::Page, depth: usize, made: &Made) {
    let what = format!("{} to {}", output::words(&made.kind), made.to);
    match (made.document, made.now) {
        (Some(then), true) if made.changes.is_empty() => {
            page.line(depth, format!("{what}: the same as document {}", short(then)));
        }
        (Some(then), true) => {
            page.line(
                depth,
                format!("{what}: differs from document {}, which was made then and stays", short(then)),
            );
        }
        (Some(then), false) => {
            page.line(
                depth,
                format!("{what}: document {} would not be made any more; it stays", short(then)),
            );
        }
        (None, _) => {
            page.line(depth, format!("{what}: was not made then, and would be made for the first time"))
        }
    }
    if made.document.is_some() {
        changes(page, &made.changes);
    }
}

fn changes(page: &mut output::Page, changes: &[Change]) {
    for change in changes.iter().take(MOST_SHOWN) {
        if let Some(before) = &change.before {
            page.line(2, format!("- {}: {before}", change.at));
        }
        if let Some(after) = &change.after {
            page.line(2, format!("+ {}: {after}", change.at));
        }
    }
    if changes.len() > MOST_SHOWN {
        page.line(2, format!("… and {} more; `--json` has all", changes.len() - MOST_SHOWN));
    }
}
