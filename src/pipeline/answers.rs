//! Answers: what partners' acknowledgments make of what we sent.

use super::agreed;
use super::hub::Error;
use super::read::{Interchange, Reading};
use super::said::{TA1, fault_of, first, said_of, sets, stored, word};
use crate::acks::{self, Note, Remark, Said, Sent, State};
use crate::formats::x12::ack_reader::Received;
use crate::ids;
use crate::pipeline::Agreements;
use crate::profiles::Profile;
use crate::store::{
    AcknowledgmentNote, AcknowledgmentState, FoundExpectation, NewException, NewMatch,
    NewReceivedAcknowledgment, ReceivedAcknowledgmentRow, Settlement, Work,
};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};
use tracing::{error, info, warn};
use uuid::Uuid;

/// An acknowledgment that answers nothing is looked up again for so long: it may have come before we knew of
/// what it answers, such as after a restore.
const PARKED: TimeDelta = TimeDelta::hours(72);

/// Clocks of partners carry no zone and go wrong by one now and then; what differs by more is worth a word.
const CLOCKS: TimeDelta = TimeDelta::hours(14);

/// Matches every acknowledgment of a file with what it answers, and keeps both.
pub(super) async fn settle(
    work: &mut Work,
    reading: &Reading,
    agreements: &Agreements,
    file: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    // A test answers what was sent as a test, and nothing else.
    let usable = reading.interchanges.iter().filter(|interchange| !interchange.answers.is_empty());
    for interchange in usable {
        let Some(profile) = agreements.profiles.find(&interchange.partner) else { continue };
        let test = interchange.verdict.header.usage == "T";
        let mut said: Vec<NewReceivedAcknowledgment> = interchange
            .answers
            .iter()
            .map(|answer| keep(reading, profile, answer, (file, test), now))
            .collect();
        let header = &interchange.verdict.header;
        // Codes of acknowledgments are often odd: they only choose among groups of the same number.
        let envelope = (header, interchange.verdict.groups.first());
        let agreement = agreed::agreement_of(profile, None, Some(envelope));
        let mut matter = Matter::new(profile, agreement, test, now);
        matter.find(work, &said).await?;
        matter.match_all(&mut said);
        for (new, answer) in said.iter_mut().zip(&interchange.answers) {
            matter.explain(work, new, answer, interchange).await?;
        }
        work.insert_received_acknowledgments(&said).await?;
        matter.keep(work).await?;
    }
    Ok(())
}

/// Looks parked acknowledgments up again: what they answer may be known by now.
pub(super) async fn match_parked(
    work: &mut Work,
    agreements: &Agreements,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let parked = work.list_parked_acknowledgments(now - PARKED).await?;
    let mut by_partner: BTreeMap<(String, bool), Vec<ReceivedAcknowledgmentRow>> = BTreeMap::new();
    for row in parked {
        by_partner.entry((row.partner_id.clone().unwrap_or_default(), row.test)).or_default().push(row);
    }
    for ((partner, test), rows) in by_partner {
        let Some(profile) = agreements.profiles.find(&partner) else { continue };
        let mut said: Vec<NewReceivedAcknowledgment> = rows.iter().map(again).collect();
        let mut matter = Matter::new(profile, None, test, now);
        matter.find(work, &said).await?;
        matter.match_all(&mut said);
        let matched: Vec<&NewReceivedAcknowledgment> =
            said.iter().filter(|said| said.expected_id.is_some()).collect();
        if matched.is_empty() {
            continue;
        }
        let matches: Vec<NewMatch> = matched
            .iter()
            .filter_map(|said| {
                Some(NewMatch {
                    received_id: said.id,
                    expected_id: said.expected_id?,
                    matched_at: now,
                    detail: said.detail.clone(),
                })
            })
            .collect();
        work.insert_matches(&matches).await?;
        let settled: Vec<Uuid> = matched.iter().map(|said| about_answer("ack_unmatched", said.id)).collect();
        work.settle_exceptions_by_hub(&settled, "it was matched later", now).await?;
        for said in &matched {
            matter.tell(said);
        }
        matter.keep(work).await?;
        info!(partner.id = %partner, "{partner}: {} parked acknowledgments are matched", matches.len());
    }
    Ok(())
}

