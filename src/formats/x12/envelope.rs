//! Checks ISA, GS and TA1 by themselves, and knows which group a set belongs to.

use super::delimiters::{COLUMNS, Isa};
use super::fault::{Code, Fault};
use super::segment::{Delimiters, Segment, SegmentId};
use super::verdict::{Group, InterchangeHeader, Status, Ta1};
use crate::finding::Severity;
use chrono::{Datelike, NaiveDate};

pub(super) const ST: u32 = SegmentId::key(b"ST");
pub(super) const SE: u32 = SegmentId::key(b"SE");
pub(super) const GS: u32 = SegmentId::key(b"GS");
pub(super) const GE: u32 = SegmentId::key(b"GE");
pub(super) const IEA: u32 = SegmentId::key(b"IEA");

/// ISA12 of every published version.
const VERSIONS: &[&str] = &[
    "00200", "00201", "00204", "00300", "00301", "00302", "00303", "00304", "00305", "00306", "00307",
    "00400", "00401", "00402", "00403", "00404", "00405", "00406", "00407", "00500", "00501", "00502",
    "00503", "00504", "00505", "00600", "00601", "00602", "00603", "00604", "00605", "00606", "00700",
    "00701", "00702", "00703", "00704", "00705", "00706", "00707", "00708", "00800", "00801", "00802",
    "00803", "00804", "00805", "00806",
];

/// Letters among the codes of I05; the rest are numbers.
const LETTER_QUALIFIERS: &[&[u8]] = &[b"AM", b"NR", b"SA", b"SN", b"ZZ"];

/// GS01 of the sets we know.
const GROUPS: &[(&str, &str)] = &[
    ("180", "AN"),
    ("204", "SM"),
    ("210", "IM"),
    ("214", "QM"),
    ("753", "RF"),
    ("754", "RG"),
    ("810", "IN"),
    ("820", "RA"),
    ("824", "AG"),
    ("846", "IB"),
    ("850", "PO"),
    ("855", "PR"),
    ("856", "SH"),
    ("860", "PC"),
    ("861", "RC"),
    ("864", "TX"),
    ("940", "OW"),
    ("943", "AR"),
    ("944", "RE"),
    ("945", "SW"),
    ("947", "AW"),
    ("997", "FA"),
    ("999", "FA"),
];

/// GS01 for a set, if we know the set.
pub(super) fn find_functional_id(set: &str) -> Option<&'static str> {
    GROUPS.iter().find(|(id, _)| *id == set).map(|(_, group)| *group)
}

/// The ISA's contents, and its faults.
pub(super) fn read_isa(segment: &Segment<'_>, isa: &Isa) -> (InterchangeHeader, Vec<Fault>) {
    let element = |number: usize| trimmed(segment.element(number));
    let header = InterchangeHeader {
        sender: (element(5), element(6)),
        receiver: (element(7), element(8)),
        date: element(9),
        time: element(10),
        version: element(12),
        control_number: element(13),
        acknowledgment_requested: segment.element(14) == b"1",
        usage: element(15),
        delimiters: segment.delimiters,
    };
    let mut faults = Vec::new();
    check_isa(segment, isa, &header, &mut faults);
    (header, faults)
}

/// What a header says whose separators cannot be used, by position.
pub(super) fn read_header_by_position(bytes: &[u8]) -> InterchangeHeader {
    let at = |offset: usize| bytes.get(offset).copied().unwrap_or_default();
    let column = |number: usize| {
        let (start, length) = COLUMNS[number - 1];
        trimmed(bytes.get(start..start + length).unwrap_or(&[]))
    };
    InterchangeHeader {
        sender: (column(5), column(6)),
        receiver: (column(7), column(8)),
        date: column(9),
        time: column(10),
        version: column(12),
        control_number: column(13),
        acknowledgment_requested: column(14) == "1",
        usage: column(15),
        delimiters: Delimiters { element: at(3), component: at(104), repetition: None, segment: at(105) },
    }
}

