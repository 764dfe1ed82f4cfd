//! `[[agreements]]`: what holds for one depositor, where one connection serves several.

use super::channel::{Channel, Transport};
use super::exchange::Exchange;
use super::fields::{Condition, conditions};
use super::reconciliation::dispute_within;
use super::rules::{Validity, validity};
use super::x12::{Identity, USAGES, Usage, X12, read_identity};
use super::{Profile, library::document_of};
use crate::canonical::Group;
use crate::declaration::Section;
use chrono::Days;
use std::collections::BTreeMap;

/// What was agreed for one depositor of a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Its id, unique within the partner.
    pub id: String,
    /// The depositor's name, for people.
    pub name: String,
    /// Values of the record that select it; all of them must be there.
    when: Vec<Condition>,
    /// Our interchange id for it, where it has its own.
    pub us: Option<Identity>,
    /// Our application code for it.
    pub us_group: Option<String>,
    /// The partner's application code for it.
    pub them_group: Option<String>,
    /// Test or production, where it is not as with the partner.
    pub usage: Option<Usage>,
    /// Who of us looks after it.
    pub owner: Option<String>,
    /// The next in charge.
    pub escalate_to: Option<String>,
    /// How long its invoices may be disputed.
    pub dispute_within: Option<Days>,
    /// From when to when.
    pub validity: Validity,
}

/// Where an envelope says to whom it goes: ISA07 and ISA08, GS02 and GS03, as a partner sends them.
#[derive(Clone, Copy, Debug)]
pub struct Addressed<'a> {
    /// ISA07 and ISA08.
    pub receiver: (&'a str, &'a str),
    /// GS02 and GS03 of the group.
    pub group: Option<(&'a str, &'a str)>,
}

impl Agreement {
    /// Whether what the record says selects it.
    #[must_use]
    pub fn is_of_record(&self, record: &dyn Group) -> bool {
        !self.when.is_empty() && self.when.iter().all(|condition| condition.holds(record))
    }

    /// Whether the ids of an envelope select it.
    #[must_use]
    pub fn is_of_envelope(&self, envelope: Addressed<'_>) -> bool {
        let us = self.us.as_ref().map(|us| (us.qualifier.as_str(), us.id.as_str()) == envelope.receiver);
        let group = |own: Option<&String>, said: fn((&str, &str)) -> String| {
            own.and_then(|own| Some(*own == said(envelope.group?)))
        };
        // What we call ourselves is the receiver of what the partner sends.
        let ours = group(self.us_group.as_ref(), |(_, receiver)| receiver.to_owned());
        let theirs = group(self.them_group.as_ref(), |(sender, _)| sender.to_owned());
        let said: Vec<bool> = [us, ours, theirs].into_iter().flatten().collect();
        !said.is_empty() && said.iter().all(|fits| *fits)
    }
}

impl Profile {
    /// The agreement that a document falls under: by what it says, where the agreement names that, else by the ids of
    /// its envelope. The first that fits.
    #[must_use]
    pub fn agreement_of(
        &self,
        record: Option<&dyn Group>,
        envelope: Option<Addressed<'_>>,
    ) -> Option<&Agreement> {
        self.agreements.iter().find(|agreement| match record {
            Some(record) if !agreement.when.is_empty() => agreement.is_of_record(record),
            _ => envelope.is_some_and(|envelope| agreement.is_of_envelope(envelope)),
        })
    }

    /// The agreement of this id, where one is named.
    #[must_use]
    pub fn find_agreement(&self, id: Option<&str>) -> Option<&Agreement> {
        self.agreements.iter().find(|agreement| Some(agreement.id.as_str()) == id)
    }

    /// The envelope towards this partner, under an agreement if there is one.
    #[must_use]
    pub fn x12_under(&self, agreement: Option<&Agreement>) -> Option<X12> {
        let mut x12 = self.x12.clone()?;
        if let Some(agreement) = agreement {
            if let Some(us) = &agreement.us {
                // An application code that was not said is the interchange id.
                if x12.us_group == x12.us.id {
                    x12.us_group.clone_from(&us.id);
                }
                x12.us = us.clone();
            }
            x12.us_group = agreement.us_group.clone().unwrap_or(x12.us_group);
            x12.them_group = agreement.them_group.clone().unwrap_or(x12.them_group);
            x12.usage = agreement.usage.unwrap_or(x12.usage);
        }
        Some(x12)
    }

    /// Whether documents marked as production may change anything, under an agreement if there is one.
    #[must_use]
    pub fn is_tested(&self, agreement: Option<&Agreement>) -> bool {
        let own = agreement.and_then(|agreement| agreement.usage);
        own.or(self.x12.as_ref().map(|x12| x12.usage)) == Some(Usage::Test)
    }

