//! Transports against the real thing: folders of this machine and OpenSSH on loopback.

mod counterparts;
mod http;
mod lines;
mod local;
mod login;
mod sftp;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use crossdock::transports::{Entry, EntryKind, Error, FileName, Hold, Kind, Stat, Transport};

/// More than any file here has.
const LIMIT_BYTES: u64 = 64 << 20;

fn name(text: &str) -> FileName {
    text.parse().expect("a plain name")
}

async fn put(
    to: &Transport,
    folder: &str,
    file: &str,
    bytes: &[u8],
) -> Result<crossdock::transports::Outcome, Error> {
    let temp = name(&format!(".{file}.part"));
    to.write_new(folder, &temp, &name(file), Bytes::copy_from_slice(bytes)).await
}

/// Reads a file as it is now, or one that is not there.
async fn get(from: &Transport, folder: &str, file: &str) -> Result<Bytes, Error> {
    let none = Stat { size_bytes: None, modified_at: None };
    let missing = Entry { name: name(file), kind: EntryKind::File, stat: none };
    let entry = from.stat(folder, &name(file)).await?.unwrap_or(missing);
    from.read(folder, &entry, LIMIT_BYTES).await
}

/// Names of a folder in order, as people see them.
async fn names(of: &Transport, folder: &str) -> Vec<String> {
    let listing = of.list(folder).await.expect("the folder can be listed");
    let mut names: Vec<_> = listing.entries.iter().map(|entry| entry.name.to_string()).collect();
    names.sort();
    names
}

/// Holds a file of the folder `out` below `root`, once more, and when it is another or gone.
async fn held_if_it_is_what_it_was(from: &Transport, root: &Path) {
    let (file, held) = (root.join("out/po.edi"), name(".1.held"));
    fs::write(&file, "first").expect("written");
    let listed = from.list("out").await.expect("listed").entries.remove(0);
    for _ in 0..2 {
        let now = from.hold("out", &listed, &held).await.expect("held");
        assert_eq!(now, Hold::Held(Entry { name: held.clone(), ..listed.clone() }));
        assert_eq!(names(from, "out").await, [".1.held"]);
    }
    fs::write(&file, "the second").expect("written");
    let now = from.hold("out", &listed, &held).await.expect("looked");
    assert!(matches!(now, Hold::Held(now) if now.is_like(&listed)), "the first is still held");
    from.remove("out", &held).await.expect("removed");
    assert_eq!(from.hold("out", &listed, &held).await.expect("looked"), Hold::Gone);
    assert_eq!(fs::read(&file).expect("it is there"), b"the second");
    fs::remove_file(&file).expect("taken");
    assert_eq!(from.hold("out", &listed, &held).await.expect("looked"), Hold::Gone);
}

/// Changes a file in every way after it was listed, and reads it by that listing.
async fn takes_only_what_was_listed(from: &Transport, folder: &str, path: &Path) {
    let file = path.join("po.edi");
    let whole = vec![b'x'; 600_000];
    let changes: [(&str, Kind, &dyn Fn()); 6] = [
        ("longer", Kind::Changed, &|| {
            fs::write(&file, [whole.as_slice(), b"more"].concat()).expect("written")
        }),
        ("shorter", Kind::Changed, &|| fs::write(&file, &whole[1..]).expect("written")),
        ("as long", Kind::Changed, &|| {
            let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
            fs::File::options().write(true).open(&file).expect("opened").set_modified(later).expect("set");
        }),
        ("empty", Kind::Changed, &|| fs::write(&file, "").expect("written")),
        ("gone", Kind::NotFound, &|| fs::remove_file(&file).expect("removed")),
        ("a link", Kind::Invalid, &|| {
            fs::rename(&file, path.join("other")).expect("renamed");
            std::os::unix::fs::symlink("other", &file).expect("linked");
        }),
    ];
    for (what, kind, change) in changes {
        fs::remove_file(&file).ok();
        fs::write(&file, &whole).expect("written");
        let entry = from.stat(folder, &name("po.edi")).await.expect("looked").expect("it is there");
        assert_eq!(from.read(folder, &entry, LIMIT_BYTES).await.expect("read"), whole);
        change();
        let refused = from.read(folder, &entry, LIMIT_BYTES).await.expect_err(what);
        assert_eq!(refused.kind(), kind, "{what}: {refused}");
        assert_eq!(refused.is_temporary(), kind == Kind::Changed, "{what}: {refused}");
    }
}

/// Puts files while somebody takes and removes whatever is visible, as fast as he can.
fn grabs_only_whole_files(to: &Transport, folder: &str, path: &Path, count: usize) {
    const SIZE: usize = 300_000;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let grabbing = scope.spawn(|| {
            let mut grabbed = 0;
            loop {
                let last = done.load(Ordering::Relaxed);
                for entry in fs::read_dir(path).expect("listed").flatten() {
                    if entry.path().extension().is_some_and(|extension| extension == "edi") {
                        let bytes = fs::read(entry.path()).expect("read");
                        assert_eq!(bytes.len(), SIZE, "half a file was visible");
                        fs::remove_file(entry.path()).expect("grabbed");
                        grabbed += 1;
                    }
                }
                if last {
                    return grabbed;
                }
            }
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for number in 0..count {
                    put(to, folder, &format!("{number}.edi"), &vec![b'x'; SIZE]).await.expect("put");
                }
            });
        });
        done.store(true, Ordering::Relaxed);
        assert_eq!(grabbing.join().expect("every grab was whole"), count);
    });
}
