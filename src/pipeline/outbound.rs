//! Outbound: what a processed file sends is numbered, frozen and queued in the file's own transaction.

use super::agreed;
use super::batches;
use super::calls;
use super::compose::{self, Numbers, X12Group};
use super::frozen::{Frozen, Rows, blank};
use super::gate::{self, Hold};
use super::hub::{Error, Hub};
use super::missing::{self, Exchanged};
use super::outgoing::{self, identity, outbound_document_id};
pub(super) use super::outgoing::{Answer, Outgoing, Shipment};
use super::overdue;
use crate::canonical::Record;
use crate::finding::Finding;
use crate::formats::x12::verdict::Ta1;
use crate::ids;
use crate::kill_points;
use crate::pipeline::Agreements;
use crate::profiles::{Channel, Profile, Transport, X12};
use crate::store::{DeliveryKind, Direction, ExpectedSet, NewDocument, NewRecord, OutboundFile, Usage, Work};
use crate::translators::Format;
use crate::tree::Tree;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// One interchange to be written once its numbers are known.
struct Pending<'a> {
    profile: &'a Profile,
    channel: &'a Channel,
    /// Its envelope, under the agreement where there is one.
    x12: X12,
    agreement: Option<String>,
    test: bool,
    ta1: Option<Ta1>,
    /// GS01 and GS08 of each group, with its sets.
    groups: Vec<(String, String, Vec<PendingSet>)>,
    expect: Option<crate::profiles::ExpectAck>,
    identity: String,
    /// Why a person must let it go first.
    hold: Option<String>,
}

impl Pending<'_> {
    /// What of it is numbered.
    fn numbered(&self) -> compose::Wanted<'_> {
        compose::Wanted {
            profile: self.profile,
            x12: &self.x12,
            agreement: self.agreement.as_deref(),
            test: self.test,
            groups: self.groups.iter().map(|(functional_id, ..)| functional_id.as_str()).collect(),
        }
    }
}

