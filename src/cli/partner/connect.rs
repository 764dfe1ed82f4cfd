//! `crossdock partner connect`: tries a partner's channels, so that what is wrong shows before the first document.

use super::super::{counted, exit, open};
use crate::clock::Clock;
use crate::config::Config;
use crate::packing::{self, Step};
use crate::pipeline::{self, folders, login};
use crate::profiles::{After, Channel, Http, Inbound, Outbound, Transport};
use crate::transports::http::{self, Answer, Call, Outcome};
use crate::transports::sftp::{Algorithms, Login, Server, Settings, show_host_key};
use crate::transports::{self, EntryKind, Error, Kind, mail};
use anyhow::Context as _;
use clap::Args;
use std::process::ExitCode;
use std::time::Duration;

/// What is tried.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// The partner
    #[arg(value_name = "ID")]
    id: String,
    /// Only this channel
    #[arg(long, value_name = "NAME")]
    channel: Option<String>,
    /// Also put a small hidden file into each outbound folder, rename it and remove it again
    #[arg(long)]
    write: bool,
}

/// A server whose host key is to be shown.
#[derive(Args, Clone, Debug)]
pub struct HostKeyArguments {
    /// Its name or address, and the port if it is not 22
    #[arg(value_name = "HOST[:PORT]")]
    server: String,
    /// It is an old one: as with `legacy_until` of a channel
    #[arg(long)]
    legacy: bool,
}

/// How long a call may take that only sees whether somebody is there.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Shows the host key of a server, which is sent nothing of ours.
pub(super) fn show_key(arguments: &HostKeyArguments) -> anyhow::Result<ExitCode> {
    let (host, port) = match arguments.server.rsplit_once(':') {
        // Colons of an address of IPv6 separate no port, unless it stands in brackets.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host.trim_matches(['[', ']']), port.parse().context("the port is no number from 1 to 65535")?)
        }
        _ => (arguments.server.as_str(), 22),
    };
    let algorithms = if arguments.legacy { Algorithms::Legacy } else { Algorithms::Modern };
    let key = show_host_key(host, port, algorithms).map_err(|error| anyhow::anyhow!(error.with_hint()))?;
    super::print(&format!(
        "host_keys = [\"{}\"]   # {}\n\
         Anybody on the way could have shown this key: compare it with what the partner tells you by telephone or letter\n\
         before you write it into the profile.\n",
        key.fingerprint, key.kind
    ))?;
    Ok(ExitCode::from(exit::DONE))
}

