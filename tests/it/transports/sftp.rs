//! SFTP against OpenSSH.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use crossdock::cli::demo::counterparts::sshd::{Age, Sshd};
use crossdock::clock::Clock;
use crossdock::transports::sftp::{Algorithms, Login, Server, Settings, show_host_key};
use crossdock::transports::{Claim, EntryKind, Hold, Kind, Outcome, Put, SecretRef, Transport, resolve_with};

use super::{LIMIT_BYTES, get, grabs_only_whole_files, held_if_it_is_what_it_was, name, names, put};

struct Place {
    _folder: tempfile::TempDir,
    sshd: Sshd,
    home: PathBuf,
}

fn place(age: Age) -> Place {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sshd = Sshd::start(folder.path(), &["acme"], age).expect("sshd starts");
    let home = sshd.account("acme").folder;
    Place { _folder: folder, sshd, home }
}

impl Place {
    fn settings(&self) -> Settings {
        Settings {
            host: "127.0.0.1".into(),
            port: self.sshd.port(),
            user: self.sshd.user().into(),
            login: Login::Key { key: SecretRef::File(self.sshd.account("acme").key), passphrase: None },
            host_keys: vec![self.sshd.host_key().parse().expect("a fingerprint")],
            sessions: 2,
            legacy_until: None,
            timeout: Duration::from_secs(30),
        }
    }

    fn client(&self) -> Transport {
        client(self.settings())
    }

    /// What the server logged, once it says `text` as often as expected; more often is wrong at once.
    async fn log_with(&self, text: &str, times: usize) -> String {
        let begun = std::time::Instant::now();
        loop {
            let log = fs::read_to_string(self.home.join("../sshd.log")).expect("read");
            let found = log.matches(text).count();
            if found == times {
                return log;
            }
            assert!(found < times, "`{text}` {found} times: {log}");
            assert!(begun.elapsed().as_secs() < 10, "`{text}` only {found} times: {log}");
            tokio::task::yield_now().await;
        }
    }
}

fn client(settings: Settings) -> Transport {
    Transport::Sftp(Server::new(settings, resolve_with(PathBuf::new(), |_| None)))
}

#[tokio::test]
async fn a_file_is_put_listed_read_moved_and_removed() {
    for age in [Age::Modern, Age::ModernEcdsa] {
        let place = place(age);
        let client = place.client();
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[1]).collect();
        let outcome = put(&client, "in", "po.edi", &bytes).await.expect("put");
        assert_eq!(outcome, Outcome::Delivered);
        assert_eq!(names(&client, "in").await, ["po.edi"]);
        assert!(get(&client, "in", "po.edi").await.expect("read") == bytes);
        let entry = client.stat("in", &name("po.edi")).await.expect("looked").expect("it is there");
        assert!(entry.stat.modified_at.is_some());
        client.move_to("in", &name("po.edi"), "out", &name("1.edi")).await.expect("moved");
        assert_eq!(names(&client, "out").await, ["1.edi"]);
        assert!(client.stat("in", &name("po.edi")).await.expect("looked").is_none());
        client.remove("out", &name("1.edi")).await.expect("removed");
        client.remove("out", &name("1.edi")).await.expect("removed before");
        assert!(names(&client, "out").await.is_empty());
    }
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let place = place(Age::Modern);
    let client = place.client();
    fs::write(place.home.join("in/po.edi"), "theirs").expect("written");
    let other = put(&client, "in", "po.edi", b"ours, longer").await.expect("compared");
    assert_eq!(other, Outcome::AlreadyThere { same: false });
    let as_long = put(&client, "in", "po.edi", b"OTHERS").await.expect("compared");
    assert_eq!(as_long, Outcome::AlreadyThere { same: false });
    let same = put(&client, "in", "po.edi", b"theirs").await.expect("compared");
    assert_eq!(same, Outcome::AlreadyThere { same: true });
    put(&client, "in", "other.edi", b"x").await.expect("put");
    let moved = client.rename("in", &name("other.edi"), &name("po.edi")).await;
    assert_eq!(moved.expect_err("the name is taken").kind(), Kind::Exists);
    assert_eq!(fs::read(place.home.join("in/po.edi")).expect("read"), b"theirs");
    // What an earlier try left under the temporary name is not in the way.
    fs::write(place.home.join("in/.late.edi.part"), "half").expect("written");
    put(&client, "in", "late.edi", b"whole").await.expect("put");
    assert_eq!(names(&client, "in").await, ["late.edi", "other.edi", "po.edi"]);
}

