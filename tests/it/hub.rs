//! The hub against bad input and faults: a clear message, a right state, nothing lost, nothing twice.

#[path = "hub/agreed.rs"]
mod agreed;
#[path = "hub/ambiguous.rs"]
mod ambiguous;
#[path = "hub/apart.rs"]
mod apart;
#[path = "hub/bucket.rs"]
mod bucket;
#[path = "hub/cut.rs"]
mod cut;
#[path = "hub/decisions.rs"]
mod decisions;
#[path = "hub/encrypted.rs"]
mod encrypted;
#[path = "hub/faults.rs"]
mod faults;
#[path = "hub/full_disk.rs"]
mod full_disk;
#[path = "hub/kills.rs"]
mod kills;
#[path = "hub/lanes.rs"]
mod lanes;
#[path = "hub/mailed.rs"]
mod mailed;
#[path = "hub/packed.rs"]
mod packed;
#[path = "hub/partners.rs"]
mod partners;
#[path = "hub/portions.rs"]
mod portions;
#[path = "hub/site.rs"]
pub(crate) mod site;
#[path = "hub/watcher.rs"]
mod watcher;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crossdock::cli::demo::counterparts::erp::Trouble;
use crossdock::cli::demo::files::DayFile;
use crossdock::cli::demo::world::World;
use crossdock::clock::Clock;
use crossdock::store::{
    AcknowledgmentFilter, AcknowledgmentState, DeliveryFilter, DeliveryKind, Direction, DocumentFilter,
    ExceptionFilter, ExceptionState, FileFilter, FileState, Store,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;

use self::site::{Said, Site, command, expect, interchange, invoice, said, until};
use crate::harness::postgres::Database;

/// Nobody waits for the rest of a file that is known to be cut.
const NO_GRACE: &str = "[hub]\ngrace = \"0s\"\n";

fn signal(child: &Child, signal: Signal) {
    let process = i32::try_from(child.id().expect("it runs")).expect("a process id");
    kill(Pid::from_raw(process), signal).expect("it is ours");
}

#[tokio::test]
async fn what_is_no_document_of_a_partner_is_quarantined_with_its_reason_and_nobody_is_answered() {
    let site = Site::new(NO_GRACE).await;
    let whole = invoice("PARTNERONE", 1);
    for (name, bytes) in [
        ("01-empty.edi", Vec::new()),
        ("02-blank.edi", b" \r\n\n".to_vec()),
        ("03-zip.edi", b"PK\x03\x04 and so on".to_vec()),
        ("04-flat.csv", b"order;item\n1;2\n".to_vec()),
        ("05-isa-cut.edi", whole.as_bytes()[..90].to_vec()),
        ("06-cut.edi", whole.as_bytes()[..300].to_vec()),
        ("07-stranger.edi", invoice("STRANGER", 2).into_bytes()),
        ("08-other-partner.edi", invoice("PARTNERTWO", 3).into_bytes()),
        ("09-not-to-us.edi", interchange("PARTNERONE", "SOMEBODY", 4, "P").into_bytes()),
        ("10-our-own.edi", interchange("CROSSDOCK", "PARTNERONE", 5, "P").into_bytes()),
        ("11-letter.edi", b"Dear sirs,\nplease find enclosed\n".to_vec()),
    ] {
        site.put("one", name, bytes);
    }
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 0, "{}", ran.text);
    let mut told = String::new();
    for file in site.received().await {
        assert_eq!(file.state, FileState::Quarantined, "{}: {}", file.name, file.reason);
        assert!(!file.reason.is_empty() && !file.hint.is_empty(), "{}", file.name);
        told.push_str(&format!("{}\n  {}\n  hint: {}\n", file.name, file.reason, file.hint));
    }
    expect("quarantined.txt", &told);
    assert!(site.sent("one").is_empty() && site.sent("two").is_empty());
    assert_eq!(fs::read_dir(site.root().join("inbox/one")).expect("listed").count(), 0);
}

