//! The private server's folders: data, socket, log, lock, and what a dead server left in them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Binaries, Error, Identity, Settings};

/// The name of the socket file is fixed by the port, and the port by nobody: there is no TCP.
pub(super) const PORT: u16 = 5432;

/// `sun_path` holds 108 bytes on Linux and 104 on macOS, with a NUL.
const LONGEST_SOCKET_PATH: usize = 103;

/// A log above this is started afresh when the server starts.
const LONGEST_LOG_BYTES: u64 = 16 << 20;

/// Where everything of one private server lies.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) data: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) log: PathBuf,
}

impl Folder {
    /// Works out the places and makes the parent of the data folder.
    ///
    /// The socket's folder depends on the data folder and the user alone, so that every process finds it
    /// whatever its environment says.
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        let broken = |source| Error::Folder { path: settings.data_dir.clone(), source };
        let parent = match settings.data_dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent).map_err(broken)?;
        let name = settings.data_dir.file_name().ok_or_else(|| broken(io::ErrorKind::InvalidInput.into()))?;
        let data = fs::canonicalize(parent).map_err(broken)?.join(name);
        let socket = settings.socket_dir.clone().unwrap_or_else(|| {
            let id = crate::ids::derived("postgres_socket", &[&data.to_string_lossy()]).simple().to_string();
            let short: String = id.chars().take(12).collect();
            PathBuf::from(format!("/tmp/crossdock-{}-{short}", nix::unistd::geteuid()))
        });
        let path = socket.join(format!(".s.PGSQL.{PORT}"));
        if path.as_os_str().len() > LONGEST_SOCKET_PATH || path.to_string_lossy().contains([',', '"']) {
            return Err(Error::SocketPath { path });
        }
        Ok(Self { log: data.with_added_extension("log"), data, socket })
    }

    /// The file whose lock says who supervises the server.
    pub(super) fn open_lock(&self) -> io::Result<File> {
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.data.with_added_extension("lock"))
    }

    /// Makes the cluster if there is none yet. A run that was cut short leaves nothing that counts.
    pub(super) fn initialise(&self, binaries: &Binaries, identity: Identity) -> Result<(), Error> {
        if self.data.join("PG_VERSION").is_file() {
            return Ok(());
        }
        let fresh = self.data.with_added_extension("new");
        let broken = |source| Error::Folder { path: self.data.clone(), source };
        if fresh.exists() {
            fs::remove_dir_all(&fresh).map_err(broken)?;
        }
        DirBuilder::new().mode(0o700).create(&fresh).map_err(broken)?;
        self.give(&fresh, identity).map_err(broken)?;
        let mut command = Command::new(binaries.folder.join("initdb"));
        command
            .args(["--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions"])
            .args(["--username", super::USER, "--auth-local=trust", "--auth-host=reject"])
            .arg("--pgdata")
            .arg(&fresh)
            .current_dir("/")
            .stdin(Stdio::null());
        identity.apply(&mut command);
        let output = command
            .output()
            .map_err(|source| Error::Spawn { program: binaries.folder.join("initdb"), source })?;
        if !output.status.success() {
            return Err(Error::Initialise { log: String::from_utf8_lossy(&output.stderr).trim().to_owned() });
        }
        fs::rename(&fresh, &self.data).map_err(broken)?;
        sync_parent(&self.data).map_err(broken)
    }

    /// Makes the socket's folder, and refuses one that somebody else made or may look into.
    pub(super) fn prepare_socket(&self, identity: Identity) -> Result<(), Error> {
        let broken = |source| Error::Folder { path: self.socket.clone(), source };
        match DirBuilder::new().recursive(false).mode(0o700).create(&self.socket) {
            Ok(()) => self.give(&self.socket, identity).map_err(broken)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(broken(error)),
        }
        let found = fs::symlink_metadata(&self.socket).map_err(broken)?;
        let owners = [nix::unistd::geteuid().as_raw(), identity.owner()];
        if !found.is_dir() || !owners.contains(&found.uid()) || found.permissions().mode() & 0o077 != 0 {
            return Err(Error::SocketFolder { path: self.socket.clone() });
        }
        self.give(&self.socket, identity).map_err(broken)
    }

    /// Opens the server's log for appending.
    pub(super) fn open_log(&self) -> io::Result<File> {
        let long = fs::metadata(&self.log).is_ok_and(|found| found.len() > LONGEST_LOG_BYTES);
        let file = OpenOptions::new().create(true).append(true).open(&self.log)?;
        if long {
            file.set_len(0)?;
        }
        Ok(file)
    }

    /// The last lines of the server's log, for an error.
    pub(super) fn log_tail(&self) -> String {
        let read = || -> io::Result<String> {
            let mut file = File::open(&self.log)?;
            let from = file.metadata()?.len().saturating_sub(2_000);
            file.seek(SeekFrom::Start(from))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let text = read().unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(6).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("; ")
    }

    /// The process id of the server in `postmaster.pid`, whether it lives or not.
    pub(super) fn postmaster_pid(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        let pid: i32 = text.lines().next()?.trim().parse().ok()?;
        (pid > 1).then(|| Pid::from_raw(pid))
    }

    /// Stops a server that outlived its hub, and clears away what a dead one left.
    ///
    /// Only the holder of the lock may call this.
    pub(super) fn evict_orphan(&self) -> Result<(), Error> {
        let Some(pid) = self.postmaster_pid() else { return Ok(()) };
        let started = Instant::now();
        // A fast shutdown, then an immediate one, then no more asking.
        let mut steps =
            [(0, Signal::SIGINT), (10, Signal::SIGQUIT), (20, Signal::SIGKILL)].into_iter().peekable();
        while self.is_ours(pid) || self.has_orphaned_backends() {
            let waited = started.elapsed();
            let signal = steps.next_if(|(after, _)| waited >= Duration::from_secs(*after));
            let refused = signal.is_some_and(|(_, signal)| {
                self.is_ours(pid) && !matches!(kill(pid, signal), Ok(()) | Err(Errno::ESRCH))
            });
            if refused || waited > Duration::from_secs(30) {
                return Err(Error::Orphan { pid: pid.as_raw(), data_dir: self.data.clone() });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // PostgreSQL itself clears away the file of a dead process. It cannot when another process now has
        // the same id, or when the dead one is a zombie that nobody collects.
        if self.postmaster_pid() == Some(pid) && kill(pid, None).is_ok() {
            for stale in [self.data.join("postmaster.pid"), self.socket.join(format!(".s.PGSQL.{PORT}.lock"))]
            {
                match fs::remove_file(&stale) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(Error::Folder { path: stale, source: error });
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Whether `pid` is a living server of this data folder. A postmaster works in its data folder.
    fn is_ours(&self, pid: Pid) -> bool {
        if cfg!(target_os = "linux") {
            works_in(pid.as_raw(), &self.data)
        } else {
            kill(pid, None).is_ok()
                && UnixStream::connect(self.socket.join(format!(".s.PGSQL.{PORT}"))).is_ok()
        }
    }

    /// Backends of a killed postmaster end by themselves, a moment later; the new one must not meet them.
    fn has_orphaned_backends(&self) -> bool {
        let Ok(entries) = fs::read_dir("/proc") else { return false };
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
            .any(|pid| works_in(pid, &self.data))
    }

    fn give(&self, path: &Path, identity: Identity) -> io::Result<()> {
        match identity {
            Identity::User { uid, gid } => chown(path, Some(uid), Some(gid)),
            _ => Ok(()),
        }
    }
}

fn works_in(pid: i32, folder: &Path) -> bool {
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == folder)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
