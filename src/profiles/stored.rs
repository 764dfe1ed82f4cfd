//! A profile's layers as they are kept with every file and document that it read or wrote.
//!
//! Of `crossdock.toml` only the partner's own table is kept: the file may hold the password of the database,
//! and what else it says is no part of what was agreed.

use super::{Library, Profiles, read_profile};
use crate::declaration::{self, Faults, Section, Source};
use crate::finding::Finding;
use std::path::Path;
use toml::de::DeValue;

/// Begins each layer in the text of a version. TOML allows no such character, so no layer can hold one.
const LAYER: char = '\u{1e}';

/// The layers of one partner as one text.
pub(super) fn text_of<'a>(layers: impl Iterator<Item = &'a Source>) -> String {
    layers.map(|layer| format!("{LAYER}{}\n{}", layer.name, layer.text)).collect()
}

/// What `crossdock.toml` says of one partner, and nothing else that it says.
pub(super) fn site_layer(site: &Source, id: &str) -> Source {
    // Faults of the file are told where it is read as settings.
    let table = declaration::parse(site, &Faults::default());
    let partners = table.get_ref().get("site").and_then(|value| value.get_ref().as_table());
    let own = partners.and_then(|partners| partners.iter().find(|(name, _)| name.get_ref() == id));
    let text = own.map_or_else(String::new, |(name, value)| {
        let name = site.text.get(name.span()).unwrap_or_default();
        format!("site.{name} = {}\n", written(value.get_ref(), value.span(), &site.text))
    });
    Source { name: site.name.clone(), text }
}

/// A value as TOML within one value; scalars stay as they were written.
fn written(value: &DeValue<'_>, span: std::ops::Range<usize>, text: &str) -> String {
    match value {
        DeValue::Table(table) => {
            let pairs: Vec<String> = table
                .iter()
                .map(|(name, value)| {
                    let name = text.get(name.span()).unwrap_or_default();
                    format!("{name} = {}", written(value.get_ref(), value.span(), text))
                })
                .collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        DeValue::Array(array) => {
            let entries: Vec<String> =
                array.iter().map(|entry| written(entry.get_ref(), entry.span(), text)).collect();
            format!("[{}]", entries.join(", "))
        }
        _ => text.get(span).unwrap_or_default().to_owned(),
    }
}

impl Profiles {
    /// These profiles, that of one partner as a stored version has it.
    ///
    /// # Errors
    /// What this program does not understand of it.
    pub fn with_stored(
        &self,
        id: &str,
        text: &str,
        root: &Path,
        library: &Library,
    ) -> Result<Self, Vec<Finding>> {
        let layers: Vec<Source> = text
            .split(LAYER)
            .skip(1)
            .filter_map(|layer| {
                let (name, text) = layer.split_once('\n')?;
                Some(Source { name: name.to_owned(), text: text.to_owned() })
            })
            .collect();
        let faults = Faults::default();
        let mut profiles = self.clone();
        if let [defaults, own, site, kept @ ..] = layers.as_slice() {
            let site_table = declaration::parse(site, &Faults::default());
            let site_whole = declaration::whole(&[(site, &site_table)], &faults);
            let over: Vec<Section<'_>> = site_whole
                .named_sections("site")
                .into_iter()
                .filter(|(name, _)| name == id)
                .map(|(_, section)| section)
                .collect();
            let (below, table) = (declaration::parse(defaults, &faults), declaration::parse(own, &faults));
            let whole = declaration::whole(&[(defaults, &below), (own, &table)], &faults);
            let beside = |file: &str| {
                let found = kept.iter().find(|kept| kept.name.rsplit('/').next() == Some(file));
                found.cloned().ok_or_else(|| format!("`{file}` was not kept"))
            };
            let layers = [defaults, own, site];
            let profile = read_profile(id, &whole.under(over), &layers, library, root, &beside);
            profiles.by_id.insert(id.to_owned(), profile);
        } else {
            let source = Source { name: id.to_owned(), text: String::new() };
            let table = declaration::parse(&source, &faults);
            let whole = declaration::whole(&[(&source, &table)], &faults);
            let message = "an earlier version of the program kept it in another form";
            whole.fault("cannot_read", &whole.place(), message, "read it by the profile in force");
        }
        let findings = faults.into_findings();
        if findings.is_empty() { Ok(profiles) } else { Err(findings) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(text: &str, id: &str) -> String {
        let source = Source { name: "crossdock.toml".to_owned(), text: text.to_owned() };
        site_layer(&source, id).text
    }

    #[test]
    fn only_the_partners_own_table_of_the_settings_file_is_kept() {
        let text = "[database]\nurl = \"postgres://hub:CANARY@db/hub\" # CANARY\n[site.other]\nx = \"CANARY\"\n\
                    [site.acme]\n# CANARY\nowner = 'it\"s'\nlist = [\n 1, # CANARY\n 2 ]\n\
                    [site.acme.channels.\"edi x\"]\nhost = \"h\"\nlong = \"\"\"\na\n[site.acme]\"\"\"\n\
                    [[site.acme.receives]]\ntranslator = \"t\"\n[[site.acme.receives]]\ntranslator = \"u\"\n";
        let kept = site(text, "acme");
        assert!(!kept.contains("CANARY"), "{kept}");
        let (whole, again): (toml::Table, toml::Table) =
            (toml::from_str(text).expect("TOML"), toml::from_str(&kept).expect("TOML"));
        assert_eq!(again["site"]["acme"], whole["site"]["acme"]);
        assert_eq!(site(text, "nobody"), "");
        assert_eq!(site("site = { acme = { owner = \"x\" } }", "acme"), "site.acme = { owner = \"x\" }\n");
        assert_eq!(site("site.\"a.b\".owner = \"x\"", "a.b"), "site.\"a.b\" = { owner = \"x\" }\n");
    }
}
