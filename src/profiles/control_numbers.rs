//! `[x12.control_numbers]`: which counter an interchange or a group takes its number from, and from where to where it counts.

use super::channel::Transport;
use super::{Profile, X12};
use crate::declaration::Section;
use std::collections::BTreeMap;

/// ISA13 and GS06 are numbers of nine digits at most.
const HIGHEST: u64 = 999_999_999;

/// Counters of one partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlNumbers {
    interchange: Sequence,
    group: Sequence,
    /// A number that was used within this time is not used again unless a person lets it.
    pub reuse_after: std::time::Duration,
}

/// How one level counts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sequence {
    first: u32,
    last: u32,
    shared: Option<String>,
    apart: Vec<Apart>,
}

/// What has counters of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Apart {
    Usage,
    Agreement,
    FunctionalId,
}

const APART: &[(&str, Apart)] =
    &[("usage", Apart::Usage), ("agreement", Apart::Agreement), ("functional_id", Apart::FunctionalId)];

/// What a number is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// ISA13.
    Interchange,
    /// GS06.
    Group,
}

impl Level {
    /// Both, with their words.
    pub const ALL: [(&'static str, Self); 2] = [("interchange", Self::Interchange), ("group", Self::Group)];

    /// Its element, for people.
    #[must_use]
    pub const fn element(self) -> &'static str {
        match self {
            Self::Interchange => "ISA13",
            Self::Group => "GS06",
        }
    }
}

/// What is numbered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbered<'a> {
    /// The agreement it goes under.
    pub agreement: Option<&'a str>,
    /// It is marked as a test.
    pub test: bool,
    /// GS01 of its groups, such as `OW`, or `FA` of acknowledgments.
    pub functional_id: &'a str,
}

/// One counter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counter {
    /// Its name in the database.
    pub scope: String,
    /// What it numbers.
    pub level: Level,
    /// Its first number.
    pub first: u32,
    /// Its last number; after it the first comes again.
    pub last: u32,
    /// Seconds after which a number may be used again.
    pub reuse_after_secs: u32,
}

/// A counter of a partner, and what tells it from the partner's others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterOf {
    /// The counter.
    pub counter: Counter,
    /// The agreement that it is for, where there is one.
    pub agreement: Option<String>,
    /// Whether it is for tests, where those count apart.
    pub test: Option<bool>,
    /// GS01, where each counts apart.
    pub functional_id: Option<String>,
}

impl ControlNumbers {
    fn of(&self, level: Level) -> &Sequence {
        match level {
            Level::Interchange => &self.interchange,
            Level::Group => &self.group,
        }
    }

    /// Whether interchanges take numbers of one counter whatever their ids.
    pub(super) fn is_shared(&self) -> bool {
        self.interchange.shared.is_some()
    }
}

impl X12 {
    /// The counter that something is numbered by.
    #[must_use]
    pub fn counter(&self, level: Level, of: Numbered<'_>) -> Counter {
        let sequence = self.control_numbers.of(level);
        let word = match level {
            Level::Interchange => "isa13",
            Level::Group => "gs06",
        };
        let mut scope = match (&sequence.shared, level) {
            (Some(name), _) => format!("{word} shared {name}"),
            (None, Level::Interchange) => {
                let them = self.them.first();
                let them = them.map(|them| format!("{}:{}", them.qualifier, them.id)).unwrap_or_default();
                format!("{word} {}:{} {them}", self.us.qualifier, self.us.id)
            }
            (None, Level::Group) => format!("{word} {} {}", self.us_group, self.them_group),
        };
        for apart in &sequence.apart {
            match apart {
                // What is not said to be apart goes on where it stood: production, and what is under no agreement.
                Apart::Usage if of.test => scope.push_str(" test"),
                Apart::Agreement => {
                    scope.extend(of.agreement.map(|agreement| format!(" agreement:{agreement}")));
                }
                Apart::FunctionalId => scope.push_str(&format!(" gs01:{}", of.functional_id)),
                Apart::Usage => {}
            }
        }
        let reuse_after_secs = u32::try_from(self.control_numbers.reuse_after.as_secs()).unwrap_or(u32::MAX);
        Counter { scope, level, first: sequence.first, last: sequence.last, reuse_after_secs }
    }
}

impl Profile {
    /// All counters that what we send to this partner is numbered by, each once.
    #[must_use]
    pub fn list_counters(&self) -> Vec<CounterOf> {
        let mut found: Vec<CounterOf> = Vec::new();
        let agreements = std::iter::once(None).chain(self.agreements.iter().map(Some));
        for agreement in agreements {
            let Some(x12) = self.x12_under(agreement) else { continue };
            let of_sends = self.exchange.sends.iter().filter_map(|sends| {
                let set = x12.reading.schemas.find_set(&x12.version, None, &sends.document)?;
                Some(set.group().to_owned())
            });
            let mut ids: Vec<String> = of_sends.chain([String::from("FA")]).collect();
            ids.sort();
            ids.dedup();
            for (_, level) in Level::ALL {
                let is_apart = |apart| x12.control_numbers.of(level).apart.contains(&apart);
                for test in [false, true] {
                    for id in &ids {
                        let whose = agreement.map(|agreement| agreement.id.as_str());
                        let of = Numbered { agreement: whose, test, functional_id: id };
                        let counter = x12.counter(level, of);
                        if found.iter().any(|known| known.counter.scope == counter.scope) {
                            continue;
                        }
                        found.push(CounterOf {
                            counter,
                            agreement: whose.map(str::to_owned),
                            test: is_apart(Apart::Usage).then_some(test),
                            functional_id: is_apart(Apart::FunctionalId).then(|| id.clone()),
                        });
                    }
                }
            }
        }
        found.sort_by_key(|of| of.counter.level);
        found
    }

