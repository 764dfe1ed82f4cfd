//! What comes packed and what goes packed: gzip, zip, and PGP as GnuPG writes and reads it.

use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;

use crossdock::store::{FileRow, FileState};
use nix::sys::signal::Signal;
use zip::write::SimpleFileOptions;

use super::site::{Site, invoice};
use crate::harness::gpg::Gpg;

/// Says how the channel of partner `one` packs.
fn agree(site: &Site, inbound: &str, outbound: &str, channel: &str) {
    let path = site.root().join("partner-profiles/one.toml");
    let text = fs::read_to_string(&path).expect("read");
    let text = text.replace(r#"after = "delete" }"#, &format!(r#"after = "delete"{inbound} }}"#)).replace(
        r#"outbound  = { path = "outbox/one" }"#,
        &format!(r#"outbound = {{ path = "outbox/one"{outbound} }}{channel}"#),
    );
    fs::write(path, text).expect("written");
}

fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).expect("memory takes it");
        writer.write_all(bytes).expect("memory takes it");
    }
    writer.finish().expect("memory takes it").into_inner()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = flate2::read::GzEncoder::new(bytes, flate2::Compression::default());
    encoder.read_to_end(&mut packed).expect("memory takes it");
    packed
}

fn named<'f>(files: &'f [FileRow], name: &str) -> &'f FileRow {
    files.iter().find(|file| file.name == name).unwrap_or_else(|| panic!("no `{name}` in {files:?}"))
}

#[tokio::test]
async fn each_file_of_an_archive_is_one_of_its_own_and_the_archive_stays_as_it_came() {
    let site = Site::new("").await;
    agree(&site, r#", unpack = ["zip"]"#, "", "");
    let (first, second) = (invoice("PARTNERONE", 1), invoice("PARTNERONE", 2));
    let packed = zipped(&[
        ("../../1.edi", first.as_bytes()),
        ("day/", b""),
        ("day/2.edi", second.as_bytes()),
        ("again.edi", first.as_bytes()),
    ]);
    site.put("one", "day.zip", &packed);
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 0, "{}", ran.text);
    let files = site.received().await;
    let states: Vec<(&str, FileState, &str)> =
        files.iter().map(|file| (file.name.as_str(), file.state, file.entry.as_str())).collect();
    let archive = named(&files, "day.zip");
    assert_eq!(
        states,
        [
            ("1.edi", FileState::Processed, "../../1.edi"),
            ("2.edi", FileState::Processed, "day/2.edi"),
            ("again.edi", FileState::Duplicate, "again.edi"),
            ("day.zip", FileState::Processed, ""),
        ]
    );
    assert_eq!(archive.reason, "unpacked into 3 files");
    assert!(files.iter().filter(|file| file.origin_id == Some(archive.id)).count() == 3);
    assert_eq!(site.store().load_file(archive.id).await.expect("kept").bytes, packed);
    assert_eq!(site.sent("one").len(), 2, "each is answered by itself");
    assert!(fs::read_dir(site.root().join("inbox/one")).expect("listed").next().is_none());

    let id = archive.id.to_string();
    let shown = site.run(&["files", "show", &id]).await.text;
    assert!(shown.contains("unpacked into file") && shown.contains("1.edi, processed"), "{shown}");
    let inner = named(&files, "1.edi").id.to_string();
    let shown = site.run(&["files", "show", &inner]).await.text;
    assert!(shown.contains("day.zip, there `../../1.edi`"), "{shown}");
    let replayed = site.run(&["replay", &id]).await;
    assert!(
        replayed.code == 1 && replayed.text.contains("was unpacked, not read; hint: replay what was in it"),
        "{}",
        replayed.text
    );
}

