//! Documents: what was found inside files, and where each stands.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::copy::{Attempt, Copy, MANY};
use super::text::{clean, clean_some};
use super::{AcknowledgmentState, Business, DeliveryState, Direction, Error, Store, Validation, Work};
use crate::canonical::{Record, RecordKind, evened};

/// A work that speaks of more orders locks all there are: locks are few in Postgres (6,400 with its own settings).
const MOST_ORDERS_LOCKED: usize = 256;

/// Stands for every order among the numbers that are locked.
const ALL_ORDERS: &str = "(all)";

/// Documents whose columns go into one statement.
const DOCUMENTS_AT_ONCE: usize = 2000;

/// A document of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDocument {
    /// Derived from the file and the place in it.
    pub id: Uuid,
    /// The file it is in.
    pub file_id: Uuid,
    /// Place in the file, the first is 1.
    pub ordinal: i32,
    /// Seen from us.
    pub direction: Direction,
    /// The other side, if known.
    pub partner_id: Option<String>,
    /// `x12`, `delimited`, `xml`, `json`.
    pub format: String,
    /// The set or kind: `850`, `997`, `shipping_order`.
    pub kind: String,
    /// GS08 or the like; may be empty.
    pub version: String,
    /// GS01.
    pub functional_id: Option<String>,
    /// ISA13.
    pub interchange_control_number: Option<String>,
    /// GS06.
    pub group_control_number: Option<String>,
    /// ST02.
    pub set_control_number: Option<String>,
    /// Ordinal of its first segment in the file.
    pub segment_ordinal: u64,
    /// Its first byte in the file.
    pub byte_start: u64,
    /// The byte after its last.
    pub byte_end: u64,
    /// What it became, if translated; see [`NewDocument::with_record`].
    pub record_kind: Option<RecordKind>,
    /// The number its sender knows it by.
    pub business_number: Option<String>,
    /// The buyer's order number.
    pub purchase_order_number: Option<String>,
    /// The depositor's order number.
    pub order_number: Option<String>,
    /// Whether it is good.
    pub validation: Validation,
    /// Whether it is on its way: ready where a delivery follows in the same work.
    pub delivery: DeliveryState,
    /// What it led to.
    pub business: Business,
    /// Why; may be empty.
    pub business_reason: String,
    /// When it was received or composed.
    pub received_at: DateTime<Utc>,
    /// The document it was derived from.
    pub source_document_id: Option<Uuid>,
    /// The translator that read or wrote it.
    pub translator: Option<String>,
    /// The agreement of the partner's profile that it falls under.
    pub agreement: Option<String>,
    /// What names it in business; see [`Record::business_key`].
    pub business_key: Option<String>,
    /// The profile it was read or written by.
    pub profile_version: Option<Uuid>,
}

impl NewDocument {
    /// The document with the kind and the numbers of what it became.
    #[must_use]
    pub fn with_record(mut self, record: &Record) -> Self {
        self.record_kind = Some(record.kind());
        self.business_number = record.business_number().map(str::to_owned);
        self.business_key = record.business_key();
        let (purchase_order, order) = match record {
            Record::PurchaseOrder(record) => (record.purchase_order_number.as_ref(), None),
            Record::ShippingOrder(record) => {
                (record.purchase_order_number.as_ref(), record.order_number.as_ref())
            }
            Record::ShippingAdvice(record) => {
                (record.purchase_order_number.as_ref(), record.order_number.as_ref())
            }
            Record::ShipNotice(record) => {
                let first = record.orders.first();
                (
                    first.and_then(|order| order.purchase_order_number.as_ref()),
                    first.and_then(|order| order.order_number.as_ref()),
                )
            }
            Record::Invoice(record) => {
                let line = || record.lines.iter().find_map(|line| line.purchase_order_number.as_ref());
                (record.purchase_order_number.as_ref().or_else(line), record.order_number.as_ref())
            }
            Record::OrderAcknowledgment(record) => {
                (record.purchase_order_number.as_ref(), record.order_number.as_ref())
            }
            Record::StockTransfer(record) => {
                (record.purchase_order_number.as_ref(), record.order_number.as_ref())
            }
            Record::StockReceipt(record) => {
                (record.purchase_order_number.as_ref(), record.order_number.as_ref())
            }
            Record::InventoryAdjustment(record) => (None, record.order_number.as_ref()),
            Record::InvoiceDecision(record) => {
                (record.purchase_order_number.as_ref(), record.order_number.as_ref())
            }
            Record::InventoryStatus(_) => (None, None),
        };
        self.purchase_order_number = purchase_order.cloned();
        self.order_number = order.cloned();
        self
    }
}

