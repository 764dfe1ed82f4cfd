//! Acknowledgments that we send: TA1, 997 and 999, composed from verdicts.
//!
//! Those that partners send are read by [`super::ack_reader`].

use super::context;
use super::envelope::parse_number;
use super::fault::{Code, Fault, Level};
use super::segment::Delimiters;
use super::verdict::{Group, Interchange, Reference, Set, Status, Ta1};
use crate::finding::Severity;
use crate::tree::{Key, NodeId, Origin, Tree};

/// Which acknowledgment answers a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// None.
    None,
    /// 997.
    F997,
    /// 999, for groups of 005010 and later; older ones get a 997.
    F999,
    /// 999 for a group that follows a guide (`005010X…`), else 997.
    #[default]
    Auto,
}

/// Which sets an acknowledgment lists one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SetResponses {
    /// Every set.
    #[default]
    All,
    /// Those that were not simply accepted.
    RejectedOnly,
}

/// GS08 of an acknowledgment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Release {
    /// The release of the group that is answered.
    #[default]
    FollowInbound,
    /// Always this one.
    Fixed(String),
}

/// When an interchange is answered by a TA1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ta1When {
    /// Never.
    Never,
    /// When ISA14 asks for one.
    #[default]
    Requested,
    /// When ISA14 asks for one, and on every fault of the envelope.
    RequestedOrFaulty,
}

/// What was agreed with a partner on the acknowledgments it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// 997, 999 or none.
    pub kind: Kind,
    /// Sets listed one by one.
    pub ak2: SetResponses,
    /// Whether `E` may be said; without it a set with errors is rejected.
    pub accept_with_errors: bool,
    /// Whether `P` may be said; without it one rejected set rejects its group.
    pub partial: bool,
    /// GS08 of the acknowledgment.
    pub release: Release,
    /// Tell warnings too, where the standard has a code for them. The verdict stays what it is.
    pub report_warnings: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            kind: Kind::Auto,
            ak2: SetResponses::All,
            accept_with_errors: true,
            partial: true,
            release: Release::FollowInbound,
            report_warnings: false,
        }
    }
}

/// One 997 or 999, ready to be written as a set of a group whose GS01 is `FA`.
#[derive(Clone, Debug)]
pub struct Composed {
    /// `997` or `999`.
    pub set_id: &'static str,
    /// GS08.
    pub version: String,
    /// ST03, empty for none.
    pub implementation: String,
    /// What the acknowledgment says of the group, AK901.
    pub status: Status,
    /// Its segments, AK1 to AK9.
    pub tree: Tree,
}

/// What becomes of a set under the partner's settings, AK501.
#[must_use]
pub fn set_status(set: &Set, settings: &Settings) -> Status {
    match set.status {
        Status::AcceptedWithErrors if !settings.accept_with_errors => Status::Rejected,
        status => status,
    }
}

/// What becomes of a group under the partner's settings, AK901.
#[must_use]
pub fn group_status(group: &Group, settings: &Settings) -> Status {
    let faults = Status::of_faults(&group.faults);
    let rejected = group.sets.iter().filter(|set| set_status(set, settings) == Status::Rejected).count();
    let strict = faults == Status::AcceptedWithErrors && !settings.accept_with_errors;
    if faults == Status::Rejected || strict || (rejected > 0 && rejected == group.sets.len()) {
        Status::Rejected
    } else if rejected > 0 {
        if settings.partial { Status::PartiallyAccepted } else { Status::Rejected }
    } else if faults == Status::AcceptedWithErrors
        || group.sets.iter().any(|set| set.status == Status::AcceptedWithErrors)
    {
        Status::AcceptedWithErrors
    } else {
        Status::Accepted
    }
}

