//! Every setting of a partner profile: its form, its built-in value, and what it is for.
//!
//! The reference page, the JSON Schema for editors and `crossdock partner explain` are made of this one list; a test
//! holds it against what reading a profile asks for.

mod agreements;
mod calendars;
mod channels;
mod contacts;
mod duplicates;
mod exchange;
mod partner;
mod reading;
mod reconciliation;
mod retention;
mod schedules;
mod schema;
#[cfg(test)]
mod tests;
mod x12;

pub use schema::json_schema;

/// What may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Text in double quotes.
    Text,
    /// One of a closed list of words.
    Words(&'static [&'static str]),
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// A length of time, such as `"30s"` or `"4h"`.
    Time,
    /// A day.
    Day,
    /// When something is due, in plain or in business time.
    Due,
    /// A text, or a list of texts.
    Texts,
    /// Where a secret lies: `{ file = "…" }` or `{ env = "…" }`.
    Secret,
    /// The name of a translator, or one for each release.
    Translators,
    /// Pairs of a name and a text.
    Pairs,
    /// Tables by name, each of pairs.
    Tables,
    /// Fields of a record, and what each must hold.
    Conditions,
}

/// What holds where nothing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// It must be written.
    Required,
    /// Nothing; the setting is off or empty.
    Nothing,
    /// This value, as it would be written.
    Is(&'static str),
    /// What these words say.
    Like(&'static str),
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its dotted name. `NAME` stands for a name that is freely chosen, `[]` for each entry of a list.
    pub key: &'static str,
    /// The transport it belongs to; empty for all.
    pub transport: &'static str,
    /// What may be written.
    pub form: Form,
    /// What holds otherwise.
    pub otherwise: Otherwise,
    /// What it is for, in a sentence.
    pub about: &'static str,
}

const fn setting(key: &'static str, form: Form, otherwise: Otherwise, about: &'static str) -> Setting {
    Setting { key, transport: "", form, otherwise, about }
}

const fn of(
    transport: &'static str,
    key: &'static str,
    form: Form,
    otherwise: Otherwise,
    about: &'static str,
) -> Setting {
    Setting { key, transport, form, otherwise, about }
}

/// The lists of all topics, as a profile is best written.
const TOPICS: &[&[Setting]] = &[
    partner::PARTNER,
    calendars::CALENDARS,
    contacts::CONTACTS,
    schedules::SCHEDULES,
    x12::X12,
    x12::CONTROL_NUMBERS,
    reading::READING,
    reading::ACKS,
    channels::CHANNELS,
    duplicates::DUPLICATES,
    retention::RETENTION,
    agreements::AGREEMENTS,
    exchange::RECEIVES,
    exchange::SENDS,
    exchange::ROUTES,
    exchange::EXPECTS,
    reconciliation::RECONCILIATION,
];

/// Sections that hold for all documents of a direction, and the list whose entries stand over them.
pub const DIRECTIONS: [(&str, &str); 2] = [("inbound", "receives"), ("outbound", "sends")];

/// All settings, as a profile is best written.
pub fn list_settings() -> impl Iterator<Item = &'static Setting> {
    TOPICS.iter().copied().flatten()
}

impl Form {
    /// How it is written, for people.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Words(words) => {
                words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
            }
            Self::Number => "whole number".to_owned(),
            Self::Flag => "`true` or `false`".to_owned(),
            Self::Time => "time, such as `\"30s\"`, `\"15m\"`, `\"4h\"`, `\"2d\"`".to_owned(),
            Self::Day => "day, such as `2026-12-31`".to_owned(),
            Self::Due => format!("one of {}", super::calendar::DUE_FORMS),
            Self::Texts => "text or list of texts".to_owned(),
            Self::Secret => "`{ file = \"…\" }` or `{ env = \"…\" }`".to_owned(),
            Self::Translators => {
                "text, or one for each release: `{ \"004010\" = \"…\", \"005010\" = \"…\" }`".to_owned()
            }
            Self::Pairs => "section of `name = \"text\"` lines".to_owned(),
            Self::Conditions => "section of `\"field\" = …` lines".to_owned(),
            Self::Tables => "sections of `\"code\" = \"word\"` lines".to_owned(),
        }
    }
}
