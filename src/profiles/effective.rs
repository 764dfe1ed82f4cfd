//! What holds for a partner, value by value, and which layer says it.

use super::settings::{DIRECTIONS, Otherwise, list_settings};
use crate::declaration::{self, Faults, Source};
use crate::finding::Finding;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// Who says a value; a later one stands over the earlier ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Nobody: it is built in.
    BuiltIn,
    /// `defaults.toml`.
    Defaults(String, u32),
    /// The partner's own file.
    Partner(String, u32),
    /// One of the partner's agreements, by its id.
    Agreement(String, String, u32),
    /// `[inbound]` or `[outbound]`: said once for all documents of the direction.
    Direction(String, u32),
    /// The entry of the document itself.
    Document(String, u32),
    /// `[site.<partner>]` of `crossdock.toml`.
    Site(String, u32),
}

impl Layer {
    /// The same file and line, as another layer.
    fn said_as(self, layer: impl FnOnce(String, u32) -> Self) -> Self {
        match self {
            Self::Defaults(file, line) | Self::Partner(file, line) | Self::Site(file, line) => {
                layer(file, line)
            }
            other => other,
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => out.write_str("built in"),
            Self::Defaults(file, line) => write!(out, "defaults ({file}:{line})"),
            Self::Partner(file, line) => write!(out, "partner ({file}:{line})"),
            Self::Agreement(id, file, line) => write!(out, "agreement {id} ({file}:{line})"),
            Self::Direction(file, line) => write!(out, "direction ({file}:{line})"),
            Self::Document(file, line) => write!(out, "document ({file}:{line})"),
            Self::Site(file, line) => write!(out, "site ({file}:{line})"),
        }
    }
}

/// One value in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective {
    /// Its dotted name, list entries by number, the first is 0.
    pub key: String,
    /// The value as written.
    pub value: String,
    /// Who says it.
    pub layer: Layer,
}

/// Every value in force for a partner, or for one of its agreements; `site` is `crossdock.toml`, names of files are shown from `root`.
///
/// # Errors
/// What is no TOML in the partner's file or the defaults.
pub fn list_effective(
    folder: &Path,
    site: &Source,
    root: &Path,
    id: &str,
    agreement: Option<&str>,
) -> Result<Vec<Effective>, Vec<Finding>> {
    let source = |name: &str| {
        let path = folder.join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        Source { name: super::shown(&path, root), text }
    };
    let (defaults, own) = (source("defaults.toml"), source(&format!("{id}.toml")));
    let faults = Faults::default();
    let mut said = Said::default();
    said.add(
        declaration::parse(&defaults, &faults).get_ref(),
        "",
        &|place| Layer::Defaults(defaults.name.clone(), declaration::line(&defaults, place)),
        &defaults.text,
    );
    said.add(
        declaration::parse(&own, &faults).get_ref(),
        "",
        &|place| Layer::Partner(own.name.clone(), declaration::line(&own, place)),
        &own.text,
    );
    let site_table = declaration::parse(site, &Faults::default());
    let over = site_table.get_ref().get("site").and_then(|value| value.get_ref().as_table()?.get(id));
    if let Some(over) = over.and_then(|value| value.get_ref().as_table()) {
        said.add(
            over,
            "",
            &|place| Layer::Site(site.name.clone(), declaration::line(site, place)),
            &site.text,
        );
    }
    let findings = faults.into_findings();
    if !findings.is_empty() {
        return Err(findings);
    }
    if !said.0.keys().any(|key| key.starts_with("x12.them.")) {
        // The defaults say who we are; a partner has X12 when its own file says who they are.
        said.0.retain(|key, _| !key.starts_with("x12."));
    }
    said.lay_directions();
    if let Some(agreement) = agreement {
        said.put_on_top(agreement);
    }
    said.add_built_in();
    let rank = |key: &str| {
        let order = [
            "agreement",
            "partner",
            "contacts",
            "calendars",
            "x12",
            "channels",
            "agreements",
            "receives",
            "sends",
            "routes",
            "expects",
        ];
        let first = key.split(['.', '[']).next().unwrap_or_default();
        order.iter().position(|known| *known == first).unwrap_or(order.len())
    };
    let mut all: Vec<Effective> =
        said.0.into_iter().map(|(key, (value, layer))| Effective { key, value, layer }).collect();
    all.sort_by_key(|effective| rank(&effective.key));
    Ok(all)
}

/// Sections whose built-in values hold wherever the section around them is there.
const IMPLIED: &[&str] = &[
    ".separators",
    ".reading",
    ".acks",
    ".control_numbers",
    ".control_numbers.interchange",
    ".control_numbers.group",
];

/// Value and layer by dotted name.
#[derive(Default)]
struct Said(BTreeMap<String, (String, Layer)>);

impl Said {
    fn add(&mut self, table: &DeTable<'_>, above: &str, layer: &dyn Fn(usize) -> Layer, text: &str) {
        for (name, value) in table {
            let key = if above.is_empty() {
                name.get_ref().to_string()
            } else {
                format!("{above}.{}", name.get_ref())
            };
            match value.get_ref() {
                DeValue::Table(below) => self.add(below, &key, layer, text),
                DeValue::Array(array) if array.iter().any(|entry| entry.get_ref().is_table()) => {
                    // A list of tables stands as a whole: the lower layers' entries are not mixed in.
                    let list = format!("{key}[");
                    self.0.retain(|known, _| !known.starts_with(&list));
                    for (index, entry) in array.iter().enumerate() {
                        if let Some(below) = entry.get_ref().as_table() {
                            self.add(below, &format!("{key}[{index}]"), layer, text);
                        }
                    }
                }
                _ => {
                    let raw = text.get(value.span()).unwrap_or_default();
                    self.0.insert(key, (one_line(raw), layer(name.span().start)));
                }
            }
        }
    }

