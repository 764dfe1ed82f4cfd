//! Code tables and crosswalks: what a translator names, and whether a field can hold what they give.

use super::super::definition::{FieldDefinition, WriteWhen};
use super::super::table::{REST, Table};
use super::Compiler;
use crate::canonical::FieldType;
use crate::declaration::suggestion;
use crate::finding::Severity;

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
            self.program.crosswalks.insert(name.clone(), *unknown);
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
                let hint = format!("list its codes in `[tables.{name}]` instead");
                self.found.push(definition.at.spot.fault("type_clash", message, hint));
            }
            return matches!(holds, FieldType::Text);
        }
        let Some(table) = self.program.table(name) else {
            let hint = suggestion(name, self.program.table_numbers.keys().map(String::as_str));
            let hint = if self.program.table_numbers.is_empty() {
                format!(
                    "add `[tables.{name}]`, or name the crosswalk: `crosswalks = {{ {name} = \"refuse\" }}`"
                )
            } else {
                hint
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
