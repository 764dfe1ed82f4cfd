//! Outbound: what a processed file sends is numbered, frozen and queued in the file's own transaction.

use super::compose::{self, HIGHEST_CONTROL_NUMBER, Numbers, X12Group};
use super::hub::Error;
use super::read::Reading;
use crate::canonical::Record;
use crate::finding::Severity;
use crate::formats::x12::ack::{self, Composed};
use crate::formats::x12::fault::{Code, Fault};
use crate::formats::x12::segment::SegmentId;
use crate::formats::x12::verdict::{self, Ta1};
use crate::ids;
use crate::pipeline::Agreements;
use crate::profiles::{Acknowledge, Channel, Profile, Sends, Transport};
use crate::store::{
    Body, Business, DeliveryKind, Direction, ExpectedSet, NewDelivery, NewDocument,
    NewExpectedAcknowledgment, NewRecord, NumberRequest, OutboundFile, Usage, Validation, Work,
};
use crate::translators::Format;
use crate::tree::Tree;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Acknowledgments of one received interchange.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) partner: String,
    pub(super) test: bool,
    /// ISA13 of what is answered.
    pub(super) control_number: String,
    pub(super) ta1: Option<Ta1>,
    /// Each with the channel its documents came on.
    pub(super) acknowledgments: Vec<(String, Composed)>,
}

/// One record on its way to one partner.
#[derive(Debug)]
pub(super) struct Shipment {
    pub(super) to: String,
    pub(super) sends: Sends,
    pub(super) record: Box<Record>,
    /// The document it follows from.
    pub(super) source: Uuid,
}

impl Shipment {
    /// Whether a derivation made it, rather than the record being passed on as it came.
    pub(super) fn is_derived(&self) -> bool {
        matches!(*self.record, Record::ShipNotice(_))
    }
}

/// All that one file sends.
#[derive(Debug)]
pub(super) struct Outgoing {
    file: Uuid,
    now: DateTime<Utc>,
    pub(super) answers: Vec<Answer>,
    pub(super) shipments: Vec<Shipment>,
}

impl Outgoing {
    pub(super) fn new(file: Uuid, now: DateTime<Utc>) -> Self {
        Self { file, now, answers: Vec::new(), shipments: Vec::new() }
    }
}

/// Rows that go into the database together.
#[derive(Default)]
struct Rows {
    files: Vec<OutboundFile>,
    documents: Vec<NewDocument>,
    records: Vec<(Uuid, String, Record)>,
    deliveries: Vec<NewDelivery>,
    expected: Vec<NewExpectedAcknowledgment>,
}

/// One file or call as it will be sent, every time the same.
struct Frozen {
    file_id: Uuid,
    delivery_id: Uuid,
    kind: DeliveryKind,
    /// The remote name of a file, the place of a call.
    target: String,
    name: String,
    usage: Option<Usage>,
    bytes: Vec<u8>,
}

impl Rows {
    /// Adds a file and the delivery that sends it.
    fn queue(
        &mut self,
        frozen: Frozen,
        profile: &Profile,
        channel: &Channel,
        document_ids: Vec<Uuid>,
        now: DateTime<Utc>,
    ) {
        let key = format!("{}/{}", profile.id, channel.name);
        self.files.push(OutboundFile {
            id: frozen.file_id,
            partner_id: profile.id.clone(),
            channel: key.clone(),
            name: frozen.name,
            body: Body::inline(frozen.bytes),
            usage: frozen.usage,
            composed_at: now,
            profile_version: Some(profile.version),
        });
        self.deliveries.push(NewDelivery {
            id: frozen.delivery_id,
            file_id: frozen.file_id,
            partner_id: profile.id.clone(),
            channel: key,
            kind: frozen.kind,
            target: frozen.target,
            idempotency_key: frozen.delivery_id.to_string(),
            document_ids,
            priority: 0,
        });
    }
}

/// One interchange to be written once its numbers are known.
struct Pending<'a> {
    profile: &'a Profile,
    channel: &'a Channel,
    test: bool,
    ta1: Option<Ta1>,
    /// GS01 and GS08 of each group, with its sets.
    groups: Vec<(String, String, Vec<PendingSet>)>,
    expect: Option<crate::profiles::ExpectAck>,
    identity: String,
}

struct PendingSet {
    id: String,
    implementation: String,
    tree: Tree,
    record: Option<Record>,
    source: Option<Uuid>,
    translator: Option<String>,
    number: String,
}

