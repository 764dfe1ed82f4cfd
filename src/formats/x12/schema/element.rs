//! Data elements: their numbers, types, lengths and codes.

use std::fmt;

/// A data element's number, such as 355, or I05 of the interchange segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElementNumber(u16);

const INTERCHANGE: u16 = 0x8000;

impl ElementNumber {
    /// A plain number.
    #[must_use]
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// `355` or `I05`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word.strip_prefix('I') {
            Some(digits) => digits.parse().ok().map(|number: u16| Self(number | INTERCHANGE)),
            None => word.parse().ok().filter(|number| *number > 0 && *number < INTERCHANGE).map(Self),
        }
    }

    /// The number for AK402 and IK402; 0 for elements of the interchange segments, which those leave out.
    #[must_use]
    pub const fn plain(self) -> u16 {
        if self.0 & INTERCHANGE == 0 { self.0 } else { 0 }
    }
}

impl fmt::Display for ElementNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 & INTERCHANGE == 0 {
            write!(f, "{}", self.0)
        } else {
            write!(f, "I{:02}", self.0 & !INTERCHANGE)
        }
    }
}

/// The type of an element, X12.6 clause 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// AN.
    Text,
    /// ID.
    Code,
    /// R: decimal with an explicit point.
    Decimal,
    /// N0 to N9: digits without a point, of which so many are decimals.
    Integer(u8),
    /// DT: CCYYMMDD from 004010, YYMMDD before and in the interchange segments, by the element's length.
    Date,
    /// TM: HHMM, HHMMSS, HHMMSSD or HHMMSSDD.
    Time,
    /// B: any bytes.
    Binary,
}

impl Kind {
    /// `AN`, `ID`, `R`, `N2`, `DT`, `TM`, `B`.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word.as_bytes() {
            b"AN" => Self::Text,
            b"ID" => Self::Code,
            b"R" => Self::Decimal,
            b"N" => Self::Integer(0),
            [b'N', digit @ b'0'..=b'9'] => Self::Integer(digit - b'0'),
            b"DT" => Self::Date,
            b"TM" => Self::Time,
            b"B" => Self::Binary,
            _ => return None,
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("AN"),
            Self::Code => f.write_str("ID"),
            Self::Decimal => f.write_str("R"),
            Self::Integer(decimals) => write!(f, "N{decimals}"),
            Self::Date => f.write_str("DT"),
            Self::Time => f.write_str("TM"),
            Self::Binary => f.write_str("B"),
        }
    }
}

/// One data element of one release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its number.
    pub number: ElementNumber,
    /// Its type.
    pub kind: Kind,
    /// Shortest length in characters; sign and point of numbers do not count.
    pub min: u32,
    /// Longest length, counted likewise.
    pub max: u32,
    /// Index of its code list in the dictionary.
    pub(super) codes: Option<u16>,
}

/// The codes of all elements of a release, packed eight bytes each, in open hash tables one behind the other.
#[derive(Clone, Debug, Default)]
pub(in crate::formats::x12) struct CodeLists {
    slots: Vec<u64>,
    /// Each list and how many codes it has.
    lists: Vec<(CodeList, usize)>,
}

/// Where one list lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::formats::x12) struct CodeList {
    /// Its first slot. A free slot stands behind the last.
    first: u32,
    /// How much of a hash is its index.
    shift: u8,
}

impl CodeLists {
    /// A single list, whose index is 0.
    pub(super) fn of<'a>(codes: impl Iterator<Item = &'a str>) -> Self {
        let mut lists = Self::default();
        lists.add(codes);
        lists
    }

    /// Adds a list and gives its index.
    pub(super) fn add<'a>(&mut self, codes: impl Iterator<Item = &'a str>) -> u16 {
        let mut packed: Vec<u64> = codes.filter_map(|code| pack(code.as_bytes())).collect();
        packed.sort_unstable();
        packed.dedup();
        let size = (packed.len() * 4).next_power_of_two().max(8);
        let first = self.slots.len();
        let list = CodeList {
            first: u32::try_from(first).expect("code lists fit into memory many times"),
            shift: u8::try_from(64 - size.trailing_zeros()).expect("it is a number of bits"),
        };
        self.slots.resize(first + size, 0);
        self.lists.push((list, packed.len()));
        for code in packed {
            let mut at = list.home(code);
            while self.slots.get(at).is_some_and(|slot| *slot != 0) {
                at += 1;
            }
            if at == self.slots.len() {
                self.slots.push(0);
            }
            self.slots[at] = code;
        }
        self.slots.push(0);
        u16::try_from(self.lists.len() - 1).expect("there are fewer code lists than element numbers")
    }

    pub(super) fn get(&self, list: u16) -> CodeList {
        self.lists.get(usize::from(list)).map_or(CodeList::default(), |(list, _)| *list)
    }

    pub(super) fn contains(&self, list: u16, code: &[u8]) -> bool {
        pack(code).is_some_and(|code| self.contains_packed(self.get(list), code))
    }

    /// Whether a code is in a list, by its bytes, the first one lowest.
    #[inline]
    pub(in crate::formats::x12) fn contains_packed(&self, list: CodeList, code: u64) -> bool {
        let mut at = list.home(code);
        loop {
            match self.slots.get(at) {
                Some(slot) if *slot == code => return code != 0,
                Some(0) | None => return false,
                Some(_) => at += 1,
            }
        }
    }

    pub(super) fn count(&self, list: u16) -> usize {
        self.lists.get(usize::from(list)).map_or(0, |(_, count)| *count)
    }

    /// All codes of a list in order; many are long work.
    pub(super) fn list(&self, list: u16) -> Vec<String> {
        let next =
            self.lists.get(usize::from(list) + 1).map_or(self.slots.len(), |(next, _)| next.first as usize);
        let slots = self.slots.get(self.get(list).first as usize..next).unwrap_or(&[]);
        let mut codes: Vec<String> = Vec::with_capacity(self.count(list));
        for slot in slots.iter().filter(|slot| **slot != 0) {
            let bytes = slot.to_le_bytes();
            codes.push(bytes.iter().filter(|byte| **byte != 0).map(|byte| char::from(*byte)).collect());
        }
        codes.sort_unstable();
        codes
    }
}

impl CodeList {
    #[inline]
    fn home(self, code: u64) -> usize {
        // Fibonacci hashing: the high bits of the product are well mixed.
        self.first as usize + (code.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }
}

/// Up to eight bytes in one word, the first one lowest; none when there are more, or none at all.
fn pack(code: &[u8]) -> Option<u64> {
    match code {
        // A zero byte at the end would be lost in the packing, and no code has one.
        [] | [.., 0] => None,
        _ if code.len() <= 8 => Some(code.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))),
        _ => None,
    }
}
