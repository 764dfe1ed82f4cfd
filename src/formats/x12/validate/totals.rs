//! Compares the totals of a set with what they sum up.

use super::quick;
use super::sink::Sink;
use crate::formats::x12::fault::{Code, Fault};
use crate::formats::x12::segment::{Segment, SegmentId};
use rust_decimal::{Decimal, RoundingStrategy};

/// What a set's totals are about.
#[derive(Clone, Copy, Debug)]
struct Plan {
    set: &'static str,
    /// The segment that CTT01 counts, if it counts any.
    counted: SegmentId,
    /// The element that CTT02, or else `total`, sums.
    summed: Option<(SegmentId, usize)>,
    /// The segment whose first element is the sum of `summed`, if there is one.
    total: SegmentId,
}

/// Only totals whose meaning the standard fixes.
const PLANS: [Plan; 12] = [
    Plan::lines("810", b"IT1", Some((b"IT1", 2))),
    Plan::lines("850", b"PO1", Some((b"PO1", 2))),
    Plan::lines("855", b"PO1", Some((b"PO1", 2))),
    Plan::lines("856", b"HL", Some((b"SN1", 2))),
    Plan::lines("860", b"POC", None),
    Plan::lines("846", b"LIN", None),
    Plan::lines("861", b"RCD", None),
    Plan::lines("180", b"BLI", None),
    Plan::units("940", b"W01", 1, b"W76"),
    Plan::units("943", b"W04", 1, b"W03"),
    Plan::units("944", b"W07", 1, b"W14"),
    Plan::units("945", b"W12", 3, b"W03"),
];

impl Plan {
    const fn lines(
        set: &'static str,
        counted: &'static [u8],
        summed: Option<(&'static [u8], usize)>,
    ) -> Self {
        let summed = match summed {
            Some((segment, element)) => Some((SegmentId::new(segment), element)),
            None => None,
        };
        Self { set, counted: SegmentId::new(counted), summed, total: NO_SEGMENT }
    }

    const fn units(set: &'static str, line: &'static [u8], element: usize, total: &'static [u8]) -> Self {
        let summed = Some((SegmentId::new(line), element));
        Self { set, counted: NO_SEGMENT, summed, total: SegmentId::new(total) }
    }
}

const NO_SEGMENT: SegmentId = SegmentId::new(b"");
const CTT: SegmentId = SegmentId::new(b"CTT");
/// What an invoice looks at.
const INVOICE: [SegmentId; 7] = [
    SegmentId::new(b"IT1"),
    SegmentId::new(b"SAC"),
    SegmentId::new(b"TXI"),
    SegmentId::new(b"TDS"),
    SegmentId::new(b"CTP"),
    SegmentId::new(b"SLN"),
    SegmentId::new(b"CRC"),
];

/// The sums of one set so far.
#[derive(Debug, Default)]
pub(super) struct Totals {
    plan: Option<Plan>,
    count: u64,
    /// The sum in ten-thousandths, as long as only short numbers came.
    units: Option<i64>,
    /// Else the sum; none once it cannot be told any more.
    sum: Option<Decimal>,
    /// The same without regard to points and signs, as X12 defines the hash total.
    hash: Option<u128>,
    invoice: Option<Invoice>,
    weight: Option<Weight>,
}

/// What the lines of an advice weigh together, where each says so in one unit; none once one does not.
#[derive(Clone, Debug, Default)]
struct Weight {
    sum: Option<Decimal>,
    unit: Vec<u8>,
}

/// What an invoice comes to.
#[derive(Clone, Debug, Default)]
struct Invoice {
    amount: Decimal,
    /// What the amount lacks, in hundredths.
    cents: i64,
    roundings: u32,
    /// Something in it follows rules of its own, such as prices per hundred or charges that are only told.
    doubtful: bool,
    /// TDS01, which stands before the charges of the summary.
    told: Option<(Decimal, Fault)>,
}

impl Totals {
    pub(super) fn begin(&mut self, set: &str) {
        self.plan = PLANS.iter().find(|plan| plan.set == set).copied();
        self.count = 0;
        self.units = Some(0);
        self.sum = Some(Decimal::ZERO);
        self.hash = Some(0);
        self.invoice = (set == "810").then(Invoice::default);
        self.weight = (set == "945").then(|| Weight { sum: Some(Decimal::ZERO), unit: Vec::new() });
    }

