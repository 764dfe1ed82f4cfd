//! A figure that something was compared by, and where it stands.

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::field::Source;

/// One figure, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// What it is, such as `quantity shipped`.
    pub name: Cow<'static, str>,
    /// Its exact value.
    pub value: Decimal,
    /// The document that says it; none for master data and what was counted.
    pub document: Option<Uuid>,
    /// The segment or row that says it; none for a sum over several.
    pub source: Option<Source>,
}

impl Figure {
    /// The figure as exceptions and reports keep it.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "value": self.value.to_string(),
            "document": self.document,
            "segment_position": self.source.map(|source| source.segment_ordinal),
            "byte": self.source.map(|source| source.byte),
        })
    }
}
