//! Chores: they take no input, read the state, and act on what is due.

use super::hub::{Error, Hub};
use std::time::Duration;
use tracing::error;

/// Names that were seen and never became a file of ours are forgotten after a day.
const FORGET_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Does all chores once.
///
/// # Errors
/// When the database cannot be reached.
pub(super) async fn run(hub: &Hub) -> Result<(), Error> {
    let mut work = hub.store.begin().await?;
    let overdue = work.mark_overdue(hub.clock.now()).await?;
    work.commit().await?;
    for expected in overdue {
        error!(
            partner.id = %expected.partner_id,
            "{} has not acknowledged group {} {} by {}: ask whether it arrived",
            expected.partner_id, expected.functional_id, expected.group_control, expected.due_at.format("%Y-%m-%d %H:%M UTC")
        );
    }
    hub.store.forget_sightings(FORGET_AFTER).await?;
    Ok(())
}
