//! Connections that break off at any place, and writers that do not write in one go.

use std::collections::VecDeque;
use std::fs;
use std::sync::{Arc, Mutex};

use crossdock::store::FileState;
use tokio::io::{AsyncReadExt as _, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::site::{Site, invoice, until};
use super::{Wide, got};

/// Bytes of the server after which connections break off, one after the other: in the greeting, the key exchange, the
/// login, a listing, a file, a write, a rename.
const CUTS: [u64; 14] = [0, 21, 5000, 700, 3600, 1500, 4200, 2500, 6500, 3000, 3900, 5600, 4600, 8000];

/// Passes connections on to a port of this machine; those that have a cut left break off there.
async fn line(listener: TcpListener, port: u16, cuts: Arc<Mutex<VecDeque<u64>>>) {
    while let Ok((mut outside, _)) = listener.accept().await {
        let cut = cuts.lock().expect("nothing panics while it is held").pop_front();
        tokio::spawn(async move {
            let mut inside = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
            let Some(cut) = cut else {
                drop(copy_bidirectional(&mut outside, &mut inside).await);
                return;
            };
            let ((mut from_inside, mut to_inside), (mut from_outside, mut to_outside)) =
                (inside.split(), outside.split());
            let mut until_cut = (&mut from_inside).take(cut);
            tokio::select! {
                _ = copy(&mut until_cut, &mut to_outside) => {}
                _ = copy(&mut from_outside, &mut to_inside) => {}
            }
        });
    }
}

#[tokio::test]
async fn a_line_that_breaks_off_at_any_place_loses_nothing_and_sends_nothing_twice() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let own = listener.local_addr().expect("it is bound").port();
    let site = Wide::new(|settings| {
        let (before, acme) = settings.split_once("[site.acme-3pl").expect("acme is there");
        let (head, rest) = acme.split_once("port = ").expect("it has a port");
        let (_, rest) = rest.split_once('\n').expect("the line ends");
        format!("{before}[site.acme-3pl{head}port = {own}\n{rest}")
    })
    .await;
    let cuts = Arc::new(Mutex::new(VecDeque::from(CUTS)));
    tokio::spawn(line(listener, site.world.sshd.port(), cuts.clone()));
    site.advise();
    let left = || cuts.lock().expect("nothing panics while it is held").len();
    until("every line was cut and all is done", async || site.run_once().await.code == 0 && left() == 0)
        .await;
    assert_eq!(got(&site.world, "acme-3pl").len(), 1, "one 997, and nothing half");
    let out = site.world.sshd.account("acme-3pl").folder.join("out");
    assert!(!out.join("SW_1.edi").exists(), "it is ours by now");
    let store = site.database.store();
    let files = store.list_files(&crossdock::store::FileFilter::default(), 100).await.expect("answers");
    let taken = files.iter().filter(|file| file.name == "SW_1.edi").count();
    assert_eq!((taken, site.world.erp.objects().len()), (1, 1));
}

#[tokio::test]
async fn a_writer_that_pauses_or_begins_anew_in_place_is_waited_for() {
    let site = Site::new("").await;
    let path = site.root().join("inbox/one/slow.edi");
    let (first, second) = (invoice("PARTNERONE", 1), invoice("PARTNERONE", 2));
    let part = |text: &str, end: usize| text.as_bytes().get(..end).expect("it is longer").to_vec();
    let mut halves =
        [first.len() / 4, first.len() / 2, first.len() - 2].map(|end| part(&first, end)).to_vec();
    halves.push(part(&second, second.len() / 3));
    for text in halves {
        fs::write(&path, &text).expect("written");
        let ran = site.run(&["run", "--once"]).await;
        assert_eq!(ran.code, 3, "{}", ran.text);
        assert!(site.received().await.is_empty(), "half a file was taken: {} bytes", text.len());
    }
    fs::write(&path, &second).expect("written");
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 0, "{}", ran.text);
    let files = site.received().await;
    assert_eq!((files.len(), files[0].state), (1, FileState::Processed));
    let kept = site.store().load_file(files[0].id).await.expect("it is there").bytes;
    assert_eq!(kept, second, "the bytes of the last writing");
}