/// Composes the acknowledgment of a group. `separators` are those it will be written with: data that would upset
/// them is not copied. None when there is nothing to say: the settings say so, or the group holds acknowledgments,
/// which are never acknowledged. A rejected interchange is answered by its TA1 alone; that is for the caller to see.
#[must_use]
pub fn compose(group: &Group, settings: &Settings, separators: &Delimiters) -> Option<Composed> {
    if group.is_acknowledgment() {
        return None;
    }
    let version = match &settings.release {
        // A release that we do not have is one that we cannot write either.
        Release::FollowInbound
            if group.faults.iter().any(|fault| fault.code == Code::GroupVersionNotSupported) =>
        {
            "004010".to_owned()
        }
        Release::FollowInbound => base_release(&group.version),
        Release::Fixed(version) => version.clone(),
    };
    let follows_guide = group.version.as_str() >= "005010" && group.version.as_bytes().get(6) == Some(&b'X');
    let is_999 = match settings.kind {
        Kind::None => return None,
        Kind::F997 => false,
        Kind::F999 => version.as_str() >= "005010",
        Kind::Auto => follows_guide && version.as_str() >= "005010",
    };
    let status = group_status(group, settings);
    let set_id = if is_999 { "999" } else { "997" };
    let mut composer = Composer {
        tree: Tree::new(set_id),
        settings,
        separators,
        is_999,
        is_005010: version.as_str() >= "005010",
        is_003060: version.as_str() >= "003060",
    };
    composer.compose(group, status);
    let tree = composer.tree;
    // The guide of the 999 is part of its GS08, and of ST03.
    let (version, implementation) = match (is_999, version.as_str()) {
        (true, "005010") => (GUIDE_OF_999.to_owned(), GUIDE_OF_999.to_owned()),
        _ => (version, String::new()),
    };
    Some(Composed { set_id, version, implementation, status, tree })
}

/// Composes the TA1 that answers an interchange, or none if none is due. An interchange that itself holds
/// nothing but TA1s is never answered.
#[must_use]
pub fn ta1(interchange: &Interchange, when: Ta1When) -> Option<Ta1> {
    let only_acknowledges = !interchange.acknowledgments.is_empty() && interchange.received_groups == 0;
    let header = &interchange.header;
    let due = match when {
        Ta1When::Never => false,
        Ta1When::Requested => header.acknowledgment_requested,
        Ta1When::RequestedOrFaulty => {
            header.acknowledgment_requested || interchange.status != Status::Accepted
        }
    };
    if !due || only_acknowledges {
        return None;
    }
    let gravest = interchange
        .faults
        .iter()
        .filter(|fault| fault.severity > Severity::Warning)
        .max_by(|a, b| a.severity.cmp(&b.severity).then(b.byte.cmp(&a.byte)));
    // A fault that TA105 has no word for is one of the control structure.
    let note = match gravest.map(|fault| fault.code) {
        None => "000",
        Some(code) if code.level() == Level::Interchange && !code.ack_code().is_empty() => code.ack_code(),
        Some(_) => Code::InvalidControlStructure.ack_code(),
    };
    Some(Ta1 {
        byte: interchange.bytes.start,
        // What was sent may be anything, also separators.
        control_number: sayable(&header.control_number, 9, 9),
        date: sayable(&header.date, 6, 6),
        time: sayable(&header.time, 4, 4),
        status: interchange.status.code().to_owned(),
        note: note.to_owned(),
    })
}

/// The six digits of a GS08, or 004010 where it has none.
fn base_release(version: &str) -> String {
    version
        .get(..6)
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .unwrap_or("004010")
        .to_owned()
}

/// The guide that partners of 005010 expect a 999 to follow.
const GUIDE_OF_999: &str = "005010X231A1";

struct Composer<'a> {
    tree: Tree,
    settings: &'a Settings,
    separators: &'a Delimiters,
    is_999: bool,
    is_005010: bool,
    is_003060: bool,
}

