//! Receive: takes whole files from channels, keeps them, and only then disposes of the partner's copy.

use super::disposal::{dispose_again, dispose_all};
use super::hub::{Error, Hub, Place};
use super::packing;
use crate::kill_points;
use crate::profiles::{After, Complete, Repeated};
use crate::store::{AcceptOutcome, NewFile, Seen, Untaken};
use crate::transports::{self, Entry, EntryKind, Kind};
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesOrdered;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::mpsc;
use tracing::{debug, info, warn};
use uuid::Uuid;

/// Files taken in one turn of one channel, so that one channel cannot starve the others.
const FILES_A_TURN: usize = 10_000;
/// Files that share one commit, and their bytes.
const BATCH_FILES: usize = 500;
const BATCH_BYTES: u64 = 32 * 1024 * 1024;
/// Files that are read, or disposed of, at the same time: twice the sessions a channel may have.
pub(super) const AT_ONCE: usize = 32;

/// What one look at a channel came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Polled {
    /// Files that are ours now.
    pub(super) accepted: usize,
    /// Files whose end is not there yet, by name.
    pub(super) waiting: Vec<String>,
    /// What is not taken until a person does something.
    pub(super) left: Vec<Untaken>,
    /// What is no file that we would take, or has no marker yet.
    passed_over: Vec<Untaken>,
    /// Whether there is more to take at once.
    pub(super) more: bool,
}

struct Taken {
    entry: Entry,
    file: NewFile,
}

/// Most of what is left in one folder that is written down.
const MOST_LEFT: usize = 1000;

/// Looks at a channel once, takes what is whole, and writes down what is left there and why.
///
/// # Errors
/// When the channel or the database cannot be reached; nothing is lost then.
pub(super) async fn poll(hub: &Hub, place: &Place) -> Result<Polled, Error> {
    let polled = look(hub, place).await;
    let (untaken, others_stay) = match &polled {
        Ok(polled) => {
            let all = polled.left.iter().chain(&polled.passed_over);
            (all.take(MOST_LEFT).cloned().collect(), false)
        }
        Err(Error::Transport(error)) => (vec![Untaken { name: String::new(), why: error.with_hint() }], true),
        Err(_) => return polled,
    };
    if hub.is_left_anew(&place.key(), &untaken)
        && let Err(error) = hub.store.replace_untaken(&place.key(), &untaken, others_stay).await
    {
        hub.forget_left(&place.key());
        return Err(error.into());
    }
    polled
}

