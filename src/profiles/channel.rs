//! Channels: the places where a partner's files appear or are put.

use super::calendar::Due;
use super::calendars;
use super::http::{self, Http};
use super::ladder::Ladder;
use super::packing::{self, Pgp};
use crate::declaration::Section;
use crate::packing::{Limits as PackingLimits, Step};
use crate::profiles::pattern;
use crate::transports::sftp::{self, Fingerprint, Login};
use crate::transports::{SecretRef, mail, read_secret_ref};
use std::path::PathBuf;
use std::time::Duration;

/// One place on one transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its name in the profile.
    pub name: String,
    /// The way to move bytes.
    pub transport: Transport,
    /// Where the partner's files appear, if they do.
    pub inbound: Option<Inbound>,
    /// Where ours are put, if they are.
    pub outbound: Option<Outbound>,
    /// Keys for what is encrypted and signed.
    pub pgp: Option<Pgp>,
    /// Whether what comes is processed as it came, and what goes is sent as it came about, one after the other.
    pub in_order: bool,
    /// How soon a file of ours must be taken out of its folder, or a call answered; never where it does not matter.
    pub receipt_within: Option<Due>,
    /// What happens when it stays there, or unanswered.
    pub receipt_ladder: Ladder,
}

/// A way to move bytes, with its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Folders of this machine.
    Local {
        /// Folders of the channel lie below this one.
        root: PathBuf,
    },
    /// SFTP: a server and our account on it.
    Sftp(sftp::Settings),
    /// HTTP calls.
    Http(Box<Http>),
    /// Mail, each file attached to a mail of its own.
    Mail(Mail),
}

/// To whom files go by mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Addresses.
    pub to: Vec<String>,
    /// Template of the subject.
    pub subject: String,
}

/// When a file counts as written to its end. The format's own end must be there in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complete {
    /// The partner writes elsewhere and renames; or a local program closes the file.
    Renamed,
    /// Seen twice, unchanged, this long apart.
    Stable(Duration),
    /// A second file with this added to the name says so.
    Marker(String),
}

/// What becomes of the partner's file once it is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// It stays; we remember it.
    Leave,
    /// It is deleted.
    Delete,
    /// It is moved to this folder, overwriting nothing.
    Move(String),
    /// It stays in its folder with this added to its name, overwriting nothing, and is passed over from then on.
    Rename(String),
}

/// Where a partner's files appear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// Folder on the transport.
    pub path: String,
    /// Completion rule.
    pub complete: Complete,
    /// How often we look.
    pub poll_every: Duration,
    /// Disposal.
    pub after: After,
    /// Only names that fit; all by default.
    pub files: Vec<String>,
    /// Names that are passed over, besides the usual temporary ones.
    pub ignore: Vec<String>,
    /// How files are packed, from the outside in; not at all if empty.
    pub unpack: Vec<Step>,
    /// How much may come out of one of them.
    pub limits: PackingLimits,
}

impl Inbound {
    /// Whether a file of this name is picked up.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        let ignored = pattern::TEMPORARY.iter().any(|pattern| pattern::fits(pattern, name))
            || self.ignore.iter().any(|pattern| pattern::fits(pattern, name))
            || matches!(&self.complete, Complete::Marker(suffix) if name.ends_with(suffix))
            || matches!(&self.after, After::Rename(suffix) if name.ends_with(suffix));
        !ignored && (self.files.is_empty() || self.files.iter().any(|pattern| pattern::fits(pattern, name)))
    }
}

/// Where our files are put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// Folder on the transport.
    pub path: String,
    /// Template of the name.
    pub name: String,
    /// How files are packed, in this order.
    pub pack: Vec<Step>,
    /// Whether they are written under their final names at once, for a server that renames nothing.
    pub direct: bool,
}

/// How files are put, and whether that is under their final names at once.
const PUTS: &[(&str, bool)] = &[("renamed", false), ("direct", true)];