    /// The segments of the set that must be taken.
    pub(super) fn heeded(&self) -> impl Iterator<Item = SegmentId> + use<> {
        let plan = self.plan.into_iter().flat_map(|plan| {
            [plan.counted, plan.total, CTT].into_iter().chain(plan.summed.map(|(segment, _)| segment))
        });
        plan.chain(if self.invoice.is_some() { &INVOICE[..] } else { &[] }.iter().copied())
    }

    /// Takes the next of them.
    pub(super) fn take(&mut self, id: SegmentId, segment: &Segment<'_>, sink: &mut Sink<'_>) {
        let Some(plan) = self.plan else {
            return;
        };
        if id == plan.counted {
            self.count += 1;
        }
        if let Some((summed, element)) = plan.summed
            && id == summed
        {
            let (value, word) = segment.value(element);
            self.add(value, word);
        }
        if let Some(weight) = &mut self.weight {
            match segment.id() {
                b"W12" => {
                    check_difference(segment, sink);
                    weight.take(segment);
                }
                b"W03" => weight.check(segment, sink),
                _ => {}
            }
        }
        if id == CTT && plan.counted != NO_SEGMENT {
            self.check_count(plan, segment, sink);
            if plan.summed.is_some() && !segment.element(2).is_empty() {
                self.check_sum(segment, 2, sink);
            }
        } else if plan.total == id {
            self.check_sum(segment, 1, sink);
        } else if let Some(invoice) = &mut self.invoice {
            invoice.take(segment);
        }
    }

    /// Ends the set: an invoice's total can only be judged once its charges are known.
    pub(super) fn end(&mut self, sink: &mut Sink<'_>) {
        if let Some(fault) = self.invoice.take().and_then(Invoice::into_fault) {
            sink.add(fault.code, |severity| Fault { severity, ..fault });
        }
    }

    fn add(&mut self, value: &[u8], word: u64) {
        if value.is_empty() {
            return;
        }
        if let Some(units) = self.units {
            let short = quick::short_number(value, word).and_then(|(digits, decimals)| {
                Some((digits, digits.checked_mul(power(4_u32.checked_sub(decimals)?)?)?))
            });
            if let Some((digits, units)) =
                short.and_then(|(digits, own)| Some((digits, units.checked_add(own)?)))
            {
                self.units = Some(units);
                self.hash = self.hash.and_then(|hash| hash.checked_add(digits.unsigned_abs().into()));
                return;
            }
            self.sum = Some(Decimal::new(units, 4));
            self.units = None;
        }
        self.sum = self.sum.zip(number(value)).and_then(|(sum, value)| sum.checked_add(value));
        let mut digits = value.iter().filter(|byte| byte.is_ascii_digit()).map(|digit| digit - b'0');
        let digits = if value.len() <= 19 {
            Some(u128::from(digits.fold(0_u64, |sum, digit| sum * 10 + u64::from(digit))))
        } else {
            digits.try_fold(0_u128, |sum, digit| sum.checked_mul(10)?.checked_add(u128::from(digit)))
        };
        self.hash = self.hash.zip(digits).and_then(|(hash, digits)| hash.checked_add(digits));
    }

    fn check_count(&self, plan: Plan, segment: &Segment<'_>, sink: &mut Sink<'_>) {
        let told = segment.element(1);
        // Senders of ship notices count items or lines as often as levels: nobody can rely on the figure.
        let code = if plan.set == "856" { Code::SumDiffers } else { Code::TotalWrong };
        if number(told).is_some_and(|told| told != Decimal::from(self.count)) {
            let what = plan.counted.text();
            sink.add(code, |severity| {
                let expected = format!("{}, the number of {what} segments", self.count);
                Fault { severity, ..of(code, segment, 1, 354, &expected) }
            });
        }
    }