async fn look(hub: &Hub, place: &Place) -> Result<Polled, Error> {
    let Some(inbound) = &place.channel.inbound else { return Ok(Polled::default()) };
    if let Some(why) = hub.lacks_room() {
        let mut polled = Polled::default();
        leave(hub, place, &mut polled, "", why);
        return Ok(polled);
    }
    let transport = &*hub.transport(place)?;
    // Before the listing: what another node takes meanwhile is not gone because an old listing does not show it.
    let undisposed = hub.store.list_undisposed(&place.key(), 1000).await?;
    let listing = match transport.list(&inbound.path).await {
        Ok(listing) => listing,
        // A folder that nobody made yet holds nothing.
        Err(error) if error.kind() == Kind::NotFound && place.is_local() => return Ok(Polled::default()),
        Err(error) => return Err(error.into()),
    };
    kill_points::pass("in.list.after");
    let names: BTreeSet<String> = listing.entries.iter().map(|entry| entry.name.to_string()).collect();
    let mut polled = Polled::default();
    for refused in &listing.refused {
        let why = format!("`{}` is passed over: {}; have it named plainly", refused.shown, refused.why);
        warn_once(hub, place, &why);
        polled.passed_over.push(Untaken { name: refused.shown.clone(), why });
    }
    dispose_again(hub, place, transport, undisposed, &listing).await?;
    if listing.truncated {
        let why = format!(
            "the folder has more than {} entries, and what comes behind them is not seen; have it cleared",
            transports::LIST_LIMIT
        );
        leave(hub, place, &mut polled, "", why);
    }
    if let Complete::Marker(suffix) = &inbound.complete {
        for marker in
            names.iter().filter(|name| name.strip_suffix(suffix).is_some_and(|of| !names.contains(of)))
        {
            let why = format!(
                "`{marker}` is a marker, and the file that it speaks of is not there; ask for the file, or take the marker away"
            );
            polled.passed_over.push(Untaken { name: marker.clone(), why });
        }
    }
    let mut shown = BTreeSet::new();
    let mut candidates: Vec<&Entry> = Vec::new();
    for entry in &listing.entries {
        let name = entry.name.to_string();
        if entry.kind == EntryKind::Folder || !inbound.takes(&name) {
            continue;
        }
        if entry.kind != EntryKind::File {
            let what = if entry.kind == EntryKind::Link { "a link" } else { "no regular file" };
            let why = format!("`{name}` is {what}, which is never followed; have the file itself put there");
            warn_once(hub, place, &why);
            polled.passed_over.push(Untaken { name, why });
            continue;
        }
        if shown.insert(name.clone()) {
            candidates.push(entry);
        } else {
            let why =
                format!("`{name}` is there twice, and only one of them is taken; have the other renamed");
            leave(hub, place, &mut polled, &name, why);
        }
    }
    let seen: Vec<Seen> = candidates.iter().map(|entry| seen(entry)).collect();
    let known = hub.store.list_known_sightings(&place.key(), &seen).await?;
    let mut fresh: Vec<(&Entry, Seen)> = candidates
        .into_iter()
        .zip(seen)
        .zip(known)
        .filter(|(_, known)| !known)
        .map(|(fresh, _)| fresh)
        .collect();
    fresh.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    polled.more = fresh.len() > FILES_A_TURN;
    fresh.truncate(FILES_A_TURN);
    let sightings: Vec<Seen> = fresh.iter().map(|(_, seen)| seen.clone()).collect();
    let unchanged = hub.store.record_sightings(&place.key(), &sightings).await?;
    kill_points::pass("in.sight.after");
    let mut ready: Vec<(&Entry, Duration)> = Vec::new();
    for ((entry, seen), unchanged_for) in fresh.into_iter().zip(unchanged) {
        let is_ready = match &inbound.complete {
            Complete::Renamed => true,
            Complete::Stable(time) => unchanged_for >= *time,
            Complete::Marker(suffix) => names.contains(&format!("{}{suffix}", entry.name)),
        };
        if is_ready {
            ready.push((entry, unchanged_for));
            continue;
        }
        if let Complete::Marker(suffix) = &inbound.complete {
            // No warning: mostly it comes the moment after.
            let why =
                format!("`{0}` waits for its marker, `{0}{suffix}`; if it stays away, ask for it", seen.name);
            polled.passed_over.push(Untaken { name: seen.name.clone(), why });
        }
        polled.waiting.push(seen.name);
    }
    // What is read is committed, and what is committed disposed of, while more is read.
    let (batches, to_accept) = mpsc::channel(1);
    let (ours, to_dispose_of) = mpsc::channel(1);
    let (read, accepted, disposed) = tokio::join!(
        read_all(hub, place, transport, &ready, batches),
        accept_all(hub, place, to_accept, ours),
        dispose_as_they_come(hub, place, transport, to_dispose_of)
    );
    polled.accepted = accepted?;
    disposed?;
    polled.waiting.extend(read.waiting);
    for (name, why) in read.left {
        leave(hub, place, &mut polled, &name, why);
    }
    match read.failed {
        Some(error) => Err(error),
        None => Ok(polled),
    }
}

/// What came of reading files, besides those that were read.
#[derive(Default)]
struct Read {
    /// Those whose end is not there yet.
    waiting: Vec<String>,
    /// Those that stay where they are, and why.
    left: Vec<(String, String)>,
    /// Why no more were read.
    failed: Option<Error>,
}

