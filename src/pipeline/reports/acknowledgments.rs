//! The report `acknowledgments`: what has not come, says no, or came late.

use super::{Asked, Error, Hub, Made, headline, hours, owner, share};
use crate::reports::{Cell, Chart, Column, Kind, Sheet};
use crate::store::{AcknowledgmentTrouble, ExpectedDocumentRow, TroubledAcknowledgment};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

const NOTES: &[&str] = &[
    "Overdue: sent before the end of the period, due before the time of the report, and not answered until then.",
    "Refused and late: answered within the period. A refusal that came late stands among the refused.",
    "By partner: what was sent within the period. Tests do not count.",
    "Documents: what must follow by the profiles (`[[expects]]`), was due before the time of the report, and has not come or gone, or did so late within the period.",
];

pub(super) async fn make(hub: &Hub, asked: &Asked, now: DateTime<Utc>) -> Result<Made, Error> {
    let scope = asked.scope(now);
    let rows = hub.store.list_troubled_acknowledgments(&scope).await?;
    let partners = hub.store.sum_acknowledgments(&scope).await?;
    let agreements = hub.agreements();
    let of = |trouble: AcknowledgmentTrouble| -> Vec<Vec<Cell>> {
        let fitting = rows.iter().filter(|row| row.trouble == trouble);
        fitting
            .map(|row| {
                let agreement = row.agreement.as_deref();
                line(row, owner(&agreements.profiles, row.owner.as_ref(), &row.partner_id, agreement), now)
            })
            .collect()
    };
    let overdue = of(AcknowledgmentTrouble::Overdue);
    let rejected = of(AcknowledgmentTrouble::Rejected);
    let late = of(AcknowledgmentTrouble::Late);
    let documents: Vec<Vec<Cell>> = hub
        .store
        .list_late_documents(&scope)
        .await?
        .iter()
        .map(|row| {
            document(row, owner(&agreements.profiles, None, &row.partner_id, row.agreement.as_deref()), now)
        })
        .collect();
    let in_time = |expected: i64, late: i64, overdue: i64, awaited: i64| {
        share(expected - late - overdue - awaited, expected - awaited)
    };
    let mut report = asked.head(now, NOTES);
    let sum =
        |figure: fn(&crate::store::AcknowledgedByPartner) -> i64| partners.iter().map(figure).sum::<i64>();
    report.headlines = vec![
        headline("Overdue", Kind::Count, overdue.len() as i64),
        headline("Refused", Kind::Count, rejected.len() as i64),
        headline("Late", Kind::Count, late.len() as i64),
        headline("Documents late", Kind::Count, documents.len() as i64),
        headline(
            "Answered in time",
            Kind::Percent,
            in_time(sum(|p| p.expected), sum(|p| p.late), sum(|p| p.overdue), sum(|p| p.awaited)),
        ),
    ];
    let mut by_partner = Sheet::new(
        "by_partner",
        "By partner",
        "How each partner answered what was sent to it within the period.",
        vec![
            Column::new("partner", "Partner", Kind::Text),
            Column::new("expected", "Expected", Kind::Count).totalled(),
            Column::new("accepted", "Accepted", Kind::Count).totalled(),
            Column::new("refused", "Refused", Kind::Count).totalled(),
            Column::new("late", "Late", Kind::Count).totalled(),
            Column::new("overdue", "Overdue", Kind::Count).totalled(),
            Column::new("awaited", "Not due yet", Kind::Count).totalled(),
            Column::new("in_time_rate", "Answered in time", Kind::Percent),
        ],
    );
    let bars: Vec<(String, Decimal)> = partners
        .iter()
        .filter(|partner| partner.overdue + partner.rejected + partner.late > 0)
        .map(|p| (p.partner_id.clone(), Decimal::from(p.overdue + p.rejected + p.late)))
        .collect();
    by_partner.charts = vec![Chart::Bars {
        title: String::from("Overdue, refused and late by partner"),
        kind: Kind::Count,
        bars,
    }];
    let partners = partners
        .iter()
        .map(|p| {
            vec![
                p.partner_id.as_str().into(),
                p.expected.into(),
                p.accepted.into(),
                p.rejected.into(),
                p.late.into(),
                p.overdue.into(),
                p.awaited.into(),
                in_time(p.expected, p.late, p.overdue, p.awaited).into(),
            ]
        })
        .collect();
    let sheets = vec![
        (sheet("overdue", "Overdue", "Not answered, and the time is over; the longest first."), overdue),
        (sheet("refused", "Refused", "Answered with a no, to the whole or to a part."), rejected),
        (sheet("late", "Late", "Answered with a yes, after the time was over."), late),
        (documents_sheet(), documents),
        (by_partner, partners),
    ];
    Ok(Made { report, sheets })
}

