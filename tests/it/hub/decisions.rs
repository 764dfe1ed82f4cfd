//! What people decide about differences of invoices reaches the ERP, once.

use std::fs;
use std::path::Path;

use crossdock::cli::demo::counterparts::erp::{Erp, Trouble};
use crossdock::store::{ExceptionFilter, ExceptionRow};

use super::site::{Site, invoice, until};

#[tokio::test]
async fn an_erp_is_called_once_for_each_decision_whatever_it_answers() {
    let erp = Erp::start().await.expect("it starts");
    let translators = Path::new(env!("CARGO_MANIFEST_DIR")).join("translators");
    let site = Site::new(&format!(
        "[folders]\ntranslators = \"{}\"\n[calls]\nallowed_private_hosts = [\"{}\"]\n",
        translators.display(),
        erp.address()
    ))
    .await;
    let profile = format!(
        "[partner]\nid = \"erp\"\n[channels.api]\ntransport = \"http\"\nurl = \"{}\"\n\
         [[sends]]\ntranslator = \"json-invoice-decision\"\nchannel = \"api\"\n",
        erp.url("decisions")
    );
    fs::write(site.root().join("partner-profiles/erp.toml"), profile).expect("written");
    let one = site.root().join("partner-profiles/one.toml");
    let route = "[[routes]]\nwhen = { record = \"invoice_decision\" }\nsend = { to = \"erp\", document = \"invoice_decision\" }\n";
    fs::write(&one, fs::read_to_string(&one).expect("read") + route).expect("written");
    for partner in ["one", "two"] {
        site.put(partner, "1.edi", invoice(&format!("PARTNER{}", partner.to_uppercase()), 1));
    }
    assert_eq!(site.run(&["run", "--once"]).await.code, 0);
    let exceptions = site.store().list_exceptions(&ExceptionFilter::default(), 9).await.expect("lists");
    let of = |partner: &str| -> ExceptionRow {
        let own =
            |row: &&ExceptionRow| row.partner_id.as_deref() == Some(partner) && row.kind == "order_unknown";
        exceptions.iter().find(own).expect("the order is not known").clone()
    };
    // Where no route leads nobody is told.
    for (partner, decision) in [("one", "hold"), ("two", "approve")] {
        let id = of(partner).id.to_string();
        let arguments =
            ["exceptions", "settle", &id, "--decision", decision, "--reason", "as agreed", "--by", "ann"];
        let told = site.run(&arguments).await;
        assert_eq!(told.code, 0, "{}", told.text);
    }
    erp.trouble([Trouble::Answer(500)]);
    until("the ERP has it", async || {
        site.run(&["run", "--once"]).await.code == 0 && erp.objects().len() == 1
    })
    .await;
    site.run(&["run", "--once"]).await;
    let objects = erp.objects();
    assert_eq!(objects.len(), 1, "{objects:?}");
    assert!(erp.calls().len() > 1, "it was tried again, under one key");
    let (body, one) = (&objects[0].body, of("one"));
    for (member, said) in [
        ("decision_id", one.id.to_string().as_str()),
        ("decision", "hold"),
        ("decided_by", "ann"),
        ("why", "as agreed"),
        ("partner", "one"),
        ("kind", "purchase"),
        ("invoice_number", "INV-000000001"),
        ("invoice_date", "2026-11-25"),
        ("purchase_order_number", "PO-000000001"),
        ("reason", "order_unknown"),
    ] {
        assert_eq!(body[member], said, "{member}: {body}");
    }
    assert_eq!(body["total"].as_f64(), Some(25.0), "{body}");
    // Whoever looks at the invoice sees what followed from it.
    let invoice = one.document_id.expect("it is the invoice's").to_string();
    let shown = site.run(&["documents", "show", &invoice]).await;
    assert!(shown.text.contains("invoice decision INV-000000001 to erp"), "{}", shown.text);
}
