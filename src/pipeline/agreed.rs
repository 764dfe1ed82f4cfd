//! Agreed: whether a document came when it was agreed, and for whom; and what becomes of it when not.

use super::agreements::Agreements;
use super::read::{Document, Reading};
use crate::canonical::Record;
use crate::finding::{Finding, Location, Severity};
use crate::formats::x12::verdict;
use crate::profiles::{Action, Addressed, Agreement, Profile, Repeated, Sends, Topic, Validity};
use crate::store::Business;
use crate::translators::HELD;
use chrono::{DateTime, Utc};

/// An interchange, and one group of it.
pub(super) type Envelope<'h> = (&'h verdict::InterchangeHeader, Option<&'h verdict::Group>);

/// The id of the agreement that something falls under, by what it says and to whom it is addressed.
pub(super) fn agreement_of(
    profile: &Profile,
    record: Option<&Record>,
    envelope: Option<Envelope<'_>>,
) -> Option<String> {
    let addressed = envelope.map(|(header, group)| Addressed {
        receiver: (&header.receiver.0, &header.receiver.1),
        group: group.map(|group| (group.sender.as_str(), group.receiver.as_str())),
    });
    profile.agreement_of(record.map(Record::group), addressed).map(|agreement| agreement.id.clone())
}

/// What is not as agreed about a document.
pub(super) struct NotAgreed {
    pub(super) code: &'static str,
    pub(super) action: Repeated,
    pub(super) why: String,
    /// What to do when it is held.
    pub(super) hint: String,
}

/// Judges the documents of a file that came at this time, from the one at this place on.
pub(super) fn judge(reading: &mut Reading, first: usize, agreements: &Agreements, came_at: DateTime<Utc>) {
    let mut held = None;
    for document in reading.documents.iter_mut().skip(first) {
        let waits = document.findings.iter().find(|finding| finding.code == HELD);
        if let (Some(_), Some(finding)) = (&document.record, waits) {
            let hint = format!("{}; then release the file: `crossdock release`", finding.hint);
            let why = finding.message.clone();
            document.hold(why.clone());
            held = held.or(Some((why, hint)));
            continue;
        }
        let Some(profile) = agreements.profiles.find(&document.partner) else { continue };
        let Some((code, action, why)) = fault(document, profile, came_at) else { continue };
        let correct = format!("correct partner-profiles/{}.toml", profile.id);
        let hint = match action {
            Action::Hold => {
                format!(
                    "ask {}, {correct}, then release the file: `crossdock release`",
                    profile.whom(Topic::Business)
                )
            }
            Action::Refuse | Action::Accept => format!("if it is agreed after all, {correct}"),
        };
        let fault = NotAgreed { code, action: Repeated::Do(action), why, hint };
        held = held.or(apply(document, fault));
    }
    if let Some((reason, hint)) = held {
        reading.keep_aside(reason, hint);
    }
}

/// Keeps aside what is marked as production while it is still tested. Gives why, and what to do.
pub(super) fn hold_while_testing(document: &mut Document, profile: &Profile) -> Option<(String, String)> {
    let agreement = profile.find_agreement(document.agreement.as_deref());
    if document.record.is_none() || !profile.is_tested(agreement) {
        return None;
    }
    let (whose, entry) = match agreement {
        Some(agreement) => (agreement.name.as_str(), format!("the agreement `{}`", agreement.id)),
        None => (profile.name.as_str(), "[x12]".to_owned()),
    };
    let fault = NotAgreed {
        code: "still_testing",
        action: Repeated::Do(Action::Hold),
        why: format!("it is marked as production, and we are still testing with {whose}"),
        hint: format!(
            "write usage = \"production\" to {entry} of partner-profiles/{}.toml when tests are done, then release the file: `crossdock release`",
            profile.id
        ),
    };
    apply(document, fault)
}

