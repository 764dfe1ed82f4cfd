//! Disposal: a file that is ours leaves the partner's folder, and never another that has its name by then.

use super::hub::{Error, Hub, Place};
use super::receive::AT_ONCE;
use crate::kill_points;
use crate::profiles::{After, Complete, Inbound};
use crate::store::Undisposed;
use crate::transports::{self, Entry, EntryKind, FileName, Hold, Kind, Listing, Stat, Transport};
use futures_util::future::join_all;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use tracing::{debug, warn};
use uuid::Uuid;

/// A partner's copy of a file that is ours.
struct Copy<'c> {
    hub: &'c Hub,
    place: &'c Place,
    transport: &'c Transport,
    inbound: &'c Inbound,
    /// The file it is a copy of.
    id: Uuid,
    /// What it was when it was read.
    entry: &'c Entry,
}

/// Disposes of the partner's copies, and writes down at once which of them are gone.
pub(super) async fn dispose_all(
    hub: &Hub,
    place: &Place,
    transport: &Transport,
    files: &[(Uuid, Entry)],
) -> Result<(), Error> {
    let Some(inbound) = &place.channel.inbound else { return Ok(()) };
    if files.is_empty() {
        return Ok(());
    }
    let mut gone = Vec::new();
    for some in files.chunks(AT_ONCE) {
        let copies = some.iter().map(|(id, entry)| Copy { hub, place, transport, inbound, id: *id, entry });
        let disposed = join_all(copies.map(async |copy| copy.dispose().await)).await;
        for (is_gone, (id, _)) in disposed.into_iter().zip(some) {
            if is_gone? {
                gone.push(*id);
            }
        }
    }
    hub.store.mark_disposed(&gone).await?;
    kill_points::pass("in.disposed.after");
    Ok(())
}

/// Disposes of files whose disposal did not come to its end before. `listing` was made after `undisposed` was asked for.
pub(super) async fn dispose_again(
    hub: &Hub,
    place: &Place,
    transport: &Transport,
    undisposed: Vec<Undisposed>,
    listing: &Listing,
) -> Result<(), Error> {
    if undisposed.is_empty() {
        return Ok(());
    }
    let by_name: BTreeMap<String, &Entry> =
        listing.entries.iter().map(|entry| (entry.name.to_string(), entry)).collect();
    let (mut there, mut gone) = (Vec::new(), Vec::new());
    for file in undisposed {
        let name = file.name.parse().unwrap_or_else(|_| held_name(file.id));
        let stat = Stat { size_bytes: u64::try_from(file.size_bytes).ok(), modified_at: file.modified_at };
        let ours = Entry { name, kind: EntryKind::File, stat };
        // Held where whoever held it ended over it.
        let is_held = by_name.contains_key(&held_name(file.id).to_string());
        match by_name.get(&file.name) {
            _ if is_held => there.push((file.id, ours)),
            // With the bytes of its name, of which people see what can be shown.
            Some(entry) if entry.is_like(&ours) => there.push((file.id, (*entry).clone())),
            // Behind what was listed there may be anything.
            None if listing.truncated => {}
            // Gone, or another file by now: nothing of ours is left to dispose of.
            _ => gone.push(file.id),
        }
    }
    hub.store.mark_disposed(&gone).await?;
    dispose_all(hub, place, transport, &there).await
}

/// The name under which a partner's copy is held while it is seen that it is the one that was read.
fn held_name(id: Uuid) -> FileName {
    format!(".{}.held", id.simple()).parse().expect("it is a plain name")
}

