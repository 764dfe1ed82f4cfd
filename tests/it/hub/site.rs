//! A hub of its own for a test: folders, profiles, a database, and the real program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crossdock::store::{Direction, FileFilter, FileRow, FileState, Store};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::harness::postgres::Database;

/// Longest wait for a state; the machine may be busy with other tests.
const WITHIN: Duration = Duration::from_secs(180);

/// What one run of the program said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) text: String,
}

/// A hub with two partners, `one` (ZZ:PARTNERONE) and `two` (ZZ:PARTNERTWO), on local folders.
pub(crate) struct Site {
    folder: TempDir,
    database: Database,
}

const PROFILE: &str = r#"
[partner]
id = "{id}"
[x12]
us   = { qualifier = "ZZ", id = "CROSSDOCK" }
them = { qualifier = "ZZ", id = "{x12}" }
[channels.edi]
transport = "local"
inbound   = { path = "inbox/{id}", poll_every = "1s", after = "delete" }
outbound  = { path = "outbox/{id}" }
[[receives]]
translator = "x12-810"
channel    = "edi"
ack        = "997"
"#;

impl Site {
    /// A site whose `crossdock.toml` says this.
    pub(crate) async fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        let translator = "translators/x12-810.toml";
        fs::write(root.join("crossdock.toml"), settings).expect("written");
        fs::create_dir(root.join("translators")).expect("made");
        fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(translator), root.join(translator))
            .expect("copied");
        fs::create_dir(root.join("partner-profiles")).expect("made");
        for (id, x12) in [("one", "PARTNERONE"), ("two", "PARTNERTWO")] {
            let text = PROFILE.replace("{id}", id).replace("{x12}", x12);
            fs::write(root.join(format!("partner-profiles/{id}.toml")), text).expect("written");
            fs::create_dir_all(root.join("inbox").join(id)).expect("made");
        }
        Self { folder, database: Database::new().await }
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn store(&self) -> Store {
        self.database.store()
    }

    /// Puts a file where the partner would, whole at once.
    pub(crate) fn put(&self, partner: &str, name: &str, bytes: impl AsRef<[u8]>) {
        let folder = self.root().join("inbox").join(partner);
        let hidden = folder.join(format!(".{name}.part"));
        fs::write(&hidden, bytes).expect("written");
        fs::rename(&hidden, folder.join(name)).expect("renamed");
    }

    /// The program with these arguments, on this site and its database.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        command(&self.root().join("crossdock.toml"), Some(self.database.url()), arguments)
    }

    /// Runs the program to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Said {
        said(self.command(arguments)).await
    }

    /// Starts `crossdock serve`.
    pub(crate) fn serve(&self) -> Child {
        self.command(&["serve"]).spawn().expect("it starts")
    }

    /// Everything that was put into a partner's folder: name and text, by name.
    pub(crate) fn sent(&self, partner: &str) -> Vec<(String, String)> {
        let Ok(entries) = fs::read_dir(self.root().join("outbox").join(partner)) else { return Vec::new() };
        let mut sent: Vec<(String, String)> = entries
            .map(|entry| entry.expect("listed").path())
            // A temporary file may have got its final name meanwhile.
            .filter_map(|path| Some((name(&path), fs::read_to_string(&path).ok()?)))
            .collect();
        sent.sort();
        sent
    }

    /// Received files by name.
    pub(crate) async fn received(&self) -> Vec<FileRow> {
        self.received_in(&self.store()).await
    }

    /// The same of a hub that was run on another database.
    pub(crate) async fn received_in(&self, store: &Store) -> Vec<FileRow> {
        let filter = FileFilter { direction: Some(Direction::Inbound), ..FileFilter::default() };
        let mut files = store.list_files(&filter, 10_000).await.expect("the database answers");
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files
    }

    /// Waits until so many received files are in this state.
    pub(crate) async fn wait_for(&self, state: FileState, count: usize) {
        let store = self.store();
        let filter =
            FileFilter { direction: Some(Direction::Inbound), state: Some(state), ..FileFilter::default() };
        until(&format!("{count} files {state}"), async || {
            // A database that restarts answers later.
            store.list_files(&filter, 10_000).await.is_ok_and(|files| files.len() >= count)
        })
        .await;
    }
}

/// The program with these arguments.
pub(crate) fn command(settings: &Path, database_url: Option<&str>, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crossdock"));
    command.arg("--config").arg(settings).args(arguments).kill_on_drop(true).stdin(Stdio::null());
    command.env_remove("DATABASE_URL").env("NO_COLOR", "1");
    if let Some(url) = database_url {
        command.env("DATABASE_URL", url);
    }
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) async fn said(mut command: Command) -> Said {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().await.expect("it runs");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text")).concat();
    Said { code: output.status.code().unwrap_or(-1), text }
}

/// Waits for a state.
pub(crate) async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !is_so().await {
        assert!(Instant::now() < deadline, "not so within {} s: {what}", WITHIN.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One invoice in an interchange of its own.
pub(crate) fn invoice(sender: &str, control: u32) -> String {
    interchange(sender, "CROSSDOCK", control, "P")
}

/// The same, of any receiver and usage.
pub(crate) fn interchange(sender: &str, receiver: &str, control: u32, usage: &str) -> String {
    include_str!("invoice.edi")
        .replace("{sender}", &format!("{sender:<15}"))
        .replace("{receiver}", &format!("{receiver:<15}"))
        .replace("{control}", &format!("{control:09}"))
        .replace("{group}", &control.to_string())
        .replace("{usage}", usage)
}

/// Compares with the file beside the tests; `UPDATE_EXPECT=1` writes it anew.
pub(crate) fn expect(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/hub").join(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, text).expect("written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name} (UPDATE_EXPECT=1 writes it anew)");
}

fn name(path: &Path) -> String {
    path.file_name().expect("a file has a name").to_string_lossy().into_owned()
}
