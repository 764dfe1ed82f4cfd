//! Finds an interchange's delimiters from its ISA, by position.

use super::segment::Delimiters;

/// Characters of a correct ISA with its terminator.
pub const ISA_LENGTH: usize = 106;

/// Longest ISA we look at when its elements are not padded as they should be.
pub(super) const ISA_MAXIMUM: usize = 160;

/// Offset of each element of a fixed-width ISA, ISA01 first, and its length.
pub(super) const COLUMNS: [(usize, usize); 16] = [
    (4, 2),
    (7, 10),
    (18, 2),
    (21, 10),
    (32, 2),
    (35, 15),
    (51, 2),
    (54, 15),
    (70, 6),
    (77, 4),
    (82, 1),
    (84, 5),
    (90, 9),
    (100, 1),
    (102, 1),
    (104, 1),
];

/// The delimiters of one ISA and how far it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa {
    /// The separators as the ISA gives them; [`Isa::usable`] tells whether text can be split by them.
    pub delimiters: Delimiters,
    /// Bytes from `ISA` up to the terminator, which is not counted: 105 for a correct one.
    pub length: usize,
    /// Whether every element is padded to its fixed width.
    pub fixed_width: bool,
}

impl Isa {
    /// Whether segments can be told apart: the terminator is no letter, digit or blank and not the element separator.
    #[must_use]
    pub const fn usable(&self) -> bool {
        let terminator = self.delimiters.segment;
        !terminator.is_ascii_alphanumeric() && terminator != b' ' && terminator != self.delimiters.element
    }
}

/// Why bytes that begin with `ISA` give no delimiters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The file ends before the 106th character.
    CutShort,
    /// There are not sixteen elements where an ISA has them.
    ElementCount,
}

/// Reads the ISA at the start of `bytes`. `None` asks for more bytes; with `at_end` there are none to come.
#[must_use]
pub fn read(bytes: &[u8], at_end: bool) -> Option<Result<Isa, Unreadable>> {
    let element = match bytes.get(3) {
        Some(element) => *element,
        None if at_end => return Some(Err(Unreadable::CutShort)),
        None => return None,
    };
    if let Some(fixed) = bytes.get(..ISA_LENGTH) {
        if COLUMNS.iter().all(|(start, _)| fixed.get(start - 1) == Some(&element)) {
            return Some(Ok(isa(bytes, element, COLUMNS[15].0, true)));
        }
    } else if !at_end {
        return None;
    }
    let bytes = match bytes.get(..ISA_MAXIMUM) {
        Some(bytes) => bytes,
        None if at_end => bytes,
        None => return None,
    };
    Some(read_unpadded(bytes, element))
}

/// Whether `bytes`, which begin with `ISA`, are surely an ISA and not data that happens to read so.
pub(super) fn is_plausible(bytes: &[u8]) -> bool {
    matches!(read(bytes, true), Some(Ok(isa)) if isa.usable() && isa.fixed_width)
}

/// Counts sixteen separators. Lengths are looked at too, or a missing element would be made up from the GS.
fn read_unpadded(bytes: &[u8], element: u8) -> Result<Isa, Unreadable> {
    let mut separators = bytes.iter().enumerate().filter(|(_, byte)| **byte == element).map(|(at, _)| at);
    let mut start = separators.next().unwrap_or(3) + 1;
    for (number, (_, width)) in (1..).zip(COLUMNS) {
        if number == 16 {
            break;
        }
        let Some(end) = separators.next() else {
            return Err(if bytes.len() < ISA_LENGTH {
                Unreadable::CutShort
            } else {
                Unreadable::ElementCount
            });
        };
        // A sender that pads badly may also pad too much; the flags have one character in any case.
        let most = if width == 1 { 1 } else { width + 10 };
        if end - start > most {
            return Err(Unreadable::ElementCount);
        }
        start = end + 1;
    }
    if start + 1 >= bytes.len() {
        return Err(Unreadable::CutShort);
    }
    Ok(isa(bytes, element, start, false))
}

fn isa(bytes: &[u8], element: u8, component_at: usize, fixed_width: bool) -> Isa {
    let at = |offset: usize| bytes.get(offset).copied().unwrap_or_default();
    let (component, segment) = (at(component_at), at(component_at + 1));
    let (repetition, version) = if fixed_width {
        (Some(at(COLUMNS[10].0)), bytes.get(COLUMNS[11].0..).and_then(|rest| rest.get(..COLUMNS[11].1)))
    } else {
        let elements = bytes.get(..component_at).unwrap_or(&[]).split(|byte| *byte == element);
        let mut elements = elements.skip(11);
        (elements.next().and_then(|text| text.first()).copied(), elements.next())
    };
    let version = version.unwrap_or(&[]);
    // ISA11 was the standards identifier `U` up to 00401; later versions that still send `U` have no repetitions.
    let repetition = repetition.filter(|byte| {
        version >= b"00402".as_slice()
            && !byte.is_ascii_alphanumeric()
            && *byte != b' '
            && ![element, component, segment].contains(byte)
    });
    Isa {
        delimiters: Delimiters { element, component, repetition, segment },
        length: component_at + 1,
        fixed_width,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISA: &[u8] = b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *261125*1200*^*00501*000000001*0*P*>~";

    #[test]
    fn delimiters_stand_at_their_positions() {
        let isa = read(ISA, false).expect("long enough").expect("well formed");
        let expected = Delimiters { element: b'*', component: b'>', repetition: Some(b'^'), segment: b'~' };
        assert_eq!(isa, Isa { delimiters: expected, length: 105, fixed_width: true });
    }

    #[test]
    fn a_short_isa_asks_for_more_until_the_file_ends() {
        for length in 3..ISA_LENGTH {
            assert_eq!(read(&ISA[..length], false), None);
            assert_eq!(read(&ISA[..length], true), Some(Err(Unreadable::CutShort)), "{length}");
        }
    }

    #[test]
    fn before_00402_isa11_is_no_separator() {
        let old = String::from_utf8_lossy(ISA).replace("00501", "00401");
        let isa = read(old.as_bytes(), true).expect("long enough").expect("well formed");
        assert_eq!(isa.delimiters.repetition, None);
    }

    #[test]
    fn sixteen_separators_are_counted_when_padding_is_missing() {
        let isa = read(b"ISA*00**00**ZZ*ME*ZZ*YOU*261125*1200*U*00401*1*0*P*>~GS*PO*", true);
        let isa = isa.expect("at the end").expect("sixteen elements");
        assert_eq!((isa.fixed_width, isa.length, isa.delimiters.segment), (false, 52, b'~'));
    }

    #[test]
    fn fifteen_elements_are_not_made_sixteen_by_the_gs() {
        let text = b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *261125*1200*U*00401*1*P*>~GS*PO*A*B*20261125*1200*1*X*004010~ST*850*0001~";
        assert_eq!(read(text, true), Some(Err(Unreadable::ElementCount)));
    }
}
