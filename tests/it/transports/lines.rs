//! Lines that are cut, torn down or fall silent at any place: given up in time, told, and nothing half comes of it.
//!
//! `scripts/faults` tries many places, `scripts/test` some.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crossdock::cli::demo::counterparts::erp::Erp;
use crossdock::cli::demo::counterparts::sshd::{Age, Sshd};
use crossdock::transports::http::{Call, Client, Outcome};
use crossdock::transports::sftp::{Login, Server, Settings};
use crossdock::transports::{SecretRef, Transport, resolve_with};
use futures_util::StreamExt as _;

use super::{get, names, put};
use crate::harness::line::{Fault, Line, Once};

const FAULTS: [Fault; 3] = [Fault::Cut, Fault::Reset, Fault::Stall];
/// What a stalled server is given, and what one that is only busy is.
const SILENCE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(30);
/// More than any step may take after that, on a busy machine.
const IN_TIME: Duration = Duration::from_secs(30);
const SIZE: usize = 300_000;

/// About as many bytes as keys and a login take.
const LOGIN: u64 = 4_500;

/// Places on a way of so many bytes: some all along it, and more at its begin, where keys are agreed on, and at its end.
fn places(total: u64) -> Vec<u64> {
    let all = std::env::var_os("CROSSDOCK_FAULTS").is_some_and(|which| which == "all");
    let (along, at_the_begin, at_the_end) = if all { (40, 30, 24) } else { (5, 4, 3) };
    let along = (0..along).map(|place| total * place / along);
    let near = (0..at_the_end).map(|place| total.saturating_sub(900 * place / at_the_end + 20));
    let early = (1..=at_the_begin).map(|place| total.min(LOGIN * place / at_the_begin));
    let mut places: Vec<u64> = along.chain(early).chain(near).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// Every fault at every place, of their bytes and of ours.
fn every(passed: (u64, u64)) -> Vec<(Fault, Once)> {
    let theirs = places(passed.0).into_iter().map(Once::Theirs);
    let all: Vec<Once> = theirs.chain(places(passed.1).into_iter().map(Once::Ours)).collect();
    FAULTS.iter().flat_map(|fault| all.iter().map(|once| (*fault, *once))).collect()
}

/// A server with one whole file in `out` and nothing in `in`.
fn server() -> (tempfile::TempDir, Sshd, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sshd = Sshd::start(folder.path(), &["acme"], Age::Modern).expect("sshd starts");
    let bytes: Vec<u8> = (0..SIZE).map(|number| number.to_le_bytes()[1]).collect();
    fs::write(sshd.account("acme").folder.join("out/po.edi"), &bytes).expect("written");
    (folder, sshd, bytes)
}

fn client(sshd: &Sshd, line: &Line, timeout: Duration) -> Transport {
    let settings = Settings {
        host: "127.0.0.1".into(),
        port: line.port(),
        user: sshd.user().into(),
        login: Login::Key { key: SecretRef::File(sshd.account("acme").key), passphrase: None },
        host_keys: vec![sshd.host_key().parse().expect("a fingerprint")],
        sessions: 1,
        legacy_until: None,
        timeout,
    };
    Transport::Sftp(Server::new(settings, resolve_with(PathBuf::new(), |_| None)))
}

/// Does a step until it is done; tells what it said before. Each try ends in time.
async fn until_done<T>(
    what: impl std::fmt::Debug,
    step: impl AsyncFn() -> Result<T, crossdock::transports::Error>,
) -> (T, Vec<String>) {
    let mut said = Vec::new();
    loop {
        let begun = Instant::now();
        let done = tokio::time::timeout(IN_TIME, step()).await;
        match done.unwrap_or_else(|_| panic!("{what:?}: nobody gave up")) {
            Ok(done) => return (done, said),
            Err(error) => {
                assert!(error.is_temporary(), "{what:?}: {error}");
                said.push(error.to_string());
                assert!(said.len() < 9, "{what:?}: {said:?}");
                // As its pool asks for.
                tokio::time::sleep(error.retry_after().unwrap_or_default()).await;
            }
        }
        assert!(begun.elapsed() < IN_TIME, "{what:?}: nobody gave up in time");
    }
}

/// Of what stalled lines said: each tells that the other side was silent, and some did say it.
fn tells_of_silence(said: &[(Fault, Vec<String>)], words: &str) {
    let mut stalled =
        said.iter().filter(|(fault, _)| *fault == Fault::Stall).flat_map(|(_, said)| said).peekable();
    assert!(stalled.peek().is_some(), "no line stalled");
    for said in stalled {
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_read_over_a_line_that_fails_is_whole_or_none() {
    let (_folder, sshd, bytes) = server();
    let sound = Line::to(sshd.port(), []).await;
    assert_eq!(get(&client(&sshd, &sound, PATIENCE), "out", "po.edi").await.expect("read"), bytes);
    let tried = every(sound.passed()).into_iter().map(|(fault, once)| {
        let (sshd, bytes) = (&sshd, &bytes);
        async move {
            let line = Line::to(sshd.port(), [(fault, once)]).await;
            let client = client(sshd, &line, SILENCE);
            let (read, said) = until_done((fault, once), async || get(&client, "out", "po.edi").await).await;
            assert!(read == *bytes, "{fault:?} {once:?}: another file was read");
            assert_eq!(line.left(), 0, "the line did not fail");
            (fault, said)
        }
    });
    let said: Vec<_> = futures_util::stream::iter(tried).buffer_unordered(6).collect().await;
    tells_of_silence(&said, "the server said nothing for 2 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_put_over_a_line_that_fails_is_there_once_and_whole() {
    let (_folder, sshd, bytes) = server();
    let sound = Line::to(sshd.port(), []).await;
    put(&client(&sshd, &sound, PATIENCE), "in", "sound.edi", &bytes).await.expect("put");
    let mut expected = vec!["sound.edi".to_owned()];
    let faults = every(sound.passed());
    expected.extend((0..faults.len()).map(|number| format!("{number:03}.edi")));
    let tried = faults.into_iter().enumerate().map(|(number, (fault, once))| {
        let (sshd, bytes) = (&sshd, &bytes);
        async move {
            let line = Line::to(sshd.port(), [(fault, once)]).await;
            let (client, name) = (client(sshd, &line, SILENCE), format!("{number:03}.edi"));
            let target = sshd.account("acme").folder.join("in").join(&name);
            let (_, said) = until_done((fault, once), async || {
                let outcome = put(&client, "in", &name, bytes).await;
                let there = fs::read(&target);
                assert!(there.is_err() || there.is_ok_and(|there| there == *bytes), "half of it is visible");
                outcome
            })
            .await;
            assert!(
                fs::read(&target).expect("it is there") == *bytes,
                "{fault:?} {once:?}: another file is there"
            );
            (fault, said)
        }
    });
    let said: Vec<_> = futures_util::stream::iter(tried).buffer_unordered(6).collect().await;
    tells_of_silence(&said, "the server said nothing for 2 s");
    let mut there = names(&client(&sshd, &sound, PATIENCE), "in").await;
    // A session that the server has not missed yet may still hold what it was sent last, under a hidden name.
    there.retain(|name| !name.starts_with('.'));
    expected.sort();
    assert_eq!(there, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_over_a_line_that_fails_takes_effect_once() {
    let erp = Erp::start().await.expect("a free port");
    let make = |line: &Line, key: &str, timeout: Duration| {
        let address = format!("127.0.0.1:{}", line.port());
        let client = Client::new(vec![address.parse().expect("a host and port")]);
        let call = Call {
            method: "POST".into(),
            url: format!("http://{address}/shipments"),
            idempotency: Some(("Idempotency-Key".into(), key.into())),
            body: format!("{{\"note\":\"{}\"}}", "x".repeat(100_000)).into(),
            timeout,
            response_id: Some("id".into()),
            ..Call::default()
        };
        (client, call)
    };
    let sound = Line::to(erp.address().port(), []).await;
    let (client, call) = make(&sound, "sound", PATIENCE);
    assert!(matches!(client.call(&call).await, Ok(Outcome::Delivered(_))));
    let (theirs, ours) = sound.passed();
    let faults = every((theirs, ours));
    let count = faults.len();
    let tried = faults.into_iter().enumerate().map(|(number, (fault, once))| {
        let (erp, make) = (&erp, &make);
        async move {
            let line = Line::to(erp.address().port(), [(fault, once)]).await;
            let (client, call) = make(&line, &number.to_string(), SILENCE);
            let mut said = Vec::new();
            loop {
                let called = tokio::time::timeout(IN_TIME, client.call(&call)).await;
                match called.expect("it is given up").expect("it may be made") {
                    Outcome::Delivered(answer) => {
                        assert!(answer.id.is_some(), "{fault:?} {once:?}: half an answer was taken");
                        return (fault, said);
                    }
                    Outcome::Unknown { why } | Outcome::RetryLater { why, .. } => said.push(why),
                    refused @ Outcome::Refused { .. } => panic!("{fault:?} {once:?}: {refused:?}"),
                }
                assert!(said.len() < 3, "{fault:?} {once:?}: {said:?}");
            }
        }
    });
    let said: Vec<_> = futures_util::stream::iter(tried).buffer_unordered(6).collect().await;
    tells_of_silence(&said, "no answer in time");
    assert_eq!(erp.objects().len(), count + 1, "one object for each key");
}
