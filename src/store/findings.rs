//! Findings: the faults of documents, as their readers found them.

use std::borrow::Cow;

use uuid::Uuid;

use super::text::clean;
use super::{Error, Store, Work};
use crate::finding::{Finding, Severity};

/// A finding as people see it. Zero and empty mean "does not apply".
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FindingRow {
    /// Place among the findings of the file, the first is 1.
    pub ordinal: i32,
    /// The document it is in; none for a fault of the file or its envelopes.
    pub document_id: Option<Uuid>,
    /// Stable name in snake case.
    pub code: String,
    /// `warning`, `accept_with_errors` or `reject`.
    pub severity: String,
    /// Offset from the start of the file.
    pub byte: i64,
    /// Line of the file, the first is 1.
    pub line: i64,
    /// X12 segment id, record type, or XML element name.
    pub segment: String,
    /// Place of the segment in its transaction set, ST is 1.
    pub segment_position: i64,
    /// Element or column, the first is 1.
    pub element: i32,
    /// Component, the first is 1.
    pub component: i32,
    /// Repetition, the first is 1.
    pub repetition: i32,
    /// Where numbers do not apply.
    pub path: String,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// The offending value.
    pub value: String,
    /// How the acknowledgment says it.
    pub ack_code: String,
}

impl Work {
    /// Keeps findings of a file, each with its document if it is in one, numbered from `first_ordinal` (the first
    /// of a file is 1). Known numbers stay as they are, so pieces of one list may be kept one after the other.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_findings(
        &mut self,
        file_id: Uuid,
        first_ordinal: i32,
        findings: &[(Option<Uuid>, &Finding)],
    ) -> Result<(), Error> {
        macro_rules! column {
            (|$finding:ident| $value:expr) => {
                findings.iter().map(|(_, $finding)| $value).collect::<Vec<_>>()
            };
        }
        let documents: Vec<Option<Uuid>> = findings.iter().map(|(document, _)| *document).collect();
        sqlx::query!(
            "insert into finding (file_id, ordinal, document_id, code, severity, byte, line, segment,
                 segment_position, element, component, repetition, path, message, hint, value, ack_code)
             select $1, $2 + n.place::integer - 1, n.document_id, n.code, n.severity, n.byte, n.line, n.segment,
                 n.segment_position, n.element, n.component, n.repetition, n.path, n.message, n.hint, n.value,
                 n.ack_code
             from unnest($3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], $9::bigint[],
                     $10::integer[], $11::integer[], $12::integer[], $13::text[], $14::text[], $15::text[],
                     $16::text[], $17::text[])
                 with ordinality as n (document_id, code, severity, byte, line, segment, segment_position, element,
                     component, repetition, path, message, hint, value, ack_code, place)
             on conflict do nothing",
            file_id,
            first_ordinal,
            &documents as &[Option<Uuid>],
            &column!(|finding| finding.code) as &[&str],
            &column!(|finding| severity(finding.severity)) as &[&str],
            &column!(|finding| finding.location.byte.cast_signed()),
            &column!(|finding| i64::from(finding.location.line)),
            &column!(|finding| clean(&finding.location.segment)) as &[Cow<'_, str>],
            &column!(|finding| i64::from(finding.location.segment_position)),
            &column!(|finding| i32::from(finding.location.element)),
            &column!(|finding| i32::from(finding.location.component)),
            &column!(|finding| i32::from(finding.location.repetition)),
            &column!(|finding| clean(&finding.location.path)) as &[Cow<'_, str>],
            &column!(|finding| clean(&finding.message)) as &[Cow<'_, str>],
            &column!(|finding| clean(&finding.hint)) as &[Cow<'_, str>],
            &column!(|finding| clean(&finding.value)) as &[Cow<'_, str>],
            &column!(|finding| clean(&finding.ack_code)) as &[Cow<'_, str>],
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("keep findings"))
    }

    /// Removes the findings of a file, before it is read again.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn delete_findings(&mut self, file_id: Uuid) -> Result<(), Error> {
        sqlx::query!("delete from finding where file_id = $1", file_id)
            .execute(self.connection())
            .await
            .map(drop)
            .map_err(Error::query("remove a file's findings"))
    }
}

impl Store {
    /// Findings of a file, or of one of its documents, in their order.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_findings(
        &self,
        file_id: Uuid,
        document_id: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<FindingRow>, Error> {
        sqlx::query_as!(
            FindingRow,
            "select ordinal, document_id, code, severity, byte, line, segment, segment_position, element, component,
                 repetition, path, message, hint, value, ack_code
             from finding where file_id = $1 and ($2::uuid is null or document_id = $2)
             order by ordinal limit $3",
            file_id,
            document_id,
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list findings"))
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::AcceptWithErrors => "accept_with_errors",
        Severity::Reject => "reject",
    }
}
