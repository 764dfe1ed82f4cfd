//! Nodes whose clocks are an hour apart: the database's counts, for all of them.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use chrono::{NaiveDateTime, TimeDelta};
use crossdock::clock::Clock;
use crossdock::store::FileState;
use nix::sys::signal::Signal;
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use super::site::{Site, until};
use super::{MANY, nothing_lost_and_nothing_twice, put_many, signal};

/// The library that has a process's clock go an hour ahead.
async fn library(folder: &Path) -> PathBuf {
    let library = folder.join("clock_ahead.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/hub/clock_ahead.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl");
    assert!(compiler.status().await.expect("a C compiler is installed").success());
    library
}

async fn end(mut hub: Child) -> String {
    signal(&hub, Signal::SIGTERM);
    let mut told = String::new();
    let mut stderr = hub.stderr.take().expect("it is piped");
    stderr.read_to_string(&mut told).await.expect("text");
    let status = hub.wait().await.expect("it ended");
    // One that has only just begun does not listen yet.
    let early = status.signal() == Some(Signal::SIGTERM as i32);
    assert!(early || status.code() == Some(0), "{status}: {told}");
    told
}

#[tokio::test]
async fn a_node_whose_clock_is_an_hour_ahead_goes_by_the_databases() {
    let site = Site::new("").await;
    let library = library(site.root()).await;
    let began = Clock::System.now();
    let mut ahead = site.command(&["serve"]);
    let ahead = ahead.env("LD_PRELOAD", &library).stderr(Stdio::piped()).spawn().expect("it starts");
    put_many(&site);
    site.wait_for(FileState::Processed, 5).await;
    let right = site.command(&["serve"]).stderr(Stdio::piped()).spawn().expect("it starts");
    until("all is done", async || {
        site.sent("one").iter().filter(|(name, _)| !name.starts_with('.')).count() == MANY as usize
            && site.store().count_open_jobs().await.is_ok_and(|open| open.is_empty())
    })
    .await;
    let told = end(ahead).await;
    assert!(
        told.contains("s ahead of the database's, which counts; hint: set both by NTP"),
        "its clock went right, or it said nothing: {told}"
    );
    assert!(!end(right).await.contains("the database's, which counts"), "the other's clock is right");

    // An ISA tells no seconds.
    let during = began..=Clock::System.now() + TimeDelta::seconds(59);
    for file in site.received().await {
        assert!(during.contains(&file.received_at), "{} came at {}", file.name, file.received_at);
    }
    for (name, text) in site.sent("one") {
        let isa: Vec<&str> = text.split('*').collect();
        let at =
            NaiveDateTime::parse_from_str(&format!("{} {}", isa[9], isa[10]), "%y%m%d %H%M").expect("a time");
        assert!(
            during.contains(&(at.and_utc() + TimeDelta::seconds(59))),
            "{name} says that it was written at {at}"
        );
    }
    nothing_lost_and_nothing_twice(&site, &site.store()).await;
}