fn check_isa(segment: &Segment<'_>, isa: &Isa, header: &InterchangeHeader, faults: &mut Vec<Fault>) {
    let value = |number: usize| segment.element(number);
    let mut fault = |code: Code, element: u16, expected: &str| {
        faults.push(Fault::of_element(code, segment, element).expecting(expected));
    };
    check_separators(segment, isa, header, &mut fault);
    if segment.bytes.contains(&0) {
        fault(Code::InvalidControlStructure, 0, "no NUL characters");
    }
    if !is_number_between(value(1), 2, 2) || value(1) > b"08".as_slice() {
        fault(Code::InvalidAuthorizationQualifier, 1, "`00`, or a code up to `08`");
    }
    if !matches!(value(3), b"00" | b"01") {
        fault(Code::InvalidSecurityQualifier, 3, "`00` or `01`");
    }
    for (element, code) in [(5, Code::InvalidSenderQualifier), (7, Code::InvalidReceiverQualifier)] {
        let qualifier = value(usize::from(element));
        let number = is_number_between(qualifier, 2, 2) && (b"01".as_slice()..=b"38").contains(&qualifier);
        if !(number || LETTER_QUALIFIERS.contains(&qualifier)) {
            fault(code, element, "a qualifier such as `01`, `12` or `ZZ`");
        }
    }
    for (element, code) in [(6, Code::InvalidSenderId), (8, Code::InvalidReceiverId)] {
        let id = value(usize::from(element));
        // Nothing is matched by likeness: an id with a non-breaking space in it is another id.
        if id.trim_ascii().is_empty() || !id.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            fault(code, element, "1 to 15 printable characters");
        }
    }
    if !is_short_date(value(9)) {
        fault(Code::InvalidInterchangeDate, 9, "a date as YYMMDD");
    }
    if value(10).len() != 4 || !is_time(value(10)) {
        fault(Code::InvalidInterchangeTime, 10, "a time as HHMM");
    }
    if !VERSIONS.contains(&header.version.as_str()) {
        fault(Code::InvalidInterchangeVersion, 12, "a version such as `00401` or `00501`");
    }
    if !is_number_between(value(13), 9, 9) || value(13) == b"000000000" {
        fault(Code::InvalidInterchangeControlNumber, 13, "nine digits, not all of them 0");
    }
    if !matches!(value(14), b"0" | b"1") {
        fault(Code::InvalidAcknowledgmentRequested, 14, "`0` or `1`");
    }
    if !matches!(value(15), b"P" | b"T" | b"I") {
        fault(Code::InvalidUsageIndicator, 15, "`P`, `T` or `I`");
    }
    faults.sort_by_key(|fault| fault.byte);
}

/// The fault of an ISA whose date lies more than so many days from `today`. Its year has two digits: of the years
/// they may mean the one nearest to today counts.
pub(super) fn find_far_date(segment: &Segment<'_>, today: NaiveDate, days: i64) -> Option<Fault> {
    let date = segment.element(9);
    if !is_short_date(date) {
        return None;
    }
    let number = parse_number(date)?;
    let year = i32::try_from(number / 10_000).ok()?;
    let century = today.year() - today.year() % 100;
    let distance = [century - 100, century, century + 100]
        .into_iter()
        .filter_map(|century| NaiveDate::from_ymd_opt(century + year, number / 100 % 100, number % 100))
        .map(|date| (date - today).num_days().abs())
        .min()?;
    (distance > days).then(|| {
        let fault = Fault::of_element(Code::InterchangeDateFar, segment, 9);
        fault.expecting(format!("a date within {days} days of {today}"))
    })
}

fn check_separators(
    segment: &Segment<'_>,
    isa: &Isa,
    header: &InterchangeHeader,
    fault: &mut impl FnMut(Code, u16, &str),
) {
    let separators = isa.delimiters;
    let unusable = |byte: u8| byte.is_ascii_alphanumeric() || byte == b' ' || byte == 0;
    if unusable(separators.element) {
        fault(Code::InvalidElementSeparator, 0, "a sign such as `*` or `|`");
    }
    if unusable(separators.component)
        || [separators.element, separators.segment].contains(&separators.component)
    {
        fault(Code::InvalidComponentSeparator, 16, "a sign of its own such as `>` or `:`");
    }
    let isa11 = segment.element(11);
    if header.version.as_str() >= "00402" {
        // `U` from 00402 on means: no repetitions.
        if separators.repetition.is_none() && isa11 != b"U" {
            fault(Code::InvalidRepetitionSeparator, 11, "a sign of its own such as `^`, or `U`");
        }
    } else if isa11.len() != 1 {
        fault(Code::InvalidRepetitionSeparator, 11, "`U`");
    }
}

/// The GS's contents, and its faults; sets and trailer come later.
pub(super) fn read_gs(segment: &Segment<'_>) -> Group {
    let element = |number: usize| trimmed(segment.element(number));
    let mut faults = Vec::new();
    if !is_functional_id(segment.element(1)) {
        let fault = Fault::of_element(Code::GroupNotSupported, segment, 1);
        faults.push(fault.expecting("a group code such as `PO` or `IN`"));
    }
    let number = segment.element(6);
    if !is_number_between(number.trim_ascii(), 1, 9) {
        let fault = Fault::of_element(Code::InvalidGroupControlNumber, segment, 6);
        faults.push(fault.expecting("1 to 9 digits"));
    }
    let date = segment.element(4);
    if !(is_long_date(date) || is_short_date(date)) {
        let fault = Fault::of_element(Code::InvalidGroupDate, segment, 4);
        faults.push(fault.expecting("a date as CCYYMMDD"));
    }
    if !is_time(segment.element(5)) {
        let fault = Fault::of_element(Code::InvalidGroupDate, segment, 5);
        faults.push(fault.expecting("a time as HHMM"));
    }
    Group {
        functional_id: element(1),
        sender: element(2),
        receiver: element(3),
        control_number: element(6),
        version: element(8),
        byte: segment.byte,
        declared_sets: 0,
        received_sets: 0,
        accepted_sets: 0,
        sets: Vec::new(),
        faults,
        status: Status::Accepted,
    }
}