    /// Whether an interchange to this receiver is addressed to us.
    #[must_use]
    pub fn is_us(&self, qualifier: &str, id: &str) -> bool {
        let own = self.x12.iter().map(|x12| &x12.us);
        own.chain(self.agreements.iter().filter_map(|agreement| agreement.us.as_ref()))
            .any(|us| us.qualifier == qualifier && us.id == id)
    }
}

pub(super) fn read(
    section: &Section<'_>,
    x12: Option<&X12>,
    exchange: &Exchange,
    channels: &BTreeMap<String, Channel>,
) -> Vec<Agreement> {
    let mut agreements: Vec<Agreement> = Vec::new();
    for section in section.sections("agreements") {
        let id = section.required_text("id", "write id = \"…\", a short name of the depositor, unique here");
        if agreements.iter().any(|known| known.id == id.value) && !id.value.is_empty() {
            let message = format!("there are two agreements `{}`", id.value);
            section.fault("agreement_twice", &id.place, message, "give each its own id");
        }
        let text = |key| section.text(key).map(|said| said.value);
        let us = section.section("us").map(|below| read_identity(&below));
        let agreement = Agreement {
            name: text("name").unwrap_or_else(|| id.value.clone()),
            when: when(&section, exchange),
            us,
            us_group: text("us_group"),
            them_group: text("them_group"),
            usage: section.choice("usage", USAGES).map(|said| said.value),
            owner: text("owner"),
            escalate_to: text("escalate_to"),
            dispute_within: dispute_within(&section),
            validity: validity(&section),
            id: id.value,
        };
        section.finish();
        let ids = agreement.us.is_some() || agreement.us_group.is_some() || agreement.them_group.is_some();
        if (ids || agreement.usage.is_some()) && x12.is_none() {
            section.fault(
                "x12_missing",
                &section.place(),
                "the agreement says something of X12, but the profile has no X12 identities",
                "add [x12] with us = { … } and them = { … }, or select it by `when` alone",
            );
        }
        if !ids && !section.has("when") {
            section.fault(
                "agreement_without_key",
                &section.place(),
                format!("nothing says which documents the agreement `{}` is for", agreement.id),
                "write when = { \"depositor.id\" = \"1234\" }, or its own `us`, `us_group` or `them_group`",
            );
        }
        let twin = agreements.iter().find(|known| {
            let ids = |agreement: &Agreement| {
                (agreement.us.clone(), agreement.us_group.clone(), agreement.them_group.clone())
            };
            known.when == agreement.when && (!known.when.is_empty() || ids(known) == ids(&agreement))
        });
        if let Some(twin) = twin.filter(|twin| twin.id != agreement.id && (ids || section.has("when"))) {
            section.fault(
                "agreement_hidden",
                &section.place(),
                format!("`{}` is selected by the same as `{}`, which stands first", agreement.id, twin.id),
                "name in `when` what tells them apart",
            );
        }
        // Two sequences of control numbers would give two files one name; attachments of mails may share theirs.
        let is_shared = x12.is_some_and(|x12| x12.control_numbers.is_shared());
        let same_names = channels.values().filter(|_| !is_shared).find(|channel| {
            !matches!(channel.transport, Transport::Mail(_))
                && channel.outbound.as_ref().is_some_and(|outbound| !outbound.name.contains("{agreement}"))
        });
        if let (Some(us), Some(channel)) = (section.section("us"), same_names) {
            us.fault(
                "names_collide",
                &us.place(),
                format!("with an interchange id of its own `{}` has its own control numbers, so that file names would be used twice", agreement.id),
                format!("write name = \"{{agreement}}_{{document}}_{{control_number}}.edi\" to `outbound` of the channel `{}`", channel.name),
            );
        }
        agreements.push(agreement);
    }
    agreements
}

/// The conditions of `when`, each held against the records that are exchanged.
fn when(section: &Section<'_>, exchange: &Exchange) -> Vec<Condition> {
    let received = exchange.receives.iter().map(|receives| &receives.translator);
    let translators: Vec<_> = received.chain(exchange.sends.iter().map(|sends| &sends.translator)).collect();
    let shapes: Vec<_> = translators.iter().map(|by| by.record().shape()).collect();
    let mut documents: Vec<&str> = translators.iter().map(|by| document_of(by)).collect();
    documents.dedup();
    let whose = format!("no document of this partner ({})", documents.join(", "));
    section.section("when").map_or_else(Vec::new, |when| conditions(&when, &[], &shapes, &whose))
}