#[tokio::test]
async fn a_server_that_renames_nothing_is_put_to_directly() {
    let place = place(Age::Modern);
    let accounts = place.home.join("../authorized_keys");
    let text = fs::read_to_string(&accounts).expect("read");
    fs::write(&accounts, text.replace("internal-sftp ", "internal-sftp -P rename,posix-rename "))
        .expect("written");
    let client = place.client();
    let refused = put(&client, "in", "po.edi", b"whole").await.expect_err("it may not be renamed");
    assert!(!refused.is_temporary() && refused.hint().contains("partner connect --write"), "{refused:?}");
    assert!(names(&client, "in").await.is_empty());

    fs::write(place.home.join("out/po.edi"), "theirs").expect("written");
    let listed = client.list("out").await.expect("listed").entries.remove(0);
    let held = client.hold("out", &listed, &name(".1.held")).await.expect("looked");
    assert_eq!((held, names(&client, "out").await), (Hold::Refused, vec!["po.edi".to_owned()]));

    let direct = async |number: u32, bytes: &'static [u8], claim: Claim| {
        let file = Put {
            temp_name: name(&format!(".po.{number}.part")),
            final_name: name("po.edi"),
            bytes: Bytes::from_static(bytes),
            stale: (1..number).map(|earlier| name(&format!(".po.{earlier}.part"))).collect(),
            claim,
            direct: true,
        };
        client.write_batch("in", vec![file]).await.remove(0)
    };
    let late = direct(1, b"whole", Claim::new(|| false)).await.expect_err("another may be at it");
    assert_eq!(late.kind(), Kind::Changed);
    assert!(names(&client, "in").await.is_empty());
    let sound = || Claim::undisputed();
    assert_eq!(direct(1, b"whole", sound()).await.expect("put"), Outcome::Delivered);
    assert_eq!(direct(2, b"whole", sound()).await.expect("put"), Outcome::AlreadyThere { same: true });
    // Half of ours is there after a try that broke off; before the first try it is somebody else's.
    fs::write(place.home.join("in/po.edi"), "who").expect("written");
    assert_eq!(direct(1, b"whole", sound()).await.expect("put"), Outcome::AlreadyThere { same: false });
    assert_eq!(direct(2, b"whole", sound()).await.expect("put"), Outcome::Delivered);
    for others in ["whim", "whole and more"] {
        fs::write(place.home.join("in/po.edi"), others).expect("written");
        assert_eq!(direct(2, b"whole", sound()).await.expect("put"), Outcome::AlreadyThere { same: false });
        assert_eq!(fs::read_to_string(place.home.join("in/po.edi")).expect("read"), others);
    }
}

#[tokio::test]
async fn hostile_names_and_links_lead_nowhere() {
    let place = place(Age::Modern);
    let client = place.client();
    let out = place.home.join("out");
    fs::write(out.join(std::ffi::OsStr::from_bytes(b"po\n\xff\x1b.edi")), "ISA").expect("written");
    fs::write(out.join("..\\boot.ini"), "x").expect("written");
    fs::write(place.home.join("secret"), "secret").expect("written");
    symlink(place.home.join("secret"), out.join("link.edi")).expect("linked");
    let listing = client.list("out").await.expect("listed");
    assert_eq!(listing.refused.len(), 1);
    let link = listing.entries.iter().find(|entry| entry.kind == EntryKind::Link);
    assert_eq!(link.expect("seen as a link").name, name("link.edi"));
    let refused = get(&client, "out", "link.edi").await.expect_err("not followed");
    assert_eq!(refused.kind(), Kind::Invalid);
    let odd = listing.entries.iter().find(|entry| entry.kind == EntryKind::File);
    let odd = odd.expect("the odd name is kept");
    assert_eq!(odd.name.as_bytes(), b"po\n\xff\x1b.edi");
    assert_eq!(client.read("out", odd, LIMIT_BYTES).await.expect("read"), "ISA");
    let missing = client.list("nowhere").await.expect_err("no folder");
    assert_eq!(missing.kind(), Kind::NotFound);
    let too_large = client.read("out", odd, 2).await.expect_err("above the limit");
    assert_eq!(too_large.kind(), Kind::TooLarge);
}

#[tokio::test]
async fn a_file_is_held_if_it_is_what_it_was() {
    let place = place(Age::Modern);
    held_if_it_is_what_it_was(&place.client(), &place.home).await;
}

#[tokio::test]
async fn a_file_put_again_under_the_same_name_is_seen_as_another() {
    let place = place(Age::Modern);
    let client = place.client();
    fs::write(place.home.join("out/po.edi"), "first").expect("written");
    let listing = client.list("out").await.expect("listed");
    let entry = &listing.entries[0];
    assert_eq!(client.stat("out", &entry.name).await.expect("looked").as_ref(), Some(entry));
    fs::write(place.home.join("out/po.edi"), "the second").expect("written");
    assert_ne!(client.stat("out", &entry.name).await.expect("looked").as_ref(), Some(entry));
    fs::remove_file(place.home.join("out/po.edi")).expect("taken");
    assert_ne!(client.stat("out", &entry.name).await.expect("looked").as_ref(), Some(entry));
}

