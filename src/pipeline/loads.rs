//! Loads: advices of one bill of lading are told to the customer in one notice, once nothing more comes.

use super::agreements::Agreements;
use super::carry_out;
use super::follow;
use super::gate;
use super::hub::{Error, Hub};
use super::known::{self, Known};
use super::outbound::{self, Outgoing, Shipment};
use super::read::Document;
use crate::canonical::{Completeness, Purpose, Record, ShippingAdvice, same_number};
use crate::derivations::{self, Derived, Telling};
use crate::ledger::InForce;
use crate::profiles::Leads;
use crate::store::{Business, FoundRecord, LoadRow, Work};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeSet;
use tracing::info;
use uuid::Uuid;

/// A purchase order that is missing is looked for again this often.
const LOOK_AGAIN: TimeDelta = TimeDelta::minutes(5);

/// Closes the loads to which nothing more came, each in a transaction of its own.
pub(super) async fn close(hub: &Hub) -> Result<(), Error> {
    let now = hub.clock.now();
    loop {
        let mut work = hub.store.begin().await?;
        // Closed or postponed, it is not due any more.
        let Some(load) = work.find_due_load(now).await? else { return Ok(()) };
        close_one(hub, &mut work, &load, &*hub.prepared().await?, now).await?;
        work.commit().await?;
    }
}

async fn close_one(
    hub: &Hub,
    work: &mut Work,
    load: &LoadRow,
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let earlier = work.list_earlier_advices(load).await?;
    let own = stored(work, &load.documents).await?;
    let before = stored(work, &earlier.iter().map(|(_, id)| *id).collect::<Vec<_>>()).await?;
    let next = earlier.iter().map(|(telling, _)| *telling).max().unwrap_or(0) + 1;
    let profile = agreements.profiles.find(&load.to_partner);
    let routes = agreements.profiles.find(&load.partner_id).map(|from| &from.exchange.routes);
    let by = routes.into_iter().flatten().find_map(|route| match &route.leads {
        Leads::To { to, document, channel }
            if route.together.is_some() && *to == load.to_partner && *document == load.document =>
        {
            channel.as_deref()
        }
        _ => None,
    });
    let sends = profile.and_then(|profile| profile.exchange.find_sends(&load.document, by).cloned());
    let (Some(profile), Some(sends)) = (profile, sends) else {
        let why = format!(
            "{} is not sent the {} any more: mend the route of {} or settle this",
            load.to_partner, load.document, load.partner_id
        );
        set(work, &load.documents, Business::Exception, &why).await?;
        return Ok(work.close_load(load.id, next, now).await?);
    };
    let known = known::look_up(work, own.iter().chain(&before)).await?;
    let (advices, unknown): (Vec<_>, Vec<_>) = in_force(&own, &known)
        .into_iter()
        .partition(|(_, advice)| follow::part(advice, profile, &known).purchase_order.is_some());
    if !unknown.is_empty() && now < load.at_most {
        return Ok(work.postpone_load(load.id, (now + LOOK_AGAIN).min(load.at_most)).await?);
    }
    let again = telling_replaced(&advices, &earlier, &before);
    let telling_number = again.unwrap_or(next);
    let of_telling =
        |id: &Uuid| earlier.iter().any(|(telling, other)| other == id && Some(*telling) == again);
    let mut told = in_force(&before, &known);
    told.retain(|(id, _)| of_telling(id));
    told.extend(&advices);
    let was_told = before.iter().any(|document| match &document.record {
        Some(Record::ShippingAdvice(advice)) => of_telling(&document.id) && advice.ships(),
        _ => false,
    });
    let parts: Vec<_> = told.iter().map(|(_, advice)| follow::part(advice, profile, &known)).collect();
    let telling = Telling {
        number: Some(&load.raw),
        nth: usize::try_from(telling_number).unwrap_or(1),
        purpose: if was_told { Purpose::Replacement } else { Purpose::Original },
        at: super::compose::local_time(profile, now),
    };
    let what = load.number_kind.replace('_', " ");
    let (business, why) = match derivations::ship_notice(&parts, telling) {
        Derived::Record(notice) => {
            let source = advices.first().map(|(id, _)| *id).unwrap_or_default();
            let hold = told.iter().find_map(|(id, advice)| {
                gate::why_notice_held((&load.partner_id, *id), advice, &notice, &known, agreements)
            });
            let mut outgoing = Outgoing::new(source, now);
            outgoing.shipments.push(Shipment {
                to: profile.id.clone(),
                sends,
                record: Box::new(Record::ShipNotice(notice)),
                source,
                issue: None,
                hold,
            });
            let compositions = outbound::compose(hub, work, vec![outgoing], agreements).await?;
            let unsound: Vec<_> = compositions.iter().flat_map(|composed| &composed.unsound).collect();
            carry_out::tell_unsound(work, &unsound, now).await?;
            info!(
                partner.id = %profile.id,
                "{what} {} is closed: {} advices are told to {} in one {}",
                load.raw, told.len(), profile.id, load.document
            );
            (Business::Settled, format!("told with {what} {}", load.raw))
        }
        Derived::Nothing(why) => (Business::Settled, why),
        Derived::Waiting(why) => (Business::Waiting, why),
    };
    let of = |advices: &[(Uuid, &ShippingAdvice)]| advices.iter().map(|(id, _)| *id).collect::<Vec<_>>();
    set(work, &of(&advices), business, &why).await?;
    // What came too late to be known goes with the next load of the number, once its order is here.
    let late = of(&unknown);
    work.unload(load.id, &late).await?;
    let why = format!("{what} {} went without it: its purchase order is not known", load.raw);
    set(work, &late, Business::Waiting, &why).await?;
    let told = [of(&advices), late].concat();
    let replaced: Vec<Uuid> = load.documents.iter().filter(|id| !told.contains(id)).copied().collect();
    set(work, &replaced, Business::Settled, "replaced before it was told").await?;
    Ok(work.close_load(load.id, telling_number, now).await?)
}

