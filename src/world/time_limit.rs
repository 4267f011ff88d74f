//! A time limit for all calls of a client together.

use std::time::Duration;

use crate::clock::Stopwatch;

/// The time for a call when the time for all of them is over: the outcome of a write is still read back.
const LAST_READ: Duration = Duration::from_secs(2);

/// The time for all calls of a client together.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimit {
    started: Stopwatch,
    limit: Duration,
}

impl TimeLimit {
    /// Counts from now.
    #[must_use]
    pub fn start(limit: Duration) -> Self {
        Self { started: Stopwatch::start(), limit }
    }

    /// The time for the next call, which may take `most` if there is enough.
    #[must_use]
    pub fn of_next_call(self, most: Duration) -> Duration {
        let least = LAST_READ.min(self.limit).min(most);
        self.limit.saturating_sub(self.started.elapsed()).clamp(least, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_gets_what_is_left_and_always_a_moment() {
        let seconds = Duration::from_secs;
        let hour = TimeLimit::start(seconds(3600));
        assert_eq!(hour.of_next_call(seconds(20)), seconds(20));
        assert!(hour.of_next_call(seconds(7200)) <= seconds(3600));
        assert_eq!(TimeLimit::start(Duration::ZERO).of_next_call(seconds(20)), Duration::ZERO);
        let over = TimeLimit { limit: LAST_READ, ..hour };
        assert_eq!(over.of_next_call(seconds(1)), seconds(1));
        assert!(over.of_next_call(seconds(20)) >= LAST_READ);
    }
}
