//! A line to a port of this machine whose connections fail as they are told to.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How a connection fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is closed.
    Cut,
    /// It is torn down.
    Reset,
    /// It stays open, and nothing comes through any more.
    Stall,
}

/// When it does: once so many bytes came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Once {
    /// Of the server.
    Theirs(u64),
    /// Of ours.
    Ours(u64),
}

/// A running line. Dropping it ends it and all connections over it.
pub(crate) struct Line {
    port: u16,
    shared: Arc<Shared>,
    running: JoinHandle<()>,
}

struct Shared {
    faults: Mutex<VecDeque<(Fault, Once)>>,
    theirs: AtomicU64,
    ours: AtomicU64,
}

impl Line {
    /// A line to a port, whose connections have these faults one after the other, and then none.
    pub(crate) async fn to(port: u16, faults: impl IntoIterator<Item = (Fault, Once)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("it is bound").port();
        let faults = Mutex::new(faults.into_iter().collect());
        let shared = Arc::new(Shared { faults, theirs: AtomicU64::new(0), ours: AtomicU64::new(0) });
        let running = tokio::spawn(run(listener, port, shared.clone()));
        Self { port: own, shared, running }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many connections are still to fail.
    pub(crate) fn left(&self) -> usize {
        self.shared.faults.lock().expect("nothing panics while it is held").len()
    }

    /// Bytes that came through so far: theirs, and ours.
    pub(crate) fn passed(&self) -> (u64, u64) {
        (self.shared.theirs.load(Ordering::Relaxed), self.shared.ours.load(Ordering::Relaxed))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn run(listener: TcpListener, port: u16, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((outside, _)) = listener.accept().await {
        let fault = shared.faults.lock().expect("nothing panics while it is held").pop_front();
        connections.spawn(pass_on(outside, port, fault, shared.clone()));
    }
}

async fn pass_on(mut outside: TcpStream, port: u16, fault: Option<(Fault, Once)>, shared: Arc<Shared>) {
    let mut inside = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
    let (theirs, ours) = match fault {
        Some((_, Once::Theirs(bytes))) => (bytes, u64::MAX),
        Some((_, Once::Ours(bytes))) => (u64::MAX, bytes),
        None => (u64::MAX, u64::MAX),
    };
    let ((from_inside, to_inside), (from_outside, to_outside)) = (inside.split(), outside.split());
    let theirs = pass(from_inside, to_outside, theirs, &shared.theirs);
    let ours = pass(from_outside, to_inside, ours, &shared.ours);
    if fault.is_none() {
        tokio::join!(theirs, ours);
        return;
    }
    tokio::select! { () = theirs => {} () = ours => {} }
    match fault {
        Some((Fault::Reset, _)) => outside.set_zero_linger().expect("it is open"),
        Some((Fault::Stall, _)) => drop(copy(&mut outside, &mut sink()).await),
        _ => {}
    }
}

/// Passes so many bytes on, or all.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    most: u64,
    passed: &AtomicU64,
) {
    let (mut left, mut piece) = (most, vec![0; 64 << 10]);
    while left > 0 {
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
        let Ok(count @ 1..) = from.read(&mut piece[..room]).await else { break };
        if to.write_all(&piece[..count]).await.is_err() {
            break;
        }
        left -= count as u64;
        passed.fetch_add(count as u64, Ordering::Relaxed);
    }
    if most == u64::MAX {
        to.shutdown().await.ok();
    }
}