/// Tries the channels of a partner; the exit code says whether all is well.
pub(super) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let agreements = match open::agreements(config) {
        Ok(agreements) => agreements,
        Err(shown) => return super::usage(&shown),
    };
    let profile = open::find_partner(&agreements, &arguments.id)?;
    let mut channels: Vec<&Channel> = profile.channels.values().collect();
    if let Some(wanted) = &arguments.channel {
        channels.retain(|channel| channel.name == *wanted);
        if channels.is_empty() {
            let known = profile.channels.keys().map(String::as_str);
            let hint = crate::declaration::suggestion(wanted, known);
            anyhow::bail!("{} has no channel `{wanted}`; hint: {hint}", profile.id);
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut seen = Seen::default();
    for channel in channels {
        super::print(&format!("{}/{}: {}\n", profile.id, channel.name, address(&channel.transport)))?;
        runtime.block_on(try_channel(config, channel, arguments.write, &mut seen))?;
    }
    let told = match seen.wrong {
        0 => "Nothing is wrong.\n".to_owned(),
        wrong => format!("{} to mend.\n", counted(wrong, "fault")),
    };
    super::print(&told)?;
    Ok(ExitCode::from(if seen.wrong == 0 { exit::DONE } else { exit::FINDINGS }))
}

/// Where a channel leads, for people.
pub(super) fn address(transport: &Transport) -> String {
    match transport {
        Transport::Local { .. } => "folder of this machine".to_owned(),
        Transport::Sftp(settings) => format!("sftp {}@{}:{}", settings.user, settings.host, settings.port),
        Transport::Http(http) => format!("{} {}", http.method, http.url),
        Transport::Mail(mail) => format!("mail to {}", mail.to.join(", ")),
    }
}

/// What was seen so far.
#[derive(Default)]
struct Seen {
    wrong: usize,
}

impl Seen {
    fn well(&self, what: &str, said: &str) -> anyhow::Result<()> {
        super::print(&format!("  ok     {what:<9} {said}\n"))
    }

    fn not_tried(&self, what: &str, said: &str) -> anyhow::Result<()> {
        super::print(&format!("  -      {what:<9} {said}\n"))
    }

    fn wrong(&mut self, what: &str, said: &str, hint: &str) -> anyhow::Result<()> {
        self.wrong += 1;
        super::print(&format!("  wrong  {what:<9} {said}\n"))?;
        if hint.is_empty() { Ok(()) } else { super::print(&format!("         {:<9} hint: {hint}\n", "")) }
    }

    fn failed(&mut self, what: &str, error: &Error) -> anyhow::Result<()> {
        let hint = match error.kind() {
            Kind::Down => {
                "check host and port; ask the partner whether this machine's address may connect, and look at your own firewall"
            }
            Kind::Busy => {
                "the server takes no more sessions now: try again, and lower `sessions` if it stays so"
            }
            Kind::NotFound => {
                "check the path in the profile; without `/` in front it starts where the login lands"
            }
            Kind::AuthRefused => {
                "check user and key with the partner; three refusals in a row lock many accounts"
            }
            _ => error.hint(),
        };
        self.wrong(what, &error.to_string(), hint)
    }
}

async fn try_channel(config: &Config, channel: &Channel, write: bool, seen: &mut Seen) -> anyhow::Result<()> {
    try_keys(config, channel, seen)?;
    match &channel.transport {
        Transport::Http(settings) => return try_calls(config, settings, seen).await,
        Transport::Mail(_) => return try_mail(config, seen).await,
        Transport::Sftp(settings) => {
            if !try_session(config, settings, seen).await? {
                return Ok(());
            }
        }
        Transport::Local { .. } => {}
    }
    let Some(transport) = folders(&channel.transport, config) else { return Ok(()) };
    if let Some(inbound) = &channel.inbound {
        try_inbound(&transport, inbound, seen).await?;
    }
    if let Some(outbound) = &channel.outbound {
        try_outbound(&transport, outbound, write, seen).await?;
    }
    Ok(())
}

/// Looks whether what comes can be decrypted, and what goes encrypted.
fn try_keys(config: &Config, channel: &Channel, seen: &mut Seen) -> anyhow::Result<()> {
    let comes = channel.inbound.as_ref().is_some_and(|inbound| inbound.unpack.contains(&Step::Pgp));
    let goes = channel.outbound.as_ref().is_some_and(|outbound| outbound.pack.contains(&Step::Pgp));
    if !comes && !goes {
        return Ok(());
    }
    let keys = match pipeline::keys(config, channel, Clock::System.now()) {
        Ok(keys) => keys,
        Err(error) => return seen.wrong("PGP", &error.to_string(), ""),
    };
    for looked in packing::look_at_keys(&keys, comes, goes) {
        match looked {
            Ok(said) => seen.well("PGP", &said)?,
            Err(fault) => seen.wrong("PGP", &fault.to_string(), "")?,
        }
    }
    Ok(())
}

/// Connects and logs in; false when that is as far as it goes.
async fn try_session(config: &Config, settings: &Settings, seen: &mut Seen) -> anyhow::Result<bool> {
    let agreed = match Server::new(settings.clone(), config.secrets.clone()).probe().await {
        Ok(agreed) => agreed,
        Err(error) => {
            let what = match error.kind() {
                Kind::HostKeyMismatch => "host key",
                Kind::AuthRefused | Kind::Invalid => "login",
                _ => "reach",
            };
            seen.failed(what, &error)?;
            return Ok(false);
        }
    };
    seen.well("host key", &format!("{} {} is pinned", agreed.host_key.kind, agreed.host_key.fingerprint))?;
    let by = match settings.login {
        Login::Key { .. } => "key",
        Login::Password(_) => "password",
    };
    seen.well("login", &format!("as {} with the {by}", settings.user))?;
    let mac = if agreed.mac.is_empty() { String::new() } else { format!(", {}", agreed.mac) };
    let spoken = format!("{}: {}, {}{mac}", agreed.banner, agreed.key_exchange, agreed.cipher);
    let old =
        if agreed.legacy { "; these are not safe any more: ask the partner when it is renewed" } else { "" };
    seen.well("speaks", &format!("{spoken}{old}"))?;
    Ok(true)
}

async fn try_inbound(
    transport: &transports::Transport,
    inbound: &Inbound,
    seen: &mut Seen,
) -> anyhow::Result<()> {
    match transport.list(&inbound.path).await {
        Err(error) => seen.failed("inbound", &error)?,
        Ok(listing) => {
            let names = listing.entries.iter().filter(|entry| entry.kind == EntryKind::File);
            let mut names: Vec<String> = names.map(|entry| entry.name.to_string()).collect();
            names.sort();
            let taken: Vec<&String> = names.iter().filter(|name| inbound.takes(name)).collect();
            let (files, many) = (counted(names.len(), "file"), taken.len());
            let mut said = format!("`{}` has {files}, {many} of them to be picked up", inbound.path);
            if let Some(first) = taken.first() {
                said.push_str(&format!(", such as `{first}`"));
            } else if let Some(first) = names.first() {
                said.push_str(&format!("; `files` and `ignore` of the channel pass over `{first}`"));
            }
            seen.well("inbound", &said)?;
            let links = listing.entries.iter().filter(|entry| entry.kind == EntryKind::Link).count();
            if links > 0 {
                let said = format!("`{}` has {}", inbound.path, counted(links, "link"));
                seen.wrong("inbound", &said, "links are never followed: ask for the files themselves")?;
            }
            for refused in listing.refused.iter().take(3) {
                let said = format!("`{}` is passed over: {}", refused.shown, refused.why);
                seen.wrong("inbound", &said, "ask the partner for plain names")?;
            }
        }
    }
    if let After::Move(to) = &inbound.after {
        match transport.list(to).await {
            Ok(_) => seen.well("move to", &format!("`{to}` is there"))?,
            Err(error) => seen.failed("move to", &error)?,
        }
    }
    Ok(())
}

async fn try_outbound(
    transport: &transports::Transport,
    outbound: &Outbound,
    write: bool,
    seen: &mut Seen,
) -> anyhow::Result<()> {
    let path = &outbound.path;
    if let transports::Transport::Local(local) = transport
        && let Err(error) = local.create_folder(path).await
    {
        return seen.failed("outbound", &error);
    }
    match transport.list(path).await {
        Ok(_) => seen.well("outbound", &format!("`{path}` is there"))?,
        // Of a letter box nobody need see the inside.
        Err(error) if error.kind() == Kind::Permission => {
            seen.not_tried("outbound", &format!("`{path}` may not be listed, which does no harm"))?;
        }
        Err(error) => return seen.failed("outbound", &error),
    }
    if !write {
        let said = format!("--write puts a small hidden file into `{path}`, renames it and removes it");
        return seen.not_tried("put", &said);
    }
    let tried = match transport.try_out(path).await {
        Ok(tried) => tried,
        Err(error) => return seen.failed("put", &error),
    };
    match (&tried.rename_refused, outbound.direct) {
        (None, false) => seen.well("put", &format!("a file was written into `{path}` and renamed"))?,
        (None, true) => seen.wrong(
            "put",
            "the server renames files, but the channel says put = \"direct\"",
            "take `put` out of the channel's outbound, so that nobody ever sees half a file",
        )?,
        (Some(_), true) => {
            seen.well("put", &format!("a file was written into `{path}`; the server renames nothing"))?;
        }
        (Some(error), false) => seen.wrong(
            "put",
            &error.to_string(),
            "ask the partner for the right to rename; where the server cannot, write put = \"direct\" into the channel's outbound",
        )?,
    }
    if tried.overwrites {
        let said = "the server replaces files on renaming: we look first whether a name is taken, but names should be unique";
        seen.well("names", said)?;
    }
    for error in &tried.left {
        seen.wrong(
            "removal",
            &error.to_string(),
            "ask the partner to remove it; what we put is theirs to take away",
        )?;
    }
    Ok(())
}

/// Sees that the host is there, proves itself, and takes our login. Its root is asked, which means nothing to it.
async fn try_calls(config: &Config, settings: &Http, seen: &mut Seen) -> anyhow::Result<()> {
    let login = match login(config, settings) {
        Ok(login) => login,
        Err(why) => return seen.wrong("login", &why, "mend the secret that the profile names"),
    };
    let url = settings.url.to_string();
    let root = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let call = Call {
        method: "HEAD".to_owned(),
        url: format!("{root}/"),
        timeout: ANSWER_WITHIN,
        ..Call::default()
    };
    let client = http::Client::new(config.allowed_private_hosts.clone());
    let answered = |answer: &Answer| format!("{root} is there: it answers {} to HEAD /", answer.status);
    match client.call_as(&call, &login).await {
        Ok(Outcome::Delivered(answer) | Outcome::Refused { answer: Some(answer), .. }) => {
            seen.well("reach", &answered(&answer))?;
        }
        Ok(Outcome::RetryLater { answer: Some(answer), .. }) => {
            let hint = "it is there, but not well: ask whoever runs it";
            seen.wrong("reach", &answered(&answer), hint)?;
        }
        Ok(Outcome::Refused { answer: None, why }) => seen.wrong("login", &why, "")?,
        Ok(Outcome::RetryLater { why, .. } | Outcome::Unknown { why }) => {
            let hint = "check the address; ask whoever runs it whether it is up and lets this machine in";
            seen.wrong("reach", &format!("cannot reach {root}: {why}"), hint)?;
        }
        Err(error) => seen.failed("reach", &error)?,
    }
    seen.not_tried("call", "nothing is called on trial; `crossdock partner test` shows what would be sent")
}

async fn try_mail(config: &Config, seen: &mut Seen) -> anyhow::Result<()> {
    let Some(settings) = &config.mail else {
        let hint = "write [mail] with host and from into crossdock.toml";
        return seen.wrong("server", "the hub has no server of mail", hint);
    };
    match mail::try_out(settings, &config.secrets).await {
        Ok(()) => seen.well("server", &format!("{}:{} takes our mail", settings.host, settings.port))?,
        Err(error) => seen.failed("server", &error)?,
    }
    seen.not_tried("mail", "nothing is mailed on trial")
}
