//! The demo's day: real files between real servers, and a check of everything that came of them.
#![expect(clippy::print_stdout, reason = "commands speak to people")]

use super::counterparts::erp::Trouble;
use super::counterparts::partners::{Interchange, Judgment, Partner, Set, Shortage, element};
use super::files::DayFile;
use super::world::World;
use crate::cli::{exit, open, status};
use crate::clock::Clock;
use crate::config::Config;
use crate::store::{
    AcknowledgmentFilter, AcknowledgmentState, Direction, DocumentFilter, ExceptionFilter, FileFilter,
    FileState, Store, Validation,
};
use anyhow::{Context as _, bail, ensure};
use rust_decimal::Decimal;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

/// Longest wait for one step of the day; the slowest takes two seconds.
const WITHIN: Duration = Duration::from_secs(30);
/// How often the database is asked whether a step has come about.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Plays a day with the hub.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// Keep the hub and its counterparts running afterwards, until Ctrl-C
    #[arg(long)]
    keep: bool,
    /// Folder of the demo; what an earlier run left there is removed
    #[arg(long, default_value = "var/demo", value_name = "DIR")]
    dir: PathBuf,
}

/// Plays the day; exit code 0 only when all of it came out as described.
pub(in crate::cli) async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let shipped = std::path::absolute(&config.root)?;
    let folder = std::path::absolute(&arguments.dir)?;
    clear(&folder)?;
    let world = World::start(&folder, Clock::System).await?;
    let settings = world.hub().join("crossdock.toml");
    std::fs::write(&settings, world.settings(&shipped))?;
    let own = open::config(&settings).map_err(|shown| anyhow::anyhow!(shown))?;
    println!("Crossdock plays a day, with everything on this machine:");
    println!(
        "  an SFTP server for the partners on port {}, a folder each below {}",
        world.sshd.port(),
        folder.join("partners").display()
    );
    println!("  an ERP stand-in on {}", world.erp.address());
    let database = open::database(&own).await?;
    if let Some(server) = &database.server {
        println!("  a private PostgreSQL: {}", server.url());
    }
    let log = folder.join("hub.log");
    let mut hub = start_hub(&settings, &log)?;
    println!(
        "  the hub, `crossdock serve`, process {}; its log is {}",
        hub.id().unwrap_or_default(),
        log.display()
    );
    let mut day = Day { world, store: database.store.clone(), started };
    let played = tokio::select! {
        played = play(&mut day) => played,
        ended = hub.wait() => Err(anyhow::anyhow!("the hub ended ({}); see {}", ended?, log.display())),
        () = interrupted() => Err(anyhow::anyhow!("stopped by hand")),
    };
    status::print(&day.store, None, 100).await?;
    show_sent(&folder)?;
    let seconds = day.started.elapsed().as_secs_f32();
    let code = match &played {
        Ok(()) => {
            println!("\nThe day came out as it should, in {seconds:.1} s.");
            exit::DONE
        }
        Err(error) => {
            println!("\nThe day did not come out: {error:#}");
            println!("hint: see {}", log.display());
            exit::FINDINGS
        }
    };
    let program = std::env::current_exe()?;
    println!("Look around: {} --config {} status", program.display(), settings.display());
    if arguments.keep && played.is_ok() {
        println!("The hub keeps serving: put files into the folders above. Ctrl-C ends it.");
        tokio::select! {
            () = interrupted() => {}
            ended = hub.wait() => println!("the hub ended ({})", ended?),
        }
    }
    stop_hub(&mut hub).await?;
    day.store.close().await;
    drop(database);
    Ok(ExitCode::from(code))
}

struct Day {
    world: World,
    store: Store,
    started: Instant,
}

