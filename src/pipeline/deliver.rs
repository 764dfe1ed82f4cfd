//! Deliver: hands frozen bytes to one channel. A try is written down before it is made and after it.

use super::hub::{Error, Hub};
use super::serve::{back_off, explain};
use crate::profiles::{self, Http};
use crate::store::{AttemptOutcome, DeliveryKind, Job, LoadedDelivery};
use crate::transports::http::{self, Call};
use crate::transports::{self, FileName, Kind, Outcome};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tracing::{error, info, warn};
use uuid::Uuid;

/// Tries before a person is asked: with the waits between them about a day and a half.
const MOST_TRIES: i32 = 400;
/// How often a delivery that is held back looks whether it may go.
const LOOK_AT_HOLD_EVERY: Duration = Duration::from_secs(60);
/// After a host key that is not the pinned one nothing is sent until a person has looked.
const HELD_KINDS: &[Kind] = &[Kind::HostKeyMismatch, Kind::Invalid, Kind::Permission];

/// Makes one try of the job's delivery.
///
/// # Errors
/// When the database fails; what the partner's side answers is an outcome, not an error.
pub(super) async fn deliver(hub: &Arc<Hub>, job: &Job) -> Result<(), Error> {
    if let Some(late) = hub.store.find_hold(job.subject_id).await? {
        let why = format!(
            "held back until {} acknowledges group {} {}, or a person settles that it is overdue",
            late.partner_id, late.functional_id, late.group_control
        );
        return Ok(hub.store.retry_job(job.lease, LOOK_AT_HOLD_EVERY, &why).await?);
    }
    let Some(attempt) = hub.store.begin_attempt(job.lease, job.subject_id).await? else { return Ok(()) };
    let delivery = hub.store.load_delivery(job.subject_id).await?;
    // Since a person released it last.
    let tries = job.attempts;
    let outcome = match delivery.row.kind {
        DeliveryKind::File => put(hub, &delivery, tries).await,
        DeliveryKind::Call => call(hub, &delivery, tries).await,
    };
    let row = &delivery.row;
    let name = &delivery.file.row.name;
    match &outcome {
        AttemptOutcome::Delivered { detail, .. } => {
            let detail = if detail.is_empty() { String::new() } else { format!(" ({detail})") };
            info!(delivery.id = %row.id, partner.id = %row.partner_id, "delivered `{name}` to {}{detail}", row.channel);
        }
        AttemptOutcome::Retry { after, error } | AttemptOutcome::Unknown { after, error } => {
            warn!(
                delivery.id = %row.id, partner.id = %row.partner_id,
                "`{name}` is not delivered to {} yet, trying again in {} s: {error}", row.channel, after.as_secs()
            );
        }
        AttemptOutcome::Held { reason } => {
            error!(delivery.id = %row.id, partner.id = %row.partner_id, "`{name}` is held: {reason}");
        }
    }
    let deadlines = deadlines(hub, &delivery, &outcome).await?;
    hub.store.finish_attempt(job.lease, row.id, attempt.number, &outcome, &deadlines).await?;
    Ok(())
}

/// When what is counted in business time is due, from now on, since it is delivered.
async fn deadlines(
    hub: &Arc<Hub>,
    delivery: &LoadedDelivery,
    outcome: &AttemptOutcome,
) -> Result<Vec<(Uuid, DateTime<Utc>)>, Error> {
    if !matches!(outcome, AttemptOutcome::Delivered { .. }) {
        return Ok(Vec::new());
    }
    let rules = hub.store.list_due_rules(delivery.row.id).await?;
    let (now, agreements) = (hub.clock.now(), hub.agreements());
    let Some(profile) = agreements.profiles.find(&delivery.row.partner_id) else { return Ok(Vec::new()) };
    // A rule that is no rule any more leaves the deadline that was counted when it was made.
    let due = |(id, rule): (Uuid, String)| Some((id, profile.calendar.due(now, rule.parse().ok()?)));
    Ok(rules.into_iter().filter_map(due).collect())
}

