//! A user's guide: a narrower or wider use of a release, or sets and segments of its own.
//!
//! ```text
//! guide acme-940
//! release 004010
//! for 004010ACME
//! use 940 W66 not used             the segment must not be sent
//! use 940 N9 M max 5               it must, at most five times
//! use 940 0310/N9 max 2            only the N9 of loop 0310
//! use 940 N103 M codes 9 92        an element of N1: mandatory, only these codes
//! use 940 W0502 2/10               from 2 to 10 characters
//! use 850 REF04-02 not used        a component
//! use 945 N1 O                     what the standard asks for and this partner leaves out
//! use 940 N4 M when N101 ST SF     must be sent in a loop whose N1 says one of these
//! use 940 N104 not used when N103 1  must not be filled where another element says so
//! use 810 ITD M when BIG07         where another element is filled
//! codes 368 + G P                  codes that this partner has beside the standard's
//! element 156 ID 2/20              other lengths, wherever the element is used
//! ```

use super::element::CodeLists;
use super::facts::{self, Problem};

/// One `use` line.
#[derive(Clone, Debug)]
pub(super) struct Narrowing {
    pub(super) line: u32,
    pub(super) set: String,
    pub(super) loop_id: Option<String>,
    /// A segment id, or one with element and component such as `N103` or `REF04-02`.
    pub(super) designator: String,
    pub(super) rule: Rule,
}

/// What a `use` line says.
#[derive(Clone, Debug, Default)]
pub(super) struct Rule {
    pub(super) unused: bool,
    pub(super) mandatory: Option<bool>,
    pub(super) lengths: Option<(u32, u32)>,
    pub(super) max: Option<u32>,
    pub(super) codes: Vec<String>,
    /// It only holds where another element says so.
    pub(super) when: Option<When>,
}

/// The element that a rule depends on.
#[derive(Clone, Debug)]
pub(super) struct When {
    pub(super) designator: String,
    /// What it must say; empty: anything.
    pub(super) codes: Vec<String>,
}

/// The narrower use of one segment at one place of a set.
#[derive(Clone, Debug, Default)]
pub(in crate::formats::x12) struct SegmentRule {
    pub(in crate::formats::x12) unused: bool,
    pub(in crate::formats::x12) elements: Vec<ElementRule>,
}

/// The narrower use of one element or component.
#[derive(Clone, Debug)]
pub(in crate::formats::x12) struct ElementRule {
    pub(in crate::formats::x12) element: u16,
    /// 0 for the element as a whole.
    pub(in crate::formats::x12) component: u16,
    pub(in crate::formats::x12) unused: bool,
    pub(in crate::formats::x12) mandatory: bool,
    /// The guide lets go what the standard asks for.
    pub(in crate::formats::x12) optional: bool,
    pub(in crate::formats::x12) lengths: Option<(u32, u32)>,
    codes: Option<CodeLists>,
}

impl ElementRule {
    /// Whether the guide allows the code.
    pub(in crate::formats::x12) fn allows(&self, code: &[u8]) -> bool {
        self.codes.as_ref().is_none_or(|codes| codes.contains(0, code))
    }

    /// The codes the guide allows, in order.
    pub(in crate::formats::x12) fn list_codes(&self) -> Vec<String> {
        self.codes.as_ref().map(|codes| codes.list(0)).unwrap_or_default()
    }
}

