//! How people name things and times: the first digits of an id, a day, or so long ago.

use super::Refusal;
use crate::ids::SHORT_DIGITS;
pub(super) use crate::ids::short;
use crate::store::{Noun, Store};
use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use uuid::Uuid;

/// The one thing of this noun that `typed` names: a whole id or its first digits.
pub(super) async fn find(store: &Store, noun: Noun, typed: &str) -> anyhow::Result<Uuid> {
    find_any(store, &[noun], typed).await.map(|(_, id)| id)
}

/// The one thing of these nouns that `typed` names.
pub(super) async fn find_any(store: &Store, nouns: &[Noun], typed: &str) -> anyhow::Result<(Noun, Uuid)> {
    let (first, last) = range(typed)?;
    let mut found = Vec::new();
    for noun in nouns {
        found.extend(store.find_ids(*noun, first, last).await?.into_iter().map(|id| (*noun, id)));
    }
    let words: Vec<&str> = nouns.iter().map(|noun| noun.word()).collect();
    match found.as_slice() {
        [found] => Ok(*found),
        [] => {
            let lists: Vec<String> = nouns.iter().map(|noun| format!("`{}`", list(*noun))).collect();
            let verb = if lists.len() == 1 { "lists" } else { "list" };
            Err(Refusal::usage(
                format!("there is no {} `{typed}`", any_of(&words)),
                format!("{} {verb} the latest with their ids", all_of(&lists)),
            ))
        }
        several => {
            let named = |(noun, id): &(Noun, Uuid)| format!("{} {id}", noun.word());
            Err(Refusal::usage(
                format!(
                    "`{typed}` begins more than one id, such as {} and {}",
                    named(&several[0]),
                    named(&several[1])
                ),
                "type more of it",
            ))
        }
    }
}

fn list(noun: Noun) -> &'static str {
    match noun {
        Noun::File => "crossdock files",
        Noun::Document => "crossdock documents",
        Noun::Delivery => "crossdock deliveries",
        Noun::Job => "crossdock jobs",
        Noun::Exception => "crossdock exceptions",
        Noun::Report => "crossdock report show NAME",
    }
}

fn any_of(words: &[&str]) -> String {
    match words {
        [before @ .., last] if !before.is_empty() => format!("{} or {last}", before.join(", ")),
        words => words.concat(),
    }
}

fn all_of(words: &[String]) -> String {
    match words {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        words => words.concat(),
    }
}

/// From the least to the greatest id that begins with these digits.
fn range(typed: &str) -> anyhow::Result<(Uuid, Uuid)> {
    let digits: String = typed.chars().filter(|c| *c != '-').collect();
    let count = digits.chars().count();
    if !digits.chars().all(|c| c.is_ascii_hexdigit()) || !(SHORT_DIGITS..=32).contains(&count) {
        return Err(Refusal::usage(
            format!("`{typed}` is no id"),
            "an id is written in the digits 0 to 9 and a to f; its first eight are enough",
        ));
    }
    let filled = |digit: char| {
        let whole: String = digits.chars().chain(std::iter::repeat(digit)).take(32).collect();
        whole.parse::<Uuid>().expect("32 hexadecimal digits are an id")
    };
    Ok((filled('0'), filled('f')))
}

/// A point in time as people type it, UTC: `2026-11-25`, `2026-11-25T06:30`, or `30m`, `6h`, `2d` ago.
pub(super) fn instant(typed: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(typed) {
        return Ok(at.to_utc());
    }
    let minute = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"];
    if let Some(at) = minute.iter().find_map(|form| NaiveDateTime::parse_from_str(typed, form).ok()) {
        return Ok(at.and_utc());
    }
    if let Ok(day) = typed.parse::<NaiveDate>() {
        return Ok(day.and_time(chrono::NaiveTime::MIN).and_utc());
    }
    let count: Option<i64> = typed.trim_end_matches(['m', 'h', 'd']).parse().ok().filter(|count| *count >= 0);
    let ago = match (typed.chars().last(), count) {
        (Some('m'), Some(count)) => TimeDelta::try_minutes(count),
        (Some('h'), Some(count)) => TimeDelta::try_hours(count),
        (Some('d'), Some(count)) => TimeDelta::try_days(count),
        _ => None,
    };
    ago.and_then(|ago| crate::clock::Clock::System.now().checked_sub_signed(ago)).ok_or_else(|| {
        "write a day such as `2026-11-25`, a time such as `2026-11-25T06:30` (UTC), or `30m`, `6h`, `2d` ago".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_digits_of_an_id_are_a_range() {
        let (first, last) = range("4f2a1b9c").expect("eight digits are enough");
        assert_eq!(first.to_string(), "4f2a1b9c-0000-0000-0000-000000000000");
        assert_eq!(last.to_string(), "4f2a1b9c-ffff-ffff-ffff-ffffffffffff");
        let (first, last) = range(&last.to_string()).expect("a whole id");
        assert_eq!(first, last);
        for wrong in ["4f2a1b9", "4f2a1b9x", "", "4f2a1b9c-0000-0000-0000-0000000000000"] {
            assert!(range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_are_days_times_or_so_long_ago() {
        for (typed, at) in [
            ("2026-11-25", "2026-11-25T00:00:00Z"),
            ("2026-11-25T06:30", "2026-11-25T06:30:00Z"),
            ("2026-11-25T06:30:00+02:00", "2026-11-25T04:30:00Z"),
        ] {
            assert_eq!(instant(typed), Ok(at.parse().expect("an instant")), "{typed}");
        }
        let ago = crate::clock::Clock::System.now() - instant("6h").expect("so long ago");
        assert!((359..=361).contains(&ago.num_minutes()), "{ago}");
        for wrong in ["yesterday", "6", "-1d", "25.11.2026", "99999999999999d"] {
            assert!(instant(wrong).is_err(), "{wrong}");
        }
    }
}
