//! What was agreed about X12 with one partner holds for its files, and for nobody else's.

use std::fs;

use crossdock::store::FileState;

use super::site::Site;

/// How partner `one` writes, and what it wants to be told.
const AGREED: &str = r#"
[x12.reading]
unpadded_isa = true
guides = ["north-810"]
[x12.reading.severities]
total_wrong = "ignore"
invalid_code = "accept_with_errors"
[x12.acks]
sets = "rejected"
ta1 = "requested_or_faulty"
"#;

/// Three invoices behind an ISA without its blanks: one with a wrong count, one with a wrong code, and one with what
/// the guide does not allow.
fn invoices(sender: &str) -> String {
    include_str!("invoices-unpadded.edi").replace("{sender}", sender)
}

/// The segments of an interchange, without those that hold the time.
fn body(text: &str) -> Vec<&str> {
    text.split_inclusive('~').filter(|line| !line.starts_with("ISA") && !line.starts_with("GS")).collect()
}

#[tokio::test]
async fn a_partners_files_are_read_and_answered_as_agreed_and_nobody_elses() {
    let site = Site::new("").await;
    let profiles = site.root().join("partner-profiles");
    let plain = fs::read_to_string(profiles.join("one.toml")).expect("written");
    let (head, rest) = plain.split_once("[channels.edi]").expect("it has channels");
    fs::write(profiles.join("one.toml"), format!("{head}{AGREED}\n[channels.edi]{rest}")).expect("written");
    let guide = include_str!("../x12_commands/hub/partner-profiles/north-810.guide");
    fs::write(profiles.join("north-810.guide"), guide).expect("written");
    site.put("one", "1.edi", invoices("PARTNERONE"));
    site.put("two", "2.edi", invoices("PARTNERTWO"));
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 0, "{}", ran.text);
    let [agreed, other] = <[_; 2]>::try_from(site.received().await).expect("two files");
    assert_eq!(agreed.state, FileState::Processed, "{}", agreed.reason);
    assert_eq!(other.state, FileState::Quarantined);
    assert!(other.reason.contains("ISA"), "{}", other.reason);

    // The count is ignored and not listed, the code is noted, the guide rejects.
    let [(_, answer)] = <[_; 1]>::try_from(site.sent("one")).expect("one 997");
    assert_eq!(
        body(&answer),
        [
            "ST*997*0001~",
            "AK1*IN*7~",
            "AK2*810*0002~",
            "AK3*FOB*4**8~",
            "AK4*1*146*7*ZQ~",
            "AK5*E*5~",
            "AK2*810*0003~",
            "AK3*ITD*3**2~",
            "AK5*R*5~",
            "AK9*P*3*3*2~",
            "SE*11*0001~",
            "GE*1*1~",
            "IEA*1*000000001~",
        ]
    );
    // Nothing was agreed with the other, and it did not ask for a TA1.
    assert_eq!(site.sent("two"), []);
}
