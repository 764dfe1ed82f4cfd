//! Passwords of envelopes (ISA02 and ISA04): whoever looks at a file need not see them.

use std::borrow::Cow;

/// Elements of the ISA that are passwords, counted from its name.
const PASSWORDS: [usize; 2] = [2, 4];

/// The same bytes with a `#` in place of each character of a password.
#[must_use]
pub fn without_passwords(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut shown = Cow::Borrowed(bytes);
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.windows(3).position(|name| name == b"ISA")) {
        let begin = at + found;
        at = begin + 3;
        let before = begin.checked_sub(1).and_then(|before| bytes.get(before));
        // Within a word it is no segment.
        if before.is_some_and(u8::is_ascii_alphanumeric) {
            continue;
        }
        let Some(separator) = bytes.get(at).copied().filter(|byte| !byte.is_ascii_alphanumeric()) else {
            continue;
        };
        let mut element = 1;
        for (place, byte) in bytes.iter().enumerate().skip(at + 1) {
            if *byte == separator {
                element += 1;
            }
            if element > 4 {
                break;
            }
            if PASSWORDS.contains(&element)
                && !byte.is_ascii_whitespace()
                && *byte != separator
                && let Some(hidden) = shown.to_mut().get_mut(place)
            {
                *hidden = b'#';
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden_wherever_an_interchange_begins() {
        for (given, expected) in [
            ("ISA*00*          *00*          *ZZ*A", "ISA*00*          *00*          *ZZ*A"),
            ("ISA*03*USER1     *01*SECRET    *ZZ*A", "ISA*03*#####     *01*######    *ZZ*A"),
            ("junk\nISA|03|U|01|P|ZZ|A~ISA|00||01|PP|ZZ", "junk\nISA|03|#|01|#|ZZ|A~ISA|00||01|##|ZZ"),
            ("ISA*00*          *01*SECR", "ISA*00*          *01*####"),
            ("VISA*1*2*3*4*5 and ISAAC*1*2*3*4", "VISA*1*2*3*4*5 and ISAAC*1*2*3*4"),
            ("ISA", "ISA"),
        ] {
            assert_eq!(String::from_utf8_lossy(&without_passwords(given.as_bytes())), expected);
        }
    }
}
