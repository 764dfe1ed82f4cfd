//! Business time: which days count, when they open and close, and when something is due by them.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// When a business works. Times are of its own zone; a day that has 23 or 25 hours there is counted as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    zone: Tz,
    weekdays: Vec<Weekday>,
    opens: TimeOfDay,
    closes: TimeOfDay,
    cut_off: Option<TimeOfDay>,
    holidays: BTreeMap<NaiveDate, String>,
}

/// A minute of a day, `00:00` to `24:00`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

/// When something is due, counted from what begins it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// So long after, by the clock on the wall: `24h`.
    After(TimeDelta),
    /// So much time after that is open: `4 business hours`.
    OpenTime(TimeDelta),
    /// At the close of a later business day: `2 business days`.
    Close(u16),
    /// At a time of a business day: `17:00 same business day`, `17:00 next business day`.
    At(TimeOfDay, u16),
}

impl Due {
    /// Whether it can only be told by a calendar.
    #[must_use]
    pub const fn needs_calendar(self) -> bool {
        !matches!(self, Self::After(_))
    }

    /// Its seconds where it can be added up, else none and the rule by which a calendar counts it.
    #[must_use]
    pub fn stored(self) -> (i64, Option<String>) {
        match self {
            Self::After(time) => (time.num_seconds(), None),
            _ => (0, Some(self.to_string())),
        }
    }
}

/// The time at which a calendar cannot be what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsound {
    /// No day of the week counts.
    NoDays,
    /// It closes before it opens.
    ClosesFirst,
    /// The cut-off lies outside of the open hours.
    CutOffOutside,
}

impl Calendar {
    /// A calendar of these days of the week, from `opens` to `closes`; holidays with their names.
    ///
    /// # Errors
    /// When nothing would ever be open, or its times do not fit each other.
    pub fn new(
        zone: Tz,
        weekdays: Vec<Weekday>,
        (opens, closes): (TimeOfDay, TimeOfDay),
        cut_off: Option<TimeOfDay>,
        holidays: BTreeMap<NaiveDate, String>,
    ) -> Result<Self, Unsound> {
        if weekdays.is_empty() {
            return Err(Unsound::NoDays);
        }
        if opens >= closes {
            return Err(Unsound::ClosesFirst);
        }
        if cut_off.is_some_and(|time| time <= opens || time > closes) {
            return Err(Unsound::CutOffOutside);
        }
        Ok(Self { zone, weekdays, opens, closes, cut_off, holidays })
    }

    /// Every day round the clock, for those who named no calendar.
    #[must_use]
    pub fn always(zone: Tz) -> Self {
        use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
        Self {
            zone,
            weekdays: vec![Mon, Tue, Wed, Thu, Fri, Sat, Sun],
            opens: TimeOfDay(0),
            closes: TimeOfDay::MIDNIGHT,
            cut_off: None,
            holidays: BTreeMap::new(),
        }
    }

    /// Its zone.
    #[must_use]
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// The name of the holiday that this day is, if it is one.
    #[must_use]
    pub fn holiday(&self, day: NaiveDate) -> Option<&str> {
        self.holidays.get(&day).map(String::as_str)
    }

    /// When a day begins, open or not.
    #[must_use]
    pub fn start_of(&self, day: NaiveDate) -> DateTime<Utc> {
        self.instant(day, TimeOfDay(0))
    }

    /// Whether this day counts.
    #[must_use]
    pub fn is_business_day(&self, day: NaiveDate) -> bool {
        self.weekdays.contains(&day.weekday()) && !self.holidays.contains_key(&day)
    }

    /// The business day that an instant belongs to: its own, or the next one when it comes after the cut-off (else
    /// the close) or on a day that does not count.
    #[must_use]
    pub fn business_day_of(&self, at: DateTime<Utc>) -> NaiveDate {
        let local = at.with_timezone(&self.zone);
        let day = local.date_naive();
        let last = self.instant(day, self.cut_off.unwrap_or(self.closes));
        if self.is_business_day(day) && at <= last { day } else { self.next_business_day(day) }
    }

    /// The first business day after a day.
    #[must_use]
    pub fn next_business_day(&self, day: NaiveDate) -> NaiveDate {
        let mut day = day;
        loop {
            // Holidays end at some time and one day of the week counts at least, so this ends; so does the calendar.
            let Some(next) = day.checked_add_days(Days::new(1)) else { return day };
            day = next;
            if self.is_business_day(day) {
                return day;
            }
        }
    }

