//! Calls of other systems: how they show who we are, what their answers mean, and how an unknown outcome is settled.

use super::deliver::{MOST_TRIES, delivered, failed, held, retry};
use super::hub::{Hub, back_off, explain};
use crate::config::Config;
use crate::kill_points;
use crate::profiles::{self, Http, HttpLogin};
use crate::store::{AttemptOutcome, LoadedDelivery};
use crate::transports::SecretRef;
use crate::transports::http::{Call, Login, Outcome, Signature, Who};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Makes one call of a delivery: try `number` of all, and `tries` since a person released it last.
pub(super) async fn call(
    hub: &Arc<Hub>,
    delivery: &LoadedDelivery,
    number: i32,
    tries: i32,
) -> AttemptOutcome {
    let row = &delivery.row;
    let place = match hub.find_place(&row.channel) {
        Ok(place) => place,
        Err(error) => return held(explain(&error)),
    };
    let profiles::Transport::Http(settings) = &place.channel.transport else {
        return held(format!("channel {} takes no calls any more", row.channel));
    };
    let login = match login(&hub.config, settings) {
        Ok(login) => login,
        Err(reason) => return held(reason),
    };
    let call = prepare(settings, delivery);
    // An earlier try may have taken effect though nobody heard of it, also one before a person released it.
    if number > 1
        && let Some(settled) = read_back(hub, settings, &call, &login, tries).await
    {
        return settled;
    }
    kill_points::pass("erp.send.before");
    let answered = hub.calls().call_as(&call, &login).await;
    kill_points::pass("erp.send.after");
    match answered {
        Ok(Outcome::Delivered(answer)) => delivered(answer.id, ""),
        Ok(Outcome::RetryLater { after, why, .. }) => retry(tries, after, why),
        Ok(Outcome::Unknown { why }) => match read_back(hub, settings, &call, &login, tries).await {
            Some(settled) => settled,
            // Sending it again under the same key is what settles an unknown outcome: the key makes it one effect.
            None if tries >= MOST_TRIES => held(format!(
                "nobody knows whether the call took effect: {why} (after {tries} tries); ask {} for key {}",
                row.partner_id, row.idempotency_key
            )),
            None => AttemptOutcome::Unknown { after: back_off(tries.unsigned_abs()), error: why },
        },
        Ok(Outcome::Refused { why, answer }) => {
            let body = answer
                .map(|answer| String::from_utf8_lossy(&answer.body).chars().take(300).collect::<String>());
            held(format!("{} refuses the call: {why} {}", row.partner_id, body.unwrap_or_default()))
        }
        Err(error) => failed(&error, tries),
    }
}

/// Asks whether a call took effect. None when it did not, or nobody can be asked.
async fn read_back(
    hub: &Arc<Hub>,
    settings: &Http,
    call: &Call,
    login: &Login,
    tries: i32,
) -> Option<AttemptOutcome> {
    let (_, key) = call.idempotency.as_ref()?;
    let asked = Call {
        method: "GET".to_owned(),
        url: settings.read_back.as_ref()?.replace("{key}", key),
        idempotency: None,
        body: bytes::Bytes::new(),
        success: None,
        already_there: Vec::new(),
        ..call.clone()
    };
    match hub.calls().call_as(&asked, login).await {
        Ok(Outcome::Delivered(answer)) => {
            // Where an id is agreed, an answer without one is an empty list.
            let there = settings.response_id.is_none() || answer.id.is_some();
            there.then(|| delivered(answer.id, "an earlier call had taken effect"))
        }
        Ok(Outcome::Refused { answer: Some(answer), .. }) if matches!(answer.status, 404 | 410) => None,
        Ok(Outcome::Refused { why, .. }) => {
            Some(held(format!("cannot ask whether the call took effect: {why}")))
        }
        Ok(Outcome::RetryLater { after, why, .. }) => {
            Some(retry(tries, after, format!("cannot ask whether the call took effect: {why}")))
        }
        Ok(Outcome::Unknown { why }) => {
            Some(retry(tries, None, format!("cannot ask whether the call took effect: {why}")))
        }
        Err(error) => Some(failed(&error, tries)),
    }
}

fn prepare(settings: &Http, delivery: &LoadedDelivery) -> Call {
    let mut headers: BTreeMap<String, String> = settings.headers.iter().cloned().collect();
    let kind = if delivery.file.bytes.starts_with(b"<") { "application/xml" } else { "application/json" };
    headers.entry("Content-Type".to_owned()).or_insert_with(|| kind.to_owned());
    Call {
        method: settings.method.clone(),
        url: settings.url.clone(),
        headers,
        secret_headers: BTreeMap::new(),
        idempotency: Some((settings.idempotency_header.clone(), delivery.row.idempotency_key.clone())),
        body: delivery.file.bytes.clone(),
        timeout: settings.timeout,
        response_id: settings.response_id.clone(),
        success: settings.success.clone(),
        already_there: settings.already_there.clone(),
        limits: settings.limits,
    }
}

/// How calls show who we are.
///
/// # Errors
/// When a secret cannot be read: which, and why.
pub fn login(config: &Config, settings: &Http) -> Result<Login, String> {
    let secret = |reference: &SecretRef| -> Result<SecretString, String> {
        config.secrets.resolve(reference).map_err(|error| error.to_string())
    };
    let who = match &settings.login {
        HttpLogin::Nobody => Who::Nobody,
        HttpLogin::Token(token) => Who::Token(secret(token)?),
        HttpLogin::Basic { user, password } => Who::Basic { user: user.clone(), password: secret(password)? },
        HttpLogin::Client { token_url, id, secret: of_client, scope } => Who::Client {
            token_url: token_url.clone(),
            id: id.clone(),
            secret: secret(of_client)?,
            scope: scope.clone(),
        },
    };
    let signature = match &settings.signature {
        Some((header, prefix, key)) => {
            Some(Signature { header: header.clone(), prefix: prefix.clone(), secret: secret(key)? })
        }
        None => None,
    };
    Ok(Login { who, signature })
}
