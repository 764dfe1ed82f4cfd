//! Acknowledge: how a received file is answered.

use super::agreed;
use super::agreements::Agreements;
use super::outbound::{Answer, Outgoing};
use super::read::Reading;
use crate::formats::x12::fault::{Code, Fault};
use crate::formats::x12::segment::SegmentId;
use crate::formats::x12::{ack, verdict};
use crate::profiles::Acknowledge;
use std::borrow::Cow;
use std::collections::HashSet;

/// The 997s, 999s and TA1s that the file is answered with.
pub(super) fn acknowledge(
    reading: &Reading,
    repeated: &[usize],
    agreements: &Agreements,
    outgoing: &mut Outgoing,
) {
    let refused_sets: HashSet<u64> = reading
        .documents
        .iter()
        .filter(|document| document.status == verdict::Status::Rejected)
        .map(|document| document.bytes.start)
        .collect();
    for (index, interchange) in reading.interchanges.iter().enumerate() {
        let Some(profile) = agreements.profiles.find(&interchange.partner) else { continue };
        let Some(x12) = &profile.x12 else { continue };
        let mut envelope = Cow::Borrowed(&*interchange.verdict);
        if repeated.contains(&index) {
            let refused = envelope.to_mut();
            refused.faults.push(repeated_fault(&interchange.verdict));
            refused.status = verdict::Status::Rejected;
        }
        let ta1 = ack::ta1(&envelope, x12.acks.ta1);
        let mut composed = Vec::new();
        if envelope.status != verdict::Status::Rejected {
            for group in &interchange.verdict.groups {
                let wanted = acknowledged(profile, group);
                let Some((how, channel)) = wanted.filter(|(how, _)| *how != Acknowledge::None) else {
                    continue;
                };
                let settings = ack::Settings { kind: how.kind(), ..x12.acks.settings.clone() };
                let judged = judged(group, &refused_sets, &settings);
                let ack = ack::compose(&judged, &settings, &x12.delimiters);
                composed.extend(ack.map(|ack| (channel.to_owned(), ack)));
            }
        }
        if ta1.is_some() || !composed.is_empty() {
            outgoing.answers.push(Answer {
                partner: interchange.partner.clone(),
                test: interchange.verdict.header.usage == "T",
                agreement: agreed::agreement_of(
                    profile,
                    None,
                    Some((&envelope.header, envelope.groups.first())),
                ),
                control_number: interchange.verdict.header.control_number.clone(),
                byte: interchange.verdict.bytes.start,
                ta1,
                acknowledgments: composed,
            });
        }
    }
}

/// How a group is acknowledged, and on which channel its documents are agreed: as its first agreed set is, and a group
/// without any as the partner's other documents are.
fn acknowledged<'p>(
    profile: &'p crate::profiles::Profile,
    group: &verdict::Group,
) -> Option<(Acknowledge, &'p str)> {
    if group.is_acknowledgment() {
        return None;
    }
    let agreed = profile
        .exchange
        .receives
        .iter()
        .filter(|receives| receives.translator.format() == crate::translators::Format::X12);
    let of_group = agreed.clone().find(|receives| group.sets.iter().any(|set| set.id == receives.document));
    let of_partner = || agreed.clone().find(|receives| receives.acknowledge != Acknowledge::None);
    of_group.or_else(of_partner).map(|receives| (receives.acknowledge, receives.channel.as_str()))
}

/// A group as it is answered: sets that could not be translated are refused in the acknowledgment as well.
/// `refused_sets` by their first byte.
fn judged(group: &verdict::Group, refused_sets: &HashSet<u64>, settings: &ack::Settings) -> verdict::Group {
    let mut judged = group.clone();
    for set in &mut judged.sets {
        let refused = refused_sets.contains(&set.bytes.start);
        if refused && ack::set_status(set, settings) != verdict::Status::Rejected {
            set.status = verdict::Status::Rejected;
            judged.accepted_sets = judged.accepted_sets.saturating_sub(1);
        }
    }
    judged
}

/// TA105 025: the interchange control number was used before.
fn repeated_fault(interchange: &verdict::Interchange) -> Fault {
    Fault {
        segment: SegmentId::new(b"ISA"),
        element: 13,
        value: interchange.header.control_number.as_bytes().into(),
        ..Fault::new(Code::DuplicateInterchange, interchange.bytes.start)
    }
}
