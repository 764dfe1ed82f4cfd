//! The commands for X12 files, run as people run them.
//!
//! `UPDATE_EXPECT=1` writes the expectations anew.

use crate::x12_reader::{expect, folder, read};
use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn commands_say_what_is_wrong_and_where() {
    let file = "envelopes/one-set-of-three-bad.edi";
    for (name, arguments, code) in [
        ("validate-text", vec!["validate", file], 1),
        ("validate-json", vec!["validate", "--json", file], 1),
        ("validate-summary", vec!["validate", "--summary", file, "envelopes/valid.edi"], 1),
        ("validate-header", vec!["validate", "envelopes/isa-date.edi", "envelopes/group-version.edi"], 1),
        ("explain", vec!["explain", file], 1),
        ("explain-levels", vec!["explain", "../x12_validate/valid/856-004010.edi"], 0),
        (
            "explain-many",
            vec!["explain", "acknowledgments/997-accepted.edi", "acknowledgments/997-without-sets.edi"],
            0,
        ),
        ("explain-password", vec!["explain", "envelopes/password-wrong-is-not-shown.edi"], 1),
    ] {
        let (stdout, stderr, exit) = run(&arguments, b"");
        assert_eq!((stderr.as_str(), exit), ("", code), "{arguments:?}");
        assert!(!stdout.contains("SECRET"), "passwords are not shown");
        expect(&folder("x12_commands").join(name), &stdout);
    }
}

#[test]
fn commands_tell_done_from_rejected_and_from_misused() {
    let clean = read(&folder("x12_reader/envelopes").join("valid.edi"));
    let (stdout, _, exit) = run(&["validate", "-"], &clean);
    assert_eq!((stdout.as_str(), exit), ("<stdin>: 3 documents, 3 accepted, 0 rejected\n", 0));
    let (_, stderr, exit) = run(&["validate", "no-such-file.edi"], b"");
    assert_eq!(exit, 2, "{stderr}");
    assert!(stderr.contains("cannot read `no-such-file.edi`"), "{stderr}");
    let (stdout, _, exit) = run(&["validate", "--summary", "acknowledgments"], b"");
    // A folder stands for every file in it, and what is no X12 is refused.
    let files = std::fs::read_dir(folder("x12_reader/acknowledgments")).expect("it is ours").count();
    assert_eq!((stdout.lines().count(), exit), (files, 1), "{stdout}");
}

#[test]
fn what_is_explained_is_named_as_what_is_validated() {
    let file = "acknowledgments/997-accepted.edi";
    let (of_file, _, _) = run(&["explain", file], b"");
    let (of_stdin, stderr, exit) = run(&["explain", "-"], &read(&folder("x12_reader").join(file)));
    assert_eq!((stderr.as_str(), exit), ("", 0));
    assert_eq!(of_stdin, of_file, "one input needs no heading");
    let (of_folder, _, exit) = run(&["explain", "acknowledgments"], b"");
    let (summary, _, _) = run(&["validate", "--summary", "acknowledgments"], b"");
    let headings: Vec<&str> = of_folder.lines().filter(|line| line.starts_with("acknowledgments/")).collect();
    let names: Vec<String> =
        summary.lines().map(|line| line.split(' ').next().unwrap_or("").into()).collect();
    assert_eq!((headings, exit), (names.iter().map(String::as_str).collect(), 1));
    let (_, stderr, exit) = run(&["explain", file, "no-such-file.edi"], b"");
    assert_eq!(exit, 2);
    assert!(stderr.contains("cannot read `no-such-file.edi`"), "{stderr}");
}

#[test]
fn the_acknowledgment_goes_to_standard_output_alone() {
    let (stdout, stderr, exit) =
        run(&["validate", "--ack", "997", "envelopes/one-set-of-three-bad.edi"], b"");
    assert_eq!(exit, 1);
    assert!(stderr.contains("TDS01") && stdout.starts_with("ISA*") && stdout.contains("AK9*P*3*3*2~"));
    let (summary, _, exit) = run(&["validate", "--summary", "-"], stdout.as_bytes());
    assert_eq!((summary.as_str(), exit), ("<stdin>: 1 document, 1 accepted, 0 rejected\n", 0));
}

