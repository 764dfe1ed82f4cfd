//! Rules of a guide that depend on what else a document says: `use 940 N4 M when N101 ST`.

use super::facts::Problem;
use super::guide::{self, Narrowing, When};
use super::set::{NONE, Tables};

/// One rule at one place of a set.
#[derive(Clone, Debug)]
pub(in crate::formats::x12) struct Situation {
    /// The place.
    pub(in crate::formats::x12) leaf: u16,
    /// The element there, 0 for the segment.
    pub(in crate::formats::x12) element: u16,
    /// The component, 0 for the whole element.
    pub(in crate::formats::x12) component: u16,
    /// It must not be there; else it must.
    pub(in crate::formats::x12) unused: bool,
    /// The loop whose every turn is judged for itself.
    pub(in crate::formats::x12) scope: u16,
    /// Definition of the segment that it depends on.
    pub(in crate::formats::x12) trigger: u16,
    /// Element and component of that segment.
    pub(in crate::formats::x12) trigger_place: (u16, u16),
    /// It is the segment itself that the element stands in.
    pub(in crate::formats::x12) is_own: bool,
    /// What the trigger must say; empty: anything.
    pub(in crate::formats::x12) codes: Vec<String>,
    /// The condition in words, such as ``N101 is `ST` or `SF` ``.
    pub(in crate::formats::x12) words: String,
}

impl Situation {
    /// Whether the element that it depends on says so.
    pub(in crate::formats::x12) fn is_met_by(&self, value: &[u8]) -> bool {
        let value = value.trim_ascii();
        !value.is_empty() && (self.codes.is_empty() || self.codes.iter().any(|code| code.as_bytes() == value))
    }
}

/// The rule at each place of the set that it is about and where what it depends on can be known.
pub(super) fn find(tables: &Tables, narrowing: &Narrowing, when: &When) -> Result<Vec<Situation>, Problem> {
    let mut found = Vec::new();
    let (mut has_place, mut has_trigger) = (false, false);
    for (number, leaf) in (0..).zip(&tables.leaves) {
        let Some((element, component)) = tables.place_at(leaf, narrowing) else { continue };
        has_place = true;
        // Whether a loop comes is judged in the loop around it.
        let opened = tables.loops.get(usize::from(leaf.opens)).filter(|_| leaf.opens != NONE && element == 0);
        let scope = opened.map_or(leaf.parent, |opened| opened.parent);
        for trigger in &tables.leaves {
            let definition = tables.dictionary.segment(trigger.definition);
            let place = guide::place_in(&when.designator, &definition.id.text());
            let Some(trigger_place) = place.filter(|place| place.0 > 0 && tables.has(definition, *place))
            else {
                continue;
            };
            has_trigger = true;
            let is_own = element > 0 && trigger.definition == leaf.definition;
            // Of a segment that occurs at several places one is enough.
            if !is_own && !tables.is_inside(scope, trigger.parent) {
                continue;
            }
            found.push(Situation {
                leaf: number,
                element,
                component,
                unused: narrowing.rule.unused,
                scope,
                trigger: trigger.definition,
                trigger_place,
                is_own,
                codes: when.codes.clone(),
                words: words(when),
            });
            break;
        }
    }
    if !has_place {
        return Err(narrowing.nowhere());
    }
    if found.is_empty() {
        let set = &tables.id;
        let message = if has_trigger {
            format!("`{}` is not known where `{}` stands", when.designator, narrowing.designator)
        } else {
            format!("set `{set}` has no `{}`", when.designator)
        };
        let hint = "behind `when` name an element as in `N101`, of the same segment, of one in the same loop, or of one \
                    in a loop around it";
        return Err(Problem::new(narrowing.line, message, hint));
    }
    Ok(found)
}

fn words(when: &When) -> String {
    let codes: Vec<String> = when.codes.iter().map(|code| format!("`{code}`")).collect();
    match codes.split_last() {
        None => format!("{} is filled", when.designator),
        Some((only, [])) => format!("{} is {only}", when.designator),
        Some((last, rest)) => format!("{} is {} or {last}", when.designator, rest.join(", ")),
    }
}
