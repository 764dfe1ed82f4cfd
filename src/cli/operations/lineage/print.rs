//! Lineages for people: indented lines, each thing with the short id that shows more of it.

use super::super::naming::short;
use super::super::output::{self, Page, time, words};
use super::{Acknowledgments, DeliveryLineage, DeliveryTries, DocumentLineage, FileLineage};
use crate::store::{
    AuditEvent, DeliveryRow, Direction, DocumentRow, FileRow, FindingRow, JobOverview, JobState,
};

/// Who, seen from us.
pub(in super::super) fn side(direction: Direction, who: &str) -> String {
    match direction {
        Direction::Inbound => format!("from {who}"),
        Direction::Outbound => format!("to {who}"),
    }
}

/// Prints a file with all that came of it.
pub(in super::super) fn print_file(
    lineage: &FileLineage,
    bytes: Option<&[u8]>,
    json: bool,
) -> anyhow::Result<()> {
    if json {
        return output::json(&with_body(lineage, bytes)?);
    }
    let mut page = Page::default();
    let file = &lineage.file;
    page.line(0, format!("file {}: {}", file.id, file.name));
    file_lines(&mut page, file);
    page.field(1, "sha256", &lineage.sha256);
    page.field(1, "bytes", kept(lineage));
    let (from, into) = match file.direction {
        Direction::Inbound => ("unpacked from", "unpacked into"),
        Direction::Outbound => ("packed from", "packed into"),
    };
    if let Some(origin) = &lineage.made_from {
        let entry = if file.entry.is_empty() { String::new() } else { format!(", there `{}`", file.entry) };
        page.line(1, format!("{from} file {}: {}{entry}", short(origin.id), origin.name));
    }
    let by = |file: &FileRow| file.corrected_by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
    if let Some(corrected) = &lineage.corrected {
        page.line(1, format!("corrects file {}: {}{}", short(corrected.id), corrected.name, by(file)));
    }
    for version in &lineage.versions {
        let state = words(version.state);
        page.line(
            1,
            format!("corrected by file {}: {}, {state}{}", short(version.id), version.name, by(version)),
        );
    }
    for made in &lineage.made_into {
        page.line(1, format!("{into} file {}: {}, {}", short(made.id), made.name, words(made.state)));
    }
    for document in &lineage.documents {
        page.line(0, "");
        document_lines(&mut page, 0, document);
    }
    if !lineage.findings.is_empty() {
        page.line(0, "findings of the file");
        findings(&mut page, 1, &lineage.findings);
    }
    if lineage.documents.is_empty() {
        deliveries(&mut page, 0, &lineage.deliveries);
    }
    for job in &lineage.jobs {
        job_lines(&mut page, 0, job);
    }
    audit(&mut page, 0, &lineage.audit);
    show_body(&mut page, bytes);
    page.print()
}

/// Prints a document with where it came from and all that came of it.
pub(in super::super) fn print_document(
    lineage: &DocumentLineage,
    bytes: Option<&[u8]>,
    json: bool,
) -> anyhow::Result<()> {
    if json {
        return output::json(&with_body(lineage, bytes)?);
    }
    let mut page = Page::default();
    document_lines(&mut page, 0, lineage);
    if let Some(record) = &lineage.record {
        page.line(1, "record");
        for line in serde_json::to_string_pretty(record)?.lines() {
            page.line(2, line);
        }
    }
    show_body(&mut page, bytes);
    page.print()
}

/// Prints a delivery with every try.
pub(in super::super) fn print_delivery(
    lineage: &DeliveryLineage,
    bytes: Option<&[u8]>,
    json: bool,
) -> anyhow::Result<()> {
    if json {
        return output::json(&with_body(lineage, bytes)?);
    }
    let mut page = Page::default();
    deliveries(&mut page, 0, std::slice::from_ref(&lineage.tries));
    let row = &lineage.tries.delivery;
    page.field(1, "idempotency key", &row.idempotency_key);
    if let Some(file) = &lineage.file {
        page.line(1, format!("file {}: {}, {} bytes", short(file.id), file.name, file.size_bytes));
    }
    for document in &lineage.documents {
        page.line(1, format!("carries {}", brief(document)));
    }
    acknowledgments(&mut page, 1, &lineage.acknowledgments);
    for job in &lineage.jobs {
        job_lines(&mut page, 1, job);
    }
    audit(&mut page, 1, &lineage.audit);
    show_body(&mut page, bytes);
    page.print()
}

/// One job with why it stands where it stands.
pub(in super::super) fn job_lines(page: &mut Page, depth: usize, job: &JobOverview) {
    let subject = job.subject.as_deref().unwrap_or("what is gone");
    let tries = if job.attempts == 1 { "1 try".to_owned() } else { format!("{} tries", job.attempts) };
    let waits = matches!(job.state, JobState::Ready | JobState::Leased);
    let next = if waits { format!(", next at {}", time(job.run_after)) } else { String::new() };
    page.line(
        depth,
        format!("job {}: {} {subject}, {}, {tries}{next}", short(job.id), words(job.kind), words(job.state)),
    );
    page.field(depth + 1, "partner", job.partner_id.as_deref().unwrap_or_default());
    page.field(depth + 1, "worker", job.worker.as_deref().unwrap_or_default());
    page.field(depth + 1, "why", why(job));
}