/// What composing came to.
#[derive(Debug, Default)]
pub(super) struct Composition {
    /// Files and calls that are queued.
    pub(super) sent: usize,
    /// What could not be written; the rest goes its way.
    pub(super) unsound: Vec<Unsound>,
}

/// A record that cannot be written as the document its partner wants. A person must mend the profile or the source.
#[derive(Debug)]
pub(super) struct Unsound {
    /// The document it follows from.
    pub(super) source: Uuid,
    /// The partner it was for.
    pub(super) to: String,
    /// Why, in a sentence.
    pub(super) why: String,
}

/// Writes and queues everything.
pub(super) async fn compose(
    work: &mut Work,
    outgoing: Outgoing,
    agreements: &Agreements,
) -> Result<Composition, Error> {
    let now = outgoing.now;
    let (mut rows, pending, unsound) = prepare(outgoing, agreements);
    if !pending.is_empty() {
        // The last statements that others may wait for.
        let numbers = take_numbers(work, &pending).await?;
        for (pending, numbers) in pending.into_iter().zip(numbers) {
            write(pending, numbers, agreements, now, &mut rows)?;
        }
    }
    work.insert_outbound_files(&rows.files).await?;
    work.insert_documents(&rows.documents).await?;
    let records: Vec<NewRecord<'_>> = rows
        .records
        .iter()
        .map(|(document, partner, record)| NewRecord {
            document_id: *document,
            partner_id: partner,
            received_at: now,
            record,
        })
        .collect();
    work.insert_records(&records).await?;
    work.insert_deliveries(&rows.deliveries).await?;
    work.insert_expected_acknowledgments(&rows.expected).await?;
    Ok(Composition { sent: rows.deliveries.len(), unsound })
}

/// What would be sent, were it the first file ever: each control number is 1, and nothing is kept.
pub(super) fn rehearse(
    outgoing: Outgoing,
    agreements: &Agreements,
) -> Result<(Vec<OutboundFile>, Vec<Unsound>), Error> {
    let now = outgoing.now;
    let (mut rows, pending, unsound) = prepare(outgoing, agreements);
    for pending in pending {
        let numbers = Numbers { interchange: 1, groups: (1..).take(pending.groups.len()).collect() };
        write(pending, numbers, agreements, now, &mut rows)?;
    }
    Ok((rows.files, unsound))
}

/// Everything that can be done before control numbers are taken.
fn prepare(outgoing: Outgoing, agreements: &Agreements) -> (Rows, Vec<Pending<'_>>, Vec<Unsound>) {
    let now = outgoing.now;
    let file = outgoing.file.to_string();
    let mut rows = Rows::default();
    let mut unsound = Vec::new();
    let mut pending = Vec::new();
    for answer in outgoing.answers {
        pending.extend(pending_answer(answer, agreements, &file));
    }
    let mut by_group: BTreeMap<(String, String, String), Vec<Shipment>> = BTreeMap::new();
    for shipment in outgoing.shipments {
        if shipment.sends.translator.format() == Format::X12 {
            let key = (shipment.to.clone(), shipment.sends.document.clone(), shipment.sends.channel.clone());
            by_group.entry(key).or_default().push(shipment);
        } else {
            let (source, to) = (shipment.source, shipment.to.clone());
            if let Err(error) = call_or_file(shipment, agreements, now, &mut rows) {
                unsound.push(Unsound { source, to, why: error.to_string() });
            }
        }
    }
    for ((to, document, _), shipments) in by_group {
        pending.extend(pending_group(&to, &document, shipments, agreements, &file, now, &mut unsound));
    }
    (rows, pending, unsound)
}

fn pending_answer<'a>(answer: Answer, agreements: &'a Agreements, file: &str) -> Option<Pending<'a>> {
    let profile = agreements.profiles.find(&answer.partner)?;
    let wanted = answer.acknowledgments.first().map(|(channel, _)| channel.as_str()).unwrap_or_default();
    let same = profile.channels.get(wanted).filter(|channel| channel.outbound.is_some());
    let channel = same.or_else(|| profile.channels.values().find(|channel| channel.outbound.is_some()))?;
    let mut groups: Vec<(String, String, Vec<PendingSet>)> = Vec::new();
    for (_, composed) in answer.acknowledgments {
        let set = PendingSet {
            id: composed.set_id.to_owned(),
            implementation: composed.implementation,
            tree: composed.tree,
            record: None,
            source: None,
            translator: None,
            number: answer.control_number.clone(),
        };
        match groups.iter_mut().find(|(_, version, _)| *version == composed.version) {
            Some((_, _, sets)) => sets.push(set),
            None => groups.push(("FA".to_owned(), composed.version, vec![set])),
        }
    }
    let identity = format!("{file} answer {}", answer.control_number);
    Some(Pending { profile, channel, test: answer.test, ta1: answer.ta1, groups, expect: None, identity })
}

