//! A hub whose large files go through a bucket: in, read, answered, replayed, and gone with their retention.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crossdock::store::FileState;
use sqlx::Executor as _;
use tokio::process::Command;

use super::site::{Said, Site, expect, invoice, said, until};
use crate::harness::s3::{ACCESS_KEY, BUCKET, REGION, S3, SECRET_KEY, Trouble, Verb};

/// A hub that keeps large files in the bucket of a server.
async fn site(server: &S3) -> Site {
    let site = Site::new(&settings(server, BUCKET)).await;
    let key = site.root().join("archive.key");
    fs::write(&key, format!("{SECRET_KEY}\n")).expect("written");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("it is ours");
    site
}

fn settings(server: &S3, bucket: &str) -> String {
    let endpoint = server.endpoint();
    format!(
        "[hub]\ngrace = \"0s\"\n[archive]\nbucket = \"{bucket}\"\nprefix = \"edi/test\"\nendpoint = \"{endpoint}\"\n\
         region = \"{REGION}\"\naccess_key = {{ env = \"ARCHIVE_KEY\" }}\nsecret_key = {{ file = \"archive.key\" }}\n\
         timeout = \"30s\"\n"
    )
}

fn command(site: &Site, arguments: &[&str]) -> Command {
    let mut command = site.command(arguments);
    command.env("ARCHIVE_KEY", ACCESS_KEY).env("CROSSDOCK_LOG", "warn");
    command
}

async fn run(site: &Site, arguments: &[&str]) -> Said {
    said(command(site, arguments)).await
}

/// An invoice whose last segment comes after so many ends of lines that no row holds it.
fn large(control: u32) -> String {
    invoice("PARTNERONE", control).replace("IEA*", &format!("{}IEA*", "\n".repeat(1 << 20)))
}

/// The objects of the archive, but for its marker.
fn bodies(server: &S3) -> Vec<Vec<u8>> {
    let objects = server
        .objects()
        .into_iter()
        .filter(|(key, _)| !key.ends_with("crossdock-archive") && !key.contains("/audit/"));
    objects.map(|(_, bytes)| bytes.to_vec()).collect()
}

#[tokio::test]
async fn a_large_file_comes_is_answered_replayed_and_leaves_through_the_bucket() {
    let server = S3::start().await;
    let site = site(&server).await;
    let checked = run(&site, &["check", "--database"]).await;
    let place = format!("the archive s3://{BUCKET}/edi/test at {} is to be had", server.endpoint());
    assert!(checked.code == 0 && checked.text.contains(&place), "{}", checked.text);
    let large = large(7);
    site.put("one", "large.edi", &large);
    site.put("two", "small.edi", invoice("PARTNERTWO", 3));
    // The server is busy time and again.
    for verb in [Verb::Marker, Verb::Get, Verb::Head, Verb::Put] {
        server.trouble(verb, [Trouble::Answer(503, "SlowDown"); 2]);
    }
    let ran = run(&site, &["run", "--once"]).await;
    assert_eq!(ran.code, 0, "{}", ran.text);
    let files = site.received().await;
    let states: Vec<FileState> = files.iter().map(|file| file.state).collect();
    assert_eq!(states, [FileState::Processed; 2], "{} {}", files[0].reason, ran.text);
    assert_eq!(bodies(&server), [large.as_bytes()]);
    assert!(!site.root().join("var/archive").exists(), "a folder was made all the same");
    let answers = site.sent("one");
    assert!(answers.len() == 1 && answers[0].1.contains("AK9*A*1*1*1~"), "{answers:?}");

    let id = files[0].id.to_string();
    let shown = run(&site, &["files", "show", &id, "--body"]).await;
    assert!(
        shown.code == 0 && shown.text.contains("ST*810*0001~") && shown.text.contains(" bytes more"),
        "{}",
        shown.text.trim()
    );
    let replayed = run(&site, &["replay", &id]).await;
    assert!(replayed.code == 0 && replayed.text.contains("nothing differs"), "{}", replayed.text);

    fs::write(
        site.root().join("partner-profiles/defaults.toml"),
        "[retention]\ninvoices = \"1d\"\nproof = \"1d\"\nothers = \"1d\"\n",
    )
    .expect("written");
    let aged = "update file set received_at = received_at - interval '3 days'";
    site.database().connection().await.execute(aged).await.expect("it is ours");
    server.trouble(Verb::Delete, [Trouble::Answer(503, "SlowDown"); 9]);
    let ran = run(&site, &["run", "--once"]).await;
    assert_eq!((ran.code, bodies(&server).len()), (3, 1), "{}", ran.text);
    server.calm();
    until("it has left", async || run(&site, &["run", "--once"]).await.code == 0).await;
    assert_eq!(bodies(&server), Vec::<Vec<u8>>::new());
    let verified = run(&site, &["audit", "verify"]).await;
    assert!(
        verified.code == 0 && verified.text.contains("the 1 head that the archive keeps"),
        "{}",
        verified.text
    );
    let shown = run(&site, &["files", "show", &id, "--body"]).await;
    assert!(shown.code != 0 && shown.text.contains("with their retention"), "{}", shown.text);
}

