//! Control numbers: what must not be numbered as something else was, and where a person sets a counter.

use super::compose::{Numbers, Wanted, request};
use super::hub::Error;
use super::operate::{Deed, Refusal, Unmade, Wish, begin_about};
use crate::ids;
use crate::profiles::{Counter, CounterOf, Level, Profiles, Topic};
use crate::store::{ControlNumbers, CounterRow, Store, UnderNumber, Work};
use chrono::{DateTime, Utc};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Says of each interchange why nothing may be sent under its numbers, where they were used a short while ago or are
/// awaited an answer for.
pub(super) async fn doubt(
    work: &mut Work,
    wanted: &[Wanted<'_>],
    counters: &[(Counter, Vec<Counter>)],
    taken: &BTreeMap<&Counter, &ControlNumbers>,
    all: &mut [Numbers],
) -> Result<(), Error> {
    let mut asked: Vec<UnderNumber<'_>> = Vec::new();
    let mut places = Vec::new();
    let mut reasons: Vec<Vec<String>> = vec![Vec::new(); all.len()];
    for (place, ((wanted, (interchange, groups)), numbers)) in
        wanted.iter().zip(counters).zip(all.iter()).enumerate()
    {
        let of_groups =
            groups.iter().zip(&numbers.groups).zip(&wanted.groups).map(|((c, n), id)| (c, *n, *id));
        for (counter, number, id) in std::iter::once((interchange, numbers.interchange, "")).chain(of_groups)
        {
            let Some(taken) = taken.get(counter).filter(|taken| taken.went_back) else { continue };
            let number = i64::from(number);
            let lately = taken.used_lately.iter().rev().find(|(used, _)| *used == number);
            if let Some((_, at)) = lately {
                let days = (counter.reuse_after_secs / 86_400).max(1);
                reasons[place].push(format!(
                    "{} was used on {}, and is not used again within {days} day{}",
                    shown(counter.level, number),
                    at.format("%Y-%m-%d"),
                    if days == 1 { "" } else { "s" }
                ));
            }
            places.push((place, shown(counter.level, number)));
            asked.push(UnderNumber {
                partner_id: &wanted.profile.id,
                test: wanted.test,
                functional_id: id,
                number,
            });
        }
    }
    let mut told = BTreeSet::new();
    for awaited in work.find_awaited_under(&asked).await? {
        let Some((place, number)) = places.get(awaited.place).filter(|_| told.insert(awaited.place)) else {
            continue;
        };
        reasons[*place].push(format!(
            "under {number} the {} for {} of {} is still awaited",
            awaited.level,
            awaited.file_name,
            awaited.created_at.format("%Y-%m-%d")
        ));
    }
    for ((numbers, reasons), wanted) in all.iter_mut().zip(reasons).zip(wanted) {
        if !reasons.is_empty() {
            numbers.doubt = Some(format!(
                "{}; ask {} whether it takes the number again, or write a wider range to [x12.control_numbers] of partner-profiles/{}.toml",
                reasons.join(", and "),
                wanted.profile.whom(Topic::Technical),
                wanted.profile.id
            ));
        }
    }
    Ok(())
}

fn shown(level: Level, number: i64) -> String {
    match level {
        Level::Interchange => format!("{} {number:09}", level.element()),
        Level::Group => format!("{} {number}", level.element()),
    }
}

/// A counter as profiles name it, and as it stands.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Standing {
    /// Partners that it numbers for; none where no profile names it any more.
    pub partners: Vec<String>,
    /// What it numbers.
    pub level: Option<Level>,
    /// The agreement that it is for.
    pub agreement: Option<String>,
    /// Whether it is for tests, where those count apart.
    pub test: Option<bool>,
    /// GS01, where each counts apart.
    pub functional_id: Option<String>,
    /// Its name in the database.
    pub counter: String,
    /// The number that is used next.
    pub next: i64,
    /// Its first number.
    pub first: i64,
    /// Its last number.
    pub last: i64,
    /// When a number was used last.
    pub used_at: Option<DateTime<Utc>>,
    /// The part of its range that is behind it, in percent.
    pub used_percent: f64,
    /// Days until its last number is used, at the pace of late.
    pub days_left: Option<f64>,
}

