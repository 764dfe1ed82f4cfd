//! Local folders.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::time::Duration;

use bytes::Bytes;
use crossdock::transports::watch::{Nudge, Watcher};
use crossdock::transports::{Claim, EntryKind, FileName, Kind, Outcome, Put, Transport, local::Local};

use super::{LIMIT_BYTES, get, grabs_only_whole_files, held_if_it_is_what_it_was, name, names, put};

fn place() -> (tempfile::TempDir, Transport) {
    let root = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(root.path().join("acme")).expect("a folder in it");
    let local = Transport::Local(Local::new(root.path()));
    (root, local)
}

#[tokio::test]
async fn a_file_is_put_listed_read_moved_and_removed() {
    let (root, local) = place();
    let done = Local::new(root.path()).create_folder("acme/done").await;
    done.expect("the folder is made");
    assert_eq!(put(&local, "acme", "po.edi", b"ISA").await.expect("put"), Outcome::Delivered);
    assert_eq!(names(&local, "acme").await, ["done", "po.edi"]);
    assert_eq!(get(&local, "acme", "po.edi").await.expect("read"), "ISA");
    let entry = local.stat("acme", &name("po.edi")).await.expect("looked").expect("it is there");
    assert_eq!(entry.stat.size_bytes, Some(3));
    local.move_to("acme", &name("po.edi"), "acme/done", &name("1.edi")).await.expect("moved");
    assert_eq!(names(&local, "acme/done").await, ["1.edi"]);
    local.remove("acme/done", &name("1.edi")).await.expect("removed");
    local.remove("acme/done", &name("1.edi")).await.expect("removed before");
    assert_eq!(names(&local, "acme/done").await, [""; 0]);
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let (root, local) = place();
    fs::write(root.path().join("acme/po.edi"), "theirs").expect("written");
    let other = put(&local, "acme", "po.edi", b"ours, longer").await.expect("compared");
    assert_eq!(other, Outcome::AlreadyThere { same: false });
    let as_long = put(&local, "acme", "po.edi", b"OTHERS").await.expect("compared");
    assert_eq!(as_long, Outcome::AlreadyThere { same: false });
    let same = put(&local, "acme", "po.edi", b"theirs").await.expect("compared");
    assert_eq!(same, Outcome::AlreadyThere { same: true });
    put(&local, "acme", "other.edi", b"x").await.expect("put");
    let moved = local.rename("acme", &name("other.edi"), &name("po.edi")).await;
    assert_eq!(moved.expect_err("the name is taken").kind(), Kind::Exists);
    assert_eq!(get(&local, "acme", "po.edi").await.expect("read"), "theirs");
    assert_eq!(names(&local, "acme").await, ["other.edi", "po.edi"]);
}

#[tokio::test]
async fn a_file_is_held_if_it_is_what_it_was() {
    let (root, local) = place();
    fs::create_dir(root.path().join("out")).expect("made");
    held_if_it_is_what_it_was(&local, root.path()).await;
}

#[tokio::test]
async fn links_pipes_and_folders_are_never_followed() {
    let (root, local) = place();
    let acme = root.path().join("acme");
    fs::write(root.path().join("secret"), "secret").expect("written");
    symlink(root.path().join("secret"), acme.join("link.edi")).expect("linked");
    symlink(root.path(), root.path().join("elsewhere")).expect("linked");
    nix::unistd::mkfifo(&acme.join("pipe.edi"), nix::sys::stat::Mode::S_IRWXU).expect("made");
    let listing = local.list("acme").await.expect("listed");
    let kind = |file: &str| {
        let entry = listing.entries.iter().find(|entry| entry.name == name(file));
        entry.expect("listed").kind
    };
    assert_eq!(kind("link.edi"), EntryKind::Link);
    assert_eq!(kind("pipe.edi"), EntryKind::Other);
    for file in ["link.edi", "pipe.edi"] {
        let refused = get(&local, "acme", file).await.expect_err("not a file");
        assert_eq!(refused.kind(), Kind::Invalid, "{refused}");
        assert!(!refused.is_temporary());
    }
    for folder in ["elsewhere", "../..", "/etc", "acme/../.."] {
        let refused = local.list(folder).await.expect_err("not below the root");
        assert_eq!(refused.kind(), Kind::Invalid, "{folder}: {refused}");
    }
    // A link planted where we write is replaced, not written through.
    symlink(root.path().join("secret"), acme.join(".po.edi.part")).expect("linked");
    put(&local, "acme", "po.edi", b"ISA").await.expect("put");
    assert_eq!(fs::read(root.path().join("secret")).expect("read"), b"secret");
    let taken = put(&local, "acme", "link.edi", b"secret").await.expect("compared");
    assert_eq!(taken, Outcome::AlreadyThere { same: false });
}

