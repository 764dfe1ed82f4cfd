//! What the demo's partners write is what real partners would.

use std::fs;
use std::path::Path;
use std::time::Duration;

use chrono::{NaiveDate, TimeZone as _, Utc};
use crossdock::cli::demo::counterparts::partners::{Judgment, Partner, Shortage};
use crossdock::cli::demo::files::DayFile;
use crossdock::cli::demo::world::World;
use crossdock::clock::Clock;
use crossdock::config::Config;
use crossdock::declaration::Source;
use crossdock::formats::x12::reader::{Options, validate};

const SHIPPING_ORDER: &str = include_str!("counterparts/940.edi");
const WITHIN: Duration = Duration::from_secs(10);

fn clock() -> Clock {
    let at = Utc.with_ymd_and_hms(2026, 11, 25, 14, 30, 0);
    Clock::Fixed(at.single().expect("an instant"))
}

/// Set, status and faults of everything in a file, one a line.
fn verdicts(text: &str) -> Vec<String> {
    let file = validate(text.as_bytes(), &Options::default());
    let mut lines: Vec<String> = file.faults.iter().map(|fault| format!("file: {fault:?}")).collect();
    for interchange in &file.interchanges {
        lines.extend(interchange.faults.iter().map(|fault| format!("interchange: {fault:?}")));
        for group in &interchange.groups {
            lines.extend(group.faults.iter().map(|fault| format!("group: {fault:?}")));
            for set in &group.sets {
                let faults: Vec<_> = set.faults.iter().map(|fault| format!("{fault:?}")).collect();
                lines.push(format!("{} {} {}", set.id, set.status.code(), faults.join("; ")));
            }
        }
    }
    lines.iter().map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_files_of_the_day_are_valid_but_for_the_one_that_is_not() {
    let today = NaiveDate::from_ymd_opt(2026, 11, 25).expect("a day");
    let verdicts = |file: DayFile| verdicts(&file.bytes(today));
    assert_eq!(verdicts(DayFile::PurchaseOrders), ["850 A", "850 A"]);
    assert_eq!(verdicts(DayFile::SaleInvoice), ["810 A"]);
    assert_eq!(verdicts(DayFile::SupplierShipNotice), ["856 A"]);
    assert_eq!(verdicts(DayFile::SupplierInvoice), ["810 A"]);
    assert_eq!(verdicts(DayFile::Unclaimed), ["850 A"]);
    let broken = verdicts(DayFile::BrokenInvoices);
    assert!(broken[0].starts_with("810 R") && broken[0].contains("BIG"), "{broken:?}");
    assert_eq!(broken[1], "810 A");
}

fn warehouse(home: &Path) -> Partner {
    for folder in ["in", "out"] {
        fs::create_dir_all(home.join(folder)).expect("made");
    }
    Partner::new(home.to_owned(), "01", "123456789", 500, clock())
}

#[tokio::test]
async fn the_warehouse_answers_an_order_with_an_acknowledgment_and_an_advice() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut warehouse = warehouse(home.path());
    fs::write(home.path().join("in/940_7.edi"), SHIPPING_ORDER).expect("written");
    fs::write(home.path().join("in/.940_8.edi.part"), "ISA|half").expect("written");
    let order = warehouse.wait_for("940", WITHIN).await.expect("it came");
    let read = |name: &str| fs::read_to_string(home.path().join("out").join(name)).expect("it was put");

    let acknowledgment = read(&warehouse.acknowledge(&order, Judgment::Accept).expect("put"));
    assert_eq!(verdicts(&acknowledgment), ["997 A"]);
    assert!(acknowledgment.contains("AK1*OW*7~\nAK2*940*0001~\nAK5*A~\nAK9*A*1*1*1~"));
    assert!(acknowledgment.starts_with(
        "ISA*00*          *00*          *01*123456789      *ZZ*CROSSDOCK      *261125*1430*U*00401*000000501*0*T*>~"
    ));

    let names = warehouse.ship(&order, &[Shortage { item: "DF-2050", missing: 6 }]).expect("put");
    assert_eq!(names, ["SW_000502.edi"]);
    let advice = read(&names[0]);
    assert_eq!(verdicts(&advice), ["945 A"]);
    assert!(advice.contains("W06*F*SO-10077*20261125*WH0000502**4500087216~"));
    assert!(advice.contains("W12*CC*40*40**CA**VN*DF-1010*L50201*500*G*L*****IN*4471023~"), "{advice}");
    assert!(advice.contains("W12*CP*60*54*6*CA*085239020500*VN*DF-2050*L50202*675*G*L~"), "{advice}");
    assert!(advice.contains("W03*94*1175*LB~"));

    let rejection = read(&warehouse.acknowledge(&order, Judgment::Reject).expect("put"));
    assert_eq!(verdicts(&rejection), ["997 A"]);
    assert!(rejection.contains("AK5*R*5~\nAK9*R*1*1*0~"));
    let nothing = warehouse.wait_for("940", Duration::ZERO).await;
    assert!(nothing.is_err(), "one order came");
}

#[tokio::test]
async fn the_world_says_where_its_partners_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let world = World::start(folder.path(), clock()).await.expect("it starts");
    let text = world.settings(Path::new(env!("CARGO_MANIFEST_DIR")));
    let source = Source { name: "crossdock.toml".into(), text };
    let config = Config::parse(source, world.hub().to_owned()).expect("the settings are sound");
    assert_eq!(config.allowed_private_hosts, [world.erp.address().to_string().parse().expect("host:port")]);
    assert!(config.profiles.ends_with("partner-profiles") && config.profiles.is_dir());
    let today = NaiveDate::from_ymd_opt(2026, 11, 25).expect("a day");
    for file in DayFile::ALL {
        world.put(file, today).expect("put");
    }
    let orders = world.sshd.account("north-stores").folder.join("out/PO_004417.edi");
    assert!(orders.exists() && world.hub().join("inbox/depositor-one/order_SO-10078.xml").exists());
    assert!(world.partner("nobody").is_none());
    assert_eq!(world.partner("acme-3pl").expect("known").take().expect("an empty folder"), 0);
}
