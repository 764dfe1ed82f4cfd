//! What must hold of translators and formats whatever comes in.

use std::path::Path;

use crossdock::formats::x12::schema::Schemas;
use crossdock::formats::x12::segment::Delimiters;
use crossdock::formats::x12::tree_builder::read_tree;
use crossdock::formats::{delimited, json, xml};
use crossdock::translators::{Layout, Lookup, Translator, find_shipped, shipped};
use crossdock::tree::{Key, Origin, Tree};
use proptest::prelude::*;

fn load(name: &str) -> Translator {
    Translator::load(find_shipped(name).expect("it is shipped"), name).expect("it has no faults")
}

/// A file with some of its bytes cut out and others put in.
fn damaged(original: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let cut = (0..original.len(), 0_usize..40, proptest::collection::vec(any::<u8>(), 0..12));
    proptest::collection::vec(cut, 1..4).prop_map(move |cuts| {
        let mut bytes = original.to_vec();
        for (at, length, new) in cuts {
            let start = at.min(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, new);
        }
        bytes
    })
}

fn file(path: &str) -> &'static [u8] {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("translators").join(path);
    std::fs::read(path).expect("the example is there").leak()
}

fn table(cells: &[Vec<String>]) -> Tree {
    let mut tree = Tree::new("table");
    for row in cells {
        let root = tree.root();
        let node = tree.add(root, "row", Origin::default());
        for (number, cell) in row.iter().enumerate() {
            if !cell.trim().is_empty() {
                tree.push(node, Key::Name(&format!("c{number}")), cell, 0);
            }
        }
    }
    tree
}

fn cells(tree: &Tree) -> Vec<Vec<(String, String)>> {
    tree.children(tree.root())
        .map(|row| {
            tree.values(row).map(|value| (format!("{:?}", value.key), value.text.to_owned())).collect()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_translator_gives_faults_or_works(bytes in damaged(file("x12-945.toml"))) {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(translator) = Translator::load(&text, "damaged.toml") {
            drop(translator.check(&Schemas::builtin()));
        }
    }

    #[test]
    fn a_damaged_document_is_read_without_a_panic(bytes in damaged(file("examples/x12-856/pick-and-pack.edi"))) {
        let schemas = Schemas::builtin();
        let set = schemas.find_set("004010", None, "856").expect("a known set");
        let delimiters = Delimiters { element: b'*', component: b'>', repetition: None, segment: b'~' };
        let mut tree = Tree::default();
        read_tree(&bytes, 0, delimiters, set, &mut tree);
        let translator = load("x12-856");
        let (record, _) = translator.read(&tree, Lookup::none());
        drop(translator.unread(&tree, Lookup::none()));
        drop(translator.prove(&tree, Lookup::none()));
        if let Ok(written) = translator.write(&record, Lookup::none()) {
            let written = written.tree;
            // What was written once stays as it is.
            let (again, _) = translator.read(&written, Lookup::none());
            let twice = translator.write(&again, Lookup::none()).expect("what was read of our own document can be written").tree;
            let sorted = |tree: &Tree| {
                let mut all = cells(tree);
                all.sort();
                all
            };
            prop_assert_eq!(sorted(&twice), sorted(&written));
        }
    }

    #[test]
    fn no_reader_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for (name, _) in shipped() {
            match load(name).layout() {
                Layout::Delimited(layout) => drop(delimited::read(&bytes, layout)),
                Layout::Xml(layout) => drop(xml::read(&bytes, layout)),
                Layout::Json(layout) => drop(json::read(&bytes, layout)),
                Layout::FixedWidth(_) | Layout::X12 => {}
            }
        }
    }

    #[test]
    fn damaged_files_are_read_without_a_panic(
        csv in damaged(file("examples/csv-shipping-order/two-orders.csv")),
        markup in damaged(file("examples/xml-shipping-order/two-orders.xml")),
        body in damaged(file("examples/json-invoice/goods.json")),
    ) {
        for (name, bytes) in [("csv-shipping-order", csv), ("xml-shipping-order", markup), ("json-invoice", body)] {
            let translator = load(name);
            let (trees, _) = match translator.layout() {
                Layout::Delimited(layout) => delimited::read(&bytes, layout),
                Layout::Xml(layout) => xml::read(&bytes, layout),
                Layout::Json(layout) => json::read(&bytes, layout),
                Layout::FixedWidth(_) | Layout::X12 => unreachable!("it is none of these"),
            };
            for tree in &trees {
                drop(translator.read(tree, Lookup::none()));
                drop(translator.unread(tree, Lookup::none()));
                drop(translator.prove(tree, Lookup::none()));
            }
        }
    }

    #[test]
    fn cells_survive_a_delimited_file(rows in proptest::collection::vec(proptest::collection::vec("[^\0]{0,12}", 3), 1..6)) {
        let names: Vec<String> = (0..3).map(|number| format!("c{number}")).collect();
        let layout = delimited::Layout { columns: names, ..delimited::Layout::default() };
        let rows: Vec<Vec<String>> = rows.into_iter().filter(|row| row.iter().any(|cell| !cell.trim().is_empty())).collect();
        prop_assume!(!rows.is_empty());
        let tree = table(&rows);
        let bytes = delimited::write(std::slice::from_ref(&tree), &layout).expect("quotes hold everything");
        let (read, found) = delimited::read(&bytes, &layout);
        prop_assert_eq!(&found, &[]);
        prop_assert_eq!(cells(&read[0]), cells(&tree));
    }

    #[test]
    fn texts_survive_xml_and_json(text in "[^\0-\u{1f}\u{7f}-\u{9f}\u{fffe}\u{ffff}]{1,40}") {
        let text = text.trim();
        prop_assume!(!text.is_empty());
        let mut tree = Tree::new("a");
        let root = tree.root();
        tree.push(root, Key::Name("@b"), text, 0);
        let child = tree.add(root, "c", Origin::default());
        tree.push(child, Key::Name(""), text, 0);
        let layout = xml::Layout { document: vec!["a".into()], ..xml::Layout::default() };
        let bytes = xml::write(std::slice::from_ref(&tree), &layout).expect("it has no control characters");
        let (read, found) = xml::read(&bytes, &layout);
        prop_assert_eq!(&found, &[]);
        prop_assert_eq!(read[0].value(read[0].root(), Key::Name("@b")).map(|value| value.text), Some(text));
        prop_assert_eq!(cells(&read[0]), cells(&tree));
        let layout = json::Layout { name: "a".into(), ..json::Layout::default() };
        let mut tree = Tree::new("a");
        let child = tree.add(tree.root(), "c", Origin::default());
        tree.push(child, Key::Name(""), text, 0);
        let bytes = json::write(std::slice::from_ref(&tree), &layout).expect("a text can be written");
        prop_assert_eq!(cells(&json::read(&bytes, &layout).0[0]), cells(&tree));
    }
}

#[test]
fn the_worked_example_of_the_reference_works() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/translator-language.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    let (_, rest) = page.split_once("```toml\n").expect("it has an example");
    let (example, _) = rest.split_once("```").expect("the example ends");
    // The page leaves out the tables that say nothing new.
    let tables = "\n[tables.party_role]\n\"*\" = \"*\"\n[tables.id_qualifier]\n\"*\" = \"*\"\n";
    let translator = Translator::load(&format!("{example}{tables}"), "example.toml");
    let translator = translator.unwrap_or_else(|found| panic!("{found:#?}"));
    assert_eq!(translator.check(&Schemas::builtin()), []);
}
