//! Onboarding: profiles that change while the hub runs, faulty profiles, samples, and the reference page.

#[path = "onboarding/connect.rs"]
mod connect;
#[path = "onboarding/versions.rs"]
mod versions;

use std::fs;
use std::path::{Path, PathBuf};

use crossdock::profiles;
use crossdock::store::FileState;

use crate::hub::site::{self, Site, invoice, said, until};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares with a file, or writes it when `UPDATE_EXPECT=1`.
fn expect(path: &Path, actual: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1") {
        fs::write(path, actual).expect("the expectation can be written");
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert!(expected == actual, "{} differs; UPDATE_EXPECT=1 rewrites it\n{actual}", path.display());
}

#[test]
fn the_reference_page_of_profiles_is_fresh() {
    expect(&root().join("docs/reference/profile.md"), &profiles::reference_page());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_faulty_profile_is_told_so_that_it_can_be_mended() {
    let folder = root().join("tests/it/onboarding/bad");
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .expect("listed")
        .map(|entry| entry.expect("listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 8);
    for path in paths {
        let site = tempfile::tempdir().expect("made");
        let profiles = site.path().join("partner-profiles");
        fs::create_dir(&profiles).expect("made");
        fs::copy(&path, profiles.join(path.file_name().expect("named"))).expect("copied");
        // What a profile names lies beside it.
        if path.with_extension("csv").is_file() {
            let beside = path.with_extension("csv");
            fs::copy(&beside, profiles.join(beside.file_name().expect("named"))).expect("copied");
        }
        let text = format!("[folders]\ntranslators = \"{}/translators\"\n", root().display());
        fs::write(site.path().join("crossdock.toml"), text).expect("written");
        let said = said(site::command(&site.path().join("crossdock.toml"), None, &["check"])).await;
        assert_eq!(said.code, 2, "{}: {}", path.display(), said.text);
        expect(&path.with_extension("txt"), &said.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_in_force_is_explained_by_its_layer() {
    let folder = root().join("tests/it/onboarding/explained");
    let explain = ["partner", "explain", "depot"];
    for (file, arguments) in [
        ("partner.txt", explain.to_vec()),
        ("agreement.txt", [&explain[..], &["--agreement", "north"]].concat()),
        ("unknown.txt", [&explain[..], &["--agreement", "nord"]].concat()),
    ] {
        let said = said(site::command(&folder.join("crossdock.toml"), None, &arguments)).await;
        expect(&folder.join(file), &said.text.replace(&format!("{}/", folder.display()), ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_of_the_shipped_partners_come_out_as_expected() {
    let settings = root().join("crossdock.toml");
    let said = said(site::command(&settings, None, &["partner", "test"])).await;
    assert_eq!(said.code, 0, "{}", said.text);
    assert!(said.text.lines().count() > 4, "{}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_profile_is_in_force_at_once_and_a_faulty_one_never() {
    let site = Site::new("").await;
    let profile = site.root().join("partner-profiles/one.toml");
    let good = fs::read_to_string(&profile).expect("read");
    let serving = site.serve();
    site.put("one", "first.edi", invoice("PARTNERONE", 1));
    site.wait_for(FileState::Processed, 1).await;
    // A fault: the old profile stays in force.
    fs::write(&profile, good.replace("[x12]", "[x12]\nusages = \"test\"")).expect("written");
    site.put("one", "second.edi", invoice("PARTNERONE", 2));
    site.wait_for(FileState::Processed, 2).await;
    // Another folder: the old one is left alone, the new one is looked into.
    fs::create_dir_all(site.root().join("inbox/elsewhere")).expect("made");
    fs::write(&profile, good.replace("inbox/one", "inbox/elsewhere")).expect("written");
    site.put("elsewhere", "third.edi", invoice("PARTNERONE", 3));
    site.wait_for(FileState::Processed, 3).await;
    // A partner that was not there before.
    let new = good
        .replace("\"one\"", "\"three\"")
        .replace("/one\"", "/three\"")
        .replace("PARTNERONE", "PARTNERTHREE");
    fs::create_dir_all(site.root().join("inbox/three")).expect("made");
    fs::write(site.root().join("partner-profiles/three.toml"), new).expect("written");
    site.put("three", "fourth.edi", invoice("PARTNERTHREE", 1));
    site.wait_for(FileState::Processed, 4).await;
    until("the 997 of the new partner is delivered", async || site.sent("three").len() == 1).await;
    drop(serving);
}
