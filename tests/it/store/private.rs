//! The private server: starts, stops, comes back, changes hands.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crossdock::store::private::Server;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

use crate::harness::postgres::settings;

/// Names the folder for [`hub_of_another_process`].
const FOLDER: &str = "CROSSDOCK_TEST_POSTGRES_FOLDER";

async fn connect(server: &Server) -> Result<PgConnection, sqlx::Error> {
    PgConnection::connect_with(&server.connect_options()).await
}

/// Waits for a state, not for a time; gives up after a minute.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "waited a minute until {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn lives(pid: i32) -> bool {
    // A zombie is dead, only nobody has looked yet.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

async fn keep_a_row(server: &Server) {
    let mut connection = connect(server).await.expect("it answers");
    connection.execute("create table kept as select 42 as n").await.expect("it can be written");
}

async fn kept_row(server: &Server) -> i32 {
    let mut connection = until("it answers", async || connect(server).await.ok()).await;
    sqlx::query_scalar("select n from kept").fetch_one(&mut connection).await.expect("the row is there")
}

#[tokio::test]
async fn a_server_is_made_once_and_stops_when_dropped() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let server = Server::start_or_join(&settings(folder.path())).await.expect("it starts");
    assert!(server.supervises());
    keep_a_row(&server).await;
    let pid = server.process_id().expect("it runs");
    drop(server);
    assert!(!lives(pid), "the server outlived its supervisor");

    let server = Server::start_or_join(&settings(folder.path())).await.expect("it starts again");
    assert_eq!(kept_row(&server).await, 42);
    let checksums: String = sqlx::query_scalar("show data_checksums")
        .fetch_one(&mut connect(&server).await.expect("it answers"))
        .await
        .expect("it can be asked");
    assert_eq!(checksums, "on");
}

#[tokio::test]
async fn a_killed_server_comes_back_with_what_was_committed() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let server = Server::start_or_join(&settings(folder.path())).await.expect("it starts");
    keep_a_row(&server).await;
    let pid = server.process_id().expect("it runs");
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it is ours");
    until("another server runs", async || server.process_id().filter(|now| *now != pid && lives(*now))).await;
    assert_eq!(kept_row(&server).await, 42);
}

#[tokio::test]
async fn a_second_hub_joins_and_takes_over() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let first = Server::start_or_join(&settings(folder.path())).await.expect("it starts");
    let second = Server::start_or_join(&settings(folder.path())).await.expect("it joins");
    assert!(first.supervises() && !second.supervises());
    keep_a_row(&second).await;
    drop(first);
    until("the second supervises", async || second.supervises().then_some(())).await;
    assert_eq!(kept_row(&second).await, 42);
}

#[tokio::test]
async fn a_killed_hub_takes_its_server_with_it() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut hub = start_hub(folder.path(), None);
    let server = Server::start_or_join(&settings(folder.path())).await.expect("it joins");
    until("the other process supervises", async || (!server.supervises()).then_some(())).await;
    keep_a_row(&server).await;
    let pid = server.process_id().expect("it runs");
    hub.kill().expect("it is ours");
    hub.wait().expect("it has ended");
    until("its server has ended", async || (!lives(pid)).then_some(())).await;
    until("this one supervises", async || server.supervises().then_some(())).await;
    assert_eq!(kept_row(&server).await, 42);
}

#[tokio::test]
async fn an_orphaned_server_is_replaced() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let server = Server::start_or_join(&settings(folder.path())).await.expect("it starts");
    keep_a_row(&server).await;
    let arguments = std::fs::read(format!("/proc/{}/cmdline", server.process_id().expect("it runs")))
        .expect("a process tells its arguments");
    let arguments: Vec<String> = arguments
        .split(|byte| *byte == 0)
        .filter(|part| !part.is_empty())
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect();
    drop(server);

    let (program, rest) = arguments.split_first().expect("there is a program");
    let mut command = if nix::unistd::geteuid().is_root() {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-user=65534", "--map-group=65534", program]);
        command
    } else {
        Command::new(program)
    };
    let mut orphan = command.args(rest).stderr(Stdio::null()).spawn().expect("it can be started by hand");
    let pid_file = folder.path().join("postgres/postmaster.pid");
    until("the orphan is ready", async || {
        std::fs::read_to_string(&pid_file).is_ok_and(|text| text.contains("ready")).then_some(())
    })
    .await;

    let server = Server::start_or_join(&settings(folder.path())).await.expect("it starts in its place");
    assert!(server.supervises());
    assert_ne!(server.process_id(), Some(orphan.id().cast_signed()));
    assert_eq!(kept_row(&server).await, 42);
    orphan.wait().expect("the orphan was stopped");
}

#[tokio::test]
async fn an_ordinary_user_needs_nothing_special() {
    if !nix::unistd::geteuid().is_root() {
        // Then every other test here is this one.
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).expect("it is ours");
    let mut hub = start_hub(folder.path(), Some(65_534));
    let pid_file = folder.path().join("postgres/postmaster.pid");
    let pid: i32 = until("it is ready", async || {
        let text = std::fs::read_to_string(&pid_file).ok()?;
        text.contains("ready").then(|| text.lines().next()?.parse().ok()).flatten()
    })
    .await;
    assert_eq!(
        std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(format!("/proc/{pid}")).expect("it lives")),
        65_534
    );
    hub.kill().expect("it is ours");
    hub.wait().expect("it has ended");
    until("its server has ended", async || (!lives(pid)).then_some(())).await;
}

#[tokio::test]
async fn a_cluster_of_the_user_postgres_is_served_as_that_user() {
    let Ok(Some(user)) = nix::unistd::User::from_name("postgres") else { return };
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let server = Server::start_or_join(&settings(folder.path())).await.expect("it starts");
    keep_a_row(&server).await;
    drop(server);
    let owner = format!("{}:{}", user.uid, user.gid);
    let status = Command::new("chown").arg("-R").arg(owner).arg(folder.path().join("postgres")).status();
    assert!(status.expect("chown is everywhere").success());

    let server = Server::start_or_join(&settings(folder.path())).await.expect("it starts as postgres");
    assert_eq!(kept_row(&server).await, 42);
    let pid = server.process_id().expect("it runs");
    let found = std::fs::metadata(format!("/proc/{pid}")).expect("it lives");
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&found), user.uid.as_raw());
    drop(server);
    assert!(!lives(pid));
}

/// A hub of its own, in another process that can be killed: this binary, told to run one "test".
fn start_hub(folder: &Path, uid: Option<u32>) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this binary has a path"));
    command
        .args(["--exact", "store::private::hub_of_another_process"])
        .env(FOLDER, folder)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(uid) = uid {
        command.uid(uid).gid(uid);
    }
    let child = command.spawn().expect("this binary can be run again");
    let started = Instant::now();
    while !folder.join("postgres.lock").exists() {
        assert!(started.elapsed() < Duration::from_secs(60), "the other hub does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[tokio::test]
async fn hub_of_another_process() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let _server = Server::start_or_join(&settings(Path::new(&folder))).await.expect("it starts");
    // Until it is killed, or the test that started it is gone.
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).expect("nothing comes");
}
