//! Kill points: a hub that ends at any named place loses nothing and does nothing twice.
//!
//! Each run is the demo's day with real servers: SFTP, folders, an ERP, acknowledgments. Two nodes share it and are told
//! to end at one place, and others are started; or one ends, and another that ran all the time takes over. What comes of
//! it must be what comes of an undisturbed day. `scripts/faults` runs every place, `scripts/test` a few.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crossdock::cli::demo::counterparts::partners::Judgment;
use crossdock::cli::demo::files::DayFile;
use crossdock::clock::Clock;
use crossdock::kill_points;
use crossdock::store::{
    Body, Direction, DocumentFilter, ExceptionFilter, ExceptionState, FileFilter, FileRow, FileState,
};
use futures_util::StreamExt as _;
use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;

use super::site::{command, until};
use super::{Wide, signal};

/// Places that are tried every time; each has shown a fault of its own kind elsewhere.
const FEW: [&str; 4] = ["in.accept.after:2", "in.canon.after:2", "out.rename.after:3", "erp.send.after:1"];

const PARTNERS: [&str; 4] = ["acme-3pl", "north-stores", "bay-supply", "depositor-one"];

/// When nodes are told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At<'a> {
    /// Never.
    Nowhere,
    /// While the day's files come.
    Day(&'a str),
    /// While they come, beside a node that goes on.
    Beside(&'a str),
    /// When its acknowledgments come.
    Answers(&'a str),
}

#[tokio::test]
async fn a_hub_that_ends_at_any_named_place_loses_nothing_and_does_nothing_twice() {
    let undisturbed = play(At::Nowhere).await;
    let all = all();
    let mut points: Vec<String> = FEW.map(str::to_owned).to_vec();
    if all {
        // The first time, and once when some of the day is done.
        points = of_the_day().flat_map(|name| [1, 3].map(|n| format!("{name}:{n}"))).collect();
        points.retain(|point| !RARE.contains(&point.as_str()));
    }
    for point in &points {
        let told = play(At::Day(point)).await;
        assert_eq!(told, undisturbed, "killed at {point}");
        if all {
            writeln!(std::io::stderr(), "killed at {point}: nothing lost, nothing twice")
                .expect("it is open");
        }
    }
    for point in
        ["ack.match.after:1", "in.canon.before:1", "in.canon.after:1"].iter().take(if all { 3 } else { 1 })
    {
        let told = play(At::Answers(point)).await;
        assert_eq!(told, undisturbed, "killed at {point} with the answers");
    }
}

#[tokio::test]
async fn a_node_that_runs_all_the_time_takes_the_work_of_a_dead_one_over_within_half_a_minute() {
    let undisturbed = play(At::Nowhere).await;
    let points: Vec<&str> =
        if all() { of_the_day().collect() } else { vec!["in.canon.before", "out.rename.after"] };
    // Mostly they wait for leases to end, so several go at once.
    let mut days = futures_util::stream::iter(points)
        .map(|point| async move { (point, Box::pin(play(At::Beside(point))).await) })
        .buffer_unordered(3);
    while let Some((point, told)) = days.next().await {
        assert_eq!(told, undisturbed, "killed at {point} beside another");
        if all() {
            writeln!(std::io::stderr(), "killed at {point}: the other node did the rest")
                .expect("it is open");
        }
    }
}

fn all() -> bool {
    std::env::var_os("CROSSDOCK_FAULTS").is_some_and(|which| which == "all")
}

/// Nothing of the day is packed, waits for others or is late: `packed`, `batches` and `kills` end nodes there.
fn of_the_day() -> impl Iterator<Item = &'static str> {
    let elsewhere = ["in.unpack.", "out.batch.", "ack.due."];
    kill_points::ALL.into_iter().filter(move |name| !elsewhere.iter().any(|step| name.starts_with(step)))
}

/// Places that one node passes less often than that in a day.
const RARE: [&str; 4] =
    ["in.archive.before:3", "in.archive.after:3", "erp.send.before:3", "erp.send.after:3"];

/// Plays the day, and tells what came of it without numbers that may fall otherwise.
async fn play(at: At<'_>) -> String {
    let site = Wide::new(|settings| settings).await;
    let other = match at {
        At::Beside(_) => Some(begin_to_serve(&site).await),
        _ => None,
    };
    // It stands still before anything comes, else it may have done all there is before the one that is to end.
    if let Some(other) = &other {
        stand_still(&site, other).await;
    }
    let mut put = put_all(&site);
    if let At::Day(point) = at {
        end_at(&site, point).await;
    }
    if let (At::Beside(point), Some(other)) = (at, &other) {
        end_beside(&site, point, other).await;
    }
    let mut node = other.unwrap_or_else(|| serve(&site, None));
    quiet(&site, put.len()).await;
    let answers = matches!(at, At::Answers(_));
    if answers {
        stop(&mut node).await;
    }
    let mut acme = site.world.partner("acme-3pl").expect("it has an account");
    for _ in 0..2 {
        let order = acme.wait_for("940", Duration::from_secs(5)).await.expect("it came whole");
        let name = acme.acknowledge(&order, Judgment::Accept).expect("put");
        put.insert(name, Vec::new());
    }
    if let At::Answers(point) = at {
        end_at(&site, point).await;
        node = serve(&site, None);
    }
    quiet(&site, put.len()).await;
    stop(&mut node).await;
    invariants(&site, &put).await;
    outcome(&site).await
}

/// Puts everything the day brings, and gives it by name.
fn put_all(site: &Wide) -> BTreeMap<String, Vec<u8>> {
    let today = Clock::System.now().date_naive();
    let mut put = BTreeMap::new();
    for file in DayFile::ALL {
        site.world.put(file, today).expect("put");
        put.insert(file.name().to_owned(), file.bytes(today).into_bytes());
    }
    site.advise();
    put.insert("SW_1.edi".to_owned(), Vec::new());
    // Too large for a row, and nobody's: it goes to the archive and is kept aside.
    let large = "a line of text that is no document\n".repeat(40_000);
    let depositor = site.world.partner("depositor-one").expect("it has an account");
    depositor.put("large.txt", &large).expect("put");
    put.insert("large.txt".to_owned(), large.into_bytes());
    put
}

fn serve(site: &Wide, kill_at: Option<&str>) -> Child {
    let settings = site.world.hub().join("crossdock.toml");
    let mut command = command(&settings, Some(site.database.url()), &["serve"]);
    if let Some(point) = kill_at {
        command.env("CROSSDOCK_KILL_AT", point);
    }
    command.spawn().expect("it starts")
}

/// Has two nodes end at a place; both, unless the first takes all there is to do with it.
async fn end_at(site: &Wide, point: &str) {
    let mut one = serve(site, Some(point));
    let mut two = serve(site, Some(point));
    let ended = tokio::time::timeout(Duration::from_secs(120), async {
        tokio::select! { ended = one.wait() => (ended, &mut two), ended = two.wait() => (ended, &mut one) }
    });
    let (status, other) = ended.await.unwrap_or_else(|_| panic!("no node passes {point}"));
    let status = status.expect("it ended");
    assert_eq!(status.signal(), Some(Signal::SIGKILL as i32), "at {point} it ended by itself: {status}");
    // It goes on for a while beside those that come, and may end at the same place.
    if other.try_wait().expect("it is ours").is_none() {
        signal(other, Signal::SIGKILL);
    }
    other.wait().await.expect("it ended");
}

/// Starts a node, and waits until it looks for work.
async fn begin_to_serve(site: &Wide) -> Child {
    let settings = site.world.hub().join("crossdock.toml");
    let mut command = command(&settings, Some(site.database.url()), &["serve"]);
    let mut node = command.env("CROSSDOCK_LOG", "info").stderr(Stdio::piped()).spawn().expect("it starts");
    let mut lines = BufReader::new(node.stderr.take().expect("it is piped")).lines();
    while !lines.next_line().await.expect("text").expect("it runs").contains("serving ") {}
    // Read on, else it would wait for its reader.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    node
}

/// Stops a node where it holds no locks, for which the one that is to end would wait.
async fn stand_still(site: &Wide, node: &Child) {
    let mut connection = site.database.connection().await;
    loop {
        signal(node, Signal::SIGSTOP);
        let busy = "select count(*) from pg_stat_activity where datname = current_database()
             and pid <> pg_backend_pid() and state in ('active', 'idle in transaction')";
        let busy: i64 = sqlx::query_scalar(busy).fetch_one(&mut connection).await.expect("answers");
        if busy == 0 {
            break;
        }
        signal(node, Signal::SIGCONT);
        tokio::task::yield_now().await;
    }
}

/// Has a node end at a place while `other` stands still, which then takes over what it held, in time.
async fn end_beside(site: &Wide, point: &str, other: &Child) {
    let mut node = serve(site, Some(point));
    let process = node.id().expect("it runs");
    let ended = tokio::time::timeout(Duration::from_secs(120), node.wait()).await;
    let status = ended.unwrap_or_else(|_| panic!("no node passes {point}")).expect("it ended");
    assert_eq!(status.signal(), Some(Signal::SIGKILL as i32), "at {point} it ended by itself: {status}");
    let died = Instant::now();
    signal(other, Signal::SIGCONT);
    let store = site.database.store();
    until("the work of the dead node is another's", async || {
        let workers = store.list_workers().await.expect("answers");
        !workers.iter().any(|worker| worker.ends_with(&format!("#{process}")))
    })
    .await;
    let took = died.elapsed();
    assert!(took < Duration::from_secs(30), "killed at {point}: taken over after {} s", took.as_secs());
}

async fn stop(node: &mut Child) {
    signal(node, Signal::SIGTERM);
    let status = node.wait().await.expect("it ended");
    // One that has only just begun does not listen yet.
    let early = status.signal() == Some(Signal::SIGTERM as i32);
    assert!(early || status.code() == Some(0), "{status}");
}

/// Waits until everything came and nothing is left to do.
async fn quiet(site: &Wide, files: usize) {
    let store = site.database.store();
    until("all is done", async || {
        let received = received(site).await;
        received.len() == files
            && received.iter().all(|file| file.state != FileState::Received && file.disposed_at.is_some())
            && store.count_open_jobs().await.is_ok_and(|open| open.is_empty())
    })
    .await;
}

async fn received(site: &Wide) -> Vec<FileRow> {
    let filter = FileFilter { direction: Some(Direction::Inbound), ..FileFilter::default() };
    site.database.store().list_files(&filter, 100).await.expect("answers")
}

/// What must be so after any fault.
async fn invariants(site: &Wide, put: &BTreeMap<String, Vec<u8>>) {
    let store = site.database.store();
    // Every file that a partner wrote is ours once, to the byte, and lies with the partner no more.
    let files = received(site).await;
    let names: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, put.keys().map(String::as_str).collect(), "a file is missing");
    assert_eq!(files.len(), put.len(), "a file was taken twice");
    let archive = crossdock::store::Archive::local(&site.world.hub().join("var/archive"));
    let store = store.with_archive(archive.expect("the archive is there"));
    for file in &files {
        let bytes = store.load_file(file.id).await.expect("its bytes are there").bytes;
        assert_eq!(Body::inline(bytes.clone()).sha256.as_slice(), file.sha256, "{}", file.name);
        let written = put.get(&file.name).filter(|written| !written.is_empty());
        assert!(written.is_none_or(|written| *written == bytes), "{} is not what was written", file.name);
    }
    // Every partner has each file that we composed once, under one name and with these bytes, and nothing else.
    let outbound = FileFilter { direction: Some(Direction::Outbound), ..FileFilter::default() };
    let composed = store.list_files(&outbound, 100).await.expect("answers");
    let mut got = BTreeSet::new();
    for partner in PARTNERS {
        let home = site.world.sshd.account(partner).folder;
        for entry in
            ["in", "taken"].iter().filter_map(|folder| fs::read_dir(home.join(folder)).ok()).flatten()
        {
            let path = entry.expect("listed").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let hash = Body::inline(fs::read(&path).expect("read")).sha256.to_vec();
            assert!(got.insert((format!("{partner}/edi"), name.clone(), hash)), "{name} lies there twice");
        }
        let left = fs::read_dir(home.join("out")).expect("listed").count();
        assert_eq!(left, 0, "{partner}'s files lie there still");
    }
    let sent: BTreeSet<_> = composed
        .iter()
        .filter(|file| file.channel.ends_with("/edi"))
        .map(|file| (file.channel.clone(), file.name.clone(), file.sha256.clone()))
        .collect();
    assert_eq!(got, sent, "what partners have is not what was composed");
    let objects = site.world.erp.objects();
    let calls = composed.iter().filter(|file| file.channel.starts_with("erp/")).count();
    assert_eq!(objects.len(), calls, "one object in the ERP for each call: {objects:?}");
    let mut connection = site.database.connection().await;
    for (what, statement) in [
        ("a number was used twice", "select count(*) - count(distinct (channel, name)) from file where direction = 'outbound'"),
        (
            "numbers have a gap",
            "select (select coalesce(sum(next - minimum), 0)::bigint from control_number where scope like 'isa13 %')
                 - count(*) from file where direction = 'outbound' and channel like '%/edi' and name like '%.edi'",
        ),
        (
            "a record has no document that was accepted",
            "select count(*) from (select document_id from invoice union all select document_id from purchase_order
                 union all select document_id from shipping_order union all select document_id from shipping_advice
                 union all select document_id from ship_notice) r
             left join document d on d.id = r.document_id and d.validation <> 'rejected' where d.id is null",
        ),
        (
            "a document of a business came twice",
            "select count(*) - count(distinct (partner_id, direction, record_kind, business_number)) from document
             where record_kind is not null",
        ),
        ("a fence went back", "select count(*) from job where fence < attempts"),
        (
            "tries are not counted",
            "select count(*) from delivery d
             where attempts <> (select count(*) from attempt a where a.delivery_id = d.id)",
        ),
        (
            "an acknowledgment is not what was said",
            "select count(*) from expected_acknowledgment e where state = 'awaited'
                 and exists (select from received_acknowledgment r where r.expected_id = e.id)",
        ),
    ] {
        let wrong: i64 = sqlx::query_scalar(statement).fetch_one(&mut connection).await.expect("answers");
        assert_eq!(wrong, 0, "{what}");
    }
}

/// What came of the day, in lines that do not depend on the order in which files were read.
async fn outcome(site: &Wide) -> String {
    let store = site.database.store();
    let mut lines: Vec<String> = Vec::new();
    for file in received(site).await {
        lines.push(format!("file {} {}", file.name, file.state));
    }
    for document in store.list_documents(&DocumentFilter::default(), 1000).await.expect("answers") {
        lines.push(format!(
            "{} {} {} {} {} {} {} {}",
            document.direction,
            document.partner_id.unwrap_or_default(),
            document.kind,
            document.business_number.unwrap_or_default(),
            document.validation,
            document.delivery,
            document.acknowledgment,
            document.business,
        ));
    }
    let open = ExceptionFilter { state: Some(ExceptionState::Open), ..ExceptionFilter::default() };
    for exception in store.list_exceptions(&open, 1000).await.expect("answers") {
        let number = exception.purchase_order_number.unwrap_or_default();
        lines.push(format!("exception {} {number} {:?}", exception.kind, exception.amount));
    }
    lines.sort();
    lines.join("\n")
}
