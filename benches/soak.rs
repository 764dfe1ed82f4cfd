//! A steady day: a hub takes 100 documents a second end to end for ten minutes, and its memory stays where it is.
//!
//! `cargo bench --bench soak` plays it, `MINUTES=1 RATE=20` a shorter and quieter one. Of each second's documents six in
//! ten are invoices in files of their own, answered by a 997 and passed on to an ERP by a call; two are orders as CSV,
//! passed on as a 940; two are the warehouse's 997s for those. Of the invoices 5 % are bad and 3 % come twice.

#![expect(clippy::print_stdout, reason = "a bench speaks to people")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime};

use crossdock::cli::demo::counterparts::erp::Erp;

const PARTNER: &str = r#"
[partner]
id = "{id}"
[x12]
us   = { qualifier = "ZZ", id = "OURHUB" }
them = { qualifier = "ZZ", id = "{x12}" }
[channels.edi]
transport = "local"
inbound   = { path = "{id}/out", after = "delete" }
outbound  = { path = "{id}/in" }
"#;

const SELLER: &str = r#"
[[receives]]
translator = "x12-810"
channel    = "edi"
ack        = "997"
[[routes]]
when = { record = "invoice" }
send = { to = "erp", document = "invoice" }
"#;

const OWNER: &str = r#"
[[receives]]
translator = "csv-shipping-order"
channel    = "edi"
[[routes]]
when = { record = "shipping_order" }
send = { to = "warehouse", document = "940" }
"#;

const WAREHOUSE: &str = r#"
[[sends]]
translator = "x12-940"
channel    = "edi"
expect_ack = { kind = "997", within = "4h" }
[sends.fields]
freight_terms  = 'W6601 | table(freight_terms) | default("prepaid")'
"carrier.mode" = 'W6602 | table(transport_mode) | default("motor")'
"#;

const ERP: &str = r#"
[partner]
id = "erp"
[channels.api]
transport   = "http"
url         = "{url}"
response_id = "id"
at_once     = 16
[[sends]]
translator = "json-invoice"
channel    = "api"
"#;

const CSV_HEADER: &str = "order_number,po_number,ship_date,ship_to_id,ship_to_name,ship_to_street,ship_to_city,\
ship_to_state,ship_to_zip,line_number,sku,upc,lot,quantity,unit,action";

/// What was put and when, by what tells that it came out at the other end.
#[derive(Default)]
struct Flow {
    put: HashMap<String, Instant>,
    took: Vec<Duration>,
}

impl Flow {
    fn came(&mut self, key: &str, at: Instant) {
        if let Some(put) = self.put.remove(key) {
            self.took.push(at.saturating_duration_since(put));
        }
    }

    /// Half, 99 of 100 and all of them within.
    fn told(&mut self, what: &str) {
        self.took.sort_unstable();
        let at = |share: f64| {
            let last = self.took.len().saturating_sub(1);
            let place = (last as f64 * share) as usize;
            self.took.get(place).copied().unwrap_or_default().as_secs_f64()
        };
        let (half, most, all) = (at(0.5), at(0.99), at(1.0));
        println!(
            "{what}: {} done, {} missing; half within {half:.2} s, 99 of 100 within {most:.2} s, all within {all:.2} s",
            self.took.len(),
            self.put.len()
        );
    }
}

struct Site {
    folder: tempfile::TempDir,
    sent: u32,
    acknowledged: u32,
}

impl Site {
    fn new(erp: &Erp) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = folder.path();
        let translators = Path::new(env!("CARGO_MANIFEST_DIR")).join("translators");
        let settings = format!(
            "[folders]\ntranslators = \"{}\"\n[calls]\nallowed_private_hosts = [\"{}\"]\n",
            translators.display(),
            erp.address()
        );
        fs::write(root.join("crossdock.toml"), settings).expect("written");
        fs::create_dir(root.join("partner-profiles")).expect("made");
        for (id, x12, more) in
            [("seller", "SELLER", SELLER), ("owner", "OWNER", OWNER), ("warehouse", "WAREHOUSE", WAREHOUSE)]
        {
            let text = PARTNER.replace("{id}", id).replace("{x12}", x12) + more;
            fs::write(root.join(format!("partner-profiles/{id}.toml")), text).expect("written");
            for folder in ["in", "out"] {
                fs::create_dir_all(root.join(id).join(folder)).expect("made");
            }
        }
        let erp = ERP.replace("{url}", &erp.url("invoices"));
        fs::write(root.join("partner-profiles/erp.toml"), erp).expect("written");
        Self { folder, sent: 0, acknowledged: 0 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, partner: &str, name: &str, text: &str) {
        let hidden = self.path(&format!("{partner}/out/.{name}"));
        fs::write(&hidden, text).expect("written");
        fs::rename(&hidden, self.path(&format!("{partner}/out/{name}"))).expect("renamed");
    }

    /// What came into a partner's folder since; it is taken away.
    fn take(&self, partner: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(&format!("{partner}/in"))).expect("listed");
        let mut texts = Vec::new();
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !hidden && path.extension().is_some_and(|ending| ending == "edi") {
                texts.push(fs::read_to_string(&path).expect("text"));
                fs::remove_file(&path).expect("it is ours now");
            }
        }
        texts
    }
}

fn interchange(sender: &str, group: &str, number: u32, body: &str) -> String {
    format!(
        "ISA*00*          *00*          *ZZ*{sender:<15}*ZZ*OURHUB         *261129*1200*U*00401*{number:09}*0*P*>~\n\
         GS*{group}*{sender}*OURHUB*20261129*1200*{number}*X*004010~\n{body}GE*1*{number}~\nIEA*1*{number:09}~\n"
    )
}

