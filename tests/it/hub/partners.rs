//! Partners that cannot be reached, answer nothing, or hold something else than we expect; odd things in folders.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::time::Duration;

use crossdock::cli::demo::files::DayFile;
use crossdock::clock::Clock;
use crossdock::store::{DeliveryFilter, DeliveryRow, DeliveryState, FileState, Store};
use nix::sys::signal::Signal;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::site::{Site, command, invoice, until};
use super::{Wide, got, signal};

impl Wide {
    /// The depositor's order for the warehouse, dropped into a folder of this machine.
    fn order(&self) {
        self.world.put(DayFile::XmlOrder, Clock::System.now().date_naive()).expect("put");
    }

    async fn deliveries(&self) -> Vec<DeliveryRow> {
        self.database.store().list_deliveries(&DeliveryFilter::default(), 100).await.expect("answers")
    }
}

/// As a person does who has looked.
async fn release(store: &Store, delivery: &DeliveryRow) {
    let mut work = store.begin().await.expect("answers");
    assert!(work.release_delivery(delivery.id).await.expect("answers"), "it cannot be released");
    work.commit().await.expect("answers");
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_with_another_host_key_until_a_person_has_looked() {
    let site = Wide::new(|settings| settings).await;
    let file = site.world.hub().join("crossdock.toml");
    let right = fs::read_to_string(&file).expect("read");
    let (before, acme) = right.split_once("[site.acme-3pl").expect("acme is there");
    let wrong =
        acme.replacen(site.world.sshd.host_key(), "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", 1);
    fs::write(&file, format!("{before}[site.acme-3pl{wrong}")).expect("written");
    site.order();
    let ran = site.run_once().await;
    assert!(ran.text.contains("is held") && ran.text.contains("not pinned"), "{}", ran.text);
    assert!(got(&site.world, "acme-3pl").is_empty());
    let [held] = <[_; 1]>::try_from(site.deliveries().await).expect("one order");
    assert_eq!(held.state, DeliveryState::Held);

    fs::write(&file, &right).expect("written");
    let ran = site.run_once().await;
    assert!(ran.code == 1 && ran.text.contains("held for a person: 1"), "a person must look: {}", ran.text);
    assert!(got(&site.world, "acme-3pl").is_empty(), "it went out before a person released it");
    release(&site.database.store(), &held).await;
    assert_eq!(site.run_once().await.code, 0);
    assert_eq!(got(&site.world, "acme-3pl"), ["940_000000001.edi"]);
}

#[tokio::test]
async fn what_is_for_a_server_that_is_down_goes_out_once_when_it_is_up() {
    let mut site = Wide::new(|settings| settings).await;
    site.world.sshd.stop();
    site.order();
    let ran = site.run_once().await;
    assert_eq!(ran.code, 3, "{}", ran.text);
    assert!(ran.text.contains("`940_000000001.edi` is not delivered to acme-3pl/edi yet"), "{}", ran.text);
    assert!(ran.text.contains("to be tried again later: 1"), "{}", ran.text);
    site.world.sshd.start_again().expect("it starts");
    until("it is delivered", async || site.run_once().await.code == 0).await;
    assert_eq!(got(&site.world, "acme-3pl"), ["940_000000001.edi"]);
}

#[tokio::test]
async fn a_hub_whose_erp_never_answers_still_stops_in_time_and_sends_under_the_same_key() {
    let deaf = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = deaf.local_addr().expect("it is bound").to_string();
    let site = Wide::new(|settings| settings).await;
    let file = site.world.hub().join("crossdock.toml");
    let right = fs::read_to_string(&file).expect("read");
    fs::write(&file, right.replace(&site.world.erp.address().to_string(), &address)).expect("written");
    site.advise();
    let mut hub = command(&file, Some(site.database.url()), &["serve"]).spawn().expect("it starts");
    let (mut caller, _) = deaf.accept().await.expect("it calls");
    let mut asked = vec![0; 4096];
    let read = caller.read(&mut asked).await.expect("it asks");
    let asked = String::from_utf8_lossy(&asked[..read]).to_lowercase();
    signal(&hub, Signal::SIGTERM);
    let ended = tokio::time::timeout(Duration::from_secs(25), hub.wait()).await;
    assert_eq!(ended.expect("within 25 s").expect("it ended").code(), Some(0));
    drop((caller, deaf));

    fs::write(&file, &right).expect("written");
    until("the ERP has it", async || site.run_once().await.code == 0 && site.world.erp.objects().len() == 1)
        .await;
    let key = site.world.erp.objects()[0].key.clone().expect("calls carry a key");
    assert!(asked.contains(&key.to_lowercase()), "the first try had another key than {key}: {asked}");
}

#[tokio::test]
async fn a_name_that_is_taken_is_not_overwritten_and_our_own_file_is_not_sent_again() {
    let site = Site::new("").await;
    let outbox = site.root().join("outbox/one");
    fs::create_dir_all(&outbox).expect("made");
    fs::write(outbox.join("997_000000001.edi"), "somebody else's").expect("written");
    site.put("one", "1.edi", invoice("PARTNERONE", 1));
    site.put("one", "2.edi", invoice("PARTNERONE", 2));
    let ran = site.run(&["run", "--once"]).await;
    assert!(ran.text.contains("`997_000000001.edi` is taken in"), "{}", ran.text);
    assert!(ran.text.contains("move it away, then release the delivery"), "{}", ran.text);
    let sent = site.sent("one");
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert_eq!(sent[0].1, "somebody else's");
    assert!(sent[1].0 == "997_000000002.edi" && sent[1].1.starts_with("ISA"), "the neighbour is delivered");

    // As after a kill between the rename and its commit: the file is there, and the hub does not know.
    let store = site.store();
    let deliveries = store.list_deliveries(&DeliveryFilter::default(), 10).await.expect("answers");
    let arrived = deliveries.iter().find(|row| row.state == DeliveryState::Delivered).expect("one arrived");
    let written = fs::metadata(outbox.join(&arrived.target)).expect("there").modified().expect("known");
    release(&store, arrived).await;
    let ran = site.run(&["run", "--once"]).await;
    assert!(ran.text.contains("it was there already"), "{}", ran.text);
    let now = fs::metadata(outbox.join(&arrived.target)).expect("there").modified().expect("known");
    assert_eq!(now, written, "it was written anew");
}

#[tokio::test]
async fn an_outbound_folder_that_cannot_be_made_holds_what_is_for_it() {
    let site = Site::new("").await;
    fs::create_dir_all(site.root().join("outbox")).expect("made");
    fs::write(site.root().join("outbox/one"), "a file where the folder belongs").expect("written");
    site.put("one", "1.edi", invoice("PARTNERONE", 1));
    let ran = site.run(&["run", "--once"]).await;
    assert!(ran.text.contains("`997_000000001.edi` is held: cannot make the folder"), "{}", ran.text);
    assert!(ran.text.contains("outbox/one"), "{}", ran.text);
    let store = site.store();
    let [held] =
        <[_; 1]>::try_from(store.list_deliveries(&DeliveryFilter::default(), 10).await.expect("answers"))
            .expect("one answer");
    assert_eq!(held.state, DeliveryState::Held);
    fs::remove_file(site.root().join("outbox/one")).expect("removed");
    release(&store, &held).await;
    assert_eq!(site.run(&["run", "--once"]).await.code, 0);
    assert_eq!(site.sent("one").len(), 1);
}

#[tokio::test]
async fn a_partner_s_folder_that_is_missing_is_used_once_somebody_makes_it() {
    let site = Site::new("").await;
    fs::remove_dir(site.root().join("inbox/one")).expect("removed");
    let mut hub = site.serve();
    site.put("two", "1.edi", invoice("PARTNERTWO", 1));
    site.wait_for(FileState::Processed, 1).await;
    fs::create_dir(site.root().join("inbox/one")).expect("made");
    site.put("one", "1.edi", invoice("PARTNERONE", 1));
    site.wait_for(FileState::Processed, 2).await;
    signal(&hub, Signal::SIGTERM);
    assert_eq!(hub.wait().await.expect("it ended").code(), Some(0));
}

#[tokio::test]
async fn what_is_no_plain_file_is_left_where_it_is() {
    let site = Site::new("[hub]\nfile_limit_mb = 1\n").await;
    let inbox = site.root().join("inbox/one");
    let secret = site.root().join("secret.edi");
    fs::write(&secret, invoice("PARTNERONE", 1)).expect("written");
    symlink(&secret, inbox.join("link.edi")).expect("linked");
    fs::create_dir(inbox.join("folder.edi")).expect("made");
    for unfinished in [".hidden.edi", "half.edi.part", "half.edi.tmp"] {
        fs::write(inbox.join(unfinished), invoice("PARTNERONE", 2)).expect("written");
    }
    site.put("one", "good.edi", invoice("PARTNERONE", 3));
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 0, "{}", ran.text);
    let names: Vec<String> = site.received().await.into_iter().map(|file| file.name).collect();
    assert_eq!(names, ["good.edi"]);
    assert!(secret.exists() && fs::read_dir(&inbox).expect("listed").count() == 5);

    site.put("one", "large.edi", vec![b'x'; 2 * 1024 * 1024]);
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 3, "{}", ran.text);
    assert!(
        ran.text
            .contains("one/edi: `large.edi` is left where it is: it is larger than 1 MB (hub.file_limit_mb)"),
        "{}",
        ran.text
    );
    assert!(!ran.text.contains("has no end yet"), "it is not waited for: {}", ran.text);
    assert!(inbox.join("large.edi").exists());
}

