//! Cron expressions of five fields in a time zone, and the instants at which they are due.
//!
//! Local times are turned into instants by a rule that is written down: one that is skipped is due at the next
//! valid minute, one that comes twice is due the first time only.

use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use cron::{Schedule, TimeUnitSpec};
use std::str::FromStr;

/// Days that are looked through for the next time: 29 February is eight years away across 2100.
const FAR: u64 = 366 * 9;

/// Weekdays in the order of their Unix numbers.
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// When something is due, over and over.
#[derive(Clone, Debug)]
pub struct Cron {
    expression: String,
    fields: Schedule,
    zone: Tz,
}

/// Why an expression is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unsound {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl Cron {
    /// Reads five Unix fields: minute, hour, day of the month, month, day of the week.
    ///
    /// # Errors
    /// When there are not five, one cannot be read, both days are restricted, or the time never comes.
    pub fn parse(expression: &str, zone: Tz) -> Result<Self, Unsound> {
        const FORM: &str =
            "write minute, hour, day of the month, month and day of the week, such as \"0 6 * * 1-5\"";
        let unsound = |message: String, hint: &str| Unsound { message, hint: hint.to_owned() };
        let said: Vec<&str> = expression.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = said[..] else {
            return Err(unsound(format!("`{expression}` has {} fields, not five", said.len()), FORM));
        };
        // `?`, `L`, `W` and `#` mean different things to different programs.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "*,-/".contains(c);
        if let Some(odd) = expression.chars().find(|c| !c.is_whitespace() && !is_plain(*c)) {
            return Err(unsound(format!("`{odd}` means nothing in `{expression}`"), FORM));
        }
        if day != "*" && weekday != "*" {
            return Err(unsound(
                format!("`{expression}` restricts both the day of the month and the day of the week"),
                "programs differ in whether both or either must fit: write two schedules, each with one of them",
            ));
        }
        let weekdays = weekdays(weekday).ok_or_else(|| {
            unsound(format!("`{weekday}` is no day of the week"), "write 0 (Sunday) to 6, 1-5, or mon,wed")
        })?;
        // A step of zero never ends in some programs.
        if expression.split_whitespace().flat_map(|field| field.split(',')).any(|part| part.ends_with("/0")) {
            return Err(unsound(
                format!("`{expression}` has a step of 0"),
                "write a step of 1 or more, such as */15",
            ));
        }
        let fields = Schedule::from_str(&format!("0 {minute} {hour} {day} {month} {weekdays}"))
            .map_err(|error| unsound(format!("`{expression}` cannot be read: {error}"), FORM))?;
        let cron = Self { expression: said.join(" "), fields, zone };
        // Any year does: only 30 February and its like never come.
        let some_day = DateTime::<Utc>::UNIX_EPOCH;
        if cron.next_after(some_day).is_none() {
            let hint = "name a day that the month has";
            return Err(unsound(format!("`{expression}` never comes"), hint));
        }
        Ok(cron)
    }

    /// The expression as it was written.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// The zone whose clocks count.
    #[must_use]
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The first instant after this one at which it is due.
    #[must_use]
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let first_day = after.with_timezone(&self.zone).date_naive();
        (0..FAR)
            .map_while(|days| first_day.checked_add_days(Days::new(days)))
            .filter(|day| self.has_day(*day))
            .find_map(|day| self.instants_of(day).find(|due| *due > after))
    }

    /// The last instant up to `now` and after `after` at which it was due: those before it, which nobody was there to
    /// see, are passed over.
    #[must_use]
    pub fn last_between(&self, after: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // Later local times are never earlier instants, so the latest day that has one holds the last. A day is looked
        // at beyond today, since local clocks can go back over midnight.
        let local = now.with_timezone(&self.zone).date_naive();
        let last_day = local.checked_add_days(Days::new(1)).unwrap_or(local);
        let first_day = after.with_timezone(&self.zone).date_naive();
        (0..FAR)
            .map_while(|days| last_day.checked_sub_days(Days::new(days)))
            .take_while(|day| *day >= first_day)
            .filter(|day| self.has_day(*day))
            .find_map(|day| self.instants_of(day).take_while(|due| *due <= now).last())
            .filter(|due| *due > after)
    }

    fn has_day(&self, day: NaiveDate) -> bool {
        self.fields.months().includes(day.month())
            && self.fields.days_of_month().includes(day.day())
            && self.fields.days_of_week().includes(day.weekday().number_from_sunday())
    }

    /// The instants of a day's local times, ascending; several skipped times are the same instant.
    fn instants_of(&self, day: NaiveDate) -> impl Iterator<Item = DateTime<Utc>> {
        let hours = self.fields.hours().iter();
        hours
            .flat_map(|hour| self.fields.minutes().iter().map(move |minute| (hour, minute)))
            .filter_map(move |(hour, minute)| day.and_hms_opt(hour, minute, 0))
            .filter_map(|local| instant(self.zone, local))
    }
}

