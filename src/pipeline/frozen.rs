//! Frozen: what is sent as it goes into the database, its bytes and names the same for every try.

use super::gate::Hold;
use super::hub::{Error, Hub};
use super::receipts;
use crate::canonical::Record;
use crate::finding::Finding;
use crate::ids;
use crate::packing;
use crate::pipeline::Agreements;
use crate::profiles::{Channel, Profile};
use crate::store::{
    Body, Business, DeliveryKind, DeliveryState, Direction, NewDelivery, NewDocument,
    NewExpectedAcknowledgment, OutboundFile, Usage, Validation,
};
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use uuid::Uuid;

/// Rows that go into the database together.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) files: Vec<OutboundFile>,
    pub(super) documents: Vec<NewDocument>,
    pub(super) records: Vec<(Uuid, String, DateTime<Utc>, Record)>,
    pub(super) deliveries: Vec<NewDelivery>,
    pub(super) expected: Vec<NewExpectedAcknowledgment>,
    pub(super) holds: Vec<Hold>,
    /// What is doubtful of documents, and the file of each.
    pub(super) doubts: Vec<(Uuid, Uuid, Vec<Finding>)>,
}

/// One file or call as it will be sent, every time the same.
pub(super) struct Frozen {
    pub(super) file_id: Uuid,
    pub(super) delivery_id: Uuid,
    pub(super) kind: DeliveryKind,
    /// The remote name of a file, the place of a call.
    pub(super) target: String,
    pub(super) idempotency_key: Uuid,
    pub(super) name: String,
    pub(super) usage: Option<Usage>,
    pub(super) agreement: Option<String>,
    pub(super) bytes: Vec<u8>,
    /// What the address and the headers of a call take, by name.
    pub(super) fields: BTreeMap<String, String>,
}

impl Rows {
    /// Adds a file and the delivery that sends it.
    pub(super) fn queue(
        &mut self,
        frozen: Frozen,
        profile: &Profile,
        channel: &Channel,
        document_ids: Vec<Uuid>,
        now: DateTime<Utc>,
    ) {
        let key = format!("{}/{}", profile.id, channel.name);
        self.expected.extend(receipts::awaited(&frozen, profile, channel, now));
        self.files.push(OutboundFile {
            id: frozen.file_id,
            partner_id: profile.id.clone(),
            channel: key.clone(),
            name: frozen.name,
            body: Body::inline(frozen.bytes),
            usage: frozen.usage,
            composed_at: now,
            profile_version: Some(profile.version),
            origin_id: None,
        });
        self.deliveries.push(NewDelivery {
            id: frozen.delivery_id,
            file_id: frozen.file_id,
            partner_id: profile.id.clone(),
            channel: key,
            kind: frozen.kind,
            target: frozen.target,
            idempotency_key: frozen.idempotency_key.to_string(),
            document_ids,
            priority: 0,
            in_order: channel.in_order,
            fields: frozen.fields,
        });
    }

    /// Packs what goes by channels that say so: the packed bytes are what is sent, the same in every try.
    pub(super) fn pack(&mut self, hub: &Hub, agreements: &Agreements) -> Result<(), Error> {
        // Read once for all that goes by a channel.
        let mut keys: BTreeMap<String, packing::Keys> = BTreeMap::new();
        for delivery in &mut self.deliveries {
            let Some((partner, channel)) = delivery.channel.split_once('/') else { continue };
            let profile = agreements.profiles.find(partner);
            let Some(channel) = profile.and_then(|profile| profile.channels.get(channel)) else { continue };
            let Some(outbound) = channel.outbound.as_ref().filter(|outbound| !outbound.pack.is_empty())
            else {
                continue;
            };
            let file = self.files.iter().find(|file| file.id == delivery.file_id);
            let file = file.expect("a delivery is queued with its file");
            let plain = file.body.bytes.clone().unwrap_or_default().to_vec();
            let keys = match keys.entry(delivery.channel.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    place.insert(super::packing::keys(&hub.config, channel, hub.clock.now())?)
                }
            };
            let packed = packing::pack(plain, &outbound.pack, keys);
            let (ending, bytes) = packed.map_err(|fault| Error::Key { what: fault.to_string() })?;
            let id = ids::derived("packed_file", &[&file.id.to_string()]);
            let name = format!("{}{ending}", file.name);
            delivery.file_id = id;
            delivery.target.clone_from(&name);
            let origin_id = Some(file.id);
            self.files.push(OutboundFile { id, name, body: Body::inline(bytes), origin_id, ..file.clone() });
        }
        Ok(())
    }
}

/// A document of ours with nothing said yet.
pub(super) fn blank(file_id: Uuid, profile: &Profile, now: DateTime<Utc>) -> NewDocument {
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
        delivery: DeliveryState::Ready,
        business: Business::Open,
        business_reason: String::new(),
        received_at: now,
        source_document_id: None,
        translator: None,
        agreement: None,
        business_key: None,
        profile_version: Some(profile.version),
    }
}