#[tokio::test]
async fn while_the_bucket_is_away_large_files_wait_with_the_partner_and_small_ones_go_on() {
    let server = S3::start().await;
    let site = site(&server).await;
    // It is away from the start: a hub goes on all the same.
    server.trouble(Verb::Marker, [Trouble::Answer(503, "SlowDown"); 40]);
    site.put("two", "0-small.edi", invoice("PARTNERTWO", 6));
    let ran = run(&site, &["run", "--once"]).await;
    assert!(
        ran.code == 0 && ran.text.contains("large files wait until the archive is to be had"),
        "{}",
        ran.text
    );
    server.calm();
    assert_eq!(run(&site, &["run", "--once"]).await.code, 0, "the archive is marked");
    site.put("one", "1-large.edi", large(7));
    site.put("one", "2-small.edi", invoice("PARTNERONE", 8));
    server.trouble(Verb::Put, [Trouble::Answer(503, "SlowDown"); 40]);
    let ran = run(&site, &["run", "--once"]).await;
    assert_eq!(ran.code, 3, "{}", ran.text);
    let told = format!(
        "not reached: one/edi: `1-large.edi` is left where it is: cannot write {} in the archive s3://{BUCKET}/edi/test at {}: \
         it answered 503 SlowDown: so it was told; hint: it is tried again by itself",
        crossdock::store::hex(&crossdock::store::Body::inline(large(7)).sha256),
        server.endpoint()
    );
    assert!(ran.text.contains(&told), "{}", ran.text);
    let names: Vec<String> = site.received().await.into_iter().map(|file| file.name).collect();
    assert_eq!(names, ["0-small.edi", "2-small.edi"]);
    assert!(site.root().join("inbox/one/1-large.edi").exists(), "it was taken without its bytes");
    server.calm();
    // It is taken, and then away for longer than a call tries: the job is put back.
    server.trouble(Verb::Get, [Trouble::Answer(503, "SlowDown"); 1 + 6]);
    let mut hub = command(&site, &["serve"]).spawn().expect("it starts");
    site.wait_for(FileState::Processed, 3).await;
    hub.kill().await.expect("it is ours");
    let mut connection = site.database().connection().await;
    let tried = "select max(attempts) from job where kind = 'process'";
    let tries: i32 = sqlx::query_scalar(tried).fetch_one(&mut connection).await.expect("answers");
    assert!(tries > 1, "it was not put back");
}

#[tokio::test]
async fn a_hub_whose_bucket_is_wrong_does_not_start_and_says_what_to_mend() {
    let server = S3::start().await;
    let site = site(&server).await;
    fs::write(site.root().join("crossdock.toml"), settings(&server, "edi-archiv")).expect("written");
    let told = format!(
        "cannot read the marker in the archive s3://edi-archiv/edi/test at {}: it answered 404 NoSuchBucket: The specified \
         bucket does not exist; hint: mend `bucket`, `endpoint` or `region` in [archive] of crossdock.toml, or make the \
         bucket\n",
        server.endpoint()
    );
    for arguments in [&["run", "--once"][..], &["serve"], &["check", "--database"]] {
        let ran = run(&site, arguments).await;
        assert!(ran.code == 2 && ran.text.ends_with(&told), "{arguments:?}: {} {}", ran.code, ran.text);
    }
    // What needs no large file does not wait for them.
    assert_eq!(run(&site, &["status"]).await.code, 0);
}

#[tokio::test]
async fn each_faulty_setting_of_the_archive_is_told_with_its_line() {
    let site = Site::new("").await;
    let mut told = String::new();
    for text in [
        "bucket = \"s3://edi-archive/test\"\nprefix = \"/edi//test\"\nendpoint = \"minio:9000\"\nsecret_key = \"hunter2\"\n\
         timeout = \"0s\"\nbuckett = 1\n",
        "bucket = \"edi-archive\"\naccess_key = { env = \"KEY\" }\n",
        "bucket = \"edi-archive\"\nendpoint = \"http://minio.example:9000\"\nsecret_key = { file = \"keys/s3\" }\n",
        "endpoint = \"https://key:secret@s3.example\"\npath_style = \"yes\"\n",
    ] {
        fs::write(site.root().join("crossdock.toml"), format!("[archive]\n{text}")).expect("written");
        let ran = site.run(&["check"]).await;
        assert_eq!(ran.code, 2, "{}", ran.text);
        told.push_str(&ran.text.replace(&format!("{}/", site.root().display()), ""));
        told.push('\n');
    }
    expect("archive-settings.txt", &told);
    let sound = "[calls]\nallowed_private_hosts = [\"minio.example:9000\"]\n[archive]\nbucket = \"edi-archive\"\n\
                 endpoint = \"http://minio.example:9000\"\n";
    fs::write(site.root().join("crossdock.toml"), sound).expect("written");
    let ran = site.run(&["check"]).await;
    assert_eq!(ran.code, 0, "{}", ran.text);
}
