//! Checks the value of one element or component by its type, length, characters and codes.

use super::options::{CharacterSet, National, Options};
use super::quick;
use super::sink::{Place, Sink};
use crate::formats::x12::fault::Code;
use crate::formats::x12::schema::{Dictionary, Element, Kind};
use crate::formats::x12::segment::Segment;
use chrono::NaiveDate;

/// What text may hold.
#[derive(Clone, Debug)]
pub(super) struct Characters {
    set: CharacterSet,
    national: National,
    /// No value holds it unless it is part of a composite.
    pub(super) component: u8,
    /// Whether a byte needs no second look.
    plain: [bool; 256],
}

impl Default for Characters {
    fn default() -> Self {
        Self {
            set: CharacterSet::default(),
            national: National::default(),
            component: 0,
            plain: [false; 256],
        }
    }
}

impl Characters {
    pub(super) fn new(options: &Options, component: u8) -> Self {
        let set = options.character_set;
        let mut plain = [false; 256];
        for (byte, plain) in (0_u8..=255).zip(&mut plain) {
            let basic = byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' ' || is_basic(byte);
            let extended = set == CharacterSet::Extended && byte.is_ascii_graphic();
            *plain = (basic || extended) && byte != component;
        }
        Self { set, national: options.national, component, plain }
    }

    pub(super) fn are_plain(&self, value: &[u8]) -> bool {
        value.iter().all(|byte| self.plain[usize::from(*byte)])
    }

    /// Up to which byte of the file the characters from a segment's first on are known to be plain, of which they are
    /// known up to `until`. If it is not the end of the segment, that says nothing.
    #[inline]
    pub(super) fn plain_until(&self, segment: &Segment<'_>, until: u64) -> u64 {
        let known = until.max(segment.byte);
        let from = (known - segment.byte) as usize;
        match (self.set, segment.ahead().get(from..)) {
            (CharacterSet::Extended, Some(ahead)) => {
                let least = segment.bytes.len().saturating_sub(from);
                known + quick::count_plain(ahead, least, self.component) as u64
            }
            _ => known,
        }
    }
}

/// Whether nothing is to tell of a value. `plain` says that its characters need no look.
pub(super) fn is_fine(
    value: &[u8],
    element: &Element,
    dictionary: &Dictionary,
    characters: &Characters,
    plain: bool,
) -> bool {
    let in_range = |length: usize| (element.min as usize..=element.max as usize).contains(&length);
    match element.kind {
        Kind::Code if dictionary.has_codes(element) => dictionary.has_code(element, value),
        Kind::Text | Kind::Code => in_range(value.len()) && (plain || characters.are_plain(value)),
        Kind::Decimal => decimal_digits(value).is_some_and(|(digits, _)| in_range(digits)),
        Kind::Integer(_) => integer_digits(value).is_some_and(|(digits, _)| in_range(digits)),
        Kind::Date => is_date(value, element.min == 6, element.max >= 8),
        Kind::Time => is_time(value, element.max),
        Kind::Binary => true,
    }
}

/// Checks one value that is not empty and not fine at first sight.
#[cold]
pub(super) fn check_value(
    value: &[u8],
    element: &Element,
    dictionary: &Dictionary,
    characters: &Characters,
    place: &Place<'_, '_>,
    sink: &mut Sink<'_>,
) {
    match element.kind {
        Kind::Text => {
            check_text(value, element, characters, place, sink);
        }
        Kind::Code => {
            if !has_code(value, element, dictionary) {
                check_code(value, element, dictionary, characters, place, sink);
            }
        }
        Kind::Decimal => {
            check_length(decimal_digits(value), value, element, place, sink);
        }
        Kind::Integer(_) => {
            check_length(integer_digits(value), value, element, place, sink);
        }
        Kind::Date => {
            if !is_date(value, element.min == 6, element.max >= 8) {
                let expected = if element.max >= 8 { "a date as CCYYMMDD" } else { "a date as YYMMDD" };
                sink.element(Code::InvalidDate, place, value, || expected.into());
            }
        }
        Kind::Time => {
            if !is_time(value, element.max) {
                let expected =
                    if element.max > 4 { "a time as HHMM, HHMMSS or HHMMSSDD" } else { "a time as HHMM" };
                sink.element(Code::InvalidTime, place, value, || expected.into());
            }
        }
        Kind::Binary => {}
    }
}

