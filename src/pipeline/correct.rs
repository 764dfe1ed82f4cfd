//! Correct: a file that a person mended is read beside the one that came, and what happened before does not happen again.

use super::carry_out::{Again, carry_out};
use super::hub::Hub;
use super::operate::{self, Deed, Refusal, Unmade, Wish};
use super::portions::ReadFile;
use super::read::{Outcome, Reading};
use crate::ids::{self, short};
use crate::store::{
    CorrectedDocument, Direction, FileFilter, FileRow, FileState, JobKind, JobState, LoadedFile,
    NewCorrection, Noun, hex, job_id,
};
use bytes::Bytes;
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// A mended file, as the person has it.
#[derive(Clone, Debug)]
pub struct Mended {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Bytes,
    /// What follows from documents that are mended is made and sent anew, where something was sent before.
    pub issue_new: bool,
}

/// Keeps a mended file beside the one that came and carries it out, as if it had come from the same partner on the same
/// channel. What was not mended stands as it is; records that were mended are revised, and what they said is kept.
///
/// # Errors
/// [`Unmade::Refused`] for a file that is not to be corrected so, a mended one that would not be taken, or where
/// something was sent already and is not to be issued anew.
pub async fn correct(hub: &Hub, id: Uuid, mended: Mended, wish: &Wish) -> Result<Deed, Unmade> {
    let agreements = hub.prepared().await?;
    let original = operate::find_file(&hub.store, id).await?;
    may_be_corrected(hub, &original).await?;
    let body = hub.store.keep_bytes(mended.bytes.clone()).await.map_err(super::hub::Error::from)?;
    if body.sha256[..] == original.sha256[..] {
        let hint = format!("to read the same bytes again: `crossdock replay {}`", short(id));
        return Err(Refusal::new(format!("the bytes are those of `{}`", original.name), hint).into());
    }
    hub.keep_profile_versions().await?;
    let parameters = json!({ "sha256": hex(&body.sha256), "issue_new": mended.issue_new });
    let mut begun = match operate::begin(&hub.store, wish, "correct", (Noun::File, id), parameters).await? {
        Ok(begun) => begun,
        Err(deed) => return Ok(deed),
    };
    let job = hub.store.find_job(job_id(JobKind::Process, id)).await?.map(|job| job.state);
    let waits = matches!(job, Some(JobState::Ready | JobState::Leased));
    // Between two tries of an error that goes away it may be corrected; just now somebody has it.
    if waits && (original.state == FileState::Received || job == Some(JobState::Leased)) {
        return Err(Refusal::later(format!("`{}` is being read just now", original.name)).into());
    }
    let new = NewCorrection {
        id: ids::derived("corrected_file", &[&id.to_string(), &hex(&body.sha256)]),
        corrects: id,
        name: mended.name.clone(),
        body,
        by: wish.by.clone(),
        at: hub.clock.now(),
    };
    begun.work.insert_correction(&new).await?;
    let row = FileRow {
        id: new.id,
        name: new.name.clone(),
        size_bytes: new.body.size_bytes.cast_signed(),
        sha256: new.body.sha256.to_vec(),
        received_at: new.at,
        state: FileState::Received,
        corrects: Some(id),
        profile_version: None,
        origin_id: None,
        ..original.clone()
    };
    let place = hub.place_of(&original)?;
    let file = LoadedFile { row, bytes: mended.bytes };
    let mut read = ReadFile::read(file, place, &agreements, u64::MAX).await?;
    would_be_taken(&read.reading)?;

    let chain = hub.store.list_corrected(id).await?;
    let before = begun.work.list_corrected_documents(&chain).await?;
    let known = same_documents(&mut read.reading, &before);
    let again = Again {
        revise: true,
        only: None,
        made: None,
        issue: mended.issue_new.then(|| ids::derived("issue", &[begun.request(), &new.id.to_string()])),
        corrects: chain,
        known: known.clone(),
    };
    if !mended.issue_new {
        nothing_was_sent(hub, &mut begun, &read.reading, &known).await?;
    }
    let carried = carry_out(hub, &mut begun.work, vec![read], &agreements, &again).await?;
    let carried = carried.into_iter().next().expect("each file has its outcome");
    if matches!(carried.outcome.state, FileState::Quarantined | FileState::Rejected) {
        // Judged against what came before it is not taken; nothing is committed.
        let what = format!("the mended file would be {}: {}", carried.outcome.state, carried.outcome.reason);
        return Err(Refusal::new(what, carried.outcome.hint).into());
    }
    let stands = before.len() - carried.revised;
    let before = json!({ "state": original.state, "reason": original.reason });
    let after = json!({
        "file": new.id,
        "state": carried.outcome.state,
        "documents": carried.documents,
        "accepted": carried.accepted,
        "revised": carried.revised,
        "stand": stands,
        "queued": carried.sent,
    });
    begun.commit(format!("file {}", original.name), before, after).await
}