/// Keeps aside what has other application codes than those agreed. Gives why, and what to do. Where there are agreements,
/// codes choose among them.
pub(super) fn hold_other_codes(
    document: &mut Document,
    profile: &Profile,
    group: &verdict::Group,
) -> Option<(String, String)> {
    let x12 = profile.x12.as_ref().filter(|_| profile.agreements.is_empty())?;
    document.record.as_ref()?;
    let [ours, theirs] = x12.groups_said;
    let said =
        [("GS02", &group.sender, &x12.them_group, theirs), ("GS03", &group.receiver, &x12.us_group, ours)];
    let (name, said, agreed, _) =
        said.into_iter().find(|(_, said, agreed, counts)| *counts && said != agreed)?;
    let correct = format!("correct partner-profiles/{}.toml", profile.id);
    let hint = match profile.without_agreement {
        Action::Hold => {
            let whom = profile.whom(Topic::Technical);
            format!(
                "ask {whom} whose it is, {correct} if it is theirs, then release the file: `crossdock release`"
            )
        }
        Action::Refuse | Action::Accept => format!("if it is agreed after all, {correct}"),
    };
    let fault = NotAgreed {
        code: "unknown_application_code",
        action: Repeated::Do(profile.without_agreement),
        why: format!("unknown application code: {name} is `{said}`, and `{agreed}` is agreed"),
        hint,
    };
    apply(document, fault)
}

/// Does with a document what the profile says of what is not as agreed. Gives why it is held, and what to do.
pub(super) fn apply(document: &mut Document, fault: NotAgreed) -> Option<(String, String)> {
    let number = document.record.as_ref().and_then(|record| record.business_number());
    let number = number.map(|number| format!(" {number}")).unwrap_or_default();
    let message = format!("{}{number}: {}", document.kind, fault.why);
    let refused = fault.action == Repeated::Do(Action::Refuse);
    document.findings.push(Finding {
        code: fault.code,
        severity: if refused { Severity::Reject } else { Severity::Warning },
        location: Location { byte: document.bytes.start, ..Location::default() },
        message: message.clone(),
        hint: fault.hint.clone(),
        value: String::new(),
        ack_code: String::new(),
    });
    match fault.action {
        Repeated::Do(Action::Accept) => None,
        Repeated::Do(Action::Refuse) => {
            document.status = verdict::Status::Rejected;
            document.forget_record();
            None
        }
        Repeated::Do(Action::Hold) => {
            document.hold(message.clone());
            Some((message, fault.hint))
        }
        Repeated::Ignore => {
            document.forget_record();
            document.aside = Some((Business::Settled, format!("ignored: {message}")));
            None
        }
    }
}

/// What is not as agreed about a document, and what the profile says of that.
fn fault(
    document: &Document,
    profile: &Profile,
    came_at: DateTime<Utc>,
) -> Option<(&'static str, Action, String)> {
    // What has no effects is not judged: what is refused already, tests, which come before the first day, and
    // acknowledgments, which settle what was sent however late they are.
    document.record.as_ref()?;
    let day = came_at.with_timezone(&profile.time_zone).date_naive();
    let agreement = profile.find_agreement(document.agreement.as_deref());
    let validities = [
        (format!("{} is", profile.name), Some(profile.validity)),
        (
            agreement.map(|agreement| format!("the agreement for {} is", agreement.name)).unwrap_or_default(),
            agreement.map(|agreement| agreement.validity),
        ),
        (
            format!("{} from {} is", document.kind, profile.name),
            document.receives.as_ref().map(|receives| receives.validity),
        ),
    ];
    for (whose, validity) in validities {
        if let Some(why) = validity.and_then(|validity| validity.why_not(day)) {
            let message = format!("{whose} {why}, and it came on {day}");
            return Some(("outside_of_dates", profile.outside_of_dates, message));
        }
    }
    if agreement.is_none() && !profile.agreements.is_empty() {
        let known: Vec<&str> = profile.agreements.iter().map(|agreement| agreement.id.as_str()).collect();
        let message =
            format!("none of the agreements with {} ({}) is for it", profile.name, known.join(", "));
        return Some(("without_agreement", profile.without_agreement, message));
    }
    None
}

/// Why a document does not leave at this time; none when it may.
pub(super) fn why_not_sent(
    profile: &Profile,
    agreement: Option<&Agreement>,
    sends: &Sends,
    now: DateTime<Utc>,
) -> Option<String> {
    if profile.outside_of_dates == Action::Accept {
        return None;
    }
    let day = now.with_timezone(&profile.time_zone).date_naive();
    let of = |whose: &str, validity: Validity| Some(format!("{whose} is {}", validity.why_not(day)?));
    of(&profile.name, profile.validity)
        .or_else(|| agreement.and_then(|by| of(&format!("the agreement for {}", by.name), by.validity)))
        .or_else(|| of(&format!("{} for {}", sends.document, profile.name), sends.validity))
}