    /// What of the file name must differ, since counters that count apart give one number twice; none where names are told
    /// apart already.
    pub(super) fn names_need(&self) -> Option<&'static str> {
        let x12 = self.x12.as_ref()?;
        let apart = &x12.control_numbers.interchange.apart;
        let names = || {
            let outbound =
                self.channels.values().filter(|channel| !matches!(channel.transport, Transport::Mail(_)));
            outbound.filter_map(|channel| Some(channel.outbound.as_ref()?.name.as_str()))
        };
        [(Apart::Usage, "{usage}"), (Apart::Agreement, "{agreement}"), (Apart::FunctionalId, "{document}")]
            .into_iter()
            .find(|(which, word)| apart.contains(which) && names().any(|name| !name.contains(word)))
            .map(|(_, word)| word)
    }
}

/// Counters that two profiles name, and that count differently in each: the ids of the two, and the counter.
pub(super) fn find_crossed<'a>(
    profiles: impl Iterator<Item = &'a Profile>,
) -> Vec<(&'a str, &'a str, Counter)> {
    let mut known: BTreeMap<String, (&str, Counter)> = BTreeMap::new();
    let mut crossed = Vec::new();
    for profile in profiles {
        for CounterOf { counter, .. } in profile.list_counters() {
            match known.get(&counter.scope) {
                Some((other, first)) if (first.first, first.last) != (counter.first, counter.last) => {
                    crossed.push((profile.id.as_str(), *other, counter));
                }
                Some(_) => {}
                None => {
                    known.insert(counter.scope.clone(), (&profile.id, counter));
                }
            }
        }
    }
    crossed
}

/// Reads `x12.control_numbers`.
pub(super) fn read(section: &Section<'_>) -> ControlNumbers {
    let below = section.section("control_numbers");
    let level = |key| sequence(below.as_ref().and_then(|below| below.section(key)).as_ref());
    let (interchange, group) = (level("interchange"), level("group"));
    let days = std::time::Duration::from_secs(30 * 24 * 60 * 60);
    let reuse_after =
        below.as_ref().and_then(|below| below.duration("reuse_after")).map_or(days, |said| said.value);
    if let Some(below) = &below {
        below.finish();
    }
    ControlNumbers { interchange, group, reuse_after }
}

fn sequence(section: Option<&Section<'_>>) -> Sequence {
    let mut sequence = Sequence { first: 1, last: 999_999_999, shared: None, apart: Vec::new() };
    let Some(section) = section else { return sequence };
    let number = |key, otherwise: u32| {
        let Some(said) = section.number(key) else { return otherwise };
        match u32::try_from(said.value).ok().filter(|_| (1..=HIGHEST).contains(&said.value)) {
            Some(value) => value,
            None => {
                let message = format!("{} is no control number", said.value);
                let hint = "ISA13 and GS06 have at most nine digits: 1 to 999999999";
                section.fault("control_number_form", &said.place, message, hint);
                otherwise
            }
        }
    };
    (sequence.first, sequence.last) = (number("first", 1), number("last", 999_999_999));
    if sequence.first >= sequence.last {
        section.fault(
            "control_number_range",
            &section.place(),
            format!("the range ends at {}, and begins at {}", sequence.last, sequence.first),
            "write `first` below `last`, such as first = 100, last = 999999",
        );
        // Whatever else is wrong is told as well.
        (sequence.first, sequence.last) = (1, 999_999_999);
    }
    sequence.shared = section.text("shared").and_then(|said| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if said.value.is_empty() || !said.value.bytes().all(plain) {
            let message = format!("`{}` is no name of a counter", said.value);
            let hint = "letters, digits, `-`, `_` and `.` only, such as shared = \"van-mailbox\"";
            section.fault("counter_name", &said.place, message, hint);
            return None;
        }
        Some(said.value)
    });
    for said in section.texts("apart") {
        let message = || format!("`{}` is nothing that counts apart", said.value);
        let apart = section.word(&said, APART, "value_unknown", message);
        sequence.apart.extend(apart.filter(|apart| !sequence.apart.contains(apart)));
    }
    // Always in one order: it names the counter.
    sequence.apart.sort_by_key(|apart| APART.iter().position(|(_, known)| known == apart));
    section.finish();
    sequence
}
