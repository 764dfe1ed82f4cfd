//! The algorithms we offer, best first: modern ones always, old ones where a profile asks for them.

use ssh2::MethodType;

/// Which algorithms may be agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithms {
    /// Only those that are held to be sound today.
    #[default]
    Modern,
    /// The modern ones first, then SHA-1, CBC and small groups, for servers that have nothing else.
    Legacy,
}

const KEY_EXCHANGE: [&str; 2] = [
    "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,ecdh-sha2-nistp384,\
     ecdh-sha2-nistp521,diffie-hellman-group16-sha512,diffie-hellman-group18-sha512,\
     diffie-hellman-group-exchange-sha256,diffie-hellman-group14-sha256",
    "diffie-hellman-group-exchange-sha1,diffie-hellman-group14-sha1,diffie-hellman-group1-sha1",
];
const HOST_KEY: [&str; 2] = [
    "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,\
     rsa-sha2-512,rsa-sha2-256",
    "ssh-rsa",
];
// No chacha20-poly1305: without strict key exchange, which libssh2 1.10 lacks, it is open to Terrapin.
// CBC with encrypt-then-MAC is too, so no list has both; plain MACs with CTR are not.
const CIPHER: [&str; 2] = [
    "aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr",
    "aes256-cbc,aes192-cbc,aes128-cbc,3des-cbc",
];
const MAC: [&str; 2] =
    ["hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-512,hmac-sha2-256", "hmac-sha1"];
const LEGACY_MAC: &str = "hmac-sha2-512,hmac-sha2-256";

impl Algorithms {
    /// Tells libssh2 what to offer; names that this libssh2 does not know are left out by itself.
    pub(super) fn prefer(self, session: &ssh2::Session) -> Result<(), ssh2::Error> {
        let lists = [
            (MethodType::Kex, KEY_EXCHANGE),
            (MethodType::HostKey, HOST_KEY),
            (MethodType::CryptCs, CIPHER),
            (MethodType::CryptSc, CIPHER),
            (MethodType::MacCs, self.macs()),
            (MethodType::MacSc, self.macs()),
        ];
        for (method, [modern, old]) in lists {
            match self {
                Self::Modern => session.method_pref(method, modern)?,
                Self::Legacy => session.method_pref(method, &format!("{modern},{old}"))?,
            }
        }
        // A compressed stream may unpack to anything, so none is offered.
        session.method_pref(MethodType::CompCs, "none")?;
        session.method_pref(MethodType::CompSc, "none")
    }

    fn macs(self) -> [&'static str; 2] {
        match self {
            Self::Modern => MAC,
            Self::Legacy => [LEGACY_MAC, MAC[1]],
        }
    }
}

/// Whether `name` is one of the old ones.
pub(super) fn is_legacy(name: &str) -> bool {
    [KEY_EXCHANGE, HOST_KEY, CIPHER, MAC].iter().any(|[_, old]| old.split(',').any(|known| known == name))
}
