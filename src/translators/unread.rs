//! What a document holds that its translator does not keep.

use super::Format;
use super::places::{drops, locate, own_name, place_of};
use super::read::Reader;
use crate::finding::{Finding, Severity};
use crate::tree::{Key, NodeId};

impl Reader<'_> {
    /// Values that nothing has read, as doubts.
    pub(super) fn unread(&self) -> Vec<Finding> {
        let Some(seen) = &self.seen else { return Vec::new() };
        let (mut found, mut open) = (Vec::new(), vec![self.tree.root()]);
        while let Some(node) = open.pop() {
            let mut children: Vec<NodeId> = self.tree.children(node).collect();
            children.reverse();
            open.extend(children);
            if matches!(self.tree.tag(node), "ST" | "SE") && self.format == Format::X12 {
                continue;
            }
            for value in self.tree.values(node) {
                let hierarchy = self.format == Format::X12 && self.tree.tag(node) == "HL";
                if hierarchy
                    || seen.contains(&(node, format!("{:?}", value.key)))
                    || self.dropped(node, value.key)
                {
                    continue;
                }
                let location = locate(self.tree, node, Some(value));
                let place = place_of(self.tree, node, value.key);
                found.push(Finding {
                    code: "value_not_kept",
                    severity: Severity::Warning,
                    location,
                    message: format!("{place} is not kept by the translator"),
                    hint: format!(
                        "bind it to a field, such as `extra.{}`, or name it in `drops`",
                        own_name(&place)
                    ),
                    value: value.text.chars().take(99).collect(),
                    ack_code: String::new(),
                });
            }
        }
        found
    }

    fn dropped(&self, node: NodeId, key: Key<'_>) -> bool {
        self.program.drops.iter().any(|(path, _)| drops(self.tree, path, node, key))
    }
}
