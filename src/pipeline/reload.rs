//! Changed profiles and translators, put in force while the hub runs: all of them or none.

use super::agreements::Agreements;
use super::hub::Hub;
use crate::config::Config;
use crate::finding::Finding;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tracing::{error, info, warn};

/// How often the folders are looked at. Reading them costs less than a millisecond.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Watches profiles, translators and `crossdock.toml` until told to stop; `changed` tells that others are in force.
pub(super) async fn watch(hub: Arc<Hub>, changed: Arc<Notify>, mut stop: watch::Receiver<bool>) {
    let mut in_force = read(&hub.config);
    let mut seen = in_force.clone();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let now = read(&hub.config);
        // Seen twice the same: an editor may be in the middle of writing.
        let settled = now == seen;
        seen = now;
        if !settled || seen == in_force {
            continue;
        }
        let names = differing(&in_force, &seen, &hub.config.root);
        in_force = seen.clone();
        match load(&hub.config) {
            Ok(agreements) => {
                let before = hub.agreements();
                hub.replace_agreements(agreements);
                // What waits because of how a channel was may go by it now.
                if let Err(error) = hub.store.hasten(&changed_channels(&before, &hub.agreements())).await {
                    warn!("what waits for its next try waits on: {error}");
                }
                if let Err(error) = hub.keep_profile_versions().await {
                    warn!("the new profiles are in force, but their versions are not kept yet: {error}");
                }
                info!("in force from now on: {names}");
                changed.notify_one();
            }
            Err(findings) => {
                for finding in findings.iter().take(10) {
                    let at = &finding.location;
                    error!(
                        "{}:{}:{}: {}; hint: {}",
                        at.path, at.line, at.element, finding.message, finding.hint
                    );
                }
                error!(
                    "{names} changed but holds {} faults; the profiles before that stay in force, and `crossdock check` shows what to mend",
                    findings.len()
                );
            }
        }
    }
}

/// Channels that are not what they were, by key.
fn changed_channels(before: &Agreements, after: &Agreements) -> Vec<String> {
    let mut changed = Vec::new();
    for profile in after.profiles.list() {
        let known = before.profiles.find(&profile.id).map(|profile| &profile.channels);
        let channels = profile.channels.values();
        let other =
            channels.filter(|channel| known.and_then(|known| known.get(&channel.name)) != Some(channel));
        changed.extend(other.map(|channel| format!("{}/{}", profile.id, channel.name)));
    }
    changed
}

/// Reads everything anew; of `crossdock.toml` only the site's layer over the profiles.
fn load(config: &Config) -> Result<Agreements, Vec<Finding>> {
    let mut config = config.clone();
    config.source = Config::load(Path::new(&config.source.name))?.source;
    Agreements::load(&config)
}

/// The contents of all that agreements are made of.
fn read(config: &Config) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for folder in [&config.profiles, &config.translators] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let kinds = ["toml", "guide", "csv"];
            if path.extension().is_some_and(|extension| kinds.iter().any(|kind| extension == *kind)) {
                all.insert(path.clone(), std::fs::read(&path).unwrap_or_default());
            }
        }
    }
    let settings = PathBuf::from(&config.source.name);
    all.insert(settings.clone(), std::fs::read(&settings).unwrap_or_default());
    all
}

fn differing(before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>, root: &Path) -> String {
    let mut names: Vec<String> = before
        .keys()
        .chain(after.keys().filter(|path| !before.contains_key(*path)))
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| path.strip_prefix(root).unwrap_or(path).display().to_string())
        .collect();
    names.sort();
    names.join(", ")
}
