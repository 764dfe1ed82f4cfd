//! Findings: the faults of documents, as their readers found them.

use std::borrow::Cow;

use uuid::Uuid;

use super::text::clean;
use super::{Error, Store, Work};
use crate::finding::{Finding, Severity};

/// Findings whose columns go into one statement.
const FINDINGS_AT_ONCE: usize = 5000;

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

/// A finding to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewFinding<'a> {
    /// The file.
    pub file_id: Uuid,
    /// Place among the findings of the file, the first is 1.
    pub ordinal: i32,
    /// The document it is in; none for a fault of the file or its envelopes.
    pub document_id: Option<Uuid>,
    /// What was found.
    pub finding: &'a Finding,
}

impl Work {
    /// Keeps findings, any number in a few statements. Known numbers stay as they are, so pieces of one list may be kept
    /// one after the other.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn insert_findings(&mut self, findings: &[NewFinding<'_>]) -> Result<(), Error> {
        for some in findings.chunks(FINDINGS_AT_ONCE) {
            self.insert_some_findings(some).await?;
        }
        Ok(())
    }

    async fn insert_some_findings(&mut self, findings: &[NewFinding<'_>]) -> Result<(), Error> {
        macro_rules! column {
            (|$finding:ident| $value:expr) => {
                findings.iter().map(|new| new.finding).map(|$finding| $value).collect::<Vec<_>>()
            };
        }
        let files: Vec<Uuid> = findings.iter().map(|new| new.file_id).collect();
        let ordinals: Vec<i32> = findings.iter().map(|new| new.ordinal).collect();
        let documents: Vec<Option<Uuid>> = findings.iter().map(|new| new.document_id).collect();
        sqlx::query!(
            "insert into finding (file_id, ordinal, document_id, code, severity, byte, line, segment,
                 segment_position, element, component, repetition, path, message, hint, value, ack_code)
             select * from unnest($1::uuid[], $2::integer[], $3::uuid[], $4::text[], $5::text[], $6::bigint[],
                 $7::bigint[], $8::text[], $9::bigint[], $10::integer[], $11::integer[], $12::integer[], $13::text[],
                 $14::text[], $15::text[], $16::text[], $17::text[])
             on conflict do nothing",
            &files,
            &ordinals,
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