/// The instant of a local time: the first of two, and the next valid minute for one that is skipped.
#[must_use]
pub fn instant(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    // Zones skip an hour, half an hour, or (Apia, Kwajalein) a whole day.
    let at_most = 26 * 60;
    (0..=at_most).find_map(|minutes| {
        match zone.from_local_datetime(&local.checked_add_signed(TimeDelta::minutes(minutes))?) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.with_timezone(&Utc)),
            LocalResult::None => None,
        }
    })
}

/// Days of the week by name: the crate counts from Sunday as 1, Unix from Sunday as 0 and again as 7.
fn weekdays(field: &str) -> Option<String> {
    if field == "*" {
        return Some(field.to_owned());
    }
    let mut named = Vec::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (from, to) = match range.split_once('-') {
            Some((from, to)) => (weekday(from)?, weekday(to)?),
            None if range == "*" => (0, 6),
            // A step without a range says nothing that Unix knows.
            None if part.contains('/') => return None,
            None => (weekday(range)?, weekday(range)?),
        };
        // `fri-sun` and `5-7` end on Sunday, which is the first day as a number.
        let to = if to < from { to + 7 } else { to };
        named.extend((from..=to).step_by(step).filter_map(|day| WEEKDAYS.get(day % 7).copied()));
    }
    Some(named.join(","))
}