#[tokio::test]
async fn what_is_not_packed_as_agreed_is_quarantined_and_told() {
    let site = Site::new("[hub]\ngrace = \"1s\"\n").await;
    agree(
        &site,
        r#", complete = "stable", stable = "2s", unpack = ["gzip"], limits = { ratio = 10, mb = 8 }"#,
        "",
        "",
    );
    let sound = gzipped(invoice("PARTNERONE", 1).as_bytes());
    site.put("one", "plain.edi", invoice("PARTNERONE", 2));
    site.put("one", "cut.gz", &sound[..sound.len() - 4]);
    site.put("one", "bomb.gz", gzipped(&vec![b' '; 4 << 20]));
    site.put("one", "twice.gz", gzipped(&gzipped(invoice("PARTNERONE", 3).as_bytes())));
    site.put("one", "sound.gz", &sound);
    let mut hub = site.serve();
    site.wait_for(FileState::Quarantined, 4).await;
    site.wait_for(FileState::Processed, 3).await;
    hub.kill().await.expect("it runs");
    let files = site.received().await;
    for (name, why) in [
        ("plain.edi", "it is no gzip file"),
        ("cut.gz", "the gzip file is cut short"),
        ("bomb.gz", "more than 10 times its size come out of it"),
        ("twice", "the file is a gzip archive, not a document"),
    ] {
        let file = named(&files, name);
        assert_eq!(file.state, FileState::Quarantined, "{name}");
        assert!(file.reason.contains(why) && !file.hint.is_empty(), "{name}: {} {}", file.reason, file.hint);
    }
    assert_eq!(named(&files, "sound").state, FileState::Processed);
}

