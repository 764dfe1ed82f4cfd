//! Processes that end or stand still at any moment: the hub, its neighbours, and Postgres.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use crossdock::cli::demo::files::DayFile;
use crossdock::clock::Clock;
use crossdock::store::private::Server;
use crossdock::store::{DocumentFilter, ExceptionFilter, FileState, Store};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

use super::site::{Site, command, invoice, until};
use super::{MANY, Wide, nothing_lost_and_nothing_twice, put_many, signal};
use crate::harness::postgres;

/// How many statements lie between two kills of the sweep.
const STRIDE: usize = 6;

/// Kills `serve` once it has logged so many statements of its work. False when the work was done before that.
async fn kill_after(site: &Site, statements: usize) -> bool {
    let mut hub = site
        .command(&["serve"])
        .env("CROSSDOCK_LOG", "info,sqlx::query=debug")
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(hub.stderr.take().expect("it is piped")).lines();
    let (mut serves, mut seen, mut delivered) = (false, 0, 0);
    while seen < statements && delivered < 2 {
        let line = lines.next_line().await.expect("text").expect("it runs until it is killed");
        serves |= line.contains("serving ");
        seen += usize::from(serves && line.contains("db.statement"));
        delivered += usize::from(line.contains("delivered `"));
    }
    signal(&hub, Signal::SIGKILL);
    hub.wait().await.expect("it ended");
    delivered < 2
}

#[tokio::test]
async fn killed_after_any_statement_the_hub_loses_nothing_and_does_nothing_twice() {
    let mut kills = 0;
    for statements in (1..).step_by(STRIDE) {
        let site = Site::new("").await;
        site.put("one", "1.edi", invoice("PARTNERONE", 1));
        site.put("one", "2.edi", invoice("PARTNERONE", 2));
        let killed_at_work = kill_after(&site, statements).await;
        until("the rest is done", async || site.run(&["run", "--once"]).await.code == 0).await;
        let states: Vec<FileState> = site.received().await.iter().map(|file| file.state).collect();
        assert_eq!(states, [FileState::Processed; 2], "killed after {statements} statements");
        let sent = site.sent("one");
        let names: Vec<&str> = sent.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["997_000000001.edi", "997_000000002.edi"],
            "killed after {statements} statements: a name twice, a gap, or a temporary file"
        );
        let groups: BTreeSet<&str> =
            sent.iter().filter_map(|(_, text)| text.split_once("AK1*IN*")?.1.split('~').next()).collect();
        assert_eq!(groups.len(), 2, "killed after {statements} statements: {sent:?}");
        let documents = site.store().list_documents(&DocumentFilter::default(), 100).await.expect("answers");
        let invoices = documents.iter().filter(|document| document.kind == "810").count();
        assert_eq!((invoices, documents.len()), (2, 4), "killed after {statements} statements");
        assert!(site.store().count_open_jobs().await.expect("answers").is_empty());
        if !killed_at_work {
            break;
        }
        kills += 1;
    }
    assert!(kills >= 5, "only {kills} kills fell into the work: the log no longer tells statements");
}

#[tokio::test]
async fn a_hub_killed_with_its_private_postgres_ends_its_work_with_run_once() {
    let site = Site::new("").await;
    put_many(&site);
    let settings = site.root().join("crossdock.toml");
    let mut hub = command(&settings, None, &["serve"]).spawn().expect("it starts");
    until("some are answered", async || site.sent("one").len() >= 5).await;
    signal(&hub, Signal::SIGKILL);
    hub.wait().await.expect("it ended");
    until("the rest is done", async || {
        let run = command(&settings, None, &["run", "--once"]).status().await.expect("it runs");
        run.code() == Some(0)
    })
    .await;
    let names: Vec<String> = site.sent("one").into_iter().map(|(name, _)| name).collect();
    let expected: Vec<String> = (1..=MANY).map(|number| format!("997_{number:09}.edi")).collect();
    assert_eq!(names, expected);
    assert!(fs::read_dir(site.root().join("inbox/one")).expect("listed").next().is_none());
}

