//! Numbers of fixed-width columns: implied decimals, zeros before, signs punched over the last digit.

/// The number as plain decimal text, such as `-123.45`; none when it is no number.
pub(super) fn parse(text: &str, decimals: Option<u32>, overpunch: bool) -> Option<String> {
    let text = text.trim();
    let (mut digits, mut negative) = (text.to_owned(), false);
    if overpunch {
        let last = digits.pop()?;
        let (digit, minus) = unpunch(last)?;
        digits.push(digit);
        negative = minus;
    } else if let Some(rest) = text.strip_suffix('-').or_else(|| text.strip_prefix('-')) {
        (digits, negative) = (rest.trim().to_owned(), true);
    } else if let Some(rest) = text.strip_prefix('+') {
        digits = rest.to_owned();
    }
    let plain = match decimals {
        Some(decimals) => {
            let decimals = decimals as usize;
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            let padded = format!("{digits:0>width$}", width = decimals + 1);
            let (whole, fraction) = padded.split_at_checked(padded.len() - decimals)?;
            if decimals == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") }
        }
        None => {
            let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, "0"));
            let all = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            if whole.is_empty() && fraction.is_empty() || !all(whole) || !all(fraction) {
                return None;
            }
            digits.clone()
        }
    };
    let (whole, fraction) = plain.split_once('.').map_or((plain.as_str(), None), |(w, f)| (w, Some(f)));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let number = fraction.map_or_else(|| whole.to_owned(), |fraction| format!("{whole}.{fraction}"));
    let zero = number.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    Some(if negative && !zero { format!("-{number}") } else { number })
}

/// The number as it stands in its column; an error says in words why it cannot.
pub(super) fn format(
    text: &str,
    decimals: Option<u32>,
    overpunch: bool,
    width: usize,
) -> Result<String, String> {
    let (negative, plain) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Err(format!("`{text}` is no number"));
    }
    let mut digits = match decimals {
        Some(decimals) => {
            let decimals = decimals as usize;
            let fraction = fraction.trim_end_matches('0');
            if fraction.len() > decimals {
                return Err(format!("`{text}` has more than {decimals} decimals"));
            }
            format!("{}{fraction:0<decimals$}", whole.trim_start_matches('0'))
        }
        None => plain.to_owned(),
    };
    let room = if negative && !overpunch { width.saturating_sub(1) } else { width };
    if digits.len() > room {
        return Err(format!("`{text}` does not fit into {width} columns"));
    }
    digits = format!("{digits:0>room$}");
    if overpunch {
        let last = digits.pop().ok_or_else(|| format!("`{text}` does not fit into {width} columns"))?;
        digits.push(punch(last, negative));
    } else if negative {
        digits.insert(0, '-');
    }
    Ok(digits)
}

const PLUS: &str = "{ABCDEFGHI";
const MINUS: &str = "}JKLMNOPQR";

fn unpunch(last: char) -> Option<(char, bool)> {
    if last.is_ascii_digit() {
        return Some((last, false));
    }
    let digit = |row: &str| {
        row.chars().position(|c| c == last).and_then(|at| char::from_digit(u32::try_from(at).ok()?, 10))
    };
    digit(PLUS).map(|digit| (digit, false)).or_else(|| digit(MINUS).map(|digit| (digit, true)))
}

fn punch(digit: char, negative: bool) -> char {
    let row = if negative { MINUS } else { PLUS };
    let at = digit.to_digit(10).map_or(0, |digit| digit as usize);
    row.chars().nth(at).unwrap_or(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_hold_numbers_as_declared() {
        for (text, decimals, overpunch, expected) in [
            ("0012345", Some(2), false, Some("123.45")),
            ("0000005", Some(2), false, Some("0.05")),
            ("0001234}", Some(2), true, Some("-123.40")),
            ("00012C", Some(0), true, Some("123")),
            ("  12.50", None, false, Some("12.50")),
            ("0012-", Some(0), false, Some("-12")),
            ("0000000", Some(2), false, Some("0.00")),
            ("12A4", Some(0), false, None),
            ("", Some(0), false, None),
            ("1,5", None, false, None),
        ] {
            assert_eq!(parse(text, decimals, overpunch).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (number, decimals, overpunch) in
            [("-123.45", Some(2), true), ("123.40", Some(2), false), ("7", Some(0), true)]
        {
            let written = format(number, decimals, overpunch, 9).expect("it fits");
            assert_eq!(written.len(), 9);
            assert_eq!(parse(&written, decimals, overpunch).as_deref(), Some(number));
        }
        assert!(format("1234", Some(2), false, 5).is_err() && format("1.234", Some(2), false, 9).is_err());
    }
}
