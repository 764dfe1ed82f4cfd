//! OpenPGP: decrypts with our key and verifies with the partner's; encrypts to theirs and signs with ours.

use super::{Budget, Fault, Step, damaged, not_packed};
use pgp::composed::{
    ArmorOptions, DecryptionOptions, Deserializable as _, Esk, Message, MessageBuilder, SignedKeyDetails,
    SignedPublicKey, SignedPublicSubKey, SignedSecretKey, TheRing,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::errors::Error;
use pgp::packet::{KeyFlags, PublicKey, Signature};
use pgp::types::{CompressionAlgorithm, KeyDetails as _, Password, SigningKey, Tag, Timestamp, VerifyingKey};
use rand_core::OsRng;
use std::io::Cursor;
use std::time::SystemTime;

/// Layers that a message may have: encrypted, compressed, signed, literal, and no more of them nested.
const MOST_LAYERS: usize = 8;

/// Keys of one channel, as their files hold them.
#[derive(Clone, Default)]
pub struct Keys {
    /// Our secret key and what unlocks it: decrypts what comes, signs what goes.
    pub ours: Option<(String, String)>,
    /// The partner's public keys with the names of their files: the first that is fit is encrypted to, and any of them
    /// may have signed.
    pub partners: Vec<(String, Vec<u8>)>,
    /// Whether what comes must be signed by the partner.
    pub verify: bool,
    /// Whether what goes is signed by us.
    pub sign: bool,
    /// Whether what goes is written as text.
    pub armor: bool,
    /// Now, in seconds since 1970: keys end.
    pub now: u64,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

pub(super) fn unpack(bytes: &[u8], keys: &Keys, budget: &mut Budget) -> Result<Vec<u8>, Fault> {
    if !looks_so(bytes) {
        return Err(not_packed(Step::Pgp));
    }
    if !is_whole(bytes) {
        return Err(damaged(Step::Pgp, &std::io::ErrorKind::UnexpectedEof.into()));
    }
    budget.file()?;
    let (mut message, _) = Message::from_reader(Cursor::new(bytes)).map_err(|error| unreadable(&error))?;
    for _ in 0..MOST_LAYERS {
        message = match message {
            encrypted @ Message::Encrypted { .. } => decrypt(encrypted, keys)?,
            compressed @ Message::Compressed { .. } => {
                compressed.decompress().map_err(|error| unreadable(&error))?
            }
            signed @ Message::Signed { .. } if signed.literal_data_header().is_none() => {
                signed.decompress().map_err(|error| unreadable(&error))?
            }
            plain => {
                message = plain;
                break;
            }
        };
    }
    if message.literal_data_header().is_none() {
        let hint = "ask the partner to encrypt and sign the file once, as `gpg --encrypt --sign` does";
        return Err(Fault::file("the PGP message is packed in too many layers", hint));
    }
    let plain = budget.read(&mut message, Step::Pgp)?;
    if keys.verify {
        verify(&message, keys)?;
    }
    Ok(plain)
}

fn decrypt<'a>(message: Message<'a>, keys: &Keys) -> Result<Message<'a>, Fault> {
    let Message::Encrypted { esk, .. } = &message else { return Ok(message) };
    let to: Vec<String> = esk
        .iter()
        .map(|esk| match esk {
            Esk::PublicKeyEncryptedSessionKey(key) => match (key.id(), key.fingerprint()) {
                (Ok(id), _) => id.to_string().to_uppercase(),
                (_, Ok(Some(fingerprint))) => fingerprint.to_string().to_uppercase(),
                _ => "a key that is not named".to_owned(),
            },
            Esk::SymKeyEncryptedSessionKey(_) => "a password".to_owned(),
        })
        .collect();
    let Some(ours) = our_key(keys)? else {
        return Err(Fault::key(
            "the file is encrypted, and the channel names no key of ours: write key = { file = \"…\" } into its `pgp` section",
        ));
    };
    let password = password(keys);
    let fits = esk.iter().any(|esk| match esk {
        Esk::PublicKeyEncryptedSessionKey(key) => {
            key.match_identity(ours.primary_key.public_key())
                || ours.secret_subkeys.iter().any(|subkey| key.match_identity(subkey.key.public_key()))
        }
        Esk::SymKeyEncryptedSessionKey(_) => false,
    });
    let ring = TheRing {
        secret_keys: vec![&ours],
        key_passwords: vec![&password],
        decrypt_options: DecryptionOptions::new().enable_gnupg_aead(),
        ..TheRing::default()
    };
    match message.decrypt_the_ring(ring, true) {
        Ok((message, _)) => Ok(message),
        Err(Error::MissingKey) if fits => Err(Fault::key(format!(
            "our PGP key {} cannot be unlocked or does not decrypt: check `passphrase` of the channel's `pgp` section",
            name_of(&ours.primary_key)
        ))),
        Err(Error::MissingKey) => Err(Fault::file(
            format!("it is encrypted to {}, not to our key {}", to.join(" and "), name_of(&ours.primary_key)),
            "send the partner our public key and ask for the file again",
        )),
        Err(error) => Err(unreadable(&error)),
    }
}

