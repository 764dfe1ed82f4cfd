//! Which addresses may be called: public ones, and private ones that the hub's own settings name.

use std::error::Error as StdError;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use reqwest::dns::{Name, Resolve, Resolving};

/// A private host and port that may be called, written `host:port` or `[::1]:8080`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    host: String,
    port: u16,
}

/// The text is no host and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an allowed host is written as `host:port`")]
pub struct BadAllowed;

impl Allowed {
    /// Whether it allows this host and port of a URL; no name stands for its addresses or the reverse.
    #[must_use]
    pub fn is(&self, host: &str, port: u16) -> bool {
        self.port == port && self.host.eq_ignore_ascii_case(host)
    }
}

impl FromStr for Allowed {
    type Err = BadAllowed;

    fn from_str(text: &str) -> Result<Self, BadAllowed> {
        let (host, port) = text.rsplit_once(':').ok_or(BadAllowed)?;
        let port = port.parse().map_err(|_| BadAllowed)?;
        if host.is_empty() || host.contains(['/', '@', ' ', '*']) {
            return Err(BadAllowed);
        }
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The host leads to an address that is not public.
#[derive(Debug, thiserror::Error)]
#[error("`{host}` leads to this machine or a private network, which is not allowed")]
pub(super) struct NotPublic {
    pub(super) host: String,
}

/// Resolves names for calls to the public internet. The addresses it answers are the ones connected
/// to, so nothing can turn private between the check and the call.
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            // One private address among public ones is a trap rather than a mistake.
            if found.iter().all(|address| is_public(address.ip())) {
                Ok(Box::new(found.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>)
            } else {
                Err(Box::new(NotPublic { host }) as Box<dyn StdError + Send + Sync>)
            }
        })
    }
}

/// The address a URL holds in place of a name.
pub(super) fn literal(host: &str) -> Option<IpAddr> {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.parse().ok()
}

/// Whether an address is reached over the public internet and by one receiver only.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocols = a == 192 && b == 0 && c == 0;
    let benchmarks = a == 198 && (b == 18 || b == 19);
    !(a == 0
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || shared
        || protocols
        || benchmarks
        // Multicast, and what is reserved above it.
        || a >= 224)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Mapped, NAT64 (64:ff9b::/96) and 6to4 (2002::/16) addresses stand for IPv4 ones.
    let [a, b, c, ..] = address.segments();
    let [.., g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    match a {
        0x64 if b == 0xff9b => is_public_v4(v4(g, h)),
        0x2002 => is_public_v4(v4(b, c)),
        0x2001 if b == 0xdb8 || b < 0x200 => false,
        // 2000::/3 is all that is handed out; the rest is local, multicast or reserved.
        _ => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        let public = |text: &str| is_public(text.parse().expect("an address"));
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "::7f00:1",
            "2001:db8::1",
        ] {
            assert!(!public(private), "{private}");
        }
        for address in ["1.1.1.1", "203.0.114.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(public(address), "{address}");
        }
    }

    #[test]
    fn an_allowed_host_is_one_host_and_port() {
        let allowed: Allowed = "erp.local:8443".parse().expect("a host and port");
        assert!(allowed.is("ERP.local", 8443));
        assert!(!allowed.is("erp.local", 443) && !allowed.is("x.erp.local", 8443));
        assert!("erp.local".parse::<Allowed>().is_err() && "*:80".parse::<Allowed>().is_err());
        assert!("[::1]:80".parse::<Allowed>().expect("one of IPv6").is("[::1]", 80));
    }
}
