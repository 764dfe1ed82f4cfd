//! Translators over their examples, both ways, and a wall of faulty translators.

use std::path::{Path, PathBuf};

use crossdock::canonical::{
    ItemId, Purpose, Record, ShippingAdvice, ShippingOrder, ShippingOrderLine, StockReceipt,
};
use crossdock::finding::{Finding, Severity};
use crossdock::formats::x12::fault::Code;
use crossdock::formats::x12::reader::{self, Options};
use crossdock::formats::x12::schema::Schemas;
use crossdock::formats::x12::segment::Delimiters;
use crossdock::formats::x12::tree_builder::read_tree;
use crossdock::formats::x12::writer::{
    DelimiterInData, Envelope, LineEnding, OutboundGroup, OutboundSet, write_interchange,
};
use crossdock::formats::{delimited, fixed_width, json, xml};
use crossdock::translators::{Layout, Lookup, Overlay, Spot, Translator, WhenUnknown, find_shipped, shipped};
use crossdock::tree::Tree;

mod generated;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares with a file, or writes it when `UPDATE_EXPECT=1`.
fn expect(path: &Path, actual: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1") {
        std::fs::write(path, actual).expect("the expectation can be written");
        return;
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert!(expected == actual, "{} differs; UPDATE_EXPECT=1 rewrites it\n{actual}", path.display());
}

fn load(name: &str) -> Translator {
    let text = find_shipped(name).expect("it is shipped");
    Translator::load(text, &format!("translators/{name}.toml"))
        .unwrap_or_else(|found| panic!("{}", told(&found)))
}

fn told(found: &[Finding]) -> String {
    found
        .iter()
        .map(|finding| {
            let at = &finding.location;
            let hint =
                if finding.hint.is_empty() { String::new() } else { format!("\n    hint: {}", finding.hint) };
            format!("{}:{}: {}: {}{hint}\n", at.line, at.element, finding.code, finding.message)
        })
        .collect()
}

/// The examples of a translator: inputs with their expected records beside them.
fn examples(name: &str) -> Vec<PathBuf> {
    let folder = root().join("translators/examples").join(name);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{name} has no examples: {error}"))
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            !name.contains(".records.") && !name.contains(".written.")
        })
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{name} has no examples");
    paths
}

/// The documents of a file, each with the X12 release it is written in.
fn documents(translator: &Translator, bytes: &[u8]) -> Vec<(Tree, String)> {
    let (trees, found) = match translator.layout() {
        Layout::X12 => return sets(bytes),
        Layout::Delimited(layout) => delimited::read(bytes, layout),
        Layout::FixedWidth(layout) => fixed_width::read(bytes, layout),
        Layout::Xml(layout) => xml::read(bytes, layout),
        Layout::Json(layout) => json::read(bytes, layout),
    };
    assert_eq!(told(&found), "");
    trees.into_iter().map(|tree| (tree, String::new())).collect()
}

fn sets(bytes: &[u8]) -> Vec<(Tree, String)> {
    let schemas = Schemas::builtin();
    let file = reader::validate(bytes, &Options::default());
    let mut trees = Vec::new();
    for interchange in &file.interchanges {
        for group in &interchange.groups {
            for set in &group.sets {
                // An LX left out is the one fault that some examples have.
                let faults: Vec<String> = set
                    .faults
                    .iter()
                    .filter(|fault| fault.code != Code::MandatorySegmentMissing)
                    .map(|fault| {
                        format!("{:?} at {} element {}", fault.code, fault.segment_position, fault.element)
                    })
                    .collect();
                assert_eq!(faults, Vec::<String>::new(), "{}", String::from_utf8_lossy(bytes));
                let schema =
                    schemas.find_set(&group.version, None, &set.id).expect("examples use known sets");
                let range = set.bytes.start as usize..set.bytes.end as usize;
                let mut tree = Tree::default();
                let part = bytes.get(range).expect("a set lies in its file");
                read_tree(part, set.bytes.start, interchange.header.delimiters, schema, &mut tree);
                trees.push((tree, group.version.clone()));
            }
        }
    }
    trees
}

/// The record without where it came from.
fn without_source(record: &Record) -> serde_json::Value {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(members) => {
                members.remove("source");
                members.values_mut().for_each(strip);
            }
            serde_json::Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(record).expect("a record is plain data");
    strip(&mut value);
    value
}