/// Sets of one kind for one partner, those that are sound; the others are told.
fn pending_group<'a>(
    to: &str,
    document: &str,
    shipments: Vec<Shipment>,
    agreements: &'a Agreements,
    file: &str,
    now: DateTime<Utc>,
    unsound: &mut Vec<Unsound>,
) -> Option<Pending<'a>> {
    let profile = agreements.profiles.find(to)?;
    let x12 = profile.x12.as_ref()?;
    let first = shipments.first()?;
    let channel = profile.channels.get(&first.sends.channel)?;
    let expect = first.sends.expect_ack;
    let test = x12.usage == crate::profiles::Usage::Test;
    let Some(schema) = agreements.x12.schemas.find_set(&x12.version, None, document) else {
        unsound.extend(shipments.into_iter().map(|shipment| Unsound {
            source: shipment.source,
            to: to.to_owned(),
            why: format!(
                "there is no {document} in release {}, which the profile of {to} names",
                x12.version
            ),
        }));
        return None;
    };
    let mut identity = format!("{file} {to} {document}");
    let mut sets = Vec::new();
    for shipment in shipments {
        let source = shipment.source;
        // Tried out before a control number is taken, so that a document that cannot be sent leaves no gap.
        let tried = shipment.sends.translator.write(&shipment.record).and_then(|tree| {
            let group = X12Group {
                functional_id: schema.group(),
                version: &x12.version,
                sets: vec![(document, "", &tree)],
            };
            let numbers = Numbers { interchange: 1, groups: vec![1] };
            let stamp = compose::Stamp { numbers: &numbers, test, now };
            compose::write_x12(profile, x12, &[group], Vec::new(), stamp, &agreements.x12.schemas)?;
            Ok(tree)
        });
        match tried {
            Ok(tree) => {
                identity.push_str(&format!(" {source}"));
                sets.push(PendingSet {
                    id: document.to_owned(),
                    implementation: String::new(),
                    tree,
                    number: shipment.record.business_number().unwrap_or_default().to_owned(),
                    translator: Some(shipment.sends.translator.name().to_owned()),
                    source: Some(source),
                    record: Some(*shipment.record),
                });
            }
            Err(findings) => {
                let why = compose::unsound(document, to, &findings).to_string();
                unsound.push(Unsound { source, to: to.to_owned(), why });
            }
        }
    }
    let groups = vec![(schema.group().to_owned(), x12.version.clone(), sets)];
    let any = groups.iter().any(|(_, _, sets)| !sets.is_empty());
    any.then_some(Pending { profile, channel, test, ta1: None, groups, expect, identity })
}

