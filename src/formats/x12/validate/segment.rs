//! Checks the elements of one segment: which are there, what they hold, and how they depend on each other.

use super::element::{self, Characters};
use super::quick;
use super::sink::{Place, Sink};
use crate::formats::x12::fault::{Code, Fault, Trigger};
use crate::formats::x12::schema::{
    CheckDigit, Condition, ConditionKind, Dictionary, ElementNumber, ElementRule, Part, SegmentDefinition,
    SegmentRule, Tables,
};
use crate::formats::x12::segment::{Ends, Segment, SegmentId};

/// What one pass over a segment shows.
struct Scan {
    /// A bit for each element that is there, element 1 is bit 0.
    present: u64,
    /// A bit for each element that needs a second look.
    odd: u64,
}

/// Whether there are no elements beyond the last one, and no separators that hold nothing.
#[inline]
fn ends_well(segment: &Segment<'_>, definition: &SegmentDefinition) -> bool {
    let last_holds_something = match segment.ends().places {
        [.., before, last] => last.wrapping_sub(*before) > 1,
        _ => true,
    };
    segment.element_count() <= definition.elements.len() && last_holds_something
}

/// The way of nearly all segments. It has to tell nothing, so that it keeps to the processor's registers.
#[inline(never)]
fn scan(
    segment: &Segment<'_>,
    definition: &SegmentDefinition,
    dictionary: &Dictionary,
    characters: &Characters,
    plain: bool,
) -> Scan {
    let mut scan = Scan { present: 0, odd: 0 };
    let Ends { places, origin } = segment.ends();
    let Some((first, ends)) = places.split_first() else {
        return scan;
    };
    let codes = dictionary.codes();
    let mut start = first.wrapping_sub(origin) + 1;
    let mut bit = 1_u64;
    // The first characters of the element before.
    let mut before = 0;
    for (look, end) in definition.looks.iter().zip(ends) {
        let end = end.wrapping_sub(origin);
        let length = end.wrapping_sub(start) as usize;
        if length != 0 {
            scan.present |= bit;
            let word = segment.word_at(start).unwrap_or(u64::from(b' '));
            let is_fine = word as u8 != b' '
                && (look.check_digit.is_none() || !names_check_digit(before))
                && quick::is_fine(word, length, look, codes, plain);
            before = word as u16;
            if !is_fine {
                let number = bit.trailing_zeros() as usize + 1;
                match look_again(segment, number, definition, dictionary, characters, plain) {
                    Some(true) => {}
                    Some(false) => scan.odd |= bit,
                    None => scan.present &= !bit,
                }
            }
        }
        bit <<= 1;
        start = end + 1;
    }
    scan
}

/// Whether an element is fine that is not so at the first look; none if it is blank.
#[inline(never)]
fn look_again(
    segment: &Segment<'_>,
    number: usize,
    definition: &SegmentDefinition,
    dictionary: &Dictionary,
    characters: &Characters,
    plain: bool,
) -> Option<bool> {
    let (raw, word) = segment.value(number);
    if is_blank(raw) {
        return None;
    }
    let (look, part) = definition.looks.get(number - 1).zip(definition.elements.get(number - 1))?;
    if look.check_digit.is_some_and(|kind| !check_digit_fits(kind, segment.element(number - 1), raw)) {
        return Some(false);
    }
    let is_simple = part.composite.is_none() && part.repeat == 1;
    Some(
        quick::is_fine(word, raw.len(), look, dictionary.codes(), plain)
            || is_simple && element::is_fine(raw, &part.element, dictionary, characters, plain),
    )
}

const ST: SegmentId = SegmentId::new(b"ST");
const SE: SegmentId = SegmentId::new(b"SE");

/// A segment to be checked, and what it is checked by.
pub(super) struct Check<'c, 's, 'o> {
    pub(super) segment: &'c Segment<'s>,
    pub(super) tables: &'c Tables,
    /// Its place, if it has found one.
    pub(super) leaf: Option<u16>,
    pub(super) rules: Option<&'c SegmentRule>,
    pub(super) characters: &'c Characters,
    pub(super) sink: &'c mut Sink<'o>,
}

