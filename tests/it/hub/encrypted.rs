//! Connections under TLS: only to a server that an authority we trust vouches for.

use std::fs;
use std::path::Path;

use crossdock::cli::demo::counterparts::erp::Erp;
use crossdock::store::{DeliveryFilter, DeliveryRow, DeliveryState};

use super::mailed;
use super::site::{Said, Site, invoice, said};
use crate::harness::authority::Authority;
use crate::harness::smtp::Sink;

/// One pass of the hub; who vouches for servers is in this file.
async fn run(site: &Site, trusted: &Path) -> Said {
    let mut command = site.command(&["run", "--once"]);
    command.env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR").env("MAIL_PASSWORD", "open sesame");
    said(command).await
}

async fn only_delivery(site: &Site) -> DeliveryRow {
    let deliveries = site.store().list_deliveries(&DeliveryFilter::default(), 10).await.expect("answers");
    let [delivery] = <[_; 1]>::try_from(deliveries).expect("one delivery");
    delivery
}

fn mail(tls: &str, host: &str, port: u16) -> String {
    format!(
        "[mail]\nhost = \"{host}\"\nport = {port}\ntls = \"{tls}\"\nfrom = \"edi@hub.example\"\n\
         user = \"hub\"\npassword = {{ env = \"MAIL_PASSWORD\" }}\n"
    )
}

#[tokio::test]
async fn a_mail_and_its_login_go_under_tls_to_the_server_that_was_meant() {
    let (ours, other) = (Authority::new(), Authority::new());
    for (host, trusted, why) in [
        ("localhost", &ours, None),
        ("127.0.0.1", &ours, Some(["not valid for name", "write the name that the server's certificate"])),
        ("localhost", &other, Some(["UnknownIssuer", "SSL_CERT_FILE"])),
    ] {
        let sink = Sink::start_tls(ours.acceptor("localhost")).await;
        let site = mailed::site(&mail("starttls", host, sink.port)).await;
        site.put("one", "1.edi", invoice("PARTNERONE", 1));
        let ran = run(&site, &trusted.file()).await;
        let delivery = only_delivery(&site).await;
        match (why, sink.letters().as_slice()) {
            (None, [letter]) => {
                assert_eq!(delivery.state, DeliveryState::Delivered, "{}", ran.text);
                assert!(letter.secret && letter.login.starts_with("AUTH PLAIN "), "{letter:?}");
            }
            (Some(why), []) => {
                let error = delivery.last_error.unwrap_or_default();
                assert!(why.iter().all(|why| error.contains(why)), "{error}");
            }
            (why, letters) => panic!("{why:?}, yet {} letters came: {}", letters.len(), ran.text),
        }
    }
}

#[tokio::test]
async fn a_mail_goes_under_tls_from_the_first_byte() {
    let authority = Authority::new();
    let sink = Sink::start(&[]).await;
    let port = authority.front("localhost", sink.port).await;
    let settings = mail("implicit", "localhost", port);
    let settings: String = settings
        .lines()
        .filter(|line| !line.starts_with("user") && !line.starts_with("password"))
        .collect::<Vec<_>>()
        .join("\n");
    let site = mailed::site(&settings).await;
    site.put("one", "1.edi", invoice("PARTNERONE", 1));
    let ran = run(&site, &authority.file()).await;
    assert_eq!(only_delivery(&site).await.state, DeliveryState::Delivered, "{}", ran.text);
    assert_eq!(sink.letters().len(), 1);
}

#[tokio::test]
async fn an_erp_is_called_only_where_an_authority_vouches_for_it() {
    let (ours, other) = (Authority::new(), Authority::new());
    let erp = Erp::start().await.expect("a free port");
    let port = ours.front("localhost", erp.address().port()).await;
    let translators = Path::new(env!("CARGO_MANIFEST_DIR")).join("translators");
    let settings = format!(
        "[folders]\ntranslators = \"{}\"\n[calls]\nallowed_private_hosts = [\"localhost:{port}\", \"127.0.0.1:{port}\"]\n",
        translators.display()
    );
    for (host, trusted, why) in [
        ("localhost", &ours, None),
        ("127.0.0.1", &ours, Some(["not valid for name", "write the name that the server's certificate"])),
        ("localhost", &other, Some(["UnknownIssuer", "SSL_CERT_FILE"])),
    ] {
        let site = Site::new(&settings).await;
        let called = erp.calls().len();
        let profile = format!(
            "[partner]\nid = \"erp\"\n[channels.api]\ntransport = \"http\"\nurl = \"https://{host}:{port}/invoices\"\n\
             response_id = \"id\"\n[[sends]]\ntranslator = \"json-invoice\"\nchannel = \"api\"\n"
        );
        fs::write(site.root().join("partner-profiles/erp.toml"), profile).expect("written");
        let one = site.root().join("partner-profiles/one.toml");
        let text = fs::read_to_string(&one).expect("read").replace("ack        = \"997\"\n", "");
        let route =
            "[[routes]]\nwhen = { record = \"invoice\" }\nsend = { to = \"erp\", document = \"invoice\" }\n";
        fs::write(&one, text + route).expect("written");
        site.put("one", "1.edi", invoice("PARTNERONE", 1));
        let ran = run(&site, &trusted.file()).await;
        let delivery = only_delivery(&site).await;
        if let Some(why) = why {
            let error = delivery.last_error.unwrap_or_default();
            assert!(why.iter().all(|why| error.contains(why)), "{error}");
            assert_eq!(erp.calls().len(), called, "nothing was sent");
        } else {
            assert_eq!(delivery.state, DeliveryState::Delivered, "{}", ran.text);
            assert_eq!(erp.calls().len(), called + 1);
        }
    }
}
