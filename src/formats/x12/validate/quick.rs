//! The first look at a value: a word of eight characters at a time, and without a loop.
//!
//! It says of nearly every value that is fine that it is. Of all others it says nothing, and
//! [`element`](super::element) looks at them character by character. A property test holds each answer against that.

use crate::formats::x12::schema::{CodeLists, Look, LookKind};
use crate::formats::x12::wide::{is_printable, odd_bytes};

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
const ZEROS: u64 = ONES * b'0' as u64;
const POINT: u64 = (b'.' ^ b'0') as u64;

/// Whether a value is fine for sure. `word` holds its first eight characters, the first one lowest, and anything
/// above them; the value is not empty. `plain` says that its characters need no look.
#[inline(always)]
pub(super) fn is_fine(word: u64, length: usize, look: &Look, codes: &CodeLists, plain: bool) -> bool {
    match look.kind {
        LookKind::Text => plain && look.has_room(length),
        LookKind::Binary => true,
        LookKind::Closely => false,
        _ if length > 8 => false,
        // A zero byte at the end would be lost in the packing, but is not plain.
        LookKind::Listed => plain && codes.contains_packed(look.codes, word & u64::MAX >> above(length)),
        LookKind::Integer => others(digits(word, length)) == 0 && look.has_room(length),
        LookKind::Decimal => {
            let digits = digits(word, length);
            let others = others(digits);
            let is_point = digits >> (others.trailing_zeros() & 0x38) & 0xFF == POINT;
            let count = length - usize::from(others != 0);
            let fits = others == 0 || (others & (others - 1) == 0 && is_point);
            fits && count > 0 && look.has_room(count)
        }
        LookKind::Date => {
            let [century, _, month, day] = pairs(word ^ ZEROS);
            length == 8 && others(word ^ ZEROS) == 0 && century.wrapping_sub(19) < 3 && is_day(month, day)
        }
        LookKind::ShortDate => {
            let digits = digits(word, 6);
            let [_, _, month, day] = pairs(digits);
            length == 6 && look.min == 6 && others(digits) == 0 && is_day(month, day)
        }
        LookKind::Time => {
            let digits = digits(word, 4);
            let [_, _, hours, minutes] = pairs(digits);
            length == 4 && look.has_four() && others(digits) == 0 && hours < 24 && minutes < 60
        }
    }
}

/// Days that any year has.
#[inline]
fn is_day(month: u64, day: u64) -> bool {
    month.wrapping_sub(1) < 12 && day.wrapping_sub(1) < 28
}

/// How many bits of a word are above one to eight bytes.
#[inline]
fn above(length: usize) -> u32 {
    (8 * length as u32).wrapping_neg() & 63
}

/// One to eight characters as digits, the last one highest, with nothing but zeros before them.
#[inline]
fn digits(word: u64, length: usize) -> u64 {
    (word ^ ZEROS) << above(length)
}

/// The high bit of each byte that is no digit.
#[inline]
fn others(digits: u64) -> u64 {
    (((digits & !HIGH_BITS) + ONES * (0x80 - 10)) | digits) & HIGH_BITS
}

/// Eight digits as four numbers below a hundred, from the front.
#[inline]
fn pairs(digits: u64) -> [u64; 4] {
    let pairs = (digits.wrapping_mul(10)).wrapping_add(digits >> 8);
    [pairs & 0xFF, pairs >> 16 & 0xFF, pairs >> 32 & 0xFF, pairs >> 48 & 0xFF]
}

/// Eight digits as a number.
#[inline]
fn number(digits: u64) -> u64 {
    const PAIR: u64 = 0x00FF_00FF_00FF_00FF;
    const FOUR: u64 = 0x0000_FFFF_0000_FFFF;
    let pairs = (digits.wrapping_mul(10 << 8 | 1) >> 8) & PAIR;
    let fours = (pairs.wrapping_mul(100 << 16 | 1) >> 16) & FOUR;
    fours.wrapping_mul(10_000 << 32 | 1) >> 32
}

