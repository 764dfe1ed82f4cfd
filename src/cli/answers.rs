//! The acknowledgments that `crossdock validate --ack` writes.

use crate::clock::Clock;
use crate::formats::x12::ack::{self, Composed, Settings, Ta1When};
use crate::formats::x12::reader::Options;
use crate::formats::x12::segment::Delimiters;
use crate::formats::x12::verdict::{Group, Interchange, InterchangeHeader, Set, Status, Ta1};
use crate::formats::x12::writer::{
    DelimiterInData, Envelope, LineEnding, OutboundGroup, OutboundSet, write_interchange,
};
use crate::profiles::{Profile, X12};
use anyhow::anyhow;
use clap::ValueEnum;
use std::io::{BufWriter, Write};

/// Which acknowledgment to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum AckKind {
    /// As agreed with the partner; else 999 for groups that follow a guide of 005010 or later, and 997
    Auto,
    /// 997
    #[value(name = "997")]
    F997,
    /// 999 from 005010 on
    #[value(name = "999")]
    F999,
}

/// Composes acknowledgments and writes them an interchange at a time.
pub(super) struct Answers<'p> {
    kind: AckKind,
    partner: Option<(&'p Profile, &'p X12)>,
    out: BufWriter<Box<dyn Write>>,
    clock: Clock,
    sets: Vec<Set>,
    /// Those of the interchange at hand, with the application ids they go to and come from.
    composed: Vec<(Composed, String, String)>,
    answered_sets: usize,
    number: u32,
}

/// Acknowledgments of one interchange are written in parts of so many sets, to keep memory small.
const MOST_ANSWERED_SETS: usize = 20_000;

const STANDARD_DELIMITERS: Delimiters =
    Delimiters { element: b'*', component: b'>', repetition: Some(b'^'), segment: b'~' };

impl<'p> Answers<'p> {
    /// Answers as agreed with `partner`, or in the manner of each file.
    pub(super) fn new(
        kind: AckKind,
        partner: Option<(&'p Profile, &'p X12)>,
        out: Box<dyn Write>,
        clock: Clock,
    ) -> Self {
        let (composed, sets) = (Vec::new(), Vec::new());
        let out = BufWriter::new(out);
        Self { kind, partner, out, clock, sets, composed, answered_sets: 0, number: 0 }
    }

    pub(super) fn take_set(&mut self, set: Set) {
        self.sets.push(set);
    }

    pub(super) fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }

    /// How a group is answered.
    fn settings(&self, group: &Group) -> Settings {
        let agreed = |profile: &Profile| {
            let of =
                |set: &Set| profile.exchange.receives.iter().find(|receives| receives.document == set.id);
            group.sets.iter().find_map(of).map_or(ack::Kind::None, |receives| receives.acknowledge.kind())
        };
        let kind = match (self.kind, self.partner) {
            (AckKind::Auto, None) => ack::Kind::Auto,
            (AckKind::Auto, Some((profile, _))) => agreed(profile),
            (AckKind::F997, _) => ack::Kind::F997,
            (AckKind::F999, _) => ack::Kind::F999,
        };
        let settings = self.partner.map(|(_, x12)| x12.acks.settings.clone()).unwrap_or_default();
        Settings { kind, ..settings }
    }

    pub(super) fn take_group(
        &mut self,
        mut group: Group,
        header: &InterchangeHeader,
        options: &Options,
    ) -> anyhow::Result<()> {
        group.sets = std::mem::take(&mut self.sets);
        let settings = self.settings(&group);
        let delimiters = self.partner.map_or(header.delimiters, |(_, x12)| x12.delimiters);
        if let Some(composed) = ack::compose(&group, &settings, &delimiters) {
            let (us, them) = match self.partner {
                Some((_, x12)) => (x12.us_group.clone(), x12.them_group.clone()),
                None => (group.receiver.clone(), group.sender.clone()),
            };
            self.composed.push((composed, us, them));
            self.answered_sets += group.sets.len();
        }
        if self.answered_sets >= MOST_ANSWERED_SETS {
            self.write(header, Vec::new(), options)?;
        }
        Ok(())
    }

    pub(super) fn take_interchange(
        &mut self,
        interchange: &Interchange,
        options: &Options,
    ) -> anyhow::Result<()> {
        if interchange.status == Status::Rejected {
            // Its TA1 says all there is to say.
            self.composed.clear();
        }
        let when = self.partner.map_or(Ta1When::RequestedOrFaulty, |(_, x12)| x12.acks.ta1);
        let acknowledgments: Vec<Ta1> = ack::ta1(interchange, when).into_iter().collect();
        if self.composed.is_empty() && acknowledgments.is_empty() {
            return Ok(());
        }
        self.write(&interchange.header, acknowledgments, options)
    }

    fn write(
        &mut self,
        header: &InterchangeHeader,
        acknowledgments: Vec<Ta1>,
        options: &Options,
    ) -> anyhow::Result<()> {
        self.number += 1;
        let refused = acknowledgments.iter().any(|ta1| ta1.status == Status::Rejected.code());
        let mut envelope = Envelope {
            // A refused interchange may be refused for its separators.
            delimiters: if refused { STANDARD_DELIMITERS } else { header.delimiters },
            sender: header.receiver.clone(),
            receiver: header.sender.clone(),
            at: self.clock.now().naive_utc(),
            version: header.version.clone(),
            control_number: self.number,
            usage: header.usage.chars().next().filter(|usage| "PTI".contains(*usage)).unwrap_or('T'),
            acknowledgment_requested: false,
            line_ending: LineEnding::Lf,
            delimiter_in_data: DelimiterInData::Replace(' '),
            acknowledgments,
        };
        if let Some((profile, x12)) = self.partner {
            envelope.delimiters = x12.delimiters;
            envelope.sender = (x12.us.qualifier.clone(), x12.us.id.clone());
            envelope.at = self.clock.now().with_timezone(&profile.time_zone).naive_local();
            envelope.version.clone_from(&x12.interchange_version);
            if !x12.newline_after_segment {
                envelope.line_ending = LineEnding::None;
            }
        }
        let numbers: Vec<String> = (1..=self.composed.len()).map(|number| format!("{number:04}")).collect();
        let sets: Vec<OutboundSet<'_>> = self
            .composed
            .iter()
            .zip(&numbers)
            .map(|((composed, _, _), control_number)| OutboundSet {
                id: composed.set_id,
                control_number,
                implementation: &composed.implementation,
                tree: &composed.tree,
            })
            .collect();
        let mut groups: Vec<OutboundGroup<'_>> = Vec::new();
        let mut first = 0;
        let same = |a: &(Composed, String, String), b: &(Composed, String, String)| {
            (&a.0.version, &a.1, &a.2) == (&b.0.version, &b.1, &b.2)
        };
        for ((chunk, control_number), _) in self.composed.chunk_by(same).zip(1..).zip(0..) {
            let (composed, sender, receiver) = chunk.first().expect("chunks are not empty");
            let sets = sets.get(first..first + chunk.len()).expect("there is a set for each");
            first += chunk.len();
            let (version, functional_id) = (composed.version.as_str(), "FA");
            groups.push(OutboundGroup { functional_id, version, control_number, sender, receiver, sets });
        }
        let bytes = write_interchange(&envelope, &groups, &options.schemas).map_err(|findings| {
            let messages: Vec<String> = findings.into_iter().map(|finding| finding.message).collect();
            anyhow!("cannot write the acknowledgment: {}", messages.join("; "))
        })?;
        self.out.write_all(&bytes)?;
        self.composed.clear();
        self.answered_sets = 0;
        Ok(())
    }
}
