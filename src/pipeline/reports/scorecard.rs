//! The report `scorecard`: each partner's figures side by side.

use super::{Asked, Error, Hub, Made, headline, share};
use crate::reports::{Chart, Column, Kind, Sheet};
use crate::store::Score;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

const NOTES: &[&str] = &[
    "Errors: documents received that were refused or accepted with errors, as a part of all received.",
    "Set aside: files received that were refused, repeated, or are in quarantine at the time of the report.",
    "In time and complete: acknowledgments of what was sent within the period that came in time, and that came at all, as a part of those that came or whose time is over.",
    "Tests do not count.",
];

pub(super) async fn make(hub: &Hub, asked: &Asked, now: DateTime<Utc>) -> Result<Made, Error> {
    let scores = hub.store.list_scores(&asked.scope(now)).await?;
    let sum = |figure: fn(&Score) -> i64| scores.iter().map(figure).sum::<i64>();
    let mut report = asked.head(now, NOTES);
    report.headlines = vec![
        headline("Partners", Kind::Count, scores.len() as i64),
        headline(
            "Errors",
            Kind::Percent,
            share(sum(|score| score.documents_with_errors), sum(|score| score.documents)),
        ),
        headline(
            "Answered in time",
            Kind::Percent,
            share(sum(|score| score.in_time), sum(|score| score.expected)),
        ),
        headline("Exceptions open", Kind::Count, sum(|score| score.exceptions_open)),
    ];
    let mut sheet = Sheet::new(
        "partners",
        "Partners",
        "What came from each partner, and how it answered.",
        vec![
            Column::new("partner", "Partner", Kind::Text),
            Column::new("files", "Files", Kind::Count).totalled(),
            Column::new("files_set_aside_rate", "Set aside", Kind::Percent),
            Column::new("documents", "Documents", Kind::Count).totalled(),
            Column::new("error_rate", "Errors", Kind::Percent),
            Column::new("processing_seconds_median", "Processed, half within (s)", Kind::Measure),
            Column::new("processing_seconds_p90", "Processed, nine of ten within (s)", Kind::Measure),
            Column::new("acknowledgments_expected", "Answers expected", Kind::Count).totalled(),
            Column::new("in_time_rate", "In time", Kind::Percent),
            Column::new("complete_rate", "Complete", Kind::Percent),
            Column::new("answer_hours_median", "Answered, half within (h)", Kind::Measure),
            Column::new("answer_hours_p90", "Answered, nine of ten within (h)", Kind::Measure),
            Column::new("exceptions", "Exceptions", Kind::Count).totalled(),
            Column::new("exceptions_open", "Open", Kind::Count).totalled(),
        ],
    );
    let bars = scores.iter().filter_map(|score| {
        Some((score.partner_id.clone(), share(score.documents_with_errors, score.documents)?))
    });
    sheet.charts = vec![Chart::Bars {
        title: String::from("Documents with errors"),
        kind: Kind::Percent,
        bars: bars.filter(|(_, rate)| !rate.is_zero()).collect(),
    }];
    let hours =
        |seconds: Option<Decimal>| seconds.map(|seconds| (seconds / Decimal::from(3_600)).round_dp(2));
    let rows = scores
        .iter()
        .map(|score| {
            vec![
                score.partner_id.as_str().into(),
                score.files.into(),
                share(score.files_set_aside, score.files).into(),
                score.documents.into(),
                share(score.documents_with_errors, score.documents).into(),
                score.processing_median.into(),
                score.processing_p90.into(),
                score.expected.into(),
                share(score.in_time, score.expected).into(),
                share(score.came, score.expected).into(),
                hours(score.answer_median).into(),
                hours(score.answer_p90).into(),
                score.exceptions.into(),
                score.exceptions_open.into(),
            ]
        })
        .collect();
    Ok(Made { report, sheets: vec![(sheet, rows)] })
}