fn sheet(id: &str, title: &str, about: &str) -> Sheet {
    let columns = vec![
        Column::new("partner", "Partner", Kind::Text),
        Column::new("agreement", "Agreement", Kind::Text).detail(),
        Column::new("owner", "Owner", Kind::Text),
        Column::new("document", "Document", Kind::Text),
        Column::new("number", "Number", Kind::Text),
        Column::new("expected", "Expected", Kind::Text),
        Column::new("state", "State", Kind::Text),
        Column::new("sent_at", "Sent", Kind::Instant),
        Column::new("due_at", "Due", Kind::Instant),
        Column::new("answered_at", "Answered", Kind::Instant),
        Column::new("hours_late", "Hours late", Kind::Measure),
        Column::new("interchange_control", "Interchange", Kind::Text),
        Column::new("group_control", "Group", Kind::Text),
        Column::new("set_control", "Set", Kind::Text),
        Column::new("file", "File", Kind::Text),
        Column::new("file_id", "File id", Kind::Text).detail(),
    ];
    Sheet::new(id, title, about, columns)
}

fn documents_sheet() -> Sheet {
    let columns = vec![
        Column::new("partner", "Partner", Kind::Text),
        Column::new("agreement", "Agreement", Kind::Text).detail(),
        Column::new("owner", "Owner", Kind::Text),
        Column::new("missing", "Missing", Kind::Text),
        Column::new("owed_by", "Owed by", Kind::Text),
        Column::new("number_kind", "Known by", Kind::Text),
        Column::new("number", "Number", Kind::Text),
        Column::new("after", "Follows", Kind::Text),
        Column::new("asked_at", "Of", Kind::Instant),
        Column::new("due_at", "Due", Kind::Instant),
        Column::new("answered_at", "Came", Kind::Instant),
        Column::new("hours_late", "Hours late", Kind::Measure),
        Column::new("document_id", "Document id", Kind::Text).detail(),
    ];
    Sheet::new(
        "documents",
        "Documents",
        "Documents that must follow others and have not come or gone in time; the longest late first.",
        columns,
    )
}

fn document(row: &ExpectedDocumentRow, owner: Option<String>, now: DateTime<Utc>) -> Vec<Cell> {
    let words = |text: &str| text.replace('_', " ");
    vec![
        row.partner_id.as_str().into(),
        row.agreement.clone().into(),
        owner.into(),
        words(&row.document).into(),
        if row.ours { "us" } else { "partner" }.into(),
        words(&row.number_kind).into(),
        row.raw.as_str().into(),
        words(&row.after).into(),
        row.asked_at.into(),
        row.due_at.into(),
        row.settled_at.into(),
        hours(row.settled_at.unwrap_or(now) - row.due_at).into(),
        row.document_id.to_string().into(),
    ]
}

fn line(row: &TroubledAcknowledgment, owner: Option<String>, now: DateTime<Utc>) -> Vec<Cell> {
    // Of an interchange there is only one number.
    let group = (!row.functional_id.is_empty()).then(|| row.group_control.to_string());
    let late = row.settled_at.unwrap_or(now) - row.due_at;
    vec![
        row.partner_id.as_str().into(),
        row.agreement.clone().into(),
        owner.into(),
        row.set_id.clone().into(),
        row.number.clone().into(),
        row.level.as_str().into(),
        row.state.replace('_', " ").into(),
        row.sent_at.into(),
        row.due_at.into(),
        row.settled_at.into(),
        (late > chrono::TimeDelta::zero()).then(|| hours(late)).into(),
        (row.interchange_control != 0).then(|| format!("{:09}", row.interchange_control)).into(),
        group.into(),
        row.set_control.clone().into(),
        row.file_name.as_str().into(),
        row.file_id.to_string().into(),
    ]
}