/// Whether the file is one that can be corrected.
async fn may_be_corrected(hub: &Hub, file: &FileRow) -> Result<(), Unmade> {
    if file.direction == Direction::Outbound {
        let hint = "correct what it was made of; `crossdock files show` names it";
        return Err(Refusal::new(format!("`{}` is a file of ours", file.name), hint).into());
    }
    if let Some(of) = file.duplicate_of {
        let hint = format!("correct the original: file {}", short(of));
        return Err(
            Refusal::new(format!("`{}` is a copy and means nothing by itself", file.name), hint).into()
        );
    }
    operate::refuse_corrected(&hub.store, file).await?;
    let inside = FileFilter { origin_id: Some(file.id), ..FileFilter::default() };
    if !hub.store.list_files(&inside, 1).await?.is_empty() {
        let hint = "correct what was in it; `crossdock files show` lists it";
        return Err(Refusal::new(format!("`{}` was unpacked, not read", file.name), hint).into());
    }
    Ok(())
}

/// A mended file that would be kept aside or refused helps nobody.
fn would_be_taken(reading: &Reading) -> Result<(), Unmade> {
    let (reason, hint) = match &reading.outcome {
        Outcome::Processed => return Ok(()),
        Outcome::Quarantined { reason, hint } | Outcome::Refused { reason, hint } => (reason, hint.clone()),
        Outcome::Ignored { reason } => (reason, "see what it repeats".to_owned()),
    };
    Err(Refusal::new(format!("the mended file would not be taken: {reason}"), hint).into())
}

/// Gives documents of the mended file the identity that they had before, by what they are about. Gives those.
fn same_documents(reading: &mut Reading, before: &[CorrectedDocument]) -> BTreeSet<Uuid> {
    let mut known = BTreeSet::new();
    for document in &mut reading.documents {
        let Some(record) = &document.record else { continue };
        let same = before.iter().find(|earlier| {
            earlier.partner_id.as_deref() == Some(document.partner.as_str())
                && earlier.record_kind == record.kind().word()
                && earlier.business_number.as_deref() == record.business_number()
                && !known.contains(&earlier.id)
        });
        if let Some(same) = same {
            document.id = same.id;
            known.insert(same.id);
        }
    }
    known
}

/// Refuses where something was sent of a document that is mended now: partners would hold something that is not so.
async fn nothing_was_sent(
    hub: &Hub,
    begun: &mut operate::Begun,
    reading: &Reading,
    known: &BTreeSet<Uuid>,
) -> Result<(), Unmade> {
    let mut mended = Vec::new();
    for document in reading.documents.iter().filter(|document| known.contains(&document.id)) {
        let Some(record) = &document.record else { continue };
        let then = hub.store.find_record(record.kind(), document.id).await?;
        if then.is_some_and(|then| then.record != *record) {
            mended.push(document.id);
        }
    }
    let sent = begun.work.list_sent_of(&mended).await?;
    let Some(first) = sent.first() else { return Ok(()) };
    let more = if sent.len() > 1 { format!(" and {} more", sent.len() - 1) } else { String::new() };
    let what = format!(
        "something was sent of what is mended: {} to {}, `{}`, {}{more}",
        first.kind,
        first.partner_id,
        first.target,
        first.at.format("%Y-%m-%d %H:%M UTC")
    );
    let hint = "with --issue-new it is made and sent anew with new control numbers; tell the partner which of the two counts. Or `crossdock cancel` its delivery first, while it has not arrived";
    Err(Refusal::new(what, hint).into())
}