pub(super) fn read(name: &str, section: &Section<'_>, root: &std::path::Path, has_calendar: bool) -> Channel {
    let kinds = [("local", 0), ("sftp", 1), ("http", 2), ("mail", 3)];
    section.required_text("transport", "write transport = \"sftp\", \"local\", \"http\" or \"mail\"");
    let transport = match section.choice("transport", &kinds).map(|said| said.value) {
        Some(1) => Transport::Sftp(sftp(section)),
        Some(2) => Transport::Http(Box::new(http::read(section))),
        Some(3) => Transport::Mail(addresses(section)),
        _ => {
            let said = section.text("root").map(|said| said.value);
            Transport::Local { root: root.join(said.as_deref().unwrap_or(".")) }
        }
    };
    let local = matches!(transport, Transport::Local { .. });
    let by_mail = matches!(transport, Transport::Mail(_));
    let said = section.section("inbound").filter(|inbound| {
        if by_mail {
            let hint =
                "files are not read from mail: name a folder that your mail program saves attachments to";
            inbound.fault("inbound_mail", &inbound.place(), "nothing is picked up from mail", hint);
        }
        !by_mail
    });
    let inbound = said.map(|section| inbound(&section, local));
    let outbound = match section.section("outbound") {
        Some(section) => Some(outbound(&section, &transport)),
        // Mail needs no folder; what is built in holds.
        None => by_mail.then(|| Outbound {
            path: String::new(),
            name: NAME.to_owned(),
            pack: Vec::new(),
            direct: false,
        }),
    };
    if inbound.is_none() && outbound.is_none() && !matches!(transport, Transport::Http(_)) {
        section.fault(
            "channel_without_folders",
            &section.place(),
            format!("the channel `{name}` has no folder"),
            "write inbound = { path = \"/out\" } for files that come, outbound = { path = \"/in\" } for files that go",
        );
    }
    let pgp = section.section("pgp").map(|section| packing::pgp(&section));
    let in_order = section.flag("in_order").is_some_and(|said| said.value);
    let receipt_within = match &transport {
        Transport::Http(_) => calendars::due(section, "answered_within", has_calendar),
        Transport::Local { .. } | Transport::Sftp(_) => calendars::due(section, "taken_within", has_calendar),
        Transport::Mail(_) => None,
    };
    if receipt_within.is_some() && section.has("taken_within") && outbound.is_none() {
        let hint = "write outbound = { path = \"/in\" }, or take `taken_within` out";
        section.fault("receipt_without_folder", &section.place(), "no file is put by this channel", hint);
    }
    let receipt_ladder = Ladder::read(section);
    if receipt_within.is_none() && !receipt_ladder.is_empty() {
        let key = if matches!(transport, Transport::Http(_)) { "answered_within" } else { "taken_within" };
        let hint =
            format!("write {key} = \"4h\" beside them, or take `remind_every` and `escalate_after` out");
        section.fault("reminded_of_nothing", &section.place(), "nothing of this channel can be late", hint);
    }
    packing::check_keys(section, inbound.as_ref(), outbound.as_ref(), pgp.as_ref());
    section.finish();
    Channel {
        name: name.to_owned(),
        transport,
        inbound,
        outbound,
        pgp,
        in_order,
        receipt_within,
        receipt_ladder,
    }
}

fn sftp(section: &Section<'_>) -> sftp::Settings {
    let key = read_secret_ref(section, "key");
    let passphrase = read_secret_ref(section, "passphrase");
    let password = read_secret_ref(section, "password");
    let login = match (key, password) {
        (Some(key), _) => Login::Key { key, passphrase },
        (None, Some(password)) => Login::Password(password),
        // A login that is there but malformed has been told already.
        (None, None) if section.has("key") || section.has("password") => {
            Login::Password(SecretRef::Env(String::new()))
        }
        (None, None) => {
            section.fault(
                "login_missing",
                &section.place(),
                "the channel does not say how to log in",
                "write key = { file = \"keys/partner_ed25519\" } or password = { env = \"PARTNER_PASSWORD\" }",
            );
            Login::Password(SecretRef::Env(String::new()))
        }
    };
    let said = section.texts("host_keys");
    let mut host_keys: Vec<Fingerprint> = Vec::new();
    for key in &said {
        match key.value.parse() {
            Ok(fingerprint) => host_keys.push(fingerprint),
            Err(error) => section.fault(
                "host_key_form",
                &key.place,
                format!("`{}` is no fingerprint: {error}", key.value),
                "ask the partner for the SHA256 fingerprint of the server's host key",
            ),
        }
    }
    if said.is_empty() {
        section.fault(
            "host_key_missing",
            &section.place(),
            "the server's host key is not pinned",
            "write host_keys = [\"SHA256:…\"]; ask the partner for the fingerprint, and compare it with what `crossdock partner host-key HOST` shows",
        );
    }
    let port = section.number("port");
    let checked =
        port.as_ref().map_or(Some(22), |said| u16::try_from(said.value).ok().filter(|port| *port > 0));
    if let (None, Some(said)) = (checked, &port) {
        section.fault(
            "port_range",
            &said.place,
            format!("{} is no port", said.value),
            "ports are 1 to 65535",
        );
    }
    let sessions = section.number("sessions").map_or(2, |said| said.value);
    let timeout = section.duration("timeout").map_or(Duration::from_secs(30), |said| said.value);
    sftp::Settings {
        host: section.required_text("host", "write host = \"sftp.partner.example\"").value,
        port: checked.unwrap_or(22),
        user: section.required_text("user", "write user = \"…\", the account the partner gave you").value,
        login,
        host_keys,
        sessions: usize::try_from(sessions).unwrap_or(2).clamp(1, 16),
        legacy_until: section.day("legacy_until").map(|said| said.value),
        timeout: timeout.clamp(Duration::from_secs(1), Duration::from_secs(600)),
    }
}

