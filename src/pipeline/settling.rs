//! Settling: what a person decides about an exception, with what follows from it, in one commit.

use super::answers::{OVERDUE, about};
use super::hub::Error;
use super::operate::{Begun, Deed, Refusal, Unmade, Wish, begin};
use crate::ids::short;
use crate::store::{Decision, ExceptionRow, ExceptionState, Noun, Store};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// Settles an open exception; `decision` says what becomes of its money.
///
/// # Errors
/// [`Unmade::Refused`] when it was settled before.
pub async fn settle(
    store: &Store,
    row: &ExceptionRow,
    decision: Option<Decision>,
    wish: &Wish,
    now: DateTime<Utc>,
) -> Result<Deed, Unmade> {
    let asked = decision.map_or(Value::Null, |decision| json!({ "decision": decision }));
    let mut begun = match begin(store, wish, "settle", (Noun::Exception, row.id), asked).await? {
        Ok(begun) => begun,
        Err(deed) => return Ok(deed),
    };
    if !begun.work.settle_exception(row.id, &wish.by, wish.reason.trim(), decision, now).await? {
        return Err(settled(row).into());
    }
    if decision.is_some() {
        begun.work.insert_due_decision(row.id, now).await?;
    }
    if row.kind == OVERDUE {
        let_go(&mut begun, row).await?;
    }
    begun
        .commit(
            subject(row),
            json!({ "state": row.state }),
            json!({ "state": ExceptionState::Settled, "decision": decision }),
        )
        .await
}

/// Gives an open exception to somebody else.
///
/// # Errors
/// [`Unmade::Refused`] when it is settled.
pub async fn assign(
    store: &Store,
    row: &ExceptionRow,
    (from, to): (&str, &str),
    wish: &Wish,
) -> Result<Deed, Unmade> {
    let asked = json!({ "to": to });
    let mut begun = match begin(store, wish, "assign", (Noun::Exception, row.id), asked).await? {
        Ok(begun) => begun,
        Err(deed) => return Ok(deed),
    };
    if !begun.work.assign_exception(row.id, to).await? {
        return Err(settled(row).into());
    }
    begun.commit(subject(row), json!({ "owner": from }), json!({ "owner": to })).await
}

/// What is held back because of an overdue acknowledgment may go.
async fn let_go(begun: &mut Begun, row: &ExceptionRow) -> Result<(), Error> {
    let partner = row.partner_id.as_deref().unwrap_or_default();
    let holding = begun.work.list_holding(partner).await?;
    let meant: Vec<_> = holding.into_iter().filter(|id| about(OVERDUE, *id, "") == row.id).collect();
    begun.work.release_holds(&meant).await?;
    Ok(())
}

fn subject(row: &ExceptionRow) -> String {
    format!("exception {}: {}", row.kind.replace('_', " "), row.message)
}

fn settled(row: &ExceptionRow) -> Refusal {
    let by = row.settled_by.as_deref().map(|by| format!(" by {by}")).unwrap_or_default();
    Refusal::new(
        format!("exception {} is settled already{by}; nothing is changed", short(row.id)),
        format!("`crossdock exceptions show {}` tells why", short(row.id)),
    )
}
