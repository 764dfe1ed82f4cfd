//! How figures, days, instants and links are shown to people.

use super::model::{Cell, Headline, Kind};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use rust_decimal::{Decimal, RoundingStrategy};

/// How many decimals a number of this kind is shown with. Only measures and percentages are rounded.
pub(super) fn decimals(kind: Kind, number: Decimal) -> u32 {
    let own = number.normalize().scale();
    match kind {
        Kind::Money | Kind::Price => own.max(2),
        Kind::Measure => 1,
        // Nothing but 0 and 1 is shown as 0.0% and 100.0%, and a tolerance of 0.25% as it is.
        Kind::Percent if is_hidden_by_one_decimal(number) => 2,
        Kind::Percent => 1,
        _ => own,
    }
}

fn is_hidden_by_one_decimal(share: Decimal) -> bool {
    let is_whole = share.is_zero() || share == Decimal::ONE;
    let is_small = share.abs() < Decimal::new(1, 2);
    let rounds_to_one =
        share.round_dp_with_strategy(3, RoundingStrategy::MidpointAwayFromZero) == Decimal::ONE;
    !is_whole && (is_small || rounds_to_one)
}

/// A number as people read it: decimals by its kind, and thousands set apart.
pub(super) fn number(kind: Kind, number: Decimal) -> String {
    let shown = decimals(kind, number);
    let half_up = RoundingStrategy::MidpointAwayFromZero;
    if kind == Kind::Percent {
        // Not multiplied: the largest decimals would overflow.
        let rounded = number.round_dp_with_strategy(shown + 2, half_up);
        return match rounded.checked_mul(Decimal::ONE_HUNDRED) {
            Some(percent) => format!("{}%", grouped(&format!("{percent:.*}", shown as usize))),
            None => number.to_string(),
        };
    }
    grouped(&format!("{:.*}", shown as usize, number.round_dp_with_strategy(shown, half_up)))
}

/// Sets thousands apart with commas.
fn grouped(plain: &str) -> String {
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut shown = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            shown.push(',');
        }
        shown.push(digit);
    }
    if let Some(fraction) = fraction {
        shown.push('.');
        shown.push_str(fraction);
    }
    shown
}

/// An instant as people of a zone read it.
pub(super) fn instant(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string()
}

/// A headline's figure as people read it; a dash where there is none.
#[must_use]
pub fn headline(line: &Headline, zone: Tz) -> String {
    match cell(line.kind, &line.value, zone) {
        shown if shown.is_empty() => String::from("–"),
        shown => shown,
    }
}

/// What a cell says of the row it is in, where rows are led to by it.
pub(super) fn key(kind: Kind, value: &Cell) -> String {
    match value {
        Cell::Number(number) => number.normalize().to_string(),
        other => cell(kind, other, Tz::UTC),
    }
}

/// A cell as people read it.
pub(super) fn cell(kind: Kind, cell: &Cell, zone: Tz) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) | Cell::Link { text, .. } => text.clone(),
        Cell::Number(value) => number(kind, *value),
        Cell::Date(date) => date.to_string(),
        Cell::Instant(at) => instant(*at, zone),
    }
}

/// Where a link leads.
pub(super) enum Target<'t> {
    /// A web or mail address.
    Address(&'t str),
    /// A path beside the report.
    Beside(&'t str),
    /// A sheet of the report, or a row of it.
    Sheet(&'t str, Option<&'t str>),
}

/// Where a link leads; none for what must not be followed, such as a script or a path out of the folder.
pub(super) fn target(target: &str) -> Option<Target<'_>> {
    if target.chars().any(|c| c.is_control() || c == '\\') {
        return None;
    }
    if let Some(sheet) = target.strip_prefix('#') {
        return Some(match sheet.split_once('/') {
            Some((sheet, row)) => Target::Sheet(sheet, Some(row)),
            None => Target::Sheet(sheet, None),
        });
    }
    if ["https://", "http://", "mailto:"].iter().any(|scheme| target.starts_with(scheme)) {
        return Some(Target::Address(target));
    }
    let leads_away =
        target.contains(':') || target.starts_with('/') || target.split('/').any(|part| part == "..");
    (!target.is_empty() && !leads_away).then_some(Target::Beside(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_a_controller_writes_them() {
        for (kind, plain, shown) in [
            (Kind::Money, "1234567.5", "1,234,567.50"),
            (Kind::Money, "-999", "-999.00"),
            (Kind::Money, "0.005", "0.005"),
            (Kind::Price, "1.2500", "1.25"),
            (Kind::Price, "0.0375", "0.0375"),
            (Kind::Quantity, "1200.000", "1,200"),
            (Kind::Quantity, "-1.5", "-1.5"),
            (Kind::Count, "100", "100"),
            (Kind::Percent, "1", "100.0%"),
            (Kind::Measure, "537", "537.0"),
            (Kind::Measure, "2.25", "2.3"),
            (Kind::Percent, "0.98765", "98.8%"),
            (Kind::Percent, "0.9996", "99.96%"),
            (Kind::Percent, "-0.0025", "-0.25%"),
        ] {
            assert_eq!(number(kind, plain.parse().expect("it is a number")), shown, "{plain}");
        }
    }

    #[test]
    fn only_harmless_links_are_links() {
        for harmless in
            ["https://hub.example/files/1", "mailto:ap@buyer.example", "evidence/1.edi", "#lines", "#lines/7"]
        {
            assert!(target(harmless).is_some(), "{harmless}");
        }
        for other in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "/etc/passwd",
            "../a",
            "\\\\host\\share",
            "",
            "a\nb",
        ] {
            assert!(target(other).is_none(), "{other}");
        }
    }
}
