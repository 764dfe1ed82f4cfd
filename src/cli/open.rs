//! Opens the hub: the database, private or named, the archive, and the agreements in force.

use super::faults;
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::declaration::suggestion;
use crate::finding::Finding;
use crate::pipeline::{Agreements, Hub};
use crate::profiles::Profile;
use crate::store::{Access, Archive, Store, private};
use crate::transports::{SecretRef, SecretResolver};
use anyhow::Context as _;
use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A database that waits this long for Postgres to answer gives up.
const UP_WITHIN: Duration = Duration::from_secs(30);

/// The store, and the private server it may stand on; the server stops when this is dropped.
pub(super) struct Database {
    pub(super) store: Store,
    pub(super) server: Option<private::Server>,
}

/// Reads settings, or shows what is wrong with them.
pub(super) fn config(path: &Path) -> Result<Config, String> {
    Config::load(path).map_err(|findings| show(&findings, Path::new("")))
}

/// Reads translators and profiles, or shows what is wrong with them.
pub(super) fn agreements(config: &Config) -> Result<Agreements, String> {
    Agreements::load(config).map_err(|findings| show(&findings, &config.root))
}

/// The profile of a partner that was named, or who else could be meant.
pub(super) fn find_partner<'a>(agreements: &'a Agreements, id: &str) -> anyhow::Result<&'a Profile> {
    agreements.profiles.find(id).with_context(|| {
        let known = agreements.profiles.list().map(|profile| profile.id.as_str());
        format!("there is no partner `{id}`; hint: {}", suggestion(id, known))
    })
}

/// Sees that the archive is there, can be written, and is this database's; gives its place.
pub(super) fn check_archive(config: &Config) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let database = database(config).await?;
        database.store.check_archive().await?;
        database.store.close().await;
        Ok(archive(config)?.place().to_owned())
    })
}

/// The agreements with the master data of the database, where a translator of theirs asks any.
pub(super) fn with_master_data(config: &Config, agreements: Agreements) -> anyhow::Result<Agreements> {
    if agreements.crosswalk_names().is_empty() {
        return Ok(agreements);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let database = database(config).await.context("cannot ask the master data")?;
        let renewed = agreements.with_master_data(&database.store).await;
        database.store.close().await;
        Ok(renewed?.unwrap_or(agreements))
    })
}

/// Something of this machine that a person must mend before anything starts.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unfit(String);

/// Makes the folder that all we write lies in, closed to others. One that others may change is refused, one that they may
/// read is told of.
fn own_folder(var: &Path) -> anyhow::Result<()> {
    let attempted = || format!("cannot make `{}`", var.display());
    DirBuilder::new().recursive(true).mode(0o700).create(var).with_context(attempted)?;
    let mode = std::fs::metadata(var).with_context(attempted)?.permissions().mode() & 0o777;
    let hint = format!("hint: chmod 0700 {}", var.display());
    if mode & 0o022 != 0 {
        let what = "where files of partners and the database lie, may be written by others";
        return Err(Unfit(format!("`{}`, {what} (mode {mode:04o}); {hint}", var.display())).into());
    }
    if mode & 0o055 != 0 {
        tracing::warn!(
            "`{}`, where files of partners lie, is open to others (mode {mode:04o}); {hint}",
            var.display()
        );
    }
    Ok(())
}

/// Connects to the database, starting a private one if none is named, and brings it up to date.
pub(super) async fn database(config: &Config) -> anyhow::Result<Database> {
    own_folder(&config.var)?;
    let (store, server) = match &config.database_url {
        Some(url) => (Store::connect_url(url)?, None),
        None => {
            let mut settings = private::Settings::new(config.var.join("postgres"));
            settings.bin_dir.clone_from(&config.postgres_bin);
            settings.search_path = config::environment("PATH").unwrap_or_default().into();
            let server = private::Server::start_or_join(&settings).await?;
            (Store::connect(server.connect_options()), Some(server))
        }
    };
    store.wait_until_up(UP_WITHIN).await?;
    store.set_clock().await?;
    store.migrate().await?;
    Ok(Database { store: store.with_archive(archive(config)?), server })
}

/// The archive that the settings name; nothing of it is asked yet.
fn archive(config: &Config) -> anyhow::Result<Archive> {
    let Some(settings) = &config.archive else { return Ok(Archive::local(&config.var.join("archive"))?) };
    let access = match settings.keys.clone() {
        Some((access, secret)) => {
            let secrets = config.secrets.clone();
            let read = |secrets: &SecretResolver, key: &SecretRef| {
                secrets.resolve(key).map_err(|error| error.to_string())
            };
            Access::Keys(Arc::new(move || Ok((read(&secrets, &access)?, read(&secrets, &secret)?))))
        }
        None => Access::Role(config::environment),
    };
    Ok(Archive::s3(&settings.bucket, access)?)
}

/// The hub, ready to work.
pub(super) async fn hub(config: Config, agreements: Agreements) -> anyhow::Result<(Arc<Hub>, Database)> {
    let database = database(&config).await?;
    // Not at the first large file, which may be days away. What needs no archive does not wait for it.
    match database.store.check_archive().await {
        Err(error) if error.is_of_archive() && error.is_temporary() => {
            tracing::warn!("large files wait until the archive is to be had: {error}");
        }
        checked => checked?,
    }
    let hub = Hub::new(config, database.store.clone(), Clock::System, agreements);
    Ok((Arc::new(hub), database))
}

/// What is doubtful in the translators, for people; empty when nothing is.
pub(super) fn doubts(config: &Config, agreements: &Agreements) -> String {
    let doubts = agreements.library.doubts();
    faults::render(doubts, &faults::texts(doubts, &config.root), super::is_colour(&std::io::stdout()))
}

fn show(findings: &[Finding], root: &Path) -> String {
    let faults = super::counted(findings.len(), "fault");
    let shown =
        faults::render(findings, &faults::texts(findings, root), super::is_colour(&std::io::stderr()));
    format!("{shown}{faults} to mend; nothing was started\n")
}
