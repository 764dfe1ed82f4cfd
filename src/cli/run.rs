//! `run --once` and `serve`.
#![expect(clippy::print_stdout, reason = "commands speak to people")]

use super::{counted, exit};
use crate::config::Config;
use crate::pipeline::{self, Agreements};
use anyhow::Context as _;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Picks up, processes and delivers everything there is, then ends.
pub(super) async fn once(
    config: Config,
    agreements: Agreements,
    partner: Option<&str>,
) -> anyhow::Result<ExitCode> {
    if let Some(id) = partner {
        super::open::find_partner(&agreements, id)?;
    }
    let (hub, database) = super::open::hub(config, agreements).await?;
    let pass = pipeline::run_once(&hub, partner).await?;
    println!(
        "received: {}, processed: {}, deliveries tried: {}",
        pass.received, pass.processed, pass.delivered
    );
    for name in &pass.waiting {
        println!("waiting: {name} has no end yet, or was not seen twice unchanged; run again later");
    }
    for place in &pass.unreachable {
        println!("not reached: {place}");
    }
    if pass.later > 0 {
        println!("to be tried again later: {}; `crossdock status` says which", pass.later);
    }
    if pass.held > 0 {
        println!(
            "held for a person: {}; `crossdock jobs --status held` says why, then `crossdock release` or `cancel`",
            pass.held
        );
    }
    if pass.quarantined > 0 {
        println!(
            "in quarantine: {}; `crossdock quarantine` says why, then `crossdock release`, `assign` or `cancel`",
            counted(pass.quarantined, "file")
        );
    }
    hub.store.close().await;
    drop(database);
    // What is held stays so until a person acts; a later run alone does not help.
    if pass.held > 0 {
        return Ok(ExitCode::from(exit::FINDINGS));
    }
    let done = pass.waiting.is_empty() && pass.unreachable.is_empty() && pass.later == 0;
    Ok(ExitCode::from(if done { exit::DONE } else { exit::LATER }))
}

/// Serves until SIGTERM or SIGINT.
pub(super) async fn serve(config: Config, agreements: Agreements) -> anyhow::Result<ExitCode> {
    let (hub, database) = super::open::hub(config, agreements).await?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // The receiver lives as long as the hub serves.
        stop.send_replace(true);
    });
    pipeline::serve(hub.clone(), stopped).await?;
    hub.store.close().await;
    drop(database);
    Ok(ExitCode::from(exit::DONE))
}