impl<'c, 's> Check<'c, 's, '_> {
    /// Checks all elements, and reports by place and rule. `plain` says that no character needs a look. `habit` is kept
    /// for the segment: which elements were there when last all were there that must be.
    #[inline]
    pub(super) fn run(self, definition: &SegmentDefinition, plain: bool, habit: &mut Option<u64>) {
        let scan = scan(self.segment, definition, &self.tables.dictionary, self.characters, plain);
        if scan.odd == 0 && ends_well(self.segment, definition) && self.rules.is_none() {
            if *habit == Some(scan.present) {
                return;
            }
            let holds = |condition| broken(condition, scan.present).is_none();
            if definition.mandatory & !scan.present == 0 && definition.conditions.iter().all(holds) {
                *habit = Some(scan.present);
                return;
            }
        }
        self.report(definition, &scan);
    }

    /// Tells everything that is wrong with a segment.
    #[cold]
    fn report(mut self, definition: &SegmentDefinition, scan: &Scan) {
        let envelope = definition.id == ST || definition.id == SE;
        for (at, part) in (0_u16..).zip(&definition.elements) {
            // The reader judges the ids and control numbers of ST and SE.
            let is_the_readers = envelope && at < 2;
            let looked_at = if self.rules.is_some() { scan.present } else { scan.odd };
            if looked_at & 1 << at != 0 && !is_the_readers {
                self.part(at + 1, part, self.segment.element(usize::from(at) + 1));
            }
        }
        let let_go = self.rules.map_or(0, SegmentRule::let_go);
        let missing = definition.mandatory & !scan.present & !let_go;
        if missing != 0 && !envelope {
            self.missing(missing, &definition.elements);
        }
        self.conditions(&definition.conditions, &definition.elements, scan.present, missing, None);
        self.count(definition.elements.len());
        if let Some(rules) = self.rules {
            self.guide_mandatory(rules, definition);
        }
    }

    /// One element that is there and not fine at first sight.
    fn part(&mut self, element: u16, part: &Part, raw: &[u8]) {
        if part.composite.is_none() && part.repeat == 1 {
            let byte = self.segment.element_byte(usize::from(element));
            return self.value(element, 0, 0, part, raw, byte);
        }
        self.structured(element, part, raw);
    }

    /// An element with components or repetitions.
    fn structured(&mut self, element: u16, part: &Part, raw: &[u8]) {
        let byte = self.segment.element_byte(usize::from(element));
        let separator = self.segment.delimiters.repetition.filter(|_| part.repeat > 1);
        let mut count = 0_u16;
        let mut start = byte;
        for repeated in raw.split(|byte| Some(*byte) == separator) {
            count = count.saturating_add(1);
            let repetition = if part.repeat > 1 { count } else { 0 };
            // What is beyond the limit is one fault, told below.
            if count <= part.repeat {
                if part.composite.is_some() {
                    self.composite(element, repetition, part, repeated, start);
                } else if !repeated.is_empty() {
                    self.value(element, 0, repetition, part, repeated, start);
                }
            }
            start += repeated.len() as u64 + 1;
        }
        if count > part.repeat {
            let expected = || format!("at most {} repetitions", part.repeat);
            self.tell(Code::TooManyRepetitions, element, 0, number_of(part), raw, expected);
        }
    }

    fn composite(&mut self, element: u16, repetition: u16, part: &Part, raw: &[u8], byte: u64) {
        let Some(index) = part.composite else {
            return;
        };
        let definition = self.tables.dictionary.composite(index);
        let mut present = 0_u64;
        let mut start = byte;
        let mut beyond = false;
        let separator = self.characters.component;
        for (at, value) in (0_u16..).zip(raw.split(|byte| *byte == separator)) {
            match definition.components.get(usize::from(at)) {
                Some(component) if !is_blank(value) => {
                    present |= 1 << at;
                    self.value(element, at + 1, repetition, component, value, start);
                }
                Some(_) => {}
                None => beyond |= !is_blank(value),
            }
            start += value.len() as u64 + 1;
        }
        if present == 0 {
            return;
        }
        let told = definition.mandatory & !present;
        let mut missing = told;
        while missing != 0 {
            let at = missing.trailing_zeros() as usize;
            missing &= missing - 1;
            let number = definition.components.get(at).map_or(ElementNumber::default(), number_of);
            let place = place_of(at);
            self.tell(Code::MandatoryElementMissing, element, place, number, &[], String::new);
        }
        self.conditions(&definition.conditions, &definition.components, present, told, Some(element));
        if beyond {
            let most = definition.components.len();
            self.tell(Code::TooManyComponents, element, 0, ElementNumber::default(), raw, || {
                format!("at most {most} components")
            });
        }
    }

    /// How the elements of the segment depend on each other, or the components of an element; those that are missing
    /// anyway have been told.
    fn conditions(
        &mut self,
        conditions: &[Condition],
        parts: &[Part],
        present: u64,
        missing: u64,
        inside: Option<u16>,
    ) {
        let what = if inside.is_some() { "component" } else { "element" };
        let at = |place: u8| inside.map_or((u16::from(place), 0), |element| (element, u16::from(place)));
        let number = |place: u8| {
            let part = parts.get(usize::from(place).wrapping_sub(1));
            part.map_or(ElementNumber::default(), number_of)
        };
        let mut told = Vec::new();
        for condition in conditions {
            let Some(found @ (code, place)) = broken(condition, present) else { continue };
            // Two conditions may ask for the same element, and the segment itself.
            let is_missing = code == Code::ConditionalElementMissing && missing & 1 << (place - 1) != 0;
            if told.contains(&found) || is_missing {
                continue;
            }
            told.push(found);
            let trigger = trigger(condition, present).map_or(Trigger::default(), |place| {
                let (element, component) = at(place);
                Trigger { element, component, element_number: number(place).plain() }
            });
            let (element, component) = at(place);
            let place = Place { trigger, ..self.place(element, component, number(place)) };
            self.sink.element(code, &place, &[], || words(condition, what));
        }
    }

    fn value(&mut self, element: u16, component: u16, repetition: u16, part: &Part, raw: &[u8], byte: u64) {
        let place = Place { repetition, byte, ..self.place(element, component, part.element.number) };
        if !element::is_fine(raw, &part.element, &self.tables.dictionary, self.characters, false) {
            let dictionary = &self.tables.dictionary;
            element::check_value(raw, &part.element, dictionary, self.characters, &place, self.sink);
        }
        if let Some(check_digit) = part.check_digit {
            let qualifier = self.segment.element(usize::from(element) - 1);
            if !check_digit_fits(check_digit, qualifier, raw) {
                self.sink.element(Code::CheckDigitWrong, &place, raw, || "another check digit".into());
            }
        }
        if let Some(rules) = self.rules {
            self.guide_value(rules, &place, part, raw);
        }
    }

    fn missing(&mut self, mut missing: u64, parts: &[Part]) {
        while missing != 0 {
            let at = missing.trailing_zeros() as usize;
            missing &= missing - 1;
            let number = parts.get(at).map_or(ElementNumber::default(), number_of);
            self.tell(Code::MandatoryElementMissing, place_of(at), 0, number, &[], String::new);
        }
    }

    /// Elements beyond the last one, and separators that hold nothing.
    fn count(&mut self, most: usize) {
        let count = self.segment.element_count();
        if count > most {
            let first = (most + 1..=count).find(|number| !self.segment.element(*number).is_empty());
            if let Some(first) = first {
                let value = self.segment.element(first);
                let place = place_of(first - 1);
                self.tell(Code::TooManyElements, place, 0, ElementNumber::default(), value, || {
                    format!("at most {most} elements")
                });
                return;
            }
        }
        // A sender who writes them does so in every segment.
        if count > 0 && self.segment.element(count).is_empty() && !self.sink.counts.trailing_separators {
            self.sink.counts.trailing_separators = true;
            let code = Code::TrailingSeparators;
            let segment = self.segment;
            self.sink.add(code, |severity| Fault { severity, ..Fault::of_segment(code, segment) });
        }
    }

    fn guide_value(&mut self, rules: &SegmentRule, place: &Place<'_, '_>, part: &Part, raw: &[u8]) {
        let component = place.component.max(1);
        let about = |rule: &&ElementRule| {
            rule.element == place.element && (rule.component == component || rule.component == 0)
        };
        for rule in rules.elements.iter().filter(about) {
            if rule.unused {
                // A composite as a whole is told once.
                if place.component <= 1 {
                    self.sink.element(Code::GuideElementNotUsed, place, raw, || "nothing here".into());
                }
                continue;
            }
            if let Some((min, max)) = rule.lengths {
                let length = element::length(raw, part.element.kind);
                let code = if length > max as usize { Code::ElementTooLong } else { Code::ElementTooShort };
                if length > max as usize || length < min as usize {
                    self.sink.element(code, place, raw, || element::lengths(min, max, part.element.kind));
                }
            }
            if !rule.allows(raw.trim_ascii_end()) {
                let expected = || format!("one of {}", rule.list_codes().join(", "));
                self.sink.element(Code::GuideCodeNotUsed, place, raw, expected);
            }
        }
    }

    /// What the guide asks for and the standard does not.
    fn guide_mandatory(&mut self, rules: &SegmentRule, definition: &SegmentDefinition) {
        for rule in rules.elements.iter().filter(|rule| rule.mandatory) {
            let Some(part) = definition.elements.get(usize::from(rule.element) - 1) else {
                continue;
            };
            let raw = self.segment.element(usize::from(rule.element));
            let (told, value) = match rule.component {
                0 => (part.mandatory, raw),
                component => {
                    let mut components = raw.split(|byte| *byte == self.characters.component);
                    (false, components.nth(usize::from(component) - 1).unwrap_or(&[]))
                }
            };
            if is_blank(value) && !told {
                let number = number_of(part);
                let code = Code::MandatoryElementMissing;
                self.tell(code, rule.element, rule.component, number, &[], String::new);
            }
        }
    }

    fn tell(
        &mut self,
        code: Code,
        element: u16,
        component: u16,
        number: ElementNumber,
        value: &[u8],
        expected: impl FnOnce() -> String,
    ) {
        self.sink.element(code, &self.place(element, component, number), value, expected);
    }

    fn place(&self, element: u16, component: u16, number: ElementNumber) -> Place<'c, 's> {
        Place {
            segment: self.segment,
            element,
            component,
            repetition: 0,
            number,
            loop_id: self.leaf.map_or("", |leaf| super::loop_id(self.tables, leaf)),
            byte: self.segment.element_byte(usize::from(element)),
            trigger: Trigger::default(),
        }
    }
}

