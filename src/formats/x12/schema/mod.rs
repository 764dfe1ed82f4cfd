//! The schema: segments, elements, loops and codes of each X12 release.
//!
//! The facts are text (`facts/`, its grammar is in `facts.rs`); tables are built at first use. A user's guide
//! is the same text and becomes one more release that is built on one of ours.

mod dictionary;
mod element;
mod facts;
mod guide;
mod set;
mod situation;
mod transitions;

pub use dictionary::{CompositeDefinition, Condition, Dictionary, Part, SegmentDefinition};
pub use element::{Element, ElementNumber, Kind};
pub use facts::ConditionKind;
pub use set::{Child, LoopId, Set, Use};

pub(super) use dictionary::{CheckDigit, Look, LookKind};
pub(super) use element::CodeLists;
pub(super) use guide::{ElementRule, SegmentRule};
pub(super) use set::{NONE, Place, Tables};
pub(super) use situation::Situation;

use crate::finding::{Finding, Location, Severity};
use facts::{Facts, Problem, RawSet};
use guide::Narrowing;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The texts of our own, oldest release first.
const BUILT_IN: [(&str, &str); 5] = [
    ("003040", include_str!("facts/003040.txt")),
    ("003060", include_str!("facts/003060.txt")),
    ("004010", include_str!("facts/004010.txt")),
    ("005010", include_str!("facts/005010.txt")),
    ("006020", include_str!("facts/006020.txt")),
];
/// Largest guide taken; the longest release of our own has 50 KB.
const MOST_BYTES: usize = 1 << 20;
const CODES: &str = include_str!("facts/codes.txt");

/// Every release at hand, with the guides that were loaded; cloning is cheap.
#[derive(Clone)]
pub struct Schemas {
    releases: Vec<Arc<Release>>,
}

/// One release, or one guide that narrows a release.
#[derive(Debug)]
pub struct Release {
    id: String,
    guide: String,
    versions: Vec<String>,
    source: Source,
    built: OnceLock<Built>,
}

#[derive(Debug)]
enum Source {
    Text(&'static str),
    Facts(Box<Facts>),
}

#[derive(Debug)]
struct Built {
    dictionary: Arc<Dictionary>,
    narrowings: Vec<Narrowing>,
    sets: Vec<(RawSet, OnceLock<Set>)>,
}

impl Schemas {
    /// The releases that come with the product. Nothing is read before its first use.
    #[must_use]
    pub fn builtin() -> Self {
        static RELEASES: OnceLock<Vec<Arc<Release>>> = OnceLock::new();
        let releases = RELEASES.get_or_init(|| {
            BUILT_IN.iter().map(|(id, text)| Arc::new(Release::new(id, Source::Text(text)))).collect()
        });
        Self { releases: releases.clone() }
    }

    /// The release that answers to a GS08 such as `004010VICS`: of those whose id begins it the longest.
    #[must_use]
    pub fn find_release(&self, version: &str) -> Option<&Release> {
        self.releases
            .iter()
            .filter_map(|release| Some((release.match_length(version)?, release)))
            .max_by_key(|(length, _)| *length)
            .map(|(_, release)| &**release)
    }

    /// A guide by its name.
    #[must_use]
    pub fn find_guide(&self, name: &str) -> Option<&Release> {
        self.releases
            .iter()
            .find(|release| !release.guide.is_empty() && release.guide == name)
            .map(|found| &**found)
    }

    /// A set of the guide if one is named and there is such a guide, else of the release that answers to
    /// the GS08.
    #[must_use]
    pub fn find_set(&self, version: &str, guide: Option<&str>, id: &str) -> Option<&Set> {
        let release = guide.and_then(|name| self.find_guide(name)).or_else(|| self.find_release(version))?;
        release.find_set(id)
    }

    /// Every release and guide, oldest release first, guides last.
    pub fn list(&self) -> impl Iterator<Item = &Release> {
        self.releases.iter().map(|release| &**release)
    }

    /// Adds a user's guide, or replaces the guide of the same name. `name` is what to call the text in
    /// findings, usually its file name; the guide's own name is `name` too unless the text says `guide`.
    ///
    /// # Errors
    /// Every fault of the text, located by line.
    pub fn load_guide(&mut self, text: &str, name: &str) -> Result<(), Vec<Finding>> {
        self.add_guide(text, name, false)
    }

    /// Adds a guide that answers to its whole release unless it says `for` which versions: that of a partner whose
    /// schemas these are.
    ///
    /// # Errors
    /// Every fault of the text, located by line, and that another guide answers to the same version.
    pub fn adopt_guide(&mut self, text: &str, name: &str) -> Result<(), Vec<Finding>> {
        self.add_guide(text, name, true)
    }

