//! Replay: a stored file read once more, held against what was made and sent then; applied only when a person says so.

use super::acknowledge::acknowledge;
use super::agreed;
use super::agreements::Agreements;
use super::carry_out::{Again, carry_out, follow_routes};
use super::hub::{Error, Hub, Place};
use super::known;
use super::operate::{self, Deed, Refusal, Unmade, Wish};
use super::outbound::{self, Outgoing};
use super::portions::ReadFile;
use super::read::{Document, Outcome};
use super::repeats;
use super::rows;
use crate::formats::x12::{reader, verdict};
use crate::ids::{self, short};
use crate::store::{
    Direction, DocumentFilter, DocumentRow, FileFilter, FileRow, FileState, JobKind, JobState, LoadedFile,
    NewDocument, Noun, OutboundFile, Validation, job_id,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// Documents made of one that are looked at; a person issues a handful at most.
const MOST_MADE: i64 = 100;

/// By which version of the partner's profile a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one in force now.
    Current,
    /// The one that read it then. Translators are those in force now.
    Original,
}

/// What is read again: a whole file, or one document of it.
#[derive(Clone, Debug)]
pub struct Target {
    /// The file.
    pub file: Uuid,
    /// The document, if only one counts.
    pub document: Option<Uuid>,
    /// What was made of it, if only that goes anew: for whom, as what.
    pub made: Option<(String, String)>,
}

/// One place where two things differ.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// The field, or the number of the line; empty where there is no place to name.
    pub at: String,
    /// What was; none where there was nothing.
    pub before: Option<String>,
    /// What would be; none where there would be nothing.
    pub after: Option<String>,
}

/// A document of ours, as it was made and as it would be.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Made {
    /// To whom.
    pub to: String,
    /// `940`, `997`, or the record's name.
    pub kind: String,
    /// The document that was made then; none when there was none.
    pub document: Option<Uuid>,
    /// Whether one would be made now.
    pub now: bool,
    /// Segment by segment, or line by line; control numbers do not count.
    pub changes: Vec<Change>,
}

/// A received document, as it was read and as it would be.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Reread {
    /// Its id.
    pub id: Uuid,
    /// `850`, or the record's name.
    pub kind: String,
    /// The number its sender knows it by.
    pub number: String,
    /// How it was judged; none when it was not found then.
    pub before: Option<Validation>,
    /// How it would be judged; none when it would not be found.
    pub after: Option<Validation>,
    /// The record, field by field.
    pub fields: Vec<Change>,
    /// What was and would be made of it.
    pub made: Vec<Made>,
    /// Why it would be refused, and what routes would wait for.
    pub remarks: Vec<String>,
}

/// What reading again comes to.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Replay {
    /// The file.
    pub file: FileRow,
    /// Why it would be kept aside; none when it would be processed.
    pub quarantined: Option<String>,
    /// Its documents.
    pub documents: Vec<Reread>,
    /// Our acknowledgments of it.
    pub answers: Vec<Made>,
}

impl Replay {
    /// Whether anything differs.
    #[must_use]
    pub fn differs(&self) -> bool {
        let made = |made: &Made| !made.changes.is_empty() || made.now != made.document.is_some();
        self.quarantined.is_some()
            || self.answers.iter().any(made)
            || self.documents.iter().any(|document| {
                document.before != document.after
                    || !document.fields.is_empty()
                    || document.made.iter().any(made)
            })
    }
}