fn write(translator: &Translator, records: &[Record], version: &str) -> Result<Vec<u8>, Vec<Finding>> {
    let trees: Vec<Tree> = records
        .iter()
        .map(|record| translator.write(record, Lookup::none()).map(|written| written.tree))
        .collect::<Result<_, _>>()?;
    match translator.layout() {
        Layout::X12 => interchange(translator, &trees, version),
        Layout::Delimited(layout) => delimited::write(&trees, layout),
        Layout::FixedWidth(layout) => fixed_width::write(&trees, layout),
        Layout::Xml(layout) => xml::write(&trees, layout),
        Layout::Json(layout) => json::write(&trees, layout),
    }
}

fn interchange(translator: &Translator, trees: &[Tree], version: &str) -> Result<Vec<u8>, Vec<Finding>> {
    let schemas = Schemas::builtin();
    let group = schemas.find_set(version, None, translator.set()).expect("a known set").group();
    let envelope = Envelope {
        delimiters: Delimiters { element: b'*', component: b'>', repetition: Some(b'^'), segment: b'~' },
        sender: ("ZZ".into(), "NORTHSTAR".into()),
        receiver: ("01".into(), "123456789".into()),
        at: "2026-11-25T09:15:00".parse().expect("a time"),
        version: if version.starts_with("005") { "00501" } else { "00401" }.into(),
        control_number: 1,
        usage: 'P',
        acknowledgment_requested: false,
        line_ending: LineEnding::Lf,
        delimiter_in_data: DelimiterInData::Refuse,
        acknowledgments: Vec::new(),
    };
    let numbers: Vec<String> = (1..=trees.len()).map(|number| format!("{number:04}")).collect();
    let sets: Vec<OutboundSet<'_>> = trees
        .iter()
        .zip(&numbers)
        .map(|(tree, number)| OutboundSet {
            id: translator.set(),
            control_number: number,
            implementation: "",
            tree,
        })
        .collect();
    let group = OutboundGroup {
        functional_id: group,
        version,
        control_number: 1,
        sender: "NORTHSTAR",
        receiver: "123456789",
        sets: &sets,
    };
    write_interchange(&envelope, &[group], &schemas)
}

#[test]
fn every_shipped_translator_reads_and_writes_its_examples() {
    let mut faults = String::new();
    for (name, _) in shipped() {
        let translator = load(name);
        for path in examples(name) {
            faults += &round_trip(&translator, &path);
        }
    }
    assert_eq!(faults, "");
}

/// Whether one value has all that the other has; computed figures may have been added.
fn keeps(again: &serde_json::Value, before: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (again, before) {
        (Value::Object(again), Value::Object(before)) => {
            before.iter().all(|(name, value)| again.get(name).is_some_and(|own| keeps(own, value)))
        }
        (Value::Array(again), Value::Array(before)) => {
            again.len() == before.len()
                && again.iter().zip(before).all(|(again, before)| keeps(again, before))
        }
        _ => again == before,
    }
}

/// Reads an example, compares the records, writes them, reads that again. Tells what is wrong.
fn round_trip(translator: &Translator, path: &Path) -> String {
    let bytes = std::fs::read(path).expect("the example is there");
    let (mut records, mut found, mut version) = (Vec::new(), Vec::new(), String::new());
    for (tree, release) in documents(translator, &bytes) {
        let (record, faults) = translator.read(&tree, Lookup::none());
        found.extend(
            [faults, translator.unread(&tree, Lookup::none()), translator.prove(&tree, Lookup::none())]
                .concat(),
        );
        records.push(record);
        version = release;
    }
    expect(
        &path.with_extension("records.json"),
        &(serde_json::to_string_pretty(&records).expect("plain data") + "\n"),
    );
    let again: Vec<serde_json::Value> = match write(translator, &records, &version) {
        Ok(written) => {
            let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            expect(&path.with_extension(format!("written.{extension}")), &String::from_utf8_lossy(&written));
            documents(translator, &written)
                .iter()
                .map(|(tree, _)| without_source(&translator.read(tree, Lookup::none()).0))
                .collect()
        }
        Err(faults) => {
            found.extend(faults);
            return format!("{}\n{}", path.display(), told(&found));
        }
    };
    let before: Vec<serde_json::Value> = records.iter().map(without_source).collect();
    assert_eq!(again.len(), before.len(), "{}", path.display());
    let kept = again.iter().zip(&before).all(|(again, before)| keeps(again, before));
    assert!(kept, "{}\n{again:#?}\n{before:#?}", path.display());
    if found.is_empty() { String::new() } else { format!("{}\n{}", path.display(), told(&found)) }
}

