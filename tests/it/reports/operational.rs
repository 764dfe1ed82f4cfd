//! The operational reports on a week whose figures are worked out by hand, and what is kept of their runs.

use super::{at, day, expect, name};
use crate::harness::postgres::Database;
use crossdock::clock::Clock;
use crossdock::config::Config;
use crossdock::declaration::Source;
use crossdock::pipeline::reports::{self, Asked, Handling};
use crossdock::pipeline::{Agreements, Hub};
use crossdock::reports::{Files, Format, Name};
use sqlx::Executor as _;
use std::path::Path;

/// A hub on the week of `week.sql`, three days after it.
pub(super) async fn hub(folder: &Path, settings: &str) -> (Hub, Database) {
    let database = Database::new().await;
    let mut connection = database.connection().await;
    connection.execute(include_str!("week.sql")).await.expect("the week is sound");
    std::fs::create_dir_all(folder.join("partner-profiles")).expect("made");
    for (partner, owner) in [("north", "ann"), ("south", "joe")] {
        let profile =
            format!("[partner]\nid = \"{partner}\"\nowner = \"{owner}\"\ntime_zone = \"America/Chicago\"\n");
        std::fs::write(folder.join(format!("partner-profiles/{partner}.toml")), profile).expect("written");
    }
    let translators = Path::new(env!("CARGO_MANIFEST_DIR")).join("translators");
    let text = format!("[folders]\ntranslators = \"{}\"\n{settings}", translators.display());
    let source = Source { name: String::from("crossdock.toml"), text };
    let config = Config::parse(source, folder.to_owned()).expect("sound settings");
    let agreements = Agreements::load(&config).expect("sound profiles");
    let store = database.store();
    (Hub::new(config, store, Clock::Fixed(at("2026-11-10T18:00:00Z")), agreements), database)
}

pub(super) fn asked(report: Name) -> Asked {
    Asked {
        report,
        from: day("2026-11-02"),
        to: day("2026-11-08"),
        time_zone: chrono_tz::America::Chicago,
        partner: None,
        agreement: None,
    }
}

#[tokio::test]
async fn each_report_has_the_figures_that_were_worked_out_by_hand() {
    let folder = tempfile::tempdir().expect("a folder");
    let (hub, _database) = hub(folder.path(), "").await;
    let mut headlines = String::new();
    // What reconciliation tells is worked out scenario by scenario.
    for (word, report) in Name::ALL.iter().filter(|(_, report)| *report != Name::Reconciliation) {
        let out = folder.path().join(word);
        let (head, files) = reports::write(&hub, &asked(*report), "ann", move |head| {
            Ok(Box::new(Files::create(&out, head, &[Format::Csv, Format::Html])?))
        })
        .await
        .expect("made");
        for file in files.iter().filter(|file| file.extension().is_some_and(|ending| ending == "csv")) {
            expect(&format!("week-{}", name(file)), &std::fs::read_to_string(file).expect("written"));
        }
        for line in &head.headlines {
            let shown = crossdock::reports::shown(line, head.time_zone);
            headlines.push_str(&format!("{word}: {}: {shown}\n", line.title));
        }
    }
    expect("week-headlines.txt", &headlines);
}

#[tokio::test]
async fn a_report_of_one_partner_knows_nothing_of_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let (hub, _database) = hub(folder.path(), "").await;
    // What reconciliation tells is worked out scenario by scenario.
    for (word, report) in Name::ALL.iter().filter(|(_, report)| *report != Name::Reconciliation) {
        let (out, asked) =
            (folder.path().join(word), Asked { partner: Some(String::from("south")), ..asked(*report) });
        let (_, files) = reports::write(&hub, &asked, "ann", move |head| {
            Ok(Box::new(Files::create(&out, head, &[Format::Csv])?))
        })
        .await
        .expect("made");
        for file in files {
            let text = std::fs::read_to_string(&file).expect("written");
            assert!(!text.contains("north"), "{}: {text}", file.display());
        }
    }
}

#[tokio::test]
async fn a_report_of_one_agreement_counts_what_falls_under_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (hub, database) = hub(folder.path(), "").await;
    let mut connection = database.connection().await;
    let under = "update document set agreement = 'summit' where id::text like '%0d1' or id::text like '%0a5'";
    connection.execute(under).await.expect("it is ours");
    let asked = Asked {
        partner: Some(String::from("north")),
        agreement: Some(String::from("summit")),
        ..asked(Name::Activity)
    };
    let out = folder.path().join("out");
    let (head, files) = reports::write(&hub, &asked, "ann", move |head| {
        Ok(Box::new(Files::create(&out, head, &[Format::Csv])?))
    })
    .await
    .expect("made");
    let lines = head
        .headlines
        .iter()
        .map(|line| format!("{}: {}\n", line.title, crossdock::reports::shown(line, head.time_zone)));
    expect("agreement-headlines.txt", &lines.collect::<String>());
    for file in files {
        expect(&format!("agreement-{}", name(&file)), &std::fs::read_to_string(&file).expect("written"));
    }
}

#[tokio::test]
async fn a_run_is_kept_with_its_hashes_and_cannot_be_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (hub, database) = hub(folder.path(), "").await;
    let handling = Handling {
        folder: folder.path().join("out"),
        formats: vec![Format::Html, Format::Xlsx, Format::Csv, Format::Json],
        mail_to: Vec::new(),
        made_by: String::from("ann"),
        due: None,
    };
    let filed = reports::file(&hub, &asked(Name::Activity), &handling).await.expect("made");
    let mut work = hub.store.begin().await.expect("begins");
    filed.keep(&mut work).await.expect("kept");
    work.commit().await.expect("commits");
    let run = hub.store.find_report_run(filed.run_id()).await.expect("kept");
    let names: Vec<&str> = run.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        names,
        ["activity.html", "activity.xlsx", "activity-daily.csv", "activity-by_kind.csv", "activity.json"]
    );
    for file in run.files.iter() {
        let sum = std::process::Command::new("sha256sum")
            .arg(handling.folder.join(&file.name))
            .output()
            .expect("runs");
        assert!(String::from_utf8_lossy(&sum.stdout).starts_with(&file.sha256), "{}", file.name);
    }
    assert!(run.summary.contains("Files in: 7"), "{}", run.summary);
    let mut connection = database.connection().await;
    for change in
        ["update report_run set made_by = 'eve'", "delete from report_run", "truncate report_run cascade"]
    {
        let refused = connection.execute(sqlx::AssertSqlSafe(change.to_owned())).await.expect_err(change);
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}
