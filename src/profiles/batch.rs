//! `batch` of a `[[sends]]`: what is sent together, and when.

use super::fields::{self, Field};
use crate::canonical::Group;
use crate::declaration::Section;
use crate::schedules::Cron;
use crate::translators::{Layout, Translator};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// When a set is closed and sent. The first of these that comes true counts.
#[derive(Clone, Debug)]
pub struct Batch {
    /// It has so many documents.
    pub count: Option<usize>,
    /// Its first document has waited so long.
    pub age: Option<TimeDelta>,
    /// These times.
    pub cron: Option<Cron>,
    /// Sets are told apart by what the record says here.
    by: Option<Field>,
}

impl Batch {
    /// When a document that waits from now on is sent at the latest.
    #[must_use]
    pub fn due(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let by_age = self.age.map(|age| now + age);
        let by_cron = self.cron.as_ref().and_then(|cron| cron.next_after(now));
        [by_age, by_cron].into_iter().flatten().min()
    }

    /// What a record says where sets are told apart; empty where they are not, or it says nothing.
    #[must_use]
    pub fn value_of(&self, record: &dyn Group) -> String {
        self.by.as_ref().and_then(|by| by.value(record)).unwrap_or_default().trim().to_owned()
    }
}

pub(super) fn read(
    section: &Section<'_>,
    translator: Option<&Translator>,
    by_call: bool,
    zone: Tz,
) -> Option<Batch> {
    let below = section.section("batch")?;
    let count = below.number("count");
    if let Some(said) = count.as_ref().filter(|said| said.value == 0) {
        below.fault("batch_count", &said.place, "a batch of none is never sent", "write count = 50");
    }
    let cron = below.text("cron").and_then(|said| {
        Cron::parse(&said.value, zone)
            .map_err(|unsound| below.fault("cron_form", &said.place, unsound.message, unsound.hint))
            .ok()
    });
    let by = below.text("by").and_then(|said| {
        let field = Field::parse(&said.value);
        let shape = translator.map(|translator| translator.record().shape());
        let is_known = |shape| field.as_ref().is_some_and(|field| field.is_of(shape));
        if let Some(shape) = shape.filter(|shape| !is_known(shape)) {
            let message = format!("the record has no field `{}`", said.value);
            below.fault("field_unknown", &said.place, message, fields::hint(&said.value, &[shape]));
        }
        field
    });
    let age = below.duration("age").and_then(|said| TimeDelta::from_std(said.value).ok());
    below.finish();
    if age.is_none() && cron.is_none() && !below.has("age") && !below.has("cron") {
        let message = "nothing says when a set that does not fill is sent";
        let hint = "write age = \"1h\" or cron = \"0 18 * * 1-5\" into `batch`";
        below.fault("batch_without_end", &below.place(), message, hint);
    }
    let alone = translator.is_some_and(
        |translator| matches!(translator.layout(), Layout::Xml(layout) if layout.document.len() < 2),
    );
    if by_call || alone {
        let message =
            if by_call { "a call carries one document" } else { "the file has room for one document" };
        below.fault("batch_of_one", &below.place(), message, "take `batch` out");
    }
    let count = count.map(|said| usize::try_from(said.value).unwrap_or(usize::MAX));
    Some(Batch { count, age, cron, by })
}