async fn play(day: &mut Day) -> anyhow::Result<()> {
    let today = Clock::System.now().date_naive();
    let partner = |id: &str| day.world.partner(id).with_context(|| format!("the demo has no partner {id}"));
    let mut north = partner("north-stores")?;
    let mut acme = partner("acme-3pl")?;
    let mut bay = partner("bay-supply")?;
    let mut depositor = partner("depositor-one")?;

    chapter("North Stores sends two purchase orders (850)");
    day.world.put(DayFile::PurchaseOrders, today)?;
    answered(&mut north, "PO").await?;
    day.wait("two purchase orders are kept, with their prices", || day.has_documents("850", 2)).await?;
    done("answered with a 997; two PurchaseOrders, with prices and stores");

    chapter("Depositor One orders the first of them shipped, as CSV");
    day.world.put(DayFile::CsvOrder, today)?;
    let order = acme.wait_for("940", WITHIN).await?;
    ensure!(find(&order, "940", "W05", 2) == "SO-10077", "the 940 does not name order SO-10077");
    done(&format!("a ShippingOrder; Acme has it as X12 940 ({})", order.file));
    acme.acknowledge(&order, Judgment::Accept)?;
    day.wait("the 940 is acknowledged", || day.has_acknowledgments("acme-3pl", 1)).await?;
    done("Acme's 997 closes it");

    chapter("Acme ships it, six cases of one item short (945)");
    // The ERP is not at its best today: the hub tries again under the same key.
    day.world.erp.trouble([Trouble::Answer(500)]);
    acme.ship(&order, &[Shortage { item: "DF-2050", missing: 6 }])?;
    answered(&mut acme, "SW").await?;
    done("answered with a 997; a ShippingAdvice");
    let notice = north.wait_for("856", WITHIN).await?;
    echoes(&notice, today)?;
    done("North Stores has its 856, with its own store, item and order date");
    north.acknowledge(&notice, Judgment::Accept)?;
    day.wait("the 856 is acknowledged", || day.has_acknowledgments("north-stores", 1)).await?;
    day.wait("the ERP has the shipment", async || Ok(day.world.erp.objects().len() == 1)).await?;
    let tries: Vec<String> = day
        .world
        .erp
        .calls()
        .iter()
        .map(|call| call.status.map_or("none".to_owned(), |status| status.to_string()))
        .collect();
    done(&format!("the ERP was called until it took the shipment, once: {}", tries.join(", ")));

    chapter("An XML order is dropped into inbox/depositor-one");
    day.world.put(DayFile::XmlOrder, today)?;
    let second = acme.wait_for("940", WITHIN).await?;
    ensure!(find(&second, "940", "W05", 2) == "SO-10078", "the second 940 does not name order SO-10078");
    acme.acknowledge(&second, Judgment::Accept)?;
    acme.ship(&second, &[])?;
    answered(&mut acme, "SW").await?;
    let notice = north.wait_for("856", WITHIN).await?;
    north.acknowledge(&notice, Judgment::Accept)?;
    day.wait("the second 856 is acknowledged", || day.has_acknowledgments("north-stores", 2)).await?;
    day.wait("the ERP has both shipments", async || Ok(day.world.erp.objects().len() == 2)).await?;
    done("a ShippingOrder, a 940, shipped in full, a second 856 and a second ERP call");

    chapter("Bay Supply sends a ship notice and its invoice (856, 810)");
    day.world.put(DayFile::SupplierShipNotice, today)?;
    answered(&mut bay, "SH").await?;
    day.world.put(DayFile::SupplierInvoice, today)?;
    answered(&mut bay, "IN").await?;
    done("a ShipNotice and an Invoice, each answered with a 997");

    chapter("Depositor One bills the first order, one case more than was shipped (810)");
    day.world.put(DayFile::SaleInvoice, today)?;
    answered(&mut depositor, "IN").await?;
    day.wait("the difference is found", || day.has_difference("quantity_billed_not_shipped")).await?;
    done(&format!("answered with a 997; {}", day.difference("quantity_billed_not_shipped").await?));

    chapter("Two more invoices in one file; the first lacks its BIG");
    day.world.put(DayFile::BrokenInvoices, today)?;
    let ack = depositor.wait_for("997", WITHIN).await?;
    let verdicts: Vec<String> =
        segments(&ack, "997", "AK5").iter().map(|ak5| element(ak5, 1).to_owned()).collect();
    ensure!(verdicts == ["R", "A"], "the 997 says {verdicts:?} of the two sets, not R and A");
    ensure!(find(&ack, "997", "AK9", 1) == "P", "the 997 does not accept the group in part");
    ensure!(find(&ack, "997", "AK3", 1) == "BIG", "the 997 does not name the missing BIG");
    day.wait("one is rejected and one is kept", async || {
        let filter = DocumentFilter {
            kind: Some("810".to_owned()),
            validation: Some(Validation::Rejected),
            ..DocumentFilter::default()
        };
        Ok(day.store.list_documents(&filter, 10).await?.len() == 1 && day.count("810").await? == 4)
    })
    .await?;
    done("the 997 rejects just that one (AK3 BIG, AK5 R) and accepts its neighbour");

    chapter("A file from somebody nobody knows");
    day.world.put(DayFile::Unclaimed, today)?;
    let filter = || FileFilter { state: Some(FileState::Quarantined), ..FileFilter::default() };
    day.wait("it is quarantined", async || Ok(day.store.list_files(&filter(), 10).await?.len() == 1)).await?;
    let quarantined = day.store.list_files(&filter(), 1).await?;
    let reason = quarantined.first().map(|file| file.reason.clone()).unwrap_or_default();
    ensure!(reason.contains("unknown sender"), "it is quarantined for another reason: {reason}");
    done(&format!("quarantined, and nobody is answered: {reason}"));

    nothing_left(day).await
}

