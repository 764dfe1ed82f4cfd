//! What comes out of packing, and what is refused.

use super::*;
use std::io::{Cursor, Write as _};
use zip::write::SimpleFileOptions;

const LIMITS: Limits = Limits { bytes: 10 << 20, ratio: 100, files: 5 };

fn unpacked(name: &str, bytes: Vec<u8>, steps: &[Step]) -> Result<Vec<Unpacked>, Fault> {
    unpack(name, bytes.into(), steps, &Keys::default(), LIMITS)
}

fn reason(outcome: Result<Vec<Unpacked>, Fault>) -> String {
    match outcome.expect_err("it is refused") {
        Fault::File { reason, hint } => {
            assert!(!hint.is_empty(), "{reason}");
            reason
        }
        Fault::Key { what } => panic!("{what}"),
    }
}

fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).expect("memory takes it");
        writer.write_all(bytes).expect("memory takes it");
    }
    writer.finish().expect("memory takes it").into_inner()
}

#[test]
fn gzip_comes_out_as_it_went_in_and_the_same_each_time() {
    let (ending, packed) =
        pack(b"order".to_vec(), &[Step::Gzip], &Keys::default()).expect("no key is needed");
    assert_eq!(ending, ".gz");
    assert_eq!(packed, gzip::pack(b"order"));
    let out = unpacked("850.EDI.GZ", packed.clone(), &[Step::Gzip]).expect("it is sound");
    assert_eq!((out[0].name.as_str(), &out[0].bytes[..]), ("850.EDI", &b"order"[..]));
    for cut in [packed.len() - 1, packed.len() - 9, 12] {
        let cut = packed[..cut].to_vec();
        assert!(!is_whole(&cut, &[Step::Gzip], LIMITS));
        assert!(reason(unpacked("a", cut, &[Step::Gzip])).contains("cut short"));
    }
    assert!(is_whole(&packed, &[Step::Gzip], LIMITS));
    let mut changed = packed;
    let last = changed.len() - 6;
    changed[last] ^= 1;
    assert!(reason(unpacked("a", changed, &[Step::Gzip])).contains("damaged"));
    assert!(reason(unpacked("a", b"ISA*00".to_vec(), &[Step::Gzip])).contains("no gzip file"));
}

#[test]
fn bombs_are_cut_where_the_limit_is() {
    let zeros = gzip::pack(&vec![0; 8 << 20]);
    assert!(reason(unpacked("a.gz", zeros.clone(), &[Step::Gzip])).contains("100 times its size"));
    let roomy = Limits { ratio: 5000, bytes: 4 << 20, files: 5 };
    let outcome = unpack("a.gz", zeros.into(), &[Step::Gzip], &Keys::default(), roomy);
    assert!(reason(outcome).contains("more than 4 MB"));
    // Each entry is harmless, all of them together are not.
    let some = vec![7; 900 << 10];
    let bomb = zipped(&[("a", &some), ("b", &some), ("c", &some)]);
    assert!(reason(unpacked("a.zip", bomb, &[Step::Zip])).contains("times its size"));
    let many = zipped(&[("1", b"x"), ("2", b"x"), ("3", b"x"), ("4", b"x"), ("5", b"x"), ("6", b"x")]);
    assert!(reason(unpacked("a.zip", many, &[Step::Zip])).contains("more than 5 files"));
}

#[test]
fn names_in_an_archive_are_data() {
    let bytes = zipped(&[
        ("../../etc/passwd", b"one"),
        ("C:\\temp\\po.edi", b"two"),
        ("in/..", b"three"),
        ("a\u{202e}b\n.edi", b"four"),
    ]);
    let out = unpacked("a.zip", bytes, &[Step::Zip]).expect("odd names do no harm");
    let names: Vec<(&str, &str)> = out.iter().map(|file| (file.name.as_str(), file.entry.as_str())).collect();
    assert_eq!(
        names,
        [
            ("passwd", "../../etc/passwd"),
            ("po.edi", "C:\\temp\\po.edi"),
            ("in", "in/.."),
            ("a\\u{202e}b\\n.edi", "a\\u{202e}b\\n.edi")
        ]
    );
}

#[test]
fn an_archive_is_refused_whole() {
    assert!(reason(unpacked("a.zip", zipped(&[]), &[Step::Zip])).contains("holds no file"));
    let sound = zipped(&[("a.edi", b"ISA")]);
    let cut = sound[..sound.len() - 10].to_vec();
    assert!(!is_whole(&cut, &[Step::Zip], LIMITS) && is_whole(&sound, &[Step::Zip], LIMITS));
    assert!(is_whole(b"ISA*00", &[Step::Zip], LIMITS), "a plain file is told at once");
    assert!(reason(unpacked("a.zip", cut, &[Step::Zip])).contains("cut short"));
    let mut link = zip::ZipWriter::new(Cursor::new(Vec::new()));
    link.add_symlink("in", "/etc", SimpleFileOptions::default()).expect("memory takes it");
    let link = link.finish().expect("memory takes it").into_inner();
    assert!(reason(unpacked("a.zip", link, &[Step::Zip])).contains("is a link"));
    // The bit that says so is enough.
    let mut locked = sound;
    for mark in [&b"PK\x03\x04"[..], b"PK\x01\x02"] {
        let at = memchr::memmem::find(&locked, mark).expect("both headers are there");
        let flags = at + if mark[2] == 3 { 6 } else { 8 };
        locked[flags] |= 1;
    }
    assert!(reason(unpacked("a.zip", locked, &[Step::Zip])).contains("encrypted with a password"));
}

#[test]
fn steps_follow_each_other_and_tell_where() {
    let inner = gzip::pack(b"ISA");
    let bytes = zipped(&[("day/1.edi.gz", &inner), ("day/2.edi.gz", b"plain")]);
    let steps = [Step::Zip, Step::Gzip];
    assert_eq!(
        reason(unpacked("a.zip", bytes, &steps)),
        "`day/2.edi.gz`: it is no gzip file, as `unpack` of the channel says it must be"
    );
    let out = unpacked("a.zip", zipped(&[("day/1.edi.gz", &inner)]), &steps).expect("it is sound");
    assert_eq!((out[0].name.as_str(), &out[0].bytes[..]), ("1.edi", &b"ISA"[..]));
}