#[tokio::test]
async fn an_interchange_for_somebody_else_is_kept_aside_and_its_known_sender_told_where_it_asks() {
    let site = Site::new(NO_GRACE).await;
    let asks = |text: String| text.replace("*0*P*>", "*1*P*>");
    site.put("one", "1.edi", asks(interchange("PARTNERONE", "SOMEBODY", 4, "P")));
    // Nobody is told that it is known here whom it pretends to be.
    site.put("one", "2.edi", asks(interchange("PARTNERTWO", "SOMEBODY", 5, "P")));
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert!(ran.text.contains("in quarantine: 2 files; `crossdock quarantine` says why"), "{}", ran.text);
    let files = site.received().await;
    assert!(files.iter().all(|file| file.state == FileState::Quarantined), "{files:?}");
    assert_eq!(files[0].reason, "the file is addressed to ZZ:SOMEBODY, not to us");
    let sent = site.sent("one");
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(sent[0].1.contains("~TA1*000000004*") && sent[0].1.contains("*R*009~"), "{}", sent[0].1);
    assert!(site.sent("two").is_empty());
    // Its number is not used up: it may come again, addressed to us.
    site.put("one", "3.edi", invoice("PARTNERONE", 4));
    assert_eq!(site.run(&["run", "--once"]).await.code, 0);
    assert_eq!(site.received().await[2].state, FileState::Processed);
}

#[tokio::test]
async fn a_folder_of_ours_that_others_may_change_is_refused() {
    let site = Site::new("").await;
    let var = site.root().join("var");
    assert_eq!(site.run(&["status"]).await.code, 0);
    let mode = |path: &std::path::Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&var), 0o700, "it is closed to others when it is made");
    fs::set_permissions(&var, fs::Permissions::from_mode(0o777)).expect("ours");
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 2, "{}", ran.text);
    assert!(ran.text.contains("may be written by others (mode 0777); hint: chmod 0700"), "{}", ran.text);
    fs::set_permissions(&var, fs::Permissions::from_mode(0o755)).expect("ours");
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert!(ran.text.contains("is open to others (mode 0755)"), "{}", ran.text);
}

#[tokio::test]
async fn a_file_cut_short_is_waited_for_by_name_and_taken_when_it_is_whole() {
    let site = Site::new("").await;
    let whole = invoice("PARTNERONE", 1);
    site.put("one", "slow.edi", &whole.as_bytes()[..300]);
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 3, "{}", ran.text);
    assert!(ran.text.contains("waiting: one/edi: slow.edi"), "{}", ran.text);
    assert!(site.received().await.is_empty(), "half a file was taken");
    site.put("one", "slow.edi", &whole);
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 0, "{}", ran.text);
    assert_eq!(site.received().await[0].state, FileState::Processed);
}

#[tokio::test]
async fn a_refused_interchange_may_come_again_under_its_control_number() {
    let site = Site::new(NO_GRACE).await;
    let whole = invoice("PARTNERONE", 1);
    site.put("one", "1.edi", &whole.as_bytes()[..300]);
    assert_eq!(site.run(&["run", "--once"]).await.code, 0);
    site.put("one", "2.edi", &whole);
    assert_eq!(site.run(&["run", "--once"]).await.code, 0);
    let states: Vec<FileState> = site.received().await.iter().map(|file| file.state).collect();
    assert_eq!(states, [FileState::Quarantined, FileState::Processed]);
}