struct PendingSet {
    document_id: Uuid,
    id: String,
    implementation: String,
    tree: Tree,
    doubts: Vec<Finding>,
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
    /// Documents that wait for their batch.
    pub(super) batched: usize,
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

/// Writes and queues everything that files send; for each what that came to.
pub(super) async fn compose(
    hub: &Hub,
    work: &mut Work,
    outgoing: Vec<Outgoing>,
    agreements: &Agreements,
) -> Result<Vec<Composition>, Error> {
    let mut rows = Rows::default();
    let mut compositions = Vec::with_capacity(outgoing.len());
    let mut all_pending = Vec::new();
    let Some(now) = outgoing.first().map(|outgoing| outgoing.now) else { return Ok(compositions) };
    for mut outgoing in outgoing {
        let now = outgoing.now;
        leave_out_what_was_made(work, &mut outgoing).await?;
        let (batched, waiting_unsound) = batches::set_aside(work, &mut outgoing, agreements).await?;
        let before = rows.deliveries.len();
        let (pending, mut unsound) = prepare(outgoing, agreements, &mut rows);
        unsound.extend(waiting_unsound);
        let sent = rows.deliveries.len() - before + pending.len();
        compositions.push(Composition { sent, batched, unsound });
        all_pending.extend(pending.into_iter().map(|pending| (now, pending)));
    }
    if !all_pending.is_empty() {
        // The last statements that others may wait for.
        let wanted: Vec<compose::Wanted<'_>> =
            all_pending.iter().map(|(_, pending)| pending.numbered()).collect();
        kill_points::pass("out.freeze.before");
        let numbers = compose::take_numbers(work, &wanted).await?;
        for ((now, pending), numbers) in all_pending.into_iter().zip(numbers) {
            write(pending, numbers, now, &mut rows)?;
        }
    }
    if rows.files.is_empty() {
        return Ok(compositions);
    }
    rows.pack(hub, agreements)?;
    work.insert_outbound_files(&rows.files).await?;
    work.insert_documents(&rows.documents).await?;
    let records: Vec<NewRecord<'_>> = rows
        .records
        .iter()
        .map(|(document, partner, received_at, record)| NewRecord {
            document_id: *document,
            partner_id: partner,
            received_at: *received_at,
            record,
        })
        .collect();
    work.insert_records(&records).await?;
    outgoing::insert_doubts(work, &rows.doubts).await?;
    work.insert_deliveries(&rows.deliveries).await?;
    work.insert_expected_acknowledgments(&rows.expected).await?;
    gate::hold(work, &rows.holds, &rows.documents).await?;
    let agreement_of: HashMap<Uuid, &str> =
        rows.documents.iter().filter_map(|row| Some((row.id, row.agreement.as_deref()?))).collect();
    let sent = rows.records.iter().map(|(document, partner, at, record)| Exchanged {
        document: *document,
        partner,
        agreement: agreement_of.get(document).copied(),
        record,
        at: *at,
    });
    missing::follow(work, &sent.collect::<Vec<_>>(), agreements, &[], now).await?;
    kill_points::pass("out.freeze.after");
    Ok(compositions)
}

/// What was sent stays sent, and what was answered stays answered.
async fn leave_out_what_was_made(work: &mut Work, outgoing: &mut Outgoing) -> Result<(), Error> {
    if !outgoing.earlier.is_empty() {
        let made = work.list_made(&outgoing.earlier).await?;
        outgoing.shipments.retain(|shipment| {
            let is_it = |(source, to, kind): &(Uuid, String, String)| {
                *source == shipment.source && *to == shipment.to && *kind == shipment.sends.document
            };
            shipment.issue.is_some() || !made.iter().any(is_it)
        });
    }
    if !outgoing.again {
        return Ok(());
    }
    let file = outgoing.file;
    let ids: Vec<Uuid> = outgoing.answers.iter().map(|answer| answer.file_id(file)).collect();
    let answered = work.list_known_files(&ids).await?;
    outgoing.answers.retain(|answer| !answered.contains(&answer.file_id(file)));
    Ok(())
}

/// What would be sent, and what could not be written.
#[derive(Debug)]
pub(super) struct Rehearsed {
    pub(super) files: Vec<OutboundFile>,
    pub(super) documents: Vec<NewDocument>,
    /// What is doubtful of documents, and the file of each.
    pub(super) doubts: Vec<(Uuid, Uuid, Vec<Finding>)>,
    pub(super) unsound: Vec<Unsound>,
}

/// What would be sent, were it the first file ever: each control number is 1, and nothing is kept.
pub(super) fn rehearse(outgoing: Outgoing, agreements: &Agreements) -> Result<Rehearsed, Error> {
    let now = outgoing.now;
    let mut rows = Rows::default();
    let (pending, unsound) = prepare(outgoing, agreements, &mut rows);
    for pending in pending {
        let groups = (1..).take(pending.groups.len()).collect();
        let numbers = Numbers { interchange: 1, groups, doubt: None };
        write(pending, numbers, now, &mut rows)?;
    }
    Ok(Rehearsed { files: rows.files, documents: rows.documents, doubts: rows.doubts, unsound })
}

/// What goes in one interchange: partner, document, channel, agreement, and the source of what is held.
type Together = (String, String, String, Option<String>, Option<Uuid>);

/// Why records cannot be written as the documents that their partners want.
pub(super) fn try_out(outgoing: Outgoing, agreements: &Agreements) -> Vec<Unsound> {
    prepare(outgoing, agreements, &mut Rows::default()).1
}

/// Everything that can be done before control numbers are taken.
fn prepare<'a>(
    outgoing: Outgoing,
    agreements: &'a Agreements,
    rows: &mut Rows,
) -> (Vec<Pending<'a>>, Vec<Unsound>) {
    let now = outgoing.now;
    let mut unsound = Vec::new();
    let mut pending = Vec::new();
    for answer in outgoing.answers {
        pending.extend(pending_answer(answer, agreements, outgoing.file));
    }
    let mut by_group: BTreeMap<Together, Vec<Shipment>> = BTreeMap::new();
    // In the order in which they came.
    let mut by_file: Vec<(Together, Vec<Shipment>)> = Vec::new();
    let mut seen = BTreeSet::new();
    for shipment in outgoing.shipments {
        // Two routes may lead to the same.
        if !seen.insert(identity(&shipment, shipment.issue)) {
            continue;
        }
        let profile = agreements.profiles.find(&shipment.to);
        let agreement = profile.and_then(|profile| profile.agreement_of(Some(shipment.record.group()), None));
        let why = profile.and_then(|profile| agreed::why_not_sent(profile, agreement, &shipment.sends, now));
        if let Some(why) = why {
            unsound.push(Unsound { source: shipment.source, to: shipment.to, why });
            continue;
        }
        let agreement = agreement.map(|agreement| agreement.id.clone());
        let sends = &shipment.sends;
        let is_x12 = sends.translator.format() == Format::X12;
        // What is held goes alone: it must not keep others back.
        let alone = shipment.hold.as_ref().map(|_| shipment.source);
        let key = (shipment.to.clone(), sends.document.clone(), sends.channel.clone(), agreement, alone);
        if is_x12 {
            by_group.entry(key).or_default().push(shipment);
            continue;
        }
        let same = by_file.iter_mut().filter(|_| outgoing.is_batch).find(|(known, _)| *known == key);
        match same {
            Some((_, shipments)) => shipments.push(shipment),
            None => by_file.push((key, vec![shipment])),
        }
    }
    for ((to, _, _, agreement, _), shipments) in by_file {
        let sources: Vec<Uuid> = shipments.iter().map(|shipment| shipment.source).collect();
        if let Err(error) = call_or_file(shipments, agreement, agreements, now, rows) {
            let why = error.to_string();
            unsound.extend(sources.into_iter().map(|source| Unsound {
                source,
                to: to.clone(),
                why: why.clone(),
            }));
        }
    }
    for ((to, document, _, agreement, _), shipments) in by_group {
        pending.extend(pending_group((&to, agreement), &document, shipments, agreements, now, &mut unsound));
    }
    (pending, unsound)
}

