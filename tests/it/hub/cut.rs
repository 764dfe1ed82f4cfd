//! Connections that break off at any place, and writers that do not write in one go.

use std::fs;

use crossdock::store::FileState;

use super::site::{Site, invoice, until};
use super::{Wide, got};
use crate::harness::line::{Fault, Line, Once};

/// Bytes of the server after which connections break off, one after the other: in the greeting, the key exchange, the
/// login, a listing, a file, a write, a rename.
const CUTS: [u64; 14] = [0, 21, 5000, 700, 3600, 1500, 4200, 2500, 6500, 3000, 3900, 5600, 4600, 8000];

/// The same where the line is torn down, and where it falls silent.
const FAULTS: [(Fault, Once); 8] = [
    (Fault::Stall, Once::Theirs(0)),
    (Fault::Reset, Once::Ours(1200)),
    (Fault::Stall, Once::Theirs(3600)),
    (Fault::Reset, Once::Theirs(4200)),
    (Fault::Stall, Once::Ours(3000)),
    (Fault::Reset, Once::Ours(4600)),
    (Fault::Stall, Once::Theirs(5600)),
    (Fault::Stall, Once::Ours(5200)),
];

/// Plays a day whose warehouse is reached over a line with these faults, to its end; tells what was said.
async fn play_over(faults: impl IntoIterator<Item = (Fault, Once)>) -> String {
    let site = Wide::new(|settings| settings).await;
    let line = Line::to(site.world.sshd.port(), faults).await;
    let file = site.world.hub().join("crossdock.toml");
    let settings = fs::read_to_string(&file).expect("read");
    let (before, acme) = settings.split_once("[site.acme-3pl").expect("acme is there");
    let (head, rest) = acme.split_once("port = ").expect("it has a port");
    let (_, rest) = rest.split_once('\n').expect("the line ends");
    let over = format!("{before}[site.acme-3pl{head}port = {}\ntimeout = \"2s\"\n{rest}", line.port());
    fs::write(&file, over).expect("written");
    site.advise();
    let told = std::sync::Mutex::new(String::new());
    until("every line failed and all is done", async || {
        let ran = site.run_once().await;
        told.lock().expect("nothing panics while it is held").push_str(&ran.text);
        ran.code == 0 && line.left() == 0
    })
    .await;
    assert_eq!(got(&site.world, "acme-3pl").len(), 1, "one 997, and nothing half");
    let out = site.world.sshd.account("acme-3pl").folder.join("out");
    assert!(!out.join("SW_1.edi").exists(), "it is ours by now");
    let store = site.database.store();
    let files = store.list_files(&crossdock::store::FileFilter::default(), 100).await.expect("answers");
    let taken = files.iter().filter(|file| file.name == "SW_1.edi").count();
    assert_eq!((taken, site.world.erp.objects().len()), (1, 1));
    told.into_inner().expect("nothing panicked")
}

#[tokio::test]
async fn a_line_that_breaks_off_at_any_place_loses_nothing_and_sends_nothing_twice() {
    play_over(CUTS.map(|bytes| (Fault::Cut, Once::Theirs(bytes)))).await;
}

#[tokio::test]
async fn a_line_that_falls_silent_is_given_up_and_told_and_costs_nothing() {
    let told = play_over(FAULTS).await;
    assert!(told.contains("not reached: acme-3pl/edi: "), "{told}");
    assert!(told.contains("the server said nothing for 2 s"), "{told}");
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
