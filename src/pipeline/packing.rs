//! Packing: what comes packed becomes files of its own, and what goes is packed before it is frozen.

use super::hub::{Error, Hub, Place};
use super::receive;
use crate::config::Config;
use crate::kill_points;
use crate::packing::{self, Fault, Keys, Unpacked};
use crate::profiles::Channel;
use crate::store::{AcceptOutcome, FileOutcome, FileRow, FileState, Lease, LoadedFile, NewFile, Origin};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use std::io::Read as _;
use tracing::info;

/// A file of public keys; GnuPG's largest with all their signatures have some hundred kilobytes.
const LARGEST_KEY_BYTES: u64 = 4 << 20;

/// Whether a file is to be unpacked before it is read: it came so on this channel, and was not unpacked or mended.
pub(super) fn is_packed(file: &FileRow, place: &Place) -> bool {
    let unpacks = place.channel.inbound.as_ref().is_some_and(|inbound| !inbound.unpack.is_empty());
    unpacks && file.origin_id.is_none() && file.corrects.is_none()
}

/// Whether the end of a file is there, by its packing where the channel has one.
pub(super) async fn is_whole(place: &Place, bytes: &Bytes) -> Result<bool, Error> {
    let Some(inbound) = place.channel.inbound.as_ref().filter(|inbound| !inbound.unpack.is_empty()) else {
        return Ok(crate::formats::is_whole(bytes));
    };
    let (bytes, steps, limits) = (bytes.clone(), inbound.unpack.clone(), inbound.limits);
    let looked = tokio::task::spawn_blocking(move || packing::is_whole(&bytes, &steps, limits));
    looked.await.map_err(Error::Panicked)
}

/// Unpacks a file: what was in it is accepted with the jobs that read it, in one commit. The bytes that came stay as
/// they are. One that cannot be unpacked is quarantined.
pub(super) async fn unpack(hub: &Hub, file: LoadedFile, place: &Place, lease: Lease) -> Result<(), Error> {
    let LoadedFile { row, bytes } = file;
    let Some(inbound) = place.channel.inbound.clone() else {
        return Err(Error::NotAgreed { what: format!("an inbound folder of channel {}", place.key()) });
    };
    let keys = keys(&hub.config, &place.channel, hub.clock.now())?;
    let name = row.name.clone();
    let unpacked = tokio::task::spawn_blocking(move || {
        packing::unpack(&name, bytes, &inbound.unpack, &keys, inbound.limits)
    });
    let unpacked = match unpacked.await.map_err(Error::Panicked)? {
        Ok(unpacked) => unpacked,
        Err(Fault::Key { what }) => return Err(Error::Key { what }),
        Err(Fault::File { reason, hint }) => {
            let id = crate::ids::short(row.id);
            let hint = format!("{hint}; `crossdock release {id}` has it unpacked again");
            let outcome = outcome(hub, place, FileState::Quarantined, reason, hint);
            let mut work = hub.store.begin().await?;
            work.set_file_outcomes(&[(row.id, outcome.clone())]).await?;
            work.complete_jobs(&[lease]).await?;
            work.commit().await?;
            info!(file.id = %row.id, "quarantined `{}`: {}", row.name, outcome.reason);
            return Ok(());
        }
    };
    let count = unpacked.len();
    let mut files = Vec::with_capacity(count);
    for (unpacked, ordinal) in unpacked.into_iter().zip(1..) {
        files.push(new_file(hub, &row, place, unpacked, ordinal).await?);
    }
    kill_points::pass("in.unpack.before");
    let mut work = hub.store.begin().await?;
    let accepted = work.accept_files(&files).await?;
    let reason = format!("unpacked into {count} {}", if count == 1 { "file" } else { "files" });
    let outcome = outcome(hub, place, FileState::Processed, reason, String::new());
    work.set_file_outcomes(&[(row.id, outcome)]).await?;
    work.complete_jobs(&[lease]).await?;
    work.commit().await?;
    kill_points::pass("in.unpack.after");
    info!(file.id = %row.id, partner.id = %place.partner, "unpacked `{}` into {count} files", row.name);
    for (file, accepted) in files.iter().zip(accepted) {
        if let AcceptOutcome::DuplicateOf(original) = accepted.outcome {
            info!(file.id = %accepted.id, "`{}` is a copy of file {original} and is not processed again", file.name);
        }
    }
    Ok(())
}

async fn new_file(
    hub: &Hub,
    row: &FileRow,
    place: &Place,
    unpacked: Unpacked,
    ordinal: usize,
) -> Result<NewFile, Error> {
    let Unpacked { name, entry, bytes } = unpacked;
    Ok(NewFile {
        channel: row.channel.clone(),
        partner_id: Some(place.partner.clone()),
        name,
        modified_at: None,
        body: hub.store.keep_bytes(bytes).await?,
        received_at: row.received_at,
        duplicates_since: receive::duplicates_since(hub, &place.partner),
        origin: Some(Origin { id: row.id, ordinal, entry, assigned_to: row.assigned_to.clone() }),
        in_order: place.channel.in_order,
        // It never lay at the partner's by itself.
        stays: true,
    })
}

fn outcome(hub: &Hub, place: &Place, state: FileState, reason: String, hint: String) -> FileOutcome {
    let agreements = hub.agreements();
    let profile = agreements.profiles.find(&place.partner);
    FileOutcome {
        state,
        reason,
        hint,
        partner_id: Some(place.partner.clone()),
        usage: None,
        profile_version: profile.map(|profile| profile.version),
    }
}

/// The keys of a channel, read each time, so that a changed one is taken up without a restart.
///
/// # Errors
/// When one is not where the profile says.
pub fn keys(config: &Config, channel: &Channel, now: DateTime<Utc>) -> Result<Keys, Error> {
    let Some(pgp) = &channel.pgp else { return Ok(Keys::default()) };
    let secret = |reference: &crate::transports::SecretRef| {
        let secret = config.secrets.resolve(reference);
        secret.map_err(|error| Error::Key { what: error.to_string() })
    };
    let key = pgp.key.as_ref().map(secret).transpose()?;
    let passphrase = pgp.passphrase.as_ref().map(secret).transpose()?;
    let passphrase = passphrase.map(|secret| secret.expose_secret().to_owned()).unwrap_or_default();
    let partners = pgp.partner_keys.iter().map(|name| Ok((name.clone(), read_key(config, name)?)));
    Ok(Keys {
        ours: key.map(|key| (key.expose_secret().to_owned(), passphrase)),
        partners: partners.collect::<Result<_, Error>>()?,
        verify: pgp.verify,
        sign: pgp.sign,
        armor: pgp.armor,
        now: u64::try_from(now.timestamp()).unwrap_or(0),
    })
}

fn read_key(config: &Config, name: &str) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(config.root.join(name))
        .and_then(|file| file.take(LARGEST_KEY_BYTES).read_to_end(&mut bytes));
    read.map_err(|error| Error::Key {
        what: format!(
            "cannot read the partner's key `{name}`: {error}; put it there, as `partner_keys` says"
        ),
    })?;
    Ok(bytes)
}
