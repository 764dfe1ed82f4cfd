//! Settings of the hub: `crossdock.toml` and the environment, read once.

use crate::declaration::{self, Faults, Section, Source};
use crate::finding::Finding;
use crate::transports::{self, SecretResolver, http::Allowed};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// All settings of one hub; every one has a default.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder that relative paths start from: the one that holds `crossdock.toml`.
    pub root: PathBuf,
    /// The file itself, also the site's layer over partner profiles (`[site.<partner>]`).
    pub source: Source,
    /// A Postgres server to use; without it the hub supervises a private one.
    pub database_url: Option<String>,
    /// Where `postgres` and `initdb` are, if not in the usual places.
    pub postgres_bin: Option<PathBuf>,
    /// Where the hub keeps what is its own: the private Postgres and the archive.
    pub var: PathBuf,
    /// Folder of partner profiles.
    pub profiles: PathBuf,
    /// Folder of translators.
    pub translators: PathBuf,
    /// Name of this node in leases and logs.
    pub node: String,
    /// Files at once in processing.
    pub workers: usize,
    /// How long a file cut short may still grow before it is judged.
    pub grace: Duration,
    /// Largest file that is picked up, in bytes.
    pub file_limit_bytes: u64,
    /// `host:port` of private addresses that calls may go to.
    pub allowed_private_hosts: Vec<Allowed>,
    /// Reads secrets when they are needed: files below the root, variables of the environment.
    pub secrets: SecretResolver,
}

impl Config {
    /// Reads the settings from `path`; a file that does not exist means all defaults.
    ///
    /// # Errors
    /// All faults of the file at once.
    pub fn load(path: &Path) -> Result<Self, Vec<Finding>> {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let root = path.parent().map(Path::to_path_buf).filter(|root| !root.as_os_str().is_empty());
        Self::parse(
            Source { name: path.display().to_string(), text },
            root.unwrap_or_else(|| PathBuf::from(".")),
        )
    }

    /// Reads the settings from a text; relative paths start from `root`.
    ///
    /// # Errors
    /// All faults of the text at once.
    pub fn parse(source: Source, root: PathBuf) -> Result<Self, Vec<Finding>> {
        let faults = Faults::default();
        let table = declaration::parse(&source, &faults);
        let whole = declaration::whole(&[(&source, &table)], &faults);
        let path = |section: Option<&Section<'_>>, key, default: &str| {
            let said = section.and_then(|section| section.text(key)).map(|said| said.value);
            root.join(said.as_deref().unwrap_or(default))
        };
        let folders = whole.section("folders");
        let var = path(folders.as_ref(), "var", "var");
        let profiles = path(folders.as_ref(), "profiles", "partner-profiles");
        let translators = path(folders.as_ref(), "translators", "translators");
        let database = whole.section("database");
        let said_url = database.as_ref().and_then(|section| section.text("url")).map(|said| said.value);
        let postgres_bin =
            database.as_ref().and_then(|section| section.text("bin")).map(|said| root.join(said.value));
        let hub = whole.section("hub");
        let number =
            |key, default| hub.as_ref().and_then(|hub| hub.number(key)).map_or(default, |said| said.value);
        let node = hub.as_ref().and_then(|hub| hub.text("node")).map(|said| said.value);
        let workers = usize::try_from(number("workers", 4)).unwrap_or(4).clamp(1, 64);
        // 1 GiB: twice the largest interchange seen in the field.
        let file_limit_bytes = number("file_limit_mb", 1024) * 1024 * 1024;
        let grace = hub.as_ref().and_then(|hub| hub.duration("grace"));
        // Five minutes of grace for a file cut short (slow senders pause for a minute and go on).
        let grace = grace.map_or(Duration::from_secs(300), |said| said.value);
        let calls = whole.section("calls");
        let mut allowed_private_hosts = Vec::new();
        for said in calls.as_ref().map(|calls| calls.texts("allowed_private_hosts")).unwrap_or_default() {
            match said.value.parse() {
                Ok(host) => allowed_private_hosts.push(host),
                Err(error) => {
                    let hint = "write [\"erp.internal:8443\"], name and port";
                    faults.add("host_form", &said.place, format!("`{}`: {error}", said.value), hint);
                }
            }
        }
        for section in [folders, database, hub, calls].into_iter().flatten() {
            section.finish();
        }
        // `profiles` reads it: it is the site's layer over what the partners' files say.
        drop(whole.section("site"));
        whole.finish();
        drop(whole);
        let secrets_root = root.clone();
        let config = Self {
            root,
            source: source.clone(),
            database_url: environment("DATABASE_URL").or(said_url),
            postgres_bin,
            var,
            profiles,
            translators,
            node: node.unwrap_or_else(default_node),
            workers,
            grace,
            file_limit_bytes,
            allowed_private_hosts,
            secrets: transports::resolve_with(secrets_root, environment),
        };
        drop(table);
        let findings = faults.into_findings();
        if findings.is_empty() { Ok(config) } else { Err(findings) }
    }
}

/// The value of an environment variable, none when it is unset or empty; the only place that asks.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Stands between host and process id in the name of a node that was not given one.
pub const PROCESS: char = '#';

fn default_node() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    format!("{}{PROCESS}{}", if host.is_empty() { "node" } else { host }, std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_means_all_defaults() {
        let source = Source { name: "crossdock.toml".to_owned(), text: String::new() };
        let config = Config::parse(source, PathBuf::from("/hub")).expect("defaults are sound");
        assert_eq!(config.profiles, PathBuf::from("/hub/partner-profiles"));
        assert_eq!(config.grace, Duration::from_secs(300));
    }

    #[test]
    fn an_unknown_setting_is_told_with_what_was_meant() {
        let source = Source { name: "crossdock.toml".to_owned(), text: "[hub]\nworker = 3\n".to_owned() };
        let findings = Config::parse(source, PathBuf::from(".")).expect_err("`worker` is unknown");
        assert_eq!(findings.len(), 1);
        assert!(findings[0].hint.contains("did you mean `workers`?"));
    }
}