    /// When something is due that begins at this instant.
    #[must_use]
    pub fn due(&self, from: DateTime<Utc>, due: Due) -> DateTime<Utc> {
        match due {
            Due::After(time) => from.checked_add_signed(time).unwrap_or(DateTime::<Utc>::MAX_UTC),
            Due::OpenTime(time) => self.after_open_time(from, time),
            Due::Close(days) => self.instant(self.later(self.business_day_of(from), days), self.closes),
            Due::At(time, days) => {
                let mut day = self.later(self.business_day_of(from), days);
                if days == 0 && self.instant(day, time) < from {
                    day = self.next_business_day(day);
                }
                self.instant(day, time)
            }
        }
    }

    /// How much open time lies between two instants; none when the second is not later.
    #[must_use]
    pub fn open_time(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> TimeDelta {
        let mut total = TimeDelta::zero();
        let mut day = from.with_timezone(&self.zone).date_naive();
        let last = to.with_timezone(&self.zone).date_naive();
        while day <= last {
            if self.is_business_day(day) {
                let (opens, closes) = (self.instant(day, self.opens), self.instant(day, self.closes));
                total += (closes.min(to) - opens.max(from)).max(TimeDelta::zero());
            }
            let Some(next) = day.checked_add_days(Days::new(1)) else { break };
            day = next;
        }
        total
    }

    fn later(&self, day: NaiveDate, days: u16) -> NaiveDate {
        (0..days).fold(day, |day, _| self.next_business_day(day))
    }

    fn after_open_time(&self, from: DateTime<Utc>, time: TimeDelta) -> DateTime<Utc> {
        let mut day = self.business_day_of(from);
        let mut left = time;
        loop {
            let opens = self.instant(day, self.opens).max(from);
            let closes = self.instant(day, self.closes);
            if opens + left <= closes {
                return opens + left;
            }
            left -= (closes - opens).max(TimeDelta::zero());
            let next = self.next_business_day(day);
            if next == day {
                return closes;
            }
            day = next;
        }
    }

    /// The instant of a local time. One that is skipped when clocks go forward is the moment they do; of one that
    /// comes twice when they go back the later is meant, so that nothing is due early.
    fn instant(&self, day: NaiveDate, time: TimeOfDay) -> DateTime<Utc> {
        let (day, time) = match time.of_day() {
            Some(time) => (day, time),
            None => (day.checked_add_days(Days::new(1)).unwrap_or(day), NaiveTime::MIN),
        };
        let mut local = day.and_time(time);
        // Zones skip at most a day (an island that changed sides).
        for _ in 0..=24 * 60 {
            if let Some(at) = self.zone.from_local_datetime(&local).latest() {
                return at.with_timezone(&Utc);
            }
            local += TimeDelta::minutes(1);
        }
        local.and_utc()
    }
}

impl TimeOfDay {
    /// The end of a day.
    pub const MIDNIGHT: Self = Self(24 * 60);

