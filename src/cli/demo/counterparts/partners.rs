//! What trading partners do on their side: take files, acknowledge them, ship and answer.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Days, Utc};
use rust_decimal::Decimal;

use crate::clock::Clock;

/// How often a partner looks into its folder.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// One partner at work in its own folder: the hub puts files into `in`, the partner into `out`.
#[derive(Debug)]
pub struct Partner {
    home: PathBuf,
    clock: Clock,
    /// ISA05 and ISA06 of this partner.
    qualifier: String,
    id: String,
    /// ISA07, ISA08 and GS03 towards the hub, as its own files say them.
    last_control: u32,
    waiting: VecDeque<Interchange>,
}

/// One interchange that came in, with its groups and sets, read by plain splitting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interchange {
    /// The file it came in.
    pub file: String,
    /// Its text.
    pub text: String,
    /// Its segments, each as its elements; the first element is the segment's name.
    pub segments: Vec<Vec<String>>,
}

/// One transaction set of an interchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// ST01, such as `940`.
    pub kind: String,
    /// ST02.
    pub control: String,
    /// Its segments from ST to SE.
    pub segments: Vec<Vec<String>>,
}

/// How a 997 judges what it acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgment {
    /// Everything is accepted.
    Accept,
    /// Everything is rejected, for a mandatory segment that is missing in each set.
    Reject,
}

/// What the warehouse cannot ship in full: so many units of this item are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The item, by any number on the order's line.
    pub item: &'static str,
    /// Units that are missing.
    pub missing: u32,
}

impl Partner {
    /// A partner with the folder `home`, known in X12 by `qualifier` and `id`; its own control numbers
    /// go on after `last_control`.
    #[must_use]
    pub fn new(home: PathBuf, qualifier: &str, id: &str, last_control: u32, clock: Clock) -> Self {
        Self {
            home,
            clock,
            qualifier: qualifier.to_owned(),
            id: id.to_owned(),
            last_control,
            waiting: VecDeque::new(),
        }
    }

    /// Waits for an interchange that holds a set of this kind; others that came meanwhile keep waiting.
    ///
    /// # Errors
    /// When none came before `within` had passed, or the folder cannot be read.
    pub async fn wait_for(&mut self, kind: &str, within: Duration) -> anyhow::Result<Interchange> {
        let deadline = Instant::now() + within;
        loop {
            self.take()?;
            let found = self.waiting.iter().position(|held| held.sets().any(|set| set.kind == kind));
            if let Some(interchange) = found.and_then(|place| self.waiting.remove(place)) {
                return Ok(interchange);
            }
            if Instant::now() > deadline {
                bail!("no {kind} came into `{}` within {within:?}", self.home.join("in").display());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Takes what lies in `in` now; it lies in `taken` afterwards. Answers how many interchanges came.
    ///
    /// # Errors
    /// When the folder cannot be read, or a file is no whole interchange: then the hub showed half a file.
    pub fn take(&mut self) -> anyhow::Result<usize> {
        let (inbox, taken) = (self.home.join("in"), self.home.join("taken"));
        fs::create_dir_all(&taken)?;
        let mut names: Vec<String> = fs::read_dir(&inbox)
            .with_context(|| format!("cannot read `{}`", inbox.display()))?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| !name.starts_with('.') && has_extension(name, "edi"))
            .collect();
        names.sort();
        for name in &names {
            let text = fs::read_to_string(inbox.join(name))?;
            self.waiting.push_back(Interchange::read(name, text)?);
            fs::rename(inbox.join(name), taken.join(name))?;
        }
        Ok(names.len())
    }

    /// Puts a file into `out`, first under a hidden name, so that it is never seen half written.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
        let out = self.home.join("out");
        let hidden = out.join(format!(".{name}.part"));
        fs::write(&hidden, bytes)?;
        fs::rename(&hidden, out.join(name))?;
        Ok(())
    }

    /// Answers every functional group of an interchange with a 997, and the file's name.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn acknowledge(&mut self, of: &Interchange, judgment: Judgment) -> anyhow::Result<String> {
        let (ak5, group_code) = match judgment {
            Judgment::Accept => ("A", "A"),
            Judgment::Reject => ("R*5", "R"),
        };
        let mut sets = Vec::new();
        for (functional, control, group_sets) in of.groups().filter(|(functional, ..)| *functional != "FA") {
            let mut body = vec![format!("AK1*{functional}*{control}")];
            for set in &group_sets {
                body.push(format!("AK2*{}*{}", set.kind, set.control));
                if judgment == Judgment::Reject {
                    // AK304 3: mandatory segment missing.
                    body.push("AK3*ZZZ*3**3".to_owned());
                }
                body.push(format!("AK5*{ak5}"));
            }
            let count = group_sets.len();
            let accepted = if judgment == Judgment::Accept { count } else { 0 };
            body.push(format!("AK9*{group_code}*{count}*{count}*{accepted}"));
            sets.push(("997", body));
        }
        ensure!(!sets.is_empty(), "`{}` holds nothing to acknowledge", of.file);
        let control = self.last_control + 1;
        self.send("FA", &sets, of, &format!("FA_{control:06}.edi"))
    }

