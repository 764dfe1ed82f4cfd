//! Charts as SVG: plain shapes, a title for those who cannot see them, and no script.

use super::figure;
use super::html::escape;
use super::model::{Chart, Kind};
use chrono::NaiveDate;
use rust_decimal::Decimal;
use std::fmt::Write;

/// Pixels across; the page scales the picture to its width.
const WIDTH: i64 = 680;
const BAR: i64 = 26;
/// Where bars may be: between their names and their values.
const BARS: (i64, i64) = (220, 560);
/// Where a line may be, across and down.
const ACROSS: (i64, i64) = (64, 664);
const DOWN: (i64, i64) = (16, 176);
/// Longer names of bars are cut; the table below has them whole.
const MOST_LETTERS: usize = 30;
/// More points than this stand too close for a dot each.
const MOST_DOTS: usize = 62;

/// A chart as an `<svg>` with its title above; empty without values.
pub(super) fn svg(chart: &Chart) -> String {
    let (title, drawn) = match chart {
        Chart::Bars { title, kind, bars } if !bars.is_empty() => (title, draw_bars(title, *kind, bars)),
        Chart::Line { title, kind, points } if !points.is_empty() => (title, draw_line(title, *kind, points)),
        Chart::Bars { .. } | Chart::Line { .. } => return String::new(),
    };
    format!("<figure><figcaption>{}</figcaption>\n{drawn}</figure>\n", escape(title))
}