/// Why a job is not done: what it waits for, or why its last try did not do it.
pub(in super::super) fn why(job: &JobOverview) -> String {
    let behind = job.behind.map(|first| {
        format!("waits for job {}: its channel keeps the order; `crossdock jobs show {0}`", short(first))
    });
    behind.or_else(|| job.last_error.clone()).unwrap_or_default()
}

/// Whether the bytes are here, until when, and why.
fn kept(lineage: &FileLineage) -> String {
    if let Some(at) = lineage.file.body_left_at {
        return format!("left {} with their retention; hash, documents and records stay", time(at));
    }
    let Some(kept) = &lineage.kept else { return String::new() };
    if let Some(hold) = &kept.hold {
        return format!("kept, whatever their age: {hold}");
    }
    let basis = kept.basis.as_ref().map(|basis| format!(", {basis}")).unwrap_or_default();
    format!("kept until {} (retention of {}{basis})", kept.until.date_naive(), kept.rule)
}

fn file_lines(page: &mut Page, file: &FileRow) {
    let who = file.partner_id.as_deref().unwrap_or("nobody known");
    page.line(
        1,
        format!("{}, channel {}, {} bytes", side(file.direction, who), file.channel, file.size_bytes),
    );
    let verb = if file.direction == Direction::Inbound { "received" } else { "composed" };
    page.field(1, verb, time(file.received_at));
    page.field(1, "state", with_reason(&words(file.state), &file.reason));
    page.field(1, "what to do", &file.hint);
    page.field(1, "assigned to", file.assigned_to.as_deref().unwrap_or_default());
    page.field(1, "same content as file", file.duplicate_of.map(short).unwrap_or_default());
    if file.direction == Direction::Inbound {
        let disposed = file.disposed_at.map(|at| format!("disposed of {}", time(at)));
        let source = disposed.unwrap_or_else(|| "still there".to_owned());
        page.field(1, "source", with_reason(&source, file.dispose_error.as_deref().unwrap_or_default()));
    }
    page.field(1, "profile version", file.profile_version.map(|id| id.to_string()).unwrap_or_default());
}

fn document_lines(page: &mut Page, depth: usize, lineage: &DocumentLineage) {
    let document = &lineage.document;
    page.line(depth, format!("document {}: {}", document.id, brief_words(document)));
    let inner = depth + 1;
    page.line(
        inner,
        format!(
            "place {} of file {} {}, bytes {} to {}",
            document.ordinal,
            short(document.file_id),
            lineage.file_name,
            document.byte_start,
            document.byte_end
        ),
    );
    let controls: Vec<String> = [
        ("ISA13", &document.interchange_control_number),
        ("GS06", &document.group_control_number),
        ("ST02", &document.set_control_number),
    ]
    .into_iter()
    .filter_map(|(name, number)| number.as_ref().map(|number| format!("{name} {number}")))
    .collect();
    page.field(inner, "control numbers", controls.join(", "));
    page.field(inner, "purchase order", document.purchase_order_number.as_deref().unwrap_or_default());
    page.field(inner, "order", document.order_number.as_deref().unwrap_or_default());
    page.field(inner, "record", document.record_kind.as_deref().map(words).unwrap_or_default());
    page.field(inner, "agreement", document.agreement.as_deref().unwrap_or_default());
    page.field(inner, "translator", document.translator.as_deref().unwrap_or_default());
    page.field(inner, "validation", words(document.validation));
    page.field(inner, "delivery", words(document.delivery));
    page.field(inner, "acknowledgment", words(document.acknowledgment));
    page.field(inner, "business", with_reason(&words(document.business), &document.business_reason));
    for revision in &lineage.revisions {
        page.line(
            inner,
            format!("revision {} of the record was replaced {}", revision.number, time(revision.replaced_at)),
        );
    }
    if let Some(source) = &lineage.source {
        page.line(inner, format!("comes of {}", brief(source)));
    }
    for derived in &lineage.led_to {
        page.line(inner, format!("led to {}", brief(&derived.document)));
        for delivery in &derived.deliveries {
            page.line(inner + 1, delivery_words(delivery));
        }
    }
    for batch in &lineage.waits_in {
        let goes =
            batch.due_at.map_or_else(|| "once its set is full".to_owned(), |at| format!("at {}", time(at)));
        page.line(
            inner,
            format!(
                "waits to be sent as {} to {} with {} in all, goes {goes}",
                words(&batch.key.document),
                batch.key.partner_id,
                batch.count
            ),
        );
    }
    for answer in &lineage.answered_by {
        page.line(inner, format!("answered by {}: {}", brief(answer), words(answer.delivery)));
    }
    deliveries(page, inner, &lineage.deliveries);
    acknowledgments(page, inner, &lineage.acknowledgments);
    for exception in &lineage.exceptions {
        let amount = exception
            .amount
            .map(|amount| format!(" {amount:.2} {}", exception.currency.as_deref().unwrap_or_default()));
        page.line(
            inner,
            format!(
                "exception {}, {}{}: {}",
                words(&exception.kind),
                words(exception.state),
                amount.unwrap_or_default(),
                exception.message
            ),
        );
    }
    findings(page, inner, &lineage.findings);
    audit(page, inner, &lineage.audit);
}

