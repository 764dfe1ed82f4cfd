//! A private PostgreSQL: made once, started as a child, stopped with the hub.
//!
//! One process of a site supervises the server; a lock beside the data folder decides which. Others join,
//! and one of them takes over when the first ends. The child is told by the kernel when the hub dies, so
//! that a killed hub leaves no server behind.
#![expect(unsafe_code, reason = "what happens between fork and exec has no safe form")]

mod binaries;
mod error;
mod folder;

use std::ffi::OsString;
use std::fs::TryLockError;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use binaries::Binaries;
pub use error::Error;
use folder::Folder;

/// Role and database of a private server.
const USER: &str = "crossdock";

/// How long a start may take. Recovery after a crash reads at most `max_wal_size` of log.
const LONGEST_START: Duration = Duration::from_secs(120);

/// How often a process that joined looks whether the supervising one is gone.
const LOCK_POLL: Duration = Duration::from_millis(200);

/// A server that ends within `SHORT_LIFE` this many times in a row will not come up by itself.
const SHORT_LIVES: u32 = 12;
const SHORT_LIFE: Duration = Duration::from_secs(2);

/// Whether commits survive a power cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// What is committed is on the disk.
    #[default]
    Full,
    /// What is committed survives the end of any process, not of the machine. For tests.
    Processes,
}

/// Where a private server lives.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The cluster, such as `var/postgres`; log and lock lie beside it.
    pub data_dir: PathBuf,
    /// Holds `initdb` and `postgres`; searched for when none.
    pub bin_dir: Option<PathBuf>,
    /// Holds the socket; a folder of ours in `/tmp` when none.
    pub socket_dir: Option<PathBuf>,
    /// The value of `PATH`, searched first; may be empty.
    pub search_path: OsString,
    /// Full unless for tests.
    pub durability: Durability,
}

impl Settings {
    /// Settings with everything but the data folder left to the hub.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            bin_dir: None,
            socket_dir: None,
            search_path: OsString::new(),
            durability: Durability::Full,
        }
    }
}

/// A running private server. Dropping it stops the server if this process supervises it.
#[derive(Debug)]
pub struct Server {
    folder: Folder,
    state: Arc<Mutex<State>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the supervising thread tells.
#[derive(Debug, Default)]
struct State {
    /// Somebody holds the lock; until then whatever answers may be an orphan about to be stopped.
    decided: bool,
    supervises: bool,
    fault: Option<Error>,
}

impl Server {
    /// Starts the server, or joins the one another process supervises, and waits until it answers.
    ///
    /// # Errors
    /// When PostgreSQL is missing, too old, or does not come up within two minutes.
    pub async fn start_or_join(settings: &Settings) -> Result<Self, Error> {
        let folder = Folder::new(settings)?;
        let state = Arc::new(Mutex::new(State::default()));
        let (stop, stopped) = channel();
        let supervisor = Supervisor {
            settings: settings.clone(),
            folder: folder.clone(),
            state: Arc::clone(&state),
            stopped,
        };
        let thread = std::thread::Builder::new()
            .name(String::from("postgres"))
            .spawn(move || supervisor.run())
            .map_err(|source| Error::Spawn { program: PathBuf::from("a thread"), source })?;
        let server = Self { folder, state, stop: Some(stop), thread: Some(thread) };
        server.wait_until_up().await?;
        Ok(server)
    }

    /// How to reach the hub's database in it.
    #[must_use]
    pub fn connect_options(&self) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.folder.socket)
            .port(folder::PORT)
            .username(USER)
            .database(USER)
            .application_name("crossdock")
    }

    /// The same as a URL, for `psql` and other programs.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://{USER}@localhost/{USER}?host={}", self.folder.socket.display())
    }

    /// Whether this process supervises the server, rather than having joined.
    #[must_use]
    pub fn supervises(&self) -> bool {
        self.state.lock().expect("the supervising thread does not panic").supervises
    }

    /// The process id of the running server.
    #[must_use]
    pub fn process_id(&self) -> Option<i32> {
        self.folder.postmaster_pid().map(Pid::as_raw)
    }

    async fn wait_until_up(&self) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            let decided = {
                let mut state = self.state.lock().expect("the supervising thread does not panic");
                if let Some(fault) = state.fault.take() {
                    return Err(fault);
                }
                state.decided
            };
            if !decided {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
            match PgConnection::connect_with(&self.connect_options().database("postgres")).await {
                Ok(connection) => return make_database(connection).await.map_err(Error::Database),
                Err(error) if started.elapsed() > LONGEST_START => {
                    let log = format!("{error}; {}", self.folder.log_tail());
                    return Err(Error::NotUp { data_dir: self.folder.data.clone(), log });
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that supervises postgres panicked");
        }
    }
}