#[test]
fn a_partners_files_are_judged_and_answered_as_agreed() {
    let hub = folder("x12_commands").join("hub/crossdock.toml");
    let hub = hub.to_str().expect("the path is text");
    let file = "../x12_commands/north.edi";
    let (stdout, stderr, exit) = run(&["--config", hub, "validate", "--partner", "north", file], b"");
    assert_eq!((stderr.as_str(), exit), ("", 1));
    expect(&folder("x12_commands").join("validate-partner"), &stdout);
    let (answer, _, _) =
        run(&["--config", hub, "validate", "--partner", "north", "--ack", "auto", "--summary", file], b"");
    let body: Vec<&str> = answer.lines().skip(2).collect();
    let expected = [
        "ST|997|0001~",
        "AK1|IN|1~",
        "AK2|810|0002~",
        "AK3|BIG|2||8~",
        "AK4|1|373|8|20261131~",
        "AK5|E|5~",
        "AK2|810|0003~",
        "AK3|ITD|3||2~",
        "AK5|R|5~",
        "AK9|R|3|3|0~",
        "SE|11|0001~",
        "GE|1|1~",
        "IEA|1|000000001~",
    ];
    assert_eq!(body, expected, "{answer}");
    // Without the profile the same file is refused for its ISA.
    let (stdout, _, exit) = run(&["validate", "--summary", file], b"");
    assert_eq!(exit, 1);
    assert!(stdout.contains("1 interchange refused"), "{stdout}");
    for (id, told) in [("nort", "did you mean `north`?"), ("defaults", "there is no partner")] {
        let (_, stderr, exit) = run(&["--config", hub, "validate", "--partner", id, file], b"");
        assert_eq!(exit, 2);
        assert!(stderr.contains(told), "{stderr}");
    }
}

#[test]
fn a_partners_files_are_explained_as_agreed() {
    let hub = folder("x12_commands").join("hub/crossdock.toml");
    let hub = hub.to_str().expect("the path is text");
    let file = "../x12_commands/north.edi";
    let (stdout, stderr, exit) = run(&["--config", hub, "explain", "--partner", "north", file], b"");
    assert_eq!((stderr.as_str(), exit), ("", 1));
    expect(&folder("x12_commands").join("explain-partner"), &stdout);
    let (_, stderr, exit) = run(&["--config", hub, "explain", "--partner", "nort", file], b"");
    assert_eq!(exit, 2);
    assert!(stderr.contains("did you mean `north`?"), "{stderr}");
}

#[test]
fn what_belongs_nowhere_is_told_at_its_line_however_long_the_file_goes_on() {
    let text = String::from_utf8(read(&folder("x12_reader/envelopes").join("valid.edi"))).expect("ASCII");
    let (before, group) = text.split_at(text.find("GS*").expect("it has a group"));
    let (group, end) = group.split_at(group.find("IEA*").expect("it has an end"));
    let numbered = |number: u32| {
        group.replace("*1*X*", &format!("*1{number}*X*")).replace("GE*3*1~", &format!("GE*3*1{number}~"))
    };
    let again: String = (0..1_500).map(numbered).collect();
    let long = format!("{before}{group}XYZ*1~\n{again}{end}");
    assert!(long.len() > 600_000, "{}", long.len());
    let line = long.lines().position(|line| line.starts_with("XYZ")).expect("it is there") + 1;
    let file = tempfile::NamedTempFile::new().expect("made");
    std::fs::write(file.path(), &long).expect("written");
    let path = file.path().to_str().expect("the path is text");
    let (told, _, exit) = run(&["validate", "--json", path], b"");
    assert_eq!(exit, 1);
    let stray = told.lines().find(|told| told.contains("invalid_interchange_content")).expect("it is told");
    assert!(stray.contains(&format!("\"line\":{line},\"segment\":\"XYZ\"")), "{stray}");
    let (explained, _, _) = run(&["explain", path], b"");
    assert!(explained.contains(&format!(">> rejected: line {line}: XYZ")), "its line is told at the end");
}

/// What a command wrote to its outputs, and its exit code.
fn run(arguments: &[&str], stdin: &[u8]) -> (String, String, i32) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_crossdock"))
        .args(arguments)
        .current_dir(folder("x12_reader"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built");
    child.stdin.take().expect("it is piped").write_all(stdin).expect("it reads its input");
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it speaks UTF-8");
    (text(output.stdout), text(output.stderr), output.status.code().expect("it was not killed"))
}
