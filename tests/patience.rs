//! Time limits of tests. They only end a test that hangs, so that a busy machine changes no verdict.

use std::time::Duration;

/// A signal ends a step within a second on a quiet machine, and within this time on a busy one. Without the signal the step
/// would wait for longer than this.
pub const SIGNALLED: Duration = Duration::from_secs(30);

/// For many writers at once, each of which runs dozens of git processes for every attempt.
pub const RACE: Duration = Duration::from_mins(10);
/// The same as a step's `timeout`.
pub const RACE_TIMEOUT: &str = "10m";

/// Repeats an attempt with ten times as much time until `enough` holds, at most twice; returns the last result. On a quiet
/// machine the first attempt is enough.
pub fn with_enough_time<T>(first: Duration, attempt: impl Fn(&str) -> T, enough: impl Fn(&T) -> bool) -> T {
    let run = |factor| attempt(&format!("{}ms", (first * factor).as_millis()));
    let mut last = run(1);
    for factor in [10, 100] {
        if enough(&last) {
            break;
        }
        last = run(factor);
    }
    last
}