/// A good signature of one of the partner's keys, of a kind that still counts.
fn verify(message: &Message<'_>, keys: &Keys) -> Result<(), Fault> {
    let partners = partner_keys(keys)?;
    let whose = partners.iter().map(|key| name_of(&key.primary_key)).collect::<Vec<_>>().join(" or ");
    let ask = "ask the partner to sign again, and with which key; a new key is got by another way and added to `partner_keys`";
    let Message::Signed { reader, .. } = message else {
        return Err(Fault::file(
            format!("it is not signed; it must be signed by {whose}"),
            "ask the partner to sign what they send; where that was not agreed, write verify = false into the channel's `pgp` section",
        ));
    };
    let (mut by, mut why) = (Vec::new(), Vec::new());
    for index in 0..reader.num_signatures() {
        let Some(signature) = reader.signature(index) else { continue };
        let named: Vec<String> =
            signature.issuer_key_id().iter().map(|id| id.to_string().to_uppercase()).collect();
        let at = signature.created().map_or(0, seconds);
        let is_weak = matches!(
            signature.hash_alg(),
            None | Some(HashAlgorithm::Md5 | HashAlgorithm::Sha1 | HashAlgorithm::Ripemd160)
        );
        for partner in &partners {
            for (key, uses) in signing_keys(partner) {
                let is_named = named.contains(&key.legacy_key_id().to_string().to_uppercase());
                if is_weak && is_named {
                    why.push("it uses a hash that is not safe any more (MD5, SHA-1 or RIPEMD)".to_owned());
                } else if message.verify_nested_explicit(index, key).is_err() {
                    if is_named {
                        why.push(
                            "the bytes are not what was signed: the file was changed on its way".to_owned(),
                        );
                    }
                } else if let Some(fault) = uses.fault(at) {
                    why.push(format!("the key {} {fault}", name_of(&partner.primary_key)));
                } else {
                    return Ok(());
                }
            }
        }
        by.extend(named);
    }
    if let Some(why) = why.first() {
        return Err(Fault::file(format!("its signature does not count: {why}"), ask));
    }
    let by = if by.is_empty() { "a key that is not named".to_owned() } else { by.join(" and ") };
    Err(Fault::file(format!("it is signed by {by}, not by {whose}"), ask))
}

pub(super) fn pack(bytes: Vec<u8>, keys: &Keys) -> Result<Vec<u8>, Fault> {
    let partners = partner_keys(keys)?;
    let mut why = Vec::new();
    let mut to = None;
    for partner in &partners {
        match encryption_key(partner, keys.now) {
            Ok(key) => {
                to = Some(key);
                break;
            }
            Err(fault) => why.push(format!("{} {fault}", name_of(&partner.primary_key))),
        }
    }
    let Some(to) = to else {
        return Err(Fault::key(format!(
            "no key of the partner can be encrypted to: {}; get the partner's present key and name it in `partner_keys`",
            why.join("; ")
        )));
    };
    let failed = |error: Error| Fault::key(format!("cannot encrypt and sign: {error}"));
    let mut builder = MessageBuilder::from_bytes("", bytes).seipd_v1(OsRng, SymmetricKeyAlgorithm::AES256);
    builder.compression(CompressionAlgorithm::ZIP);
    match to {
        Encrypts::Primary(key) => builder.encrypt_to_key(OsRng, key),
        Encrypts::Subkey(key) => builder.encrypt_to_key(OsRng, key),
    }
    .map_err(failed)?;
    let ours = our_key(keys)?;
    if keys.sign {
        let Some(ours) = &ours else {
            return Err(Fault::key(
                "what goes must be signed, and the channel names no key of ours: write key = { file = \"…\" } into its `pgp` section, or sign = false",
            ));
        };
        let key = own_signing_key(ours, keys.now)?;
        builder.sign(key, password(keys), HashAlgorithm::Sha256);
    }
    if keys.armor {
        builder.to_armored_string(OsRng, ArmorOptions::default()).map(String::into_bytes).map_err(failed)
    } else {
        builder.to_vec(OsRng).map_err(failed)
    }
}