/// What one partner said in one go, and what that makes of what it was sent.
struct Matter<'a> {
    profile: &'a Profile,
    /// The agreement whose ids its envelope has.
    agreement: Option<String>,
    test: bool,
    now: DateTime<Utc>,
    found: Vec<FoundExpectation>,
    earlier: Vec<ReceivedAcknowledgmentRow>,
    settlements: Vec<Settlement>,
    exceptions: Vec<NewException>,
    /// Exceptions that have come right, by the reason.
    right: BTreeMap<String, Vec<Uuid>>,
}

impl<'a> Matter<'a> {
    fn new(profile: &'a Profile, agreement: Option<String>, test: bool, now: DateTime<Utc>) -> Self {
        Self {
            profile,
            agreement,
            test,
            now,
            found: Vec::new(),
            earlier: Vec::new(),
            settlements: Vec::new(),
            exceptions: Vec::new(),
            right: BTreeMap::new(),
        }
    }

    /// Loads what these answers may be about, and all that was said of it before.
    async fn find(&mut self, work: &mut Work, said: &[NewReceivedAcknowledgment]) -> Result<(), Error> {
        let (mut groups, mut interchanges) = (BTreeSet::new(), BTreeSet::new());
        for said in said {
            let Some(number) = number(&said.group_control) else { continue };
            if said.kind == TA1 {
                interchanges.insert(number);
            } else {
                groups.insert((said.functional_id.clone(), number));
            }
        }
        let groups: Vec<_> = groups.into_iter().collect();
        let interchanges: Vec<_> = interchanges.into_iter().collect();
        self.found = work
            .find_expected_acknowledgments(
                (&self.profile.id, self.agreement.as_deref()),
                self.test,
                &groups,
                &interchanges,
            )
            .await?;
        let ids: Vec<Uuid> = self.found.iter().map(|found| found.row.id).collect();
        self.earlier = work.list_answers(&ids).await?;
        Ok(())
    }

    /// Gives each answer what it answers, then folds all that was said of each.
    fn match_all(&mut self, said: &mut [NewReceivedAcknowledgment]) {
        for said in said.iter_mut() {
            let Some(number) = number(&said.group_control) else { continue };
            let fits = |found: &&FoundExpectation| {
                let row = &found.row;
                if said.kind == TA1 {
                    row.interchange_control == number
                } else {
                    row.level != TA1 && row.group_control == number && row.functional_id == said.functional_id
                }
            };
            // The latest of a number that came round again stands last; that of its own agreement goes first.
            let of_agreement = |found: &&FoundExpectation| found.row.agreement == self.agreement;
            let meant = self.found.iter().rev().filter(fits).find(of_agreement);
            let meant = meant.or_else(|| self.found.iter().rev().find(fits));
            let Some(file) = meant.map(|found| found.row.file_id) else { continue };
            // A TA1 stands with the TA1 that is awaited, if one is; it is folded into every group all the same.
            let of_interchange =
                self.found.iter().find(|found| found.row.file_id == file && found.row.level == TA1);
            let meant = if said.kind == TA1 { of_interchange.or(meant) } else { meant };
            said.expected_id = meant.map(|found| found.row.id);
        }
        let file_of: BTreeMap<Uuid, Uuid> =
            self.found.iter().map(|found| (found.row.id, found.row.file_id)).collect();
        let said_before: Vec<(Uuid, bool, DateTime<Utc>, Said)> = self
            .earlier
            .iter()
            .filter_map(|row| {
                let said = said_of(&row.kind, &row.code, row.status, &row.sets);
                Some((row.expected_id?, row.kind == TA1, row.received_at, said))
            })
            .collect();
        let mut remarks: Vec<Option<Remark>> = vec![None; said.len()];
        for found in std::mem::take(&mut self.found) {
            let concerns = |expected: Uuid, ta1: bool| {
                expected == found.row.id || (ta1 && file_of.get(&expected) == Some(&found.row.file_id))
            };
            let mut answers: Vec<(acks::Answer, Option<usize>)> = said_before
                .iter()
                .filter(|(expected, ta1, ..)| concerns(*expected, *ta1))
                .map(|(.., at, said)| (acks::Answer { said: said.clone(), received_at: *at }, None))
                .collect();
            for (index, said) in said.iter().enumerate() {
                if said.expected_id.is_some_and(|expected| concerns(expected, said.kind == TA1)) {
                    let answer = said_of(&said.kind, &said.code, said.status, &said.sets);
                    answers.push((acks::Answer { said: answer, received_at: said.received_at }, Some(index)));
                }
            }
            answers.sort_by_key(|(answer, index)| (answer.received_at, *index));
            let (answers, places): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
            let sent = if found.row.level == TA1 {
                Sent::Interchange
            } else {
                Sent::Group(found.sets.iter().map(|set| set.set_control.clone()).collect())
            };
            let (standing, told) = acks::fold(&sent, found.row.due_at, &answers);
            for (remark, place) in told.into_iter().zip(places) {
                let Some(slot) = place.and_then(|place| remarks.get_mut(place)) else { continue };
                // A TA1 is told of its groups too; the gravest counts, and of those alike the one that says why.
                let weight = |remark: &Remark| (remark.note, !remark.detail.is_empty());
                if slot.as_ref().is_none_or(|known| weight(known) < weight(&remark)) {
                    *slot = Some(remark);
                }
            }
            self.settle(&found, &standing, said);
            self.found.push(found);
        }
        for (said, remark) in said.iter_mut().zip(remarks) {
            let Some(remark) = remark else { continue };
            said.note = match remark.note {
                Note::Plain => AcknowledgmentNote::Plain,
                Note::Duplicate => AcknowledgmentNote::Duplicate,
                Note::Late => AcknowledgmentNote::Late,
                Note::Broken => AcknowledgmentNote::Broken,
                Note::Conflicting => AcknowledgmentNote::Conflicting,
            };
            said.detail = remark.detail;
        }
    }

