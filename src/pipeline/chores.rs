//! Chores: they take no input, read the state, and act on what is due.

use super::hub::{Error, Hub, Place};
use super::{answers, batches, decisions, loads, missing, overdue, receipts, retention, schedules};
use crate::kill_points;
use std::time::Duration;
use tracing::warn;

/// Names that were seen and never became a file of ours are forgotten after a day.
const FORGET_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// How often the head of the audit is kept in the archive.
const KEEP_HEAD_EVERY: Duration = Duration::from_secs(60 * 60);

/// Does all chores once.
///
/// # Errors
/// When the database cannot be reached.
pub(super) async fn run(hub: &Hub) -> Result<(), Error> {
    receipts::watch(hub).await?;
    let mut work = hub.store.begin().await?;
    answers::match_parked(&mut work, &hub.agreements(), hub.clock.now()).await?;
    let is_late = overdue::watch(hub, &mut work).await?;
    missing::watch(hub, &mut work).await?;
    if is_late {
        kill_points::pass("ack.due.before");
    }
    work.commit().await?;
    if is_late {
        kill_points::pass("ack.due.after");
    }
    overdue::send_once_more(hub).await?;
    loads::close(hub).await?;
    batches::close(hub).await?;
    decisions::tell(hub).await?;
    schedules::watch(hub).await?;
    retention::watch(hub).await?;
    hub.store.forget_sightings(FORGET_AFTER).await?;
    let channels: Vec<String> = hub.inbound_places().iter().map(Place::key).collect();
    hub.store.forget_untaken(&channels).await?;
    if hub.is_time("the head of the audit", KEEP_HEAD_EVERY)
        && let Err(error) = hub.store.keep_audit_head().await
    {
        warn!("the head of the audit is kept at the next try, in an hour: {error}");
    }
    Ok(())
}
