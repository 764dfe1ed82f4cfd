//! Control numbers: rising by one, without gaps, whoever asks; none comes again unnoticed.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Error, Work};

/// A wish for the next numbers of one counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberRequest {
    /// The counter, such as `isa13 ZZ:OURHUB 01:123456789`.
    pub scope: String,
    /// How many.
    pub count: i64,
    /// The first number of a fresh counter, and the one after the last.
    pub minimum: i64,
    /// The last number, such as 999,999,999 for ISA13.
    pub maximum: i64,
    /// A number that was used less than so many seconds ago is told.
    pub reuse_after_secs: i64,
}

impl NumberRequest {
    /// Numbers of up to nine digits, as ISA13 and GS06 are.
    #[must_use]
    pub fn nine_digits(scope: impl Into<String>, count: i64) -> Self {
        Self { scope: scope.into(), count, minimum: 1, maximum: 999_999_999, reuse_after_secs: 0 }
    }
}

/// Taken numbers. They are used, or given back by not committing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlNumbers {
    first: i64,
    count: i64,
    minimum: i64,
    maximum: i64,
    /// Whether the counter has gone back to numbers behind it, so that these may have been used before.
    pub went_back: bool,
    /// Those of them that were used a short while ago, and when.
    pub used_lately: Vec<(i64, DateTime<Utc>)>,
}

impl ControlNumbers {
    /// The first.
    #[must_use]
    pub fn first(&self) -> i64 {
        self.first
    }

    /// All of them in order; after the highest comes the lowest again.
    pub fn iter(&self) -> impl Iterator<Item = i64> + use<> {
        let (first, minimum, span) = (self.first, self.minimum, self.maximum - self.minimum + 1);
        (0..self.count).map(move |n| minimum + (first - minimum + n).rem_euclid(span))
    }
}

/// Numbers that were used one after the other, the first and the last.
type Run = (i64, i64);

/// A counter as it stands, locked until the end of the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedCounter {
    /// The number that is used next.
    pub next: i64,
    /// Its range, as it was when it was used last.
    pub minimum: i64,
    /// The last number of its range.
    pub maximum: i64,
    /// How often it went back to numbers behind it.
    pub laps: i32,
    /// When a number was used last.
    pub used_at: Option<DateTime<Utc>>,
    run_first: i64,
    /// Whether its run is older than a day.
    is_old: bool,
    now: DateTime<Utc>,
}

/// What taking numbers makes of a counter.
#[derive(Debug, PartialEq, Eq)]
struct Taken {
    first: i64,
    next: i64,
    laps: i32,
    run_first: i64,
    is_new_run: bool,
    /// Runs that end: before these numbers, and with them.
    ended: Vec<(Run, bool)>,
}

impl LockedCounter {
    /// Takes numbers of the range asked for, which may be another one than before.
    fn take(&self, request: &NumberRequest) -> Taken {
        let (minimum, maximum) = (request.minimum, request.maximum);
        let first = if (minimum..=maximum).contains(&self.next) { self.next } else { minimum };
        let (mut laps, mut run_first) = (self.laps + i32::from(first < self.next), self.run_first);
        let mut ended = Vec::new();
        let is_new_run = self.is_old || first != self.next;
        if is_new_run {
            ended.push(((run_first, self.next - 1), false));
            run_first = first;
        }
        let (mut next, mut left) = (first, request.count);
        let mut turned = false;
        while left > 0 {
            let some = left.min(maximum - next + 1);
            next += some;
            left -= some;
            if next > maximum {
                ended.push(((run_first, maximum), true));
                (next, run_first) = (minimum, minimum);
                laps += 1;
                turned = true;
            }
        }
        ended.retain(|((first, last), _)| first <= last);
        Taken { first, next, laps, run_first, is_new_run: is_new_run || turned, ended }
    }
}