/// A document as people see it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DocumentRow {
    /// Its id.
    pub id: Uuid,
    /// The file it is in.
    pub file_id: Uuid,
    /// Place in the file, the first is 1.
    pub ordinal: i32,
    /// Seen from us.
    pub direction: Direction,
    /// The other side, if known.
    pub partner_id: Option<String>,
    /// `x12`, `delimited`, `xml`, `json`.
    pub format: String,
    /// The set or kind.
    pub kind: String,
    /// GS01.
    pub functional_id: Option<String>,
    /// ISA13.
    pub interchange_control_number: Option<String>,
    /// GS06.
    pub group_control_number: Option<String>,
    /// ST02.
    pub set_control_number: Option<String>,
    /// Ordinal of its first segment in the file.
    pub segment_ordinal: i64,
    /// Its first byte in the file.
    pub byte_start: i64,
    /// The byte after its last.
    pub byte_end: i64,
    /// What it became.
    pub record_kind: Option<String>,
    /// The number its sender knows it by.
    pub business_number: Option<String>,
    /// The buyer's order number.
    pub purchase_order_number: Option<String>,
    /// The depositor's order number.
    pub order_number: Option<String>,
    /// Whether it is good.
    pub validation: Validation,
    /// Whether it has reached the other side.
    pub delivery: DeliveryState,
    /// What the other side said of it.
    pub acknowledgment: AcknowledgmentState,
    /// What it led to.
    pub business: Business,
    /// Why; may be empty.
    pub business_reason: String,
    /// When it was received or composed.
    pub received_at: DateTime<Utc>,
    /// The document it was derived from.
    pub source_document_id: Option<Uuid>,
    /// The translator that read or wrote it.
    pub translator: Option<String>,
    /// The agreement of the partner's profile that it falls under.
    pub agreement: Option<String>,
    /// The profile it was read or written by.
    pub profile_version: Option<Uuid>,
}

/// Which documents to list; what is none does not matter.
#[derive(Clone, Debug, Default)]
pub struct DocumentFilter {
    /// In this file.
    pub file_id: Option<Uuid>,
    /// Seen from us.
    pub direction: Option<Direction>,
    /// Whose.
    pub partner_id: Option<String>,
    /// Only of this agreement.
    pub agreement: Option<String>,
    /// The set or kind.
    pub kind: Option<String>,
    /// With this number: its own, the purchase order's or the order's.
    pub number: Option<String>,
    /// Whether it is good.
    pub validation: Option<Validation>,
    /// What the other side said of it.
    pub acknowledgment: Option<AcknowledgmentState>,
    /// What it led to.
    pub business: Option<Business>,
    /// Derived from this document.
    pub source_document_id: Option<Uuid>,
    /// Received at or after this.
    pub since: Option<DateTime<Utc>>,
    /// Received before this: for the next page.
    pub before: Option<DateTime<Utc>>,
}

