//! The report `activity`: what came and went, by day and partner.

use super::{Asked, Error, Hub, Made, headline};
use crate::reports::{Chart, Column, Kind, Sheet};
use crate::store::DayOfPartner;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

const NOTES: &[&str] = &[
    "A file counts on the day on which it was received or delivered, a document on that of its file, an exception on that on which it was found or settled. Narrowed to an agreement, a file counts when it holds a document of it.",
    "Kept aside counts files that are in quarantine at the time of the report; what was released since counts no more.",
    "What no partner's profile claims stands under its channel.",
];

pub(super) async fn make(hub: &Hub, asked: &Asked, now: DateTime<Utc>) -> Result<Made, Error> {
    let scope = asked.scope(now);
    let days = hub.store.list_days(&scope).await?;
    let kinds = hub.store.count_kinds(&scope).await?;
    let sum = |figure: fn(&DayOfPartner) -> i64| days.iter().map(figure).sum::<i64>();
    let mut report = asked.head(now, NOTES);
    report.headlines = vec![
        headline("Files in", Kind::Count, sum(|day| day.files_in)),
        headline("Files out", Kind::Count, sum(|day| day.files_out)),
        headline("Documents in", Kind::Count, sum(|day| day.documents_in)),
        headline("Documents out", Kind::Count, sum(|day| day.documents_out)),
        headline("Refused", Kind::Count, sum(|day| day.rejected)),
        headline("Kept aside", Kind::Count, sum(|day| day.quarantined)),
        headline("Exceptions", Kind::Count, sum(|day| day.exceptions_opened)),
    ];
    let mut daily = Sheet::new(
        "daily",
        "By day and partner",
        "Files and documents of each partner on each day.",
        vec![
            Column::new("day", "Day", Kind::Date),
            Column::new("partner", "Partner", Kind::Text),
            Column::new("files_in", "Files in", Kind::Count).totalled(),
            Column::new("files_out", "Files out", Kind::Count).totalled(),
            Column::new("documents_in", "Documents in", Kind::Count).totalled(),
            Column::new("documents_out", "Documents out", Kind::Count).totalled(),
            Column::new("documents_refused", "Refused", Kind::Count).totalled(),
            Column::new("files_quarantined", "Kept aside", Kind::Count).totalled(),
            Column::new("files_duplicate", "Repeated", Kind::Count).totalled(),
            Column::new("exceptions_opened", "Exceptions found", Kind::Count).totalled(),
            Column::new("exceptions_settled", "Exceptions settled", Kind::Count).totalled(),
        ],
    );
    let points = asked.days().map(|day| {
        let of_day = days.iter().filter(|row| row.day == day);
        (day, Decimal::from(of_day.map(|row| row.documents_in + row.documents_out).sum::<i64>()))
    });
    daily.charts = vec![Chart::Line {
        title: String::from("Documents in and out by day"),
        kind: Kind::Count,
        points: points.collect(),
    }];
    let daily_rows = days
        .iter()
        .map(|row| {
            vec![
                row.day.into(),
                row.partner.as_str().into(),
                row.files_in.into(),
                row.files_out.into(),
                row.documents_in.into(),
                row.documents_out.into(),
                row.rejected.into(),
                row.quarantined.into(),
                row.duplicates.into(),
                row.exceptions_opened.into(),
                row.exceptions_settled.into(),
            ]
        })
        .collect();
    let by_kind = Sheet::new(
        "by_kind",
        "By kind of document",
        "Documents of each partner by kind.",
        vec![
            Column::new("partner", "Partner", Kind::Text),
            Column::new("direction", "Direction", Kind::Text),
            Column::new("document", "Document", Kind::Text),
            Column::new("documents", "Documents", Kind::Count).totalled(),
            Column::new("with_errors", "With errors", Kind::Count).totalled(),
            Column::new("refused", "Refused", Kind::Count).totalled(),
        ],
    );
    let kind_rows = kinds
        .iter()
        .map(|row| {
            vec![
                row.partner_id.clone().into(),
                row.direction.as_str().into(),
                row.kind.replace('_', " ").into(),
                row.documents.into(),
                row.with_errors.into(),
                row.rejected.into(),
            ]
        })
        .collect();
    Ok(Made { report, sheets: vec![(daily, daily_rows), (by_kind, kind_rows)] })
}
