//! Dates, times and numbers as documents write them.

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

use super::Format;
use super::function::Misfit;
use crate::canonical::Value;

/// A date in the usual form of a format.
pub(super) fn parse_date(text: &str, format: Format) -> Option<NaiveDate> {
    if format != Format::X12 {
        return text.parse().ok();
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u32>().ok();
    match text.len() {
        8 if digits => {
            let year = i32::try_from(number(0..4)?).ok()?;
            NaiveDate::from_ymd_opt(year, number(4..6)?, number(6..8)?)
        }
        // Releases before 004010 write the year with two digits.
        6 if digits => NaiveDate::parse_from_str(text, "%y%m%d").ok(),
        _ => None,
    }
}

/// A time with or without colons.
pub(super) fn parse_time(text: &str) -> Option<NaiveTime> {
    if text.contains(':') {
        return text.parse().ok().or_else(|| NaiveTime::parse_from_str(text, "%H:%M").ok());
    }
    if text.len() < 4 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u32>().ok();
    let seconds = if text.len() >= 6 { number(4..6)? } else { 0 };
    // Decimal seconds, D or DD in X12.
    let fraction = match text.len() {
        7 => number(6..7)? * 100,
        8 => number(6..8)? * 10,
        4 | 6 => 0,
        _ => return None,
    };
    NaiveTime::from_hms_milli_opt(number(0..2)?, number(2..4)?, seconds, fraction)
}

/// What to say of a text that is no number.
pub(super) fn not_a_number(text: &str) -> Box<Misfit> {
    let hint = if text.contains(['E', 'e']) {
        "a spreadsheet has turned it into scientific notation: export the column as text"
    } else if text.contains(',') {
        "say which decimal mark is used: `decimal_mark` of the layout, or `| decimal(\",\")`"
    } else {
        ""
    };
    Misfit::new("number_not_understood", format!("`{text}` is not a decimal number"), hint)
}

/// Digits with at most one decimal mark; no thousands separators, no exponents.
pub(super) fn parse_number(text: &str, mark: char) -> Result<Decimal, Box<Misfit>> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mut units, mut digits, mut before) = (0_i128, 0_u32, None);
    // Eighteen digits always fit one word, and nearly no number has more.
    let short = unsigned.len() <= 18;
    let mut word = 0_u64;
    for character in unsigned.chars() {
        match character.to_digit(10) {
            Some(digit) if short => word = word * 10 + u64::from(digit),
            Some(digit) => {
                let sum = units.checked_mul(10).and_then(|sum| sum.checked_add(i128::from(digit)));
                units = sum.ok_or_else(|| not_a_number(text))?;
            }
            None if character == mark && before.is_none() => {
                before = Some(digits);
                continue;
            }
            None => return Err(not_a_number(text)),
        }
        digits += 1;
    }
    if digits == 0 {
        return Err(not_a_number(text));
    }
    let units = if short { i128::from(word) } else { units };
    let scale = before.map_or(0, |before| digits - before);
    Decimal::try_from_i128_with_scale(if negative { -units } else { units }, scale)
        .map_err(|_| not_a_number(text))
}

/// The number that a value is.
pub(super) fn number_of(value: &Value) -> Result<Decimal, Box<Misfit>> {
    match value {
        Value::Decimal(number) => Ok(*number),
        Value::Integer(number) => Ok(Decimal::from(*number)),
        other => parse_number(&other.to_string(), '.'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly_or_not_at_all() {
        for (text, number) in [
            ("5", "5"),
            (".5", "0.5"),
            ("-12.50", "-12.50"),
            ("7.", "7"),
            ("0007", "7"),
            ("+1", "1"),
            ("-79228162514264337593543950335", "-79228162514264337593543950335"),
            ("0.0000000000000000000000000001", "0.0000000000000000000000000001"),
        ] {
            assert_eq!(parse_number(text, '.').map(|n| n.to_string()), Ok(number.to_owned()));
        }
        let too_long = "79228162514264337593543950336";
        for text in ["", ".", "1.2.3", "1,234.56", "1E5", "12a", "--1", too_long, "9e99"] {
            assert!(parse_number(text, '.').is_err(), "{text}");
        }
    }

    #[test]
    fn dates_of_x12_have_six_or_eight_digits() {
        let date = |text| parse_date(text, Format::X12).map(|date| date.to_string());
        assert_eq!(date("20261125").as_deref(), Some("2026-11-25"));
        assert_eq!(date("991231").as_deref(), Some("1999-12-31"));
        for text in ["20260230", "2026112", "2026-11-", "", "20261x25"] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn times_of_x12_have_two_to_four_parts() {
        for (text, time) in [("1345", "13:45:00"), ("134507", "13:45:07"), ("13450725", "13:45:07.250")] {
            assert_eq!(parse_time(text).map(|t| t.to_string()), Some(time.to_owned()));
        }
        assert_eq!(parse_time("2560"), None);
    }
}