#[tokio::test]
async fn two_runs_at_the_same_time_take_each_file_once() {
    let site = Site::new("").await;
    super::put_many(&site);
    let run = || site.command(&["run", "--once"]).stdout(Stdio::null()).spawn().expect("it starts");
    let (mut one, mut two) = (run(), run());
    one.wait().await.expect("it ended");
    two.wait().await.expect("it ended");
    until("the rest is done", async || site.run(&["run", "--once"]).await.code == 0).await;
    super::nothing_lost_and_nothing_twice(&site, &site.store()).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_read_holds_up_no_other_and_is_told() {
    let site = Site::new("").await;
    let path = site.root().join("partner-profiles/two.toml");
    let text = fs::read_to_string(&path).expect("read");
    // A regular file in every list, which nobody can read.
    let text = text
        .replace("transport = \"local\"\n", "transport = \"local\"\nroot = \"/proc\"\n")
        .replace("path = \"inbox/two\"", "path = \"1\", files = [\"mem\"]")
        .replace("after = \"delete\"", "after = \"leave\"");
    fs::write(path, text).expect("written");
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 3, "{}", ran.text);
    assert!(ran.text.contains("two/edi: `mem` is left where it is: cannot read"), "{}", ran.text);
}

#[tokio::test]
async fn what_is_ours_is_moved_or_renamed_and_nothing_is_overwritten() {
    let site = Site::new("").await;
    let profile = |id: &str| site.root().join(format!("partner-profiles/{id}.toml"));
    for (id, after) in
        [("one", "after = \"move\", move_to = \"inbox/one/done\""), ("two", "after = \"rename\"")]
    {
        let text = fs::read_to_string(profile(id)).expect("read");
        fs::write(profile(id), text.replace("after = \"delete\"", after)).expect("written");
    }
    fs::create_dir(site.root().join("inbox/one/done")).expect("made");
    fs::write(site.root().join("inbox/one/done/a.edi"), "of last year").expect("written");
    fs::write(site.root().join("inbox/two/a.edi.taken"), "of last year").expect("written");
    site.put("one", "a.edi", invoice("PARTNERONE", 1));
    site.put("two", "a.edi", invoice("PARTNERTWO", 1));
    for _ in 0..2 {
        let ran = site.run(&["run", "--once"]).await;
        assert_eq!(ran.code, 0, "{}", ran.text);
    }
    let names = |folder: &str| {
        let entries = fs::read_dir(site.root().join(folder)).expect("listed");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("listed").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let files = site.received().await;
    assert_eq!(files.len(), 2, "each is taken once: {files:?}");
    let id = |partner: &str| {
        let own = files.iter().find(|file| file.partner_id.as_deref() == Some(partner));
        own.expect("it is taken").id.to_string()
    };
    assert_eq!(names("inbox/one"), ["done"]);
    assert_eq!(names("inbox/one/done"), ["a.edi".to_owned(), format!("a.edi.{}", id("one"))]);
    assert_eq!(names("inbox/two"), [format!("a.edi.{}.taken", id("two")), "a.edi.taken".to_owned()]);
    assert_eq!(fs::read_to_string(site.root().join("inbox/two/a.edi.taken")).expect("read"), "of last year");
}

#[tokio::test]
async fn what_lies_in_a_folder_and_is_not_taken_stands_in_the_status_until_it_is() {
    let site = Site::new("[hub]\nfile_limit_mb = 1\n").await;
    let profile = site.root().join("partner-profiles/one.toml");
    let text = fs::read_to_string(&profile).expect("read");
    let marked = text.replace("after = \"delete\"", "after = \"delete\", complete = \"marker\"");
    fs::write(&profile, marked).expect("written");
    site.put("one", "1.edi", invoice("PARTNERONE", 1));
    site.put("one", "2.edi.done", "");
    site.put("two", "large.edi", vec![b'x'; (1 << 20) + 1]);
    std::os::unix::fs::symlink("large.edi", site.root().join("inbox/two/latest.edi")).expect("linked");
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 3, "{}", ran.text);
    let status = site.run(&["status"]).await.text;
    for told in [
        "Lies in partners' folders",
        "1.edi` waits for its marker, `1.edi.done`",
        "`2.edi.done` is a marker, and the file that it speaks of is not there",
        "it is larger than 1 MB (hub.file_limit_mb)",
        "is a link, which is never followed",
    ] {
        let told = told.replace(' ', "");
        let shown: String = status.chars().filter(|c| !matches!(c, ' ' | '\n' | '│' | '┆')).collect();
        assert!(shown.contains(&told), "{told}: {status}");
    }
    let rows = site.store().list_untaken(None, 10).await.expect("answers");
    let names: Vec<(&str, &str)> = rows.iter().map(|row| (row.channel.as_str(), row.name.as_str())).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert_eq!(site.store().list_untaken(Some("one"), 10).await.expect("answers").len(), 2);

    site.put("one", "1.edi.done", "");
    fs::remove_file(site.root().join("inbox/one/2.edi.done")).expect("taken away");
    fs::remove_file(site.root().join("inbox/two/large.edi")).expect("taken away");
    fs::remove_file(site.root().join("inbox/two/latest.edi")).expect("taken away");
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert!(site.store().list_untaken(None, 10).await.expect("answers").is_empty());
    assert!(!site.run(&["status"]).await.text.contains("Lies in partners' folders"));
}

