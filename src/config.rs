//! Settings of the hub: `crossdock.toml` and the environment, read once.

mod archive;

use crate::declaration::{self, Faults, Section, Source};
use crate::finding::Finding;
use crate::schedules::{self, Schedule};
use crate::transports::{self, SecretResolver, http::Allowed, mail, read_secret_ref};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use archive::ArchiveSettings;

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
    /// Where the hub keeps what is its own: the private Postgres, the archive unless it is a bucket, reports.
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
    /// Free bytes of the disk below which nothing is picked up; a tenth of it, and 5 GiB at most, where none is said.
    pub keep_free_bytes: Option<u64>,
    /// Bytes of a large file that are translated and written at once, a transaction set at least.
    pub portion_bytes: u64,
    /// `host:port` of private addresses that calls may go to.
    pub allowed_private_hosts: Vec<Allowed>,
    /// The bucket that holds large files; none means a folder below `var`.
    pub archive: Option<ArchiveSettings>,
    /// The server that takes our mail; none if none is sent.
    pub mail: Option<mail::Settings>,
    /// Reports that are made over and over; profiles have more of their own partner.
    pub schedules: Vec<Schedule>,
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
        let keep_free = hub.as_ref().and_then(|hub| hub.number("keep_free_mb"));
        let keep_free_bytes = keep_free.map(|said| said.value.saturating_mul(1024 * 1024));
        // What 4 MiB mean takes about 100 MiB of memory.
        let portion_bytes = number("portion_mb", 4) * 1024 * 1024;
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
        let mail = whole.section("mail").and_then(|section| read_mail(&section, &allowed_private_hosts));
        let archive =
            whole.section("archive").and_then(|section| archive::read(&section, &allowed_private_hosts));
        let schedules = schedules::read(&whole, None, chrono_tz::UTC);
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
            keep_free_bytes,
            portion_bytes,
            allowed_private_hosts,
            archive,
            mail,
            schedules,
            secrets: transports::resolve_with(secrets_root, environment),
        };
        drop(table);
        let findings = faults.into_findings();
        if findings.is_empty() { Ok(config) } else { Err(findings) }
    }
}

/// Where mail goes. A connection without TLS stays within this machine, or goes to a host that the site names.
fn read_mail(section: &Section<'_>, allowed: &[Allowed]) -> Option<mail::Settings> {
    let host =
        section.required_text("host", "write host = \"smtp.example\", the server that takes your mail");
    let tls = section.choice("tls", mail::Tls::ALL);
    let tls_place = tls.as_ref().map_or_else(|| section.place(), |said| said.place.clone());
    let tls = tls.map_or(mail::Tls::StartTls, |said| said.value);
    let said_port = section.number("port");
    let port = said_port.as_ref().map_or(Some(tls.port()), |said| u16::try_from(said.value).ok());
    if let (Some(said), None) = (&said_port, port) {
        section.fault(
            "port_range",
            &said.place,
            format!("{} is no port", said.value),
            "ports are 1 to 65535",
        );
    }
    let port = port?;
    let is_named = mail::is_here(&host.value) || allowed.iter().any(|allowed| allowed.is(&host.value, port));
    if tls == mail::Tls::None && !is_named && !host.value.is_empty() {
        let message = format!("mail would go to {} in the clear", host.value);
        let hint = format!(
            "write tls = \"starttls\" or \"implicit\"; or name \"{}:{port}\" in [calls] allowed_private_hosts",
            host.value
        );
        section.fault("mail_in_the_clear", &tls_place, message, hint);
    }
    let user = section.text("user");
    let password = read_secret_ref(section, "password");
    if let (Some(user), None) = (&user, &password) {
        let hint = "write password = { file = \"keys/mail\" } or { env = \"MAIL_PASSWORD\" }";
        section.fault("login_missing", &user.place, "there is a user without a password", hint);
    }
    let from = section.required_text("from", "write from = \"edi@your.example\", whom mail comes from");
    let sound = from.value.parse().ok().filter(|_| mail::is_address(&from.value));
    if sound.is_none() && !from.value.is_empty() {
        section.fault("mail_form", &from.place, format!("`{}` is no mail address", from.value), mail::FORM);
    }
    // 10 MiB: base64 makes 14 of it, and many servers stop at 20 or 25.
    let attach = section.number("attach_up_to_mb").map_or(10, |said| said.value);
    section.finish();
    Some(mail::Settings {
        host: host.value,
        port,
        tls,
        login: user.map(|said| said.value).zip(password),
        from: sound?,
        most_attached_bytes: attach * 1024 * 1024,
    })
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