    /// Notes what changes of one expectation, with exceptions for what is refused now.
    fn settle(
        &mut self,
        found: &FoundExpectation,
        standing: &acks::Standing,
        said: &[NewReceivedAcknowledgment],
    ) {
        let Some(settled_at) = standing.settled_at else { return };
        let now = stored(standing.state);
        let changed: Vec<_> = found
            .sets
            .iter()
            .zip(&standing.sets)
            .filter(|(set, state)| set.state != stored(**state))
            .collect();
        if found.row.state == now && changed.is_empty() {
            return;
        }
        let row = &found.row;
        let due = self.right.entry(settled_reason(standing.state, settled_at, row.due_at)).or_default();
        due.push(about(OVERDUE, row.id, ""));
        if standing.state.takes() {
            due.push(about(REJECTED, row.id, ""));
        }
        due.extend(
            found
                .sets
                .iter()
                .zip(&standing.sets)
                .filter(|(_, state)| state.takes())
                .map(|(set, _)| about(REJECTED, row.id, &set.set_control)),
        );
        let why = said.iter().rev().find(|said| said.expected_id == Some(row.id));
        for (set, _) in changed.iter().filter(|(_, state)| **state == State::Rejected) {
            let number = set.business_number.as_deref().unwrap_or("without a number");
            let why = why.map(|said| fault_of(said, &set.set_control)).unwrap_or_default();
            let message = format!(
                "{} refuses {} {number} (group {} {}, set {}){why}; repair it, then send it alone and anew: `crossdock replay {} --issue-new`",
                self.profile.id,
                set.set_id,
                row.functional_id,
                row.group_control,
                set.set_control,
                ids::short(set.document_id)
            );
            self.exceptions.push(NewException {
                id: about(REJECTED, row.id, &set.set_control),
                document_id: Some(set.document_id),
                order_number: set.order_number.clone(),
                purchase_order_number: set.purchase_order_number.clone(),
                ..self.exception(REJECTED, message)
            });
        }
        if standing.state == State::Rejected && found.sets.is_empty() {
            let message = format!(
                "{} refuses the whole interchange {:09}; repair it and send its documents anew",
                self.profile.id, row.interchange_control
            );
            self.exceptions
                .push(NewException { id: about(REJECTED, row.id, ""), ..self.exception(REJECTED, message) });
        }
        let what = if row.level == TA1 {
            format!("interchange {:09}", row.interchange_control)
        } else {
            format!("group {} {}", row.functional_id, row.group_control)
        };
        let partner = &self.profile.id;
        if matches!(standing.state, State::Rejected | State::PartiallyAccepted) {
            error!(partner.id = %partner, "{partner}: {what} is {}", standing.state);
        } else {
            info!(partner.id = %partner, "{partner}: {what} is {}", standing.state);
        }
        self.settlements.push(Settlement {
            expected_id: row.id,
            state: now,
            settled_at,
            sets: changed
                .into_iter()
                .map(|(set, state)| (set.set_id.clone(), set.set_control.clone(), stored(*state)))
                .collect(),
        });
    }