    fn add_guide(&mut self, text: &str, name: &str, adopt: bool) -> Result<(), Vec<Finding>> {
        if text.len() > MOST_BYTES {
            let problem = Problem::new(1, "the guide is larger than 1 MiB", "is it the right file?");
            return Err(vec![problem.finding(name)]);
        }
        let (mut facts, mut problems) = facts::parse(text);
        if facts.guide.is_empty() {
            name.clone_into(&mut facts.guide);
        }
        if adopt && facts.versions.is_empty() {
            facts.versions.push(facts.release.clone());
        }
        let mut guide = None;
        match BUILT_IN.iter().find(|(id, _)| *id == facts.release) {
            Some((id, base)) => {
                let base = built_in_facts(id, base);
                let release = Release::new(id, Source::Facts(Box::new(base.overridden_by(facts))));
                problems.extend(release.check());
                guide = Some(release);
            }
            None => problems.push(Problem::new(
                1,
                format!("the guide builds on release `{}`, which is not at hand", facts.release),
                "start it with `release` and one of 003040, 003060, 004010, 005010 and 006020",
            )),
        }
        let others = self.releases.iter().filter(|other| adopt && !other.guide.is_empty());
        let rival = guide.iter().find_map(|guide: &Release| {
            others.clone().find(|other| other.versions.iter().any(|version| guide.versions.contains(version)))
        });
        if let Some(rival) = rival {
            problems.push(Problem::new(
                1,
                format!("the guide `{}` answers to the same version", rival.guide),
                "write both as one guide, or let each say `for` which version it is",
            ));
        }
        match guide.filter(|_| problems.is_empty()) {
            Some(guide) => {
                self.releases.retain(|release| release.guide != guide.guide);
                self.releases.push(Arc::new(guide));
                Ok(())
            }
            None => Err(problems.into_iter().map(|problem| problem.finding(name)).collect()),
        }
    }
}

impl fmt::Debug for Schemas {
    /// The names alone: the tables would fill pages.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.list().map(|release| release.guide().unwrap_or(release.id()))).finish()
    }
}

impl Release {
    fn new(id: &str, source: Source) -> Self {
        let (guide, versions) = match &source {
            Source::Text(_) => (String::new(), Vec::new()),
            Source::Facts(facts) => (facts.guide.clone(), facts.versions.clone()),
        };
        Self { id: id.to_owned(), guide, versions, source, built: OnceLock::new() }
    }

    /// The release, such as `004010`; of a guide the one it builds on.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The guide's name; none for the releases themselves.
    #[must_use]
    pub fn guide(&self) -> Option<&str> {
        (!self.guide.is_empty()).then_some(&*self.guide)
    }

    /// The definitions of segments, elements and codes.
    #[must_use]
    pub fn dictionary(&self) -> &Arc<Dictionary> {
        &self.built().dictionary
    }

    /// A transaction set such as `940`.
    #[must_use]
    pub fn find_set(&self, id: &str) -> Option<&Set> {
        let built = self.built();
        let (raw, slot) = built.sets.iter().find(|(raw, _)| raw.id == id)?;
        Some(slot.get_or_init(|| Set::build(raw, &built.dictionary, &built.narrowings).0))
    }

    /// The ids and group codes of its sets.
    pub fn list_sets(&self) -> impl Iterator<Item = (&str, &str)> {
        self.built().sets.iter().map(|(raw, _)| (raw.id.as_str(), raw.group.as_str()))
    }

    /// A segment's definition.
    #[must_use]
    pub fn find_segment(&self, id: &[u8]) -> Option<&SegmentDefinition> {
        self.dictionary().find_segment(id)
    }

    /// An element's definition.
    #[must_use]
    pub fn find_element(&self, number: ElementNumber) -> Option<&Element> {
        self.dictionary().find_element(number)
    }

    fn built(&self) -> &Built {
        self.built.get_or_init(|| match &self.source {
            Source::Text(text) => Built::new(&built_in_facts(&self.id, text)).0,
            Source::Facts(facts) => Built::new(facts).0,
        })
    }

    /// Builds everything and tells what is wrong with it.
    fn check(&self) -> Vec<Problem> {
        let Source::Facts(facts) = &self.source else {
            return Vec::new();
        };
        let (built, mut problems) = Built::new(facts);
        for (raw, _) in &built.sets {
            problems.extend(Set::build(raw, &built.dictionary, &built.narrowings).1);
        }
        for narrowing in &built.narrowings {
            if !built.sets.iter().any(|(raw, _)| raw.id == narrowing.set) {
                let message = format!("there is no set `{}`", narrowing.set);
                problems.push(Problem::new(
                    narrowing.line,
                    message,
                    "name a set of the release, such as `940`",
                ));
            }
        }
        problems.sort_by_key(|problem| problem.line);
        problems
    }

