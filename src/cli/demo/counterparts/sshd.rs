//! A real OpenSSH server on a free loopback port, with an account for each trading partner.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, User};

/// How old the server behaves. The legacy ones are set up like servers met at warehouses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// As OpenSSH comes, with an Ed25519 host key.
    Modern,
    /// As OpenSSH comes, with an ECDSA host key.
    ModernEcdsa,
    /// `ssh-rsa`, small groups with SHA-1, AES in CBC mode, `hmac-sha1`.
    Sha1Groups,
    /// `ssh-rsa`, the smallest group with SHA-1, triple DES.
    TripleDes,
    /// `ssh-rsa`, negotiated groups with SHA-1, AES-128 in CBC mode.
    Sha1NegotiatedGroup,
}

/// A running server. Dropping it ends it and every session it has.
#[derive(Debug)]
pub struct Sshd {
    child: Option<Child>,
    folder: PathBuf,
    port: u16,
    host_key: String,
    user: String,
}

/// One partner's account: a folder of its own and a key that leads nowhere else.
#[derive(Clone, Debug)]
pub struct Account {
    /// The folder a session starts in, on this machine; holds `in` and `out`.
    pub folder: PathBuf,
    /// The private key that logs in to it.
    pub key: PathBuf,
}

impl Sshd {
    /// Starts a server that keeps all it needs below `folder`, with an account for each partner.
    ///
    /// Works as root and as an ordinary user, who then also is the user to log in as.
    ///
    /// # Errors
    /// When `sshd` or `ssh-keygen` is missing, or the server does not come up within ten seconds.
    pub fn start(folder: &Path, partners: &[&str], age: Age) -> anyhow::Result<Self> {
        private_folder(folder)?;
        let folder = fs::canonicalize(folder)?;
        let host_key = make_key(&folder.join("host_key"), age.host_key())?;
        let mut authorized = String::new();
        for partner in partners {
            let home = folder.join(partner);
            for below in ["in", "out"] {
                private_folder(&home.join(below))?;
            }
            let key = folder.join(format!("{partner}_key"));
            let public = make_key(&key, age.user_key())?;
            let home = home.display();
            authorized.push_str(&format!("restrict,command=\"internal-sftp -d {home}\" {public}\n"));
        }
        write_private(&folder.join("authorized_keys"), &authorized)?;
        let user = User::from_uid(Uid::effective())?.context("this user has no name")?.name;
        let fingerprint = fingerprint(&folder.join("host_key.pub"))?;
        ensure!(!host_key.is_empty(), "ssh-keygen wrote an empty key");
        let mut server = Self { child: None, port: free_port()?, host_key: fingerprint, user, folder };
        for _ in 0..5 {
            server.configure(age)?;
            match server.start_again() {
                // Between our look and its start another program may take the port.
                Err(error) if error.to_string().contains("Address already in use") => {
                    server.port = free_port()?;
                }
                started => return started.map(|()| server),
            }
        }
        bail!("sshd found no free port")
    }

    /// The port it listens on, the same after it was stopped and started again.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The fingerprint of its host key, `SHA256:…`.
    #[must_use]
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// The user to log in as.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The account of one of the partners it was started with.
    #[must_use]
    pub fn account(&self, partner: &str) -> Account {
        Account { folder: self.folder.join(partner), key: self.folder.join(format!("{partner}_key")) }
    }

