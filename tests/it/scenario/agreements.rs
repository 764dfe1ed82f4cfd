//! Agreements: which depositor a document is for, what goes under which ids, and what is not as agreed.

use super::{World, expect, scenarios, steps};
use crossdock::store::{Direction, DocumentFilter, FileFilter};
use std::fmt::Write as _;

#[tokio::test]
async fn each_document_falls_under_its_agreement_and_what_is_not_agreed_is_told() {
    play_all("agreements").await;
}

#[tokio::test]
async fn what_comes_twice_is_held_refused_ignored_or_accepted_as_the_profile_says() {
    play_all("duplicates").await;
}

#[tokio::test]
async fn each_order_goes_where_its_route_says_and_one_that_goes_nowhere_is_told() {
    play_all("routes").await;
}

async fn play_all(folder: &str) {
    let mut wrong = Vec::new();
    for (name, text) in scenarios(folder) {
        let mut world = World::new().await;
        for step in steps(&text) {
            world.play(&step).await;
        }
        wrong.extend(expect(folder, &name, &standing(&world).await));
    }
    assert!(wrong.is_empty(), "{}\n(UPDATE_EXPECT=1 writes them anew)", wrong.join("\n"));
}

/// Documents with their agreements, envelopes that were sent, files that were kept aside, and exceptions.
async fn standing(world: &World) -> String {
    let store = world.database.store();
    let mut told = String::new();
    let mut add = |line: String| writeln!(told, "{line}").expect("memory takes it");
    let documents = store.list_documents(&DocumentFilter::default(), 100).await.expect("lists");
    let mut lines = Vec::new();
    for row in documents {
        let agreement =
            row.agreement.map_or_else(|| "no agreement".to_owned(), |id| format!("agreement {id}"));
        let way = if row.direction == Direction::Inbound { "from" } else { "to" };
        let by = row.translator.map(|name| format!(" by {name}")).unwrap_or_default();
        lines.push(format!(
            "{} {} {way} {}{by}: {agreement}, {}, {}; {} {}",
            row.kind,
            row.business_number.unwrap_or_default(),
            row.partner_id.unwrap_or_default(),
            row.validation,
            row.acknowledgment,
            row.business,
            row.business_reason
        ));
    }
    lines.sort();
    lines.into_iter().for_each(&mut add);
    for partner in ["rival", "shop", "warehouse"] {
        for text in world.sent_to(partner) {
            let mut segments = text.split(['~', '\n']).filter(|segment| !segment.is_empty());
            let parts = |segment: Option<&str>, wanted: &[usize]| {
                let elements: Vec<&str> = segment.unwrap_or_default().split('*').collect();
                let wanted: Vec<&str> =
                    wanted.iter().map(|at| elements.get(*at).copied().unwrap_or_default().trim()).collect();
                wanted.join(" ")
            };
            let header = segments.next();
            let test = if parts(header, &[15]) == "T" { " (test)" } else { "" };
            let isa = parts(header, &[6, 8, 13]) + test;
            let gs = parts(segments.next(), &[1, 2, 3, 6]);
            let answer = segments.find(|segment| segment.starts_with("AK9"));
            add(format!("sent to {partner}: ISA {isa}, GS {gs} {}", answer.unwrap_or_default()));
        }
    }
    let filter = FileFilter { direction: Some(Direction::Inbound), ..FileFilter::default() };
    let mut files = store.list_files(&filter, 100).await.expect("lists");
    files.sort_by(|a, b| (a.received_at, &a.name).cmp(&(b.received_at, &b.name)));
    for row in files {
        add(format!("file {} is {}: {} ({})", row.name, row.state, row.reason, row.hint));
        let findings = store.list_findings(row.id, None, 100).await.expect("lists");
        let of_file = findings.iter().filter(|finding| finding.document_id.is_none());
        of_file.for_each(|finding| add(format!("  {}: {}", finding.severity, finding.message)));
    }
    let exceptions = store.list_exceptions(&Default::default(), 100).await.expect("lists");
    exceptions.into_iter().for_each(|row| add(format!("{}: {}", row.kind, row.message)));
    let today = world.now.format("%Y-%m-%d").to_string();
    hide_ids(&told.replace(&today, "TODAY"))
}

/// Ids come of names and times, which differ in each run.
pub(super) fn hide_ids(told: &str) -> String {
    let is_id = |word: &&str| {
        let word = word.trim_matches(['`', ')', ',', ';']);
        word.len() >= 8
            && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
            && !word.starts_with("0000")
    };
    let hide = |word: &str| if is_id(&word) { "ID".to_owned() } else { word.to_owned() };
    let lines: Vec<String> =
        told.lines().map(|line| line.split(' ').map(hide).collect::<Vec<_>>().join(" ")).collect();
    lines.join("\n") + "\n"
}