fn pending_answer(answer: Answer, agreements: &Agreements, file: Uuid) -> Option<Pending<'_>> {
    let identity = answer.identity(file);
    let profile = agreements.profiles.find(&answer.partner)?;
    let wanted = answer.acknowledgments.first().map(|(channel, _)| channel.as_str()).unwrap_or_default();
    let same = profile.channels.get(wanted).filter(|channel| channel.outbound.is_some());
    let channel = same.or_else(|| profile.channels.values().find(|channel| channel.outbound.is_some()))?;
    let mut groups: Vec<(String, String, Vec<PendingSet>)> = Vec::new();
    for (index, (_, composed)) in answer.acknowledgments.into_iter().enumerate() {
        let set = PendingSet {
            document_id: outbound_document_id(&format!("{identity} {index}")),
            id: composed.set_id.to_owned(),
            implementation: composed.implementation,
            tree: composed.tree,
            doubts: Vec::new(),
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
    let agreement = answer.agreement;
    let x12 = profile.x12_under(profile.find_agreement(agreement.as_deref()))?;
    let (test, ta1) = (answer.test, answer.ta1);
    Some(Pending { profile, channel, x12, agreement, test, ta1, groups, expect: None, identity, hold: None })
}

/// Sets of one kind for one partner, those that are sound; the others are told.
fn pending_group<'a>(
    (to, agreement): (&str, Option<String>),
    document: &str,
    shipments: Vec<Shipment>,
    agreements: &'a Agreements,
    now: DateTime<Utc>,
    unsound: &mut Vec<Unsound>,
) -> Option<Pending<'a>> {
    let profile = agreements.profiles.find(to)?;
    let x12 = profile.x12_under(profile.find_agreement(agreement.as_deref()))?;
    let first = shipments.first()?;
    let channel = profile.channels.get(&first.sends.channel)?;
    let (expect, hold) = (first.sends.expect_ack, first.hold.clone());
    let test = x12.usage == crate::profiles::Usage::Test;
    let Some(schema) = x12.reading.schemas.find_set(&x12.version, None, document) else {
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
    let mut file_identity = format!("{to} {document}");
    let mut sets = Vec::new();
    for shipment in shipments {
        let source = shipment.source;
        let document_id = outbound_document_id(&identity(&shipment, shipment.issue));
        // Tried out before a control number is taken, so that a document that cannot be sent leaves no gap.
        let tried = shipment.sends.translator.write(&shipment.record, agreements.lookup(to, now)).and_then(
            |written| {
                let group = X12Group {
                    functional_id: schema.group(),
                    version: &x12.version,
                    sets: vec![(document, "", &written.tree)],
                };
                let numbers = Numbers { interchange: 1, groups: vec![1], doubt: None };
                let stamp = compose::Stamp { numbers: &numbers, test, now };
                compose::write_x12(profile, &x12, &[group], Vec::new(), stamp)?;
                Ok(written)
            },
        );
        match tried {
            Ok(written) => {
                file_identity.push_str(&format!(" {document_id}"));
                sets.push(PendingSet {
                    document_id,
                    id: document.to_owned(),
                    implementation: String::new(),
                    tree: written.tree,
                    doubts: written.doubts,
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
    let identity = file_identity;
    any.then_some(Pending {
        profile,
        channel,
        x12,
        agreement,
        test,
        ta1: None,
        groups,
        expect,
        identity,
        hold,
    })
}

fn write(pending: Pending<'_>, numbers: Numbers, now: DateTime<Utc>, rows: &mut Rows) -> Result<(), Error> {
    let Pending { profile, channel, x12, agreement, test, ta1, groups, expect, identity, hold } = pending;
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
    let bytes = compose::write_x12(profile, &x12, &written, ta1.into_iter().collect(), stamp)
        .map_err(|findings| compose::unsound(&kind, &profile.id, &findings))?;
    drop(written);
    let control_number = format!("{:09}", numbers.interchange);
    let number = groups
        .first()
        .and_then(|(_, _, sets)| sets.first())
        .map(|set| set.number.clone())
        .unwrap_or_default();
    let template = channel.outbound.as_ref().map(|outbound| outbound.name.as_str()).unwrap_or_default();
    let name = compose::file_name(
        template,
        (profile, agreement.as_deref()),
        (&kind, test),
        &control_number,
        &number,
        now,
    );
    let file_id = ids::derived("outbound_file", &[&identity]);
    let delivery_id = ids::derived("delivery", &[&identity]);
    let mut document_ids = Vec::new();
    let mut ordinal = 0;
    for ((functional_id, version, sets), group_control) in groups.into_iter().zip(&numbers.groups) {
        let mut expected_sets = Vec::new();
        for (index, set) in sets.into_iter().enumerate() {
            ordinal += 1;
            let id = set.document_id;
            rows.doubts.push((file_id, id, set.doubts));
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
                agreement: agreement.clone(),
                ..blank(file_id, profile, now)
            };
            rows.documents.push(match &set.record {
                Some(record) => row.with_record(record),
                None => NewDocument { business_number: Some(set.number), ..row },
            });
            rows.records.extend(set.record.map(|record| (id, profile.id.clone(), now, record)));
        }
        if let Some(expect) = expect {
            let group = overdue::Group {
                profile,
                agreement: agreement.clone(),
                functional_id,
                group_control: *group_control,
                interchange_control: numbers.interchange,
                test,
                file_id,
                delivery_id,
                sets: expected_sets,
            };
            rows.expected.extend(overdue::awaited(group, expect, &identity, now));
        }
    }
    let document = document_ids.first().copied();
    for (kind, why) in [(gate::CONTRADICTS, hold), (gate::NUMBER_AGAIN, numbers.doubt)] {
        rows.holds.extend(why.map(|why| Hold { delivery: delivery_id, document, kind, why }));
    }
    let usage = Some(if test { Usage::Test } else { Usage::Production });
    let frozen = Frozen {
        file_id,
        delivery_id,
        kind: DeliveryKind::File,
        target: name.clone(),
        idempotency_key: delivery_id,
        name,
        usage,
        agreement,
        bytes,
        fields: BTreeMap::new(),
    };
    rows.queue(frozen, profile, channel, document_ids, now);
    Ok(())
}

/// Documents of a format other than X12 in one file; a call where the channel is one, which carries one.
fn call_or_file(
    shipments: Vec<Shipment>,
    agreement: Option<String>,
    agreements: &Agreements,
    now: DateTime<Utc>,
    rows: &mut Rows,
) -> Result<(), Error> {
    let Some(first) = shipments.first() else { return Ok(()) };
    // The other side's memory of it goes by its source: issued anew, it is still the same thing to be done.
    let of = |with_issue: bool| {
        let all = shipments.iter().map(|one| identity(one, one.issue.filter(|_| with_issue)));
        all.collect::<Vec<_>>().join("\n")
    };
    let idempotency_key = ids::derived("delivery", &[&of(false)]);
    let file_identity = of(true);
    let (to, sends) = (first.to.clone(), first.sends.clone());
    let not_agreed = || Error::NotAgreed { what: format!("{} for {to}", sends.document) };
    let profile = agreements.profiles.find(&to).ok_or_else(not_agreed)?;
    let channel = profile.channels.get(&sends.channel).ok_or_else(not_agreed)?;
    let unsound = |findings: Vec<Finding>| compose::unsound(&sends.document, &to, &findings);
    let (mut trees, mut doubts) = (Vec::with_capacity(shipments.len()), Vec::with_capacity(shipments.len()));
    for shipment in &shipments {
        let lookup = agreements.lookup(&to, now);
        let written = sends.translator.write(&shipment.record, lookup).map_err(unsound)?;
        trees.push(written.tree);
        doubts.push(written.doubts);
    }
    let bytes = sends.translator.layout().write(&trees).map_err(unsound)?;
    let file_id = ids::derived("outbound_file", &[&file_identity]);
    let delivery_id = ids::derived("delivery", &[&file_identity]);
    let number = first.record.business_number().unwrap_or_default().to_owned();
    let whose = (profile, agreement.as_deref());
    let test = profile.is_tested(profile.find_agreement(agreement.as_deref()));
    let what = (sends.document.as_str(), test);
    let mut fields = BTreeMap::new();
    let (kind, target, name) = match (&channel.transport, &channel.outbound) {
        (Transport::Http(http), _) => {
            let of = calls::Of { record: &first.record, whose, what, key: idempotency_key, now };
            let target;
            (target, fields) = calls::freeze(http, &of)?;
            let name = compose::file_name("{document}_{number}", whose, what, "", &number, now);
            (DeliveryKind::Call, target, format!("{name}.{}", sends.translator.format().ending()))
        }
        (_, outbound) => {
            let template = outbound.as_ref().map(|outbound| outbound.name.as_str()).unwrap_or_default();
            let short = delivery_id.simple().to_string();
            let short = short.get(..9).unwrap_or(&short).to_owned();
            let name = compose::file_name(template, whose, what, &short, &number, now);
            (DeliveryKind::File, name.clone(), name)
        }
    };
    let mut document_ids = Vec::with_capacity(shipments.len());
    for ((shipment, doubts), ordinal) in shipments.into_iter().zip(doubts).zip(1..) {
        let id = outbound_document_id(&identity(&shipment, shipment.issue));
        document_ids.push(id);
        let row = NewDocument {
            id,
            file_id,
            ordinal,
            direction: Direction::Outbound,
            partner_id: Some(profile.id.clone()),
            format: sends.translator.format().word().to_owned(),
            kind: sends.document.clone(),
            source_document_id: Some(shipment.source),
            translator: Some(sends.translator.name().to_owned()),
            agreement: agreement.clone(),
            ..blank(file_id, profile, now)
        };
        rows.documents.push(row.with_record(&shipment.record));
        rows.doubts.push((file_id, id, doubts));
        let hold = |why| Hold { delivery: delivery_id, document: Some(id), kind: gate::CONTRADICTS, why };
        rows.holds.extend(shipment.hold.map(hold));
    }
    let frozen = Frozen {
        file_id,
        delivery_id,
        kind,
        target,
        idempotency_key,
        name,
        usage: None,
        agreement,
        bytes,
        fields,
    };
    rows.queue(frozen, profile, channel, document_ids, now);
    Ok(())
}