/// Reads files, several at once, and hands them on in batches, in the order given.
async fn read_all(
    hub: &Hub,
    place: &Place,
    transport: &transports::Transport,
    ready: &[(&Entry, Duration)],
    batches: mpsc::Sender<Vec<Taken>>,
) -> Read {
    let mut read = Read::default();
    let (mut batch, mut batch_bytes) = (Vec::new(), 0);
    let mut looks = FuturesOrdered::new();
    let mut under_way_bytes = 0;
    let mut rest = ready.iter();
    loop {
        while looks.is_empty() || looks.len() < AT_ONCE && under_way_bytes < BATCH_BYTES {
            let Some(&(entry, unchanged_for)) = rest.next() else { break };
            under_way_bytes += entry.stat.size_bytes.unwrap_or(0);
            looks.push_back(async move { (entry, take(hub, place, transport, entry, unchanged_for).await) });
        }
        let Some((entry, look)) = looks.next().await else { break };
        under_way_bytes -= entry.stat.size_bytes.unwrap_or(0);
        match look {
            Ok(Look::Taken(taken)) => {
                batch_bytes += taken.file.body.size_bytes;
                batch.push(*taken);
            }
            Ok(Look::Later) => read.waiting.push(entry.name.to_string()),
            Ok(Look::Left(why)) => read.left.push((entry.name.to_string(), why)),
            // What was read before is ours all the same.
            Err(error) => {
                read.failed = Some(error);
                break;
            }
        }
        if batch_bytes >= BATCH_BYTES || batch.len() >= BATCH_FILES {
            batch_bytes = 0;
            if batches.send(std::mem::take(&mut batch)).await.is_err() {
                // They cannot be committed, which tells why.
                return read;
            }
        }
    }
    batches.send(batch).await.ok();
    read
}

/// Commits batches as they come; tells how many files are new.
async fn accept_all(
    hub: &Hub,
    place: &Place,
    mut batches: mpsc::Receiver<Vec<Taken>>,
    ours: mpsc::Sender<Vec<(Uuid, Entry)>>,
) -> Result<usize, Error> {
    let mut fresh = 0;
    while let Some(batch) = batches.recv().await {
        let (of_batch, copies) = accept(hub, place, batch).await?;
        fresh += of_batch;
        // If they cannot be disposed of, that is told there, and the next look tries again.
        ours.send(copies).await.ok();
    }
    Ok(fresh)
}

/// Disposes of the partner's copies as they become ours.
async fn dispose_as_they_come(
    hub: &Hub,
    place: &Place,
    transport: &transports::Transport,
    mut ours: mpsc::Receiver<Vec<(Uuid, Entry)>>,
) -> Result<(), Error> {
    while let Some(copies) = ours.recv().await {
        dispose_all(hub, place, transport, &copies).await?;
    }
    Ok(())
}

/// It is so at every look; one warning is enough.
fn warn_once(hub: &Hub, place: &Place, why: &str) {
    if hub.is_news(format!("{} {why}", place.key())) {
        warn!(channel = %place.key(), "{why}");
    }
}

/// Tells of what is not taken until a person does something.
fn leave(hub: &Hub, place: &Place, polled: &mut Polled, name: &str, why: String) {
    warn_once(hub, place, &why);
    polled.left.push(Untaken { name: name.to_owned(), why });
}

/// What a look at one file came to.
enum Look {
    Taken(Box<Taken>),
    /// Its end is not there yet.
    Later,
    /// It stays where it is, because of this.
    Left(String),
}