#[tokio::test]
async fn a_hub_that_ends_while_it_unpacks_loses_nothing_and_does_nothing_twice() {
    for point in ["in.unpack.before", "in.unpack.after"] {
        let site = Site::new("").await;
        agree(&site, r#", unpack = ["zip"]"#, "", "");
        let (first, second) = (invoice("PARTNERONE", 1), invoice("PARTNERONE", 2));
        site.put("one", "day.zip", zipped(&[("1.edi", first.as_bytes()), ("2.edi", second.as_bytes())]));
        let ended =
            site.command(&["run", "--once"]).env("CROSSDOCK_KILL_AT", point).status().await.expect("it runs");
        assert_eq!(ended.signal(), Some(Signal::SIGKILL as i32), "{point}");
        super::site::until("the rest is done", async || site.run(&["run", "--once"]).await.code == 0).await;
        let states: Vec<FileState> = site.received().await.iter().map(|file| file.state).collect();
        assert_eq!(states, [FileState::Processed; 3], "{point}");
        assert_eq!(site.sent("one").len(), 2, "{point}");
    }
}

/// A site whose partner `one` sends and gets what GnuPG packs.
struct Secret {
    site: Site,
    us: Gpg,
    them: Gpg,
}

const PGP: &str = r#"
pgp = { key = { file = "keys/ours.asc" }, passphrase = { file = "keys/pass" }, partner_keys = ["keys/one.asc"] }
"#;

impl Secret {
    async fn new(ours: &str, theirs: &str) -> Self {
        let site = Site::new("[hub]\ngrace = \"1s\"\n").await;
        agree(&site, r#", unpack = ["pgp", "gzip"]"#, r#", pack = ["gzip", "pgp"]"#, PGP);
        fs::create_dir(site.root().join("keys")).expect("made");
        let us = Gpg::of("Crossdock <edi@crossdock.example>", ours, "open sesame");
        let them = Gpg::of("One <edi@one.example>", theirs, "");
        us.knows(&them);
        them.knows(&us);
        us.export_secret(&site.root().join("keys/ours.asc"), "open sesame");
        them.export(&site.root().join("keys/one.asc"));
        let secret = Self { site, us, them };
        secret.write_key("pass", b"open sesame\n");
        secret
    }

    fn key(&self, name: &str) -> PathBuf {
        self.site.root().join("keys").join(name)
    }

    fn write_key(&self, name: &str, bytes: &[u8]) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::write(self.key(name), bytes).expect("written");
        fs::set_permissions(self.key(name), fs::Permissions::from_mode(0o600)).expect("it is ours");
    }

    /// What goes to us, with these further arguments.
    fn pack(&self, by: &Gpg, arguments: &[&str], control: u32) -> Vec<u8> {
        by.run(arguments, &gzipped(invoice("PARTNERONE", control).as_bytes()))
    }
}

const TO_US: [&str; 4] = ["--recipient", "edi@crossdock.example", "--encrypt", "--sign"];

#[tokio::test]
async fn what_gnupg_encrypts_and_signs_is_read_and_what_we_pack_gnupg_reads() {
    for (ours, theirs) in [
        ("rsa2048+rsa2048", "ed25519+cv25519"),
        ("ed25519+cv25519", "rsa3072+rsa3072"),
        ("nistp256+nistp256", "nistp384+nistp384"),
    ] {
        let secret = Secret::new(ours, theirs).await;
        let site = &secret.site;
        site.put("one", "1.edi.gz.pgp", secret.pack(&secret.them, &TO_US, 1));
        site.put("one", "2.edi.gz.asc", secret.pack(&secret.them, &[&["--armor"][..], &TO_US].concat(), 2));
        let hard =
            [&["--compress-algo", "zlib", "--cipher-algo", "3DES", "--digest-algo", "SHA512"][..], &TO_US]
                .concat();
        site.put("one", "3.edi.gz.gpg", secret.pack(&secret.them, &hard, 3));
        let ran = site.run(&["run", "--once"]).await;
        assert_eq!(ran.code, 0, "{ours} {theirs}: {}", ran.text);
        let files = site.received().await;
        for name in ["1.edi", "2.edi", "3.edi"] {
            assert_eq!(named(&files, name).state, FileState::Processed, "{ours} {theirs} {name}");
        }
        let folder = site.root().join("outbox/one");
        let mut sent: Vec<PathBuf> =
            fs::read_dir(&folder).expect("listed").map(|entry| entry.expect("listed").path()).collect();
        sent.sort();
        assert_eq!(sent.len(), 3);
        for (path, number) in sent.iter().zip(1..) {
            assert!(path.ends_with(format!("997_{number:09}.edi.gz.pgp")), "{path:?}");
            let (good, plain, said) =
                secret.them.tried(&["--verbose", "--decrypt"], &fs::read(path).expect("read"));
            assert!(good && said.contains("Good signature from \"Crossdock"), "{said}");
            let mut text = String::new();
            flate2::read::GzDecoder::new(&plain[..]).read_to_string(&mut text).expect("it is gzip");
            assert!(text.starts_with("ISA*") && text.contains("ST*997"), "{text}");
        }
        // The same delivery has the same bytes, though encrypting twice never gives the same.
        let before = fs::read(&sent[0]).expect("read");
        fs::remove_file(&sent[0]).expect("the partner took it");
        let delivery = site.store().list_deliveries(&Default::default(), 10).await.expect("answers");
        let delivery =
            delivery.iter().find(|delivery| sent[0].ends_with(&delivery.target)).expect("it is there");
        let shown = site.run(&["deliveries", "show", &delivery.id.to_string()]).await.text;
        assert!(shown.contains("carries document") && shown.contains(" 997 "), "{shown}");
        site.run(&["resend", &delivery.id.to_string(), "--reason", "they lost it"]).await;
        assert_eq!(site.run(&["run", "--once"]).await.code, 0);
        assert_eq!(fs::read(&sent[0]).expect("it is there again"), before);
    }
}

#[tokio::test]
async fn what_is_not_encrypted_to_us_or_not_signed_by_the_partner_is_quarantined() {
    let secret = Secret::new("ed25519+cv25519", "ed25519+cv25519").await;
    let site = &secret.site;
    let stranger = Gpg::of("Eve <eve@else.example>", "ed25519+cv25519", "");
    stranger.knows(&secret.us);
    secret.them.knows(&stranger);
    let packed =
        |by: &Gpg, to: &str, more: &[&str]| secret.pack(by, &[&["--recipient", to][..], more].concat(), 7);
    let us = "edi@crossdock.example";
    let both = ["--encrypt", "--sign"];
    site.put("one", "stranger.gpg", packed(&stranger, us, &both));
    site.put("one", "unsigned.gpg", packed(&secret.them, us, &["--encrypt"]));
    site.put("one", "elsewhere.gpg", packed(&secret.them, "eve@else.example", &both));
    site.put("one", "weak.gpg", packed(&secret.them, us, &["--digest-algo", "SHA1", "--encrypt", "--sign"]));
    site.put("one", "password.gpg", secret.them.run(&["--passphrase", "x", "--symmetric"], b"ISA"));
    let sound = packed(&secret.them, us, &both);
    site.put("one", "cut.gpg", &sound[..sound.len() - 30]);
    let mut changed = sound;
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    site.put("one", "changed.gpg", &changed);
    site.put("one", "plain.gpg", invoice("PARTNERONE", 8));
    site.put("one", "bomb.gpg", {
        let bomb = gzipped(&vec![0; 200 << 20]);
        secret.them.run(&TO_US, &bomb)
    });
    site.run(&["run", "--once"]).await;
    let files = site.received().await;
    for (name, why) in [
        ("stranger.gpg", "it is signed by"),
        ("unsigned.gpg", "it is not signed; it must be signed by"),
        ("elsewhere.gpg", "it is encrypted to"),
        ("weak.gpg", "a hash that is not safe any more"),
        ("password.gpg", "it is encrypted to a password, not to our key"),
        ("cut.gpg", "the PGP"),
        ("changed.gpg", "the PGP message is damaged"),
        ("plain.gpg", "it is no PGP file"),
        ("bomb.gpg", "times its size come out of it"),
    ] {
        let file = named(&files, name);
        assert_eq!(file.state, FileState::Quarantined, "{name}");
        assert!(
            file.reason.contains(why) && file.hint.contains("crossdock release"),
            "{name}: {} {}",
            file.reason,
            file.hint
        );
    }
    assert_eq!(files.len(), 9, "nothing came out of any of them");
    assert!(site.sent("one").is_empty());

    // The partner has a new key: once it is named, what it signed is let go.
    fs::copy(secret.key("one.asc"), secret.key("old.asc")).expect("copied");
    stranger.export(&secret.key("one.asc"));
    let id = named(&files, "stranger.gpg").id.to_string();
    site.run(&["release", &id, "--reason", "their new key, confirmed by phone"]).await;
    assert_eq!(site.run(&["run", "--once"]).await.code, 0);
    assert_eq!(named(&site.received().await, "stranger").state, FileState::Processed);
}

#[tokio::test]
async fn while_a_key_is_not_to_be_had_files_wait_and_then_go_by_themselves() {
    let secret = Secret::new("ed25519+cv25519", "ed25519+cv25519").await;
    let site = &secret.site;
    secret.write_key("pass", b"wrong\n");
    site.put("one", "1.edi.gpg", secret.pack(&secret.them, &TO_US, 1));
    let ran = site.run(&["run", "--once"]).await;
    assert!(ran.code == 3 && ran.text.contains("check `passphrase`"), "{} {}", ran.code, ran.text);
    assert!(!ran.text.contains("wrong\n") && !ran.text.contains("open sesame"), "{}", ran.text);
    fs::rename(secret.key("ours.asc"), secret.key("away.asc")).expect("renamed");
    secret.write_key("pass", b"open sesame\n");
    super::site::until("it is told", async || {
        site.run(&["run", "--once"]).await.text.contains("keys/ours.asc")
    })
    .await;
    fs::rename(secret.key("away.asc"), secret.key("ours.asc")).expect("renamed");
    super::site::until("it is done", async || site.run(&["run", "--once"]).await.code == 0).await;
    assert_eq!(named(&site.received().await, "1.edi").state, FileState::Processed);
    assert_eq!(fs::read_dir(site.root().join("outbox/one")).expect("listed").count(), 1);
}