/// The TA1's contents, and its faults.
pub(super) fn read_ta1(segment: &Segment<'_>) -> (Ta1, Vec<Fault>) {
    let element = |number: usize| trimmed(segment.element(number));
    let ta1 = Ta1 {
        byte: segment.byte,
        control_number: element(1),
        date: element(2),
        time: element(3),
        status: element(4),
        note: element(5),
    };
    let note = parse_number(ta1.note.as_bytes()).filter(|_| ta1.note.len() == 3);
    // An ISA that has a fault is quoted as it was.
    let is_quoted = |text: &str| note.is_some_and(|note| note > 0) && !text.is_empty();
    let quoted_or = |text: &str, fits: bool| fits || is_quoted(text);
    let (number, date, time) = (&ta1.control_number, &ta1.date, &ta1.time);
    let fits = [
        (quoted_or(number, is_number_between(number.as_bytes(), 9, 9)), "the nine digits of an ISA13"),
        (quoted_or(date, is_short_date(date.as_bytes())), "a date as YYMMDD"),
        (quoted_or(time, time.len() == 4 && is_time(time.as_bytes())), "a time as HHMM"),
        (matches!(ta1.status.as_str(), "A" | "E" | "R"), "`A`, `E` or `R`"),
        (note.is_some_and(|note| note <= 31), "a code from `000` to `031`"),
    ];
    let faults = (1..).zip(fits).filter(|(_, (fits, _))| !fits).map(|(number, (_, expected))| {
        Fault::of_element(Code::InvalidInterchangeAcknowledgment, segment, number).expecting(expected)
    });
    (ta1, faults.collect())
}

/// A warning instead of what the code usually is.
pub(super) fn as_warning(mut fault: Fault) -> Fault {
    fault.severity = Severity::Warning;
    fault
}

/// Text without the blanks that fill it up; bytes that are not UTF-8 become `\u{fffd}`.
pub(super) fn trimmed(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.trim_ascii()).into_owned()
}

/// The number a count or control number stands for; none if it is no number of at most nine digits.
pub(super) fn parse_number(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.trim_ascii();
    let digits = digits.get(digits.iter().take_while(|byte| **byte == b'0').count()..)?;
    let empty = bytes.trim_ascii().is_empty();
    (!empty && digits.len() <= 9 && digits.iter().all(u8::is_ascii_digit))
        .then(|| digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
}

fn is_number_between(bytes: &[u8], least: usize, most: usize) -> bool {
    (least..=most).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit)
}

fn is_functional_id(bytes: &[u8]) -> bool {
    bytes.len() == 2 && bytes.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn is_short_date(bytes: &[u8]) -> bool {
    is_number_between(bytes, 6, 6) && is_long_date(&[b"20", bytes].concat())
}

fn is_long_date(bytes: &[u8]) -> bool {
    if !is_number_between(bytes, 8, 8) {
        return false;
    }
    let number = parse_number(bytes).unwrap_or(0);
    let year = i32::try_from(number / 10_000).unwrap_or(0);
    NaiveDate::from_ymd_opt(year, number / 100 % 100, number % 100).is_some()
}

/// HHMM, HHMMSS, HHMMSSD or HHMMSSDD.
fn is_time(bytes: &[u8]) -> bool {
    let pair = |at: usize| bytes.get(at..at + 2).and_then(parse_number).unwrap_or(99);
    is_number_between(bytes, 4, 8)
        && bytes.len() != 5
        && pair(0) < 24
        && pair(2) < 60
        && (bytes.len() < 6 || pair(4) < 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_without_their_zeros() {
        assert_eq!(parse_number(b"000000012"), Some(12));
        assert_eq!(parse_number(b"0"), Some(0));
        assert_eq!(parse_number(b""), None);
        assert_eq!(parse_number(b"1A"), None);
        assert_eq!(parse_number(b"1234567890"), None);
    }

    #[test]
    fn dates_and_times_exist() {
        assert!(is_short_date(b"240229") && !is_short_date(b"260231"));
        assert!(is_long_date(b"20261125") && !is_long_date(b"2026-1-1"));
        assert!(is_time(b"2359") && is_time(b"235959") && is_time(b"23595999"));
        assert!(!is_time(b"2460") && !is_time(b"12345") && !is_time(b"ABCD"));
    }
}