async fn take_numbers(work: &mut Work, pending: &[Pending<'_>]) -> Result<Vec<Numbers>, Error> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    let scopes: Vec<(String, String)> = pending
        .iter()
        .map(|pending| {
            let x12 = pending.profile.x12.as_ref();
            x12.map(|x12| (compose::interchange_scope(x12), compose::group_scope(x12))).unwrap_or_default()
        })
        .collect();
    for (pending, (interchange, group)) in pending.iter().zip(&scopes) {
        *counts.entry(interchange.clone()).or_default() += 1;
        *counts.entry(group.clone()).or_default() += i64::try_from(pending.groups.len()).unwrap_or(0);
    }
    counts.retain(|_, count| *count > 0);
    let requests: Vec<NumberRequest> = counts
        .iter()
        .map(|(scope, count)| NumberRequest {
            scope: scope.clone(),
            count: *count,
            minimum: 1,
            maximum: HIGHEST_CONTROL_NUMBER,
        })
        .collect();
    let taken = work.take_control_numbers(&requests).await?;
    let mut left: BTreeMap<&str, std::collections::VecDeque<i64>> = requests
        .iter()
        .zip(&taken)
        .map(|(request, numbers)| (request.scope.as_str(), numbers.iter().collect()))
        .collect();
    let mut next = |scope: &str, count: usize| {
        let numbers =
            left.get_mut(scope).into_iter().flat_map(|numbers| numbers.drain(..count.min(numbers.len())));
        numbers.map(|number| u32::try_from(number).unwrap_or(1)).collect::<Vec<u32>>()
    };
    let numbered = pending.iter().zip(&scopes).map(|(pending, (interchange, group))| Numbers {
        interchange: next(interchange, 1).first().copied().unwrap_or(1),
        groups: next(group, pending.groups.len()),
    });
    Ok(numbered.collect())
}

fn write(
    pending: Pending<'_>,
    numbers: Numbers,
    agreements: &Agreements,
    now: DateTime<Utc>,
    rows: &mut Rows,
) -> Result<(), Error> {
    let Pending { profile, channel, test, ta1, groups, expect, identity } = pending;
    let Some(x12) = &profile.x12 else { return Ok(()) };
    let kind = groups
        .iter()
        .flat_map(|(_, _, sets)| sets)
        .map(|set| set.id.as_str())
        .next()
        .unwrap_or("TA1")
        .to_owned();
    let written: Vec<X12Group<'_>> = groups
        .iter()
        .map(|(functional_id, version, sets)| X12Group {
            functional_id,
            version,
            sets: sets.iter().map(|set| (set.id.as_str(), set.implementation.as_str(), &set.tree)).collect(),
        })
        .collect();
    let stamp = compose::Stamp { numbers: &numbers, test, now };
    let bytes =
        compose::write_x12(profile, x12, &written, ta1.into_iter().collect(), stamp, &agreements.x12.schemas)
            .map_err(|findings| compose::unsound(&kind, &profile.id, &findings))?;
    drop(written);
    let control_number = format!("{:09}", numbers.interchange);
    let number = groups
        .first()
        .and_then(|(_, _, sets)| sets.first())
        .map(|set| set.number.clone())
        .unwrap_or_default();
    let template = channel.outbound.as_ref().map(|outbound| outbound.name.as_str()).unwrap_or_default();
    let name = compose::file_name(template, profile, &kind, &control_number, &number, now);
    let file_id = ids::derived("outbound_file", &[&identity]);
    let delivery_id = ids::derived("delivery", &[&identity]);
    let mut document_ids = Vec::new();
    let mut ordinal = 0;
    for ((functional_id, version, sets), group_control) in groups.into_iter().zip(&numbers.groups) {
        let mut expected_sets = Vec::new();
        for (index, set) in sets.into_iter().enumerate() {
            ordinal += 1;
            let id = ids::derived("outbound_document", &[&identity, &ordinal.to_string()]);
            let set_control = compose::set_control_number(index);
            document_ids.push(id);
            expected_sets.push(ExpectedSet {
                set_id: set.id.clone(),
                set_control: set_control.clone(),
                document_id: id,
            });
            let row = NewDocument {
                id,
                file_id,
                ordinal,
                direction: Direction::Outbound,
                partner_id: Some(profile.id.clone()),
                format: "x12".to_owned(),
                kind: set.id,
                version: version.clone(),
                functional_id: Some(functional_id.clone()),
                interchange_control_number: Some(control_number.clone()),
                group_control_number: Some(group_control.to_string()),
                set_control_number: Some(set_control),
                source_document_id: set.source,
                translator: set.translator,
                ..blank(file_id, profile, now)
            };
            rows.documents.push(match &set.record {
                Some(record) => row.with_record(record),
                None => NewDocument { business_number: Some(set.number), ..row },
            });
            rows.records.extend(set.record.map(|record| (id, profile.id.clone(), record)));
        }
        if let Some(expect) = expect {
            let level = if expect.kind == Acknowledge::F999 { "999" } else { "997" };
            let within = TimeDelta::from_std(expect.within).unwrap_or(TimeDelta::days(1));
            rows.expected.push(NewExpectedAcknowledgment {
                id: ids::derived("expected_acknowledgment", &[&identity, level, &group_control.to_string()]),
                partner_id: profile.id.clone(),
                level: level.to_owned(),
                functional_id,
                group_control: i64::from(*group_control),
                file_id,
                delivery_id: Some(delivery_id),
                within_secs: within.num_seconds(),
                due_at: now + within,
                sets: expected_sets,
            });
        }
    }
    let usage = Some(if test { Usage::Test } else { Usage::Production });
    let frozen =
        Frozen { file_id, delivery_id, kind: DeliveryKind::File, target: name.clone(), name, usage, bytes };
    rows.queue(frozen, profile, channel, document_ids, now);
    Ok(())
}

/// A document of a format other than X12: a call where the channel is one, else a file.
fn call_or_file(
    shipment: Shipment,
    agreements: &Agreements,
    now: DateTime<Utc>,
    rows: &mut Rows,
) -> Result<(), Error> {
    let Shipment { to, sends, record, source } = shipment;
    let not_agreed = || Error::NotAgreed { what: format!("{} for {to}", sends.document) };
    let profile = agreements.profiles.find(&to).ok_or_else(not_agreed)?;
    let channel = profile.channels.get(&sends.channel).ok_or_else(not_agreed)?;
    let unsound = |findings: Vec<crate::finding::Finding>| compose::unsound(&sends.document, &to, &findings);
    let tree = sends.translator.write(&record).map_err(unsound)?;
    let bytes = sends.translator.layout().write(std::slice::from_ref(&tree)).map_err(unsound)?;
    let identity = format!("{source} {to} {}", sends.document);
    let file_id = ids::derived("outbound_file", &[&identity]);
    let delivery_id = ids::derived("delivery", &[&identity]);
    let document_id = ids::derived("outbound_document", &[&identity, "1"]);
    let number = record.business_number().unwrap_or_default().to_owned();
    let (kind, target, name) = match (&channel.transport, &channel.outbound) {
        (Transport::Http(http), _) => {
            let name = compose::file_name("{document}_{number}", profile, &sends.document, "", &number, now);
            (DeliveryKind::Call, http.url.clone(), format!("{name}.{}", sends.translator.format().ending()))
        }
        (_, outbound) => {
            let template = outbound.as_ref().map(|outbound| outbound.name.as_str()).unwrap_or_default();
            let short = delivery_id.simple().to_string();
            let short = short.get(..9).unwrap_or(&short).to_owned();
            let name = compose::file_name(template, profile, &sends.document, &short, &number, now);
            (DeliveryKind::File, name.clone(), name)
        }
    };
    let row = NewDocument {
        id: document_id,
        file_id,
        ordinal: 1,
        direction: Direction::Outbound,
        partner_id: Some(profile.id.clone()),
        format: sends.translator.format().word().to_owned(),
        kind: sends.document.clone(),
        source_document_id: Some(source),
        translator: Some(sends.translator.name().to_owned()),
        ..blank(file_id, profile, now)
    };
    rows.documents.push(row.with_record(&record));
    let frozen = Frozen { file_id, delivery_id, kind, target, name, usage: None, bytes };
    rows.queue(frozen, profile, channel, vec![document_id], now);
    Ok(())
}

/// A document of ours with nothing said yet.
fn blank(file_id: Uuid, profile: &Profile, now: DateTime<Utc>) -> NewDocument {
    NewDocument {
        id: Uuid::nil(),
        file_id,
        ordinal: 1,
        direction: Direction::Outbound,
        partner_id: None,
        format: String::new(),
        kind: String::new(),
        version: String::new(),
        functional_id: None,
        interchange_control_number: None,
        group_control_number: None,
        set_control_number: None,
        segment_ordinal: 0,
        byte_start: 0,
        byte_end: 0,
        record_kind: None,
        business_number: None,
        purchase_order_number: None,
        order_number: None,
        validation: Validation::Accepted,
        business: Business::Open,
        business_reason: String::new(),
        received_at: now,
        source_document_id: None,
        translator: None,
        profile_version: Some(profile.version),
    }
}

/// A group as it is answered: sets that could not be translated are refused in the acknowledgment as well.
pub(super) fn judged(group: &verdict::Group, reading: &Reading) -> verdict::Group {
    let mut judged = group.clone();
    for set in &mut judged.sets {
        let document = reading.documents.iter().find(|document| document.bytes == set.bytes);
        let refused = document.is_some_and(|document| document.status == verdict::Status::Rejected);
        if refused && ack::set_status(set, &ack::Settings::default()) != verdict::Status::Rejected {
            set.status = verdict::Status::Rejected;
            judged.accepted_sets = judged.accepted_sets.saturating_sub(1);
        }
    }
    judged
}

/// TA105 025: the interchange control number was used before.
pub(super) fn repeated_fault(interchange: &verdict::Interchange) -> Fault {
    Fault {
        code: Code::DuplicateInterchange,
        severity: Severity::Reject,
        byte: interchange.bytes.start,
        segment_position: 0,
        segment: SegmentId::new(b"ISA"),
        loop_id: Box::default(),
        element: 13,
        component: 0,
        repetition: 0,
        element_number: 0,
        value: interchange.header.control_number.as_bytes().into(),
        expected: Box::default(),
    }
}
