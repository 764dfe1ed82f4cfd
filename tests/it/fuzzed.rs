//! What fuzzing found stays mended, and its checks hold for every fixture.

#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
#[path = "../../fuzz/checks.rs"]
pub(crate) mod checks;

use std::path::{Path, PathBuf};

fn files(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(&root).into_iter().flatten();
    entries.map(|entry| entry.expect("it can be listed").path()).filter(|path| path.is_file()).collect()
}

#[test]
fn what_fuzzing_found_stays_mended() {
    let mut checked = 0;
    for (name, check) in checks::ALL {
        for path in files(&format!("fuzz/regressions/{name}")) {
            check(&std::fs::read(&path).expect("it is ours"));
            checked += 1;
        }
    }
    assert!(checked > 0, "the regressions were not found");
}

#[test]
fn the_checks_of_fuzzing_hold_for_every_fixture() {
    let documents: Vec<PathBuf> = ["envelopes", "acknowledgments"]
        .iter()
        .map(|folder| format!("tests/it/x12_reader/{folder}"))
        .chain(
            ["valid", "faults", "tolerance"].iter().map(|folder| format!("tests/it/x12_validate/{folder}")),
        )
        .flat_map(|folder| files(&folder))
        .filter(|path| path.extension().is_some_and(|extension| extension == "edi"))
        .collect();
    assert!(documents.len() > 100, "the fixtures were not found");
    for path in documents {
        let bytes = std::fs::read(&path).expect("it is ours");
        checks::round_trip(&bytes);
        checks::acknowledgments(&bytes);
        // In many small pieces, which large files take long for.
        if bytes.len() < 4_000 {
            checks::read(&bytes);
        }
    }
    for (folder, check) in [
        ("tests/it/x12_validate/guides", checks::guide as fn(&[u8])),
        ("tests/it/onboarding/bad", checks::profile),
        ("partner-profiles", checks::profile),
    ] {
        for path in files(folder) {
            check(&std::fs::read(&path).expect("it is ours"));
        }
    }
}
