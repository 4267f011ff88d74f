//! How long tests wait, so that a busy machine changes no verdict: a bound is only there to end a test that hangs.

use std::time::Duration;

/// A signal ends a step within a second on a quiet machine, and within this on a busy one. What the step would otherwise wait
/// for takes longer than this, or never comes.
pub const SIGNALLED: Duration = Duration::from_secs(30);

/// For many writers at once, each of which runs dozens of git processes for every attempt.
pub const RACE: Duration = Duration::from_mins(10);
/// The same as a step's `timeout`.
pub const RACE_TIMEOUT: &str = "10m";

/// Attempts something with ten times as much time, and again, until it was enough for what the test has to see first. The
/// first attempt is enough on a quiet machine; the test judges the last one.
pub fn with_enough_time<T>(first: Duration, attempt: impl Fn(&str) -> T, enough: impl Fn(&T) -> bool) -> T {
    let with = |factor| attempt(&format!("{}ms", (first * factor).as_millis()));
    let mut last = with(1);
    for factor in [10, 100] {
        if enough(&last) {
            break;
        }
        last = with(factor);
    }
    last
}
