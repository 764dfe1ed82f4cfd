//! Scenarios: documents in, in order of arrival and at their times; what the hub makes of them, worked out by hand.
//!
//! A scenario is a file of steps, each a line that begins with `>` and the lines below it:
//!
//! ```text
//! > owner csv             rows of a CSV order
//! > warehouse 945         the segments of one set; envelopes and numbers are added
//! > warehouse 997 T       the same, marked as a test
//! > warehouse 997 to=X    the same, with X as GS03
//! > warehouse 944 v=005010  the same, of another release
//! > warehouse 945 n=1    the same, under this control number
//! > warehouse 945 g=1    the same, under this group number
//! > release               a person lets go what is kept aside
//! > take warehouse        the partner takes what lies in its folder
//! > warehouse TA1         a TA1 segment
//! > after 5h              time goes by, and the chores are done
//! > set x12 warehouse …   a line of a profile's section, before anything begins
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use crossdock::clock::Clock;
use crossdock::config::Config;
use crossdock::declaration::Source;
use crossdock::pipeline::operate::{self, Wish};
use crossdock::pipeline::{Agreements, Hub, run_once};
use crossdock::store::{FileFilter, FileState, Noun};
use std::sync::Arc;

use crate::harness::postgres::Database;

#[path = "scenario/acks.rs"]
mod acks;
#[path = "scenario/agreements.rs"]
mod agreements;
#[path = "scenario/arrival.rs"]
mod arrival;
#[path = "scenario/finance.rs"]
mod finance;
#[path = "scenario/ledger.rs"]
mod ledger;
#[path = "scenario/missing.rs"]
mod missing;
#[path = "scenario/story.rs"]
mod story;

const CSV_HEADER: &str = "order_number,po_number,ship_date,ship_to_id,ship_to_name,ship_to_street,ship_to_city,\
ship_to_state,ship_to_zip,line_number,sku,upc,lot,quantity,unit,action";

/// A hub on its own database, with partners on folders beside it.
pub(crate) struct World {
    pub(crate) database: Database,
    folder: tempfile::TempDir,
    now: DateTime<Utc>,
    /// Files each partner has sent so far.
    sent: BTreeMap<String, u32>,
}

/// One step of a scenario.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) words: Vec<String>,
    lines: Vec<String>,
}

