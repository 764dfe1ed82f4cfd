//! Operate: what people do to files, deliveries and jobs, each once, with who and why, or refused with what to do instead.

use super::gate;
use super::hub::{Error, Hub};
use crate::ids::short;
use crate::profiles::{Profile, pattern};
use crate::store::{
    AuditEvent, Business, DeliveryState, FileFilter, FileRow, FileState, JobFilter, JobKind, JobOverview,
    JobState, NewAuditEvent, Noun, Store, Work,
};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// The same deed of the same person for the same reason within this time is a second click.
const SECOND_CLICK: Duration = Duration::from_secs(60);

/// Who wishes something, and why.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Who.
    pub by: String,
    /// The account of the machine that it came through.
    pub account: String,
    /// Why.
    pub reason: String,
    /// What names the wish: the same one again is not done again. None: a second click is told by its time.
    pub request: Option<String>,
}

/// What became of a wish.
#[derive(Clone, Debug)]
pub struct Deed {
    /// Its row in the audit.
    pub event: AuditEvent,
    /// It was done before, and was not done again.
    pub before: bool,
}

/// What cannot be done as it was wished, and what can be done instead.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}; hint: {hint}")]
pub struct Refusal {
    /// Why not.
    pub message: String,
    /// What to do instead.
    pub hint: String,
    /// Whether the same may be wished again in a moment.
    pub later: bool,
}

impl Refusal {
    /// A refusal for good.
    #[must_use]
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), later: false }
    }

    pub(super) fn later(message: impl Into<String>) -> Self {
        let hint = "try it again in a minute; `crossdock jobs` shows who has it".to_owned();
        Self { message: message.into(), hint, later: true }
    }
}

