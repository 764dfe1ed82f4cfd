//! What becomes of segments in order and out of it.

use super::*;
use crate::formats::x12::schema::Schemas;
use proptest::prelude::*;

#[test]
fn a_loops_first_segment_again_is_its_next_turn() {
    assert_eq!(walk("850", "ST BEG N1 N3 N4 N1 N3 PO1 PID PID PO1 N1 N3 CTT SE"), "");
    assert_eq!(walk("945", "ST W06 N1 LX MAN W12 N9 W12 LX MAN W12 W03 SE"), "");
}

#[test]
fn a_segment_belongs_to_the_innermost_loop_that_has_it() {
    assert_eq!(places("850", "ST BEG REF N1 REF PO1 REF N1 REF"), "/ / / N1 N1 PO1 PO1 PO1/N1 PO1/N1");
    assert_eq!(places("856", "ST BSN HL REF N1 REF HL MAN"), "/ / HL HL HL/N1 HL/N1 HL HL");
}

#[test]
fn the_lx_inside_is_only_reached_between_ls_and_le() {
    let told = places("940", "ST W05 LX W01 LX W01 LS LX N9 LX LE LX W01");
    assert_eq!(
        told,
        "/ / 0300 0300/0310 0300 0300/0310 0300/0310 0300/0310/0330 0300/0310/0330 \
                      0300/0310/0330 0300/0310 0300 0300/0310"
    );
}

#[test]
fn a_full_place_hands_over_to_a_later_one_or_is_a_fault() {
    let text = format!("ST W05 {} SE", ["N9"; 12].join(" "));
    // Ten are allowed; the eleventh is told, the twelfth is not told again.
    assert_eq!(walk("940", &text), "13 N9 SegmentOverMaximum\n");
}

#[test]
fn what_is_missing_is_told_where_it_was_due() {
    assert_eq!(walk("850", "ST CUR SE"), "2 BEG missing\n3 PO1 missing\n");
    assert_eq!(walk("810", "ST BIG FA1 IT1 TDS SE"), "4 FA2 missing\n");
}

#[test]
fn a_mandatory_segment_that_comes_late_is_not_missing() {
    assert_eq!(walk("810", "ST BIG IT1 ISS TDS CAD SAC CTT SE"), "5 TDS SegmentOutOfSequence\n");
    assert_eq!(walk("850", "ST CUR BEG REF PO1 SE"), "3 BEG SegmentOutOfSequence\n");
}

#[test]
fn a_loop_out_of_sequence_is_one_fault() {
    assert_eq!(walk("940", "ST W05 N9 G62 N1 N3 N4 N1 N3 G62 LX W01 SE"), "5 N1 SegmentOutOfSequence\n");
    assert_eq!(walk("850", "ST BEG PO1 CTT PO1 PID PO1 PID CTT SE"), "5 PO1 SegmentOutOfSequence\n");
}

#[test]
fn a_loop_without_its_opener_is_one_fault() {
    assert_eq!(walk("940", "ST W05 W01 N9 W01 N9 W76 SE"), "3 LX missing\n");
    assert_eq!(walk("945", "ST W06 N1 W12 W12 W03 SE"), "4 LX missing\n");
    assert_eq!(walk("850", "ST BEG N3 N4 PO1 SE"), "3 N1 missing\n");
    assert_eq!(walk("846", "ST BIA N1 N3 LIN N4 PID QTY LIN SE"), "6 N1 missing\n");
}

#[test]
fn unknown_and_foreign_segments_are_told_and_passed() {
    assert_eq!(
        walk("850", "ST BEG ZZZ W05 beg PO1 SE"),
        "3 ZZZ UnrecognizedSegment\n4 W05 SegmentNotInSet\n5 beg UnrecognizedSegment\n"
    );
    assert_eq!(walk("940", "ST W05 W20 N9 LE SE"), "3 W20 UnexpectedSegment\n5 LE SegmentOutOfSequence\n");
}

#[test]
fn one_walker_walks_set_after_set() {
    let schemas = Schemas::builtin();
    let mut walker = Walker::default();
    for id in ["850", "850", "940", "850"] {
        walker.begin(schemas.find_set("005010", None, id).expect("it is built in"));
        for (at, segment) in (1..).zip(["ST", if id == "940" { "W05" } else { "BEG" }, "N1", "N1"]) {
            assert_eq!(walker.step(segment.as_bytes(), at, 0).fault, None, "{id} {segment}");
        }
    }
}

proptest! {
    #[test]
    fn any_row_of_segments_is_walked(
        set in prop::sample::select(vec!["850", "940", "945", "856", "810", "204", "820", "999"]),
        row in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
    ) {
        let schemas = Schemas::builtin();
        let set = schemas.find_set("005010", None, set).expect("it is built in");
        let tables = set.tables();
        let mut walker = Walker::default();
        walker.begin(set);
        let mut faults = 0;
        for (at, index) in (1..).zip(&row) {
            let leaf = &tables.leaves[index.index(tables.leaves.len())];
            let id = tables.dictionary.segment(leaf.definition).id.text();
            let step = walker.step(id.as_bytes(), at, 0);
            faults += usize::from(step.fault.is_some());
            if let Some(leaf) = step.leaf {
                prop_assert_eq!(tables.leaf(leaf).symbol, tables.symbol(tables.leaf(leaf).definition));
            }
        }
        prop_assert!(faults <= row.len());
    }
}

/// The faults of a set of these segments, one a line.
fn walk(set: &str, segments: &str) -> String {
    let schemas = Schemas::builtin();
    let mut walker = Walker::default();
    walker.begin(schemas.find_set("004010", None, set).expect("it is built in"));
    let mut told: Vec<(u32, String)> = Vec::new();
    for (at, id) in (1..).zip(segments.split(' ')) {
        let step = walker.step(id.as_bytes(), at, 0);
        told.extend(step.fault.map(|fault| (at, format!("{at} {id} {fault:?}\n"))));
    }
    walker.end();
    told.extend(walker.take_missing().map(|missing| {
        (missing.position, format!("{} {} missing\n", missing.position, missing.segment.text()))
    }));
    told.sort();
    told.into_iter().map(|(_, line)| line).collect()
}

/// The loops each segment lies in.
fn places(set: &str, segments: &str) -> String {
    let schemas = Schemas::builtin();
    let set = schemas.find_set("004010", None, set).expect("it is built in");
    let mut walker = Walker::default();
    walker.begin(set);
    let place = |(at, id): (u32, &str)| {
        let mut inside = walker.step(id.as_bytes(), at, 0).inside;
        let mut path: Vec<&str> = Vec::new();
        while let Some(id) = inside.filter(|id| *id != LoopId::ROOT) {
            path.insert(0, set.loop_id(id));
            inside = set.parent(id);
        }
        if path.is_empty() { "/".to_owned() } else { path.join("/") }
    };
    (1..).zip(segments.split(' ')).map(place).collect::<Vec<_>>().join(" ")
}
