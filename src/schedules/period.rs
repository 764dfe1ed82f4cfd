//! Which days a scheduled report is about, counted back from when it is due.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use chrono_tz::Tz;

/// Days counted back from a due instant; the day on which it is due is never among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// The day before.
    Yesterday,
    /// The seven days before.
    Last7Days,
    /// The last whole week, Monday to Sunday.
    LastWeek,
    /// The month so far; on the first, the whole month before.
    MonthToDate,
    /// The last whole month.
    LastMonth,
}

impl Period {
    /// Every period, by its word.
    pub const ALL: &[(&str, Self)] = &[
        ("yesterday", Self::Yesterday),
        ("last_7_days", Self::Last7Days),
        ("last_week", Self::LastWeek),
        ("month_to_date", Self::MonthToDate),
        ("last_month", Self::LastMonth),
    ];

    /// First and last day.
    #[must_use]
    pub fn days(self, due: DateTime<Utc>, zone: Tz) -> (NaiveDate, NaiveDate) {
        let today = due.with_timezone(&zone).date_naive();
        let back = |day: NaiveDate, days| day.checked_sub_days(Days::new(days)).unwrap_or(day);
        let first_of_month = |day: NaiveDate| day.with_day(1).expect("every month has a first");
        let yesterday = back(today, 1);
        match self {
            Self::Yesterday => (yesterday, yesterday),
            Self::Last7Days => (back(today, 7), yesterday),
            Self::LastWeek => {
                let monday = back(today, u64::from(today.weekday().num_days_from_monday()));
                (back(monday, 7), back(monday, 1))
            }
            Self::MonthToDate => (first_of_month(yesterday), yesterday),
            Self::LastMonth => {
                let last = back(first_of_month(today), 1);
                (first_of_month(last), last)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_back_from_the_local_day() {
        // 3:00 UTC on 1 March is still 28 February in New York.
        let due = "2026-03-01T03:00:00Z".parse().expect("an instant");
        for (zone, period, from, to) in [
            (chrono_tz::UTC, Period::Yesterday, "2026-02-28", "2026-02-28"),
            (chrono_tz::America::New_York, Period::Yesterday, "2026-02-27", "2026-02-27"),
            (chrono_tz::UTC, Period::Last7Days, "2026-02-22", "2026-02-28"),
            // 1 March 2026 is a Sunday: its week is not whole yet.
            (chrono_tz::UTC, Period::LastWeek, "2026-02-16", "2026-02-22"),
            (chrono_tz::UTC, Period::MonthToDate, "2026-02-01", "2026-02-28"),
            (chrono_tz::America::New_York, Period::MonthToDate, "2026-02-01", "2026-02-27"),
            (chrono_tz::UTC, Period::LastMonth, "2026-02-01", "2026-02-28"),
            (chrono_tz::America::New_York, Period::LastMonth, "2026-01-01", "2026-01-31"),
        ] {
            let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
            assert_eq!(period.days(due, zone), (day(from), day(to)), "{period:?} in {zone}");
        }
    }
}