/// A number of at most eight characters: its digits, with the sign, and how many of them are decimals.
#[inline]
pub(super) fn short_number(value: &[u8], word: u64) -> Option<(i64, u32)> {
    let negative = value.first() == Some(&b'-');
    let (word, length) = if negative { (word >> 8, value.len() - 1) } else { (word, value.len()) };
    if length == 0 || value.len() > 8 {
        return None;
    }
    let mut digits = digits(word, length);
    let others = others(digits);
    let mut decimals = 0;
    if others != 0 {
        let point = others.trailing_zeros() & 0x38;
        if length == 1 || others & (others - 1) != 0 || digits >> point & 0xFF != POINT {
            return None;
        }
        // The digits before the point move up into its place.
        let before = digits & ((1 << point) - 1);
        let behind = digits & (u64::MAX << point << 8);
        digits = before << 8 | behind;
        decimals = 7 - point / 8;
    }
    let units = number(digits).cast_signed();
    Some((if negative { -units } else { units }, decimals))
}

/// The sum of digits with weights 1 and 3 in turns from the right, as check digits are made by; none if there is
/// anything but digits.
#[inline]
pub(super) fn weighted_sum(value: &[u8]) -> Option<u64> {
    let mut sum = 0;
    let mut rest = value;
    let mut odd = 0;
    while let Some((before, last)) = rest.split_last_chunk::<8>() {
        let word = u64::from_le_bytes(*last) ^ ZEROS;
        odd |= others(word);
        sum += weigh(word);
        rest = before;
    }
    if let (false, Some(first)) = (rest.is_empty(), value.first_chunk()) {
        let word = digits(u64::from_le_bytes(*first), rest.len());
        odd |= others(word);
        sum += weigh(word);
    } else {
        let weights = [1, 3].into_iter().cycle();
        for (byte, weight) in rest.iter().rev().zip(weights) {
            let digit = byte.wrapping_sub(b'0');
            odd |= u64::from(digit > 9);
            sum += u64::from(digit) * weight;
        }
    }
    (odd == 0).then_some(sum)
}

/// The digits of a word, the highest and every second one below as they are, the others threefold.
#[inline]
fn weigh(digits: u64) -> u64 {
    const LOW: u64 = 0x00FF_00FF_00FF_00FF;
    let pairs = (digits & LOW).wrapping_mul(3).wrapping_add(digits >> 8 & LOW);
    pairs.wrapping_mul(0x0001_0001_0001_0001) >> 48
}

/// How many bytes from the first on are plain: printable ASCII without the component separator. Looks no further
/// than it must to know of the first `least`.
#[inline]
pub(super) fn count_plain(bytes: &[u8], least: usize, component: u8) -> usize {
    let mut count = 0;
    let mut rest = bytes;
    while let Some((block, behind)) = rest.split_first_chunk() {
        let odd = odd_bytes(block, component);
        count += odd.trailing_zeros() as usize;
        if odd != 0 || count >= least {
            return count;
        }
        rest = behind;
    }
    count + rest.iter().take_while(|byte| is_printable(**byte) && **byte != component).count()
}

#[cfg(test)]
mod tests {
    use super::super::Options;
    use super::super::element::{self, Characters};
    use super::*;
    use crate::formats::x12::schema::{Release, Schemas};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    /// A value's first word, with what may stand behind it.
    fn word(value: &[u8], behind: u8) -> u64 {
        let mut word = [behind; 8];
        word.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(word)
    }

    /// Every kind of element, by the segment and the place it stands at.
    const PLACES: [(&str, &[u8], usize); 16] = [
        ("004010", b"BIG", 1),
        ("004010", b"BIG", 2),
        ("004010", b"BIG", 7),
        ("004010", b"DTM", 3),
        ("004010", b"DTM", 4),
        ("004010", b"IT1", 2),
        ("004010", b"IT1", 4),
        ("004010", b"IT1", 3),
        ("004010", b"TDS", 1),
        ("004010", b"CTT", 1),
        ("004010", b"N1", 2),
        ("004010", b"N4", 3),
        ("004010", b"REF", 4),
        ("004010", b"BIN", 2),
        ("003040", b"BIG", 1),
        ("003040", b"DTM", 3),
    ];