/// The number AK402 tells; a composite has none.
fn number_of(part: &Part) -> ElementNumber {
    if part.composite.is_some() { ElementNumber::default() } else { part.element.number }
}

fn place_of(at: usize) -> u16 {
    u16::try_from(at + 1).unwrap_or(u16::MAX)
}

/// An element of blanks is an empty one: senders of fixed records write them.
#[inline]
fn is_blank(raw: &[u8]) -> bool {
    raw.first().is_none_or(|first| *first == b' ' && raw.iter().all(|byte| *byte == b' '))
}

/// The fault of a condition and the element to report it at, or none if it holds.
fn broken(condition: &Condition, present: u64) -> Option<(Code, u8)> {
    let there = present & condition.mask;
    let first = condition.places.first().copied()?;
    let has = |place: u8| present & 1 << (place - 1) != 0;
    let absent = || condition.places.iter().copied().find(|place| !has(*place));
    match condition.kind {
        ConditionKind::Paired if there != 0 && there != condition.mask => {
            Some((Code::ConditionalElementMissing, absent()?))
        }
        ConditionKind::Required if there == 0 => Some((Code::ConditionalElementMissing, first)),
        ConditionKind::Exclusion if there.count_ones() > 1 => {
            let second = condition.places.iter().copied().filter(|place| has(*place)).nth(1)?;
            Some((Code::ExclusionViolated, second))
        }
        ConditionKind::Conditional if has(first) && there != condition.mask => {
            Some((Code::ConditionalElementMissing, absent()?))
        }
        ConditionKind::ListConditional if has(first) && there.count_ones() == 1 => {
            Some((Code::ConditionalElementMissing, condition.places.get(1).copied()?))
        }
        _ => None,
    }
}