/// The telling that advices replace something of, where they do.
fn telling_replaced(
    advices: &[(Uuid, &ShippingAdvice)],
    earlier: &[(i32, Uuid)],
    before: &[Document],
) -> Option<i32> {
    let mut replacing =
        advices.iter().filter(|(_, advice)| advice.completeness == Some(Completeness::Replacement));
    let replaces = |document: &Document, later: &ShippingAdvice| match &document.record {
        Some(Record::ShippingAdvice(advice)) => {
            same_number(advice.order_number.as_deref(), later.order_number.as_deref())
        }
        _ => false,
    };
    replacing.find_map(|(_, later)| {
        let replaced = before.iter().rfind(|document| replaces(document, later))?;
        earlier.iter().find(|(_, id)| *id == replaced.id).map(|(telling, _)| *telling)
    })
}

async fn stored(work: &mut Work, ids: &[Uuid]) -> Result<Vec<Document>, Error> {
    let found = work.list_shipping_advices(ids).await?;
    let document = |found: FoundRecord| Document::stored(found.document_id, &found.partner_id, found.record);
    Ok(found.into_iter().map(document).collect())
}

/// Advices of some documents that count.
fn in_force<'d>(documents: &'d [Document], known: &Known) -> Vec<(Uuid, &'d ShippingAdvice)> {
    let counting: BTreeSet<Uuid> = known
        .advices
        .iter()
        .zip(known.advices_in_force())
        .filter(|(_, stands)| **stands == InForce::Counts)
        .map(|(advice, _)| advice.document)
        .collect();
    let of = |document: &'d Document| match &document.record {
        Some(Record::ShippingAdvice(advice)) => Some((document.id, advice.as_ref())),
        _ => None,
    };
    documents.iter().filter(|document| counting.contains(&document.id)).filter_map(of).collect()
}

async fn set(work: &mut Work, ids: &[Uuid], business: Business, why: &str) -> Result<(), Error> {
    let rows: Vec<(Uuid, Business, String)> = ids.iter().map(|id| (*id, business, why.to_owned())).collect();
    Ok(work.set_business(&rows).await?)
}
