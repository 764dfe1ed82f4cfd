//! Composes what is sent: bytes, names and control numbers, frozen before the first attempt.

use super::hub::Error;
use super::numbers;
use crate::finding::Finding;
use crate::formats::x12::verdict::Ta1;
use crate::formats::x12::writer::{self, DelimiterInData, Envelope, LineEnding, OutboundGroup, OutboundSet};
use crate::profiles::{Counter, Level, Numbered, Profile, X12, pattern};
use crate::store::{ControlNumbers, NumberRequest, Work};
use crate::translators::HELD;
use crate::tree::Tree;
use chrono::{DateTime, NaiveDateTime, Utc};
use std::collections::{BTreeMap, VecDeque};

/// A group to be sent in an interchange of its own.
#[derive(Debug)]
pub(super) struct X12Group<'a> {
    /// GS01.
    pub(super) functional_id: &'a str,
    /// GS08.
    pub(super) version: &'a str,
    /// ST01, ST03 and segments of each set; ST02 counts from 1.
    pub(super) sets: Vec<(&'a str, &'a str, &'a Tree)>,
}

/// Numbers of one interchange, taken in the transaction that sends it.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    pub(super) interchange: u32,
    /// GS06 of each group.
    pub(super) groups: Vec<u32>,
    /// Why nothing may be sent under them before a person has looked.
    pub(super) doubt: Option<String>,
}

/// What an interchange says of itself besides its parties.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp<'a> {
    pub(super) numbers: &'a Numbers,
    /// ISA15 is `T`.
    pub(super) test: bool,
    /// When it was composed.
    pub(super) now: DateTime<Utc>,
}

/// What is numbered: one interchange and its groups.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) profile: &'a Profile,
    pub(super) x12: &'a X12,
    pub(super) agreement: Option<&'a str>,
    pub(super) test: bool,
    /// GS01 of each group.
    pub(super) groups: Vec<&'a str>,
}

impl Wanted<'_> {
    /// The counters of its interchange and of each of its groups.
    fn counters(&self) -> (Counter, Vec<Counter>) {
        let Self { x12, agreement, test, .. } = *self;
        let counter = |level, functional_id| x12.counter(level, Numbered { agreement, test, functional_id });
        // What carries no group is an answer: a TA1.
        let interchange = counter(Level::Interchange, self.groups.first().copied().unwrap_or("FA"));
        (interchange, self.groups.iter().map(|id| counter(Level::Group, *id)).collect())
    }
}

