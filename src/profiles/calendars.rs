//! `[calendars.NAME]`: business calendars as profiles write them, and the deadlines that are counted by them.

use super::calendar::{Calendar, Due, TimeOfDay, Unsound};
use super::{Beside, beside_name};
use crate::declaration::{self, Said, Section, Source, suggestion};
use chrono::{NaiveDate, Weekday};
use chrono_tz::Tz;
use std::collections::BTreeMap;

const WORKING_WEEK: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

/// Most holidays of a file: three centuries of them.
const MOST_HOLIDAYS: usize = 5_000;

/// The calendar of this name, or the one that is always open where none is named; whether one is named; and the files
/// of holidays that were read. All that are written are checked.
pub(super) fn read(
    whole: &Section<'_>,
    partner: Option<&Section<'_>>,
    zone: Tz,
    beside: Beside<'_>,
) -> (Calendar, bool, Vec<Source>) {
    let mut files = Vec::new();
    let calendars: BTreeMap<String, Calendar> = whole
        .named_sections("calendars")
        .into_iter()
        .map(|(name, section)| (name, one(&section, zone, beside, &mut files)))
        .collect();
    let Some((section, said)) = partner.and_then(|section| Some((section, section.text("calendar")?))) else {
        return (Calendar::always(zone), false, files);
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
    (found.unwrap_or_else(|| Calendar::always(zone)), true, files)
}

/// The holidays of a file: lines of a day and its name, between them a comma; a first line that names the two is
/// passed over, and so is what begins with `#`.
fn holidays_of_file(section: &Section<'_>, source: &Source) -> BTreeMap<NaiveDate, String> {
    let mut holidays = BTreeMap::new();
    let mut start = 0;
    for (index, whole) in source.text.split_inclusive('\n').enumerate() {
        let line = whole.trim_end();
        let at = declaration::place(source, start..start + line.len());
        start += whole.len();
        let (day, name) = line.split_once(',').unwrap_or((line, ""));
        let (day, name) = (day.trim().trim_matches('"'), name.trim().trim_matches('"'));
        if line.is_empty() || line.starts_with('#') || (index == 0 && day.eq_ignore_ascii_case("date")) {
            continue;
        }
        let Ok(date) = day.parse::<NaiveDate>() else {
            let hint = "write the day as year-month-day, a comma, and its name: 2026-12-25,Christmas Day";
            section.fault("day_form", &at, format!("`{day}` is no day"), hint);
            continue;
        };
        if name.is_empty() {
            let hint = format!("write its name after a comma: {day},Christmas Day");
            section.fault("holiday_without_name", &at, format!("the holiday of {day} has no name"), hint);
        }
        if let Some(earlier) = holidays.insert(date, name.to_owned()) {
            let message = format!("{day} is there twice, before as `{earlier}`");
            section.fault("day_twice", &at, message, "take one of the two lines out");
        }
        if holidays.len() > MOST_HOLIDAYS {
            let message = format!("the file holds more than {MOST_HOLIDAYS} days");
            section.fault("file_too_large", &at, message, "take out the days of long ago");
            break;
        }
    }
    holidays
}

fn one(section: &Section<'_>, zone: Tz, beside: Beside<'_>, files: &mut Vec<Source>) -> Calendar {
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
    let mut holidays = BTreeMap::new();
    if let Some(said) = section.text("holidays_file") {
        match beside_name(&said.value, ".csv").and_then(|name| beside(&name)) {
            Ok(source) => {
                holidays = holidays_of_file(section, &source);
                files.push(source);
            }
            Err(why) => {
                let hint = "put the file beside the profiles, with the ending .csv: lines such as 2026-12-25,Christmas Day";
                section.fault("holidays_unreadable", &said.place, why, hint);
            }
        }
    }
    // What the profile itself says stands over the file.
    holidays.extend(section.pairs("holidays").into_iter().filter_map(|(day, name)| {
        match day.value.parse::<NaiveDate>() {
            Ok(date) => Some((date, name.value)),
            Err(_) => {
                let hint = "write the day as year-month-day and its name: \"2026-12-25\" = \"Christmas Day\"";
                section.fault("day_form", &day.place, format!("`{}` is no day", day.value), hint);
                None
            }
        }
    }));
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