    fn check_sum(&self, segment: &Segment<'_>, element: u16, sink: &mut Sink<'_>) {
        let sum = self.units.map(|units| Decimal::new(units, 4)).or(self.sum);
        let Some((told, sum)) = number(segment.element(usize::from(element))).zip(sum) else {
            return;
        };
        // Where the hash total outgrows its element its leading digits go.
        let hashed = element == 2 && self.hash.is_some_and(|hash| Decimal::from(hash % HASH_LIMIT) == told);
        if told != sum && !hashed {
            sink.add(Code::SumDiffers, |severity| {
                let expected = format!("{}, the sum of the lines", sum.normalize());
                let number = if element == 2 { 347 } else { 0 };
                Fault { severity, ..of(Code::SumDiffers, segment, element, number, &expected) }
            });
        }
    }
}

/// Ordered less shipped; senders differ about its sign.
fn check_difference(segment: &Segment<'_>, sink: &mut Sink<'_>) {
    let [ordered, shipped, told] = [2, 3, 4].map(|element| number(segment.element(element)));
    let (Some(ordered), Some(shipped), Some(told)) = (ordered, shipped, told) else { return };
    let Some(difference) = ordered.checked_sub(shipped) else { return };
    if told.abs() != difference.abs() {
        sink.add(Code::SumDiffers, |severity| {
            let expected = format!("{}, what was ordered less what was shipped", difference.normalize());
            Fault { severity, ..of(Code::SumDiffers, segment, 4, 383, &expected) }
        });
    }
}

impl Weight {
    fn take(&mut self, line: &Segment<'_>) {
        if number(line.element(3)).is_none_or(|shipped| shipped.is_zero()) {
            return;
        }
        let unit = line.element(12);
        if self.unit.is_empty() {
            self.unit = unit.to_vec();
        }
        let weight = number(line.element(10)).filter(|_| !unit.is_empty() && self.unit == unit);
        self.sum = self.sum.zip(weight).and_then(|(sum, weight)| sum.checked_add(weight));
    }

    /// The whole may weigh more than its lines, by what they are packed in; less it cannot.
    fn check(&self, total: &Segment<'_>, sink: &mut Sink<'_>) {
        let same = matches!((&*self.unit, total.element(3)), (b"L", b"LB") | (b"K", b"KG"));
        let Some((told, sum)) = number(total.element(2)).zip(self.sum.filter(|_| same)) else { return };
        if told < sum {
            sink.add(Code::SumDiffers, |severity| {
                let expected = format!("no less than {}, the weight of the lines", sum.normalize());
                Fault { severity, ..of(Code::SumDiffers, total, 2, 81, &expected) }
            });
        }
    }
}

/// Element 347 has ten digits.
const HASH_LIMIT: u128 = 10_000_000_000;

impl Invoice {
    fn take(&mut self, segment: &Segment<'_>) {
        match segment.id() {
            b"IT1" => {
                self.doubtful |= !matches!(segment.element(5), b"" | b"PE");
                let ((quantity, first), (price, second)) = (segment.value(2), segment.value(4));
                let factors = quick::short_number(quantity, first).zip(quick::short_number(price, second));
                if let Some(cents) = factors.and_then(|(quantity, price)| cents(quantity, price)) {
                    self.add_cents(cents);
                } else {
                    let price = number(price).unwrap_or_default();
                    self.add(number(quantity).unwrap_or_default().checked_mul(price));
                }
            }
            b"SAC" => {
                let amount = hundredths(segment.element(5));
                let counts = matches!(segment.element(12), b"" | b"02" | b"06");
                match (segment.element(1), amount) {
                    (b"C", Some(amount)) if counts => self.add(Some(amount)),
                    (b"A", Some(amount)) if counts => self.add(Some(-amount)),
                    _ => self.doubtful = true,
                }
            }
            b"TXI" => match number(segment.element(2)) {
                Some(amount) => self.add(Some(amount)),
                None => self.doubtful = true,
            },
            b"TDS" => {
                let amount = hundredths(segment.element(1));
                self.told = amount.map(|amount| (amount, of(Code::SumDiffers, segment, 1, 610, "")));
            }
            // Prices with multipliers and components with prices of their own.
            b"CTP" | b"SLN" | b"CRC" => self.doubtful = true,
            _ => {}
        }
    }

