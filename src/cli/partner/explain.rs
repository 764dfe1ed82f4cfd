//! `crossdock partner explain`: every value in force, and which layer says it.

use super::super::{exit, faults, open};
use crate::config::Config;
use crate::profiles::{Effective, list_effective};
use std::fmt::Write as _;
use std::process::ExitCode;

pub(super) fn run(config: &Config, id: &str, agreement: Option<&str>) -> anyhow::Result<ExitCode> {
    let path = config.profiles.join(format!("{id}.toml"));
    if id == "defaults" || !path.is_file() {
        // The list of partners is only needed for the hint.
        let known: Vec<String> = std::fs::read_dir(&config.profiles)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
            .filter(|known| known != "defaults")
            .collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        anyhow::bail!("there is no partner `{id}`; hint: {}", crate::declaration::suggestion(id, &known));
    }
    let list = |agreement| list_effective(&config.profiles, &config.source, &config.root, id, agreement);
    if let Some(wanted) = agreement {
        let ids: Vec<String> = list(None)
            .unwrap_or_default()
            .into_iter()
            .filter(|value| value.key.starts_with("agreements[") && value.key.ends_with("].id"))
            .map(|value| value.value.trim_matches(['"', '\'']).to_owned())
            .collect();
        if !ids.iter().any(|id| id == wanted) {
            let known: Vec<&str> = ids.iter().map(String::as_str).collect();
            let hint = crate::declaration::suggestion(wanted, &known);
            anyhow::bail!("{id} has no agreement `{wanted}`; hint: {hint}");
        }
    }
    let effective = match list(agreement) {
        Ok(effective) => effective,
        Err(findings) => {
            let texts = faults::texts(&findings, &config.root);
            return super::usage(&faults::render(&findings, &texts, false));
        }
    };
    super::print(&shown(&effective))?;
    // Values are shown all the same, since they help to see what is wrong.
    match open::agreements(config) {
        Ok(_) => Ok(ExitCode::from(exit::DONE)),
        Err(shown) => super::usage(&shown),
    }
}

fn shown(effective: &[Effective]) -> String {
    let width = |text: fn(&Effective) -> &str| {
        effective.iter().map(|value| text(value).chars().count()).max().unwrap_or(0)
    };
    let (keys, values) = (width(|value| &value.key), width(|value| &value.value).min(60));
    let mut text = String::new();
    for value in effective {
        writeln!(text, "{:keys$}  {:values$}  {}", value.key, value.value, value.layer)
            .expect("writing to a string cannot fail");
    }
    text
}
