//! Typed access to a record's fields by number, for translators that only know them from a file.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// One scalar on its way into or out of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text, and the snake-case word of a coded field.
    Text(String),
    /// A quantity, weight, price or amount.
    Decimal(Decimal),
    /// A count.
    Integer(i64),
    /// A calendar date.
    Date(NaiveDate),
    /// A time of day.
    Time(NaiveTime),
    /// Yes or no.
    Bool(bool),
    /// Where in the file a record, line or pack begins.
    Source(Source),
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => out.write_str(text),
            Self::Decimal(number) => write!(out, "{number}"),
            Self::Integer(number) => write!(out, "{number}"),
            Self::Date(date) => write!(out, "{date}"),
            Self::Time(time) => write!(out, "{time}"),
            Self::Bool(flag) => write!(out, "{flag}"),
            Self::Source(source) => write!(out, "byte {}", source.byte),
        }
    }
}

/// Where in its file a record, a line or a pack begins, so that each of its figures can be traced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Segment position in the transaction set (ST is 1), or ordinal of the row or element in the file.
    pub segment_ordinal: u32,
    /// Offset from the start of the file, the first byte is 0.
    pub byte: u64,
}

/// What a field holds.
#[derive(Clone, Copy)]
pub enum FieldType {
    /// Text.
    Text,
    /// A decimal number.
    Decimal,
    /// A whole number.
    Integer,
    /// A calendar date.
    Date,
    /// A time of day.
    Time,
    /// Yes or no.
    Bool,
    /// One word of a closed list.
    Code(&'static [&'static str]),
    /// A group of fields.
    Group(fn() -> &'static Shape),
    /// A list of groups.
    List(fn() -> &'static Shape),
    /// Text by name: what a partner adds of its own.
    Texts,
    /// Where the group begins in its file; set by readers only.
    Source,
}

impl fmt::Debug for FieldType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.words())
    }
}

impl FieldType {
    /// What a person calls it, as in "`ship_on` is a date".
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Decimal => "a decimal number",
            Self::Integer => "a whole number",
            Self::Date => "a date",
            Self::Time => "a time",
            Self::Bool => "yes or no",
            Self::Code(_) => "a coded word",
            Self::Group(_) => "a group of fields",
            Self::List(_) => "a list",
            Self::Texts => "texts by name",
            Self::Source => "a place in the file",
        }
    }
}

/// One field of a record or group.
#[derive(Clone, Copy, Debug)]
pub struct FieldShape {
    /// Its name, as in Rust, in JSON and in translators.
    pub name: &'static str,
    /// What it means.
    pub about: &'static str,
    /// What it holds.
    pub holds: FieldType,
}

/// The fields of a record or group.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Name of the Rust struct.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Its fields; a field's place here is its id.
    pub fields: &'static [FieldShape],
}

impl Shape {
    /// The id and description of the field with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(usize, &FieldShape)> {
        self.fields.iter().enumerate().find(|(_, field)| field.name == name)
    }
}

/// A value did not fit the field it was meant for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not {expected}")]
pub struct Mismatch {
    /// The value, as text.
    pub value: String,
    /// What the field holds, in words.
    pub expected: String,
}

/// A record or a part of one: fields by id.
pub trait Group {
    /// Its fields.
    fn shape(&self) -> &'static Shape;
    /// The field with this id.
    ///
    /// # Panics
    /// When the shape has no such id.
    fn field(&self, id: usize) -> &dyn Field;
    /// The field with this id, to change it.
    ///
    /// # Panics
    /// When the shape has no such id.
    fn field_mut(&mut self, id: usize) -> &mut dyn Field;
    /// Whether no field holds anything; where it begins in a file does not count.
    fn is_blank(&self) -> bool {
        let fields = self.shape().fields;
        (0..fields.len()).all(|id| {
            matches!(fields.get(id).map(|f| f.holds), Some(FieldType::Source)) || self.field(id).is_blank()
        })
    }
}

