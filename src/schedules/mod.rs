//! Schedules: which report is made when, in which forms, and to whom it goes.
//!
//! They are written in `crossdock.toml` and in partner profiles in the same words, and read here for both.

mod cron;
mod period;

pub use cron::{Cron, Unsound, instant};
pub use period::Period;

use crate::declaration::{Section, suggestion};
use crate::ids;
use crate::reports::{Format, Name};
use crate::transports::mail;
use chrono_tz::Tz;
use uuid::Uuid;

/// A report that is made over and over.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Derived from all that it says: one that is changed is another, and has missed nothing.
    pub id: Uuid,
    /// Which report.
    pub report: Name,
    /// When.
    pub cron: Cron,
    /// About which days.
    pub period: Period,
    /// Of this partner only.
    pub partner: Option<String>,
    /// Of this agreement of the partner only.
    pub agreement: Option<String>,
    /// To whom it goes; to nobody if empty, and the files are there all the same.
    pub mail_to: Vec<String>,
    /// In which forms its files are.
    pub formats: Vec<Format>,
}

/// Reads the `[[schedules]]` of a file: of a partner's profile, with the agreements there are, or of the hub's own
/// settings.
#[must_use]
pub fn read(whole: &Section<'_>, of: Option<(&str, &[&str])>, zone: Tz) -> Vec<Schedule> {
    whole.sections("schedules").into_iter().filter_map(|section| one(&section, of, zone)).collect()
}

fn one(section: &Section<'_>, of: Option<(&str, &[&str])>, zone: Tz) -> Option<Schedule> {
    let said = section.required_text("report", "write report = \"…\"; `crossdock report list` names them");
    // What is missing has been told already.
    let report = Some(&said).filter(|said| !said.value.is_empty()).and_then(|said| {
        let nothing = || format!("there is no report `{}`", said.value);
        section.word(said, Name::ALL, "report_unknown", nothing)
    });
    let zone = section.zone().or_else(|| (!section.has("time_zone")).then_some(zone));
    let said =
        section.required_text("cron", "write cron = \"0 6 * * 1-5\": minute, hour, day, month, weekday");
    let cron = zone.and_then(|zone| match Cron::parse(&said.value, zone) {
        Ok(cron) => Some(cron),
        Err(_) if said.value.is_empty() => None,
        Err(unsound) => {
            section.fault("cron_form", &said.place, unsound.message, unsound.hint);
            None
        }
    });
    let period = section.choice("period", Period::ALL).map_or(Period::Yesterday, |said| said.value);
    let mut mail_to = Vec::new();
    for said in section.texts("mail_to") {
        if mail::is_address(&said.value) {
            mail_to.push(said.value);
        } else {
            section.fault(
                "mail_form",
                &said.place,
                format!("`{}` is no mail address", said.value),
                mail::FORM,
            );
        }
    }
    let mut formats = Vec::new();
    for said in section.texts("formats") {
        let nothing = || format!("`{}` is no form of a report", said.value);
        formats.extend(section.word(&said, Format::ALL, "value_unknown", nothing));
    }
    if !section.has("formats") {
        formats = vec![Format::Html, Format::Xlsx];
    }
    let own = match of {
        Some((partner, _)) => Some(partner.to_owned()),
        None => section.text("partner").map(|said| said.value),
    };
    let agreement = section.text("agreement");
    match (&agreement, of) {
        (Some(said), Some((partner, known))) if !known.contains(&said.value.as_str()) => section.fault(
            "agreement_unknown",
            &said.place,
            format!("{partner} has no agreement `{}`", said.value),
            suggestion(&said.value, known),
        ),
        (Some(said), None) if own.is_none() => section.fault(
            "agreement_without_partner",
            &said.place,
            "an agreement is one of a partner's, and no partner is named",
            "write partner = \"…\" beside it, or the schedule to the partner's profile",
        ),
        _ => {}
    }
    let agreement = agreement.map(|said| said.value);
    section.finish();
    let (report, cron) = (report?, cron?);
    let words = formats.iter().map(|format| format.as_str()).collect::<Vec<_>>().join(" ");
    let (period_word, addresses) = (format!("{period:?}"), mail_to.join(" "));
    let mut says = vec![
        report.as_str(),
        cron.expression(),
        cron.zone().name(),
        &period_word,
        own.as_deref().unwrap_or_default(),
        &addresses,
        &words,
    ];
    says.extend(agreement.as_deref());
    let id = ids::derived("schedule", &says);
    Some(Schedule { id, report, cron, period, partner: own, agreement, mail_to, formats })
}