/// The steps of a scenario's text.
pub(crate) fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        match (line.strip_prefix("> "), steps.last_mut()) {
            (Some(words), _) => {
                let words = words.split_whitespace().map(str::to_owned).collect();
                steps.push(Step { words, lines: Vec::new() });
            }
            (None, Some(step)) => step.lines.push(line.trim().to_owned()),
            (None, None) => panic!("a scenario begins with a step, not with `{line}`"),
        }
    }
    steps
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let profiles = folder.path().join("partner-profiles");
        std::fs::create_dir_all(&profiles).expect("it is ours");
        for entry in std::fs::read_dir(fixtures().join("profiles")).expect("they are there") {
            let path = entry.expect("it can be listed").path();
            let name = path.file_name().expect("a name").to_owned();
            std::fs::copy(&path, profiles.join(&name)).expect("copied");
            let partner = Path::new(&name).with_extension("");
            std::fs::create_dir_all(folder.path().join(partner).join("out")).expect("made");
        }
        let translators = Path::new(env!("CARGO_MANIFEST_DIR")).join("translators");
        let settings = format!(
            "[folders]\ntranslators = \"{}\"\n[hub]\ngrace = \"0s\"\nportion_mb = 0\n",
            translators.display()
        );
        std::fs::write(folder.path().join("crossdock.toml"), settings).expect("written");
        let now = Clock::System.now();
        Self { database: Database::new().await, folder, now, sent: BTreeMap::new() }
    }

    /// Does one step, and all that follows from it.
    pub(crate) async fn play(&mut self, step: &Step) {
        // No two come at the same moment.
        self.now += TimeDelta::milliseconds(1);
        let words: Vec<&str> = step.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["after", time] => {
                let hours: i64 = time.trim_end_matches('h').parse().expect("`after 5h`");
                self.now += TimeDelta::hours(hours);
            }
            ["release"] => self.release().await,
            ["take", partner] => self.take(partner),
            ["set", partner] => {
                let path = self.folder.path().join(format!("partner-profiles/{partner}.toml"));
                let text = std::fs::read_to_string(&path).expect("it is there");
                let (from, to) = step.lines.join("\n").split_once(" => ").map_or_else(
                    || panic!("`set` needs `what => with what`"),
                    |(from, to)| (from.to_owned(), to.to_owned()),
                );
                assert!(text.contains(&from), "{partner} does not say `{from}`");
                std::fs::write(path, text.replace(&from, &to)).expect("written");
                return;
            }
            [partner, "csv"] => {
                let text = format!("{CSV_HEADER}\n{}\n", step.lines.join("\n"));
                self.put(partner, "csv", &text);
            }
            [partner, what, rest @ ..] => {
                let usage = if rest.contains(&"T") { 'T' } else { 'P' };
                let number = self.sent.get(*partner).copied().unwrap_or_default() + 1;
                let same = rest.iter().find_map(|word| word.strip_prefix("n="));
                let number = same.map_or(number, |same| same.parse().expect("a number"));
                let dated = rest
                    .iter()
                    .find(|word| word.len() == 6 && !word.contains('='))
                    .copied()
                    .unwrap_or_default();
                // Dated when it is sent, unless the scenario says otherwise.
                let at = self.now.format("%y%m%d*%H%M").to_string();
                let dated = if dated.is_empty() { at } else { format!("{dated}*0612") };
                let to = rest.iter().find_map(|word| word.strip_prefix("to=")).unwrap_or("OURHUB");
                let text = interchange(partner, what, &step.lines, number, usage, &dated).replacen(
                    "*OURHUB*20",
                    &format!("*{to}*20"),
                    1,
                );
                let text = match rest.iter().find_map(|word| word.strip_prefix("g=")) {
                    Some(group) => text
                        .replacen(&format!("*{number}*X*"), &format!("*{group}*X*"), 1)
                        .replacen(&format!("*{number}~\nIEA"), &format!("*{group}~\nIEA"), 1),
                    None => text,
                };
                let release = rest.iter().find_map(|word| word.strip_prefix("v=")).unwrap_or("004010");
                let text = text.replacen("*X*004010~", &format!("*X*{release}~"), 1);
                self.put(partner, "edi", &text);
            }
            other => panic!("no step is called {other:?}"),
        }
        self.run().await;
    }

    /// A person has looked at all that is kept aside, and lets it go.
    async fn release(&self) {
        let store = self.database.store();
        let filter = FileFilter { state: Some(FileState::Quarantined), ..FileFilter::default() };
        for file in store.list_files(&filter, 100).await.expect("lists") {
            let wish = Wish {
                by: String::from("ann"),
                account: String::from("ann"),
                reason: String::from("meant twice"),
                request: None,
            };
            operate::release(&store, (Noun::File, file.id), &wish).await.expect("it is kept aside");
        }
    }

    fn take(&self, partner: &str) {
        let folder = self.folder.path().join(partner).join("in");
        for entry in std::fs::read_dir(folder).expect("something was put there") {
            std::fs::remove_file(entry.expect("it can be listed").path()).expect("it is there");
        }
    }

    fn put(&mut self, partner: &str, ending: &str, text: &str) {
        let number = self.sent.entry(partner.to_owned()).or_default();
        *number += 1;
        let path = self.folder.path().join(partner).join(format!("out/{number:04}.{ending}"));
        std::fs::write(path, text).expect("written");
    }

    fn config(&self) -> Config {
        let path = self.folder.path().join("crossdock.toml");
        let text = std::fs::read_to_string(&path).expect("it was written");
        let source = Source { name: path.display().to_string(), text };
        Config::parse(source, self.folder.path().to_owned()).expect("the settings are sound")
    }

    /// What was agreed with all partners.
    pub(crate) fn agreements(&self) -> Arc<Agreements> {
        let agreements = Agreements::load(&self.config());
        Arc::new(agreements.unwrap_or_else(|faults| panic!("{faults:#?}")))
    }

    async fn run(&self) {
        let config = self.config();
        let agreements = Agreements::load(&config).unwrap_or_else(|faults| panic!("{faults:#?}"));
        let hub = Hub::new(config, self.database.store(), Clock::Fixed(self.now), agreements);
        let pass = run_once(&Arc::new(hub), None).await.expect("the database answers");
        assert_eq!((pass.unreachable.len(), pass.waiting.len()), (0, 0), "{pass:?}");
    }

    /// What a command of the program says.
    pub(crate) fn ask(&self, arguments: &[String]) -> String {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_crossdock"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env("DATABASE_URL", self.database.url())
            .env("CROSSDOCK_LOG", "warn")
            .env("NO_COLOR", "1")
            .output()
            .expect("the program was built");
        String::from_utf8([output.stdout, output.stderr].concat()).expect("it speaks UTF-8")
    }

    /// A text without the day on which the test runs.
    pub(crate) fn without_today(&self, text: &str) -> String {
        let day = self.now.format("%A, %Y-%m-%d").to_string();
        text.replace(&day, "TODAY").replace(&self.now.format("%Y-%m-%d").to_string(), "TODAY")
    }

    /// What lies in a partner's folder, by name.
    pub(crate) fn sent_to(&self, partner: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join(partner).join("in")) else {
            return Vec::new();
        };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("listed").path()).collect();
        paths.sort();
        paths.iter().map(|path| std::fs::read_to_string(path).expect("it is text")).collect()
    }

    /// Names of what lies in a partner's folder, without their control numbers.
    pub(crate) fn got(&self, partner: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join(partner).join("in")) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("listed").file_name().to_string_lossy().into_owned())
            .map(|name| name.split('_').next().unwrap_or_default().to_owned())
            .collect();
        names.sort();
        names
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scenario")
}

