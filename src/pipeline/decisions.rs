//! Decisions about differences of invoices go where the routes of the invoice's sender lead, such as into the ERP.

use super::agreements::Agreements;
use super::carry_out;
use super::compare::kind_of;
use super::compose;
use super::follow::{self, Next};
use super::hub::{Error, Hub};
use super::known::Known;
use super::outbound::{self, Outgoing, Shipment};
use crate::canonical::{InvoiceDecision, Record};
use crate::profiles::Profile;
use crate::store::{DueDecision, Work};
use chrono::{DateTime, Utc};
use tracing::info;
use uuid::Uuid;

/// Tells of what was decided since the last look, each decision in a transaction of its own. Where no route leads nobody
/// is told, now or later.
pub(super) async fn tell(hub: &Hub) -> Result<(), Error> {
    loop {
        let mut work = hub.store.begin().await?;
        let Some(decision) = work.take_due_decision().await? else { return Ok(()) };
        tell_one(hub, &mut work, decision, &*hub.prepared().await?, hub.clock.now()).await?;
        work.commit().await?;
    }
}

async fn tell_one(
    hub: &Hub,
    work: &mut Work,
    decision: DueDecision,
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let profile = decision.partner_id.as_deref().and_then(|id| agreements.profiles.find(id));
    // What is no invoice's has no money to decide about.
    let (Some(profile), Some(document)) = (profile, decision.document_id) else { return Ok(()) };
    let exception = decision.exception_id;
    let record = Record::from(record_of(decision, profile));
    let next = follow::routes((document, Some(&record)), profile, agreements, &Known::default(), now);
    let shipments = next.into_iter().filter_map(|next| match next {
        Next::Send { to, sends, record, judged } => {
            // Of one invoice there are many decisions: each is issued by the act of a person.
            let hold = judged.hold;
            Some(Shipment { to, sends, record, source: document, issue: Some(exception), hold })
        }
        Next::Load(_) | Next::Nothing(_) | Next::Waiting(_) | Next::Unrouted(_) => None,
    });
    let mut outgoing = Outgoing::new(document, now);
    outgoing.shipments = shipments.collect();
    if outgoing.shipments.is_empty() {
        return Ok(());
    }
    let to: Vec<String> = outgoing.shipments.iter().map(|shipment| shipment.to.clone()).collect();
    let compositions = outbound::compose(hub, work, vec![outgoing], agreements).await?;
    let unsound: Vec<_> = compositions.iter().flat_map(|composed| &composed.unsound).collect();
    carry_out::tell_unsound(work, &unsound, now).await?;
    info!(partner.id = %profile.id, exception.id = %exception, "{} is told of a decision", to.join(", "));
    Ok(())
}

fn record_of(decision: DueDecision, profile: &Profile) -> InvoiceDecision {
    // The day as people of the partner's zone have it.
    let day = |at| compose::local_time(profile, at).date();
    let id: Uuid = decision.exception_id;
    InvoiceDecision {
        decision_id: Some(id.to_string()),
        decision: decision.decision.map(|word| word.as_str().to_owned()),
        decided_by: decision.settled_by,
        decided_on: decision.settled_at.map(day),
        why: Some(decision.settled_reason).filter(|why| !why.is_empty()),
        partner: decision.partner_id,
        agreement: decision.agreement,
        kind: Some(kind_of(profile)),
        invoice_number: decision.invoice_number,
        invoiced_on: decision.invoiced_on,
        purchase_order_number: decision.purchase_order_number,
        order_number: decision.order_number,
        line_number: decision.line,
        reason: Some(decision.kind),
        message: Some(decision.message),
        amount: decision.amount,
        total_amount: decision.total_amount,
        currency: decision.currency.or(decision.invoice_currency),
        ..InvoiceDecision::default()
    }
}