async fn put(hub: &Arc<Hub>, delivery: &LoadedDelivery, tries: i32) -> AttemptOutcome {
    let row = &delivery.row;
    let place = match hub.find_place(&row.channel) {
        Ok(place) => place,
        Err(error) => return held(explain(&error)),
    };
    let (Some(outbound), Ok(transport)) = (&place.channel.outbound, hub.transport(&place)) else {
        return held(format!("channel {} has no outbound folder any more", row.channel));
    };
    // Begins with a dot: the usual patterns of those who pick up pass over it. One name for all tries, so that a
    // try that was cut leaves nothing behind that the next one does not clear.
    let temporary = format!(".{}.part", row.id.simple());
    let (Ok(temporary), Ok(name)) = (temporary.parse::<FileName>(), row.target.parse::<FileName>()) else {
        return held(format!("`{}` is no file name", row.target));
    };
    if let transports::Transport::Local(local) = &*transport
        && let Err(error) = local.create_folder(&outbound.path).await
    {
        return failed(&error, tries);
    }
    match transport.write_new(&outbound.path, &temporary, &name, delivery.file.bytes.clone()).await {
        Ok(Outcome::Delivered) => delivered(None, ""),
        Ok(Outcome::AlreadyThere { same: true }) => delivered(None, "it was there already"),
        Ok(Outcome::AlreadyThere { same: false }) => held(format!(
            "`{}` is taken in {} of {} by a file with other contents; move it away, then release the delivery: `crossdock release {}`",
            row.target,
            outbound.path,
            row.channel,
            crate::ids::short(row.id)
        )),
        Err(error) => failed(&error, tries),
    }
}

async fn call(hub: &Arc<Hub>, delivery: &LoadedDelivery, tries: i32) -> AttemptOutcome {
    let row = &delivery.row;
    let place = match hub.find_place(&row.channel) {
        Ok(place) => place,
        Err(error) => return held(explain(&error)),
    };
    let profiles::Transport::Http(settings) = &place.channel.transport else {
        return held(format!("channel {} takes no calls any more", row.channel));
    };
    let call = match prepare(hub, settings, delivery) {
        Ok(call) => call,
        Err(reason) => return held(reason),
    };
    match hub.calls().call(&call).await {
        Ok(http::Outcome::Delivered(answer)) => delivered(answer.id, ""),
        Ok(http::Outcome::RetryLater { after, why, .. }) => retry(tries, after, why),
        // Sending it again under the same key is what settles an unknown outcome: the key makes it one effect.
        Ok(http::Outcome::Unknown { why }) => {
            AttemptOutcome::Unknown { after: back_off(tries.unsigned_abs()), error: why }
        }
        Ok(http::Outcome::Refused { why, answer }) => {
            let body = answer
                .map(|answer| String::from_utf8_lossy(&answer.body).chars().take(300).collect::<String>());
            held(format!("{} refuses the call: {why} {}", row.partner_id, body.unwrap_or_default()))
        }
        Err(error) => failed(&error, tries),
    }
}

fn prepare(hub: &Arc<Hub>, settings: &Http, delivery: &LoadedDelivery) -> Result<Call, String> {
    let mut headers: BTreeMap<String, String> = settings.headers.iter().cloned().collect();
    headers.entry("Content-Type".to_owned()).or_insert_with(|| "application/json".to_owned());
    let mut secret_headers = BTreeMap::new();
    if let Some(token) = &settings.token {
        let token = hub.config.secrets.resolve(token).map_err(|error| error.to_string())?;
        let value = SecretString::from(format!("Bearer {}", token.expose_secret()));
        secret_headers.insert("Authorization".to_owned(), value);
    }
    Ok(Call {
        method: settings.method.clone(),
        url: settings.url.clone(),
        headers,
        secret_headers,
        idempotency: Some((settings.idempotency_header.clone(), delivery.row.idempotency_key.clone())),
        body: delivery.file.bytes.clone(),
        timeout: settings.timeout,
        response_id: settings.response_id.clone(),
    })
}

fn failed(error: &transports::Error, tries: i32) -> AttemptOutcome {
    let mut why = error.to_string();
    if !error.hint().is_empty() {
        why = format!("{why}; hint: {}", error.hint());
    }
    if HELD_KINDS.contains(&error.kind()) || (!error.is_temporary() && error.kind() != Kind::NotFound) {
        return held(why);
    }
    retry(tries, error.retry_after(), why)
}

fn retry(tries: i32, asked: Option<Duration>, error: String) -> AttemptOutcome {
    if tries >= MOST_TRIES {
        return held(format!("{error} (after {tries} tries)"));
    }
    let own = back_off(tries.unsigned_abs());
    AttemptOutcome::Retry { after: asked.map_or(own, |asked| asked.max(own)), error }
}

fn delivered(response_id: Option<String>, detail: &str) -> AttemptOutcome {
    AttemptOutcome::Delivered { response_id, detail: detail.to_owned() }
}

fn held(reason: impl Into<String>) -> AttemptOutcome {
    AttemptOutcome::Held { reason: reason.into() }
}