/// Whether the value is one of the element's codes. Codes are in order as they stand, so nothing else is looked at.
#[inline]
fn has_code(value: &[u8], element: &Element, dictionary: &Dictionary) -> bool {
    dictionary.has_codes(element) && dictionary.has_code(element, value.trim_ascii_end())
}

fn check_code(
    value: &[u8],
    element: &Element,
    dictionary: &Dictionary,
    characters: &Characters,
    place: &Place<'_, '_>,
    sink: &mut Sink<'_>,
) {
    if !check_text(value, element, characters, place, sink) || !dictionary.has_codes(element) {
        return;
    }
    sink.element(Code::InvalidCode, place, value, || {
        // A dozen fit a sentence; nobody reads a thousand.
        match dictionary.count_codes(element) {
            ..=12 => format!("one of {}", dictionary.list_codes(element).join(", ")),
            count => format!("one of the {count} codes of element {}", element.number),
        }
    });
}

/// Length and characters; whether all is well.
fn check_text(
    value: &[u8],
    element: &Element,
    characters: &Characters,
    place: &Place<'_, '_>,
    sink: &mut Sink<'_>,
) -> bool {
    let mut national = false;
    for byte in value.iter().filter(|byte| !characters.plain[usize::from(**byte)]) {
        let bad = match byte {
            b'A'..=b'Z' | b'0'..=b'9' | b' ' => false,
            byte if *byte == characters.component => {
                // Standard syntax says that a simple element has one component.
                sink.element(Code::TooManyComponents, place, value, || "no component separator".into());
                return false;
            }
            b'a'..=b'z' => characters.set == CharacterSet::Basic,
            0x80.. => {
                national = true;
                characters.national == National::Refused
            }
            b' '..=b'~' => characters.set == CharacterSet::Basic && !is_basic(*byte),
            _ => true,
        };
        if bad {
            sink.element(Code::InvalidCharacter, place, value, || match byte {
                0x80.. => "characters of ASCII".into(),
                b' '..=b'~' => format!("no `{}`", char::from(*byte)),
                _ => format!("no control character (0x{byte:02X})"),
            });
            return false;
        }
    }
    if national {
        sink.element(Code::NationalCharacters, place, value, || "characters of ASCII".into());
    }
    check_length(Some(text_length(value, national)), value, element, place, sink)
}

/// Shortest by the value as it stands, longest without the blanks at its end, in characters.
fn text_length(value: &[u8], national: bool) -> (usize, usize) {
    let trimmed = value.trim_ascii_end();
    if !national {
        return (value.len(), trimmed.len());
    }
    let characters = |bytes| std::str::from_utf8(bytes).map_or(bytes.len(), |text| text.chars().count());
    (characters(value), characters(trimmed))
}

fn is_basic(byte: u8) -> bool {
    br##"!"&'()*+,-./:;?="##.contains(&byte)
}

/// Faults a value that is none of its type, too short or too long; whether all is well.
fn check_length(
    length: Option<(usize, usize)>,
    value: &[u8],
    element: &Element,
    place: &Place<'_, '_>,
    sink: &mut Sink<'_>,
) -> bool {
    let Some((shortest, longest)) = length else {
        let expected = match element.kind {
            Kind::Integer(0) => "a whole number".to_owned(),
            Kind::Integer(decimals) => {
                format!("digits without a point, the last {decimals} of them being decimals")
            }
            _ => "a number, its decimal point written as `.`".to_owned(),
        };
        sink.element(Code::InvalidCharacter, place, value, || expected);
        return false;
    };
    let code = if longest > element.max as usize {
        Code::ElementTooLong
    } else if shortest < element.min as usize {
        Code::ElementTooShort
    } else {
        return true;
    };
    sink.element(code, place, value, || lengths(element.min, element.max, element.kind));
    false
}

/// `2 to 80 characters`, `9 digits`.
pub(super) fn lengths(min: u32, max: u32, kind: Kind) -> String {
    let what = match kind {
        Kind::Decimal | Kind::Integer(_) => "digit",
        _ => "character",
    };
    let plural = if max == 1 { "" } else { "s" };
    if min == max { format!("{max} {what}{plural}") } else { format!("{min} to {max} {what}s") }
}

