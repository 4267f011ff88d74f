//! The running state of one command: clock, wake signal, partial report, writes in flight, dry-run.

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
    pub writes: WritesInFlight,
    /// The end of the time for all reads and writes together.
    pub deadline: Option<Moment>,
}

impl Execution {
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, partial: PartialReport) -> Self {
        Self { clock, wake: Arc::default(), partial, dry_run: false, writes: WritesInFlight::default(), deadline: None }
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

/// How many writes are in flight.
#[derive(Clone, Default)]
pub struct WritesInFlight(Arc<AtomicUsize>);

impl WritesInFlight {
    /// Until the guard is dropped, a signal waits for the outcome of the write instead of ending the process.
    #[must_use]
    pub fn begin(&self) -> WriteInFlight {
        self.0.fetch_add(1, Ordering::AcqRel);
        WriteInFlight(Arc::clone(&self.0))
    }

    #[must_use]
    pub fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

/// A write in flight.
pub struct WriteInFlight(Arc<AtomicUsize>);

impl Drop for WriteInFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
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
}
