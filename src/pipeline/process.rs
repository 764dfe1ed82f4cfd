//! Process: jobs of files are read and carried out, each in one transaction. Small files share one.

use super::carry_out::{Again, Carried, carry_out};
use super::hub::{Error, Hub, explain};
use super::portions::ReadFile;
use super::{batches, packing, repeats};
use crate::kill_points;
use crate::pipeline::Agreements;
use crate::store::{FileState, Job, Lease, LoadedFile};
use std::collections::HashSet;
use std::sync::Arc;
use tracing::{debug, info};
use uuid::Uuid;

/// Files that are read and committed together, at most, and their bytes.
pub(super) const TOGETHER: (i64, i64) = (128, 1 << 20);

/// A job that did not come to its end, and why.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) job: Job,
    pub(super) error: Arc<Error>,
}

/// Reads the jobs' files and commits all that they mean, those that do not concern each other in one transaction. If
/// that fails, each is done alone, so that a bad one hurts only itself. Gives the jobs that did not come to their end.
pub(super) async fn process(hub: &Arc<Hub>, jobs: Vec<Job>) -> Vec<Failed> {
    let mut failed = Vec::new();
    let alone = if jobs.len() > 1 { process_together(hub, jobs, &mut failed).await } else { jobs };
    let mut unreachable: Option<Arc<Error>> = None;
    for job in alone {
        let done = match &unreachable {
            Some(error) => Err(error.clone()),
            None => process_alone(hub, &job).await.map_err(Arc::new),
        };
        let Err(error) = done else { continue };
        // The others would only wait for the database one after the other.
        if error.is_unreachable() {
            unreachable = Some(error.clone());
        }
        failed.push(Failed { job, error });
    }
    failed
}

async fn process_alone(hub: &Arc<Hub>, job: &Job) -> Result<(), Error> {
    let file = hub.store.load_file(job.subject_id).await?;
    let agreements = hub.prepared().await?;
    let place = hub.place_of(&file.row)?;
    if packing::is_packed(&file.row, &place) {
        return packing::unpack(hub, file, &place, job.lease).await;
    }
    let file = ReadFile::read(file, place, &agreements, hub.config.portion_bytes).await?;
    commit(hub, vec![file], &[job.lease], &agreements).await
}

/// Gives the jobs that are to be done alone.
async fn process_together(hub: &Arc<Hub>, jobs: Vec<Job>, failed: &mut Vec<Failed>) -> Vec<Job> {
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.subject_id).collect();
    let loaded = hub.store.load_files(&ids).await.map_err(Error::from);
    let (Ok(files), Ok(agreements)) = (loaded, hub.prepared().await) else { return jobs };
    let mut loaded: Vec<(Job, LoadedFile)> = jobs.into_iter().zip(files).collect();
    // As they came.
    loaded.sort_by(|(_, a), (_, b)| {
        (a.row.received_at, &a.row.name, a.row.id).cmp(&(b.row.received_at, &b.row.name, b.row.id))
    });
    let (mut alone, mut to_read, mut of_read) = (Vec::new(), Vec::new(), Vec::new());
    for (job, file) in loaded {
        // What was read before is read again against what became of it then.
        if file.row.profile_version.is_some() {
            alone.push(job);
            continue;
        }
        match hub.place_of(&file.row) {
            Ok(place) if packing::is_packed(&file.row, &place) => alone.push(job),
            Ok(place) => {
                to_read.push((file, place));
                of_read.push(job);
            }
            Err(error) => failed.push(Failed { job, error: Arc::new(error) }),
        }
    }
    let Ok(read) = ReadFile::read_all(to_read, &agreements, hub.config.portion_bytes).await else {
        // One of them cannot be read: the others can when each is alone.
        alone.append(&mut of_read);
        return alone;
    };
    let (mut together, mut files, mut taken) = (Vec::new(), Vec::new(), HashSet::new());
    for (job, file) in of_read.into_iter().zip(read) {
        // Whether it has something in common with others is known when all of it is read.
        if file.rest.is_some() {
            alone.push(job);
            continue;
        }
        let keys = repeats::keys(&file, &agreements);
        if keys.iter().any(|key| taken.contains(key)) {
            alone.push(job);
            continue;
        }
        taken.extend(keys);
        together.push(job);
        files.push(file);
    }
    if together.is_empty() {
        return alone;
    }
    let leases: Vec<Lease> = together.iter().map(|job| job.lease).collect();
    if let Err(error) = commit(hub, files, &leases, &agreements).await {
        debug!("{} files are processed one by one: {}", leases.len(), explain(&error));
        together.append(&mut alone);
        return together;
    }
    alone
}

async fn commit(
    hub: &Hub,
    files: Vec<ReadFile>,
    leases: &[Lease],
    agreements: &Arc<Agreements>,
) -> Result<(), Error> {
    let named: Vec<(Uuid, String, String)> =
        files.iter().map(|file| (file.row.id, file.row.name.clone(), file.row.channel.clone())).collect();
    kill_points::pass("in.parse.after");
    let mut work = hub.store.begin().await?;
    let carried = carry_out(hub, &mut work, files, agreements, &Again::default()).await?;
    work.complete_jobs(leases).await?;
    kill_points::pass("in.canon.before");
    work.commit().await?;
    kill_points::pass("in.canon.after");

    let any_batched = carried.iter().any(|carried| carried.batched > 0);
    for ((id, name, channel), carried) in named.iter().zip(carried) {
        let Carried { outcome, accepted, documents, sent, .. } = carried;
        let partner = channel.split('/').next().unwrap_or_default();
        info!(
            file.id = %id, partner.id = %partner,
            "processed `{name}`: {}, {accepted} of {documents} documents accepted, {sent} files and calls to send",
            outcome.state
        );
        if outcome.state == FileState::Quarantined {
            info!(file.id = %id, "quarantined `{name}`: {}", outcome.reason);
        }
    }
    if any_batched {
        batches::close_soon(hub).await;
    }
    Ok(())
}