/// The element by which a broken condition asks for another one or excludes it; none asks for one of several.
fn trigger(condition: &Condition, present: u64) -> Option<u8> {
    let has = |place: &u8| present & 1 << (place - 1) != 0;
    match condition.kind {
        ConditionKind::Required => None,
        ConditionKind::Paired | ConditionKind::Exclusion => condition.places.iter().copied().find(has),
        ConditionKind::Conditional | ConditionKind::ListConditional => condition.places.first().copied(),
    }
}

fn words(condition: &Condition, what: &str) -> String {
    let list = |places: &[u8], joint: &str| {
        let places: Vec<String> = places.iter().map(u8::to_string).collect();
        match places.split_last() {
            Some((last, [])) => format!("{what} {last}"),
            Some((last, before)) => format!("{what}s {} {joint} {last}", before.join(", ")),
            None => String::new(),
        }
    };
    let (first, rest) = condition.places.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
    match condition.kind {
        ConditionKind::Paired => format!("all or none of {}", list(&condition.places, "and")),
        ConditionKind::Required => format!("at least one of {}", list(&condition.places, "and")),
        ConditionKind::Exclusion => format!("only one of {}", list(&condition.places, "and")),
        ConditionKind::Conditional => format!("{} together with {what} {first}", list(rest, "and")),
        ConditionKind::ListConditional => format!("{} together with {what} {first}", list(rest, "or")),
    }
}