/// Every scenario of a folder: its name and text.
fn scenarios(folder: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(fixtures().join(folder)).expect("it is there");
    let paths = entries.map(|entry| entry.expect("listed").path());
    let mut found: Vec<(String, String)> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "in"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).expect("it is text"))
        })
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

/// Compares with the file beside the scenario; `UPDATE_EXPECT=1` writes it anew.
fn expect(folder: &str, name: &str, told: &str) -> Option<String> {
    let path = fixtures().join(folder).join(format!("{name}.out"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, told).expect("written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    (told != expected).then(|| format!("{name}: expected\n{expected}\nbut it is\n{told}"))
}

fn interchange(partner: &str, what: &str, lines: &[String], number: u32, usage: char, dated: &str) -> String {
    let sender = partner.to_uppercase();
    let mut text = format!(
        "ISA*00*          *00*          *ZZ*{sender:<15}*ZZ*OURHUB         *{dated}*U*00401*{number:09}*0*{usage}*>~\n"
    );
    if what == "TA1" {
        let body: String = lines.iter().map(|line| format!("{line}~\n")).collect();
        writeln!(text, "{body}IEA*0*{number:09}~").expect("memory takes it");
        return text;
    }
    let group = match what {
        "850" => "PO",
        "860" => "PC",
        "855" => "PR",
        "940" => "OW",
        "945" => "SW",
        "856" => "SH",
        "810" => "IN",
        "944" => "RE",
        "861" => "RC",
        "997" | "999" => "FA",
        "824" => "AG",
        "864" => "TX",
        other => panic!("which group is {other} in?"),
    };
    // A line of dashes begins another set.
    let sets: Vec<&[String]> = lines.split(|line| line.starts_with("--")).collect();
    writeln!(text, "GS*{group}*{sender}*OURHUB*20{dated}*{number}*X*004010~").expect("memory takes it");
    for (index, set) in sets.iter().enumerate() {
        let control = index + 1;
        let body: String = set.iter().map(|line| format!("{line}~\n")).collect();
        let count = set.len() + 2;
        write!(text, "ST*{what}*{control:04}~\n{body}SE*{count}*{control:04}~\n").expect("memory takes it");
    }
    write!(text, "GE*{}*{number}~\nIEA*1*{number:09}~\n", sets.len()).expect("memory takes it");
    text
}