impl Work {
    /// Takes the next numbers of counters, in the order asked. Scopes must be distinct.
    ///
    /// Others who ask for the same counter wait for this work to end, so call it just before the end. Numbers of
    /// work that is not committed are given to the next.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn take_control_numbers(
        &mut self,
        requests: &[NumberRequest],
    ) -> Result<Vec<ControlNumbers>, Error> {
        let scopes: Vec<&str> = requests.iter().map(|request| request.scope.as_str()).collect();
        let counts: Vec<i64> = requests.iter().map(|request| request.count).collect();
        let minima: Vec<i64> = requests.iter().map(|request| request.minimum).collect();
        let maxima: Vec<i64> = requests.iter().map(|request| request.maximum).collect();
        // Rows are locked in key order, or two works could each wait for the other. What is not simply the next of its
        // first lap is locked as well, and taken below: once a day, and where a counter turns or has turned.
        let rows = sqlx::query!(
            r#"insert into control_number as c (scope, next, minimum, maximum, run_first, used_at)
               select n.scope, n.minimum + n.count, n.minimum, n.maximum, n.minimum, now()
               from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) as n (scope, count, minimum, maximum)
               where n.count <= n.maximum - n.minimum
               order by n.scope collate "C"
               on conflict (scope) do update set
                   next = c.next + excluded.next - excluded.minimum, used_at = now()
                   where c.minimum = excluded.minimum and c.maximum = excluded.maximum and c.laps = 0
                       and c.next + excluded.next - excluded.minimum <= c.maximum
                       and c.run_since > now() - interval '1 day'
               returning scope, next"#,
            &scopes as &[&str],
            &counts,
            &minima,
            &maxima,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("take control numbers"))?;
        let mut taken = Vec::with_capacity(requests.len());
        for request in requests {
            taken.push(match rows.iter().find(|row| row.scope == request.scope) {
                Some(row) => ControlNumbers {
                    first: row.next - request.count,
                    count: request.count,
                    minimum: request.minimum,
                    maximum: request.maximum,
                    went_back: false,
                    used_lately: Vec::new(),
                },
                None => self.take_with_care(request).await?,
            });
        }
        Ok(taken)
    }

    /// Takes numbers where it is not simply the next ones.
    async fn take_with_care(&mut self, request: &NumberRequest) -> Result<ControlNumbers, Error> {
        let counter = self.lock_counter(request).await?;
        let taken = counter.take(request);
        let mut numbers = ControlNumbers {
            first: taken.first,
            count: request.count,
            minimum: request.minimum,
            maximum: request.maximum,
            went_back: taken.laps > 0,
            used_lately: Vec::new(),
        };
        if numbers.went_back {
            let all: Vec<i64> = numbers.iter().collect();
            let mut lately = self.find_used(&request.scope, &all, request.reuse_after_secs).await?;
            let since = counter.now - TimeDelta::seconds(request.reuse_after_secs);
            let (run, mut own) = (counter.run_first..counter.next, BTreeSet::new());
            for number in all {
                // A range that is smaller than what is asked for gives a number twice at once.
                let at = if own.insert(number) {
                    counter.used_at.filter(|_| run.contains(&number))
                } else {
                    Some(counter.now)
                };
                lately.extend(at.filter(|at| *at > since).map(|at| (number, at)));
            }
            lately.sort_unstable();
            numbers.used_lately = lately;
        }
        self.keep_counter(request, &counter, &taken).await?;
        Ok(numbers)
    }

    /// The counter of a request, made if it is new, and nobody else's until the end of this work.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn lock_counter(&mut self, request: &NumberRequest) -> Result<LockedCounter, Error> {
        sqlx::query!(
            "insert into control_number (scope, next, minimum, maximum, run_first) values ($1, $2, $2, $3, $2)
             on conflict do nothing",
            request.scope,
            request.minimum,
            request.maximum,
        )
        .execute(self.connection())
        .await
        .map_err(Error::query("begin a counter"))?;
        sqlx::query_as!(
            LockedCounter,
            r#"select next, minimum, maximum, laps, used_at, run_first,
                   run_since <= now() - interval '1 day' as "is_old!", now() as "now!"
               from control_number where scope = $1 for update"#,
            request.scope,
        )
        .fetch_one(self.connection())
        .await
        .map_err(Error::query("lock a counter"))
    }

    /// Which of these numbers ended a run or stood in one within so many seconds, and when that was used last.
    async fn find_used(
        &mut self,
        scope: &str,
        numbers: &[i64],
        within_secs: i64,
    ) -> Result<Vec<(i64, DateTime<Utc>)>, Error> {
        let rows = sqlx::query!(
            r#"select n.number as "number!", max(r.used_at) as "used_at!"
               from unnest($2::bigint[]) as n (number)
               join control_number_run r on r.scope = $1 and n.number between r.first and r.last
                   and r.used_at > now() - $3 * interval '1 second'
               group by n.number"#,
            scope,
            numbers,
            within_secs as f64,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("look up when numbers were used"))?;
        Ok(rows.into_iter().map(|row| (row.number, row.used_at)).collect())
    }

    async fn keep_counter(
        &mut self,
        request: &NumberRequest,
        before: &LockedCounter,
        taken: &Taken,
    ) -> Result<(), Error> {
        self.insert_runs(&request.scope, before, &taken.ended).await?;
        sqlx::query!(
            "update control_number set next = $2, minimum = $3, maximum = $4, laps = $5, run_first = $6,
                 used_at = now(), run_since = case when $7 then now() else run_since end
             where scope = $1",
            request.scope,
            taken.next,
            request.minimum,
            request.maximum,
            taken.laps,
            taken.run_first,
            taken.is_new_run,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("keep a counter"))
    }

    async fn insert_runs(
        &mut self,
        scope: &str,
        counter: &LockedCounter,
        ended: &[(Run, bool)],
    ) -> Result<(), Error> {
        if ended.is_empty() {
            return Ok(());
        }
        let firsts: Vec<i64> = ended.iter().map(|((first, _), _)| *first).collect();
        let lasts: Vec<i64> = ended.iter().map(|((_, last), _)| *last).collect();
        let times: Vec<DateTime<Utc>> = ended
            .iter()
            .map(|(_, is_now)| counter.used_at.filter(|_| !*is_now).unwrap_or(counter.now))
            .collect();
        sqlx::query!(
            "insert into control_number_run (scope, first, last, used_at)
             select $1, * from unnest($2::bigint[], $3::bigint[], $4::timestamptz[]) on conflict do nothing",
            scope,
            &firsts,
            &lasts,
            &times,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("keep which numbers were used"))
    }

    /// The highest number of a counter at or above this one that was used, and when; with a length of time only what was
    /// used within it.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_highest_used(
        &mut self,
        scope: &str,
        counter: &LockedCounter,
        from: i64,
        within_secs: Option<i64>,
    ) -> Result<Option<(i64, DateTime<Utc>)>, Error> {
        let row = sqlx::query!(
            r#"select last, used_at from control_number_run
               where scope = $1 and last >= $2
                   and ($3::float8 is null or used_at > now() - $3 * interval '1 second')
               order by last desc, used_at desc limit 1"#,
            scope,
            from,
            within_secs.map(|secs| secs as f64),
        )
        .fetch_optional(self.connection())
        .await
        .map_err(Error::query("look up which numbers were used"))?;
        let of_run = (counter.run_first < counter.next && counter.next > from)
            .then(|| Some((counter.next - 1, counter.used_at?)))
            .flatten();
        Ok(row.map(|row| (row.last, row.used_at)).into_iter().chain(of_run).max())
    }

    /// Sets what the next number of a locked counter is; `may_meet_used` says that it may come to numbers that were used.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_control_number(
        &mut self,
        request: &NumberRequest,
        counter: &LockedCounter,
        next: i64,
        may_meet_used: bool,
    ) -> Result<(), Error> {
        let run = (counter.run_first, counter.next - 1);
        let ended: Vec<(Run, bool)> = (run.0 <= run.1).then_some((run, false)).into_iter().collect();
        self.insert_runs(&request.scope, counter, &ended).await?;
        sqlx::query!(
            "update control_number set next = $2, minimum = $3, maximum = $4, laps = laps + $5::integer,
                 run_first = $2, run_since = now()
             where scope = $1",
            request.scope,
            next,
            request.minimum,
            request.maximum,
            i32::from(may_meet_used),
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("set a control number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter(next: i64, run_first: i64) -> LockedCounter {
        let now = DateTime::UNIX_EPOCH;
        LockedCounter {
            next,
            minimum: 1,
            maximum: 9,
            laps: 0,
            used_at: Some(now),
            run_first,
            is_old: false,
            now,
        }
    }

    fn request(count: i64, minimum: i64, maximum: i64) -> NumberRequest {
        NumberRequest { count, minimum, maximum, ..NumberRequest::nine_digits("x", 1) }
    }

    #[test]
    fn a_counter_turns_as_often_as_it_must() {
        let taken = counter(8, 3).take(&request(2, 1, 9));
        assert_eq!((taken.first, taken.next, taken.laps, taken.run_first), (8, 1, 1, 1));
        assert_eq!(taken.ended, [((3, 9), true)]);
        let taken = counter(8, 3).take(&request(13, 1, 9));
        assert_eq!((taken.next, taken.laps, taken.run_first), (3, 2, 1));
        assert_eq!(taken.ended, [((3, 9), true), ((1, 9), true)]);
    }

    #[test]
    fn another_range_ends_the_run_and_going_back_is_noted() {
        let up = counter(8, 3).take(&request(1, 100, 200));
        assert_eq!((up.first, up.next, up.laps, up.run_first, up.is_new_run), (100, 101, 0, 100, true));
        assert_eq!(up.ended, [((3, 7), false)]);
        let down = counter(8, 8).take(&request(1, 1, 5));
        assert_eq!((down.first, down.next, down.laps), (1, 2, 1));
        assert_eq!(down.ended, [], "nothing was used of its run");
        let wider = counter(8, 3).take(&request(1, 1, 99));
        assert_eq!((wider.first, wider.next, wider.laps, wider.is_new_run), (8, 9, 0, false));
    }
}
