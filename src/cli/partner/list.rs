//! `crossdock partner list`: who there is, and what is exchanged with each.

use super::super::{exit, open, status};
use crate::config::Config;
use crate::profiles::{Channel, Profile, Usage};
use std::process::ExitCode;

pub(super) fn run(config: &Config) -> anyhow::Result<ExitCode> {
    let agreements = match open::agreements(config) {
        Ok(agreements) => agreements,
        Err(shown) => return super::usage(&shown),
    };
    let mut table = status::table(&["partner", "name", "X12 id", "usage", "sends us", "is sent", "channels"]);
    for profile in agreements.profiles.list() {
        table.add_row(row(profile));
    }
    super::print(&format!("{table}\n"))?;
    Ok(ExitCode::from(exit::DONE))
}

fn row(profile: &Profile) -> [String; 7] {
    let x12 = profile.x12.as_ref();
    let ids = x12.map_or_else(Vec::new, |x12| {
        x12.them.iter().map(|them| format!("{}:{}", them.qualifier, them.id)).collect::<Vec<_>>()
    });
    let word = |usage| match usage {
        Usage::Production => "production",
        Usage::Test => "test",
    };
    let mut usages: Vec<String> = x12.iter().map(|x12| word(x12.usage).to_owned()).collect();
    usages.extend(profile.agreements.iter().filter_map(|by| Some(format!("{}: {}", by.id, word(by.usage?)))));
    let received: Vec<&str> =
        profile.exchange.receives.iter().map(|receives| receives.document.as_str()).collect();
    let sent: Vec<&str> = profile.exchange.sends.iter().map(|sends| sends.document.as_str()).collect();
    let channels: Vec<String> = profile.channels.values().map(channel).collect();
    [
        profile.id.clone(),
        profile.name.clone(),
        ids.join("\n"),
        usages.join("\n"),
        unique(received).join("\n"),
        unique(sent).join("\n"),
        channels.join("\n"),
    ]
}

fn unique(mut names: Vec<&str>) -> Vec<&str> {
    let mut seen = Vec::new();
    names.retain(|name| {
        let new = !seen.contains(name);
        seen.push(*name);
        new
    });
    names
}

fn channel(channel: &Channel) -> String {
    format!("{}: {}", channel.name, super::connect::address(&channel.transport))
}