impl Copy<'_> {
    /// Whether nothing of ours is left to dispose of.
    async fn dispose(&self) -> Result<bool, Error> {
        if self.inbound.after == After::Leave {
            return Ok(true);
        }
        match self.take_away().await {
            Ok(()) => Ok(true),
            // Not where the folder is missing that it should go to.
            Err(Error::Transport(error))
                if error.kind() == Kind::NotFound && !self.is_there().await.unwrap_or(true) =>
            {
                Ok(true)
            }
            Err(Error::Transport(error)) => {
                let (id, name) = (self.id, &self.entry.name);
                warn!(file.id = %id, channel = %self.place.key(), "`{name}` is ours but still lies at the partner's: {error}");
                self.hub.store.mark_dispose_failed(id, &error.to_string()).await?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Gives it the name that holds it and looks at it then: between a look and the removal of a name, a partner may
    /// have put another file there, which nobody has read.
    async fn take_away(&self) -> Result<(), Error> {
        let (folder, held) = (&self.inbound.path, held_name(self.id));
        let found = match self.transport.hold(folder, self.entry, &held).await? {
            Hold::Held(found) => found,
            Hold::Gone => return Ok(()),
            // A server that renames nothing, or not for us.
            Hold::Refused => return self.end(&self.entry.name).await,
        };
        if self.is_it(&found).await? {
            let ended = self.end(&held).await;
            if ended.is_err() {
                // Until the next try it lies there as people know it.
                self.transport.rename(folder, &held, &self.entry.name).await.ok();
            }
            return ended;
        }
        warn!(file.id = %self.id, channel = %self.place.key(),
            "another `{}` was put there the moment before ours was disposed of; it is read next", self.entry.name);
        // Where a third has its name already, it waits until that is read.
        Ok(self.transport.rename(folder, &held, &self.entry.name).await?)
    }

    /// Whether what is held is what was read. Where a rename is a copy, the time is another, and the bytes tell.
    async fn is_it(&self, held: &Entry) -> Result<bool, Error> {
        if held.is_like(self.entry) {
            return Ok(true);
        }
        if held.kind != EntryKind::File || held.stat.size_bytes != self.entry.stat.size_bytes {
            return Ok(false);
        }
        let limit = self.hub.config.file_limit_bytes;
        let bytes = self.transport.read(&self.inbound.path, held, limit).await?;
        let file = self.hub.store.find_file(self.id).await?;
        Ok(file.is_some_and(|file| *file.sha256 == *Sha256::digest(&bytes)))
    }

    /// Whether it has its name still.
    async fn is_there(&self) -> Result<bool, Error> {
        let found = self.transport.stat(&self.inbound.path, &self.entry.name).await?;
        Ok(found.is_some_and(|found| found.is_like(self.entry)))
    }

    /// Removes it or puts it away, from the name it has now, and then its marker.
    async fn end(&self, name: &FileName) -> Result<(), Error> {
        let done = match &self.inbound.after {
            After::Leave => Ok(()),
            After::Delete => self.transport.remove(&self.inbound.path, name).await,
            After::Move(to) => self.put_away(name, (to, "")).await,
            After::Rename(suffix) => self.put_away(name, (&self.inbound.path, suffix)).await,
        };
        kill_points::pass("in.dispose.after");
        if let Complete::Marker(suffix) = &self.inbound.complete
            && let Ok(marker) = FileName::parse(format!("{}{suffix}", self.entry.name).as_bytes())
            // The data is ours; a marker that stays behind does no harm.
            && let Err(error) = self.transport.remove(&self.inbound.path, &marker).await
        {
            debug!(channel = %self.place.key(), "the marker `{marker}` stays: {error}");
        }
        Ok(done?)
    }

    /// Moves it to a folder, with a suffix; where the name is taken, the file's id makes it another.
    async fn put_away(
        &self,
        name: &FileName,
        (folder, suffix): (&str, &str),
    ) -> Result<(), transports::Error> {
        let named = |more: &str| {
            let mut name = self.entry.name.as_bytes().to_vec();
            name.truncate(200);
            name.extend_from_slice(format!("{more}{suffix}").as_bytes());
            FileName::parse(&name)
        };
        let whole = if suffix.is_empty() { Ok(self.entry.name.clone()) } else { named("") };
        let attempted = |_| {
            let attempted = format!("cannot rename `{}`", self.entry.name);
            transports::Error::new(Kind::Invalid, attempted).because("the name it would have is none")
        };
        let (from, whole) = (&self.inbound.path, whole.map_err(attempted)?);
        match self.transport.move_to(from, name, folder, &whole).await {
            Err(error) if error.kind() == Kind::Exists => {
                let other = named(&format!(".{}", self.id)).map_err(attempted)?;
                self.transport.move_to(from, name, folder, &other).await
            }
            other => other,
        }
    }
}