#[tokio::test]
async fn a_named_postgres_that_is_stopped_again_and_again_costs_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server =
        Server::start_or_join(&postgres::settings(folder.path())).await.expect("PostgreSQL is installed");
    let site = Site::new("").await;
    put_many(&site);
    let settings = site.root().join("crossdock.toml");
    let mut hub = command(&settings, Some(&server.url()), &["serve"]).spawn().expect("it starts");
    for answered in [3, 15, 30] {
        until("some are answered", async || site.sent("one").len() >= answered).await;
        let before = server.process_id().expect("it runs");
        // Processes that touch nothing more, as after a crash of the machine; here the supervisor starts it again.
        kill(Pid::from_raw(before), Signal::SIGQUIT).expect("it is ours");
        until("Postgres runs again", async || server.process_id().is_some_and(|now| now != before)).await;
    }
    until("all are answered", async || site.sent("one").len() == MANY as usize).await;
    signal(&hub, Signal::SIGTERM);
    assert_eq!(hub.wait().await.expect("it ended").code(), Some(0));
    let said = command(&settings, Some(&server.url()), &["run", "--once"]).status().await.expect("it runs");
    assert_eq!(said.code(), Some(0));
    nothing_lost_and_nothing_twice(&site, &Store::connect(server.connect_options())).await;
}

#[tokio::test]
async fn a_node_that_stands_still_longer_than_its_lease_upsets_nothing_when_it_goes_on() {
    let site = Site::new("").await;
    put_many(&site);
    let mut still = site.serve();
    site.wait_for(FileState::Processed, 5).await;
    signal(&still, Signal::SIGSTOP);
    let mut other = site.serve();
    let all_done = async || {
        site.sent("one").iter().filter(|(name, _)| !name.starts_with('.')).count() == MANY as usize
            && site.store().count_open_jobs().await.is_ok_and(|open| open.is_empty())
    };
    until("the other node does it all", all_done).await;
    signal(&still, Signal::SIGCONT);
    for hub in [&mut still, &mut other] {
        signal(hub, Signal::SIGTERM);
        assert_eq!(hub.wait().await.expect("it ended").code(), Some(0));
    }
    nothing_lost_and_nothing_twice(&site, &site.store()).await;
}

#[tokio::test]
async fn a_node_that_stands_still_over_an_old_listing_leaves_no_file_behind() {
    let site = Site::new("").await;
    // It saw an empty folder.
    let mut still = stands_still(&site, "in.list.after:1").await;
    site.put("one", "1.edi", invoice("PARTNERONE", 1));
    let mut other = site.command(&["run", "--once"]);
    let ended = other.env("CROSSDOCK_KILL_AT", "in.accept.after").status().await.expect("it starts");
    assert_eq!(ended.signal(), Some(Signal::SIGKILL as i32));
    signal(&still, Signal::SIGCONT);
    assert_eq!(still.wait().await.expect("it ended").code(), Some(0));
    let files = site.received().await;
    assert_eq!(files.iter().map(|file| file.state).collect::<Vec<_>>(), [FileState::Processed]);
    assert!(left(&site).is_empty(), "what another took lies there for ever");
}

/// What lies in the folder of the partner.
fn left(site: &Site) -> Vec<String> {
    let entries = fs::read_dir(site.root().join("inbox/one")).expect("listed");
    entries.map(|entry| entry.expect("listed").file_name().to_string_lossy().into_owned()).collect()
}

/// Starts a pass that stands still at a place, and waits until it does.
async fn stands_still(site: &Site, point: &str) -> Child {
    let mut pass = site.command(&["run", "--once"]);
    let pass = pass.env("CROSSDOCK_KILL_AT", format!("{point}:stop")).spawn().expect("it starts");
    let status = format!("/proc/{}/stat", pass.id().expect("it runs"));
    until("it stands still", async || fs::read_to_string(&status).is_ok_and(|stat| stat.contains(") T ")))
        .await;
    pass
}