fn draw_bars(title: &str, kind: Kind, bars: &[(String, Decimal)]) -> String {
    let values = || bars.iter().map(|(_, value)| *value);
    let lowest = values().min().unwrap_or_default().min(Decimal::ZERO);
    // A share is a part of the whole bar.
    let least = if kind == Kind::Percent { Decimal::ONE } else { Decimal::ZERO };
    let highest = values().max().unwrap_or_default().max(least);
    let height = BAR * i64::try_from(bars.len()).unwrap_or(1) + 6;
    let mut svg = open(title, height);
    let zero = place(Decimal::ZERO, (lowest, highest), BARS);
    for ((name, value), top) in bars.iter().zip((0..).map(|at| at * BAR + 3)) {
        let end = place(*value, (lowest, highest), BARS);
        let (from, length) = (zero.min(end), (end - zero).abs());
        let class = if value.is_sign_negative() { "bar neg" } else { "bar" };
        let (text, name_end, value_end) = (top + 15, BARS.0 - 10, WIDTH);
        line(
            &mut svg,
            &format!(r#"<text x="{name_end}" y="{text}" class="end">{}</text>"#, escape(&cut(name))),
        );
        line(
            &mut svg,
            &format!(r#"<rect x="{from}" y="{top}" width="{length}" height="20" class="{class}"/>"#),
        );
        let value = figure::number(kind, *value);
        line(&mut svg, &format!(r#"<text x="{value_end}" y="{text}" class="end">{value}</text>"#));
    }
    line(&mut svg, &format!(r#"<line x1="{zero}" y1="0" x2="{zero}" y2="{height}" class="axis"/>"#));
    close(svg)
}

fn draw_line(title: &str, kind: Kind, points: &[(NaiveDate, Decimal)]) -> String {
    let values = || points.iter().map(|(_, value)| *value);
    let (lowest, highest) = (values().min().unwrap_or_default(), values().max().unwrap_or_default());
    let range = match kind {
        // A match rate lives near 100%: from zero, nothing would be seen.
        Kind::Percent => (
            lowest
                .round_dp_with_strategy(1, rust_decimal::RoundingStrategy::ToNegativeInfinity)
                .min(Decimal::new(9, 1)),
            highest.max(Decimal::ONE),
        ),
        _ => (lowest.min(Decimal::ZERO), round_up(highest)),
    };
    let mut svg = open(title, DOWN.1 + 28);
    let (left, right) = ACROSS;
    for step in [0, 1, 2] {
        let value = range.0 + (range.1 - range.0) * Decimal::new(step, 0) / Decimal::TWO;
        let y = place(value, range, (DOWN.1, DOWN.0));
        line(&mut svg, &format!(r#"<line x1="{left}" y1="{y}" x2="{right}" y2="{y}" class="grid"/>"#));
        let shown = figure::number(kind, value.round_dp(if kind == Kind::Percent { 3 } else { 2 }));
        line(
            &mut svg,
            &format!(r#"<text x="{}" y="{}" class="end">{shown}</text>"#, left - 8, y + Decimal::new(4, 0)),
        );
    }
    let day = |date: NaiveDate| Decimal::from(date.signed_duration_since(NaiveDate::default()).num_days());
    let days = (points.first(), points.last());
    let (first, last) = (
        days.0.map_or(NaiveDate::default(), |point| point.0),
        days.1.map_or(NaiveDate::default(), |point| point.0),
    );
    let at = |point: &(NaiveDate, Decimal)| {
        (place(day(point.0), (day(first), day(last)), ACROSS), place(point.1, range, (DOWN.1, DOWN.0)))
    };
    let path: Vec<String> = points.iter().map(at).map(|(x, y)| format!("{x},{y}")).collect();
    line(&mut svg, &format!(r#"<polyline points="{}" class="line"/>"#, path.join(" ")));
    if points.len() <= MOST_DOTS {
        for point in points {
            let (x, y) = at(point);
            let told = format!("{}: {}", point.0, figure::number(kind, point.1));
            line(
                &mut svg,
                &format!(r#"<circle cx="{x}" cy="{y}" r="3" class="dot"><title>{told}</title></circle>"#),
            );
        }
    }
    let below = DOWN.1 + 20;
    line(&mut svg, &format!(r#"<text x="{left}" y="{below}">{first}</text>"#));
    if last != first {
        line(&mut svg, &format!(r#"<text x="{right}" y="{below}" class="end">{last}</text>"#));
    }
    close(svg)
}

fn open(title: &str, height: i64) -> String {
    let title = escape(title);
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>\n"
    )
}

fn line(svg: &mut String, text: &str) {
    writeln!(svg, "{text}").expect("memory takes all text");
}

fn close(mut svg: String) -> String {
    svg.push_str("</svg>");
    svg
}

/// The end of an axis: a round number whose half is round as well.
fn round_up(highest: Decimal) -> Decimal {
    const ROUND: [i64; 19] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 20, 24, 30, 40, 60, 100];
    let mut unit = Decimal::TWO;
    while unit * Decimal::ONE_HUNDRED < highest && unit < Decimal::from(1_000_000_000_000_i64) {
        unit *= Decimal::TEN;
    }
    let found = ROUND.into_iter().map(|round| unit * Decimal::from(round)).find(|round| *round >= highest);
    found.unwrap_or(highest).normalize()
}

/// Where a value of a range stands between two pixels.
fn place(value: Decimal, range: (Decimal, Decimal), pixels: (i64, i64)) -> Decimal {
    let (from, to) = (Decimal::from(pixels.0), Decimal::from(pixels.1));
    let share = range.1.checked_sub(range.0).and_then(|whole| (value - range.0).checked_div(whole));
    // A single point stands in the middle.
    let share = share.unwrap_or(Decimal::new(5, 1));
    (from + (to - from) * share).round_dp(1).normalize()
}

fn cut(name: &str) -> String {
    match name.char_indices().nth(MOST_LETTERS) {
        Some(_) => name.chars().take(MOST_LETTERS - 1).chain(['…']).collect(),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (highest, end) in
            [(0, 2), (1, 2), (3, 4), (19, 20), (21, 24), (113, 120), (201, 240), (99_999, 120_000)]
        {
            assert_eq!(round_up(highest.into()), Decimal::from(end), "{highest}");
        }
    }
}
