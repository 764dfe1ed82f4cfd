//! Retention: has bytes leave when the time is over that the partner's profile keeps them.

use super::hub::{Error, Hub};
use crate::clock;
use crate::pipeline::Agreements;
use crate::profiles::Retention;
use crate::store::{Left, NewAuditEvent, RetentionRule};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use std::time::Duration;
use tracing::{info, warn};
use uuid::Uuid;

/// Files that are counted, or whose bytes leave, in one commit.
const BATCH: i64 = 500;
/// Commits of one turn, so that the other chores have theirs.
const MOST_BATCHES: usize = 20;
/// How long nothing leaves that is held, unless the hold ends: longer than any law asks.
const HELD: Duration = Duration::from_secs(100 * 366 * 24 * 60 * 60);
/// A clock that is this far from the database's is wrong, or the database's is; nobody's bytes leave by a wrong clock.
const MOST_APART: TimeDelta = TimeDelta::days(1);

/// The rules of all partners in force; of partners without a profile the built-in ones.
#[must_use]
pub fn rules(agreements: &Agreements) -> Vec<RetentionRule> {
    let built_in = Retention::default();
    let of_partners = agreements.profiles.list().map(|profile| (profile.id.as_str(), &profile.retention));
    let all = of_partners.chain(std::iter::once(("", &built_in)));
    let rules = all.flat_map(|(partner, retention)| {
        retention.rules().into_iter().zip(0..).map(move |(kept, ordinal)| RetentionRule {
            partner_id: partner.to_owned(),
            ordinal,
            document: kept.document,
            record: kept.record,
            time: if retention.hold.is_some() { HELD } else { kept.time },
            name: kept.name,
        })
    });
    rules.collect()
}

/// Has bytes leave whose time is over, in sets, each with its row in the audit.
pub(super) async fn watch(hub: &Hub) -> Result<(), Error> {
    let rules = rules(&hub.agreements());
    if hub.is_new_retention(&rules) {
        let mut texts: Vec<(String, String)> = Vec::new();
        for rule in &rules {
            let line =
                format!("{} {} {} {}s\n", rule.ordinal, rule.document, rule.record, rule.time.as_secs());
            match texts.last_mut().filter(|(partner, _)| *partner == rule.partner_id) {
                Some((_, text)) => text.push_str(&line),
                None => texts.push((rule.partner_id.clone(), line)),
            }
        }
        hub.store.renew_retention(&texts).await?;
        hub.keep_retention(rules.clone());
    }
    let shortest = rules.iter().map(|rule| rule.time).min().unwrap_or(HELD);
    for _ in 0..MOST_BATCHES {
        if hub.store.count_retention(&rules, shortest, BATCH).await? < BATCH.unsigned_abs() {
            break;
        }
    }
    for _ in 0..MOST_BATCHES {
        if leave(hub).await? < BATCH {
            break;
        }
    }
    super::reports::leave(hub).await
}

/// Has one set of bytes leave; how many files.
async fn leave(hub: &Hub) -> Result<i64, Error> {
    let mut work = hub.store.begin().await?;
    let left = work.let_bodies_leave(BATCH).await?;
    if left.files() == 0 {
        work.roll_back().await?;
        return Ok(0);
    }
    if is_wrong_clock(hub) {
        work.roll_back().await?;
        return Ok(0);
    }
    work.insert_audit_event(&event(&left, &hub.config.node)).await?;
    work.commit().await?;
    for of in &left.by_partner {
        info!(partner.id = %of.partner_id, "the bytes of {} files left with their retention", of.files);
    }
    Ok(left.files())
}

/// Whether this machine's clock and the database's are too far apart for anything to leave, which is said once.
pub(super) fn is_wrong_clock(hub: &Hub) -> bool {
    let apart = clock::behind().abs();
    if apart > MOST_APART && hub.is_news(format!("retention {}", apart.num_days())) {
        warn!(
            "no bytes leave: the clock of this machine and the database's are {} days apart; set the wrong one right",
            apart.num_days()
        );
    }
    apart > MOST_APART
}

fn event(left: &Left, node: &str) -> NewAuditEvent {
    let files = left.files();
    NewAuditEvent {
        actor: "crossdock".to_owned(),
        action: "dispose".to_owned(),
        subject: if files == 1 {
            "the bytes of 1 file".to_owned()
        } else {
            format!("the bytes of {files} files")
        },
        subject_id: None,
        reason: "their retention is over".to_owned(),
        request: Uuid::now_v7().to_string(),
        detail: json!({ "account": node, "left": left.by_partner }),
        before: None,
        after: None,
    }
}

/// Until when a file's bytes are kept, and why.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Kept {
    /// Until then.
    pub until: DateTime<Utc>,
    /// `invoices`, `proof`, `others` or the kind of document.
    pub rule: String,
    /// The law, where it is one.
    pub basis: Option<String>,
    /// Why they may not leave even then.
    pub hold: Option<String>,
}

/// Until when a file's bytes are kept by the profiles in force.
///
/// # Errors
/// When the database cannot be asked.
pub async fn kept(
    store: &crate::store::Store,
    agreements: &Agreements,
    file: &crate::store::FileRow,
) -> Result<Option<Kept>, Error> {
    let profile = file.partner_id.as_deref().and_then(|id| agreements.profiles.find(id));
    let retention = profile.map(|profile| profile.retention.clone()).unwrap_or_default();
    let mut rules = rules(agreements);
    rules.retain(|rule| profile.map_or("", |profile| &profile.id) == rule.partner_id);
    Ok(store.find_kept_until(file.id, &rules).await?.map(|kept| Kept {
        until: kept.until,
        basis: Retention::is_of_law(&kept.rule).then(|| retention.basis.clone()),
        rule: kept.rule,
        hold: retention.hold.clone(),
    }))
}