#[test]
fn every_shipped_translator_fits_the_standard() {
    let schemas = Schemas::builtin();
    for (name, _) in shipped() {
        let translator = load(name);
        assert_eq!(told(&translator.check(&schemas)), "", "{name}");
    }
}

/// A record type's faulty translators tell all that is wrong with them at once, each at its place.
#[test]
fn a_faulty_translator_tells_all_its_faults() {
    let schemas = Schemas::builtin();
    let folder = root().join("tests/it/translators/bad");
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("the folder can be listed").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        count += 1;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("it is text");
        let found = match Translator::load(&text, &name) {
            Ok(translator) => translator.check(&schemas),
            Err(found) => found,
        };
        assert!(!found.is_empty(), "{name} has no faults");
        expect(&path.with_extension("txt"), &told(&found));
    }
    assert!(count > 10, "the faulty translators are missing");
}

/// The first document of an example.
fn example(translator: &Translator, file: &str) -> Tree {
    let path = root().join("translators/examples").join(translator.name()).join(file);
    let bytes = std::fs::read(path).expect("the example is there");
    documents(translator, &bytes).remove(0).0
}

fn advice(record: Record) -> ShippingAdvice {
    match record {
        Record::ShippingAdvice(advice) => *advice,
        other => panic!("a {} is no advice", other.kind()),
    }
}

#[test]
fn a_qualifier_is_kept_with_the_value_it_led_to_and_not_with_one_taken_by_its_place() {
    let text = find_shipped("x12-810").expect("it is shipped");
    let tree = example(&load("x12-810"), "goods.edi");
    let unread = |text: &str| {
        let translator =
            Translator::load(text, "any.toml").unwrap_or_else(|found| panic!("{}", told(&found)));
        told(&translator.unread(&tree, Lookup::none()))
    };
    assert_eq!(unread(text), "");
    let kept = r#"{ at = "N104", qualifier = 'N103 | table(id_qualifier) | default("assigned_by_buyer")' }"#;
    assert!(text.contains(kept), "the translator has changed");
    let told = unread(&text.replace(kept, "\"N104\""));
    assert!(
        !told.is_empty() && told.lines().step_by(2).all(|line| line.contains("N103 is not kept")),
        "{told}"
    );
}

#[test]
fn a_receipt_of_a_later_release_is_read_with_its_packs() {
    let tree = example(&load("x12-944-5010"), "pallets-5010.edi");
    let translator = load("x12-944");
    let (record, found) = translator.read(&tree, Lookup::none());
    assert_eq!(told(&[found, translator.unread(&tree, Lookup::none())].concat()), "");
    let Record::StockReceipt(receipt) = record else { panic!("it is a stock receipt") };
    let packs: Vec<Option<&str>> = receipt.lines.iter().map(|line| line.sscc.as_deref()).collect();
    let (first, second) = (Some("00006141410073490017"), Some("00006141410073490024"));
    assert_eq!(packs, [first, first, second]);
}

#[test]
fn lines_whose_packs_differ_do_not_share_one() {
    let translator = load("x12-944-5010");
    let (record, _) = translator.read(&example(&translator, "pallets-5010.edi"), Lookup::none());
    let Record::StockReceipt(mut receipt) = record else { panic!("it is a stock receipt") };
    let pallets = |receipt: &StockReceipt| -> Vec<Option<String>> {
        receipt.lines.iter().map(|line| line.extra.get("pallet_blocks").cloned()).collect()
    };
    receipt.lines[1].extra.insert("pallet_blocks".into(), "5".into());
    let before = pallets(&receipt);
    let written =
        translator.write(&Record::StockReceipt(receipt), Lookup::none()).expect("it can be written").tree;
    let Record::StockReceipt(again) = translator.read(&written, Lookup::none()).0 else {
        panic!("it is a stock receipt")
    };
    assert_eq!(pallets(&again), before);
}