    /// How much of a GS08 this release answers to.
    fn match_length(&self, version: &str) -> Option<usize> {
        let ids = if self.guide.is_empty() { std::slice::from_ref(&self.id) } else { &self.versions };
        ids.iter().filter(|id| version.starts_with(id.as_str())).map(String::len).max()
    }
}

impl Built {
    fn new(facts: &Facts) -> (Self, Vec<Problem>) {
        let (dictionary, problems) = Dictionary::build(facts);
        let sets = facts.sets.iter().map(|set| (set.clone(), OnceLock::new())).collect();
        (Self { dictionary: Arc::new(dictionary), narrowings: facts.narrowings.clone(), sets }, problems)
    }
}

impl Facts {
    /// The facts of a release with a guide laid over them.
    fn overridden_by(mut self, guide: Self) -> Self {
        self.guide = guide.guide;
        self.versions = guide.versions;
        self.elements.extend(guide.elements);
        self.composites.extend(guide.composites);
        self.segments.extend(guide.segments);
        for (number, codes) in guide.codes {
            let known = self.codes.iter().find(|(known, _)| *known == number);
            let added = codes.first().is_some_and(|first| first == "+");
            let standard = known.filter(|_| added).map(|(_, codes)| codes.clone()).unwrap_or_default();
            self.codes.retain(|(known, _)| *known != number);
            let own = codes.into_iter().filter(|code| code != "+");
            self.codes.push((number, standard.into_iter().chain(own).collect()));
        }
        self.sets.retain(|set| !guide.sets.iter().any(|own| own.id == set.id));
        self.sets.extend(guide.sets);
        self.narrowings = guide.narrowings;
        self
    }
}

impl Problem {
    fn finding(self, name: &str) -> Finding {
        Finding {
            code: "guide_fault",
            severity: Severity::Reject,
            location: Location { line: self.line, path: name.to_owned(), ..Location::default() },
            message: format!("{name}, line {}: {}", self.line, self.message),
            hint: self.hint,
            value: String::new(),
            ack_code: String::new(),
        }
    }
}

/// The facts of one of our releases, with the codes that it has.
fn built_in_facts(id: &str, text: &str) -> Facts {
    let (mut facts, problems) = facts::parse(text);
    assert!(problems.is_empty(), "the facts of {id} do not parse: {problems:?}");
    let mut number = None;
    for line in CODES.lines().filter(|line| !line.starts_with('#')) {
        if let Some(element) = line.strip_prefix("codes ") {
            number = ElementNumber::from_word(element);
            continue;
        }
        let (Some(number), Some((releases, codes))) = (number, line.trim_start().split_once(' ')) else {
            continue;
        };
        if !applies(releases, id) {
            continue;
        }
        let codes = codes.split(' ').map(str::to_owned);
        match facts.codes.last_mut().filter(|(last, _)| *last == number) {
            Some((_, list)) => list.extend(codes),
            None => facts.codes.push((number, codes.collect())),
        }
    }
    facts
}

