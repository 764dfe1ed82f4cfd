//! Receipts: whether a partner took our file out of its folder, and whether a call was answered, in time.

use super::answers::{OVERDUE, about};
use super::frozen::Frozen;
use super::hub::{Error, Hub, Place, explain};
use crate::ids;
use crate::pipeline::Agreements;
use crate::profiles::{Channel, Profile, Topic, Transport};
use crate::store::{ExpectedAcknowledgmentRow, NewExpectedAcknowledgment, OpenReceipt, ReceiptLevel, Work};
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tracing::{debug, warn};
use uuid::Uuid;

/// How often a folder is looked into for what was not taken yet.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The chores go on without a server that lets us wait for longer.
const LOOK_WITHIN: Duration = Duration::from_secs(20);

/// What is awaited of a delivery over a channel that says how soon it must be taken or answered.
pub(super) fn awaited(
    frozen: &Frozen,
    profile: &Profile,
    channel: &Channel,
    now: DateTime<Utc>,
) -> Option<NewExpectedAcknowledgment> {
    let within = channel.receipt_within?;
    let (within_secs, due_rule) = within.stored();
    let level = match channel.transport {
        Transport::Http(_) => ReceiptLevel::Response,
        _ => ReceiptLevel::Receipt,
    };
    Some(NewExpectedAcknowledgment {
        id: expected_id(frozen.delivery_id, level),
        partner_id: profile.id.clone(),
        level: level.as_str().to_owned(),
        agreement: frozen.agreement.clone(),
        functional_id: String::new(),
        group_control: 0,
        interchange_control: 0,
        test: frozen.usage == Some(crate::store::Usage::Test),
        hold: false,
        file_id: frozen.file_id,
        delivery_id: Some(frozen.delivery_id),
        within_secs,
        due_rule,
        due_at: profile.calendar.due(now, within),
        sets: Vec::new(),
    })
}

/// Whether it is awaited of a delivery itself.
pub(super) fn is_receipt(row: &ExpectedAcknowledgmentRow) -> bool {
    row.level.parse::<ReceiptLevel>().is_ok()
}

fn expected_id(delivery: Uuid, level: ReceiptLevel) -> Uuid {
    ids::derived("expected_acknowledgment", &[&delivery.to_string(), level.as_str()])
}

/// The exception that tells of a call that was not answered in time.
pub(super) fn about_response(delivery: Uuid) -> Uuid {
    about(OVERDUE, expected_id(delivery, ReceiptLevel::Response), "")
}

/// Looks which of our files partners took out of their folders. A server that cannot be reached is asked another time.
pub(super) async fn watch(hub: &Hub) -> Result<(), Error> {
    let places = hub.receipt_places().into_iter().filter(|place| hub.is_time(&place.key(), LOOK_EVERY));
    let looks = join_all(places.map(async |place| {
        let looked = tokio::time::timeout(LOOK_WITHIN, look(hub, &place)).await;
        match looked {
            Ok(Err(error)) if !error.is_unreachable() => {
                debug!("{}: cannot see what was taken: {}", place.key(), explain(&error));
                Ok(())
            }
            Ok(answer) => answer,
            Err(_) => {
                debug!("{}: cannot see what was taken: no answer in time", place.key());
                Ok(())
            }
        }
    }));
    looks.await.into_iter().collect()
}

async fn look(hub: &Hub, place: &Place) -> Result<(), Error> {
    let Some(outbound) = &place.channel.outbound else { return Ok(()) };
    // Asked before the folder is looked into: what was put later is not missed in it.
    let open = hub.store.list_open_receipts(&place.key()).await?;
    if open.is_empty() {
        return Ok(());
    }
    let listing = hub.transport(place)?.list(&outbound.path).await?;
    if listing.truncated {
        if hub.is_news(format!("receipts {}", place.key())) {
            warn!("{}: the folder holds too many files to see which of ours were taken", place.key());
        }
        return Ok(());
    }
    let there: HashSet<&[u8]> = listing.entries.iter().map(|entry| entry.name.as_bytes()).collect();
    let taken = open.iter().filter(|receipt| !there.contains(receipt.target.as_bytes()));
    let taken: Vec<Uuid> = taken.map(|OpenReceipt { id, .. }| *id).collect();
    if taken.is_empty() {
        return Ok(());
    }
    let now = hub.clock.now();
    let mut work = hub.store.begin().await?;
    work.settle_receipts(&taken, now).await?;
    let told: Vec<Uuid> = taken.iter().map(|id| about(OVERDUE, *id, "")).collect();
    work.settle_exceptions_by_hub(&told, "the partner took it", now).await?;
    Ok(work.commit().await?)
}

/// What is late, in a sentence, with what to do.
pub(super) async fn sentences(
    work: &mut Work,
    late: &[&ExpectedAcknowledgmentRow],
    agreements: &Agreements,
) -> Result<HashMap<Uuid, String>, Error> {
    if late.is_empty() {
        return Ok(HashMap::new());
    }
    let deliveries: Vec<Uuid> = late.iter().filter_map(|row| row.delivery_id).collect();
    let about = work.describe_deliveries(&deliveries).await?;
    let told = late.iter().filter_map(|row| {
        let delivery = about.iter().find(|delivery| Some(delivery.id) == row.delivery_id)?;
        let whom = agreements.profiles.find(&row.partner_id);
        let whom = whom.map_or_else(|| row.partner_id.clone(), |profile| profile.whom(Topic::Technical));
        let (partner, name, due) = (&row.partner_id, &delivery.name, row.due_at.format("%Y-%m-%d %H:%M UTC"));
        let short = ids::short(delivery.id);
        let sentence = if row.level == ReceiptLevel::Receipt.as_str() {
            format!(
                "{partner} has not taken `{name}` out of the folder of {}, due {due}; ask {whom} whether its program looks there: the file lies there still",
                delivery.channel
            )
        } else {
            let why = delivery.last_error.as_ref().map_or_else(
                || "no try was made yet".to_owned(),
                |error| format!("the last try came to this: {error}"),
            );
            format!(
                "{partner} has not answered the call `{name}` over {}, due {due}; {why}; it is tried on, `crossdock deliveries show {short}` shows every try",
                delivery.channel
            )
        };
        Some((row.id, sentence))
    });
    Ok(told.collect())
}