#[tokio::test]
async fn a_file_that_is_not_what_was_listed_is_not_taken() {
    let place = place(Age::Modern);
    super::takes_only_what_was_listed(&place.client(), "out", &place.home.join("out")).await;
}

#[tokio::test]
async fn a_wrong_host_key_is_sent_nothing() {
    let place = place(Age::Modern);
    let mut settings = place.settings();
    let shown = show_host_key("127.0.0.1", settings.port, Algorithms::Modern).expect("shown");
    assert_eq!(shown.fingerprint.to_string(), place.sshd.host_key());
    assert_eq!(shown.kind, "ssh-ed25519");
    let other = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU".parse();
    settings.host_keys = vec![other.expect("a fingerprint")];
    let mistrust = client(settings.clone()).list("out").await.expect_err("not pinned");
    assert_eq!(mistrust.kind(), Kind::HostKeyMismatch);
    assert!(!mistrust.is_temporary());
    assert!(mistrust.to_string().contains(place.sshd.host_key()), "{mistrust}");
    // The next key beside the present one is how a partner changes it.
    settings.host_keys.push(place.sshd.host_key().parse().expect("a fingerprint"));
    client(settings).list("out").await.expect("pinned");
    let log = place.log_with("Accepted publickey", 1).await;
    let offered = log.contains("Failed") || log.contains("authenticating user");
    assert!(!offered, "something was offered: {log}");
}

#[tokio::test]
async fn a_refused_login_stops_after_three_tries() {
    let place = place(Age::Modern);
    let other = tempfile::tempdir().expect("a temporary folder");
    let stranger = Sshd::start(other.path(), &["acme"], Age::Modern).expect("sshd starts");
    let mut settings = place.settings();
    let key = SecretRef::File(stranger.account("acme").key);
    settings.login = Login::Key { key, passphrase: None };
    let client = client(settings);
    for attempt in 1..=5 {
        let refused = client.list("out").await.expect_err("a stranger's key");
        assert_eq!(refused.kind(), Kind::AuthRefused, "{refused}");
        assert_eq!(refused.retry_after().is_some(), attempt >= 3);
    }
    place.log_with("Connection closed by authenticating user", 3).await;
}