#[tokio::test]
async fn the_same_bytes_again_are_a_duplicate_and_the_same_control_number_with_others_is_quarantined() {
    let site = Site::new("").await;
    site.put("one", "1.edi", invoice("PARTNERONE", 7));
    assert_eq!(site.run(&["run", "--once"]).await.code, 0);
    site.put("one", "2.edi", invoice("PARTNERONE", 7));
    site.put("one", "3.edi", invoice("PARTNERONE", 7).replace("TDS*2500", "TDS*2600"));
    assert_eq!(site.run(&["run", "--once"]).await.code, 0);
    let files = site.received().await;
    let states: Vec<FileState> = files.iter().map(|file| file.state).collect();
    assert_eq!(states, [FileState::Processed, FileState::Duplicate, FileState::Quarantined]);
    assert_eq!(files[1].duplicate_of, Some(files[0].id));
    assert!(files[2].reason.contains("control number 000000007 was used before"), "{}", files[2].reason);
    let documents = site.store().list_documents(&DocumentFilter::default(), 100).await.expect("answers");
    let invoices = documents.iter().filter(|document| document.kind == "810").count();
    assert_eq!((invoices, site.sent("one").len()), (1, 1));
}

#[tokio::test]
async fn test_data_is_answered_as_test_and_has_no_effects() {
    let site = Site::new("").await;
    site.put("one", "t.edi", interchange("PARTNERONE", "CROSSDOCK", 9, "T"));
    assert_eq!(site.run(&["run", "--once"]).await.code, 0);
    let sent = site.sent("one");
    assert_eq!(sent.len(), 1);
    assert!(sent[0].1.contains("*0*T*>~") && sent[0].1.contains("AK5*A~"), "{}", sent[0].1);
    let documents = site.store().list_documents(&DocumentFilter::default(), 10).await.expect("answers");
    let invoice = documents.iter().find(|document| document.kind == "810").expect("it is kept");
    assert_eq!(invoice.record_kind, None, "a test became a record");
}

/// The settings of a demo's world beside a database of its own.
struct Wide {
    world: World,
    database: Database,
    _folder: tempfile::TempDir,
}

impl Wide {
    async fn new(change: impl Fn(String) -> String) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = World::start(folder.path(), Clock::System).await.expect("sshd and the ERP start");
        let settings = change(world.settings(std::path::Path::new(env!("CARGO_MANIFEST_DIR"))));
        fs::write(world.hub().join("crossdock.toml"), settings).expect("written");
        Self { world, database: Database::new().await, _folder: folder }
    }

    async fn run_once(&self) -> Said {
        let settings = self.world.hub().join("crossdock.toml");
        said(command(&settings, Some(self.database.url()), &["run", "--once"])).await
    }

    /// A shipping advice of the warehouse, as it would put it.
    fn advise(&self) {
        let text = include_str!("../../translators/examples/x12-945/cartons.edi")
            .replace("*ZZ*NORTHSTAR      *01*123456789      *", "*01*123456789      *ZZ*CROSSDOCK      *");
        assert!(text.contains("*ZZ*CROSSDOCK"), "the example has other parties now");
        let out = self.world.sshd.account("acme-3pl").folder.join("out");
        fs::write(out.join("SW_1.edi"), text).expect("written");
    }
}

#[tokio::test]
async fn a_host_key_that_is_not_the_pinned_one_is_told_and_nothing_is_sent() {
    let site = Wide::new(|settings| {
        let (before, acme) = settings.split_once("[site.acme-3pl").expect("acme is there");
        let (address, key) = acme.split_once("SHA256:").expect("it is pinned");
        let (_, rest) = key.split_once('"').expect("the key ends");
        let wrong = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
        format!("{before}[site.acme-3pl{address}{wrong}\"{rest}")
    })
    .await;
    site.advise();
    let ran = site.run_once().await;
    assert_eq!(ran.code, 3, "{}", ran.text);
    let told =
        ran.text.lines().find(|line| line.starts_with("not reached: acme-3pl/edi")).expect("acme is told");
    assert!(told.contains("which is not pinned; nothing was sent"), "{told}");
    assert!(!ran.text.contains("not reached: north-stores"), "the others are reached: {}", ran.text);
    assert!(site.world.sshd.account("acme-3pl").folder.join("out/SW_1.edi").exists());
}

