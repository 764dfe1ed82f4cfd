//! Code tables and crosswalks: what a translator names, and whether a field can hold what they give.

use super::super::definition::{FieldDefinition, WriteWhen};
use super::super::spot::Spot;
use super::super::table::{REST, Table};
use super::Compiler;
use crate::canonical::FieldType;
use crate::declaration::suggestion;
use crate::finding::Severity;
use crate::store::MADE_OF;
use std::collections::BTreeSet;

impl Compiler<'_> {
    pub(super) fn tables(&mut self) {
        for (name, rows) in &self.definition.tables {
            let rows =
                rows.iter().map(|(code, word)| (code.text.clone(), word.text.clone(), word.spot.clone()));
            self.program.table_numbers.insert(name.clone(), self.program.tables.len());
            self.program.tables.push(Table::new(rows.collect()));
        }
        for (name, (unknown, spot)) in &self.definition.crosswalks {
            if self.definition.tables.contains_key(name) {
                self.found.push(spot.fault(
                    "table_twice",
                    format!("`{name}` is a crosswalk here and a table as well"),
                    format!("take out `[tables.{name}]`, or give the crosswalk another name"),
                ));
            }
            self.crosswalk_name(name, spot);
            self.program.crosswalks.insert(name.clone(), *unknown);
        }
    }

    /// A crosswalk that cannot be loaded would never hold anything.
    fn crosswalk_name(&mut self, name: &str, spot: &Spot) {
        let of_kind: Vec<&str> =
            MADE_OF.iter().filter(|made| made.kind == name).map(|made| made.name).collect();
        if !of_kind.is_empty() {
            let hint = of_kind.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(" or ");
            self.found.push(spot.fault(
                "crosswalk_name",
                format!("`{name}` is a kind of master data and no crosswalk"),
                format!("what it holds is asked as {hint}"),
            ));
        } else if name.is_empty()
            || !name.starts_with(|first: char| first.is_ascii_lowercase())
            || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        {
            self.found.push(spot.fault(
                "crosswalk_name",
                format!("`{name}` is no name of a crosswalk, so that none can be loaded under it"),
                "write it in small letters, digits and `_`, as in `route_code`",
            ));
        }
    }

    pub(super) fn table_fits(
        &mut self,
        name: &str,
        label: &str,
        holds: &FieldType,
        definition: &FieldDefinition,
    ) -> bool {
        if self.program.crosswalks.contains_key(name) {
            if !matches!(holds, FieldType::Text) {
                let message = format!("crosswalk `{name}` gives a text, `{label}` is {}", holds.words());
                let hint = match holds {
                    FieldType::Code(_) | FieldType::Bool => {
                        format!("list its codes in `[tables.{name}]` instead")
                    }
                    _ => format!("take `table({name})` out: master data holds texts only"),
                };
                self.found.push(definition.at.spot.fault("type_clash", message, hint));
            }
            return matches!(holds, FieldType::Text);
        }
        let Some(table) = self.program.table(name) else {
            let tables = self.program.table_numbers.keys();
            let known: BTreeSet<&str> =
                tables.chain(self.program.crosswalks.keys()).map(String::as_str).collect();
            let hint = if known.is_empty() {
                format!(
                    "add `[tables.{name}]`, or name the crosswalk: `crosswalks = {{ {name} = \"refuse\" }}`"
                )
            } else {
                suggestion(name, known)
            };
            self.found.push(definition.at.spot.fault(
                "unknown_table",
                format!("there is no table `{name}`"),
                hint,
            ));
            return false;
        };
        let known: &[&str] = match holds {
            FieldType::Code(words) => words,
            FieldType::Bool => &["true", "false"],
            _ => &[],
        };
        let mut found = Vec::new();
        for (_, word, spot) in &table.rows {
            if !known.is_empty() && !known.contains(&word.as_str()) && word != REST {
                let message = format!("`{label}` has no word `{word}`");
                found.push(spot.fault("unknown_word", message, suggestion(word, known.iter().copied())));
            }
        }
        if definition.write != WriteWhen::Never && definition.read {
            for (code, word, spot) in table.lost() {
                // Two codes of one word are told apart by another field of the same place, or not at all.
                let told = definition.write == WriteWhen::IfEmpty;
                if !told {
                    let message = format!("`{code}` is read as `{word}`, but another code is written for it");
                    let hint = format!(
                        "give `{code}` a word of its own, or bind the code to a field beside `{label}` and this with `write = \"if_empty\"`"
                    );
                    found.push(spot.doubt("lossy_table", message, hint));
                }
            }
        }
        let fine = !found.iter().any(|finding| finding.severity == Severity::Reject);
        for finding in found {
            if !self.found.contains(&finding) {
                self.found.push(finding);
            }
        }
        fine
    }
}
