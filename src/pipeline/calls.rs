//! Calls of other systems: how they show who we are, what their answers mean, and how an unknown outcome is settled.

use super::compose;
use super::deliver::{MOST_TRIES, delivered, failed, held, retry};
use super::hub::{Error, Hub, back_off, explain};
use crate::canonical::Record;
use crate::config::Config;
use crate::kill_points;
use crate::profiles::{self, Field, Http, HttpLogin, Profile, Unfilled, WhenUnknown};
use crate::store::{AttemptOutcome, LoadedDelivery};
use crate::transports::SecretRef;
use crate::transports::http::{Answer, Call, Login, Outcome, Signature, Who};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

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
    let call = match prepare(settings, delivery) {
        Ok(call) => call,
        Err(reason) => return held(reason),
    };
    // An earlier try may have taken effect though nobody heard of it, also one before a person released it.
    if number > 1
        && let Some(settled) = read_back(hub, settings, (delivery, &call), &login, tries).await
    {
        return settled;
    }
    let asks = settings.when_unknown == WhenUnknown::Ask && settings.read_back.is_none();
    if asks && tries > 1 {
        match hub.store.list_attempts(row.id).await {
            Ok(attempts) => {
                let before = attempts.iter().find(|attempt| attempt.number == number - 1);
                if before.is_some_and(|attempt| attempt.outcome.is_none()) {
                    return held(nobody_knows(delivery, "the hub ended in the middle of it"));
                }
            }
            Err(error) => return retry(tries, None, error.to_string()),
        }
    }
    kill_points::pass("erp.send.before");
    let answered = hub.calls().call_as(&call, &login).await;
    kill_points::pass("erp.send.after");
    match answered {
        Ok(Outcome::Delivered(answer)) => delivered(answer.id, ""),
        Ok(Outcome::RetryLater { after, why, .. }) => retry(tries, after, why),
        Ok(Outcome::Unknown { why }) => {
            match read_back(hub, settings, (delivery, &call), &login, tries).await {
                Some(settled) => settled,
                None if asks => held(nobody_knows(delivery, &why)),
                // Sending it again under the same key is what settles an unknown outcome: the key makes it one effect.
                None if tries >= MOST_TRIES => held(format!(
                    "nobody knows whether the call took effect: {why} (after {tries} tries); ask {} for key {}",
                    row.partner_id, row.idempotency_key
                )),
                None => AttemptOutcome::Unknown { after: back_off(tries.unsigned_abs()), error: why },
            }
        }
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
    (delivery, call): (&LoadedDelivery, &Call),
    login: &Login,
    tries: i32,
) -> Option<AttemptOutcome> {
    let url = match settings.read_back.as_ref()?.fill(|name| taken(delivery, name)) {
        Ok(url) => url,
        Err(unfilled) => return Some(held(unnoted(delivery, "the address that is asked", &unfilled))),
    };
    let asked = Call {
        method: "GET".to_owned(),
        url,
        idempotency: None,
        body: bytes::Bytes::new(),
        success: None,
        already_there: Vec::new(),
        ..call.clone()
    };
    match hub.calls().call_as(&asked, login).await {
        Ok(Outcome::Delivered(answer)) => {
            // Where an id is agreed, an answer without one is an empty list.
            if settings.response_id.is_some() && answer.id.is_none() {
                return None;
            }
            Some(match why_another(settings, delivery, &answer) {
                Some(why) => held(why),
                None => delivered(answer.id, "an earlier call had taken effect"),
            })
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

fn nobody_knows(delivery: &LoadedDelivery, why: &str) -> String {
    let row = &delivery.row;
    format!(
        "nobody knows whether the call took effect: {why}; ask {} for key {}, then `crossdock release` makes it again, and `crossdock cancel` gives it up",
        row.partner_id, row.idempotency_key
    )
}

/// Why what is found under the key of a call is not what was sent.
fn why_another(settings: &Http, delivery: &LoadedDelivery, answer: &Answer) -> Option<String> {
    for (member, text) in &settings.read_back_same {
        let wanted = match text.fill(|name| taken(delivery, name)) {
            Ok(wanted) => wanted,
            Err(unfilled) => return Some(unnoted(delivery, "what is compared", &unfilled)),
        };
        let said = answer.member(member);
        if said.as_deref().map(str::trim) != Some(wanted.trim()) {
            let row = &delivery.row;
            let said = said.map_or_else(|| "nothing".to_owned(), |said| format!("`{said}`"));
            return Some(format!(
                "something is there under key {}, but `{member}` says {said} and not `{wanted}`; ask {} what it is, have it taken out and release this, or cancel this",
                row.idempotency_key, row.partner_id
            ));
        }
    }
    None
}

/// What a call is made of.
pub(super) struct Of<'a> {
    pub(super) record: &'a Record,
    /// To whom, and under which agreement.
    pub(super) whose: (&'a Profile, Option<&'a str>),
    /// As what, and whether as a test.
    pub(super) what: (&'a str, bool),
    pub(super) key: Uuid,
    pub(super) now: DateTime<Utc>,
}

/// Where a call goes, and all that its addresses and headers take of what is sent: every try takes the same.
///
/// # Errors
/// When something that they take is not there, or cannot stand there.
pub(super) fn freeze(http: &Http, of: &Of<'_>) -> Result<(String, BTreeMap<String, String>), Error> {
    let (profile, agreement) = of.whose;
    let (document, test) = of.what;
    let at = compose::local_time(profile, of.now);
    let found = |name: &str| match name {
        "document" => Some(document.to_owned()),
        "usage" => Some(compose::usage_word(test).to_owned()),
        "partner" => Some(profile.id.clone()),
        "agreement" => Some(agreement.unwrap_or(&profile.id).to_owned()),
        "number" => of.record.business_number().map(str::to_owned),
        "date" => Some(at.format("%Y%m%d").to_string()),
        "time" => Some(at.format("%H%M%S").to_string()),
        field => Field::parse(field)?.value(of.record.group()),
    };
    let fields: BTreeMap<String, String> = http
        .placeholders()
        .into_iter()
        .filter(|name| *name != KEY)
        .filter_map(|name| Some((name.to_owned(), found(name)?.trim().to_owned())))
        .collect();
    let value = |name: &str| if name == KEY { Some(of.key.to_string()) } else { fields.get(name).cloned() };
    let unfit = |what: String| {
        move |unfilled: Unfilled| Error::Compose {
            document: document.to_owned(),
            partner: profile.id.clone(),
            first: format!("{what} {unfilled}"),
            hint: format!(
                "have the source fill it, or take it out of the channel in partner-profiles/{}.toml; then `crossdock replay` its source with --issue-new",
                profile.id
            ),
        }
    };
    let target = http.url.fill(value).map_err(unfit("the address".to_owned()))?;
    for (name, text) in &http.headers {
        text.fill_header(value).map_err(unfit(format!("the header `{name}`")))?;
    }
    for (member, text) in &http.read_back_same {
        text.fill(value).map_err(unfit(format!("what `{member}` is compared with")))?;
    }
    if let Some(read_back) = &http.read_back {
        read_back.fill(value).map_err(unfit("the address that is asked".to_owned()))?;
    }
    Ok((target, fields))
}

/// The placeholder of the call's own key.
const KEY: &str = "key";

/// What an address or a header takes, as it was noted when the call was composed.
fn taken(delivery: &LoadedDelivery, name: &str) -> Option<String> {
    if name == KEY {
        return Some(delivery.row.idempotency_key.clone());
    }
    delivery.fields.get(name).cloned()
}

fn unnoted(delivery: &LoadedDelivery, what: &str, unfilled: &Unfilled) -> String {
    let partner = &delivery.row.partner_id;
    format!(
        "{what} {unfilled}: partner-profiles/{partner}.toml was changed since this was composed; cancel it, and issue its source anew"
    )
}

fn prepare(settings: &Http, delivery: &LoadedDelivery) -> Result<Call, String> {
    let value = |name: &str| taken(delivery, name);
    let url = settings.url.fill(value).map_err(|unfilled| unnoted(delivery, "the address", &unfilled))?;
    let mut headers = BTreeMap::new();
    for (name, text) in &settings.headers {
        let filled = text.fill_header(value);
        let what = || format!("the header `{name}`");
        headers.insert(name.clone(), filled.map_err(|unfilled| unnoted(delivery, &what(), &unfilled))?);
    }
    let kind = if delivery.file.bytes.starts_with(b"<") { "application/xml" } else { "application/json" };
    headers.entry("Content-Type".to_owned()).or_insert_with(|| kind.to_owned());
    Ok(Call {
        method: settings.method.clone(),
        url,
        headers,
        secret_headers: BTreeMap::new(),
        idempotency: Some((settings.idempotency_header.clone(), delivery.row.idempotency_key.clone())),
        body: delivery.file.bytes.clone(),
        timeout: settings.timeout,
        response_id: settings.response_id.clone(),
        success: settings.success.clone(),
        already_there: settings.already_there.clone(),
        limits: settings.limits,
    })
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