fn inbound(section: &Section<'_>, local: bool) -> Inbound {
    let marker = section.text("marker").map(|said| Complete::Marker(said.value));
    // Settled for SFTP: seen twice, ten seconds apart. A local program's close is seen by the watcher.
    let stable = section.duration("stable").map_or(Duration::from_secs(10), |said| said.value);
    let rules = [("renamed", 0), ("stable", 1), ("marker", 2)];
    let complete = match section.choice("complete", &rules).map(|said| said.value) {
        Some(0) => Complete::Renamed,
        Some(1) => Complete::Stable(stable),
        Some(_) => marker.unwrap_or_else(|| Complete::Marker(".done".to_owned())),
        None if local => Complete::Renamed,
        None => Complete::Stable(stable),
    };
    let to = section.text("move_to").map(|said| said.value);
    let suffix = section.text("rename_suffix").map_or_else(|| ".taken".to_owned(), |said| said.value);
    let ends = [("leave", 0), ("delete", 1), ("move", 2), ("rename", 3)];
    let after = match (section.choice("after", &ends).map(|said| said.value), to) {
        (Some(0), _) => After::Leave,
        (Some(1), _) => After::Delete,
        (Some(3), _) => After::Rename(suffix),
        (Some(_), Some(to)) => After::Move(to),
        (Some(_), None) => {
            let hint = "write move_to = \"/out/done\", a folder beside the one we read";
            section.fault(
                "move_to_missing",
                &section.place(),
                "the folder to move files to is missing",
                hint,
            );
            After::Leave
        }
        (None, Some(to)) => After::Move(to),
        (None, None) => After::Leave,
    };
    let texts = |key| section.texts(key).into_iter().map(|said| said.value).collect();
    let inbound = Inbound {
        path: folder(section),
        complete,
        poll_every: section.duration("poll_every").map_or(Duration::from_secs(30), |said| said.value),
        after,
        files: texts("files"),
        ignore: texts("ignore"),
        unpack: packing::steps(section, "unpack", Step::UNPACK),
        limits: packing::limits(section.section("limits").as_ref()),
    };
    section.finish();
    inbound
}

/// The name of our files where none is written.
const NAME: &str = "{document}_{control_number}.edi";

fn addresses(section: &Section<'_>) -> Mail {
    let mut to = Vec::new();
    for said in section.texts("to") {
        if mail::is_address(&said.value) {
            to.push(said.value);
        } else {
            let message = format!("`{}` is no mail address", said.value);
            section.fault("mail_form", &said.place, message, mail::FORM);
        }
    }
    if !section.has("to") {
        let hint = "write to = \"edi@partner.example\"";
        section.fault("setting_missing", &section.place(), "nobody is named to mail to", hint);
    }
    Mail { to, subject: template(section, "subject", "{document} {number}") }
}

/// A text with placeholders.
fn template(section: &Section<'_>, key: &'static str, otherwise: &str) -> String {
    let said = section.text(key);
    if let Some((said, fault)) =
        said.as_ref().and_then(|said| Some((said, pattern::check_template(&said.value)?)))
    {
        let known =
            pattern::PLACEHOLDERS.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" ");
        section.fault("name_template", &said.place, fault, format!("placeholders are {known}"));
    }
    said.map_or_else(|| otherwise.to_owned(), |said| said.value)
}

fn outbound(section: &Section<'_>, transport: &Transport) -> Outbound {
    let direct = section.choice("put", PUTS).filter(|said| {
        if said.value && !matches!(transport, Transport::Sftp(_)) {
            let hint = "take it out: only some SFTP servers need it";
            section.fault("put_direct", &said.place, "nothing but an SFTP server is put to directly", hint);
        }
        said.value
    });
    let outbound = Outbound {
        path: if matches!(transport, Transport::Mail(_)) { String::new() } else { folder(section) },
        name: template(section, "name", NAME),
        pack: packing::steps(section, "pack", Step::PACK),
        direct: direct.is_some(),
    };
    section.finish();
    outbound
}

/// The folder; one that climbs out of the channel's root is a fault, since profiles are not trusted with paths.
fn folder(section: &Section<'_>) -> String {
    let path = section.required_text("path", "write path = \"/out\", the folder on the partner's server");
    if path.value.split(['/', '\\']).any(|part| part == "..") {
        section.fault(
            "path_climbs",
            &path.place,
            "a folder cannot lie above the channel's root",
            "take `..` out",
        );
    }
    path.value
}
