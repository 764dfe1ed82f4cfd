//! Reports by mail and by schedule, against a server on this machine.

use super::operational::{asked, hub};
use super::{at, name};
use crate::harness::postgres::Database;
use crate::harness::smtp::{Fate, Letter, Sink};
use crate::hub::site::{Site, until};
use crossdock::clock::Clock;
use crossdock::pipeline::operate::{self, Wish};
use crossdock::pipeline::reports::{self, Handling};
use crossdock::pipeline::{Agreements, Hub, drain, run_once};
use crossdock::reports::{Format, Name};
use crossdock::store::{JobKind, JobState, Noun, ReportMail, ReportRun, job_id};
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

const TO: &str = "controller@buyer.example";

fn settings(sink: &Sink, more: &str) -> String {
    format!(
        "[mail]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"edi@hub.example\"\n{more}",
        sink.port
    )
}

/// Has the acknowledgments of the week made and sent; gives the run.
async fn mailed(hub: &Hub, folder: &Path) -> Uuid {
    let handling = Handling {
        folder: folder.join("out"),
        formats: vec![Format::Html, Format::Xlsx, Format::Csv],
        mail_to: vec![TO.to_owned()],
        made_by: String::from("ann"),
        due: None,
    };
    let filed = reports::file(hub, &asked(Name::Acknowledgments), &handling).await.expect("made");
    let mut work = hub.store.begin().await.expect("begins");
    filed.keep(&mut work).await.expect("kept");
    work.commit().await.expect("commits");
    filed.run_id()
}

