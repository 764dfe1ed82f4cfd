//! Which findings there are, and a fixture for each: the reference page is made here and tested.

use crate::x12_reader::read;
use crossdock::finding::Severity;
use crossdock::formats::x12::describe;
use crossdock::formats::x12::fault::Code;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Findings that no fixture of a file alone shows, and where they come from.
const NOT_FROM_A_FILE: &[(Code, &str)] = &[
    (
        Code::StandardNotSupported,
        "never: ISA11 below 00402 is not held against a list, since senders write anything there",
    ),
    (
        Code::VersionNotSupported,
        "never: every published ISA12 is read; one that is none is `invalid_interchange_version`",
    ),
    (Code::UnknownReceiver, "from the partner's profile"),
    (Code::InvalidAuthorization, "from the partner's profile"),
    (Code::InvalidSecurity, "from the partner's profile; the value is never shown"),
    (Code::DuplicateInterchange, "from what came before"),
    (Code::InterchangeDateFar, "from the day a file comes and the partner's profile"),
    (
        Code::InvalidImplementationReference,
        "never: ST03 is not needed to find a guide, GS08 and the profile do",
    ),
    (Code::SetTooLarge, "from the reader's limits"),
    (Code::SegmentTooLong, "from the reader's limits"),
];

const HEAD: &str = "# Findings of X12 files

What `crossdock validate` and the hub find, the code that acknowledgments say it by, and what it does unless the
partner's profile says otherwise (`[x12.reading.severities]`). Each has a file beside what is expected of it, named in
the last column; those that no file alone can show say where they come from. A 997 of releases before 005010 says
codes that came later by the nearest it has; the 999 has `IK3`, `IK4` and `IK5` in place of `AK3`, `AK4` and `AK5`.

| finding | said as | unless agreed otherwise | shown by |
|---|---|---|---|
";

const TAIL: &str = "
## Codes of the standard that are never said

| codes | why |
|---|---|
| TA105 002, 003 | see the findings of the same meaning above |
| TA105 028 to 031 | they are of deferred delivery, which nobody uses |
| AK905 7, 8, 9, 30, 31 | GS02 and GS03 are a matter of profiles, a wrong date or time of a GS is a warning |
| AK905 10 to 18, 23 to 26; AK502 8 to 13, 15 to 17, 24 to 27 | they are of security segments (S1A to S4E), which are not read |
| AK502 18 | a document in the wrong group is said by 1, which every release has |
| AK502 19 | ST03 is not held against guides |
| IK502 I5, I6 | faults against a guide are said segment by segment, and by 5 |
| IK304 I7, I8; IK403 I11, I12 | a guide says what is mandatory, not how often at least, and has no patterns |
";

#[test]
fn every_finding_has_a_fixture_and_its_line_in_the_reference() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut shown: BTreeMap<&str, String> = BTreeMap::new();
    for folder in [
        "x12_reader/envelopes",
        "x12_validate/faults",
        "x12_validate/guides",
        "x12_validate/tolerance",
        "x12_reader/sets",
    ] {
        for path in expectations(&root.join("tests/it").join(folder)) {
            let text = String::from_utf8(read(&path)).expect("expectations are text");
            let stem = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
            for word in text.split([' ', ',', '\n']) {
                if let Some(code) = Code::ALL.iter().find(|code| code.name() == word) {
                    // The file that is named for it, or else the first.
                    let better = stem.starts_with(code.name());
                    let place = format!("`{folder}/{stem}`");
                    shown
                        .entry(code.name())
                        .and_modify(|old| {
                            if better {
                                old.clone_from(&place)
                            }
                        })
                        .or_insert(place);
                }
            }
        }
    }
    let mut page = HEAD.to_owned();
    for code in Code::ALL {
        let elsewhere =
            NOT_FROM_A_FILE.iter().find(|(known, _)| known == code).map(|(_, why)| (*why).to_owned());
        let place = match (shown.get(code.name()), elsewhere) {
            (Some(place), None) => place.clone(),
            (None, Some(why)) => why,
            (None, None) => panic!("no fixture shows {}", code.name()),
            (Some(place), Some(_)) => {
                panic!("{place} shows {}, which is said to come from elsewhere", code.name())
            }
        };
        let said = describe::ack_code(*code);
        let severity = match code.default_severity() {
            Severity::Reject => "reject",
            Severity::AcceptWithErrors => "accept_with_errors",
            Severity::Warning => "warning",
        };
        page.push_str(&format!("| `{}` | {said} | `{severity}` | {place} |\n", code.name()));
    }
    page.push_str(TAIL);
    let path = root.join("docs/reference/x12-findings.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &page).expect("the page is writable");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == expected, "{} is stale; UPDATE_EXPECT=1 writes it anew", path.display());
}

#[test]
fn every_bad_input_has_a_fixture() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let table = String::from_utf8(read(&folder.join("x12_reader/bad-inputs.txt"))).expect("it is text");
    let mut entries = 0;
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (input, shown) = line.split_once(" | ").expect("input | fixture");
        for fixture in shown.split_whitespace().filter(|_| !shown.starts_with("test ")) {
            let path = folder.join(fixture);
            assert!(path.is_file(), "{input}: there is no {fixture}");
            assert!(path.with_extension("txt").is_file(), "{input}: nothing is expected of {fixture}");
        }
        if let Some(test) = shown.strip_prefix("test ") {
            let source = String::from_utf8(read(&folder.join("x12_reader.rs"))).expect("it is text");
            assert!(source.contains(&format!("fn {test}(")), "{input}: there is no test {test}");
        }
        entries += 1;
    }
    assert!(entries > 80, "only {entries}");
}

fn expectations(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the fixtures are there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    paths
}