/// Whether a qualifier may say that what follows it ends with a check digit, by its first characters.
#[inline]
fn names_check_digit(qualifier: u16) -> bool {
    matches!(&qualifier.to_le_bytes(), b"UP" | b"EN" | b"UK" | b"EO" | b"GM")
}

/// Whether the check digit of a GTIN or SSCC is right; true for everything else.
fn check_digit_fits(kind: CheckDigit, qualifier: &[u8], value: &[u8]) -> bool {
    let value = value.trim_ascii_end();
    let digits = match (kind, qualifier, value) {
        // GTIN-12, -13, -14 and -8.
        (CheckDigit::Product, b"UP", _) if value.len() == 12 => value,
        (CheckDigit::Product, b"EN", _) if value.len() == 13 => value,
        (CheckDigit::Product, b"UK", _) if value.len() == 14 => value,
        (CheckDigit::Product, b"EO", _) if value.len() == 8 => value,
        // SSCC-18, with application identifier 00 in front or without.
        (CheckDigit::Mark, b"GM", [b'0', b'0', sscc @ ..]) if sscc.len() == 18 => sscc,
        (CheckDigit::Mark, b"GM", _) if value.len() == 18 => value,
        _ => return true,
    };
    // A right check digit makes the sum a multiple of ten.
    quick::weighted_sum(digits).is_some_and(|sum| sum.is_multiple_of(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits() {
        assert!(check_digit_fits(CheckDigit::Product, b"UP", b"036000291452"));
        assert!(!check_digit_fits(CheckDigit::Product, b"UP", b"036000291453"));
        assert!(check_digit_fits(CheckDigit::Product, b"VN", b"036000291453"), "only GTINs have one");
        assert!(check_digit_fits(CheckDigit::Mark, b"GM", b"00106141411234567897"));
        assert!(check_digit_fits(CheckDigit::Mark, b"GM", b"106141411234567897"));
        assert!(!check_digit_fits(CheckDigit::Mark, b"GM", b"106141411234567890"));
        assert!(!check_digit_fits(CheckDigit::Product, b"EN", b"40063813339X1"));
    }

    #[test]
    fn conditions() {
        let broken = |kind, places: &[u8], present| {
            let mask = places.iter().fold(0, |mask, place| mask | 1 << (place - 1));
            broken(&Condition { kind, places: places.into(), mask }, present)
        };
        let missing = |place| Some((Code::ConditionalElementMissing, place));
        assert_eq!(broken(ConditionKind::Paired, &[3, 4], 0b0000), None);
        assert_eq!(broken(ConditionKind::Paired, &[3, 4], 0b0100), missing(4));
        assert_eq!(broken(ConditionKind::Paired, &[3, 4], 0b1000), missing(3));
        assert_eq!(broken(ConditionKind::Required, &[2, 3], 0b1001), missing(2));
        assert_eq!(broken(ConditionKind::Required, &[2, 3], 0b0100), None);
        assert_eq!(broken(ConditionKind::Exclusion, &[1, 3], 0b0101), Some((Code::ExclusionViolated, 3)));
        assert_eq!(broken(ConditionKind::Exclusion, &[1, 3], 0b0100), None);
        assert_eq!(broken(ConditionKind::Conditional, &[3, 2], 0b0100), missing(2));
        assert_eq!(broken(ConditionKind::Conditional, &[3, 2], 0b0010), None);
        assert_eq!(broken(ConditionKind::ListConditional, &[1, 2, 4], 0b0001), missing(2));
        assert_eq!(broken(ConditionKind::ListConditional, &[1, 2, 4], 0b1001), None);
    }
}