/// Sends what is due until the mail of the run is in this state.
async fn sent_until(hub: &Arc<Hub>, run: Uuid, state: JobState) -> ReportMail {
    until(&format!("the mail is {state}"), async || {
        drain(hub, JobKind::Mail).await.expect("the database answers");
        hub.store.list_report_mails(run).await.expect("lists")[0].state == state
    })
    .await;
    hub.store.list_report_mails(run).await.expect("lists").remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_receipt_was_lost_is_sent_again_as_the_same_mail() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = Sink::start(&[Fate::Untold, Fate::Answered("451 busy")]).await;
    let (hub, _database) = hub(folder.path(), &settings(&sink, "")).await;
    let run = mailed(&hub, folder.path()).await;
    let hub = Arc::new(hub);
    let mail = sent_until(&hub, run, JobState::Done).await;
    assert_eq!((mail.attempts, mail.answer.as_str()), (3, "taken as 42"));
    let letters = sink.letters();
    assert_eq!(letters.len(), 3);
    assert!(letters.iter().all(|letter| letter.text == letters[0].text), "a repeat is the same mail");
    let Letter { from, to, text, .. } = &letters[0];
    assert_eq!(
        (from.as_str(), to.as_str()),
        ("MAIL FROM:<edi@hub.example>", "RCPT TO:<controller@buyer.example>")
    );
    assert_eq!(letters[0].header("Message-ID"), format!("<{}@hub.example>", mail.message.simple()));
    assert_eq!(letters[0].header("Auto-Submitted"), "auto-generated");
    assert_eq!(letters[0].header("Date"), "Tue, 10 Nov 2026 18:00:00 +0000");
    let subject = "Acknowledgments overdue, refused and late, 2026-11-02 to 2026-11-08";
    assert_eq!(letters[0].header("Subject"), subject);
    for said in [
        "multipart/mixed",
        "multipart/alternative",
        "Overdue: 1",
        "Refused: 1",
        "text/html",
        "acknowledgments.xlsx",
        "acknowledgments-overdue.csv",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_refused_is_held_until_a_person_lets_it_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = Sink::start(&[Fate::Refused("550 5.1.1 no such user")]).await;
    let (hub, _database) = hub(folder.path(), &settings(&sink, "")).await;
    let run = mailed(&hub, folder.path()).await;
    let hub = Arc::new(hub);
    let mail = sent_until(&hub, run, JobState::Held).await;
    let why = mail.last_error.expect("it says why");
    assert!(why.contains("controller@buyer.example") && why.contains("no such user"), "{why}");
    let wish = Wish {
        by: String::from("ann"),
        account: String::from("ann"),
        reason: String::from("the mailbox is there now"),
        request: None,
    };
    let job = (Noun::Job, job_id(JobKind::Mail, mail.id));
    let deed = operate::release(&hub.store, job, &wish).await.expect("it is held");
    assert_eq!(deed.event.subject, format!("mail acknowledgments to {TO}"));
    sent_until(&hub, run, JobState::Done).await;
    assert_eq!(sink.letters().len(), 2);
    assert!(
        operate::release(&hub.store, job, &wish).await.is_ok_and(|deed| deed.before),
        "the same wish is one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_in_the_clear_where_tls_was_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = Sink::start(&[]).await;
    let settings = settings(&sink, "").replace("\"none\"", "\"starttls\"");
    let (hub, _database) = hub(folder.path(), &settings).await;
    let run = mailed(&hub, folder.path()).await;
    let hub = Arc::new(hub);
    drain(&hub, JobKind::Mail).await.expect("the database answers");
    let mail = hub.store.list_report_mails(run).await.expect("lists").remove(0);
    assert_ne!(mail.state, JobState::Done);
    assert!(mail.last_error.is_some() && sink.letters().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_without_room_in_a_mail_are_told_and_changed_ones_are_not_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = Sink::start(&[]).await;
    let (small, _database) = hub(folder.path(), &settings(&sink, "attach_up_to_mb = 0\n")).await;
    let run = mailed(&small, folder.path()).await;
    sent_until(&Arc::new(small), run, JobState::Done).await;
    let text = &sink.letters()[0].text;
    assert!(text.contains("Too large for a mail, in ") && text.contains("acknowledgments.xlsx ("), "{text}");
    assert!(!text.contains("Content-Disposition: attachment"), "{text}");
    let (hub, _database) = hub(folder.path(), &settings(&sink, "")).await;
    let run = mailed(&hub, folder.path()).await;
    std::fs::write(folder.path().join("out/acknowledgments.html"), "other figures").expect("written");
    let mail = sent_until(&Arc::new(hub), run, JobState::Held).await;
    assert!(mail.last_error.is_some_and(|why| why.contains("was changed since the report was made")));
    assert_eq!(sink.letters().len(), 1);
}

/// A hub of another time on the same database.
async fn hub_at(database: &Database, first: &Hub, now: &str) -> Arc<Hub> {
    let agreements = Agreements::load(&first.config).expect("sound profiles");
    Arc::new(Hub::new(first.config.clone(), database.store(), Clock::Fixed(at(now)), agreements))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_due_report_is_made_once_over_all_nodes_and_missed_ones_collapse() {
    let folder = tempfile::tempdir().expect("a folder");
    let sink = Sink::start(&[]).await;
    let schedule = format!(
        "[[schedules]]\nreport = \"activity\"\ncron = \"30 6 * * *\"\ntime_zone = \"America/Chicago\"\n\
         period = \"last_week\"\nmail_to = [\"{TO}\"]\n"
    );
    let (first, database) = hub(folder.path(), &settings(&sink, &schedule)).await;
    let first = Arc::new(first);
    run_once(&first, None).await.expect("runs");
    assert!(first.store.list_report_runs(None, 9).await.expect("lists").is_empty(), "nothing was missed yet");
    // Two nodes look at the same time, three days later: 6:30 in Chicago is 12:30 UTC.
    let (one, two) = (
        hub_at(&database, &first, "2026-11-13T12:31:00Z").await,
        hub_at(&database, &first, "2026-11-13T12:31:05Z").await,
    );
    let (done, also) = tokio::join!(run_once(&one, None), run_once(&two, None));
    done.and(also).expect("both run");
    until("the mail is sent", async || sink.letters().len() == 1).await;
    let runs = first.store.list_report_runs(None, 9).await.expect("lists");
    let [run] = runs.as_slice() else { panic!("one run: {runs:?}") };
    assert_eq!(run.due_at, Some(at("2026-11-13T12:30:00Z")));
    assert_eq!(
        (run.from_day.to_string(), run.to_day.to_string()),
        ("2026-11-02".into(), "2026-11-08".into())
    );
    let files: Vec<&str> = run.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(files, ["activity.html", "activity.xlsx"]);
    assert!(Path::new(&run.folder).join("activity.xlsx").exists(), "{}", run.folder);
    // Another look changes nothing.
    run_once(&one, None).await.expect("runs");
    assert_eq!(first.store.list_report_runs(None, 9).await.expect("lists").len(), 1);
    assert_eq!(sink.letters().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_scheduled_reports_leave_and_that_they_were_made_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let schedules = ["activity", "reconciliation"].map(|report| {
        format!("[[schedules]]\nreport = \"{report}\"\ncron = \"30 6 * * *\"\nformats = [\"csv\"]\n")
    });
    let (first, database) = hub(folder.path(), &schedules.concat()).await;
    let first = Arc::new(first);
    run_once(&first, None).await.expect("runs");
    run_once(&hub_at(&database, &first, "2026-11-13T12:31:00Z").await, None).await.expect("runs");
    let runs = first.store.list_report_runs(None, 9).await.expect("lists");
    let run_of = |report: &str| runs.iter().find(|run| run.report == report).expect("made").clone();
    let (activity, finance) = (run_of("activity"), run_of("reconciliation"));
    let lies = |run: &ReportRun| Path::new(&run.folder).join(&run.files[0].name).exists();
    let hub = |now| hub_at(&database, &first, now);
    // 400 days and 3660, unless profiles say otherwise.
    for (now, activity_lies, finance_lies) in [
        ("2027-12-17T12:00:00Z", true, true),
        ("2027-12-19T12:00:00Z", false, true),
        ("2036-11-19T12:00:00Z", false, true),
        ("2036-11-21T12:00:00Z", false, false),
    ] {
        run_once(&hub(now).await, None).await.expect("runs");
        assert_eq!((lies(&activity), lies(&finance)), (activity_lies, finance_lies), "{now}");
        let kept = first.store.find_report_run(activity.id).await.expect("it stays");
        assert_eq!(kept.files.0, activity.files.0, "its hashes stay");
        assert_eq!(kept.left_at.is_none(), activity_lies, "{now}");
    }
    assert!(!Path::new(&activity.folder).exists(), "an empty folder is not left behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_list_run_and_look_at_reports() {
    let sink = Sink::start(&[]).await;
    let schedule =
        format!("[[schedules]]\nreport = \"scorecard\"\ncron = \"0 7 1 * *\"\nmail_to = [\"{TO}\"]\n");
    let site = Site::new(&settings(&sink, &schedule)).await;
    let list = site.run(&["report", "list"]).await;
    assert_eq!(list.code, 0, "{}", list.text);
    for said in ["acknowledgments", "unshipped", "0 7 1 * *", TO] {
        assert!(list.text.contains(said), "{}", list.text);
    }
    let out = site.root().join("out");
    let out = out.to_str().expect("text");
    let period = ["--from", "2026-11-01", "--to", "2026-11-30"];
    let made = site
        .run(&[["report", "run", "scorecard"].as_slice(), &period, &["--out", out, "--mail"]].concat())
        .await;
    assert_eq!(made.code, 0, "{}", made.text);
    assert!(made.text.contains("scorecard.xlsx") && made.text.contains("SHA-256"), "{}", made.text);
    assert!(made.text.contains(&format!("mail to {TO}: sent")), "{}", made.text);
    assert_eq!(sink.letters().len(), 1);
    let mut names: Vec<String> =
        std::fs::read_dir(out).expect("made").map(|entry| name(&entry.expect("listed").path())).collect();
    names.sort();
    assert_eq!(names, ["scorecard-partners.csv", "scorecard.html", "scorecard.xlsx"]);
    let shown = site.run(&["report", "show", "scorecard"]).await;
    // The log of what was sent follows it.
    assert!(shown.code == 0 && made.text.starts_with(&shown.text), "{}", shown.text);
    let id = made.text.lines().find_map(|line| line.trim().strip_prefix("run: ")).expect("it says its id");
    assert_eq!(site.run(&["report", "show", id.split_once('-').expect("an id").0]).await.text, shown.text);
    let figures = site.run(&[["report", "run", "activity"].as_slice(), &period, &["--json"]].concat()).await;
    let figures: serde_json::Value = serde_json::from_str(&figures.text).expect("it is JSON");
    assert_eq!(figures["report"]["name"], "activity");
    for (arguments, said) in [
        (vec!["report", "run", "nothing", "--json"], "there is no report `nothing`"),
        (vec!["report", "run", "activity", "--json", "--partner", "nobody"], "nobody"),
        (
            vec!["report", "run", "activity", "--out", out, "--mail"],
            "no schedule says to whom `activity` goes",
        ),
        (vec!["report", "run", "activity", "--out", out, "--mail", "me"], "`me` is no mail address"),
        (vec!["report", "show", "12345678"], "there is no report `12345678`"),
    ] {
        let arguments = if arguments[1] == "run" { [&arguments[..], &period].concat() } else { arguments };
        let refused = site.run(&arguments).await;
        assert!(
            refused.code == 2 && refused.text.contains(said),
            "{arguments:?}: {} {}",
            refused.code,
            refused.text
        );
    }
}