    fn of_day(self) -> Option<NaiveTime> {
        NaiveTime::from_hms_opt(u32::from(self.0 / 60), u32::from(self.0 % 60), 0)
    }
}

impl FromStr for TimeOfDay {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (hours, minutes) = text.split_once(':').ok_or(())?;
        let number = |text: &str| -> Result<u16, ()> {
            let fits = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
            if fits { text.parse().map_err(|_| ()) } else { Err(()) }
        };
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        let total = hours * 60 + minutes;
        if minutes < 60 && total <= Self::MIDNIGHT.0 { Ok(Self(total)) } else { Err(()) }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// How a deadline is written, for people who wrote it otherwise.
pub const DUE_FORMS: &str = "\"30m\", \"24h\", \"2d\", \"4 business hours\", \"2 business days\", \"17:00 same business day\" or \"17:00 next business day\"";

impl FromStr for Due {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<&str> = text.split_whitespace().collect();
        // A year of days, and of hours: what is longer is a slip.
        let count = |text: &str, most: u16| match text.parse::<u16>() {
            Ok(count) if (1..=most).contains(&count) => Ok(count),
            _ => Err(()),
        };
        match words.as_slice() {
            [number, "business", "minutes" | "minute"] => {
                Ok(Self::OpenTime(TimeDelta::minutes(count(number, 10_000)?.into())))
            }
            [number, "business", "hours" | "hour"] => {
                Ok(Self::OpenTime(TimeDelta::hours(count(number, 8_784)?.into())))
            }
            [number, "business", "days" | "day"] => Ok(Self::Close(count(number, 366)?)),
            [time, "same", "business", "day"] => Ok(Self::At(time.parse()?, 0)),
            [time, "next", "business", "day"] => Ok(Self::At(time.parse()?, 1)),
            [time, "in", number, "business", "days"] => Ok(Self::At(time.parse()?, count(number, 366)?)),
            _ => {
                let time = crate::declaration::parse_duration(text).ok_or(())?;
                TimeDelta::from_std(time).map(Self::After).map_err(|_| ())
            }
        }
    }
}

impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: i64| if count == 1 { "" } else { "s" };
        match self {
            Self::After(time) => {
                let seconds = time.num_seconds();
                let units = [(86_400, 'd'), (3_600, 'h'), (60, 'm')];
                let unit = units.iter().find(|(size, _)| seconds > 0 && seconds % size == 0);
                let (size, letter) = unit.copied().unwrap_or((1, 's'));
                write!(f, "{}{letter}", seconds / size)
            }
            Self::OpenTime(time) => {
                let minutes = time.num_minutes();
                let (count, unit) =
                    if minutes % 60 == 0 { (minutes / 60, "hour") } else { (minutes, "minute") };
                write!(f, "{count} business {unit}{}", plural(count))
            }
            Self::Close(days) => write!(f, "{days} business day{}", plural((*days).into())),
            Self::At(time, 0) => write!(f, "{time} same business day"),
            Self::At(time, 1) => write!(f, "{time} next business day"),
            Self::At(time, days) => write!(f, "{time} in {days} business days"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};

    fn chicago(cut_off: Option<&str>) -> Calendar {
        let time = |text: &str| text.parse().expect("a time");
        let holidays = [("2026-11-26", "Thanksgiving"), ("2026-12-25", "Christmas Day")];
        let holidays = holidays.map(|(day, name)| (day.parse().expect("a day"), name.to_owned()));
        let days = vec![Mon, Tue, Wed, Thu, Fri];
        let hours = (time("08:00"), time("17:00"));
        Calendar::new(chrono_tz::America::Chicago, days, hours, cut_off.map(time), holidays.into())
            .expect("sound")
    }

    /// From, rule and due, in the calendar's own time.
    fn due(calendar: &Calendar, from: &str, rule: &str) -> String {
        let from = calendar.zone.datetime_from_str_local(from);
        let rule: Due = rule.parse().expect("a rule");
        calendar.due(from, rule).with_timezone(&calendar.zone).format("%Y-%m-%d %H:%M %Z").to_string()
    }

    trait Local {
        fn datetime_from_str_local(&self, text: &str) -> DateTime<Utc>;
    }

    impl Local for Tz {
        fn datetime_from_str_local(&self, text: &str) -> DateTime<Utc> {
            let local = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a time");
            self.from_local_datetime(&local).latest().expect("it exists").with_timezone(&Utc)
        }
    }

    #[test]
    fn business_time_passes_nights_weekends_and_holidays() {
        for (cut_off, from, rule, expected) in [
            (None, "2026-11-24 10:00", "4 business hours", "2026-11-24 14:00 CST"),
            (None, "2026-11-24 10:00", "7 business hours", "2026-11-24 17:00 CST"),
            (None, "2026-11-24 15:00", "4 business hours", "2026-11-25 10:00 CST"),
            // Before it opens, and on a weekend, it begins when it opens.
            (None, "2026-11-24 03:00", "30 business minutes", "2026-11-24 08:30 CST"),
            (None, "2026-11-21 12:00", "1 business hour", "2026-11-23 09:00 CST"),
            // Thursday is a holiday.
            (None, "2026-11-25 16:00", "2 business hours", "2026-11-27 09:00 CST"),
            (None, "2026-11-25 16:00", "1 business day", "2026-11-27 17:00 CST"),
            (None, "2026-11-25 16:00", "2 business days", "2026-11-30 17:00 CST"),
            (None, "2026-11-25 16:00", "12:00 next business day", "2026-11-27 12:00 CST"),
            (None, "2026-11-25 16:00", "12:00 in 2 business days", "2026-11-30 12:00 CST"),
            (None, "2026-11-25 09:00", "12:00 same business day", "2026-11-25 12:00 CST"),
            // Noon has passed: the next one that counts.
            (None, "2026-11-25 13:00", "12:00 same business day", "2026-11-27 12:00 CST"),
            // After the cut-off it counts as of the next business day.
            (Some("14:00"), "2026-11-24 14:00", "1 business day", "2026-11-25 17:00 CST"),
            (Some("14:00"), "2026-11-24 14:01", "1 business day", "2026-11-27 17:00 CST"),
            (Some("14:00"), "2026-11-24 15:00", "2 business hours", "2026-11-25 10:00 CST"),
            (Some("14:00"), "2026-11-24 15:00", "17:00 same business day", "2026-11-25 17:00 CST"),
            (None, "2026-11-25 16:00", "24h", "2026-11-26 16:00 CST"),
        ] {
            assert_eq!(due(&chicago(cut_off), from, rule), expected, "{cut_off:?} {from} {rule}");
        }
    }

    #[test]
    fn clocks_that_go_forward_and_back_move_nothing_that_is_agreed_in_local_time() {
        let calendar = chicago(None);
        // Clocks went forward on Sunday, 8 March 2026, and back on Sunday, 1 November.
        assert_eq!(due(&calendar, "2026-03-06 16:00", "2 business hours"), "2026-03-09 09:00 CDT");
        assert_eq!(due(&calendar, "2026-10-30 16:00", "17:00 next business day"), "2026-11-02 17:00 CST");
        // By the clock on the wall, a day that has 23 hours is an hour short.
        assert_eq!(due(&calendar, "2026-03-07 12:00", "24h"), "2026-03-08 13:00 CDT");
        let always = Calendar::always(chrono_tz::America::Chicago);
        assert_eq!(due(&always, "2026-03-08 00:30", "2 business hours"), "2026-03-08 03:30 CDT");
        // 02:30 does not exist on that day: the moment the clocks go forward.
        assert_eq!(due(&always, "2026-03-07 12:00", "02:30 next business day"), "2026-03-08 03:00 CDT");
        // 01:30 comes twice: the later one, so that nothing is due early.
        assert_eq!(due(&always, "2026-10-31 12:00", "01:30 next business day"), "2026-11-01 01:30 CST");
        assert_eq!(due(&always, "2026-10-31 12:00", "24:00 next business day"), "2026-11-02 00:00 CST");
        let day = |text: &str| chrono_tz::America::Chicago.datetime_from_str_local(text);
        let long = always.open_time(day("2026-11-01 00:00"), day("2026-11-02 00:00"));
        let short = always.open_time(day("2026-03-08 00:00"), day("2026-03-09 00:00"));
        assert_eq!((long, short), (TimeDelta::hours(25), TimeDelta::hours(23)));
    }

    #[test]
    fn open_time_is_what_due_counts() {
        let calendar = chicago(None);
        for from in ["2026-11-24 10:00", "2026-11-25 16:30", "2026-11-26 09:00", "2026-03-06 16:00"] {
            let from = calendar.zone.datetime_from_str_local(from);
            for hours in [1, 5, 9, 40, 400] {
                let due = calendar.due(from, Due::OpenTime(TimeDelta::hours(hours)));
                assert_eq!(calendar.open_time(from, due), TimeDelta::hours(hours), "{from} {hours}");
            }
        }
        let (late, early) = (calendar.due(DateTime::UNIX_EPOCH, Due::Close(3)), DateTime::UNIX_EPOCH);
        assert_eq!(calendar.open_time(late, early), TimeDelta::zero());
    }

    #[test]
    fn what_is_written_is_what_is_shown() {
        for text in [
            "30s",
            "90m",
            "24h",
            "4 business hours",
            "1 business hour",
            "90 business minutes",
            "1 business day",
            "17:00 same business day",
            "09:30 next business day",
            "12:00 in 3 business days",
        ] {
            let due: Due = text.parse().expect(text);
            let shown = due.to_string();
            assert_eq!(shown.parse(), Ok(due), "{text} as {shown}");
        }
        for text in [
            "",
            "4 hours",
            "0 business days",
            "25:00 next business day",
            "17:60 same business day",
            "soon",
            "-1 business days",
            "1:2:3 next business day",
        ] {
            assert_eq!(text.parse::<Due>(), Err(()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let time = |text: &str| -> TimeOfDay { text.parse().expect("a time") };
        let make = |days: &[Weekday], opens, closes, cut_off: Option<&str>| {
            let hours = (time(opens), time(closes));
            Calendar::new(Tz::UTC, days.to_vec(), hours, cut_off.map(time), BTreeMap::new()).err()
        };
        assert_eq!(make(&[], "08:00", "17:00", None), Some(Unsound::NoDays));
        assert_eq!(make(&[Sat], "17:00", "17:00", None), Some(Unsound::ClosesFirst));
        assert_eq!(make(&[Sun], "08:00", "17:00", Some("18:00")), Some(Unsound::CutOffOutside));
        assert_eq!(make(&[Sun], "00:00", "24:00", Some("14:00")), None);
    }
}
