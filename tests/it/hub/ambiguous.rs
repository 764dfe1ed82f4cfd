//! Commits of which nobody knows whether they happened: the database did them, and its answer is lost on the way.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossdock::store::FileState;
use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use super::site::{Site, command, invoice, until};
use super::{nothing_lost_and_nothing_twice_of, signal};

/// Of so many commits the answer of one is lost.
const EACH: usize = 3;

/// Between the hub and Postgres: passes everything on, but not each answer to COMMIT. Then it hangs up.
#[derive(Debug, Default)]
struct Proxy {
    commits: AtomicUsize,
    swallowed: AtomicUsize,
    honest: AtomicBool,
}

impl Proxy {
    async fn listen(self: Arc<Self>, socket: PathBuf) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        tokio::spawn(async move {
            while let Ok((hub, _)) = listener.accept().await {
                let Ok(postgres) = UnixStream::connect(&socket).await else { continue };
                tokio::spawn(self.clone().pass(hub, postgres));
            }
        });
        port
    }

    async fn pass(self: Arc<Self>, hub: TcpStream, postgres: UnixStream) {
        let (mut from_hub, mut to_hub) = hub.into_split();
        let (mut from_postgres, mut to_postgres) = postgres.into_split();
        let there = tokio::spawn(async move {
            // Either side ends it.
            drop(tokio::io::copy(&mut from_hub, &mut to_postgres).await);
        });
        // Each message of the server is a letter, its length with itself, and what it says.
        let mut head = [0; 5];
        while from_postgres.read_exact(&mut head).await.is_ok() {
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
            let mut body = vec![0; usize::try_from(length).expect("it fits").saturating_sub(4)];
            if from_postgres.read_exact(&mut body).await.is_err() || self.swallows(head[0], &body) {
                break;
            }
            if to_hub.write_all(&[&head[..], &body].concat()).await.is_err() {
                break;
            }
        }
        there.abort();
    }

    /// Whether this message is an answer to COMMIT that is to be lost.
    fn swallows(&self, kind: u8, body: &[u8]) -> bool {
        if kind != b'C' || !body.starts_with(b"COMMIT\0") || self.honest.load(Ordering::Relaxed) {
            return false;
        }
        let lost = self.commits.fetch_add(1, Ordering::Relaxed) % EACH == EACH - 1;
        self.swallowed.fetch_add(usize::from(lost), Ordering::Relaxed);
        lost
    }
}

/// Twelve lost answers, or 300 with `CROSSDOCK_FAULTS=all`.
#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_done_once() {
    let all = crossdock::config::environment("CROSSDOCK_FAULTS").is_some_and(|said| said == "all");
    let wanted = if all { 300 } else { 12 };
    let site = Site::new("[hub]\nworkers = 4\n").await;
    let (place, folder) = site.database().url().split_once("?host=").expect("it is on a socket");
    let name = place.rsplit('/').next().expect("it names a database");
    let proxy = Arc::new(Proxy::default());
    let port = proxy.clone().listen(PathBuf::from(folder).join(".s.PGSQL.5432")).await;
    let url = format!("postgres://crossdock@127.0.0.1:{port}/{name}?sslmode=disable");
    let settings = site.root().join("crossdock.toml");
    // Two, so that what one has left in doubt another may take up.
    let mut hubs: Vec<_> =
        (0..2).map(|_| command(&settings, Some(&url), &["serve"]).spawn().expect("it starts")).collect();
    let mut put = 0;
    while proxy.swallowed.load(Ordering::Relaxed) < wanted {
        for _ in 0..10 {
            put += 1;
            site.put("one", &format!("{put:05}.edi"), invoice("PARTNERONE", put));
        }
        let (lost, all_put) = (proxy.swallowed.load(Ordering::Relaxed), put as usize);
        until("answers are lost, or all are sent", async || {
            proxy.swallowed.load(Ordering::Relaxed) > lost + 3 || site.sent("one").len() == all_put
        })
        .await;
    }
    proxy.honest.store(true, Ordering::Relaxed);
    site.wait_for(FileState::Processed, put as usize).await;
    until("all are answered", async || site.sent("one").len() == put as usize).await;
    for hub in &mut hubs {
        signal(hub, Signal::SIGTERM);
        assert_eq!(hub.wait().await.expect("it ended").code(), Some(0));
    }
    until("nothing is left to do", async || site.run(&["run", "--once"]).await.code == 0).await;
    nothing_lost_and_nothing_twice_of(put, &site, &site.store()).await;
}
