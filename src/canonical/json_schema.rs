//! The JSON Schema of each record, from the same declaration as its struct.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::RecordKind;
use super::field::{FieldType, Shape};

/// The JSON Schema (draft 2020-12) of one kind of record. Numbers are strings, so that no figure is
/// rounded on its way; dates are ISO 8601.
#[must_use]
pub fn json_schema(kind: RecordKind) -> Value {
    let mut groups = BTreeMap::new();
    let root = kind.shape();
    collect(root, &mut groups);
    let definitions: Map<String, Value> =
        groups.into_iter().map(|(name, shape)| (name.to_owned(), object(shape))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.word(),
        "$ref": format!("#/$defs/{}", root.name),
        "$defs": definitions,
    })
}

fn collect(shape: &'static Shape, groups: &mut BTreeMap<&'static str, &'static Shape>) {
    if groups.insert(shape.name, shape).is_some() {
        return;
    }
    for field in shape.fields {
        if let FieldType::Group(inner) | FieldType::List(inner) = field.holds {
            collect(inner(), groups);
        }
    }
}

fn object(shape: &Shape) -> Value {
    let properties: Map<String, Value> = shape
        .fields
        .iter()
        .map(|field| {
            let mut schema = property(&field.holds);
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("description".to_owned(), field.about.into());
            }
            (field.name.to_owned(), schema)
        })
        .collect();
    json!({
        "type": "object",
        "description": shape.about,
        "properties": properties,
        "additionalProperties": false,
    })
}

fn property(holds: &FieldType) -> Value {
    match holds {
        FieldType::Text => json!({ "type": "string" }),
        FieldType::Decimal => json!({ "type": "string", "pattern": r"^-?\d+(\.\d+)?$" }),
        FieldType::Integer => json!({ "type": "integer" }),
        FieldType::Date => json!({ "type": "string", "format": "date" }),
        FieldType::Time => json!({ "type": "string", "pattern": r"^\d{2}:\d{2}:\d{2}(\.\d+)?$" }),
        FieldType::Bool => json!({ "type": "boolean" }),
        FieldType::Code(words) => json!({ "type": "string", "enum": words }),
        FieldType::Group(shape) => json!({ "$ref": format!("#/$defs/{}", shape().name) }),
        FieldType::List(shape) => {
            json!({ "type": "array", "items": { "$ref": format!("#/$defs/{}", shape().name) } })
        }
        FieldType::Texts => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        FieldType::Source => json!({
            "type": "object",
            "properties": { "segment_ordinal": { "type": "integer" }, "byte": { "type": "integer" } },
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_described() {
        for kind in RecordKind::ALL {
            let schema = json_schema(kind);
            let definitions = schema["$defs"].as_object().expect("a schema has definitions");
            for (name, definition) in definitions {
                for (field, property) in
                    definition["properties"].as_object().expect("an object has properties")
                {
                    let about = property["description"].as_str().unwrap_or_default();
                    assert!(about.ends_with('.'), "{name}.{field}: {about}");
                }
            }
        }
    }
}
