//! Files of scheduled reports leave when their time is over; runs, figures and hashes stay.

use crate::ids::short;
use crate::pipeline::Agreements;
use crate::pipeline::hub::{Error, Hub};
use crate::pipeline::retention;
use crate::profiles::Retention;
use crate::reports::Name;
use crate::store::{FiledReport, NewAuditEvent, ReportFile};
use chrono::{NaiveDate, TimeDelta};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing::{info, warn};
use uuid::Uuid;

/// Folders that are looked up at once.
const BATCH: usize = 500;

/// Has files of this machine leave whose time is over.
pub(in crate::pipeline) async fn leave(hub: &Hub) -> Result<(), Error> {
    let now = hub.clock.now();
    let agreements = hub.agreements();
    let shortest = shortest(&agreements);
    let root = std::path::absolute(hub.config.var.join("reports"))
        .unwrap_or_else(|_| hub.config.var.join("reports"));
    let folders = tokio::task::spawn_blocking(move || folders(&root)).await.map_err(Error::Panicked)?;
    let is_old = |to: NaiveDate| TimeDelta::from_std(shortest).is_ok_and(|time| now.date_naive() - to > time);
    let folders: Vec<String> = folders
        .into_iter()
        .filter(|(_, to)| is_old(*to))
        .map(|(folder, _)| folder.display().to_string())
        .collect();
    for folders in folders.chunks(BATCH) {
        let filed = hub.store.list_filed_reports(folders).await?;
        let over: Vec<FiledReport> = filed
            .into_iter()
            .filter(|report| {
                let time = TimeDelta::from_std(time_of(report, &agreements));
                time.is_ok_and(|time| now - report.as_of > time)
            })
            .collect();
        if over.is_empty() || retention::is_wrong_clock(hub) {
            continue;
        }
        let fresh: Vec<&FiledReport> = over.iter().filter(|report| report.left_at.is_none()).collect();
        if !fresh.is_empty() {
            let mut work = hub.store.begin().await?;
            let ids: Vec<Uuid> = fresh.iter().map(|report| report.id).collect();
            work.insert_reports_left(&ids, now).await?;
            work.insert_audit_event(&event(&fresh, &hub.config.node)).await?;
            work.commit().await?;
            info!("the files of {} reports left with their retention", fresh.len());
        }
        // Those that left before are there still when the hub ended in the middle.
        let removed = tokio::task::spawn_blocking(move || over.iter().try_for_each(remove)).await;
        if let Err(error) = removed.map_err(Error::Panicked)?
            && hub.is_news(format!("report files {error}"))
        {
            warn!("files of reports whose time is over cannot be removed: {error}");
        }
    }
    Ok(())
}

/// The least time of all reports: folders that are younger need not be looked up.
fn shortest(agreements: &Agreements) -> Duration {
    let of_partners = agreements.profiles.list().map(|profile| profile.retention.clone());
    let all = of_partners.chain(std::iter::once(Retention::default()));
    all.map(|retention| retention.others.min(retention.invoices)).min().unwrap_or_default()
}

/// How long the files of a report are kept: those of reconciliation like invoices. A report about all partners is kept
/// as long as the partner wants it who wants it longest.
fn time_of(report: &FiledReport, agreements: &Agreements) -> Duration {
    let own = |retention: &Retention| {
        if retention.hold.is_some() {
            return Duration::MAX;
        }
        let is_finance = report.report.parse::<Name>() == Ok(Name::Reconciliation);
        if is_finance { retention.invoices } else { retention.others }
    };
    let profile = report.partner_id.as_deref().and_then(|id| agreements.profiles.find(id));
    match profile {
        Some(profile) => own(&profile.retention),
        None if report.partner_id.is_some() => own(&Retention::default()),
        None => {
            let all = agreements.profiles.list().map(|profile| own(&profile.retention));
            all.max().unwrap_or_else(|| own(&Retention::default()))
        }
    }
}

/// The folders of scheduled reports, and the last day that each is about, which its name says.
fn folders(root: &Path) -> Vec<(PathBuf, NaiveDate)> {
    let below = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect::<Vec<PathBuf>>()
    };
    let of_reports = below(root).into_iter().flat_map(|of_report| below(&of_report));
    let dated = of_reports.filter_map(|folder| {
        let name = folder.file_name()?.to_str()?;
        let (_, behind) = name.split_once('_')?;
        let to = behind.get(..10)?.parse().ok()?;
        Some((folder, to))
    });
    dated.collect()
}

/// Removes the files of a report, and its folder if nobody put anything else there.
fn remove(report: &FiledReport) -> std::io::Result<()> {
    let folder = Path::new(&report.folder);
    let gone = |done: std::io::Result<()>| match done {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
    };
    for ReportFile { name, .. } in report.files.iter() {
        gone(std::fs::remove_file(folder.join(name)))?;
    }
    match std::fs::remove_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => Ok(()),
        done => gone(done),
    }
}

fn event(left: &[&FiledReport], node: &str) -> NewAuditEvent {
    let of = |report: &&FiledReport| json!({ "run": short(report.id), "report": report.report, "as_of": report.as_of });
    NewAuditEvent {
        actor: "crossdock".to_owned(),
        action: "dispose".to_owned(),
        subject: match left {
            [one] => format!("the files of report {}", short(one.id)),
            many => format!("the files of {} reports", many.len()),
        },
        subject_id: None,
        reason: "their retention is over".to_owned(),
        request: Uuid::now_v7().to_string(),
        detail: json!({ "account": node, "reports": left.iter().map(of).collect::<Vec<_>>() }),
        before: None,
        after: None,
    }
}
