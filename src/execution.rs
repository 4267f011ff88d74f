//! The running state of one command: clock, wake signal, partial report, writes, dry-run.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{
    clock::{Clock, Moment, WakeSignal, rfc3339},
    report::partial::PartialReport,
};

/// Shared by a command, the two loops and the supervisor. Cheap to clone.
#[derive(Clone)]
pub struct Execution {
    pub clock: Arc<dyn Clock>,
    pub wake: Arc<WakeSignal>,
    pub partial: PartialReport,
    pub dry_run: bool,
    pub writes: Writes,
    /// The end of the time for all reads and writes together.
    pub deadline: Option<Moment>,
}

impl Execution {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, partial: PartialReport) -> Self {
        Self { clock, wake: Arc::default(), partial, dry_run: false, writes: Writes::default(), deadline: None }
    }

    /// The same, with `limit` from now for all reads and writes together. An earlier end stays.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        let deadline = self.clock.now() + limit;
        Self { deadline: Some(self.deadline.map_or(deadline, |earlier| earlier.min(deadline))), ..self.clone() }
    }

    /// The time that is left, at most `limit`.
    #[must_use]
    pub fn time_left(&self, limit: Duration) -> Duration {
        self.deadline.map_or(limit, |deadline| deadline.saturating_sub(self.clock.now()).min(limit))
    }

    /// The current time in RFC 3339, as findings and reports record it.
    #[must_use]
    pub fn wall(&self) -> String {
        rfc3339(self.clock.wall())
    }
}

/// The writes of a command, counted.
#[derive(Clone, Default)]
pub struct Writes(Arc<WriteCounts>);

#[derive(Default)]
struct WriteCounts {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

impl Writes {
    /// Until the guard is dropped, the write is in flight: a signal waits for its outcome instead of ending the process.
    #[must_use]
    pub fn begin(&self) -> WriteInFlight {
        self.0.begun.fetch_add(1, Ordering::AcqRel);
        WriteInFlight(Arc::clone(&self.0))
    }

    /// How many have ended.
    #[must_use]
    pub fn ended(&self) -> usize {
        self.0.ended.load(Ordering::Acquire)
    }

    /// Whether one was in flight when `ended` had ended, or has begun since.
    #[must_use]
    pub fn any_since(&self, ended: usize) -> bool {
        self.0.begun.load(Ordering::Acquire) > ended
    }
}

/// A write in flight.
pub struct WriteInFlight(Arc<WriteCounts>);

impl Drop for WriteInFlight {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::{clock::tests::LeapClock, report::Report};

    /// An execution whose clock leaps.
    pub fn test_execution() -> Execution {
        Execution::new(Arc::new(LeapClock::default()), PartialReport::new(Report::open("test", String::new())))
    }

    #[test]
    fn a_write_counts_if_it_was_in_flight_or_began_later() {
        let writes = test_execution().writes;
        drop(writes.begin());
        let ended = writes.ended();
        assert!(!writes.any_since(ended));
        let write = writes.begin();
        assert!(writes.any_since(ended));
        drop(write);
        assert!(writes.any_since(ended));
        assert!(!writes.any_since(writes.ended()));
    }
}