/// Reads a file again and tells what would differ. Changes nothing.
///
/// # Errors
/// [`Unmade::Refused`] for what is not read, or cannot be any more.
pub async fn replay(hub: &Hub, target: Target, which: Which) -> Result<Replay, Unmade> {
    let (file, agreements, place) = open(hub, &target, which).await?;
    let row = file.row.clone();
    let mut read = [ReadFile::read(file, place, &agreements, u64::MAX).await?];
    let mut work = hub.store.begin().await?;
    // As of then: what is made names the day on which it was made.
    let then = row.received_at;
    let repeated = repeats::judge(&mut work, &mut read, &[], &agreements, then).await?.concat();
    read.iter_mut().for_each(|read| agreed::judge(&mut read.reading, 0, &agreements, then));
    let mut seen = repeats::Seen::new();
    repeats::businesses(&mut work, &mut read, &[0], &mut seen, &[], &agreements, then).await?;
    let [ReadFile { reading, .. }] = read;
    let known = known::look_up(&mut work, reading.documents.iter()).await?;
    work.roll_back().await?;
    let wanted = |id: Uuid| target.document.is_none_or(|only| only == id);

    let mut outgoing = Outgoing::new(row.id, then);
    acknowledge(&reading, &repeated, &agreements, &mut outgoing);
    let mut remarks = BTreeMap::new();
    for document in reading.documents.iter().filter(|document| wanted(document.id)) {
        let Some(profile) = agreements.profiles.find(&document.partner) else { continue };
        let (_, why) = follow_routes(document, profile, &agreements, &known, then, &mut outgoing);
        remarks.insert(document.id, why);
    }
    let rehearsed = outbound::rehearse(outgoing, &agreements)?;
    let of_file = DocumentFilter { file_id: Some(row.id), ..DocumentFilter::default() };
    let stored = hub.store.list_documents(&of_file, i64::from(i32::MAX)).await?;

    let mut documents = Vec::new();
    let mut read: BTreeMap<Uuid, &Document> =
        reading.documents.iter().map(|document| (document.id, document)).collect();
    for row in stored.iter().filter(|row| wanted(row.id)) {
        documents.push((row.id, Some(row), read.remove(&row.id)));
    }
    for document in reading.documents.iter().filter(|document| wanted(document.id)) {
        if read.contains_key(&document.id) {
            documents.push((document.id, None, Some(document)));
        }
    }
    let mut reread = Vec::new();
    for (id, then, now) in documents {
        let made = made_of(hub, id, &rehearsed, &agreements).await?;
        let mut document = reread_of(hub, id, then, now).await?;
        document.remarks.extend(remarks.remove(&id).filter(|why| !why.is_empty()));
        document.remarks.extend(
            rehearsed
                .unsound
                .iter()
                .filter(|unsound| unsound.source == id)
                .map(|unsound| unsound.why.clone()),
        );
        reread.push(Reread { made, ..document });
    }
    Ok(Replay {
        quarantined: match reading.outcome {
            Outcome::Processed => None,
            Outcome::Quarantined { reason, .. }
            | Outcome::Refused { reason, .. }
            | Outcome::Ignored { reason } => Some(reason),
        },
        documents: reread,
        answers: answers(hub, &rehearsed, &agreements).await?,
        file: row,
    })
}

/// What is done with a second reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apply {
    /// Records that differ are revised, what had no effect has it now; what was sent stays sent.
    Revise,
    /// And what follows from it is made anew, with control numbers of its own, beside what was sent.
    IssueNew,
}

/// Reads a file again by the profile in force, and carries it out, once for each wish. To issue anew is done once for
/// each reason, however much later it is wished again.
///
/// # Errors
/// [`Unmade::Refused`] when the file is in quarantine or under way.
pub async fn apply(hub: &Hub, target: Target, apply: Apply, wish: &Wish) -> Result<Deed, Unmade> {
    let (file, agreements, place) = open(hub, &target, Which::Current).await?;
    let subject = target.document.map_or((Noun::File, target.file), |id| (Noun::Document, id));
    let mut wish = wish.clone();
    if apply == Apply::IssueNew && wish.request.is_none() {
        wish.request = Some(format!("issue new: {}", wish.reason.trim()));
    }
    let action = if apply == Apply::IssueNew { "issue_new" } else { "replay" };
    hub.keep_profile_versions().await?;
    let mut begun = match operate::begin(&hub.store, &wish, action, subject, Value::Null).await? {
        Ok(begun) => begun,
        Err(deed) => return Ok(deed),
    };
    begun.work.lock_subject(Noun::File, target.file).await?;
    operate::refuse_corrected(&hub.store, &file.row).await?;
    let job = hub.store.find_job(job_id(JobKind::Process, target.file)).await?.map(|job| job.state);
    if matches!(job, Some(JobState::Ready | JobState::Leased)) {
        return Err(Refusal::later(format!("`{}` is being read just now", file.row.name)).into());
    }
    let id = short(target.file);
    if !matches!(file.row.state, FileState::Processed | FileState::Rejected) {
        let hint = format!("`crossdock release {id}` has it read again");
        return Err(Refusal::new(format!("`{}` is {}", file.row.name, file.row.state), hint).into());
    }
    let read = ReadFile::read(file, place, &agreements, u64::MAX).await?;
    if let Outcome::Quarantined { reason, hint } = read.reading.outcome {
        return Err(Refusal::new(format!("read again it would be kept aside: {reason}"), hint).into());
    }
    let again = Again {
        revise: true,
        only: target.document,
        issue: (apply == Apply::IssueNew)
            .then(|| ids::derived("issue", &[begun.request(), &subject.1.to_string()])),
        made: target.made.clone(),
        ..Again::default()
    };
    let before = json!({ "profile_version": read.row.profile_version, "state": read.row.state });
    let name = read.row.name.clone();
    let carried = carry_out(hub, &mut begun.work, vec![read], &agreements, &again).await?;
    let carried = carried.into_iter().next().expect("each file has its outcome");
    if apply == Apply::IssueNew && carried.sent == 0 && carried.batched == 0 {
        let why = if carried.not_made.is_empty() {
            String::from("none of its documents has effects")
        } else {
            carried.not_made.join("; ")
        };
        let hint = "nothing was changed; `crossdock resend` sends what was made before once more, and `--apply` revises records alone";
        return Err(Refusal::new(format!("nothing can be made anew of it: {why}"), hint).into());
    }
    let after = json!({
        "profile_version": carried.outcome.profile_version,
        "state": carried.outcome.state,
        "revised": carried.revised,
        "queued": carried.sent,
        "batched": carried.batched,
        "not_made": carried.not_made,
        "only": target.made,
    });
    let what = if target.document.is_some() { "document of file" } else { "file" };
    begun.commit(format!("{what} {name}"), before, after).await
}