/// What the keys of a channel are good for, a sentence each: what comes is decrypted, what goes encrypted.
#[must_use]
pub fn look_at_keys(keys: &Keys, comes: bool, goes: bool) -> Vec<Result<String, Fault>> {
    let mut seen = Vec::new();
    if comes || (goes && keys.sign) {
        seen.push(look_at_ours(keys, goes && keys.sign));
    }
    if goes || keys.verify {
        match partner_keys(keys) {
            Err(fault) => seen.push(Err(fault)),
            Ok(partners) => {
                if goes {
                    seen.push(look_at_theirs(&partners, "be encrypted to", |key| {
                        encryption_key(key, keys.now).map(drop)
                    }));
                }
                if comes && keys.verify {
                    seen.push(look_at_theirs(&partners, "sign", |key| {
                        let mut why = "has no part that signs".to_owned();
                        for (_, uses) in signing_keys(key) {
                            match uses.fault(keys.now) {
                                None => return Ok(()),
                                Some(fault) => why = fault,
                            }
                        }
                        Err(why)
                    }));
                }
            }
        }
    }
    seen
}

fn look_at_ours(keys: &Keys, signs: bool) -> Result<String, Fault> {
    let Some(ours) = our_key(keys)? else {
        return Err(Fault::key(
            "the channel names no key of ours: write key = { file = \"…\" } into its `pgp` section",
        ));
    };
    let (password, name) = (password(keys), name_of(&ours.primary_key));
    let parts = ours.secret_subkeys.iter().map(|subkey| subkey.key.unlock(&password, |_, _| Ok(())));
    let mut parts = std::iter::once(ours.primary_key.unlock(&password, |_, _| Ok(()))).chain(parts);
    // What the error says may be about the secret.
    if !parts.all(|unlocked| matches!(unlocked, Ok(Ok(())))) {
        return Err(Fault::key(format!(
            "our key {name} cannot be unlocked: check `passphrase` of the channel's `pgp` section"
        )));
    }
    if signs {
        own_signing_key(&ours, keys.now)?;
        return Ok(format!("our key {name} is unlocked and can sign"));
    }
    Ok(format!("our key {name} is unlocked"))
}

/// Which of the partner's keys may do something, and until when; others may have ended, while keys change.
fn look_at_theirs(
    partners: &[SignedPublicKey],
    what: &str,
    fit: impl Fn(&SignedPublicKey) -> Result<(), String>,
) -> Result<String, Fault> {
    let (mut may, mut why) = (Vec::new(), Vec::new());
    for key in partners {
        let name = name_of(&key.primary_key);
        match fit(key) {
            Ok(()) => {
                let ends = primary_uses(&key.primary_key, &key.details).and_then(|uses| uses.ends);
                may.push(name + &ends.map(|ends| format!(" until {}", day_of(ends))).unwrap_or_default());
            }
            Err(fault) => why.push(format!("{name} {fault}")),
        }
    }
    if may.is_empty() {
        return Err(Fault::key(format!(
            "no key of the partner can {what}: {}; get the partner's present key and name it in `partner_keys`",
            why.join("; ")
        )));
    }
    let besides = if why.is_empty() { String::new() } else { format!("; {}", why.join("; ")) };
    Ok(format!("the partner's key {} can {what}{besides}", may.join(" or ")))
}

/// Text between its dashes, or a packet that a message can begin with.
fn looks_so(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    // Session keys (1, 3), signatures (2, 4), compressed (8) and encrypted data (9, 18, 20), a marker (10), literal (11).
    let tag = match bytes.first() {
        Some(first) if first & 0xc0 == 0xc0 => first & 0x3f,
        Some(first) if first & 0x80 != 0 => (first >> 2) & 0x0f,
        _ => return start.starts_with(b"-----BEGIN PGP MESSAGE"),
    };
    matches!(tag, 1 | 2 | 3 | 4 | 8 | 9 | 10 | 11 | 18 | 20)
}

