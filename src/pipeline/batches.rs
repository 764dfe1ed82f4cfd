//! Batches: what a profile has sent together waits in the database, and leaves as one when its set is closed.

use super::carry_out;
use super::hub::{Error, Hub, explain};
use super::outbound::{self, Outgoing, Shipment};
use super::outgoing::{identity, outbound_document_id};
use crate::kill_points;
use crate::pipeline::Agreements;
use crate::profiles::{Batch, Sends};
use crate::store::{BatchKey, BatchRow, Batched, Work};
use chrono::{DateTime, TimeDelta, Utc};
use tracing::{info, warn};
use uuid::Uuid;

/// Documents of one set where the profile names no count: an interchange of some megabytes.
const MOST: usize = 1000;

/// Takes out what waits for its batch and keeps it; how many, and what could not be written even alone.
pub(super) async fn set_aside(
    work: &mut Work,
    outgoing: &mut Outgoing,
    agreements: &Agreements,
) -> Result<(usize, Vec<outbound::Unsound>), Error> {
    if outgoing.is_batch {
        return Ok((0, Vec::new()));
    }
    // What is held goes alone, since a person lets it go.
    let waits = |shipment: &Shipment| shipment.sends.batch.is_some() && shipment.hold.is_none();
    let (waiting, rest): (Vec<_>, Vec<_>) =
        std::mem::take(&mut outgoing.shipments).into_iter().partition(waits);
    outgoing.shipments = rest;
    let (mut rows, mut all_unsound) = (Vec::new(), Vec::new());
    for (shipment, place) in waiting.into_iter().zip(0..) {
        // Whoever mends it must hear of it now, not when the set is closed.
        let mut alone = Outgoing::new(outgoing.file, outgoing.now);
        alone.shipments.push(shipment.clone());
        let unsound = outbound::try_out(alone, agreements);
        if unsound.is_empty() {
            // Sets keep the order in which documents came.
            rows.extend(row(shipment, agreements, outgoing.now + TimeDelta::microseconds(place)));
        } else {
            all_unsound.extend(unsound);
        }
    }
    // Two routes may lead to the same.
    rows.sort_by_key(|(_, row)| row.id);
    rows.dedup_by_key(|(_, row)| row.id);
    if !rows.is_empty() {
        work.insert_batched(&rows).await?;
    }
    Ok((rows.len(), all_unsound))
}

fn row(shipment: Shipment, agreements: &Agreements, now: DateTime<Utc>) -> Option<(BatchKey, Batched)> {
    let id = outbound_document_id(&identity(&shipment, shipment.issue));
    let Shipment { to, sends, record, source, issue, hold: _ } = shipment;
    let batch = sends.batch.as_ref()?;
    let profile = agreements.profiles.find(&to)?;
    let agreement = profile.agreement_of(Some(record.group()), None).map(|agreement| agreement.id.clone());
    let key = BatchKey {
        partner_id: to,
        document: sends.document.clone(),
        channel: sends.channel.clone(),
        agreement: agreement.unwrap_or_default(),
        by_value: batch.value_of(record.group()),
    };
    let due_at = batch.due(now);
    Some((key, Batched { id, source_document_id: source, issue, record: *record, created_at: now, due_at }))
}

/// Closes sets that are full or due, each in a commit of its own: control numbers are taken then.
pub(super) async fn close(hub: &Hub) -> Result<(), Error> {
    let rows = hub.store.list_batches(None, None).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let agreements = hub.prepared().await?;
    for row in rows {
        let key = &row.key;
        let profile = agreements.profiles.find(&key.partner_id);
        let sends = profile.and_then(|profile| {
            let is_it = |sends: &&Sends| sends.document == key.document && sends.channel == key.channel;
            profile.exchange.sends.iter().find(is_it)
        });
        let Some(sends) = sends else {
            if hub.is_news(format!("batch {key:?}")) {
                warn!(
                    partner.id = %key.partner_id,
                    "{} documents {} wait to be sent by channel `{}`, and the profile has no such [[sends]] any more: put it back",
                    row.count, key.document, key.channel
                );
            }
            continue;
        };
        let mut left = Some(row.clone());
        while is_due(sends.batch.as_deref(), left.as_ref(), hub.clock.now())
            && close_one(hub, key, sends, &agreements).await? > 0
        {
            left = row_of(hub, key).await?;
        }
    }
    Ok(())
}

/// What is left of a set.
async fn row_of(hub: &Hub, key: &BatchKey) -> Result<Option<BatchRow>, Error> {
    let rows = hub.store.list_batches(Some(&key.partner_id), None).await?;
    Ok(rows.into_iter().find(|row| row.key == *key))
}

fn is_due(batch: Option<&Batch>, row: Option<&BatchRow>, now: DateTime<Utc>) -> bool {
    let Some(row) = row else { return false };
    // What is not sent together any more has nothing to wait for.
    let Some(batch) = batch else { return true };
    let is_full = batch.count.is_some_and(|count| usize::try_from(row.count).is_ok_and(|has| has >= count));
    is_full || row.due_at.is_some_and(|due| due <= now)
}

/// Sends one set; how many documents it had.
async fn close_one(
    hub: &Hub,
    key: &BatchKey,
    sends: &Sends,
    agreements: &Agreements,
) -> Result<usize, Error> {
    let now = hub.clock.now();
    let most = sends.batch.as_ref().and_then(|batch| batch.count).unwrap_or(MOST).min(MOST);
    let mut work = hub.store.begin().await?;
    let batched = work.take_batch(key, i64::try_from(most).unwrap_or(i64::MAX)).await?;
    let due = batched.iter().any(|row| row.due_at.is_some_and(|due| due <= now));
    if batched.is_empty() || (sends.batch.is_some() && !due && batched.len() < most) {
        // Another node has it, or had it.
        work.roll_back().await?;
        return Ok(0);
    }
    let ids: Vec<Uuid> = batched.iter().map(|row| row.id).collect();
    let mut outgoing = Outgoing::new(Uuid::nil(), now);
    outgoing.is_batch = true;
    outgoing.shipments.extend(batched.into_iter().map(|row| Shipment {
        to: key.partner_id.clone(),
        sends: sends.clone(),
        record: Box::new(row.record),
        source: row.source_document_id,
        issue: row.issue,
        hold: None,
    }));
    let compositions = outbound::compose(hub, &mut work, vec![outgoing], agreements).await?;
    let unsound: Vec<&outbound::Unsound> =
        compositions.iter().flat_map(|composition| &composition.unsound).collect();
    carry_out::tell_unsound(&mut work, &unsound, now).await?;
    work.delete_batched(&ids).await?;
    kill_points::pass("out.batch.before");
    work.commit().await?;
    kill_points::pass("out.batch.after");
    info!(partner.id = %key.partner_id, "{} documents {} that waited go out as one", ids.len(), key.document);
    Ok(ids.len())
}

/// Closes what became full by what was just committed. The chores do it as well, should this fail.
pub(super) async fn close_soon(hub: &Hub) {
    if let Err(error) = close(hub).await {
        warn!("batches are closed a little later: {}", explain(&error));
    }
}