/// The file with the agreements and the place that it is read by.
async fn open(
    hub: &Hub,
    target: &Target,
    which: Which,
) -> Result<(LoadedFile, Arc<Agreements>, Place), Unmade> {
    let file = match hub.store.load_file(target.file).await {
        Err(crate::store::Error::BodyLeft { file, at }) => {
            let hint = "what it became stays: `crossdock files show`; the partner or a backup has the bytes";
            return Err(Refusal::new(
                format!("the bytes of file {file} left on {at} with their retention"),
                hint,
            )
            .into());
        }
        loaded => loaded?,
    };
    if file.row.direction == Direction::Outbound {
        let hint = "replay what it was made of: `show` of its documents names their source; or `crossdock resend` its delivery";
        return Err(Refusal::new(format!("`{}` is a file of ours", file.row.name), hint).into());
    }
    let of_it = FileFilter { origin_id: Some(target.file), ..FileFilter::default() };
    let inside = hub.store.list_files(&of_it, 3).await?;
    if !inside.is_empty() {
        let ids: Vec<String> = inside.iter().map(|file| short(file.id)).collect();
        let hint = format!("replay what was in it: {}; `crossdock files show` lists all", ids.join(", "));
        return Err(Refusal::new(format!("`{}` was unpacked, not read", file.row.name), hint).into());
    }
    let agreements = match which {
        Which::Current => hub.prepared().await?,
        Which::Original => original(hub, &file.row).await?,
    };
    let key = file.row.assigned_to.as_deref().unwrap_or(&file.row.channel);
    let (partner, channel) = key.split_once('/').unwrap_or((key, ""));
    let found = agreements.profiles.find(partner).and_then(|profile| profile.channels.get(channel));
    let channel = found.cloned().ok_or_else(|| Error::NotAgreed { what: format!("channel {key}") })?;
    let place = Place { partner: partner.to_owned(), channel, assigned: file.row.assigned_to.is_some() };
    Ok((file, agreements, place))
}

/// The agreements with the partner's profile as it was when the file was read.
async fn original(hub: &Hub, file: &FileRow) -> Result<Arc<Agreements>, Unmade> {
    let missing =
        |why: &str| Refusal::new(why, "leave out `--profile original` to read it by the profile in force");
    let version = file.profile_version.ok_or_else(|| missing("no profile has read the file yet"))?;
    let stored = hub.store.find_profile_version(version).await?;
    let (partner, text) = stored.ok_or_else(|| missing("the profile that read the file was not kept"))?;
    let current = hub.prepared().await?;
    let profiles = current.profiles.with_stored(&partner, &text, &hub.config.root, &current.library);
    let profiles = profiles.map_err(|findings| {
        let first = findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
        missing(&format!("the profile that read the file cannot be read by this program: {first}"))
    })?;
    Ok(Arc::new(Agreements { profiles, ..(*current).clone() }))
}

