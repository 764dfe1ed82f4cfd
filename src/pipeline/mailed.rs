//! Mailed: a file goes as the attachment of a mail, which is the same mail in every try.

use super::compose::usage_word;
use super::deliver::{delivered, failed, held, retry};
use super::hub::Hub;
use crate::ids;
use crate::profiles::{self, pattern};
use crate::store::{AttemptOutcome, LoadedDelivery, Usage};
use crate::transports::mail;

/// Mails one file.
pub(super) async fn mail(
    hub: &Hub,
    to: &profiles::Mail,
    delivery: &LoadedDelivery,
    tries: i32,
) -> AttemptOutcome {
    let row = &delivery.row;
    let Some(settings) = &hub.config.mail else {
        let what = "the hub has no server of mail: write [mail] with host and from into crossdock.toml";
        return retry(tries, None, what.to_owned());
    };
    if delivery.file.bytes.len() as u64 > settings.most_attached_bytes {
        return held(format!(
            "`{}` has {} bytes, more than may be attached to a mail; raise `attach_up_to_mb` of [mail] if the servers on the way take it, then release the delivery: `crossdock release {}`",
            row.target,
            delivery.file.bytes.len(),
            ids::short(row.id)
        ));
    }
    match mail::send(settings, &hub.config.secrets, compose(hub, to, delivery).await).await {
        Ok(answer) => delivered(Some(mail::message_id(settings, row.id)), &answer),
        Err(error) => failed(&error, tries),
    }
}

/// All of it comes from what is frozen: the next try has the same bytes, date and Message-ID.
async fn compose(hub: &Hub, to: &profiles::Mail, delivery: &LoadedDelivery) -> mail::Mail {
    let (row, file) = (&delivery.row, &delivery.file.row);
    let mut document = None;
    if let Some(id) = delivery.document_ids.first() {
        // Without it the subject is poorer, and nothing else.
        document = hub.store.find_document(*id).await.ok().flatten();
    }
    let at = file.received_at;
    let subject = pattern::fill(&to.subject, |placeholder| match placeholder {
        "document" => document.as_ref().map(|document| document.kind.clone()).unwrap_or_default(),
        "number" => {
            document.as_ref().and_then(|document| document.business_number.clone()).unwrap_or_default()
        }
        "control_number" => document
            .as_ref()
            .and_then(|document| document.interchange_control_number.clone())
            .unwrap_or_else(|| ids::short(row.id)),
        "usage" => usage_word(file.usage == Some(Usage::Test)).to_owned(),
        "partner" => row.partner_id.clone(),
        "agreement" => document
            .as_ref()
            .and_then(|document| document.agreement.clone())
            .unwrap_or_else(|| row.partner_id.clone()),
        "date" => at.format("%Y%m%d").to_string(),
        "time" => at.format("%H%M%S").to_string(),
        _ => String::new(),
    });
    // A line end would begin another header.
    let subject: String = subject.chars().filter(|character| !character.is_control()).collect();
    let text = format!(
        "Attached: {}\n\nSent by a program. The same file has the same Message-ID should it come twice.\n",
        row.target
    );
    let files = vec![(row.target.clone(), delivery.file.bytes.to_vec())];
    mail::Mail {
        id: row.id,
        to: to.to.clone(),
        subject: subject.trim().to_owned(),
        at,
        text,
        html: None,
        files,
    }
}
