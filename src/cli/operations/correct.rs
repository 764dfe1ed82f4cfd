//! `correct`: a mended file takes the place of one that came.

use super::act::{Who, told};
use super::{Refusal, naming};
use crate::pipeline::Hub;
use crate::pipeline::correct::{self, Mended};
use crate::store::Noun;
use std::path::PathBuf;
use std::process::ExitCode;

/// Which file, and by what.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// The received file that is wrong: its id, or the first eight digits
    #[arg(value_name = "FILE")]
    id: String,
    /// The file as it should have come
    #[arg(long, value_name = "PATH")]
    with: PathBuf,
    /// Where something was sent of what is mended: make and send it anew, with new control numbers
    #[arg(long)]
    issue_new: bool,
    #[command(flatten)]
    who: Who,
}

pub(super) async fn run(hub: &Hub, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let id = naming::find(&hub.store, Noun::File, &arguments.id).await?;
    let path = arguments.with.display();
    let limit = hub.config.file_limit_bytes;
    let unread =
        |why: String| Refusal::usage(format!("cannot read `{path}`: {why}"), "name a file that you may read");
    let about = std::fs::metadata(&arguments.with).map_err(|error| unread(error.to_string()))?;
    if !about.is_file() || about.len() > limit {
        return Err(unread(format!("it is no file, or larger than {} MB", limit / 1024 / 1024)));
    }
    let bytes = std::fs::read(&arguments.with).map_err(|error| unread(error.to_string()))?;
    let name = arguments.with.file_name().map(|name| name.to_string_lossy().into_owned());
    let mended =
        Mended { name: name.unwrap_or_default(), bytes: bytes.into(), issue_new: arguments.issue_new };
    let done = correct::correct(hub, id, mended, &arguments.who.wish()).await;
    let after = match &done {
        Ok(deed) => {
            let count = |key: &str| deed.event.detail["after"][key].as_u64().unwrap_or(0);
            let version = deed.event.detail["after"]["file"].as_str().unwrap_or_default();
            format!(
                "file {} is read in its place: {} of {} documents accepted, {} records mended, {} as they were, {} files and calls to send",
                version.get(..8).unwrap_or(version),
                count("accepted"),
                count("documents"),
                count("revised"),
                count("stand"),
                count("queued")
            )
        }
        Err(_) => String::new(),
    };
    told(done, &after).map(ExitCode::from)
}
