//! What must hold for arbitrary bytes. The fuzz targets and an ordinary test call the same checks.

use crossdock::formats::x12::ack::{self, Composed, Kind, Settings, Ta1When};
use crossdock::formats::x12::ack_reader::read_acknowledgments;
use crossdock::formats::x12::describe;
use crossdock::formats::x12::fault::{Code, Level};
use crossdock::formats::x12::lexer::Window;
use crossdock::formats::x12::reader::{self, Collector, LeadingBytes, Options};
use crossdock::formats::x12::schema::Schemas;
use crossdock::formats::x12::segment::Delimiters;
use crossdock::formats::x12::tree_builder::read_tree;
use crossdock::formats::x12::validate;
use crossdock::formats::x12::verdict::{Interchange, Status};
use crossdock::formats::x12::writer::{
    DelimiterInData, Envelope, LineEnding, OutboundGroup, OutboundSet, write_interchange,
};
use crossdock::pipeline::rehearse;
use crossdock::profiles::{Library, Profiles};
use crossdock::translators::{self, Format, Lookup, Translator};
use crossdock::tree::Tree;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// A check by its name.
pub type Check = (&'static str, fn(&[u8]));

/// Every check.
pub const ALL: &[Check] = &[
    ("read", read),
    ("round_trip", round_trip),
    ("acknowledgments", acknowledgments),
    ("guide", guide),
    ("translator", translator),
    ("translate", translate),
    ("profile", profile),
];

/// X12 is read alike in whatever pieces it comes; every finding can be told; what answers it is valid.
pub fn read(data: &[u8]) {
    // The last byte says how strictly, so that any file is a seed.
    let choice = data.last().copied().unwrap_or(0);
    let national = if choice & 4 == 0 { validate::National::Accepted } else { validate::National::Refused };
    let options = Options {
        lenient_isa: choice & 1 == 1,
        leading: if choice & 2 == 0 { LeadingBytes::Refuse } else { LeadingBytes::Skip },
        set: validate::Options { national, ..validate::Options::default() },
        ..Options::default()
    };
    let file = reader::validate(data, &options);
    let told = format!("{file:?}");
    for window_bytes in [1, 64 + usize::from(choice)] {
        let mut options = options.clone();
        options.limits.window_bytes = window_bytes;
        let mut collector = Collector::default();
        let pieces = Pieces { bytes: data, state: u32::from(choice) + 1 };
        let summary = reader::validate_stream(pieces, &options, &mut collector).expect("memory can be read");
        assert_eq!(format!("{:?}", collector.finish(&summary)), told, "windows of {window_bytes} bytes");
    }
    for finding in describe::list_findings(&file, Window::whole(data), &options.schemas) {
        assert!(finding.location.byte <= data.len() as u64, "{finding:?}");
        assert!(finding.location.line > 0 && !finding.message.is_empty(), "{finding:?}");
    }
    for interchange in &file.interchanges {
        answer(interchange, &options);
    }
}

/// What is valid can be written, is valid again, and is then written as it stands.
pub fn round_trip(data: &[u8]) {
    let options = Options::default();
    let file = reader::validate(data, &options);
    for interchange in file.interchanges.iter().filter(|interchange| is_clean(interchange)) {
        let written = write_again(interchange, data, &options, LineEnding::None);
        let again = reader::validate(&written, &options);
        assert!(again.complete, "{}", String::from_utf8_lossy(&written));
        let [again] = again.interchanges.as_slice() else { panic!("one interchange was written") };
        assert!(is_clean(again), "{again:#?}\n{}", String::from_utf8_lossy(&written));
        let sets = |interchange: &Interchange| -> Vec<(String, u32)> {
            let sets = interchange.groups.iter().flat_map(|group| &group.sets);
            sets.map(|set| (set.id.clone(), set.segments)).collect()
        };
        assert_eq!(sets(again), sets(interchange), "no segment is lost");
        assert_eq!(
            String::from_utf8_lossy(&write_again(again, &written, &options, LineEnding::None)),
            String::from_utf8_lossy(&written)
        );
    }
}

/// Acknowledgments of whatever form are read; their own are never acknowledged.
pub fn acknowledgments(data: &[u8]) {
    let wrapped = [
        b"ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *261125*1200*U*00401*000000001*0*P*>~GS*FA*S*R*20261125*1200*1*X*005010~ST*".as_slice(),
        if data.len().is_multiple_of(2) { b"997" } else { b"999" },
        b"*0001~",
        data,
        b"~SE*9*0001~GE*1*1~IEA*1*000000001~",
    ]
    .concat();
    for bytes in [data, &wrapped] {
        let file = reader::validate(bytes, &Options::default());
        for received in read_acknowledgments(bytes, &file) {
            assert!(received.byte < bytes.len() as u64, "{received:?}");
            assert!(received.interchange < file.interchanges.len(), "{received:?}");
        }
        for group in file.interchanges.iter().flat_map(|interchange| &interchange.groups) {
            let composed = ack::compose(group, &Settings::default(), &STANDARD);
            assert!(composed.is_none() || !group.is_acknowledgment());
        }
    }
}

/// A guide is refused with a reason or serves.
pub fn guide(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut schemas = Schemas::builtin();
    if let Err(findings) = schemas.load_guide(text, "guide") {
        assert!(!findings.is_empty());
        return;
    }
    let name = schemas.list().filter_map(|release| release.guide()).last().map(str::to_owned);
    let set = validate::Options { guide: name, ..validate::Options::default() };
    let options = Options { schemas, set, ..Options::default() };
    let file = reader::validate(include_bytes!("../tests/it/x12_validate/valid/940-004010.edi"), &options);
    drop(describe::list_findings(&file, Window::whole(data), &options.schemas));
}

/// A translator is refused with a reason or stands; its check says what is wrong with it.
pub fn translator(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Translator::load(text, "translators/any.toml") {
        Ok(translator) => drop(translator.check(&Schemas::builtin())),
        Err(findings) => assert!(!findings.is_empty()),
    }
}

/// A profile is refused with a reason or serves. It stands between defaults and a site's settings of its own, or
/// brings all of them, as they are kept with what was read by them.
pub fn profile(data: &[u8]) {
    static LIBRARY: LazyLock<Library> = LazyLock::new(Library::shipped);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let layers = if text.starts_with('\u{1e}') {
        text.to_owned()
    } else {
        let defaults = include_str!("../partner-profiles/defaults.toml");
        format!("\u{1e}defaults.toml\n{defaults}\u{1e}any.toml\n{text}\u{1e}crossdock.toml\n")
    };
    let profiles = match Profiles::default().with_stored("any", &layers, Path::new("."), &LIBRARY) {
        Ok(profiles) => profiles,
        Err(findings) => {
            assert!(findings.iter().all(|finding| !finding.message.is_empty()) && !findings.is_empty());
            return;
        }
    };
    let profile = profiles.find("any").expect("it was read");
    let at = chrono::DateTime::UNIX_EPOCH;
    for expected in profile.exchange.sends.iter().filter_map(|sends| sends.expect_ack) {
        assert!(profile.calendar.due(at, expected.within) >= at);
    }
    for inbound in profile.channels.values().filter_map(|channel| channel.inbound.as_ref()) {
        std::hint::black_box(inbound.takes("940_000000001.edi"));
    }
    if let Some(x12) = &profile.x12 {
        drop(reader::validate(include_bytes!("../tests/it/x12_validate/valid/940-004010.edi"), &x12.reading));
    }
}

/// Documents of every format become records or findings, and records are written back or refused. The first byte
/// chooses the translator where the format does not; see `scripts/fuzz` for the seeds.
pub fn translate(data: &[u8]) {
    let Some((choice, document)) = data.split_first() else { return };
    let (x12, other) = &*TRANSLATORS;
    let one;
    let chosen: &[Arc<Translator>] = if *choice == b'x' {
        x12
    } else {
        one = [other[usize::from(*choice) % other.len()].clone()];
        &one
    };
    let translation = rehearse::translate(document, chosen, &Options::default(), Lookup::none());
    for document in translation.documents {
        let (Some(record), Some(translator)) = (document.record, document.translator) else { continue };
        if let Ok(written) = translator.write(&record, Lookup::none())
            && translator.format() != Format::X12
        {
            drop(translator.layout().write(&[written.tree]));
        }
    }
}

type Translators = Vec<Arc<Translator>>;

/// Those of X12, and the others.
static TRANSLATORS: LazyLock<(Translators, Translators)> = LazyLock::new(|| {
    let all = translators::shipped().map(|(name, text)| {
        Arc::new(Translator::load(text, &format!("translators/{name}.toml")).expect("it is shipped"))
    });
    all.partition(|translator| translator.format() == Format::X12)
});

/// Gives bytes in pieces of changing size.
struct Pieces<'a> {
    bytes: &'a [u8],
    state: u32,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let most = (self.state >> 24) as usize % 97 + 1;
        let (now, later) = self.bytes.split_at(most.min(buffer.len()).min(self.bytes.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.bytes = later;
        Ok(now.len())
    }
}

const STANDARD: Delimiters =
    Delimiters { element: b'*', component: b'>', repetition: Some(b'^'), segment: b'~' };

/// Composes and writes what answers an interchange, and reads it as its receiver would.
fn answer(interchange: &Interchange, options: &Options) {
    for kind in [Kind::Auto, Kind::F999] {
        answer_by(kind, interchange, options);
    }
}

fn answer_by(kind: Kind, interchange: &Interchange, options: &Options) {
    let acknowledgments: Vec<_> = ack::ta1(interchange, Ta1When::RequestedOrFaulty).into_iter().collect();
    let settings = Settings { kind, report_warnings: true, ..Settings::default() };
    let groups = interchange.groups.iter().filter(|_| interchange.status != Status::Rejected);
    let composed: Vec<Composed> =
        groups.filter_map(|group| ack::compose(group, &settings, &STANDARD)).collect();
    if acknowledgments.is_empty() && composed.is_empty() {
        return;
    }
    let trees: Vec<OutboundSet<'_>> = composed
        .iter()
        .map(|composed| OutboundSet {
            id: composed.set_id,
            control_number: "0001",
            implementation: &composed.implementation,
            tree: &composed.tree,
        })
        .collect();
    let groups: Vec<OutboundGroup<'_>> = composed
        .iter()
        .zip(&trees)
        .zip(1..)
        .map(|((composed, set), control_number)| OutboundGroup {
            functional_id: "FA",
            version: &composed.version,
            control_number,
            sender: "RECEIVER",
            receiver: "SENDER",
            sets: std::slice::from_ref(set),
        })
        .collect();
    let envelope = Envelope {
        delimiters: STANDARD,
        sender: ("ZZ".into(), "RECEIVER".into()),
        receiver: ("ZZ".into(), "SENDER".into()),
        at: chrono::NaiveDateTime::default(),
        version: "00501".into(),
        control_number: 1,
        usage: 'P',
        acknowledgment_requested: false,
        line_ending: LineEnding::Lf,
        delimiter_in_data: DelimiterInData::Replace(' '),
        acknowledgments,
    };
    let written = match write_interchange(&envelope, &groups, &options.schemas) {
        Ok(written) => written,
        Err(findings) => panic!("our own acknowledgments are valid: {findings:#?}\n{composed:#?}"),
    };
    let file = reader::validate(&written, options);
    let findings = describe::list_findings(&file, Window::whole(&written), &options.schemas);
    let grave: Vec<_> = findings
        .iter()
        // It repeats the codes that it refuses.
        .filter(|finding| finding.code != "invalid_code" || !finding.location.segment.starts_with("AK"))
        .collect();
    assert!(grave.is_empty(), "{grave:#?}\n{}", String::from_utf8_lossy(&written));
    assert_eq!(read_acknowledgments(&written, &file).len(), composed.len() + envelope.acknowledgments.len());
}

/// Whether nothing at all is wrong, but for what people are told beside.
fn is_clean(interchange: &Interchange) -> bool {
    let is_rejected = |level: Level, code: Code| level != Level::Interchange && code == Code::SumDiffers;
    interchange.faults.is_empty()
        && interchange.status == Status::Accepted
        && interchange.groups.iter().all(|group| {
            group.faults.is_empty()
                && group.status == Status::Accepted
                && group
                    .sets
                    .iter()
                    .all(|set| set.faults.iter().all(|fault| is_rejected(fault.code.level(), fault.code)))
        })
}

/// Reads every set of a valid interchange into a tree and writes them in the same envelopes.
pub fn write_again(
    interchange: &Interchange,
    bytes: &[u8],
    options: &Options,
    line_ending: LineEnding,
) -> Vec<u8> {
    let instant = format!("20{}{}", interchange.header.date, interchange.header.time);
    let header = &interchange.header;
    let mut trees: Vec<Vec<Tree>> = Vec::new();
    for group in &interchange.groups {
        let sets = group.sets.iter().map(|set| {
            let schema = options.schemas.find_set(&group.version, None, &set.id).expect("it is known");
            let range = set.bytes.start as usize..set.bytes.end as usize;
            let mut tree = Tree::default();
            read_tree(&bytes[range], set.bytes.start, header.delimiters, schema, &mut tree);
            tree
        });
        trees.push(sets.collect());
    }
    let sets: Vec<Vec<OutboundSet<'_>>> = interchange
        .groups
        .iter()
        .zip(&trees)
        .map(|(group, trees)| {
            let sets = group.sets.iter().zip(trees).map(|(set, tree)| OutboundSet {
                id: &set.id,
                control_number: &set.control_number,
                implementation: &set.implementation,
                tree,
            });
            sets.collect()
        })
        .collect();
    let groups: Vec<OutboundGroup<'_>> = interchange
        .groups
        .iter()
        .zip(&sets)
        .map(|(group, sets)| OutboundGroup {
            functional_id: &group.functional_id,
            version: &group.version,
            control_number: group.control_number.parse().expect("it is valid"),
            sender: &group.sender,
            receiver: &group.receiver,
            sets,
        })
        .collect();
    let envelope = Envelope {
        delimiters: header.delimiters,
        sender: header.sender.clone(),
        receiver: header.receiver.clone(),
        at: chrono::NaiveDateTime::parse_from_str(&instant, "%Y%m%d%H%M").unwrap_or_default(),
        version: header.version.clone(),
        control_number: header.control_number.parse().expect("it is valid"),
        usage: header.usage.chars().next().expect("it is valid"),
        acknowledgment_requested: header.acknowledgment_requested,
        line_ending,
        delimiter_in_data: DelimiterInData::Refuse,
        acknowledgments: interchange.acknowledgments.clone(),
    };
    match write_interchange(&envelope, &groups, &options.schemas) {
        Ok(written) => written,
        Err(findings) => panic!("what is valid can be written: {findings:#?}"),
    }
}