/// The length that a guide's limits are about.
pub(super) fn length(value: &[u8], kind: Kind) -> usize {
    match kind {
        Kind::Decimal | Kind::Integer(_) => value.iter().filter(|byte| byte.is_ascii_digit()).count(),
        _ => text_length(value, true).1,
    }
}

/// R: an optional minus, digits, a point before, between or behind them. Neither sign nor point counts.
fn decimal_digits(value: &[u8]) -> Option<(usize, usize)> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let mut point = false;
    let mut count = 0;
    for byte in digits {
        match byte {
            b'0'..=b'9' => count += 1,
            b'.' if !point => point = true,
            _ => return None,
        }
    }
    (count > 0).then_some((count, count))
}

/// Nn: an optional minus and digits. The sign does not count.
fn integer_digits(value: &[u8]) -> Option<(usize, usize)> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit)).then_some((digits.len(), digits.len()))
}

/// A day of the calendar from 1900 to 2199, as CCYYMMDD or, if `short`, YYMMDD of this century or the last.
fn is_date(value: &[u8], short: bool, long: bool) -> bool {
    let number = |range: std::ops::Range<usize>| {
        let digits = value.get(range)?;
        digits
            .iter()
            .try_fold(0_u32, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u32::from(digit - b'0')))
    };
    let (year, month, day) = match value.len() {
        8 if long => (number(0..4), number(4..6), number(6..8)),
        // Which century does not matter but for 29 February 1900, which nobody means.
        6 if short => (number(0..2).map(|year| year + 2000), number(2..4), number(4..6)),
        _ => return false,
    };
    let (Some(year @ 1900..2200), Some(month), Some(day)) = (year, month, day) else {
        return false;
    };
    // chrono answers for the few days that depend on the year.
    match (month, day) {
        (1..=12, 1..=28) => true,
        _ => i32::try_from(year).is_ok_and(|year| NaiveDate::from_ymd_opt(year, month, day).is_some()),
    }
}

/// HHMM, HHMMSS, HHMMSSD or HHMMSSDD, 00 to 23 hours.
fn is_time(value: &[u8], max: u32) -> bool {
    let lengths = matches!(value.len(), 4 | 6..=8) && value.len() <= max as usize;
    let below = |at: usize, limit: u8| {
        value
            .get(at)
            .zip(value.get(at + 1))
            .is_none_or(|(tens, ones)| (tens - b'0') * 10 + (ones - b'0') < limit)
    };
    lengths
        && value.iter().all(u8::is_ascii_digit)
        && below(0, 24)
        && below(2, 60)
        && (value.len() < 6 || below(4, 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_their_digits_only() {
        let count = |value: &str| decimal_digits(value.as_bytes()).map(|(count, _)| count);
        assert_eq!(count("-12.50"), Some(4));
        assert_eq!(count(".5"), Some(1));
        assert_eq!(count("100."), Some(3));
        for bad in ["1E9", "NaN", "--5", "+5", "1,000", "-", ".", "1.2.3", "", " 5"] {
            assert_eq!(count(bad), None, "{bad}");
        }
        assert_eq!(integer_digits(b"-007"), Some((3, 3)));
        assert_eq!(integer_digits(b"12.5"), None);
    }

    #[test]
    fn dates_are_days_of_the_calendar() {
        for good in ["20260228", "20240229", "19000101", "21991231"] {
            assert!(is_date(good.as_bytes(), false, true), "{good}");
        }
        for bad in
            ["20260230", "2026-01-01", "00000000", "00010101", "99991231", "260101", "20261301", "2026010A"]
        {
            assert!(!is_date(bad.as_bytes(), false, true), "{bad}");
        }
        assert!(is_date(b"260101", true, false));
        assert!(!is_date(b"20260101", true, false));
        assert!(!is_date(b"260231", true, false));
    }

    #[test]
    fn times_are_times_of_the_day() {
        for good in ["0000", "2359", "235959", "2359599", "23595999"] {
            assert!(is_time(good.as_bytes(), 8), "{good}");
        }
        for bad in ["2460", "1275", "2400", "12", "12300", "123060", "12:30", "123045678"] {
            assert!(!is_time(bad.as_bytes(), 8), "{bad}");
        }
        assert!(!is_time(b"123000", 4));
    }
}