#[test]
fn a_partner_may_keep_a_field_elsewhere() {
    let translator = load("x12-945");
    let tree = example(&translator, "cartons.edi");
    let at = || Spot::new(&"acme.toml".into(), "", 0);
    let overlay = Overlay::default()
        .with_field("packs.lines.lot", "LX/W12/N9[LI]02", at())
        .with_field("packs.lines.line_number", "", at())
        .with_field("packs.lines.sku", "LX/W12<UP>", at())
        .with_field("packs.lines.upc", "LX/W12<VN>", at())
        .with_field("packs.extra.aisle", "LX/N9[LO]02", at())
        .with_field("ship_to.id", "", at())
        .with_field("ship_to.extra.code", "N1[ST]04", at());
    let changed = translator.overlay(&overlay).unwrap_or_else(|found| panic!("{}", told(&found)));
    let record = advice(changed.read(&tree, Lookup::none()).0);
    let pack = &record.packs[0];
    assert_eq!(pack.extra.get("aisle").map(String::as_str), Some("AISLE 4"));
    assert_eq!(pack.lines[0].lot.as_deref(), Some("1"));
    assert_eq!(pack.lines[0].line_number, None);
    assert_eq!(pack.lines[0].upc.as_deref(), Some("TM-12"));
    assert_eq!(pack.lines[1].sku.as_deref(), Some("614141007356"));
    assert_eq!(record.ship_to.extra.get("code").map(String::as_str), Some("9001"));
    // Who uses the same part elsewhere keeps it as it was.
    assert!(record.ship_from.extra.is_empty());
}

#[test]
fn a_partner_may_have_codes_and_parts_of_its_own() {
    let translator = load("x12-856");
    let tree = example(&translator, "pick-and-pack.edi");
    let at = || Spot::new(&"acme.toml".into(), "", 0);
    let overlay = Overlay::default().with_row("unit", "CA", "crate", at()).with_field(
        "item.extra.buyer_sku",
        "LIN<SK>",
        at(),
    );
    let changed = translator.overlay(&overlay).unwrap_or_else(|found| panic!("{}", told(&found)));
    let (record, _) = changed.read(&tree, Lookup::none());
    let Record::ShipNotice(notice) = &record else { panic!("it is a ship notice") };
    let item = &notice.orders[0].packs[0].items[0];
    assert_eq!(item.unit.as_deref(), Some("crate"));
    assert_eq!(item.extra.get("buyer_sku").map(String::as_str), Some("7788"));
    assert_eq!(told(&changed.prove(&tree, Lookup::none())), "");
}

#[test]
fn a_value_that_passes_is_told_of_the_field_that_has_it() {
    let translator = load("x12-940");
    let tree = example(&translator, "pallet-order.edi");
    let at = || Spot::new(&"acme.toml".into(), "", 0);
    let mut overlay = Overlay::default().with_field("lines.upc", "", at()).with_field(
        "lines.item_ids",
        "LX/W01<*> | table(kind)",
        at(),
    );
    overlay.crosswalks.push(("kind".to_owned(), WhenUnknown::Pass, at()));
    let changed = translator.overlay(&overlay).unwrap_or_else(|found| panic!("{}", told(&found)));
    let (record, found) = changed.read(&tree, Lookup::none());
    let Record::ShippingOrder(order) = &record else { panic!("it is a shipping order") };
    let passed = order.lines.iter().flat_map(|line| &line.item_ids).count();
    assert!(passed > 0, "the example has such values");
    assert_eq!(found.len(), passed);
    for finding in found {
        assert_eq!((finding.code, finding.severity), ("value_unknown", Severity::Warning));
        assert!(finding.message.ends_with("(item_ids at W01<*>)"), "{}", finding.message);
    }
}

