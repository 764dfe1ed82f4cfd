//! Composes what is sent: bytes, names and control numbers, frozen before the first attempt.

use super::hub::Error;
use crate::finding::Finding;
use crate::formats::x12::verdict::Ta1;
use crate::formats::x12::writer::{self, DelimiterInData, Envelope, LineEnding, OutboundGroup, OutboundSet};
use crate::profiles::{Profile, X12, pattern};
use crate::store::{NumberRequest, Work};
use crate::translators::HELD;
use crate::tree::Tree;
use chrono::{DateTime, NaiveDateTime, Utc};
use std::collections::{BTreeMap, VecDeque};

/// ISA13 and GS06 are numbers of nine digits at most, so they wrap after 999,999,999.
pub(super) const HIGHEST_CONTROL_NUMBER: i64 = 999_999_999;

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
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    pub(super) interchange: u32,
    /// GS06 of each group.
    pub(super) groups: Vec<u32>,
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

/// The sequence that ISA13 is taken from: one for each pair of ids.
pub(super) fn interchange_scope(x12: &X12) -> String {
    let them = x12.them.first().map(|them| format!("{}:{}", them.qualifier, them.id)).unwrap_or_default();
    format!("isa13 {}:{} {them}", x12.us.qualifier, x12.us.id)
}

/// The sequence that GS06 is taken from: one for each pair of application codes.
pub(super) fn group_scope(x12: &X12) -> String {
    format!("gs06 {} {}", x12.us_group, x12.them_group)
}

/// Takes the numbers of interchanges, each with so many groups, in the order asked. The last statement of a work that
/// others may wait for.
pub(super) async fn take_numbers(
    work: &mut Work,
    interchanges: &[(Option<&X12>, usize)],
) -> Result<Vec<Numbers>, Error> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    let scopes: Vec<(String, String)> = interchanges
        .iter()
        .map(|(x12, _)| x12.map(|x12| (interchange_scope(x12), group_scope(x12))).unwrap_or_default())
        .collect();
    for ((_, groups), (interchange, group)) in interchanges.iter().zip(&scopes) {
        *counts.entry(interchange.clone()).or_default() += 1;
        *counts.entry(group.clone()).or_default() += i64::try_from(*groups).unwrap_or(0);
    }
    counts.retain(|_, count| *count > 0);
    let requests: Vec<NumberRequest> = counts
        .iter()
        .map(|(scope, count)| NumberRequest {
            scope: scope.clone(),
            count: *count,
            minimum: 1,
            maximum: HIGHEST_CONTROL_NUMBER,
        })
        .collect();
    let taken = work.take_control_numbers(&requests).await?;
    let mut left: BTreeMap<&str, VecDeque<i64>> = requests
        .iter()
        .zip(&taken)
        .map(|(request, numbers)| (request.scope.as_str(), numbers.iter().collect()))
        .collect();
    let mut next = |scope: &str, count: usize| {
        let numbers =
            left.get_mut(scope).into_iter().flat_map(|numbers| numbers.drain(..count.min(numbers.len())));
        numbers.map(|number| u32::try_from(number).unwrap_or(1)).collect::<Vec<u32>>()
    };
    let numbered = interchanges.iter().zip(&scopes).map(|((_, groups), (interchange, group))| Numbers {
        interchange: next(interchange, 1).first().copied().unwrap_or(1),
        groups: next(group, *groups),
    });
    Ok(numbered.collect())
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
    document: &str,
    control_number: &str,
    number: &str,
    now: DateTime<Utc>,
) -> String {
    let at = local_time(profile, now);
    pattern::fill(template, |placeholder| match placeholder {
        "document" => document.to_owned(),
        "control_number" => control_number.to_owned(),
        "partner" => profile.id.clone(),
        "agreement" => agreement.unwrap_or(&profile.id).to_owned(),
        "number" => number.to_owned(),
        "date" => at.format("%Y%m%d").to_string(),
        "time" => at.format("%H%M%S").to_string(),
        _ => String::new(),
    })
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
