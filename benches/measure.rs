//! Times contestants side by side, in processor time, so that other work on the machine counts little.

use std::time::Duration;

/// Runs of each contestant.
pub(crate) const ROUNDS: usize = 7;

/// One way of doing the work.
pub(crate) struct Contestant<'c> {
    name: &'static str,
    run: Box<dyn FnMut() + 'c>,
}

/// A contestant by its name.
pub(crate) fn contestant<'c>(name: &'static str, run: impl FnMut() + 'c) -> Contestant<'c> {
    Contestant { name, run: Box::new(run) }
}

/// Runs all contestants once to warm up and then in turns, and prints for each the best and the median rate, and how
/// many times as fast the first one is.
pub(crate) fn compare(what: &str, bytes: usize, mut contestants: Vec<Contestant<'_>>) {
    println!("\n{what}, {} MB: MB/s of processor time, best of {ROUNDS} (median)", bytes / 1_000_000);
    let mut times = vec![Vec::with_capacity(ROUNDS); contestants.len()];
    for round in 0..=ROUNDS {
        for (contestant, times) in contestants.iter_mut().zip(&mut times) {
            let time = time(&mut contestant.run);
            if round > 0 {
                times.push(time);
            }
        }
    }
    let rate = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
    let mut first = None;
    for (contestant, times) in contestants.iter().zip(&mut times) {
        times.sort_unstable();
        let (best, median) = (rate(times[0]), rate(times[ROUNDS / 2]));
        let first = *first.get_or_insert(best);
        println!("  {:<44} {best:>7.0} ({median:.0}) {:>8.1} x", contestant.name, first / best);
    }
}

/// What a run takes.
pub(crate) fn time(mut run: impl FnMut()) -> Duration {
    let start = processor_time();
    run();
    processor_time() - start
}

/// What this thread has used.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn processor_time() -> Duration {
    nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID.now().expect("the system counts it").into()
}

/// Where the system does not count what one thread has used: how long it takes.
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn processor_time() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}