    /// Ends the server and cuts every session, as when a machine loses its power.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let listener = child.id();
            let mut ended = descendants(listener);
            child.kill().ok();
            child.wait().ok();
            // A session may have been born between the look and the kill.
            ended.extend(descendants(listener));
            for session in ended {
                kill(session, Signal::SIGKILL).ok();
            }
        }
    }

    /// Cuts every session under way; the server goes on and takes new ones.
    pub fn cut_sessions(&self) {
        for session in self.child.iter().flat_map(|child| descendants(child.id())) {
            kill(session, Signal::SIGKILL).ok();
        }
    }

    /// Starts it on its old port, if it is stopped.
    ///
    /// # Errors
    /// When it does not come up within ten seconds; what it said is part of the error.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        if self.child.is_some() {
            return Ok(());
        }
        let log = self.folder.join("sshd.log");
        let said_before = fs::read(&log).map_or(0, |said| said.len());
        let child = Command::new(program()?)
            .arg("-D")
            .arg("-f")
            .arg(self.folder.join("sshd_config"))
            .arg("-E")
            .arg(&log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start sshd")?;
        let child = self.child.insert(child);
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if says_ssh(self.port) {
                return Ok(());
            }
            let ended = child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let said = fs::read(&log).unwrap_or_default();
                let said = String::from_utf8_lossy(said.get(said_before..).unwrap_or_default()).into_owned();
                self.stop();
                bail!("sshd did not come up on port {}: {}", self.port, said.trim());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn configure(&self, age: Age) -> anyhow::Result<()> {
        let folder = self.folder.display();
        let pam = if needs_pam() { "yes" } else { "no" };
        let text = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host_key\nPidFile none\n\
             AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM {pam}\n\
             PermitRootLogin prohibit-password\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nUseDNS no\nPrintMotd no\nLogLevel INFO\n\
             Subsystem sftp internal-sftp\n{age}",
            port = self.port,
            age = age.lines(),
        );
        write_private(&self.folder.join("sshd_config"), &text)?;
        if Uid::effective().is_root() {
            // OpenSSH wants this empty folder; the package's start script would make it.
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create("/run/sshd")
                .context("cannot make /run/sshd")?;
        }
        Ok(())
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Age {
    fn host_key(self) -> &'static str {
        match self {
            Self::Modern => "ed25519",
            Self::ModernEcdsa => "ecdsa",
            Self::Sha1Groups | Self::TripleDes | Self::Sha1NegotiatedGroup => "rsa",
        }
    }

    /// Old servers know no other user keys than RSA.
    fn user_key(self) -> &'static str {
        match self {
            Self::Modern | Self::ModernEcdsa => "ed25519",
            Self::Sha1Groups | Self::TripleDes | Self::Sha1NegotiatedGroup => "rsa",
        }
    }

    fn lines(self) -> &'static str {
        match self {
            Self::Modern | Self::ModernEcdsa => "",
            Self::Sha1Groups => {
                "HostKeyAlgorithms ssh-rsa\nPubkeyAcceptedAlgorithms ssh-rsa\n\
                 KexAlgorithms diffie-hellman-group1-sha1,diffie-hellman-group14-sha1\n\
                 Ciphers aes128-cbc,aes256-cbc\nMACs hmac-sha1\n"
            }
            Self::TripleDes => {
                "HostKeyAlgorithms ssh-rsa\nPubkeyAcceptedAlgorithms ssh-rsa\nKexAlgorithms diffie-hellman-group1-sha1\n\
                 Ciphers 3des-cbc\nMACs hmac-sha1\n"
            }
            Self::Sha1NegotiatedGroup => {
                "HostKeyAlgorithms ssh-rsa\nPubkeyAcceptedAlgorithms ssh-rsa\nKexAlgorithms diffie-hellman-group-exchange-sha1\n\
                 Ciphers aes128-cbc\nMACs hmac-sha1\n"
            }
        }
    }
}

fn program() -> anyhow::Result<&'static str> {
    // sshd starts itself again for each session, so its path must be absolute.
    ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .context("sshd is not installed; `apt-get install openssh-server` brings it")
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn says_ssh(port: u16) -> bool {
    let Ok(mut tcp) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let mut start = [0; 4];
    tcp.set_read_timeout(Some(Duration::from_secs(2))).is_ok()
        && tcp.read_exact(&mut start).is_ok()
        && start == *b"SSH-"
}

/// Makes a key pair unless it is there, and answers its public half.
fn make_key(path: &Path, kind: &str) -> anyhow::Result<String> {
    let public = path.with_extension("pub");
    if !path.exists() {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-N", "", "-C", "crossdock", "-f"])
            .arg(path)
            .stdin(Stdio::null())
            .output()
            .context("ssh-keygen is not installed; `apt-get install openssh-client` brings it")?;
        ensure!(made.status.success(), "ssh-keygen: {}", String::from_utf8_lossy(&made.stderr).trim());
    }
    Ok(fs::read_to_string(public)?.trim().to_owned())
}

fn fingerprint(public_key: &Path) -> anyhow::Result<String> {
    let shown = Command::new("ssh-keygen").arg("-lf").arg(public_key).output()?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let fingerprint = shown.split_whitespace().find(|word| word.starts_with("SHA256:"));
    Ok(fingerprint.context("ssh-keygen showed no fingerprint")?.to_owned())
}

fn private_folder(path: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make `{}`", path.display()))
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

/// Without PAM, OpenSSH lets nobody in whose password is locked, as root's is on some systems.
fn needs_pam() -> bool {
    let locked = |line: &str| line.starts_with("root:!");
    Uid::effective().is_root() && fs::read_to_string("/etc/shadow").is_ok_and(|text| text.lines().any(locked))
}

/// The processes below one, as `/proc` shows them now.
fn descendants(ancestor: u32) -> Vec<Pid> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // "pid (name) state parent …"; the name may hold blanks and brackets.
        let pid = stat.split(' ').next().and_then(|pid| pid.parse::<u32>().ok());
        let parent =
            stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        parents.extend(pid.zip(parent));
    }
    let mut found = vec![ancestor];
    let mut next = 0;
    while let Some(&above) = found.get(next) {
        found.extend(parents.iter().filter(|(_, parent)| *parent == above).map(|(pid, _)| *pid));
        next += 1;
    }
    let pids = found.into_iter().skip(1);
    pids.filter_map(|pid| i32::try_from(pid).ok()).map(Pid::from_raw).collect()
}