impl Work {
    /// Keeps documents, any number in a few statements. Known ones stay as they are.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_documents(&mut self, documents: &[NewDocument]) -> Result<(), Error> {
        if documents.len() >= MANY {
            let mut attempt = Attempt::begin(self.connection(), "keep documents").await?;
            let copied = copy_documents(attempt.connection(), documents).await;
            if attempt.end(copied).await? {
                return Ok(());
            }
        }
        for some in documents.chunks(DOCUMENTS_AT_ONCE) {
            insert_documents(self.connection(), some).await?;
        }
        Ok(())
    }

    /// Writes what documents led to, and why.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn set_business(&mut self, outcomes: &[(Uuid, Business, String)]) -> Result<(), Error> {
        let ids: Vec<Uuid> = outcomes.iter().map(|(id, ..)| *id).collect();
        let words: Vec<&str> = outcomes.iter().map(|(_, business, _)| business.as_str()).collect();
        let reasons: Vec<_> = outcomes.iter().map(|(.., reason)| clean(reason)).collect();
        let reasons: Vec<&str> = reasons.iter().map(AsRef::as_ref).collect();
        sqlx::query!(
            "update document d set business = n.business, business_reason = n.reason
             from unnest($1::uuid[], $2::text[], $3::text[]) as n (id, business, reason) where d.id = n.id",
            &ids,
            &words as &[&str],
            &reasons as &[&str],
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("set documents' outcomes"))
    }

    /// Makes others wait who speak of the same orders, until the end of this work: each looks for what the other brings,
    /// and would miss it.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn lock_orders(&mut self, numbers: Vec<String>) -> Result<(), Error> {
        // The same order everywhere, or two works lock each other out.
        let mut numbers: Vec<String> = numbers.iter().map(|number| evened(&clean(number))).collect();
        numbers.sort();
        numbers.dedup();
        if numbers.is_empty() || self.has_all_orders {
            return Ok(());
        }
        if numbers.len() > MOST_ORDERS_LOCKED {
            return self.lock_all_orders().await;
        }
        sqlx::query!(
            "select pg_advisory_xact_lock_shared(hashtextextended($2, 4)) from generate_series(1, 1)
             union all
             select pg_advisory_xact_lock(hashtextextended(n.number, 5))
             from unnest($1::text[]) with ordinality as n (number, position)",
            &numbers,
            ALL_ORDERS,
        )
        .fetch_all(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("lock orders"))
    }

    /// Makes all others wait who speak of orders, until the end of this work.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn lock_all_orders(&mut self) -> Result<(), Error> {
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, 4))", ALL_ORDERS)
            .fetch_one(self.connection())
            .await
            .map_err(Error::query("lock all orders"))?;
        self.has_all_orders = true;
        Ok(())
    }
}

