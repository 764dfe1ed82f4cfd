//! Agreed: whether a document came when it was agreed, and for whom; and what becomes of it when not.

use super::agreements::Agreements;
use super::read::{Document, Outcome, Reading};
use crate::finding::{Finding, Location, Severity};
use crate::formats::x12::verdict;
use crate::profiles::{Action, Addressed, Agreement, Profile, Repeated, Sends, Topic, Validity};
use crate::store::Business;
use chrono::{DateTime, Utc};

/// To whom an interchange, or one group of it, is addressed.
pub(super) fn addressed<'h>(
    header: &'h verdict::InterchangeHeader,
    group: Option<&'h verdict::Group>,
) -> Addressed<'h> {
    Addressed {
        receiver: (&header.receiver.0, &header.receiver.1),
        group: group.map(|group| (group.sender.as_str(), group.receiver.as_str())),
    }
}

/// What is not as agreed about a document.
pub(super) struct NotAgreed {
    pub(super) code: &'static str,
    pub(super) action: Repeated,
    pub(super) why: String,
    /// What to do when it is held.
    pub(super) hint: String,
}

/// Judges the documents of a file that came at this time.
pub(super) fn judge(reading: &mut Reading, agreements: &Agreements, came_at: DateTime<Utc>) {
    let mut held = None;
    for document in &mut reading.documents {
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
    if let (Some((reason, hint)), Outcome::Processed) = (held, &reading.outcome) {
        reading.outcome = Outcome::Quarantined { reason, hint };
    }
}

/// Does with a document what the profile says of what is not as agreed. Gives why it is held, and what to do.
pub(super) fn apply(document: &mut Document, fault: NotAgreed) -> Option<(String, String)> {
    let number = document.record.as_ref().and_then(|record| record.business_number()).map(str::to_owned);
    document.number.clone_from(&number);
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
            document.record = None;
            None
        }
        Repeated::Do(Action::Hold) => {
            // It has no effects until its file is released and it is read again.
            document.record = None;
            document.aside = Some((Business::Exception, message.clone()));
            Some((message, fault.hint))
        }
        Repeated::Ignore => {
            document.record = None;
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
    let agreement = document.agreement.as_deref().and_then(|id| profile.find_agreement(id));
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
