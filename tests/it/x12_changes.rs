//! One segment taken out, doubled, or exchanged with the next: what must be told of it is worked out from the schema
//! by a plain and slow model, which shares nothing with the validator but the schema.

use crate::x12_reader::{fixtures, read};
use crossdock::formats::x12::fault::{Code, Level};
use crossdock::formats::x12::reader::{self, Options};
use crossdock::formats::x12::schema::{Child, LoopId, Set};
use crossdock::formats::x12::verdict::Group;
use std::path::Path;

#[test]
fn a_segment_taken_out_doubled_or_exchanged_is_told_as_the_schema_says() {
    let (mut foretold, mut guessed) = (0, 0);
    for path in fixtures("x12_validate/valid") {
        let text = String::from_utf8(read(&path)).expect("fixtures are ASCII");
        let lines: Vec<&str> = text.split_inclusive("~\n").collect();
        let places =
            |id: &str| -> Vec<usize> { (0..lines.len()).filter(|at| tag(lines[*at]) == id).collect() };
        for (number, (first, last)) in places("ST").into_iter().zip(places("SE")).enumerate() {
            for at in first + 1..last {
                let mut without = lines.clone();
                without.remove(at);
                check(&path, number, (first, last - 1), &without, &mut foretold, &mut guessed);
                let mut twice = lines.clone();
                twice.insert(at, lines[at]);
                check(&path, number, (first, last + 1), &twice, &mut foretold, &mut guessed);
                if at + 1 < last {
                    let mut exchanged = lines.clone();
                    exchanged.swap(at, at + 1);
                    check(&path, number, (first, last), &exchanged, &mut foretold, &mut guessed);
                }
            }
        }
    }
    assert!(foretold > 1_100 && guessed < foretold, "{foretold} changes foretold, {guessed} not");
}

/// Holds a changed document against the model. `number` is its place in the file, `first` and `last` its lines.
fn check(
    path: &Path,
    number: usize,
    (first, last): (usize, usize),
    lines: &[&str],
    foretold: &mut u32,
    guessed: &mut u32,
) {
    let options = Options::default();
    let file = reader::validate(lines.concat().as_bytes(), &options);
    let groups = file.interchanges.iter().flat_map(|interchange| &interchange.groups);
    let (group, set) = groups
        .flat_map(|group: &Group| group.sets.iter().map(move |set| (group, set)))
        .nth(number)
        .expect("no change removes a document");
    let body: Vec<&str> = lines[first..=last].iter().map(|line| tag(line)).collect();
    let name = format!("{}: {}", path.display(), body.join(" "));
    let schema = options.schemas.find_set(&group.version, None, &set.id).expect("its release has it");

    let count = u32::try_from(body.len()).expect("fixtures are small");
    assert_eq!(set.segments, count, "{name}");
    let declared = lines[last].split(['*', '~']).nth(1).and_then(|text| text.parse().ok());
    let miscounted = set.faults.iter().filter(|fault| fault.code == Code::SegmentCountWrong).count();
    assert_eq!(miscounted, usize::from(declared != Some(count)), "{name}");

    let is_of_order = |code: Code| code.level() == Level::Segment && code != Code::TrailingSeparators;
    let of_order = set.faults.iter().filter(|fault| is_of_order(fault.code));
    let mut told: Vec<(Code, String)> = of_order.map(|fault| (fault.code, fault.segment.text())).collect();
    told.sort();
    let mut model = Model::of(schema);
    let lost: Vec<&str> = body.into_iter().filter(|id| !model.take(id)).collect();
    if lost.is_empty() {
        model.told.sort();
        assert_eq!(told, model.told, "{name}");
        *foretold += 1;
    } else {
        // How to go on after a segment that has no place is a matter of taste; that something is told is not. It is
        // about that segment, or about one that should have stood before it.
        let most = lost.len() + model.told.len() + 2;
        assert!(!told.is_empty() && told.len() <= most, "{name} has no place for {lost:?}: {told:?}");
        let names_it = told
            .iter()
            .any(|(code, id)| lost.contains(&id.as_str()) || *code == Code::MandatorySegmentMissing);
        assert!(names_it, "{name} has no place for {lost:?}: {told:?}");
        *guessed += 1;
    }
}

fn tag(line: &str) -> &str {
    line.split(['*', '~']).next().unwrap_or_default()
}