#[tokio::test]
async fn a_file_that_is_put_in_the_place_of_one_that_is_about_to_go_is_read() {
    for after in [
        r#"after = "delete""#,
        r#"after = "rename", rename_suffix = ".read""#,
        r#"after = "move", move_to = "inbox/read""#,
    ] {
        let site = Site::new("").await;
        let profile = site.root().join("partner-profiles/one.toml");
        let text = fs::read_to_string(&profile).expect("it is there").replace(r#"after = "delete""#, after);
        fs::write(&profile, text).expect("written");
        fs::create_dir(site.root().join("inbox/read")).expect("made");
        site.put("one", "1.edi", invoice("PARTNERONE", 1));
        let mut pass = stands_still(&site, "in.dispose.before:1").await;
        site.put("one", "1.edi", invoice("PARTNERONE", 2));
        signal(&pass, Signal::SIGCONT);
        assert_eq!(pass.wait().await.expect("it ended").code(), Some(0));
        until("the second is read", async || {
            site.run(&["run", "--once"]).await;
            site.received().await.len() == 2
        })
        .await;
        assert_eq!(site.sent("one").len(), 2, "{after}");
        let left = left(&site);
        assert!(left.iter().all(|name| name.ends_with(".read")), "{after}: {left:?}");
    }
}

#[tokio::test]
async fn a_file_whose_name_is_no_text_goes_after_a_kill_as_well() {
    for point in ["in.accept.after", "in.hold.after"] {
        let site = Site::new("").await;
        let name = std::ffi::OsStr::from_bytes(b"1-\xe4.edi");
        fs::write(site.root().join("inbox/one").join(name), invoice("PARTNERONE", 1)).expect("written");
        let mut pass = site.command(&["run", "--once"]);
        let ended = pass.env("CROSSDOCK_KILL_AT", point).status().await.expect("it starts");
        assert_eq!(ended.signal(), Some(Signal::SIGKILL as i32));
        until("nothing is left", async || {
            site.run(&["run", "--once"]).await;
            left(&site).is_empty()
        })
        .await;
        assert_eq!(site.received().await.len(), 1, "{point}");
    }
}

#[tokio::test]
async fn what_cannot_be_put_away_keeps_its_name_until_it_can() {
    let site = Site::new("").await;
    let profile = site.root().join("partner-profiles/one.toml");
    let text = fs::read_to_string(&profile).expect("it is there");
    fs::write(&profile, text.replace(r#"after = "delete""#, r#"move_to = "inbox/read""#)).expect("written");
    site.put("one", "1.edi", invoice("PARTNERONE", 1));
    assert_eq!(site.run(&["run", "--once"]).await.code, 0);
    assert_eq!(left(&site), ["1.edi"]);
    let told = site.received().await.remove(0).dispose_error.unwrap_or_default();
    assert!(told.contains("cannot move"), "{told}");
    fs::create_dir(site.root().join("inbox/read")).expect("made");
    assert_eq!(site.run(&["run", "--once"]).await.code, 0);
    assert!(left(&site).is_empty() && site.root().join("inbox/read/1.edi").exists());
}

#[tokio::test]
async fn what_was_held_when_the_hub_ended_is_disposed_of_if_it_is_what_was_read() {
    let other = invoice("PARTNERONE", 2);
    for (change, files) in [(None, 1), (Some(invoice("PARTNERONE", 1)), 1), (Some(other), 2)] {
        let site = Site::new("").await;
        site.put("one", "1.edi", invoice("PARTNERONE", 1));
        let mut pass = site.command(&["run", "--once"]);
        let ended = pass.env("CROSSDOCK_KILL_AT", "in.hold.after").status().await.expect("it starts");
        assert_eq!(ended.signal(), Some(Signal::SIGKILL as i32));
        let held = left(&site);
        assert!(held.len() == 1 && held[0].ends_with(".held"), "{held:?}");
        if let Some(change) = &change {
            // Written anew: the time is another, and the bytes perhaps.
            fs::write(site.root().join("inbox/one").join(&held[0]), change).expect("written");
        }
        until("nothing is left", async || {
            site.run(&["run", "--once"]).await;
            left(&site).is_empty()
        })
        .await;
        let states: Vec<FileState> = site.received().await.iter().map(|file| file.state).collect();
        assert_eq!(states, vec![FileState::Processed; files], "{change:?}");
    }
}

#[tokio::test]
async fn what_is_late_is_told_once_whenever_the_hub_ends_over_it() {
    for point in ["ack.due.before:1", "ack.due.after:1"] {
        let site = Wide::new(|settings| {
            settings.replace(
                "[site.acme-3pl.channels.edi]\n",
                "[site.acme-3pl.channels.edi]\ntaken_within = \"1s\"\n",
            )
        })
        .await;
        site.world.put(DayFile::XmlOrder, Clock::System.now().date_naive()).expect("put");
        let settings = site.world.hub().join("crossdock.toml");
        let mut hub = command(&settings, Some(site.database.url()), &["serve"]);
        let ended = hub.env("CROSSDOCK_KILL_AT", point).status().await.expect("it starts");
        assert_eq!(ended.signal(), Some(Signal::SIGKILL as i32), "no node passes {point}: {ended}");
        let store = site.database.store();
        let filter = ExceptionFilter { kind: Some("ack_overdue".to_owned()), ..ExceptionFilter::default() };
        until("it is told", async || {
            site.run_once().await;
            !store.list_exceptions(&filter, 9).await.expect("answers").is_empty()
        })
        .await;
        site.run_once().await;
        let told = store.list_exceptions(&filter, 9).await.expect("answers");
        let told: Vec<&str> = told.iter().map(|exception| exception.message.as_str()).collect();
        assert_eq!(told.len(), 1, "{point}: {told:?}");
        assert!(told[0].contains("has not taken `940_000000001.edi` out of the folder"), "{point}: {told:?}");
    }
}
