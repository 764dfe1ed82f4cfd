//! `crossdock partner new`: a profile begun as a copy of another.

use super::super::exit;
use super::TODO;
use crate::config::Config;
use crate::declaration::suggestion;
use anyhow::{Context as _, bail, ensure};
use clap::Args;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::ExitCode;

/// Begin a profile as a copy of another
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// Id of the new partner: small letters, digits and hyphens
    #[arg(value_name = "ID")]
    id: String,
    /// The partner that is most like it
    #[arg(long, value_name = "EXAMPLE")]
    like: String,
    /// The partner's name, for people
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The partner's X12 qualifier and id, such as 01:123456789
    #[arg(long, value_name = "QUALIFIER:ID")]
    x12: Option<String>,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    check_id(&arguments.id)?;
    let example = config.profiles.join(format!("{}.toml", arguments.like));
    let Ok(text) = std::fs::read_to_string(&example) else {
        let known: Vec<String> = std::fs::read_dir(&config.profiles)
            .with_context(|| format!("cannot list {}", config.profiles.display()))?
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
            .filter(|id| id != "defaults")
            .collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        bail!("there is no partner `{}`; hint: {}", arguments.like, suggestion(&arguments.like, &known));
    };
    let identity = arguments.x12.as_deref().map(split_identity).transpose()?;
    let profile = copy(&text, arguments, identity);
    let path = config.profiles.join(format!("{}.toml", arguments.id));
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).with_context(|| {
        format!("cannot write {}; a profile that exists is never overwritten", path.display())
    })?;
    file.write_all(profile.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    let open = profile.lines().enumerate().filter(|(_, line)| line.contains(TODO));
    let open: Vec<String> =
        open.map(|(index, line)| format!("  line {}: {}\n", index + 1, line.trim())).collect();
    let left = if open.is_empty() {
        String::new()
    } else {
        format!("to be settled with the partner:\n{}", open.concat())
    };
    super::print(&format!(
        "wrote {}\n{left}then: crossdock check; samples into {}/received/; crossdock partner test {}\n",
        path.display(),
        config.profiles.join(&arguments.id).display(),
        arguments.id,
    ))?;
    Ok(ExitCode::from(exit::DONE))
}

/// An id becomes the name of a file and of folders, so it has only plain characters.
pub(super) fn check_id(id: &str) -> anyhow::Result<()> {
    let plain = id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    ensure!(
        plain && !id.is_empty() && !id.starts_with('-') && id != "defaults",
        "`{id}` cannot be a partner's id; hint: use small letters, digits and hyphens, such as `my-3pl`"
    );
    Ok(())
}

fn split_identity(text: &str) -> anyhow::Result<(String, String)> {
    let (qualifier, id) = text.split_once(':').unwrap_or(("", text));
    ensure!(
        qualifier.len() == 2 && !id.is_empty() && id.len() <= 15,
        "`{text}` is no X12 identity; hint: write the two characters of ISA05, a colon and ISA06, such as 01:123456789"
    );
    Ok((qualifier.to_owned(), id.to_owned()))
}

/// The example's text with everything that is the example's own marked, so that nothing of it slips into production.
fn copy(text: &str, arguments: &Arguments, identity: Option<(String, String)>) -> String {
    let Arguments { id, like, name, .. } = arguments;
    let (qualifier, x12_id, unsure) = match identity {
        Some((qualifier, x12_id)) => (qualifier, x12_id, String::new()),
        None => {
            let x12_id: String = id.to_ascii_uppercase().replace('-', "").chars().take(15).collect();
            ("ZZ".to_owned(), x12_id, format!("  {TODO} ISA05 and ISA06 of its files"))
        }
    };
    let name = name.clone().unwrap_or_else(|| id.clone());
    let has_usage = text.lines().any(|line| key(line) == "usage");
    let mut lines = vec![format!("# {name}. Begun as a copy of {like}.")];
    let mut section = String::new();
    // The example's own heading tells about the example.
    let body = text.lines().skip_while(|line| line.starts_with('#') || line.trim().is_empty());
    lines.push(String::new());
    for line in body {
        if line.trim_start().starts_with('[') {
            section = line.trim().to_owned();
        }
        let line = line.replace(like.as_str(), id);
        let line = match (section.as_str(), key(&line)) {
            ("[partner]", "id") => format!("id   = \"{id}\""),
            ("[partner]", "name") => format!("name = \"{name}\""),
            ("[x12]", "them") => {
                format!("them = {{ qualifier = \"{qualifier}\", id = \"{x12_id}\" }}{unsure}")
            }
            ("[x12]", "usage") => "usage = \"test\"".to_owned(),
            (_, "host") => format!("{line}  {TODO} the partner's server"),
            (_, "user") => format!("{line}  {TODO} our account there"),
            (_, "key" | "password" | "token") => format!("{line}  {TODO} where the secret lies"),
            (_, "host_keys") => format!("{line}  {TODO} its fingerprint, from the partner"),
            (_, "url") => format!("{line}  {TODO} its address"),
            _ => line,
        };
        let opens = line.trim() == "[x12]";
        lines.push(line);
        if opens && !has_usage {
            lines.push(
                "# What comes is checked and acknowledged but changes nothing, until this is \"production\"."
                    .to_owned(),
            );
            lines.push("usage = \"test\"".to_owned());
        }
    }
    lines.join("\n") + "\n"
}

/// The key of a `key = value` line.
fn key(line: &str) -> &str {
    line.split_once('=').map_or("", |(key, _)| key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_nothing_of_its_example_that_could_reach_the_wrong_partner() {
        let example = "# About the example.\n\n[partner]\nid = \"old-one\"\nname = \"Old\"\n\n[x12]\nthem = { qualifier = \"01\", id = \"1\" }\n\n[channels.edi]\ntransport = \"sftp\"\nhost = \"sftp.old-one.example\"\n";
        let arguments = Arguments { id: "new-one".into(), like: "old-one".into(), name: None, x12: None };
        let text = copy(example, &arguments, None);
        assert!(!text.lines().skip(1).any(|line| line.contains("old-one") || line.contains("Old")), "{text}");
        assert!(text.contains("usage = \"test\"") && text.contains("id = \"NEWONE\""), "{text}");
    }
}