#[tokio::test]
async fn a_server_that_is_down_costs_nothing_once_it_is_up_again() {
    let mut site = Wide::new(|settings| settings).await;
    site.advise();
    site.world.sshd.stop();
    let ran = site.run_once().await;
    assert_eq!(ran.code, 3, "{}", ran.text);
    assert!(ran.text.contains("not reached: acme-3pl/edi: "), "{}", ran.text);
    site.world.sshd.start_again().expect("it starts");
    let ran = site.run_once().await;
    assert_eq!(ran.code, 0, "{}", ran.text);
    let got = fs::read_dir(site.world.sshd.account("acme-3pl").folder.join("in")).expect("listed").count();
    assert_eq!(got, 1, "the warehouse got its 997 once");
}

#[tokio::test]
async fn an_erp_that_fails_and_drops_ends_up_with_one_shipment() {
    let site = Wide::new(|settings| settings).await;
    site.world.erp.trouble([Trouble::Answer(500), Trouble::CreateThenDrop]);
    site.advise();
    until("the ERP call is settled", async || site.run_once().await.code == 0).await;
    assert_eq!(site.world.erp.objects().len(), 1);
    let calls = site.world.erp.calls();
    let keys: BTreeSet<_> = calls.iter().map(|call| call.key.clone()).collect();
    assert_eq!((calls.len(), keys.len()), (3, 1), "{calls:?}");
}

#[tokio::test]
async fn a_call_that_is_answered_late_is_told_of_until_it_is_answered() {
    let site = Wide::new(|settings| settings.replace("\nurl = ", "\nanswered_within = \"1s\"\nurl = ")).await;
    site.world.erp.trouble([Trouble::Busy(3600)]);
    site.advise();
    let store = site.database.store();
    let filter = ExceptionFilter { kind: Some("ack_overdue".to_owned()), ..ExceptionFilter::default() };
    until("a person is told", async || {
        site.run_once().await;
        !store.list_exceptions(&filter, 9).await.expect("answers").is_empty()
    })
    .await;
    let open = store.list_exceptions(&filter, 9).await.expect("answers").remove(0);
    assert_eq!(open.state, ExceptionState::Open);
    assert!(open.message.contains("has not answered the call `"), "{}", open.message);
    assert!(open.message.contains("the last try came to this: it answered 503"), "{}", open.message);
    let rows = store.list_deliveries(&DeliveryFilter::default(), 9).await.expect("answers");
    let call = rows.into_iter().find(|row| row.kind == DeliveryKind::Call).expect("it waits");
    let mut work = store.begin().await.expect("answers");
    assert!(work.release_delivery(call.id).await.expect("answers"), "nothing is under way");
    work.commit().await.expect("answers");
    until("the ERP call is settled", async || site.run_once().await.code == 0).await;
    let settled = store.list_exceptions(&filter, 9).await.expect("answers").remove(0);
    assert_eq!((settled.state, &*settled.settled_reason), (ExceptionState::Settled, "it was answered"));
    let awaited =
        store.list_expected_acknowledgments(&AcknowledgmentFilter::default(), 9).await.expect("answers");
    let response = awaited.iter().find(|row| row.level == "response").expect("it was awaited");
    assert_eq!(response.state, AcknowledgmentState::Accepted);
}

#[tokio::test]
async fn an_erp_that_can_be_asked_is_asked_before_it_is_called_again() {
    let asked = |settings: String| {
        let url = settings.lines().find_map(|line| line.strip_prefix("url = ")).expect("the ERP's address");
        let url = url.trim_matches('"').to_owned();
        settings.replace(
            &format!("url = \"{url}\"\n"),
            &format!("url = \"{url}\"\nread_back = \"{url}?key={{key}}\"\nresponse_id = \"id\"\n"),
        )
    };
    let site = Wide::new(asked).await;
    site.world.erp.trouble([Trouble::CreateThenDrop]);
    site.advise();
    until("the ERP call is settled", async || site.run_once().await.code == 0).await;
    assert_eq!(site.world.erp.objects().len(), 1);
    let calls = site.world.erp.calls();
    let made: Vec<(&str, Option<u16>)> =
        calls.iter().map(|call| (call.method.as_str(), call.status)).collect();
    assert_eq!(made, [("POST", None), ("GET", Some(200))], "{calls:?}");
}