/// The rules of the standard, taken literally: a segment is looked for from the innermost open loop outwards, at or
/// after the place reached there.
struct Model<'s> {
    set: &'s Set,
    open: Vec<Turn>,
    told: Vec<(Code, String)>,
}

/// One turn of a loop.
struct Turn {
    children: Vec<Step>,
    /// The child reached, and the uses of each.
    at: usize,
    uses: Vec<u32>,
}

#[derive(Clone)]
struct Step {
    id: String,
    mandatory: bool,
    max: u32,
    inner: Option<LoopId>,
}

impl<'s> Model<'s> {
    fn of(set: &'s Set) -> Self {
        let mut model = Self { set, open: Vec::new(), told: Vec::new() };
        model.begin(LoopId::ROOT, 0);
        model
    }

    fn begin(&mut self, of: LoopId, uses_of_first: u32) {
        let set = self.set;
        let children: Vec<Step> = set
            .children(of)
            .map(|child| match child {
                Child::Segment(used) => {
                    Step { id: used.segment.text(), mandatory: used.mandatory, max: used.max, inner: None }
                }
                Child::Loop(inner) => {
                    let (mandatory, max) = set.repeat(inner);
                    let id = set.opener(inner).expect("a loop has an opener").text();
                    Step { id, mandatory, max, inner: Some(inner) }
                }
            })
            .collect();
        let mut uses = vec![0; children.len()];
        uses[0] = uses_of_first;
        self.open.push(Turn { children, at: 0, uses });
    }

    /// Whether the next segment has a place; what is wrong with it is told.
    fn take(&mut self, id: &str) -> bool {
        let mut full = None;
        let mut found = None;
        for depth in (0..self.open.len()).rev() {
            let turn = &self.open[depth];
            // What opens a loop again is found in the loop around it.
            let from = if depth == 0 { turn.at } else { turn.at.max(1) };
            for at in (from..turn.children.len()).filter(|at| turn.children[*at].id == id && turn.admits(*at))
            {
                if turn.uses[at] < turn.children[at].max {
                    found = found.or(Some((depth, at)));
                } else {
                    full = full.or(Some((depth, at)));
                }
            }
            if found.is_some() {
                break;
            }
        }
        let Some((depth, at)) = found.or(full) else { return false };
        if self.open[depth..]
            .iter()
            .rev()
            .zip((depth..self.open.len()).rev())
            .any(|(turn, inner)| turn.leaves_bounds(if inner == depth { at } else { turn.children.len() }))
        {
            return false;
        }
        for left in self.open.drain(depth + 1..).rev() {
            self.told.extend(left.missing(left.children.len()));
        }
        let turn = &mut self.open[depth];
        self.told.extend(turn.missing(at));
        turn.at = at;
        turn.uses[at] += 1;
        let step = turn.children[at].clone();
        if turn.uses[at] == step.max.saturating_add(1) {
            // Once, however many follow.
            let code = if step.inner.is_some() { Code::LoopOverMaximum } else { Code::SegmentOverMaximum };
            self.told.push((code, id.to_owned()));
        }
        if let Some(inner) = step.inner {
            self.begin(inner, 1);
        }
        true
    }
}

impl Turn {
    /// What must come after the place reached and before that child, and did not.
    fn missing(&self, before: usize) -> impl Iterator<Item = (Code, String)> {
        let passed = (self.at + 1).min(before)..before;
        let due = passed.filter(|at| self.children[*at].mandatory && self.uses[*at] == 0);
        due.map(|at| (Code::MandatorySegmentMissing, self.children[at].id.clone()))
    }

    /// The LS and LE around a child.
    fn bounds(&self, at: usize) -> Option<(usize, usize)> {
        let is = |at: &usize, id: &str| self.children[*at].id == id;
        let start = (0..at).rev().find(|at| is(at, "LS"))?;
        let end = (start..self.children.len()).find(|at| is(at, "LE"))?;
        (at <= end).then_some((start, end))
    }

    /// What stands between LS and LE comes only after an LS.
    fn admits(&self, at: usize) -> bool {
        self.bounds(at).is_none_or(|(start, end)| self.uses[start] > 0 && (at != end || self.uses[end] == 0))
    }

    /// Whether going on to `to` forgets the LE.
    fn leaves_bounds(&self, to: usize) -> bool {
        let started = if self.children[self.at].id == "LS" { self.at + 1 } else { self.at };
        self.bounds(started)
            .is_some_and(|(start, end)| self.uses[start] > 0 && self.uses[end] == 0 && to > end)
    }
}