impl Composer<'_> {
    fn compose(&mut self, group: &Group, status: Status) {
        let root = self.tree.root();
        // A number that is none is answered as 0, which no group has.
        let number = parse_number(group.control_number.as_bytes()).unwrap_or(0).to_string();
        let version = if self.is_005010 { sayable(&group.version, 0, 12) } else { String::new() };
        self.add(root, "AK1", &[&sayable(&group.functional_id, 2, 2), &number, &version]);
        // Who refuses a group says nothing of its sets.
        let listed = Status::of_faults(&group.faults) != Status::Rejected;
        for set in group.sets.iter().filter(|_| listed) {
            let status = set_status(set, self.settings);
            if self.settings.ak2 == SetResponses::All || status != Status::Accepted {
                self.add_set(root, set, status);
            }
        }
        let accepted = match status {
            Status::Rejected => 0,
            _ => group.sets.iter().filter(|set| set_status(set, self.settings) != Status::Rejected).count(),
        };
        let declared = if has_trailer(group) { group.declared_sets } else { group.received_sets };
        let (declared, received) = (declared.to_string(), group.received_sets.to_string());
        let accepted = accepted.to_string();
        let mut values = vec![status.code(), &declared, &received, &accepted];
        let codes = self.codes(&group.faults, Level::Group);
        values.extend(codes.iter().map(String::as_str));
        self.add(root, "AK9", &values);
    }

    fn add_set(&mut self, root: NodeId, set: &Set, status: Status) {
        let implementation = if self.is_005010 { sayable(&set.implementation, 0, 35) } else { String::new() };
        let (id, number) = (sayable(&set.id, 3, 3), sayable(&set.control_number, 4, 9));
        let ak2 = self.add(root, "AK2", &[&id, &number, &implementation]);
        let mut faults: Vec<&Fault> = set.faults.iter().filter(|fault| self.is_told(fault)).collect();
        faults.retain(|fault| matches!(fault.code.level(), Level::Segment | Level::Element));
        faults.sort_by_key(|fault| fault.segment_position);
        let is_same =
            |a: &&Fault, b: &&Fault| (a.segment_position, a.segment) == (b.segment_position, b.segment);
        for faults in faults.chunk_by(is_same) {
            self.add_segment(ak2, faults, set.reference.as_ref());
        }
        let mut codes = self.codes(&set.faults, Level::Set);
        if !faults.is_empty() && !codes.iter().any(|code| code == "5") {
            codes.push("5".to_owned());
            codes.truncate(5);
        }
        let mut values = vec![status.code()];
        values.extend(codes.iter().map(String::as_str));
        self.add(ak2, if self.is_999 { "IK5" } else { "AK5" }, &values);
    }

    /// One AK3 for each fault of the segment itself, and one with code 8 for all faults of its elements.
    fn add_segment(&mut self, ak2: NodeId, faults: &[&Fault], reference: Option<&Reference>) {
        let Some(first) = faults.first() else { return };
        let id = sayable(&first.segment.text(), 2, 3);
        let position = first.segment_position.max(1).to_string();
        let tag = if self.is_999 { "IK3" } else { "AK3" };
        let mut said: Vec<String> = Vec::new();
        for fault in faults.iter().filter(|fault| fault.code.level() == Level::Segment) {
            let code = self.segment_code(fault.code);
            if code != "8" && !said.contains(&code) {
                let ak3 = self.add(ak2, tag, &[&id, &position, &loop_id(fault), &code]);
                self.add_reference(ak3, reference);
                said.push(code);
            }
        }
        let elements: Vec<_> = faults.iter().filter(|fault| fault.code.level() == Level::Element).collect();
        let unsaid = said.is_empty();
        if elements.is_empty() && !unsaid {
            return;
        }
        // Code 8 came with 003060; before, an AK3 with AK4s under it says as much.
        let code = if self.is_003060 { "8" } else { "" };
        let ak3 = self.add(ak2, tag, &[&id, &position, &loop_id(first), code]);
        self.add_reference(ak3, reference);
        // An AK3 holds at most 99 AK4.
        for fault in elements.into_iter().take(99) {
            self.add_element(ak3, fault);
        }
    }

    fn add_element(&mut self, ak3: NodeId, fault: &Fault) {
        let node = self.tree.add(ak3, if self.is_999 { "IK4" } else { "AK4" }, Origin::default());
        let mut set = |element: u16, component: u16, text: &str| {
            if !text.is_empty() {
                self.tree.push(node, Key::Element(element, component, 1), text, 0);
            }
        };
        set(1, 1, &fault.element.max(1).to_string());
        let number = |number: u16| if number == 0 { String::new() } else { number.to_string() };
        set(1, 2, &number(fault.component));
        if self.is_005010 {
            set(1, 3, &number(fault.repetition.saturating_sub(u16::from(fault.repetition == 1))));
        }
        set(2, 1, &number(fault.element_number));
        let code = element_code(fault.code, self.is_999, self.is_005010);
        set(3, 1, code);
        if !matches!(code, "1" | "2" | "6") && is_safe(&fault.value, self.separators) {
            set(4, 1, String::from_utf8_lossy(&fault.value).trim_end());
        }
        if self.is_999 {
            context::add_trigger(&mut self.tree, node, fault, &loop_id(fault));
        }
    }

    /// Only the 999 has room for what else is known.
    fn add_reference(&mut self, ik3: NodeId, reference: Option<&Reference>) {
        if self.is_999 {
            context::add_reference(&mut self.tree, ik3, reference, self.separators);
        }
    }

    /// The codes of one level, each once, at most five.
    fn codes(&self, faults: &[Fault], level: Level) -> Vec<String> {
        let mut codes: Vec<String> = Vec::new();
        for fault in faults.iter().filter(|fault| fault.code.level() == level && self.is_told(fault)) {
            let code = fault.code.ack_code().to_owned();
            if !codes.contains(&code) && codes.len() < 5 {
                codes.push(code);
            }
        }
        codes
    }

    fn is_told(&self, fault: &Fault) -> bool {
        let grave = fault.severity > Severity::Warning;
        !fault.code.ack_code().is_empty() && (grave || self.settings.report_warnings)
    }

    fn segment_code(&self, code: Code) -> String {
        match code.ack_code() {
            // The 997 has no words for guides: a segment is unexpected, or a mandatory one is missing.
            "I4" | "I9" if !self.is_999 => "2".to_owned(),
            "I6" if !self.is_999 => "3".to_owned(),
            code => code.to_owned(),
        }
    }

    fn add(&mut self, parent: NodeId, tag: &str, values: &[&str]) -> NodeId {
        let node = self.tree.add(parent, tag, Origin::default());
        for (element, value) in (1..).zip(values) {
            if !value.is_empty() {
                self.tree.push(node, Key::Element(element, 1, 1), value, 0);
            }
        }
        node
    }
}