    /// As the warehouse: answers each shipping order of an interchange with a shipping advice of its own
    /// figures, and the files' names. What `shortages` name is shipped short, and nothing follows.
    ///
    /// # Errors
    /// When an order cannot be understood, or the folder cannot be written.
    pub fn ship(&mut self, of: &Interchange, shortages: &[Shortage]) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        for order in of.sets().filter(|set| set.kind == "940") {
            let control = self.last_control + 1;
            let body = advice(&order, control, shortages, self.clock.now())
                .with_context(|| format!("set {} of `{}`", order.control, of.file))?;
            names.push(self.send("SW", &[("945", body)], of, &format!("SW_{control:06}.edi"))?);
        }
        ensure!(!names.is_empty(), "`{}` holds no shipping order", of.file);
        Ok(names)
    }

    /// Wraps sets into an interchange back to who sent `answered`, and puts it.
    fn send(
        &mut self,
        functional: &str,
        sets: &[(&str, Vec<String>)],
        answered: &Interchange,
        name: &str,
    ) -> anyhow::Result<String> {
        self.last_control += 1;
        let control = self.last_control;
        let at = self.clock.now();
        let isa = answered.segments.first().context("an interchange begins with ISA")?;
        let gs = answered.segments.get(1).context("a group follows ISA")?;
        let (their_qualifier, their_id) = (element(isa, 5), element(isa, 6));
        let (our_code, their_code) = (element(gs, 3), element(gs, 2));
        let usage = element(isa, 15);
        let (day, time) = (at.format("%Y%m%d"), at.format("%H%M"));
        let mut lines = vec![
            format!(
                "ISA*00*          *00*          *{}*{:<15}*{their_qualifier}*{their_id:<15}*{}*{time}*U*00401*{control:09}*0*{usage}*>",
                self.qualifier,
                self.id,
                at.format("%y%m%d"),
            ),
            format!("GS*{functional}*{our_code}*{their_code}*{day}*{time}*{control}*X*004010"),
        ];
        for (number, (kind, body)) in sets.iter().enumerate() {
            lines.push(format!("ST*{kind}*{:04}", number + 1));
            lines.extend(body.iter().cloned());
            lines.push(format!("SE*{}*{:04}", body.len() + 2, number + 1));
        }
        lines.push(format!("GE*{}*{control}", sets.len()));
        lines.push(format!("IEA*1*{control:09}"));
        let text: String = lines.iter().map(|line| format!("{line}~\n")).collect();
        self.put(name, text)?;
        Ok(name.to_owned())
    }
}

impl Interchange {
    /// Splits a file by the delimiters its ISA fixes.
    ///
    /// # Errors
    /// When it does not begin with ISA or end with IEA.
    pub fn read(file: &str, text: String) -> anyhow::Result<Self> {
        // The ISA is fixed-width: ISA*, then the terminator as the 106th character.
        let element_separator = text.chars().nth(3).context("the file is empty")?;
        let terminator = text.chars().nth(105).context("the ISA is cut short")?;
        let segments: Vec<Vec<String>> = text
            .split(terminator)
            .map(str::trim)
            .filter(|segment| !segment.is_empty())
            .map(|segment| segment.split(element_separator).map(str::to_owned).collect())
            .collect();
        let named =
            |segment: Option<&Vec<String>>, name| segment.is_some_and(|found| element(found, 0) == name);
        ensure!(named(segments.first(), "ISA"), "`{file}` does not begin with ISA");
        ensure!(named(segments.last(), "IEA"), "`{file}` does not end with IEA");
        Ok(Self { file: file.to_owned(), text, segments })
    }

    /// Its sets in order.
    pub fn sets(&self) -> impl Iterator<Item = Set> {
        self.groups().flat_map(|(_, _, sets)| sets)
    }

