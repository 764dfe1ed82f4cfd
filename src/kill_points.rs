//! Kill points: named places in the work where a test ends this process as a power cut would, or has it stand still.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::sys::signal::{Signal, raise};

/// Every place there is, in the order that a file passes them. `before` and `after` are of the effect that others see.
pub const ALL: [&str; 34] = [
    "in.list.after",
    "in.sight.after",
    "in.fetch.after",
    "in.archive.before",
    "in.archive.after",
    "in.accept.before",
    "in.accept.after",
    "in.dispose.before",
    "in.hold.after",
    "in.dispose.after",
    "in.disposed.after",
    "process.claim.after",
    "in.unpack.before",
    "in.unpack.after",
    "in.parse.after",
    "ack.match.after",
    "out.freeze.before",
    "out.freeze.after",
    "out.batch.before",
    "out.batch.after",
    "in.canon.before",
    "in.canon.after",
    "out.claim.after",
    "out.begin.after",
    "out.put.before",
    "out.put.after",
    "out.rename.before",
    "out.rename.after",
    "erp.send.before",
    "erp.send.after",
    "out.done.before",
    "out.done.after",
    "ack.due.before",
    "ack.due.after",
];

/// The place that was asked for, how often it is still to be passed, and what happens then.
static ARMED: OnceLock<(String, AtomicUsize, Signal)> = OnceLock::new();

/// Has the process end at the n-th passing of a place, as `name:n` says; `name:n:stop` has it stand still there until it
/// is sent `SIGCONT`.
///
/// # Errors
/// When there is no such place, or the number is none.
pub fn arm(asked: &str) -> Result<(), String> {
    let (place, signal) = match asked.strip_suffix(":stop") {
        Some(place) => (place, Signal::SIGSTOP),
        None => (asked, Signal::SIGKILL),
    };
    let (name, passing) = place.split_once(':').unwrap_or((place, "1"));
    if !ALL.contains(&name) {
        return Err(format!("there is no kill point `{name}`; there are {}", ALL.join(", ")));
    }
    let passing = passing.parse().ok().filter(|passing| *passing > 0);
    let passing: usize =
        passing.ok_or_else(|| format!("`{asked}`: after the colon stands a number from 1 on"))?;
    // Armed once; a second wish changes nothing.
    ARMED.set((name.to_owned(), AtomicUsize::new(passing), signal)).ok();
    Ok(())
}

/// Passes a place. Costs a look at one word where nobody asked for an end.
pub fn pass(name: &'static str) {
    let Some((armed, left, signal)) = ARMED.get() else { return };
    debug_assert!(ALL.contains(&name), "`{name}` is not in the list");
    if armed == name && left.fetch_sub(1, Ordering::AcqRel) == 1 {
        // Nothing is flushed, closed or told: that is the point.
        raise(*signal).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_place_is_told() {
        assert!(arm("in.canon.befor:1").expect_err("it is misspelt").contains("in.canon.before"));
        assert!(arm("in.canon.before:0").is_err());
        assert!(arm("in.canon.before:x").is_err());
    }

    #[test]
    fn every_place_stands_in_the_list_once() {
        let distinct: std::collections::BTreeSet<_> = ALL.iter().collect();
        assert_eq!(distinct.len(), ALL.len());
    }
}
