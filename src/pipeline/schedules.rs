//! Schedules: which reports are due, claimed once over all nodes, and made.

use super::hub::{Error, Hub};
use super::reports::{self, Asked, Handling};
use crate::ids;
use crate::reports::Format;
use crate::schedules::Schedule;
use crate::store::{DueReport, Job};
use chrono::{DateTime, Utc};
use std::path::PathBuf;
use tracing::{info, warn};
use uuid::Uuid;

/// What a schedule wants, kept with the due time: the settings may have changed when it is made.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Wanted {
    asked: Asked,
    formats: Vec<Format>,
    mail_to: Vec<String>,
}

/// All schedules in force.
#[must_use]
pub fn list(hub: &Hub) -> Vec<Schedule> {
    let agreements = hub.agreements();
    let of_partners = agreements.profiles.list().flat_map(|profile| profile.schedules.clone());
    hub.config.schedules.iter().cloned().chain(of_partners).collect()
}

/// Has made what became due since the last look. Of several missed times of one schedule only the last is made.
pub(super) async fn watch(hub: &Hub) -> Result<(), Error> {
    let now = hub.clock.now();
    for schedule in list(hub) {
        let since = hub.store.find_last_due(schedule.id, now).await?;
        let Some(due) = schedule.cron.last_between(since, now) else { continue };
        if hub.store.claim_due(&claim(&schedule, due)).await? {
            info!("report {} is due since {}", schedule.report, due.format("%Y-%m-%d %H:%M UTC"));
        }
    }
    Ok(())
}

fn claim(schedule: &Schedule, due: DateTime<Utc>) -> DueReport {
    let (from, to) = schedule.period.days(due, schedule.cron.zone());
    let asked = Asked {
        report: schedule.report,
        from,
        to,
        time_zone: schedule.cron.zone(),
        partner: schedule.partner.clone(),
        agreement: schedule.agreement.clone(),
    };
    let (formats, mail_to) = (schedule.formats.clone(), schedule.mail_to.clone());
    let wanted = serde_json::to_value(Wanted { asked, formats, mail_to }).expect("it is plain data");
    DueReport {
        id: ids::derived("report_due", &[&schedule.id.to_string(), &due.to_rfc3339()]),
        schedule_id: schedule.id,
        due_at: due,
        report: schedule.report.as_str().to_owned(),
        asked: wanted,
    }
}

/// Makes a report that is due.
pub(super) async fn make(hub: &Hub, job: &Job) -> Result<(), Error> {
    let due = hub.store.find_due(job.subject_id).await?;
    let wanted: Wanted = serde_json::from_value(due.asked).map_err(|source| crate::store::Error::Stored {
        what: "due report",
        id: due.id,
        source,
    })?;
    let asked = wanted.asked;
    // The settings may have changed since it became due, and those of the hub are not held against the profiles.
    if let Some(partner) = asked.partner.as_deref() {
        match (hub.agreements().profiles.find(partner), asked.agreement.as_deref()) {
            (None, _) => {
                warn!(
                    "a schedule asks for report {} of `{partner}`, and there is no such partner",
                    asked.report
                );
            }
            (Some(profile), Some(agreement)) if profile.find_agreement(Some(agreement)).is_none() => warn!(
                "a schedule asks for report {} of agreement `{agreement}`, which `{partner}` does not have",
                asked.report
            ),
            _ => {}
        }
    }
    let handling = Handling {
        folder: folder(hub, &asked, due.id),
        formats: wanted.formats,
        mail_to: wanted.mail_to,
        made_by: String::from("schedule"),
        due: Some(due.id),
    };
    let filed = reports::file(hub, &asked, &handling).await?;
    let mut work = hub.store.begin().await?;
    filed.keep(&mut work).await?;
    work.complete_jobs(&[job.lease]).await?;
    work.commit().await?;
    info!("report {} is made: run {}", asked.report, ids::short(filed.run_id()));
    Ok(())
}

/// Where a scheduled report lies. Each due time has a folder of its own: what was sent is never written over.
fn folder(hub: &Hub, asked: &Asked, due: Uuid) -> PathBuf {
    let of = [&asked.partner, &asked.agreement].into_iter().flatten();
    let of: String = of.map(|id| format!("-{id}")).collect();
    let period = format!("{}_{}-{}", asked.from, asked.to, ids::short(due));
    hub.config.var.join("reports").join(format!("{}{of}", asked.report)).join(period)
}