/// Names of what lies in a partner's folder.
fn got(world: &World, partner: &str) -> Vec<String> {
    let folder = world.sshd.account(partner).folder.join("in");
    let entries = fs::read_dir(folder).expect("listed").map(|entry| entry.expect("listed").file_name());
    let mut names: Vec<String> = entries.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_hub_killed_in_the_middle_of_the_demo_s_day_ends_it_with_run_once() {
    let site = Wide::new(|settings| settings).await;
    let today = Clock::System.now().date_naive();
    for file in DayFile::ALL {
        site.world.put(file, today).expect("put");
    }
    let settings = site.world.hub().join("crossdock.toml");
    let store = site.database.store();
    let inbound = || FileFilter { direction: Some(Direction::Inbound), ..FileFilter::default() };
    for seen in [1, 4] {
        let mut hub = command(&settings, Some(site.database.url()), &["serve"]).spawn().expect("it starts");
        let processed = async || {
            let files = store.list_files(&inbound(), 100).await.unwrap_or_default();
            files.iter().filter(|file| file.state != FileState::Received).count() >= seen
        };
        until("some files are processed", processed).await;
        signal(&hub, Signal::SIGKILL);
        hub.wait().await.expect("it ended");
    }
    until("the rest is done", async || site.run_once().await.code == 0).await;
    let files = store.list_files(&inbound(), 100).await.expect("answers");
    let in_state = |state| files.iter().filter(|file| file.state == state).count();
    assert_eq!((in_state(FileState::Processed), in_state(FileState::Quarantined)), (7, 1), "{files:?}");
    // One answer to each file, one order to the warehouse for each of the two orders, and nothing half written.
    assert_eq!(got(&site.world, "north-stores"), ["997_000000001.edi"]);
    assert_eq!(got(&site.world, "acme-3pl"), ["940_000000001.edi", "940_000000002.edi"]);
    assert_eq!(got(&site.world, "bay-supply"), ["997_000000001.edi", "997_000000002.edi"]);
    assert_eq!(got(&site.world, "depositor-one"), ["997_000000001.edi", "997_000000002.edi"]);
}

#[tokio::test]
async fn the_day_of_the_demo_comes_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = folder.path().join("demo");
    let settings = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("crossdock.toml");
    let dir = dir.to_str().expect("a temporary folder has a plain name");
    let day = said(command(&settings, None, &["demo", "--dir", dir])).await;
    assert_eq!(day.code, 0, "{}", day.text);
    assert!(day.text.contains("27.40 USD"), "{}", day.text);
}

const MANY: u32 = 40;

/// Every file processed once, every answer sent once, every control number used once.
async fn nothing_lost_and_nothing_twice(site: &Site, store: &Store) {
    nothing_lost_and_nothing_twice_of(MANY, site, store).await;
}

/// The same of so many files.
async fn nothing_lost_and_nothing_twice_of(many: u32, site: &Site, store: &Store) {
    let files = site.received_in(store).await;
    assert_eq!(files.len(), many as usize);
    assert!(files.iter().all(|file| file.state == FileState::Processed));
    let documents = store.list_documents(&DocumentFilter::default(), 10_000).await.expect("answers");
    let numbers: BTreeSet<_> = documents
        .iter()
        .filter(|document| document.kind == "810")
        .map(|document| &document.business_number)
        .collect();
    assert_eq!(numbers.len(), many as usize);
    let sent = site.sent("one");
    let names: Vec<&str> = sent.iter().map(|(name, _)| name.as_str()).collect();
    let expected: Vec<String> = (1..=many).map(|number| format!("997_{number:09}.edi")).collect();
    assert_eq!(
        names, expected,
        "each control number is used once, without a gap, and no temporary file is left"
    );
    let answered: BTreeSet<&str> =
        sent.iter().filter_map(|(_, text)| text.split("AK1*IN*").nth(1)?.split('~').next()).collect();
    assert_eq!(answered.len(), many as usize, "each group is answered once");
}