fn has_trailer(group: &Group) -> bool {
    !group.faults.iter().any(|fault| fault.code == Code::GroupTrailerMissing)
}

/// AK403 for what the release and the kind of acknowledgment have a code for.
fn element_code(code: Code, is_999: bool, is_005010: bool) -> &'static str {
    match code.ack_code() {
        "I6" if !is_999 => "7",
        "I10" if !is_999 => "3",
        "I9" if !is_999 => "2",
        "I13" if !is_999 => "10",
        // Repetitions and their codes came with 005010; a component too many is an element too many.
        "12" | "13" if !is_005010 => "3",
        code => code,
    }
}

fn loop_id(fault: &Fault) -> String {
    // AK303 is at most four characters in most releases.
    fault.loop_id.chars().take(4).collect()
}

/// What was sent, in the length that the acknowledgment has room for.
fn sayable(sent: &str, least: usize, most: usize) -> String {
    let kept: String = sent.chars().filter(char::is_ascii_alphanumeric).take(most).collect();
    format!("{kept:?<least$}")
}

pub(super) fn is_safe(value: &[u8], separators: &Delimiters) -> bool {
    let all = [Some(separators.element), Some(separators.component), separators.repetition];
    !value.trim_ascii().is_empty()
        && value.iter().all(|byte| {
            (b' '..=b'~').contains(byte) && *byte != separators.segment && !all.contains(&Some(*byte))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::x12::segment::SegmentId;

    const SEPARATORS: Delimiters =
        Delimiters { element: b'*', component: b'>', repetition: None, segment: b'~' };

    fn element_fault(code: Code, value: &[u8]) -> Fault {
        let mut fault = Fault::new(code, 0);
        fault.segment = SegmentId::new(b"IT1");
        fault.segment_position = 3;
        fault.element = 4;
        fault.element_number = 212;
        fault.value = value.into();
        fault
    }

    fn group(version: &str, faults: Vec<Vec<Fault>>) -> Group {
        let sets: Vec<Set> = (1..)
            .zip(faults)
            .map(|(number, faults)| Set {
                id: "810".into(),
                control_number: format!("{number:04}"),
                implementation: String::new(),
                reference: None,
                bytes: 0..0,
                segments: 0,
                status: Status::of_faults(&faults),
                faults,
            })
            .collect();
        let count = u32::try_from(sets.len()).expect("few");
        Group {
            functional_id: "IN".into(),
            sender: String::new(),
            receiver: String::new(),
            control_number: "17".into(),
            version: version.into(),
            byte: 0,
            declared_sets: count,
            received_sets: count,
            accepted_sets: 0,
            sets,
            faults: Vec::new(),
            status: Status::Accepted,
        }
    }

    /// The acknowledgment's segments, one after the other.
    fn told(group: &Group, settings: &Settings) -> Vec<String> {
        fn tell(tree: &Tree, node: NodeId, told: &mut Vec<String>) {
            for child in tree.children(node) {
                let mut text = tree.tag(child).to_owned();
                let mut at = (0, 1);
                for value in tree.values(child) {
                    let Key::Element(element, component, _) = value.key else { continue };
                    for _ in at.0..element {
                        text.push('*');
                        at = (element, 1);
                    }
                    for _ in at.1..component {
                        text.push('>');
                    }
                    at = (element, component);
                    text.push_str(value.text);
                }
                told.push(text);
                tell(tree, child, told);
            }
        }
        let composed = compose(group, settings, &SEPARATORS).expect("there is something to say");
        let mut lines = Vec::new();
        tell(&composed.tree, composed.tree.root(), &mut lines);
        lines
    }

    #[test]
    fn only_rejected_sets_are_listed_when_that_was_agreed() {
        let group =
            group("004010", vec![vec![], vec![element_fault(Code::ElementTooLong, b"1234567890123456789")]]);
        let settings = Settings { ak2: SetResponses::RejectedOnly, ..Settings::default() };
        assert_eq!(
            told(&group, &settings),
            [
                "AK1*IN*17",
                "AK2*810*0002",
                "AK3*IT1*3**8",
                "AK4*4*212*5*1234567890123456789",
                "AK5*R*5",
                "AK9*P*2*2*1"
            ]
        );
        let strict = Settings { partial: false, ..settings };
        assert_eq!(told(&group, &strict).last().map(String::as_str), Some("AK9*R*2*2*0"));
    }

    #[test]
    fn errors_are_noted_or_reject_as_agreed() {
        let group = group("004010", vec![vec![Fault::new(Code::TotalWrong, 0)]]);
        assert_eq!(
            told(&group, &Settings::default()),
            ["AK1*IN*17", "AK2*810*0001", "AK5*E*5", "AK9*E*1*1*1"]
        );
        let strict = Settings { accept_with_errors: false, ..Settings::default() };
        assert_eq!(told(&group, &strict), ["AK1*IN*17", "AK2*810*0001", "AK5*R*5", "AK9*R*1*1*0"]);
    }

    #[test]
    fn warnings_are_told_only_on_request() {
        let mut warning = element_fault(Code::InvalidCode, b"QQ");
        warning.severity = Severity::Warning;
        let group = group("004010", vec![vec![warning]]);
        assert_eq!(told(&group, &Settings::default()), ["AK1*IN*17", "AK2*810*0001", "AK5*A", "AK9*A*1*1*1"]);
        let talkative = Settings { report_warnings: true, ..Settings::default() };
        let lines = told(&group, &talkative);
        assert_eq!(
            lines.get(2..5),
            Some(&["AK3*IT1*3**8", "AK4*4*212*7*QQ", "AK5*A*5"].map(String::from)[..])
        );
    }

    #[test]
    fn codes_that_a_release_lacks_are_mapped_down() {
        let fault = || vec![vec![element_fault(Code::TooManyComponents, b"A")]];
        assert!(told(&group("004010", fault()), &Settings::default()).contains(&"AK4*4*212*3*A".to_owned()));
        assert!(told(&group("005010", fault()), &Settings::default()).contains(&"AK4*4*212*13*A".to_owned()));
        assert!(told(&group("003040", fault()), &Settings::default()).contains(&"AK3*IT1*3".to_owned()));
    }

    #[test]
    fn data_that_would_upset_the_acknowledgment_is_not_copied() {
        for value in [b"A*B".as_slice(), b"A~", b"A>B", b"\x01", b"  "] {
            let group = group("004010", vec![vec![element_fault(Code::ElementTooLong, value)]]);
            assert!(told(&group, &Settings::default()).contains(&"AK4*4*212*5".to_owned()), "{value:?}");
        }
    }

    #[test]
    fn a_999_answers_guides_and_whoever_asks_for_it_from_005010_on() {
        let kind = |version: &str, kind| {
            let settings = Settings { kind, ..Settings::default() };
            compose(&group(version, vec![vec![]]), &settings, &SEPARATORS).map(|composed| composed.set_id)
        };
        assert_eq!(kind("005010X221A1", Kind::Auto), Some("999"));
        assert_eq!(kind("005010", Kind::Auto), Some("997"));
        assert_eq!(kind("005010", Kind::F999), Some("999"));
        assert_eq!(kind("004010", Kind::F999), Some("997"));
        assert_eq!(kind("004010", Kind::None), None);
    }
}
