//! Control numbers: rising by one, without gaps, whoever asks.

use super::{Error, Work};

/// A wish for the next numbers of one sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberRequest {
    /// The sequence, such as `isa/ZZ/OURHUB/01/123456789`.
    pub scope: String,
    /// How many.
    pub count: i64,
    /// The first number of a fresh sequence, and the one after the last.
    pub minimum: i64,
    /// The last number, such as 999,999,999 for ISA13.
    pub maximum: i64,
}

impl NumberRequest {
    /// Numbers of up to nine digits, as ISA13 and GS06 are.
    #[must_use]
    pub fn nine_digits(scope: impl Into<String>, count: i64) -> Self {
        Self { scope: scope.into(), count, minimum: 1, maximum: 999_999_999 }
    }
}

/// Taken numbers. They are used, or given back by not committing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlNumbers {
    first: i64,
    count: i64,
    minimum: i64,
    maximum: i64,
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

impl Work {
    /// Takes the next numbers of sequences, in the order asked. Scopes must be distinct.
    ///
    /// Others who ask for the same sequence wait for this work to end, so call it just before the end. Numbers of
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
        // Rows are locked in key order, or two works could each wait for the other.
        let rows = sqlx::query!(
            r#"insert into control_number as c (scope, next, minimum, maximum)
               select n.scope, n.minimum + n.count % (n.maximum - n.minimum + 1), n.minimum, n.maximum
               from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[]) as n (scope, count, minimum, maximum)
               order by n.scope collate "C"
               on conflict (scope) do update set
                   next = c.minimum + (c.next - c.minimum + excluded.next - excluded.minimum)
                       % (c.maximum - c.minimum + 1),
                   used_at = now()
               returning scope, next, minimum, maximum"#,
            &scopes as &[&str],
            &counts,
            &minima,
            &maxima,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("take control numbers"))?;
        Ok(requests
            .iter()
            .map(|request| {
                let row = rows.iter().find(|row| row.scope == request.scope).expect("each scope has its row");
                let span = row.maximum - row.minimum + 1;
                let first = row.minimum + (row.next - row.minimum - request.count).rem_euclid(span);
                ControlNumbers { first, count: request.count, minimum: row.minimum, maximum: row.maximum }
            })
            .collect())
    }

    /// Sets what the next number of a sequence is: for a partner who was served by another system before.
    ///
    /// # Errors
    /// When the number is outside the sequence, or the database cannot be written.
    pub async fn set_control_number(&mut self, request: &NumberRequest, next: i64) -> Result<(), Error> {
        sqlx::query!(
            "insert into control_number (scope, next, minimum, maximum) values ($1, $2, $3, $4)
             on conflict (scope) do update set next = excluded.next, minimum = excluded.minimum,
                 maximum = excluded.maximum, used_at = now()",
            request.scope,
            next,
            request.minimum,
            request.maximum,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("set a control number"))
    }
}