async fn reread_of(
    hub: &Hub,
    id: Uuid,
    then: Option<&DocumentRow>,
    now: Option<&Document>,
) -> Result<Reread, Unmade> {
    let kind = then.and_then(|row| row.record_kind.as_deref()).and_then(|kind| kind.parse().ok());
    let before = match kind {
        Some(kind) => hub.store.find_record(kind, id).await?.map(|found| found.record),
        None => None,
    };
    let after = now.and_then(|document| document.record.as_ref());
    let flat = |record: Option<&crate::canonical::Record>| {
        let mut fields = Vec::new();
        if let Some(value) = record.and_then(|record| serde_json::to_value(record).ok()) {
            flatten("", &value, &mut fields);
        }
        fields
    };
    let number = after.or(before.as_ref()).and_then(crate::canonical::Record::business_number);
    let refused = now.into_iter().flat_map(|document| &document.findings);
    let refused = refused.filter(|finding| finding.severity == crate::finding::Severity::Reject);
    Ok(Reread {
        id,
        kind: now.map(|document| &document.kind).or(then.map(|row| &row.kind)).cloned().unwrap_or_default(),
        number: number.unwrap_or_default().to_owned(),
        before: then.map(|row| row.validation),
        after: now.map(|document| rows::validation(document.status)),
        fields: field_changes(&flat(before.as_ref()), &flat(after)),
        made: Vec::new(),
        remarks: refused
            .map(|finding| {
                format!("line {}: {}; hint: {}", finding.location.line, finding.message, finding.hint)
            })
            .collect(),
    })
}

/// What was and would be made of one document.
async fn made_of(
    hub: &Hub,
    source: Uuid,
    rehearsed: &outbound::Rehearsed,
    agreements: &Agreements,
) -> Result<Vec<Made>, Unmade> {
    let filter = DocumentFilter { source_document_id: Some(source), ..DocumentFilter::default() };
    let mut then: Vec<DocumentRow> = hub.store.list_documents(&filter, MOST_MADE).await?;
    let mut made = Vec::new();
    for document in rehearsed.documents.iter().filter(|made| made.source_document_id == Some(source)) {
        let to = document.partner_id.clone().unwrap_or_default();
        // The latest, should it have been issued anew.
        let place =
            then.iter().position(|row| row.partner_id.as_ref() == Some(&to) && row.kind == document.kind);
        let earlier = place.map(|place| then.remove(place));
        made.push(compare(hub, to, document, earlier.as_ref(), &rehearsed.files, agreements).await?);
    }
    then.retain(|row| {
        made.iter().all(|made| row.partner_id.as_ref() != Some(&made.to) || row.kind != made.kind)
    });
    made.extend(then.into_iter().map(|row| Made {
        to: row.partner_id.unwrap_or_default(),
        kind: row.kind,
        document: Some(row.id),
        now: false,
        changes: Vec::new(),
    }));
    Ok(made)
}

/// Our acknowledgments, as they were and as they would be.
async fn answers(
    hub: &Hub,
    rehearsed: &outbound::Rehearsed,
    agreements: &Agreements,
) -> Result<Vec<Made>, Unmade> {
    let mut made = Vec::new();
    for document in rehearsed.documents.iter().filter(|made| made.source_document_id.is_none()) {
        let to = document.partner_id.clone().unwrap_or_default();
        let earlier = hub.store.find_document(document.id).await?;
        made.push(compare(hub, to, document, earlier.as_ref(), &rehearsed.files, agreements).await?);
    }
    Ok(made)
}

async fn compare(
    hub: &Hub,
    to: String,
    now: &NewDocument,
    then: Option<&DocumentRow>,
    files: &[OutboundFile],
    agreements: &Agreements,
) -> Result<Made, Unmade> {
    let bytes = files.iter().find(|file| file.id == now.file_id).and_then(|file| file.body.bytes.clone());
    let after = lines(&bytes.unwrap_or_default(), now.ordinal, &now.format, agreements);
    let changes = match then {
        Some(row) => match hub.store.load_file(row.file_id).await {
            Ok(file) => line_changes(&lines(&file.bytes, row.ordinal, &row.format, agreements), &after),
            Err(crate::store::Error::BodyLeft { at, .. }) => {
                let before = Some(format!("what was sent left on {at} with its retention"));
                vec![Change { at: String::new(), before, after: None }]
            }
            Err(error) => return Err(error.into()),
        },
        None => line_changes(&[], &after),
    };
    Ok(Made { to, kind: now.kind.clone(), document: then.map(|row| row.id), now: true, changes })
}

