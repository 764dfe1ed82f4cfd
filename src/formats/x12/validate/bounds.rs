//! LS and LE name the loop between them.

use super::sink::Sink;
use crate::formats::x12::fault::{Code, Fault};
use crate::formats::x12::schema::{NONE, Tables};
use crate::formats::x12::segment::{Segment, SegmentId};

pub(super) const LS: SegmentId = SegmentId::new(b"LS");
pub(super) const LE: SegmentId = SegmentId::new(b"LE");

/// The loop that an LS opened, as it named it.
#[derive(Debug, Default)]
pub(super) struct Bounds {
    open: Option<Box<[u8]>>,
}

impl Bounds {
    pub(super) fn begin(&mut self) {
        self.open = None;
    }

    /// Takes a segment that has found its place, `leaf`.
    #[inline]
    pub(super) fn take(
        &mut self,
        id: SegmentId,
        segment: &Segment<'_>,
        leaf: Option<u16>,
        tables: &Tables,
        sink: &mut Sink<'_>,
    ) {
        if id == LS {
            self.open(segment, leaf, tables, sink);
        } else if id == LE {
            self.close(segment, sink);
        }
    }

    #[cold]
    fn open(&mut self, segment: &Segment<'_>, leaf: Option<u16>, tables: &Tables, sink: &mut Sink<'_>) {
        let named = segment.element(1).trim_ascii();
        self.open = Some(named.into());
        // The loop begins right behind.
        let behind = leaf.and_then(|leaf| tables.leaves.get(usize::from(leaf) + 1));
        let Some(bounded) = behind.map(|leaf| leaf.bounded).filter(|bounded| *bounded != NONE) else {
            return;
        };
        let bounded = tables.loop_at(bounded);
        let opener = tables.dictionary.segment(tables.leaf(bounded.opener).definition).id.text();
        // Some directories call a loop by its number, some by the segment that opens it.
        if !named.is_empty() && named != bounded.id.as_bytes() && named != opener.as_bytes() {
            let either = if *bounded.id == *opener { String::new() } else { format!(" or `{opener}`") };
            tell(segment, format!("`{}`{either}, the loop that follows", bounded.id), sink);
        }
    }

    #[cold]
    fn close(&mut self, segment: &Segment<'_>, sink: &mut Sink<'_>) {
        let named = segment.element(1).trim_ascii();
        if let Some(open) = self.open.take()
            && !named.is_empty()
            && *open != *named
        {
            tell(segment, format!("`{}` as in LS01", String::from_utf8_lossy(&open)), sink);
        }
    }
}

fn tell(segment: &Segment<'_>, expected: String, sink: &mut Sink<'_>) {
    sink.add(Code::LoopIdWrong, |severity| Fault {
        severity,
        element_number: 447,
        ..Fault::of_element(Code::LoopIdWrong, segment, 1).expecting(expected)
    });
}