fn weekday(text: &str) -> Option<usize> {
    match text.parse::<usize>() {
        Ok(number) => (number <= 7).then_some(number),
        Err(_) => WEEKDAYS.iter().position(|name| name.eq_ignore_ascii_case(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Tz {
        name.parse().expect("a zone")
    }

    fn utc(text: &str) -> DateTime<Utc> {
        format!("{text}:00Z").parse().expect("an instant")
    }

    /// The instants from a start on; each line of the table was worked out by hand from the zone's rules.
    #[test]
    fn clocks_that_jump_are_met_as_written() {
        for (name, expression, from, due) in [
            // Forward at 2:00 EST on 8 March 2026: 2:30 is skipped and due at 3:00 EDT, which is 7:00 UTC.
            ("America/New_York", "30 2 * * *", "2026-03-07T12:00", ["2026-03-08T07:00", "2026-03-09T06:30"]),
            // All four quarters of the hour skipped are one; 3:00 itself is the same instant.
            (
                "America/New_York",
                "*/15 2,3 8 3 *",
                "2026-03-08T00:00",
                ["2026-03-08T07:00", "2026-03-08T07:15"],
            ),
            // Back at 2:00 EDT on 1 November 2026: 1:30 comes twice, and only the first counts.
            ("America/New_York", "30 1 * * *", "2026-11-01T00:00", ["2026-11-01T05:30", "2026-11-02T06:30"]),
            // The hour that comes twice is kept once, also by what is due every half hour.
            (
                "America/New_York",
                "*/30 * * * *",
                "2026-11-01T05:00",
                ["2026-11-01T05:30", "2026-11-01T07:00"],
            ),
            // Forward at 1:00 GMT on 29 March 2026, back at 2:00 BST on 25 October.
            ("Europe/London", "15 1 * * *", "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:15"]),
            ("Europe/London", "15 1 * * *", "2026-10-24T12:00", ["2026-10-25T00:15", "2026-10-26T01:15"]),
            // Half an hour forward at 2:00 on 4 October 2026 (10:30 to 11 hours ahead), back on 5 April.
            (
                "Australia/Lord_Howe",
                "10 2 * * *",
                "2026-10-03T00:00",
                ["2026-10-03T15:30", "2026-10-04T15:10"],
            ),
            (
                "Australia/Lord_Howe",
                "45 1 * * *",
                "2026-04-04T00:00",
                ["2026-04-04T14:45", "2026-04-05T15:15"],
            ),
            // Midnight itself was skipped on 4 November 2018; back at midnight on 18 February 2018: 23:30 came twice.
            ("America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00", ["2018-11-04T03:00", "2018-11-05T02:00"]),
            (
                "America/Sao_Paulo",
                "30 23 * * *",
                "2018-02-17T12:00",
                ["2018-02-18T01:30", "2018-02-19T02:30"],
            ),
            // No daylight saving, and half an hour.
            ("Asia/Kolkata", "0 6 * * *", "2026-03-07T12:00", ["2026-03-08T00:30", "2026-03-09T00:30"]),
            // 30 December 2011 was skipped whole: its 9:00 is due as the 31st begins, 10:00 UTC on the 30th.
            ("Pacific/Apia", "0 9 30 12 *", "2011-12-01T00:00", ["2011-12-30T10:00", "2012-12-29T19:00"]),
            ("Pacific/Apia", "0 9 * * *", "2011-12-29T00:00", ["2011-12-29T19:00", "2011-12-30T10:00"]),
            // Sunday is 0 and 7, and ranges run over the end of the week.
            ("UTC", "0 6 * * 7", "2026-11-24T00:00", ["2026-11-29T06:00", "2026-12-06T06:00"]),
            ("UTC", "0 6 * * 5-7", "2026-11-27T07:00", ["2026-11-28T06:00", "2026-11-29T06:00"]),
            ("UTC", "0 6 * * */3", "2026-11-26T00:00", ["2026-11-28T06:00", "2026-11-29T06:00"]),
            ("UTC", "0 6 29 2 *", "2096-03-01T00:00", ["2104-02-29T06:00", "2108-02-29T06:00"]),
            ("UTC", "0 6 * jan,jul mon", "2026-11-26T00:00", ["2027-01-04T06:00", "2027-01-11T06:00"]),
        ] {
            let cron = Cron::parse(expression, zone(name)).expect(expression);
            let mut after = utc(from);
            for due in due.map(utc) {
                assert_eq!(cron.next_after(after), Some(due), "{name}: {expression} after {after}");
                assert_eq!(cron.last_between(after, due), Some(due), "{name}: {expression} up to {due}");
                after = due;
            }
        }
    }

    #[test]
    fn missed_times_collapse_into_the_last() {
        let hourly = Cron::parse("0 * * * *", zone("America/New_York")).expect("sound");
        let (then, now) = (utc("2026-01-01T00:00"), utc("2026-11-01T06:59"));
        // 1:00 EST is the second 1:00 of that night.
        assert_eq!(hourly.last_between(then, now), Some(utc("2026-11-01T05:00")));
        assert_eq!(hourly.last_between(utc("2026-11-01T05:00"), now), None);
        let yearly = Cron::parse("0 6 1 1 *", zone("UTC")).expect("sound");
        assert_eq!(yearly.last_between(utc("2020-06-01T00:00"), now), Some(utc("2026-01-01T06:00")));
    }

    #[test]
    fn what_cannot_be_kept_is_refused_with_what_to_write() {
        for (expression, message) in [
            ("0 0 6 * * *", "`0 0 6 * * *` has 6 fields, not five"),
            ("@daily", "`@daily` has 1 fields, not five"),
            ("0 6 1 * 1", "`0 6 1 * 1` restricts both the day of the month and the day of the week"),
            ("0 6 * * 8", "`8` is no day of the week"),
            ("0 6 * * mon/2", "`mon/2` is no day of the week"),
            ("0 6 L * *", "`0 6 L * *` cannot be read"),
            ("0 6 ? * *", "`?` means nothing in `0 6 ? * *`"),
            ("*/0 6 * * *", "`*/0 6 * * *` has a step of 0"),
            ("60 6 * * *", "`60 6 * * *` cannot be read"),
            ("0 24 * * *", "`0 24 * * *` cannot be read"),
            ("0 6 30 2 *", "`0 6 30 2 *` never comes"),
        ] {
            let error = Cron::parse(expression, zone("UTC")).expect_err(expression);
            assert!(error.message.starts_with(message), "{}", error.message);
            assert!(!error.hint.is_empty());
        }
    }
}
