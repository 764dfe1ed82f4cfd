//! Counters as people see them: what they gave last, and how far it is to their end.

use chrono::{DateTime, Utc};

use super::{Error, Store};

/// A counter of control numbers.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct CounterRow {
    /// Its name, such as `isa13 ZZ:OURHUB 01:123456789`.
    pub scope: String,
    /// The number that is used next.
    pub next: i64,
    /// Its first number.
    pub minimum: i64,
    /// Its last number; after it the first comes again.
    pub maximum: i64,
    /// When a number was used last; none when it was only set.
    pub used_at: Option<DateTime<Utc>>,
    /// How often it went back to numbers behind it.
    pub laps: i32,
    /// Numbers that were used in a day, over the last thirty or since there is the counter.
    pub a_day: f64,
}

impl CounterRow {
    /// How much of its range is behind it, from 0 to 1.
    #[must_use]
    pub fn used(&self) -> f64 {
        (self.next - self.minimum) as f64 / (self.maximum - self.minimum + 1) as f64
    }

    /// Days until its last number is used, at the pace of late; none when nothing was used.
    #[must_use]
    pub fn days_left(&self) -> Option<f64> {
        (self.a_day > 0.0).then(|| (self.maximum - self.next + 1) as f64 / self.a_day)
    }
}

impl Store {
    /// All counters, by name; those of which at least this part of the range is used.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_counters(&self, used: f64) -> Result<Vec<CounterRow>, Error> {
        sqlx::query_as!(
            CounterRow,
            r#"select c.scope, c.next, c.minimum, c.maximum, c.used_at, c.laps,
                   ((c.next - c.run_first + coalesce(r.count, 0))::float8
                       / greatest(1, extract(epoch from least(now() - c.created_at, interval '30 days')) / 86400)::float8)
                       as "a_day!"
               from control_number c
               left join lateral (
                   select sum(r.last - r.first + 1)::bigint as count from control_number_run r
                   where r.scope = c.scope and r.used_at > now() - interval '30 days') r on true
               where (c.next - c.minimum)::float8 >= $1::float8 * (c.maximum - c.minimum + 1)
               order by c.scope collate "C""#,
            used,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list counters"))
    }
}