/// A document of ours in pieces that can be compared: segments without the set's control number, or lines.
fn lines(bytes: &[u8], ordinal: i32, format: &str, agreements: &Agreements) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if format == "x12" {
        let verdict = reader::validate(bytes, &agreements.x12);
        let place = usize::try_from(ordinal - 1).unwrap_or(0);
        let sets = |interchange: &verdict::Interchange| {
            let delimiters = interchange.header.delimiters;
            let groups = interchange.groups.iter().flat_map(|group| &group.sets);
            groups.map(|set| (set.bytes.clone(), delimiters)).collect::<Vec<_>>()
        };
        let Some((range, delimiters)) = verdict.interchanges.iter().flat_map(sets).nth(place) else {
            return Vec::new();
        };
        let range = usize::try_from(range.start).unwrap_or(0)..usize::try_from(range.end).unwrap_or(0);
        let set = text(bytes.get(range).unwrap_or_default());
        let element = char::from(delimiters.element);
        return set
            .split(char::from(delimiters.segment))
            .map(str::trim)
            .filter(|segment| !segment.is_empty())
            .map(|segment| {
                let control = segment.starts_with("ST") || segment.starts_with("SE");
                let parts: Vec<&str> = segment.split(element).collect();
                match parts.as_slice() {
                    [tag @ ("ST" | "SE"), first, ..] if control => format!("{tag}{element}{first}"),
                    _ => segment.to_owned(),
                }
            })
            .collect();
    }
    let whole = serde_json::from_slice::<Value>(bytes).and_then(|value| serde_json::to_string_pretty(&value));
    whole.unwrap_or_else(|_| text(bytes)).lines().map(str::to_owned).collect()
}

/// Every value with the path to it; where it stood in the file does not count.
fn flatten(path: &str, value: &Value, into: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| *name != "source") {
                flatten(&if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, value, into);
            }
        }
        Value::Array(entries) => {
            for (index, value) in entries.iter().enumerate() {
                flatten(&format!("{path}[{}]", index + 1), value, into);
            }
        }
        Value::String(text) => into.push((path.to_owned(), text.clone())),
        other => into.push((path.to_owned(), other.to_string())),
    }
}

fn field_changes(before: &[(String, String)], after: &[(String, String)]) -> Vec<Change> {
    let was: BTreeMap<&str, &str> = before.iter().map(|(at, value)| (at.as_str(), value.as_str())).collect();
    let is: BTreeMap<&str, &str> = after.iter().map(|(at, value)| (at.as_str(), value.as_str())).collect();
    let added = after.iter().filter(|(at, _)| !was.contains_key(at.as_str()));
    let paths = before.iter().chain(added).map(|(at, _)| at.as_str());
    let changed = paths.filter(|at| was.get(at) != is.get(at)).map(|at| Change {
        at: at.to_owned(),
        before: was.get(at).map(|value| (*value).to_owned()),
        after: is.get(at).map(|value| (*value).to_owned()),
    });
    changed.collect()
}

/// Lines taken out and put in: what both have in the same order is passed over.
fn line_changes(before: &[String], after: &[String]) -> Vec<Change> {
    let change = |index: usize, before: Option<&String>, after: Option<&String>| Change {
        at: (index + 1).to_string(),
        before: before.cloned(),
        after: after.cloned(),
    };
    let head = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let (a, b) = (before.get(head..).unwrap_or_default(), after.get(head..).unwrap_or_default());
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.get(..a.len() - tail).unwrap_or_default(), b.get(..b.len() - tail).unwrap_or_default());
    // The table of the longest common part; 4 million entries are 16 MB.
    if a.len().saturating_mul(b.len()) > 4_000_000 {
        let out = a.iter().enumerate().map(|(index, line)| change(head + index, Some(line), None));
        let put = b.iter().enumerate().map(|(index, line)| change(head + index, None, Some(line)));
        return out.chain(put).collect();
    }
    let width = b.len() + 1;
    let mut common = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i * width + j] = if a[i] == b[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut changes = Vec::new();
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            changes.push(change(head + i, Some(&a[i]), None));
            i += 1;
        } else {
            changes.push(change(head + j, None, Some(&b[j])));
            j += 1;
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_have_is_passed_over() {
        let lines = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let shown: Vec<String> = line_changes(&lines("ST A B C SE"), &lines("ST A X C D SE"))
            .into_iter()
            .map(|change| match (change.before, change.after) {
                (Some(before), _) => format!("{}-{before}", change.at),
                (None, after) => format!("{}+{}", change.at, after.unwrap_or_default()),
            })
            .collect();
        assert_eq!(shown, ["3-B", "3+X", "5+D"]);
        assert!(line_changes(&lines("ST A"), &lines("ST A")).is_empty());
    }
}