#[test]
fn an_overlay_that_does_not_fit_is_told_where_the_profile_says_it() {
    let translator = load("x12-945");
    let text = "\n\nfields = ...";
    let at = || Spot::new(&"acme.toml".into(), text, 2);
    let overlay = Overlay::default()
        .with_field("packs.lines.lott", "LX/W12/N9[LT]02", at())
        .with_field("packs.lines.lot", "N9[LT]02", at())
        .with_field("packs.lines.sku", "LX/W12<VN", at())
        .with_row("units", "CA", "crate", at());
    let found = translator.overlay(&overlay).expect_err("nothing of it fits");
    let expected = "\
3:1: path_outside_loop: `packs` is filled from LX?, which `N9[LT]02` does not begin with
    hint: write `LX/…`
3:1: path_outside_loop: `packs` is filled from LX?, which `LX/W12<VN` does not begin with
    hint: write `LX/…`
3:1: unknown_table: x12-945 has no table `units`
    hint: did you mean `unit`?
3:1: unknown_field: an advice line has no field `lott`
    hint: did you mean `lot`?
";
    assert_eq!(told(&found), expected);
    assert!(found.iter().all(|finding| finding.location.path == "acme.toml"));
}

#[test]
fn a_document_that_cannot_be_read_says_where() {
    let translator = load("x12-940");
    let text = "ST*940*0001~W05*Q*SO-1~N1*ST*X~G62*10*20261301~LX*1~W01*1O*EA**VN*A~W76*10~SE*7*0001~";
    let schemas = Schemas::builtin();
    let set = schemas.find_set("004010", None, "940").expect("a known set");
    let delimiters = Delimiters { element: b'*', component: b'>', repetition: None, segment: b'~' };
    let mut tree = Tree::default();
    read_tree(text.as_bytes(), 1000, delimiters, set, &mut tree);
    let (record, found) = translator.read(&tree, Lookup::none());
    let shown: Vec<String> = found
        .iter()
        .map(|finding| {
            let at = &finding.location;
            format!(
                "{} at byte {}, {}{:02} in segment {}: {}",
                finding.code, at.byte, at.segment, at.element, at.segment_position, finding.message
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "code_not_in_table at byte 1016, W0501 in segment 2: `Q` is not in table `order_purpose` (purpose at W0501)",
            "date_not_understood at byte 1038, G6202 in segment 4: `20261301` is not a date (ship_on at G62[10]02)",
            "number_not_understood at byte 1056, W0101 in segment 6: `1O` is not a decimal number (quantity at W0101)",
        ]
    );
    assert_eq!(record.business_number(), Some("SO-1"));
}

#[test]
fn a_record_that_cannot_be_written_says_why() {
    let translator = load("x12-940");
    let mut order = ShippingOrder { link_sequence: Some(7), ..ShippingOrder::default() };
    order.purpose = Some(Purpose::Duplicate);
    order.lines.push(ShippingOrderLine::default());
    let item = |qualifier: &str| ItemId { qualifier: Some(qualifier.into()), id: Some("1".into()) };
    order.lines[0].item_ids = ["A1", "A2", "A3", "A4"].map(item).to_vec();
    let found = translator.write(&order.into(), Lookup::none()).expect_err("it lacks an order number");
    let codes: Vec<&str> = found.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["field_missing", "no_free_pair"]);
    let mut order = ShippingOrder { order_number: Some("SO-1".into()), ..ShippingOrder::default() };
    order.lines.push(ShippingOrderLine::default());
    order.lines[0].item_ids = vec![ItemId { qualifier: None, id: Some("777".into()) }];
    let found = translator.write(&order.into(), Lookup::none()).expect_err("nothing says what 777 is");
    assert!(found[0].message.starts_with("nothing says what `777` is"), "{}", told(&found));
}

#[test]
fn each_figure_can_be_traced_to_its_element() {
    let translator = load("x12-945");
    let path = root().join("translators/examples/x12-945/cartons.edi");
    let bytes = std::fs::read(path).expect("the example is there");
    let traced = translator.trace(&documents(&translator, &bytes)[0].0, Lookup::none());
    let figure = traced
        .iter()
        .find(|traced| traced.field == "packs[0].lines[1].quantity_shipped")
        .expect("the second line of the first pack has a quantity");
    assert_eq!((figure.value.as_str(), figure.location.segment.as_str()), ("38", "W12"));
    assert_eq!((figure.location.segment_position, figure.location.element), (26, 3));
    let start = usize::try_from(figure.location.byte).expect("the file is small");
    assert!(bytes.get(start..).is_some_and(|rest| rest.starts_with(b"38*")));
    assert!(traced.iter().any(|traced| traced.field == "ship_to.id_qualifier" && traced.value == "92"));
}