/// At the end of the day nothing is on its way, and no partner was sent anything twice.
async fn nothing_left(day: &Day) -> anyhow::Result<()> {
    day.wait("everything is delivered", async || Ok(day.store.count_open_jobs().await?.is_empty())).await?;
    for id in ["north-stores", "acme-3pl", "bay-supply", "depositor-one"] {
        let home = day.world.sshd.account(id).folder;
        let left = std::fs::read_dir(home.join("out"))?.count();
        ensure!(left == 0, "{left} files of {id} are not picked up");
    }
    ensure!(day.world.erp.objects().len() == 2, "the ERP holds another number of shipments than two");
    Ok(())
}

impl Day {
    async fn wait<F>(&self, what: &str, mut is_so: impl FnMut() -> F) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<bool>>,
    {
        let deadline = Instant::now() + WITHIN;
        while !is_so().await? {
            if Instant::now() > deadline {
                bail!("not so within {} s: {what}", WITHIN.as_secs());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn count(&self, kind: &str) -> anyhow::Result<usize> {
        let filter = DocumentFilter {
            kind: Some(kind.to_owned()),
            direction: Some(Direction::Inbound),
            ..DocumentFilter::default()
        };
        Ok(self.store.list_documents(&filter, 100).await?.len())
    }

    async fn has_documents(&self, kind: &str, count: usize) -> anyhow::Result<bool> {
        Ok(self.count(kind).await? == count)
    }

    async fn has_acknowledgments(&self, partner: &str, count: usize) -> anyhow::Result<bool> {
        let filter = AcknowledgmentFilter {
            partner_id: Some(partner.to_owned()),
            state: Some(AcknowledgmentState::Accepted),
            ..AcknowledgmentFilter::default()
        };
        Ok(self.store.list_expected_acknowledgments(&filter, 100).await?.len() >= count)
    }

    async fn has_difference(&self, kind: &str) -> anyhow::Result<bool> {
        let filter = ExceptionFilter { kind: Some(kind.to_owned()), ..ExceptionFilter::default() };
        Ok(!self.store.list_exceptions(&filter, 10).await?.is_empty())
    }

    async fn difference(&self, kind: &str) -> anyhow::Result<String> {
        let filter = ExceptionFilter { kind: Some(kind.to_owned()), ..ExceptionFilter::default() };
        let found = self.store.list_exceptions(&filter, 10).await?;
        let [one] = found.as_slice() else { bail!("{} differences of this kind, not one", found.len()) };
        let amount = one.amount.context("the difference has no amount")?;
        ensure!(amount == Decimal::new(27_40, 2), "the difference comes to {amount}, not 27.40");
        Ok(format!("{amount:.2} {} too much: {}", one.currency.as_deref().unwrap_or_default(), one.message))
    }
}

/// Waits for the 997 of a group and sees that it accepts all.
async fn answered(partner: &mut Partner, group: &str) -> anyhow::Result<()> {
    let ack = partner.wait_for("997", WITHIN).await?;
    ensure!(find(&ack, "997", "AK1", 1) == group, "the 997 answers another group than {group}");
    ensure!(find(&ack, "997", "AK9", 1) == "A", "the 997 does not accept the {group} group: {}", ack.text);
    Ok(())
}

/// Whether the 856 says what the 850 said: store, buyer's item, order date.
fn echoes(notice: &Interchange, today: chrono::NaiveDate) -> anyhow::Result<()> {
    let ordered_on = (today - chrono::Days::new(1)).format("%Y%m%d").to_string();
    let store = segments(notice, "856", "N1").into_iter().find(|n1| element(n1, 1) == "BY");
    let store = store.context("the 856 names no store (N1*BY)")?;
    ensure!(element(&store, 4) == "0142", "the 856 names another store than 0142");
    ensure!(find(notice, "856", "PRF", 1) == "4500087216", "the 856 names another order");
    ensure!(
        find(notice, "856", "PRF", 4) == ordered_on,
        "the 856 does not name the order's date {ordered_on}"
    );
    let items = segments(notice, "856", "LIN");
    ensure!(
        items.iter().any(|lin| lin.iter().any(|value| value == "4473377")),
        "the 856 lacks the buyer's item"
    );
    Ok(())
}

fn segments(interchange: &Interchange, kind: &str, name: &str) -> Vec<Vec<String>> {
    let sets = interchange.sets().filter(|set: &Set| set.kind == kind);
    sets.flat_map(|set| set.segments).filter(|segment| element(segment, 0) == name).collect()
}

fn find(interchange: &Interchange, kind: &str, name: &str, place: usize) -> String {
    segments(interchange, kind, name)
        .first()
        .map(|segment| element(segment, place).to_owned())
        .unwrap_or_default()
}

fn chapter(text: &str) {
    println!("\n▸ {text}");
}

fn done(text: &str) {
    println!("  ✓ {text}");
}

fn start_hub(settings: &Path, log: &Path) -> anyhow::Result<Child> {
    let log = std::fs::File::create(log)?;
    let program = std::env::current_exe()?;
    Command::new(&program)
        .arg("--config")
        .arg(settings)
        .arg("serve")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))
}

async fn stop_hub(hub: &mut Child) -> anyhow::Result<()> {
    let Some(process) = hub.id() else { return Ok(()) };
    let process = nix::unistd::Pid::from_raw(i32::try_from(process)?);
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM)?;
    let ended =
        tokio::time::timeout(WITHIN, hub.wait()).await.context("the hub does not end on SIGTERM")??;
    ensure!(ended.success(), "the hub ended badly: {ended}");
    Ok(())
}

async fn interrupted() {
    let Ok(mut interrupt) = signal(SignalKind::interrupt()) else { return std::future::pending().await };
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Removes what an earlier run left; only a folder that a demo made.
fn clear(folder: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        std::fs::create_dir_all(folder)?;
        return Ok(());
    }
    let ours = folder.join("hub").exists() || std::fs::read_dir(folder)?.next().is_none();
    ensure!(ours, "{} holds something else than a demo; name another folder with --dir", folder.display());
    std::fs::remove_dir_all(folder)
        .with_context(|| format!("cannot remove {}; is a demo still running?", folder.display()))?;
    std::fs::create_dir_all(folder)?;
    Ok(())
}

/// The paths of everything that partners got.
fn show_sent(folder: &Path) -> anyhow::Result<()> {
    println!("\nWhat the partners got");
    let mut homes: Vec<PathBuf> =
        std::fs::read_dir(folder.join("partners"))?.flatten().map(|entry| entry.path()).collect();
    homes.sort();
    for home in homes {
        for sub in ["in", "taken"] {
            let Ok(entries) = std::fs::read_dir(home.join(sub)) else { continue };
            let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            paths.sort();
            for path in paths {
                println!("  {}", path.display());
            }
        }
    }
    Ok(())
}