#[tokio::test]
async fn a_server_that_is_down_is_asked_again_later_and_sessions_mend() {
    let mut place = place(Age::Modern);
    let client = place.client();
    put(&client, "in", "1.edi", b"1").await.expect("put");
    place.sshd.cut_sessions();
    // The session kept open is gone: a new one takes over within the same call.
    put(&client, "in", "2.edi", b"2").await.expect("put on a new session");
    place.sshd.stop();
    let down = put(&client, "in", "3.edi", b"3").await.expect_err("nobody listens");
    assert_eq!(down.kind(), Kind::Down, "{down}");
    assert!(down.is_temporary());
    let wait = down.retry_after().expect("we back off");
    assert!(wait.as_millis() <= 250, "{wait:?}");
    place.sshd.start_again().expect("sshd starts again");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while put(&client, "in", "3.edi", b"3").await.is_err() {
        assert!(std::time::Instant::now() < deadline, "it did not come back");
        tokio::task::yield_now().await;
    }
    assert_eq!(names(&client, "in").await, ["1.edi", "2.edi", "3.edi"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_cut_in_the_middle_shows_nothing() {
    let place = place(Age::Modern);
    let client = place.client();
    let temp = place.home.join("in/.big.edi.part");
    let bytes = vec![b'x'; 40 << 20];
    let cutting = std::thread::scope(|scope| {
        let cut = scope.spawn(|| {
            // Waits until a part of it is on the other side, and cuts then.
            let begun = std::time::Instant::now();
            while !fs::metadata(&temp).is_ok_and(|file| file.len() > 1 << 20) {
                assert!(begun.elapsed().as_secs() < 20, "the upload never began");
                std::thread::yield_now();
            }
            place.sshd.cut_sessions();
        });
        let result = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(put(&client, "in", "big.edi", &bytes))
        });
        cut.join().expect("it was cut");
        result
    });
    let broken = cutting.expect_err("the session was new, so it is not repeated unasked");
    assert!(broken.is_temporary(), "{broken}");
    assert!(!place.home.join("in/big.edi").exists(), "half a file was visible");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while put(&client, "in", "big.edi", &bytes).await.is_err() {
        assert!(std::time::Instant::now() < deadline, "it did not come back");
        tokio::task::yield_now().await;
    }
    assert_eq!(fs::metadata(place.home.join("in/big.edi")).expect("whole").len(), 40 << 20);
    assert_eq!(names(&client, "in").await, ["big.edi"]);
}

#[tokio::test]
async fn old_servers_are_reached_only_where_it_is_asked_for() {
    for (age, cipher) in [
        (Age::Sha1Groups, "aes256-cbc"),
        (Age::TripleDes, "3des-cbc"),
        (Age::Sha1NegotiatedGroup, "aes128-cbc"),
    ] {
        let place = place(age);
        let mut settings = place.settings();
        let refused = client(settings.clone()).list("out").await.expect_err("too old");
        assert_eq!(refused.kind(), Kind::Refused, "{refused}");
        assert!(refused.hint().contains("`legacy_until`"));
        let today = Clock::System.now().date_naive();
        settings.legacy_until = today.pred_opt();
        let over = client(settings.clone()).list("out").await.expect_err("not any more");
        assert_eq!(over.kind(), Kind::Refused, "{over}");
        assert!(over.hint().contains("is over"), "{}", over.hint());
        settings.legacy_until = Some(today);
        let server = Server::new(settings, resolve_with(PathBuf::new(), |_| None));
        let agreed = server.probe().await.expect("reached");
        assert!(agreed.legacy, "{agreed:?}");
        assert_eq!(agreed.cipher, cipher);
        let client = Transport::Sftp(server);
        put(&client, "in", "po.edi", &[b'x'; 100_000]).await.expect("put");
        assert_eq!(get(&client, "in", "po.edi").await.expect("read").len(), 100_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_grabs_what_it_sees_never_sees_half_a_file() {
    let place = place(Age::Modern);
    grabs_only_whole_files(&place.client(), "in", &place.home.join("in"), 40);
}

#[tokio::test]
async fn many_requests_share_the_sessions() {
    let place = place(Age::Modern);
    let client = place.client();
    let puts = (0..60).map(|number| {
        let client = &client;
        async move { put(client, "in", &format!("{number:02}.edi"), b"ISA").await }
    });
    for outcome in futures_util::future::join_all(puts).await {
        assert_eq!(outcome.expect("put"), Outcome::Delivered);
    }
    assert_eq!(names(&client, "in").await.len(), 60);
    // Two sessions served them all.
    place.log_with("Accepted publickey", 2).await;
}

#[tokio::test]
async fn a_server_that_hangs_up_at_once_is_busy() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    let server = std::thread::spawn(move || {
        let (mut tcp, _) = listener.accept().expect("a client");
        // What OpenSSH does above MaxStartups.
        tcp.write_all(b"Exceeded MaxStartups\r\n").expect("sent");
        tcp.shutdown(std::net::Shutdown::Write).expect("shut");
        tcp.read_to_end(&mut Vec::new()).ok();
    });
    let place = place(Age::Modern);
    let mut settings = place.settings();
    settings.port = port;
    let busy = client(settings).list("out").await.expect_err("busy");
    assert_eq!(busy.kind(), Kind::Busy, "{busy}");
    assert!(busy.is_temporary() && busy.retry_after().is_some());
    server.join().expect("it ended");
}

#[tokio::test]
async fn keys_behind_a_passphrase_and_broken_keys_are_told_apart() {
    let place = place(Age::Modern);
    let account = place.sshd.account("acme");
    let locked = place.home.join("locked");
    fs::copy(&account.key, &locked).expect("copied");
    let changed = std::process::Command::new("ssh-keygen")
        .args(["-q", "-p", "-P", "", "-N", "open sesame", "-f"])
        .arg(&locked)
        .output();
    assert!(changed.expect("ssh-keygen runs").status.success());
    let mut settings = place.settings();
    let with = |passphrase: &str| Login::Key {
        key: SecretRef::File(locked.clone()),
        passphrase: Some(SecretRef::Env(passphrase.into())),
    };
    let secrets = resolve_with(PathBuf::new(), |variable| match variable {
        "RIGHT" => Some("open sesame".into()),
        "WRONG" => Some("open barley".into()),
        _ => None,
    });
    settings.login = with("RIGHT");
    let opened = Transport::Sftp(Server::new(settings.clone(), secrets.clone()));
    opened.list("out").await.expect("the passphrase fits");
    for wrong in ["WRONG", "ABSENT"] {
        settings.login = with(wrong);
        let shut = Transport::Sftp(Server::new(settings.clone(), secrets.clone()));
        let refused = shut.list("out").await.expect_err("the key stays shut");
        assert!(!refused.is_temporary(), "{refused}");
    }
}
