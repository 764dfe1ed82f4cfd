//! The JSON Schema of a profile, made of the list of settings.

use super::Form::{
    self, Conditions, Day, Due, Flag, Number, Pairs, Secret, Tables, Text, Texts, Time, Translators, Words,
};
use super::Otherwise::Is;
use super::{DIRECTIONS, list_settings};
use serde_json::{Map, Value, json};

impl Form {
    fn schema(self) -> Value {
        let text = json!({ "type": "string" });
        match self {
            Text => text,
            Words(words) => json!({ "enum": words }),
            Number => json!({ "type": "integer", "minimum": 0 }),
            Flag => json!({ "type": "boolean" }),
            Time => json!({ "type": "string", "pattern": "^[0-9]+ *[smhd]$" }),
            Day => json!({ "type": "string", "format": "date" }),
            Due => json!({
                "type": "string",
                "pattern": "^([0-9]+ *[smhd]|[0-9]+ business (minutes?|hours?|days?)|[0-9]{1,2}:[0-9]{2} ((same|next) business day|in [0-9]+ business days))$",
            }),
            Texts => json!({ "anyOf": [text, { "type": "array", "items": text }] }),
            Secret => json!({
                "type": "object",
                "properties": { "file": text, "env": text },
                "additionalProperties": false,
                "minProperties": 1,
            }),
            Translators => json!({ "anyOf": [text, { "type": "object", "additionalProperties": text }] }),
            Pairs => json!({ "type": "object", "additionalProperties": text }),
            Conditions => {
                let texts = Texts.schema();
                let table = json!({
                    "type": "object",
                    "properties": { "not": texts, "missing": { "type": "boolean" } },
                    "additionalProperties": false,
                });
                json!({ "type": "object", "additionalProperties": { "anyOf": [texts, table] } })
            }
            Tables => json!({
                "type": "object",
                "additionalProperties": { "type": "object", "additionalProperties": text },
            }),
        }
    }
}

/// The JSON Schema of a profile, for editors that complete and check TOML.
///
/// Nothing is required, since any layer may say it; `crossdock check` knows all layers.
#[must_use]
pub fn json_schema() -> Value {
    let mut root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Crossdock partner profile",
        "type": "object",
        "additionalProperties": false,
    });
    for setting in list_settings() {
        let mut at = &mut root;
        for step in setting.key.split('.') {
            let (name, list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
            let members = object(at);
            at = if name == "NAME" {
                members.insert_if_new("additionalProperties", table())
            } else {
                let properties = object(members.insert_if_new("properties", json!({})));
                let fresh = if list { json!({ "type": "array", "items": table() }) } else { table() };
                let entry = properties.insert_if_new(name, fresh);
                if list { object(entry).insert_if_new("items", table()) } else { entry }
            };
        }
        let mut leaf = setting.form.schema();
        let members = object(&mut leaf);
        members.insert("description".to_owned(), setting.about.into());
        if let Is(value) = setting.otherwise
            && setting.transport.is_empty()
        {
            members
                .insert("default".to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into()));
        }
        *at = leaf;
    }
    for (direction, list) in DIRECTIONS {
        let mut common = root.pointer(&format!("/properties/{list}/items")).cloned().unwrap_or_else(table);
        if let Some(settings) = common.pointer_mut("/properties").and_then(Value::as_object_mut) {
            settings.remove("translator");
        }
        object(&mut root["properties"]).insert(direction.to_owned(), common);
    }
    root
}

fn table() -> Value {
    json!({ "type": "object", "additionalProperties": false })
}

fn object(value: &mut Value) -> &mut Map<String, Value> {
    value.as_object_mut().expect("schemas are objects all the way down")
}

trait InsertIfNew {
    fn insert_if_new(&mut self, key: &str, value: Value) -> &mut Value;
}

impl InsertIfNew for Map<String, Value> {
    fn insert_if_new(&mut self, key: &str, value: Value) -> &mut Value {
        let entry = self.entry(key).or_insert_with(|| value.clone());
        // `additionalProperties` begins as `false` and becomes a table where names are free.
        if !entry.is_object() {
            *entry = value;
        }
        entry
    }
}
