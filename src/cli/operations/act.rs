//! `release`, `assign`, `cancel`, `resend`: what people do, with who and why.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "commands speak to people")]

use super::super::exit;
use super::{naming, output};
use crate::config;
use crate::ids::short;
use crate::pipeline::Hub;
use crate::pipeline::operate::{self, Deed, Unmade, Wish};
use crate::store::{Noun, Store};
use std::process::ExitCode;
use uuid::Uuid;

/// Who wishes it, and why.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Who {
    /// Why, for whoever reads the audit in a year
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who; without it the account that runs the command
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// A name for this wish: the same one again is not done again, however much later
    #[arg(long, value_name = "NAME")]
    request: Option<String>,
}

impl Who {
    /// The wish that these words make.
    pub(super) fn wish(&self) -> Wish {
        wish(self.by.as_deref(), &self.reason, self.request.as_deref())
    }
}

/// The wish that these words make.
pub(super) fn wish(by: Option<&str>, reason: &str, request: Option<&str>) -> Wish {
    let account = account();
    // What `sudo` says of its caller is as good as `--by`: a word, beside the account that counts.
    let caller = config::environment("SUDO_USER").filter(|_| account == "root");
    let by = by.map(str::to_owned).or(caller).unwrap_or_else(|| account.clone());
    Wish { by, account, reason: reason.to_owned(), request: request.map(str::to_owned) }
}

/// The account that runs the command.
pub(super) fn account() -> String {
    let id = nix::unistd::Uid::current();
    let user = nix::unistd::User::from_uid(id).ok().flatten();
    user.map_or_else(|| format!("uid {id}"), |user| user.name)
}

/// What is acted on.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Acted {
    /// Ids, or their first eight digits
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    who: Who,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Assign {
    /// Ids of quarantined files, or their first eight digits
    #[arg(value_name = "FILE", required = true)]
    ids: Vec<String>,
    /// Whose they are
    #[arg(long, value_name = "ID")]
    partner: String,
    /// As if they had come on this channel of the partner; without it the one whose files have such names, else its first
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    #[command(flatten)]
    who: Who,
}

const ANY: &[Noun] = &[Noun::File, Noun::Delivery, Noun::Job, Noun::Document];

pub(super) async fn release(store: &Store, acted: &Acted) -> anyhow::Result<ExitCode> {
    each(store, &acted.ids, ANY, async |target| {
        told(operate::release(store, target, &acted.who.wish()).await, "it goes on as soon as a hub runs")
    })
    .await
}

pub(super) async fn cancel(store: &Store, acted: &Acted) -> anyhow::Result<ExitCode> {
    each(store, &acted.ids, ANY, async |target| {
        told(operate::cancel(store, target, &acted.who.wish()).await, "it is given up")
    })
    .await
}

pub(super) async fn resend(store: &Store, acted: &Acted) -> anyhow::Result<ExitCode> {
    each(store, &acted.ids, &[Noun::Delivery, Noun::Job, Noun::File, Noun::Document], async |target| {
        let after = "the same bytes under the same name and numbers go as soon as a hub runs";
        told(operate::resend(store, target, &acted.who.wish()).await, after)
    })
    .await
}

pub(super) async fn assign(hub: &Hub, asked: &Assign) -> anyhow::Result<ExitCode> {
    each(&hub.store, &asked.ids, &[Noun::File], async |(_, id)| {
        let wish = asked.who.wish();
        let done = operate::assign(hub, id, &asked.partner, asked.channel.as_deref(), &wish).await;
        told(done, &format!("it is read as {}'s as soon as a hub runs", asked.partner))
    })
    .await
}

/// Acts on each; one that is refused does not stop the others. The worst exit code counts.
async fn each(
    store: &Store,
    ids: &[String],
    nouns: &[Noun],
    act: impl AsyncFn((Noun, Uuid)) -> anyhow::Result<u8>,
) -> anyhow::Result<ExitCode> {
    let mut code = exit::DONE;
    for typed in ids {
        let done = match naming::find_any(store, nouns, typed).await {
            Ok(target) => act(target).await,
            Err(error) => Err(error),
        };
        code = code.max(match done {
            Ok(code) => code,
            Err(error) if ids.len() > 1 => match error.downcast_ref::<super::Refusal>() {
                Some(refusal) => {
                    eprintln!("{refusal}");
                    refusal.code
                }
                None => return Err(error),
            },
            Err(error) => return Err(error),
        });
    }
    Ok(ExitCode::from(code))
}

/// Says what became of a wish.
pub(super) fn told(done: Result<Deed, Unmade>, after: &str) -> anyhow::Result<u8> {
    match done {
        Ok(Deed { event, before: false }) => {
            let id = event.subject_id.map(short).unwrap_or_default();
            println!(
                "{} {id} {}: {after} (audit {})",
                event.action,
                output::plain(&event.subject),
                event.seq
            );
            Ok(exit::DONE)
        }
        Ok(Deed { event, before: true }) => {
            println!(
                "done before by {}, {}: {} {}; nothing was done again (audit {})",
                output::plain(&event.actor),
                output::time(event.at),
                event.action,
                output::plain(&event.subject),
                event.seq
            );
            Ok(exit::DONE)
        }
        Err(Unmade::Refused(refusal)) => {
            let code = if refusal.later { exit::LATER } else { exit::FINDINGS };
            eprintln!("{}", output::plain(&refusal.to_string()));
            Ok(code)
        }
        Err(Unmade::Failed(error)) => Err(error.into()),
    }
}
