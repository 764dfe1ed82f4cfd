//! What is awaited for what we send, and what becomes of it when it does not come in time.

use super::answers::{OVERDUE, about};
use super::hub::{Error, Hub};
use super::operate::{self, Unmade, Wish};
use super::receipts;
use super::reminding::{self, Kind, Late, TOLD_ONE_BY_ONE};
use crate::ids;
use crate::pipeline::Agreements;
use crate::profiles::{Acknowledge, ExpectAck, Profile, Sends, Topic, WhenOverdue};
use crate::store::{
    BY_HUB, ExpectedAcknowledgmentRow, ExpectedSet, FoundExpectation, NewException,
    NewExpectedAcknowledgment, Noun, Work,
};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};
use tracing::error;
use uuid::Uuid;

/// A group that is sent and must be answered.
pub(super) struct Group<'a> {
    pub(super) profile: &'a Profile,
    pub(super) agreement: Option<String>,
    /// GS01.
    pub(super) functional_id: String,
    /// GS06.
    pub(super) group_control: u32,
    /// ISA13.
    pub(super) interchange_control: u32,
    pub(super) test: bool,
    pub(super) file_id: Uuid,
    pub(super) delivery_id: Uuid,
    pub(super) sets: Vec<ExpectedSet>,
}

/// What is awaited for a group: its 997 or 999, and the TA1 of its interchange where one is asked for.
pub(super) fn awaited(
    group: Group<'_>,
    expect: ExpectAck,
    identity: &str,
    now: DateTime<Utc>,
) -> Vec<NewExpectedAcknowledgment> {
    let level = if expect.kind == Acknowledge::F999 { "999" } else { "997" };
    let number = group.group_control.to_string();
    let (within_secs, due_rule) = expect.within.stored();
    let of_group = NewExpectedAcknowledgment {
        id: ids::derived("expected_acknowledgment", &[identity, level, &number]),
        partner_id: group.profile.id.clone(),
        level: level.to_owned(),
        agreement: group.agreement,
        functional_id: group.functional_id,
        group_control: i64::from(group.group_control),
        interchange_control: i64::from(group.interchange_control),
        test: group.test,
        hold: expect.when_overdue == WhenOverdue::Hold,
        file_id: group.file_id,
        delivery_id: Some(group.delivery_id),
        within_secs,
        due_rule,
        due_at: group.profile.calendar.due(now, expect.within),
        sets: group.sets,
    };
    let of_interchange =
        group.profile.x12.as_ref().is_some_and(|x12| x12.ask_for_ta1).then(|| NewExpectedAcknowledgment {
            id: ids::derived("expected_acknowledgment", &[identity, "TA1"]),
            level: "TA1".to_owned(),
            functional_id: String::new(),
            group_control: i64::from(group.interchange_control),
            sets: Vec::new(),
            ..of_group.clone()
        });
    of_interchange.into_iter().chain([of_group]).collect()
}

/// Marks what became late, and does what the profiles say of what stays late. Gives whether anything became late.
pub(super) async fn watch(hub: &Hub, work: &mut Work) -> Result<bool, Error> {
    let (now, agreements) = (hub.clock.now(), hub.agreements());
    let late = work.mark_overdue(now).await?;
    let late = work.with_expected_sets(late).await?;
    let of_deliveries: Vec<&ExpectedAcknowledgmentRow> =
        late.iter().map(|late| &late.row).filter(|row| receipts::is_receipt(row)).collect();
    let said = receipts::sentences(work, &of_deliveries, &agreements).await?;
    tell(&late, &said);
    let exceptions: Vec<NewException> = late
        .iter()
        .map(|late| {
            let told = exception(late, &agreements, now);
            match said.get(&late.row.id) {
                Some(said) => NewException { message: said.clone(), ..told },
                None => told,
            }
        })
        .collect();
    work.insert_exceptions(&exceptions).await?;
    remind(work, &agreements, now).await?;
    Ok(!late.is_empty())
}

fn tell(late: &[FoundExpectation], said: &HashMap<Uuid, String>) {
    let mut by_partner: BTreeMap<&str, Vec<&ExpectedAcknowledgmentRow>> = BTreeMap::new();
    for late in late {
        by_partner.entry(&late.row.partner_id).or_default().push(&late.row);
    }
    for (partner, rows) in by_partner {
        if rows.len() > TOLD_ONE_BY_ONE {
            error!(partner.id = %partner, "{partner} is late to acknowledge {} groups, files or calls: `crossdock exceptions --reason {OVERDUE}`", rows.len());
            continue;
        }
        for row in rows {
            if let Some(said) = said.get(&row.id) {
                error!(partner.id = %partner, "{said}");
                continue;
            }
            error!(
                partner.id = %partner,
                "{partner} has not acknowledged {} by {}: ask whether it arrived",
                what(row), row.due_at.format("%Y-%m-%d %H:%M UTC")
            );
        }
    }
}

fn what(row: &ExpectedAcknowledgmentRow) -> String {
    if row.functional_id.is_empty() {
        format!("interchange {:09}", row.interchange_control)
    } else {
        format!("group {} {}", row.functional_id, row.group_control)
    }
}

