//! What a channel's files are packed in, with which keys, and how much may come out of them.

use super::channel::{Inbound, Outbound};
use crate::declaration::Section;
use crate::packing::{Limits, Step};
use crate::transports::{SecretRef, read_secret_ref};

/// Keys of one channel: where they lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pgp {
    /// Our secret key.
    pub key: Option<SecretRef>,
    /// What it is locked with.
    pub passphrase: Option<SecretRef>,
    /// Files with the partner's public keys, from the settings file on.
    pub partner_keys: Vec<String>,
    /// Whether what comes must be signed by the partner.
    pub verify: bool,
    /// Whether what goes is signed by us.
    pub sign: bool,
    /// Whether what goes is written as text.
    pub armor: bool,
}

pub(super) fn pgp(section: &Section<'_>) -> Pgp {
    let flag = |key, otherwise: bool| section.flag(key).map_or(otherwise, |said| said.value);
    let pgp = Pgp {
        key: read_secret_ref(section, "key"),
        passphrase: read_secret_ref(section, "passphrase"),
        partner_keys: section.texts("partner_keys").into_iter().map(|said| said.value).collect(),
        verify: flag("verify", true),
        sign: flag("sign", true),
        armor: flag("armor", false),
    };
    section.finish();
    pgp
}

/// Words of ways to pack, in the order written.
pub(super) fn steps(section: &Section<'_>, key: &'static str, known: &[(&str, Step)]) -> Vec<Step> {
    let said = section.texts(key).into_iter().filter_map(|said| {
        section.word(&said, known, "packing_unknown", || format!("`{}` is no way to {key}", said.value))
    });
    said.collect()
}

/// OWASP ASVS 5.2.3 wants sizes, counts and ratios limited; these are twice what trading partners were seen to send.
pub(super) fn limits(section: Option<&Section<'_>>) -> Limits {
    let number = |key, otherwise| {
        let said = section.and_then(|section| section.number(key));
        said.map_or(otherwise, |said| said.value).max(1)
    };
    let (mb, ratio, files) = (number("mb", 512), number("ratio", 100), number("files", 1000));
    if let Some(section) = section {
        section.finish();
    }
    Limits { bytes: mb.saturating_mul(1024 * 1024), ratio, files: usize::try_from(files).unwrap_or(1000) }
}

/// What is packed with PGP needs its keys.
pub(super) fn check_keys(
    section: &Section<'_>,
    inbound: Option<&Inbound>,
    outbound: Option<&Outbound>,
    pgp: Option<&Pgp>,
) {
    let comes = inbound.is_some_and(|inbound| inbound.unpack.contains(&Step::Pgp));
    let goes = outbound.is_some_and(|outbound| outbound.pack.contains(&Step::Pgp));
    if !comes && !goes {
        return;
    }
    let missing = |what: &str, hint: &str| section.fault("pgp_keys", &section.place(), what, hint);
    let Some(pgp) = pgp else {
        missing(
            "the channel packs with PGP and names no keys",
            "write pgp = { key = { file = \"keys/ours.asc\" }, partner_keys = [\"keys/partner.asc\"] }",
        );
        return;
    };
    if pgp.partner_keys.is_empty() && (goes || pgp.verify) {
        missing(
            "the channel names no public key of the partner",
            "write partner_keys = [\"keys/partner.asc\"] into its `pgp` section; the file is what `gpg --armor --export ID` writes at the partner's",
        );
    }
    if pgp.key.is_none() && goes && pgp.sign {
        missing(
            "what goes is to be signed, and the channel names no key of ours",
            "write key = { file = \"keys/ours.asc\" } into its `pgp` section, or sign = false",
        );
    }
}