    /// Lays what an agreement says over what the partner says, and leaves the other agreements out.
    fn put_on_top(&mut self, id: &str) {
        let is_its_id = |key: &str, value: &str| {
            key.starts_with("agreements[") && key.ends_with("].id") && value.trim_matches(['"', '\'']) == id
        };
        let own = self.0.iter().find(|(key, (value, _))| is_its_id(key, value));
        let own = own.and_then(|(key, _)| key.strip_suffix("id").map(str::to_owned));
        let (agreements, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.0).into_iter().partition(|(key, _)| key.starts_with("agreements["));
        self.0 = rest;
        for (key, (value, layer)) in agreements {
            let Some(name) = own.as_ref().and_then(|own| key.strip_prefix(own.as_str())) else { continue };
            let section = name.split('.').next().unwrap_or_default();
            let over = match section {
                "us" | "us_group" | "them_group" | "usage" => format!("x12.{name}"),
                "owner" | "escalate_to" => format!("partner.{name}"),
                _ => format!("agreement.{name}"),
            };
            let layer = layer.said_as(|file, line| Layer::Agreement(id.to_owned(), file, line));
            self.0.insert(over, (value, layer));
        }
    }

    /// Lays what is said for all documents of a direction below what each of them says.
    fn lay_directions(&mut self) {
        for (direction, list) in DIRECTIONS {
            let (prefix, entry) = (format!("{direction}."), format!("{list}["));
            let all = std::mem::take(&mut self.0).into_iter();
            let (common, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
                all.partition(|(key, _)| key.starts_with(&prefix));
            self.0 = rest;
            let entries: BTreeSet<String> = self
                .0
                .keys()
                .filter(|key| key.starts_with(&entry))
                .filter_map(|key| Some(format!("{}]", key.split_once(']')?.0)))
                .collect();
            for (key, (_, layer)) in &mut self.0 {
                if key.starts_with(&entry) {
                    *layer = layer.clone().said_as(Layer::Document);
                }
            }
            for entry in &entries {
                for (key, (value, layer)) in &common {
                    let key = format!("{entry}.{}", key.strip_prefix(&prefix).unwrap_or(key));
                    let layer = layer.clone().said_as(Layer::Direction);
                    self.0.entry(key).or_insert((value.clone(), layer));
                }
            }
        }
    }

    fn add_built_in(&mut self) {
        let mut built_in = Vec::new();
        for setting in list_settings() {
            let value = match setting.otherwise {
                Otherwise::Is(value) => value.to_owned(),
                Otherwise::Like(words) => format!("({})", words.replace('`', "")),
                Otherwise::Required | Otherwise::Nothing => continue,
            };
            let (above, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
            // Some need no section of their own to hold.
            let implied =
                IMPLIED.iter().find(|section| above.ends_with(*section)).copied().unwrap_or_default();
            for at in self.places(above.strip_suffix(implied).unwrap_or(above)) {
                let key = format!("{at}{implied}.{name}");
                let below = format!("{key}.");
                let is_said =
                    self.0.contains_key(&key) || self.0.keys().any(|known| known.starts_with(&below));
                if !is_said && self.is_of(&at, setting.transport) && !self.is_idle(&key) {
                    built_in.push((key, (value.clone(), Layer::BuiltIn)));
                }
            }
        }
        self.0.extend(built_in);
    }

    /// The sections that a pattern such as `channels.NAME.inbound` or `receives[]` stands for.
    fn places(&self, pattern: &str) -> Vec<String> {
        let steps: Vec<&str> = pattern.split('.').collect();
        let mut found: Vec<String> = Vec::new();
        for key in self.0.keys() {
            let own: Vec<&str> = key.split('.').collect();
            let fits = own.len() > steps.len()
                && steps.iter().zip(&own).all(|(step, own)| match step.strip_suffix("[]") {
                    Some(list) => own.split('[').next() == Some(list),
                    None => step == own || *step == "NAME",
                });
            if fits {
                let place = own.get(..steps.len()).unwrap_or_default().join(".");
                if !found.contains(&place) {
                    found.push(place);
                }
            }
        }
        found
    }

    fn is_of(&self, place: &str, transport: &str) -> bool {
        let channel: Vec<&str> = place.split('.').take(2).collect();
        let said = self.0.get(&format!("{}.transport", channel.join(".")));
        transport.is_empty() || said.is_some_and(|(value, _)| value.trim_matches(['"', '\'']) == transport)
    }

    /// Settings that only count beside another value.
    fn is_idle(&self, key: &str) -> bool {
        let Some((above, name)) = key.rsplit_once('.') else { return false };
        let complete =
            self.0.get(&format!("{above}.complete")).map(|(value, _)| value.trim_matches(['"', '\'']));
        match name {
            "marker" => complete != Some("marker"),
            "stable" => {
                complete.is_some_and(|rule| rule != "stable")
                    || (complete.is_none() && self.is_of(above, "local"))
            }
            _ => false,
        }
    }
}

/// Lists over several lines are told in one.
fn one_line(raw: &str) -> String {
    raw.split_whitespace().collect::<Vec<_>>().join(" ")
}
