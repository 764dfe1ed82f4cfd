//! A disk that is full: nothing is lost or half written, and all goes on when there is room.
//!
//! A folder on a small file system of its own needs a mount namespace, which not every machine gives: `scripts/faults`
//! runs these.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crossdock::store::{Direction, FileFilter, FileState};

use super::site::{Said, Site, invoice, said, until};

/// A namespace in which one folder is a file system of 2 MiB.
struct Small {
    holder: Child,
}

impl Small {
    fn at(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("made");
        let script = "mount -t tmpfs -o size=2m none \"$0\" && echo ready && exec cat";
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("util-linux is installed");
        let mut line = String::new();
        let told = holder.stdout.take().expect("it is piped");
        BufReader::new(told).read_line(&mut line).expect("it tells");
        assert_eq!(line, "ready\n", "this machine gives no mount namespace to its user");
        Self { holder }
    }

    fn enter(&self) -> Vec<String> {
        ["nsenter", "--target", &self.holder.id().to_string(), "--user", "--mount", "--preserve-credentials"]
            .map(str::to_owned)
            .to_vec()
    }

    /// What a shell says in it.
    fn shell(&self, script: &str, folder: &Path) -> String {
        let words = self.enter();
        let output = Command::new(&words[0])
            .args(&words[1..])
            .args(["sh", "-c", script])
            .arg(folder)
            .output()
            .expect("it runs");
        String::from_utf8(output.stdout).expect("text")
    }

    fn fill(&self, folder: &Path) {
        self.shell("head -c 3000000 /dev/zero > \"$0/filler\"", folder);
        assert_eq!(self.shell("ls -A \"$0\"", folder), "filler\n");
    }

    fn free(&self, folder: &Path) {
        self.shell("rm \"$0/filler\"", folder);
    }

    /// One pass of the hub in it.
    async fn pass(&self, site: &Site) -> Said {
        let inside = site.command(&["run", "--once"]);
        let inside = inside.as_std();
        let words = self.enter();
        let mut command = tokio::process::Command::new(&words[0]);
        command.args(&words[1..]).arg(inside.get_program()).args(inside.get_args()).stdin(Stdio::null());
        for (name, value) in inside.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        said(command).await
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        self.holder.kill().and_then(|()| self.holder.wait()).expect("it is ours");
    }
}

#[tokio::test]
#[ignore = "it needs a mount namespace; `scripts/faults` runs it"]
async fn what_goes_out_waits_for_room() {
    let site = Site::new("[hub]\ngrace = \"0s\"\n").await;
    let folder = site.root().join("outbox/one");
    let small = Small::at(&folder);
    small.fill(&folder);
    site.put("one", "1.edi", invoice("PARTNERONE", 1));
    let ran = small.pass(&site).await;
    assert!(ran.text.contains("No space left on device"), "{} {}", ran.code, ran.text);
    assert_eq!(site.received().await[0].state, FileState::Processed);
    let seen = small.shell("ls \"$0\"", &folder);
    assert_eq!(seen, "filler\n", "something half is to be seen");
    small.free(&folder);
    until("the acknowledgment is there", async || {
        small.pass(&site).await;
        small.shell("ls \"$0\"", &folder).ends_with(".edi\n")
    })
    .await;
    let filter = FileFilter { direction: Some(Direction::Outbound), ..FileFilter::default() };
    let sent = site.store().list_files(&filter, 9).await.expect("lists").remove(0);
    let bytes = site.store().load_file(sent.id).await.expect("is there").bytes;
    assert_eq!(small.shell("cat \"$0\"/*", &folder).as_bytes(), &*bytes);
    assert_eq!(
        small.shell("ls -A \"$0\" | wc -l", &folder).trim(),
        "1",
        "what was begun before is still there"
    );
}

#[tokio::test]
#[ignore = "it needs a mount namespace; `scripts/faults` runs it"]
async fn what_comes_in_stays_with_the_partner_until_there_is_room() {
    let site = Site::new("[hub]\ngrace = \"0s\"\n").await;
    let folder = site.root().join("var/archive");
    let small = Small::at(&folder);
    small.fill(&folder);
    // Larger than a row holds.
    let large = "a line of text that is no document\n".repeat(40_000).into_bytes();
    site.put("one", "large.txt", &large);
    let ran = small.pass(&site).await;
    assert!(ran.text.contains("nothing is picked up: less than"), "{} {}", ran.code, ran.text);
    fs::write(site.root().join("crossdock.toml"), "[hub]\ngrace = \"0s\"\nkeep_free_mb = 0\n")
        .expect("written");
    let ran = small.pass(&site).await;
    assert!(ran.text.contains("No space left on device"), "{} {}", ran.code, ran.text);
    assert!(site.received().await.is_empty(), "it was taken without its bytes");
    assert_eq!(fs::read(site.root().join("inbox/one/large.txt")).expect("it is there"), large);
    small.free(&folder);
    until("it is taken", async || {
        small.pass(&site).await;
        !site.received().await.is_empty()
    })
    .await;
    assert_eq!(fs::read_dir(site.root().join("inbox/one")).expect("listed").count(), 0);
    // The archive is to be seen in there only.
    let kept = small.shell("find \"$0\" -type f -size +1000k -exec cat {} +", &folder);
    assert_eq!(kept.as_bytes(), large);
}