    /// Says what is odd about an answer, and makes exceptions of what needs a person.
    async fn explain(
        &mut self,
        work: &mut Work,
        new: &mut NewReceivedAcknowledgment,
        answer: &Received,
        interchange: &Interchange,
    ) -> Result<(), Error> {
        match new.expected_id {
            Some(expected) => self.compare_with_agreed(new, expected, interchange),
            None => {
                let (note, detail) = self.unmatched(work, new, answer).await?;
                (new.note, new.detail) = (note, detail);
            }
        }
        self.tell(new);
        Ok(())
    }

    /// Makes an exception of an answer that needs a person.
    fn tell(&mut self, new: &NewReceivedAcknowledgment) {
        let what = format!("{} for {} {}", new.kind, new.functional_id, new.group_control);
        let kind = match new.note {
            AcknowledgmentNote::Unmatched => "ack_unmatched",
            AcknowledgmentNote::WrongPartner => "ack_wrong_partner",
            AcknowledgmentNote::Conflicting => "ack_conflicting",
            AcknowledgmentNote::Broken => "ack_broken",
            AcknowledgmentNote::Plain | AcknowledgmentNote::Duplicate | AcknowledgmentNote::Late => return,
        };
        let partner = &self.profile.id;
        if new.note == AcknowledgmentNote::WrongPartner {
            error!(partner.id = %partner, "security: {partner} sent a {what}: {}", new.detail);
        } else {
            warn!(partner.id = %partner, "{partner}: {what}: {}", new.detail);
        }
        let set = self
            .found
            .iter()
            .find(|found| Some(found.row.id) == new.expected_id)
            .and_then(|found| found.sets.first());
        self.exceptions.push(NewException {
            id: about_answer(kind, new.id),
            document_id: set.map(|set| set.document_id),
            order_number: set.and_then(|set| set.order_number.clone()),
            purchase_order_number: set.and_then(|set| set.purchase_order_number.clone()),
            ..self.exception(kind, format!("{what} of {partner}: {}", new.detail))
        });
    }

    /// What differs from what was agreed, though it settles all the same.
    fn compare_with_agreed(
        &self,
        new: &mut NewReceivedAcknowledgment,
        expected: Uuid,
        interchange: &Interchange,
    ) {
        let Some(found) = self.found.iter().find(|found| found.row.id == expected) else { return };
        let mut notes = Vec::new();
        if new.kind != TA1 && found.row.level != TA1 && found.row.level != new.kind {
            notes.push(format!("a {} came where a {} was agreed", new.kind, found.row.level));
        }
        let header = &interchange.verdict.header;
        let dated = NaiveDateTime::parse_from_str(&format!("{}{}", header.date, header.time), "%y%m%d%H%M");
        let dated = dated.ok().and_then(|at| at.and_local_timezone(self.profile.time_zone).earliest());
        if dated.is_some_and(|at| at + CLOCKS < found.row.created_at) {
            notes.push("it is dated before what it answers was made; see the partner's clock".to_owned());
        }
        notes.extend((!new.detail.is_empty()).then(|| std::mem::take(&mut new.detail)));
        new.detail = notes.join("; ");
    }

