//! Files that go by mail: the same mail in every try.

use std::fs;

use base64::Engine as _;
use crossdock::store::{DeliveryFilter, DeliveryState, FileState};

use super::site::{Site, invoice, until};
use crate::harness::smtp::{Fate, Sink};

fn settings(sink: &Sink, more: &str) -> String {
    format!(
        "[mail]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"edi@hub.example\"\n{more}",
        sink.port
    )
}

/// A site whose partner `one` is answered by mail.
pub(super) async fn site(settings: &str) -> Site {
    let site = Site::new(settings).await;
    let path = site.root().join("partner-profiles/one.toml");
    let text = fs::read_to_string(&path).expect("read");
    let text = text.replace(
        r#"outbound  = { path = "outbox/one" }"#,
        "[channels.post]\ntransport = \"mail\"\nto = [\"edi@one.example\", \"desk@one.example\"]\n\
         subject = \"{document} for {number} of {partner}\"\noutbound = { name = \"{document}-{control_number}.x12\" }",
    );
    fs::write(path, text).expect("written");
    site
}

#[tokio::test]
async fn a_mailed_file_is_the_same_mail_in_every_try() {
    let sink = Sink::start(&[Fate::Answered("451 busy"), Fate::Untold]).await;
    let site = site(&settings(&sink, "")).await;
    site.put("one", "1.edi", invoice("PARTNERONE", 1));
    until("it is mailed", async || site.run(&["run", "--once"]).await.code == 0).await;
    let letters = sink.letters();
    assert!(letters.len() >= 3, "{letters:?}");
    for letter in &letters {
        assert_eq!(letter.text, letters[0].text, "each try is the same mail to the byte");
    }
    let letter = &letters[0];
    let [delivery] = <[_; 1]>::try_from(
        site.store().list_deliveries(&DeliveryFilter::default(), 10).await.expect("answers"),
    )
    .expect("one delivery");
    assert_eq!(delivery.state, DeliveryState::Delivered);
    assert_eq!(letter.header("Message-ID"), format!("<{}@hub.example>", delivery.id.simple()));
    assert_eq!(delivery.response_id.as_deref(), Some(letter.header("Message-ID").as_str()));
    assert_eq!(letter.header("Subject"), "997 for 000000001 of one");
    let to = letter.header("To");
    assert!(to.contains("edi@one.example") && to.contains("desk@one.example"), "{to}");
    assert!(letter.text.contains("filename=\"997-000000001.x12\""), "{}", letter.text);
    let file = site.store().load_delivery(delivery.id).await.expect("it is there").file;
    let encoded = base64::engine::general_purpose::STANDARD.encode(&file.bytes);
    assert!(letter.text.replace('\n', "").contains(&encoded), "the bytes are attached as they were frozen");
    assert_eq!(site.received().await[0].state, FileState::Processed);
}

#[tokio::test]
async fn what_no_server_takes_is_held_and_told() {
    let sink = Sink::start(&[Fate::Refused("550 no such user")]).await;
    let site = site(&settings(&sink, "attach_up_to_mb = 1\n")).await;
    site.put("one", "1.edi", invoice("PARTNERONE", 1));
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 1, "{}", ran.text);
    assert!(ran.text.contains("is held") && ran.text.contains("no such user"), "{}", ran.text);

    // Without a server it waits, and is told what to write.
    let file = site.root().join("crossdock.toml");
    let before = fs::read_to_string(&file).expect("read");
    fs::write(&file, "").expect("written");
    site.put("one", "2.edi", invoice("PARTNERONE", 2));
    let ran = site.run(&["run", "--once"]).await;
    assert!(ran.text.contains("write [mail] with host and from into crossdock.toml"), "{}", ran.text);
    fs::write(&file, before).expect("written");
    until("it is mailed", async || sink.letters().len() == 2 || site.run(&["run", "--once"]).await.code == 0)
        .await;
}
