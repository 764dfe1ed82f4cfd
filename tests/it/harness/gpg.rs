//! GnuPG as partners run it: a key ring of its own for each.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// One side's key ring.
pub(crate) struct Gpg {
    home: TempDir,
}

impl Gpg {
    /// An empty ring.
    pub(crate) fn new() -> Self {
        // The agent's socket lies in it, and a socket's path has 108 bytes at most.
        Self { home: tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").expect("a temporary folder") }
    }

    /// A ring with a key of this user, locked with this passphrase if it is not empty.
    pub(crate) fn of(user: &str, kind: &str, passphrase: &str) -> Self {
        let gpg = Self::new();
        let (sign, encrypt) = kind.split_once('+').expect("a kind for each use");
        gpg.run(&["--passphrase", passphrase, "--quick-generate-key", user, sign, "sign", "never"], &[]);
        let listed = gpg.run(&["--with-colons", "--list-secret-keys", user], &[]);
        let listed = String::from_utf8(listed).expect("text");
        let print = listed.lines().find(|line| line.starts_with("fpr:")).expect("there is one");
        let print = print.split(':').nth(9).expect("it has a print").to_owned();
        gpg.run(&["--passphrase", passphrase, "--quick-add-key", &print, encrypt, "encrypt", "never"], &[]);
        gpg
    }

    /// The id of its key.
    pub(crate) fn id(&self) -> String {
        let listed = String::from_utf8(self.run(&["--with-colons", "--list-keys"], &[])).expect("text");
        let key = listed.lines().find(|line| line.starts_with("pub:")).expect("there is one");
        key.split(':').nth(4).expect("it has an id").to_owned()
    }

    /// Runs it with input, and gives what it wrote.
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let (ok, out, err) = self.tried(arguments, input);
        assert!(ok, "gpg {arguments:?}: {err}");
        out
    }

    /// The same, with whether it went well and what it said.
    pub(crate) fn tried(&self, arguments: &[&str], input: &[u8]) -> (bool, Vec<u8>, String) {
        let file = self.home.path().join("input");
        std::fs::write(&file, input).expect("written");
        let output = Command::new("gpg")
            .args([
                "--batch",
                "--yes",
                "--quiet",
                "--pinentry-mode",
                "loopback",
                "--trust-model",
                "always",
                "--homedir",
            ])
            .arg(self.home.path())
            .args(arguments)
            .stdin(Stdio::from(std::fs::File::open(&file).expect("it is there")))
            .output()
            .expect("GnuPG is installed by scripts/prepare");
        (output.status.success(), output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Takes in keys of others, or gives its own.
    pub(crate) fn knows(&self, other: &Self) {
        self.run(&["--import"], &other.run(&["--armor", "--export"], &[]));
    }

    /// Writes the public key to a file.
    pub(crate) fn export(&self, to: &Path) {
        std::fs::write(to, self.run(&["--armor", "--export"], &[])).expect("written");
    }

    /// Writes the secret key to a file that only we can read.
    pub(crate) fn export_secret(&self, to: &Path, passphrase: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let key = self.run(&["--passphrase", passphrase, "--armor", "--export-secret-keys"], &[]);
        std::fs::write(to, key).expect("written");
        std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        // It started an agent of its own for its home.
        let kill =
            Command::new("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "all"]).status();
        drop(kill);
    }
}