fn put_many(site: &Site) {
    for control in 1..=MANY {
        site.put("one", &format!("{control:03}.edi"), invoice("PARTNERONE", control));
    }
}

#[tokio::test]
async fn a_hub_killed_in_the_middle_loses_nothing_and_does_nothing_twice() {
    let site = Site::new("").await;
    put_many(&site);
    for processed in [1, 13, 27] {
        let mut hub = site.serve();
        site.wait_for(FileState::Processed, processed).await;
        signal(&hub, Signal::SIGKILL);
        hub.wait().await.expect("it ended");
    }
    until("the rest is done", async || site.run(&["run", "--once"]).await.code == 0).await;
    nothing_lost_and_nothing_twice(&site, &site.store()).await;
}

#[tokio::test]
async fn a_hub_that_is_told_to_stop_ends_what_it_does_and_says_so() {
    let site = Site::new("").await;
    put_many(&site);
    let mut hub = site.serve();
    site.wait_for(FileState::Processed, 5).await;
    signal(&hub, Signal::SIGTERM);
    let ended = tokio::time::timeout(std::time::Duration::from_secs(25), hub.wait()).await;
    assert_eq!(ended.expect("within 25 s").expect("it ended").code(), Some(0));
    until("the rest is done", async || site.run(&["run", "--once"]).await.code == 0).await;
    nothing_lost_and_nothing_twice(&site, &site.store()).await;
}

#[tokio::test]
async fn two_hubs_on_one_database_and_one_folder_share_the_work() {
    let site = Site::new("").await;
    let (one, two) = (site.serve(), site.serve());
    put_many(&site);
    site.wait_for(FileState::Processed, MANY as usize).await;
    until("all answers are sent", async || site.sent("one").len() == MANY as usize).await;
    for hub in [one, two] {
        signal(&hub, Signal::SIGTERM);
        drop(hub.wait_with_output().await.expect("it ended"));
    }
    nothing_lost_and_nothing_twice(&site, &site.store()).await;
}

#[tokio::test]
async fn a_private_postgres_that_is_stopped_in_the_middle_costs_nothing() {
    let site = Site::new("").await;
    put_many(&site);
    let settings = site.root().join("crossdock.toml");
    let mut hub = command(&settings, None, &["serve"]).spawn().expect("it starts");
    let done = || site.sent("one").len();
    until("some are answered", async || done() >= 5).await;
    let pid = fs::read_to_string(site.root().join("var/postgres/postmaster.pid")).expect("it runs");
    let pid = pid.lines().next().and_then(|line| line.trim().parse().ok()).expect("a process id");
    kill(Pid::from_raw(pid), Signal::SIGQUIT).expect("it is ours");
    until("all are answered", async || done() == MANY as usize).await;
    signal(&hub, Signal::SIGTERM);
    assert_eq!(hub.wait().await.expect("it ended").code(), Some(0));
    let names: Vec<String> = site.sent("one").into_iter().map(|(name, _)| name).collect();
    let expected: Vec<String> = (1..=MANY).map(|number| format!("997_{number:09}.edi")).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn faulty_profiles_are_told_all_at_once_and_nothing_starts() {
    let site = Site::new("[hub]\nworker = 3\n").await;
    let ran = site.run(&["check"]).await;
    assert_eq!(ran.code, 2);
    assert!(ran.text.contains("did you mean `workers`?"), "{}", ran.text);
    let site = Site::new("").await;
    fs::write(site.root().join("partner-profiles/three.toml"), include_str!("hub/faulty.toml"))
        .expect("written");
    for arguments in [&["check"][..], &["run", "--once"], &["serve"]] {
        let ran = site.run(arguments).await;
        assert_eq!(ran.code, 2, "{}", ran.text);
        expect("faulty.txt", &ran.text);
    }
}