/// Refused, or failed.
#[derive(Debug, thiserror::Error)]
pub enum Unmade {
    /// Refused; nothing was changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Failed; nothing was changed, or nobody knows: the same wish again is safe.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<crate::store::Error> for Unmade {
    fn from(error: crate::store::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// A deed that has begun: its subject is locked, and it was not done before.
pub(super) struct Begun {
    pub(super) work: Work,
    event: NewAuditEvent,
    noun: Option<Noun>,
    id: Uuid,
}

/// Begins a deed, or finds that it was done before.
pub(super) async fn begin(
    store: &Store,
    wish: &Wish,
    action: &str,
    (noun, id): (Noun, Uuid),
    parameters: Value,
) -> Result<Result<Begun, Deed>, Unmade> {
    begin_about(store, wish, action, Some(noun), id, parameters).await
}

/// The same about something whose row has no id of its own: whoever begins it locks it.
pub(super) async fn begin_about(
    store: &Store,
    wish: &Wish,
    action: &str,
    noun: Option<Noun>,
    id: Uuid,
    parameters: Value,
) -> Result<Result<Begun, Deed>, Unmade> {
    if wish.reason.trim().is_empty() {
        let hint = "write --reason \"…\": whoever reads this in a year must understand it";
        return Err(Refusal::new("a reason is missing", hint).into());
    }
    let mut work = store.begin().await?;
    work.lock_audit().await?;
    let mut event = NewAuditEvent {
        actor: wish.by.clone(),
        action: action.to_owned(),
        subject: String::new(),
        subject_id: Some(id),
        reason: wish.reason.trim().to_owned(),
        request: String::new(),
        detail: json!({ "account": wish.account }),
        before: None,
        after: None,
    };
    if parameters != Value::Null
        && let Some(detail) = event.detail.as_object_mut()
    {
        detail.insert("asked".to_owned(), parameters.clone());
    }
    let known = match &wish.request {
        Some(request) => work.find_audit_request(request, id).await?,
        None => work.find_audit_repeat(&event, SECOND_CLICK).await?,
    };
    if let Some(known) = known {
        let asked = known.detail.get("asked").cloned().unwrap_or(Value::Null);
        if known.action == action && asked == parameters {
            return Ok(Err(Deed { event: known, before: true }));
        }
        if wish.request.is_some() {
            let message = format!("request `{}` was another one: {}", known.request, known.action);
            return Err(Refusal::new(message, "give this wish a name of its own").into());
        }
    }
    event.request = wish.request.clone().unwrap_or_else(|| Uuid::now_v7().to_string());
    if let Some(noun) = noun {
        work.lock_subject(noun, id).await?;
        event.before = work.snapshot(noun, id).await?;
    }
    Ok(Ok(Begun { work, event, noun, id }))
}

impl Begun {
    /// Records it and commits.
    pub(super) async fn commit(
        mut self,
        subject: String,
        before: Value,
        after: Value,
    ) -> Result<Deed, Unmade> {
        self.event.subject = subject;
        if let Some(noun) = self.noun {
            self.event.after = self.work.snapshot(noun, self.id).await?;
        }
        if let Some(detail) = self.event.detail.as_object_mut() {
            detail.insert("before".to_owned(), before);
            detail.insert("after".to_owned(), after);
        }
        let event = self.work.insert_audit_event(&self.event).await?;
        self.work.commit().await?;
        Ok(Deed { event, before: false })
    }

    /// The name of this wish; the same for the same wish.
    pub(super) fn request(&self) -> &str {
        &self.event.request
    }
}

/// A job is acted on through what it is about; one that makes or sends a report or removes bytes, by itself.
async fn subject(store: &Store, (noun, id): (Noun, Uuid)) -> Result<(Noun, Uuid), Unmade> {
    if noun != Noun::Job {
        return Ok((noun, id));
    }
    let job = store.find_job(id).await?.ok_or(crate::store::Error::Missing { what: "job", id })?;
    Ok(match job.kind {
        JobKind::Deliver => (Noun::Delivery, job.subject_id),
        JobKind::Process => (Noun::File, job.subject_id),
        JobKind::Dispose | JobKind::Report | JobKind::Mail => (Noun::Job, id),
    })
}

/// Lets go on what is kept aside or held: a quarantined file is read again by the profile in force, a held delivery
/// is tried again with the same bytes, name and numbers.
///
/// # Errors
/// [`Unmade::Refused`] for what is not held.
pub async fn release(store: &Store, target: (Noun, Uuid), wish: &Wish) -> Result<Deed, Unmade> {
    let (noun, id) = subject(store, target).await?;
    match noun {
        Noun::Exception => {
            let hint = format!("settle it: `crossdock exceptions settle {} --reason …`", short(id));
            Err(Refusal::new("an exception is settled, not released", hint).into())
        }
        Noun::File => release_file(store, id, wish, None).await,
        Noun::Delivery => release_delivery(store, id, wish).await,
        Noun::Job => release_job(store, id, wish).await,
        Noun::Document | Noun::Report => {
            let file = store.find_document(id).await?.map(|document| document.file_id);
            Err(Refusal::new(
                "a document is not released by itself",
                match file {
                    Some(file) => format!(
                        "release its file: `crossdock release {}`; or see what reading it again changes: `crossdock replay {}`",
                        short(file),
                        short(id)
                    ),
                    None => "name a file, a delivery or a job".to_owned(),
                },
            )
            .into())
        }
    }
}

/// Says whose a quarantined file is: it is read again as if it had come on a channel of that partner.
///
/// # Errors
/// [`Unmade::Refused`] when the file is not in quarantine, or the partner has no channel for it.
pub async fn assign(
    hub: &Hub,
    id: Uuid,
    partner: &str,
    channel: Option<&str>,
    wish: &Wish,
) -> Result<Deed, Unmade> {
    let agreements = hub.agreements();
    let Some(profile) = agreements.profiles.find(partner) else {
        let known: Vec<&str> = agreements.profiles.list().map(|profile| profile.id.as_str()).collect();
        let hint = crate::declaration::suggestion(partner, &known);
        return Err(Refusal::new(format!("there is no partner `{partner}`"), hint).into());
    };
    let file = find_file(&hub.store, id).await?;
    let channel = inbound_channel(profile, channel, &file)?;
    release_file(&hub.store, id, wish, Some(&channel)).await
}

/// The channel of this partner that such a file would come on.
fn inbound_channel(profile: &Profile, named: Option<&str>, file: &FileRow) -> Result<String, Refusal> {
    let inbound: Vec<&str> = profile
        .channels
        .values()
        .filter(|channel| channel.inbound.is_some())
        .map(|channel| channel.name.as_str())
        .collect();
    let by_name = || {
        let mut fitting = profile.exchange.receives.iter().filter(|receives| {
            !receives.files.is_empty() && receives.files.iter().any(|files| pattern::fits(files, &file.name))
        });
        fitting.next().map(|receives| receives.channel.as_str())
    };
    let channel = match named {
        Some(named) => inbound.iter().find(|channel| **channel == named).copied(),
        None => by_name().or_else(|| inbound.first().copied()),
    };
    let channel = channel.ok_or_else(|| match named {
        Some(named) => Refusal::new(
            format!("nothing comes from {} on a channel `{named}`", profile.id),
            crate::declaration::suggestion(named, &inbound),
        ),
        None => Refusal::new(
            format!("nothing comes from {}: its profile has no channel with an inbound folder", profile.id),
            "add one, or assign the file to another partner",
        ),
    })?;
    Ok(format!("{}/{channel}", profile.id))
}

async fn release_file(
    store: &Store,
    id: Uuid,
    wish: &Wish,
    assigned_to: Option<&str>,
) -> Result<Deed, Unmade> {
    let action = if assigned_to.is_some() { "assign" } else { "release" };
    let parameters = assigned_to.map_or(Value::Null, |to| json!({ "to": to }));
    let mut begun = match begin(store, wish, action, (Noun::File, id), parameters).await? {
        Ok(begun) => begun,
        Err(deed) => return Ok(deed),
    };
    let file = find_file(store, id).await?;
    refuse_corrected(store, &file).await?;
    let job = store.find_job(crate::store::job_id(JobKind::Process, id)).await?.map(|job| job.state);
    if matches!(job, Some(JobState::Leased)) && file.state == FileState::Received {
        return Err(Refusal::later(format!("`{}` is being read just now", file.name)).into());
    }
    let held = file.state == FileState::Received && matches!(job, Some(JobState::Held | JobState::Failed));
    if file.state != FileState::Quarantined && !held {
        return Err(not_releasable(&file).into());
    }
    begun.work.release_file(id, assigned_to).await?;
    let before = json!({ "state": file.state, "reason": file.reason, "assigned_to": file.assigned_to });
    let after =
        json!({ "state": FileState::Received, "assigned_to": assigned_to.or(file.assigned_to.as_deref()) });
    begun.commit(format!("file {}", file.name), before, after).await
}

fn not_releasable(file: &FileRow) -> Refusal {
    let id = short(file.id);
    match file.state {
        FileState::Received => Refusal::new(
            format!("`{}` is not held: it waits for its turn", file.name),
            "a serving hub reads it; else `crossdock run --once` does",
        ),
        FileState::Processed | FileState::Rejected | FileState::Waiting => Refusal::new(
            format!("`{}` is not in quarantine: it is {}", file.name, file.state),
            format!("`crossdock replay {id}` shows what reading it again would change"),
        ),
        FileState::Duplicate => Refusal::new(
            format!("`{}` is a copy of a file that was taken before, and means nothing by itself", file.name),
            match file.duplicate_of {
                Some(original) => format!(
                    "look at the original: `crossdock files show {}`; to answer it once more, `crossdock resend` its acknowledgment",
                    short(original)
                ),
                None => "look at the original".to_owned(),
            },
        ),
        FileState::Composed | FileState::Quarantined => Refusal::new(
            format!("`{}` is a file of ours", file.name),
            "release or resend its delivery; `crossdock files show` names it",
        ),
    }
}

async fn release_delivery(store: &Store, id: Uuid, wish: &Wish) -> Result<Deed, Unmade> {
    let mut begun = match begin(store, wish, "release", (Noun::Delivery, id), Value::Null).await? {
        Ok(begun) => begun,
        Err(deed) => return Ok(deed),
    };
    let delivery =
        store.find_delivery(id).await?.ok_or(crate::store::Error::Missing { what: "delivery", id })?;
    let name = &delivery.target;
    match delivery.state {
        // One that is tried again later is tried now.
        DeliveryState::Held | DeliveryState::Ready | DeliveryState::Unknown => {}
        DeliveryState::Delivered => {
            let hint = format!("to send the same bytes once more: `crossdock resend {}`", short(id));
            return Err(Refusal::new(format!("`{name}` is not held: it was delivered"), hint).into());
        }
        DeliveryState::Cancelled => {
            let hint = format!("to send it all the same: `crossdock resend {}`", short(id));
            return Err(Refusal::new(format!("`{name}` is not held: it was cancelled"), hint).into());
        }
        DeliveryState::None | DeliveryState::Sending => {
            let hint =
                "a try of it is under way; `crossdock deliveries show` says what came of it".to_owned();
            return Err(Refusal::new(format!("`{name}` is not held: it is {}", delivery.state), hint).into());
        }
    }
    send_again(&mut begun, id, name).await?;
    begun.work.settle_with_delivery(id, &gate::KINDS, &wish.by, wish.reason.trim()).await?;
    let before = json!({ "state": delivery.state, "why": delivery.last_error });
    begun.commit(format!("delivery {name}"), before, json!({ "state": DeliveryState::Ready })).await
}

/// Sends a delivery once more: the same bytes, name, control numbers and idempotency key.
///
/// # Errors
/// [`Unmade::Refused`] when it is on its way anyway.
pub async fn resend(store: &Store, target: (Noun, Uuid), wish: &Wish) -> Result<Deed, Unmade> {
    let (noun, id) = subject(store, target).await?;
    if noun != Noun::Delivery {
        let hint = "name the delivery: `crossdock deliveries` lists them, `show` of a file or document names its own";
        return Err(Refusal::new(format!("a {} is not sent by itself", noun.word()), hint).into());
    }
    let mut begun = match begin(store, wish, "resend", (Noun::Delivery, id), Value::Null).await? {
        Ok(begun) => begun,
        Err(deed) => return Ok(deed),
    };
    let delivery =
        store.find_delivery(id).await?.ok_or(crate::store::Error::Missing { what: "delivery", id })?;
    let name = &delivery.target;
    match delivery.state {
        DeliveryState::Delivered | DeliveryState::Cancelled => {}
        DeliveryState::Held => {
            let hint = format!("it has not arrived yet: `crossdock release {}`", short(id));
            return Err(Refusal::new(format!("`{name}` is held"), hint).into());
        }
        DeliveryState::None | DeliveryState::Ready | DeliveryState::Sending | DeliveryState::Unknown => {
            let hint =
                format!("it is sent by itself; to have it tried now: `crossdock release {}`", short(id));
            return Err(Refusal::new(format!("`{name}` is on its way: {}", delivery.state), hint).into());
        }
    }
    if let Some(file) = store.find_file(delivery.file_id).await?
        && file.body_left_at.is_some()
    {
        let hint = "what is to be sent now is a new document: `crossdock replay … --issue-new`";
        return Err(
            Refusal::new(format!("the bytes of `{name}` have left with their retention"), hint).into()
        );
    }
    if begun.work.was_taken_in_part(id).await? {
        let hint = "send only what was refused, mended and in a group of its own: `crossdock replay DOCUMENT --issue-new`";
        let what = format!("{} took a part of `{name}`, and would have that part twice", delivery.partner_id);
        return Err(Refusal::new(what, hint.to_owned()).into());
    }
    send_again(&mut begun, id, name).await?;
    let before = json!({ "state": delivery.state, "delivered_at": delivery.delivered_at });
    begun.commit(format!("delivery {name}"), before, json!({ "state": DeliveryState::Ready })).await
}

async fn send_again(begun: &mut Begun, id: Uuid, name: &str) -> Result<(), Unmade> {
    if begun.work.release_delivery(id).await? {
        return Ok(());
    }
    Err(Refusal::later(format!("a try of `{name}` is under way")).into())
}

/// Gives up: a delivery is not sent any more, a quarantined file is refused, a waiting document waits no more, neither for
/// another nor for its batch.
///
/// # Errors
/// [`Unmade::Refused`] for what has happened already.
pub async fn cancel(store: &Store, target: (Noun, Uuid), wish: &Wish) -> Result<Deed, Unmade> {
    let (noun, id) = subject(store, target).await?;
    let mut begun = match begin(store, wish, "cancel", (noun, id), Value::Null).await? {
        Ok(begun) => begun,
        Err(deed) => return Ok(deed),
    };
    let why = format!("given up by {}: {}", wish.by, wish.reason.trim());
    match noun {
        Noun::Exception => {
            let hint = format!("settle it: `crossdock exceptions settle {} --reason …`", short(id));
            Err(Refusal::new("an exception is settled, not cancelled", hint).into())
        }
        Noun::Delivery => {
            let delivery = store
                .find_delivery(id)
                .await?
                .ok_or(crate::store::Error::Missing { what: "delivery", id })?;
            let name = &delivery.target;
            if delivery.state == DeliveryState::Delivered {
                let hint = "ask the partner to disregard it, or send what corrects it";
                return Err(
                    Refusal::new(format!("`{name}` was delivered and cannot be called back"), hint).into()
                );
            }
            if delivery.state == DeliveryState::Cancelled {
                return Err(
                    Refusal::new(format!("`{name}` is cancelled already"), "nothing is left to do").into()
                );
            }
            if !begun.work.cancel_delivery(id, &why).await? {
                return Err(Refusal::later(format!("a try of `{name}` is under way")).into());
            }
            begun.work.settle_with_delivery(id, &gate::KINDS, &wish.by, &why).await?;
            let before = json!({ "state": delivery.state, "why": delivery.last_error });
            begun
                .commit(format!("delivery {name}"), before, json!({ "state": DeliveryState::Cancelled }))
                .await
        }
        Noun::File => {
            let file = find_file(store, id).await?;
            let job = store.find_job(crate::store::job_id(JobKind::Process, id)).await?.map(|job| job.state);
            let held =
                file.state == FileState::Received && matches!(job, Some(JobState::Held | JobState::Failed));
            if file.state != FileState::Quarantined && !held {
                let hint = "only what is in quarantine, held or not sent yet can be given up";
                return Err(Refusal::new(format!("`{}` is {}", file.name, file.state), hint).into());
            }
            begun.work.cancel_file(id, &why).await?;
            let before = json!({ "state": file.state, "reason": file.reason });
            begun.commit(format!("file {}", file.name), before, json!({ "state": FileState::Rejected })).await
        }
        Noun::Job => {
            let job = find_job(store, id).await?;
            if !begun.work.cancel_job(id, &why).await? {
                return Err(Refusal::later(format!("the job is {}", job.state)).into());
            }
            let before = json!({ "state": job.state, "why": job.last_error });
            begun.commit(job_words(&job), before, json!({ "state": JobState::Failed })).await
        }
        Noun::Document | Noun::Report => {
            let document = store
                .find_document(id)
                .await?
                .ok_or(crate::store::Error::Missing { what: "document", id })?;
            let batched = begun.work.cancel_batched(id).await?;
            let waits = document.business == Business::Waiting;
            if !waits && batched.is_empty() {
                let hint = "only a document that waits for another or for its batch can be given up; for what it led to, name the delivery";
                return Err(Refusal::new(format!("the document is {}", document.business), hint).into());
            }
            let mut business = document.business;
            if waits {
                business = Business::Settled;
                begun.work.set_business(&[(id, business, why)]).await?;
            }
            let batched: Vec<String> =
                batched.into_iter().map(|(partner, kind)| format!("{kind} to {partner}")).collect();
            let before = json!({
                "business": document.business, "reason": document.business_reason, "batched": batched,
            });
            let subject = format!("{} {}", document.kind, document.business_number.unwrap_or_default());
            begun.commit(subject, before, json!({ "business": business })).await
        }
    }
}

async fn release_job(store: &Store, id: Uuid, wish: &Wish) -> Result<Deed, Unmade> {
    let mut begun = match begin(store, wish, "release", (Noun::Job, id), Value::Null).await? {
        Ok(begun) => begun,
        Err(deed) => return Ok(deed),
    };
    let job = find_job(store, id).await?;
    if !begun.work.release_job(job.kind, id).await? {
        let hint = "only what is held or was given up can be released; the others go on by themselves";
        return Err(Refusal::new(format!("the job is {}", job.state), hint).into());
    }
    let before = json!({ "state": job.state, "why": job.last_error });
    begun.commit(job_words(&job), before, json!({ "state": JobState::Ready })).await
}

fn job_words(job: &JobOverview) -> String {
    format!("{} {}", job.kind, job.subject.as_deref().unwrap_or_default())
}

async fn find_job(store: &Store, id: Uuid) -> Result<JobOverview, Unmade> {
    let filter = JobFilter { id: Some(id), ..JobFilter::default() };
    let found = store.list_job_overviews(&filter, 1).await?.pop();
    Ok(found.ok_or(crate::store::Error::Missing { what: "job", id })?)
}

/// A file that was corrected stays as it came: what is done is done to its latest version.
pub(super) async fn refuse_corrected(store: &Store, file: &FileRow) -> Result<(), Unmade> {
    let filter = FileFilter { corrects: Some(file.id), ..FileFilter::default() };
    let Some(version) = store.list_files(&filter, 1).await?.pop() else { return Ok(()) };
    let message = format!("`{}` was corrected", file.name);
    let hint = format!("act on the corrected version: file {}", short(version.id));
    Err(Refusal::new(message, hint).into())
}

pub(super) async fn find_file(store: &Store, id: Uuid) -> Result<FileRow, Unmade> {
    Ok(store.find_file(id).await?.ok_or(crate::store::Error::Missing { what: "file", id })?)
}
