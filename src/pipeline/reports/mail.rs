//! Sends the mails of a report: a summary as text, the page, and the files.

use crate::pipeline::hub::{Error, Hub};
use crate::store::{Job, ReportFile, ReportMail, ReportRun};
use crate::transports::{self, mail};
use sha2::{Digest, Sha256};
use std::path::Path;
use tracing::info;

/// Sends one mail, and notes what the server said.
pub(in crate::pipeline) async fn send(hub: &Hub, job: &Job) -> Result<(), Error> {
    let mail = hub.store.find_report_mail(job.subject_id).await?;
    let run = hub.store.find_report_run(mail.run_id).await?;
    let settings = hub.config.mail.as_ref();
    let settings = settings.ok_or_else(|| Error::NotAgreed {
        what: String::from("the server of mail ([mail] in crossdock.toml)"),
    })?;
    let written = compose(settings, &mail, &run)?;
    let answer = mail::send(settings, &hub.config.secrets, written).await?;
    info!(job.id = %job.lease.job, "sent report {} to {}", run.report, mail.recipient);
    let mut work = hub.store.begin().await?;
    work.note_mail_sent(mail.id, hub.clock.now(), &answer, job.lease).await?;
    Ok(work.commit().await?)
}

fn compose(settings: &mail::Settings, mail: &ReportMail, run: &ReportRun) -> Result<mail::Mail, Error> {
    let (mut html, mut attached, mut left_out) = (None, Vec::new(), Vec::new());
    let mut room = settings.most_attached_bytes;
    for file in run.files.iter() {
        if file.size_bytes > room {
            left_out.push(file);
            continue;
        }
        room -= file.size_bytes;
        let bytes = read(&run.folder, file)?;
        if file.name.ends_with(".html") {
            html = String::from_utf8(bytes).ok();
        } else {
            attached.push((file.name.clone(), bytes));
        }
    }
    let title = title(run);
    let mut text = format!("{title}\n\n{}\n", run.summary);
    if !attached.is_empty() {
        let names: Vec<&str> = attached.iter().map(|(name, _)| name.as_str()).collect();
        text.push_str(&format!("\nAttached: {}\n", names.join(", ")));
    }
    if !left_out.is_empty() {
        text.push_str(&format!("\nToo large for a mail, in {}:\n", run.folder));
        for file in left_out {
            text.push_str(&format!("  {} ({} bytes)\n", file.name, file.size_bytes));
        }
    }
    text.push_str(&format!(
        "\nRun {}, SHA-256 of its files: crossdock report show {}\n",
        run.id,
        crate::ids::short(run.id)
    ));
    Ok(mail::Mail {
        id: mail.message,
        to: vec![mail.recipient.clone()],
        subject: title,
        at: run.as_of,
        text,
        html,
        files: attached,
    })
}

fn title(run: &ReportRun) -> String {
    let name: Result<crate::reports::Name, _> = run.report.parse();
    let title = name.map_or_else(|_| run.report.clone(), |name| name.title().to_owned());
    let period = match (run.from_day, run.to_day) {
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("{from} to {to}"),
    };
    let of = [&run.partner_id, &run.agreement];
    let of: Vec<&str> = of.into_iter().flatten().map(String::as_str).collect();
    if of.is_empty() {
        format!("{title}, {period}")
    } else {
        format!("{title}, {}, {period}", of.join(" / "))
    }
}

/// The bytes of a file, which must still be those of the run.
fn read(folder: &str, file: &ReportFile) -> Result<Vec<u8>, Error> {
    let path = Path::new(folder).join(&file.name);
    let attempted = format!("cannot attach `{}`", path.display());
    let bytes = std::fs::read(&path).map_err(|error| {
        // Another node may have it.
        let error = transports::Error::new(transports::Kind::Disk, &attempted).because(error);
        error.hinted("tried again later; the folder must be that of the node that made the report")
    })?;
    if crate::store::hex(&Sha256::digest(&bytes)) != file.sha256 {
        let error = transports::Error::new(
            transports::Kind::Invalid,
            format!("{attempted}: it was changed since the report was made"),
        );
        return Err(error.hinted("have the report made again").into());
    }
    Ok(bytes)
}