/// Of text its last line tells; of binary only decrypting does.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    !start.starts_with(b"-----BEGIN PGP") || memchr::memmem::rfind(bytes, b"-----END PGP").is_some()
}

fn unreadable(error: &Error) -> Fault {
    let text = error.to_string();
    if text.to_lowercase().contains("eof") || text.contains("unexpected end") {
        return damaged(Step::Pgp, &std::io::ErrorKind::UnexpectedEof.into());
    }
    Fault::file(format!("the PGP message is damaged: {text}"), "ask the partner to send it again")
}

fn password(keys: &Keys) -> Password {
    keys.ours.as_ref().map(|(_, passphrase)| Password::from(passphrase.as_str())).unwrap_or_default()
}

fn our_key(keys: &Keys) -> Result<Option<SignedSecretKey>, Fault> {
    let Some((text, _)) = &keys.ours else { return Ok(None) };
    let read = SignedSecretKey::from_string(text);
    // The error of a parser may quote what it read; a secret is never quoted.
    let (key, _) = read.map_err(|_| {
        Fault::key(
            "`key` of the channel's `pgp` section is no PGP secret key: export it with `gpg --armor --export-secret-keys ID`",
        )
    })?;
    Ok(Some(key))
}

fn partner_keys(keys: &Keys) -> Result<Vec<SignedPublicKey>, Fault> {
    let mut found = Vec::new();
    for (name, bytes) in &keys.partners {
        let unfit = |error: &dyn std::fmt::Display| {
            Fault::key(format!(
                "`{name}` is no PGP public key: {error}; ask the partner for it, as `gpg --armor --export ID` writes it"
            ))
        };
        let (several, _) =
            SignedPublicKey::from_reader_many(Cursor::new(bytes)).map_err(|error| unfit(&error))?;
        let before = found.len();
        for key in several {
            found.push(key.map_err(|error| unfit(&error))?);
        }
        if found.len() == before {
            return Err(unfit(&"it is empty"));
        }
    }
    if found.is_empty() {
        return Err(Fault::key(
            "the channel names no key of the partner: write partner_keys = [\"keys/partner.asc\"] into its `pgp` section",
        ));
    }
    Ok(found)
}

fn name_of(key: &PublicKeyOf) -> String {
    key.legacy_key_id().to_string().to_uppercase()
}

/// What names a key, secret or public.
type PublicKeyOf = dyn pgp::types::KeyDetails;

/// From when to when a key may be used, and for what.
struct Uses {
    flags: KeyFlags,
    created: u64,
    ends: Option<u64>,
    revoked: bool,
}

impl Uses {
    /// Why it may not be used at this time.
    fn fault(&self, at: u64) -> Option<String> {
        if self.revoked {
            return Some("was revoked".to_owned());
        }
        if at < self.created {
            return Some("is younger than its use".to_owned());
        }
        self.ends.filter(|ends| at >= *ends).map(|ends| format!("ended on {}", day_of(ends)))
    }
}

/// The day of so many seconds since 1970.
fn day_of(seconds: u64) -> String {
    let at = i64::try_from(seconds).ok().and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    at.map(|at| at.date_naive().to_string()).unwrap_or_default()
}

fn seconds(at: Timestamp) -> u64 {
    SystemTime::from(at).duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// What the latest sound signature of a key over itself or its subkey says.
fn uses<'s>(key: &PublicKeyOf, sound: impl Iterator<Item = &'s Signature>, revoked: bool) -> Option<Uses> {
    let latest = sound.max_by_key(|signature| signature.created())?;
    let created = seconds(key.created_at());
    let lasts = latest.key_expiration_time().map(std::time::Duration::from).map(|lasts| lasts.as_secs());
    let ends = lasts.filter(|lasts| *lasts > 0).map(|lasts| created.saturating_add(lasts));
    Some(Uses { flags: latest.key_flags(), created, ends, revoked })
}

