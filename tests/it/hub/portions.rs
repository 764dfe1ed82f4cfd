//! Portions: what a large file means does not depend on how much of it is read at once.

use std::fmt::Write;

use super::site::{Site, invoice};

/// An invoice in its interchange as texts: ISA, GS, and the set.
fn parts(control: u32) -> [String; 3] {
    let whole = invoice("PARTNERONE", control);
    let (isa, rest) = whole.split_once("GS*").expect("a group");
    let (gs, rest) = rest.split_once("ST*").expect("a set");
    let (set, _) = rest.split_once("GE*").expect("the end of the group");
    [isa.to_owned(), format!("GS*{gs}"), format!("ST*{set}")]
}

/// A group of invoices of these numbers, the last of which has a line without a quantity.
fn group(control: u32, numbers: &[&str], count: usize) -> String {
    let [_, mut text, set] = parts(control);
    for (number, at) in numbers.iter().zip(1..) {
        let set = set.replace(&format!("INV-{control:09}"), number).replace("*0001~", &format!("*{at:04}~"));
        let is_broken = at == numbers.len();
        text.push_str(&if is_broken { set.replace("IT1*2*5*EA", "IT1*2**EA") } else { set });
    }
    writeln!(text, "GE*{count}*{control}~").expect("it is a text");
    text
}

/// Two interchanges: groups whose invoices come twice, are broken, or are miscounted.
fn many() -> String {
    [
        (1, [group(11, &["A", "B", "A", "C"], 4), group(12, &["D", "E"], 3)]),
        (2, [group(21, &["B", "F"], 2), group(22, &["G"], 1)]),
    ]
    .map(|(control, groups)| {
        let [isa, ..] = parts(control);
        format!("{isa}{}IEA*2*{control:09}~\n", groups.concat())
    })
    .concat()
}

/// All that is known of a site's file, and the answers but for their times.
async fn told(settings: &str) -> String {
    let site = Site::new(settings).await;
    let profile = site.root().join("partner-profiles/one.toml");
    let text = std::fs::read_to_string(&profile).expect("it is there");
    std::fs::write(&profile, format!("{text}\n[duplicates]\nbusiness_key = \"refuse\"\n")).expect("written");
    site.put("one", "many.edi", many());
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 0, "{}", ran.text);
    let mut connection = site.database().connection().await;
    let rows: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', 'file', state, reason, hint) from file where direction = 'inbound'
         union all select * from (
             select concat_ws(' ', ordinal, kind, group_control_number, set_control_number, validation, business,
                 business_reason, record_kind, business_number, (select count(*) from invoice_line l where l.document_id = d.id))
             from document d where direction = 'inbound' order by ordinal) documents
         union all select * from (
             select concat_ws(' ', 'finding', f.ordinal, d.ordinal, f.code, f.severity, f.message)
             from finding f left join document d on d.id = f.document_id order by f.ordinal) findings
         union all select * from (
             select concat_ws(' ', 'exception', e.kind, d.ordinal, e.line, e.message)
             from exception e join document d on d.id = e.document_id order by 1) exceptions
         union all select concat_ws(' ', 'numbers', count(*)) from document_number",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the database answers");
    let mut told = rows.join("\n");
    for (_, sent) in site.sent("one") {
        let lines = sent.split('~').filter(|line| !line.contains("ISA*") && !line.contains("GS*"));
        told.extend(lines.flat_map(|line| [line, "~"]));
    }
    told
}

#[tokio::test]
async fn a_file_means_the_same_however_much_of_it_is_read_at_once() {
    let whole = told("[hub]\ngrace = \"0s\"\n").await;
    super::site::expect("portions.txt", &whole);
    assert_eq!(told("[hub]\ngrace = \"0s\"\nportion_mb = 0\n").await, whole);
}