/// Takes the numbers of interchanges and their groups, in the order asked. The last statement of a work that others may
/// wait for.
pub(super) async fn take_numbers(work: &mut Work, wanted: &[Wanted<'_>]) -> Result<Vec<Numbers>, Error> {
    let counters: Vec<(Counter, Vec<Counter>)> = wanted.iter().map(Wanted::counters).collect();
    let mut counts: BTreeMap<&Counter, i64> = BTreeMap::new();
    for (interchange, groups) in &counters {
        for counter in std::iter::once(interchange).chain(groups) {
            *counts.entry(counter).or_default() += 1;
        }
    }
    let requests: Vec<NumberRequest> =
        counts.iter().map(|(counter, count)| NumberRequest { count: *count, ..request(counter) }).collect();
    let taken = work.take_control_numbers(&requests).await?;
    let mut left: BTreeMap<&Counter, VecDeque<i64>> =
        counts.keys().zip(&taken).map(|(counter, numbers)| (*counter, numbers.iter().collect())).collect();
    let mut next = |counter: &Counter| {
        let number = left.get_mut(counter).and_then(VecDeque::pop_front);
        number.and_then(|number| u32::try_from(number).ok()).unwrap_or(1)
    };
    let mut all: Vec<Numbers> = counters
        .iter()
        .map(|(interchange, groups)| Numbers {
            interchange: next(interchange),
            groups: groups.iter().map(&mut next).collect(),
            doubt: None,
        })
        .collect();
    if taken.iter().any(|taken| taken.went_back) {
        let taken: BTreeMap<&Counter, &ControlNumbers> = counts.keys().copied().zip(&taken).collect();
        numbers::doubt(work, wanted, &counters, &taken, &mut all).await?;
    }
    Ok(all)
}

/// The wish for one number of a counter.
pub(super) fn request(counter: &Counter) -> NumberRequest {
    NumberRequest {
        scope: counter.scope.clone(),
        count: 1,
        minimum: i64::from(counter.first),
        maximum: i64::from(counter.last),
        reuse_after_secs: i64::from(counter.reuse_after_secs),
    }
}

/// ST02 of the set at this place of its group.
pub(super) fn set_control_number(index: usize) -> String {
    // ST02 has at least four characters.
    format!("{:04}", index + 1)
}

/// The present where the partner is.
pub(super) fn local_time(profile: &Profile, now: DateTime<Utc>) -> NaiveDateTime {
    now.with_timezone(&profile.time_zone).naive_local()
}

/// Writes one interchange to a partner.
///
/// # Errors
/// What makes our own document unsound; it must not leave then.
pub(super) fn write_x12(
    profile: &Profile,
    x12: &X12,
    groups: &[X12Group<'_>],
    ta1: Vec<Ta1>,
    stamp: Stamp<'_>,
) -> Result<Vec<u8>, Vec<Finding>> {
    let identity = |identity: &crate::profiles::Identity| (identity.qualifier.clone(), identity.id.clone());
    let envelope = Envelope {
        delimiters: x12.delimiters,
        sender: identity(&x12.us),
        receiver: x12.them.first().map(identity).unwrap_or_default(),
        at: local_time(profile, stamp.now),
        version: x12.interchange_version.clone(),
        control_number: stamp.numbers.interchange,
        usage: if stamp.test { 'T' } else { 'P' },
        acknowledgment_requested: x12.ask_for_ta1,
        line_ending: if x12.newline_after_segment { LineEnding::Lf } else { LineEnding::None },
        delimiter_in_data: DelimiterInData::Replace(' '),
        acknowledgments: ta1,
    };
    let numbered: Vec<Vec<String>> =
        groups.iter().map(|group| (0..group.sets.len()).map(set_control_number).collect()).collect();
    let sets: Vec<Vec<OutboundSet<'_>>> = groups
        .iter()
        .zip(&numbered)
        .map(|(group, numbers)| {
            let sets = group.sets.iter().zip(numbers);
            sets.map(|((id, implementation, tree), control_number)| OutboundSet {
                id,
                control_number,
                implementation,
                tree,
            })
            .collect()
        })
        .collect();
    let groups: Vec<OutboundGroup<'_>> = groups
        .iter()
        .zip(&sets)
        .zip(&stamp.numbers.groups)
        .map(|((group, sets), control_number)| OutboundGroup {
            functional_id: group.functional_id,
            version: group.version,
            control_number: *control_number,
            sender: &x12.us_group,
            receiver: &x12.them_group,
            sets,
        })
        .collect();
    writer::write_interchange(&envelope, &groups, &x12.reading.schemas)
}

/// The name of a file to be sent.
pub(super) fn file_name(
    template: &str,
    (profile, agreement): (&Profile, Option<&str>),
    (document, test): (&str, bool),
    control_number: &str,
    number: &str,
    now: DateTime<Utc>,
) -> String {
    let at = local_time(profile, now);
    pattern::fill(template, |placeholder| match placeholder {
        "document" => document.to_owned(),
        "control_number" => control_number.to_owned(),
        "usage" => usage_word(test).to_owned(),
        "partner" => profile.id.clone(),
        "agreement" => agreement.unwrap_or(&profile.id).to_owned(),
        "number" => number.to_owned(),
        "date" => at.format("%Y%m%d").to_string(),
        "time" => at.format("%H%M%S").to_string(),
        _ => String::new(),
    })
}

/// What a name calls tests, and what is none.
pub(super) fn usage_word(test: bool) -> &'static str {
    if test { "test" } else { "production" }
}

/// The error of a document of ours that is not sound.
pub(super) fn unsound(document: &str, partner: &str, findings: &[Finding]) -> Error {
    let first = findings.first().map_or_else(String::new, |finding| {
        let place = &finding.location;
        let place = if place.segment.is_empty() {
            place.path.clone()
        } else {
            format!("{}{:02}", place.segment, place.element)
        };
        let known = place.is_empty() || finding.message.contains(&place);
        if known { finding.message.clone() } else { format!("{place}: {}", finding.message) }
    });
    // Master data is mended where it is loaded, everything else in the source or the profile.
    let asked =
        findings.first().filter(|finding| matches!(finding.code, "value_unknown" | "several_codes" | HELD));
    let hint = asked.map_or_else(
        || {
            format!(
                "have the source fill it, or give it a place or a default in [sends.fields] of partner-profiles/{partner}.toml"
            )
        },
        |finding| format!("{}; then `crossdock replay` its source with --issue-new", finding.hint),
    );
    Error::Compose { document: document.to_owned(), partner: partner.to_owned(), first, hint }
}