#[tokio::test]
async fn hostile_names_are_kept_as_bytes() {
    let (root, local) = place();
    let raw: &[u8] = b"po\n\xff\x1b.edi";
    let path = root.path().join("acme").join(std::ffi::OsStr::from_bytes(raw));
    fs::write(path, "ISA").expect("written");
    fs::write(root.path().join("acme/..\\boot.ini"), "x").expect("written");
    let listing = local.list("acme").await.expect("listed");
    assert_eq!(listing.entries.len(), 1);
    assert_eq!(listing.refused.len(), 1);
    assert_eq!(listing.refused[0].shown, "..\\boot.ini");
    let kept = &listing.entries[0];
    assert_eq!(kept.name.as_bytes(), raw);
    assert_eq!(kept.name.to_string(), "po\\n\\xff\\u{1b}.edi");
    assert_eq!(local.read("acme", kept, LIMIT_BYTES).await.expect("read"), "ISA");
}

#[tokio::test]
async fn a_file_above_the_limit_is_not_read() {
    let (root, local) = place();
    let file = fs::File::create(root.path().join("acme/sparse.edi")).expect("made");
    file.set_len(10 << 30).expect("sparse");
    let refused = get(&local, "acme", "sparse.edi").await.expect_err("too large");
    assert_eq!(refused.kind(), Kind::TooLarge);
    let gone = get(&local, "acme", "gone.edi").await.expect_err("not there");
    assert_eq!(gone.kind(), Kind::NotFound);
}

#[tokio::test]
async fn a_file_that_is_not_what_was_listed_is_not_taken() {
    let (root, local) = place();
    super::takes_only_what_was_listed(&local, "acme", &root.path().join("acme")).await;
}

#[tokio::test]
async fn a_batch_is_answered_in_order() {
    let (_root, local) = place();
    put(&local, "acme", "7.edi", b"7").await.expect("put");
    put(&local, "acme", "8.edi", b"another").await.expect("put");
    let files = (0..20)
        .map(|number| Put {
            temp_name: name(&format!(".{number}.part")),
            final_name: name(&format!("{number}.edi")),
            bytes: Bytes::from(number.to_string()),
            stale: Vec::new(),
            claim: Claim::undisputed(),
            direct: false,
        })
        .collect();
    let outcomes = local.write_batch("acme", files).await;
    for (number, outcome) in outcomes.into_iter().enumerate() {
        let expected = match number {
            7 => Outcome::AlreadyThere { same: true },
            8 => Outcome::AlreadyThere { same: false },
            _ => Outcome::Delivered,
        };
        assert_eq!(outcome.expect("written"), expected, "{number}");
    }
    assert_eq!(names(&local, "acme").await.len(), 20);
    let missing = put(&local, "nobody", "1.edi", b"1").await.expect_err("no folder");
    assert_eq!(missing.kind(), Kind::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_grabs_what_it_sees_never_sees_half_a_file() {
    let (root, local) = place();
    grabs_only_whole_files(&local, "acme", &root.path().join("acme"), 60);
}

#[tokio::test]
async fn a_closed_or_moved_file_gives_a_nudge() {
    let (root, _) = place();
    let folder = root.path().join("acme");
    let every = Duration::from_secs(3600);
    let mut watcher = Watcher::start(std::slice::from_ref(&folder), every).expect("watching");
    assert_eq!(watcher.next().await, Nudge::Sweep);
    fs::write(folder.join("a.edi"), "ISA").expect("written");
    let nudge = |file: &str| Nudge::File { folder: folder.clone(), name: name(file) };
    assert_eq!(watcher.next().await, nudge("a.edi"));
    fs::rename(folder.join("a.edi"), folder.join("b.edi")).expect("renamed");
    assert_eq!(watcher.next().await, nudge("b.edi"));
    fs::rename(folder.join("b.edi"), folder.join(".b.held")).expect("renamed");
    fs::write(folder.join(".c.part"), "ISA").expect("written");
    fs::rename(folder.join(".c.part"), folder.join("c.edi")).expect("renamed");
    assert_eq!(watcher.next().await, nudge("c.edi"), "what is hidden is nobody's business");
    let missing = Watcher::start(&[root.path().join("nobody")], every);
    assert_eq!(missing.expect_err("no such folder").kind(), Kind::NotFound);
    assert!(FileName::parse(b"a.edi").is_ok());
}

#[tokio::test]
async fn what_is_not_ours_any_more_is_not_shown_and_what_earlier_tries_left_is_cleared() {
    let (root, local) = place();
    let put = |number: u32, claim: Claim| Put {
        temp_name: name(&format!(".po.{number}.part")),
        final_name: name("po.edi"),
        bytes: Bytes::from_static(b"ISA"),
        stale: (1..number).map(|earlier| name(&format!(".po.{earlier}.part"))).collect(),
        claim,
        direct: false,
    };
    let late = local.write_batch("acme", vec![put(1, Claim::new(|| false))]).await.remove(0);
    let error = late.expect_err("another may be at it");
    assert!(error.is_temporary() && error.to_string().contains("another node may be at it"), "{error}");
    assert_eq!(names(&local, "acme").await, [""; 0], "nothing is shown");
    fs::write(root.path().join("acme/.po.1.part"), "IS").expect("left by a try that was killed");
    let shown = local.write_batch("acme", vec![put(2, Claim::undisputed())]).await.remove(0);
    assert_eq!(shown.expect("put"), Outcome::Delivered);
    assert_eq!(names(&local, "acme").await, ["po.edi"]);
    drop(root);
}
