//! Untaken: documents that go nowhere though their partner's profile has routes for such; a person is told.

use super::hub::Error;
use super::outgoing::Untaken;
use crate::ids;
use crate::store::{NewException, Work};
use chrono::{DateTime, Utc};
use tracing::error;
use uuid::Uuid;

/// The kind of exception that tells of it.
const KIND: &str = "no_route";

/// Tells of documents that no route takes.
pub(super) async fn tell(work: &mut Work, untaken: &[Untaken], now: DateTime<Utc>) -> Result<(), Error> {
    if untaken.is_empty() {
        return Ok(());
    }
    let exceptions = untaken.iter().map(|untaken| NewException {
        id: ids::derived("exception", &[KIND, &untaken.document.to_string()]),
        kind: KIND.to_owned(),
        document_id: Some(untaken.document),
        partner_id: Some(untaken.partner.clone()),
        order_number: None,
        purchase_order_number: None,
        line: None,
        amount: None,
        message: format!(
            "{} goes nowhere: {}; add a [[routes]] that takes it to partner-profiles/{}.toml (one with otherwise = true takes what no other does), then `crossdock replay {} --issue-new`",
            untaken.what,
            untaken.why,
            untaken.partner,
            ids::short(untaken.document)
        ),
        evidence: serde_json::Value::Array(Vec::new()),
        first_seen_at: now,
    });
    for untaken in untaken {
        error!(partner.id = %untaken.partner, document.id = %untaken.document, "{} goes nowhere: {}", untaken.what, untaken.why);
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