    fn release(id: &str) -> &'static Release {
        static SCHEMAS: LazyLock<Schemas> = LazyLock::new(Schemas::builtin);
        SCHEMAS.find_release(id).expect("it is built in")
    }

    /// What both looks say of a value at one of the places.
    fn looks(release: &Release, (_, segment, number): (&str, &[u8], usize), value: &[u8]) -> (bool, bool) {
        let dictionary = release.dictionary();
        let definition = dictionary.find_segment(segment).expect("the release has it");
        let (look, part) = (&definition.looks[number - 1], &definition.elements[number - 1]);
        let characters = Characters::new(&Options::default(), b'>');
        let plain = characters.are_plain(value);
        let quick = [b'*', 0, 0xFF, b'0']
            .map(|behind| is_fine(word(value, behind), value.len(), look, dictionary.codes(), plain));
        assert!(quick.iter().all(|each| *each == quick[0]), "what stands behind a value is nothing to it");
        (quick[0], element::is_fine(value, &part.element, dictionary, &characters, false))
    }

    proptest! {
        #[test]
        fn what_is_fine_at_first_sight_is_fine(
            place in prop::sample::select(&PLACES[..]),
            value in prop_oneof![
                "[0-9]{1,10}",
                "-?[0-9]{0,7}[.]?[0-9]{0,7}",
                "(19|20|21|00)[0-9]{2}[01][0-9][0-3][0-9]",
                "[0-2][0-9][0-6][0-9]([0-6][0-9])?",
                "[A-Z0-9]{1,3}",
                "[ -~]{1,12}",
            ],
            byte in any::<u8>(),
            odd in 0_usize..40,
        ) {
            let release = release(place.0);
            let mut value = value.into_bytes();
            if let Some(other) = value.get_mut(odd) {
                *other = byte;
            }
            prop_assume!(!value.is_empty());
            let (quick, close) = looks(release, place, &value);
            prop_assert!(close || !quick, "{place:?} {value:?}");
        }

        #[test]
        fn short_numbers_are_what_a_loop_reads(
            value in prop_oneof!["-?[0-9]{0,6}[.]?[0-9]{0,6}", "[-.0-9 E]{0,9}"],
        ) {
            let expected = value.parse::<rust_decimal::Decimal>().ok().filter(|_| {
                value.len() <= 8 && !value.contains([' ', 'E', '_', '+'])
            });
            let read = short_number(value.as_bytes(), word(value.as_bytes(), b'*'));
            let read = read.map(|(digits, decimals)| rust_decimal::Decimal::new(digits, decimals));
            prop_assert_eq!(read, expected, "{}", value);
            prop_assert_eq!(read.map(|read| read.scale()), expected.map(|expected| expected.scale()));
        }

        #[test]
        fn weighted_sums_are_what_a_loop_adds(value in prop_oneof!["[0-9]{0,20}", "[0-9:/A]{0,20}"]) {
            let weights = [1, 3].into_iter().cycle();
            let digits: Option<Vec<u64>> =
                value.bytes().rev().map(|byte| byte.is_ascii_digit().then(|| u64::from(byte - b'0'))).collect();
            let expected = digits.map(|digits| digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum());
            prop_assert_eq!(weighted_sum(value.as_bytes()), expected);
        }

        #[test]
        fn plain_bytes_are_those_a_loop_counts(
            bytes in proptest::collection::vec(prop_oneof![60 => Just(b'A'), 1 => any::<u8>()], 0..250),
            least in 0_usize..250,
            component in any::<u8>(),
        ) {
            let is_plain = |byte: &&u8| (0x20..0x7F).contains(*byte) && **byte != component;
            let expected = bytes.iter().take_while(is_plain).count();
            let count = count_plain(&bytes, least, component);
            prop_assert!(count == expected || (least <= count && count < expected), "{count} {expected}");
        }
    }

    #[test]
    fn what_most_values_are_is_seen_at_once() {
        let release = release("004010");
        for (segment, number, value) in [
            ("BIG", 1, "20261125"),
            ("BIG", 2, "INV00000001"),
            ("BIG", 7, "DI"),
            ("DTM", 1, "011"),
            ("DTM", 3, "2359"),
            ("IT1", 2, "12"),
            ("IT1", 4, "19.7"),
            ("IT1", 4, ".5"),
            ("TDS", 1, "947133"),
            ("N1", 2, "NORTH STORES DC 12"),
        ] {
            let place = ("004010", segment.as_bytes(), number);
            assert_eq!(looks(release, place, value.as_bytes()), (true, true), "{segment} {number} {value}");
        }
    }
}