/// All counters that profiles name, whether they were used or not, and those that no profile names any more.
#[must_use]
pub fn list(profiles: &Profiles, rows: &[CounterRow]) -> Vec<Standing> {
    let mut found: Vec<Standing> = Vec::new();
    for profile in profiles.list() {
        for of in profile.list_counters() {
            match found.iter_mut().find(|known| known.counter == of.counter.scope) {
                Some(known) => known.partners.push(profile.id.clone()),
                None => {
                    let row = rows.iter().find(|row| row.scope == of.counter.scope);
                    found.push(standing(&profile.id, of, row));
                }
            }
        }
    }
    let unnamed = rows.iter().filter(|row| !found.iter().any(|known| known.counter == row.scope));
    let unnamed: Vec<Standing> = unnamed.map(|row| of_row(row, (row.minimum, row.maximum))).collect();
    found.extend(unnamed);
    found
}

fn of_row(row: &CounterRow, (first, last): (i64, i64)) -> Standing {
    // What a profile says since counts from the next number on.
    let next = if (first..=last).contains(&row.next) { row.next } else { first };
    let row = CounterRow { next, minimum: first, maximum: last, ..row.clone() };
    Standing {
        partners: Vec::new(),
        level: None,
        agreement: None,
        test: None,
        functional_id: None,
        next,
        first,
        last,
        used_at: row.used_at,
        used_percent: row.used() * 100.0,
        days_left: row.days_left(),
        counter: row.scope,
    }
}

fn standing(partner: &str, of: CounterOf, row: Option<&CounterRow>) -> Standing {
    let range = (i64::from(of.counter.first), i64::from(of.counter.last));
    let unused = CounterRow {
        scope: of.counter.scope.clone(),
        next: range.0,
        minimum: range.0,
        maximum: range.1,
        used_at: None,
        laps: 0,
        a_day: 0.0,
    };
    Standing {
        partners: vec![partner.to_owned()],
        level: Some(of.counter.level),
        agreement: of.agreement,
        test: of.test,
        functional_id: of.functional_id,
        ..of_row(row.unwrap_or(&unused), range)
    }
}

/// Sets the number that a counter goes on with. One that lies at or below a number used already is refused unless
/// `allow_reuse` says that numbers may come again.
///
/// # Errors
/// [`Unmade::Refused`] for a number outside of the range, or one that would come again.
pub async fn set(
    store: &Store,
    counter: &Counter,
    (next, allow_reuse): (i64, bool),
    wish: &Wish,
) -> Result<Deed, Unmade> {
    let (first, last) = (i64::from(counter.first), i64::from(counter.last));
    if !(first..=last).contains(&next) {
        let message = format!("{next} lies outside of the range of `{}`, {first} to {last}", counter.scope);
        let hint = "take one within it, or write another range to [x12.control_numbers] of the profile first";
        return Err(Refusal::new(message, hint).into());
    }
    let id = ids::derived("counter", &[&counter.scope]);
    let asked = json!({ "next": next, "allow_reuse": allow_reuse });
    let mut begun = match begin_about(store, wish, "set_number", None, id, asked).await? {
        Ok(begun) => begun,
        Err(deed) => return Ok(deed),
    };
    let request = request(counter);
    let locked = begun.work.lock_counter(&request).await?;
    // What came round long ago may come again; before the first turn every number that was used is one too many.
    let within = (locked.laps > 0).then_some(request.reuse_after_secs);
    let used = begun.work.find_highest_used(&counter.scope, &locked, next, within).await?;
    let used = used.filter(|(number, _)| *number <= last);
    if let (Some((highest, at)), false) = (used, allow_reuse) {
        let message = format!(
            "`{}` has used numbers up to {highest} (on {}), so that from {next} on they would come again",
            counter.scope,
            at.format("%Y-%m-%d")
        );
        let higher = if highest < last {
            format!("take {} or higher", highest + 1)
        } else {
            "take another range".to_owned()
        };
        let hint = format!(
            "{higher}; or, if the partner has agreed to it, --allow-reuse: the partner may take what comes under a number again for a copy and drop it, and acknowledgments go to the newest. What would be numbered as something within `reuse_after` was, or as something that is awaited an answer for, is held then until you release it"
        );
        return Err(Refusal::new(message, hint).into());
    }
    // Whoever goes back meets used numbers some day, also those that are not known of any more.
    let back = used.is_some() || next < locked.next;
    begun.work.set_control_number(&request, &locked, next, back).await?;
    let before = json!({ "next": locked.next, "first": locked.minimum, "last": locked.maximum });
    let after = json!({ "next": next, "first": first, "last": last });
    begun.commit(format!("counter {} to {next}", counter.scope), before, after).await
}