/// Reads one file and sees that its end is there.
async fn take(
    hub: &Hub,
    place: &Place,
    transport: &transports::Transport,
    entry: &Entry,
    unchanged_for: Duration,
) -> Result<Look, Error> {
    let Some(inbound) = &place.channel.inbound else { return Ok(Look::Later) };
    let bytes = match transport.read(&inbound.path, entry, hub.config.file_limit_bytes).await {
        Ok(bytes) => bytes,
        // Where it changed since the listing its writer is not done.
        Err(error) if matches!(error.kind(), Kind::Changed | Kind::NotFound) => {
            debug!(channel = %place.key(), "`{}` is not to be had yet: {error}", entry.name);
            return Ok(Look::Later);
        }
        Err(error) if error.kind() == Kind::TooLarge => {
            let limit = hub.config.file_limit_bytes / 1024 / 1024;
            return Ok(Look::Left(format!(
                "`{}` is left where it is: it is larger than {limit} MB (hub.file_limit_mb)",
                entry.name
            )));
        }
        // One that cannot be read holds up no other.
        Err(error)
            if matches!(error.kind(), Kind::Permission | Kind::Invalid | Kind::Failed | Kind::Disk) =>
        {
            return Ok(Look::Left(format!("`{}` is left where it is: {}", entry.name, error.with_hint())));
        }
        Err(error) => return Err(error.into()),
    };
    kill_points::pass("in.fetch.after");
    // A cut file may still grow; after the grace it is judged as it is.
    if unchanged_for < hub.config.grace && !packing::is_whole(place, &bytes).await? {
        debug!(channel = %place.key(), "`{}` has no end yet", entry.name);
        return Ok(Look::Later);
    }
    let body = match hub.store.keep_bytes(bytes).await {
        Ok(body) => body,
        // Large ones wait for the archive; small ones need none.
        Err(error) if error.is_of_archive() => {
            return Ok(Look::Left(format!("`{}` is left where it is: {error}", entry.name)));
        }
        Err(error) => return Err(error.into()),
    };
    let file = NewFile {
        channel: place.key(),
        partner_id: Some(place.partner.clone()),
        name: entry.name.to_string(),
        modified_at: entry.stat.modified_at,
        body,
        received_at: hub.clock.now(),
        duplicates_since: duplicates_since(hub, &place.partner),
        origin: None,
        in_order: place.channel.in_order,
        stays: inbound.after == After::Leave,
    };
    Ok(Look::Taken(Box::new(Taken { entry: entry.clone(), file })))
}

/// Since when the same bytes from the same partner are a copy that is put aside at once. Other rules judge it when it
/// is processed.
pub(super) fn duplicates_since(hub: &Hub, partner: &str) -> Option<DateTime<Utc>> {
    let agreements = hub.agreements();
    let duplicates = agreements.profiles.find(partner).map(|profile| profile.duplicates).unwrap_or_default();
    let rule = duplicates.same_bytes;
    (rule.action == Repeated::Ignore).then(|| hub.clock.now() - rule.within)
}

/// Commits a batch. Gives how many are new, and the partner's copies, to be disposed of in a step of its own.
async fn accept(hub: &Hub, place: &Place, batch: Vec<Taken>) -> Result<(usize, Vec<(Uuid, Entry)>), Error> {
    if batch.is_empty() {
        return Ok((0, Vec::new()));
    }
    let (sources, files): (Vec<Entry>, Vec<NewFile>) =
        batch.into_iter().map(|taken| (taken.entry, taken.file)).unzip();
    kill_points::pass("in.accept.before");
    let accepted = hub.store.accept_files(&files).await?;
    kill_points::pass("in.accept.after");
    let mut fresh = 0;
    for (Entry { name, .. }, accepted) in sources.iter().zip(&accepted) {
        match accepted.outcome {
            AcceptOutcome::New => {
                fresh += 1;
                info!(file.id = %accepted.id, partner.id = %place.partner, "received `{name}` from {}", place.key());
            }
            AcceptOutcome::DuplicateOf(original) => {
                info!(file.id = %accepted.id, "`{name}` is a copy of file {original} and is not processed again");
            }
            AcceptOutcome::AlreadyAccepted => {}
        }
    }
    let copies = sources.into_iter().zip(&accepted).zip(&files).filter(|(_, file)| !file.stays);
    Ok((fresh, copies.map(|((entry, accepted), _)| (accepted.id, entry)).collect()))
}

fn seen(entry: &Entry) -> Seen {
    Seen {
        name: entry.name.to_string(),
        size_bytes: entry.stat.size_bytes.unwrap_or(0),
        modified_at: entry.stat.modified_at.unwrap_or(DateTime::<Utc>::UNIX_EPOCH),
    }
}