fn invoice(number: u32, bad: bool) -> String {
    let item = |line: u32| format!("IT1*{line}*10*EA*1.25**VN*SKU-{line}*UP*085239010105~\n");
    let items: String = (1..=20).map(item).collect();
    let total = if bad { "" } else { "TDS*25000~\n" };
    let count = if bad { 25 } else { 26 };
    let body = format!(
        "ST*810*0001~\nBIG*20261129*INV-{number}*20261120*PO-{number}~\nN1*ST*STORE 42*92*0042~\n{items}{total}CTT*20~\nSE*{count}*0001~\n"
    );
    interchange("SELLER", "IN", number, &body)
}

/// Memory of a process in MiB.
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn number(name: &str, otherwise: u32) -> u32 {
    crossdock::config::environment(name).and_then(|said| said.parse().ok()).unwrap_or(otherwise)
}

fn serve(site: &Site) -> Child {
    Command::new(env!("CARGO_BIN_EXE_crossdock"))
        .arg("--config")
        .arg(site.path("crossdock.toml"))
        .arg("serve")
        .env_remove("DATABASE_URL")
        .env("CROSSDOCK_LOG", "error")
        .spawn()
        .expect("it starts")
}

fn main() {
    // `cargo test --benches` only asks whether it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let (minutes, rate) = (number("MINUTES", 10), number("RATE", 100));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("threads can be had");
    let erp = runtime.block_on(Erp::start()).expect("a free port");
    let mut site = Site::new(&erp);
    let mut hub = serve(&site);
    let postgres = site.path("var/postgres/postmaster.pid");
    let ready = || fs::read_to_string(&postgres).is_ok_and(|text| text.contains("ready"));
    while !ready() {
        assert!(hub.try_wait().expect("asked").is_none(), "the hub did not start");
        std::thread::sleep(Duration::from_millis(50));
    }
    let (mut answered, mut called, mut shipped) = (Flow::default(), Flow::default(), Flow::default());
    let (mut told_calls, mut peak, mut early) = (0, 0, 0);
    let began = Instant::now();
    let length = Duration::from_secs(u64::from(minutes) * 60);
    let mut ticks = 0_u32;
    let wall = SystemTime::now();
    loop {
        let ends = began.elapsed() >= length;
        let done = answered.put.is_empty() && called.put.is_empty() && shipped.put.is_empty();
        if ends && (done || began.elapsed() >= length + Duration::from_secs(60)) {
            break;
        }
        // Ten ticks a second, each with its share of the documents.
        while !ends && began.elapsed() >= Duration::from_millis(100) * ticks {
            ticks += 1;
            for part in 0..rate / 10 {
                site.sent += 1;
                let n = site.sent;
                match part % 10 {
                    0..=6 => {
                        let bad = n.is_multiple_of(20);
                        let text = invoice(n, bad);
                        site.put("seller", &format!("{n:07}.edi"), &text);
                        answered.put.insert(n.to_string(), Instant::now());
                        if !bad {
                            called.put.insert(format!("INV-{n}"), Instant::now());
                        }
                        if n.is_multiple_of(33) {
                            site.put("seller", &format!("{n:07}-again.edi"), &text);
                        }
                    }
                    _ => {
                        let line = format!(
                            "SO-{n},PO-{n},2026-12-01,31,Depot,1 Mill Lane,Eagan,MN,55121,1,A-1,,,40,CS,"
                        );
                        site.put("owner", &format!("{n:07}.csv"), &format!("{CSV_HEADER}\n{line}\n"));
                        shipped.put.insert(format!("SO-{n}"), Instant::now());
                    }
                }
            }
        }
        for text in site.take("seller") {
            let at = Instant::now();
            for group in text.split("AK1*IN*").skip(1) {
                answered.came(group.split('~').next().unwrap_or_default(), at);
            }
        }
        for text in site.take("warehouse") {
            let at = Instant::now();
            for order in text.split("W05*N*").skip(1) {
                shipped.came(order.split(['*', '~']).next().unwrap_or_default(), at);
            }
            let group = text.split("GS*OW*").nth(1).and_then(|head| head.split('*').nth(4));
            let sets = text.matches("ST*940*").count();
            if let Some(group) = group.filter(|_| sets > 0) {
                site.acknowledged += 1;
                let n = site.acknowledged;
                let body =
                    format!("ST*997*0001~\nAK1*OW*{group}~\nAK9*A*{sets}*{sets}*{sets}~\nSE*4*0001~\n");
                let text = interchange("WAREHOUSE", "FA", n, &body);
                site.put("warehouse", &format!("{n:07}.edi"), &text);
            }
        }
        for object in erp.objects_after(told_calls) {
            let invoice = object.body["invoice_number"].as_str().unwrap_or_default();
            called.came(invoice, Instant::now());
            told_calls += 1;
        }
        let now = memory(hub.id());
        peak = peak.max(now);
        if early == 0 && began.elapsed() * 10 > length {
            early = now;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let last = memory(hub.id());
    println!(
        "{rate} documents a second for {minutes} min, with {:.0} s at the end",
        wall.elapsed().unwrap_or_default().as_secs_f64() - length.as_secs_f64()
    );
    answered.told("invoices, to their 997");
    called.told("invoices, to the ERP");
    shipped.told("orders, to their 940");
    println!("memory of the hub: {early} MiB after a tenth, {last} MiB at the end, {peak} MiB at most");
    hub.kill().expect("it runs");
    hub.wait().expect("it ended");
}
