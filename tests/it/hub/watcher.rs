//! A partner who takes whatever it sees, every 5 ms, never sees half a file.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossdock::cli::demo::files::DayFile;
use crossdock::clock::Clock;
use nix::sys::signal::Signal;

use super::site::{Site, command, until};
use super::{MANY, Wide, put_many, signal};

/// Looks into folders every 5 ms, as partners' programs do: what does not begin with a dot is taken for whole.
struct Watcher {
    stop: Arc<AtomicBool>,
    looking: JoinHandle<BTreeSet<String>>,
}

impl Watcher {
    fn start(folders: Vec<PathBuf>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let until = stop.clone();
        let looking = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            let mut last = false;
            // Once more after the end, for what came since the last look.
            while !std::mem::replace(&mut last, until.load(Ordering::Acquire)) {
                for entry in folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten()
                {
                    let path = entry.path();
                    let name = path.to_string_lossy().into_owned();
                    let hidden = entry.file_name().to_string_lossy().starts_with('.');
                    if hidden || seen.contains(&name) {
                        continue;
                    }
                    let text = fs::read_to_string(&path).expect("what is seen can be read");
                    let end = text.trim_end().trim_end_matches('~').rsplit('~').next().unwrap_or_default();
                    let whole = text.starts_with("ISA*") && end.trim().starts_with("IEA*1*");
                    assert!(whole && text.trim_end().ends_with('~'), "half of {name} was seen: {text}");
                    seen.insert(name);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            seen
        });
        Self { stop, looking }
    }

    /// Everything it saw.
    fn end(self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Release);
        self.looking.join().expect("it saw only whole files")
    }
}

#[tokio::test]
async fn in_a_folder_of_this_machine_every_file_that_is_seen_is_whole() {
    let site = Site::new("").await;
    let watcher = Watcher::start(vec![site.root().join("outbox/one")]);
    put_many(&site);
    let mut hub = site.serve();
    until("all are answered", async || site.sent("one").len() == MANY as usize).await;
    signal(&hub, Signal::SIGTERM);
    hub.wait().await.expect("it ended");
    assert_eq!(watcher.end().len(), MANY as usize);
}

#[tokio::test]
async fn on_an_sftp_server_every_file_that_is_seen_is_whole() {
    let site = Wide::new(|settings| settings).await;
    let partners = ["acme-3pl", "north-stores", "bay-supply", "depositor-one"];
    let folders: Vec<PathBuf> =
        partners.iter().map(|partner| site.world.sshd.account(partner).folder.join("in")).collect();
    let watcher = Watcher::start(folders);
    let today = Clock::System.now().date_naive();
    for file in DayFile::ALL {
        site.world.put(file, today).expect("put");
    }
    let settings = site.world.hub().join("crossdock.toml");
    until("the day is done", async || {
        let run = command(&settings, Some(site.database.url()), &["run", "--once"]).status().await;
        run.expect("it runs").code() == Some(0)
    })
    .await;
    assert_eq!(watcher.end().len(), 7);
}