    async fn unmatched(
        &self,
        work: &mut Work,
        new: &NewReceivedAcknowledgment,
        answer: &Received,
    ) -> Result<(AcknowledgmentNote, String), Error> {
        let named = if new.kind == TA1 { "TA101" } else { "AK102" };
        let Some(number) = number(&answer.control_number) else {
            let detail = format!("{named} is `{}`, so nobody knows what it answers", answer.control_number);
            return Ok((AcknowledgmentNote::Broken, detail));
        };
        if new.kind != TA1 {
            if let Some(whose) =
                work.find_whose_group(&answer.functional_id, number, &self.profile.id).await?
            {
                let own = work.list_functional_ids(&self.profile.id, self.test, number).await?;
                // Small numbers are in use with everybody: what this partner was sent under the number goes first.
                if own.is_empty() {
                    let detail = format!(
                        "it answers what was sent to {whose}, and changes nothing; ask {} how it knows of it",
                        self.profile.name
                    );
                    return Ok((AcknowledgmentNote::WrongPartner, detail));
                }
            }
            let own = work.list_functional_ids(&self.profile.id, self.test, number).await?;
            if !own.is_empty() {
                let detail = format!(
                    "group {number} was sent as {}, not as {}; it changes nothing, ask the partner what it means",
                    own.join(" and "),
                    answer.functional_id
                );
                return Ok((AcknowledgmentNote::Unmatched, detail));
            }
        }
        let what = if self.test {
            "it is marked as a test, and answers nothing that was sent as one"
        } else {
            "it answers nothing that was sent to this partner"
        };
        Ok((AcknowledgmentNote::Unmatched, format!("{what}; it is looked up again for 72 hours")))
    }

    fn exception(&self, kind: &str, message: String) -> NewException {
        NewException {
            id: Uuid::nil(),
            kind: kind.to_owned(),
            document_id: None,
            partner_id: Some(self.profile.id.clone()),
            order_number: None,
            purchase_order_number: None,
            line: None,
            amount: None,
            message,
            evidence: serde_json::Value::Array(Vec::new()),
            first_seen_at: self.now,
        }
    }

    async fn keep(self, work: &mut Work) -> Result<(), Error> {
        work.settle_expected_acknowledgments(&self.settlements).await?;
        for (reason, ids) in &self.right {
            work.settle_exceptions_by_hub(ids, reason, self.now).await?;
        }
        work.insert_exceptions(&self.exceptions).await?;
        Ok(())
    }
}

/// Kinds of exceptions about what we sent.
pub(super) const REJECTED: &str = "ack_rejected";
pub(super) const OVERDUE: &str = "ack_overdue";

/// The id of the exception about an expectation, or one set of it.
pub(super) fn about(kind: &str, expected: Uuid, set: &str) -> Uuid {
    ids::derived("exception", &[kind, &expected.to_string(), set])
}

fn about_answer(kind: &str, received: Uuid) -> Uuid {
    ids::derived("exception", &[kind, &received.to_string()])
}

fn settled_reason(state: State, at: DateTime<Utc>, due_at: DateTime<Utc>) -> String {
    if at > due_at { format!("{state}, late by {}", acks::told(at - due_at)) } else { state.to_string() }
}

/// The answer as it is kept, matched with nothing yet.
fn keep(
    reading: &Reading,
    profile: &Profile,
    answer: &Received,
    (file, test): (Uuid, bool),
    now: DateTime<Utc>,
) -> NewReceivedAcknowledgment {
    let document = reading.documents.iter().find(|document| document.bytes.contains(&answer.byte));
    // AK9 is missing now and then though every AK5 is there.
    let code = answer.status.trim().to_owned();
    NewReceivedAcknowledgment {
        id: ids::derived("received_acknowledgment", &[&file.to_string(), &answer.byte.to_string()]),
        file_id: file,
        document_id: document.map(|document| document.id),
        partner_id: Some(profile.id.clone()),
        kind: word(answer.kind).to_owned(),
        functional_id: answer.functional_id.clone(),
        group_control: answer.control_number.clone(),
        status: State::of_code(first(&code)).map_or(AcknowledgmentState::Rejected, stored),
        code,
        test,
        sets: sets(answer),
        expected_id: None,
        note: AcknowledgmentNote::Plain,
        detail: String::new(),
        received_at: now,
    }
}

/// A parked answer, to be matched anew.
fn again(row: &ReceivedAcknowledgmentRow) -> NewReceivedAcknowledgment {
    NewReceivedAcknowledgment {
        id: row.id,
        file_id: row.file_id,
        document_id: row.document_id,
        partner_id: row.partner_id.clone(),
        kind: row.kind.clone(),
        functional_id: row.functional_id.clone(),
        group_control: row.group_control.clone(),
        code: row.code.clone(),
        test: row.test,
        status: row.status,
        sets: row.sets.clone(),
        expected_id: None,
        note: AcknowledgmentNote::Plain,
        detail: String::new(),
        received_at: row.received_at,
    }
}

/// Control numbers are compared as numbers: partners drop and add leading zeros.
pub(super) fn number(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}