    fn add(&mut self, amount: Option<Decimal>) {
        self.roundings = self.roundings.saturating_add(1);
        let sum = amount.and_then(|amount| {
            let cents = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
            self.amount.checked_add(cents)
        });
        match sum {
            Some(sum) => self.amount = sum,
            None => self.doubtful = true,
        }
    }

    fn add_cents(&mut self, cents: i64) {
        match self.cents.checked_add(cents) {
            Some(sum) => {
                self.roundings = self.roundings.saturating_add(1);
                self.cents = sum;
            }
            None => self.add(Some(Decimal::new(cents, 2))),
        }
    }

    fn into_fault(mut self) -> Option<Fault> {
        let (told, fault) = self.told.filter(|_| !self.doubtful)?;
        self.amount = self.amount.checked_add(Decimal::new(self.cents, 2))?;
        // Whether lines are rounded one by one is up to the sender: half a cent each.
        let tolerance = Decimal::new(5, 3).checked_mul(Decimal::from(self.roundings))?;
        let differs = told.checked_sub(self.amount)?.abs() > tolerance;
        let cents = self.amount.checked_mul(Decimal::ONE_HUNDRED)?.normalize();
        differs.then(|| fault.expecting(format!("{cents}, lines and taxes and charges less allowances")))
    }
}

/// The product of two numbers, each digits and how many of them are decimals, in hundredths; half of one is rounded
/// away from zero. None when it is too long for this.
fn cents((quantity, first): (i64, u32), (price, second): (i64, u32)) -> Option<i64> {
    let product = quantity.checked_mul(price)?;
    let decimals = first + second;
    match decimals.checked_sub(2) {
        None => product.checked_mul(power(2 - decimals)?),
        Some(0) => Some(product),
        Some(surplus) => {
            let unit = power(surplus)?;
            let half = if product < 0 { -unit / 2 } else { unit / 2 };
            Some(product.checked_add(half)? / unit)
        }
    }
}

/// A power of ten.
fn power(exponent: u32) -> Option<i64> {
    const POWERS: [i64; 8] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];
    POWERS.get(exponent as usize).copied()
}

fn of(code: Code, segment: &Segment<'_>, element: u16, number: u16, expected: &str) -> Fault {
    let mut fault = Fault::of_element(code, segment, element).expecting(expected);
    fault.element_number = number;
    fault
}

fn number(value: &[u8]) -> Option<Decimal> {
    short_number(value).or_else(|| std::str::from_utf8(value).ok()?.trim().parse().ok())
}

/// Up to 18 digits with a minus and a point, which fit a machine word; what nearly all numbers are.
fn short_number(value: &[u8]) -> Option<Decimal> {
    let text = value.strip_prefix(b"-").unwrap_or(value);
    if text.len() > 19 {
        return None;
    }
    let (mut units, mut digits, mut decimals) = (0_u64, 0, None);
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                units = units * 10 + u64::from(byte - b'0');
                digits += 1;
            }
            b'.' if decimals.is_none() => decimals = Some(digits),
            _ => return None,
        }
    }
    let decimals = decimals.map_or(0, |before| digits - before);
    let units = i64::try_from(units).ok().filter(|_| (1..=18).contains(&digits))?;
    Some(Decimal::new(if text.len() < value.len() { -units } else { units }, decimals))
}

/// N2: the last two digits are decimals.
fn hundredths(value: &[u8]) -> Option<Decimal> {
    let units: i64 = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
    Some(Decimal::new(units, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_numbers_are_read_as_any_other() {
        let long = "9".repeat(18);
        for text in [
            "0",
            "-0.5",
            ".5",
            "5.",
            "12.50",
            "-12",
            "000.10",
            &long,
            &format!("-.{long}"),
            &format!("{long}."),
        ] {
            let read: Option<Decimal> = text.parse().ok();
            let short = short_number(text.as_bytes());
            assert!(short.is_some(), "{text}");
            assert_eq!((short, short.map(|s| s.scale())), (read, read.map(|r| r.scale())), "{text}");
        }
        for text in ["", "-", ".", "-.", "--1", "1.2.3", "+1", "1e3", " 1", "1,5", "1_0", &format!("{long}1")]
        {
            assert_eq!(short_number(text.as_bytes()), None, "{text}");
        }
    }
}
