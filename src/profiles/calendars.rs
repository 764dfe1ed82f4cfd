//! `[calendars.NAME]`: business calendars as profiles write them, and the deadlines that are counted by them.

use super::calendar::{Calendar, Due, TimeOfDay, Unsound};
use crate::declaration::{Said, Section, suggestion};
use chrono::{NaiveDate, Weekday};
use chrono_tz::Tz;
use std::collections::BTreeMap;

const WORKING_WEEK: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

/// The calendar of this name, or the one that is always open where none is named. All that are written are checked.
pub(super) fn read(whole: &Section<'_>, partner: Option<&Section<'_>>, zone: Tz) -> (Calendar, bool) {
    let calendars: BTreeMap<String, Calendar> = whole
        .named_sections("calendars")
        .into_iter()
        .map(|(name, section)| (name, one(&section, zone)))
        .collect();
    let Some((section, said)) = partner.and_then(|section| Some((section, section.text("calendar")?))) else {
        return (Calendar::always(zone), false);
    };
    let found = calendars.get(&said.value).cloned();
    if found.is_none() {
        let names: Vec<&str> = calendars.keys().map(String::as_str).collect();
        let hint = if names.is_empty() {
            format!(
                "write [calendars.{}] with opens, closes and holidays, here or in defaults.toml",
                said.value
            )
        } else {
            suggestion(&said.value, &names)
        };
        section.fault(
            "calendar_unknown",
            &said.place,
            format!("there is no calendar `{}`", said.value),
            hint,
        );
    }
    // What is counted by a calendar that is told to be missing is not told to have none.
    (found.unwrap_or_else(|| Calendar::always(zone)), true)
}

fn one(section: &Section<'_>, zone: Tz) -> Calendar {
    let said = section.texts("days");
    let mut days = Vec::new();
    for said in &said {
        match said.value.parse::<Weekday>() {
            Ok(day) => days.push(day),
            Err(_) => {
                let message = format!("`{}` is no day of the week", said.value);
                let hint = suggestion(&said.value, ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
                section.fault("value_unknown", &said.place, message, hint);
            }
        }
    }
    if !section.has("days") {
        days.extend(WORKING_WEEK);
    }
    // A list of days of which each is wrong has been told already.
    if days.is_empty() && !said.is_empty() {
        days.push(Weekday::Mon);
    }
    let opens = time(section, "opens");
    let closes = time(section, "closes");
    let cut_off = time(section, "cut_off");
    let own_zone = section.zone();
    let holidays: BTreeMap<NaiveDate, String> = section
        .pairs("holidays")
        .into_iter()
        .filter_map(|(day, name)| match day.value.parse::<NaiveDate>() {
            Ok(date) => Some((date, name.value)),
            Err(_) => {
                let hint = "write the day as year-month-day and its name: \"2026-12-25\" = \"Christmas Day\"";
                section.fault("day_form", &day.place, format!("`{}` is no day", day.value), hint);
                None
            }
        })
        .collect();
    section.finish();
    let midnight = TimeOfDay::default();
    let hours = (
        opens.as_ref().map_or(midnight, |said| said.value),
        closes.as_ref().map_or(TimeOfDay::MIDNIGHT, |said| said.value),
    );
    let zone = own_zone.unwrap_or(zone);
    let made = Calendar::new(zone, days, hours, cut_off.as_ref().map(|said| said.value), holidays);
    made.unwrap_or_else(|unsound| {
        let place = |said: Option<&Said<TimeOfDay>>| said.map_or_else(|| section.place(), |said| said.place.clone());
        let (place, message, hint) = match unsound {
            Unsound::NoDays => (section.place(), "no day of the week counts", "write days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]"),
            Unsound::ClosesFirst => (
                place(closes.as_ref().or(opens.as_ref())),
                "it closes before it opens",
                "write a later time to `closes`, at most \"24:00\"; a shift past midnight is not supported, use \"00:00\" to \"24:00\"",
            ),
            Unsound::CutOffOutside => (
                place(cut_off.as_ref()),
                "the cut-off lies outside of the open hours",
                "write a time after `opens` and not after `closes`",
            ),
        };
        section.fault("calendar_unsound", &place, message, hint);
        Calendar::always(zone)
    })
}

fn time(section: &Section<'_>, key: &'static str) -> Option<Said<TimeOfDay>> {
    section.parsed(key, "a time of day such as \"08:00\" or \"17:30\"", |text| text.parse().ok())
}

/// A deadline; one that is counted in business time needs a calendar.
pub(super) fn due(section: &Section<'_>, key: &'static str, has_calendar: bool) -> Option<Due> {
    let said = section.parsed(key, super::calendar::DUE_FORMS, |text| text.parse::<Due>().ok())?;
    if said.value.needs_calendar() && !has_calendar {
        section.fault(
            "calendar_missing",
            &said.place,
            format!("`{}` needs a calendar, and the partner has none", said.value),
            "write calendar = \"NAME\" in [partner], and [calendars.NAME] with opens, closes and holidays here or in defaults.toml",
        );
    }
    Some(said.value)
}
