//! Unrouted: documents that go nowhere though their partner's profile has routes for such; a person is told.

use super::hub::Error;
use super::outgoing::Unrouted;
use crate::ids;
use crate::store::{NewException, Work};
use chrono::{DateTime, Utc};
use tracing::error;
use uuid::Uuid;

/// The kind of exception that tells of it.
const KIND: &str = "no_route";

/// Tells of documents that no route takes.
pub(super) async fn tell(work: &mut Work, unrouted: &[Unrouted], now: DateTime<Utc>) -> Result<(), Error> {
    if unrouted.is_empty() {
        return Ok(());
    }
    let exceptions = unrouted.iter().map(|unrouted| NewException {
        id: ids::derived("exception", &[KIND, &unrouted.document.to_string()]),
        kind: KIND.to_owned(),
        document_id: Some(unrouted.document),
        partner_id: Some(unrouted.partner.clone()),
        order_number: None,
        purchase_order_number: None,
        line: None,
        amount: None,
        message: format!(
            "{} goes nowhere: {}; add a [[routes]] that takes it to partner-profiles/{}.toml (one with otherwise = true takes what no other does), then `crossdock replay {} --issue-new`",
            unrouted.what,
            unrouted.why,
            unrouted.partner,
            ids::short(unrouted.document)
        ),
        evidence: serde_json::Value::Array(Vec::new()),
        first_seen_at: now,
    });
    for unrouted in unrouted {
        error!(partner.id = %unrouted.partner, document.id = %unrouted.document, "{} goes nowhere: {}", unrouted.what, unrouted.why);
    }
    Ok(work.insert_exceptions(&exceptions.collect::<Vec<_>>()).await?)
}

/// Settles what was told of documents that a route takes by now.
pub(super) async fn settle(work: &mut Work, taken: &[Uuid], now: DateTime<Utc>) -> Result<(), Error> {
    if taken.is_empty() {
        return Ok(());
    }
    Ok(work.settle_exceptions_of(taken, KIND, "a route takes it now", now).await?)
}