/// Makes the hub's database unless it is there; two processes may try at the same time.
async fn make_database(mut connection: PgConnection) -> Result<(), sqlx::Error> {
    let found: Option<i32> = sqlx::query_scalar("select 1 from pg_database where datname = $1")
        .bind(USER)
        .fetch_optional(&mut connection)
        .await?;
    if found.is_none() {
        match sqlx::query("create database crossdock template template0 encoding 'UTF8'")
            .execute(&mut connection)
            .await
        {
            // duplicate_database, or the unique index of pg_database when both were as fast.
            Err(sqlx::Error::Database(error))
                if matches!(error.code().as_deref(), Some("42P04" | "23505")) => {}
            other => {
                other?;
            }
        }
    }
    connection.close().await
}

/// The long-lived thread: holds the lock, starts the server, starts it again when it dies.
///
/// It is a thread of its own because the kernel's "your parent died" is bound to the spawning thread.
struct Supervisor {
    settings: Settings,
    folder: Folder,
    state: Arc<Mutex<State>>,
    stopped: Receiver<()>,
}

impl Supervisor {
    fn run(self) {
        if let Err(error) = self.try_run() {
            self.state.lock().expect("readers of the state do not panic").fault = Some(error);
        }
    }

    fn try_run(&self) -> Result<(), Error> {
        let broken = |source| Error::Folder { path: self.folder.data.clone(), source };
        let binaries = binaries::find_binaries(&self.settings)?;
        let lock = self.folder.open_lock().map_err(broken)?;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {
                    self.state.lock().expect("readers of the state do not panic").decided = true;
                    if self.should_stop(LOCK_POLL) {
                        return Ok(());
                    }
                }
                Err(TryLockError::Error(source)) => return Err(broken(source)),
            }
        }
        self.folder.evict_orphan()?;
        let identity = Identity::choose(&binaries, &self.folder)?;
        self.folder.initialise(&binaries, identity)?;
        self.folder.prepare_socket(identity)?;
        {
            let mut state = self.state.lock().expect("readers of the state do not panic");
            state.decided = true;
            state.supervises = true;
        }
        self.supervise(&binaries, identity)
    }

    /// Keeps the server running until the hub wants to stop.
    fn supervise(&self, binaries: &Binaries, identity: Identity) -> Result<(), Error> {
        let mut short_lives = 0;
        loop {
            let started = Instant::now();
            let mut child = self.spawn(binaries, identity)?;
            loop {
                if self.should_stop(Duration::from_millis(25)) {
                    stop_child(&mut child);
                    return Ok(());
                }
                match child.try_wait() {
                    Ok(None) => {}
                    Ok(Some(status)) => {
                        tracing::warn!("postgres ended ({status}) and is started again");
                        break;
                    }
                    Err(error) => {
                        tracing::warn!("cannot wait for postgres: {error}");
                        break;
                    }
                }
            }
            // After a kill the next one fails until the backends of the last are gone.
            short_lives = if started.elapsed() < SHORT_LIFE { short_lives + 1 } else { 0 };
            if short_lives >= SHORT_LIVES {
                return Err(Error::NotUp { data_dir: self.folder.data.clone(), log: self.folder.log_tail() });
            }
            if self.should_stop(Duration::from_millis(50 * u64::from(short_lives))) {
                return Ok(());
            }
            self.folder.evict_orphan()?;
        }
    }

    fn spawn(&self, binaries: &Binaries, identity: Identity) -> Result<Child, Error> {
        let program = binaries.folder.join("postgres");
        let log = self
            .folder
            .open_log()
            .map_err(|source| Error::Folder { path: self.folder.log.clone(), source })?;
        let mut command = Command::new(&program);
        command
            .arg("-D")
            .arg(&self.folder.data)
            .arg("-p")
            .arg(folder::PORT.to_string())
            .arg("-k")
            .arg(&self.folder.socket);
        for setting in SERVER_SETTINGS {
            command.args(["-c", setting]);
        }
        let durable = match self.settings.durability {
            Durability::Full => ["fsync=on", "full_page_writes=on", "synchronous_commit=on"],
            Durability::Processes => ["fsync=off", "full_page_writes=off", "synchronous_commit=on"],
        };
        for setting in durable {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).current_dir("/");
        identity.apply(&mut command);
        command.spawn().map_err(|source| Error::Spawn { program, source })
    }

    /// Waits for `at_most`, less when the server is dropped.
    fn should_stop(&self, at_most: Duration) -> bool {
        !matches!(self.stopped.recv_timeout(at_most), Err(RecvTimeoutError::Timeout))
    }
}

/// Settings that do not depend on the site. Given at every start, so that a new release may change them.
const SERVER_SETTINGS: [&str; 18] = [
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=200",
    "shared_buffers=256MB",
    "wal_buffers=16MB",
    "max_wal_size=4GB",
    "checkpoint_timeout=15min",
    "maintenance_work_mem=128MB",
    "work_mem=16MB",
    "jit=off",
    // What is read at random lies in memory or on flash, and tables are not read whole for a few rows.
    "random_page_cost=1.1",
    // A new hub's tables grow from nothing within a minute, and plans for empty ones read them whole.
    "autovacuum_naptime=5s",
    "data_sync_retry=off",
    "client_connection_check_interval=5s",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_line_prefix=%m [%p] ",
    "log_checkpoints=off",
];

