//! Doubts about a program: what is read in several ways and written in one.

use super::definition::WriteWhen;
use super::path::{At, Path, Step};
use super::program::{Block, Program};
use super::spot::Spot;
use crate::finding::Finding;

/// Places and loops that accept several codes, where no field keeps which one it was.
pub(super) fn lossy_conditions(program: &Program) -> Vec<Finding> {
    let mut found = Vec::new();
    for block in &program.blocks {
        let written =
            block.bindings.iter().filter(|binding| binding.read && binding.write != WriteWhen::Never);
        for binding in written {
            let keeps = |at: &At| {
                block
                    .bindings
                    .iter()
                    .any(|other| *at == other.path.at && other.path.steps == binding.path.steps)
            };
            found.extend(binding.path.steps.iter().filter_map(|step| doubt(step, &binding.spot, keeps)));
        }
        for each in block.eaches.iter().filter(|each| each.write) {
            let inner = program.blocks.get(each.block);
            let keeps = |at: &At| inner.is_some_and(|inner| is_kept(inner, at));
            found.extend(each.steps.last().and_then(|step| doubt(step, &each.spot, keeps)));
        }
    }
    found
}

/// Whether a block keeps a value of its own node.
fn is_kept(block: &Block, at: &At) -> bool {
    let own = |path: &Path| path.ups == 0 && path.steps.len() <= 1 && path.steps.iter().all(Step::is_plain);
    block.bindings.iter().any(|binding| binding.path.at == *at && own(&binding.path))
}

fn doubt(step: &Step, spot: &Spot, keeps: impl Fn(&At) -> bool) -> Option<Finding> {
    let condition =
        step.conditions.iter().find(|condition| condition.allowed.len() > 1 && !keeps(&condition.at))?;
    let first = condition.allowed.first()?;
    let message = format!("{step} accepts {}, but only `{first}` is written", condition.allowed.join(", "));
    Some(spot.doubt(
        "lossy_condition",
        message,
        "bind a field to the code, or give each code a place of its own",
    ))
}