impl Store {
    /// A document.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_document(&self, id: Uuid) -> Result<Option<DocumentRow>, Error> {
        Ok(self.find_documents(&[id]).await?.pop())
    }

    /// Those of these documents that are there, in no particular order.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_documents(&self, ids: &[Uuid]) -> Result<Vec<DocumentRow>, Error> {
        sqlx::query_as!(
            DocumentRow,
            r#"select id, file_id, ordinal, direction as "direction: Direction", partner_id, format, kind,
                   functional_id, interchange_control_number, group_control_number, set_control_number,
                   segment_ordinal, byte_start, byte_end, record_kind, business_number, purchase_order_number,
                   order_number, validation as "validation: Validation", delivery as "delivery: DeliveryState",
                   acknowledgment as "acknowledgment: AcknowledgmentState", business as "business: Business",
                   business_reason, received_at, source_document_id, translator, profile_version,
                   agreement
               from document where id = any($1)"#,
            ids,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("find documents"))
    }

    /// Documents, the latest first; those of one file in its order.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_documents(
        &self,
        filter: &DocumentFilter,
        limit: i64,
    ) -> Result<Vec<DocumentRow>, Error> {
        sqlx::query_as!(
            DocumentRow,
            r#"select id, file_id, ordinal, direction as "direction: Direction", partner_id, format, kind,
                   functional_id, interchange_control_number, group_control_number, set_control_number,
                   segment_ordinal, byte_start, byte_end, record_kind, business_number, purchase_order_number,
                   order_number, validation as "validation: Validation", delivery as "delivery: DeliveryState",
                   acknowledgment as "acknowledgment: AcknowledgmentState", business as "business: Business",
                   business_reason, received_at, source_document_id, translator, profile_version,
                   agreement
               from document
               where ($1::uuid is null or file_id = $1) and ($2::text is null or direction = $2)
                 and ($3::text is null or partner_id = $3) and ($4::text is null or kind = $4)
                 and ($5::text is null or business_number = $5 or purchase_order_number = $5 or order_number = $5)
                 and ($6::text is null or validation = $6) and ($7::text is null or acknowledgment = $7)
                 and ($8::text is null or business = $8) and ($9::uuid is null or source_document_id = $9)
                 and ($10::timestamptz is null or received_at < $10)
                 and ($11::timestamptz is null or received_at >= $11) and ($13::text is null or agreement = $13)
               order by received_at desc, file_id, ordinal limit $12"#,
            filter.file_id,
            filter.direction.map(Direction::as_str),
            filter.partner_id.as_deref(),
            filter.kind.as_deref(),
            filter.number.as_deref(),
            filter.validation.map(Validation::as_str),
            filter.acknowledgment.map(AcknowledgmentState::as_str),
            filter.business.map(Business::as_str),
            filter.source_document_id,
            filter.before,
            filter.since,
            limit,
            filter.agreement.as_deref(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list documents"))
    }

    /// How many documents there are, by direction, kind and validation.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn count_documents(&self) -> Result<Vec<(Direction, String, Validation, i64)>, Error> {
        let rows = sqlx::query!(
            r#"select direction as "direction: Direction", kind, validation as "validation: Validation",
                   count(*) as "count!"
               from document group by 1, 2, 3 order by 1, 2, 3"#,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("count documents"))?;
        Ok(rows.into_iter().map(|row| (row.direction, row.kind, row.validation, row.count)).collect())
    }
}

async fn insert_documents(db: &mut PgConnection, documents: &[NewDocument]) -> Result<(), Error> {
    macro_rules! column {
        (|$document:ident| $value:expr) => {
            documents.iter().map(|$document| $value).collect::<Vec<_>>()
        };
    }
    let kinds = column!(|document| clean(&document.kind));
    let versions = column!(|document| clean(&document.version));
    let functional = column!(|document| clean_some(document.functional_id.as_deref()));
    let interchanges = column!(|document| clean_some(document.interchange_control_number.as_deref()));
    let groups = column!(|document| clean_some(document.group_control_number.as_deref()));
    let sets = column!(|document| clean_some(document.set_control_number.as_deref()));
    let business_numbers = column!(|document| clean_some(document.business_number.as_deref()));
    let purchase_orders = column!(|document| clean_some(document.purchase_order_number.as_deref()));
    let orders = column!(|document| clean_some(document.order_number.as_deref()));
    let reasons = column!(|document| clean(&document.business_reason));
    sqlx::query!(
        "insert into document (id, file_id, ordinal, direction, partner_id, format, kind, version, functional_id,
             interchange_control_number, group_control_number, set_control_number, segment_ordinal, byte_start,
             byte_end, record_kind, business_number, purchase_order_number, order_number, validation, delivery,
             business, business_reason, received_at, source_document_id, translator, profile_version, agreement,
             business_key)
         select * from unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[],
             $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[], $14::bigint[],
             $15::bigint[], $16::text[], $17::text[], $18::text[], $19::text[], $20::text[], $21::text[],
             $22::text[], $23::text[], $24::timestamptz[], $25::uuid[], $26::text[], $27::uuid[], $28::text[],
             $29::text[])
         on conflict do nothing",
        &column!(|document| document.id),
        &column!(|document| document.file_id),
        &column!(|document| document.ordinal),
        &column!(|document| document.direction.as_str()) as &[&str],
        &column!(|document| document.partner_id.as_deref()) as &[Option<&str>],
        &column!(|document| document.format.as_str()) as &[&str],
        &kinds as &[std::borrow::Cow<'_, str>],
        &versions as &[std::borrow::Cow<'_, str>],
        &functional as &[Option<std::borrow::Cow<'_, str>>],
        &interchanges as &[Option<std::borrow::Cow<'_, str>>],
        &groups as &[Option<std::borrow::Cow<'_, str>>],
        &sets as &[Option<std::borrow::Cow<'_, str>>],
        &column!(|document| document.segment_ordinal.cast_signed()),
        &column!(|document| document.byte_start.cast_signed()),
        &column!(|document| document.byte_end.cast_signed()),
        &column!(|document| document.record_kind.map(RecordKind::word)) as &[Option<&str>],
        &business_numbers as &[Option<std::borrow::Cow<'_, str>>],
        &purchase_orders as &[Option<std::borrow::Cow<'_, str>>],
        &orders as &[Option<std::borrow::Cow<'_, str>>],
        &column!(|document| document.validation.as_str()) as &[&str],
        &column!(|document| document.delivery.as_str()) as &[&str],
        &column!(|document| document.business.as_str()) as &[&str],
        &reasons as &[std::borrow::Cow<'_, str>],
        &column!(|document| document.received_at),
        &column!(|document| document.source_document_id) as &[Option<Uuid>],
        &column!(|document| document.translator.as_deref()) as &[Option<&str>],
        &column!(|document| document.profile_version) as &[Option<Uuid>],
        &column!(|document| document.agreement.as_deref()) as &[Option<&str>],
        &column!(|document| clean_some(document.business_key.as_deref()))
            as &[Option<std::borrow::Cow<'_, str>>],
    )
    .execute(db)
    .await
    .map(drop)
    .map_err(Error::query("keep documents"))
}

/// As [`insert_documents`], of which none is known.
async fn copy_documents(connection: &mut PgConnection, documents: &[NewDocument]) -> Result<(), Error> {
    let mut copy = Copy::begin(
        connection,
        "keep documents",
        "copy document (id, file_id, ordinal, direction, partner_id, format, kind, version, functional_id,
             interchange_control_number, group_control_number, set_control_number, segment_ordinal, byte_start,
             byte_end, record_kind, business_number, purchase_order_number, order_number, validation, delivery,
             business, business_reason, received_at, source_document_id, translator, profile_version, agreement,
             business_key) from stdin (format binary)",
    )
    .await?;
    for document in documents {
        copy.value(Some(document.id))
            .value(Some(document.file_id))
            .value(Some(document.ordinal))
            .text(Some(document.direction.as_str()))
            .text(document.partner_id.as_deref())
            .text(Some(&document.format))
            .text(Some(&document.kind))
            .text(Some(&document.version))
            .text(document.functional_id.as_deref())
            .text(document.interchange_control_number.as_deref())
            .text(document.group_control_number.as_deref())
            .text(document.set_control_number.as_deref())
            .value(Some(document.segment_ordinal.cast_signed()))
            .value(Some(document.byte_start.cast_signed()))
            .value(Some(document.byte_end.cast_signed()))
            .text(document.record_kind.map(RecordKind::word))
            .text(document.business_number.as_deref())
            .text(document.purchase_order_number.as_deref())
            .text(document.order_number.as_deref())
            .text(Some(document.validation.as_str()))
            .text(Some(document.delivery.as_str()))
            .text(Some(document.business.as_str()))
            .text(Some(&document.business_reason))
            .value(Some(document.received_at))
            .value(document.source_document_id)
            .text(document.translator.as_deref())
            .value(document.profile_version)
            .text(document.agreement.as_deref())
            .text(document.business_key.as_deref())
            .end_row()
            .await?;
    }
    copy.finish().await
}