/// One field, whatever it holds. Methods that do not apply to what it holds answer with nothing.
pub trait Field {
    /// Whether it holds nothing.
    fn is_blank(&self) -> bool;
    /// The scalar it holds.
    fn get(&self) -> Option<Value> {
        None
    }
    /// Sets the scalar, converting text where that is exact.
    ///
    /// # Errors
    /// When the value is not what the field holds.
    fn set(&mut self, value: Value) -> Result<(), Mismatch>;
    /// As [`Field::set`] of a text, which is not copied before it has its place.
    ///
    /// # Errors
    /// When the text is not what the field holds.
    fn set_text(&mut self, text: &str) -> Result<(), Mismatch> {
        self.set(Value::Text(text.to_owned()))
    }
    /// The group it holds.
    fn group(&self) -> Option<&dyn Group> {
        None
    }
    /// The group it holds, to change it.
    fn group_mut(&mut self) -> Option<&mut dyn Group> {
        None
    }
    /// Number of items of the list it holds.
    fn len(&self) -> usize {
        0
    }
    /// Whether the list it holds has no items.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// One item of the list it holds.
    fn item(&self, _index: usize) -> Option<&dyn Group> {
        None
    }
    /// Adds a blank item to the list it holds, and gives it.
    fn push(&mut self) -> Option<&mut dyn Group> {
        None
    }
    /// Makes room for so many items more in the list it holds.
    fn reserve(&mut self, _items: usize) {}
    /// Takes the last item off the list it holds.
    fn pop(&mut self) {}
    /// The texts by name it holds.
    fn texts(&self) -> Option<&BTreeMap<String, String>> {
        None
    }
    /// The texts by name it holds, to change them.
    fn texts_mut(&mut self) -> Option<&mut BTreeMap<String, String>> {
        None
    }
}

/// A field whose description is known from its Rust type.
pub(super) trait Typed: Field {
    /// What it holds.
    const HOLDS: FieldType;
}

/// Whether a field is left out of JSON.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

pub(super) fn mismatch(value: &Value, expected: &str) -> Mismatch {
    Mismatch { value: value.to_string(), expected: expected.to_owned() }
}

macro_rules! scalar {
    ($ty:ty, $holds:ident, $variant:ident, $from_text:expr $(, $more:item)?) => {
        impl Field for Option<$ty> {
            $($more)?
            fn is_blank(&self) -> bool {
                self.is_none()
            }
            fn get(&self) -> Option<Value> {
                self.clone().map(Value::$variant)
            }
            fn set(&mut self, value: Value) -> Result<(), Mismatch> {
                let parse: fn(&Value) -> Option<$ty> = $from_text;
                *self = Some(match value {
                    Value::$variant(value) => value,
                    other => parse(&other).ok_or_else(|| mismatch(&other, FieldType::$holds.words()))?,
                });
                Ok(())
            }
        }
        impl Typed for Option<$ty> {
            const HOLDS: FieldType = FieldType::$holds;
        }
    };
}

fn text(value: &Value) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

scalar!(
    String,
    Text,
    Text,
    |value| Some(value.to_string()),
    fn set_text(&mut self, text: &str) -> Result<(), Mismatch> {
        *self = Some(text.to_owned());
        Ok(())
    }
);
scalar!(Decimal, Decimal, Decimal, |value| match value {
    Value::Integer(number) => Some(Decimal::from(*number)),
    other => Decimal::from_str_exact(text(other)?).ok(),
});
scalar!(i64, Integer, Integer, |value| match value {
    Value::Decimal(number) if number.is_integer() => i64::try_from(*number).ok(),
    other => text(other)?.parse().ok(),
});
scalar!(NaiveDate, Date, Date, |value| text(value)?.parse().ok());
scalar!(NaiveTime, Time, Time, |value| text(value)?.parse().ok());
scalar!(bool, Bool, Bool, |value| text(value)?.parse().ok());
scalar!(Source, Source, Source, |_| None);

impl Field for BTreeMap<String, String> {
    fn is_blank(&self) -> bool {
        BTreeMap::is_empty(self)
    }
    fn set(&mut self, value: Value) -> Result<(), Mismatch> {
        Err(mismatch(&value, FieldType::Texts.words()))
    }
    fn texts(&self) -> Option<&BTreeMap<String, String>> {
        Some(self)
    }
    fn texts_mut(&mut self) -> Option<&mut BTreeMap<String, String>> {
        Some(self)
    }
}

impl Typed for BTreeMap<String, String> {
    const HOLDS: FieldType = FieldType::Texts;
}
