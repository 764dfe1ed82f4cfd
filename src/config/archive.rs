//! `[archive]`: the bucket that holds large files, and by what right.

use crate::declaration::{Said, Section};
use crate::store::Bucket;
use crate::transports::{SecretRef, http::Allowed, mail, read_secret_ref};
use std::time::Duration;

/// The bucket of the archive.
#[derive(Clone, Debug)]
pub struct ArchiveSettings {
    /// Where it is.
    pub bucket: Bucket,
    /// Where the access key and its secret are found; none means the role of the machine.
    pub keys: Option<(SecretRef, SecretRef)>,
}

const ENDPOINT: &str = "write endpoint = \"https://s3.example:9000\"; leave it out for AWS";

/// Reads it; none if it is not sound.
pub(super) fn read(section: &Section<'_>, allowed: &[Allowed]) -> Option<ArchiveSettings> {
    let name = section.required_text(
        "bucket",
        "write bucket = \"edi-archive\", the bucket that is made for this hub alone",
    );
    let is_named = is_bucket_name(&name.value);
    if !is_named && !name.value.is_empty() {
        let hint = "a bucket is named by 3 to 63 small letters, digits, dots and hyphens; what comes before its keys is \
                    `prefix`, the server is `endpoint`";
        section.fault("bucket_form", &name.place, format!("`{}` is no name of a bucket", name.value), hint);
    }
    let prefix = section.text("prefix");
    let prefix_is_sound = prefix.as_ref().is_none_or(|said| is_prefix(&said.value));
    if let (Some(said), false) = (&prefix, prefix_is_sound) {
        let hint = "write names with slashes between them, such as \"edi/production\": letters, digits, `-`, `_`, `.`";
        section.fault("prefix_form", &said.place, format!("`{}` is no prefix", said.value), hint);
    }
    let said_endpoint = section.text("endpoint");
    let endpoint = said_endpoint.as_ref().map(|said| read_endpoint(section, said, allowed));
    let region = section.text("region");
    if region.is_none() && endpoint.is_none() {
        let hint = "write region = \"eu-central-1\", the region of the bucket; or `endpoint` for a server that is not AWS";
        section.fault("region_missing", &section.place(), "it is not said where the bucket is", hint);
    }
    // In the host a name with dots would be covered by no certificate, and other servers often have one host only.
    let path_style =
        section.flag("path_style").map_or(endpoint.is_some() || name.value.contains('.'), |said| said.value);
    let (access, secret) = (read_secret_ref(section, "access_key"), read_secret_ref(section, "secret_key"));
    for (there, found, missing) in
        [("access_key", &access, "secret_key"), ("secret_key", &secret, "access_key")]
    {
        if let (Some(said), Some(_), false) = (section.raw(there), found, section.has(missing)) {
            let hint = format!(
                "write {missing} = {{ file = \"keys/{missing}\" }} or {{ env = \"ARCHIVE_KEY\" }}; leave out both to use \
                 the role of the machine"
            );
            section.fault("login_missing", &said.place, format!("there is no `{missing}` beside it"), hint);
        }
    }
    let timeout = section.duration("timeout");
    if let Some(said) = timeout.as_ref().filter(|said| said.value.is_zero()) {
        section.fault(
            "timeout_range",
            &said.place,
            "nothing is answered in no time",
            "write timeout = \"60s\"",
        );
    }
    // Two pieces of 8 MiB come through in it over a line of 2.2 Mbit/s.
    let timeout = timeout.map_or(Duration::from_secs(60), |said| said.value);
    section.finish();
    let keys = match (section.has("access_key"), access, secret) {
        (false, ..) => None,
        (true, access, secret) => Some((access?, secret?)),
    };
    (is_named && prefix_is_sound).then_some(())?;
    let endpoint = match endpoint {
        Some(sound) => Some(sound?),
        None => None,
    };
    let region =
        region.map(|said| said.value).or_else(|| endpoint.as_ref().map(|_| "us-east-1".to_owned()))?;
    let prefix = prefix.map(|said| said.value.trim_end_matches('/').to_owned()).unwrap_or_default();
    let bucket = Bucket { name: name.value, prefix, region, endpoint, path_style, timeout };
    Some(ArchiveSettings { bucket, keys })
}

/// A URL of a server. Without TLS it stays within this machine, or is one that the site names.
fn read_endpoint(section: &Section<'_>, said: &Said<String>, allowed: &[Allowed]) -> Option<String> {
    let fault = |code, message: String, hint: &str| {
        section.fault(code, &said.place, message, hint);
        None
    };
    let parsed = reqwest::Url::parse(&said.value).ok();
    let found = parsed.as_ref().and_then(|url| Some((url, url.host_str()?, url.port_or_known_default()?)));
    let Some((url, host, port)) = found.filter(|(url, ..)| ["http", "https"].contains(&url.scheme())) else {
        return fault("endpoint_form", format!("`{}` is no URL of a server", said.value), ENDPOINT);
    };
    if !url.username().is_empty() || url.password().is_some() {
        let hint = "write scheme, host and port only; the keys are `access_key` and `secret_key`";
        return fault("secret_in_profile", "`endpoint` holds a login".to_owned(), hint);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return fault("endpoint_form", format!("`{}` is more than a server", said.value), ENDPOINT);
    }
    let is_named =
        mail::is_here(host.trim_matches(['[', ']'])) || allowed.iter().any(|allowed| allowed.is(host, port));
    if url.scheme() == "http" && !is_named {
        let hint = format!("write https://; or name \"{host}:{port}\" in [calls] allowed_private_hosts");
        return fault("archive_in_the_clear", format!("files would go to {host} in the clear"), &hint);
    }
    Some(url.as_str().trim_end_matches('/').to_owned())
}

fn is_bucket_name(name: &str) -> bool {
    let is_outer = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.chars().all(|c| is_outer(c) || c == '-' || c == '.')
        && name.starts_with(is_outer)
        && name.ends_with(is_outer)
        && !name.contains("..")
}

fn is_prefix(prefix: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&c);
    let mut names = prefix.strip_suffix('/').unwrap_or(prefix).split('/');
    prefix.is_empty()
        || names.all(|name| !name.is_empty() && name != "." && name != ".." && name.chars().all(is_plain))
}