/// Whether `all` or `005010+` includes a release.
fn applies(releases: &str, id: &str) -> bool {
    releases == "all" || releases.strip_suffix('+').is_some_and(|first| id >= first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::x12::segment::SegmentId;

    #[test]
    fn every_set_of_every_release_builds_without_a_problem() {
        let mut sets = 0;
        for (id, text) in BUILT_IN {
            let (built, problems) = Built::new(&built_in_facts(id, text));
            assert_eq!(problems, [], "{id}");
            for (raw, _) in &built.sets {
                let (set, problems) = Set::build(raw, &built.dictionary, &[]);
                assert_eq!(problems, [], "{id} {}", raw.id);
                assert_eq!(set.children(LoopId::ROOT).next(), Some(mandatory(b"ST")), "{id} {}", raw.id);
                assert_eq!(set.children(LoopId::ROOT).last(), Some(mandatory(b"SE")), "{id} {}", raw.id);
                sets += 1;
            }
        }
        assert_eq!(sets, 106);
    }

    #[test]
    fn a_version_finds_its_base_release() {
        let schemas = Schemas::builtin();
        let id = |version| schemas.find_release(version).map(Release::id);
        assert_eq!(id("004010VICS"), Some("004010"));
        assert_eq!(id("005010"), Some("005010"));
        assert_eq!(id("00501"), None);
        assert_eq!(id("007010"), None);
    }

    #[test]
    fn codes_follow_the_release() {
        let schemas = Schemas::builtin();
        let has = |version, number, code: &str| {
            let release = schemas.find_release(version).expect("it is built in");
            let element = release.find_element(ElementNumber::new(number)).expect("the release has it");
            release.dictionary().has_code(element, code.as_bytes())
        };
        assert!(has("004010", 355, "CA"));
        assert!(!has("004010", 355, "ca"));
        assert!(!has("003040", 1005, "0004"));
        assert!(has("004010", 1005, "0004"));
        assert!(has("004010", 140, "ANY"), "SCAC has no list");
        assert!(!has("004010", 355, "\0CA"));
    }

    #[test]
    fn the_order_of_a_loop_is_the_standards() {
        let schemas = Schemas::builtin();
        let set = schemas.find_set("004010", None, "940").expect("it is built in");
        let lx = set.find_loop(LoopId::ROOT, b"LX").expect("the 940 has LX");
        assert_eq!(set.loop_id(lx), "0300");
        let w01 = set.find_loop(lx, b"W01").expect("LX holds W01");
        assert_eq!(set.order(w01, b"W01"), Some(0));
        assert!(set.order(w01, b"G69") < set.order(w01, b"N9"));
        assert_eq!(set.order(w01, b"BEG"), None);
        let ship_notice = schemas.find_set("004010", None, "856").expect("it is built in");
        let hl = ship_notice.find_loop(LoopId::ROOT, b"HL").expect("the 856 has HL");
        assert_eq!(ship_notice.find_loop(hl, b"HL"), Some(hl));
        assert!(ship_notice.order(hl, b"N1") < ship_notice.order(hl, b"HL"));
    }

    #[test]
    fn a_guide_answers_to_its_version_and_by_name() {
        let mut schemas = Schemas::builtin();
        let text = "guide acme\nrelease 004010\nfor 004010ACME\nsegment ZA1 M127\nuse 940 N103 M codes 9\n";
        assert_eq!(schemas.load_guide(text, "acme.guide"), Ok(()));
        assert_eq!(schemas.find_release("004010ACME").and_then(Release::guide), Some("acme"));
        assert_eq!(schemas.find_release("004010").and_then(Release::guide), None);
        assert!(schemas.find_set("004010", Some("acme"), "940").is_some());
    }

    #[test]
    fn faults_of_a_guide_are_located_by_line() {
        let text = "release 004010\nelemnt 1 AN 1/2\nuse 940 N1103 M\nuse 941 N1 M\nset 999 FA\n    ST M 1\n";
        let faults = Schemas::builtin().load_guide(text, "acme.guide").expect_err("it has faults");
        let told: Vec<_> = faults.iter().map(|fault| (fault.location.line, fault.message.as_str())).collect();
        assert_eq!(
            told,
            [
                (2, "acme.guide, line 2: a line cannot start with `elemnt`"),
                (6, "acme.guide, line 6: the line is indented too far"),
                (0, "acme.guide, line 0: set `999` is empty"),
                (3, "acme.guide, line 3: set `940` has no `N1103`"),
                (4, "acme.guide, line 4: there is no set `941`"),
            ]
        );
    }

    #[test]
    fn a_rule_depends_on_what_can_be_known_where_it_stands() {
        let text = "release 004010\nuse 940 N4 M when\nuse 940 N4 max 2 when N101 ST\nuse 940 N4 O when N101 ST\n\
                    use 940 N4 when N101 ST\nuse 940 0310/N9 M when N101 ST\nuse 940 N4 M when N101\n";
        let told = |text: &str| -> Vec<String> {
            let faults = Schemas::builtin().load_guide(text, "acme.guide").expect_err("it has faults");
            faults.into_iter().map(|fault| fault.message.replace("acme.guide, ", "")).collect()
        };
        assert_eq!(
            told(text),
            [
                "line 2: `when` needs an element",
                "line 3: only `M` and `not used` may depend on another element",
                "line 4: only `M` and `not used` may depend on another element",
                "line 5: only `M` and `not used` may depend on another element",
            ]
        );
        let text = "release 004010\nuse 940 0100/N4 M when W0104 VN\nuse 940 N4 M when N199\nuse 940 BEG M when N101\n\
                    use 940 0310/N9 M when W0502\n";
        assert_eq!(
            told(text),
            [
                "line 2: `W0104` is not known where `N4` stands",
                "line 3: set `940` has no `N199`",
                "line 4: set `940` has no `BEG`",
            ]
        );
    }

    fn mandatory(id: &[u8]) -> Child {
        Child::Segment(Use { segment: SegmentId::new(id), mandatory: true, max: 1 })
    }
}