#[tokio::test]
async fn what_goes_to_a_server_that_refuses_us_waits_and_goes_once_the_profile_is_mended() {
    let site = Wide::new(|settings| settings).await;
    let settings = site.world.hub().join("crossdock.toml");
    let sound = fs::read_to_string(&settings).expect("read");
    let key = site.world.sshd.account("acme-3pl").key;
    let stranger = key.with_file_name("host_key");
    let refused = sound.replace(&key.display().to_string(), &stranger.display().to_string());
    assert!(refused != sound, "the settings name another key: {sound}");
    fs::write(&settings, refused).expect("written");
    site.order();
    let mut hub = command(&settings, Some(site.database.url()), &["serve"]).spawn().expect("it starts");
    let waits = async || -> Option<DeliveryRow> {
        let rows = site.deliveries().await;
        rows.into_iter().find(|row| row.channel == "acme-3pl/edi" && row.last_error.is_some())
    };
    until("the refusal is told", async || waits().await.is_some()).await;
    let row = waits().await.expect("it is there");
    assert_eq!(row.state, DeliveryState::Ready, "{row:?}");
    assert!(row.last_error.as_ref().is_some_and(|error| error.contains("cannot log in to")), "{row:?}");
    assert!(got(&site.world, "acme-3pl").is_empty());
    fs::write(&settings, sound).expect("written");
    until("the order goes", async || got(&site.world, "acme-3pl").len() == 1).await;
    signal(&hub, Signal::SIGTERM);
    assert_eq!(hub.wait().await.expect("it ended").code(), Some(0));
}

#[tokio::test]
async fn nothing_is_picked_up_while_the_disk_is_nearly_full() {
    // No disk has as much.
    let site = Site::new("[hub]\nkeep_free_mb = 1000000000\n").await;
    site.put("one", "1.edi", invoice("PARTNERONE", 1));
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 3, "{}", ran.text);
    assert!(ran.text.contains("nothing is picked up: less than"), "{}", ran.text);
    assert!(site.received().await.is_empty());
    let rows = site.store().list_untaken(Some("one"), 9).await.expect("answers");
    assert_eq!(rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), [""]);
    fs::write(site.root().join("crossdock.toml"), "").expect("written");
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!((ran.code, site.received().await.len()), (0, 1), "{}", ran.text);
}