    /// GS01, GS06 and the sets of each group.
    fn groups(&self) -> impl Iterator<Item = (&str, &str, Vec<Set>)> {
        let mut groups: Vec<(&str, &str, Vec<Set>)> = Vec::new();
        for segment in &self.segments {
            match element(segment, 0) {
                "GS" => groups.push((element(segment, 1), element(segment, 6), Vec::new())),
                "ISA" | "GE" | "IEA" | "TA1" => {}
                name => {
                    let Some((_, _, sets)) = groups.last_mut() else { continue };
                    if name == "ST" {
                        sets.push(Set {
                            kind: element(segment, 1).to_owned(),
                            control: element(segment, 2).to_owned(),
                            segments: Vec::new(),
                        });
                    }
                    if let Some(set) = sets.last_mut() {
                        set.segments.push(segment.clone());
                    }
                }
            }
        }
        groups.into_iter()
    }
}

impl Set {
    /// The first segment of this name, as its elements.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&[String]> {
        self.segments.iter().find(|segment| element(segment, 0) == name).map(Vec::as_slice)
    }
}

/// The text of an element; empty where the segment has none there.
#[must_use]
pub fn element(segment: &[String], place: usize) -> &str {
    segment.get(place).map_or("", String::as_str)
}

/// The segments of a 945 that answers a 940, from W06 to W03.
fn advice(
    order: &Set,
    shipment: u32,
    shortages: &[Shortage],
    at: DateTime<Utc>,
) -> anyhow::Result<Vec<String>> {
    let w05 = order.find("W05").context("it has no W05")?;
    let today = at.format("%Y%m%d");
    let arrives = at.checked_add_days(Days::new(2)).unwrap_or(at).format("%Y%m%d").to_string();
    let mut body = vec![format!("W06*F*{}*{today}*WH{shipment:07}**{}", element(w05, 2), element(w05, 3))];
    let head = order.segments.iter().take_while(|segment| !matches!(element(segment, 0), "LX" | "W01"));
    let copied = |names: &[&str]| {
        head.clone()
            .filter(|segment| names.contains(&element(segment, 0)))
            .map(|segment| segment.join("*"))
            .collect::<Vec<_>>()
    };
    body.extend(copied(&["N1", "N2", "N3", "N4"]));
    body.push(format!("N9*BM*BOL{shipment:07}"));
    body.push(format!("N9*CN*PRO{shipment:07}"));
    // N9 stands ten times at most in the head of a 945.
    body.extend(copied(&["N9"]).into_iter().take(8));
    body.push(format!("G62*11*{today}"));
    body.push(format!("G62*17*{arrives}"));
    let scac = order.find("W66").map_or("", |w66| element(w66, 10));
    body.push(format!("W27*M*{}", if scac.is_empty() { "MWFS" } else { scac }));
    let (mut total, mut weight) = (Decimal::ZERO, Decimal::ZERO);
    let lines = order.segments.iter().filter(|segment| element(segment, 0) == "W01");
    for (number, line) in (1_u32..).zip(lines) {
        let ordered: Decimal = element(line, 1).parse().context("W0101 is no quantity")?;
        let short = shortages.iter().find(|short| line.iter().any(|value| value == short.item));
        let missing = short.map_or(Decimal::ZERO, |short| Decimal::from(short.missing)).min(ordered);
        let shipped = ordered - missing;
        // CC: shipment complete; CP: partial, no back order.
        let status = if missing.is_zero() { "CC" } else { "CP" };
        // A case weighs 12.5 pounds in this warehouse.
        let weighs = shipped * Decimal::new(125, 1);
        body.push(format!("LX*{number}"));
        body.push(format!("MAN*GM*{}", sscc(shipment, number)));
        body.push(trimmed(&format!(
            "W12*{status}*{ordered}*{shipped}*{}*{}*{}*{}*{}*L{shipment}{number:02}*{}*G*L*****{}*{}",
            if missing.is_zero() { String::new() } else { missing.to_string() },
            element(line, 2),
            element(line, 3),
            element(line, 4),
            element(line, 5),
            weighs.normalize(),
            element(line, 6),
            element(line, 7),
        )));
        total += shipped;
        weight += weighs;
    }
    ensure!(!total.is_zero() || !shortages.is_empty(), "it has no lines");
    body.push(format!("W03*{total}*{}*LB", weight.normalize()));
    Ok(body)
}

/// Drops empty elements at the end of a segment.
fn trimmed(segment: &str) -> String {
    segment.trim_end_matches('*').to_owned()
}

/// An SSCC behind its application identifier `00`: 20 digits, the last a check digit (GS1, section 7.9).
fn sscc(shipment: u32, carton: u32) -> String {
    let digits = format!("00614141{:07}{:02}", shipment % 10_000_000, carton % 100);
    let sum: u32 = digits
        .bytes()
        .rev()
        .zip([3, 1].into_iter().cycle())
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    format!("00{digits}{}", (10 - sum % 10) % 10)
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}