fn deliveries(page: &mut Page, depth: usize, deliveries: &[DeliveryTries]) {
    for tries in deliveries {
        page.line(depth, delivery_words(&tries.delivery));
        for attempt in &tries.tries {
            let outcome = attempt.outcome.as_deref().unwrap_or("no outcome: it runs, or the hub was killed");
            let ended = attempt.ended_at.map(|at| format!(" to {}", time(at))).unwrap_or_default();
            let text = format!("try {} from {}{ended}: {outcome}", attempt.number, time(attempt.started_at));
            page.line(depth + 1, with_reason(&text, &attempt.detail));
        }
    }
}

fn delivery_words(delivery: &DeliveryRow) -> String {
    let at = delivery.delivered_at.map(|at| format!(" {}", time(at))).unwrap_or_default();
    let called = delivery.response_id.as_ref().map(|id| format!(", there it is {id}")).unwrap_or_default();
    let text = format!(
        "delivery {}: {} {} to {}, {}{at}{called}",
        short(delivery.id),
        words(delivery.kind),
        delivery.target,
        delivery.channel,
        words(delivery.state)
    );
    with_reason(&text, delivery.last_error.as_deref().unwrap_or_default())
}

fn acknowledgments(page: &mut Page, depth: usize, acknowledgments: &[Acknowledgments]) {
    for Acknowledgments { expected, received } in acknowledgments {
        let of = match (expected.functional_id.as_str(), expected.group_control) {
            ("", 0) => String::new(),
            ("", interchange) => format!(" for interchange {interchange:09}"),
            (functional_id, group) => format!(" for group {functional_id} {group}"),
        };
        page.line(
            depth,
            format!(
                "{} from {}{of}: {}, due {}",
                expected.level,
                expected.partner_id,
                words(expected.state),
                time(expected.due_at)
            ),
        );
        for answer in received {
            let text = format!(
                "{} came {} in file {}: {}",
                answer.kind,
                time(answer.received_at),
                short(answer.file_id),
                words(answer.status)
            );
            page.line(depth + 1, with_reason(&text, &answer.detail));
        }
    }
}

fn findings(page: &mut Page, depth: usize, findings: &[FindingRow]) {
    for finding in findings {
        let mut place = format!("line {}", finding.line);
        if !finding.segment.is_empty() {
            place.push_str(&format!(", {}", finding.segment));
        }
        if finding.element > 0 {
            place.push_str(&format!("{:02}", finding.element));
        }
        if finding.segment_position > 0 {
            place.push_str(&format!(" (segment {})", finding.segment_position));
        }
        if !finding.path.is_empty() {
            place.push_str(&format!(", {}", finding.path));
        }
        let severity = words(&finding.severity);
        page.line(depth, format!("{severity} {} at {place}: {}", finding.code, finding.message));
        page.field(depth + 1, "what to do", &finding.hint);
    }
}

fn audit(page: &mut Page, depth: usize, events: &[AuditEvent]) {
    for event in events {
        let text = format!("{} {} by {}", time(event.at), words(&event.action), event.actor);
        page.line(depth, with_reason(&text, &event.reason));
    }
}

fn brief(document: &DocumentRow) -> String {
    format!("document {} {}", short(document.id), brief_words(document))
}

fn brief_words(document: &DocumentRow) -> String {
    let number = document.business_number.as_ref().map(|number| format!(" {number}")).unwrap_or_default();
    let who = document.partner_id.as_deref().unwrap_or("nobody known");
    format!("{}{number} {}", words(&document.kind), side(document.direction, who))
}

fn with_reason(text: &str, reason: &str) -> String {
    if reason.is_empty() { text.to_owned() } else { format!("{text}: {reason}") }
}

fn show_body(page: &mut Page, bytes: Option<&[u8]>) {
    if let Some(bytes) = bytes {
        page.line(0, "body");
        page.block(&output::body(bytes));
    }
}

/// A lineage as JSON, with the first bytes of the body if they were asked for.
fn with_body(lineage: &impl serde::Serialize, bytes: Option<&[u8]>) -> anyhow::Result<serde_json::Value> {
    let mut value = serde_json::to_value(lineage)?;
    if let (Some(bytes), Some(fields)) = (bytes, value.as_object_mut()) {
        fields.insert("body".to_owned(), output::body(bytes).into());
    }
    Ok(value)
}