fn primary_uses(key: &PublicKey, details: &SignedKeyDetails) -> Option<Uses> {
    let of_users = details.users.iter().flat_map(|user| {
        let sound =
            move |signature: &&Signature| signature.verify_certification(key, Tag::UserId, &user.id).is_ok();
        user.signatures.iter().filter(sound)
    });
    let direct = details.direct_signatures.iter().filter(|signature| signature.verify_key(key).is_ok());
    let revoked = details.revocation_signatures.iter().any(|signature| signature.verify_key(key).is_ok());
    uses(key, of_users.chain(direct), revoked)
}

fn subkey_uses(primary: &PublicKey, subkey: &SignedPublicSubKey) -> Option<Uses> {
    use pgp::packet::SignatureType::{SubkeyBinding, SubkeyRevocation};
    let sound = |signature: &&Signature| signature.verify_subkey_binding(primary, &subkey.key).is_ok();
    let of =
        |kind| subkey.signatures.iter().filter(move |signature| signature.typ() == Some(kind)).filter(sound);
    let revoked = of(SubkeyRevocation).next().is_some();
    let bound = of(SubkeyBinding).filter(|signature| {
        // A key that signs must have agreed to be bound.
        !signature.key_flags().sign()
            || signature
                .embedded_signature()
                .is_some_and(|back| back.verify_primary_key_binding(&subkey.key, primary).is_ok())
    });
    uses(&subkey.key, bound, revoked)
}

/// Keys that may sign for the partner, with when.
fn signing_keys(key: &SignedPublicKey) -> Vec<(&dyn VerifyingKey, Uses)> {
    let Some(primary) = primary_uses(&key.primary_key, &key.details) else { return Vec::new() };
    let (revoked, ends) = (primary.revoked, primary.ends);
    let mut found: Vec<(&dyn VerifyingKey, Uses)> = Vec::new();
    for subkey in &key.public_subkeys {
        let Some(uses) = subkey_uses(&key.primary_key, subkey).filter(|uses| uses.flags.sign()) else {
            continue;
        };
        // With its primary key a subkey ends as well.
        let ends = [uses.ends, ends].into_iter().flatten().min();
        found.push((&subkey.key, Uses { revoked: uses.revoked || revoked, ends, ..uses }));
    }
    if primary.flags.sign() {
        found.push((&key.primary_key, primary));
    }
    found
}

enum Encrypts<'k> {
    Primary(&'k PublicKey),
    Subkey(&'k SignedPublicSubKey),
}

/// The youngest key of the partner that may be encrypted to now.
fn encryption_key(key: &SignedPublicKey, now: u64) -> Result<Encrypts<'_>, String> {
    let primary = primary_uses(&key.primary_key, &key.details).ok_or("has no sound signature of its own")?;
    if let Some(fault) = primary.fault(now) {
        return Err(fault);
    }
    let encrypts = |uses: &Uses| uses.flags.encrypt_comms() || uses.flags.encrypt_storage();
    let mut subkeys: Vec<(&SignedPublicSubKey, Uses)> = key
        .public_subkeys
        .iter()
        .filter_map(|subkey| Some((subkey, subkey_uses(&key.primary_key, subkey)?)))
        .filter(|(_, uses)| encrypts(uses))
        .collect();
    subkeys.sort_by_key(|(_, uses)| uses.created);
    let mut why = "has no part that encrypts".to_owned();
    for (subkey, uses) in subkeys.into_iter().rev() {
        match uses.fault(now) {
            None => return Ok(Encrypts::Subkey(subkey)),
            Some(fault) => why = fault,
        }
    }
    if encrypts(&primary) { Ok(Encrypts::Primary(&key.primary_key)) } else { Err(why) }
}

/// The part of our key that signs now.
fn own_signing_key(ours: &SignedSecretKey, now: u64) -> Result<&dyn SigningKey, Fault> {
    let public = ours.to_public_key();
    let mut why = "has no part that signs".to_owned();
    for (key, uses) in signing_keys(&public) {
        if let Some(fault) = uses.fault(now) {
            why = fault;
            continue;
        }
        let id = key.legacy_key_id();
        if ours.primary_key.legacy_key_id() == id {
            return Ok(&ours.primary_key);
        }
        if let Some(subkey) = ours.secret_subkeys.iter().find(|subkey| subkey.key.legacy_key_id() == id) {
            return Ok(&subkey.key);
        }
    }
    Err(Fault::key(format!("our PGP key {} cannot sign: it {why}", name_of(&ours.primary_key))))
}