fn exception(late: &FoundExpectation, agreements: &Agreements, now: DateTime<Utc>) -> NewException {
    let row = &late.row;
    let profile = agreements.profiles.find(&row.partner_id);
    let whom = profile.map_or_else(|| row.partner_id.clone(), |profile| profile.whom(Topic::Technical));
    let documents: Vec<String> = late
        .sets
        .iter()
        .take(3)
        .map(|set| format!("{} {}", set.set_id, set.business_number.as_deref().unwrap_or("without a number")))
        .collect();
    let more = late.sets.len().saturating_sub(documents.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let sends = profile.into_iter().flat_map(|profile| &profile.exchange.sends);
    let resends = late.sets.iter().any(|set| {
        let mut of_set = sends.clone().filter(|sends| sends.document == set.set_id);
        of_set.any(|sends| sends.expect_ack.is_some_and(|ack| ack.when_overdue == WhenOverdue::Resend))
    });
    let again = if resends { "it is sent once more" } else { "it is not sent again by itself" };
    let holds =
        if documents.is_empty() { String::new() } else { format!(" ({}{more})", documents.join(", ")) };
    let only = late.sets.first().filter(|_| late.sets.len() == 1);
    NewException {
        id: about(OVERDUE, row.id, ""),
        kind: OVERDUE.to_owned(),
        document_id: only.map(|set| set.document_id),
        partner_id: Some(row.partner_id.clone()),
        order_number: only.and_then(|set| set.order_number.clone()),
        purchase_order_number: only.and_then(|set| set.purchase_order_number.clone()),
        line: None,
        amount: None,
        message: format!(
            "{} has not sent a {} for {}{holds}, due {}; ask {whom} whether it arrived, {again}",
            row.partner_id,
            row.level,
            what(row),
            row.due_at.format("%Y-%m-%d %H:%M UTC")
        ),
        evidence: serde_json::Value::Array(Vec::new()),
        first_seen_at: now,
    }
}

/// Tells what is still late again, and hands on what is late for too long.
async fn remind(work: &mut Work, agreements: &Agreements, now: DateTime<Utc>) -> Result<(), Error> {
    for profile in agreements.profiles.list() {
        let sends = profile.exchange.sends.iter().filter_map(|sends| Some((sends, sends.expect_ack?)));
        for (sends, expect) in sends.filter(|(_, expect)| !expect.ladder.is_empty()) {
            let rows = work.list_overdue_of(&profile.id, &sends.document).await?;
            let said = |row: &ExpectedAcknowledgmentRow| {
                format!("{} has still not acknowledged {}", profile.id, what(row))
            };
            let late: Vec<Late<'_>> = rows.iter().map(|row| late(row, said(row))).collect();
            let kind = Kind { what: "acknowledgments", exception: OVERDUE };
            let told = reminding::remind(work, profile, expect.ladder, kind, &late, now).await?;
            work.note_reminders(&told, now).await?;
        }
        for channel in profile.channels.values().filter(|channel| !channel.receipt_ladder.is_empty()) {
            let place = format!("{}/{}", profile.id, channel.name);
            let rows = work.list_overdue_receipts(&profile.id, &place).await?;
            let said = receipts::sentences(work, &rows.iter().collect::<Vec<_>>(), agreements).await?;
            let said = |row: &ExpectedAcknowledgmentRow| said.get(&row.id).cloned().unwrap_or_default();
            let late: Vec<Late<'_>> = rows.iter().map(|row| late(row, said(row))).collect();
            let kind = Kind { what: "files and calls", exception: OVERDUE };
            let told = reminding::remind(work, profile, channel.receipt_ladder, kind, &late, now).await?;
            work.note_reminders(&told, now).await?;
        }
    }
    Ok(())
}

fn late(row: &ExpectedAcknowledgmentRow, said: String) -> Late<'_> {
    Late {
        id: row.id,
        due_at: row.due_at,
        reminders: row.reminders,
        agreement: row.agreement.as_deref(),
        exception: about(OVERDUE, row.id, ""),
        said,
    }
}

/// Sends once more, with the same bytes, what was not answered in time, where profiles say so. Asked a second time for the
/// same it is done already.
pub(super) async fn send_once_more(hub: &Hub) -> Result<(), Error> {
    let agreements = hub.agreements();
    for profile in agreements.profiles.list() {
        let again =
            |sends: &&Sends| sends.expect_ack.is_some_and(|ack| ack.when_overdue == WhenOverdue::Resend);
        for sends in profile.exchange.sends.iter().filter(again) {
            let mut work = hub.store.begin().await?;
            let late = work.list_overdue_not_resent(&profile.id, &sends.document).await?;
            work.roll_back().await?;
            let mut sent = Vec::new();
            for row in &late {
                let Some(delivery) = row.delivery_id else { continue };
                let wish = Wish {
                    by: BY_HUB.to_owned(),
                    account: BY_HUB.to_owned(),
                    reason: format!("no {} by {}", row.level, row.due_at.format("%Y-%m-%d %H:%M UTC")),
                    request: Some(format!("overdue {}", row.id)),
                };
                match operate::resend(&hub.store, (Noun::Delivery, delivery), &wish).await {
                    Ok(_) | Err(Unmade::Refused(_)) => sent.push(row.id),
                    Err(Unmade::Failed(error)) => return Err(error),
                }
            }
            if !sent.is_empty() {
                let mut work = hub.store.begin().await?;
                work.note_resent(&sent, hub.clock.now()).await?;
                work.commit().await?;
            }
        }
    }
    Ok(())
}