/// Reads what follows `use`.
pub(super) fn narrowing<'a>(
    mut words: impl Iterator<Item = &'a str>,
    line: u32,
) -> Result<Narrowing, Problem> {
    let (Some(set), Some(path)) = (words.next(), words.next()) else {
        return Err(Problem::new(
            line,
            "`use` needs a set and a place in it",
            "write it as in `use 940 N103 M codes 9 92`",
        ));
    };
    let (loop_id, designator) = match path.split_once('/') {
        Some((loop_id, designator)) => (Some(loop_id.to_owned()), designator),
        None => (None, path),
    };
    let mut rule = Rule::default();
    let words: Vec<&str> = words.collect();
    let mut parts = words.splitn(2, |word| *word == "when");
    let mut words = parts.next().unwrap_or_default().iter().copied();
    while let Some(word) = words.next() {
        match word {
            "not" if words.next() == Some("used") => rule.unused = true,
            "M" | "O" => rule.mandatory = Some(word == "M"),
            "max" => {
                let max = words.next().and_then(|max| max.parse().ok()).filter(|max| *max > 0);
                let hint = "write it as in `max 5`; to forbid it write `not used`";
                rule.max =
                    Some(max.ok_or_else(|| Problem::new(line, "`max` needs a number from 1 on", hint))?);
            }
            "codes" => rule.codes = facts::codes(words.by_ref(), line)?,
            lengths if lengths.contains('/') => rule.lengths = Some(facts::lengths(lengths, line)?),
            other => {
                return Err(Problem::new(
                    line,
                    format!("`{other}` has no meaning here"),
                    "a use may say: not used, M, O, max 5, 1/10 (lengths), codes A B C, when N101 ST",
                ));
            }
        }
    }
    if let Some(when) = parts.next() {
        let Some((element, codes)) = when.split_first() else {
            let hint = "write it as in `M when N101 ST SF`, or `M when N103` for anything that fills it";
            return Err(Problem::new(line, "`when` needs an element", hint));
        };
        let plain = rule.max.is_none() && rule.lengths.is_none() && rule.codes.is_empty();
        if !plain || rule.unused == (rule.mandatory == Some(true)) || rule.mandatory == Some(false) {
            let hint = "write `M when …` or `not used when …`, and what else holds to a line of its own";
            return Err(Problem::new(line, "only `M` and `not used` may depend on another element", hint));
        }
        let codes = codes.iter().map(|code| (*code).to_owned()).collect();
        rule.when = Some(When { designator: (*element).to_owned(), codes });
    }
    Ok(Narrowing { line, set: set.into(), loop_id, designator: designator.into(), rule })
}

impl Narrowing {
    /// What to say of a line whose place the set does not have.
    pub(super) fn nowhere(&self) -> Problem {
        let place = match &self.loop_id {
            Some(id) => format!("`{id}/{}`", self.designator),
            None => format!("`{}`", self.designator),
        };
        Problem::new(
            self.line,
            format!("set `{}` has no {place}", self.set),
            "name a segment of the set, an element as in `N103` or a component as in `REF04-02`, with \
             the loop in front as in `0310/N9` where only that loop is meant",
        )
    }

    /// Element and component of the designator behind `segment`; none when it names another segment.
    pub(super) fn place_in(&self, segment: &str) -> Option<(u16, u16)> {
        place_in(&self.designator, segment)
    }
}

/// Element and component of a designator behind `segment`, both 0 for the segment; none when it names another one.
pub(super) fn place_in(designator: &str, segment: &str) -> Option<(u16, u16)> {
    let rest = designator.strip_prefix(segment)?;
    if rest.is_empty() {
        return Some((0, 0));
    }
    let (element, component) = match rest.split_once('-') {
        Some((element, component)) => (element, component.parse().ok().filter(|number| *number > 0)?),
        None => (rest, 0),
    };
    if element.len() != 2 {
        return None;
    }
    Some((element.parse().ok().filter(|number| *number > 0)?, component))
}

impl SegmentRule {
    /// A bit for each element that the guide makes optional, element 1 is bit 0.
    pub(in crate::formats::x12) fn let_go(&self) -> u64 {
        let let_go = self.elements.iter().filter(|rule| rule.optional && rule.component == 0);
        let_go.fold(0, |mask, rule| mask | 1_u64 << (rule.element - 1).min(63))
    }

    /// Adds what a `use` line says of an element.
    pub(super) fn narrow(&mut self, element: u16, component: u16, rule: &Rule) {
        let codes = (!rule.codes.is_empty()).then(|| CodeLists::of(rule.codes.iter().map(String::as_str)));
        self.elements.push(ElementRule {
            element,
            component,
            unused: rule.unused,
            mandatory: rule.mandatory == Some(true),
            optional: rule.mandatory == Some(false),
            lengths: rule.lengths,
            codes,
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::x12::schema::Schemas;

    #[test]
    fn every_line_that_is_shown_is_taken() {
        let here = include_str!("guide.rs").lines().filter_map(|line| line.strip_prefix("//! "));
        // What a line means stands behind it.
        let here = here.filter_map(|line| line.split("  ").next());
        let page = include_str!("../../../../docs/guides/x12-guides.md").lines();
        let page = page.filter_map(|line| line.strip_prefix("| `")?.split('`').next());
        let lines: Vec<&str> = here
            .chain(page)
            .filter(|line| {
                ["use ", "codes ", "element ", "segment "].iter().any(|word| line.starts_with(word))
            })
            .collect();
        assert!(lines.len() > 15, "{lines:?}");
        for line in lines {
            let guide = format!("guide shown\nrelease 004010\n{line}\n");
            assert_eq!(Schemas::builtin().load_guide(&guide, "shown.guide"), Ok(()), "{line}");
        }
    }
}
