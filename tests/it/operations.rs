//! The commands of the people who run the hub, run as they run them, on a real database.

use crate::harness::postgres::Database;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

mod act;
mod batches;
mod calls;
mod correct;
mod data;
mod look;
mod numbers;
mod replay;
mod retention;
mod routes;

/// A hub with its folders, and partners whose folders lie beside it.
struct Site {
    database: Database,
    folder: tempfile::TempDir,
}

/// What a command wrote, and its exit code.
struct Said {
    out: String,
    err: String,
    code: i32,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let profiles = folder.path().join("partner-profiles");
        std::fs::create_dir_all(&profiles).expect("it is ours");
        for entry in std::fs::read_dir(fixtures().join("hub/partner-profiles")).expect("they are there") {
            let path = entry.expect("it can be listed").path();
            std::fs::copy(&path, profiles.join(path.file_name().expect("a name"))).expect("copied");
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let settings = std::fs::read_to_string(fixtures().join("hub/crossdock.toml")).expect("it is text");
        let settings = settings.replace("{translators}", &root.join("translators").display().to_string());
        std::fs::write(folder.path().join("crossdock.toml"), settings).expect("written");
        for inbox in ["shop/out", "owner/out", "late/out"] {
            std::fs::create_dir_all(folder.path().join(inbox)).expect("made");
        }
        Self { database: Database::new().await, folder }
    }

    /// A site on which an order for the warehouse and an order that is half good have come and gone.
    async fn after_a_day() -> Self {
        let site = Self::new().await;
        site.put("orders.csv", "owner/out/orders.csv");
        site.put("orders.edi", "shop/out/PO_17.edi");
        site.done(&["run", "--once"]);
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a fixture where the hub or a partner would.
    fn put(&self, fixture: &str, at: &str) {
        std::fs::copy(fixtures().join("files").join(fixture), self.path(at)).expect("copied");
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_crossdock"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("DATABASE_URL", self.database.url())
            .env("CROSSDOCK_LOG", "warn")
            .env("NO_COLOR", "1")
            .output()
            .expect("the program was built");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it speaks UTF-8");
        let code = output.status.code().expect("it was not killed");
        Said { out: text(output.stdout), err: text(output.stderr), code }
    }

    /// What a command says that does what it is asked to.
    fn done(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.out, said.err);
        said.out
    }

    /// The same, as JSON.
    fn json(&self, arguments: &[&str]) -> Value {
        let out = self.done(&[arguments, &["--json"]].concat());
        serde_json::from_str(&out).expect("it is JSON")
    }

    /// The id of the only row that a list shows.
    fn only(&self, arguments: &[&str]) -> String {
        let rows = self.json(arguments);
        let rows = rows.as_array().expect("a list");
        assert_eq!(rows.len(), 1, "{arguments:?}: {rows:?}");
        text(&rows[0]["id"])
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/operations")
}

fn text(value: &Value) -> String {
    value.as_str().expect("it is text").to_owned()
}

/// The first eight digits of an id.
fn short(id: &str) -> &str {
    id.split('-').next().expect("an id has parts")
}
