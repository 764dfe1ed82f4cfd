//! Repeats: what came before, by its bytes, its control number or its business, and what becomes of it.

use super::agreed::{self, NotAgreed};
use super::agreements::Agreements;
use super::hub::Error;
use super::portions::ReadFile;
use super::read::{Interchange, Outcome, Reading};
use super::rows::key;
use crate::canonical::RecordKind;
use crate::finding::{Finding, Location, Severity};
use crate::formats::x12::fault::{Code, Fault};
use crate::formats::x12::segment::SegmentId;
use crate::formats::x12::verdict;
use crate::ids::short;
use crate::profiles::{Action, Profile, Repeat, Repeated, Topic};
use crate::store::{GroupKey, InterchangeKey, InterchangeRow, SameBusiness, SeenGroup, Work};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use uuid::Uuid;

/// Judges files and interchanges that repeat something as the profiles say. Gives, for each file, the places of
/// interchanges that are answered as repeated. No two of the files may have a key in common ([`keys`]); what is in the
/// files `corrected` is not repeated but mended.
pub(super) async fn judge(
    work: &mut Work,
    files: &mut [ReadFile],
    corrected: &[Uuid],
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> Result<Vec<Vec<usize>>, Error> {
    for file in files.iter_mut() {
        content(work, file, agreements, now).await?;
    }
    let repeated = control_numbers(work, files, corrected, agreements, now).await?;
    group_numbers(work, files, &repeated, corrected, agreements, now).await?;
    Ok(repeated)
}

/// What a file may have in common with another, so that the one must know what became of the other.
pub(super) fn keys(file: &ReadFile, agreements: &Agreements) -> Vec<String> {
    let ReadFile { row, reading, .. } = file;
    let mut keys: Vec<String> = Vec::new();
    if let Some(profile) = row.partner_id.as_deref().and_then(|id| agreements.profiles.find(id))
        && profile.duplicates.same_bytes.action != Repeated::Ignore
    {
        keys.push(format!("content {} {:?}", profile.id, row.sha256));
    }
    keys.extend(reading.interchanges.iter().map(|interchange| format!("{:?}", key(interchange))));
    for interchange in &reading.interchanges {
        let profile = agreements.profiles.find(&interchange.partner);
        if let Some(profile) = profile.filter(|profile| profile.duplicates.group_number.is_some()) {
            let groups = interchange.verdict.groups.iter();
            keys.extend(groups.map(|group| format!("{:?}", group_key(profile, group))));
        }
    }
    for document in &reading.documents {
        let Some(record) = &document.record else { continue };
        let Some(profile) = agreements.profiles.find(&document.partner) else { continue };
        let own = record.business_key().filter(|_| profile.duplicates.business_key.is_some());
        // An order and its change are never of one instant, whoever sent them.
        let is_order = matches!(record.kind(), RecordKind::PurchaseOrder | RecordKind::ShippingOrder);
        let order = record.business_number().filter(|_| is_order);
        let kind = record.kind().word();
        keys.extend(own.map(|key| format!("{} {kind} {key}", profile.id)));
        keys.extend(order.map(|number| format!("{kind} {number}")));
    }
    // A file may repeat itself.
    keys.sort();
    keys.dedup();
    keys
}

/// The action, but what a person released is processed.
async fn action_of(work: &mut Work, repeat: Repeat, file: Uuid) -> Result<Repeated, Error> {
    let held = repeat.action == Repeated::Do(Action::Hold);
    Ok(if held && work.was_released(file).await? { Repeated::Do(Action::Accept) } else { repeat.action })
}

/// A file whose bytes came before. Where they are ignored, it was put aside when it was received.
async fn content(
    work: &mut Work,
    ReadFile { row: file, reading, rest }: &mut ReadFile,
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let profile = file.partner_id.as_deref().and_then(|id| agreements.profiles.find(id));
    let Some(profile) = profile else { return Ok(()) };
    let rule = profile.duplicates.same_bytes;
    if !matches!(rule.action, Repeated::Do(Action::Hold | Action::Refuse)) {
        return Ok(());
    }
    let found = work.find_same_content(&profile.id, &file.sha256, file.id, now - rule.within).await?;
    let Some(earlier) = found else { return Ok(()) };
    let reason = format!("its bytes came before, as file {}", short(earlier));
    match action_of(work, rule, file.id).await? {
        Repeated::Do(Action::Hold) => {
            let hint = format!(
                "ask {} whether it is meant a second time; if so, release it: `crossdock release {}`",
                profile.whom(Topic::Business),
                short(file.id)
            );
            reading.outcome = Outcome::Quarantined { reason, hint };
        }
        Repeated::Do(Action::Refuse) => {
            let hint = format!("tell {} that it was not processed a second time", profile.name);
            reading.outcome = Outcome::Refused { reason, hint };
        }
        Repeated::Ignore | Repeated::Do(Action::Accept) => return Ok(()),
    }
    reading.documents.clear();
    reading.interchanges.clear();
    *rest = None;
    Ok(())
}

/// Interchanges whose control number came before with other bytes.
async fn control_numbers(
    work: &mut Work,
    files: &mut [ReadFile],
    corrected: &[Uuid],
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> Result<Vec<Vec<usize>>, Error> {
    let ids: Vec<Uuid> = files.iter().map(|file| file.row.id).chain(corrected.iter().copied()).collect();
    let known = |interchange: &&Interchange| agreements.profiles.find(&interchange.partner).is_some();
    let keys: Vec<(InterchangeKey, DateTime<Utc>)> = files
        .iter()
        .flat_map(|file| {
            let came = file.row.received_at;
            file.reading.interchanges.iter().filter(known).map(move |interchange| (key(interchange), came))
        })
        .collect();
    let found = work.find_interchanges(&keys, &ids).await?;
    let mut before = Before::default();
    for ((key, _), found) in keys.into_iter().zip(found) {
        if let Some((number, file)) = found.last.and_then(|(number, file)| Some((number.parse().ok()?, file)))
        {
            before.last.insert(parties(&key), (number, file));
        }
        before.same.extend(found.same.map(|same| (key, same)));
    }
    let mut repeated = Vec::with_capacity(files.len());
    for file in files {
        repeated.push(control_numbers_of(work, file, &mut before, agreements, now).await?);
    }
    Ok(repeated)
}

/// Interchanges that came before.
#[derive(Default)]
struct Before {
    /// Those of the same number.
    same: HashMap<InterchangeKey, InterchangeRow>,
    /// The last of its parties: its number and its file.
    last: HashMap<[String; 4], (u64, Uuid)>,
}

fn parties(key: &InterchangeKey) -> [String; 4] {
    [&key.sender_qualifier, &key.sender_id, &key.receiver_qualifier, &key.receiver_id].map(Clone::clone)
}

/// A number this far below the last one is the counter's beginning after its end.
const TURNED: u64 = 500_000_000;

/// A word on an interchange whose number is lower than that of the one before it.
fn behind(interchange: &Interchange, file: Uuid, before: &mut Before) -> Option<Finding> {
    let number: u64 = interchange.verdict.header.control_number.parse().ok()?;
    if interchange.verdict.status == verdict::Status::Rejected {
        return None;
    }
    let last = before.last.insert(parties(&key(interchange)), (number, file));
    let (last, other) = last.filter(|(last, _)| *last > number && last - number < TURNED)?;
    let message = format!(
        "control number {number:09} is lower than {last:09} of the interchange before it, in file {}",
        short(other)
    );
    let said = interchange.verdict.header.control_number.clone();
    Some(Finding {
        hint: "files of the partner may have come out of order, or its counter was set back".to_owned(),
        ..warning("control_number_behind", ("ISA", 13), interchange.verdict.bytes.start, said, message)
    })
}

async fn control_numbers_of(
    work: &mut Work,
    read: &mut ReadFile,
    before: &mut Before,
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> Result<Vec<usize>, Error> {
    let (mut repeated, mut left_out) = (Vec::new(), Vec::new());
    let mut ignored = BTreeSet::new();
    let (file, reading) = (read.row.id, &mut read.reading);
    for (index, interchange) in reading.interchanges.iter_mut().enumerate() {
        let header = &interchange.verdict.header;
        let Some(profile) = agreements.profiles.find(&interchange.partner) else { continue };
        let Some(earlier) = before.same.get(&key(interchange)) else {
            reading.findings.extend(behind(interchange, file, before));
            continue;
        };
        let rule = profile.duplicates.control_number;
        if now - earlier.received_at > rule.within {
            continue;
        }
        let number = header.control_number.clone();
        let reason = format!(
            "control number {number} was used before, by file {} with other contents",
            earlier.file_id
        );
        let hint = ask_which(profile, "control number (ISA13)", file);
        match action_of(work, rule, file).await? {
            Repeated::Do(Action::Accept) => {
                let byte = interchange.verdict.bytes.start;
                let told = warning("control_number_repeated", ("ISA", 13), byte, number, reason);
                reading.findings.push(told);
                continue;
            }
            Repeated::Do(Action::Hold) => reading.outcome = Outcome::Quarantined { reason, hint },
            Repeated::Do(Action::Refuse) => {
                let hint = "the partner must send it under a new control number (ISA13)".to_owned();
                reading.outcome = Outcome::Refused { reason, hint };
            }
            Repeated::Ignore => {
                reading.outcome = Outcome::Ignored { reason: format!("{reason}; ignored") };
                ignored.insert(index);
            }
        }
        left_out.push(interchange.verdict.bytes.clone());
        interchange.has_effects = false;
        interchange.answers.clear();
        if !ignored.contains(&index) {
            repeated.push(index - ignored.len());
        }
    }
    // What is ignored is not answered either.
    let mut index = 0;
    reading.interchanges.retain(|_| {
        index += 1;
        !ignored.contains(&(index - 1))
    });
    for bytes in left_out {
        read.leave_out(&bytes);
    }
    Ok(repeated)
}

/// What is told of a number and has no other effect.
fn warning(
    code: &'static str,
    (segment, element): (&str, u16),
    byte: u64,
    value: String,
    message: String,
) -> Finding {
    Finding {
        code,
        severity: Severity::Warning,
        location: Location { byte, segment: segment.to_owned(), element, ..Location::default() },
        message,
        hint: String::new(),
        value,
        ack_code: String::new(),
    }
}

/// What to do about a number that came before with other contents.
fn ask_which(profile: &Profile, number: &str, file: Uuid) -> String {
    format!(
        "ask {} which of the two is right; a correction needs a new {number}. If it is meant all the same, release it: `crossdock release {}`",
        profile.whom(Topic::Technical),
        short(file)
    )
}

fn group_key(profile: &Profile, group: &verdict::Group) -> GroupKey {
    GroupKey {
        partner_id: profile.id.clone(),
        functional_id: group.functional_id.clone(),
        sender: group.sender.clone(),
        receiver: group.receiver.clone(),
        control_number: group.control_number.clone(),
    }
}

/// Functional groups whose number came before in another file, of partners who use none twice.
async fn group_numbers(
    work: &mut Work,
    files: &mut [ReadFile],
    repeated: &[Vec<usize>],
    corrected: &[Uuid],
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let ids: Vec<Uuid> = files.iter().map(|file| file.row.id).chain(corrected.iter().copied()).collect();
    let (mut places, mut groups) = (Vec::new(), Vec::new());
    for (place, file) in files.iter().enumerate() {
        for (index, interchange) in file.reading.interchanges.iter().enumerate() {
            let Some(profile) = agreements.profiles.find(&interchange.partner) else { continue };
            let Some(rule) = profile.duplicates.group_number else { continue };
            let refused = interchange.verdict.status == verdict::Status::Rejected;
            if refused || repeated.get(place).is_some_and(|repeated| repeated.contains(&index)) {
                continue;
            }
            for (at, group) in interchange.verdict.groups.iter().enumerate() {
                if !group.is_acknowledgment() && group.status != verdict::Status::Rejected {
                    places.push((place, index, at, profile, rule));
                    groups.push((group_key(profile, group), file.row.id, now - rule.within));
                }
            }
        }
    }
    let found = work.meet_groups(&groups, &ids, now).await?;
    // From the last on, so that places of groups which are left out do not move the others.
    for ((place, index, at, profile, rule), found) in places.into_iter().zip(found).rev() {
        let (Some(seen), Some(file)) = (found, files.get_mut(place)) else { continue };
        let action = action_of(work, rule, file.row.id).await?;
        repeat_group(file, (index, at), profile, action, &seen);
    }
    Ok(())
}

/// Does with a group whose number came before what the profile says.
fn repeat_group(
    file: &mut ReadFile,
    (index, at): (usize, usize),
    profile: &Profile,
    action: Repeated,
    seen: &SeenGroup,
) {
    let id = file.row.id;
    let Some(interchange) = file.reading.interchanges.get_mut(index) else { return };
    let verdict = Arc::make_mut(&mut interchange.verdict);
    let Some(group) = verdict.groups.get_mut(at) else { return };
    let number = group.control_number.clone();
    let reason = format!(
        "group number {number} ({}) was used before, by file {} with other contents",
        group.functional_id,
        short(seen.file_id)
    );
    let bytes = match (group.sets.first(), group.sets.last()) {
        (Some(first), Some(last)) => first.bytes.start..last.bytes.end,
        _ => group.byte..group.byte,
    };
    let fault = Fault {
        segment: SegmentId::new(b"GS"),
        element: 6,
        value: number.as_bytes().into(),
        ..Fault::new(Code::GroupControlNumberReused, group.byte)
    };
    match action {
        Repeated::Do(Action::Accept) => {
            let told = warning("group_number_repeated", ("GS", 6), group.byte, number, reason);
            file.reading.findings.push(told);
            return;
        }
        Repeated::Ignore => {
            verdict.groups.remove(at);
            file.reading.outcome = Outcome::Ignored { reason: format!("{reason}; ignored") };
        }
        Repeated::Do(Action::Refuse) => {
            refuse_group(group, fault);
            let hint = "the partner must send it under a new group number (GS06)".to_owned();
            file.reading.outcome = Outcome::Refused { reason, hint };
        }
        Repeated::Do(Action::Hold) => {
            refuse_group(group, fault);
            let hint = ask_which(profile, "group number (GS06)", id);
            file.reading.outcome = Outcome::Quarantined { reason, hint };
        }
    }
    file.leave_out(&bytes);
}

fn refuse_group(group: &mut verdict::Group, fault: Fault) {
    group.faults.push(fault);
    group.status = verdict::Status::Rejected;
    group.accepted_sets = 0;
}

/// The business that documents of files are about: the place of the file, the partner, the kind and the key.
pub(super) type Seen = BTreeSet<(usize, String, RecordKind, String)>;

/// Judges documents that name the same business as one before, of each file from the place given on. Those before it
/// have `seen` theirs.
pub(super) async fn businesses(
    work: &mut Work,
    files: &mut [ReadFile],
    first: &[usize],
    seen: &mut Seen,
    corrected: &[Uuid],
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let ids: Vec<Uuid> = files.iter().map(|file| file.row.id).chain(corrected.iter().copied()).collect();
    // The same order everywhere, or two works lock each other out.
    let mut by_partner: BTreeMap<String, Vec<(usize, usize, RecordKind, String)>> = BTreeMap::new();
    for (place, (file, first)) in files.iter().zip(first).enumerate() {
        for (index, document) in file.reading.documents.iter().enumerate().skip(*first) {
            let Some(record) = &document.record else { continue };
            let Some(profile) = agreements.profiles.find(&document.partner) else { continue };
            if let (Some(_), Some(key)) = (profile.duplicates.business_key, record.business_key()) {
                let of_partner = by_partner.entry(document.partner.clone()).or_default();
                of_partner.push((place, index, record.kind(), key));
            }
        }
    }
    for (partner, documents) in by_partner {
        let Some(profile) = agreements.profiles.find(&partner) else { continue };
        let Some(rule) = profile.duplicates.business_key else { continue };
        let keys: Vec<_> = documents.iter().map(|(_, _, kind, key)| (*kind, key.clone())).collect();
        let earlier = work.find_same_business(&partner, &keys, &ids, now - rule.within).await?;
        let earlier: HashMap<(&str, &str), &SameBusiness> =
            earlier.iter().map(|row| ((row.kind.as_str(), row.key.as_str()), row)).collect();
        for (place, index, kind, key) in documents {
            let told = match earlier.get(&(kind.word(), key.as_str())) {
                Some(row) => format!(
                    "came before on {}, in file {}",
                    row.received_at.format("%Y-%m-%d"),
                    short(row.file_id)
                ),
                None if seen.contains(&(place, partner.clone(), kind, key.clone())) => {
                    "stands in this file before".to_owned()
                }
                None => {
                    seen.insert((place, partner.clone(), kind, key));
                    continue;
                }
            };
            let Some(ReadFile { row, reading, .. }) = files.get_mut(place) else { continue };
            let action = action_of(work, rule, row.id).await?;
            set_aside(reading, index, profile, action, &told, row.id);
        }
    }
    Ok(())
}

fn set_aside(
    reading: &mut Reading,
    index: usize,
    profile: &Profile,
    action: Repeated,
    told: &str,
    file: Uuid,
) {
    let Some(document) = reading.documents.get_mut(index) else { return };
    let why = format!("the same business {told}, and it does not say that it replaces it");
    let hint = match action {
        Repeated::Do(Action::Hold) => format!(
            "ask {} whether it is meant a second time; if so, release its file: `crossdock release {}`",
            profile.whom(Topic::Business),
            short(file)
        ),
        _ => format!(
            "{} must say what it is to the earlier one: a replacement, a change or a cancellation",
            profile.name
        ),
    };
    let fault = NotAgreed { code: "business_repeated", action, why, hint };
    if let Some((reason, hint)) = agreed::apply(document, fault) {
        reading.keep_aside(reason, hint);
    }
}
