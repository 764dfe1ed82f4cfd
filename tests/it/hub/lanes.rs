//! Channels beside each other: a slow one holds up no other, and one that keeps the order goes one after the other.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use crossdock::store::{DeliveryFilter, DeliveryState, FileState};
use nix::sys::signal::Signal;

use super::signal;
use super::site::{Site, invoice, until};

const FILES: u32 = 12;

async fn site() -> Site {
    let site = Site::new("[hub]\nworkers = 4\n").await;
    let path = site.root().join("partner-profiles/one.toml");
    let text = fs::read_to_string(&path).expect("read");
    fs::write(path, text.replace("transport = \"local\"\n", "transport = \"local\"\nin_order = true\n"))
        .expect("written");
    site
}

#[tokio::test]
async fn a_system_that_never_answers_holds_up_nobody_else() {
    // It takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("it is bound");
    let translators = Path::new(env!("CARGO_MANIFEST_DIR")).join("translators");
    let site = Site::new(&format!(
        "[folders]\ntranslators = \"{}\"\n[calls]\nallowed_private_hosts = [\"{address}\"]\n",
        translators.display()
    ))
    .await;
    let erp = format!(
        "[partner]\nid = \"erp\"\n[channels.api]\ntransport = \"http\"\nurl = \"http://{address}/\"\ntimeout = \"1h\"\n\
         [[sends]]\ntranslator = \"json-invoice\"\nchannel = \"api\"\n"
    );
    fs::write(site.root().join("partner-profiles/erp.toml"), erp).expect("written");
    let one = site.root().join("partner-profiles/one.toml");
    let route =
        "[[routes]]\nwhen = { record = \"invoice\" }\nsend = { to = \"erp\", document = \"invoice\" }\n";
    fs::write(&one, fs::read_to_string(&one).expect("read") + route).expect("written");
    for control in 1..=FILES {
        site.put("one", &format!("{control:03}.edi"), invoice("PARTNERONE", control));
    }
    let mut hub = site.serve();
    let in_state = async |state| {
        let filter = DeliveryFilter { state: Some(state), ..DeliveryFilter::default() };
        site.store().list_deliveries(&filter, 100).await.expect("answers").len()
    };
    until("all are answered", async || in_state(DeliveryState::Delivered).await == FILES as usize).await;
    // Four calls at once are what a profile allows that says nothing else.
    until("four calls are made", async || in_state(DeliveryState::Sending).await == 4).await;
    assert_eq!(in_state(DeliveryState::Ready).await, FILES as usize - 4);
    signal(&hub, Signal::SIGKILL);
    hub.wait().await.expect("it ended");
}

#[tokio::test]
async fn files_are_processed_and_answered_in_the_order_they_came() {
    let site = site().await;
    // Large and small ones: were they read at the same time, the small ones would overtake.
    for control in 1..=FILES {
        let text = invoice("PARTNERONE", control);
        let blanks = " ".repeat(if control % 3 == 1 { 400_000 } else { 0 });
        site.put("one", &format!("{control:03}.edi"), text + &blanks);
    }
    let mut hub = site.serve();
    until("all are answered", async || site.sent("one").len() == FILES as usize).await;
    signal(&hub, Signal::SIGTERM);
    hub.wait().await.expect("it ended");
    // Control numbers are given as answers are made.
    for (name, text) in site.sent("one") {
        let own = name.trim_start_matches("997_").trim_end_matches(".edi").trim_start_matches('0').to_owned();
        assert!(text.contains(&format!("AK1*IN*{own}~")), "{name}: {text}");
    }
    let deliveries = site.store().list_deliveries(&DeliveryFilter::default(), 100).await.expect("answers");
    let mut sent: Vec<_> = deliveries.iter().map(|one| (one.delivered_at, one.target.as_str())).collect();
    sent.sort_unstable();
    assert!(sent.windows(2).all(|pair| pair[0].1 < pair[1].1), "{sent:?}");
}

#[tokio::test]
async fn one_that_is_held_holds_up_those_behind_it_until_a_person_settles_it() {
    let site = site().await;
    let taken = site.root().join("outbox/one/997_000000002.edi");
    fs::create_dir_all(taken.parent().expect("it has one")).expect("made");
    fs::write(&taken, "somebody else's").expect("written");
    for control in 1..=4 {
        site.put("one", &format!("{control:03}.edi"), invoice("PARTNERONE", control));
    }
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 1, "{}", ran.text);
    assert!(site.received().await.iter().all(|file| file.state == FileState::Processed));
    let names = || site.sent("one").into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(), ["997_000000001.edi", "997_000000002.edi"], "the third and fourth wait");
    let jobs = site.run(&["jobs", "--json"]).await;
    assert_eq!(jobs.text.matches("\"behind\": \"").count(), 2, "{}", jobs.text);
    let filter = DeliveryFilter { state: Some(DeliveryState::Held), ..DeliveryFilter::default() };
    let held = site.store().list_deliveries(&filter, 9).await.expect("answers").remove(0);
    fs::remove_file(&taken).expect("it is ours");
    let released = site.run(&["release", &held.id.to_string(), "--reason", "the name is free"]).await;
    assert_eq!(released.code, 0, "{}", released.text);
    assert_eq!(site.run(&["run", "--once"]).await.code, 0);
    assert_eq!(names().len(), 4);
}