/// Stops the server: a fast shutdown, then an immediate one, then the end.
fn stop_child(child: &mut Child) {
    let pid = Pid::from_raw(child.id().cast_signed());
    for (signal, patience) in [(Signal::SIGINT, 20), (Signal::SIGQUIT, 5), (Signal::SIGKILL, 5)] {
        // The child is not reaped yet, so the id is still its own.
        if let Err(error) = kill(pid, signal) {
            tracing::warn!("cannot signal postgres: {error}");
        }
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(patience) {
            match child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                _ => return,
            }
        }
    }
}

/// As whom the server runs. PostgreSQL refuses to run as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Identity {
    /// As the hub, which is not root.
    Own,
    /// In a user namespace where root is `nobody`; its files stay root's outside.
    Namespace,
    /// As another user, to whom the data folder belongs.
    User { uid: u32, gid: u32 },
}

impl Identity {
    fn choose(binaries: &Binaries, folder: &Folder) -> Result<Self, Error> {
        use std::os::unix::fs::MetadataExt;
        if !nix::unistd::geteuid().is_root() {
            return Ok(Self::Own);
        }
        // Whoever made the data folder must open it.
        if let Ok(found) = std::fs::metadata(&folder.data)
            && found.uid() != 0
        {
            return Ok(Self::User { uid: found.uid(), gid: found.gid() });
        }
        if folder.data.exists() || Self::Namespace.works(binaries) {
            return Ok(Self::Namespace);
        }
        match nix::unistd::User::from_name("postgres") {
            Ok(Some(user)) => Ok(Self::User { uid: user.uid.as_raw(), gid: user.gid.as_raw() }),
            _ => Err(Error::Root),
        }
    }

    /// The user the server's files belong to, seen from here.
    fn owner(self) -> u32 {
        match self {
            Self::User { uid, .. } => uid,
            Self::Own | Self::Namespace => nix::unistd::geteuid().as_raw(),
        }
    }

    fn works(self, binaries: &Binaries) -> bool {
        let mut command = Command::new(binaries.folder.join("postgres"));
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.apply(&mut command);
        command.status().is_ok_and(|status| status.success())
    }

    /// Makes the command's child take this identity and end with the hub.
    fn apply(self, command: &mut Command) {
        let hub = Pid::this();
        // SAFETY: the closure runs between fork and exec and only makes system calls; it allocates nothing,
        // takes no lock, and reads only what it was given by value.
        unsafe {
            command.pre_exec(move || self.take(hub));
        }
    }

    fn take(self, hub: Pid) -> io::Result<()> {
        // A session of its own: Ctrl-C is for the hub, which then stops the server in good order.
        nix::unistd::setsid()?;
        match self {
            Self::Own => {}
            Self::Namespace => enter_namespace()?,
            Self::User { uid, gid } => {
                drop_groups()?;
                nix::unistd::setgid(gid.into())?;
                nix::unistd::setuid(uid.into())?;
            }
        }
        end_with_parent(hub)
    }
}

#[cfg(target_os = "linux")]
fn enter_namespace() -> io::Result<()> {
    // 65534 is `nobody` on every Linux, and outside the namespace it stays root: nothing is chowned.
    const MAP: &[u8] = b"65534 0 1\n";
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUSER)?;
    // The kernel wants setgroups refused before an unprivileged gid_map.
    write_all(c"/proc/self/setgroups", b"deny")?;
    write_all(c"/proc/self/uid_map", MAP)?;
    write_all(c"/proc/self/gid_map", MAP)
}

#[cfg(not(target_os = "linux"))]
fn enter_namespace() -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn drop_groups() -> io::Result<()> {
    Ok(nix::unistd::setgroups(&[])?)
}

#[cfg(not(target_os = "linux"))]
fn drop_groups() -> io::Result<()> {
    Ok(())
}

/// A write that allocates nothing, since the process has just been forked.
#[cfg(target_os = "linux")]
fn write_all(path: &std::ffi::CStr, bytes: &[u8]) -> io::Result<()> {
    // SAFETY: `path` is a C string and `bytes` a living slice of the length given; the descriptor is ours.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if file < 0 {
            return Err(io::Error::last_os_error());
        }
        let written = libc::write(file, bytes.as_ptr().cast(), bytes.len());
        let error = io::Error::last_os_error();
        libc::close(file);
        if written.cast_unsigned() == bytes.len() { Ok(()) } else { Err(error) }
    }
}

/// Asks the kernel for a fast shutdown when the hub ends, however it ends.
///
/// Comes after the change of user, which would clear it.
#[cfg(target_os = "linux")]
fn end_with_parent(hub: Pid) -> io::Result<()> {
    // SAFETY: prctl with these arguments touches no memory.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGINT) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // The hub may have ended before the call; then nobody would tell us.
    if nix::unistd::getppid() != hub {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn end_with_parent(_hub: Pid) -> io::Result<()> {
    Ok(())
}
